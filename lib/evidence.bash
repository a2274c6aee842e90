# The evidence: what is in the cluster, the run's directory, its snapshots and run.json.
#
# Owns RUN_DIR, RUN_ID, RUN_LOG, RUN_START; writes the run's directory but for what the collector and the Jobs' logs are.
# Calls checks.bash (what may be listed, which variants there are) and common.bash.
#
# shellcheck shell=bash disable=SC2034,SC2153 # state of run-experiment.sh, read by the files beside this one

choose_run_id() { RUN_ID="$(date -u +%Y%m%d-%H%M%S)"; }

create_run_dir() {
  mkdir -p "$BASE_DIR" 2>/dev/null || die 3 "the directory $BASE_DIR for results cannot be made"
  if ! mkdir "$BASE_DIR/$NAME-$RUN_ID" 2>/dev/null; then
    [[ ! -e "$BASE_DIR/$NAME-$RUN_ID" ]] || die 3 "another run has begun in this second; start again"
    die 3 "$BASE_DIR cannot be written to; change its rights, or output.base_dir in the config"
  fi
  RUN_DIR="$(cd "$BASE_DIR/$NAME-$RUN_ID" && pwd)"
  mv "$RUN_LOG" "$RUN_DIR/run.log"
  RUN_LOG="$RUN_DIR/run.log"
  mkdir -p "$RUN_DIR/cluster" "$RUN_DIR/job-logs"
  cp "$CONFIG" "$RUN_DIR/experiment-config.yaml"
  cp "$WORK_DIR/plan.tsv" "$RUN_DIR/plan.tsv"
  cp -R "$WORK_DIR/jobs" "$RUN_DIR/cluster/jobs"
  RUN_START="$(cluster_now)"
  write_run_json
  log "writing to $RUN_DIR"
}

# Those of the given resources that exist and that we may list, with commas.
listable() {
  local namespace="$1" resource
  shift
  for resource in "$@"; do
    if grep -qxF "$resource" "$WORK_DIR/resources" && may list "$resource" - "$namespace"; then
      printf '%s\n' "$resource"
    fi
  done | paste -s -d , -
}

# What is there, into two files: model.json and controller.json.
look_at_cluster() {
  local resources
  # One broken API group makes this fail, although it lists the others.
  [[ -s "$WORK_DIR/resources" ]] || kube api-resources --output name >"$WORK_DIR/resources" 2>/dev/null || true
  resources="$(listable "$NAMESPACE" deployments.apps jobs.batch pods variantautoscalings.llmd.ai \
    horizontalpodautoscalers.autoscaling scaledobjects.keda.sh)"
  get_objects "$NAMESPACE" "$resources" >"$WORK_DIR/model.json"
  resources="$(listable "$CONTROLLER_NAMESPACE" pods deployments.apps configmaps leases.coordination.k8s.io)"
  get_objects "$CONTROLLER_NAMESPACE" "$resources" >"$WORK_DIR/controller.json"
}

get_objects() {
  if [[ "$LISTS_NOTHING" == true || -z "$2" ]] || ! kube get "$2" --namespace "$1" --output json; then
    printf '{"items": []}\n'
  fi
}

# The Deployments of all variants of the model, as a JSON array.
served_deployments() { { printf -- '- - %s\n' "$DEPLOYMENT" && variants; } | jq -Rn '[inputs | split(" ")[2]] | unique'; }

# The state of model and controller. ConfigMaps are those that WVA reads; Secrets are never asked for.
save_snapshot() {
  local dir="$RUN_DIR/cluster/$1"
  mkdir -p "$dir"
  jq '[.items[] | select(.kind == "VariantAutoscaling")]' "$WORK_DIR/model.json" >"$dir/variantautoscalings.json"
  jq '[.items[] | select(.kind == "Deployment" and IN(.metadata.name; $served[]))]' \
    --argjson served "$(served_deployments)" "$WORK_DIR/model.json" >"$dir/deployment.json"
  jq '[.items[] | select(.kind == "HorizontalPodAutoscaler" or .kind == "ScaledObject")
    | select(IN(.spec.scaleTargetRef.name; $served[]))]' \
    --argjson served "$(served_deployments)" "$WORK_DIR/model.json" >"$dir/scalers.json"
  jq '[.[] | .spec.selector.matchLabels | objects] as $selectors
    | [$model[0].items[] | select(.kind == "Pod") | (.metadata.labels // {}) as $labels
       | select(any($selectors[]; . as $selector | $labels | contains($selector)))]' \
    --slurpfile model "$WORK_DIR/model.json" "$dir/deployment.json" >"$dir/pods.json"
  jq --arg prefix "$POD_PREFIX" '[.items[] | select((.kind == "Pod" and (.metadata.name | startswith($prefix)))
    or (.kind == "Deployment" and (.metadata.name as $name | $prefix | startswith($name) or ($name | startswith($prefix))))
    or .kind == "Lease")]' "$WORK_DIR/controller.json" >"$dir/controller.json"
  jq '[.items[] | select(.kind == "ConfigMap" and (.metadata.name
    | test("variantautoscaling-config$|manager-config$|scaling-config$|queueing-model-config$|^service-classes-config$|^accelerator-unit-costs$")))]' \
    "$WORK_DIR/controller.json" >"$dir/configmaps.json"
  cp "$WORK_DIR/version.json" "$dir/version.json"
}

