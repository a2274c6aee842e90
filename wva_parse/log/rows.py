"""Events to the rows of metrics.csv: the log, in columns.

Lines that say one thing become one row: the DEBUG and the INFO line of an analysis, the `scaling-decision`,
`Processing` and `Applied` lines of a decision, the three lines of a NIS rejection, the latencies of a pod. Twin runs
of the loop are *not* merged here; each row says its reconciliation. Values stay as logged: an idle controller's
zeros are zeros.

A **loop run** starts at a mode line, or in releases without one at the first line that only a new run can print; in a
log that has no such line at all (pasted, grepped) after the end of one, or after a pause.
Loop runs that start less than `TWIN_S` after the first of them are one **reconciliation**; they are numbered from 0
in file order.
"""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from typing import NamedTuple

from wva_parse.log.events import Event
from wva_parse.log.lines import parse_stamp
from wva_parse.log.readers import Fields
from wva_parse.log.table.form import COLUMN_TYPES, Value

COLUMNS = ("timestamp", "reconciliation", "event_type", *COLUMN_TYPES)

# metrics.csv has these and no others, whatever release wrote the log; programs rely on it.
METRICS_COLUMNS = COLUMNS[: COLUMNS.index("nis") + 1]
# What else the controller says of its reasons, and what the analyzers of newer releases say, goes to analyzers.csv.
ANALYZER_COLUMNS = (
    *("timestamp", "reconciliation", "event_type", "namespace", "model", "variant", "pod", "reason"),
    *("target_replicas", "observed_itl_ms", "observed_ttft_ms", "arrival_rate_per_min", "queue_length"),
    *(
        "total_replicas",
        "non_saturated_replicas",
        "avg_spare_kv",
        "avg_spare_queue",
        "should_scale_up",
        "scale_down_safe",
    ),
    *COLUMNS[len(METRICS_COLUMNS) : COLUMNS.index("max_batch")],
)

METRICS_EVENT_TYPES = (
    "mode",
    "prediction",
    "observed_metrics",
    "scaling_decision",
    "slo",
    "kv_cache",
    "queue",
    "capacity_analysis",
    "tuner_update",
    "nis_rejection",
    "safety_net",
    "failure",
)
ANALYZER_EVENT_TYPES = (
    "scale_up_reason",
    "scale_down_refusal",
    "replica_count",
    # since D4
    "decision_limited",
    "pod_metrics",
    "analyzer_result",
    "analyzer_variant",
    "analyzer_role",
    "replica_capacity",
    # since D8
    "scheduler_queue",
    "model_rate",
    "policy",
    "demand_changed",
    "replica_throughput",
    "scale_to_zero",
    "from_zero",
)
# Which parameters the optimizer works with: needed to recompute its predictions, and written to no file.
PARAMETER_EVENT_TYPES = ("parameters",)
EVENT_TYPES = METRICS_EVENT_TYPES + ANALYZER_EVENT_TYPES + PARAMETER_EVENT_TYPES

# Twins start 0 to 30 ms apart, the shortest interval of any release is 15 s.
TWIN_S = 5.0
# Lines go back by up to 1.5 s; a start this far back is another log, or a clock that was set.
BACKWARDS_S = 60.0
# A log in which no loop run ever ends must not fill memory; the largest real loop run has some 50 rows.
MOST_PENDING = 5_000

Row = dict[str, Value]


class LoopRun(NamedTuple):
    """One run of the controller's loop."""

    start: str  # timestamp of its first line
    reconciliation: int


_Named = tuple[Value, Value]


# A row that later lines of its loop run may still add to, and which of the lines that say this one thing were seen.
_Pending = tuple[Row, set[str]]


def make_rows(events: Iterable[Event], loop_runs: list[LoopRun] | None = None) -> Iterator[Row]:
    """Yield the rows of metrics.csv, in file order.

    Parameters
    ----------
    events
        What the lines say, in file order.
    loop_runs
        Filled along the way, one entry per loop run; None if nobody wants to know: it grows with the log.

    Yields
    ------
    dict
        Some of `COLUMNS` and `loop_run`, its number; absent ones are unknown. Rows of a loop run come when it ends.
        `reconciliation` and `loop_run` are absent for what was logged before the first loop run.
    """
    remaining = iter(events)
    begun, has_start = _until_a_start(remaining)
    folding = _Folding(loop_runs, by_time=not has_start)
    for event in itertools.chain(begun, remaining):
        if folding.starts_loop_run(event):
            yield from folding.flush()
            folding.open(event)
        folding.take(event)
        if event.row.ends:
            folding.is_open = False
            yield from folding.flush()
        elif len(folding.pending) > MOST_PENDING:
            yield from folding.flush()
    yield from folding.flush()


