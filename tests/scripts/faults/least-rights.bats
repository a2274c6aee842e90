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

@test "rights that are revoked while a run goes on: what could not be stopped is told, and tried until the end" {
  config="$(make_config revoked model-based "cut 0 60 200" "good 60 120 5")"
  awk '{ print } / duration: 60$/ { print "    drain: 10" }' "$config" >"$config.yaml"
  revoke_and_return &
  run_config "$config.yaml"
  [ "$status" -eq 4 ]
  [[ "$output" == *"of cut could not be deleted, trying again: "*forbidden* ]]
  [[ "$output" == *"stopped at last: cut"* ]]
  [ "$(field '.workloads[0] | "\(.result) \(.cut)"')" = "cut true" ]
  jq -e '.workloads[0] | .end > .start' "$(run_directory)/run.json"
  [ "$(jobs_left)" -eq 0 ]
}

revoke_and_return() {
  wait_until has_pod_of cut
  order deny '"verb": "delete", "resource": "jobs"'
  wait_until grep -rq "could not be deleted" "$BATS_TEST_TMPDIR/data"
  order clear
} 3>&- >/dev/null

@test "rights that stay revoked: the result says that the load was not stopped, and the run what remains" {
  config="$(make_config revoked model-based "cut 0 60 200")"
  awk '{ print } / duration: 60$/ { print "    drain: 10" }' "$config" >"$config.yaml"
  revoke &
  run_config "$config.yaml"
  [ "$status" -eq 4 ]
  [ "$(field '.workloads[0] | "\(.result) \(.cut) \(.end)"')" = "not-stopped true null" ]
  [[ "$(field '.workloads[0].reason')" == *"its Job is still there: "*forbidden* ]]
  [[ "$output" == *"the load Jobs may still be there: kubectl delete jobs --namespace $NAMESPACE --selector wva-experiments/run="* ]]
  grep -q not-stopped "$(run_directory)/README.md"
}

revoke() {
  wait_until has_pod_of cut
  order deny '"verb": "delete", "resource": "jobs"'
} 3>&- >/dev/null
