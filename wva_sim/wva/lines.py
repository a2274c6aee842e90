"""The log lines of a WVA controller as JSON texts: the families D2 (v0.4.1) and D3 (the builds of December 2025), both
with the observations of the research fork. They differ in `Words`.

One function per line, named after what it says; each gives the words to the letter, including the slips of the real
program (a bad verb at the end of `Scale-down unsafe`, texts glued together, blanks before line ends).
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from datetime import datetime, timezone
from functools import partial
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np

from wva_parse.optimizer.saturation import LEAST_TO_SCALE_DOWN
from wva_sim.wva.findings import KV_TRIGGER, QUEUE_TRIGGER, Allocation

LEASE = "72dd1cf1.llm-d.ai"
_CONTROLLER = {
    "controller": "variantAutoscaling",
    "controllerGroup": "llmd.ai",
    "controllerKind": "VariantAutoscaling",
}
_PROMETHEUS = "https://prometheus.monitoring.svc.cluster.local:9090"


class Record(NamedTuple):
    """One JSON line without its time. Lower-case levels are those of controller-runtime, which logs whole seconds."""

    level: str
    message: str
    extra: Mapping[str, Any] = MappingProxyType({})


class Words(NamedTuple):
    """What one family calls the same things, in its own mixture of cases."""

    opening: str  # at the beginning of a message
    noun: str  # within one
    operating: str  # the mode without the optimizer
    accelerator_set: str
    says_more: bool  # the request that a loop run answers, and targets before they change
    tells_ready: bool  # of observed replicas: those that serve, not those that are wanted

    @property
    def mode(self) -> str:
        """The mode at the end of a loop run."""
        return f"{self.opening.lower()}-only"


D2 = Words(
    "Capacity",
    "capacity",
    "CAPACITY-ONLY",
    "Setting accelerator name Name {accelerator}allocationData {allocation}",
    says_more=False,
    tells_ready=False,
)
D3 = Words(
    "saturation",
    "Saturation",
    "saturation-only",
    "Setting accelerator name: Name={accelerator}, allocationData={allocation}",
    says_more=True,
    tells_ready=True,
)


class Klog(NamedTuple):
    """A line of a Kubernetes library, in its own format: no JSON, no year."""

    source: str
    message: str


def encode(record: Record | Klog, at: datetime) -> str:
    """The line as the container prints it, without its newline."""
    at = at.astimezone(timezone.utc)
    if isinstance(record, Klog):
        return f"I{at:%m%d %H:%M:%S.%f}       1 {record.source}] {record.message}"
    own = record.level.isupper()
    stamp = at.isoformat(timespec="milliseconds" if own else "seconds").replace("+00:00", "Z")
    extra = dict(record.extra)
    logger = {"logger": extra.pop("logger")} if "logger" in extra else {}
    line = {"level": record.level, "ts": stamp, **logger, "msg": record.message, **extra}
    return json.dumps(line, ensure_ascii=False, separators=(",", ":"))


def go_float(value: float) -> str:
    """A 32-bit float as Go's %v prints it: the fewest digits that tell it from its neighbours."""
    single = np.float32(value)
    if not np.isfinite(single):
        return "NaN" if np.isnan(single) else "+Inf" if single > 0 else "-Inf"
    is_plain = single == 0 or 1e-4 <= abs(single) < 1e6
    write = np.format_float_positional if is_plain else partial(np.format_float_scientific, exp_digits=2)
    return str(write(single, unique=True, trim="-"))


def go_bool(value: bool) -> str:
    return "true" if value else "false"


def go_map(entries: Mapping[str, int]) -> str:
    """A map as Go's %v prints it: sorted keys, single blanks."""
    return f"map[{' '.join(f'{key}:{entries[key]}' for key in sorted(entries))}]"


# --- start of the process


