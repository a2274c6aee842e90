"""What a run's scaling came to: the statistics that need more than one frame, computed once for all readers."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from wva_parse.aligned.experiment import Experiment, workload_spans
from wva_parse.aligned.frames import Frames
from wva_parse.measures import elasticity, explained, findings, reaction, scaling, skill, stats
from wva_parse.optimizer.analyses import Replay, replay_analyses


@dataclass(frozen=True)
class Outcomes:
    """See the modules `scaling`, `reaction`, `elasticity`, `skill` and `findings`.

    Attributes
    ----------
    replicas : DataFrame
        `timestamp, minutes, replicas` of all variants together; `replicas_from` says where it is from.
    changes : DataFrame
        Decisions that changed a target, with what became of them (`scaling.follow_changes`).
    reactions : DataFrame
        What followed each saturation event.
    capacity_per_min
        Requests per minute that one replica served well; None if unknown. `demand_from` says which requests the
        demand counts (`plan` or `log`).
    replay
        The analyses of capacity, replayed as they were.
    """

    replicas: pd.DataFrame
    replicas_from: str
    changes: pd.DataFrame
    time_to_scale: dict[str, scaling.TimeToScale]
    flapping: int
    cost: scaling.Cost | None
    saturation: pd.DataFrame
    reactions: pd.DataFrame
    capacity_per_min: float | None
    demand_from: str
    elasticity: elasticity.Elasticity | None
    skill: dict[str, skill.Skill | None]
    replay: Replay
    findings: tuple[str, ...]


def outcomes_of(run: Experiment) -> Outcomes:
    """Compute all of them."""
    frames = run.frames
    over_time, replicas_from = stats.replicas_over_time(frames, run.samples.replicas)
    replicas = stats.replicas(over_time, replicas_from)
    changes, source = _followed(run)
    saturation = stats.saturation_events(frames["kv_cache"], run.thresholds.kv_cache, frames.interval_s)
    reactions = reaction.reactions(saturation, changes)
    loaded = stats.loaded_observations(frames, run.slo_in_force)
    # Replicas of one model serve more than those of another.
    is_one_model = loaded["model"].nunique() <= 1
    capacity = elasticity.estimate_capacity_per_min(loaded, _was_relaxed(run, loaded)) if is_one_model else None
    if run.replica_capacity_per_s:
        capacity = 60 * run.replica_capacity_per_s
    demand, demand_from = _demand(run, capacity)
    replay = replay_analyses(run)
    pairs = skill.with_last_observation(run.alignment.pairs, frames)
    return Outcomes(
        replicas=over_time,
        replicas_from=replicas_from,
        changes=changes,
        time_to_scale=scaling.times_to_scale(changes, source),
        flapping=scaling.flapping(changes),
        cost=scaling.cost(frames, replicas.replica_seconds)
        if replicas and replicas.replica_seconds is not None
        else None,
        saturation=saturation,
        reactions=reactions,
        capacity_per_min=capacity,
        demand_from=demand_from,
        elasticity=_elasticity(frames, over_time, demand),
        skill={metric: skill.skill(pairs, metric) for metric in stats.METRICS},
        replay=replay,
        findings=(
            *explained.masked_finding(frames, replay),
            *findings.find(frames, changes, reactions, _restarts(run)),
        ),
    )


def _elasticity(frames: Frames, supply: pd.DataFrame, demand: pd.DataFrame) -> elasticity.Elasticity | None:
    """Over the time in which the supply is known: that of the run's replica-seconds."""
    if not frames.reconciliations["minutes"].dropna().is_monotonic_increasing:
        return None  # a clock set back: there is no common time
    known = supply["minutes"].dropna()
    return elasticity.elasticity(supply, demand, float(known.min()), float(known.max()))


def _followed(run: Experiment) -> tuple[pd.DataFrame, str]:
    """The changes of every variant and what became of them."""
    changes = scaling.changes(run.frames)
    sampled = run.samples.by_variant
    parts, sources = [], set()
    for variant in changes["variant"].unique():
        replicas = sampled[sampled["variant"] == variant]
        if len(replicas):
            sources.add("samples")
        else:
            replicas = scaling.replicas_from_decisions(run.frames, variant)
            sources.add("decisions")
        parts.append(scaling.follow_changes(changes[changes["variant"] == variant], replicas))
    followed = pd.concat(parts).sort_index() if parts else scaling.follow_changes(changes, sampled)
    return followed, "samples" if sources == {"samples"} else "decisions"


def _was_relaxed(run: Experiment, loaded: pd.DataFrame) -> pd.Series:
    """Whether no pod was saturated and none had a queue, per observation."""
    kv = run.frames["kv_cache"].groupby("reconciliation")["kv_cache_usage"].max()
    queue = run.frames["queue"].groupby("reconciliation")["queue_length"].max()
    at = loaded["reconciliation"]
    return (at.map(kv) <= run.thresholds.kv_cache) & (at.map(queue) == 0)


def _demand(run: Experiment, capacity_per_min: float | None) -> tuple[pd.DataFrame, str]:
    """Replicas that the demand needed, as steps, and where the demand is known from."""
    spans = [(start, end, 60 * rate) for _, start, end, rate in workload_spans(run) if rate > 0]
    source = "plan" if spans else "log"
    if capacity_per_min is None:
        return pd.DataFrame({"minutes": [], "replicas": []}, dtype="float64"), source
    if not spans:
        return elasticity.measured_need(run.frames["observed_metrics"], capacity_per_min), source
    rates = elasticity.offered_rate(spans)
    needed = elasticity.needed_replicas(rates["rate_per_min"], capacity_per_min)
    return pd.DataFrame({"minutes": rates["minutes"], "replicas": needed}), source


def _restarts(run: Experiment) -> int:
    containers = run.collection.get("containers") or []
    return sum(int(each.get("restarts") or 0) for each in containers if isinstance(each, dict))
