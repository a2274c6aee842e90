#!/usr/bin/env bats
# The image of a workload cannot be pulled.

load ../helpers/cluster
load ../helpers/workloads

setup() { start_cluster; }

teardown() { stop_cluster; }

@test "an image that cannot be pulled" {
  order job-image-pull-error '"match": "load-bad"'
  run_beside_good image
  bad_failed_with "not found"
}
