"""Reports: sentences from numbers, and nothing that is not known shown as 0."""

from __future__ import annotations

import copy

import pytest
from examples import analysed
from logs import capacity_loop_run, decision, model_loop_run, observed, solution, stamp, write_run

from wva_parse import run
from wva_parse.measures.summary import summarize
from wva_parse.report import page, sections, words


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    runs = [model_loop_run(60 * n, observed(10, 20), solution(9, 20), decision(1, 1 + (n == 1))) for n in range(4)]
    return summarize(run.load(write_run(tmp_path_factory.mktemp("m") / "m", *runs, config={})))


@pytest.fixture(scope="module")
def capacity(tmp_path_factory):
    runs = [capacity_loop_run(60 * n, {"a": (0.95, 7)}, seen=observed(10, 20)) for n in range(3)]
    return summarize(run.load(write_run(tmp_path_factory.mktemp("c") / "c", *runs, config={})))


@pytest.fixture(scope="module")
def idle(tmp_path_factory):
    runs = [model_loop_run(60 * n, observed(0, 0, rate_per_min=0)) for n in range(2)]
    return summarize(run.load(write_run(tmp_path_factory.mktemp("i") / "i", *runs, config={})))


def test_verdict_of_a_model_based_run(model):
    assert words.verdict(model) == [
        "Under load, inter-token latency (ITL) was within its SLO of 10 ms in 4 of 4 minute means and time to first "
        "token (TTFT) was within its SLO of 1000 ms in 4 of 4 minute means; weighted by the requests of each minute, "
        "100.0 % and 100.0 %. Whether pods were starved cannot be said from this log, over 180 s from the first load "
        "on.",
        "0.05 replica-hours were held, 0.0556 per million output tokens (estimated: rates times mean tokens). How many "
        "GPUs a replica has is not known. WVA raised its target once and lowered it once (1 decision said scale-up, 0 "
        "scale-down); 1 replica was held throughout (its highest target was 2).",
        "ITL predictions were 1.00 ms off on average (parts may cancel out): the model itself 1.00, replicas that were "
        "not there 0.00, a load "
        "that changed 0.00.",
    ]


def test_verdict_leads_to_the_first_finding(capacity):
    assert words.verdict(capacity)[2] == (
        "Look at this first: Saturated for at least 120 s from minute 0.0 on (KV usage up to 95 %), and no scale-up "
        "was decided or under way."
    )


def test_a_capacity_run_is_explained(tmp_path):
    states = ({"a": (0.3, 1)}, {"a": (0.3, 1)}, {"a": (0.95, 9)}, {"a": (1.0, 300), "b": (0.1, 0)})
    runs = [analysed(60 * n, pods) for n, pods in enumerate(states)]
    summary = summarize(run.load(write_run(tmp_path / "c", *runs, config={})))
    assert words.about_limits(summary) == (
        "WVA's own limits (from the log): saturated from 0.8 KV usage or 5 waiting requests; short below 0.1 spare KV "
        "or 3 spare places in the queue. With them, and the pods' values, 4 of 4 analyses of the log are reproduced."
    )
    assert words.about_masked(summary).startswith(
        "Saturation was masked in 1 of 4 reconciliations, for 1.0 min: a pod was full"
    )
    assert "first asked for more replicas at minute 2.0" in words.about_other_triggers(summary)
    text = sections.markdown(summary)
    assert "| 0.0 to 1.0 | 2 | enough to spare; too few replicas are free to give one back |" in text
    assert "| 0.6 | 3 | 0.0 | 0 |" in text
    assert words.verdict(summary)[2].startswith("Look at this first: Saturation was masked")


def test_what_is_not_reproduced_is_named(tmp_path):
    wrong = analysed(120, {"a": (0.3, 1)}, changed="scaleDownSafe=false→scaleDownSafe=true")
    runs = [analysed(0, {"a": (0.3, 1)}), analysed(60, {"a": (0.95, 9)}), wrong]
    text = words.about_limits(summarize(run.load(write_run(tmp_path / "c", *runs, config={}))))
    assert text.endswith("2 of 3 analyses of the log are reproduced. Not those of reconciliations 2.")


def test_what_the_log_lacks_is_said(tmp_path):
    summary = summarize(run.load(write_run(tmp_path / "c", analysed(0, {"a": (0.3, 1)}, debug=False), config={})))
    assert words.about_limits(summary).startswith("1 of 1 analysis cannot be replayed: neither the log nor a ConfigMap")
    assert words.about_masked(summary) == "Whether saturation was masked cannot be said from this log."
    assert words.about_other_triggers(summary).startswith("As not all of WVA's own limits are known, nothing")


