"""The load that was offered: from the record, or rebuilt from the config's schedule and the Jobs' logs."""

from __future__ import annotations

import math

import pytest
from captured import HIGH, captured, needs_captured
from logs import model_loop_run, observed, stamp, write_run

from wva_parse import run
from wva_parse.aligned.offered import REBUILT, Span, offered

SCHEDULE = [
    {"name": "one", "job_manifest": "../w/sharegpt-load-job-high-20.yaml", "start_delay": 0, "duration": 900},
    {"name": "two", "job_manifest": "../w/sharegpt-load-job-high-30.yaml", "start_delay": 120, "duration": 900},
]


def result(rate: float, prompts: int) -> str:
    return (
        "============ Serving Benchmark Result ============\n"
        f"Successful requests:                     {prompts}\n"
        f"Request rate configured (RPS):           {rate:.2f}\n"
        "Benchmark duration (s):                  908.55\n"
        "==================================================\n"
    )


def made(directory, schedule=SCHEDULE, **logs) -> run.Experiment:
    rates = (0, 300, 600, 600)
    runs = [model_loop_run(60 * n, observed(8, 20, rate_per_min=rate)) for n, rate in enumerate(rates)]
    at = write_run(directory, *runs, config={"workloads": schedule})
    (at / "job-logs").mkdir()
    for name, (rate, prompts) in logs.items():
        (at / "job-logs" / f"{name.replace('_', '-')}.log").write_text(result(rate, prompts))
    return run.load(at)


JOBS = {"vllm_bench_sharegpt_load_high_20_x1": (20, 18000), "vllm_bench_sharegpt_load_high_30_x2": (30, 13500)}


def test_it_is_rebuilt_from_schedule_and_job_logs_beginning_with_the_first_load(tmp_path):
    found = offered(made(tmp_path, **JOBS))
    assert (found.source, found.is_demand) == (REBUILT, True)
    # In the minute before the first load was seen 5 per second were answered, a quarter of what the first workload
    # sends: it began 15 s before. 18,000 at 20 per second are the planned 900 s; 13,500 at 30 only 450 s.
    assert found.spans == (Span("one", -0.25, 14.75, 20), Span("two", 1.75, 9.25, 30))


def test_it_is_not_rebuilt_without_the_log_of_every_workload(tmp_path):
    assert offered(made(tmp_path / "a", **dict(list(JOBS.items())[:1]))) == ((), "")
    twice = [SCHEDULE[0], {**SCHEDULE[0], "name": "again"}]
    assert offered(made(tmp_path / "b", twice, **JOBS)) == ((), "")
    sequential = [{key: value for key, value in work.items() if key != "duration"} for work in SCHEDULE]
    assert offered(made(tmp_path / "c", sequential, **JOBS)) == ((), "")


def test_a_workload_whose_rate_nobody_tells_makes_the_demand_unknown(tmp_path):
    work = {"name": "w", "start": stamp(0), "end": stamp(60)}
    found = offered(run.load(write_run(tmp_path, model_loop_run(0, observed(8, 20)), record={"workloads": [work]})))
    assert math.isnan(found.spans[0].rate_per_s) and not found.is_demand


def test_the_last_workload_ends_no_earlier_than_the_answers(tmp_path):
    schedule = [SCHEDULE[0], {**SCHEDULE[1], "start_delay": 60, "duration": 120}]
    schedule[0] = {**schedule[0], "duration": 60}
    rates = (0, 1200, 1200, 1800, 1800, 450, 0)  # of the last 1800 a quarter: until 15 s after minute 3
    runs = [model_loop_run(60 * n, observed(8, 20, rate_per_min=rate)) for n, rate in enumerate(rates)]
    at = write_run(tmp_path, *runs, config={"workloads": schedule})
    (at / "job-logs").mkdir()
    for name, (rate, prompts) in JOBS.items():
        (at / "job-logs" / f"{name.replace('_', '-')}.log").write_text(result(rate, prompts))
    found = offered(run.load(at))
    # planned from minute 0 to 2, after the first one's -1 to 0
    assert [(each.start, each.end) for each in found.spans] == [(-1.0, 0.0), pytest.approx((1.25, 3.25), abs=0.001)]


@needs_captured
def test_a_captured_run_offered_65_requests_per_second_at_most():
    found = offered(captured(HIGH))
    # 261.86 of 1200 requests per minute were answered in the minute before the first load was seen
    begin = -261.86 / 1200
    assert [each.rate_per_s for each in found.spans] == [20, 30, 15]
    # the last one ended when 859.75 of its 900 requests per minute were answered, which is 75 s after its plan
    late = 20.018 - (1 - 859.75 / 900) - (begin + 19)
    assert [each.start for each in found.spans] == pytest.approx([begin, begin + 2, begin + 4 + late], abs=0.01)
    assert [each.end - each.start for each in found.spans] == pytest.approx([15, 15, 15])