def starting() -> tuple[Record | Klog, ...]:
    """From the first line to the wait for the lease."""
    own = [
        "Zap logger initialized",
        "Creating metrics emitter instance",
        "Metrics emitter created successfully",
        f"Using Prometheus configuration from environment variables: address={_PROMETHEUS}",
        f"Initializing Prometheus client -> address: {_PROMETHEUS}, tls_enabled: true",
        "CA certificate loaded successfullypath/etc/ssl/certs/prometheus-ca.crt",
        "TLS configuration applied to Prometheus HTTPS transport",
        "Bearer token loaded from filepath/var/run/secrets/kubernetes.io/serviceaccount/token",
        "Prometheus API validation successful with queryqueryup",
        "Prometheus client and API wrapper initialized and validated successfully",
        "Starting manager",
        "Registering custom metrics with Prometheus registry",
    ]
    return (
        *(Record("INFO", message) for message in own),
        Record("info", "Starting metrics server", {"logger": "controller-runtime.metrics"}),
        Record("INFO", "disabling http/2"),
        Record("info", "starting server", {"name": "health probe", "addr": "[::]:8081"}),
    )


def waiting_for_lease(namespace: str) -> Klog:
    return Klog("leaderelection.go:257", f"attempting to acquire leader lease {namespace}/{LEASE}...")


def leading(namespace: str) -> tuple[Record | Klog, ...]:
    """From the lease to the first loop run."""
    sources = ("*v1.ServiceMonitor", "*v1alpha1.VariantAutoscaling", "*v1.ConfigMap")
    metrics = {"logger": "controller-runtime.metrics", "bindAddress": ":8443", "secure": True}
    return (
        Klog("leaderelection.go:271", f"successfully acquired lease {namespace}/{LEASE}"),
        *(
            Record("info", "Starting EventSource", {**_CONTROLLER, "source": f"kind source: {kind}"})
            for kind in sources
        ),
        Record("info", "Serving metrics server", metrics),
        Record("info", "Starting Controller", _CONTROLLER),
        Record("info", "Starting workers", {**_CONTROLLER, "worker count": 1}),
    )


# --- a loop run


def reconciling(variant: str, namespace: str, model: str) -> Record:
    """The request that a loop run answers; D3 only."""
    return Record("INFO", f"Reconciling VariantAutoscaling: name={variant}, namespace={namespace}, modelID={model}")


def config_loaded(words: Words) -> tuple[Record, ...]:
    return (
        Record("INFO", f"{words.opening} scaling config cache updated: entries=1, has_default=true"),
        Record("INFO", f"{words.opening} scaling configuration loaded successfully"),
    )


def operating(words: Words, is_model_only: bool) -> Record:
    reactive = f"{words.operating} mode: reactive {words.opening.lower()}-based scaling only"
    mode = "MODEL-ONLY mode: model-based optimization only" if is_model_only else reactive
    return Record("INFO", f"Operating in {mode}")


def grouped(models: int, variants: int) -> Record:
    return Record("INFO", f"Grouped VAs by model: modelCount={models}, totalVAs={variants}")


def processing_model(model: str, variants: int) -> Record:
    return Record("INFO", f"Processing model: modelID={model}, variantCount={variants}")


def replica_mismatch(namespace: str, model: str, spec: int, reporting: int) -> Record:
    return Record(
        "DEBUG", f"Replica count mismatch for {namespace}/{model}: spec={spec}, reporting_metrics={reporting}"
    )


def observed(
    variant: str, replicas: int, accelerator: str, ttft_ms: float, itl_ms: float, cost: float, rate_per_min: float
) -> Record:
    """What capacity-only mode says of a variant."""
    return Record(
        "INFO", _observed(variant, replicas, accelerator, ttft_ms, itl_ms, cost, f"arrivalRate={rate_per_min:.2f}")
    )


