"""Latencies over a whole run."""

from __future__ import annotations

import pytest
from examples import frames_of
from logs import decision, model_loop_run, observed

from wva_parse.aligned.objectives import Slo
from wva_parse.aligned.slo import slo_in_force
from wva_parse.measures import stats
from wva_parse.measures.latency import observed_latency


def latency_of(*loop_runs):
    frames = frames_of(*loop_runs)
    return observed_latency(stats.loaded_observations(frames, slo_in_force(frames, Slo())), True)


def test_minutes_count_by_what_was_served_in_them():
    runs = [
        model_loop_run(0, observed(0, 0, rate_per_min=0), decided=decision(1, 1)),
        model_loop_run(60, observed(10, 20, rate_per_min=100), decided=decision(1, 1)),
        model_loop_run(120, observed(20, 60, rate_per_min=300), decided=decision(1, 1)),
    ]
    # (100 · 10 + 300 · 20) / 400 and (100 · 20 + 300 · 60) / 400; both minutes have the same tokens
    assert latency_of(*runs) == {
        "n": 2,
        "itl_ms": pytest.approx(17.5, abs=1e-2),
        "ttft_ms": pytest.approx(50, abs=1e-2),
        "weighted_by": "requests",
        "itl_plain_ms": pytest.approx(15),
        "ttft_plain_ms": pytest.approx(40),
    }


def test_a_minute_counts_until_the_next_and_variants_share_their_models_requests():
    both = [observed(10, 20, variant="v1", rate_per_min=600), observed(30, 20, variant="v2", rate_per_min=600)]
    found = latency_of(model_loop_run(0, both), model_loop_run(180, observed(50, 20, variant="v1", rate_per_min=600)))
    # 1800 requests in three minutes, half of them by each variant; the last interval is as long as the usual one
    assert (found["n"], found["itl_ms"]) == (3, pytest.approx((900 * 10 + 900 * 30 + 1800 * 50) / 3600, abs=1e-2))


def test_idle_runs_have_none():
    assert latency_of(model_loop_run(0, observed(0, 0, rate_per_min=0), decided=decision(1, 1))) is None
    assert latency_of() is None
