"""The load that was offered: what the load generators sent, not what was answered.

Of a run with `run.json` what ran, when, and at which rate: a workload whose Job never sent is none. Of older captures
the schedule of the config with the rates that the Jobs' logs tell, where every workload of the one is found among the
others. It then begins in the minute before the first load in the controller's log: the less of a minute's requests were
answered in it, the later. Jobs that are created on time begin to send minutes apart from it, each after a start-up of
its own: the one that ends last ends no earlier than the answers.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import NamedTuple

import pandas as pd

from wva_parse.aligned.experiment import Experiment
from wva_parse.aligned.schedule import JOB_LOG, is_of, sending_window
from wva_parse.log.json_files import objects_in

OBSERVED_MIN = 1.0  # what WVA observes is of the last minute
NEAR = 1e-3  # minutes: an observation is logged a moment after its reconciliation has begun

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
    rebuilt = _laid_on_the_log(run, tuple(_planned(run)))
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


def _planned(run: Experiment) -> Iterator[Span]:
    """The schedule with the Jobs' rates, in minutes; nothing where not every workload has a Job of its own."""
    works = {str(work.get("name")): work for work in objects_in(run.config.get("workloads"))}
    jobs = {
        each.name: [job for job in run.client.results if is_of(works[each.name], job.job)]
        for each in run.schedule.workloads
    }
    taken = [job.job for found in jobs.values() for job in found]
    if any(len(found) != 1 for found in jobs.values()) or len(set(taken)) < len(taken):
        return
    for work in run.schedule.workloads:
        start_s, duration_s, rate = work.start_s, work.duration_s, work.rate_per_s
        if start_s is None or duration_s is None or rate is None or work.rate_from != JOB_LOG:
            yield Span(work.name, math.nan, math.nan, math.nan)
            continue
        (job,) = jobs[work.name]
        prompts = job.prompts or ((job.completed or 0) + (job.failed or 0))
        sent_s = min(duration_s, prompts / rate) if prompts else duration_s
        yield Span(work.name, start_s / 60, (start_s + sent_s) / 60, rate)


def _laid_on_the_log(run: Experiment, spans: tuple[Span, ...]) -> tuple[Span, ...]:
    """Spans in the minutes of the run; empty where one of them, or the first load in the log, is not known."""
    observed, start = run.frames["observed_metrics"], run.supply.window.start
    if not spans or any(math.isnan(each.rate_per_s) for each in spans) or math.isnan(start):
        return ()
    first = min(spans, key=lambda each: each.start)
    answered = observed["arrival_rate_per_min"][observed["minutes"] >= start - NEAR].head(1)
    shift = start - first.start - _share_of_minute(answered, first.rate_per_s) * OBSERVED_MIN
    laid = [each._replace(start=each.start + shift, end=each.end + shift) for each in spans]
    last = max(range(len(laid)), key=lambda number: laid[number].end)
    late = max(_answered_until(observed, laid[last].rate_per_s) - laid[last].end, 0.0)
    laid[last] = laid[last]._replace(start=laid[last].start + late, end=laid[last].end + late)
    return tuple(laid)


def _answered_until(observed: pd.DataFrame, rate_per_s: float) -> float:
    """The minute of the last answer, if the load was of this rate until then; -inf where no rate is known."""
    loaded = observed[observed["arrival_rate_per_min"] > 0].tail(1)
    if not len(loaded):
        return -math.inf
    share = _share_of_minute(loaded["arrival_rate_per_min"], rate_per_s)
    return float(loaded["minutes"].iloc[0]) - (1 - share) * OBSERVED_MIN


def _share_of_minute(answered_per_min: pd.Series, rate_per_s: float) -> float:
    """For how much of a minute there was a load, by what was answered in it."""
    known = answered_per_min.dropna()
    return min(float(known.iloc[0]) / 60 / rate_per_s, 1.0) if len(known) else 0.0