def observed_with_load(
    variant: str,
    replicas: int,
    accelerator: str,
    ttft_ms: float,
    itl_ms: float,
    cost: float,
    rate_per_min: float,
    max_batch: int,
    input_tokens: float,
    output_tokens: float,
) -> Record:
    """What model-only mode says of a variant."""
    load = (
        f"maxBatch={max_batch}, arrivalRate={rate_per_min:.2f}, avgInputTokens={input_tokens:.2f}, "
        f"avgOutputTokens={output_tokens:.2f}"
    )
    return Record("DEBUG", _observed(variant, replicas, accelerator, ttft_ms, itl_ms, cost, load))


def _observed(
    variant: str, replicas: int, accelerator: str, ttft_ms: float, itl_ms: float, cost: float, load: str
) -> str:
    return (
        f"Metrics collected for VA: variant={variant}, replicas={replicas}, accelerator={accelerator}, "
        f"ttft={ttft_ms:.2f}ms, itl={itl_ms:.2f}ms, cost={cost:.2f}, {load}"
    )


def kv_usage(pod: str, usage: float) -> Record:
    return Record("INFO", f"KV cache metric: pod={pod}, usage={usage:.3f} ({100 * usage:.1f}%)")


def kv_collected(model: str, namespace: str, pods: int) -> Record:
    return Record(
        "DEBUG", f"KV cache metrics collected (max over 1m): modelID={model}, namespace={namespace}, podCount={pods}"
    )


def queue_length(pod: str, length: int) -> Record:
    return Record("INFO", f"Queue metric: pod={pod}, queueLength={length}")


def queue_collected(model: str, namespace: str, pods: int) -> Record:
    return Record(
        "DEBUG", f"Queue metrics collected (max over 1m): modelID={model}, namespace={namespace}, podCount={pods}"
    )


def pods_matched(pods: int, by_variant: Mapping[str, int]) -> Record:
    return Record("DEBUG", f"Pod-to-variant matching successful: totalPods={pods}, variantCounts={go_map(by_variant)}")


def replicas_collected(model: str, namespace: str, replicas: int) -> Record:
    return Record(
        "DEBUG", f"Collected replica metrics: modelID={model}, namespace={namespace}, replicaCount={replicas}"
    )


# --- capacity analysis


def capacity_collected(words: Words, model: str, namespace: str, metrics: int) -> Record:
    return Record(
        "DEBUG", f"Collected {words.noun} metrics: modelID={model}, namespace={namespace}, metricsCount={metrics}"
    )


def variant_analysed(variant: str, accelerator: str, cost: float, replicas: int) -> Record:
    return Record(
        "DEBUG",
        f"Variant analysis initialized: variant={variant}, accelerator={accelerator}, cost={cost:.2f}, "
        f"replicaCount={replicas}",
    )


def scale_down_unsafe(non_saturated: int, redistributed: tuple[float, float] | None) -> Record:
    """Why no replica can be taken away; with the number of verbs that the program gives, one too few."""
    if redistributed is None:
        counts = f"nonSaturated={non_saturated}, required={LEAST_TO_SCALE_DOWN}"
        return Record("DEBUG", f"Scale-down unsafe: insufficient non-saturated replicas: {counts}")
    kv, queue = redistributed
    return Record(
        "DEBUG",
        "Scale-down unsafe: insufficient headroom after redistribution: "
        f"remainingSpareKv={kv:.3f}, kvTrigger={KV_TRIGGER:.3f}, kvSafe={go_bool(kv >= KV_TRIGGER)}, "
        f"remainingSpareQueue={queue:.1f}, queueTrigger={QUEUE_TRIGGER:.1f}"
        f"%!(EXTRA bool={go_bool(queue >= QUEUE_TRIGGER)})",
    )


