"""The examples of the table of log lines as lines of a log, and lines to rows in one step."""

from __future__ import annotations

from collections.abc import Iterable

import orjson

from wva_parse.events import Event, parse_events
from wva_parse.lines import Line, LineCounts, read_lines
from wva_parse.log_lines import LogLine
from wva_parse.rows import LoopRun, Row, make_rows

STAMP = "2026-01-01T00:00:00.000Z"


def example_line(row: LogLine) -> Line:
    """What `read_lines` makes of a row's example."""
    message, _, values = row.example.partition("\t")
    return Line(1, STAMP, "INFO", message, orjson.loads(values) if values else {})


def row_id(row: LogLine) -> str:
    """A readable name of a row, for a test's id."""
    return f"{row.dialects.replace(' ', ',')}:{row.kind or 'known'}:{row.example[:50].strip()!a}"


def parse(raw: Iterable[bytes]) -> tuple[list[Event], LineCounts]:
    """The events of raw lines, and their counts."""
    counts = LineCounts()
    return list(parse_events(read_lines(raw, counts), counts)), counts


def rows_of(raw: Iterable[bytes]) -> tuple[list[Row], list[LoopRun], LineCounts]:
    """The rows of raw lines, their loop runs, and their counts."""
    counts, loop_runs = LineCounts(), list[LoopRun]()
    return list(make_rows(parse_events(read_lines(raw, counts), counts), loop_runs)), loop_runs, counts
