"""Label and field selectors, as ``labelSelector`` and ``fieldSelector`` carry them."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from wva_sim.api.errors import ApiError

Json = dict[str, Any]
Matches = Callable[[Json], bool]

_SET_BASED = re.compile(r"(?P<key>[\w./-]+)\s+(?P<operator>in|notin)\s*\((?P<values>[^()]*)\)")
_EQUALITY = re.compile(r"(?P<key>[\w./-]+)\s*(?P<operator>==|=|!=)\s*(?P<value>[\w.-]*)")
_EXISTS = re.compile(r"(?P<not>!?)\s*(?P<key>[\w./-]+)")


def label_selector(text: str) -> Matches:
    """Compile ``a=b,c!=d,e in (f,g),h notin (i),j,!k``; an empty text matches everything.

    Raises
    ------
    ApiError
        400 for anything else.
    """
    tests = [_label_test(part.strip(), text) for part in _split_requirements(text)]
    return lambda obj: all(test(obj["metadata"].get("labels") or {}) for test in tests)


def field_selector(text: str) -> Matches:
    """Compile ``metadata.name=x,status.phase!=Running``: any dotted path; a missing field equals "".

    Raises
    ------
    ApiError
        400 if a part is no comparison.
    """
    tests = [_field_test(part.strip(), text) for part in text.split(",") if part.strip()]
    return lambda obj: all(test(obj) for test in tests)


def selector_text(selector: Json) -> str:
    """A LabelSelector object as the text of a query."""
    parts = [f"{key}={value}" for key, value in sorted((selector.get("matchLabels") or {}).items())]
    for expression in selector.get("matchExpressions") or []:
        key, operator = expression["key"], expression["operator"]
        values = f"({','.join(expression.get('values') or [])})"
        forms = {"In": f"{key} in {values}", "NotIn": f"{key} notin {values}", "Exists": key}
        parts.append(forms.get(operator, f"!{key}"))
    return ",".join(parts)


def _split_requirements(text: str) -> list[str]:
    """Split at commas outside parentheses."""
    return [part for part in re.split(r",(?![^(]*\))", text) if part.strip()]


def _label_test(part: str, whole: str) -> Callable[[dict[str, str]], bool]:
    if found := _SET_BASED.fullmatch(part):
        key, values = found["key"], {value.strip() for value in found["values"].split(",")}
        if found["operator"] == "in":
            return lambda labels: labels.get(key) in values
        return lambda labels: labels.get(key) not in values
    if found := _EQUALITY.fullmatch(part):
        key, value = found["key"], found["value"]
        if found["operator"] == "!=":
            return lambda labels: labels.get(key) != value
        return lambda labels: labels.get(key) == value
    if found := _EXISTS.fullmatch(part):
        key, wanted = found["key"], not found["not"]
        return lambda labels: (key in labels) == wanted
    raise ApiError(400, f'unable to parse requirement "{part}" of label selector "{whole}"')


def _field_test(part: str, whole: str) -> Matches:
    found = re.fullmatch(r"(?P<path>[\w.]+)(?P<operator>==|=|!=)(?P<value>.*)", part)
    if not found:
        raise ApiError(400, f'invalid field selector "{whole}": "{part}" is no comparison')
    path, value, equal = found["path"].split("."), found["value"], found["operator"] != "!="
    return lambda obj: (_field(obj, path) == value) == equal


def _field(obj: Any, path: list[str]) -> str:
    for step in path:
        obj = obj.get(step) if isinstance(obj, dict) else None
    return "" if obj is None else str(obj)
