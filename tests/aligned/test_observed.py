"""Observations of releases whose log has none per variant: from the lines of the pods, else from samples."""

from __future__ import annotations

import json
import math

import pandas as pd
import pytest
from examples import frames_of
from logs import T0, decision, model_loop_run, observed, sample, stamp

from wva_parse.aligned.frames import WHOLE_LOG, Frames, make_frames
from wva_parse.aligned.observed import LOG, NOTHING, PODS, SAMPLES, observe
from wva_parse.aligned.samples import Samples, make_samples
from wva_parse.log.events import parse_events
from wva_parse.log.lines import LineCounts, read_lines
from wva_parse.log.rows import LoopRun, make_rows

ZERO = pd.Timestamp(T0)
NO_SAMPLES = make_samples([], ZERO, WHOLE_LOG)
ITL, TTFT, RATE = (
    ("Avg ITL metric", "avgITLSeconds"),
    ("Avg TTFT metric", "avgTTFTSeconds"),
    ("Scheduler dispatch rate metric", "arrivalRate"),
)


def console(at_s: float, message: str, **values: object) -> str:
    return "\t".join([stamp(at_s), "INFO", "saturation/engine.go:490", message, json.dumps(values)])


def loop_run(at_s: float, pods: dict[str, tuple[float, float, float | None]], variants: tuple[str, ...]) -> list[str]:
    """A loop run of v0.8 at --v=4; a pod has ITL and TTFT in s, and requests per second."""
    model = {"modelID": "org/m", "namespace": "ns"}
    said = [console(at_s, "Grouped VAs by model", modelCount=1, totalVAs=1)]
    said.append(console(at_s, "Processing model (V1)", **model, variantCount=1, groupKey="org/m|ns"))
    for pod, values in pods.items():
        for (message, key), value in zip((ITL, TTFT, RATE), values, strict=True):
            said += [console(at_s, message, pod=pod, **{key: value})] if value is not None else []
    for name in variants:
        values = {"variant": f"ns/{name}", "action": "no-change", "current": 2, "target": 2}
        said.append(console(at_s, "Processing decision for VA", **values))
    return said


def frames_of_console(*loop_runs: list[str]) -> Frames:
    counts, found = LineCounts(), list[LoopRun]()
    lines = [line.encode() for run in loop_runs for line in run]
    return make_frames(make_rows(parse_events(read_lines(lines, counts), counts), found), found)


def observations(frames: Frames, samples: Samples = NO_SAMPLES) -> tuple[list[dict], str]:
    found, source = observe(frames, samples)
    return found["observed_metrics"].to_dict("records"), source


def test_all_variants_have_the_mean_of_the_pods_weighted_by_their_rates():
    frames = frames_of_console(loop_run(0, {"a": (0.010, 0.1, 1), "b": (0.020, 0.2, 3)}, ("v", "w")))
    found, source = observations(frames)
    assert source == PODS
    assert [row["variant"] for row in found] == ["v", "w"]
    for row in found:
        assert (row["model"], row["namespace"], row["observed_replicas"]) == ("org/m", "ns", 2)
        assert row["observed_itl_ms"] == pytest.approx(17.5)
        assert row["observed_ttft_ms"] == pytest.approx(175)
        assert row["arrival_rate_per_min"] == 240


@pytest.mark.parametrize("rate", [None, 0])
def test_without_rates_every_pod_counts_the_same(rate):
    (row,), _ = observations(frames_of_console(loop_run(0, {"a": (0.01, 0.1, rate), "b": (0.03, 0.2, rate)}, ("v",))))
    assert row["observed_itl_ms"] == pytest.approx(20)
    assert math.isnan(row["arrival_rate_per_min"]) if rate is None else row["arrival_rate_per_min"] == 0


def test_an_idle_pod_has_no_latency():
    (row,), _ = observations(frames_of_console(loop_run(0, {"a": (0, 0, 0), "b": (0.03, 0.2, 1)}, ("v",))))
    assert row["observed_itl_ms"] == pytest.approx(30)
    (row,), _ = observations(frames_of_console(loop_run(0, {"a": (0, 0, 0)}, ("v",))))
    assert math.isnan(row["observed_itl_ms"])


def test_an_upgraded_controller_is_observed_by_variant_and_then_by_pod():
    old = model_loop_run(0, observed(8, 20), decided=decision(1, 1))
    lines = [json.dumps({"level": "INFO", "ts": stamp(at_s), "msg": message}) for at_s, message in old]
    found, source = observations(frames_of_console(lines, loop_run(60, {"a": (0.01, 0.1, 1)}, ("v",))))
    assert source == f"{LOG} and {PODS}"
    assert [(row["reconciliation"], row["observed_itl_ms"]) for row in found] == [(0, 8), (1, pytest.approx(10))]


def test_samples_come_last_and_nothing_is_nothing():
    frames = frames_of(model_loop_run(0, decided=decision(1, 1)))
    assert observations(frames) == ([], NOTHING)
    found, source = observations(frames, make_samples([sample(5, 1, 1)], ZERO, WHOLE_LOG))
    assert source == SAMPLES
    assert [row["observed_itl_ms"] for row in found] == [8.5]
    assert isinstance(found[0]["timestamp"], pd.Timestamp)


def test_what_the_log_observed_is_left_alone():
    frames = frames_of(model_loop_run(0, observed(8, 20)))
    assert observe(frames, NO_SAMPLES) == (frames, LOG)
