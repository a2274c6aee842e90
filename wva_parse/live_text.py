"""Views of a run in progress as text: one line each, or a block for a terminal."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import takewhile
from typing import NamedTuple

from wva_parse.live import Load, Variant, View

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


def one_line(view: View) -> str:
    """A reconciliation in one line."""
    parts = [*_load(view.load)]
    for variant in view.variants:
        parts += _variant(variant, view)
    return "  ".join([*parts, *_pods(view)])


def block(views: Sequence[View], load: Load, width: int) -> list[str]:
    """What is applied now, the last reconciliation and the course of the run, as long as `width` allows."""
    lines = ["  ".join(_load(load))]
    if not views:
        return lines
    last = views[-1]
    lines += ["  ".join(_variant(variant, last)) for variant in last.variants]
    lines += filter(None, ["  ".join(_pods(last))])
    return [*lines, *_courses(views[-HISTORY:], width)]


def _load(load: Load) -> Iterator[str]:
    if load.elapsed_s is None:
        yield "before load"
        return
    yield _clock(load.elapsed_s)
    yield f"load {load.rate_per_s:g} req/s" + (f" ({' + '.join(load.active)})" if load.active else "")
    if load.remaining_s > 0:
        yield f"{_clock(load.remaining_s)} of load left"


def _variant(variant: Variant, view: View) -> Iterator[str]:
    if len(view.variants) > 1:
        yield variant.name[_common_length(view.variants) :] + ":"
    if variant.target_replicas is not None:
        current = "?" if variant.current_replicas is None else f"{variant.current_replicas:g}"
        ready = "" if variant.ready_replicas is None else f" ({variant.ready_replicas} ready)"
        yield f"replicas {current}→{variant.target_replicas:g}{ready}"
    for name, value in (("itl", variant.itl_ms), ("ttft", variant.ttft_ms)):
        limit = f"/{view.slo_ms[name]:g}" if name in view.slo_ms else ""
        if value is not None:
            yield f"{name.upper()} {value:.1f}{limit} ms" if value > 0 else f"{name.upper()} idle"


def _common_length(variants: Sequence[Variant]) -> int:
    """Of the words with which all names begin: variants of one model often share most of a long name."""
    columns = zip(*(variant.name.split("-")[:-1] for variant in variants), strict=False)
    shared = takewhile(lambda words: len(set(words)) == 1, columns)
    return sum(len(words[0]) + 1 for words in shared)


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
