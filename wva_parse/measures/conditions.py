"""Under which conditions predictions are off: at other replicas than predicted, and under which load.

Errors are observed - predicted, in ms, of loaded pairs (`align`).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd

from wva_parse.aligned.frames import Frames
from wva_parse.measures.stats import METRICS, spearman

RATE_CHANGED = 0.10  # of the assumed rate; a steady pair saw no more
MISMATCH_COLUMNS = ["mismatch", "n", "itl_mae_ms", "itl_bias_ms", "ttft_mae_ms", "ttft_bias_ms"]


class LoadCorrelation(NamedTuple):
    """Spearman's rank correlation of the absolute error with a measure of load; None where it says nothing."""

    n: int
    rho: float | None


def by_mismatch(pairs: pd.DataFrame) -> pd.DataFrame:
    """Errors of loaded pairs by how many replicas more than predicted were observed.

    Returns
    -------
    DataFrame
        `MISMATCH_COLUMNS`, in order of `mismatch` (observed - predicted replicas; 0: settled pairs).
    """
    of_metrics = (
        _by_mismatch(pairs, metric).rename(columns={"mae_ms": f"{metric}_mae_ms", "bias_ms": f"{metric}_bias_ms"})
        for metric in METRICS
    )
    itl, ttft = of_metrics
    return itl.merge(ttft, on=["mismatch", "n"]).astype({"mismatch": "int64"})[MISMATCH_COLUMNS]


def _by_mismatch(pairs: pd.DataFrame, metric: str) -> pd.DataFrame:
    """The same for one metric: `mismatch, n, bias_ms, mae_ms`."""
    loaded = pairs[pairs["loaded"]]
    mismatch = loaded["observed_replicas"] - loaded["predicted_replicas"]
    rows = []
    for number, of_group in loaded.groupby(mismatch):
        error = of_group[f"{metric}_error_ms"].to_numpy(float)
        rows.append((number, len(error), float(error.mean()), float(np.abs(error).mean())))
    return pd.DataFrame(rows, columns=["mismatch", "n", "bias_ms", "mae_ms"])


def load_correlation(pairs: pd.DataFrame, metric: str) -> LoadCorrelation:
    """Whether predictions of `metric` (`itl` or `ttft`) are further off the higher the arrival rate is."""
    return _correlation(pairs, metric, pairs["arrival_rate_per_min"])


def kv_correlation(pairs: pd.DataFrame, frames: Frames, metric: str) -> LoadCorrelation:
    """Whether they are further off the fuller the fullest pod is, in the reconciliation of the observation."""
    return _correlation(pairs, metric, _fullest(pairs, frames))


def _correlation(pairs: pd.DataFrame, metric: str, side: pd.Series) -> LoadCorrelation:
    error = pairs[f"{metric}_error_ms"].abs()
    known = pairs["loaded"] & error.notna() & side.notna()
    rho = spearman(error[known], side[known])
    return LoadCorrelation(int(known.sum()), None if pd.isna(rho) else rho)


def _fullest(pairs: pd.DataFrame, frames: Frames) -> pd.Series:
    """KV usage of the fullest pod of a pair's model when it was observed; of all pods where a log names no model."""
    pods, at = frames["kv_cache"], pairs["reconciliation"] + 1
    if pods["model"].isna().any():
        highest = pods.groupby("reconciliation")["kv_cache_usage"].max()
        return at.map(highest).astype("float64")
    models = frames["observed_metrics"].drop_duplicates("variant").set_index("variant")["model"]
    highest = pods.groupby(["reconciliation", "model"])["kv_cache_usage"].max()
    keys = pd.MultiIndex.from_arrays([at, pairs["variant"].map(models)])
    return pd.Series(highest.reindex(keys).to_numpy(float), index=pairs.index)


def rate_changed(pairs: pd.DataFrame, by: float = RATE_CHANGED) -> int:
    """How many pairs were observed at another rate than their prediction assumed, by more than a share `by` of it."""
    assumed = pairs["predicted_rate_per_min"]
    return int(((pairs["arrival_rate_per_min"] - assumed).abs() > by * assumed).sum())


def rates_known(pairs: pd.DataFrame) -> int:
    """How many pairs tell both rates."""
    return int((pairs["arrival_rate_per_min"].notna() & pairs["predicted_rate_per_min"].notna()).sum())
