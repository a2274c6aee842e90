"""The optimizer's decisions as arithmetic: each with the load, the objectives and the parameters that it was made with.

A decision is **reproduced** if the replicas that the model needs are the logged ones; its prediction is reproduced if
ITL and TTFT at the logged replicas are the logged ones to `TOLERANCE`.

Where the parameters of a decision are from, in this order: what the log named last before it (`tuner`, `status`,
`spec`), the profile of its VariantAutoscaling in `cluster/before` (`cluster`), or they are the ones that reproduce the
predictions themselves (`inferred`).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

import pandas as pd

from wva_parse.aligned.decisions import PARAMETERS
from wva_parse.aligned.experiment import Experiment
from wva_parse.log.json_files import dig, objects_in
from wva_parse.optimizer.inference import Logged, infer
from wva_parse.optimizer.queueing import Load, Objectives, Parameters, Prediction, Profile, needed_replicas, predict

TOLERANCE = 0.001  # of a logged latency: WVA counts in 32 bits, and its profile is known to six decimals
MOST_BATCH = 100_000  # of a log whose numbers are none: a chain of as many states fits in memory
SOURCES = ("tuner", "status", "spec", "cluster", "inferred")  # a run is named after the first that it has

# In a VariantAutoscaling: where a profile's numbers stand, in v0.0.1 beside each other.
_PARAMETER_PATHS = {
    "alpha": (("perfParms", "decodeParms", "alpha"), ("alpha",)),
    "beta": (("perfParms", "decodeParms", "beta"), ("beta",)),
    "gamma": (("perfParms", "prefillParms", "gamma"), ("gamma",)),
    "delta": (("perfParms", "prefillParms", "delta"), ("delta",)),
}
_ACCELERATOR = ("metadata", "labels", "inference.optimization/acceleratorName")


class Decision(NamedTuple):
    """One decision of the optimizer, and what is needed to make it again."""

    reconciliation: int
    at: pd.Timestamp
    minutes: float
    namespace: str
    variant: str
    model: str
    is_last_word: bool  # no later one of the same reconciliation and variant
    load: Load  # of the model
    objectives: Objectives
    replicas: int
    itl_ms: float
    ttft_ms: float
    max_batch: int
    parameters: Parameters | None  # None where nothing tells them
    source: str

    @property
    def profile(self) -> Profile | None:
        """The profile that it was made with; None where nothing tells one that can be meant."""
        if self.parameters is None or not 1 <= self.max_batch <= MOST_BATCH:
            return None
        is_sound = self.parameters.alpha > 0 and min(self.parameters) >= 0
        return Profile(*self.parameters, self.max_batch) if is_sound else None

    @property
    def replayed(self) -> int | None:
        """The replicas that the model needs; None where it cannot say."""
        return needed_replicas(self.profile, self.load, self.objectives) if self.profile else None

    @property
    def predicted(self) -> Prediction | None:
        """What the model expects of the replicas that were decided."""
        return predict(self.profile, self.load, self.replicas) if self.profile else None

    @property
    def is_reproduced(self) -> bool:
        """Whether the model needs as many replicas as were decided."""
        return self.replayed == self.replicas

    @property
    def is_prediction_reproduced(self) -> bool:
        """Whether the model expects the latencies that were logged."""
        found = self.predicted
        return found is not None and all(
            math.isclose(ours, logged, rel_tol=TOLERANCE)
            for ours, logged in ((found.itl_ms, self.itl_ms), (found.ttft_ms, self.ttft_ms))
        )


def decisions_of(run: Experiment) -> list[Decision]:
    """Every decision of a run's optimizer, twins too, in the order of the log."""
    found = list(_told(run.decisions, run.before.get("variantautoscalings") or []))
    return [*_with_inferred(found)]


def source_of(decisions: Iterable[Decision]) -> str | None:
    """Where the parameters of a run are from; None without decisions, or if nothing tells any."""
    sources = {decision.source for decision in decisions}
    return next((source for source in SOURCES if source in sources), None)


