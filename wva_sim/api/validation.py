"""What the API server refuses with 422 Invalid: names, labels, and Jobs that could never run."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

from wva_sim.api.errors import invalid
from wva_sim.api.kinds import Kind

Json = dict[str, Any]
Causes = Iterator[tuple[str, str]]

_SUBDOMAIN = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")
_LABEL = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?")
_LABEL_VALUE = re.compile(r"(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?")
_SUBDOMAIN_RULE = (
    "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', "
    "and must start and end with an alphanumeric character"
)
_LABEL_RULE = (
    "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', "
    "and must start and end with an alphanumeric character"
)
_LABEL_VALUE_RULE = (
    "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', "
    "and must start and end with an alphanumeric character"
)
LONGEST_NAME, LONGEST_LABEL = 253, 63
# What a variable can take from its pod.
_FIELDS = (
    *("metadata.name", "metadata.namespace", "metadata.uid", "spec.nodeName", "spec.serviceAccountName"),
    *("status.hostIP", "status.hostIPs", "status.podIP", "status.podIPs"),
)
_ENTRY = re.compile(r"metadata\.(?:labels|annotations)\['([^']*)'\]")
_QUALIFIED = re.compile(rf"({_SUBDOMAIN.pattern}/)?([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]")
COMPLETION_MODES = ("NonIndexed", "Indexed")
MOST_PARALLEL = 100_000  # pods of an Indexed Job


def validate(kind: Kind, obj: Json, old: Json | None = None) -> None:
    """Check an object that is about to be stored.

    Parameters
    ----------
    old : dict, optional
        What it replaces; a Job's template must stay as it is.

    Raises
    ------
    ApiError
        422 with every cause.
    """
    causes = list(_metadata(obj["metadata"]))
    if kind.kind in CHECKS:
        causes += CHECKS[kind.kind](obj, old)
    if causes:
        raise invalid(kind, obj["metadata"].get("name", ""), causes)


def _metadata(metadata: Json) -> Causes:
    name = metadata.get("name", "")
    if name and not _SUBDOMAIN.fullmatch(name):
        yield "metadata.name", f'Invalid value: "{name}": {_SUBDOMAIN_RULE}'
    if len(name) > LONGEST_NAME:
        yield "metadata.name", f'Invalid value: "{name}": must be no more than {LONGEST_NAME} characters'
    yield from _labels(metadata, "metadata.labels")


def _labels(metadata: Json, path: str) -> Causes:
    for value in (metadata.get("labels") or {}).values():
        if len(value) > LONGEST_LABEL:
            yield path, f'Invalid value: "{value}": must be no more than {LONGEST_LABEL} characters'
        elif not _LABEL_VALUE.fullmatch(value):
            yield path, f'Invalid value: "{value}": {_LABEL_VALUE_RULE}'


def _pod_spec(spec: Json, path: str) -> Causes:
    if not spec.get("containers"):
        yield f"{path}.containers", "Required value"
    seen: set[str] = set()
    every = [
        (f"{path}.{field}[{index}]", container)
        for field in ("initContainers", "containers")
        for index, container in enumerate(spec.get(field) or [])
    ]
    for at, container in every:
        name = container.get("name", "")
        if not name:
            yield f"{at}.name", "Required value"
        elif not _LABEL.fullmatch(name):
            yield f"{at}.name", f'Invalid value: "{name}": {_LABEL_RULE}'
        elif name in seen:
            yield f"{at}.name", f'Duplicate value: "{name}"'
        seen.add(name)
        if not container.get("image"):
            yield f"{at}.image", "Required value"
        for number, entry in enumerate(container.get("env") or []):
            yield from _variable(entry, f"{at}.env[{number}]")
        yield from _volume_mounts(spec, container, at)


def _variable(entry: Json, path: str) -> Causes:
    if not entry.get("name"):
        yield f"{path}.name", "Required value"
    source = entry.get("valueFrom")
    if source and entry.get("value"):
        yield f"{path}.valueFrom", 'Invalid value: "": may not be specified when `value` is not empty'
    elif field := (source or {}).get("fieldRef"):
        yield from _field_ref(field.get("fieldPath", ""), f"{path}.valueFrom.fieldRef")


def _field_ref(field: str, path: str) -> Causes:
    if not field:
        yield f"{path}.fieldPath", "Required value"
    elif "[" not in field:
        if field not in _FIELDS:
            listed = ", ".join(f'"{name}"' for name in _FIELDS)
            yield f"{path}.fieldPath", f'Unsupported value: "{field}": supported values: {listed}'
    elif not (entry := _ENTRY.fullmatch(field)):
        yield path, f'Invalid value: "{field}": error converting fieldPath: field label not supported: {field}'
    elif not _QUALIFIED.fullmatch(entry[1]):
        yield path, f'Invalid value: "{entry[1]}": a valid label key must consist of an optional prefix and a name'


def _volume_mounts(spec: Json, container: Json, path: str) -> Causes:
    volumes = {volume.get("name") for volume in spec.get("volumes") or []}
    for index, mount in enumerate(container.get("volumeMounts") or []):
        if mount.get("name") not in volumes:
            yield f"{path}.volumeMounts[{index}].name", f'Not found: "{mount.get("name", "")}"'


def _job(job: Json, old: Json | None) -> Causes:
    spec = job.get("spec") or {}
    template = spec.get("template") or {}
    pod_spec = template.get("spec") or {}
    policy = pod_spec.get("restartPolicy")
    name = job["metadata"].get("name", "")
    if old is None and len(name) > LONGEST_LABEL:  # it becomes a label of its pods
        yield "metadata.name", f'Invalid value: "{name}": must be no more than {LONGEST_LABEL} characters'
    if policy is None:
        yield "spec.template.spec.restartPolicy", 'Required value: valid values: "OnFailure", "Never"'
    elif policy not in ("OnFailure", "Never"):
        problem = f'Unsupported value: "{policy}": supported values: "OnFailure", "Never"'
        yield "spec.template.spec.restartPolicy", problem
    for field in ("parallelism", "completions", "backoffLimit", "activeDeadlineSeconds"):
        if spec.get(field) is not None and spec[field] < 0:
            yield f"spec.{field}", f"Invalid value: {spec[field]}: must be greater than or equal to 0"
    yield from _completion_mode(spec, name)
    yield from _labels(template.get("metadata") or {}, "spec.template.labels")
    yield from _pod_spec(pod_spec, "spec.template.spec")
    # Servers since 1.27 let completions of an Indexed Job change with its parallelism; nothing here would heed it.
    for field in ("template", "selector", "completions", "completionMode"):
        if old is not None and spec.get(field) != (old.get("spec") or {}).get(field):
            yield f"spec.{field}", "Invalid value: field is immutable"


def _completion_mode(spec: Json, name: str) -> Causes:
    mode, completions, parallelism = (spec.get(key) for key in ("completionMode", "completions", "parallelism"))
    if mode is not None and mode not in COMPLETION_MODES:
        listed = ", ".join(f'"{known}"' for known in sorted(COMPLETION_MODES))
        yield "spec.completionMode", f'Unsupported value: "{mode}": supported values: {listed}'
    if mode != "Indexed":
        return
    if completions is None:
        yield "spec.completions", "Required value: when completion mode is Indexed"
    if parallelism is not None and parallelism > MOST_PARALLEL:
        problem = f"must be less than or equal to {MOST_PARALLEL} when completion mode is Indexed"
        yield "spec.parallelism", f"Invalid value: {parallelism}: {problem}"
    host = f"{name}-{(completions or 1) - 1}"  # of the last pod
    if name and completions and (len(host) > LONGEST_LABEL or not _LABEL.fullmatch(host)):
        yield "metadata.name", f'Invalid value: "{name}": will not able to create pod with invalid DNS label: {host}'


def _deployment(deployment: Json, old: Json | None) -> Causes:
    spec = deployment.get("spec") or {}
    replicas = spec.get("replicas")
    if replicas is not None and replicas < 0:
        yield "spec.replicas", f"Invalid value: {replicas}: must be greater than or equal to 0"
    wanted = (spec.get("selector") or {}).get("matchLabels") or {}
    template = spec.get("template") or {}
    labels = (template.get("metadata") or {}).get("labels") or {}
    if not spec.get("selector"):
        yield "spec.selector", "Required value"
    elif any(labels.get(key) != value for key, value in wanted.items()):
        yield (
            "spec.template.metadata.labels",
            f"Invalid value: {labels}: `selector` does not match template `labels`",
        )
    if old is not None and spec.get("selector") != (old.get("spec") or {}).get("selector"):
        yield "spec.selector", "Invalid value: field is immutable"
    yield from _pod_spec(template.get("spec") or {}, "spec.template.spec")


def _pod(pod: Json, old: Json | None) -> Causes:
    if old is None:
        yield from _pod_spec(pod.get("spec") or {}, "spec")


CHECKS: dict[str, Callable[[Json, Json | None], Causes]] = {
    "Deployment": _deployment,
    "Job": _job,
    "Pod": _pod,
}
