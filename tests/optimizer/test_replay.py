"""What would have been decided with other objectives, profiles, rates and limits."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from logs import model_loop_run, stamp, write_run
from modelled import OBJECTIVES, PROFILE, SPEC, TOKENS, Minute, modelled_run

from wva_parse import run
from wva_parse.optimizer.decisions import decisions_of
from wva_parse.optimizer.queueing import Load, Objectives, Parameters, Profile, needed_replicas, predict
from wva_parse.optimizer.replay import NOTHING_ELSE, ReplayError, Wish, over_time, replay

MINUTES = (Minute(0), Minute(600), Minute(2400, 1), Minute(2400, 4), Minute(300, 4))


def replayed(directory, wish=NOTHING_ELSE, minutes=MINUTES, **files):
    experiment = run.load(modelled_run(directory, minutes, **files))
    return replay(experiment, decisions_of(experiment), wish)


def needed(rate, objectives=OBJECTIVES, profile=PROFILE):
    return needed_replicas(profile, Load(rate, *TOKENS), objectives) if rate else 1


def test_what_was(tmp_path):
    found = replayed(tmp_path / "run")
    logged = [needed(minute.rate_per_min) for minute in MINUTES]
    assert found.rows["logged"].tolist() == found.rows["replayed"].tolist() == logged == [1, 1, 4, 4, 1]
    assert (found.decisions, found.reproduced, len(found.not_reproduced)) == (5, 5, 0)
    assert (found.replicas_logged, found.replicas_replayed, found.most, found.first_difference) == (11, 11, 4, None)
    assert (found.changes_logged, found.changes) == (2, 2)
    assert found.replica_seconds == found.replica_seconds_logged == pytest.approx(60 * (1 + 1 + 4 + 4), abs=0.1)


def test_another_objective(tmp_path):
    found = replayed(tmp_path / "run", Wish(slo_itl_ms=15))
    expected = [needed(minute.rate_per_min, Objectives(15, 1000)) for minute in MINUTES]
    assert found.rows["replayed"].tolist() == expected == [1, 1, 2, 2, 1]
    assert (found.reproduced, found.replicas_replayed, found.most) == (5, 7, 2)  # the proof is of what was
    first = found.first_difference
    assert (first["reconciliation"], first["logged"], first["replayed"]) == (2, 4, 2)
    assert over_time(found)[["logged", "replayed"]].to_numpy().tolist() == [[1, 1], [1, 1], [4, 2], [4, 2], [1, 1]]


def test_an_objective_that_nothing_meets_keeps_the_replicas(tmp_path):
    found = replayed(tmp_path / "run", Wish(slo_ttft_ms=1))
    assert found.rows["replayed"].isna().tolist() == [False, True, True, True, True]
    assert found.replicas_replayed == 5  # the one of the idle minute


def test_another_profile(tmp_path):
    slow = Parameters(9.0, 0.044, 15.415, 0.000337)
    found = replayed(tmp_path / "run", Wish(profiles={None: slow}))
    expected = [needed(minute.rate_per_min, profile=Profile(*slow, 512)) for minute in MINUTES]
    assert found.rows["replayed"].tolist() == expected
    assert found.replicas_replayed > found.replicas_logged
    assert set(found.rows["alpha"]) == {9.0}


def test_limits(tmp_path):
    assert replayed(tmp_path / "run", Wish(most=3)).rows["replayed"].tolist() == [1, 1, 3, 3, 1]
    assert replayed(tmp_path / "run", Wish(least=2)).rows["replayed"].tolist() == [2, 2, 4, 4, 2]


def test_the_offered_rate(tmp_path):
    record = {
        "workloads": [{"name": "load", "start": stamp(0), "end": stamp(150), "sending_s": 150, "rate_per_s": 40}],
        "cooldown": {"end": stamp(300)},
    }
    found = replayed(tmp_path / "run", Wish(rate="offered"), record=record)
    # The decisions are at 0, 1, 2, 3 and 4 minutes; nothing was offered before, and 30 s of the third minute.
    assert found.rows["rate_per_min"].tolist() == pytest.approx([0, 2400, 2400, 1200, 0], abs=2)


def test_an_offered_rate_that_nobody_knows(tmp_path):
    with pytest.raises(ReplayError, match="the offered rate is not known"):
        replayed(tmp_path / "run", Wish(rate="offered"))


def test_predicted_attainment(tmp_path):
    """By the model: 2400 per minute on the single replica that was decided before are too many."""
    found = replayed(tmp_path / "run")
    beyond = predict(PROFILE, Load(2400, *TOKENS), 1)
    assert beyond.itl_ms > 10
    # Observations at 600 and 2400 on 1 replica, at 2400 and 300 on 4.
    assert (found.observations, found.attainment["itl"]) == (4, 0.75)
    assert replayed(tmp_path / "more", Wish(least=4)).attainment["itl"] == 1.0


def test_no_decisions(tmp_path):
    experiment = run.load(write_run(tmp_path / "run", model_loop_run(0)))
    found = replay(experiment, decisions_of(experiment))
    assert (found.decisions, found.reproduced, found.parameters, found.most, len(found.rows)) == (0, 0, None, 0, 0)
    assert found.attainment == {"itl": None, "ttft": None}


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rates=st.lists(st.floats(1, 9000), min_size=1, max_size=5), itl_ms=st.floats(8, 60))
def test_a_looser_objective_never_takes_more(tmp_path, rates, itl_ms):
    experiment = run.load(modelled_run(tmp_path / "run", [Minute(round(rate, 2)) for rate in rates]))
    decisions = decisions_of(experiment)
    tight, loose = (replay(experiment, decisions, Wish(slo_itl_ms=ms)) for ms in (itl_ms, 1.2 * itl_ms))
    assert (loose.rows["replayed"] <= tight.rows["replayed"]).all()
    assert loose.most <= tight.most
    assert tight.rows["alpha"].tolist() == [SPEC.alpha] * len(rates)
