"""What `vllm bench serve` prints, computed from the simulated requests."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from wva_sim.vllm.load import Done, Load

WIDTH = 50


def starting(load: Load, model: str, endpoint: str) -> list[str]:
    """The first lines, before any request."""
    return [
        "SIMULATED by the embedded cluster: no request was sent and no model ran.",
        f"Namespace(subparser='bench', bench_type='serve', seed={load.seed}, num_prompts={load.requests}, "
        f"dataset_name='sharegpt', base_url='{endpoint}', model='{model}', request_rate={load.rate_per_s})",
        "Starting initial single prompt test run...",
        "Initial test run completed.",
        "Starting main benchmark run...",
        f"Traffic request rate: {load.rate_per_s}",
        "Burstiness factor: 1.0 (Poisson process)",
        "Maximum request concurrency: None",
    ]


def progress(load: Load, elapsed_s: float) -> str:
    """One line of the progress bar."""
    done = len(load.done) + load.failed
    minutes, seconds = divmod(int(elapsed_s), 60)
    rate = done / elapsed_s if elapsed_s > 0 else 0.0
    share = done / load.requests
    return (
        f"{share:4.0%}|{'█' * int(10 * share):10}| {done}/{load.requests} [{minutes:02d}:{seconds:02d}, {rate:.2f}it/s]"
    )


def result(load: Load) -> list[str]:
    """The result block."""
    done = load.done
    duration_s = max((each.ended_s for each in done), default=load.start_s) - load.start_s
    tokens_in, tokens_out = (sum(values) for values in _columns(done, "input_tokens", "output_tokens"))
    ttft, tpot = (np.array(values, dtype=float) for values in _columns(done, "ttft_ms", "tpot_ms"))
    tpot = tpot[~np.isnan(tpot)]

    def per_second(amount: float) -> str:
        return f"{amount / duration_s:.2f}" if duration_s > 0 else "0.00"

    return [
        _title(" Serving Benchmark Result ", "="),
        _row("Successful requests:", len(done)),
        _row("Failed requests:", load.failed),
        _row("Request rate configured (RPS):", f"{load.rate_per_s:.2f}"),
        _row("Benchmark duration (s):", f"{duration_s:.2f}"),
        _row("Total input tokens:", tokens_in),
        _row("Total generated tokens:", tokens_out),
        _row("Request throughput (req/s):", per_second(len(done))),
        _row("Output token throughput (tok/s):", per_second(tokens_out)),
        _row("Peak concurrent requests:", f"{load.most_running:.2f}"),
        _row("Total Token throughput (tok/s):", per_second(tokens_in + tokens_out)),
        *_distribution("Time to First Token", "TTFT", ttft),
        *_distribution("Time per Output Token (excl. 1st token)", "TPOT", tpot),
        *_distribution("Inter-token Latency", "ITL", tpot),
        "=" * WIDTH,
    ]


def _columns(done: Sequence[Done], *names: str) -> list[list[float]]:
    return [[getattr(each, name) for each in done] for name in names]


def _distribution(title: str, name: str, values_ms: np.ndarray) -> list[str]:
    mean, median, p99 = (
        (values_ms.mean(), np.median(values_ms), np.percentile(values_ms, 99)) if len(values_ms) else (math.nan,) * 3
    )
    return [
        _title(title, "-"),
        _row(f"Mean {name} (ms):", f"{mean:.2f}"),
        _row(f"Median {name} (ms):", f"{median:.2f}"),
        _row(f"P99 {name} (ms):", f"{p99:.2f}"),
    ]


def _title(text: str, fill: str) -> str:
    return f"{text:{fill}^{WIDTH}}"


def _row(label: str, value: object) -> str:
    return f"{label:<40} {value!s:<10}"
