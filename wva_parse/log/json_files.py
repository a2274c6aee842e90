"""JSON files of a run's directory, which may not be there, or only half of one, or hold something else."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson

# What run.json and collection.json hold under these keys; whatever else is there counts as missing.
_LISTS = ("workloads", "containers", "reasons")
_MAPPINGS = ("cooldown", "config", "tools", "project")


def read_json(path: Path) -> dict[str, Any]:
    """The object in a JSON file; empty if there is none, or half of one."""
    data = _read_any_json(path)
    return data if isinstance(data, dict) else {}


def read_json_list(path: Path) -> list[dict[str, Any]]:
    """The objects of the list in a JSON file; empty if there is none, or half of one."""
    return objects_in(_read_any_json(path))


def read_record(path: Path) -> dict[str, Any]:
    """run.json or collection.json; empty if there is none, or half of one."""
    record = read_json(path)
    for key in record.keys() & {*_LISTS, *_MAPPINGS}:
        if not isinstance(record[key], list if key in _LISTS else dict):
            del record[key]
    for key in record.keys() & {"workloads", "containers"}:
        record[key] = objects_in(record[key])
    return record


def is_broken(path: Path) -> bool:
    """Whether a file is there and does not hold an object."""
    return path.exists() and not isinstance(_read_any_json(path), dict)


def objects_in(value: Any) -> list[dict[str, Any]]:
    """The objects of a list; whatever else is in it, or is no list, counts as missing."""
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def dig(value: Any, path: tuple[str, ...]) -> Any:
    """What stands at a path of keys; None if there is nothing."""
    for key in path:
        value = value.get(key) if isinstance(value, dict) else None
    return value


def _read_any_json(path: Path) -> Any:
    try:
        return orjson.loads(path.read_bytes())
    except (OSError, orjson.JSONDecodeError):
        return None
