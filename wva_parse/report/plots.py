"""Figures of a run.

Each function takes the run and returns a Figure; nothing is saved here and no global state of pyplot is used. Time is
in minutes since the first load on all of them, so that they can be laid side by side. Values are samples: each is drawn
as a step that holds until the next; idle latencies and missed reconciliations are gaps. Colours can be told apart by
colour-blind readers (Okabe & Ito 2008). A figure has one legend, and no name of a run: it stands in that run's report.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, MaxNLocator, NullFormatter, StrMethodFormatter
from matplotlib.transforms import ScaledTranslation
from numpy.typing import NDArray

from wva_parse.aligned.align import GAP_INTERVALS
from wva_parse.aligned.experiment import Experiment
from wva_parse.aligned.names import without_common_words
from wva_parse.aligned.offered import RECORD, offered
from wva_parse.measures import elasticity, scaling, stats
from wva_parse.measures.explained import masked_reconciliations
from wva_parse.optimizer.analyses import Replay, replay_analyses

BLUE, ORANGE, GREEN, RED = "#0072B2", "#E69F00", "#009E73", "#D55E00"
PURPLE, SKY, YELLOW, GREY = "#CC79A7", "#56B4E9", "#F0E442", "#777777"
CYCLE = (BLUE, ORANGE, GREEN, PURPLE, SKY, RED, YELLOW, GREY)

WIDTH_IN, PANEL_IN = 7.0, 2.1  # the width of a page's text: what is 9 pt here is 9 pt there
AROUND_IN = 1.7  # for title, workloads and legend
FONT_PT = 9
MOST_IN_LEGEND = 12
SIMULATED = "SIMULATED on the embedded cluster: says nothing about real hardware"
BAR_PT = 11  # from the bar of one workload to that of the next
HELD_AND_READY: dict[str, dict[str, Any]] = {
    "held": {"color": SKY, "linewidth": 2.4},
    "ready": {"color": BLUE, "linewidth": 1.4, "linestyle": "--"},
}
LONG_LABEL = 34  # characters
FEWEST_FOR_BARS = 30  # values; of fewer each is a point
WIDE = 20.0  # times the median: from here on an axis is logarithmic
# docs of WVA: the saturation analyzer counts tokens of KV cache, the others rates.
ANALYZER_UNITS = {"saturation": "tokens", "throughput": "tokens/s", "queueing-model": "requests/s"}
UNITS = {"itl": "ITL (ms)", "ttft": "TTFT (ms)"}

# --- model-based


def prediction_vs_observation(run: Experiment) -> Figure:
    """Predicted and observed ITL and TTFT over time, with their SLOs; panels of their own for each variant."""
    pairs = run.alignment.pairs
    variants = list(_variants(pairs)) or [("", BLUE, "")]
    figure, axes = time_panels(
        run, 2 * len(variants), "Prediction against what was observed one reconciliation later", sharey_by=len(variants)
    )
    panels = [(metric, variant) for metric in stats.METRICS for variant in variants]
    for axis, (metric, (variant, color, label)) in zip(axes, panels, strict=True):
        observed = _of_variant(run.frames["observed_metrics"], variant)
        _line(axis, run, observed, f"observed_{metric}_ms", color=color, label="observed")
        mine = _of_variant(pairs, variant)
        shown = mine[mine["loaded"]]
        for settled, marker_face, name in ((True, RED, "settled"), (False, "white", "other replicas than predicted")):
            part = shown[shown["settled"] == settled]
            if len(part):
                axis.plot(
                    part["minutes"],
                    part[f"predicted_{metric}_ms"],
                    "o",
                    color=RED,
                    markerfacecolor=marker_face,
                    markersize=5,
                    label=f"predicted, {name}",
                )
        axis.set_ylabel(UNITS[metric] + label)
        set_spread(axis, run.frames["observed_metrics"][f"observed_{metric}_ms"])
        objective(axis, run, metric)
        say_if_empty(axis, mine[f"predicted_{metric}_ms"], f"no prediction of {metric.upper()} has an observation")
    return finish(figure, axes, run)


def prediction_error_distribution(run: Experiment) -> Figure:
    """Histograms of the errors of loaded pairs, the settled ones apart."""
    figure = Figure(figsize=(WIDTH_IN, 3.6), layout="constrained")
    axes = figure.subplots(1, 2)
    figure.suptitle("Prediction errors (observed − predicted), loaded pairs", fontsize=FONT_PT + 1)
    loaded = run.alignment.pairs[run.alignment.pairs["loaded"]]
    for axis, metric in zip(axes, stats.METRICS, strict=True):
        column = f"{metric}_error_ms"
        groups = [loaded[loaded["settled"]][column], loaded[~loaded["settled"]][column]]
        labels = [f"settled (n = {len(groups[0])})", f"other replicas than predicted (n = {len(groups[1])})"]
        if len(loaded):
            draw = _strip if len(loaded) < FEWEST_FOR_BARS else _bars
            draw(axis, [group.to_numpy(float) for group in groups], labels)
            bias = float(loaded[column].mean())
            axis.axvline(bias, color=RED, linestyle="--", label="bias (mean error)")
            axis.axvline(0, color="black", linewidth=0.8, linestyle=":")
            axis.set_title(f"bias {bias:.2f} ms", fontsize=FONT_PT)
        say_if_empty(axis, loaded[column], "no loaded pairs")
        axis.set_xlabel(f"error of {UNITS[metric]}")
        axis.set_ylabel("pairs")
    return styled(figure, list(axes), run)


def _bars(axis: Axes, groups: Sequence[NDArray[np.float64]], labels: Sequence[str]) -> None:
    """A histogram, one group upon the other."""
    every = np.concatenate(groups)
    bins = np.histogram_bin_edges(every, bins=min(20, max(5, len(every) // 2)))
    axis.hist(groups, bins=[float(edge) for edge in bins], stacked=True, color=[BLUE, SKY], label=labels)


def _strip(axis: Axes, groups: Sequence[NDArray[np.float64]], labels: Sequence[str]) -> None:
    """A point for each value, in the order of the run from below: of a few, bars would show the edges of their bins."""
    for number, (values, color, face) in enumerate(zip(groups, (BLUE, BLUE), (BLUE, "white"), strict=True)):
        if len(values):
            heights = number + np.linspace(0.2, 0.8, len(values)) if len(values) > 1 else np.array([number + 0.5])
            axis.plot(values, heights, "o", color=color, markerfacecolor=face, label=labels[number])
    axis.set_ylim(0, len(groups))
    axis.set_yticks([])


def calibration(run: Experiment) -> Figure:
    """Observed against predicted values; on the diagonal a prediction is right."""
    figure = Figure(figsize=(WIDTH_IN, 3.6), layout="constrained")
    axes = figure.subplots(1, 2)
    figure.suptitle("Calibration, loaded pairs", fontsize=FONT_PT + 1)
    loaded = run.alignment.pairs[run.alignment.pairs["loaded"]]
    for axis, metric in zip(axes, stats.METRICS, strict=True):
        predicted, observed = f"predicted_{metric}_ms", f"observed_{metric}_ms"
        for settled, face, name in ((True, BLUE, "settled"), (False, "white", "other replicas than predicted")):
            part = loaded[loaded["settled"] == settled]
            if len(part):
                label = f"{name} (n = {len(part)})"
                axis.plot(part[predicted], part[observed], "o", color=BLUE, markerfacecolor=face, label=label)
        if _is_wide(loaded[observed]):
            axis.set_xscale("log")
            axis.set_yscale("log")
            for side in (axis.xaxis, axis.yaxis):
                side.set_major_formatter(StrMethodFormatter("{x:g}"))
                side.set_minor_formatter(NullFormatter())
            axis.xaxis.set_major_locator(LogLocator(subs=(1, 1.5, 2, 3, 5, 7)))
        if len(loaded):
            middle = float(loaded[predicted].median())
            # The diagonal has no say in where the axes end: these are the points' own.
            axis.axline(
                (middle, middle),
                (1.001 * middle, 1.001 * middle),
                color="black",
                linestyle=":",
                label="observed = predicted",
            )
        say_if_empty(axis, loaded[observed], "no loaded pairs")
        axis.set_xlabel(f"predicted {UNITS[metric]}")
        axis.set_ylabel(f"observed {UNITS[metric]}")
    return styled(figure, list(axes), run)


def prediction_errors_over_time(run: Experiment) -> Figure:
    """Errors of loaded pairs at the time of the observation, the settled ones filled."""
    figure, axes = time_panels(run, 2, "Prediction errors over time (observed − predicted), loaded pairs")
    loaded = run.alignment.pairs[run.alignment.pairs["loaded"]]
    for axis, metric in zip(axes, stats.METRICS, strict=True):
        _errors(axis, run, loaded, metric, "minutes")
    return finish(figure, axes, run)


def prediction_errors_by_condition(run: Experiment) -> Figure:
    """Errors of loaded pairs against the load and against the replicas that were too many or too few."""
    figure = Figure(figsize=(WIDTH_IN, 5.6), layout="constrained")
    axes = figure.subplots(2, 2, sharey="row")
    figure.suptitle("When predictions are off (observed − predicted), loaded pairs", fontsize=FONT_PT + 1)
    loaded = run.alignment.pairs[run.alignment.pairs["loaded"]]
    loaded = loaded.assign(
        rate_per_s=loaded["arrival_rate_per_min"] / 60,
        mismatch=loaded["observed_replicas"] - loaded["predicted_replicas"],
    )
    labels = {"rate_per_s": "arrival rate (requests per second)", "mismatch": "observed less predicted replicas"}
    for row, metric in zip(axes, stats.METRICS, strict=True):
        for axis, column in zip(row, labels, strict=True):
            _errors(axis, run, loaded, metric, column)
            axis.grid(alpha=0.25)
            axis.set_xlabel(labels[column])
        row[1].xaxis.set_major_locator(MaxNLocator(integer=True))
    return styled(figure, list(axes.flat), run)


def _errors(axis: Axes, run: Experiment, loaded: pd.DataFrame, metric: str, against: str) -> None:
    column = f"{metric}_error_ms"
    for variant, color, label in _variants(run.alignment.pairs):
        mine = _of_variant(loaded, variant)
        for settled, face, name in ((True, color, "settled"), (False, "white", "other replicas than predicted")):
            part = mine[mine["settled"] == settled]
            if len(part):
                axis.plot(part[against], part[column], "o", color=color, markerfacecolor=face, label=f"{name}{label}")
    axis.axhline(0, color="black", linewidth=0.8, linestyle=":")
    if _is_wide(loaded[column].abs()):
        # Errors have signs: logarithmic on both sides of zero, linear between.
        linear = max(float(loaded[column].abs().median()), 1e-3)
        axis.set_yscale("symlog", linthresh=linear)
        axis.set_ylim(min(2 * loaded[column].min(), -linear), max(2 * loaded[column].max(), linear))
    axis.set_ylabel(f"error of {UNITS[metric]}")
    say_if_empty(axis, loaded[column], "no loaded pairs")


def tuner_parameters(run: Experiment) -> Figure:
    """The tuner's parameters over time, and its innovations with the rejected ones marked."""
    figure, axes = time_panels(run, 3, "Tuned performance parameters")
    updates, rejections = run.frames["tuner_update"], run.frames["nis_rejection"]
    for axis, names, unit in ((axes[0], ("alpha", "beta"), "decode"), (axes[1], ("gamma", "delta"), "prefill")):
        other = axis.twinx()
        for side, name, color in ((axis, names[0], BLUE), (other, names[1], ORANGE)):
            side.step(updates["minutes"], updates[name], "o-", where="post", color=color, markersize=4)
            side.set_ylabel(f"{name} ({'ms' if name in ('alpha', 'gamma') else 'ms per unit of load'})", color=color)
        axis.set_title(unit, fontsize=FONT_PT, loc="left")
    for frame, color, name in ((updates, BLUE, "accepted"), (rejections, RED, "rejected")):
        known = frame[frame["nis"] > 0]
        if len(known):
            axes[2].plot(known["minutes"], known["nis"], "o", color=color, label=f"{name} (n = {len(known)})")
            axes[2].set_yscale("log")
    axes[2].set_ylabel("NIS (no unit)")
    say_if_empty(axes[2], pd.concat([updates["nis"], rejections["nis"]]), "no NIS logged")
    return finish(figure, axes, run)


