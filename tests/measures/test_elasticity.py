"""Supply against demand, against cases worked by hand."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from examples import frames_of
from hypothesis import given
from hypothesis import strategies as st
from logs import model_loop_run, observed, solution

from wva_parse.aligned.slo import Slo, slo_in_force
from wva_parse.measures import elasticity as el
from wva_parse.measures.stats import loaded_observations


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
        least_replica_s=120 + 4 * 180,
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
    difference = found.used_replica_s - found.least_replica_s
    assert found.over_replica_s - found.under_replica_s == pytest.approx(difference)
    assert found.over_share + found.under_share <= 1 + 1e-9


@given(replicas)
def test_a_perfect_autoscaler_is_never_off(values):
    found = el.elasticity(steps(*enumerate(values)), steps(*enumerate(values)), 0, 10)
    assert found and found.over_replica_s == found.under_replica_s == found.jitter_per_min == 0
    assert found.least_replica_s == found.used_replica_s


def test_needed_replicas_round_up_and_are_at_least_one():
    needed = el.needed_replicas(pd.Series([0, 1, 600, 600.0000000001, 601, 3 * 200.1]), 600)
    assert needed.tolist() == [1, 1, 1, 1, 2, 2]
    assert el.needed_replicas(pd.Series([0.3]), 0.1).tolist() == [3]  # not 4 for the last bit of 0.3 / 0.1


def test_offered_rates_of_overlapping_loads_add_up():
    found = el.offered_rate([(0, 6, 600), (2, 8, 900), (4, 10, 720)])
    assert found.to_numpy().tolist() == [[0, 600], [2, 1500], [4, 2220], [6, 1620], [8, 720], [10, 0]]
    assert len(el.offered_rate([])) == 0


def loaded(*messages_and_slo) -> pd.DataFrame:
    frames = frames_of(*messages_and_slo)
    return loaded_observations(frames, slo_in_force(frames, Slo()))


def test_capacity_is_the_highest_rate_per_replica_that_met_the_slo():
    found = loaded(
        model_loop_run(0, observed(9, 20, replicas=1, rate_per_min=500), solution(9, 40)),
        model_loop_run(60, observed(10, 20, replicas=2, rate_per_min=1200)),
        model_loop_run(120, observed(11, 20, replicas=1, rate_per_min=900)),  # too slow
        model_loop_run(180, observed(0, 0, replicas=1, rate_per_min=5000)),  # idle
    )
    assert el.estimate_capacity_per_min(found) == 600


def test_capacity_without_slo_is_the_callers_judgement_or_unknown():
    found = loaded(
        model_loop_run(0, observed(9, 20, rate_per_min=500)), model_loop_run(60, observed(90, 20, rate_per_min=700))
    )
    assert el.estimate_capacity_per_min(found) is None
    assert el.estimate_capacity_per_min(found, pd.Series([True, False], index=found.index)) == 500


def test_variants_of_a_model_serve_its_rate_together():
    # Each is told the 1200 requests per minute of the model: three replicas in all serve 400 each.
    both = [
        observed(9, 20, replicas=1, rate_per_min=1200, variant="a"),
        observed(9, 20, replicas=2, rate_per_min=1200, variant="b"),
    ]
    frames = frames_of(model_loop_run(0, both, solution(9, 40, variant="a")))
    found = loaded_observations(frames, slo_in_force(frames, Slo()))
    assert el.estimate_capacity_per_min(found) == 400
    assert el.measured_need(frames["observed_metrics"], 400)["replicas"].tolist() == [3]
    late = frames_of(model_loop_run(0, [both[0], observed(11, 20, variant="b")], solution(9, 40, variant="b")))
    assert el.estimate_capacity_per_min(loaded_observations(late, slo_in_force(late, Slo()))) is None


def test_needs_of_several_models_add_up():
    rows = [(0, "m", 500), (0, "n", 900), (1, "m", 0), (2, "n", None)]
    seen = pd.DataFrame(rows, columns=["reconciliation", "model", "arrival_rate_per_min"])
    need = el.measured_need(seen.assign(namespace="ns", minutes=seen["reconciliation"] * 1.0), 400)
    assert need.to_numpy().tolist() == [[0, 2 + 3], [1, 1]]


def test_steps_hold_until_the_next_one():
    at = el.steps_at(steps((1, 5), (2, 7)), "replicas", np.array([0.0, 1.0, 1.9, 2.0, 9.0]))
    assert at.tolist() == [5, 5, 5, 7, 7]


def test_all_variants_of_a_model_share_its_rate():
    seen = [observed(8, 20, replicas=3, rate_per_min=600, variant=name) for name in ("a", "b")]
    frames = frames_of(model_loop_run(0, seen))
    loaded = loaded_observations(frames, slo_in_force(frames, Slo(10, 1000, "config")))
    assert el.estimate_capacity_per_min(loaded) == 100  # 600 over six replicas
