"""Raw lines of a controller's log, as level, time, message and values.

The stream is not clean: the controller's own lines are mixed with klog lines, stack traces, halves of lines and,
in some captures, a `kubectl logs --timestamps` prefix. Every line is counted; only the controller's own go on to
`events`. They come in two encodings: a JSON object per line (to December 2025, and newer builds that are told to),
and columns separated by tabs, the last of them a JSON object (since):

    {"level":"INFO","ts":"2025-12-09T15:16:58.054Z","msg":"..."}
    2026-08-08T02:24:10Z<TAB>LEVEL(-2)<TAB>[logger<TAB>]saturation/engine.go:490<TAB>message[<TAB>{...}]

Conventions: lines are numbered from 1, in file order, which is never changed (timestamps go backwards by up to
1.5 s in real logs). A line that repeats one of the `REPEAT_WINDOW` before it exactly is the same line collected
twice and counts once.
"""

from __future__ import annotations

import itertools
import re
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timezone
from functools import lru_cache, partial
from pathlib import Path
from typing import Any, NamedTuple

import orjson

from wva_parse.log.dialects import name_dialects

LOG_NAME = "wva-controller-logs.jsonl"  # in a run's directory

# Two collectors writing one file repeat a block of some thirty lines; a poll repeats at most
# the lines of a second.
REPEAT_WINDOW = 10_000

# Most lines of a loop run are, but for their time, those of the one before: what they say need not be read again. So
# much of it is remembered, and of no message that is longer.
REMEMBERED = 4096
LONGEST_REMEMBERED = 1000

# `kubectl logs --timestamps` puts its own stamp and a space before the line.
_KUBECTL_STAMP = re.compile(rb"\d{4}-\d\d-\d\dT[\d:.]+(?:Z|[+-]\d\d:\d\d) (?=[{IWEF\d])")

# Where a whole line starts, maybe behind the torn-off half of another one.
_CONSOLE_STAMP = re.compile(rb"\d{4}-\d\d-\d\dT[\d:.]+(?:Z|[+-]\d\d:?\d\d)")
_CONSOLE_LEVEL = re.compile(rb"[A-Z]+(?:\(-?\d+\))?\t")
_START = re.compile(rb'\{"level":|' + _CONSOLE_STAMP.pattern + rb"\t" + _CONSOLE_LEVEL.pattern)
# A klog line may quote an object with such a key: a level of the controller's is a word.
_OF_ANOTHER = tuple(b'{"level":%d' % digit for digit in range(10))
# What an encoder puts into an object beside the values of a line.
ENVELOPE = frozenset(("level", "ts", "msg", "caller", "logger", "stacktrace"))
# What controller-runtime puts beside the values of any line of a reconciler.
CONTEXT = frozenset(
    ("controller", "controllerGroup", "controllerKind", "reconcileID", "ConfigMap", "VariantAutoscaling")
)
_CALLER = re.compile(r"[^\s\t]+\.go(?::\d+)?")


class LogError(ValueError):
    """A log that cannot be read; the message says what was seen, what was expected and what to do."""


class Line(NamedTuple):
    """One line of a controller's own."""

    number: int
    timestamp: str  # as logged, made UTC
    level: str  # upper case, without the number of `LEVEL(-4)`
    message: str
    # The values beside the message: the whole object, or the last column. Not to be changed: lines that say the same
    # may share them.
    data: dict[str, Any]

    @property
    def beside(self) -> dict[str, Any]:
        """The values beside the message, without what the encoder says of the line."""
        return {key: value for key, value in self.data.items() if key not in ENVELOPE}


# As `Line(...)`, without a call of a Python function per line.
_new_line: Callable[[tuple[int, str, str, str, dict[str, Any]]], Line] = partial(tuple.__new__, Line)


@dataclass
class Changed:
    """Lines that begin like a row of the table, or parts of them, of which not all was read that is there."""

    form: str  # what the lines begin with
    called: str  # what is counted: `solutions`, `decisions`, ...; empty: the lines themselves, those not read whole
    there: int = 0
    read: int = 0
    first: str = ""  # the first that was not read whole: the number of its line, and why; empty: all were

    def __str__(self) -> str:
        if not self.called:
            lines = "1 line that begins" if self.there == 1 else f"{self.there} lines that begin"
            return f"{lines} like '{self.form}' {'was' if self.there == 1 else 'were'} not read whole: {self.first}"
        whole = ", not all of them whole" if self.read == self.there else ""
        return f"{self.read} of {self.there} {self.called} were read{whole}: {self.first}"


