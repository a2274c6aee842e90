"""What a run asks of the cluster and how well it keeps its plan, on the embedded cluster: `make bench`.

Ten workloads that overlap, started ten seconds of the plan apart: how far each is off its planned start, in real
time, as that is what the runner needs for it. Two plans of different lengths are run with a kubectl that counts its
calls, and their difference is divided by that of the collector's polls, so that what is done before and after does not
count. What follows a run, the analysis of `make demo`, is measured as the processor time of its command.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent.parent
sys.path[:0] = [str(PROJECT / "tests"), str(PROJECT)]

from configs import EMBEDDED  # noqa: E402
from measured import line, of_command  # noqa: E402
from printed import print_table  # noqa: E402

SPEED, INTERVAL_S = 10, 5
WORKLOADS, APART_S = 10, 10
DURATIONS_S = (60, 360)  # of each workload, in the plans to be subtracted from each other
AFTER_DEMO_S = 8.0
START_S = 1.0  # real time
COUNTING = '#!/bin/sh\necho "$*" >>"{calls}"\nexec "{kubectl}" "$@"\n'

CONFIG = f"""\
name: benchmark
{EMBEDDED}\
metrics: {{interval: {INTERVAL_S}}}
output: {{base_dir: RUNS}}
workloads:
"""
WORKLOAD = """\
  - name: load-{number}
    job_manifest: workloads/sharegpt-load-job-warmup.yaml
    start_delay: {start_s}
    duration: {duration_s}
"""


def run(directory: Path, duration_s: int) -> tuple[Path, int]:
    """A run with so long workloads: its directory, and how often kubectl was called."""
    kubectl, calls = shutil.which("kubectl"), directory / "calls"
    if kubectl is None:
        raise SystemExit("bench_run: no kubectl; `make setup` installs one")
    bin_dir = directory / "bin"
    bin_dir.mkdir(parents=True)
    (bin_dir / "kubectl").write_text(COUNTING.format(calls=calls, kubectl=kubectl))
    (bin_dir / "kubectl").chmod(0o755)
    works = (WORKLOAD.format(number=n, start_s=n * APART_S, duration_s=duration_s) for n in range(WORKLOADS))
    config = directory / "benchmark.yaml"
    config.write_text(CONFIG.replace("RUNS", str(directory / "runs")) + "".join(works))
    environment = {**os.environ, "PATH": f"{bin_dir}{os.pathsep}{os.environ['PATH']}"}
    argv = ["--embedded", "--speed", SPEED, "--yes", config]
    of_command([PROJECT / "run-experiment.sh", *argv], environment, PROJECT)
    (found,) = (directory / "runs").iterdir()
    return found, len(calls.read_text().splitlines())


def polls_of(directory: Path) -> int:
    """How often the collector of a run has polled."""
    return int(json.loads((directory / "collection.json").read_text())["polls"])


def deviations_s(directory: Path) -> list[float]:
    """How far each workload of a run was off its planned start, in real time."""
    record = json.loads((directory / "run.json").read_text())
    begun = seconds(record["plan_start"])
    works = record["workloads"]
    return [abs(seconds(work["start"]) - begun - work["planned_start_s"]) / SPEED for work in works]


def seconds(stamp: str) -> float:
    """A time of the record."""
    return datetime.fromisoformat(stamp.replace("Z", "+00:00")).timestamp()


def table(rounds: int) -> Iterator[str]:
    """The measurements, a line each."""
    with tempfile.TemporaryDirectory() as name:
        found = [run(Path(name) / str(duration_s), duration_s) for duration_s in DURATIONS_S]
        (short, few), (long, many) = found
        polls = polls_of(long) - polls_of(short)
        yield line(f"calls of kubectl per poll, {WORKLOADS} workloads", [(many - few) / polls], "")
        off_s = [off_s for directory, _ in found for off_s in deviations_s(directory)]
        yield line(f"a start is off its plan, {2 * WORKLOADS} starts at {SPEED} x", off_s, target=START_S)
        analyze = [sys.executable, "-m", "wva_parse", "analyze", "--html", long]
        values = [of_command(analyze, cwd=PROJECT)[0] for _ in range(rounds)]
        yield line("processor time after a run with --analyze, as `make demo`", values, target=AFTER_DEMO_S)


if __name__ == "__main__":
    print_table(__doc__, table)
