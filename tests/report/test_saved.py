"""Figures as files: the formats, the same bytes for the same figure, and the values that an SVG carries."""

from __future__ import annotations

import json

import numpy as np
import pytest
from matplotlib.figure import Figure

from wva_parse.report import formats, saved


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
