"""The collector's memory: what has been read of each container's log, and what is to be read next.

`monitor-wva.sh` runs `kubectl logs --timestamps` for every container of the controller, each into a
*spool*: a file that only grows. At every poll it calls `collect-merge`, which appends the new whole
lines of all spools to the log (without kubectl's timestamp) and prints *orders*: the next things to read.

Continuity is proved by overlap. A log that is read again is read from the second of the last line
collected, and must bring that line again; what lies before its end is old, what follows is new. If the
line is not there, lines may be lost, and `collection.json` says so. Within one spool nothing is
compared: what a container wrote twice is kept twice.

The state is replaced after the log has grown and holds the log's length, so that a collector that was
killed cuts the log back to what it knows of and goes on from its spools.

Only the standard library is used, and little of it: this starts once per poll.
"""

from __future__ import annotations

import argparse
import hashlib
import heapq
import json
import re
import sys
import time
from collections.abc import Collection, Iterable, Iterator
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta, timezone
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

Json = dict[str, Any]

SCHEMA = 1
# A fresh collection begins with this much older log: several reconciliations, so that mode and SLO are known.
HISTORY_S = 300
NANOSECONDS = 1_000_000_000

# 2026-01-01T00:00:00.123456789Z, or with an offset: a container runtime writes the local time of its node.
STAMP = re.compile(rb"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?(Z|[+-]\d\d:\d\d)(?: |$)")

# Kinds of readings. A follower goes on until its container ends; the others are done at once.
FOLLOW = "follow"
REST = "rest"  # the end of a container that has ended
PREVIOUS = "previous"  # the instance before a restart
CLOSING = "closing"  # what a running container has written until the collection ends
STOP = "stop"  # no reading: a follower that is in the way

# What the first lines of a spool have to do with the last one collected.
MUST_OVERLAP = "must"
MAY_OVERLAP = "may"
CHECKED = "checked"


class Line(NamedTuple):
    """One line of a container: its stamp in nanoseconds since 1970, and what kubectl printed."""

    stamp_ns: int
    raw: bytes  # stamp, space, text

    @property
    def stamp(self) -> str:
        """The stamp as printed."""
        return self.raw.partition(b" ")[0].decode()

    @property
    def text(self) -> bytes:
        """The line as the container wrote it."""
        return self.raw.partition(b" ")[2]

    @property
    def digest(self) -> str:
        """Short enough to be kept, long enough to tell lines apart."""
        return hashlib.blake2b(self.raw, digest_size=12).hexdigest()


class ContainerState(NamedTuple):
    """A container in the list of pods."""

    pod: str
    uid: str
    name: str
    restarts: int
    running: bool
    readable: bool  # it has started at least once, so that it has a log


class Order(NamedTuple):
    """A reading for the shell to start (or a follower to stop); printed as tab-separated fields."""

    spool: str
    kind: str
    pod: str
    container: str
    since: str  # an option of `kubectl logs`, or -


class Clock(NamedTuple):
    """Cluster time from the local clock: both at one moment, in ms since 1970, and the cluster's speed."""

    cluster_ms: float
    local_ms: float
    speed: float

    def at(self, local_s: float) -> str:
        """Cluster time, RFC 3339 with milliseconds."""
        passed_ms = (local_s * 1000 - self.local_ms) * self.speed
        moment = datetime.fromtimestamp(0, timezone.utc) + timedelta(milliseconds=self.cluster_ms + passed_ms)
        return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}Z"


@dataclass
class Spool:
    """One reading of a container's log.

    Attributes
    ----------
    generation : int
        How often the container had been restarted when the reading was ordered.
    poll : int
        Number of the poll that ordered it.
    offset : int
        Bytes of it that are dealt with.
    """

    number: int
    kind: str
    generation: int
    poll: int
    overlap: str
    offset: int = 0

    @property
    def name(self) -> str:
        """Base name of its files: .log, .err, .rc (once it has ended), .pod (after a follower's end)."""
        return f"{self.number:06d}"


