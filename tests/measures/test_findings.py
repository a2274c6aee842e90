"""Warnings are given when they are due, and not otherwise."""

from __future__ import annotations

import json

from examples import FRAMES, followed_of, frames_of, reacted_of, rows_of, run_of
from logs import decision, model_loop_run, observed, stamp

from wva_parse.aligned.frames import make_frames
from wva_parse.measures import findings


def found(frames, restarts=0, limit_s=140.0):
    followed = followed_of(frames)
    return findings.find(frames, followed, reacted_of(frames, followed, limit_s), restarts, limit_s)


def test_a_good_run_has_no_warnings():
    assert found(make_frames([], [])) == []
    assert found(FRAMES) == []  # its last decision had no time to be carried out


def test_a_decision_that_nobody_carried_out():
    steps = [(0.5, 0, 1, 5)] + [(0.5, 0, 1, 5)] * 3
    assert found(run_of(*steps)) == [
        "The decision of minute 0.0 for 5 replicas was never followed (is there a scaler, and what is its limit?)."
    ]


def test_a_decision_that_nobody_carried_out_names_its_variant_where_there_are_several():
    both = [*decision(1, 5, variant="b"), *decision(1, 3, variant="a")]
    warnings = found(frames_of(*(model_loop_run(60 * n, decided=both) for n in range(4))))
    assert [warning.partition(" was never")[0] for warning in warnings] == [
        "The decision of minute 0.0 for 3 replicas of a",
        "The decision of minute 0.0 for 5 replicas of b",
    ]


def test_targets_that_were_cut_to_the_gpus_there_are():
    cut = [
        {"variant": "v", "originalTarget": wanted, "limitedTarget": 4, "limitedBy": "gpu-limiter"} for wanted in (5, 7)
    ]
    lines = [
        json.dumps({"level": "info", "ts": stamp(60 * n), "msg": message, **values})
        for n, each in enumerate(cut)
        for message, values in (
            ("Grouped VAs by model", {"modelCount": 1, "totalVAs": 1}),
            ("Decision was limited by GPU availability", each),
        )
    ]
    rows, loop_runs, _ = rows_of(line.encode() for line in lines)
    (warning,) = found(make_frames(rows, loop_runs))
    assert warning == "There were too few GPUs: a target was cut twice, by up to 3 replicas."


def test_saturation_without_a_scale_up():
    (warning,) = found(run_of((0.95, 9, 1, 1), (0.97, 9, 1, 1), (0.2, 0, 1, 1)))
    assert warning == (
        "Saturated for 120 s from minute 0.0 on (KV usage up to 97 %), and no scale-up was decided or under way."
    )


def test_a_decision_that_had_no_time_to_be_carried_out_is_no_finding():
    steps = [(0.5, 0, 1, 5)] + [(0.5, 0, 1, 5)] * 3
    assert found(run_of(*steps), limit_s=200) == []  # the log goes on for 180 s


def test_observations_that_were_missing_for_a_while():
    runs = [model_loop_run(60 * n, observed(8, 20) if n in (0, 4, 7) else ()) for n in range(8)]
    assert found(frames_of(*runs)) == ["No observation in 3 reconciliations in a row, from minute 1.0 to 3.0."]


def test_restarts_and_safety_nets():
    net = (
        "Safety net activated: emitted fallback metrics: variant=llama-decode, currentReplicas=1, desiredReplicas=1, "
        "accelerator=H100, fallbackSource=previous-desired"
    )
    frames = frames_of(model_loop_run(0, [observed(8, 20), net], decided=decision(1, 1)))
    warnings = found(frames, restarts=2)
    assert any("safety net once" in warning for warning in warnings)
    assert any("restarted twice" in warning for warning in warnings)


def test_what_was_over_when_the_load_began_is_no_warning():
    """Safety nets and missing observations at minutes 0 to 3, and a net at 5; the load begins at minute 4."""
    net = "Safety net activated: emitted fallback metrics: variant=llama-decode, currentReplicas=1, desiredReplicas=1"
    net += ", accelerator=H100, fallbackSource=previous-desired"
    seen = [[net], [net], [net], [net], [observed(8, 20)], [observed(8, 20), net]]
    frames = frames_of(*(model_loop_run(60 * n, each, decided=decision(1, 1)) for n, each in enumerate(seen)))
    followed = followed_of(frames)
    under_load = findings.find(frames, followed, reacted_of(frames, followed), 0, 140.0, start_minutes=4.0)
    assert under_load == ["WVA fell back on its safety net once: it could not decide and repeated earlier targets."]
    assert list(findings.before_load(frames, 4.0)) == [
        "Before the load: WVA fell back on its safety net 4 times: it could not decide and repeated earlier targets.",
        "Before the load: no observation in 4 reconciliations in a row, from minute 0.0 to 3.0.",
    ]


def test_a_hole_in_the_log_is_told():
    at_s = (0, 60, 120, 300, 360)
    frames = frames_of(*(model_loop_run(each, observed(8, 20), decided=decision(1, 1)) for each in at_s))
    assert list(findings.before_load(frames, 0.0)) == [
        "No reconciliation for 180 s from minute 2.0 on, usually 60 s: what is told of that time is what was so before."
    ]
    assert not list(findings.before_load(FRAMES, 0.0))


def test_a_clock_set_back():
    frames = frames_of(*(model_loop_run(at_s, observed(8, 20), decided=decision(1, 1)) for at_s in (0, 60, -3600)))
    assert found(frames) == [
        "The log's time goes back by 61.0 min at reconciliation 2 (two logs in one file, or a clock that was set): "
        "supply is not compared with demand."
    ]
