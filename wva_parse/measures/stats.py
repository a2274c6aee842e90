"""Numbers from frames: accuracy of predictions, attainment of objectives, scaling, saturation.

Units: latencies and errors in ms, durations in s; KV usage, attainment and MAPE are fractions. Everything is of
the run's window. Where nothing can be computed the result is None, never 0.

References
----------
MAPE is taken only where the observed value is above 0 (Hyndman & Koehler, "Another look at measures of forecast
accuracy", Int. J. Forecasting 22, 2006). R² is 1 - SS_res / SS_tot about the mean of the observed values.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from wva_parse.aligned.frames import Frames
from wva_parse.aligned.slo import SLO_COLUMNS
from wva_parse.aligned.supply import is_loaded

METRICS = ("itl", "ttft")
GROUPS = ("all", "loaded", "settled")
EVENT_COLUMNS = (
    *("model", "start", "start_minutes", "end_minutes", "duration_s", "reconciliations", "peak"),
    "is_over",
)
FEWEST_FOR_CORRELATION = 4  # below, a rank correlation is always near an extreme


class Accuracy(NamedTuple):
    """How far predictions were off; error = observed - predicted."""

    n: int
    bias_ms: float
    mae_ms: float
    rmse_ms: float
    median_abs_ms: float
    mape: float | None  # None if nothing observed is above 0
    r2: float | None  # None below two pairs, or if all observed values are equal


class Attainment(NamedTuple):
    """How far loaded observations met each objective; None where it is unknown or nothing was loaded.

    An observation is a mean over a minute. `itl` and `ttft` weigh each by the requests that it is of (rate times the
    time until the next reconciliation), `…_met` count them, of the `…_judged` ones: those with such an objective.
    """

    n: int  # loaded observations
    itl: float | None
    ttft: float | None
    itl_met: int | None
    ttft_met: int | None
    itl_judged: int
    ttft_judged: int


def pick_pairs(pairs: pd.DataFrame, group: str) -> pd.DataFrame:
    """The pairs of a group: `all`, `loaded` or `settled`."""
    return pairs if group == "all" else pairs[pairs[group]]


def accuracy(pairs: pd.DataFrame, group: str, metric: str) -> Accuracy | None:
    """Accuracy of the predicted ITL or TTFT.

    Parameters
    ----------
    pairs : DataFrame
        As `align` makes them.
    group
        `all` (idle latencies count as the 0 that the controller logs, as older reports had it), `loaded` or
        `settled`.
    metric
        `itl` or `ttft`.
    """
    chosen = pick_pairs(pairs, group)
    observed: NDArray[np.float64] = chosen[f"observed_{metric}_ms"].to_numpy(float)
    predicted: NDArray[np.float64] = chosen[f"predicted_{metric}_ms"].to_numpy(float)
    if group == "all":
        observed, predicted = np.nan_to_num(observed), np.nan_to_num(predicted)
    return accuracy_of(observed, predicted)


def accuracy_of(observed: NDArray[np.float64], predicted: NDArray[np.float64]) -> Accuracy | None:
    """Accuracy of one series against another, in the unit of both; pairs in which either is NaN are left out."""
    known = ~(np.isnan(observed) | np.isnan(predicted))
    observed, predicted = observed[known], predicted[known]
    if not len(observed):
        return None
    error = observed - predicted
    above = observed > 0
    spread = float(((observed - observed.mean()) ** 2).sum())
    return Accuracy(
        n=len(error),
        bias_ms=float(error.mean()),
        mae_ms=float(np.abs(error).mean()),
        rmse_ms=float(np.sqrt((error**2).mean())),
        median_abs_ms=float(np.median(np.abs(error))),
        mape=float((np.abs(error[above]) / observed[above]).mean()) if above.any() else None,
        r2=float(1 - (error**2).sum() / spread) if np.ptp(observed) > 0 else None,
    )


def loaded_observations(frames: Frames, slo: pd.DataFrame) -> pd.DataFrame:
    """Observations of load in which both latencies are above 0, with the SLO that each is judged by, and its `weight`.

    A rate of 0 is that of the single request with which a load generator tries the server: no load. The weight is the
    rate times the time until the next reconciliation; 1 in a log without rates. All variants of a model log its rate,
    and share it.
    """
    observed = frames["observed_metrics"]
    starts = frames.reconciliations.set_index("reconciliation")["minutes"]
    usual = frames.interval_s / 60 if frames.interval_s > 0 else 1.0
    lasted = (-starts.diff(-1)).where(lambda minutes: minutes > 0).fillna(usual)
    rates = observed["arrival_rate_per_min"]
    found = observed.assign(weight=observed["reconciliation"].map(lasted))[is_loaded(observed)]
    found = found.merge(slo, on=["namespace", "variant", "reconciliation"], how="left")
    found = found[found["observed_itl_ms"].notna() & found["observed_ttft_ms"].notna()]
    if not rates.notna().any():
        return found.assign(weight=1.0)
    sharing = found.groupby(["reconciliation", "namespace", "model"], dropna=False)["variant"].transform("size")
    return found.assign(weight=found["weight"] * found["arrival_rate_per_min"] / sharing)


def attainment(loaded: pd.DataFrame) -> Attainment:
    """Share of loaded observations (`loaded_observations`) at or below the SLO in force."""
    shares, counts, of = list[float | None](), list[int | None](), list[int]()
    for metric, column in zip(METRICS, SLO_COLUMNS, strict=True):
        judged = loaded[loaded[column] > 0]
        met = judged[f"observed_{metric}_ms"] <= judged[column]
        weights = judged["weight"].to_numpy(float)
        shares.append(float(np.average(met.to_numpy(float), weights=weights)) if weights.sum() > 0 else None)
        counts.append(int(met.sum()) if len(judged) else None)
        of.append(len(judged))
    (itl, ttft), (itl_met, ttft_met), (itl_judged, ttft_judged) = shares, counts, of
    return Attainment(len(loaded), itl, ttft, itl_met, ttft_met, itl_judged, ttft_judged)


def arrival_rates(frames: Frames) -> pd.DataFrame:
    """What WVA measured of all models together: `minutes, per_s`, a row per reconciliation, NaN where it told none.

    All variants of a model log the model's rate.
    """
    observed = frames["observed_metrics"].drop_duplicates(["reconciliation", "namespace", "model"])
    groups = observed.groupby("reconciliation")
    per_s = groups["arrival_rate_per_min"].sum(min_count=1) / 60
    return pd.DataFrame({"minutes": groups["minutes"].first(), "per_s": per_s})


def actions(frames: Frames) -> dict[str, int]:
    """How often each action was decided, once per reconciliation and variant."""
    counts = frames["scaling_decision"]["action"].value_counts()
    return {str(action): int(counts[action]) for action in sorted(counts.index)}


def aggregate_pods(pods: pd.DataFrame, column: str, with_total: bool = False) -> pd.DataFrame:
    """A per-pod metric, per reconciliation and model.

    Parameters
    ----------
    pods : DataFrame
        The `kv_cache` or `queue` frame.
    column
        `kv_cache_usage` or `queue_length`.
    with_total
        Add `total`, the sum over the pods.

    Returns
    -------
    DataFrame
        `reconciliation, timestamp, minutes, model, pods, mean, max, min` (and `total`), in the metric's unit.
    """
    groups = pods.groupby(["reconciliation", "model"], dropna=False, sort=True)
    values = {
        "timestamp": ("timestamp", "first"),
        "minutes": ("minutes", "first"),
        "pods": ("pod", "nunique"),
        "mean": (column, "mean"),
        "max": (column, "max"),
        "min": (column, "min"),
    }
    if with_total:
        values["total"] = (column, "sum")
    table = groups.agg(**values).reset_index()
    others = [name for name in values if name not in ("timestamp", "minutes")]
    return table[["reconciliation", "timestamp", "minutes", "model", *others]]


def saturation_events(pods: pd.DataFrame, threshold: float) -> pd.DataFrame:
    """Times in which at least one pod of a model was saturated: KV usage above the threshold.

    KV usage is the maximum over the past minute: an event begins up to a minute before the reconciliation that shows
    it, and one that a single reconciliation shows has no known duration.

    Parameters
    ----------
    pods : DataFrame
        The `kv_cache` frame.
    threshold
        KV usage, 0 to 1.

    Returns
    -------
    DataFrame
        `model, start, start_minutes, end_minutes, duration_s, reconciliations, peak, is_over`, one row per event, from
        its first saturated reconciliation to the first one that is not, or, where the log ends before (`is_over` is
        false), to the last. `duration_s` is NaN of a single reconciliation.
    """
    found = []
    for model, of_model in aggregate_pods(pods, "kv_cache_usage").groupby("model", dropna=False, sort=False):
        is_saturated = of_model["max"] > threshold
        is_set_back = of_model["minutes"].diff() < 0  # a clock, or another log: no event spans it
        event = ((is_saturated != is_saturated.shift(fill_value=False)) | is_set_back).cumsum()
        following = of_model["minutes"].shift(-1).mask(is_set_back.shift(-1, fill_value=False))
        for _, rows in of_model[is_saturated].groupby(event[is_saturated]):
            start, end = float(rows["minutes"].iloc[0]), float(following[rows.index[-1]])
            is_over = not np.isnan(end)
            end = end if is_over else float(rows["minutes"].iloc[-1])
            lasted_s = (end - start) * 60 if len(rows) > 1 else float("nan")
            peak = rows["max"].max()
            found.append((model, rows["timestamp"].iloc[0], start, end, lasted_s, len(rows), peak, is_over))
    return pd.DataFrame(found, columns=EVENT_COLUMNS)


def spearman(one: pd.Series, other: pd.Series) -> float:
    """Rank correlation; NaN where one does not vary, or below `FEWEST_FOR_CORRELATION` pairs without NaN."""
    known = one.notna() & other.notna()
    first, second = one[known].rank().to_numpy(float), other[known].rank().to_numpy(float)
    if len(first) < FEWEST_FOR_CORRELATION or not first.std() or not second.std():
        return float("nan")
    return float(np.corrcoef(first, second)[0, 1])
