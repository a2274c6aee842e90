"""What a load Job prints: the words of `vllm bench serve` 0.33.0, then a line per request, of simulated requests.

Statistics are computed as the client does: of answered requests only, ITL over all gaps between tokens, percentiles by
linear interpolation, peaks in whole seconds from the first start.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain

import numpy as np

from wva_sim.vllm.load import Done, Load, Lost

WIDTH = 50
MOST_ERRORS = 10
ERROR = "aiohttp.client_exceptions.ServerDisconnectedError: Server disconnected"  # real ones are tracebacks that end so


def clocks(wall_s: float, monotonic_s: float) -> str:
    """The two clocks of the client's machine, side by side."""
    return f"# wall={wall_s:.3f} monotonic={monotonic_s:.3f}"


def starting(load: Load, model: str, endpoint: str) -> list[str]:
    """The first lines, before any request."""
    return [
        "SIMULATED by the embedded cluster: no request was sent and no model ran.",
        f"Namespace(seed={load.seed}, num_prompts={load.requests}, dataset_name='sharegpt', backend='openai', "
        f"base_url='{endpoint}', endpoint='/v1/completions', max_concurrency=None, model='{model}', "
        f"request_rate={load.rate_per_s}, burstiness=1.0, disable_tqdm=True, save_result=True, save_detailed=True, "
        "temperature=0.0, ready_check_timeout_sec=0, subparser='bench', bench_type='serve')",
        "Starting initial single prompt test run...",
        "Skipping endpoint ready check.",
        "Starting main benchmark run...",
        f"Traffic request rate: {load.rate_per_s}",
        "Burstiness factor: 1.0 (Poisson process)",
        "Maximum request concurrency: None",
    ]


def result(load: Load) -> list[str]:
    """The last lines: the first errors, if there are any, and the table."""
    done = load.done
    duration_s = max((each.ended_s for each in done), default=load.start_s) - load.start_s
    tokens_in = sum(each.input_tokens for each in done)
    tokens_out = sum(each.output_tokens for each in done)
    gaps = np.array([each.output_tokens - 1 for each in done], dtype=int)
    tpot = np.array([each.tpot_ms for each in done])[gaps > 0] if done else np.empty(0)

    def per_second(amount: float) -> str:
        return f"{amount / duration_s if duration_s > 0 else 0.0:.2f}"

    return [
        *_errors(load),
        "tip: install termplotlib and gnuplot to plot the metrics",
        _title(" Serving Benchmark Result ", "="),
        _row("Successful requests:", len(done)),
        _row("Failed requests:", len(load.lost)),
        _row("Request rate configured (RPS):", f"{load.rate_per_s:.2f}"),
        _row("Benchmark duration (s):", f"{duration_s:.2f}"),
        _row("Total input tokens:", tokens_in),
        _row("Total generated tokens:", tokens_out),
        _row("Request throughput (req/s):", per_second(len(done))),
        _row("Output token throughput (tok/s):", per_second(tokens_out)),
        _row("Peak output token throughput (tok/s):", f"{_most_tokens(done):.2f}"),
        _row("Peak concurrent requests:", f"{_most_running(done):.2f}"),
        _row("Total token throughput (tok/s):", per_second(tokens_in + tokens_out)),
        *_distribution("Time to First Token", "TTFT", np.array([each.ttft_ms for each in done])),
        *_distribution("Time per Output Token (excl. 1st token)", "TPOT", tpot),
        *_distribution("Inter-token Latency", "ITL", tpot, gaps[gaps > 0]),
        "=" * WIDTH,
    ]


