# The workloads: created when they are due, looked at, ended and their logs kept; then the cooldown.
#
# Owns the states of workloads (W_STATE and what depends on it), T0_MS, PLAN_START_S, COOLDOWN_START, COOLDOWN_END and the
# children "create.N", "follow.N" and "finish.N"; writes job-logs/ and requests/. Calls jobs.bash, evidence.bash,
# collector.bash, common.bash and signals.bash.
#
# shellcheck shell=bash disable=SC2034,SC2153 # state of run-experiment.sh, read by the files beside this one

LEAST_PAUSE_MS=500 # real time between two looks at the cluster, however fast its clock runs
PODLESS_S=10       # cluster time in which any Job gets its pod
BLINDNESS=         # what was last said of a look that failed
SEES_PODS=true
START_GRACE_S=120 # cluster time that a Job may take to get over an obstacle, such as a missing node
MOST_CLOCK_SKEW_S=5

has_state() {
  local state
  for state in "${W_STATE[@]}"; do
    [[ "$state" != "$1" ]] || return 0
  done
  return 1
}

has_no_state() { if has_state "$1"; then return 1; fi; }

is_due() {
  if [[ "${W_HOW[$1]}" == parallel ]]; then
    [[ "$2" -ge "${W_PLAN_START[$1]}" ]]
  else
    has_no_state active
  fi
}

# A workload that has taken too long: to begin, to get its last answers (parallel), or altogether (sequential).
is_over() {
  local i="$1" elapsed="$2" passed
  if [[ -n "${W_ALL_SEND_S[i]}" && -n "${W_DRAIN_S[i]}" ]]; then
    [[ "$elapsed" -ge $((W_ALL_SEND_S[i] + W_PLAN_END[i] - W_PLAN_START[i] + W_DRAIN_S[i])) ]]
  else
    passed="$(active_s "$i")"
    [[ "$passed" -ge "$(longest_s "$i")" ]]
  fi
}

# How long a workload may take that does not tell when it sends.
longest_s() {
  if [[ "${W_HOW[$1]}" == parallel ]] && has_no_recorder "$1"; then
    printf '%s\n' $((W_PLAN_END[$1] - W_PLAN_START[$1] + W_DRAIN_S[$1]))
  else
    printf '%s\n' "$TIMEOUT_S"
  fi
}

# Whether a Job tells when it begins to send, and of each request what became of it.
has_recorder() {
  jq -e '[.spec.template.spec.containers[].env[]? | select(.name == "REQUEST_RECORDER" and .value)] | length > 0' \
    "$WORK_DIR/jobs/${W_NAME[$1]}.json" >/dev/null
}

has_no_recorder() { if has_recorder "$1"; then return 1; fi; }

active_s() { since_s "${W_SINCE_MS[$1]}"; }

# How long a workload has been waiting for answers since it sent its last request, as far as is known.
overdue_s() {
  local passed since="${W_ALL_SEND_S[$1]:-0}" # a name in arithmetic is 0 where Ctrl-C has ended what was to tell
  if [[ -n "${W_ALL_SEND_S[$1]}" ]]; then passed="$(elapsed_s)"; else passed="$(active_s "$1")"; fi
  printf '%s\n' $((passed - since - W_PLAN_END[$1] + W_PLAN_START[$1]))
}

