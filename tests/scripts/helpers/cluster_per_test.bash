# For tests that break a cluster: each has one of its own, and all that is needed to collect and to run on it.
# shellcheck shell=bash

HELPERS="$(dirname "${BASH_SOURCE[0]}")"
# shellcheck source=tests/scripts/helpers/cluster.bash
source "$HELPERS/cluster.bash"
# shellcheck source=tests/scripts/helpers/collector.bash
source "$HELPERS/collector.bash"
# shellcheck source=tests/scripts/helpers/workloads.bash
source "$HELPERS/workloads.bash"

# shellcheck disable=SC2119 # the functions of bats have no arguments to hand on
setup() { start_cluster; }
