"""Lines to events: what is read, what is lost, what is not understood."""

from __future__ import annotations

import itertools
import json

import pytest
from examples import STAMP, events_of, parse
from hypothesis import given
from hypothesis import strategies as st

from wva_parse.log.events import MOST_OPENINGS, opening_words
from wva_parse.log.lines import Line
from wva_parse.log.readers import compile_keys, convert_json
from wva_parse.log.table import LOG_LINES

MODEL = "ibm-granite/granite-3.3-8b-instruct"


def raw(message: str, stamp: str = STAMP, **values: object) -> bytes:
    return json.dumps({"level": "INFO", "ts": stamp, "msg": message, **values}, ensure_ascii=False).encode()


def one(message: str, **values: object) -> tuple[str, dict[str, object]]:
    (event,) = events_of(Line(1, STAMP, "INFO", message, values))
    return event.kind, event.fields


OBSERVED = "Metrics collected for VA: variant=a, replicas=3, accelerator=H100, ttft=68.56ms, itl=43.75ms, cost=300.00"


# --- odd text ---------------------------------------------------------------------------------------


def test_the_check_mark():
    assert one(f"✓ {OBSERVED}, maxBatch=256, arrivalRate=1.50, avgInputTokens=2.00, avgOutputTokens=3.00") == (
        "observed_metrics",
        {
            "variant": "a",
            "observed_replicas": 3,
            "observed_ttft_ms": 68.56,
            "observed_itl_ms": 43.75,
            "cost": 300.0,
            "arrival_rate_per_min": 1.5,
            "input_tokens": 2.0,
            "output_tokens": 3.0,
        },
    )


@pytest.mark.parametrize("cut", ["%!f(string=14)", "%!f(string=0.)"])
def test_a_number_printed_with_the_wrong_verb_is_missing(cut):
    _, fields = one(f"{OBSERVED}, arrivalRate={cut}")
    assert fields["arrival_rate_per_min"] is None
    assert fields["observed_itl_ms"] == 43.75


def test_the_arrow():
    kind, fields = one("Processing decision: variant=a, action=scale-up, current=1→target=12")
    assert (kind, fields["current_replicas"], fields["target_replicas"]) == ("scaling_decision", 1, 12)


def test_values_with_commas_colons_and_equals_signs():
    _, fields = one(
        f"Metrics unavailable, skipping optimization for variant: variant=a, namespace=n, model={MODEL}, "
        "reason=MetricsMissing, troubleshooting=No metrics, for model 'x=y': check (1), (2)"
    )
    assert fields == {"variant": "a", "namespace": "n", "model": MODEL, "reason": "MetricsMissing"}


def test_a_reason_that_ends_in_a_colon_and_nothing():
    _, fields = one("Model-based optimization failed: no feasible allocations found for all variants: ")
    assert fields == {"reason": "no feasible allocations found for all variants"}


def test_text_glued_in_front():
    kind, fields = one(
        'Deployment.apps "x" not foundfailed to get Deployment after retries - variantAutoscaling-name: x'
    )
    assert (kind, fields) == ("failure", {"reason": 'Deployment.apps "x" not found', "variant": "x"})


@pytest.mark.parametrize(
    "message",
    [
        "CA certificate loaded successfullypath/etc/ssl/certs/prometheus-ca.crt",
        "Pod-to-variant matching successful: totalPods=0, variantCounts=map[]",
        "Saturation targets calculated: modelID=m/x, targets=map[a:1 b:2]",
        "Filtered 1 stale pod(s) with metrics for llm-d/unsloth/Meta-Llama-3.1-8B",
    ],
)
def test_lines_that_are_known_and_say_nothing(message):
    events, counts = parse([raw(message)])
    assert (events, counts.recognised, counts.unrecognised) == ([], 1, {})


@pytest.mark.parametrize(
    ("itl", "expected"),
    [("9.5", 9.5), ("1e-05", 1e-5), ("+Inf", None), ("NaN", None), ("-3", -3.0), ("0", 0.0)],
)
def test_numbers_as_go_prints_them(itl, expected):
    _, fields = one(SERVER.format(name="a", itl=itl))
    assert fields["predicted_itl_ms"] == expected


