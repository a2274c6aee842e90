"""Predictions against what was observed one reconciliation later.

The optimizer predicts at reconciliation N what its decision will lead to; the controller observes at N+1. A pair
is the prediction of N and the observation of the **same variant** at exactly N+1, unless more than
`GAP_INTERVALS` usual intervals lie between the two lines.

Error = observed - predicted, in ms: positive where the optimizer was optimistic. A pair is **loaded** if both
observed latencies are above 0, and **settled** if it is loaded and the observed replicas are the predicted ones,
the condition that the prediction was made for.
"""

from __future__ import annotations

from typing import NamedTuple

import pandas as pd

from wva_parse.aligned.frames import Frames, minutes_since

GAP_INTERVALS = 1.5  # a missed reconciliation makes it 2

PAIR_COLUMNS = (
    "variant",
    "reconciliation",
    "predicted_at",
    "observed_at",
    "predicted_itl_ms",
    "observed_itl_ms",
    "itl_error_ms",
    "predicted_ttft_ms",
    "observed_ttft_ms",
    "ttft_error_ms",
    "predicted_replicas",
    "observed_replicas",
    "arrival_rate_per_min",
    "loaded",
    "settled",
    "slo_itl_violated",
    "slo_ttft_violated",
    "minutes",
    "predicted_rate_per_min",
    "predicted_input_tokens",
    "predicted_output_tokens",
    "observed_input_tokens",
    "observed_output_tokens",
)
_ASSUMED = {  # in the prediction
    "timestamp": "predicted_at",
    "arrival_rate_per_min": "predicted_rate_per_min",
    "input_tokens": "predicted_input_tokens",
    "output_tokens": "predicted_output_tokens",
}
_FOUND = {  # in the observation
    "timestamp": "observed_at",
    "input_tokens": "observed_input_tokens",
    "output_tokens": "observed_output_tokens",
}


class Alignment(NamedTuple):
    """Pairs, and the predictions that found no partner.

    Attributes
    ----------
    pairs : DataFrame
        `PAIR_COLUMNS`, in order of the log. `reconciliation` is that of the prediction, `arrival_rate_per_min` and
        `minutes` are those of the observation; what the prediction assumed is `predicted_rate_per_min` (requests per
        minute of the model) and `predicted_*_tokens` (of a request, whole ones). `slo_*_violated` is empty where
        nothing was observed or no SLO is known. Idle latencies are NaN.
    unpaired : DataFrame
        `variant, reconciliation, predicted_at, reason`; the reason is `last`, `no observation` or `gap`.
    """

    pairs: pd.DataFrame
    unpaired: pd.DataFrame


def align(frames: Frames, slo: pd.DataFrame) -> Alignment:
    """Pair each prediction with the next reconciliation's observation of its variant.

    Parameters
    ----------
    frames
        `prediction` and `observed_metrics` are used.
    slo : DataFrame
        `namespace, variant, reconciliation, slo_itl_ms, slo_ttft_ms`: the SLO in force, NaN where unknown; 0 is none.
    """
    predicted = frames["prediction"].rename(columns=_ASSUMED)
    predicted = predicted.drop(columns=["minutes", "slo_itl_ms", "slo_ttft_ms"])
    observed = frames["observed_metrics"].rename(columns=_FOUND)
    observed = observed.drop(columns=["minutes", "model", "cost"])
    keys = ["namespace", "variant", "reconciliation"]
    observed = observed.merge(slo, on=keys, how="left")
    observed["reconciliation"] -= 1
    both = predicted.merge(observed, on=keys, how="left")
    waited_s = (both["observed_at"] - both["predicted_at"]).dt.total_seconds()
    last = frames.reconciliations["reconciliation"].max()
    reason = pd.Series("", index=both.index)
    reason[(waited_s <= 0) | (waited_s > GAP_INTERVALS * frames.interval_s)] = "gap"
    reason[waited_s.isna()] = "no observation"
    reason[both["reconciliation"] == last] = "last"
    unpaired = both.assign(reason=reason)[reason != ""]
    return Alignment(
        _judge(both[reason == ""].reset_index(drop=True), frames.zero),
        unpaired[["variant", "reconciliation", "predicted_at", "reason"]].reset_index(drop=True),
    )


def _judge(pairs: pd.DataFrame, zero: pd.Timestamp) -> pd.DataFrame:
    pairs["loaded"] = pairs["observed_itl_ms"].notna() & pairs["observed_ttft_ms"].notna()
    pairs["settled"] = pairs["loaded"] & (pairs["observed_replicas"] == pairs["predicted_replicas"])
    for metric in ("itl", "ttft"):
        observed, slo = pairs[f"observed_{metric}_ms"], pairs[f"slo_{metric}_ms"]
        pairs[f"{metric}_error_ms"] = observed - pairs[f"predicted_{metric}_ms"]
        violated = (observed > slo).astype("boolean")
        pairs[f"slo_{metric}_violated"] = violated.mask(observed.isna() | ~(slo > 0))
    pairs["minutes"] = minutes_since(zero, pairs["observed_at"])
    return pairs[list(PAIR_COLUMNS)]
