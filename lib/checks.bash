# The checks before the start, each with its verdict: what was seen, what to do.
#
# Owns PREFLIGHT_FAILURES, SIMULATED and SPEED. Calls looks.bash (what may be looked at, and what is there),
# controller.bash, jobs.bash (what the server says of our Jobs; those that an earlier run has left) and common.bash.
#
# shellcheck shell=bash disable=SC2034,SC2153 # state of run-experiment.sh, read by the files beside this one

MOST_LATE_S=10 # of the plan, for one call of kubectl

# One verdict of the checks before the start: ok, warn, FAIL or ? (not looked at), what was seen, what to do.
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
  said="$(last_words "$WORK_DIR/version.err")"
  if [[ "$said" == *localhost:8080* || "$said" == *'no configuration has been provided'* ]]; then
    printf 'no cluster is configured: kubectl has no kubeconfig and tries localhost:8080\n'
  else
    printf 'the cluster cannot be reached: %s\n' "$said"
  fi
}

# On an embedded cluster that is quicker than real time, what this machine takes is many seconds of the plan.
check_speed() {
  local before took_ms
  [[ "$EMBEDDED" == true && "$SPEED" =~ ^[1-9][0-9]*$ && $PREFLIGHT_FAILURES -eq 0 ]] || return 0
  before="$(now_ms)"
  kube get --raw /embedded/clock >/dev/null 2>&1 || return 0 # the other checks tell why
  took_ms=$(($(now_ms) - before))
  [[ $((took_ms * SPEED)) -gt $((MOST_LATE_S * 1000)) ]] || return 0
  report warn "a call of kubectl takes $took_ms ms here, $((took_ms * SPEED / 1000)) s of the plan at $SPEED times real time" \
    "loads may start late or be cut short, which the report tells; --speed $((took_ms < MOST_LATE_S * 1000 ? MOST_LATE_S * 1000 / took_ms : 1)) keeps up"
}

# What could not be looked at is said with its reason, and nothing is concluded from it.
report_unchecked() { report '?' "$1: not checked, $2"; }

# report_unless_overruled SEEN QUESTION REMEDY: the run is refused, unless somebody knows better.
report_unless_overruled() {
  local seen="$1" question="$2" remedy="$3"
  if [[ "$ASSUME_YES" == true ]]; then
    report warn "$seen; going on because of --yes"
  elif is_terminal && ask "$question Go on?"; then
    report warn "$seen; going on as answered"
  else
    report FAIL "$seen" "$remedy"
  fi
}

check_rights() {
  local need verb resource subresource namespace place right reason denied=0 barred=' '
  ask_rights
  for place in namespace controller_namespace; do
    namespace="$NAMESPACE"
    [[ "$place" == namespace ]] || namespace="$CONTROLLER_NAMESPACE"
    if [[ "$barred" != *" $namespace "* ]] && is_all_denied "$namespace"; then
      denied=$((denied + 1)) barred="$barred$namespace "
      report FAIL "nothing is allowed in namespace $namespace, if there is one of that name" \
        "correct '$place' in $CONFIG, or ask for the Roles that '$(call_of permissions --roles)' prints"
    fi
  done
  while read -r need verb resource subresource namespace; do
    if reason="$(why_no_type "$resource")"; then
      denied=$((denied + 1))
      right="$(say_right "$verb" "$resource" "$subresource" "$namespace")"
      report_unchecked "whether we may $right" "$reason"
    fi
  done <"$WORK_DIR/looks/rights.all"
  while read -r need verb resource subresource namespace; do
    [[ "$barred" == *" $namespace "* ]] || check_right "$need" "$verb" "$resource" "$subresource" "$namespace" ||
      denied=$((denied + 1))
  done <"$WORK_DIR/looks/rights"
  [[ $denied -gt 0 ]] || report ok "allowed: everything that this run does"
}

check_right() {
  local need="$1" right
  shift
  right="$(say_right "$@")"
  case "$(answer "$@")" in
    yes) return 0 ;;
    no)
      if [[ "$need" == must ]]; then
        report FAIL "not allowed: $right" "ask for a Role with this verb (the README has one)"
      elif [[ "$need" == may ]]; then # what cannot be tried is told where it would have been
        report warn "not allowed: $right" "the run goes on without what this would tell"
      fi
      ;;
    *) report_unchecked "whether we may $right" "$(last_words "$WORK_DIR/looks/can-i.$1.$2.$3.$4.err")" ;;
  esac
  return 1
}

