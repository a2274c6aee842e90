#!/usr/bin/env bash
#
# Run one WVA experiment: apply a known load to a model on Kubernetes, watch how WVA scales it, keep all evidence.
#
# Usage: run-experiment.sh [options] CONFIG...  run the experiment that CONFIG describes; several are interleaved
#        run-experiment.sh                      list the configs in experiment-configs/
#        run-experiment.sh --discover           look at the cluster, and write a config for it into this directory
#
# CONFIG is a path, or a bare name found in experiment-configs/ with or without .yaml. Its `repeat` says how often it
# is run; of two configs A and B the runs are A1 B1 A2 B2 and so on, each a complete run with a directory of its own.
#
#   -n, --dry-run         check everything, print the plan and its arrival rates; change nothing
#   -y, --yes             never ask; go on where a terminal would be asked (a controller in the other mode)
#       --analyze         execute the matching notebook at the end, and write report.html
#       --embedded        use a simulated cluster on this machine instead of a real one
#       --speed N         how many times faster than real time the simulated cluster runs (default 30)
#       --dialect D2|D3|D5|D7  whose release's log lines its controller prints (default D3; docs/log-lines.md)
#       --variants N      how many variants of the model it serves, one Deployment each (default 1)
#       --clean           first remove load Jobs that earlier runs on the same Deployment have left; asks if one is active
#       --resume          run only those repetitions of the configs' latest series that are not complete
#       --discover        find model, controller, mode, endpoint and SLO in the cluster; where there are several:
#       --namespace NAME, --deployment NAME, --controller-namespace NAME   which of them
#       --cooldown SECONDS   or 5m: how long to watch after the last workload (default: the config's, else 120)
#       --keep-jobs       leave the load Jobs in the cluster, suspended where they have not ended
#       --context NAME    as kubectl's
#       --kubeconfig FILE    as kubectl's
#   -h, --help            print this
#
# Needs kubectl, yq, jq and Python 3.10 with this project's packages (`make setup` installs what is missing).
# Writes experiment-data/<name>-<YYYYmmdd-HHMMSS>/ (or below the config's output.base_dir); all times are UTC.
#
# Environment: WVA_END_BUDGET_S, in how many seconds an interrupted run is over (default 15); more where the API server is
# slow. What could not be done in it is said.
#
# Exit status: 0 complete, 1 the analysis of a complete run failed (or an error that is none of these), 2 usage or invalid
# config, 3 refused before the load began, 4 a workload failed or was cut, 5 the controller's log may have gaps,
# 130 interrupted. With 1, 4, 5 and 130 all data is kept. Of several runs 2, 3 and 130 end the series; after the others
# it goes on, and its own status is the worst of them: 4 before 5 before 1.

set -o errexit -o nounset -o pipefail

PROJECT="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
SCRIPT="$PROJECT/${BASH_SOURCE[0]##*/}"

# --- what a run knows of itself: who sets it is named above each part -------------------------------

# The command line (lib/options.bash).
ARGUMENTS=() # as they were given
CONFIGS=()
DRY_RUN=false
ASSUME_YES=false
ANALYZE=false
EMBEDDED=false
KEEP_JOBS=false
CLEAN=false
RESUME=false
DISCOVER=false
WANTED_NAMESPACE='' WANTED_DEPLOYMENT='' WANTED_CONTROLLERS=''
SIMULATION=() # options of the embedded cluster
COOLDOWN_S=
WANTED_SPEED=
KUBECONFIG_GIVEN=false

# The series (lib/series.bash). One entry per run, in their order. Each run is a process that ends by becoming the next
# one, to which it hands this on in a file: what a terminal or a person sends to the series reaches the run.
S_NUMBER=() S_OF=() S_NAME=() S_SECONDS=() S_SHA256=() S_RUN=() S_CONFIG=()
S_RESULT=() # planned, the run's exit status, or dry for one that only has been checked
S_COUNT=0
S_AT=0 # this run
SERIES=
SERIES_FILE="${WVA_SERIES:-}"
unset WVA_SERIES

# The config (lib/options.bash).
CONFIG=
CONFIG_SHA256=
CONFIG_JSON=
NAME='' MODE='' NAMESPACE='' CONTROLLER_NAMESPACE='' POD_PREFIX='' DEPLOYMENT='' MODEL='' ENDPOINT=''
INTERVAL_S='' TIMEOUT_S='' BASE_DIR=''

# The cluster (lib/options.bash, lib/embedded.bash, lib/checks.bash).
KUBECTL=(kubectl)
CONTEXT=
SIMULATED=false
SPEED=1
PREFLIGHT_FAILURES=0