def records(load: Load, wall_s: float) -> Iterator[str]:
    """A line per request in order of sending, as `workloads/record_requests.py` makes them.

    Parameters
    ----------
    wall_s
        Seconds since 1970 at the world's start, which is zero for the monotonic clock.
    """
    requests: list[Done | Lost] = sorted(chain(load.done, load.lost), key=lambda each: each.arrived_s)
    first_s = requests[0].arrived_s if requests else load.start_s
    yield "==== requests"
    yield clocks(wall_s + first_s, first_s)
    yield "start_s,ttft_ms,tpot_ms,e2e_ms,in,out,ok"
    for each in requests:
        start_s = f"{each.arrived_s - first_s:.3f}"
        if isinstance(each, Lost):
            yield f"{start_s},,,,{each.input_tokens},0,0"
            continue
        tpot_ms = _ms(each.tpot_ms) if each.output_tokens > 1 else ""
        latencies = f"{_ms(each.ttft_ms)},{tpot_ms},{_ms((each.ended_s - each.arrived_s) * 1000)}"
        yield f"{start_s},{latencies},{each.input_tokens},{each.output_tokens},1"
    yield f"==== end of requests {len(requests)}"


def _errors(load: Load) -> list[str]:
    if not load.lost:
        return []
    listed = [f"Error {number}: {ERROR}" for number in range(min(len(load.lost), MOST_ERRORS))]
    return [f"Failed requests during benchmark run detected (capping to {MOST_ERRORS}):", *listed]


def _most_tokens(done: list[Done]) -> int:
    """Tokens in the fullest second."""
    if not done:
        return 0
    arrived_s, ended_s, ttft_ms, tpot_ms, tokens = (
        np.array([getattr(each, name) for each in done], dtype=float)
        for name in ("arrived_s", "ended_s", "ttft_ms", "tpot_ms", "output_tokens")
    )
    first_s = arrived_s - arrived_s.min() + ttft_ms / 1000
    begin, end = first_s.astype(int), (ended_s - arrived_s.min()).astype(int) + 1
    # One row per request and second that it touches: how many tokens came before that second and before the next.
    seconds = end - begin
    of = np.repeat(np.arange(len(done)), seconds)
    second = np.arange(len(of)) - np.repeat(np.cumsum(seconds) - seconds, seconds) + begin[of]

    def before(at: np.ndarray) -> np.ndarray:
        elapsed_ms = (at - first_s[of]) * 1000
        # A single token has no gap.
        count = np.ceil(elapsed_ms / np.where(tokens > 1, tpot_ms, 1.0)[of])
        return np.where(at >= end[of], tokens[of], np.clip(count, 0, tokens[of]))

    return int(np.bincount(second, weights=before(second + 1) - before(second)).max())


def _most_running(done: list[Done]) -> int:
    """Requests that were on their way at some moment of the fullest second."""
    if not done:
        return 0
    origin_s = min(each.arrived_s for each in done)
    begins = np.array([int(each.arrived_s - origin_s) for each in done])
    ends = np.array([int(each.ended_s - origin_s) for each in done])
    change = np.bincount(begins, minlength=ends.max() + 2) - np.bincount(ends + 1, minlength=ends.max() + 2)
    return int(np.cumsum(change).max())


def _distribution(title: str, name: str, values_ms: np.ndarray, times: np.ndarray | None = None) -> list[str]:
    """Three statistics of values, each of which counts so many times (once, if nothing is said)."""
    if len(values_ms) == 0:
        values_ms, times = np.zeros(1), None
    order = np.argsort(values_ms)
    ends = np.cumsum(np.ones(len(values_ms), dtype=int) if times is None else times[order])

    def percentile(share: float) -> float:
        below, part = divmod(share * (ends[-1] - 1), 1)
        low, high = values_ms[order[np.searchsorted(ends, [below, min(below + 1, ends[-1] - 1)], side="right")]]
        return float(low + (high - low) * part)

    return [
        _title(title, "-"),
        _row(f"Mean {name} (ms):", f"{np.average(values_ms, weights=times):.2f}"),
        _row(f"Median {name} (ms):", f"{percentile(0.5):.2f}"),
        _row(f"P99 {name} (ms):", f"{percentile(0.99):.2f}"),
    ]


def _title(text: str, fill: str) -> str:
    return f"{text:{fill}^{WIDTH}}"


def _row(label: str, value: object) -> str:
    return f"{label:<40} {value!s:<10}"


def _ms(value: float) -> str:
    return f"{value:.{3 if value < 10 else 2 if value < 1000 else 1}f}"
