# The checks of the controller: is it there, in which mode, does it log what is needed.
#
# Owns nothing; reads $WORK_DIR/controller.json and writes $WORK_DIR/controller.log. Called by checks.bash.
#
# shellcheck shell=bash disable=SC2153 # state of run-experiment.sh

# All whose names begin with the prefix.
controller_pods() {
  jq -r --arg prefix "$POD_PREFIX" '.items[]
    | select(.kind == "Pod" and (.metadata.name | startswith($prefix))) | .metadata.name' "$WORK_DIR/controller.json"
}

check_controller() {
  local pods reason
  if reason="$(why_unseen controller pods)"; then
    report_unchecked "pods of the controller" "$reason"
    return 0
  fi
  pods="$(jq -r --arg prefix "$POD_PREFIX" '[.items[] | select(.kind == "Lease") | .spec.holderIdentity // "" | split("_")[0]] as $leaders
    | [.items[] | select(.kind == "Pod" and .status.phase == "Running") | .metadata.name | select(startswith($prefix)) as $name
       | $name + if any($leaders[]; . == $name) then " (the leader)" else "" end] | join(", ")' "$WORK_DIR/controller.json")"
  if [[ -n "$pods" ]]; then
    report ok "controller: $pods"
  else
    report FAIL "no running pod in $CONTROLLER_NAMESPACE has a name that begins with $POD_PREFIX" \
      "correct controller_pod_prefix; there are: $(names_of controller Pod)"
  fi
}

# What the controller says of its mode, in the words of all releases; the last one counts.
mode_in_log() {
  local line
  line="$(grep -E "Operating in |defaulting to |Found SLO for model - |Processing model( \(|\"|$(printf '\t'))|\
Optimization completed (successfully|with errors): mode=|refusing to dispatch the queueing-model path" "$1" |
    tail -n 1)" || return 0 # no such line
  case "$line" in
    *refusing*) printf 'none, it refuses its queueing model\n' ;;
    *MODEL-ONLY* | *mode=model-only* | *'Found SLO for model - '* | *'(queueing-model)'*) printf 'model-based\n' ;;
    *CAPACITY-ONLY* | *saturation-only* | *mode=capacity-only* | *'Processing model'*) printf 'capacity-based\n' ;;
    *HYBRID* | *mode=hybrid*) printf 'hybrid\n' ;;
  esac
}

# The release by its log: "text" up to December 2025, "values" where they stand beside the message (v0.5 and later),
# "demand" where the queueing model is refused as well (v0.9 and later); nothing if it has logged nothing.
release_in_log() {
  if grep -qE 'analyzer-result|scaling-decision|refusing to dispatch the queueing-model path' "$1"; then
    printf 'demand\n'
  elif grep -qE "^[0-9T:.Z+-]+$(printf '\t')[A-Z]+|\"caller\":" "$1"; then
    printf 'values\n'
  elif grep -q '"msg":' "$1"; then
    printf 'text\n'
  fi
}

