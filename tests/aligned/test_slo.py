"""SLOs are read from the log, else from the config, else unknown; never assumed."""

from __future__ import annotations

import math

import pandas as pd
import pytest
from examples import frames_of
from logs import MODEL, model_loop_run, observed, solution

from wva_parse.aligned.frames import make_frames
from wva_parse.aligned.objectives import Slo, override
from wva_parse.aligned.slo import SLO_COLUMNS, override_in_force, slo_in_force, slo_of_run

CONFIGURED = Slo(12, 800, "config")
FOUND = f"Found SLO for model: model={MODEL}, class=Premium, slo-tpot=24, slo-ttft=500"


def test_empty_log_knows_what_the_config_says():
    frames = make_frames([], [])
    assert slo_of_run(frames, CONFIGURED) == CONFIGURED
    assert slo_of_run(frames, Slo()) == Slo(None, None, "unknown")
    assert list(slo_in_force(frames, CONFIGURED).columns) == ["namespace", "variant", "reconciliation", *SLO_COLUMNS]


def test_statements_hold_until_the_next_and_the_first_one_before_it():
    frames = frames_of(
        model_loop_run(0, observed(8, 20)),
        model_loop_run(60, observed(8, 20), solution(9, 40, slo=(10, 1000))),
        model_loop_run(120, observed(8, 20)),
        model_loop_run(180, observed(8, 20), solution(9, 40, slo=(15, 600))),
    )
    in_force = slo_in_force(frames, CONFIGURED)
    assert in_force["slo_itl_ms"].tolist() == [10, 10, 10, 15]
    assert in_force["slo_ttft_ms"].tolist() == [1000, 1000, 1000, 600]
    assert slo_of_run(frames, CONFIGURED) == Slo(15, 600, "log")


def test_found_slo_of_the_model_holds_for_its_variants_but_the_solution_has_the_last_word():
    frames = frames_of(
        model_loop_run(0, [FOUND, observed(8, 20), observed(8, 20, variant="b")], solution(9, 40, slo=(10, 1000)))
    )
    by_variant = slo_in_force(frames, Slo()).set_index("variant")["slo_itl_ms"]
    assert by_variant.to_dict() == {"llama-decode": 10, "b": 24}


def test_config_fills_in_only_where_the_log_says_nothing():
    frames = frames_of(model_loop_run(0, [observed(8, 20), observed(8, 20, variant="b")], solution(9, 40)))
    by_variant = slo_in_force(frames, CONFIGURED).set_index("variant")["slo_itl_ms"]
    assert by_variant.to_dict() == {"llama-decode": 10, "b": 12}


def test_unknown_stays_unknown():
    frames = frames_of(model_loop_run(0, observed(8, 20)))
    assert slo_in_force(frames, Slo())["slo_itl_ms"].map(math.isnan).all()


@pytest.mark.parametrize(("logged", "known"), [((0, 1000), (None, 1000)), ((10, 0), (10, None))])
def test_zero_in_the_log_is_no_objective(logged, known):
    frames = frames_of(model_loop_run(0, observed(8, 20), solution(9, 40, slo=logged)))
    assert slo_of_run(frames, CONFIGURED) == Slo(*known, "log")


@pytest.mark.parametrize(
    ("own", "other", "expected", "told"),
    [
        (Slo(10, 1000, "log"), Slo(15, 500, "given"), Slo(15, 500, "given"), "as given"),
        (Slo(10, 1000, "log"), Slo(15, None, "given"), Slo(15, 1000, "given and log"), "as given and from the log"),
        (Slo(), Slo(15, None, "given"), Slo(15, None, "given"), "as given"),
        (Slo(), Slo(10, 1000, "other runs"), Slo(10, 1000, "other runs"), "of the other runs"),
        (
            Slo(10, None, "config"),
            Slo(None, 500, "given"),
            Slo(10, 500, "given and config"),
            "as given and from the config",
        ),
    ],
)
def test_a_caller_may_give_others(own, other, expected, told):
    found = override(own, other)
    assert found == expected
    assert found.told == told
    in_force = pd.DataFrame({"slo_itl_ms": [own.itl_ms, None], "slo_ttft_ms": [own.ttft_ms, None]}, dtype="float64")
    changed = override_in_force(in_force, other)
    for column, value in zip(("slo_itl_ms", "slo_ttft_ms"), other[:2], strict=True):
        assert changed[column].equals(in_force[column]) if value is None else (changed[column] == value).all()