@dataclass
class Stream:
    """What is known of one container's log.

    Attributes
    ----------
    whole : bool
        The log is wanted from its first line, because the container has started during the collection.
    tail : list of str
        Digests of the lines that bear the last stamp, in order.
    tail_generation : int
        The instance that wrote them.
    ended : bool
        The last reading went on to the container's end, or to the collection's.
    over : int
        The instance of which a follower saw the end beyond doubt.
    """

    pod: str
    uid: str
    container: str
    generation: int
    whole: bool
    spools: list[Spool] = field(default_factory=list)
    first: str = ""
    last: str = ""
    last_ns: int = 0
    tail: list[str] = field(default_factory=list)
    tail_generation: int = -1
    lines: int = 0
    restarts: int = 0
    rest_read: int = -1  # the instance whose end has been read after it had ended
    ended: bool = False
    over: int = -1
    gone: bool = False

    @property
    def label(self) -> str:
        """Name for messages."""
        return f"{self.pod}/{self.container}"

    @property
    def since(self) -> str:
        """The option that makes kubectl begin with the second of the last line."""
        second = datetime.fromtimestamp(self.last_ns // NANOSECONDS, timezone.utc)
        return f"--since-time={second:%Y-%m-%dT%H:%M:%SZ}"


@dataclass
class State:
    """Everything that a collector needs to go on where another one was killed."""

    length: int = 0  # of the log, in bytes
    samples_length: int = 0
    polls: int = 0
    failed_polls: int = 0
    listed: bool = False
    spools: int = 0
    started_s: float = 0.0  # local clock
    started: str = ""
    leader: str = ""
    leader_changes: list[Json] = field(default_factory=list)
    reasons: list[str] = field(default_factory=list)
    streams: dict[str, Stream] = field(default_factory=dict)

    def doubt(self, reason: str) -> None:
        """Note, once, why a line may be missing."""
        if reason not in self.reasons:
            self.reasons.append(reason)

    def new_spool(self, kind: str, generation: int, overlap: str) -> Spool:
        """The next spool."""
        self.spools += 1
        return Spool(self.spools, kind, generation, self.polls, overlap)


def state_from(data: Json) -> State:
    """The inverse of `dataclasses.asdict`."""
    streams = {
        key: Stream(**{**stream, "spools": [Spool(**spool) for spool in stream["spools"]]})
        for key, stream in data["streams"].items()
    }
    return State(**{**data, "streams": streams})


# --- lines ----------------------------------------------------------------------------------------


@lru_cache(maxsize=64)
def _seconds(second: bytes, zone: bytes) -> int:
    offset = b"+00:00" if zone == b"Z" else zone
    return int(datetime.fromisoformat((second + offset).decode()).timestamp())


def parse_line(raw: bytes) -> Line | None:
    """Read a line of `kubectl logs --timestamps`; None if it has no stamp: no container wrote it."""
    match = STAMP.match(raw)
    if match is None:
        return None
    second, fraction, zone = match.groups()
    try:
        return Line(_seconds(second, zone) * NANOSECONDS + int((fraction or b"").ljust(9, b"0")), raw)
    except ValueError:  # the 31st of February
        return None


def read_lines(path: Path, offset: int, with_rest: bool) -> tuple[list[bytes], int]:
    """Lines of a spool from `offset` on, and the offset behind them.

    Parameters
    ----------
    with_rest : bool
        Take a last line without newline as well.
    """
    try:
        with path.open("rb") as file:
            file.seek(offset)
            data = file.read()
    except FileNotFoundError:
        return [], offset
    end = len(data) if with_rest else data.rfind(b"\n") + 1
    lines = data[:end].split(b"\n")
    if not lines[-1]:
        lines.pop()
    return lines, offset + end


def find_overlap(lines: list[Line], last_ns: int, tail: list[str]) -> int | None:
    """Number of the first new line in a log that was read again, or None if the last known line is not in it.

    Parameters
    ----------
    last_ns, tail
        The last stamp collected, and the digests of the lines that bear it.
    """
    for start, line in enumerate(lines):
        if line.stamp_ns == last_ns:
            end = start + len(tail)
            if [line.digest for line in lines[start:end]] == tail:
                return end
    return None


def _last_run(lines: list[Line]) -> list[Line]:
    """The last lines that bear the same stamp."""
    start = len(lines)
    while start and lines[start - 1].stamp_ns == lines[-1].stamp_ns:
        start -= 1
    return lines[start:]


# --- the list of pods -----------------------------------------------------------------------------


def containers(listing: Json, prefix: str) -> Iterator[ContainerState]:
    """The containers of all pods whose names begin with the prefix."""
    for pod in listing["items"]:
        if pod.get("kind") == "Pod" and pod["metadata"]["name"].startswith(prefix):
            yield from pod_containers(pod)


def pod_containers(pod: Json) -> Iterator[ContainerState]:
    """The containers of a pod that the kubelet has reported on."""
    metadata, status = pod["metadata"], pod.get("status", {})
    for row in [*status.get("initContainerStatuses", []), *status.get("containerStatuses", [])]:
        now, before = row.get("state", {}), row.get("lastState", {})
        yield ContainerState(
            pod=metadata["name"],
            uid=metadata.get("uid", metadata["name"]),
            name=row["name"],
            restarts=row.get("restartCount", 0),
            running="running" in now,
            readable="running" in now or "terminated" in now or "terminated" in before,
        )


def leader_of(listing: Json, prefix: str) -> str:
    """The pod that holds the controller's lease, or an empty text if none is listed."""
    holders = [
        (item["spec"].get("renewTime") or "", (item["spec"].get("holderIdentity") or "").partition("_")[0])
        for item in listing["items"]
        if item.get("kind") == "Lease" and "spec" in item
    ]
    return max((holder for holder in holders if holder[1].startswith(prefix)), default=("", ""))[1]


def observe(state: State, listing: Json, prefix: str, now: str) -> None:
    """Bring the streams up to the list of pods: new ones, restarted ones, those that are gone."""
    listed = set()
    for container in containers(listing, prefix):
        key = f"{container.uid}/{container.name}"  # a pod replaced under the same name is another one
        listed.add(key)
        if not container.readable:
            continue
        stream = state.streams.get(key)
        if stream is None:
            # Of a container that started since the last poll everything is wanted, earlier instances as well.
            generation = 0 if state.listed else container.restarts
            stream = Stream(container.pod, container.uid, container.name, generation, whole=state.listed)
            state.streams[key] = stream
        if stream.generation < container.restarts:
            _restarted(state, stream, container.restarts)
    for key, stream in state.streams.items():
        stream.gone = key not in listed
    leader = leader_of(listing, prefix)
    if leader and leader != state.leader:
        if state.leader:
            state.leader_changes.append({"time": now, "from": state.leader, "to": leader})
        state.leader = leader
    state.listed = True


def _restarted(state: State, stream: Stream, restarts: int) -> None:
    missed = restarts - stream.generation - 1
    if missed:
        state.doubt(f"{stream.label}: restarted {missed + 1} times between two polls; the log of {missed} is not kept")
    before = restarts - 1
    overlap = MUST_OVERLAP if stream.tail_generation == before else MAY_OVERLAP
    stream.spools.append(state.new_spool(PREVIOUS, before, overlap))
    stream.restarts += restarts - stream.generation
    stream.generation, stream.whole = restarts, True


# --- merging --------------------------------------------------------------------------------------


class Files:
    """The files of the spool directory."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory

    def path(self, spool: Spool, suffix: str) -> Path:
        """One of a spool's files."""
        return self.directory / f"{spool.name}.{suffix}"

    def exit_status(self, spool: Spool) -> int | None:
        """How its reading ended; None while it goes on."""
        try:
            return int(self.path(spool, "rc").read_text() or 1)
        except FileNotFoundError:
            return None

    def end_all(self, state: State) -> None:
        """Readings that a killed collector had begun have ended with it, or never begun."""
        for stream in state.streams.values():
            for spool in stream.spools:
                if self.exit_status(spool) is None:
                    self.path(spool, "rc").write_text("1")

    def error(self, spool: Spool) -> str:
        """What kubectl said, in one line."""
        try:
            return " ".join(self.path(spool, "err").read_text(errors="replace").split())
        except FileNotFoundError:
            return ""

    def container_ended(self, stream: Stream, spool: Spool) -> bool:
        """Whether a follower ended because its container did, by the pod as it was right afterwards.

        A pod that is being deleted counts: what its kubelet says of its containers comes late.
        """
        known, pod = self._pod(spool)
        return known and (_is_over(pod, stream, spool) or (pod is not None and "deletionTimestamp" in pod["metadata"]))

    def container_was_over(self, stream: Stream, spool: Spool) -> bool:
        """The same, beyond doubt: nothing can have been written after the follower's end."""
        known, pod = self._pod(spool)
        return known and _is_over(pod, stream, spool)

    def found_no_pod(self, spool: Spool) -> bool:
        """Whether a reading has not begun, because its pod was gone."""
        return "NotFound" in self.error(spool) and not self.path(spool, "log").stat().st_size

    def _pod(self, spool: Spool) -> tuple[bool, Json | None]:
        """Whether the pod was looked at after a follower's end, and what was seen: None if it was gone."""
        try:
            text = self.path(spool, "pod").read_text()
            return True, json.loads(text) if text.strip() else None
        except (FileNotFoundError, ValueError):
            return False, None


def _is_over(pod: Json | None, stream: Stream, spool: Spool) -> bool:
    if pod is None or pod["metadata"].get("uid") != stream.uid:
        return True
    now = {container.name: container for container in pod_containers(pod)}.get(stream.container)
    return now is not None and (now.restarts > spool.generation or not now.running)


def merge_stream(state: State, stream: Stream, files: Files) -> list[Line]:
    """Take a container's new lines out of its spools, in order; readings that are done are forgotten."""
    taken: list[Line] = []
    while stream.spools:
        spool = stream.spools[0]
        status = files.exit_status(spool)
        if not _merge_spool(state, stream, spool, files, status, taken) or status is None:
            break
        if spool.kind == PREVIOUS and status and "not found" not in files.error(spool):
            break  # the API was away for a moment; `next_orders` reads it again
        if spool.kind == PREVIOUS and status and not stream.ended:
            state.doubt(f"{stream.label}: restarted, and its previous log is gone: {files.error(spool)}")
        _judge_reading(stream, spool, files, status)
        if spool.kind == REST and status == 0:
            stream.rest_read = spool.generation
        stream.spools.pop(0)
    if stream.gone and not stream.spools and not stream.ended:
        state.doubt(f"{stream.label}: the pod was gone before the end of its log was read")
    return taken


def _judge_reading(stream: Stream, spool: Spool, files: Files, status: int) -> None:
    """Whether a reading that is done went on to the end of the container.

    A list of pods may be older than the end of a follower: then another one is ordered, which finds no pod any more,
    and proves nothing against the first.
    """
    if spool.kind == FOLLOW and status == 0 and files.container_was_over(stream, spool):
        stream.over = spool.generation
    if status and stream.over == spool.generation and files.found_no_pod(spool):
        return
    stream.ended = status == 0 and (spool.kind != FOLLOW or files.container_ended(stream, spool))


def _merge_spool(
    state: State, stream: Stream, spool: Spool, files: Files, status: int | None, taken: list[Line]
) -> bool:
    """Take what one spool holds; False if that cannot be decided before the next poll."""
    # The last words of a container may lack their newline. A follower that was cut brings them again.
    is_end = spool.kind in (REST, PREVIOUS) if status == 0 else False
    is_end = is_end or (stream.gone and status is not None and len(stream.spools) == 1)
    raw, end = read_lines(files.path(spool, "log"), spool.offset, is_end)
    lines = []
    for number, text in enumerate(raw):
        line = parse_line(text)
        if line is not None:
            lines.append(line)
        elif not (is_end and number == len(raw) - 1):  # a cut stamp is no line
            said = text[:200].decode(errors="replace")
            state.doubt(f"{stream.label}: kubectl printed a line without timestamp: {said}")
    if spool.overlap != CHECKED and stream.tail:
        begin = _first_new(state, stream, spool, lines, status)
        if begin is None:
            return False
        lines = lines[begin:]
    spool.offset = end
    if raw:
        spool.overlap = CHECKED
    _remember(stream, spool, lines)
    taken += lines
    return True


def _first_new(state: State, stream: Stream, spool: Spool, lines: list[Line], status: int | None) -> int | None:
    """Number of the first new line at the beginning of a spool; None: ask again at the next poll."""
    begin = find_overlap(lines, stream.last_ns, stream.tail)
    if begin is not None or spool.overlap == MAY_OVERLAP:
        return begin or 0
    if spool.kind == FOLLOW and spool.generation < stream.generation:
        # It has begun to read the next instance, whose log is read from its first line.
        return None if status is None else len(lines)
    later = next((number for number, line in enumerate(lines) if line.stamp_ns > stream.last_ns), None)
    if later is None:
        if status == 0 and spool.kind != FOLLOW:
            state.doubt(f"{stream.label}: the line of {stream.last} was not found again (log rotated?)")
        return None if status is None else len(lines)
    # A container that was restarted a moment ago looks the same. The list of pods says so, if not at once.
    if spool.kind == FOLLOW and state.polls <= spool.poll + 1:
        return None
    state.doubt(
        f"{stream.label}: lines between {stream.last} and {lines[later].stamp} may be missing:"
        " the former was not found again (log rotated?)"
    )
    return later


def _remember(stream: Stream, spool: Spool, lines: list[Line]) -> None:
    if not lines:
        return
    same = [line.digest for line in _last_run(lines)]
    goes_on = len(same) == len(lines) and lines[-1].stamp_ns == stream.last_ns
    stream.tail = stream.tail + same if goes_on else same
    stream.tail_generation = spool.generation
    stream.first = stream.first or lines[0].stamp
    stream.last, stream.last_ns = lines[-1].stamp, lines[-1].stamp_ns
    stream.lines += len(lines)


# --- what to read next ----------------------------------------------------------------------------


def next_orders(
    state: State, seen: Iterable[ContainerState], files: Files, history_s: float, closing: bool
) -> list[Order]:
    """What to read now.

    Parameters
    ----------
    seen : iterable of ContainerState
        The list of pods that the streams were brought up to.
    history_s : float
        Cluster seconds that a log is read back, where nothing of it is known yet.
    closing : bool
        The collection ends: read what is there instead of following it.
    """
    orders: list[Order] = []
    for container in seen:
        stream = state.streams.get(f"{container.uid}/{container.name}")
        if stream is not None and container.readable:
            orders += _stream_orders(state, stream, container, files, history_s, closing)
    return orders


def _stream_orders(
    state: State, stream: Stream, container: ContainerState, files: Files, history_s: float, closing: bool
) -> Iterator[Order]:
    for number, spool in enumerate(stream.spools):
        status = files.exit_status(spool)
        if spool.kind == PREVIOUS and (status or spool.poll == state.polls):
            if status:  # it failed, and may succeed now
                spool = state.new_spool(PREVIOUS, spool.generation, spool.overlap)
                stream.spools[number] = spool
            same = stream.tail_generation == spool.generation
            yield _order(spool, stream, stream.since if same else "-")
        if spool.kind == FOLLOW and spool.generation < stream.generation and status is None:
            yield _order(spool, stream, "-")._replace(kind=STOP)
    kind = FOLLOW if container.running else REST
    if closing and container.running:
        kind = CLOSING
    busy = any(spool.kind != PREVIOUS and spool.generation == stream.generation for spool in stream.spools)
    if busy or (kind == REST and stream.rest_read == stream.generation):
        return
    known = stream.tail_generation == stream.generation
    spool = state.new_spool(kind, stream.generation, MUST_OVERLAP if known else MAY_OVERLAP)
    stream.spools.append(spool)
    history = "-" if stream.whole else f"--since={int(history_s) + 1}s"
    yield _order(spool, stream, stream.since if known else history)


def _order(spool: Spool, stream: Stream, since: str) -> Order:
    return Order(spool.name, spool.kind, stream.pod, stream.container, since)


# --- cluster samples ------------------------------------------------------------------------------


VARIANTS, SCALERS = "variantautoscalings.llmd.ai", ("horizontalpodautoscalers.autoscaling", "scaledobjects.keda.sh")


def sample(objects: Json, deployment: str, now: str, unseen: Collection[str] = ()) -> Json:
    """One line of cluster-samples.jsonl.

    Parameters
    ----------
    unseen
        The types, as `api-resources` names them, that could not be listed: of them nothing is known.

    Returns
    -------
    dict
        `time` (cluster time), `deployment` (name, spec and ready replicas; None if it does not exist), `deployments`
        (the same with its `variant`, for each Deployment that serves the same model), `variants` and `hpa` (name and
        status of each; None where not all of their types could be listed), `pods` (name, variant, phase and readiness
        of those of these Deployments; None likewise).
    """
    by_kind: dict[str, list[Json]] = {}
    for item in objects["items"]:
        by_kind.setdefault(item["kind"], []).append(item)
    existing = {item["metadata"]["name"]: item for item in by_kind.get("Deployment", [])}
    scalers = by_kind.get("HorizontalPodAutoscaler", []) + by_kind.get("ScaledObject", [])
    beside = _variants_beside(deployment, by_kind.get("VariantAutoscaling", []), scalers)
    served = {name: variant for name, variant in beside.items() if name in existing}
    return {
        "time": now,
        "deployment": _replicas(existing[deployment]) if deployment in existing else None,
        "deployments": [{**_replicas(existing[name]), "variant": variant} for name, variant in served.items()],
        "variants": None
        if VARIANTS in unseen
        else [_named_status(item) for item in by_kind.get("VariantAutoscaling", [])],
        "hpa": None if any(kind in unseen for kind in SCALERS) else [_named_status(item) for item in scalers],
        "pods": None
        if "pods" in unseen
        else [
            {
                "name": item["metadata"]["name"],
                "variant": variant,
                "phase": item.get("status", {}).get("phase", "Unknown"),
                "ready": any(
                    row["type"] == "Ready" and row["status"] == "True"
                    for row in item.get("status", {}).get("conditions", [])
                ),
            }
            for name, variant in served.items()
            for item in by_kind.get("Pod", [])
            if _is_of(item, existing[name])
        ],
    }


def _is_of(pod: Json, deployment: Json) -> bool:
    labels = deployment["spec"].get("selector", {}).get("matchLabels") or {}
    return bool(labels) and labels.items() <= (pod["metadata"].get("labels") or {}).items()


def _replicas(item: Json) -> Json:
    return {
        "name": item["metadata"]["name"],
        "spec": item["spec"].get("replicas", 1),
        "ready": item.get("status", {}).get("readyReplicas", 0),
    }


def _variants_beside(deployment: str, variants: list[Json], scalers: list[Json]) -> dict[str, str]:
    """Deployment -> variant, of all variants that serve the model which `deployment` serves.

    Up to v0.8 a VariantAutoscaling is the variant; it scales the Deployment of its own name if it does not say
    another. Later ones are annotated scalers. Whichever does not tell its model is taken for one of this model.
    """
    model_of, variant_of = dict[str, str](), {deployment: deployment}
    for item in variants:
        target = (item["spec"].get("scaleTargetRef") or {}).get("name") or item["metadata"]["name"]
        variant_of[target] = item["metadata"]["name"]
        if model := item["spec"].get("modelID"):
            model_of[target] = model
    for item in scalers:
        annotations = item["metadata"].get("annotations") or {}
        if annotations.get("llm-d.ai/managed") == "true":
            target = item["spec"]["scaleTargetRef"]["name"]
            variant_of[target] = item["metadata"]["name"]
            if model := annotations.get("llm-d.ai/model-id"):
                model_of[target] = model
    model = model_of.get(deployment)
    return {target: variant for target, variant in variant_of.items() if model_of.get(target, model) == model}


def _named_status(item: Json) -> Json:
    return {"name": item["metadata"]["name"], "status": item.get("status", {})}


# --- files ----------------------------------------------------------------------------------------


def verdict(state: State, prefix: str, now: str, running: bool) -> Json:
    """The content of collection.json; times are cluster times, `first` and `last` the runtime's stamps."""
    streams = state.streams.values()
    return {
        "schema": SCHEMA,
        "complete": not state.reasons,
        "reasons": state.reasons,
        "running": running,
        "pod_prefix": prefix,
        "started": state.started,
        "ended": None if running else now,
        "polls": state.polls,
        "failed_polls": state.failed_polls,
        "lines": sum(stream.lines for stream in streams),
        "leader": state.leader or None,
        "leader_changes": state.leader_changes,
        "containers": [
            {
                "pod": stream.pod,
                "container": stream.container,
                "uid": stream.uid,
                "first": stream.first or None,
                "last": stream.last or None,
                "lines": stream.lines,
                "restarts": stream.restarts,
                "gone": stream.gone,
            }
            for stream in streams
        ],
        "resume": None if running else asdict(state),
    }


def load_state(spool_dir: Path, output: Path, collection: Path, now: str) -> State:
    """The state to go on from; a log that has grown since it was written is cut back to it."""
    state = _stored_state(spool_dir, output, collection)
    size = output.stat().st_size if output.exists() else 0
    if state is None:
        state = State(length=size, started=now, started_s=time.time())
        if size:
            state.doubt(f"{output.name} was there already, and nothing tells where to go on: lines may be missing")
    elif size < state.length:
        state.doubt(f"{output.name} has {size} bytes, expected {state.length}: somebody has shortened it")
        state.length = size
    elif size > state.length:
        with output.open("r+b") as file:
            file.truncate(state.length)
    return state


def _stored_state(spool_dir: Path, output: Path, collection: Path) -> State | None:
    try:
        return state_from(json.loads((spool_dir / "state.json").read_text()))
    except FileNotFoundError:
        pass
    try:
        stored = json.loads(collection.read_text()).get("resume")
    except (FileNotFoundError, ValueError):
        return None
    if not stored or not output.exists():
        return None
    state = state_from(stored)
    for stream in state.streams.values():
        stream.ended = False
    return state


def write_atomically(path: Path, data: Json) -> None:
    """Replace a file in one step."""
    partial = path.with_name(f".{path.name}.partial")
    partial.write_text(json.dumps(data, indent=1) + "\n")
    partial.replace(path)


def append(path: Path, length: int, data: bytes) -> int:
    """Write `data` at `length`, whatever stood there; the new length."""
    with path.open("r+b" if path.exists() else "wb") as file:
        file.seek(length)
        file.write(data)
        file.truncate()
    return length + len(data)


def _load_json(path: Path) -> Json | None:
    """A file that kubectl has written, or None if it has not."""
    try:
        loaded = json.loads(path.read_bytes())
    except (FileNotFoundError, ValueError):
        return None
    return loaded if isinstance(loaded, dict) and "items" in loaded else None


def merge(arguments: argparse.Namespace) -> list[Order]:
    """One poll: spools and list of pods to log, samples, collection.json and orders."""
    output, spool_dir = Path(arguments.output), Path(arguments.spool_dir)
    collection = output.with_name("collection.json")
    files, clock, local_s = Files(spool_dir), Clock(*arguments.clock), time.time()
    now = clock.at(local_s)
    state = load_state(spool_dir, output, collection, now)
    if arguments.resumed:
        files.end_all(state)
    listing = _load_json(spool_dir / "pods.json")
    if not arguments.last:
        state.polls += 1
        state.failed_polls += listing is None
    if listing is not None:
        observe(state, listing, arguments.prefix, now)
    taken = [merge_stream(state, stream, files) for stream in state.streams.values()]
    orders: list[Order] = []
    if listing is not None and not arguments.last:
        history_s = arguments.history + (local_s - state.started_s) * clock.speed
        orders = next_orders(state, containers(listing, arguments.prefix), files, history_s, arguments.closing)
    if arguments.last:
        _judge_end(state, files)
    lines = heapq.merge(*taken, key=lambda line: line.stamp_ns)
    state.length = append(output, state.length, b"".join(line.text + b"\n" for line in lines))
    objects = _load_json(spool_dir / "objects.json")
    if objects is not None and not arguments.last:
        text = json.dumps(sample(objects, arguments.deployment, now, arguments.unseen.split(","))) + "\n"
        samples = output.with_name("cluster-samples.jsonl")
        state.samples_length = append(samples, state.samples_length, text.encode())
    write_atomically(spool_dir / "state.json", asdict(state))
    write_atomically(collection, verdict(state, arguments.prefix, now, running=not arguments.last))
    return orders


def _judge_end(state: State, files: Files) -> None:
    """What was not read to its end when the collection ended."""
    for stream in state.streams.values():
        if stream.spools:
            said = files.error(stream.spools[0]) or "kubectl has not answered"
            state.doubt(f"{stream.label}: the end of its log was not read: {said}")
        elif not stream.ended and not stream.gone:
            state.doubt(f"{stream.label}: the end of its log was not read (API not reachable?)")
        stream.spools.clear()
    if not state.listed:
        state.doubt("the pods of the controller could not be listed at any poll")
    elif not any(stream.lines for stream in state.streams.values()):
        state.doubt("not one line was collected: does the controller log anything?")


def main(command: str, argv: list[str]) -> int:
    """Run `collect-merge`: one poll of the collector; orders go to standard output."""
    parser = argparse.ArgumentParser(prog=f"wva-parse {command}", description="One poll of monitor-wva.sh.")
    parser.add_argument("--prefix", required=True, help="what the names of the controller's pods begin with")
    parser.add_argument("--deployment", default="", help="the model's Deployment, for cluster samples")
    parser.add_argument("--unseen", default="", help="with commas, the types that cannot be listed beside it")
    parser.add_argument(
        "--clock",
        nargs=3,
        type=float,
        default=(0.0, 0.0, 1.0),
        metavar=("CLUSTER_MS", "LOCAL_MS", "SPEED"),
        help="the cluster's clock and the local one at one moment",
    )
    parser.add_argument(
        "--history", type=float, default=HISTORY_S, metavar="S", help="seconds of older log to begin with"
    )
    parser.add_argument("--resumed", action="store_true", help="the first poll: no reading is going on")
    parser.add_argument("--closing", action="store_true", help="order what is needed to end the collection")
    parser.add_argument("--last", action="store_true", help="merge that, and give the verdict")
    parser.add_argument("output")
    parser.add_argument("spool_dir")
    try:
        orders = merge(parser.parse_args(argv))
    except OSError as error:
        print(f"{command}: {error}", file=sys.stderr)
        return 1
    for order in orders:
        print("\t".join(order))
    return 0
