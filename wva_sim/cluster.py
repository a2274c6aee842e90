"""The whole embedded cluster, made from an experiment's config."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import yaml

from wva_sim import wva
from wva_sim.clock import SimClock
from wva_sim.controller import Controllers, Variant, register
from wva_sim.deployments import Deployments, Manners
from wva_sim.faults import Faults
from wva_sim.hpa import Autoscaler
from wva_sim.pods import NODE
from wva_sim.vllm import DRAIN_S
from wva_sim.workloads import Jobs
from wva_sim.world import Json, World

TICK_S = 0.02  # real time between two looks at what is due
SIMULATED = "wva-experiments/simulated"
SPEED = "wva-experiments/embedded-speed"
MODES = {"model-based": "model-only", "capacity-based": "off"}
CONFIG_MAP = "workload-variant-autoscaler-variantautoscaling-config"
START_UP_S, START_UP_SPREAD_S = 100.0, 10.0  # of a vLLM server: 100 to 139 s were measured on H100 nodes
MAX_REPLICAS = 10


class SettingsError(ValueError):
    """A config that the cluster cannot be made from."""


@dataclass(frozen=True)
class Settings:
    """What the cluster holds; the keys of an experiment's config."""

    mode: str = "model-based"
    namespace: str = "llm-d-autoscaler"
    controller_namespace: str = "workload-variant-autoscaler-system"
    controller_pod_prefix: str = "workload-variant-autoscaler-controller-manager"
    deployment: str = "ms-inference-scheduling-llm-d-modelservice-decode"
    model_name: str = "unsloth/Meta-Llama-3.1-8B"
    accelerator: str = "H100"
    cost: float = 10.0


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
    known = {key: str(data[key]) for key in Settings.__dataclass_fields__ if key in data}
    settings = replace(Settings(), **known)  # type: ignore[arg-type]
    if settings.mode not in MODES:
        raise SettingsError(f"{path}: mode: saw '{settings.mode}', expected one of {', '.join(MODES)}")
    return settings


class Cluster:
    """A world with everything in it; `run` lets time pass."""

    def __init__(self, clock: SimClock, settings: Settings, seed: int, journal: Path | None = None) -> None:
        self.settings = settings
        self.world = World(clock, seed, journal)
        self.jobs = Jobs(self.world)
        self.deployments = Deployments(self.world)
        self._create_surroundings()
        self._create_model()
        brain = wva.Controller(settings.mode, max_replicas=MAX_REPLICAS)
        variant = Variant(
            settings.namespace, settings.deployment, settings.model_name, settings.accelerator, settings.cost
        )
        self.controllers = Controllers(self.world, settings.controller_namespace, brain, [variant])
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
        speed = f"{self.world.clock.speed:g}"
        for name in dict.fromkeys(("default", "kube-system", settings.namespace, settings.controller_namespace)):
            annotations = {SPEED: speed} if name == "kube-system" else {SIMULATED: "true"}
            store.create({"kind": "Namespace", "metadata": {"name": name, "annotations": annotations}})
        store.create(
            {
                "kind": "Node",
                "metadata": {"name": NODE, "annotations": {SIMULATED: "true"}},
                "status": {"capacity": {"nvidia.com/gpu": str(MAX_REPLICAS)}},
            }
        )
        for name, data in _config_maps(settings).items():
            metadata = {"name": name, "namespace": settings.controller_namespace}
            store.create({"kind": "ConfigMap", "metadata": metadata, "data": data})

    def _create_model(self) -> None:
        settings, store = self.settings, self.world.store
        container = {
            "name": "vllm",
            "image": "ghcr.io/llm-d/llm-d:v0.3.1",
            "args": ["--model", settings.model_name, "--max-num-seqs", "256"],
            "ports": [{"containerPort": 8000}],
            "resources": {"limits": {"nvidia.com/gpu": "1"}, "requests": {"nvidia.com/gpu": "1"}},
        }
        deployment = _deployment(settings.namespace, settings.deployment, 1, container, {"llm-d.ai/role": "decode"})
        self.deployments.manage(deployment, self._model_manners(), ready_at_once=True)
        store.create(_variant(settings))
        store.create(_scaler(settings))

    def _model_manners(self) -> Manners:
        fleet, random = self.world.fleet, self.world.random

        def start_up_s() -> float:
            return START_UP_S + random.uniform(-START_UP_SPREAD_S, START_UP_SPREAD_S)

        def on_leaving(pod: Json) -> float:
            fleet.remove_replica(pod["metadata"]["name"])
            return DRAIN_S

        return Manners(start_up_s, lambda pod: fleet.add_replica(pod["metadata"]["name"]), on_leaving)

    def _controller_deployment(self) -> Json:
        settings = self.settings
        container = {
            "name": "manager",
            "image": "ghcr.io/llm-d/workload-variant-autoscaler:v0.4.1",
            "command": ["/manager"],
            "args": ["--leader-elect", "--health-probe-bind-address=:8081"],
            "env": [
                {"name": "LOG_LEVEL", "value": "debug"},
                {
                    "name": "EXPERIMENTAL_HYBRID_OPTIMIZATION",
                    "valueFrom": {"configMapKeyRef": {"name": CONFIG_MAP, "key": "EXPERIMENTAL_HYBRID_OPTIMIZATION"}},
                },
            ],
        }
        labels = {"control-plane": "controller-manager", "app.kubernetes.io/name": "workload-variant-autoscaler"}
        return _deployment(settings.controller_namespace, settings.controller_pod_prefix, 2, container, labels)


