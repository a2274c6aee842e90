"""The whole run in one figure: what stands on which panel, as steps, with starved time through all of them."""

from __future__ import annotations

import numpy as np
import pytest
from logs import capacity_loop_run, model_loop_run, observed, solution, stamp, write_run

from wva_parse import run
from wva_parse.report.overview import overview

# Starved at minute 1, ready again at 2; the target is raised at minute 1.
STATES = (
    ({"a": (0.5, 0)}, 1, 1),
    ({"a": (0.95, 9)}, 1, 2),
    ({"a": (0.4, 0), "b": (0.2, 0)}, 2, 2),
    ({"a": (0.1, 0)}, 2, 2),
)
WORK = {"name": "w", "rate_per_s": 10, "start": stamp(0), "end": stamp(150)}


@pytest.fixture
def figure(tmp_path):
    runs = [
        capacity_loop_run(60 * n, pods, observed(8 + n, 20, replicas=now), now, target)
        for n, (pods, now, target) in enumerate(STATES)
    ]
    record = {"workloads": [WORK], "cooldown": {"end": stamp(180)}, "simulated": True}
    return overview(run.load(write_run(tmp_path / "r", *runs, config={"slo": {"itl_ms": 10}}, record=record)))


def lines(axis) -> dict[str, np.ndarray]:
    return {str(line.get_label()): line.get_xydata() for line in axis.get_lines()}


def test_each_panel_has_its_own(figure):
    rate, replicas, itl, ttft, state, queue = figure.axes
    assert lines(rate)["offered"].tolist() == [[0, 0], [0, 10], [2.5, 0]]
    assert lines(rate)["answered (WVA)"][:, 1].tolist() == [10, 10, 10, 10]
    assert lines(replicas)["held"][:, 1].tolist() == [1, 1, 2, 2]
    assert lines(replicas)["ready"][:, 1].tolist() == [1, 1, 2, 1]
    assert lines(replicas)["target raised (n = 1)"].tolist() == [[pytest.approx(1, abs=0.01), 2]]
    assert list(itl.get_lines()[0].get_ydata()) == [8, 9, 10, 11]
    assert "SLO 10 ms" in [text.get_text() for text in itl.texts] and not ttft.texts
    assert state.get_lines()[0].get_ydata() == pytest.approx([50, 95, 40, 10])
    assert lines(queue)["waiting (right)"][:, 1].tolist() == [0, 9, 0, 0]
    assert figure.axes[4].get_xlabel() == "minutes since the first load"


def test_values_are_steps_and_nothing_is_a_ramp(figure):
    drawn = [line for axis in figure.axes for line in axis.get_lines() if len(line.get_xdata()) > 2]
    assert {line.get_drawstyle() for line in drawn} == {"steps-post"}


def test_starved_time_is_shaded_through_all_panels(figure):
    for axis in figure.axes[:5]:
        (span,) = [patch for patch in axis.patches if patch.get_label() == "starved" or patch.get_zorder() == 0]
        box = span.get_extents().transformed(axis.transData.inverted())
        assert (box.x0, box.x1) == (pytest.approx(1, abs=0.01), pytest.approx(2, abs=0.01))


def test_there_is_one_legend_each_label_once_and_what_is_simulated_says_so(figure):
    labels = [text.get_text() for text in figure.legends[0].get_texts()]
    assert len(figure.legends) == 1 and len(labels) == len(set(labels))
    assert not [axis for axis in figure.axes if axis.get_legend()]
    assert "SIMULATED" in figure.get_supxlabel() + figure.legends[0].get_title().get_text()


def test_letters_are_as_large_as_those_of_a_page(figure):
    assert figure.get_figwidth() == 7
    sizes = {label.get_fontsize() for axis in figure.axes for label in (axis.yaxis.label, *axis.get_yticklabels())}
    assert min(sizes) >= 9


def test_an_empty_run_can_be_drawn(tmp_path):
    only = [(0, "Operating in MODEL-ONLY mode: model-based optimization only")]
    overview(run.load(write_run(tmp_path / "e", only, config={}))).canvas.draw()
    high = [model_loop_run(60 * n, observed(8, 20 if n else 9000), solution(9, 40)) for n in range(9)]
    figure = overview(run.load(write_run(tmp_path / "h", *high, config={})))
    assert figure.axes[3].get_yscale() == "log" and figure.axes[3].get_ylabel() == "TTFT (ms), log"
