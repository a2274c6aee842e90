"""Repeats of an experiment: spread of a figure over runs, and one mode against the other.

Units are those of the figure. Nothing is averaged: with a few repeats a mean hides what a range shows.

References
----------
Interval of a median by order statistics: David & Nagaraja, "Order Statistics", 3rd ed., 2003, section 7.1.
Cliff's delta: Cliff, "Dominance statistics", Psychological Bulletin 114, 1993. Percentile bootstrap: Efron &
Tibshirani, "An Introduction to the Bootstrap", 1993, chapter 13.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import comb
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

COVERAGE = 0.95
LEAST_FOR_EFFECT = 5  # runs in each group; below, a bootstrap draws the same few samples again and again
RESAMPLES = 10_000
SEED = 20_251_208  # fixed, so that the same runs give the same intervals


Samples = NDArray[np.float64]  # the last axis is that of the runs
Places = NDArray[np.int64]
_Interval = tuple[float, float]


class Spread(NamedTuple):
    """A figure over the runs of a group; `interval` of the median, None where `reason` says why."""

    n: int
    median: float
    least: float
    most: float
    interval: tuple[float, float] | None
    reason: str


class Effect(NamedTuple):
    """First group against second: Cliff's delta, and difference of the medians, each with a bootstrap interval.

    `delta` is 1 if every run of the first is above every run of the second, 0 if neither is; None of one run against
    one, whose difference is no effect.
    """

    delta: float | None
    delta_interval: tuple[float, float] | None
    difference: float
    difference_interval: tuple[float, float] | None
    reason: str


class Ratio(NamedTuple):
    """The median of the first group by that of the second, its bootstrap interval, and the range over all pairs."""

    median: float
    least: float
    most: float
    interval: tuple[float, float] | None


def spread(values: Sequence[float]) -> Spread:
    """Median and range of at least one value, and the median's interval where there are enough."""
    ordered = sorted(values)
    n = len(ordered)
    rank = _interval_rank(n)
    interval = (ordered[rank - 1], ordered[n - rank]) if rank else None
    reason = "" if rank else f"n = {n}, an interval needs {_least_runs()} runs"
    return Spread(n, float(np.median(ordered)), ordered[0], ordered[-1], interval, reason)


def _interval_rank(n: int) -> int:
    """The highest rank k for which (k-th lowest, k-th highest) covers the median often enough, 0 if none does."""
    tail, rank = 0.0, 0
    for k in range(n // 2):
        tail += comb(n, k) / 2**n
        if 1 - 2 * tail < COVERAGE:
            break
        rank = k + 1
    return rank


def _least_runs() -> int:
    return next(n for n in range(2, 100) if _interval_rank(n))


def effect(first: Sequence[float], second: Sequence[float]) -> Effect:
    """One group of runs against another, each of at least one value."""
    a, b = np.array(first, dtype=float), np.array(second, dtype=float)
    delta, difference = cliffs_delta(a, b), float(_difference(a, b))
    if len(a) == len(b) == 1:
        return Effect(None, None, difference, None, "one run of each, a difference of two runs is no effect")
    if min(len(a), len(b)) < LEAST_FOR_EFFECT:
        reason = f"n = {len(a)} and {len(b)}, an interval needs {LEAST_FOR_EFFECT} runs of each"
        return Effect(delta, None, difference, None, reason)
    return Effect(delta, _delta_interval(a, b), difference, _interval_of(_difference, a, b), "")


def ratio(first: Sequence[float], second: Sequence[float]) -> Ratio | None:
    """How many times as much the first has; None unless all values of both are above 0."""
    a, b = np.array(first, dtype=float), np.array(second, dtype=float)
    if min(*first, *second) <= 0:
        return None
    interval = _interval_of(_quotient, a, b) if min(len(a), len(b)) >= LEAST_FOR_EFFECT else None
    return Ratio(float(_quotient(a, b)), float(a.min() / b.max()), float(a.max() / b.min()), interval)


def cliffs_delta(first: Samples, second: Samples) -> float:
    """Share of pairs in which the first is above minus share in which it is below."""
    return float(_signs(first, second).mean())


def _signs(first: Samples, second: Samples) -> Samples:
    found: Samples = np.sign(first[:, None] - second[None, :])
    return found


def _difference(first: Samples, second: Samples) -> Samples:
    return np.asarray(np.median(first, axis=-1) - np.median(second, axis=-1))


def _quotient(first: Samples, second: Samples) -> Samples:
    return np.asarray(np.median(first, axis=-1) / np.median(second, axis=-1))


# --- bootstrap


def _interval_of(statistic: Callable[[Samples, Samples], Samples], first: Samples, second: Samples) -> _Interval:
    """Of a statistic that takes each row of samples by itself."""
    ours, theirs = _drawn(first, second)
    return _middle(statistic(first[ours], second[theirs]))


def _delta_interval(first: Samples, second: Samples) -> _Interval:
    """Of Cliff's delta, without a matrix of pairs for each sample: from how often each run was drawn into it."""
    ours, theirs = (
        _times_drawn(drawn, len(each)) for drawn, each in zip(_drawn(first, second), (first, second), strict=True)
    )
    above = ((ours @ _signs(first, second)) * theirs).sum(axis=1)
    return _middle(above / (len(first) * len(second)))


def _drawn(first: Samples, second: Samples) -> list[Places]:
    """Which runs of each are in each sample."""
    random = np.random.default_rng(SEED)
    return [random.choice(len(each), (RESAMPLES, len(each))) for each in (first, second)]


def _times_drawn(drawn: Places, count: int) -> Samples:
    rows = np.arange(len(drawn))[:, None] * count
    times: Samples = np.bincount((drawn + rows).ravel(), minlength=len(drawn) * count).astype(float)
    return times.reshape(len(drawn), count)


def _middle(values: Samples) -> _Interval:
    low, high = np.quantile(values, [(1 - COVERAGE) / 2, (1 + COVERAGE) / 2])
    return float(low), float(high)
