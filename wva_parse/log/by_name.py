"""Templates read by the names of their fields: in any order, beside fields that they do not know.

A message that its template does not fit to the letter (`events`) may say the same in another form. Its values are then
looked up by what stands before them, `itl=` or `slo-ttft: `. A value counts if its name is there once, or always with
the same value, and if it is followed by what ends a field; a template is read if all that it takes is found.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import NamedTuple

from wva_parse.log.table.form import Value

# A name ends the text before a value, a bracket may stand between: `state=[`. With a colon it must follow what ends a
# field, for prose has colons too.
_NAME_BEFORE = re.compile(
    r"(?P<name>(?<![\w.-])[A-Za-z][\w-]*=|(?:(?<=^)|(?<=[,;{\[\s]\s)|(?<=- ))[A-Za-z][\w-]*: )(?P<bracket>[\[({]*)$"
)
# What a message calls its fields; and such a name within a text that has swallowed the fields behind it.
_NAMES = re.compile(r"(?<![\w.-])([A-Za-z][\w-]*)=|(?:^|[,;{\[]\s+|- )([A-Za-z][\w-]*): ")
NEXT_FIELD = re.compile(r"(?:^|[,;] +)[A-Za-z][\w-]*(?P<mark>=|: )")

_END_OF_TEXT = r"(?=$|[,;]\s+[A-Za-z][\w-]*(?:=|:\s)|\s*[}\n→])"
_END_OF_NUMBER = r"(?![\w.]|%(?!!)|,\d)"
_AFTER_A_VALUE = re.compile(r"[^\s,;:(){}\[\]|→]*")  # a unit, such as `ms`
_SEPARATOR = re.compile(r"[,;]\s")

Convert = Callable[[str], Value]


class Placeholder(NamedTuple):
    """A value of a template."""

    column: str  # empty: nobody needs it
    pattern: str
    is_text: bool
    convert: Convert


class Optional(NamedTuple):
    """A part of a template that some builds leave out; values in it are not taken."""

    text: str


Token = str | Placeholder | Optional


class NamedValues(NamedTuple):
    """Values behind one name."""

    pattern: re.Pattern[str]
    columns: tuple[str, ...]
    convert: tuple[Convert, ...]

    def read(self, text: str) -> tuple[str, ...] | None:
        """The values as printed; None if they are not there, or different ones are."""
        found = {match.groups() for match in self.pattern.finditer(text)}
        return found.pop() if len(found) == 1 else None


class ByName(NamedTuple):
    """A template, compiled to be read by its names."""

    head: str  # what the message must begin with
    lead: NamedValues | None  # the prose before the first name, if it has values
    fields: tuple[NamedValues, ...]
    taken: frozenset[str]  # names whose values are taken

    def read(self, message: str) -> dict[str, Value] | None:
        """The values of a message; None if one of them is not found."""
        if not message.startswith(self.head):
            return None
        said: dict[str, Value] = {}
        for field in (*((self.lead,) if self.lead else ()), *self.fields):
            texts = field.read(message)
            if texts is None:
                return None
            said.update({name: to(text) for name, to, text in zip(field.columns, field.convert, texts, strict=True)})
        return said


def names_in(message: str) -> frozenset[str]:
    """What a message, a template or an example calls its fields."""
    return frozenset(first or second for first, second in _NAMES.findall(message))


def compile_by_name(tokens: list[Token]) -> ByName | None:
    """Compile a template to be read by its names; None if a value that it takes has none."""
    parts: list[tuple[str, list[Token]]] = [("", [])]  # name (empty for the lead) and what follows it
    for token in tokens:
        name = _NAME_BEFORE.search(token) if isinstance(token, str) else None
        if name is None or not isinstance(token, str):
            parts[-1][1].append(token)
            continue
        parts[-1][1].append(token[: name.start()])
        parts.append((name["name"], [name["bracket"]]))
    fields = {name: _compile(name, following) for name, following in parts[1:] if _takes(following)}
    lead = _compile("", parts[0][1], r"\A") if _takes(parts[0][1]) else None
    found = tuple(field for field in fields.values() if field is not None)
    if not found or len(found) < len(fields) or (lead is None and _takes(parts[0][1])):
        return None
    first = parts[0][1][0] if parts[0][1] else ""
    return ByName(
        head=first if isinstance(first, str) else "",
        lead=lead,
        fields=found,
        taken=frozenset(name.rstrip("=: ") for name in fields),
    )


def _takes(tokens: list[Token]) -> bool:
    return any(isinstance(token, Placeholder) and token.column for token in tokens)


def _compile(name: str, tokens: list[Token], start: str = r"(?<![\w.-])") -> NamedValues | None:
    """The values behind a name; None if what stands between two of them may also end a field."""
    last = max(place for place, token in enumerate(tokens) if isinstance(token, Placeholder) and token.column)
    pattern, columns, convert = start + re.escape(name), list[str](), list[Convert]()
    is_list = tokens[0] == "["
    for token in tokens[: last + 1]:
        if isinstance(token, str):
            if columns and not is_list and _SEPARATOR.search(token):
                return None
            pattern += re.escape(token)
        elif isinstance(token, Optional):
            pattern += f"(?:{re.escape(token.text)})?"
        else:
            pattern += f"({token.pattern})" if token.column else f"(?:{token.pattern})"
            columns += [token.column] if token.column else []
            convert += [token.convert] if token.column else []
    after = tokens[last + 1] if last + 1 < len(tokens) else ""
    unit = _AFTER_A_VALUE.match(after) if isinstance(after, str) else None
    value = tokens[last]
    assert isinstance(value, Placeholder)
    if not name:  # the lead goes on as the template does
        pattern += re.escape(after) if isinstance(after, str) else ""
    else:
        pattern += re.escape(unit[0] if unit else "") + (_END_OF_TEXT if value.is_text else _END_OF_NUMBER)
    return NamedValues(re.compile(pattern), tuple(columns), tuple(convert))


class Known(NamedTuple):
    """What a row knows of the names in its lines, and what other rows of lines that begin alike take."""

    own: frozenset[str]  # in its template, its keys and its example
    taken: frozenset[str]  # by any row whose lines begin like its own
    unread: frozenset[str]  # of these by others only

    def doubt(self, names: Mapping[str, object] | frozenset[str]) -> str:
        """What speaks against a line that was read: a name that is missing although it may, and one that is new."""
        if self.unread and not self.unread.isdisjoint(names):
            return f"cannot read the value of {_listed(sorted(self.unread.intersection(names)))}"
        missing = self.taken.difference(names)
        if not missing:
            return ""
        new = sorted(set(names) - self.own)
        if not new:
            return ""
        return f"it has {_listed(new)} and lacks {_listed(sorted(missing))} (renamed?)"


def _listed(names: list[str]) -> str:
    return ", ".join(f"'{name}'" for name in names[:5])
