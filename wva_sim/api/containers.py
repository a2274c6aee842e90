"""Which container's log is meant, and whether it can be read yet: the rules of API server and kubelet."""

from __future__ import annotations

from typing import Any

from wva_sim.api.errors import ApiError

Json = dict[str, Any]

PULLING = {
    "ErrImagePull": "image can't be pulled",
    "ImagePullBackOff": "trying and failing to pull image",
}


def choose_container(pod: Json, wanted: str | None) -> str:
    """The container's name; the only one if none is named.

    Raises
    ------
    ApiError
        400 if the pod has several, or none of that name.
    """
    pod_name = pod["metadata"]["name"]
    own = [container["name"] for container in pod["spec"].get("containers", [])]
    every = own + [container["name"] for container in pod["spec"].get("initContainers", [])]
    if wanted:
        if wanted not in every:
            raise ApiError(400, f"container {wanted} is not valid for pod {pod_name}")
        return wanted
    if len(own) != 1:
        choices = " ".join(own)
        message = f"a container name must be specified for pod {pod_name}, choose one of: [{choices}]"
        raise ApiError(400, message)
    return str(own[0])


def container_status(pod: Json, container: str) -> Json | None:
    """Its entry in the pod's status."""
    return next((entry for entry in _statuses(pod) if entry.get("name") == container), None)


def has_started(pod: Json) -> bool:
    """False for a pod that no node has taken yet: its log is empty, not an error."""
    return bool(pod["spec"].get("nodeName") or pod.get("status", {}).get("containerStatuses"))


def refuse_unreadable(pod: Json, container: str, previous: bool) -> None:
    """Say why there is no log.

    Raises
    ------
    ApiError
        400 with the kubelet's words.
    """
    pod_name = pod["metadata"]["name"]
    where = f'container "{container}" in pod "{pod_name}"'
    status = container_status(pod, container)
    if status is None:
        raise ApiError(400, f"{where} is not available")
    state, last = status.get("state") or {}, status.get("lastState") or {}
    if previous:
        if not last.get("terminated"):
            raise ApiError(400, f"previous terminated {where} not found")
        return
    if "running" in state or "terminated" in state or last.get("terminated"):
        return
    reason = (state.get("waiting") or {}).get("reason")
    why = PULLING.get(reason, reason) if reason else "no logs yet"
    raise ApiError(400, f"{where} is waiting to start{':' if reason else ' -'} {why}")


def ended_containers(pod: Json) -> list[str]:
    """Names of containers whose last word has been said."""
    ended = [entry for entry in _statuses(pod) if (entry.get("state") or {}).get("terminated")]
    return [entry["name"] for entry in ended]


def _statuses(pod: Json) -> list[Json]:
    status = pod.get("status", {})
    return [*(status.get("containerStatuses") or []), *(status.get("initContainerStatuses") or [])]
