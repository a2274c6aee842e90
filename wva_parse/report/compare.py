"""Several runs in tables: what differed in their making, each run's figures, repeats, mode against mode.

Each cell of the table of runs is a number of one run's summary.json, in its place there. The document and the page
show the same `sections`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from wva_parse.aligned.experiment import Experiment
from wva_parse.log.json_files import dig
from wva_parse.measures import groups
from wva_parse.measures.texts import percent
from wva_parse.report import provenance, words
from wva_parse.report.sections import Section, Table, markdown_table

Summary = dict[str, Any]


class Figure(NamedTuple):
    """One line of the table: what it is, where in a summary it stands, how it is written."""

    label: str
    path: tuple[str, ...]
    text: Callable[[Any], str]


def _plain(value: Any) -> str:
    return str(value)


def _whole(value: Any) -> str:
    return f"{value:.1f}".removesuffix(".0")


def _hundredths(value: Any) -> str:
    return f"{value:.2f}"


def _by_count(value: dict[str, int]) -> str:
    return ", ".join(f"{name} {count}" for name, count in value.items()) or "none"


def _by_job(field: str) -> Callable[[Any], str]:
    """A field of each Job: percentiles of different Jobs have no mean."""

    def text(jobs: list[dict[str, Any]]) -> str:
        known = [(job["job"], job[field]) for job in jobs if job[field] is not None]
        return ", ".join(f"{job} {value:.2f}" for job, value in known) or "–"

    return text


FIGURES = (
    Figure("mode", ("mode",), _plain),
    Figure("simulated", ("simulated",), lambda value: "yes" if value else "no"),
    Figure("reconciliations", ("reconciliations",), _plain),
    Figure("usual interval, s", ("interval_s",), _hundredths),
    Figure("pairs, all", ("pairs", "all"), _plain),
    Figure("pairs, loaded", ("pairs", "loaded"), _plain),
    Figure("pairs, settled", ("pairs", "settled"), _plain),
    Figure("ITL MAE, settled, ms", ("accuracy", "settled", "itl", "mae_ms"), _hundredths),
    Figure("ITL bias, settled, ms", ("accuracy", "settled", "itl", "bias_ms"), _hundredths),
    Figure("TTFT MAE, settled, ms", ("accuracy", "settled", "ttft", "mae_ms"), _hundredths),
    Figure("ITL error, attributed, ms", ("attribution", "itl", "error_mae_ms"), _hundredths),
    Figure("of it load, ms", ("attribution", "itl", "load_mae_ms"), _hundredths),
    Figure("of it replicas, ms", ("attribution", "itl", "replicas_mae_ms"), _hundredths),
    Figure("of it the model, ms", ("attribution", "itl", "model_mae_ms"), _hundredths),
    Figure("SLO ITL, ms", ("slo", "itl_ms"), _hundredths),
    Figure("SLO TTFT, ms", ("slo", "ttft_ms"), _hundredths),
    Figure("loaded observations", ("slo", "loaded_observations"), _plain),
    Figure("ITL attainment", ("slo", "itl_attainment"), percent),
    Figure("TTFT attainment", ("slo", "ttft_attainment"), percent),
    Figure("requests recorded", ("requests", "sent"), _plain),
    Figure("requests of which nothing is known", ("requests", "unknown"), _plain),
    Figure("share of requests within the SLO", ("requests", "within_slo_share"), percent),
    Figure("goodput, requests/s", ("requests", "goodput_per_s"), _hundredths),
    Figure("TTFT of requests, median, ms", ("requests", "ttft_ms", "p50"), _hundredths),
    Figure("TTFT of requests, P99, ms", ("requests", "ttft_ms", "p99"), _hundredths),
    Figure("TPOT of requests, median, ms", ("requests", "tpot_ms", "p50"), _hundredths),
    Figure("TPOT of requests, P99, ms", ("requests", "tpot_ms", "p99"), _hundredths),
    Figure("decisions", ("actions",), _by_count),
    Figure("replicas, least", ("replicas", "min"), _whole),
    Figure("replicas, mean", ("replicas", "mean"), _hundredths),
    Figure("replicas, most", ("replicas", "max"), _whole),
    Figure("replica-seconds", ("replicas", "replica_seconds"), _whole),
    Figure("KV cache usage, mean", ("kv_cache", "mean"), percent),
    Figure("KV cache usage, most", ("kv_cache", "max"), percent),
    Figure("saturation events", ("kv_cache", "saturation_events"), _plain),
    Figure("analyses that masked saturation", ("replay", "masked"), _plain),
    Figure("queue length, mean", ("queue", "mean"), _hundredths),
    Figure("queue length, most", ("queue", "max"), _whole),
    Figure("replica-seconds of a perfect autoscaler, at least", ("elasticity", "least_replica_s"), _whole),
    Figure("time with too few replicas", ("elasticity", "under_share"), percent),
    Figure("time with too many replicas", ("elasticity", "over_share"), percent),
    Figure("scale-up, decision to ready, median, s", ("time_to_scale", "up", "decision_to_ready_s"), _whole),
    Figure("scale-down, decision to ready, median, s", ("time_to_scale", "down", "decision_to_ready_s"), _whole),
    Figure("cost", ("cost", "cost"), _hundredths),
    Figure("requests completed", ("client", "completed"), _whole),
    Figure("requests failed", ("client", "failed"), _whole),
    Figure("TTFT of the clients, mean, ms", ("client", "mean_ttft_ms"), _hundredths),
    Figure("TPOT of the clients, mean, ms", ("client", "mean_tpot_ms"), _hundredths),
    Figure("ITL of the clients, mean, ms", ("client", "mean_itl_ms"), _hundredths),
    Figure("TTFT of the clients, P99 of each Job, ms", ("client", "jobs"), _by_job("p99_ttft_ms")),
    Figure("ITL of the clients, P99 of each Job, ms", ("client", "jobs"), _by_job("p99_itl_ms")),
    Figure("failures logged", ("failures",), _by_count),
)


_OF_REQUESTS = ("within_slo_share", "goodput_per_s", "ttft_ms", "tpot_ms", "e2e_ms")


def write(summary: Summary, figure: Figure) -> str:
    """A figure of a run as text; of requests, with how many it is of where of others nothing is known."""
    text, path = figure.text(dig(summary, figure.path)), figure.path
    of_recorded = words.of_recorded(summary)
    attained = path[-1] in ("itl_attainment", "ttft_attainment") and summary["slo"]["basis"] == "requests"
    if not of_recorded or not (attained or (path[0] == "requests" and path[1] in _OF_REQUESTS)):
        return text
    at_least = "at least " if path[1] == "goodput_per_s" else ""
    return f"{at_least}{text} ({of_recorded})"


def describe(summary: Summary) -> Iterator[tuple[str, str]]:
    """Label and text of each figure that a run has."""
    for figure in FIGURES:
        value = dig(summary, figure.path)
        if value is not None:
            yield figure.label, write(summary, figure)


def sections(
    summaries: Sequence[Summary], facts: Mapping[str, provenance.Facts], figures: Sequence[str] = ()
) -> list[Section]:
    """The whole comparison.

    Parameters
    ----------
    summaries
        Of the runs, in the order of their columns.
    facts
        Of each run, by its name: `provenance_of`.
    figures
        Names of overlays to show before the numbers.
    """
    found = [
        _differences(facts),
        Section("Side by side", figures, ()) if figures else None,
        Section("Each run", (), (), (table(summaries),)),
        _repeats(summaries),
        _effects(summaries),
    ]
    return [section for section in found if section]


def document(summaries: Sequence[Summary], facts: Mapping[str, provenance.Facts]) -> str:
    """The same as Markdown, without pictures."""
    lines = []
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
    for figure in FIGURES:
        has = [dig(summary, figure.path) is not None for summary in summaries]
        if any(has):
            texts = (write(each, figure) if known else "–" for each, known in zip(summaries, has, strict=True))
            rows.append([figure.label, *texts])
    return Table(["", *(str(summary["run"]) for summary in summaries)], rows)


def cells(summaries: Sequence[Summary]) -> Iterator[dict[str, Any]]:
    """Every cell of the table of runs with the place in summary.json where it stands."""
    for summary in summaries:
        group = group_of(summary)
        for figure in FIGURES:
            value = dig(summary, figure.path)
            if value is not None and not isinstance(value, dict | list):
                yield {
                    "run": summary["run"],
                    "experiment": group.experiment,
                    "mode": group.mode,
                    "figure": figure.label,
                    "path": ".".join(figure.path),
                    "value": value,
                }


def overlays(runs: Sequence[Experiment]) -> dict[str, list[Experiment]]:
    """Which runs to draw on one time axis, by the figure's name: each experiment that has several, else all of them."""
    found: dict[str, list[Experiment]] = {}
    for run in runs:
        found.setdefault(_experiment_of(run.name), []).append(run)
    several = {name: members for name, members in found.items() if len(members) > 1}
    return several or {"all runs": list(runs)}


