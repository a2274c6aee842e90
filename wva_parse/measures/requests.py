"""What clients felt, request by request: shares, pooled percentiles, requests within the SLO, goodput.

Shares are of all requests that were sent and are recorded. A failed request has no latency, and is in every share;
one of which nothing is known is in neither: the share within the SLO has bounds, as if all of them had been within it
or none, and goodput, which is over the time in which they were sent as well, is a lower bound. Percentiles are over
answered requests, pooled over workloads, by linear interpolation, as vLLM's own client computes them. Workloads that
warm up are told apart and are in no number here.

References
----------
Goodput as requests that meet their objectives per second: Zhong et al., "DistServe", OSDI 2024. TPOT of a request:
(end-to-end - TTFT) / (output tokens - 1), `vllm/benchmarks/serve.py`.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from wva_parse.aligned.experiment import Experiment
from wva_parse.aligned.objectives import Slo
from wva_parse.aligned.requests import Requests
from wva_parse.log.benchmark import Client

LATENCIES = ("ttft_ms", "tpot_ms", "e2e_ms")
PERCENTILES = (50, 90, 95, 99)
# Which objective a latency is judged by.
OBJECTIVES = {"ttft_ms": "ttft_ms", "tpot_ms": "itl_ms"}


def pooled(requests: Requests) -> pd.DataFrame:
    """The records of all workloads but those that warm up."""
    return requests.records[~requests.records["warmup"]]


def latency(records: pd.DataFrame, column: str) -> NDArray[np.float64]:
    """A latency of the answered requests that have it."""
    values: NDArray[np.float64] = records.loc[records["answered"], column].to_numpy("float64")
    known: NDArray[np.float64] = values[~np.isnan(values)]
    return known


def statistics(values: NDArray[np.float64]) -> dict[str, float] | None:
    """Mean and `PERCENTILES` by linear interpolation; None of no values."""
    if not len(values):
        return None
    found = np.percentile(values, PERCENTILES)
    return {
        "mean": float(values.mean()),
        **{f"p{which}": float(value) for which, value in zip(PERCENTILES, found, strict=True)},
    }


def met(records: pd.DataFrame, slo: Slo, column: str) -> pd.Series | None:
    """Whether each request met the objective for its TTFT or TPOT; None if there is no such objective.

    A failed request met none. An answered one without a TPOT, of a single token, is judged by its TTFT alone.
    """
    limit = getattr(slo, OBJECTIVES[column])
    if limit is None:
        return None
    values = records[column]
    is_met: pd.Series = values <= limit
    if column == "tpot_ms":
        is_met |= values.isna()
    return is_met & records["answered"]


def within_slo(records: pd.DataFrame, slo: Slo) -> pd.Series | None:
    """Whether each request was within the SLO: met every objective that there is; None if none is known."""
    judged = [found for column in OBJECTIVES if (found := met(records, slo, column)) is not None]
    return pd.concat(judged, axis="columns").all(axis="columns") if judged else None


def union_s(spans: Iterable[tuple[float, float]]) -> float:
    """Length of the union of spans of time, in their unit."""
    total, reached = 0.0, -math.inf
    for start, end in sorted(spans):
        total += max(end - max(start, reached), 0)
        reached = max(reached, end)
    return total


def sending_s(requests: Requests) -> float | None:
    """Length of the union of the sending windows of all workloads that sent, s; None if one of them is not known.

    Those of which nothing is recorded, cut or failed, sent as well: what is recorded was within a part of the time.
    """
    mine = [each for each in requests.workloads if (each.recorded or each.unknown) and not each.warmup]
    if len(mine) == 1 and not math.isnan(mine[0].sending_s):
        return mine[0].sending_s or None  # where its window lies does not matter
    spans = [(60 * each.start_minutes, 60 * each.start_minutes + each.sending_s) for each in mine]
    if not spans or any(math.isnan(end) for _, end in spans):
        return None
    return union_s(spans) or None


def per_minute(records: pd.DataFrame, slo: Slo) -> pd.DataFrame:
    """What the requests felt that were sent in each minute of the run's axis.

    Returns
    -------
    DataFrame
        `minute` (its start), `sent, answered, failed, within_slo` (NaN if there is no SLO), and of TTFT and TPOT
        `ttft_p10_ms, ttft_p50_ms, ttft_p90_ms, ttft_p99_ms, …`, one row per minute in which something was sent.
    """
    known = records[records["minutes"].notna()]
    within = within_slo(known, slo)
    rows = []
    for minute, mine in known.groupby(np.floor(known["minutes"]), sort=True):
        answered = int(mine["answered"].sum())
        row: dict[str, float] = {
            "minute": float(minute),
            "sent": len(mine),
            "answered": answered,
            "failed": len(mine) - answered,
            "within_slo": float(within[mine.index].sum()) if within is not None else math.nan,
        }
        for name, which in _BANDS:
            values = latency(mine, f"{name}_ms")
            row[f"{name}_p{which}_ms"] = float(np.percentile(values, which)) if len(values) else math.nan
        rows.append(row)
    columns = ["minute", "sent", "answered", "failed", "within_slo", *(f"{name}_p{which}_ms" for name, which in _BANDS)]
    return pd.DataFrame(rows, columns=columns, dtype="float64")


_BANDS = [(name, which) for name in ("ttft", "tpot") for which in (10, 50, 90, 99)]


def ready_when_sent(records: pd.DataFrame, ready: pd.DataFrame) -> pd.Series:
    """The replicas that were ready when each request was sent; NaN before the first time that they are known.

    Parameters
    ----------
    ready : DataFrame
        `minutes` and `ready`; each value holds until the next.
    """
    steps = ready.dropna(subset=["minutes", "ready"]).sort_values("minutes", kind="stable")
    if not len(steps):
        return pd.Series(np.nan, index=records.index)
    at = np.searchsorted(steps["minutes"].to_numpy(float), records["minutes"].to_numpy(float), side="right") - 1
    values = np.where(at >= 0, steps["ready"].to_numpy(float)[np.maximum(at, 0)], np.nan)
    return pd.Series(values, index=records.index).where(records["minutes"].notna())


def ready_replicas(run: Experiment) -> pd.DataFrame:
    """`minutes, ready` over the run; the last sample before the run's window holds until the first one in it."""
    known = run.supply.steps[["minutes", "ready"]].dropna()
    if run.samples.ready_at_start is None or run.window.start is None:
        return known
    start = (run.window.start - run.frames.zero).total_seconds() / 60
    first = pd.DataFrame({"minutes": [start], "ready": [run.samples.ready_at_start]})
    return pd.concat([first, known], ignore_index=True)


