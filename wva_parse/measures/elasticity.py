"""Replicas against the replicas that the demand needed.

The **demand** is an estimate, stated and replaceable: requests per minute divided by what one replica can serve
within the SLO, rounded up. Where a run's plan is known the requests are the offered ones, else those that the
controller measured (answered ones: while pods are saturated, fewer than came). What one replica can serve is the
caller's, or the highest rate per replica among the observations that met the SLO (or, with no SLO known, that had no
saturated pod and no queue); a lower bound of the truth where the run never came near it.

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

PER_MODEL = ["reconciliation", "namespace", "model"]


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
    least_replica_s: float  # what a perfect autoscaler would have used
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


def estimate_capacity_per_min(loaded: pd.DataFrame, without_slo: pd.Series | None = None) -> float | None:
    """The highest rate per replica that was served well, requests per minute; None if none was.

    Parameters
    ----------
    loaded : DataFrame
        `stats.loaded_observations`. Its rates are those of the model, which the replicas of all variants share.
    without_slo
        For observations without any SLO: whether they count as served well (same index); None: none of them does.
    """
    met = pd.Series(True, index=loaded.index)
    judged = pd.Series(False, index=loaded.index)
    for metric in ("itl", "ttft"):
        known = loaded[f"slo_{metric}_ms"] > 0
        judged |= known
        met &= ~known | (loaded[f"observed_{metric}_ms"] <= loaded[f"slo_{metric}_ms"])
    fallback = without_slo if without_slo is not None else pd.Series(False, index=loaded.index)
    # Every variant of a model is told the rate of the whole model, which all of their replicas serve together.
    states = loaded.assign(met=met, judged=judged, otherwise=fallback.reindex(loaded.index, fill_value=False))
    served = states.groupby(PER_MODEL, dropna=False).agg(
        rate=("arrival_rate_per_min", "max"),
        replicas=("observed_replicas", "sum"),
        met=("met", "all"),
        judged=("judged", "any"),
        otherwise=("otherwise", "all"),
    )
    well = served["met"] & (served["judged"] | served["otherwise"])
    rates = (served["rate"] / served["replicas"])[well & (served["replicas"] > 0)]
    highest = rates.max()
    return float(highest) if highest > 0 else None


def measured_need(observed: pd.DataFrame, capacity_per_min: float) -> pd.DataFrame:
    """The replicas that the measured load needed, those of all models together.

    Parameters
    ----------
    observed : DataFrame
        The `observed_metrics` frame.

    Returns
    -------
    DataFrame
        `minutes, replicas`: a row per reconciliation in which a rate was observed.
    """
    models = observed.dropna(subset=["arrival_rate_per_min"]).groupby(PER_MODEL, dropna=False, sort=False)
    each = models.agg(minutes=("minutes", "first"), rate=("arrival_rate_per_min", "max"))
    each["replicas"] = needed_replicas(each["rate"], capacity_per_min)
    together = each.groupby("reconciliation", sort=False).agg(
        minutes=("minutes", "first"), replicas=("replicas", "sum")
    )
    return together.reset_index(drop=True)


def offered_rate(workloads: Sequence[tuple[float, float, float]]) -> pd.DataFrame:
    """The sum of overlapping loads as steps.

    Parameters
    ----------
    workloads
        Start and end in minutes, and rate in requests per minute, of each.

    Returns
    -------
    DataFrame
        `minutes, rate_per_min`: the rate from each time on, until the next.
    """
    times = sorted({time for start, end, _ in workloads for time in (start, end)})
    rates = [sum(rate for start, end, rate in workloads if start <= time < end) for time in times]
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
        least_replica_s=total(needed),
        used_replica_s=total(supplied),
    )
