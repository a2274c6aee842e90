"""What a poll of the collector costs in processor time, and whether that grows with the log: `make bench`.

First `collect-merge` alone, which is started once per poll: a thousand new lines each time, in turns for a log that has
just begun and for one of LONG lines, so that whatever else the machine does meets both alike. Then all of
`monitor-wva.sh` on an embedded cluster whose controller writes a thousand lines between two polls: its shell, kubectl
and jq, and every child of theirs. Two collections of different lengths are subtracted from each other, so that starting
and closing do not count.

Exit status 1 if a poll takes longer than LIMIT_S, beside what kubectl needs to start and to list the cluster twice
(which does not depend on the lines), or grows by more than GROWTH_S over a hundred thousand lines. Beside
other work processor time is longer as well: on a machine with nothing else to do the numbers are the truth.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from operator import sub
from pathlib import Path

from measured import children_s

PROJECT = Path(__file__).resolve().parent.parent.parent
LIMIT_S = 0.2
GROWTH_S = 0.005
LINES = 1000  # per poll
LONG = 1_000_000
MERGES = 40
INTERVAL_S = 3
POLLS = (4, 24)  # of the two collections
NAMESPACE, DEPLOYMENT = "llm-d-autoscaler", "ms-inference-scheduling-llm-d-modelservice-decode"
CONTROLLERS, PREFIX = "workload-variant-autoscaler-system", "workload-variant-autoscaler-controller-manager"

FILLER = "x" * 200
ENVIRONMENT = {
    **os.environ,
    "PYTHONPATH": str(PROJECT),
    "PATH": f"{os.environ['PATH']}{os.pathsep}{PROJECT / '.venv' / 'bin'}",
}


# --- one process per poll ---------------------------------------------------------------------------


class Merges:
    """Polls with lines as a controller writes them that logs one per millisecond."""

    def __init__(self, directory: Path) -> None:
        self.spools, self.log = directory / "spools", directory / "log.jsonl"
        self.spools.mkdir(parents=True)
        self.lines = 0
        status = {"name": "manager", "restartCount": 0, "state": {"running": {}}}
        pod = {
            "kind": "Pod",
            "metadata": {"name": "wva-1", "uid": "1"},
            "status": {"containerStatuses": [status]},
        }
        (self.spools / "pods.json").write_text(json.dumps({"items": [pod]}))
        self.poll_s(0)

    def poll_s(self, lines: int) -> float:
        """Processor seconds of a poll that finds so many new lines."""
        if lines:
            with (self.spools / "000001.log").open("ab") as spool:
                spool.writelines(map(printed, range(self.lines, self.lines + lines)))
            self.lines += lines
        # As monitor-wva.sh starts it.
        options = ["-S", "-m", "wva_parse", "collect-merge", "--prefix", "wva-", str(self.log), str(self.spools)]
        start = children_s()
        subprocess.run([sys.executable, *options], env=ENVIRONMENT, check=True, stdout=subprocess.DEVNULL)
        return children_s() - start

    def check(self) -> None:
        """Polls that lost a line would be quick for the wrong reason."""
        if self.log.read_bytes().count(b"\n") != self.lines:
            raise SystemExit("bench_collect: not every line has been merged, the times mean nothing")


def printed(number: int) -> bytes:
    """What kubectl prints of a line."""
    second, milli = divmod(number, 1000)
    stamp = f"2026-01-01T{second // 3600:02d}:{second // 60 % 60:02d}:{second % 60:02d}.{milli:03d}"
    return f'{stamp}000000Z {{"level":"DEBUG","ts":"{stamp}Z","msg":"line {number} {FILLER}"}}\n'.encode()


def merge_times(directory: Path) -> tuple[list[float], list[float]]:
    """Processor seconds of polls with LINES new lines: those of a log that has just begun, and of a long one."""
    short, long = Merges(directory / "short"), Merges(directory / "long")
    long.poll_s(LONG)
    times = [(short.poll_s(LINES), long.poll_s(LINES)) for _ in range(MERGES)]
    short.check()
    long.check()
    first, second = zip(*times, strict=True)
    return list(first), list(second)


# --- the whole collector ----------------------------------------------------------------------------


@contextmanager
def cluster(state: Path) -> Iterator[dict[str, str]]:
    """An embedded cluster in real time; the environment to reach it."""
    state.mkdir()
    command = [sys.executable, "-m", "wva_sim", "serve", "--state", str(state), "--speed", "1"]
    with subprocess.Popen(command, env=ENVIRONMENT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as server:
        try:
            deadline = time.monotonic() + 60
            while not (state / "ready").exists() or not (state / "ready").read_text():
                if server.poll() is not None or time.monotonic() > deadline:
                    raise SystemExit("bench_collect: the embedded cluster has not started within 60 s")
                time.sleep(0.1)
            yield {**ENVIRONMENT, "KUBECONFIG": str(state / "kubeconfig"), "KUBECACHEDIR": str(state / "cache")}
        finally:
            server.terminate()


def order_lines(state: Path, seconds: int) -> None:
    """Let the controller write LINES per interval for a while."""
    url = json.loads((state / "ready").read_text())["url"] + "/embedded/faults"
    order = {"fault": "log-burst", "lines": LINES * seconds // INTERVAL_S, "seconds": seconds}
    request = urllib.request.Request(url, json.dumps(order).encode(), {"Content-Type": "application/json"})
    with urllib.request.urlopen(request) as answer:
        answer.read()


def collect(directory: Path, environment: dict[str, str], polls: int) -> tuple[float, int, int]:
    """Collect for so many polls: processor seconds, polls and lines."""
    directory.mkdir()
    command = [str(PROJECT / "monitor-wva.sh"), CONTROLLERS, PREFIX, str(directory / "log.jsonl"), str(INTERVAL_S)]
    start = children_s()
    with (directory / "out").open("wb") as out:
        monitor = subprocess.Popen(command, env=environment, stdin=subprocess.DEVNULL, stdout=out, stderr=out)
        while monitor.poll() is None and polls_of(directory) < polls:
            time.sleep(0.1)
        monitor.terminate()
        if monitor.wait() != 0:
            raise SystemExit(f"bench_collect: {(directory / 'out').read_text()}")
    used = children_s() - start
    verdict = json.loads((directory / "collection.json").read_text())
    return used, verdict["polls"], verdict["lines"]


def polls_of(directory: Path) -> int:
    """How often a collector has polled so far."""
    try:
        return int(json.loads((directory / "collection.json").read_text())["polls"])
    except FileNotFoundError:
        return 0


def lists_s(environment: dict[str, str]) -> float:
    """Processor seconds of what monitor-wva.sh asks of kubectl at each poll: two lists, at the same time."""
    scalers = "horizontalpodautoscalers.autoscaling,scaledobjects.keda.sh"
    asked = (
        ("pods,leases.coordination.k8s.io", CONTROLLERS),
        (f"deployments.apps,pods,variantautoscalings.llmd.ai,{scalers}", NAMESPACE),
    )
    times = []
    for _ in range(11):
        start = children_s()
        lists = [
            subprocess.Popen(
                ["kubectl", "get", resources, "--namespace", namespace, "--output", "json"],
                env={**environment, "GOGC": "400"},
                stdout=subprocess.DEVNULL,
            )
            for resources, namespace in asked
        ]
        if sum(kubectl.wait() for kubectl in lists):
            raise SystemExit("bench_collect: kubectl cannot list the embedded cluster")
        times.append(children_s() - start)
        time.sleep(1)  # as cold as those of a poll
    return statistics.median(times)


def whole_poll(directory: Path) -> tuple[float, float, float]:
    """Processor seconds of a poll and of its lists with kubectl, and new lines per poll."""
    state = directory / "cluster"
    with cluster(state) as environment:
        environment |= {"WVA_NAMESPACE": NAMESPACE, "WVA_DEPLOYMENT": DEPLOYMENT}
        order_lines(state, 600)  # longer than both take
        (short_s, short_polls, short_lines), (long_s, long_polls, long_lines) = (
            collect(directory / str(polls), environment, polls) for polls in POLLS
        )
        polls = long_polls - short_polls
        return (long_s - short_s) / polls, lists_s(environment), (long_lines - short_lines) / polls


def main() -> int:
    """Print the measurements, and whether they are within the limits."""
    argparse.ArgumentParser(description=__doc__.partition("\n")[0]).parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        short, long = merge_times(Path(temporary))
        median_s, growth_s = statistics.median(short), statistics.median(map(sub, long, short)) * 100_000 / LONG
        print(f"collect-merge, {LINES} new lines     {median_s:8.3f} s  (the least: {min(short):.3f} s)")
        print(f"growth per 100,000 lines of log   {growth_s:+8.4f} s  (over {LONG} lines)", flush=True)
        poll_s, listed_s, lines = whole_poll(Path(temporary))
        print(f"all of monitor-wva.sh, per poll   {poll_s:8.3f} s  ({lines:.0f} new lines)")
        print(f"  of which two lists by kubectl   {listed_s:8.3f} s")
        print(f"  and the rest                    {poll_s - listed_s:8.3f} s")
    met = poll_s - listed_s <= LIMIT_S and growth_s <= GROWTH_S
    print(f"limit {LIMIT_S} s, growth {GROWTH_S} s: {'met' if met else 'NOT met'}")
    return 0 if met else 1


if __name__ == "__main__":
    sys.exit(main())
