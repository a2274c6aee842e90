# The evidence: what is in the cluster, the run's directory, its snapshots and run.json.
#
# Owns RUN_DIR, RUN_ID, RUN_LOG, RUN_START; writes the run's directory but for what the collector and the Jobs' logs are.
# Calls looks.bash (what was looked at), checks.bash (which variants there are) and common.bash.
#
# shellcheck shell=bash disable=SC2016,SC2034,SC2153 # programs of jq; state of run-experiment.sh, read by the files beside this one

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
  save_masked_jobs
  RUN_START="$(cluster_now)"
  write_run_json
  log "writing to $RUN_DIR"
}

save_masked_jobs() {
  local i
  mkdir "$RUN_DIR/cluster/jobs"
  for ((i = 0; i < W_COUNT; i++)); do
    jq "$MASK mask" "$WORK_DIR/jobs/${W_NAME[i]}.json" >"$RUN_DIR/cluster/jobs/${W_NAME[i]}.json"
  done
}

# The Deployments of all variants of the model, as a JSON array.
served_deployments() { { printf -- '- - %s\n' "$DEPLOYMENT" && variants; } | jq -Rn '[inputs | split(" ")[2]] | unique'; }

# The state of model and controller, without secrets. ConfigMaps are those that WVA reads; Secrets are never asked for. Of
# types that could not be looked at there is no file, and unseen.json says why.
save_snapshot() {
  local dir="$RUN_DIR/cluster/$1" served
  mkdir -p "$dir"
  served="$(served_deployments)" || return 1 # Ctrl-C has ended it: who closes the run tries again
  save_seen "$dir/variantautoscalings.json" model variantautoscalings.llmd.ai \
    'select(.kind == "VariantAutoscaling")'
  save_seen "$dir/deployment.json" model deployments.apps \
    'select(.kind == "Deployment" and IN(.metadata.name; $served[]))'
  save_seen "$dir/scalers.json" model horizontalpodautoscalers.autoscaling \
    'select(.kind == "HorizontalPodAutoscaler" or .kind == "ScaledObject") | select(IN(.spec.scaleTargetRef.name; $served[]))'
  save_seen "$dir/pods.json" model pods 'select(.kind == "Pod") | (.metadata.labels // {}) as $labels
    | select(any($all[] | select(.kind == "Deployment" and IN(.metadata.name; $served[])) | .spec.selector.matchLabels | objects;
                 . as $selector | $labels | contains($selector)))'
  save_seen "$dir/controller.json" controller pods 'select((.kind == "Pod" and (.metadata.name | startswith($prefix)))
    or (.kind == "Deployment" and (.metadata.name as $name | $prefix | startswith($name) or ($name | startswith($prefix))))
    or .kind == "Lease")'
  save_seen "$dir/configmaps.json" controller configmaps 'select(.kind == "ConfigMap" and (.metadata.name
    | test("variantautoscaling-config$|manager-config$|scaling-config$|queueing-model-config$|^service-classes-config$|^accelerator-unit-costs$")))'
  cat "$WORK_DIR/looks/model.unseen" "$WORK_DIR/looks/controller.unseen" |
    jq -Rn '[inputs | split("\t") | {key: .[0], value: .[1]}] | from_entries' >"$dir/unseen.json"
  cp "$WORK_DIR/version.json" "$dir/version.json"
}

# save_seen FILE PLACE TYPE FILTER: the objects of a place that a filter lets through, as a JSON array, if their type was
# looked at. The filter knows $served, $prefix and $all.
save_seen() {
  ! why_unseen "$2" "$3" >/dev/null || return 0
  jq --argjson served "$served" --arg prefix "$POD_PREFIX" "$MASK"' .items as $all | [.items[] | '"$4"' | mask]' \
    "$WORK_DIR/$2.json" >"$1"
}

# Everything that is known of the workloads, as a JSON array; without the time at which one ran if nobody could look.
workloads_json() {
  local i IFS=$'\t' known
  for ((i = 0; i < W_COUNT; i++)); do
    known=("${W_NAME[i]}" "${W_JOB[i]}" "${W_MANIFEST[i]}" "${W_SHA256[i]}" "${W_RATE[i]}" "${W_SEED[i]}" "${W_HOW[i]}"
      "${W_PLAN_START[i]}" "${W_PLAN_END[i]}" "${W_START[i]}" "${W_END[i]}" "${W_LATE_S[i]}" "${W_PROMPTS[i]}"
      "${W_DRAIN_S[i]}" "${W_RAN[i]}" "${W_SENDING_S[i]}" "${W_RESULT[i]}" "${W_ENDED_ITSELF[i]}" "${W_STUCK[i]}"
      "${W_CLIENTS[i]}" "${W_RUNNING[i]}" "${W_REASON[i]}")
    printf '%s\n' "${known[*]}"
  done | jq -Rn --argjson t0 "${PLAN_START_S:-0}" '
    def maybe: if . == "" then null else . end;
    def number: if . == "" then null else tonumber end;
    def moment: if . == "" then null else $t0 + tonumber | todate end;
    ["name", "job", "manifest", "sha256", "rate", "seed", "how", "from", "to", "start", "end", "late", "prompts", "drain",
     "ran", "sent", "result", "ended_itself", "stuck", "clients", "running", "reason"] as $names
    | [inputs | split("\t") as $values | [range($names | length) | {key: $names[.], value: $values[.]}] | from_entries
       | (if .clients == "1" then {} else
            {clients: .clients | number} + if .running == "" then {} else {clients_running: .running | number} end end) as $several
       | {name, job, manifest, manifest_sha256: .sha256, rate_per_s: .rate | number, seed: .seed | number, how,
          planned_start_s: .from | number, planned_end_s: .to | number, start: .start | maybe, end: .end | maybe,
          start_late_s: .late | number, prompts: .prompts | number, sending_s: ((.to | number) - (.from | number)),
          drain_s: .drain | number, running_start: .ran | maybe, sending_start: .sent | moment,
          result: (if .stuck != "" and .ended_itself == "false" then "not-stopped" else .result end),
          cut: (.result == "cut"),
          reason: ([.reason, (.stuck | if . == "" then . else "its Job is still there: " + . end)]
                   | map(select(. != "")) | join("; ") | maybe)} + $several
       | if .running_start == "?" then del(.running_start) else . end]'
}

