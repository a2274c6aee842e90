"""Events to rows: what is one row, whose it is, and in which reconciliation."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import pytest
import rebuild_expected
from examples import rows_of
from hypothesis import given
from hypothesis import strategies as st
from logs import (
    MODEL,
    NAMESPACE,
    Message,
    capacity_loop_run,
    decision,
    line,
    model_loop_run,
    observed,
    solution,
    stamp,
    text,
)

from wva_parse.log.events import parse_events
from wva_parse.log.lines import LineCounts, read_lines
from wva_parse.log.rows import ANALYZER_COLUMNS, COLUMNS, EVENT_TYPES, METRICS_COLUMNS, LoopRun, Row, make_rows
from wva_parse.log.table.form import COLUMN_TYPES

CONTRACTED = (
    "timestamp reconciliation event_type namespace model variant pod action reason current_replicas target_replicas "
    "predicted_replicas predicted_itl_ms predicted_ttft_ms observed_replicas observed_itl_ms observed_ttft_ms "
    "arrival_rate_per_min input_tokens output_tokens cost slo_itl_ms slo_ttft_ms kv_cache_usage queue_length "
    "total_replicas non_saturated_replicas avg_spare_kv avg_spare_queue should_scale_up scale_down_safe alpha beta "
    "gamma delta nis"
)


def parse(content: str) -> tuple[list[Row], list[LoopRun]]:
    rows, loop_runs, _ = rows_of(content.encode().splitlines())
    return rows, loop_runs


def kinds(rows: list[Row]) -> Counter[str]:
    return Counter(str(row["event_type"]) for row in rows)


def test_rows_are_the_same_if_nobody_asks_for_the_loop_runs():
    content = text(*(model_loop_run(60.0 * number, observed(9, 20)) for number in range(3))).encode().splitlines()
    counts = LineCounts()
    assert list(make_rows(parse_events(read_lines(content, counts), counts))) == rows_of(content)[0]


def seen_at(at_s: float, *messages: str) -> list[Message]:
    return [(at_s, message) for message in messages]


def newer(*lines: tuple[float, str, dict[str, object]]) -> list[Row]:
    """The rows of lines as a newer release writes them: a time, a message and values beside it."""
    rows, _, _ = rows_of(
        json.dumps({"level": "info", "ts": stamp(at_s), "caller": "x.go:1", "msg": message, **values}).encode()
        for at_s, message, values in lines
    )
    return rows


def test_the_columns_are_those_promised():
    assert " ".join(METRICS_COLUMNS) == CONTRACTED
    assert list(COLUMNS[3:]) == list(COLUMN_TYPES)
    assert set(ANALYZER_COLUMNS) >= set(COLUMNS) - set(METRICS_COLUMNS) - {"max_batch"}


# --- fixtures ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("log", rebuild_expected.logs(), ids=lambda log: log.stem)
def test_a_log_gives_the_rows_expected_of_it(log: Path):
    expected = rebuild_expected.expectation_of(log).read_text(encoding="utf-8")
    assert rebuild_expected.rows_as_csv(log) == expected


def test_no_expectation_is_left_without_its_log():
    expected = {rebuild_expected.expectation_of(log).name for log in rebuild_expected.logs()}
    assert expected == {path.name for path in rebuild_expected.DATA.glob("*.expected.csv")}


@pytest.mark.parametrize("log", rebuild_expected.logs(), ids=lambda log: log.stem)
def test_a_log_is_understood(log: Path):
    _, _, counts = rows_of(log.read_bytes().splitlines())
    assert counts.unrecognised == {}
    torn = 1 if log.stem == "torn-and-foreign-lines" else 0
    assert (counts.cut, len(counts.changed)) == (torn, torn)


# --- what is one row --------------------------------------------------------------------------------


def test_twin_runs_are_not_merged():
    twins = [capacity_loop_run(at_s, {"p": (0.5, 1)}) for at_s in (0, 0.1)]
    rows, loop_runs = parse(text(*twins))
    assert [run.reconciliation for run in loop_runs] == [0, 0]
    assert {row["loop_run"] for row in rows} == {0, 1}
    assert kinds(rows) == {
        "mode": 2,
        "kv_cache": 2,
        "queue": 2,
        "capacity_analysis": 2,
        "scaling_decision": 2,
    }
    assert {row["reconciliation"] for row in rows} == {0}


def test_the_two_lines_of_an_analysis_are_one_row():
    rows, _ = parse(text(capacity_loop_run(0, {"p": (0.9, 7)}, current=1, target=2)))
    (analysis,) = [row for row in rows if row["event_type"] == "capacity_analysis"]
    assert analysis["avg_spare_kv"] == 0.2  # only the DEBUG line says it
    assert (analysis["model"], analysis["namespace"]) == (MODEL, NAMESPACE)
    assert analysis["should_scale_up"] is True


def test_two_analyses_that_differ_are_two_rows():
    rows, _ = parse(
        text(
            seen_at(
                0,
                *(
                    f"Capacity analysis completed: modelID=m, totalReplicas={replicas}, nonSaturated=1, "
                    "shouldScaleUp=false, scaleDownSafe=true"
                    for replicas in (1, 2)
                ),
            )
        )
    )
    assert [row["total_replicas"] for row in rows] == [1, 2]


def test_a_decision_has_the_reason_of_its_applied_line():
    rows, _ = parse(text(capacity_loop_run(0, {"p": (0.9, 7)}, current=1, target=2)))
    (decision,) = [row for row in rows if row["event_type"] == "scaling_decision"]
    assert (decision["action"], decision["current_replicas"], decision["target_replicas"]) == ("scale-up", 1, 2)
    assert decision["reason"] == "capacity-only mode: scale-up"


def test_an_applied_line_alone_is_a_decision():
    applied = "Applied capacity decision: variant=a, action=no-change, current=1, target=1, reason=r"
    rows, _ = parse(text(seen_at(0, applied)))
    assert [(row["event_type"], row["variant"], row["reason"]) for row in rows] == [("scaling_decision", "a", "r")]


def test_an_applied_line_that_contradicts_is_a_decision_of_its_own():
    rows, _ = parse(
        text(
            seen_at(
                0,
                "Processing decision: variant=a, action=scale-up, current=1→target=2",
                "Applied capacity decision: variant=a, action=scale-up, current=1, target=3, reason=r",
            )
        )
    )
    assert [row["target_replicas"] for row in rows] == [2, 3]


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 0, 2)])
def test_a_nis_rejection_is_one_row_with_the_most_digits(order):
    kept = "alpha=1.5, beta=0.1, gamma=2.5, delta=0.01"
    three = (
        f"Tuner validation failed (NIS=27.58), validation error: x - returning previous state: {kept}",
        f"Tuner NIS validation failed for variant a/n, server a:n (NIS=27.58 exceeds threshold 7.38) - "
        f"Keeping previous state: {kept}",
        "Keeping previous tuned parameters for variant a/n due to NIS validation failure (NIS=27.576061)",
    )
    rows, _ = parse(text(seen_at(0, *(three[number] for number in order))))
    (rejection,) = rows
    assert (rejection["variant"], rejection["nis"], rejection["alpha"]) == ("a", 27.576061, 1.5)


def test_the_idle_zeros_stay_as_logged():
    rows, _ = parse(text(model_loop_run(0, observed(0, 0, rate_per_min=0))))
    (seen,) = [row for row in rows if row["event_type"] == "observed_metrics"]
    assert (seen["observed_itl_ms"], seen["observed_ttft_ms"], seen["arrival_rate_per_min"]) == (0, 0, 0)


def test_a_decision_said_three_times_with_the_name_in_two_forms():
    values = {"action": "scale-up", "target": 4}
    decided = [{"name": name, "curr": 1, "tgt": 4, "action": "scale-up"} for name in "ab"]
    rows = newer(
        (0, "Grouped VAs by model", {"modelCount": 1, "totalVAs": 2}),
        (0, "scaling-decision", {"modelID": "m", "namespace": "n", "decisions": decided}),
        (0, "Processing decision for VA", {"variant": "n/b", "current": 1, **values}),
        (0, "Applied saturation decision via shared cache", {"variant": "n/b", "reason": "V2", **values}),
        (0, "Processing decision for VA", {"variant": "n/a", "current": 1, **values}),
    )
    assert [(row["variant"], row["namespace"], row["model"], row.get("reason")) for row in rows] == [
        ("a", "n", "m", None),
        ("b", "n", "m", "V2"),
    ]


# --- whose it is ------------------------------------------------------------------------------------


def test_rows_of_a_models_turn_are_of_that_model():
    rows, _ = parse(
        text(
            seen_at(
                0,
                "Operating in CAPACITY-ONLY mode: reactive capacity-based scaling only",
                "Processing model: modelID=org/one, variantCount=1",
                "KV cache metric: pod=p1, usage=0.100 (10.0%)",
                "KV cache metrics collected (max over 1m): modelID=org/one, namespace=ns1, podCount=1",
                "Processing model: modelID=org/two, variantCount=1",
                "KV cache metric: pod=p2, usage=0.200 (20.0%)",
                "KV cache metrics collected (max over 1m): modelID=org/two, namespace=ns2, podCount=1",
            )
        )
    )
    assert [(row.get("pod"), row.get("model"), row.get("namespace")) for row in rows[1:]] == [
        ("p1", "org/one", "ns1"),
        ("p2", "org/two", "ns2"),
    ]


def test_the_only_model_of_a_loop_run_is_its_decisions():
    rows = newer(
        (0, "Grouped VAs by model", {"modelCount": 1, "totalVAs": 1}),
        (0, "Processing model (V2)", {"modelID": "m", "namespace": "n"}),
        (0, "Processing decision for VA", {"variant": "n/a", "action": "no-change", "current": 1, "target": 1}),
        (60, "Grouped VAs by model", {"modelCount": 2, "totalVAs": 2}),
        (60, "Processing model (V2)", {"modelID": "m", "namespace": "n"}),
        (60, "Processing model (V2)", {"modelID": "m2", "namespace": "n"}),
        (60, "Processing decision for VA", {"variant": "n/b", "action": "no-change", "current": 1, "target": 1}),
    )
    assert [(row["variant"], row.get("model")) for row in rows if "variant" in row] == [("a", "m"), ("b", None)]


@given(st.permutations("abc"), st.permutations("abc"), st.permutations("abc"))
def test_the_order_of_variants_changes_nothing_but_order(seen, solved, decided):
    def rows_in(seen: Sequence[str], solved: Sequence[str], decided: Sequence[str]) -> list[str]:
        servers = (solution(9 + ord(name), 20, variant=name).split("AllocationByType")[0] for name in solved)
        messages = [
            *(observed(8 + ord(name), 20, variant=name) for name in seen),
            "Optimization solution - system: Solution: \n" + "".join(server.partition("\n")[2] for server in servers),
            *(message for name in decided for message in decision(1, ord(name) - ord("a"), variant=name)),
        ]
        start = "Operating in MODEL-ONLY mode: model-based optimization only"
        rows, _ = parse(text(seen_at(0, start, f"Processing model: modelID={MODEL}, variantCount=3", *messages)))
        return sorted(map(str, rows))

    assert rows_in(seen, solved, decided) == rows_in("abc", "abc", "abc")


def test_one_model_in_two_namespaces():
    rows = newer(
        (0, "Grouped VAs by model", {"modelCount": 2, "totalVAs": 2}),
        (0, "Processing model (V2)", {"modelID": "m", "namespace": "n1"}),
        (0, "Queue metric", {"pod": "p1", "queueLength": 1}),
        (0, "Processing model (V2)", {"modelID": "m", "namespace": "n2"}),
        (0, "Queue metric", {"pod": "p2", "queueLength": 1}),
        (0, "Processing decision for VA", {"variant": "n1/a", "action": "no-change", "current": 1, "target": 1}),
        (0, "Processing decision for VA", {"variant": "n2/a", "action": "scale-up", "current": 1, "target": 2}),
        (
            0,
            "Applied saturation decision via shared cache",
            {"variant": "n2/a", "action": "scale-up", "target": 2, "reason": "V2"},
        ),
    )
    assert [(row["event_type"], row["model"], row["namespace"]) for row in rows[1:]] == [
        ("queue", "m", "n1"),
        ("mode", "m", "n2"),
        ("queue", "m", "n2"),
        ("scaling_decision", "m", "n1"),
        ("scaling_decision", "m", "n2"),
    ]


def test_a_namespace_that_is_not_certain_is_not_said():
    rows, _ = parse(
        text(
            seen_at(
                0,
                "Operating in MODEL-ONLY mode: model-based optimization only",
                "Tuned performance parameters result: variant a/n1 - alpha: 1, beta: 1, gamma: 1, delta: 1",
                "Tuned performance parameters result: variant a/n2 - alpha: 1, beta: 1, gamma: 1, delta: 1",
                "Processing decision: variant=a, action=no-change, current=1→target=1",
            )
        )
    )
    assert [row.get("namespace") for row in rows[1:]] == ["n1", "n2", None]


def test_a_variants_order_in_a_solution_changes_nothing_but_order():
    servers = [solution(9, 20, variant=name).split("AllocationByType")[0].partition("\n")[2] for name in "ab"]
    heading = "Optimization solution - system: Solution: \n"
    one, _ = parse(text(model_loop_run(0, predicted=heading + servers[0] + servers[1])))
    other, _ = parse(text(model_loop_run(0, predicted=heading + servers[1] + servers[0])))
    assert [row["variant"] for row in one[1:]] == ["a", "b"]
    assert [row["variant"] for row in other[1:]] == ["b", "a"]
    assert sorted(map(str, one)) == sorted(map(str, other))


# --- reconciliations --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("starts", "expected"),
    [
        pytest.param([0, 60, 120], [0, 1, 2], id="one each"),
        pytest.param([0, 0.03, 60, 60.01], [0, 0, 1, 1], id="twins"),
        pytest.param([0, 4.9, 5.1], [0, 0, 1], id="five seconds after the first, not the last"),
        pytest.param([0, 2, 4, 6], [0, 0, 0, 1], id="more than two"),
        pytest.param([60, 58.5, 120], [0, 0, 1], id="1.5 s backwards"),
        pytest.param([600, 0, 60], [0, 1, 2], id="another log behind the first"),
        pytest.param([600, 540], [0, 0], id="60 s backwards, no more"),
        pytest.param([600, 539.9], [0, 1], id="more than 60 s backwards"),
    ],
)
def test_loop_runs_are_numbered_by_time(starts, expected):
    rows, loop_runs = parse(text(*(model_loop_run(start) for start in starts)))
    assert [run.reconciliation for run in loop_runs] == expected
    assert [row["reconciliation"] for row in rows if row["event_type"] == "mode"] == expected


def test_what_was_logged_before_the_first_loop_run_has_no_reconciliation():
    queue = "Queue metric: pod=p, queueLength=3"
    rows, loop_runs = parse(text(seen_at(0, queue), model_loop_run(30)))
    assert "reconciliation" not in rows[0]
    assert rows[1]["reconciliation"] == 0
    assert len(loop_runs) == 1


def test_a_log_that_lost_its_mode_line_starts_at_the_next():
    rows, loop_runs = parse(text(model_loop_run(0, observed(9, 20))[1:], model_loop_run(60)))
    assert [run.reconciliation for run in loop_runs] == [0, 1]
    assert kinds(rows)["mode"] == 2  # of the first, the end line says it


def test_a_start_without_a_time_is_a_reconciliation_of_its_own_only_after_the_first():
    mode = "Operating in MODEL-ONLY mode: model-based optimization only"
    raw = [line(0, mode), json.dumps({"level": "INFO", "ts": "?", "msg": mode}), line(60, mode)]
    _, loop_runs = parse("\n".join(raw))
    assert [run.reconciliation for run in loop_runs] == [0, 0, 1]


def test_each_mode_line_of_hybrid_and_of_the_default():
    modes = {
        "Operating in HYBRID mode: capacity analyzer + model-based optimizer with arbitration": "hybrid",
        "Operating in HYBRID mode: saturation analyzer + model-based optimizer with arbitration": "hybrid",
        "No optimization mode enabled, defaulting to CAPACITY-ONLY mode": "capacity-only",
        "No optimization mode enabled, defaulting to saturation-only mode": "saturation-only",
    }
    rows, _ = parse(text(*([(60.0 * number, message)] for number, message in enumerate(modes))))
    assert [(row["event_type"], row["reason"], row["reconciliation"]) for row in rows] == [
        ("mode", mode, number) for number, mode in enumerate(modes.values())
    ]


def test_the_end_of_newer_releases_says_no_mode():
    rows = newer(
        (0, "Grouped VAs by model", {"modelCount": 1, "totalVAs": 1}),
        (0, "Processing model (queueing-model)", {"modelID": "m", "namespace": "n"}),
        (
            0,
            "Optimization completed successfully",
            {"mode": "saturation-only", "modelsProcessed": 1, "decisionsApplied": 0},
        ),
    )
    assert [row["reason"] for row in rows] == ["queueing-model"]


# --- laws -------------------------------------------------------------------------------------------

_STARTS = st.lists(st.floats(0, 1000, allow_nan=False), max_size=8)


def _log(starts: list[float]) -> list[bytes]:
    runs = [capacity_loop_run(start, {"p": (0.5, int(start))}, observed(9, 20)) for start in starts]
    return text(*runs).encode().splitlines()


@given(st.lists(st.integers(0, 1000), unique=True, max_size=8))
def test_rows_are_in_the_order_of_their_lines(starts):
    lines = _log(list(map(float, starts)))
    place = {json.loads(raw)["ts"]: number for number, raw in enumerate(lines)}
    rows, _, _ = rows_of(lines)
    places = [place[str(row["timestamp"])] for row in rows]
    assert places == sorted(places)


@given(_STARTS)
def test_reconciliations_are_numbered_without_a_gap(starts):
    _, loop_runs, _ = rows_of(_log(starts))
    numbers = [run.reconciliation for run in loop_runs]
    assert numbers == sorted(numbers)
    assert set(numbers) == set(range(len(set(numbers))))


@given(_STARTS)
def test_a_log_doubled_has_the_same_rows(starts):
    lines = _log(starts)
    once, _, _ = rows_of(lines)
    twice, _, _ = rows_of(lines + lines)
    assert once == twice


_EVERY_LINE = [raw for log in rebuild_expected.logs() for raw in log.read_bytes().splitlines()]


@given(st.lists(st.sampled_from(_EVERY_LINE), max_size=80))
def test_lines_in_any_order_give_only_known_columns_and_kinds(lines):
    rows, loop_runs, _ = rows_of(lines)
    assert {column for row in rows for column in row} <= {*COLUMNS, "loop_run"}
    assert all(("loop_run" in row) == ("reconciliation" in row) for row in rows)
    assert {row["event_type"] for row in rows} <= set(EVENT_TYPES)
    assert all(0 <= int(row["reconciliation"]) < len(loop_runs) for row in rows if "reconciliation" in row)
