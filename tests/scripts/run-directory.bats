#!/usr/bin/env bats
# The directory of a run, where it cannot be made.

load helpers/test

setup() {
  # shellcheck source=run-experiment.sh
  source "$BATS_TEST_DIRNAME/../../run-experiment.sh"
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
