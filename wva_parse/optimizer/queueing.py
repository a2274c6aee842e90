"""A replica as WVA's optimizer sees it: a queue in front of a batch that slows down as it grows.

A birth-death chain of the number n of requests at the replica, 0 to `max_batch` and `QUEUE_PER_BATCH` times as many
more that wait, with Poisson arrivals and service rate n / (gamma + delta * in * n + (out - 1) * (alpha + beta * n));
above the largest batch that of the largest batch. A request without input tokens has no prefill.

    concurrency c     = (mean service time - gamma - alpha * (out - 1)) / (delta * in + beta * (out - 1))
                        within 0 to max_batch
    ITL               = alpha + beta * c
    TTFT              = mean wait + gamma + delta * in * c
    replicas          = max(1, ceil(rate / the highest rate at which a replica meets both objectives))

Without load WVA says ITL = alpha + beta and TTFT = gamma + delta, and one replica. Times in ms, rates in requests per
minute, an objective of 0 is none.

This module imports numpy and nothing of the package: what reads logs and what simulates a controller share it.

References
----------
WVA up to v0.4.2, `pkg/analyzer/queueanalyzer.go` (the rates, the search for the highest), `mm1modelstatedependent.go`
(the chain) and `pkg/core/allocation.go` (replicas, and what is said without load).
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

QUEUE_PER_BATCH = 10  # requests that may wait, in full batches
LEAST_SHARE = 0.001  # of the lowest and the highest service rate: how far the rates lie inside them
HALVINGS = 40
MS_PER_MIN = 60_000

Floats = NDArray[np.float64]


class Parameters(NamedTuple):
    """Times of a model on an accelerator, in ms: of a decode and of a prefill, each without and per batch."""

    alpha: float
    beta: float
    gamma: float
    delta: float


class Profile(NamedTuple):
    """Times of a model on an accelerator, in ms, and the most requests that run at once."""

    alpha: float
    beta: float
    gamma: float
    delta: float
    max_batch: int

    def itl_ms(self, batch: float) -> float:
        """One decode of a batch."""
        return self.alpha + self.beta * batch

    def prefill_ms(self, input_tokens: float, batch: float) -> float:
        """The prefill of a request in a batch."""
        return self.gamma + self.delta * input_tokens * batch


class Prediction(NamedTuple):
    """What one replica is expected to do."""

    itl_ms: float
    ttft_ms: float
    utilisation: float  # running requests by the largest batch


class Load(NamedTuple):
    """What all replicas of a variant serve together: requests per minute, and mean tokens of a request."""

    rate_per_min: float
    input_tokens: int
    output_tokens: int

    @property
    def is_idle(self) -> bool:
        """Whether WVA sees no load in it."""
        return not (self.rate_per_min > 0 and self.output_tokens > 0)


class Objectives(NamedTuple):
    """The latencies to keep, in ms; 0 is none."""

    itl_ms: float
    ttft_ms: float

    def met_by(self, itl_ms: float, ttft_ms: float) -> bool:
        """Whether both are kept."""
        return (not self.itl_ms > 0 or itl_ms <= self.itl_ms) and (not self.ttft_ms > 0 or ttft_ms <= self.ttft_ms)


class Replica:
    """One replica under requests of given lengths.

    Attributes
    ----------
    lowest, highest : float
        Rates between which the chain is good, requests per minute.
    full : float
        The highest service rate, that of a full batch, requests per minute.
    """

    def __init__(self, profile: Profile, input_tokens: int, output_tokens: int) -> None:
        self._profile = profile
        self._input_tokens = input_tokens
        # WVA asks the chain only for requests that have output; one of a single token and without input decodes it.
        decodes = max(output_tokens - 1, 0 if input_tokens > 0 else 1)
        prefill_ms = profile.gamma if input_tokens > 0 else 0.0
        # A request's time at the replica is linear in the batch.
        self._slope_ms = profile.delta * input_tokens + decodes * profile.beta
        running = np.arange(1, profile.max_batch + 1)
        per_min = running / (prefill_ms + decodes * profile.alpha + self._slope_ms * running) * MS_PER_MIN
        self._fixed_ms = profile.gamma + decodes * profile.alpha
        self.full = float(per_min[-1])
        self.lowest = float(per_min[0] * LEAST_SHARE)
        self.highest = self.full * (1 - LEAST_SHARE)
        self._running = np.arange(profile.max_batch + 1)
        self._log_service = np.concatenate([[0.0], np.cumsum(np.log(per_min))])
        self._found: dict[tuple[float, float], float | None] = {}

    def at(self, rate_per_min: float) -> Prediction:
        """The prediction at a rate; at the bounds of what the chain can do for a rate outside."""
        itl_ms, ttft_ms, utilisation = self.at_each(np.array([rate_per_min]))
        return Prediction(float(itl_ms[0]), float(ttft_ms[0]), float(utilisation[0]))

    def at_each(self, rates_per_min: Floats) -> tuple[Floats, Floats, Floats]:
        """ITL, TTFT and utilisation at each of many rates, see `at`."""
        rates = _within(rates_per_min, self.lowest, self.highest)
        weight = np.log(rates)[:, None] * self._running - self._log_service
        share = np.exp(weight - weight.max(axis=1, keepdims=True))
        largest, waiting = self._profile.max_batch, self._profile.max_batch * QUEUE_PER_BATCH
        # Beyond a full batch each state has `ratio` of the one before: sums of 1 and of k over k = 1 to `waiting`.
        ratio = rates / self.full
        lost = ratio**waiting
        tail = share[:, -1] * ratio * (1 - lost) / (1 - ratio)
        queued = share[:, -1] * ratio * (1 - lost * (1 + waiting * (1 - ratio))) / (1 - ratio) ** 2
        total = share.sum(axis=1) + tail
        running = (share @ self._running + tail * largest) / total
        served = rates * (1 - share[:, -1] * lost / total)  # one who finds the queue full is sent away
        service_ms = running / served * MS_PER_MIN
        wait_ms = queued / total / served * MS_PER_MIN
        batch = _within(self._batch(service_ms), 0, largest)
        itl_ms = self._profile.alpha + self._profile.beta * batch
        prefill_ms = self._profile.gamma + self._profile.delta * batch * self._input_tokens
        if self._input_tokens <= 0:
            prefill_ms = np.zeros_like(batch)
        return itl_ms, wait_ms + prefill_ms, running / largest

    def _batch(self, service_ms: Floats) -> Floats:
        """The batch in which a request takes that long; a mean time belongs to no whole number of requests."""
        if self._slope_ms <= 0:
            return np.zeros_like(service_ms)  # nothing slows down in a batch
        batch: Floats = (service_ms - self._fixed_ms) / self._slope_ms
        return batch

    def highest_rate(self, objectives: Objectives) -> float | None:
        """The highest rate that meets both objectives, requests per minute; None if none does."""
        key = (objectives.itl_ms, objectives.ttft_ms)
        if key not in self._found:
            self._found[key] = self._search(objectives)
        return self._found[key]

    def _search(self, objectives: Objectives) -> float | None:
        low, high = self.lowest, self.highest
        if objectives.met_by(*self.at(high)[:2]):
            return high
        if not objectives.met_by(*self.at(low)[:2]):
            return None
        for _ in range(HALVINGS):
            middle = (low + high) / 2
            if objectives.met_by(*self.at(middle)[:2]):
                low = middle
            else:
                high = middle
        return low


def _within(values: Floats, low: float, high: float) -> Floats:
    """As `np.clip`, which takes several times as long for the few values of a search."""
    found: Floats = np.minimum(np.maximum(values, low), high)
    return found


@lru_cache(maxsize=1024)
def replica_of(profile: Profile, input_tokens: int, output_tokens: int) -> Replica:
    """A replica, made once: loop runs ask again and again for the same lengths."""
    return Replica(profile, input_tokens, output_tokens)


def predict(profile: Profile, load: Load, replicas: float) -> Prediction:
    """What WVA expects of a load shared evenly by so many replicas."""
    if load.is_idle or not replicas > 0:
        return idle(profile)[0]
    return replica_of(profile, load.input_tokens, load.output_tokens).at(load.rate_per_min / replicas)


def needed_replicas(profile: Profile, load: Load, objectives: Objectives) -> int | None:
    """The replicas that WVA decides on; None where no number of them meets the objectives."""
    if load.is_idle:
        return 1
    highest = replica_of(profile, load.input_tokens, load.output_tokens).highest_rate(objectives)
    return None if highest is None else max(1, math.ceil(load.rate_per_min / highest))


def idle(profile: Profile) -> tuple[Prediction, float]:
    """What WVA says of a replica without load: one request of one token, and the rate of full batches of such."""
    itl_ms, ttft_ms = profile.itl_ms(1), profile.prefill_ms(1, 1)
    rate = profile.max_batch / (ttft_ms + profile.itl_ms(profile.max_batch)) * MS_PER_MIN
    return Prediction(itl_ms, ttft_ms, 0.0), rate
