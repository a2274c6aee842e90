"""What a container finds in its environment, as a kubelet makes it from a pod's spec.

Values that come from Secrets and ConfigMaps are left out: no load needs them here.
"""

from __future__ import annotations

import re
from typing import Any

from wva_sim.cluster.world import Json

_REFERENCE = re.compile(r"\$\$|\$\(([^()]+)\)")
_ENTRY = re.compile(r"metadata\.(labels|annotations)\['([^']+)'\]")


def environment_of(pod: Json) -> dict[str, str]:
    """The variables of all its containers together."""
    found: dict[str, str] = {}
    for container in pod["spec"]["containers"]:
        found.update(_of_container(container, pod))
    return found


def _of_container(container: Json, pod: Json) -> dict[str, str]:
    known: dict[str, str] = {}
    for row in container.get("env") or []:
        if "value" in row:
            known[row["name"]] = _expanded(row["value"], known)
        elif field := (row.get("valueFrom") or {}).get("fieldRef"):
            known[row["name"]] = _field(pod, field["fieldPath"])
    return known


def _expanded(text: str, known: dict[str, str]) -> str:
    """With `$(NAME)` for variables that stand before it; others stay as they are, and `$$` is a dollar."""
    return _REFERENCE.sub(lambda match: known.get(match[1], match[0]) if match[1] else "$", text)


def _field(pod: Json, path: str) -> str:
    if entry := _ENTRY.fullmatch(path):
        return str((pod["metadata"].get(entry[1]) or {}).get(entry[2], ""))
    value: Any = pod
    for part in path.split("."):
        value = value.get(part) if isinstance(value, dict) else None
    return "" if value is None else str(value)
