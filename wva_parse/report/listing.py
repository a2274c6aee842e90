"""The runs of a directory as a list: when, which, in which mode, under which load, and what came of each in a line."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from wva_parse.measures.texts import UNKNOWN
from wva_parse.report.words import verdict

NOT_ANALYSED = "not analysed"
NOTHING_COLLECTED = "nothing was collected"
OTHER_RELEASE = "summary.json is of another release: analyse the run again"


class Entry(NamedTuple):
    """A run of a list. `date` is UTC, `2026-01-31 12:00:00`; what is not known is empty.

    `problem` is what is wrong with its directory; `verdict` is the first sentence of its report, or that there is none.
    """

    run: str
    directory: str
    date: str
    mode: str
    simulated: bool
    load: str
    status: str
    verdict: str
    problem: str


def verdict_of(summary: Mapping[str, Any] | None) -> tuple[str, str]:
    """The first lines of a run's verdict as one, and what is wrong with its summary."""
    if summary is None:
        return NOT_ANALYSED, ""
    try:
        return verdict(dict(summary))[0], ""
    except (LookupError, TypeError, AttributeError, ValueError):  # written by a release with other keys, or by hand
        return NOT_ANALYSED, OTHER_RELEASE


def as_text(entries: Sequence[Entry]) -> str:
    """Two lines for each run: the columns of a table, and what came of it."""
    rows = [_cells(each) for each in entries]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = []
    for each, row in zip(entries, rows, strict=True):
        lines.append("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
        lines.append(f"    {_outcome(each)}")
    return "\n".join(lines)


def _outcome(entry: Entry) -> str:
    if not entry.problem:
        return entry.verdict
    return f"BROKEN: {entry.problem}{'' if entry.verdict == NOT_ANALYSED else f'. {entry.verdict}'}"


def _cells(entry: Entry) -> tuple[str, ...]:
    mode = f"{entry.mode or UNKNOWN}{', simulated' if entry.simulated else ''}"
    return entry.date or UNKNOWN, entry.run, mode, entry.status or UNKNOWN, entry.load or UNKNOWN


def as_csv(entries: Sequence[Entry]) -> str:
    """A line for each run, with a header."""
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(Entry._fields)
    writer.writerows([*each[:4], str(each.simulated).lower(), *each[5:]] for each in entries)
    return stream.getvalue().rstrip("\n")
