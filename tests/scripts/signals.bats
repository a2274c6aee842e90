#!/usr/bin/env bats
# Signals, children and waits: what lib/signals.bash promises, and the budget that the end of a run shares out.

setup() {
  PROJECT="$(cd "$BATS_TEST_DIRNAME/../.." && pwd)"
  PATH="$PROJECT/.venv/bin:$PATH"
  export WVA_TEST="$BATS_TEST_TMPDIR"
}

# script LINES...: a script of its own that has sourced signals.bash, as the two scripts do.
script() {
  {
    printf 'set -o errexit -o nounset -o pipefail\nCHILDREN_DIR="%s/children"\nmkdir -p "$CHILDREN_DIR"\n' "$BATS_TEST_TMPDIR"
    printf 'source "%s/lib/signals.bash"\nleave_at_once() { echo left; exit 130; }\n' "$PROJECT"
    printf 'trap note_signal INT TERM HUP\n'
    printf '%s\n' "$@"
  } >"$BATS_TEST_TMPDIR/script"
  bash "$BATS_TEST_TMPDIR/script"
}

is_gone() { ! pgrep -f "$1" >/dev/null; }

@test "a child tells its end, its status and its words" {
  run script 'start_child three bash -c "echo said; exit 3" >"$CHILDREN_DIR/out"' \
    'wait_for 20 has_ended three' 'cat "$CHILDREN_DIR/out"' 'status_of_child three'
  [ "$output" = $'said\n3' ]
}

@test "a child that is killed has ended, and nobody talks of it" {
  run script 'start_child dies sleep 4711' 'kill -KILL -- "-$CHILD"' 'wait_for 20 has_ended dies' 'status_of_child dies'
  [ "$status" -eq 0 ]
  [ "$output" = 137 ]
}

@test "within: the status of what ends, 124 of what does not, and nothing is left of it" {
  run script 'echo in | within 20 cat' 'within 20 false || echo "status $?"' \
    'within 1 bash -c "trap : TERM; while :; do sleep 4712; done" || echo "status $?"'
  [ "$output" = $'in\nstatus 1\nstatus 124' ]
  is_gone "sleep 4712"
}

@test "a noted signal ends the script at the next look, outside of the trap" {
  run script 'trap "echo ended with \$?" EXIT' 'kill -TERM $$' 'echo "noted: $SIGNALS"' 'sleep_ms 60000' 'echo never'
  [ "$status" -eq 130 ]
  [ "$output" = $'noted: 1\nended with 130' ]
}

@test "in the end a signal is noted only, those that come with it too, and a later one leaves at once" {
  run script 'PHASE=closing' 'kill -INT $$; kill -TERM $$' 'sleep_ms 10; echo "noted: $SIGNALS"' \
    'SECONDS=$((SECONDS + 2))' 'kill -INT $$' 'sleep_ms 10; echo never'
  [ "$status" -eq 130 ]
  [ "$output" = $'noted: 2\nleft' ]
}

@test "a step gets what is left of the budget, less what is reserved, and a second at least" {
  run script 'budget_s 60' 'FIRST_SIGNAL_S=$SECONDS; begin_budget' 'budget_s 8; budget_s 60 6' 'SECONDS=$((SECONDS + 12))' \
    'budget_s 8; budget_s 8 6' 'SECONDS=$((SECONDS + 100)); wait_for 60 false || echo over'
  [ "$output" = $'60\n8\n9\n3\n1\nover' ]
}

# The small script in which bash 5.2 waits for ever for a child that an interrupted `wait` has had, with these waits.
@test "a signal at the moment of a child's end" {
  local try
  for try in 1 2 3 4 5 6 7 8; do
    run bash -c 'exec python "$@"' - "$PROJECT/tests/helpers/interruptible.py" bash "$(cat_race "$try")"
    echo "$try: $status $output"
    [ "$status" -eq 130 ]
    [ "$output" = cleaned ]
  done
}

cat_race() {
  local file="$BATS_TEST_TMPDIR/race.$1"
  {
    printf 'set -o errexit -o nounset -o pipefail\nCHILDREN_DIR="%s/race-%s"\nmkdir "$CHILDREN_DIR"\n' "$BATS_TEST_TMPDIR" "$1"
    printf 'source "%s/lib/signals.bash"\nleave_at_once() { exit 130; }\n' "$PROJECT"
    cat <<'RACE'
job() { sleep 0.05; }
cleanup() {
  PHASE=closing
  begin_budget
  wait_for 5 has_ended job
  stop_children
  echo cleaned
}
trap note_signal INT TERM
trap cleanup EXIT
start_child sleeper sleep 300
(sleep "0.$((RANDOM % 9))$((RANDOM % 10))5"; kill -INT $$; kill -TERM $$) &
for i in $(seq 400); do
  start_child job job
  wait_for 20 has_ended job
done
RACE
  } >"$file"
  echo "$file"
}

# Everything that can take time takes all the time that it is given: who interrupts is gone when the budget is used up.
@test "the end of a run in which nothing answers" {
  run bash -c 'source "$1/run-experiment.sh" && source "$1/tests/scripts/helpers/silent-world.bash" && end_in_silence "$2"' - \
    "$PROJECT" "$BATS_TEST_TMPDIR"
  echo "$output"
  [ "$status" -eq 0 ]
  [[ "$output" == *"the load Jobs may still be there: kubectl delete jobs"* ]]
  [[ "$output" == *"took "[0-9]" s of its budget"* || "$output" == *"took 1"[0-5]" s of its budget"* ]]
  jq -e '.status == "interrupted" and .workloads[0].result == "interrupted" and .workloads[1].result == "not-started"' \
    "$BATS_TEST_TMPDIR/run/run.json"
  grep -q interrupted "$BATS_TEST_TMPDIR/run/README.md"
}
