#!/usr/bin/env bats
# The API server answers nobody for a while.

load ../helpers/cluster
load ../helpers/collector
load ../helpers/workloads

teardown() {
  kill_monitor
  stop_cluster
}

@test "the API server away for 30 s" {
  start_cluster_at 20
  start_monitor
  pass 20
  order api-outage '"seconds": 30'
  pass 70
  nothing_is_lost
  is_complete
  [ "$(jq .failed_polls "$VERDICT")" -gt 0 ]
}

@test "an API server that is away for a while spoils nothing" {
  start_cluster
  cut_off_api &
  run_config "$(make_config outage model-based "bad 0 120 10" "good 60 60 10")"
  [ "$status" -eq 0 ]
  [ "$(field '[.workloads[].result] | unique | join(" ")')" = stopped ]
  jq -e .complete "$(run_directory)/collection.json"
  [ "$(jobs_left)" -eq 0 ]
}

cut_off_api() {
  wait_until has_bad_pod
  order api-outage '"seconds": 60'
} 3>&- >/dev/null
