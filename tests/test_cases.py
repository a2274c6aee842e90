"""Small captured inputs that were read wrong once: each gives its right values now."""

from __future__ import annotations

from functools import lru_cache

import pytest
from captured import CASES, needs_cases

from wva_parse import run
from wva_parse.aligned.experiment import Experiment
from wva_parse.measures.summary import summarize

pytestmark = needs_cases


@lru_cache
def case(name: str) -> Experiment:
    """A case, read."""
    return run.load(CASES / name)


def test_a_solution_with_a_new_field():
    read = case("solution-with-a-new-field")
    predicted = read.frames["prediction"]
    assert predicted["predicted_itl_ms"].tolist() == [7.514, 7.514]
    assert predicted["slo_itl_ms"].tolist() == [10, 10]
    assert read.counts.changed == []


def test_decisions_with_renamed_keys():
    read = case("decisions-with-renamed-keys")
    assert [(each.called, each.there, each.read) for each in read.counts.changed] == [
        ("variants of an analyzer", 3, 0),
        ("decisions", 3, 0),
    ]
    assert any(note.startswith("0 of 3 decisions were read: line 31: ") for note in read.notes)
    assert [each["called"] for each in summarize(read)["log"]["changed"]] == ["variants of an analyzer", "decisions"]


@pytest.mark.parametrize(
    ("name", "release"), [("v0.5-with-its-start-up-line", ["D4"]), ("v0.9-with-its-tls-lines", ["D7/D8"])]
)
def test_one_release(name, release):
    read = case(name)
    assert list(read.counts.dialects) == release
    assert not any("Several releases" in note for note in read.notes)


def test_a_later_fork_at_its_default_verbosity():
    read = case("d8-at-default-verbosity")
    (kv,), (queue,) = read.frames["kv_cache"].to_dict("records"), read.frames["queue"].to_dict("records")
    assert (round(kv["kv_cache_usage"], 3), queue["queue_length"], kv["pod"]) == (0.954, 0, queue["pod"])
    assert read.frames["scheduler_queue"]["scheduler_queue_length"].tolist() == [57]
    (decision,) = read.frames["scaling_decision"].to_dict("records")
    assert (decision["current_replicas"], decision["target_replicas"]) == (1, 3)
    bounds = read.frames["replica_capacity"]
    assert bounds["capacity_per_replica"][bounds["reason"] == "P4-k1"].tolist() == [487065]
    assert (read.counts.unrecognised, read.counts.changed) == ({}, [])


def test_an_error_with_a_stack_trace():
    read = case("console-error-stack")
    assert read.mode == "capacity-based"
    assert read.frames["failure"]["reason"].tolist() == [
        "multiple VariantAutoscalings found for Deployment ns-a/decode",
        "No saturation metrics available for model",
    ]


def test_a_log_without_the_line_that_begins_a_loop_run():
    read = case("v06-no-grouped-line")
    assert (read.mode, len(read.frames.reconciliations), len(read.frames["failure"])) == ("capacity-based", 5, 5)


def test_all_requests_failed():
    read = case("all-requests-failed")
    (client,) = read.client.results
    assert (client.completed, client.failed, client.mean_ttft_ms, client.mean_itl_ms) == (0, 4200, None, None)


def test_why_there_is_no_kv_usage_is_said():
    assert any("with --v=4 only since 0.5" in note for note in case("v06-no-grouped-line").notes)
    assert not any("KV usage" in note for note in case("d8-at-default-verbosity").notes)
