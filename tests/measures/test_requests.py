"""Shares, percentiles and goodput of requests, against numbers worked by hand and the laws they must keep."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from clients import csv, failed_line, line, with_requests
from hypothesis import given
from hypothesis import strategies as st
from logs import T0, model_loop_run, observed, sample, solution, stamp, write_run

from wva_parse import run
from wva_parse.aligned.objectives import Slo
from wva_parse.aligned.requests import make_requests, no_requests
from wva_parse.log.benchmark import Client, Result
from wva_parse.log.requests import records_of_csv
from wva_parse.measures import requests
from wva_parse.measures.summary import summarize

ZERO = pd.Timestamp(T0)
SLO = Slo(itl_ms=10, ttft_ms=1000, source="log")
# Within the SLO: the first two, of which one has a single token; too slow a TPOT, too late a first token, failed.
FIVE = [line("0", 100, 10), line("1", 1000, "", 1), line("2", 100, 10.5), line("3", 1001, 5), failed_line("4")]
NO_CLIENT = Client()


def made(files, work=(), client=NO_CLIENT, walls=None):
    recorded = {
        name: records_of_csv(csv(lines, (walls or {}).get(name, T0.timestamp())), name) for name, lines in files.items()
    }
    return make_requests(recorded, work, client, ZERO)


def summed(files, work=(), client=NO_CLIENT, slo=SLO, walls=None):
    return requests.summarize_requests(made(files, work, client, walls), slo, client)


def test_five_requests_by_hand():
    found = summed({"load": FIVE}, [{"name": "load", "sending_s": 5, "prompts": 5}])
    assert (found["sent"], found["answered"], found["failed"], found["unknown"]) == (5, 4, 1, 0)
    assert (found["answered_share"], found["failed_share"]) == (0.8, 0.2)
    assert (found["within_slo"], found["within_slo_share"], found["goodput_per_s"]) == (2, 0.4, 0.4)
    # 100, 100, 1000, 1001
    assert found["ttft_ms"] == pytest.approx(
        {"mean": 550.25, "p50": 550, "p90": 1000.7, "p95": 1000.85, "p99": 1000.97}
    )
    assert found["tpot_ms"]["mean"] == pytest.approx((10 + 10.5 + 5) / 3), "of a single token there is none"
    assert found["e2e_ms"]["p50"] == pytest.approx((205 + 1000) / 2)


def test_nothing_known_is_none_and_nothing_sent_has_no_share():
    assert requests.summarize_requests(no_requests(), SLO, Client()) is None
    found = summed({}, [{"name": "peak", "prompts": 900, "start": stamp(0), "result": "cut"}])
    assert (found["sent"], found["unknown"], found["within_slo_share"], found["goodput_per_s"]) == (0, 900, None, None)
    assert found["ttft_ms"] is None


def test_where_all_failed_there_is_no_latency_and_no_goodput_is_nought():
    found = summed({"load": [failed_line("0"), failed_line("10")]})
    assert (found["answered"], found["failed_share"], found["within_slo_share"], found["goodput_per_s"]) == (0, 1, 0, 0)
    assert found["ttft_ms"] is found["tpot_ms"] is found["e2e_ms"] is None


@pytest.mark.parametrize(
    ("slo", "within"),
    [(Slo(10, None, "log"), 3), (Slo(None, 1000, "config"), 3), (Slo(), None), (Slo(1e9, 1e9, "x"), 4)],
)
def test_without_an_objective_nothing_is_judged_by_it(slo, within):
    found = summed({"load": FIVE}, slo=slo)
    assert found["within_slo"] == within
    assert (found["within_slo_share"] is None) == (within is None)


def test_warm_ups_are_told_apart_and_not_pooled():
    work = [{"name": "warmup", "prompts": 4}, {"name": "load"}]
    found = summed({"warmup": [line("0", 9000), failed_line("9")], "load": FIVE}, work)
    assert found["sent"] == 5 and found["ttft_ms"]["p99"] < 1002 and found["unknown"] == 0
    assert found["warmup"] == {"sent": 2, "answered": 1, "failed": 1, "unknown": 2}
    assert [(each["workload"], each["warmup"]) for each in found["workloads"]] == [("warmup", True), ("load", False)]


def test_percentiles_are_of_all_workloads_together():
    found = summed({"a": [line(n, 10) for n in range(99)], "b": [line(0, 1000)]})
    # numpy's linear interpolation: position 0.99 x 99 = 98.01 between 10 and 1000
    assert found["ttft_ms"]["p99"] == pytest.approx(10 + 0.01 * 990)
    assert found["ttft_ms"]["p50"] == 10


@pytest.mark.parametrize(
    ("spans", "length"),
    [([], 0), ([(0, 10)], 10), ([(0, 10), (20, 25)], 15), ([(5, 15), (0, 10)], 15), ([(0, 10), (2, 3)], 10)],
)
def test_the_union_of_windows(spans, length):
    assert requests.union_s(spans) == length


def test_goodput_is_over_the_union_of_the_sending_windows():
    base = T0.timestamp()
    files = {name: [line("0", 5), line("10", 5)] for name in "abc"}
    # 0 to 10, 5 to 15, and apart 100 to 110: 25 s
    assert summed(files, walls={"a": base, "b": base + 5, "c": base + 100})["goodput_per_s"] == pytest.approx(6 / 25)


def test_a_workload_of_which_nothing_is_known_does_not_improve_the_score():
    cut = {"name": "peak", "prompts": 720, "start": stamp(5), "sending_s": 40, "result": "cut"}
    found = summed({"load": FIVE}, [{"name": "load", "sending_s": 5, "prompts": 5}, cut])
    assert (found["within_slo"], found["within_slo_share"]) == (2, 0.4)
    assert (found["within_slo_share_min"], found["within_slo_share_max"]) == (2 / 725, 722 / 725)
    assert found["sending_s"] == 45 and found["goodput_per_s"] == pytest.approx(2 / 45)
    # One that failed early sent no longer than it lived; of one without a plan nobody knows how long it sent.
    failed = {**cut, "result": "failed", "end": stamp(15)}
    assert summed({"load": FIVE}, [{"name": "load", "sending_s": 5}, failed])["sending_s"] == 15
    del cut["sending_s"]
    assert summed({"load": FIVE}, [{"name": "load", "sending_s": 5}, cut])["goodput_per_s"] is None


def test_without_a_window_there_is_no_goodput():
    found = summed({"load": [line("", 5)] * 3})
    assert found["within_slo"] == 3 and found["sending_s"] is None and found["goodput_per_s"] is None


def test_per_minute_by_hand():
    records = made({"load": [line("0", 100), failed_line("59"), line("60", 300), line("150", 2000)]}).records
    found = requests.per_minute(records, SLO)
    assert found["minute"].tolist() == [0, 1, 2]
    assert found[["sent", "answered", "failed", "within_slo"]].to_numpy().tolist() == [
        [2, 1, 1, 1],
        [1, 1, 0, 1],
        [1, 1, 0, 0],
    ]
    assert found["ttft_p50_ms"].tolist() == [100, 300, 2000]
    assert not len(requests.per_minute(no_requests().records, SLO))


def test_requests_meet_the_replicas_that_were_ready_when_they_were_sent():
    records = made({"load": [line(s, 5) for s in ("0", "60", "90", "120", "")]}).records
    ready = pd.DataFrame({"minutes": [1.0, 2.0], "ready": [1.0, 3.0]})
    found = requests.ready_when_sent(records, ready)
    assert found.tolist()[1:4] == [1, 1, 3] and math.isnan(found[0]) and math.isnan(found[4])
    assert requests.ready_when_sent(records, ready.iloc[:0]).isna().all()


def test_reasons_are_added_up_over_jobs():
    client = Client(
        (
            Result("a", reasons=(("x", 2), ("y", 1))),
            Result("b", reasons=(("y", 3),)),
            Result("warmup", reasons=(("z", 1),)),
        )
    )
    found = summed({"a": FIVE, "warmup": FIVE}, client=client)
    assert found["reasons"] == [{"reason": "y", "count": 4}, {"reason": "x", "count": 2}]


# --- the summary


def directory(path, files, **record):
    runs = [model_loop_run(60 * n, observed(8, 20), solution(9, 21, slo=(10, 1000))) for n in range(3)]
    return with_requests(write_run(path / "r", *runs, config={}, record=record or None), files)


def test_attainment_rests_on_requests_where_they_are_there(tmp_path):
    slo = summarize(run.load(directory(tmp_path, {"load": FIVE})))["slo"]
    assert (slo["basis"], slo["ttft_attainment"], slo["itl_attainment"]) == ("requests", 0.6, 0.6)
    assert slo["loaded_observations"] == 3


def test_attainment_rests_on_minutes_where_none_are_there(tmp_path):
    found = summarize(run.load(directory(tmp_path, {})))
    assert found["requests"] is None
    assert (found["slo"]["basis"], found["slo"]["ttft_attainment"]) == ("minutes", 1)


def test_what_was_cut_leaves_attainment_to_minutes(tmp_path):
    work = [{"name": "peak", "prompts": 900, "start": stamp(0), "result": "cut"}]
    found = summarize(run.load(directory(tmp_path, {}, workloads=work)))
    assert found["requests"]["unknown"] == 900 and found["slo"]["basis"] == "minutes"


def test_ready_replicas_are_those_of_the_samples(tmp_path):
    at = directory(tmp_path, {"load": FIVE})
    text = "".join(f"{pd.io.json.ujson_dumps(sample(s, 3, n))}\n" for s, n in ((0, 1), (60, 3)))
    (at / "cluster-samples.jsonl").write_text(text)
    assert requests.ready_replicas(run.load(at))["ready"].tolist() == [1, 3]


def test_the_last_sample_before_the_window_holds_at_its_start(tmp_path):
    work = [{"name": "load", "start": stamp(10), "result": "complete"}]
    at = directory(tmp_path, {"load": FIVE}, workloads=work)
    times = ((-20, 2), (5, 1), (16, 3))
    text = "".join(f"{pd.io.json.ujson_dumps(sample(s, 3, n))}\n" for s, n in times)
    (at / "cluster-samples.jsonl").write_text(text)
    found = run.load(at)
    ready = requests.ready_replicas(found)
    zero_s = (found.frames.zero - pd.Timestamp(T0)).total_seconds()
    assert (60 * ready["minutes"] + zero_s).round(6).tolist() == [10, 16] and ready["ready"].tolist() == [1, 3]
    assert found.samples.replicas["ready"].tolist() == [3], "in no other number"


# --- laws

_REQUEST = st.tuples(st.floats(0, 600), st.floats(0.01, 1e5), st.integers(1, 500), st.booleans())
_LOADS = st.lists(st.lists(_REQUEST, max_size=15), min_size=1, max_size=4)


def _lines(rows):
    return [line(f"{s:.3f}", t, 2.0, out) if ok else failed_line(f"{s:.3f}") for s, t, out, ok in rows]


@given(_LOADS)
def test_shares_sum_to_all_and_percentiles_rise(loads):
    found = summed({f"w{number}": _lines(rows) for number, rows in enumerate(loads)})
    sent = sum(map(len, loads))
    assert found["sent"] == found["answered"] + found["failed"] == sent
    assert sum(each["sent"] for each in found["workloads"]) == sent
    if sent:
        assert found["answered_share"] + found["failed_share"] == pytest.approx(1)
        assert 0 <= found["within_slo"] <= found["answered"]
    for column in requests.LATENCIES:
        if found[column]:
            rising = [found[column][f"p{which}"] for which in requests.PERCENTILES]
            assert rising == sorted(rising)


@given(_LOADS, st.randoms(use_true_random=False))
def test_the_order_of_workloads_and_requests_changes_no_number(loads, random):
    files = {f"w{number}": _lines(rows) for number, rows in enumerate(loads)}
    names = random.sample(sorted(files), len(files))
    shuffled = {name: random.sample(files[name], len(files[name])) for name in names}
    one, other = summed(files), summed(shuffled)
    for key in ("sent", "answered", "failed", "within_slo", "sending_s", "goodput_per_s"):
        assert one[key] == other[key]
    for column in requests.LATENCIES:
        assert one[column] == pytest.approx(other[column])


@given(_LOADS)
def test_how_the_same_requests_are_split_into_workloads_changes_no_share(loads):
    rows = [row for each in loads for row in each]
    whole, split = summed({"all": _lines(rows)}), summed({f"w{n}": _lines(each) for n, each in enumerate(loads)})
    for key in ("sent", "answered", "within_slo", "within_slo_share", "sending_s"):
        assert whole[key] == pytest.approx(split[key]) or (key == "sending_s" and not any(loads))
    assert whole["ttft_ms"] == pytest.approx(split["ttft_ms"])


@given(st.lists(_REQUEST, min_size=1, max_size=30))
def test_minutes_add_up_to_the_whole(rows):
    records = made({"load": _lines(rows)}).records
    found = requests.per_minute(records, SLO)
    within = requests.within_slo(records, SLO)
    assert found["sent"].sum() == len(rows) and found["failed"].sum() == (~records["answered"]).sum()
    assert within is not None and found["within_slo"].sum() == within.sum()


@given(st.lists(st.floats(0.1, 1e6), min_size=1, max_size=50))
def test_percentiles_are_numpys(values):
    found = requests.statistics(np.array(values))
    assert (
        found
        and found["p95"] == pytest.approx(np.percentile(values, 95))
        and found["mean"] == pytest.approx(np.mean(values))
    )
