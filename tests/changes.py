"""What a release may do to the form of a line: a field more, one less, one renamed, two in another order."""

from __future__ import annotations

import copy
import re
from collections.abc import Iterator
from typing import Any

from wva_parse.log.lines import Line

# A field of a message: its name, what stands behind it, and its value, which ends where the next may begin. Behind a
# colon prose may follow, before such a name a field has ended.
FIELD = re.compile(
    r"(?:(?<![\w.-])(?P<name>[A-Za-z][\w-]*)(?P<is>=)|(?:(?<=^)|(?<=[,;{\[] )|(?<=  )|(?<=- ))(?P<named>[A-Za-z][\w-]*)"
    r"(?P<are>: )(?=\S))(?P<value>.*?)(?=[,;] +[A-Za-z][\w-]*(?:=|: )| - |\s*[}\n→]|$)",
    re.MULTILINE,
)


def changed_lines(line: Line) -> Iterator[tuple[str, str, Line]]:
    """Yield each change, the field's name, and the line as it makes it."""
    for change, name, message in changed_messages(line.message):
        yield change, name, line._replace(message=message)
    for change, name, data in changed_objects(line.data):
        yield change, name, line._replace(data=data)


def changed_messages(message: str) -> Iterator[tuple[str, str, str]]:
    fields = list(FIELD.finditer(message))
    for number, field in enumerate(fields):
        name, mark, start, end = (
            field["name"] or field["named"],
            field["is"] or field["are"],
            field.start(),
            field.end(),
        )
        before, after = message[:start], message[end:]
        for new in (f"power{mark}3, ", f"power{mark}3; "):
            yield "inserted before", name, before + new + message[start:]
        yield "inserted behind", name, message[:end] + f", power{mark}3" + after
        yield "renamed", name, f"{before}new-{name}{message[start + len(name) :]}"
        is_within = re.match(r"[,;] +", after)
        yield (
            "dropped",
            name,
            before + after[is_within.end() :] if is_within else re.sub(r"[,;] +$", "", before) + after,
        )
        if number + 1 < len(fields):
            other = fields[number + 1]
            between = message[end : other.start()]
            yield "reordered", name, before + other[0] + between + field[0] + message[other.end() :]


def changed_objects(data: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    if not data:
        return
    yield "inserted before", next(iter(data)), {"power": 3, **data}
    yield "reordered", next(iter(data)), dict(reversed(data.items()))
    for name, value in data.items():
        rest = {key: each for key, each in data.items() if key != name}
        yield "dropped", name, rest
        yield "renamed", name, {**rest, f"new{name}": value}
        if isinstance(value, list) and value and isinstance(value[0], dict):
            for change, within, entry in changed_objects(value[0]):
                yield change, within, {**copy.deepcopy(data), name: [entry, *value[1:]]}
