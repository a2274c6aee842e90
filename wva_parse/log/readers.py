"""Rows of the table, compiled: what a line says by one of them.

A message is read by its row's template, to the letter; fields that stand in another order than the template's, or
beside unknown ones, are read by their names (`by_name`). What a release prints as JSON is read by keys.
"""

from __future__ import annotations

import itertools
import json
import math
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NamedTuple

from wva_parse.log.by_name import NEXT_FIELD, ByName, Known, Optional, Placeholder, Token, compile_by_name, names_in
from wva_parse.log.dialects import is_witness, starts
from wva_parse.log.lines import CONTEXT, ENVELOPE, LONGEST_REMEMBERED, REMEMBERED, Line
from wva_parse.log.table.form import COLUMN_TYPES, LogLine, Value

Fields = dict[str, Value]


class Reader(NamedTuple):
    """A template, compiled."""

    text: str
    begins: str
    pattern: re.Pattern[str]
    columns: tuple[str, ...]
    convert: tuple[Callable[[str], Value], ...]
    is_whole: bool  # nothing varies
    is_opening: bool  # the beginning alone decides: nothing is taken from the rest
    mark: str  # behind the names of its fields
    sentences: tuple[int, ...]  # which of its values may hold anything
    is_open: bool  # it ends with one of them
    by_name: ByName | None  # another way to read it, if all that is taken has a name

    @property
    def head(self) -> str:
        """What its lines begin with, whatever the order of their fields."""
        return self.by_name.head if self.by_name else self.begins

    def read(self, message: str) -> Fields | None:
        """The values of a message; None if the template does not fit it to the letter."""
        if self.is_whole:
            return {} if message == self.begins else None
        if self.is_opening:
            return {} if message.startswith(self.begins) else None
        match = self.pattern.fullmatch(message)
        return self.fields(match) if match else None

    def fields(self, match: re.Match[str]) -> Fields | None:
        """The values of a match; what an optional part would have said is absent.

        None if a value has swallowed a field that the template does not know; of the last one, which may be a sentence,
        it is cut off.
        """
        texts = match.groups()
        said = {
            column: convert(text)
            for column, convert, text in zip(self.columns, self.convert, texts, strict=True)
            if text is not None
        }
        for place in self.sentences:
            text = texts[place]
            if text is None or not ("=" in text or ": " in text):
                continue
            is_last = self.is_open and place == len(texts) - 1
            for swallowed in NEXT_FIELD.finditer(text):
                if is_last and swallowed["mark"] != self.mark:
                    continue
                if not (is_last and swallowed.start()):
                    return None
                said[self.columns[place]] = _text(text[: swallowed.start()])
                break
        return said


class Key(NamedTuple):
    """A JSON key of a row, compiled."""

    name: str
    column: str  # `_`: it must be there, and nobody needs its value
    factor: float  # into the column's unit
    is_optional: bool
    is_outer: bool  # of the line, where the row's other keys are of an array's entry
    is_seldom: bool  # nothing follows from its being missing


class Keys(NamedTuple):
    """The JSON keys of a row, compiled."""

    present: tuple[Key, ...]
    absent: frozenset[str]

    @property
    def names(self) -> frozenset[str]:
        """The keys that are named, but for those of another object."""
        return frozenset(key.name for key in self.present if not key.is_outer)

    @property
    def taken(self) -> frozenset[str]:
        """The keys whose values are taken, but for those that lines seldom have."""
        needed = (key for key in self.present if not key.is_outer and not key.is_seldom)
        return frozenset(key.name for key in needed if key.column != "_")

    def misfits(self, data: dict[str, Any]) -> str:
        """Which of the keys have values that are of no use for their columns; empty if none."""
        found = [
            f"'{name}' is {shortened(repr(data[name]))}"
            for name, column, factor, _, is_outer, _ in self.present
            if column != "_" and not is_outer and data.get(name) is not None
            if convert_json(column, data[name], factor) is None and data[name] not in NOT_MEASURED
        ]
        return ", ".join(found)

    def read(self, data: dict[str, Any], outer: dict[str, Any] | None = None) -> Fields | None:
        """The values of a JSON object; None if it lacks one that must be there, or has one that must not."""
        fields: Fields = {}
        for name, column, factor, is_optional, is_outer, _ in self.present:
            value = (outer or {}).get(name) if is_outer else data.get(name)
            if value is None and not is_optional:
                return None
            if column == "_" or value is None:
                continue
            fields[column] = convert_json(column, value, factor)
        if not self.absent.isdisjoint(data):
            return None
        return _split_variant(fields)


