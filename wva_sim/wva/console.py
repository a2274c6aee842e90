"""The log of a WVA controller as its console encoder writes it: the families D5 (v0.7.0) and D7 (v0.9.0).

The message is constant and the values are JSON beside it. The controller runs with `--v=4`, which makes it say the
metrics of each pod. Neither family predicts anything.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime, timezone
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np

from wva_sim.wva import lines
from wva_sim.wva.findings import (
    SCALE_DOWN_BOUNDARY,
    SCALE_UP_THRESHOLD,
    Capacity,
    Decision,
    Demand,
    Demands,
    LoopRun,
    ModelRun,
    Observation,
    Solution,
)
from wva_sim.wva.lines import Klog

VERBOSITY = 4
_OPTIMIZER = "cost-aware"
_ROLE = "decode"
_PROMETHEUS = "https://prometheus.monitoring.svc.cluster.local:9090"


class Entry(NamedTuple):
    """One line without its time; `logger` is empty for those that have none."""

    level: str
    caller: str
    message: str
    values: Mapping[str, Any] = MappingProxyType({})
    logger: str = ""


class KlogError(Klog):
    """A line of a Kubernetes library that complains."""


def verbose(level: int) -> str:
    """The level of V(level), as the encoder writes it."""
    return "DEBUG" if level == 1 else f"LEVEL(-{level})"


def encode(entry: Entry | Klog, at: datetime) -> str:
    """The line as the container prints it, without its newline: columns between tabs, whole seconds."""
    if isinstance(entry, KlogError):
        return "E" + lines.encode(entry, at)[1:]
    if isinstance(entry, Klog):
        return lines.encode(entry, at)
    stamp = at.astimezone(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
    tail = [_json(entry.values)] if entry.values else []
    return "\t".join([stamp, entry.level, *filter(None, [entry.logger]), entry.caller, entry.message, *tail])


def _json(values: Mapping[str, Any]) -> str:
    """The outer object with blanks, what is nested in it without, as zap does."""
    return "{" + ", ".join(f"{json.dumps(key)}: {_value(value)}" for key, value in values.items()) + "}"


def _value(value: Any) -> str:
    if isinstance(value, float):
        return str(np.format_float_positional(value, unique=True, trim="-"))
    if isinstance(value, dict):
        return "{" + ",".join(f"{json.dumps(key)}:{_value(each)}" for key, each in value.items()) + "}"
    if isinstance(value, (list, tuple)):
        return "[" + ",".join(map(_value, value)) + "]"
    return json.dumps(value, ensure_ascii=False)


# --- start of the process


def starting() -> tuple[Entry, ...]:
    """From the first line to the wait for the lease."""
    prometheus = {"address": _PROMETHEUS, "tlsEnabled": True, "allowHTTP": False}
    return (
        _setup(159, "Logger initialized"),
        Entry("INFO", "config/loader.go:87", "Configuration loaded successfully"),
        _setup(174, "Configuration loaded successfully"),
        _setup(381, "Setting up indexes"),
        _setup(386, "Indexes setup completed"),
        _setup(389, "Creating metrics emitter instance"),
        _setup(392, "Metrics emitter created successfully"),
        Entry("INFO", "config/config.go:525", "Updated global saturation config", {"oldEntries": 0, "newEntries": 1}),
        _setup(411, "Initial ConfigMap bootstrap completed"),
        _setup(433, "Initializing Prometheus client", prometheus),
        Entry("INFO", "prometheus/api.go:51", "Prometheus API validation successful with query", {"query": "up"}),
        _setup(459, "Prometheus client and API wrapper initialized and validated successfully"),
        _setup(682, "Starting manager"),
        _setup(692, "Registering custom metrics with Prometheus registry"),
        Entry("INFO", "server/server.go:208", "Starting metrics server", logger="controller-runtime.metrics"),
        Entry("INFO", "manager/server.go:83", "starting server", {"name": "health probe", "addr": "[::]:8081"}),
    )


def _setup(line: int, message: str, values: Mapping[str, Any] = MappingProxyType({})) -> Entry:
    return Entry("INFO", f"cmd/main.go:{line}", message, values, "setup")


class Controlled(NamedTuple):
    """What controller-runtime says of a controller, and the type that it watches."""

    controller: str
    group: str
    kind: str
    source: str

    @property
    def named(self) -> dict[str, str]:
        """Its keys."""
        return {"controller": self.controller, "controllerGroup": self.group, "controllerKind": self.kind}


VARIANTS = (Controlled("variantautoscaling", "llmd.ai", "VariantAutoscaling", "*v1alpha1.VariantAutoscaling"),)
SCALERS = (
    Controlled("hpa", "autoscaling", "HorizontalPodAutoscaler", "*v2.HorizontalPodAutoscaler"),
    Controlled("scaledobject", "keda.sh", "ScaledObject", "*v1alpha1.ScaledObject"),
    Controlled("configmap", "", "ConfigMap", "*v1.ConfigMap"),
)


def leading(controllers: Sequence[Controlled], namespace: str, holder: str) -> tuple[Entry | Klog, ...]:
    """From the lease to the first loop run."""
    lease = {"kind": "Lease", "namespace": namespace, "name": lines.LEASE}
    elected = {"type": "Normal", "object": lease, "reason": "LeaderElection"}
    runtime = "controller/controller.go:"
    serving = {"bindAddress": ":8443", "secure": True}
    return (
        Klog("leaderelection.go:271", f"successfully acquired lease {namespace}/{lines.LEASE}"),
        Entry(verbose(1), "recorder/recorder.go:104", f"{holder} became leader", elected, "events"),
        _setup(464, "Initializing metrics source registry"),
        *(
            Entry(
                "INFO", f"{runtime}353", "Starting EventSource", {**each.named, "source": f"kind source: {each.source}"}
            )
            for each in controllers
        ),
        Entry("INFO", "server/server.go:247", "Serving metrics server", serving, "controller-runtime.metrics"),
        *(Entry("INFO", f"{runtime}286", "Starting Controller", each.named) for each in controllers),
        *(
            Entry("INFO", f"{runtime}289", "Starting workers", {**each.named, "worker count": 1})
            for each in controllers
        ),
    )


# --- a loop run


def tell_d5(run: LoopRun, requested: Observation | None = None) -> list[Entry]:
    """One loop run of v0.7.0: saturation V1, or the queueing model. Its `mode` says saturation-only whichever it is."""
    entries = [_grouped(run)]
    for each in run.models:
        if isinstance(each.analysis, Capacity):
            entries += _saturation_v1(each, each.analysis)
        elif isinstance(each.analysis, Solution):
            entries += _queueing_model(each, each.analysis)
    if any(isinstance(each.analysis, Solution) for each in run.models):
        entries.append(_optimized("Queueing model optimizer produced decisions", run))
    entries += _applied(run, _reason_d5)
    entries.append(_completed("saturation-only", run))
    for each in run.models:
        for decision in each.decisions:
            entries += _reconciled(each, decision)
    return entries


def tell_d7(run: LoopRun, requested: Observation | None = None) -> list[Entry | Klog]:
    """One loop run of v0.9.0: saturation V2 and the throughput analyzer."""
    entries: list[Entry | Klog] = [_grouped(run)]
    for each in run.models:
        entries += [_processing("V2", each), *_pods(each, with_instance=True)]
        if isinstance(each.analysis, Demands):
            entries += [_analyzer_result(each, analyzer) for analyzer in each.analysis.analyzers]
    for each in run.models:
        decisions = [
            {"name": one.variant, "curr": one.current, "tgt": one.target, "action": one.action}
            for one in each.decisions
        ]
        named = {"modelID": each.model, "namespace": each.namespace}
        entries.append(_engine("scaling-decision", {**named, "decisions": decisions}))
    entries.append(_optimized("V2 optimizer produced decisions", run))
    for entry in _applied(run, _reason_d7):
        entries.append(entry)
        if entry.message == "EmitReplicaMetrics completed":
            entries += _unreported(entry.values)
    entries.append(_completed("saturation", run))
    return entries


def nothing_to_do() -> Entry:
    return _engine("No active VariantAutoscalings found, skipping optimization")


def gave_up() -> Entry:
    """The last line of a process that lost its lease."""
    return Entry("ERROR", "cmd/main.go:699", "problem running manager", {"error": "leader election lost"}, "setup")


# Where the lines of the engine come from; the line numbers are those of v0.9.0.
_CALLERS = {
    "Grouped VAs by model": "saturation/engine.go:490",
    "Optimization completed successfully": "saturation/engine.go:585",
    "Processing model (V1)": "saturation/engine.go:721",
    "Processing model (V2)": "saturation/engine.go:1019",
    "analyzer-result": "saturation/engine_v2.go:695",
    "scaling-decision": "saturation/engine_v2.go:744",
    "V2 optimizer produced decisions": "saturation/engine.go:1077",
    "Applying scaling decisions": "saturation/engine.go:578",
    "Processing decision for VA": "saturation/engine.go:1621",
    "EmitReplicaMetrics completed": "actuator/actuator.go:89",
    "Successfully emitted metrics": "saturation/engine.go:1830",
    "Applied saturation decision via shared cache": "saturation/engine.go:1871",
    "Saturation analysis completed": "saturation/engine.go:876",
    "Reconciling VariantAutoscaling": "controller/variantautoscaling_controller.go:96",
    "Applying scaling decision from cache": "controller/variantautoscaling_controller.go:171",
}


def _engine(message: str, values: Mapping[str, Any] = MappingProxyType({}), level: str = "INFO") -> Entry:
    return Entry(level, _CALLERS.get(message, "saturation/engine.go:500"), message, values)


def _grouped(run: LoopRun) -> Entry:
    return _engine("Grouped VAs by model", {"modelCount": len(run.models), "totalVAs": len(run.variants)})


def _processing(analysis: str, run: ModelRun) -> Entry:
    named = {"modelID": run.model, "namespace": run.namespace, "variantCount": len(run.variants)}
    return _engine(f"Processing model ({analysis})", {**named, "groupKey": f"{run.model}|{run.namespace}"})


def _completed(mode: str, run: LoopRun) -> Entry:
    counts = {"modelsProcessed": len(run.models), "decisionsApplied": len(run.decisions)}
    return _engine("Optimization completed successfully", {"mode": mode, **counts})


def _optimized(message: str, run: LoopRun) -> Entry:
    counts = {"decisionCount": len(run.decisions), "modelCount": len(run.models)}
    return _engine(message, {"optimizer": _OPTIMIZER, **counts})


def _unreported(emitted: Mapping[str, Any]) -> Iterator[Klog]:
    """The complaint that comes with each change, since there are no objects of that kind any more."""
    current, target = emitted["currentReplicas"], emitted["desiredReplicas"]
    if current != target:
        status = {"desiredOptimizedAlloc": {"accelerator": emitted["accelerator"], "numReplicas": target}}
        about = json.dumps({"metadata": {"name": emitted["variantName"]}, "status": status}, separators=(",", ":"))
        yield KlogError(
            "event.go:442",
            '"Could not construct reference, will not report event" err="no kind is registered for the type '
            'variant.VariantAutoscaling in scheme \\"pkg/runtime/scheme.go:110\\"" '
            f'object={about} eventType="Normal" reason="{"ScaledUp" if target > current else "ScaledDown"}" '
            f'message="V2 (optimizer: {_OPTIMIZER})"',
        )


# Metrics


def _pods(run: ModelRun, with_instance: bool) -> Iterator[Entry]:
    """Each pod's metrics; latencies in s, rates per s. The load of the model is spread evenly."""
    for number, pod in enumerate(run.pods):
        named = {"instanceKey": f"{pod.name}|10.244.0.{number + 10}:8000"} if with_instance else {}
        named["pod"] = pod.name
        seen = run.variants[0]
        rate_per_s = seen.arrival_rate_per_min / 60 / len(run.pods)
        for line, message, values in (
            (550, "KV cache metric", {"usage": pod.kv_usage, "usagePercent": 100 * pod.kv_usage}),
            (579, "Queue metric", {"queueLength": pod.queue_length}),
            (809, "Avg TTFT metric", {"avgTTFTSeconds": seen.ttft_ms / 1000}),
            (837, "Avg ITL metric", {"avgITLSeconds": seen.itl_ms / 1000}),
            (871, "Scheduler dispatch rate metric", {"arrivalRate": rate_per_s}),
        ):
            yield Entry(verbose(VERBOSITY), f"collector/replica_metrics.go:{line}", message, {**named, **values})


