# What the steps of a run share: talk, tools, the cluster's clock, calls of kubectl.
#
# Owns PYTHON, WVA_PARSE, CLUSTER_MS, LOCAL_MS, HAS_CLUSTER_CLOCK, REFUSED. Calls nothing but signals.bash.
#
# shellcheck shell=bash disable=SC2034,SC2153 # state of run-experiment.sh, read by the files beside this one

PYTHON=python3
WVA_PARSE=wva-parse  # as a person calls it
REQUEST_TIMEOUT_S=10 # of one request to the API server
CLOSING_CALL_S=3     # of one call of kubectl in the end of an interrupted run, however many requests it makes
CLOSING_FILES_S=3    # of its budget, reserved for what is written last
CLUSTER_MS=0         # the cluster's clock ...
LOCAL_MS=0           # ... at this moment of the local one
HAS_CLUSTER_CLOCK=false
REFUSED=false # whether the script ends because of what it was given

# The live view draws its block below the cursor; a line of ours takes its place.
CLEAR_BELOW=
if [[ -t 2 && "${TERM:-dumb}" != dumb ]]; then CLEAR_BELOW=$'\033[J'; fi

# The comment at the top of the script.
print_usage() { sed -n '3,/^$/s/^# \{0,1\}//p' "$SCRIPT"; }

# A signal to the group ends programs, too: mktemp when it has made something and not yet told its name.
undisturbed() { (trap '' INT TERM HUP && "$@"); }

make_work_dir() {
  WORK_DIR="$(undisturbed mktemp -d "${TMPDIR:-/tmp}/wva-experiment.XXXXXX")"
  CHILDREN_DIR="$WORK_DIR/children"
  mkdir "$CHILDREN_DIR"
  RUN_LOG="$WORK_DIR/run.log"
}

# --- talk -----------------------------------------------------------------------------------------

log() {
  local line
  heed_signals # what a signal has spoiled is not worth telling
  line="$(stamp)  $*"
  [[ -z "$RUN_LOG" ]] || printf '%s\n' "$line" 2>/dev/null >>"$RUN_LOG" || true # the disk may be full
  # Nobody reads our words any more. The end of a run goes on all the same.
  printf '%s%s\n' "$CLEAR_BELOW" "$line" >&2 || [[ "$PHASE" == closing ]] || exit 130
}

# The clock of this machine, and since the experiment's start that of its plan, which the live view goes by.
stamp() {
  local now plan_s
  now="$(date -u +%H:%M:%SZ)"
  if [[ "$T0_MS" -eq 0 ]]; then
    printf '%s\n' "$now"
  else
    plan_s="$(undisturbed elapsed_s)"
    printf '%s  %d:%02d\n' "$now" $((plan_s / 60)) $((plan_s % 60))
  fi
}

warn() { log "WARNING: $*"; }

# End with status 2, for what was given: somebody has said what is wrong.
refuse() {
  REFUSED=true
  exit 2
}

# die STATUS WORDS...
die() {
  local status="$1"
  shift
  [[ "$status" -ne 2 ]] || REFUSED=true
  log "ERROR: $*"
  exit "$status"
}

# --- tools ----------------------------------------------------------------------------------------

find_tools() {
  command -v wva-parse >/dev/null || [[ ! -x "$PROJECT/.venv/bin/wva-parse" ]] || WVA_PARSE="$PROJECT/.venv/bin/wva-parse"
  PATH="$PATH:$PROJECT/.venv/bin"
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
sys.exit(any(importlib.util.find_spec(name) is None for name in sys.argv[1:]))' jinja2 jsonschema orjson pandas scipy yaml ||
    die 3 "$PYTHON lacks packages of this project; 'make setup' in $PROJECT installs them"
}

# Python answers Ctrl-C with a traceback. Short calls go on instead, and this shell gives the answer.
shield() { (trap '' INT && "$@"); }

# call_of COMMAND ARGUMENTS...: the call of wva_parse to be copied from a message.
call_of() {
  printf '%q' "$WVA_PARSE"
  printf ' %q' "$@"
}

run_python() { PYTHONPATH="$PROJECT${PYTHONPATH:+:$PYTHONPATH}" "$PYTHON" -m "$@"; }

