# For tests of the collector: start it, stop it, and hold what it has collected against what was written.
# shellcheck shell=bash

LOG="$BATS_TEST_TMPDIR/log.jsonl"
BEFORE="$BATS_TEST_TMPDIR/before"
VERDICT="$BATS_TEST_TMPDIR/collection.json"

# start_monitor [SECONDS BETWEEN POLLS]: from the cluster's first line on, however late a busy machine starts it.
start_monitor() {
  set -m
  WVA_TEST="$BATS_TEST_TMPDIR" WVA_CLOCK="$(clocks)" WVA_NAMESPACE="$NAMESPACE" \
  WVA_DEPLOYMENT=ms-inference-scheduling-llm-d-modelservice-decode WVA_HISTORY_S=86400 \
    "$PROJECT/monitor-wva.sh" "$CONTROLLERS" "$PREFIX" "$LOG" "${1:-10}" </dev/null >"$BATS_TEST_TMPDIR/out" 2>&1 3>&- &
  MONITOR_PID=$!
  set +m
  wait_until test -s "$LOG"
}

# The cluster's clock and ours at one moment, as the runner tells the collector.
clocks() {
  kubectl get --raw /embedded/clock | jq -r '"\(.now | sub("\\.[0-9]+Z$"; "Z") | fromdate * 1000) \(now * 1000 | floor) \(.speed)"'
}

stop_monitor() {
  kill -TERM "$MONITOR_PID"
  MONITOR_STATUS=0
  wait "$MONITOR_PID" || MONITOR_STATUS=$?
  MONITOR_PID=
  cat "$BATS_TEST_TMPDIR/out"
  jq -c 'del(.containers)' "$VERDICT"
}

# What was written before the collector stopped must be there; what came while it did may be.
nothing_is_lost() {
  cp -R "$JOURNAL" "$BEFORE"
  stop_monitor
  compare_logs "$LOG"
}

# nothing_is_lost_but WORDS: the same, except for lines with these words and those of the times that the verdict names.
nothing_is_lost_but() {
  local file
  mkdir "$BEFORE"
  for file in "$JOURNAL"/*; do
    grep -vF "$1" "$file" >"$BEFORE/$(basename "$file")" || true # nothing is left of it
  done
  stop_monitor
  compare_logs "$LOG" "$VERDICT"
}

# compare_logs COLLECTED [COLLECTION_JSON]
compare_logs() { python "$PROJECT/tests/scripts/helpers/compare_logs.py" "$BEFORE" "$JOURNAL" "$@"; }

is_complete() {
  [ "$MONITOR_STATUS" -eq 0 ]
  jq -e '.complete and .reasons == [] and (.running | not)' "$VERDICT"
}

# is_doubtful WORDS: lines may be missing, and a reason has these words.
is_doubtful() {
  [ "$MONITOR_STATUS" -eq 5 ]
  says_why "$VERDICT" "$1"
}

# says_why COLLECTION_JSON WORDS
says_why() { jq -e --arg words "$2" '(.complete | not) and any(.reasons[]; contains($words))' "$1"; }

restarts() { jq -c '[.containers[].restarts] | sort' "$VERDICT"; }

# can_lose_line COLLECTOR TEXT: the containers' log is cut off, and the text is gone before that is noticed.
can_lose_line() {
  kill -STOP "$1"
  order log-cut
  order log-line "\"text\": \"$2\""
  order log-rotate
  kill -CONT "$1"
}

controller_pods() { kubectl get pods --namespace "$CONTROLLERS" --output jsonpath='{.items[*].metadata.name}'; }