class Group(NamedTuple):
    """Repeats of one experiment in one mode."""

    experiment: str
    mode: str


def group_of(summary: Summary) -> Group:
    """By the run's name without its time, and without the mode that our configs' names begin with."""
    return Group(_experiment_of(str(summary["run"])), str(summary.get("mode")))


def _experiment_of(run: str) -> str:
    return re.sub(r"^(model|capacity)-based-|-\d{8}-\d{6}$", "", run)


def _grouped(summaries: Sequence[Summary]) -> dict[Group, list[Summary]]:
    found: dict[Group, list[Summary]] = {}
    for summary in summaries:
        found.setdefault(group_of(summary), []).append(summary)
    return found


def _numbers(summaries: Sequence[Summary], figure: Figure) -> list[float]:
    values = (dig(summary, figure.path) for summary in summaries)
    return [float(value) for value in values if isinstance(value, int | float) and not isinstance(value, bool)]


def _differences(facts: Mapping[str, provenance.Facts]) -> Section | None:
    title = "What differs in how they were made"
    if len(facts) < 2:
        return None
    differing = provenance.differences(facts)
    if not differing:
        return Section(title, (), ("Nothing, as far as their directories tell.",))
    rows = [[label, *(answer or "cannot be told" for answer in answers.values())] for label, answers in differing]
    return Section(title, (), (), (Table(["", *facts], rows),))


