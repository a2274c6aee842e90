"""Result blocks of vLLM's benchmark in Job logs."""

from __future__ import annotations

import pytest
from clients import TABLE
from hypothesis import given
from hypothesis import strategies as st

from wva_parse.log.benchmark import (
    LABELS,
    LATENCIES,
    NO_REASON,
    Result,
    last_result,
    parse_results,
    without_result,
)

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
        more={"Something a newer release prints": 7},
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


# --- every release's labels, and what may be in their way


@pytest.mark.parametrize("row", LABELS, ids=lambda row: row.label)
def test_each_label_fills_its_field(row):
    result = last_result("a", TITLE + f"{row.label + ':':<40} {'4.50':<10}\n" + RULER)
    assert result and getattr(result, row.field) == 4.5


@pytest.mark.parametrize("row", LATENCIES, ids=lambda row: row.label)
@pytest.mark.parametrize("statistic", ["Mean", "Median", "P99", "P99.9"])
def test_each_latency_has_its_statistics(row, statistic):
    result = last_result("a", TITLE + f"{statistic} {row.label} (ms):     4.50\n" + RULER)
    field = f"{statistic.lower()}_{row.field}_ms"
    assert result and (getattr(result, field, None) or result.more.get(field)) == 4.5


TITLE, RULER = "============ Serving Benchmark Result ============\n", "=" * 50 + "\n"
PLAIN = TABLE.format(answered=97, failed=23)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda line: f"\x1b[32m{line}\x1b[0m",
        lambda line: f"\x1b[0;36m(Bench pid=6809)\x1b[0m {line}",
        lambda line: f"100%|██████████| 90/90 [00:16<00:00,  5.4it/s]{line}",
        lambda line: f" 50%|█████     | 45/90\r100%|██████████| 90/90\r{line}",
        lambda line: f"WARNING 11-25 23:25:57 [serve.py:20] slow: 12 s left{line}",
        lambda line: f"{line}INFO 11-25 23:25:57 [serve.py:20] saved",
        lambda line: f"{line}\r",
        lambda line: f"\ufffd\ufffd{line}",
    ],
    ids=["coloured", "prefixed", "progress", "carriage", "record before", "record behind", "crlf", "torn"],
)
def test_what_is_glued_to_a_line_of_the_table_does_no_harm(spoil):
    spoilt = "\n".join(spoil(line) for line in PLAIN.splitlines())
    assert last_result("a", spoilt) == last_result("a", PLAIN)


@given(st.text(), st.text())
def test_any_text_around_a_table_leaves_its_numbers(before, after):
    result = last_result("a", f"{before}\n{PLAIN}{after}")
    assert result is not None
    if "Serving Benchmark Result" not in before + after:
        assert (result.completed, result.p99_itl_ms) == (97, 32.45)


@given(st.text(alphabet=st.sampled_from("=- SERVINGBenchmark Result()Error:\n\r\x1b[0m123.Traceback")))
def test_any_log_is_read(text):
    parse_results("a", text)
    assert without_result("a", text).why


# --- counts


@pytest.mark.parametrize(
    ("start", "table", "failed", "lost"),
    [
        ("Namespace(seed=42, num_prompts=100, x='y')\n", "Successful requests: 97\nFailed requests: 1\n", 1, 2),
        ("WARNING gluedNamespace(num_prompts=100)\n", "Successful requests: 97\n", 3, 0),
        (
            "x \x1b[3mgenerated benchmark dataset \x1b[3mprompts\x1b[0m\x1b[2m=\x1b[0m100 s=1\n",
            "Successful requests: 97\n",
            3,
            0,
        ),
        ("", "Successful requests: 97\n", None, None),
        ("Namespace(num_prompts=50)\n", "Successful requests: 97\nFailed requests: 1\n", 1, 0),
    ],
    ids=["all three", "0.11", "rust", "none", "more than told"],
)
def test_what_is_neither_answered_nor_failed_is_told(start, table, failed, lost):
    result = last_result("a", start + TITLE + table + RULER)
    assert result and (result.failed, result.lost) == (failed, lost)


def test_of_appended_results_each_has_its_own_prompts():
    one, other = (f"Namespace(num_prompts={n})\n{TITLE}Successful requests: {n}\n{RULER}" for n in (10, 20))
    assert [result.prompts for result in parse_results("a", one + other)] == [10, 20]


def test_where_nothing_was_answered_there_is_no_latency():
    text = TABLE.format(answered=0, failed=4200).replace("146.31", "0.00")
    result = last_result("a", text)
    assert result and (result.completed, result.failed) == (0, 4200)
    assert result.mean_ttft_ms is None and result.p99_itl_ms is None and result.median_tpot_ms is None
    assert not result.more


