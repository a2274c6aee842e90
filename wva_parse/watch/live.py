"""A run in progress, one view per reconciliation: what is applied, what WVA sees and what it decides."""

from __future__ import annotations

import csv
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

from wva_parse.aligned.schedule import sending_window
from wva_parse.log.events import parse_events
from wva_parse.log.json_files import dig, read_record
from wva_parse.log.lines import LOG_NAME, LineCounts, parse_stamp, read_lines
from wva_parse.log.rows import LoopRun, Row, make_rows
from wva_parse.log.samples import SAMPLES_NAME, parse_samples, ready_replicas
from wva_parse.watch.growing import GrowingFile

SILENT_S = 120  # real time; the collector of a run writes at each poll, which takes a minute if no request is answered
POLL_S = 0.3  # real time; an embedded cluster's reconciliation lasts one second at thirty times real time

WRITTEN = ("run.json", "collection.json", "run.log")  # by the runner and its collector

ReadyReplicas = tuple[datetime, Mapping[str, int]]  # of each variant, at one poll of the collector


class Workload(NamedTuple):
    """One planned workload and when it really sent; times None while it has not started or ended."""

    name: str
    rate_per_s: float
    planned_end_s: float
    start: datetime | None
    end: datetime | None
    created: datetime | None = None  # its Job
    job_end: datetime | None = None
    clients: str = ""  # of several, how many of them run, if not all do


class Plan(NamedTuple):
    """The workloads, and when the plan's time began: in records that do not tell, with the first of them."""

    begun: datetime | None
    workloads: tuple[Workload, ...]


class Load(NamedTuple):
    """What is applied; `elapsed_s` since the plan began is None before. Those that are starting do not send yet."""

    elapsed_s: float | None = None
    rate_per_s: float = 0.0
    active: tuple[str, ...] = ()
    starting: tuple[str, ...] = ()
    remaining_s: float = 0.0


class Variant(NamedTuple):
    """One variant in one reconciliation; None where nothing was said. Latency 0: idle."""

    name: str
    current_replicas: float | None
    target_replicas: float | None
    ready_replicas: int | None
    itl_ms: float | None
    ttft_ms: float | None


class View(NamedTuple):
    """One reconciliation; `kv_usage` is the fullest pod's fraction, `queue` the requests waiting in all pods."""

    number: int
    load: Load
    variants: tuple[Variant, ...]
    slo_ms: Mapping[str, float]
    kv_usage: float | None
    queue: int | None
    problem: str


def follow(
    directory: Path,
    show: Callable[[Sequence[View], Load], None],
    sleep: Callable[[float], None] = time.sleep,
    is_wanted: Callable[[], bool] = lambda: True,
) -> None:
    """Show a run until its record says that it has ended, or nobody wants to see it any more.

    Parameters
    ----------
    directory
        The run's.
    show
        Called after every look at the log with the views of its new reconciliations, and again with the last one
        if there is more of it; and with what is applied now.
    sleep
        Called between two looks at the log.
    is_wanted
        Asked at every look.
    """
    seen: dict[int, list[Row]] = {}  # of the reconciliations that may not be over
    shown: dict[int, View] = {}
    samples, ready = GrowingFile(directory / SAMPLES_NAME), list[ReadyReplicas]()

    def look() -> None:
        ready.extend(ready_replicas(parse_samples(samples.new_lines())))
        record = read_record(directory / "run.json")
        plan = read_plan(directory, record)
        views = make_views(seen, parse_stamp(str(record.get("start") or "")), plan, ready)
        show([view for view in views if shown.get(view.number) != view], load_now(views, plan, ready))
        for number in list(seen)[:-1]:
            del seen[number]
        shown.clear()
        shown.update((view.number, view) for view in views if view.number in seen)

    counts = LineCounts()
    loop_runs: list[LoopRun] = []
    events = parse_events(read_lines(_tail(directory, look, sleep, is_wanted), counts), counts)
    for row in make_rows(events, loop_runs):
        if isinstance(number := row.get("reconciliation"), int):
            seen.setdefault(number, []).append(row)
    look()


def silent_s(directory: Path, record: Mapping[str, Any]) -> float:
    """For how long nothing has been written of a run that says that it is running, in seconds; 0 if that may be.

    A runner that was killed cannot say that its run is over; its collector ends with it.
    """
    written = [path.stat().st_mtime for path in (directory / name for name in WRITTEN) if path.is_file()]
    interval_s = dig(record, ("config", "metrics", "interval"))
    limit_s = SILENT_S + 2 * (interval_s if isinstance(interval_s, int | float) else 0)
    passed_s = time.time() - max(written, default=0)
    return passed_s if passed_s > limit_s else 0.0


def _tail(
    directory: Path, on_idle: Callable[[], None], sleep: Callable[[float], None], is_wanted: Callable[[], bool]
) -> Iterator[bytes]:
    """Whole lines of the log as they come, until the run has ended and all of them were given."""
    log = GrowingFile(directory / LOG_NAME)
    while True:
        is_over = read_record(directory / "run.json").get("status", "running") != "running" or not is_wanted()
        yield from log.new_lines()
        if is_over:
            return
        on_idle()
        sleep(POLL_S)


def load_now(views: Sequence[View], plan: Plan, ready: Sequence[ReadyReplicas]) -> Load:
    """What is applied at the last sample of the cluster: polls are more frequent than reconciliations."""
    last = views[-1].load if views else Load()
    load = load_at(ready[-1][0] if ready else None, plan)
    return load if (load.elapsed_s or 0) > (last.elapsed_s or 0) else last


