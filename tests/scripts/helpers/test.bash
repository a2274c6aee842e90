# For all tests of the scripts: none hangs, none leaves a process, and one that fails leaves what there is to look at.
# shellcheck shell=bash

# A test that hangs fails after so many seconds and says so; what it has started is ended with it. Far more than any
# test takes, as a busy machine is slow. bats needs ps for it, and without it would run no test at all.
if command -v ps >/dev/null; then
  BATS_TEST_TIMEOUT="${BATS_TEST_TIMEOUT:-300}"
fi

# Another bash for the scripts than the one that runs the tests, such as the one of macOS: BASH_UNDER_TEST=/bin/bash
if [[ -n "${BASH_UNDER_TEST:-}" ]]; then
  mkdir -p "$BATS_FILE_TMPDIR/bash"
  ln -sf "$BASH_UNDER_TEST" "$BATS_FILE_TMPDIR/bash/bash"
  PATH="$BATS_FILE_TMPDIR/bash:$PATH"
fi

FAILED_TESTS="$(cd "$(dirname "${BASH_SOURCE[0]}")/../../.." && pwd)/.failed-tests"
FAILED_TESTS_KEPT=20

# What a test has started in the background ends with it, whether it fails or not.
teardown() {
  end_countdown
  [[ -z "${RUNNER_PID:-}" ]] || kill -KILL -- "-$RUNNER_PID" 2>/dev/null || true # most have ended
  [[ -z "${MONITOR_PID:-}" ]] || kill -KILL "$MONITOR_PID" 2>/dev/null || true
  if [[ -n "${CLUSTER_PID:-}" ]]; then
    kill -KILL "$CLUSTER_PID" 2>/dev/null || true # it may be stopped
    wait "$CLUSTER_PID" 2>/dev/null || true       # else bash says that it was killed
  fi
  keep_evidence
}

# When a test fails, bats-core 1.14 leaves the countdown of its limit behind, which then ends whatever has the test's
# number by that time. It is the first thing that runs in the background of a test.
end_countdown() {
  local countdown
  countdown="$(jobs -p | head -n 1)"
  [[ -z "$countdown" ]] || kill "$countdown" 2>/dev/null || true # it has ended if the limit was reached
}

# The directory of a test that failed, with its runs and its cluster's log, stays and is named.
keep_evidence() {
  local kept
  [[ -z "${BATS_TEST_COMPLETED:-}" && -z "${BATS_TEST_SKIPPED:-}" ]] || return 0
  kept="$FAILED_TESTS/$(date -u +%Y%m%d-%H%M%S)-$(basename "$BATS_TEST_FILENAME" .bats)-$BATS_TEST_NUMBER"
  mkdir -p "$FAILED_TESTS"
  cp -R "$BATS_TEST_TMPDIR" "$kept" || true # a file may go while it is copied
  echo "what this test has left: $kept"
  # The oldest go; names begin with the time.
  find "$FAILED_TESTS" -mindepth 1 -maxdepth 1 | sort -r | sed "1,${FAILED_TESTS_KEPT}d" | while IFS= read -r old; do
    rm -rf "$old"
  done
}
