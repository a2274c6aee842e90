"""Several runs in tables: which are repeats and what keeps the others apart, each run's figures, mode against mode.

Each cell of the table of runs is a number of one run's summary.json, in its place there. The document and the page
begin with the same `opening` (`versus`) and show the same `sections`. Which runs are pooled: `measures.pooling`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from wva_parse.aligned.experiment import Experiment
from wva_parse.aligned.objectives import GIVEN, OTHER_RUNS
from wva_parse.log.json_files import dig
from wva_parse.measures import course, groups, pooling, repeats
from wva_parse.measures.texts import count, percent
from wva_parse.report import provenance, versus, words
from wva_parse.report.figures import FIGURES, GPU_TIME, LATENCY, LESS, MORE, Figure, describe, shown, write
from wva_parse.report.sections import Section, Table, markdown_table
from wva_parse.report.versus import MODES, Versus

__all__ = [
    "FIGURES",
    "Figure",
    "cells",
    "comparisons",
    "describe",
    "document",
    "first_tables",
    "main_table",
    "opening",
    "overlays",
    "sections",
    "table",
    "write",
]

Summary = dict[str, Any]

MOST_APART = 30  # pairs of groups that are told one by one

# Notes of a run that say how it was read, and nothing that makes it less comparable.
_MINOR = re.compile(r"are left out of every number|lines of the log are of no known form|^Observations that the log")


class Compared(NamedTuple):
    """A figure of one mode's repeats against the other's, of one experiment; groups by their labels."""

    load: str
    first: str
    second: str
    figure: Figure
    effect: groups.Effect

    @property
    def is_single(self) -> bool:
        """Whether there is one run of each mode: a difference, and no effect."""
        return self.effect.delta is None


class Opening(NamedTuple):
    """What is said first: the answer in a sentence or a few, and each two modes that are the same experiment."""

    sentences: Sequence[str]
    pairs: Sequence[Versus]


class _Pooled(NamedTuple):
    """The runs of a comparison, and what belongs together."""

    summaries: Sequence[Summary]
    conditions: Sequence[pooling.Conditions]
    groups: Sequence[pooling.Group]

    def members(self, group: pooling.Group) -> list[Summary]:
        return [self.summaries[run] for run in group.runs]

    def first(self, group: pooling.Group) -> pooling.Conditions:
        return self.conditions[group.runs[0]]


def _pool(summaries: Sequence[Summary]) -> _Pooled:
    conditions = [pooling.conditions_of(summary) for summary in summaries]
    return _Pooled(summaries, conditions, pooling.groups_of(conditions))


def opening(summaries: Sequence[Summary], facts: Mapping[str, provenance.Facts]) -> Opening:
    """What a comparison begins with; `facts` as those of `sections`."""
    pairs = versus.versus_of(summaries, facts)
    return Opening(versus.answer(pairs, summaries), pairs)


def first_tables(first: Opening) -> Iterator[tuple[str, Versus, Table]]:
    """The six figures of each two modes; with a title where there are several."""
    for each in first.pairs:
        yield "" if len(first.pairs) == 1 else versus.title(each), each, versus.table(each)


def main_table(summaries: Sequence[Summary], facts: Mapping[str, provenance.Facts]) -> list[tuple[str, Table]]:
    """What a paper shows of it, with captions: the six figures of both modes, without any the table of runs."""
    first = opening(summaries, facts)
    return [(versus.title(pair), found) for _, pair, found in first_tables(first)] or [("Runs", table(summaries))]


def sections(
    summaries: Sequence[Summary], facts: Mapping[str, provenance.Facts], figures: Sequence[str] = ()
) -> list[Section]:
    """Everything that follows what is said first.

    Parameters
    ----------
    summaries
        Of the runs, in the order of their columns.
    facts
        Of each run, by its name: `provenance_of`.
    figures
        Names of overlays to show before the numbers.
    """
    pooled = _pool(summaries)
    found = [
        _pooling(pooled),
        _differences(facts),
        _notes(summaries),
        Section("Side by side", figures, ()) if figures else None,
        Section("Each run", (), tuple(_judged(summaries)), (table(summaries),)),
        _repeats(pooled),
        _needed(pooled),
        _effects(pooled),
    ]
    return [section for section in found if section]


def document(summaries: Sequence[Summary], facts: Mapping[str, provenance.Facts]) -> str:
    """All of it as Markdown, without pictures: the answer, then the sections."""
    first = opening(summaries, facts)
    lines = [line for sentence in first.sentences for line in (sentence, "")]
    for title, pair, found in first_tables(first):
        lines += [f"**{title}**", ""] if title else []
        lines += [line for sentence in pair.unequal for line in (f"**Unequal:** {sentence}", "")]
        lines += [*markdown_table(found), ""]
    for section in sections(summaries, facts):
        lines += [f"## {section.title}", ""]
        for sentence in section.sentences:
            lines += [sentence, ""]
        for each in section.tables:
            lines += [*markdown_table(each), ""]
    return "\n".join(lines).rstrip()


def table(summaries: Sequence[Summary]) -> Table:
    """One column per run; a figure that a run does not have is a dash, one that no run has is left out."""
    rows = []
    for figure in shown(summaries):
        has = [figure.value_in(summary) is not None for summary in summaries]
        if any(has):
            texts = (write(each, figure) if known else "–" for each, known in zip(summaries, has, strict=True))
            rows.append([figure.label, *texts])
    return Table(["", *(str(summary["run"]) for summary in summaries)], rows)


def cells(summaries: Sequence[Summary]) -> Iterator[dict[str, Any]]:
    """Every cell of the table of runs with its run's group, the direction of good, and its place in summary.json."""
    pooled, figures = _pool(summaries), shown(summaries)
    labels = {run: group.label for group in pooled.groups for run in group.runs}
    for number, summary in enumerate(summaries):
        for figure in figures:
            value = figure.value_in(summary)
            if value is not None and not isinstance(value, dict | list):
                yield {
                    "run": summary["run"],
                    "group": labels[number],
                    "load": pooling.load_of(pooled.conditions[number].schedule),
                    "mode": summary.get("mode"),
                    "figure": figure.label,
                    "better": figure.good,
                    "path": ".".join(figure.place_in(summary)),
                    "value": value,
                }


