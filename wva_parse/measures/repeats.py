"""How many repeats are needed to see a difference, from how much the runs at hand differ among themselves.

The number per mode with which a two-sided test at `ALPHA` finds a difference of a share d of the mean with probability
`POWER`, if both modes vary as these runs do (coefficient of variation c, standard deviation by mean):

    n = 2 · (z(1 − ALPHA/2) + z(POWER))² · (c / d)²  +  z(1 − ALPHA/2)² / 4

rounded up, at least 2. The first term is the normal approximation, 15.7 (c/d)²; the second, about one run, is
Guenther's correction for a t test, in which the spread is estimated as well. Values are taken as they are, not their
logarithms: at differences of 10 and 20 % the two give nearly the same.

A spread that is known from few runs is hardly known: n goes with its square. So its interval is given too, from the
chi-square interval of a variance at 95 %: (k − 1)/χ²(0.975) to (k − 1)/χ²(0.025) times as much of k runs, 0.36 to 8.3
times of five, 0.2 to 1,000 times of two.

References
----------
Guenther, "Sample size formulas for normal theory t tests", The American Statistician 35, 1981.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import NormalDist, fmean, stdev
from typing import NamedTuple

ALPHA, POWER = 0.05, 0.8
DIFFERENCES = (0.10, 0.20)
LEAST = 2

_Z_ALPHA, _Z_POWER = NormalDist().inv_cdf(1 - ALPHA / 2), NormalDist().inv_cdf(POWER)


class Needed(NamedTuple):
    """Runs per mode; `least` and `most` with the spread at the ends of its interval."""

    n: int
    least: int
    most: int


def variation(values: Sequence[float]) -> float | None:
    """The coefficient of variation; None of fewer than two values, or if their mean is not above 0."""
    if len(values) < LEAST or not (mean := fmean(values)) > 0:
        return None
    return stdev(values) / mean


def runs_needed(coefficient: float, difference: float) -> int:
    """Runs per mode that show a difference (a share of the mean), see the module."""
    n = 2 * (_Z_ALPHA + _Z_POWER) ** 2 * (coefficient / difference) ** 2 + _Z_ALPHA**2 / 4
    return max(LEAST, math.ceil(n))


def needed(values: Sequence[float], difference: float) -> Needed | None:
    """The same from the runs at hand; None where they tell no spread."""
    coefficient = variation(values)
    if coefficient is None:
        return None
    low, high = spread_factors(len(values))
    return Needed(*(runs_needed(coefficient * math.sqrt(factor), difference) for factor in (1, low, high)))


def spread_factors(runs: int) -> tuple[float, float]:
    """How many times the variance of so many runs its true value may be, at 95 %."""
    from scipy.special import chdtri  # importing it takes longer than the other commands need

    free = runs - 1
    return free / float(chdtri(free, 0.025)), free / float(chdtri(free, 0.975))
