#!/usr/bin/env bats
# Somebody else deletes a Job.

load ../helpers/cluster_per_test

@test "a Job that somebody else deletes" {
  config="$(make_config deleted model-based "bad 0 120 10" "good 0 120 10")"
  delete_bad_job &
  run_config "$config"
  bad_failed_with "deleted by somebody else"
}

delete_bad_job() {
  wait_until has_pod_of bad
  kubectl delete job --namespace "$NAMESPACE" --selector wva-experiments/workload=bad
} 3>&- >/dev/null
