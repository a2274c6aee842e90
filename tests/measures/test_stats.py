"""Statistics against numbers worked by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest
from examples import frames_of
from hypothesis import given
from hypothesis import strategies as st
from logs import capacity_loop_run, decision, model_loop_run, observed, solution

from wva_parse.aligned.align import align
from wva_parse.aligned.frames import make_frames
from wva_parse.aligned.objectives import Slo
from wva_parse.aligned.slo import slo_in_force
from wva_parse.measures import stats


def test_accuracy_by_hand():
    # errors 1, -1, 4: mean 4/3, absolute mean 2, squares 1 + 1 + 16
    found = stats.accuracy_of(np.array([10.0, 20.0, 30.0]), np.array([9.0, 21.0, 26.0]))
    assert found == stats.Accuracy(
        n=3,
        bias_ms=pytest.approx(4 / 3),
        mae_ms=pytest.approx(2),
        rmse_ms=pytest.approx(math.sqrt(6)),
        median_abs_ms=pytest.approx(1),
        mape=pytest.approx((1 / 10 + 1 / 20 + 4 / 30) / 3),
        r2=pytest.approx(1 - 18 / 200),
    )


def test_accuracy_of_nothing_is_none():
    assert stats.accuracy_of(np.array([]), np.array([])) is None
    assert stats.accuracy_of(np.array([np.nan]), np.array([1.0])) is None


def test_mape_leaves_out_zeros_and_is_none_without_anything_above():
    some = stats.accuracy_of(np.array([0.0, 10.0]), np.array([5.0, 9.0]))
    none = stats.accuracy_of(np.array([0.0]), np.array([5.0]))
    assert some and some.mape == pytest.approx(0.1)
    assert none and none.mape is None


def test_r2_is_none_where_all_observed_values_are_equal():
    found = stats.accuracy_of(np.array([5.0, 5.0]), np.array([4.0, 6.0]))
    assert found and found.r2 is None
    # The mean of three times 0.1 is not 0.1 to the last bit.
    found = stats.accuracy_of(np.array([0.1, 0.1, 0.1]), np.array([0.2, 0.1, 0.1]))
    assert found and found.r2 is None


positive = st.lists(st.floats(0.01, 1e4), min_size=1, max_size=30)


@given(positive)
def test_a_perfect_prediction_has_no_error(values):
    series = np.array(values)
    found = stats.accuracy_of(series, series)
    assert found and found.mae_ms == found.rmse_ms == found.bias_ms == found.mape == 0


@given(positive, st.floats(-100, 100))
def test_a_constant_offset_is_all_bias(values, offset):
    series = np.array(values)
    found = stats.accuracy_of(series, series - offset)
    assert found and found.bias_ms == pytest.approx(offset, abs=1e-6)
    assert found.mae_ms == pytest.approx(abs(offset), abs=1e-6)


def test_groups_count_idle_as_zero_only_in_all():
    frames = frames_of(
        model_loop_run(0, observed(8, 20), solution(9, 40)),
        model_loop_run(60, observed(10, 45), solution(9, 40)),
        model_loop_run(120, observed(0, 0, rate_per_min=0), solution(9, 40, replicas=3)),
        model_loop_run(180, observed(12, 50, replicas=2)),
    )
    pairs = align(frames, slo_in_force(frames, Slo())).pairs
    by_group = {group: stats.accuracy(pairs, group, "itl") for group in stats.GROUPS}
    assert {group: found.n for group, found in by_group.items() if found} == {"all": 3, "loaded": 2, "settled": 1}
    assert by_group["all"].bias_ms == pytest.approx((1 - 9 + 3) / 3)
    assert by_group["loaded"].bias_ms == pytest.approx(2)
    assert by_group["settled"].bias_ms == pytest.approx(1)


def test_attainment_counts_loaded_observations_at_or_below_the_slo():
    frames = frames_of(
        model_loop_run(0, observed(10, 900), solution(9, 40)),
        model_loop_run(60, observed(10.01, 1001)),
        model_loop_run(120, observed(0, 0)),
        model_loop_run(180, observed(9, 1)),
    )
    attained = stats.attainment(stats.loaded_observations(frames, slo_in_force(frames, Slo())))
    assert attained == stats.Attainment(3, pytest.approx(2 / 3), pytest.approx(2 / 3), 2, 2, 3, 3)


def test_attainment_weighs_minutes_by_their_requests():
    # 60 s of 600 per minute too slow, 120 s of 100 per minute fast: 600 against 200 requests. The last lasts as usual.
    frames = frames_of(
        model_loop_run(0, observed(12, 900, rate_per_min=600), solution(9, 40)),
        model_loop_run(60, observed(9, 900, rate_per_min=100)),
        model_loop_run(180, observed(7, 18, rate_per_min=0)),  # a generator tries the server
        model_loop_run(240, observed(9, 1100, rate_per_min=200)),
    )
    attained = stats.attainment(stats.loaded_observations(frames, slo_in_force(frames, Slo())))
    shares = pytest.approx(400 / 1000, abs=1e-4), pytest.approx(0.8, abs=1e-4)
    assert attained == stats.Attainment(3, *shares, 2, 2, 3, 3)


def test_without_rates_every_minute_weighs_the_same():
    runs = [model_loop_run(60 * n, observed(itl, 20), solution(9, 40)) for n, itl in enumerate((9, 12, 12))]
    silent = [[(at_s, text.replace("arrivalRate=600.00", "arrivalRate=NaN")) for at_s, text in each] for each in runs]
    frames = frames_of(*silent)
    attained = stats.attainment(stats.loaded_observations(frames, slo_in_force(frames, Slo())))
    assert (attained.n, attained.itl, attained.itl_met) == (3, pytest.approx(1 / 3), 1)


def weights_of(frames):
    return stats.loaded_observations(frames, slo_in_force(frames, Slo()))["weight"].tolist()


def test_variants_of_a_model_share_its_requests():
    both = [observed(9, 20, variant=f"v{n}", rate_per_min=600) for n in (1, 2)]
    frames = frames_of(model_loop_run(0, both), model_loop_run(60, observed(9, 20, rate_per_min=600)))
    assert weights_of(frames) == pytest.approx([300, 300, 600], abs=0.1)


def test_of_several_variants_those_with_an_objective_are_judged():
    both = [observed(9, 20, variant="v1"), observed(11, 20, variant="v2")]
    frames = frames_of(model_loop_run(0, both, solution(9, 20, variant="v1")))
    attained = stats.attainment(stats.loaded_observations(frames, slo_in_force(frames, Slo())))
    assert (attained.n, attained.itl_met, attained.itl_judged) == (2, 1, 1)


def test_attainment_without_slo_or_load_is_none():
    frames = frames_of(model_loop_run(0, observed(10, 900)))
    assert stats.attainment(stats.loaded_observations(frames, slo_in_force(frames, Slo()))) == (1, *[None] * 4, 0, 0)
    empty = make_frames([], [])
    assert stats.attainment(stats.loaded_observations(empty, slo_in_force(empty, Slo()))) == (0, *[None] * 4, 0, 0)


def test_actions_count_once_per_reconciliation_and_variant():
    frames = frames_of(
        model_loop_run(0, decided=decision(1, 2)),
        model_loop_run(0.03, decided=decision(1, 2)),
        model_loop_run(60, decided=[*decision(2, 2), *decision(3, 1, variant="b")]),
    )
    assert stats.actions(frames) == {"no-change": 1, "scale-down": 1, "scale-up": 1}


def test_pods_are_aggregated_per_reconciliation():
    frames = frames_of(capacity_loop_run(0, {"a": (0.2, 1), "b": (0.6, 7)}), capacity_loop_run(60, {"a": (0.4, 0)}))
    kv = stats.aggregate_pods(frames["kv_cache"], "kv_cache_usage")
    assert kv[["pods", "mean", "max", "min"]].to_numpy().tolist() == [
        [2, pytest.approx(0.4), 0.6, 0.2],
        [1, 0.4, 0.4, 0.4],
    ]
    queue = stats.aggregate_pods(frames["queue"], "queue_length", with_total=True)
    assert queue["total"].tolist() == [8, 0]
    assert list(queue.columns) == [
        "reconciliation",
        "timestamp",
        "minutes",
        "model",
        "pods",
        "mean",
        "max",
        "min",
        "total",
    ]


def test_aggregate_of_nothing_has_its_columns():
    kv = stats.aggregate_pods(make_frames([], [])["kv_cache"], "kv_cache_usage")
    assert list(kv.columns) == ["reconciliation", "timestamp", "minutes", "model", "pods", "mean", "max", "min"]
    assert len(kv) == 0


def test_saturation_events_run_from_the_first_saturated_reconciliation_to_the_first_that_is_not():
    usages = [0.5, 0.95, 0.92, 0.90, 0.97]  # at the threshold is not above it
    frames = frames_of(*(capacity_loop_run(60 * i, {"a": (usage, 0), "b": (0.1, 0)}) for i, usage in enumerate(usages)))
    events = stats.saturation_events(frames["kv_cache"], 0.90)
    assert events["reconciliations"].tolist() == [2, 1]
    assert events["duration_s"].tolist() == [pytest.approx(120), pytest.approx(math.nan, nan_ok=True)]
    assert events["is_over"].tolist() == [True, False]
    assert events["peak"].tolist() == [0.95, 0.97]


def test_a_saturation_event_does_not_span_a_clock_set_back():
    starts = [0, 60, 120, -3600, -3540]
    usages = [0.5, 0.95, 0.96, 0.97, 0.5]
    runs = (capacity_loop_run(at_s, {"a": (usage, 0)}) for at_s, usage in zip(starts, usages, strict=True))
    frames = frames_of(*runs)
    events = stats.saturation_events(frames["kv_cache"], 0.90)
    # a minute to the last that is known; then a single one on the other clock
    assert events["duration_s"].tolist() == [pytest.approx(60), pytest.approx(math.nan, nan_ok=True)]
    assert events["is_over"].tolist() == [False, True]
    assert events["peak"].tolist() == [0.96, 0.97]


def test_no_saturation_has_no_events():
    frames = frames_of(capacity_loop_run(0, {"a": (0.5, 0)}))
    assert len(stats.saturation_events(frames["kv_cache"], 0.90)) == 0
    assert len(stats.saturation_events(make_frames([], [])["kv_cache"], 0.90)) == 0
