"""The simulated controller decides as WVA's documentation says."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from situations import observation, pods

from wva_sim.wva.decide import Controller


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
    ("rate_per_min", "target"), [(0, 1), (600, 1), (660, 2), (1400, 3), (60_000, 94)], ids="{}/min".format
)
def test_model(rate_per_min, target):
    # at 213 and 525 tokens one replica takes 644.5 requests per minute within 10 ms, as WVA itself logged
    seen = observation(arrival_rate_per_min=rate_per_min, replicas=1)
    assert decide("model-based", seen)[2] == target


def test_objectives_that_no_replicas_meet_are_said_to_be():
    (run,) = Controller("model-based", slo_itl_ms=1).run_loop([observation(arrival_rate_per_min=6000)]).models
    (allocation,) = run.analysis.allocations
    assert (allocation.replicas, allocation.is_saturated) == (1, True)
    (run,) = Controller("model-based").run_loop([observation(arrival_rate_per_min=600)]).models
    assert not run.analysis.allocations[0].is_saturated


@given(st.floats(1, 2000), st.floats(1, 2000), st.floats(1, 5000))
def test_more_load_never_needs_fewer_replicas(tokens_in, tokens_out, rate):
    controller = Controller("model-based")
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


# Demand: a replica holds 140,000 tokens, and full batches of 256 yield 256 / (7.47 + 0.044 * 256) = 13.66 tokens/ms


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"pods": pods((0.5, 0))}, ("no-change", 1, 1)),
        # (0.95 * 140,000 + 100 * 210) / 0.85 = 181,176 are 41,176 too many for one replica: one more
        ({"pods": pods((0.95, 100)), "input_tokens": 210.0}, ("scale-up", 1, 2)),
        # (140,000 + 2000 * 210) / 0.85 = 658,824: 3.7 replicas more
        ({"pods": pods((1.0, 2000)), "input_tokens": 210.0}, ("scale-up", 1, 5)),
        # the caches have room, but 3600 / min * 500 tokens = 30,000 tokens/s need 2.6 replicas at 85 %
        ({"pods": pods((0.5, 0)), "arrival_rate_per_min": 3600.0, "output_tokens": 500.0}, ("scale-up", 1, 3)),
        # 0.3 * 140,000 / 0.7 = 60,000 of 420,000: 2.6 replicas too many, but the last one stays
        ({"pods": pods(*[(0.1, 0)] * 3), "replicas": 3, "ready_replicas": 3}, ("scale-down", 3, 1)),
        # the caches are empty, the tokens per second need both
        (
            {"pods": pods(*[(0.0, 0)] * 2), "replicas": 2, "ready_replicas": 2, "arrival_rate_per_min": 2000.0},
            ("no-change", 2, 2),
        ),
        # what was asked for is on its way: neither more nor less
        ({"pods": pods((0.95, 100)), "input_tokens": 210.0, "replicas": 2}, ("no-change", 2, 2)),
        ({"pods": pods((0.0, 0)), "replicas": 2}, ("no-change", 2, 2)),
    ],
)
def test_demand(changes, expected):
    assert decide("demand-based", observation(**changes)) == expected


def test_demand_goes_to_the_cheapest_and_leaves_the_dearest_first():
    def targets(**changes):
        seen = [observation(variant=name, cost=cost, **changes) for name, cost in (("cheap", 10.0), ("dear", 20.0))]
        run = Controller("demand-based", max_replicas=4).run_loop(seen)
        return {decision.variant: decision.target for decision in run.decisions}

    # 2 * (140,000 + 100 * 210) / 0.85 = 378,824 of 280,000
    assert targets(pods=pods((1.0, 100)), input_tokens=210.0) == {"cheap": 2, "dear": 1}
    # 7.4 replicas more than there are: the cheapest up to its limit, then the other
    assert targets(pods=pods((1.0, 2000)), input_tokens=210.0) == {"cheap": 4, "dear": 4}
    idle = {"pods": pods((0.0, 0), (0.0, 0)), "replicas": 2, "ready_replicas": 2, "arrival_rate_per_min": 0.0}
    assert targets(**idle) == {"cheap": 1, "dear": 1}


def test_analyzers_tell_what_is_missing_and_what_is_spare():
    seen = observation(pods=pods((0.95, 100)), input_tokens=210.0)
    (run,) = Controller("demand-based").run_loop([seen]).models
    saturation, throughput = run.analysis.analyzers
    assert (saturation.analyzer, saturation.supply, saturation.demand) == ("saturation", 140_000, 154_000)
    assert saturation.utilisation == pytest.approx(1.1)
    assert (saturation.required, saturation.spare) == (pytest.approx(154_000 / 0.85 - 140_000), 0)
    assert throughput.per_replica == pytest.approx(13_665, abs=1)
    assert throughput.demand == pytest.approx(612 / 60 * 525.5)
    assert throughput.spare == pytest.approx(throughput.supply - throughput.demand / 0.7)
