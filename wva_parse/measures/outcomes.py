"""What a run's scaling came to: the statistics that need more than one frame, computed once for all readers."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import pandas as pd

from wva_parse.aligned.experiment import Experiment
from wva_parse.aligned.offered import offered
from wva_parse.aligned.supply import SAMPLES
from wva_parse.measures import course, elasticity, explained, findings, reaction, scaling, skill, stats, supply
from wva_parse.optimizer.analyses import Replay, replay_analyses
from wva_parse.optimizer.decisions import decisions_of, last_words
from wva_parse.optimizer.queueing import Objectives, replica_of


@dataclass(frozen=True)
class Outcomes:
    """See the modules `scaling`, `reaction`, `elasticity`, `skill` and `findings`.

    Attributes
    ----------
    changes : DataFrame
        Decisions that changed a target, with what became of them (`scaling.follow_changes`).
    reactions : DataFrame
        What followed each saturation event.
    capacity_per_min, capacity_from, capacity_range_per_min
        Requests per minute that one replica serves within the SLO: `given`, the median of the `optimizer`'s own and
        the least and most of them, or None.
    elasticity, by_capacity
        Held replicas against the offered demand; None and empty where no run's own load is known.
    replay
        The analyses of capacity, replayed as they were.
    """

    changes: pd.DataFrame
    time_to_scale: dict[str, scaling.TimeToScale]
    flapping: int | None
    saturation: pd.DataFrame
    reactions: pd.DataFrame
    capacity_per_min: float | None
    capacity_from: str
    capacity_range_per_min: tuple[float, float] | None
    elasticity: elasticity.Elasticity | None
    by_capacity: list[dict[str, float]]
    skill: dict[str, skill.Skill | None]
    replay: Replay
    findings: tuple[str, ...]


def outcomes_of(run: Experiment) -> Outcomes:
    """Compute all of them."""
    frames = run.frames
    changes, source = _followed(run)
    saturation = stats.saturation_events(frames["kv_cache"], run.thresholds.kv_cache)
    load = scaling.load_before(changes, _offered_rates(run), frames.interval_s)
    if not load.notna().any():
        load = scaling.answered_before(changes, stats.arrival_rates(frames))
    limit_s = reaction.under_way_s(changes, frames.interval_s)
    reactions = reaction.reactions(saturation, changes, limit_s, _ready_by_model(run), _offered_rates(run))
    capacity_per_min, capacity_from, capacity_range = _capacity_per_min(run)
    against, curve = _against_demand(run, capacity_per_min)
    replay = replay_analyses(run)
    pairs = skill.with_last_observation(run.alignment.pairs, frames)
    return Outcomes(
        changes=changes,
        time_to_scale=scaling.times_to_scale(changes, source),
        flapping=scaling.flapping(changes, load),
        saturation=saturation,
        reactions=reactions,
        capacity_per_min=capacity_per_min,
        capacity_from=capacity_from,
        capacity_range_per_min=capacity_range,
        elasticity=against,
        by_capacity=curve,
        skill={metric: skill.skill(pairs, metric) for metric in stats.METRICS},
        replay=replay,
        findings=(
            *explained.masked_finding(frames, replay),
            *supply.limit_finding(run),
            *findings.find(
                *(frames, changes, reactions, _restarts(run), limit_s),
                (*supply.starved_finding(run), *course.course_finding(run)),
                run.supply.window.start if run.supply.window.has_load else -math.inf,
            ),
        ),
    )


def _against_demand(
    run: Experiment, capacity_per_min: float | None
) -> tuple[elasticity.Elasticity | None, list[dict[str, float]]]:
    """Held replicas against the offered demand over the load window: at the stated capacity, and over a range."""
    sent, window = offered(run), run.supply.window
    one_time = run.frames.reconciliations["minutes"].dropna().is_monotonic_increasing  # else a clock was set back
    if not sent.is_demand or not one_time or run.frames["scaling_decision"]["model"].nunique() > 1:
        return None, []
    held = run.supply.steps.dropna(subset=["held"]).rename(columns={"held": "replicas"})
    rates = elasticity.offered_rate(sent.spans)
    curve = elasticity.by_capacity(held, rates, window.start, window.end)
    if capacity_per_min is None:
        return None, curve
    needed = elasticity.needed_replicas(rates["rate_per_min"], capacity_per_min)
    demand = pd.DataFrame({"minutes": rates["minutes"], "replicas": needed})
    return elasticity.elasticity(held, demand, window.start, window.end), curve


def _followed(run: Experiment) -> tuple[pd.DataFrame, str]:
    """The changes of every variant and what became of them."""
    changes, had = scaling.changes(run.frames), run.supply.by_variant
    parts = [
        scaling.follow_changes(changes[changes["variant"] == variant], had[had["variant"] == variant])
        for variant in changes["variant"].unique()
    ]
    followed = pd.concat(parts).sort_index() if parts else scaling.follow_changes(changes, had)
    return followed, SAMPLES if run.supply.sources.held == SAMPLES else "log"


def _offered_rates(run: Experiment) -> pd.DataFrame:
    """`minutes, rate_per_min` of what was offered, as steps; empty where that is not known."""
    sent = offered(run)
    return elasticity.offered_rate(sent.spans if sent.is_demand else ())


def _ready_by_model(run: Experiment) -> pd.DataFrame:
    """`model, minutes, ready`, as steps; of a single model those of the run."""
    each = run.supply.by_variant
    if each["model"].nunique() <= 1:
        return run.supply.steps.assign(model=None)
    return each.groupby(["model", "minutes"], sort=False)["ready"].sum(min_count=1).reset_index()


def _capacity_per_min(run: Experiment) -> tuple[float | None, str, tuple[float, float] | None]:
    """Requests per minute that one replica serves within the SLO, and whose word that is; see `elasticity`."""
    if run.replica_capacity_per_s:
        return 60 * run.replica_capacity_per_s, "given", None
    words = [each for each in last_words(decisions_of(run)) if each.profile]
    if len({each.model for each in words}) != 1 or run.slo.source == "unknown":
        return None, "", None
    objectives = Objectives(run.slo.itl_ms or 0.0, run.slo.ttft_ms or 0.0)
    rates = [
        rate
        for each in words
        if each.profile and not each.load.is_idle
        if (rate := replica_of(each.profile, each.load.input_tokens, each.load.output_tokens).highest_rate(objectives))
    ]
    return (float(np.median(rates)), "optimizer", (min(rates), max(rates))) if rates else (None, "", None)


def _restarts(run: Experiment) -> int:
    containers = run.collection.get("containers") or []
    return sum(int(each.get("restarts") or 0) for each in containers if isinstance(each, dict))
