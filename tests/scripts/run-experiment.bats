#!/usr/bin/env bats
# The runner on embedded clusters, with the real kubectl.

load helpers/cluster
load helpers/runner

@test "a parallel model-based run on the embedded cluster is complete" {
  config="$(make_config parallel model-based "first 0 60 20" "second 30 60 10")"
  run runner --embedded --speed 60 --yes "$config"
  echo "$output"
  [ "$status" -eq 0 ]
  run_dir="$(run_directory)"
  for file in experiment-config.yaml run.json plan.tsv run.log cluster/before cluster/after wva-controller-logs.jsonl \
    collection.json cluster-samples.jsonl job-logs/first.log job-logs/second.log metrics.csv README.md; do
    [ -e "$run_dir/$file" ] || {
      echo "missing: $file"
      false
    }
  done
  [ "$(field '.status, .exit_status, .simulated, .embedded, .speed' | paste -s -d ' ' -)" = "complete 0 true true 60" ]
  [ "$(field '.workloads[] | "\(.name) \(.result) \(.rate_per_s)"' | paste -s -d ',' -)" = "first stopped 20,second stopped 10" ]
  [ "$(field '[.workloads[].job] | unique | length')" -eq 2 ]
  [ "$(field '[.workloads[].seed] | unique | length')" -eq 2 ]
  grep -q ',prediction,' "$run_dir/metrics.csv"
  grep -q 'Simulated' "$run_dir/README.md"
  jq -e '.complete and .lines > 50' "$run_dir/collection.json"
}

@test "a sequential capacity-based run waits for each Job and keeps its result" {
  config="$(make_config sequential capacity-based "one 20 300" "two 20 300")"
  run runner --embedded --speed 60 --yes "$config"
  echo "$output"
  [ "$status" -eq 0 ]
  [ "$(field '[.workloads[].result] | unique | join(" ")')" = complete ]
  [ "$(field '.workloads[1].start >= .workloads[0].end')" = true ]
  grep -q 'Successful requests: *300' "$(run_directory)/job-logs/two.log"
  grep -q ',kv_cache,' "$(run_directory)/metrics.csv"
}

@test "a Job that has sent all its requests before its time is up is complete" {
  config="$(make_config early model-based "bad 0 120 20")"
  write_job "$BATS_TEST_TMPDIR/job-bad.yaml" bad 20 200
  run runner --embedded --speed 60 --yes "$config"
  echo "$output"
  [ "$status" -eq 0 ]
  [ "$(field '.workloads[0].result')" = complete ]
  grep -q 'Successful requests: *200' "$(run_directory)/job-logs/bad.log"
}

@test "another release and two variants: pairs, decisions and samples of each" {
  config="$(make_config several model-based "first 0 240 30")"
  run runner --embedded --speed 60 --dialect D3 --variants 2 --yes --analyze "$config"
  echo "$output"
  [ "$status" -eq 0 ]
  local variants
  variants="$(cut -d , -f 1 "$(run_directory)/processed_data.csv" | sed 1d | sort -u | wc -l)"
  [ "$variants" -eq 2 ]
  jq -se 'all(.[]; .deployments | length == 2)' "$(run_directory)/cluster-samples.jsonl"
  [[ "$output" == *"  decode:  replicas "*"  decode-2:  replicas "* ]]
}

@test "a release without VariantAutoscalings: annotated scalers are its variants" {
  config="$(make_config console capacity-based "first 0 120 30")"
  run runner --embedded --speed 60 --dialect D7 --variants 2 --yes "$config"
  echo "$output"
  [ "$status" -eq 0 ]
  [[ "$output" == *"variant: HorizontalPodAutoscaler"*"variant: HorizontalPodAutoscaler"*"verbosity: --v=4"* ]]
  [ "$(cat "$(run_directory)/cluster/before/variantautoscalings.json")" = '[]' ]
  [ "$(jq length "$(run_directory)/cluster/before/deployment.json")" -eq 2 ]
  jq -se 'all(.[]; (.deployments | length == 2) and (.variants == []) and ([.pods[].variant] | unique | length == 2))' \
    "$(run_directory)/cluster-samples.jsonl"
  [ "$(grep -c ',scaling_decision,' "$(run_directory)/metrics.csv")" -gt 0 ]
  grep -q ',analyzer_result,' "$(run_directory)/analyzers.csv"
}

