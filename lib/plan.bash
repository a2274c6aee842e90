# The plan of a run: its workloads and the Jobs that will be created, prepared and printed.
#
# Owns the W_* arrays until the run begins, and $WORK_DIR/jobs/. Calls common.bash.
#
# shellcheck shell=bash disable=SC2034,SC2153 # state of run-experiment.sh, read by the files beside this one

BEFORE_SENDING_S=3600 # of images that are pulled and a data set that is fetched, at the worst

# Bash takes several tabs for one, and a column may be empty.
read_plan() {
  local order start end name manifest rate seed how prompts drain clients i=0
  while IFS=$'\037' read -r order start end name manifest rate seed how prompts drain clients; do
    [[ "$order" != order ]] || continue # the header
    W_NAME[i]="$name" W_MANIFEST[i]="$manifest" W_RATE[i]="$rate" W_SEED[i]="$seed" W_HOW[i]="$how"
    W_PROMPTS[i]="$prompts" W_DRAIN_S[i]="$drain" W_PLAN_START[i]="$start" W_PLAN_END[i]="$end" W_STATE[i]=planned W_RESULT[i]=not-started
    W_JOB[i]='' W_START[i]='' W_END[i]='' W_REASON[i]='' W_LATE_S[i]='' W_SINCE_MS[i]=0 W_SAVED[i]=false W_SENDING_S[i]='' W_BLOCKED_MS[i]=''
    W_RAN[i]='' W_RELEASE[i]='' W_STUCK[i]='' W_ENDED_ITSELF[i]=false W_TRIED[i]=false
    W_CLIENTS[i]="${clients:-1}" W_ALL_SEND_S[i]='' W_RUNNING[i]=''
    W_SHA256[i]="$(sha256_of "$manifest")"
    i=$((i + 1))
  done < <(tr '\t' '\037' <"$WORK_DIR/plan.tsv")
  W_COUNT=$i
}

# Each workload as the Job that will be created: own name, labels, model, endpoint, rate, seed, number of prompts, what
# makes a line of each request, what the config says of its data set and environment, and a deadline. Of several clients
# each is a pod of an Indexed Job, with its share of the rate and of the prompts and its index behind the seed.
prepare_jobs() {
  local i base job room
  mkdir -p "$WORK_DIR/jobs"
  for ((i = 0; i < W_COUNT; i++)); do
    yaml_to_json "${W_MANIFEST[i]}" >"$WORK_DIR/manifest.json" || die 2 "${W_MANIFEST[i]}: yq and jq cannot read it"
    base="$(jq -r .metadata.name "$WORK_DIR/manifest.json")"
    room=47
    is_one_client "$i" || room=44 # the host name of a pod has its index behind the Job's name
    job="${base:0:room}-$RUN_ID"
    # Two workloads may share a manifest.
    [[ " ${W_JOB[*]} " != *" $job "* ]] || job="${base:0:room-4}-$((i + 1))-$RUN_ID"
    W_JOB[i]="$job"
    jq --arg job "$job" --arg run "$RUN_ID" --arg workload "${W_NAME[i]}" --arg deployment "$DEPLOYMENT" \
      --arg model "$MODEL" --arg endpoint "$ENDPOINT" --arg seed "${W_SEED[i]}" --arg prompts "${W_PROMPTS[i]}" \
      --arg rate "${W_RATE[i]}" --argjson clients "${W_CLIENTS[i]}" \
      --argjson config "$CONFIG_JSON" --argjson deadline "$(deadline_s "$i")" \
      --rawfile recorder "$PROJECT/workloads/record_requests.py" '
      {"wva-experiments/run": $run, "wva-experiments/workload": $workload} as $labels
      | ($config.workloads[] | select(.name == $workload)) as $own
      | (if $clients == 1 then {$seed, $prompts, $rate} else
          {seed: ($seed + "$(JOB_COMPLETION_INDEX)"), prompts: (($prompts | tonumber) / $clients | tostring),
           rate: (($rate | tonumber) / $clients | tostring)} end) as $each
      | ({MODEL: $model, ENDPOINT: $endpoint, SEED: $each.seed, NUM_PROMPTS: $each.prompts,
          REQUEST_RATE: $each.rate, REQUEST_RECORDER: $recorder, DATASET_URL: ($own.dataset_url // "")}
          | with_entries(select(.value != ""))) as $values
      | ($own.env // {}) as $more
      | .spec.activeDeadlineSeconds //= $deadline
      | .metadata.name = $job
      | .metadata.labels += $labels
      | .metadata.annotations += {"wva-experiments/deployment": $deployment}
      | .spec.template.metadata.labels += $labels
      | .spec.template.spec |= with_entries(if .key == "containers" or .key == "initContainers" then .value |= map(
            # In its place: what comes after a variable may refer to it.
            if .env then .env |= map(if $more[.name] then {name, value: $more[.name]}
              elif $values[.name] and .value then .value = $values[.name] else . end) else . end
            | ([.env[]?.name] | map({key: ., value: true}) | from_entries) as $there
            | ($more | to_entries | map(select($there[.key] | not) | {name: .key, value})) as $further
            | if $further == [] then . else .env = (.env // []) + $further end)
          else . end)
      | if $clients == 1 then . else
          # What has failed must not be sent again beside what the others send.
          .spec += {completionMode: "Indexed", completions: $clients, parallelism: $clients, backoffLimit: 0}
          | del(.spec.backoffLimitPerIndex, .spec.maxFailedIndexes, .spec.podFailurePolicy)
          | .spec.template.spec.restartPolicy = "Never"
          | .spec.template.spec.containers |= map(if any(.env[]?; .name == "SEED") then
              # First, as a value can refer to what stands before it; the cluster puts its own last, unless there is one.
              .env = [{name: "JOB_COMPLETION_INDEX", valueFrom: {fieldRef: {
                fieldPath: "metadata.annotations[\u0027batch.kubernetes.io/job-completion-index\u0027]"}}}]
                + (.env | map(select(.name != "JOB_COMPLETION_INDEX")))
              else . end)
        end
      ' "$WORK_DIR/manifest.json" >"$WORK_DIR/jobs/${W_NAME[i]}.json"
  done
}

is_one_client() { [[ "${W_CLIENTS[$1]}" -eq 1 ]]; }

has_several_clients() {
  local i
  for ((i = 0; i < W_COUNT; i++)); do
    is_one_client "$i" || return 0
  done
  return 1
}

# What the files of a workload's logs and requests are called, a line each: after it, or after each of its clients.
file_names() {
  local client
  if is_one_client "$1"; then
    printf '%s\n' "${W_NAME[$1]}"
  else
    for ((client = 0; client < W_CLIENTS[$1]; client++)); do printf '%s.client-%s\n' "${W_NAME[$1]}" "$client"; done
  fi
}

# After how long a Job ends by itself, if nobody watches it any more: images and data set, sending, last answers.
deadline_s() { printf '%s\n' "$((BEFORE_SENDING_S + W_PLAN_END[$1] - W_PLAN_START[$1] + ${W_DRAIN_S[$1]:-$TIMEOUT_S}))"; }

# As a table, its rates over time, and how long it takes.
print_plan() {
  local line
  while IFS= read -r line; do log "$line"; done <"$WORK_DIR/plan.txt"
}
