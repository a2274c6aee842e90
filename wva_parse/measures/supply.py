"""What replicas a run held and had ready, and what they came to in GPU-hours, over its load window.

Held replicas are what is paid for, ready ones are what serves (`aligned.supply`). GPU-hours are held replica-hours
times the GPUs of a pod; where nothing tells those they are replica-hours, and are called so. A price is only ever the
caller's: WVA's own unit cost is 10 per replica in one mode and 100 in the other.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from wva_parse.aligned import supply
from wva_parse.aligned.experiment import Experiment
from wva_parse.aligned.supply import LoadWindow
from wva_parse.log.json_files import dig, objects_in
from wva_parse.measures import requests
from wva_parse.measures.texts import number

# How accelerators are called in a pod's limits: nvidia.com/gpu, nvidia.com/mig-…, amd.com/gpu, habana.ai/gaudi, …
_ACCELERATORS = ("gpu", "mig-", "gaudi", "xpu", "npu", "tpu", "i915", "xe")

LEAST_STARVED = 1.5  # intervals: of a single reconciliation it is not known for how long pods were starved
LEAST_BEYOND = 2  # reconciliations with a target above all that was held; a single one may be overtaken
RAISED = 1.1  # times alpha at the first load
SAME_MINUTE = 0.1  # the prediction is logged a moment before the decision

RECORDS, CLIENTS, LOG = "requests", "clients", "log"


class Replicas(NamedTuple):
    """Replicas over the load window; a step function between the times at which they are known."""

    min: float
    max: float
    mean: float  # weighted by time
    replica_seconds: float | None  # None of a single moment
    source: str


class Cost(NamedTuple):
    """What was held, and what it served.

    `tokens_from` says where the output tokens are from: `requests` (records of single ones), `clients` (their tables)
    or `log` (rates times mean tokens: an estimate).
    """

    replica_hours: float
    gpus_per_replica: float | None
    gpu_hours: float | None
    price_per_gpu_hour: float | None
    price: float | None
    output_tokens: float | None
    tokens_from: str | None
    replica_hours_per_million_output_tokens: float | None
    replica_hours_per_thousand_within_slo: float | None
    gpu_hours_per_million_output_tokens: float | None
    gpu_hours_per_thousand_within_slo: float | None


def replicas_of(steps: pd.DataFrame, column: str, window: LoadWindow, source: str) -> Replicas | None:
    """Least, most, mean and sum over the window of a column of steps; None if it is not known there."""
    values = supply.within(steps, column, window)
    if not len(values):
        return None
    area = supply.area_s(steps, column, window)
    mean = area / window.seconds if area is not None else float(values.mean())
    return Replicas(float(values.min()), float(values.max()), mean, area, source)


def in_window(run: Experiment, frame: pd.DataFrame) -> pd.DataFrame:
    """The rows of a frame whose reconciliation begins in the load window."""
    starts, window = run.frames.reconciliations, run.supply.window
    numbers = starts["reconciliation"][starts["minutes"].between(window.start, window.end)]
    return frame[frame["reconciliation"].isin(set(numbers))]


def summarize_supply(run: Experiment) -> dict[str, Any]:
    """The key `supply` of summary.json: durations in s, areas in replica-seconds."""
    of, window = run.supply, run.supply.window
    held, ready = (replicas_of(of.steps, name, window, "") for name in ("held", "ready"))
    starved = supply.starved_s(of)
    return {
        "window_s": window.seconds,
        "held_replica_s": held.replica_seconds if held else None,
        "ready_replica_s": ready.replica_seconds if ready else None,
        "held_max": held.max if held else None,
        "ready_max": ready.max if ready else None,
        "starved_s": starved,
        "starved_share": starved / window.seconds if starved is not None and window.seconds > 0 else None,
        "wanted_max": wanted_max(run),
        "limit": of.limit,
        "window_start_minutes": window.start,
        "window_end_minutes": window.end,
        "has_load": window.has_load,
        "starved_spans": [list(span) for span in starved_spans(run)],
        "held_from": of.sources.held,
        "ready_from": of.sources.ready,
    }


def starved_spans(run: Experiment) -> list[tuple[float, float]]:
    """Starved time within the load window, from minute to minute; reconciliations in a row are one span."""
    window, found = run.supply.window, run.supply.starved
    found = found[found["starved"].fillna(False).astype(bool)]
    ends = found["end_minutes"].fillna(window.end)
    spans: list[tuple[float, float]] = []
    for start, end in zip(np.maximum(found["minutes"], window.start), np.minimum(ends, window.end), strict=True):
        if end <= start:
            continue
        if spans and start <= spans[-1][1]:
            spans[-1] = (spans[-1][0], float(end))
        else:
            spans.append((float(start), float(end)))
    return spans


def starved_finding(run: Experiment) -> Iterator[str]:
    """A warning that pods were starved in reconciliations in a row, and what replicas there were meanwhile."""
    spans = [span for span in starved_spans(run) if (span[1] - span[0]) * 60 > LEAST_STARVED * run.frames.interval_s]
    if not spans:
        return
    start, end = max(spans, key=lambda span: (span[1] - span[0], -span[0]))
    inside = run.supply.window._replace(start=start, end=end)
    told = []
    for name in ("held", "ready"):
        values = supply.within(run.supply.steps, name, inside)
        if len(values):
            told.append(f"{' to '.join(dict.fromkeys(map(number, (values.min(), values.max()))))} {name}")
    replicas = f", with {' and '.join(told)} replicas" if told else ""
    others = f" (the longest of {len(spans)} such times)" if len(spans) > 1 else ""
    yield f"Pods were starved from minute {start:.1f} to {end:.1f}{others}{replicas}."


def wanted_max(run: Experiment) -> float | None:
    """The highest target that was decided, all variants together."""
    decided = run.frames["scaling_decision"].dropna(subset=["target_replicas"])
    wide = decided.assign(key=decided["namespace"].fillna("").astype(str) + "/" + decided["variant"].astype(str))
    wide = wide.pivot_table(index="reconciliation", columns="key", values="target_replicas", aggfunc="last").ffill()
    return float(wide.sum(axis=1).max()) if len(wide) else None


def limit_finding(run: Experiment) -> Iterator[str]:
    """A warning that more was wanted than was ever held, and what the tuner had done before."""
    decided = run.frames["scaling_decision"].dropna(subset=["target_replicas"])
    held = replicas_of(run.supply.steps, "held", run.supply.window, "")
    if not len(decided) or held is None:
        return
    most = max(held.max, run.supply.limit or 0.0)
    targets = decided.groupby("reconciliation").agg(minutes=("minutes", "first"), wanted=("target_replicas", "sum"))
    above = targets[targets["wanted"] > most]
    if len(above) < LEAST_BEYOND:
        return
    limit = run.supply.limit
    limited = "the scaler's limit" if limit == held.max else "as if by a limit of the scaler"
    start, end = above["minutes"].iloc[[0, -1]]
    highest = float(above.sort_values("wanted", kind="stable")["minutes"].iloc[-1])
    yield (
        f"WVA wanted up to {above['wanted'].max():.0f} replicas and got {held.max:.0f} ({limited}): in {len(above)} "
        f"reconciliations from minute {start:.1f} to {end:.1f} its target was above that."
        f"{_raised_before(run, highest)}"
    )


def _raised_before(run: Experiment, minutes: float) -> str:
    """By how much alpha, the latency of an empty batch, had risen since the load began: it asks for more replicas."""
    made = run.decisions.dropna(subset=["alpha"])
    for variant, mine in made.groupby("variant", sort=False):
        under_load = mine[mine["minutes"] >= run.supply.window.start]
        until = under_load[under_load["minutes"] <= minutes + SAME_MINUTE]
        if not len(until):
            continue
        first, last = until["alpha"].iloc[[0, -1]]
        if last >= RAISED * first:
            named = "" if made["variant"].nunique() == 1 else f" of {variant}"
            return (
                f" By minute {minutes:.1f}, when it wanted the most, the tuner had raised alpha{named} from "
                f"{first:.3g} to {last:.3g} ms since the load began."
            )
    return ""


# --- GPU-hours


def cost(run: Experiment) -> Cost | None:
    """GPU-hours held over the load window, and per what they served; None where no replicas are known."""
    held_s = supply.area_s(run.supply.steps, "held", run.supply.window)
    if held_s is None:
        return None
    replica_hours = held_s / 3600
    gpu_hours = _gpu_hours(run)
    tokens, tokens_from = output_tokens(run)
    served = _within_slo(run)
    price = run.price_per_gpu_hour
    return Cost(
        replica_hours=replica_hours,
        gpus_per_replica=gpu_hours / replica_hours if gpu_hours is not None and replica_hours else None,
        gpu_hours=gpu_hours,
        price_per_gpu_hour=price,
        price=price * gpu_hours if price is not None and gpu_hours is not None else None,
        output_tokens=tokens,
        tokens_from=tokens_from,
        replica_hours_per_million_output_tokens=_per(replica_hours, tokens, 1e6),
        replica_hours_per_thousand_within_slo=_per(replica_hours, served, 1e3),
        gpu_hours_per_million_output_tokens=_per(gpu_hours, tokens, 1e6),
        gpu_hours_per_thousand_within_slo=_per(gpu_hours, served, 1e3),
    )


def _per(hours: float | None, served: float | None, unit: float) -> float | None:
    return hours / served * unit if hours is not None and served else None


def _gpu_hours(run: Experiment) -> float | None:
    """Held replicas times their GPUs; None where a variant's are not known, nor those of all pods the same."""
    gpus = gpus_by_variant(run.before)
    if len(set(gpus.values())) == 1:
        held_s = supply.area_s(run.supply.steps, "held", run.supply.window)
        return None if held_s is None else held_s / 3600 * next(iter(gpus.values()))
    hours = 0.0
    for variant, mine in run.supply.by_variant.groupby("variant"):
        held_s = supply.area_s(mine, "held", run.supply.window)
        if variant not in gpus or held_s is None:
            return None
        hours += held_s / 3600 * gpus[str(variant)]
    return hours if gpus else None


