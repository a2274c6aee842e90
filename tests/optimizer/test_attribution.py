"""Whose fault an error is: worked by hand, and the laws that hold for any pair."""

from __future__ import annotations

import json

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from logs import NAMESPACE, VARIANT, decision, model_loop_run, observed, sample, write_run

from wva_parse import run
from wva_parse.aligned.align import PAIR_COLUMNS
from wva_parse.optimizer import attribution
from wva_parse.optimizer.queueing import Load, Profile, Replica, predict

SPEC = "alpha=7.470000, beta=0.044000, gamma=15.415000, delta=0.000337"
PROFILE = Profile(7.47, 0.044, 15.415, 0.000337, 512)


def using(parameters):
    return f"Using fallback parameters for variant {VARIANT}/{NAMESPACE}: {parameters}"


def expected(rate, replicas, itl_ms=None, ttft_ms=None, tokens=(210, 500)):
    """What the optimizer expects with the profile of the spec; or something else."""
    found = predict(PROFILE, Load(rate, *tokens), replicas)
    itl_ms, ttft_ms = itl_ms or round(found.itl_ms, 6), ttft_ms or round(found.ttft_ms, 6)
    return (
        f"Optimization solution - system: Solution: \ns={VARIANT}:{NAMESPACE}; c=Premium; m=org/m; rate={rate:g}; "
        f"inTk={tokens[0]}; outTk={tokens[1]}; sol=1, sat=false, alloc={{acc=H100; numRep={replicas}; maxBatch=512; "
        f"cost=100, val=0, itl={itl_ms}, ttft={ttft_ms}, rho=0.1, maxRPM=700}}; slo-itl=10, slo-ttft=1000, slo-tps=0 \n"
        "AllocationByType: \nname=H100, count=1, limit=0, cost=100 \ntotalCost=100 \n"
    )


def pods(*names):
    return [f"KV cache metric: pod={name}, usage=0.200 (20.0%)" for name in names]


def two_minutes(directory, predicted, seen, reporting=("p-0",), parameters=SPEC):
    first = model_loop_run(0, [observed(8, 20), using(parameters)], predicted, decision(1, 1))
    second = model_loop_run(60, [*pods(*reporting), seen], "", decision(1, 1))
    return write_run(directory, first, second)


def parts(frame, metric):
    return [frame.iloc[0][f"{metric}_error_{part}_ms"] for part in attribution.PARTS]


def test_by_hand(tmp_path):
    """Predicted 600 on 2 replicas; 900 came, and 3 pods answered."""
    directory = two_minutes(tmp_path / "run", expected(600, 2), observed(9, 30, 2, 900), ("p-0", "p-1", "p-2"))
    pairs = attribution.with_parts(run.load(directory))
    assert tuple(pairs.columns) == (*PAIR_COLUMNS, *attribution.ATTRIBUTED_COLUMNS)
    (pair,) = pairs.to_dict("records")
    replica = Replica(PROFILE, 210, 500)
    at_300, at_450 = replica.at(300), replica.at(450)  # 900 on 3 replicas is what 600 on 2 was
    assert pair["ready_replicas"] == 3
    for metric, seen in (("itl", 9), ("ttft", 30)):
        few, many = (getattr(found, f"{metric}_ms") for found in (at_300, at_450))
        assert parts(pairs, metric) == pytest.approx([many - few, few - many, seen - few], abs=1e-5)
        assert sum(parts(pairs, metric)) == pytest.approx(pair[f"{metric}_error_ms"], rel=1e-9)
    assert not pair["beyond"]
    found = attribution.attribution_of(pairs)
    assert (found.pairs, found.reproduced, found.beyond) == (1, 1, 0)
    assert found.itl.error_mae_ms == pytest.approx(9 - at_300.itl_ms, abs=1e-5)


