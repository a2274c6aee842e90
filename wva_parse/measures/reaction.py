"""How a capacity-based controller reacts: from saturation to decision to ready replicas, and at which values.

KV usage and spare KV cache 0 to 1, queues in requests, times in seconds.

In saturation mode V1 WVA scales up when the spare KV cache or the spare queue, averaged over the pods that are not
saturated, falls below a **trigger**, and down when the remaining pods would still have more than that to spare after
the load is spread over them (`optimizer.limits` says where they are read from).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

import pandas as pd

from wva_parse.aligned.frames import Frames
from wva_parse.measures.stats import spearman
from wva_parse.optimizer.limits import Told
from wva_parse.optimizer.logged import Group

LAGS = (0, 1, 2, 3)  # reconciliations

START_UP_S = 140.0  # the longest start-up of a replica that was measured on H100 nodes
FELL = 0.8  # times the highest rate of an event: from here on the load has fallen

_EVENT = ["model", "start_minutes", "end_minutes", "duration_s", "peak", "is_over"]

REACTION_COLUMNS = [
    *("model", "start_minutes", "end_minutes", "duration_s", "peak", "to_decision_s", "to_ready_s"),
    *("scale_ups", "ready_at_start", "ready_at_end", "ended_by"),
]
# What ended an event; a log may end first, or tell of none.
MORE_READY, LOAD_FELL, LOG_ENDED, NOT_KNOWN = "more ready replicas", "a lower load", "the end of the log", "not known"


class Spare(NamedTuple):
    """Analyses that told the spare capacity, and how many of them were below a trigger."""

    analyses: int
    below_kv: int
    below_queue: int


def spare(frames: Frames, told: Mapping[Group, Told]) -> Spare:
    """How often the spare capacity was below the triggers of its model, where these are known."""
    known = frames["capacity_analysis"].dropna(subset=["avg_spare_kv", "avg_spare_queue"], how="all")
    below = {"avg_spare_kv": 0, "avg_spare_queue": 0}
    for group, limits in told.items():
        mine = known[_is(known["namespace"], group.namespace) & _is(known["model"], group.model)]
        for column, trigger in zip(below, (limits.kv_trigger, limits.queue_trigger), strict=True):
            below[column] += 0 if trigger is None else int((mine[column] < trigger).sum())
    return Spare(len(known), *below.values())


def _is(values: pd.Series, name: str | None) -> pd.Series:
    return values.isna() if name is None else values == name


def own_verdict(frames: Frames) -> dict[str, int] | None:
    """How often the controller itself found replicas saturated; None where its analyses do not tell.

    Returns
    -------
    dict
        `analyses`, those with `some` saturated replicas, and those in which `none` was left that was not.
    """
    told = frames["capacity_analysis"].dropna(subset=["total_replicas", "non_saturated_replicas"])
    told = told[told["total_replicas"] > 0]
    if not len(told):
        return None
    free, total = told["non_saturated_replicas"], told["total_replicas"]
    return {"analyses": len(told), "some": int((free < total).sum()), "none": int((free == 0).sum())}


def scale_up_reasons(frames: Frames) -> pd.Series:
    """How often each reason for a scale-up was given, without its values."""
    said = frames["scale_up_reason"]["reason"]
    if not len(said):
        said = frames["capacity_analysis"].loc[frames["capacity_analysis"]["should_scale_up"].eq(True), "reason"]
    return said.dropna().astype("object").str.replace(r" \([^)]*\)", "", regex=True).value_counts()


def scale_down_refusals(frames: Frames) -> pd.DataFrame:
    """Why a scale-down was not safe: `reason, count, single`.

    `single` counts those with no more than one replica: there was nothing to give back.
    """
    refused = frames["scale_down_refusal"]
    total = frames["capacity_analysis"][["reconciliation", "model", "total_replicas"]]
    merged = refused.merge(total, on=["reconciliation", "model"], how="left")
    merged = merged.drop_duplicates(["reconciliation", "namespace", "model"])
    counted = merged.assign(single=merged["total_replicas"] <= 1).groupby("reason", sort=True)["single"]
    return counted.agg(count="size", single="sum").reset_index()


def under_way_s(followed: pd.DataFrame, interval_s: float) -> float:
    """For how long a scale-up counts as under way, s: the longest time to ready replicas of the run.

    Where no scale-up was carried out, two intervals and the longest start-up that was measured elsewhere.
    """
    took_s = followed["ready_s"][followed["direction"] > 0].max()
    if took_s > 0:
        return float(took_s)
    return (2 * interval_s if interval_s > 0 else 0.0) + START_UP_S


def reactions(
    events: pd.DataFrame, followed: pd.DataFrame, limit_s: float, ready: pd.DataFrame, rates: pd.DataFrame
) -> pd.DataFrame:
    """What followed each saturation event.

    Parameters
    ----------
    events : DataFrame
        `stats.saturation_events`.
    followed : DataFrame
        `scaling.follow_changes` of all variants.
    limit_s
        `under_way_s`.
    ready : DataFrame
        `model, minutes, ready`: the ready replicas of each model as steps.
    rates : DataFrame
        `minutes, rate_per_min`: the offered load, as steps; empty where it is not known (fewer answers are no lower
        load).

    Returns
    -------
    DataFrame
        `REACTION_COLUMNS`, one row per event. `to_decision_s` and `to_ready_s`: seconds from its start to the first
        scale-up of its model that was decided while it lasted or, negative, was still under way when it began, and
        until its replicas were ready; NaN where there was none. `scale_ups`: all of them, as `minute: from → to`. What
        it was `ended_by`: more ready replicas than at its start, a load that has fallen, both, or the log's end.
    """
    ups = followed[followed["direction"] > 0]
    rows = []
    for model, start, end, duration_s, peak, is_over in events[_EVENT].itertuples(index=False, name=None):
        is_of_model = ups["model"].isna() | (ups["model"] == model) | pd.isna(model)
        was_over = ups["minutes"] + ups["ready_s"] / 60 < start
        during = ups[is_of_model & ~was_over & ups["minutes"].between(start - limit_s / 60, end)]
        decided_s = ready_s = float("nan")
        if len(during):
            first = during.iloc[0]
            decided_s = (first["minutes"] - start) * 60
            ready_s = decided_s + first["ready_s"]
        of_model = ready[(ready["model"] == model) | ready["model"].isna() | pd.isna(model)]
        before, after = (_value_at(of_model, "ready", at) for at in (start, end))
        told = [f"{row['minutes']:.1f}: {row['from']:.0f} → {row['to']:.0f}" for row in during.to_dict("records")]
        ended_by = _ended_by(is_over, after > before, _has_fallen(rates, start, end))
        rows.append((model, start, end, duration_s, peak, decided_s, ready_s, told, before, after, ended_by))
    return pd.DataFrame(rows, columns=REACTION_COLUMNS)


def _ended_by(is_over: bool, more_ready: bool, load_fell: bool) -> str:
    if not is_over:
        return LOG_ENDED
    found = [name for name, holds in ((MORE_READY, more_ready), (LOAD_FELL, load_fell)) if holds]
    return " and ".join(found) or NOT_KNOWN


def _value_at(steps: pd.DataFrame, column: str, minutes: float) -> float:
    """What holds at a time; NaN before the first value."""
    known = steps[["minutes", column]].dropna()
    # A pod's line is logged a moment after its reconciliation has begun.
    held = known[column][known["minutes"] <= minutes]
    return float(held.iloc[-1]) if len(held) else float("nan")


def _has_fallen(rates: pd.DataFrame, start: float, end: float) -> bool:
    """Whether the load at the end of an event was clearly below its highest in it."""
    during = rates["rate_per_min"][rates["minutes"].between(start, end)]
    highest = max([_value_at(rates, "rate_per_min", start), *during.dropna()], default=float("nan"))
    return _value_at(rates, "rate_per_min", end) < FELL * highest


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
        `lag, n, kv, queue`; NaN where `stats.spearman` is.
    """
    rows = []
    for lag in lags:
        earlier = state[["variant", "reconciliation", "kv_max", "queue_total"]].copy()
        earlier["reconciliation"] += lag
        both = state[["variant", "reconciliation", "step"]].merge(earlier, on=["variant", "reconciliation"])
        rows.append((lag, len(both), *(spearman(both["step"], both[column]) for column in ("kv_max", "queue_total"))))
    return pd.DataFrame(rows, columns=["lag", "n", "kv", "queue"])