# Whether all that was asked of a namespace was answered with no.
is_all_denied() {
  local need verb resource subresource namespace
  while read -r need verb resource subresource namespace; do
    [[ "$namespace" != "$1" ]] || is_denied "$verb" "$resource" "$subresource" "$namespace" || return 1
  done <"$WORK_DIR/looks/rights"
}

# A Role cannot grant a look at a namespace itself: where that is refused, what is in it tells.
check_namespaces() {
  local namespace said
  for namespace in "$NAMESPACE" "$CONTROLLER_NAMESPACE"; do
    if said="$(kube get namespace "$namespace" --output name 2>&1)"; then
      report ok "namespace $namespace"
    elif [[ "$said" == *'not found'* ]]; then
      report FAIL "there is no namespace $namespace" "correct it in $CONFIG, or choose another --context"
    elif [[ "$said" != *orbidden* ]]; then
      report_unchecked "namespace $namespace" "$(tail -n 1 <<<"$said")"
    fi
  done
}

check_deployment() {
  local ready wanted reason
  if reason="$(why_unseen model deployments.apps)"; then
    report_unchecked "Deployment $DEPLOYMENT" "$reason"
    return 0
  fi
  ready="$(replicas_of status.readyReplicas 0)"
  wanted="$(replicas_of spec.replicas 1)"
  case "$ready of $wanted" in
    ' of ') report FAIL "there is no Deployment $DEPLOYMENT in $NAMESPACE" \
      "deploy the model, or correct 'deployment'; there are: $(names_of model Deployment)" ;;
    *' of 0') report FAIL "Deployment $DEPLOYMENT is scaled to 0" "$(say_scale_up)" ;;
    '0 of'*) report FAIL "Deployment $DEPLOYMENT has no ready replica ($ready of $wanted)" "wait until the model is served" ;;
    *) report ok "Deployment $DEPLOYMENT: $ready of $wanted replicas ready" ;;
  esac
}

# replicas_of PATH DEFAULT: a number of $DEPLOYMENT; nothing if there is no such Deployment.
replicas_of() {
  jq -r --arg name "$DEPLOYMENT" --arg path "$1" --argjson missing "$2" '.items[]
    | select(.kind == "Deployment" and .metadata.name == $name) | getpath($path | split(".")) // $missing' "$WORK_DIR/model.json"
}

# names_of PLACE KIND: what there is of a kind, for who has misspelt a name.
names_of() {
  jq -r --arg kind "$2" '[.items[] | select(.kind == $kind) | .metadata.name] | if . == [] then "none" else join(", ") end' \
    "$WORK_DIR/$1.json"
}

# A scaler that may go down to 0 would do it again, as long as no request comes.
say_scale_up() {
  if jq -e --arg deployment "$DEPLOYMENT" '[.items[] | select(.spec.scaleTargetRef.name? == $deployment)
      | .spec.minReplicas, .spec.minReplicaCount, (select(.kind == "ScaledObject" and .spec.minReplicaCount == null) | 0)]
      | any(. == 0)' "$WORK_DIR/model.json" >/dev/null; then
    printf "its scaler may go down to 0, and WVA's scale to zero may hold it there: set the scaler's least replicas to 1\n"
  else
    printf 'kubectl scale deployment %s --namespace %s --replicas 1, and wait until the model is served\n' "$DEPLOYMENT" "$NAMESPACE"
  fi
}

