"""Is the optimizer better than no optimizer: its predictions against "same as last time".

Errors are observed - predicted, in ms.

References
----------
Skill score 1 - MSE / MSE_reference: Murphy, "Skill Scores Based on the Mean Square Error", Mon. Weather Rev. 116, 1988.
"""

from __future__ import annotations

from typing import NamedTuple

import pandas as pd

from wva_parse.aligned.frames import Frames
from wva_parse.measures.stats import accuracy_of


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
    # A score of squares, as the reference defines it; which of the two was nearer on average the MAEs tell.
    score = 1 - found.rmse_ms**2 / reference.rmse_ms**2 if reference.rmse_ms > 0 else None
    return Skill(found.n, found.mae_ms, reference.mae_ms, score)
