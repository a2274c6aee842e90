#!/usr/bin/env bats
# The image of a workload cannot be pulled.

load ../helpers/cluster_per_test

@test "an image that cannot be pulled" {
  order job-image-pull-error '"match": "load-bad"'
  run_beside_good image
  bad_failed_with "not found"
}