class Parts(NamedTuple):
    """What the parts of a line say, of one that holds several; not to be changed: lines of one message share them."""

    said: list[tuple[str, Fields]]  # kind and values, in the order of the line
    there: int
    read: int
    complaint: str  # about the first that was not read whole; empty: all were


@dataclass(frozen=True, eq=False)
class RowReader:
    """A row of the table, compiled."""

    row: LogLine
    kind: str  # of the row
    dialects: str  # of the row
    reader: Reader
    keys: Keys | None
    each: tuple[tuple[str, Reader], ...]
    arrays: tuple[tuple[str, str, Keys], ...]
    block: re.Pattern[str] | None  # the text that holds the parts of a message, as its first group
    part: re.Pattern[str] | None  # where a part of it begins
    known: Known  # of the lines
    known_in: tuple[Known, ...]  # of the entries of each of `arrays`
    also: tuple[tuple[str, Keys], ...]
    has_parts: bool
    is_witness: bool  # of the release
    is_limit: bool  # a loop run starts or ends with it

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

    def doubt(self, line: Line) -> str:
        """What speaks against the values beside a message that was read; empty if nothing."""
        if self.keys is None:
            return ""
        if misfit := self.keys.misfits(line.data):
            return misfit
        for _, keys in self.also:
            if misfit := keys.misfits(line.data):
                return misfit
        return self.known.doubt(line.data)

    def parts(self, line: Line) -> Parts:
        """What the parts of a line say."""
        if not self.each:
            return self._of_arrays(line.data)
        is_short = len(line.message) <= LONGEST_REMEMBERED
        return _remembered_parts(self, line.message) if is_short else self.of_text(line.message)

    def of_text(self, message: str) -> Parts:
        """What the parts of a message say."""
        found = [
            (match.start(), kind, fields)
            for kind, reader in self.each
            for match in reader.pattern.finditer(message)
            if (fields := reader.fields(match)) is not None
        ]
        pieces = self._pieces(message)
        if len(found) == len(pieces):
            found.sort(key=lambda part: part[0])
            return Parts([(kind, fields) for _, kind, fields in found], len(pieces), len(pieces), "")
        said, complaint = list[tuple[str, Fields]](), ""
        for piece in pieces:
            part = self._of_piece(piece)
            if part is not None:
                said.append(part)
            else:
                complaint = (
                    complaint or f"cannot read '{shortened(piece.strip())}' as '{shortened(self.each[0][1].text)}'"
                )
        return Parts(said, len(pieces), len(said), complaint)

    def _pieces(self, message: str) -> list[str]:
        block = self.block.search(message) if self.block else None
        if block is None or self.part is None:
            return []
        starts = [match.start() for match in self.part.finditer(block[1])]
        return [block[1][start:end] for start, end in itertools.pairwise([*starts, len(block[1])])]

    def _of_piece(self, piece: str) -> tuple[str, Fields] | None:
        for kind, reader in self.each:
            match = reader.pattern.search(piece)
            if match and (fields := reader.fields(match)) is not None:
                return kind, fields
        for kind, reader in self.each:
            if reader.by_name and (fields := reader.by_name.read(piece)) is not None:
                return kind, fields
        return None

    def _of_arrays(self, data: dict[str, Any]) -> Parts:
        said, there, read, complaint = list[tuple[str, Fields]](), 0, 0, ""
        for (spelt, kind, keys), known in zip(self.arrays, self.known_in, strict=True):
            name = spelt.removesuffix("?")
            if name not in data and name == spelt:
                complaint = complaint or f"there is no '{name}' in {{{', '.join(data.keys() - ENVELOPE)}}}"
            entries = _entries_of(data.get(name)) or []
            if not isinstance(entries, list):
                complaint = complaint or f"'{name}' is no list"
                continue
            there += len(entries)
            for entry in entries:
                fields = keys.read(entry, data) if isinstance(entry, dict) else None
                doubt = keys.misfits(entry) or known.doubt(entry) if isinstance(entry, dict) else ""
                if fields is not None:
                    said.append((kind, fields))
                    read += 1
                if (fields is None or doubt) and not complaint:
                    expected = ", ".join(key.name for key in keys.present if not (key.is_optional or key.is_outer))
                    complaint = f"{name}: {doubt or f'cannot read {shortened(str(entry))} as {{{expected}}}'}"
        return Parts(said, there, read, complaint)


_remembered_parts = lru_cache(REMEMBERED)(RowReader.of_text)

# --- templates ------------------------------------------------------------------------------------

# Go prints a number with the wrong verb as `%!f(string=14)`: cut off, so lost.
_BAD_VERB = r"%!\w\([^)]*\)"
_PATTERNS = {
    "str": r".*?",
    "word": r"[^\s,]+",
    "name": r"[^\s,/]+",
    "field": r"[^,;{}\n]*",
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
    "field": str,
    "int": _int,
    "float": _float,
    "bool": "true".__eq__,
}


