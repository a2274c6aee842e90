# The end of a run, as planned or not: the load is stopped, the evidence kept, the verdict written; then the analysis.
#
# Owns EXIT_STATUS, RUN_STATUS, RUN_END, CLOSED, HEARD and the child "analysis"; writes run.json, README.md and
# metrics.csv. Calls all the other files. Of an interrupted run all of it has one budget (signals.bash); what could not
# be done in it is said.
#
# shellcheck shell=bash disable=SC2034,SC2153 # state of run-experiment.sh, read by the files beside this one

CREATION_TIMEOUT_S=3    # of Jobs that are being created
LAST_WORDS_TIMEOUT_S=60 # for the logs of all the Jobs; of the budget they get what is left
AFTER_LAST_WORDS_S=9    # of the budget, for the deletion of the Jobs and what follows
CLOSED=false
HEARD=0 # signals that the record of the run tells of
ANALYZING=false

# The action of the EXIT trap.
end_script() {
  local status="$1"
  exec 2>&8 # the step that was left may have sent it elsewhere
  if is_lost_signal "$status"; then
    SIGNALS=1
  elif is_unexpected; then
    status=1
    warn "an unexpected error at $FAILED_AT; please report it, with run.log"
  fi
  finish_run "$status"
  PHASE=closing
  stop_analysis
  tidy_up
  close_series
  [[ "$EXIT_STATUS" -ne 130 ]] || status=130 # whatever a signal has made of it
  exit "$status"
}

# Bash 5.2 may take the trap of a signal for a syntax error, if it comes while the shell reads a command substitution: then
# the script ends with 2, although it has refused nothing, and nobody has noted the signal.
is_lost_signal() { [[ "$1" -eq 2 && "$CLOSED" == false && $SIGNALS -eq 0 && -z "$FAILED_AT" && "$REFUSED" == false ]]; }

# An error that no line of ours expects ends the script without a word, with the status of whatever it was.
is_unexpected() { [[ "$CLOSED" == false && $SIGNALS -eq 0 && -n "$FAILED_AT" ]]; }

