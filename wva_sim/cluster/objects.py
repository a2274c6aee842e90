"""The objects that the cluster begins with: its surroundings, what serves the model, and the controller."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import yaml

from wva_sim.api.validation import LONGEST_LABEL
from wva_sim.cluster.pods import NODE
from wva_sim.cluster.settings import INTERVAL_S, MODES, Settings
from wva_sim.vllm.servers import MAX_BATCH
from wva_sim.wva import decide, findings
from wva_sim.wva.dialects import DIALECTS, Dialect

Json = dict[str, Any]

SIMULATED = "wva-experiments/simulated"
SPEED = "wva-experiments/embedded-speed"
MAX_REPLICAS = 10


@dataclass(frozen=True)
class Variant:
    """A Deployment that WVA scales, and the name by which WVA knows it."""

    namespace: str
    deployment: str
    name: str
    model: str
    accelerator: str
    cost: float  # of one replica


def variants_of(settings: Settings) -> list[Variant]:
    """The variants of the model, each at its own cost; the first is the config's Deployment."""
    found = []
    for number in range(settings.variants):
        deployment = settings.deployment if number == 0 else f"{settings.deployment}-{number + 1}"
        name = deployment if DIALECTS[settings.dialect].has_variants else _scaler_name(deployment)
        cost = settings.cost * (1 + number / 2)
        found.append(Variant(settings.namespace, deployment, name, settings.model_name, settings.accelerator, cost))
    return found


def surroundings(settings: Settings, dialect: Dialect, speed: float) -> Iterator[Json]:
    """Namespaces, the node, and the controller's ConfigMaps."""
    for name in dict.fromkeys(("default", "kube-system", settings.namespace, settings.controller_namespace)):
        annotations = {SPEED: f"{speed:g}"} if name == "kube-system" else {SIMULATED: "true"}
        yield {"kind": "Namespace", "metadata": {"name": name, "annotations": annotations}}
    yield {
        "kind": "Node",
        "metadata": {"name": NODE, "annotations": {SIMULATED: "true"}},
        "status": {"capacity": {"nvidia.com/gpu": str(MAX_REPLICAS * settings.variants)}},
    }
    for name, data in _config_maps(settings, dialect).items():
        metadata = {"name": name, "namespace": settings.controller_namespace}
        yield {"kind": "ConfigMap", "metadata": metadata, "data": data}


# --- a variant


def servers(variant: Variant) -> Json:
    """Its Deployment of vLLM servers."""
    container = {
        "name": "vllm",
        "image": "ghcr.io/llm-d/llm-d:v0.3.1",
        "args": ["--model", variant.model, "--max-num-seqs", str(MAX_BATCH)],
        "ports": [{"containerPort": 8000}],
        "resources": {"limits": {"nvidia.com/gpu": "1"}, "requests": {"nvidia.com/gpu": "1"}},
    }
    return _deployment(variant.namespace, variant.deployment, 1, container, {"llm-d.ai/role": "decode"})


def autoscaling(variant: Variant, dialect: Dialect) -> Json:
    """Its VariantAutoscaling."""
    parameters = {
        "decodeParms": {"alpha": str(decide.ALPHA), "beta": str(decide.BETA)},
        "prefillParms": {"gamma": str(decide.GAMMA), "delta": str(decide.DELTA)},
    }
    accelerator = {
        "acc": variant.accelerator,
        "accCount": 1,
        "maxBatchSize": decide.PROFILE_MAX_BATCH,
        "perfParms": parameters,
    }
    spec: Json = {"modelID": variant.model, "variantCost": f"{variant.cost:.2f}"}
    if dialect.mode_key:  # the optimizer that needs the profile went with that mode
        spec["sloClassRef"] = {"name": "service-classes-config", "key": "premium.yaml"}
        spec["modelProfile"] = {"accelerators": [accelerator]}
    if dialect.names_target:
        spec["scaleTargetRef"] = _target(variant)
    return {
        "kind": "VariantAutoscaling",
        "metadata": {
            "name": variant.name,
            "namespace": variant.namespace,
            "labels": {"inference.optimization/acceleratorName": variant.accelerator},
        },
        "spec": spec,
    }


def scaler(variant: Variant, dialect: Dialect) -> Json:
    """Its HorizontalPodAutoscaler."""
    metadata: Json = {"name": _scaler_name(variant.deployment), "namespace": variant.namespace}
    if not dialect.has_variants:
        metadata["labels"] = {"inference.optimization/acceleratorName": variant.accelerator}
        metadata["annotations"] = {
            "llm-d.ai/managed": "true",
            "llm-d.ai/model-id": variant.model,
            "llm-d.ai/variant-cost": f"{variant.cost:.2f}",
        }
    selector = {"matchLabels": {"variant_name": variant.name}}
    return {
        "kind": "HorizontalPodAutoscaler",
        "metadata": metadata,
        "spec": {
            "scaleTargetRef": _target(variant),
            "minReplicas": 1,
            "maxReplicas": MAX_REPLICAS,
            "metrics": [
                {
                    "type": "External",
                    "external": {
                        "metric": {"name": dialect.metric, "selector": selector},
                        "target": {"type": "AverageValue", "averageValue": "1"},
                    },
                }
            ],
        },
    }