def _until_a_start(events: Iterator[Event]) -> tuple[list[Event], bool]:
    """The events up to the first that a loop run starts with, and whether there is one.

    A log that was pasted or grepped may have none: then loop runs are told by their ends, and by time.
    """
    begun: list[Event] = []
    for event in events:
        begun.append(event)
        if event.kind == "loop" or event.row.opens:
            return begun, True
        if len(begun) > MOST_PENDING:
            break
    return begun, False


class _Folding:
    """The loop run in progress, and what is known of the cluster from earlier lines."""

    def __init__(self, loop_runs: list[LoopRun] | None, by_time: bool) -> None:
        self.loop_runs = loop_runs
        self.loop_run = -1  # the number of the one in progress, and of its reconciliation; -1 before the first
        self.reconciliation = -1
        self.by_time = by_time  # no line of the log begins a loop run
        self.last_event: datetime | None = None
        self.pending: list[_Pending] = []
        self.nis: dict[Value, Value] = {}  # variant -> NIS of an accepted update, said one line before it
        self.model_of: dict[Value, Value] = {}  # variant -> model
        self.namespace_of: dict[_Named, Value] = {}  # as last said
        self.namespaces = defaultdict[_Named, set[Value]](set)  # as said in this loop run
        self.named: tuple[Value, Value, Value] | None = None  # namespace, model, variant that were last said together
        self.models: set[_Named] = set()  # models of this loop run, with their namespaces
        self.current: _Named = (None, None)  # the model whose turn it is, and its namespace
        self.is_open = False
        self.is_grouped = False  # the loop run has had its `Grouped VAs` line
        self.has_mode = False
        self.is_without_decision_lines = False  # D1: what it emits is its decision
        self.first_of_reconciliation: datetime | None = None
        self.last_start: datetime | None = None

    # -- loop runs

    def starts_loop_run(self, event: Event) -> bool:
        if self.by_time and self._starts_by_time(event):
            return True
        if event.kind == "loop":
            return not self.is_open or self.is_grouped
        if not event.row.opens:
            return not self.is_open and self._goes_on_after_its_end(event)
        if event.kind == "mode":
            return True
        # The SLO of the next variant belongs to the loop run of the first.
        return not self.is_open or self._seconds_since_start(event) >= TWIN_S

    def _goes_on_after_its_end(self, event: Event) -> bool:
        """Whether a line is of a further loop run, whose start is missing: cut off, or the same as a twin's."""
        return self.loop_run >= 0 and not self.by_time and event.kind in _WITHIN_THE_LOOP

    def _starts_by_time(self, event: Event) -> bool:
        if event.kind in _BESIDE_THE_LOOP:
            return False
        before, now = self.last_event, parse_stamp(event.line.timestamp)
        self.last_event = now or before
        return not self.is_open or bool(before and now and abs((now - before).total_seconds()) >= TWIN_S)

    def _seconds_since_start(self, event: Event) -> float:
        start = parse_stamp(event.line.timestamp)
        return (start - self.last_start).total_seconds() if start and self.last_start else 0.0

    def open(self, event: Event) -> None:
        start = parse_stamp(event.line.timestamp) or self.last_start
        first, last = self.first_of_reconciliation, self.last_start
        is_new = not (first and last and start) or (
            (start - first).total_seconds() >= TWIN_S or (last - start).total_seconds() > BACKWARDS_S
        )
        if is_new:
            self.reconciliation += 1
            self.first_of_reconciliation = start
        self.last_start = start
        self.loop_run += 1
        if self.loop_runs is not None:
            self.loop_runs.append(LoopRun(event.line.timestamp, self.reconciliation))
        self.is_open = True
        self.has_mode = False
        self.is_grouped = event.kind in _WITHIN_THE_LOOP  # its start has gone by
        self.is_without_decision_lines = event.row.opens and event.kind != "mode" and not self.by_time
        if event.kind not in _WITHIN_THE_LOOP:
            self.current = (None, None)
            self.models.clear()
        self.namespaces.clear()
        self.named = None
        self.nis.clear()

    def flush(self) -> list[Row]:
        """The rows of the loop run so far, with what the whole of it told about model and namespace."""
        rows = [row for row, _ in self.pending]
        self.pending.clear()
        known: dict[_Named, Value] = {}  # namespaces by variant and model: few, of many rows
        for row in rows:
            variant, model = row.get("variant"), row.get("model")
            if variant is not None and model is None:
                model = self.model_of.get(variant) or self._only_model(row.get("namespace"))
                _set(row, "model", model)
            if "namespace" in row:
                continue
            named = variant, model
            if named not in known:
                known[named] = self._namespace("variant", variant) or self._namespace("model", model)
            _set(row, "namespace", known[named])
        return rows

    def _only_model(self, namespace: Value) -> Value:
        """The model of the loop run, if it dealt with one only (in this namespace)."""
        found = {model for model, of in self.models if _agree(of, namespace)}
        return found.pop() if len(found) == 1 else None

    def _namespace(self, column: str, name: Value) -> Value:
        """The namespace of a variant or model; none if this loop run dealt with it in several."""
        if name is None:
            return None
        found = self.namespaces.get((column, name))
        if found is None:
            return self.namespace_of.get((column, name))
        return next(iter(found)) if len(found) == 1 else None

    # -- what lines say beside their event

    def take(self, event: Event) -> None:
        self._learn(event)
        fold = _FOLDS.get(event.kind)
        if fold:
            fold(self, event)

    def _learn(self, event: Event) -> None:
        kind, fields = event.kind, event.fields
        model, variant, namespace = fields.get("model"), fields.get("variant"), fields.get("namespace")
        if kind == "loop":
            self.is_grouped = True
        elif kind == "model" or kind == "mode":
            self.current = (model, namespace)
            self.has_mode = self.has_mode or kind == "mode"
            if model is not None:
                self.models.add(self.current)
        # Several lines in a row name the same.
        if namespace and (namespace, model, variant) != self.named:
            self.named = (namespace, model, variant)
            for named in (("model", model), ("variant", variant)):
                if named[1]:
                    self.namespace_of[named] = namespace
                    self.namespaces[named].add(namespace)
        # A line within a model's turn is about that model, unless it says otherwise.
        if variant and (model or kind == "observed_metrics"):
            self.model_of[variant] = model or self.current[0] or self.model_of.get(variant)

    # -- rows

    def _add(self, event: Event, kind: str = "") -> Row:
        row: Row = {"timestamp": event.line.timestamp, "event_type": kind or event.kind}
        if self.loop_run >= 0:
            row["reconciliation"] = self.reconciliation
            row["loop_run"] = self.loop_run
        for column, value in event.fields.items():
            if value is not None:
                row[column] = value
        if event.kind in _OF_CURRENT_MODEL and "model" not in row and "variant" not in row:
            model, namespace = self.current
            _set(row, "model", model)
            _set(row, "namespace", namespace)
        self.pending.append((row, {event.row.template}))
        return row

    def _find(self, kind: str, event: Event, columns: Iterable[str]) -> Row | None:
        """The last row of a kind that lacks this line and does not contradict it in `columns`."""
        template = event.row.template
        for row, templates in reversed(self.pending):
            if row["event_type"] != kind or template in templates:
                continue
            if not _is_contradicted(row, event.fields, columns):
                templates.add(template)
                return row
        return None

    def _add_to_its_kind(self, event: Event, kind: str, columns: Iterable[str]) -> None:
        row = self._find(kind, event, columns)
        if row is None:
            self._add(event, kind)
        else:
            _fill(row, event.fields)

    def take_analysis(self, event: Event) -> None:
        self._add_to_its_kind(event, "capacity_analysis", _SAME_ANALYSIS)

    def take_decision(self, event: Event) -> None:
        self._add_to_its_kind(event, "scaling_decision", _SAME_DECISION)

    def take_of_pod(self, event: Event) -> None:
        """One of several lines that may say it, if its row says other things as well."""
        if event.row.also:
            self._add_to_its_kind(event, event.kind, ("pod", *_OF_PODS[event.kind]))
        else:
            self._add(event)

    def take_pod_metrics(self, event: Event) -> None:
        self._add_to_its_kind(event, "pod_metrics", ("pod",))

    def take_emitted(self, event: Event) -> None:
        if self.by_time:
            decided = (row for row, _ in self.pending if row["event_type"] == "scaling_decision")
            if any(row.get("variant") == event.fields.get("variant") for row in decided):
                return
        elif not self.is_without_decision_lines:
            return
        row = self._add(event, "scaling_decision")
        current, target = row.get("current_replicas"), row.get("target_replicas")
        if isinstance(current, int) and isinstance(target, int):
            row["action"] = ("no-change", "scale-up", "scale-down")[(target > current) - (target < current)]

    def take_end(self, event: Event) -> None:
        """The end names the mode in builds that have no line of their own for it, and where no model had its turn."""
        mode = event.fields.get("reason")
        is_lie = event.row.keys and mode == _SAID_OF_ALL_MODES
        if self.is_open and not self.has_mode and mode and not is_lie:
            self._add(event, "mode")

    def take_nis(self, event: Event) -> None:
        self.nis[event.fields.get("variant")] = event.fields.get("nis")

    def take_tuner_update(self, event: Event) -> None:
        _fill(self._add(event), {"nis": self.nis.pop(event.fields.get("variant"), None)})

    def take_nis_rejection(self, event: Event) -> None:
        row = self._find(event.kind, event, ("variant",))
        if row is None:
            self._add(event)
            return
        # The three lines round differently: the one with the most digits counts.
        said = event.fields.get("nis")
        if said is not None and len(str(said)) > len(str(row.get("nis", ""))):
            row["nis"] = said
        _fill(row, event.fields)