# --- capacity-based


def kv_cache_utilization(run: Experiment) -> Figure:
    """KV usage over the pods of a reconciliation, with our threshold and the controller's own."""
    figure, axes = time_panels(run, 1, "KV cache usage, maximum over a minute")
    _band(
        axes[0], run, stats.aggregate_pods(run.frames["kv_cache"], "kv_cache_usage"), 100, "least to most of the pods"
    )
    _saturated(axes[0], run)
    replay = replay_analyses(run)
    told = replay.thresholds
    _limits(axes[0], 100 * run.thresholds.kv_cache, told.kv_threshold, told.kv_trigger, 100, "%")
    _masked(axes[0], run, replay)
    axes[0].set_ylabel("KV cache usage (%)")
    axes[0].set_ylim(0, 105)
    say_if_empty(axes[0], run.frames["kv_cache"]["kv_cache_usage"], "no KV cache metrics in the log")
    return finish(figure, axes, run)


def queue_length(run: Experiment) -> Figure:
    """Queue over the pods of a reconciliation, with our threshold and the controller's own."""
    figure, axes = time_panels(run, 1, "Waiting requests, maximum over a minute")
    queue = stats.aggregate_pods(run.frames["queue"], "queue_length", with_total=True)
    _band(axes[0], run, queue, 1, "least to most of the pods")
    _line(axes[0], run, queue, "total", color=GREY, linestyle=":", label="sum over the pods")
    for _, waiting in run.frames["scheduler_queue"].groupby("model", dropna=False, sort=False):
        label = "in the scheduler, before any pod"
        _line(axes[0], run, waiting, "scheduler_queue_length", color=PURPLE, linestyle="-.", label=label)
    replay = replay_analyses(run)
    told = replay.thresholds
    _limits(axes[0], run.thresholds.queue, told.queue_threshold, told.queue_trigger, 1, "requests")
    _masked(axes[0], run, replay)
    axes[0].set_ylabel("queue length (requests)")
    _from_zero(axes[0])
    if queue["total"].max() > WIDE * run.thresholds.queue:  # the limits would lie on the axis
        axes[0].set_yscale("symlog", linthresh=2 * run.thresholds.queue)
        axes[0].set_ylim(0, 2 * queue["total"].max())
        axes[0].yaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
    say_if_empty(axes[0], run.frames["queue"]["queue_length"], "no queue metrics in the log")
    return finish(figure, axes, run)