# Two unrelated programs are called yq; both know this long option.
yaml_to_json() {
  shield yq --output-format=json . "$1" | jq -cse 'if length == 1 and (.[0] | type) == "object" then .[0]
    else error("not exactly one YAML mapping") end'
}

sha256_of() {
  if command -v sha256sum >/dev/null; then
    sha256sum <"$1" | cut -d ' ' -f 1
  else
    shasum -a 256 <"$1" | cut -d ' ' -f 1
  fi
}

# --- kubectl --------------------------------------------------------------------------------------

kube() {
  heed_signals
  bounded "$CLOSING_CALL_S" "$CLOSING_FILES_S" "${KUBECTL[@]}" --request-timeout "${REQUEST_TIMEOUT_S}s" "$@" </dev/null
}

# create_object FILE OPTIONS...: the answer is its creation time. kubectl is not told the path: it takes commas and quotes
# in one for its own.
create_object() {
  local file="$1"
  shift
  "${KUBECTL[@]}" --request-timeout "${REQUEST_TIMEOUT_S}s" create --namespace "$NAMESPACE" --filename - \
    --output jsonpath='{.metadata.creationTimestamp}' "$@" <"$file"
}

# What kubectl itself has said in a file: not the log lines of its libraries. Fails if that is nothing.
own_words() { grep -v '^[EWI][0-9]\{4\} ' "$1" | grep .; }

# last_words FILE: the last of it.
last_words() {
  local said
  said="$(own_words "$1" | tail -n 1)" || said= # nothing
  printf '%s\n' "${said:-kubectl gives no reason}"
}

# Whether kubectl says that the API server could not be asked, rather than that it refused.
is_outage() {
  case "$1" in
    *'Error from server (Forbidden)'* | *'Error from server (Invalid)'* | *'Error from server (BadRequest)'*) return 1 ;; # in any words
    *refused* | *'Unable to connect'* | *timeout* | *'timed out'* | *'deadline exceeded'* | *EOF* | *reset* | *'ServiceUnavailable'*) return 0 ;;
  esac
  return 1
}

# --- time -----------------------------------------------------------------------------------------

now_ms() { jq -n 'now * 1000 | floor'; }

# Seconds of the cluster's clock since the experiment's start.
elapsed_s() { since_s "$T0_MS"; }

# since_s MILLISECONDS: seconds of the cluster's clock since that moment of the local one.
since_s() { jq -n --argjson since "$1" --argjson speed "$SPEED" '(now * 1000 - $since) * $speed / 1000 | floor'; }

cluster_now() {
  jq -nr --argjson cluster "$CLUSTER_MS" --argjson local "$LOCAL_MS" --argjson speed "$SPEED" \
    '($cluster + (now * 1000 - $local) * $speed) / 1000 | floor | todate'
}

# cluster_s MILLISECONDS: that moment of the local clock in seconds of the cluster's.
cluster_s() {
  jq -n --argjson cluster "$CLUSTER_MS" --argjson local "$LOCAL_MS" --argjson t0 "$1" --argjson speed "$SPEED" \
    '($cluster + ($t0 - $local) * $speed) / 1000 | floor'
}

# Ask the cluster for its time once; the local clock counts from there.
read_cluster_clock() {
  local answer=
  if [[ "$SIMULATED" == true ]]; then
    answer="$(kube get --raw /embedded/clock 2>"$WORK_DIR/clock.err" | jq -r .now)" || answer=
  else
    answer="$(create_object "$WORK_DIR/jobs/${W_NAME[0]}.json" --dry-run=server 2>"$WORK_DIR/clock.err")" || answer=
  fi
  LOCAL_MS="$(now_ms)"
  CLUSTER_MS="$LOCAL_MS"
  [[ -n "$answer" ]] || return 0
  HAS_CLUSTER_CLOCK=true
  # fromdate knows no fractions
  CLUSTER_MS="$(jq -n --arg t "$answer" '($t | sub("\\.[0-9]+Z$"; "Z") | fromdate) * 1000
    + (($t | capture("\\.(?<f>[0-9]{1,3})").f | tonumber) // 0)')"
}
