"""Lines to events: which row of the table a line is, and the values it says.

A line is recognised by how its message begins; its values are read by the row (`readers`). A line that begins like a
row and cannot be read by it (a release changed its format), and a part of one that cannot, are not swallowed: they are
counted, and the first of each kind is quoted with its number.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache

from wva_parse.log.by_name import names_in
from wva_parse.log.lines import LONGEST_REMEMBERED, REMEMBERED, Changed, Line, LineCounts
from wva_parse.log.readers import Fields, RowReader, compile_row, compile_template, shortened
from wva_parse.log.table import LOG_LINES
from wva_parse.log.table.form import LogLine

# How many words of a message that no row fits name it in the counts.
OPENING_WORDS = 5
# A log of something else entirely must not fill memory with its openings.
MOST_OPENINGS = 1000


@dataclass(slots=True)
class Event:
    """One thing that a line says; not to be changed (frozen ones take several times as long to make)."""

    kind: str
    line: Line
    fields: Fields  # not to be changed: lines of one message share them
    row: LogLine


# By so many characters the rows that a message may fit are looked up.
_PREFIX = 12
_MOST_PREFIXES = 10_000


class _Table:
    """Rows by the first characters of a message; those that fix most of it first."""

    def __init__(self, rows: Iterable[LogLine]) -> None:
        alike: dict[str, list[LogLine]] = {}
        for row in rows:
            alike.setdefault(compile_template(row.template).head, []).append(row)
        compiled = [compile_row(row, beside) for beside in alike.values() for row in beside]
        self.rows = sorted(compiled, key=lambda row: -len(row.reader.begins))
        self.by_prefix: dict[str, list[RowReader]] = {}

    def candidates(self, message: str) -> list[RowReader]:
        prefix = message[:_PREFIX]
        found = self.by_prefix.get(prefix)
        if found is None:
            found = [row for row in self.rows if _begin_alike(row.reader.head, prefix)]
            if len(self.by_prefix) < _MOST_PREFIXES:
                self.by_prefix[prefix] = found
        return found


def _begin_alike(one: str, other: str) -> bool:
    return one.startswith(other) or other.startswith(one)


_TABLE = _Table(LOG_LINES)


def read(line: Line) -> tuple[RowReader | None, Fields | None, str]:
    """Read a line by the row that it fits.

    Returns
    -------
    row
        The row that it fits, or the first that it begins like; None if it begins like none.
    fields
        Its values; None if it begins like a row and cannot be read by it.
    doubt
        What speaks against its having been read whole; empty if nothing.
    """
    message = line.message
    settled, fitting, beginning = (_fitting if len(message) <= LONGEST_REMEMBERED else _fitting.__wrapped__)(message)
    if settled is not None:
        return settled
    for compiled, of_message, doubt in fitting:
        fields = compiled.complete(of_message, line)
        if fields is not None:
            return compiled, fields, doubt if compiled.keys is None else compiled.doubt(line)
    return beginning, None, ""


_Fitting = tuple[RowReader, Fields, str]


@lru_cache(REMEMBERED)
def _fitting(message: str) -> tuple[_Fitting | None, list[_Fitting], RowReader | None]:
    """What a message says, if that is settled by its words; else the rows that it may fit, and begins like."""
    fitting, beginning = _rows_of(message)
    if fitting and fitting[0][0].keys is None:
        compiled, fields, doubt = fitting[0]
        return (compiled, {**fields, **compiled.row.constant}, doubt), fitting, beginning
    return None, fitting, beginning


def _rows_of(message: str) -> tuple[list[_Fitting], RowReader | None]:
    """The rows whose template fits a message, with its values and doubts; and the first that it begins like."""
    fitting: list[_Fitting] = []
    beginning = None
    for compiled in _TABLE.candidates(message):
        reader = compiled.reader
        if not message.startswith(reader.begins):
            continue
        fields = reader.read(message)
        if fields is not None:
            fitting.append((compiled, fields, ""))
        if reader.begins and (fields is not None or not reader.is_whole):
            beginning = beginning or compiled
        if fields is not None and compiled.keys is None:
            break  # no other row can be meant
    return (fitting, beginning) if fitting else _by_name(message, beginning)


def _by_name(message: str, beginning: RowReader | None) -> tuple[list[_Fitting], RowReader | None]:
    """The same for a message that no template fits to the letter: by the row that takes most of it."""
    found: list[_Fitting] = []
    for compiled in _TABLE.candidates(message):
        by_name = compiled.reader.by_name
        if by_name is None or not by_name.head or not message.startswith(by_name.head):
            continue
        beginning = beginning or compiled
        fields = by_name.read(message) if compiled.keys is None else None
        if fields is not None:
            found.append((compiled, fields, compiled.known.doubt(names_in(message))))
    return sorted(found, key=lambda each: -len(each[1]))[:1], beginning


def parse_events(lines: Iterable[Line], counts: LineCounts) -> Iterator[Event]:
    """Yield what the lines say, in file order.

    Parameters
    ----------
    lines
        Lines of a controller's log.
    counts
        Filled along the way: `recognised`, `spoken`, `unrecognised` (by opening words) and `forms` (what of the lines
        that begin like a row was read); `loop_runs`.
    """
    spoken, in_loop_run = counts.spoken, counts.in_loop_run
    for line in lines:
        compiled, fields, doubt = read(line)
        if compiled is None or fields is None:
            _count_unrecognised(line, compiled, counts)
            continue
        counts.recognised += 1
        if compiled.is_witness:
            dialects = compiled.dialects
            spoken[dialects] = spoken.get(dialects, 0) + 1
            if compiled.is_limit:
                _note_loop_run(compiled, counts)
                in_loop_run = counts.in_loop_run
            elif in_loop_run is not None:
                in_loop_run.add(dialects)
        if doubt:
            _note(counts, compiled, line, "", 1, 1, doubt)
        if compiled.kind:
            yield Event(compiled.kind, line, fields, compiled.row)
        if compiled.has_parts:
            yield from _parts_of(compiled, line, counts)


def _parts_of(compiled: RowReader, line: Line, counts: LineCounts) -> Iterator[Event]:
    """What a line says besides, or in its parts; and count these."""
    row = compiled.row
    for kind, keys in compiled.also:
        further = keys.read(line.data)
        if further is not None:
            yield Event(kind, line, further, row)
    if row.each or row.arrays:
        parts = compiled.parts(line)
        _note(counts, compiled, line, row.called, parts.there, parts.read, parts.complaint)
        for kind, said in parts.said:
            yield Event(kind, line, said, row)


def _note_loop_run(limit: RowReader, counts: LineCounts) -> None:
    """Note a line with which a loop run starts or ends, and a whole one."""
    row = limit.row
    if not row.ends and (row.opens or counts.in_loop_run is None):
        counts.in_loop_run = set()
    if counts.in_loop_run is None:
        return
    counts.in_loop_run.add(row.dialects)
    if row.ends:
        texts = frozenset(counts.in_loop_run)
        counts.loop_runs[texts] = counts.loop_runs.get(texts, 0) + 1
        counts.in_loop_run = None


def _note(
    counts: LineCounts, compiled: RowReader, line: Line, called: str, there: int, were_read: int, why: str
) -> None:
    """Count what is there of a form and what was read of it, and keep the first complaint."""
    key = compiled.reader.head, called
    form = counts.forms.get(key)
    if form is None:
        form = counts.forms[key] = Changed(shortened(key[0].strip()), called)
    form.there += there
    form.read += were_read
    if why and not form.first:
        form.first = f"line {line.number}: {why} (log format changed?)"


def _count_unrecognised(line: Line, row: RowReader | None, counts: LineCounts) -> None:
    opening = opening_words(line.message)
    seen = counts.unrecognised
    if opening not in seen and len(seen) >= MOST_OPENINGS:
        opening = "(others)"
    seen[opening] = seen.get(opening, 0) + 1
    if row is not None:
        _note(counts, row, line, "", 1, 0, complaint(line, row))


def complaint(line: Line, row: RowReader) -> str:
    """Why a line that begins like a row is not read by it."""
    seen, expected = shortened(line.message), shortened(row.row.template)
    if row.keys is not None and row.reader.read(line.message) is not None:
        seen = f"{seen} {{{', '.join(line.beside)}}}"
        expected = f"{expected} {{{', '.join(key.name for key in row.keys.present if not key.is_optional)}}}"
    return f"cannot read '{seen}' as '{expected}'"


def opening_words(message: str) -> str:
    """The first words of a message, without what varies: numbers and what follows a `:` or `=`."""
    head = re.split(r"[:={\n]", message, maxsplit=1)[0]
    words = re.sub(r"\d+(\.\d+)*", "N", head).split()
    return shortened(" ".join(words[:OPENING_WORDS])) or "(empty)"
