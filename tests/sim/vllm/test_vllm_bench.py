"""What a simulated load Job prints: the form of real outputs, and numbers that follow from its requests."""

from __future__ import annotations

import json
import math
import re
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from wva_sim.vllm import bench
from wva_sim.vllm.load import Done, Load, Lost
from wva_sim.vllm.servers import Fleet

PROJECT = Path(__file__).parents[3]
CAPTURES = PROJECT.parent / "shared" / "vllm-bench" / "0.33.0"
RECORDER = PROJECT / "workloads" / "record_requests.py"
TABLE = "============ Serving Benchmark Result ============"
END = "=" * 50


def run(rate_per_s=10.0, requests=300, replicas=1, lost=0, seed=7):
    """A load that is over."""
    fleet = Fleet()
    for number in range(replicas):
        fleet.add_replica(f"pod-{number}")
    load = Load("load", rate_per_s, requests, seed, 0.0)
    fleet.start_load(load)
    if lost:
        while load.running < lost:
            fleet.advance(fleet.now_s + 0.5)
        fleet.kill_replica("pod-0")
    fleet.advance(load.end_s + 200)
    assert load.is_over
    return load


def values_of(lines):
    return {line.split(":")[0]: line.split(":")[1].strip() for line in lines if ":" in line}


def shape(line):
    """A line with every number replaced; its width, with trailing spaces, is kept for lines of the table."""
    number = r"\d+(\.\d+)?"
    if re.fullmatch(r"[^:]+: +" + number + " *", line):
        label, _, value = line.partition(":")
        kind = "0.00" if "." in value else "0"
        return f"{label}: {kind} {len(line)}"
    return re.sub(number, "0", line)


def table_of(lines):
    begin = lines.index(TABLE)
    return lines[begin : lines.index(END, begin) + 1]


def captured(case):
    path = CAPTURES / case / "log.txt"
    if not path.exists():
        pytest.skip(f"no captured output at {path}")
    return path.read_text(encoding="utf-8").split("\n")


# --- the form


def test_the_form_of_the_table():
    """As 0.33.0 prints it; the captured outputs themselves are not part of the project."""
    assert [shape(line) for line in table_of(bench.result(run()))] == [
        TABLE,
        *(f"{label}: 0 51" for label in ("Successful requests", "Failed requests")),
        *(f"{label}: 0.00 51" for label in ("Request rate configured (RPS)", "Benchmark duration (s)")),
        *(f"{label}: 0 51" for label in ("Total input tokens", "Total generated tokens")),
        *(
            f"{label}: 0.00 51"
            for label in (
                "Request throughput (req/s)",
                "Output token throughput (tok/s)",
                "Peak output token throughput (tok/s)",
                "Peak concurrent requests",
                "Total token throughput (tok/s)",
            )
        ),
        "---------------Time to First Token----------------",
        *(f"{statistic} TTFT (ms): 0.00 51" for statistic in ("Mean", "Median", "P99")),
        "-----Time per Output Token (excl. 0st token)------",
        *(f"{statistic} TPOT (ms): 0.00 51" for statistic in ("Mean", "Median", "P99")),
        "---------------Inter-token Latency----------------",
        *(f"{statistic} ITL (ms): 0.00 51" for statistic in ("Mean", "Median", "P99")),
        END,
    ]


@pytest.mark.parametrize("case", ["a_plain", "b_json_detailed"])
def test_the_table_has_the_form_of_a_captured_one(case):
    real = table_of(captured(case))
    assert [shape(line) for line in table_of(bench.result(run()))] == [shape(line) for line in real]


def test_the_lines_before_it_are_those_of_a_captured_one():
    lines = captured("a_plain")
    begin = next(number for number, line in enumerate(lines) if line.startswith("Namespace("))
    real = [line for line in lines[begin + 1 : lines.index(TABLE)] if not line.startswith("WARNING:")]
    load = run(rate_per_s=6.0)  # as many digits as there
    said = [*bench.starting(load, "model", "http://gateway"), *bench.result(load)]
    assert said[1].startswith("Namespace(seed=7, num_prompts=300, ")
    assert [shape(line) for line in said[2 : said.index(TABLE)]] == [shape(line) for line in real]


def test_errors_stand_where_the_client_puts_them():
    lines = captured("d2_fail_mix")
    heads = ("Maximum request", "Failed requests during", "tip: ", TABLE)
    real = [line for line in lines if line.startswith(heads)]
    load = run(lost=30, replicas=2)
    said = [*bench.starting(load, "model", "http://gateway"), *bench.result(load)]
    assert [shape(line) for line in said if line.startswith(heads)] == [shape(line) for line in real]
    assert [line.split(":")[0] for line in said if line.startswith("Error ")] == [f"Error {n}" for n in range(10)]


def test_without_errors_nothing_is_said_of_them():
    assert not any(line.startswith(("Failed requests during", "Error ")) for line in bench.result(run()))


# --- the numbers


def test_the_table_adds_up():
    load = run()
    values = values_of(table_of(bench.result(load)))
    assert (values["Successful requests"], values["Failed requests"]) == ("300", "0")
    assert int(values["Total generated tokens"]) == sum(done.output_tokens for done in load.done)
    duration_s = float(values["Benchmark duration (s)"])
    assert duration_s >= 30
    assert float(values["Request throughput (req/s)"]) == pytest.approx(300 / duration_s, abs=0.01)
    assert float(values["Mean TTFT (ms)"]) == pytest.approx(sum(d.ttft_ms for d in load.done) / 300, abs=0.01)


