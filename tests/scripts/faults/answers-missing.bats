#!/usr/bin/env bats
# Servers that cannot keep up: a workload that has its answers within the drain, and one that does not.

load ../helpers/cluster_per_test
load ../helpers/workloads

@test "a workload whose answers do not come within the drain is cut, and nothing is said of its requests" {
  local config
  config="$(make_config drained model-based "cut 0 120 200" "good 0 60 2")"
  awk '{ print } / duration: 120$/ { print "    drain: 20" }' "$config" >"$config.yaml"
  echo "drain: 3000" >>"$config.yaml"
  run_config "$config.yaml"
  [ "$status" -eq 4 ]
  [ "$(field '.workloads[] | "\(.name) \(.result) \(.cut) \(.drain_s) \(.prompts)"' | paste -s -d ',' -)" = \
    "cut cut true 20 24000,good complete false 3000 120" ]
  [[ "$(field '.workloads[0].reason')" == "answers were missing "*" s after it had sent for 120 s; its drain is 20 s" ]]
  [ ! -e "$(run_directory)/requests/cut.csv" ]
  [ -s "$(run_directory)/requests/good.csv" ]
  [ "$(jobs_left)" -eq 0 ]
  python -m wva_parse summary "$(run_directory)" --json | jq -e '.requests.sent == 120 and .requests.unknown == 24000'
}