SERVER = (
    "Optimization solution - system: Solution: \n"
    "s={name}:n; c=Premium; m=org/m; rate=60; inTk=1; outTk=2; sol=1, sat=false, alloc={{acc=H100; numRep=2; "
    "maxBatch=512; cost=200, val=-100, itl={itl}, ttft=20, rho=0, maxRPM=7}}; slo-itl=15, slo-ttft=1000, slo-tps=0 \n"
)


def test_a_solution_of_several_servers_in_any_order():
    several = (
        SERVER.format(name="b", itl=2)
        + "s=c:n; c=Premium; m=org/m; no feasible allocation! \n"
        + SERVER.format(name="a", itl=1).partition("\n")[2]
        + "AllocationByType: \nname=H100, count=4, limit=0, cost=400 \ntotalCost=400 \n"
    )
    events = events_of(Line(1, STAMP, "DEBUG", several, {}))
    assert [(event.kind, event.fields["variant"]) for event in events] == [
        ("prediction", "b"),
        ("failure", "c"),
        ("prediction", "a"),
    ]
    assert [event.fields.get("predicted_itl_ms") for event in events] == [2, None, 1]


# --- values as JSON ---------------------------------------------------------------------------------


def test_namespace_and_name_are_one_variant():
    _, fields = one("Processing decision for VA", variant="n/a", action="no-change", current=1, target=1)
    assert (fields["variant"], fields["namespace"]) == ("a", "n")


def test_seconds_and_rates_are_converted():
    assert one("Avg ITL metric", pod="p", avgITLSeconds=0.0125)[1] == {"pod": "p", "observed_itl_ms": 12.5}
    assert one("Scheduler dispatch rate metric", pod="p", arrivalRate=2)[1] == {"pod": "p", "arrival_rate_per_min": 120}


def test_an_analyzer_and_its_variants():
    events = events_of(
        Line(
            1,
            STAMP,
            "INFO",
            "analyzer-result",
            {
                "modelID": "m",
                "namespace": "n",
                "analyzer": "throughput",
                "supply": 4,
                "demand": 2.5,
                "util": "+Inf",
                "rc": 0,
                "sc": 1,
                "variants": [
                    {"name": "a", "prc": 2, "role": "decode", "reason": "T1-ols"},
                    "nonsense",
                    {"name": "b", "prc": 2},
                ],
            },
        )
    )
    assert [(event.kind, event.fields.get("variant")) for event in events] == [
        ("analyzer_result", None),
        ("analyzer_variant", "a"),
        ("analyzer_variant", "b"),
    ]
    assert events[0].fields["utilisation"] is None
    assert events[1].fields == {
        "model": "m",
        "namespace": "n",
        "analyzer": "throughput",
        "variant": "a",
        "capacity_per_replica": 2,
        "role": "decode",
        "reason": "T1-ols",
    }


def test_each_release_of_one_message_is_told_apart():
    short = {"modelID": "m", "totalReplicas": 2, "nonSaturated": 2, "shouldScaleUp": False, "scaleDownSafe": True}
    spare = {"avgSpareKv": 0.1, "avgSpareQueue": 2}
    dialects = []
    for values in (short, short | spare, short | spare | {"role": "decode"}):
        (event,) = events_of(Line(1, STAMP, "INFO", "Saturation analysis completed", values))
        dialects.append(event.row.dialects)
    assert dialects == ["D4", "D5", "D6-"]


@pytest.mark.parametrize(
    ("column", "value", "expected"),
    [
        ("queue_length", 3, 3),
        ("queue_length", 3.0, 3),
        ("queue_length", 3.5, None),
        ("queue_length", True, None),
        ("supply", "NaN", None),
        ("supply", {"a": 1}, None),
        ("variant", "", None),
        ("variant", ["a"], None),
        ("reason", 1, "1"),
        ("should_scale_up", 1, None),
        ("should_scale_up", False, False),
    ],
)
def test_json_values_take_the_type_of_their_column(column, value, expected):
    assert convert_json(column, value) == expected


@pytest.mark.parametrize("keys", ["usage=kv", "us-age", "usage="])
def test_keys_that_are_none_are_refused(keys):
    with pytest.raises(ValueError, match=r"usage|us-age"):
        compile_keys(keys)


# --- what is not understood -------------------------------------------------------------------------


