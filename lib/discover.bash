# --discover: look at a cluster and write a first config for it.
#
# Owns WANTED_* (options) and $WORK_DIR/found/, what was listed of the cluster; which of it is to be watched and loaded is
# decided by wva_parse/plan/discover.py. Calls checks.bash, looks.bash, controller.bash and common.bash.
#
# shellcheck shell=bash disable=SC2034,SC2153 # state of run-experiment.sh, read by the files beside this one

DISCOVERED_TYPES=(deployments.apps pods services variantautoscalings.llmd.ai horizontalpodautoscalers.autoscaling
  scaledobjects.keda.sh)
CHOICE=() # options of `wva_parse discover`

discover() {
  local mode='' how='' file
  log "looking at the cluster:"
  check_cluster
  [[ $PREFLIGHT_FAILURES -eq 0 ]] || die 3 "nothing can be found in a cluster that does not answer"
  [[ -z "$WANTED_NAMESPACE" ]] || CHOICE+=(--namespace "$WANTED_NAMESPACE")
  [[ -z "$WANTED_DEPLOYMENT" ]] || CHOICE+=(--deployment "$WANTED_DEPLOYMENT")
  [[ -z "$WANTED_CONTROLLERS" ]] || CHOICE+=(--controller-namespace "$WANTED_CONTROLLERS")
  list_cluster
  choose_found
  look_at_controller
  IFS=$'\t' read -r mode how < <(told_mode) || how="$(why_silent)"
  file="$(shield run_python wva_parse discover write "$WORK_DIR/found" ${CHOICE[@]+"${CHOICE[@]}"} \
    --mode "$mode" --mode-from "$how")" || refuse # it has said why
  say_found "$file"
}

# What there is of each type in all namespaces; where that is refused, in those that somebody has named.
list_cluster() {
  local type namespace found="$WORK_DIR/found" places
  mkdir -p "$found"
  : >"$found/unseen"
  find_types
  places="$(named_namespaces)"
  for type in "${DISCOVERED_TYPES[@]}"; do
    has_type "$type" || continue
    if get_everywhere "$type" "$found/$type.json"; then
      continue
    fi
    note_unseen "$type in all namespaces" "$found/$type.json.err"
    rm -f "$found/$type.json"
    while IFS= read -r namespace; do
      if ! get_objects "$namespace" "$type" "$found/$type.$namespace.json"; then
        note_unseen "$type in $namespace" "$found/$type.$namespace.json.err"
        rm -f "$found/$type.$namespace.json"
      fi
    done <<<"$places"
  done
}

get_everywhere() { kube get "$1" --all-namespaces --output json >"$2" 2>"$2.err"; }

# The namespaces of the options, and the one that kubectl would use.
named_namespaces() {
  local of_context
  of_context="$(kube config view --minify --output jsonpath='{..namespace}' 2>/dev/null)" || of_context= # none is chosen
  printf '%s\n' "$WANTED_NAMESPACE" "$WANTED_CONTROLLERS" "${of_context:-default}" | grep . | sort -u
}

# note_unseen WHAT FILE: with what kubectl has said of it.
note_unseen() {
  local said
  said="$(last_words "$2")"
  [[ "$said" != *orbidden* ]] || said="not allowed"
  printf '%s: %s\n' "$1" "$said" >>"$WORK_DIR/found/unseen"
  report_unchecked "$1" "$said"
}

choose_found() {
  shield run_python wva_parse discover choose "$WORK_DIR/found" ${CHOICE[@]+"${CHOICE[@]}"} >"$WORK_DIR/choice.json" ||
    refuse # it has said why, and what there is
  {
    read -r NAMESPACE
    read -r DEPLOYMENT
    read -r CONTROLLER_NAMESPACE
    read -r POD_PREFIX
  } < <(jq -r '.namespace, .deployment, .controller_namespace, .prefix' "$WORK_DIR/choice.json")
  report ok "model: $(jq -r '"\(.model), by \(.told_by)"' "$WORK_DIR/choice.json")"
  report ok "Deployment $DEPLOYMENT in $NAMESPACE"
  report ok "controller $POD_PREFIX in $CONTROLLER_NAMESPACE"
}

# Its ConfigMaps tell objectives, and with its log the mode.
look_at_controller() {
  local resource said
  list_objects controller "$CONTROLLER_NAMESPACE" "${CONTROLLER_TYPES[@]}"
  cp "$WORK_DIR/controller.json" "$WORK_DIR/found/controller.json"
  while IFS=$'\t' read -r resource said; do
    [[ "$said" != *orbidden* ]] || said="not allowed"
    printf '%s in %s: %s\n' "$resource" "$CONTROLLER_NAMESPACE" "$said" >>"$WORK_DIR/found/unseen"
    report_unchecked "$resource in $CONTROLLER_NAMESPACE" "$said"
  done <"$WORK_DIR/looks/controller.unseen"
  read_controller_logs
}

# What of the file was found, and what not.
say_found() {
  local line options=
  while IFS= read -r line; do
    log "  $line"
  done < <(grep -E '^(mode:|(# )?endpoint:|(# )?slo:|  (itl|ttft)_ms:)' "$1")
  log "written: $1"
  [[ "$EMBEDDED" == false ]] || options=' --embedded'
  log "read it, then: $0 --dry-run$options ${1##*/}"
  printf '%s\n' "$1"
}