def _deployment(namespace: str, name: str, replicas: int, container: Json, labels: dict[str, str]) -> Json:
    labels = {"app.kubernetes.io/instance": name[:63], **labels}
    return {
        "kind": "Deployment",
        "metadata": {"name": name, "namespace": namespace, "labels": labels},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": {"containers": [container]}},
        },
    }


def _variant(settings: Settings) -> Json:
    parameters = {
        "decodeParms": {"alpha": str(wva.ALPHA), "beta": str(wva.BETA)},
        "prefillParms": {"gamma": str(wva.GAMMA), "delta": str(wva.DELTA)},
    }
    accelerator = {"acc": settings.accelerator, "accCount": 1, "maxBatchSize": 512, "perfParms": parameters}
    return {
        "kind": "VariantAutoscaling",
        "metadata": {
            "name": settings.deployment,
            "namespace": settings.namespace,
            "labels": {"inference.optimization/acceleratorName": settings.accelerator},
        },
        "spec": {
            "modelID": settings.model_name,
            "sloClassRef": {"name": "service-classes-config", "key": "premium.yaml"},
            "modelProfile": {"accelerators": [accelerator]},
        },
    }


def _scaler(settings: Settings) -> Json:
    selector = {"matchLabels": {"variant_name": settings.deployment}}
    return {
        "kind": "HorizontalPodAutoscaler",
        "metadata": {"name": f"{settings.deployment}-hpa"[:63], "namespace": settings.namespace},
        "spec": {
            "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": settings.deployment},
            "minReplicas": 1,
            "maxReplicas": MAX_REPLICAS,
            "metrics": [
                {
                    "type": "External",
                    "external": {
                        "metric": {"name": "inferno_desired_replicas", "selector": selector},
                        "target": {"type": "AverageValue", "averageValue": "1"},
                    },
                }
            ],
        },
    }


def _config_maps(settings: Settings) -> dict[str, dict[str, str]]:
    classes = {
        "name": "Premium",
        "priority": 1,
        "data": [{"model": settings.model_name, "slo-tpot": 10, "slo-ttft": 1000}],
    }
    thresholds = {
        "kvCacheThreshold": wva.KV_THRESHOLD,
        "queueLengthThreshold": wva.QUEUE_THRESHOLD,
        "kvSpareTrigger": wva.KV_TRIGGER,
        "queueSpareTrigger": wva.QUEUE_TRIGGER,
    }
    return {
        CONFIG_MAP: {
            "GLOBAL_OPT_INTERVAL": "30s",
            "GLOBAL_OPT_TRIGGER": "false",
            "EXPERIMENTAL_HYBRID_OPTIMIZATION": MODES[settings.mode],
        },
        "capacity-scaling-config": {"default": yaml.safe_dump(thresholds, sort_keys=False)},
        "service-classes-config": {"premium.yaml": yaml.safe_dump(classes, sort_keys=False)},
        "accelerator-unit-costs": {settings.accelerator: '{"device": "NVIDIA-H100-80GB-HBM3", "cost": "10.00"}'},
    }