@test "--analyze writes the report" {
  config="$(make_config analysed model-based "first 0 30 10")"
  run runner --embedded --speed 60 --yes --analyze "$config"
  echo "$output"
  [ "$status" -eq 0 ]
  [ -s "$(run_directory)/report.html" ]
  grep -q SIMULATED "$(run_directory)/ANALYSIS_SUMMARY.md"
}

@test "an analysis that fails: status 1, the data is complete" {
  local kernel="$BATS_TEST_TMPDIR/jupyter/kernels/python3"
  mkdir -p "$kernel"
  printf '{"argv": ["false"], "display_name": "one that dies", "language": "python"}' >"$kernel/kernel.json"
  config="$(make_config unanalysed model-based "first 0 10 10")"
  JUPYTER_PATH="$BATS_TEST_TMPDIR/jupyter" run runner --embedded --speed 60 --cooldown 5 --yes --analyze "$config"
  echo "$output"
  [ "$status" -eq 1 ]
  [[ "$output" == *"the analysis failed"*"python -m wva_parse analyze"* ]]
  [ "$(field .status)" = complete ]
}

@test "Ctrl-C half way stops the load, keeps the data and leaves nothing" {
  start_cluster
  config="$(make_config stopped model-based "first 0 6000 20")"
  start_runner --kubeconfig "$KUBECONFIG" --yes "$config"
  wait_until grep -q 'started first' "$BATS_TEST_TMPDIR/out"
  pass 60
  kill -INT -- "-$RUNNER_PID"
  expect_status 130
  [ "$(jobs_left)" -eq 0 ]
  [ "$(processes_left)" -eq 0 ]
  [ "$(field '.status, .exit_status, .workloads[0].result' | paste -s -d ' ' -)" = "interrupted 130 interrupted" ]
  head -n 1 "$(run_directory)/metrics.csv" | grep -q '^timestamp,reconciliation,event_type,'
  [ -s "$(run_directory)/job-logs/first.log" ]
  jq -e .complete "$(run_directory)/collection.json"
}

@test "Ctrl-C during a look at the Jobs is answered where one can read it" {
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
}

@test "TERM to the script alone does the same" {
  start_cluster
  config="$(make_config stopped capacity-based "first 0 6000 20")"
  start_runner --kubeconfig "$KUBECONFIG" --yes "$config"
  wait_until grep -q 'started first' "$BATS_TEST_TMPDIR/out"
  kill -TERM "$RUNNER_PID"
  expect_status 130
  [ "$(jobs_left)" -eq 0 ]
  [ "$(processes_left)" -eq 0 ]
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
  [ "$(field '.status, .exit_status, .workloads[0].result' | paste -s -d ' ' -)" = "interrupted 130 stopped" ]
  [ "$(field '.end >= .cooldown.end')" = true ]
  head -n 1 "$(run_directory)/metrics.csv" | grep -q '^timestamp,reconciliation,event_type,'
  grep -q interrupted "$(run_directory)/README.md"
}

is_closing() { test -d "$(run_directory)/cluster/after"; }

@test "a second Ctrl-C leaves at once and says what remains" {
  start_cluster
  config="$(make_config twice model-based "first 0 6000 20")"
  start_runner --kubeconfig "$KUBECONFIG" --yes "$config"
  wait_until grep -q 'started first' "$BATS_TEST_TMPDIR/out"
  order api-outage '"seconds": 600' # so that the cleanup takes its time
  wait_until cluster_is_away
  kill -INT -- "-$RUNNER_PID"
  sleep 1.2
  kill -INT -- "-$RUNNER_PID"
  expect_status 130
  grep -q 'leaving at once' "$BATS_TEST_TMPDIR/out"
  grep -q 'kubectl delete jobs --namespace' "$BATS_TEST_TMPDIR/out"
}

cluster_is_away() { ! kubectl get --raw /version; }

@test "who reads the output goes away: interrupted, nothing is left" {
  start_cluster
  config="$(make_config piped model-based "first 0 6000 20" "second 60 6000 20")"
  { WVA_TEST="$BATS_TEST_TMPDIR" runner --kubeconfig "$KUBECONFIG" --yes "$config" 3>&-; } | sed '/started first/q'
  wait_until has_ended
  [ "$(field .status)" = interrupted ]
  [ "$(jobs_left)" -eq 0 ]
  [ "$(processes_left)" -eq 0 ]
}

