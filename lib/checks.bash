# The checks before the start, each with its verdict: what was seen, what to do.
#
# Owns PREFLIGHT_FAILURES, SIMULATED, SPEED and the children "can-i.*". Calls controller.bash, evidence.bash (what is
# there), end.bash (Jobs that an earlier run has left), common.bash and signals.bash.
#
# shellcheck shell=bash disable=SC2034,SC2153 # state of run-experiment.sh, read by the files beside this one

# One verdict of the checks before the start: ok, warn or FAIL, what was seen, what to do.
report() {
  local verdict="$1" seen="$2" remedy="${3:-}"
  log "$(printf '  %-4s  %s' "$verdict" "$seen")"
  [[ -z "$remedy" ]] || log "        -> $remedy"
  [[ "$verdict" != FAIL ]] || PREFLIGHT_FAILURES=$((PREFLIGHT_FAILURES + 1))
}

is_terminal() { [[ -t 0 && -t 2 ]]; }

# A child reads the answer, as the builtin `read` hears no signal; it stays in our process group, which owns the terminal.
ask() {
  local child
  printf '%s [y/N] ' "$1" >&2
  rm -f "$WORK_DIR/answer"
  { read_answer <&3 & } 3<&0 # a child in the background would read nothing else
  child=$!
  while is_running "$child"; do
    { sleep 0.1; } 2>/dev/null || true                        # Ctrl-C ends it
    [[ $SIGNALS -eq 0 ]] || kill "$child" 2>/dev/null || true # it may have ended
    heed_signals
  done
  [[ "$(cat "$WORK_DIR/answer" 2>/dev/null)" == [yY]* ]]
}

read_answer() {
  local answer
  read -r answer && printf '%s\n' "$answer" >"$WORK_DIR/answer"
}

check_cluster() {
  local server remedy
  if ! kube version --output json >"$WORK_DIR/version.json" 2>"$WORK_DIR/version.err" ||
    ! jq -e .serverVersion "$WORK_DIR/version.json" >/dev/null; then
    remedy="choose a cluster (--context, --kubeconfig), or use --embedded for a simulated one on this machine"
    report FAIL "$(explain_unreachable)" "$remedy"
    return 0
  fi
  server="$(jq -r .serverVersion.gitVersion "$WORK_DIR/version.json")"
  if [[ "$server" == *+embedded* ]]; then
    SIMULATED=true
    SPEED="$(kube get --raw /embedded/clock | jq .speed)"
  fi
  report ok "kubectl $(jq -r .clientVersion.gitVersion "$WORK_DIR/version.json"), cluster $server"
}

explain_unreachable() {
  local said
  said="$(grep -v '^[EWI][0-9]\{4\} ' "$WORK_DIR/version.err" | tail -n 1)"
  if [[ "$said" == *localhost:8080* || "$said" == *'no configuration has been provided'* ]]; then
    printf 'no cluster is configured: kubectl has no kubeconfig and tries localhost:8080\n'
  else
    printf 'the cluster cannot be reached: %s\n' "${said:-kubectl gives no reason}"
  fi
}

# Ask for all permissions at once; the children report through files.
check_permissions() {
  local need verb resource subresource namespace denied=0 asked=()
  shield run_python wva_parse permissions "$NAMESPACE" "$CONTROLLER_NAMESPACE" >"$WORK_DIR/permissions.tsv"
  while read -r need verb resource subresource namespace; do
    start_child "can-i.$verb.$resource.$subresource.$namespace" \
      ask_permission "$verb" "$resource" "$subresource" "$namespace"
    asked+=("can-i.$verb.$resource.$subresource.$namespace")
  done <"$WORK_DIR/permissions.tsv"
  wait_for $((2 * REQUEST_TIMEOUT_S)) have_ended "${asked[@]}" || true # no answer is a no
  while read -r need verb resource subresource namespace; do
    may "$verb" "$resource" "$subresource" "$namespace" && continue
    denied=$((denied + 1))
    [[ "$subresource" == - ]] || resource="$resource/$subresource"
    if [[ "$need" == must ]]; then
      report FAIL "not allowed: $verb $resource in $namespace" "ask for a Role with this verb (the README has one)"
    else
      report warn "not allowed: $verb $resource in $namespace" "the run goes on without what this would tell"
    fi
  done <"$WORK_DIR/permissions.tsv"
  [[ $denied -gt 0 ]] || report ok "allowed: everything that this run does"
}

