#!/usr/bin/env bats
# An admission webhook refuses a Job.

load ../helpers/cluster
load ../helpers/workloads

setup() { start_cluster; }

teardown() { stop_cluster; }

@test "a Job that an admission webhook refuses" {
  order job-refused '"match": "load-bad"'
  run_beside_good refused
  bad_failed_with "no load today"
}
