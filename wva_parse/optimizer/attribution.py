"""Where the error of a prediction comes from: the load, the replicas, or the model.

M(load, n) is the optimizer's model with the parameters of the prediction, for a load (rate of the model, mean tokens)
shared evenly by n replicas. A prediction says M(load, n); what is observed one reconciliation later is of another load
and of n' ready replicas:

    load      = M(load', n)  - the logged prediction
    replicas  = M(load', n') - M(load', n)
    model     = observed     - M(load', n')

The three sum to the error, observed - predicted, in ms; positive: that part made it slower than predicted. Attributed
are loaded pairs whose observation tells rate and tokens, and whose prediction is reproduced (`decisions.TOLERANCE`).

A pair is **steady** if it is settled, its ready replicas are within `STEADY_REPLICAS` of the predicted ones, the rate
is within `STEADY_RATE` of the assumed one, and no pod was starved in either reconciliation: what was predicted for is
what came, so the error is the model's.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from wva_parse.aligned.experiment import Experiment
from wva_parse.optimizer.decisions import Decision, decisions_of, last_words, load_of
from wva_parse.optimizer.queueing import Load, Parameters, Prediction, Profile, predict, replica_of

METRICS = ("itl", "ttft")
PARTS = ("load", "replicas", "model")
PART_COLUMNS = tuple(f"{metric}_error_{part}_ms" for metric in METRICS for part in PARTS)
ATTRIBUTED_COLUMNS = ("ready_replicas", *PART_COLUMNS, "beyond")

OBSERVED_OVER_S = 60.0  # what WVA observes are means over the last minute
STEADY_REPLICAS = 0.5
STEADY_RATE = 0.10  # of the assumed rate


class Part(NamedTuple):
    """Means over the attributed pairs, of the error and of each of its parts, in ms."""

    error_mae_ms: float
    load_mae_ms: float
    replicas_mae_ms: float
    model_mae_ms: float
    error_bias_ms: float
    load_bias_ms: float
    replicas_bias_ms: float
    model_bias_ms: float


class Attribution(NamedTuple):
    """What the errors of a run are made of.

    `pairs` are loaded ones whose observation tells rate and tokens; of the `reproduced` ones are the means.
    """

    pairs: int
    reproduced: int
    beyond: int  # of the reproduced ones: more requests than the replicas can serve at all
    itl: Part | None
    ttft: Part | None


def with_parts(run: Experiment, decisions: Iterable[Decision] | None = None) -> pd.DataFrame:
    """The pairs of a run, each loaded one with the parts of its error.

    Parameters
    ----------
    decisions
        `decisions_of(run)`, if it is at hand.

    Returns
    -------
    DataFrame
        `align.PAIR_COLUMNS`, then `ATTRIBUTED_COLUMNS`: `ready_replicas` at the observation, the parts of both errors
        in ms, and whether the load was `beyond` the highest service rate of the replicas that were ready; all missing
        where the pair is not attributed, `ready_replicas` only where it is not loaded.
    """
    pairs = run.alignment.pairs
    made = {
        _key(each.variant, each.reconciliation, each.at): each for each in last_words(decisions or decisions_of(run))
    }
    ready = Ready(run)
    rows = [_parts_of(pair, made, ready) for pair in pairs.to_dict("records")]
    found = pd.DataFrame(rows, columns=list(ATTRIBUTED_COLUMNS), index=pairs.index)
    types = dict.fromkeys(("ready_replicas", *PART_COLUMNS), "float64") | {"beyond": "boolean"}
    return pd.concat([pairs, found.astype(types)], axis=1)


def _key(variant: str, reconciliation: int, at: pd.Timestamp) -> tuple[str, int, pd.Timestamp]:
    # Variants of one name in two namespaces log at different times.
    return variant, reconciliation, at


def _parts_of(
    pair: Mapping[Any, Any], made: Mapping[tuple[str, int, pd.Timestamp], Decision], ready: Ready
) -> dict[str, Any]:
    if not pair["loaded"]:
        return {}
    replicas = ready.of(pair["variant"], pair["reconciliation"] + 1, pair["observed_at"], pair["observed_replicas"])
    decision = made.get(_key(pair["variant"], pair["reconciliation"], pair["predicted_at"]))
    came = observed_load(pair)
    if decision is None or came is None or not decision.is_prediction_reproduced or not replicas > 0:
        return {"ready_replicas": replicas}
    profile = decision.profile
    assert profile is not None  # without one nothing is reproduced
    return {
        "ready_replicas": replicas,
        **_split(pair, predict(profile, came, decision.replicas), predict(profile, came, replicas)),
        "beyond": is_beyond(profile, came, replicas),
    }


def _split(pair: Mapping[Any, Any], on_predicted: Prediction, on_ready: Prediction) -> dict[str, float]:
    parts: dict[str, float] = {}
    for metric in METRICS:
        with_load, with_both = (getattr(found, f"{metric}_ms") for found in (on_predicted, on_ready))
        values = (
            with_load - pair[f"predicted_{metric}_ms"],
            with_both - with_load,
            pair[f"observed_{metric}_ms"] - with_both,
        )
        parts |= {f"{metric}_error_{part}_ms": value for part, value in zip(PARTS, values, strict=True)}
    return parts


def observed_load(pair: Mapping[Any, Any]) -> Load | None:
    """The load that came, as the observation of a pair tells it; None if it does not."""
    told = [pair[name] for name in ("arrival_rate_per_min", "observed_input_tokens", "observed_output_tokens")]
    if pd.isna(told).any():
        return None
    load = load_of(*told)
    return None if load.is_idle else load


def is_beyond(profile: Profile, load: Load, replicas: float) -> bool:
    """Whether more requests come than so many replicas can serve at all."""
    return load.rate_per_min / replicas > replica_of(profile, load.input_tokens, load.output_tokens).full


class Ready:
    """How many replicas were ready, as well as a run tells it.

    The mean over the observation's minute where samples tell; else the pods with a KV or queue line in the
    reconciliation, twins together; with several variants, whose pods cannot be told apart, the observed replicas.
    """

    def __init__(self, run: Experiment) -> None:
        self._samples = {str(name): mine for name, mine in run.samples.by_variant.groupby("variant")}
        variants = run.frames["observed_metrics"]["variant"].dropna().unique()
        self._is_only_one = len(variants) <= 1
        if self._is_only_one and len(run.samples.replicas):
            self._samples = {str(name): run.samples.replicas for name in variants}
        pods = pd.concat([run.frames[kind][["reconciliation", "pod"]] for kind in ("kv_cache", "queue")])
        self._pods = pods.groupby("reconciliation")["pod"].nunique().to_dict()

    def of(self, variant: str, reconciliation: int, at: pd.Timestamp, observed: float) -> float:
        """Ready replicas of a variant in the minute before `at`; `observed` where nothing else tells."""
        sampled = self._samples.get(variant)
        if sampled is not None and not np.isnan(mean := _mean_until(sampled, at)):
            return mean
        reporting = self._pods.get(reconciliation, 0) if self._is_only_one else 0
        return float(reporting or observed)


def _mean_until(sampled: pd.DataFrame, at: pd.Timestamp) -> float:
    """The mean of ready replicas over the minute before, each sample holding until the next; NaN without any."""
    known = sampled.dropna(subset=["ready"])
    start = at - pd.Timedelta(seconds=OBSERVED_OVER_S)
    known = known[known["timestamp"] <= at]
    before = known[known["timestamp"] <= start].tail(1)
    known = pd.concat([before, known[known["timestamp"] > start]])
    if not len(known):
        return float("nan")
    ages_s = np.minimum((at - known["timestamp"]).dt.total_seconds().to_numpy(float), OBSERVED_OVER_S)
    held_s = -np.diff(np.append(ages_s, 0.0))
    ready = known["ready"].to_numpy(float)
    return float(np.average(ready, weights=held_s)) if held_s.sum() > 0 else float(ready[-1])


# --- what it comes to


def attribution_of(pairs: pd.DataFrame) -> Attribution | None:
    """What the errors are made of; None without a pair that could be attributed.

    Parameters
    ----------
    pairs : DataFrame
        As `with_parts` makes them.
    """
    told = [pair for pair in pairs[pairs["loaded"]].to_dict("records") if observed_load(pair)]
    if not told:
        return None
    known = pairs[pairs["itl_error_model_ms"].notna()]
    return Attribution(
        pairs=len(told),
        reproduced=len(known),
        beyond=int(known["beyond"].sum()),
        itl=part_of(known, "itl"),
        ttft=part_of(known, "ttft"),
    )


def part_of(known: pd.DataFrame, metric: str) -> Part | None:
    """The means over attributed pairs; None without any."""
    if not len(known):
        return None
    columns = [f"{metric}_error_ms", *(f"{metric}_error_{part}_ms" for part in PARTS)]
    return Part(*(mean(known[column].abs()) for column in columns), *(mean(known[column]) for column in columns))


def mean(values: Iterable[float]) -> float:
    """The same in whatever order variants log; NaN of nothing."""
    known = list(values)
    return math.fsum(known) / len(known) if known else math.nan


def steady(run: Experiment, pairs: pd.DataFrame) -> pd.DataFrame:
    """The steady ones of the pairs of `with_parts`, with whether the replicas had `changed` since the one before.

    Of unchanged replicas the tuner has just been fitted to the same load: they flatter the model.
    """
    starved = _starved(run)
    assumed = pairs["predicted_rate_per_min"]
    is_steady = (
        pairs["settled"]
        & ((pairs["ready_replicas"] - pairs["predicted_replicas"]).abs() <= STEADY_REPLICAS)
        & ((pairs["arrival_rate_per_min"] - assumed).abs() <= STEADY_RATE * assumed)
        & ~pairs["reconciliation"].isin(starved)
        & ~(pairs["reconciliation"] + 1).isin(starved)
    )
    before = run.frames["observed_metrics"].set_index(["variant", "reconciliation"])["observed_replicas"]
    before = before[~before.index.duplicated(keep="last")]
    had = pd.MultiIndex.from_frame(pairs[["variant", "reconciliation"]])
    changed = before.reindex(had).to_numpy(float) != pairs["predicted_replicas"].to_numpy(float)
    return pairs.assign(changed=changed)[is_steady]


def settled_at_other_ready(pairs: pd.DataFrame) -> tuple[int, int]:
    """Of the settled pairs of `with_parts`: how many had other ready replicas than predicted, of how many that tell.

    What WVA observes may be what it wanted, while pods still start.
    """
    settled = pairs[pairs["settled"]]
    off = (settled["ready_replicas"] - settled["predicted_replicas"]).abs()
    return int((off > STEADY_REPLICAS).sum()), int(off.notna().sum())


def observed_starved(run: Experiment, pairs: pd.DataFrame) -> int:
    """How many attributed pairs of `with_parts` were observed while a pod was starved.

    The rate of the observation is that of the answers: what waited meanwhile is no part of the load that came.
    """
    attributed = pairs[pairs["itl_error_model_ms"].notna()]
    return int((attributed["reconciliation"] + 1).isin(_starved(run)).sum())


def _starved(run: Experiment) -> set[int]:
    """The reconciliations in which a pod was above the KV threshold or had too long a queue."""
    kv, queue = run.frames["kv_cache"], run.frames["queue"]
    limits = run.thresholds
    above = [kv[kv["kv_cache_usage"] > limits.kv_cache], queue[queue["queue_length"] > limits.queue]]
    return {int(number) for frame in above for number in frame["reconciliation"]}


def model_error_with(run: Experiment, pairs: pd.DataFrame, parameters: Mapping[str, Parameters]) -> dict[str, float]:
    """The mean absolute model part, in ms by metric, had the profile of each variant been another.

    Parameters
    ----------
    pairs : DataFrame
        As `with_parts` makes them; attributed ones of the variants in `parameters` count.
    """
    batches = {each.variant: each.max_batch for each in decisions_of(run)}
    known = pairs[pairs["itl_error_model_ms"].notna() & pairs["variant"].isin(list(parameters))]
    errors: dict[str, list[float]] = {metric: [] for metric in METRICS}
    for pair in known.to_dict("records"):
        load = observed_load(pair)
        assert load is not None  # attributed
        profile = Profile(*parameters[pair["variant"]], batches[pair["variant"]])
        found = predict(profile, load, pair["ready_replicas"])
        for metric in METRICS:
            errors[metric].append(abs(pair[f"observed_{metric}_ms"] - getattr(found, f"{metric}_ms")))
    return {metric: mean(values) for metric, values in errors.items() if values}
