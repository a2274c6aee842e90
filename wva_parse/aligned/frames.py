"""Rows of the log to one frame per kind of event, in which each reconciliation has its last word.

One exception: of twin runs of the loop an action that changed the target survives a later no-change, and is the
decision of the reconciliation. It has changed the target if the later run, or the next reconciliation, finds it so;
what a later run takes back has not.

Conventions: times are UTC; `minutes` counts from the first load, the common zero of all frames and plots.
ITL and TTFT are in ms, rates in requests per minute, KV usage is 0 to 1. A frame has its columns even when it
has no rows. Missing is NaN (or None for text), never 0.

The **window** is the part of the log that is analysed: from the first workload to the end of the cooldown, where
the run's record tells; else all of it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import NamedTuple

import pandas as pd

from wva_parse.log.rows import LoopRun, Row
from wva_parse.log.table.form import Value

TEXT = ("namespace", "model", "variant", "pod", "action", "reason", "analyzer", "role")
FLAGS = ("should_scale_up", "scale_down_safe", "at_max")

NO_CHANGE = "no-change"

# The controller's word for "nothing to measure" in these is 0 (it turns NaN into 0 before it logs).
IDLE_AS_ZERO = ("observed_itl_ms", "observed_ttft_ms", "predicted_itl_ms", "predicted_ttft_ms")


class Kind(NamedTuple):
    """What a frame holds, and what of it one reconciliation says once."""

    once_per: tuple[str, ...]
    columns: tuple[str, ...]


_VARIANT = ("namespace", "variant")
_LOAD = ("arrival_rate_per_min", "input_tokens", "output_tokens")
_PARAMETERS = ("alpha", "beta", "gamma", "delta", "nis")

KINDS = {
    "mode": Kind((), ("reason",)),
    "prediction": Kind(
        _VARIANT,
        (
            "model",
            "predicted_replicas",
            "predicted_itl_ms",
            "predicted_ttft_ms",
            *_LOAD,
            "cost",
            "slo_itl_ms",
            "slo_ttft_ms",
            "max_batch",
        ),
    ),
    "observed_metrics": Kind(
        _VARIANT, ("model", "observed_replicas", "observed_itl_ms", "observed_ttft_ms", *_LOAD, "cost")
    ),
    "scaling_decision": Kind(_VARIANT, ("model", "action", "reason", "current_replicas", "target_replicas")),
    "slo": Kind(("model",), ("slo_itl_ms", "slo_ttft_ms")),
    "kv_cache": Kind(("namespace", "model", "pod"), ("kv_cache_usage",)),
    "queue": Kind(("namespace", "model", "pod"), ("queue_length",)),
    "capacity_analysis": Kind(
        ("namespace", "model", "role"),
        (
            "total_replicas",
            "non_saturated_replicas",
            "avg_spare_kv",
            "avg_spare_queue",
            "should_scale_up",
            "scale_down_safe",
            "reason",
        ),
    ),
    "tuner_update": Kind(_VARIANT, ("model", *_PARAMETERS)),
    "nis_rejection": Kind(_VARIANT, ("model", *_PARAMETERS)),
    "parameters": Kind(_VARIANT, ("model", "reason", *_PARAMETERS[:-1])),
    "safety_net": Kind(_VARIANT, ("model", "reason", "current_replicas", "target_replicas")),
    "failure": Kind((*_VARIANT, "reason"), ("model",)),
    "scale_up_reason": Kind(_VARIANT, ("model", "reason")),
    "scale_down_refusal": Kind(
        ("namespace", "model"),
        (
            "reason",
            "non_saturated_replicas",
            "required_replicas",
            "remaining_spare_kv",
            "remaining_spare_queue",
            "spare_kv_trigger",
            "spare_queue_trigger",
        ),
    ),
    "replica_count": Kind(("namespace", "model"), ("spec_replicas", "reporting_replicas")),
    # Analyzers of newer releases, in their own units: tokens, tokens/s or requests/s.
    "analyzer_result": Kind(
        ("namespace", "model", "analyzer"),
        (
            "supply",
            "demand",
            "utilisation",
            "required_capacity",
            "spare_capacity",
            "scale_up_threshold",
            "scale_down_boundary",
        ),
    ),
    "analyzer_variant": Kind((*_VARIANT, "analyzer"), ("role", "reason", "capacity_per_replica")),
    "analyzer_role": Kind(("namespace", "model", "analyzer", "role"), ("required_capacity", "spare_capacity")),
    "pod_metrics": Kind(("namespace", "model", "pod"), ("observed_itl_ms", "observed_ttft_ms", "arrival_rate_per_min")),
    "decision_limited": Kind(_VARIANT, ("model", "wanted_replicas", "target_replicas", "reason")),
    "replica_capacity": Kind((*_VARIANT, "pod"), ("capacity_per_replica", "demand", "queue_length", "reason")),
    "replica_throughput": Kind((*_VARIANT, "pod"), ("throughput_per_s", "output_tokens")),
    "scheduler_queue": Kind(
        ("namespace", "model"), ("scheduler_queue_length", "scheduler_queue_bytes", "scheduler_queue_tokens")
    ),
    "model_rate": Kind(("namespace", "model"), ("arrival_rate_per_min",)),
    "policy": Kind(("namespace", "model"), ("scale_up_threshold", "scale_down_boundary", "kv_threshold", "reason")),
    "demand_changed": Kind(("namespace", "model", "role", "reason"), ("demand_before", "demand")),
    # Zero replicas: whether they may be none, and how a model gets its first.
    "scale_to_zero": Kind(("namespace", "model"), ("reason",)),
    "from_zero": Kind((*_VARIANT, "reason"), ("model", "target_replicas", "scheduler_queue_length")),
}


# Of what decides in capacity mode every word counts: twin loop runs may see and find different things.
BY_LOOP_RUN = (
    "kv_cache",
    "queue",
    "capacity_analysis",
    "scale_up_reason",
    "scale_down_refusal",
    "analyzer_result",
    "analyzer_variant",
    "scaling_decision",
)


class Window(NamedTuple):
    """The analysed time; None is open."""

    start: pd.Timestamp | None = None
    end: pd.Timestamp | None = None


WHOLE_LOG = Window()


@dataclass(frozen=True)
class Frames:
    """The frames of one log.

    Attributes
    ----------
    reconciliations : DataFrame
        `reconciliation, start, minutes, loop_runs`, one row each, those of the window only.
    outside
        Reconciliations of the log that are not in the window.
    interval_s
        Usual time between the starts of reconciliations (median, over the whole log), s; NaN below two.
    zero
        The time at which `minutes` is 0.
    by_kind : dict of DataFrame
        Per kind: `reconciliation, timestamp, minutes`, then the columns of `KINDS`; one row for each
        reconciliation and each of `once_per`, in the order of the log.
    by_loop_run : dict of DataFrame
        The same for the kinds of `BY_LOOP_RUN`, with one row for each loop run (its number: `loop_run`) instead of
        each reconciliation.
    """

    reconciliations: pd.DataFrame
    outside: int
    interval_s: float
    zero: pd.Timestamp
    by_kind: dict[str, pd.DataFrame]
    by_loop_run: dict[str, pd.DataFrame]

    def __getitem__(self, kind: str) -> pd.DataFrame:
        return self.by_kind[kind]

    def with_kind(self, kind: str, frame: pd.DataFrame) -> Frames:
        """The same frames, one of them replaced."""
        return replace(self, by_kind={**self.by_kind, kind: frame})

    def since(self, zero: pd.Timestamp) -> Frames:
        """The same frames, with `minutes` that count from another time."""
        starts = self.reconciliations
        return replace(
            self,
            reconciliations=starts.assign(minutes=minutes_since(zero, starts["start"])),
            zero=zero,
            by_kind={kind: timed_since(zero, frame) for kind, frame in self.by_kind.items()},
            by_loop_run={kind: timed_since(zero, frame) for kind, frame in self.by_loop_run.items()},
        )


def make_frames(rows: Iterable[Row], loop_runs: Sequence[LoopRun], window: Window = WHOLE_LOG) -> Frames:
    """Frames of the rows of one log.

    Parameters
    ----------
    rows
        As `rows.make_rows` yields them; an iterator is read once.
    loop_runs
        As filled by `make_rows` (read after the rows are exhausted).
    window
        Reconciliations that start outside it are left out.
    """
    by_kind: dict[str, list[Row]] = {kind: [] for kind in KINDS}
    for row in rows:
        if "reconciliation" in row:
            by_kind[str(row["event_type"])].append(row)
    for column in ("namespace", "model"):
        _complete(by_kind, column)
    everything = _reconciliations(loop_runs)
    zero = window.start if window.start is not None else _first(everything["start"])
    is_inside = pd.Series(True, index=everything.index)
    if window.start is not None:
        is_inside &= everything["start"] >= window.start
    if window.end is not None:
        is_inside &= everything["start"] <= window.end
    inside = everything[is_inside].reset_index(drop=True)
    inside["minutes"] = minutes_since(zero, inside["start"])
    numbers = set(inside["reconciliation"])
    return Frames(
        reconciliations=inside[["reconciliation", "start", "minutes", "loop_runs"]],
        outside=len(everything) - len(inside),
        interval_s=_usual_interval_s(everything["start"]),
        zero=zero,
        by_kind={kind: _last_words(kind, by_kind[kind], numbers, zero, "reconciliation") for kind in KINDS},
        by_loop_run={kind: _last_words(kind, by_kind[kind], numbers, zero, "loop_run") for kind in BY_LOOP_RUN},
    )


def minutes_since(zero: pd.Timestamp, times: pd.Series) -> pd.Series:
    """Minutes from `zero` to each of `times`."""
    return (times - zero).dt.total_seconds() / 60


def timed_since(zero: pd.Timestamp, frame: pd.DataFrame) -> pd.DataFrame:
    """A frame with `timestamp`, with `minutes` that count from `zero`."""
    return frame.assign(minutes=minutes_since(zero, frame["timestamp"])) if len(frame) else frame


def utc_times(values: Iterable[object]) -> pd.Series:
    """ISO 8601 texts as UTC times; what is none becomes NaT."""
    texts = pd.Series(list(values), dtype="object")
    return pd.to_datetime(texts, utc=True, format="ISO8601", errors="coerce").astype("datetime64[ns, UTC]")


def _complete(by_kind: dict[str, list[Row]], column: str) -> None:
    """Fill in a namespace or model on lines that do not tell it: the variant's, or the log's if it has only one."""
    rows = [row for kind, of_kind in by_kind.items() if kind != "mode" for row in of_kind]
    known: dict[Value, set[Value]] = {}
    for row in rows:
        if row.get(column) is not None:
            known.setdefault(row.get("variant"), set()).add(row[column])
    everything = set().union(*known.values())
    for row in rows:
        if row.get(column) is None:
            found = known.get(row.get("variant")) or everything
            row[column] = next(iter(found)) if len(found) == 1 else None


def _first(starts: pd.Series) -> pd.Timestamp:
    known = starts.dropna()
    return known.iloc[0] if len(known) else pd.Timestamp(0, tz="UTC")


def _reconciliations(loop_runs: Sequence[LoopRun]) -> pd.DataFrame:
    runs = pd.DataFrame(
        {
            "reconciliation": pd.Series([run.reconciliation for run in loop_runs], dtype="int64"),
            "start": utc_times(run.start for run in loop_runs),
        }
    )
    grouped = runs.groupby("reconciliation", sort=True)
    return grouped.agg(start=("start", "first"), loop_runs=("start", "size")).reset_index()


def _usual_interval_s(starts: pd.Series) -> float:
    gaps = starts.dropna().diff().dt.total_seconds()
    return float(gaps[gaps > 0].median())  # a clock that was set back says nothing of the interval


def _last_words(kind: str, rows: list[Row], numbers: set[int], zero: pd.Timestamp, within: str) -> pd.DataFrame:
    rows = [row for row in rows if row["reconciliation"] in numbers]
    return _frame_of(kind, rows, zero, within) if rows else _without_rows(kind, within).copy()


@cache
def _without_rows(kind: str, within: str) -> pd.DataFrame:
    """Most kinds are of other releases than a log's: their frames are made once."""
    return _frame_of(kind, [], pd.Timestamp(0, tz="UTC"), within)


