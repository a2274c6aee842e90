#!/usr/bin/env bats
# What the runner makes of a workload's own words, without a cluster.
#
# shellcheck disable=SC2030,SC2031 # each test is a shell of its own

load helpers/test

setup() {
  # shellcheck source=run-experiment.sh
  source "$BATS_TEST_DIRNAME/../../run-experiment.sh"
  set +o nounset # what bats tells of a failure has variables that may not be set
  PATH="$PROJECT/.venv/bin:$PATH"
  RUN_DIR="$BATS_TEST_TMPDIR" RUN_LOG=
  mkdir "$RUN_DIR/job-logs"
  FOLLOWED="$RUN_DIR/job-logs/first.log.followed"
  W_NAME=(first) W_CLIENTS=(1) W_SENDING_S=('') W_ALL_SEND_S=('') W_HOW=(parallel) W_PLAN_START=(0) W_PLAN_END=(60) W_DRAIN_S=(30)
  # The plan began a minute ago, the Job half a minute ago; the cluster's clock shows 1970.
  T0_MS="$(($(now_ms) - 60000))" LOCAL_MS="$T0_MS" CLUSTER_MS=1000000 SPEED=1
  PLAN_START_S="$(cluster_s "$T0_MS")"
  W_SINCE_MS=("$((T0_MS + 30000))")
}

# first_line WALL: the container's log, with so much behind its first line that a pipe would be full.
first_line() {
  printf '# wall=%s monotonic=5.000\n' "$1" >"$FOLLOWED.now"
  for _ in 1 2 3; do
    printf '%070000d\n' 0 >>"$FOLLOWED.now"
  done
}

@test "a line has the clock of this machine, and of the plan once it has begun" {
  local at="$((T0_MS + 59900))" # a moment ago
  SPEED=20
  [[ "$(stamp)" =~ ^[0-9]{2}:[0-9]{2}:[0-9]{2}Z\ \ 20:[0-5][0-9]$ ]]
  [[ "$(T0_MS="$at" stamp)" =~ Z\ \ 0:[0-5][0-9]$ ]]
  [[ "$(T0_MS=0 stamp)" =~ ^[0-9]{2}:[0-9]{2}:[0-9]{2}Z$ ]]
}

@test "no log yet: nothing is known" {
  note_sending 0
  [ -z "${W_SENDING_S[0]}" ]
  : >"$FOLLOWED.now"
  note_sending 0
  [ -z "${W_SENDING_S[0]}" ]
}

@test "the first line of a long log places the sending on the axis of the plan" {
  first_line 1040.250
  note_sending 0
  [ "${W_SENDING_S[0]}" -eq 40 ]
  run is_over 0 129
  [ "$status" -eq 1 ]
  is_over 0 130
}

@test "a node's clock that is behind or ahead is told, and does not cut the load" {
  first_line 520.000 # 8 min behind
  run note_sending 0
  [[ "$output" == *"first: the clock of its node is at least 5"[01]"0 s off"* || "$output" == *"at least 51"[0-9]" s off"* ]]
  note_sending 0
  [ "${W_SENDING_S[0]}" -ge 29 ]
  [ "${W_SENDING_S[0]}" -le 35 ]

  W_SENDING_S=('') W_ALL_SEND_S=('')
  first_line 5000.000
  run note_sending 0
  [[ "$output" == *"clock of its node"* ]]
  note_sending 0
  [ "${W_SENDING_S[0]}" -ge 60 ]
  [ "${W_SENDING_S[0]}" -le 90 ]
}

@test "an obstacle is given up a while after it was seen, not after the Job's creation" {
  SPEED=10 W_SINCE_MS=("$T0_MS") W_REASON=('') W_BLOCKED_MS=('') W_STATE=(active)
  finish_workload() { echo "$2: $3"; }
  run note_obstacle 0 "ErrImagePull"
  [[ "$output" == *"first does not start: ErrImagePull"* && "$output" != *"failed: "* ]]
  W_BLOCKED_MS=("$(($(now_ms) - 20000))") W_REASON=(ErrImagePull)
  run note_obstacle 0 "ErrImagePull"
  [ "$output" = "failed: ErrImagePull" ]
}

# --- several clients

