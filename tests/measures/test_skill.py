"""Predictions against persistence, and errors in classes, worked by hand."""

from __future__ import annotations

import pytest
from examples import frames_of
from logs import model_loop_run, observed, solution

from wva_parse.aligned.align import align
from wva_parse.aligned.frames import make_frames
from wva_parse.aligned.objectives import Slo
from wva_parse.aligned.slo import slo_in_force
from wva_parse.measures import skill


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


def test_nothing_has_no_skill():
    assert skill.skill(pairs_of(make_frames([], [])), "itl") is None
