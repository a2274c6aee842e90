"""What a controller observes, finds and decides: the records between the decisions and the words for them.

The thresholds stand here too, as log lines and ConfigMaps tell them beside what was found.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from wva_parse.optimizer.saturation import Limits

# The defaults of WVA's capacity-scaling-config.
KV_THRESHOLD = 0.80
QUEUE_THRESHOLD = 5
KV_TRIGGER = 0.10
QUEUE_TRIGGER = 3.0
LIMITS = Limits(KV_THRESHOLD, QUEUE_THRESHOLD, KV_TRIGGER, QUEUE_TRIGGER)

# Analyzers of demand: the share of the supply above which replicas are added, and below which they are taken away.
SCALE_UP_THRESHOLD = 0.85
SCALE_DOWN_BOUNDARY = 0.70


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


class Change(NamedTuple):
    """A target that is not just the present number of replicas."""

    kind: str  # scale-up, scale-down, or preserved
    seen: Observation
    target: int


@dataclass(frozen=True)
class Capacity:
    """A model's capacity: what is spare on pods that are not saturated.

    Attributes
    ----------
    redistributed : tuple or None
        Spare KV and spare queue if one pod less took the load; None if there are too few pods to think of it.
    is_short, is_safe
        Whether a replica has to be added, and whether one can be taken away.
    """

    replicas: int
    non_saturated: int
    spare_kv: float
    spare_queue: float
    redistributed: tuple[float, float] | None
    is_short: bool
    is_safe: bool
    changes: tuple[Change, ...] = ()


class Allocation(NamedTuple):
    """One variant in the optimizer's solution."""

    variant: str
    namespace: str
    model: str
    accelerator: str
    rate_per_min: float
    input_tokens: int
    output_tokens: int
    replicas: int
    max_batch: int
    cost: float
    value: float
    itl_ms: float
    ttft_ms: float
    rho: float
    max_rate_per_min: float
    slo_itl_ms: float
    slo_ttft_ms: float

    @property
    def is_saturated(self) -> bool:
        """Whether the load is more than its replicas can take within the objectives."""
        return self.rate_per_min > self.replicas * self.max_rate_per_min


@dataclass(frozen=True)
class Solution:
    """What the optimizer found, in an order of its own."""

    allocations: tuple[Allocation, ...]


@dataclass(frozen=True)
class Demand:
    """One analyzer's view of a model, in its own unit."""

    analyzer: str
    demand: float
    supply: float
    anticipated: float  # the supply once all replicas are ready
    per_replica: float
    reason: str  # where the capacity of a replica is known from

    @property
    def utilisation(self) -> float:
        """Demand by supply."""
        return self.demand / self.supply if self.supply else 0.0

    @property
    def required(self) -> float:
        """What is missing."""
        return max(self.demand / SCALE_UP_THRESHOLD - self.anticipated, 0.0)

    @property
    def spare(self) -> float:
        """What is too much."""
        return max(self.supply - self.demand / SCALE_DOWN_BOUNDARY, 0.0)


@dataclass(frozen=True)
class Demands:
    """What all analyzers of demand found."""

    analyzers: tuple[Demand, ...]


@dataclass(frozen=True)
class ModelRun:
    """One model's turn in a run of the loop; a decision for each variant, in their order."""

    model: str
    variants: tuple[Observation, ...]
    analysis: Capacity | Solution | Demands
    decisions: tuple[Decision, ...]

    @property
    def namespace(self) -> str:
        """Where its variants are."""
        return self.variants[0].namespace

    @property
    def pods(self) -> list[PodMetrics]:
        """The pods of all variants."""
        return [pod for seen in self.variants for pod in seen.pods]


@dataclass(frozen=True)
class LoopRun:
    """What one run of the loop found and decided."""

    models: tuple[ModelRun, ...]

    @property
    def variants(self) -> tuple[Observation, ...]:
        """Of all models, in the order of the decisions."""
        return tuple(seen for run in self.models for seen in run.variants)

    @property
    def decisions(self) -> tuple[Decision, ...]:
        """For each variant."""
        return tuple(decision for run in self.models for decision in run.decisions)
