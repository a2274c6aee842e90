# What is done to the run's Jobs in the cluster: tried out, marked, stopped, kept or deleted.
#
# To stop a load and to remove its Job are two things. A deletion does both; with --keep-jobs a Job that has not ended is
# suspended: its pods end, and what it was can still be looked at. What could not be stopped is tried again until the end.
#
# Owns JOBS_CREATED, W_TRIED, W_RELEASE, W_STUCK, MARKER and the children "try.*", "create.marker" and "release.N". Calls
# looks.bash, common.bash and signals.bash; reports through checks.bash.
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
  jq '.metadata.name as $job | .spec.completionMode as $mode | {"batch.kubernetes.io/job-completion-index": "0"} as $index
    | {apiVersion: "v1", kind: "Pod",
    metadata: ((.spec.template.metadata // {}) + {name: ($job[:57] + "-trial")}
      | .labels += {"batch.kubernetes.io/job-name": $job, "job-name": $job}
      | if $mode != "Indexed" then . else .annotations += $index | .labels += $index end),
    spec: .spec.template.spec}' "$1"
}

# report_trials WHAT CHILD...: what was said of several alike is told once.
report_trials() {
  local what="$1" child verdict names words count=0 total
  shift
  total=$#
  for child in "$@"; do judge_trial "$child"; done >"$WORK_DIR/looks/trials"
  count="$(grep -c '^ok' "$WORK_DIR/looks/trials")" || true # none
  while IFS=$'\t' read -r verdict names words; do
    case "$verdict" in
      ok) report ok "$what$([[ "$count" -eq "$total" ]] || printf ' (%s)' "$names"): the server would take them" ;;
      warn) report warn "the server warns of the $what ($names): $words" ;;
      FAIL) report_refusal "$what ($names)" "$words" ;;
      *) report_unchecked "$what ($names)" "$words" ;;
    esac
  done < <(awk -F '\t' '
    { key = $1 "\t" ($1 == "ok" ? "" : $3) }
    !(key in names) { order[++count] = key }
    { names[key] = names[key] (names[key] == "" ? "" : ", ") $2 }
    END { for (i = 1; i <= count; i++) { split(order[i], part, "\t"); print part[1] "\t" names[order[i]] "\t" part[2] } }
    ' "$WORK_DIR/looks/trials")
}

# A Job that is refused will be. A pod is tried on its own and at this moment: a policy may look at who has made it, and a
# quota may be free again when it comes; only what Pod Security says of it is certain.
report_refusal() {
  local remedy="change the manifest, or ask who runs the cluster" said="the server refuses the $1: $2"
  if [[ "$1" != pods* || "$2" == *'violates PodSecurity'* ]]; then
    report FAIL "$said" "$remedy"
  else
    report_unless_overruled "$said" "The server refuses the $1, as pods of their own, now." \
      "$remedy; go on with --yes if it will take them from a Job, or later"
  fi
}

