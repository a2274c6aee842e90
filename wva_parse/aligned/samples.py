"""The collector's samples of the cluster: replicas over time, and observations of releases that log none.

A sample is one line of cluster-samples.jsonl; its times are the cluster's, UTC. Half a line at the end (a
collector that was killed) is left out.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

import pandas as pd

from wva_parse.aligned.frames import Frames, Window, minutes_since, timed_since, utc_times
from wva_parse.log.json_files import dig, objects_in
from wva_parse.log.samples import deployments_of, variant_of

# Path of a value in `.status` of a VariantAutoscaling -> column; texts with two decimals up to v0.4.
STATUS_PATHS = {
    "observed_replicas": ("currentAlloc", "numReplicas"),
    "observed_itl_ms": ("currentAlloc", "itlAverage"),
    "observed_ttft_ms": ("currentAlloc", "ttftAverage"),
    "arrival_rate_per_min": ("currentAlloc", "load", "arrivalRate"),
    "input_tokens": ("currentAlloc", "load", "avgInputTokens"),
    "output_tokens": ("currentAlloc", "load", "avgOutputTokens"),
    "cost": ("currentAlloc", "variantCost"),
}


class Samples(NamedTuple):
    """What the samples of a run say.

    Attributes
    ----------
    replicas : DataFrame
        `timestamp, minutes, replicas, ready`: wanted and ready replicas at each poll, of all variants of the model.
    by_variant : DataFrame
        The same with `variant`, each apart.
    ready_at_start
        Ready replicas by the last sample before the window, which hold until its first; None if there is none.
    variants : DataFrame
        `timestamp, variant` and the columns of `STATUS_PATHS`: each variant's status at each poll.
    """

    replicas: pd.DataFrame
    by_variant: pd.DataFrame
    variants: pd.DataFrame
    ready_at_start: float | None = None

    def since(self, zero: pd.Timestamp) -> Samples:
        """The same samples, with `minutes` that count from another time."""
        replicas, by_variant, variants = (timed_since(zero, frame) for frame in self[:3])
        return Samples(replicas, by_variant, variants, self.ready_at_start)


def make_samples(samples: Iterable[dict[str, Any]], zero: pd.Timestamp, window: Window) -> Samples:
    """Frames of the samples that were taken within the window; minutes count from `zero`."""
    replicas: list[dict[str, Any]] = []
    variants: list[dict[str, Any]] = []
    for sample in samples:
        for deployment in deployments_of(sample):
            names = {"variant": variant_of(deployment), "timestamp": sample.get("time")}
            replicas.append({**names, "replicas": deployment.get("spec"), "ready": deployment.get("ready")})
        for variant in objects_in(sample.get("variants")):
            values = {column: _number(dig(variant.get("status"), path)) for column, path in STATUS_PATHS.items()}
            variants.append({"timestamp": sample.get("time"), "variant": variant.get("name"), **values})
    by_variant = _timed(replicas, ["variant", "replicas", "ready"], zero, window)
    everything = _timed(replicas, ["variant", "replicas", "ready"], zero, Window())
    before = everything[everything["timestamp"] < window.start] if window.start is not None else everything.iloc[:0]
    last = before[before["timestamp"] == before["timestamp"].max()]["ready"].dropna()
    total = by_variant.groupby(["timestamp", "minutes"], sort=False)[["replicas", "ready"]].sum().reset_index()
    return Samples(
        total,
        by_variant,
        _timed(variants, ["variant", *STATUS_PATHS], zero, window),
        float(last.sum()) if len(last) else None,
    )


def _timed(rows: list[dict[str, Any]], columns: list[str], zero: pd.Timestamp, window: Window) -> pd.DataFrame:
    frame = pd.DataFrame({"timestamp": utc_times(row["timestamp"] for row in rows)})
    frame["minutes"] = minutes_since(zero, frame["timestamp"])
    for column in columns:
        dtype = "object" if column == "variant" else "float64"
        frame[column] = pd.Series([row[column] for row in rows], dtype=dtype)
    start = window.start if window.start is not None else frame["timestamp"].min()
    end = window.end if window.end is not None else frame["timestamp"].max()
    return frame[frame["timestamp"].between(start, end)].reset_index(drop=True)


def observe_by_samples(frames: Frames, samples: Samples) -> Frames:
    """Observations from the variants' status, for a log that has none.

    Each is the status nearest after a reconciliation's start and before the next one's.
    """
    starts = frames.reconciliations.dropna(subset="start").sort_values("start")
    before = starts["start"].shift(-1).fillna(pd.Timestamp.max.tz_localize("UTC"))
    starts = starts.assign(before=before.astype(starts["start"].dtype))
    found = []
    for variant, status in samples.variants.dropna(subset="timestamp").groupby("variant", sort=False):
        merged = pd.merge_asof(
            starts[["reconciliation", "start", "before"]],
            status.drop(columns="variant").sort_values("timestamp"),
            left_on="start",
            right_on="timestamp",
            direction="forward",
        )
        found.append(merged[merged["timestamp"] < merged["before"]].assign(variant=variant))
    if not found:
        return frames
    template = frames["observed_metrics"]
    observed = pd.concat(found).sort_values("reconciliation", kind="stable").reset_index(drop=True)
    observed = observed.reindex(columns=template.columns)
    for column in ("observed_itl_ms", "observed_ttft_ms"):
        observed[column] = observed[column].where(observed[column] != 0)
    namespaces = frames["scaling_decision"].dropna(subset="namespace").drop_duplicates("variant", keep="last")
    observed["namespace"] = observed["variant"].map(namespaces.set_index("variant")["namespace"]).astype("object")
    return frames.with_kind("observed_metrics", observed[observed["observed_replicas"].notna()])


def _number(value: Any) -> float | None:
    try:
        return float(value)
    except (TypeError, ValueError):
        return None