has_ended() { [[ "$(field .end)" != null ]]; }

@test "Ctrl-C of an embedded run leaves no process" {
  config="$(make_config stopped model-based "first 0 6000 20")"
  start_runner --embedded --speed 60 --yes "$config"
  wait_until grep -q 'started first' "$BATS_TEST_TMPDIR/out"
  kill -INT -- "-$RUNNER_PID"
  expect_status 130
  [ "$(processes_left)" -eq 0 ]
  [ -s "$(run_directory)/metrics.csv" ]
}

@test "--keep-jobs keeps them, and the next run names what is left" {
  start_cluster
  config="$(make_config kept model-based "first 10 100")"
  run runner --kubeconfig "$KUBECONFIG" --yes --keep-jobs "$config"
  [ "$status" -eq 0 ]
  [ "$(jobs_left)" -eq 1 ]
  run runner --kubeconfig "$KUBECONFIG" --yes --dry-run "$config"
  [ "$status" -eq 0 ]
  [[ "$output" == *"Jobs of an earlier run are left"*"--clean removes them"* ]]
  run runner --kubeconfig "$KUBECONFIG" --yes --clean "$config"
  [ "$status" -eq 0 ]
  [[ "$output" == *"removed what an earlier run has left: load-first-"* ]]
  [ "$(jobs_left)" -eq 0 ]
}

@test "another run on the same Deployment is a refusal, on another one not; --clean --yes removes what was left of it" {
  start_cluster
  config="$(make_config late model-based "first 10 100")"
  foreign_job other-deployment | kubectl create -f -
  run runner --kubeconfig "$KUBECONFIG" --yes --dry-run "$config"
  [ "$status" -eq 0 ]
  [[ "$output" == *"no other run, no leftovers"* ]]
  foreign_job ms-inference-scheduling-llm-d-modelservice-decode | kubectl create -f -
  run runner --kubeconfig "$KUBECONFIG" "$config"
  [ "$status" -eq 3 ]
  [[ "$output" == *"another run is active on ms-inference"*"of-ms-inference"*"--clean --yes"* ]]
  run runner --kubeconfig "$KUBECONFIG" --clean "$config"
  [ "$status" -eq 3 ]
  [ "$(jobs_left)" -eq 2 ]
  run runner --kubeconfig "$KUBECONFIG" --clean --yes "$config"
  [ "$status" -eq 0 ]
  [ "$(kubectl get jobs --namespace "$NAMESPACE" --output name)" = job.batch/of-other-deployment ]
}

# foreign_job DEPLOYMENT: a load Job of another run, in progress.
foreign_job() {
  write_job "$BATS_TEST_TMPDIR/foreign.yaml" foreign 1 100000
  jq --arg deployment "$1" --arg namespace "$NAMESPACE" '.metadata = {name: "of-\($deployment)"[:50], namespace: $namespace,
      labels: {"wva-experiments/run": "20260101-000000"}, annotations: {"wva-experiments/deployment": $deployment}}' \
    "$BATS_TEST_TMPDIR/foreign.yaml"
}

@test "no value of a Secret gets into the run's directory" {
  start_cluster
  local deployment=ms-inference-scheduling-llm-d-modelservice-decode value=hf_T0pSecretT0ken
  for where in "$NAMESPACE" "$CONTROLLERS"; do
    jq -n --arg value "$value" '{apiVersion: "v1", kind: "Secret", metadata: {name: "hf-token"}, stringData: {token: $value}}' |
      kubectl create --namespace "$where" --filename -
  done
  kubectl patch deployment "$deployment" --namespace "$NAMESPACE" --type json --patch '[{"op": "add",
    "path": "/spec/template/spec/containers/0/env", "value": [{"name": "HF_TOKEN",
    "valueFrom": {"secretKeyRef": {"name": "hf-token", "key": "token"}}}]}]'
  run runner --kubeconfig "$KUBECONFIG" --yes "$(make_config secret model-based "first 0 30 10")"
  echo "$output"
  [ "$status" -eq 0 ]
  grep -q secretKeyRef "$(run_directory)/cluster/before/deployment.json"
  run grep -rlE "$value|$(printf %s "$value" | base64)" "$(run_directory)"
  [ "$status" -eq 1 ]
}

