"""Result blocks of vLLM's benchmark in Job logs."""

from __future__ import annotations

import pytest

from wva_parse.log.benchmark import Result, last_result, parse_results

BLOCK = """\
 50%|█████     | 2100/4200 [03:30<03:30, 10.0it/s]\r100%|██████████| 4200/4200 [07:00<00:00, 10.0it/s]
tip: install termplotlib and gnuplot to plot the metrics
============ Serving Benchmark Result ============
Successful requests:                     4190
Failed requests:                         10
Request rate configured (RPS):           10.00
Benchmark duration (s):                  421.50
Total input tokens:                      900000
Something a newer release prints:        7
---------------Time to First Token----------------
Mean TTFT (ms):                          30.50
P99 TTFT (ms):                           95.00
==================================================
"""


def test_a_block_is_read_by_its_labels():
    (result,) = parse_results("load", BLOCK)
    assert result == Result(
        "load",
        completed=4190,
        failed=10,
        rate_per_s=10,
        duration_s=421.5,
        input_tokens=900000,
        mean_ttft_ms=30.5,
        p99_ttft_ms=95,
    )


@pytest.mark.parametrize("text", ["", "no block\n", BLOCK[: BLOCK.rindex("====")]], ids=["empty", "none", "half"])
def test_no_whole_block_is_no_result(text):
    assert parse_results("load", text.rstrip("=")) == []


def test_values_that_are_no_numbers_are_unknown():
    text = BLOCK.replace("30.50", "nan?").replace("10.00", "inf").replace("95.00", "nan")
    (result,) = parse_results("load", text)
    assert result.mean_ttft_ms is None and result.rate_per_s is None and result.p99_ttft_ms is None


def test_the_last_block_of_a_log_counts():
    last = last_result("a", BLOCK + BLOCK.replace("4190", "4200"))
    assert last and last.completed == 4200
    assert last_result("b", "\ufffd\ufffd torn") is None
