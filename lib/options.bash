# The command line and the config: read, checked, refused.
#
# Owns the options and the values from the config (both at the top of run-experiment.sh). Calls common.bash.
#
# shellcheck shell=bash disable=SC2034,SC2153 # state of run-experiment.sh, read by the files beside this one

parse_options() {
  local rest=()
  ARGUMENTS=("$@")
  while [[ $# -gt 0 ]]; do
    case "$1" in
      -n | --dry-run) DRY_RUN=true ;;
      -y | --yes) ASSUME_YES=true ;;
      --analyze) ANALYZE=true ;;
      --embedded) EMBEDDED=true ;;
      --keep-jobs) KEEP_JOBS=true ;;
      --clean) CLEAN=true ;;
      --resume) RESUME=true ;;
      --discover) DISCOVER=true ;;
      --namespace | --deployment | --controller-namespace | --speed | --dialect | --variants | --cooldown | --context | --kubeconfig)
        [[ $# -ge 2 ]] || die 2 "$1 needs a value; see run-experiment.sh --help"
        set_option "$1" "$2"
        shift
        ;;
      --namespace=* | --deployment=* | --controller-namespace=* | --speed=* | --dialect=* | --variants=* | --cooldown=* | \
        --context=* | --kubeconfig=*) set_option "${1%%=*}" "${1#*=}" ;;
      -h | --help)
        print_usage
        exit 0
        ;;
      --)
        shift
        rest+=("$@")
        break
        ;;
      -*) die 2 "unknown option '$1'; see run-experiment.sh --help" ;;
      *) rest+=("$1") ;;
    esac
    shift
  done
  CONFIGS=(${rest[@]+"${rest[@]}"})
  [[ "$END_BUDGET_S" =~ ^[1-9][0-9]{0,3}$ ]] || die 2 "WVA_END_BUDGET_S: saw '$END_BUDGET_S', expected whole seconds"
  [[ "$DISCOVER" == false || ${#CONFIGS[@]} -eq 0 ]] || die 2 "--discover writes a config: leave out ${CONFIGS[0]}"
  [[ "$DISCOVER" == true || -z "$WANTED_NAMESPACE$WANTED_DEPLOYMENT$WANTED_CONTROLLERS" ]] ||
    die 2 "--namespace, --deployment and --controller-namespace need --discover: else the config says them"
  [[ "$EMBEDDED" == true || -z "$WANTED_SPEED" ]] || die 2 "--speed needs --embedded: a real cluster has its own pace"
  [[ "$EMBEDDED" == true || ${#SIMULATION[@]} -eq 0 ]] ||
    die 2 "${SIMULATION[0]} needs --embedded: it says what is simulated"
  [[ "$EMBEDDED" == false || ${#KUBECTL[@]} -eq 1 ]] || die 2 "--embedded brings its own cluster: leave out --context"
  [[ "$EMBEDDED" == false || "$KUBECONFIG_GIVEN" == false ]] ||
    die 2 "--embedded brings its own cluster: leave out --kubeconfig"
}

set_option() {
  local option="$1" value="$2"
  case "$option" in
    --namespace) WANTED_NAMESPACE="$value" ;;
    --deployment) WANTED_DEPLOYMENT="$value" ;;
    --controller-namespace) WANTED_CONTROLLERS="$value" ;;
    --speed)
      [[ "$value" =~ ^[1-9][0-9]{0,3}$ ]] || die 2 "--speed: saw '$value', expected a whole number from 1 to 9999"
      WANTED_SPEED="$value"
      ;;
    --dialect)
      [[ "$value" =~ ^D[2357]$ ]] || die 2 "--dialect: saw '$value', expected D2, D3, D5 or D7"
      SIMULATION+=(--dialect "$value")
      ;;
    --variants)
      [[ "$value" =~ ^[1-9]$ ]] || die 2 "--variants: saw '$value', expected a number from 1 to 9"
      SIMULATION+=(--variants "$value")
      ;;
    --cooldown)
      COOLDOWN_S="$(seconds_of "$value")" || die 2 "--cooldown: saw '$value', expected seconds: 300, or 5m"
      ;;
    --context)
      CONTEXT="$value"
      KUBECTL+=(--context "$value")
      ;;
    --kubeconfig)
      [[ -s "$value" ]] || die 2 "--kubeconfig: there is no file '$value'" # kubectl would silently try localhost
      export KUBECONFIG="$value"
      KUBECONFIG_GIVEN=true
      ;;
  esac
}

