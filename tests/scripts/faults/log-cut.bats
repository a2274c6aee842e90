#!/usr/bin/env bats
# A kubelet hangs up although the container goes on writing.

load ../helpers/cluster_per_test

@test "a reading that is cut goes on where it was" {
  start_monitor
  for number in 1 2 3; do
    order log-cut
    order log-line "\"text\": \"after cut $number\", \"times\": 3"
    pass 30
  done
  nothing_is_lost
  is_complete
}

@test "a line that nobody can have read: the verdict says so, and that is all that is missing" {
  start_monitor
  pass 30
  can_lose_line "$MONITOR_PID" "gone for good"
  pass 120
  nothing_is_lost_but "gone for good"
  is_doubtful "may be missing"
  ! grep -q "gone for good" "$LOG" || false
}

@test "the runner exits with 5, and keeps the data" {
  lose_line_of_run 3>&- &
  run_config "$(make_config gap model-based "first 0 180 10")"
  [ "$status" -eq 5 ]
  [[ "$output" == *"the log may have gaps"* ]]
  says_why "$(run_directory)/collection.json" "may be missing"
  [ "$(field '"\(.exit_status) \(.workloads[0].result)"')" = "5 complete" ]
  grep -q ',prediction,' "$(run_directory)/metrics.csv"
  [ -s "$(run_directory)/job-logs/first.log" ]
  [ -s "$(run_directory)/cluster-samples.jsonl" ]
  grep -q 'gaps' "$(run_directory)/README.md"
  [ "$(jobs_left)" -eq 0 ]
}

lose_line_of_run() {
  wait_until has_pod_of first
  can_lose_line "$(cat "$(run_directory)/.wva-controller-logs.jsonl.spool/collector.pid")" "gone for good"
} >/dev/null