def test_what_came_as_assumed_is_the_models_fault(tmp_path):
    directory = two_minutes(tmp_path / "run", expected(600, 1), observed(12, 40, 1, 600))
    pairs = attribution.with_parts(run.load(directory))
    load, replicas, model = parts(pairs, "itl")
    assert (load, replicas) == pytest.approx((0, 0), abs=1e-5)
    assert model == pytest.approx(pairs.iloc[0]["itl_error_ms"], abs=1e-5)


def test_more_than_can_be_served_is_said_and_counts_all_the_same(tmp_path):
    full = Replica(PROFILE, 210, 500).full
    directory = two_minutes(tmp_path / "run", expected(600, 1), observed(30, 9000, 1, round(full + 1, 2)))
    pairs = attribution.with_parts(run.load(directory))
    assert pairs.iloc[0]["beyond"]
    assert attribution.attribution_of(pairs).beyond == 1
    directory = two_minutes(tmp_path / "other", expected(600, 1), observed(30, 9000, 1, round(full - 1, 2)))
    assert not attribution.with_parts(run.load(directory)).iloc[0]["beyond"]


def test_a_prediction_that_is_not_reproduced_is_counted_and_not_attributed(tmp_path):
    directory = two_minutes(tmp_path / "run", expected(600, 1, itl_ms=9.5), observed(12, 40, 1, 600))
    pairs = attribution.with_parts(run.load(directory))
    assert pd.isna(pairs.iloc[0]["itl_error_model_ms"]) and pd.isna(pairs.iloc[0]["beyond"])
    assert pairs.iloc[0]["ready_replicas"] == 1
    found = attribution.attribution_of(pairs)
    assert (found.pairs, found.reproduced, found.itl, found.ttft) == (1, 0, None, None)


@pytest.mark.parametrize("seen", [observed(0, 0, 1, 0), observed(12, 40, 1, 0)])
def test_pairs_that_cannot_be_attributed(tmp_path, seen):
    """An idle observation, and one that tells latencies and no rate: WVA's windows differ."""
    pairs = attribution.with_parts(run.load(two_minutes(tmp_path / "run", expected(600, 1), seen)))
    assert pairs.iloc[0][list(attribution.PART_COLUMNS)].isna().all()
    assert attribution.attribution_of(pairs) is None


def test_no_pairs(tmp_path):
    directory = write_run(tmp_path / "run", model_loop_run(0, observed(8, 20), "", decision(1, 1)))
    pairs = attribution.with_parts(run.load(directory))
    assert (len(pairs), tuple(pairs.columns)) == (0, (*PAIR_COLUMNS, *attribution.ATTRIBUTED_COLUMNS))
    assert attribution.attribution_of(pairs) is None
    assert len(attribution.steady(run.load(directory), pairs)) == 0


# --- ready replicas


def test_samples_tell_who_was_ready_for_how_long(tmp_path):
    directory = two_minutes(tmp_path / "run", expected(600, 2), observed(9, 30, 2, 600), ("p-0",))
    samples = [sample(-30, 2, 1), sample(15, 2, 1), sample(30, 3, 2), sample(90, 3, 9)]
    (directory / "cluster-samples.jsonl").write_text("".join(json.dumps(each) + "\n" for each in samples))
    (pair,) = attribution.with_parts(run.load(directory)).to_dict("records")
    # The observation is of the minute from 0.003 s on: 30 s with one replica, 30 s with two.
    assert pair["ready_replicas"] == pytest.approx(1.5, abs=0.001)


def test_pods_of_several_variants_cannot_be_told_apart(tmp_path):
    other = observed(9, 30, 4, 600, "other")
    first = model_loop_run(0, [observed(8, 20), other, using(SPEC)], expected(600, 2), decision(1, 1))
    second = model_loop_run(60, [*pods("p-0", "p-1", "p-2"), observed(9, 30, 2, 600), other], "", decision(1, 1))
    (pair,) = attribution.with_parts(run.load(write_run(tmp_path / "run", first, second))).to_dict("records")
    assert pair["ready_replicas"] == 2


