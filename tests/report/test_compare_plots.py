"""Figures of a comparison: a point per run, the median of each mode, mode is the colour."""

from __future__ import annotations

import numpy as np
import pytest
from logs import decision, model_loop_run, observed, solution, write_run

from wva_parse import run
from wva_parse.report import compare_plots
from wva_parse.report.versus import CAPACITY, MODEL


def summed(mode: str, hours: float | None, share: float | None) -> dict:
    return {"mode": mode, "simulated": False, "cost": {"gpu_hours": hours}, "requests": {"within_slo_share": share}}


def made(directory, replicas: int, mode: str = "model") -> run.Experiment:
    runs = [
        model_loop_run(60 * n, observed(8, 20, replicas=replicas), solution(9, 21), decision(replicas, replicas))
        for n in range(4)
    ]
    return run.load(write_run(directory, *runs, config={}))


def points(axis) -> dict[str, np.ndarray]:
    return {str(line.get_label()): line.get_xydata() for line in axis.get_lines()}


def test_a_point_per_run_and_the_median_of_each_mode():
    summaries = [summed(MODEL, 2, 0.9), summed(MODEL, 4, 0.7), summed(MODEL, 9, 0.8), summed(CAPACITY, 1, 0.5)]
    figure = compare_plots.pareto(summaries)
    drawn = points(figure.axes[0])
    assert drawn["model-based (n = 3)"].tolist() == [[2, 0.9], [4, 0.7], [9, 0.8]]
    assert drawn["model-based, median"].tolist() == [[4, 0.8]]
    assert drawn["capacity-based (n = 1)"].tolist() == [[1, 0.5]] and "capacity-based, median" not in drawn
    assert figure.axes[0].get_xlabel() == "GPU-hours held"
    colors = {line.get_label(): (line.get_color(), line.get_marker()) for line in figure.axes[0].get_lines()}
    assert colors["model-based (n = 3)"] != colors["capacity-based (n = 1)"]


def test_runs_that_do_not_tell_both_are_counted():
    figure = compare_plots.pareto([summed(MODEL, 2, 0.9), summed(CAPACITY, 2, None)])
    assert figure.axes[0].get_title() == "1 of 2 runs do not tell both"
    empty = compare_plots.pareto([summed(MODEL, None, None)])
    assert "no run tells both" in [text.get_text() for text in empty.axes[0].texts]


def test_runs_of_a_mode_have_their_median_and_range(tmp_path):
    runs = [made(tmp_path / str(n), n) for n in (1, 2, 6)]
    held, itl = compare_plots.over_time(runs).axes
    (median,) = [line for line in held.get_lines() if line.get_label() == "model-based, median (n = 3)"]
    assert set(median.get_ydata()) == {2}
    assert "model-based, range" in held.get_legend_handles_labels()[1]
    assert itl.get_xlabel() == "minutes since the first load"
    assert "SLO 10 ms" in itl.get_legend_handles_labels()[1]


def test_two_runs_have_no_band_and_one_has_no_median(tmp_path):
    two = compare_plots.over_time([made(tmp_path / str(n), n) for n in (1, 2)]).axes[0]
    assert "model-based, range" not in two.get_legend_handles_labels()[1]
    one = compare_plots.over_time([made(tmp_path / "one", 3)]).axes[0]
    assert one.get_legend_handles_labels()[1] == ["model-based (n = 1)"]


def test_no_runs_can_be_drawn():
    compare_plots.over_time([]).canvas.draw()


@pytest.mark.parametrize("mode", [MODEL, CAPACITY])
def test_modes_differ_in_more_than_colour(mode):
    other = CAPACITY if mode == MODEL else MODEL
    ours, theirs = compare_plots.STYLES[mode], compare_plots.STYLES[other]
    assert all(ours[key] != theirs[key] for key in ("color", "linestyle", "marker"))
