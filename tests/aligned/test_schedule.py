"""The load of a run: from its plan, or from its config and whatever tells the rates."""

from __future__ import annotations

import pytest

from wva_parse.aligned.schedule import CONFIG, JOB_LOG, MANIFEST, NAME, RECORD, Schedule, Sending, schedule_of, seconds
from wva_parse.log.benchmark import Result


def config(**more) -> dict:
    work = {"name": "w", "job_manifest": "../jobs/load-job-high-30.yaml", "start_delay": 120, "duration": 600}
    return {"workloads": [{**work, **more}]}


def manifest(rate: str) -> dict:
    containers = [{"name": "c", "env": [{"name": "SEED", "value": "1"}, {"name": "REQUEST_RATE", "value": rate}]}]
    return {"../jobs/load-job-high-30.yaml": {"spec": {"template": {"spec": {"containers": containers}}}}}


COMMENTED = "workloads:\n  - job_manifest: ../jobs/load-job-high-30.yaml  # 25 req/s\n"


def rate_of(found: Schedule) -> tuple[float | None, str | None]:
    (work,) = found.workloads
    assert work[:3] == ("w", 120, 600)
    return work.rate_per_s, work.rate_from


@pytest.mark.parametrize(
    ("more", "results", "manifests", "text", "expected"),
    [
        ({"rate": 40}, [Result("w", rate_per_s=35)], manifest("28"), COMMENTED, (40, CONFIG)),
        ({}, [Result("w", rate_per_s=35)], manifest("28"), COMMENTED, (35, JOB_LOG)),
        ({}, [Result("load-high-30_load-high-30-x7k2p", rate_per_s=35)], {}, COMMENTED, (35, JOB_LOG)),
        ({}, [Result("load-high-20_load-high-20-x7k2p", rate_per_s=35)], manifest("28"), COMMENTED, (28, MANIFEST)),
        ({}, [Result("w"), Result("load-high-30", rate_per_s=35)], {}, COMMENTED, (25, NAME)),  # which one is not clear
        ({"description": "about 22.5 requests/s"}, [], {}, "", (22.5, NAME)),
        ({}, [], {}, "", (30, NAME)),
        ({"job_manifest": "load-job-2.yaml"}, [], {}, "", (None, None)),  # the second one
        ({"job_manifest": "load.yaml"}, [], {}, COMMENTED, (None, None)),
    ],
)
def test_a_rate_is_looked_for_where_it_is_surest(more, results, manifests, text, expected):
    assert rate_of(schedule_of({}, config(**more), results, manifests, text)) == expected


def test_run_json_tells_the_plan():
    works = [
        {"name": "late", "how": "parallel", "planned_start_s": 120, "planned_end_s": 480, "rate_per_s": 15},
        {"name": "early", "how": "parallel", "planned_start_s": 0, "sending_s": 300, "rate_per_s": 10},
    ]
    assert schedule_of({"workloads": works}, config(rate=40)) == Schedule(
        "parallel", RECORD, (Sending("early", 0, 300, 10, RECORD), Sending("late", 120, 360, 15, RECORD))
    )


def test_in_a_sequence_each_follows_the_one_before_it():
    works = [
        {"name": "b", "how": "sequential", "planned_start_s": 0, "planned_end_s": 60, "rate_per_s": 5},
        {"name": "a", "how": "sequential", "planned_start_s": 60, "planned_end_s": 120, "rate_per_s": 3},
    ]
    found = schedule_of({"workloads": works}, {})
    assert [(each.name, each.start_s, each.duration_s) for each in found.workloads] == [
        ("b", None, 60),
        ("a", None, 60),
    ]
    waits = {"workloads": [{"name": "a", "job_manifest": "x-10.yaml", "wait_completion": True}]}
    assert schedule_of({}, waits) == Schedule("sequential", CONFIG, (Sending("a", None, None, 10, NAME),))


def test_what_did_not_send_as_planned_is_named():
    results = {"a": "complete", "b": "failed", "c": "cut", "d": "not-stopped", "e": ""}
    works = [{"name": name, "result": result} for name, result in results.items()]
    assert schedule_of({"workloads": works}, {}).otherwise == ("b", "d")
    assert schedule_of({"workloads": works, "status": "interrupted"}, {}).otherwise == ("b", "d", "e")


@pytest.mark.parametrize("odd", [None, "x", [], [None, 3], [{}], [{"duration": "long", "rate": "fast", "name": None}]])
def test_odd_configs_tell_nothing(odd):
    assert all(
        work[1:] == (None, None, None, None) or work[1] == 0 for work in schedule_of({}, {"workloads": odd}).workloads
    )


@pytest.mark.parametrize(
    ("text", "value"), [(90, 90), ("90s", 90), ("5m", 300), ("1h", 3600), ("90", 90), ("soon", None), (True, None)]
)
def test_durations_as_configs_write_them(text, value):
    assert seconds(text) == value


def test_a_config_with_durations_is_the_same_load():
    """What a run directory keeps of its config stands as somebody wrote it."""
    written = [{"name": "a", "start_delay": "1m30s", "duration": "5m", "rate": 2}]
    counted = [{"name": "a", "start_delay": 90, "duration": 300, "rate": 2}]
    assert schedule_of({}, {"workloads": written}) == schedule_of({}, {"workloads": counted})
    (work,) = schedule_of({}, {"workloads": written}).workloads
    assert (work.start_s, work.duration_s, work.rate_per_s) == (90, 300, 2)