# Once: evidence first, then what this run has started.
finish_run() {
  local status="$1"
  [[ "$CLOSED" == false ]] || return 0
  CLOSED=true PHASE=closing
  set +o errexit # each step matters, whatever became of the one before
  trap '' PIPE   # whoever read our words may have gone
  [[ $SIGNALS -eq 0 ]] || status=130
  [[ "$status" -ne 130 ]] || begin_budget
  EXIT_STATUS="$status"
  stop_watch
  HEARD=$SIGNALS
  if [[ -n "$RUN_DIR" ]]; then
    close_run
  elif [[ $HEARD -gt 0 && ${#CONFIGS[@]} -gt 0 ]]; then
    log "interrupted before the run began: no load was started"
  fi
  stop_embedded_cluster
  [[ $HEARD -eq 0 ]] || EXIT_STATUS=130
  # A later one is for what follows, such as the analysis: this run is what its record says.
  PHASE=running SIGNALS=$((SIGNALS - HEARD)) FIRST_SIGNAL_S='' END_DEADLINE_S=''
}

# Processes and files that are of no use to anybody else. Safe to call twice.
tidy_up() {
  [[ -n "$WORK_DIR" ]] || return 0
  stop_children
  persist rm -rf "$WORK_DIR"
  WORK_DIR=
  [[ -n "$RUN_DIR" ]] || RUN_LOG= # it was in there
}

close_run() {
  [[ "$EXIT_STATUS" -ne 130 ]] || log "interrupted: stopping the load and saving what there is; once more to leave at once"
  persist stop_load
  [[ "$EXIT_STATUS" -ne 130 ]] || give_up_silent_cluster
  persist look_at_cluster
  persist save_snapshot after
  persist stop_monitor
  persist release_jobs # once more, if that was not possible before
  say_released
  close_collection
  persist judge_run
  persist note_end
  write_verdict
  persist write_metrics
  HEARD=$SIGNALS
  if [[ $HEARD -gt 0 && "$RUN_STATUS" != interrupted ]]; then
    EXIT_STATUS=130 RUN_STATUS=interrupted
    write_verdict
  fi
  log "$RUN_STATUS: data in $RUN_DIR"
  [[ "$EXIT_STATUS" -eq 130 || "$ANALYZE" == true || $S_COUNT -gt 1 ]] ||
    log "analyse it with: $(call_of analyze --html "$RUN_DIR")"
}

# Ctrl-C ends the programs that run at that moment as well: a step of the end that met it is done again.
persist() {
  local before=$SIGNALS
  "$@"
  [[ $SIGNALS -eq $before ]] || "$@"
}

# A second signal: from inside its trap, so nothing here may take time.
leave_at_once() {
  trap '' INT TERM HUP
  exec 2>&8 # it came in the middle of a step that may have sent it elsewhere
  local i
  log "leaving at once; incomplete data in ${RUN_DIR:-no directory}"
  [[ "$JOBS_CREATED" == false ]] || log "load Jobs may still run; remove them with: $(say_remains)"
  dismiss_children
  if [[ -n "$RUN_DIR" ]]; then
    for ((i = 0; i < W_COUNT; i++)); do
      [[ "${W_STATE[i]}" != active ]] || W_RESULT[i]=interrupted
      [[ "${W_STATE[i]}" == planned || "${W_ENDED_ITSELF[i]}" == true || "${W_RELEASE[i]}" == 'done' ]] ||
        W_STUCK[i]="the run was left at once" W_END[i]=''
    done
    EXIT_STATUS=130 RUN_STATUS=interrupted
    write_run_json
  fi
  dismiss_children # the collector takes the second one as an order to hurry
  [[ -z "$WORK_DIR" ]] || rm -rf "$WORK_DIR"
  close_series
  trap - EXIT
  exit 130
}

# TERM to all that still runs, without waiting for it.
dismiss_children() {
  local file
  for file in "$CHILDREN_DIR"/*.pid; do
    [[ ! -e "$file" ]] || has_ended "$(basename "$file" .pid)" || signal_child TERM "$(basename "$file" .pid)"
  done
}

# --- the load -------------------------------------------------------------------------------------

# Whatever is still active was interrupted. The last words of the load are read, then its Jobs deleted.
stop_load() {
  local i keeping=()
  wait_for "$(budget_s "$CREATION_TIMEOUT_S" "$AFTER_LAST_WORDS_S")" has_ended create.marker || stop_child create.marker 1
  note_starts "$(budget_s "$CREATION_TIMEOUT_S" "$AFTER_LAST_WORDS_S")" # or a Job might come after its deletion
  for ((i = 0; i < W_COUNT; i++)); do
    keeping+=("finish.$i")
    [[ "${W_STATE[i]}" != active ]] || end_workload "$i" interrupted
    if [[ -n "${W_START[i]}" && "${W_SAVED[i]}" == false ]]; then
      note_sending "$i"
      start_child "log.$i" save_job_log "$i"
      W_SAVED[i]=true
      keeping+=("log.$i")
    fi
  done
  [[ ${#keeping[@]} -eq 0 ]] || wait_for "$(budget_s "$LAST_WORDS_TIMEOUT_S" "$AFTER_LAST_WORDS_S")" have_ended "${keeping[@]}" ||
    warn "the logs of the load Jobs could not all be kept in time"
  note_last_releases
  release_jobs
}

# What the background had still to do.
note_last_releases() {
  local i
  for ((i = 0; i < W_COUNT; i++)); do
    if [[ "${W_RELEASE[i]}" == trying ]] && has_ended "finish.$i" && has_ended "release.$i" &&
      [[ "$(status_of_release "$i")" == 0 ]]; then
      note_release "$i"
    fi
  done
}

# What is not answered now will not be within a few seconds more.
give_up_silent_cluster() {
  local said
  [[ "$JOBS_CREATED" == true ]] || return 0 # it has just stopped the Jobs, or there were none
  if ! said="$(kube get --raw /version 2>&1)" && { [[ -z "$said" ]] || is_outage "$said"; }; then
    warn "the API server does not answer: no state of the cluster after the run, and the end of the log may be missing"
    LISTS_NOTHING=true MONITOR_STOP_TIMEOUT_S=4
  fi
}

# --- the verdict ----------------------------------------------------------------------------------

# A collection that did not end has not read what came after its last poll, whatever it has noted until then.
close_collection() {
  local file="$RUN_DIR/collection.json"
  [[ -s "$file" ]] || printf '{}\n' >"$file" # the collector has never polled
  [[ "$(jq 'has("running") and (.running | not)' "$file")" != true ]] || return 0
  jq '.running = false | .complete = false
    | .reasons = ((.reasons // []) + [if .polls then "the collector did not end: lines after "
        + (([.containers[]?.last | strings] | max) // "its start") + " may be missing" else "the collector has not begun" end])' \
    "$file" >"$file.part" && mv "$file.part" "$file"
}

write_verdict() {
  persist write_run_json
  persist write_readme
}

write_metrics() {
  local said="$WORK_DIR/csv.said" line
  [[ -s "$RUN_DIR/wva-controller-logs.jsonl" ]] || return 0
  bounded "$END_BUDGET_S" 0 run_python wva_parse csv "$RUN_DIR" </dev/null >"$said" 2>&1 ||
    warn "metrics.csv could not be written; see run.log, and try: $(call_of csv "$RUN_DIR")"
  cat "$said" >>"$RUN_LOG"
  # What the log tells and nobody could read must not be found out weeks later.
  while IFS= read -r line; do
    warn "the controller's log: $line"
  done < <(sed -n 's/^wva_parse csv: not read: //p' "$said")
}

note_end() {
  RUN_END="$(cluster_now)"
  [[ -z "$COOLDOWN_START" || -n "$COOLDOWN_END" ]] || COOLDOWN_END="$RUN_END"
}

judge_run() {
  [[ "$EXIT_STATUS" -ne 0 ]] || EXIT_STATUS="$(status_of_run)"
  RUN_STATUS="$(name_of_status "$EXIT_STATUS")"
}

status_of_run() {
  local i status=0
  if ! is_collection_complete; then
    jq -r '.reasons[]? | "the log may have gaps: " + .' "$RUN_DIR/collection.json" >&2
    status=5
  fi
  for ((i = 0; i < W_COUNT; i++)); do
    case "${W_RESULT[i]}" in
      complete) ;;
      cut) has_all_requests "$i" || status=4 ;; # it may have told all while it was cut
      *) status=4 ;;
    esac
    ! is_still_sending "$i" || status=4
  done
  printf '%s\n' "$status"
}

has_all_requests() {
  local name
  while IFS= read -r name; do
    [[ -s "$RUN_DIR/requests/$name.csv" ]] || return 1
  done < <(file_names "$1")
}

name_of_status() {
  case "$1" in
    0) printf 'complete\n' ;;
    5) printf 'incomplete-collection\n' ;;
    130) printf 'interrupted\n' ;;
    *) printf 'failed\n' ;;
  esac
}

write_readme() {
  shield run_python wva_parse readme "$RUN_DIR" </dev/null >/dev/null 2>>"$RUN_LOG" ||
    warn "README.md could not be written; see run.log, and try: $(call_of readme "$RUN_DIR")"
}

# --- the analysis ---------------------------------------------------------------------------------

analyze_run() {
  [[ "$ANALYZE" == true && "$EXIT_STATUS" -ne 130 ]] || return 0
  local began=$SECONDS
  log "analysing, for about ten seconds"
  ANALYZING=true
  start_child analysis run_python wva_parse analyze "$RUN_DIR" --html </dev/null >>"$RUN_LOG" 2>&1
  until has_ended analysis; do
    sleep_ms 200
    [[ ! -t 2 ]] || printf '\r%s s ' "$((SECONDS - began))" >&2
  done
  [[ ! -t 2 ]] || printf '\r' >&2
  ANALYZING=false
  if [[ "$(status_of_child analysis)" == 0 ]]; then
    log "report: $RUN_DIR/report.html, summary: $RUN_DIR/ANALYSIS_SUMMARY.md"
    show_link "$RUN_DIR/report.html"
  else
    warn "the analysis failed; see $RUN_DIR/run.log, and try: $(call_of analyze "$RUN_DIR")"
    [[ "$EXIT_STATUS" -ne 0 ]] || EXIT_STATUS=1
  fi
}

# A line that opens a file, on terminals of which it is known that they make links of such.
show_link() {
  [[ -t 2 ]] || return 0
  case "${TERM_PROGRAM:-}${VTE_VERSION:+vte}${KITTY_WINDOW_ID:+kitty}${WT_SESSION:+wt}" in
    iTerm.app* | WezTerm* | vscode* | ghostty* | *vte | *kitty | *wt)
      printf '\033]8;;file://%s\033\\open the report\033]8;;\033\\\n' "${1// /%20}" >&2
      ;;
  esac
}

stop_analysis() {
  [[ "$ANALYZING" == true ]] || return 0
  ANALYZING=false
  stop_child analysis
  log "the analysis was interrupted, all data of the run is kept; go on with: $(call_of analyze "$RUN_DIR")"
}
