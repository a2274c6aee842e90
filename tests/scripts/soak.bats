#!/usr/bin/env bats
# An hour of the controller's life with a fault every other minute; another one each time, or $SOAK_SEED's.

# bats file_tags=slow

load helpers/cluster_per_test

setup() {
  SEED="${SOAK_SEED:-$((RANDOM * 32768 + RANDOM))}"
  start_cluster --seed "$((SEED % 10000))"
}

FAULTS=(leader-change controller-crash controller-pod-delete log-rotate log-burst log-line log-partial api-outage watch-expire log-cut)

options_of() {
  case "$1" in
    log-burst) echo "\"lines\": $((RANDOM % 2000 + 1))" ;;
    log-line) echo "\"length\": $((RANDOM * 3 + 1)), \"times\": $((RANDOM % 5 + 1))" ;;
    log-partial) echo "\"text\": \"half and $RANDOM\", \"seconds\": $((RANDOM % 20 + 1))" ;;
    api-outage) echo "\"seconds\": $((RANDOM % 31 + 10))" ;;
  esac
}

# Another fault may have left the cluster without what this one needs, such as a leader.
try_order() { order "$@" >>"$BATS_TEST_TMPDIR/orders" 2>&1 || echo "not possible now: $*" >>"$BATS_TEST_TMPDIR/orders"; }

@test "sixty minutes with a random fault every two: nothing is lost" {
  local minute fault
  echo "SOAK_SEED=$SEED"
  start_monitor
  RANDOM=$((SEED % 32768))
  for ((minute = 0; minute < 60; minute += 2)); do
    fault="${FAULTS[RANDOM % ${#FAULTS[@]}]}"
    echo "minute $minute: $fault"
    try_order "$fault" "$(options_of "$fault")"
    pass 120
  done
  cat "$BATS_TEST_TMPDIR/orders"
  nothing_is_lost
  is_complete
}