def spare_capacity(run: Experiment) -> Figure:
    """Spare KV cache and queue, averaged over the pods that are not saturated, against the triggers to scale up."""
    figure, axes = time_panels(run, 2, "Spare capacity against the triggers to scale up")
    analysis = run.frames["capacity_analysis"]
    told = replay_analyses(run).thresholds
    sides = (
        ("avg_spare_kv", 100, "spare KV cache (%)", told.kv_trigger, "{:g} %"),
        ("avg_spare_queue", 1, "spare queue (requests)", told.queue_trigger, "{:g} requests"),
    )
    refused = run.frames["scale_down_refusal"]
    for axis, (column, factor, unit, trigger, text) in zip(axes, sides, strict=True):
        scaled = analysis.assign(**{column: factor * analysis[column]})
        for (model, rows), color in zip(scaled.groupby("model", dropna=False, sort=False), CYCLE, strict=False):
            _line(axis, run, rows, column, color=color, label=str(model) if scaled["model"].nunique() > 1 else "spare")
        if trigger is not None:
            name = f"trigger {text.format(factor * trigger)} (from the {told.source})"
            axis.axhline(factor * trigger, color=RED, linestyle="--", label=name)
        _mark_changes(axis, run)
        marks(axis, refused["minutes"], 0.02, "scale-down unsafe", marker="x", color=GREY, markersize=4)
        axis.set_ylabel(unit)
        axis.set_ylim(bottom=0)
        say_if_empty(axis, analysis[column], "the log tells no spare capacity")
    return finish(figure, axes, run)


