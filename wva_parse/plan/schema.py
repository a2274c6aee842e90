"""What JSON Schema says of a config, in words; and keys that are misspelt, taken for what they mean.

jsonschema is imported without rfc3987_syntax, which it would use, where something else has installed it, for formats
that our schema has none of: to compile that grammar takes ten times as long as all the rest of a plan.
"""

from __future__ import annotations

import copy
import difflib
import importlib
import json
import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any, cast

from wva_parse.plan.documents import Document, Where

if TYPE_CHECKING:
    from jsonschema.exceptions import ValidationError

PROJECT = Path(__file__).resolve().parents[2]
SCHEMA = PROJECT / "experiment-configs" / "schema.json"
# Keys of older configs that nothing reads any more.
REMOVED = ("output.save_raw_logs", "expected", "metrics.log_level")
# Keys that hold seconds, or a duration such as `5m`.
IN_SECONDS = frozenset(("interval", "cooldown", "timeout", "drain", "start_delay", "duration"))

Problem = tuple[Where, str]  # the place of a mistake, and what to say of it

_UNUSED = "rfc3987_syntax"


def _import_jsonschema() -> ModuleType:
    if _UNUSED in sys.modules:
        return importlib.import_module("jsonschema")
    sys.modules[_UNUSED] = None  # type: ignore[assignment]  # an ImportError for whoever asks, which jsonschema expects
    try:
        return importlib.import_module("jsonschema")
    finally:
        del sys.modules[_UNUSED]


def _validator(jsonschema: ModuleType) -> Any:
    draft = jsonschema.Draft202012Validator
    # In YAML 360.0 is no whole number, and bash could not count with it.
    whole = draft.TYPE_CHECKER.redefine(
        "integer", lambda _, value: isinstance(value, int) and not isinstance(value, bool)
    )
    return jsonschema.validators.extend(draft, type_checker=whole)


Validator = _validator(_import_jsonschema())


# --- keys ------------------------------------------------------------------------------------------------------------


def as_meant(document: Document) -> tuple[Document, list[Problem]]:
    """A config in which misspelt keys are those that they mean and unknown ones are gone; and what to say of both.

    What stands below a misspelt key can then be checked with the rest, and the key that it means is not also missing.
    """
    schema = _read_schema()
    meant = document._replace(data=copy.deepcopy(document.data), lines=dict(document.lines))
    return meant, list(_respell(meant, meant.data, schema, schema, ()))


def _respell(
    document: Document, value: Any, part: dict[str, Any], schema: dict[str, Any], where: Where
) -> Iterator[Problem]:
    """Respell a value of the document and all below it, in place."""
    if isinstance(value, list):
        for index, each in enumerate(value):
            yield from _respell(document, each, part.get("items", {}), schema, (*where, index))
    properties = part.get("properties")
    if not isinstance(value, dict) or properties is None:
        return
    for key in [key for key in value if key not in properties]:
        place = (*where, key)
        near = _guess(key, value, part, schema, place)
        yield place, f"{document.at(*place)}: {_unknown_key(schema, part, place, near)}"
        content = value.pop(key)
        if near and near not in value:
            value[near] = content
            _move_lines(document.lines, place, (*where, near))
    for key, each in value.items():
        yield from _respell(document, each, properties[key], schema, (*where, key))


def _move_lines(lines: dict[Where, int], old: Where, new: Where) -> None:
    for place, line in list(lines.items()):
        if place[: len(old)] == old:
            lines[(*new, *place[len(old) :])] = line


def _guess(key: str, present: dict[str, Any], part: dict[str, Any], schema: dict[str, Any], where: Where) -> str:
    """The known key that an unknown one is most like, better one that is not there yet; empty if it means none."""
    if _name(where) in REMOVED or _elsewhere(schema, key):
        return ""
    known = list(part["properties"])
    missing = [name for name in known if name not in present]
    near = difflib.get_close_matches(key, missing, n=1) or difflib.get_close_matches(key, known, n=1)
    return near[0] if near else ""


def _unknown_key(schema: dict[str, Any], part: dict[str, Any], where: Where, near: str) -> str:
    key = str(where[-1])
    if _name(where) in REMOVED:
        return f"'{_name(where)}' can go: nothing reads it any more ('check --fix' writes the config without it)"
    said = f"unknown key '{key}' in {_name(where[:-1], 'the config')}"
    if near:
        return f"{said}; did you mean '{near}'?"
    elsewhere = _elsewhere(schema, key)
    if elsewhere:
        return f"{said}; it belongs in {elsewhere}"
    return f"{said}; known are {', '.join(part['properties'])}"


