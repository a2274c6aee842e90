"""A program on a terminal that a test can read, of any size."""

from __future__ import annotations

import fcntl
import os
import pty
import struct
import subprocess
import termios
import time
from collections.abc import Callable
from pathlib import Path

import pyte


class Terminal:
    """Runs a command with a terminal as its standard streams; `screen` is what a person would see."""

    def __init__(self, command: list[str], columns: int, rows: int, cwd: Path, **environment: str) -> None:
        self.screen = pyte.HistoryScreen(columns, rows, history=10_000)
        self._stream = pyte.ByteStream(self.screen)
        self._ours, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        self.process = subprocess.Popen(
            command,
            cwd=cwd,
            env={**os.environ, "TERM": "xterm", **environment},
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            start_new_session=True,
        )
        os.close(theirs)
        os.set_blocking(self._ours, False)

    def wait_until(self, is_so: Callable[[], bool], patience_s: float = 60.0) -> None:
        """Show what comes until something is so; fails when it takes too long."""
        end_s = time.monotonic() + patience_s
        while not is_so():
            assert time.monotonic() < end_s, "\n".join(self.lines())
            self._read()
            time.sleep(0.02)

    def end(self) -> int:
        """Show the rest and return the program's exit status."""
        self.wait_until(lambda: self.process.poll() is not None)
        self._read()
        return self.process.returncode

    def close(self) -> None:
        """End the program if a test has not."""
        self.process.kill()
        self.process.wait()
        os.close(self._ours)

    def visible(self) -> list[str]:
        """Lines on the screen."""
        return [line.rstrip() for line in self.screen.display]

    def lines(self) -> list[str]:
        """Lines on the screen and those that have left it above, without empty ones."""
        above = ["".join(row[x].data for x in range(self.screen.columns)).rstrip() for row in self.screen.history.top]
        return [line for line in [*above, *self.visible()] if line]

    def _read(self) -> None:
        try:
            while chunk := os.read(self._ours, 65536):
                self._stream.feed(chunk)
        except (BlockingIOError, OSError):
            return  # nothing more now, or the program has ended
