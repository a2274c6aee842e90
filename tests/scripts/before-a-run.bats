#!/usr/bin/env bats
# What the runner finds before it begins: configs, options, the cluster, and what other runs have left there.

load helpers/cluster
load helpers/runner

@test "--keep-jobs keeps them, and the next run names what is left" {
  start_cluster
  config="$(make_config kept model-based "first 10 100")"
  run runner --kubeconfig "$KUBECONFIG" --yes --keep-jobs "$config"
  [ "$status" -eq 0 ]
  [ "$(jobs_left)" -eq 1 ]
  run runner --kubeconfig "$KUBECONFIG" --yes --dry-run "$config"
  [ "$status" -eq 0 ]
  [[ "$output" == *"Jobs of an earlier run are left"*"--clean removes them"* ]]
  [[ "$output" =~ controller:\ [^,]+,\ [a-z0-9-]+\ \(the\ leader\) || "$output" =~ controller:\ [a-z0-9-]+\ \(the\ leader\),\ [a-z0-9-]+ ]]
  run runner --kubeconfig "$KUBECONFIG" --yes --clean "$config"
  [ "$status" -eq 0 ]
  [[ "$output" == *"removed what an earlier run has left: load-first-"* ]]
  [ "$(jobs_left)" -eq 0 ]
}

@test "--keep-jobs ends the load all the same: what had not ended is suspended, at the planned end and after Ctrl-C" {
  start_cluster
  config="$(make_config kept model-based "first 0 60 200" "second 0 30 1")"
  awk '{ print } / duration: 60$/ { print "    drain: 10" }' "$config" >"$config.yaml"
  run runner --kubeconfig "$KUBECONFIG" --yes --keep-jobs "$config.yaml"
  echo "$output"
  [ "$status" -eq 4 ]
  [[ "$output" == *"the load Jobs are kept, suspended where they had not ended; remove them with: kubectl delete jobs "* ]]
  are_kept "load-first true,load-second null"
  kubectl delete jobs --all --namespace "$NAMESPACE"
  rm -r "$BATS_TEST_TMPDIR/data"
  start_runner --kubeconfig "$KUBECONFIG" --yes --keep-jobs "$(make_config kept model-based "first 0 6000 10")"
  wait_until has_pod_of first
  kill -INT -- "-$RUNNER_PID"
  expect_status 130
  are_kept "load-first true"
  [ "$(field '.workloads[0].result')" = interrupted ]
}

# are_kept "NAME SUSPENDED,...": the Jobs that are there, without the time of their run; and no pod of them runs.
are_kept() {
  kubectl get jobs,pods --namespace "$NAMESPACE" --selector wva-experiments/run --output json >"$BATS_TEST_TMPDIR/left"
  [ "$(jq -r '[.items[] | select(.kind == "Job") | "\(.metadata.name[:-16]) \(.spec.suspend // null)"] | join(",")' \
    "$BATS_TEST_TMPDIR/left")" = "$1" ]
  jq -e 'all(.items[] | select(.kind == "Pod"); .status.phase | IN("Succeeded", "Failed"))' "$BATS_TEST_TMPDIR/left"
}

@test "a run that is in its cooldown is noticed by another one, and is no more when it is over" {
  start_cluster
  config="$(make_config cooling model-based "first 0 30 10")"
  start_runner --kubeconfig "$KUBECONFIG" --yes --cooldown 6000 "$config"
  wait_until grep -q 'cooldown:' "$BATS_TEST_TMPDIR/out"
  run runner --kubeconfig "$KUBECONFIG" --yes "$config"
  [ "$status" -eq 3 ]
  [[ "$output" == *"FAIL  another run is active on ms-inference"*": wva-run-20"* ]]
  kill -INT -- "-$RUNNER_PID"
  expect_status 130
  [ "$(jobs_left)" -eq 0 ]
}

@test "a Deployment that is scaled to 0: what helps is said" {
  start_cluster
  kubectl scale deployment --namespace "$NAMESPACE" --all --replicas 0
  config="$(make_config asleep model-based "first 0 30 10")"
  run runner --kubeconfig "$KUBECONFIG" --yes --dry-run "$config"
  [ "$status" -eq 3 ]
  [[ "$output" == *"FAIL  Deployment ms-inference"*" is scaled to 0"*"kubectl scale deployment ms-inference"*"--replicas 1"* ]]
}

@test "another run on the same Deployment is a refusal, on another one not; --clean --yes removes what was left of it" {
  start_cluster
  config="$(make_config late model-based "first 10 100")"
  foreign_job other-deployment | kubectl create -f -
  run runner --kubeconfig "$KUBECONFIG" --yes --dry-run "$config"
  [ "$status" -eq 0 ]
  [[ "$output" == *"no other run, no leftovers"* ]]
  foreign_job ms-inference-scheduling-llm-d-modelservice-decode | kubectl create -f -
  run runner --kubeconfig "$KUBECONFIG" "$config"
  [ "$status" -eq 3 ]
  [[ "$output" == *"another run is active on ms-inference"*"of-ms-inference"*"--clean --yes"* ]]
  run runner --kubeconfig "$KUBECONFIG" --clean "$config"
  [ "$status" -eq 3 ]
  [ "$(jobs_left)" -eq 2 ]
  run runner --kubeconfig "$KUBECONFIG" --clean --yes "$config"
  [ "$status" -eq 0 ]
  [ "$(kubectl get jobs --namespace "$NAMESPACE" --output name)" = job.batch/of-other-deployment ]
}

# foreign_job DEPLOYMENT: a load Job of another run, in progress.
foreign_job() {
  write_job "$BATS_TEST_TMPDIR/foreign.yaml" foreign 1 100000
  jq --arg deployment "$1" --arg namespace "$NAMESPACE" '.metadata = {name: "of-\($deployment)"[:50], namespace: $namespace,
      labels: {"wva-experiments/run": "20260101-000000"}, annotations: {"wva-experiments/deployment": $deployment}}' \
    "$BATS_TEST_TMPDIR/foreign.yaml"
}

