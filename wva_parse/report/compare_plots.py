"""Figures of a comparison: what was held against how requests were served, and both over time; mode is the colour."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, PercentFormatter
from numpy.typing import NDArray

from wva_parse.aligned.experiment import Experiment
from wva_parse.measures.elasticity import steps_at
from wva_parse.report import figures as lines
from wva_parse.report.plots import BLUE, GREEN, GREY, RED, UNITS, set_spread
from wva_parse.report.versus import CAPACITY, MODEL, medians

Summary = Mapping[str, Any]

# Blue and vermillion of Okabe and Ito, with line style and marker, so that grey print tells them apart, too.
STYLES: dict[str, dict[str, Any]] = {
    MODEL: {"color": BLUE, "linestyle": "-", "marker": "o"},
    CAPACITY: {"color": RED, "linestyle": (0, (5, 1.5)), "marker": "s"},
}
WIDTH_IN = 5.2
FONT_PT = 9
STEP_MIN = 0.25  # of the axis on which medians over runs are taken
LEAST_FOR_BAND = 3  # runs of a mode; of two a band says no more than their lines

_COST = (
    "GPU-hours per million output tokens",
    "replica-hours per million output tokens",
    "GPU-hours held",
    "replica-hours held",
)
_SERVED = ("share of requests within the SLO", "ITL attainment")


def pareto(summaries: Sequence[Summary]) -> Figure:
    """What a run held against how many of its requests were within the SLO; a point per run, the median per mode."""
    figure = Figure(figsize=(WIDTH_IN, 4.4), layout="constrained")
    axis = figure.subplots()
    cost, served = (_shared(summaries, names) for names in (_COST, _SERVED))
    points: dict[str, list[tuple[float, float]]] = {MODEL: [], CAPACITY: []}
    for each in summaries:
        x, y = (chosen.value_in(each) if chosen else None for chosen in (cost, served))
        if x is not None and y is not None and each.get("mode") in points:
            points[str(each["mode"])].append((float(x), float(y)))
    for mode, found in points.items():
        if not found:
            continue
        style = {**STYLES[mode], "linestyle": ""}
        xs, ys = zip(*found, strict=True)
        axis.plot(xs, ys, **style, markersize=6, alpha=0.75, label=f"{mode} (n = {len(found)})")
        if len(found) > 1:
            middle = medians(found)
            axis.plot(
                *middle, **{**style, "markersize": 14}, fillstyle="none", markeredgewidth=2, label=f"{mode}, median"
            )
    axis.set_xlabel(cost.label if cost else "GPU time held", fontsize=FONT_PT)
    axis.set_ylabel(
        "requests within the SLO"
        if served is None or "share" in served.label
        else "within the SLO of ITL,\nby the requests of each minute",
        fontsize=FONT_PT,
    )
    axis.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    axis.set_ylim(-0.03, 1.03)
    axis.set_xlim(left=0)
    left_out = len(summaries) - sum(map(len, points.values()))
    if not any(points.values()):
        axis.text(0.5, 0.5, "no run tells both", transform=axis.transAxes, ha="center", color=GREY, fontsize=FONT_PT)
    elif left_out:
        axis.set_title(f"{left_out} of {len(summaries)} runs do not tell both", fontsize=FONT_PT, color=GREY)
    axis.annotate(
        "better", (0.02, 0.98), (0.16, 0.86), xycoords="axes fraction", fontsize=FONT_PT, color=GREY,
        arrowprops={"arrowstyle": "->", "color": GREY}, va="top",
    )  # fmt: skip
    return _finish(figure, [axis], summaries)


def over_time(runs: Sequence[Experiment]) -> Figure:
    """Held replicas and observed ITL since the first load: a thin line per run, the median and range of each mode."""
    figure = Figure(figsize=(WIDTH_IN, 4.4), layout="constrained")
    axes = list(figure.subplots(2, 1, sharex=True))
    for axis, series in zip(axes, (_held, _itl), strict=True):
        for mode in (MODEL, CAPACITY):
            _mode(axis, [series(run) for run in runs if run.mode == mode], mode)
    axes[0].set_ylabel("replicas held", fontsize=FONT_PT)
    axes[0].yaxis.set_major_locator(MaxNLocator(nbins=6, integer=True))
    axes[0].set_ylim(bottom=0)
    axes[1].set_ylabel(f"{UNITS['itl']}, observed", fontsize=FONT_PT)
    set_spread(axes[1], pd.concat([_itl(run)["value"] for run in runs]) if runs else pd.Series(dtype=float))
    limits = {run.slo.itl_ms for run in runs if run.slo.itl_ms is not None}
    if axes[1].get_yscale() == "linear":
        axes[1].set_ylim(bottom=0)
    if len(limits) == 1:
        limit = limits.pop()
        bottom = axes[1].get_ylim()[0]
        axes[1].axhspan(bottom, limit, color=GREEN, alpha=0.12, linewidth=0, label=f"SLO {limit:g} ms")
        axes[1].set_ylim(bottom=bottom)
    axes[-1].set_xlabel("minutes since the first load", fontsize=FONT_PT)
    axes[0].set_xlim(left=-1)
    return _finish(figure, axes, [{"simulated": run.simulated} for run in runs])


def _finish(figure: Figure, axes: Sequence[Axes], summaries: Sequence[Summary]) -> Figure:
    handles: dict[str, Any] = {}
    for axis in axes:
        axis.grid(alpha=0.25)
        axis.tick_params(labelsize=FONT_PT)
        handles |= {str(label): handle for handle, label in zip(*axis.get_legend_handles_labels(), strict=True)}
    figure.legend(handles=list(handles.values()), loc="outside upper center", ncols=2, fontsize=FONT_PT, frameon=False)
    if any(each.get("simulated") for each in summaries):
        figure.supxlabel("SIMULATED, at least some: says nothing about real hardware", fontsize=8, color=RED)
    return figure


def _shared(summaries: Sequence[Summary], names: Sequence[str]) -> lines.Figure | None:
    """The first of some figures that most runs have."""
    by_label = {figure.label: figure for figure in lines.FIGURES}
    known = [(len(by_label[name].numbers_in(summaries)), by_label[name]) for name in names if name in by_label]
    most = max((n for n, _ in known), default=0)
    return next((figure for n, figure in known if n == most), None) if most else None


def _held(run: Experiment) -> pd.DataFrame:
    return run.supply.steps.dropna(subset=["held"]).rename(columns={"held": "value"})[["minutes", "value"]]


def _itl(run: Experiment) -> pd.DataFrame:
    """The slowest variant's, as steps; NaN where nothing was served."""
    groups = run.frames["observed_metrics"].groupby("reconciliation")
    return pd.DataFrame({"minutes": groups["minutes"].first(), "value": groups["observed_itl_ms"].max()})


