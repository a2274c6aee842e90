#!/usr/bin/env bats
# Which mode a controller is in, as the runner tells it from a log and from settings.

setup() {
  # shellcheck source=run-experiment.sh
  source "$BATS_TEST_DIRNAME/../run-experiment.sh"
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
