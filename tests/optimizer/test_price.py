"""The price of an objective: each point is a replay, and all of them share one search."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from logs import model_loop_run, write_run
from modelled import PROFILE, TOKENS, Minute, modelled_run

from wva_parse import run
from wva_parse.optimizer import price
from wva_parse.optimizer.decisions import decisions_of
from wva_parse.optimizer.queueing import Load, Objectives, needed_replicas, predict
from wva_parse.optimizer.replay import Wish, replay


def priced(directory, minutes):
    experiment = run.load(modelled_run(directory, minutes))
    decisions = decisions_of(experiment)
    return experiment, decisions, price.price_of_slo(experiment, decisions)


@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rates=st.lists(st.floats(0, 9000), min_size=1, max_size=4))
def test_each_point_is_what_a_replay_says(tmp_path, rates):
    experiment, decisions, found = priced(tmp_path / "run", [Minute(round(rate, 2)) for rate in rates])
    points = [*found.curve.to_dict("records")[::7], *found.own.values(), *found.looser.values()]
    for point in points:
        again = replay(experiment, decisions, Wish(**{f"slo_{point['objective']}_ms": point["ms"]}))
        assert (again.replicas_replayed, again.most) == (point["replicas"], point["most"])
        assert again.replica_seconds == pytest.approx(point["replica_seconds"])


def test_the_curve_falls_to_where_nothing_more_is_saved(tmp_path):
    _, _, found = priced(tmp_path / "run", [Minute(600), Minute(3000), Minute(900)])
    assert tuple(found.curve.columns) == price.PRICE_COLUMNS
    curve = found.curve[found.curve["objective"] == "itl"]
    assert curve["ms"].is_monotonic_increasing and curve["replicas"].is_monotonic_decreasing
    assert curve["replicas"].iloc[-1] == 4  # 1 + 2 + 1: 3000 per minute are too many for one
    assert (curve["replicas"].iloc[:-1] > curve["replicas"].iloc[-1]).all()
    # It begins where a batch is shared by two.
    assert curve["ms"].iloc[0] == pytest.approx(PROFILE.itl_ms(2), rel=1e-6)
    assert 2 <= len(curve) <= price.POINTS


def test_the_runs_own_point_and_a_looser_one(tmp_path):
    _, decisions, found = priced(tmp_path / "run", [Minute(600), Minute(3000), Minute(900)])
    own, looser = found.own["itl"], found.looser["itl"]
    assert (own["ms"], own["replicas"]) == (10, sum(each.replicas for each in decisions))
    assert (looser["ms"], looser["most"]) == (15, needed_replicas(PROFILE, Load(3000, *TOKENS), Objectives(15, 1000)))
    assert own["replica_seconds"] == pytest.approx(60 * (decisions[0].replicas + decisions[1].replicas), abs=0.5)


def test_an_idle_run_has_no_price(tmp_path):
    _, _, found = priced(tmp_path / "run", [Minute(0), Minute(0)])
    assert (len(found.curve), found.own, found.looser) == (0, {}, {})
    experiment = run.load(write_run(tmp_path / "none", model_loop_run(0)))
    assert len(price.price_of_slo(experiment, []).curve) == 0
    assert tuple(price.price_of_slo(experiment, []).curve.columns) == price.PRICE_COLUMNS


def test_the_end_of_the_curve_by_hand(tmp_path):
    """One decision, one replica is enough: its own latency is where nothing more is saved."""
    _, _, found = priced(tmp_path / "run", [Minute(1200)])
    alone = predict(PROFILE, Load(1200, *TOKENS), 1)
    ends = found.curve.groupby("objective")["ms"].max()
    assert ends["itl"] == pytest.approx(alone.itl_ms, rel=1e-5)
