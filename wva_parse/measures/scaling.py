"""What became of scaling decisions: changes of mind, the time until replicas were there, flapping, cost.

Times in seconds, `minutes` from the window's start. A **change** is a decision whose target differs from the
target before it (or, for the first one, from the current replicas): WVA repeats a decision at every reconciliation
until it is carried out, and each repetition would otherwise count.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd

from wva_parse.aligned.frames import Frames

FLAPPING_WITHIN_S = 600.0  # ten minutes: several times the start-up of a replica (100 to 140 s were measured)

CHANGE_COLUMNS = ["model", "variant", "reconciliation", "timestamp", "minutes", "direction", "from", "to", "reason"]
_NUMBER = r"\b\d+(?:\.\d+)?\b"
STEP_COLUMNS = ["desired_after_s", "desired_s", "ready_after_s", "ready_s", "outcome"]
MOVED = 0.10  # of the rate before: a change of the load that calls for a change of replicas


class TimeToScale(NamedTuple):
    """What became of changes, and medians over those that were carried out, s; None without any.

    Replicas are known at the times of samples or reconciliations only, so that a time lies after one and not later than
    the next: in (`…_after_s`, `…_s`].
    """

    changes: int
    carried_out: int
    superseded: int  # a decision that asked for less of it came first
    never: int  # the window ended first
    not_needed: int  # the replicas were the target already, an earlier change had not been carried out
    decision_to_desired_after_s: float | None
    decision_to_desired_s: float | None
    desired_to_ready_after_s: float | None
    desired_to_ready_s: float | None
    decision_to_ready_after_s: float | None
    decision_to_ready_s: float | None
    source: str  # "samples", or "log" with the resolution of one reconciliation


def changes(frames: Frames) -> pd.DataFrame:
    """Decisions that changed the target.

    Returns
    -------
    DataFrame
        `CHANGE_COLUMNS`; `direction` is +1 or -1, `from` and `to` are replicas.
    """
    decisions = frames["scaling_decision"].dropna(subset=["target_replicas"])
    groups = decisions.groupby(["namespace", "variant"], dropna=False, sort=False)["target_replicas"]
    before = groups.shift().fillna(decisions["current_replicas"])
    changed = decisions.assign(**{"from": before, "to": decisions["target_replicas"]})
    changed = changed[before.notna() & (changed["to"] != before)]
    direction = np.sign(changed["to"] - changed["from"]).astype("int64")
    changed = changed.assign(direction=direction)[CHANGE_COLUMNS]
    # Variants come in any order within a reconciliation.
    return changed.sort_values(["reconciliation", "variant"], kind="stable", ignore_index=True)


def follow_changes(changed: pd.DataFrame, replicas: pd.DataFrame) -> pd.DataFrame:
    """When each change was carried out.

    Parameters
    ----------
    changed : DataFrame
        As `changes` returns it, of one variant.
    replicas : DataFrame
        `minutes, held, ready`: those of the variant over time (`Supply.by_variant`). Where `ready` is nowhere known,
        the held ones decide.

    Returns
    -------
    DataFrame
        `changed` with `STEP_COLUMNS`: seconds from the decision until the replicas were held, and until as many were
        ready (of a target that was lowered, as few), as intervals (`…_after_s`, `…_s`]; NaN if that did not happen
        before a decision that asked for less of it was carried out, and for `ready` where it was so at the decision.
        The outcome: `carried out` (a raised target when it was ready, a lowered one when it was held), `superseded`,
        `never`, or `not needed` where the held replicas were the target already.
    """
    minutes, targets = (changed[name].to_numpy(float) for name in ("minutes", "to"))
    knows_ready = bool(replicas["ready"].notna().any())
    rows = []
    for number, (start, target) in enumerate(zip(minutes, targets, strict=True)):
        # Which way to go is told by the replicas there are: 27 after 28, wanted while 10 run, is still a scale-up.
        way = float(np.sign(target - _replicas_at(replicas, "held", start, changed["from"].iloc[number])))
        later = targets[number + 1 :]
        overtaken = minutes[number + 1 :][(later - target) * way < 0]
        end = overtaken[0] if len(overtaken) else np.inf
        # What runs when the next decision is made, the earlier one has led to.
        during = replicas[replicas["minutes"].between(start, end if way else -np.inf)]
        desired_after, desired = _first_minute(during, "held", target, way, start)
        # They become ready, or go, for as long as they are held, whatever was decided meanwhile. Where as many were
        # ready, or as few, at the decision, nothing was waited for.
        had_been = (_replicas_at(replicas, "ready", start, np.nan) - target) * way >= 0
        held = _while_held(replicas, target, way, np.nan if had_been else desired)
        ready_after, ready = _first_minute(held, "ready", target, way, desired_after)
        # A replica that is no longer held ends in its own time, which is no matter of scaling.
        done = ready if knows_ready and way > 0 and not had_been else desired
        times = ((each - start) * 60 for each in (desired_after, desired, ready_after, ready))
        rows.append((*times, _outcome(way, done, end)))
    steps = pd.DataFrame(rows, columns=STEP_COLUMNS, index=changed.index)
    return pd.concat([changed, steps], axis=1)


def _outcome(way: float, done: float, end: float) -> str:
    if not way:
        return "not needed"
    return "carried out" if not np.isnan(done) else "superseded" if end < np.inf else "never"


def _replicas_at(replicas: pd.DataFrame, column: str, minutes: float, otherwise: float) -> float:
    """The replicas held or ready at a time, as last known by then."""
    known = replicas[column][(replicas["minutes"] <= minutes) & replicas[column].notna()]
    return float(known.iloc[-1]) if len(known) else otherwise


def _while_held(replicas: pd.DataFrame, target: float, way: float, desired: float) -> pd.DataFrame:
    """From the time at which a target was held to the first one at which it no longer was, that one included."""
    after = replicas[replicas["minutes"] >= desired]
    lost = after["minutes"][(after["held"] - target) * way < 0]
    return after if not len(lost) else after[after["minutes"] <= lost.iloc[0]]


def _first_minute(
    during: pd.DataFrame, column: str, target: float, direction: float, earliest: float
) -> tuple[float, float]:
    """After which minute, and not later than which, a target was reached; NaN if it was not."""
    is_reached = (during[column] - target) * direction >= 0
    if not is_reached.any():
        return float("nan"), float("nan")
    at = float(during["minutes"][is_reached].iloc[0])
    before = during["minutes"][(during["minutes"] < at) & during[column].notna()]
    return (float(before.iloc[-1]) if len(before) else earliest), at


def times_to_scale(followed: pd.DataFrame, source: str) -> dict[str, TimeToScale]:
    """`all` changes, and `up` and `down` apart: a replica that comes has to start, one that goes has not."""
    directions = {"all": followed["direction"] != 0, "up": followed["direction"] > 0, "down": followed["direction"] < 0}
    return {name: time_to_scale(followed[of_direction], source) for name, of_direction in directions.items()}


def time_to_scale(followed: pd.DataFrame, source: str) -> TimeToScale:
    """Summary of `follow_changes`."""
    done = followed[followed["outcome"] == "carried out"]
    count = followed["outcome"].value_counts()
    return TimeToScale(
        changes=len(followed),
        carried_out=len(done),
        superseded=int(count.get("superseded", 0)),
        never=int(count.get("never", 0)),
        not_needed=int(count.get("not needed", 0)),
        decision_to_desired_after_s=_median(done["desired_after_s"]),
        decision_to_desired_s=_median(done["desired_s"]),
        desired_to_ready_after_s=_median((done["ready_after_s"] - done["desired_s"]).clip(lower=0)),
        desired_to_ready_s=_median(done["ready_s"] - done["desired_after_s"]),
        decision_to_ready_after_s=_median(done["ready_after_s"]),
        decision_to_ready_s=_median(done["ready_s"]),
        source=source,
    )


def flapping(changed: pd.DataFrame, load: pd.Series, within_s: float = FLAPPING_WITHIN_S) -> int | None:
    """Changes that take back the one before, of the same variant, at most `within_s` ago, and not for the load's sake.

    The load asks for one if it has moved by `MOVED` or more in the direction of the later change since the earlier one.
    None if there are such changes and no load is known.

    Parameters
    ----------
    load : Series
        Requests per minute over the interval before each change, by the index of `changed` (`load_before`,
        `answered_before`).
    """
    groups = changed.groupby("variant", dropna=False, sort=False)
    before = groups["minutes"].shift()
    is_reversal = (groups["direction"].shift() == -changed["direction"]) & (
        (changed["minutes"] - before) * 60 <= within_s
    )
    if is_reversal.any() and not load.notna().any():
        return None
    was = load.groupby(changed["variant"], dropna=False, sort=False).shift()
    moved = (load - was) * changed["direction"]
    # From nothing, a tenth of a request per minute is no load.
    return int((is_reversal & ~(moved >= (MOVED * was).clip(lower=MOVED))).sum())


def load_before(changed: pd.DataFrame, rates: pd.DataFrame, interval_s: float) -> pd.Series:
    """The mean offered load, requests per minute, over the interval before each change.

    Parameters
    ----------
    rates : DataFrame
        `minutes, rate_per_min`; each value holds until the next, before the first one there is none.
    interval_s
        The usual interval between reconciliations, s.
    """
    return pd.Series([_mean_rate(rates, at, interval_s) for at in changed["minutes"]], changed.index, dtype="float64")


def answered_before(changed: pd.DataFrame, answered: pd.DataFrame) -> pd.Series:
    """The same of what was answered: the rate that a reconciliation logs is the mean of the minute before it.

    Parameters
    ----------
    answered : DataFrame
        `stats.arrival_rates`.
    """
    known = answered["per_s"].dropna().sort_index() * 60
    if not len(known):
        return pd.Series(np.nan, changed.index, dtype="float64")
    places = np.searchsorted(known.index, changed["reconciliation"], side="right") - 1
    values = np.where(places >= 0, known.to_numpy(float)[np.maximum(places, 0)], 0.0)
    return pd.Series(values, changed.index, dtype="float64")


def _mean_rate(rates: pd.DataFrame, minutes: float, interval_s: float) -> float:
    """The mean over the interval before; 0 before the first value."""
    start = minutes - (interval_s / 60 if interval_s > 0 else 0.0)
    known = rates.dropna()
    if not len(known):
        return float("nan")
    edges = np.array([start, *(at for at in known["minutes"] if start < at < minutes), minutes])
    places = np.searchsorted(known["minutes"].to_numpy(float), edges, side="right") - 1
    values = np.where(places >= 0, known["rate_per_min"].to_numpy(float)[np.maximum(places, 0)], 0.0)
    lengths = np.diff(edges)
    return float(np.average(values[:-1], weights=lengths)) if lengths.sum() > 0 else float(values[-1])


def reasons(frames: Frames) -> pd.DataFrame:
    """How often each action was decided for each reason, whatever the numbers in it: `action, reason, count`."""
    decisions = frames["scaling_decision"]
    decisions = decisions.assign(reason=decisions["reason"].str.replace(_NUMBER, "…", regex=True))
    counted = decisions.groupby(["action", "reason"], dropna=False).size()
    return counted.rename("count").reset_index()


def _median(values: pd.Series) -> float | None:
    found = values.dropna()
    return float(found.median()) if len(found) else None
