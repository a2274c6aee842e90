#!/usr/bin/env bats
# --discover: a config from what the cluster holds, with the real kubectl.

load helpers/cluster
load helpers/runner

DEPLOYMENT=ms-inference-scheduling-llm-d-modelservice-decode

discover() { (cd "$BATS_TEST_TMPDIR" && runner --discover --kubeconfig "$KUBECONFIG" "$@"); }

# found KEY: of the config that was written.
found() { yq --output-format=json . "$BATS_TEST_TMPDIR/discovered-$DEPLOYMENT.yaml" | jq -r "$1"; }

# readers_roles: what may only list, in the two namespaces.
readers_roles() {
  (cd "$PROJECT" && python -m wva_parse permissions --roles "$NAMESPACE" "$CONTROLLERS") >"$BATS_TEST_TMPDIR/roles.yaml"
  yq --output-format=json . "$BATS_TEST_TMPDIR/roles.yaml" | jq -cs .
}

@test "what was found is a config that passes the check and runs on the embedded cluster" {
  (cd "$BATS_TEST_TMPDIR" && runner --discover --embedded >out)
  cat "$BATS_TEST_TMPDIR/out"
  [ "$(tail -n 1 "$BATS_TEST_TMPDIR/out")" = "$BATS_TEST_TMPDIR/discovered-$DEPLOYMENT.yaml" ]
  [ "$(found '.mode, .namespace, .controller_namespace, .controller_pod_prefix, .deployment' | paste -s -d ' ' -)" = \
    "model-based $NAMESPACE $CONTROLLERS $PREFIX $DEPLOYMENT" ]
  [ "$(found '.model_name, .slo.itl_ms, .slo.ttft_ms' | paste -s -d ' ' -)" = "unsloth/Meta-Llama-3.1-8B 10 1000" ]
  (cd "$PROJECT" && python -m wva_parse check "$BATS_TEST_TMPDIR/discovered-$DEPLOYMENT.yaml")
  printf 'output:\n  base_dir: %s\n' "$BATS_TEST_TMPDIR/data" >>"$BATS_TEST_TMPDIR/discovered-$DEPLOYMENT.yaml"
  run runner --embedded --speed 120 --cooldown 30 "$BATS_TEST_TMPDIR/discovered-$DEPLOYMENT.yaml"
  echo "$output"
  [ "$status" -eq 0 ]
  jq -e '.status == "complete" and (.workloads | length == 3)' "$(run_directory)/run.json"
}

@test "mode, model and endpoint are those of the cluster; a file that is there stays" {
  start_cluster --mode capacity-based --dialect D7
  kubectl create --namespace "$NAMESPACE" --filename - <<'END'
{"apiVersion": "v1", "kind": "Service", "metadata": {"name": "infra-inference-gateway-istio"},
 "spec": {"ports": [{"name": "http", "port": 80}]}}
END
  run discover
  echo "$output"
  [ "$status" -eq 0 ]
  [ "$(found .mode)" = capacity-based ]
  [ "$(found .endpoint)" = http://infra-inference-gateway-istio:80 ]
  [ "$(found .slo)" = null ]
  [[ "$output" == *"ok    model: unsloth/Meta-Llama-3.1-8B, by HorizontalPodAutoscaler "* ]]
  [[ "$output" == *"# slo: no ConfigMap that was seen tells objectives of this model"* ]]
  before="$(cat "$BATS_TEST_TMPDIR/discovered-$DEPLOYMENT.yaml")"
  run discover
  [ "$status" -eq 2 ]
  [[ "$output" == *"there is such a file already; move it away, it is not overwritten"* ]]
  [ "$(cat "$BATS_TEST_TMPDIR/discovered-$DEPLOYMENT.yaml")" = "$before" ]
}

@test "of several Deployments none is taken, unless one is named" {
  start_cluster --variants 2
  run discover
  echo "$output"
  [ "$status" -eq 2 ]
  [[ "$output" == *"2 Deployments serve models; choose with --deployment:"* ]]
  [[ "$output" == *"  --namespace $NAMESPACE --deployment $DEPLOYMENT-2  (unsloth/Meta-Llama-3.1-8B)"* ]]
  run discover --namespace nowhere
  [ "$status" -eq 2 ]
  [[ "$output" == *"no Deployment in namespace nowhere that WVA scales"* ]]
  run discover --deployment "$DEPLOYMENT"
  [ "$status" -eq 0 ]
  [ "$(found .deployment)" = "$DEPLOYMENT" ]
}

@test "with the rights of a run it finds all in the namespaces that are named, and says what it may not list" {
  start_cluster
  order allow-only "\"roles\": $(readers_roles)" >/dev/null
  run discover
  [ "$status" -eq 2 ]
  [[ "$output" == *"no controller of WVA was seen; name its namespace with --controller-namespace"* ]]
  run discover --controller-namespace "$CONTROLLERS"
  echo "$output"
  [ "$status" -eq 0 ]
  [ "$(found '.mode, .slo.itl_ms' | paste -s -d ' ' -)" = "model-based 10" ]
  [[ "$output" == *"?     services in $NAMESPACE: not checked, not allowed"* ]]
  grep -qxF "# Not seen: services in $NAMESPACE: not allowed" "$BATS_TEST_TMPDIR/discovered-$DEPLOYMENT.yaml"
}

@test "without log and settings of the controller its mode is said not to be known" {
  start_cluster
  roles="$(readers_roles | jq -c --arg ns "$CONTROLLERS" 'map(if .metadata.namespace == $ns
    then .rules |= map(select(.resources | IN(["pods/log"], ["configmaps"]) | not)) else . end)')"
  order allow-only "\"roles\": $roles" >/dev/null
  run discover --controller-namespace "$CONTROLLERS"
  echo "$output"
  [ "$status" -eq 0 ]
  [ "$(found '.mode, .slo' | paste -s -d ' ' -)" = "capacity-based null" ]
  grep -q '^mode: capacity-based  # NOT KNOWN, this is .*: its log cannot be read' "$BATS_TEST_TMPDIR/discovered-$DEPLOYMENT.yaml"
  grep -qxF "# Not seen: configmaps in $CONTROLLERS: not allowed" "$BATS_TEST_TMPDIR/discovered-$DEPLOYMENT.yaml"
}

@test "without a cluster, with a config, or with its options alone: no file, and what is wrong" {
  touch "$BATS_TEST_TMPDIR/empty"
  run runner --discover a-config
  [ "$status" -eq 2 ]
  [[ "$output" == *"--discover writes a config: leave out a-config"* ]]
  run runner --deployment x a-config
  [ "$status" -eq 2 ]
  [[ "$output" == *"--namespace, --deployment and --controller-namespace need --discover"* ]]
  printf 'apiVersion: v1\nkind: Config\n' >"$BATS_TEST_TMPDIR/none"
  KUBECONFIG="$BATS_TEST_TMPDIR/none"
  run discover
  echo "$output"
  [ "$status" -eq 3 ]
  [[ "$output" == *"nothing can be found in a cluster that does not answer"* ]]
  [ -z "$(find "$BATS_TEST_TMPDIR" -name 'discovered-*')" ]
}
