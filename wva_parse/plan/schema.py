"""The validator of configs, by JSON Schema.

jsonschema is imported without rfc3987_syntax, which it would use, where something else has installed it, for formats
that our schema has none of: to compile that grammar takes ten times as long as all the rest of a plan.
"""

from __future__ import annotations

import importlib
import sys
from types import ModuleType
from typing import Any

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
