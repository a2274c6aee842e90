"""Model-based against capacity-based on the same load, as one reads it first: a sentence, six rows, what is unequal.

Only groups that are the same experiment are held against each other (`measures.pooling`), and what cannot be said is
said to be so.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from wva_parse.log.dialects import releases_of
from wva_parse.measures import groups, pooling
from wva_parse.measures.texts import count, number
from wva_parse.report import provenance
from wva_parse.report.figures import FIGURES, LESS, MORE, Figure
from wva_parse.report.sections import Section, Table

Summary = Mapping[str, Any]

MODEL, CAPACITY = "model-based", "capacity-based"
TITLE = "Which is better on the same load"

_BY_LABEL = {figure.label: figure for figure in FIGURES}

# What is shown of a pair of modes: each row by the first figure that all runs have.
ROWS = (
    (
        "GPU time held",
        (
            "GPU-hours per million output tokens",
            "replica-hours per million output tokens",
            "GPU-hours held",
            "replica-hours held",
            "replica-seconds held",
        ),
    ),
    ("within the SLO", ("share of requests within the SLO", "ITL attainment")),
    (
        "time per token",
        ("TPOT of requests, median, ms", "TPOT of the clients, mean, ms", "ITL observed, mean, ms"),
    ),
    (
        "time to first token",
        ("TTFT of requests, P99, ms", "TTFT of the clients, mean, ms", "TTFT observed, mean, ms"),
    ),
    ("starved", ("time starved, s",)),
    ("changes taken back", ("changes of target taken back within ten minutes",)),
)
GPU_TIME = ("GPU-hours held", "replica-hours held", "replica-seconds held")
_DIRECTION = {LESS: "less is better", MORE: "more is better"}

# What may differ between runs of one experiment and makes them unequal; seeds and repetitions are meant to.
UNEQUAL = (
    *("simulated", "SLO", "thresholds", "model", "log dialects", "controller image", "model server image", "cluster"),
    "project commit",
)


class Pair(NamedTuple):
    """The runs of both modes of one experiment."""

    load: str
    model: Sequence[Summary]
    capacity: Sequence[Summary]

    @property
    def runs(self) -> list[Summary]:
        """All of them."""
        return [*self.model, *self.capacity]


class Row(NamedTuple):
    """One figure of both modes; `effect` is the first less the second."""

    label: str
    figure: Figure
    model: groups.Spread
    capacity: groups.Spread
    effect: groups.Effect


def pairs_of(summaries: Sequence[Summary]) -> list[Pair]:
    """The experiments that were run in both modes; runs of one mode that are no repeats of each other are apart."""
    conditions = [pooling.conditions_of(summary) for summary in summaries]
    found = []
    for experiment in pooling.experiments_of(pooling.groups_of(conditions), conditions):
        by_mode = {
            mode: [group for group in experiment.groups if conditions[group.runs[0]].mode == mode]
            for mode in (MODEL, CAPACITY)
        }
        for ours in by_mode[MODEL]:
            for theirs in by_mode[CAPACITY]:
                members = ([summaries[run] for run in group.runs] for group in (ours, theirs))
                found.append(Pair(experiment.load, *members))
    return found


def rows_of(pair: Pair) -> list[Row]:
    """The rows that both modes have."""
    found = []
    for label, names in ROWS:
        figure = _first_known(pair, names)
        if figure:
            ours, theirs = figure.numbers_in(pair.model), figure.numbers_in(pair.capacity)
            effect = groups.effect(ours, theirs)
            found.append(Row(label, figure, groups.spread(ours), groups.spread(theirs), effect))
    return found


def _first_known(pair: Pair, names: Sequence[str]) -> Figure | None:
    """The first figure that every run has, else the first that both modes have."""
    figures = [_BY_LABEL[name] for name in names if name in _BY_LABEL]
    whole = [each for each in figures if len(each.numbers_in(pair.runs)) == len(pair.runs)]
    some = [each for each in figures if each.numbers_in(pair.model) and each.numbers_in(pair.capacity)]
    return next(iter([*whole, *some]), None)


# --- the first sentence


def headline(summaries: Sequence[Summary]) -> list[str]:
    """What the comparison says, in a sentence per experiment; or why it says nothing."""
    pairs = pairs_of(summaries)
    if pairs:
        return [_sentence(pair, len(pairs) > 1) for pair in pairs]
    modes = {str(summary.get("mode")) for summary in summaries}
    if len(modes) < 2:
        return [f"All runs are {modes.pop()}: there is no other mode to compare with."] if modes else []
    return [
        f"No two runs of different modes are of the same load, so neither can be called better: {_nearest(summaries)}."
    ]


def _sentence(pair: Pair, is_one_of_several: bool) -> str:
    parts = [part for part in (_gpu_time(pair), _latency(pair)) if part]
    start = f"On the same load ({pair.load})" if is_one_of_several else "On the same load"
    said = f"{start} model-based {' and '.join(parts)}" if parts else f"{start} neither tells what was held or felt"
    simulated = "SIMULATED: " if any(each.get("simulated") for each in pair.runs) else ""
    return f"{simulated}{said}; {_starved(pair)}. {_honesty(pair)}"


def _gpu_time(pair: Pair) -> str:
    figure = _first_known(pair, GPU_TIME)
    if figure is None:
        return ""
    ours, theirs = figure.numbers_in(pair.model), figure.numbers_in(pair.capacity)
    if min(theirs) <= 0 or min(ours) <= 0:
        return ""
    least, most = min(ours) / max(theirs), max(ours) / min(theirs)
    what = "GPU time" if figure.label.startswith("GPU") else "replica time"
    return f"held {_range(least, most, lambda value: f'{value:.1f}')} times the {what}"


def _latency(pair: Pair) -> str:
    figure = _first_known(pair, dict(ROWS)["time per token"])
    if figure is None:
        return ""
    ours, theirs = figure.numbers_in(pair.model), figure.numbers_in(pair.capacity)
    # A change of less than half a percent is none.
    changes = sorted(round((our - their) / their, 2) for our in ours for their in theirs if their > 0)
    if not changes:
        return ""
    name = figure.label.removesuffix(", ms").replace(", median", " (median)").replace(", mean", " (mean)")
    least, most = changes[0], changes[-1]
    if least < 0 < most:
        return f"its {name} was between {-100 * least:.0f} % lower and {100 * most:.0f} % higher"
    low, high = sorted((abs(least), abs(most)))
    shares = _range(100 * low, 100 * high, lambda value: f"{value:.0f}")
    return f"its {name} was {shares} % {'lower' if most <= 0 else 'higher'}"


def _starved(pair: Pair) -> str:
    told = [
        [
            float(each["supply"]["starved_s"]) / 60
            for each in runs
            if (each.get("supply") or {}).get("starved_s") is not None
        ]
        for runs in (pair.model, pair.capacity)
    ]
    if not all(told):
        return "for how long pods were starved is not known of both"
    texts = [_range(min(minutes), max(minutes), number_of_minutes) + " min" for minutes in told]
    if max(map(max, told)) == 0:
        return "no pod was starved in either"
    return f"pods were starved for {texts[0]}, and in capacity mode for {texts[1]}"


def number_of_minutes(value: float) -> str:
    """Minutes with one decimal where that says something."""
    return number(round(value, 1)) if round(value, 1) == round(value) else f"{value:.1f}"


def _range(least: float, most: float, text: Any) -> str:
    low, high = text(least), text(most)
    return low if low == high else f"{low} to {high}"


def _honesty(pair: Pair) -> str:
    ours, theirs = len(pair.model), len(pair.capacity)
    against = f"{count(ours, 'run').capitalize()} against {theirs}"
    if min(ours, theirs) >= groups.LEAST_FOR_EFFECT:
        return f"{against}; the table has 95 % intervals."
    return f"{against}: no interval can be given (it needs {groups.LEAST_FOR_EFFECT} of each)."


def _nearest(summaries: Sequence[Summary]) -> str:
    """What keeps the nearest two groups of different modes apart."""
    conditions = [pooling.conditions_of(summary) for summary in summaries]
    formed = pooling.groups_of(conditions)
    for group in formed:
        nearest = pooling.nearest_of_other_mode(group, formed, conditions)
        if nearest:
            other, told = nearest
            first, second = (conditions[each.runs[0]].run for each in (group, other))
            why = "; ".join(each.text for each in told) or "too little is known of them"
            return f"nearest are {first} and {second}, but for {why}"
    return "too little is known of them"


# --- the table


def tables(summaries: Sequence[Summary]) -> list[Table]:
    """The rows of each pair of modes."""
    pairs = pairs_of(summaries)
    return [_table(pair, len(pairs) > 1) for pair in pairs]


def first_section(
    summaries: Sequence[Summary], facts: Mapping[str, provenance.Facts], figures: Sequence[str] = ()
) -> Section:
    """The sentence, the figures and the six rows."""
    sentences = (*headline(summaries), *unequal(pairs_of(summaries), facts))
    return Section(TITLE, figures, sentences, tuple(tables(summaries)))


def unequal(pairs: Sequence[Pair], facts: Mapping[str, provenance.Facts]) -> list[str]:
    """Whatever makes the runs of a pair unequal, one sentence each; they begin with `UNEQUAL_RUNS`."""
    return list(dict.fromkeys(sentence for pair in pairs for sentence in _unequal(pair, facts)))


UNEQUAL_RUNS = "Not equal: "


def _unequal(pair: Pair, facts: Mapping[str, provenance.Facts]) -> Iterator[str]:
    mine = {name: facts[name] for each in pair.runs if (name := str(each["run"])) in facts}
    for label, answers in provenance.differences(mine):
        if label not in UNEQUAL:
            continue
        by_mode = [
            sorted({_answer(label, answers.get(str(each["run"]), "")) for each in runs})
            for runs in (pair.model, pair.capacity)
        ]
        if len({answer for each in by_mode for answer in each}) < 2:
            continue
        told = [", ".join(_short(answer) for answer in each) for each in by_mode]
        if told[0] == told[1]:
            yield f"{UNEQUAL_RUNS}{label} differs between runs of a mode ({told[0]})."
        else:
            yield f"{UNEQUAL_RUNS}{label} ({told[0]} in model-based, {told[1]} in capacity-based runs)."
    for each in pair.runs:
        otherwise = (each.get("schedule") or {}).get("otherwise") or []
        if otherwise:
            yield f"{UNEQUAL_RUNS}in {each['run']} the load was not as planned ({', '.join(map(str, otherwise))})."


def _answer(label: str, text: str) -> str:
    """What is asked of a run, without what comes with its mode: a tuner's lines tell no other release."""
    if label == "log dialects":
        text = releases_of(part.strip() for part in text.split(","))
    return text or "not known"


