#!/usr/bin/env bats
# What the runner makes of a workload's own words, without a cluster.

load helpers/test

setup() {
  # shellcheck source=run-experiment.sh
  source "$BATS_TEST_DIRNAME/../../run-experiment.sh"
  set +o nounset # what bats tells of a failure has variables that may not be set
  PATH="$PROJECT/.venv/bin:$PATH"
  RUN_DIR="$BATS_TEST_TMPDIR" RUN_LOG=
  mkdir "$RUN_DIR/job-logs"
  FOLLOWED="$RUN_DIR/job-logs/first.log.followed"
  W_NAME=(first) W_CLIENTS=(1) W_SENDING_S=('') W_ALL_SEND_S=('') W_HOW=(parallel) W_PLAN_START=(0) W_PLAN_END=(60) W_DRAIN_S=(30)
  # The plan began a minute ago, the Job half a minute ago; the cluster's clock shows 1970.
  T0_MS="$(($(now_ms) - 60000))" LOCAL_MS="$T0_MS" CLUSTER_MS=1000000 SPEED=1
  PLAN_START_S="$(cluster_s "$T0_MS")"
  W_SINCE_MS=("$((T0_MS + 30000))")
}

# first_line WALL: the container's log, with so much behind its first line that a pipe would be full.
first_line() {
  printf '# wall=%s monotonic=5.000\n' "$1" >"$FOLLOWED.now"
  for _ in 1 2 3; do
    printf '%070000d\n' 0 >>"$FOLLOWED.now"
  done
}

@test "a line has the clock of this machine, and of the plan once it has begun" {
  local at="$((T0_MS + 59900))" # a moment ago
  SPEED=20
  [[ "$(stamp)" =~ ^[0-9]{2}:[0-9]{2}:[0-9]{2}Z\ \ 20:[0-5][0-9]$ ]]
  [[ "$(T0_MS="$at" stamp)" =~ Z\ \ 0:[0-5][0-9]$ ]]
  [[ "$(T0_MS=0 stamp)" =~ ^[0-9]{2}:[0-9]{2}:[0-9]{2}Z$ ]]
}

@test "no log yet: nothing is known" {
  note_sending 0
  [ -z "${W_SENDING_S[0]}" ]
  : >"$FOLLOWED.now"
  note_sending 0
  [ -z "${W_SENDING_S[0]}" ]
}

@test "the first line of a long log places the sending on the axis of the plan" {
  first_line 1040.250
  note_sending 0
  [ "${W_SENDING_S[0]}" -eq 40 ]
  run is_over 0 129
  [ "$status" -eq 1 ]
  is_over 0 130
}

@test "a node's clock that is behind or ahead is told, and does not cut the load" {
  first_line 520.000 # 8 min behind
  run note_sending 0
  [[ "$output" == *"first: the clock of its node is at least 5"[01]"0 s off"* || "$output" == *"at least 51"[0-9]" s off"* ]]
  note_sending 0
  [ "${W_SENDING_S[0]}" -ge 29 ]
  [ "${W_SENDING_S[0]}" -le 35 ]

  W_SENDING_S=('') W_ALL_SEND_S=('')
  first_line 5000.000
  run note_sending 0
  [[ "$output" == *"clock of its node"* ]]
  note_sending 0
  [ "${W_SENDING_S[0]}" -ge 60 ]
  [ "${W_SENDING_S[0]}" -le 90 ]
}

@test "an obstacle is given up a while after it was seen, not after the Job's creation" {
  SPEED=10 W_SINCE_MS=("$T0_MS") W_REASON=('') W_BLOCKED_MS=('') W_STATE=(active)
  finish_workload() { echo "$2: $3"; }
  run note_obstacle 0 "ErrImagePull"
  [[ "$output" == *"first does not start: ErrImagePull"* && "$output" != *"failed: "* ]]
  W_BLOCKED_MS=("$(($(now_ms) - 20000))") W_REASON=(ErrImagePull)
  run note_obstacle 0 "ErrImagePull"
  [ "$output" = "failed: ErrImagePull" ]
}
