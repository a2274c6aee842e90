"""Frames: one word per reconciliation, idle as NaN, the window, columns without rows."""

from __future__ import annotations

import math

import pandas as pd
import pytest
from examples import frames_of
from logs import VARIANT, capacity_loop_run, decision, model_loop_run, observed, solution, stamp

from wva_parse.aligned.frames import KINDS, Window, make_frames
from wva_parse.log.rows import EVENT_TYPES


def at(seconds: float) -> pd.Timestamp:
    return pd.Timestamp(stamp(seconds))


def test_every_type_of_event_has_a_frame():
    assert set(KINDS) == set(EVENT_TYPES)


def test_no_rows_give_all_columns():
    frames = make_frames([], [])
    for kind, (once_per, columns) in KINDS.items():
        assert list(frames[kind].columns) == ["reconciliation", "timestamp", "minutes", *once_per, *columns]
        assert len(frames[kind]) == 0
    assert len(frames.reconciliations) == 0
    assert math.isnan(frames.interval_s)


def test_twins_are_one_reconciliation_and_their_last_word_counts():
    frames = frames_of(
        model_loop_run(0, observed(8, 20), solution(9, 21), decision(1, 1)),
        model_loop_run(4.9, observed(11, 30), solution(7, 15, replicas=2), decision(1, 2)),
        model_loop_run(60, observed(6, 10)),
    )
    assert frames.reconciliations["loop_runs"].tolist() == [2, 1]
    assert frames["observed_metrics"]["observed_itl_ms"].tolist() == [11, 6]
    assert frames["prediction"]["predicted_replicas"].tolist() == [2]
    assert frames["scaling_decision"]["action"].tolist() == ["scale-up"]


def test_loop_runs_five_seconds_apart_are_two_reconciliations():
    frames = frames_of(model_loop_run(0, observed(8, 20)), model_loop_run(5, observed(9, 20)))
    assert frames["observed_metrics"]["reconciliation"].tolist() == [0, 1]


def test_pods_of_a_twin_add_to_those_of_the_other():
    frames = frames_of(capacity_loop_run(0, {"a": (0.5, 1), "b": (0.6, 2)}), capacity_loop_run(0.03, {"a": (0.7, 3)}))
    pods = frames["kv_cache"].set_index("pod")["kv_cache_usage"]
    assert pods.to_dict() == {"a": 0.7, "b": 0.6}


def test_variants_have_their_own_last_words():
    frames = frames_of(model_loop_run(0, [observed(8, 20), observed(5, 9, variant="other")]))
    assert frames["observed_metrics"].set_index("variant")["observed_itl_ms"].to_dict() == {VARIANT: 8, "other": 5}


def test_idle_latencies_are_missing_and_a_rate_of_zero_is_zero():
    seen = frames_of(model_loop_run(0, observed(0, 0, rate_per_min=0)))["observed_metrics"].iloc[0]
    assert math.isnan(seen["observed_itl_ms"])
    assert math.isnan(seen["observed_ttft_ms"])
    assert seen["arrival_rate_per_min"] == 0


def test_window_leaves_out_what_starts_before_or_after_and_sets_minute_zero():
    runs = [model_loop_run(60 * number, observed(8, 20)) for number in range(5)]
    frames = frames_of(*runs, window=Window(at(60), at(180)))
    assert frames.reconciliations["reconciliation"].tolist() == [1, 2, 3]
    assert frames.outside == 2
    assert frames["observed_metrics"]["reconciliation"].tolist() == [1, 2, 3]
    assert frames.reconciliations["minutes"].tolist() == [0, 1, 2]


def test_minutes_count_from_the_first_reconciliation_without_a_window():
    frames = frames_of(model_loop_run(90, observed(8, 20)), model_loop_run(150, observed(8, 20)))
    assert frames.reconciliations["minutes"].tolist() == [0, 1]


@pytest.mark.parametrize(
    ("starts_s", "interval_s"),
    [([0, 60, 120, 180], 60), ([0, 60, 240, 300], 60), ([0, 30, 60, -3600, -3570], 30), ([0], math.nan)],
    ids=["regular", "a gap", "a clock set back", "one only"],
)
def test_usual_interval_is_the_median_between_starts(starts_s, interval_s):
    found = frames_of(*(model_loop_run(start, observed(8, 20)) for start in starts_s)).interval_s
    assert found == pytest.approx(interval_s, nan_ok=True)


def test_flags_are_three_valued():
    analysis = frames_of(capacity_loop_run(0, {"a": (0.95, 9)}, current=1, target=2))["capacity_analysis"]
    assert len(analysis) == 1
    assert analysis["should_scale_up"].tolist() == [True]
    assert str(analysis["should_scale_up"].dtype) == "boolean"
