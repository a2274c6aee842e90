"""The first sentence of a comparison, what makes runs unequal, and the six figures, worked by hand."""

from __future__ import annotations

import pytest

from wva_parse.report.compare import document, main_table, opening
from wva_parse.report.versus import PER_TOKEN, WITHIN, answer, choose, sentence, table, versus_of

LOAD = {
    "how": "parallel",
    "source": "run.json",
    "workloads": [{"name": "w", "start_s": 0.0, "duration_s": 600.0, "rate_per_s": 10.0, "rate_from": "run.json"}],
}


def summary(mode: str, number: int, hours=1.0, tpot=None, itl=None, starved=0.0, **values) -> dict:
    """A run of one load; TPOT is that of the clients, ITL what WVA observed."""
    return {
        "run": f"{mode}-a-2026010{number}-000000",
        "mode": mode,
        "schema": 2,
        "schedule": LOAD,
        "interval_s": 60.0,
        "log": {"dialects": ["D2"]},
        "slo": {"itl_ms": 10.0, "ttft_ms": 1000.0, "basis": "minutes"},
        "cost": {"replica_hours": hours, "tokens_from": "clients"},
        "client": None if tpot is None else {"mean_tpot_ms": tpot},
        "latency": None if itl is None else {"itl_ms": itl, "itl_plain_ms": itl, "weighted_by": "requests"},
        "supply": {"starved_s": starved, "window_s": 600.0, "limit": 10.0},
        **values,
    }


def model(number=1, **values):
    return summary("model-based", number, **values)


def capacity(number=1, **values):
    return summary("capacity-based", number, **values)


def only(*runs, facts=None):
    (found,) = versus_of(runs, facts or {})
    return found


def test_one_run_against_one_has_a_ratio_and_no_interval():
    found = only(model(hours=3.0, tpot=30.0, starved=420.0), capacity(hours=1.5, tpot=40.0, starved=480.0))
    assert sentence(found) == (
        "On the same load model-based held 2.0 times the replica-hours and by the clients' means its TPOT was "
        "25 % lower; both were starved (model-based 7 min, capacity-based 8 min). One run against one: no interval "
        "can be given."
    )


def test_a_few_runs_have_the_range_over_all_pairs():
    runs = [
        *(model(n, hours=hours, itl=itl, starved=60.0 * n) for n, (hours, itl) in enumerate([(3, 9), (4, 6)], start=1)),
        capacity(hours=2.0, itl=10.0),
    ]
    assert sentence(only(*runs)) == (
        "On the same load model-based held 1.5 to 2.0 times the replica-hours and by the request-weighted means that "
        "WVA observed its ITL was 10 to 40 % lower; model-based was starved (1 to 2 min), capacity-based never. Two "
        "runs against one: no interval can be given; ranges are over all pairs of runs."
    )


def test_five_runs_of_each_have_intervals_and_it_is_said_where_no_difference_shows():
    runs = [each for n in range(1, 6) for each in (model(n, hours=2.0 + n / 10), capacity(n, hours=2.0 + n / 10))]
    said = sentence(only(*runs))
    assert said.startswith("On the same load model-based held 1.0 times the replica-hours (0.")
    assert ", no difference shows)" in said
    assert "neither was starved. Five runs against five: ratios of medians, in brackets their 95 % intervals" in said


def test_much_more_is_told_in_times_and_what_goes_both_ways_as_such():
    assert "its ITL was 8.0 times as high" in sentence(only(model(itl=80.0), capacity(itl=10.0)))
    runs = [model(1, itl=9.0), model(2, itl=11.0), capacity(itl=10.0)]
    assert "its ITL was 10 % lower to 10 % higher" in sentence(only(*runs))
    assert "its ITL was the same" in sentence(only(model(itl=10.0), capacity(itl=10.0)))


def test_latencies_of_different_sources_say_so_each():
    ttft = {"itl_ms": 10.0, "ttft_ms": 50.0, "weighted_by": "requests"}
    said = sentence(only(model(tpot=20.0, latency=ttft), capacity(tpot=40.0, latency={**ttft, "ttft_ms": 40.0})))
    assert (
        "its TPOT was 50 % lower (the clients' means) and its TTFT 25 % higher (the request-weighted means that WVA "
        "observed)"
    ) in said


