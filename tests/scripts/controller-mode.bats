#!/usr/bin/env bats
# Which mode a controller is in, as the runner tells it from a log and from settings.

load helpers/test

setup() {
  # shellcheck source=run-experiment.sh
  source "$BATS_TEST_DIRNAME/../../run-experiment.sh"
  set +o nounset # what bats tells of a failure has variables that may not be set
  PATH="$PROJECT/.venv/bin:$PATH"
  WORK_DIR="$BATS_TEST_TMPDIR" POD_PREFIX=controller
}

# settings ENV CONFIGMAPS: JSON arrays; the controller's objects as the runner keeps them.
settings() {
  jq -n --argjson env "$1" --argjson maps "$2" '{items: ([{kind: "Pod", metadata: {name: "controller-a"},
    spec: {containers: [{env: $env}]}}] + $maps)}' >"$WORK_DIR/controller.json"
}

@test "by the environment, or the ConfigMap that it points to" {
  settings '[{"name": "EXPERIMENTAL_HYBRID_OPTIMIZATION", "value": "model-only"}]' '[]'
  [ "$(mode_in_settings)" = model-based ]
  settings '[{"name": "EXPERIMENTAL_HYBRID_OPTIMIZATION", "value": "off"}]' '[]'
  [ "$(mode_in_settings)" = capacity-based ]
  settings '[{"name": "EXPERIMENTAL_HYBRID_OPTIMIZATION", "valueFrom": {"configMapKeyRef": {"name": "c", "key": "k"}}}]' \
    '[{"kind": "ConfigMap", "metadata": {"name": "c"}, "data": {"k": "on"}}]'
  [ "$(mode_in_settings)" = model-based ]
  settings '[]' '[]'
  [ "$(mode_in_settings)" = capacity-based ]
}

@test "by a ConfigMap that is all of its environment" {
  jq -n '{items: [{kind: "Pod", metadata: {name: "controller-a"}, spec: {containers: [{envFrom: [{configMapRef: {name: "c"}}]}]}},
    {kind: "ConfigMap", metadata: {name: "c"}, data: {EXPERIMENTAL_HYBRID_OPTIMIZATION: "on"}}]}' >"$WORK_DIR/controller.json"
  [ "$(mode_in_settings)" = model-based ]
}

@test "by nothing where that is a matter of ConfigMaps that could not be looked at" {
  mkdir "$WORK_DIR/looks"
  printf 'configmaps\tnot allowed\n' >"$WORK_DIR/looks/controller.unseen"
  settings '[]' '[]'
  [ -z "$(mode_in_settings)" ]
  settings '[{"name": "EXPERIMENTAL_HYBRID_OPTIMIZATION", "value": "model-only"}]' '[]'
  [ "$(mode_in_settings)" = model-based ]
}

@test "by the ConfigMap of the queueing model, if it has a default" {
  settings '[]' '[{"kind": "ConfigMap", "metadata": {"name": "wva-queueing-model-config"}, "data": {"default": "x"}}]'
  [ "$(mode_in_settings)" = model-based ]
  settings '[]' '[{"kind": "ConfigMap", "metadata": {"name": "wva-queueing-model-config"}, "data": {}}]'
  [ "$(mode_in_settings)" = capacity-based ]
}

@test "by the last word of its log" {
  echo '{"msg":"Operating in CAPACITY-ONLY mode"}' >"$WORK_DIR/log"
  [ "$(mode_in_log "$WORK_DIR/log")" = capacity-based ]
  echo '{"msg":"Operating in MODEL-ONLY mode: model-based optimization only"}' >>"$WORK_DIR/log"
  [ "$(mode_in_log "$WORK_DIR/log")" = model-based ]
  echo 'nothing' >"$WORK_DIR/log"
  [ -z "$(mode_in_log "$WORK_DIR/log")" ]
}

@test "by the lines of every release" {
  local tab expected words
  tab="$(printf '\t')"
  while IFS='|' read -r expected words; do
    printf '%s\n' "$words" >"$WORK_DIR/log"
    echo "$words: $(mode_in_log "$WORK_DIR/log"), expected $expected"
    [ "$(mode_in_log "$WORK_DIR/log")" = "$expected" ]
  done <<TABLE
capacity-based|{"msg":"No optimization mode enabled, defaulting to CAPACITY-ONLY mode"}
hybrid|{"msg":"Operating in HYBRID mode: saturation analyzer + model-based optimizer with arbitration"}
model-based|{"msg":"Optimization completed successfully: mode=model-only, modelsProcessed=1, decisionsApplied=1"}
capacity-based|{"msg":"Optimization completed with errors: mode=saturation-only, modelsProcessed=1"}
capacity-based|2026-01-29T19:30:00Z${tab}INFO${tab}engine.go:214${tab}Processing model${tab}{"modelID": "m"}
capacity-based|{"level":"info","caller":"engine.go:214","msg":"Processing model","modelID":"m"}
model-based|2026-04-02T19:30:00Z${tab}INFO${tab}engine.go:1${tab}Processing model (queueing-model)${tab}{"modelID": "m"}
none, it refuses its queueing model|2026-08-08T02:23:10Z${tab}ERROR${tab}engine.go:1${tab}refusing to dispatch the queueing-model path; enable
TABLE
}

