"""The tables that ``kubectl get`` prints; made here, their ages are right in the cluster's own time."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any, NamedTuple

from wva_sim.api.crds import PRINTER_COLUMNS, PrinterColumn
from wva_sim.api.kinds import Kind
from wva_sim.api.selectors import selector_text
from wva_sim.api.times import parse_rfc3339

Json = dict[str, Any]
NONE = "<none>"
UNSET = "<unset>"
UNKNOWN = "<unknown>"


class Column(NamedTuple):
    """A heading, the type of its cells, how a cell is made, and 1 if only ``-o wide`` shows it."""

    name: str
    type: str
    cell: Callable[[Json, datetime], Any]
    priority: int = 0


def table(kind: Kind, objects: Iterable[Json], now: datetime, version: str, include: str = "Metadata") -> Json:
    """A ``meta.k8s.io/v1`` Table.

    Parameters
    ----------
    include : {"Metadata", "Object", "None"}
        What comes with each row, as ``includeObject`` asks.
    """
    columns = columns_of(kind)
    return {
        "kind": "Table",
        "apiVersion": "meta.k8s.io/v1",
        "metadata": {"resourceVersion": version},
        "columnDefinitions": [_definition(column) for column in columns],
        "rows": [
            {"cells": [column.cell(obj, now) for column in columns], **_row_object(obj, include)} for obj in objects
        ],
    }


def columns_of(kind: Kind) -> tuple[Column, ...]:
    """The columns of a kind, from its definition if it is a custom one."""
    if kind.kind in PRINTER_COLUMNS:
        return (NAME, *(_custom(column) for column in PRINTER_COLUMNS[kind.kind]))
    return COLUMNS.get(kind.kind, (NAME, AGE))


def human_duration(seconds: float) -> str:
    """A duration as kubectl writes it: ``118s``, ``2m5s``, ``45m``, ``3h12m``, ``2d4h``, ``400d``."""
    whole = int(seconds)
    if whole < -1:
        return "<invalid>"
    whole = max(0, whole)
    minutes, hours, days = whole // 60, whole // 3600, whole // 86400
    if whole < 120:
        return f"{whole}s"
    if minutes < 10:
        return _two(minutes, "m", whole % 60, "s")
    if minutes < 180:
        return f"{minutes}m"
    if hours < 8:
        return _two(hours, "h", minutes % 60, "m")
    if hours < 48:
        return f"{hours}h"
    if days < 8:
        return _two(days, "d", hours % 24, "h")
    return f"{days}d"


def find_path(obj: Any, path: str) -> list[Any]:
    """Values at a JSONPath of the printer columns' kind: ``.a.b[0].c``, ``[*]``, ``[?(@.key=='value')]``."""
    found = [obj]
    for step in re.findall(r"\.[^.\[\]]+|\[\?\(.*?\)\]|\[[^\]]*\]", path):
        found = [value for item in found for value in _step(item, step)]
    return found


# Parts


def _two(large: int, large_unit: str, small: int, small_unit: str) -> str:
    return f"{large}{large_unit}{small}{small_unit}" if small else f"{large}{large_unit}"


def _step(item: Any, step: str) -> list[Any]:
    if step.startswith("."):
        return [item[step[1:]]] if isinstance(item, dict) and step[1:] in item else []
    if not isinstance(item, list):
        return []
    if wanted := re.fullmatch(r"\[\?\(@\.(\w+)\s*==\s*['\"](.*?)['\"]\)\]", step):
        return [entry for entry in item if isinstance(entry, dict) and entry.get(wanted[1]) == wanted[2]]
    if step == "[*]":
        return item
    index = step[1:-1]
    return item[int(index) : int(index) + 1] if index.isdigit() else []


def _definition(column: Column) -> Json:
    return {
        "name": column.name,
        "type": column.type,
        "format": "name" if column.name == "Name" else "",
        "description": "",
        "priority": column.priority,
    }


def _row_object(obj: Json, include: str) -> Json:
    if include == "None":
        return {}
    if include == "Object":
        return {"object": obj}
    partial = {"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": obj["metadata"]}
    return {"object": partial}


def _since(stamp: str | None, now: datetime) -> str:
    return human_duration((now - parse_rfc3339(stamp)).total_seconds()) if stamp else UNKNOWN


