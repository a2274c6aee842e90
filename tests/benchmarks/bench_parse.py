"""How long a log takes to become metrics.csv, and how much memory: `make bench`.

Time is given as a multiple of decoding each line of the same log with orjson, which any reader must do, and as one of
the parser that people write first (`four_kinds`). They are measured in turns; of the multiples of all rounds the median
is told, with the least and the greatest. Memory is the peak of a process that writes metrics.csv.

The log is that of the captured runs, repeated with later dates per copy; of simulated loop runs where there are none.
What a line says again is remembered while a log is read, and a copy repeats the one before more than a controller does:
so time is also told of a log whose numbers are others in each copy.
"""

from __future__ import annotations

import contextlib
import re
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from datetime import date, timedelta
from pathlib import Path

TESTS = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(TESTS), str(TESTS.parent)]

import orjson  # noqa: E402
from captured import RUNS  # noqa: E402
from four_kinds import write_four_kinds  # noqa: E402
from logs import capacity_loop_run, model_loop_run, observed, solution, text  # noqa: E402
from printed import print_table  # noqa: E402

from wva_parse.log.lines import LOG_NAME  # noqa: E402
from wva_parse.run import METRICS_NAME, write_metrics  # noqa: E402

SMALL_MB, USUAL_MB, LARGE_MB = 10, 100, 1000
# Targets, on a machine with nothing else to do.
MOST_X, MOST_OF_FOUR_KINDS_X, MOST_MB = 7.0, 1.0, 120
# Longer than any of the runs: no copy's dates overlap those of the one before.
DAYS_PER_COPY = 60

Change = Callable[[bytes, int], bytes]  # of a log, as its copy of some number

_DATE = re.compile(rb'(?<="ts":")(\d{4})-(\d\d)-(\d\d)')
_DECIMALS = re.compile(rb"(?<=\d\.)\d+(?!\d*Z)")  # but for those of seconds


def one_copy() -> tuple[bytes, str]:
    """The log to repeat, and what it is."""
    runs = sorted(RUNS.glob(f"*/{LOG_NAME}"))
    if runs:
        return b"".join(run.read_bytes() for run in runs), f"{len(runs)} captured runs"
    loop_runs = [
        loop_run
        for number in range(500)
        for loop_run in (
            capacity_loop_run(120.0 * number, {f"pod-{pod}": (0.5, pod) for pod in range(4)}, observed(9, 20)),
            model_loop_run(120.0 * number + 60, observed(9, 20), solution(9.5, 21)),
        )
    ]
    return text(*loop_runs).encode(), "simulated loop runs"


def later(log: bytes, copy: int) -> bytes:
    """The log, its dates those of another copy."""
    moved: dict[bytes, bytes] = {}

    def move(match: re.Match[bytes]) -> bytes:
        if match[0] not in moved:
            day = date(int(match[1]), int(match[2]), int(match[3])) + timedelta(days=copy * DAYS_PER_COPY)
            moved[match[0]] = day.isoformat().encode()
        return moved[match[0]]

    return _DATE.sub(move, log)


def with_other_numbers(log: bytes, copy: int) -> bytes:
    """The same, and its decimals others; what is repeated within the copy still is."""

    def other(match: re.Match[bytes]) -> bytes:
        digits = len(match[0])
        return b"%0*d" % (digits, (int(match[0]) + copy) % 10**digits)

    return _DECIMALS.sub(other, later(log, copy))


def write_log(directory: Path, log: bytes, megabytes: int, change: Change = later) -> Path:
    """A run directory whose log has at least that size."""
    directory.mkdir()
    with (directory / LOG_NAME).open("wb") as stream:
        for copy in range(megabytes * 1_000_000 // len(log) + 1):
            stream.write(change(log, copy))
    return directory


def decode(directory: Path) -> None:
    """Decode each line, and nothing else."""
    with (directory / LOG_NAME).open("rb") as stream:
        for raw in stream:
            with contextlib.suppress(orjson.JSONDecodeError):
                orjson.loads(raw)


def seconds(task: Callable[[Path], object], directory: Path) -> float:
    """The processor time that a task takes: others may use the machine as well."""
    start = time.process_time()
    task(directory)
    return time.process_time() - start


def peak_mb(directory: Path) -> float:
    """Peak memory of a process that writes the metrics.csv of a run."""
    code = "import sys; from pathlib import Path; from bench_parse import main_peak; main_peak(Path(sys.argv[1]))"
    done = subprocess.run(
        [sys.executable, "-c", code, str(directory)],
        cwd=Path(__file__).parent,
        check=True,
        capture_output=True,
        text=True,
    )
    return float(done.stdout)


def main_peak(directory: Path) -> None:
    """In the measured process: write metrics.csv, print the peak in MB."""
    write_metrics(directory)
    status = Path("/proc/self/status")
    if status.is_file():  # ru_maxrss begins with what the parent had
        print(int(re.findall(r"VmHWM:\s+(\d+) kB", status.read_text())[0]) * 1024 / 1e6)
    else:
        print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6)


