"""Access reviews: what ``kubectl auth can-i`` and ``auth whoami`` ask."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from wva_sim.api.discovery import SUBRESOURCES, VERBS
from wva_sim.api.kinds import KINDS

Json = dict[str, Any]
# verb, group, resource, subresource ("" if none), namespace (None: all) -> allowed
Rbac = Callable[[str, str, str, str, "str | None"], bool]

USER = "embedded-user"


def access_review(review: Json, rbac: Rbac | None) -> Json:
    """Answer a SelfSubjectAccessReview."""
    attributes = review.get("spec", {}).get("resourceAttributes")
    allowed = True  # non-resource paths, such as /version
    if attributes is not None and rbac is not None:
        allowed = rbac(
            attributes.get("verb", ""),
            attributes.get("group", ""),
            attributes.get("resource", ""),
            attributes.get("subresource", ""),
            attributes.get("namespace") or None,
        )
    status: Json = {"allowed": allowed}
    if allowed:
        status["reason"] = "the embedded cluster allows it"
    return _answer(review, status)


def rules_review(review: Json, rbac: Rbac | None) -> Json:
    """Answer a SelfSubjectRulesReview: the verbs of each resource in the namespace."""
    namespace = review.get("spec", {}).get("namespace") or None
    rules = [{"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"]}]
    if rbac is not None:
        rules = []
        for kind in KINDS.values():
            for subresource in ("", *kind.subresources):
                known = SUBRESOURCES[subresource]["verbs"] if subresource else VERBS
                verbs = [verb for verb in known if rbac(verb, kind.group, kind.plural, subresource, namespace)]
                resource = f"{kind.plural}/{subresource}" if subresource else kind.plural
                if verbs:
                    rules.append({"verbs": verbs, "apiGroups": [kind.group], "resources": [resource]})
    paths = [{"verbs": ["get"], "nonResourceURLs": ["*"]}]
    return _answer(review, {"resourceRules": rules, "nonResourceRules": paths, "incomplete": False})


def self_review(review: Json, rbac: Rbac | None) -> Json:
    """Answer a SelfSubjectReview."""
    return _answer(review, {"userInfo": {"username": USER, "groups": ["system:authenticated"]}})


REVIEWS: dict[str, Callable[[Json, Rbac | None], Json]] = {
    "/apis/authentication.k8s.io/v1/selfsubjectreviews": self_review,
    "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews": access_review,
    "/apis/authorization.k8s.io/v1/selfsubjectrulesreviews": rules_review,
}


def _answer(review: Json, status: Json) -> Json:
    metadata = {"creationTimestamp": None, **review.get("metadata", {})}
    return {**review, "metadata": metadata, "status": status}
