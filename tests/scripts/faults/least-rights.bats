#!/usr/bin/env bats
# Rights: the README's Roles are enough, and what is missing is named.

load ../helpers/cluster_per_test

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
