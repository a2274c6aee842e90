"""The plan of an experiment, for programs and for people: its workloads, the arrival rate over time, when it ends.

Times are whole seconds from the experiment's start, rates are requests per second.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
from collections.abc import Sequence
from datetime import datetime, timedelta, timezone
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

from wva_parse.log.durations import whole_seconds
from wva_parse.plan.config import Config, Planned, for_programs, load, schedule
from wva_parse.plan.documents import ConfigError
from wva_parse.plan.jobs import MOST_CLIENTS

BAR_WIDTH = 40  # of the peak
SERIES_COLUMNS = 9
CLIENT_RATE_PER_S = 100  # a client is one process of Python, which is at its limit with some 100 streams begun a second


class Part(NamedTuple):
    """A span of time between two changes of the load: the workloads planned in it, and the sum of their rates."""

    start_s: int
    end_s: int
    rate_per_s: float
    names: tuple[str, ...]


class Rest(NamedTuple):
    """What is left of a series of several runs: which run comes next, and the planned time of all that are left."""

    number: int
    of: int
    name: str
    place: int
    runs: int
    left: int
    seconds: int


def parts(planned: Sequence[Planned]) -> list[Part]:
    """The load over time, from the first start to the last end; one without load has no names."""
    times = sorted({time for line in planned for time in (line.start_s, line.end_s)})
    found = []
    for start_s, end_s in pairwise(times):
        active = [line for line in planned if line.start_s <= start_s and line.end_s >= end_s]
        rate_per_s = sum(line.rate_per_s for line in active)
        found.append(Part(start_s, end_s, rate_per_s, tuple(line.name for line in active)))
    return found


def table(planned: Sequence[Planned]) -> str:
    """The plan for programs: tab-separated columns of `Planned` under their names; `clients` if any has several."""
    columns = Planned._fields if any(line.clients > 1 for line in planned) else Planned._fields[:-1]
    rows: list[tuple[str, ...]] = [columns]
    rows += [tuple(_cell(getattr(line, column)) for column in columns) for line in planned]
    return "".join("\t".join(row) + "\n" for row in rows)


def _cell(value: object) -> str:
    if value is None:
        return ""
    return _rate(value) if isinstance(value, float) else str(value)


def text(
    config: Config,
    planned: Sequence[Planned],
    now: datetime,
    cooldown_s: int | None = None,
    speed: int = 1,
    rest: Rest | None = None,
) -> str:
    """The plan for people.

    Parameters
    ----------
    now
        When it would be started.
    cooldown_s
        Seconds, if not the config's.
    speed
        How many times faster than real time the cluster runs.
    rest
        Of its series, if it is of one.
    """
    cooldown_s = config.cooldown_s if cooldown_s is None else cooldown_s
    how = planned[0].how
    lines = [
        f"experiment {config.name} ({config.mode}), {how}, on {config.deployment} in {config.namespace}",
        "workloads:",
        *(f"  {line}" for line in workload_lines(planned)),
    ]
    if how != "parallel":
        lines.append("  (times are estimates: each starts when the one before it has ended)")
    lines += [
        "arrival rate:",
        *(f"  {line}" for line in rate_lines(planned)),
        duration_line(max(line.end_s for line in planned), cooldown_s, speed, now),
    ]
    lines += [] if rest is None else rest_lines(rest, speed, now)
    return "".join(f"{line}\n" for line in lines)


def workload_lines(planned: Sequence[Planned]) -> list[str]:
    """A line for each workload."""
    return [
        f"{line.start_s:>6} s to {line.end_s:>6} s  {_rate(line.rate_per_s):>6} req/s  {line.name}"
        + (f"  ({line.clients} clients)" if line.clients > 1 else "")
        for line in planned
    ]


def advice(planned: Sequence[Planned]) -> list[tuple[str, str]]:
    """What a plan asks of its clients that they may not be able to do, and what to do about it."""
    return [
        (
            f"{line.name} asks {_rate(line.rate_per_s / line.clients)} req/s of"
            + (" its one client" if line.clients == 1 else f" each of its {line.clients} clients")
            + f" ({_rate(line.rate_per_s)} req/s in all); one does some {CLIENT_RATE_PER_S} of streamed answers",
            _remedy(line),
        )
        for line in planned
        if line.rate_per_s / line.clients > CLIENT_RATE_PER_S
    ]


def _remedy(line: Planned) -> str:
    enough = math.ceil(line.rate_per_s / CLIENT_RATE_PER_S)
    if enough <= MOST_CLIENTS:
        return f"'clients: {enough}' in workload {line.name} would do; else the load may be less than ordered"
    return f"more than 'clients: {MOST_CLIENTS}' of a workload cannot do; split {line.name} into several"


def rate_lines(planned: Sequence[Planned]) -> list[str]:
    """A line with a bar for each part of the load, and one for its end."""
    found = parts(planned)
    peak = max(part.rate_per_s for part in found)
    lines = [
        f"{part.start_s:>6} s  {_rate(part.rate_per_s):>6} req/s  {_bar(part.rate_per_s, peak)}"
        f"  {' + '.join(part.names)}"
        for part in found
    ]
    return [*lines, f"{found[-1].end_s:>6} s  {0:>6} req/s  peak {_rate(peak)} req/s"]


def duration_line(load_s: int, cooldown_s: int, speed: int, now: datetime) -> str:
    """How long the experiment takes, and when it ends."""
    seconds = load_s + cooldown_s
    return (
        f"takes about {seconds} s with {cooldown_s} s of cooldown{_at_speed(seconds, speed)};"
        f" started now, it ends at {_end(seconds, speed, now)}"
    )


def rest_lines(rest: Rest, speed: int, now: datetime) -> list[str]:
    """Which run of the series this is, and how long it and those after it take."""
    return [
        f"repetition {rest.number} of {rest.of} of {rest.name}, run {rest.place} of {rest.runs} of the series",
        f"the series takes about {rest.seconds} s more in {rest.left} {'run' if rest.left == 1 else 'runs'}"
        f"{_at_speed(rest.seconds, speed)}, without starting and closing them;"
        f" it ends after {_end(rest.seconds, speed, now)}",
    ]


def read_rest(path: Path) -> Rest | None:
    """What is left of the series in a file; None if it is of one run, or all are done.

    A line of the file is what `series` prints of a run, after the word `planned` or what has become of it.

    Raises
    ------
    ConfigError
        If a line is none of a series.
    """
    runs = [line.split("\t") for line in path.read_text(encoding="utf-8").splitlines()]
    for number, columns in enumerate(runs, start=1):
        if len(columns) != SERIES_COLUMNS or not all(columns[index].isdecimal() for index in (2, 3, 5)):
            raise ConfigError(
                [f"{path}:{number}: saw {len(columns)} columns, expected the {SERIES_COLUMNS} of a run of a series"]
            )
    left = [(place, columns) for place, columns in enumerate(runs, start=1) if columns[0] == "planned"]
    if len(runs) < 2 or not left:
        return None
    place, (_, _, number_of, of, name, *_) = left[0]
    seconds = sum(int(columns[5]) for _, columns in left)
    return Rest(int(number_of), int(of), name, place, len(runs), len(left), seconds)


def main(command: str, argv: list[str]) -> int:
    """Print the plan of a config; as text for people, or that into a file beside it."""
    parser = argparse.ArgumentParser(prog=f"wva-parse {command}")
    parser.add_argument("config", metavar="CONFIG", type=Path, help="the config of an experiment")
    parser.add_argument("--repetition", metavar="K", type=_count, default=1, help="whose seeds (default 1)")
    where = parser.add_mutually_exclusive_group()
    where.add_argument("--text", action="store_true", help="print it for people, not as tab-separated columns")
    where.add_argument("--text-to", metavar="FILE", type=Path, help="write that into a file as well")
    parser.add_argument(
        "--config-to", metavar="FILE", type=Path, help="write the config, durations in seconds, as JSON"
    )
    parser.add_argument(
        "--advice-to", metavar="FILE", type=Path, help="write what asks too much of a client: seen, a tab, what to do"
    )
    parser.add_argument("--cooldown", metavar="S", type=_seconds, help="seconds, in the text (default: the config's)")
    parser.add_argument("--speed", metavar="N", type=_count, default=1, help="times real time, in the text (default 1)")
    parser.add_argument("--series", metavar="FILE", type=Path, help="say in the text what is left of this series")
    arguments = parser.parse_args(argv)
    try:
        config = load(arguments.config)
        rest = read_rest(arguments.series) if arguments.series else None
    except ConfigError as error:
        print(error, file=sys.stderr)
        return 2
    planned = schedule(config, arguments.repetition)
    said = text(config, planned, datetime.now(timezone.utc), arguments.cooldown, arguments.speed, rest)
    if arguments.config_to:
        arguments.config_to.write_text(json.dumps(for_programs(arguments.config)), encoding="utf-8")
    if arguments.advice_to:
        lines = "".join(f"{seen}\t{remedy}\n" for seen, remedy in advice(planned))
        arguments.advice_to.write_text(lines, encoding="utf-8")
    if arguments.text_to:
        arguments.text_to.write_text(said, encoding="utf-8")
    print(said if arguments.text else table(planned), end="")
    return 0


def _count(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"saw '{text}', expected a whole number from 1")
    return int(text)


def _seconds(text: str) -> int:
    seconds = whole_seconds(text)
    if seconds is None:
        raise argparse.ArgumentTypeError(f"saw '{text}', expected seconds: 300, or 5m")
    return seconds


def _rate(rate_per_s: float) -> str:
    return f"{rate_per_s:.10g}"  # a sum of fractions has digits behind these that nobody has planned


def _bar(rate_per_s: float, peak_per_s: float) -> str:
    return "#" * max(1, math.floor(rate_per_s * BAR_WIDTH / peak_per_s + 0.5))


def _at_speed(seconds: int, speed: int) -> str:
    return "" if speed == 1 else f": {math.ceil(seconds / speed)} s at {speed} times real time"


def _end(seconds: int, speed: int, now: datetime) -> str:
    return f"{now + timedelta(seconds=seconds / speed):%Y-%m-%dT%H:%M:%SZ}"