def analysed(
    words: Words,
    model: str,
    namespace: str,
    total: int,
    non_saturated: int,
    spare_kv: float,
    spare_queue: float,
    scale_up: bool,
    scale_down_safe: bool,
) -> tuple[Record, Record]:
    counts = f"totalReplicas={total}, nonSaturated={non_saturated}"
    flags = f"shouldScaleUp={go_bool(scale_up)}, scaleDownSafe={go_bool(scale_down_safe)}"
    spare = f"avgSpareKv={spare_kv:.3f}, avgSpareQueue={spare_queue:.1f}"
    begin = f"{words.opening} analysis completed: modelID={model}"
    return (
        Record("DEBUG", f"{begin}, namespace={namespace}, {counts}, {spare}, {flags}"),
        Record("INFO", f"{begin}, {counts}, {flags}"),
    )


def scale_up_reason(noun: str, spare_kv: float, spare_queue: float) -> str:
    """Why replicas are added; empty if they need not be."""
    kv = f"{spare_kv:.3f} < {KV_TRIGGER:.3f}" if spare_kv < KV_TRIGGER else ""
    queue = f"{spare_queue:.1f} < {QUEUE_TRIGGER:.1f}" if spare_queue < QUEUE_TRIGGER else ""
    if kv and queue:
        return f"both KV spare ({kv}) and queue spare ({queue})"
    if kv:
        return f"KV spare {noun} low ({kv})"
    return f"queue spare {noun} low ({queue})" if queue else ""


def target_initialized(variant: str, count: int) -> Record:
    """What a target is before anything changes it; D3 only."""
    return Record("DEBUG", f"Target initialized to metrics count: variant={variant}, count={count}")


TARGETS = {"scale-up": "scale-up cheapest variant", "scale-down": "scale-down most expensive variant"}


def new_target(
    words: Words, action: str, variant: str, cost: float, current: int, ready: int, target: int, reason: str
) -> Record:
    """A target that is to change; a reason is given for more replicas only."""
    base = f"baseTarget={current}, " if words.says_more else ""
    why = f", reason={reason}" if action == "scale-up" else ""
    return Record(
        "INFO",
        f"{words.noun.capitalize()} target: {TARGETS[action]}: variant={variant}, cost={cost:.2f}, "
        f"currentReplicas={current}, readyReplicas={ready}, {base}target={target}{why}",
    )


def no_scaling_needed(words: Words, spare_kv: float, spare_queue: float) -> Record:
    spare = f"avgSpareKv={spare_kv:.3f}, avgSpareQueue={spare_queue:.1f}"
    return Record("DEBUG", f"{words.noun.capitalize()} targets: no scaling needed ({spare}, all variants stable)")


def preserving(variant: str, current: int, ready: int, desired: int) -> Record:
    return Record(
        "DEBUG",
        f"Preserving desired replicas: variant={variant}, currentReplicas={current}, readyReplicas={ready}, "
        f"desired={desired}",
    )


def targets_calculated(words: Words, model: str, targets: Mapping[str, int]) -> Record:
    return Record("DEBUG", f"{words.noun.capitalize()} targets calculated: modelID={model}, targets={go_map(targets)}")


def decisions_made(words: Words, model: str, count: int) -> Record:
    return Record("INFO", f"{words.opening}-only decisions made for model: {model} - decision count: {count}")


# --- model-based optimization


def observability(model: str, replicas: int) -> Record:
    return Record(
        "DEBUG",
        f"Collected capacity metrics for observability in model-only mode: modelID={model}, replicaCount={replicas}",
    )


def found_slo(model: str, itl_ms: float, ttft_ms: float) -> Record:
    return Record(
        "INFO", f"Found SLO for model: model={model}, class=Premium, slo-tpot={itl_ms:.0f}, slo-ttft={ttft_ms:.0f}"
    )


