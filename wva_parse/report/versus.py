"""Mode against mode, first of all: a sentence with numbers, what makes the runs unequal, six figures.

Nothing is said of runs that are not the same experiment: `measures.pooling` decides. A ratio is that of medians with
its bootstrap interval where there are enough runs of each; of fewer it is the range over all pairs of runs, and it is
said that no interval can be given.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from wva_parse.log.json_files import dig
from wva_parse.measures import course, groups, pooling
from wva_parse.measures.texts import count, percent
from wva_parse.report import provenance, words
from wva_parse.report.figures import FIGURES, Figure, Path, is_same
from wva_parse.report.sections import Table

Summary = dict[str, Any]

MODES = ("model-based", "capacity-based")
MOST_SHORTER = 1.05  # between two load windows
TIMES = 2.0  # from here on a ratio is told as one, and no more in percent
MOST_FAILED = 0.01  # difference of the shares of requests without an answer

_NUMBERS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve")


class Measure(NamedTuple):
    """One of the ways to tell a thing.

    `same`: what all runs must have alike for it to be one. `of`: of a latency, whose it is.
    """

    name: str
    figure: Figure
    same: tuple[Path, ...] = ()
    of: str = ""

    def values_in(self, summaries: Sequence[Summary]) -> list[float]:
        """Of those runs that have one."""
        return self.figure.numbers_in(summaries)


class Side(NamedTuple):
    """The repeats of one mode."""

    label: str
    mode: str
    summaries: Sequence[Summary]

    @property
    def runs(self) -> list[str]:
        """Their names."""
        return [str(each["run"]) for each in self.summaries]


class Versus(NamedTuple):
    """Both modes of one experiment, model-based first; `unequal`: what may make them differ besides the mode."""

    load: str
    first: Side
    second: Side
    unequal: tuple[str, ...]

    @property
    def summaries(self) -> list[Summary]:
        """Of all its runs."""
        return [*self.first.summaries, *self.second.summaries]


def _measure(name: str, label: str, same: tuple[Path, ...] = (), of: str = "") -> Measure:
    figure = next(figure for figure in FIGURES if figure.label == label)
    return Measure(name, figure, (*same, *figure.same), of)


_TOKENS = (("cost", "tokens_from"),)

# Of each the first that all runs have.
HELD = (
    _measure("GPU time", "GPU-hours held"),
    _measure("replica-hours", "replica-hours held"),
    _measure("replica time", "replica-seconds held"),
)
PER_TOKEN = (
    _measure("GPU-hours held per million output tokens", "GPU-hours per million output tokens", _TOKENS),
    _measure("replica-hours held per million output tokens", "replica-hours per million output tokens", _TOKENS),
    _measure("replica-hours held", "replica-hours held"),
    _measure("replica-seconds held", "replica-seconds held"),
)
WITHIN = (
    _measure("requests within the SLO", "share of requests within the SLO"),
    _measure("ITL attainment", "ITL attainment"),
    _measure("loaded observations within the ITL objective", "loaded observations within the ITL objective"),
    _measure("TTFT attainment", "TTFT attainment"),
    _measure("loaded observations within the TTFT objective", "loaded observations within the TTFT objective"),
)
_REQUESTS, _CLIENTS = "medians of requests", "the clients' means"
_BY_REQUESTS, _OBSERVED = "the request-weighted means that WVA observed", "the plain means of what WVA observed"
LATENCY = (
    _measure("TPOT of requests, median, ms", "TPOT of requests, median, ms", of=_REQUESTS),
    _measure("TPOT that the clients report, mean, ms", "TPOT of the clients, mean, ms", of=_CLIENTS),
    _measure("ITL that WVA observed, mean, ms", "ITL observed, mean by requests, ms", of=_BY_REQUESTS),
    _measure("ITL that WVA observed, mean of observations, ms", "ITL observed, mean of observations, ms", of=_OBSERVED),
)
TTFT = (
    _measure("TTFT of requests, median, ms", "TTFT of requests, median, ms", of=_REQUESTS),
    _measure("TTFT that the clients report, mean, ms", "TTFT of the clients, mean, ms", of=_CLIENTS),
    _measure("TTFT that WVA observed, mean, ms", "TTFT observed, mean by requests, ms", of=_BY_REQUESTS),
    _measure(
        "TTFT that WVA observed, mean of observations, ms", "TTFT observed, mean of observations, ms", of=_OBSERVED
    ),
)
STARVED = (_measure("time starved, s", "time starved, s"),)
CHANGES = (_measure("changes of target", "changes of target"),)
ROWS = (PER_TOKEN, WITHIN, LATENCY, TTFT, STARVED, CHANGES)


def choose(ways: Sequence[Measure], *sides: Sequence[Summary]) -> Measure | None:
    """The first that all runs have, else the first that some of each side have."""
    runs = [summary for side in sides for summary in side]
    fitting = [way for way in ways if all(is_same(runs, path) for path in way.same)]
    whole = (way for way in fitting if len(way.values_in(runs)) == len(runs))
    some = (way for way in fitting if all(way.values_in(side) for side in sides))
    return next(whole, None) or next(some, None)


# --- what belongs together


def versus_of(summaries: Sequence[Summary], facts: Mapping[str, provenance.Facts]) -> list[Versus]:
    """Each two groups that are one experiment in two modes, those of most runs first."""
    conditions = [pooling.conditions_of(summary) for summary in summaries]
    found = []
    for experiment in pooling.experiments_of(pooling.groups_of(conditions), conditions):
        ours, theirs = ([each for each in experiment.groups if conditions[each.runs[0]].mode == mode] for mode in MODES)
        for first, second in ((first, second) for first in ours for second in theirs):
            sides = [
                Side(each.label, mode, [summaries[run] for run in each.runs])
                for each, mode in zip((first, second), MODES, strict=True)
            ]
            found.append(Versus(experiment.load, sides[0], sides[1], tuple(_unequal(sides[0], sides[1], facts))))
    return sorted(found, key=lambda each: -len(each.summaries))


def _unequal(first: Side, second: Side, facts: Mapping[str, provenance.Facts]) -> Iterator[str]:
    """What differs between runs that are the same experiment, or is only taken to agree."""
    runs = [*first.summaries, *second.summaries]
    ours, theirs = ([pooling.conditions_of(each) for each in side.summaries] for side in (first, second))
    told = dict.fromkeys(
        each.text for a in ours for b in theirs for each in pooling.differences(a, b) if each.condition != pooling.MODE
    )
    for text in told:
        yield f"They differ: {text}."
    known = {run: facts[run] for run in (*first.runs, *second.runs) if run in facts}
    for label in ("controller image", "model server image", "cluster", "project commit"):
        answers = {each[label] for each in known.values() if each.get(label)}
        if len(answers) > 1:
            yield f"Not all have the same {label}."
    assumed = list(pooling.assumed([*ours, *theirs]))
    if assumed:
        yield f"Taken to agree: {'; '.join(assumed)}."
    limits = {dig(each, ("supply", "limit")) for each in runs} - {None}
    if len(limits) > 1:
        yield f"Their scalers allow {' or '.join(f'{limit:.0f}' for limit in sorted(limits))} replicas."
    windows = [float(value) for each in runs if (value := dig(each, ("supply", "window_s")))]
    if windows and max(windows) > MOST_SHORTER * min(windows):
        yield f"Their load windows are from {min(windows):.0f} to {max(windows):.0f} s long."
    otherwise = [
        f"{each['run']} ({'; '.join(map(_deviation, found))})" for each in runs if (found := each.get("course"))
    ]
    if otherwise:
        yield f"The load did not have its planned course in: {', '.join(otherwise)}."
    unfinished = [f"{each['run']} ({each['status']})" for each in runs if each.get("status") not in (None, "complete")]
    if unfinished:
        yield f"Not complete: {', '.join(unfinished)}."
    yield from _unanswered(runs)
    for a, b in pooling.carried_over(runs):
        yield (
            f"The tuner of {runs[b]['run']} began with the parameters that {runs[a]['run']} ended with: they are not "
            "independent."
        )


def _deviation(found: Mapping[str, Any]) -> str:
    return f"{found['workload']} {course.told(course.Deviation(**found))}"


def _unanswered(runs: Sequence[Summary]) -> Iterator[str]:
    """Requests that are in no latency."""
    recorded = [f"{each['run']} ({said})" for each in runs if (said := words.of_recorded(each))]
    if recorded:
        yield f"Of some requests nothing is known: {', '.join(recorded)}."
    for key, first, second in (("requests", "failed", "sent"), ("client", "failed", "completed")):
        pairs = [(dig(each, (key, first)), dig(each, (key, second))) for each in runs]
        if any(value is None for pair in pairs for value in pair):
            continue
        of = [failed / total if (total := other + (failed if key == "client" else 0)) else 0 for failed, other in pairs]
        if max(of) - min(of) > MOST_FAILED:
            yield f"From {percent(min(of))} to {percent(max(of))} of their requests failed, and are in no latency."
        return


# --- the first sentence


def answer(found: Sequence[Versus], summaries: Sequence[Summary]) -> list[str]:
    """The first sentence, of each pair of modes that are the same experiment one; else why there is none."""
    if not found:
        return [_why_nothing(summaries)]
    sentences = [sentence(each, is_only=len(found) == 1) for each in found]
    compared = {str(each["run"]) for pair in found for each in pair.summaries}
    if len(compared) < len(summaries):
        left = len(summaries) - len(compared)
        sentences.append(
            f"{count(left, 'more run')} {'has' if left == 1 else 'have'} no counterpart in the other mode."
        )
    return sentences


def sentence(versus: Versus, is_only: bool = True) -> str:
    """What was held, how fast requests were served for it, how long pods were starved, and how sure that is."""
    first, second = versus.first.summaries, versus.second.summaries
    told = " and ".join(text for text in (_held(first, second), _felt(first, second)) if text)
    parts = [told, _starved(first, second)]
    where = "On the same load" if is_only else f"On {versus.load} ({versus.first.label} against {versus.second.label})"
    text = "; ".join(part for part in parts if part) or "nothing of what was held or felt is known of both modes"
    simulated = " SIMULATED: it says nothing about real hardware." if any(s.get("simulated") for s in first) else ""
    return f"{where} {text}. {_certainty(len(first), len(second))}{simulated}"


def _ratio(way: Measure, first: Sequence[Summary], second: Sequence[Summary]) -> groups.Ratio | None:
    return groups.ratio(way.values_in(first), way.values_in(second))


def _ends(found: groups.Ratio) -> tuple[float, float]:
    return found.interval or (found.least, found.most)


def title(versus: Versus) -> str:
    """Which load, and which groups."""
    return f"{versus.load}: {versus.first.label} (model-based) against {versus.second.label} (capacity-based)"


def _held(first: Sequence[Summary], second: Sequence[Summary]) -> str:
    way = choose(HELD, first, second)
    found = _ratio(way, first, second) if way else None
    if way is None or found is None:
        return ""
    between = _to(f"{end:.1f}" for end in _ends(found))
    if found.interval and " to " in between:
        return f"{MODES[0]} held {found.median:.1f} times the {way.name} ({between}{_shows(found)})"
    return f"{MODES[0]} held {between} times the {way.name}"


def _felt(first: Sequence[Summary], second: Sequence[Summary]) -> str:
    """Both latencies, and whose numbers that is."""
    ways = [way for each in (LATENCY, TTFT) if (way := choose(each, first, second))]
    told = [(way, found) for way in ways if (found := _ratio(way, first, second))]
    of = dict.fromkeys(way.of for way, _ in told)
    by = f"by {next(iter(of))} " if len(of) == 1 else ""
    return by + " and ".join(
        f"its {way.name.split()[0]}{'' if number else ' was'} {_less_or_more(found)}{'' if by else f' ({way.of})'}"
        for number, (way, found) in enumerate(told)
    )


def _less_or_more(found: groups.Ratio) -> str:
    """A ratio in percent, "26 to 45 % lower", of much more in times; where there is an interval the median is first."""
    low, high = _ends(found)
    if high >= TIMES:
        between, median = _to(f"{end:.1f}" for end in (low, high)), f"{found.median:.1f}"
        return f"{median} times as high ({between}{_shows(found)})" if found.interval else f"{between} times as high"
    between = _percents(low, high)
    if not found.interval:
        return between
    return f"{_percents(found.median, found.median)} ({between}{_shows(found)})"


def _percents(low: float, high: float) -> str:
    ends = [round(100 * (end - 1)) for end in (low, high)]
    if ends[0] < 0 < ends[1]:
        return f"{-ends[0]} % lower to {ends[1]} % higher"
    if ends == [0, 0]:
        return "the same"
    return f"{_to(str(end) for end in sorted(map(abs, ends)))} % {'lower' if ends[0] < 0 else 'higher'}"


def _to(texts: Iterable[str]) -> str:
    """A range, or the one value that its ends are."""
    return " to ".join(dict.fromkeys(texts))


def _shows(found: groups.Ratio) -> str:
    """Of an interval that holds 1."""
    return ", no difference shows" if found.interval and found.interval[0] <= 1 <= found.interval[1] else ""


def _starved(first: Sequence[Summary], second: Sequence[Summary]) -> str:
    way = choose(STARVED, first, second)
    if way is None:
        return ""
    ours, theirs = way.values_in(first), way.values_in(second)
    if not any((*ours, *theirs)):
        return "neither was starved"
    if any(ours) and any(theirs):
        both = f"{MODES[0]} {_minutes(ours)}, {MODES[1]} {_minutes(theirs)}{_first_starved([*first, *second])}"
        return f"both were starved ({both})"
    starved, never = MODES if any(ours) else MODES[::-1]
    side, values = (first, ours) if any(ours) else (second, theirs)
    return f"{starved} was starved ({_minutes(values)}{_first_starved(side)}), {never} never"


def _first_starved(summaries: Sequence[Summary]) -> str:
    """From which minute of the load on, in the runs that were; empty where summaries do not tell."""
    starts = [spans[0][0] for each in summaries if (spans := dig(each, ("supply", "starved_spans")))]
    if not starts:
        return ""
    return f", first from minute {_to(f'{each:.0f}' for each in (min(starts), max(starts)))} on"


def _minutes(seconds: Sequence[float]) -> str:
    ends = (min(seconds) / 60, max(seconds) / 60)
    return f"{_to(f'{each:.0f}' if each >= 1 or not each else f'{each:.1f}' for each in ends)} min"


def _certainty(ours: int, theirs: int) -> str:
    numbers = [_NUMBERS[n] if n < len(_NUMBERS) else str(n) for n in (ours, theirs)]
    runs = f"{numbers[0].capitalize()} run{'s' if ours > 1 else ''} against {numbers[1]}"
    if min(ours, theirs) >= groups.LEAST_FOR_EFFECT:
        return f"{runs}: ratios of medians, in brackets their {100 * groups.COVERAGE:.0f} % intervals by bootstrap."
    ranges = "; ranges are over all pairs of runs" if max(ours, theirs) > 1 else ""
    return f"{runs}: no interval can be given{ranges}."


def _why_nothing(summaries: Sequence[Summary]) -> str:
    if len(summaries) < 2:
        return "One run: there is nothing to hold it against."
    conditions = [pooling.conditions_of(summary) for summary in summaries]
    modes = {each.mode for each in conditions}
    if len(modes) < 2:
        return f"All {len(summaries)} runs are {modes.pop() or 'of no known mode'}: no mode is held against another."
    found = pooling.groups_of(conditions)
    nearest = [
        (len(told), group, other, told)
        for group in found
        if (pair := pooling.nearest_of_other_mode(group, found, conditions))
        for other, told in (pair,)
    ]
    if not nearest:
        return "Nothing is held against anything: the mode of some runs is not known."
    _, group, other, told = min(nearest, key=lambda each: each[0])
    why = "; ".join(each.text for each in told) or "too little is known of them: they would fit others that differ"
    names = [
        conditions[each.runs[0]].run if len(each.runs) == 1 else f"the runs of group {each.label}"
        for each in (group, other)
    ]
    return (
        f"No two modes are comparable here: even the nearest, {names[0]} and {names[1]}, are other experiments: {why}."
    )


# --- six rows


def table(versus: Versus) -> Table:
    """Both modes' medians, their difference and its interval, or why there is none."""
    rows = []
    first, second = versus.first.summaries, versus.second.summaries
    for ways in ROWS:
        way = choose(ways, first, second)
        if way is None:
            rows.append([ways[0].name, ways[0].figure.good or "–", "–", "–", "–", "not known of both"])
            continue
        ours, theirs = way.values_in(first), way.values_in(second)
        effect = groups.effect(ours, theirs)
        ends = effect.difference_interval
        interval = (
            " to ".join(map(way.figure.difference, ends)) if ends else f"none: {len(ours)} and {len(theirs)} runs"
        )
        medians = [_median(way.figure, values, len(side)) for values, side in ((ours, first), (theirs, second))]
        better = way.figure.good or "–"
        rows.append([way.name, better, *medians, way.figure.difference(effect.difference), interval])
    heads = [f"{side.mode} ({count(len(side.summaries), 'run')})" for side in (versus.first, versus.second)]
    return Table(["medians", "better", *heads, "difference", "95 % interval"], rows)


def _median(figure: Figure, values: Sequence[float], runs: int) -> str:
    text = figure.text(groups.spread(values).median)
    return text if len(values) == runs else f"{text} (of {len(values)})"