def test_an_idle_run_is_not_judged(idle):
    text = sections.markdown(idle)
    assert words.verdict(idle)[0].startswith("No request was served while the controller observed.")
    assert "The log holds no scaling decision; 1 replica was held throughout." in text
    assert "| ITL | not known | not known | 0 |" in text
    assert "nan" not in text.lower().replace("nanoseconds", "")


def test_a_run_without_predictions_says_so_once(idle):
    text = sections.markdown(idle)
    assert text.count(words.NO_PREDICTIONS) == 2  # in the verdict and instead of the accuracy
    assert "| settled |" not in text and "Every prediction" not in text
    assert words.about_unpaired(idle) == words.about_errors(idle) == words.NO_PREDICTIONS


def test_several_variants_have_a_row_each(tmp_path):
    both = [text for n in (1, 2) for text in decision(n, 3, variant=f"v{n}")]
    runs = [
        model_loop_run(60 * n, [observed(10, 20, variant="v1")], solution(9, 20, variant="v1"), both) for n in (0, 1)
    ]
    found = summarize(run.load(write_run(tmp_path / "r", *runs, config={})))
    assert [each["variant"] for each in found["variants"]] == ["v1", "v2"]
    rows = [line for line in sections.markdown(found).splitlines() if line.startswith("| v")]
    model = "unsloth/Meta-Llama-3.1-8B"
    assert rows == [
        "| variant | model | scale-ups | scale-downs | replicas | loaded pairs | ITL MAE, loaded (ms) |",
        f"| v1 | {model} | 2 | 0 | 1 to 1 | 1 | 1.00 |",
        f"| v2 | {model} | 2 | 0 | 2 to 2 | 0 | – |",
    ]


def test_accuracy_has_every_group_with_its_n(model):
    rows = [
        line
        for line in sections.markdown(model).splitlines()
        if line.startswith(("| settled |", "| loaded |", "| all |"))
    ]
    assert [row.split(" | ")[:3] for row in rows] == [
        [f"| {group}", metric, "3"] for group in ("settled", "loaded", "all") for metric in ("ITL", "TTFT")
    ]


def test_capacity_based_reports_have_no_accuracy(capacity):
    text = sections.markdown(capacity)
    assert "## Prediction accuracy" not in text
    assert (
        "Pods were above 90 % of KV usage once, for 120 s in all. From minute 0.0 to 2.0: no scale-up was decided or "
        "under way; it lasted to the end of the log."
    ) in text
    assert "The longest queue of a pod was 7 requests; 3 of 3 observations of pods were above 5." in text


def test_every_term_is_explained_once(model):
    text = sections.markdown(model)
    for term, meaning in sections.GLOSSARY:
        assert text.count(f"\n| {term} | {meaning} |") == 1


def test_notes_and_findings_stand_before_the_numbers(capacity):
    text = sections.markdown({**capacity, "notes": ["SIMULATED: made up."]})
    assert text.index("SIMULATED: made up.") < text.index("## The run")


def test_client_side_lists_each_job(model):
    summary = copy.deepcopy(model)
    names = [f"{name}_{metric}_ms" for metric in ("ttft", "tpot", "itl") for name in ("mean", "median", "p99")]
    job = {"job": "load", "completed": 100.0, "failed": 2.0, "rate_per_s": 10.0, "throughput_per_s": 9.5, "lost": 3.0}
    job |= {"sent": 105.0, "cap": "reached", "max_concurrency": 64.0, "peak_concurrency": 80.0}
    means = {"mean_ttft_ms": 31.25, "mean_tpot_ms": None, "mean_itl_ms": None}
    jobs = [{**job, **dict.fromkeys(names), "mean_ttft_ms": 31.25}]
    summary["client"] = {"completed": 100.0, "failed": 2.0, **means, "jobs": jobs, "without_result": ["other"]}
    summary["client"] |= {"sent": 105.0, "capped": ["load"]}
    summary["client"]["without_reasons"] = {"other": "it was ended by a signal (SIGTERM)"}
    text = sections.markdown(summary)
    assert "| load | 100 | 2 | 10 | 9.50 | 31.25 | – |" in text
    assert (
        "The load generators had 100 requests answered and 2 of 105 sent failed; means, TTFT and TPOT weighted by "
        "answered requests, ITL by tokens: TTFT 31.25 ms."
    ) in text
    assert (
        "The cap of concurrent requests was reached by load (cap 64, up to 80 within one second, 9.50 of the ordered "
        "10 requests/s, until the last answer). At its cap a client sends the next request only when one is answered: "
        "the load is then less than ordered, and the clients' TTFT leaves out how long a request has waited to be sent."
    ) in text
    assert ("Without a result (stopped or failed before their end): other: it was ended by a signal (SIGTERM).") in text
    assert "Neither answered nor failed, by the clients' own counts: 3 of load." in text