@test "the release by its log" {
  printf '{"level":"INFO","ts":"t","msg":"Zap logger initialized"}\n' >"$WORK_DIR/log"
  [ "$(release_in_log "$WORK_DIR/log")" = text ]
  printf '2026-01-29T19:30:00Z\tINFO\tsetup\tcmd/main.go:159\tLogger initialized\n' >"$WORK_DIR/log"
  [ "$(release_in_log "$WORK_DIR/log")" = values ]
  printf '{"level":"info","ts":"t","caller":"cmd/main.go:159","msg":"Logger initialized"}\n' >"$WORK_DIR/log"
  [ "$(release_in_log "$WORK_DIR/log")" = values ]
  printf '2026-08-08T02:23:10Z\tINFO\tengine_v2.go:695\tanalyzer-result\t{"supply": 1}\n' >>"$WORK_DIR/log"
  [ "$(release_in_log "$WORK_DIR/log")" = demand ]
  : >"$WORK_DIR/log"
  [ -z "$(release_in_log "$WORK_DIR/log")" ]
}

# arguments JSON: those of the controller's container.
arguments() {
  jq -n --argjson args "$1" '{items: [{kind: "Pod", metadata: {name: "controller-a"}, spec: {containers: [{args: $args}]}},
    {kind: "Pod", metadata: {name: "other"}, spec: {containers: [{args: ["--v=4"]}]}}]}' >"$WORK_DIR/controller.json"
}

@test "what a release must be told to log: --v=4 since 0.5, whichever the mode" {
  printf '2026-08-08T02:23:10Z\tINFO\tengine_v2.go:695\tanalyzer-result\t{"supply": 1}\n' >"$WORK_DIR/controller.log"
  MODE=capacity-based
  arguments '["--leader-elect"]'
  run check_log_level
  [[ "$output" == *"does not log at --v=4"*"LOG_LEVEL has no effect"* ]]
  arguments '["--v=2"]'
  run check_log_level
  [[ "$output" == *"does not log at --v=4"* ]]
  arguments '["--v", "10"]'
  run check_log_level
  [[ "$output" == *"verbosity: --v=4"* && "$output" != *"no predictions"* ]]
  printf '2026-08-08T02:23:10Z\tLEVEL(-4)\tmetrics.go:1\tQueue metric\t{"queueLength": 1}\n' >>"$WORK_DIR/controller.log"
  arguments '[]'
  MODE=model-based
  run check_log_level
  [[ "$output" == *"verbosity: --v=4"*"log no predictions"* ]]
}

@test "another mode: what to do, by release" {
  MODE=model-based
  arguments '[]'
  printf '{"level":"INFO","msg":"Operating in CAPACITY-ONLY mode: reactive"}\n' >"$WORK_DIR/controller.log"
  run check_mode
  [[ "$output" == *"set EXPERIMENTAL_HYBRID_OPTIMIZATION"* ]]
  printf '2026-04-02T19:30:00Z\tINFO\tengine.go:1\tProcessing model (V1)\t{"modelID": "m"}\n' >"$WORK_DIR/controller.log"
  run check_mode
  [[ "$output" == *"wva-queueing-model-config"* ]]
  printf '2026-08-08T02:23:10Z\tINFO\tengine_v2.go:695\tanalyzer-result\t{}\n' >>"$WORK_DIR/controller.log"
  run check_mode
  [[ "$output" == *"0.9 and later have no model-based mode"* ]]
}

# A model of three variants, another variant of another model, and scalers; `b` reads the metric of the given variant.
objects() {
  jq -n --arg selects "$1" '
    def variant($name; $model): {kind: "HorizontalPodAutoscaler",
      metadata: {name: $name, annotations: {"llm-d.ai/managed": "true", "llm-d.ai/model-id": $model}},
      spec: {scaleTargetRef: {name: "\($name)-deployment"}, metrics: [{external: {metric: {name: "wva_desired_replicas",
        selector: {matchLabels: {variant_name: (if $name == "b" then $selects else $name end)}}}}}]}};
    {items: [variant("a"; "m"), variant("b"; "m"), variant("c"; "another"),
      {kind: "Deployment", metadata: {name: "a-deployment"}}, {kind: "Deployment", metadata: {name: "b-deployment"}},
      {kind: "VariantAutoscaling", metadata: {name: "d"}, spec: {modelID: "m"}},
      {kind: "ScaledObject", metadata: {name: "d-so"}, spec: {scaleTargetRef: {name: "d"},
        triggers: [{metadata: {query: "wva_desired_replicas{variant_name=\"d\"}"}}]}}]}' >"$WORK_DIR/model.json"
}

@test "every variant of the model, and its scaler, is checked" {
  DEPLOYMENT=a-deployment MODEL=m NAMESPACE=n
  objects b
  run check_variants
  [[ "$output" == *"variant: HorizontalPodAutoscaler a"*"variant: HorizontalPodAutoscaler b"* ]]
  [[ "$output" == *"VariantAutoscaling d is of a Deployment d that does not exist"* ]]
  [[ "$output" != *"HorizontalPodAutoscaler c"* && "$output" != *"knows no variant"* ]]
  run check_scalers
  [[ "$output" == *"scaler: HorizontalPodAutoscaler a"*"scaler: HorizontalPodAutoscaler b"*"scaler: ScaledObject d-so"* ]]
  [[ "$output" != *"happens"* ]]
  [ "$(served_deployments | jq -c .)" = '["a-deployment","b-deployment","d"]' ]
}

@test "a scaler that reads another variant's metric does nothing" {
  DEPLOYMENT=a-deployment MODEL=m NAMESPACE=n
  objects b-deployment
  check_variants
  run check_scalers
  [[ "$output" == *"HorizontalPodAutoscaler b reads the metric of variant b-deployment, WVA calls it b"* ]]
}

@test "no variant of the Deployment, no scaler" {
  DEPLOYMENT=e MODEL=m NAMESPACE=n
  objects b
  run check_variants
  [[ "$output" == *"knows no variant of e in n"* ]]
  run check_scalers
  [[ "$output" == *"no HPA or ScaledObject of e reads"* ]]
}