def per_pod_kv_cache(run: Experiment) -> Figure:
    """KV usage of each pod."""
    figure, axes = time_panels(run, 1, "KV cache usage per pod, maximum over a minute", height_in=3.8)
    pods = run.frames["kv_cache"]
    names = list(dict.fromkeys(pods["pod"].dropna()))
    for number, (name, color) in enumerate(zip(names, _colors(len(names)), strict=True)):
        label = f"…{name[-12:]}" if len(names) <= MOST_IN_LEGEND else f"{len(names)} pods" if number == 0 else None
        mine = pods[pods["pod"] == name].assign(percent=lambda rows: 100 * rows["kv_cache_usage"])
        _line(axes[0], run, mine, "percent", color=color, label=label)
    axes[0].axhline(100 * run.thresholds.kv_cache, color=RED, linestyle="--", label=_kv_label(run))
    axes[0].set_ylabel("KV cache usage (%)")
    axes[0].set_ylim(0, 105)
    say_if_empty(axes[0], pods["kv_cache_usage"], "no KV cache metrics in the log")
    return finish(figure, axes, run)


def scaling_with_context(run: Experiment) -> Figure:
    """Replicas of each variant above the KV usage and the queue that they answer to."""
    figure, axes, (kv_axis, queue_axis) = _replica_panels(run, 2, "Scaling decisions and the pods' state")
    _band(
        kv_axis, run, stats.aggregate_pods(run.frames["kv_cache"], "kv_cache_usage"), 100, "least to most of the pods"
    )
    _saturated(kv_axis, run)
    kv_axis.axhline(100 * run.thresholds.kv_cache, color=RED, linestyle="--", label=_kv_label(run))
    kv_axis.set_ylabel("KV usage (%)")
    kv_axis.set_ylim(0, 105)
    queue = stats.aggregate_pods(run.frames["queue"], "queue_length", with_total=True)
    _line(queue_axis, run, queue, "total", color=PURPLE, label="sum over the pods")
    queue_axis.set_ylabel("queue (requests)")
    _from_zero(queue_axis)
    for axis in (kv_axis, queue_axis):
        _mark_changes(axis, run)
    return finish(figure, axes, run)


