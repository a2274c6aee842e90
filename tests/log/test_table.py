"""The table of log lines: each row reads its own example, and no other row does."""

from __future__ import annotations

from collections import Counter

import pytest
from examples import events_of, example_line, row_id

from wva_parse.log.dialects import families, overlays
from wva_parse.log.events import read
from wva_parse.log.readers import compile_row, compile_template
from wva_parse.log.rows import EVENT_TYPES
from wva_parse.log.table import LOG_LINES
from wva_parse.log.table.form import COLUMN_TYPES

READERS = [compile_row(row) for row in LOG_LINES]
CONTEXT_KINDS = {"loop", "end", "model", "namespace", "reconciling", "nis", "applied", "announced", "emit"}

# Builds that cut the arrival rate to two characters say it as missing; one error is printed without its reason.
SAID_AS_MISSING = {"arrivalRate=%!f(string=14)": {"arrival_rate_per_min"}}

each_row = pytest.mark.parametrize("row", LOG_LINES, ids=row_id)


@each_row
def test_its_example_is_read_by_its_row_alone(row):
    line = example_line(row)
    assert [reader.row.template for reader in READERS if reader.read(line) is not None] == [row.template]
    found, fields, _ = read(line)
    assert found is not None
    assert found.row == row
    assert fields is not None


@each_row
def test_its_example_says_every_field(row):
    reader = compile_row(row)
    missing = next((missing for end, missing in SAID_AS_MISSING.items() if row.example.endswith(end)), set())
    fields = reader.read(example_line(row))
    assert fields is not None
    named = {*reader.reader.columns, *row.constant}
    if reader.keys is not None:
        named |= {key.column for key in reader.keys.present} - {"_"}
    assert named <= set(fields)
    assert {column for column, value in fields.items() if value is None} == missing


@each_row
def test_its_fields_are_columns_of_their_type(row):
    types = {"str": str, "int": int, "float": (int, float), "bool": bool}
    for event in events_of(example_line(row)):
        for column, value in event.fields.items():
            assert column in COLUMN_TYPES
            assert value is None or isinstance(value, types[COLUMN_TYPES[column]]), column


@each_row
def test_its_kind_is_known(row):
    kinds = {row.kind, *(kind for kind, _ in (*row.each, *row.also)), *(kind for _, kind, _ in row.arrays)} - {""}
    assert kinds <= {*EVENT_TYPES, *CONTEXT_KINDS}


@each_row
def test_its_dialects_are_readable(row):
    assert families(row.dialects) or overlays(row.dialects)


def test_every_entry_of_an_example_is_found():
    for row in LOG_LINES:
        expected = {kind for kind, _ in (*row.each, *row.also)} | {kind for _, kind, _ in row.arrays}
        found = {event.kind for event in events_of(example_line(row))} - {row.kind}
        # A server has a solution or none; the example's has one.
        assert found == expected - ({"failure"} if row.each and "prediction" in expected else set()), row.template


def test_no_row_is_there_twice():
    counted = Counter((row.template, row.keys) for row in LOG_LINES)
    assert [row for row, times in counted.items() if times > 1] == []


def test_every_event_type_has_a_row():
    kinds = {
        kind for row in LOG_LINES for kind in (row.kind, *(k for k, _ in row.each), *(k for _, k, _ in row.arrays))
    }
    assert set(EVENT_TYPES) <= kinds


@pytest.mark.parametrize("row", [row for row in LOG_LINES if row.each], ids=row_id)
def test_entries_have_fields(row):
    for event in events_of(example_line(row)):
        assert event.fields
        assert all(value is not None for value in event.fields.values())


def test_a_type_that_is_none_is_refused():
    with pytest.raises(ValueError, match="unknown type 'number', expected one of str, word"):
        compile_template("x=<x:number>")
