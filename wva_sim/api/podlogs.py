"""Logs of containers, as a kubelet keeps and serves them.

Each container has a current log and the one before its last restart. A line's stamp is the container
runtime's: nanoseconds, and never the same twice in one log, whatever time the line itself claims.
"""

from __future__ import annotations

import asyncio
from bisect import bisect_left
from collections.abc import AsyncIterator
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import NamedTuple

from wva_sim.api.errors import ApiError
from wva_sim.api.times import Clock, parse_rfc3339

Container = tuple[str, str, str]  # namespace, pod, container

_UNIX = datetime(1970, 1, 1, tzinfo=timezone.utc)
LEAST_STEP_NS = 1013  # between two lines that are written at the same moment


class LogOptions(NamedTuple):
    """How a log is asked for; the query parameters of ``/log``."""

    follow: bool = False
    previous: bool = False
    timestamps: bool = False
    since_time: str | None = None
    since_seconds: int | None = None
    tail_lines: int | None = None
    limit_bytes: int | None = None


class _Line:
    """A stamp, the text so far, and whether its newline has been written."""

    __slots__ = ("complete", "stamp_ns", "text")

    def __init__(self, stamp_ns: int, text: str, complete: bool) -> None:
        self.stamp_ns = stamp_ns
        self.text = text
        self.complete = complete


class _Log:
    """What a container has written since it started."""

    def __init__(self) -> None:
        self.lines: list[_Line] = []
        self.readable_from = 0  # earlier lines have been rotated away; only running followers still get them
        self.stamp_ns = 0
        self.ended = False
        self.cuts = 0  # how often followers were cut off
        self.wakers: set[asyncio.Event] = set()

    def wake(self) -> None:
        for waker in self.wakers:
            waker.set()


