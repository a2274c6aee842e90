"""The record of a run: all of it, read. `wva_parse.run.load` fills it, measures and reports work on it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from wva_parse.aligned.align import Alignment
from wva_parse.aligned.frames import Frames, Window
from wva_parse.aligned.objectives import Slo
from wva_parse.aligned.requests import Requests
from wva_parse.aligned.samples import Samples
from wva_parse.aligned.schedule import Schedule
from wva_parse.aligned.supply import Supply
from wva_parse.aligned.thresholds import Thresholds
from wva_parse.log.benchmark import Client
from wva_parse.log.lines import LineCounts


@dataclass(frozen=True, eq=False)
class Experiment:
    """All of one run, read.

    Attributes
    ----------
    directory, output
        Where the run is, and where results go: the same, unless it cannot be written to.
    mode
        `model-based` or `capacity-based`, by the log (`mode_evidence` says how it was known).
    config, record, collection
        The experiment's config, `run.json` and `collection.json`; empty where there is none.
    before, after
        The cluster before and after the run: the objects of each list in `cluster/before`, by the file's name without
        `.json`; of `cluster/after` the VariantAutoscalings.
    counts, loop_runs
        What became of the lines of the log, and how many loop runs began in it.
    frames, alignment, samples
        See `Frames`, `Alignment`, `Samples`.
    decisions : DataFrame
        Every decision of the optimizer, see `decisions.make_decisions`.
    slo, slo_in_force
        The objectives of the run, and those by which each observation is judged.
    supply
        Replicas held and ready, the load window, and when pods were starved.
    replica_capacity_per_s
        Requests per second that one replica serves within the SLO, if somebody knows.
    price_per_gpu_hour
        If somebody told it; in whatever currency.
    observed_from
        `log`, `the pods' lines of the log` (or both), `cluster-samples.jsonl` or `nothing`.
    client
        What the load generators measured.
    requests
        What is known of single requests.
    schedule
        The load that it was made with: what makes it the same experiment as another run.
    notes
        What a careful reader should know before believing the numbers, one sentence each.
    """

    directory: Path
    output: Path
    mode: str
    mode_evidence: str
    config: dict[str, Any]
    record: dict[str, Any]
    collection: dict[str, Any]
    before: Mapping[str, list[dict[str, Any]]]
    after: Mapping[str, list[dict[str, Any]]]
    counts: LineCounts
    loop_runs: int
    frames: Frames
    window: Window
    samples: Samples
    alignment: Alignment
    decisions: pd.DataFrame
    slo: Slo
    slo_in_force: pd.DataFrame
    thresholds: Thresholds
    supply: Supply
    replica_capacity_per_s: float | None
    price_per_gpu_hour: float | None
    observed_from: str
    client: Client
    requests: Requests
    schedule: Schedule
    notes: tuple[str, ...]

    @property
    def name(self) -> str:
        """The name of the run's directory."""
        return self.directory.name

    @property
    def simulated(self) -> bool:
        """Whether it was made on the embedded cluster."""
        return bool(self.record.get("simulated"))