# A line per verdict: verdict, workload, words. The name of a Job in them would make each different.
judge_trial() {
  local child="$1" name="${1#try.*.}" file="$WORK_DIR/looks/$1.err" verdict=FAIL words
  if [[ -e "$WORK_DIR/looks/$child.denied" ]]; then
    printf '?\t%s\t%s\n' "$name" "$(<"$WORK_DIR/looks/$child.denied")"
    return 0
  fi
  stop_child "$child" 1
  awk -v name="$name" '/^Warning: / { print "warn\t" name "\t" substr($0, 10) }' "$file"
  if [[ "$(status_of_child "$child")" == 0 ]]; then
    printf 'ok\t%s\t\n' "$name"
    return 0
  fi
  words="$(own_words "$file" | grep -v '^Warning: ' | tr '\n\t' '  ' | sed 's/ *$//')" || words=
  if [[ -z "$words" ]]; then
    verdict='?' words="no answer"
  elif is_outage "$words" || [[ "$words" == *'cannot create resource'* ]]; then
    verdict='?'
  fi
  words="${words#Error from server (*): error when creating \"STDIN\": }"
  printf '%s\t%s\t%s\n' "$verdict" "$name" "$(sed 's/"[^" ]*-'"$RUN_ID"'\(-trial\)\{0,1\}" *//; s/"[^" ]*-trial" *//' <<<"$words")"
}

# --- the marker of a run --------------------------------------------------------------------------

# A Job that is suspended from its beginning and never has a pod. In the cooldown there is no other one that tells a
# second run that this one is not over. Whoever resumes it all the same resumes nothing: its container does nothing.
mark_run() {
  MARKER="wva-run-$RUN_ID"
  while [[ " ${W_JOB[*]} " == *" $MARKER "* ]]; do MARKER="x$MARKER"; done # a manifest may have that name
  jq --arg name "$MARKER" '.spec.template.spec as $pod | ($pod.containers[0] | {name: "marker", image, command: ["true"]}
      + with_entries(select(.key | IN("imagePullPolicy", "resources", "securityContext")))) as $container
    | {"wva-experiments/run": .metadata.labels["wva-experiments/run"], "wva-experiments/role": "marker"} as $labels
    | {apiVersion, kind, metadata: {name: $name, labels: $labels, annotations: (.metadata.annotations
        | with_entries(select(.key | startswith("wva-experiments/"))))},
       spec: {suspend: true, backoffLimit: 0, template: {metadata: {labels: $labels},
         spec: (($pod | with_entries(select(.key | IN("securityContext", "serviceAccountName", "imagePullSecrets"))))
           + {restartPolicy: "Never", automountServiceAccountToken: false, containers: [$container]})}}}' \
    "$WORK_DIR/jobs/${W_NAME[0]}.json" >"$WORK_DIR/marker.json"
  JOBS_CREATED=true # a signal may come, or an answer be lost, when it has been
  start_child create.marker create_object "$WORK_DIR/marker.json" >/dev/null 2>"$WORK_DIR/marker.err"
  wait_for $((2 * REQUEST_TIMEOUT_S)) has_ended create.marker || true # as one that failed
  [[ "$(status_of_child create.marker)" == 0 ]] ||
    warn "in its cooldown this run will not be noticed by another one: $(last_words "$WORK_DIR/marker.err")"
}

# --- stopped --------------------------------------------------------------------------------------

# In a child: a Job whose logs are kept, or that may have been created. Why that was not possible is in a file.
release_job() {
  local i="$1" said="$WORK_DIR/release.err.$1"
  [[ "${W_TRIED[i]}" == true ]] || return 0
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
  [[ -n "${W_STUCK[i]}" ]] || warn "Job ${W_JOB[i]} of ${W_NAME[i]} could not be $(say_release), trying again: $reason"
  W_STUCK[i]="$(tr '\n\t' '  ' <<<"$reason" | sed 's/ *$//')"
  [[ "${W_ENDED_ITSELF[i]}" == true ]] || W_END[i]=''
}

say_release() { if [[ "$KEEP_JOBS" == true ]]; then echo suspended; else echo deleted; fi; }

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

has_stuck() {
  local i
  for ((i = 0; i < W_COUNT; i++)); do
    ! is_still_sending "$i" || return 0
  done
  return 1
}

# Whatever this run has created or may have: none of it sends any more, or that is said. Once more is one attempt more.
release_jobs() {
  local i said="$WORK_DIR/release.err"
  [[ "$JOBS_CREATED" == true ]] || return 0
  if stop_all_jobs >/dev/null 2>"$said"; then
    JOBS_CREATED=false
    for ((i = 0; i < W_COUNT; i++)); do note_release "$i"; done
    note_pods_left
    return 0
  fi
  cat "$said" >>"$RUN_LOG"
  for ((i = 0; i < W_COUNT; i++)); do
    [[ "${W_TRIED[i]}" == false || "${W_RELEASE[i]}" == 'done' ]] || note_stuck "$i" "$(words_on "$i" "$said")"
  done
}

stop_all_jobs() { if [[ "$KEEP_JOBS" == true ]]; then keep_jobs; else delete_all_jobs; fi; }

# words_on NUMBER FILE: what was said of its Job, else what was said last.
words_on() {
  local said
  said="$(own_words "$2" | grep -F "${W_JOB[$1]}" | tail -n 1)" || said="$(last_words "$2")"
  [[ -s "$2" ]] || said="no answer in time"
  printf '%s\n' "$said"
}

