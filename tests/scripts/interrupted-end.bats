#!/usr/bin/env bats
# Interrupted at the end of a run, twice, or while something else is looked at; each phase is in interruptions.bats.

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
}

cluster_is_away() { ! kubectl get --raw /version; }
