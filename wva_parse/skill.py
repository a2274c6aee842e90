"""Is the optimizer better than no optimizer: its predictions against "same as last time", and where they fail.

Errors are observed - predicted, in ms.

References
----------
Skill score 1 - MSE / MSE_reference: Murphy, "Skill Scores Based on the Mean Square Error", Mon. Weather Rev. 116, 1988.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd

from wva_parse.frames import Frames
from wva_parse.stats import accuracy_of

LOAD_CLASSES = 4


class Skill(NamedTuple):
    """Predictions against persistence, over the same loaded pairs."""

    n: int
    mae_ms: float
    persistence_mae_ms: float
    skill: float | None  # above 0: better than "same as last time"; None if that was perfect


def with_last_observation(pairs: pd.DataFrame, frames: Frames) -> pd.DataFrame:
    """Pairs with `last_itl_ms` and `last_ttft_ms`: what was observed when the prediction was made (NaN if idle)."""
    last = frames["observed_metrics"][["variant", "reconciliation", "observed_itl_ms", "observed_ttft_ms"]]
    last = last.rename(columns={"observed_itl_ms": "last_itl_ms", "observed_ttft_ms": "last_ttft_ms"})
    last = last.drop_duplicates(["variant", "reconciliation"], keep="last")
    return pairs.merge(last, on=["variant", "reconciliation"], how="left")


def skill(pairs: pd.DataFrame, metric: str) -> Skill | None:
    """Skill of the predicted ITL or TTFT.

    Parameters
    ----------
    pairs : DataFrame
        As `with_last_observation` returns them.
    metric
        `itl` or `ttft`.

    Returns
    -------
    Skill or None
        Over the loaded pairs that have a last observation as well; None without any.
    """
    chosen = pairs[pairs["loaded"] & pairs[f"last_{metric}_ms"].notna()]
    observed = chosen[f"observed_{metric}_ms"].to_numpy(float)
    found = accuracy_of(observed, chosen[f"predicted_{metric}_ms"].to_numpy(float))
    reference = accuracy_of(observed, chosen[f"last_{metric}_ms"].to_numpy(float))
    if found is None or reference is None:
        return None
    score = 1 - found.rmse_ms**2 / reference.rmse_ms**2 if reference.rmse_ms > 0 else None
    return Skill(found.n, found.mae_ms, reference.mae_ms, score)


def error_by_load(pairs: pd.DataFrame, metric: str, classes: int = LOAD_CLASSES) -> pd.DataFrame:
    """Errors of loaded pairs in classes of the observed arrival rate, each with as many pairs as the others.

    Returns
    -------
    DataFrame
        `from_per_min, to_per_min, n, bias_ms, mae_ms`, in order of the rate.
    """
    loaded = pairs[pairs["loaded"] & pairs["arrival_rate_per_min"].notna()]
    if not len(loaded):
        return _table([], ["from_per_min", "to_per_min"])
    # Ranks, so that equal rates at an edge do not end in an error.
    groups = pd.qcut(loaded["arrival_rate_per_min"].rank(method="first"), min(classes, len(loaded)), labels=False)
    rates = loaded["arrival_rate_per_min"].groupby(groups)
    return _table(
        [
            (rates.get_group(number).min(), rates.get_group(number).max(), *_errors(of_group, metric))
            for number, of_group in loaded.groupby(groups)
        ],
        ["from_per_min", "to_per_min"],
    )


def error_by_mismatch(pairs: pd.DataFrame, metric: str) -> pd.DataFrame:
    """Errors of loaded pairs by observed less predicted replicas.

    Returns
    -------
    DataFrame
        `mismatch, n, bias_ms, mae_ms`, in order of the mismatch; negative: fewer replicas ran than predicted for.
    """
    loaded = pairs[pairs["loaded"]]
    mismatch = loaded["observed_replicas"] - loaded["predicted_replicas"]
    return _table([(number, *_errors(of_group, metric)) for number, of_group in loaded.groupby(mismatch)], ["mismatch"])


def _errors(pairs: pd.DataFrame, metric: str) -> tuple[int, float, float]:
    error = pairs[f"{metric}_error_ms"].to_numpy(float)
    return len(error), float(error.mean()), float(np.abs(error).mean())


def _table(rows: list[tuple[float, ...]], first: list[str]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=[*first, "n", "bias_ms", "mae_ms"])
