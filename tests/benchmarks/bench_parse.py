"""How long a log takes to become metrics.csv, and how much memory: `make bench`.

Time is given as a multiple of decoding each line of the same log with orjson, which any reader must do. Both are
measured alternately, in this order of rounds, and the fastest of each counts. Memory is the growth of the peak
between a log of 10 MB and one of 100 MB: what a streaming reader must not need.

The log is that of the captured runs, repeated with later dates per copy; of simulated loop runs where there are none.
"""

from __future__ import annotations

import contextlib
import re
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from pathlib import Path

TESTS = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(TESTS), str(TESTS.parent)]

import orjson  # noqa: E402
from captured import RUNS  # noqa: E402
from logs import capacity_loop_run, model_loop_run, observed, solution, text  # noqa: E402
from printed import print_table  # noqa: E402

from wva_parse.log.lines import LOG_NAME  # noqa: E402
from wva_parse.run import METRICS_NAME, write_metrics  # noqa: E402

SMALL_MB, LARGE_MB = 10, 100
# Longer than any of the runs: no copy's dates overlap those of the one before.
DAYS_PER_COPY = 60

_DATE = re.compile(rb'(?<="ts":")(\d{4})-(\d\d)-(\d\d)')


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


def later(log: bytes, days: int) -> bytes:
    """The log, its dates some days later."""
    moved: dict[bytes, bytes] = {}

    def move(match: re.Match[bytes]) -> bytes:
        if match[0] not in moved:
            day = date(int(match[1]), int(match[2]), int(match[3])) + timedelta(days=days)
            moved[match[0]] = day.isoformat().encode()
        return moved[match[0]]

    return _DATE.sub(move, log)


def write_log(directory: Path, copy: bytes, megabytes: int) -> Path:
    """A run directory whose log has at least that size."""
    directory.mkdir()
    with (directory / LOG_NAME).open("wb") as stream:
        for number in range(megabytes * 1_000_000 // len(copy) + 1):
            stream.write(later(copy, number * DAYS_PER_COPY))
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
    unit = 1 if sys.platform == "darwin" else 1024
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e6)


def table(rounds: int) -> Iterator[str]:
    """The measurements, a line each."""
    copy, source = one_copy()
    with tempfile.TemporaryDirectory() as temporary:
        small = write_log(Path(temporary) / "small", copy, SMALL_MB)
        large = write_log(Path(temporary) / "large", copy, LARGE_MB)
        size_mb = (large / LOG_NAME).stat().st_size / 1e6
        yield f"log of {source}, {size_mb:.0f} MB"
        times = [(seconds(decode, large), seconds(write_metrics, large)) for _ in range(rounds)]
        decoded_s, written_s = (min(column) for column in zip(*times, strict=True))
        rows = sum(1 for _ in (large / METRICS_NAME).open("rb")) - 1
        yield f"decode each line with orjson   {decoded_s:7.2f} s {size_mb / decoded_s:8.0f} MB/s"
        yield f"log -> metrics.csv             {written_s:7.2f} s {size_mb / written_s:8.0f} MB/s {rows:9} rows"
        yield f"multiple of decoding           {written_s / decoded_s:7.1f} x"
        peaks = [peak_mb(directory) for directory in (small, large)]
        yield f"peak memory at {SMALL_MB} and {LARGE_MB} MB    {peaks[0]:7.0f} MB {peaks[1]:6.0f} MB"
        yield f"growth                         {peaks[1] - peaks[0]:7.1f} MB"


if __name__ == "__main__":
    print_table(__doc__, table)