# Those that are due are created at the same time: a slow API server must not make the second one late.
start_due() {
  local i elapsed="$1" due=() since
  for ((i = 0; i < W_COUNT; i++)); do
    if [[ "${W_STATE[i]}" == planned ]] && is_due "$i" "$elapsed"; then
      due+=("$i")
      [[ "${W_HOW[i]}" == parallel ]] || break # of a sequence only the next one
    fi
  done
  [[ ${#due[@]} -gt 0 ]] || return 0
  JOBS_CREATED=true # a signal may come, or an answer be lost, when they have been
  since="$(now_ms)"
  for i in "${due[@]}"; do
    W_SINCE_MS[i]="$since" W_STATE[i]=creating W_TRIED[i]=true
    start_child "create.$i" create_object "$WORK_DIR/jobs/${W_NAME[i]}.json" \
      >"$WORK_DIR/created.$i" 2>"$WORK_DIR/create.err.$i"
  done
  note_starts $((2 * REQUEST_TIMEOUT_S))
  write_run_json
}

# note_starts SECONDS: what has become of the Jobs that are being created, after so many seconds at the latest.
note_starts() {
  local i names=()
  for ((i = 0; i < W_COUNT; i++)); do
    [[ "${W_STATE[i]}" != creating ]] || names+=("create.$i")
  done
  [[ ${#names[@]} -gt 0 ]] || return 0
  wait_for "$1" have_ended "${names[@]}" || true # one that is late is stopped
  for ((i = 0; i < W_COUNT; i++)); do
    if [[ "${W_STATE[i]}" == creating ]]; then
      stop_child "create.$i" 1
      note_start "$i"
    fi
  done
}

note_start() {
  local i="$1"
  if [[ "$(status_of_child "create.$i")" == 0 ]]; then
    W_STATE[i]=active W_RESULT[i]=running W_START[i]="$(<"$WORK_DIR/created.$i")" W_REASON[i]=
    if [[ "${W_HOW[i]}" == parallel ]]; then
      W_LATE_S[i]="$(jq -n --arg created "${W_START[i]}" --argjson t0 "$PLAN_START_S" --argjson planned "${W_PLAN_START[i]}" \
        '[($created | sub("\\.[0-9]+Z$"; "Z") | fromdate) - $t0 - $planned, 0] | max')"
    fi
    start_following "$i"
    log "started ${W_NAME[i]}: ${W_RATE[i]} req/s$(is_one_client "$i" || printf ' of %s clients' "${W_CLIENTS[i]}"), Job ${W_JOB[i]}"
  else
    note_refusal "$i" "$(<"$WORK_DIR/create.err.$i")"
  fi
}

note_refusal() {
  local i="$1" said="$2"
  W_STATE[i]=planned
  if [[ "$said" == *'already exists'* ]]; then # an answer was lost: the name is ours alone
    W_STATE[i]=active W_RESULT[i]=running W_START[i]="$(cluster_now)" W_REASON[i]=
    start_following "$i"
  elif [[ -z "$said" ]] || is_outage "$said"; then # nothing is said by one that was stopped
    [[ -n "${W_REASON[i]}" || "$PHASE" == closing ]] ||
      warn "${W_NAME[i]} cannot be started now, trying again: ${said:-no answer}"
    W_REASON[i]="the API server was not reachable"
    [[ "$PHASE" != closing ]] || W_REASON[i]="its creation was not answered: it may have run for a moment"
  else
    end_workload "$i" failed "not created: $said"
  fi
}

end_workload() {
  local i="$1" result="$2" reason="${3:-}"
  W_STATE[i]='done' W_RESULT[i]="$result" W_RUNNING[i]='' W_END[i]="$(cluster_now)"
  W_REASON[i]="$(tr '\n\t' '  ' <<<"$reason" | sed 's/ *$//')"
  if [[ "$result" == failed || "$result" == cut ]]; then
    warn "${W_NAME[i]} $result: ${W_REASON[i]}"
  else
    log "$result: ${W_NAME[i]}"
  fi
}

# In the background, so that nothing that is due meanwhile is late.
finish_workload() {
  end_workload "$@"
  note_sending "$1"
  start_child "finish.$1" keep_last_words "$1"
  W_SAVED[$1]=true
  [[ -z "${W_START[$1]}" ]] || W_RELEASE[$1]=trying
  write_run_json
}

# Its logs go with the Job, so they are read first.
keep_last_words() {
  save_job_log "$1"
  save_requests "$1"
  release_job "$1"
}

# In the background: the log of each load generator of a workload.
start_following() {
  local client
  if is_one_client "$1"; then
    start_child "follow.$1" follow_job_log "$1"
  else
    for ((client = 0; client < W_CLIENTS[$1]; client++)); do
      start_child "follow.$1.$client" follow_client_log "$1" "$client"
    done
  fi
}

# All are told before one is waited for: there may be many, and little time.
stop_following() {
  local child children=("follow.$1") client
  if ! is_one_client "$1"; then
    children=()
    for ((client = 0; client < W_CLIENTS[$1]; client++)); do children+=("follow.$1.$client"); done
  fi
  for child in "${children[@]}"; do
    has_ended "$child" || signal_child TERM "$child"
  done
  for child in "${children[@]}"; do stop_child "$child"; done
}

follow_job_log() {
  local container
  container="$(container_of_load "$1")"
  follow_log "$RUN_DIR/job-logs/${W_NAME[$1]}.log.followed" \
    "${KUBECTL[@]}" logs --namespace "$NAMESPACE" "job/${W_JOB[$1]}" --container "$container" --follow
}

# follow_client_log NUMBER CLIENT: its pod has a name that only the cluster knows.
follow_client_log() {
  local container
  container="$(container_of_load "$1")"
  while is_running $$ && [[ -z "$(selection_of_client "$1" "$2")" ]]; do sleep 0.3; done
  follow_log "$RUN_DIR/job-logs/${W_NAME[$1]}.client-$2.log.followed" read_client_log "$1" "$2" "$container"
}

read_client_log() {
  local selection
  selection="$(selection_of_client "$1" "$2")"
  "${KUBECTL[@]}" logs --namespace "$NAMESPACE" "$selection" --container "$3" --follow --tail -1 --max-log-requests 99
}

# What `kubectl logs` finds the pod of a client by: its labels, or, where it has none of its number (Kubernetes 1.27), its
# name. Who goes by a name needs the right to get pods, not only to list them.
selection_of_client() {
  [[ -s "$WORK_DIR/clients" ]] || return 0
  awk -v job="${W_JOB[$1]}" -v client="$2" -v labels="wva-experiments/run=$RUN_ID,wva-experiments/workload=${W_NAME[$1]}" '
    $1 == job && $2 == client { selection = $4 == "" ? $3 : "--selector=" labels ",batch.kubernetes.io/job-completion-index=" $4 }
    END { print selection }' "$WORK_DIR/clients"
}

container_of_load() {
  jq -r '.spec.template.spec.containers
    | (map(select(any(.env[]?; .name == "REQUEST_RECORDER"))) + .)[0].name' "$WORK_DIR/jobs/${W_NAME[$1]}.json"
}

# follow_log FILE COMMAND...: what a load generator prints while it is written, so that a rotation loses nothing. A container
# that has not started ends an attempt, an API server that goes away as well; the longest one counts.
follow_log() {
  local file="$1" pause_s=1
  shift
  while is_running $$; do # the runner may have been killed
    # One that fails is tried again.
    "$@" </dev/null >"$file.now" 2>/dev/null || true
    if is_longer "$file.now" "$file"; then
      mv "$file.now" "$file"
      pause_s=5 # most often it has ended
    fi
    sleep "$pause_s"
    pause_s=$((pause_s < 5 ? pause_s + 1 : 5))
  done
}

size_of() { if [[ -e "$1" ]]; then wc -c <"$1"; else echo 0; fi; }

is_longer() {
  local size other
  size="$(size_of "$1")"
  other="$(size_of "$2")"
  [[ "$size" -gt "$other" ]]
}

# When a workload has begun to send, by the first line of its container: on the axis of the plan. Of several clients that
# is the first of those that have told it, until all have.
note_sending() {
  local i="$1" said count first_s last_s
  [[ -z "${W_ALL_SEND_S[i]}" ]] || return 0
  said="$(first_lines "$i")"
  [[ -n "$said" ]] || return 0
  read -r count first_s last_s < <(jq -Rnr --argjson t0 "$PLAN_START_S" \
    '[inputs | (capture("wall=(?<s>[0-9.]+)").s | tonumber) - $t0 | floor] | "\(length) \(min) \(max)"' <<<"$said")
  if [[ -z "${W_SENDING_S[i]}" || "$count" -eq "${W_CLIENTS[i]}" ]]; then
    place_sending "$i" "$first_s"
    W_SENDING_S[i]="$PLACED_S"
  fi
  [[ "$count" -eq "${W_CLIENTS[i]}" ]] || return 0
  [[ "$last_s" -eq "$first_s" ]] || place_sending "$i" "$last_s"
  W_ALL_SEND_S[i]="$PLACED_S"
}

# Those of a workload's containers that are there, a line each.
first_lines() {
  local name file
  while IFS= read -r name; do
    file="$RUN_DIR/job-logs/$name.log.followed"
    sed -n '/^# wall=[0-9.]* monotonic=/{p;q;}' "$file" "$file.now" 2>/dev/null || true # there may be none yet
  done < <(file_names "$1")
}

# place_sending NUMBER SECONDS: what a node's clock says lies between the Job's creation and now, or that clock is wrong. The
# answer is in PLACED_S.
place_sending() {
  local i="$1" said_s="$2" active least_s most_s off_s=0
  most_s="$(elapsed_s)"
  active="$(active_s "$i")"
  least_s=$((most_s - active))
  PLACED_S="$said_s"
  if [[ $said_s -lt $least_s ]]; then
    PLACED_S="$least_s" off_s=$((least_s - said_s))
  elif [[ $said_s -gt $most_s ]]; then
    PLACED_S="$most_s" off_s=$((said_s - most_s))
  fi
  [[ $off_s -le $MOST_CLOCK_SKEW_S ]] ||
    warn "${W_NAME[i]}: the clock of its node is at least $off_s s off that of the API server; so are the times of its requests"
}

# The whole log as it is now, or what was followed of it if that is more: then its beginning was rotated away.
save_job_log() {
  [[ -n "${W_START[$1]}" ]] || return 0
  local file name
  note_sending "$1"
  stop_following "$1"
  if is_one_client "$1"; then
    read_logs "$1" >"$RUN_DIR/job-logs/${W_NAME[$1]}.log"
  elif [[ -z "$END_DEADLINE_S" ]] || ! is_followed "$1"; then # kubectl reads one pod after another, which takes its time
    read_logs "$1" --prefix | share_out_logs "$1"
  fi
  while IFS= read -r name; do
    file="$RUN_DIR/job-logs/$name.log"
    ! is_longer "$file.followed.now" "$file" || cp "$file.followed.now" "$file"
    ! is_longer "$file.followed" "$file" || cp "$file.followed" "$file"
    rm -f "$file.followed" "$file.followed.now"
  done < <(file_names "$1")
  save_job_pods "$1"
}

# Whether there is something of the log of each client.
is_followed() {
  local name file
  while IFS= read -r name; do
    file="$RUN_DIR/job-logs/$name.log.followed"
    [[ -s "$file" || -s "$file.now" ]] || return 1
  done < <(file_names "$1")
}

# read_logs NUMBER [OPTION]: a pod that never started has no log; what kubectl says then is the evidence.
read_logs() {
  local i="$1" said="$WORK_DIR/logs.err.$1"
  shift
  kube logs --namespace "$NAMESPACE" --all-containers --ignore-errors --tail -1 "$@" \
    --selector "wva-experiments/run=$RUN_ID,wva-experiments/workload=${W_NAME[i]}" 2>"$said" ||
    warn "no log of ${W_NAME[i]}: $(<"$said")"
}

# Lines that begin with `[pod/NAME/CONTAINER] ` into a file for each client. Of a pod that no look has seen the name tells:
# it ends in `-INDEX-RANDOM`. What has no such beginning is what kubectl says of pods without a log, and is kept where there
# is nothing else.
share_out_logs() {
  touch "$WORK_DIR/clients" # there may have been no look yet
  JOB="${W_JOB[$1]}" FILES="$RUN_DIR/job-logs/${W_NAME[$1]}.client-" awk -v clients="${W_CLIENTS[$1]}" '
    FILENAME == ARGV[1] { if ($1 == ENVIRON["JOB"]) client[$3] = $2; next }
    match($0, "^[[]pod/[^/]*/[^]]*[]] ") {
      split(substr($0, 6), part, "/")
      pod = part[1]
      if (!(pod in client)) {
        count = split(pod, word, "-")
        client[pod] = count > 1 ? word[count - 1] : ""
      }
      if (client[pod] ~ /^[0-9]+$/ && client[pod] + 0 < clients) {
        told[client[pod]] = 1
        print substr($0, RLENGTH + 1) >(ENVIRON["FILES"] client[pod] ".log")
        next
      }
    }
    { rest = rest $0 "\n" }
    END { for (each = 0; each < clients; each++) if (!(each in told)) printf "%s", rest >(ENVIRON["FILES"] each ".log") }
    ' "$WORK_DIR/clients" -
}

# A line per request, from the log of a Job that has made them.
save_requests() {
  local name
  while IFS= read -r name; do save_requests_of "$1" "$name"; done < <(file_names "$1")
}

# save_requests_of NUMBER FILE_NAME
save_requests_of() {
  local log="$RUN_DIR/job-logs/$2.log" said whose="${2/.client-/, client }"
  [[ -s "$log" ]] && has_recorder "$1" || return 0
  mkdir -p "$RUN_DIR/requests"
  if said="$(shield run_python wva_parse requests "$log" "$RUN_DIR/requests/$2.csv" 2>&1)"; then
    log "$whose: $said"
  else
    warn "$whose: $said"
    rmdir "$RUN_DIR/requests" 2>/dev/null || true # others have left theirs
  fi
}

# What Kubernetes says of a Job that did not do well.
save_job_pods() {
  [[ "${W_RESULT[$1]}" == failed ]] || return 0
  kube get jobs,pods --namespace "$NAMESPACE" --output json \
    --selector "wva-experiments/run=$RUN_ID,wva-experiments/workload=${W_NAME[$1]}" \
    2>/dev/null | jq "$MASK mask" >"$RUN_DIR/job-logs/${W_NAME[$1]}.json" || true # nothing to say
}

# Jobs and pods of this run, into jobs.json. Where pods may not be listed, Jobs alone: then nothing is known of pods.
list_jobs() {
  local options=(--namespace "$NAMESPACE" --selector "wva-experiments/run=$RUN_ID" --output json) said="$WORK_DIR/states.err"
  SEES_PODS=true
  ! kube get jobs.batch,pods "${options[@]}" >"$WORK_DIR/jobs.json" 2>"$said" || return 0
  SEES_PODS=false
  grep -q '(Forbidden)' "$said" && kube get jobs.batch "${options[@]}" >"$WORK_DIR/jobs.json" 2>>"$said"
}

# Of what list_jobs has seen one line per Job: name, state, reason, when a container of it began to run ("?" if nobody may
# look), and how many pods run. Reasons of several clients say whose they are. States: complete, failed, blocked, podless, running, and deleted for pods without their Job.
job_states() {
  jq -r --argjson sees_pods "$SEES_PODS" '
    def is_true($type): [.status.conditions[]? | select(.type == $type and .status == "True")] | first;
    def waiting: [(.status.initContainerStatuses // [])[], (.status.containerStatuses // [])[] | .state.waiting // empty
      | select(.reason | test("^(ContainerCreating|PodInitializing)$") | not) | "\(.reason): \(.message // "")"];
    def unschedulable: [.status.conditions[]? | select(.type == "PodScheduled" and .status == "False")
      | "\(.reason): \(.message // "")"];
    def ended_badly: [(.status.initContainerStatuses // [])[], (.status.containerStatuses // [])[]
      | select((.state.terminated.exitCode // 0) != 0)
      | "container \(.name) ended with \(.state.terminated.exitCode) (\(.state.terminated.reason // "no reason"))"
        + (if .state.terminated.message then ": \(.state.terminated.message)" else "" end)];
    def job_of: .metadata.labels["batch.kubernetes.io/job-name"] // .metadata.labels["job-name"];
    def client: .metadata.annotations["batch.kubernetes.io/job-completion-index"];
    def of_each(reasons): [.[] | client as $client | reasons[] | {$client, said: .}];
    def told: [group_by(.said)[] | .[0].said as $said | [.[].client | values] | unique_by(tonumber)
      | if . == [] then $said else "client \(join(", ")): \($said)" end] | join("; ");
    def is_running: any(.status.containerStatuses[]?; .state.running);
    def began: [.[].status.containerStatuses[]?.state | .running, .terminated | .startedAt? | strings] | min;
    ([.items[] | select(.kind == "Pod")]) as $pods
    | [.items[] | select(.kind == "Job") | .metadata.name] as $jobs
    | ($pods | group_by(job_of)[] | select(.[0] | job_of | IN($jobs[]) | not) | [(.[0] | job_of), "deleted", "", began] | @tsv),
    (.items[] | select(.kind == "Job")
    | .metadata.name as $job
    | [$pods[] | select(job_of == $job)] as $mine
    | is_true("Failed") as $failed
    | (.spec.completionMode == "Indexed") as $is_indexed
    | ($mine | of_each(waiting + unschedulable)) as $obstacles
    # Those of an Indexed Job that end because another one has failed are going.
    | [$mine[] | select(($is_indexed and .metadata.deletionTimestamp) | not)] as $ended
    | (if is_true("Complete") then ["complete", ""]
       elif $failed then ["failed", (($ended | of_each(ended_badly)) + $obstacles
                                     + [{said: "\($failed.reason): \($failed.message // "")"}] | told)]
       elif ($obstacles | length) > 0 then ["blocked", ($obstacles | told)]
       elif is_true("FailureTarget") then ["running", ""] # it has failed when all of its pods have ended
       elif $sees_pods and ($mine | length) < (if $is_indexed then .spec.completions else 1 end) then ["podless", ""]
       else ["running", ""] end) as [$state, $reason]
    | [$job, $state, $reason, (if $sees_pods then $mine | began else "?" end), ([$mine[] | select(is_running)] | length)]
    | @tsv)' "$WORK_DIR/jobs.json"
}

# Of what list_jobs has seen the pods of clients, the oldest first: Job, client, pod, and the label of the client's number.
# Those that follow logs read it.
note_clients() {
  has_several_clients || return 0
  jq -r '"batch.kubernetes.io/job-completion-index" as $index
    | [.items[] | select(.kind == "Pod" and .metadata.annotations[$index])] | sort_by(.metadata.creationTimestamp)[].metadata
    | [.labels["batch.kubernetes.io/job-name"] // .labels["job-name"], .annotations[$index], .name, .labels[$index] // ""] | @tsv' \
    "$WORK_DIR/jobs.json" >"$WORK_DIR/clients.part"
  mv "$WORK_DIR/clients.part" "$WORK_DIR/clients"
}

# Why a Job has no pods: the events tell (quota, admission).
podless_reason() {
  if is_denied list events - "$NAMESPACE"; then
    [[ "$(active_s "$1")" -lt "$PODLESS_S" ]] || printf 'it has no pod, and why is not known: not allowed: list events in %s\n' "$NAMESPACE"
  else
    kube get events --namespace "$NAMESPACE" --field-selector "involvedObject.name=${W_JOB[$1]},type=Warning" --output json \
      2>/dev/null | jq -r '[.items[] | "\(.reason): \(.message)"] | last // ""' || true # events are not essential
  fi
}

look_at_jobs() {
  local i known="${W_SENDING_S[*]} ${W_RAN[*]} ${W_RUNNING[*]}"
  has_state active || has_stuck || return 0
  if ! list_jobs; then
    warn_of_blindness "the load Jobs cannot be looked at now: $(last_words "$WORK_DIR/states.err")"
    return 0
  elif [[ "$SEES_PODS" == false ]]; then
    warn_of_blindness "the pods of the load cannot be looked at: $(last_words "$WORK_DIR/states.err")"
  else
    BLINDNESS=
  fi
  job_states >"$WORK_DIR/states"
  note_clients
  for ((i = 0; i < W_COUNT; i++)); do
    if [[ "${W_STATE[i]}" == active ]]; then
      look_at_job "$i"
    elif is_still_sending "$i"; then
      look_at_stuck "$i"
    fi
  done
  [[ "${W_SENDING_S[*]} ${W_RAN[*]} ${W_RUNNING[*]}" == "$known" ]] || write_run_json # the live view shows load that is sent
}

# Once, not at every look.
warn_of_blindness() {
  [[ "$1" == "$BLINDNESS" ]] || warn "$1"
  BLINDNESS="$1"
}

look_at_job() {
  local i="$1" state reason
  note_sending "$i"
  state="$(state_of "$i" 2)"
  reason="$(state_of "$i" 3)"
  [[ -n "${W_RAN[i]}" && "${W_RAN[i]}" != '?' ]] || W_RAN[i]="$(state_of "$i" 4)"
  is_one_client "$i" || [[ "$SEES_PODS" == false ]] || note_running "$i" "$(state_of "$i" 5)"
  judge_workload "$i" "${state:-deleted}" "$reason"
}

# note_running NUMBER COUNT: of its clients.
note_running() {
  local i="$1" count="${2:-0}"
  [[ "${W_RUNNING[i]:-0}" -eq "$count" ]] || [[ "$count" -eq 0 ]] ||
    log "${W_NAME[i]}: $count of ${W_CLIENTS[i]} clients send"
  W_RUNNING[i]="$count"
}

# What could not be stopped may end by itself.
look_at_stuck() {
  local i="$1"
  case "$(state_of "$i" 2)" in
    complete | failed | '')
      W_ENDED_ITSELF[i]=true W_END[i]="$(cluster_now)"
      log "has ended by itself: ${W_NAME[i]}"
      write_run_json
      ;;
  esac
}

# state_of NUMBER COLUMN: of a workload's Job.
state_of() { awk -F '\t' -v job="${W_JOB[$1]}" -v column="$2" '$1 == job { print $column }' "$WORK_DIR/states"; }

judge_workload() {
  local i="$1" state="$2" reason="$3"
  case "$state" in
    complete)
      W_ENDED_ITSELF[i]=true
      [[ -n "${W_RAN[i]}" ]] || W_RAN[i]="${W_START[i]}" # its pods are gone already
      finish_workload "$i" complete
      ;;
    failed)
      W_ENDED_ITSELF[i]=true
      finish_workload "$i" failed "$reason"
      ;;
    deleted)
      W_ENDED_ITSELF[i]=true
      finish_workload "$i" failed "its Job was deleted by somebody else"
      ;;
    blocked) note_obstacle "$i" "$reason" ;;
    podless)
      reason="$(podless_reason "$i")"
      [[ -z "$reason" ]] || note_obstacle "$i" "$reason"
      ;;
    running) W_REASON[i]='' W_BLOCKED_MS[i]='' ;;
  esac
}

# Told at once, given up after a while: an image may appear, a node may join.
note_obstacle() {
  local i="$1" reason="$2"
  if [[ -z "${W_REASON[i]}" ]]; then
    if is_one_client "$i"; then
      warn "${W_NAME[i]} does not start: $reason"
    else
      warn "${W_NAME[i]} does not start with all of its ${W_CLIENTS[i]} clients: $reason"
    fi
  fi
  W_REASON[i]="$reason"
  [[ -n "${W_BLOCKED_MS[i]}" ]] || W_BLOCKED_MS[i]="$(now_ms)"
  [[ "$(since_s "${W_BLOCKED_MS[i]}")" -lt "$START_GRACE_S" ]] || finish_workload "$i" failed "$reason"
}

# The time of a workload is up. One that never started has failed; of one that is cut nothing will be known, as no client
# tells anything when it is stopped.
stop_workload() {
  local i="$1"
  if [[ "${W_HOW[i]}" != parallel ]]; then
    finish_workload "$i" failed "not complete within its timeout of $TIMEOUT_S s${W_REASON[i]:+: ${W_REASON[i]}}"
  elif [[ -n "${W_REASON[i]}" ]]; then
    finish_workload "$i" failed "${W_REASON[i]}"
  elif [[ -z "${W_ALL_SEND_S[i]}" ]] && has_recorder "$i"; then
    finish_workload "$i" failed "$(is_one_client "$i" && echo it || echo "not each of its ${W_CLIENTS[i]} clients") has not begun to send within the timeout of $TIMEOUT_S s"
  else
    finish_workload "$i" cut "answers were missing $(overdue_s "$i") s after it had sent for $((W_PLAN_END[i] - W_PLAN_START[i])) s; its drain is ${W_DRAIN_S[i]} s"
  fi
}

# Seconds of the cluster's clock since the experiment's start, a line each: when workloads begin and end.
planned_times() {
  local i
  for ((i = 0; i < W_COUNT; i++)); do
    [[ "${W_HOW[i]}" == parallel ]] || continue
    case "${W_STATE[i]}" in
      planned) printf '%s\n' "${W_PLAN_START[i]}" ;;
      active) printf '%s\n' "${W_PLAN_END[i]}" "$((W_PLAN_END[i] + W_DRAIN_S[i]))" ;;
    esac
  done
}

# Real milliseconds until the next of the times on standard input, but not longer than to the next look.
next_look_ms() {
  jq -sr --argjson t0 "$T0_MS" --argjson speed "$SPEED" --argjson interval "$INTERVAL_S" \
    --argjson least "$LEAST_PAUSE_MS" '
    [.[] | . * 1000 / $speed + $t0 - now * 1000 | select(. > 0)] as $planned
    | [$planned[], ([$interval * 1000 / $speed, $least] | max)] | [min, 0] | max | ceil'
}

stop_over() {
  local i
  for ((i = 0; i < W_COUNT; i++)); do
    [[ "${W_STATE[i]}" == active ]] || continue
    note_sending "$i"
    if is_over "$i" "$1"; then
      stop_workload "$i"
    fi
  done
}

# When that is, if the plan begins now.
end_of_plan() {
  printf '%s\n' "${W_PLAN_END[@]}" | jq -sr --argjson cooldown "$COOLDOWN_S" --argjson speed "$SPEED" \
    'now + (max + $cooldown) / $speed | floor | strftime("%H:%M:%SZ")'
}

run_workloads() {
  local elapsed now start_s
  log "the plan begins, its times are those behind the clock; with the cooldown it ends at about $(end_of_plan)"
  now="$(now_ms)" # Ctrl-C may end one of the two: then the end of the run still has numbers
  start_s="$(cluster_s "$now")"
  T0_MS="$now" PLAN_START_S="$start_s"
  while has_state planned || has_state active; do
    elapsed="$(elapsed_s)"
    start_due "$elapsed" # first: to read the log of one that is over takes a moment
    stop_over "$elapsed"
    start_due "$elapsed" # the next one of a sequence
    sleep_ms "$(planned_times | next_look_ms)"
    look_at_jobs
    note_releases
    ensure_monitor
    notice_end_of_watch
  done
}

cool_down() {
  local end_s
  COOLDOWN_START="$(cluster_now)"
  log "cooldown: watching for $COOLDOWN_S s more"
  end_s="$(elapsed_s)"
  end_s=$((end_s + 1 + COOLDOWN_S)) # that one has begun
  while [[ "$(elapsed_s)" -lt "$end_s" ]]; do
    sleep_ms "$(next_look_ms <<<"$end_s")"
    note_releases
    look_at_jobs # those that could not be stopped
    ensure_monitor
    notice_end_of_watch
  done
  COOLDOWN_END="$(cluster_now)"
}
