"""The live view on a terminal, as a person sees it."""

from __future__ import annotations

import json
import re
import sys

import pytest
from logs import VARIANT, decision, model_loop_run, observed, stamp, text, write_run
from terminal import Terminal
from turned import ROOT

pytestmark = pytest.mark.whole

RECORD = {
    "status": "running",
    "start": stamp(-5),
    "workloads": [{"name": "first", "rate_per_s": 10, "planned_end_s": 360, "start": stamp(0), "end": None}],
}


def watch(directory, columns=80, rows=24) -> Terminal:
    return Terminal([sys.executable, "-m", "wva_parse", "watch", str(directory)], columns, rows, ROOT)


def reconciliation(number: int) -> str:
    return text(model_loop_run(60 * number, observed(8 + number, 20), decided=decision(1, 1 + number)))


def add(directory, content: str) -> None:
    with (directory / "wva-controller-logs.jsonl").open("a") as stream:
        stream.write(content)


def end_run(directory) -> None:
    (directory / "run.json").write_text(json.dumps({**RECORD, "status": "complete"}))


@pytest.mark.parametrize(("columns", "rows"), [(80, 24), (30, 24), (80, 5), (12, 3)])
def test_one_block_is_updated_in_place(tmp_path, columns, rows):
    directory = write_run(tmp_path / "r", record=RECORD)
    terminal = watch(directory, columns, rows)
    try:
        for number in range(12):
            add(directory, reconciliation(number))
            clock = f"{number}:00  load 10 req/s"[: columns - 1].rstrip()
            terminal.wait_until(lambda clock=clock: any(line.startswith(clock) for line in terminal.visible()))
        assert len([line for line in terminal.lines() if re.match(r"\d+:00", line)]) == 1, "no older block is left"
        end_run(directory)
        assert terminal.end() == 0
        assert terminal.lines()[0].startswith(clock), "the last one stays"
        assert all(len(line) < columns for line in terminal.lines())
    finally:
        terminal.close()


def test_what_the_block_says(tmp_path):
    directory = write_run(tmp_path / "r", record=RECORD)
    sample = {"time": stamp(62), "deployments": [{"name": "d", "variant": VARIANT, "spec": 2, "ready": 1}]}
    (directory / "cluster-samples.jsonl").write_text(json.dumps(sample) + "\n")
    add(directory, reconciliation(0) + reconciliation(1))
    end_run(directory)
    terminal = watch(directory)
    try:
        assert terminal.end() == 0
        print("\n".join(terminal.lines()))
        first, variant, *courses = terminal.lines()
        assert first == "1:02  load 10 req/s (first)  4:58 of load left", "the clock goes on with the samples"
        assert variant == "replicas 1→2 (1 ready)  ITL 9.0 ms  TTFT 20.0 ms"
        assert courses == ["load     ▁▁  10 to 10 req/s", "replicas ▁█  1 to 2 wanted", "ITL      ▁█  8 to 9 ms"]
    finally:
        terminal.close()


def test_the_runner_and_its_view_share_a_terminal(tmp_path):
    config = tmp_path / "shared.yaml"
    manifest = ROOT / "workloads" / "sharegpt-load-job-moderate-10.yaml"
    given = (ROOT / "experiment-configs" / "model-based-moderate-parallel.yaml").read_text()
    head = given[: given.index("workloads:")].replace("name: model-based-moderate-parallel", "name: shared", 1)
    config.write_text(
        f"{head}cooldown: 60\nworkloads:\n  - name: only\n    job_manifest: {manifest}\n"
        f"    start_delay: 0\n    duration: 240\noutput:\n  base_dir: {tmp_path / 'data'}\n"
    )
    runner = [str(ROOT / "run-experiment.sh"), "--embedded", "--speed", "60", "--yes", str(config)]
    terminal = Terminal(runner, 100, 30, ROOT)
    try:
        terminal.wait_until(lambda: any("replicas 1→" in line for line in terminal.visible()))
        assert terminal.end() == 0
        (directory,) = (tmp_path / "data").iterdir()
        said = (directory / "run.log").read_text().splitlines()
        kept = [line[:100].rstrip() for line in said if re.match(r"\d\d:\d\d:\d\dZ  ", line)]
        shown = [line for line in terminal.lines() if re.match(r"\d\d:\d\d:\d\dZ  ", line)]
        assert shown == kept, "each line of the log once, whole, whatever the block did"
    finally:
        terminal.close()