# Analysis


def _saturation_v1(run: ModelRun, capacity: Capacity) -> Iterator[Entry]:
    yield _processing("V1", run)
    yield from _pods(run, with_instance=False)
    reason = lines.scale_up_reason("Saturation", capacity.spare_kv, capacity.spare_queue)
    yield _engine(
        "Saturation analysis completed",
        {
            "modelID": run.model,
            "totalReplicas": capacity.replicas,
            "nonSaturated": capacity.non_saturated,
            "avgSpareKv": capacity.spare_kv,
            "avgSpareQueue": capacity.spare_queue,
            "shouldScaleUp": capacity.is_short,
            "scaleUpReason": reason,
            "scaleDownSafe": capacity.is_safe,
        },
    )
    for change in capacity.changes:
        seen = change.seen
        values = {
            "variant": seen.variant,
            "currentReplicas": seen.replicas,
            "readyReplicas": seen.ready_replicas,
        }
        if change.kind == "preserved":
            yield _target("Preserving desired replicas", {**values, "desired": change.target}, VERBOSITY)
            continue
        values = {"variant": seen.variant, "cost": seen.cost, **values, "baseTarget": seen.replicas}
        why = {"reason": reason} if change.kind == "scale-up" else {}
        message = f"Saturation target: {lines.TARGETS[change.kind]}"
        yield _target(message, {**values, "target": change.target, **why}, 3)
    if not capacity.changes:
        spare = {"avgSpareKv": capacity.spare_kv, "avgSpareQueue": capacity.spare_queue}
        yield _target("Saturation targets: no scaling needed", spare, VERBOSITY)
    targets = {decision.variant: decision.target for decision in run.decisions}
    yield _target("Saturation targets calculated", {"modelID": run.model, "targets": targets}, VERBOSITY)
    made = {"modelID": run.model, "decisionCount": len(run.decisions)}
    yield _engine("Saturation-only decisions made for model", made)