def demand_and_supply(run: Experiment) -> Figure:
    """Demand against supply, as each analyzer of newer releases sees them, in its own unit."""
    results = run.frames["analyzer_result"]
    keys = list(dict.fromkeys(zip(results["analyzer"], results["model"], strict=True))) or [("analyzer", None)]
    figure, axes = time_panels(run, len(keys), "Demand against supply, by analyzer")
    for axis, (analyzer, model) in zip(axes, keys, strict=True):
        mine = results[(results["analyzer"] == analyzer) & (results["model"] == model)]
        _line(axis, run, mine, "supply", color=BLUE, label="supply")
        _line(axis, run, mine, "demand", color=RED, label="demand")
        if _is_wide(mine["supply"]):  # what idle replicas could do has no limit in a queueing model
            axis.set_yscale("symlog", linthresh=max(mine["demand"].max(), 1))
        axis.set_ylabel(f"{analyzer} ({ANALYZER_UNITS.get(str(analyzer), 'its own unit')})")
        if len(keys) > 1 and results["model"].nunique() > 1:
            axis.set_title(str(model), fontsize=FONT_PT, loc="left")
        say_if_empty(axis, mine["demand"], "no analyzer logged supply and demand")
    return finish(figure, axes, run)


# --- both


def scaling_behavior(run: Experiment) -> Figure:
    """Replicas of each variant over time, and the load that they answer to."""
    figure, axes, (load_axis,) = _replica_panels(run, 1, "Replicas and load")
    _rates(load_axis, run)
    return finish(figure, axes, run)


def arrival_rate(run: Experiment) -> Figure:
    """Offered and measured requests per second."""
    figure, axes = time_panels(run, 1, "Arrival rate")
    _rates(axes[0], run)
    return finish(figure, axes, run)


def latencies(run: Experiment) -> Figure:
    """Observed ITL and TTFT over time, with their SLOs."""
    figure, axes = time_panels(run, 2, "Observed latencies, mean over a minute")
    observed = run.frames["observed_metrics"]
    for axis, metric in zip(axes, stats.METRICS, strict=True):
        variants = list(_variants(observed))
        for later, (variant, color, label) in zip(reversed(range(len(variants))), variants, strict=True):
            mine = _of_variant(observed, variant)
            width = 1.5 + 1.5 * later  # variants of one model observe the same: the last must not hide the others
            _line(axis, run, mine, f"observed_{metric}_ms", color=color, linewidth=width, label=f"observed{label}")
        axis.set_ylabel(UNITS[metric])
        set_spread(axis, observed[f"observed_{metric}_ms"])
        objective(axis, run, metric)
        say_if_empty(axis, observed[f"observed_{metric}_ms"], f"no observed {metric.upper()}")
    return finish(figure, axes, run)


# --- parts