def overlays(runs: Sequence[Experiment]) -> dict[str, list[Experiment]]:
    """Which runs to draw on one time axis, by the figure's name: each experiment that has several, else all of them."""
    conditions = [pooling.conditions_of_run(run) for run in runs]
    found: dict[str, list[Experiment]] = {}
    for each in pooling.experiments_of(pooling.groups_of(conditions), conditions):
        members = sorted(run for group in each.groups for run in group.runs)
        if len(members) < 2:
            continue
        names = {conditions[run].name for run in members}
        name = names.pop() if len(names) == 1 else each.load
        found[name if name not in found else f"{name}: {each.load}"] = [runs[run] for run in members]
    return found or {"all runs": list(runs)}


def comparisons(summaries: Sequence[Summary]) -> list[Compared]:
    """Each figure that means something, model-based against capacity-based, where both are the same experiment."""
    pooled, figures = _pool(summaries), [figure for figure in shown(summaries) if figure.is_compared]
    found = []
    for experiment in pooling.experiments_of(pooled.groups, pooled.conditions):
        ours, theirs = ([group for group in experiment.groups if pooled.first(group).mode == mode] for mode in MODES)
        for first, second in ((first, second) for first in ours for second in theirs):
            for figure in figures:
                a, b = (figure.numbers_in(pooled.members(group)) for group in (first, second))
                if a and b:
                    effect = groups.effect(a, b)
                    found.append(Compared(experiment.load, first.label, second.label, figure, effect))
    return found


# --- what belongs together