def _target(message: str, values: Mapping[str, Any], verbosity: int) -> Entry:
    return Entry(verbose(verbosity), "saturation/analyzer.go:300", message, values)


def _queueing_model(run: ModelRun, solution: Solution) -> Iterator[Entry]:
    """Requests per second that come against those that the replicas take within the SLO."""
    yield _processing("queueing-model", run)
    yield from _pods(run, with_instance=False)
    demand = _rate_demand(run, solution)
    values = {
        "modelID": run.model,
        "totalSupply": demand.supply,
        "totalDemand": demand.demand,
        "utilization": demand.utilisation,
        "requiredCapacity": demand.required,
        "spareCapacity": demand.spare,
    }
    yield _engine("Queueing model analysis completed", values)


def _rate_demand(run: ModelRun, solution: Solution) -> Demand:
    best = {each.variant: each.max_rate_per_min / 60 for each in solution.allocations}
    ready = sum(seen.ready_replicas * best[seen.variant] for seen in run.variants)
    wanted = sum(seen.replicas * best[seen.variant] for seen in run.variants)
    seen = run.variants[0]
    return Demand("queueing-model", seen.arrival_rate_per_min / 60, ready, wanted, best[seen.variant], "")


def _analyzer_result(run: ModelRun, found: Demand) -> Entry:
    variants = [
        {"name": seen.variant, "prc": found.per_replica, "role": _ROLE, "reason": found.reason} for seen in run.variants
    ]
    return _engine(
        "analyzer-result",
        {
            "modelID": run.model,
            "namespace": run.namespace,
            "analyzer": found.analyzer,
            "supply": found.supply,
            "demand": found.demand,
            "util": found.utilisation,
            "rc": found.required,
            "sc": found.spare,
            "scaleUpThreshold": SCALE_UP_THRESHOLD,
            "scaleDownBoundary": SCALE_DOWN_BOUNDARY,
            "variants": variants,
        },
    )


