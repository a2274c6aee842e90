"""Figures: what is drawn, where, and with which words."""

from __future__ import annotations

import numpy as np
import pytest
from examples import analysed
from logs import capacity_loop_run, decision, model_loop_run, observed, solution, stamp, write_run

from wva_parse import run
from wva_parse.analysis import ANALYZER_PLOTS, CAPACITY_PLOTS, COMMON_PLOTS, MODEL_PLOTS, TUNER_PLOTS
from wva_parse.report import plots

EVERY = {**MODEL_PLOTS, **CAPACITY_PLOTS, **COMMON_PLOTS, **ANALYZER_PLOTS, **TUNER_PLOTS}
UNITLESS = ("pairs", "replicas", "requests per second", "requests/s", "waiting")
RECORD = {
    "status": "complete",
    "simulated": True,
    "workloads": [{"name": "first", "rate_per_s": 10, "start": stamp(0), "end": stamp(200)}],
    "cooldown": {"start": stamp(200), "end": stamp(400)},
}


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    runs = [
        model_loop_run(60 * n, observed(8 + n, 20, replicas=1), solution(9, 21), decision(1, 1 + (n == 2)))
        for n in (0, 1, 2, 5, 6)
    ]
    return run.load(write_run(tmp_path_factory.mktemp("m") / "model-run", *runs, config={}, record=RECORD))


@pytest.fixture(scope="module")
def capacity(tmp_path_factory):
    states = [{"pod-a": (0.5, 0)}, {"pod-a": (0.95, 9), "pod-b": (0.2, 1)}, {"pod-a": (0.6, 0), "pod-b": (0.5, 0)}]
    runs = [capacity_loop_run(60 * n, state, current=1, target=1 + (n == 1)) for n, state in enumerate(states)]
    return run.load(write_run(tmp_path_factory.mktemp("c") / "capacity-run", *runs, config={}))


@pytest.fixture(scope="module")
def empty(tmp_path_factory):
    only = [(0, "Operating in MODEL-ONLY mode: model-based optimization only")]
    return run.load(write_run(tmp_path_factory.mktemp("e") / "empty", only, config={}))


def lines(axis) -> dict[str, np.ndarray]:
    return {line.get_label(): line.get_xydata() for line in axis.get_lines()}


@pytest.mark.parametrize("draw", EVERY.values(), ids=EVERY)
def test_every_figure_of_every_run_has_labels_and_can_be_drawn(draw, model, capacity, empty):
    for experiment in (model, capacity, empty):
        figure = draw(experiment)
        figure.canvas.draw()
        assert experiment.name not in figure.get_suptitle()  # it stands in the report of that run
        for axis in figure.axes:
            label = axis.get_ylabel()
            assert label, "an axis without a name"
            assert "(" in label or label in UNITLESS, "a unit is missing"
        assert any(axis.get_xlabel() for axis in figure.axes)


def test_predictions_are_drawn_at_the_time_of_their_observation(model):
    figure = plots.prediction_vs_observation(model)
    itl, ttft = figure.axes
    assert lines(itl)["predicted, settled"][:, 1].tolist() == [9, 9, 9]
    assert lines(itl)["predicted, settled"][:, 0] == pytest.approx([1, 2, 6], abs=0.01)
    assert lines(ttft)["predicted, settled"][:, 1].tolist() == [21, 21, 21]
    assert "within the SLO" in itl.get_legend_handles_labels()[1]
    assert "SLO 10 ms" in [text.get_text() for text in itl.texts]
    assert itl.get_ylim()[0] == 0


def test_missed_reconciliations_are_gaps(model):
    observed_line = lines(plots.latencies(model).axes[0])["observed"]
    assert np.isnan(observed_line[3, 1])  # between minutes 2 and 5
    assert observed_line[~np.isnan(observed_line[:, 1]), 1].tolist() == [8, 9, 10, 13, 14]


def test_simulated_runs_say_so_and_others_do_not(model, capacity):
    assert "SIMULATED" in plots.latencies(model).legends[0].get_title().get_text()
    assert plots.latencies(capacity).get_supxlabel() == ""


def test_rates_are_per_second_and_the_plan_is_a_step(model):
    drawn = lines(plots.arrival_rate(model).axes[0])
    measured = drawn["answered, by WVA"][:, 1]
    assert set(measured[~np.isnan(measured)]) == {10}  # 600 per minute
    assert drawn["offered by the Jobs"].tolist() == [[0, 10], [pytest.approx(200 / 60), 0]]


def test_time_begins_with_the_first_workload_even_if_no_reconciliation_does(tmp_path):
    late = {**RECORD, "workloads": [{**RECORD["workloads"][0], "start": stamp(10)}]}
    runs = [model_loop_run(60 * n, observed(8, 20), solution(9, 21), decision(1, 1)) for n in range(4)]
    figure = plots.arrival_rate(run.load(write_run(tmp_path / "r", *runs, config={}, record=late)))
    assert figure.axes[0].get_xlim()[0] == 0


def test_time_zero_is_said(model, capacity):
    assert plots.latencies(model).axes[-1].get_xlabel() == "minutes since the first load"
    assert plots.latencies(capacity).axes[-1].get_xlabel() == "minutes since the log's start"


