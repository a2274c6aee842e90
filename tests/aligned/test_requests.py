"""Requests on the run's axis: workloads, warm-ups, what was cut, of how many nothing is known."""

from __future__ import annotations

import math

import pandas as pd
import pytest
from clients import csv, failed_line, job_log, line, with_requests
from logs import T0, model_loop_run, observed, stamp, write_run

from wva_parse import run
from wva_parse.aligned.offered import offered
from wva_parse.aligned.requests import REQUEST_COLUMNS, make_requests, no_requests
from wva_parse.log.benchmark import Client, Result
from wva_parse.log.requests import records_of_csv

ZERO = pd.Timestamp(T0)
LINES = [line("0", 100), line("30", 200), failed_line("60")]
NO_CLIENT = Client()


def made(files, work=(), client=NO_CLIENT):
    recorded = {name: records_of_csv(csv(lines), f"requests/{name}.csv") for name, lines in files.items()}
    return make_requests(recorded, work, client, ZERO)


def test_by_hand():
    found = made({"load": LINES}, [{"name": "load", "prompts": 3, "sending_s": 90, "start": stamp(0)}])
    assert tuple(found.records.columns) == REQUEST_COLUMNS
    assert found.records["minutes"].tolist() == [0, 0.5, 1]
    assert found.records["answered"].tolist() == [True, True, False]
    (each,) = found.workloads
    assert (each.workload, each.warmup, each.cut, each.recorded, each.unknown) == ("load", False, False, 3, 0)
    assert (each.start_minutes, each.sending_s) == (0, 90)
    assert found.problems == ()


def test_no_records_have_their_columns():
    for found in (no_requests(), made({}), made({"load": []})):
        assert tuple(found.records.columns) == REQUEST_COLUMNS and not len(found.records)
    assert not no_requests().are_known


@pytest.mark.parametrize(
    ("plan", "is_warmup"),
    [
        ({"name": "warmup"}, True),
        ({"name": "Warm-Up"}, True),
        ({"name": "after-warmup-peak"}, False),
        ({"name": "warmup-1"}, False),
        ({"name": "peak", "manifest": "warmup/after-warmup-peak.yaml"}, False),
        ({"name": "first", "manifest": "workloads/sharegpt-load-job-warmup.yaml"}, True),
        ({"name": "peak", "manifest": "workloads/load.yaml"}, False),
    ],
)
def test_a_warm_up_is_known_by_its_name_or_manifest(plan, is_warmup):
    found = made({plan["name"]: LINES}, [plan])
    assert found.records["warmup"].tolist() == [is_warmup] * 3


@pytest.mark.parametrize("plan", [{"result": "cut"}, {"result": "complete", "cut": True}])
def test_of_a_cut_workload_the_planned_prompts_are_unknown(plan):
    found = made({}, [{"name": "peak", "prompts": 4200, "start": stamp(0), **plan}])
    assert [(each.cut, each.recorded, each.unknown) for each in found.workloads] == [(True, 0, 4200)]
    assert math.isnan(found.workloads[0].sending_s)


def test_of_a_workload_that_failed_nothing_is_known_either():
    work = [{"name": "load"}, {"name": "peak", "prompts": 900, "start": stamp(0), "result": "failed"}]
    found = made({"load": LINES}, work)
    assert [(each.workload, each.unknown) for each in found.workloads] == [("load", 0), ("peak", 900)]
    assert found.are_known
    assert not made({}, work).are_known, "a client that never tells single requests"


def test_where_all_failed_or_were_cut_nothing_is_known_of_all_that_was_planned():
    failed = {"name": "load", "prompts": 600, "sending_s": 60, "start": stamp(0), "result": "failed"}
    cut = {**failed, "name": "peak", "prompts": 900, "result": "cut"}
    found = made({}, [failed, {**failed, "name": "b"}])
    assert found.are_known and [each.unknown for each in found.workloads] == [600, 600]
    assert made({}, [failed, cut]).are_known
    assert not made({}, [failed, {**failed, "name": "b", "result": "complete"}]).are_known
    assert not made({}, [{"name": "load", "start": stamp(0), "result": "failed"}]).are_known, "an older run"


