#!/usr/bin/env bats
# The API server answers nobody for a while.

export SPEED=20 # the time it is away is that of several polls
load ../helpers/cluster_per_test

@test "the API server away for 30 s" {
  start_monitor
  pass 20
  order api-outage '"seconds": 30'
  pass 70
  nothing_is_lost
  is_complete
  [ "$(jq .failed_polls "$VERDICT")" -gt 0 ]
}

@test "an API server that is away for a while spoils nothing" {
  cut_off_api &
  run_config "$(make_config outage model-based "bad 0 120 10" "good 60 60 10")"
  [ "$status" -eq 0 ]
  [ "$(field '[.workloads[].result] | unique | join(" ")')" = complete ]
  jq -e '.complete and .failed_polls > 0' "$(run_directory)/collection.json"
  [ "$(jobs_left)" -eq 0 ]
}

cut_off_api() {
  wait_until has_pod_of bad
  order api-outage '"seconds": 60'
} 3>&- >/dev/null
