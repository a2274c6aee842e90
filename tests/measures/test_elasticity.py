"""Supply against demand, against cases worked by hand."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from wva_parse.aligned.offered import Span
from wva_parse.measures import elasticity as el


def steps(*points: tuple[float, float]) -> pd.DataFrame:
    return pd.DataFrame(points, columns=["minutes", "replicas"], dtype="float64")


def test_by_hand():
    # demand 1 then 3 from minute 2; supply 2, 3 from minute 4: 2 min of one too many, 2 min of one too few, 2 min right
    found = el.elasticity(steps((0, 2), (4, 3)), steps((0, 1), (2, 3)), 0, 6)
    assert found == el.Elasticity(
        duration_s=360,
        over_replica_s=120,
        under_replica_s=120,
        over_accuracy=pytest.approx(1 / 3),  # (2 - 1) / 1 for a third of the time
        under_accuracy=pytest.approx(1 / 9),  # (3 - 2) / 3 for a third of the time
        over_share=pytest.approx(1 / 3),
        under_share=pytest.approx(1 / 3),
        jitter_per_min=0,
        needed_replica_s=120 + 4 * 180,
        used_replica_s=4 * 120 + 2 * 180,
    )


def test_jitter_is_positive_for_changes_that_no_demand_asked_for():
    found = el.elasticity(steps((0, 1), (1, 2), (2, 1)), steps((0, 1)), 0, 4)
    assert found and found.jitter_per_min == pytest.approx(0.5)


@pytest.mark.parametrize(("start", "end"), [(0, 0), (5, 4)])
def test_no_time_is_none(start, end):
    assert el.elasticity(steps((0, 1)), steps((0, 1)), start, end) is None


def test_unknown_supply_or_demand_is_none():
    assert el.elasticity(steps(), steps((0, 1)), 0, 4) is None
    assert el.elasticity(steps((0, 1)), steps(), 0, 4) is None


replicas = st.lists(st.integers(1, 9), min_size=1, max_size=8)


@given(replicas, replicas)
def test_areas_balance(supplied, demanded):
    supply, demand = (steps(*enumerate(values)) for values in (supplied, demanded))
    found = el.elasticity(supply, demand, 0, 10)
    assert found
    difference = found.used_replica_s - found.needed_replica_s
    assert found.over_replica_s - found.under_replica_s == pytest.approx(difference)
    assert found.over_share + found.under_share <= 1 + 1e-9


@given(replicas)
def test_a_perfect_autoscaler_is_never_off(values):
    found = el.elasticity(steps(*enumerate(values)), steps(*enumerate(values)), 0, 10)
    assert found and found.over_replica_s == found.under_replica_s == found.jitter_per_min == 0
    assert found.needed_replica_s == found.used_replica_s


def test_needed_replicas_round_up_and_are_at_least_one():
    needed = el.needed_replicas(pd.Series([0, 1, 600, 600.0000000001, 601, 3 * 200.1]), 600)
    assert needed.tolist() == [1, 1, 1, 1, 2, 2]
    assert el.needed_replicas(pd.Series([0.3]), 0.1).tolist() == [3]  # not 4 for the last bit of 0.3 / 0.1


def test_offered_rates_of_overlapping_loads_add_up():
    found = el.offered_rate([Span("a", 0, 6, 10), Span("b", 2, 8, 15), Span("c", 4, 10, 12)])
    assert found.to_numpy().tolist() == [[0, 600], [2, 1500], [4, 2220], [6, 1620], [8, 720], [10, 0]]
    assert len(el.offered_rate([])) == 0


def test_how_much_hangs_on_the_capacity_of_a_replica():
    # 600 per minute for two minutes, then 1200: at 20 req/s a replica one is enough, at 10 the second half needs two
    rates = pd.DataFrame({"minutes": [0.0, 2.0], "rate_per_min": [600.0, 1200.0]})
    found = el.by_capacity(steps((0, 1)), rates, 0, 4)
    assert [row["capacity_per_replica_per_s"] for row in found[:3]] == pytest.approx([20, 10, 20 / 3])
    assert [(row["at_peak"], row["under_share"], row["over_share"]) for row in found[:3]] == [
        (1, 0, 0),
        (2, 0.5, 0),
        (3, 1, 0),
    ]
    assert found[2]["under_replica_s"] == 120 * 1 + 120 * 2
    assert len(found) == el.MOST_AT_PEAK
    assert el.by_capacity(steps((0, 1)), rates.iloc[:0], 0, 4) == []


def test_steps_hold_until_the_next_one():
    at = el.steps_at(steps((1, 5), (2, 7)), "replicas", np.array([0.0, 1.0, 1.9, 2.0, 9.0]))
    assert at.tolist() == [5, 5, 5, 7, 7]