def time_panels(
    run: Experiment, count: int, title: str, height_in: float = PANEL_IN, sharey_by: int = 1
) -> tuple[Figure, list[Axes]]:
    """Panels above each other with one axis of time; each `sharey_by` neighbours have one scale as well."""
    figure = Figure(figsize=(WIDTH_IN, height_in * count + AROUND_IN), layout="constrained")
    axes = list(np.atleast_1d(figure.subplots(count, 1, sharex=True)))
    for number, axis in enumerate(axes):
        if number % sharey_by:
            axis.sharey(axes[number - 1])
    figure.suptitle(title, fontsize=FONT_PT + 1)
    return figure, axes


def finish(figure: Figure, axes: Sequence[Axes], run: Experiment) -> Figure:
    minutes = run.frames.reconciliations["minutes"]
    if len(minutes):
        margin = max((minutes.max() - minutes.min()) * 0.02, 0.2)
        # The first workload may begin a whole interval before the first reconciliation.
        axes[0].set_xlim(min(float(minutes.min()) - margin, 0.0), float(minutes.max()) + margin)
    since = "the first load" if run.supply.window.has_load or run.window.start is not None else "the log's start"
    axes[-1].set_xlabel(f"minutes since {since}")
    _workloads(axes[0], run)
    return styled(figure, axes, run)


def styled(figure: Figure, axes: Sequence[Axes], run: Experiment, ncols: int = 3) -> Figure:
    """A grid, letters of one size, one legend below, and whether the run was simulated."""
    handles: dict[str, Artist] = {}
    for axis in figure.axes:
        axis.tick_params(labelsize=FONT_PT)
        for label in (axis.xaxis.label, axis.yaxis.label):
            label.set_fontsize(FONT_PT)
        for handle, name in zip(*axis.get_legend_handles_labels(), strict=True):
            handles.setdefault(str(name), handle)
    for axis in axes:
        axis.grid(alpha=0.25)
    if not handles:
        footer(figure, run)
        return figure
    # Long labels need the width of two.
    columns = min(ncols, 2 if max(map(len, handles)) > LONG_LABEL else ncols)
    legend = figure.legend(
        handles=list(handles.values()),
        labels=list(handles),
        loc="outside lower center",
        ncols=columns,
        fontsize=FONT_PT,
        frameon=False,
        title=SIMULATED if run.simulated else None,
        title_fontsize=FONT_PT,
    )
    legend.get_title().set_color(RED)
    return figure


def footer(figure: Figure, run: Experiment) -> None:
    if run.simulated:
        figure.supxlabel(SIMULATED, fontsize=FONT_PT, color=RED)


def marks(axis: Axes, minutes: pd.Series, height: float, what: str, **style: Any) -> None:
    """Marks at moments, at a `height` of the axis from 0 to 1; their number in the legend.."""
    if len(minutes):
        heights, label = np.full(len(minutes), height), f"{what} (n = {len(minutes)})"
        axis.plot(minutes, heights, transform=axis.get_xaxis_transform(), label=label, linestyle="", **style)


def say_if_empty(axis: Axes, values: pd.Series, what: str, height: float = 0.5) -> None:
    """Words in the place of data; `height` of the axis at which they stand, 0 to 1."""
    if not values.notna().any():
        if not axis.has_data():
            axis.set_yticks([])
        axis.text(0.5, height, what, transform=axis.transAxes, ha="center", va="center", color=GREY)


def _from_zero(axis: Axes) -> None:
    """Counts: from 0 to at least 1, so that nothing but zeros is a line at the bottom."""
    axis.set_ylim(0, max(axis.get_ylim()[1], 1))


def _is_wide(values: pd.Series) -> bool:
    """Whether a few values would press all others onto the axis."""
    return bool(values.notna().any() and values.max() > WIDE * values.median())


def set_spread(axis: Axes, values: pd.Series) -> None:
    """Make an axis logarithmic where a few values would press all others onto it, and have it say so."""
    if _is_wide(values):
        axis.set_yscale("log")
        axis.yaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
        axis.set_ylabel(f"{axis.get_ylabel()}, log")


def _line(axis: Axes, run: Experiment, frame: pd.DataFrame, column: str, **style: object) -> None:
    """Steps that end where a reconciliation was missed."""
    if not frame[column].notna().any():
        return
    minutes, values = with_gaps(run, frame, column)
    style = {"linestyle": "-", "drawstyle": "steps-post", **style}
    axis.plot(minutes, values, **style)  # type: ignore[arg-type]


