#!/usr/bin/env bats
# Names and paths that a careless script would take apart or execute.
# shellcheck disable=SC2016 # that is the point

load helpers/cluster

# What no path can hold is a slash; the rest is here. If any of it were executed, a file would appear.
NASTY="it's a \"dir\"; \$(touch executed) \`touch executed\` & %s *, #"

setup() {
  cd "$BATS_TEST_TMPDIR" || exit
  mkdir "$NASTY"
}

# The project as if it had been cloned into a directory; git, results and tests stay out of it.
check_out() {
  mkdir -p "$1"
  cp -R "$PROJECT"/{run-experiment.sh,monitor-wva.sh,lib,wva_parse,wva_sim,experiment-configs,workloads,analyze-model-based.ipynb} "$1/"
  ln -s "$PROJECT/.venv" "$1/.venv"
}

nothing_was_executed() {
  run find "$BATS_TEST_TMPDIR" -name executed
  [ -z "$output" ]
}

@test "checkout, config, manifest, results and temporary files in directories with a name like a program" {
  local checkout="$PWD/$NASTY/project" config="$PWD/$NASTY/-n"
  check_out "$checkout"
  mkdir "$NASTY/tmp"
  write_job "$NASTY/job \$(touch executed).yaml" first 10 100000
  make_config nasty model-based "first 0 60 10" >/dev/null
  yq --output-format=json . nasty.yaml | jq --arg nasty "$PWD/$NASTY" '.output.base_dir = $nasty + "/data"
    | .description = "$(touch executed) \u0027 \" `touch executed`" | .model_name = "a/$(touch executed) \u0027b\""
    | .workloads[0].job_manifest = "job $(touch executed).yaml"' >"$config"
  cd "$NASTY"
  TMPDIR="$PWD/tmp" run "$checkout/run-experiment.sh" --embedded --speed 60 --yes --analyze -- -n </dev/null
  echo "$output"
  [ "$status" -eq 0 ]
  local directory
  directory="$(echo "$PWD"/data/nasty-20*)"
  [ "$(jq -r .status "$directory/run.json")" = complete ]
  [ "$(jq -r .workloads[0].manifest "$directory/run.json")" = "$PWD/job \$(touch executed).yaml" ]
  cmp "$config" "$directory/experiment-config.yaml"
  [ -s "$directory/report.html" ]
  [ -z "$(ls -A tmp)" ]
  nothing_was_executed
}

@test "names in a config that are no names are refused, and nothing is executed" {
  local good name key
  good="$(make_config good model-based "first 0 30 10")"
  for name in '../evil' '/evil' '-n' '$(touch executed)' 'a b' "a'b" 'a"b' '`touch executed`' 'a;b' $'a\nb' ''; do
    yq --output-format=json . "$good" | jq --arg name "$name" '.name = $name | .workloads[0].name = $name
      | .namespace = $name | .controller_namespace = $name | .deployment = $name | .controller_pod_prefix = $name' >bad.yaml
    run "$PROJECT/run-experiment.sh" --embedded bad.yaml </dev/null
    [ "$status" -eq 2 ]
    [[ "$output" != *Traceback* ]]
    for key in name workloads namespace controller_namespace deployment controller_pod_prefix; do
      [[ "$output" == *"bad.yaml:"*"$key"* ]] || {
        echo "$key '$name': $output"
        false
      }
    done
  done
  nothing_was_executed
}

@test "a config that is called like an option, or like a program" {
  make_config good model-based "first 0 30 10" >/dev/null
  cp good.yaml ./-n
  cp good.yaml './$(touch executed).yaml'
  run "$PROJECT/run-experiment.sh" --embedded -- --dry-run </dev/null
  [ "$status" -eq 2 ]
  [[ "$output" == *"there is no config '--dry-run'"* ]]
  run "$PROJECT/run-experiment.sh" --embedded --dry-run -- -n </dev/null
  [ "$status" -eq 0 ]
  run "$PROJECT/run-experiment.sh" --embedded --dry-run '$(touch executed).yaml' </dev/null
  [ "$status" -eq 0 ]
  run "$PROJECT/run-experiment.sh" --embedded --dry-run '../../$(touch executed)' </dev/null
  [ "$status" -eq 2 ]
  [[ "$output" == *"there is no config"* ]]
  nothing_was_executed
}
