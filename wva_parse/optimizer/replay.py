"""A run's decisions made again: as they were, or as they would have been with other objectives, profiles or limits.

Without a wish a replay answers whether this tool's arithmetic is WVA's: every decision must come out as it was logged.
With one it answers what the optimizer would have decided for the very load that it saw. The load of an experiment is an
open loop, so the rate does not depend on the replicas; its measurement does a little (answers are counted, and less is
answered than came while requests wait): with the rate `offered` the plan of the run takes its place.

Replicas are of a variant, rates in requests per minute of its model. Replica-seconds hold each value until the next
reconciliation; the last one counts for nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from wva_parse.aligned.experiment import Experiment
from wva_parse.aligned.offered import offered
from wva_parse.optimizer.attribution import OBSERVED_OVER_S, observed_load
from wva_parse.optimizer.decisions import Decision, last_words, source_of
from wva_parse.optimizer.queueing import Objectives, Parameters, predict

MEASURED, OFFERED = "measured", "offered"
RATES = (MEASURED, OFFERED)

# What a decision is told by, in the rows of a replay.
ROW_COLUMNS = (
    "reconciliation",
    "minutes",
    "namespace",
    "model",
    "variant",
    "last_word",
    "logged",
    "replayed",
    "rate_per_min",
    "input_tokens",
    "output_tokens",
    "slo_itl_ms",
    "slo_ttft_ms",
    "logged_itl_ms",
    "replayed_itl_ms",
    "logged_ttft_ms",
    "replayed_ttft_ms",
    "reproduced",
    "prediction_reproduced",
    "parameters",
    *Parameters._fields,
)


class ReplayError(ValueError):
    """A wish that this run cannot fulfil; the message says why."""


class Wish(NamedTuple):
    """What shall be other than it was; all left out: nothing.

    Attributes
    ----------
    slo_itl_ms, slo_ttft_ms
        Objectives, ms; 0 is none, None that of the log.
    profiles
        Parameters by variant (None as a key: of every other one) in the place of those in force.
    rate
        `measured` by WVA, or `offered` by the run's workloads: the mean of the minute before each decision.
    least, most
        Limits of the replicas of a variant.
    """

    slo_itl_ms: float | None = None
    slo_ttft_ms: float | None = None
    profiles: Mapping[str | None, Parameters] = {}
    rate: str = MEASURED
    least: int | None = None
    most: int | None = None

    @property
    def is_none(self) -> bool:
        """Whether everything shall be as it was."""
        return self == Wish()


NOTHING_ELSE = Wish()


class Replay(NamedTuple):
    """A run's decisions, logged and made again.

    Attributes
    ----------
    rows : DataFrame
        `ROW_COLUMNS`, one for each decision, twins too. `replayed` is missing where no number of replicas meets the
        objectives (WVA then allocates none and the target stays) or where nothing tells the parameters. Latencies
        `logged_*` are those that WVA predicted, `replayed_*` those that the model expects of the replayed replicas, ms;
        `reproduced` and `prediction_reproduced` are of the decision as it was, without a wish; `parameters` says where
        those in force are from, `alpha` to `delta` are those of the replay.
    not_reproduced : DataFrame
        Those rows of a replay without a wish whose replicas or latencies are not the logged ones.
    decisions, reproduced
        How many there are, and how many come out as logged without a wish: the proof of the arithmetic.
    parameters
        Where they are from (`decisions.SOURCES`); None without decisions.
    replicas_logged, replicas_replayed
        Summed over the last word of each reconciliation and variant.
    most_logged, most
        The highest sum over variants in a reconciliation: of the logged replicas, and of the replayed ones.
    changes_logged, changes
        How often a target differs from the one before, of all variants.
    replica_seconds_logged, replica_seconds
        Replicas times their time until the next reconciliation.
    attainment
        By metric (`itl`, `ttft`) the share of `observations`, the loaded ones that tell rate and tokens, that would
        have met the last objective by the model, at the replayed replicas and the load that came; None without an
        observation or an objective. By the model: it is as far off as `attribution` says.
    met
        The same as counts: of how many, of those with an objective.
    first_difference
        `reconciliation, minutes, model, variant, logged, replayed` of the first last word that comes out otherwise than
        it was logged; None if there is none.
    """

    rows: pd.DataFrame
    not_reproduced: pd.DataFrame
    decisions: int
    reproduced: int
    parameters: str | None
    replicas_logged: int
    replicas_replayed: int
    most_logged: int
    most: int
    changes_logged: int
    changes: int
    replica_seconds_logged: float
    replica_seconds: float
    attainment: dict[str, float | None]
    met: dict[str, tuple[int, int]]
    observations: int
    first_difference: dict[str, Any] | None


def replay(run: Experiment, decisions: list[Decision], wish: Wish = NOTHING_ELSE) -> Replay:
    """Make the decisions of a run again.

    Parameters
    ----------
    decisions
        `decisions.decisions_of(run)`.

    Raises
    ------
    ReplayError
        If the run does not tell what the wish needs.
    """
    if wish.rate == OFFERED:
        _check_offered(run, decisions)
    wished = [_as_wished(run, each, wish) for each in decisions]
    replayed = [_limited(each.replayed, wish) for each in wished]
    rows = _frame(_row(*each) for each in zip(decisions, wished, replayed, strict=True))
    plain = _frame(_row(each, each, each.replayed) for each in decisions)
    words = _last(rows)
    logged, ours = _over_time(words, "logged"), _over_time(words, "replayed")
    met, observations = _met(run, wished, words)
    differs = words["replayed"].astype("float64") != words["logged"]
    return Replay(
        rows=rows,
        not_reproduced=plain[~(plain["reproduced"] & plain["prediction_reproduced"])],
        decisions=len(rows),
        reproduced=int(plain["reproduced"].sum()),
        parameters=source_of(decisions),
        replicas_logged=int(words["logged"].sum()),
        replicas_replayed=int(words["held"].sum()),
        most_logged=int(logged["replicas"].max()) if len(logged) else 0,
        most=int(ours["replicas"].max()) if len(ours) else 0,
        changes_logged=_changes(words, "logged"),
        changes=_changes(words, "held"),
        replica_seconds_logged=_replica_seconds(logged),
        replica_seconds=_replica_seconds(ours),
        attainment={metric: count / of if of else None for metric, (count, of) in met.items()},
        met=met,
        observations=observations,
        first_difference=_first(words[differs]),
    )


def over_time(found: Replay) -> pd.DataFrame:
    """Replicas of all variants together: `minutes, logged, replayed`, a row per reconciliation."""
    words = _last(found.rows)
    logged, ours = _over_time(words, "logged"), _over_time(words, "replayed")
    return logged.rename(columns={"replicas": "logged"}).assign(replayed=ours["replicas"].to_numpy())


# --- one decision


def _as_wished(run: Experiment, decision: Decision, wish: Wish) -> Decision:
    itl_ms, ttft_ms = decision.objectives
    objectives = Objectives(
        itl_ms if wish.slo_itl_ms is None else wish.slo_itl_ms,
        ttft_ms if wish.slo_ttft_ms is None else wish.slo_ttft_ms,
    )
    load = decision.load
    if wish.rate == OFFERED:
        load = load._replace(rate_per_min=offered_per_min(run, decision.at))
    parameters = wish.profiles.get(decision.variant, wish.profiles.get(None, decision.parameters))
    return decision._replace(objectives=objectives, load=load, parameters=parameters)


def _limited(replicas: int | None, wish: Wish) -> int | None:
    if replicas is None:
        return None
    at_least = max(replicas, wish.least or 1)
    return min(at_least, wish.most) if wish.most is not None else at_least


def _frame(rows: Iterable[dict[str, Any]]) -> pd.DataFrame:
    frame = pd.DataFrame(list(rows), columns=list(ROW_COLUMNS))
    flags = dict.fromkeys(("last_word", "reproduced", "prediction_reproduced"), "bool")
    return frame.astype({"logged": "int64", "replayed": "Int64", **flags})


def _row(decision: Decision, wished: Decision, replayed: int | None) -> dict[str, Any]:
    profile = wished.profile
    expected = predict(profile, wished.load, replayed) if profile and replayed else None
    return {
        "reconciliation": decision.reconciliation,
        "minutes": decision.minutes,
        "namespace": decision.namespace,
        "model": decision.model,
        "variant": decision.variant,
        "last_word": decision.is_last_word,
        "logged": decision.replicas,
        "replayed": replayed,
        "rate_per_min": wished.load.rate_per_min,
        "input_tokens": wished.load.input_tokens,
        "output_tokens": wished.load.output_tokens,
        "slo_itl_ms": wished.objectives.itl_ms,
        "slo_ttft_ms": wished.objectives.ttft_ms,
        "logged_itl_ms": decision.itl_ms,
        "replayed_itl_ms": expected.itl_ms if expected else None,
        "logged_ttft_ms": decision.ttft_ms,
        "replayed_ttft_ms": expected.ttft_ms if expected else None,
        "reproduced": decision.is_reproduced,
        "prediction_reproduced": decision.is_prediction_reproduced,
        "parameters": decision.source,
        **(wished.parameters._asdict() if wished.parameters else {}),
    }


# --- the offered load


def _check_offered(run: Experiment, decisions: Iterable[Decision]) -> None:
    if not offered(run).is_demand:
        raise ReplayError(
            f"{run.name}: the offered rate is not known (run.json, or config and Job logs, tell it); use measured"
        )
    models = {each.model for each in decisions}
    if len(models) > 1:
        raise ReplayError(f"{run.name}: of {len(models)} models nobody tells whose the offered rate is; use measured")


def offered_per_min(run: Experiment, at: pd.Timestamp) -> float:
    """The mean rate, in requests per minute, that the workloads offered in the minute before."""
    end = (at - run.frames.zero).total_seconds() / 60
    start = end - OBSERVED_OVER_S / 60
    sent = (rate * max(min(end, to) - max(start, begin), 0) for _, begin, to, rate in offered(run).spans)
    return 60 * sum(sent) / (end - start)


# --- sums


def _last(rows: pd.DataFrame) -> pd.DataFrame:
    """The last words, with `held`: the replayed replicas, or the last known ones where there is no allocation."""
    words = rows[rows["last_word"]].reset_index(drop=True)
    held = words.groupby(["namespace", "variant"], dropna=False, sort=False)["replayed"].ffill()
    return words.assign(held=held.fillna(words["logged"]).astype("int64"))


def _over_time(words: pd.DataFrame, column: str) -> pd.DataFrame:
    """`minutes, replicas` of all variants, a row per reconciliation; a variant without a decision keeps its own."""
    column = "held" if column == "replayed" else column
    keys = words["namespace"].astype(str) + "/" + words["variant"].astype(str)
    by_variant = words.assign(key=keys).pivot_table(
        index="reconciliation", columns="key", values=column, aggfunc="last"
    )
    total = by_variant.ffill().sum(axis=1)
    minutes = words.groupby("reconciliation")["minutes"].first()
    return pd.DataFrame({"minutes": minutes, "replicas": total.reindex(minutes.index)})


def _replica_seconds(steps: pd.DataFrame) -> float:
    held_s = np.maximum(np.diff(steps["minutes"].to_numpy(float)), 0) * 60
    return float((steps["replicas"].to_numpy(float)[:-1] * held_s).sum())


def _first(differing: pd.DataFrame) -> dict[str, Any] | None:
    names = ["reconciliation", "minutes", "model", "variant", "logged", "replayed"]
    found = differing[names].astype("object").head(1).to_dict("records")
    return {str(name): None if pd.isna(value) else value for name, value in found[0].items()} if found else None


def _changes(words: pd.DataFrame, column: str) -> int:
    steps = words.groupby(["namespace", "variant"], dropna=False)[column].diff()
    return int((steps.fillna(0) != 0).sum())


def _met(run: Experiment, wished: list[Decision], words: pd.DataFrame) -> tuple[dict[str, tuple[int, int]], int]:
    """How many of how many met each objective, by the model, at the replayed replicas and the load that came."""
    held = dict(zip(zip(words["variant"], words["reconciliation"], strict=True), words["held"], strict=True))
    made = {(each.variant, each.reconciliation): each for each in last_words(wished)}
    met: dict[str, list[bool]] = {"itl": [], "ttft": []}
    observations = 0
    pairs = run.alignment.pairs
    for pair in pairs[pairs["loaded"]].to_dict("records"):
        key = (pair["variant"], pair["reconciliation"])
        decision, load = made.get(key), observed_load(pair)
        if decision is None or load is None or decision.profile is None:
            continue
        observations += 1
        found = predict(decision.profile, load, held[key])
        for metric, expected_ms, objective_ms in (
            ("itl", found.itl_ms, decision.objectives.itl_ms),
            ("ttft", found.ttft_ms, decision.objectives.ttft_ms),
        ):
            if objective_ms > 0:
                met[metric].append(expected_ms <= objective_ms)
    return {metric: (sum(each), len(each)) for metric, each in met.items()}, observations
