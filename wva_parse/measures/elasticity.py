"""Replicas against the replicas that the demand needed.

The **demand** is the offered rate divided by what one replica serves within the SLO, rounded up. The rate that the
controller measures is no demand: it counts answers, late, fewer than came while requests wait and more while a queue
drains. What one replica serves is an assumption, and stated: the caller's, or the optimizer's own (the highest rate
that meets the SLO by its model). The best minute of a run is neither: one model on one GPU type came out between 2 and
29 requests per second over captured runs. As much hangs on it, `by_capacity` shows the shares for a range of them.

Both demand and supply are step functions; areas are replica-seconds, shares are fractions of the time.

References
----------
Accuracy, time share and jitter: Herbst et al., "Ready for Rain? A View from SPEC Research on the Future of Cloud
Metrics", SPEC RG 2016; Herbst, "Methods and Benchmarks for Auto-Scaling Mechanisms in Elastic Cloud Environments",
2018.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from wva_parse.aligned.offered import Span

MOST_AT_PEAK = 12  # replicas at the peak of the load, at the lowest capacity that is shown


class Elasticity(NamedTuple):
    """How supply followed demand over `duration_s`."""

    duration_s: float
    over_replica_s: float  # area of supply above demand
    under_replica_s: float  # area of demand above supply
    over_accuracy: float  # mean of (supply - demand) / demand where positive, else 0
    under_accuracy: float
    over_share: float  # share of the time with supply above demand
    under_share: float
    jitter_per_min: float  # changes of supply less changes of demand, per minute; negative: supply was too slow
    needed_replica_s: float  # the area of the demand, at the stated capacity
    used_replica_s: float


def needed_replicas(rate_per_min: pd.Series, capacity_per_min: float, least: int = 1) -> pd.Series:
    """Replicas that serve a rate, at least `least`.

    Parameters
    ----------
    rate_per_min
        Requests per minute.
    capacity_per_min
        Requests per minute that one replica serves within the SLO, above 0.
    """
    # A rate that is a whole number of replicas must not be rounded up by its last bit.
    needed = np.ceil((rate_per_min.to_numpy(float) / capacity_per_min).round(9))
    return pd.Series(needed, index=rate_per_min.index).clip(lower=least)


def offered_rate(spans: Sequence[Span]) -> pd.DataFrame:
    """The sum of overlapping loads as steps.

    Returns
    -------
    DataFrame
        `minutes, rate_per_min`: the rate from each time on, until the next.
    """
    times = sorted({time for each in spans for time in (each.start, each.end)})
    rates = [60 * sum(each.rate_per_s for each in spans if each.start <= time < each.end) for time in times]
    return pd.DataFrame({"minutes": times, "rate_per_min": rates}, dtype="float64")


def steps_at(steps: pd.DataFrame, column: str, minutes: NDArray[np.float64]) -> NDArray[np.float64]:
    """The value of a step function at given times; before its first step that one."""
    if not len(steps):
        return np.full(len(minutes), np.nan)
    at = np.searchsorted(steps["minutes"].to_numpy(float), minutes, side="right") - 1
    values: NDArray[np.float64] = steps[column].to_numpy(float)
    return values.take(np.maximum(at, 0))


def elasticity(
    supply: pd.DataFrame, demand: pd.DataFrame, start_minutes: float, end_minutes: float
) -> Elasticity | None:
    """Compare two step functions over a time.

    Parameters
    ----------
    supply, demand : DataFrame
        `minutes, replicas`, in order; demand at least 1 everywhere.

    Returns
    -------
    Elasticity or None
        None if either is empty or the time is.
    """
    if not len(supply) or not len(demand) or not end_minutes > start_minutes:
        return None
    inner = [*supply["minutes"], *demand["minutes"]]
    edges = np.unique([start_minutes, end_minutes, *(time for time in inner if start_minutes < time < end_minutes)])
    lengths_s = np.diff(edges) * 60
    supplied, needed = (steps_at(steps, "replicas", edges[:-1]) for steps in (supply, demand))
    duration_s = float(lengths_s.sum())
    over, under = np.maximum(supplied - needed, 0), np.maximum(needed - supplied, 0)

    def total(values: NDArray[np.float64] | NDArray[np.bool_]) -> float:
        return float((values * lengths_s).sum())

    return Elasticity(
        duration_s=duration_s,
        over_replica_s=total(over),
        under_replica_s=total(under),
        over_accuracy=total(over / needed) / duration_s,
        under_accuracy=total(under / needed) / duration_s,
        over_share=total(over > 0) / duration_s,
        under_share=total(under > 0) / duration_s,
        jitter_per_min=float(np.count_nonzero(np.diff(supplied)) - np.count_nonzero(np.diff(needed)))
        / (duration_s / 60),
        needed_replica_s=total(needed),
        used_replica_s=total(supplied),
    )


def by_capacity(
    supply: pd.DataFrame, rates: pd.DataFrame, start_minutes: float, end_minutes: float
) -> list[dict[str, float]]:
    """The shares of the time for a range of capacities, from one replica at the peak of the load to `MOST_AT_PEAK`.

    Parameters
    ----------
    supply : DataFrame
        `minutes, replicas`.
    rates : DataFrame
        `minutes, rate_per_min`: what was offered.

    Returns
    -------
    list of dict
        `capacity_per_replica_per_s`, `at_peak` (replicas), `under_share`, `over_share`, `under_replica_s`,
        `over_replica_s`; empty without load.
    """
    peak = float(rates["rate_per_min"].max()) if len(rates) else 0.0
    found = []
    for replicas in range(1, MOST_AT_PEAK + 1) if peak > 0 else ():
        needed = needed_replicas(rates["rate_per_min"], peak / replicas)
        demand = pd.DataFrame({"minutes": rates["minutes"], "replicas": needed})
        if got := elasticity(supply, demand, start_minutes, end_minutes):
            told = ("under_share", "over_share", "under_replica_s", "over_replica_s")
            stated = {"capacity_per_replica_per_s": peak / replicas / 60, "at_peak": float(replicas)}
            found.append(stated | {name: getattr(got, name) for name in told})
    return found