def solution(allocations: Iterable[Allocation]) -> Record:
    text = "Optimization solution - system: Solution: \n"
    total: dict[str, tuple[int, float]] = {}
    for each in allocations:
        text += (
            f"s={each.variant}:{each.namespace}; c=Premium; m={each.model}; rate={go_float(each.rate_per_min)}; "
            f"inTk={each.input_tokens}; outTk={each.output_tokens}; sol=1, sat={go_bool(each.is_saturated)}, "
            f"alloc={{acc={each.accelerator}; numRep={each.replicas}; maxBatch={each.max_batch}; "
            f"cost={go_float(each.cost)}, val={go_float(each.value)}, itl={go_float(each.itl_ms)}, "
            f"ttft={go_float(each.ttft_ms)}, rho={go_float(each.rho)}, maxRPM={go_float(each.max_rate_per_min)}}}; "
            f"slo-itl={go_float(each.slo_itl_ms)}, slo-ttft={go_float(each.slo_ttft_ms)}, slo-tps=0 \n"
        )
        count, cost = total.get(each.accelerator, (0, 0.0))
        total[each.accelerator] = (count + each.replicas, cost + each.cost)
    text += "AllocationByType: \n"
    for accelerator, (count, cost) in total.items():
        text += f"name=NVIDIA-{accelerator}-80GB-HBM3, count={count}, limit=0, cost={go_float(cost)} \n"
    return Record("DEBUG", text + f"totalCost={go_float(sum(cost for _, cost in total.values()))} \n")


def accelerator_set(words: Words, each: Allocation) -> Record:
    load = f"{go_float(each.rate_per_min)} {each.input_tokens} {each.output_tokens}"
    allocation = (
        f"{{{each.accelerator} {each.replicas} {each.max_batch} {go_float(each.cost)} {go_float(each.itl_ms)} "
        f"{go_float(each.ttft_ms)} {{{load}}}}}"
    )
    return Record("DEBUG", words.accelerator_set.format(accelerator=each.accelerator, allocation=allocation))


def optimization_completed(model: str, targets: Mapping[str, int]) -> Record:
    return Record(
        "INFO", f"Model-based optimization completed for model: {model} - model-based targets: {go_map(targets)}"
    )


def only_model_based(words: Words, model: str) -> Record:
    return Record("WARN", f"{words.opening} analysis unavailable, using model-based targets only: modelID={model}")


# --- applying decisions


def applying(decisions: int) -> Record:
    return Record("INFO", f"Applying scaling decisions: totalDecisions={decisions}")


def applied(
    words: Words, variant: str, action: str, current: int, target: int, accelerator: str, is_model_only: bool
) -> tuple[Record, ...]:
    """From the decision to its application."""
    reason = f"model-based only ({words.noun} unavailable)" if is_model_only else f"{words.mode} mode: {action}"
    return (
        Record("INFO", f"Processing decision: variant={variant}, action={action}, current={current}→target={target}"),
        Record("DEBUG", f"Found VA in map: variant={variant}, hasCurrentAlloc=true, accelerator={accelerator}"),
        Record(
            "INFO",
            f"EmitReplicaMetrics completed - variant: {variant}, current-replicas: {current}, "
            f"desired-replicas: {target}, accelerator: {accelerator}",
        ),
        Record(
            "INFO",
            f"Successfully emitted metrics for external autoscalers: variant={variant}, targetReplicas={target}, "
            f"accelerator={accelerator}, {words.noun}Only={go_bool(not is_model_only)}",
        ),
        Record(
            "INFO",
            f"Applied {words.noun} decision: variant={variant}, action={action}, current={current}, target={target}, "
            f"reason={reason}",
        ),
    )


def completed(words: Words, is_model_only: bool, models: int, decisions: int) -> Record:
    mode = "model-only" if is_model_only else words.mode
    return Record(
        "INFO",
        f"Reconciliation completed successfully: mode={mode}, modelsProcessed={models}, decisionsApplied={decisions}",
    )


def nothing_to_do() -> Record:
    return Record("INFO", "No active VariantAutoscalings found, skipping optimization")


def gave_up() -> Record:
    """The last line of a process that lost its lease."""
    return Record("ERROR", "problem running manager{error 26 0  leader election lost}")