# Otherwise what it is set to by: its environment, which may be that of a ConfigMap (up to v0.5), or the ConfigMap that
# switches on the queueing model (v0.6 to v0.8). Nothing where that is a matter of ConfigMaps that nobody has looked at.
mode_in_settings() {
  local has_looked=true
  ! why_unseen controller configmaps >/dev/null || has_looked=false
  jq -r --arg prefix "$POD_PREFIX" --argjson has_looked "$has_looked" '
    . as $all
    | [.items[] | select(.kind == "Pod" and (.metadata.name | startswith($prefix))) | .spec.containers[].env[]?
       | select(.name == "EXPERIMENTAL_HYBRID_OPTIMIZATION")
       | .valueFrom.configMapKeyRef as $ref
       | if $ref then ([$all.items[] | select(.kind == "ConfigMap" and .metadata.name == $ref.name) | .data[$ref.key]]
                       | first // "")
         else .value // "" end]
      + [.items[] | select(.kind == "Pod" and (.metadata.name | startswith($prefix))) | .spec.containers[].envFrom[]?.configMapRef.name
       | strings as $name | $all.items[] | select(.kind == "ConfigMap" and .metadata.name == $name)
       | .data.EXPERIMENTAL_HYBRID_OPTIMIZATION // empty] | first // ""
    | ([$all.items[] | select(.kind == "ConfigMap" and (.metadata.name | endswith("queueing-model-config")))
        | .data.default // empty] | length > 0) as $has_queueing_model
    | if . == "on" or . == "model-only" or $has_queueing_model then "model-based"
      elif $has_looked then "capacity-based" else "" end
    ' "$WORK_DIR/controller.json"
}

read_controller_logs() {
  local pod
  : >"$WORK_DIR/controller.log"
  : >"$WORK_DIR/controller.log.err"
  while IFS= read -r pod; do
    kube logs "$pod" --namespace "$CONTROLLER_NAMESPACE" --all-containers --tail 2000 >>"$WORK_DIR/controller.log" \
      2>>"$WORK_DIR/controller.log.err" || true # a pod that is starting has no log
  done < <(controller_pods)
}

# Why the controller's log tells nothing.
why_silent() {
  if why_unseen controller pods; then
    return 0
  elif [[ -z "$(controller_pods)" ]]; then
    printf 'no pod of the controller was seen\n'
  elif [[ -s "$WORK_DIR/controller.log.err" ]]; then
    printf 'its log cannot be read: %s\n' "$(last_words "$WORK_DIR/controller.log.err")"
  else
    printf 'its log does not tell yet\n'
  fi
}

# The controller's mode and how it is known, with a tab between; fails if neither its log nor its settings tell.
told_mode() {
  local mode how="by its log"
  mode="$(mode_in_log "$WORK_DIR/controller.log")"
  if [[ -z "$mode" && -n "$(controller_pods)" ]]; then
    how="by its settings"
    mode="$(mode_in_settings)"
  fi
  [[ -n "$mode" ]] || return 1
  printf '%s\t%s\n' "$mode" "$how"
}

check_mode() {
  local mode how
  if ! IFS=$'\t' read -r mode how < <(told_mode); then
    report_unchecked "controller mode" "$(why_silent)"
    return 0
  elif [[ "$mode" == "$MODE" || "$mode $MODE" == 'hybrid model-based' ]]; then # hybrid predicts as well
    report ok "controller mode: $mode ($how)"
    return 0
  fi
  local remedy
  case "$(release_in_log "$WORK_DIR/controller.log")" in
    demand) remedy="WVA 0.9 and later have no model-based mode" ;;
    values) remedy="its queueing model (0.6 to 0.8) runs if the ConfigMap wva-queueing-model-config has a default" ;;
    *) remedy="set EXPERIMENTAL_HYBRID_OPTIMIZATION to model-only (model-based) or off (capacity-based) and restart it" ;;
  esac
  report_unless_overruled "controller mode is $mode ($how), the config says $MODE" \
    "The controller is in $mode mode ($how), the config says $MODE." "$remedy; or go on with --yes"
}

# Up to v0.4 predictions are logged at DEBUG; later releases log each pod's metrics at verbosity 4 only, and to standard
# error, which is in the container's log as well.
check_log_level() {
  case "$(release_in_log "$WORK_DIR/controller.log")" in
    values | demand) check_verbosity ;;
    *) [[ "$MODE" != model-based ]] || check_debug ;;
  esac
}

check_debug() {
  if grep -q '"level":"DEBUG"' "$WORK_DIR/controller.log"; then
    report ok "log level: debug"
  elif controller_has '.env[]? | select(.name == "LOG_LEVEL") | .value // "" | ascii_downcase | . == "debug"' ||
    has_verbosity_4; then
    report ok "log level: debug (by the controller's settings)"
  elif [[ ! -s "$WORK_DIR/controller.log" ]]; then
    report_unchecked "log level" "$(why_silent)"
  else
    report warn "the controller does not log at DEBUG: there will be no predictions" \
      "set LOG_LEVEL=debug (WVA before 0.5) or --v=4 (later) on the controller"
  fi
}

check_verbosity() {
  if grep -qiE 'level\(-[4-9]\)' "$WORK_DIR/controller.log" || has_verbosity_4; then
    report ok "verbosity: --v=4"
  else
    report warn "the controller does not log at --v=4: there will be no ITL and TTFT, and no KV cache and queue of pods" \
      "add --v=4 to its arguments (since WVA 0.5 LOG_LEVEL has no effect)"
  fi
  [[ "$MODE" != model-based ]] ||
    report warn "WVA 0.5 and later log no predictions" "demand, supply and decisions can be analysed"
}

has_verbosity_4() { controller_has '[.command[]?, .args[]?] | join(" ") | test("(^| )--v[= ]([4-9]|[1-9][0-9])")'; }

# Whether a filter is true of a container of the controller.
controller_has() {
  jq -e --arg prefix "$POD_PREFIX" "[.items[] | select(.kind == \"Pod\" and (.metadata.name | startswith(\$prefix)))
    | .spec.containers[] | $1] | any" "$WORK_DIR/controller.json" >/dev/null
}
