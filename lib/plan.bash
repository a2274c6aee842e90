# The plan of a run: its workloads and the Jobs that will be created, prepared and printed.
#
# Owns the W_* arrays until the run begins, and $WORK_DIR/jobs/. Calls common.bash.
#
# shellcheck shell=bash disable=SC2034,SC2153 # state of run-experiment.sh, read by the files beside this one

read_plan() {
  local order start end name manifest rate seed how i=0
  while IFS=$'\t' read -r order start end name manifest rate seed how; do
    [[ "$order" != order ]] || continue # the header
    W_NAME[i]="$name" W_MANIFEST[i]="$manifest" W_RATE[i]="$rate" W_SEED[i]="$seed" W_HOW[i]="$how"
    W_PLAN_START[i]="$start" W_PLAN_END[i]="$end" W_STATE[i]=planned W_RESULT[i]=not-started
    W_JOB[i]='' W_START[i]='' W_END[i]='' W_REASON[i]='' W_LATE_S[i]='' W_SINCE_MS[i]=0 W_SAVED[i]=false
    W_SHA256[i]="$(sha256_of "$manifest")"
    i=$((i + 1))
  done <"$WORK_DIR/plan.tsv"
  W_COUNT=$i
}

# Each workload as the Job that will be created: own name, labels, model, endpoint and seed.
prepare_jobs() {
  local i base job
  mkdir -p "$WORK_DIR/jobs"
  for ((i = 0; i < W_COUNT; i++)); do
    yaml_to_json "${W_MANIFEST[i]}" >"$WORK_DIR/manifest.json" || die 2 "${W_MANIFEST[i]}: yq and jq cannot read it"
    base="$(jq -r .metadata.name "$WORK_DIR/manifest.json")"
    job="$base-$RUN_ID"
    # Two workloads may share a manifest.
    [[ " ${W_JOB[*]} " != *" $job "* ]] || job="${base:0:43}-$((i + 1))-$RUN_ID"
    W_JOB[i]="$job"
    jq --arg job "$job" --arg run "$RUN_ID" --arg workload "${W_NAME[i]}" --arg deployment "$DEPLOYMENT" \
      --arg model "$MODEL" --arg endpoint "$ENDPOINT" --arg seed "${W_SEED[i]}" '
      {"wva-experiments/run": $run, "wva-experiments/workload": $workload} as $labels
      | ({MODEL: $model, ENDPOINT: $endpoint, SEED: $seed} | with_entries(select(.value != ""))) as $values
      | .metadata.name = $job
      | .metadata.labels += $labels
      | .metadata.annotations += {"wva-experiments/deployment": $deployment}
      | .spec.template.metadata.labels += $labels
      | .spec.template.spec.containers |= map(
          if .env then .env |= map(if $values[.name] and .value then .value = $values[.name] else . end) else . end)
      ' "$WORK_DIR/manifest.json" >"$WORK_DIR/jobs/${W_NAME[i]}.json"
  done
}

# The plan as a table, and the sum of the rates over time.
print_plan() {
  local how="${W_HOW[0]}" end_s
  log "experiment $NAME ($MODE), $how, on $DEPLOYMENT in $NAMESPACE"
  log "workloads:"
  while IFS= read -r line; do log "  $line"; done < <(jq -Rrs '
    def pad($n): tostring | (" " * ($n - length)) + .;
    split("\n")[1:-1] | map(split("\t"))[]
    | "\(.[1] | pad(6)) s to \(.[2] | pad(6)) s  \(.[5] | pad(6)) req/s  \(.[3])"' "$WORK_DIR/plan.tsv")
  [[ "$how" == parallel ]] || log "  (times are estimates: each starts when the one before it has ended)"
  log "arrival rate:"
  while IFS= read -r line; do log "  $line"; done < <(jq -Rrs '
    def pad($n): tostring | (" " * ($n - length)) + .;
    split("\n")[1:-1] | map(split("\t") | {start: .[1] | tonumber, end: .[2] | tonumber, rate: .[5] | tonumber, name: .[3]})
    | . as $all
    | ([.[] | .start, .end] | unique) as $times
    | [range($times | length - 1) | {from: $times[.], to: $times[. + 1]}
       | . as $part
       | [$all[] | select(.start <= $part.from and .end >= $part.to)] as $active
       | . + {rate: ([$active[].rate] | add // 0), names: ([$active[].name] | join(" + "))}]
    | ([.[].rate] | max) as $peak
    | (.[] | "\(.from | pad(6)) s  \(.rate | pad(6)) req/s  "
        + ("#" * ([1, .rate * 40 / $peak | round] | max)) [0:40] + "  \(.names)"),
      "\($times[-1] | pad(6)) s       0 req/s  peak \($peak) req/s"' "$WORK_DIR/plan.tsv")
  end_s="$(jq -Rs '[split("\n")[1:-1][] | split("\t")[2] | tonumber] | max' "$WORK_DIR/plan.tsv")"
  log "$(jq -nr --argjson s "$((end_s + COOLDOWN_S))" --argjson cooldown "$COOLDOWN_S" --argjson speed "$SPEED" \
    '"takes about \($s) s with \($cooldown) s of cooldown"
     + (if $speed == 1 then "" else ": \($s / $speed | ceil) s at \($speed) times real time" end)
     + "; started now, it ends at \(now + $s / $speed | floor | todate)"')"
  print_rest_of_series
}
