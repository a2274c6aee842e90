#!/usr/bin/env bats
# Ctrl-C, TERM, a closed terminal and a reader that goes away, at every phase of a run: the load is stopped, the evidence
# saved, no Job and no process left. Each phase meets one of them here, and all while a workload runs; `make test-all`
# has every pair.

load helpers/cluster

HELPERS="$BATS_TEST_DIRNAME/helpers"

setup() { start_cluster; }

# start_in_background COMMAND...: in a process group of its own; its output goes to $OUT.
start_in_background() {
  set -m
  "$@" </dev/null >"$OUT" 2>&1 3>&- &
  RUNNER_PID=$!
  set +m
}

# interrupt HOW TEXT [OPTION]: start a run, interrupt it as soon as it says TEXT, and see what is left of it.
interrupt() {
  local how="$1" text="$2"
  local run=("$PROJECT/run-experiment.sh" --kubeconfig "$KUBECONFIG" --yes ${3:+"$3"} "$(make_config "$how" model-based "first 0 ${LOAD_S:-30} 10")")
  OUT="$BATS_TEST_TMPDIR/$how.out"
  export WVA_TEST="$BATS_TEST_TMPDIR"
  case "$how" in
    ctrl-c | term) start_in_background python "$HELPERS/interruptible.py" "${run[@]}" ;;
    hangup) start_in_background python "$HELPERS/in_terminal.py" "$text" "${run[@]}" ;;
    reader-gone) start_in_background reader_of "$text" "${run[@]}" ;;
  esac
  wait_until grep -qF "$text" "$OUT" || wait_until grep -qF "$text" "$OUT" # one that closes may take its time
  case "$how" in
    ctrl-c) kill -INT -- "-$RUNNER_PID" ;;
    term) kill -TERM "$RUNNER_PID" ;;
  esac
  ends_as_interrupted "$how at '$text'"
  [ "$(jobs_left)" -eq 0 ]
  wait_until no_process_is_left
}

# ends_as_interrupted WHAT: with status 130; what the runner said is shown.
ends_as_interrupted() {
  local status=0
  wait "$RUNNER_PID" || status=$?
  unset RUNNER_PID WVA_TEST
  echo "$1: status $status"
  cat "$OUT"
  [ "$status" -eq 130 ]
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

during_the_checks() {
  interrupt "$1" "checks:"
  [ ! -e "$BATS_TEST_TMPDIR/data" ]
}

while_the_collector_starts() {
  interrupt "$1" "writing to"
  was_saved "$1" interrupted not-started
}

while_a_workload_runs() {
  LOAD_S=6000 interrupt "$1" "started first"
  was_saved "$1" interrupted interrupted
  [ "$(run_of "$1" .exit_status)" = 130 ]
  grep -q . "$BATS_TEST_TMPDIR/data/$1"-20*/job-logs/first.log
  head -n 1 "$BATS_TEST_TMPDIR/data/$1"-20*/metrics.csv | grep -q '^timestamp,reconciliation,event_type,'
  jq -e .complete "$BATS_TEST_TMPDIR/data/$1"-20*/collection.json
}

during_the_cooldown() {
  interrupt "$1" "cooldown:" --cooldown=6000
  was_saved "$1" interrupted complete
}

during_the_analysis() {
  interrupt "$1" analysing --analyze
  was_saved "$1" complete complete
}

@test "during the checks: nothing was begun" { during_the_checks ctrl-c; }

@test "while the collector starts" { while_the_collector_starts term; }

@test "while a workload runs" {
  for how in ctrl-c term hangup reader-gone; do
    while_a_workload_runs "$how"
  done
}

# creation_number NUMBER: kubectl, which says so when the API server has taken so many of our objects, and answers later.
creation_number() {
  local real bin="$BATS_TEST_TMPDIR/bin"
  real="$(command -v kubectl)"
  mkdir -p "$bin"
  rm -f "$BATS_TEST_TMPDIR/created"
  # The Job is there, and the runner does not know it yet.
  # shellcheck disable=SC2016 # the stub expands it
  printf '#!/usr/bin/env bash\nif [[ "$*" != *" create --"* || "$*" == *--dry-run* ]]; then exec %s "$@"; fi
%s "$@"\necho >>%s\n[[ "$(wc -l <%s)" -ne %s ]] || { echo "%s" >>"$OUT" && sleep 2; }\n' \
    "$real" "$real" "$BATS_TEST_TMPDIR/created" "$BATS_TEST_TMPDIR/created" "$1" "$TAKEN" >"$bin/kubectl"
  chmod +x "$bin/kubectl"
}

@test "while a Job is being created: the marker of the run, or a load" {
  local bin="$BATS_TEST_TMPDIR/bin" number how
  TAKEN="the API server has the Job"
  export OUT
  for number in 1 2; do
    for how in ctrl-c term; do
      creation_number "$number"
      LOAD_S=6000 PATH="$bin:$PATH" interrupt "$how" "$TAKEN"
      [ "$(run_of "$how" .status)" = interrupted ]
      rm -r "$BATS_TEST_TMPDIR/data"
    done
  done
}

@test "during the cooldown" { during_the_cooldown ctrl-c; }

@test "during the analysis: the run itself is complete" { during_the_analysis ctrl-c; }

@test "while the API server hangs: what remains is said" {
  local config
  config="$(make_config hangs model-based "first 0 6000 10")"
  OUT="$BATS_TEST_TMPDIR/hangs.out"
  WVA_END_BUDGET_S=15 WVA_TEST="$BATS_TEST_TMPDIR" start_in_background python "$HELPERS/interruptible.py" \
    "$PROJECT/run-experiment.sh" --kubeconfig "$KUBECONFIG" --yes "$config"
  wait_until grep -qF "started first" "$OUT"
  kill -STOP "$CLUSTER_PID" # connections are accepted, and nothing is ever answered
  kill -INT -- "-$RUNNER_PID"
  ends_as_interrupted "ctrl-c while the API server hangs"
  kill -CONT "$CLUSTER_PID"
  [[ "$(cat "$OUT")" == *"Jobs of this run may still be there: kubectl delete jobs"* ]]
  # What was not collected, and what was not stopped, is said wherever one looks.
  [ "$(run_of hangs '"\(.collection.complete) \(.workloads[0].result)"')" = "false not-stopped" ]
  [ "$(jq .running "$BATS_TEST_TMPDIR"/data/hangs-20*/collection.json)" = false ]
  grep -q 'may have gaps' "$BATS_TEST_TMPDIR"/data/hangs-20*/README.md
  python -m wva_parse summary "$BATS_TEST_TMPDIR"/data/hangs-20* | grep -q 'may be missing'
  wait_until no_process_is_left
}

# bats test_tags=slow
@test "every other way during the checks" {
  for how in term hangup reader-gone; do
    during_the_checks "$how"
  done
}

# bats test_tags=slow
@test "every other way while the collector starts" {
  for how in ctrl-c hangup reader-gone; do
    while_the_collector_starts "$how"
  done
}

# bats test_tags=slow
@test "every other way during the cooldown" {
  for how in term hangup reader-gone; do
    during_the_cooldown "$how"
  done
}

# bats test_tags=slow
@test "every other way during the analysis" {
  for how in term hangup; do
    during_the_analysis "$how"
  done
}
