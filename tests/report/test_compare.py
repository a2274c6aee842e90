"""Comparing runs: what differed, each run's figures, repeats, mode against mode."""

from __future__ import annotations

import csv
import json

import pytest
from captured import RUNS, needs_captured

from wva_parse.__main__ import main
from wva_parse.measures.summary import summarize
from wva_parse.report.compare import FIGURES, cells, document, group_of, table
from wva_parse.report.provenance import differences, provenance_of
from wva_parse.report.sections import markdown_table
from wva_parse.run import load


def summary(run: str, mode: str, **values) -> dict:
    return {"run": run, "mode": mode, **values}


def replicas(run: str, mode: str, mean: float) -> dict:
    return summary(run, mode, replicas={"mean": mean})


def test_repeats_are_runs_of_one_experiment_in_one_mode():
    assert group_of(summary("model-based-high-20251208-220210", "model-based")) == ("high", "model-based")
    assert group_of(summary("capacity-based-high-20251209-000000", "capacity-based")) == ("high", "capacity-based")
    assert group_of(summary("mine", "model-based")) == ("mine", "model-based")


def test_repeats_have_median_and_range():
    runs = [replicas(f"model-based-high-2025120{n}-000000", "model-based", mean) for n, mean in enumerate((1, 2, 6))]
    expected = "| high | model-based | replicas, mean | 3 | 2.00 | 1.00 to 6.00 | n = 3, an interval needs 6 runs |"
    assert expected in document(runs, {}).splitlines()


def test_one_mode_is_held_against_the_other():
    runs = [
        replicas("model-based-high-20251208-000000", "model-based", 3),
        replicas("capacity-based-high-20251208-000000", "capacity-based", 2),
    ]
    reason = "n = 1 and 1, an interval needs 5 runs of each"
    expected = f"| high | replicas, mean | 1.00 | {reason} | 1.00 | {reason} |"
    assert expected in document(runs, {}).splitlines()


def test_runs_of_different_experiments_are_not():
    runs = [
        replicas("model-based-high-20251208-000000", "model-based", 3),
        replicas("capacity-based-moderate-20251208-000000", "capacity-based", 2),
    ]
    assert "Cliff" not in document(runs, {})


def test_what_differs_comes_before_the_numbers():
    record = {"config_sha256": "a", "workloads": [{"name": "w", "seed": 7}]}
    before = {"pods": [{"kind": "Pod", "status": {"containerStatuses": [{"imageID": "vllm@sha256:1"}]}}]}
    slo = {"slo": {"itl_ms": 10.0, "ttft_ms": 1000.0}}
    facts = {
        "one": provenance_of(record, before, summary("one", "model-based", **slo)),
        "other": provenance_of({}, {}, summary("other", "model-based", **slo)),
    }
    assert dict(differences(facts)) == {
        "model server image": {"one": "vllm@sha256:1", "other": ""},
        "config (SHA-256)": {"one": "a", "other": ""},
        "seeds": {"one": "w 7", "other": ""},
    }
    said = document([summary("one", "model-based"), summary("other", "model-based")], facts)
    assert said.startswith("## What differs in how they were made")
    assert "| seeds | w 7 | cannot be told |" in said


def test_repetitions_of_a_series_differ_in_their_seeds():
    facts = {}
    for number in (1, 2):
        repetition = {"number": number, "of": 2, "series": "20260102-030405-0f"}
        record = {"repetition": repetition, "seed": number, "workloads": [{"name": "w", "seed": 7 + number}]}
        facts[str(number)] = provenance_of(record, {}, summary(str(number), "model-based"))
    assert facts["1"]["series"] == "20260102-030405-0f"
    assert dict(differences(facts)) == {
        "repetition": {"1": "1 of 2", "2": "2 of 2"},
        "seeds": {"1": "w 8", "2": "w 9"},
        "seed of the simulated cluster": {"1": "1", "2": "2"},
    }


def test_equal_conditions_are_said_to_be():
    said = document([summary("a", "m"), summary("b", "m")], {"a": {}, "b": {}})
    assert "Nothing, as far as their directories tell." in said


@pytest.mark.whole
@needs_captured
def test_every_cell_of_captured_runs_is_a_number_of_their_summary(tmp_path, capsys):
    directories = sorted(path for path in RUNS.iterdir() if path.is_dir())
    target = tmp_path / "cells.csv"
    assert main(["compare", *map(str, directories), "--csv", str(target)]) == 0
    shown = capsys.readouterr().out
    summaries = {path.name: json.loads(json.dumps(summarize(load(path)))) for path in directories}
    assert "\n".join(markdown_table(table(list(summaries.values())))) in shown
    with target.open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert len(rows) == len(list(cells(list(summaries.values())))) > 100
    for row in rows:
        value = summaries[row["run"]]
        for key in row["path"].split("."):
            value = value[key]
        assert str(value) == row["value"]
    assert {row["figure"] for row in rows} <= {figure.label for figure in FIGURES}