# What makes an object a variant, and of which model one of $DEPLOYMENT is. Up to v0.8 VariantAutoscalings, since v0.8
# scalers with annotations as well.
# shellcheck disable=SC2016 # a program of jq
VARIANTS='
  def variants: [.items[]
    | if .kind == "VariantAutoscaling" then
        {kind, name: .metadata.name, target: (.spec.scaleTargetRef.name // .metadata.name), model: .spec.modelID}
      elif .metadata.annotations["llm-d.ai/managed"] == "true" then
        {kind, name: .metadata.name, target: .spec.scaleTargetRef.name, model: .metadata.annotations["llm-d.ai/model-id"]}
      else empty end];
  def model_of(all): [all[] | select(.target == $deployment) | .model | strings] | first;
'

# Every variant of the model that $DEPLOYMENT serves: kind, name, Deployment.
variants() {
  jq -r --arg deployment "$DEPLOYMENT" --arg model "$MODEL" "$VARIANTS"'
    variants as $all | (model_of($all) // $model) as $model
    | $all[] | select(.target == $deployment or .model == $model) | "\(.kind) \(.name) \(.target)"' "$WORK_DIR/model.json"
}

# Of which model WVA's variant of $DEPLOYMENT is; nothing if none tells.
model_of_variant() {
  jq -r --arg deployment "$DEPLOYMENT" "$VARIANTS"'model_of(variants) // ""' "$WORK_DIR/model.json"
}

# Which of these types a variant may be: where one was not looked at, it may be there.
check_variants() {
  local kind name target reason served
  variants >"$WORK_DIR/variants"
  if grep -q " $DEPLOYMENT\$" "$WORK_DIR/variants"; then
    :
  elif reason="$(why_unseen model variantautoscalings.llmd.ai horizontalpodautoscalers.autoscaling scaledobjects.keda.sh)"; then
    report_unchecked "variant of $DEPLOYMENT" "$reason"
  else
    report FAIL "WVA knows no variant of $DEPLOYMENT in $NAMESPACE" \
      "create a VariantAutoscaling (or, with WVA 0.9 and later, annotate its scaler with llm-d.ai/managed: \"true\")"
  fi
  while read -r kind name target; do
    if has_deployment "$target" || why_unseen model deployments.apps >/dev/null; then
      report ok "variant: $kind $name"
    else
      report warn "variant: $kind $name is of a Deployment $target that does not exist" "WVA cannot scale it"
    fi
  done <"$WORK_DIR/variants"
  served="$(model_of_variant)"
  [[ -z "$served" || "$served" == "$MODEL" ]] ||
    report warn "WVA's variant of $DEPLOYMENT is of model $served, the config's model_name is $MODEL" \
      "requests for a model that is not served fail, and WVA does not see them: correct model_name"
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
  local scalers kind name reads reason
  scalers="$(scalers_of "$2")"
  if [[ -z "$scalers" ]] && reason="$(why_unseen model horizontalpodautoscalers.autoscaling scaledobjects.keda.sh)"; then
    report_unchecked "scaler of $2" "$reason"
    return 0
  elif [[ -z "$scalers" ]]; then
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

# Jobs that our labels say to be of a run on this Deployment: "active NAME" or "finished NAME", one per line. Active is
# what sends or will send, and the marker of a run that is not over; a Job that is kept is suspended.
leftovers() {
  jq -r --arg deployment "$DEPLOYMENT" '.items[] | select(.kind == "Job" and .metadata.labels["wva-experiments/run"]
      and (.metadata.annotations["wva-experiments/deployment"] // $deployment) == $deployment)
    | (if .metadata.labels["wva-experiments/role"] == "marker" then "active "
       elif .spec.suspend == true
         or ([.status.conditions[]? | select((.type == "Complete" or .type == "Failed") and .status == "True")] | length > 0)
       then "finished " else "active " end) + .metadata.name' "$WORK_DIR/model.json"
}

check_leftovers() {
  local active finished reason
  if reason="$(why_unseen model jobs.batch)"; then
    report_unchecked "other runs and what they have left" "$reason"
    return 0
  fi
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

# What a workload asks of one client, told by the plan.
check_clients() {
  local seen remedy
  while IFS=$'\t' read -r seen remedy; do report warn "$seen" "$remedy"; done <"$WORK_DIR/advice.tsv"
}

preflight() {
  log "checks:"
  check_cluster
  refuse_after_failures
  find_types
  check_rights
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
  check_jobs
  check_clients
  read_cluster_clock
  [[ "$HAS_CLUSTER_CLOCK" == true ]] ||
    report_unchecked "the cluster's time" "$(last_words "$WORK_DIR/clock.err"); this machine's clock is used"
  check_speed
  refuse_after_failures
}

refuse_after_failures() {
  [[ $PREFLIGHT_FAILURES -eq 0 ]] || die 3 "$PREFLIGHT_FAILURES check(s) failed; nothing was started"
}