ALL_FAILED = """\
============ Serving Benchmark Result ============
Successful requests:                     0
Failed requests:                         4200
Request rate configured (RPS):           10.00
Request throughput (req/s):              0.00
Peak concurrent requests:                0.00
---------------Time to First Token----------------
Mean TTFT (ms):                          0.00
P99 TTFT (ms):                           0.00
---------------Inter-token Latency----------------
Mean ITL (ms):                           0.00
==================================================
"""


def test_a_job_without_an_answered_request_has_no_latency(tmp_path):
    directory = write_run(tmp_path / "r", model_loop_run(0, observed(0, 0)), config={})
    (directory / "job-logs").mkdir()
    (directory / "job-logs" / "a.log").write_text(ALL_FAILED)
    found = summarize(run.load(directory))
    assert words.about_clients(found) == "The load generators had 0 requests answered and 4200 of 4200 sent failed."
    assert page.Tile("requests failed", "4200 of 4200") in page.tiles(found)
    section = sections.markdown(found).partition("## Client side")[2].partition("\n## ")[0]
    assert "| a | 0 | 4200 | 10 | 0 |" + " – |" * 9 in section and "0.00" not in section


# --- what may be said of predictions


def test_settled_pairs_are_told_as_what_they_are(model):
    assert words.about_predictions(model) == (
        "Over 3 loaded pairs, whatever came, WVA's predictions of ITL were off by 1.00 ms on average, 1.00 ms too low "
        "on balance. 3 of them are steady, and judge the model. Of 3 settled pairs, at the predicted number of "
        "replicas by WVA's count, none saw the rate change by more than 10 %."
    )
    bare = copy.deepcopy(model)
    bare["attribution"] = bare["model"] = None
    bare["errors"]["rate_changed"] = {"loaded": 2, "settled": 2, "settled_by_20": 1, "settled_known": 3}
    assert words.about_predictions(bare).endswith(
        "No pair is steady: this run cannot judge the model. Of 3 settled pairs, at the predicted number of "
        "replicas by WVA's count (off by 1.00 ms on average, 1.00 ms too low on balance), 1 saw the rate change by "
        "more than 20 % and 2 by more than 10 %, so that they are no judges of it."
    )


def test_what_wva_counts_is_not_what_pods_were_ready(model):
    summary = copy.deepcopy(model)
    assert "its own count" not in words.about_conditions(summary)
    summary["model"]["settled_ready"] = {"other": 8, "known": 19}
    assert words.about_conditions(summary).startswith(
        "WVA observed every loaded pair at the predicted number of replicas. That is its own count: of 19 settled "
        "pairs 8 had another number of ready pods than predicted."
    )


@pytest.mark.parametrize(
    ("own", "other", "said"),
    [
        (18.96, 8.26, "more than twice as bad as"),
        (12.0, 8.26, "worse than"),
        (5.04, 4.95, "as good as"),
        (4.5, 4.95, "better than"),
    ],
)
def test_predicting_is_held_against_the_last_observation(model, own, other, said):
    summary = copy.deepcopy(model)
    summary["skill"]["itl"] = {"n": 20, "mae_ms": own, "persistence_mae_ms": other, "skill": 0.0}
    assert f'Predicting ITL was {said} "same as last time"' in words.about_errors(summary)


def test_observations_of_a_quick_loop_are_no_minutes(model):
    summary = copy.deepcopy(model)
    summary["interval_s"] = 30.0
    assert "in 4 of 4 observations" in words.verdict(summary)[0]
    assert "minute mean" not in words.about_slo(summary)


def test_all_is_well_only_where_something_judges_it(model):
    summary = copy.deepcopy(model)
    summary["supply"] |= {"starved_s": 0.0, "starved_share": 0.0}
    assert words.NOTHING_FOUND in words.verdict(summary)
    unjudged = copy.deepcopy(summary)
    unjudged["slo"] |= dict.fromkeys(("itl_attainment", "ttft_attainment", "itl_met", "ttft_met"))
    missed = copy.deepcopy(summary)
    missed["slo"]["itl_attainment"] = 0.9
    saturated = copy.deepcopy(summary)
    saturated["capacity"]["own"] = {"analyses": 27, "some": 4, "none": 2}
    for each in (unjudged, missed, saturated):
        assert words.NOTHING_FOUND not in words.verdict(each)


