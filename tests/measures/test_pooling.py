"""Which runs are repeats of each other, and what keeps the others apart: by hand."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wva_parse.aligned.schedule import Schedule, Sending, schedule_as_json
from wva_parse.measures.pooling import (
    apart,
    conditions_of,
    differences,
    experiments_of,
    groups_of,
    load_of,
    name_of,
    nearest_of_other_mode,
    twins,
)


def load(*works: tuple, how: str = "parallel", otherwise: tuple = ()) -> dict:
    return schedule_as_json(
        Schedule(how, "run.json", tuple(Sending(f"w{n}", *w) for n, w in enumerate(works)), otherwise)
    )


TEN = load((0, 600, 20), (120, 600, 30))
FIFTEEN = load((0, 900, 20), (120, 900, 30))


def run(name: str = "a-20260101-000000", mode: str = "model-based", **more):
    known = {
        "run": name,
        "mode": mode,
        "schedule": TEN,
        "interval_s": 60.0,
        "log": {"dialects": {"D2": 9, "DT": 3, "DF": 1}},
        "slo": {"itl_ms": 10.0, "ttft_ms": 1000.0},
        "variants": [{"model": "llama"}],
        "schema": 2,
    }
    return conditions_of({**known, **more})


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"schedule": FIFTEEN}, "600 s against 900 s of load"),
        ({"schedule": load((0, 600, 20), (60, 600, 30))}, "starts at 0 and 120 s against 0 and 60 s"),
        ({"schedule": load((0, 600, 20), (120, 600, 35))}, "20 and 30 req/s against 20 and 35 req/s"),
        ({"schedule": load((0, 600, 20), (120, 300, 30))}, "600 s against 600 and 300 s of load"),
        ({"schedule": load((0, 600, 20))}, "2 against 1 workloads"),
        (
            {"schedule": load((None, 600, 20), (None, 600, 30), how="sequential")},
            "parallel against sequential workloads",
        ),
        ({"mode": "capacity-based"}, "model-based against capacity-based"),
        ({"simulated": True}, "real against simulated"),
        ({"interval_s": 30.0}, "a loop of 60 s against 30 s"),
        ({"log": {"dialects": {"D3": 9, "DT": 3}}}, "release D2 against D3"),
        ({"log": {"dialects": {"D2": 9}}}, "with a tuner against without one"),
        ({"slo": {"itl_ms": 15.0, "ttft_ms": 1000.0}}, "SLO of ITL 10 ms against 15 ms"),
        ({"variants": [{"model": "qwen"}]}, "llama against qwen"),
        ({"schema": 1}, "summary schema 2 against 1, which count replicas otherwise"),
        ({"schedule": {**TEN, "otherwise": ["w1"]}}, "in b w1 did not send as planned"),
    ],
)
def test_each_condition_keeps_runs_apart_and_is_named(change, said):
    found = differences(run("a"), run("b", **change))
    assert [each.text for each in found] == [said]


@pytest.mark.parametrize(
    "change",
    [
        {},
        {"schedule": {"workloads": []}},
        {"schedule": load((0, 600, None), (120, None, 30))},
        {"interval_s": None},
        {"interval_s": 72.0},
        {"interval_s": 50.0},
        {"log": {}},
        {"log": {"dialects": ["D1/D2", "DT"]}},
        {"slo": None},
        {"slo": {"itl_ms": 10.0, "ttft_ms": None}},
        {"variants": []},
        {"mode": ""},
    ],
)
def test_what_is_not_known_or_near_enough_agrees(change):
    assert differences(run("a"), run("b", **change)) == []


def test_a_name_is_a_witness_only_where_no_load_is_known():
    nothing = {"schedule": {"workloads": []}}
    said = "high against low, of whose loads nothing is known but the names"
    first, second = run("model-based-high-20260101-000000", **nothing), run("low-20260102-000000", **nothing)
    assert [each.text for each in differences(first, second)] == [said]
    assert differences(first, run("low-20260102-000000")) == []
    assert differences(run("high"), run("low")) == []
    assert name_of("capacity-based-high-20251209-000000") == "high"


def labels(*runs):
    return [(group.label, group.runs) for group in groups_of(runs)]


def test_repeats_are_one_group_whatever_their_names():
    assert labels(run("a"), run("b"), run("c", schedule=FIFTEEN), run("d")) == [("A", (0, 1, 3)), ("B", (2,))]


def test_a_run_that_would_fit_two_groups_is_in_neither():
    """Of the one without an SLO nobody knows whether it is a repeat of those of 10 ms or of that of 15 ms."""
    runs = [run("a"), run("x", slo=None), run("b"), run("c", slo={"itl_ms": 15.0, "ttft_ms": 1000.0})]
    assert labels(*runs) == [("A", (0, 2)), ("B", (1,)), ("C", (3,))]
    found = {(each.first, each.second): [why.text for why in each.differences] for each in apart(groups_of(runs), runs)}
    assert found == {("A", "B"): [], ("B", "C"): [], ("A", "C"): ["SLO of ITL 10 ms against 15 ms"]}
    # Without the other one it fits.
    (group,) = groups_of(runs[:3])
    assert group.assumed == ("the SLO of x is not known",)


def test_loops_that_shade_into_each_other_are_no_chain():
    assert len(groups_of([run(str(n), interval_s=each) for n, each in enumerate((50.0, 58.0, 66.0))])) == 3
    assert len(groups_of([run(str(n), interval_s=each) for n, each in enumerate((50.0, 58.0, 60.0))])) == 1


def test_modes_of_one_experiment_may_differ_in_release():
    other = {"mode": "capacity-based", "log": {"dialects": {"D3": 5}}}
    runs = [run("a"), run("b", **other), run("c", schedule=FIFTEEN), run("d", **other, interval_s=30.0)]
    groups = groups_of(runs)
    found = experiments_of(groups, runs)
    assert [[group.label for group in each.groups] for each in found] == [["A", "B"], ["C"], ["D"]]
    assert found[0].load == "20 and 30 req/s for 600 s each, from 0 and 120 s on"
    nearest, why = nearest_of_other_mode(groups[2], groups, runs)
    assert (nearest.label, [each.text for each in why]) == ("B", ["900 s against 600 s of load"])
    assert nearest_of_other_mode(groups[0], groups[:1], runs) is None


def test_a_summary_of_schema_1_tells_the_load_of_its_workloads():
    works = [{"name": "w", "planned_start_s": 0, "planned_end_s": 600, "rate_per_s": 20}]
    old = conditions_of({"run": "a", "mode": "model-based", "schema": 1, "workloads": works})
    assert load_of(old.schedule) == "20 req/s for 600 s"
    assert [each.condition for each in differences(old, run("b", schedule=load((0, 900, 20))))] == ["load", "summary"]


@pytest.mark.parametrize(
    ("schedule", "said"),
    [
        (Schedule(), ""),
        (
            Schedule("sequential", "config", (Sending("a", None, 60, 5), Sending("b", None, None, 7))),
            "one after another",
        ),
        (Schedule("parallel", "config", (Sending("a", 0, 600, None),)), "? req/s for 600 s"),
    ],
)
def test_loads_in_words(schedule, said):
    assert load_of(schedule).endswith(said)


def test_hostile_summaries_tell_nothing():
    odd = {"run": None, "schedule": {"workloads": [None, {"start_s": "x", "rate_per_s": []}]}, "slo": 3, "log": []}
    assert groups_of([conditions_of(odd), conditions_of({})])


@given(st.integers(1, 7), st.data())
def test_classes_do_not_depend_on_the_order_and_agree_within(count, data):
    pairs = [(a, b) for a in range(count) for b in range(a)]
    agreeing = {pair for pair in pairs if data.draw(st.booleans())}

    def agree(a, b):
        return (max(a, b), min(a, b)) in agreeing

    found = twins(count, agree)
    assert sorted(run for members in found for run in members) == list(range(count))
    assert all(agree(a, b) for members in found for a in members for b in members if a != b)
    order = data.draw(st.permutations(range(count)))
    shuffled = twins(count, lambda a, b: agree(order[a], order[b]))
    assert {frozenset(order[run] for run in members) for members in shuffled} == {frozenset(each) for each in found}
