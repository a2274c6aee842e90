#!/usr/bin/env bats
# Series of runs: repetitions, several configs interleaved, and what a resumed series runs again.

load helpers/cluster
load helpers/runner

setup() {
  export TMPDIR="$BATS_TEST_TMPDIR/tmp"
  mkdir "$TMPDIR"
}

# make_repeated NAME MODE REPEAT: two short loads, with that many repetitions.
make_repeated() {
  local file
  file="$(make_config "$1" "$2" "first 0 30 10" "second 10 20 5")"
  [[ "$3" -eq 1 ]] || echo "repeat: $3" >>"$file"
  echo "$file"
}

run_embedded() { runner --embedded --speed 60 --cooldown 5 --yes "$@"; }

runs() { ls -d "$BATS_TEST_TMPDIR"/data/*-20*; }

# of_runs FILTER: of each run.json, in the order of their names.
of_runs() { jq -r "$1" "$BATS_TEST_TMPDIR"/data/*-20*/run.json; }

# wait_until_run COUNT WORDS: until the runner has said them in so many runs.
wait_until_run() {
  wait_until has_said "$@" || wait_until has_said "$@" || wait_until has_said "$@"
}

has_said() { [ "$(grep -c "$2" "$BATS_TEST_TMPDIR/out")" -ge "$1" ]; }

# Temporary files of the runner.
left_behind() { ls "$TMPDIR"; }

@test "repetitions of two configs, interleaved: complete runs of one series, each in its mode with seeds of its own" {
  run run_embedded "$(make_repeated a model-based 2)" "$(make_repeated b capacity-based 1)"
  echo "$output"
  [ "$status" -eq 0 ]
  [ "$(of_runs '"\(.run_id) \(.name) \(.repetition | "\(.number) of \(.of)") \(.mode) \(.status) \(.exit_status)"' | sort | cut -d ' ' -f 2-)" = \
    $'a 1 of 2 model-based complete 0\nb 1 of 1 capacity-based complete 0\na 2 of 2 model-based complete 0' ]
  [ "$(of_runs .repetition.series | sort -u | wc -l)" -eq 1 ]
  [ "$(of_runs 'select(.name == "a") | .workloads[].seed' | sort -u | wc -l)" -eq 4 ]
  [ "$(of_runs 'select(.name == "a") | .seed')" = $'1\n2' ]
  while IFS= read -r run_dir; do
    jq -e .complete "$run_dir/collection.json"
  done < <(runs)
  for run_dir in "$BATS_TEST_TMPDIR"/data/a-20*; do
    grep -q ',prediction,' "$run_dir/metrics.csv"
  done
  [[ "$output" == *"repetition 2 of 2 of a, run 3 of 3 of the series"*"3 of 3 runs are complete"* ]]
  [[ "$output" == *"compare them with: "*"wva-parse compare "*"$BATS_TEST_TMPDIR/data/a-20"* ]]
  # shellcheck disable=SC2046 # their names have no spaces
  run python -m wva_parse compare $(ls -d "$BATS_TEST_TMPDIR"/data/a-20*)
  [ "$status" -eq 0 ]
  [[ "$output" == *"| repetition | 1 of 2 | 2 of 2 |"* ]]
  [ "$(left_behind)" = "" ]
}

@test "Ctrl-C in the second repetition ends the series; --resume runs that one and the third" {
  config="$(make_repeated cut model-based 3)"
  start_runner --embedded --speed 60 --cooldown 5 --yes "$config"
  wait_until_run 2 'started first'
  kill -INT -- "-$RUNNER_PID"
  expect_status 130
  grep -q "series .*: 1 of 3 runs are complete" "$BATS_TEST_TMPDIR/out"
  grep -qF "run the others with: $PROJECT/run-experiment.sh --resume --embedded --speed 60 --cooldown 5 --yes $config" \
    "$BATS_TEST_TMPDIR/out"
  [ "$(processes_left)" -eq 0 ]
  [ "$(left_behind)" = "" ]
  [ "$(of_runs '"\(.repetition.number) \(.status)"')" = $'1 complete\n2 interrupted' ]
  before="$(runs)"

  run run_embedded --resume "$config"
  echo "$output"
  [ "$status" -eq 0 ]
  [[ "$output" == *"repetition 1 of 3 of cut is complete and not run again: $(head -n 1 <<<"$before")"* ]]
  [ "$(runs | head -n 2)" = "$before" ]
  [ "$(of_runs '"\(.repetition.number) \(.status)"')" = $'1 complete\n2 interrupted\n2 complete\n3 complete' ]
  [ "$(of_runs .repetition.series | sort -u | wc -l)" -eq 1 ]
  [ "$(of_runs 'select(.repetition.number == 2) | .workloads[].seed' | sort | uniq -c | awk '{ print $1 }' | sort -u)" = 2 ]

  run run_embedded --resume "$config"
  [ "$status" -eq 0 ]
  [[ "$output" == *"nothing is left to run"*"3 of 3 runs are complete"*"compare them with: "* ]]
  [ "$(runs | wc -l)" -eq 4 ]
}

