"""Each example of the table as each release that its row names writes it: the same is read, and the release told."""

from __future__ import annotations

import json
import re

import pytest
from examples import events_of, example_line, parse, row_id

from wva_parse.log.dialects import families, is_witness, name_dialects
from wva_parse.log.table import LOG_LINES

STAMP = "2026-01-01T00:00:00Z"
EPOCH = 1767225600.5


def as_object(message, values, **envelope):
    return json.dumps({**envelope, "msg": message, **values}, ensure_ascii=False)


def oldest(message, values):
    yield as_object(message, values, level="info", ts=EPOCH, caller="controller/controller.go:1")


def objects(message, values):
    yield as_object(message, values, level="INFO", ts="2026-01-01T00:00:00.000Z")


def console(message, values):
    tail = f"\t{json.dumps(values, ensure_ascii=False)}" if values else ""
    line = f"{STAMP}\tINFO\tsaturation/engine.go:1\t{message}{tail}"
    yield line
    yield f"{STAMP}\tLEVEL(-4)\tcontroller\tcontroller/controller.go:1\t{message}{tail}"
    yield f"2026-01-01T00:00:00.123456789Z {line}"  # kubectl logs --timestamps
    yield as_object(message, values, level="Level(-2)", ts=STAMP, logger="setup", caller="cmd/main.go:1")


WRITERS = {"D0": oldest, "D1": objects, "D2": objects, "D3": objects}
CLAIMS = [(row, family) for row in LOG_LINES for family in sorted(families(row.dialects))]


@pytest.mark.parametrize(("row", "family"), CLAIMS, ids=lambda of: of if isinstance(of, str) else row_id(of))
def test_its_example_says_the_same_in_each_release(row, family):
    expected = [(event.kind, event.fields) for event in events_of(example_line(row))]
    message, _, values = row.example.partition("\t")
    for line in WRITERS.get(family, console)(message, json.loads(values) if values else {}):
        events, counts = parse([line.encode()])
        assert [(event.kind, event.fields) for event in events] == expected, line
        assert (counts.recognised, counts.changed, counts.unrecognised) == (1, [], {}), line
        if is_witness(row):
            named = {name for names in name_dialects(counts.spoken) for name in names.split("/")}
            assert family in named or named == {"DT"}, line


def test_values_stand_in_json_in_the_releases_of_2026_only():
    """Up to D3 messages are whole texts, but for one line of D1."""
    keyed = [row.template for row in LOG_LINES if row.keys and families(row.dialects) & {"D0", "D1", "D2", "D3"}]
    assert keyed == ["Metrics unavailable, skipping optimization for variant"]


def test_every_dialect_of_the_releases_has_rows():
    named = {family for _, family in CLAIMS}
    assert named == {f"D{number}" for number in range(9)}
    assert all(re.fullmatch(r"(D\d[a-z]?(\+D[TF])?(-(D\d)?)?|D[TF])( .*)?", row.dialects) for row in LOG_LINES)
