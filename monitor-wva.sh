#!/usr/bin/env bash
#
# Collect the whole log of a WVA controller, and sample the state of the cluster.
#
# Usage: monitor-wva.sh CONTROLLER_NAMESPACE POD_PREFIX OUTPUT.jsonl [INTERVAL_SECONDS]
#
# Follows every container of every pod whose name begins with POD_PREFIX, and every INTERVAL_SECONDS (default 10)
# appends the new lines to OUTPUT.jsonl: all of them, raw and whole. Started again on the same file, it goes on where it
# ended. Runs until TERM or INT, then polls once more. Beside OUTPUT.jsonl it writes
#
#   collection.json         what was read, whether it is complete, and if not, why
#   cluster-samples.jsonl   one line per poll: replicas, status of variants and scaler, phases of the model's pods
#
# Environment, all optional:
#   WVA_NAMESPACE, WVA_DEPLOYMENT   the model's namespace and Deployment; without them there are no samples
#   WVA_CONTEXT                     as kubectl's --context
#   WVA_CLOCK                       "CLUSTER_MS LOCAL_MS SPEED": two clocks at one moment, and how fast the cluster's runs
#   WVA_HISTORY_S                   how much older log a new collection begins with, in seconds (default 300)
#   WVA_PARENT                      a process id: when that process is gone, the collection ends
#
# Needs kubectl, jq and Python 3.10.
# Exit status: 0 complete, 2 wrong usage, 5 lines may be missing (collection.json says which), 1 anything else.

set -o errexit -o nounset -o pipefail

PROJECT="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
SCRIPT="$PROJECT/${BASH_SOURCE[0]##*/}"
REQUEST_TIMEOUT_S=10
LISTS_TIMEOUT_S=60   # of the requests of a poll, as each has its own timeout
CLOSING_TIMEOUT_S=60 # of the whole end; who stops a collection may say with a second signal that it takes too long
# However fast a cluster's clock runs: a poll takes a fifth of a second of computing time.
LEAST_PAUSE_MS=500
CLOSING_ATTEMPTS=3
POLLS_BETWEEN_QUESTIONS=30 # for the rights that were missing
LOOKS_AT_DELETION=5        # a second apart

NAMESPACE=
POD_PREFIX=
OUTPUT=
INTERVAL_S=10
PAUSE_MS= # the interval in real time
SPOOL_DIR=
RESUMED=--resumed # for the first merge
KUBECTL=(kubectl)
CLOSING=false
FAILED_AT=  # file and line of an error that ends the script
LISTED=pods # what is listed in the controller's namespace
SAMPLED=    # and in the model's
ASK_AGAIN=0 # after so many polls; -1: never
UNSEEN=     # and what cannot be listed there

# shellcheck source=lib/signals.bash
source "$PROJECT/lib/signals.bash"
PHASE=closing # a noted signal does not end the script: the loop ends, and then the collection

log() { printf 'monitor-wva: %s\n' "$*" >&2; }

die() {
  local status="$1"
  shift
  log "$*"
  exit "$status"
}

# The comment at the top of this file.
print_usage() { sed -n '3,/^$/s/^# \{0,1\}//p' "$SCRIPT"; }

# Without site-packages, whose .pth files take longer than a whole merge: it needs the standard library only.
wva_parse() { PYTHONPATH="$PROJECT${PYTHONPATH:+:$PYTHONPATH}" "$PYTHON" -S -m wva_parse "$@"; }

now_ms() { jq -n 'now * 1000 | floor'; }

