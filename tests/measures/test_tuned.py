"""The parameters that a run began and ended with."""

from __future__ import annotations

import json

from captured import HIGH, UNTOLD, captured, needs_captured
from logs import decision, model_loop_run, observed, solution, write_run

from wva_parse import run
from wva_parse.measures.summary import summarize
from wva_parse.measures.tuned import first_and_last

VARIANT = "ms-inference-scheduling-llm-d-modelservice-decode"


def written(alpha: str) -> dict:
    """A VariantAutoscaling whose tuner has written into its status."""
    parameters = {"decodeParms": {"alpha": alpha, "beta": "0.05"}, "prefillParms": {"gamma": "16", "delta": "0.0003"}}
    return {"metadata": {"name": "llama-decode"}, "status": {"tunerPerfData": {"perfParms": parameters}}}


def test_where_the_log_tells_none_the_snapshots_do(tmp_path):
    directory = write_run(
        tmp_path / "r", model_loop_run(0, observed(8, 20), solution(9, 21), decision(1, 1)), config={}
    )
    for when, alpha in (("before", "7.5"), ("after", "9.25")):
        (directory / "cluster" / when).mkdir(parents=True)
        place = directory / "cluster" / when / "variantautoscalings.json"
        place.write_text(json.dumps([written(alpha), {"metadata": {"name": "other"}}]), encoding="utf-8")
    rest = {"beta": 0.05, "gamma": 16.0, "delta": 0.0003}
    assert first_and_last(run.load(directory)) == {
        "first": {"llama-decode": {"alpha": 7.5, **rest}},
        "last": {"llama-decode": {"alpha": 9.25, **rest}},
    }


@needs_captured
def test_the_log_tells_them_by_variant():
    found = summarize(captured(HIGH))["tuner"]
    assert found["updates"] == 5
    assert found["first"] == {VARIANT: {"alpha": 7.16871, "beta": 0.052679, "gamma": 15.993428, "delta": 0.000272}}
    assert found["last"] == {VARIANT: {"alpha": 9.350801, "beta": 0.055343, "gamma": 16.031048, "delta": 0.000272}}
    assert first_and_last(captured(UNTOLD)) == {"first": {}, "last": {}}
