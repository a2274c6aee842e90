"""What the load generators measured: the result blocks of `vllm bench serve` in Job logs.

Latencies in ms, throughput per second. Means of several Jobs are weighted by their answered requests; percentiles of
different Jobs are listed and never averaged.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, NamedTuple

BEGIN = "Serving Benchmark Result"
END = "=" * 20

# Label of a line of the block -> field. Releases print more and fewer of them.
LABELS = {
    "Successful requests": "completed",
    "Failed requests": "failed",
    "Request rate configured (RPS)": "rate_per_s",
    "Maximum request concurrency": "max_concurrency",
    "Benchmark duration (s)": "duration_s",
    "Total input tokens": "input_tokens",
    "Total generated tokens": "output_tokens",
    "Request throughput (req/s)": "throughput_per_s",
    **{
        f"{statistic} {metric.upper()} (ms)": f"{statistic.lower()}_{metric}_ms"
        for statistic in ("Mean", "Median", "P99")
        for metric in ("ttft", "tpot", "itl")
    },
}
WEIGHTED = ("mean_ttft_ms", "mean_tpot_ms", "mean_itl_ms")


@dataclass(frozen=True)
class Result:
    """One result block; None where it has no such line."""

    job: str
    completed: float | None = None
    failed: float | None = None
    rate_per_s: float | None = None
    max_concurrency: float | None = None
    duration_s: float | None = None
    input_tokens: float | None = None
    output_tokens: float | None = None
    throughput_per_s: float | None = None
    mean_ttft_ms: float | None = None
    median_ttft_ms: float | None = None
    p99_ttft_ms: float | None = None
    mean_tpot_ms: float | None = None
    median_tpot_ms: float | None = None
    p99_tpot_ms: float | None = None
    mean_itl_ms: float | None = None
    median_itl_ms: float | None = None
    p99_itl_ms: float | None = None


class Client(NamedTuple):
    """The client side of a run: a result per finished Job, and the Jobs that left none (stopped or failed)."""

    results: tuple[Result, ...] = ()
    without: tuple[str, ...] = ()


def parse_results(job: str, text: str) -> list[Result]:
    """The whole result blocks of a log; a block that breaks off is none.

    Parameters
    ----------
    job
        Names the results.
    text
        Of the log; progress bars may come before and within, with carriage returns.
    """
    found: list[Result] = []
    values: dict[str, float] | None = None
    for line in text.replace("\r", "\n").splitlines():
        if BEGIN in line:
            values = {}
        elif values is None:
            continue
        elif line.startswith(END):
            found.append(Result(job, **values))
            values = None
        else:
            label, _, value = line.rpartition(":")
            number = _number(value)
            if label.strip() in LABELS and number is not None:
                values[LABELS[label.strip()]] = number
    return found


def read_client(directory: Path) -> Client:
    """The results of all logs in a directory; of a log with several blocks the last counts."""
    results, without = [], []
    for path in sorted(directory.glob("*.log")):
        found = parse_results(path.stem, path.read_text(encoding="utf-8", errors="replace"))
        if found:
            results.append(found[-1])
        else:
            without.append(path.stem)
    return Client(tuple(results), tuple(without))


def weighted_mean(results: Iterable[Result], name: str) -> float | None:
    """Mean of a mean, weighted by answered requests; None if no result has it."""
    known = [(getattr(each, name), each.completed) for each in results if getattr(each, name) is not None]
    weight = sum(count for _, count in known if count)
    return sum(value * count for value, count in known if count) / weight if weight else None


def summarize_client(client: Client) -> dict[str, Any] | None:
    """The client side for summary.json; None if there are no Job logs.

    Returns
    -------
    dict
        `completed`, `failed`, the `WEIGHTED` means, `jobs` (all fields of each result) and `without_result`.
    """
    if not client.results and not client.without:
        return None
    return {
        "completed": _total(client.results, "completed"),
        "failed": _total(client.results, "failed"),
        **{name: weighted_mean(client.results, name) for name in WEIGHTED},
        "jobs": [{field.name: getattr(each, field.name) for field in fields(each)} for each in client.results],
        "without_result": list(client.without),
    }


def _total(results: Sequence[Result], name: str) -> float | None:
    known = [getattr(each, name) for each in results if getattr(each, name) is not None]
    return sum(known) if known else None


def _number(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if abs(value) < float("inf") else None  # NaN is not below anything
