# What may be asked of the cluster, and what is in it. Every look has one of three outcomes: seen, seen not to be, or not
# looked at; of the last the reason is kept, and nobody concludes anything from it.
#
# Owns the files in $WORK_DIR/looks/ and the children "can-i.*"; writes $WORK_DIR/model.json and controller.json. Calls
# common.bash and signals.bash.
#
# shellcheck shell=bash disable=SC2153 # state of run-experiment.sh

MODEL_TYPES=(deployments.apps jobs.batch pods variantautoscalings.llmd.ai horizontalpodautoscalers.autoscaling
  scaledobjects.keda.sh)
CONTROLLER_TYPES=(pods deployments.apps configmaps leases.coordination.k8s.io)
ANY_CLUSTER_HAS='(^[a-z]+|\.(apps|batch|autoscaling|k8s\.io))$' # of these types

LISTS_NOTHING=false # the cluster is asked for no more lists

# --- types ----------------------------------------------------------------------------------------

# One broken API group makes this fail, although it lists the others.
find_types() {
  mkdir -p "$WORK_DIR/looks"
  [[ -s "$WORK_DIR/looks/types" ]] ||
    kube api-resources --output name >"$WORK_DIR/looks/types" 2>"$WORK_DIR/looks/types.err" || true # see has_type
}

# A type that the cluster does not name it does not have, unless it could not name them all.
has_type() {
  grep -qxF "$1" "$WORK_DIR/looks/types" || { [[ ! -s "$WORK_DIR/looks/types" ]] && [[ "$1" =~ $ANY_CLUSTER_HAS ]]; }
}

# Fails if it is known whether there is such a type.
why_no_type() {
  ! has_type "$1" || return 1
  [[ ! -s "$WORK_DIR/looks/types" || "$(<"$WORK_DIR/looks/types.err")" == *"${1#*.}/"* ]] || return 1
  printf 'the cluster does not tell its types: %s\n' "$(last_words "$WORK_DIR/looks/types.err")"
}

# --- rights ---------------------------------------------------------------------------------------

# Ask for all rights at once; the children report through files. `auth can-i` says no to a type that there is not.
ask_rights() {
  local options=() need verb resource subresource namespace asked=()
  [[ "$KEEP_JOBS" == false ]] || options+=(--keep-jobs)
  shield run_python wva_parse permissions "$NAMESPACE" "$CONTROLLER_NAMESPACE" ${options[@]+"${options[@]}"} \
    >"$WORK_DIR/looks/rights.all"
  while read -r need verb resource subresource namespace; do
    ! has_type "$resource" || printf '%s\t%s\t%s\t%s\t%s\n' "$need" "$verb" "$resource" "$subresource" "$namespace"
  done <"$WORK_DIR/looks/rights.all" >"$WORK_DIR/looks/rights"
  while read -r need verb resource subresource namespace; do
    start_child "can-i.$verb.$resource.$subresource.$namespace" ask_right "$verb" "$resource" "$subresource" "$namespace"
    asked+=("can-i.$verb.$resource.$subresource.$namespace")
  done <"$WORK_DIR/looks/rights"
  wait_for $((2 * REQUEST_TIMEOUT_S)) have_ended "${asked[@]}" || true # what has not answered is not known
}

ask_right() {
  local verb="$1" resource="$2" subresource="$3" namespace="$4" options=() file
  file="$WORK_DIR/looks/can-i.$1.$2.$3.$4"
  [[ "$subresource" == - ]] || options=(--subresource "$subresource")
  kube auth can-i "$verb" "$resource" ${options[@]+"${options[@]}"} --namespace "$namespace" >"$file" 2>"$file.err"
}

# answer VERB RESOURCE SUBRESOURCE NAMESPACE: yes, no, or nothing if it was not given.
answer() {
  local said=
  [[ ! -s "$WORK_DIR/looks/can-i.$1.$2.$3.$4" ]] || read -r said _ <"$WORK_DIR/looks/can-i.$1.$2.$3.$4" || true # one line
  case "$said" in
    yes | no) printf '%s\n' "$said" ;;
  esac
}

is_denied() { [[ "$(answer "$@")" == no ]]; }

# say_right VERB RESOURCE SUBRESOURCE NAMESPACE
say_right() {
  local resource="$2"
  [[ "$3" == - ]] || resource="$resource/$3"
  printf '%s %s in %s\n' "$1" "$resource" "$4"
}

# --- objects --------------------------------------------------------------------------------------

# What is there, into two files.
look_at_cluster() {
  find_types
  list_objects model "$NAMESPACE" "${MODEL_TYPES[@]}"
  list_objects controller "$CONTROLLER_NAMESPACE" "${CONTROLLER_TYPES[@]}"
}

# list_objects PLACE NAMESPACE RESOURCE...: those that there are and that we may list, into PLACE.json; a line for each
# that could not be looked at, with the reason, into looks/PLACE.unseen.
list_objects() {
  local place="$1" namespace="$2" resource unseen="$WORK_DIR/looks/$1.unseen" wanted=() said
  shift 2
  : >"$unseen"
  for resource in "$@"; do
    if said="$(why_no_type "$resource")"; then
      printf '%s\t%s\n' "$resource" "$said" >>"$unseen"
    elif has_type "$resource" && is_denied list "$resource" - "$namespace"; then
      printf '%s\tnot allowed: list %s in %s\n' "$resource" "$resource" "$namespace" >>"$unseen"
    elif has_type "$resource"; then
      wanted+=("$resource")
    fi
  done
  printf '{"items": []}\n' >"$WORK_DIR/$place.json"
  [[ ${#wanted[@]} -eq 0 ]] || list_wanted "$place" "$namespace" "${wanted[@]}"
}

# In one request; if that fails each type alone, as one that is refused spoils them all.
list_wanted() {
  local place="$1" namespace="$2" resource part="$WORK_DIR/looks/part" said="the API server does not answer"
  shift 2
  if [[ "$LISTS_NOTHING" == false ]] && get_objects "$namespace" "$(paste -s -d , - < <(printf '%s\n' "$@"))" "$part"; then
    mv "$part" "$WORK_DIR/$place.json"
    return 0
  fi
  [[ "$LISTS_NOTHING" == true ]] || said="$(last_words "$part.err")"
  for resource in "$@"; do
    if [[ "$LISTS_NOTHING" == true ]] || is_outage "$said"; then
      printf '%s\t%s\n' "$resource" "$said" >>"$WORK_DIR/looks/$place.unseen"
    elif get_objects "$namespace" "$resource" "$part"; then
      jq -s '{items: map(.items[])}' "$WORK_DIR/$place.json" "$part" >"$part.all"
      mv "$part.all" "$WORK_DIR/$place.json"
    else
      printf '%s\t%s\n' "$resource" "$(last_words "$part.err")" >>"$WORK_DIR/looks/$place.unseen"
    fi
  done
}

get_objects() { kube get "$2" --namespace "$1" --output json >"$3" 2>"$3.err"; }

# why_unseen PLACE RESOURCE...: why the first of them that was not looked at was not; fails if they all were.
why_unseen() {
  local place="$1" resource
  shift
  for resource in "$@"; do
    awk -F '\t' -v resource="$resource" '$1 == resource { print $2; found = 1; exit } END { exit !found }' \
      "$WORK_DIR/looks/$place.unseen" && return 0
  done
  return 1
}
