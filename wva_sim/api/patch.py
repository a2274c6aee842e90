"""The four patch formats of the Kubernetes API, as functions from object and patch to a new object."""

from __future__ import annotations

from typing import Any

from wva_sim.api.errors import ApiError
from wva_sim.api.store import deep_copy

Json = dict[str, Any]

# Lists of objects that are merged by a key; all other lists are replaced as a whole.
MERGE_KEYS = {
    "conditions": ("type",),
    "containers": ("name",),
    "env": ("name",),
    "ephemeralContainers": ("name",),
    "hostAliases": ("ip",),
    "imagePullSecrets": ("name",),
    "initContainers": ("name",),
    "ownerReferences": ("uid",),
    "ports": ("containerPort", "port"),
    "secrets": ("name",),
    "topologySpreadConstraints": ("topologyKey",),
    "volumeDevices": ("devicePath",),
    "volumeMounts": ("mountPath",),
    "volumes": ("name",),
}
# Lists of plain values that are merged.
MERGED_VALUES = {"finalizers"}


def merge_patch(target: Any, patch: Any) -> Any:
    """RFC 7386: null removes, objects merge, everything else replaces."""
    if not isinstance(patch, dict):
        return deep_copy(patch)
    result = deep_copy(target) if isinstance(target, dict) else {}
    for key, value in patch.items():
        if value is None:
            result.pop(key, None)
        else:
            result[key] = merge_patch(result.get(key), value)
    return result


def json_patch(target: Json, operations: Any) -> Json:
    """RFC 6902.

    Raises
    ------
    ApiError
        400 if the patch is no list of operations, 422 if one of them does not apply.
    """
    if not isinstance(operations, list) or not all(isinstance(step, dict) for step in operations):
        raise ApiError(400, "error decoding patch: expected a list of operations")
    document: Any = deep_copy(target)
    try:
        for step in operations:
            document = _apply_operation(document, step)
    except (KeyError, IndexError, ValueError, TypeError):
        message = "the server rejected our request due to an error in our request"
        raise ApiError(422, f"{message}: operation {step} does not apply") from None
    result: Json = document
    return result


def strategic_merge_patch(target: Json, patch: Json) -> Json:
    """Merge like `merge_patch`, but lists of named objects by their names, with kubectl's directives.

    Understood are ``$patch: delete|replace``, ``$retainKeys``, ``$setElementOrder/…`` and
    ``$deleteFromPrimitiveList/…``.
    """
    if patch.get("$patch") == "replace":
        replacement: Json = _without_directives(patch)
        return replacement
    result: Json = deep_copy(target)
    if "$retainKeys" in patch:
        result = {key: value for key, value in result.items() if key in patch["$retainKeys"]}
    for key, value in patch.items():
        if key.startswith("$"):
            _apply_directive(result, key, value)
        elif value is None or (isinstance(value, dict) and value.get("$patch") == "delete"):
            result.pop(key, None)
        elif isinstance(value, dict):
            old = result.get(key)
            result[key] = strategic_merge_patch(old if isinstance(old, dict) else {}, value)
        elif isinstance(value, list):
            result[key] = _merge_lists(key, result.get(key), value)
        else:
            result[key] = value
    for key, order in patch.items():
        if key.startswith("$setElementOrder/"):
            _reorder(result, key.partition("/")[2], order)
    return result


def _apply_directive(result: Json, key: str, value: Any) -> None:
    directive, _, field = key.partition("/")
    if directive == "$deleteFromPrimitiveList" and isinstance(result.get(field), list):
        result[field] = [item for item in result[field] if item not in value]


def _merge_key(field: str, items: list[Any]) -> str | None:
    """The key that names the items of a list, if the list is one that is merged."""
    for key in MERGE_KEYS.get(field, ()):
        if all(isinstance(item, dict) and (key in item or "$patch" in item) for item in items):
            return key
    return None


def _merge_lists(field: str, old: Any, new: list[Any]) -> list[Any]:
    old = old if isinstance(old, list) else []
    if field in MERGED_VALUES:
        return [*old, *(item for item in new if item not in old)]
    key = _merge_key(field, new)
    if key is None or any(item.get("$patch") == "replace" for item in new):
        return [_without_directives(item) for item in new if item != {"$patch": "replace"}]
    merged = [deep_copy(item) for item in old]
    for item in new:
        at = next((i for i, own in enumerate(merged) if own.get(key) == item.get(key)), None)
        if item.get("$patch") == "delete":
            if at is not None:
                del merged[at]
        elif at is None:
            merged.append(strategic_merge_patch({}, item))
        else:
            merged[at] = strategic_merge_patch(merged[at], item)
    return merged


def _reorder(result: Json, field: str, order: list[Any]) -> None:
    items = result.get(field)
    if not isinstance(items, list):
        return
    key = _merge_key(field, items) if items and isinstance(items[0], dict) else None
    names = [entry.get(key) if isinstance(entry, dict) else entry for entry in order]

    def place(item: Any) -> int:
        name = item.get(key) if isinstance(item, dict) else item
        return names.index(name) if name in names else len(names)

    result[field] = sorted(items, key=place)


def _without_directives(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_directives(item) for key, item in value.items() if not key.startswith("$")}
    if isinstance(value, list):
        return [_without_directives(item) for item in value]
    return value


def _apply_operation(document: Any, step: Json) -> Any:
    operation, path = step["op"], step["path"]
    if operation == "test":
        if _lookup(document, path) != step["value"]:
            raise ValueError(path)
        return document
    if operation in ("move", "copy"):
        value = deep_copy(_lookup(document, step["from"]))
        if operation == "move":
            document = _change(document, step["from"], "remove", None)
        return _change(document, path, "add", value)
    if operation in ("add", "replace", "remove"):
        return _change(document, path, operation, deep_copy(step.get("value")))
    raise ValueError(operation)


def _steps(path: str) -> list[str]:
    if path and not path.startswith("/"):
        raise ValueError(path)
    return [step.replace("~1", "/").replace("~0", "~") for step in path.split("/")[1:]]


def _lookup(document: Any, path: str) -> Any:
    for step in _steps(path):
        document = document[int(step)] if isinstance(document, list) else document[step]
    return document


def _change(document: Any, path: str, operation: str, value: Any) -> Any:
    *parents, last = _steps(path) or [""]
    if not path:
        return value
    holder = document
    for step in parents:
        holder = holder[int(step)] if isinstance(holder, list) else holder[step]
    if isinstance(holder, list):
        index = len(holder) if last == "-" else int(last)
        if operation == "add":
            holder.insert(index, value)
        elif operation == "replace":
            holder[index] = value
        else:
            del holder[index]
    elif operation == "remove":
        del holder[last]
    elif operation == "replace" and last not in holder:
        raise KeyError(last)
    else:
        holder[last] = value
    return document
