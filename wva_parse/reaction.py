"""How a capacity-based controller reacts: from saturation to decision to ready replicas, and at which values.

KV usage 0 to 1, queue lengths in requests, times in seconds.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pandas as pd

from wva_parse.frames import Frames

LAGS = (0, 1, 2, 3)  # reconciliations
FEWEST_FOR_CORRELATION = 4  # below, a rank correlation is always near an extreme

UNDER_WAY_S = 140.0  # the longest start-up of a replica that was measured on H100 nodes

_EVENT = ["model", "start_minutes", "end_minutes", "duration_s", "peak"]
REACTION_COLUMNS = ["model", "start_minutes", "duration_s", "peak", "to_decision_s", "to_ready_s"]


def reactions(events: pd.DataFrame, followed: pd.DataFrame) -> pd.DataFrame:
    """What followed each saturation event.

    Parameters
    ----------
    events : DataFrame
        `stats.saturation_events`.
    followed : DataFrame
        `scaling.follow_changes` of all variants.

    Returns
    -------
    DataFrame
        `REACTION_COLUMNS`, one row per event: seconds from its start to the first scale-up that was decided while it
        lasted or, negative, was still under way when it began, and until its replicas were ready; NaN where there was
        none.
    """
    ups = followed[followed["direction"] > 0]
    rows = []
    for model, start, end, duration_s, peak in events[_EVENT].itertuples(index=False, name=None):
        # A decision whose model is not known may be about this one.
        of_model = ups if pd.isna(model) else ups[ups["model"].isna() | (ups["model"] == model)]
        during = of_model[of_model["minutes"].between(start - UNDER_WAY_S / 60, end)]
        decided_s = ready_s = float("nan")
        if len(during):
            first = during.iloc[0]
            decided_s = (first["minutes"] - start) * 60
            ready_s = decided_s + first["ready_s"]
        rows.append((model, start, duration_s, peak, decided_s, ready_s))
    return pd.DataFrame(rows, columns=REACTION_COLUMNS)


def state_at_decisions(frames: Frames, kv: pd.DataFrame, queue: pd.DataFrame) -> pd.DataFrame:
    """The state of the pods in the reconciliation of each decision.

    Parameters
    ----------
    kv, queue : DataFrame
        `stats.aggregate_pods` of both.

    Returns
    -------
    DataFrame
        `reconciliation, minutes, model, variant, action, step, kv_mean, kv_max, queue_total`; `step` is target less
        current replicas.
    """
    decisions = frames["scaling_decision"][
        ["reconciliation", "minutes", "model", "variant", "action", "current_replicas", "target_replicas"]
    ]
    decisions = decisions.assign(step=decisions["target_replicas"] - decisions["current_replicas"])
    keys = ["reconciliation", "model"]
    usage = kv[[*keys, "mean", "max"]].rename(columns={"mean": "kv_mean", "max": "kv_max"})
    waiting = queue[[*keys, "total"]].rename(columns={"total": "queue_total"})
    merged = decisions.merge(usage, on=keys, how="left").merge(waiting, on=keys, how="left")
    return merged.drop(columns=["current_replicas", "target_replicas"])


def values_by_action(state: pd.DataFrame) -> pd.DataFrame:
    """At which values the decisions fell.

    Returns
    -------
    DataFrame
        `action, n` and the median, least and most of KV usage (highest pod) and of the queue (all pods).
    """
    return (
        state.groupby("action", sort=True)
        .agg(
            n=("action", "size"),
            kv_median=("kv_max", "median"),
            kv_least=("kv_max", "min"),
            kv_most=("kv_max", "max"),
            queue_median=("queue_total", "median"),
            queue_least=("queue_total", "min"),
            queue_most=("queue_total", "max"),
        )
        .reset_index()
    )


def lagged_correlation(state: pd.DataFrame, lags: Iterable[int] = LAGS) -> pd.DataFrame:
    """How decisions go with the pods' state some reconciliations earlier.

    Spearman's rank correlation of the decided step with KV usage (highest pod) and queue (all pods) `lag`
    reconciliations before, within each variant.

    Returns
    -------
    DataFrame
        `lag, n, kv, queue`; NaN where nothing varies or fewer than `FEWEST_FOR_CORRELATION` pairs exist.
    """
    rows = []
    for lag in lags:
        earlier = state[["variant", "reconciliation", "kv_max", "queue_total"]].copy()
        earlier["reconciliation"] += lag
        both = state[["variant", "reconciliation", "step"]].merge(earlier, on=["variant", "reconciliation"])
        rows.append((lag, len(both), *(_spearman(both["step"], both[column]) for column in ("kv_max", "queue_total"))))
    return pd.DataFrame(rows, columns=["lag", "n", "kv", "queue"])


def _spearman(one: pd.Series, other: pd.Series) -> float:
    known = one.notna() & other.notna()
    first, second = one[known].rank().to_numpy(float), other[known].rank().to_numpy(float)
    if len(first) < FEWEST_FOR_CORRELATION or not first.std() or not second.std():
        return float("nan")
    return float(np.corrcoef(first, second)[0, 1])
