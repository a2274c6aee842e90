#!/usr/bin/env bats
# The collector dies without a chance to close.

load ../helpers/cluster_per_test

@test "the collector killed and started again on the same file" {
  start_monitor
  pass 60
  kill -9 "$MONITOR_PID"
  pass 30
  start_monitor
  pass 60
  nothing_is_lost
  is_complete
  [ "$(processes_left)" -eq 0 ]
}