def _pooling(pooled: _Pooled) -> Section | None:
    if len(pooled.summaries) < 2:
        return None
    runs, found = len(pooled.summaries), pooled.groups
    several = [group for group in found if len(group.runs) > 1]
    told = "none is a repeat of another" if not several else f"{count(len(several), 'group')} of several repeats"
    sentences = [
        f"{runs} runs in {count(len(found), 'group')}: {told}. Only runs whose load (its schedule and rates), mode, "
        "loop, release family, SLO and model agree are pooled, and simulated ones never with real ones; what is not "
        "known agrees with anything, but a run that would fit two groups is in neither.",
        *_assumptions(pooled),
        *_dependence(pooled),
    ]
    apart = pooling.apart(found, pooled.conditions)
    tables = [_group_table(pooled)]
    if apart:
        rows = [[f"{each.first}, {each.second}", _why(each)] for each in apart[:MOST_APART]]
        tables.append(Table(["not pooled", "because of"], rows, is_text=True))
    if len(apart) > MOST_APART:
        sentences.append(f"{len(apart) - MOST_APART} more pairs of groups are not pooled.")
    return Section("Which runs are repeats", (), tuple(sentences), tuple(tables))


def _why(apart: pooling.Apart) -> str:
    """Differences in words; groups that agree with each other do not with the same others."""
    fallback = "nothing that is known; but too little is known of one: it would fit groups that differ"
    return "; ".join(each.text for each in apart.differences) or fallback


def _group_table(pooled: _Pooled) -> Table:
    rows = []
    for group in pooled.groups:
        members = [pooled.conditions[run] for run in group.runs]

        def told(texts: Sequence[str]) -> str:
            return next((text for text in texts if text), "not known")

        rows.append(
            [
                group.label,
                ", ".join(each.run for each in members),
                f"{members[0].mode}{', SIMULATED' if members[0].simulated else ''}",
                told([pooling.load_of(each.schedule) for each in members]),
                told([f"{each.interval_s:.0f} s" if each.interval_s else "" for each in members]),
                told([_release(each) for each in members]),
                told([_objectives(each.slo) for each in members]),
            ]
        )
    return Table(["group", "runs", "mode", "load", "loop", "release", "SLO"], rows, is_text=True)


def _release(each: pooling.Conditions) -> str:
    return ", ".join(each.releases) + (" with a tuner" if each.has_tuner else "")


def _objectives(slo: Sequence[float | None]) -> str:
    return ", ".join(f"{name} {value:g} ms" for name, value in zip(("ITL", "TTFT"), slo, strict=True) if value)


def _assumptions(pooled: _Pooled) -> Iterator[str]:
    for group in pooled.groups:
        if group.assumed:
            yield f"In group {group.label} it is assumed to agree: {'; '.join(group.assumed)}."
    untold = [each.run for each in pooled.conditions if not each.schedule.workloads]
    if untold:
        yield f"Nothing tells the load of {', '.join(untold)}."
    unrated = [
        each.run for each in pooled.conditions if any(work.rate_per_s is None for work in each.schedule.workloads)
    ]
    if unrated:
        yield f"Nothing tells the rates of {', '.join(unrated)}."
    named = [
        each.label for each in pooled.groups if any(pooling.rates_by_name(pooled.conditions[i]) for i in each.runs)
    ]
    if named:
        whose = "all of them" if len(named) == len(pooled.groups) else ", ".join(named)
        yield f"The rates of {whose} are those that comments or names in the config tell: no plan or log does."
    older = [each.run for each in pooled.conditions if each.schema < pooling.HELD_SINCE]
    if older:
        yield (
            f"Of {', '.join(older)} only a summary of schema 1 is left. Its replicas are those that were decided or "
            "observed, over all of the log; since schema 2 they are the ones held, over the load window."
        )


def _dependence(pooled: _Pooled) -> Iterator[str]:
    for a, b in pooling.carried_over(pooled.summaries):
        earlier, later = (pooled.conditions[run] for run in (a, b))
        together = next((group.label for group in pooled.groups if {a, b} <= set(group.runs)), "")
        so = f": as repeats of group {together} they are not independent, and its intervals are too narrow" * bool(
            together
        )
        yield f"The tuner of {later.run} began with the parameters that {earlier.run} ended with{so}."


