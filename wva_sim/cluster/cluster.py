"""The whole embedded cluster, made from an experiment's config."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from random import Random
from typing import Any

import yaml

from wva_sim.api.kinds import KINDS
from wva_sim.cluster.clock import SimClock
from wva_sim.cluster.controllers import Controllers, Variant, register
from wva_sim.cluster.deployments import Deployments, Manners
from wva_sim.cluster.faults import Faults
from wva_sim.cluster.hpa import Autoscaler
from wva_sim.cluster.jobs import Jobs
from wva_sim.cluster.pods import NODE
from wva_sim.cluster.world import Json, World
from wva_sim.vllm.servers import DRAIN_S
from wva_sim.wva import decide
from wva_sim.wva.dialects import DIALECTS, Dialect

TICK_S = 0.02  # real time between two looks at what is due
SIMULATED = "wva-experiments/simulated"
SPEED = "wva-experiments/embedded-speed"
MODES = {"model-based": "model-only", "capacity-based": "off"}
INTERVAL = "30s"
START_UP_S, START_UP_SPREAD_S = 100.0, 10.0  # of a vLLM server: 100 to 139 s were measured on H100 nodes
MAX_REPLICAS = 10
MOST_VARIANTS = 9
LONGEST_LABEL = 63


class SettingsError(ValueError):
    """A config that the cluster cannot be made from."""


@dataclass(frozen=True)
class Settings:
    """What the cluster holds: keys of an experiment's config, then what no config says."""

    mode: str = "model-based"
    namespace: str = "llm-d-autoscaler"
    controller_namespace: str = "workload-variant-autoscaler-system"
    controller_pod_prefix: str = "workload-variant-autoscaler-controller-manager"
    deployment: str = "ms-inference-scheduling-llm-d-modelservice-decode"
    model_name: str = "unsloth/Meta-Llama-3.1-8B"
    accelerator: str = "H100"
    cost: float = 10.0
    dialect: str = "D2"
    variants: int = 1


CONFIG_KEYS = (
    "mode",
    "namespace",
    "controller_namespace",
    "controller_pod_prefix",
    "deployment",
    "model_name",
    "accelerator",
)


def check_settings(settings: Settings) -> None:
    """See whether a cluster can be made of it.

    Raises
    ------
    SettingsError
        If the release has no such mode, or the number of variants is none.
    """
    modes = DIALECTS[settings.dialect].brains
    if settings.mode not in modes:
        expected = f"expected {' or '.join(modes)}"
        raise SettingsError(f"mode: saw '{settings.mode}', which dialect {settings.dialect} does not have; {expected}")
    if not 1 <= settings.variants <= MOST_VARIANTS:
        raise SettingsError(f"--variants: saw {settings.variants}, expected 1 to {MOST_VARIANTS}")


def read_settings(path: Path) -> Settings:
    """Settings from an experiment's config; other keys are left alone.

    Raises
    ------
    SettingsError
        If it cannot be read.
    """
    try:
        data: Any = yaml.safe_load(path.read_text(encoding="utf-8-sig"))
    except (OSError, yaml.YAMLError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path}: cannot be read: {' '.join(str(error).split())}") from None
    if not isinstance(data, dict):
        raise SettingsError(f"{path}: expected a mapping, the config of an experiment")
    known = {key: str(data[key]) for key in CONFIG_KEYS if key in data}
    settings = replace(Settings(), **known)  # type: ignore[arg-type]
    if settings.mode not in MODES:
        raise SettingsError(f"{path}: mode: saw '{settings.mode}', expected one of {', '.join(MODES)}")
    return settings


