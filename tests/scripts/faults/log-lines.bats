#!/usr/bin/env bats
# Lines that are hard to collect: the same ones, long ones, half ones, many.

load ../helpers/cluster_per_test

@test "identical lines, long lines, half lines and a burst" {
  start_monitor
  order log-line '"text": "the same", "times": 3'
  order log-line '"length": 100000'
  order log-burst '"lines": 2000'
  order log-partial '"seconds": 30'
  pass 60
  nothing_is_lost
  is_complete
}
