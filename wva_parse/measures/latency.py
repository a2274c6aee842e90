"""Latencies as the controller observed them, over all of a run: what is left to compare where no client tells any.

Each is a mean over the minute before it. So that minutes count by what was served in them, both are weighted
by the requests answered in each; where the log tells no rates every observation counts alike.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from wva_parse.measures.stats import METRICS


def observed_latency(loaded: pd.DataFrame, by_requests: bool) -> dict[str, Any] | None:
    """The means over loaded observations; None if there is none.

    Parameters
    ----------
    loaded : DataFrame
        As `stats.loaded_observations` makes it.
    by_requests
        Whether its weights are requests.

    Returns
    -------
    dict
        `n` observations, `itl_ms`, `ttft_ms`, and `weighted_by`: `requests`, or `observations`; with every observation
        alike, `itl_plain_ms`, `ttft_plain_ms`.
    """
    if not len(loaded):
        return None
    columns = {metric: loaded[f"observed_{metric}_ms"].to_numpy(float) for metric in METRICS}
    weights = loaded["weight"].to_numpy(float)
    return {
        "n": len(loaded),
        **{f"{metric}_ms": float(np.average(values, weights=weights)) for metric, values in columns.items()},
        "weighted_by": "requests" if by_requests else "observations",
        **{f"{metric}_plain_ms": float(values.mean()) for metric, values in columns.items()},
    }
