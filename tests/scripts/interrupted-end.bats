#!/usr/bin/env bats
# Interrupted at the end of a run, twice, or while something else is looked at; each phase is in interruptions.bats.

# shellcheck disable=SC2030,SC2031 # each test changes PATH for itself

load helpers/cluster
load helpers/runner

@test "Ctrl-C of an embedded run, during a look at the Jobs, is answered where one can read it and leaves no process" {
  local bin="$BATS_TEST_TMPDIR/bin"
  mkdir "$bin"
  printf '#!/bin/sh\ncase "$*" in *"get jobs.batch,pods"*) touch %s/looking; sleep 4 ;; esac\nexec %s "$@"\n' \
    "$bin" "$(command -v kubectl)" >"$bin/kubectl"
  chmod +x "$bin/kubectl"
  PATH="$bin:$PATH"
  start_runner --embedded --speed 60 --yes "$(make_config looking model-based "first 0 6000 20")"
  wait_until test -e "$bin/looking"
  kill -INT -- "-$RUNNER_PID"
  expect_status 130
  grep -q 'interrupted: data in' "$BATS_TEST_TMPDIR/out"
  [ "$(processes_left)" -eq 0 ]
  [ -s "$(run_directory)/metrics.csv" ]
}

@test "Ctrl-C while a run is being closed lets it close, status 130" {
  start_cluster
  config="$(make_config closing model-based "first 0 30 10")"
  start_runner --kubeconfig "$KUBECONFIG" --yes "$config"
  wait_until is_closing
  kill -INT -- "-$RUNNER_PID"
  expect_status 130
  [ "$(jobs_left)" -eq 0 ]
  [ "$(processes_left)" -eq 0 ]
  [ "$(field '.status, .exit_status, .workloads[0].result' | paste -s -d ' ' -)" = "interrupted 130 complete" ]
  [ "$(field '.end >= .cooldown.end')" = true ]
  head -n 1 "$(run_directory)/metrics.csv" | grep -q '^timestamp,reconciliation,event_type,'
  grep -q interrupted "$(run_directory)/README.md"
}

is_closing() { test -d "$(run_directory)/cluster/after"; }

@test "Ctrl-C after the record of a run is written changes neither it nor the status" {
  start_runner --embedded --speed 120 --yes "$(make_config recorded model-based "first 0 30 10")"
  wait_until grep -q 'complete: data in' "$BATS_TEST_TMPDIR/out"
  kill -INT -- "-$RUNNER_PID" # while the embedded cluster is stopped
  expect_status 0
  [ "$(processes_left)" -eq 0 ]
  [ "$(field '.status, .exit_status' | paste -s -d ' ' -)" = "complete 0" ]
}

@test "--keep-jobs suspends a Job, too, whose creation was not answered before the end" {
  local bin="$BATS_TEST_TMPDIR/bin" real
  real="$(command -v kubectl)"
  start_cluster
  mkdir "$bin"
  # The API server has the load, and tells it later than the end of the run can wait.
  # shellcheck disable=SC2016 # the stub expands it
  printf '#!/usr/bin/env bash\nif [[ "$*" != *" create --"* || "$*" == *--dry-run* ]]; then exec %s "$@"; fi
%s "$@"\nif [[ -e %s/marked ]]; then touch %s/created && sleep 30; fi\ntouch %s/marked\n' "$real" "$real" "$bin" "$bin" "$bin" >"$bin/kubectl"
  chmod +x "$bin/kubectl"
  PATH="$bin:$PATH" WVA_END_BUDGET_S=20 start_runner --kubeconfig "$KUBECONFIG" --yes --keep-jobs "$(make_config kept model-based "first 0 6000 10")"
  wait_until test -e "$bin/created"
  kill -INT -- "-$RUNNER_PID"
  expect_status 130
  [ "$(kubectl get jobs --namespace "$NAMESPACE" --output jsonpath='{.items[*].spec.suspend}')" = true ]
  [[ "$(field '.workloads[0] | "\(.result): \(.reason)"')" == "not-started: its creation was not answered"* ]]
}

@test "a load that may not be listed any more is deleted all the same, by name" {
  start_cluster
  start_runner --kubeconfig "$KUBECONFIG" --yes "$(make_config blind model-based "first 0 6000 10")"
  wait_until has_pod_of first
  order deny '"verb": "list", "resource": "jobs"'
  sleep 2
  kill -INT -- "-$RUNNER_PID"
  expect_status 130
  order clear
  [ "$(jobs_left)" -eq 0 ]
  [ "$(field '.workloads[0].result')" = interrupted ]
}

@test "a second Ctrl-C leaves at once and says what remains" {
  start_cluster
  config="$(make_config twice model-based "first 0 6000 20")"
  start_runner --kubeconfig "$KUBECONFIG" --yes "$config"
  wait_until grep -q 'started first' "$BATS_TEST_TMPDIR/out"
  order api-outage '"seconds": 600' # so that the cleanup takes its time
  wait_until cluster_is_away
  kill -INT -- "-$RUNNER_PID"
  sleep 2.2 # those that come together are one
  kill -INT -- "-$RUNNER_PID"
  expect_status 130
  grep -q 'leaving at once' "$BATS_TEST_TMPDIR/out"
  grep -q 'kubectl delete jobs --namespace' "$BATS_TEST_TMPDIR/out"
  [ "$(field '.workloads[0] | "\(.result) \(.end)"')" = "not-stopped null" ]
  [ "$(field '.collection.complete')" = false ]
}

cluster_is_away() { ! kubectl get --raw /version; }

# interrupt_in PROGRAM STUB STATUS: a run with a stub for a program, which sends the group of the run an INT, once.
interrupt_in() {
  local bin="$BATS_TEST_TMPDIR/bin" temporary="$BATS_TEST_TMPDIR/temporary" stub="${2/MET/$BATS_TEST_TMPDIR/met}"
  mkdir "$bin" "$temporary"
  printf '#!/bin/sh\n%s\n' "${stub/REAL/$(command -v "$1")}" >"$bin/$1"
  chmod +x "$bin/$1"
  PATH="$bin:$PATH" TMPDIR="$temporary" start_runner --embedded --dry-run --yes "$(make_config brief model-based "first 0 30 10")"
  expect_status "$3"
  [ -d "$BATS_TEST_TMPDIR/met" ]
  [ -z "$(find "$temporary" -name 'wva-*')" ]
}

@test "Ctrl-C after mktemp has made a temporary directory leaves none" {
  # shellcheck disable=SC2016 # the stub expands it
  interrupt_in mktemp 'made=$(REAL "$@") || exit; mkdir MET 2>/dev/null && kill -INT 0; echo "$made"' 130
}

@test "Ctrl-C before rm has removed the temporary directory leaves none" {
  # shellcheck disable=SC2016 # the stub expands it
  interrupt_in rm 'case "$*" in "-rf "*wva-experiment*) mkdir MET 2>/dev/null && kill -INT 0 ;; esac; exec REAL "$@"' 0
}
