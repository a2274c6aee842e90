"""What an API server fills in when an object is created without it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

Json = dict[str, Any]


def _fill(target: Json, values: Json) -> None:
    for key, value in values.items():
        target.setdefault(key, value)


def default_pod_spec(spec: Json, restart_policy: str | None = "Always") -> None:
    """Fill a pod's spec in place."""
    for container in [*spec.get("initContainers", []), *spec.get("containers", [])]:
        tag = str(container.get("image", "")).rpartition("/")[2].partition(":")[2]
        pull = "IfNotPresent" if tag and tag != "latest" else "Always"
        _fill(
            container,
            {
                "imagePullPolicy": pull,
                "resources": {},
                "terminationMessagePath": "/dev/termination-log",
                "terminationMessagePolicy": "File",
            },
        )
        for variable in container.get("env") or []:
            if field := (variable.get("valueFrom") or {}).get("fieldRef"):
                field.setdefault("apiVersion", "v1")
        for port in container.get("ports", []):
            port.setdefault("protocol", "TCP")
    if restart_policy:
        spec.setdefault("restartPolicy", restart_policy)
    _fill(
        spec,
        {
            "dnsPolicy": "ClusterFirst",
            "schedulerName": "default-scheduler",
            "securityContext": {},
            "terminationGracePeriodSeconds": 30,
        },
    )


def _default_pod(pod: Json) -> None:
    default_pod_spec(pod.setdefault("spec", {}))
    _fill(pod.setdefault("status", {}), {"phase": "Pending", "qosClass": "BestEffort"})


def _default_job(job: Json) -> None:
    spec = job.setdefault("spec", {})
    template = spec.setdefault("template", {})
    metadata = template.setdefault("metadata", {})
    if metadata.get("labels"):
        job["metadata"].setdefault("labels", dict(metadata["labels"]))
    if spec.get("parallelism") is None:
        spec.setdefault("completions", 1)  # one that tells neither runs once; with parallelism it is a queue of work
    _fill(
        spec,
        {
            "parallelism": 1,
            "backoffLimit": 6,
            "completionMode": "NonIndexed",
            "suspend": False,
            "podReplacementPolicy": "TerminatingOrFailed",
        },
    )
    default_pod_spec(template.setdefault("spec", {}), restart_policy=None)
    if not spec.get("manualSelector"):
        uid, name = job["metadata"]["uid"], job["metadata"]["name"]
        spec["selector"] = {"matchLabels": {"batch.kubernetes.io/controller-uid": uid}}
        owned = {
            "batch.kubernetes.io/controller-uid": uid,
            "batch.kubernetes.io/job-name": name,
            "controller-uid": uid,
            "job-name": name,
        }
        metadata["labels"] = (metadata.get("labels") or {}) | owned
    job.setdefault("status", {})


def _default_deployment(deployment: Json) -> None:
    spec = deployment.setdefault("spec", {})
    _fill(
        spec,
        {
            "replicas": 1,
            "progressDeadlineSeconds": 600,
            "revisionHistoryLimit": 10,
            "strategy": {
                "type": "RollingUpdate",
                "rollingUpdate": {"maxSurge": "25%", "maxUnavailable": "25%"},
            },
        },
    )
    default_pod_spec(spec.setdefault("template", {}).setdefault("spec", {}))
    deployment.setdefault("status", {})


def _default_namespace(namespace: Json) -> None:
    labels = namespace["metadata"].setdefault("labels", {})
    labels.setdefault("kubernetes.io/metadata.name", namespace["metadata"]["name"])
    namespace.setdefault("spec", {"finalizers": ["kubernetes"]})
    namespace.setdefault("status", {"phase": "Active"})


def _default_service(service: Json) -> None:
    _fill(
        service.setdefault("spec", {}),
        {"type": "ClusterIP", "sessionAffinity": "None", "clusterIP": "None"},
    )


def _default_secret(secret: Json) -> None:
    secret.setdefault("type", "Opaque")


DEFAULTS: dict[str, Callable[[Json], None]] = {
    "Deployment": _default_deployment,
    "Job": _default_job,
    "Namespace": _default_namespace,
    "Pod": _default_pod,
    "Secret": _default_secret,
    "Service": _default_service,
}
