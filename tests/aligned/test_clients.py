"""Results of several clients in one, against numbers worked by hand."""

from __future__ import annotations

import json
import math

import numpy as np
import pandas as pd
import pytest
from clients import csv, failed_line, job_log, line
from hypothesis import given
from hypothesis import strategies as st
from logs import T0

from wva_parse import run
from wva_parse.aligned.clients import Name, merge_clients, name_of, partial_results, reason_of
from wva_parse.aligned.requests import make_requests
from wva_parse.log.benchmark import Client, Result, Without
from wva_parse.log.requests import records_of_csv
from wva_parse.measures.client import cap_of, summarize_client

WALL_S = 1767225600.0
THREE = [{"name": "load", "clients": 3}]


def records(**files):
    """By client, `c0` the first."""
    return {f"load.client-{name[1:]}": records_of_csv(csv(*of), "load.csv") for name, of in files.items()}


def one(number, **values):
    return Result(f"load.client-{number}", **values)


def merged(results, recorded=None, works=THREE, without=()):
    found = merge_clients(Client(tuple(results), tuple(without)), recorded or {}, works)
    return found


def test_whose_a_file_is():
    assert name_of("load") == Name("load", None)
    assert name_of("load-2") == Name("load-2", None)
    assert name_of("load.client-12") == Name("load", 12)


def test_counts_and_throughputs_are_summed_and_means_weighted_by_what_they_are_of():
    few = {
        "completed": 100,
        "failed": 3,
        "rate_per_s": 5,
        "throughput_per_s": 4.5,
        "output_tokens": 1000,
        "prompts": 105,
    }
    many = {
        "completed": 300,
        "failed": 1,
        "rate_per_s": 5,
        "throughput_per_s": 4.9,
        "output_tokens": 9000,
        "prompts": 301,
    }
    first = one(
        0, **few, mean_ttft_ms=50, mean_tpot_ms=30, mean_itl_ms=30, duration_s=22, p99_ttft_ms=90, peak_concurrency=7
    )
    second = one(
        1, **many, mean_ttft_ms=10, mean_tpot_ms=10, mean_itl_ms=10, duration_s=61, p99_ttft_ms=20, peak_concurrency=9
    )
    (found,) = merged([first, second]).results
    assert (found.job, found.completed, found.failed, found.rate_per_s, found.prompts) == ("load", 400, 4, 10, 406)
    assert (found.throughput_per_s, found.output_tokens, found.duration_s, found.lost) == (
        pytest.approx(9.4),
        10000,
        61,
        2,
    )
    assert (found.mean_ttft_ms, found.mean_tpot_ms) == (20, 15)  # 100 and 300 answered requests
    assert found.mean_itl_ms == 12  # 1000 and 9000 tokens
    assert (found.p99_ttft_ms, found.peak_concurrency) == (None, None), "listed, never averaged or summed"
    assert [each.p99_ttft_ms for each in found.clients] == [90, 20]


def test_what_one_does_not_tell_is_not_told_of_all():
    (found,) = merged([one(0, completed=5, input_tokens=7), one(1, completed=6)]).results
    assert (found.completed, found.input_tokens) == (11, None)


def test_percentiles_are_those_of_the_requests_of_all():
    tables = [
        one(number, completed=3, median_ttft_ms=1, p99_ttft_ms=1, p99_itl_ms=8, more={"p90_tpot_ms": 1.0})
        for number in (0, 1)
    ]
    first, second = [line(0, 10), line(1, 20), line(2, 30)], [line(0, 40), line(1, 50, tpot_ms=20.0), failed_line(2)]
    (found,) = merged(tables, records(c0=(first,), c1=(second,))).results
    assert found.median_ttft_ms == 30
    assert found.p99_ttft_ms == pytest.approx(40 + 0.96 * 10)  # 99 % of the way from the first of five to the last
    assert found.more == {"p90_tpot_ms": pytest.approx(10 + 0.6 * 10)}
    assert found.p99_itl_ms is None, "no record has gaps"