@lru_cache(None)
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
        template,
        begins,
        re.compile(pattern, 0 if is_entry else re.DOTALL),
        tuple(columns),
        tuple(convert),
        is_whole=template == begins,
        is_opening=template == begins + "<_>",
        mark=": " if ": <" in template and "=<" not in template else "=",
        sentences=tuple(place for place, kind in enumerate(convert) if kind is _text),
        is_open=bool(columns) and template.endswith(f"<{columns[-1]}>"),
        by_name=compile_by_name(_tokens(template)) if columns else None,
    )


_OPTIONAL = re.compile(r"<\?(.*?)\?>")
# Where a value is found by its name, it ends where a field may.
_BY_NAME = {"word": r"[^\s,;]+", "name": r"[^\s,;/]+"}


def _tokens(template: str) -> list[Token]:
    found, position = list[Token](), 0
    for mark in re.finditer(rf"{_OPTIONAL.pattern}|<(\w+)(?::(\w+))?>", template):
        if position < mark.start():
            found.append(template[position : mark.start()])
        position = mark.end()
        part, name, kind = mark[1], mark[2], mark[3] or "str"
        if name is None:
            # A value in it is not taken by any row.
            found += [Optional(part)] if "<" not in part else []
        else:
            pattern = _BY_NAME.get(kind, _PATTERNS[kind])
            found.append(Placeholder("" if name == "_" else name, pattern, kind == "str", _CONVERT[kind]))
    return [*found, template[position:]] if position < len(template) else found


# --- JSON keys ------------------------------------------------------------------------------------

_KEY = re.compile(
    r"(?P<absent>!)?(?P<outer>\^)?(?P<name>\w+)(?P<optional>\?\??)?(?:\*(?P<factor>\d+))?(?:=(?P<column>\w+))?"
)


@lru_cache(None)
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
        optional = match["optional"] or ""
        present.append(Key(match["name"], column, factor, bool(optional), bool(match["outer"]), optional == "??"))
    return Keys(tuple(present), frozenset(absent))


# Numbers that JSON cannot hold.
NOT_MEASURED = ("NaN", "+Inf", "-Inf", "")


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


# --- rows -----------------------------------------------------------------------------------------


def compile_row(row: LogLine, beside: Iterable[LogLine] = ()) -> RowReader:
    """Compile a row of the table; `beside` are those whose lines begin alike."""
    reader, keys = compile_template(row.template), compile_keys(row.keys) if row.keys else None
    arrays = tuple((name, kind, compile_keys(keys)) for name, kind, keys in row.arrays)
    also = tuple((kind, compile_keys(keys)) for kind, keys in row.also)
    message, _, values = row.example.partition("\t")
    example = json.loads(values) if values else {}
    own = (
        names_in(message)
        | names_in(row.template)
        | example.keys()
        | ENVELOPE
        | CONTEXT
        | (keys.names if keys else set())
    )
    taken = _taken(row).union(*(_taken(each) for each in beside))
    return RowReader(
        row,
        row.kind,
        row.dialects,
        reader,
        keys,
        tuple((kind, compile_template(template, is_entry=True)) for kind, template in row.each),
        arrays,
        re.compile(row.parts[0], re.DOTALL) if row.parts else None,
        re.compile(row.parts[1], re.MULTILINE) if row.parts else None,
        Known(frozenset(own), taken, frozenset() if keys else taken - _taken(row)),
        tuple(
            Known(_names_of(example.get(name.removesuffix("?"))) | keys.names, keys.taken, frozenset())
            for name, _, keys in arrays
        ),
        also,
        bool(row.each or row.arrays or row.also),
        is_witness(row),
        starts(row) or row.ends,
    )


def _taken(row: LogLine) -> frozenset[str]:
    """The names of the values that a row takes."""
    by_name = compile_template(row.template).by_name
    keys = [compile_keys(text).taken for text in (row.keys, *(keys for _, keys in row.also)) if text]
    return frozenset().union(by_name.taken if by_name else (), *keys)


def _names_of(entries: object) -> frozenset[str]:
    """The keys of the entries of an example's array."""
    listed = _entries_of(entries)
    return frozenset().union(*listed) if isinstance(listed, list) else frozenset()


def _entries_of(value: object) -> object:
    """The entries of an array; of an object its pairs, each with a `key` and a `value`."""
    return [{"key": key, "value": each} for key, each in value.items()] if isinstance(value, dict) else value


def shortened(text: str) -> str:
    """As much of a text as one wants to see of it."""
    return text if len(text) <= 120 else text[:117] + "..."
