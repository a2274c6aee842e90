"""The kinds of objects that the embedded cluster serves: one row each."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Kind:
    """A kind and its resource, as discovery describes them.

    Attributes
    ----------
    custom : bool
        Defined by a CustomResourceDefinition: no strategic merge patch, columns from the definition.
    subresources : tuple of str
        Of ``status``, ``scale``, ``log``.
    has_generation : bool
        Whether ``metadata.generation`` counts changes of the spec.
    """

    kind: str
    plural: str
    group: str = ""
    version: str = "v1"
    namespaced: bool = True
    short_names: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    subresources: tuple[str, ...] = ()
    custom: bool = False
    has_generation: bool = False

    @property
    def api_version(self) -> str:
        """``v1`` or ``group/version``."""
        return f"{self.group}/{self.version}" if self.group else self.version

    @property
    def singular(self) -> str:
        """The name for one of them on the command line."""
        return self.kind.lower()

    @property
    def resource(self) -> str:
        """The name in messages: ``pods`` or ``jobs.batch``."""
        return f"{self.plural}.{self.group}" if self.group else self.plural


_ALL = ("all",)
_ROWS = (
    Kind("Namespace", "namespaces", namespaced=False, short_names=("ns",), subresources=("status",)),
    Kind("Node", "nodes", namespaced=False, short_names=("no",), subresources=("status",)),
    Kind("Pod", "pods", short_names=("po",), categories=_ALL, subresources=("status", "log")),
    Kind("Service", "services", short_names=("svc",), categories=_ALL, subresources=("status",)),
    Kind("ServiceAccount", "serviceaccounts", short_names=("sa",)),
    Kind("ConfigMap", "configmaps", short_names=("cm",)),
    Kind("Secret", "secrets"),
    Kind("Event", "events", short_names=("ev",)),
    Kind("ResourceQuota", "resourcequotas", short_names=("quota",), subresources=("status",)),
    Kind(
        "Deployment",
        "deployments",
        "apps",
        short_names=("deploy",),
        categories=_ALL,
        subresources=("status", "scale"),
        has_generation=True,
    ),
    Kind(
        "ReplicaSet",
        "replicasets",
        "apps",
        short_names=("rs",),
        categories=_ALL,
        subresources=("status", "scale"),
        has_generation=True,
    ),
    Kind("Job", "jobs", "batch", categories=_ALL, subresources=("status",), has_generation=True),
    Kind(
        "HorizontalPodAutoscaler",
        "horizontalpodautoscalers",
        "autoscaling",
        "v2",
        short_names=("hpa",),
        categories=_ALL,
        subresources=("status",),
    ),
    Kind("Lease", "leases", "coordination.k8s.io"),
    Kind(
        "CustomResourceDefinition",
        "customresourcedefinitions",
        "apiextensions.k8s.io",
        namespaced=False,
        short_names=("crd", "crds"),
        categories=("api-extensions",),
        subresources=("status",),
        has_generation=True,
    ),
    Kind(
        "VariantAutoscaling",
        "variantautoscalings",
        "llmd.ai",
        "v1alpha1",
        short_names=("va",),
        subresources=("status",),
        custom=True,
        has_generation=True,
    ),
    Kind(
        "ScaledObject",
        "scaledobjects",
        "keda.sh",
        "v1alpha1",
        short_names=("so",),
        subresources=("status",),
        custom=True,
        has_generation=True,
    ),
)

KINDS: dict[str, Kind] = {row.kind: row for row in _ROWS}
BY_RESOURCE: dict[tuple[str, str, str], Kind] = {(row.group, row.version, row.plural): row for row in _ROWS}


def find_kind(name: str) -> Kind:
    """The row of a kind.

    Raises
    ------
    KeyError
        If the embedded cluster does not know it; the message lists those that it knows.
    """
    try:
        return KINDS[name]
    except KeyError:
        raise KeyError(f"unknown kind {name!r}; known: {', '.join(sorted(KINDS))}") from None