@dataclass
class LineCounts:
    """What became of the lines of a log; filled while it is read."""

    lines: int = 0
    not_json: int = 0
    repeated: int = 0
    recognised: int = 0
    unrecognised: dict[str, int] = field(default_factory=dict)
    forms: dict[tuple[str, str], Changed] = field(default_factory=dict)  # by form and what is counted
    spoken: dict[str, int] = field(default_factory=dict)  # lines that tell of the release, by the dialects of their row
    loop_runs: dict[frozenset[str], int] = field(default_factory=dict)  # whole ones, by the dialects of their lines
    in_loop_run: set[str] | None = None  # the dialects of the lines of the loop run that is not over

    cut: int = 0  # begin like the controller's own, and cannot be read: broken off, or glued to another one

    def note_cut(self) -> None:
        """Count a line of the controller's own that breaks off: what it said is lost."""
        self.cut += 1
        form = self.forms.setdefault(("", "cut"), Changed("a time and a level", ""))
        form.there += 1
        form.first = form.first or f"line {self.lines}: it breaks off (cut, or torn by another line)"

    @property
    def changed(self) -> list[Changed]:
        """What of the log is there and was not read, although its lines begin like known ones."""
        return [form for form in self.forms.values() if form.first]

    @property
    def unreadable(self) -> list[str]:
        """Of each changed form, the first such line's number and what it lacks."""
        return [form.first for form in self.changed]

    @property
    def dialects(self) -> dict[str, int]:
        """The dialects of the log and how many lines tell each (see `dialects.name_dialects`)."""
        return name_dialects(self.spoken, self.loop_runs)


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
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise LogError(f"{path}: UTF-16 text (saved by PowerShell?); convert it with iconv -f UTF-16 -t UTF-8 first")
    # A node that lost power leaves zeros within a log; a binary file has nothing of one.
    if b"\0" in head and not _START.search(head):
        raise LogError(f"{path}: binary data, expected a controller's log: text, one line per message")


def read_lines(raw_lines: Iterable[bytes], counts: LineCounts) -> Iterator[Line]:
    """The controller's own lines among raw ones, each once, as they come; count the others.

    Parameters
    ----------
    raw_lines
        Lines with or without their newline.
    counts
        Filled along the way: `lines`, `not_json` (klog, stack traces, halves), `repeated`.
    """
    return itertools.chain.from_iterable(map(LineReader(counts).read, raw_lines))


class LineReader:
    """Reads raw lines one by one; remembers which it has had."""

    def __init__(self, counts: LineCounts) -> None:
        self.counts = counts
        # Hashes, not lines: a line can be a megabyte. Two of 10,000 agree by chance once in 10^11 windows.
        self._texts: set[int] = set()
        self._order = [0] * REPEAT_WINDOW  # a ring of them
        self._place = 0  # in it, of the next one
        # Of those behind a stamp of kubectl, without and with it.
        self._behind_stamps: set[int] = set()
        self._stamped: set[int] = set()
        self._stamped_order: deque[tuple[int, int]] = deque()

    def read(self, raw: bytes) -> Sequence[Line]:
        """The controller's own lines in a raw one: one, none, or several where newlines were lost."""
        counts = self.counts
        counts.lines += 1
        whole = raw = raw.strip()
        if raw[:1] != b"{":
            raw = _without_kubectl_stamp(raw)
        line = read_line(counts.lines, raw)
        if line is not None:
            is_new = self._is_new(raw) if raw is whole else self._is_new_behind_a_stamp(raw, whole)
            return (line,) if is_new else ()
        pieces = [(piece, read_line(counts.lines, piece)) for piece in _pieces(raw)]
        found = [(piece, line) for piece, line in pieces if line is not None]
        if any(line is None and not piece.startswith(_OF_ANOTHER) for piece, line in pieces):
            counts.note_cut()
        if not found:
            counts.not_json += bool(raw)
        return [line for piece, line in found if self._is_new(piece)]

    def _is_new(self, raw: bytes) -> bool:
        """Whether a line was not there before."""
        text, texts = hash(raw), self._texts
        if text in texts or text in self._behind_stamps:
            self.counts.repeated += 1
            return False
        texts.add(text)
        # The one that leaves the window gives its place to the new one.
        order, place = self._order, self._place
        texts.discard(order[place])
        order[place] = text
        self._place = place + 1 if place + 1 < REPEAT_WINDOW else 0
        return True

    def _is_new_behind_a_stamp(self, raw: bytes, line: bytes) -> bool:
        """The same of a line behind a stamp of kubectl: behind different ones the same words are two lines."""
        text, whole = hash(raw), hash(line)
        if whole in self._stamped or text in self._texts:
            self.counts.repeated += 1
            return False
        self._stamped.add(whole)
        self._behind_stamps.add(text)
        self._stamped_order.append((text, whole))
        if len(self._stamped_order) > REPEAT_WINDOW:
            text, whole = self._stamped_order.popleft()
            self._behind_stamps.discard(text)
            self._stamped.discard(whole)
        return True


