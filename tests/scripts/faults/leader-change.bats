#!/usr/bin/env bats
# The lease goes to the other pod of the controller.

load ../helpers/cluster_per_test

@test "a leader change" {
  start_monitor
  pass 30
  order leader-change
  pass 60
  nothing_is_lost
  is_complete
}
