# What is done to the run's Jobs in the cluster: tried out, marked, stopped, kept or deleted.
#
# To stop a load and to remove its Job are two things. A deletion does both; with --keep-jobs a Job that has not ended is
# suspended: its pods end, and what it was can still be looked at. What could not be stopped is tried again until the end.
#
# Owns JOBS_CREATED, W_RELEASE, W_STUCK, MARKER and the children "try.*", "create.marker" and "release.N". Calls
# looks.bash, common.bash and signals.bash; reports to checks.bash.
#
# shellcheck shell=bash disable=SC2034,SC2153 # state of run-experiment.sh, read by the files beside this one

DELETE_TIMEOUT_S=8
AFTER_DELETION_S=6 # of the budget, for the state of the cluster, the collector and the files of the run
SUSPENDED='{"spec": {"suspend": true}}'
MARKER= # name of the Job that says that this run is not over

# --- tried out before the start -------------------------------------------------------------------

# The server is asked to create each Job for trial, and a pod made from its template: a namespace may take a Job and
# refuse its pods.
check_jobs() {
  local i name jobs=() pods=()
  for ((i = 0; i < W_COUNT; i++)); do
    name="${W_NAME[i]}"
    pod_of_job "$WORK_DIR/jobs/$name.json" >"$WORK_DIR/looks/pod.$name.json"
    start_trial jobs.batch "try.job.$name" "$WORK_DIR/jobs/$name.json"
    start_trial pods "try.pod.$name" "$WORK_DIR/looks/pod.$name.json"
    jobs+=("try.job.$name") pods+=("try.pod.$name")
  done
  wait_for $((2 * REQUEST_TIMEOUT_S)) have_ended "${jobs[@]}" "${pods[@]}" || true # no answer is told as such
  report_trials "load Jobs" "${jobs[@]}"
  report_trials "pods of the load Jobs" "${pods[@]}"
}

# start_trial TYPE CHILD FILE
start_trial() {
  if is_denied create "$1" - "$NAMESPACE"; then
    printf 'not allowed: create %s in %s\n' "$1" "$NAMESPACE" >"$WORK_DIR/looks/$2.denied"
  else
    start_child "$2" create_object "$3" --dry-run=server >/dev/null 2>"$WORK_DIR/looks/$2.err"
  fi
}

pod_of_job() {
  jq '.metadata.name as $job | {apiVersion: "v1", kind: "Pod",
    metadata: ((.spec.template.metadata // {}) + {name: ($job[:57] + "-trial")}
      | .labels += {"batch.kubernetes.io/job-name": $job, "job-name": $job}),
    spec: .spec.template.spec}' "$1"
}

# report_trials WHAT CHILD...: what was said of several alike is told once.
report_trials() {
  local what="$1" child verdict names words
  shift
  while IFS=$'\t' read -r verdict names words; do
    case "$verdict" in
      ok) report ok "$what: the server would take them" ;;
      warn) report warn "the server warns of the $what ($names): $words" ;;
      FAIL) report FAIL "the server refuses the $what ($names): $words" "change the manifest, or ask who runs the cluster" ;;
      *) report_unchecked "$what ($names)" "$words" ;;
    esac
  done < <(for child in "$@"; do judge_trial "$child"; done | awk -F '\t' '
    { key = $1 "\t" ($1 == "ok" ? "" : $3) }
    !(key in names) { order[++count] = key }
    { names[key] = names[key] (names[key] == "" ? "" : ", ") $2 }
    END { for (i = 1; i <= count; i++) { split(order[i], part, "\t"); print part[1] "\t" names[order[i]] "\t" part[2] } }')
}

