"""Durations as people write them: `90s`, `5m`, `1h30m`."""

from __future__ import annotations

import re
from typing import Any

_PARTS = re.compile(r"(?=\d)(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?")
_SECONDS = (3600, 60, 1)


def seconds_in(text: str) -> int | None:
    """The whole seconds that a text such as `90s`, `5m` or `1h30m` says; None if it is no such text."""
    found = _PARTS.fullmatch(text.strip())
    if not found or not any(found.groups()):
        return None
    return sum(int(part) * seconds for part, seconds in zip(found.groups(), _SECONDS, strict=True) if part)


def whole_seconds(text: str) -> int | None:
    """The same, or a number of seconds as it stands; for options, where both are text."""
    return int(text) if text.isdecimal() else seconds_in(text)


def with_seconds(value: Any, keys: frozenset[str]) -> Any:
    """A value with the durations at these keys, wherever they stand in it, as seconds; what is none stays as it is."""
    if isinstance(value, list):
        return [with_seconds(each, keys) for each in value]
    if not isinstance(value, dict):
        return value
    return {
        key: seconds
        if key in keys and isinstance(each, str) and (seconds := seconds_in(each)) is not None
        else with_seconds(each, keys)
        for key, each in value.items()
    }
