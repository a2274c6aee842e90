"""The load that a run was made with: which workloads, from when, for how long, at how many requests per second.

That is what makes two runs the same experiment, not their names. Of runs with run.json it is the plan there. Of older
ones it is the config's `workloads`, whose rates stand elsewhere; each is looked for in this order, and where it is from
is kept:

- `config`: the workload's own `rate`;
- `Job log`: the rate that the load generator says it was configured with;
- `manifest`: `REQUEST_RATE` of the Job's manifest, where that can be read. It may have been changed since;
- `name`: a number of requests per second in the config (`# 20 req/s` behind the manifest, or in the description), else
  the number that the manifest's name ends with. The last resort: nobody has checked that it is so.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import PurePath
from typing import Any, NamedTuple

from wva_parse.log.benchmark import Result
from wva_parse.log.durations import seconds_in
from wva_parse.log.json_files import dig, objects_in
from wva_parse.log.lines import parse_stamp

PARALLEL, SEQUENTIAL = "parallel", "sequential"
RECORD, CONFIG = "run.json", "config"
JOB_LOG, MANIFEST, NAME = "Job log", "manifest", "name"

# What became of a workload, in run.json. One that was cut had sent all of its requests.
_AS_PLANNED = ("complete", "cut")
_OTHER_LOAD = ("failed", "interrupted", "not-stopped")

_PER_S = re.compile(r"(\d+(?:\.\d+)?)\s*(?:req(?:uests)?/s|rps)\b", re.IGNORECASE)
_LAST_NUMBER = re.compile(r"(?<!job)[-_](\d+(?:\.\d+)?)$")  # job-2 is the second one


class Sending(NamedTuple):
    """One workload; None where it is not known. `start_s` counts from the run's start, and is None in a sequence."""

    name: str
    start_s: float | None = None
    duration_s: float | None = None
    rate_per_s: float | None = None
    rate_from: str | None = None


class Schedule(NamedTuple):
    """The load of a run, in the order of its starts.

    Attributes
    ----------
    how
        `parallel` (at planned times) or `sequential` (each after the one before it); empty if nothing is known.
    source
        `run.json`, `config`, or empty.
    otherwise
        Workloads that did not send as planned: they failed, were interrupted, or could not be stopped.
    """

    how: str = ""
    source: str = ""
    workloads: tuple[Sending, ...] = ()
    otherwise: tuple[str, ...] = ()


def schedule_of(
    record: Mapping[str, Any],
    config: Mapping[str, Any],
    results: Sequence[Result] = (),
    manifests: Mapping[str, Mapping[str, Any]] | None = None,
    text: str = "",
) -> Schedule:
    """The load of a run.

    Parameters
    ----------
    record, config
        See `Experiment`.
    results
        What the load generators say.
    manifests
        Those that can be read, by the path that the config has.
    text
        The config as it was written, with its comments.
    """
    recorded = objects_in(record.get("workloads"))
    if recorded:
        return _recorded(recorded, is_cut_short=record.get("status") == "interrupted")
    workloads = objects_in(config.get("workloads"))
    if not workloads:
        return Schedule()
    is_parallel = any("start_delay" in work or "duration" in work for work in workloads)
    found = list(_configured(workloads, is_parallel, results, manifests or {}, text))
    return Schedule(PARALLEL if is_parallel else SEQUENTIAL, CONFIG, tuple(_in_order(found)))


def schedule_as_json(schedule: Schedule) -> dict[str, Any]:
    """A load for summary.json."""
    return {
        **schedule._asdict(),
        "workloads": [each._asdict() for each in schedule.workloads],
        "otherwise": list(schedule.otherwise),
    }


def _recorded(workloads: Sequence[Mapping[str, Any]], is_cut_short: bool) -> Schedule:
    is_sequence = any(work.get("how") == SEQUENTIAL for work in workloads)
    found = []
    for work in workloads:
        start, end = _number(work.get("planned_start_s")), _number(work.get("planned_end_s"))
        duration = _number(work.get("sending_s"))
        if duration is None and start is not None and end is not None:
            duration = end - start
        rate = _number(work.get("rate_per_s"))
        name = str(work.get("name"))
        found.append(Sending(name, None if is_sequence else start, duration, rate, None if rate is None else RECORD))
    otherwise = [str(work.get("name")) for work in workloads if _was_otherwise(work, is_cut_short)]
    how = SEQUENTIAL if is_sequence else PARALLEL
    return Schedule(how, RECORD, tuple(_in_order(found)), tuple(otherwise))


def _was_otherwise(work: Mapping[str, Any], is_cut_short: bool) -> bool:
    """Whether it did not send as planned; of an interrupted run that is also what had not begun yet."""
    result = work.get("result")
    return result in _OTHER_LOAD or (is_cut_short and result not in _AS_PLANNED)


