#!/usr/bin/env bats
# kubectl fails now and then, as over a bad network.

export SPEED=20 # a busy machine needs its time between a container's end and the next one's
load ../helpers/cluster_per_test

setup() {
  export REAL_KUBECTL FAILURES="$BATS_TEST_TMPDIR/failures"
  REAL_KUBECTL="$(command -v kubectl)"
  mkdir "$FAILURES"
  PATH="$PROJECT/tests/scripts/helpers/stubs:$PATH"
  start_cluster
}

# fail_next VERB WORDS: the next such call.
fail_next() { echo "$2" >"$FAILURES/$1"; }

has_failed() { test -e "$FAILURES/$1.granted"; }

@test "kubectl fails once to list the pods, and once to read a log" {
  fail_next get "pods,leases.coordination.k8s.io --namespace $CONTROLLERS"
  fail_next logs --follow
  start_monitor
  has_failed get
  has_failed logs
  pass 60
  nothing_is_lost
  is_complete
  [ "$(jq .failed_polls "$VERDICT")" -eq 1 ]
}

@test "kubectl fails once to go on reading, and once to read the last words of a container" {
  start_monitor
  pass 30
  fail_next logs --since-time
  order log-cut
  order log-line '"text": "after the cut"'
  wait_until has_failed logs
  rm "$FAILURES/logs.granted"
  pass 60
  fail_next logs --previous
  order controller-crash
  wait_until has_failed logs
  fail_next get "pods,leases.coordination.k8s.io --namespace $CONTROLLERS"
  wait_until has_failed get # else it might be the last poll that fails
  pass 90
  nothing_is_lost
  is_complete
  [ "$(restarts)" = '[0,1]' ]
}
