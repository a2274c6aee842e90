"""Figures of a comparison: what they are drawn of, and that they can be read in print."""

from __future__ import annotations

import numpy as np
import pytest
from logs import capacity_loop_run, model_loop_run, observed, solution, write_run
from matplotlib.colors import to_hex
from matplotlib.text import Text

from wva_parse import run
from wva_parse.report import compare_plots
from wva_parse.report.compare_plots import LOOKS, POINTS, over_time, trade_off


def made(directory, mode, number, itl):
    """Five minutes of load at 1 replica."""
    if mode == "model-based":
        runs = [model_loop_run(60 * n, observed(itl, 20), solution(9, 21)) for n in range(5)]
    else:
        runs = [capacity_loop_run(60 * n, {"a": (0.2, 0)}, seen=observed(itl, 20)) for n in range(5)]
    return run.load(write_run(directory / f"{mode}-a-2026010{number}-000000", *runs, config={"mode": mode}))


@pytest.fixture
def runs(tmp_path):
    return [
        *(made(tmp_path, "model-based", n, itl) for n, itl in enumerate((8, 9, 13), start=1)),
        made(tmp_path, "capacity-based", 4, 20),
    ]


def summary(mode, hours, share=None, itl=10.0):
    return {
        "run": f"{mode}-{hours}",
        "mode": mode,
        "cost": {"replica_hours": hours},
        "requests": None if share is None else {"within_slo_share": share},
        "latency": {"itl_ms": itl},
    }


def texts(figure):
    return [text for text in figure.findobj(Text) if text.get_text() and text.get_visible()]


def test_a_point_per_run_and_the_median_of_each_mode():
    runs = [summary("model-based", hours, share) for hours, share in ((1, 0.9), (2, 0.8), (6, 1.0))]
    figure = trade_off([*runs, summary("capacity-based", 1, 0.5)])
    (axis,) = figure.axes
    points, median, other = axis.get_lines()
    assert np.array(points.get_xydata()).tolist() == [[1, 0.9], [2, 0.8], [6, 1.0]]
    assert np.array(median.get_xydata()).tolist() == [[2, 0.9]]
    assert np.array(other.get_xydata()).tolist() == [[1, 0.5]]
    assert {to_hex(points.get_color()), to_hex(other.get_color())} == {"#0072b2", "#d55e00"}
    assert points.get_marker() != other.get_marker()
    assert (axis.get_xlabel(), axis.get_ylabel()) == ("replica-hours held", "requests within the SLO")


@pytest.mark.parametrize(("share", "corner"), [(0.5, 0.98), (None, 0.02)])
def test_the_better_corner_has_little_cost_and_more_within_the_slo_or_else_less_latency(share, corner):
    (axis,) = trade_off([summary("model-based", 1, share), summary("capacity-based", 2, share)]).axes
    (arrow,) = [text for text in axis.texts if text.get_text() == ""]
    assert arrow.xy == (0.02, corner)


def test_without_what_was_held_there_is_no_trade_off():
    assert trade_off([{"run": "a", "mode": "model-based", "latency": {"itl_ms": 10.0}}]) is None
    assert trade_off([]) is None


def test_over_time_has_a_thin_line_per_run_and_the_median_of_each_mode(runs):
    held, itl = over_time(runs).axes
    thin = [line for line in itl.get_lines() if line.get_linewidth() < 1 and line.get_color() != "black"]
    assert len(thin) == 3
    (median,) = [line for line in itl.get_lines() if line.get_label() == "model-based, median"]
    values = median.get_ydata()
    assert set(values[np.isfinite(values)]) == {9.0}
    (alone,) = [line for line in itl.get_lines() if line.get_label() == "capacity-based"]
    assert alone.get_linewidth() > 1 and alone.get_linestyle() != median.get_linestyle()
    assert len(itl.collections) == len(held.collections) == 1  # the band of three runs, none of one
    assert LOOKS["model-based"].line != LOOKS["capacity-based"].line


def test_a_median_is_of_values_that_are_still_known(runs):
    grid = np.array([-1.0, 0.1, 1.2, 4.0, 5.4, 5.6])
    series = compare_plots.overlay.latency("itl")(runs[0])
    found = compare_plots._at(grid, runs[0], series, is_step=False)
    assert np.isnan(found).tolist() == [True, False, False, False, True, True]


@pytest.mark.parametrize("draw", ["trade_off", "over_time"])
def test_text_is_9_pt_in_print_with_one_legend_and_no_names_of_runs(runs, draw):
    numbers = [summary(mode, hours, 0.5) for hours, mode in enumerate(LOOKS, start=1)]
    figure = trade_off([*numbers, *numbers]) if draw == "trade_off" else over_time(runs)
    assert figure.get_size_inches()[0] <= 3.5  # two of them are 7 in wide
    figure.draw_without_rendering()
    assert min(text.get_fontsize() for text in texts(figure)) >= POINTS == 9
    assert len(figure.legends) + sum(axis.get_legend() is not None for axis in figure.axes) == 1
    assert not any("2026" in text.get_text() for text in texts(figure))
    told = [text.get_text() for text in figure.legends[0].get_texts()]
    assert [text.split(" (")[0] for text in told[:2]] == list(LOOKS)
