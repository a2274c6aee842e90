"""The figures of parts and prices: what is drawn where."""

from __future__ import annotations

import pytest
from logs import model_loop_run, write_run
from modelled import Minute, modelled_run

from wva_parse import run
from wva_parse.optimizer import attribution
from wva_parse.report import why_plots

MINUTES = [Minute(rate, replicas, 1.1) for rate, replicas in ((600, 1), (600, 1), (900, 2), (2400, 2))]


@pytest.fixture(scope="module")
def modelled(tmp_path_factory):
    return run.load(modelled_run(tmp_path_factory.mktemp("m") / "m", MINUTES, config={}))


@pytest.fixture(scope="module")
def empty(tmp_path_factory):
    return run.load(write_run(tmp_path_factory.mktemp("e") / "e", model_loop_run(0), config={}))


def test_bars_reach_from_the_prediction_to_the_observation(modelled):
    axis = why_plots.error_parts_over_time(modelled).axes[0]
    pairs = attribution.with_parts(modelled)
    spans = {}
    for bar in axis.patches:
        spans.setdefault(round(bar.get_x() + bar.get_width() / 2, 3), []).append((bar.get_y(), bar.get_height()))
    assert len(spans) == len(pairs) == 3
    for pair, bars in zip(pairs.to_dict("records"), spans.values(), strict=True):
        assert len(bars) == 3
        parts = [pair[f"itl_error_{part}_ms"] for part in ("load", "replicas", "model")]
        assert [height for _, height in bars] == pytest.approx([abs(part) for part in parts])
        top = max(y + height for y, height in bars)
        bottom = min(y for y, _ in bars)
        assert top == pytest.approx(pair["predicted_itl_ms"] + sum(part for part in parts if part > 0))
        assert bottom == pytest.approx(pair["predicted_itl_ms"] + sum(part for part in parts if part < 0))


def test_load_and_slo_are_on_the_same_axis_of_time(modelled):
    figure = why_plots.error_parts_over_time(modelled)
    itl, ttft, load, _ = figure.axes
    labels = [text.get_text() for text in itl.figure.legends[0].get_texts()]
    assert {"SLO 10 ms", "load (right)", "predicted", "observed", "the model"} <= set(labels)
    (line,) = load.get_lines()
    assert line.get_ydata().tolist() == [10, 10, 15, 40]
    assert itl.get_xlim() == load.get_xlim() == ttft.get_xlim()


def test_the_runs_own_point_lies_on_the_curve(modelled):
    axis = why_plots.price_of_slo(modelled).axes[0]
    curve, slo, own = axis.get_lines()
    assert slo.get_xdata()[0] == own.get_xdata()[0] == 10
    at = max(index for index, ms in enumerate(curve.get_xdata()) if ms <= 10)
    assert curve.get_ydata()[at] >= own.get_ydata()[0] >= curve.get_ydata()[at + 1]


def test_a_run_without_decisions_says_so(empty):
    for figure, words in (
        (why_plots.error_parts_over_time(empty), "no pair could be attributed"),
        (why_plots.price_of_slo(empty), "nothing was decided under load"),
    ):
        figure.canvas.draw()
        assert words in [text.get_text() for text in figure.axes[0].texts]
