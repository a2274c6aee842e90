#!/usr/bin/env bats
# Somebody else deletes a Job.

load ../helpers/cluster
load ../helpers/workloads

setup() { start_cluster; }

teardown() { stop_cluster; }

@test "a Job that somebody else deletes" {
  config="$(make_config deleted model-based "bad 0 120 10" "good 0 120 10")"
  delete_bad_job &
  run_config "$config"
  bad_failed_with "deleted by somebody else"
}

delete_bad_job() {
  wait_until has_bad_pod
  kubectl delete job --namespace "$NAMESPACE" --selector wva-experiments/workload=bad
} 3>&- >/dev/null
