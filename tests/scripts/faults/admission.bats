#!/usr/bin/env bats
# A server that refuses the load, or warns of it: told before the start, in its own words.

load ../helpers/cluster_per_test

check() {
  run "$PROJECT/run-experiment.sh" --kubeconfig "$KUBECONFIG" --yes --dry-run "$1" </dev/null
  echo "$output"
}

# label LEVEL=VALUE...: of the namespace.
label() { kubectl label namespace "$NAMESPACE" "${@/#/pod-security.kubernetes.io/}" >/dev/null; }

@test "a Job that a policy refuses is named with the words of the policy, the others are not" {
  order job-refused '"match": "load-second", "message": "admission webhook \"policy\" denied the request: no load today\nrule owner: a label is required"'
  check "$(make_config refused model-based "first 0 60 10" "second 0 60 10")"
  [ "$status" -eq 3 ]
  [[ "$output" == *'FAIL  the server refuses the load Jobs (second): admission webhook "policy" denied the request: no load today rule owner: a label is required'* ]]
  [[ "$output" == *"ok    load Jobs (first): the server would take them"* ]]
  [[ "$output" != *"does not tell its time"* ]]
}

@test "pods that a policy refuses are found before their Job is created; who knows better goes on" {
  order pod-refused '"match": "load-", "message": "images of that registry are refused"'
  config="$(make_config refused model-based "first 0 60 10" "second 0 60 10")"
  check "$config"
  [ "$status" -eq 0 ]
  [[ "$output" == *"warn  the server refuses the pods of the load Jobs (first, second): images of that registry are refused; going on because of --yes"* ]]
  run "$PROJECT/run-experiment.sh" --kubeconfig "$KUBECONFIG" --dry-run "$config" </dev/null
  [ "$status" -eq 3 ]
  [[ "$output" == *"FAIL  the server refuses the pods of the load Jobs (first, second): images of that registry are refused"* ]]
}

@test "the manifests meet the strictest Pod Security level, without a warning" {
  label enforce=restricted
  check model-based-high
  [ "$status" -eq 0 ]
  [[ "$output" == *"ok    pods of the load Jobs: the server would take them"* ]]
  [[ "$output" != *"server warns"* ]]
}

@test "a manifest that does not meet it is refused before the start, and where pods may not be tried the warning stays" {
  label enforce=restricted
  config="$(make_config insecure model-based "first 0 60 10")"
  jq 'del(.spec.template.spec.securityContext)' "$BATS_TEST_TMPDIR/job-first.yaml" >"$BATS_TEST_TMPDIR/job.json"
  mv "$BATS_TEST_TMPDIR/job.json" "$BATS_TEST_TMPDIR/job-first.yaml"
  check "$config"
  [ "$status" -eq 3 ]
  [[ "$output" == *'warn  the server warns of the load Jobs (first): would violate PodSecurity "restricted:latest": '* ]]
  [[ "$output" == *'FAIL  the server refuses the pods of the load Jobs (first): '*'violates PodSecurity "restricted:latest": '* ]]
  order deny '"verb": "create", "resource": "pods"'
  check "$config"
  [ "$status" -eq 0 ]
  [[ "$output" == *'would violate PodSecurity'*'?     pods of the load Jobs (first): not checked, not allowed: create pods in '* ]]
}
