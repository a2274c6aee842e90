#!/usr/bin/env bats
# Parallel workloads start when the plan says, whatever else there is to do then.

load helpers/cluster

@test "two starts while another workload ends, whose log takes its time: within 1 s of the plan" {
  local bin="$BATS_TEST_TMPDIR/bin" kubectl
  kubectl="$(command -v kubectl)"
  mkdir "$bin"
  printf '#!/usr/bin/env bash\n[[ "$*" != *"logs --namespace"* ]] || sleep 3\nexec "%s" "$@"\n' "$kubectl" >"$bin/kubectl"
  chmod +x "$bin/kubectl"
  PATH="$bin:$PATH" run "$PROJECT/run-experiment.sh" --embedded --speed 10 --yes \
    "$(make_config late model-based "first 0 60 10" "second 60 60 10" "third 60 60 10")" </dev/null
  echo "$output"
  [ "$status" -eq 0 ]
  field '.workloads[] | "\(.name) \(.start_late_s)"'
  [ "$(field '[.workloads[].start_late_s] | all(. >= 0 and . < 1)')" = true ]
  # By the cluster's clock, whose Jobs tell whole seconds, 10 of them in a real one.
  [ "$(field '[.workloads[].start | fromdate] | .[1] - .[0] | . >= 59 and . <= 75')" = true ]
}