def test_statistics_by_hand():
    """Two requests: 1 token after 100 ms; 3 tokens, 200 ms and then two gaps of 400 ms."""
    load = Load("load", 1, 2, 1, 0.0, sent=2)
    load.done += [Done(0.5, 0.6, 100.0, math.nan, 10, 1), Done(1.0, 2.0, 200.0, 400.0, 20, 3)]
    values = values_of(table_of(bench.result(load)))
    assert values["Benchmark duration (s)"] == "2.00"
    assert values["Total token throughput (tok/s)"] == "17.00"
    assert values["Median TTFT (ms)"] == "150.00"
    assert values["P99 TTFT (ms)"] == "199.00"
    assert values["Mean TPOT (ms)"] == values["Median ITL (ms)"] == "400.00"
    # From the first start: tokens at 0.1, 0.7, 1.1 and 1.5 s; requests from 0 to 0.1 s and from 0.5 to 1.5 s.
    assert values["Peak output token throughput (tok/s)"] == "2.00"
    assert values["Peak concurrent requests"] == "2.00"


def test_peaks_are_those_of_all_tokens_one_by_one():
    load = run(rate_per_s=20, requests=200)
    origin_s = min(done.arrived_s for done in load.done)
    at_s = np.concatenate(
        [
            done.arrived_s
            - origin_s
            + (done.ttft_ms + np.arange(done.output_tokens) * np.nan_to_num(done.tpot_ms)) / 1000
            for done in load.done
        ]
    )
    peak = float(values_of(table_of(bench.result(load)))["Peak output token throughput (tok/s)"])
    assert peak == pytest.approx(np.bincount(at_s.astype(int)).max(), abs=2)  # tokens at the very end of a second


def test_percentiles_are_those_of_all_values_one_by_one():
    load = run(rate_per_s=20, requests=200)
    tpot = np.array([done.tpot_ms for done in load.done if done.output_tokens > 1])
    itl = np.concatenate([np.full(done.output_tokens - 1, done.tpot_ms) for done in load.done])
    values = values_of(table_of(bench.result(load)))
    for name, every in (("TPOT", tpot), ("ITL", itl), ("TTFT", np.array([done.ttft_ms for done in load.done]))):
        assert float(values[f"Mean {name} (ms)"]) == pytest.approx(every.mean(), abs=0.006)
        assert float(values[f"Median {name} (ms)"]) == pytest.approx(np.median(every), abs=0.006)
        assert float(values[f"P99 {name} (ms)"]) == pytest.approx(np.percentile(every, 99), abs=0.006)


def test_when_all_has_failed_the_numbers_are_zero():
    load = Load("load", 1, 2, 1, 0.0, sent=2)
    load.lost += [Lost(0.5, 10), Lost(2.0, 10)]
    values = values_of(table_of(bench.result(load)))
    assert (values["Successful requests"], values["Failed requests"]) == ("0", "2")
    assert {value for label, value in values.items() if label.split()[0] in ("Mean", "Peak")} == {"0.00"}


# --- the records


def result_of(load):
    """The client's detailed result, if the simulated requests had been real ones."""
    requests = sorted([*load.done, *load.lost], key=lambda each: each.arrived_s)
    done = [each if isinstance(each, Done) else None for each in requests]
    return {
        "duration": 0.0,
        "ttfts": [each.ttft_ms / 1000 if each else 0.0 for each in done],
        "latencies": [each.ended_s - each.arrived_s if each else 0.0 for each in done],
        "itls": [[] for _ in done],
        "start_times": [each.arrived_s for each in requests],
        "input_lens": [each.input_tokens for each in requests],
        "output_lens": [each.output_tokens if each else 0 for each in done],
    }


@pytest.mark.parametrize("load", [run(), run(lost=20, replicas=2), run(requests=1)], ids=["all", "some lost", "one"])
def test_records_are_what_the_recorder_makes_of_such_a_result(tmp_path, load):
    path = tmp_path / "result.json"
    path.write_text(json.dumps(result_of(load)), encoding="utf-8")
    done = subprocess.run([sys.executable, RECORDER, path], capture_output=True, text=True, check=True)
    recorded, said = done.stdout.splitlines(), list(bench.records(load, 1e9))
    assert said[0] == recorded[0]
    assert said[2:] == recorded[2:]
    first_s = min(each.arrived_s for each in [*load.done, *load.lost])
    assert said[1] == f"# wall={1e9 + first_s:.3f} monotonic={first_s:.3f}"


def test_lost_requests_are_records_without_latencies():
    load = run(lost=20, replicas=2)
    rows = [line.split(",") for line in list(bench.records(load, 0.0))[3:-1]]
    assert len(rows) == load.requests
    failed = [row for row in rows if row[-1] == "0"]
    assert len(failed) == len(load.lost) > 0
    assert all(row[1:4] == ["", "", ""] and row[5] == "0" for row in failed)


def test_a_large_result_is_quick():
    load = run(rate_per_s=60, requests=12_600, replicas=6)
    began = time.process_time()
    assert len(bench.result(load)) + len(list(bench.records(load, 0.0))) > 12_600
    assert time.process_time() - began < 2  # the cluster's clock goes on meanwhile
