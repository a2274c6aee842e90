"""Latencies over a whole run."""

from __future__ import annotations

import pytest
from examples import frames_of
from logs import decision, model_loop_run, observed

from wva_parse.measures.latency import observed_latency


def test_minutes_count_by_what_was_served_in_them():
    runs = [
        model_loop_run(0, observed(0, 0, rate_per_min=0), decided=decision(1, 1)),
        model_loop_run(60, observed(10, 20, rate_per_min=100), decided=decision(1, 1)),
        model_loop_run(120, observed(20, 60, rate_per_min=300), decided=decision(1, 1)),
    ]
    # (100 · 10 + 300 · 20) / 400 and (100 · 20 + 300 · 60) / 400; both minutes have the same tokens
    assert observed_latency(frames_of(*runs)) == {
        "n": 2,
        "itl_ms": pytest.approx(17.5),
        "ttft_ms": pytest.approx(50),
        "weighted_by": "requests",
        "itl_plain_ms": pytest.approx(15),
        "ttft_plain_ms": pytest.approx(40),
    }


def test_idle_runs_have_none():
    assert (
        observed_latency(frames_of(model_loop_run(0, observed(0, 0, rate_per_min=0), decided=decision(1, 1)))) is None
    )
    assert observed_latency(frames_of()) is None
