"""WVA's saturation analysis (V1): which replicas are saturated, what the others have to spare, what follows from it.

KV usage and spare KV are 0 to 1, queues and spare queue in requests; both of a pod are its maxima over a minute. Every
formula is WVA's `AnalyzeModelSaturation`: `internal/capacity/analyzer.go` up to v0.4.2, then
`internal/saturation/analyzer.go`, from v0.9.0 on `internal/saturationv1`.

- saturated: usage >= `kv_threshold` or queue >= `queue_threshold` (`analyzeVariant`);
- spare: the mean of threshold - usage, and of threshold - queue, over the replicas that are not; 0 without any;
- up: spare KV < `kv_trigger` or spare queue < `queue_trigger` (`shouldScaleUp`); never without replicas;
- down is safe (`isScaleDownSafe`): at least two replicas are not saturated, and if one less took what all of them have,
  both spares would still be >= their triggers.

The spare is a mean over those that are **not** saturated: a fresh replica hides what waits at the others. *Masked* is
an analysis that does not ask for more replicas although some pod is at `MASKED_USAGE` or its queue at the threshold.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

LEAST_TO_SCALE_DOWN = 2  # WVA: MinNonSaturatedReplicasForScaleDown
MASKED_USAGE = 0.90  # of a KV cache: above it vLLM soon preempts requests


class Pod(NamedTuple):
    """One replica's maxima over a minute: KV usage (0 to 1) and queue (requests)."""

    kv_usage: float
    queue_length: float


class Limits(NamedTuple):
    """What an analysis is made with, as WVA's ConfigMap has it.

    At a threshold a replica is saturated; below a trigger of spare capacity replicas are added.
    """

    kv_threshold: float
    queue_threshold: float
    kv_trigger: float
    queue_trigger: float


class Analysis(NamedTuple):
    """What an analysis finds.

    `remaining` are the KV and the queue that would be spare if one replica less took the load; None if too few replicas
    are free to think of it.
    """

    replicas: int
    free: int
    spare_kv: float
    spare_queue: float
    remaining: tuple[float, float] | None
    up: bool
    down_safe: bool


def is_free(pod: Pod, limits: Limits) -> bool:
    """Whether a replica is not saturated."""
    return pod.kv_usage < limits.kv_threshold and pod.queue_length < limits.queue_threshold


def is_short(spare_kv: float, spare_queue: float, limits: Limits) -> bool:
    """Whether so little spare capacity asks for a replica more."""
    return spare_kv < limits.kv_trigger or spare_queue < limits.queue_trigger


def analyze(pods: Sequence[Pod], limits: Limits) -> Analysis:
    """Analyse all replicas of a model."""
    free = [pod for pod in pods if is_free(pod, limits)]
    count = len(free)
    kv_load, queue_load = sum(pod.kv_usage for pod in free), sum(pod.queue_length for pod in free)
    spare_kv, spare_queue = _spare(kv_load, queue_load, count, limits) if count else (0.0, 0.0)
    remaining = _spare(kv_load, queue_load, count - 1, limits) if count >= LEAST_TO_SCALE_DOWN else None
    up = bool(pods) and is_short(spare_kv, spare_queue, limits)
    down_safe = remaining is not None and not is_short(*remaining, limits)
    return Analysis(len(pods), count, spare_kv, spare_queue, remaining, up, down_safe)


def _spare(kv_load: float, queue_load: float, replicas: int, limits: Limits) -> tuple[float, float]:
    return limits.kv_threshold - kv_load / replicas, limits.queue_threshold - queue_load / replicas


def is_masked(pods: Sequence[Pod], up: bool, limits: Limits) -> bool:
    """Whether an analysis that does not ask for more (`up`) leaves a full pod beside another that is not saturated."""
    if up:
        return False
    is_full = [pod.kv_usage >= MASKED_USAGE or pod.queue_length >= limits.queue_threshold for pod in pods]
    free = [number for number, pod in enumerate(pods) if is_free(pod, limits)]
    return any(full and any(other != number for other in free) for number, full in enumerate(is_full))
