"""One record per request: the lines that a load generator's Job prints after the client's own table.

    ==== requests
    # wall=1764115293.512 monotonic=3773.928
    start_s,ttft_ms,tpot_ms,e2e_ms,in,out,ok
    0.000,88.7,16.04,762.2,65,43,1
    0.546,,,,294,,0
    ==== end of requests 2

The clock line lays the client's clock on the wall clock at the first send; `start_s` counts from there and is empty
where the client tells no send times (before 0.15). Latencies are ms; those of a request without them are empty, and
those of a failed one (which the client may have kept from before it failed) count as missing. TPOT is that of a
request with at least two output tokens. `requests/<workload>.csv` of a run has the lines between the two markers.

Needs the standard library only: the runner calls the command `requests` whenever a workload has ended.
"""

from __future__ import annotations

import argparse
import math
import re
import sys
from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from wva_parse.log.benchmark import Result, last_result, without_colours, without_result

BEGIN = "==== requests"
END = re.compile(r"==== end of requests (\d+)\s*$")
COLUMNS = ("start_s", "ttft_ms", "tpot_ms", "e2e_ms", "in", "out", "ok")
HEADER = ",".join(COLUMNS)

_LATENCIES = ("ttft_ms", "tpot_ms", "e2e_ms")
_CLOCK = re.compile(r"# wall=(\d+(?:\.\d+)?) monotonic=(\d+(?:\.\d+)?)\s*$")
_HEADER = re.compile(r"[A-Za-z_]\w*(?:,[A-Za-z_]\w*)+$")  # names and no numbers
_REFUSAL = re.compile(r"no records of requests: .*")  # as workloads/record_requests.py says it
_MOST_SHOWN = 60  # characters of a line
_MOST_NAMED = 3  # lines that cannot be read; of more it is said how many


class Clock(NamedTuple):
    """One moment on both clocks, in s: since 1970, and of the client's machine."""

    wall_s: float
    monotonic_s: float


class Block(NamedTuple):
    """The lines between the markers, as they are; `first_line` is the number of the first one in its file."""

    lines: tuple[str, ...]
    first_line: int
    counted: int | None  # requests, by the end marker
    problems: tuple[str, ...]


@dataclass(frozen=True)
class Records:
    """The requests of a workload, in the order of sending.

    Attributes
    ----------
    clock
        Of the first send; None if its line is missing.
    columns
        By the names of `COLUMNS`, doubles; NaN is missing.
    problems
        What is not as it should be, one sentence each: file, line, seen, expected.
    """

    clock: Clock | None
    columns: dict[str, array[float]]
    problems: tuple[str, ...] = ()

    @property
    def sent(self) -> int:
        """How many there are."""
        return len(self.columns["ok"])

    @property
    def answered(self) -> int:
        """How many were answered."""
        return int(sum(self.columns["ok"]))


def find_block(text: str, where: str) -> Block | None:
    """The last complete block of records in a Job's log, else the last one; None if it has none.

    A log whose beginning was rotated away has the last records and the end marker; these are given as they are.
    """
    # What stands before a carriage return is a progress bar; the lines keep their numbers.
    lines = [line.rstrip("\r").rpartition("\r")[2] for line in without_colours(text).split("\n")]
    begins = [number for number, line in enumerate(lines) if line.rstrip().endswith(BEGIN)]
    ends = [number for number, line in enumerate(lines) if END.search(line)]
    if not begins and not ends:
        return None
    if not begins:
        last = ends[-1]
        first = last
        while first and lines[first - 1].count(",") == len(COLUMNS) - 1:
            first -= 1
        first = max(first, 1)  # the log's first line may be the rest of one
        problem = f"{where}: no line '{BEGIN}', so the first requests are missing (was the log rotated?)"
        return Block(tuple(lines[first:last]), first + 1, _count(lines[last]), (problem,))
    blocks = []  # with both markers, from the last one
    for begin, following in zip(reversed(begins), [len(lines), *reversed(begins[1:])], strict=True):
        end_at = next((end for end in ends if begin < end < following), None)
        if end_at is not None:
            is_last = following == len(lines)
            later = () if is_last else (f"{where}: a later block of records is not complete and was not read",)
            blocks.append(Block(tuple(lines[begin + 1 : end_at]), begin + 2, _count(lines[end_at]), later))
    is_whole = (block for block in blocks if block.counted == sum(map(_may_be_row, block.lines)))
    if (found := next(is_whole, None)) or (found := next(iter(blocks), None)):
        return found
    first = begins[-1] + 1
    kept = tuple(line for line in lines[first:] if line)
    return Block(kept, first + 1, None, (f"{where}: no line '==== end of requests', so the last ones may be missing",))


def _may_be_row(line: str) -> bool:
    line = line.strip()
    return bool(line) and line != HEADER and not _CLOCK.match(line)


def counted(text: str) -> int:
    """How many requests the Job's log should hold, by its end marker; 0 without one."""
    block = find_block(text, "")
    return (block and block.counted) or 0


def _count(line: str) -> int:
    match = END.search(line)
    assert match
    return int(match[1])


