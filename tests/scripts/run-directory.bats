#!/usr/bin/env bats
# The directory of a run, where it cannot be made; and what its end says of a log that could not all be read.

load helpers/test

setup() {
  # shellcheck source=run-experiment.sh
  source "$BATS_TEST_DIRNAME/../../run-experiment.sh"
  PATH="$PROJECT/.venv/bin:$PATH"
  set +o nounset # what bats tells of a failure has variables that may not be set
  BASE_DIR="$BATS_TEST_TMPDIR" RUN_ID=20260101-000000
}

@test "another run of this second is told from a place that cannot be written to" {
  NAME=taken
  mkdir "$BASE_DIR/$NAME-$RUN_ID"
  run create_run_dir
  [ "$status" -eq 3 ]
  [[ "$output" == *"another run has begun in this second"* ]]

  NAME="$(printf 'a%.0s' {1..300})" # no file system takes it, not even from root
  run create_run_dir
  [ "$status" -eq 3 ]
  [[ "$output" == *"$BASE_DIR cannot be written to"* ]]
  [ "${#lines[@]}" -eq 1 ]
}

@test "a yq that says its version in two lines, one after the other" {
  local bin="$BATS_TEST_TMPDIR/bin"
  find_tools
  WORK_DIR="$BATS_TEST_TMPDIR"
  printf '{}\n' >"$WORK_DIR/version.json"
  mkdir "$bin"
  # shellcheck disable=SC2016 # the stub's own words
  printf '#!/usr/bin/env bash\nset -e\necho yq 4.4.5\nsleep 0.2\necho "$(jq --version)"\n' >"$bin/yq"
  chmod +x "$bin/yq"
  set -o pipefail
  PATH="$bin:$PATH" describe_tools >"$BATS_TEST_TMPDIR/tools.json"
  [ "$(jq -r .tools.yq "$BATS_TEST_TMPDIR/tools.json")" = "yq 4.4.5" ]
}

@test "the end of a run says what of the controller's log could not be read" {
  find_tools
  RUN_DIR="$BATS_TEST_TMPDIR/r" WORK_DIR="$BATS_TEST_TMPDIR" RUN_LOG="$BATS_TEST_TMPDIR/run.log"
  mkdir "$RUN_DIR"
  printf '%s\n' '{"level":"INFO","ts":"2026-01-01T00:00:00.000Z","msg":"Starting manager"}' \
    '{"level":"DEBUG","ts":"2026-01-01T00:00:00.000Z","msg":"Optimization solution - system: Solution: \ns=a:n; class=P \n"}' \
    >"$RUN_DIR/wva-controller-logs.jsonl"
  run write_metrics
  [ "$status" -eq 0 ]
  [[ "$output" == *"WARNING: the controller's log: 0 of 1 solutions were read: line 2: "* ]]
  grep -q '2 lines: 2 known' "$RUN_LOG"
  [ -s "$RUN_DIR/metrics.csv" ]
}
