# For the test of the budget: a run whose API server answers nothing and whose collector does not end, and a clock that
# stands still but for jumping over each wait to its end.
# shellcheck shell=bash disable=SC2034 # state of run-experiment.sh, which is sourced before

exec 8>&2
unset SECONDS # so that it is a variable like any other
SECONDS=0

# As the real one, for what is not so now and will not be.
wait_for() {
  local seconds="$1" left=$((END_DEADLINE_S - SECONDS))
  shift
  ! "$@" || return 0
  SECONDS=$((SECONDS + (seconds < left ? seconds : left > 0 ? left : 0)))
  return 1
}

# end_in_silence DIRECTORY
end_in_silence() {
  local began
  find_tools
  make_work_dir
  RUN_DIR="$1/run" RUN_ID=20260101-000000 RUN_LOG="$1/run.log"
  mkdir -p "$RUN_DIR/cluster" "$RUN_DIR/job-logs"
  KUBECTL=(hang) SIMULATED=true SPEED=1
  NAMESPACE=llm CONTROLLER_NAMESPACE=wva POD_PREFIX=controller DEPLOYMENT=decode MODEL=model RUN_START=2026-01-01T00:00:00Z
  CONFIG_JSON='{"name": "silent", "mode": "model-based", "namespace": "llm", "deployment": "decode", "model_name": "model"}'
  S_NUMBER=(1) S_OF=(1) S_COUNT=1
  W_COUNT=2 JOBS_CREATED=true
  W_NAME=(first second) W_MANIFEST=(a b) W_RATE=(1 1) W_SEED=(1 2) W_HOW=(parallel parallel) W_PLAN_START=(0 0)
  W_PLAN_END=(9 9) W_JOB=(a b) W_SHA256=('' '') W_START=(2026-01-01T00:00:00Z '') W_END=('' '') W_LATE_S=('' '')
  W_RESULT=(running not-started) W_REASON=('' '') W_STATE=(active creating) W_SAVED=(false false) W_SINCE_MS=(0 0)
  W_PROMPTS=(9 9) W_DRAIN_S=(9 9) W_SENDING_S=('' '') W_CLIENTS=(1 3) W_ALL_SEND_S=('' '') W_RUNNING=('' '')
  W_RAN=('' '') W_RELEASE=('' '') W_STUCK=('' '') W_ENDED_ITSELF=(false false) W_TRIED=(true true)
  printf '{"clientVersion": {}, "serverVersion": {}}\n' >"$WORK_DIR/version.json"
  mkdir "$WORK_DIR/looks"
  printf 'jobs.batch\n' >"$WORK_DIR/looks/types"
  : >"$WORK_DIR/looks/types.err"
  : >"$WORK_DIR/create.err.1"
  start_child create.1 hang
  start_child monitor hang
  MONITOR_STARTED=true
  began=$SECONDS
  finish_run 130
  echo "took $((SECONDS - began)) s of its budget"
  tidy_up
}

hang() {
  trap '' TERM
  exec sleep 600
}
