"""A replica as WVA's optimizer sees it: a queue in front of a batch that slows down as it grows.

A Markov chain of the number of requests at the replica, with Poisson arrivals and a service rate that depends on that
number: `n` running requests each need a prefill of `gamma + delta * input tokens * n` and one decode of
`alpha + beta * n` for every output token but the first. This is `pkg/analyzer` of WVA up to v0.4.2; the tests hold it
against solutions that WVA logged. Times in ms, rates in requests per minute.
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import numpy as np

QUEUE_PER_BATCH = 10  # requests that may wait, in full batches
_LEAST_SHARE = 0.001  # of the lowest and the highest service rate: how far the rates lie inside them
_HALVINGS = 40
_MS_PER_MIN = 60_000


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


class Replica:
    """One replica under requests of given lengths.

    Attributes
    ----------
    lowest, highest : float
        Rates between which the chain is good, requests per minute.
    """

    def __init__(self, profile: Profile, input_tokens: int, output_tokens: int) -> None:
        self._profile = profile
        self._input_tokens = max(input_tokens, 1)
        decodes = max(output_tokens, 1) - 1
        # A request's time at the replica is linear in the batch.
        self._fixed_ms = profile.prefill_ms(self._input_tokens, 0) + decodes * profile.itl_ms(0)
        self._slope_ms = profile.delta * self._input_tokens + decodes * profile.beta
        running = np.arange(1, profile.max_batch + 1)
        per_min = running / (self._fixed_ms + self._slope_ms * running) * _MS_PER_MIN
        self.lowest = float(per_min[0] * _LEAST_SHARE)
        self.highest = float(per_min[-1] * (1 - _LEAST_SHARE))
        waiting = np.full(profile.max_batch * QUEUE_PER_BATCH, per_min[-1])
        self._log_service = np.concatenate([[0.0], np.cumsum(np.log(np.concatenate([per_min, waiting])))])
        self._present = np.arange(len(self._log_service))
        self._running = np.minimum(self._present, profile.max_batch)

    def at(self, rate_per_min: float) -> Prediction:
        """The prediction at a rate; at the bounds of what the chain can do for a rate outside."""
        rate = min(max(rate_per_min, self.lowest), self.highest)
        weight = self._present * np.log(rate) - self._log_service
        share = np.exp(weight - weight.max())
        share /= share.sum()
        running = float(share @ self._running)
        served = rate * (1 - float(share[-1]))  # one who finds the queue full is sent away
        service_ms = running / served * _MS_PER_MIN
        waiting_ms = float(share @ self._present) / served * _MS_PER_MIN - service_ms
        # A mean time belongs to no whole number of requests.
        batch = min(max((service_ms - self._fixed_ms) / self._slope_ms, 0.0), self._profile.max_batch)
        ttft_ms = max(waiting_ms, 0.0) + self._profile.prefill_ms(self._input_tokens, batch)
        return Prediction(self._profile.itl_ms(batch), ttft_ms, running / self._profile.max_batch)

    def max_rate_per_min(self, slo_itl_ms: float, slo_ttft_ms: float) -> float:
        """The highest rate that meets both objectives; the lowest there is if none does."""
        low, high = self.lowest, self.highest
        if _meets(self.at(high), slo_itl_ms, slo_ttft_ms):
            return high
        for _ in range(_HALVINGS):
            middle = (low + high) / 2
            if _meets(self.at(middle), slo_itl_ms, slo_ttft_ms):
                low = middle
            else:
                high = middle
        return low


def _meets(found: Prediction, slo_itl_ms: float, slo_ttft_ms: float) -> bool:
    return found.itl_ms <= slo_itl_ms and found.ttft_ms <= slo_ttft_ms


@lru_cache(maxsize=64)
def highest_rate_per_min(
    profile: Profile, input_tokens: int, output_tokens: int, slo_itl_ms: float, slo_ttft_ms: float
) -> float:
    """The same for a replica that is made for it; loop runs ask again and again for the same lengths."""
    return Replica(profile, input_tokens, output_tokens).max_rate_per_min(slo_itl_ms, slo_ttft_ms)


def idle(profile: Profile) -> tuple[Prediction, float]:
    """What WVA says of a replica without load: one request of one token, and the rate of full batches of such."""
    itl_ms, ttft_ms = profile.itl_ms(1), profile.prefill_ms(1, 1)
    rate = profile.max_batch / (ttft_ms + profile.itl_ms(profile.max_batch)) * _MS_PER_MIN
    return Prediction(itl_ms, ttft_ms, 0.0), rate
