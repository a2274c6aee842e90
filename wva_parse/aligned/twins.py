"""Twin runs of the loop: passes within seconds that are one reconciliation, and whether they said the same.

Of such passes the last word counts (`frames`). Where they decided differently, something between them changed, or the
controller contradicts itself; either way a reader should know.
"""

from __future__ import annotations

from typing import NamedTuple

from wva_parse.aligned.frames import Frames


class Twins(NamedTuple):
    """Reconciliations of several passes, and those in which a variant got more than one target."""

    reconciliations: int
    disagreed: int


def find_twins(frames: Frames) -> Twins:
    """The twins of a run, within its window."""
    several = frames.reconciliations["loop_runs"] > 1
    decided = frames.by_loop_run["scaling_decision"]
    targets = decided.groupby(["reconciliation", "namespace", "variant"], dropna=False)["target_replicas"].nunique()
    disagreed = targets.index[targets > 1].get_level_values("reconciliation")
    return Twins(int(several.sum()), len(set(disagreed)))