def last_words(decisions: Iterable[Decision]) -> list[Decision]:
    """The decisions that count: the last of each reconciliation and variant."""
    return [decision for decision in decisions if decision.is_last_word]


def _told(decisions: pd.DataFrame, variants: Sequence[dict[str, Any]]) -> Iterator[Decision]:
    needed = ["predicted_replicas", "arrival_rate_per_min", "input_tokens", "output_tokens", "max_batch"]
    for row in decisions.dropna(subset=needed).to_dict("records"):
        logged = [row[name] for name in PARAMETERS]
        source, parameters = str(row["source"]), Parameters(*map(float, logged)) if not pd.isna(logged).any() else None
        if parameters is None:
            parameters = parameters_in_cluster(variants, row["namespace"], row["variant"])
            source = "cluster" if parameters else ""
        yield Decision(
            reconciliation=int(row["reconciliation"]),
            at=row["timestamp"],
            minutes=float(row["minutes"]),
            namespace=row["namespace"],
            variant=row["variant"],
            model=row["model"],
            is_last_word=bool(row["is_last_word"]),
            load=load_of(row["arrival_rate_per_min"], row["input_tokens"], row["output_tokens"]),
            objectives=Objectives(_or_none(row["slo_itl_ms"]), _or_none(row["slo_ttft_ms"])),
            replicas=int(row["predicted_replicas"]),
            itl_ms=float(row["predicted_itl_ms"]),
            ttft_ms=float(row["predicted_ttft_ms"]),
            max_batch=int(row["max_batch"]),
            parameters=parameters,
            source=source,
        )


def load_of(rate_per_min: float, input_tokens: float, output_tokens: float) -> Load:
    """A load as the optimizer takes it: whole tokens."""
    return Load(float(rate_per_min), max(int(input_tokens), 0), max(int(output_tokens), 0))


def _or_none(objective_ms: float) -> float:
    """An objective; one that is unknown is none."""
    return float(objective_ms) if objective_ms > 0 else 0.0


def parameters_in_cluster(variants: Iterable[dict[str, Any]], namespace: str, variant: str) -> Parameters | None:
    """The profile in the spec of a VariantAutoscaling among those of `cluster/before`; None if it tells none."""
    for each in variants:
        metadata = each.get("metadata") or {}
        if metadata.get("name") == variant and metadata.get("namespace", namespace) == namespace:
            return _parameters_of(each)
    return None


def _parameters_of(variant: dict[str, Any]) -> Parameters | None:
    profiles = objects_in(dig(variant, ("spec", "modelProfile", "accelerators")))
    own = dig(variant, _ACCELERATOR)
    fitting = [profile for profile in profiles if profile.get("acc") == own] or profiles
    if not fitting:
        return None
    values = [_number(fitting[0], paths) for paths in _PARAMETER_PATHS.values()]
    return None if None in values else Parameters(*(value for value in values if value is not None))


def _number(profile: dict[str, Any], paths: Iterable[tuple[str, ...]]) -> float | None:
    for path in paths:
        try:
            return float(dig(profile, path))
        except (TypeError, ValueError):
            continue
    return None


def _with_inferred(decisions: list[Decision]) -> Iterator[Decision]:
    """The same, with the parameters that reproduce a variant's predictions where nothing tells any."""
    untold: dict[tuple[str, str], list[Logged]] = {}
    for each in decisions:
        if each.parameters is None:
            logged = Logged(each.load, each.replicas, each.max_batch, each.itl_ms, each.ttft_ms)
            untold.setdefault((each.namespace, each.variant), []).append(logged)
    found = {key: infer(tuple(dict.fromkeys(logged))) for key, logged in untold.items()}
    for each in decisions:
        parameters = found.get((each.namespace, each.variant)) if each.parameters is None else None
        yield each._replace(parameters=parameters, source="inferred") if parameters else each