@test "Ctrl-C when a run is closed already, and the next has not begun, ends the series" {
  config="$(make_repeated late model-based 2)"
  start_runner --embedded --speed 60 --cooldown 5 --yes "$config"
  wait_until_run 1 'complete: data in'
  kill -INT -- "-$RUNNER_PID"
  expect_status 130
  [ "$(processes_left)" -eq 0 ]
  [ "$(of_runs '"\(.repetition.number) \(.status)"')" = "1 complete" ]
}

@test "a run like any other without repeat; once its config has changed, --resume says so and begins a new series" {
  config="$(make_repeated once model-based 1)"
  run run_embedded "$config"
  echo "$output"
  [ "$status" -eq 0 ]
  [[ "$output" != *series* ]]
  [ "$(of_runs '.repetition | "\(.number) of \(.of)"')" = "1 of 1" ]
  run python -m wva_parse plan "$config"
  [ "$(of_runs '.workloads[].seed')" = "$(cut -f 7 <<<"$output" | sed 1d)" ]

  echo 'timeout: 900' >>"$config"
  run run_embedded --resume "$config"
  echo "$output"
  [ "$status" -eq 0 ]
  [[ "$output" == *"nothing to resume: $config has changed since $(runs | head -n 1) (SHA-256 was "*" not mixed"* ]]
  [[ "$output" == *"starting from the first repetition"* ]]
  [ "$(of_runs .repetition.series | sort -u | wc -l)" -eq 2 ]
}

@test "a repetition that fails does not stop the others, and is run again by --resume" {
  start_cluster
  # The second has time to fail, however late a busy machine starts it.
  config="$(make_config failing model-based "first 0 30 10" "second 10 240 5")"
  echo 'repeat: 2' >>"$config"
  order job-fail '"match": "load-second", "after": 1'
  start_runner --kubeconfig "$KUBECONFIG" --cooldown 5 --yes "$config"
  wait_until_run 1 'second failed'
  order job-fail '"match": "load-second", "after": 1000000'
  expect_status 4
  [ "$(of_runs '"\(.repetition.number) \(.status) \(.exit_status)"')" = $'1 failed 4\n2 complete 0' ]
  grep -q "1 of 2 runs are complete" "$BATS_TEST_TMPDIR/out"
  grep -q "run the others with: .* --resume" "$BATS_TEST_TMPDIR/out"
  [ "$(jobs_left)" -eq 0 ]
  run runner --resume --kubeconfig "$KUBECONFIG" --cooldown 5 --yes "$config"
  echo "$output"
  [ "$status" -eq 0 ]
  [ "$(of_runs '"\(.repetition.number) \(.status)"')" = $'1 failed\n2 complete\n1 complete' ]
}

@test "a refusal in the midst of a series ends it with status 3 and says how to go on" {
  start_cluster
  config="$(make_repeated refused model-based 3)"
  cp "$config" "$BATS_TEST_TMPDIR/as-it-was"
  start_runner --kubeconfig "$KUBECONFIG" --cooldown 5 --yes "$config"
  wait_until_run 1 'started first'
  echo '# a change' >>"$config"
  expect_status 3
  grep -q "has changed since this series was begun" "$BATS_TEST_TMPDIR/out"
  grep -q "1 of 3 runs are complete" "$BATS_TEST_TMPDIR/out"
  grep -q "run the others with: .* --resume" "$BATS_TEST_TMPDIR/out"
  [ "$(runs | wc -l)" -eq 1 ]
  [ "$(left_behind)" = "" ]
  [ "$(of_runs .config_sha256)" = "$(sha256sum <"$BATS_TEST_TMPDIR/as-it-was" | cut -d ' ' -f 1)" ]
  run python -m wva_parse series --resume "$config"
  [[ "$output" == *"nothing to resume: $config has changed since $(runs)"* ]]
  mv "$BATS_TEST_TMPDIR/as-it-was" "$config"
  run python -m wva_parse series --resume "$config"
  [[ "$output" == *": 1 of 3 runs are complete"* ]]
}

@test "a dry run of a series looks at each config once and says how long all of it takes" {
  run run_embedded --dry-run "$(make_repeated a model-based 3)" "$(make_repeated b capacity-based 2)"
  echo "$output"
  [ "$status" -eq 0 ]
  [ "$(grep -c 'checks:' <<<"$output")" -eq 2 ]
  [ "$(grep -o 'repetition . of . of .$' <<<"$output" | paste -s -d , -)" = \
    "repetition 1 of 3 of a,repetition 1 of 2 of b,repetition 2 of 3 of a,repetition 2 of 2 of b,repetition 3 of 3 of a" ]
  [ "$(grep -c 'the series takes about 175 s more in 5 runs: 3 s at 60 times real time' <<<"$output")" -eq 1 ]
  [ ! -e "$BATS_TEST_TMPDIR/data" ]
  [ "$(left_behind)" = "" ]
}

@test "two experiments of one name are refused" {
  config="$(make_repeated twin model-based 1)"
  run run_embedded "$config" "$config"
  [ "$status" -eq 2 ]
  [[ "$output" == *"its name is 'twin', as that of"* ]]
  [ "$(left_behind)" = "" ]
}
