# For the tests of the scripts: an embedded cluster that a test can look into and break.
# shellcheck shell=bash

# shellcheck source=tests/scripts/helpers/test.bash
source "$(dirname "${BASH_SOURCE[0]}")/test.bash"

PROJECT="$(cd "$(dirname "${BASH_SOURCE[0]}")/../../.." && pwd)"
PATH="$PROJECT/.venv/bin:$PATH"
NAMESPACE=llm-d-autoscaler
CONTROLLERS=workload-variant-autoscaler-system
PREFIX=workload-variant-autoscaler-controller-manager
SPEED="${SPEED:-60}"
export WVA_END_BUDGET_S="${WVA_END_BUDGET_S:-60}" # a busy machine is slow; what the usual one shares out: signals.bats

# start_cluster [options of wva_sim serve]: sets KUBECONFIG; containers' logs are kept in $JOURNAL as well.
start_cluster() {
  STATE="$BATS_TEST_TMPDIR/cluster"
  JOURNAL="$STATE/journal"
  mkdir -p "$JOURNAL"
  (cd "$PROJECT" && exec python -m wva_sim serve --state "$STATE" --journal "$JOURNAL" --speed "$SPEED" --parent $$ \
    "$@" >"$STATE/out" 2>&1 3>&-) &
  CLUSTER_PID=$!
  wait_until test -s "$STATE/ready"
  export KUBECONFIG="$STATE/kubeconfig" KUBECACHEDIR="$STATE/cache"
}

# wait_until COMMAND...: until it succeeds, at most 90 s: a busy machine is slow.
wait_until() {
  local tries=0
  until "$@" >/dev/null 2>&1; do
    tries=$((tries + 1))
    [[ $tries -lt 900 ]] || {
      echo "still not true after 90 s: $*" >&2
      return 1
    }
    sleep 0.1
  done
}

# order FAULT [JSON members]: order a fault of the embedded cluster.
order() {
  local token
  token="$(jq -r '.url | sub("^http://[^/]+/"; "")' "$STATE/ready")"
  printf '{"fault": "%s"%s}' "$1" "${2:+, $2}" >"$STATE/order.json"
  kubectl create --raw "/$token/embedded/faults" -f "$STATE/order.json"
}

# Let so many seconds of the cluster's time pass.
pass() { sleep "$(jq -n --argjson s "$1" --argjson speed "$SPEED" '$s / $speed')"; }

# make_config NAME MODE "WORKLOAD SPEC..."...: each spec is "name start duration rate" (parallel) or "name rate prompts".
# The answer is the path; results go to $BATS_TEST_TMPDIR/data.
make_config() {
  local name="$1" mode="$2" spec file="$BATS_TEST_TMPDIR/$1.yaml"
  shift 2
  {
    printf 'name: %s\ndescription: "a test"\nmode: %s\n' "$name" "$mode"
    printf 'namespace: %s\ncontroller_namespace: %s\ncontroller_pod_prefix: %s\n' "$NAMESPACE" "$CONTROLLERS" "$PREFIX"
    printf 'deployment: ms-inference-scheduling-llm-d-modelservice-decode\nmodel_name: unsloth/Meta-Llama-3.1-8B\n'
    printf 'cooldown: 30\nmetrics:\n  interval: 5\nworkloads:\n'
    for spec in "$@"; do
      # shellcheck disable=SC2086 # words of a spec
      add_workload $spec
    done
    printf 'output:\n  base_dir: %s\n' "$BATS_TEST_TMPDIR/data"
  } >"$file"
  echo "$file"
}

add_workload() {
  local name="$1" manifest="$BATS_TEST_TMPDIR/job-$1.yaml"
  if [[ $# -eq 4 ]]; then
    write_job "$manifest" "$name" "$4" 100000
    printf '  - name: %s\n    job_manifest: %s\n    start_delay: %s\n    duration: %s\n' "$name" "$manifest" "$2" "$3"
  else
    write_job "$manifest" "$name" "$2" "$3"
    printf '  - name: %s\n    job_manifest: %s\n    wait_completion: true\n' "$name" "$manifest"
  fi
}

# write_job FILE NAME RATE PROMPTS
write_job() {
  yq --output-format=json . "$PROJECT/workloads/sharegpt-load-job-moderate-10.yaml" |
    jq --arg name "load-$2" --arg rate "$3" --arg prompts "$4" '.metadata.name = $name
      | .spec.template.spec.containers[0].env |= map(
          if .name == "REQUEST_RATE" then .value = $rate elif .name == "NUM_PROMPTS" then .value = $prompts else . end)' >"$1"
}

# The only run below $BATS_TEST_TMPDIR/data.
run_directory() { echo "$BATS_TEST_TMPDIR"/data/*-20*; }

# field FILTER: of its run.json.
field() { jq -r "$1" "$(run_directory)/run.json"; }

# has_pod_of WORKLOAD: of a run.
has_pod_of() { kubectl get pods --namespace "$NAMESPACE" --selector "wva-experiments/workload=$1" --output name | grep -q .; }

jobs_left() { kubectl get jobs --namespace "$NAMESPACE" --output name | wc -l | tr -d ' '; }

# Processes that have this test's directory or this cluster in their command line or environment.
processes_left() {
  local file left=0
  for file in /proc/[0-9]*/environ; do
    if [[ "$file" != "/proc/$$/environ" ]] && grep -qzF "WVA_TEST=$BATS_TEST_TMPDIR" "$file" 2>/dev/null; then
      left=$((left + 1))
    fi
  done
  echo "$left"
}
