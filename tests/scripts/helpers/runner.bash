# For tests of the runner: start it, stop it, and see how it ends.
# shellcheck shell=bash

runner() { "$PROJECT/run-experiment.sh" "$@" </dev/null 2>&1; }

# A runner in a process group of its own, as a terminal starts it; its output goes to $BATS_TEST_TMPDIR/out.
start_runner() {
  set -m
  WVA_TEST="$BATS_TEST_TMPDIR" python "$PROJECT/tests/scripts/helpers/interruptible.py" "$PROJECT/run-experiment.sh" "$@" \
    </dev/null >"$BATS_TEST_TMPDIR/out" 2>&1 3>&- &
  RUNNER_PID=$!
  set +m
}

# expect_status STATUS: wait for the runner; how it ended, and its words if it should have ended otherwise.
expect_status() {
  local status=0
  wait "$RUNNER_PID" || status=$?
  RUNNER_PID=
  cat "$BATS_TEST_TMPDIR/out"
  [ "$status" -eq "$1" ]
}
