"""What was observed, in releases whose log has no line of it per variant.

Up to December 2025 a line tells it (`observed_metrics`). Since, only the lines of single pods do, at `--v=4`; and up to
v0.4 the status of the VariantAutoscalings, which the collector samples.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from wva_parse.aligned.frames import Frames
from wva_parse.aligned.samples import Samples, observe_by_samples

LOG, PODS, SAMPLES, NOTHING = "log", "the pods' lines of the log", "cluster-samples.jsonl", "nothing"

_LATENCIES = ["observed_itl_ms", "observed_ttft_ms"]
_MODEL = ["reconciliation", "namespace", "model"]


def observe(frames: Frames, samples: Samples) -> tuple[Frames, str]:
    """The frames with the observations that there are, and where these are from."""
    logged = len(frames["observed_metrics"])
    frames = observe_by_pods(frames)
    if len(frames["observed_metrics"]) > logged:
        return frames, f"{LOG} and {PODS}" if logged else PODS
    if logged:
        return frames, LOG
    frames = observe_by_samples(frames, samples)
    return frames, SAMPLES if len(frames["observed_metrics"]) else NOTHING


def observe_by_pods(frames: Frames) -> Frames:
    """Observations from the lines of the pods, for reconciliations that have none of the variants.

    As in the releases that log them, all variants of a model have what was observed of the model: the sum of the
    pods' rates, and the mean of their latencies, weighted by the rates where these are known. Replicas are those
    that the decision of the same reconciliation found.
    """
    logged = frames["observed_metrics"]
    pods = frames["pod_metrics"].dropna(subset=[*_LATENCIES, "arrival_rate_per_min"], how="all")
    pods = pods[~pods["reconciliation"].isin(set(logged["reconciliation"]))]
    if not len(pods):
        return frames
    of_models = pd.DataFrame(
        [
            {
                **dict(zip(_MODEL, key, strict=True)),
                "timestamp": mine["timestamp"].iloc[-1],
                "minutes": mine["minutes"].iloc[-1],
                "arrival_rate_per_min": mine["arrival_rate_per_min"].sum(min_count=1),
                **{column: _mean(mine[column], mine["arrival_rate_per_min"]) for column in _LATENCIES},
            }
            for key, mine in pods.groupby(_MODEL, dropna=False, sort=False)
        ]
    )
    decided = frames["scaling_decision"][[*_MODEL, "variant", "current_replicas"]]
    observed = of_models.merge(decided.rename(columns={"current_replicas": "observed_replicas"}), on=_MODEL)
    observed = observed.reindex(columns=logged.columns).astype(logged.dtypes.to_dict())
    both = pd.concat([logged, observed]) if len(logged) else observed
    return frames.with_kind("observed_metrics", both.sort_values("reconciliation", kind="stable", ignore_index=True))


def _mean(values: pd.Series, rates: pd.Series) -> float:
    """Weighted by the rates of those that have a value, where there are any."""
    known = values.notna()
    weights = rates[known].fillna(0).to_numpy(float)
    if not known.any():
        return float("nan")
    return float(np.average(values[known].to_numpy(float), weights=weights if weights.any() else None))
