#!/usr/bin/env bats
# The collector where nothing goes wrong; what it does when something does is in faults/.

export SPEED=20 # so that there is time for several polls
load helpers/cluster_per_test

@test "every line of both controllers, once and in order" {
  start_monitor
  pass 120
  nothing_is_lost
  is_complete
  [ "$(jq '.containers | length' "$VERDICT")" -eq 2 ]
  jq -se 'length > 5 and all(.[]; .deployment.ready == 1)' "$BATS_TEST_TMPDIR/cluster-samples.jsonl"
  [ "$(processes_left)" -eq 0 ]
}

# At any moment of a poll, such as that between the start of a follower and the note of its number.
@test "TERM however early, and the collector ends" {
  for delay in 0 0.1 0.2 0.3 0.4 0.5; do
    rm -f "$LOG" "$VERDICT"
    start_monitor
    sleep "$delay"
    kill -TERM "$MONITOR_PID"
    wait_until has_ended
    wait "$MONITOR_PID"
    jq -e '.complete and (.running | not)' "$VERDICT"
  done
}

has_ended() { ! kill -0 "$MONITOR_PID"; }

@test "wrong usage says what is right" {
  run "$PROJECT/monitor-wva.sh"
  [ "$status" -eq 2 ]
  [[ "$output" == *"expected 3 or 4 arguments"* ]]
  run "$PROJECT/monitor-wva.sh" ns prefix "$BATS_TEST_TMPDIR/nowhere/log" 10
  [ "$status" -eq 2 ]
  run "$PROJECT/monitor-wva.sh" ns prefix "$LOG" soon
  [ "$status" -eq 2 ]
  [[ "$output" == *"interval: saw 'soon'"* ]]
}
