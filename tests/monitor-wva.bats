#!/usr/bin/env bats
# The collector against a controller that misbehaves: every line, raw and once.

load helpers/cluster

setup() {
  start_cluster
  LOG="$BATS_TEST_TMPDIR/log.jsonl"
}

teardown() {
  [[ -z "${MONITOR_PID:-}" ]] || kill -9 "$MONITOR_PID" 2>/dev/null || true # most tests have ended it
  stop_cluster
}

start_monitor() {
  set -m
  WVA_TEST="$BATS_TEST_TMPDIR" WVA_CLOCK="$(clocks)" WVA_NAMESPACE="$NAMESPACE" \
  WVA_DEPLOYMENT=ms-inference-scheduling-llm-d-modelservice-decode \
    "$PROJECT/monitor-wva.sh" "$CONTROLLERS" "$PREFIX" "$LOG" 10 </dev/null >"$BATS_TEST_TMPDIR/out" 2>&1 3>&- &
  MONITOR_PID=$!
  set +m
  wait_until test -s "$LOG"
}

# The cluster's clock and ours at one moment, as the runner tells the collector.
clocks() {
  kubectl get --raw /embedded/clock | jq -r '"\(.now | sub("\\.[0-9]+Z$"; "Z") | fromdate * 1000) \(now * 1000 | floor) \(.speed)"'
}

stop_monitor() {
  kill -TERM "$MONITOR_PID"
  MONITOR_STATUS=0
  wait "$MONITOR_PID" || MONITOR_STATUS=$?
  MONITOR_PID=
  cat "$BATS_TEST_TMPDIR/out"
  jq -c 'del(.containers)' "$BATS_TEST_TMPDIR/collection.json"
}

# What was written before the collector stopped must be there; what came while it did may be.
nothing_is_lost() {
  cp -R "$JOURNAL" "$BATS_TEST_TMPDIR/before"
  stop_monitor
  python "$PROJECT/tests/helpers/compare_logs.py" "$BATS_TEST_TMPDIR/before" "$JOURNAL" "$LOG"
}

is_complete() { jq -e .complete "$BATS_TEST_TMPDIR/collection.json"; }

@test "every line of both controllers, once and in order" {
  start_monitor
  pass 120
  nothing_is_lost
  [ "$MONITOR_STATUS" -eq 0 ]
  is_complete
  [ "$(jq '.containers | length' "$BATS_TEST_TMPDIR/collection.json")" -eq 2 ]
  jq -se 'length > 5 and all(.[]; .deployment.ready == 1)' "$BATS_TEST_TMPDIR/cluster-samples.jsonl"
  [ "$(processes_left)" -eq 0 ]
}

@test "identical lines, long lines, half lines and a burst" {
  start_monitor
  order log-line '"text": "the same", "times": 3'
  order log-line '"length": 100000'
  order log-burst '"lines": 2000'
  order log-partial '"seconds": 30'
  pass 60
  nothing_is_lost
  is_complete
}

@test "a leader change" {
  start_monitor
  pass 30
  order leader-change
  pass 60
  nothing_is_lost
  is_complete
}

@test "a crash: the last words of the container before are read" {
  start_monitor
  pass 30
  order controller-crash
  pass 90
  nothing_is_lost
  is_complete
  [ "$(jq '[.containers[].restarts] | add' "$BATS_TEST_TMPDIR/collection.json")" -eq 1 ]
}

@test "a pod that is deleted and replaced" {
  start_monitor
  pass 30
  order controller-pod-delete
  pass 90
  nothing_is_lost
  is_complete
}

@test "a rotation of the log between two polls" {
  start_monitor
  pass 30
  order log-burst '"lines": 300'
  order log-rotate
  pass 60
  nothing_is_lost
  is_complete
}

@test "the API server away for a while" {
  start_monitor
  pass 30
  order api-outage '"seconds": 30'
  pass 120
  nothing_is_lost
  is_complete
}

@test "the collector killed and started again on the same file" {
  start_monitor
  pass 60
  kill -9 "$MONITOR_PID"
  pass 30
  start_monitor
  pass 60
  nothing_is_lost
  is_complete
  [ "$(processes_left)" -eq 0 ]
}

# At any moment of a poll, such as that between the start of a follower and the note of its number.
@test "TERM however early, and the collector ends" {
  for delay in 0 0.1 0.2 0.3 0.4 0.5 0.6 0.7 0.8; do
    rm -f "$LOG"
    start_monitor
    sleep "$delay"
    kill -TERM "$MONITOR_PID"
    wait_until has_ended
    wait "$MONITOR_PID"
    jq -e '.complete and (.running | not)' "$BATS_TEST_TMPDIR/collection.json"
    rm "$BATS_TEST_TMPDIR/collection.json"
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
