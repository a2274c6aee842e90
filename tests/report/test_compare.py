"""Comparing runs: what differed, each run's figures, repeats, mode against mode."""

from __future__ import annotations

import csv
import json

import pytest
from captured import NAMES, RUNS, needs_captured

from wva_parse.__main__ import main
from wva_parse.aligned.objectives import Slo
from wva_parse.measures.summary import summarize
from wva_parse.report.compare import cells, comparisons, document, table
from wva_parse.report.figures import FIGURES, LESS, MORE, NEITHER, describe
from wva_parse.report.provenance import differences, provenance_of
from wva_parse.report.sections import markdown_table
from wva_parse.run import judge_alike, load


def summary(run: str, mode: str, **values) -> dict:
    return {"run": run, "mode": mode, **values}


def replicas(run: str, mode: str, mean: float) -> dict:
    return summary(run, mode, replicas={"mean": mean})


def test_repeats_have_median_and_range():
    runs = [replicas(f"model-based-high-2025120{n}-000000", "model-based", mean) for n, mean in enumerate((1, 2, 6))]
    expected = "| A | model-based | replicas held, mean | 3 | 2.00 | 1.00 to 6.00 | n = 3, an interval needs 6 runs |"
    assert expected in document(runs, {}).splitlines()


def test_what_says_nothing_of_how_well_a_run_went_is_no_repeat_and_no_effect():
    runs = [
        summary(f"{mode}-high-2025120{n}-000000", mode, interval_s=60.0 + n, pairs={"all": n})
        for n in (1, 2)
        for mode in ("model-based", "capacity-based")
    ]
    text = document(runs, {})
    assert "| usual interval, s | 61.00 | 61.00 | 62.00 | 62.00 |" in text
    assert "## Repeats" not in text and comparisons(runs) == []


def test_one_mode_is_held_against_the_other():
    runs = [
        replicas("model-based-high-20251208-000000", "model-based", 3),
        replicas("capacity-based-high-20251208-000000", "capacity-based", 2),
        replicas("capacity-based-high-20251208-000001", "capacity-based", 1),
    ]
    reason = "n = 1 and 2, an interval needs 5 runs of each"
    expected = f"| A | B | replicas held, mean | less is better | 1.00 | {reason} | +1.50 | {reason} |"
    assert expected in document(runs, {}).splitlines()
    text = document(runs[:2], {})
    assert "| A | B | replicas held, mean | less is better | +1.00 |" in text.splitlines()
    assert "Where there is one run of each, a difference of two runs is no effect." in text


def test_a_difference_of_shares_is_in_percentage_points():
    runs = [
        summary(f"{mode}-high-20251208-000000", mode, slo={"itl_attainment": share})
        for mode, share in (("model-based", 0.62), ("capacity-based", 0.5))
    ]
    (found,) = comparisons(runs)
    assert found.figure.difference(found.effect.difference) == "+12.0 pp"
    assert "| ITL attainment | more is better | +12.0 pp |" in document(runs, {})


def test_every_figure_that_is_compared_has_a_direction_of_good_or_none_and_is_a_number():
    assert len({figure.label for figure in FIGURES}) == len(FIGURES)
    for figure in FIGURES:
        assert figure.good in (LESS, MORE, NEITHER)
        assert not figure.is_compared or figure.text(1)
        assert figure.is_compared or not figure.good


@pytest.mark.parametrize(("value", "text"), [(3, "+3"), (-3, "-3"), (0.01, "0"), (-0.01, "0")])
def test_a_difference_has_a_sign_unless_it_is_none(value, text):
    (queue,) = [figure for figure in FIGURES if figure.label == "queue length, most"]
    assert queue.difference(value) == text


def test_runs_of_different_experiments_are_not():
    runs = [
        replicas("model-based-high-20251208-000000", "model-based", 3),
        replicas("capacity-based-moderate-20251208-000000", "capacity-based", 2),
    ]
    text = document(runs, {})
    assert "Cliff" not in text
    assert (
        "Group A (model-based) has no counterpart; nearest is B, but for high against moderate, of whose loads nothing "
        "is known but the names."
    ) in text


def elastic(run: str, capacity: float | None, source: str = "given") -> dict:
    found = {"capacity_per_replica_per_s": capacity, "capacity_from": source, "under_share": 0.5}
    return summary(run, "model-based", elasticity=found if capacity else None)


@pytest.mark.parametrize(
    ("runs", "is_shown"),
    [
        ([elastic("a", 10.0), elastic("b", 10.0)], True),
        ([elastic("a", 10.0), elastic("b", 12.0)], False),
        ([elastic("a", 10.0), elastic("b", None)], False),
        ([elastic("a", 10.0, "estimate"), elastic("b", 10.0, "estimate")], False),
        ([elastic("a", 10.0, "estimate")], True),
    ],
)
def test_too_few_replicas_are_compared_only_for_one_stated_capacity(runs, is_shown):
    text = document(runs, {})
    assert ("| time with too few replicas |" in text) is is_shown
    assert ("what one replica serves is not stated alike" in text) is not is_shown