def _judged(summaries: Sequence[Summary]) -> Iterator[str]:
    """By which SLO, and by which capacity of a replica."""
    if len(summaries) < 2:
        return
    by_source: dict[str, list[str]] = {}
    for each in summaries:
        for source in str(dig(each, ("slo", "source"))).split(" and "):
            by_source.setdefault(source, []).append(str(each["run"]))
    objectives = dict.fromkeys(filter(None, (_objectives(pooling.conditions_of(each).slo) for each in summaries)))
    if GIVEN in by_source:
        whose = "all" if len(by_source[GIVEN]) == len(summaries) else ", ".join(by_source[GIVEN])
        yield f"Judged by the SLO that was given: {whose}."
    if OTHER_RUNS in by_source:
        known = "where none was given" if GIVEN in by_source else next(iter(objectives))
        yield f"The SLO of the runs that know one ({known}) judges {', '.join(by_source[OTHER_RUNS])} too."
    if len(objectives) > 1:
        yield f"The runs have different SLOs ({'; '.join(objectives)}): each is judged by its own."
    capacities = [dig(each, ("elasticity", "capacity_per_replica_per_s")) for each in summaries]
    if any(capacities) and not any(figure.path[0] == "elasticity" for figure in shown(summaries)):
        yield (
            "Too few and too many replicas are not compared: what one replica serves is not stated alike for all runs "
            "(--replica-capacity)."
        )


def _notes(summaries: Sequence[Summary]) -> Section | None:
    """What a reader should know of each run; what is so of several is said once."""
    told: dict[str, list[str]] = {}
    for each in summaries:
        # Repeats that are pooled were planned alike, and may have run otherwise.
        ran = [course.sentence(course.Deviation(**found)) for found in each.get("course") or ()]
        for note in [*(each.get("notes") or ()), *ran]:
            if not _MINOR.search(str(note)):
                told.setdefault(str(note), []).append(str(each["run"]))
    rows = [[", ".join(runs) if len(runs) < len(summaries) else "all", note] for note, runs in told.items()]
    return Section("What to know of them", (), (), (Table(["runs", ""], rows, is_text=True),)) if rows else None


def _differences(facts: Mapping[str, provenance.Facts]) -> Section | None:
    title = "What differs in how they were made"
    if len(facts) < 2:
        return None
    differing = provenance.differences(facts)
    if not differing:
        return Section(title, (), ("Nothing, as far as their directories tell.",))
    rows = [[label, *(answer or "cannot be told" for answer in answers.values())] for label, answers in differing]
    return Section(title, (), (), (Table(["", *facts], rows),))


# --- repeats, and mode against mode


def _repeats(pooled: _Pooled) -> Section | None:
    repeated = [group for group in pooled.groups if len(group.runs) > 1]
    figures = [figure for figure in shown(pooled.summaries) if figure.is_compared]
    rows = [
        [group.label, pooled.first(group).mode, figure.label, *_spread(groups.spread(values), figure)]
        for group in repeated
        for figure in figures
        if (values := figure.numbers_in(pooled.members(group)))
    ]
    heads = ["group", "mode", "figure", "n", "median", "least to most", "interval of the median (95 %)"]
    said = "Each run is one observation of its group."
    members = [run for group in repeated for run in pooled.members(group)]
    return Section("Repeats", (), (said, *_of_recorded(members)), (Table(heads, rows),)) if rows else None


def _of_recorded(summaries: Sequence[Summary]) -> Iterator[str]:
    """What is wrong with shares, latencies and goodput of requests in a table that has no room to say it."""
    told = [f"{each['run']} ({said})" for each in summaries if (said := words.of_recorded(each))]
    if told:
        yield (
            "Shares and latencies of requests are of those that are recorded, and goodput is a lower bound, in: "
            f"{', '.join(told)}."
        )


