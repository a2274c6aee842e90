"""Conditions on a run's numbers: by hand, and that the table of keys is that of real summaries."""

from __future__ import annotations

import pytest
from captured import NAMES, captured, needs_captured
from clients import line, with_requests
from logs import capacity_loop_run, decision, model_loop_run, observed, solution, write_run

from wva_parse import directories, run
from wva_parse.measures import gates
from wva_parse.measures.summary import summarize

SUMMARY = {
    "status": "complete",
    "simulated": False,
    "slo": {"itl_ms": None, "itl_attainment": 0.9499999999, "source": "log"},
    "actions": {"scale-up": 2},
    "failures": {"a.b: c": 3},
    "requests": None,
    "zero": None,
    "client": {"jobs": [{"completed": 90}], "mean_ttft_ms": None},
    "tuner": {"first": {"llama-3.1": {"alpha": 7.5}}},
}


def judged(text: str) -> gates.Verdict:
    return gates.judge(SUMMARY, gates.parse_condition(text))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("status==complete", "met     status == complete: complete"),
        ("status == 'complete'", "met     status == complete: complete"),
        ("simulated==true", "MISSED  simulated == true: false"),
        ("slo.itl_attainment>=0.95", "MISSED  slo.itl_attainment >= 0.95: 0.9499999999"),
        ("slo.itl_attainment > 0.9", "met     slo.itl_attainment > 0.9: 0.95"),
        ("slo.itl_ms<=10", "MISSED  slo.itl_ms <= 10: not known"),
        ("actions.scale-up<2", "MISSED  actions.scale-up < 2: 2"),
        ("actions.scale-down==0", "met     actions.scale-down == 0: 0"),
        ("failures.a.b: c<=3", "met     failures.a.b: c <= 3: 3"),
        ("failures.other==0", "met     failures.other == 0: 0"),
        ("requests.ttft_ms.p99<=500", "MISSED  requests.ttft_ms.p99 <= 500: not known"),
        ("requests.workloads.0.sent>0", "MISSED  requests.workloads.0.sent > 0: not known"),
        ("zero.reasons.idle==0", "MISSED  zero.reasons.idle == 0: not known"),
        ("client.jobs.0.completed>=90", "met     client.jobs.0.completed >= 90: 90"),
        ("client.jobs.1.completed>=90", "MISSED  client.jobs.1.completed >= 90: not known"),
        ("tuner.first.llama-3.1.alpha<8", "met     tuner.first.llama-3.1.alpha < 8: 7.5"),
        ("tuner.first.other.alpha<8", "MISSED  tuner.first.other.alpha < 8: not known"),
    ],
)
def test_a_condition_is_one_line_with_the_value(text, said):
    assert str(judged(text)) == said


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("slo.itl_attainment", "expected a path of summary.json, one of >=, <=, ==, >, <, and a value"),
        ("slo.itl_attainment=1", "expected a path"),
        ("slo.itl_attainment!=1", "expected a path"),
        (">=1", "expected a path"),
        ("slo.itl_attainment>=", "expected a path"),
        ("slo.itl_attainment>=high", "'high' is no number; of other values only == can be asked"),
        ("slo.itl_attainment>=nan", "expected a number"),
        ("itl_attainment>=1", "no summary has 'itl_attainment'; did you mean 'slo.itl_attainment'?"),
        ("slo.itl_atainment>=1", "did you mean 'slo.itl_attainment'?"),
        ("requests.within_slo_shares>=1", "did you mean 'requests.within_slo_share'?"),
        ("actions.scaleup<1", "did you mean 'actions.scale-up'?"),
        ("nonsense>=1", "no summary has 'nonsense'; its keys are in docs/files.md"),
        ("status.x==1", "no summary has 'status.x'"),
        ("client.jobs.first==1", "no summary has 'client.jobs.first'"),
        ("slo==1", "'slo' is no single value; in it are itl_ms, itl_attainment, source"),
        ("client.jobs==1", "'client.jobs' is no single value; in it are 1 entries"),
        ("slo.source==1", "'slo.source' is log, not to be held against 1"),
        ("simulated==0", "'simulated' is false"),
    ],
)
def test_what_is_no_condition_says_what_was_expected(text, said):
    with pytest.raises(gates.GateError) as error:
        judged(text)
    assert said in str(error.value)


def small(directory, mode: str, load: bool = True):
    if mode == "model-based":
        runs = [model_loop_run(60 * n, observed(8 + n, 20), solution(9, 21), decision(1, 1)) for n in range(5)]
    else:
        runs = [capacity_loop_run(60 * n, {"a": (0.2 * n, n)}, seen=observed(8, 20)) for n in range(5)]
    write_run(directory, *runs, config={"mode": mode})
    if load:
        with_requests(directory, {"load": [line(str(n), 40 + n) for n in range(30)]})
    return summarize(run.load(directory))


@pytest.fixture(scope="module")
def summaries(tmp_path_factory):
    base = tmp_path_factory.mktemp("runs")
    found = [small(base / f"{mode}-{load}", mode, load) for mode in directories.MODES for load in (True, False)]
    return [*found, *(summarize(captured(name)) for name in NAMES)]


def test_the_keys_of_objects_that_may_be_null_are_those_of_summaries(summaries):
    seen = set()
    for summary in summaries:
        for path, keys in gates.NULLABLE.items():
            value = gates.value_at(summary, path)
            if value is not None:
                assert set(value) <= set(keys.split()), path
                seen.add(path)
    missing = set(gates.NULLABLE) - seen
    expected = {"zero", "scheduler_queue", "requests.warmup"}
    assert missing <= expected if NAMES else missing >= expected


def test_every_null_of_a_summary_that_is_an_object_in_another_has_its_keys(summaries):
    def objects(value, path=""):
        for key, each in value.items():
            if isinstance(each, dict):
                yield f"{path}{key}"
                yield from objects(each, f"{path}{key}.")

    def nulls(value, path=""):
        for key, each in value.items():
            if each is None:
                yield f"{path}{key}"
            elif isinstance(each, dict):
                yield from nulls(each, f"{path}{key}.")

    known = {path for summary in summaries for path in objects(summary)}
    assert {path for summary in summaries for path in nulls(summary)} & known <= set(gates.NULLABLE)


@needs_captured
def test_every_path_of_a_summary_can_be_asked_for(summaries):
    for summary in summaries:
        for path in gates.paths_of(summary):
            gates.value_at(summary, path)
