#!/usr/bin/env bats
# A pod of the controller goes, another one comes.

export SPEED=5 # a busy machine still looks between the pod's last words and its end
load ../helpers/cluster_per_test

@test "a pod that is deleted and replaced" {
  start_monitor
  pass 30
  order controller-pod-delete
  pass 90
  nothing_is_lost
  is_complete
}
