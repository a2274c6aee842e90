#!/usr/bin/env bats
# A controller that logs more than anybody reads.

load ../helpers/cluster
load ../helpers/collector

teardown() {
  kill_monitor
  stop_cluster
}

@test "2,000 lines per second" {
  start_cluster_at 1
  start_monitor 2
  order log-burst '"lines": 30000, "seconds": 15'
  wait_until has_burst
  nothing_is_lost
  is_complete
  [ "$(jq .lines "$VERDICT")" -gt 30000 ]
}

has_burst() { grep -qx 'burst 29999' "$JOURNAL"/*; }
