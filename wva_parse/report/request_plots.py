"""Figures of single requests, as their clients felt them; as `plots` draws, and on its axis of time.

Every curve of shares is over all requests that were sent: a failed one counts as never answered, so that a curve ends
below 100 % by as much as failed. Requests that warmed up are grey where they are drawn at all.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullFormatter
from numpy.typing import NDArray

from wva_parse.aligned.experiment import Experiment
from wva_parse.measures import requests
from wva_parse.report.plots import (
    BLUE,
    CYCLE,
    FONT_PT,
    GREEN,
    GREY,
    HELD_AND_READY,
    ORANGE,
    RED,
    SKY,
    WIDTH_IN,
    finish,
    marks,
    say_if_empty,
    styled,
    time_panels,
)

FEW = 20  # answered requests in a minute, below which each is a point: percentiles of so few say little
MOST_POINTS = 2000  # of a curve: more than a figure has pixels
MOST_CURVES = 6
MOST_LABELS = 12  # groups whose sizes can be written side by side
NAMES = {"ttft_ms": "TTFT (ms)", "tpot_ms": "TPOT (ms)", "e2e_ms": "end-to-end (ms)"}


def request_distributions(run: Experiment) -> Figure:
    """Share of all sent requests that had at most a latency, over latency: TTFT, TPOT and end-to-end."""
    figure = Figure(figsize=(WIDTH_IN, 3.8), layout="constrained")
    axes = figure.subplots(1, len(NAMES), sharey=True)
    records = requests.pooled(run.requests)
    figure.suptitle(f"Latencies of single requests{_of_how_many(run)}", fontsize=FONT_PT + 1)
    names = list(dict.fromkeys(records["workload"]))
    for axis, (column, label) in zip(axes, NAMES.items(), strict=True):
        if 1 < len(names) <= MOST_CURVES:
            for name, color in zip(names, CYCLE, strict=False):
                _curve(axis, records[records["workload"] == name], column, color=color, linewidth=1.2, label=name)
        _curve(axis, records, column, color="black", linewidth=2, label="all workloads" if len(names) > 1 else "all")
        axis.set_xlabel(label)
        axis.set_ylim(0, 103)
        axis.grid(alpha=0.25, which="both")
        if axis.lines:
            _objective(axis, run, column, axis.axvline)
            _answered(axis, records, column)
            axis.set_xscale("log")
            _tick(axis.xaxis, axis.get_xlim())
        say_if_empty(axis, records.loc[records["answered"], column], f"no {label.partition(' (')[0]}")
        axis.label_outer()
        axis.set_ylabel(f"requests {_sent(run)} (%)")
    for axis in axes[1:]:
        axis.yaxis.label.set_visible(False)
    return styled(figure, list(axes), run)


def requests_over_time(run: Experiment) -> Figure:
    """What requests felt by the minute of their sending, what became of them, and the replicas that were ready."""
    figure, axes = time_panels(run, 4, f"What requests felt, by the time of their sending{_of_how_many(run)}")
    records, warmup = requests.pooled(run.requests), run.requests.records
    warmup = warmup[warmup["warmup"]]
    for axis, column in zip(axes[:2], ("ttft_ms", "tpot_ms"), strict=True):
        _band(axis, run, records, column, BLUE, "")
        if len(warmup):
            _band(axis, run, warmup, column, GREY, ", warm-up")
        _objective(axis, run, column, axis.axhline)
        axis.set_yscale("log")
        _tick(axis.yaxis, axis.get_ylim())
        axis.set_ylabel(NAMES[column])
        say_if_empty(
            axis, records.loc[records["answered"], "minutes"], "no answered request with a known time", height=0.7
        )
    failed = records[~records["answered"]]["minutes"].dropna()
    marks(axes[0], failed, 0.97, "failed", marker="|", color=RED, markersize=6, alpha=0.6)
    _outcomes(axes[2], run, records)
    _ready(axes[3], run)
    figure = finish(figure, axes, run)
    minutes = run.requests.records["minutes"].dropna()
    if len(minutes):
        left, right = axes[0].get_xlim()
        axes[0].set_xlim(min(left, float(minutes.min())), max(right, float(minutes.max())))
    return figure


def ttft_by_ready_replicas(run: Experiment) -> Figure:
    """TTFT, and the share within the SLO, of the requests that were sent while so many replicas were ready."""
    figure = Figure(figsize=(WIDTH_IN, 5.6), layout="constrained")
    felt, share = figure.subplots(2, 1, sharex=True, height_ratios=(2, 1))
    figure.suptitle(f"TTFT against the replicas that were ready{_of_how_many(run)}", fontsize=FONT_PT + 1)
    records = requests.pooled(run.requests)
    ready = requests.ready_when_sent(records, requests.ready_replicas(run))
    within = requests.within_slo(records, run.slo)
    groups = list(records.groupby(ready, sort=True, dropna=False))  # those that nobody knows of come last
    for at, (_, mine) in enumerate(groups):
        _percentiles(felt, at, requests.latency(mine, "ttft_ms"))
        good = 100 * (within[mine.index] if within is not None else mine["answered"]).mean()
        share.bar(at, good, width=0.5, color=GREEN if within is not None else SKY)
        text = f"{good:.0f} %" if len(groups) > MOST_LABELS else f"{good:.0f} %\nof {len(mine)}"
        share.annotate(text, (at, good), xytext=(0, 2), textcoords="offset points", ha="center", fontsize=FONT_PT)
    share.set_xticks(range(len(groups)), [f"{count:g}" if count == count else "not known" for count, _ in groups])
    share.set_xlim(-0.7, max(len(groups), 1) - 0.3)
    _objective(felt, run, "ttft_ms", felt.axhline)
    felt.set_ylabel(NAMES["ttft_ms"])
    share.set_ylabel("within the SLO (%)" if within is not None else "answered (%)")
    share.set_ylim(0, 150)
    share.set_yticks([0, 50, 100])
    share.set_xlabel(f"replicas that were ready when the request was sent{_resolution(run)}")
    if felt.lines:
        felt.set_yscale("log")
        _tick(felt.yaxis, felt.get_ylim())
    for axis in (felt, share):
        say_if_empty(axis, ready, "replicas, or times of sending, are not known")
    return styled(figure, (felt, share), run)


# --- parts


def _of_how_many(run: Experiment) -> str:
    """How many were sent, how many failed, and of how many nothing is known: what every figure must say."""
    records = requests.pooled(run.requests)
    failed = int((~records["answered"]).sum())
    unknown = _unknown(run)
    text = f" ({len(records)} {_sent(run)}, {failed} failed"
    return text + (f", of {unknown} more nothing is known)" if unknown else ")")


def _unknown(run: Experiment) -> int:
    return sum(each.unknown for each in run.requests.workloads if not each.warmup)


def _sent(run: Experiment) -> str:
    """What is said of the requests that are shown: others were sent as well where nothing is known of them."""
    return "recorded" if _unknown(run) else "sent"


def _tick(axis: Axis, ends: tuple[float, float]) -> None:
    """Plain numbers on a logarithmic axis, and more of them where it spans little."""
    decades = np.log10(ends[1] / ends[0]) if 0 < ends[0] < ends[1] else 0
    axis.set_major_locator(LogLocator(subs=(1.0,) if decades > 1.5 else (1.0, 2.0, 5.0)))
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:.10g}"))
    axis.set_minor_formatter(NullFormatter())


def _curve(axis: Axes, records: pd.DataFrame, column: str, **style: object) -> None:
    """Cumulative share of those that could have had the latency: of one token there is no TPOT."""
    values = np.sort(requests.latency(records, column))
    could = len(values) + int((~records["answered"]).sum())
    values = values[values > 0]
    if not len(values):
        return
    shares = 100 * np.arange(1, len(values) + 1) / could
    chosen = np.unique(np.linspace(0, len(values) - 1, MOST_POINTS).round().astype(int))
    axis.plot(np.insert(values[chosen], 0, values[0]), np.insert(shares[chosen], 0, 0), drawstyle="steps-post", **style)  # type: ignore[arg-type]


def _answered(axis: Axes, records: pd.DataFrame, column: str) -> None:
    """Where the curve of all ends if some failed."""
    failed = int((~records["answered"]).sum())
    if failed:
        share = 100 * (1 - failed / (len(requests.latency(records, column)) + failed))
        axis.axhline(share, color=RED, linestyle=":", linewidth=1.2, label="all that were answered")


def _objective(axis: Axes, run: Experiment, column: str, line: object) -> None:
    key = requests.OBJECTIVES.get(column)
    limit = getattr(run.slo, key) if key else None
    if limit is not None and callable(line):
        name = NAMES[column].partition(" (")[0]
        line(
            limit,
            color="black",
            linestyle="--",
            linewidth=1,
            label=f"SLO of {name}: {limit:g} ms ({run.slo.told})",
        )


def _band(axis: Axes, run: Experiment, records: pd.DataFrame, column: str, color: str, suffix: str) -> None:
    """Median and percentiles of the minutes with many requests, and points in those with few."""
    name = column.removesuffix("_ms")
    by_minute = requests.per_minute(records, run.slo)
    is_many = by_minute["answered"] >= FEW
    for run_of in _in_a_row(by_minute[is_many]):
        at = run_of["minute"] + 0.5
        low, high = run_of[f"{name}_p10_ms"], run_of[f"{name}_p90_ms"]
        # A minute alone: a band without a width would not be seen.
        wide = at if len(run_of) > 1 else [at.iloc[0] - 0.1, at.iloc[0] + 0.1]
        axis.fill_between(
            wide, *((low, high) if len(run_of) > 1 else (low.iloc[0], high.iloc[0])), color=color, alpha=0.2
        )
        axis.plot(at, run_of[f"{name}_p50_ms"], ".-", color=color, markersize=4)
        axis.plot(at, run_of[f"{name}_p99_ms"], ".:", color=color, markersize=4)
    if is_many.any():
        axis.fill_between([], [], [], color=color, alpha=0.2, label=f"10 to 90 % of a minute's requests{suffix}")
        axis.plot([], [], ".-", color=color, label=f"median{suffix}")
        axis.plot([], [], ".:", color=color, label=f"99 %{suffix}")
    few = set(by_minute.loc[~is_many, "minute"])
    single = records[records["answered"] & np.floor(records["minutes"]).isin(few)]
    if len(single):
        label = f"single requests (< {FEW} in the minute){suffix}"
        axis.plot(single["minutes"], single[column], ".", color=color, markersize=3, alpha=0.6, label=label)


def _in_a_row(by_minute: pd.DataFrame) -> Iterator[pd.DataFrame]:
    """Runs of minutes without a gap: no line is drawn over minutes in which nothing was sent."""
    if len(by_minute):
        for _, part in by_minute.groupby((by_minute["minute"].diff() > 1).cumsum()):
            yield part


def _outcomes(axis: Axes, run: Experiment, records: pd.DataFrame) -> None:
    by_minute = requests.per_minute(records, run.slo)
    is_judged = bool(by_minute["within_slo"].notna().any())
    good = by_minute["within_slo"] if is_judged else by_minute["answered"]
    stacked = [(good, GREEN if is_judged else SKY, "within the SLO" if is_judged else "answered")]
    if is_judged:
        stacked.append((by_minute["answered"] - good, ORANGE, "answered, not within it"))
    stacked.append((by_minute["failed"], RED, "failed"))
    bottom: NDArray[np.float64] = np.zeros(len(by_minute))
    for values, color, label in stacked:
        if values.any():
            axis.bar(by_minute["minute"] + 0.5, values, width=0.9, bottom=bottom, color=color, label=label)
        bottom = bottom + values.to_numpy(float)
    axis.set_ylabel(f"{_sent(run)} (requests per minute)")
    say_if_empty(axis, by_minute["sent"], "no request with a known time of sending")


def _ready(axis: Axes, run: Experiment) -> None:
    ready = requests.ready_replicas(run)
    held = run.supply.steps.dropna(subset=["held"])
    for steps, column in ((held, "held"), (ready, "ready")):
        if len(steps):
            style = HELD_AND_READY[column]
            axis.plot(steps["minutes"], steps[column], drawstyle="steps-post", label=column, **style)
    axis.set_ylabel("replicas")
    axis.set_ylim(0, max(axis.get_ylim()[1], 1) * 1.05)
    axis.yaxis.set_major_locator(MaxNLocator(integer=True))
    say_if_empty(axis, ready["ready"], "replicas are not known")


def _resolution(run: Experiment) -> str:
    """How often it is known how many replicas were ready."""
    gaps_s = 60 * requests.ready_replicas(run)["minutes"].sort_values().diff().dropna()
    return f" (known every {gaps_s.median():.0f} s)" if len(gaps_s) else ""


def _percentiles(axis: Axes, at: float, values: NDArray[np.float64]) -> None:
    """Percentiles of a group as marks above its place; the first group names them."""
    if not len(values):
        return
    p10, p50, p90, p99 = np.percentile(values, (10, 50, 90, 99))
    named = axis.get_legend_handles_labels()[1]
    for heights, name, style in (
        ([p10, p90], "10 to 90 %", {"linestyle": "-", "linewidth": 8, "alpha": 0.35, "solid_capstyle": "butt"}),
        ([p50], "median", {"marker": "o", "linestyle": "none"}),
        ([p99], "99 %", {"marker": "_", "markersize": 14, "markeredgewidth": 2, "linestyle": "none"}),
        ([values.max()], "longest", {"marker": "x", "markersize": 5, "linestyle": "none"}),
    ):
        color = GREY if name == "longest" else BLUE
        label = None if name in named else name
        axis.plot([at] * len(heights), heights, color=color, label=label, **style)