def test_twins_see_each_other_s_pods(tmp_path):
    first = model_loop_run(0, [observed(8, 20), using(SPEC)], expected(600, 2), decision(1, 1))
    twins = [
        model_loop_run(60 + late_s, [*pods(*names), observed(9, 30, 2, 600)], "", decision(1, 1))
        for late_s, names in ((0, ("p-0", "p-1")), (0.05, ("p-1", "p-2")))
    ]
    (pair,) = attribution.with_parts(run.load(write_run(tmp_path / "run", first, *twins))).to_dict("records")
    assert pair["ready_replicas"] == 3


# --- steady pairs


@pytest.mark.parametrize(
    ("seen", "reporting", "is_steady"),
    [
        (observed(9, 30, 1, 600), ("p-0",), True),
        (observed(9, 30, 1, 659), ("p-0",), True),
        (observed(9, 30, 1, 661), ("p-0",), False),  # 10 % more than assumed
        (observed(9, 30, 1, 539), ("p-0",), False),
        (observed(9, 30, 2, 600), ("p-0",), False),  # not settled
        (observed(9, 30, 1, 600), ("p-0", "p-1"), False),  # another one was ready
    ],
)
def test_steady_pairs(tmp_path, seen, reporting, is_steady):
    experiment = run.load(two_minutes(tmp_path / "run", expected(600, 1), seen, reporting))
    found = attribution.steady(experiment, attribution.with_parts(experiment))
    assert (len(found) == 1) == is_steady
    assert not found["changed"].any()  # there was one replica before


def test_a_starved_pod_makes_no_steady_pair(tmp_path):
    directory = tmp_path / "run"
    first = model_loop_run(0, [observed(8, 20, 2), using(SPEC)], expected(600, 1), decision(2, 1))
    for queue, is_steady in ((5, True), (6, False)):
        starved = f"Queue metric: pod=p-0, queueLength={queue}"
        second = model_loop_run(60, [*pods("p-0"), starved, observed(9, 30, 1, 600)], "", decision(1, 1))
        experiment = run.load(write_run(directory, first, second))
        found = attribution.steady(experiment, attribution.with_parts(experiment))
        assert (len(found) == 1) == is_steady
        assert found["changed"].all()
        assert attribution.observed_starved(experiment, attribution.with_parts(experiment)) == (not is_steady)


# --- laws


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    rate=st.floats(1, 5000),
    came=st.floats(1, 5000),
    replicas=st.integers(1, 9),
    ready=st.integers(1, 9),
    itl_ms=st.floats(1, 500),
    ttft_ms=st.floats(1, 1e5),
)
def test_the_parts_sum_to_the_error(tmp_path, rate, came, replicas, ready, itl_ms, ttft_ms):
    names = tuple(f"p-{number}" for number in range(ready))
    seen = observed(itl_ms, ttft_ms, ready, came)
    directory = two_minutes(tmp_path / "run", expected(round(rate, 2), replicas), seen, names)
    pairs = attribution.with_parts(run.load(directory))
    for metric in attribution.METRICS:
        error = pairs.iloc[0][f"{metric}_error_ms"]
        # To the last digits of the numbers that are added.
        largest = max(abs(error), *map(abs, parts(pairs, metric)))
        assert sum(parts(pairs, metric)) == pytest.approx(error, abs=1e-12 * largest, rel=1e-9)


def test_the_columns_at_the_end_of_processed_data():
    assert (*PAIR_COLUMNS, *attribution.ATTRIBUTED_COLUMNS)[-13:] == (
        *("predicted_rate_per_min", "predicted_input_tokens", "predicted_output_tokens"),
        *("observed_input_tokens", "observed_output_tokens", "ready_replicas"),
        *("itl_error_load_ms", "itl_error_replicas_ms", "itl_error_model_ms"),
        *("ttft_error_load_ms", "ttft_error_replicas_ms", "ttft_error_model_ms", "beyond"),
    )
