"""What load generators print, for tests: tables, records of requests, Jobs' logs.

`records_of` turns the client's detailed result into records by their definitions, and not as the project does it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

HEADER = "start_s,ttft_ms,tpot_ms,e2e_ms,in,out,ok"

# Label and value of each line; lines without a value stand as they are.
_ROWS = (
    ("tip", "install termplotlib and gnuplot to plot the metrics"),
    ("============ Serving Benchmark Result ============", ""),
    ("Successful requests", "{answered:<10}"),
    ("Failed requests", "{failed:<10}"),
    ("Request rate configured (RPS)", "6.00"),
    ("Benchmark duration (s)", "21.01"),
    ("Total input tokens", "10656"),
    ("Total generated tokens", "5705"),
    ("Request throughput (req/s)", "4.62"),
    ("Output token throughput (tok/s)", "271.54"),
    ("Peak output token throughput (tok/s)", "446.00"),
    ("Peak concurrent requests", "14.00"),
    ("Total token throughput (tok/s)", "778.73"),
    ("---------------Time to First Token----------------", ""),
    ("Mean TTFT (ms)", "146.31"),
    ("Median TTFT (ms)", "136.71"),
    ("P99 TTFT (ms)", "288.81"),
    ("-----Time per Output Token (excl. 1st token)------", ""),
    ("Mean TPOT (ms)", "15.96"),
    ("Median TPOT (ms)", "15.90"),
    ("P99 TPOT (ms)", "18.72"),
    ("---------------Inter-token Latency----------------", ""),
    ("Mean ITL (ms)", "15.92"),
    ("Median ITL (ms)", "15.38"),
    ("P99 ITL (ms)", "32.45"),
    ("==================================================", ""),
)
TABLE = "".join(f"{label + ':':<40} {value:<10}\n" if value else f"{label}\n" for label, value in _ROWS)


def line(start_s: float | str, ttft_ms: float, tpot_ms: float | str = 10.0, out: int = 11, ok: int = 1) -> str:
    """One answered request; its end-to-end follows."""
    e2e = ttft_ms + (float(tpot_ms) * (out - 1) if tpot_ms != "" else 0)
    return f"{start_s},{ttft_ms:g},{tpot_ms},{e2e:g},200,{out},{ok}"


def failed_line(start_s: float | str) -> str:
    """One failed request."""
    return f"{start_s},,,,200,,0"


def csv(lines: Iterable[str], wall_s: float = 1767225600.0) -> str:
    """requests/<workload>.csv; the first send is at `logs.T0` unless said otherwise."""
    return "".join(f"{each}\n" for each in [f"# wall={wall_s:.3f} monotonic=3773.928", HEADER, *lines])


def job_log(lines: Sequence[str], wall_s: float = 1767225600.0, before: str = "", count: int | None = None) -> str:
    """A Job's log: clock, table, records; `count` is what the end marker says."""
    answered = sum(each.endswith(",1") for each in lines)
    table = TABLE.format(answered=answered, failed=len(lines) - answered)
    clock = f"# wall={wall_s - 20:.3f} monotonic=3753.928\n"
    end = f"==== end of requests {len(lines) if count is None else count}\n"
    return f"{clock}{before}{table}==== requests\n{csv(lines, wall_s)}{end}"


def with_requests(directory: Path, files: Mapping[str, Iterable[str]], wall_s: float = 1767225600.0) -> Path:
    """A run's directory with the records of these workloads."""
    (directory / "requests").mkdir(parents=True, exist_ok=True)
    for name, lines in files.items():
        (directory / "requests" / f"{name}.csv").write_text(csv(lines, wall_s), encoding="utf-8")
    return directory


def records_of(result: Mapping[str, Any]) -> list[str]:
    """Lines of records by the client's definitions: seconds; latency is the time to the last chunk, and above 0 if ok.

    Before `latencies` were kept, it is the time to the first chunk and all gaps after it, and a request with output
    tokens was ok.
    """
    starts = result.get("start_times")
    lines = []
    for at, (ttft, gaps, out) in enumerate(zip(result["ttfts"], result["itls"], result["output_lens"], strict=True)):
        whole = result["latencies"][at] if "latencies" in result else (ttft + sum(gaps) if out else 0.0)
        start = f"{starts[at] - starts[0]:.3f}" if starts else ""
        tokens = f"{result['input_lens'][at]},{out}"
        if whole <= 0:
            lines.append(f"{start},,,,{tokens},0")
            continue
        tpot = f"{1000 * (whole - ttft) / (out - 1):.4f}" if out > 1 else ""
        lines.append(f"{start},{1000 * ttft:.3f},{tpot},{1000 * whole:.3f},{tokens},1")
    return lines
