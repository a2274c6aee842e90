# For tests of runs with a workload that meets a fault, and one beside it that does not.
# shellcheck shell=bash disable=SC2154 # status and output are set by bats

# run_beside_good NAME: a run of the workload "bad", which meets the fault that was ordered, and of "good".
run_beside_good() {
  run_config "$(make_config "$1" model-based "bad 0 60 10" "good 0 60 10")"
}

# run_config CONFIG
run_config() {
  run "$PROJECT/run-experiment.sh" --kubeconfig "$KUBECONFIG" --yes "$1" </dev/null
  echo "$output"
}

# bad_failed_with REASON: so it did, and nothing else did.
bad_failed_with() {
  [ "$status" -eq 4 ]
  [ "$(field '.workloads[] | "\(.name) \(.result)"' | paste -s -d ',' -)" = "bad failed,good stopped" ]
  [[ "$(field '.workloads[0].reason')" == *"$1"* ]]
  [[ "$output" == *"bad failed: "*"$1"* ]]
  grep -q ',prediction,' "$(run_directory)/metrics.csv"
  [ "$(jobs_left)" -eq 0 ]
}