def test_a_table_that_breaks_off_before_a_whole_one_is_skipped():
    (result,) = parse_results("a", PLAIN[: len(PLAIN) // 2] + "\n" + PLAIN.replace("97 ", "98 "))
    assert result.completed == 98


def test_what_a_later_part_of_the_table_repeats_is_kept_apart():
    part = "-------Steady State-------\nMean TTFT (ms):      7.00\n"
    result = last_result("a", PLAIN.replace(RULER, part + RULER))
    assert result and (result.mean_ttft_ms, dict(result.more)) == (146.31, {"Steady State: Mean TTFT (ms)": 7})


# --- reasons


LISTED = """\
Failed requests during benchmark run detected (capping to 10):
Error 0: Traceback (most recent call last):
  File "x.py", line 1, in post
aiohttp.http_exceptions.TransferEncodingError: 400, message:
  Not enough data to satisfy transfer length header.

The above exception was the direct cause of the following exception:

Traceback (most recent call last):
  File "y.py", line 2, in read
aiohttp.client_exceptions.ClientPayloadError: Response payload is not completed

Error 1: Too Many Requests
Error 2:
Error 3: Too Many Requests
Error 4: Traceback (most recent call last):
  File "z.py", line 3, in wait
asyncio.exceptions.TimeoutError

tip: install termplotlib and gnuplot to plot the metrics
"""


def test_reasons_are_the_last_exception_or_the_phrase_and_may_be_empty():
    result = last_result("a", LISTED + PLAIN)
    assert result and result.reasons == (
        ("Too Many Requests", 2),
        ("ClientPayloadError: Response payload is not completed", 1),
        (NO_REASON, 1),
        ("TimeoutError", 1),
    )


def test_a_list_of_an_earlier_result_is_not_the_last_ones():
    result = last_result("a", LISTED + PLAIN + PLAIN)
    assert result and result.reasons == ()


def test_a_long_reason_is_shortened():
    result = last_result("a", f"Failed requests during benchmark run detected\nError 0: {'x' * 500}\n" + PLAIN)
    assert result and len(result.reasons[0][0]) == 160


# --- no result


@pytest.mark.parametrize(
    ("text", "told", "kind", "said"),
    [
        ("RuntimeError: Failed to infer device type, please set", "", "no device", "without a GPU"),
        ("vllm: error: unrecognized arguments: --num-warmup", "", "unknown option", "--num-warmup"),
        ("\x1b[1merror:\x1b[0m unexpected argument '--x' found", "", "unknown option", "'--x'"),
        ("ValueError: Initial test run failed - Please make sure", "", "ready check", "Initial test run failed"),
        ("Error: Endpoint not ready after 15s", "", "ready check", "15s"),
        ("All requests failed. This is likely due to", "", "all failed", "all requests failed"),
        ("Namespace(num_prompts=9)", "container c ended with 143 (Error)", "signal", "(SIGTERM) with exit status 143"),
        ("", "container c ended with 137 (OOMKilled)", "signal", "SIGKILL"),
        ("a\nKeyboardInterrupt\nUnclosed connector\n", "", "signal", "SIGINT"),
        (PLAIN[:300], "", "broken off", "only a part of its table"),
        (PLAIN[300:], "", "broken off", "only a part of its table"),
        ("Traceback\nOSError: no space left\n", "container c ended with 1 (Error)", "exception", "no space left"),
        ("Starting...", "container c ended with 3 (Error)", "unknown", "with exit status 3"),
        ("", "", "unknown", "printed no result"),
    ],
)
def test_why_there_is_no_result(text, told, kind, said):
    assert last_result("a", text) is None
    found = without_result("a", text, told)
    assert found.kind == kind
    assert said in found.why


@pytest.mark.parametrize(
    ("text", "tool"),
    [
        ("Statistics summary:\nruntime_sec = 215.810\nrequests_per_sec = 0.769\n", "vLLM's multi-turn benchmark"),
        ("ℹ Server Throughput Statistics\n|=====|\n", "guidellm"),
        ("Benchmarks Metadata:\n    Run id: 1\n", "guidellm"),
        ("2026-01-01 - inference_perf - INFO - Report saved to: summary_lifecycle_metrics.json\n", "inference-perf"),
        ("Backend:                                 sglang-oai\nTraffic request rate:  32.0\n", "sglang"),
    ],
)
def test_the_result_of_another_tool_is_named(text, tool):
    found = without_result("a", text)
    assert (found.kind, found.why.startswith(f"its result is one of {tool}, ")) == ("other tool", True)


def test_a_table_of_sglang_is_read_by_its_labels_and_named():
    table = """============ Serving Benchmark Result ============
Backend:                                 sglang-oai
Traffic request rate:                    5.0
Max request concurrency:                 not set
Successful requests:                     300
Benchmark duration (s):                  61.20
Total input tokens:                      9000
Total generated tokens:                  60000
---------------Time to First Token----------------
Mean TTFT (ms):                          41.50
==================================================
"""
    result = last_result("job", table)
    assert (result.tool, result.completed, result.mean_ttft_ms) == ("sglang bench_serving", 300, 41.5)
    assert last_result("job", table.replace("Backend:                                 sglang-oai\n", "")).tool == ""
    of_vllm = last_result("job", table.replace("sglang-oai", "vllm"))
    assert of_vllm.tool == "sglang bench_serving"


@pytest.mark.parametrize(
    ("text", "told", "kind"),
    [
        ("guidellm benchmark run\nRuntimeError: Backend validation failed\n", "", "exception"),
        ("guidellm benchmark run\n", "container c ended with 137 (OOMKilled)", "signal"),
        ("guidellm benchmark run\n", "", "other tool"),
    ],
)
def test_that_a_tool_is_named_is_no_result_of_it(text, told, kind):
    found = without_result("a", text, told)
    assert (found.kind, "its result is" in found.why) == (kind, False)
