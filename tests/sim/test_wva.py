"""The simulated controller decides as WVA's documentation says."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from test_wva_lines import observation, pods

from wva_sim.wva import Controller


def decide(mode, *observations, controller=None):
    (decision, *_) = (controller or Controller(mode)).run_loop(observations).decisions
    return decision.action, decision.current, decision.target


@pytest.mark.parametrize(
    ("states", "replicas", "expected"),
    [
        ([(0.2, 0)], 1, ("no-change", 1, 1)),
        ([(0.75, 0)], 1, ("scale-up", 1, 2)),  # spare KV 0.05 < 0.10
        ([(0.2, 3)], 1, ("scale-up", 1, 2)),  # spare queue 2 < 3
        ([(0.99, 50)], 1, ("scale-up", 1, 2)),  # saturated: nothing spare at all
        ([(0.1, 0)] * 3, 3, ("scale-down", 3, 2)),
        ([(0.5, 0)] * 2, 2, ("no-change", 2, 2)),  # one replica could not take both halves
        ([(0.1, 0)], 1, ("no-change", 1, 1)),  # the last one stays
    ],
)
def test_capacity(states, replicas, expected):
    seen = observation(replicas=replicas, ready_replicas=replicas, pods=pods(*states))
    assert decide("capacity-based", seen) == expected


def test_capacity_keeps_its_target_while_replicas_start():
    controller = Controller("capacity-based")
    full = {"pods": pods((0.99, 50))}
    assert decide("", observation(**full), controller=controller) == ("scale-up", 1, 2)
    assert decide("", observation(**full), controller=controller) == ("scale-up", 1, 2)  # not scaled yet
    starting = observation(replicas=2, ready_replicas=1, **full)
    assert decide("", starting, controller=controller) == ("no-change", 2, 2)  # starting
    ready = observation(replicas=2, ready_replicas=2, pods=pods((0.99, 50), (0.99, 50)))
    assert decide("", ready, controller=controller) == ("scale-up", 2, 3)


def test_capacity_never_goes_beyond_the_limit():
    controller = Controller("capacity-based", max_replicas=2)
    seen = observation(replicas=2, ready_replicas=2, pods=pods((0.99, 50), (0.99, 50)))
    assert decide("", seen, controller=controller) == ("no-change", 2, 2)


@pytest.mark.parametrize(
    ("rate_per_min", "target"), [(0, 1), (600, 1), (660, 2), (1400, 3), (60_000, 10)], ids="{}/min".format
)
def test_model(rate_per_min, target):
    # at 213 and 525 tokens one replica takes 644.5 requests per minute within 10 ms, as WVA itself logged
    seen = observation(arrival_rate_per_min=rate_per_min, replicas=1)
    assert decide("model-based", seen)[2] == target


def test_a_load_beyond_all_replicas_is_said_to_be():
    (run,) = Controller("model-based", max_replicas=2).run_loop([observation(arrival_rate_per_min=6000)]).models
    (allocation,) = run.analysis.allocations
    assert (allocation.replicas, allocation.is_saturated) == (2, True)
    (run,) = Controller("model-based").run_loop([observation(arrival_rate_per_min=600)]).models
    assert not run.analysis.allocations[0].is_saturated


@given(st.floats(1, 2000), st.floats(1, 2000), st.floats(1, 5000))
def test_more_load_never_needs_fewer_replicas(tokens_in, tokens_out, rate):
    controller = Controller("model-based", max_replicas=1000)
    targets = [
        controller.run_loop(
            [observation(arrival_rate_per_min=part * rate, input_tokens=tokens_in, output_tokens=tokens_out)]
        )
        .decisions[0]
        .target
        for part in (0.5, 1.0, 2.0)
    ]
    assert targets == sorted(targets)


def test_variants_of_one_model_share_its_load():
    seen = [
        observation(variant="dear", cost=30.0, pods=pods((0.9, 9))),
        observation(variant="cheap", cost=10.0, pods=pods((0.9, 9))),
    ]
    by_capacity = {each.variant: each.target for each in Controller("capacity-based").run_loop(seen).decisions}
    assert by_capacity == {"cheap": 2, "dear": 1}
    by_model = {each.variant: each.target for each in Controller("model-based").run_loop(seen).decisions}
    assert by_model == {"cheap": 1, "dear": 1}  # rates are the model's: each is sized for 612 per minute
