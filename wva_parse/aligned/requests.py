"""Requests of all workloads on the run's axis of time, and of how many nothing is known.

Latencies are ms, `minutes` count from the common zero of all frames and are those of the send. A request is answered
or has failed; of one without a record neither is known.
"""

from __future__ import annotations

import math
import re
from collections.abc import Container, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import PurePath
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from wva_parse.aligned.clients import name_of
from wva_parse.aligned.schedule import has_run, is_cut, sending_window
from wva_parse.log.benchmark import Client
from wva_parse.log.lines import parse_stamp
from wva_parse.log.requests import Records, against_table

REQUEST_COLUMNS = (
    "workload",
    "warmup",
    "start_s",
    "minutes",
    "ttft_ms",
    "tpot_ms",
    "e2e_ms",
    "input_tokens",
    "output_tokens",
    "answered",
)
_CALLED = {"in": "input_tokens", "out": "output_tokens", "ok": "answered"}
CLOCKS_APART_S = 5  # run.json has whole seconds, and a Job's end is seen late

_WARMUP = re.compile(r"warm-?up", re.IGNORECASE)
_WARMUP_MANIFEST = re.compile(r"(?:.*[-_])?warm[-_]?up", re.IGNORECASE)


class Sent(NamedTuple):
    """A workload: what of its requests is recorded, and of how many nothing is known.

    `listed`: whether there is a file of its records, which may be empty. `lost`: whether there is none because it
    failed or was cut, where run.json tells what was to be sent.
    `start_minutes` and `sending_s` are its sending window: from the first send to the end of the planned sending, or
    to the last send where that was later; without a record, the planned one (`sending_window`). NaN where it is not
    known.
    """

    workload: str
    warmup: bool
    cut: bool
    listed: bool
    lost: bool
    recorded: int
    unknown: int
    start_minutes: float
    sending_s: float


@dataclass(frozen=True)
class Requests:
    """What is known of single requests.

    Attributes
    ----------
    records : DataFrame
        `REQUEST_COLUMNS`, a row per recorded request, by workload in the order of sending.
    workloads
        Each workload that has records, or of which it is known how many it should have.
    problems
        What is missing or does not fit, one sentence each.
    """

    records: pd.DataFrame
    workloads: tuple[Sent, ...] = ()
    problems: tuple[str, ...] = ()

    @property
    def are_known(self) -> bool:
        """Whether there is anything to say of single requests; a run whose clients never tell them has nothing.

        Where every workload failed or was cut, what its client would have told is not known.
        """
        is_all_lost = bool(self.workloads) and all(each.lost for each in self.workloads)
        return is_all_lost or any(each.listed or each.cut for each in self.workloads)


def no_requests() -> Requests:
    """Of a run without records."""
    return Requests(_frame([]))


def make_requests(
    recorded: Mapping[str, Records], work: Iterable[Mapping[str, Any]], client: Client, zero: pd.Timestamp
) -> Requests:
    """Requests of a run.

    Parameters
    ----------
    recorded
        By the name of the file in `requests/`: `<workload>`, or `<workload>.client-<index>` of several clients
        (`<workload>-<index>` of Jobs that somebody has split by hand).
    work
        The workloads of `run.json`; empty where there is none.
    client
        The clients' tables, by the same names: records are held against them.
    zero
        Time 0 of all frames.
    """
    tables = {result.job: result for result in client.results}
    rest, parts, sent, problems = dict(recorded), list[pd.DataFrame](), list[Sent](), list[str]()
    plans = list(work)
    names = {str(plan.get("name")) for plan in plans}
    for plan in [*plans, *({"name": name_of(stem).workload} for stem in recorded)]:
        name = str(plan.get("name"))
        mine = [stem for stem in rest if _is_of(stem, name, names)]
        own = {stem: rest.pop(stem) for stem in mine}
        cut = is_cut(plan)
        if not own and not (has_run(plan) and (cut or plan.get("prompts"))):
            continue  # it has sent nothing, or nobody knows how much
        warmup = is_warmup(plan)
        frames = [_rows(records, name, warmup, zero) for records in own.values()]
        parts += _in_one_stream(frames)
        for stem, records in own.items():
            problems += records.problems
            problems += [
                problem
                for problem in against_table(records, tables.get(stem), f"requests/{stem}.csv")
                if not records.problems
            ]
        problems += _misfits(frames, plan, name, zero)
        counted = sum(_counted(tables[stem]) for stem in own if stem in tables)
        expected = _number(plan.get("prompts")) or counted
        count = sum(len(frame) for frame in frames)
        sent.append(
            Sent(
                workload=name,
                warmup=warmup,
                cut=cut,
                listed=bool(own),
                lost=not own and _was_to_tell(plan),
                recorded=count,
                unknown=max(round(expected) - count, 0),
                **(_window(frames, plan, count) if count else _planned_window(plan, zero)),
            )
        )
    if plans:
        strangers = [stem for stem in recorded if not any(_is_of(stem, each, names) for each in names)]
        problems += [f"The records of {stem} belong to no workload of run.json" for stem in strangers]
    return Requests(_frame(parts), tuple(sent), tuple(problems))


def _is_of(stem: str, name: str, names: Container[str]) -> bool:
    """Whether a file is of a workload, or of one of its clients."""
    is_split = stem not in names and re.fullmatch(rf"{re.escape(name)}-\d+", stem) is not None
    return stem == name or name_of(stem).workload == name or is_split


