"""summary.json: a run's numbers for machines (its keys: docs/files.md)."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

import pandas as pd

from wva_parse.aligned.experiment import Experiment
from wva_parse.aligned.frames import Frames
from wva_parse.aligned.offered import offered
from wva_parse.aligned.schedule import schedule_as_json
from wva_parse.aligned.twins import find_twins
from wva_parse.measures import (
    conditions,
    course,
    decided,
    elasticity,
    explained,
    findings,
    latency,
    reaction,
    requests,
    scaling,
    stats,
    supply,
    tuned,
    zero,
)
from wva_parse.measures.client import summarize_client
from wva_parse.measures.outcomes import Outcomes, outcomes_of
from wva_parse.optimizer.analyses import Replay

SCHEMA = 2


def summarize(experiment: Experiment) -> dict[str, Any]:
    """The numbers of a run, ready for JSON: None where unknown, never NaN."""
    outcomes = outcomes_of(experiment)
    why = decided.explain(experiment)
    frames, pairs = experiment.frames, experiment.alignment.pairs
    loaded = stats.loaded_observations(frames, experiment.slo_in_force)
    by_requests = bool(frames["observed_metrics"]["arrival_rate_per_min"].notna().any())
    attained = stats.attainment(loaded)
    by_request = requests.attainment(experiment.requests, experiment.slo)
    shares: dict[str, float | None] = {**(by_request or {"itl": attained.itl, "ttft": attained.ttft})}
    window = experiment.supply.window
    replicas = supply.replicas_of(experiment.supply.steps, "held", window, experiment.supply.sources.held)
    cost = supply.cost(experiment)
    summary = {
        "schema": SCHEMA,
        "run": experiment.name,
        "mode": experiment.mode,
        "mode_evidence": experiment.mode_evidence,
        "simulated": experiment.simulated,
        "status": experiment.record.get("status"),
        "reconciliations": len(frames.reconciliations),
        "outside_window": frames.outside,
        "interval_s": frames.interval_s,
        "loop_runs": experiment.loop_runs,
        "twins": find_twins(frames)._asdict(),
        "pairs": {group: len(stats.pick_pairs(pairs, group)) for group in stats.GROUPS},
        "unpaired": _counts(experiment.alignment.unpaired["reason"]),
        "accuracy": {group: _accuracy(pairs, group) for group in stats.GROUPS},
        "slo": {
            **experiment.slo._asdict(),
            "basis": "requests" if by_request else "minutes",
            "itl_attainment": shares.get("itl"),
            "ttft_attainment": shares.get("ttft"),
            "loaded_observations": attained.n,
            "itl_met": attained.itl_met,
            "ttft_met": attained.ttft_met,
            "weighted_by_requests": by_requests,
            "itl_judged": attained.itl_judged,
            "ttft_judged": attained.ttft_judged,
            "itl_met_share": attained.itl_met / attained.itl_judged if attained.itl_met is not None else None,
            "ttft_met_share": attained.ttft_met / attained.ttft_judged if attained.ttft_met is not None else None,
        },
        "observed_from": experiment.observed_from,
        "latency": latency.observed_latency(loaded, by_requests),
        "arrival_rate": _arrival_rate(experiment),
        "actions": stats.actions(frames),
        "variants": list(_variants(experiment)),
        "changes": {
            name: int((outcomes.changes["direction"] == sign).sum()) for name, sign in (("up", 1), ("down", -1))
        },
        "reasons": scaling.reasons(frames).to_dict("records"),
        "replicas": replicas._asdict() if replicas else None,
        "supply": supply.summarize_supply(experiment),
        "cost": cost._asdict() if cost else None,
        "flapping": outcomes.flapping,
        "time_to_scale": _time_to_scale(experiment, outcomes),
        "zero": zero.summarize_zero(experiment),
        "elasticity": _elasticity(experiment, outcomes),
        "elasticity_by_capacity": outcomes.by_capacity,
        "skill": {metric: found._asdict() if found else None for metric, found in outcomes.skill.items()},
        "errors": _errors(pairs, frames),
        "attribution": decided.attribution_numbers(why),
        "replay": decided.replay_numbers(experiment, why, outcomes.replay),
        "model": decided.model_numbers(experiment, why),
        "kv_cache": _kv_cache(experiment, outcomes),
        "queue": _queue(experiment),
        "scheduler_queue": _scheduler_queue(experiment),
        "capacity": _capacity(experiment, outcomes.replay),
        "analyzers": list(_analyzers(frames["analyzer_result"])),
        "failures": _counts(frames["failure"]["reason"]),
        "safety_nets": len(frames["safety_net"]),
        "tuner": {
            "updates": len(frames["tuner_update"]),
            "nis_rejections": len(frames["nis_rejection"]),
            **tuned.first_and_last(experiment),
        },
        "schedule": schedule_as_json(experiment.schedule),
        "workloads": _workloads(experiment),
        "course": [each._asdict() for each in course.deviations(experiment)],
        "client": summarize_client(experiment.client),
        "requests": requests.summarize_requests(experiment.requests, experiment.slo, experiment.client),
        "log": {
            "lines": experiment.counts.lines,
            "recognised": experiment.counts.recognised,
            "unrecognised": dict(sorted(experiment.counts.unrecognised.items(), key=lambda item: -item[1])),
            "not_json": experiment.counts.not_json,
            "dialects": dict(experiment.counts.dialects),
            "repeated": experiment.counts.repeated,
            "unreadable": sorted(experiment.counts.unreadable),
            "changed": [asdict(changed) for changed in experiment.counts.changed],
        },
        "notes": [*experiment.notes, *findings.before_load(frames, window.start if window.has_load else -math.inf)],
        "findings": list(outcomes.findings),
    }
    cleaned = _without_nan(summary)
    assert isinstance(cleaned, dict)
    return cleaned


def _accuracy(pairs: pd.DataFrame, group: str) -> dict[str, Any]:
    by_metric = {metric: stats.accuracy(pairs, group, metric) for metric in stats.METRICS}
    return {metric: found._asdict() if found else None for metric, found in by_metric.items()}


def _variants(experiment: Experiment) -> Iterator[dict[str, Any]]:
    """What was decided for each variant, what it had, and how well it was predicted, in the order of their names."""
    pairs, had, of = experiment.alignment.pairs, experiment.supply.by_variant, experiment.supply
    decisions = experiment.frames["scaling_decision"]
    for (namespace, variant), mine in decisions.groupby(["namespace", "variant"], dropna=False, sort=True):
        frames = experiment.frames.with_kind("scaling_decision", mine)
        replicas = supply.replicas_of(had[had["variant"] == variant], "held", of.window, of.sources.held)
        own = pairs[pairs["variant"] == variant]
        yield {
            "namespace": namespace,
            "variant": variant,
            "model": mine["model"].iloc[-1],
            "actions": stats.actions(frames),
            "replicas": replicas._asdict() if replicas else None,
            "pairs": {group: len(stats.pick_pairs(own, group)) for group in stats.GROUPS},
            "accuracy": {group: _accuracy(own, group) for group in stats.GROUPS},
        }


def _time_to_scale(experiment: Experiment, outcomes: Outcomes) -> dict[str, Any]:
    by_direction = {name: found._asdict() for name, found in outcomes.time_to_scale.items()}
    sampled = experiment.samples.replicas["timestamp"]
    resolution_s = experiment.frames.interval_s
    if outcomes.time_to_scale["all"].source == "samples":
        resolution_s = sampled.diff().dt.total_seconds().median()
    listed = ["variant", "minutes", "direction", "from", "to", *scaling.STEP_COLUMNS]
    steps = outcomes.changes[listed].to_dict("records")
    return {**by_direction.pop("all"), **by_direction, "resolution_s": resolution_s, "steps": steps}


def _elasticity(experiment: Experiment, outcomes: Outcomes) -> dict[str, Any] | None:
    if outcomes.elasticity is None or outcomes.capacity_per_min is None:
        return None
    stated = {
        "capacity_per_replica_per_s": outcomes.capacity_per_min / 60,
        "capacity_from": outcomes.capacity_from,
        "capacity_least_per_s": of[0] / 60 if (of := outcomes.capacity_range_per_min) else None,
        "capacity_most_per_s": of[1] / 60 if of else None,
        "demand_from": offered(experiment).source,
    }
    return {**stated, **outcomes.elasticity._asdict()}


def _kv_cache(experiment: Experiment, outcomes: Outcomes) -> dict[str, Any] | None:
    pods = supply.in_window(experiment, experiment.frames["kv_cache"])
    if not len(pods):
        return None
    threshold, events, reactions = experiment.thresholds.kv_cache, outcomes.saturation, outcomes.reactions
    return {
        "threshold": threshold,
        "mean": pods["kv_cache_usage"].mean(),
        "max": pods["kv_cache_usage"].max(),
        "saturated_share": (pods["kv_cache_usage"] > threshold).mean(),
        "saturation_events": len(events),
        "saturated_s": events["duration_s"].sum(),
        "events_of_unknown_length": int(events["duration_s"].isna().sum()),
        "answered_events": int(reactions["to_decision_s"].notna().sum()),
        "saturation_to_decision_s": reactions["to_decision_s"].median(),
        "saturation_to_ready_s": reactions["to_ready_s"].median(),
        "events": reactions.to_dict("records"),
    }


def _queue(experiment: Experiment) -> dict[str, Any] | None:
    pods = supply.in_window(experiment, experiment.frames["queue"])
    if not len(pods):
        return None
    threshold = experiment.thresholds.queue
    return {
        "threshold": threshold,
        "mean": pods["queue_length"].mean(),
        "max": pods["queue_length"].max(),
        "above_threshold_share": (pods["queue_length"] > threshold).mean(),
        "above_threshold": int((pods["queue_length"] > threshold).sum()),
        "observations": len(pods),
    }


def _scheduler_queue(experiment: Experiment) -> dict[str, Any] | None:
    """Requests that waited in the scheduler, where its releases tell it."""
    waiting = supply.in_window(experiment, experiment.frames["scheduler_queue"])["scheduler_queue_length"].dropna()
    return {"n": len(waiting), "mean": waiting.mean(), "max": waiting.max()} if len(waiting) else None


def _arrival_rate(experiment: Experiment) -> dict[str, Any] | None:
    """The answered rate as the controller measured it, over the load window, and the highest that was offered."""
    per_s = supply.in_window(experiment, stats.arrival_rates(experiment.frames).reset_index())["per_s"].dropna()
    if not len(per_s):
        return None
    sent = offered(experiment)
    most = elasticity.offered_rate(sent.spans)["rate_per_min"].max() / 60 if sent.is_demand else None
    return {
        "n": len(per_s),
        "mean_per_s": per_s.mean(),
        "max_per_s": per_s.max(),
        "offered_max_per_s": most,
        "offered_from": sent.source or None,
    }


def _errors(pairs: pd.DataFrame, frames: Frames) -> dict[str, Any]:
    by_load = {metric: conditions.load_correlation(pairs, metric)._asdict() for metric in stats.METRICS}
    by_kv = {metric: conditions.kv_correlation(pairs, frames, metric)._asdict() for metric in stats.METRICS}
    return {
        "by_mismatch": conditions.by_mismatch(pairs).to_dict("records"),
        "load_correlation": by_load,
        "kv_correlation": by_kv,
        "rate_changed": {
            **{group: conditions.rate_changed(stats.pick_pairs(pairs, group)) for group in ("loaded", "settled")},
            "settled_by_20": conditions.rate_changed(stats.pick_pairs(pairs, "settled"), 2 * conditions.RATE_CHANGED),
            "settled_known": conditions.rates_known(stats.pick_pairs(pairs, "settled")),
        },
    }


def _capacity(experiment: Experiment, replay: Replay) -> dict[str, Any]:
    frames, told = experiment.frames, replay.thresholds
    state = reaction.state_at_decisions(
        frames,
        stats.aggregate_pods(frames["kv_cache"], "kv_cache_usage"),
        stats.aggregate_pods(frames["queue"], "queue_length", with_total=True),
    )
    return {
        "own": reaction.own_verdict(frames),
        "triggers": {"spare_kv": told.kv_trigger, "spare_queue": told.queue_trigger, "source": told.source},
        "spare": reaction.spare(frames, replay.by_model)._asdict(),
        "scale_up_reasons": {str(why): int(n) for why, n in reaction.scale_up_reasons(frames).items()},
        "scale_down_refusals": reaction.scale_down_refusals(frames).to_dict("records"),
        "at_decisions": reaction.values_by_action(state).to_dict("records"),
        "steps": int((state["step"].fillna(0) != 0).sum()),
        "correlation": reaction.lagged_correlation(state).to_dict("records"),
        "limits": told._asdict(),
        "not_reproduced": sorted({row["reconciliation"] for row in replay.not_reproduced}),
        "not_replayed": replay.missing,
        "why": explained.spans_of(explained.explain(frames, replay)).to_dict("records"),
        "masked": found._asdict() if (found := explained.masked(frames, replay)) else None,
        "other_triggers": explained.other_triggers(replay).to_dict("records"),
    }


def _analyzers(results: pd.DataFrame) -> Iterator[dict[str, Any]]:
    for (model, analyzer), mine in results.groupby(["model", "analyzer"], dropna=False, sort=False):
        over = mine["demand"] / mine["supply"].where(mine["supply"] > 0)
        above = int((mine["demand"] > mine["supply"]).sum())
        yield {"model": model, "analyzer": analyzer, "n": len(mine), "above": above, "peak": over.max()}


_WORKLOAD = (
    "name",
    "rate_per_s",
    "seed",
    "planned_start_s",
    "planned_end_s",
    "start",
    "sending_start",
    "end",
    "start_late_s",
    "result",
)


def _workloads(experiment: Experiment) -> list[dict[str, Any]]:
    """What was planned and what became of it, as run.json tells; empty for runs without. `clients` only of several."""
    return [
        {key: work.get(key) for key in (*_WORKLOAD, "reason")} | {key: work[key] for key in ("clients",) if key in work}
        for work in experiment.record.get("workloads") or []
    ]


def _counts(values: pd.Series) -> dict[str, int]:
    return {str(value): int(count) for value, count in values.value_counts().items()}


def _without_nan(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_nan(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_without_nan(item) for item in value]
    if hasattr(value, "item"):  # numpy's numbers
        value = value.item()
    return None if isinstance(value, float) and not math.isfinite(value) else value