def read_line(number: int, raw: bytes) -> Line | None:
    """The line that raw text without prefix and newline is; None if it is not one of the controller's own."""
    if raw[:1] != b"{":
        return _console_line(number, raw)
    try:
        data = orjson.loads(raw)
    except orjson.JSONDecodeError:
        return None
    message, stamp, level = data.get("msg"), data.get("ts"), data.get("level")
    if type(message) is not str:
        return None
    if type(stamp) is not str or stamp[-1:] != "Z":
        stamp = utc_stamp(stamp)
    if level != "INFO" and level != "DEBUG":
        level = _plain_level(level) if isinstance(level, str) else ""
    return _new_line((number, stamp, level, message, data))


def _console_line(number: int, raw: bytes) -> Line | None:
    stamp, _, columns = raw.partition(b"\t")
    time = _console_time(stamp) if len(stamp) <= _LONGEST_STAMP else None
    if time is None:
        return None
    said = (_remembered_columns if len(raw) <= LONGEST_REMEMBERED else _columns)(columns)
    if said is None:
        return None
    level, message, data = said
    return _new_line((number, time, level, message, data))


_LONGEST_STAMP = 64


@lru_cache(256)
def _console_time(stamp: bytes) -> str | None:
    return utc_stamp(stamp.decode()) if _CONSOLE_STAMP.fullmatch(stamp) else None


def _columns(raw: bytes) -> tuple[str, str, dict[str, Any]] | None:
    """Level, message and values of a console line, of which this is what follows its time; None if it is none."""
    if not _CONSOLE_LEVEL.match(raw):
        return None
    level, *columns = raw.decode("utf-8", "replace").split("\t")
    data: dict[str, Any] = {}
    if len(columns) > 1 and columns[-1].startswith("{"):
        try:
            data = orjson.loads(columns.pop())
        except orjson.JSONDecodeError:
            return None  # cut off
    caller = next((place for place, text in enumerate(columns[:2]) if _CALLER.fullmatch(text)), None)
    # The oldest builds print a logger and no caller.
    message = columns[caller + 1 :] if caller is not None else columns[1:]
    # No column, or several, or another line in it: cut off.
    if len(message) != 1 or not message[0] or '{"level":' in message[0]:
        return None
    return _plain_level(level), message[0], data


_remembered_columns = lru_cache(REMEMBERED)(_columns)


def _plain_level(level: str) -> str:
    return level if level in ("INFO", "DEBUG") else level.partition("(")[0].upper()


def _without_kubectl_stamp(raw: bytes) -> bytes:
    stamp = _KUBECTL_STAMP.match(raw)
    return raw[stamp.end() :] if stamp else raw


def _pieces(raw: bytes) -> Iterator[bytes]:
    """What may be whole within a line that cannot be read, in valid UTF-8: behind a torn half, before another line."""
    starts = [match.start() for match in _START.finditer(raw)]
    for start, end in itertools.pairwise([*starts, len(raw)]):
        piece = raw[start:end]
        if piece.startswith(b"{"):
            piece = piece[: piece.rfind(b"}") + 1]
        yield piece.decode("utf-8", "replace").encode()


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
        try:
            return iso(datetime.fromtimestamp(stamp, timezone.utc))
        except (OverflowError, ValueError, OSError):
            return ""
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