say_released() {
  if [[ "$JOBS_CREATED" == true ]]; then
    warn "Jobs of this run may still be there: $(say_remains)"
  elif [[ "$KEEP_JOBS" == true && " ${W_TRIED[*]} " == *' true '* ]]; then
    log "the load Jobs are kept, suspended where they had not ended; remove them with: $(say_remains)"
  fi
}

# By name: whoever may not list them may still delete them. Until their pods are gone as well; a load that still runs
# would spoil the next experiment.
delete_all_jobs() {
  local i names=()
  [[ -z "$MARKER" ]] || names+=("$MARKER")
  for ((i = 0; i < W_COUNT; i++)); do
    [[ "${W_TRIED[i]}" == false ]] || names+=("${W_JOB[i]}")
  done
  [[ ${#names[@]} -eq 0 ]] || delete_jobs_and_wait --ignore-not-found "${names[@]}"
}

delete_jobs_and_wait() {
  local timeout_s
  timeout_s="$(budget_s "$DELETE_TIMEOUT_S" "$AFTER_DELETION_S")"
  within $((timeout_s + 1)) "${KUBECTL[@]}" --request-timeout "${timeout_s}s" delete jobs.batch --namespace "$NAMESPACE" \
    --cascade=foreground --timeout "${timeout_s}s" "$@" </dev/null
}

# All at the same time, as each has a share of the budget.
keep_jobs() {
  local i names=() status=0
  for ((i = 0; i < W_COUNT; i++)); do
    start_child "release.$i" release_job "$i"
    names+=("release.$i")
  done
  [[ -z "$MARKER" ]] || kube delete job "$MARKER" --namespace "$NAMESPACE" --ignore-not-found --wait=false || status=1
  wait_for "$(budget_s "$DELETE_TIMEOUT_S" "$AFTER_DELETION_S")" have_ended ${names[@]+"${names[@]}"} || status=1
  for ((i = 0; i < W_COUNT; i++)); do
    [[ "$(status_of_child "release.$i")" == 0 ]] || { status=1 && cat "$WORK_DIR/release.err.$i" >&2; }
  done
  return "$status"
}

# Pods that outlive their Job: within their grace, on a node that does not answer, or because somebody has deleted the Job
# and left its pods. What they send is nobody's to stop but of who may delete pods.
note_pods_left() {
  local i left
  wait_for "$(budget_s "$DELETE_TIMEOUT_S" "$AFTER_DELETION_S")" have_pods_ended || true # those that have not are told
  [[ ! -s "$WORK_DIR/pods.err" ]] || return 0                                            # seen neither to be nor not to be
  for ((i = 0; i < W_COUNT; i++)); do
    left="$(awk -v workload="${W_NAME[i]}" '$1 == workload { print $2 }' "$WORK_DIR/pods.left" | paste -s -d ' ' -)"
    [[ -n "$left" ]] || continue
    W_ENDED_ITSELF[i]=false W_END[i]='' W_STUCK[i]="pods still run: $left"
    warn "${W_NAME[i]} may still send: pods that have outlived its Job: kubectl delete pods --namespace $NAMESPACE $left"
  done
}

# What is left goes to a file, "WORKLOAD POD" each. Where pods cannot be listed there is nothing to wait for.
have_pods_ended() {
  : >"$WORK_DIR/pods.left"
  kube get pods --namespace "$NAMESPACE" --selector "wva-experiments/run=$RUN_ID" --output json \
    >"$WORK_DIR/pods.json" 2>"$WORK_DIR/pods.err" || return 0
  : >"$WORK_DIR/pods.err" # warnings
  jq -r '.items[] | select(.status.phase != "Succeeded" and .status.phase != "Failed")
    | "\(.metadata.labels["wva-experiments/workload"]) \(.metadata.name)"' "$WORK_DIR/pods.json" >"$WORK_DIR/pods.left"
  [[ ! -s "$WORK_DIR/pods.left" ]]
}

say_remains() { printf 'kubectl delete jobs --namespace %s --selector wva-experiments/run=%s\n' "$NAMESPACE" "$RUN_ID"; }
