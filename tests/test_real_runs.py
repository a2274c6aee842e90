"""Captured runs, where they are at hand: the numbers that every release of this tool must find in them."""

from __future__ import annotations

import json
from collections import Counter
from functools import lru_cache
from pathlib import Path
from typing import Any

import pytest
from captured import OTHER_DIALECTS, RUNS, captured, needs_captured, needs_excerpts
from examples import rows_of

from wva_parse import run
from wva_parse.__main__ import main
from wva_parse.log.lines import LineCounts, open_log
from wva_parse.log.rows import LoopRun, Row
from wva_parse.measures import summary

LOGS = sorted(RUNS.glob("*/wva-controller-logs.jsonl"))
EXCERPTS = sorted(OTHER_DIALECTS.glob("*.*"))

pytestmark = needs_captured

MULTI_MODEL = "model-based-multi-model-parallel-20251208-220210"
MODERATE = "model-based-moderate-parallel-20251128-182839"
HIGH = "capacity-based-high-parallel-20251128-145238"


@lru_cache
def parsed(log: Path) -> tuple[list[Row], list[LoopRun], LineCounts]:
    return rows_of(open_log(log))


@lru_cache
def summarized(name: str) -> dict[str, Any]:
    return summary.summarize(captured(name))


def name_of(log: Path) -> str:
    return log.parent.name if log.suffix == ".jsonl" and log.parent.parent == RUNS else log.stem


@pytest.mark.parametrize("log", LOGS + EXCERPTS, ids=name_of)
def test_every_line_is_understood(log):
    _, _, counts = parsed(log)
    assert counts.unrecognised == {}
    assert counts.changed == []
    assert counts.recognised + counts.repeated + counts.not_json == counts.lines


@pytest.mark.parametrize("log", LOGS + EXCERPTS, ids=name_of)
def test_every_row_of_a_loop_run_says_whose_it_is(log):
    rows, _, _ = parsed(log)
    of_variant = {"prediction", "observed_metrics", "scaling_decision", "safety_net", "tuner_update"}
    for row in rows:
        if row["event_type"] in of_variant:
            assert row["variant"]
        if row["event_type"] in ("kv_cache", "queue"):
            assert row["pod"]
        if row["event_type"] != "mode":
            assert row["model"]


@pytest.mark.parametrize(
    ("name", "loop_runs", "reconciliations"), [(HIGH, 84, 42), (MODERATE, 68, 34), (MULTI_MODEL, 37, 37)]
)
def test_loop_runs_and_reconciliations(name, loop_runs, reconciliations):
    _, found, _ = parsed(RUNS / name / run.LOG_NAME)
    assert (len(found), found[-1].reconciliation + 1) == (loop_runs, reconciliations)


def test_a_capacity_run():
    rows, _, _ = parsed(RUNS / HIGH / run.LOG_NAME)
    usages = [row for row in rows if row["event_type"] == "kv_cache"]
    assert len(usages) == 118
    assert all(row["pod"] for row in usages)


@pytest.mark.parametrize(
    ("name", "pairs"),
    [
        (MULTI_MODEL, {"all": 35, "loaded": 30, "settled": 28}),
        (MODERATE, {"all": 28, "loaded": 19}),
    ],
)
def test_pairs(name, pairs):
    found = summarized(name)["pairs"]
    assert {group: found[group] for group in pairs} == pairs


@pytest.mark.parametrize(("group", "mae_ms"), [("all", 1.62), ("loaded", 0.37), ("settled", 0.37)])
def test_the_error_of_the_predictions(group, mae_ms):
    assert round(summarized(MULTI_MODEL)["accuracy"][group]["itl"]["mae_ms"], 2) == mae_ms


DIALECTS = {
    "capacity-based": {"D2", "D3"},
    "model-based": {"D2", "D3"},
    "D1a": {"D1"},
    "D1b": {"D1"},
    "D7": {"D7/D8"},
}


@pytest.mark.parametrize("log", LOGS + EXCERPTS, ids=name_of)
def test_the_dialect_is_told_by_the_lines(log):
    _, _, counts = parsed(log)
    told = set(counts.dialects) - {"DF", "DT"}
    (expected,) = [dialects for start, dialects in DIALECTS.items() if name_of(log).startswith(start)]
    assert len(told) == 1
    assert told <= expected


