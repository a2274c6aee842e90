#!/usr/bin/env bats
# The runner on embedded clusters, with the real kubectl.

load helpers/cluster
load helpers/runner

@test "a parallel model-based run on the embedded cluster is complete, and each request is accounted for" {
  config="$(make_config parallel model-based "first 0 60 20" "second 30 60 10" "early 0 10 20")"
  run runner --embedded --speed 60 --yes "$config"
  echo "$output"
  [ "$status" -eq 0 ]
  run_dir="$(run_directory)"
  for file in experiment-config.yaml run.json plan.tsv run.log cluster/before cluster/after wva-controller-logs.jsonl \
    collection.json cluster-samples.jsonl job-logs/{first,second,early}.log metrics.csv README.md; do
    [ -e "$run_dir/$file" ] || {
      echo "missing: $file"
      false
    }
  done
  [ "$(field '.status, .exit_status, .simulated, .embedded, .speed' | paste -s -d ' ' -)" = "complete 0 true true 60" ]
  [ "$(field '.workloads[] | "\(.name) \(.result) \(.rate_per_s)"' | paste -s -d ',' -)" = \
    "first complete 20,early complete 20,second complete 10" ]
  [ "$(field '.workloads[] | "\(.prompts) \(.sending_s) \(.drain_s) \(.cut)"' | paste -s -d ',' -)" = \
    "1200 60 300 false,200 10 300 false,600 60 300 false" ]
  [ "$(field '[.workloads[] | .sending_start >= .start] | all')" = true ]
  [ "$(grep -c ',[01]$' "$run_dir"/requests/{first,second,early}.csv | cut -d : -f 2 | paste -s -d ' ' -)" = "1200 600 200" ]
  [ "$(field '[.workloads[].job] | unique | length')" -eq 3 ]
  [ "$(field '[.workloads[].seed] | unique | length')" -eq 3 ]
  grep -q 'Successful requests: *200' "$run_dir/job-logs/early.log"
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

@test "another release and two variants: pairs, decisions and samples of each; --analyze writes the report" {
  config="$(make_config several model-based "first 0 240 30")"
  run runner --embedded --speed 60 --dialect D3 --variants 2 --yes --analyze "$config"
  echo "$output"
  [ "$status" -eq 0 ]
  local variants
  variants="$(cut -d , -f 1 "$(run_directory)/processed_data.csv" | sed 1d | sort -u | wc -l)"
  [ "$variants" -eq 2 ]
  jq -se 'all(.[]; .deployments | length == 2)' "$(run_directory)/cluster-samples.jsonl"
  [[ "$output" == *"  decode:  replicas "*"  decode-2:  replicas "* ]]
  [ -s "$(run_directory)/report.html" ]
  grep -q SIMULATED "$(run_directory)/ANALYSIS_SUMMARY.md"
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

@test "an analysis that fails: status 1, the data is complete" {
  local kernel="$BATS_TEST_TMPDIR/jupyter/kernels/python3"
  mkdir -p "$kernel"
  printf '{"argv": ["false"], "display_name": "one that dies", "language": "python"}' >"$kernel/kernel.json"
  config="$(make_config unanalysed model-based "first 0 10 10")"
  JUPYTER_PATH="$BATS_TEST_TMPDIR/jupyter" run runner --embedded --speed 60 --cooldown 5 --yes --analyze "$config"
  echo "$output"
  [ "$status" -eq 1 ]
  [[ "$output" == *"the analysis failed"*"wva-parse analyze"* ]]
  [ "$(field .status)" = complete ]
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

@test "what a config says of rate, data set and environment is in the Job, and in the record" {
  local config
  config="$(make_config own model-based "first 0 30 10")"
  sed -i.bak 's/^\( *\)duration: 30$/\1duration: 30s\
\1rate: 2.5\
\1dataset_url: http:\/\/here\/set.json\
\1env: {HF_HUB_OFFLINE: "1", WORKERS: 4, VLLM_USE_RUST_BENCH: true, HOME: \/elsewhere}/' "$config"
  cat "$config"
  run runner --embedded --speed 60 --yes "$config"
  [ "$status" -eq 0 ]
  [ "$(field '.workloads[0] | "\(.rate_per_s) \(.prompts)"')" = "2.5 75" ]
  # It ends by itself an hour later than planned, with its last answers, if nobody watches it any more.
  jq -e '.spec.activeDeadlineSeconds == 3600 + 30 + 300' "$(run_directory)/cluster/jobs/first.json"
  jq -e '[.. | .env? // empty | map({key: .name, value}) | from_entries] as [$fetch, $client]
    | $fetch.DATASET_URL == "http://here/set.json" and $client.REQUEST_RATE == "2.5" and $client.NUM_PROMPTS == "75"
      and $client.WORKERS == "4" and $client.HOME == "/elsewhere" and $fetch.HF_HUB_OFFLINE == "1"' \
    "$(run_directory)/cluster/jobs/first.json"
  # In the place of the manifest's, and once: a later variable may refer to it.
  jq -e '[.spec.template.spec.containers[0].env[].name] | index("HOME") < index("XDG_CACHE_HOME")
      and index("VLLM_USE_RUST_BENCH") < index("HF_TOKEN") and length == (unique | length)' \
    "$(run_directory)/cluster/jobs/first.json"
  # What the client did, and the config as it was written.
  grep -q 'Traffic request rate: *2.5' "$(run_directory)/job-logs/first.log"
  [ "$(grep -cE '^[0-9.]+,.*,[01]$' "$(run_directory)/requests/first.csv")" -eq 75 ]
  cmp "$config" "$(run_directory)/experiment-config.yaml"
  run python -m wva_parse summary "$(run_directory)" --json
  [ "$(jq -c '.schedule.workloads[0] | [.rate_per_s, .duration_s]' <<<"$output")" = '[2.5,30]' ]
}
