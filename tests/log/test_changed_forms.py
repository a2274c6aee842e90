"""A line that changed its form gives the same values, or is told: nothing is lost without a word."""

from __future__ import annotations

from typing import Any

import pytest
from changes import changed_lines
from examples import example_line, row_id
from hypothesis import given
from hypothesis import strategies as st

from wva_parse.log.events import parse_events
from wva_parse.log.lines import Line, LineCounts
from wva_parse.log.readers import compile_keys, compile_template
from wva_parse.log.table import LOG_LINES
from wva_parse.log.table.form import LogLine


def said(line: Line) -> tuple[list[tuple[str, dict[str, Any]]], bool]:
    """What a line says, and whether something of it was not read."""
    counts = LineCounts()
    events = [(event.kind, event.fields) for event in parse_events([line], counts)]
    return events, bool(counts.changed or counts.unrecognised)


def takes(row: LogLine) -> set[str]:
    by_name = compile_template(row.template).by_name
    return {*(by_name.taken if by_name else ()), *(compile_keys(row.keys).taken if row.keys else ())}


def may_be_missing(row: LogLine) -> set[str]:
    """Fields without which a row's lines, or those of another release, are whole."""
    keys = [row.keys, *(keys for _, _, keys in row.arrays)]
    optional = {key.name for text in keys if text for key in compile_keys(text).present if key.is_optional}
    head = compile_template(row.template).head
    alike = [takes(each) for each in LOG_LINES if compile_template(each.template).head == head]
    return optional | (takes(row) - set.intersection(*alike))


SELDOM = ("atMax", "roleRC", "roleSC")  # most lines lack them: that one lacks them tells nothing


def is_seldom(name: str) -> bool:
    """Also of one that was renamed."""
    return any(seldom in name for seldom in SELDOM)


VALUES = [row for row in LOG_LINES if said(example_line(row))[0]]
each_row = pytest.mark.parametrize("row", VALUES, ids=row_id)


def lost(before: Line, after: Line) -> bool:
    events, is_told = said(after)
    return events != said(before)[0] and not is_told


@each_row
def test_a_changed_field_gives_the_same_values_or_is_told(row):
    line, whole = example_line(row), may_be_missing(row)
    silent = [
        (change, name, after.message, after.data)
        for change, name, after in changed_lines(line)
        if lost(line, after) and not (change == "dropped" and name in whole) and not is_seldom(name)
    ]
    assert silent == []


@given(st.sampled_from(VALUES), st.data())
def test_so_do_several(row, data):
    line = after = example_line(row)
    for _ in range(data.draw(st.integers(2, 4))):
        changes = [
            (change, name, changed)
            for change, name, changed in changed_lines(after)
            if (change != "dropped" or not may_be_missing(row)) and not is_seldom(name)
        ]
        if changes:
            _, _, after = data.draw(st.sampled_from(changes))
    assert not lost(line, after), after


@pytest.mark.parametrize(
    "message",
    [
        "Metrics collected for VA: variant=a, replicas=2, accelerator=H100, ttft=20.68ms, itl=11.93ms, cost=200.00, "
        "maxBatch=256, arrivalRate=<nil>, avgInputTokens=217.79, avgOutputTokens=526.16",
        "Applied Saturation decision: variant=a, action=scale-down, current=10.0, target=7, reason=why",
        "Queue metric: pod=p, queueLength=1,234",
    ],
)
def test_a_value_that_cannot_be_read_is_told(message):
    _, is_told = said(Line(1, "2026-01-01T00:00:00Z", "INFO", message, {}))
    assert is_told


@pytest.mark.parametrize("row", [row for row in VALUES if row.also], ids=row_id)
def test_so_is_one_of_a_further_row(row):
    line = example_line(row)
    for _, text in row.also:
        for key in compile_keys(text).present:
            if key.column in ("queue_length", "kv_cache_usage"):
                assert said(line._replace(data={**line.data, key.name: "5"}))[1]


_SOLUTION = (
    "s={}:n; c=Premium; m=m/x; rate=60; inTk=233; outTk=460; sol=1, sat=false, alloc={{acc=H100; numRep=2; "
    "maxBatch=512; cost=200, val=1, itl=9.9, ttft=16.7, rho=0.02, maxRPM=139.7}}; slo-itl=10, slo-ttft=1000, "
    "slo-tps=0 \n"
)
_TOTALS = "AllocationByType: \nname=H100, count=2, limit=0, cost=200 \ntotalCost=200 \n"


@pytest.mark.parametrize(
    "entries",
    [
        pytest.param(["{0}", "  {1}"], id="indented"),
        pytest.param(["\t{0}", "\t{1}"], id="behind tabs"),
        pytest.param(["{0[0]}", ", {1}"], id="on one line"),
        pytest.param(["1. {0}", "2. {1}"], id="numbered"),
        pytest.param([_TOTALS, "{0}", "{1}"], id="behind the totals"),
    ],
)
def test_solutions_are_found_however_they_stand(entries):
    each = [_SOLUTION.format(name) for name in "ab"]
    texts = [
        entry.replace("{0[0]}", each[0].strip()).replace("{0}", each[0]).replace("{1}", each[1]) for entry in entries
    ]
    message = "Optimization solution - system: Solution: \n" + "".join(texts) + _TOTALS
    events, is_told = said(Line(1, "2026-01-01T00:00:00Z", "DEBUG", message, {}))
    assert ([fields["variant"] for _, fields in events], is_told) == (["a", "b"], False)
