"""Several runs on one time axis: load, replicas and latencies, one colour per run.

Minutes count from the first load, so that runs that idled for different times before can be compared.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from wva_parse.aligned.experiment import Experiment
from wva_parse.measures import stats
from wva_parse.report.plots import CYCLE, FONT_PT, PANEL_IN, UNITS, WIDTH_IN, set_spread, with_gaps


class Panel(NamedTuple):
    """One axis: its label and what is drawn, `minutes, value`."""

    label: str
    series: Callable[[Experiment], pd.DataFrame]
    is_step: bool = False


STYLES = ("-", "--", ":", "-.")  # for more runs than there are colours


def overlay(runs: Sequence[Experiment], title: str) -> Figure:
    """Load, replicas, ITL and TTFT of runs, from a minute before the first load on."""
    figure = Figure(figsize=(WIDTH_IN, PANEL_IN * len(_PANELS) + 0.9), layout="constrained")
    axes = list(figure.subplots(len(_PANELS), 1, sharex=True))
    if any(run.simulated for run in runs):
        title += "\nSIMULATED, at least some of them: says nothing about real hardware"
    figure.suptitle(title, fontsize=FONT_PT + 1)
    for axis, panel in zip(axes, _PANELS, strict=True):
        series = [panel.series(run) for run in runs]
        for number, (run, values) in enumerate(zip(runs, series, strict=True)):
            _draw(axis, run, values, number, panel.is_step)
        axis.set_ylabel(panel.label)
        axis.grid(alpha=0.25)
        set_spread(axis, pd.concat(series)["value"])
        if axis.get_yscale() == "linear":
            axis.set_ylim(bottom=0)
    axes[1].yaxis.set_major_locator(MaxNLocator(integer=True))
    axes[0].set_xlim(left=-1)
    axes[-1].set_xlabel("minutes since the first load")
    figure.legend(
        *axes[1].get_legend_handles_labels(), loc="outside lower center", ncols=1, fontsize=FONT_PT, frameon=False
    )
    return figure


def _draw(axis: Axes, run: Experiment, series: pd.DataFrame, number: int, is_step: bool) -> None:
    # Replicas are told when they change, everything else at each reconciliation.
    of_run = (series["minutes"], series["value"]) if is_step else with_gaps(run, series, "value")
    axis.plot(
        *of_run,
        color=CYCLE[number % len(CYCLE)],
        linestyle=STYLES[number // len(CYCLE) % len(STYLES)],
        linewidth=1.4,
        drawstyle="steps-post",
        label=run.name,
    )


def _load(run: Experiment) -> pd.DataFrame:
    return stats.arrival_rates(run.frames).rename(columns={"per_s": "value"})


def held_replicas(run: Experiment) -> pd.DataFrame:
    """Of all variants together: `minutes, value`."""
    return run.supply.steps.dropna(subset=["held"])[["minutes", "held"]].rename(columns={"held": "value"})


def latency(metric: str) -> Callable[[Experiment], pd.DataFrame]:
    """The highest of all variants: what the worst served requests felt."""

    def series(run: Experiment) -> pd.DataFrame:
        groups = run.frames["observed_metrics"].groupby("reconciliation")
        return pd.DataFrame({"minutes": groups["minutes"].first(), "value": groups[f"observed_{metric}_ms"].max()})

    return series


_PANELS = (
    Panel("requests per second", _load),
    Panel("replicas held", held_replicas, is_step=True),
    Panel(UNITS["itl"], latency("itl")),
    Panel(UNITS["ttft"], latency("ttft")),
)
