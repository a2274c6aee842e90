"""The load that was offered: what the load generators sent, not what was answered.

Of a run with `run.json` what ran, when, and at which rate: a workload whose Job never sent is none. Of older captures
the schedule of the config with the rates that the Jobs' logs tell, where every workload of the one is found among the
others; its beginning is then that of the first load in the controller's log, which sees a load up to a minute late.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from pathlib import PurePath
from typing import Any, NamedTuple

from wva_parse.aligned.experiment import Experiment
from wva_parse.aligned.requests import sending_window
from wva_parse.log.benchmark import Result

RECORD, REBUILT = "plan", "config and Job logs"


class Span(NamedTuple):
    """What a workload sent: from `start` to `end`, in minutes; `rate_per_s` is NaN where nobody tells it."""

    name: str
    start: float
    end: float
    rate_per_s: float


class Offered(NamedTuple):
    """The workloads that sent something, and where they are known from: `RECORD`, `REBUILT`, or empty."""

    spans: tuple[Span, ...]
    source: str

    @property
    def is_demand(self) -> bool:
        """Whether the rate of every workload is known."""
        return bool(self.spans) and all(each.rate_per_s > 0 for each in self.spans)


def offered(run: Experiment) -> Offered:
    """The load of a run."""
    if run.record.get("workloads"):
        return Offered(tuple(_recorded(run)), RECORD)
    rebuilt = _rebuilt(run.config.get("workloads"), run.client.results, run.supply.window.start)
    return Offered(rebuilt, REBUILT if rebuilt else "")


def _recorded(run: Experiment) -> Iterator[Span]:
    """As its requests tell, where their times are recorded, else as run.json does.

    Between the first line of a container and its first request lies the client's start-up.
    """
    recorded = {each.workload: each for each in run.requests.workloads if each.recorded}
    for work in run.record.get("workloads") or []:
        name, rate = str(work.get("name")), float(work.get("rate_per_s") or math.nan)
        felt = recorded.get(name)
        if felt and not (math.isnan(felt.start_minutes) or math.isnan(felt.sending_s)):
            yield Span(name, felt.start_minutes, felt.start_minutes + felt.sending_s / 60, rate)
            continue
        start, end = sending_window(work)
        if start is None:
            continue
        if end is None:
            end = run.window.end if run.window.end is not None else start
        begin, finish = ((time - run.frames.zero).total_seconds() / 60 for time in (start, end))
        yield Span(name, begin, finish, rate)


def _rebuilt(workloads: Any, results: Sequence[Result], first_load: float) -> tuple[Span, ...]:
    """The schedule with the Jobs' rates; empty where not every workload has its Job."""
    spans, left = [], list(results)
    for work in workloads if isinstance(workloads, list) else []:
        told = _schedule(work)
        found = [each for each in left if told and _is_of(work, each)]
        if not told or len(found) != 1 or not found[0].rate_per_s or math.isnan(first_load):
            return ()
        left.remove(found[0])
        start_s, duration_s = told
        prompts = found[0].prompts or ((found[0].completed or 0) + (found[0].failed or 0))
        sent_s = min(duration_s, prompts / found[0].rate_per_s) if prompts else duration_s
        begin = first_load + start_s / 60
        spans.append(Span(str(work.get("name")), begin, begin + sent_s / 60, found[0].rate_per_s))
    return tuple(spans)


def _schedule(work: Any) -> tuple[float, float] | None:
    """Start delay and duration in s, of a parallel workload."""
    if not isinstance(work, dict):
        return None
    start, duration = work.get("start_delay", 0), work.get("duration")
    if isinstance(start, (int, float)) and isinstance(duration, (int, float)):
        return float(start), float(duration)
    return None


def _is_of(work: dict[str, Any], result: Result) -> bool:
    """Whether a Job's log is of a workload: by its name, or by all words of its manifest's name, in order."""
    if result.job == work.get("name"):
        return True
    words = [word for word in re.split(r"[-_]", PurePath(str(work.get("job_manifest"))).stem) if word != "job"]
    rest = iter(re.split(r"[-_]", result.job))
    return bool(words) and all(word in rest for word in words)
