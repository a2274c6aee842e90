"""The brain of a WVA controller: from one minute's observations to decisions, and the lines that it logs on the way.

Pure: no clock, no cluster. Capacity-based: a pod is saturated if its KV usage or its queue reaches a threshold;
replicas are added, one at a time, when the mean spare capacity of the others falls below a trigger, and taken away
when the load would still fit after redistribution to one replica less; while a change is under way the target is
kept. Model-based: the performance profile of an accelerator gives the highest rate at which one replica still meets
the SLO; replicas are the rate divided by that, rounded up.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import groupby

from wva_sim import wva_lines as lines
from wva_sim.wva_lines import Allocation, Record

# The defaults of WVA's capacity-scaling-config.
KV_THRESHOLD = 0.80
QUEUE_THRESHOLD = 5
KV_TRIGGER = 0.10
QUEUE_TRIGGER = 3.0
LEAST_TO_SCALE_DOWN = 2

# The model profile of an H100 with an 8B model: milliseconds, per token and per running request.
ALPHA, BETA, GAMMA, DELTA = 7.47, 0.044, 15.415, 0.000337
PROFILE_MAX_BATCH = 512


@dataclass(frozen=True)
class PodMetrics:
    """Maxima of one pod over the last minute."""

    name: str
    kv_usage: float
    queue_length: int


@dataclass(frozen=True)
class Observation:
    """What the controller reads of one variant; means over the last minute, zeros when idle."""

    variant: str
    namespace: str
    model: str
    accelerator: str
    cost: float  # of one replica
    replicas: int  # wanted of its Deployment
    ready_replicas: int
    ttft_ms: float
    itl_ms: float
    arrival_rate_per_min: float
    input_tokens: float
    output_tokens: float
    max_batch: int
    pods: tuple[PodMetrics, ...] = ()


@dataclass(frozen=True)
class Decision:
    """What shall become of one variant."""

    variant: str
    namespace: str
    action: str
    current: int
    target: int
    reason: str


@dataclass(frozen=True)
class LoopRun:
    """What one run of the loop decided and logged."""

    decisions: tuple[Decision, ...]
    records: tuple[Record, ...]


@dataclass
class Controller:
    """A controller in one of its modes; it remembers its last targets and nothing else."""

    mode: str
    slo_itl_ms: float = 10.0
    slo_ttft_ms: float = 1000.0
    max_replicas: int = 10
    targets: dict[str, int] = field(default_factory=dict)

    def run_loop(self, observations: Iterable[Observation]) -> LoopRun:
        """Run the loop once over all variants."""
        every = sorted(observations, key=lambda seen: (seen.model, seen.variant))
        groups = [(model, list(group)) for model, group in groupby(every, key=lambda seen: seen.model)]
        records = [*lines.config_loaded(), lines.operating(self.mode), lines.grouped(len(groups), len(every))]
        decisions: list[Decision] = []
        decide = self._by_capacity if self.mode == "capacity-based" else self._by_model
        for model, variants in groups:
            records.append(lines.processing_model(model, len(variants)))
            found, said = decide(model, variants)
            decisions += found
            records += said
        records.append(lines.applying(len(decisions)))
        accelerators = {seen.variant: seen.accelerator for seen in every}
        for decision in decisions:
            self.targets[decision.variant] = decision.target
            records += lines.applied(
                decision.variant,
                decision.action,
                decision.current,
                decision.target,
                decision.reason,
                accelerators[decision.variant],
                self.mode == "capacity-based",
            )
        records.append(lines.completed(self.mode, len(groups), len(decisions)))
        return LoopRun(tuple(decisions), tuple(records))

    # Capacity

    def _by_capacity(self, model: str, variants: Sequence[Observation]) -> tuple[list[Decision], list[Record]]:
        namespace, pods = variants[0].namespace, [pod for seen in variants for pod in seen.pods]
        records = [_observed(seen, with_load=False) for seen in variants]
        records += _pods(model, namespace, variants)
        records.append(lines.capacity_collected(model, namespace, len(pods)))
        records += [
            lines.variant_analysed(seen.variant, seen.accelerator, seen.cost, len(seen.pods)) for seen in variants
        ]
        free = [pod for pod in pods if pod.kv_usage < KV_THRESHOLD and pod.queue_length < QUEUE_THRESHOLD]
        spare_kv = _mean(KV_THRESHOLD - pod.kv_usage for pod in free)
        spare_queue = _mean(QUEUE_THRESHOLD - pod.queue_length for pod in free)
        reason = lines.scale_up_reason(spare_kv, KV_TRIGGER, spare_queue, QUEUE_TRIGGER)
        is_safe, why_not = _scale_down_safety(free)
        records += why_not
        records += lines.analysed(model, namespace, len(pods), len(free), spare_kv, spare_queue, bool(reason), is_safe)
        targets, said = self._capacity_targets(variants, reason, is_safe)
        if not said:
            said = [lines.no_scaling_needed(spare_kv, spare_queue)]
        records += said
        records += [lines.targets_calculated(model, targets), lines.capacity_decisions_made(model, len(variants))]
        decisions = [_decide(seen, targets[seen.variant], "capacity-only mode: {action}") for seen in variants]
        return decisions, records

    def _capacity_targets(
        self, variants: Sequence[Observation], reason: str, is_safe: bool
    ) -> tuple[dict[str, int], list[Record]]:
        """Targets by variant, and what is said where one changes or is kept."""
        targets = {seen.variant: seen.replicas for seen in variants}
        changing = [seen for seen in variants if self._is_changing(seen)]
        if changing:
            for seen in changing:
                targets[seen.variant] = self.targets.get(seen.variant, seen.replicas)
            return targets, [
                lines.preserving(seen.variant, seen.replicas, seen.ready_replicas, targets[seen.variant])
                for seen in changing
            ]
        if reason:
            cheapest = min(variants, key=lambda seen: (seen.cost, seen.variant))
            target = min(cheapest.replicas + 1, self.max_replicas)
            targets[cheapest.variant] = target
            replicas = (cheapest.replicas, cheapest.ready_replicas, target)
            return targets, [lines.scale_up_target(cheapest.variant, cheapest.cost, *replicas, reason)]
        shrinkable = [seen for seen in variants if seen.replicas > 1]
        if is_safe and shrinkable:
            dearest = max(shrinkable, key=lambda seen: (seen.cost, seen.variant))
            target = dearest.replicas - 1
            targets[dearest.variant] = target
            replicas = (dearest.replicas, dearest.ready_replicas, target)
            return targets, [lines.scale_down_target(dearest.variant, dearest.cost, *replicas)]
        return targets, []

    def _is_changing(self, seen: Observation) -> bool:
        wanted = self.targets.get(seen.variant, seen.replicas)
        return wanted != seen.replicas or seen.replicas != seen.ready_replicas

    # Model

    def _by_model(self, model: str, variants: Sequence[Observation]) -> tuple[list[Decision], list[Record]]:
        namespace = variants[0].namespace
        records = _pods(model, namespace, variants)
        records.append(lines.observability(model, sum(len(seen.pods) for seen in variants)))
        for seen in variants:
            records.append(lines.found_slo(model, self.slo_itl_ms, self.slo_ttft_ms))
            if len(seen.pods) != seen.replicas:
                records.append(lines.replica_mismatch(namespace, model, seen.replicas, len(seen.pods)))
            records.append(_observed(seen, with_load=True))
        # The load is the model's: it goes to the cheapest variant that can take it.
        cheapest = min(variants, key=lambda seen: (seen.cost, seen.variant))
        allocations = [self._allocate(seen, 1.0 if seen is cheapest else 0.0) for seen in variants]
        records.append(lines.solution(allocations))
        records += [lines.accelerator_set(allocation) for allocation in allocations]
        targets = {allocation.variant: allocation.replicas for allocation in allocations}
        records += [lines.optimization_completed(model, targets), lines.only_model_based(model)]
        decisions = [
            _decide(seen, targets[seen.variant], "model-based only (capacity unavailable)") for seen in variants
        ]
        return decisions, records

    def _allocate(self, seen: Observation, share: float) -> Allocation:
        rate = seen.arrival_rate_per_min * share
        max_rate = max_rate_per_min(seen.input_tokens, seen.output_tokens, self.slo_itl_ms, self.slo_ttft_ms)
        replicas = min(max(1, math.ceil(rate / max_rate)), self.max_replicas) if rate > 0 else 1
        batch = steady_batch(rate / replicas, seen.input_tokens, seen.output_tokens)
        return Allocation(
            variant=seen.variant,
            namespace=seen.namespace,
            model=seen.model,
            accelerator=seen.accelerator,
            rate_per_min=rate,
            input_tokens=int(seen.input_tokens),
            output_tokens=int(seen.output_tokens),
            replicas=replicas,
            max_batch=PROFILE_MAX_BATCH,
            cost=replicas * seen.cost,
            value=(replicas - seen.replicas) * seen.cost,
            itl_ms=ALPHA + BETA * max(batch, 1),
            ttft_ms=GAMMA + DELTA * seen.input_tokens * max(batch, 1),
            rho=batch / PROFILE_MAX_BATCH,
            max_rate_per_min=max_rate,
            slo_itl_ms=self.slo_itl_ms,
            slo_ttft_ms=self.slo_ttft_ms,
        )


def steady_batch(rate_per_min: float, input_tokens: float, output_tokens: float) -> float:
    """Running requests of one replica at a rate, by Little's law and the profile; at most the profile's batch."""
    per_ms = rate_per_min / 60_000
    # batch = rate * (prefill(batch) + tokens * itl(batch)), both linear in the batch
    fixed_ms = GAMMA + output_tokens * ALPHA
    slope_ms = DELTA * input_tokens + output_tokens * BETA
    rest = 1 - per_ms * slope_ms
    return PROFILE_MAX_BATCH if rest <= 0 else min(per_ms * fixed_ms / rest, PROFILE_MAX_BATCH)


def max_rate_per_min(input_tokens: float, output_tokens: float, slo_itl_ms: float, slo_ttft_ms: float) -> float:
    """The highest rate at which one replica meets both objectives by the profile, requests per minute."""
    batch: float = PROFILE_MAX_BATCH
    batch = min(batch, (slo_itl_ms - ALPHA) / BETA)
    if input_tokens > 0:
        batch = min(batch, (slo_ttft_ms - GAMMA) / (DELTA * input_tokens))
    batch = max(batch, 1.0)
    time_ms = GAMMA + DELTA * input_tokens * batch + output_tokens * (ALPHA + BETA * batch)
    return 60_000 * batch / time_ms


def _mean(values: Iterable[float]) -> float:
    known = list(values)
    return sum(known) / len(known) if known else 0.0


def _scale_down_safety(free: Sequence[PodMetrics]) -> tuple[bool, list[Record]]:
    """Whether one replica less could take the load of all, and if not, why."""
    count = len(free)
    if count < LEAST_TO_SCALE_DOWN:
        return False, [lines.too_few_to_scale_down(count, LEAST_TO_SCALE_DOWN)]
    grows = count / (count - 1)
    spare_kv = KV_THRESHOLD - _mean(pod.kv_usage for pod in free) * grows
    spare_queue = QUEUE_THRESHOLD - _mean(pod.queue_length for pod in free) * grows
    kv_safe, queue_safe = spare_kv >= KV_TRIGGER, spare_queue >= QUEUE_TRIGGER
    if kv_safe and queue_safe:
        return True, []
    said = lines.too_full_to_scale_down(spare_kv, KV_TRIGGER, kv_safe, spare_queue, QUEUE_TRIGGER, queue_safe)
    return False, [said]


def _decide(seen: Observation, target: int, reason: str) -> Decision:
    action = "scale-up" if target > seen.replicas else "scale-down" if target < seen.replicas else "no-change"
    return Decision(seen.variant, seen.namespace, action, seen.replicas, target, reason.format(action=action))


def _observed(seen: Observation, with_load: bool) -> Record:
    cost = seen.cost * seen.replicas
    row = (seen.variant, seen.replicas, seen.accelerator, seen.ttft_ms, seen.itl_ms, cost, seen.arrival_rate_per_min)
    if with_load:
        return lines.observed_with_load(*row, seen.max_batch, seen.input_tokens, seen.output_tokens)
    return lines.observed(*row)


def _pods(model: str, namespace: str, variants: Sequence[Observation]) -> list[Record]:
    """The per-pod metrics and how they were matched."""
    pods = [pod for seen in variants for pod in seen.pods]
    matched = {seen.variant: len(seen.pods) for seen in variants if seen.pods}
    return [
        *(lines.kv_usage(pod.name, pod.kv_usage) for pod in pods),
        lines.kv_collected(model, namespace, len(pods)),
        *(lines.queue_length(pod.name, pod.queue_length) for pod in pods),
        lines.queue_collected(model, namespace, len(pods)),
        lines.pods_matched(len(pods), matched),
        lines.replicas_collected(model, namespace, len(pods)),
    ]
