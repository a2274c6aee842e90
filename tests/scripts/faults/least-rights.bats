#!/usr/bin/env bats
# Rights: the README's Roles are enough, and what is missing is named.

load ../helpers/cluster_per_test

DEPLOYMENT=ms-inference-scheduling-llm-d-modelservice-decode

# The Roles in the README, as a JSON array.
readme_roles() {
  # shellcheck disable=SC2016 # the backticks are Markdown's
  sed -n '/^```yaml$/,/^```$/p' "$PROJECT/README.md" | sed -n '/kind: Role$/,/^```$/p' | sed '/^```$/d' >"$BATS_TEST_TMPDIR/roles.yaml"
  yq --output-format=json . "$BATS_TEST_TMPDIR/roles.yaml" | jq -cs .
}

allow_only() { order allow-only "\"roles\": $1" >/dev/null; }

@test "with the Roles of the README a run is complete, and nothing is refused" {
  roles="$(readme_roles)"
  [ "$(jq length <<<"$roles")" -eq 2 ]
  allow_only "$roles"
  run_config "$(make_config rights model-based "first 0 60 10")"
  [ "$status" -eq 0 ]
  [[ "$output" == *"ok    allowed: everything that this run does"* ]]
  ! grep -qi forbidden "$(run_directory)/run.log" || false
  jq -e '.complete and .failed_polls == 0' "$(run_directory)/collection.json"
  jq -se 'all(.[]; .deployment.ready == 1 and (.variants | length == 1))' "$(run_directory)/cluster-samples.jsonl"
  [ "$(jobs_left)" -eq 0 ]
}

@test "without the right to create Jobs: status 3, and which one is missing" {
  allow_only "$(readme_roles | jq -c 'map(.rules |= map(.verbs -= ["create"]))')"
  run_config "$(make_config rights model-based "first 0 60 10")"
  [ "$status" -eq 3 ]
  [[ "$output" == *"FAIL  not allowed: create jobs.batch in $NAMESPACE"* ]]
  [[ "$output" != *"not allowed: delete"* ]]
}

@test "without what is not essential a run is complete, and says what it did without" {
  allow_only "$(readme_roles | jq -c 'map(.rules |= map(select(.resources | IN(["events"], ["leases"], ["scaledobjects"]) | not)))')"
  run_config "$(make_config rights model-based "first 0 60 10")"
  [ "$status" -eq 0 ]
  [[ "$output" == *"warn  not allowed: list events in $NAMESPACE"* ]]
  jq -e .complete "$(run_directory)/collection.json"
}

@test "without a look at the VariantAutoscalings a run is complete, and nobody says that there are none" {
  allow_only "$(readme_roles | jq -c 'map(.rules |= map(select(.resources != ["variantautoscalings"])))')"
  run_config "$(make_config rights model-based "first 0 60 10")"
  [ "$status" -eq 0 ]
  [[ "$output" == *"warn  not allowed: list variantautoscalings.llmd.ai in $NAMESPACE"* ]]
  [[ "$output" == *"?     variant of $DEPLOYMENT: not checked, not allowed: list variantautoscalings.llmd.ai in $NAMESPACE"* ]]
  [[ "$output" != *"WVA knows no variant"* ]]
  [ ! -e "$(run_directory)/cluster/before/variantautoscalings.json" ]
  jq -e '.["variantautoscalings.llmd.ai"] | startswith("not allowed")' "$(run_directory)/cluster/before/unseen.json"
  jq -se 'all(.[]; .variants == null and .hpa != null)' "$(run_directory)/cluster-samples.jsonl"
}

@test "a user without any right is told that, and nothing that nobody has looked at" {
  allow_only '[]'
  run "$PROJECT/run-experiment.sh" --kubeconfig "$KUBECONFIG" --dry-run "$(make_config rights model-based "first 0 60 10")" </dev/null
  echo "$output"
  [ "$status" -eq 3 ]
  [[ "$output" == *"FAIL  nothing is allowed in namespace $NAMESPACE, if there is one of that name"* ]]
  [[ "$output" == *"FAIL  nothing is allowed in namespace $CONTROLLERS, if there is one of that name"* ]]
  # All else is not checked, and says why.
  said="$(sed -n '/checks:/,$p' <<<"$output" | grep -vE '  (ok    kubectl|FAIL  nothing is allowed|      ->)|checks:|ERROR')"
  [ "$(wc -l <<<"$said")" -ge 8 ]
  ! grep -vE '  [?]     .*: not checked, ' <<<"$said" || false
}

@test "rights are asked for of types that the cluster has: the README's Roles without KEDA" {
  roles="$(readme_roles)"
  kubectl delete customresourcedefinition scaledobjects.keda.sh
  allow_only "$roles"
  run "$PROJECT/run-experiment.sh" --kubeconfig "$KUBECONFIG" --dry-run "$(make_config rights model-based "first 0 60 10")" </dev/null
  echo "$output"
  [ "$status" -eq 0 ]
  [[ "$output" == *"ok    allowed: everything that this run does"* ]]
  [[ "$output" != *keda* ]]
}

