"""One line per request, from the detailed result of `vllm bench serve`, for the log of the Job that made it.

Usage: record_requests.py RESULT.json

Runs in the Job's own container after the client, with nothing but Python 3.9 or later. Kubernetes reads a dollar sign
in a variable's value as a reference, and the value of one variable has to fit into 128 KiB: this text has none, and is
short. It never changes the Job's outcome: what cannot be read is said on standard error, with exit status 0.

    ==== requests
    # wall=1767225600.250 monotonic=3773.928      both clocks of this machine at the first send
    start_s,ttft_ms,tpot_ms,e2e_ms,in,out,ok
    0.000,88.71,16.04,762.21,65,43,1
    0.546,,,,294,0,0                              failed: no latencies
    ==== end of requests 2
"""

import json
import sys
import time
from pathlib import Path


def read_result(path):
    """The last of the documents in the file: `--append-result` writes one per line."""
    with path.open(encoding="utf-8") as file:
        lines = [line for line in file if line.strip()]
    result = json.loads(lines[-1]) if lines else {}
    if not all(isinstance(result.get(name), list) for name in ("ttfts", "itls", "input_lens", "output_lens")):
        raise ValueError("it has no list of requests (not made with --save-detailed?)")
    return result


def requests_of(result):
    """Of each request, in order of sending: start or None, TTFT and end-to-end in seconds, tokens in and out, ok."""
    count = len(result["ttfts"])
    starts = result.get("start_times") or [None] * count  # since 0.15.0
    ends = result.get("latencies")  # since 0.30.0
    rows = []
    for number in range(count):
        tokens = result["output_lens"][number] or 0
        first_s = result["ttfts"][number]
        if ends is None:  # what the client computes it from
            end_s, is_answered = first_s + sum(result["itls"][number]), tokens > 0
        else:
            end_s, is_answered = ends[number], ends[number] > 0
        rows.append((starts[number], first_s, end_s, result["input_lens"][number], tokens, is_answered))
    return sorted(rows, key=lambda row: row[0] or 0)


def clocks_at_first_send(result, first, path):
    """Wall clock and monotonic clock when the first request was sent.

    The Python clients since 0.15.0 tell it on the monotonic clock. Others tell it from the start of the benchmark (the
    Rust client) or not at all: there the end is when the file was written, and the first send about the start.
    """
    wall, monotonic = time.time(), time.monotonic()
    is_monotonic = first is not None and "steady_state" not in result
    since_s = monotonic - first if is_monotonic else wall - path.stat().st_mtime + result["duration"] - (first or 0)
    return wall - since_s, monotonic - since_s


def ms(seconds):
    """Milliseconds with four digits or more, and three decimals at most."""
    value = seconds * 1000
    decimals = 3 if value < 10 else 2 if value < 1000 else 1
    return f"{value:.{decimals}f}"


def block_of(path):
    """All lines of the block."""
    result = read_result(path)
    rows = requests_of(result)
    first = rows[0][0] if rows else None
    wall, monotonic = clocks_at_first_send(result, first, path)
    lines = [
        "==== requests",
        f"# wall={wall:.3f} monotonic={monotonic:.3f}",
        "start_s,ttft_ms,tpot_ms,e2e_ms,in,out,ok",
    ]
    for start, first_s, end_s, tokens_in, tokens_out, is_answered in rows:
        latencies = ["", "", ""]
        if is_answered:
            per_token = ms((end_s - first_s) / (tokens_out - 1)) if tokens_out > 1 else ""
            latencies = [ms(first_s), per_token, ms(end_s)]
        start_s = "" if start is None else f"{start - first:.3f}"
        lines.append(",".join([start_s, *latencies, str(tokens_in), str(tokens_out), str(int(is_answered))]))
    return [*lines, f"==== end of requests {len(rows)}"]


def main():
    path = Path(sys.argv[1])
    try:
        lines = block_of(path)
    except Exception as error:  # whatever is in the file: the load was sent, and its table stands above
        print(f"no records of requests: {path}: {type(error).__name__}: {error}", file=sys.stderr)
        return
    print("\n".join(lines), flush=True)


if __name__ == "__main__":
    main()
