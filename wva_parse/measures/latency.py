"""Latencies as the controller observed them, over all of a run: what is left to compare where no client tells any.

Each observation is a mean over the minute before it. So that minutes count by what was served in them, TTFT is weighted
by the requests answered in it, ITL by their output tokens; where the log tells no rates every observation counts alike.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from wva_parse.aligned.frames import Frames


def observed_latency(frames: Frames) -> dict[str, Any] | None:
    """The means over loaded observations; None if there is none.

    Returns
    -------
    dict
        `n` observations, `itl_ms`, `ttft_ms`, and `weighted_by`: `requests`, or `observations`.
    """
    observed = frames["observed_metrics"]
    loaded = observed.dropna(subset=["observed_itl_ms", "observed_ttft_ms"])
    if not len(loaded):
        return None
    requests = loaded["arrival_rate_per_min"].fillna(0).clip(lower=0)
    is_weighted = bool(requests.sum() > 0)
    tokens = requests * loaded["output_tokens"].fillna(loaded["output_tokens"].median()).fillna(1)
    weights = {"itl": tokens, "ttft": requests} if is_weighted and tokens.sum() > 0 else {"itl": None, "ttft": None}
    means = {
        f"{metric}_ms": float(np.average(loaded[f"observed_{metric}_ms"], weights=weights[metric]))
        for metric in ("itl", "ttft")
    }
    return {"n": len(loaded), **means, "weighted_by": "observations" if weights["itl"] is None else "requests"}