def _short(text: str, most: int = 60) -> str:
    return text if len(text) <= most else f"{text[: most - 1]}…"


def _table(pair: Pair, is_one_of_several: bool) -> Table:
    modes = (f"model-based (n = {len(pair.model)})", f"capacity-based (n = {len(pair.capacity)})")
    header = (pair.load if is_one_of_several else "median", "good", *modes, "difference", "95 % interval")
    return Table(header, [_cells(row) for row in rows_of(pair)])


def _cells(row: Row) -> tuple[str, ...]:
    figure, effect = row.figure, row.effect
    ends = effect.difference_interval
    interval = " to ".join(map(figure.difference, ends)) if ends else f"none (n = {row.model.n} and {row.capacity.n})"
    return (
        figure.label,
        _DIRECTION.get(figure.good, "–"),
        _with_range(row.model, figure),
        _with_range(row.capacity, figure),
        figure.difference(effect.difference),
        interval,
    )


def _with_range(spread: groups.Spread, figure: Figure) -> str:
    text = figure.text(spread.median)
    return text if spread.n == 1 else f"{text} ({figure.text(spread.least)} to {figure.text(spread.most)})"


def medians(values: Sequence[tuple[float, float]]) -> tuple[float, float]:
    """The median in each of two dimensions."""
    found = np.median(np.array(values, dtype=float), axis=0)
    return float(found[0]), float(found[1])