def make_views(
    seen: Mapping[int, Sequence[Row]],
    start: datetime | None,
    plan: Plan,
    ready: Sequence[ReadyReplicas],
) -> list[View]:
    """Views of reconciliations, given their rows of metrics.csv; without those that began before the run's start."""
    views = []
    for number, rows in seen.items():
        now = parse_stamp(str(rows[0]["timestamp"]))
        if not (now and start and now < start):
            views.append(_view(number, rows, load_at(now, plan), _ready_at(now, ready)))
    return views


def read_plan(directory: Path, record: Mapping[str, Any]) -> Plan:
    """The run's workloads: as run.json has them, else as planned."""
    workloads = tuple(map(_recorded, record.get("workloads") or [])) or tuple(_planned(directory / "plan.tsv"))
    begun = parse_stamp(str(record.get("plan_start") or ""))
    return Plan(begun or min((work.start for work in workloads if work.start), default=None), workloads)


def _recorded(work: Mapping[str, Any]) -> Workload:
    start, end = sending_window(work)
    created, job_end = (parse_stamp(str(work.get(key) or "")) for key in ("start", "end"))
    rate_per_s, clients = float(work.get("rate_per_s") or 0), ""
    count, running = work.get("clients"), work.get("clients_running")
    if count and running is not None and running != count:
        clients = f"{running} of {count} clients"
        rate_per_s *= running / count
    planned_end_s = float(work.get("planned_end_s") or 0)
    return Workload(str(work.get("name")), rate_per_s, planned_end_s, start, end, created, job_end, clients)


def _planned(plan: Path) -> Iterator[Workload]:
    if plan.is_file():
        with plan.open(encoding="utf-8", newline="") as stream:
            for work in csv.DictReader(stream, delimiter="\t"):
                yield Workload(work["name"], float(work["rate_per_s"]), float(work["end_s"]), None, None)


def load_at(now: datetime | None, plan: Plan) -> Load:
    """What is applied at a time of the cluster's clock; when all have ended, no load is left, whatever was planned."""
    workloads = plan.workloads
    end_s = max((work.planned_end_s for work in workloads), default=0.0)
    if not now or not plan.begun or now < plan.begun:
        return Load(remaining_s=end_s)
    active = [work for work in workloads if work.start and work.start <= now and (not work.end or now < work.end)]
    starting = [work for work in workloads if work.created and work.created <= now and _is_silent(work, now)]
    elapsed_s = (now - plan.begun).total_seconds()
    if all(work.end and work.end <= now for work in workloads):
        end_s = elapsed_s
    return Load(
        elapsed_s,
        sum(work.rate_per_s for work in active),
        tuple(f"{work.name}: {work.clients}" if work.clients else work.name for work in active),
        tuple(work.name for work in starting),
        max(end_s - elapsed_s, 0.0),
    )


def _is_silent(work: Workload, now: datetime) -> bool:
    """Whether its Job is there and does not send yet."""
    return (now < work.start) if work.start else (not work.job_end or now < work.job_end)


def _ready_at(now: datetime | None, ready: Sequence[ReadyReplicas]) -> Mapping[str, int]:
    """The sample nearest to a time: the poll that follows a reconciliation may be far away."""
    if not now or not ready:
        return {}
    return min(ready, key=lambda sample: abs((sample[0] - now).total_seconds()))[1]


def _view(number: int, rows: Sequence[Row], load: Load, ready: Mapping[str, int]) -> View:
    decisions = _last_by_variant(rows, "scaling_decision")
    observations = _last_by_variant(rows, "observed_metrics")
    pods = {row.get("pod"): row for row in rows if row["event_type"] == "pod_metrics"}.values()
    of_pods = {column: _mean_of_pods(pods, column) for column in ("observed_itl_ms", "observed_ttft_ms")}
    variants = tuple(
        Variant(
            name,
            _number(decisions.get(name), "current_replicas"),
            _number(decisions.get(name), "target_replicas"),
            ready.get(name),
            _number(observations.get(name), "observed_itl_ms") if observations else of_pods["observed_itl_ms"],
            _number(observations.get(name), "observed_ttft_ms") if observations else of_pods["observed_ttft_ms"],
        )
        for name in sorted({*decisions, *observations})
    )
    slo_ms = {
        name: limit
        for row in rows
        for name in ("itl", "ttft")
        if (limit := _number(row, f"slo_{name}_ms")) is not None and limit > 0
    }
    usage = [used for row in rows if (used := _number(row, "kv_cache_usage")) is not None]
    queues = {row.get("pod"): length for row in rows if isinstance(length := row.get("queue_length"), int)}
    problems = [str(row.get("reason", "")) for row in rows if row["event_type"] in ("failure", "safety_net")]
    return View(
        number,
        load,
        variants,
        slo_ms,
        max(usage, default=None),
        sum(queues.values()) if queues else None,
        problems[0] if problems else "",
    )


def _last_by_variant(rows: Sequence[Row], kind: str) -> dict[str, Row]:
    return {str(row.get("variant") or ""): row for row in rows if row["event_type"] == kind}


def _mean_of_pods(pods: Collection[Row], column: str) -> float | None:
    """What releases without a line per variant observed (see `observed`); 0 if all pods were idle."""
    busy = [pod for pod in pods if _number(pod, column)]
    if not busy:
        return 0.0 if any(_number(pod, column) == 0 for pod in pods) else None
    latencies = [_number(pod, column) or 0.0 for pod in busy]
    weights = [_number(pod, "arrival_rate_per_min") or 0.0 for pod in busy]
    if not any(weights):
        weights = [1.0] * len(busy)
    return sum(latency * weight for latency, weight in zip(latencies, weights, strict=True)) / sum(weights)


def _number(row: Row | None, column: str) -> float | None:
    value = (row or {}).get(column)
    return value if isinstance(value, int | float) else None
