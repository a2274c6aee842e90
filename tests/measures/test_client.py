"""The clients' side of a run, against means worked by hand."""

from __future__ import annotations

from wva_parse.log.benchmark import Client, Result
from wva_parse.measures.client import summarize_client, weighted_mean


def test_means_are_weighted_by_answered_requests_and_percentiles_only_listed():
    results = (
        Result("a", completed=300, failed=1, mean_ttft_ms=10, p99_ttft_ms=20),
        Result("b", completed=100, mean_ttft_ms=50, p99_ttft_ms=90),
        Result("c", completed=100),
    )
    assert weighted_mean(results, "mean_ttft_ms") == 20
    assert weighted_mean(results, "mean_itl_ms") is None
    found = summarize_client(Client(results, ("d",)))
    assert found and (found["completed"], found["failed"], found["mean_ttft_ms"]) == (500, 1, 20)
    assert "p99_ttft_ms" not in found
    assert [job["p99_ttft_ms"] for job in found["jobs"]] == [20, 90, None]
    assert found["without_result"] == ["d"]


def test_no_job_logs_are_none():
    assert summarize_client(Client()) is None
