"""Reports: sentences from numbers, and nothing that is not known shown as 0."""

from __future__ import annotations

import copy

import pytest
from logs import capacity_loop_run, decision, model_loop_run, observed, solution, write_run

from wva_parse import report, run
from wva_parse.summary import summarize


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    runs = [model_loop_run(60 * n, observed(10, 20), solution(9, 20), decision(1, 1 + (n == 1))) for n in range(4)]
    return summarize(run.load(write_run(tmp_path_factory.mktemp("m") / "m", *runs, config={})))


@pytest.fixture(scope="module")
def capacity(tmp_path_factory):
    runs = [capacity_loop_run(60 * n, {"a": (0.95, 7)}, seen=observed(10, 20)) for n in range(3)]
    return summarize(run.load(write_run(tmp_path_factory.mktemp("c") / "c", *runs, config={})))


@pytest.fixture(scope="module")
def idle(tmp_path_factory):
    runs = [model_loop_run(60 * n, observed(0, 0, rate_per_min=0)) for n in range(2)]
    return summarize(run.load(write_run(tmp_path_factory.mktemp("i") / "i", *runs, config={})))


def test_verdict_of_a_model_based_run(model):
    assert report.verdict(model) == [
        "Of 4 loaded observations, the SLO was met for ITL in 100.0 % and for TTFT in 100.0 %.",
        "WVA decided once to scale up and never to scale down; 1 replica ran throughout.",
        "At the predicted number of replicas (3 settled pairs), ITL was off by 1.00 ms on average and 1.00 ms too low "
        "on balance.",
    ]


def test_verdict_leads_to_the_first_finding(capacity):
    assert report.verdict(capacity)[-1] == (
        "Look at this first: Saturated for 180 s from minute 0.0 (KV usage up to 95 %), and no scale-up was decided."
    )


def test_an_idle_run_is_not_judged(idle):
    text = report.markdown(idle)
    assert report.verdict(idle)[0] == "No request was served while the controller observed."
    assert "The log holds no scaling decision." in text
    assert "| ITL | not known | not known | 0 |" in text
    assert "nan" not in text.lower().replace("nanoseconds", "")


def test_a_run_without_predictions_says_so_once(idle):
    text = report.markdown(idle)
    assert text.count(report.NO_PREDICTIONS) == 2  # in the verdict and instead of the accuracy
    assert "| settled |" not in text and "Every prediction" not in text
    assert report.about_unpaired(idle) == report.about_errors(idle) == report.NO_PREDICTIONS


def test_several_variants_have_a_row_each(tmp_path):
    both = [text for n in (1, 2) for text in decision(n, 3, variant=f"v{n}")]
    runs = [
        model_loop_run(60 * n, [observed(10, 20, variant="v1")], solution(9, 20, variant="v1"), both) for n in (0, 1)
    ]
    found = summarize(run.load(write_run(tmp_path / "r", *runs, config={})))
    assert [each["variant"] for each in found["variants"]] == ["v1", "v2"]
    rows = [line for line in report.markdown(found).splitlines() if line.startswith("| v")]
    model = "unsloth/Meta-Llama-3.1-8B"
    assert rows == [
        "| variant | model | scale-ups | scale-downs | replicas | settled pairs | MAE of ITL (ms) |",
        f"| v1 | {model} | 2 | 0 | 1 to 1 | 1 | 1.00 |",
        f"| v2 | {model} | 2 | 0 | 2 to 2 | 0 | – |",
    ]


def test_accuracy_has_every_group_with_its_n(model):
    rows = [line for line in report.markdown(model).splitlines() if line.startswith(("| settled", "| loaded", "| all"))]
    assert [row.split(" | ")[:3] for row in rows] == [
        [f"| {group}", metric, "3"] for group in ("settled", "loaded", "all") for metric in ("ITL", "TTFT")
    ]


def test_capacity_based_reports_have_no_accuracy(capacity):
    text = report.markdown(capacity)
    assert "## Prediction accuracy" not in text
    assert "Pods were saturated (above 90 %) once, for 180 s in all; a scale-up answered never." in text
    assert "The longest queue of a pod was 7 requests; 100.0 % of the observations were above 5." in text


def test_every_term_in_bold_is_explained_once(model):
    text = report.markdown(model)
    for term, _ in report.GLOSSARY:
        assert text.count(f"- **{term}**") == 1


def test_notes_and_findings_stand_before_the_numbers(capacity):
    text = report.markdown({**capacity, "notes": ["SIMULATED: made up."]})
    assert text.index("SIMULATED: made up.") < text.index("## The run")


def test_client_side_lists_each_job(model):
    summary = copy.deepcopy(model)
    names = [f"{name}_{metric}_ms" for metric in ("ttft", "tpot", "itl") for name in ("mean", "p99")]
    job = {"job": "load", "completed": 100.0, "failed": 2.0, "rate_per_s": 10.0, "throughput_per_s": 9.5}
    summary["client"] = {"jobs": [{**job, **dict.fromkeys(names), "mean_ttft_ms": 31.25}], "without_result": ["other"]}
    text = report.markdown(summary)
    assert "| load | 100 | 2 | 10 | 9.50 | 31.25 | – |" in text
    assert "Without a result (stopped or failed before their end): other." in text


@pytest.mark.parametrize("name", [name for name in dir(report) if name.startswith("about_")])
def test_every_sentence_can_be_said_of_every_run(name, model, capacity, idle):
    for summary in (model, capacity, idle):
        sentence = getattr(report, name)(summary)
        assert sentence.endswith(".")
        assert "None" not in sentence.split() and "nan" not in sentence.split()