ask_permission() {
  local verb="$1" resource="$2" subresource="$3" namespace="$4" options=()
  [[ "$subresource" == - ]] || options=(--subresource "$subresource")
  kube auth can-i "$verb" "$resource" ${options[@]+"${options[@]}"} --namespace "$namespace" --quiet \
    >/dev/null 2>&1 # it warns about resources that the cluster does not have
}

may() { [[ "$(status_of_child "can-i.$1.$2.$3.$4")" == 0 ]]; }

check_namespaces() {
  local namespace said
  for namespace in "$NAMESPACE" "$CONTROLLER_NAMESPACE"; do
    if said="$(kube get namespace "$namespace" --output name 2>&1)"; then
      report ok "namespace $namespace"
    elif [[ "$said" == *'not found'* ]]; then
      report FAIL "there is no namespace $namespace" "correct it in $CONFIG, or choose another --context"
    fi # else we may not look; what is in it will tell
  done
}

check_deployment() {
  local ready
  ready="$(jq -r --arg name "$DEPLOYMENT" '.items[] | select(.kind == "Deployment" and .metadata.name == $name)
    | "\(.status.readyReplicas // 0) of \(.spec.replicas)"' "$WORK_DIR/model.json")"
  case "$ready" in
    '') report FAIL "there is no Deployment $DEPLOYMENT in $NAMESPACE" "deploy the model, or correct 'deployment'" ;;
    '0 of'*) report FAIL "Deployment $DEPLOYMENT has no ready replica ($ready)" "wait until the model is served" ;;
    *) report ok "Deployment $DEPLOYMENT: $ready replicas ready" ;;
  esac
}

