"""Latencies as the controller observed them, over all of a run: what is left to compare where no client tells any.

Each is a mean over the minute before it. So that minutes count by what was served in them, both are weighted
by the requests answered in each; where the log tells no rates every observation counts alike.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from wva_parse.aligned.frames import Frames
from wva_parse.measures.stats import METRICS


def observed_latency(frames: Frames) -> dict[str, Any] | None:
    """The means over loaded observations; None if there is none.

    Returns
    -------
    dict
        `n` observations, `itl_ms`, `ttft_ms`, and `weighted_by`: `requests`, or `observations`; with every observation
        alike, `itl_plain_ms`, `ttft_plain_ms`.
    """
    observed = frames["observed_metrics"]
    loaded = observed.dropna(subset=["observed_itl_ms", "observed_ttft_ms"])
    if not len(loaded):
        return None
    requests = loaded["arrival_rate_per_min"].fillna(0).clip(lower=0).to_numpy(float)
    weights = requests if requests.sum() > 0 else None
    columns = {metric: loaded[f"observed_{metric}_ms"].to_numpy(float) for metric in METRICS}
    return {
        "n": len(loaded),
        **{f"{metric}_ms": float(np.average(values, weights=weights)) for metric, values in columns.items()},
        "weighted_by": "observations" if weights is None else "requests",
        **{f"{metric}_plain_ms": float(values.mean()) for metric, values in columns.items()},
    }
