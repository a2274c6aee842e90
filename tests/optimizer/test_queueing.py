"""The optimizer's queue, held against solutions that WVA itself logged and numbers worked by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from wva_parse.optimizer.queueing import Load, Objectives, Profile, Replica, idle, needed_replicas, predict

PROFILE = Profile(7.47, 0.044, 15.415, 0.000337, 512)
OBJECTIVES = Objectives(10, 1000)

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
def test_decisions_are_those_of_wva(load, logged):
    _, input_tokens, output_tokens, replicas = load
    found = predict(PROFILE, Load(*load[:3]), replicas)
    assert found == pytest.approx(logged[:3], rel=2e-6)
    # WVA's search ends within a few millionths of the rate.
    highest = Replica(PROFILE, input_tokens, output_tokens).highest_rate(OBJECTIVES)
    assert highest == pytest.approx(logged[3], rel=5e-6)
    assert needed_replicas(PROFILE, Load(*load[:3]), OBJECTIVES) == replicas


def test_without_load_it_says_what_wva_says():
    predicted, rate = idle(PROFILE)
    assert predicted == pytest.approx((7.514, 15.415337, 0))
    assert rate == pytest.approx(676453.25)
    for load in (Load(0, 200, 500), Load(600, 200, 0)):
        assert (predict(PROFILE, load, 3), needed_replicas(PROFILE, load, OBJECTIVES)) == (predicted, 1)


def test_one_place_by_hand():
    """A batch of one and ten that may wait: each takes 10 ms, arrivals come at half that rate."""
    replica = Replica(Profile(alpha=5, beta=0, gamma=5, delta=1e-9, max_batch=1), 1, 2)
    weights = [0.5**number for number in range(12)]
    busy = 1 - 1 / sum(weights)
    present = sum(number * weight for number, weight in enumerate(weights)) / sum(weights)
    served_per_ms = 0.05 * (1 - weights[-1] / sum(weights))
    waits_ms = present / served_per_ms - busy / served_per_ms
    assert replica.at(0.05 * 60_000) == pytest.approx((5, 5 + waits_ms, busy))


def test_the_chain_is_that_of_every_state():
    """The states beyond a full batch are summed in closed form; here each of them is one by one."""
    profile, tokens = Profile(8, 0.5, 20, 0.01, 7), (100, 50)
    replica = Replica(profile, *tokens)
    for rate in (replica.lowest, replica.highest / 2, 0.9 * replica.highest, replica.highest):
        share = [1.0]
        for n in range(1, 11 * 7 + 1):
            batch = min(n, 7)
            service_ms = profile.prefill_ms(100, batch) + 49 * profile.itl_ms(batch)
            share.append(share[-1] * rate / 60_000 * service_ms / batch)
        total = sum(share)
        served = rate / 60_000 * (1 - share[-1] / total)
        running = sum(min(n, 7) * each for n, each in enumerate(share)) / total
        waiting = sum(max(n - 7, 0) * each for n, each in enumerate(share)) / total
        batch = (running / served - 20 - 49 * 8) / (0.01 * 100 + 49 * 0.5)
        expected = (profile.itl_ms(batch), waiting / served + profile.prefill_ms(100, batch), running / 7)
        assert replica.at(rate) == pytest.approx(expected, rel=1e-9)


def test_without_input_there_is_no_prefill():
    few = Replica(PROFILE, 0, 500).at(1)
    assert few.ttft_ms == pytest.approx(0, abs=1e-6)
    # The service time has no gamma, yet WVA takes one off when it asks for the batch: less than one request.
    assert few.itl_ms == pytest.approx(PROFILE.itl_ms(1 - 15.415 / (499 * 0.044)), rel=1e-3)
    alone = Replica(PROFILE, 0, 1)
    assert all(math.isfinite(value) for value in alone.at(100))


def test_each_of_many_rates_is_that_rate_alone():
    replica = Replica(PROFILE, 213, 525)
    rates = np.array([0.0, 3.0, 600.0, 1e4])
    itl_ms, ttft_ms, utilisation = replica.at_each(rates)
    for number, rate in enumerate(rates):
        assert replica.at(rate) == pytest.approx((itl_ms[number], ttft_ms[number], utilisation[number]), rel=1e-12)


@pytest.mark.parametrize("objectives", [Objectives(10, 1000), Objectives(1000, 20), Objectives(9, 30)])
def test_the_highest_rate_meets_the_objectives_just_so(objectives):
    replica = Replica(PROFILE, 213, 525)
    rate = replica.highest_rate(objectives)
    assert objectives.met_by(*replica.at(rate)[:2])
    assert not objectives.met_by(*replica.at(1.001 * rate)[:2])


def test_objectives_that_nothing_meets_and_that_everything_meets():
    replica = Replica(PROFILE, 213, 525)
    assert replica.highest_rate(Objectives(1, 1000)) is None
    assert needed_replicas(PROFILE, Load(600, 213, 525), Objectives(1, 1000)) is None
    for everything in (Objectives(1e9, 1e9), Objectives(0, 0)):
        assert replica.highest_rate(everything) == replica.highest


@given(st.integers(0, 5000), st.integers(1, 2000), st.floats(0, 1e6))
def test_more_load_is_never_faster(input_tokens, output_tokens, rate):
    replica = Replica(PROFILE, input_tokens, output_tokens)
    less, more = replica.at(rate), replica.at(1.5 * rate)
    assert less.itl_ms <= more.itl_ms * (1 + 1e-9)
    assert less.ttft_ms <= more.ttft_ms * (1 + 1e-9) + 1e-6
    assert 0 <= less.utilisation <= more.utilisation * (1 + 1e-9) <= 1 + 1e-8


@given(st.floats(1, 20_000), st.integers(1, 2000), st.integers(1, 2000), st.floats(7.6, 40), st.floats(16, 5000))
def test_the_needed_replicas_are_the_fewest_that_meet_the_objectives(rate, tokens_in, tokens_out, itl_ms, ttft_ms):
    load, objectives = Load(rate, tokens_in, tokens_out), Objectives(itl_ms, ttft_ms)
    needed = needed_replicas(PROFILE, load, objectives)
    if needed is None or needed > 10_000:
        return
    assert objectives.met_by(*predict(PROFILE, load, needed * (1 + 1e-9))[:2])
    fewer = Replica(PROFILE, tokens_in, tokens_out)
    if needed > 1 and rate / (needed - 1) * (1 - 1e-6) < fewer.highest:
        assert not objectives.met_by(*predict(PROFILE, load, (needed - 1) * (1 - 1e-6))[:2])
