"""As much OpenAPI as kubectl wants before it creates or applies anything.

It only asks whether the server validates fields itself (then the server's word counts): no schemas.
"""

from __future__ import annotations

from typing import Any

from wva_sim.api.kinds import KINDS, Kind

Json = dict[str, Any]

# Asked for as "…v2@v1.0+protobuf", which Go's own mime parser refuses in an answer because of the @.
V2_CONTENT_TYPE = "application/com.github.proto-openapi.spec.v2.v1.0+protobuf"
# swagger: "2.0", info: {title: "Kubernetes", version: "v1.32.0"}: all that kubectl 1.20 to 1.26 insist on.
V2_DOCUMENT = bytes.fromhex("0a03322e3012150a0a4b756265726e65746573120776312e33322e30")
PARAMETERS = ("dryRun", "fieldValidation")


def v3_index(prefix: str) -> Json:
    """``/openapi/v3``; the relative URLs carry the secret path prefix of the server."""
    served = dict.fromkeys(_path(kind) for kind in KINDS.values())
    return {"paths": {path: {"serverRelativeURL": f"{prefix}/openapi/v3/{path}"} for path in served}}


def v3_document(path: str) -> Json | None:
    """``/openapi/v3/apis/GROUP/VERSION``, or None if that is not served."""
    kinds = [kind for kind in KINDS.values() if _path(kind) == path]
    if not kinds:
        return None
    return {
        "openapi": "3.0.0",
        "info": {"title": "Kubernetes", "version": "embedded"},
        "paths": {_object_path(kind): {"patch": _patch(kind)} for kind in kinds},
        "components": {"schemas": {}},
    }


def _path(kind: Kind) -> str:
    return f"apis/{kind.group}/{kind.version}" if kind.group else f"api/{kind.version}"


def _object_path(kind: Kind) -> str:
    namespace = "/namespaces/{namespace}" if kind.namespaced else ""
    return f"/{_path(kind)}{namespace}/{kind.plural}/{{name}}"


def _patch(kind: Kind) -> Json:
    text = {"type": "string", "uniqueItems": True}
    return {
        "x-kubernetes-action": "patch",
        "x-kubernetes-group-version-kind": {
            "group": kind.group,
            "version": kind.version,
            "kind": kind.kind,
        },
        "parameters": [{"name": name, "in": "query", "schema": text} for name in PARAMETERS],
        "responses": {"200": {"description": "OK"}},
    }
