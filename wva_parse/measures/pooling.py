"""Which runs are repeats of each other, which are the same experiment in another mode, and why the others are not.

Runs are **repeats** if the load (its schedule and rates; a name is none), the mode, simulated or not, the interval of
the loop (the longer one at most `LOOP_RATIO` times the shorter), the release family, the SLO and the model agree.
They are **the same experiment** if all of it but mode and release family does: then one mode is held against the other.

What is not known of a run agrees with anything. That is not transitive: a run without a known SLO agrees with runs of
10 and of 15 ms, which do not agree with each other. So two runs belong together only if they agree with each other
**and with the same others** of the comparison (they are twins in the graph of agreement). Twins are an equivalence
relation: groups do not depend on the order of the runs, all runs of a group agree with each other, and one that would
fit two groups stands alone, which is said. What is only assumed to agree is said as well. Where the loads of neither
of two runs are known, their names must be the same.

Everything is read from the runs' summaries, so that a run whose log is gone can be pooled as well.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from string import ascii_uppercase
from typing import TYPE_CHECKING, Any, NamedTuple

from wva_parse.aligned.schedule import NAME, SEQUENTIAL, Schedule, Sending, schedule_as_json
from wva_parse.log.dialects import OVERLAYS
from wva_parse.log.json_files import dig, objects_in
from wva_parse.measures.texts import number

if TYPE_CHECKING:  # `list` groups no runs, and would wait for pandas
    from wva_parse.aligned.experiment import Experiment as Run

Summary = Mapping[str, Any]

LOOP_RATIO = 1.2
LAST_DIGIT = 1.5e-6  # of parameters: the log has six decimals
HELD_SINCE = 2  # the schema since which `replicas` are the held ones over the load window

LOAD, MODE, SIMULATED, LOOP, RELEASE, SLO, MODEL, SCHEMA, SENT = (
    "load",
    "mode",
    "simulated",
    "loop",
    "release",
    "SLO",
    "model",
    "summary",
    "sent",
)
OF_MODES = frozenset({MODE, RELEASE})  # in which the two modes of one experiment may differ

_TUNER = "DT"  # an overlay that changes what is decided, not only what is logged
_STAMPED = re.compile(r"^(model|capacity)-based-|-\d{8}-\d{6}$")


class Conditions(NamedTuple):
    """What must agree. None, empty or no workloads: not known."""

    run: str
    name: str  # without mode and time; a witness only where nothing tells the load
    mode: str
    simulated: bool
    schedule: Schedule
    interval_s: float | None
    releases: tuple[str, ...]
    has_tuner: bool | None
    slo: tuple[float | None, float | None]
    model: str
    schema: int


class Difference(NamedTuple):
    """A condition in which two runs differ, and how: `600 s against 900 s of load`."""

    condition: str
    text: str


class Group(NamedTuple):
    """Runs that are repeats of each other, by their place in the comparison; of one run it is that run."""

    label: str
    runs: tuple[int, ...]
    assumed: tuple[str, ...]  # what is taken to agree without being known


class Apart(NamedTuple):
    """Two groups that are not pooled, by their labels, and why; no differences: they would fit others as well."""

    first: str
    second: str
    differences: tuple[Difference, ...]


class Experiment(NamedTuple):
    """Groups that are the same experiment, in one or both modes; their load in words."""

    load: str
    groups: tuple[Group, ...]


# --- what is known of a run


def conditions_of(summary: Summary) -> Conditions:
    """From a summary of schema 1 or 2, whole or not."""
    dialects = [str(each) for each in dig(summary, ("log", "dialects")) or ()]
    releases = tuple(sorted(each for each in dialects if each not in OVERLAYS))
    models = {str(each["model"]) for each in objects_in(summary.get("variants")) if each.get("model")}
    mode = str(summary.get("mode") or "")
    slo = summary.get("slo")
    return Conditions(
        run=str(summary.get("run")),
        name=name_of(str(summary.get("run"))),
        mode=mode,
        simulated=bool(summary.get("simulated")),
        schedule=schedule_in(summary),
        interval_s=_above_zero(summary.get("interval_s")),
        releases=releases,
        # Only the model-based mode has one.
        has_tuner=_TUNER in dialects if releases and mode == "model-based" else None,
        slo=(_above_zero(dig(slo, ("itl_ms",))), _above_zero(dig(slo, ("ttft_ms",)))),
        model=", ".join(sorted(models)),
        schema=schema_of(summary),
    )


def conditions_of_run(run: Run) -> Conditions:
    """Of a run that is read, without the rest of its summary."""
    models = run.frames["scaling_decision"]["model"].dropna().unique()
    return conditions_of(
        {
            "run": run.name,
            "mode": run.mode,
            "simulated": run.simulated,
            "interval_s": run.frames.interval_s,
            "schedule": schedule_as_json(run.schedule),
            "log": {"dialects": list(run.counts.dialects)},
            "slo": run.slo._asdict(),
            "variants": [{"model": model} for model in models],
        }
    )


def schema_of(summary: Summary) -> int:
    """The schema of a summary; the present one where it does not tell."""
    schema = summary.get("schema")
    return schema if isinstance(schema, int) else HELD_SINCE


def name_of(run: str) -> str:
    """A run's name without its time, and without the mode that our configs' names begin with."""
    return _STAMPED.sub("", run)


def schedule_in(summary: Summary) -> Schedule:
    """The load as a summary has it; in schema 1 that of the workloads, without how they were started."""
    found = summary.get("schedule")
    if isinstance(found, Mapping):
        works = objects_in(found.get("workloads"))
        otherwise = found.get("otherwise")
        return Schedule(
            str(found.get("how") or ""),
            str(found.get("source") or ""),
            tuple(
                Sending(
                    str(work.get("name")),
                    _at_least_zero(work.get("start_s")),
                    _at_least_zero(work.get("duration_s")),
                    _at_least_zero(work.get("rate_per_s")),
                    work.get("rate_from"),
                )
                for work in works
            ),
            tuple(map(str, otherwise)) if isinstance(otherwise, list) else (),
        )
    loads = []
    for work in objects_in(summary.get("workloads")):
        start, end, rate = (_at_least_zero(work.get(key)) for key in ("planned_start_s", "planned_end_s", "rate_per_s"))
        duration = None if start is None or end is None else end - start
        loads.append(Sending(str(work.get("name")), start, duration, rate))
    return Schedule("", "run.json" if loads else "", tuple(loads))


def _at_least_zero(value: Any) -> float | None:
    return float(value) if isinstance(value, int | float) and value >= 0 else None


def _above_zero(value: Any) -> float | None:
    return _at_least_zero(value) or None


# --- do two agree


def differences(first: Conditions, second: Conditions) -> list[Difference]:
    """In what two runs are known to differ; empty if they agree as far as is known."""
    found = [
        *(Difference(LOAD, text) for text in _loads(first, second)),
        *(Difference(SENT, text) for text in _sent(first, second)),
    ]
    if _differ(first.mode, second.mode):
        found.append(Difference(MODE, f"{first.mode} against {second.mode}"))
    if first.simulated != second.simulated:
        words = ("simulated", "real")
        found.append(Difference(SIMULATED, " against ".join(words if first.simulated else words[::-1])))
    if first.interval_s and second.interval_s:
        short, long = sorted((first.interval_s, second.interval_s))
        if long > LOOP_RATIO * short:
            found.append(Difference(LOOP, f"a loop of {first.interval_s:.0f} s against {second.interval_s:.0f} s"))
    if first.releases and second.releases and not _same_family(first.releases, second.releases):
        said = f"release {', '.join(first.releases)} against {', '.join(second.releases)}"
        found.append(Difference(RELEASE, said))
    if _differ(first.has_tuner, second.has_tuner):
        said = "with a tuner against without one" if first.has_tuner else "without a tuner against with one"
        found.append(Difference(RELEASE, said))
    for metric, ours, theirs in zip(("ITL", "TTFT"), first.slo, second.slo, strict=True):
        if _differ(ours, theirs):
            found.append(Difference(SLO, f"SLO of {metric} {ours:g} ms against {theirs:g} ms"))
    if _differ(first.model, second.model):
        found.append(Difference(MODEL, f"{first.model} against {second.model}"))
    if (first.schema < HELD_SINCE) != (second.schema < HELD_SINCE):
        found.append(
            Difference(SCHEMA, f"summary schema {first.schema} against {second.schema}, which count replicas otherwise")
        )
    return found


def _differ(first: Any, second: Any) -> bool:
    """Whether two values are known and not the same."""
    return first not in (None, "") and second not in (None, "") and first != second


def _same_family(first: Sequence[str], second: Sequence[str]) -> bool:
    """Whether each release of the one may be one of the other; `D7/D8` is either."""
    ours, theirs = ([set(name.split("/")) for name in names] for names in (first, second))
    return all(any(a & b for b in theirs) for a in ours) and all(any(a & b for a in ours) for b in theirs)


def _sent(first: Conditions, second: Conditions) -> Iterator[str]:
    """Workloads that did not send as planned make another load, even if the same ones did not in both."""
    for each in (first, second):
        if each.schedule.otherwise:
            yield f"in {each.run} {', '.join(each.schedule.otherwise)} did not send as planned"


def _loads(first: Conditions, second: Conditions) -> Iterator[str]:
    ours, theirs = first.schedule, second.schedule
    if not ours.workloads and not theirs.workloads:
        if first.name != second.name:
            yield f"{first.name} against {second.name}, of whose loads nothing is known but the names"
        return
    if not ours.workloads or not theirs.workloads:
        return
    if _differ(ours.how, theirs.how):
        yield f"{ours.how} against {theirs.how} workloads"
        return
    if len(ours.workloads) != len(theirs.workloads):
        yield f"{len(ours.workloads)} against {len(theirs.workloads)} workloads"
        return
    is_sequence = SEQUENTIAL in (ours.how, theirs.how)
    for field, unit, what in (
        ("duration_s", "s", " of load"),
        ("start_s", "s", ""),
        ("rate_per_s", "req/s", ""),
    ):
        if field == "start_s" and is_sequence:
            continue  # each begins when the one before it is done
        pairs = [(getattr(a, field), getattr(b, field)) for a, b in zip(ours.workloads, theirs.workloads, strict=True)]
        if any(_differ(a, b) for a, b in pairs):
            told = [_told([pair[side] for pair in pairs], shorten=field == "duration_s") for side in (0, 1)]
            begins = "starts at " if field == "start_s" else ""
            yield f"{begins}{told[0]} {unit} against {told[1]} {unit}{what}"


def _told(values: Sequence[float | None], shorten: bool = False) -> str:
    texts = ["?" if value is None else number(value) for value in values]
    if shorten and len(set(texts)) == 1:
        return texts[0]
    return texts[0] if len(texts) == 1 else f"{', '.join(texts[:-1])} and {texts[-1]}"


def load_of(schedule: Schedule) -> str:
    """A load in words; empty if nothing is known of it."""
    works = schedule.workloads
    if not works:
        return ""
    rates = _told([work.rate_per_s for work in works])
    durations = _told([work.duration_s for work in works], shorten=True)
    each = " each" if len(works) > 1 and " and " not in durations else ""
    text = f"{rates} req/s for {durations} s{each}"
    if schedule.how == SEQUENTIAL:
        return f"{text}, one after another"
    return text if len(works) == 1 else f"{text}, from {_told([work.start_s for work in works])} s on"


def _unknown(conditions: Conditions) -> Iterator[tuple[str, str]]:
    """What is not known of a run: the condition, and in words."""
    works = conditions.schedule.workloads
    if not works:
        yield LOAD, "load"
    elif any(work.rate_per_s is None for work in works):
        yield LOAD, "rates of its load"
    elif any(work.duration_s is None for work in works):
        yield LOAD, "duration of its load"
    if conditions.interval_s is None:
        yield LOOP, "loop's interval"
    if not conditions.releases:
        yield RELEASE, "release"
    if not any(conditions.slo):
        yield SLO, "SLO"


def rates_by_name(conditions: Conditions) -> bool:
    """Whether rates are known from no better source than a comment or a name."""
    return any(work.rate_from == NAME for work in conditions.schedule.workloads)


# --- groups


def twins(count: int, agree: Callable[[int, int], bool]) -> list[list[int]]:
    """Those of `count` that agree with each other and with the same others, each class in order."""
    agreeing = [frozenset(b for b in range(count) if a == b or agree(a, b)) for a in range(count)]
    classes: dict[frozenset[int], list[int]] = {}
    for number_, mine in enumerate(agreeing):
        classes.setdefault(mine, []).append(number_)
    # Of equal neighbourhoods each holds the other: they agree.
    return list(classes.values())


def groups_of(conditions: Sequence[Conditions]) -> list[Group]:
    """The runs of a comparison as repeats of each other, in the order of the first run of each."""
    kinds: dict[Conditions, list[int]] = {}
    for place, each in enumerate(conditions):
        kinds.setdefault(_kind_of(each), []).append(place)
    known = list(kinds)
    classes = twins(len(known), lambda a, b: not differences(known[a], known[b]))
    found = sorted(sorted(run for place in places for run in kinds[known[place]]) for places in classes)
    return [
        Group(_label(place), tuple(runs), tuple(assumed([conditions[run] for run in runs])))
        for place, runs in enumerate(found)
    ]


def _kind_of(each: Conditions) -> Conditions:
    """The conditions without the name of the run: of thousands of runs few differ, and each two kinds are held once.

    A run with workloads that did not send as planned agrees with no other, not even with one like it.
    """
    return each if each.schedule.otherwise else each._replace(run="")


def _label(place: int) -> str:
    """A, B, … Z, AA, AB, …"""
    more, own = divmod(place, len(ascii_uppercase))
    return (_label(more - 1) if more else "") + ascii_uppercase[own]


def assumed(members: Sequence[Conditions]) -> Iterator[str]:
    """What is not known of some of these runs and is taken to agree."""
    if len(members) < 2:
        return
    missing: dict[str, list[str]] = {}
    for each in members:
        for _, what in _unknown(each):
            missing.setdefault(what, []).append(each.run)
    for what, runs in missing.items():
        whose = "any of them" if len(runs) == len(members) else ", ".join(runs)
        yield f"the {what} of {whose} is not known"


def apart(groups: Sequence[Group], conditions: Sequence[Conditions]) -> list[Apart]:
    """Each two groups of one mode, and why they are not one; those that a name would make one first."""
    found = []
    for place, first in enumerate(groups):
        for second in groups[place + 1 :]:
            ours, theirs = conditions[first.runs[0]], conditions[second.runs[0]]
            if _differ(ours.mode, theirs.mode):
                continue
            told = _between(first, second, conditions)
            found.append((ours.name != theirs.name, len(told), Apart(first.label, second.label, tuple(told))))
    return [each for _, _, each in sorted(found, key=lambda entry: entry[:2])]


def _between(first: Group, second: Group, conditions: Sequence[Conditions]) -> list[Difference]:
    """Differences of any run of the one and any of the other, each once."""
    ours, theirs = (dict.fromkeys(_kind_of(conditions[run]) for run in group.runs) for group in (first, second))
    pairs = ((a, b) for a in ours for b in theirs)
    told: dict[str, Difference] = {}
    for a, b in pairs:
        for each in differences(a, b):
            told.setdefault(each.condition + (each.text if each.condition in (SLO, LOAD) else ""), each)
    return list(told.values())


def experiments_of(groups: Sequence[Group], conditions: Sequence[Conditions]) -> list[Experiment]:
    """The groups as experiments: those of one agree in all but mode and release family."""

    def agree(a: int, b: int) -> bool:
        return all(each.condition in OF_MODES for each in _between(groups[a], groups[b], conditions))

    found = []
    for members in twins(len(groups), agree):
        chosen = tuple(groups[place] for place in members)
        known = [conditions[run] for group in chosen for run in group.runs]
        load = next((text for each in known if (text := load_of(each.schedule))), "") or known[0].name
        found.append(Experiment(load, chosen))
    return found


def nearest_of_other_mode(
    group: Group, groups: Sequence[Group], conditions: Sequence[Conditions]
) -> tuple[Group, list[Difference]] | None:
    """The group of another mode that differs in the fewest conditions, and these; None if there is no other mode."""
    mode = conditions[group.runs[0]].mode
    others = [each for each in groups if _differ(conditions[each.runs[0]].mode, mode)]
    told = [
        (each, [found for found in _between(group, each, conditions) if found.condition not in OF_MODES])
        for each in others
    ]
    names = [conditions[each.runs[0]].name == conditions[group.runs[0]].name for each in others]
    best = min(range(len(told)), key=lambda place: (not names[place], len(told[place][1])), default=None)
    return None if best is None else told[best]


# --- repeats that depend on each other


def carried_over(summaries: Sequence[Summary]) -> list[tuple[int, int]]:
    """Runs whose tuner ended with the parameters that another's began with: places of the earlier and the later one.

    Only what a tuner has changed counts: that two runs begin with the parameters of the VariantAutoscaling's spec says
    nothing.
    """
    ended, begun = [], []
    for place, summary in enumerate(summaries):
        first, last = (dig(summary, ("tuner", key)) or {} for key in ("first", "last"))
        begun += [(place, variant, parameters) for variant, parameters in first.items()]
        changed = {variant: each for variant, each in last.items() if not _same(first.get(variant) or {}, each)}
        ended += [(place, variant, parameters) for variant, parameters in changed.items()]
    found = {
        (a, b)
        for a, variant, parameters in ended
        for b, other, theirs in begun
        if a != b and variant == other and _same(parameters, theirs)
    }
    return sorted(found)


def _same(first: Mapping[str, float], second: Mapping[str, float]) -> bool:
    """Whether parameters are equal in the digits that WVA prints."""
    return first.keys() == second.keys() and all(abs(first[name] - second[name]) < LAST_DIGIT for name in first)