three_clients() {
  W_COUNT=1 W_CLIENTS=(3) W_JOB=(load-1) W_RUNNING=('') WORK_DIR="$BATS_TEST_TMPDIR/work" RUN_ID=20260101-000000
  mkdir -p "$WORK_DIR"
}

# client_says CLIENT WALL: the first line of its log.
client_says() { printf '# wall=%s monotonic=5.000\n' "$2" >"$RUN_DIR/job-logs/first.client-$1.log.followed.now"; }

@test "files are called after the workload, or after each of its clients" {
  [ "$(file_names 0)" = first ]
  three_clients
  [ "$(file_names 0 | paste -s -d ' ' -)" = "first.client-0 first.client-1 first.client-2" ]
}

@test "a workload begins with the first of its clients, and its drain with the last" {
  three_clients
  client_says 1 1040.250
  note_sending 0
  [ "${W_SENDING_S[0]}/${W_ALL_SEND_S[0]}" = 40/ ]
  client_says 0 1035.000
  note_sending 0
  [ "${W_SENDING_S[0]}/${W_ALL_SEND_S[0]}" = 40/ ]
  client_says 2 1055.000
  note_sending 0
  [ "${W_SENDING_S[0]}/${W_ALL_SEND_S[0]}" = 35/55 ]
  run is_over 0 144
  [ "$status" -eq 1 ]
  is_over 0 145
}

@test "the pod of a client is found by its labels, the newest by its name where it has none" {
  three_clients
  [ -z "$(selection_of_client 0 1)" ]
  jq -n '{items: ([{kind: "Job", metadata: {name: "load-1"}}] + [range(3) as $k | range(2) as $turn
    | {kind: "Pod", metadata: {name: "load-1-\($k)-\($turn)", creationTimestamp: "2026-01-01T00:0\(2 - $turn):00Z",
       annotations: {"batch.kubernetes.io/job-completion-index": "\($k)"},
       labels: ({"job-name": "load-1"} + if $k == 2 then {} else {"batch.kubernetes.io/job-completion-index": "\($k)"} end)}}])}' \
    >"$WORK_DIR/jobs.json"
  note_clients
  [ "$(selection_of_client 0 1)" = \
    "--selector=wva-experiments/run=$RUN_ID,wva-experiments/workload=first,batch.kubernetes.io/job-completion-index=1" ]
  [ "$(selection_of_client 0 2)" = load-1-2-0 ]
  [ -z "$(selection_of_client 0 3)" ]
}

