"""How long it takes to decide a run again and to price its objectives: `make bench`.

Processor time of a replay and of the price curves, each with nothing remembered from before; as a multiple of reading
the run, which must come first. Beside it what the curves would take as one replay per point, and a second replay, whose
chains are known. The fastest of the rounds counts.

The runs are the captured model-based ones; a simulated one of 60 reconciliations where there are none.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

TESTS = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(TESTS), str(TESTS.parent)]

from captured import RUNS  # noqa: E402
from modelled import Minute, modelled_run  # noqa: E402
from printed import print_table  # noqa: E402

from wva_parse import run  # noqa: E402
from wva_parse.aligned.experiment import Experiment  # noqa: E402
from wva_parse.optimizer import inference, price, queueing, replay  # noqa: E402
from wva_parse.optimizer.decisions import decisions_of  # noqa: E402


def directories(temporary: Path) -> list[Path]:
    """The runs to replay."""
    captured = sorted(path for path in RUNS.glob("model-based-*") if path.is_dir())
    minutes = [Minute(60.0 * (10 + number % 40), 1 + number % 5) for number in range(60)]
    return captured or [modelled_run(temporary / "modelled", minutes)]


def forget() -> None:
    """Forget every chain and every profile that was found."""
    queueing.replica_of.cache_clear()
    inference.infer.cache_clear()


def seconds(task: Callable[[], object]) -> float:
    """The processor time that a task takes: others may use the machine as well."""
    start = time.process_time()
    task()
    return time.process_time() - start


def both(experiment: Experiment) -> None:
    """A replay of what was, and the price curves."""
    decisions = decisions_of(experiment)
    replay.replay(experiment, decisions)
    price.price_of_slo(experiment, decisions)


def point_by_point(experiment: Experiment) -> None:
    """The price curves as one replay per point."""
    decisions = decisions_of(experiment)
    for point in price.price_of_slo(experiment, decisions).curve.to_dict("records"):
        replay.replay(experiment, decisions, replay.Wish(**{f"slo_{point['objective']}_ms": point["ms"]}))


def measure(directory: Path, rounds: int) -> dict[str, float]:
    """The fastest of each."""
    experiment = run.load(directory)
    found: dict[str, list[float]] = {"read": [], "both": [], "again": [], "points": []}
    for _ in range(rounds):
        found["read"].append(seconds(lambda: run.load(directory)))
        forget()
        found["both"].append(seconds(lambda: both(experiment)))
        found["again"].append(seconds(lambda: both(experiment)))
        forget()
        found["points"].append(seconds(lambda: point_by_point(experiment)))
    return {name: min(times) for name, times in found.items()}


def table(rounds: int) -> Iterator[str]:
    """The measurements, a line for each run."""
    yield f"{'run':50} {'replay + price':>15} {'x reading':>10} {'again':>7} {'point by point':>15}"
    with tempfile.TemporaryDirectory() as temporary:
        for directory in directories(Path(temporary)):
            found = measure(directory, rounds)
            ratios = (found[name] / found["both"] for name in ("again", "points"))
            again, points = ratios
            yield (
                f"{directory.name:50} {found['both']:13.2f} s {found['both'] / found['read']:8.1f} x {again:6.2f} x "
                f"{points:13.1f} x"
            )


if __name__ == "__main__":
    print_table(__doc__, table)
