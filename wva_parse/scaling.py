"""What became of scaling decisions: changes of mind, the time until replicas were there, flapping, cost.

Times in seconds, `minutes` from the window's start. A **change** is a decision whose target differs from the
target before it (or, for the first one, from the current replicas): WVA repeats a decision at every reconciliation
until it is carried out, and each repetition would otherwise count.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd

from wva_parse.frames import Frames

FLAPPING_WITHIN_S = 600.0  # ten minutes: several times the start-up of a replica (100 to 140 s were measured)

CHANGE_COLUMNS = ["model", "variant", "reconciliation", "timestamp", "minutes", "direction", "from", "to", "reason"]
_NUMBER = r"\b\d+(?:\.\d+)?\b"
STEP_COLUMNS = ["desired_s", "ready_s", "outcome"]


class TimeToScale(NamedTuple):
    """Medians over the changes that were carried out, s; None without any."""

    changes: int
    carried_out: int
    superseded: int  # a change in the other direction came first
    never: int  # the window ended first
    decision_to_desired_s: float | None
    desired_to_ready_s: float | None
    decision_to_ready_s: float | None
    source: str  # "samples", or "decisions" with the resolution of one reconciliation


class Cost(NamedTuple):
    """Replica-hours, and their price in the units of WVA's cost setting (per replica and hour)."""

    replica_hours: float
    unit_cost: float | None
    cost: float | None


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
        `minutes, replicas, ready`: wanted and ready replicas over time; `Samples.replicas`, or what
        `replicas_from_decisions` makes of a log.

    Returns
    -------
    DataFrame
        `changed` with `STEP_COLUMNS`: seconds from the decision until the replicas were wanted and until they were
        ready (NaN if that did not happen before the next change in the other direction), and `carried out`,
        `superseded` or `never`.
    """
    minutes, targets, directions = (changed[name].to_numpy(float) for name in ("minutes", "to", "direction"))
    rows = []
    for number, (start, target, direction) in enumerate(zip(minutes, targets, directions, strict=True)):
        turned = minutes[number + 1 :][directions[number + 1 :] == -direction]
        end = turned[0] if len(turned) else np.inf
        during = replicas[(replicas["minutes"] >= start) & (replicas["minutes"] < end)]
        desired = _first_minute(during, "replicas", target, direction)
        # A replica that goes is not ready any more before the Deployment wants it gone, where an earlier one started.
        ready = _first_minute(during[during["minutes"] >= desired], "ready", target, direction)
        outcome = "carried out" if not np.isnan(ready) else "superseded" if end < np.inf else "never"
        rows.append(((desired - start) * 60, (ready - start) * 60, outcome))
    steps = pd.DataFrame(rows, columns=STEP_COLUMNS, index=changed.index)
    return pd.concat([changed, steps], axis=1)


def _first_minute(during: pd.DataFrame, column: str, target: float, direction: float) -> float:
    reached = during["minutes"][(during[column] - target) * direction >= 0]
    return float(reached.iloc[0]) if len(reached) else float("nan")


def replicas_from_decisions(frames: Frames) -> pd.DataFrame:
    """Replicas over time as the controller said they were current: wanted and ready cannot be told apart."""
    decisions = frames["scaling_decision"].dropna(subset=["current_replicas"])
    current = decisions["current_replicas"]
    return pd.DataFrame({"minutes": decisions["minutes"], "replicas": current, "ready": current})


def time_to_scale(followed: pd.DataFrame, source: str) -> TimeToScale:
    """Summary of `follow_changes`."""
    done = followed[followed["outcome"] == "carried out"]
    count = followed["outcome"].value_counts()
    return TimeToScale(
        changes=len(followed),
        carried_out=len(done),
        superseded=int(count.get("superseded", 0)),
        never=int(count.get("never", 0)),
        decision_to_desired_s=_median(done["desired_s"]),
        desired_to_ready_s=_median(done["ready_s"] - done["desired_s"]),
        decision_to_ready_s=_median(done["ready_s"]),
        source=source,
    )


def flapping(changed: pd.DataFrame, within_s: float = FLAPPING_WITHIN_S) -> int:
    """Changes whose direction is opposite to that of the change before, of the same variant, at most `within_s` ago."""
    groups = changed.groupby("variant", dropna=False, sort=False)
    turned = groups["direction"].shift() == -changed["direction"]
    waited_s = (changed["minutes"] - groups["minutes"].shift()) * 60
    return int((turned & (waited_s <= within_s)).sum())


def reasons(frames: Frames) -> pd.DataFrame:
    """How often each action was decided for each reason, whatever the numbers in it: `action, reason, count`."""
    decisions = frames["scaling_decision"]
    decisions = decisions.assign(reason=decisions["reason"].str.replace(_NUMBER, "…", regex=True))
    counted = decisions.groupby(["action", "reason"], dropna=False).size()
    return counted.rename("count").reset_index()


def cost(frames: Frames, replica_seconds: float) -> Cost:
    """Replica-hours and their cost; the unit cost is what the controller logged per replica (median), else unknown."""
    observed = frames["observed_metrics"]
    per_replica = (observed["cost"] / observed["observed_replicas"])[observed["observed_replicas"] > 0]
    unit = _median(per_replica)
    hours = replica_seconds / 3600
    return Cost(hours, unit, None if unit is None else hours * unit)


def _median(values: pd.Series) -> float | None:
    found = values.dropna()
    return float(found.median()) if len(found) else None
