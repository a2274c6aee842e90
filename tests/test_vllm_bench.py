"""Real outputs of vLLM's client, where they are at hand: every number of every table, and the same from records."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from clients import records_of

from wva_parse.aligned.objectives import Slo
from wva_parse.aligned.requests import make_requests
from wva_parse.log.benchmark import Client, last_result, without_result
from wva_parse.log.requests import main, read_records
from wva_parse.measures.requests import summarize_requests

OUTPUTS = Path(__file__).resolve().parent.parent.parent / "shared" / "vllm-bench"
CASES = {path.parent.relative_to(OUTPUTS).as_posix(): path.parent for path in sorted(OUTPUTS.glob("*/*/log.txt"))}
DETAILED = {
    name: case
    for name, case in CASES.items()
    if (case / "result.json").is_file() and "ttfts" in json.loads((case / "result.json").read_text())
}
WHY = {
    "0.11.0/f_sigterm": "unknown",
    "0.11.0/x_pod_without_gpu": "no device",
    "0.33.0/f2_sigterm_pid1": "unknown",
    "0.33.0/g_sigint": "signal",
}

pytestmark = pytest.mark.skipif(not CASES, reason=f"no outputs of vLLM's client at {OUTPUTS}")


def log_of(case: Path) -> str:
    return (case / "log.txt").read_bytes().decode("utf-8", errors="replace")


def result_of(case: Path) -> dict[str, Any]:
    found = json.loads((case / "result.json").read_text())
    assert isinstance(found, dict)
    return found


def printed(text: str) -> list[tuple[str, float]]:
    """Label and number of each line of a table that has both."""
    table = text.rpartition("Serving Benchmark Result")[2]
    found = re.findall(r"^([^:\n]+):\s+([\d.]+)\s*$", table, re.MULTILINE)
    return [(label, float(value)) for label, value in found]


@pytest.mark.parametrize("name", CASES)
def test_every_number_of_the_table_is_read_or_it_is_said_why_there_is_none(name):
    text = log_of(CASES[name])
    result = last_result("job", text)
    if "Serving Benchmark Result" not in text:
        assert result is None
        found = without_result("job", text)
        assert found.kind == WHY.get(name, found.kind) and found.why
        return
    assert result is not None
    read = [value for value in vars(result).values() if isinstance(value, float)] + list(result.more.values())
    for label, value in printed(text):
        assert value in read, label
    counted = result.prompts is not None
    assert len(read) == len(printed(text)) + counted + ("Failed requests" not in text and counted)
    assert all(re.fullmatch(r"[a-z][\w.]*", key) for key in result.more), "a label of no known name"


@pytest.mark.parametrize("name", DETAILED)
def test_the_table_says_what_the_clients_own_result_says(name):
    result, truth = last_result("job", log_of(DETAILED[name])), result_of(DETAILED[name])
    assert result is not None
    assert (result.prompts, result.completed) == (truth["num_prompts"], truth["completed"])
    assert result.failed == truth.get("failed", truth["num_prompts"] - truth["completed"])
    assert result.lost == 0
    for key in (key for key in truth if re.fullmatch(r"(mean|median|p[\d.]+)_\w+_ms", key)):
        value = getattr(result, key) if key in vars(result) else result.more.get(key)
        assert value == pytest.approx(truth[key], abs=0.00501), key


@pytest.mark.parametrize("name", DETAILED)
def test_records_alone_give_the_clients_statistics(name):
    truth = result_of(DETAILED[name])
    lines = records_of(truth)
    assert len(lines) == truth["num_prompts"]
    records = read_records(["# wall=1767225600.0 monotonic=1.0", *lines], name)
    assert records.problems == ()
    assert records.answered == truth["completed"]
    requests = make_requests({"w": records}, [], Client(), pd.Timestamp("2026-01-01", tz="UTC"))
    found = summarize_requests(requests, Slo(), Client())
    assert found and (found["sent"], found["answered"]) == (truth["num_prompts"], truth["completed"])
    whole = _end_to_end(truth)
    for column, metric in (("ttft_ms", "ttft"), ("tpot_ms", "tpot"), ("e2e_ms", "e2el")):
        for ours, theirs in (("mean", "mean"), ("p50", "median"), ("p99", "p99")):
            expected = truth.get(f"{theirs}_{metric}_ms", whole[theirs] if metric == "e2el" else None)
            assert found[column][ours] == pytest.approx(expected, rel=1e-3), (column, ours)


def _end_to_end(truth: dict[str, Any]) -> dict[str, float]:
    """Of results that were not told to print it; in ms."""
    served = [
        ttft + sum(gaps)
        for ttft, gaps, out in zip(truth["ttfts"], truth["itls"], truth["output_lens"], strict=True)
        if out
    ]
    values = 1000 * np.array(served)
    return {"mean": values.mean(), "median": float(np.median(values)), "p99": float(np.percentile(values, 99))}


def test_of_the_mixed_failures_97_of_120_were_answered(tmp_path, capsys):
    case = CASES.get("0.33.0/d2_fail_mix")
    if case is None:
        pytest.skip("its output is not at hand")
    block = [
        "==== requests",
        "# wall=1767225600.0 monotonic=3860.3",
        *(case / "compact.csv").read_text().split(),
        "",
        "",
    ]
    block[-2:] = ["==== end of requests 120", ""]
    (tmp_path / "job.log").write_text(log_of(case) + "\n".join(block))
    assert main("requests", [str(tmp_path / "job.log"), str(tmp_path / "out.csv")]) == 0
    assert capsys.readouterr().out == "120 requests, 97 answered\n"
    result = last_result("job", log_of(case))
    assert result and dict(result.reasons) == {
        "ClientPayloadError: Response payload is not completed: <TransferEncodingError: 400, message='Not enough data "
        "to satisfy transfer length header.'>": 5,
        "Too Many Requests": 3,
        "Internal Server Error": 2,
    }
