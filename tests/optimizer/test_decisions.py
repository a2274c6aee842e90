"""Which parameters a decision was made with, and what is said where nothing tells them."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from logs import MODEL, NAMESPACE, VARIANT, decision, model_loop_run, observed, solution, write_run

from wva_parse import run
from wva_parse.optimizer.decisions import decisions_of, last_words, source_of
from wva_parse.optimizer.inference import Logged, infer
from wva_parse.optimizer.queueing import Load, Objectives, Parameters, Profile, needed_replicas, predict

SPEC = Parameters(7.47, 0.044, 15.415, 0.000337)
TUNED = Parameters(8.0, 0.05, 16.0, 0.0003)
LOAD = Load(600, 210, 500)  # as `logs.solution` tells it
OBJECTIVES = Objectives(10, 1000)


def said(parameters, begin, separator="=", end=""):
    pairs = zip(Parameters._fields, parameters, strict=True)
    return begin + ", ".join(f"{name}{separator}{value:.6f}" for name, value in pairs) + end


STATUS = said(TUNED, f"Using state vals from VA status to tune variant {VARIANT}: ", "= ")
RESULT = said(TUNED, f"Tuned performance parameters result: variant {VARIANT}/{NAMESPACE} - ", ": ")
REJECTED = said(
    TUNED,
    f"Tuner NIS validation failed for variant {VARIANT}/{NAMESPACE}, server {VARIANT}:{NAMESPACE} (NIS=27.58 exceeds "
    "threshold 7.38) - Keeping previous state: ",
)
FROM_SPEC = said(SPEC, f"Using initial state from spec for variant {VARIANT}: ")
FALLBACK = said(SPEC, f"Using fallback parameters for variant {VARIANT}/{NAMESPACE}: ")
SYSTEM = said(SPEC, f"Updated SystemData for model={MODEL}, accelerator=H100: ")
NO_NUMBERS = f"Using parameters from spec for variant {VARIANT}/{NAMESPACE}"
WRITTEN = said(TUNED, f"Updated tuner status for variant {VARIANT}: ", end=", NIS=")


def predicted(parameters, load=LOAD):
    """The line of what the optimizer finds with these parameters."""
    profile = Profile(*parameters, 512)
    replicas = needed_replicas(profile, load, OBJECTIVES)
    found = predict(profile, load, replicas)
    return solution(round(found.itl_ms, 6), round(found.ttft_ms, 6), replicas)


def read(directory, *loop_runs, before=None):
    write_run(directory, *loop_runs)
    if before is not None:
        (directory / "cluster" / "before").mkdir(parents=True)
        (directory / "cluster" / "before" / "variantautoscalings.json").write_text(json.dumps(before))
    return decisions_of(run.load(directory))


def one_loop_run(*messages, prediction, at_s=0.0):
    return model_loop_run(at_s, [observed(8.5, 20), *messages], prediction, decision(1, 1))


@pytest.mark.parametrize(
    ("messages", "parameters", "source"),
    [
        ([STATUS], TUNED, "status"),
        ([FROM_SPEC], SPEC, "spec"),
        ([FROM_SPEC, RESULT], TUNED, "tuner"),
        ([STATUS, REJECTED], TUNED, "tuner"),
        ([STATUS, FALLBACK], SPEC, "spec"),
        ([FROM_SPEC, WRITTEN], TUNED, "tuner"),
        ([STATUS, NO_NUMBERS, SYSTEM], SPEC, "spec"),
        ([STATUS, SYSTEM], TUNED, "status"),  # of a model: nobody says of which variant
    ],
)
def test_the_last_line_before_the_prediction_counts(tmp_path, messages, parameters, source):
    (found,) = read(tmp_path / "run", one_loop_run(*messages, prediction=predicted(parameters)))
    assert (found.parameters, found.source) == (parameters, source)
    assert found.is_reproduced and found.is_prediction_reproduced
    assert (found.load, found.objectives, found.max_batch) == (LOAD, OBJECTIVES, 512)


def test_a_line_after_the_prediction_is_of_the_next_one(tmp_path):
    first = model_loop_run(0, [STATUS], predicted(TUNED), [FALLBACK, *decision(1, 1)])
    found = read(tmp_path / "run", first, one_loop_run(prediction=predicted(SPEC), at_s=60))
    assert [each.parameters for each in found] == [TUNED, SPEC]
    assert all(each.is_prediction_reproduced for each in found)


def test_twins_are_decisions_of_their_own_and_the_last_word_counts(tmp_path):
    twins = [one_loop_run(STATUS, prediction=predicted(TUNED), at_s=at_s) for at_s in (0, 0.03)]
    found = read(tmp_path / "run", *twins)
    assert [each.is_last_word for each in found] == [False, True]
    assert last_words(found) == found[1:]


def autoscaling(name=VARIANT, namespace=NAMESPACE):
    def profile(accelerator, alpha):
        decode, prefill = {"alpha": str(alpha), "beta": "0.05"}, {"gamma": "16.0", "delta": "0.0003"}
        return {"acc": accelerator, "perfParms": {"decodeParms": decode, "prefillParms": prefill}}

    labels = {"inference.optimization/acceleratorName": "H100"}
    return {
        "metadata": {"name": name, "namespace": namespace, "labels": labels},
        "spec": {"modelProfile": {"accelerators": [profile("A100", 20.0), profile("H100", 8.0)]}},
    }


def test_where_no_line_tells_them_the_cluster_does(tmp_path):
    others = [autoscaling("other"), autoscaling(namespace="elsewhere"), autoscaling()]
    (found,) = read(tmp_path / "run", one_loop_run(prediction=predicted(TUNED)), before=others)
    assert (found.parameters, found.source) == (TUNED, "cluster")
    oldest = {"metadata": {"name": VARIANT}, "spec": {"modelProfile": {"accelerators": [TUNED._asdict()]}}}
    (found,) = read(tmp_path / "oldest", one_loop_run(prediction=predicted(TUNED)), before=[oldest])
    assert (found.parameters, found.source) == (TUNED, "cluster")


@pytest.mark.parametrize(
    "before", [[], [{"metadata": {"name": VARIANT}}], [{"metadata": {"name": VARIANT}, "spec": 7}]]
)
def test_where_nothing_tells_them_the_predictions_do(tmp_path, before):
    loop_run = one_loop_run(prediction=predicted(SPEC))
    found = read(tmp_path / "run", loop_run, one_loop_run(prediction=predicted(SPEC), at_s=60), before=before)
    assert source_of(found) == "inferred"
    assert all(each.is_prediction_reproduced for each in found)


def test_a_prediction_that_is_not_reproduced_is_seen(tmp_path):
    (found,) = read(tmp_path / "run", one_loop_run(STATUS, prediction=solution(9.99, 16.7, 4)))
    assert (found.is_reproduced, found.is_prediction_reproduced) == (False, False)
    assert found.replayed == needed_replicas(Profile(*TUNED, 512), LOAD, OBJECTIVES)


def test_numbers_that_are_no_profile(tmp_path):
    nonsense = said(Parameters(0, 0.05, 16, 0.1), f"Using fallback parameters for variant {VARIANT}/{NAMESPACE}: ")
    (found,) = read(tmp_path / "run", one_loop_run(nonsense, prediction=solution(9, 16)))
    assert (found.profile, found.replayed, found.predicted, found.is_reproduced) == (None, None, None, False)


def test_no_decisions(tmp_path):
    assert read(tmp_path / "run", model_loop_run(0, observed(8.5, 20))) == []
    assert source_of([]) is None
    assert infer(()) is None


@settings(max_examples=15, deadline=None)
@given(
    st.tuples(st.floats(5, 30), st.floats(0.01, 0.2), st.floats(5, 100), st.floats(1e-4, 1e-3)),
    st.lists(st.tuples(st.floats(0.1, 0.8), st.integers(50, 1000), st.integers(50, 1000)), min_size=3, max_size=5),
)
def test_inferred_parameters_reproduce_what_they_were_inferred_from(parameters, loads):
    profile = Profile(*(float(f"{value:.4g}") for value in parameters), 256)
    logged = []
    for share, tokens_in, tokens_out in loads:
        full = 256 / (profile.prefill_ms(tokens_in, 256) + (tokens_out - 1) * profile.itl_ms(256)) * 60_000
        load = Load(share * full, tokens_in, tokens_out)
        logged.append(Logged(load, 1, 256, *predict(profile, load, 1)[:2]))
    idle = Load(0, 0, 0)
    logged.append(Logged(idle, 1, 256, *predict(profile, idle, 1)[:2]))
    found = infer(tuple(logged))
    for each in logged:
        assert predict(Profile(*found, 256), each.load, 1)[:2] == pytest.approx((each.itl_ms, each.ttft_ms), rel=1e-3)