@test "the lines of all pods are shared out; what kubectl says of those without a log is kept for them" {
  three_clients
  printf 'load-1\t%s\tpod-%s\t\n' 0 a 1 b 2 c >"$WORK_DIR/clients"
  printf '[pod/pod-b/init] fetched\n[pod/pod-a/bench] [pod/pod-c/x] a line\n[pod/pod-b/bench] \n[pod/pod-b/bench] last\n%s\n' \
    'error: container "bench" in pod "pod-c" is waiting to start' | share_out_logs 0
  [ "$(cat "$RUN_DIR/job-logs/first.client-0.log")" = '[pod/pod-c/x] a line' ]
  [ "$(cat "$RUN_DIR/job-logs/first.client-1.log")" = $'fetched\n\nlast' ]
  [ "$(cat "$RUN_DIR/job-logs/first.client-2.log")" = 'error: container "bench" in pod "pod-c" is waiting to start' ]
  rm "$RUN_DIR"/job-logs/*.log "$WORK_DIR/clients"
  share_out_logs 0 </dev/null
  [ -e "$RUN_DIR/job-logs/first.client-2.log" ]
  printf '[pod/load-1-20260101-000000-1-abcde/bench] unseen\n' | share_out_logs 0
  [ "$(cat "$RUN_DIR/job-logs/first.client-1.log")" = unseen ]
  [ ! -s "$RUN_DIR/job-logs/first.client-0.log" ]
}

@test "what keeps clients from starting, and how they end, is told with their numbers" {
  three_clients
  pod() { # CLIENT STATUS [METADATA]
    jq -n --arg client "$1" --argjson status "$2" --argjson more "${3:-null}" '{kind: "Pod", $status, metadata: ({name: $client,
      labels: {"job-name": "load-1"}, annotations: {"batch.kubernetes.io/job-completion-index": $client}} + $more)}'
  }
  job() { # STATUS, and pods
    jq -s --argjson status "$1" '{items: ([{kind: "Job", metadata: {name: "load-1"}, $status,
      spec: {completionMode: "Indexed", completions: 3}}] + .)}' >"$WORK_DIR/jobs.json"
    job_states | tr '\t' '|'
  }
  runs='{"containerStatuses": [{"name": "c", "state": {"running": {"startedAt": "2026-01-01T00:00:01Z"}}}]}'
  waits='{"containerStatuses": [{"name": "c", "state": {"waiting": {"reason": "ErrImagePull", "message": "x"}}}]}'
  broke='{"containerStatuses": [{"name": "c", "state": {"terminated": {"exitCode": 1, "startedAt": "2026-01-01T00:00:02Z"}}}]}'
  failed='{"conditions": [{"type": "Failed", "status": "True", "reason": "Z", "message": "over"}]}'
  [ "$({ pod 0 "$runs" && pod 1 "$waits" && pod 2 "$waits"; } | job '{}')" = \
    "load-1|blocked|client 1, 2: ErrImagePull: x|2026-01-01T00:00:01Z|1" ]
  [ "$({ pod 0 "$runs" && pod 1 "$runs" && pod 2 "$runs"; } | job '{}')" = "load-1|running||2026-01-01T00:00:01Z|3" ]
  [ "$({ pod 0 "$runs" && pod 1 "$runs"; } | job '{}')" = "load-1|podless||2026-01-01T00:00:01Z|2" ]
  [ "$({ pod 0 "$broke" '{"deletionTimestamp": "2026-01-01T00:00:09Z"}' && pod 1 "$broke"; } | job "$failed")" = \
    "load-1|failed|Z: over; client 1: container c ended with 1 (no reason)|2026-01-01T00:00:02Z|0" ]
  [ "$(pod 1 "$broke" | job '{"conditions": [{"type": "FailureTarget", "status": "True"}]}')" = \
    "load-1|running||2026-01-01T00:00:02Z|0" ]
}

@test "the Job of several clients: shares, a seed by the index, and that before what refers to it" {
  three_clients
  W_COUNT=1 W_MANIFEST=("$BATS_TEST_TMPDIR/job.yaml") W_RATE=(10) W_PROMPTS=(4200) W_SEED=(1101) W_JOB=('') TIMEOUT_S=1
  MODEL=m ENDPOINT='' DEPLOYMENT=d CONFIG_JSON='{"workloads": [{"name": "first", "env": {"MORE": "1"}}]}'
  jq -n '{metadata: {name: "load"}, spec: {backoffLimit: 3, backoffLimitPerIndex: 2, template: {spec: {restartPolicy: "OnFailure",
    initContainers: [{name: "i", env: [{name: "OTHER", value: "x"}]}],
    containers: [{name: "side"}, {name: "c", env: [{name: "MODEL", value: "a"}, {name: "SEED", value: "1"},
      {name: "JOB_COMPLETION_INDEX", value: "mine"}, {name: "REQUEST_RATE", value: "1"}, {name: "NUM_PROMPTS", value: "1"}]}]}}}}' \
    >"${W_MANIFEST[0]}"
  prepare_jobs
  job="$WORK_DIR/jobs/first.json"
  # What has failed is not sent again, whatever the manifest says.
  [ "$(jq -c '.spec | [.completionMode, .completions, .parallelism, .backoffLimit, .backoffLimitPerIndex,
    .template.spec.restartPolicy]' "$job")" = '["Indexed",3,3,0,null,"Never"]' ]
  [ "$(jq -r '.spec.template.spec.containers[1].env | map(.name + "=" + (.value // .valueFrom.fieldRef.fieldPath)) | join(" ")' "$job")" = \
    "JOB_COMPLETION_INDEX=metadata.annotations['batch.kubernetes.io/job-completion-index'] MODEL=m SEED=1101\$(JOB_COMPLETION_INDEX) REQUEST_RATE=3.3333333333333335 NUM_PROMPTS=1400 MORE=1" ]
  [ "$(jq -c '[.spec.template.spec | .initContainers[0], .containers[0] | .env | map(.name)]' "$job")" = '[["OTHER","MORE"],["MORE"]]' ]
  [ "$(pod_of_job "$job" | jq -c '[.metadata.annotations, .metadata.labels | .["batch.kubernetes.io/job-completion-index"]]')" = '["0","0"]' ]
}
