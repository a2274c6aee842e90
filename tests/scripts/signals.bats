#!/usr/bin/env bats
# Signals, children and waits: what lib/signals.bash promises, and the budget that the end of a run shares out.

load helpers/test

setup() {
  PROJECT="$(cd "$BATS_TEST_DIRNAME/../.." && pwd)"
  PATH="$PROJECT/.venv/bin:$PATH"
  SCRIPT="$BATS_TEST_TMPDIR/script"
  export CHILDREN_DIR="$BATS_TEST_TMPDIR/children" SIGNALS_BASH="$PROJECT/lib/signals.bash"
  mkdir "$CHILDREN_DIR"
  cat >"$SCRIPT" <<'HEAD'
set -o errexit -o nounset -o pipefail
DIRECTORY="$CHILDREN_DIR"
source "$SIGNALS_BASH"
CHILDREN_DIR="$DIRECTORY"
leave_at_once() {
  echo left
  exit 130
}
trap note_signal INT TERM HUP
HEAD
}

# run_script: what stands on standard input, in a script that has sourced signals.bash as the two scripts do.
run_script() {
  cat >>"$SCRIPT"
  run python "$PROJECT/tests/scripts/helpers/interruptible.py" bash "$SCRIPT"
  echo "status $status: $output"
}

is_gone() { ! pgrep -f "$1" >/dev/null; }

@test "a child tells its end, its status and its words" {
  run_script <<'END'
start_child three bash -c "echo said; exit 3" >"$CHILDREN_DIR/out"
wait_for 20 has_ended three
cat "$CHILDREN_DIR/out"
status_of_child three
END
  [ "$output" = $'said\n3' ]
}

@test "a child that is killed has ended, and nobody talks of it" {
  run_script <<'END'
start_child dies sleep 4711
kill -KILL -- "-$CHILD"
wait_for 20 has_ended dies
status_of_child dies
END
  [ "$status" -eq 0 ]
  [ "$output" = 137 ]
}

@test "within: the status of what ends, 124 of what does not, and nothing is left of it" {
  run_script <<'END'
echo in | within 20 cat
within 20 false || echo "status $?"
within 1 bash -c "trap : TERM; while :; do sleep 4712; done" 2>/dev/null || echo "status $?"
END
  [ "$output" = $'in\nstatus 1\nstatus 124' ]
  is_gone "sleep 4712"
}

@test "a noted signal ends the script at the next look, outside of the trap" {
  run_script <<'END'
trap 'echo "ended with $?"' EXIT
kill -TERM $$
echo "noted: $SIGNALS"
sleep_ms 60000
echo never
END
  [ "$status" -eq 130 ]
  [ "$output" = $'noted: 1\nended with 130' ]
}

@test "in the end signals are noted, those that come together as one, and a later one leaves at once" {
  run_script <<'END'
PHASE=closing
kill -INT $$
kill -TERM $$
sleep_ms 10
echo "noted: $SIGNALS"
SECONDS=$((SECONDS + 2))
kill -INT $$
sleep_ms 10
echo never
END
  [ "$status" -eq 130 ]
  [ "$output" = $'noted: 2\nleft' ]
}

@test "a step gets what is left of the budget, less what is reserved, and a second at least" {
  run_script <<'END'
budget_s 60
FIRST_SIGNAL_S=$SECONDS
begin_budget
budget_s 8
budget_s 60 6
SECONDS=$((SECONDS + 12))
budget_s 8
budget_s 8 6
SECONDS=$((SECONDS + 100))
wait_for 60 false || echo over
END
  [ "$output" = $'60\n8\n9\n3\n1\nover' ]
}

# What makes bash 5.2 wait for ever: an interrupted `wait` for a child that ends at this moment, and one more in the end.
@test "a signal at the moment of a child's end" {
  cat >>"$SCRIPT" <<'END'
job() { sleep 0.03; }
clean_up() {
  PHASE=closing
  begin_budget
  wait_for 5 has_ended job
  stop_children
  echo cleaned
}
trap clean_up EXIT
start_child sleeper sleep 300
(
  sleep "0.$((RANDOM % 9))$((RANDOM % 10))5"
  kill -INT $$
  kill -TERM $$
) &
for _ in $(seq 400); do
  start_child job job
  wait_for 20 has_ended job
done
END
  for _ in 1 2 3 4 5 6 7 8; do
    run_script </dev/null
    [ "$status" -eq 130 ]
    [ "$output" = cleaned ]
  done
}

# Everything that can take time takes all the time that it is given: who interrupts is gone when the budget is used up.
@test "the end of a run in which nothing answers" {
  cat >"$SCRIPT" <<'END'
source "$1/run-experiment.sh"
source "$1/tests/scripts/helpers/silent-world.bash"
end_in_silence "$2"
END
  run bash "$SCRIPT" "$PROJECT" "$BATS_TEST_TMPDIR"
  echo "status $status: $output"
  [ "$status" -eq 0 ]
  [[ "$output" == *"Jobs of this run may still be there: kubectl delete jobs"* ]]
  [[ "$output" =~ took\ ([0-9]+)\ s\ of\ its\ budget ]]
  [ "${BASH_REMATCH[1]}" -le 15 ]
  jq -e '.status == "interrupted" and .workloads[0].result == "not-stopped" and .workloads[1].result == "not-stopped"' \
    "$BATS_TEST_TMPDIR/run/run.json"
  grep -q interrupted "$BATS_TEST_TMPDIR/run/README.md"
}
