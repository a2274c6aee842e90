# Several runs, one after another: what is to run, which of them this process is, and how it becomes the next one.
#
# Owns the S_* arrays, SERIES, SERIES_FILE and CONFIG. Calls options.bash, common.bash and `persist` of end.bash.
#
# shellcheck shell=bash disable=SC2034,SC2153 # state of run-experiment.sh, read by the files beside this one

# What this process is to run. It ends here if nothing is left.
choose_run() {
  if [[ -n "$SERIES_FILE" ]]; then
    read_series "$SERIES_FILE"
  else
    plan_series
    read_series "$WORK_DIR/series.tsv"
    print_series
  fi
  find_planned_run
  if [[ -z "$CONFIG" ]]; then
    log "nothing is left to run"
    exit 0
  fi
}

read_series() {
  local file="$1" i result id number of name seconds sha256 run config
  while IFS=$'\t' read -r result id number of name seconds sha256 run config; do
    i=$S_COUNT
    SERIES="$id" S_RESULT[i]="$result" S_NUMBER[i]="$number" S_OF[i]="$of" S_NAME[i]="$name"
    S_SECONDS[i]="$seconds" S_SHA256[i]="$sha256" S_RUN[i]="$run" S_CONFIG[i]="$config"
    S_COUNT=$((S_COUNT + 1))
  done <"$file"
}

plan_series() {
  local i options=() said
  for ((i = 0; i < ${#CONFIGS[@]}; i++)); do
    CONFIGS[i]="$(find_config "${CONFIGS[i]}")" || refuse # it has said what is wrong
  done
  [[ "$RESUME" == false ]] || options+=(--resume)
  [[ "$EMBEDDED" == false ]] || options+=(--embedded)
  [[ -z "$COOLDOWN_S" ]] || options+=(--cooldown "$COOLDOWN_S")
  if ! shield run_python wva_parse series ${options[@]+"${options[@]}"} -- "${CONFIGS[@]}" \
    >"$WORK_DIR/series.out" 2>"$WORK_DIR/series.err"; then
    cat "$WORK_DIR/series.err" >&2 # it has said what is wrong
    refuse
  fi
  while IFS= read -r said; do log "$said"; done <"$WORK_DIR/series.err"
  awk -F '\t' -v OFS='\t' '{ print ($7 == "-" ? "planned" : 0), $0 }' "$WORK_DIR/series.out" >"$WORK_DIR/series.tsv"
}

write_series() {
  local i
  [[ -n "$SERIES_FILE" ]] || SERIES_FILE="$(undisturbed mktemp "${TMPDIR:-/tmp}/wva-series.XXXXXX")"
  for ((i = 0; i < S_COUNT; i++)); do
    printf '%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n' "${S_RESULT[i]}" "$SERIES" "${S_NUMBER[i]}" "${S_OF[i]}" \
      "${S_NAME[i]}" "${S_SECONDS[i]}" "${S_SHA256[i]}" "${S_RUN[i]}" "${S_CONFIG[i]}"
  done >"$SERIES_FILE"
}

# Sets CONFIG, to nothing if no run is left.
find_planned_run() {
  CONFIG=
  for ((S_AT = 0; S_AT < S_COUNT; S_AT++)); do
    if [[ "${S_RESULT[S_AT]}" == planned ]]; then
      CONFIG="${S_CONFIG[S_AT]}"
      return 0
    fi
  done
}

say_repetition() { printf 'repetition %s of %s of %s' "${S_NUMBER[$1]}" "${S_OF[$1]}" "${S_NAME[$1]}"; }

# Before the first run: what there is to run, and what is not run again.
print_series() {
  local i
  [[ $S_COUNT -gt 1 || "$RESUME" == true ]] || return 0
  log "series $SERIES:"
  for ((i = 0; i < S_COUNT; i++)); do
    if [[ "${S_RESULT[i]}" == planned ]]; then
      log "  $(say_repetition "$i")"
    else
      log "  $(say_repetition "$i") is complete and not run again: ${S_RUN[i]}"
    fi
  done
}

# A series is of one config from its first run to its last.
refuse_changed_config() {
  printf '%s\n' "$CONFIG_SHA256" "${W_SHA256[@]}" >"$WORK_DIR/inputs"
  [[ "$(sha256_of "$WORK_DIR/inputs")" == "${S_SHA256[S_AT]}" ]] ||
    die 3 "$CONFIG or a manifest of it has changed since this series was begun; begin a new one with it, or undo the change"
}

# Becomes the next run. After the last one: what to do with them all, and the status of the worst.
go_on() {
  local i
  [[ "$EXIT_STATUS" -ne 130 ]] || exit 130
  S_RESULT[S_AT]="$EXIT_STATUS" S_RUN[S_AT]="${RUN_DIR:--}"
  # A dry run looks at each config once.
  for ((i = 0; i < S_COUNT; i++)); do
    [[ "$DRY_RUN" == false || "${S_CONFIG[i]}" != "$CONFIG" ]] || S_RESULT[i]=dry
  done
  find_planned_run
  if [[ -n "$CONFIG" ]]; then
    write_series || die 1 "what is left of the series cannot be written down in ${TMPDIR:-/tmp}"
    tidy_up
    # An ignored signal stays ignored in what we become, one that was noted would be forgotten.
    trap - INT TERM HUP PIPE
    [[ $SIGNALS -eq 0 ]] || exit 130
    export WVA_SERIES="$SERIES_FILE"
    exec "$BASH" "$SCRIPT" "${ARGUMENTS[@]}"
  fi
  exit "$(worst_status)"
}

worst_status() {
  local worst
  for worst in 4 5 1 0; do
    [[ " ${S_RESULT[*]} " != *" $worst "* ]] || break
  done
  printf '%s\n' "$worst"
}

# At the end of a series, whatever ended it.
close_series() {
  local i complete=() others=0
  [[ -z "$SERIES_FILE" ]] || persist rm -f "$SERIES_FILE"
  [[ $S_COUNT -gt 1 && "$DRY_RUN" == false ]] || return 0
  [[ -n "$RUN_DIR" || $S_AT -gt 0 ]] || return 0 # nothing was begun
  for ((i = 0; i < S_COUNT; i++)); do
    case "${S_RESULT[i]}" in
      0 | 1) complete+=("${S_RUN[i]}") ;;
      *) others=$((others + 1)) ;;
    esac
  done
  log "series $SERIES: ${#complete[@]} of $S_COUNT runs are complete"
  [[ $others -eq 0 ]] || log "run the others with: $(say_resume)"
  [[ ${#complete[@]} -lt 2 ]] || log "compare them with: $(call_of compare "${complete[@]}")"
}

say_resume() {
  local argument
  printf '%q --resume' "$SCRIPT"
  for argument in "${ARGUMENTS[@]}"; do
    [[ "$argument" == --resume ]] || printf ' %q' "$argument"
  done
}
