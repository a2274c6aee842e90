#!/usr/bin/env bats
# Runs with the oldest and with current tools, and with both programs that are called yq. hack/fetch_tools.py brings
# those that the machine does not have.

# bats file_tags=slow

load helpers/cluster

TOOLS="$PROJECT/.venv/tools"

setup() {
  BIN="$BATS_TEST_TMPDIR/bin"
  mkdir "$BIN"
}

# use NAME PROGRAM VERSION: let the scripts find PROGRAM under that name; skip if there is none of this version.
use() {
  local name="$1" program="$2" version="$3" said
  said="$("$program" --version 2>&1 || "$program" version --client 2>&1)" || true # each program knows one of them
  [[ "$said" =~ $version ]] || skip "no $name of the wanted version here ($program: $version)"
  printf '#!/usr/bin/env bash\nexec "%s" "$@"\n' "$(command -v "$program")" >"$BIN/$name"
  chmod +x "$BIN/$name"
}

OLD_KUBECTL=("$TOOLS/kubectl-1.27/kubectl" 'v1\.27\.')
NEW_KUBECTL=("$TOOLS/kubectl-current/kubectl" 'v1\.3[5-9]\.')
OLD_JQ=(jq '^jq-1\.6')
NEW_JQ=("$TOOLS/jq-current/jq" '^jq-1\.[89]')
OLD_YQ=("$TOOLS/yq-3.1/yq" '^yq 3\.1\.') # Debian's
NEW_YQ=("$TOOLS/yq-current/yq" '^yq [4-9]\.')
OTHER_YQ=("$PROJECT/.venv/bin/yaqpy" '^yaqpy|version v?[0-9]')

# run_with KUBECTL_VERSION JQ_VERSION: a short run in each shape; what it says of its tools are those.
run_with() {
  local shape
  for shape in "first 0 60 10" "first 20 100"; do
    rm -rf "$BATS_TEST_TMPDIR/data"
    PATH="$BIN:$PATH" run "$PROJECT/run-experiment.sh" --embedded --speed 60 --yes "$(make_config tools model-based "$shape")" </dev/null
    echo "$output"
    [ "$status" -eq 0 ]
    [[ "$(field .tools.kubectl)" =~ $1 && "$(field .tools.jq)" =~ $2 ]]
    grep -q ',prediction,' "$(run_directory)/metrics.csv"
    jq -e .complete "$(run_directory)/collection.json"
  done
}

# Every config and manifest means to these programs what it means to Python; what is not one mapping, they refuse.
reads_all_configs() {
  local file
  # shellcheck source=run-experiment.sh
  source "$PROJECT/run-experiment.sh"
  PATH="$BIN:$PATH"
  for file in "$PROJECT"/experiment-configs/*.yaml "$PROJECT"/workloads/*.yaml; do
    diff <(python -c 'import json, sys, yaml; print(json.dumps(yaml.safe_load(open(sys.argv[1]))))' "$file" | jq --sort-keys .) \
      <(yaml_to_json "$file" | jq --sort-keys .)
  done
  printf 'a: 1\n---\nb: 2\n' >"$BATS_TEST_TMPDIR/two.yaml"
  printf 'a: [' >"$BATS_TEST_TMPDIR/broken.yaml"
  : >"$BATS_TEST_TMPDIR/empty.yaml"
  for file in two broken empty; do
    run yaml_to_json "$BATS_TEST_TMPDIR/$file.yaml"
    [ "$status" -ne 0 ]
  done
}

@test "kubectl 1.27, jq 1.6 and kislyuk's yq as Debian has it" {
  use kubectl "${OLD_KUBECTL[@]}"
  use jq "${OLD_JQ[@]}"
  use yq "${OLD_YQ[@]}"
  run_with "${OLD_KUBECTL[1]}" "${OLD_JQ[1]}"
}

@test "a current kubectl, a current jq and kislyuk's yq as PyPI has it" {
  use kubectl "${NEW_KUBECTL[@]}"
  use jq "${NEW_JQ[@]}"
  use yq "${NEW_YQ[@]}"
  run_with "${NEW_KUBECTL[1]}" "${NEW_JQ[1]}"
}

@test "a current kubectl, a current jq and the other yq" {
  use kubectl "${NEW_KUBECTL[@]}"
  use jq "${NEW_JQ[@]}"
  use yq "${OTHER_YQ[@]}"
  run_with "${NEW_KUBECTL[1]}" "${NEW_JQ[1]}"
}

@test "jq 1.6 with the other yq" {
  use jq "${OLD_JQ[@]}"
  use yq "${OTHER_YQ[@]}"
  reads_all_configs
}

@test "a current jq with kislyuk's yq, of Debian and of PyPI" {
  use jq "${NEW_JQ[@]}"
  use yq "${OLD_YQ[@]}"
  reads_all_configs
  use yq "${NEW_YQ[@]}"
  reads_all_configs
}