parse_arguments() {
  local name directory
  case "${1:-}" in
    -h | --help)
      print_usage
      exit 0
      ;;
  esac
  [[ $# -ge 3 && $# -le 4 ]] || die 2 "expected 3 or 4 arguments, got $#; see monitor-wva.sh --help"
  NAMESPACE="$1" POD_PREFIX="$2" OUTPUT="$3" INTERVAL_S="${4:-10}"
  [[ -n "$NAMESPACE" && "$NAMESPACE" != -* ]] || die 2 "'$NAMESPACE' is no namespace"
  [[ -n "$POD_PREFIX" && "$POD_PREFIX" != -* ]] || die 2 "'$POD_PREFIX' is no beginning of a pod's name"
  [[ "$INTERVAL_S" =~ ^[1-9][0-9]*$ ]] || die 2 "interval: saw '$INTERVAL_S', expected whole seconds, at least 1"
  [[ "${WVA_HISTORY_S:-300}" =~ ^[0-9]{1,7}$ ]] || die 2 "WVA_HISTORY_S: saw '$WVA_HISTORY_S', expected whole seconds"
  [[ -d "$(dirname -- "$OUTPUT")" ]] || die 2 "there is no directory '$(dirname -- "$OUTPUT")' for the log"
  name="$(basename -- "$OUTPUT")"
  directory="$(cd "$(dirname -- "$OUTPUT")" && pwd)"
  OUTPUT="$directory/$name" SPOOL_DIR="$directory/.$name.spool"
}

# Let the interval pass, or what is left of it when a signal comes.
pause() {
  local left="$PAUSE_MS"
  while [[ $left -gt 0 && $SIGNALS -eq 0 ]]; do
    sleep_ms $((left < SLICE_MS ? left : SLICE_MS))
    left=$((left - SLICE_MS))
  done
}

find_tools() {
  PATH="$PATH:$PROJECT/.venv/bin"
  PYTHON=python3
  [[ ! -x "$PROJECT/.venv/bin/python" ]] || PYTHON="$PROJECT/.venv/bin/python"
  local tool now
  for tool in kubectl jq "$PYTHON"; do
    command -v "$tool" >/dev/null || die 1 "$tool is not installed"
  done
  [[ -z "${WVA_CONTEXT:-}" ]] || KUBECTL+=(--context "$WVA_CONTEXT")
  now="$(now_ms)"
  WVA_CLOCK="${WVA_CLOCK:-$now $now 1}"
  PAUSE_MS="$(jq -n --argjson s "$INTERVAL_S" --argjson speed "${WVA_CLOCK##* }" --argjson least "$LEAST_PAUSE_MS" \
    '[$s * 1000 / $speed, $least] | max | floor')"
}

# --- the spool directory --------------------------------------------------------------------------

# Two collectors on one file would write over each other; followers of a killed one would write on in its spools.
open_spools() {
  mkdir -p "$SPOOL_DIR"
  local other=
  [[ ! -s "$SPOOL_DIR/collector.pid" ]] || other="$(cat "$SPOOL_DIR/collector.pid")"
  if [[ -n "$other" ]] && is_command_of "$other" monitor-wva; then
    die 2 "process $other is collecting into $OUTPUT already"
  fi
  echo $$ >"$SPOOL_DIR/collector.pid"
  rm -f "$SPOOL_DIR/closing" "$SPOOL_DIR/asked"
  stop_followers
}

# The command line of a process: a small Linux has no ps, macOS no /proc. No such process: no line, no message.
command_of() {
  { tr '\0' ' ' <"/proc/$1/cmdline" || ps -p "$1" -o command=; } 2>/dev/null
}

is_command_of() { [[ "$(command_of "$1")" == *"$2"* ]]; }

# Followers whose end has not been noted yet.
followers() {
  local file
  for file in "$SPOOL_DIR"/*.pid; do
    case "$file" in
      */collector.pid | *'/*.pid') continue ;;
    esac
    [[ -e "${file%.pid}.rc" ]] || printf '%s\n' "${file%.pid}"
  done
}

stop_follower() {
  local pid
  pid="$(cat "$1.pid")"
  if is_command_of "$pid" --timestamps; then
    kill "$pid" 2>/dev/null || true # it may end by itself at this moment
  fi
}

stop_followers() {
  local spool
  followers | while read -r spool; do
    stop_follower "$spool"
  done
}

# --- reading logs ---------------------------------------------------------------------------------

# What becomes kubectl: the file of its process, the file that says that the collection ends, the command. Who makes that
# one finds this process, or it finds the file.
# shellcheck disable=SC2016 # the other shell expands it
FOLLOWER='echo $$ >"$0"; [[ ! -e "$1" ]] || exit 0; shift; exec "$@"'

# In the background: follow a container until it ends, then look what has become of its pod.
follow_container() {
  local spool="$1" pod="$2" status=0
  shift 2
  "$BASH" -c "$FOLLOWER" "$spool.pid" "$SPOOL_DIR/closing" \
    "${KUBECTL[@]}" logs "$pod" --namespace "$NAMESPACE" --timestamps --follow "$@" \
    </dev/null >"$spool.log" 2>"$spool.err" || status=$?
  look_at_pod "$spool" "$pod"
  note_end "$spool" "$status"
}

# What has become of a pod whose container's log has ended. While it is being deleted its kubelet is late: look again.
look_at_pod() {
  local spool="$1" pod="$2" look
  for ((look = 0; look < LOOKS_AT_DELETION; look++)); do
    [[ ! -e "$SPOOL_DIR/closing" ]] || return 0
    "${KUBECTL[@]}" get pod "$pod" --namespace "$NAMESPACE" --ignore-not-found --output json \
      --request-timeout "${REQUEST_TIMEOUT_S}s" </dev/null >"$spool.pod.part" 2>>"$spool.err" || return 0
    mv "$spool.pod.part" "$spool.pod"
    jq -e .metadata.deletionTimestamp "$spool.pod" >/dev/null 2>&1 || return 0
    sleep 1
  done
}