def test_thresholds_and_saturation_are_drawn(capacity):
    (axis,) = plots.kv_cache_utilization(capacity).axes
    assert lines(axis)["our threshold 90 %"][:, 1].tolist() == [90, 90]
    assert "saturated" in axis.get_legend_handles_labels()[1]
    assert lines(axis)["mean of the pods"][:, 1] == pytest.approx([50, 57.5, 55])
    (axis,) = plots.queue_length(capacity).axes
    assert "our threshold 5 requests" in lines(axis)
    assert lines(axis)["sum over the pods"][:, 1].tolist() == [0, 10, 0]


def test_the_controllers_own_limits_and_what_it_masked_are_drawn(tmp_path):
    states = ({"a": (0.3, 1)}, {"a": (0.95, 9)}, {"a": (1.0, 300), "b": (0.1, 0)})
    runs = [analysed(60 * n, pods) for n, pods in enumerate(states)]
    experiment = run.load(write_run(tmp_path / "r", *runs, config={}))
    (axis,) = plots.kv_cache_utilization(experiment).axes
    assert lines(axis)["WVA: saturated from 80 %"][:, 1] == pytest.approx([80, 80])
    assert lines(axis)["WVA: more above 70 %,\nmean of the pods not saturated"][:, 1] == pytest.approx([70, 70])
    assert lines(axis)["masked saturation (n = 1)"][:, 0] == pytest.approx([2], abs=0.01)
    (axis,) = plots.queue_length(experiment).axes
    assert lines(axis)["WVA: saturated from 5 requests"][:, 1].tolist() == [5, 5]
    assert lines(axis)["WVA: more above 2 requests,\nmean of the pods not saturated"][:, 1].tolist() == [2, 2]
    assert axis.get_yscale() == "symlog"  # 300 against 5


def test_scale_ups_are_marked_with_their_number(capacity):
    axis = plots.scaling_with_context(capacity).axes[0]
    assert lines(axis)["target raised (n = 1)"].tolist() == [[pytest.approx(1, abs=0.01), 2]]


def test_each_pod_has_its_line(capacity):
    (axis,) = plots.per_pod_kv_cache(capacity).axes
    assert lines(axis)["…pod-a"][:, 1] == pytest.approx([50, 95, 60])
    assert lines(axis)["…pod-b"][:, 1] == pytest.approx([20, 50])


def test_many_pods_share_one_entry_of_the_legend(tmp_path):
    pods = {f"pod-{number}": (number / 50, 0) for number in range(40)}
    runs = [capacity_loop_run(60 * n, pods) for n in range(2)]
    (axis,) = plots.per_pod_kv_cache(run.load(write_run(tmp_path / "r", *runs, config={}))).axes
    assert axis.get_legend_handles_labels()[1] == ["40 pods", "threshold 90 %"]


def test_variants_are_told_apart(tmp_path):
    seen = [observed(8, 20), observed(5, 9, variant="other")]
    predicted = [solution(9, 21), solution(6, 10, variant="other")]
    runs = [model_loop_run(60 * n, [*seen, *predicted]) for n in range(3)]
    experiment = run.load(write_run(tmp_path / "r", *runs, config={}))
    axes = plots.prediction_vs_observation(experiment).axes
    assert [axis.get_ylabel() for axis in axes] == [
        *("ITL (ms), llama-decode", "ITL (ms), other", "TTFT (ms), llama-decode", "TTFT (ms), other")
    ]
    assert [lines(axis)["observed"][:, 1].tolist() for axis in axes] == [[8] * 3, [5] * 3, [20] * 3, [9] * 3]
    assert [lines(axis)["predicted, settled"][:, 1].tolist() for axis in axes] == [[9] * 2, [6] * 2, [21] * 2, [10] * 2]
    assert axes[0].get_ylim() == axes[1].get_ylim() != axes[2].get_ylim()
    assert len({axis.get_xlim() for axis in axes}) == 1
    shown = plots.latencies(experiment).axes[0]
    assert {name for name in lines(shown) if name.startswith("observed")} == {
        "observed, llama-decode",
        "observed, other",
    }


def test_each_variant_has_a_panel_of_its_replicas(tmp_path):
    decided = [*decision(1, 3), *decision(2, 1, variant="llama-decode-2")]
    experiment = run.load(write_run(tmp_path / "r", model_loop_run(0, decided=decided), config={}))
    for draw, others in ((plots.scaling_behavior, 1), (plots.scaling_with_context, 2)):
        first, second = draw(experiment).axes[:-others]
        assert (first.get_ylabel(), second.get_ylabel()) == ("replicas, decode", "replicas, decode-2")
        assert lines(first)["target raised (n = 1)"][:, 1].tolist() == [3]
        assert lines(second)["target lowered (n = 1)"][:, 1].tolist() == [1]
        assert first.get_ylim() == second.get_ylim()


def test_an_axis_on_which_nothing_is_drawn_has_no_numbers(empty):
    figure = plots.prediction_vs_observation(empty)
    assert [list(axis.get_yticks()) for axis in figure.axes] == [[], []]


def test_what_is_missing_is_said(empty):
    texts = [text.get_text() for axis in plots.latencies(empty).axes for text in axis.texts]
    assert texts == ["no observed ITL", "no observed TTFT"]


def test_values_that_would_flatten_all_others_are_drawn_logarithmically(tmp_path):
    runs = [model_loop_run(60 * n, observed(8, 20 if n else 5000)) for n in range(5)]
    itl, ttft = plots.latencies(run.load(write_run(tmp_path / "r", *runs, config={}))).axes
    assert (itl.get_yscale(), ttft.get_yscale()) == ("linear", "log")
