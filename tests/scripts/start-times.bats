#!/usr/bin/env bats
# Parallel workloads start when the plan says, whatever else there is to do then.

load helpers/cluster

# kubectl, of which the first reading of a Job's log ends when two more Jobs have been created, or gives up after a minute.
stub_slow_logs() {
  BIN="$BATS_TEST_TMPDIR/bin"
  mkdir "$BIN"
  cat >"$BIN/kubectl" <<END
#!/usr/bin/env bash
if [[ "\$*" == *"logs --namespace"*"--selector"* ]] && mkdir "$BIN/reading" 2>/dev/null; then
  for ((try = 0; try < 600; try++)); do
    [[ "\$(grep -c created "$BIN/created")" -lt 4 ]] || break
    sleep 0.1
  done
  grep -c created "$BIN/created" >"$BIN/seen"
fi
status=0
"$(command -v kubectl)" "\$@" || status=\$?
[[ "\$*" != *" create --"* || "\$*" == *--dry-run* ]] || echo created >>"$BIN/created"
exit "\$status"
END
  chmod +x "$BIN/kubectl"
}

@test "two starts while another workload ends, whose log takes its time: they do not wait for it" {
  stub_slow_logs
  PATH="$BIN:$PATH" run "$PROJECT/run-experiment.sh" --embedded --speed 60 --yes \
    "$(make_config late model-based "first 0 60 10" "second 60 60 10" "third 60 60 10")" </dev/null
  echo "$output"
  [ "$status" -eq 0 ]
  [ "$(cat "$BIN/seen")" -eq 4 ] # the marker of the run as well
  # By the cluster's clock none begins before its time.
  [ "$(field '[.workloads[].start | fromdate] | .[1] - .[0] >= 59 and .[2] - .[0] >= 59')" = true ]
  [ "$(field '[.workloads[].start_late_s] | all(. >= 0)')" = true ]
}
