"""Alignment: the prediction of N with the observation of N+1 of the same variant, and nothing else."""

from __future__ import annotations

import math

import pandas as pd
import pytest
from examples import frames_of
from hypothesis import given
from hypothesis import strategies as st
from logs import model_loop_run, observed, solution

from wva_parse.aligned.align import PAIR_COLUMNS, Alignment, align
from wva_parse.aligned.frames import make_frames
from wva_parse.aligned.objectives import Slo
from wva_parse.aligned.slo import slo_in_force


def aligned(*loop_runs, slo: Slo = Slo()) -> Alignment:  # noqa: B008  (a constant)
    frames = frames_of(*loop_runs)
    return align(frames, slo_in_force(frames, slo))


def test_empty_log_has_columns_and_no_pairs():
    frames = make_frames([], [])
    alignment = align(frames, slo_in_force(frames, Slo()))
    assert list(alignment.pairs.columns) == list(PAIR_COLUMNS)
    assert len(alignment.pairs) == len(alignment.unpaired) == 0


def test_a_pair_worked_by_hand():
    alignment = aligned(
        model_loop_run(0, observed(8, 20), solution(9.5, 40, replicas=2, slo=(10, 30))),
        model_loop_run(60, observed(11, 25, replicas=2, rate_per_min=720), solution(9, 22, replicas=2, slo=(10, 30))),
    )
    (pair,) = alignment.pairs.to_dict("records")
    assert pair["reconciliation"] == 0
    assert pair["itl_error_ms"] == pytest.approx(1.5)  # observed 11 - predicted 9.5: the optimizer was optimistic
    assert pair["ttft_error_ms"] == pytest.approx(-15)
    assert pair["predicted_replicas"] == pair["observed_replicas"] == 2
    assert pair["arrival_rate_per_min"] == 720
    assert pair["loaded"] and pair["settled"]
    assert pair["slo_itl_violated"]
    assert not pair["slo_ttft_violated"]
    assert pair["minutes"] == pytest.approx(1, abs=0.001)
    assert alignment.unpaired["reason"].tolist() == ["last"]


def test_idle_observation_is_paired_but_not_loaded_and_not_judged():
    alignment = aligned(
        model_loop_run(0, observed(8, 20), solution(9, 40)), model_loop_run(60, observed(0, 0, rate_per_min=0))
    )
    (pair,) = alignment.pairs.to_dict("records")
    assert not pair["loaded"] and not pair["settled"]
    assert math.isnan(pair["itl_error_ms"])
    assert pd.isna(pair["slo_itl_violated"])


def test_other_replicas_than_predicted_are_loaded_but_not_settled():
    alignment = aligned(
        model_loop_run(0, observed(8, 20), solution(9, 40, replicas=10)),
        model_loop_run(60, observed(20, 90, replicas=4)),
    )
    assert alignment.pairs["loaded"].tolist() == [True]
    assert alignment.pairs["settled"].tolist() == [False]


def test_one_latency_of_zero_is_not_loaded():
    alignment = aligned(model_loop_run(0, observed(8, 20), solution(9, 40)), model_loop_run(60, observed(7, 0)))
    assert alignment.pairs["loaded"].tolist() == [False]


@pytest.mark.parametrize(("waited_s", "paired"), [(60, True), (90, True), (91, False), (120, False)])
def test_pairs_do_not_bridge_more_than_one_and_a_half_intervals(waited_s, paired):
    starts = [0, 60, 120, 180, 180 + waited_s]  # usual interval: 60 s
    runs = [model_loop_run(start, observed(8, 20)) for start in starts]
    runs[3] = model_loop_run(180, observed(8, 20), solution(9, 40))
    alignment = aligned(*runs)
    assert len(alignment.pairs) == paired
    assert alignment.unpaired["reason"].tolist() == ([] if paired else ["gap"])


def test_next_reconciliation_without_observation_is_not_skipped():
    alignment = aligned(
        model_loop_run(0, observed(8, 20), solution(9, 40)),
        model_loop_run(60),
        model_loop_run(120, observed(8, 20)),
    )
    assert alignment.unpaired["reason"].tolist() == ["no observation"]


def test_a_clock_set_back_does_not_pair_backwards():
    alignment = aligned(
        model_loop_run(0, observed(8, 20)),
        model_loop_run(60, observed(8, 20), solution(9, 40)),
        model_loop_run(-3600, observed(8, 20)),
    )
    assert alignment.unpaired["reason"].tolist() == ["gap"]


def test_variants_are_never_crossed():
    alignment = aligned(
        model_loop_run(0, observed(8, 20), solution(9, 40)),
        model_loop_run(60, observed(8, 20, variant="other")),
    )
    assert len(alignment.pairs) == 0
    assert alignment.unpaired["reason"].tolist() == ["no observation"]


def test_unknown_slo_judges_nothing():
    alignment = aligned(
        model_loop_run(0, observed(8, 20), solution(9, 40, slo=(0, 0))), model_loop_run(60, observed(8, 20))
    )
    assert alignment.pairs["slo_itl_violated"].isna().all()


variants = st.sampled_from(["a", "b", "c"])
loop_runs = st.lists(
    st.tuples(
        st.integers(min_value=-100, max_value=200),  # seconds since the one before
        st.sets(variants),
        st.sets(variants),
        st.integers(min_value=0, max_value=3),
    ),
    max_size=12,
)


@given(loop_runs)
def test_laws(steps):
    at_s, runs = 0, []
    for step_s, seen, predicted, latency in steps:
        at_s += step_s
        messages = [observed(latency, latency, variant=name) for name in sorted(seen)]
        messages += [solution(9, 40, variant=name) for name in sorted(predicted)]
        runs.append(model_loop_run(at_s, messages))
    frames = frames_of(*runs)
    pairs, unpaired = align(frames, slo_in_force(frames, Slo()))
    assert (pairs["observed_at"] > pairs["predicted_at"]).all()
    assert not pairs.duplicated(["variant", "observed_at"]).any()
    assert len(pairs) + len(unpaired) == len(frames["prediction"])
    assert set(unpaired["reason"]) <= {"last", "no observation", "gap"}
    assert pairs["loaded"][pairs["settled"]].all()
    observed_at = frames["observed_metrics"].set_index(["variant", "reconciliation"])["timestamp"]
    for pair in pairs.itertuples():
        assert observed_at[(pair.variant, pair.reconciliation + 1)] == pair.observed_at
