"""Pods as they go through their life: the statuses that a kubelet writes."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any

Json = dict[str, Any]
Change = Callable[[Json], None]

NODE = "embedded-gpu-node-1"


def digest_of(image: str) -> str:
    """A stand-in for the digest that a registry would give."""
    return f"{image.rpartition(':')[0] or image}@sha256:{hashlib.sha256(image.encode()).hexdigest()}"


def pod_of(owner: Json, name: str, template: Json, labels: dict[str, str] | None = None) -> Json:
    """A new pod made from an owner's template."""
    metadata = template.get("metadata") or {}
    return {
        "kind": "Pod",
        "metadata": {
            "name": name,
            "namespace": owner["metadata"]["namespace"],
            "labels": {**(metadata.get("labels") or {}), **(labels or {})},
            "annotations": dict(metadata.get("annotations") or {}),
            "ownerReferences": [
                {
                    "apiVersion": owner["apiVersion"],
                    "kind": owner["kind"],
                    "name": owner["metadata"]["name"],
                    "uid": owner["metadata"]["uid"],
                    "controller": True,
                    "blockOwnerDeletion": True,
                }
            ],
        },
        "spec": dict(template["spec"]),
    }


def is_ready(pod: Json) -> bool:
    """Whether its Ready condition is true and it is not going away."""
    conditions = pod.get("status", {}).get("conditions") or []
    ready = any(row["type"] == "Ready" and row["status"] == "True" for row in conditions)
    return ready and not pod["metadata"].get("deletionTimestamp")


def unschedulable(now: str, message: str) -> Change:
    """No node takes it."""

    def change(pod: Json) -> None:
        condition = {
            "type": "PodScheduled",
            "status": "False",
            "reason": "Unschedulable",
            "message": message,
            "lastTransitionTime": now,
        }
        pod["status"] = {**pod["status"], "phase": "Pending", "conditions": [condition]}

    return change


def waiting(now: str, reason: str = "ContainerCreating", message: str = "") -> Change:
    """On a node; its containers do not run yet."""

    def change(pod: Json) -> None:
        pod["spec"]["nodeName"] = NODE
        state = {"waiting": {"reason": reason, **({"message": message} if message else {})}}
        _set(pod, now, "Pending", False, state)

    return change


def running(now: str, ready: bool) -> Change:
    """Its containers run; ready or not yet."""

    def change(pod: Json) -> None:
        started = _started(pod) or now
        _set(pod, now, "Running", ready, {"running": {"startedAt": started}})

    return change


def initializing(now: str) -> Change:
    """Its init containers run."""

    def change(pod: Json) -> None:
        pod["spec"]["nodeName"] = NODE
        _set(pod, now, "Pending", False, {"waiting": {"reason": "PodInitializing"}}, {"running": {"startedAt": now}})

    return change


def ended(now: str, exit_code: int, reason: str = "", message: str = "") -> Change:
    """Its containers have ended, for good."""

    def change(pod: Json) -> None:
        terminated = {
            "exitCode": exit_code,
            "reason": reason or ("Completed" if exit_code == 0 else "Error"),
            "startedAt": _started(pod) or now,
            "finishedAt": now,
            **({"message": message} if message else {}),
        }
        _set(pod, now, "Succeeded" if exit_code == 0 else "Failed", False, {"terminated": terminated})

    return change


def restarted(now: str, exit_code: int, reason: str) -> Change:
    """Its container has ended and runs again."""

    def change(pod: Json) -> None:
        began = _started(pod) or now
        _set(pod, now, "Running", False, {"running": {"startedAt": now}})
        for status in pod["status"]["containerStatuses"]:
            status["restartCount"] += 1
            ended_state = {"exitCode": exit_code, "reason": reason, "startedAt": began, "finishedAt": now}
            status["lastState"] = {"terminated": ended_state}

    return change


def _started(pod: Json) -> str | None:
    for status in pod["status"].get("containerStatuses") or []:
        for state in status["state"].values():
            if state.get("startedAt"):
                return str(state["startedAt"])
    return None


def _set(pod: Json, now: str, phase: str, ready: bool, state: Json, init_state: Json | None = None) -> None:
    old = {status["name"]: status for status in pod["status"].get("containerStatuses") or []}
    init_state = init_state or {
        "terminated": {"exitCode": 0, "reason": "Completed", "startedAt": now, "finishedAt": now}
    }
    status: Json = {
        "phase": phase,
        "qosClass": "Burstable",
        "startTime": pod["status"].get("startTime") or now,
        "podIP": "10.0.0.10",
        "hostIP": "10.1.0.1",
        "conditions": _conditions(pod, now, phase, ready),
        "containerStatuses": [
            _container(container, old.get(container["name"]), ready, state) for container in pod["spec"]["containers"]
        ],
    }
    if pod["spec"].get("initContainers"):
        status["initContainerStatuses"] = [
            _container(container, None, "terminated" in init_state, init_state)
            for container in pod["spec"]["initContainers"]
        ]
    pod["status"] = status


def _container(container: Json, old: Json | None, ready: bool, state: Json) -> Json:
    return {
        "name": container["name"],
        "image": container["image"],
        "imageID": digest_of(container["image"]),
        "ready": ready,
        "started": "running" in state,
        "restartCount": old["restartCount"] if old else 0,
        "state": state,
        "lastState": old["lastState"] if old else {},
    }


def _conditions(pod: Json, now: str, phase: str, ready: bool) -> list[Json]:
    since = {row["type"]: row for row in pod["status"].get("conditions") or []}
    wanted = {
        "PodScheduled": True,
        "Initialized": phase != "Pending",
        "ContainersReady": ready,
        "Ready": ready,
    }
    rows = []
    for kind, value in wanted.items():
        text = "True" if value else "False"
        before = since.get(kind)
        changed = before["lastTransitionTime"] if before and before["status"] == text else now
        row = {"type": kind, "status": text, "lastTransitionTime": changed}
        if not value and phase == "Succeeded":
            row["reason"] = "PodCompleted"
        rows.append(row)
    return rows