def _custom(column: PrinterColumn) -> Column:
    def cell(obj: Json, now: datetime) -> Any:
        values = find_path(obj, column.json_path)
        if not values:
            return None
        if column.type == "date":
            return _since(values[0], now)
        if column.type in ("integer", "number", "boolean"):
            return values[0]
        return ",".join(str(value) for value in values)

    return Column(column.name, "string" if column.type == "date" else column.type, cell, column.priority)


def _get(*path: str, default: Any = None) -> Callable[[Json, datetime], Any]:
    """A cell that is simply a field."""

    def cell(obj: Any, now: datetime) -> Any:
        for step in path:
            obj = obj.get(step) if isinstance(obj, dict) else None
        return default if obj is None else obj

    return cell


def _pod_template(obj: Json) -> Json:
    template: Json = obj.get("spec", {}).get("template", {}).get("spec", {})
    return template


def _containers(obj: Json, now: datetime) -> str:
    return ",".join(container["name"] for container in _pod_template(obj).get("containers", []))


def _images(obj: Json, now: datetime) -> str:
    return ",".join(container.get("image", "") for container in _pod_template(obj).get("containers", []))


def _selector(obj: Json, now: datetime) -> str:
    selector = obj.get("spec", {}).get("selector") or {}
    if "matchLabels" not in selector and "matchExpressions" not in selector:
        selector = {"matchLabels": selector}
    return selector_text(selector) or NONE


def _condition(obj: Json, type_: str) -> Json | None:
    for condition in obj.get("status", {}).get("conditions") or []:
        if condition.get("type") == type_ and condition.get("status") == "True":
            found: Json = condition
            return found
    return None


# Pods


def _statuses(pod: Json) -> list[Json]:
    statuses: list[Json] = pod.get("status", {}).get("containerStatuses") or []
    return statuses


def _pod_ready(pod: Json, now: datetime) -> str:
    ready = sum(bool(status.get("ready")) for status in _statuses(pod))
    return f"{ready}/{len(pod.get('spec', {}).get('containers', []))}"


def _container_reason(status: Json) -> str | None:
    state = status.get("state") or {}
    if waiting := (state.get("waiting") or {}).get("reason"):
        return str(waiting)
    if terminated := state.get("terminated"):
        if terminated.get("reason"):
            return str(terminated["reason"])
        signal = terminated.get("signal")
        return f"Signal:{signal}" if signal else f"ExitCode:{terminated.get('exitCode', 0)}"
    return None


def _init_reason(pod: Json) -> str | None:
    """What the first unfinished init container is doing, or None if all are done."""
    statuses = pod.get("status", {}).get("initContainerStatuses") or []
    for index, status in enumerate(statuses):
        state = status.get("state") or {}
        terminated, waiting = state.get("terminated"), state.get("waiting") or {}
        if terminated and terminated.get("exitCode", 0) == 0:
            continue
        if terminated or waiting.get("reason") not in (None, "PodInitializing"):
            return f"Init:{_container_reason(status)}"
        return f"Init:{index}/{len(statuses)}"
    return None


def _pod_status(pod: Json, now: datetime) -> str:
    status = pod.get("status", {})
    if pod["metadata"].get("deletionTimestamp"):
        return "Terminating"
    if initializing := _init_reason(pod):
        return initializing
    reasons = [reason for reason in map(_container_reason, reversed(_statuses(pod))) if reason]
    running = any("running" in (each.get("state") or {}) for each in _statuses(pod))
    if reasons and not (reasons[-1] == "Completed" and running):
        return reasons[-1]
    return str(status.get("reason") or status.get("phase") or "Unknown")


def _pod_restarts(pod: Json, now: datetime) -> str:
    count = sum(status.get("restartCount", 0) for status in _statuses(pod))
    ended = [
        finished
        for status in _statuses(pod)
        if (finished := ((status.get("lastState") or {}).get("terminated") or {}).get("finishedAt"))
    ]
    return f"{count} ({_since(max(ended), now)} ago)" if count and ended else str(count)


# Jobs


def _job_status(job: Json, now: datetime) -> str:
    for type_, text in (("Complete", "Complete"), ("Failed", "Failed"), ("Suspended", "Suspended")):
        if _condition(job, type_):
            return text
    if job["metadata"].get("deletionTimestamp"):
        return "Terminating"
    for type_ in ("FailureTarget", "SuccessCriteriaMet"):
        if _condition(job, type_):
            return type_
    return "Running"


def _job_completions(job: Json, now: datetime) -> str:
    wanted = job.get("spec", {}).get("completions", job.get("spec", {}).get("parallelism", 1))
    return f"{job.get('status', {}).get('succeeded', 0)}/{wanted}"


