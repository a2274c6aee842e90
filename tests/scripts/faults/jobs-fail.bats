#!/usr/bin/env bats
# Workloads that fail, each for another reason, beside one that does not.

load ../helpers/cluster_per_test

@test "Jobs that fail are told with the reason of each, the others go on, status 4" {
  order job-fail '"match": "load-crashing", "after": 5'
  order job-image-pull-error '"match": "load-imageless"'
  order job-over-quota '"match": "load-surplus"'
  config="$(make_config failing model-based "crashing 0 60 2" "imageless 0 60 2" "surplus 0 60 2" "unwanted 300 60 2" \
    "deleted 0 240 2" "good 0 240 10")"
  delete_job_of deleted &
  run_config "$config"
  [ "$status" -eq 4 ]
  has_failed_with crashing "ended with 1"
  grep -q 'Engine core initialization failed' "$(run_directory)/job-logs/crashing.log"
  has_failed_with imageless "not found"
  has_failed_with surplus "exceeded quota"
  has_failed_with unwanted "no load today"
  has_failed_with deleted "deleted by somebody else"
  [ "$(field '.workloads[] | select(.result != "failed") | "\(.name) \(.result)"')" = "good complete" ]
  # Load is what runs; whether the deleted one did depends on who was quicker.
  [ "$(field '[.workloads[] | select(.running_start and .name != "deleted") | .name] | join(" ")')" = "crashing good" ]
  grep -q ',prediction,' "$(run_directory)/metrics.csv"
  [ "$(jobs_left)" -eq 0 ]
}

delete_job_of() {
  wait_until has_pod_of "$1"
  order job-refused '"match": "load-unwanted"' # after the checks, which would have told it
  kubectl delete job --namespace "$NAMESPACE" --selector "wva-experiments/workload=$1"
} 3>&- >/dev/null
