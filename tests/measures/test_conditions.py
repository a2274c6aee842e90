"""Under which conditions predictions are off, against cases worked by hand."""

from __future__ import annotations

import pandas as pd
import pytest
from examples import frames_of
from logs import VARIANT, capacity_loop_run, observed

from wva_parse.aligned.align import PAIR_COLUMNS
from wva_parse.aligned.frames import make_frames
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


def with_usages(*usages):
    """A log whose reconciliations have these usages at the fullest of two pods."""
    return frames_of(
        *(
            capacity_loop_run(60 * n, {"a": (usage, 0), "b": (0.01, 0)}, observed(9, 20))
            for n, usage in enumerate(usages)
        )
    )


def test_load_is_also_how_full_the_fullest_pod_was_when_the_error_was_observed():
    # Answers come at one rate while requests wait; predictions of 0 to 3 are observed at 1 to 4.
    stuck = pairs((0, 1, 9, 10), (0, -2, 9, 10), (0, 3, 9, 10), (0, -4, 9, 10)).assign(
        variant=VARIANT, reconciliation=range(4)
    )
    assert conditions.load_correlation(stuck, "itl") == (4, None)
    assert conditions.kv_correlation(stuck, with_usages(0.9, 0.1, 0.2, 0.3, 0.4), "itl") == (4, pytest.approx(1))
    # 0.4 0.1 0.3 0.2 against 1 2 3 4: ranks differ by 3, 1, 0, 2, so 1 - 6 * 14 / (4 * 15)
    assert conditions.kv_correlation(stuck, with_usages(0, 0.4, 0.1, 0.3, 0.2), "itl") == (4, pytest.approx(-0.4))
    assert conditions.kv_correlation(stuck, make_frames([], []), "itl") == (0, None)


def test_of_several_models_the_pods_of_its_own_count():
    # The other model's pods are full all the time.
    frames = with_usages(0, 0.1, 0.2, 0.3, 0.4)
    pods = frames["kv_cache"]
    both = pd.concat([pods, pods.assign(model="another", kv_cache_usage=1.0)])
    mine = pairs((0, 1, 9, 10), (0, -2, 9, 10), (0, 3, 9, 10), (0, -4, 9, 10)).assign(
        variant=VARIANT, reconciliation=range(4)
    )
    assert conditions.kv_correlation(mine, frames.with_kind("kv_cache", both), "itl") == (4, pytest.approx(1))


def test_pairs_that_saw_another_rate_are_counted():
    seen = pairs((0, 1, 1, 110), (0, 1, 1, 111), (0, 1, 1, 89)).assign(predicted_rate_per_min=100.0)
    assert conditions.rate_changed(seen) == 2  # a tenth is not more than a tenth
    assert conditions.rate_changed(seen, 0.2) == 0 and conditions.rates_known(seen) == 3
    # To any rate from none: more than every share. A rate that is not told did not change.
    idle = seen.assign(predicted_rate_per_min=[0.0, float("nan"), 100.0])
    assert conditions.rate_changed(idle, 0.2) == 1 and conditions.rates_known(idle) == 2
