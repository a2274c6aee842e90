"""Lines to events: which row of the table a line is, and the values it says.

A line is recognised by how its message begins; its values are read by the row's template. A line that
begins like a row and cannot be read by it (a release changed its format) is not swallowed: it is counted
among the unrecognised, and the first of its kind is quoted with its number.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple

from wva_parse.lines import Line, LineCounts
from wva_parse.log_lines import LOG_LINES, LogLine, Value

# How many words of a message that no row fits name it in the counts.
OPENING_WORDS = 5
# A log of something else entirely must not fill memory with its openings.
MOST_OPENINGS = 1000

Fields = dict[str, Value]


class Event(NamedTuple):
    """One thing that a line says."""

    kind: str
    line: Line
    fields: Fields
    row: LogLine


class Reader(NamedTuple):
    """A template, compiled."""

    begins: str
    pattern: re.Pattern[str]
    convert: tuple[tuple[str, Callable[[str], Value]], ...]


class RowReader(NamedTuple):
    """A row of the table, compiled."""

    row: LogLine
    reader: Reader
    each: tuple[tuple[str, Reader], ...]


# Go prints a number with the wrong verb as `%!f(string=14)`: cut off, so lost.
_BAD_VERB = r"%!\w\([^)]*\)"
_PATTERNS = {
    "str": r".*?",
    "int": rf"-?\d+|{_BAD_VERB}",
    "float": rf"[-+]?(?:\d+\.?\d*(?:[eE][-+]?\d+)?|Inf|NaN)|{_BAD_VERB}",
    "bool": r"true|false",
}
_PLACEHOLDER = re.compile(r"(<\?|\?>)|<(\w+)(?::(\w+))?>")


def _int(text: str) -> int | None:
    return None if text.startswith("%") else int(text)


def _float(text: str) -> float | None:
    return None if text.startswith("%") else float(text)


def _text(text: str) -> str | None:
    # `no feasible allocations found for all variants: ` ends in a colon and nothing.
    return text.rstrip(": ") or None


_CONVERT: dict[str, Callable[[str], Value]] = {
    "str": _text,
    "int": _int,
    "float": _float,
    "bool": "true".__eq__,
}


def compile_template(template: str) -> Reader:
    """Compile a template of the table (its syntax: `log_lines`).

    Raises
    ------
    ValueError
        For a field of unknown type.
    """
    pattern, begins, convert, position = "", None, [], 0
    for mark in _PLACEHOLDER.finditer(template):
        pattern += re.escape(template[position : mark.start()])
        begins = template[: mark.start()] if begins is None else begins
        position = mark.end()
        bracket, name, kind = mark.groups()
        if bracket:
            pattern += "(?:" if bracket == "<?" else ")?"
            continue
        kind = kind or "str"
        if kind not in _PATTERNS:
            raise ValueError(f"{template!r}: unknown type '{kind}', expected one of {', '.join(_PATTERNS)}")
        if name == "_":
            pattern += f"(?:{_PATTERNS[kind]})"
        else:
            pattern += f"(?P<{name}>{_PATTERNS[kind]})"
            convert.append((name, _CONVERT[kind]))
    pattern += re.escape(template[position:])
    return Reader(template if begins is None else begins, re.compile(pattern, re.DOTALL), tuple(convert))


def _fields(reader: Reader, match: re.Match[str]) -> Fields:
    return {name: convert(text) for name, convert in reader.convert if (text := match[name]) is not None}


def _first_word(text: str) -> str:
    return text.split(" ", 1)[0]


def _compile_table(rows: Iterable[LogLine]) -> tuple[dict[str, list[RowReader]], list[RowReader]]:
    """Readers by the first word of their messages, longest beginning first; and those that begin with anything."""
    by_word: dict[str, list[RowReader]] = {}
    anywhere: list[RowReader] = []
    for row in rows:
        reader = compile_template(row.template)
        each = tuple((kind, compile_template(template)) for kind, template in row.each)
        compiled = RowReader(row, reader, each)
        # A beginning that ends within its first word ("Setting accelerator name<_>" does not,
        # "Filtered<_>" would) cannot be found by that word.
        whole_word = " " in reader.begins or reader.begins == row.template
        (by_word.setdefault(_first_word(reader.begins), []) if whole_word else anywhere).append(compiled)
    for readers in by_word.values():
        readers.sort(key=lambda compiled: -len(compiled.reader.begins))
    return by_word, anywhere


_BY_WORD, _ANYWHERE = _compile_table(LOG_LINES)


def find_row(message: str) -> tuple[RowReader | None, re.Match[str] | None]:
    """The row that a message fits, and how; or the row whose beginning it has but that cannot read it.

    Returns
    -------
    row, match
        Both None for a message that begins like no row; only the match None for one that begins like a
        row and goes on differently.
    """
    beginning = None
    for compiled in _BY_WORD.get(_first_word(message), ()):
        if message.startswith(compiled.reader.begins):
            match = compiled.reader.pattern.fullmatch(message)
            if match:
                return compiled, match
            beginning = beginning or compiled
    for compiled in _ANYWHERE:
        match = compiled.reader.pattern.fullmatch(message)
        if match:
            return compiled, match
    return beginning, None


def parse_events(lines: Iterable[Line], counts: LineCounts) -> Iterator[Event]:
    """Yield what the lines say, in file order.

    Parameters
    ----------
    lines
        JSON lines of a controller's log.
    counts
        Filled along the way: `recognised`, `unrecognised` (by opening words) and `unreadable` (the first
        line of each row that could not be read, with its number).
    """
    for line in lines:
        compiled, match = find_row(line.message)
        if compiled is None or match is None:
            _count_unrecognised(line, compiled, counts)
            continue
        counts.recognised += 1
        row = compiled.row
        if compiled.each:
            yield from _entries(compiled, line)
        elif row.kind:
            fields = _fields(compiled.reader, match)
            if row.constant:
                fields.update(row.constant)
            if row.keys:
                fields.update({column: _scalar(line.data.get(key)) for key, column in row.keys.items()})
            yield Event(row.kind, line, fields, row)


def _entries(compiled: RowReader, line: Line) -> Iterator[Event]:
    """The entries of a message that holds several, in the order of the message."""
    found = [
        (match.start(), Event(kind, line, _fields(reader, match), compiled.row))
        for kind, reader in compiled.each
        for match in reader.pattern.finditer(line.message)
    ]
    yield from (event for _, event in sorted(found, key=lambda entry: entry[0]))


def _scalar(value: Any) -> Value:
    return value if isinstance(value, (str, int, float, bool)) else None


def _count_unrecognised(line: Line, row: RowReader | None, counts: LineCounts) -> None:
    opening = opening_words(line.message)
    seen = counts.unrecognised
    if opening not in seen and len(seen) >= MOST_OPENINGS:
        opening = "(others)"
    seen[opening] = seen.get(opening, 0) + 1
    if row is not None and row.reader.begins not in counts.unreadable:
        counts.unreadable[row.reader.begins] = (
            f"line {line.number}: cannot read '{line.message[:120]}' as '{row.row.template[:120]}' "
            "(log format changed?)"
        )


def opening_words(message: str) -> str:
    """The first words of a message, without what varies: numbers and what follows a `:` or `=`."""
    head = re.split(r"[:={\n]", message, maxsplit=1)[0]
    words = re.sub(r"\d+(\.\d+)*", "N", head).split()
    return " ".join(words[:OPENING_WORDS]) or "(empty)"
