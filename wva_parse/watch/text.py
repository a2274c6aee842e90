"""Views of a run in progress as text: one line each, or a block for a terminal."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import NamedTuple

from wva_parse.aligned.names import without_common_words
from wva_parse.watch.live import Load, Variant, View

BARS = "▁▂▃▄▅▆▇█"
HISTORY = 60  # reconciliations of a course, at most


class Course(NamedTuple):
    """A quantity over the last reconciliations."""

    label: str
    unit: str
    value: Callable[[View], float | None]


def _most(values: Iterator[float | None]) -> float | None:
    return max((value for value in values if value is not None), default=None)


COURSES = (
    Course("load", "req/s", lambda view: view.load.rate_per_s),
    Course("replicas", "wanted", lambda view: _most(variant.target_replicas for variant in view.variants)),
    Course("ITL", "ms", lambda view: _most(variant.itl_ms for variant in view.variants)),
    Course("KV", "%", lambda view: None if view.kv_usage is None else 100 * view.kv_usage),
)


# What the parts of a line are, for who sees the first of them.
LEGEND = (
    "time of the plan · load · replicas there → wanted (ready) · ITL and TTFT / their SLO · fullest KV cache · waiting"
)


def one_line(view: View) -> str:
    """A reconciliation in one line."""
    parts = [*_load(view.load)]
    for part in _variants(view):
        parts += part
    return "  ".join([*parts, *_pods(view)])


class Lines:
    """The lines of a run, one per reconciliation, but before the load only what says something new.

    A reconciliation is told once: when it has decided or met a problem, else when the next one begins.
    """

    def __init__(self) -> None:
        self._told: set[int] = set()
        self._waiting: dict[int, View] = {}
        self._last = ""

    def of(self, views: Iterable[View]) -> Iterator[str]:
        """What these views have to say."""
        self._waiting.update((view.number, view) for view in views if view.number not in self._told)
        newest = max(self._waiting, default=0)
        for view in list(self._waiting.values()):
            if view.number < newest or view.problem or any(each.target_replicas is not None for each in view.variants):
                yield from self._tell(view)

    def rest(self) -> Iterator[str]:
        """Of the end of a log, what has not decided."""
        for view in list(self._waiting.values()):
            yield from self._tell(view)

    def _tell(self, view: View) -> Iterator[str]:
        self._told.add(view.number)
        del self._waiting[view.number]
        line = one_line(view)
        if not self._last:
            yield LEGEND
        if line != self._last or view.load.elapsed_s is not None:
            yield line
        self._last = line


def block(views: Sequence[View], load: Load, width: int) -> list[str]:
    """What is applied now, the last reconciliation and the course of the run, as long as `width` allows."""
    lines = ["  ".join(_load(load))]
    if not views:
        return lines
    last = views[-1]
    lines += map("  ".join, _variants(last))
    lines += filter(None, ["  ".join(_pods(last))])
    return [*lines, *_courses(views[-HISTORY:], width)]


def _load(load: Load) -> Iterator[str]:
    if load.elapsed_s is None:
        yield "before load"
        return
    yield _clock(load.elapsed_s)
    yield f"load {load.rate_per_s:g} req/s" + (f" ({' + '.join(load.active)})" if load.active else "")
    if load.starting:
        yield f"starting: {' + '.join(load.starting)}"
    if load.remaining_s > 0:
        yield f"{_clock(load.remaining_s)} of load left"


def _variants(view: View) -> Iterator[Iterator[str]]:
    names = without_common_words([variant.name for variant in view.variants])
    for variant, name in zip(view.variants, names, strict=True):
        yield _variant(variant, name if len(names) > 1 else "", view)


def _variant(variant: Variant, name: str, view: View) -> Iterator[str]:
    if name:
        yield f"{name}:"
    if variant.target_replicas is not None:
        current = "?" if variant.current_replicas is None else f"{variant.current_replicas:g}"
        ready = "" if variant.ready_replicas is None else f" ({variant.ready_replicas} ready)"
        yield f"replicas {current}→{variant.target_replicas:g}{ready}"
    for metric, value in (("itl", variant.itl_ms), ("ttft", variant.ttft_ms)):
        limit = f"/{view.slo_ms[metric]:g}" if metric in view.slo_ms else ""
        if value is not None:
            yield f"{metric.upper()} {value:.1f}{limit} ms" if value > 0 else f"{metric.upper()} idle"


def _pods(view: View) -> Iterator[str]:
    if view.kv_usage is not None:
        yield f"KV {100 * view.kv_usage:.0f} %"
    if view.queue is not None:
        yield f"queue {view.queue}"
    if view.problem:
        yield f"PROBLEM: {view.problem}"


def _courses(views: Sequence[View], width: int) -> Iterator[str]:
    """Where there is no room for all of it, the end of the course."""
    for course in COURSES:
        values = [course.value(view) for view in views]
        known = [value for value in values if value is not None]
        if len(known) > 1:
            label, scale = f"{course.label:9}", f"  {min(known):g} to {max(known):.4g} {course.unit}"
            room = max(width - len(label) - len(scale), 1)
            yield f"{label}{''.join(_bar(value, min(known), max(known)) for value in values[-room:])}{scale}"


def _bar(value: float | None, least: float, most: float) -> str:
    if value is None:
        return " "
    share = (value - least) / (most - least) if most > least else 0.0
    return BARS[round(share * (len(BARS) - 1))]


def _clock(seconds: float) -> str:
    return f"{int(seconds) // 60}:{int(seconds) % 60:02d}"