# A line per verdict: verdict, workload, words. The name of a Job in them would make each different.
judge_trial() {
  local child="$1" name="${1#try.*.}" file="$WORK_DIR/looks/$1.err" verdict words
  if [[ -e "$WORK_DIR/looks/$child.denied" ]]; then
    printf '?\t%s\t%s\n' "$name" "$(<"$WORK_DIR/looks/$child.denied")"
    return 0
  fi
  stop_child "$child" 1
  sed -n "s/^Warning: /warn	$name	/p" "$file"
  if [[ "$(status_of_child "$child")" == 0 ]]; then
    printf 'ok\t%s\t\n' "$name"
    return 0
  fi
  words="$(grep -v -e '^Warning: ' -e '^[EWI][0-9]\{4\} ' "$file" | tr '\n\t' '  ' | sed 's/ *$//')" || words=
  [[ -n "$words" ]] || words="no answer"
  verdict=FAIL
  ! is_outage "$words" && [[ "$words" != 'no answer' && "$words" != *'cannot create resource'* ]] || verdict='?'
  words="${words#Error from server (*): error when creating \"STDIN\": }"
  printf '%s\t%s\t%s\n' "$verdict" "$name" "$(sed 's/"[^" ]*-'"$RUN_ID"'\(-trial\)\{0,1\}" *//; s/"[^" ]*-trial" *//' <<<"$words")"
}

# --- the marker of a run --------------------------------------------------------------------------

# A Job that is suspended from its beginning and never has a pod. In the cooldown there is no other one that tells a
# second run that this one is not over.
mark_run() {
  MARKER="$NAME-$RUN_ID"
  jq --arg name "$MARKER" '{apiVersion, kind, metadata: (.metadata | .name = $name
      | .labels |= (del(.["wva-experiments/workload"]) | .["wva-experiments/role"] = "marker")),
    spec: {suspend: true, backoffLimit: 0, template: .spec.template}}' "$WORK_DIR/jobs/${W_NAME[0]}.json" >"$WORK_DIR/marker.json"
  JOBS_CREATED=true # a signal may come, or an answer be lost, when it has been
  start_child create.marker create_object "$WORK_DIR/marker.json" >/dev/null 2>"$WORK_DIR/marker.err"
  wait_for $((2 * REQUEST_TIMEOUT_S)) has_ended create.marker || true # as one that failed
  [[ "$(status_of_child create.marker)" == 0 ]] ||
    warn "in its cooldown this run will not be noticed by another one: $(last_words "$WORK_DIR/marker.err")"
}

# --- stopped --------------------------------------------------------------------------------------

# In a child: a Job whose logs are kept. Why that was not possible is in a file.
release_job() {
  local i="$1" said="$WORK_DIR/release.err.$1"
  [[ -n "${W_START[i]}" ]] || return 0
  if [[ "$KEEP_JOBS" == false ]]; then
    kube delete job "${W_JOB[i]}" --namespace "$NAMESPACE" --ignore-not-found --wait=false --cascade=background >/dev/null 2>"$said"
  elif [[ "${W_ENDED_ITSELF[i]}" == false ]]; then
    kube patch job "${W_JOB[i]}" --namespace "$NAMESPACE" --type merge --patch "$SUSPENDED" >/dev/null 2>"$said" ||
      grep -q '(NotFound)' "$said"
  fi
}

# What has become of those that were to be stopped. One that was not is told and tried again; its workload goes on.
note_releases() {
  local i
  for ((i = 0; i < W_COUNT; i++)); do
    if [[ "${W_RELEASE[i]}" != trying ]] || ! has_ended "finish.$i" || ! has_ended "release.$i"; then
      continue
    elif [[ "$(status_of_release "$i")" == 0 ]]; then
      note_release "$i"
    else
      note_stuck "$i" "$(last_words "$WORK_DIR/release.err.$i")"
      start_child "release.$i" release_job "$i"
    fi
    write_run_json
  done
}

# Of the last attempt: the first one ends what keeps the logs.
status_of_release() {
  if [[ -e "$CHILDREN_DIR/release.$1.pid" ]]; then status_of_child "release.$1"; else status_of_child "finish.$1"; fi
}