# In the background: read a log once.
read_container() {
  local spool="$1" pod="$2" status=0
  shift 2
  "${KUBECTL[@]}" logs "$pod" --namespace "$NAMESPACE" --timestamps --request-timeout "${REQUEST_TIMEOUT_S}s" "$@" \
    </dev/null >"$spool.log" 2>"$spool.err" || status=$?
  note_end "$spool" "$status"
}

note_end() {
  echo "$2" >"$1.rc.part"
  mv "$1.rc.part" "$1.rc"
}

# Start what the last merge has ordered.
follow_orders() {
  local name kind pod container since options
  while IFS=$'\t' read -r name kind pod container since; do
    options=(--container "$container")
    [[ "$since" == - ]] || options+=("$since")
    case "$kind" in
      follow) follow_container "$SPOOL_DIR/$name" "$pod" "${options[@]}" & ;;
      previous) read_container "$SPOOL_DIR/$name" "$pod" --previous "${options[@]}" & ;;
      rest | closing) read_container "$SPOOL_DIR/$name" "$pod" "${options[@]}" & ;;
      stop) stop_follower "$SPOOL_DIR/$name" ;;
    esac
  done <"$SPOOL_DIR/orders"
}

# --- one poll -------------------------------------------------------------------------------------

# A list goes to a file that is there only if all of it was answered. A program that ends at once need not tidy up its
# memory as often as one that stays: a fifth less processor time.
list_into() {
  local file="$1" namespace="$2" resources="$3" part="$1.$RANDOM" # one that was given up may still write
  if GOGC=400 "${KUBECTL[@]}" get "$resources" --namespace "$namespace" --output json --request-timeout "${REQUEST_TIMEOUT_S}s" \
    </dev/null >"$part" 2>"$file.err"; then
    mv "$part" "$file" 2>/dev/null || true # given up meanwhile
  elif grep -q '(Forbidden)' "$file.err" 2>/dev/null; then
    rm -f "$SPOOL_DIR/asked" # a right was revoked: what may be listed is asked for once more
  fi
}

# Those of the given resources that the cluster has, a line each; with a ! before those that we may not list, or of which
# nobody knows whether there are any.
listable() {
  local namespace="$1" known resource said="$SPOOL_DIR/types.err"
  shift
  known="$("${KUBECTL[@]}" api-resources --output name --request-timeout "${REQUEST_TIMEOUT_S}s" 2>"$said")" ||
    [[ -n "$known" ]] || return 1 # one broken API group makes the command fail, but it lists the others
  for resource in "$@"; do
    if ! grep -qxF "$resource" <<<"$known"; then
      ! grep -qF "${resource#*.}/" "$said" || printf '!%s\n' "$resource"
      continue
    fi
    if [[ "$("${KUBECTL[@]}" auth can-i list "$resource" --namespace "$namespace" 2>/dev/null)" != no* ]]; then
      printf '%s\n' "$resource"
    else
      printf '!%s\n' "$resource"
    fi
  done
}

allowed() { sed '/^!/d' <<<"$1" | paste -s -d , -; }

find_listable() {
  local found unseen
  found="$(listable "$NAMESPACE" leases.coordination.k8s.io)" || return 0 # not reachable now: ask again
  unseen="$(grep '^!' <<<"$found")" || unseen=
  LISTED="pods$(sed -n 's/^[a-z]/,&/p' <<<"$found")" # without pods there is nothing to collect: a refusal may be taken back
  if [[ -n "${WVA_NAMESPACE:-}" && -n "${WVA_DEPLOYMENT:-}" ]]; then
    found="$(listable "$WVA_NAMESPACE" deployments.apps pods variantautoscalings.llmd.ai \
      horizontalpodautoscalers.autoscaling scaledobjects.keda.sh)" || return 0
    SAMPLED="$(allowed "$found")"
    UNSEEN="$(sed -n 's/^!//p' <<<"$found" | paste -s -d , -)"
  fi
  ASK_AGAIN=-1
  [[ -z "$unseen$UNSEEN" ]] || ASK_AGAIN="$POLLS_BETWEEN_QUESTIONS" # a right may be granted yet
  : >"$SPOOL_DIR/asked"
}