# The run (lib/evidence.bash, lib/end.bash).
WORK_DIR= # of temporary files
RUN_ID=
RUN_DIR=
RUN_LOG=
RUN_START=
RUN_END=
RUN_STATUS=running
EXIT_STATUS=
FAILED_AT= # file and line of an error that ends the script

# Its workloads (lib/plan.bash, then lib/workloads.bash), one entry each, in the order of the plan.
W_NAME=() W_MANIFEST=() W_RATE=() W_SEED=() W_HOW=() W_PLAN_START=() W_PLAN_END=() W_JOB=() W_SHA256=()
W_PROMPTS=() W_DRAIN_S=() W_CLIENTS=()
W_START=() W_END=() W_LATE_S=() W_RESULT=() W_REASON=()
W_STATE=()        # planned, creating, active, done
W_SAVED=()        # whether its log is kept
W_SINCE_MS=()     # local clock at its start
W_BLOCKED_MS=()   # local clock when an obstacle was seen first
W_SENDING_S=()    # when it began to send, on the axis of the plan; empty until its log tells
W_ALL_SEND_S=()   # when the last of its clients did; empty until the logs of all tell
W_RUNNING=()      # of several clients, how many run now
W_RAN=()          # when a container of its began to run
W_TRIED=()        # whether its Job may have been created
W_ENDED_ITSELF=() # whether its Job has ended without us
W_RELEASE=()      # trying, done: the deletion of its Job, or with --keep-jobs its suspension
W_STUCK=()        # why that was not possible yet
W_COUNT=0
JOBS_CREATED=false
T0_MS=0       # local clock at the experiment's start
PLAN_START_S= # the same by the cluster's clock, which the axis of the plan begins at
COOLDOWN_START=
COOLDOWN_END=

# --- the parts, in the order of the story ---------------------------------------------------------

# shellcheck source=lib/common.bash
source "$PROJECT/lib/common.bash"
# shellcheck source=lib/signals.bash
source "$PROJECT/lib/signals.bash"
# shellcheck source=lib/options.bash
source "$PROJECT/lib/options.bash"
# shellcheck source=lib/series.bash
source "$PROJECT/lib/series.bash"
# shellcheck source=lib/plan.bash
source "$PROJECT/lib/plan.bash"
# shellcheck source=lib/embedded.bash
source "$PROJECT/lib/embedded.bash"
# shellcheck source=lib/looks.bash
source "$PROJECT/lib/looks.bash"
# shellcheck source=lib/checks.bash
source "$PROJECT/lib/checks.bash"
# shellcheck source=lib/controller.bash
source "$PROJECT/lib/controller.bash"
# shellcheck source=lib/discover.bash
source "$PROJECT/lib/discover.bash"
# shellcheck source=lib/mask.bash
source "$PROJECT/lib/mask.bash"
# shellcheck source=lib/evidence.bash
source "$PROJECT/lib/evidence.bash"
# shellcheck source=lib/collector.bash
source "$PROJECT/lib/collector.bash"
# shellcheck source=lib/jobs.bash
source "$PROJECT/lib/jobs.bash"
# shellcheck source=lib/workloads.bash
source "$PROJECT/lib/workloads.bash"
# shellcheck source=lib/end.bash
source "$PROJECT/lib/end.bash"

# --- the story --------------------------------------------------------------------------------------

main() {
  set -o errtrace # for the trap of ERR
  exec 8>&2       # what a step sends elsewhere is not where the last words go
  parse_options "$@"
  trap note_signal INT TERM HUP PIPE # PIPE: nobody reads our words any more, as when `| head` has ended
  trap 'end_script $?' EXIT
  trap 'FAILED_AT="${BASH_SOURCE[0]##*/}:$LINENO"' ERR
  find_tools
  if [[ "$DISCOVER" == true ]]; then
    make_work_dir
    [[ "$EMBEDDED" == false ]] || start_embedded_cluster
    discover
    exit 0
  elif [[ ${#CONFIGS[@]} -eq 0 ]]; then
    list_configs
    exit 0
  fi
  make_work_dir
  choose_run_id
  choose_run
  read_config
  read_plan
  refuse_changed_config
  prepare_jobs
  [[ "$EMBEDDED" == false ]] || start_embedded_cluster
  print_plan
  preflight
  if [[ "$DRY_RUN" == true ]]; then
    log "dry run: nothing was changed"
    finish_run 0
    go_on
  fi
  create_run_dir
  mark_run
  save_snapshot before
  start_monitor
  await_first_lines
  start_watch
  run_workloads
  cool_down
  finish_run 0
  analyze_run
  go_on
}

if [[ "${BASH_SOURCE[0]}" == "$0" ]]; then
  main "$@"
fi
