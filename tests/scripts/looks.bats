#!/usr/bin/env bats
# What the runner makes of what it has seen, has seen not to be, and could not look at; and what it keeps to itself.

load helpers/test

setup() {
  # shellcheck source=run-experiment.sh
  source "$BATS_TEST_DIRNAME/../../run-experiment.sh"
  set +o nounset # what bats tells of a failure has variables that may not be set
  PATH="$PROJECT/.venv/bin:$PATH"
  WORK_DIR="$BATS_TEST_TMPDIR" NAMESPACE=llm DEPLOYMENT=decode POD_PREFIX=controller
  mkdir "$WORK_DIR/looks"
  : >"$WORK_DIR/looks/types.err"
}

@test "a type that the cluster does not name is not there, unless it could not name them all" {
  printf 'pods\ndeployments.apps\n' >"$WORK_DIR/looks/types"
  has_type pods
  ! has_type scaledobjects.keda.sh || false
  ! why_no_type scaledobjects.keda.sh || false
  echo 'error: unable to retrieve the complete list of server APIs: keda.sh/v1alpha1: the server is currently unable' \
    >"$WORK_DIR/looks/types.err"
  [[ "$(why_no_type scaledobjects.keda.sh)" == *"keda.sh/v1alpha1: the server is currently unable"* ]]
  ! why_no_type variantautoscalings.llmd.ai || false
}

@test "a cluster that names no type has those of any cluster, and of others nothing is known" {
  : >"$WORK_DIR/looks/types"
  echo 'Unable to connect to the server' >"$WORK_DIR/looks/types.err"
  has_type pods
  has_type horizontalpodautoscalers.autoscaling
  has_type leases.coordination.k8s.io
  ! has_type variantautoscalings.llmd.ai || false
  [[ "$(why_no_type variantautoscalings.llmd.ai)" == *"Unable to connect"* ]]
}

@test "the answer to a right is yes, no, or none" {
  file="$WORK_DIR/looks/can-i.list.pods.-.llm"
  echo yes >"$file"
  [ "$(answer list pods - llm)" = yes ]
  echo 'no - RBAC: something' >"$file"
  [ "$(answer list pods - llm)" = no ]
  is_denied list pods - llm
  : >"$file"
  [ -z "$(answer list pods - llm)" ]
  [ -z "$(answer list jobs.batch - llm)" ] # never asked
}

# objects JSON: those of the model's namespace.
objects() { jq -n --argjson items "$1" '{items: $items}' >"$WORK_DIR/model.json"; }

@test "a Deployment at 0 is held there by a scaler that may go down to 0, and by no other" {
  objects '[{"kind": "HorizontalPodAutoscaler", "spec": {"minReplicas": 1, "scaleTargetRef": {"name": "decode"}}}]'
  [[ "$(say_scale_up)" == "kubectl scale deployment decode --namespace llm --replicas 1"* ]]
  objects '[{"kind": "HorizontalPodAutoscaler", "spec": {"minReplicas": 0, "scaleTargetRef": {"name": "other"}}}]'
  [[ "$(say_scale_up)" == "kubectl scale"* ]]
  objects '[{"kind": "HorizontalPodAutoscaler", "spec": {"minReplicas": 0, "scaleTargetRef": {"name": "decode"}}}]'
  [[ "$(say_scale_up)" == *"scale to zero may hold it there"* ]]
  objects '[{"kind": "ScaledObject", "spec": {"scaleTargetRef": {"name": "decode"}}}]' # KEDA's default is 0
  [[ "$(say_scale_up)" == *"scale to zero may hold it there"* ]]
}

