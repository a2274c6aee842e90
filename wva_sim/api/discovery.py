"""What the API says about itself: versions, groups, resources (the legacy form, read by every kubectl)."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from wva_sim.api.kinds import KINDS, Kind

Json = dict[str, Any]
Kinds = Collection[Kind]
_ALL: Kinds = tuple(KINDS.values())  # those that are served, if nothing says which

GIT_VERSION = "v1.34.0+embedded"
VERBS = ["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"]
WRITE_ONLY = {  # (group, version): reviews that are answered and not kept
    ("authentication.k8s.io", "v1"): ("SelfSubjectReview",),
    ("authorization.k8s.io", "v1"): ("SelfSubjectAccessReview", "SelfSubjectRulesReview"),
}
SUBRESOURCES: dict[str, Json] = {
    "log": {"verbs": ["get"]},
    "scale": {"kind": "Scale", "group": "autoscaling", "version": "v1", "verbs": ["get", "patch", "update"]},
    "status": {"verbs": ["get", "patch", "update"]},
}


def version() -> Json:
    """``/version``; the build says which cluster this is."""
    major, minor = GIT_VERSION.lstrip("v").split(".")[:2]
    return {
        "major": major,
        "minor": minor,
        "gitVersion": GIT_VERSION,
        "gitCommit": "embedded",
        "gitTreeState": "clean",
        "buildDate": "2026-01-01T00:00:00Z",
        "goVersion": "none",
        "compiler": "none",
        "platform": "embedded/simulated",
    }


def api_versions(host: str) -> Json:
    """``/api``."""
    addresses = [{"clientCIDR": "0.0.0.0/0", "serverAddress": host}]
    return {"kind": "APIVersions", "versions": ["v1"], "serverAddressByClientCIDRs": addresses}


def group_versions(kinds: Kinds = _ALL) -> list[tuple[str, str]]:
    """All (group, version) except the core group."""
    served = [(kind.group, kind.version) for kind in kinds if kind.group]
    return list(dict.fromkeys([*served, *WRITE_ONLY]))


def group_list(kinds: Kinds = _ALL) -> Json:
    """``/apis``."""
    groups = [_group(group, version) for group, version in group_versions(kinds)]
    return {"kind": "APIGroupList", "apiVersion": "v1", "groups": groups}


def group(name: str, kinds: Kinds = _ALL) -> Json | None:
    """``/apis/NAME``, or None if there is no such group."""
    for own, own_version in group_versions(kinds):
        if own == name:
            return {"kind": "APIGroup", "apiVersion": "v1", **_group(own, own_version)}
    return None


def resource_list(group: str, version: str, kinds: Kinds = _ALL) -> Json | None:
    """``/api/v1`` or ``/apis/GROUP/VERSION``, or None if it is not served."""
    resources: list[Json] = []
    for kind in kinds:
        if (kind.group, kind.version) == (group, version):
            resources += [_resource(kind), *(_subresource(kind, name) for name in kind.subresources)]
    for name in WRITE_ONLY.get((group, version), ()):
        plural = f"{name.lower()}s"
        row = {"name": plural, "singularName": name.lower(), "namespaced": False, "kind": name}
        resources.append({**row, "verbs": ["create"]})
    if not resources:
        return None
    group_version = f"{group}/{version}" if group else version
    return {
        "kind": "APIResourceList",
        "apiVersion": "v1",
        "groupVersion": group_version,
        "resources": resources,
    }


def _group(name: str, version: str) -> Json:
    entry = {"groupVersion": f"{name}/{version}", "version": version}
    return {"name": name, "versions": [entry], "preferredVersion": entry}


def _resource(kind: Kind) -> Json:
    return {
        "name": kind.plural,
        "singularName": kind.singular,
        "namespaced": kind.namespaced,
        "kind": kind.kind,
        "verbs": VERBS,
        **({"shortNames": list(kind.short_names)} if kind.short_names else {}),
        **({"categories": list(kind.categories)} if kind.categories else {}),
    }


def _subresource(kind: Kind, name: str) -> Json:
    return {
        "name": f"{kind.plural}/{name}",
        "singularName": "",
        "namespaced": kind.namespaced,
        "kind": kind.kind,
        **SUBRESOURCES[name],
    }
