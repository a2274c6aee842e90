# For tests of runs with workloads that meet a fault.
# shellcheck shell=bash disable=SC2154 # status and output are set by bats

# run_config CONFIG
run_config() {
  run "$PROJECT/run-experiment.sh" --kubeconfig "$KUBECONFIG" --yes "$1" </dev/null
  echo "$output"
}

# has_failed_with WORKLOAD REASON: so it did, and so it was said.
has_failed_with() {
  [ "$(field ".workloads[] | select(.name == \"$1\") | .result")" = failed ]
  [[ "$(field ".workloads[] | select(.name == \"$1\") | .reason")" == *"$2"* ]]
  [[ "$output" == *"$1 failed: "*"$2"* ]]
}