def test_records_that_cannot_be_those_of_the_record_are_told():
    plan = {"name": "load", "prompts": 2, "start": stamp(0), "end": stamp(90)}
    found = made({"load": LINES, "other": LINES, "load-1": LINES[:1]}, [plan])
    assert found.problems == (
        "Workload load has 4 records where 2 requests were to be sent",
        "The records of other belong to no workload of run.json",
    )
    assert made({"load": LINES, "other": LINES}).problems == (), "without a record nobody knows"


@pytest.mark.parametrize(
    ("start", "end", "said"),
    [
        (4, 90, ""),
        (6, 90, "6 s before its Job was created"),
        (-90, -4, ""),
        (-90, -6, "6 s after its Job ended"),
        (-90, None, ""),
    ],
)
def test_a_first_request_outside_its_job_tells_that_clocks_differ(start, end, said):
    plan = {"name": "load", "start": stamp(start), "end": None if end is None else stamp(end)}
    problems = made({"load": LINES}, [plan]).problems
    assert len(problems) == bool(said)
    if said:
        assert problems[0].startswith(f"Workload load sent its first request {said}: the clocks")


def test_a_workload_that_never_began_has_sent_nothing():
    assert made({}, [{"name": "peak", "prompts": 4200, "start": None, "result": "cut"}]).workloads == ()


def test_records_of_several_clients_are_of_their_workload():
    files = {"peak-0": LINES, "peak-1": LINES, "peak-10": LINES[:1], "peak": LINES[:2]}
    found = made(files, [{"name": "peak"}, {"name": "peak-10"}])
    assert {each.workload: each.recorded for each in found.workloads} == {"peak": 8, "peak-10": 1}


def test_records_without_a_plan_are_read_all_the_same():
    assert [each.workload for each in made({"a": LINES, "b": LINES}).workloads] == ["a", "b"]


@pytest.mark.parametrize(
    ("plan", "client", "unknown"),
    [
        ({"prompts": 10}, Client(), 7),
        ({}, Client((Result("load", completed=5, failed=2),)), 4),
        ({}, Client((Result("load", completed=2, failed=1, prompts=4),)), 1),
        ({}, Client(), 0),
    ],
    ids=["plan", "table", "start line", "nobody"],
)
def test_what_was_planned_and_has_no_record_is_unknown(plan, client, unknown):
    (each,) = made({"load": LINES}, [{"name": "load", **plan}], client).workloads
    assert each.unknown == unknown


def test_records_are_held_against_the_clients_table():
    found = made({"load": LINES}, client=Client((Result("load", completed=3, failed=1),)))
    assert found.problems == ("requests/load.csv: 2 answered requests, where the client's table counts 3",)


@pytest.mark.parametrize(
    ("lines", "plan", "sending_s"),
    [
        (LINES, {}, 60),
        (LINES, {"sending_s": 90}, 90),
        (LINES, {"sending_s": 50}, 60),  # a client that may not have so many under way sends later
        ([line("", 5)] * 30, {"rate_per_s": 10}, 3),
        ([line("", 5)] * 30, {}, None),
    ],
    ids=["last send", "planned", "late", "no send times", "nothing known"],
)
def test_the_sending_window(lines, plan, sending_s):
    (each,) = made({"load": lines}, [{"name": "load", **plan}]).workloads
    assert each.sending_s == sending_s or (sending_s is None and math.isnan(each.sending_s))


def directory(path, **record):
    runs = [model_loop_run(60 * n, observed(8, 20)) for n in range(3)]
    return write_run(path / "r", *runs, config={}, record=record or None)


def test_a_run_has_the_records_of_its_folder(tmp_path):
    work = [{"name": "load", "prompts": 5, "start": stamp(0), "result": "complete"}]
    work.append({"name": "peak", "prompts": 90, "start": stamp(0), "result": "cut"})
    at = with_requests(directory(tmp_path, workloads=work), {"load": LINES})
    found = run.load(at)
    assert found.requests.records["minutes"].tolist() == [0, 0.5, 1]
    assert [note for note in found.notes if "requests" in note] == [
        "Nothing is known of 2 requests of workload load: their records are missing. They are in no latency and no "
        "share.",
        "Nothing is known of 90 requests of workload peak: it was cut. They are in no latency and no share.",
    ]


