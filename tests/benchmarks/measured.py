"""A measurement as a line: its median, how far it spreads, and the target that it is held against."""

from __future__ import annotations

import resource
import statistics
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path


def line(what: str, values: Sequence[float], unit: str = "s", target: float | None = None) -> str:
    """What was measured, in columns; the target is an upper limit of the median."""
    median = statistics.median(values)
    text = f"{what:58} {median:9.3g} {unit:6} ({min(values):.3g} to {max(values):.3g})"
    if target is None:
        return text.rstrip()
    return f"{text:96} target {target:g}: {'met' if median <= target else 'MISSED'}"


def children_s() -> float:
    """Processor time of all children, and theirs, that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def of_command(
    command: Sequence[str | Path], environment: Mapping[str, str] | None = None, cwd: Path | None = None
) -> tuple[float, float]:
    """Processor time of a command and all that it starts, and how long it took; one that fails ends the benchmark."""
    processor, wall = children_s(), time.monotonic()
    done = subprocess.run(list(map(str, command)), env=environment, cwd=cwd, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"{' '.join(map(str, command))}: status {done.returncode}\n{done.stderr[-2000:]}")
    return children_s() - processor, time.monotonic() - wall
