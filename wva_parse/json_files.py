"""JSON files of a run's directory, which may not be there, or only half of one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson


def read_json(path: Path) -> dict[str, Any]:
    """The object in a JSON file; empty if there is none, or half of one."""
    data = _read_any_json(path)
    return data if isinstance(data, dict) else {}


def read_json_list(path: Path) -> list[dict[str, Any]]:
    """The objects of the list in a JSON file; empty if there is none, or half of one."""
    data = _read_any_json(path)
    return [item for item in data if isinstance(item, dict)] if isinstance(data, list) else []


def _read_any_json(path: Path) -> Any:
    try:
        return orjson.loads(path.read_bytes())
    except (OSError, orjson.JSONDecodeError):
        return None