def test_it_is_told_when_pods_were_starved_first():
    def starved(mode, *starts):
        return mode(supply={"starved_s": 120.0, "window_s": 600.0, "starved_spans": [[at, at + 1] for at in starts]})

    said = sentence(only(starved(model, 3.0, 7.0), starved(capacity, 3.2)))
    assert "both were starved (model-based 2 min, capacity-based 2 min, first from minute 3 on)" in said
    assert "model-based was starved (2 min, first from minute 3 on), capacity-based never" in sentence(
        only(starved(model, 3.0), capacity())
    )


def test_loads_that_ran_otherwise_make_runs_unequal():
    late = {"workload": "peak", "first": "base", "late_s": 92.0, "planned_s": 300.0, "sent_s": 263.0}
    (found,) = versus_of([model(course=[late]), capacity(course=[])], {})
    assert (
        "The load did not have its planned course in: model-based-a-20260101-000000 (peak began to send 92 s later "
        "after base than planned and sent for 263 s instead of 300)."
    ) in found.unequal
    (found,) = versus_of([model(), capacity(course=[])], {})
    assert not any("planned course" in each for each in found.unequal)


def test_gpu_time_is_told_where_all_runs_know_it():
    gpus = {"gpu_hours": 2.0, "replica_hours": 1.0}
    assert "times the GPU time" in sentence(only(model(cost=gpus), capacity(cost=gpus)))
    assert "times the replica-hours" in sentence(only(model(cost=gpus), capacity()))


def test_simulated_runs_say_nothing_of_hardware():
    assert "SIMULATED" in sentence(only(model(simulated=True), capacity(simulated=True)))


def test_nothing_is_said_of_other_experiments():
    other = {**LOAD, "workloads": [{**LOAD["workloads"][0], "duration_s": 900.0}]}
    runs = [model(), capacity(schedule=other)]
    assert versus_of(runs, {}) == []
    assert answer([], runs) == [
        "No two modes are comparable here: even the nearest, model-based-a-20260101-000000 and "
        "capacity-based-a-20260101-000000, are other experiments: 600 s against 900 s of load."
    ]
    assert " times the " not in document(runs, {})


@pytest.mark.parametrize(
    ("runs", "said"),
    [
        ([model()], "One run: there is nothing to hold it against."),
        ([model(1), model(2)], "All 2 runs are model-based: no mode is held against another."),
        (
            [model(), capacity(simulated=True)],
            "No two modes are comparable here: even the nearest, model-based-a-20260101-000000 and "
            "capacity-based-a-20260101-000000, are other experiments: real against simulated.",
        ),
    ],
)
def test_why_nothing_is_compared_is_one_sentence(runs, said):
    assert answer(versus_of(runs, {}), runs) == [said]


def test_runs_without_a_counterpart_are_counted():
    other = {**LOAD, "workloads": [{**LOAD["workloads"][0], "rate_per_s": 20.0}]}
    first = opening([model(), capacity(), model(2, schedule=other)], {})
    assert first.sentences[1] == "1 more run has no counterpart in the other mode."


def test_several_experiments_are_told_by_their_loads():
    other = {**LOAD, "workloads": [{**LOAD["workloads"][0], "rate_per_s": 20.0}]}
    runs = [model(1), capacity(1), model(2, schedule=other), capacity(2, schedule=other), capacity(3, schedule=other)]
    first = opening(runs, {})
    assert first.sentences[0].startswith("On 20 req/s for 600 s (C against D) model-based held 1.0 times")
    assert first.sentences[1].startswith("On 10 req/s for 600 s (A against B) model-based held 1.0 times")
    assert [len(found.rows) for _, found in main_table(runs, {})] == [6, 6]