# Lines of other goroutines, whenever they come.
_BESIDE_THE_LOOP = ("reconciling", "from_zero")

# Lines that are said between the start and the end of a loop run only.
_WITHIN_THE_LOOP = ("capacity_analysis", "analyzer_result", "announced", "scaling_decision")

# What the end of D4 to D7 says where its lines of models say which mode it was.
_SAID_OF_ALL_MODES = "saturation-only"

# Lines about all of a model, which name neither it nor a variant.
_OF_CURRENT_MODEL = frozenset(("kv_cache", "queue", "pod_metrics", "slo", "failure", "scale_down_refusal"))

# What may be said of a pod by several lines, of which one would do.
_OF_PODS = {"kv_cache": ("kv_cache_usage",), "queue": ("queue_length",)}

_SAME_ANALYSIS = ("model", "role", "total_replicas", "non_saturated_replicas", "should_scale_up", "scale_down_safe")
_SAME_DECISION = ("namespace", "variant", "action", "current_replicas", "target_replicas")

# What is done with an event; with one of another kind nothing.
_FOLDS: dict[str, Callable[[_Folding, Event], object]] = {
    **dict.fromkeys(EVENT_TYPES, _Folding._add),
    **dict.fromkeys(_OF_PODS, _Folding.take_of_pod),
    "capacity_analysis": _Folding.take_analysis,
    "announced": _Folding.take_decision,
    "scaling_decision": _Folding.take_decision,
    "applied": _Folding.take_decision,
    "emit": _Folding.take_emitted,
    "end": _Folding.take_end,
    "nis": _Folding.take_nis,
    "tuner_update": _Folding.take_tuner_update,
    "nis_rejection": _Folding.take_nis_rejection,
    "pod_metrics": _Folding.take_pod_metrics,
}


def _agree(one: Value, other: Value) -> bool:
    return one is None or other is None or one == other


def _is_contradicted(row: Row, fields: Fields, columns: Iterable[str]) -> bool:
    for column in columns:
        one, other = row.get(column), fields.get(column)
        if one is not None and other is not None and one != other:
            return True
    return False


def _set(row: Row, column: str, value: Value) -> None:
    if value is not None:
        row[column] = value


def _fill(row: Row, fields: dict[str, Value]) -> None:
    """Add what a further line of the same thing says and the first did not."""
    for column, value in fields.items():
        if row.get(column) is None:
            _set(row, column, value)