def _job_duration(job: Json, now: datetime) -> str:
    status = job.get("status", {})
    if not status.get("startTime"):
        return ""
    failed = _condition(job, "Failed") or {}
    end = status.get("completionTime") or failed.get("lastTransitionTime")
    return _since(status["startTime"], parse_rfc3339(end) if end else now)


# Others


def _deployment_ready(deployment: Json, now: datetime) -> str:
    wanted = deployment.get("spec", {}).get("replicas", 1)
    return f"{deployment.get('status', {}).get('readyReplicas', 0)}/{wanted}"


def _hpa_reference(hpa: Json, now: datetime) -> str:
    target = hpa.get("spec", {}).get("scaleTargetRef", {})
    return f"{target.get('kind')}/{target.get('name')}"


def _hpa_value(source: Json) -> str:
    for key in ("averageValue", "value", "averageUtilization"):
        if key in source:
            text = f"{source[key]}%" if key == "averageUtilization" else str(source[key])
            return f"{text} (avg)" if key == "averageValue" else text
    return UNKNOWN


def _hpa_targets(hpa: Json, now: datetime) -> str:
    current = hpa.get("status", {}).get("currentMetrics") or []
    texts = []
    for index, metric in enumerate(hpa.get("spec", {}).get("metrics") or []):
        field = metric["type"][0].lower() + metric["type"][1:]
        seen = current[index].get(field, {}).get("current", {}) if index < len(current) else {}
        now_is = _hpa_value(seen).removesuffix(" (avg)")
        texts.append(f"{now_is}/{_hpa_value(metric.get(field, {}).get('target', {}))}")
    return ", ".join(texts) or NONE


def _node_status(node: Json, now: datetime) -> str:
    ready = "Ready" if _condition(node, "Ready") else "NotReady"
    return f"{ready},SchedulingDisabled" if node.get("spec", {}).get("unschedulable") else ready


def _node_roles(node: Json, now: datetime) -> str:
    prefix = "node-role.kubernetes.io/"
    labels = node["metadata"].get("labels") or {}
    return ",".join(sorted(label[len(prefix) :] for label in labels if label.startswith(prefix))) or NONE


def _node_address(type_: str) -> Callable[[Json, datetime], str]:
    def cell(node: Json, now: datetime) -> str:
        addresses = node.get("status", {}).get("addresses") or []
        return next((str(entry["address"]) for entry in addresses if entry.get("type") == type_), NONE)

    return cell


def _node_info(field: str) -> Callable[[Json, datetime], Any]:
    return _get("status", "nodeInfo", field, default=UNKNOWN)


def _service_ports(service: Json, now: datetime) -> str:
    ports = service.get("spec", {}).get("ports") or []
    return ",".join(f"{port['port']}/{port.get('protocol', 'TCP')}" for port in ports) or NONE


def _data_count(obj: Json, now: datetime) -> int:
    return len(obj.get("data") or {}) + len(obj.get("binaryData") or {})


def _secret_count(account: Json, now: datetime) -> int:
    return len(account.get("secrets") or [])


def _event_last_seen(event: Json, now: datetime) -> str:
    return _since(event.get("lastTimestamp") or event.get("eventTime") or event.get("firstTimestamp"), now)


def _event_first_seen(event: Json, now: datetime) -> str:
    return _since(event.get("firstTimestamp") or event.get("eventTime"), now)


def _event_object(event: Json, now: datetime) -> str:
    involved = event.get("involvedObject", {})
    return f"{str(involved.get('kind', '')).lower()}/{involved.get('name')}"


def _event_source(event: Json, now: datetime) -> str:
    source = event.get("source") or {}
    parts = (source.get("component") or event.get("reportingComponent"), source.get("host"))
    return ", ".join(part for part in parts if part)


def _quota(field: str, against: str) -> Callable[[Json, datetime], str]:
    def cell(quota: Json, now: datetime) -> str:
        hard, used = (quota.get("status", {}).get(key) or {} for key in ("hard", "used"))
        chosen = {key: hard[key] for key in sorted(hard) if key.startswith("limits.") == (field == "limits")}
        return ", ".join(f"{key}: {used.get(key, 0)}/{value}" for key, value in chosen.items())

    return cell


NAME = Column("Name", "string", lambda obj, now: obj["metadata"]["name"])
AGE = Column("Age", "string", lambda obj, now: _since(obj["metadata"].get("creationTimestamp"), now))
TEMPLATE = (
    Column("Containers", "string", _containers, 1),
    Column("Images", "string", _images, 1),
    Column("Selector", "string", _selector, 1),
)

