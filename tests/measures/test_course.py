"""Loads that ran otherwise than planned."""

from __future__ import annotations

import pytest
from logs import model_loop_run, observed, stamp, write_run

from wva_parse import run
from wva_parse.measures.course import course_finding, deviations
from wva_parse.measures.summary import summarize


def work(name, planned_s, sends_from_s, ends_s=None, **more):
    """A workload that is to send for 60 s."""
    return {
        "name": name,
        "how": "parallel",
        "result": "complete",
        "rate_per_s": 5,
        "start": stamp(0),
        "planned_start_s": planned_s,
        "sending_start": stamp(sends_from_s),
        "sending_s": 60,
        "end": stamp(sends_from_s + 60 if ends_s is None else ends_s),
        **more,
    }


def made(directory, *works):
    runs = [model_loop_run(60 * n, observed(8, 20)) for n in range(3)]
    return run.load(write_run(directory, *runs, config={}, record={"workloads": list(works)}))


@pytest.mark.parametrize(
    ("second", "said"),
    [
        (work("second", 60, 100), ""),  # 5 s later than planned after the first, which began 35 s after its Job
        (work("second", 60, 101), "Workload second began to send 6 s later after first than planned"),
        (work("second", 60, 80), "Workload second began to send 15 s sooner after first than planned"),
        (work("second", 60, 900, how="sequential"), ""),
        (work("second", 60, 95, ends_s=145), "Workload second sent for 50 s instead of 60"),
        (work("second", 60, 95, ends_s=200), ""),  # what comes after the planned time are answers
        (
            work("second", 60, 105, ends_s=150),
            "Workload second began to send 10 s later after first than planned and sent for 45 s instead of 60",
        ),
        (work("second", 60, 200, result="failed"), ""),  # told elsewhere
    ],
)
def test_a_workload_that_ran_otherwise_is_told(tmp_path, second, said):
    found = list(course_finding(made(tmp_path, second, work("first", 0, 35))))
    assert found == ([f"{said}: the load did not have its planned course."] if said else [])


def test_of_a_long_workload_five_percent_are_allowed(tmp_path):
    long = {"sending_s": 600}
    works = [work("first", 0, 0, ends_s=600, **long), work("second", 60, 89, ends_s=700, **long)]
    assert list(deviations(made(tmp_path / "a", *works))) == []
    works[1]["sending_start"] = stamp(91)
    assert [each.late_s for each in deviations(made(tmp_path / "b", *works))] == [pytest.approx(31)]


def test_a_comparison_names_such_runs(tmp_path):
    summary = summarize(made(tmp_path, work("first", 0, 35), work("second", 60, 101)))
    assert summary["findings"][-1].startswith("Workload second began to send 6 s later")
    assert [each["workload"] for each in summary["course"]] == ["second"]