class Cluster:
    """A world with everything in it; `run` lets time pass."""

    def __init__(self, clock: SimClock, settings: Settings, seed: int, journal: Path | None = None) -> None:
        check_settings(settings)
        self.settings = settings
        self.dialect = DIALECTS[settings.dialect]
        self.variants = variants_of(settings)
        self.world = World(clock, seed, journal)
        self.jobs = Jobs(self.world)
        self.deployments = Deployments(self.world)
        self._create_surroundings()
        for variant in self.variants:
            self._create_variant(variant)
        brain = decide.Controller(self.dialect.brains[settings.mode], max_replicas=MAX_REPLICAS, random=Random(seed))
        self.controllers = Controllers(
            self.world, settings.controller_namespace, self.dialect, settings.mode, brain, self.variants
        )
        register(self.deployments, self.controllers, self._controller_deployment())
        self.autoscaler = Autoscaler(self.world)
        self.faults = Faults(self.world, self.jobs, self.controllers)
        self.world.api.on_finalize_pod = self._finalize
        self.world.api.on_faults = self.faults.order
        self.world.step()

    async def run(self) -> None:
        """Let time pass until cancelled."""
        while True:
            self.world.step()
            await asyncio.sleep(TICK_S)

    def _finalize(self, pod: Json) -> bool:
        if self.jobs.leave(pod):
            return True
        key = self.deployments.owner_of(pod)
        if key is None:
            return False
        self.deployments.leave(pod, key)
        return True

    # Objects

    def _create_surroundings(self) -> None:
        store, settings = self.world.store, self.settings
        if not self.dialect.has_variants:
            store.remove("CustomResourceDefinition", None, KINDS["VariantAutoscaling"].resource)
        speed = f"{self.world.clock.speed:g}"
        for name in dict.fromkeys(("default", "kube-system", settings.namespace, settings.controller_namespace)):
            annotations = {SPEED: speed} if name == "kube-system" else {SIMULATED: "true"}
            store.create({"kind": "Namespace", "metadata": {"name": name, "annotations": annotations}})
        store.create(
            {
                "kind": "Node",
                "metadata": {"name": NODE, "annotations": {SIMULATED: "true"}},
                "status": {"capacity": {"nvidia.com/gpu": str(MAX_REPLICAS * settings.variants)}},
            }
        )
        for name, data in _config_maps(settings, self.dialect).items():
            metadata = {"name": name, "namespace": settings.controller_namespace}
            store.create({"kind": "ConfigMap", "metadata": metadata, "data": data})

    def _create_variant(self, variant: Variant) -> None:
        settings, store = self.settings, self.world.store
        container = {
            "name": "vllm",
            "image": "ghcr.io/llm-d/llm-d:v0.3.1",
            "args": ["--model", settings.model_name, "--max-num-seqs", "256"],
            "ports": [{"containerPort": 8000}],
            "resources": {"limits": {"nvidia.com/gpu": "1"}, "requests": {"nvidia.com/gpu": "1"}},
        }
        deployment = _deployment(settings.namespace, variant.deployment, 1, container, {"llm-d.ai/role": "decode"})
        self.deployments.manage(deployment, self._model_manners(), ready_at_once=True)
        if self.dialect.has_variants:
            store.create(_variant(variant, self.dialect))
        store.create(_scaler(variant, self.dialect))

    def _model_manners(self) -> Manners:
        fleet, random = self.world.fleet, self.world.random

        def start_up_s() -> float:
            return START_UP_S + random.uniform(-START_UP_SPREAD_S, START_UP_SPREAD_S)

        def on_leaving(pod: Json) -> float:
            fleet.remove_replica(pod["metadata"]["name"])
            return DRAIN_S

        return Manners(start_up_s, lambda pod: fleet.add_replica(pod["metadata"]["name"]), on_leaving)

    def _controller_deployment(self) -> Json:
        settings, dialect = self.settings, self.dialect
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


def _deployment(namespace: str, name: str, replicas: int, container: Json, labels: dict[str, str]) -> Json:
    labels = {"app.kubernetes.io/instance": _short(name), **labels}
    return {
        "kind": "Deployment",
        "metadata": {"name": name, "namespace": namespace, "labels": labels},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": {"containers": [container]}},
        },
    }


def _short(name: str) -> str:
    """A name that fits a label, still different from others that begin alike."""
    if len(name) <= LONGEST_LABEL:
        return name
    digest = hashlib.sha256(name.encode()).hexdigest()[:8]
    return f"{name[: LONGEST_LABEL - 9]}-{digest}"


def variants_of(settings: Settings) -> list[Variant]:
    """The variants of the model, each at its own cost; the first is the config's Deployment."""
    found = []
    for number in range(settings.variants):
        deployment = settings.deployment if number == 0 else f"{settings.deployment}-{number + 1}"
        name = deployment if DIALECTS[settings.dialect].has_variants else _scaler_name(deployment)
        cost = settings.cost * (1 + number / 2)
        found.append(Variant(settings.namespace, deployment, name, settings.model_name, settings.accelerator, cost))
    return found


def _scaler_name(deployment: str) -> str:
    return _short(f"{deployment}-hpa")


def _variant(variant: Variant, dialect: Dialect) -> Json:
    parameters = {
        "decodeParms": {"alpha": str(decide.ALPHA), "beta": str(decide.BETA)},
        "prefillParms": {"gamma": str(decide.GAMMA), "delta": str(decide.DELTA)},
    }
    accelerator = {"acc": variant.accelerator, "accCount": 1, "maxBatchSize": 512, "perfParms": parameters}
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


def _target(variant: Variant) -> Json:
    return {"apiVersion": "apps/v1", "kind": "Deployment", "name": variant.deployment}


def _scaler(variant: Variant, dialect: Dialect) -> Json:
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


def _config_maps(settings: Settings, dialect: Dialect) -> dict[str, dict[str, str]]:
    """The ConfigMaps of the release, by name."""
    return {dialect.main_config_map: _main_config(settings, dialect), **_ANALYSIS_CONFIGS[settings.dialect](settings)}


def _main_config(settings: Settings, dialect: Dialect) -> dict[str, str]:
    interval = {"GLOBAL_OPT_INTERVAL": INTERVAL}
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
        "scaleUpThreshold": decide.SCALE_UP_THRESHOLD,
        "scaleDownBoundary": decide.SCALE_DOWN_BOUNDARY,
    }
    return {"wva-saturation-scaling-config": {"default": _yaml(analysis)}}


_THRESHOLDS = {
    "kvCacheThreshold": decide.KV_THRESHOLD,
    "queueLengthThreshold": decide.QUEUE_THRESHOLD,
    "kvSpareTrigger": decide.KV_TRIGGER,
    "queueSpareTrigger": decide.QUEUE_TRIGGER,
}
_ANALYSIS_CONFIGS: dict[str, Callable[[Settings], dict[str, dict[str, str]]]] = {
    "D2": partial(_solver_configs, "capacity-scaling-config"),
    "D3": partial(_solver_configs, "saturation-scaling-config"),
    "D5": _queueing_configs,
    "D7": _analyzer_configs,
}


def _yaml(value: Json) -> str:
    return str(yaml.safe_dump(value, sort_keys=False))