def test_a_capacity_of_the_optimizer_is_told_with_its_range(model):
    summary = copy.deepcopy(model)
    summary["elasticity"] = {
        "capacity_per_replica_per_s": 9.5,
        "capacity_from": "optimizer",
        "capacity_least_per_s": 2.2,
        "capacity_most_per_s": 12.04,
        "demand_from": "plan",
        "needed_replica_s": 6695,
        "used_replica_s": 8289,
        "under_share": 0.454,
        "over_share": 0.546,
        "duration_s": 1321.0,
    }
    assert words.about_load(summary).startswith(
        "If one replica serves 9.5 requests per second (for this SLO, by the optimizer's own model: the median of 2.2 "
        "to 12), the offered load needed"
    )
    given = {"capacity_from": "given", "capacity_per_replica_per_s": 1e-9, "capacity_least_per_s": None}
    summary["elasticity"] |= {**given, "capacity_most_per_s": None}
    assert words.about_load(summary).startswith("If one replica serves 1e-09 requests per second (as given), the")


def test_an_error_that_goes_with_one_side_of_the_load_is_told_with_it_first(model):
    summary = copy.deepcopy(model)
    summary["errors"]["load_correlation"]["itl"] = {"n": 21, "rho": 0.0}
    summary["errors"]["kv_correlation"]["itl"] = {"n": 21, "rho": 0.88}
    assert words.about_conditions(summary).endswith(
        "The error of ITL goes strongly with the KV usage of the fullest pod (Spearman's ρ 0.88, n = 21) and "
        "hardly goes with the arrival rate (Spearman's ρ 0.00, n = 21)."
    )


def test_workloads_are_listed_and_failed_ones_are_warned_of(tmp_path):
    work = {"name": "peak", "rate_per_s": 10, "planned_start_s": 0, "planned_end_s": 60, "start": stamp(0)}
    failed = {
        **work,
        "sending_start": stamp(5),
        "end": stamp(30),
        "start_late_s": 0.25,
        "result": "failed",
        "reason": "BackoffLimitExceeded",
    }
    runs = [model_loop_run(60 * n, observed(8, 20)) for n in range(3)]
    record = {"status": "failed", "workloads": [failed]}
    found = summarize(run.load(write_run(tmp_path / "r", *runs, config={}, record=record)))
    text = sections.markdown(found)
    assert (
        f"| peak | 10 | 0 to 60 | {stamp(0)} | {stamp(5)} | {stamp(30)} | 0.25 | failed: BackoffLimitExceeded |" in text
    )
    assert "- Workload peak failed: BackoffLimitExceeded." in text
    assert "| workload | req/s | planned (s) | started | sends from | ended | late (s) | result |" in text


def test_what_one_replica_serves_can_be_given(tmp_path):
    runs = [model_loop_run(60 * n, observed(8, 20, replicas=2), decided=decision(2, 2)) for n in range(3)]
    record = {"workloads": [{"name": "w", "rate_per_s": 10, "start": stamp(0), "end": stamp(120)}]}
    slo = {"itl_ms": 10, "ttft_ms": 1000}
    directory = write_run(tmp_path / "r", *runs, config={"slo": slo}, record=record)
    unknown = summarize(run.load(directory))
    given = summarize(run.load(directory, replica_capacity_per_s=2.5))
    assert unknown["elasticity"] is None and "--replica-capacity states it" in words.about_load(unknown)
    # Two minutes of the window are of load: 10 requests/s need four replicas, two were held
    assert given["elasticity"]["needed_replica_s"] == pytest.approx(4 * 120)
    assert words.about_load(given) == (
        "If one replica serves 2.5 requests per second (as given), the offered load needed 480 replica-seconds and 240 "
        "were held: fewer than needed in 100.0 % of the time, more in 0.0 %."
    )


@pytest.mark.parametrize("name", [name for name in dir(words) if name.startswith("about_")])
def test_every_sentence_can_be_said_of_every_run(name, model, capacity, idle):
    for summary in (model, capacity, idle):
        sentence = getattr(words, name)(summary)
        assert sentence.endswith(".")
        assert "None" not in sentence.split() and "nan" not in sentence.split()
