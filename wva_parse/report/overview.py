"""The whole run in one figure: load, replicas, latencies and the pods' state on one axis of time.

Every value holds until the next one is known, as in all numbers that are weighted by time; what WVA observes at a
reconciliation is of the minute before (means of rates and latencies, maxima of KV usage and queue), so it follows the
load by up to a minute. Starved time is shaded through all panels: whatever one asks of a run begins there.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pandas as pd
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from wva_parse.aligned.experiment import Experiment
from wva_parse.aligned.offered import RECORD, offered
from wva_parse.measures import elasticity, scaling, stats
from wva_parse.measures.supply import starved_spans
from wva_parse.report.plots import (
    BLUE,
    FONT_PT,
    GREEN,
    HELD_AND_READY,
    ORANGE,
    PURPLE,
    RED,
    UNITS,
    WIDTH_IN,
    footer,
    objective,
    say_if_empty,
    set_spread,
    with_gaps,
)

HEIGHT_IN = 8.2
STARVED = "#FBE3D6"  # light enough for markers on it, in grey print too


def overview(run: Experiment) -> Figure:
    """Offered and answered rate; replicas wanted, held and ready; ITL and TTFT with their SLO; KV usage and queue."""
    figure = Figure(figsize=(WIDTH_IN, HEIGHT_IN), layout="constrained")
    axes = list(figure.subplots(5, 1, sharex=True, height_ratios=(1, 1.25, 1, 1, 1)))
    rate, replicas, itl, ttft, state = axes
    _rate(rate, run)
    _replicas(replicas, run)
    for axis, metric in ((itl, "itl"), (ttft, "ttft")):
        _latency(axis, run, metric)
    queue = _state(state, run)
    minutes = run.frames.reconciliations["minutes"].dropna()
    if len(minutes):
        margin = max(float(minutes.max() - minutes.min()) * 0.01, 0.1)
        rate.set_xlim(min(float(minutes.min()), 0.0) - margin, float(minutes.max()) + margin)
    for axis in axes:
        _shade_starved(axis, run)
        axis.grid(alpha=0.25)
    for axis in (*axes, queue):
        axis.tick_params(labelsize=FONT_PT)
        axis.yaxis.label.set_size(FONT_PT)
    figure.align_ylabels(axes)
    since = "the first load" if run.supply.window.has_load or run.window.start is not None else "the log's start"
    axes[-1].set_xlabel(f"minutes since {since}", fontsize=FONT_PT)
    handles = dict(_handles([*axes, queue]))
    figure.legend(handles=list(handles.values()), loc="outside upper center", ncols=4, fontsize=FONT_PT, frameon=False)
    footer(figure, run)
    return figure


def _handles(axes: list[Axes]) -> Iterator[tuple[str, Artist]]:
    """Each label once, in the order of the panels."""
    for axis in axes:
        for handle, label in zip(*axis.get_legend_handles_labels(), strict=True):
            yield str(label), handle


def _rate(axis: Axes, run: Experiment) -> None:
    sent = offered(run)
    steps = elasticity.offered_rate(sent.spans) if sent.is_demand else pd.DataFrame()
    if len(steps):
        label = "offered" if sent.source == RECORD else f"offered ({sent.source})"
        axis.step(
            [steps["minutes"].iloc[0], *steps["minutes"]],
            [0, *steps["rate_per_min"] / 60],
            where="post",
            color="black",
            linewidth=1.6,
            label=label,
        )
    answered = stats.arrival_rates(run.frames)
    _observed(axis, run, answered, "per_s", color=BLUE, label="answered (WVA)")
    axis.set_ylabel("requests/s")
    axis.set_ylim(0, max(axis.get_ylim()[1], 1))
    if not len(steps):
        say_if_empty(axis, answered["per_s"], "no load is known")


def _replicas(axis: Axes, run: Experiment) -> None:
    decided = run.frames["scaling_decision"].dropna(subset=["target_replicas"])
    wide = decided.pivot_table(index="reconciliation", columns="variant", values="target_replicas", aggfunc="last")
    target = wide.ffill().sum(axis=1)
    minutes = decided.groupby("reconciliation")["minutes"].first()
    if len(target):
        axis.step(minutes, target, where="post", color=ORANGE, linestyle=(0, (1, 1)), linewidth=1.6, label="target")
    steps = run.supply.steps
    for column, style in HELD_AND_READY.items():
        known = steps.dropna(subset=[column])
        if len(known):
            axis.plot(known["minutes"], known[column], drawstyle="steps-post", label=column, **style)
    limit = run.supply.limit
    if limit is not None and limit <= 2 * max(steps["held"].max(), 1):  # far above all that was held it says nothing
        axis.axhline(limit, color=RED, linestyle="-.", linewidth=1, label="scaler's limit")
    changed = scaling.changes(run.frames)
    for direction, marker, color, name in ((1, "^", GREEN, "target raised"), (-1, "v", PURPLE, "target lowered")):
        mine = changed[changed["direction"] == direction]
        at = target.reindex(mine["reconciliation"]).to_numpy(float)
        if len(mine):
            axis.plot(mine["minutes"], at, marker, color=color, markersize=5, label=f"{name} (n = {len(mine)})")
    axis.set_ylabel("replicas")
    axis.set_ylim(0, max(axis.get_ylim()[1], 1.5))
    axis.yaxis.set_major_locator(MaxNLocator(nbins=6, integer=True))
    say_if_empty(axis, steps["held"], "no replicas are known")


def _latency(axis: Axes, run: Experiment, metric: str) -> None:
    observed = run.frames["observed_metrics"]
    column = f"observed_{metric}_ms"
    # The worst of the variants: what some requests felt.
    worst = observed.groupby("reconciliation", as_index=False).agg({"minutes": "first", column: "max"})
    _observed(axis, run, worst, column, color=BLUE)
    axis.set_ylabel(UNITS[metric])
    set_spread(axis, worst[column])
    if axis.get_yscale() == "linear":
        axis.set_ylim(0, max(axis.get_ylim()[1], 1))
    objective(axis, run, metric)
    say_if_empty(axis, worst[column], f"no observed {metric.upper()}")


def _state(axis: Axes, run: Experiment) -> Axes:
    """KV usage of the fullest pod, and on the right all that wait; returns the axis on the right."""
    kv = stats.aggregate_pods(run.frames["kv_cache"], "kv_cache_usage")
    fullest = kv.groupby("reconciliation", as_index=False).agg({"minutes": "first", "max": "max"})
    _observed(axis, run, fullest.assign(max=100 * fullest["max"]), "max", color=BLUE)
    axis.axhline(100 * run.thresholds.kv_cache, color=RED, linestyle="--", linewidth=1, label="threshold")
    axis.set_ylabel("fullest KV\ncache (%)")
    axis.set_ylim(0, 109)
    right = axis.twinx()
    queue = stats.aggregate_pods(run.frames["queue"], "queue_length", with_total=True)
    waiting = queue.groupby("reconciliation", as_index=False).agg({"minutes": "first", "total": "sum"})
    _observed(right, run, waiting, "total", color=PURPLE, linestyle="--", label="waiting (right)")
    right.set_ylabel("waiting")
    right.set_ylim(0, max(right.get_ylim()[1], 10))
    right.yaxis.set_major_locator(MaxNLocator(nbins=4, integer=True))
    if not len(queue):
        say_if_empty(axis, kv["max"], "the log tells nothing of pods")
    return right


def _observed(axis: Axes, run: Experiment, frame: pd.DataFrame, column: str, **style: Any) -> None:
    """Steps; a reconciliation that was missed is a gap."""
    if not frame[column].notna().any():
        return
    minutes, values = with_gaps(run, frame, column)
    axis.step(minutes, values, where="post", **{"linewidth": 1.4, **style})


def _shade_starved(axis: Axes, run: Experiment) -> None:
    for number, (start, end) in enumerate(starved_spans(run)):
        axis.axvspan(start, end, color=STARVED, zorder=0, linewidth=0, label="starved" if number == 0 else None)
