"""Under which conditions predictions are off, against cases worked by hand."""

from __future__ import annotations

import pandas as pd
import pytest

from wva_parse.aligned.align import PAIR_COLUMNS
from wva_parse.measures import conditions


def pairs(*rows):
    """Observed less predicted replicas, ITL error, TTFT error, arrival rate; all loaded."""
    made = [
        {
            "loaded": True,
            "predicted_replicas": 3,
            "observed_replicas": 3 + mismatch,
            "itl_error_ms": itl,
            "ttft_error_ms": ttft,
            "arrival_rate_per_min": rate,
        }
        for mismatch, itl, ttft, rate in rows
    ]
    return pd.DataFrame(made, columns=list(PAIR_COLUMNS)).astype({"loaded": bool})


def test_errors_by_mismatch():
    found = conditions.by_mismatch(pairs((0, 1, -4, 10), (0, -3, 4, 10), (-2, 20, 100, 10)))
    assert found.to_dict("records") == [
        {"mismatch": -2, "n": 1, "itl_mae_ms": 20, "itl_bias_ms": 20, "ttft_mae_ms": 100, "ttft_bias_ms": 100},
        {"mismatch": 0, "n": 2, "itl_mae_ms": 2, "itl_bias_ms": -1, "ttft_mae_ms": 4, "ttft_bias_ms": 0},
    ]


def test_idle_pairs_do_not_count():
    idle = pairs((0, 1, 1, 10)).assign(loaded=False)
    assert list(conditions.by_mismatch(idle).columns) == conditions.MISMATCH_COLUMNS
    assert len(conditions.by_mismatch(idle)) == 0
    assert conditions.load_correlation(idle, "itl") == (0, None)


def test_load_is_held_against_the_size_of_the_error():
    growing = pairs((0, 1, 9, 10), (0, -2, 9, 20), (0, 3, 9, 30), (0, -4, 9, 40))
    assert conditions.load_correlation(growing, "itl") == (4, pytest.approx(1))
    assert conditions.load_correlation(growing, "ttft") == (4, None)  # it never varies
    assert conditions.load_correlation(growing[:3], "itl") == (3, None)  # too few


def test_errors_are_held_against_the_fullest_pod_when_they_were_seen():
    growing = pairs((0, 1, 1, 10), (0, -2, 2, 40), (0, 3, 3, 20), (0, -4, 4, 30)).assign(reconciliation=[0, 1, 2, 3])
    kv = pd.DataFrame(
        [(number, pod, usage) for number in range(1, 5) for pod, usage in (("a", number / 10), ("b", 0.01))],
        columns=["reconciliation", "pod", "kv_cache_usage"],
    )
    assert conditions.kv_correlation(growing, kv, "itl") == (4, pytest.approx(1))
    assert conditions.kv_correlation(growing, kv.iloc[:0], "itl") == (0, None)


def test_pairs_that_saw_another_rate_are_counted():
    seen = pairs((0, 1, 1, 110), (0, 1, 1, 111), (0, 1, 1, 89)).assign(predicted_rate_per_min=100.0)
    assert conditions.rate_changed(seen) == 2  # a tenth is not more than a tenth