COLUMNS: dict[str, tuple[Column, ...]] = {
    "Pod": (
        NAME,
        Column("Ready", "string", _pod_ready),
        Column("Status", "string", _pod_status),
        Column("Restarts", "string", _pod_restarts),
        AGE,
        Column("IP", "string", _get("status", "podIP", default=NONE), 1),
        Column("Node", "string", _get("spec", "nodeName", default=NONE), 1),
        Column("Nominated Node", "string", _get("status", "nominatedNodeName", default=NONE), 1),
        Column("Readiness Gates", "string", lambda obj, now: NONE, 1),
    ),
    "Job": (
        NAME,
        Column("Status", "string", _job_status),
        Column("Completions", "string", _job_completions),
        Column("Duration", "string", _job_duration),
        AGE,
        *TEMPLATE,
    ),
    "Deployment": (
        NAME,
        Column("Ready", "string", _deployment_ready),
        Column("Up-to-date", "integer", _get("status", "updatedReplicas", default=0)),
        Column("Available", "integer", _get("status", "availableReplicas", default=0)),
        AGE,
        *TEMPLATE,
    ),
    "ReplicaSet": (
        NAME,
        Column("Desired", "integer", _get("spec", "replicas", default=1)),
        Column("Current", "integer", _get("status", "replicas", default=0)),
        Column("Ready", "integer", _get("status", "readyReplicas", default=0)),
        AGE,
        *TEMPLATE,
    ),
    "HorizontalPodAutoscaler": (
        NAME,
        Column("Reference", "string", _hpa_reference),
        Column("Targets", "string", _hpa_targets),
        Column("MinPods", "string", lambda obj, now: str(obj.get("spec", {}).get("minReplicas", UNSET))),
        Column("MaxPods", "integer", _get("spec", "maxReplicas")),
        Column("Replicas", "integer", _get("status", "currentReplicas", default=0)),
        AGE,
    ),
    "Namespace": (NAME, Column("Status", "string", _get("status", "phase", default="Active")), AGE),
    "Node": (
        NAME,
        Column("Status", "string", _node_status),
        Column("Roles", "string", _node_roles),
        AGE,
        Column("Version", "string", _node_info("kubeletVersion")),
        Column("Internal-IP", "string", _node_address("InternalIP"), 1),
        Column("External-IP", "string", _node_address("ExternalIP"), 1),
        Column("OS-Image", "string", _node_info("osImage"), 1),
        Column("Kernel-Version", "string", _node_info("kernelVersion"), 1),
        Column("Container-Runtime", "string", _node_info("containerRuntimeVersion"), 1),
    ),
    "Service": (
        NAME,
        Column("Type", "string", _get("spec", "type", default="ClusterIP")),
        Column("Cluster-IP", "string", _get("spec", "clusterIP", default=NONE)),
        Column("External-IP", "string", lambda obj, now: NONE),
        Column("Port(s)", "string", _service_ports),
        AGE,
        Column("Selector", "string", _selector, 1),
    ),
    "ServiceAccount": (
        NAME,
        Column("Secrets", "integer", _secret_count),
        AGE,
    ),
    "ConfigMap": (NAME, Column("Data", "integer", _data_count), AGE),
    "Secret": (NAME, Column("Type", "string", _get("type")), Column("Data", "integer", _data_count), AGE),
    "Event": (
        Column("Last Seen", "string", _event_last_seen),
        Column("Type", "string", _get("type")),
        Column("Reason", "string", _get("reason")),
        Column("Object", "string", _event_object),
        Column("Subobject", "string", _get("involvedObject", "fieldPath", default=""), 1),
        Column("Source", "string", _event_source, 1),
        Column("Message", "string", lambda obj, now: str(obj.get("message", "")).strip()),
        Column("First Seen", "string", _event_first_seen, 1),
        Column("Count", "integer", _get("count", default=1), 1),
        NAME._replace(priority=1),
    ),
    "Lease": (NAME, Column("Holder", "string", _get("spec", "holderIdentity", default="")), AGE),
    "CustomResourceDefinition": (NAME, Column("Created At", "date", _get("metadata", "creationTimestamp"))),
    "ResourceQuota": (
        NAME,
        Column("Request", "string", _quota("requests", "hard")),
        Column("Limit", "string", _quota("limits", "hard")),
        AGE,
    ),
}
