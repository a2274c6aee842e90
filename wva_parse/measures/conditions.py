"""Under which conditions predictions are off: at other replicas than predicted, and under which load.

Errors are observed - predicted, in ms, of loaded pairs (`align`).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd

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
    """Whether predictions of `metric` (`itl` or `ttft`) are further off the higher the load is."""
    loaded = pairs[pairs["loaded"]].dropna(subset=[f"{metric}_error_ms", "arrival_rate_per_min"])
    rho = spearman(loaded[f"{metric}_error_ms"].abs(), loaded["arrival_rate_per_min"])
    return LoadCorrelation(len(loaded), None if pd.isna(rho) else rho)


def kv_correlation(pairs: pd.DataFrame, kv: pd.DataFrame, metric: str) -> LoadCorrelation:
    """Whether predictions of `metric` are further off the fuller the fullest pod is when they are held against it.

    Parameters
    ----------
    kv : DataFrame
        The `kv_cache` frame. Pods do not tell their variant: the fullest of all.
    """
    fullest = kv.groupby("reconciliation")["kv_cache_usage"].max()
    loaded = pairs[pairs["loaded"]].dropna(subset=[f"{metric}_error_ms"])
    usage = (loaded["reconciliation"] + 1).map(fullest)
    rho = spearman(loaded[f"{metric}_error_ms"].abs(), usage)
    return LoadCorrelation(int(usage.notna().sum()), None if pd.isna(rho) else rho)


def rate_changed(pairs: pd.DataFrame, by: float = RATE_CHANGED) -> int:
    """How many pairs were observed at another rate than their prediction assumed, by more than a share `by` of it."""
    assumed = pairs["predicted_rate_per_min"]
    return int(((pairs["arrival_rate_per_min"] - assumed).abs() > by * assumed).sum())
