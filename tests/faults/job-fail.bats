#!/usr/bin/env bats
# A load generator ends with an error.

load ../helpers/cluster_per_test

@test "a failing Job is told with the pod's reason, the others go on, status 4" {
  order job-fail '"match": "load-bad", "after": 5'
  run_beside_good failing
  bad_failed_with "ended with 1"
  grep -q 'Engine core initialization failed' "$(run_directory)/job-logs/bad.log"
}
