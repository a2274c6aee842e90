"""The parameters of a controller that names none, from its predictions: those with which the model predicts the same.

A prediction is exact arithmetic, so a few of them determine four numbers; a prediction without load tells
alpha + beta and gamma + delta at once. Whether they are right is seen by how many predictions they reproduce.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from wva_parse.optimizer.queueing import Floats, Load, Parameters, Profile, Replica, idle

EXACT = 1e-5  # relative: what is left where the parameters are the right ones and WVA counts in 32 bits
DIGITS = (3, 4, 5, 6)  # significant ones that people give parameters with, the fewest first
MOST_POINTS = 40  # of different loads; more tell nothing new
# Where the search begins: shares of what an idle replica takes that grow with the batch.
_SHARES = (0.005, 0.05)
_PREFILL_SHARE = 2e-5


class Logged(NamedTuple):
    """A prediction: of what load on how many replicas it was made, and what it said."""

    load: Load
    replicas: int
    max_batch: int
    itl_ms: float
    ttft_ms: float


@lru_cache(maxsize=64)
def infer(logged: tuple[Logged, ...]) -> Parameters | None:
    """The parameters that reproduce predictions best; None if there is nothing to begin with.

    Parameters
    ----------
    logged
        Different predictions of one variant.

    Returns
    -------
    Parameters or None
        With as few digits as reproduce the predictions exactly, if any do.
    """
    usable = [each for each in logged if each.itl_ms > 0 and each.ttft_ms > 0 and each.replicas > 0]
    if not usable:
        return None
    step = max(len(usable) // MOST_POINTS, 1)
    chosen = usable[::step]
    itl_ms, ttft_ms = (min(getattr(each, name) for each in usable) for name in ("itl_ms", "ttft_ms"))
    found = [_search(chosen, itl_ms, ttft_ms, share) for share in _SHARES]
    best = min(found, key=lambda parameters: _worst(parameters, chosen))
    return next((rounded for rounded in _rounded(best) if _worst(rounded, chosen) <= EXACT), best)


def _search(logged: list[Logged], itl_ms: float, ttft_ms: float, share: float) -> Parameters:
    from scipy.optimize import least_squares  # importing it takes longer than most runs need

    start = np.array([itl_ms * (1 - share), itl_ms * share, ttft_ms * (1 - _PREFILL_SHARE), ttft_ms * _PREFILL_SHARE])

    def residuals(scaled: Floats) -> Floats:
        return _errors(Parameters(*(scaled * start)), logged)

    found = least_squares(residuals, np.ones(4), bounds=(1e-6, 1e4), x_scale="jac", xtol=1e-13, ftol=1e-13, gtol=1e-13)
    return Parameters(*map(float, found.x * start))


def _errors(parameters: Parameters, logged: list[Logged]) -> Floats:
    """Relative errors of ITL and TTFT, two for each prediction."""
    errors = []
    for each in logged:
        profile = Profile(*parameters, each.max_batch)
        if each.load.is_idle:
            ours = idle(profile)[0]
        else:
            # Not remembered: a search tries hundreds.
            replica = Replica(profile, each.load.input_tokens, each.load.output_tokens)
            ours = replica.at(each.load.rate_per_min / each.replicas)
        errors += [ours.itl_ms / each.itl_ms - 1, ours.ttft_ms / each.ttft_ms - 1]
    return np.array(errors)


def _worst(parameters: Parameters, logged: list[Logged]) -> float:
    return float(np.abs(_errors(parameters, logged)).max())


def _rounded(parameters: Parameters) -> Iterator[Parameters]:
    for digits in DIGITS:
        yield Parameters(*(float(f"{value:.{digits}g}") for value in parameters))
