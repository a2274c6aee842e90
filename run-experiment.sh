#!/usr/bin/env bash
#
# Run one WVA experiment: apply a known load to a model on Kubernetes, watch how WVA scales it, keep all evidence.
#
# Usage: run-experiment.sh [options] CONFIG...  run the experiment that CONFIG describes; several are interleaved
#        run-experiment.sh                      list the configs in experiment-configs/
#
# CONFIG is a path, or a bare name found in experiment-configs/ with or without .yaml. Its `repeat` says how often it
# is run; of two configs A and B the runs are A1 B1 A2 B2 and so on, each a complete run with a directory of its own.
#
#   -n, --dry-run         check everything, print the plan and its arrival rates; change nothing
#   -y, --yes             never ask; go on where a terminal would be asked (a controller in the other mode)
#       --analyze         execute the matching notebook at the end, and write report.html
#       --embedded        use a simulated cluster on this machine instead of a real one
#       --speed N         how many times faster than real time the simulated cluster runs (default 30)
#       --dialect D2|D3|D5|D7  whose release's log lines its controller prints (default D3; docs/log-lines.md)
#       --variants N      how many variants of the model it serves, one Deployment each (default 1)
#       --clean           first remove load Jobs that earlier runs on the same Deployment have left; asks if one is active
#       --resume          run only those repetitions of the configs' latest series that are not complete
#       --cooldown SECONDS   how long to watch after the last workload (default: the config's, else 120)
#       --keep-jobs       leave the load Jobs in the cluster
#       --context NAME    as kubectl's
#       --kubeconfig FILE    as kubectl's
#   -h, --help            print this
#
# Needs kubectl, yq, jq and Python 3.10 with this project's packages (`make setup` installs what is missing).
# Writes experiment-data/<name>-<YYYYmmdd-HHMMSS>/ (or below the config's output.base_dir); all times are UTC.
#
# Exit status: 0 complete, 1 the analysis of a complete run failed, 2 usage or invalid config, 3 refused by a check
# before the start, 4 a workload failed, 5 the controller's log may have gaps, 130 interrupted. With 1, 4, 5 and 130
# all data is kept. Of several runs 2, 3 and 130 end the series; after the others it goes on, and its own status is
# the worst of them: 4 before 5 before 1.

set -o errexit -o nounset -o pipefail

PROJECT="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
SCRIPT="$PROJECT/${BASH_SOURCE[0]##*/}"

REQUEST_TIMEOUT=10s
LEAST_PAUSE_MS=500         # real time between two looks at the cluster, however fast its clock runs
CLUSTER_START_TIMEOUT_S=30 # real time
FIRST_LINES_TIMEOUT_S=90   # cluster time: a controller logs at least once a minute
FIRST_LINES_LEAST_S=60     # real time: a busy machine takes its own to begin
START_GRACE_S=120          # cluster time that a Job may take to get over an obstacle, such as a missing node
DELETE_TIMEOUT=8s
MONITOR_STOP_TIMEOUT_S=12

# Options.
ARGUMENTS=() # as they were given
CONFIGS=()
DRY_RUN=false
ASSUME_YES=false
ANALYZE=false
EMBEDDED=false
KEEP_JOBS=false
CLEAN=false
RESUME=false
SIMULATION=() # options of the embedded cluster
COOLDOWN_S=
WANTED_SPEED=

# One entry per run of the series, in their order. Each run is a process that ends by becoming the next one, to which
# it hands this on in a file: what a terminal or a person sends to the series reaches the run.
S_NUMBER=() S_OF=() S_NAME=() S_SECONDS=() S_SHA256=() S_RUN=() S_CONFIG=()
S_RESULT=() # planned, the run's exit status, or dry for one that only has been checked
S_COUNT=0
S_AT=0 # this run
SERIES=
SERIES_FILE="${WVA_SERIES:-}"
unset WVA_SERIES

# From the config.
CONFIG=
CONFIG_SHA256=
CONFIG_JSON=
NAME='' MODE='' NAMESPACE='' CONTROLLER_NAMESPACE='' POD_PREFIX='' DEPLOYMENT='' MODEL='' ENDPOINT=''
INTERVAL_S='' TIMEOUT_S='' BASE_DIR=''

# The cluster.
KUBECTL=(kubectl)
CONTEXT=
SIMULATED=false
SPEED=1
CLUSTER_MS=0 # the cluster's clock ...
LOCAL_MS=0   # ... at this moment of the local one
HAS_CLUSTER_CLOCK=false

# What this run has started or made, for cleanup.
WORK_DIR=
RUN_ID=
RUN_DIR=
RUN_LOG=
SLEEP_PID=
CLUSTER_PID=
MONITOR_PID=
WATCH_PID=
ANALYSIS_PID=
JOBS_CREATED=false
CREATING=() # processes
CLEANED_UP=false
LISTS_NOTHING=false # the cluster is asked for no more lists
SIGNALS=0           # heard since the cleanup began
FIRST_SIGNAL_S=     # on bash's own clock

# One entry per workload, in the order of the plan.
W_NAME=() W_MANIFEST=() W_RATE=() W_SEED=() W_HOW=() W_PLAN_START=() W_PLAN_END=() W_JOB=() W_SHA256=()
W_START=() W_END=() W_LATE_S=() W_RESULT=() W_REASON=()
W_STATE=()    # planned, active, done
W_SINCE_MS=() # local clock at its start
W_COUNT=0

RUN_STATUS=running
RUN_START=
RUN_END=
COOLDOWN_START=
COOLDOWN_END=
EXIT_STATUS=
PREFLIGHT_FAILURES=0
T0_MS=0 # local clock at the experiment's start

# The live view draws its block below the cursor; a line of ours takes its place.
CLEAR_BELOW=
if [[ -t 2 && "${TERM:-dumb}" != dumb ]]; then CLEAR_BELOW=$'\033[J'; fi

# --- talk -----------------------------------------------------------------------------------------

log() {
  local line
  line="$(date -u +%H:%M:%SZ)  $*"
  [[ -z "$RUN_LOG" ]] || printf '%s\n' "$line" >>"$RUN_LOG"
  # Nobody reads our words any more, and who started us ignores SIGPIPE. The cleanup goes on all the same.
  printf '%s%s\n' "$CLEAR_BELOW" "$line" >&2 || [[ "$CLEANED_UP" == true ]] || exit 130
}

warn() { log "WARNING: $*"; }

die() {
  local status="$1"
  shift
  log "ERROR: $*"
  exit "$status"
}

# The comment at the top of this file.
print_usage() { sed -n '3,/^$/s/^# \{0,1\}//p' "${BASH_SOURCE[0]}"; }

# One verdict of the checks before the start: ok, warn or FAIL, what was seen, what to do.
report() {
  local verdict="$1" seen="$2" remedy="${3:-}"
  log "$(printf '  %-4s  %s' "$verdict" "$seen")"
  [[ -z "$remedy" ]] || log "        -> $remedy"
  [[ "$verdict" != FAIL ]] || PREFLIGHT_FAILURES=$((PREFLIGHT_FAILURES + 1))
}

is_terminal() { [[ -t 0 && -t 2 ]]; }

# --- tools and time -------------------------------------------------------------------------------

find_tools() {
  PATH="$PATH:$PROJECT/.venv/bin"
  PYTHON=python3
  [[ ! -x "$PROJECT/.venv/bin/python" ]] || PYTHON="$PROJECT/.venv/bin/python"
  local tool missing=
  for tool in kubectl yq jq "$PYTHON"; do
    command -v "$tool" >/dev/null || missing="$missing $tool"
  done
  [[ -z "$missing" ]] || die 3 "not installed:$missing; 'make setup' in $PROJECT installs what is missing"
  shield "$PYTHON" -c 'import sys; sys.exit(sys.version_info < (3, 10))' ||
    die 3 "$PYTHON is $("$PYTHON" --version 2>&1), expected 3.10 or later"
  # Looking for the packages is forty times as quick as importing them.
  shield "$PYTHON" -c 'import importlib.util, sys
sys.exit(any(importlib.util.find_spec(name) is None for name in sys.argv[1:]))' jsonschema orjson pandas yaml ||
    die 3 "$PYTHON lacks packages of this project; 'make setup' in $PROJECT installs them"
}

# Python answers Ctrl-C with a traceback. Short calls go on instead, and this shell gives the answer.
shield() { (trap '' INT && "$@"); }

run_python() { PYTHONPATH="$PROJECT${PYTHONPATH:+:$PYTHONPATH}" "$PYTHON" -m "$@"; }

kube() { "${KUBECTL[@]}" --request-timeout "$REQUEST_TIMEOUT" "$@" </dev/null; }

# create_job FILE OPTIONS...: the answer is its creation time. kubectl is not told the path: it takes commas and quotes
# in one for its own.
create_job() {
  local file="$1"
  shift
  "${KUBECTL[@]}" --request-timeout "$REQUEST_TIMEOUT" create --namespace "$NAMESPACE" --filename - \
    --output jsonpath='{.metadata.creationTimestamp}' "$@" <"$file"
}

now_ms() { jq -n 'now * 1000 | floor'; }

# Let so many milliseconds of real time pass; a signal is heard at once. Every wait of this script goes through here.
sleep_ms() {
  sleep "$(($1 / 1000)).$(printf '%03d' $(($1 % 1000)))" &
  SLEEP_PID=$!
  wait "$SLEEP_PID"
  SLEEP_PID=
}

# What a signal has left behind: a background sleep does not hear Ctrl-C.
stop_sleep() {
  [[ -z "$SLEEP_PID" ]] || kill "$SLEEP_PID" 2>/dev/null # it may have ended by itself
  SLEEP_PID=
}

# Seconds of the cluster's clock since the experiment's start.
elapsed_s() { jq -n --argjson t0 "$T0_MS" --argjson speed "$SPEED" '(now * 1000 - $t0) * $speed / 1000 | floor'; }

cluster_now() {
  jq -nr --argjson cluster "$CLUSTER_MS" --argjson local "$LOCAL_MS" --argjson speed "$SPEED" \
    '($cluster + (now * 1000 - $local) * $speed) / 1000 | floor | todate'
}