def read_records(lines: Sequence[str], where: str, first_line: int = 1) -> Records:
    """Records of the lines of a block or of a file; lines that are none are left out, and told.

    Under other columns, or the same in another order, nothing is read: by their places they would be taken for others.
    """
    clock: Clock | None = None
    columns = {name: array("d") for name in COLUMNS}
    bad: list[str] = []
    for number, line in enumerate(lines, first_line):
        line = line.strip()
        if match := _CLOCK.match(line):
            clock = clock or Clock(float(match[1]), float(match[2]))
        elif line != HEADER and _HEADER.match(line):
            problem = f"{where}:{number}: columns {line[:_MOST_SHOWN]!r}; expected {HEADER}; nothing was read"
            return Records(clock, {name: array("d") for name in COLUMNS}, (problem,))
        elif line and line != HEADER:
            row = _row(line)
            if row is None:
                bad.append(f"{where}:{number}: {line[:_MOST_SHOWN]!r} is no request; expected {HEADER}")
                continue
            for name, value in zip(COLUMNS, row, strict=True):
                columns[name].append(value)
    problems = bad[:_MOST_NAMED]
    if len(bad) > _MOST_NAMED:
        problems.append(f"{where}: {len(bad) - _MOST_NAMED} more lines are no requests")
    if clock is None and len(columns["ok"]):
        problems.append(f"{where}: no line '# wall=… monotonic=…', so when they were sent is not known")
    return Records(clock, columns, tuple(problems))


def _row(line: str) -> list[float] | None:
    fields = line.split(",")
    if len(fields) != len(COLUMNS) or fields[-1] not in ("0", "1"):
        return None
    try:
        values = [float(field) if field else math.nan for field in fields]
    except ValueError:
        return None
    if any(math.isinf(value) or value < 0 for value in values) or any(
        math.isnan(value) for value, field in zip(values, fields, strict=True) if field
    ):
        return None
    _, _, tpot, _, _, out, ok = range(len(COLUMNS))
    if not values[ok]:
        values[1:4] = [math.nan] * len(_LATENCIES)
    if values[out] < 2:
        values[tpot] = math.nan
    return values


def records_of_log(text: str, where: str) -> Records | None:
    """The records in a Job's log, held against the markers' and the table's counts; None if it has none."""
    block = find_block(text, where)
    if block is None:
        return None
    found = read_records(block.lines, where, block.first_line)
    problems = [*block.problems, *found.problems]
    if block.counted is not None and block.counted != found.sent:
        problems.append(f"{where}: {found.sent} requests, where the end marker counts {block.counted}")
    problems += against_table(found, last_result("", text), where)
    return Records(found.clock, found.columns, tuple(problems))


def records_of_csv(text: str, where: str) -> Records:
    """The records in requests/<workload>.csv."""
    return read_records(text.split("\n"), where)


def against_table(records: Records, result: Result | None, where: str) -> list[str]:
    """Where the records say other than the client's table of the same requests."""
    if result is None:
        return []
    failed = records.sent - records.answered
    return [
        f"{where}: {seen} {what} requests, where the client's table counts {expected:.0f}"
        for what, seen, expected in (
            ("answered", records.answered, result.completed),
            ("failed", failed, result.failed),
        )
        if expected is not None and seen != expected
    ]


# --- the command --------------------------------------------------------------------------------------


def main(command: str, argv: list[str]) -> int:
    """Write the records in a Job's log as CSV and say in a sentence what is there; 0 complete, 1 not."""
    parser = argparse.ArgumentParser(prog=f"wva-parse {command}")
    parser.add_argument("log", metavar="JOB_LOG", type=Path, help="what the Job of a workload has printed")
    parser.add_argument("output", metavar="OUTPUT.csv", type=Path, help="where the records go, if there are any")
    arguments = parser.parse_args(argv)
    if not arguments.log.is_file():
        print(f"wva_parse {command}: {arguments.log}: no such file; expected the log of a Job", file=sys.stderr)
        return 2
    text, where = read_text(arguments.log), arguments.log.name
    records, block = records_of_log(text, where), find_block(text, where)
    if records is None or block is None:
        print(f"no requests: {_why_none(text)}")
        return 1
    write_text(arguments.output, "".join(f"{line}\n" for line in block.lines))
    said = f"{records.sent} request{'' if records.sent == 1 else 's'}, {records.answered} answered"
    print("; ".join([said, *records.problems]))
    return 1 if records.problems or not records.sent else 0


def _why_none(text: str) -> str:
    if refusals := _REFUSAL.findall(without_colours(text)):
        return f"the Job says {refusals[-1].strip()[:200]!r}"
    result = last_result("", text)
    if result is None:
        return without_result("", text).why
    counts = [(result.completed, "answered"), (result.failed, "failed")]
    told = " and ".join(f"{count:.0f} {what}" for count, what in counts if count is not None)
    return f"the log has no line '{BEGIN}'; the client's table tells {told or 'no counts'}"


def read_text(path: Path) -> str:
    """A file's text, whatever bytes are in it."""
    return path.read_bytes().decode("utf-8", errors="replace")


def write_text(target: Path, text: str) -> None:
    """Write a file in one step."""
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_name(f".{target.name}.part")
    try:
        part.write_text(text, encoding="utf-8")
        part.replace(target)
    finally:
        part.unlink(missing_ok=True)
