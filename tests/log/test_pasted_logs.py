"""Logs that were pasted or grepped: no line of them begins a loop run."""

from __future__ import annotations

import json

import pytest
from examples import rows_of
from logs import capacity_loop_run, line, write_run

from wva_parse import run


def console(second: int, message: str, **values: object) -> bytes:
    tail = f"\t{json.dumps(values)}" if values else ""
    return f"2026-01-01T00:{second // 60:02}:{second % 60:02}Z\tINFO\ta.go:1\t{message}{tail}".encode()


def of(raw: list[bytes]) -> tuple[list[object], int]:
    rows, loop_runs, _ = rows_of(raw)
    return [row.get("reconciliation") for row in rows], len(loop_runs)


def test_loop_runs_are_told_by_their_ends():
    decision = {"variant": "n/a", "action": "no-change", "current": 1, "target": 1}
    end = {"mode": "saturation", "modelsProcessed": 1, "decisionsApplied": 1}
    raw = [
        each
        for second in (0, 15, 30)
        for each in (
            console(second, "Processing decision for VA", **decision),
            console(second, "Optimization completed successfully", **end),
        )
    ]
    numbers, loop_runs = of(raw)
    assert (sorted(set(numbers)), loop_runs) == ([0, 1, 2], 3)


def test_or_by_time():
    raw = [console(second, "Queue metric", pod="p", queueLength=1) for second in (0, 1, 15, 16, 31)]
    assert of(raw) == ([0, 0, 1, 1, 2], 3)


def test_where_one_line_begins_a_loop_run_the_others_before_it_are_of_none():
    raw = [
        console(0, "Queue metric", pod="p", queueLength=1),
        console(15, "Grouped VAs by model", modelCount=1, totalVAs=1),
        console(15, "Queue metric", pod="p", queueLength=2),
    ]
    assert of(raw) == ([None, 0], 1)


@pytest.mark.parametrize(
    ("kept", "planned", "mode", "evidence"),
    [
        ("Applied", {}, "capacity-based", "the log has decisions for the reason 'capacity-only mode ...'"),
        ("KV cache metric:", {}, "capacity-based", "the log has kv_cache lines, and no predictions"),
        ("KV cache metric:", {"mode": "model-based"}, "model-based", "the config"),
    ],
)
def test_the_mode_is_told_by_what_lines_tell(tmp_path, kept, planned, mode, evidence):
    runs = [capacity_loop_run(60.0 * n, {"p": (0.5, 1)}) for n in range(3)]
    directory = write_run(tmp_path / "r", config=planned)
    lines = [line(at_s, message) + "\n" for messages in runs for at_s, message in messages if message.startswith(kept)]
    (directory / run.LOG_NAME).write_text("".join(lines), encoding="utf-8")
    read = run.load(directory)
    assert (read.mode, read.mode_evidence, len(read.frames.reconciliations)) == (mode, evidence, 3)


def test_a_release_with_one_mode_tells_it(tmp_path):
    directory = write_run(tmp_path / "r", config={})
    text = "EmitReplicaMetrics completed for variantAutoscaling-name: a, current-replicas: 5, desired-replicas: 4, "
    (directory / run.LOG_NAME).write_text(line(0, text + "accelerator: H100"), encoding="utf-8")
    read = run.load(directory)
    assert (read.mode, read.mode_evidence) == ("model-based", "its release (D1) has no other mode")
    assert read.frames["scaling_decision"]["target_replicas"].tolist() == [4]


def test_a_twin_within_the_same_second_is_one_although_its_first_and_last_line_are_repeats():
    def one_pass(second: int, target: int) -> list[bytes]:
        end = {"mode": "saturation", "modelsProcessed": 1, "decisionsApplied": 1}
        return [
            console(second, "Grouped VAs by model", modelCount=1, totalVAs=1),
            console(second, "Processing model (V2)", modelID="m", namespace="n", variantCount=1),
            console(second, "Processing decision for VA", variant="n/v", action="scale-up", current=1, target=target),
            console(second, "Optimization completed successfully", **end),
        ]

    rows, loop_runs, _ = rows_of([each for n in (0, 60) for target in (2, 3) for each in one_pass(n, target)])
    decided = [(row["loop_run"], row["target_replicas"]) for row in rows if row["event_type"] == "scaling_decision"]
    assert decided == [(0, 2), (1, 3), (2, 2), (3, 3)]
    assert [each.reconciliation for each in loop_runs] == [0, 0, 1, 1]
