"""Replicas held and ready, the load window, and the time in which pods were starved.

**Held** replicas are those that GPUs are kept for: the Deployment's wanted ones. **Ready** ones serve. No single number
of the log tells both: in capacity mode `current` is the Deployment's spec, in builds of the model-based mode since 9
December 2025 the pods that report, in earlier ones the wanted count. So both are looked for, each where it is told:

- held: the samples of the cluster; else `spec=` of the lines that say that it differs from the pods that report (they
  are printed only then); else the observed replicas; else the current ones of the decision;
- ready: the samples; else the pods with a line of KV usage or queue in the reconciliation, twin loop runs together (of
  several variants of one model, whose pods cannot be told apart, those of the model); else the observed replicas.

Of several variants it is the sum. Each value holds until the next one is known.

The **load window** is what everything that is weighted by time is of: with the times of `run.json` the run's window,
else from the first reconciliation with an arrival rate above 0 (where no rate is logged: with a latency) to `AFTER_S`
after the start of the last one, as far as the log goes. A rate of 0 with a latency is the single request with which a
load generator tries the server: no load.

**Starved** is the time in which a pod was above the KV threshold or had more requests waiting than the queue threshold.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from wva_parse.aligned.frames import Frames, Window
from wva_parse.aligned.samples import Samples
from wva_parse.log.json_files import dig

AFTER_S = 120.0  # replicas that a load has called for are held on for a while

PODS, SAMPLES, SPEC, OBSERVED, DECISIONS = "pods", "samples", "spec", "observed", "decisions"

STEP_COLUMNS = ("minutes", "held", "ready")
VARIANT_COLUMNS = ("namespace", "variant", "model", *STEP_COLUMNS)
STARVED_COLUMNS = ("reconciliation", "minutes", "end_minutes", "starved")

_PER_MODEL = ["reconciliation", "namespace", "model"]
_PER_VARIANT = ["reconciliation", "namespace", "variant"]


class LoadWindow(NamedTuple):
    """In minutes of the frames; NaN where the run has no time at all. `has_load`: whether there was any."""

    start: float
    end: float
    has_load: bool

    @property
    def seconds(self) -> float:
        """How long it is."""
        return (self.end - self.start) * 60


class Sources(NamedTuple):
    """Where the replicas are known from, of `samples`, `spec`, `pods`, `observed` and `decisions`; joined by `and`."""

    held: str
    ready: str


@dataclass(frozen=True)
class Supply:
    """What was there to serve.

    Attributes
    ----------
    window
        What everything weighted by time is of.
    steps : DataFrame
        `STEP_COLUMNS`, replicas of all variants together, over all of the log.
    by_variant : DataFrame
        `VARIANT_COLUMNS`, each variant's. The spec of a model with several variants is nobody's own: then a variant
        has what was observed of it.
    starved : DataFrame
        `STARVED_COLUMNS`, a row per reconciliation: whether a pod was starved in it, and until when that holds.
        `starved` is missing where the log tells nothing of pods.
    sources
        Where the replicas are from.
    limit
        The most replicas that the scalers allow, all variants together; None where that is not known.
    """

    window: LoadWindow
    steps: pd.DataFrame
    by_variant: pd.DataFrame
    starved: pd.DataFrame
    sources: Sources
    limit: float | None


def load_window(frames: Frames, window: Window) -> LoadWindow:
    """The time that everything weighted by time is of; see the module."""
    starts = frames.reconciliations.dropna(subset="minutes")
    if not len(starts):
        return LoadWindow(float("nan"), float("nan"), has_load=False)
    numbers = _loaded(frames)
    minutes = starts["minutes"][starts["reconciliation"].isin(numbers)]
    last_known = float(starts["minutes"].max())
    if window.start is not None:
        end = last_known if window.end is None else (window.end - frames.zero).total_seconds() / 60
        return LoadWindow((window.start - frames.zero).total_seconds() / 60, end, has_load=len(minutes) > 0)
    if not len(minutes):
        return LoadWindow(float(starts["minutes"].min()), last_known, has_load=False)
    return LoadWindow(float(minutes.min()), min(float(minutes.max()) + AFTER_S / 60, last_known), has_load=True)


def first_load(frames: Frames) -> pd.Timestamp | None:
    """The start of the first reconciliation with load; None if there was none."""
    starts = frames.reconciliations.dropna(subset="start")
    loaded = starts["start"][starts["reconciliation"].isin(_loaded(frames))]
    return loaded.min() if len(loaded) else None


def is_loaded(observed: pd.DataFrame) -> pd.Series:
    """Whether each observation is one of load: a rate above 0; a latency in a log without any rate."""
    rates = observed["arrival_rate_per_min"]
    return rates > 0 if rates.notna().any() else observed["observed_itl_ms"].notna()


def _loaded(frames: Frames) -> set[int]:
    observed = frames["observed_metrics"]
    return set(observed["reconciliation"][is_loaded(observed)])


def make_supply(
    frames: Frames,
    samples: Samples,
    window: Window,
    before: Mapping[str, Sequence[Mapping[str, Any]]],
    kv_cache_threshold: float,
    queue_threshold: float,
) -> Supply:
    """The supply of a run.

    Parameters
    ----------
    window
        That of the run.
    before
        See `Experiment`; the `scalers` are used.
    kv_cache_threshold, queue_threshold
        Above these a pod is starved.
    """
    of_load = load_window(frames, window)
    # Samples go on between reconciliations; of a run that was cut short both end before its cooldown does.
    last_known = np.nanmax([frames.reconciliations["minutes"].max(), samples.replicas["minutes"].max(), -np.inf])
    of_load = of_load._replace(end=min(of_load.end, float(last_known)))
    if len(samples.replicas):
        steps = samples.replicas.rename(columns={"replicas": "held"})[list(STEP_COLUMNS)]
        by_variant, sources = _sampled_variants(frames, samples), Sources(SAMPLES, SAMPLES)
    else:
        steps, by_variant, sources = logged_replicas(frames)
    return Supply(
        window=of_load,
        steps=steps,
        by_variant=by_variant,
        starved=starved_reconciliations(frames, kv_cache_threshold, queue_threshold),
        sources=sources,
        limit=limit_of(before.get("scalers", ())),
    )


# --- replicas


def _sampled_variants(frames: Frames, samples: Samples) -> pd.DataFrame:
    said = pd.concat([frames["observed_metrics"], frames["scaling_decision"]])[["namespace", "variant", "model"]]
    said = said.dropna(subset="variant").drop_duplicates("variant", keep="last").set_index("variant")
    found = samples.by_variant.rename(columns={"replicas": "held"})
    for column in ("namespace", "model"):
        found[column] = found["variant"].map(said[column]).astype("object")
    return found[list(VARIANT_COLUMNS)]


def _keyed(frame: pd.DataFrame) -> pd.DataFrame:
    """A frame whose namespaces and models can be compared: a log may tell neither."""
    return frame.assign(**{name: frame[name].astype("object").fillna("") for name in ("namespace", "model")})


def logged_replicas(frames: Frames) -> tuple[pd.DataFrame, pd.DataFrame, Sources]:
    """Steps, those by variant, and their sources, from what the log tells."""
    by_variant = _by_variant(frames)
    keyed = _keyed(by_variant)
    told = keyed.groupby(_PER_MODEL, dropna=False, sort=False)
    models = told[["held", "ready"]].sum(min_count=1).reset_index()
    models["variants"] = told.size().to_numpy()
    held_from, ready_from = set(by_variant["source"]), {OBSERVED} if models["ready"].notna().any() else set()
    spec = _keyed(frames["replica_count"])[[*_PER_MODEL, "spec_replicas"]]
    pods = _reporting(frames)
    if len(spec) or len(pods):
        models = models.merge(spec, on=_PER_MODEL, how="outer").merge(pods, on=_PER_MODEL, how="outer")
        held_from |= {SPEC} if models["spec_replicas"].notna().any() else set()
        ready_from |= {PODS} if models["pods"].notna().any() else set()
        models["held"] = models["spec_replicas"].fillna(models["held"])
        models["ready"] = models["pods"].fillna(models["ready"])
    steps = _summed(frames, models)
    one = models[models["variants"] == 1].set_index(_PER_MODEL)[["held", "ready"]]
    keys = pd.MultiIndex.from_frame(keyed[_PER_MODEL])
    for column in ("held", "ready"):
        # What is known of a model is its only variant's.
        by_variant[column] = pd.Series(one[column].reindex(keys).to_numpy(), index=by_variant.index).fillna(
            by_variant[column]
        )
    return steps, by_variant[list(VARIANT_COLUMNS)], Sources(_joined(held_from), _joined(ready_from))


def _joined(sources: set[str]) -> str:
    return " and ".join(name for name in (SPEC, PODS, OBSERVED, DECISIONS) if name in sources)


def _by_variant(frames: Frames) -> pd.DataFrame:
    """Replicas of each variant as observed, else as its decision found them; with `reconciliation` and `source`."""
    columns = [*_PER_VARIANT, "model"]
    observed = frames["observed_metrics"][[*columns, "observed_replicas"]].dropna(subset="observed_replicas")
    observed = observed.rename(columns={"observed_replicas": "held"}).assign(source=OBSERVED)
    decided = frames["scaling_decision"][[*columns, "current_replicas"]].dropna(subset="current_replicas")
    decided = decided.rename(columns={"current_replicas": "held"}).assign(source=DECISIONS)
    parts = [part for part in (observed, decided) if len(part)]
    every = (pd.concat(parts) if parts else observed).drop_duplicates(_PER_VARIANT, keep="first")
    every["ready"] = every["held"].where(every["source"] == OBSERVED)
    every["minutes"] = every["reconciliation"].map(_starts(frames))
    return every.sort_values(["reconciliation", "variant"], kind="stable", ignore_index=True)


def _starts(frames: Frames) -> pd.Series:
    return frames.reconciliations.set_index("reconciliation")["minutes"]


def _reporting(frames: Frames) -> pd.DataFrame:
    """The pods that a reconciliation says something of, by model."""
    parts = [frames[kind][[*_PER_MODEL, "pod"]] for kind in ("kv_cache", "queue")]
    pods = _keyed(pd.concat([part for part in parts if len(part)] or parts[:1]))
    return pods.groupby(_PER_MODEL, dropna=False)["pod"].nunique().rename("pods").astype("float64").reset_index()


def _summed(frames: Frames, models: pd.DataFrame) -> pd.DataFrame:
    """The sum over models; one of which a reconciliation tells nothing keeps what it had."""
    numbers = frames.reconciliations["reconciliation"]
    keys = models["namespace"] + "/" + models["model"]
    steps = pd.DataFrame({"minutes": frames.reconciliations["minutes"].to_numpy(float)})
    for column in ("held", "ready"):
        wide = models.assign(key=keys).pivot_table(index="reconciliation", columns="key", values=column, aggfunc="last")
        steps[column] = wide.reindex(numbers).ffill().sum(axis=1, min_count=1).to_numpy(float)
    return steps.dropna(subset=["held", "ready"], how="all").reset_index(drop=True)


# --- starved


def starved_reconciliations(frames: Frames, kv_cache_threshold: float, queue_threshold: float) -> pd.DataFrame:
    """Whether a pod was starved, by reconciliation: `STARVED_COLUMNS`."""
    kv, queue = frames["kv_cache"], frames["queue"]
    above = {
        *kv["reconciliation"][kv["kv_cache_usage"] > kv_cache_threshold],
        *queue["reconciliation"][queue["queue_length"] > queue_threshold],
    }
    starts = frames.reconciliations
    found = pd.DataFrame({"reconciliation": starts["reconciliation"], "minutes": starts["minutes"]})
    found["end_minutes"] = found["minutes"].shift(-1)
    told = bool(len(kv) or len(queue))
    found["starved"] = found["reconciliation"].isin(above).astype("boolean").where(pd.Series(told, index=found.index))
    return found[list(STARVED_COLUMNS)]


# --- what a scaler allows


def limit_of(scalers: Iterable[Mapping[str, Any]]) -> float | None:
    """The most replicas that HorizontalPodAutoscalers and ScaledObjects allow together; None without any."""
    found = list(_limits(scalers))
    return float(sum(found)) if found else None


def _limits(scalers: Iterable[Mapping[str, Any]]) -> Iterator[float]:
    # A ScaledObject has an HorizontalPodAutoscaler of its own, which says the same.
    targets = set()
    for scaler in sorted(scalers, key=lambda each: str(each.get("kind")) != "ScaledObject"):
        most = dig(scaler, ("spec", "maxReplicaCount")) or dig(scaler, ("spec", "maxReplicas"))
        target = dig(scaler, ("spec", "scaleTargetRef", "name"))
        if isinstance(most, (int, float)) and target not in targets:
            targets.add(target)
            yield float(most)


# --- areas


def area_s(steps: pd.DataFrame, column: str, window: LoadWindow) -> float | None:
    """The integral of a step function over the window, s; None if it is not known anywhere in it.

    Before the first value that one holds, and each until the next.
    """
    known = steps[["minutes", column]].dropna()
    if not len(known) or not window.end > window.start:
        return None
    minutes = known["minutes"].to_numpy(float)
    starts = np.maximum(np.append(-np.inf, minutes[1:]), window.start)
    ends = np.minimum(np.append(minutes[1:], np.inf), window.end)
    return float((known[column].to_numpy(float) * np.clip(ends - starts, 0, None)).sum() * 60)


def within(steps: pd.DataFrame, column: str, window: LoadWindow) -> pd.Series:
    """The values of a step function that hold at some time in the window."""
    known = steps[["minutes", column]].dropna().reset_index(drop=True)
    ends = known["minutes"].shift(-1).fillna(np.inf)
    holds = (known["minutes"] < window.end) & (ends > window.start)
    return known[column][holds]


def starved_s(supply: Supply) -> float | None:
    """How long any pod was starved within the window; None where the log tells nothing of pods."""
    if not supply.starved["starved"].notna().any():
        return None
    return area_s(supply.starved.assign(value=supply.starved["starved"].astype("float64")), "value", supply.window)
