"""summary.json: its keys are a contract, its numbers are those of the statistics, NaN never gets in."""

from __future__ import annotations

import re
from pathlib import Path

import orjson
import pytest
from examples import analysed
from logs import VARIANT, capacity_loop_run, decision, model_loop_run, observed, solution, stamp, write_run

from wva_parse import run
from wva_parse.measures import summary

KEYS = {
    "schema",
    "mode",
    "reconciliations",
    "interval_s",
    "loop_runs",
    "pairs",
    "accuracy",
    "slo",
    "actions",
    "replicas",
    "kv_cache",
    "queue",
    "log",
}


@pytest.fixture
def model(tmp_path):
    runs = [
        model_loop_run(60 * number, observed(8 + number, 20), solution(9, 40), decision(1, 1 + number))
        for number in range(3)
    ]
    return summary.summarize(run.load(write_run(tmp_path / "m", *runs, config={})))


FILES = Path(__file__).resolve().parents[2] / "docs" / "files.md"


def test_keys_of_a_model_based_run(model):
    assert set(model) >= KEYS
    assert model["schema"] == 2
    assert model["pairs"] == {"all": 2, "loaded": 2, "settled": 2}
    assert set(model["accuracy"]) == {"all", "loaded", "settled"}
    assert set(model["accuracy"]["all"]["itl"]) == {"n", "bias_ms", "mae_ms", "rmse_ms", "median_abs_ms", "mape", "r2"}
    assert set(model["slo"]) >= {"itl_ms", "ttft_ms", "source", "itl_attainment", "ttft_attainment"}
    assert set(model["replicas"]) >= {"min", "max", "mean", "replica_seconds"}
    assert set(model["log"]) >= {"lines", "recognised", "unrecognised", "not_json"}
    assert model["kv_cache"] is None and model["queue"] is None


def test_numbers_of_a_model_based_run(model):
    assert model["accuracy"]["settled"]["itl"]["bias_ms"] == pytest.approx(0.5)  # observed 9 and 10 for 9
    assert model["slo"]["itl_attainment"] == 1
    assert model["actions"] == {"no-change": 1, "scale-up": 2}
    assert model["unpaired"] == {"last": 1}


def sampled_run(directory: Path, predicted: str = solution(9, 20)) -> Path:
    """20 requests per second for a minute; one replica is wanted until 70 s, then three."""
    workload = {"name": "w", "start": stamp(60), "end": stamp(120), "rate_per_s": 20}
    record = {"status": "complete", "workloads": [workload], "cooldown": {"end": stamp(150)}}
    runs = [model_loop_run(60 * number, observed(9, 20), predicted, decision(1, 3)) for number in range(4)]
    at = write_run(directory, *runs, config={}, record=record)
    samples = [
        {"time": stamp(at_s), "deployment": {"name": VARIANT, "spec": 1 if at_s < 70 else 3, "ready": 1}}
        for at_s in range(0, 181, 10)
    ]
    (at / "cluster-samples.jsonl").write_text("".join(f"{orjson.dumps(each).decode()}\n" for each in samples))
    return at


def test_demand_is_compared_over_the_time_that_the_replica_seconds_are_of(tmp_path):
    # The window goes on for 30 s after the load: 10 s of one and 80 s of three replicas; 60 s of two needed, 30 of one.
    found = summary.summarize(run.load(sampled_run(tmp_path / "r"), replica_capacity_per_s=10))
    elasticity = found["elasticity"]
    assert found["replicas"]["replica_seconds"] == found["supply"]["held_replica_s"] == pytest.approx(250)
    assert found["supply"]["ready_replica_s"] == pytest.approx(90)
    assert elasticity["used_replica_s"] == pytest.approx(250)
    assert (elasticity["duration_s"], elasticity["needed_replica_s"]) == (pytest.approx(90), pytest.approx(150))
    assert elasticity["over_replica_s"] - elasticity["under_replica_s"] == pytest.approx(100)
    assert (elasticity["capacity_from"], elasticity["demand_from"]) == ("given", "plan")


def test_without_a_stated_capacity_there_is_no_need_but_a_curve(tmp_path):
    found = summary.summarize(run.load(sampled_run(tmp_path / "r", predicted="")))
    assert found["elasticity"] is None
    assert [row["at_peak"] for row in found["elasticity_by_capacity"]][:2] == [1, 2]


def test_the_rate_that_was_answered_is_no_demand(tmp_path):
    runs = [model_loop_run(60 * n, observed(8, 20), solution(9, 40), decision(1, 1)) for n in range(3)]
    found = summary.summarize(run.load(write_run(tmp_path / "r", *runs, config={}), replica_capacity_per_s=1))
    assert found["arrival_rate"]["max_per_s"] == 10 and found["arrival_rate"]["offered_max_per_s"] is None
    assert found["elasticity"] is None and found["elasticity_by_capacity"] == []