def tuned(run: str, first: float, last: float) -> dict:
    def parameters(alpha):
        return {"v": {"alpha": alpha, "beta": 0.05, "gamma": 16.0, "delta": 0.000272}}

    return summary(run, "model-based", tuner={"first": parameters(first), "last": parameters(last)})


def test_repeats_whose_tuner_went_on_are_not_independent():
    runs = [tuned("a-20251210-105831", 7.47, 9.35), tuned("a-20251210-112740", 9.35, 9.4)]
    assert (
        "The tuner of a-20251210-112740 began with the parameters that a-20251210-105831 ended with: as repeats of "
        "group A they are not independent, and its intervals are too narrow."
    ) in document(runs, {}).splitlines()
    untouched = [tuned("a-20251210-105831", 7.47, 7.47), tuned("a-20251210-112740", 7.47, 9.4)]
    assert "The tuner of" not in document(untouched, {})


def test_repeats_whose_loads_ran_otherwise_are_told():
    late = {"workload": "peak", "first": "base", "late_s": 92.0, "planned_s": 300.0, "sent_s": 263.0}
    text = document([summary("a", "model-based", course=[late]), summary("b", "model-based", course=[])], {})
    assert (
        "| a | Workload peak began to send 92 s later after base than planned and sent for 263 s instead of 300: the "
        "load did not have its planned course. |"
    ) in text.splitlines()


def test_notes_are_told_once_for_all_runs_that_have_them():
    simulated = "SIMULATED: made on the embedded cluster; its numbers say nothing about real hardware."
    minor = "Observations that the log does not tell by variant are taken from cluster-samples.jsonl."
    runs = [summary(run, "model-based", notes=[simulated, minor, *own]) for run, own in (("a", []), ("b", ["A gap."]))]
    text = document(runs, {})
    assert f"| all | {simulated} |" in text and "| b | A gap. |" in text and minor not in text


def test_repeats_that_are_needed_for_a_difference():
    runs = [
        summary(f"a-2025120{n}-000000", "model-based", latency={"itl_ms": itl}, supply={"held_replica_s": held})
        for n, (itl, held) in enumerate([(9.0, 1000.0), (10.0, 1000.0), (11.0, 1000.0)])
    ]
    lines = document(runs, {}).splitlines()
    # 15.698 · (0.1 / 0.1)² + 0.96 = 16.7, and 15.698 / 4 + 0.96 = 4.9
    assert "| A | ITL observed, mean by requests, ms | 3 | 10.0 % | 17 (6 to 621) | 5 (3 to 156) |" in lines
    assert "| A | replica-seconds held | 3 | 0.0 % | 2 (2 to 2) | 2 (2 to 2) |" in lines
    assert "How many repeats" not in document(runs[:1], {})


def test_replicas_of_schema_1_are_labelled_and_not_pooled():
    runs = [replicas(f"a-2025120{n}-000000", "model-based", 2) | {"schema": n} for n in (1, 2)]
    text = document(runs, {})
    assert "| replicas held, mean | 2.00 (as schema 1 counts them) | 2.00 |" in text
    assert "| A, B | summary schema 1 against 2, which count replicas otherwise |" in text
    assert "Of a-20251201-000000 only a summary of schema 1 is left." in text
    assert dict(describe(runs[0])) == {"mode": "model-based", "replicas held, mean": "2.00 (as schema 1 counts them)"}


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
    assert said.index("## What differs in how they were made") < said.index("## Each run")
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
    known = judge_alike([load(path) for path in directories], (), Slo())
    summaries = {each.name: json.loads(json.dumps(summarize(each))) for each in known}
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


@needs_captured
def test_captured_runs_that_differ_are_not_pooled_and_it_is_said_in_what(capsys):
    directories = [str(RUNS / name) for name in NAMES]
    assert main(["compare", *directories]) == 0
    text = capsys.readouterr().out
    assert "9 runs in 9 groups: none is a repeat of another." in text
    assert "600 s against 900 s of load; a loop of 30 s against 60 s; release D2 against D3 |" in text
    assert "a loop of 30 s against 60 s; without a tuner against with one |" in text
    assert "## Repeats" not in text and "## How many repeats" not in text
    assert "The SLO of the runs that know one (ITL 10 ms, TTFT 1000 ms) judges capacity-based-" in text
    held = [line.split(" | ")[:2] for line in text.splitlines() if "| replicas held, mean | less is better |" in line]
    assert held == [["| F", "B"], ["| G", "D"], ["| I", "E"]]
    assert "Group A (capacity-based) has no counterpart; nearest is F, but for 600 s against 900 s of load;" in text
