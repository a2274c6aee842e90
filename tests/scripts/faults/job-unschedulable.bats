#!/usr/bin/env bats
# A workload's pod fits on no node.

export SPEED=20 # even a busy machine looks between the timeout and the end of what a pod may take to start

load ../helpers/cluster_per_test

@test "a pod that fits on no node" {
  order job-unschedulable '"match": "load-bad"'
  run_config "$(make_config node model-based "bad 0 60 10" "good 0 60 10")"
  [ "$status" -eq 4 ]
  has_failed_with bad "0/1 nodes are available"
  [ "$(field '.workloads[1].result')" = complete ]
  [ "$(jobs_left)" -eq 0 ]
}

@test "a sequential Job that takes longer than the timeout" {
  config="$(make_config slow model-based "bad 10 250" "good 20 100")"
  order job-unschedulable '"match": "load-bad"' # it would take 25 s
  echo 'timeout: 60' >>"$config"
  run_config "$config"
  [ "$status" -eq 4 ]
  [ "$(field '.workloads[] | "\(.name) \(.result)"' | paste -s -d ',' -)" = "bad failed,good complete" ]
  [[ "$(field '.workloads[0].reason')" == *"timeout of 60 s"* ]]
  [ "$(jobs_left)" -eq 0 ]
}