@test "a dry run prints the plan and changes nothing" {
  start_cluster
  config="$(make_config dry model-based "first 0 60 10" "second 30 60 15")"
  run runner --kubeconfig "$KUBECONFIG" --dry-run "$config"
  [ "$status" -eq 0 ]
  [[ "$output" == *"25 req/s"*"first + second"* ]]
  [[ "$output" == *"dry run: nothing was changed"* ]]
  [ "$(jobs_left)" -eq 0 ]
  [ ! -e "$BATS_TEST_TMPDIR/data" ]
}

@test "the other mode is refused without a terminal, and accepted with --yes" {
  start_cluster --mode capacity-based
  config="$(make_config mismatch model-based "first 0 30 10")"
  run runner --kubeconfig "$KUBECONFIG" --dry-run "$config"
  [ "$status" -eq 3 ]
  [[ "$output" == *"controller mode is capacity-based"*"the config says model-based"* ]]
  run runner --kubeconfig "$KUBECONFIG" --dry-run --yes "$config"
  [ "$status" -eq 0 ]
}

@test "a missing Deployment and missing controller pods are refused with what to do" {
  start_cluster
  config="$(make_config absent model-based "first 0 30 10")"
  sed -i.old -e 's/^deployment: .*/deployment: absent/' -e 's/^controller_pod_prefix: .*/controller_pod_prefix: nobody/' "$config"
  run runner --kubeconfig "$KUBECONFIG" --yes "$config"
  [ "$status" -eq 3 ]
  [[ "$output" == *"there is no Deployment absent"* ]]
  [[ "$output" == *"no running pod"*"begins with nobody"* ]]
  [ ! -e "$BATS_TEST_TMPDIR/data" ]
}

@test "without any cluster: status 3, the cause and --embedded" {
  run env -u KUBECONFIG HOME="$BATS_TEST_TMPDIR" "$PROJECT/run-experiment.sh" "$PROJECT/experiment-configs/model-based-moderate.yaml"
  [ "$status" -eq 3 ]
  [[ "$output" == *"no cluster is configured"* ]]
  [[ "$output" == *"--embedded"* ]]
}

@test "bad configs: one clear message, status 2, no traceback" {
  cd "$BATS_TEST_TMPDIR"
  good="$(make_config good model-based "first 0 30 10")"
  printf 'a: [' >broken.yaml
  printf 'a: 1\n---\nb: 2\n' >two.yaml
  sed 's/^mode:/mdoe:/' "$good" >unknown.yaml
  { sed '/^workloads:/,$d' "$good" && echo 'workloads: []'; } >empty.yaml
  printf 'apiVersion: v1\nkind: Pod\nmetadata: {name: x}\n' >pod.yaml
  sed 's/job_manifest: .*/job_manifest: pod.yaml/' "$good" >not-a-job.yaml
  while IFS='|' read -r file said; do
    run runner --embedded "$file"
    [ "$status" -eq 2 ] || {
      echo "$file: status $status: $output"
      false
    }
    [[ "$output" == *"$said"* ]] || {
      echo "$file: $output"
      false
    }
    [[ "$output" != *Traceback* ]]
  done <<'TABLE'
missing.yaml|there is no config 'missing.yaml'
broken.yaml|broken.yaml:1: not valid YAML
two.yaml|a second YAML document
unknown.yaml|did you mean 'mode'
empty.yaml|saw an empty list
not-a-job.yaml|expected the manifest of a Job
TABLE
}

