"""What a load generator measured: the result block of `vllm bench serve` in the log of its Job.

Latencies in ms, throughput per second.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

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


def last_result(job: str, text: str) -> Result | None:
    """Of a log with several result blocks the last counts; None if there is none."""
    return next(reversed(parse_results(job, text)), None)


def _number(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if abs(value) < float("inf") else None  # NaN is not below anything