def _spread(found: groups.Spread, figure: Figure) -> list[str]:
    ends = [" to ".join(map(figure.text, pair)) if pair else "" for pair in (found.interval, (found.least, found.most))]
    return [str(found.n), figure.text(found.median), ends[1], ends[0] or found.reason]


def _needed(pooled: _Pooled) -> Section | None:
    by_label = {figure.label: figure for figure in FIGURES}
    rows = []
    for group in pooled.groups:
        members = pooled.members(group)
        for labels in (LATENCY, GPU_TIME):
            for figure in (by_label[label] for label in labels):
                values = figure.numbers_in(members)
                variation = repeats.variation(values) if len(values) == len(members) else None
                if variation is not None:
                    numbers = [repeats.needed(values, difference) for difference in repeats.DIFFERENCES]
                    texts = [f"{each.n} ({each.least} to {each.most})" for each in numbers if each]
                    rows.append([group.label, figure.label, str(len(values)), percent(variation), *texts])
                    break
    if not rows:
        return None
    sentence = (
        f"Runs per mode that would show a difference with power {repeats.POWER:g} at a two-sided alpha of "
        f"{repeats.ALPHA:g}, if both modes vary as the runs at hand do; in brackets with the spread at the ends of its "
        "own 95 % interval. From a few runs it is a rough guess: two or three hardly tell a spread."
    )
    heads = [
        "group",
        "figure",
        "runs at hand",
        "variation",
        *(f"for {100 * each:.0f} %" for each in repeats.DIFFERENCES),
    ]
    return Section("How many repeats", (), (sentence,), (Table(heads, rows),))


_BETTER = {LESS: "less is better", MORE: "more is better"}


def _effects(pooled: _Pooled) -> Section | None:
    found = comparisons(pooled.summaries)
    sentences = list(_unmatched(pooled))
    if not found and not sentences:
        return None
    pairs = [(each, [each.first, each.second, each.figure.label, _BETTER.get(each.figure.good, "–")]) for each in found]
    heads = ["model-based", "capacity-based", "figure", ""]
    single = [[*row, each.figure.difference(each.effect.difference)] for each, row in pairs if each.is_single]
    several = [[*row, *_effect(each)] for each, row in pairs if not each.is_single]
    tables, said = [], list[str]()
    if several:
        of_effects = ["Cliff's delta", "interval", "difference of medians", "interval"]
        tables.append(Table([*heads, *of_effects], several))
        said.append(
            f"First less second; intervals are of {groups.RESAMPLES} bootstrap samples with seed {groups.SEED}."
        )
    if single:
        tables.append(Table([*heads, "difference"], single))
        said.append("First less second. Where there is one run of each, a difference of two runs is no effect.")
    if found:
        sentences = [*said, *_of_recorded(pooled.summaries), *sentences]
    return Section("Model-based against capacity-based", (), tuple(sentences), tuple(tables))


def _effect(compared: Compared) -> list[str]:
    found, figure = compared.effect, compared.figure
    assert found.delta is not None  # but where there is one run of each
    delta = f"{found.delta:.2f}"
    intervals = [
        f"{text(ends[0])} to {text(ends[1])}" if ends else found.reason
        for ends, text in ((found.delta_interval, "{:.2f}".format), (found.difference_interval, figure.difference))
    ]
    return [delta, intervals[0], figure.difference(found.difference), intervals[1]]


def _unmatched(pooled: _Pooled) -> Iterator[str]:
    """Why groups are held against none of the other mode."""
    experiments = pooling.experiments_of(pooled.groups, pooled.conditions)
    for experiment in experiments:
        if len({pooled.first(group).mode for group in experiment.groups}) > 1:
            continue
        for group in experiment.groups:
            nearest = pooling.nearest_of_other_mode(group, pooled.groups, pooled.conditions)
            if nearest:
                other, told = nearest
                why = "; ".join(each.text for each in told) or "too little is known: it would fit groups that differ"
                yield (
                    f"Group {group.label} ({pooled.first(group).mode}) has no counterpart; nearest is "
                    f"{other.label}, but for {why}."
                )