@test "active is what sends or will send and the marker of a run; a kept Job is not" {
  labels='{"wva-experiments/run": "1"}'
  objects "[
    {\"kind\": \"Job\", \"metadata\": {\"name\": \"sends\", \"labels\": $labels}, \"spec\": {}},
    {\"kind\": \"Job\", \"metadata\": {\"name\": \"kept\", \"labels\": $labels}, \"spec\": {\"suspend\": true}},
    {\"kind\": \"Job\", \"metadata\": {\"name\": \"over\", \"labels\": $labels}, \"spec\": {},
     \"status\": {\"conditions\": [{\"type\": \"Complete\", \"status\": \"True\"}]}},
    {\"kind\": \"Job\", \"metadata\": {\"name\": \"marks\", \"labels\": {\"wva-experiments/run\": \"1\", \"wva-experiments/role\": \"marker\"}},
     \"spec\": {\"suspend\": true}},
    {\"kind\": \"Job\", \"metadata\": {\"name\": \"strange\"}, \"spec\": {}}]"
  [ "$(leftovers | paste -s -d , -)" = "active sends,finished kept,finished over,active marks" ]
}

@test "secrets that are told in clear are masked wherever they stand in an object, and nothing else" {
  cat >"$WORK_DIR/object" <<'END'
{"spec": {"containers": [{
    "env": [{"name": "HF_TOKEN", "value": "hidden"}, {"name": "apiKey", "value": "hidden"}, {"name": "OPENAI_APIKEY", "value": "hidden"},
            {"name": "PGPASSWORD", "value": "hidden"}, {"name": "clientSecret", "value": "hidden"}, {"name": "MAX_TOKENS", "value": "seen1"},
            {"name": "KEYS", "value": "seen2"}, {"name": "A_TOKEN", "valueFrom": {"secretKeyRef": {"name": "seen3", "key": "seen4"}}}],
    "args": ["--api-key", "hidden", "hidden", "--hf-token=hidden", "HF_TOKEN=hidden", "--max-tokens", "seen5",
             "--num-speculative-token", "5", "--model", "seen6"],
    "command": ["sh", "-c", "export HF_TOKEN=hidden; A_KEY=\"hidden\" vllm serve seen7 --api-key \\\n  hidden --max-num-seqs seen8 --api-key\thidden hidden && echo seen9 --api-key='hidden hidden'"],
    "livenessProbe": {"exec": {"command": ["curl", "-H", "Authorization: Bearer hiddenhidden", "seen10"]},
                      "httpGet": {"httpHeaders": [{"name": "Authorization", "value": "hidden"}]}}}],
  "initContainers": [{"env": [{"name": "API_KEY", "value": "hidden"}]}],
  "tolerations": [{"key": "seen11"}], "triggers": [{"metadata": {"bearerToken": "hidden", "query": "sum(seen12{a=\"seen13\"})"}}]},
 "kind": "ConfigMap", "data": {"PROMETHEUS_BEARER_TOKEN": "hidden", "default": "kvCacheThreshold: 0.8\napi_key: hidden\nseen14"},
 "metadata": {"name": "seen15", "annotations": {"my-token": "hidden", "note": "seen16",
   "kubectl.kubernetes.io/last-applied-configuration": "{\"containers\": [{\"env\": [{\"name\": \"HF_TOKEN\", \"value\": \"hidden\"}]}]}"}}}
END
  jq "$MASK mask" "$WORK_DIR/object" >"$WORK_DIR/masked"
  cat "$WORK_DIR/masked"
  ! grep -q hidden "$WORK_DIR/masked" || false
  [ "$(grep -oE 'seen[0-9]+' "$WORK_DIR/masked" | sort -u | wc -l)" -eq 16 ]
  [ "$(jq -c '.spec.containers[0].args[7:]' "$WORK_DIR/masked")" = '["--num-speculative-token","5","--model","seen6"]' ]
  [ "$(jq "$MASK mask" "$WORK_DIR/masked")" = "$(cat "$WORK_DIR/masked")" ] # once is enough
}

@test "the marker of a run has a name of its own, nothing of the load, and a container that does nothing" {
  mkdir "$WORK_DIR/jobs"
  NAME=some RUN_ID=1 W_NAME=(first) W_JOB=(wva-run-1)
  jq -n '{apiVersion: "batch/v1", kind: "Job", metadata: {name: "wva-run-1", labels: {"wva-experiments/run": "1",
      "wva-experiments/workload": "first", "kueue.x-k8s.io/queue-name": "gpus"}, annotations: {"wva-experiments/deployment": "decode", note: "x"}},
    spec: {template: {metadata: {labels: {"wva-experiments/workload": "first"}}, spec: {securityContext: {runAsNonRoot: true},
      containers: [{name: "load", image: "i", args: ["bench"], env: [{name: "REQUEST_RATE", value: "9"}], resources: {limits: {cpu: 1}}}]}}}}' \
    >"$WORK_DIR/jobs/first.json"
  start_child() { return 0; }
  wait_for() { return 0; }
  status_of_child() { echo 0; }
  mark_run
  [ "$MARKER" = xwva-run-1 ]
  cat "$WORK_DIR/marker.json"
  ! grep -qE 'workload|kueue|bench|REQUEST_RATE|note' "$WORK_DIR/marker.json" || false
  jq -e '.spec.suspend and .metadata.annotations["wva-experiments/deployment"] == "decode"
    and (.spec.template.spec | .securityContext.runAsNonRoot and .containers[0].command == ["true"]
         and .containers[0].resources.limits.cpu == 1)' "$WORK_DIR/marker.json"
}

@test "each Job gets the reason that was told of it" {
  W_JOB=(a-1 b-1)
  printf 'Error: jobs "a-1" is forbidden: one\nError: jobs "b-1" is forbidden: two\n' >"$WORK_DIR/said"
  [[ "$(words_on 0 "$WORK_DIR/said")" == *one && "$(words_on 1 "$WORK_DIR/said")" == *two ]]
  : >"$WORK_DIR/said"
  [ "$(words_on 0 "$WORK_DIR/said")" = "no answer in time" ]
}

# collected JSON: what the collector has left.
collected() {
  RUN_DIR="$WORK_DIR"
  echo "$1" >"$RUN_DIR/collection.json"
  close_collection
}

@test "a collection that did not end is not complete, whatever it has noted: status 5" {
  collected '{"polls": 3, "complete": true, "running": true, "reasons": [], "containers": [{"last": "2026-01-01T00:00:09Z"}, {"last": null}]}'
  [ "$(jq -c '[.complete, .running, .reasons]' "$RUN_DIR/collection.json")" = \
    '[false,false,["the collector did not end: lines after 2026-01-01T00:00:09Z may be missing"]]' ]
  W_COUNT=0
  run status_of_run
  [ "${lines[1]}" = 5 ]
  [ "${lines[0]}" = "the log may have gaps: the collector did not end: lines after 2026-01-01T00:00:09Z may be missing" ]
  RUN_STATUS=incomplete-collection
  [ "$(collection_json | jq .complete)" = false ]
  collected '{}' # it has never polled
  [ "$(jq -c '[.complete, .reasons]' "$RUN_DIR/collection.json")" = '[false,["the collector has not begun"]]' ]
  collected '{"complete": true, "running": false, "reasons": []}'
  [ "$(jq .complete "$RUN_DIR/collection.json")" = true ]
}
