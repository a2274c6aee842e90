"""From no replica and to none: what was decided and why, and how long the first request waited for a replica.

A **wake** is from the first sign that a request waits for a model without a ready replica (a line of the controller
that says so, or a scheduler's queue above 0) to the first time at which one is known to be ready.
"""

from __future__ import annotations

from typing import Any

import pandas as pd

from wva_parse.aligned.experiment import Experiment


def summarize_zero(run: Experiment) -> dict[str, Any] | None:
    """Decisions from and to zero replicas, their reasons and the wakes; None where no variant was ever at zero."""
    decided = run.frames["scaling_decision"]
    to_zero = decided[(decided["target_replicas"] == 0) & (decided["current_replicas"] > 0)]
    from_zero = decided[(decided["current_replicas"] == 0) & (decided["target_replicas"] > 0)]
    woken = run.frames["from_zero"]
    told = run.frames["scale_to_zero"]
    if not (len(to_zero) or len(from_zero) or len(woken) or len(told)):
        return None
    return {
        "to_zero": len(to_zero),
        "from_zero": len(from_zero),
        "reasons": _counts(pd.concat([to_zero["reason"], from_zero["reason"], woken["reason"]])),
        "kept_from_zero": _counts(told["reason"]),
        "wakes": wakes(run).to_dict("records"),
    }


def wakes(run: Experiment) -> pd.DataFrame:
    """A row for each wake: `waiting_minutes`, `ready_minutes` and `waited_s`; the latter two NaN if none came."""
    queue, woken = run.frames["scheduler_queue"], run.frames["from_zero"]
    waiting = pd.concat([queue["minutes"][queue["scheduler_queue_length"] > 0], woken["minutes"]]).sort_values()
    steps = run.supply.steps.dropna(subset="ready")
    rows = []
    for start in _starts_at_zero(steps, waiting):
        ready = steps["minutes"][(steps["minutes"] > start) & (steps["ready"] > 0)]
        end = float(ready.iloc[0]) if len(ready) else float("nan")
        rows.append({"waiting_minutes": start, "ready_minutes": end, "waited_s": 60 * (end - start)})
    return pd.DataFrame(rows, columns=["waiting_minutes", "ready_minutes", "waited_s"])


def _starts_at_zero(steps: pd.DataFrame, waiting: pd.Series) -> list[float]:
    """The first wait in each time without a ready replica."""
    starts: list[float] = []
    for minutes in waiting:
        known = steps["ready"][steps["minutes"] <= minutes]
        if not len(known) or known.iloc[-1] > 0:
            continue
        since = steps["minutes"][(steps["minutes"] <= minutes) & (steps["ready"] > 0)]
        if not starts or (len(since) and since.iloc[-1] > starts[-1]):
            starts.append(float(minutes))
    return starts


def _counts(values: pd.Series) -> dict[str, int]:
    return {str(value): int(count) for value, count in values.value_counts().items()}
