#!/usr/bin/env bats
# A node begins a new file: what a container wrote before can no longer be read.

load ../helpers/cluster_per_test

@test "a rotation of the log between two polls" {
  start_monitor
  pass 30
  order log-burst '"lines": 300'
  order log-rotate
  pass 60
  nothing_is_lost
  is_complete
}
