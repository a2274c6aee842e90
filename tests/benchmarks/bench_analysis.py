"""What a person waits for who looks at runs: commands whole, an analysis stage by stage, fifty runs: `make bench`.

Processor time of a command and all that it starts, a kernel among it; for fifty runs the time on the clock, with as
many side by side as there are cores. The stages are those of one process that writes everything without the notebook.

The run is the captured one with the most figures, the fifty are copies of all; simulated ones where there are none.
"""

from __future__ import annotations

import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

TESTS = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(TESTS), str(TESTS.parent)]

from captured import HIGH, RUNS  # noqa: E402
from measured import line, of_command  # noqa: E402
from modelled import Minute, modelled_run  # noqa: E402
from printed import print_table  # noqa: E402

ENVIRONMENT = {**os.environ, "PYTHONPATH": str(TESTS.parent)}
WVA_PARSE = (sys.executable, "-m", "wva_parse")
STAGES = Path(__file__).parent / "stages.py"
MANY = 50

# What is called -> the most processor seconds that it may take.
COMMANDS = {
    "--help": 0.1,
    "summary {run}": 0.8,
    "analyze {run} --output-dir {output} --html": 6.0,
    "analyze {run} --output-dir {output} --html --no-notebook": 3.0,
}
MANY_WALL_S = 90.0


def directories(temporary: Path) -> list[Path]:
    """The runs that there are, the one with the most figures first."""
    captured = sorted((path for path in RUNS.glob("*/") if path.is_dir()), key=lambda path: path.name != HIGH)
    minutes = [Minute(60.0 * (10 + number % 20), 1 + number % 5) for number in range(30)]
    return captured or [modelled_run(temporary / "modelled-20260101-000000", minutes)]


def stage_lines(directory: Path, output: Path, rounds: int) -> Iterator[str]:
    """The stages, a line each."""
    measured = []
    for _ in range(rounds):
        answer = subprocess.run(
            [sys.executable, STAGES, str(directory), str(output)],
            env=ENVIRONMENT,
            check=True,
            capture_output=True,
            text=True,
        )
        measured.append(json.loads(answer.stdout))
    for name in measured[0]:
        yield line(f"  {name}", [each[name] for each in measured])
    yield line("  together", [sum(each.values()) for each in measured])


def many(runs: list[Path], temporary: Path) -> list[Path]:
    """Copies of the runs, each with a time of its own in its name."""
    copies = []
    for number in range(MANY):
        name = runs[number % len(runs)].name.rpartition("-")[0].rpartition("-")[0]
        copy = temporary / "many" / f"{name}-20260101-{number:06}"
        shutil.copytree(runs[number % len(runs)], copy)
        copies.append(copy)
    return copies


def table(rounds: int) -> Iterator[str]:
    """The measurements, a line each."""
    with tempfile.TemporaryDirectory() as name:
        temporary = Path(name)
        runs = directories(temporary)
        yield f"{runs[0].name}, processor time"
        for command, target in COMMANDS.items():
            argv = command.format(run=runs[0], output=temporary / "output").split()
            told = command.format(run="RUN", output="").replace(" --output-dir ", "")
            values = [of_command([*WVA_PARSE, *argv], ENVIRONMENT)[0] for _ in range(rounds)]
            yield line(f"wva-parse {told}", values, target=target)
        yield from stage_lines(runs[0], temporary / "stages", rounds)
        yield line("report.html", [(temporary / "output" / "report.html").stat().st_size / 1e6], "MB")
        copies = many(runs, temporary)
        called = [*WVA_PARSE, "analyze", *copies, "--html", "--no-notebook"]
        used = [of_command(called, ENVIRONMENT) for _ in range(max(rounds // 3, 1))]
        cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
        what = f"wva-parse analyze {MANY} runs --html --no-notebook"
        yield line(f"{what}, on the clock, {cores} cores", [wall for _, wall in used], target=MANY_WALL_S)
        yield line(f"{what}, processor", [processor for processor, _ in used])
        per_hour = statistics.median(MANY / processor * 3600 for processor, _ in used)
        yield line("runs per core and hour", [per_hour], "")


if __name__ == "__main__":
    print_table(__doc__, table)
