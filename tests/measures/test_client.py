"""The clients' side of a run, against means worked by hand."""

from __future__ import annotations

from dataclasses import replace

import pytest

from wva_parse.log.benchmark import Client, Result, Without
from wva_parse.measures.client import cap_of, summarize_client, weighted_mean


def test_means_are_weighted_by_answered_requests_and_percentiles_only_listed():
    results = (
        Result("a", completed=300, failed=1, mean_ttft_ms=10, p99_ttft_ms=20),
        Result("b", completed=100, mean_ttft_ms=50, p99_ttft_ms=90),
        Result("c", completed=100),
    )
    assert weighted_mean(results, "mean_ttft_ms") == 20
    assert weighted_mean(results, "mean_itl_ms") is None
    found = summarize_client(Client(results, (Without("d", "signal", "it was ended by a signal"),)))
    assert found and (found["completed"], found["failed"], found["mean_ttft_ms"]) == (500, 1, 20)
    assert "p99_ttft_ms" not in found
    assert [job["p99_ttft_ms"] for job in found["jobs"]] == [20, 90, None]
    assert found["without_result"] == ["d"]
    assert found["without_reasons"] == {"d": "it was ended by a signal"}


def test_all_numbers_of_a_job_stand_side_by_side():
    result = Result(
        "a", completed=7, failed=2, prompts=10, more={"p90_ttft_ms": 4.5}, reasons=(("Too Many Requests", 2),)
    )
    found = summarize_client(Client((result,)))
    assert found and found["lost"] == 1
    (job,) = found["jobs"]
    assert (job["p90_ttft_ms"], job["lost"], job["prompts"]) == (4.5, 1, 10)
    assert job["reasons"] == [{"reason": "Too Many Requests", "count": 2}]
    assert not {"more", "without"} & job.keys()


def test_no_job_logs_are_none():
    assert summarize_client(Client()) is None


def test_a_mean_over_tokens_is_weighted_by_them():
    few = Result("a", completed=300, output_tokens=1000, mean_ttft_ms=10, mean_itl_ms=10)
    many = Result("b", completed=100, output_tokens=3000, mean_ttft_ms=50, mean_itl_ms=50)
    none = Result("c", completed=0, failed=9)
    assert weighted_mean((few, many, none), "mean_itl_ms") == (1000 * 10 + 3000 * 50) / 4000
    assert weighted_mean((few, many, none), "mean_ttft_ms") == (300 * 10 + 100 * 50) / 400
    # Of a client that does not print its tokens nothing better is known.
    assert weighted_mean((few, replace(many, output_tokens=None)), "mean_itl_ms") == 20


@pytest.mark.parametrize(
    ("told", "cap"),
    [
        ({"max_concurrency": 512, "peak_concurrency": 584, "rate_per_s": 20}, "reached"),
        # Requests that touch a second: 511 in flight and some of the next 20 make 520 without any wait.
        ({"max_concurrency": 512, "peak_concurrency": 520, "rate_per_s": 20}, "may have been reached"),
        ({"max_concurrency": 512, "peak_concurrency": 511, "rate_per_s": 20}, "not reached"),
        ({"max_concurrency": 512, "peak_concurrency": 512}, "reached"),  # as fast as it can
        ({"max_concurrency": 512, "rate_per_s": 20}, None),
        ({"peak_concurrency": 584, "rate_per_s": 20}, None),
        ({"max_concurrency": 100, "peak_concurrency": 100, "prompts": 100}, None),  # no cap at all
        ({"max_concurrency": 8, "peak_concurrency": 9, "more": {"mean_client_queue_time_ms": 3253.7}}, "reached"),
        ({"max_concurrency": 8, "peak_concurrency": 9, "more": {"mean_client_queue_time_ms": 0.1}}, "not reached"),
    ],
)
def test_whether_the_cap_of_concurrent_requests_was_reached(told, cap):
    assert cap_of(Result("a", **told)) == cap


def test_the_jobs_at_their_cap_are_listed():
    at = {"completed": 1, "failed": 0, "max_concurrency": 512, "rate_per_s": 20}
    results = (
        Result("reached", peak_concurrency=584, **at),
        Result("perhaps", peak_concurrency=520, **at),
        Result("below", peak_concurrency=511, **at),
    )
    found = summarize_client(Client(results))
    assert found and (found["capped"], found["perhaps_capped"], found["sent"]) == (["reached"], ["perhaps"], 3)
    assert [job["sent"] for job in found["jobs"]] == [1, 1, 1]


def test_requests_that_were_sent_are_those_that_were_to_be():
    told = Result("a", completed=5, failed=2, prompts=9)
    found = summarize_client(Client((told, Result("b", completed=1))))
    assert found and found["sent"] is None  # of the second nobody knows
    assert summarize_client(Client((told,)))["sent"] == 9
