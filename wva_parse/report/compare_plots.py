"""Figures of runs in two modes: what was held against what was served, and replicas and latency over time.

The mode is the colour on both, and the marker and the line's style, so that grey print tells them apart as well. Each
is made for half the width of a page of 7 in, where its text is of 9 pt. Which runs may be drawn together is decided
elsewhere (`measures.pooling`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal, NamedTuple, TypeVar

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator, PercentFormatter
from numpy.typing import NDArray

from wva_parse.aligned.align import GAP_INTERVALS
from wva_parse.aligned.experiment import Experiment
from wva_parse.report import overlay, versus
from wva_parse.report.figures import LESS, MORE
from wva_parse.report.plots import BLUE, GREY, RED, UNITS, set_spread, with_gaps
from wva_parse.report.saved import OVER_TIME
from wva_parse.report.versus import Measure, Summary

WIDTH_IN, HEIGHT_IN, POINTS = 3.45, 3.9, 9
STEP_MINUTES = 0.25  # of the times at which medians are taken
LEAST_FOR_BAND = 3  # runs
ROOM = 0.08  # of an axis, beside its outermost points


Each = TypeVar("Each")


class Look(NamedTuple):
    """Of a mode."""

    color: str
    line: Any
    marker: str


LOOKS: Mapping[str, Look] = {
    "model-based": Look(BLUE, "-", "o"),
    "capacity-based": Look(RED, (0, (4, 1.5)), "^"),
}
_OTHER = Look(GREY, ":", "s")


def trade_off(summaries: Sequence[Summary]) -> Figure | None:
    """A point per run: what was held, against how much was within the SLO, or without one against latency.

    Returns
    -------
    Figure or None
        None if no run tells both.
    """
    cost, served = (
        versus.choose(versus.PER_TOKEN, summaries),
        versus.choose((*versus.WITHIN, *versus.LATENCY), summaries),
    )
    if cost is None or served is None:
        return None
    told = [each for each in summaries if cost.values_in([each]) and served.values_in([each])]
    if not told:
        return None
    figure = Figure(figsize=(WIDTH_IN, HEIGHT_IN), layout="constrained")
    axis = figure.subplots()
    by_mode = _by_mode(told, lambda each: str(each.get("mode")))
    for mode, runs in by_mode.items():
        _points(axis, LOOKS.get(mode, _OTHER), cost.values_in(runs), served.values_in(runs))
    axis.set_xlabel(_wrapped(cost), fontsize=POINTS)
    axis.set_ylabel(_wrapped(served), fontsize=POINTS)
    _ranges(axis, served)
    _mark_better(axis, served)
    _finish(figure, [axis], by_mode, any(each.get("simulated") for each in summaries), median="o")
    return figure


def over_time(runs: Sequence[Experiment]) -> Figure:
    """Replicas held and ITL, a thin line per run, per mode the median of its runs and the middle half of them."""
    figure = Figure(figsize=(WIDTH_IN, HEIGHT_IN), layout="constrained")
    axes = list(figure.subplots(2, 1, sharex=True))
    by_mode = _by_mode(runs, lambda each: each.mode)
    end = max((each.supply.window.end for each in runs if each.supply.window.end > 0), default=1.0)
    grid = np.arange(-1, end + STEP_MINUTES, STEP_MINUTES)
    panels = (("replicas held", overlay.held_replicas, True), (UNITS["itl"], overlay.latency("itl"), False))
    for axis, (label, series, is_step) in zip(axes, panels, strict=True):
        shown = []
        for mode, members in by_mode.items():
            found = [series(each) for each in members]
            shown += found
            _lines(axis, LOOKS.get(mode, _OTHER), members, found, is_step)
            values = [_at(grid, run, each, is_step) for run, each in zip(members, found, strict=True)]
            _middle(axis, mode, grid, np.array(values), is_step)
        axis.set_ylabel(label, fontsize=POINTS)
        everything = pd.concat([each for each in shown if len(each)] or shown)
        set_spread(axis, everything.loc[everything["minutes"].between(-1, end), "value"])
        if axis.get_yscale() == "linear":
            axis.set_ylim(bottom=0)
    axes[0].yaxis.set_major_locator(MaxNLocator(integer=True, nbins=5))
    _objective(axes[1], runs)
    axes[0].set_xlim(-1, 1.02 * end)
    axes[-1].set_xlabel(f"{OVER_TIME} the first load", fontsize=POINTS)
    _finish(figure, axes, by_mode, any(each.simulated for each in runs))
    return figure


def _by_mode(items: Sequence[Each], mode_of: Callable[[Each], str]) -> dict[str, list[Each]]:
    """The modes in the order of `LOOKS`, any other after them."""
    order = [*LOOKS, *sorted({mode_of(each) for each in items} - set(LOOKS))]
    found = {mode: [each for each in items if mode_of(each) == mode] for mode in order}
    return {mode: members for mode, members in found.items() if members}


# --- what was held against what was served


def _points(axis: Axes, look: Look, costs: Sequence[float], served: Sequence[float]) -> None:
    alone = len(costs) == 1
    size = 9 if alone else 5.5
    axis.plot(costs, served, look.marker, color=look.color, markersize=size, alpha=1 if alone else 0.6, mec="none")
    if not alone:
        middle = ([float(np.median(costs))], [float(np.median(served))])
        axis.plot(*middle, look.marker, color=look.color, markersize=11, mec="black", mew=1.3, zorder=4)


def _ranges(axis: Axes, served: Measure) -> None:
    """Costs from 0, so that their ratio is seen; shares between 0 and 1."""
    axis.set_xlim(0, axis.dataLim.x1 * (1 + 2 * ROOM) or 1)
    low, high = axis.dataLim.y0, axis.dataLim.y1
    if served.figure.good == MORE:
        room = max(ROOM * (high - low), 0.05)
        axis.set_ylim(max(low - room, -0.03), min(high + 2 * room, 1.03))
        axis.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    else:
        axis.set_ylim(0, high * (1 + 2 * ROOM) or 1)


def _mark_better(axis: Axes, served: Measure) -> None:
    """An arrow into the corner of little cost and good service."""
    top = served.figure.good != LESS
    corner, start = (0.02, 0.98 if top else 0.02), (0.2, 0.85 if top else 0.15)
    arrow = {"arrowstyle": "->", "color": GREY, "lw": 1.4}
    axis.annotate("", xy=corner, xytext=start, xycoords="axes fraction", arrowprops=arrow)
    axis.text(
        0.2, start[1], "better", transform=axis.transAxes, fontsize=POINTS, color="#555555", va="center", ha="left"
    )


def _wrapped(way: Measure) -> str:
    """A name in two lines where one would be too long."""
    for cut in (" per million", " that ", " within "):
        if len(way.name) > 30 and cut in way.name:
            return way.name.replace(cut, f"\n{cut.lstrip()}", 1)
    return way.name


# --- over time


def _lines(axis: Axes, look: Look, runs: Sequence[Experiment], found: Sequence[pd.DataFrame], is_step: bool) -> None:
    alone = len(runs) == 1
    for run, series in zip(runs, found, strict=True):
        # Replicas are told when they change, latencies at every reconciliation.
        of_run = (series["minutes"], series["value"]) if is_step else with_gaps(run, series, "value")
        axis.plot(
            *of_run,
            color=look.color,
            linestyle=look.line if alone else "-",
            linewidth=1.8 if alone else 0.6,
            alpha=1.0 if alone else 0.4,
            drawstyle="steps-post" if is_step else "default",
            label=run.mode if alone else f"_{run.name}",
        )


def _at(grid: NDArray[np.float64], run: Experiment, series: pd.DataFrame, is_step: bool) -> NDArray[np.float64]:
    """The last known value at each time; of latencies none from beyond a gap, of replicas none before the first."""
    minutes, values = series["minutes"].to_numpy(float), series["value"].to_numpy(float)
    known = np.isfinite(minutes)
    minutes, values = minutes[known], values[known]
    place = np.searchsorted(minutes, grid, side="right") - 1
    if not len(minutes):
        return np.full(len(grid), np.nan)
    found = np.where(place >= 0, values[np.maximum(place, 0)], np.nan)
    interval_s = run.frames.interval_s
    longest = np.inf if is_step or not interval_s else GAP_INTERVALS * interval_s / 60
    age = grid - minutes[np.maximum(place, 0)]
    last = max(float(minutes[-1]), run.supply.window.end if is_step else -np.inf)
    return np.where((age <= longest) & (grid <= last), found, np.nan)


def _middle(axis: Axes, mode: str, grid: NDArray[np.float64], values: NDArray[np.float64], is_step: bool) -> None:
    """The median, and the band of the middle half, where at least half of the runs are known."""
    if len(values) < 2:
        return
    look, known = LOOKS.get(mode, _OTHER), 2 * np.isfinite(values).sum(axis=0) >= len(values)
    quartiles = np.full((3, len(grid)), np.nan)
    quartiles[:, known] = np.nanquantile(values[:, known], (0.25, 0.5, 0.75), axis=0)
    drawstyle = "steps-post" if is_step else "default"
    if len(values) >= LEAST_FOR_BAND:
        step: Literal["post"] | None = "post" if is_step else None
        axis.fill_between(grid, quartiles[0], quartiles[2], color=look.color, alpha=0.18, lw=0, step=step)
    style: dict[str, Any] = {"color": look.color, "linestyle": look.line, "linewidth": 2.0, "drawstyle": drawstyle}
    axis.plot(grid, quartiles[1], label=f"{mode}, median", zorder=4, **style)


def _objective(axis: Axes, runs: Sequence[Experiment]) -> None:
    """The SLO of ITL where all runs are judged by the same."""
    objectives = {run.slo.itl_ms for run in runs}
    if len(objectives) == 1 and (slo := objectives.pop()):
        axis.axhline(slo, color="black", linestyle=":", linewidth=1)
        axis.annotate(
            "SLO",
            (1, slo),
            xycoords=("axes fraction", "data"),
            xytext=(-2, 2),
            textcoords="offset points",
            ha="right",
            va="bottom",
            fontsize=POINTS,
        )


# --- both


def _finish(
    figure: Figure, axes: Sequence[Axes], by_mode: Mapping[str, Sequence[Any]], is_simulated: bool, median: str = ""
) -> None:
    """Grid, size of text, and one legend: a mode's marker or line, and what is drawn of several runs."""
    for axis in axes:
        axis.grid(alpha=0.25)
        axis.tick_params(labelsize=POINTS)
        axis.spines[["top", "right"]].set_visible(False)
    entries = []
    for mode, runs in by_mode.items():
        look = LOOKS.get(mode, _OTHER)
        kind: dict[str, Any] = {"marker": look.marker, "linestyle": "None"} if median else {"linestyle": look.line}
        told = f"{mode} (1 run)" if len(runs) == 1 else f"{mode} ({len(runs)} runs)"
        entries.append(Line2D([], [], color=look.color, linewidth=2, label=told, **kind))
    several = [len(runs) for runs in by_mode.values() if len(runs) > 1]
    if several and median:
        style: dict[str, Any] = {"color": "white", "mec": "black", "mew": 1.3, "markersize": 9}
        entries.append(Line2D([], [], marker=median, linestyle="None", label="with an edge: median", **style))
    elif several:
        band = "; band: middle half" if max(several) >= LEAST_FOR_BAND else ""
        entries.append(Line2D([], [], color=GREY, linewidth=0.6, label=f"thin: runs; thick: median{band}"))
    figure.legend(handles=entries, loc="outside lower center", ncols=1, fontsize=POINTS, frameon=False)
    if is_simulated:
        figure.suptitle("SIMULATED", fontsize=POINTS, color="#555555")
