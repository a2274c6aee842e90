"""Figures as files: the formats, the same bytes for the same figure, and the values that an SVG carries."""

from __future__ import annotations

import gc
import json
import weakref

import numpy as np
import pytest
from logs import model_loop_run, observed, solution, write_run
from matplotlib.figure import Figure

from wva_parse import plots, run
from wva_parse.report import formats, saved
from wva_parse.report.drawn import once


@pytest.fixture
def figure():
    made = Figure(figsize=(4, 3))
    upper, lower = made.subplots(2, 1, sharex=True)
    upper.step([0, 1, 2], [1, 3, 2], where="post", label="held </script> & more")
    upper.axhline(9, label="a limit")
    upper.plot([0.5], [1], "o", label="a moment")
    lower.plot([0, 1, 2], [4.1234567, np.nan, 6])
    upper.set_ylabel("replicas")
    lower.set_ylabel("ITL\n(ms)")
    lower.set_xlabel("minutes since the first load")
    return made


def test_one_figure_is_rendered_in_each_format_the_same_each_time(figure):
    files = [saved.rendered(figure, kind) for kind in formats.FORMATS]
    assert [each[:5] for each in files] == [b"\x89PNG\r", b"<?xml", b"%PDF-"]
    assert files == [saved.rendered(figure, kind) for kind in formats.FORMATS]


def test_an_svg_carries_the_values_of_its_series_and_nothing_that_ends_a_script(figure):
    told = formats.readout_of(saved.rendered(figure, "svg").decode())
    assert "<" not in told and "&" not in told
    upper, lower = json.loads(told)
    assert upper["lines"] == [{"name": "held </script> & more", "x": [0, 1, 2], "y": [1, 3, 2], "step": True}]
    assert lower["lines"] == [{"name": "", "x": [0, 1, 2], "y": [4.1235, None, 6], "step": False}]
    assert (upper["unit"], lower["unit"]) == ("replicas", "ITL (ms)")
    assert 0 < upper["at"][1] < lower["at"][1] < 1 and upper["x"] == lower["x"]


def test_a_figure_that_is_not_over_time_carries_none(figure):
    figure.axes[-1].set_xlabel("requests")
    assert formats.readout_of(saved.rendered(figure, "svg").decode()) == ""


def test_a_figure_is_laid_out_and_drawn_once_for_a_format_and_again_when_it_has_changed(figure, monkeypatch):
    drawn, draw = [], Figure.draw
    monkeypatch.setattr(Figure, "draw", lambda self, renderer: drawn.append(renderer) or draw(self, renderer))
    first = [saved.rendered(figure, kind) for kind in ("png", "svg", "png", "svg", "png")]
    assert len(drawn) == 2
    assert first[0] is first[2] is first[4] and first[1] is first[3]
    figure.axes[0].set_ylim(0, 90)
    assert saved.rendered(figure, "png") != first[0]
    assert saved.rendered(figure, "svg") != first[1]
    assert len(drawn) == 4


def test_rendering_leaves_a_figure_as_it_was(figure):
    figure.set_layout_engine("constrained")
    before = figure.get_layout_engine(), figure.dpi, figure.canvas
    saved.rendered(figure, "pdf")
    assert (figure.get_layout_engine(), figure.dpi, figure.canvas) == before


def test_a_run_has_one_figure_of_each_kind_and_takes_it_along(tmp_path):
    made = []

    def draw(run):
        made.append(Figure())
        return made[-1]

    directory = write_run(tmp_path / "r", model_loop_run(0, observed(9, 20), solution(9.5, 21)))
    one, other = run.load(directory), run.load(directory)
    assert once(draw)(one) is once(draw)(one) is made[0]
    assert once(draw)(other) is made[1]
    gone = weakref.ref(made.pop())
    del other
    gc.collect()
    assert gone() is None


@pytest.mark.parametrize("name", [*plots.__all__])
def test_figures_do_not_keep_their_run(name, tmp_path):
    directory = write_run(tmp_path / "r", model_loop_run(0, observed(9, 20), solution(9.5, 21)))
    loaded = run.load(directory)
    figure = getattr(plots, name)(loaded)
    assert saved.rendered(figure, "png")
    gone = weakref.ref(loaded)
    del loaded
    gc.collect()
    assert gone() is None
