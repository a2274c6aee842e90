"""What the load generators of a run measured, all Jobs together.

Means of several Jobs are weighted by their answered requests; percentiles of different Jobs are listed and never
averaged.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import fields
from typing import Any

from wva_parse.log.benchmark import Client, Result

WEIGHTED = ("mean_ttft_ms", "mean_tpot_ms", "mean_itl_ms")


def weighted_mean(results: Iterable[Result], name: str) -> float | None:
    """Mean of a mean, weighted by answered requests; None if no result has it."""
    known = [(getattr(each, name), each.completed) for each in results if getattr(each, name) is not None]
    weight = sum(count for _, count in known if count)
    return sum(value * count for value, count in known if count) / weight if weight else None


def summarize_client(client: Client) -> dict[str, Any] | None:
    """The client side for summary.json; None if there are no Job logs.

    Returns
    -------
    dict
        `completed`, `failed`, the `WEIGHTED` means, `jobs` (all fields of each result) and `without_result`.
    """
    if not client.results and not client.without:
        return None
    return {
        "completed": _total(client.results, "completed"),
        "failed": _total(client.results, "failed"),
        **{name: weighted_mean(client.results, name) for name in WEIGHTED},
        "jobs": [{field.name: getattr(each, field.name) for field in fields(each)} for each in client.results],
        "without_result": list(client.without),
    }


def _total(results: Sequence[Result], name: str) -> float | None:
    known = [getattr(each, name) for each in results if getattr(each, name) is not None]
    return sum(known) if known else None
