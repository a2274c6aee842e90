"""No sentence of a report contradicts another, or the numbers: all captured runs and eight simulated ones, read whole.

Each rule looks for one kind of contradiction that reports have had; it returns what it found.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import lru_cache
from pathlib import Path
from tempfile import mkdtemp
from typing import Any, NamedTuple

import pytest
from captured import NAMES, captured, needs_captured
from turned import turned_run

from wva_parse import run
from wva_parse.aligned.experiment import Experiment
from wva_parse.measures.summary import summarize
from wva_parse.report import words
from wva_parse.report.sections import markdown
from wva_sim.cluster.settings import Settings

Summary = dict[str, Any]

CAPACITY = {"mode": "capacity-based"}
SIMULATED = {
    "an early release, predicting": (Settings(dialect="D2"), [10, 60, 20]),
    "an early release, reacting": (Settings(dialect="D2", **CAPACITY), [10, 60, 20]),
    "too little to do": (Settings(dialect="D2", **CAPACITY), [2]),
    "two variants, predicting": (Settings(dialect="D3", variants=2), [30, 90]),
    "two variants, reacting": (Settings(dialect="D3", variants=2, **CAPACITY), [30, 90]),
    "far too much": (Settings(dialect="D3"), [150, 150]),
    "the queueing model": (Settings(dialect="D5"), [20, 60]),
    "a late release": (Settings(dialect="D7", **CAPACITY), [20, 60]),
}


class Told(NamedTuple):
    """What a report says: its numbers and all of its text but the tables."""

    summary: Summary
    text: str
    run: Experiment

    @property
    def sentences(self) -> list[str]:
        return re.split(r"(?<=[.!?])\s+", self.text)


def told(experiment: Experiment) -> Told:
    summary = summarize(experiment)
    lines = [line for line in markdown(summary).splitlines() if line and not line.startswith(("|", "#", "!["))]
    return Told(summary, "\n".join(lines), experiment)


@lru_cache
def simulated(name: str) -> Told:
    settings, rates = SIMULATED[name]
    return told(run.load(turned_run(Path(mkdtemp(prefix="wva-")) / "run", settings, rates)))


# --- the rules


def too_few_never_beside_starved_time(of: Told) -> Iterator[str]:
    starved, found = of.summary["supply"]["starved_s"], of.summary["elasticity"]
    if starved and found and found["under_share"] < 0.5 * starved / of.summary["supply"]["window_s"]:
        sentence = words.about_load(of.summary)
        if "starved" not in sentence:
            yield sentence


def not_starved_beside_pods_that_were(of: Told) -> Iterator[str]:
    supply, kv, queue = of.summary["supply"], of.summary["kv_cache"], of.summary["queue"]
    above = (kv and kv["max"] > kv["threshold"]) or (queue and queue["max"] > queue["threshold"])
    if bool(above) != bool(supply["starved_s"]) and (kv or queue):
        yield f"starved for {supply['starved_s']} s, most {kv and kv['max']}, {queue and queue['max']}"
    if above and "No pod was starved" in of.text:
        yield "No pod was starved"
    if queue and queue["max"] and "No request had to wait" in of.text:
        yield "No request had to wait"


def more_replicas_than_pods_were_seen(of: Told) -> Iterator[str]:
    supply = of.summary["supply"]
    if supply["held_max"] and supply["ready_max"] and supply["ready_max"] < supply["held_max"]:
        for sentence in of.sentences:
            if re.search(r"\breplicas? (ran|were held)\b", sentence) and "ready" not in sentence and " to " in sentence:
                yield sentence


def better_and_worse_at_once(of: Told) -> Iterator[str]:
    for sentence in of.sentences:
        if found := re.search(r"was (no better|better|worse) than .*?off by ([\d.]+) ms.*?against ([\d.]+)", sentence):
            other, own = float(found[2]), float(found[3])
            if (found[1] == "better") != (own < other):
                yield sentence


def a_time_before_its_cause(of: Told) -> Iterator[str]:
    yield from (each for each in of.sentences if re.search(r"[−-]\d+(\.\d+)? s\b", each))


def a_share_of_a_few_as_percent(of: Told) -> Iterator[str]:
    for sentence in of.sentences:
        for found in re.finditer(r"[\d.]+ % (?:of|in) (?:the )?(\d+) (?!s\b|ms\b|%)", sentence):
            if int(found[1]) < 100:
                yield sentence


def minutes_outside_the_run(of: Told) -> Iterator[str]:
    minutes = of.run.frames.reconciliations["minutes"]
    first, last = minutes.min() - 0.1, max(minutes.max(), of.summary["supply"]["window_s"] / 60) + 0.1
    for sentence in of.sentences:
        for found in re.finditer(r"\bminutes? (-?\d+\.\d)(?: to (-?\d+\.\d))?", sentence):
            for value in filter(None, found.groups()):
                if not first <= float(value) <= last:
                    yield sentence


def nothing_that_is_no_word(of: Told) -> Iterator[str]:
    yield from (each for each in of.sentences if re.search(r"\b(nan|None|inf)\b", each))


def masked_and_not_masked(of: Told) -> Iterator[str]:
    if "No saturation was masked" in of.text and "Saturation was masked" in of.text:
        yield "both"


def one_event_told_twice_with_other_numbers(of: Told) -> Iterator[str]:
    told_s = {float(each) for each in re.findall(r"starved[^.]*? for (\d+) (?:of|s)", of.text)}
    if len(told_s) > 1:
        yield f"starved for {sorted(told_s)} s"


RULES: tuple[Callable[[Told], Iterator[str]], ...] = (
    too_few_never_beside_starved_time,
    not_starved_beside_pods_that_were,
    more_replicas_than_pods_were_seen,
    better_and_worse_at_once,
    a_time_before_its_cause,
    a_share_of_a_few_as_percent,
    minutes_outside_the_run,
    nothing_that_is_no_word,
    masked_and_not_masked,
    one_event_told_twice_with_other_numbers,
)


@needs_captured
@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
@pytest.mark.parametrize("name", NAMES)
def test_captured_reports(name, rule):
    assert list(rule(_captured(name))) == []


@lru_cache
def _captured(name: str) -> Told:
    return told(captured(name))


@pytest.mark.whole
@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
@pytest.mark.parametrize("name", SIMULATED)
def test_simulated_reports(name, rule):
    assert list(rule(simulated(name))) == []