def gpus_by_variant(before: Mapping[str, Sequence[Mapping[str, Any]]]) -> dict[str, float]:
    """GPUs of a pod of each Deployment, and under the name of each VariantAutoscaling that scales one as well."""
    found = {str(dig(each, ("metadata", "name"))): _gpus(each) for each in before.get("deployment", ())}
    for variant in before.get("variantautoscalings", ()):
        target = dig(variant, ("spec", "scaleTargetRef", "name"))
        if target in found:
            found[str(dig(variant, ("metadata", "name")))] = found[str(target)]
    return {name: gpus for name, gpus in found.items() if gpus}


def _gpus(deployment: Mapping[str, Any]) -> float:
    containers = objects_in(dig(deployment, ("spec", "template", "spec", "containers")))
    limits = [limit for each in containers if isinstance(limit := dig(each, ("resources", "limits")), dict)]
    return sum(float(count) for each in limits for name, count in each.items() if _is_accelerator(name, count))


def _is_accelerator(name: str, count: Any) -> bool:
    vendor, slash, kind = name.partition("/")
    return bool(slash and vendor and kind.startswith(_ACCELERATORS)) and str(count).isdigit()


def output_tokens(run: Experiment) -> tuple[float | None, str | None]:
    """Tokens generated in the run, and where that is from; None where nobody tells, or not of all."""
    records = run.requests.records
    if len(records) and not any(each.unknown for each in run.requests.workloads):
        return float(records.loc[records["answered"], "output_tokens"].sum()), RECORDS
    results = run.client.results
    if results and not run.client.without and all(each.output_tokens is not None for each in results):
        return sum(each.output_tokens or 0 for each in results), CLIENTS
    observed = run.frames["observed_metrics"].drop_duplicates(["reconciliation", "namespace", "model"])
    told = observed.dropna(subset=["arrival_rate_per_min", "output_tokens"])
    told = told.assign(tokens_per_s=told["arrival_rate_per_min"] / 60 * told["output_tokens"])
    per_s = told.groupby("reconciliation", sort=False).agg(minutes=("minutes", "first"), value=("tokens_per_s", "sum"))
    total = supply.area_s(per_s, "value", run.supply.window)
    return (total, LOG) if total else (None, None)


def _within_slo(run: Experiment) -> int | None:
    """Requests that met the SLO; None where some are not known."""
    found = requests.summarize_requests(run.requests, run.slo, run.client)
    if found is None or found["unknown"] or not found["within_slo"]:
        return None
    return int(found["within_slo"])