# decisions, where their parameters are from, analyses, thresholds, triggers, masked
REPLAYS = {
    "capacity-based-high-parallel-20251128-145238": (None, None, 84, 0.5, 5, 0.2, 3, 0),
    "capacity-based-high-parallel-20251209-200028": (None, None, 35, 0.5, 5, 0.1, 3, 2),
    # An INFO log of the first release: it tells no spare capacity, so the threshold of the queue is unknown.
    "capacity-based-moderate-parallel-20251126-182520": (None, None, 0, None, None, 0.1, 3, 2),
    "capacity-based-moderate-parallel-20251127-181520": (None, None, 54, 0.5, 5, 0.2, 3, 0),
    "capacity-based-multi-model-parallel-20251209-141241": (None, None, 33, 0.5, 5, 0.1, 3, 1),
    "model-based-high-parallel-20251210-115341": (25, "tuner", *[None] * 6),
    "model-based-moderate-parallel-20251128-182839": (58, "inferred", *[None] * 6),
    "model-based-moderate-parallel-20251203-144456": (17, "tuner", *[None] * 6),
    "model-based-multi-model-parallel-20251208-220210": (36, "tuner", *[None] * 6),
}


@pytest.mark.parametrize("name", REPLAYS)
def test_every_decision_and_every_analysis_is_reproduced(name):
    decisions, parameters, analyses, kv, queue, kv_trigger, queue_trigger, masked = REPLAYS[name]
    assert list(summarized(name)["replay"].items()) == [
        ("decisions", decisions),
        ("reproduced", decisions),
        ("parameters", parameters),
        ("analyses", analyses),
        ("analyses_reproduced", analyses),
        ("kv_threshold", kv),
        ("queue_threshold", queue),
        ("kv_trigger", kv_trigger),
        ("queue_trigger", queue_trigger),
        ("masked", masked),
    ]


@pytest.mark.parametrize("name", REPLAYS)
def test_the_command_tells_the_same(name, capsys):
    assert main(["replay", str(RUNS / name), "--json"]) == 0
    told, found = json.loads(capsys.readouterr().out), summarized(name)["replay"]
    same = ("decisions", "reproduced", "parameters", "analyses", "analyses_reproduced", "kv_trigger", "masked")
    assert [told[key] for key in same] == [found[key] for key in same]
    assert (told["not_reproduced"], told["first_difference"]) == ([], None)
    assert told["replicas_replayed"] == told["replicas_logged"]


def test_another_objective_of_the_busiest_run(capsys):
    assert main(["replay", str(RUNS / "model-based-high-parallel-20251210-115341"), "--slo-itl", "15", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["replicas_replayed"], told["replicas_logged"], told["most"]) == (71, 212, 6)


ATTRIBUTIONS = {  # pairs, means of absolute values in ms: error of ITL, load, replicas, model
    "model-based-multi-model-parallel-20251208-220210": (30, 0.37, 0.22, 0.14, 0.23),
    "model-based-high-parallel-20251210-115341": (21, 18.26, 1.37, 2.59, 15.41),
    "model-based-moderate-parallel-20251203-144456": (10, 4.60, 0.73, 0.63, 3.60),
}


@pytest.mark.parametrize("name", ATTRIBUTIONS)
def test_what_the_errors_are_made_of(name):
    found, (pairs, *means) = summarized(name)["attribution"], ATTRIBUTIONS[name]
    assert (found["pairs"], found["reproduced"]) == (pairs, pairs)
    assert list(found["itl"]) == list(found["ttft"]) == PART_KEYS
    assert [round(found["itl"][key], 2) for key in PART_KEYS[:4]] == means


PART_KEYS = [f"{part}_{mean}_ms" for mean in ("mae", "bias") for part in ("error", "load", "replicas", "model")]


@needs_excerpts
def test_three_cycles_of_the_newest_release():
    (log,) = [log for log in EXCERPTS if log.name.startswith("D7_v2")]
    rows, loop_runs, _ = parsed(log)
    assert [run_.reconciliation for run_ in loop_runs] == [0, 1, 2]
    assert Counter(row["event_type"] for row in rows) == {
        "mode": 3,
        "analyzer_result": 6,
        "analyzer_variant": 6,
        "scaling_decision": 3,
    }
    decisions = [row for row in rows if row["event_type"] == "scaling_decision"]
    assert [(row["current_replicas"], row["target_replicas"]) for row in decisions] == [(1, 4), (4, 7), (7, 10)]
    assert {row["reason"] for row in decisions} == {"V2 (optimizer: cost-aware)"}
    assert {row["namespace"] for row in decisions} == {"dhl-wva-209"}
    demands = [row["demand"] for row in rows if row.get("analyzer") == "saturation" and "demand" in row]
    assert demands == [974024, 1882870, 2682201]