def test_without_the_records_of_one_no_percentile_is_made_up():
    tables = [one(number, completed=1, median_ttft_ms=5) for number in (0, 1)]
    (found,) = merged(tables, records(c0=([line(0, 10)],))).results
    assert found.median_ttft_ms is None
    assert [each.median_ttft_ms for each in found.clients] == [5, 5]


def test_it_lasts_from_the_first_request_of_any_client_to_the_last_answer():
    tables = [one(number, completed=1, duration_s=30) for number in (0, 1)]
    early, late = ([line(0, 1000, tpot_ms=0)],), ([line(0, 1000, tpot_ms=0), line(20, 2000, tpot_ms=0)], WALL_S + 25)
    (found,) = merged(tables, records(c0=early, c1=late)).results
    assert found.duration_s == 47  # 25 + 20 + 2
    (found,) = merged(tables, records(c0=early)).results
    assert found.duration_s == 30


def test_reasons_are_counted_together():
    tables = [one(0, reasons=(("a", 1), ("b", 4))), one(1, reasons=(("a", 5),))]
    assert merged(tables).results[0].reasons == (("a", 6), ("b", 4))


def test_other_workloads_stay_as_they_are_and_in_their_order():
    a, b = Result("a", completed=1), Result("z", completed=2)
    found = merged([a, one(10, completed=1), one(2, completed=1), b], works=[]).results
    assert [each.job for each in found] == ["a", "load", "z"]
    assert (found[0], found[2]) == (a, b)
    assert [each.job for each in found[1].clients] == ["load.client-2", "load.client-10"]


@given(st.lists(st.lists(st.floats(1, 1000), min_size=1, max_size=30), min_size=1, max_size=5))
def test_clients_are_as_one_that_has_sent_all(parts):
    """The law: what is merged of the parts is what one client would have printed of the whole."""

    def table(number, ttfts):
        return one(
            number,
            completed=len(ttfts),
            mean_ttft_ms=float(np.mean(ttfts)),
            p99_ttft_ms=float(np.percentile(ttfts, 99)),
        )

    files = {
        f"c{number}": ([f"{at},{ttft!r},1,2000,1,2,1" for at, ttft in enumerate(part)],)
        for number, part in enumerate(parts)
    }
    (found,) = merged([table(number, part) for number, part in enumerate(parts)], records(**files)).results
    whole = table(0, [ttft for part in parts for ttft in part])
    assert found.completed == whole.completed
    assert found.mean_ttft_ms == pytest.approx(whole.mean_ttft_ms)
    assert found.p99_ttft_ms == pytest.approx(whole.p99_ttft_ms)


# --- clients without a result


def test_those_that_left_none_are_listed_with_what_is_known():
    found = merged([one(0, completed=5)], without=[Without("load.client-1", "signal", "it was ended by a signal")])
    assert [(each.job, each.why) for each in found.without] == [
        ("load.client-1", "it was ended by a signal"),
        ("load.client-2", "its log is missing"),
    ]
    assert list(partial_results(found, THREE)) == [
        "Workload load: results of 1 of 3 clients (client 1: it was ended by a signal; client 2: its log is missing)"
    ]


def test_a_workload_of_which_no_client_left_one_is_listed_once():
    same = [Without(f"load.client-{number}", "cut", "it was cut") for number in range(3)]
    assert merged([], without=same).without == (Without("load", "cut", "it was cut"),)
    other = [*same[:2], Without("load.client-2", "exception", "it ended with an exception")]
    (found,) = merged([], without=other).without
    assert (found.job, found.why) == ("load", "client 0, 1: it was cut; client 2: it ended with an exception")
    assert list(partial_results(merged([], without=same), THREE)) == []


def test_all_results_are_no_news():
    found = merged([one(number, completed=1) for number in range(3)])
    assert list(partial_results(found, THREE)) == []
    assert list(partial_results(merged([Result("load", completed=1)], works=[]), [{"name": "load"}])) == []


def test_what_a_reason_says_of_a_client():
    reason = "BackoffLimitExceeded: Job has; client 0, 12: container c ended with 1 (Error); client 2: ErrImagePull: x"
    assert reason_of(Name("load", 12), reason) == "client 0, 12: container c ended with 1 (Error)"
    assert reason_of(Name("load", 1), reason) == ""
    assert reason_of(Name("load"), reason) == reason