def _configured(
    workloads: Sequence[Mapping[str, Any]],
    is_parallel: bool,
    results: Sequence[Result],
    manifests: Mapping[str, Mapping[str, Any]],
    text: str,
) -> Iterator[Sending]:
    for work in workloads:
        manifest = str(work.get("job_manifest") or "")
        looked_for = {
            CONFIG: _number(work.get("rate")),
            JOB_LOG: _logged_rate(work, results),
            MANIFEST: _manifest_rate(manifests.get(manifest, {})),
            NAME: _named_rate(work, manifest, text),
        }
        source = next((source for source, rate in looked_for.items() if rate), None)
        start = (seconds(work.get("start_delay", 0))) if is_parallel else None
        rate = looked_for[source] if source else None
        yield Sending(str(work.get("name")), start, seconds(work.get("duration")), rate, source)


def _logged_rate(work: Mapping[str, Any], results: Sequence[Result]) -> float | None:
    """Of the Jobs of a workload, if they agree; several clients of one workload share its rate, so they are not asked.

    The log is named after the workload, or, in older captures, begins with the name of the Job.
    """
    found = [each.rate_per_s for each in results if is_of(work, each.job)]
    return found[0] if len(found) == 1 else None


def is_of(work: Mapping[str, Any], job: str) -> bool:
    """Whether a Job's log is of a workload: by its name, or by all words of its manifest's name, in order."""
    if job == work.get("name"):
        return True
    words = [word for word in re.split(r"[-_]", PurePath(str(work.get("job_manifest") or "")).stem) if word != "job"]
    rest = iter(re.split(r"[-_]", job))
    return bool(words) and all(word in rest for word in words)


def _manifest_rate(manifest: Mapping[str, Any]) -> float | None:
    containers = objects_in(dig(manifest, ("spec", "template", "spec", "containers")))
    rows = [row for container in containers for row in objects_in(container.get("env"))]
    return next((_number(row.get("value")) for row in rows if row.get("name") == "REQUEST_RATE"), None)


def _named_rate(work: Mapping[str, Any], manifest: str, text: str) -> float | None:
    said = [_PER_S.search(comment) for comment in _comments(manifest, text)]
    said.append(_PER_S.search(str(work.get("description") or "")))
    said.append(_LAST_NUMBER.search(PurePath(manifest).stem))
    return next((float(found[1]) for found in said if found and float(found[1]) > 0), None)


def _comments(manifest: str, text: str) -> Iterator[str]:
    """What is written behind a manifest in the config."""
    for line in text.splitlines():
        before, mark, comment = line.partition("#")
        if manifest and mark and before.strip(" -\"'").endswith(manifest):
            yield comment


def seconds(value: Any) -> float | None:
    """A duration as configs have it: a number of seconds, or a text such as `90s` or `5m`."""
    said = seconds_in(value) if isinstance(value, str) else None
    return _number(value) if said is None else float(said)


def _number(value: Any) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        found = float(value)
    except ValueError:
        return None
    return found if 0 <= found < float("inf") else None


def _in_order(found: Sequence[Sending]) -> list[Sending]:
    """By their starts; in a sequence as they stand. Names do not count: two that start together go by their rates."""
    return sorted(found, key=lambda each: (each.start_s or 0, each.start_s is not None and (each.rate_per_s or 0)))


def is_cut(plan: Mapping[str, Any]) -> bool:
    """Whether a workload was ended before its client had told anything."""
    return plan.get("result") == "cut" or plan.get("cut") is True


def has_run(plan: Mapping[str, Any]) -> bool:
    """Whether a workload may have sent anything: not one whose Job was created and whose container never ran."""
    if "running_start" in plan:  # older records do not tell
        return bool(plan.get("running_start") or plan.get("sending_start"))
    return bool(plan.get("start"))


def sending_window(work: Mapping[str, Any]) -> tuple[datetime | None, datetime | None]:
    """When a workload of run.json sent: load is what is sent, not what a Job waits for before and after.

    From the first line of its container, else from when it was seen to run, else, in older records, from its Job's
    creation; for its planned time, but not beyond its end. None where that is not known, and of what never ran.
    """
    started = [work.get(key) for key in ("sending_start", "running_start", "start")] if has_run(work) else []
    start = parse_stamp(next((stamp for stamp in started if stamp), ""))
    end, planned_s = parse_stamp(work.get("end") or ""), work.get("sending_s")
    if start and isinstance(planned_s, (int, float)):
        planned = start + timedelta(seconds=planned_s)
        end = min(end, planned) if end else planned
    return start, end
