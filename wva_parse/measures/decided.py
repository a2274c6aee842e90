"""What the optimizer's own arithmetic tells of a run, as numbers of summary.json.

Everything is computed by `optimizer`; here it is put under its keys.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pandas as pd

from wva_parse.aligned.experiment import Experiment
from wva_parse.optimizer import attribution, fit, price
from wva_parse.optimizer.analyses import Replay
from wva_parse.optimizer.decisions import Decision, decisions_of, source_of
from wva_parse.optimizer.queueing import Parameters

# What `replay` says of the optimizer's decisions, and what of the analyses of capacity: a run has one of the two.
OF_DECISIONS = ("decisions", "reproduced", "parameters")
OF_ANALYSES = ("analyses", "analyses_reproduced", "kv_threshold", "queue_threshold", "kv_trigger", "queue_trigger")


@dataclass(frozen=True)
class Explained:
    """The decisions of a run and what follows from them, computed once for all readers.

    Attributes
    ----------
    decisions
        Every decision of the optimizer.
    pairs : DataFrame
        The pairs with the parts of their errors, see `attribution.with_parts`.
    """

    decisions: list[Decision]
    pairs: pd.DataFrame


def explain(run: Experiment) -> Explained:
    """Compute them."""
    decisions = decisions_of(run)
    return Explained(decisions, attribution.with_parts(run, decisions))


def attribution_numbers(explained: Explained) -> dict[str, Any] | None:
    """What the errors are made of; None without a pair to attribute."""
    found = attribution.attribution_of(explained.pairs)
    if found is None:
        return None
    parts = {metric: part._asdict() if part else None for metric, part in (("itl", found.itl), ("ttft", found.ttft))}
    return {"pairs": found.pairs, "reproduced": found.reproduced, **parts}


def replay_numbers(run: Experiment, explained: Explained, analyses: Replay) -> dict[str, Any]:
    """How much of a run comes out as it was when it is computed again; None of what its mode does not do."""
    nothing = dict.fromkeys((*OF_DECISIONS, *OF_ANALYSES, "masked"))
    own = _analyses_numbers(analyses) if run.mode == "capacity-based" else _decisions_numbers(explained.decisions)
    return {**nothing, **own}


def _decisions_numbers(decisions: list[Decision]) -> dict[str, Any]:
    reproduced = sum(each.is_reproduced for each in decisions)
    return dict(zip(OF_DECISIONS, (len(decisions), reproduced, source_of(decisions)), strict=True))


def _analyses_numbers(replay: Replay) -> dict[str, Any]:
    """Half a pair of thresholds replays nothing: it is told in `capacity` only."""
    told = replay.thresholds
    thresholds = (told.kv_threshold, told.queue_threshold)
    if None in thresholds:
        thresholds = (None, None)
    numbers = (replay.analyses, replay.analyses_reproduced, *thresholds, told.kv_trigger, told.queue_trigger)
    masked = len(replay.masked) if replay.is_judged_for_masking else None
    return {**dict(zip(OF_ANALYSES, numbers, strict=True)), "masked": masked}


def model_numbers(run: Experiment, explained: Explained) -> dict[str, Any] | None:
    """Whether the model is off by its parameters or by its form; None for a run without decisions."""
    if not explained.decisions:
        return None
    pairs = explained.pairs
    found = attribution.attribution_of(pairs)
    return {
        "beyond": found.beyond if found else 0,
        "starved": attribution.observed_starved(run, pairs),
        "predictions_not_reproduced": [
            {"reconciliation": each.reconciliation, "variant": each.variant}
            for each in sorted(explained.decisions, key=lambda each: (each.reconciliation, each.variant))
            if not each.is_prediction_reproduced
        ],
        "settled_ready": dict(zip(("other", "known"), attribution.settled_at_other_ready(pairs), strict=True)),
        "steady": _steady_numbers(attribution.steady(run, pairs)),
        "fits": fit_numbers(run, explained),
        "price": _price_numbers(price.price_of_slo(run, explained.decisions)),
    }


def _steady_numbers(steady: pd.DataFrame) -> dict[str, Any]:
    """How far off predictions were where everything came as assumed, at changed and at unchanged replicas."""
    found: dict[str, Any] = {}
    for name, mine in (("changed", steady[steady["changed"]]), ("unchanged", steady[~steady["changed"]])):
        found[name] = {"n": len(mine)}
        for metric in attribution.METRICS:
            error = mine[f"{metric}_error_ms"]
            found[name] |= {
                f"{metric}_mae_ms": attribution.mean(error.abs()),
                f"{metric}_bias_ms": attribution.mean(error),
            }
    return found


def fit_numbers(run: Experiment, explained: Explained) -> list[dict[str, Any]]:
    """The profile that each variant's observations give, and what is left of the model's error with it."""
    fits = fit.fits_of(explained.pairs, explained.decisions)
    return [_fit_numbers(run, explained.pairs, fits[variant]) for variant in sorted(fits)]


def _fit_numbers(run: Experiment, pairs: pd.DataFrame, fitted: fit.Fit) -> dict[str, Any]:
    mine = pairs[pairs["variant"] == fitted.variant]
    before = {
        metric: attribution.mean(mine[f"{metric}_error_model_ms"].abs().dropna()) for metric in attribution.METRICS
    }
    after: dict[str, float | None] = dict.fromkeys(attribution.METRICS)
    if fitted.parameters:
        after |= attribution.model_error_with(run, pairs, {fitted.variant: fitted.parameters})
    return {
        "variant": fitted.variant,
        "observations": fitted.observations,
        "reason": fitted.reason or None,
        "max_batch": fitted.max_batch,
        "parameters": fitted.parameters._asdict() if fitted.parameters else None,
        "half_widths": dict(zip(Parameters._fields, fitted.half_widths, strict=True)),
        "model_mae_ms": before,
        "fitted_model_mae_ms": after,
        "yaml": fit.as_yaml(fitted, accelerator_of(run, fitted.variant)),
    }


def _price_numbers(found: price.Price) -> dict[str, Any]:
    """By objective: what the run's own took, and what a looser one would have; None where it had none."""
    return {
        objective: {"own": own, "looser": found.looser[objective]} if (own := found.own.get(objective)) else None
        for objective in price.OBJECTIVES
    }


def accelerator_of(run: Experiment, variant: str) -> str:
    """The accelerator of a VariantAutoscaling, as the cluster tells; empty if it does not."""
    for each in run.before.get("variantautoscalings") or []:
        metadata = each.get("metadata") or {}
        if metadata.get("name") == variant:
            return str((metadata.get("labels") or {}).get("inference.optimization/acceleratorName") or "")
    return ""