list_cluster() {
  local children=()
  rm -f "$SPOOL_DIR"/pods.json* "$SPOOL_DIR"/objects.json*
  list_into "$SPOOL_DIR/pods.json" "$NAMESPACE" "$LISTED" &
  children+=($!)
  if [[ "$SAMPLED" == *deployments.apps* ]]; then
    list_into "$SPOOL_DIR/objects.json" "$WVA_NAMESPACE" "$SAMPLED" &
    children+=($!)
  fi
  wait_for "$LISTS_TIMEOUT_S" is_listed "${children[@]}" || true # what is there tells
}

# A poll that a signal meets is given up: the end of the collection lists once more.
is_listed() {
  local child
  [[ "$CLOSING" == true || $SIGNALS -eq 0 ]] || return 0
  for child in "$@"; do
    ! is_running "$child" || return 1
  done
}

# merge [OPTION]
merge() {
  local clock
  read -r -a clock <<<"$WVA_CLOCK"
  if ! wva_parse collect-merge --prefix "$POD_PREFIX" --deployment "${WVA_DEPLOYMENT:-}" --unseen "$UNSEEN" --clock "${clock[@]}" \
    --history "${WVA_HISTORY_S:-300}" ${RESUMED:+"$RESUMED"} "$@" "$OUTPUT" "$SPOOL_DIR" >"$SPOOL_DIR/orders" </dev/null; then
    log "this poll could not be merged; the next one will try again"
    : >"$SPOOL_DIR/orders"
  fi
  RESUMED=
}

poll() {
  [[ $ASK_AGAIN -ne 0 && -e "$SPOOL_DIR/asked" ]] || find_listable
  [[ $ASK_AGAIN -le 0 ]] || ASK_AGAIN=$((ASK_AGAIN - 1))
  list_cluster
  [[ $SIGNALS -eq 0 ]] || return 0
  merge
  follow_orders
}

# --- the end --------------------------------------------------------------------------------------

# Followers are stopped, and what they may have missed is read once more: that proves where they were.
close_collection() {
  local attempt
  CLOSING=true END_DEADLINE_S=$((SECONDS + CLOSING_TIMEOUT_S))
  : >"$SPOOL_DIR/closing"
  stop_followers
  for ((attempt = 1; attempt <= CLOSING_ATTEMPTS; attempt++)); do
    list_cluster
    [[ ! -e "$SPOOL_DIR/pods.json" ]] || break
    sleep_ms 1000
  done
  await_children
  merge --closing
  follow_orders
  await_children
  merge --last
}

# Readers and followers. Those that do not end in time are given up, and the last merge says what that means.
await_children() {
  local child
  wait_for "$CLOSING_TIMEOUT_S" has_no_children || for child in $(jobs -p); do
    kill "$child" 2>/dev/null || true # it may have ended
  done
}

has_no_children() { [[ -z "$(jobs -r -p)" ]]; }

# The first one ends the collection; a later one ends all waiting in its end, so that what is there is written down.
note_stop() {
  SIGNALS=$((SIGNALS + 1))
  [[ "$CLOSING" == false ]] || END_DEADLINE_S=$SECONDS
}

is_wanted() {
  [[ $SIGNALS -eq 0 ]] && { [[ -z "${WVA_PARENT:-}" ]] || is_running "$WVA_PARENT"; }
}

# Whatever has ended the loop: the signal that is its end, as a rule. Bash 5.2 may take that for a syntax error (see
# is_lost_signal in lib/end.bash), and ends the script instead; as does an error that no line of ours expects.
end_collection() {
  local status=0 verdict # 0 of a signal, whatever has become of the command that met it
  set +o errexit         # each step matters, whatever became of the one before
  if [[ -n "$FAILED_AT" && $SIGNALS -eq 0 ]]; then
    log "an unexpected error at $FAILED_AT; please report it"
    status=1
  fi
  close_collection
  rm -rf "$SPOOL_DIR"
  verdict="$(dirname "$OUTPUT")/collection.json"
  if ! jq -e .complete "$verdict" >/dev/null; then
    jq -r '.reasons[] | "monitor-wva: " + .' "$verdict" >&2
    exit 5
  fi
  exit "$status"
}

main() {
  set -o errtrace # for the trap of ERR
  parse_arguments "$@"
  find_tools
  trap note_stop INT TERM
  open_spools
  trap end_collection EXIT
  trap 'FAILED_AT="${BASH_SOURCE[0]##*/}:$LINENO"' ERR
  log "collecting $POD_PREFIX* in $NAMESPACE every $INTERVAL_S s"
  while is_wanted; do
    poll
    ! is_wanted || pause
  done
  exit 0 # without reading on in this file, which may have been replaced meanwhile
}

if [[ "${BASH_SOURCE[0]}" == "$0" ]]; then
  main "$@"
fi
