#!/usr/bin/env bats
# Workloads that cannot start, fail or vanish: told with the cluster's own reason, the others go on, all data is kept.

load helpers/cluster

setup() { start_cluster; }

teardown() { stop_cluster; }

# run_beside_good NAME: a run of the workload "bad", which meets the fault that was ordered, and of "good".
run_beside_good() {
  config="$(make_config "$1" model-based "bad 0 60 10" "good 0 60 10")"
  run_config
}

run_config() {
  run "$PROJECT/run-experiment.sh" --kubeconfig "$KUBECONFIG" --yes "$config" </dev/null
  echo "$output"
}

field() { jq -r "$1" "$(run_directory)/run.json"; }

# bad_failed_with REASON: so it did, and nothing else did.
bad_failed_with() {
  [ "$status" -eq 4 ]
  [ "$(field '.workloads[] | "\(.name) \(.result)"' | paste -s -d ',' -)" = "bad failed,good stopped" ]
  [[ "$(field '.workloads[0].reason')" == *"$1"* ]]
  [[ "$output" == *"bad failed: "*"$1"* ]]
  grep -q ',prediction,' "$(run_directory)/metrics.csv"
  [ "$(jobs_left)" -eq 0 ]
}

@test "an image that cannot be pulled" {
  order job-image-pull-error '"match": "load-bad"'
  run_beside_good image
  bad_failed_with "not found"
}

@test "a pod that fits on no node" {
  order job-unschedulable '"match": "load-bad"'
  run_beside_good node
  bad_failed_with "0/1 nodes are available"
}

@test "a quota that is used up" {
  order job-over-quota '"match": "load-bad"'
  run_beside_good quota
  bad_failed_with "exceeded quota"
}

@test "a Job that an admission webhook refuses" {
  order job-refused '"match": "load-bad"'
  run_beside_good refused
  bad_failed_with "no load today"
}

@test "a Job that somebody else deletes" {
  config="$(make_config deleted model-based "bad 0 120 10" "good 0 120 10")"
  delete_bad_job &
  run_config
  bad_failed_with "deleted by somebody else"
}

delete_bad_job() {
  wait_until has_bad_pod
  kubectl delete job --namespace "$NAMESPACE" --selector wva-experiments/workload=bad
} 3>&- >/dev/null

has_bad_pod() { kubectl get pods --namespace "$NAMESPACE" --selector wva-experiments/workload=bad --output name | grep -q .; }

@test "a Job that has sent all its requests before its time is up is complete" {
  config="$(make_config early model-based "bad 0 120 20")"
  write_job "$BATS_TEST_TMPDIR/job-bad.yaml" bad 20 200
  run_config
  [ "$status" -eq 0 ]
  [ "$(field '.workloads[0].result')" = complete ]
  grep -q 'Successful requests: *200' "$(run_directory)/job-logs/bad.log"
}

@test "a sequential Job that takes longer than the timeout" {
  config="$(make_config slow model-based "bad 10 250" "good 20 100")"
  order job-unschedulable '"match": "load-bad"' # it would take 25 s
  echo 'timeout: 30' >>"$config"
  run_config
  [ "$status" -eq 4 ]
  [ "$(field '.workloads[] | "\(.name) \(.result)"' | paste -s -d ',' -)" = "bad failed,good complete" ]
  [[ "$(field '.workloads[0].reason')" == *"timeout of 30 s"* ]]
  [ "$(jobs_left)" -eq 0 ]
}

@test "an API server that is away for a while spoils nothing" {
  config="$(make_config outage model-based "bad 0 120 10" "good 60 60 10")"
  cut_off_api &
  run_config
  [ "$status" -eq 0 ]
  [ "$(field '[.workloads[].result] | unique | join(" ")')" = stopped ]
  jq -e '.complete and .failed_polls > 0' "$(run_directory)/collection.json"
  [ "$(jobs_left)" -eq 0 ]
}

cut_off_api() {
  wait_until has_bad_pod
  order api-outage '"seconds": 60'
} 3>&- >/dev/null
