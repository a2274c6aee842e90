"""The optimizer's queue, held against solutions that WVA itself logged."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wva_sim.wva.queueing import Profile, Replica, idle

PROFILE = Profile(7.47, 0.044, 15.415, 0.000337, 512)

# `Optimization solution` lines of one real run on an H100: rate, inTk, outTk, numRep; itl, ttft, rho, maxRPM.
LOGGED = [
    ((150.25, 332, 193, 1), (7.6781898, 15.944388, 0.0072882837, 1745.7603)),
    ((563.72, 267, 424, 1), (9.1158085, 18.780642, 0.07110299, 797.5382)),
    ((690, 258, 370, 1), (9.250842, 18.934025, 0.07709705, 913.64453)),
    ((1202, 275, 315, 2), (8.730129, 18.069147, 0.053982977, 1072.5319)),
    ((1540.16, 233, 435, 2), (9.96838, 19.873531, 0.10894805, 777.5351)),
    ((1548, 213, 525, 3), (9.381115, 18.532766, 0.08287975, 644.5417)),
    ((1824, 219, 556, 3), (9.996441, 19.652702, 0.110193625, 608.6535)),
]


@pytest.mark.parametrize(("load", "logged"), LOGGED, ids=lambda values: str(values[0]))
def test_predictions_are_those_of_wva(load, logged):
    rate, input_tokens, output_tokens, replicas = load
    replica = Replica(PROFILE, input_tokens, output_tokens)
    assert replica.at(rate / replicas) == pytest.approx(logged[:3], rel=2e-6)
    # WVA's search ends within a few millionths of the rate
    assert replica.max_rate_per_min(10, 1000) == pytest.approx(logged[3], rel=5e-6)


def test_without_load_it_says_what_wva_says():
    predicted, rate = idle(PROFILE)
    assert predicted == pytest.approx((7.514, 15.415337, 0))
    assert rate == pytest.approx(676453.25)


def test_one_place_by_hand():
    """A batch of one and ten that may wait: each takes 10 ms, arrivals come at half that rate."""
    replica = Replica(Profile(alpha=5, beta=0, gamma=5, delta=1e-9, max_batch=1), 1, 2)
    weights = [0.5**number for number in range(12)]
    busy = 1 - 1 / sum(weights)
    present = sum(number * weight for number, weight in enumerate(weights)) / sum(weights)
    served_per_ms = 0.05 * (1 - weights[-1] / sum(weights))
    waits_ms = present / served_per_ms - busy / served_per_ms
    assert replica.at(0.05 * 60_000) == pytest.approx((5, 5 + waits_ms, busy))


@pytest.mark.parametrize(("slo_itl_ms", "slo_ttft_ms"), [(10, 1000), (1000, 20), (9, 30)])
def test_the_highest_rate_meets_the_objectives_just_so(slo_itl_ms, slo_ttft_ms):
    replica = Replica(PROFILE, 213, 525)
    rate = replica.max_rate_per_min(slo_itl_ms, slo_ttft_ms)
    itl_ms, ttft_ms, _ = replica.at(rate)
    assert itl_ms <= slo_itl_ms and ttft_ms <= slo_ttft_ms
    itl_ms, ttft_ms, _ = replica.at(1.001 * rate)
    assert itl_ms > slo_itl_ms or ttft_ms > slo_ttft_ms


def test_objectives_that_nothing_meets_and_that_everything_meets():
    replica = Replica(PROFILE, 213, 525)
    assert replica.max_rate_per_min(1, 1000) == pytest.approx(replica.lowest)
    assert replica.max_rate_per_min(1e9, 1e9) == replica.highest


@given(st.integers(1, 5000), st.integers(1, 2000), st.floats(0, 1e6))
def test_more_load_is_never_faster(input_tokens, output_tokens, rate):
    replica = Replica(PROFILE, input_tokens, output_tokens)
    less, more = replica.at(rate), replica.at(1.5 * rate)
    assert less.itl_ms <= more.itl_ms * (1 + 1e-9) and less.ttft_ms <= more.ttft_ms * (1 + 1e-9)
    assert 0 <= less.utilisation <= more.utilisation * (1 + 1e-9) <= 1 + 1e-8
