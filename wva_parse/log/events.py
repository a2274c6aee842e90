"""Lines to events: which row of the table a line is, and the values it says.

A line is recognised by how its message begins; its values are read by the row's template and keys. A line that
begins like a row and cannot be read by it (a release changed its format) is not swallowed: it is counted among
the unrecognised, and the first of its kind is quoted with its number.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache
from typing import Any, NamedTuple

from wva_parse.log.lines import Line, LineCounts
from wva_parse.log.table import LOG_LINES
from wva_parse.log.table.form import COLUMN_TYPES, LogLine, Value

# How many words of a message that no row fits name it in the counts.
OPENING_WORDS = 5
# A log of something else entirely must not fill memory with its openings.
MOST_OPENINGS = 1000

Fields = dict[str, Value]


class Event(NamedTuple):
    """One thing that a line says."""

    kind: str
    line: Line
    fields: Fields  # not to be changed: lines of one message share them
    row: LogLine


class Reader(NamedTuple):
    """A template, compiled."""

    begins: str
    pattern: re.Pattern[str]
    columns: tuple[str, ...]
    convert: tuple[Callable[[str], Value], ...]
    is_whole: bool  # nothing varies
    is_opening: bool  # the beginning alone decides: nothing is taken from the rest

    def read(self, message: str) -> Fields | None:
        """The values of a message; None if the template does not fit it."""
        if self.is_whole:
            return {} if message == self.begins else None
        if self.is_opening:
            return {} if message.startswith(self.begins) else None
        match = self.pattern.fullmatch(message)
        return self.fields(match) if match else None

    def fields(self, match: re.Match[str]) -> Fields:
        """The values of a match; what an optional part would have said is absent."""
        return {
            column: convert(text)
            for column, convert, text in zip(self.columns, self.convert, match.groups(), strict=True)
            if text is not None
        }


class Key(NamedTuple):
    """A JSON key of a row, compiled."""

    name: str
    column: str  # `_`: it must be there, and nobody needs its value
    factor: float  # into the column's unit
    is_optional: bool
    is_outer: bool  # of the line, where the row's other keys are of an array's entry


class Keys(NamedTuple):
    """The JSON keys of a row, compiled."""

    present: tuple[Key, ...]
    absent: frozenset[str]

    def read(self, data: dict[str, Any], outer: dict[str, Any] | None = None) -> Fields | None:
        """The values of a JSON object; None if it lacks one that must be there, or has one that must not."""
        fields: Fields = {}
        for name, column, factor, is_optional, is_outer in self.present:
            value = (outer or {}).get(name) if is_outer else data.get(name)
            if value is None and not is_optional:
                return None
            if column == "_" or value is None:
                continue
            fields[column] = convert_json(column, value, factor)
        if not self.absent.isdisjoint(data):
            return None
        return _split_variant(fields)


class RowReader(NamedTuple):
    """A row of the table, compiled."""

    row: LogLine
    reader: Reader
    keys: Keys | None
    each: tuple[tuple[str, Reader], ...]
    arrays: tuple[tuple[str, str, Keys], ...]

    def read(self, line: Line) -> Fields | None:
        """The values of a line; None if the row does not fit it."""
        fields = self.reader.read(line.message)
        return None if fields is None else self.complete(fields, line)

    def complete(self, fields: Fields, line: Line) -> Fields | None:
        """The values of a line, of which `fields` are those of its message; None if its other values do not fit."""
        if self.keys is None:
            return {**fields, **self.row.constant} if self.row.constant else fields
        said = self.keys.read(line.data)
        return None if said is None else {**fields, **said, **self.row.constant}

    def entries(self, line: Line) -> Iterator[tuple[str, Fields]]:
        """Kind and values of the entries of a line that holds several, in the order of the line."""
        found = [
            (match.start(), kind, reader.fields(match))
            for kind, reader in self.each
            for match in reader.pattern.finditer(line.message)
        ]
        for _, kind, fields in sorted(found, key=lambda entry: entry[0]):
            yield kind, fields
        for name, kind, keys in self.arrays:
            entries = line.data.get(name)
            for entry in entries if isinstance(entries, list) else ():
                said = keys.read(entry, line.data) if isinstance(entry, dict) else None
                if said is not None:
                    yield kind, said


# --- templates ------------------------------------------------------------------------------------

# Go prints a number with the wrong verb as `%!f(string=14)`: cut off, so lost.
_BAD_VERB = r"%!\w\([^)]*\)"
_PATTERNS = {
    "str": r".*?",
    "word": r"[^\s,]+",
    "name": r"[^\s,/]+",
    "int": rf"-?\d+|{_BAD_VERB}",
    "float": rf"[-+]?(?:\d+\.?\d*(?:[eE][-+]?\d+)?|Inf|NaN)|{_BAD_VERB}",
    "bool": r"true|false",
}
_PLACEHOLDER = re.compile(r"(<\?|\?>)|<(\w+)(?::(\w+))?>")


def _int(text: str) -> int | None:
    return None if text.startswith("%") else int(text)


def _float(text: str) -> float | None:
    try:
        number = float(text)
    except ValueError:
        return None
    return number if math.isfinite(number) else None  # nothing was measured


def _text(text: str) -> str | None:
    # `no feasible allocations found for all variants: ` ends in a colon and nothing.
    return text.rstrip(": ") or None


_CONVERT: dict[str, Callable[[str], Value]] = {
    "str": _text,
    "word": str,
    "name": str,
    "int": _int,
    "float": _float,
    "bool": "true".__eq__,
}


def compile_template(template: str, is_entry: bool = False) -> Reader:
    """Compile a template of the table (its syntax: `table.form`).

    Parameters
    ----------
    template
        Of a message, or of an entry within one.
    is_entry
        Its values end with the line: what is missing must not be found in the next entry.

    Raises
    ------
    ValueError
        For a field of unknown type.
    """
    pattern, begins, position = "", None, 0
    columns: list[str] = []
    convert: list[Callable[[str], Value]] = []
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
            pattern += f"({_PATTERNS[kind]})"
            columns.append(name)
            convert.append(_CONVERT[kind])
    pattern += re.escape(template[position:])
    begins = template if begins is None else begins
    return Reader(
        begins,
        re.compile(pattern, 0 if is_entry else re.DOTALL),
        tuple(columns),
        tuple(convert),
        is_whole=template == begins,
        is_opening=template == begins + "<_>",
    )


# --- JSON keys ------------------------------------------------------------------------------------

_KEY = re.compile(
    r"(?P<absent>!)?(?P<outer>\^)?(?P<name>\w+)(?P<optional>\?)?(?:\*(?P<factor>\d+))?(?:=(?P<column>\w+))?"
)


def compile_keys(text: str) -> Keys:
    """Compile the keys of a row (their syntax: `table.form`).

    Raises
    ------
    ValueError
        For a word that is none, or a column that metrics.csv does not have.
    """
    present, absent = [], set()
    for word in text.split():
        match = _KEY.fullmatch(word)
        if not match:
            raise ValueError(f"{word!r} is no key; expected like 'usage=kv_cache_usage', 'role?' or '!role'")
        if match["absent"]:
            absent.add(match["name"])
            continue
        column = match["column"] or match["name"]
        if column != "_" and column not in COLUMN_TYPES:
            raise ValueError(f"{word!r}: there is no column '{column}'")
        factor = float(match["factor"] or 1)
        present.append(Key(match["name"], column, factor, bool(match["optional"]), bool(match["outer"])))
    return Keys(tuple(present), frozenset(absent))


def convert_json(column: str, value: Any, factor: float = 1) -> Value:
    """A JSON value as the type of its column; None where it is none.

    Numbers that JSON cannot hold come as the texts `NaN` and `+Inf`: nothing was measured.
    """
    kind = COLUMN_TYPES[column]
    if kind == "bool":
        return value if isinstance(value, bool) else None
    if kind == "str":
        return str(value) or None if isinstance(value, (str, int)) else None
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        return None
    if kind == "int":
        return int(value) if value == int(value) else None
    return value * factor if factor != 1 else value


def _split_variant(fields: Fields) -> Fields:
    """`namespace/name` and the bare name are one variant."""
    variant = fields.get("variant")
    if isinstance(variant, str) and "/" in variant:
        namespace, _, fields["variant"] = variant.partition("/")
        fields.setdefault("namespace", namespace)
    return fields


# --- the table ------------------------------------------------------------------------------------


def compile_row(row: LogLine) -> RowReader:
    """Compile a row of the table."""
    return RowReader(
        row,
        compile_template(row.template),
        compile_keys(row.keys) if row.keys else None,
        tuple((kind, compile_template(template, is_entry=True)) for kind, template in row.each),
        tuple((name, kind, compile_keys(keys)) for name, kind, keys in row.arrays),
    )


# By so many characters the rows that a message may fit are looked up.
_PREFIX = 12
_MOST_PREFIXES = 10_000


class _Table:
    """Rows by the first characters of a message; those that fix most of it first."""

    def __init__(self, rows: Iterable[LogLine]) -> None:
        self.rows = sorted(map(compile_row, rows), key=lambda compiled: -len(compiled.reader.begins))
        self.by_prefix: dict[str, list[RowReader]] = {}

    def candidates(self, message: str) -> list[RowReader]:
        prefix = message[:_PREFIX]
        found = self.by_prefix.get(prefix)
        if found is None:
            found = [row for row in self.rows if _begin_alike(row.reader.begins, prefix)]
            if len(self.by_prefix) < _MOST_PREFIXES:
                self.by_prefix[prefix] = found
        return found


def _begin_alike(one: str, other: str) -> bool:
    return one.startswith(other) or other.startswith(one)


_TABLE = _Table(LOG_LINES)


def find_row(line: Line) -> tuple[RowReader | None, Fields | None]:
    """The row that a line fits, and its values; or the row whose beginning it has but that cannot read it.

    Returns
    -------
    row, fields
        Both None for a message that begins like no row; only the fields None for one that begins like a row and
        goes on differently.
    """
    message = line.message
    fitting, beginning = (_fitting if len(message) <= _LONGEST_REMEMBERED else _fitting.__wrapped__)(message)
    for compiled, of_message in fitting:
        fields = compiled.complete(of_message, line)
        if fields is not None:
            return compiled, fields
    return beginning, None


# Most lines of a loop run are, but for their time and values beside them, those of the one before.
_REMEMBERED = 4096
_LONGEST_REMEMBERED = 1000


@lru_cache(_REMEMBERED)
def _fitting(message: str) -> tuple[list[tuple[RowReader, Fields]], RowReader | None]:
    """The rows whose template fits a message, with its values; and the first that it begins like."""
    fitting: list[tuple[RowReader, Fields]] = []
    beginning = None
    for compiled in _TABLE.candidates(message):
        reader = compiled.reader
        if not message.startswith(reader.begins):
            continue
        fields = reader.read(message)
        if fields is not None:
            fitting.append((compiled, fields))
        if reader.begins and (fields is not None or not reader.is_whole):
            beginning = beginning or compiled
        if fields is not None and compiled.keys is None:
            break  # no other row can be meant
    return fitting, beginning


def parse_events(lines: Iterable[Line], counts: LineCounts) -> Iterator[Event]:
    """Yield what the lines say, in file order.

    Parameters
    ----------
    lines
        Lines of a controller's log.
    counts
        Filled along the way: `recognised`, `spoken`, `unrecognised` (by opening words) and `unreadable` (the first
        line of each row that could not be read, with its number).
    """
    spoken = counts.spoken
    for line in lines:
        compiled, fields = find_row(line)
        if compiled is None or fields is None:
            _count_unrecognised(line, compiled, counts)
            continue
        counts.recognised += 1
        row = compiled.row
        spoken[row.dialects] = spoken.get(row.dialects, 0) + 1
        if row.kind:
            yield Event(row.kind, line, fields, row)
        if row.each or row.arrays:
            for kind, said in compiled.entries(line):
                yield Event(kind, line, said, row)


def _count_unrecognised(line: Line, row: RowReader | None, counts: LineCounts) -> None:
    opening = opening_words(line.message)
    seen = counts.unrecognised
    if opening not in seen and len(seen) >= MOST_OPENINGS:
        opening = "(others)"
    seen[opening] = seen.get(opening, 0) + 1
    if row is not None and row.reader.begins not in counts.unreadable:
        counts.unreadable[row.reader.begins] = f"line {line.number}: {complaint(line, row)}"


def complaint(line: Line, row: RowReader) -> str:
    """Why a line that begins like a row is not read by it."""
    seen, expected = _cut(line.message), _cut(row.row.template)
    if row.keys is not None and row.reader.read(line.message) is not None:
        seen = f"{seen} {{{', '.join(line.data)}}}"
        expected = f"{expected} {{{', '.join(key.name for key in row.keys.present if not key.is_optional)}}}"
    return f"cannot read '{seen}' as '{expected}' (log format changed?)"


def _cut(text: str) -> str:
    return text if len(text) <= 120 else text[:117] + "..."


def opening_words(message: str) -> str:
    """The first words of a message, without what varies: numbers and what follows a `:` or `=`."""
    head = re.split(r"[:={\n]", message, maxsplit=1)[0]
    words = re.sub(r"\d+(\.\d+)*", "N", head).split()
    return _cut(" ".join(words[:OPENING_WORDS])) or "(empty)"
