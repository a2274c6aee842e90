"""The brain of a WVA controller: from one minute's observations to decisions, and what led to them.

Pure: no clock, no cluster, no words; the dialects put what it found into lines.

Capacity-based: a pod is saturated if its KV usage or its queue reaches a threshold; replicas are added, one at a
time, when the mean spare capacity of the others falls below a trigger, and taken away when the load would still fit
after redistribution to one replica less; while a change is under way the target is kept. Model-based: the performance
profile of an accelerator gives the highest rate at which one replica still meets the SLO; replicas are the rate
divided by that, rounded up. Demand-based: analyzers compare the tokens that the load needs with those that the
replicas supply; any of them may add replicas, all must agree to take some away.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import groupby
from random import Random

from wva_parse.optimizer.queueing import Load, Objectives, Profile, idle, needed_replicas, predict, replica_of
from wva_parse.optimizer.saturation import Pod, analyze
from wva_sim.wva.findings import (
    LIMITS,
    Allocation,
    Capacity,
    Change,
    Decision,
    Demand,
    Demands,
    LoopRun,
    ModelRun,
    Observation,
    Solution,
)

# The model profile of an H100 with an 8B model: milliseconds, per token and per running request.
ALPHA, BETA, GAMMA, DELTA = 7.47, 0.044, 15.415, 0.000337
PROFILE_MAX_BATCH = 512
PROFILE = Profile(ALPHA, BETA, GAMMA, DELTA, PROFILE_MAX_BATCH)

KV_TOKENS = 140_000  # that one replica's cache holds, as it tells


@dataclass
class Controller:
    """A controller in one of its modes; it remembers its last targets and nothing else."""

    mode: str
    slo_itl_ms: float = 10.0
    slo_ttft_ms: float = 1000.0
    max_replicas: int = 10
    targets: dict[str, int] = field(default_factory=dict)
    random: Random = field(default_factory=lambda: Random(1))

    def run_loop(self, observations: Iterable[Observation]) -> LoopRun:
        """Run the loop once over all variants."""
        every = sorted(observations, key=lambda seen: (seen.model, seen.variant))
        decide = {
            "capacity-based": self._by_capacity,
            "model-based": self._by_model,
            "demand-based": self._by_demand,
        }[self.mode]
        runs = tuple(decide(model, tuple(variants)) for model, variants in groupby(every, key=lambda seen: seen.model))
        for run in runs:
            self.targets |= {decision.variant: decision.target for decision in run.decisions}
        return LoopRun(runs)

    # Capacity

    def _by_capacity(self, model: str, variants: tuple[Observation, ...]) -> ModelRun:
        found = analyze([Pod(pod.kv_usage, pod.queue_length) for seen in variants for pod in seen.pods], LIMITS)
        capacity = Capacity(
            replicas=found.replicas,
            non_saturated=found.free,
            spare_kv=found.spare_kv,
            spare_queue=found.spare_queue,
            redistributed=found.remaining,
            is_short=found.up,
            is_safe=found.down_safe,
        )
        changes = self._capacity_changes(variants, capacity)
        targets = {change.seen.variant: change.target for change in changes}
        return ModelRun(model, variants, replace(capacity, changes=changes), _decide(variants, targets))

    def _capacity_changes(self, variants: Sequence[Observation], capacity: Capacity) -> tuple[Change, ...]:
        changing = [seen for seen in variants if self._is_changing(seen)]
        if changing:
            return tuple(Change("preserved", seen, self.targets.get(seen.variant, seen.replicas)) for seen in changing)
        if capacity.is_short:
            cheapest = min(variants, key=_by_cost)
            return (Change("scale-up", cheapest, min(cheapest.replicas + 1, self.max_replicas)),)
        shrinkable = [seen for seen in variants if seen.replicas > 1]
        if capacity.is_safe and shrinkable:
            dearest = max(shrinkable, key=_by_cost)
            return (Change("scale-down", dearest, dearest.replicas - 1),)
        return ()

    def _is_changing(self, seen: Observation) -> bool:
        wanted = self.targets.get(seen.variant, seen.replicas)
        return wanted != seen.replicas or seen.replicas != seen.ready_replicas

    # Model

    def _by_model(self, model: str, variants: tuple[Observation, ...]) -> ModelRun:
        # Rate and lengths are the model's and not a variant's: each variant is sized for all of the load.
        allocations = [self._allocate(seen) for seen in variants]
        targets = {allocation.variant: allocation.replicas for allocation in allocations}
        self.random.shuffle(allocations)
        return ModelRun(model, variants, Solution(tuple(allocations)), _decide(variants, targets))

    def _allocate(self, seen: Observation) -> Allocation:
        rate = round(seen.arrival_rate_per_min, 2)  # it comes from the variant's status, which has two decimals
        load = Load(rate, int(seen.input_tokens), int(seen.output_tokens))
        objectives = Objectives(self.slo_itl_ms, self.slo_ttft_ms)
        # However many: the limit is the scaler's, and the optimizer knows none.
        replicas = needed_replicas(PROFILE, load, objectives) or seen.replicas
        predicted, max_rate = predict(PROFILE, load, replicas), idle(PROFILE)[1]
        if not load.is_idle:
            replica = replica_of(PROFILE, load.input_tokens, load.output_tokens)
            max_rate = replica.highest_rate(objectives) or replica.lowest
        return Allocation(
            variant=seen.variant,
            namespace=seen.namespace,
            model=seen.model,
            accelerator=seen.accelerator,
            rate_per_min=rate,
            input_tokens=load.input_tokens,
            output_tokens=load.output_tokens,
            replicas=replicas,
            max_batch=PROFILE_MAX_BATCH,
            cost=replicas * seen.cost,
            value=(replicas - seen.replicas) * seen.cost,
            itl_ms=predicted.itl_ms,
            ttft_ms=predicted.ttft_ms,
            rho=predicted.utilisation,
            max_rate_per_min=max_rate,
            slo_itl_ms=self.slo_itl_ms,
            slo_ttft_ms=self.slo_ttft_ms,
        )

    # Demand

    def _by_demand(self, model: str, variants: tuple[Observation, ...]) -> ModelRun:
        analyzers = (_saturation(variants), _throughput(variants))
        more = max(math.ceil(each.required / each.per_replica) for each in analyzers)
        fewer = min(math.floor(each.spare / each.per_replica) for each in analyzers)
        targets = {seen.variant: seen.replicas for seen in variants}
        if more:
            for seen in sorted(variants, key=_by_cost):
                targets[seen.variant] = min(seen.replicas + more, max(self.max_replicas, seen.replicas))
                more -= targets[seen.variant] - seen.replicas
        elif fewer and all(seen.replicas == seen.ready_replicas for seen in variants):
            for seen in sorted(variants, key=_by_cost, reverse=True):
                targets[seen.variant] = max(seen.replicas - fewer, 1)
                fewer -= seen.replicas - targets[seen.variant]
        return ModelRun(model, variants, Demands(analyzers), _decide(variants, targets))


def _by_cost(seen: Observation) -> tuple[float, str]:
    return seen.cost, seen.variant


def _saturation(variants: Sequence[Observation]) -> Demand:
    """Tokens in the caches and in the queues against what the caches hold."""
    pods = [(pod, seen.input_tokens) for seen in variants for pod in seen.pods]
    demand = sum(pod.kv_usage * KV_TOKENS + pod.queue_length * tokens for pod, tokens in pods)
    return _demand("saturation", demand, KV_TOKENS, variants, "P1-obs")


def _throughput(variants: Sequence[Observation]) -> Demand:
    """Tokens per second that are asked for against what full batches yield by the profile."""
    seen = variants[0]  # rate and lengths are the model's
    per_replica = 1000 * seen.max_batch / (ALPHA + BETA * seen.max_batch)
    return _demand(
        "throughput", seen.arrival_rate_per_min / 60 * seen.output_tokens, per_replica, variants, "T2-default"
    )


def _demand(name: str, demand: float, per_replica: float, variants: Sequence[Observation], reason: str) -> Demand:
    ready = sum(seen.ready_replicas for seen in variants)
    wanted = sum(seen.replicas for seen in variants)
    return Demand(name, demand, ready * per_replica, wanted * per_replica, per_replica, reason)


def _decide(variants: Sequence[Observation], targets: Mapping[str, int]) -> tuple[Decision, ...]:
    """The decision for each; a variant without a target keeps its replicas."""
    decisions = []
    for seen in variants:
        target = targets.get(seen.variant, seen.replicas)
        action = "scale-up" if target > seen.replicas else "scale-down" if target < seen.replicas else "no-change"
        decisions.append(Decision(seen.variant, seen.namespace, action, seen.replicas, target))
    return tuple(decisions)
