"""The examples of the table of log lines as lines of a log, and lines to rows in one step."""

from __future__ import annotations

import json
from collections.abc import Iterable

import orjson
import pandas as pd
from logs import MODEL, NAMESPACE, Message, capacity_loop_run, decision, text

from wva_parse.aligned.frames import Frames, Window, make_frames
from wva_parse.aligned.supply import logged_replicas
from wva_parse.log.events import Event, parse_events
from wva_parse.log.lines import Line, LineCounts, read_lines
from wva_parse.log.rows import LoopRun, Row, make_rows
from wva_parse.log.table.form import LogLine
from wva_parse.measures import reaction, scaling, stats
from wva_parse.optimizer.saturation import Limits, Pod, analyze

WHOLE = b'{"level":"INFO","ts":"2026-01-01T00:00:00.000Z","msg":"whole"}'
CONSOLE = b'2026-01-01T00:00:00Z\tINFO\tsaturation/engine.go:490\tGrouped VAs by model\t{"modelCount": 1}'
STAMP = "2026-01-01T00:00:00.000Z"


def example_line(row: LogLine) -> Line:
    """What `read_lines` makes of a row's example."""
    message, _, values = row.example.partition("\t")
    return Line(1, STAMP, "INFO", message, orjson.loads(values) if values else {})


def row_id(row: LogLine) -> str:
    """A readable name of a row, for a test's id."""
    return f"{row.dialects.replace(' ', ',')}:{row.kind or 'known'}:{row.example[:50].strip()!a}"


def parse(raw: Iterable[bytes]) -> tuple[list[Event], LineCounts]:
    """The events of raw lines, and their counts."""
    counts = LineCounts()
    return list(parse_events(read_lines(raw, counts), counts)), counts


def events_of(line: Line) -> list[Event]:
    """What one line says; empty if it says nothing that is needed, or is of no known form."""
    return list(parse_events([line], LineCounts()))


def rows_of(raw: Iterable[bytes]) -> tuple[list[Row], list[LoopRun], LineCounts]:
    """The rows of raw lines, their loop runs, and their counts."""
    counts, loop_runs = LineCounts(), list[LoopRun]()
    return list(make_rows(parse_events(read_lines(raw, counts), counts), loop_runs)), loop_runs, counts


def own(message: str, stamp: str = STAMP, level: str = "INFO") -> bytes:
    """A line as an object."""
    return json.dumps({"level": level, "ts": stamp, "msg": message}, ensure_ascii=False).encode()


def frames_of(*loop_runs: Iterable[Message], window: Window | None = None) -> Frames:
    """The frames of a log of loop runs."""
    counts, started = LineCounts(), list[LoopRun]()
    lines = read_lines(text(*loop_runs).encode().splitlines(), counts)
    return make_frames(make_rows(parse_events(lines, counts), started), started, window or Window())


def run_of(*minutes):
    """A loop run a minute: KV usage, queue (of the first pod), current replicas, all ready, and target."""

    def pods(usage, queue, current):
        return {f"pod-{number}": (usage, 0 if number else queue) for number in range(current)}

    return frames_of(
        *(
            capacity_loop_run(60 * n, pods(usage, queue, current), current=current, target=target)
            for n, (usage, queue, current, target) in enumerate(minutes)
        )
    )


FRAMES = run_of((0.2, 0, 1, 1), (0.95, 9, 1, 1), (0.97, 20, 1, 2), (0.96, 30, 1, 2), (0.5, 0, 2, 2), (0.1, 0, 2, 1))


LIMITS = Limits(0.8, 5, 0.1, 3)


def analysed(at_s, pods, limits=LIMITS, debug=True, without=(), model=MODEL, changed="", decided=None):
    """A loop run whose analysis is right; of pods in `without` the queue is not told; `decided`: current and target."""
    found = analyze([Pod(*pod) for pod in pods.values()], limits)
    flags = f"shouldScaleUp={str(found.up).lower()}, scaleDownSafe={str(found.down_safe).lower()}"
    counts = f"totalReplicas={found.replicas}, nonSaturated={found.free}"
    spare = f"avgSpareKv={found.spare_kv:.3f}, avgSpareQueue={found.spare_queue:.1f}"
    kv = f"{found.spare_kv:.3f} < {limits.kv_trigger:.3f}"
    queue = f"{found.spare_queue:.1f} < {limits.queue_trigger:.1f}"
    is_kv, is_queue = found.spare_kv < limits.kv_trigger, found.spare_queue < limits.queue_trigger
    reason = f"both KV spare ({kv}) and queue spare ({queue})"
    if not (is_kv and is_queue):
        reason = f"KV spare capacity low ({kv})" if is_kv else f"queue spare capacity low ({queue})"
    messages = [
        "Operating in CAPACITY-ONLY mode: reactive capacity-based scaling only",
        f"Processing model: modelID={model}, variantCount=1",
        *(f"KV cache metric: pod={pod}, usage={usage:.3f} ({100 * usage:.1f}%)" for pod, (usage, _) in pods.items()),
        *(f"Queue metric: pod={pod}, queueLength={queue}" for pod, (_, queue) in pods.items() if pod not in without),
        *([f"Capacity analysis completed: modelID={model}, namespace={NAMESPACE}, {counts}, {spare}, {flags}"] * debug),
        f"Capacity analysis completed: modelID={model}, {counts}, {flags}",
        *(
            [
                "Capacity target: scale-up cheapest variant: variant=llama-decode, cost=10.00, currentReplicas=1, "
                f"readyReplicas=1, target=2, reason={reason}"
            ]
            * found.up
        ),
        *decision(*(decided or (1, 1 + found.up))),
        "Reconciliation completed successfully: mode=capacity-only, modelsProcessed=1, decisionsApplied=1",
    ]
    if changed:
        messages = [message.replace(*changed.split("→")) for message in messages]
    return [(at_s + 0.001 * number, message) for number, message in enumerate(messages)]


def followed_of(frames):
    """The changes of a log with one variant, and what became of them by the log's own account."""
    _, replicas, _ = logged_replicas(frames)
    return scaling.follow_changes(scaling.changes(frames), replicas)


def reacted_of(frames, followed=None, limit_s=140.0, rates=()):
    """What followed the saturation events of a log with one model."""
    followed = followed_of(frames) if followed is None else followed
    ready = logged_replicas(frames)[0].assign(model=None)
    offered = pd.DataFrame(rates, columns=["minutes", "rate_per_min"], dtype="float64")
    return reaction.reactions(stats.saturation_events(frames["kv_cache"], 0.9), followed, limit_s, ready, offered)