# Ask the cluster for its time once; the local clock counts from there.
read_cluster_clock() {
  local answer=
  if [[ "$SIMULATED" == true ]]; then
    answer="$(kube get --raw /embedded/clock | jq -r .now)" || answer=
  else
    answer="$(create_job "$WORK_DIR/jobs/${W_NAME[0]}.json" --dry-run=server 2>/dev/null)" || answer=
  fi
  LOCAL_MS="$(now_ms)"
  CLUSTER_MS="$LOCAL_MS"
  [[ -n "$answer" ]] || return 0
  HAS_CLUSTER_CLOCK=true
  # fromdate knows no fractions
  CLUSTER_MS="$(jq -n --arg t "$answer" '($t | sub("\\.[0-9]+Z$"; "Z") | fromdate) * 1000
    + (($t | capture("\\.(?<f>[0-9]{1,3})").f | tonumber) // 0)')"
}

sha256_of() {
  if command -v sha256sum >/dev/null; then
    sha256sum <"$1" | cut -d ' ' -f 1
  else
    shasum -a 256 <"$1" | cut -d ' ' -f 1
  fi
}

# --- options and config ---------------------------------------------------------------------------

parse_options() {
  local rest=()
  ARGUMENTS=("$@")
  while [[ $# -gt 0 ]]; do
    case "$1" in
      -n | --dry-run) DRY_RUN=true ;;
      -y | --yes) ASSUME_YES=true ;;
      --analyze) ANALYZE=true ;;
      --embedded) EMBEDDED=true ;;
      --keep-jobs) KEEP_JOBS=true ;;
      --clean) CLEAN=true ;;
      --resume) RESUME=true ;;
      --speed | --dialect | --variants | --cooldown | --context | --kubeconfig)
        [[ $# -ge 2 ]] || die 2 "$1 needs a value; see run-experiment.sh --help"
        set_option "$1" "$2"
        shift
        ;;
      --speed=* | --dialect=* | --variants=* | --cooldown=* | --context=* | --kubeconfig=*) set_option "${1%%=*}" "${1#*=}" ;;
      -h | --help)
        print_usage
        exit 0
        ;;
      --)
        shift
        rest+=("$@")
        break
        ;;
      -*) die 2 "unknown option '$1'; see run-experiment.sh --help" ;;
      *) rest+=("$1") ;;
    esac
    shift
  done
  CONFIGS=(${rest[@]+"${rest[@]}"})
  [[ "$EMBEDDED" == true || -z "$WANTED_SPEED" ]] || die 2 "--speed needs --embedded: a real cluster has its own pace"
  [[ "$EMBEDDED" == true || ${#SIMULATION[@]} -eq 0 ]] ||
    die 2 "${SIMULATION[0]} needs --embedded: it says what is simulated"
  [[ "$EMBEDDED" == false || ${#KUBECTL[@]} -eq 1 ]] || die 2 "--embedded brings its own cluster: leave out --context"
  [[ "$EMBEDDED" == false || -z "${KUBECONFIG_GIVEN:-}" ]] ||
    die 2 "--embedded brings its own cluster: leave out --kubeconfig"
}

set_option() {
  local option="$1" value="$2"
  case "$option" in
    --speed)
      [[ "$value" =~ ^[1-9][0-9]{0,3}$ ]] || die 2 "--speed: saw '$value', expected a whole number from 1 to 9999"
      WANTED_SPEED="$value"
      ;;
    --dialect)
      [[ "$value" =~ ^D[2357]$ ]] || die 2 "--dialect: saw '$value', expected D2, D3, D5 or D7"
      SIMULATION+=(--dialect "$value")
      ;;
    --variants)
      [[ "$value" =~ ^[1-9]$ ]] || die 2 "--variants: saw '$value', expected a number from 1 to 9"
      SIMULATION+=(--variants "$value")
      ;;
    --cooldown)
      [[ "$value" =~ ^[0-9]{1,6}$ ]] || die 2 "--cooldown: saw '$value', expected whole seconds"
      COOLDOWN_S="$((10#$value))"
      ;;
    --context)
      CONTEXT="$value"
      KUBECTL+=(--context "$value")
      ;;
    --kubeconfig)
      [[ -s "$value" ]] || die 2 "--kubeconfig: there is no file '$value'" # kubectl would silently try localhost
      export KUBECONFIG="$value"
      KUBECONFIG_GIVEN=true
      ;;
  esac
}

# Two unrelated programs are called yq; both know this long option.
yaml_to_json() {
  shield yq --output-format=json . "$1" | jq -cse 'if length == 1 and (.[0] | type) == "object" then .[0]
    else error("not exactly one YAML mapping") end'
}

list_configs() {
  local file
  printf 'configs in %s:\n' "$PROJECT/experiment-configs"
  for file in "$PROJECT"/experiment-configs/*.yaml; do
    yaml_to_json "$file" | jq -r --arg file "$(basename "$file" .yaml)" '"  \($file)\n      \(.description // "")"'
  done
  printf 'run one with: %s NAME   (--embedded needs no cluster; --help says more)\n' "$0"
}

# A path, or a bare name in experiment-configs/; the answer is absolute.
find_config() {
  local given="$1" file
  for file in "$given" "$PROJECT/experiment-configs/$given" "$PROJECT/experiment-configs/$given.yaml"; do
    [[ "$file" == "$given" || "$given" != */* ]] || continue
    if [[ -f "$file" ]]; then
      printf '%s/%s\n' "$(cd "$(dirname -- "$file")" && pwd)" "$(basename -- "$file")"
      return
    fi
  done
  die 2 "there is no config '$given', neither as a path nor in $PROJECT/experiment-configs;" \
    "without arguments the script lists those that exist"
}