def _frame_of(kind: str, rows: list[Row], zero: pd.Timestamp, within: str) -> pd.DataFrame:
    once_per, columns = KINDS[kind]
    times = utc_times(row["timestamp"] for row in rows)
    values = {
        "reconciliation": pd.Series([row["reconciliation"] for row in rows], dtype="int64"),
        "timestamp": times,
        "minutes": minutes_since(zero, times),
        within: pd.Series([row[within] for row in rows], dtype="int64"),
    }
    values |= {column: _column(column, [row.get(column) for row in rows]) for column in (*once_per, *columns)}
    frame = pd.DataFrame(values)
    for column in frame.columns.intersection(list(IDLE_AS_ZERO)):
        frame[column] = frame[column].where(frame[column] != 0)
    last = frame.drop_duplicates([within, *once_per], keep="last")
    if kind == "scaling_decision" and within == "reconciliation":
        last = _with_actions(last, frame)
    return last.reset_index(drop=True)


def _with_actions(last: pd.DataFrame, decisions: pd.DataFrame) -> pd.DataFrame:
    """The last words, with the actions that survive a later no-change in their places."""
    keys = ["reconciliation", *_VARIANT]
    is_action = decisions["action"].notna() & (decisions["action"] != NO_CHANGE)
    acted = decisions[is_action].drop_duplicates(keys, keep="last")
    own = last.reset_index().merge(acted.reset_index(), on=keys, how="left", suffixes=("", "_acted")).set_index("index")
    groups = last.groupby(list(_VARIANT), dropna=False, sort=False)
    following, set_to = groups["current_replicas"].shift(-1), own["target_replicas_acted"]
    # Model-based builds call the reporting pods current: there it is the target that is kept.
    kept_next = groups["target_replicas"].shift(-1).where(groups["action"].shift(-1) == NO_CHANGE)
    is_found = (own["target_replicas"] == set_to) | (following == set_to) | (kept_next == set_to)
    survives = (own["action"] == NO_CHANGE) & is_found
    kept = [*last.index[~survives], *own["index_acted"][survives].astype("int64")]
    return decisions.loc[sorted(kept)]


def _column(name: str, values: list[object]) -> pd.Series:
    if name in FLAGS:
        return pd.Series(values, dtype="boolean")
    return pd.Series(values, dtype="object" if name in TEXT else "float64")