def _elsewhere(schema: dict[str, Any], key: str) -> str:
    return next((place for place, keys in _keys_by_place(schema) if key in keys), "")


def _keys_by_place(schema: dict[str, Any]) -> Iterator[tuple[str, list[str]]]:
    yield "the config's top level", list(schema["properties"])
    for name, part in schema["properties"].items():
        keys = part.get("properties") or part.get("items", {}).get("properties")
        if keys:
            yield f"'{name}'", list(keys)


# --- values ----------------------------------------------------------------------------------------------------------

_TYPES = {
    "string": "text",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
    "array": "a list",
    "object": "a mapping of keys to values",
}

_PATTERNS = {
    r"^https?://[^/\s]+": "a URL (http://... or https://...)",
    "^[a-z0-9]([-a-z0-9]*[a-z0-9])?$": "lower-case letters, digits and '-', beginning and ending with no '-'",
}

# What was expected, by the keyword of the schema that was not met.
_EXPECTED: dict[str, Callable[[ValidationError], str]] = {
    "type": lambda error: (
        _TYPES[error.validator_value] if isinstance(error.validator_value, str) else "text; put it into quotes"
    ),
    "enum": lambda error: " or ".join(f"'{value}'" for value in cast("list[str]", error.validator_value)),
    "pattern": lambda error: _PATTERNS.get(str(error.validator_value), f"text that matches {error.validator_value}"),
    "minLength": lambda error: "some text",
    "maxLength": lambda error: f"at most {error.validator_value} characters",
    "minimum": lambda error: f"{error.validator_value} or more",
    "maximum": lambda error: f"{error.validator_value} or less",
    "exclusiveMinimum": lambda error: f"more than {error.validator_value}",
    "minItems": lambda error: "at least one entry",
}
_SECONDS = "seconds: 300, or 5m"


def schema_problems(document: Document) -> Iterator[Problem]:
    """What a config has that the schema does not allow, and what it lacks; of keys that it knows."""
    for error in Validator(_read_schema()).iter_errors(document.data):
        where: Where = tuple(error.absolute_path)
        if error.validator == "required":
            for key in sorted(error.schema["required"]):
                if key not in error.instance and f"'{key}'" in error.message:
                    yield (
                        where,
                        f"{document.at(*where)}: {_name(where, 'the config')} has no '{key}';"
                        f" expected: {error.schema['properties'][key].get('description', '')}",
                    )
        else:
            seen = f"saw {_seen(error.instance)}, expected {_expected(error)}{_quoted(error)}"
            yield where, f"{document.at(*where)}: {_name(where)}: {seen}"
    for where, text in _texts(document.data):
        if any(ord(character) < 32 for character in text) and where[-1] != "description":
            yield where, f"{document.at(*where)}: {_name(where)}: saw {text!r}, expected one line of text"


def _is_of_seconds(error: ValidationError) -> bool:
    return bool(error.absolute_path) and error.absolute_path[-1] in IN_SECONDS


def _expected(error: ValidationError) -> str:
    if _is_of_seconds(error) and error.validator in ("type", "pattern"):
        return _SECONDS
    return _EXPECTED[str(error.validator)](error)


def _quoted(error: ValidationError) -> str:
    """What to do about a number, or true or false, that quotes make a text of."""
    kinds = {"integer": r"-?\d+", "number": r"-?\d+(\.\d+)?", "boolean": "true|false"}
    wanted = kinds.get(str(error.validator_value)) if error.validator == "type" else None
    if error.validator == "pattern" and _is_of_seconds(error):
        wanted = kinds["integer"]
    is_one = wanted and isinstance(error.instance, str) and re.fullmatch(wanted, error.instance)
    return "; remove the quotes" if is_one else ""


def _read_schema() -> dict[str, Any]:
    return cast("dict[str, Any]", json.loads(SCHEMA.read_text(encoding="utf-8")))


def _name(where: Where, top: str = "") -> str:
    """`workloads[1].duration` for ('workloads', 1, 'duration')."""
    name = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in where)
    return name.lstrip(".") or top


def _seen(value: Any) -> str:
    if value is None:
        return "nothing"
    if isinstance(value, dict | list):
        kind = "mapping" if isinstance(value, dict) else "list"
        return f"a {kind}" if value else f"an empty {kind}"
    return f"'{value}'" if isinstance(value, str) else json.dumps(value)


def _texts(value: Any, where: Where = ()) -> Iterator[tuple[Where, str]]:
    if isinstance(value, str):
        yield where, value
    elif isinstance(value, dict | list):
        for key, item in value.items() if isinstance(value, dict) else enumerate(value):
            yield from _texts(item, (*where, key))