read_config() {
  shield run_python wva_parse plan "$CONFIG" --repetition "${S_NUMBER[S_AT]}" >"$WORK_DIR/plan.tsv" ||
    exit 2 # it has said what is wrong
  CONFIG_SHA256="$(sha256_of "$CONFIG")"
  CONFIG_JSON="$(yaml_to_json "$CONFIG")" || die 2 "$CONFIG: yq and jq cannot read it"
  # One line per value: the check has refused texts of several lines.
  {
    read -r NAME
    read -r MODE
    read -r NAMESPACE
    read -r CONTROLLER_NAMESPACE
    read -r POD_PREFIX
    read -r DEPLOYMENT
    IFS= read -r MODEL
    read -r ENDPOINT
    read -r INTERVAL_S
    read -r TIMEOUT_S
    IFS= read -r BASE_DIR
    [[ -n "$COOLDOWN_S" ]] || read -r COOLDOWN_S
  } < <(jq -r '.name, .mode, .namespace, .controller_namespace, .controller_pod_prefix, .deployment, .model_name,
    .endpoint // "", .metrics.interval // 10, .timeout // 1800, .output.base_dir // "./experiment-data",
    .cooldown // 120' <<<"$CONFIG_JSON")
  [[ "$BASE_DIR" == /* ]] || BASE_DIR="$PROJECT/$BASE_DIR"
}

# --- series ---------------------------------------------------------------------------------------

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
    CONFIGS[i]="$(find_config "${CONFIGS[i]}")"
  done
  [[ "$RESUME" == false ]] || options+=(--resume)
  [[ "$EMBEDDED" == false ]] || options+=(--embedded)
  [[ -z "$COOLDOWN_S" ]] || options+=(--cooldown "$COOLDOWN_S")
  if ! shield run_python wva_parse series ${options[@]+"${options[@]}"} -- "${CONFIGS[@]}" \
    >"$WORK_DIR/series.out" 2>"$WORK_DIR/series.err"; then
    cat "$WORK_DIR/series.err" >&2 # it has said what is wrong
    exit 2
  fi
  while IFS= read -r said; do log "$said"; done <"$WORK_DIR/series.err"
  awk -F '\t' -v OFS='\t' '{ print ($7 == "-" ? "planned" : 0), $0 }' "$WORK_DIR/series.out" >"$WORK_DIR/series.tsv"
}

write_series() {
  local i
  [[ -n "$SERIES_FILE" ]] || SERIES_FILE="$(mktemp "${TMPDIR:-/tmp}/wva-series.XXXXXX")"
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
      return
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

# In the plan of each run: what this one is, and how long it and those after it take.
print_rest_of_series() {
  local i left=0 seconds=0
  [[ $S_COUNT -gt 1 ]] || return 0
  [[ "$DRY_RUN" == false || -z "$SERIES_FILE" ]] || return 0 # the first has said it
  for ((i = 0; i < S_COUNT; i++)); do
    if [[ "${S_RESULT[i]}" == planned ]]; then
      left=$((left + 1))
      seconds=$((seconds + S_SECONDS[i]))
    fi
  done
  log "$(say_repetition "$S_AT"), run $((S_AT + 1)) of $S_COUNT of the series"
  log "$(jq -nr --argjson left "$left" --argjson s "$seconds" --argjson speed "$SPEED" \
    '"the series takes about \($s) s more in \($left) \(if $left == 1 then "run" else "runs" end)"
     + (if $speed == 1 then "" else ": \($s / $speed | ceil) s at \($speed) times real time" end)
     + ", without starting and closing them; it ends after \(now + $s / $speed | floor | todate)"')"
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
    [[ $SIGNALS -eq 0 ]] || exit 130 # heard when the run was closed already
    write_series || die 1 "what is left of the series cannot be written down in ${TMPDIR:-/tmp}"
    trap - PIPE # an ignored signal stays ignored in what we become
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
  [[ -z "$SERIES_FILE" ]] || rm -f "$SERIES_FILE"
  [[ -n "$RUN_DIR" ]] || RUN_LOG= # it went with the temporary directory
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
  [[ ${#complete[@]} -lt 2 ]] || log "compare them with: python -m wva_parse compare$(printf ' %q' "${complete[@]}")"
}

say_resume() {
  local argument
  printf '%q --resume' "$SCRIPT"
  for argument in "${ARGUMENTS[@]}"; do
    [[ "$argument" == --resume ]] || printf ' %q' "$argument"
  done
}

# --- plan -----------------------------------------------------------------------------------------

read_plan() {
  local order start end name manifest rate seed how i=0
  while IFS=$'\t' read -r order start end name manifest rate seed how; do
    [[ "$order" != order ]] || continue # the header
    W_NAME[i]="$name" W_MANIFEST[i]="$manifest" W_RATE[i]="$rate" W_SEED[i]="$seed" W_HOW[i]="$how"
    W_PLAN_START[i]="$start" W_PLAN_END[i]="$end" W_STATE[i]=planned W_RESULT[i]=not-started
    W_JOB[i]='' W_START[i]='' W_END[i]='' W_REASON[i]='' W_LATE_S[i]='' W_SINCE_MS[i]=0
    W_SHA256[i]="$(sha256_of "$manifest")"
    i=$((i + 1))
  done <"$WORK_DIR/plan.tsv"
  W_COUNT=$i
}

# Each workload as the Job that will be created: own name, labels, model, endpoint and seed.
prepare_jobs() {
  local i base job
  mkdir -p "$WORK_DIR/jobs"
  for ((i = 0; i < W_COUNT; i++)); do
    yaml_to_json "${W_MANIFEST[i]}" >"$WORK_DIR/manifest.json" || die 2 "${W_MANIFEST[i]}: yq and jq cannot read it"
    base="$(jq -r .metadata.name "$WORK_DIR/manifest.json")"
    job="$base-$RUN_ID"
    # Two workloads may share a manifest.
    [[ " ${W_JOB[*]} " != *" $job "* ]] || job="${base:0:43}-$((i + 1))-$RUN_ID"
    W_JOB[i]="$job"
    jq --arg job "$job" --arg run "$RUN_ID" --arg workload "${W_NAME[i]}" --arg deployment "$DEPLOYMENT" \
      --arg model "$MODEL" --arg endpoint "$ENDPOINT" --arg seed "${W_SEED[i]}" '
      {"wva-experiments/run": $run, "wva-experiments/workload": $workload} as $labels
      | ({MODEL: $model, ENDPOINT: $endpoint, SEED: $seed} | with_entries(select(.value != ""))) as $values
      | .metadata.name = $job
      | .metadata.labels += $labels
      | .metadata.annotations += {"wva-experiments/deployment": $deployment}
      | .spec.template.metadata.labels += $labels
      | .spec.template.spec.containers |= map(
          if .env then .env |= map(if $values[.name] and .value then .value = $values[.name] else . end) else . end)
      ' "$WORK_DIR/manifest.json" >"$WORK_DIR/jobs/${W_NAME[i]}.json"
  done
}

# The plan as a table, and the sum of the rates over time.
print_plan() {
  local how="${W_HOW[0]}" end_s
  log "experiment $NAME ($MODE), $how, on $DEPLOYMENT in $NAMESPACE"
  log "workloads:"
  while IFS= read -r line; do log "  $line"; done < <(jq -Rrs '
    def pad($n): tostring | (" " * ($n - length)) + .;
    split("\n")[1:-1] | map(split("\t"))[]
    | "\(.[1] | pad(6)) s to \(.[2] | pad(6)) s  \(.[5] | pad(6)) req/s  \(.[3])"' "$WORK_DIR/plan.tsv")
  [[ "$how" == parallel ]] || log "  (times are estimates: each starts when the one before it has ended)"
  log "arrival rate:"
  while IFS= read -r line; do log "  $line"; done < <(jq -Rrs '
    def pad($n): tostring | (" " * ($n - length)) + .;
    split("\n")[1:-1] | map(split("\t") | {start: .[1] | tonumber, end: .[2] | tonumber, rate: .[5] | tonumber, name: .[3]})
    | . as $all
    | ([.[] | .start, .end] | unique) as $times
    | [range($times | length - 1) | {from: $times[.], to: $times[. + 1]}
       | . as $part
       | [$all[] | select(.start <= $part.from and .end >= $part.to)] as $active
       | . + {rate: ([$active[].rate] | add // 0), names: ([$active[].name] | join(" + "))}]
    | ([.[].rate] | max) as $peak
    | (.[] | "\(.from | pad(6)) s  \(.rate | pad(6)) req/s  "
        + ("#" * ([1, .rate * 40 / $peak | round] | max)) [0:40] + "  \(.names)"),
      "\($times[-1] | pad(6)) s       0 req/s  peak \($peak) req/s"' "$WORK_DIR/plan.tsv")
  end_s="$(jq -Rs '[split("\n")[1:-1][] | split("\t")[2] | tonumber] | max' "$WORK_DIR/plan.tsv")"
  log "$(jq -nr --argjson s "$((end_s + COOLDOWN_S))" --argjson cooldown "$COOLDOWN_S" --argjson speed "$SPEED" \
    '"takes about \($s) s with \($cooldown) s of cooldown"
     + (if $speed == 1 then "" else ": \($s / $speed | ceil) s at \($speed) times real time" end)
     + "; started now, it ends at \(now + $s / $speed | floor | todate)"')"
  print_rest_of_series
}

# --- the embedded cluster -------------------------------------------------------------------------

# In a process group of its own, so that Ctrl-C does not take it away before the evidence is saved.
start_embedded_cluster() {
  local state="$WORK_DIR/cluster" waited_ms=0
  mkdir -p "$state"
  set -o monitor
  # Not through a function: what is then started, stopped and waited for would be a subshell around it.
  PYTHONPATH="$PROJECT${PYTHONPATH:+:$PYTHONPATH}" "$PYTHON" -m wva_sim serve --state "$state" --config "$CONFIG" \
    --mode "$MODE" --speed "${WANTED_SPEED:-30}" --seed "${S_NUMBER[S_AT]}" ${SIMULATION[@]+"${SIMULATION[@]}"} \
    --parent $$ </dev/null >"$WORK_DIR/cluster.log" 2>&1 &
  CLUSTER_PID=$!
  set +o monitor
  while [[ ! -s "$state/ready" ]]; do
    is_running "$CLUSTER_PID" || die 3 "the embedded cluster does not start: $(tail -n 1 "$WORK_DIR/cluster.log")"
    [[ $waited_ms -lt $((CLUSTER_START_TIMEOUT_S * 1000)) ]] ||
      die 3 "the embedded cluster has not started within $((waited_ms / 1000)) s: $(tail -n 1 "$WORK_DIR/cluster.log")"
    sleep_ms 100
    waited_ms=$((waited_ms + 100))
  done
  export KUBECONFIG="$state/kubeconfig" KUBECACHEDIR="$WORK_DIR/kubecache"
  refuse_other_cluster "$state/ready"
  SPEED="${WANTED_SPEED:-30}"
  log "embedded cluster started: everything in it is SIMULATED, $SPEED times as fast as real time"
}

# Whatever a kubeconfig says: nothing is created in a cluster that is not the one just started.
refuse_other_cluster() {
  local url
  url="$(kube config view --minify --output json | jq -r '.clusters[0].cluster.server')"
  [[ "$url" == "$(jq -r .url "$1")" ]] || die 3 "kubectl would use $url, which is not the embedded cluster"
}

is_running() { kill -0 "$1" 2>/dev/null; } # the error says no more than the status

stop_group() {
  kill -TERM -- "-$1" 2>/dev/null || true # it may have ended
}

# --- checks before the start ----------------------------------------------------------------------

check_cluster() {
  local server remedy
  if ! kube version --output json >"$WORK_DIR/version.json" 2>"$WORK_DIR/version.err" ||
    ! jq -e .serverVersion "$WORK_DIR/version.json" >/dev/null; then
    remedy="choose a cluster (--context, --kubeconfig), or use --embedded for a simulated one on this machine"
    report FAIL "$(explain_unreachable)" "$remedy"
    return
  fi
  server="$(jq -r .serverVersion.gitVersion "$WORK_DIR/version.json")"
  if [[ "$server" == *+embedded* ]]; then
    SIMULATED=true
    SPEED="$(kube get --raw /embedded/clock | jq .speed)"
  fi
  report ok "kubectl $(jq -r .clientVersion.gitVersion "$WORK_DIR/version.json"), cluster $server"
}

explain_unreachable() {
  local said
  said="$(grep -v '^[EWI][0-9]\{4\} ' "$WORK_DIR/version.err" | tail -n 1)"
  if [[ "$said" == *localhost:8080* || "$said" == *'no configuration has been provided'* ]]; then
    printf 'no cluster is configured: kubectl has no kubeconfig and tries localhost:8080\n'
  else
    printf 'the cluster cannot be reached: %s\n' "${said:-kubectl gives no reason}"
  fi
}

# What this script asks of the cluster: necessity, verb, resource, subresource or -, namespace.
permissions() {
  local n="$NAMESPACE" c="$CONTROLLER_NAMESPACE"
  cat <<TABLE
must create jobs.batch - $n
must get jobs.batch - $n
must list jobs.batch - $n
must delete jobs.batch - $n
must list pods - $n
must get pods log $n
must list deployments.apps - $n
may list variantautoscalings.llmd.ai - $n
may list horizontalpodautoscalers.autoscaling - $n
may list scaledobjects.keda.sh - $n
may list events - $n
must list pods - $c
must get pods - $c
must get pods log $c
may list deployments.apps - $c
may list configmaps - $c
may list leases.coordination.k8s.io - $c
TABLE
}

# Ask for all permissions at once; the children report through files.
check_permissions() {
  local need verb resource subresource namespace file denied=0 asked=()
  mkdir -p "$WORK_DIR/can-i"
  while read -r need verb resource subresource namespace; do
    file="$WORK_DIR/can-i/$verb.$resource.$subresource.$namespace"
    ask_permission "$file" "$verb" "$resource" "$subresource" "$namespace" &
    asked+=($!)
  done < <(permissions)
  wait "${asked[@]}"
  while read -r need verb resource subresource namespace; do
    may "$verb" "$resource" "$subresource" "$namespace" && continue
    denied=$((denied + 1))
    [[ "$subresource" == - ]] || resource="$resource/$subresource"
    if [[ "$need" == must ]]; then
      report FAIL "not allowed: $verb $resource in $namespace" "ask for a Role with this verb (the README has one)"
    else
      report warn "not allowed: $verb $resource in $namespace" "the run goes on without what this would tell"
    fi
  done < <(permissions)
  [[ $denied -gt 0 ]] || report ok "allowed: everything that this run does"
}

ask_permission() {
  local file="$1" verb="$2" resource="$3" subresource="$4" namespace="$5" options=()
  [[ "$subresource" == - ]] || options=(--subresource "$subresource")
  if kube auth can-i "$verb" "$resource" ${options[@]+"${options[@]}"} --namespace "$namespace" --quiet \
    >/dev/null 2>&1; then # it warns about resources that the cluster does not have
    : >"$file"
  fi
}

may() { [[ -e "$WORK_DIR/can-i/$1.$2.$3.$4" ]]; }

# Those of the given resources that exist and that we may list, with commas.
listable() {
  local namespace="$1" resource
  shift
  for resource in "$@"; do
    if grep -qxF "$resource" "$WORK_DIR/resources" && may list "$resource" - "$namespace"; then
      printf '%s\n' "$resource"
    fi
  done | paste -s -d , -
}

# What is there, into two files: model.json and controller.json.
look_at_cluster() {
  local resources
  # One broken API group makes this fail, although it lists the others.
  [[ -s "$WORK_DIR/resources" ]] || kube api-resources --output name >"$WORK_DIR/resources" 2>/dev/null || true
  resources="$(listable "$NAMESPACE" deployments.apps jobs.batch pods variantautoscalings.llmd.ai \
    horizontalpodautoscalers.autoscaling scaledobjects.keda.sh)"
  get_objects "$NAMESPACE" "$resources" >"$WORK_DIR/model.json"
  resources="$(listable "$CONTROLLER_NAMESPACE" pods deployments.apps configmaps leases.coordination.k8s.io)"
  get_objects "$CONTROLLER_NAMESPACE" "$resources" >"$WORK_DIR/controller.json"
}

get_objects() {
  if [[ "$LISTS_NOTHING" == true || -z "$2" ]] || ! kube get "$2" --namespace "$1" --output json; then
    printf '{"items": []}\n'
  fi
}

check_namespaces() {
  local namespace said
  for namespace in "$NAMESPACE" "$CONTROLLER_NAMESPACE"; do
    if said="$(kube get namespace "$namespace" --output name 2>&1)"; then
      report ok "namespace $namespace"
    elif [[ "$said" == *'not found'* ]]; then
      report FAIL "there is no namespace $namespace" "correct it in $CONFIG, or choose another --context"
    fi # else we may not look; what is in it will tell
  done
}

check_controller() {
  local pods
  pods="$(jq -r --arg prefix "$POD_PREFIX" '[.items[] | select(.kind == "Pod" and .status.phase == "Running")
    | .metadata.name | select(startswith($prefix))] | join(" ")' "$WORK_DIR/controller.json")"
  if [[ -n "$pods" ]]; then
    report ok "controller: $pods"
  else
    report FAIL "no running pod in $CONTROLLER_NAMESPACE has a name that begins with $POD_PREFIX" \
      "see 'kubectl get pods --namespace $CONTROLLER_NAMESPACE', and correct controller_pod_prefix"
  fi
}

check_deployment() {
  local ready
  ready="$(jq -r --arg name "$DEPLOYMENT" '.items[] | select(.kind == "Deployment" and .metadata.name == $name)
    | "\(.status.readyReplicas // 0) of \(.spec.replicas)"' "$WORK_DIR/model.json")"
  case "$ready" in
    '') report FAIL "there is no Deployment $DEPLOYMENT in $NAMESPACE" "deploy the model, or correct 'deployment'" ;;
    '0 of'*) report FAIL "Deployment $DEPLOYMENT has no ready replica ($ready)" "wait until the model is served" ;;
    *) report ok "Deployment $DEPLOYMENT: $ready replicas ready" ;;
  esac
}

# Every variant of the model that $DEPLOYMENT serves: kind, name, Deployment. Up to v0.8 VariantAutoscalings, since v0.8
# scalers with annotations as well.
variants() {
  jq -r --arg deployment "$DEPLOYMENT" --arg model "$MODEL" '
    [.items[]
     | if .kind == "VariantAutoscaling" then
         {kind, name: .metadata.name, target: (.spec.scaleTargetRef.name // .metadata.name), model: .spec.modelID}
       elif .metadata.annotations["llm-d.ai/managed"] == "true" then
         {kind, name: .metadata.name, target: .spec.scaleTargetRef.name,
          model: .metadata.annotations["llm-d.ai/model-id"]}
       else empty end]
    | ([.[] | select(.target == $deployment) | .model | strings] | first // $model) as $model
    | .[] | select(.target == $deployment or .model == $model) | "\(.kind) \(.name) \(.target)"' "$WORK_DIR/model.json"
}

check_variants() {
  local kind name target
  variants >"$WORK_DIR/variants"
  if ! grep -q " $DEPLOYMENT\$" "$WORK_DIR/variants"; then
    report FAIL "WVA knows no variant of $DEPLOYMENT in $NAMESPACE" \
      "create a VariantAutoscaling (or, with WVA 0.9 and later, annotate its scaler with llm-d.ai/managed: \"true\")"
  fi
  while read -r kind name target; do
    if has_deployment "$target"; then
      report ok "variant: $kind $name"
    else
      report warn "variant: $kind $name is of a Deployment $target that does not exist" "WVA cannot scale it"
    fi
  done <"$WORK_DIR/variants"
}

has_deployment() {
  jq -e --arg name "$1" '[.items[] | select(.kind == "Deployment" and .metadata.name == $name)] | length > 0' \
    "$WORK_DIR/model.json" >/dev/null
}

# Those that read WVA's metric of a Deployment: kind, name, and of which variant if that is told.
scalers_of() {
  jq -r --arg deployment "$1" '.items[]
    | select(.kind == "HorizontalPodAutoscaler" or .kind == "ScaledObject")
    | select(.spec.scaleTargetRef.name == $deployment)
    | [.spec | .. | strings] as $texts
    | select(any($texts[]; test("(inferno|wva)_desired_(replicas|ratio)")))
    | ([.spec | .. | objects | .variant_name? | strings] + [$texts[]
       | capture("variant_name *= *\"(?<name>[^\"]*)\"").name] | first // "") as $variant
    | "\(.kind) \(.metadata.name) \($variant)"' "$WORK_DIR/model.json"
}

check_scalers() {
  local name target
  while read -r _ name target; do
    check_scaler "$name" "$target"
  done < <(
    cat "$WORK_DIR/variants"
    grep -q " $DEPLOYMENT\$" "$WORK_DIR/variants" || printf -- '- - %s\n' "$DEPLOYMENT"
  )
}

# check_scaler VARIANT DEPLOYMENT
check_scaler() {
  local scalers kind name reads
  scalers="$(scalers_of "$2")"
  if [[ -z "$scalers" ]]; then
    report warn "no HPA or ScaledObject of $2 reads WVA's metric (inferno_ or wva_desired_replicas)" \
      "without one WVA decides and nothing happens"
    return
  fi
  while read -r kind name reads; do
    if [[ -z "$reads" || "$reads" == "$1" || "$1" == - ]]; then
      report ok "scaler: $kind $name"
    else
      report warn "scaler: $kind $name reads the metric of variant $reads, WVA calls it $1" \
        "select variant_name $1, else nothing happens"
    fi
  done <<<"$scalers"
}

# What the controller says of its mode, in the words of all releases; the last one counts.
mode_in_log() {
  local line
  line="$(grep -E "Operating in |defaulting to |Found SLO for model - |Processing model( \(|\"|$(printf '\t'))|\
Optimization completed (successfully|with errors): mode=|refusing to dispatch the queueing-model path" "$1" |
    tail -n 1)" || return 0 # no such line
  case "$line" in
    *refusing*) printf 'none, it refuses its queueing model\n' ;;
    *MODEL-ONLY* | *mode=model-only* | *'Found SLO for model - '* | *'(queueing-model)'*) printf 'model-based\n' ;;
    *CAPACITY-ONLY* | *saturation-only* | *mode=capacity-only* | *'Processing model'*) printf 'capacity-based\n' ;;
    *HYBRID* | *mode=hybrid*) printf 'hybrid\n' ;;
  esac
}

# The release by its log: "text" up to December 2025, "values" where they stand beside the message (v0.5 and later),
# "demand" where the queueing model is refused as well (v0.9 and later); nothing if it has logged nothing.
release_in_log() {
  if grep -qE 'analyzer-result|scaling-decision|refusing to dispatch the queueing-model path' "$1"; then
    printf 'demand\n'
  elif grep -qE "^[0-9T:.Z+-]+$(printf '\t')[A-Z]+|\"caller\":" "$1"; then
    printf 'values\n'
  elif grep -q '"msg":' "$1"; then
    printf 'text\n'
  fi
}

# Otherwise what it is set to by: its environment, which may point to a ConfigMap (up to v0.5), or the ConfigMap that
# switches on the queueing model (v0.6 to v0.8).
mode_in_settings() {
  jq -r --arg prefix "$POD_PREFIX" '
    . as $all
    | [.items[] | select(.kind == "Pod" and (.metadata.name | startswith($prefix))) | .spec.containers[].env[]?
       | select(.name == "EXPERIMENTAL_HYBRID_OPTIMIZATION")
       | .valueFrom.configMapKeyRef as $ref
       | if $ref then ([$all.items[] | select(.kind == "ConfigMap" and .metadata.name == $ref.name) | .data[$ref.key]]
                       | first // "")
         else .value // "" end] | first // ""
    | ([$all.items[] | select(.kind == "ConfigMap" and (.metadata.name | endswith("queueing-model-config")))
        | .data.default // empty] | length > 0) as $has_queueing_model
    | if . == "on" or . == "model-only" or $has_queueing_model then "model-based" else "capacity-based" end
    ' "$WORK_DIR/controller.json"
}

read_controller_logs() {
  local pod
  : >"$WORK_DIR/controller.log"
  while IFS= read -r pod; do
    kube logs "$pod" --namespace "$CONTROLLER_NAMESPACE" --all-containers --tail 2000 >>"$WORK_DIR/controller.log" \
      2>/dev/null || true # a pod that is starting has no log
  done < <(jq -r --arg prefix "$POD_PREFIX" '.items[]
    | select(.kind == "Pod" and (.metadata.name | startswith($prefix))) | .metadata.name' "$WORK_DIR/controller.json")
}

check_mode() {
  local mode how
  how="by its log"
  mode="$(mode_in_log "$WORK_DIR/controller.log")"
  if [[ -z "$mode" ]]; then
    how="by its settings"
    mode="$(mode_in_settings)"
  fi
  if [[ "$mode" == "$MODE" || "$mode $MODE" == 'hybrid model-based' ]]; then # hybrid predicts as well
    report ok "controller mode: $mode ($how)"
    return
  fi
  local remedy
  case "$(release_in_log "$WORK_DIR/controller.log")" in
    demand) remedy="WVA 0.9 and later have no model-based mode" ;;
    values) remedy="its queueing model (0.6 to 0.8) runs if the ConfigMap wva-queueing-model-config has a default" ;;
    *) remedy="set EXPERIMENTAL_HYBRID_OPTIMIZATION to model-only (model-based) or off (capacity-based) and restart it" ;;
  esac
  if [[ "$ASSUME_YES" == true ]]; then
    report warn "controller mode is $mode ($how), the config says $MODE; going on because of --yes"
  elif is_terminal && ask "The controller is in $mode mode ($how), the config says $MODE. Go on?"; then
    report warn "controller mode is $mode ($how), the config says $MODE; going on as answered"
  else
    report FAIL "controller mode is $mode ($how), the config says $MODE" "$remedy; or go on with --yes"
  fi
}

ask() {
  local answer
  read -r -p "$1 [y/N] " answer || return 1
  [[ "$answer" == [yY]* ]]
}

# Up to v0.4 predictions are logged at DEBUG; later releases log each pod's metrics at verbosity 4 only, and to standard
# error, which is in the container's log as well.
check_log_level() {
  case "$(release_in_log "$WORK_DIR/controller.log")" in
    values | demand) check_verbosity ;;
    *) [[ "$MODE" != model-based ]] || check_debug ;;
  esac
}

check_debug() {
  if grep -q '"level":"DEBUG"' "$WORK_DIR/controller.log"; then
    report ok "log level: debug"
  elif controller_has '.env[]? | select(.name == "LOG_LEVEL") | .value // "" | ascii_downcase | . == "debug"' ||
    has_verbosity_4; then
    report ok "log level: debug (by the controller's settings)"
  else
    report warn "the controller does not log at DEBUG: there will be no predictions" \
      "set LOG_LEVEL=debug (WVA before 0.5) or --v=4 (later) on the controller"
  fi
}

check_verbosity() {
  if grep -qiE 'level\(-[4-9]\)' "$WORK_DIR/controller.log" || has_verbosity_4; then
    report ok "verbosity: --v=4"
  else
    report warn "the controller does not log at --v=4: there will be no ITL and TTFT, and no KV cache and queue of pods" \
      "add --v=4 to its arguments (since WVA 0.5 LOG_LEVEL has no effect)"
  fi
  [[ "$MODE" != model-based ]] ||
    report warn "WVA 0.5 and later log no predictions" "demand, supply and decisions can be analysed"
}

has_verbosity_4() { controller_has '[.command[]?, .args[]?] | join(" ") | test("(^| )--v[= ]([4-9]|[1-9][0-9])")'; }

# Whether a filter is true of a container of the controller.
controller_has() {
  jq -e --arg prefix "$POD_PREFIX" "[.items[] | select(.kind == \"Pod\" and (.metadata.name | startswith(\$prefix)))
    | .spec.containers[] | $1] | any" "$WORK_DIR/controller.json" >/dev/null
}

# Jobs that our labels say to be of a run on this Deployment: "active NAME" or "finished NAME", one per line.
leftovers() {
  jq -r --arg deployment "$DEPLOYMENT" '.items[] | select(.kind == "Job" and .metadata.labels["wva-experiments/run"]
      and (.metadata.annotations["wva-experiments/deployment"] // $deployment) == $deployment)
    | (if [.status.conditions[]? | select((.type == "Complete" or .type == "Failed") and .status == "True")]
       | length > 0 then "finished " else "active " end) + .metadata.name' "$WORK_DIR/model.json"
}

check_leftovers() {
  local active finished
  leftovers >"$WORK_DIR/leftovers"
  active="$(sed -n 's/^active //p' "$WORK_DIR/leftovers" | paste -s -d ' ' -)"
  finished="$(sed -n 's/^finished //p' "$WORK_DIR/leftovers" | paste -s -d ' ' -)"
  if [[ -n "$active" ]] && ! may_clean_active "$active"; then
    report FAIL "another run is active on $DEPLOYMENT: $active" \
      "wait for its end; what an aborted run has left is removed with --clean --yes"
  elif [[ -z "$active$finished" ]]; then
    report ok "no other run, no leftovers"
  elif [[ "$CLEAN" == false || "$DRY_RUN" == true || $PREFLIGHT_FAILURES -gt 0 ]]; then
    report warn "Jobs of an earlier run are left in $NAMESPACE: $finished" "--clean removes them"
  else
    remove_leftovers
  fi
}

may_clean_active() {
  [[ "$CLEAN" == true && "$DRY_RUN" == false ]] || return 1
  [[ "$ASSUME_YES" == true ]] || { is_terminal && ask "Remove the active load Jobs $1?"; }
}

remove_leftovers() {
  local names=() name said
  while read -r _ name; do names+=("$name"); done <"$WORK_DIR/leftovers"
  if said="$(delete_jobs_and_wait --ignore-not-found "${names[@]}" 2>&1)"; then
    report ok "removed what an earlier run has left: ${names[*]}"
  else
    report FAIL "leftovers could not be removed: $(tail -n 1 <<<"$said")" "remove them with kubectl: ${names[*]}"
  fi
}

preflight() {
  log "checks:"
  check_cluster
  refuse_after_failures
  check_permissions
  check_namespaces
  look_at_cluster
  check_controller
  check_deployment
  check_variants
  check_scalers
  read_controller_logs
  check_mode
  check_log_level
  check_leftovers
  read_cluster_clock
  [[ "$HAS_CLUSTER_CLOCK" == true ]] || report warn "the cluster does not tell its time; this machine's clock is used"
  refuse_after_failures
}

refuse_after_failures() {
  [[ $PREFLIGHT_FAILURES -eq 0 ]] || die 3 "$PREFLIGHT_FAILURES check(s) failed; nothing was started"
}

# --- the run's directory --------------------------------------------------------------------------

choose_run_id() { RUN_ID="$(date -u +%Y%m%d-%H%M%S)"; }

create_run_dir() {
  mkdir -p "$BASE_DIR" || die 3 "the directory $BASE_DIR for results cannot be made"
  if ! mkdir "$BASE_DIR/$NAME-$RUN_ID" 2>/dev/null; then
    [[ ! -e "$BASE_DIR/$NAME-$RUN_ID" ]] || die 3 "another run has begun in this second; start again"
    die 3 "$BASE_DIR cannot be written to; change its rights, or output.base_dir in the config"
  fi
  RUN_DIR="$(cd "$BASE_DIR/$NAME-$RUN_ID" && pwd)"
  mv "$RUN_LOG" "$RUN_DIR/run.log"
  RUN_LOG="$RUN_DIR/run.log"
  mkdir -p "$RUN_DIR/cluster" "$RUN_DIR/job-logs"
  cp "$CONFIG" "$RUN_DIR/experiment-config.yaml"
  cp "$WORK_DIR/plan.tsv" "$RUN_DIR/plan.tsv"
  cp -R "$WORK_DIR/jobs" "$RUN_DIR/cluster/jobs"
  RUN_START="$(cluster_now)"
  write_run_json
  log "writing to $RUN_DIR"
}

# The Deployments of all variants of the model, as a JSON array.
served_deployments() { { printf -- '- - %s\n' "$DEPLOYMENT" && variants; } | jq -Rn '[inputs | split(" ")[2]] | unique'; }

# The state of model and controller. ConfigMaps are those that WVA reads; Secrets are never asked for.
save_snapshot() {
  local dir="$RUN_DIR/cluster/$1"
  mkdir -p "$dir"
  jq '[.items[] | select(.kind == "VariantAutoscaling")]' "$WORK_DIR/model.json" >"$dir/variantautoscalings.json"
  jq '[.items[] | select(.kind == "Deployment" and IN(.metadata.name; $served[]))]' \
    --argjson served "$(served_deployments)" "$WORK_DIR/model.json" >"$dir/deployment.json"
  jq '[.items[] | select(.kind == "HorizontalPodAutoscaler" or .kind == "ScaledObject")
    | select(IN(.spec.scaleTargetRef.name; $served[]))]' \
    --argjson served "$(served_deployments)" "$WORK_DIR/model.json" >"$dir/scalers.json"
  jq '[.[] | .spec.selector.matchLabels | objects] as $selectors
    | [$model[0].items[] | select(.kind == "Pod") | (.metadata.labels // {}) as $labels
       | select(any($selectors[]; . as $selector | $labels | contains($selector)))]' \
    --slurpfile model "$WORK_DIR/model.json" "$dir/deployment.json" >"$dir/pods.json"
  jq --arg prefix "$POD_PREFIX" '[.items[] | select((.kind == "Pod" and (.metadata.name | startswith($prefix)))
    or (.kind == "Deployment" and (.metadata.name as $name | $prefix | startswith($name) or ($name | startswith($prefix))))
    or .kind == "Lease")]' "$WORK_DIR/controller.json" >"$dir/controller.json"
  jq '[.items[] | select(.kind == "ConfigMap" and (.metadata.name
    | test("variantautoscaling-config$|manager-config$|scaling-config$|queueing-model-config$|^service-classes-config$|^accelerator-unit-costs$")))]' \
    "$WORK_DIR/controller.json" >"$dir/configmaps.json"
  cp "$WORK_DIR/version.json" "$dir/version.json"
}

# Everything that is known of the workloads, as a JSON array.
workloads_json() {
  local i
  for ((i = 0; i < W_COUNT; i++)); do
    printf '%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n' "${W_NAME[i]}" "${W_JOB[i]}" \
      "${W_MANIFEST[i]}" "${W_SHA256[i]}" "${W_RATE[i]}" "${W_SEED[i]}" "${W_HOW[i]}" "${W_PLAN_START[i]}" \
      "${W_PLAN_END[i]}" "${W_START[i]}" "${W_END[i]}" "${W_LATE_S[i]}" "${W_RESULT[i]}" "${W_REASON[i]}"
  done | jq -Rn '
    def maybe: if . == "" then null else . end;
    def number: if . == "" then null else tonumber end;
    [inputs | split("\t") | {name: .[0], job: .[1], manifest: .[2], manifest_sha256: .[3], rate_per_s: .[4] | number,
      seed: .[5] | number, how: .[6], planned_start_s: .[7] | number, planned_end_s: .[8] | number,
      start: .[9] | maybe, end: .[10] | maybe, start_late_s: .[11] | number, result: .[12],
      reason: .[13:] | join(" ") | maybe}]'
}

write_run_json() {
  [[ -s "$WORK_DIR/tools.json" ]] || describe_tools >"$WORK_DIR/tools.json"
  workloads_json >"$WORK_DIR/workloads.json"
  jq -n --argjson config "$CONFIG_JSON" --slurpfile workloads "$WORK_DIR/workloads.json" \
    --slurpfile tools "$WORK_DIR/tools.json" --arg run_id "$RUN_ID" --arg started "$RUN_START" --arg ended "$RUN_END" \
    --arg status "$RUN_STATUS" --arg exit "$EXIT_STATUS" --arg cooldown_start "$COOLDOWN_START" \
    --arg cooldown_end "$COOLDOWN_END" --argjson embedded "$EMBEDDED" --argjson simulated "$SIMULATED" \
    --argjson speed "$SPEED" --arg sha "$CONFIG_SHA256" --argjson has_clock "$HAS_CLUSTER_CLOCK" \
    --argjson number "${S_NUMBER[S_AT]}" --argjson of "${S_OF[S_AT]}" --arg series "$SERIES" \
    --arg ready "$(cat "$WORK_DIR/cluster/ready" 2>/dev/null)" '
    def maybe: if . == "" then null else . end;
    {schema: 1, name: $config.name, mode: $config.mode, config: $config, run_id: $run_id,
     repetition: {number: $number, of: $of, series: $series},
     start: $started, end: ($ended | maybe), status: $status,
     exit_status: (if $exit == "" then null else $exit | tonumber end),
     clock: (if $has_clock then "cluster" else "local" end),
     embedded: $embedded, simulated: $simulated, speed: (if $simulated then $speed else null end),
     seed: (if $ready == "" then null else $ready | fromjson | .seed end),
     workloads: $workloads[0],
     cooldown: {start: ($cooldown_start | maybe), end: ($cooldown_end | maybe)},
     tools: $tools[0].tools, project: $tools[0].project, config_sha256: $sha}' >"$RUN_DIR/.run.json.part"
  mv "$RUN_DIR/.run.json.part" "$RUN_DIR/run.json"
}

describe_tools() {
  local commit='' dirty=null
  if commit="$(git -C "$PROJECT" rev-parse HEAD 2>/dev/null)"; then # not every copy is a clone
    dirty=false
    [[ -z "$(git -C "$PROJECT" status --porcelain)" ]] || dirty=true
  fi
  jq -n --slurpfile version "$WORK_DIR/version.json" --arg yq "$(yq --version 2>&1 | head -n 1)" \
    --arg jq "$(jq --version)" --arg python "$("$PYTHON" --version 2>&1)" --arg bash "$BASH_VERSION" \
    --arg commit "$commit" --argjson dirty "$dirty" '
    {tools: {kubectl: $version[0].clientVersion.gitVersion, cluster: $version[0].serverVersion.gitVersion,
             yq: $yq, jq: $jq, python: $python, bash: $bash},
     project: {commit: (if $commit == "" then null else $commit end), dirty: $dirty}}'
}

# --- collector ------------------------------------------------------------------------------------

start_monitor() {
  set -o monitor # a process group of its own: Ctrl-C must not end it before the last poll
  WVA_NAMESPACE="$NAMESPACE" WVA_DEPLOYMENT="$DEPLOYMENT" WVA_CONTEXT="$CONTEXT" WVA_PARENT=$$ \
    WVA_CLOCK="$CLUSTER_MS $LOCAL_MS $SPEED" \
    "$PROJECT/monitor-wva.sh" "$CONTROLLER_NAMESPACE" "$POD_PREFIX" "$RUN_DIR/wva-controller-logs.jsonl" "$INTERVAL_S" \
    </dev/null >>"$RUN_LOG" 2>&1 &
  MONITOR_PID=$!
  set +o monitor
}

# A run without its log is worth nothing: wait for the first lines, or say why there are none.
await_first_lines() {
  local wait_s deadline_ms
  wait_s="$(jq -n --argjson s "$FIRST_LINES_TIMEOUT_S" --argjson speed "$SPEED" \
    --argjson least "$FIRST_LINES_LEAST_S" '[$s / $speed, $least] | max | ceil')"
  deadline_ms=$(($(now_ms) + wait_s * 1000))
  until [[ -s "$RUN_DIR/wva-controller-logs.jsonl" ]]; do
    is_running "$MONITOR_PID" || die 3 "the collector has ended: $(tail -n 1 "$RUN_LOG")"
    if [[ "$(now_ms)" -gt "$deadline_ms" ]]; then
      die 3 "no line of the controller's log within $wait_s s: $(collection_reason)"
    fi
    sleep_ms 200
  done
  log "collecting the log of the controller"
}

collection_reason() {
  jq -r 'if .polls == .failed_polls then "its pods cannot be listed"
    elif .containers == [] then "its containers have not started"
    else "it logs nothing; is it the right one, and does it reconcile?" end' "$RUN_DIR/collection.json" 2>/dev/null ||
    printf 'the collector has not polled yet\n'
}

ensure_monitor() {
  if ! is_running "$MONITOR_PID"; then
    warn "the collector has ended; starting it again"
    start_monitor
  fi
}

stop_monitor() {
  [[ -n "$MONITOR_PID" ]] || return 0
  local waited_ms=0
  kill -TERM "$MONITOR_PID" 2>/dev/null # if it is gone, there is nothing to stop
  while is_running "$MONITOR_PID" && [[ $waited_ms -lt $((MONITOR_STOP_TIMEOUT_S * 1000)) ]]; do
    sleep_ms 100
    waited_ms=$((waited_ms + 100))
  done
  ! is_running "$MONITOR_PID" || warn "the collector has not ended within $MONITOR_STOP_TIMEOUT_S s"
  kill -KILL -- "-$MONITOR_PID" 2>/dev/null # what is left of it, most often nothing, must not write any more
  MONITOR_PID=
}

is_collection_complete() { jq -e '.complete and (.running | not)' "$RUN_DIR/collection.json" >/dev/null 2>&1; }

# For whoever looks on: a block on a terminal, else one line per reconciliation.
start_watch() {
  # Not through a function: what is stopped would be a subshell around it.
  PYTHONPATH="$PROJECT${PYTHONPATH:+:$PYTHONPATH}" "$PYTHON" -m wva_parse watch "$RUN_DIR" \
    </dev/null >&2 2>>"$WORK_DIR/watch.err" &
  WATCH_PID=$!
}

# If nobody reads our words any more, the live view learns it first. Saying so tells us as well: PIPE ends the run.
notice_end_of_watch() {
  [[ -n "$WATCH_PID" ]] || return 0
  if ! is_running "$WATCH_PID"; then
    WATCH_PID=
    warn "the live view has ended; the run goes on. See it with: python -m wva_parse watch $RUN_DIR"
  fi
}

stop_watch() {
  [[ -n "$WATCH_PID" ]] || return 0
  kill "$WATCH_PID" 2>/dev/null # it may have ended
  WATCH_PID=
}

# --- workloads ------------------------------------------------------------------------------------

has_state() {
  local state
  for state in "${W_STATE[@]}"; do
    [[ "$state" != "$1" ]] || return 0
  done
  return 1
}

has_no_state() { if has_state "$1"; then return 1; fi; }

is_due() {
  if [[ "${W_HOW[$1]}" == parallel ]]; then
    [[ "$2" -ge "${W_PLAN_START[$1]}" ]]
  else
    has_no_state active
  fi
}

# A workload that is over: parallel ones by the plan, sequential ones when they take too long.
is_over() {
  local i="$1" elapsed="$2" passed
  if [[ "${W_HOW[i]}" == parallel ]]; then
    [[ "$elapsed" -ge "${W_PLAN_END[i]}" ]]
    return
  fi
  passed="$(active_s "$i")"
  [[ "$passed" -ge "$TIMEOUT_S" ]]
}

active_s() {
  jq -n --argjson since "${W_SINCE_MS[$1]}" --argjson speed "$SPEED" '(now * 1000 - $since) * $speed / 1000 | floor'
}

# Those that are due are created at the same time: a slow API server must not make the second one late.
start_due() {
  local i elapsed="$1" due=() since
  for ((i = 0; i < W_COUNT; i++)); do
    if [[ "${W_STATE[i]}" == planned ]] && is_due "$i" "$elapsed"; then
      due+=("$i")
      [[ "${W_HOW[i]}" == parallel ]] || break # of a sequence only the next one
    fi
  done
  [[ ${#due[@]} -gt 0 ]] || return 0
  JOBS_CREATED=true # a signal may come, or an answer be lost, when they have been
  since="$(now_ms)"
  for i in "${due[@]}"; do
    W_SINCE_MS[i]="$since"
    create_job "$WORK_DIR/jobs/${W_NAME[i]}.json" >"$WORK_DIR/created.$i" 2>"$WORK_DIR/create.err.$i" &
    CREATING+=($!)
  done
  for ((i = 0; i < ${#due[@]}; i++)); do
    note_start "${due[i]}" "${CREATING[i]}"
  done
  CREATING=()
  write_run_json
}

note_start() {
  local i="$1" child="$2"
  if wait "$child"; then
    W_STATE[i]=active W_RESULT[i]=running W_START[i]="$(<"$WORK_DIR/created.$i")" W_REASON[i]=
    [[ "${W_HOW[i]}" != parallel ]] || W_LATE_S[i]="$(jq -n --argjson since "${W_SINCE_MS[i]}" --argjson t0 "$T0_MS" \
      --argjson planned "${W_PLAN_START[i]}" --argjson speed "$SPEED" '($since - $t0) / 1000 - $planned / $speed')"
    log "started ${W_NAME[i]}: ${W_RATE[i]} req/s, Job ${W_JOB[i]}"
  else
    note_refusal "$i" "$(<"$WORK_DIR/create.err.$i")"
  fi
}

note_refusal() {
  local i="$1" said="$2"
  if [[ "$said" == *'already exists'* ]]; then # an answer was lost: the name is ours alone
    W_STATE[i]=active W_RESULT[i]=running W_START[i]="$(cluster_now)" W_REASON[i]=
  elif is_outage "$said"; then
    [[ -n "${W_REASON[i]}" ]] || warn "${W_NAME[i]} cannot be started now, trying again: $said"
    W_REASON[i]="the API server was not reachable"
  else
    end_workload "$i" failed "not created: $said"
  fi
}

is_outage() {
  case "$1" in
    *refused* | *'Unable to connect'* | *timeout* | *'timed out'* | *'deadline exceeded'* | *EOF* | *reset* | *'ServiceUnavailable'*) return 0 ;;
  esac
  return 1
}

end_workload() {
  local i="$1" result="$2" reason="${3:-}"
  W_STATE[i]='done' W_RESULT[i]="$result" W_END[i]="$(cluster_now)"
  W_REASON[i]="$(tr '\n\t' '  ' <<<"$reason" | sed 's/ *$//')"
  if [[ "$result" == failed ]]; then
    warn "${W_NAME[i]} failed: ${W_REASON[i]}"
  else
    log "$result: ${W_NAME[i]}"
  fi
}

# Its logs go with the Job, so they are read first.
finish_workload() {
  end_workload "$@"
  save_job_log "$1"
  delete_job "$1"
  write_run_json
}

save_job_log() {
  [[ -n "${W_START[$1]}" ]] || return 0
  local file="$RUN_DIR/job-logs/${W_NAME[$1]}.log" said
  # A pod that never started has no log; what kubectl says then is the evidence.
  said="$(kube logs --namespace "$NAMESPACE" --all-containers --ignore-errors --tail -1 \
    --selector "wva-experiments/run=$RUN_ID,wva-experiments/workload=${W_NAME[$1]}" 2>&1 >"$file")" ||
    warn "no log of ${W_NAME[$1]}: $said"
  save_job_pods "$1"
}

# What Kubernetes says of a Job that did not do well.
save_job_pods() {
  [[ "${W_RESULT[$1]}" == failed ]] || return 0
  kube get jobs,pods --namespace "$NAMESPACE" --output json \
    --selector "wva-experiments/run=$RUN_ID,wva-experiments/workload=${W_NAME[$1]}" \
    >"$RUN_DIR/job-logs/${W_NAME[$1]}.json" 2>/dev/null || true # nothing to say
}

delete_job() {
  [[ "$KEEP_JOBS" == false && -n "${W_START[$1]}" ]] || return 0
  kube delete job "${W_JOB[$1]}" --namespace "$NAMESPACE" --ignore-not-found --wait=false --cascade=background \
    >/dev/null 2>>"$RUN_LOG" || warn "Job ${W_JOB[$1]} could not be deleted; trying again at the end"
}

# Jobs and pods of this run, one line per Job: name, state, reason. States: running, complete, failed, blocked.
job_states() {
  kube get jobs.batch,pods --namespace "$NAMESPACE" --selector "wva-experiments/run=$RUN_ID" --output json |
    jq -r '
    def is_true($type): [.status.conditions[]? | select(.type == $type and .status == "True")] | first;
    def waiting: [(.status.initContainerStatuses // [])[], (.status.containerStatuses // [])[] | .state.waiting // empty
      | select(.reason | test("^(ContainerCreating|PodInitializing)$") | not) | "\(.reason): \(.message // "")"];
    def unschedulable: [.status.conditions[]? | select(.type == "PodScheduled" and .status == "False")
      | "\(.reason): \(.message // "")"];
    def ended_badly: [(.status.initContainerStatuses // [])[], (.status.containerStatuses // [])[]
      | select((.state.terminated.exitCode // 0) != 0)
      | "container \(.name) ended with \(.state.terminated.exitCode) (\(.state.terminated.reason // "no reason"))"
        + (if .state.terminated.message then ": \(.state.terminated.message)" else "" end)];
    ([.items[] | select(.kind == "Pod")]) as $pods
    | .items[] | select(.kind == "Job")
    | .metadata.name as $job
    | [$pods[] | select((.metadata.labels["batch.kubernetes.io/job-name"] // .metadata.labels["job-name"]) == $job)] as $mine
    | is_true("Failed") as $failed
    | [$mine[] | waiting[], unschedulable[]] as $obstacles
    | (if is_true("Complete") then ["complete", ""]
       elif $failed then ["failed", ([$mine[] | ended_badly[]] + $obstacles + ["\($failed.reason): \($failed.message // "")"]
                                     | unique | join("; "))]
       elif ($obstacles | length) > 0 then ["blocked", ($obstacles | unique | join("; "))]
       elif ($mine | length) == 0 then ["podless", ""]
       else ["running", ""] end) as [$state, $reason]
    | [$job, $state, $reason] | @tsv'
}

# Why a Job has no pods: the events tell (quota, admission).
podless_reason() {
  kube get events --namespace "$NAMESPACE" --field-selector "involvedObject.name=$1,type=Warning" --output json \
    2>/dev/null | jq -r '[.items[] | "\(.reason): \(.message)"] | last // ""' || true # events are not essential
}

look_at_jobs() {
  local i state reason
  has_state active || return 0
  # In a shell of its own: a signal's answer would go to where a function's words are sent.
  if ! (job_states) >"$WORK_DIR/states" 2>"$WORK_DIR/states.err"; then
    warn "the load Jobs cannot be looked at now: $(tail -n 1 "$WORK_DIR/states.err")"
    return 0
  fi
  for ((i = 0; i < W_COUNT; i++)); do
    [[ "${W_STATE[i]}" == active ]] || continue
    state="$(awk -F '\t' -v job="${W_JOB[i]}" '$1 == job { print $2 }' "$WORK_DIR/states")"
    reason="$(awk -F '\t' -v job="${W_JOB[i]}" '$1 == job { print $3 }' "$WORK_DIR/states")"
    judge_workload "$i" "${state:-deleted}" "$reason"
  done
}

judge_workload() {
  local i="$1" state="$2" reason="$3"
  case "$state" in
    complete) finish_workload "$i" complete ;;
    failed) finish_workload "$i" failed "$reason" ;;
    deleted) finish_workload "$i" failed "its Job was deleted by somebody else" ;;
    blocked) note_obstacle "$i" "$reason" ;;
    podless)
      reason="$(podless_reason "${W_JOB[i]}")"
      [[ -z "$reason" ]] || note_obstacle "$i" "$reason"
      ;;
    running) W_REASON[i]= ;;
  esac
}

# Told at once, given up after a while: an image may appear, a node may join.
note_obstacle() {
  local i="$1" reason="$2"
  [[ -n "${W_REASON[i]}" ]] || warn "${W_NAME[i]} does not start: $reason"
  W_REASON[i]="$reason"
  [[ "$(active_s "$i")" -lt "$START_GRACE_S" ]] || finish_workload "$i" failed "$reason"
}

# The time of a parallel workload is up. One that never started has failed.
stop_workload() {
  local i="$1"
  if [[ "${W_HOW[i]}" != parallel ]]; then
    finish_workload "$i" failed "not complete within its timeout of $TIMEOUT_S s"
  elif [[ -n "${W_REASON[i]}" ]]; then
    finish_workload "$i" failed "${W_REASON[i]}"
  else
    finish_workload "$i" stopped
  fi
}

# Seconds of the cluster's clock since the experiment's start, a line each: when workloads begin and end.
planned_times() {
  local i
  for ((i = 0; i < W_COUNT; i++)); do
    [[ "${W_HOW[i]}" == parallel ]] || continue
    case "${W_STATE[i]}" in
      planned) printf '%s\n' "${W_PLAN_START[i]}" ;;
      active) printf '%s\n' "${W_PLAN_END[i]}" ;;
    esac
  done
}

# Real milliseconds until the next of the times on standard input, but not longer than to the next look.
next_look_ms() {
  jq -sr --argjson t0 "$T0_MS" --argjson speed "$SPEED" --argjson interval "$INTERVAL_S" \
    --argjson least "$LEAST_PAUSE_MS" '
    [.[] | . * 1000 / $speed + $t0 - now * 1000] as $planned
    | [$planned[], ([$interval * 1000 / $speed, $least] | max)] | [min, 0] | max | ceil'
}

stop_over() {
  local i
  for ((i = 0; i < W_COUNT; i++)); do
    if [[ "${W_STATE[i]}" == active ]] && is_over "$i" "$1"; then
      stop_workload "$i"
    fi
  done
}

run_workloads() {
  local elapsed
  T0_MS="$(now_ms)"
  while has_state planned || has_state active; do
    elapsed="$(elapsed_s)"
    start_due "$elapsed" # first: to read the log of one that is over takes a moment
    stop_over "$elapsed"
    start_due "$elapsed" # the next one of a sequence
    sleep_ms "$(planned_times | next_look_ms)"
    look_at_jobs
    ensure_monitor
    notice_end_of_watch
  done
}

cool_down() {
  local end_s
  COOLDOWN_START="$(cluster_now)"
  log "cooldown: watching for $COOLDOWN_S s more"
  end_s=$(($(elapsed_s) + 1 + COOLDOWN_S)) # that one has begun
  while [[ "$(elapsed_s)" -lt "$end_s" ]]; do
    sleep_ms "$(next_look_ms <<<"$end_s")"
    ensure_monitor
    notice_end_of_watch
  done
  COOLDOWN_END="$(cluster_now)"
}

# --- the end --------------------------------------------------------------------------------------

# Whatever is still active was interrupted. The load stops first; its logs are read in the same second.
stop_load() {
  local i readers=()
  [[ ${#CREATING[@]} -eq 0 ]] || wait "${CREATING[@]}" # or a Job might come after its deletion
  for ((i = 0; i < W_COUNT; i++)); do
    if [[ "${W_STATE[i]}" == active ]]; then
      end_workload "$i" interrupted
      save_job_log "$i" &
      readers+=($!)
    fi
  done
  [[ ${#readers[@]} -eq 0 ]] || wait "${readers[@]}"
  delete_jobs
}

delete_jobs() {
  [[ "$JOBS_CREATED" == true && "$KEEP_JOBS" == false ]] || return 0
  (delete_jobs_and_wait --selector "wva-experiments/run=$RUN_ID") >/dev/null 2>>"$RUN_LOG" || {
    warn "the load Jobs may still be there: $(say_remains)"
    return
  }
  JOBS_CREATED=false
}

# delete_jobs_and_wait SELECTION...: until their pods are gone as well; a load that still runs would spoil the next
# experiment.
delete_jobs_and_wait() {
  "${KUBECTL[@]}" --request-timeout "$DELETE_TIMEOUT" delete jobs.batch --namespace "$NAMESPACE" --cascade=foreground --timeout "$DELETE_TIMEOUT" "$@" </dev/null
}

say_remains() { printf 'kubectl delete jobs --namespace %s --selector wva-experiments/run=%s\n' "$NAMESPACE" "$RUN_ID"; }

# The first signal lets the cleanup go on, a second one does not. Those of one second are one: who signals a process
# and its group, as timeout does, is heard twice.
heed_signal() {
  SIGNALS=$((SIGNALS + 1))
  FIRST_SIGNAL_S="${FIRST_SIGNAL_S:-$SECONDS}"
  [[ "$SECONDS" -eq "$FIRST_SIGNAL_S" ]] || leave_at_once
}

# Ctrl-C ends the programs that run at that moment as well: a step of the cleanup that met it is done again.
persist() {
  local before=$SIGNALS
  "$@"
  [[ $SIGNALS -eq $before ]] || "$@"
}

leave_at_once() {
  trap '' INT TERM HUP
  stop_sleep
  stop_watch
  log "leaving at once; incomplete data in $RUN_DIR"
  [[ "$JOBS_CREATED" == false ]] || log "load Jobs may still run; remove them with: $(say_remains)"
  [[ -z "$MONITOR_PID" ]] || stop_group "$MONITOR_PID"
  [[ -z "$CLUSTER_PID" ]] || stop_group "$CLUSTER_PID"
  [[ -z "$WORK_DIR" ]] || rm -rf "$WORK_DIR"
  close_series
  trap - EXIT
  exit 130
}

# Evidence first, then everything that this run has started. Safe to call twice.
cleanup() {
  local status="$1"
  stop_analysis
  [[ "$CLEANED_UP" == false ]] || return 0
  CLEANED_UP=true
  set +o errexit # each step matters, whatever became of the one before
  [[ "$status" -ne 130 ]] || FIRST_SIGNAL_S=$SECONDS
  trap heed_signal INT TERM HUP
  trap '' PIPE
  stop_sleep
  stop_watch
  [[ -z "$RUN_DIR" ]] || close_run "$status"
  [[ -z "$CLUSTER_PID" ]] || stop_embedded_cluster
  [[ -z "$WORK_DIR" ]] || rm -rf "$WORK_DIR"
  trap 'exit 130' INT TERM HUP # for what may follow, such as the analysis
}

stop_embedded_cluster() {
  stop_group "$CLUSTER_PID"
  wait "$CLUSTER_PID" 2>/dev/null # its status says nothing
  CLUSTER_PID=
}

# Who interrupts a run wants to be gone within 15 s, even if the API server answers nothing any more.
hurry() {
  REQUEST_TIMEOUT=3s DELETE_TIMEOUT=4s
}

# What is not answered now will not be within a few seconds more.
give_up_silent_cluster() {
  local said
  [[ "$JOBS_CREATED" == true ]] || return 0 # it has just deleted Jobs, or there were none
  REQUEST_TIMEOUT=2s
  if ! said="$(kube get --raw /version 2>&1)" && is_outage "$said"; then
    warn "the API server does not answer: no state of the cluster after the run, and the end of the log may be missing"
    LISTS_NOTHING=true MONITOR_STOP_TIMEOUT_S=3
  fi
}

close_run() {
  EXIT_STATUS="$1"
  [[ "$1" -ne 130 ]] || hurry
  persist stop_load
  [[ "$1" -ne 130 ]] || give_up_silent_cluster
  persist look_at_cluster
  persist save_snapshot after
  persist stop_monitor
  persist judge_run
  persist note_end
  persist write_run_json
  persist write_metrics
  persist write_readme
  if [[ $SIGNALS -gt 0 && "$RUN_STATUS" != interrupted ]]; then
    EXIT_STATUS=130 RUN_STATUS=interrupted
    persist write_run_json
    persist write_readme
  fi
  log "$RUN_STATUS: data in $RUN_DIR"
}

write_metrics() {
  [[ -s "$RUN_DIR/wva-controller-logs.jsonl" ]] || return 0
  run_python wva_parse csv "$RUN_DIR" >>"$RUN_LOG" 2>&1 || warn "metrics.csv could not be written; see run.log"
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
  local i
  for ((i = 0; i < W_COUNT; i++)); do
    case "${W_RESULT[i]}" in
      complete | stopped) ;;
      *)
        printf '4\n'
        return
        ;;
    esac
  done
  if is_collection_complete; then
    printf '0\n'
  else
    jq -r '.reasons[]? | "the log may have gaps: " + .' "$RUN_DIR/collection.json" >&2
    printf '5\n'
  fi
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
  [[ -s "$RUN_DIR/collection.json" ]] || printf '{}\n' >"$RUN_DIR/collection.json" # the collector never started
  jq -r --slurpfile collection "$RUN_DIR/collection.json" --arg dir "$(basename "$RUN_DIR")" '
    "# \(.name), \(.run_id)\n\n"
    + (if .simulated then "**Simulated**: this run was made on the embedded cluster, at \(.speed) times real time. "
         + "Its numbers say nothing about real hardware.\n\n" else "" end)
    + "\(.config.description // "")\n\n"
    + "| | |\n|---|---|\n"
    + "| status | \(.status) (exit \(.exit_status)) |\n"
    + (if .repetition.of > 1 then "| repetition | \(.repetition.number) of \(.repetition.of), series \(.repetition.series) |\n"
       else "" end)
    + "| mode | \(.mode) |\n"
    + "| model | \(.config.model_name) |\n"
    + "| Deployment | \(.config.deployment) in \(.config.namespace) |\n"
    + "| start, end | \(.start), \(.end) (the clock of the \(.clock) side, UTC) |\n"
    + "| cooldown | \(.cooldown.start // "none") to \(.cooldown.end // "none") |\n"
    + "| controller log | \($collection[0].lines // 0) lines, "
    + (if $collection[0].complete then "complete" else "may have gaps" end) + " |\n"
    + "| project | commit \(.project.commit // "unknown")\(if .project.dirty then ", with local changes" else "" end) |\n\n"
    + "## Workloads\n\n| workload | req/s | planned (s) | start | end | result |\n|---|---|---|---|---|---|\n"
    + ([.workloads[] | "| \(.name) | \(.rate_per_s) | \(.planned_start_s) to \(.planned_end_s) | \(.start // "") | \(.end // "") "
        + "| \(.result)\(if .reason then ": \(.reason | gsub("[|]"; "/"))" else "" end) |\n"] | add)
    + (if ($collection[0].reasons // []) == [] then "" else
        "\n## Possible gaps in the log\n\n" + ([$collection[0].reasons[] | "- \(.)\n"] | add) end)
    + "\n## Files\n\n"
    + "- `wva-controller-logs.jsonl`: every line of the controller; `collection.json`: how it was collected\n"
    + "- `cluster-samples.jsonl`: replicas, variants and scaler over time; `cluster/`: their state before and after\n"
    + "- `job-logs/`: what the load generators reported\n"
    + "- `metrics.csv`: the controller'"'"'s log in columns\n"
    + "- `run.json`, `plan.tsv`, `run.log`, `experiment-config.yaml`: what was planned and what happened\n\n"
    + "Analyse it with `python -m wva_parse analyze experiment-data/\($dir)`, or open `analyze-\(.mode).ipynb`."' \
    "$RUN_DIR/run.json" >"$RUN_DIR/README.md"
}

# In a process group of its own, and waited for: a signal is heard at once, and the notebook's kernel ends with it.
analyze_run() {
  [[ "$ANALYZE" == true && "$RUN_STATUS" != interrupted ]] || return 0
  local status=0
  log "analysing"
  set -o monitor
  # Not through a function: what is stopped would be a subshell around it.
  PYTHONPATH="$PROJECT${PYTHONPATH:+:$PYTHONPATH}" "$PYTHON" -m wva_parse analyze "$RUN_DIR" --html \
    </dev/null >>"$RUN_LOG" 2>&1 &
  ANALYSIS_PID=$!
  set +o monitor
  wait "$ANALYSIS_PID" || status=$?
  ANALYSIS_PID=
  if [[ $status -eq 0 ]]; then
    log "report: $RUN_DIR/report.html, summary: $RUN_DIR/ANALYSIS_SUMMARY.md"
  else
    warn "the analysis failed; see $RUN_DIR/run.log, and try: python -m wva_parse analyze $RUN_DIR"
    [[ "$EXIT_STATUS" -ne 0 ]] || EXIT_STATUS=1
  fi
}

stop_analysis() {
  [[ -n "$ANALYSIS_PID" ]] || return 0
  stop_group "$ANALYSIS_PID"
  ANALYSIS_PID=
  log "the analysis was interrupted, all data of the run is kept; go on with: python -m wva_parse analyze $RUN_DIR"
}

main() {
  parse_options "$@"
  trap 'exit 130' INT TERM HUP PIPE # PIPE: nobody reads our words any more, as when `| head` has ended
  trap 'cleanup $?; close_series' EXIT
  find_tools
  if [[ ${#CONFIGS[@]} -eq 0 ]]; then
    list_configs
    exit 0
  fi
  WORK_DIR="$(mktemp -d "${TMPDIR:-/tmp}/wva-experiment.XXXXXX")"
  RUN_LOG="$WORK_DIR/run.log"
  choose_run_id
  choose_run
  read_config
  read_plan
  refuse_changed_config
  prepare_jobs
  [[ "$EMBEDDED" == false ]] || start_embedded_cluster
  print_plan
  preflight
  if [[ "$DRY_RUN" == true ]]; then
    log "dry run: nothing was changed"
    cleanup 0
    go_on
  fi
  create_run_dir
  save_snapshot before
  start_monitor
  await_first_lines
  start_watch
  run_workloads
  cool_down
  cleanup 0
  analyze_run
  go_on
}

if [[ "${BASH_SOURCE[0]}" == "$0" ]]; then
  main "$@"
fi