def with_gaps(run: Experiment, frame: pd.DataFrame, column: str) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """`minutes` and a column to draw, with a NaN wherever a reconciliation was missed."""
    minutes = frame["minutes"].to_numpy(float)
    gaps = np.flatnonzero(np.diff(minutes) > GAP_INTERVALS * run.frames.interval_s / 60) + 1
    middle = (minutes[gaps - 1] + minutes[gaps]) / 2
    return np.insert(minutes, gaps, middle), np.insert(frame[column].to_numpy(float), gaps, np.nan)


def _band(axis: Axes, run: Experiment, table: pd.DataFrame, factor: float, label: str) -> None:
    for (model, rows), color in zip(table.groupby("model", dropna=False, sort=False), CYCLE, strict=False):
        suffix = f", {model}" if table["model"].nunique() > 1 else ""
        scaled = rows.assign(**{name: rows[name] * factor for name in ("mean", "max", "min")})
        axis.fill_between(
            scaled["minutes"], scaled["min"], scaled["max"], step="post", color=color, alpha=0.2, label=label + suffix
        )
        _line(axis, run, scaled, "mean", color=color, label=f"mean of the pods{suffix}")


def _saturated(axis: Axes, run: Experiment) -> None:
    events = stats.saturation_events(run.frames["kv_cache"], run.thresholds.kv_cache)
    for number, (start, end) in enumerate(zip(events["start_minutes"], events["end_minutes"], strict=True)):
        axis.axvspan(start, end, color=RED, alpha=0.08, linewidth=0, label="saturated" if number == 0 else None)


def _limits(axis: Axes, ours: float, threshold: float | None, trigger: float | None, factor: float, unit: str) -> None:
    """Our threshold of this report, and the controller's own: where a pod is saturated, and where more is asked for."""
    axis.axhline(ours, color=RED, linestyle="--", label=f"our threshold {ours:g} {unit}")
    if threshold is None:
        return
    label = f"WVA: saturated from {factor * threshold:g} {unit}"
    axis.axhline(factor * threshold, color=ORANGE, linestyle=(0, (1, 1)), linewidth=2, label=label)
    if trigger is not None:
        asked = factor * (threshold - trigger)
        label = f"WVA: more above {asked:g} {unit},\nmean of the pods not saturated"
        axis.axhline(asked, color=GREEN, linestyle="-.", label=label)


def _masked(axis: Axes, run: Experiment, replay: Replay) -> None:
    """Marks at the reconciliations in which a mean over the free pods hid a full one."""
    minutes = masked_reconciliations(run.frames, replay)["minutes"]
    style = {"marker": "v", "color": PURPLE, "markeredgecolor": "black", "markersize": 8}
    marks(axis, minutes, 0.96, "masked saturation", **style)


def _kv_label(run: Experiment) -> str:
    return f"threshold {100 * run.thresholds.kv_cache:g} %"


def objective(axis: Axes, run: Experiment, metric: str) -> None:
    """The SLO as a light band from 0 to it, so that what lies on its edge can be read; to be drawn last."""
    limit = run.slo.itl_ms if metric == "itl" else run.slo.ttft_ms
    if limit is None:
        return
    is_log = axis.get_yscale() == "log"
    low, high = axis.get_ylim()
    bottom, top = (low, max(high, 1.3 * limit)) if is_log else (0.0, max(high, 1.15 * limit))
    axis.axhspan(bottom, limit, color=GREEN, alpha=0.12, linewidth=0, label="within the SLO")
    axis.axhline(limit, color=GREEN, linewidth=1)
    axis.annotate(
        f"SLO {limit:g} ms",
        (1, limit),
        xycoords=("axes fraction", "data"),
        xytext=(-3, 2),
        textcoords="offset points",
        ha="right",
        fontsize=FONT_PT,
        color=GREY,
    )
    axis.set_ylim(bottom, top)


def _replica_panels(run: Experiment, others: int, title: str) -> tuple[Figure, list[Axes], list[Axes]]:
    """A panel of replicas for each variant, on one scale, then others; the latter once more by themselves."""
    variants = list(_variants(run.frames["scaling_decision"])) or [("", BLUE, "")]
    figure, axes = time_panels(run, len(variants) + others, title)
    own, rest = axes[: len(variants)], axes[len(variants) :]
    for axis, (variant, _, label) in zip(own, variants, strict=True):
        _replicas(axis, run, variant, label, is_one=len(variants) == 1)
    top = max(axis.get_ylim()[1] for axis in own)
    for axis in own:
        axis.set_ylim(0, top)
    return figure, axes, rest