def _target(variant: Variant) -> Json:
    return {"apiVersion": "apps/v1", "kind": "Deployment", "name": variant.deployment}


def _scaler_name(deployment: str) -> str:
    return _short(f"{deployment}-hpa")


# --- the controller


def controller(settings: Settings, dialect: Dialect) -> Json:
    """Its Deployment."""
    environment: list[Json] = [{"name": "LOG_LEVEL", "value": "debug"}]
    if dialect.mode_key:
        source = {"configMapKeyRef": {"name": dialect.main_config_map, "key": dialect.mode_key}}
        environment.append({"name": dialect.mode_key, "valueFrom": source})
    container = {
        "name": "manager",
        "image": dialect.image,
        "command": ["/manager"],
        "args": list(dialect.arguments),
        "env": environment,
    }
    labels = {"control-plane": "controller-manager", "app.kubernetes.io/name": "workload-variant-autoscaler"}
    return _deployment(settings.controller_namespace, settings.controller_pod_prefix, 2, container, labels)


def _config_maps(settings: Settings, dialect: Dialect) -> dict[str, dict[str, str]]:
    """The ConfigMaps of the release, by name."""
    return {dialect.main_config_map: _main_config(settings, dialect), **_ANALYSIS_CONFIGS[settings.dialect](settings)}


def _main_config(settings: Settings, dialect: Dialect) -> dict[str, str]:
    interval = {"GLOBAL_OPT_INTERVAL": f"{INTERVAL_S:g}s"}
    if dialect.mode_key:
        return {**interval, "GLOBAL_OPT_TRIGGER": "false", dialect.mode_key: MODES[settings.mode]}
    return {"config.yaml": _yaml(interval)}


def _solver_configs(analysis: str, settings: Settings) -> dict[str, dict[str, str]]:
    """Of the releases with an optimizer: thresholds, objectives, costs."""
    objective = {"model": settings.model_name, "slo-tpot": 10, "slo-ttft": 1000}
    classes = {"name": "Premium", "priority": 1, "data": [objective]}
    return {
        analysis: {"default": _yaml(_THRESHOLDS)},
        "service-classes-config": {"premium.yaml": _yaml(classes)},
        "accelerator-unit-costs": {settings.accelerator: '{"device": "NVIDIA-H100-80GB-HBM3", "cost": "10.00"}'},
    }


def _queueing_configs(settings: Settings) -> dict[str, dict[str, str]]:
    """The queueing model is on if its ConfigMap is there."""
    found = {"wva-saturation-scaling-config": {"default": _yaml(_THRESHOLDS)}}
    if settings.mode == "model-based":
        objective = {"targetITL": 10, "targetTTFT": 1000, "sloMultiplier": 3.0, "tuningEnabled": False}
        found["wva-queueing-model-config"] = {"default": _yaml(objective)}
    return found


def _analyzer_configs(settings: Settings) -> dict[str, dict[str, str]]:
    analysis = {
        "analyzers": [{"name": "saturation"}, {"name": "throughput"}],
        "scaleUpThreshold": findings.SCALE_UP_THRESHOLD,
        "scaleDownBoundary": findings.SCALE_DOWN_BOUNDARY,
    }
    return {"wva-saturation-scaling-config": {"default": _yaml(analysis)}}


_THRESHOLDS = {
    "kvCacheThreshold": findings.KV_THRESHOLD,
    "queueLengthThreshold": findings.QUEUE_THRESHOLD,
    "kvSpareTrigger": findings.KV_TRIGGER,
    "queueSpareTrigger": findings.QUEUE_TRIGGER,
}
_ANALYSIS_CONFIGS: dict[str, Callable[[Settings], dict[str, dict[str, str]]]] = {
    "D2": partial(_solver_configs, "capacity-scaling-config"),
    "D3": partial(_solver_configs, "saturation-scaling-config"),
    "D5": _queueing_configs,
    "D7": _analyzer_configs,
}


def _yaml(value: Json) -> str:
    return str(yaml.safe_dump(value, sort_keys=False))


# --- of both


def _deployment(namespace: str, name: str, replicas: int, container: Json, labels: dict[str, str]) -> Json:
    labels = {"app.kubernetes.io/instance": _short(name), **labels}
    return {
        "kind": "Deployment",
        "metadata": {"name": name, "namespace": namespace, "labels": labels},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": _restricted(container)},
        },
    }


def _restricted(container: Json) -> Json:
    """The spec of a pod that every namespace takes, whatever its Pod Security level."""
    confined = {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}
    return {
        "securityContext": {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}},
        "containers": [{**container, "securityContext": confined}],
    }


def _short(name: str) -> str:
    """A name that fits a label, still different from others that begin alike."""
    if len(name) <= LONGEST_LABEL:
        return name
    digest = hashlib.sha256(name.encode()).hexdigest()[:8]
    return f"{name[: LONGEST_LABEL - 9]}-{digest}"
