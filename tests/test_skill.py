"""Predictions against persistence, and errors in classes, worked by hand."""

from __future__ import annotations

import pytest
from logs import model_loop_run, observed, solution
from test_frames import frames_of

from wva_parse import skill
from wva_parse.align import align
from wva_parse.frames import make_frames
from wva_parse.slo import Slo, slo_in_force


def pairs_of(frames):
    return skill.with_last_observation(align(frames, slo_in_force(frames, Slo())).pairs, frames)


def test_skill_by_hand():
    # predicted 9 for 10 and 12 for 14: errors 1, 2; last time 8 for 10 and 10 for 14: errors 2, 4
    frames = frames_of(
        model_loop_run(0, observed(8, 20), solution(9, 20)),
        model_loop_run(60, observed(10, 20), solution(12, 20)),
        model_loop_run(120, observed(14, 20)),
    )
    assert skill.skill(pairs_of(frames), "itl") == skill.Skill(2, 1.5, 3, pytest.approx(1 - 5 / 20))
    assert skill.skill(pairs_of(frames), "ttft") == skill.Skill(2, 0, 0, None)  # persistence was perfect


def test_pairs_without_a_loaded_last_observation_are_left_out():
    frames = frames_of(model_loop_run(0, observed(0, 0), solution(9, 20)), model_loop_run(60, observed(10, 20)))
    assert skill.skill(pairs_of(frames), "itl") is None


def test_errors_by_load_have_equal_classes_in_order_of_the_rate():
    rates = [100, 400, 200, 300, 400]
    frames = frames_of(
        *(
            model_loop_run(60 * n, observed(9 + n, 20, rate_per_min=rate), solution(9, 20))
            for n, rate in enumerate(rates)
        )
    )
    found = skill.error_by_load(pairs_of(frames), "itl", classes=2)
    assert found["n"].tolist() == [2, 2]
    assert found[["from_per_min", "to_per_min"]].to_numpy().tolist() == [[200, 300], [400, 400]]
    assert found["bias_ms"].tolist() == [2.5, 2.5]  # errors 1..4 at rates 400, 200, 300, 400


def test_errors_by_mismatch():
    frames = frames_of(
        model_loop_run(0, observed(8, 20), solution(9, 20, replicas=3)),
        model_loop_run(60, observed(30, 20, replicas=1), solution(9, 20, replicas=3)),
        model_loop_run(120, observed(10, 20, replicas=3)),
    )
    found = skill.error_by_mismatch(pairs_of(frames), "itl")
    assert found.to_numpy().tolist() == [[-2, 1, 21, 21], [0, 1, 1, 1]]


def test_nothing_gives_columns():
    pairs = pairs_of(make_frames([], []))
    assert skill.skill(pairs, "itl") is None
    assert list(skill.error_by_load(pairs, "itl").columns) == ["from_per_min", "to_per_min", "n", "bias_ms", "mae_ms"]
    assert list(skill.error_by_mismatch(pairs, "itl").columns) == ["mismatch", "n", "bias_ms", "mae_ms"]
