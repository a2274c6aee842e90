"""Several clients of one workload: what each of them measured, merged into the workload's result.

Counts, rates and throughputs are sums, as all of them sent at the same time. Means are weighted by what they are of.
Percentiles are computed anew from the records of all requests; where one of the clients has no records, and of ITL,
which no record has, they are left to the clients, as no percentile follows from percentiles. So are peaks, which the
clients need not have had at the same moment.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import fields
from typing import Any, NamedTuple

from wva_parse.log.benchmark import Client, Result, Without
from wva_parse.log.requests import Records

# What each mean is of.
WEIGHTED = {"mean_ttft_ms": "completed", "mean_tpot_ms": "completed", "mean_itl_ms": "output_tokens"}
_MEANS = (*WEIGHTED, "mean_e2el_ms", "mean_client_queue_time_ms", "mean_e2el_including_client_queue_ms")
_SUMS = (
    *("completed", "failed", "rate_per_s", "max_concurrency", "input_tokens", "output_tokens", "throughput_per_s"),
    *("goodput_per_s", "output_tokens_per_s", "tokens_per_s", "prompts"),
)
_PERCENTILE = re.compile(r"(?:median|p(\d+(?:\.\d+)?))_(ttft|tpot|e2el)_ms")
_COLUMNS = {"ttft": "ttft_ms", "tpot": "tpot_ms", "e2el": "e2e_ms"}
_FILE = re.compile(r"(.+)\.client-(\d+)")
_OF_RESULT = frozenset(each.name for each in fields(Result))
_OF_CLIENTS = re.compile(r"clients? ((?:\d+, )*\d+): ")
NO_LOG = "its log is missing"


class Name(NamedTuple):
    """Whose a file is: a workload, and if that has several clients, which of them."""

    workload: str
    client: int | None = None


def name_of(stem: str) -> Name:
    """What a file of job-logs/ or requests/ is called after; the name of a workload has no dot."""
    found = _FILE.fullmatch(stem)
    return Name(found[1], int(found[2])) if found else Name(stem)


def reason_of(name: Name, reason: str) -> str:
    """What run.json's reason, `client 1: …; client 0, 2: …`, says of a workload, or of one of its clients."""
    if name.client is None:
        return reason
    parts = [(part, _OF_CLIENTS.match(part)) for part in reason.split("; ")]
    return "; ".join(part for part, whose in parts if whose and str(name.client) in whose[1].split(", "))


def weighted_mean(results: Iterable[Result], name: str) -> float | None:
    """Mean of a mean, weighted by what it is of (`WEIGHTED`); None if no result has it.

    Where a client does not print its tokens, all are weighted by answered requests.
    """
    known = [each for each in results if _value(each, name) is not None and each.completed]
    weights = [getattr(each, WEIGHTED.get(name, "completed")) for each in known]
    if None in weights:
        weights = [each.completed for each in known]
    weight = sum(weights)
    means = (_value(each, name) or 0.0 for each in known)
    return float(sum(value * count for value, count in zip(means, weights, strict=True)) / weight) if weight else None


def merge_clients(client: Client, recorded: Mapping[str, Records], works: Iterable[Mapping[str, Any]]) -> Client:
    """The results by workload.

    Parameters
    ----------
    client, recorded
        By the names of their files, in `job-logs/` and `requests/`.
    works
        The workloads of run.json: how many clients each should have had.

    Returns
    -------
    Client
        A workload of several clients has one result, with those of its clients in it; a client without a result is
        listed by the name of its file, or if none has one, the workload once.
    """
    planned = {str(work.get("name")): work for work in works}
    results: dict[str, list[Result]] = {}
    for each in client.results:
        results.setdefault(name_of(each.job).workload, []).append(each)
    without: dict[str, list[Without]] = {}
    for missing in [*client.without, *_without_log(client, planned)]:
        without.setdefault(name_of(missing.job).workload, []).append(missing)
    return Client(
        tuple(merged for name, found in results.items() for merged in _merged(name, found, recorded)),
        tuple(each for name, found in without.items() for each in _all_without(name, found, name in results)),
    )


def clients_of(work: Mapping[str, Any]) -> int:
    """How many clients a workload of run.json was planned with."""
    count = work.get("clients")
    return count if isinstance(count, int) else 1


