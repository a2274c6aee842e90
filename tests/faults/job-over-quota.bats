#!/usr/bin/env bats
# The quota of the namespace is used up.

load ../helpers/cluster_per_test

@test "a quota that is used up" {
  order job-over-quota '"match": "load-bad"'
  run_beside_good quota
  bad_failed_with "exceeded quota"
}