def _mode(axis: Axes, series: Sequence[pd.DataFrame], mode: str) -> None:
    """The runs of a mode, thin, and what they have in common."""
    known = [each for each in series if each["value"].notna().any()]
    if not known:
        return
    style = {key: value for key, value in STYLES[mode].items() if key != "marker"}
    is_one = len(known) == 1
    for each in known:
        thin: dict[str, Any] = {"linewidth": 1.8 if is_one else 0.7, "alpha": 1 if is_one else 0.45}
        label = f"{mode} (n = 1)" if is_one else None
        axis.plot(each["minutes"], each["value"], drawstyle="steps-post", **style, **thin, label=label)
    if is_one:
        return
    minutes, values = _common(known)
    least, middle, most = np.nanmin(values, axis=0), np.nanmedian(values, axis=0), np.nanmax(values, axis=0)
    axis.plot(
        minutes, middle, drawstyle="steps-post", **style, linewidth=2.2, label=f"{mode}, median (n = {len(known)})"
    )
    if len(known) >= LEAST_FOR_BAND:
        axis.fill_between(
            minutes, least, most, step="post", color=style["color"], alpha=0.15, linewidth=0, label=f"{mode}, range"
        )


def _common(series: Sequence[pd.DataFrame]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """All runs on one axis, a row each; NaN where a run tells nothing. Only times of which half of the runs tell."""
    starts, ends = ([float(getattr(each["minutes"], end)()) for each in series] for end in ("min", "max"))
    minutes = np.arange(min(starts), max(ends) + STEP_MIN, STEP_MIN)
    rows = [
        np.where((minutes >= start) & (minutes <= end), steps_at(each, "value", minutes), np.nan)
        for each, start, end in zip(series, starts, ends, strict=True)
    ]
    values = np.array(rows)
    told = 2 * (~np.isnan(values)).sum(axis=0) >= len(series)  # the median of the last one going is none
    return minutes[told], values[:, told]
