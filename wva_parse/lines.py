"""Raw lines of a controller's log, as level, time and message.

The stream is not clean: the controller's own JSON objects are mixed with klog lines, stack traces,
lines of a half-written object and, in some captures, a `kubectl logs --timestamps` prefix. Every line
is counted; only JSON objects with a message go on to `events`.

Conventions: lines are numbered from 1, in file order, which is never changed (timestamps go backwards
by up to 1.5 s in real logs). A line that repeats one of the `REPEAT_WINDOW` before it exactly (time,
level and message) is the same line collected twice and counts once.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, NamedTuple

import orjson

# Design §7. Two collectors writing one file repeat a block of some thirty lines; a poll repeats at most
# the lines of a second.
REPEAT_WINDOW = 10_000

# `kubectl logs --timestamps` puts its own stamp and a space before the line.
KUBECTL_STAMP = re.compile(rb"\d{4}-\d\d-\d\dT\S+Z (?=[{IWEF\d])")

# Where a new object starts behind the torn-off half of another one.
OBJECT_START = b'{"level":'


class LogError(ValueError):
    """A log that cannot be read; the message says what was seen, what was expected and what to do."""


class Line(NamedTuple):
    """One JSON line of a controller's log."""

    number: int
    timestamp: str  # as logged, made UTC
    level: str
    message: str
    data: dict[str, Any]  # the whole object: some releases put the values beside the message


@dataclass
class LineCounts:
    """What became of the lines of a log; filled while it is read."""

    lines: int = 0
    not_json: int = 0
    repeated: int = 0
    recognised: int = 0
    unrecognised: dict[str, int] = field(default_factory=dict)
    unreadable: dict[str, str] = field(default_factory=dict)  # opening words -> first such line's complaint


def open_log(path: Path) -> Iterator[bytes]:
    """Yield the raw lines of a log file.

    Raises
    ------
    LogError
        If the file is missing, empty, compressed or binary.
    """
    try:
        with path.open("rb") as stream:
            head = stream.read(65536)
            _refuse_what_is_no_text(path, head)
            stream.seek(0)
            yield from stream
    except FileNotFoundError:
        raise LogError(
            f"{path}: no such file; a run directory holds its log under this name (was it collected?)"
        ) from None
    except OSError as error:
        raise LogError(f"{path}: cannot be read ({error.strerror})") from None


def _refuse_what_is_no_text(path: Path, head: bytes) -> None:
    if not head.strip():
        raise LogError(
            f"{path}: the log is empty; expected the controller's lines. "
            "Did the collector find the controller's pods (namespace, pod prefix, RBAC on pods/log)?"
        )
    if head.startswith(b"\x1f\x8b"):
        raise LogError(f"{path}: the log is gzip-compressed; unpack it with gunzip first")
    if b"\0" in head:
        raise LogError(f"{path}: binary data, expected text, one JSON object per line")


def read_lines(raw_lines: Iterable[bytes], counts: LineCounts) -> Iterator[Line]:
    """Yield the JSON lines among raw ones, each once; count the others.

    Parameters
    ----------
    raw_lines
        Lines with or without their newline.
    counts
        Filled along the way: `lines`, `not_json`, `repeated`.
    """
    recent: set[tuple[Any, Any, Any]] = set()
    order: deque[tuple[Any, Any, Any]] = deque()
    number = 0
    for number, raw in enumerate(raw_lines, start=1):
        counts.lines = number
        if not raw.startswith(b"{"):
            raw = _without_kubectl_stamp(raw)
        data = _decode(raw)
        if data is None:
            counts.not_json += bool(raw.strip())
            continue
        stamp, level, message = data.get("ts"), data.get("level"), data.get("msg")
        if not isinstance(message, str):
            counts.not_json += 1
            continue
        key = (stamp, level, message) if isinstance(stamp, (str, float, int)) else (None, str(level), message)
        if key in recent:
            counts.repeated += 1
            continue
        recent.add(key)
        order.append(key)
        if len(order) > REPEAT_WINDOW:
            recent.discard(order.popleft())
        yield Line(number, utc_stamp(stamp), level if isinstance(level, str) else "", message, data)


def _without_kubectl_stamp(raw: bytes) -> bytes:
    stamp = KUBECTL_STAMP.match(raw)
    return raw[stamp.end() :] if stamp else raw


def _decode(raw: bytes) -> dict[str, Any] | None:
    """The JSON object of a line, or of its end if the line begins with the torn half of another; else None."""
    try:
        data = orjson.loads(raw)
    except orjson.JSONDecodeError:
        start = raw.rfind(OBJECT_START)
        if start > 0:
            return _decode(raw[start:])
        if start == 0 and _has_bad_utf8(raw):
            return _decode(raw.decode("utf-8", "replace").encode())
        return None
    return data if isinstance(data, dict) else None


def _has_bad_utf8(raw: bytes) -> bool:
    try:
        raw.decode()
    except UnicodeDecodeError:
        return True
    return False


def utc_stamp(stamp: object) -> str:
    """A log's time as ISO 8601 in UTC with a `Z`; empty where there is none.

    Controllers print `…Z`, `…+0100` or `…+01:00` (pods outside UTC) and, in the oldest builds, seconds
    since the epoch as a number.
    """
    if isinstance(stamp, str):
        if stamp.endswith("Z"):
            return stamp
        moment = parse_stamp(stamp)
        return iso(moment) if moment else ""
    if isinstance(stamp, (int, float)) and not isinstance(stamp, bool):
        return iso(datetime.fromtimestamp(stamp, timezone.utc))
    return ""


def parse_stamp(stamp: str) -> datetime | None:
    """A logged time as an aware datetime; None if it is none."""
    text = stamp[:-1] + "+00:00" if stamp.endswith("Z") else stamp
    if len(text) > 5 and text[-5] in "+-" and text[-3] != ":":
        text = f"{text[:-2]}:{text[-2:]}"  # zap prints +0100, Python 3.10 reads +01:00 only
    try:
        moment = datetime.fromisoformat(_with_microseconds(text))
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=timezone.utc)


def _with_microseconds(text: str) -> str:
    """Python 3.10 reads three or six digits after the point, the cluster prints up to nine."""
    return re.sub(r"\.(\d+)", lambda digits: "." + digits[1][:6].ljust(6, "0"), text, count=1)


def iso(moment: datetime) -> str:
    """ISO 8601 in UTC with milliseconds and `Z`, as the controller's own lines have it."""
    return moment.astimezone(timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z")