def _was_to_tell(plan: Mapping[str, Any]) -> bool:
    ended_early = plan.get("result") in ("cut", "failed") or is_cut(plan)
    return ended_early and bool(_number(plan.get("prompts")) and _number(plan.get("sending_s")))


def _misfits(frames: list[pd.DataFrame], plan: Mapping[str, Any], name: str, zero: pd.Timestamp) -> Iterator[str]:
    """Where the records cannot be those of what run.json tells."""
    count, prompts = sum(len(frame) for frame in frames), _number(plan.get("prompts"))
    if prompts and count > prompts:
        yield f"Workload {name} has {count} records where {prompts:.0f} requests were to be sent"
    starts = [start for frame in frames if not math.isnan(start := frame.attrs["start_minutes"])]
    created, ended = (parse_stamp(str(plan.get(key) or "")) for key in ("start", "end"))
    if not starts:
        return
    first = zero + pd.Timedelta(minutes=min(starts))
    early_s = (pd.Timestamp(created) - first).total_seconds() if created else 0
    late_s = (first - pd.Timestamp(ended)).total_seconds() if ended else 0
    if max(early_s, late_s) > CLOCKS_APART_S:
        when = (
            f"{early_s:.0f} s before its Job was created" if early_s > late_s else f"{late_s:.0f} s after its Job ended"
        )
        yield (
            f"Workload {name} sent its first request {when}: the clocks of its node and of the cluster differ, so when "
            "its requests were sent and goodput are not to be trusted"
        )


def is_warmup(plan: Mapping[str, Any]) -> bool:
    """Whether a workload is there to warm up: it is called `warmup` or `warm-up`, or its manifest's name ends so."""
    manifests = (PurePath(str(plan.get(key) or "")).stem for key in ("manifest", "job_manifest"))
    return bool(_WARMUP.fullmatch(str(plan.get("name")))) or any(map(_WARMUP_MANIFEST.fullmatch, manifests))


def _counted(result: Any) -> float:
    if result.prompts is not None:
        return float(result.prompts)
    return float((result.completed or 0) + (result.failed or 0))


def _rows(records: Records, name: str, warmup: bool, zero: pd.Timestamp) -> pd.DataFrame:
    columns = {_CALLED.get(key, key): np.array(values, dtype="float64") for key, values in records.columns.items()}
    frame = pd.DataFrame(columns)
    wall_s = records.clock.wall_s if records.clock else math.nan
    zero_s = zero.timestamp() if not pd.isna(zero) else math.nan
    frame["minutes"] = (wall_s + frame["start_s"] - zero_s) / 60
    # Where the client tells no send times, the clock line still says when the first was sent.
    frame.attrs["start_minutes"] = (wall_s - zero_s) / 60
    return frame.assign(workload=name, warmup=warmup, answered=frame["answered"] == 1)


def _in_one_stream(frames: list[pd.DataFrame]) -> list[pd.DataFrame]:
    """The requests of several clients in the order of sending, all counted from the first one, if their clocks tell.

    The frames themselves count so afterwards, too.
    """
    starts = [float(frame.attrs["start_minutes"]) for frame in frames]
    if len(frames) < 2 or any(map(math.isnan, starts)):
        return frames
    for frame, start in zip(frames, starts, strict=True):
        frame["start_s"] = (frame["start_s"] + (start - min(starts)) * 60).round(3)  # as they were written
    bare = [frame.copy() for frame in frames]
    for frame in bare:
        frame.attrs = {}  # pandas compares them
    return [pd.concat(bare, ignore_index=True).sort_values("start_s", kind="stable", ignore_index=True)]


def _frame(parts: list[pd.DataFrame]) -> pd.DataFrame:
    if parts:
        return pd.concat(parts, ignore_index=True)[list(REQUEST_COLUMNS)]
    types = dict.fromkeys(REQUEST_COLUMNS, "float64") | {"workload": "object", "warmup": "bool", "answered": "bool"}
    return pd.DataFrame({name: pd.Series([], dtype=kind) for name, kind in types.items()})


def _window(frames: list[pd.DataFrame], plan: Mapping[str, Any], count: int) -> dict[str, float]:
    starts = [float(frame.attrs["start_minutes"]) for frame in frames]
    last_s = [float(frame["start_s"].max()) for frame in frames if frame["start_s"].notna().any()]
    planned_s = _number(plan.get("sending_s"))
    rate = _number(plan.get("rate_per_s"))
    if planned_s is None and not last_s and rate:
        planned_s = count / rate
    known = [*last_s, *([planned_s] if planned_s is not None else [])]
    return {
        "start_minutes": min(starts) if starts else math.nan,
        "sending_s": max(known) if known else math.nan,
    }


def _planned_window(plan: Mapping[str, Any], zero: pd.Timestamp) -> dict[str, float]:
    prompts, rate = _number(plan.get("prompts")), _number(plan.get("rate_per_s"))
    planned_s = _number(plan.get("sending_s")) or (prompts / rate if prompts and rate else None)
    start, end = sending_window({**plan, "sending_s": planned_s})
    if start is None or end is None or planned_s is None:
        return {"start_minutes": math.nan, "sending_s": math.nan}
    return {
        "start_minutes": (pd.Timestamp(start) - zero).total_seconds() / 60,
        "sending_s": max((end - start).total_seconds(), 0),
    }


def _number(value: Any) -> float | None:
    return float(value) if isinstance(value, (int, float)) and not isinstance(value, bool) and value > 0 else None