def test_supply_and_demand_are_not_compared_over_a_clock_set_back(tmp_path):
    record = {"workloads": [{"name": "w", "start": stamp(-7200), "end": stamp(120), "rate_per_s": 20}]}

    def found(*starts_s):
        runs = [model_loop_run(at_s, observed(8, 20), solution(9, 40), decision(1, 1)) for at_s in starts_s]
        at = write_run(tmp_path / str(starts_s[-1]), *runs, config={}, record=record)
        return summary.summarize(run.load(at, replica_capacity_per_s=10))

    assert found(0, 60, 120)["elasticity"]["duration_s"] == pytest.approx(7320)
    assert found(0, 60, -3600)["elasticity"] is None


def test_capacity_based_run(tmp_path):
    runs = [capacity_loop_run(60 * number, {"a": (0.95, 7), "b": (0.1, 0)}, current=2, target=2) for number in range(2)]
    found = summary.summarize(run.load(write_run(tmp_path / "c", *runs, config={}), kv_cache_threshold=0.5))
    assert found["accuracy"] == {group: {"itl": None, "ttft": None} for group in ("all", "loaded", "settled")}
    assert found["kv_cache"]["threshold"] == 0.5
    assert found["kv_cache"]["saturated_share"] == 0.5
    assert found["queue"]["above_threshold_share"] == 0.5
    assert found["replicas"]["mean"] == 2


def test_the_analyses_of_a_capacity_based_run_are_replayed(tmp_path):
    states = ({"a": (0.3, 1)}, {"a": (0.95, 9)}, {"a": (1.0, 300), "b": (0.1, 0)}, {"a": (0.3, 1)})
    runs = [analysed(60 * n, pods) for n, pods in enumerate(states)]
    found = summary.summarize(run.load(write_run(tmp_path / "c", *runs, config={})))
    assert found["replay"] == {
        "decisions": None,
        "reproduced": None,
        "parameters": None,
        "analyses": 4,
        "analyses_reproduced": 4,
        "kv_threshold": 0.8,
        "queue_threshold": 5,
        "kv_trigger": 0.1,
        "queue_trigger": 3,
        "masked": 1,
    }
    capacity = found["capacity"]
    assert capacity["limits"]["source"] == "log"
    assert (capacity["not_reproduced"], capacity["not_replayed"]) == ([], "")
    assert capacity["masked"]["minutes"] == pytest.approx(1)
    assert [row["reconciliations"] for row in capacity["why"]] == [1, 1, 1, 1]
    assert found["findings"][0].startswith("Saturation was masked in 1 of 4 reconciliations")
    assert orjson.loads(orjson.dumps(found)) == found


def test_half_a_pair_of_thresholds_is_told_apart_from_what_was_replayed(tmp_path):
    only = analysed(0, {"a": (0.75, 0)}, debug=False)  # names what was spare of the KV cache
    found = summary.summarize(run.load(write_run(tmp_path / "c", only, config={})))
    assert (found["replay"]["analyses"], found["replay"]["kv_threshold"], found["replay"]["kv_trigger"]) == (
        0,
        None,
        0.1,
    )
    assert found["capacity"]["limits"]["kv_threshold"] == 0.8
    assert "tells the queue threshold" in found["capacity"]["not_replayed"]
    assert found["replay"]["masked"] == 0


def test_it_is_json_without_nan(tmp_path):
    found = summary.summarize(run.load(write_run(tmp_path / "one", model_loop_run(0, observed(0, 0)), config={})))
    assert found["interval_s"] is None
    assert orjson.loads(orjson.dumps(found)) == found


def test_every_key_is_documented_with_its_definition(tmp_path):
    found = summary.summarize(run.load(write_run(tmp_path / "one", model_loop_run(0, observed(8, 20)), config={})))
    table = FILES.read_text(encoding="utf-8").partition("## summary.json")[2]
    rows = [line.split("|")[1:3] for line in table.splitlines() if line.startswith("| `")]
    assert {key for keys, _ in rows for key in re.findall(r"`(\w+)`", keys)} == set(found)
    named = {name for _, where in rows for name in re.findall(r"`([a-z/]+\.py)`", where)}
    assert [name for name in sorted(named) if not (FILES.parents[1] / "wva_parse" / name).is_file()] == []


def test_several_clients_of_a_workload_are_in_it_and_one_is_not(tmp_path):
    works = [{"name": "several", "start": stamp(0), "clients": 3}, {"name": "single", "start": stamp(0)}]
    directory = write_run(tmp_path / "m", model_loop_run(0, observed(8, 20)), record={"workloads": works}, config={})
    found = summary.summarize(run.load(directory))["workloads"]
    assert [work.get("clients") for work in found] == [3, None]
    assert "clients" not in found[1]