@test "bad options: one line, status 2" {
  while IFS='|' read -r options said; do
    # shellcheck disable=SC2086 # several options
    run runner $options
    [ "$status" -eq 2 ]
    [[ "$output" == *"$said"* ]] || {
      echo "$options: $output"
      false
    }
  done <<'TABLE'
--nonsense|unknown option '--nonsense'
--speed 0 --embedded x|--speed: saw '0'
--speed 10 model-based-high|--speed needs --embedded
--cooldown soon x|--cooldown: saw 'soon', expected seconds: 300, or 5m
--cooldown 5m30 x|--cooldown: saw '5m30'
--kubeconfig /nowhere x|there is no file '/nowhere'
--embedded --context c x|leave out --context
a b|there is no config 'a'
-- -n|there is no config '-n'
TABLE
}

@test "a cooldown is whole seconds or a duration" {
  while IFS='|' read -r given seconds; do
    run bash -c 'source "$1"; seconds_of "$2" || echo none' - "$PROJECT/run-experiment.sh" "$given"
    [ "$output" = "$seconds" ]
  done <<'TABLE'
90|90
007|7
0s|0
90s|90
5m|300
1m30s|90
1h|3600
1h1m1s|3661
5x|none
5m30|none
30s1m|none
-5m|none
|none
TABLE
}

@test "without a config the configs are listed; --help is the header" {
  run runner
  [ "$status" -eq 0 ]
  [[ "$output" == *"capacity-based-high-parallel"*"model-based-moderate"* ]]
  run runner --help
  [ "$status" -eq 0 ]
  [[ "$output" == "Run one WVA experiment"*"--keep-jobs"*"130 interrupted"* ]]
}

@test "a model that WVA's variant is not of is told before the start" {
  start_cluster
  config="$(make_config other model-based "first 0 30 10")"
  sed -i.bak 's/^model_name: .*/model_name: nobody\/serves-this/' "$config"
  run runner --kubeconfig "$KUBECONFIG" --dry-run "$config"
  [[ "$output" == *"warn  WVA's variant of ms-inference"*" is of model unsloth/Meta-Llama-3.1-8B, the config's model_name is nobody/serves-this"* ]]
}

@test "Ctrl-C during the checks is answered, whenever it comes" {
  local moment answered=0 status
  start_cluster
  config="$(make_config early model-based "first 0 30 10")"
  for moment in early 0 0.05 0.1 0.2 0.3 0.5; do
    start_runner --kubeconfig "$KUBECONFIG" --dry-run "$config"
    if [ "$moment" = early ]; then
      sleep 0.5
    else
      wait_until grep -q 'checks:' "$BATS_TEST_TMPDIR/out"
      sleep "$moment"
    fi
    kill -INT -- "-$RUNNER_PID" 2>/dev/null || true # it may have ended
    status=0
    wait "$RUNNER_PID" || status=$?
    RUNNER_PID=
    echo "$moment: status $status"
    cat "$BATS_TEST_TMPDIR/out"
    # Sooner it had not begun to listen, later it was over.
    if [ -s "$BATS_TEST_TMPDIR/out" ] && ! grep -q 'dry run: nothing was changed' "$BATS_TEST_TMPDIR/out"; then
      [ "$status" -eq 130 ]
      grep -q 'interrupted before the run began: no load was started' "$BATS_TEST_TMPDIR/out"
      answered=$((answered + 1))
    fi
  done
  [ "$answered" -ge 2 ]
}

@test "a machine that does not keep up with the speed is told so, with one that it keeps up with" {
  local bin="$BATS_TEST_TMPDIR/bin"
  mkdir "$bin"
  printf '#!/bin/sh\ncase "$*" in *embedded/clock*) sleep 1 ;; esac\nexec %s "$@"\n' "$(command -v kubectl)" >"$bin/kubectl"
  chmod +x "$bin/kubectl"
  config="$(make_config slow model-based "first 0 30 10")"
  PATH="$bin:$PATH" run runner --embedded --speed 100 --dry-run "$config"
  [ "$status" -eq 0 ]
  [[ "$output" =~ warn\ +a\ call\ of\ kubectl\ takes\ 1[0-9]+\ ms\ here,\ 1[0-9]+\ s\ of\ the\ plan\ at\ 100\ times\ real\ time ]]
  [[ "$output" =~ --speed\ [1-9]\ keeps\ up || "$output" == *"--speed 10 keeps up"* ]]
  run runner --embedded --speed 1 --dry-run "$config"
  [[ "$output" != *"a call of kubectl takes"* ]]
}
