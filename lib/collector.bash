# The collector of the controller's log (monitor-wva.sh) and the live view: started, looked after, stopped.
#
# Owns MONITOR_STARTED, WATCH_STARTED and the children "monitor" and "watch". Writes nothing itself: monitor-wva.sh
# writes wva-controller-logs.jsonl, collection.json and cluster-samples.jsonl. Calls common.bash and signals.bash.
#
# shellcheck shell=bash disable=SC2153 # state of run-experiment.sh

FIRST_LINES_TIMEOUT_S=90 # cluster time: a controller logs at least once a minute
FIRST_LINES_LEAST_S=60   # real time: a busy machine takes its own to begin
MONITOR_STOP_TIMEOUT_S=75
MONITOR_HURRY_S=2 # of that, for one that was told that it takes too long
MONITOR_STARTED=false
WATCH_STARTED=false

start_monitor() {
  WVA_NAMESPACE="$NAMESPACE" WVA_DEPLOYMENT="$DEPLOYMENT" WVA_CONTEXT="$CONTEXT" WVA_PARENT=$$ \
    WVA_CLOCK="$CLUSTER_MS $LOCAL_MS $SPEED" \
    start_child monitor exec "$PROJECT/monitor-wva.sh" "$CONTROLLER_NAMESPACE" "$POD_PREFIX" \
    "$RUN_DIR/wva-controller-logs.jsonl" "$INTERVAL_S" </dev/null >>"$RUN_LOG" 2>&1
  MONITOR_STARTED=true
}

# A run without its log is worth nothing: wait for the first lines, or say why there are none.
await_first_lines() {
  local wait_s
  wait_s="$(jq -n --argjson s "$FIRST_LINES_TIMEOUT_S" --argjson speed "$SPEED" \
    --argjson least "$FIRST_LINES_LEAST_S" '[$s / $speed, $least] | max | ceil')"
  wait_for "$wait_s" has_first_lines ||
    die 3 "no line of the controller's log within $wait_s s: $(collection_reason)"
  log "collecting the log of the controller"
}

has_first_lines() {
  ! has_ended monitor || die 3 "the collector has ended: $(tail -n 1 "$RUN_LOG")"
  [[ -s "$RUN_DIR/wva-controller-logs.jsonl" ]]
}

collection_reason() {
  jq -r 'if .polls == .failed_polls then "its pods cannot be listed"
    elif .containers == [] then "its containers have not started"
    else "it logs nothing; is it the right one, and does it reconcile?" end' "$RUN_DIR/collection.json" 2>/dev/null ||
    printf 'the collector has not polled yet\n'
}

ensure_monitor() {
  if has_ended monitor; then
    warn "the collector has ended; starting it again"
    start_monitor
  fi
}

# The collector alone hears TERM: it polls once more, and stops those who follow the containers itself.
stop_monitor() {
  [[ "$MONITOR_STARTED" == true ]] || return 0
  local pid timeout_s
  pid="$(<"$CHILDREN_DIR/monitor.pid")"
  timeout_s="$(budget_s "$MONITOR_STOP_TIMEOUT_S" "$((CLOSING_FILES_S - 1))")"
  kill -TERM "$pid" 2>/dev/null || true # if it is gone, there is nothing to stop
  wait_for $((timeout_s - MONITOR_HURRY_S)) has_ended monitor || kill -TERM "$pid" 2>/dev/null || true
  wait_for "$MONITOR_HURRY_S" has_ended monitor || warn "the collector has not ended within $timeout_s s"
  signal_child KILL monitor # what is left of it, most often nothing, must not write any more
  MONITOR_STARTED=false
}

is_collection_complete() { jq -e '.complete and (.running | not)' "$RUN_DIR/collection.json" >/dev/null 2>&1; }

# For whoever looks on: a block on a terminal, else one line per reconciliation.
start_watch() {
  start_child watch run_python wva_parse watch "$RUN_DIR" --parent $$ </dev/null >&2 2>>"$WORK_DIR/watch.err"
  WATCH_STARTED=true
}

# If nobody reads our words any more, the live view learns it first. Saying so tells us as well: PIPE ends the run.
notice_end_of_watch() {
  if [[ "$WATCH_STARTED" == true ]] && has_ended watch; then
    WATCH_STARTED=false
    warn "the live view has ended; the run goes on. See it with: $(call_of watch "$RUN_DIR")"
  fi
}

stop_watch() {
  [[ "$WATCH_STARTED" == true ]] || return 0
  stop_child watch
  WATCH_STARTED=false
}