# Everything that is known of the workloads, as a JSON array.
workloads_json() {
  local i IFS=$'\t' known
  for ((i = 0; i < W_COUNT; i++)); do
    known=("${W_NAME[i]}" "${W_JOB[i]}" "${W_MANIFEST[i]}" "${W_SHA256[i]}" "${W_RATE[i]}" "${W_SEED[i]}" "${W_HOW[i]}"
      "${W_PLAN_START[i]}" "${W_PLAN_END[i]}" "${W_START[i]}" "${W_END[i]}" "${W_LATE_S[i]}" "${W_PROMPTS[i]}"
      "${W_DRAIN_S[i]}" "${W_SENDING_S[i]}" "${W_RESULT[i]}" "${W_REASON[i]}")
    printf '%s\n' "${known[*]}"
  done | jq -Rn --argjson t0 "$(plan_start_s)" '
    def maybe: if . == "" then null else . end;
    def number: if . == "" then null else tonumber end;
    [inputs | split("\t") | {name: .[0], job: .[1], manifest: .[2], manifest_sha256: .[3], rate_per_s: .[4] | number,
      seed: .[5] | number, how: .[6], planned_start_s: .[7] | number, planned_end_s: .[8] | number,
      start: .[9] | maybe, end: .[10] | maybe, start_late_s: .[11] | number, prompts: .[12] | number,
      sending_s: ((.[8] | number) - (.[7] | number)), drain_s: .[13] | number, sending_start: (if .[14] == "" then null else $t0 + (.[14] | tonumber) | todate end),
      result: .[15], cut: (.[15] == "cut"), reason: .[16:] | join(" ") | maybe}]'
}

write_run_json() {
  [[ -s "$WORK_DIR/tools.json" ]] || describe_tools >"$WORK_DIR/tools.json"
  workloads_json >"$WORK_DIR/workloads.json"
  jq -n --argjson config "$CONFIG_JSON" --slurpfile workloads "$WORK_DIR/workloads.json" \
    --slurpfile tools "$WORK_DIR/tools.json" --arg run_id "$RUN_ID" --arg started "$RUN_START" --arg ended "$RUN_END" \
    --arg status "$RUN_STATUS" --arg exit "$EXIT_STATUS" --arg cooldown_start "$COOLDOWN_START" \
    --arg cooldown_end "$COOLDOWN_END" --argjson embedded "$EMBEDDED" --argjson simulated "$SIMULATED" \
    --argjson speed "$SPEED" --arg sha "$CONFIG_SHA256" --argjson has_clock "$HAS_CLUSTER_CLOCK" \
    --argjson number "${S_NUMBER[S_AT]}" --argjson of "${S_OF[S_AT]}" --arg series "$SERIES" \
    --arg ready "$(cat "$WORK_DIR/cluster/ready" 2>/dev/null)" '
    def maybe: if . == "" then null else . end;
    {schema: 1, name: $config.name, mode: $config.mode, config: $config, run_id: $run_id,
     repetition: {number: $number, of: $of, series: $series},
     start: $started, end: ($ended | maybe), status: $status,
     exit_status: (if $exit == "" then null else $exit | tonumber end),
     clock: (if $has_clock then "cluster" else "local" end),
     embedded: $embedded, simulated: $simulated, speed: (if $simulated then $speed else null end),
     seed: (if $ready == "" then null else $ready | fromjson | .seed end),
     workloads: $workloads[0],
     cooldown: {start: ($cooldown_start | maybe), end: ($cooldown_end | maybe)},
     tools: $tools[0].tools, project: $tools[0].project, config_sha256: $sha}' >"$RUN_DIR/.run.json.part"
  mv "$RUN_DIR/.run.json.part" "$RUN_DIR/run.json"
}

describe_tools() {
  local commit='' dirty=null
  if commit="$(git -C "$PROJECT" rev-parse HEAD 2>/dev/null)"; then # not every copy is a clone
    dirty=false
    [[ -z "$(git -C "$PROJECT" status --porcelain)" ]] || dirty=true
  fi
  jq -n --slurpfile version "$WORK_DIR/version.json" --arg yq "$(yq --version 2>&1 | head -n 1)" \
    --arg jq "$(jq --version)" --arg python "$("$PYTHON" --version 2>&1)" --arg bash "$BASH_VERSION" \
    --arg commit "$commit" --argjson dirty "$dirty" '
    {tools: {kubectl: $version[0].clientVersion.gitVersion, cluster: $version[0].serverVersion.gitVersion,
             yq: $yq, jq: $jq, python: $python, bash: $bash},
     project: {commit: (if $commit == "" then null else $commit end), dirty: $dirty}}'
}