def four_kinds(directory: Path) -> None:
    """Write four kinds of lines, as the parser does that people write first."""
    write_four_kinds(directory, LOG_NAME)


def in_turns(rounds: int, directory: Path, *tasks: Callable[[Path], object]) -> list[tuple[float, ...]]:
    """The seconds of each task, round by round."""
    return [tuple(seconds(task, directory) for task in tasks) for _ in range(rounds)]


def spread(values: Iterable[float]) -> str:
    """The median of multiples, with the least and the greatest."""
    found = list(values)
    return f"{statistics.median(found):7.1f} x ({min(found):.1f}..{max(found):.1f})"


def times(directory: Path, rounds: int) -> Iterator[str]:
    """How long a log takes, and as what multiples of others."""
    size_mb = (directory / LOG_NAME).stat().st_size / 1e6
    rounded = in_turns(rounds, directory, decode, four_kinds, write_metrics)
    decoded_s, naive_s, written_s = (statistics.median(column) for column in zip(*rounded, strict=True))
    rows = sum(1 for _ in (directory / METRICS_NAME).open("rb")) - 1
    yield f"decode each line with orjson   {decoded_s:7.2f} s {size_mb / decoded_s:8.0f} MB/s"
    yield f"four kinds of lines, naively   {naive_s:7.2f} s {size_mb / naive_s:8.0f} MB/s"
    yield f"log -> metrics.csv             {written_s:7.2f} s {size_mb / written_s:8.0f} MB/s {rows:9} rows"
    multiple = spread(written / decoded for decoded, _, written in rounded)
    yield f"multiple of decoding           {multiple}, target: at most {MOST_X} x"
    of_naive = spread(written / naive for _, naive, written in rounded)
    yield f"of the four-kind parser        {of_naive}, target: at most {MOST_OF_FOUR_KINDS_X} x"


def table(rounds: int, large: bool) -> Iterator[str]:
    """The measurements, a line each."""
    log, source = one_copy()
    with tempfile.TemporaryDirectory() as temporary:
        base = Path(temporary)
        usual = write_log(base / "usual", log, USUAL_MB)
        yield f"log of {source}, {USUAL_MB} MB"
        yield from times(usual, rounds)
        changing = write_log(base / "changing", log, USUAL_MB, with_other_numbers)
        multiples = spread(written / decoded for decoded, written in in_turns(rounds, changing, decode, write_metrics))
        yield f"... if each copy has its own   {multiples}, of decoding"
        peaks = [peak_mb(directory) for directory in (write_log(base / "small", log, SMALL_MB), usual)]
        yield f"peak memory at {SMALL_MB} and {USUAL_MB} MB    {peaks[0]:7.0f} MB {peaks[1]:6.0f} MB"
        yield f"growth                         {peaks[1] - peaks[0]:7.1f} MB"
        if large:
            yield from of_a_large_log(write_log(base / "large", log, LARGE_MB))


def of_a_large_log(directory: Path) -> Iterator[str]:
    """What a log of a gigabyte takes, in one round."""
    ((decoded_s, written_s),) = in_turns(1, directory, decode, write_metrics)
    yield f"multiple at {LARGE_MB} MB            {written_s / decoded_s:7.1f} x, target: at most {MOST_X} x"
    yield f"peak memory at {LARGE_MB} MB         {peak_mb(directory):7.0f} MB, target: at most {MOST_MB} MB"


if __name__ == "__main__":
    print_table(__doc__, table, {"large": f"measure a log of {LARGE_MB} MB as well: minutes"})
