"""Cluster samples: replicas over time, and observations of releases that log none."""

from __future__ import annotations

import json

import pandas as pd
import pytest
from examples import frames_of
from logs import T0, decision, model_loop_run, sample, stamp

from wva_parse.aligned.frames import WHOLE_LOG, Window
from wva_parse.aligned.samples import make_samples, observe_by_samples
from wva_parse.log.samples import parse_samples

ZERO = pd.Timestamp(T0)


def test_no_lines_are_no_samples():
    samples = make_samples(parse_samples([]), ZERO, WHOLE_LOG)
    assert len(samples.replicas) == len(samples.variants) == 0


def test_half_a_line_is_left_out():
    whole, torn = json.dumps(sample(0, 1, 1)).encode(), json.dumps(sample(10, 2, 1)).encode()[:40]
    assert len(list(parse_samples([whole + b"\n", torn]))) == 1


@pytest.mark.parametrize("odd", ["x", 5, [1, "x", None], {"a": 1}])
def test_what_a_sample_holds_in_the_wrong_form_is_left_out(odd):
    samples = make_samples(
        [{"time": stamp(0), "deployment": odd, "deployments": odd, "variants": odd}], ZERO, WHOLE_LOG
    )
    assert samples.replicas["ready"].sum() == 0
    assert len(samples.variants) == 0


def test_samples_outside_the_window_are_left_out():
    window = Window(pd.Timestamp(stamp(10)), pd.Timestamp(stamp(20)))
    samples = make_samples([sample(at_s, 1, 1) for at_s in (0, 10, 20, 30)], ZERO, window)
    assert samples.replicas["minutes"].tolist() == [pytest.approx(1 / 6), pytest.approx(1 / 3)]


def test_a_deployment_that_was_not_there_has_no_replicas():
    samples = make_samples([{**sample(0, 1, 1), "deployment": None}], ZERO, WHOLE_LOG)
    assert len(samples.replicas) == 0


def test_variants_of_the_model_add_up_and_are_told_apart():
    several = [
        {"name": "a", "variant": "va", "spec": 2, "ready": 1},
        {"name": "b", "variant": "vb", "spec": 3, "ready": 3},
    ]
    samples = make_samples([{**sample(at_s, 2, 1), "deployments": several} for at_s in (0, 10)], ZERO, WHOLE_LOG)
    assert samples.replicas[["replicas", "ready"]].to_numpy().tolist() == [[5, 4], [5, 4]]
    assert samples.by_variant["variant"].tolist() == ["va", "vb", "va", "vb"]


def test_observations_are_the_nearest_after_a_reconciliation_and_before_the_next():
    frames = frames_of(*(model_loop_run(60 * number, decided=decision(1, 1)) for number in range(3)))
    samples = make_samples(
        [sample(-5, 9, 9), sample(5, 1, 1), sample(15, 8, 8), sample(125, 2, 2, itl="0.00", ttft="0.00")],
        ZERO,
        WHOLE_LOG,
    )
    observed = observe_by_samples(frames, samples)["observed_metrics"]
    assert observed["reconciliation"].tolist() == [0, 2]  # none between the second and the third
    assert observed["observed_replicas"].tolist() == [1, 2]
    assert observed["arrival_rate_per_min"].tolist() == [600, 600]
    assert observed["observed_itl_ms"].isna().tolist() == [False, True]  # idle is missing here too
    assert list(observed.columns) == list(frames["observed_metrics"].columns)


def test_a_status_without_latencies_is_no_observation_of_zero():
    frames = frames_of(model_loop_run(0, decided=decision(1, 1)))
    newer = {**sample(5, 1, 1), "variants": [{"name": "v", "status": {"desiredOptimizedAlloc": {"numReplicas": 1}}}]}
    assert len(observe_by_samples(frames, make_samples([newer], ZERO, WHOLE_LOG))["observed_metrics"]) == 0