class PodLogs:
    """All container logs of the cluster.

    Parameters
    ----------
    journal : Path, optional
        A directory that gets every letter that is ever written, a file per container: what a collector has to find.
    """

    def __init__(self, clock: Clock, journal: Path | None = None) -> None:
        self.clock = clock
        self.journal = journal
        self._current: dict[Container, _Log] = {}
        self._previous: dict[Container, _Log] = {}

    # Writing

    def append(self, namespace: str, pod: str, container: str, line: str, at: datetime | None = None) -> None:
        """Add a line (given without its newline), or complete the one begun by `append_partial`."""
        self._write(namespace, pod, container, line, at, complete=True)

    def append_partial(self, namespace: str, pod: str, container: str, text: str, at: datetime | None = None) -> None:
        """Add a piece of a line whose newline has not been written yet."""
        self._write(namespace, pod, container, text, at, complete=False)

    def restart(self, namespace: str, pod: str, container: str) -> None:
        """The container starts again: its log becomes the previous one; followers end."""
        key = (namespace, pod, container)
        log = self._current.pop(key, None) or _Log()
        self._end(log)
        self._previous[key] = log
        self._current[key] = _Log()

    def rotate(self, namespace: str, pod: str, container: str, keep_last: int = 0) -> None:
        """The kubelet starts a new file: all but the last ``keep_last`` lines can no longer be read.

        Followers go on, as they do on a real node.
        """
        log = self._log(namespace, pod, container)
        log.readable_from = max(log.readable_from, len(log.lines) - keep_last)

    def finish(self, namespace: str, pod: str, container: str) -> None:
        """The container has ended: what it wrote stays readable, followers end."""
        self._end(self._log(namespace, pod, container))

    def cut(self, namespace: str, pod: str, container: str) -> None:
        """Followers end cleanly although the container goes on writing, as when a kubelet hangs up."""
        log = self._log(namespace, pod, container)
        log.cuts += 1
        log.wake()

    def drop(self, namespace: str, pod: str) -> None:
        """The pod is gone with all its logs; followers end."""
        for logs in (self._current, self._previous):
            for key in [key for key in logs if key[:2] == (namespace, pod)]:
                self._end(logs.pop(key))

    # Reading

    def read(self, namespace: str, pod: str, container: str, options: LogOptions | None = None) -> bytes:
        """What the log holds now.

        Raises
        ------
        ApiError
            400 if the previous log is wanted and there is none, or a parameter makes no sense.
        """
        options = options or LogOptions()
        log = self._find(namespace, pod, container, options)
        text = _render(log.lines[self._start(log, options) :], options.timestamps)
        return text.encode()[: options.limit_bytes]

    def follow(
        self, namespace: str, pod: str, container: str, options: LogOptions | None = None
    ) -> AsyncIterator[bytes]:
        """What the log holds, then what is added, until the container ends or the pod is gone."""
        options = options or LogOptions(follow=True)
        log = self._find(namespace, pod, container, options)
        return self._follow(log, self._start(log, options), options)

    # Inside

    async def _follow(self, log: _Log, number: int, options: LogOptions) -> AsyncIterator[bytes]:
        waker = asyncio.Event()
        log.wakers.add(waker)
        cuts, left, sent = log.cuts, options.limit_bytes, 0  # sent: letters of line `number`
        try:
            while True:
                waker.clear()
                fresh = log.lines[number:]
                chunk = _render(fresh, options.timestamps, skip=sent).encode()
                number, sent = len(log.lines), 0
                if fresh and not fresh[-1].complete:
                    number, sent = number - 1, len(fresh[-1].text)
                if chunk:
                    yield chunk[:left]
                if left is not None:
                    left -= len(chunk)
                if log.ended or log.cuts != cuts or (left is not None and left <= 0):
                    return
                await waker.wait()
        finally:
            log.wakers.discard(waker)

    def _start(self, log: _Log, options: LogOptions) -> int:
        """The number of the first line wanted: like the kubelet, tail first, then time."""
        since_ns = self._since_ns(options)
        tail = len(log.lines) if options.tail_lines is None else options.tail_lines
        after_since = bisect_left(log.lines, since_ns, key=lambda line: line.stamp_ns)
        return max(log.readable_from, len(log.lines) - tail, after_since)

    def _since_ns(self, options: LogOptions) -> int:
        if options.since_seconds is not None:
            return _nanoseconds(self.clock.now() - timedelta(seconds=options.since_seconds))
        if options.since_time is None:
            return 0
        try:
            return _nanoseconds(parse_rfc3339(options.since_time))
        except ValueError as error:
            raise ApiError(400, f"sinceTime: {error}") from None

    def _find(self, namespace: str, pod: str, container: str, options: LogOptions) -> _Log:
        if not options.previous:
            return self._log(namespace, pod, container)
        try:
            return self._previous[namespace, pod, container]
        except KeyError:
            message = f'previous terminated container "{container}" in pod "{pod}" not found'
            raise ApiError(400, message) from None

    def _log(self, namespace: str, pod: str, container: str) -> _Log:
        return self._current.setdefault((namespace, pod, container), _Log())

    def _write(self, namespace: str, pod: str, container: str, text: str, at: datetime | None, complete: bool) -> None:
        log = self._log(namespace, pod, container)
        if self.journal is not None:
            with (self.journal / f"{namespace}_{pod}_{container}.log").open("a", encoding="utf-8") as file:
                file.write(text + "\n" * complete)
        if log.lines and not log.lines[-1].complete:
            log.lines[-1].text += text
            log.lines[-1].complete = complete
        else:
            log.stamp_ns = max(_nanoseconds(at or self.clock.now()), log.stamp_ns + LEAST_STEP_NS)
            log.lines.append(_Line(log.stamp_ns, text, complete))
        log.wake()

    def _end(self, log: _Log) -> None:
        log.ended = True
        log.wake()


def _nanoseconds(moment: datetime) -> int:
    return (moment - _UNIX) // timedelta(microseconds=1) * 1000


def _stamp(stamp_ns: int) -> str:
    """RFC 3339 with nine digits, as ``kubectl logs --timestamps`` prints it."""
    seconds, rest_ns = divmod(stamp_ns, 1_000_000_000)
    return (_UNIX + timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%S") + f".{rest_ns:09d}Z"


def _render(lines: list[_Line], timestamps: bool, skip: int = 0) -> str:
    """Text of lines; ``skip`` letters of the first (and its stamp) have been sent before."""
    pieces = []
    for line in lines:
        if timestamps and not skip:
            pieces.append(f"{_stamp(line.stamp_ns)} ")
        pieces.append(line.text[skip:])
        if line.complete:
            pieces.append("\n")
        skip = 0
    return "".join(pieces)