# Of a run that is over: whether the controller's log is whole; null as long as it is collected.
collection_json() {
  if [[ "$RUN_STATUS" == running || ! -s "$RUN_DIR/collection.json" ]]; then
    printf 'null\n'
  else
    jq -c '{complete: (.complete == true and .running == false),
      reasons: ((.reasons // []) + if .running == false then [] else ["the collector did not end"] end)}' "$RUN_DIR/collection.json"
  fi
}

# In one piece: where Ctrl-C has ended one of the programs, the record stays as it was, and who closes the run tries again.
write_run_json() {
  local collection
  [[ -s "$WORK_DIR/tools.json" ]] || describe_tools >"$WORK_DIR/tools.json"
  workloads_json >"$WORK_DIR/workloads.json" || return 1
  collection="$(collection_json)" || return 1
  jq -n --argjson config "$CONFIG_JSON" --slurpfile workloads "$WORK_DIR/workloads.json" \
    --slurpfile tools "$WORK_DIR/tools.json" --arg run_id "$RUN_ID" --arg started "$RUN_START" --arg ended "$RUN_END" \
    --arg status "$RUN_STATUS" --arg exit "$EXIT_STATUS" --arg cooldown_start "$COOLDOWN_START" \
    --arg cooldown_end "$COOLDOWN_END" --argjson embedded "$EMBEDDED" --argjson simulated "$SIMULATED" \
    --argjson speed "$SPEED" --arg sha "$CONFIG_SHA256" --argjson has_clock "$HAS_CLUSTER_CLOCK" \
    --arg plan_start "$PLAN_START_S" \
    --argjson number "${S_NUMBER[S_AT]}" --argjson of "${S_OF[S_AT]}" --arg series "$SERIES" \
    --argjson collection "$collection" --arg ready "$(cat "$WORK_DIR/cluster/ready" 2>/dev/null)" '
    def maybe: if . == "" then null else . end;
    {schema: 1, name: $config.name, mode: $config.mode, config: $config, run_id: $run_id,
     repetition: {number: $number, of: $of, series: $series},
     start: $started, plan_start: (if $plan_start == "" then null else $plan_start | tonumber | todate end),
     end: ($ended | maybe), status: $status,
     exit_status: (if $exit == "" then null else $exit | tonumber end),
     clock: (if $has_clock then "cluster" else "local" end),
     embedded: $embedded, simulated: $simulated, speed: (if $simulated then $speed else null end),
     seed: (if $ready == "" then null else $ready | fromjson | .seed end),
     workloads: $workloads[0], collection: $collection,
     cooldown: {start: ($cooldown_start | maybe), end: ($cooldown_end | maybe)},
     tools: $tools[0].tools, project: $tools[0].project, config_sha256: $sha}' >"$RUN_DIR/.run.json.part" || return 1
  mv "$RUN_DIR/.run.json.part" "$RUN_DIR/run.json"
}

describe_tools() {
  local commit='' dirty=null yq jq python
  if commit="$(git -C "$PROJECT" rev-parse HEAD 2>/dev/null)"; then # not every copy is a clone
    dirty=false
    [[ -z "$(git -C "$PROJECT" status --porcelain)" ]] || dirty=true
  fi
  yq="$(yq --version 2>&1)" # since 4.0 one of them tells jq's version in a second line: read whole, a closed pipe ends it
  yq="${yq%%$'\n'*}"
  jq="$(jq --version)"
  python="$("$PYTHON" --version 2>&1)"
  jq -n --slurpfile version "$WORK_DIR/version.json" --arg yq "$yq" --arg jq "$jq" --arg python "$python" --arg bash "$BASH_VERSION" \
    --arg commit "$commit" --argjson dirty "$dirty" '
    {tools: {kubectl: $version[0].clientVersion.gitVersion, cluster: $version[0].serverVersion.gitVersion,
             yq: $yq, jq: $jq, python: $python, bash: $bash},
     project: {commit: (if $commit == "" then null else $commit end), dirty: $dirty}}'
}