def test_what_makes_runs_unequal():
    facts = {
        "model-based-a-20260101-000000": {"model server image": "vllm:1", "cluster": ""},
        "capacity-based-a-20260101-000000": {"model server image": "vllm:2", "cluster": "kind"},
    }
    supply = {"starved_s": 0.0, "window_s": 700.0, "limit": 4.0}
    requests = [{"sent": 100, "failed": failed, "unknown": 0} for failed in (5, 0)]
    runs = [
        model(requests=requests[0]),
        capacity(requests=requests[1], supply=supply, status="interrupted", log={"dialects": ["D3"]}, interval_s=None),
    ]
    assert only(*runs, facts=facts).unequal == (
        "They differ: release D2 against D3.",
        "Not all have the same model server image.",
        "Taken to agree: the loop's interval of capacity-based-a-20260101-000000 is not known.",
        "Their scalers allow 4 or 10 replicas.",
        "Their load windows are from 600 to 700 s long.",
        "Not complete: capacity-based-a-20260101-000000 (interrupted).",
        "From 0.0 % to 5.0 % of their requests failed, and are in no latency.",
    )
    assert only(model(), capacity()).unequal == ()
    assert "**Unequal:** They differ: release D2 against D3." in document(runs, facts)


def test_six_figures_with_the_direction_of_good_and_why_there_is_no_interval():
    runs = [
        model(1, hours=3.0, itl=9.0, starved=60.0, time_to_scale={"changes": 5}),
        model(2, hours=4.0, itl=7.0, starved=30.0, time_to_scale={"changes": 6}),
        capacity(hours=2.0, itl=10.0, time_to_scale={"changes": 4}),
    ]
    found = table(only(*runs))
    assert found.header == [
        "medians",
        "better",
        "model-based (2 runs)",
        "capacity-based (1 run)",
        "difference",
        "95 % interval",
    ]
    assert found.rows == [
        ["replica-hours held", "less", "3.50", "2.00", "+1.50", "none: 2 and 1 runs"],
        ["requests within the SLO", "more", "–", "–", "–", "not known of both"],
        ["ITL that WVA observed, mean, ms", "less", "8.00", "10.00", "-2.00", "none: 2 and 1 runs"],
        ["TTFT of requests, median, ms", "less", "–", "–", "–", "not known of both"],
        ["time starved, s", "less", "45", "0", "+45", "none: 2 and 1 runs"],
        ["changes of target", "–", "5.5", "4", "+1.5", "none: 2 and 1 runs"],
    ]


def test_a_way_to_tell_a_thing_is_the_same_for_all_runs():
    cost = {"replica_hours": 1.0, "replica_hours_per_million_output_tokens": 0.05, "tokens_from": "clients"}
    ours, theirs = [model(cost=cost)], [capacity(cost={**cost, "tokens_from": "log"})]
    assert choose(PER_TOKEN, ours, ours).name == "replica-hours held per million output tokens"
    assert choose(PER_TOKEN, ours, theirs).name == "replica-hours held"
    by = [[model(slo={"itl_attainment": 0.5, "basis": basis})] for basis in ("minutes", "requests")]
    assert choose(WITHIN, by[0], by[0]).name == "ITL attainment"
    assert choose(WITHIN, *by) is None


def test_means_by_requests_are_not_held_against_means_of_observations():
    """Of the run without rates only the plain mean is known: 19.32 ms. Plain, the other's is 22.34 and no 24.74 ms."""
    rated = {"itl_ms": 24.74, "itl_plain_ms": 22.34, "weighted_by": "requests"}
    unrated = {"itl_ms": 19.32, "itl_plain_ms": 19.32, "weighted_by": "observations"}
    assert "its ITL was 16 % higher" in sentence(only(model(latency=rated), capacity(latency=unrated)))
    assert "its ITL was the same" in sentence(only(model(latency=rated), capacity(latency=rated)))
    met = {"basis": "minutes", "itl_attainment": 0.3, "itl_met_share": 0.5}
    by_rates, alike = ({**met, "weighted_by_requests": is_weighted} for is_weighted in (True, False))
    assert choose(WITHIN, [model(slo=by_rates)], [capacity(slo=by_rates)]).name == "ITL attainment"
    chosen = choose(WITHIN, [model(slo=by_rates)], [capacity(slo=alike)])
    assert chosen.name == "loaded observations within the ITL objective"


def test_a_run_that_does_not_tell_is_left_out_of_its_median_and_that_is_said():
    runs = [model(1, itl=8.0), model(2), capacity(itl=10.0)]
    row = next(row for row in table(only(*runs)).rows if row[0].startswith("ITL"))
    assert row[2:4] == ["8.00 (of 1)", "10.00"]
