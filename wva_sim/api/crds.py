"""The CustomResourceDefinitions of the cluster, with the columns that kubectl prints for their objects."""

from __future__ import annotations

from typing import Any, NamedTuple

from wva_sim.api.kinds import KINDS, Kind

Json = dict[str, Any]


class PrinterColumn(NamedTuple):
    """One of ``additionalPrinterColumns``; ``priority`` 1 is shown with ``-o wide`` only."""

    name: str
    type: str
    json_path: str
    priority: int = 0


AGE = PrinterColumn("Age", "date", ".metadata.creationTimestamp")

# VariantAutoscaling: api/v1alpha1/variantautoscaling_types.go of WVA, the releases with status.currentAlloc.
PRINTER_COLUMNS: dict[str, tuple[PrinterColumn, ...]] = {
    "VariantAutoscaling": (
        PrinterColumn("Model", "string", ".spec.modelID"),
        PrinterColumn("Accelerator", "string", ".status.currentAlloc.accelerator"),
        PrinterColumn("CurrentReplicas", "integer", ".status.currentAlloc.numReplicas"),
        PrinterColumn("Optimized", "string", ".status.desiredOptimizedAlloc.numReplicas"),
        PrinterColumn("MetricsReady", "string", ".status.conditions[?(@.type=='MetricsAvailable')].status"),
        AGE,
    ),
    "ScaledObject": (
        PrinterColumn("ScaleTargetKind", "string", ".status.scaleTargetKind"),
        PrinterColumn("ScaleTargetName", "string", ".spec.scaleTargetRef.name"),
        PrinterColumn("Min", "integer", ".spec.minReplicaCount"),
        PrinterColumn("Max", "integer", ".spec.maxReplicaCount"),
        PrinterColumn("Ready", "string", ".status.conditions[?(@.type=='Ready')].status"),
        PrinterColumn("Active", "string", ".status.conditions[?(@.type=='Active')].status"),
        AGE,
    ),
}


def definitions() -> list[Json]:
    """A CustomResourceDefinition for each custom kind."""
    return [_definition(kind) for kind in KINDS.values() if kind.custom]


def _definition(kind: Kind) -> Json:
    version = {
        "name": kind.version,
        "served": True,
        "storage": True,
        "schema": {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}},
        "subresources": {"status": {}},
        "additionalPrinterColumns": [_column(column) for column in PRINTER_COLUMNS[kind.kind]],
    }
    names = {
        "kind": kind.kind,
        "listKind": f"{kind.kind}List",
        "plural": kind.plural,
        "singular": kind.singular,
        "shortNames": list(kind.short_names),
    }
    conditions = [
        {"type": "NamesAccepted", "status": "True", "reason": "NoConflicts"},
        {"type": "Established", "status": "True", "reason": "InitialNamesAccepted"},
    ]
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": kind.resource},
        "spec": {"group": kind.group, "names": names, "scope": "Namespaced", "versions": [version]},
        "status": {"acceptedNames": names, "conditions": conditions, "storedVersions": [kind.version]},
    }


def _column(column: PrinterColumn) -> Json:
    row = {"name": column.name, "type": column.type, "jsonPath": column.json_path}
    return {**row, "priority": column.priority} if column.priority else row
