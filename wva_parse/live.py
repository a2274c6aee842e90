"""A run in progress, one line per reconciliation: what is applied, what WVA sees and what it decides."""

from __future__ import annotations

import csv
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

from wva_parse.events import parse_events
from wva_parse.lines import LineCounts, parse_stamp, read_lines
from wva_parse.rows import LoopRun, Row, make_rows
from wva_parse.run import LOG_NAME, read_json

POLL_S = 0.3  # real time; an embedded cluster's reconciliation lasts one second at thirty times real time


class Workload(NamedTuple):
    """One planned workload and when it really ran; times None while it has not started or ended."""

    name: str
    rate_per_s: float
    planned_end_s: float
    start: datetime | None
    end: datetime | None


def follow(directory: Path, sleep: Callable[[float], None] = time.sleep) -> Iterator[str]:
    """Yield a line per reconciliation of a run until its record says that it has ended.

    Parameters
    ----------
    directory
        The run's.
    sleep
        Called between two looks at the log.
    """
    shown: list[str] = []
    seen: list[Row] = []

    def show() -> None:
        if not seen:
            return
        workloads = read_workloads(directory)
        numbers = dict.fromkeys(row["reconciliation"] for row in seen)
        shown.extend(
            describe([row for row in seen if row["reconciliation"] == number], workloads) for number in numbers
        )
        seen.clear()

    loop_runs: list[LoopRun] = []
    counts = LineCounts()
    events = parse_events(read_lines(_tail(directory, show, sleep), counts), counts)
    for row in make_rows(events, loop_runs):
        if "reconciliation" in row:
            seen.append(row)
        yield from shown
        shown.clear()
    show()
    yield from shown


def _tail(directory: Path, on_idle: Callable[[], None], sleep: Callable[[float], None]) -> Iterator[bytes]:
    """Whole lines of the log as they come, until the run has ended and all of them were given."""
    log, rest, position = directory / LOG_NAME, b"", 0
    while True:
        is_over = read_json(directory / "run.json").get("status", "running") != "running"
        if log.is_file():
            with log.open("rb") as stream:
                stream.seek(position)
                new = stream.read()
            position += len(new)
            *lines, rest = (rest + new).split(b"\n")
            yield from lines
        on_idle()
        if is_over:
            return
        sleep(POLL_S)


def read_workloads(directory: Path) -> list[Workload]:
    """The run's workloads: as run.json has them, else as planned."""
    recorded = read_json(directory / "run.json").get("workloads")
    if recorded:
        return [
            Workload(
                str(each.get("name")),
                float(each.get("rate_per_s") or 0),
                float(each.get("planned_end_s") or 0),
                parse_stamp(each.get("start") or ""),
                parse_stamp(each.get("end") or ""),
            )
            for each in recorded
        ]
    plan = directory / "plan.tsv"
    if not plan.is_file():
        return []
    with plan.open(encoding="utf-8", newline="") as stream:
        return [
            Workload(each["name"], float(each["rate_per_s"]), float(each["end_s"]), None, None)
            for each in csv.DictReader(stream, delimiter="\t")
        ]


def describe(rows: Sequence[Row], workloads: Sequence[Workload]) -> str:
    """One reconciliation in one line.

    Parameters
    ----------
    rows
        Its rows of metrics.csv; of each kind the last one counts.
    workloads
        As `read_workloads` gives them.
    """
    now = parse_stamp(str(rows[0]["timestamp"]))
    parts = [*_load(now, workloads), *_replicas(rows), *_latencies(rows), *_capacity(rows)]
    problems = [str(row.get("reason", "")) for row in rows if row["event_type"] in ("failure", "safety_net")]
    if problems:
        parts.append(f"PROBLEM: {problems[0]}")
    return "  ".join(parts)


def _load(now: datetime | None, workloads: Sequence[Workload]) -> Iterator[str]:
    starts = [workload.start for workload in workloads if workload.start]
    if not now or not starts:
        yield "before load"
        return
    elapsed_s = (now - min(starts)).total_seconds()
    yield _clock(elapsed_s)
    active = [work for work in workloads if work.start and work.start <= now and (not work.end or now < work.end)]
    rate = sum(work.rate_per_s for work in active)
    yield f"load {rate:g} req/s" + (f" ({' + '.join(work.name for work in active)})" if active else "")
    remaining_s = max((work.planned_end_s for work in workloads), default=0.0) - elapsed_s
    if remaining_s > 0:
        yield f"{_clock(remaining_s)} of load left"


def _replicas(rows: Sequence[Row]) -> Iterator[str]:
    for decision in _last_by_variant(rows, "scaling_decision"):
        current, target = decision.get("current_replicas"), decision.get("target_replicas")
        if target is not None:
            yield f"replicas {'?' if current is None else current}→{target}"


def _latencies(rows: Sequence[Row]) -> Iterator[str]:
    slo: Row = {}
    for row in rows:
        if "slo_itl_ms" in row:
            slo = row
    for seen in _last_by_variant(rows, "observed_metrics"):
        for name in ("itl", "ttft"):
            value, limit = seen.get(f"observed_{name}_ms"), slo.get(f"slo_{name}_ms")
            if not isinstance(value, float) or value <= 0:
                yield f"{name.upper()} idle"
            elif isinstance(limit, float) and limit > 0:
                yield f"{name.upper()} {value:.1f}/{limit:g} ms"
            else:
                yield f"{name.upper()} {value:.1f} ms"


def _capacity(rows: Sequence[Row]) -> Iterator[str]:
    usage = [value for row in rows if isinstance(value := row.get("kv_cache_usage"), float)]
    if usage:
        yield f"KV {100 * max(usage):.0f} %"
    queues = {row.get("pod"): value for row in rows if isinstance(value := row.get("queue_length"), int)}
    if queues:
        yield f"queue {sum(queues.values())}"


def _last_by_variant(rows: Sequence[Row], kind: str) -> list[Row]:
    return list({row.get("variant"): row for row in rows if row["event_type"] == kind}.values())


def _clock(seconds: float) -> str:
    sign = "-" if seconds < 0 else ""
    whole = abs(int(seconds))
    return f"{sign}{whole // 60}:{whole % 60:02d}"