def test_load_lies_where_requests_were_sent(tmp_path):
    """Not where the container's first line does: the client's start-up follows it."""
    work = {"rate_per_s": 2, "start": stamp(0), "sending_start": stamp(10), "sending_s": 90, "end": stamp(150)}
    felt, cut = {**work, "name": "felt", "result": "complete"}, {**work, "name": "cut", "result": "cut"}
    at = with_requests(directory(tmp_path, workloads=[felt, cut]), {"felt": LINES}, T0.timestamp() + 40)
    found = list(offered(run.load(at)).spans)
    assert found == [("felt", pytest.approx(40 / 60), pytest.approx(130 / 60), 2), ("cut", 10 / 60, 100 / 60, 2)]


def test_what_never_ran_is_no_load_and_has_no_requests(tmp_path):
    """A Job whose pod fits on no node; a record that does not tell is one of an older run."""
    blocked = {"name": "blocked", "rate_per_s": 9, "prompts": 90, "start": stamp(0), "end": stamp(120), "sending_s": 90}
    blocked |= {"result": "failed", "cut": False}
    never = {**blocked, "running_start": None, "sending_start": None}
    found = run.load(directory(tmp_path, workloads=[never]))
    assert list(offered(found).spans) == []
    assert found.requests.workloads == ()
    found = run.load(directory(tmp_path / "old", workloads=[blocked]))
    assert list(offered(found).spans) == [("blocked", 0, 1.5, 9)]
    ran = {**blocked, "running_start": stamp(30)}
    assert list(offered(run.load(directory(tmp_path / "late", workloads=[ran]))).spans) == [("blocked", 0.5, 2, 9)]


def test_without_times_of_sending_load_lies_where_the_record_says(tmp_path):
    work = {"name": "felt", "rate_per_s": 2, "start": stamp(0), "sending_start": stamp(10), "sending_s": 90}
    at = with_requests(directory(tmp_path, workloads=[work]), {"felt": LINES})
    text = (at / "requests" / "felt.csv").read_text()
    (at / "requests" / "felt.csv").write_text(text.partition("\n")[2])
    assert list(offered(run.load(at)).spans) == [("felt", 10 / 60, 100 / 60, 2)]


def test_records_that_only_the_jobs_log_has_are_read_from_there(tmp_path):
    at = directory(tmp_path)
    (at / "job-logs").mkdir()
    (at / "job-logs" / "load.log").write_text(job_log(LINES, count=4))
    found = run.load(at)
    assert len(found.requests.records) == 3
    assert "job-logs/load.log: 3 requests, where the end marker counts 4." in found.notes


@pytest.mark.parametrize("torn", ["", csv(LINES[:1]), csv(LINES)[:-20]], ids=["empty", "fewer lines", "half a line"])
def test_a_torn_file_does_not_win_over_whole_records_in_the_jobs_log(tmp_path, torn):
    at = directory(tmp_path)
    for folder, name, text in (("job-logs", "load.log", job_log(LINES)), ("requests", "load.csv", torn)):
        (at / folder).mkdir()
        (at / folder / name).write_text(text)
    found = run.load(at)
    assert len(found.requests.records) == 3
    assert "requests/load.csv is not whole: the records are those in job-logs/load.log." in found.notes
    (at / "job-logs" / "load.log").write_text(job_log(LINES).partition("==== end")[0])
    sent = 1 if torn == csv(LINES[:1]) else 3
    assert len(run.load(at).requests.records) == sent, "of what is not whole, the one that is known to lack nothing"


def test_a_run_without_any_has_none(tmp_path):
    found = run.load(directory(tmp_path))
    assert not found.requests.are_known and not len(found.requests.records)


def test_a_torn_file_of_records_is_told_and_no_error(tmp_path):
    at = with_requests(directory(tmp_path), {"load": LINES})
    (at / "requests" / "other.csv").write_bytes(b"\xff\x00,,\n" * 20)
    found = run.load(at)
    assert len(found.requests.records) == 3
    assert any(note.startswith("requests/other.csv:1: ") for note in found.notes)


def test_why_a_job_left_no_result_is_known_from_the_record(tmp_path):
    cut = {"name": "a", "result": "cut", "start": stamp(0)}
    failed = {"name": "b", "result": "failed", "reason": "container c ended with 137 (OOMKilled)", "start": stamp(0)}
    at = directory(tmp_path, workloads=[cut, failed])
    (at / "job-logs").mkdir()
    for name in "ab":
        (at / "job-logs" / f"{name}.log").write_text("Namespace(num_prompts=9)\n")
    assert [each.kind for each in run.load(at).client.without] == ["cut", "signal"]
