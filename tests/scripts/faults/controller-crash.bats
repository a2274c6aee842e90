#!/usr/bin/env bats
# Containers of the controller end with an error and start again.

load ../helpers/cluster_per_test

@test "a crash: the last words of the container before are read" {
  start_monitor
  pass 30
  order controller-crash
  pass 90
  nothing_is_lost
  is_complete
  [ "$(restarts)" = '[0,1]' ]
}

@test "both pods crash at the same time, with last words" {
  start_monitor
  pass 30
  for pod in $(controller_pods); do
    order log-burst "\"pod\": \"$pod\", \"lines\": 200"
    order controller-crash "\"pod\": \"$pod\""
  done
  pass 90
  nothing_is_lost
  is_complete
  [ "$(restarts)" = '[1,1]' ]
}