# seconds_of TEXT: of whole seconds, or of a duration such as 90s, 5m or 1h30m, as configs have them.
seconds_of() {
  local duration='^(([0-9]{1,3})h)?(([0-9]{1,5})m)?(([0-9]{1,6})s)?$'
  if [[ "$1" =~ ^[0-9]{1,6}$ ]]; then
    printf '%s\n' "$((10#$1))"
  else
    [[ -n "$1" && "$1" =~ $duration ]] || return 1
    printf '%s\n' "$((10#${BASH_REMATCH[2]:-0} * 3600 + 10#${BASH_REMATCH[4]:-0} * 60 + 10#${BASH_REMATCH[6]:-0}))"
  fi
}

# In one piece: whoever reads it may go away in the middle.
list_configs() {
  local listed
  listed="$(describe_configs)"
  printf '%s\n' "$listed" 2>/dev/null || exit 130
}

describe_configs() {
  local file
  printf 'configs in %s:\n' "$PROJECT/experiment-configs"
  for file in "$PROJECT"/experiment-configs/*.yaml; do
    yaml_to_json "$file" | jq -r --arg file "$(basename "$file" .yaml)" '"  \($file)\n      \(.description // "")"'
  done
  printf 'run one with: %s NAME   (--embedded needs no cluster; --help says more)\n' "$0"
}

# A path, or a bare name in experiment-configs/; the answer is absolute.
find_config() {
  local given="$1" file directory near
  for file in "$given" "$PROJECT/experiment-configs/$given" "$PROJECT/experiment-configs/$given.yaml"; do
    [[ "$file" == "$given" || "$given" != */* ]] || continue
    if [[ -f "$file" ]]; then
      directory="$(cd "$(dirname -- "$file")" && pwd)"
      printf '%s/%s\n' "$directory" "$(basename -- "$file")"
      return 0
    fi
  done
  near="$(shield run_python wva_parse check --nearest -- "$given")"
  [[ -z "$near" ]] || near="did you mean '$near'? "
  die 2 "there is no config '$given', neither as a path nor in $PROJECT/experiment-configs;" \
    "${near}without arguments the script lists those that exist"
}

read_config() {
  local options=(--repetition "${S_NUMBER[S_AT]}" --text-to "$WORK_DIR/plan.txt" --config-to "$WORK_DIR/config.json" --advice-to "$WORK_DIR/advice.tsv")
  [[ -z "$COOLDOWN_S" ]] || options+=(--cooldown "$COOLDOWN_S")
  [[ "$EMBEDDED" == false ]] || options+=(--speed "${WANTED_SPEED:-30}")
  # What is left of a series is told by each of its runs; of those that are only checked the first one tells.
  [[ "$DRY_RUN" == true && -n "$SERIES_FILE" ]] || options+=(--series "${SERIES_FILE:-$WORK_DIR/series.tsv}")
  shield run_python wva_parse plan "$CONFIG" "${options[@]}" >"$WORK_DIR/plan.tsv" || refuse # it has said what is wrong
  CONFIG_SHA256="$(sha256_of "$CONFIG")"
  CONFIG_JSON="$(jq -c . "$WORK_DIR/config.json")"
  # One line per value: the check has refused texts of several lines.
  {
    read -r NAME
    read -r MODE
    read -r NAMESPACE
    read -r CONTROLLER_NAMESPACE
    read -r POD_PREFIX
    read -r DEPLOYMENT
    IFS= read -r MODEL
    read -r ENDPOINT
    read -r INTERVAL_S
    read -r TIMEOUT_S
    IFS= read -r BASE_DIR
    [[ -n "$COOLDOWN_S" ]] || read -r COOLDOWN_S
  } < <(jq -r '.name, .mode, .namespace, .controller_namespace, .controller_pod_prefix, .deployment, .model_name,
    .endpoint // "", .metrics.interval // 10, .timeout // 1800, .output.base_dir // "./experiment-data",
    .cooldown // 120' <<<"$CONFIG_JSON")
  [[ "$BASE_DIR" == /* ]] || BASE_DIR="$PROJECT/$BASE_DIR"
}