note_stuck() {
  local i="$1" reason="$2"
  [[ -n "${W_STUCK[i]}" ]] ||
    warn "Job ${W_JOB[i]} of ${W_NAME[i]} could not be $(if [[ "$KEEP_JOBS" == true ]]; then echo suspended; else echo deleted; fi), trying again: $reason"
  W_STUCK[i]="$(tr '\n\t' '  ' <<<"$reason" | sed 's/ *$//')"
  [[ "${W_ENDED_ITSELF[i]}" == true ]] || W_END[i]=''
}

note_release() {
  local i="$1"
  W_RELEASE[i]='done'
  [[ -n "${W_STUCK[i]}" ]] || return 0
  W_STUCK[i]=''
  [[ "${W_ENDED_ITSELF[i]}" == true ]] || W_END[i]="$(cluster_now)"
  log "stopped at last: ${W_NAME[i]}"
}

# Whether a workload whose time is up may still send.
is_still_sending() { [[ -n "${W_STUCK[$1]}" && "${W_ENDED_ITSELF[$1]}" == false ]]; }

# Whatever this run has created: none of it sends any more, or that is said. Once more is one attempt more.
release_jobs() {
  local i said
  [[ "$JOBS_CREATED" == true ]] || return 0
  if said="$(if [[ "$KEEP_JOBS" == true ]]; then keep_jobs; else delete_all_jobs; fi 2>&1 >/dev/null)"; then
    JOBS_CREATED=false
    for ((i = 0; i < W_COUNT; i++)); do note_release "$i"; done
    return 0
  fi
  said="$(tail -n 1 <<<"$said")"
  [[ -z "$said" ]] || printf '%s\n' "$said" >>"$RUN_LOG"
  for ((i = 0; i < W_COUNT; i++)); do
    [[ -z "${W_START[i]}" || "${W_RELEASE[i]}" == 'done' ]] || note_stuck "$i" "${said:-no answer in time}"
  done
}

say_released() {
  if [[ "$JOBS_CREATED" == true ]]; then
    warn "the load Jobs may still be there: $(say_remains)"
  elif [[ "$KEEP_JOBS" == true ]]; then
    log "the load Jobs are kept, suspended where they had not ended; remove them with: $(say_remains)"
  fi
}

delete_all_jobs() { delete_jobs_and_wait --selector "wva-experiments/run=$RUN_ID"; }

# delete_jobs_and_wait SELECTION...: until their pods are gone as well; a load that still runs would spoil the next
# experiment.
delete_jobs_and_wait() {
  local timeout_s
  timeout_s="$(budget_s "$DELETE_TIMEOUT_S" "$AFTER_DELETION_S")"
  within $((timeout_s + 1)) "${KUBECTL[@]}" --request-timeout "${timeout_s}s" delete jobs.batch --namespace "$NAMESPACE" \
    --cascade=foreground --timeout "${timeout_s}s" "$@" </dev/null
}

keep_jobs() {
  local i status=0
  for ((i = 0; i < W_COUNT; i++)); do
    release_job "$i" || { status=1 && last_words "$WORK_DIR/release.err.$i" >&2; }
  done
  [[ -z "$MARKER" ]] || kube delete job "$MARKER" --namespace "$NAMESPACE" --ignore-not-found --wait=false || status=1
  [[ $status -eq 0 ]] || return 1
  wait_for "$(budget_s "$DELETE_TIMEOUT_S" "$AFTER_DELETION_S")" have_pods_ended && return 0
  echo "its pods have not ended yet" >&2
  return 1
}

have_pods_ended() {
  kube get pods --namespace "$NAMESPACE" --selector "wva-experiments/run=$RUN_ID" --output json |
    jq -e 'all(.items[]; .status.phase == "Succeeded" or .status.phase == "Failed")' >/dev/null
}

say_remains() { printf 'kubectl delete jobs --namespace %s --selector wva-experiments/run=%s\n' "$NAMESPACE" "$RUN_ID"; }
