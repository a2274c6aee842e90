"""Simulated vLLM servers: batches, queues and KV cache by hand, and laws for any load."""

from __future__ import annotations

import itertools
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wva_sim.vllm import servers
from wva_sim.vllm.load import Load, Request
from wva_sim.vllm.servers import Fleet, Replica


def fleet_of(replicas: int) -> Fleet:
    fleet = Fleet()
    for number in range(replicas):
        fleet.add_replica(f"pod-{number}")
    return fleet


def run(rate_per_s: float, seconds: float, replicas: int = 1, seed: int = 1) -> tuple[Fleet, Load]:
    fleet = fleet_of(replicas)
    load = Load("load", rate_per_s, 10**9, seed, 0.0)
    fleet.start_load(load)
    fleet.advance(seconds)
    return fleet, load


def test_one_request_by_hand():
    replica = Replica("pod", 0.0)
    request = Request(Load("load", 1, 1, 1, 0), 0.0, input_tokens=100, output_tokens=11)
    replica.add(request, 0.0)
    prefill_ms = servers.GAMMA_MS + servers.DELTA_MS * 100
    assert request.first_token_s == pytest.approx(prefill_ms / 1000)
    assert replica.next_end_s == pytest.approx((prefill_ms + 10 * (servers.ALPHA_MS + servers.BETA_MS)) / 1000)
    assert replica.kv_usage == pytest.approx(100 / servers.KV_TOKENS)
    assert replica.end_next(replica.next_end_s) is request
    assert replica.load == 0
    assert replica.kv_usage == 0


def test_a_larger_batch_is_slower_for_all():
    quiet, _ = run(1, 300)
    busy, _ = run(12, 300)
    assert quiet.traffic().itl_ms < busy.traffic().itl_ms
    assert busy.traffic().itl_ms == pytest.approx(servers.ALPHA_MS + servers.BETA_MS * 62, rel=0.15)


def test_saturated_servers_queue_and_more_replicas_help():
    alone, _ = run(37, 300, replicas=1)
    together, _ = run(37, 300, replicas=4)
    usage, queue = alone.replicas["pod-0"].maxima()
    assert usage > 0.9
    assert queue > 100
    assert alone.traffic().ttft_ms > 10_000
    assert all(maxima[0] < 0.5 and maxima[1] == 0 for maxima in (r.maxima() for r in together.replicas.values()))
    assert together.traffic().ttft_ms < 100


def test_same_seed_same_result_whatever_the_steps():
    fleet, load = run(20, 120)
    other, in_steps = fleet_of(1), Load("load", 20, 10**9, 1, 0.0)
    other.start_load(in_steps)
    for step in range(1, 1201):
        other.advance(step / 10)
    assert in_steps.done == load.done
    assert other.traffic() == fleet.traffic()
    assert run(20, 120, seed=2)[1].done != load.done


def test_arrivals_have_the_rate_and_lengths_like_sharegpt():
    _, load = run(10, 1000, replicas=4)
    assert load.sent == pytest.approx(10_000, rel=0.03)
    mean_in = sum(done.input_tokens for done in load.done) / len(load.done)
    mean_out = sum(done.output_tokens for done in load.done) / len(load.done)
    assert 150 < mean_in < 300
    assert 350 < mean_out < 600


@given(st.floats(0.5, 60), st.integers(1, 300), st.integers(0, 99))
def test_all_is_sent_within_its_time_and_the_last_at_its_end(rate, requests, seed):
    load = Load("load", rate, requests, seed, 100.0)
    times = []
    while load.sent < requests:
        times.append(load.next_s)
        load.send()
    assert times == sorted(times)
    assert times[0] >= 100
    assert times[-1] == 100 + requests / rate


def test_gaps_are_those_of_poisson_arrivals():
    load = Load("load", 10, 20_000, 3, 0.0)
    times = []
    while load.sent < load.requests:
        times.append(load.next_s)
        load.send()
    gaps = [late - early for early, late in itertools.pairwise(times)]
    mean = sum(gaps) / len(gaps)
    assert mean == pytest.approx(0.1, rel=0.001)
    # Exponential: the deviation is the mean, and a share of 1/e is above it.
    assert math.sqrt(sum((gap - mean) ** 2 for gap in gaps) / len(gaps)) == pytest.approx(mean, rel=0.03)
    assert sum(gap > mean for gap in gaps) / len(gaps) == pytest.approx(math.exp(-1), abs=0.01)


def test_requests_wait_for_the_first_replica():
    fleet = Fleet()
    load = Load("load", 5, 50, 1, 0.0)
    fleet.start_load(load)
    fleet.advance(60)
    assert load.done == []
    fleet.add_replica("pod")
    fleet.advance(120)
    assert load.is_over
    assert max(done.ttft_ms for done in load.done) > 40_000


def test_a_stopped_load_leaves_the_servers_at_once():
    fleet, load = run(60, 60)
    assert fleet.replicas["pod-0"].load > 100
    fleet.stop_load("load")
    assert fleet.replicas["pod-0"].load == 0
    assert fleet.replicas["pod-0"].kv_usage == 0
    sent = load.sent
    fleet.advance(120)
    assert load.sent == sent
    assert fleet.traffic().rate_per_min == 0


def test_a_leaving_replica_finishes_what_it_has_and_loses_the_rest():
    fleet, load = run(10, 60, replicas=2)
    fleet.remove_replica("pod-0")
    fleet.advance(60 + servers.DRAIN_S + servers.SCRAPE_S)
    assert load.lost == []  # ten requests per second are done within the grace period
    fleet.kill_replica("pod-1")
    assert load.lost
    assert load.running == load.sent - len(load.done) - len(load.lost)


@given(st.floats(0.5, 60), st.integers(1, 4), st.integers(0, 9), st.integers(10, 200))
def test_laws(rate, replicas, seed, seconds):
    fleet, load = run(rate, seconds, replicas, seed)
    assert len(load.done) + len(load.lost) + load.running == load.sent
    assert all(done.ttft_ms >= servers.GAMMA_MS and done.ended_s <= seconds for done in load.done)
    assert all(math.isnan(done.tpot_ms) or done.tpot_ms >= servers.ALPHA_MS * 0.999 for done in load.done)
    for replica in fleet.replicas.values():
        assert 0 <= replica.kv_usage <= 1
        assert len(replica._running) <= servers.MAX_BATCH
