#!/usr/bin/env bats
# Ctrl-C, TERM, a closed terminal and a reader that goes away, at every phase of a run: the load is stopped, the evidence
# saved, no Job and no process left, within 15 s.

load helpers/cluster

setup() { start_cluster; }

teardown() {
  stop_cluster
  [[ -z "${RUNNER_PID:-}" ]] || kill -KILL -- "-$RUNNER_PID" 2>/dev/null || true # of a test that failed
}

# start_in_background COMMAND...: in a process group of its own; its output goes to $OUT.
start_in_background() {
  set -m
  "$@" </dev/null >"$OUT" 2>&1 3>&- &
  RUNNER_PID=$!
  set +m
}

# interrupt HOW TEXT [OPTION]: start a run, interrupt it as soon as it says TEXT, and see what is left of it.
interrupt() {
  local how="$1" text="$2" helpers="$BATS_TEST_DIRNAME/helpers" began status=0
  local run=("$PROJECT/run-experiment.sh" --kubeconfig "$KUBECONFIG" --yes ${3:+"$3"} "$(make_config "$how" model-based "first 0 ${LOAD_S:-30} 10")")
  OUT="$BATS_TEST_TMPDIR/$how.out"
  export WVA_TEST="$BATS_TEST_TMPDIR"
  case "$how" in
    ctrl-c | term) start_in_background python "$helpers/interruptible.py" "${run[@]}" ;;
    hangup) start_in_background python "$helpers/in_terminal.py" "$text" "${run[@]}" ;;
    reader-gone) start_in_background reader_of "$text" "${run[@]}" ;;
  esac
  wait_until grep -qF "$text" "$OUT" || wait_until grep -qF "$text" "$OUT" # one that closes may take its time
  began=$SECONDS
  case "$how" in
    ctrl-c) kill -INT -- "-$RUNNER_PID" ;;
    term) kill -TERM "$RUNNER_PID" ;;
  esac
  wait "$RUNNER_PID" || status=$?
  unset RUNNER_PID WVA_TEST
  echo "$how at '$text': status $status after $((SECONDS - began)) s"
  cat "$OUT"
  [ "$status" -eq 130 ]
  [ $((SECONDS - began)) -le 15 ]
  [ "$(jobs_left)" -eq 0 ]
  wait_until no_process_is_left
}

no_process_is_left() { [ "$(processes_left)" -eq 0 ]; } # a notebook's kernel looks for its parent once a second

reader_of() {
  local text="$1"
  shift
  "$@" 2>&1 | sed "/$text/q"
  return "${PIPESTATUS[0]}"
}

# run_of HOW FILTER: of the run.json of that run.
run_of() { jq -r "$2" "$BATS_TEST_TMPDIR/data/$1"-20*/run.json; }

# was_saved HOW STATUS RESULT: evidence and verdict are there, and there was one cleanup.
was_saved() {
  local directory
  directory="$(echo "$BATS_TEST_TMPDIR/data/$1"-20*)"
  [ "$(run_of "$1" '"\(.status) \(.workloads[0].result)"')" = "$2 $3" ]
  jq -e '.running | not' "$directory/collection.json"
  [ -d "$directory/cluster/after" ]
  grep -q "$2" "$directory/README.md"
  [ "$(grep -c "$2: data in" "$directory/run.log")" -eq 1 ]
}

@test "during the checks: nothing was begun" {
  for how in ctrl-c term hangup reader-gone; do
    interrupt "$how" "checks:"
    [ ! -e "$BATS_TEST_TMPDIR/data" ]
  done
}

@test "while the collector starts" {
  for how in ctrl-c term hangup reader-gone; do
    interrupt "$how" "writing to"
    was_saved "$how" interrupted not-started
  done
}

@test "while a workload runs" {
  for how in ctrl-c term hangup reader-gone; do
    LOAD_S=6000 interrupt "$how" "started first"
    was_saved "$how" interrupted interrupted
    grep -q . "$BATS_TEST_TMPDIR/data/$how"-20*/job-logs/first.log
  done
}

@test "while a Job is being created" {
  local bin="$BATS_TEST_TMPDIR/bin" said="the API server has the Job"
  mkdir "$bin"
  # The Job is there, and the runner does not know it yet.
  # shellcheck disable=SC2016 # the stub expands it
  printf '#!/usr/bin/env bash\nif [[ "$*" != *" create --"* ]]; then exec %s "$@"; fi\n%s "$@"\necho "%s" >>"$OUT"\nsleep 2\n' \
    "$(command -v kubectl)" "$(command -v kubectl)" "$said" >"$bin/kubectl"
  chmod +x "$bin/kubectl"
  export OUT
  for how in ctrl-c term; do
    LOAD_S=6000 PATH="$bin:$PATH" interrupt "$how" "$said"
    [ "$(run_of "$how" .status)" = interrupted ]
  done
}

@test "during the cooldown" {
  for how in ctrl-c term hangup reader-gone; do
    interrupt "$how" "cooldown:" --cooldown=6000
    was_saved "$how" interrupted stopped
  done
}

@test "during the analysis: the run itself is complete" {
  for how in ctrl-c term hangup; do
    interrupt "$how" analysing --analyze
    was_saved "$how" complete stopped
  done
}

@test "while the API server hangs: what remains is said" {
  local config
  config="$(make_config hangs model-based "first 0 6000 10")"
  OUT="$BATS_TEST_TMPDIR/hangs.out"
  WVA_TEST="$BATS_TEST_TMPDIR" start_in_background python "$BATS_TEST_DIRNAME/helpers/interruptible.py" \
    "$PROJECT/run-experiment.sh" --kubeconfig "$KUBECONFIG" --yes "$config"
  wait_until grep -qF "started first" "$OUT"
  kill -STOP "$CLUSTER_PID" # connections are accepted, and nothing is ever answered
  local began=$SECONDS status=0
  kill -INT -- "-$RUNNER_PID"
  wait "$RUNNER_PID" || status=$?
  unset RUNNER_PID
  echo "status $status after $((SECONDS - began)) s"
  cat "$OUT"
  kill -CONT "$CLUSTER_PID"
  [ "$status" -eq 130 ]
  [ $((SECONDS - began)) -le 15 ]
  [[ "$(cat "$OUT")" == *"the load Jobs may still be there: kubectl delete jobs"* ]]
  wait_until no_process_is_left
}
