# The embedded cluster of a run that asks for one: started, made the one that kubectl uses, stopped.
#
# Owns the child "cluster" and what lies in $WORK_DIR/cluster; sets SPEED, exports KUBECONFIG and KUBECACHEDIR. Calls
# common.bash and signals.bash.
#
# shellcheck shell=bash disable=SC2153 # state of run-experiment.sh

CLUSTER_START_TIMEOUT_S=30 # real time
CLUSTER_STARTED=false

start_embedded_cluster() {
  local state="$WORK_DIR/cluster" options=()
  [[ -z "$CONFIG" ]] || options=(--config "$CONFIG" --mode "$MODE") # --discover has none
  mkdir -p "$state"
  CLUSTER_STARTED=true # a signal may come when it has
  start_child cluster run_python wva_sim serve --state "$state" ${options[@]+"${options[@]}"} \
    --speed "${WANTED_SPEED:-30}" --seed "${S_NUMBER[S_AT]:-1}" ${SIMULATION[@]+"${SIMULATION[@]}"} \
    --parent $$ </dev/null >"$WORK_DIR/cluster.log" 2>&1
  wait_for "$CLUSTER_START_TIMEOUT_S" is_cluster_ready ||
    die 3 "the embedded cluster has not started within $CLUSTER_START_TIMEOUT_S s: $(tail -n 1 "$WORK_DIR/cluster.log")"
  export KUBECONFIG="$state/kubeconfig" KUBECACHEDIR="$WORK_DIR/kubecache"
  refuse_other_cluster "$state/ready"
  SPEED="${WANTED_SPEED:-30}"
  log "embedded cluster started: everything in it is SIMULATED, $SPEED times as fast as real time"
}

is_cluster_ready() {
  ! has_ended cluster || die 3 "the embedded cluster does not start: $(tail -n 1 "$WORK_DIR/cluster.log")"
  [[ -s "$WORK_DIR/cluster/ready" ]]
}

# Whatever a kubeconfig says: nothing is created in a cluster that is not the one just started.
refuse_other_cluster() {
  local url
  url="$(kube config view --minify --output json | jq -r '.clusters[0].cluster.server')"
  [[ "$url" == "$(jq -r .url "$1")" ]] || die 3 "kubectl would use $url, which is not the embedded cluster"
}

stop_embedded_cluster() {
  [[ "$CLUSTER_STARTED" == true ]] || return 0
  stop_child cluster 5
  CLUSTER_STARTED=false
}