def _repeats(summaries: Sequence[Summary]) -> Section | None:
    repeated = {group: runs for group, runs in _grouped(summaries).items() if len(runs) > 1}
    rows = [
        [group.experiment, group.mode, figure.label, *_spread(groups.spread(values), figure)]
        for group, runs in repeated.items()
        for figure in FIGURES
        if figure.text is not _plain and (values := _numbers(runs, figure))
    ]
    heads = ["experiment", "mode", "figure", "n", "median", "least to most", "interval of the median (95 %)"]
    said = "Runs of one experiment in one mode; each run is one observation."
    shown = [run for runs in repeated.values() for run in runs]
    return Section("Repeats", (), (said, *_of_recorded(shown)), (Table(heads, rows),)) if rows else None


def _of_recorded(summaries: Sequence[Summary]) -> Iterator[str]:
    """What is wrong with shares, latencies and goodput of requests in a table that has no room to say it."""
    told = [f"{each['run']} ({said})" for each in summaries if (said := words.of_recorded(each))]
    if told:
        yield (
            "Shares and latencies of requests are of those that are recorded, and goodput is a lower bound, in: "
            f"{', '.join(told)}."
        )


def _spread(found: groups.Spread, figure: Figure) -> list[str]:
    interval = _between(found.interval, figure.text) if found.interval else found.reason
    return [str(found.n), figure.text(found.median), _between((found.least, found.most), figure.text), interval]


def _effects(summaries: Sequence[Summary]) -> Section | None:
    grouped, rows = _grouped(summaries), []
    for experiment in dict.fromkeys(group.experiment for group in grouped):
        first = grouped.get(Group(experiment, "model-based"), [])
        second = grouped.get(Group(experiment, "capacity-based"), [])
        for figure in FIGURES:
            a, b = _numbers(first, figure), _numbers(second, figure)
            if figure.text is not _plain and a and b:
                rows.append([experiment, figure.label, *_effect(groups.effect(a, b), figure)])
    heads = ["experiment", "figure", "Cliff's delta", "interval", "difference of medians", "interval"]
    said = f"Intervals are of {groups.RESAMPLES} bootstrap samples with seed {groups.SEED}."
    sentences = (said, *_of_recorded(summaries))
    return Section("Model-based against capacity-based", (), sentences, (Table(heads, rows),)) if rows else None


def _effect(found: groups.Effect, figure: Figure) -> list[str]:
    delta = _between(found.delta_interval, _hundredths) if found.delta_interval else found.reason
    difference = _between(found.difference_interval, figure.text) if found.difference_interval else found.reason
    return [_hundredths(found.delta), delta, figure.text(found.difference), difference]


def _between(ends: tuple[float, float], text: Callable[[Any], str]) -> str:
    return f"{text(ends[0])} to {text(ends[1])}"