# Decisions


def _reason_d5(run: ModelRun, decision: Decision) -> str:
    if not isinstance(run.analysis, Solution):
        return f"saturation-only mode: {decision.action}"
    if decision.action == "no-change":
        return "V2 steady state"
    demand = _rate_demand(run, run.analysis)
    amount = f"required: {demand.required:.0f}" if decision.action == "scale-up" else f"spare: {demand.spare:.0f}"
    return f"V2 {decision.action} (optimizer: {_OPTIMIZER}, {amount})"


def _reason_d7(run: ModelRun, decision: Decision) -> str:
    return "V2" if decision.action == "no-change" else f"V2 (optimizer: {_OPTIMIZER})"


def _applied(run: LoopRun, reason: Callable[[ModelRun, Decision], str]) -> Iterator[Entry]:
    """From the decisions to their application."""
    yield _engine("Applying scaling decisions", {"totalDecisions": len(run.decisions)})
    for each in run.models:
        for seen, decision in zip(each.variants, each.decisions, strict=True):
            variant, full = decision.variant, f"{decision.namespace}/{decision.variant}"
            replicas = {"currentReplicas": decision.current, "desiredReplicas": decision.target}
            values = {"variant": full, "action": decision.action, "current": decision.current}
            yield _engine("Processing decision for VA", {**values, "target": decision.target})
            emitted = {"variantName": variant, **replicas, "accelerator": seen.accelerator}
            yield _engine("EmitReplicaMetrics completed", emitted)
            emitted = {"variant": variant, "target": decision.target, "accelerator": seen.accelerator}
            yield _engine("Successfully emitted metrics", emitted)
            values = {"variant": full, "namespace": decision.namespace, "action": decision.action}
            values |= {"target": decision.target, "reason": reason(each, decision)}
            yield _engine("Applied saturation decision via shared cache", values)


def _reconciled(run: ModelRun, decision: Decision) -> Iterator[Entry]:
    """What the reconciler says, in a goroutine of its own."""
    (context,) = (each.named for each in VARIANTS)
    named = {"name": decision.variant, "namespace": decision.namespace}
    yield _engine("Reconciling VariantAutoscaling", {**context, **named, "modelID": run.model})
    cached = {"va": decision.variant, "namespace": decision.namespace, "desiredReplicas": decision.target}
    metrics = {"metricsAvailable": True, "metricsReason": "MetricsFound", "metricsMessage": ""}
    yield _engine("Applying scaling decision from cache", {**context, **cached, **metrics, "reason": decision.action})