@test "what cannot be read of the controller is not checked: neither its mode nor its log level" {
  allow_only "$(readme_roles | jq -c --arg ns "$CONTROLLERS" 'map(if .metadata.namespace == $ns
    then .rules |= map(select(.resources | IN(["pods/log"], ["configmaps"]) | not)) else . end)')"
  run "$PROJECT/run-experiment.sh" --kubeconfig "$KUBECONFIG" --dry-run "$(make_config rights capacity-based "first 0 60 10")" </dev/null
  echo "$output"
  [ "$status" -eq 3 ]
  [[ "$output" == *"FAIL  not allowed: get pods/log in $CONTROLLERS"* ]]
  [[ "$output" != *"controller mode is"* ]] # it is by its settings, or is not told
}

@test "with --keep-jobs the right to suspend them is needed" {
  roles="$(readme_roles)"
  allow_only "$(jq -c 'map(.rules |= map(.verbs -= ["patch"]))' <<<"$roles")"
  run "$PROJECT/run-experiment.sh" --kubeconfig "$KUBECONFIG" --dry-run --keep-jobs "$(make_config rights model-based "first 0 60 10")" </dev/null
  [ "$status" -eq 3 ]
  [[ "$output" == *"FAIL  not allowed: patch jobs.batch in $NAMESPACE"* ]]
  run "$PROJECT/run-experiment.sh" --kubeconfig "$KUBECONFIG" --dry-run "$BATS_TEST_TMPDIR/rights.yaml" </dev/null
  [ "$status" -eq 0 ]
}

# slow_config: a Job that does not end is to be stopped after a while, then comes a good one.
slow_config() {
  local config
  order job-unschedulable '"match": "load-slow"' >/dev/null
  config="$(make_config revoked model-based "slow 10 250" "good 10 100")"
  echo 'timeout: 60' >>"$config"
  echo "$config"
}

# revoke: the right to stop a load, as soon as it runs.
revoke() {
  wait_until has_pod_of slow
  order deny '"verb": "delete", "resource": "jobs"'
} 3>&- >/dev/null

revoke_and_return() {
  revoke
  wait_until grep -rq "could not be deleted" "$BATS_TEST_TMPDIR/data"
  order clear
} 3>&- >/dev/null

@test "rights that are revoked while a run goes on: what could not be stopped is told, and tried until the end" {
  revoke_and_return &
  run_config "$(slow_config)"
  [ "$status" -eq 4 ]
  [[ "$output" == *"Job load-slow-"*" of slow could not be deleted, trying again: "*forbidden* ]]
  [[ "$output" == *"stopped at last: slow"* ]]
  [ "$(field '.workloads[] | "\(.name) \(.result)"' | paste -s -d , -)" = "slow failed,good complete" ]
  jq -e '.workloads[0] | .end > .start and (.reason | contains("still there") | not)' "$(run_directory)/run.json"
  [ "$(jobs_left)" -eq 0 ]
}

@test "rights that stay revoked: the result says that the load was not stopped, and the run what remains" {
  revoke &
  run_config "$(slow_config)"
  [ "$status" -eq 4 ]
  [ "$(field '.workloads[] | "\(.name) \(.result) \(.end == null)"' | paste -s -d , -)" = "slow not-stopped true,good complete false" ]
  [[ "$(field '.workloads[0].reason')" == "not complete within its timeout of 60 s"*"; its Job is still there: "*forbidden* ]]
  [[ "$output" == *"Jobs of this run may still be there: kubectl delete jobs --namespace $NAMESPACE --selector wva-experiments/run="* ]]
  grep -q not-stopped "$(run_directory)/README.md"
}

@test "pods that nobody may list any more: the Job itself tells how it ends, and nothing is said of its pods" {
  deny_pods &
  run_config "$(make_config blind model-based "first 0 60 10")"
  order clear
  [ "$status" -eq 5 ] # of the controller's pods, too
  [ "$(grep -c 'the pods of the load cannot be looked at' <<<"$output")" -eq 1 ]
  [ "$(field '.workloads[0] | "\(.result) \(has("running_start"))"')" = "complete false" ]
}

deny_pods() {
  wait_until grep -rq "collecting the log" "$BATS_TEST_TMPDIR/data"
  order deny '"verb": "list", "resource": "pods"'
} 3>&- >/dev/null

@test "pods that have outlived their Job are named, and their workload is not said to have stopped" {
  orphan &
  run_config "$(make_config orphan model-based "first 0 6000 10" "good 0 60 10")"
  [ "$status" -eq 4 ]
  [[ "$output" == *"first failed: its Job was deleted by somebody else"* ]]
  [[ "$output" == *"first may still send: pods that have outlived its Job: kubectl delete pods --namespace $NAMESPACE load-first-"* ]]
  jq -e '.workloads[0] | .result == "not-stopped" and .running_start != null and (.reason | contains("pods still run: load-first-"))' \
    "$(run_directory)/run.json"
}

orphan() {
  wait_until has_pod_of first
  pass 30
  kubectl delete jobs --namespace "$NAMESPACE" --selector wva-experiments/workload=first --cascade=orphan
} 3>&- >/dev/null

@test "a right that comes back: the collector has lost nothing" {
  start_monitor
  pass 60
  order deny '"verb": "list", "resource": "pods"'
  pass 60
  order clear
  pass 60
  order controller-pod-delete
  pass 120
  nothing_is_lost
  is_complete
}
