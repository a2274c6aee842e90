"""What an objective costs: replicas against the ITL or the TTFT that is asked for, for the very load of a run.

For each of `POINTS` objectives every decision is made again, with the other objective as it was. All of them share one
search: a decision needs the fewest replicas with which the model meets the objective, so the latencies at 1, 2, 3 ...
replicas, computed once, answer for every objective at once.

The curve begins where a request shares its batch with one other on average: a tighter objective (feasible down to
alpha + beta) takes replicas without bound. It ends where nothing more is saved.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from wva_parse.aligned.experiment import Experiment
from wva_parse.optimizer.decisions import Decision, last_words
from wva_parse.optimizer.queueing import Floats, Objectives, Prediction, Profile, needed_replicas, predict, replica_of

POINTS = 60
PRICE_COLUMNS = ("objective", "ms", "replicas", "replica_seconds", "most")
OBJECTIVES = ("itl", "ttft")
SHARED_BATCH = 2  # requests, at the beginning of the curve
TELLING = 1.5  # times the run's own objective: what a sentence compares it with
JUST_ABOVE = 1 + 1e-6  # the end of the curve lies on a step; a search for the highest rate ends just below one


class Price(NamedTuple):
    """The curves of a run.

    Attributes
    ----------
    curve : DataFrame
        `PRICE_COLUMNS`, in order of `ms` for each objective: replicas summed over the last words of reconciliations and
        variants, their replica-seconds (each value holds until the next reconciliation), and the most at once.
    own, looser : dict
        By objective: the row at the objective that the run had last, and at `TELLING` times it; missing where it had
        none.
    """

    curve: pd.DataFrame
    own: dict[str, dict[str, Any]]
    looser: dict[str, dict[str, Any]]


class _Question(NamedTuple):
    """A decision of which the price is asked: latencies by replicas, and how long its replicas are held."""

    decision: Decision
    profile: Profile
    held_s: float


def price_of_slo(run: Experiment, decisions: Iterable[Decision]) -> Price:
    """The price of the objectives of a run.

    Parameters
    ----------
    decisions
        `decisions.decisions_of(run)`; those of which nothing tells the profile are left out.
    """
    # The order of variants within a reconciliation is the log's, and no matter.
    words = sorted(last_words(decisions), key=lambda each: (each.reconciliation, each.namespace or "", each.variant))
    held_s = _held_s(words)
    asked = [_Question(each, each.profile, held_s[each.reconciliation]) for each in words if each.profile]
    parts, own, looser = [], {}, {}
    for objective in OBJECTIVES:
        ends = _ends(asked, objective)
        if ends is None:
            continue
        objectives_ms = np.geomspace(*ends, POINTS)
        current = _own_objective(asked, objective)
        rows = _rows(asked, objective, np.append(objectives_ms, [current, TELLING * current] if current else []))
        if current:
            looser[objective], own[objective] = rows.pop(), rows.pop()
        parts.append(_until_nothing_is_saved(pd.DataFrame(rows, columns=list(PRICE_COLUMNS))))
    curve = pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=list(PRICE_COLUMNS))
    return Price(curve, own, looser)


def _held_s(words: Sequence[Decision]) -> dict[int, float]:
    """Seconds from each reconciliation to the next; none after the last."""
    minutes: dict[int, float] = {}
    for each in words:
        minutes.setdefault(each.reconciliation, each.minutes)
    starts = list(minutes.values())
    ends = [*starts[1:], *starts[-1:]]
    return {number: max(end - minutes[number], 0) * 60 for number, end in zip(minutes, ends, strict=True)}


def _own_objective(asked: Sequence[_Question], objective: str) -> float:
    """The last objective of the run; 0 if it had none."""
    said = [each.decision.objectives._asdict()[f"{objective}_ms"] for each in asked]
    return next((ms for ms in reversed(said) if ms > 0), 0.0)


def _ends(asked: Sequence[_Question], objective: str) -> tuple[float, float] | None:
    """The tightest and the loosest objective that a curve is drawn for, ms; None if no objective changes anything."""
    tightest, loosest = 0.0, 0.0
    for each in asked:
        load = each.decision.load
        if load.is_idle:
            continue
        replica = replica_of(each.profile, load.input_tokens, load.output_tokens)
        shared = replica.highest_rate(Objectives(each.profile.itl_ms(SHARED_BATCH), 0)) or replica.lowest
        tightest = max(tightest, _latency(replica.at(shared), objective))
        # With the replicas that the other objective needs; more than those it takes for this one's sake.
        enough = needed_replicas(each.profile, load, _wanted(objective, 0, each.decision.objectives))
        if enough is not None:
            loosest = max(loosest, _latency(predict(each.profile, load, enough), objective))
    loosest *= JUST_ABOVE
    return (tightest, loosest) if loosest > tightest > 0 else None


def _latency(prediction: Prediction, objective: str) -> float:
    return float(getattr(prediction, f"{objective}_ms"))


def _rows(asked: Sequence[_Question], objective: str, objectives_ms: Floats) -> list[dict[str, Any]]:
    needed = np.array([_needed(each, objective, objectives_ms) for each in asked])
    held_s = np.array([each.held_s for each in asked])
    numbers = np.array([each.decision.reconciliation for each in asked])
    # Variants of one reconciliation run at once.
    together = np.array([needed[numbers == number].sum(axis=0) for number in np.unique(numbers)])
    return [
        {
            "objective": objective,
            "ms": float(ms),
            "replicas": int(total),
            "replica_seconds": float(area),
            "most": int(most),
        }
        for ms, total, area, most in zip(
            objectives_ms, needed.sum(axis=0), held_s @ needed, together.max(axis=0), strict=True
        )
    ]


def _needed(each: _Question, objective: str, objectives_ms: Floats) -> Floats:
    """The replicas that a decision needs for each of many objectives; what it had where none suffice."""
    load, other = each.decision.load, each.decision.objectives
    if load.is_idle:
        return np.ones(len(objectives_ms))
    replica = replica_of(each.profile, load.input_tokens, load.output_tokens)
    tightest = _wanted(objective, float(objectives_ms.min()), other)
    highest = replica.highest_rate(tightest)
    if highest is None:
        return np.full(len(objectives_ms), float(each.decision.replicas))
    most = max(math.ceil(load.rate_per_min / highest), 1)
    counts = np.arange(1, most + 1)
    rates = load.rate_per_min / counts
    itl_ms, ttft_ms, _ = replica.at_each(rates)
    own_ms, other_ms = (itl_ms, ttft_ms) if objective == "itl" else (ttft_ms, itl_ms)
    limit_ms = other.ttft_ms if objective == "itl" else other.itl_ms
    # Too much for so few replicas, or too slow by the other objective; latencies fall with each replica.
    usable = (rates <= replica.highest) & ((other_ms <= limit_ms) | (not limit_ms > 0))
    own_ms = np.where(usable, own_ms, np.inf)
    fewest = np.searchsorted(-own_ms, -objectives_ms) + 1
    return np.minimum(fewest, most).astype(float)


def _wanted(objective: str, ms: float, other: Objectives) -> Objectives:
    return Objectives(ms, other.ttft_ms) if objective == "itl" else Objectives(other.itl_ms, ms)


def _until_nothing_is_saved(curve: pd.DataFrame) -> pd.DataFrame:
    """The curve up to the first point at which it is as low as it gets."""
    lowest = curve["replicas"].to_numpy() == curve["replicas"].min()
    return curve.iloc[: int(lowest.argmax()) + 1]
