"""Whether each load ran as planned: when it began to send, against the first one, and for how long it sent.

Only workloads that overlap have planned times; what has failed or was interrupted is told elsewhere.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from wva_parse.aligned.experiment import Experiment
from wva_parse.aligned.offered import RECORD, offered
from wva_parse.log.json_files import objects_in

# What a workload may differ by: the more of both.
MOST_S = 5.0
MOST_SHARE = 0.05  # of its planned time of sending

_SENT = ("complete", "cut")


class Deviation(NamedTuple):
    """A workload that ran otherwise; `late_s` is None if it began as long after `first` as planned, `sent_s` if it
    sent for as long.
    """

    workload: str
    first: str
    late_s: float | None
    planned_s: float
    sent_s: float | None


def deviations(run: Experiment) -> Iterator[Deviation]:
    """The workloads of a run that did not send as planned, in the order of the plan."""
    load = offered(run)
    works = {
        str(work.get("name")): work
        for work in objects_in(run.record.get("workloads"))
        if work.get("how", "parallel") == "parallel"
        and isinstance(work.get("planned_start_s"), int | float)
        and work.get("result") in _SENT
    }
    spans = [each for each in load.spans if each.name in works] if load.source == RECORD else []
    if not spans:
        return
    planned = {each.name: float(works[each.name]["planned_start_s"]) for each in spans}
    first = min(spans, key=lambda each: (planned[each.name], each.start))
    for each in sorted(spans, key=lambda each: planned[each.name]):
        sending_s = works[each.name].get("sending_s")
        planned_s = float(sending_s) if isinstance(sending_s, int | float) else 0.0
        most_s = max(MOST_S, MOST_SHARE * planned_s)
        late_s = round(60 * (each.start - first.start) - (planned[each.name] - planned[first.name]), 3)
        sent_s = round(60 * (each.end - each.start), 3)
        is_late, is_other = abs(late_s) > most_s, planned_s > 0 and abs(sent_s - planned_s) > most_s
        if is_late or is_other:
            yield Deviation(each.name, first.name, late_s if is_late else None, planned_s, sent_s if is_other else None)


def told(found: Deviation) -> str:
    """A deviation in words, to follow the workload's name."""
    parts = []
    if found.late_s is not None:
        way = "later" if found.late_s > 0 else "sooner"
        parts.append(f"began to send {abs(found.late_s):.0f} s {way} after {found.first} than planned")
    if found.sent_s is not None:
        parts.append(f"sent for {found.sent_s:.0f} s instead of {found.planned_s:.0f}")
    return " and ".join(parts)


def sentence(found: Deviation) -> str:
    """A deviation as a warning."""
    return f"Workload {found.workload} {told(found)}: the load did not have its planned course."


def course_finding(run: Experiment) -> Iterator[str]:
    """A warning for each workload that ran otherwise."""
    yield from map(sentence, deviations(run))