def test_unknown_lines_are_counted_by_their_opening_words():
    events, counts = parse(
        [raw("Rebalancing tier 3 of pool 12: x=1"), raw("Rebalancing tier 4 of pool 7: y=2"), raw(""), raw("2025")]
    )
    assert events == []
    assert counts.recognised == 0
    assert counts.unrecognised == {"Rebalancing tier N of pool": 2, "(empty)": 1, "N": 1}


def test_a_known_line_that_changed_is_quoted_with_its_number():
    _, counts = parse([b"klog", raw("KV cache metric: pod=p, usage=high"), raw("KV cache metric: pod=q, usage=low")])
    assert sum(counts.unrecognised.values()) == 2
    (complaint,) = counts.unreadable
    assert complaint.startswith(
        "line 2: cannot read 'KV cache metric: pod=p, usage=high' as 'KV cache metric: pod=<pod>"
    )


def test_a_key_that_is_gone_is_said():
    _, counts = parse([raw("Queue metric", pod="p", queue_len=3)])
    (complaint,) = counts.unreadable
    assert "line 1" in complaint
    assert "queueLength" in complaint


def test_a_log_of_something_else_does_not_fill_memory():
    words = ["".join(letters) for letters in itertools.product("abcdefghijklm", repeat=3)]
    _, counts = parse(raw(f"{word} {word * 500}") for word in words)
    assert len(counts.unrecognised) == MOST_OPENINGS + 1
    assert max(map(len, counts.unrecognised)) < 200
    assert sum(counts.unrecognised.values()) == len(words)


# --- laws -------------------------------------------------------------------------------------------

_EXAMPLES = [row.example.partition("\t")[0] for row in LOG_LINES]
_MESSAGES = st.one_of(
    st.text(max_size=60),
    st.sampled_from(_EXAMPLES),
    st.builds(
        lambda text, cut, tail: text[:cut] + tail, st.sampled_from(_EXAMPLES), st.integers(0, 300), st.text(max_size=9)
    ),
)
_VALUES = st.dictionaries(
    st.sampled_from(["variant", "pod", "usage", "modelID", "decisions", "variants", "queueLength", "error", "target"]),
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=5), st.just([{}, 1]), st.just({})),
)
_LINES = st.lists(st.builds(lambda message, values: raw(message, **values), _MESSAGES, _VALUES), max_size=12)
_ANY = st.lists(st.one_of(st.binary(max_size=80), st.builds(raw, _MESSAGES)), max_size=12)


@given(_ANY)
def test_any_text_is_survived_and_every_line_counted(lines):
    _, counts = parse(lines)
    counted = counts.recognised + sum(counts.unrecognised.values()) + counts.not_json + counts.repeated
    blank = sum(not line.strip() for line in lines)
    assert counts.lines == len(lines)
    assert counted == len(lines) - blank


@given(_LINES)
def test_any_values_are_survived(lines):
    _, counts = parse(lines)
    assert counts.lines == len(lines)


@given(st.sampled_from([row for row in LOG_LINES if row.keys or row.arrays]), _VALUES)
def test_both_encodings_of_newer_releases_say_the_same(row, values):
    message, _, said = row.example.partition("\t")
    values = json.loads(said) | values
    beside = json.dumps(values)
    as_columns, _ = parse([f"2026-01-01T00:00:00Z\tINFO\tx\ta.go:1\t{message}\t{beside}".encode()])
    as_object, _ = parse([raw(message, stamp="2026-01-01T00:00:00Z", **values)])
    assert [(event.kind, event.fields) for event in as_columns] == [(event.kind, event.fields) for event in as_object]


@given(_LINES, st.integers(0, 12))
def test_a_log_in_two_parts_says_the_same(lines, cut):
    lines = list(dict.fromkeys(lines))
    whole, _ = parse(lines)
    first, _ = parse(lines[:cut])
    second, _ = parse(lines[cut:])
    assert [(event.kind, event.fields) for event in whole] == [(event.kind, event.fields) for event in first + second]


@given(_LINES)
def test_a_log_doubled_says_the_same(lines):
    once, counted = parse(lines)
    twice, counted_twice = parse(lines + lines)
    assert [(event.kind, event.fields) for event in once] == [(event.kind, event.fields) for event in twice]
    assert counted.recognised == counted_twice.recognised
    assert counted.unrecognised == counted_twice.unrecognised


@given(st.text())
def test_opening_words_are_few_and_never_none(message):
    opening = opening_words(message)
    assert opening
    assert len(opening.split()) <= 5
