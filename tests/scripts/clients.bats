#!/usr/bin/env bats
# Several clients of a workload, each a pod of an Indexed Job, with the real kubectl.

# shellcheck disable=SC2034 # read by the helpers
SPEED=20 # slow enough for logs to be followed

load helpers/cluster_per_test
load helpers/runner

# config_of CLIENTS SPEC...: as make_config makes it, and each workload called "base" has so many clients.
config_of() {
  local clients="$1" config
  shift
  config="$(make_config clients model-based "$@")"
  awk -v clients="$clients" '{ print } /^  - name: base$/ { print "    clients: " clients }' "$config" >"$config.part"
  mv "$config.part" "$config"
  echo "$config"
}

# of_base FILTER: of that workload's entry in run.json.
of_base() { field ".workloads[] | select(.name == \"base\") | $1"; }

rows_of() { grep -c ',[01]$' "$(run_directory)/requests/$1.csv"; }

summary() { python -m wva_parse summary --json "$(run_directory)" | jq -c "$1"; }

has_told() { grep -q "$1" "$BATS_TEST_TMPDIR"/data/*/run.log; }

readme_roles() {
  # shellcheck disable=SC2016 # the backticks are Markdown's
  sed -n '/^```yaml$/,/^```$/p' "$PROJECT/README.md" | sed -n '/kind: Role$/,/^```$/p' | sed '/^```$/d' >"$BATS_TEST_TMPDIR/roles.yaml"
  yq --output-format=json . "$BATS_TEST_TMPDIR/roles.yaml" | jq -cs .
}

@test "three clients send what one would, nothing of their logs is lost, and the README's Roles are enough" {
  order allow-only "\"roles\": $(readme_roles)" >/dev/null
  run_config "$(config_of 3 "base 0 60 9" "other 0 60 9")"
  [ "$status" -eq 0 ]
  run_dir="$(run_directory)"
  [[ "$output" == *"9 req/s  base  (3 clients)"* ]]
  [[ "$output" == *"started base: 9 req/s of 3 clients, Job load-base-"* ]]
  [[ "$output" == *"base: 3 of 3 clients send"* ]]
  [[ "$output" == *"base, client 2: 180 requests, 180 answered"* ]]
  ! grep -qi forbidden "$run_dir/run.log" || false
  # The law: as much together as one alone.
  [ "$(of_base '"\(.result) \(.clients) \(.rate_per_s) \(.prompts)"')" = "complete 3 9 540" ]
  [ "$(rows_of other)" -eq 540 ]
  [ "$(for each in 0 1 2; do rows_of "base.client-$each"; done | paste -s -d ' ' -)" = "180 180 180" ]
  [ "$(field '.workloads[] | select(.name == "other") | has("clients")')" = false ]
  [ "$(of_base 'has("clients_running")')" = false ] # that is over
  [ "$(of_base '.sending_start >= .start')" = true ]
  # Each log is what its pod has written, and the seeds are those that were told.
  seed="$(of_base .seed)"
  for each in 0 1 2; do
    diff "$run_dir/job-logs/base.client-$each.log" "$JOURNAL/${NAMESPACE}_$(of_base .job)-$each-"*.log
    grep -q "Namespace(seed=$seed$each, num_prompts=180," "$run_dir/job-logs/base.client-$each.log"
    grep -q 'Traffic request rate: 3' "$run_dir/job-logs/base.client-$each.log"
  done
  [ ! -e "$run_dir/job-logs/base.log" ]
  [ "$(jobs_left)" -eq 0 ]
  # One result of each workload, and the requests of all.
  [ "$(summary '[.client.jobs[] | [.job, .completed, .rate_per_s, (.clients | length)]]')" = '[["base",540,9,3],["other",540,9,0]]' ]
  [ "$(summary '.requests | [.sent, .answered, .unknown, (.workloads | length)]')" = '[1080,1080,0,2]' ]
}

@test "a client that fails is told by its number, the logs of all are kept, and others go on; status 4" {
  order job-fail '"match": "load-base", "index": 1, "after": 70' >/dev/null
  run_config "$(config_of 3 "base 0 90 9" "other 0 90 3")"
  [ "$status" -eq 4 ]
  has_failed_with base "client 1: container vllm-bench-serve-container ended with 1 (Error)"
  [[ "$(of_base .reason)" != *"143"* ]] # those that had to end with it
  [ "$(field '.workloads[] | select(.name == "other") | .result')" = complete ]
  grep -q 'Engine core initialization failed' "$(run_directory)/job-logs/base.client-1.log"
  grep -q '^Namespace(' "$(run_directory)/job-logs/base.client-0.log" # its pod is gone
  [ "$(summary '.client | [[.jobs[].job], .without_result]')" = '[["other"],["base"]]' ]
  [ "$(jobs_left)" -eq 0 ]
}

@test "a client that has no node is told and waited for, and its requests count as all others" {
  order job-unschedulable '"match": "load-base", "index": 2' >/dev/null
  (
    wait_until has_told "client 2: "
    order clear
  ) >/dev/null 3>&- &
  run_config "$(config_of 3 "base 0 60 9")"
  [ "$status" -eq 0 ]
  [[ "$output" == *"WARNING: base does not start with all of its 3 clients: client 2: Unschedulable: "* ]]
  [[ "$output" == *"base: 2 of 3 clients send"* ]]
  [ "$(of_base .result)" = complete ]
  [ "$(for each in 0 1 2; do rows_of "base.client-$each"; done | paste -s -d ' ' -)" = "180 180 180" ]
}

@test "pods of clients that a quota refuses: the workload fails with the reason" {
  order job-over-quota '"match": "load-base", "index": 1' >/dev/null
  run_config "$(config_of 2 "base 0 60 4")"
  [ "$status" -eq 4 ]
  has_failed_with base "exceeded quota"
}

@test "a manifest's own rate and prompts in a sequence, names as long as they may be, and --keep-jobs" {
  config="$(config_of 12 "base 24 240" "next 20 60")"
  name="a-manifest-with-a-name-as-long-as-it-may-be-012" # 47 characters
  jq --arg name "$name" '.metadata.name = $name' "$BATS_TEST_TMPDIR/job-base.yaml" >"$BATS_TEST_TMPDIR/job.json"
  mv "$BATS_TEST_TMPDIR/job.json" "$BATS_TEST_TMPDIR/job-base.yaml"
  run "$PROJECT/run-experiment.sh" --kubeconfig "$KUBECONFIG" --yes --keep-jobs "$config" </dev/null
  echo "$output"
  [ "$status" -eq 0 ]
  [ "$(of_base '"\(.result) \(.prompts)"')" = "complete 240" ]
  [ "$(field '.workloads[1].start >= .workloads[0].end')" = true ]
  [ "$(of_base '.job | length')" -eq 60 ]
  [ "$(kubectl get job "$(of_base .job)" -n "$NAMESPACE" -o json | jq -r '.status.completedIndexes')" = 0-11 ]
  cat "$(run_directory)"/requests/base.client-*.csv | grep -c ',1$' | grep -qx 240
}

@test "interrupted, all clients end and what they have printed is kept" {
  start_runner --kubeconfig "$KUBECONFIG" --yes "$(config_of 3 "base 0 6000 9")"
  wait_until grep -q "3 of 3 clients send" "$BATS_TEST_TMPDIR/out"
  sleep 2
  kill -INT -- "-$RUNNER_PID"
  expect_status 130
  [ "$(of_base .result)" = interrupted ]
  for each in 0 1 2; do grep -q 'Starting main benchmark run' "$(run_directory)/job-logs/base.client-$each.log"; done
  [ -z "$(find "$(run_directory)/job-logs" -name '*.followed*')" ]
  [ "$(jobs_left)" -eq 0 ]
  [ "$(kubectl get pods -n "$NAMESPACE" -l wva-experiments/workload=base -o name)" = "" ]
}

@test "the checks warn of what is too much for one client, and say how many would do" {
  config="$(config_of 2 "base 0 10 300" "other 0 10 250" "fine 0 10 100")"
  run "$PROJECT/run-experiment.sh" --kubeconfig "$KUBECONFIG" --dry-run "$config" </dev/null
  echo "$output"
  [ "$status" -eq 0 ]
  [[ "$output" == *"warn  base asks 150 req/s of each of its 2 clients (300 req/s in all); one does some 100 "*"-> 'clients: 3' in workload base"* ]]
  [[ "$output" == *"warn  other asks 250 req/s of its one client (250 req/s in all)"*"-> 'clients: 3' in workload other"* ]]
  [[ "$output" != *"fine asks"* ]]
  [[ "$output" == *"ok    load Jobs: the server would take them"* ]]
  [[ "$output" == *"ok    pods of the load Jobs: the server would take them"* ]]
}
