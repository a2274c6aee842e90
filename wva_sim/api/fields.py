"""The fields of the kinds that users write by hand, so that a typo is refused here as on a real cluster.

A schema is a Python type (str, int, bool), ``ANY``, a list with the schema of its items, or a dict of fields.
Parts that nobody edits in a load Job (affinity, probes, volume sources …) are ``ANY``.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from wva_sim.api.errors import ApiError

Json = dict[str, Any]
Schema = Any

ANY: Schema = object
TEXT_MAP: Schema = {"*": str}  # any key

_METADATA: Schema = {
    "name": str,
    "generateName": str,
    "namespace": str,
    "labels": TEXT_MAP,
    "annotations": TEXT_MAP,
    "finalizers": [str],
    "ownerReferences": [ANY],
    "managedFields": [ANY],
    **dict.fromkeys(("uid", "resourceVersion", "selfLink", "creationTimestamp", "deletionTimestamp"), ANY),
    "generation": int,
    "deletionGracePeriodSeconds": int,
}
_KEY_REF: Schema = {"name": str, "key": str, "optional": bool}
_ENV_FROM: Schema = {
    "prefix": str,
    "configMapRef": {"name": str, "optional": bool},
    "secretRef": {"name": str, "optional": bool},
}
_VALUE_FROM: Schema = {
    "configMapKeyRef": _KEY_REF,
    "secretKeyRef": _KEY_REF,
    "fieldRef": {"apiVersion": str, "fieldPath": str},
    "resourceFieldRef": ANY,
    "fileKeyRef": ANY,
}
_CONTAINER: Schema = {
    "name": str,
    "image": str,
    "imagePullPolicy": str,
    "command": [str],
    "args": [str],
    "workingDir": str,
    "env": [{"name": str, "value": str, "valueFrom": _VALUE_FROM}],
    "envFrom": [_ENV_FROM],
    "ports": [{"name": str, "containerPort": int, "hostPort": int, "hostIP": str, "protocol": str}],
    "resources": {"limits": ANY, "requests": ANY, "claims": ANY},
    "volumeMounts": [
        {
            "name": str,
            "mountPath": str,
            "subPath": str,
            "subPathExpr": str,
            "readOnly": bool,
            "recursiveReadOnly": str,
            "mountPropagation": str,
        }
    ],
    "stdin": bool,
    "stdinOnce": bool,
    "tty": bool,
    "terminationMessagePath": str,
    "terminationMessagePolicy": str,
    "restartPolicy": str,
    **dict.fromkeys(
        (
            "lifecycle",
            "livenessProbe",
            "readinessProbe",
            "startupProbe",
            "securityContext",
            "volumeDevices",
            "resizePolicy",
            "restartPolicyRules",
        ),
        ANY,
    ),
}
_POD_SPEC: Schema = {
    "containers": [_CONTAINER],
    "initContainers": [_CONTAINER],
    "ephemeralContainers": [ANY],
    "activeDeadlineSeconds": int,
    "terminationGracePeriodSeconds": int,
    "priority": int,
    **dict.fromkeys(
        (
            "dnsPolicy",
            "hostname",
            "nodeName",
            "preemptionPolicy",
            "priorityClassName",
            "restartPolicy",
            "runtimeClassName",
            "schedulerName",
            "serviceAccount",
            "serviceAccountName",
            "subdomain",
        ),
        str,
    ),
    **dict.fromkeys(
        (
            "automountServiceAccountToken",
            "enableServiceLinks",
            "hostIPC",
            "hostNetwork",
            "hostPID",
            "hostUsers",
            "setHostnameAsFQDN",
            "shareProcessNamespace",
        ),
        bool,
    ),
    "nodeSelector": TEXT_MAP,
    "imagePullSecrets": [{"name": str}],
    **dict.fromkeys(
        (
            "affinity",
            "dnsConfig",
            "hostAliases",
            "hostnameOverride",
            "os",
            "overhead",
            "readinessGates",
            "resourceClaims",
            "resources",
            "schedulingGates",
            "securityContext",
            "tolerations",
            "topologySpreadConstraints",
            "volumes",
        ),
        ANY,
    ),
}
_TEMPLATE: Schema = {"metadata": _METADATA, "spec": _POD_SPEC}
_SELECTOR: Schema = {"matchLabels": TEXT_MAP, "matchExpressions": [ANY]}
_JOB_SPEC: Schema = {
    **dict.fromkeys(
        (
            "activeDeadlineSeconds",
            "backoffLimit",
            "backoffLimitPerIndex",
            "completions",
            "maxFailedIndexes",
            "parallelism",
            "ttlSecondsAfterFinished",
        ),
        int,
    ),
    "completionMode": str,
    "managedBy": str,
    "manualSelector": bool,
    "podFailurePolicy": ANY,
    "podReplacementPolicy": str,
    "selector": _SELECTOR,
    "successPolicy": ANY,
    "suspend": bool,
    "template": _TEMPLATE,
}
_DEPLOYMENT_SPEC: Schema = {
    "minReadySeconds": int,
    "paused": bool,
    "progressDeadlineSeconds": int,
    "replicas": int,
    "revisionHistoryLimit": int,
    "selector": _SELECTOR,
    "strategy": ANY,
    "template": _TEMPLATE,
}


def _kind(**parts: Schema) -> Schema:
    return {"apiVersion": str, "kind": str, "metadata": _METADATA, "status": ANY, **parts}


_OTHER: Schema = {"metadata": _METADATA, "*": ANY}
SCHEMAS: dict[str, Schema] = {
    "ConfigMap": _kind(data=TEXT_MAP, binaryData=TEXT_MAP, immutable=bool),
    "Deployment": _kind(spec=_DEPLOYMENT_SPEC),
    "Job": _kind(spec=_JOB_SPEC),
    "Namespace": _kind(spec=ANY),
    "Pod": _kind(spec=_POD_SPEC),
    "Secret": _kind(data=TEXT_MAP, stringData=TEXT_MAP, immutable=bool, type=str),
}
_GO_TYPES = {str: "string", int: "int32", bool: "bool"}
_JSON_TYPES = {str: "string", bool: "bool", int: "number", float: "number", list: "array", dict: "object"}


def unknown_fields(obj: Json) -> list[str]:
    """Paths of fields that the object's kind does not have; only its metadata is known for other kinds.

    Raises
    ------
    ApiError
        400 for a value of the wrong type, as from a real server's decoder.
    """
    kind = obj["kind"]
    return list(_walk(obj, SCHEMAS.get(kind, _OTHER), "", kind, str(obj.get("apiVersion"))))


def check_fields(obj: Json, strict: bool) -> None:
    """Refuse values of the wrong type, and with ``fieldValidation=Strict`` unknown fields.

    Raises
    ------
    ApiError
        400 that names every unknown field.
    """
    unknown = unknown_fields(obj)
    if unknown and strict:
        listed = ", ".join(f'unknown field "{path}"' for path in unknown)
        raise ApiError(400, f"{_cannot(obj['kind'], obj['apiVersion'])}: strict decoding error: {listed}")


def _cannot(kind: str, api_version: str) -> str:
    return f'{kind} in version "{api_version.rpartition("/")[2]}" cannot be handled as a {kind}'


def _walk(value: Any, schema: Schema, path: str, kind: str, api_version: str) -> Iterator[str]:
    if schema is ANY or value is None:
        return
    expected: Any = type(schema) if isinstance(schema, (dict, list)) else schema
    wrong_bool = isinstance(value, bool) and expected is int
    if not isinstance(value, expected) or wrong_bool:
        go_type = _GO_TYPES.get(expected, "object" if expected is dict else "array")
        problem = f"json: cannot unmarshal {_JSON_TYPES[type(value)]} into field {path} of type {go_type}"
        raise ApiError(400, f"{_cannot(kind, api_version)}: {problem}")
    if expected is list:
        for index, item in enumerate(value):
            yield from _walk(item, schema[0], f"{path}[{index}]", kind, api_version)
    elif expected is dict:
        for key, item in value.items():
            below = f"{path}.{key}" if path else key
            if key in schema or "*" in schema:
                yield from _walk(item, schema.get(key, schema.get("*")), below, kind, api_version)
            else:
                yield below