def _replicas(axis: Axes, run: Experiment, variant: str, label: str, is_one: bool) -> None:
    had = run.supply.steps if is_one else _of_variant(run.supply.by_variant, variant)
    for column, style in HELD_AND_READY.items():
        known = had.dropna(subset=[column])
        if len(known):
            axis.plot(known["minutes"], known[column], drawstyle="steps-post", label=column, **style)
    decisions = _of_variant(run.frames["scaling_decision"], variant)
    axis.step(
        decisions["minutes"],
        decisions["target_replicas"],
        where="post",
        color=ORANGE,
        linestyle=(0, (1, 1)),
        label="target",
    )
    changes = list(_changes(decisions, scaling.changes(run.frames)))
    for direction, marker, color, name in ((1, "^", GREEN, "target raised"), (-1, "v", PURPLE, "target lowered")):
        points = [(minutes, target) for minutes, sign, target in changes if sign == direction]
        if points:
            axis.plot(
                *zip(*points, strict=True), marker, color=color, markersize=7, label=f"{name} (n = {len(points)})"
            )
    axis.set_ylabel(f"replicas{label}")
    _from_zero(axis)
    axis.yaxis.set_major_locator(MaxNLocator(integer=True))
    say_if_empty(axis, decisions["target_replicas"], "no scaling decisions in the log")


def _changes(decisions: pd.DataFrame, changed: pd.DataFrame) -> Iterator[tuple[float, int, float]]:
    """Minute, direction and target of each decision that changed a target."""
    mine = changed[changed["variant"].isin(decisions["variant"])]
    for minutes, direction, target in zip(mine["minutes"], mine["direction"], mine["to"], strict=True):
        yield float(minutes), int(direction), float(target)


def _mark_changes(axis: Axes, run: Experiment) -> None:
    """Vertical lines at decisions that changed a target, in the colours of their marks."""
    for minutes, direction, _ in _changes(run.frames["scaling_decision"], scaling.changes(run.frames)):
        axis.axvline(minutes, color=GREEN if direction > 0 else PURPLE, linewidth=0.8, alpha=0.7)


def _rates(axis: Axes, run: Experiment) -> None:
    sent = offered(run)
    steps = elasticity.offered_rate(sent.spans) if sent.is_demand else pd.DataFrame()
    if len(steps):
        rebuilt = "" if sent.source == RECORD else f"\n(rebuilt from {sent.source})"
        label = f"offered by the Jobs{rebuilt}"
        axis.step(steps["minutes"], steps["rate_per_min"] / 60, where="post", color="black", linewidth=1.6, label=label)
    observed = stats.arrival_rates(run.frames)
    _line(axis, run, observed, "per_s", color=BLUE, label="answered, by WVA")
    axis.set_ylabel("requests per second")
    axis.set_ylim(bottom=0)
    if not len(steps):
        say_if_empty(axis, observed["per_s"], "the log tells no arrival rate")


def _workloads(axis: Axes, run: Experiment) -> None:
    """Thin bars above the first panel: which workload ran when."""
    spans = offered(run).spans
    scale = axis.figure.dpi_scale_trans
    for number, (name, start, end, rate) in enumerate(spans):
        up = ScaledTranslation(0, (BAR_PT * (len(spans) - number) - 4) / 72, scale)
        place: Any = {"transform": axis.get_xaxis_transform() + up, "clip_on": False, "color": GREY}
        axis.plot([start, end], [1, 1], linewidth=3, solid_capstyle="butt", **place)
        axis.text(end, 1, f" {name}, {rate:g} req/s", fontsize=FONT_PT - 1, va="center", **place)


def _variants(frame: pd.DataFrame) -> Iterator[tuple[str, str, str]]:
    """Name, colour and what to add to a label, of each variant of a frame; the same in whatever order they are."""
    names = sorted(frame["variant"].dropna().unique())
    for name, short, color in zip(names, without_common_words(names), _colors(len(names)), strict=True):
        yield name, color, f", {short}" if len(names) > 1 else ""


def _of_variant(frame: pd.DataFrame, variant: str) -> pd.DataFrame:
    return frame[frame["variant"] == variant]


def _colors(count: int) -> list[str]:
    return [CYCLE[number % len(CYCLE)] for number in range(count)]
