"""A run that is interrupted at any moment ends with 130, and leaves no Job and no process.

The moments are random but seeded: what fails names its seed and number. `WVA_INTERRUPTIONS` says how many there are,
`WVA_SEED` another seed.
"""

from __future__ import annotations

import json
import os
import random
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import NamedTuple

import pytest
from configs import EMBEDDED

PROJECT = next(parent for parent in Path(__file__).resolve().parents if (parent / "run-experiment.sh").is_file())
COUNT = int(os.environ.get("WVA_INTERRUPTIONS", "100"))
SEED = int(os.environ.get("WVA_SEED", "20261126"))
SPEED = 300
LONGEST_S = 120  # for what takes seconds; a hang is what this test is about
CONFIG = (
    f"name: interrupted\n{EMBEDDED}"
    + """\
cooldown: 100
metrics:
  interval: 5
workloads:
  - {{name: first, job_manifest: {manifest}, start_delay: 0, duration: 300}}
  - {{name: second, job_manifest: {manifest}, start_delay: 150, duration: 300}}
  - {{name: third, job_manifest: {manifest}, start_delay: 300, duration: 300}}
output:
  base_dir: {data}
"""
)


# What bash, jq or Python say by themselves: no user can do anything with it.
NOISE = re.compile(r"^(jq: |Traceback)|: line \d+: |invalid JSON text|^Terminated|^Killed", re.MULTILINE)


class Interruption(NamedTuple):
    """At a moment, as a share of a whole run, a signal: to the process, or to its group, as a terminal does; or two."""

    number: int
    moment: float
    signal: signal.Signals
    to_group: bool
    again_after_s: float | None


def draw(count, seed):
    """Interruptions at moments between the start of a run and its end."""
    rng = random.Random(seed)
    kinds = [(signal.SIGINT, True), (signal.SIGINT, True), (signal.SIGTERM, False), (signal.SIGHUP, True)]
    for number in range(count):
        again = rng.choice([None, None, None, 0.05, 2.5])  # at once, as `timeout` does; by somebody who is impatient
        yield Interruption(number, rng.uniform(0.005, 1), *rng.choice(kinds), again)


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    state = tmp_path_factory.mktemp("cluster")
    command = [sys.executable, "-m", "wva_sim", "serve", "--state", str(state), "--speed", str(SPEED)]
    with subprocess.Popen([*command, "--parent", str(os.getpid())], cwd=PROJECT, stdout=subprocess.DEVNULL) as server:
        wait_until(lambda: (state / "ready").exists())
        yield {"KUBECONFIG": str(state / "kubeconfig"), "KUBECACHEDIR": str(state / "cache")}
        server.terminate()


def wait_until(is_true):
    deadline = time.monotonic() + LONGEST_S
    while not is_true():
        assert time.monotonic() < deadline, f"not so within {LONGEST_S} s"
        time.sleep(0.05)


def start(cluster, directory):
    config = directory / "interrupted.yaml"
    manifest = PROJECT / "workloads" / "sharegpt-load-job-warmup.yaml"  # 1 req/s: the cluster has little to do
    config.write_text(CONFIG.format(manifest=manifest, data=directory / "data"), encoding="utf-8")
    with (directory / "out").open("wb") as out:
        return subprocess.Popen(
            [PROJECT / "run-experiment.sh", "--yes", config],
            env={**os.environ, **cluster, "WVA_TEST": str(directory), "TMPDIR": str(directory)},
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=out,
            start_new_session=True,
        )


def interrupt(run, how, length_s):
    time.sleep(how.moment * length_s)
    for pause_s in (how.again_after_s, None):
        if run.poll() is None:
            os.killpg(run.pid, how.signal) if how.to_group else run.send_signal(how.signal)
        if pause_s is None:
            return
        time.sleep(pause_s)


def processes_of(directory):
    """Command lines of the processes that were started for a test."""
    mark = f"WVA_TEST={directory}\0".encode()
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if mark in (process / "environ").read_bytes() + b"\0":
                found.append((process / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace"))
        except OSError:  # it has ended
            continue
    return found


def kubectl(cluster, *arguments):
    command = ["kubectl", "--namespace", "llm-d-autoscaler", *arguments]
    return subprocess.run(command, env={**os.environ, **cluster}, capture_output=True, text=True, check=True).stdout


def jobs_of(cluster):
    return kubectl(cluster, "get", "jobs", "--output", "name")


def delete_jobs(cluster):
    kubectl(cluster, "delete", "jobs", "--all", "--wait=false")
    wait_until(lambda: jobs_of(cluster) == "")


@pytest.fixture(scope="module")
def length_s(cluster, tmp_path_factory):
    """Seconds that a run takes here and now if nobody interrupts it."""
    directory, began = tmp_path_factory.mktemp("whole"), time.monotonic()
    assert start(cluster, directory).wait(timeout=LONGEST_S) == 0, (directory / "out").read_text()
    return time.monotonic() - began


@pytest.mark.slow
@pytest.mark.timeout(COUNT * LONGEST_S)
@pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="looks for processes in /proc")
def test_any_moment(cluster, length_s, tmp_path):
    outcomes, noisy = {}, list[str]()
    for how in draw(COUNT, SEED):
        directory = tmp_path / str(how.number)
        directory.mkdir()
        began, run = time.monotonic(), start(cluster, directory)
        interrupt(run, how, length_s)
        status = run.wait(timeout=LONGEST_S)
        if status == 0:  # the machine has become quicker: the next moments are to lie within a run
            length_s = min(length_s, time.monotonic() - began)
        said = (directory / "out").read_text(encoding="utf-8", errors="replace")
        where = f"seed {SEED}, {how}: status {status} after\n{said}"
        outcomes[status] = outcomes.get(status, 0) + 1
        if status != 0:  # it was over before it was interrupted
            assert status == 130 or (status == -how.signal and not said), where  # the script had not begun yet
        noisy += [where] if NOISE.search(said) else []
        left_at_once = "leaving at once" in said
        wait_until(lambda directory=directory: not processes_of(directory))
        if left_at_once and jobs_of(cluster):
            assert "remove them with: kubectl delete jobs" in said, where
            delete_jobs(cluster)
        assert jobs_of(cluster) == "", where
        assert [path.name for path in directory.glob("wva-*")] == [], where
        for record in directory.glob("data/*/run.json"):
            saved = json.loads(record.read_text(encoding="utf-8"))
            assert saved["status"] == ("interrupted" if status else "complete"), where
            assert {"running", "planned"}.isdisjoint(work["result"] for work in saved["workloads"]), where
            if not left_at_once:
                assert saved["status"] in (record.parent / "README.md").read_text(encoding="utf-8"), where
    print(outcomes, *noisy)
    # A signal to the group also ends whatever program runs at that moment, such as a jq whose words another one needs.
    assert len(noisy) <= COUNT * 0.05, noisy
    assert outcomes.get(130, 0) > COUNT * 0.6