def partial_results(client: Client, works: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    """Of each workload that not all clients have left a result of, that it is so, and why."""
    results = {each.job: len(each.clients) for each in client.results if each.clients}
    for work in works:
        name, count = str(work.get("name")), clients_of(work)
        if 0 < results.get(name, 0) < count:
            reasons = [
                f"client {name_of(each.job).client}: {each.why}"
                for each in client.without
                if name_of(each.job).workload == name
            ]
            yield f"Workload {name}: results of {results[name]} of {count} clients ({'; '.join(reasons)})"


def _without_log(client: Client, planned: Mapping[str, Mapping[str, Any]]) -> Iterator[Without]:
    """Clients of which there is not even a log, of workloads that have others."""
    there = {name_of(each.job) for each in client.results} | {name_of(each.job) for each in client.without}
    for name, work in planned.items():
        numbers = range(clients_of(work)) if clients_of(work) > 1 else ()
        if any(Name(name, number) in there for number in numbers):
            missing = (number for number in numbers if Name(name, number) not in there)
            yield from (Without(f"{name}.client-{number}", "no log", NO_LOG) for number in missing)


def _all_without(name: str, found: Sequence[Without], has_results: bool) -> list[Without]:
    if has_results or any(name_of(each.job).client is None for each in found):
        return list(found)
    in_order = sorted(found, key=lambda each: name_of(each.job))
    numbers: dict[tuple[str, str], list[str]] = {}
    for each in in_order:
        numbers.setdefault((each.kind, each.why), []).append(str(name_of(each.job).client))
    if len(numbers) == 1:
        return [Without(name, in_order[0].kind, in_order[0].why)]
    said = (f"client {', '.join(those)}: {why}" for (_, why), those in numbers.items())
    return [Without(name, in_order[0].kind, "; ".join(said))]


def _merged(name: str, results: Sequence[Result], recorded: Mapping[str, Records]) -> Iterator[Result]:
    yield from (each for each in results if name_of(each.job).client is None)
    several = (each for each in results if name_of(each.job).client is not None)
    clients = sorted(several, key=lambda each: name_of(each.job))
    if not clients:
        return
    there = [recorded[each.job] for each in clients if each.job in recorded and recorded[each.job].sent]
    records = there if len(there) == len(clients) else []
    values: dict[str, float | None] = {each: _sum(clients, each) for each in _SUMS}
    values |= {each: weighted_mean(clients, each) for each in _MEANS if _all_tell(clients, each)}
    values |= _percentiles(clients, records)
    values["duration_s"] = _duration_s(clients, records)
    reasons = Counter[str]()
    for one in clients:
        reasons.update(dict(one.reasons))
    known = {each: value for each, value in values.items() if value is not None}
    yield Result(
        name,
        **{each: value for each, value in known.items() if each in _OF_RESULT},
        more={each: value for each, value in known.items() if each not in _OF_RESULT},
        reasons=tuple(reasons.most_common()),
        tool=next((one.tool for one in clients if one.tool), ""),
        clients=tuple(clients),
    )


def _value(result: Result, name: str) -> float | None:
    found = getattr(result, name) if name in _OF_RESULT else result.more.get(name)
    return None if found is None else float(found)


def _all_tell(results: Iterable[Result], name: str) -> bool:
    """Whether each client has it that has answers at all."""
    return all(_value(each, name) is not None for each in results if each.completed)


def _sum(results: Iterable[Result], name: str) -> float | None:
    """None where one of them does not tell: it would look like less."""
    values = [_value(each, name) for each in results]
    known = [value for value in values if value is not None]
    # Each is printed with few digits, and so is what they are together.
    return round(sum(known), 6) if len(known) == len(values) else None


def _percentiles(results: Sequence[Result], records: Sequence[Records]) -> dict[str, float | None]:
    """Those that every client prints, of the requests of all, as the client computes them."""
    if not records:
        return {}
    names = {*_OF_RESULT, *(name for each in results for name in each.more)}
    found: dict[str, float | None] = {}
    for name in sorted(names):
        match = _PERCENTILE.fullmatch(name)
        if match and _all_tell(results, name):
            column = _COLUMNS[match[2]]
            values = [value for each in records for value in each.columns[column] if not math.isnan(value)]
            found[name] = _percentile(values, float(match[1] or 50) / 100) if values else None
    return found


def _percentile(values: Iterable[float], share: float) -> float:
    """By linear interpolation, as vLLM's client has it from NumPy; which nobody needs who only asks for names here."""
    in_order = sorted(values)
    at = share * (len(in_order) - 1)
    below, above = in_order[math.floor(at)], in_order[math.ceil(at)]
    return below + (above - below) * (at - math.floor(at))


def _duration_s(results: Sequence[Result], records: Sequence[Records]) -> float | None:
    """The longest one's; where all clocks tell, not less than from the first request of any to the last answer."""
    known = [each.duration_s for each in results if each.duration_s is not None]
    spans = [span for each in records if (span := _span_s(each))]
    if spans and len(spans) == len(results):
        known.append(round(max(end for _, end in spans) - min(start for start, _ in spans), 3))
    return max(known, default=None)


def _span_s(records: Records) -> tuple[float, float] | None:
    """From the first request to the last answer, s since 1970."""
    sent = zip(records.columns["start_s"], records.columns["e2e_ms"], strict=True)
    answers = [end for start_s, e2e_ms in sent if not math.isnan(end := start_s + e2e_ms / 1000)]
    if records.clock is None or not answers:
        return None
    return records.clock.wall_s, records.clock.wall_s + max(answers)
