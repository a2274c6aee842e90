"""The lines of the table of runs: what each number is, where in a summary it stands, how it is written.

A number says more of a run the further it is in its direction of good; many have none. Some say nothing of how well a
run went (the usual interval, counts of pairs): they are shown and never held against each other.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from wva_parse.log.json_files import dig
from wva_parse.measures import pooling
from wva_parse.measures.texts import percent, points
from wva_parse.report import words

Summary = Mapping[str, Any]

Path = tuple[str, ...]

LESS, MORE, NEITHER = "less", "more", ""


class Figure(NamedTuple):
    """One line of the table.

    Attributes
    ----------
    good
        In which direction a run is better: `less`, `more`, or neither.
    is_compared
        Whether a difference between two runs means anything.
    older
        Where it stands if it is not at its path.
    same
        What must be the same in all runs, or else the figure is of none of them: what it rests on.
    """

    label: str
    path: tuple[str, ...]
    text: Callable[[Any], str]
    good: str = NEITHER
    is_compared: bool = True
    older: tuple[str, ...] = ()
    same: tuple[Path, ...] = ()

    def place_in(self, summary: Summary) -> tuple[str, ...]:
        """Where it stands in a summary."""
        return self.older if self.older and dig(summary, self.path) is None else self.path

    def value_in(self, summary: Summary) -> Any:
        """What stands there; None if nothing."""
        return dig(summary, self.place_in(summary))

    def numbers_in(self, summaries: Sequence[Summary]) -> list[float]:
        """The values of those that have one."""
        values = map(self.value_in, summaries)
        return [float(value) for value in values if isinstance(value, int | float) and not isinstance(value, bool)]

    def difference(self, value: float) -> str:
        """A difference of two values, with its sign; of shares in percentage points."""
        if self.text is percent:
            return points(value)
        text = self.text(abs(value))
        return text if text == self.text(0.0) else f"{'+' if value > 0 else '-'}{text}"


def _plain(value: Any) -> str:
    return str(value)


def _whole(value: Any) -> str:
    return f"{value:.1f}".removesuffix(".0")


def _hundredths(value: Any) -> str:
    return f"{value:.2f}"


def _three_digits(value: Any) -> str:
    """Of numbers that may be far below 1."""
    return f"{value:#.3g}".removesuffix(".") if abs(value) < 1000 else f"{value:.0f}"


def _by_count(value: dict[str, int]) -> str:
    return ", ".join(f"{name} {count}" for name, count in value.items()) or "none"


def _until_ready(way: dict[str, Any]) -> str:
    """A time lies between two samples: two of them may differ by less than that."""
    by_s, after_s = way.get("decision_to_ready_s"), way.get("decision_to_ready_after_s")
    if by_s is None:
        return "–"
    return f"({after_s:.0f}, {by_s:.0f}]" if after_s is not None else f"at most {by_s:.0f}"


def _by_job(field: str) -> Callable[[Any], str]:
    """A field of each Job: percentiles of different Jobs have no mean."""

    def text(jobs: list[dict[str, Any]]) -> str:
        # What is not merged of several clients is listed by client.
        each = [one for job in jobs for one in ([job] if job.get(field) is not None else job.get("clients", ()))]
        known = [(job.get("job"), job[field]) for job in each if job.get(field) is not None]
        return ", ".join(f"{job} {value:.2f}" for job, value in known) or "–"

    return text


_CAPACITY = ("elasticity", "capacity_per_replica_per_s")
_PRICE = ("cost", "price_per_gpu_hour")
_WEIGHTED = (
    ("slo", "basis"),
    ("slo", "weighted_by_requests"),
)  # shares of requests, of minutes by theirs, or of minutes
_BY_REQUESTS = (("latency", "weighted_by"),)

FIGURES = (
    Figure("mode", ("mode",), _plain, is_compared=False),
    Figure("simulated", ("simulated",), lambda value: "yes" if value else "no", is_compared=False),
    Figure("reconciliations", ("reconciliations",), _plain, is_compared=False),
    Figure("usual interval, s", ("interval_s",), _hundredths, is_compared=False),
    Figure("load window, s", ("supply", "window_s"), _whole, is_compared=False),
    # how requests were served
    Figure("SLO ITL, ms", ("slo", "itl_ms"), _hundredths, is_compared=False),
    Figure("SLO TTFT, ms", ("slo", "ttft_ms"), _hundredths, is_compared=False),
    Figure("loaded observations", ("slo", "loaded_observations"), _plain, is_compared=False),
    Figure("ITL attainment", ("slo", "itl_attainment"), percent, MORE, same=_WEIGHTED),
    Figure("TTFT attainment", ("slo", "ttft_attainment"), percent, MORE, same=_WEIGHTED),
    Figure("loaded observations within the ITL objective", ("slo", "itl_met_share"), percent, MORE),
    Figure("loaded observations within the TTFT objective", ("slo", "ttft_met_share"), percent, MORE),
    Figure("requests recorded", ("requests", "sent"), _plain, is_compared=False),
    Figure("requests of which nothing is known", ("requests", "unknown"), _plain, is_compared=False),
    Figure("share of requests within the SLO", ("requests", "within_slo_share"), percent, MORE),
    Figure("goodput, requests/s", ("requests", "goodput_per_s"), _hundredths, MORE),
    Figure("TTFT of requests, median, ms", ("requests", "ttft_ms", "p50"), _hundredths, LESS),
    Figure("TTFT of requests, P99, ms", ("requests", "ttft_ms", "p99"), _hundredths, LESS),
    Figure("TPOT of requests, median, ms", ("requests", "tpot_ms", "p50"), _hundredths, LESS),
    Figure("TPOT of requests, P99, ms", ("requests", "tpot_ms", "p99"), _hundredths, LESS),
    Figure("ITL observed, mean by requests, ms", ("latency", "itl_ms"), _hundredths, LESS, same=_BY_REQUESTS),
    Figure("TTFT observed, mean by requests, ms", ("latency", "ttft_ms"), _hundredths, LESS, same=_BY_REQUESTS),
    Figure("ITL observed, mean of observations, ms", ("latency", "itl_plain_ms"), _hundredths, LESS),
    Figure("TTFT observed, mean of observations, ms", ("latency", "ttft_plain_ms"), _hundredths, LESS),
    Figure("requests completed", ("client", "completed"), _whole, is_compared=False),  # what the failed ones are not
    Figure("requests failed", ("client", "failed"), _whole, LESS),
    Figure("TTFT of the clients, mean, ms", ("client", "mean_ttft_ms"), _hundredths, LESS),
    Figure("TPOT of the clients, mean, ms", ("client", "mean_tpot_ms"), _hundredths, LESS),
    Figure("ITL of the clients, mean, ms", ("client", "mean_itl_ms"), _hundredths, LESS),
    Figure("TTFT of the clients, P99 of each Job, ms", ("client", "jobs"), _by_job("p99_ttft_ms"), is_compared=False),
    Figure("ITL of the clients, P99 of each Job, ms", ("client", "jobs"), _by_job("p99_itl_ms"), is_compared=False),
    # what was held for it
    Figure("time starved, s", ("supply", "starved_s"), _whole, LESS),
    Figure("time starved", ("supply", "starved_share"), percent, LESS),
    Figure("replica-seconds held", ("supply", "held_replica_s"), _whole, LESS, older=("replicas", "replica_seconds")),
    Figure("replica-seconds ready", ("supply", "ready_replica_s"), _whole),
    Figure("replicas held, least", ("replicas", "min"), _whole),
    Figure("replicas held, mean", ("replicas", "mean"), _hundredths, LESS),
    Figure("replicas held, most", ("supply", "held_max"), _whole, older=("replicas", "max")),
    Figure("replicas ready, most", ("supply", "ready_max"), _whole),
    Figure("replicas wanted, most", ("supply", "wanted_max"), _whole),
    Figure("replicas that the scaler allows", ("supply", "limit"), _whole, is_compared=False),
    Figure("replica-hours held", ("cost", "replica_hours"), _hundredths, LESS),
    Figure("GPU-hours held", ("cost", "gpu_hours"), _hundredths, LESS),
    Figure("GPU-hours per million output tokens", ("cost", "gpu_hours_per_million_output_tokens"), _three_digits, LESS),
    Figure(
        "replica-hours per million output tokens",
        ("cost", "replica_hours_per_million_output_tokens"),
        _three_digits,
        LESS,
    ),
    Figure(
        "GPU-hours per thousand requests within the SLO",
        ("cost", "gpu_hours_per_thousand_within_slo"),
        _hundredths,
        LESS,
    ),
    Figure("price", ("cost", "price"), _hundredths, LESS, same=(_PRICE,)),
    Figure(
        "requests/s that one replica serves, as stated", _CAPACITY, _hundredths, is_compared=False, same=(_CAPACITY,)
    ),
    Figure("time with too few replicas", ("elasticity", "under_share"), percent, LESS, same=(_CAPACITY,)),
    Figure("time with too many replicas", ("elasticity", "over_share"), percent, LESS, same=(_CAPACITY,)),
    # what was decided
    Figure("changes of target", ("time_to_scale", "changes"), _whole),
    Figure("raised targets", ("changes", "up"), _whole),
    Figure("lowered targets", ("changes", "down"), _whole),
    Figure("decisions", ("actions",), _by_count, is_compared=False),
    Figure("scale-up, decision to ready, median, s", ("time_to_scale", "up"), _until_ready, is_compared=False),
    Figure("KV cache usage, mean", ("kv_cache", "mean"), percent),
    Figure("KV cache usage, most", ("kv_cache", "max"), percent),
    Figure("saturation events", ("kv_cache", "saturation_events"), _whole, LESS),
    Figure("analyses that masked saturation", ("replay", "masked"), _whole, LESS),
    Figure("queue length, mean", ("queue", "mean"), _hundredths, LESS),
    Figure("queue length, most", ("queue", "max"), _whole, LESS),
    # how well it was predicted
    Figure("pairs, all", ("pairs", "all"), _plain, is_compared=False),
    Figure("pairs, loaded", ("pairs", "loaded"), _plain, is_compared=False),
    Figure("pairs, settled", ("pairs", "settled"), _plain, is_compared=False),
    Figure("ITL MAE, settled, ms", ("accuracy", "settled", "itl", "mae_ms"), _hundredths, LESS),
    Figure("ITL bias, settled, ms", ("accuracy", "settled", "itl", "bias_ms"), _hundredths),
    Figure("TTFT MAE, settled, ms", ("accuracy", "settled", "ttft", "mae_ms"), _hundredths, LESS),
    Figure("ITL error, attributed, ms", ("attribution", "itl", "error_mae_ms"), _hundredths, LESS),
    Figure("of it load, ms", ("attribution", "itl", "load_mae_ms"), _hundredths, LESS),
    Figure("of it replicas, ms", ("attribution", "itl", "replicas_mae_ms"), _hundredths, LESS),
    Figure("of it the model, ms", ("attribution", "itl", "model_mae_ms"), _hundredths, LESS),
    Figure("failures logged", ("failures",), _by_count, is_compared=False),
)

# What repeats are counted for: of each the first that all runs of a group have.
LATENCY = (
    "TPOT of requests, median, ms",
    "TPOT of the clients, mean, ms",
    "ITL observed, mean by requests, ms",
    "ITL observed, mean of observations, ms",
)
GPU_TIME = ("replica-seconds held",)

_OF_REQUESTS = ("within_slo_share", "goodput_per_s", "ttft_ms", "tpot_ms", "e2e_ms")


def write(summary: Summary, figure: Figure) -> str:
    """A figure of a run as text; of requests, with how many it is of where of others nothing is known."""
    path = figure.place_in(summary)
    text = figure.text(dig(summary, path))
    if path[0] == "replicas" and pooling.schema_of(summary) < pooling.HELD_SINCE:
        return f"{text} (as schema 1 counts them)"
    of_recorded = words.of_recorded(dict(summary))
    attained = path[-1] in ("itl_attainment", "ttft_attainment") and dig(summary, ("slo", "basis")) == "requests"
    if not of_recorded or not (attained or (path[0] == "requests" and path[1] in _OF_REQUESTS)):
        return text
    at_least = "at least " if path[1] == "goodput_per_s" else ""
    return f"{at_least}{text} ({of_recorded})"


def describe(summary: Summary) -> Iterator[tuple[str, str]]:
    """Label and text of each figure that a run has."""
    for figure in FIGURES:
        if figure.value_in(summary) is not None:
            yield figure.label, write(summary, figure)


def shown(summaries: Sequence[Summary]) -> list[Figure]:
    """The figures of several runs: those whose assumptions are the same in all of them."""
    return [figure for figure in FIGURES if all(is_same(summaries, path) for path in figure.same)]


def is_same(summaries: Sequence[Summary], path: Path) -> bool:
    """Whether what stands at a path is the same in all runs, and no estimate from one of them."""
    values = [dig(summary, path) for summary in summaries]
    estimated = [dig(summary, (path[0], "capacity_from")) == "estimate" for summary in summaries]
    return all(value == values[0] for value in values) and (len(summaries) == 1 or not any(estimated))