def reasons(client: Client) -> list[dict[str, Any]]:
    """Why requests failed, as far as the clients' lists (of ten each) tell, the most frequent first."""
    counted = Counter[str]()
    for result in client.results:
        counted.update(dict(result.reasons))
    return [{"reason": reason, "count": count} for reason, count in counted.most_common()]


def summarize_requests(requests: Requests, slo: Slo, client: Client) -> dict[str, Any] | None:
    """The requests for summary.json; None if nothing is known of single ones.

    Returns
    -------
    dict
        `sent, answered, failed` of the records, the `…_share` of all sent, `unknown` (of which nothing is known),
        `within_slo`, `within_slo_share` (with `…_min` and `…_max`, of all), `sending_s`, `goodput_per_s`,
        `ttft_ms, tpot_ms, e2e_ms` (`statistics`), `reasons`, `workloads`, each with its counts, and `warmup`: what was
        sent to warm up, in none of the numbers.
    """
    if not requests.are_known:
        return None
    records = pooled(requests)
    sent, answered = len(records), int(records["answered"].sum())
    within = within_slo(records, slo)
    good = int(within.sum()) if within is not None and sent else None
    window_s = sending_s(requests)
    unknown = sum(each.unknown for each in requests.workloads if not each.warmup)
    warmups = {each.workload for each in requests.workloads if each.warmup}
    return {
        "sent": sent,
        "answered": answered,
        "failed": sent - answered,
        "unknown": unknown,
        "answered_share": answered / sent if sent else None,
        "failed_share": (sent - answered) / sent if sent else None,
        "within_slo": good,
        "within_slo_share": good / sent if good is not None else None,
        "within_slo_share_min": good / (sent + unknown) if good is not None else None,
        "within_slo_share_max": (good + unknown) / (sent + unknown) if good is not None else None,
        "sending_s": window_s,
        "goodput_per_s": good / window_s if good is not None and window_s else None,
        **{column: statistics(latency(records, column)) for column in LATENCIES},
        "reasons": reasons(Client(tuple(each for each in client.results if each.job not in warmups))),
        "workloads": [_workload(requests, each.workload, slo) for each in requests.workloads],
        "warmup": _warmup(requests),
    }


def attainment(requests: Requests, slo: Slo) -> dict[str, float] | None:
    """Share of all requests sent that met each objective, `itl` and `ttft`; None without records or an SLO."""
    records = pooled(requests)
    judged = {name: met(records, slo, column) for name, column in (("itl", "tpot_ms"), ("ttft", "ttft_ms"))}
    known = {name: float(found.mean()) for name, found in judged.items() if found is not None and len(found)}
    return known or None


def _workload(requests: Requests, name: str, slo: Slo) -> dict[str, Any]:
    (each,) = [each for each in requests.workloads if each.workload == name]
    records = requests.records[requests.records["workload"] == name]
    answered, within = int(records["answered"].sum()), within_slo(records, slo)
    return {
        "workload": name,
        "warmup": each.warmup,
        "cut": each.cut,
        "sent": each.recorded,
        "answered": answered,
        "failed": each.recorded - answered,
        "unknown": each.unknown,
        "within_slo": int(within.sum()) if within is not None and each.recorded else None,
        **{column: statistics(latency(records, column)) for column in LATENCIES},
    }


def _warmup(requests: Requests) -> dict[str, int] | None:
    mine = [each for each in requests.workloads if each.warmup]
    if not mine:
        return None
    records = requests.records[requests.records["warmup"]]
    answered = int(records["answered"].sum())
    return {
        "sent": len(records),
        "answered": answered,
        "failed": len(records) - answered,
        "unknown": sum(each.unknown for each in mine),
    }
