"""Figures of why predictions were off, and of what an objective costs; as `plots` draws."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from wva_parse.aligned.experiment import Experiment
from wva_parse.measures import stats
from wva_parse.optimizer import attribution, price
from wva_parse.optimizer.decisions import decisions_of
from wva_parse.report.plots import (
    BLUE,
    FONT_PT,
    GREEN,
    GREY,
    ORANGE,
    RED,
    SKY,
    UNITS,
    WIDTH_IN,
    finish,
    say_if_empty,
    set_spread,
    styled,
    time_panels,
)

COLORS = {"model": RED, "replicas": ORANGE, "load": SKY}
LABELS = {"model": "the model", "replicas": "replicas not as predicted", "load": "load not as assumed"}
BEYOND = 1.2  # times the loosest objective: nothing more is saved there
FAR = 5  # times the slowest observation: an objective from there on is not drawn
BAR = 0.7  # of the usual interval, all variants together


def error_parts_over_time(run: Experiment) -> Figure:
    """From the prediction to the observation: what load, replicas and model add or take, with load and SLO."""
    pairs = attribution.with_parts(run)
    figure, axes = time_panels(run, 2, "From prediction to observation: what load, replicas and model add or take")
    for axis, metric in zip(axes, attribution.METRICS, strict=True):
        _stacks(axis, run, pairs, metric)
        limit = run.slo.itl_ms if metric == "itl" else run.slo.ttft_ms
        observed = pairs[f"observed_{metric}_ms"].dropna()
        is_far = limit is not None and len(observed) and limit > FAR * observed.max()
        if is_far:  # on one axis with it, bars would be lines
            axis.plot([], [], color="black", linestyle="--", linewidth=1, label=f"SLO {limit:g} ms (far above)")
        elif limit is not None:
            axis.axhline(limit, color="black", linestyle="--", linewidth=1, label=f"SLO {limit:g} ms")
        axis.set_ylabel(UNITS[metric])
        axis.margins(y=0.06)
        set_spread(axis, pd.Series([*observed, *([limit] if limit and not is_far else [])]))
        say_if_empty(axis, pairs[f"{metric}_error_model_ms"], "no pair could be attributed")
        _load(axis, run)
    return finish(figure, axes, run)


def _stacks(axis: Axes, run: Experiment, pairs: pd.DataFrame, metric: str) -> None:
    """Bars from the predicted latency on, parts that make it slower upwards, those that make it faster downwards."""
    axis.use_sticky_edges = False
    known = pairs[pairs[f"{metric}_error_model_ms"].notna()]
    variants = sorted(known["variant"].unique())
    width = BAR * run.frames.interval_s / 60 / max(len(variants), 1)
    for number, variant in enumerate(variants):
        mine = known[known["variant"] == variant]
        minutes = mine["minutes"].to_numpy(float) + (number - (len(variants) - 1) / 2) * width
        predicted = mine[f"predicted_{metric}_ms"].to_numpy(float)
        above, below = predicted.copy(), predicted.copy()
        is_first = number == 0
        for part in ("load", "replicas", "model"):
            value = mine[f"{metric}_error_{part}_ms"].to_numpy(float)
            bottom = np.where(value >= 0, above, below + value)
            axis.bar(
                minutes,
                np.abs(value),
                width,
                bottom,
                color=COLORS[part],
                linewidth=0,
                label=LABELS[part] if is_first else None,
            )
            above, below = above + np.maximum(value, 0), below + np.minimum(value, 0)
        for values, style, label in (
            (predicted, {"marker": "_", "color": "black", "markersize": 9}, "predicted"),
            (
                mine[f"observed_{metric}_ms"].to_numpy(float),
                {"marker": "o", "color": BLUE, "markersize": 3},
                "observed",
            ),
        ):
            axis.plot(minutes, values, linestyle="none", label=label if is_first else None, **style)  # type: ignore[arg-type]


def _load(axis: Axes, run: Experiment) -> None:
    """What WVA measured of the load, on an axis of its own at the right, behind the bars."""
    rates = stats.arrival_rates(run.frames)
    side = axis.twinx()
    side.step(rates["minutes"], rates["per_s"], where="mid", color=GREY, linewidth=1, alpha=0.8)
    side.set_ylabel("requests per second", color=GREY)
    side.set_ylim(bottom=0)
    axis.plot([], [], color=GREY, linewidth=1, label="load (right)")
    axis.set_zorder(side.get_zorder() + 1)
    axis.patch.set_visible(False)


def price_of_slo(run: Experiment) -> Figure:
    """Replica-minutes against the objective of ITL and of TTFT, for the load of the run; its own objectives marked."""
    found = price.price_of_slo(run, decisions_of(run))
    figure = Figure(figsize=(WIDTH_IN, 3.8), layout="constrained")
    axes = figure.subplots(1, 2, sharey=True)
    title = "The price of the SLO: what the optimizer would have decided for this load"
    figure.suptitle(title, fontsize=FONT_PT + 1)
    for axis, objective in zip(axes, price.OBJECTIVES, strict=True):
        curve = found.curve[found.curve["objective"] == objective]
        minutes = curve["replica_seconds"] / 60
        own = found.own.get(objective)
        if len(curve):
            end_ms = max(curve["ms"].iloc[-1], own["ms"] if own else 0) * BEYOND
            shown = np.append(curve["ms"], end_ms), np.append(minutes, minutes.iloc[-1])
            axis.plot(*shown, color=BLUE, drawstyle="steps-post", label="by objective")
            axis.set_xscale("log")
            axis.set_yscale("log")
            _plain_numbers(axis)
        if own:
            named = f"{objective.upper()} as it was: {own['ms']:g} ms"
            label = f"{named}, {own['replica_seconds'] / 60:.0f} replica-minutes"
            axis.axvline(own["ms"], color="black", linestyle="--", linewidth=1)
            axis.plot([own["ms"]], [own["replica_seconds"] / 60], "o", color=GREEN, markersize=8, label=label)
        say_if_empty(axis, minutes, "nothing was decided under load")
        axis.set_xlabel(f"objective of {UNITS[objective]}")
        axis.set_ylabel("replicas × time (replica-minutes)")
    return styled(figure, list(axes), run, ncols=2)


def _plain_numbers(axis: Axes) -> None:
    """Logarithmic axes with 20 and 50, not 2 × 10¹."""
    for side, (low, high) in ((axis.xaxis, axis.get_xlim()), (axis.yaxis, axis.get_ylim())):
        side.set_major_locator(LogLocator(subs=(1, 1.5, 2, 3, 5, 7) if high < 10 * low else (1, 2, 5)))
        side.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        side.set_minor_formatter(NullFormatter())
