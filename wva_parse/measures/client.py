"""What the load generators of a run measured, all Jobs together.

Means of TTFT and TPOT are weighted by answered requests, those of ITL, a mean over tokens, by generated tokens;
percentiles of different Jobs are listed and never averaged. A Job without an answered request has no latency.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from typing import Any

from wva_parse.aligned.clients import WEIGHTED, weighted_mean
from wva_parse.log.benchmark import Client, Result

REACHED, PERHAPS_REACHED, NOT_REACHED = "reached", "may have been reached", "not reached"
QUEUED_MS = 1.0  # without a cap the client's own queue takes about 0.1 ms


def cap_of(result: Result) -> str | None:
    """Whether the cap of concurrent requests was reached; None without a cap, or where the table does not tell.

    The printed peak counts all requests that touch a second, so it overstates by those that come and go within it,
    about as many as are sent in one. From 0.30 on some tables tell how long requests waited in the client, which
    decides. Of several clients each has its own cap, and the gravest of their answers counts.
    """
    if result.clients:
        caps = [cap_of(each) for each in result.clients]
        return next((cap for cap in (REACHED, PERHAPS_REACHED, NOT_REACHED) if cap in caps), None)
    cap, peak = result.max_concurrency, result.peak_concurrency
    if cap is None or (result.prompts is not None and cap >= result.prompts):
        return None
    waited_ms = result.more.get("mean_client_queue_time_ms")
    if waited_ms is not None:
        return REACHED if waited_ms > QUEUED_MS else NOT_REACHED
    if peak is None:
        return None
    if peak < cap:
        return NOT_REACHED
    return REACHED if peak >= cap + (result.rate_per_s or 0) else PERHAPS_REACHED


def summarize_client(client: Client) -> dict[str, Any] | None:
    """The client side for summary.json; None if there are no Job logs.

    Returns
    -------
    dict
        `completed`, `failed`, `lost`, the `WEIGHTED` means, `jobs` (all numbers of each result, the reasons of failed
        requests that it lists, and, of a workload with several, the same of each of its `clients`), `without_result`,
        and `without_reasons`: why, by Job.
    """
    if not client.results and not client.without:
        return None
    return {
        "completed": _total(client.results, "completed"),
        "failed": _total(client.results, "failed"),
        **{name: weighted_mean(client.results, name) for name in WEIGHTED},
        "lost": _total(client.results, "lost"),
        "sent": _sent(client.results),
        "capped": [each.job for each in client.results if cap_of(each) == REACHED],
        "jobs": [_job(each) for each in client.results],
        "without_result": [each.job for each in client.without],
        "without_reasons": {each.job: each.why for each in client.without},
        "perhaps_capped": [each.job for each in client.results if cap_of(each) == PERHAPS_REACHED],
    }


def sent_of(result: Result) -> float | None:
    """Requests that a client sent or was to send; None if it tells neither."""
    if result.prompts is not None:
        return result.prompts
    if result.completed is None or result.failed is None:
        return None
    return result.completed + result.failed


def _sent(results: Sequence[Result]) -> float | None:
    """Requests of all Jobs: what they were told to send, else answered and failed ones; None if one is unknown."""
    told = [sent_of(each) for each in results]
    known = [each for each in told if each is not None]
    return sum(known) if len(known) == len(told) and told else None


def _job(result: Result) -> dict[str, Any]:
    own = {field.name: getattr(result, field.name) for field in fields(result)}
    more, reasons, clients = own.pop("more"), own.pop("reasons"), own.pop("clients")
    listed = [{"reason": reason, "count": count} for reason, count in reasons]
    told = {"sent": sent_of(result), "cap": cap_of(result)}
    several = {"clients": [_job(each) for each in clients]} if clients else {}
    return {**more, **own, "lost": result.lost, "reasons": listed, **told, **several}


def _total(results: Sequence[Result], name: str) -> float | None:
    known = [getattr(each, name) for each in results if getattr(each, name) is not None]
    return sum(known) if known else None