# --- caps and the summary


def test_each_client_has_a_cap_of_its_own():
    at = {"completed": 1, "failed": 0, "rate_per_s": 20}
    full = one(0, max_concurrency=64, peak_concurrency=90, **at)
    free = one(1, max_concurrency=64, peak_concurrency=10, **at)
    (found,) = merged([full, free]).results
    assert (cap_of(found), found.max_concurrency) == ("reached", 128)
    (found,) = merged([free, free]).results
    assert cap_of(found) == "not reached"


def test_the_summary_has_a_job_per_workload_and_its_clients_in_it():
    client = merged(
        [one(0, completed=2, failed=0), one(1, completed=3, failed=0), Result("single", completed=1, failed=0)]
    )
    found = summarize_client(client)
    assert found
    load, single = found["jobs"]
    assert (load["job"], load["completed"], load["sent"]) == ("load", 5, 5)
    assert [(each["job"], each["completed"]) for each in load["clients"]] == [
        ("load.client-0", 2),
        ("load.client-1", 3),
    ]
    assert "clients" not in single and "clients" not in load["clients"][0]
    assert (found["completed"], found["sent"]) == (6, 6)


# --- records


def test_requests_of_all_clients_are_one_stream_in_the_order_of_sending():
    late = WALL_S + 1.5
    found = make_requests(
        records(c0=([line(0, 10), line(2, 30)], WALL_S), c1=([line(0, 20), line(3, 40)], late)),
        [{**THREE[0], "prompts": 6, "sending_s": 3, "start": "2026-01-01T00:00:00Z"}],
        Client(),
        pd.Timestamp(T0),
    )
    frame = found.records
    assert frame["start_s"].tolist() == [0, 1.5, 2, 4.5]
    assert frame["ttft_ms"].tolist() == [10, 20, 30, 40]
    assert set(frame["workload"]) == {"load"}
    (sent,) = found.workloads
    assert (sent.recorded, sent.unknown, sent.sending_s) == (4, 2, 4.5)


def test_where_a_clock_is_missing_each_client_counts_for_itself():
    bare = records_of_csv("\n".join([line(0, 10), line(2, 30)]), "load.csv")
    found = make_requests({"load.client-0": bare, "load.client-1": bare}, THREE, Client(), pd.Timestamp(T0))
    assert found.records["start_s"].tolist() == [0, 2, 0, 2]
    assert found.records["minutes"].isna().all()


def test_without_a_record_of_the_run_clients_are_of_one_workload_all_the_same():
    found = make_requests(records(c0=([line(0, 10)],), c1=([line(0, 20)],)), [], Client(), pd.Timestamp(T0))
    assert [(each.workload, each.recorded) for each in found.workloads] == [("load", 2)]


def test_a_runs_directory_is_read_so(tmp_path):
    for folder in ("job-logs", "requests"):
        (tmp_path / folder).mkdir()
    for number in (0, 1):
        lines = [line(0, 10 + number), failed_line(1)]
        (tmp_path / "job-logs" / f"load.client-{number}.log").write_text(job_log(lines), encoding="utf-8")
        (tmp_path / "requests" / f"load.client-{number}.csv").write_text(csv(lines), encoding="utf-8")
    (tmp_path / "job-logs" / "load.client-2.log").write_text("", encoding="utf-8")
    work = {**THREE[0], "result": "failed", "reason": "client 2: container bench ended with 137 (OOMKilled)"}
    (tmp_path / "run.json").write_text(json.dumps({"workloads": [work]}), encoding="utf-8")
    printed, recorded = run.read_client(tmp_path / "job-logs", {"workloads": [work]}), run.read_records(tmp_path)
    found = merge_clients(printed, recorded, [work])
    (result,) = found.results
    assert (result.job, result.completed, result.failed) == ("load", 2, 2)
    assert result.median_ttft_ms == 10.5
    assert [each.job for each in found.without] == ["load.client-2"]
    assert "SIGKILL" in found.without[0].why
    assert not math.isnan(result.mean_ttft_ms or math.nan)