@test "a dry run prints the plan and changes nothing" {
  start_cluster
  config="$(make_config dry model-based "first 0 60 10" "second 30 60 15")"
  run runner --kubeconfig "$KUBECONFIG" --dry-run "$config"
  [ "$status" -eq 0 ]
  [[ "$output" == *"25 req/s"*"first + second"* ]]
  [[ "$output" == *"dry run: nothing was changed"* ]]
  [ "$(jobs_left)" -eq 0 ]
  [ ! -e "$BATS_TEST_TMPDIR/data" ]
}

@test "the other mode is refused without a terminal, and accepted with --yes" {
  start_cluster --mode capacity-based
  config="$(make_config mismatch model-based "first 0 30 10")"
  run runner --kubeconfig "$KUBECONFIG" --dry-run "$config"
  [ "$status" -eq 3 ]
  [[ "$output" == *"controller mode is capacity-based"*"the config says model-based"* ]]
  run runner --kubeconfig "$KUBECONFIG" --dry-run --yes "$config"
  [ "$status" -eq 0 ]
}

@test "a missing Deployment and missing controller pods are refused with what to do" {
  start_cluster
  config="$(make_config absent model-based "first 0 30 10")"
  sed -i.old -e 's/^deployment: .*/deployment: absent/' -e 's/^controller_pod_prefix: .*/controller_pod_prefix: nobody/' "$config"
  run runner --kubeconfig "$KUBECONFIG" --yes "$config"
  [ "$status" -eq 3 ]
  [[ "$output" == *"there is no Deployment absent"* ]]
  [[ "$output" == *"no running pod"*"begins with nobody"* ]]
  [ ! -e "$BATS_TEST_TMPDIR/data" ]
}

@test "without any cluster: status 3, the cause and --embedded" {
  run env -u KUBECONFIG HOME="$BATS_TEST_TMPDIR" "$PROJECT/run-experiment.sh" "$PROJECT/experiment-configs/model-based-moderate.yaml"
  [ "$status" -eq 3 ]
  [[ "$output" == *"no cluster is configured"* ]]
  [[ "$output" == *"--embedded"* ]]
}

@test "bad configs: one clear message, status 2, no traceback" {
  cd "$BATS_TEST_TMPDIR"
  good="$(make_config good model-based "first 0 30 10")"
  printf 'a: [' >broken.yaml
  printf 'a: 1\n---\nb: 2\n' >two.yaml
  sed 's/^mode:/mdoe:/' "$good" >unknown.yaml
  { sed '/^workloads:/,$d' "$good" && echo 'workloads: []'; } >empty.yaml
  printf 'apiVersion: v1\nkind: Pod\nmetadata: {name: x}\n' >pod.yaml
  sed 's/job_manifest: .*/job_manifest: pod.yaml/' "$good" >not-a-job.yaml
  while IFS='|' read -r file said; do
    run runner --embedded "$file"
    [ "$status" -eq 2 ] || {
      echo "$file: status $status: $output"
      false
    }
    [[ "$output" == *"$said"* ]] || {
      echo "$file: $output"
      false
    }
    [[ "$output" != *Traceback* ]]
  done <<'TABLE'
missing.yaml|there is no config 'missing.yaml'
broken.yaml|broken.yaml:1: not valid YAML
two.yaml|a second YAML document
unknown.yaml|did you mean 'mode'
empty.yaml|saw an empty list
not-a-job.yaml|expected the manifest of a Job
TABLE
}

@test "bad options: one line, status 2" {
  while IFS='|' read -r options said; do
    # shellcheck disable=SC2086 # several options
    run runner $options
    [ "$status" -eq 2 ]
    [[ "$output" == *"$said"* ]] || {
      echo "$options: $output"
      false
    }
  done <<'TABLE'
--nonsense|unknown option '--nonsense'
--speed 0 --embedded x|--speed: saw '0'
--speed 10 model-based-high|--speed needs --embedded
--cooldown soon x|--cooldown: saw 'soon'
--kubeconfig /nowhere x|there is no file '/nowhere'
--embedded --context c x|leave out --context
a b|there is no config 'a'
-- -n|there is no config '-n'
TABLE
}

@test "without a config the configs are listed; --help is the header" {
  run runner
  [ "$status" -eq 0 ]
  [[ "$output" == *"capacity-based-high-parallel"*"model-based-moderate"* ]]
  run runner --help
  [ "$status" -eq 0 ]
  [[ "$output" == "Run one WVA experiment"*"--keep-jobs"*"130 interrupted"* ]]
}
