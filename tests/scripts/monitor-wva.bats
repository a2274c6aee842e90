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

# collect_until COMMAND: a collection whose second poll is that command.
collect_until() {
  rm -f "$LOG" "$VERDICT"
  # shellcheck disable=SC2016 # the other shell expands it
  WVA_CLOCK="$(clocks)" WVA_HISTORY_S=86400 "$BASH" -c '
    source "$1"
    eval "first_$(declare -f poll)"
    poll() { if [[ ! -e "$SPOOL_DIR/state.json" ]]; then first_poll; else '"$1"'; fi; }
    main "${@:2}"' bash "$PROJECT/monitor-wva.sh" "$CONTROLLERS" "$PREFIX" "$LOG" 10
}

# What bash 5.2 does with one in a few thousand signals: it ends with 2, without a word of the trap.
@test "a signal that bash takes for a syntax error, and an error that nobody expects: the collection is closed" {
  run collect_until 'exit 2'
  [ "$status" -eq 0 ]
  jq -e '.complete and (.running | not)' "$VERDICT"

  run collect_until 'ls /nowhere/at/all'
  [ "$status" -eq 1 ]
  [[ "$output" == *"an unexpected error at "*"please report it"* ]]
  jq -e '.complete and (.running | not)' "$VERDICT"
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
