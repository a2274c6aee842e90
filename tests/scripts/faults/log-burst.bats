#!/usr/bin/env bats
# A controller that logs more than anybody reads.

export SPEED=1 # 2,000 lines in a real second
load ../helpers/cluster_per_test

@test "2,000 lines per second" {
  start_monitor 2
  order log-burst '"lines": 30000, "seconds": 15'
  wait_until has_burst
  nothing_is_lost
  is_complete
  [ "$(jq .lines "$VERDICT")" -gt 30000 ]
}

has_burst() { grep -qx 'burst 29999' "$JOURNAL"/*; }
