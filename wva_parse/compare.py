"""Several runs in one table: each cell is a number of one run's summary.json, in its place there."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

Summary = dict[str, Any]


class Figure(NamedTuple):
    """One line of the table: what it is, where in a summary it stands, how it is written."""

    label: str
    path: tuple[str, ...]
    text: Callable[[Any], str]


def _plain(value: Any) -> str:
    return str(value)


def _whole(value: Any) -> str:
    return f"{value:.0f}"


def _hundredths(value: Any) -> str:
    return f"{value:.2f}"


def _percent(value: Any) -> str:
    return f"{100 * value:.1f} %"


def _by_count(value: dict[str, int]) -> str:
    return ", ".join(f"{name} {count}" for name, count in value.items()) or "none"


FIGURES = (
    Figure("mode", ("mode",), _plain),
    Figure("simulated", ("simulated",), lambda value: "yes" if value else "no"),
    Figure("reconciliations", ("reconciliations",), _plain),
    Figure("usual interval, s", ("interval_s",), _hundredths),
    Figure("pairs, all", ("pairs", "all"), _plain),
    Figure("pairs, loaded", ("pairs", "loaded"), _plain),
    Figure("pairs, settled", ("pairs", "settled"), _plain),
    Figure("ITL MAE, settled, ms", ("accuracy", "settled", "itl", "mae_ms"), _hundredths),
    Figure("ITL bias, settled, ms", ("accuracy", "settled", "itl", "bias_ms"), _hundredths),
    Figure("TTFT MAE, settled, ms", ("accuracy", "settled", "ttft", "mae_ms"), _hundredths),
    Figure("SLO ITL, ms", ("slo", "itl_ms"), _hundredths),
    Figure("SLO TTFT, ms", ("slo", "ttft_ms"), _hundredths),
    Figure("loaded observations", ("slo", "loaded_observations"), _plain),
    Figure("ITL attainment", ("slo", "itl_attainment"), _percent),
    Figure("TTFT attainment", ("slo", "ttft_attainment"), _percent),
    Figure("decisions", ("actions",), _by_count),
    Figure("replicas, least", ("replicas", "min"), _whole),
    Figure("replicas, mean", ("replicas", "mean"), _hundredths),
    Figure("replicas, most", ("replicas", "max"), _whole),
    Figure("replica-seconds", ("replicas", "replica_seconds"), _whole),
    Figure("KV cache usage, mean", ("kv_cache", "mean"), _percent),
    Figure("KV cache usage, most", ("kv_cache", "max"), _percent),
    Figure("saturation events", ("kv_cache", "saturation_events"), _plain),
    Figure("queue length, mean", ("queue", "mean"), _hundredths),
    Figure("queue length, most", ("queue", "max"), _whole),
    Figure("failures logged", ("failures",), _by_count),
)


def describe(summary: Summary) -> Iterator[tuple[str, str]]:
    """Label and text of each figure that a run has."""
    for figure in FIGURES:
        value = _dig(summary, figure.path)
        if value is not None:
            yield figure.label, figure.text(value)


def table(summaries: Sequence[Summary]) -> str:
    """A Markdown table, one column per run; a figure that a run does not have is a dash."""
    lines = [
        "| | " + " | ".join(str(summary["run"]) for summary in summaries) + " |",
        "|---|" + "---:|" * len(summaries),
    ]
    for figure in FIGURES:
        values = [_dig(summary, figure.path) for summary in summaries]
        cells = ["–" if value is None else figure.text(value) for value in values]
        lines.append(f"| {figure.label} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def _dig(value: Any, path: tuple[str, ...]) -> Any:
    for key in path:
        value = value.get(key) if isinstance(value, dict) else None
    return value