# Every variant of the model that $DEPLOYMENT serves: kind, name, Deployment. Up to v0.8 VariantAutoscalings, since v0.8
# scalers with annotations as well.
variants() {
  jq -r --arg deployment "$DEPLOYMENT" --arg model "$MODEL" '
    [.items[]
     | if .kind == "VariantAutoscaling" then
         {kind, name: .metadata.name, target: (.spec.scaleTargetRef.name // .metadata.name), model: .spec.modelID}
       elif .metadata.annotations["llm-d.ai/managed"] == "true" then
         {kind, name: .metadata.name, target: .spec.scaleTargetRef.name,
          model: .metadata.annotations["llm-d.ai/model-id"]}
       else empty end]
    | ([.[] | select(.target == $deployment) | .model | strings] | first // $model) as $model
    | .[] | select(.target == $deployment or .model == $model) | "\(.kind) \(.name) \(.target)"' "$WORK_DIR/model.json"
}

check_variants() {
  local kind name target
  variants >"$WORK_DIR/variants"
  if ! grep -q " $DEPLOYMENT\$" "$WORK_DIR/variants"; then
    report FAIL "WVA knows no variant of $DEPLOYMENT in $NAMESPACE" \
      "create a VariantAutoscaling (or, with WVA 0.9 and later, annotate its scaler with llm-d.ai/managed: \"true\")"
  fi
  while read -r kind name target; do
    if has_deployment "$target"; then
      report ok "variant: $kind $name"
    else
      report warn "variant: $kind $name is of a Deployment $target that does not exist" "WVA cannot scale it"
    fi
  done <"$WORK_DIR/variants"
}

has_deployment() {
  jq -e --arg name "$1" '[.items[] | select(.kind == "Deployment" and .metadata.name == $name)] | length > 0' \
    "$WORK_DIR/model.json" >/dev/null
}

# Those that read WVA's metric of a Deployment: kind, name, and of which variant if that is told.
scalers_of() {
  jq -r --arg deployment "$1" '.items[]
    | select(.kind == "HorizontalPodAutoscaler" or .kind == "ScaledObject")
    | select(.spec.scaleTargetRef.name == $deployment)
    | [.spec | .. | strings] as $texts
    | select(any($texts[]; test("(inferno|wva)_desired_(replicas|ratio)")))
    | ([.spec | .. | objects | .variant_name? | strings] + [$texts[]
       | capture("variant_name *= *\"(?<name>[^\"]*)\"").name] | first // "") as $variant
    | "\(.kind) \(.metadata.name) \($variant)"' "$WORK_DIR/model.json"
}

check_scalers() {
  local name target
  while read -r _ name target; do
    check_scaler "$name" "$target"
  done < <(
    cat "$WORK_DIR/variants"
    grep -q " $DEPLOYMENT\$" "$WORK_DIR/variants" || printf -- '- - %s\n' "$DEPLOYMENT"
  )
}

# check_scaler VARIANT DEPLOYMENT
check_scaler() {
  local scalers kind name reads
  scalers="$(scalers_of "$2")"
  if [[ -z "$scalers" ]]; then
    report warn "no HPA or ScaledObject of $2 reads WVA's metric (inferno_ or wva_desired_replicas)" \
      "without one WVA decides and nothing happens"
    return 0
  fi
  while read -r kind name reads; do
    if [[ -z "$reads" || "$reads" == "$1" || "$1" == - ]]; then
      report ok "scaler: $kind $name"
    else
      report warn "scaler: $kind $name reads the metric of variant $reads, WVA calls it $1" \
        "select variant_name $1, else nothing happens"
    fi
  done <<<"$scalers"
}

# Jobs that our labels say to be of a run on this Deployment: "active NAME" or "finished NAME", one per line.
leftovers() {
  jq -r --arg deployment "$DEPLOYMENT" '.items[] | select(.kind == "Job" and .metadata.labels["wva-experiments/run"]
      and (.metadata.annotations["wva-experiments/deployment"] // $deployment) == $deployment)
    | (if [.status.conditions[]? | select((.type == "Complete" or .type == "Failed") and .status == "True")]
       | length > 0 then "finished " else "active " end) + .metadata.name' "$WORK_DIR/model.json"
}

check_leftovers() {
  local active finished
  leftovers >"$WORK_DIR/leftovers"
  active="$(sed -n 's/^active //p' "$WORK_DIR/leftovers" | paste -s -d ' ' -)"
  finished="$(sed -n 's/^finished //p' "$WORK_DIR/leftovers" | paste -s -d ' ' -)"
  if [[ -n "$active" ]] && ! may_clean_active "$active"; then
    report FAIL "another run is active on $DEPLOYMENT: $active" \
      "wait for its end; what an aborted run has left is removed with --clean --yes"
  elif [[ -z "$active$finished" ]]; then
    report ok "no other run, no leftovers"
  elif [[ "$CLEAN" == false || "$DRY_RUN" == true || $PREFLIGHT_FAILURES -gt 0 ]]; then
    report warn "Jobs of an earlier run are left in $NAMESPACE: $finished" "--clean removes them"
  else
    remove_leftovers
  fi
}

may_clean_active() {
  [[ "$CLEAN" == true && "$DRY_RUN" == false ]] || return 1
  [[ "$ASSUME_YES" == true ]] || { is_terminal && ask "Remove the active load Jobs $1?"; }
}

remove_leftovers() {
  local names=() name said
  while read -r _ name; do names+=("$name"); done <"$WORK_DIR/leftovers"
  if said="$(delete_jobs_and_wait --ignore-not-found "${names[@]}" 2>&1)"; then
    report ok "removed what an earlier run has left: ${names[*]}"
  else
    report FAIL "leftovers could not be removed: $(tail -n 1 <<<"$said")" "remove them with kubectl: ${names[*]}"
  fi
}

preflight() {
  log "checks:"
  check_cluster
  refuse_after_failures
  check_permissions
  check_namespaces
  look_at_cluster
  check_controller
  check_deployment
  check_variants
  check_scalers
  read_controller_logs
  check_mode
  check_log_level
  check_leftovers
  read_cluster_clock
  [[ "$HAS_CLUSTER_CLOCK" == true ]] || report warn "the cluster does not tell its time; this machine's clock is used"
  refuse_after_failures
}

refuse_after_failures() {
  [[ $PREFLIGHT_FAILURES -eq 0 ]] || die 3 "$PREFLIGHT_FAILURES check(s) failed; nothing was started"
}
