#!/usr/bin/env bats
# An admission webhook refuses a Job.

load ../helpers/cluster_per_test

@test "a Job that an admission webhook refuses" {
  order job-refused '"match": "load-bad"'
  run_beside_good refused
  bad_failed_with "no load today"
}
