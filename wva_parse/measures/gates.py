"""Conditions on the numbers of a run, by which a pipeline lets a release pass: `slo.itl_attainment>=0.95`.

A condition is a path of summary.json, an operator and what is asked for. What is not known (null) misses every
condition: nobody has measured that it holds. A count of what did not happen is 0.
"""

from __future__ import annotations

import difflib
import math
import operator
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

OPERATORS: dict[str, Callable[[Any, Any], bool]] = {
    ">=": operator.ge,
    "<=": operator.le,
    "==": operator.eq,
    ">": operator.gt,
    "<": operator.lt,
}
_CONDITION = re.compile(r"\s*([^<>=!]*?)\s*(>=|<=|==|>|<)\s*([^<>=]*?)\s*\Z", re.DOTALL)

_ACCURACY = "n bias_ms mae_ms rmse_ms median_abs_ms mape r2"
_LATENCY = "mean p50 p90 p95 p99"
_PRICE = "objective ms replicas replica_seconds most"
_PARTS = " ".join(f"{part}_{kind}_ms" for kind in ("mae", "bias") for part in ("error", "load", "replicas", "model"))
_STEADY = "n itl_mae_ms itl_bias_ms ttft_mae_ms ttft_bias_ms"

# Objects that may be null, with their keys: a path through one is of a summary, also where this run has nothing there.
# What of a summary is never null tells its own keys.
NULLABLE = {
    **{f"accuracy.{group}.{metric}": _ACCURACY for group in ("all", "loaded", "settled") for metric in ("itl", "ttft")},
    "latency": "n itl_ms ttft_ms weighted_by itl_plain_ms ttft_plain_ms",
    "arrival_rate": "n mean_per_s max_per_s offered_max_per_s offered_from",
    "replicas": "min max mean replica_seconds source",
    "cost": "replica_hours gpus_per_replica gpu_hours price_per_gpu_hour price output_tokens tokens_from"
    " replica_hours_per_million_output_tokens replica_hours_per_thousand_within_slo"
    " gpu_hours_per_million_output_tokens gpu_hours_per_thousand_within_slo",
    "zero": "to_zero from_zero reasons kept_from_zero wakes",
    "elasticity": "capacity_per_replica_per_s capacity_from capacity_least_per_s capacity_most_per_s demand_from"
    " duration_s over_replica_s under_replica_s over_accuracy under_accuracy over_share under_share jitter_per_min"
    " needed_replica_s used_replica_s",
    **{f"skill.{metric}": "n mae_ms persistence_mae_ms skill" for metric in ("itl", "ttft")},
    "attribution": "pairs reproduced itl ttft",
    **{f"attribution.{metric}": _PARTS for metric in ("itl", "ttft")},
    "model": "beyond starved predictions_not_reproduced settled_ready steady fits price",
    "model.settled_ready": "other known",
    "model.steady": "changed unchanged",
    **{f"model.steady.{kind}": _STEADY for kind in ("changed", "unchanged")},
    "model.price": "itl ttft",
    **{f"model.price.{metric}": "own looser" for metric in ("itl", "ttft")},
    **{f"model.price.{metric}.{point}": _PRICE for metric in ("itl", "ttft") for point in ("own", "looser")},
    "kv_cache": "threshold mean max saturated_share saturation_events saturated_s events_of_unknown_length"
    " answered_events saturation_to_decision_s saturation_to_ready_s events",
    "queue": "threshold mean max above_threshold_share above_threshold observations",
    "scheduler_queue": "n mean max",
    "capacity.own": "analyses some none",
    "capacity.masked": "analyses judged reconciliations judged_reconciliations minutes first_minutes kv_usage"
    " queue_length",
    "client": "completed failed mean_ttft_ms mean_tpot_ms mean_itl_ms lost sent capped jobs without_result"
    " without_reasons perhaps_capped",
    "requests": "sent answered failed unknown answered_share failed_share within_slo within_slo_share"
    " within_slo_share_min within_slo_share_max sending_s goodput_per_s ttft_ms tpot_ms e2e_ms reasons workloads"
    " warmup",
    **{f"requests.{name}": _LATENCY for name in ("ttft_ms", "tpot_ms", "e2e_ms")},
    "requests.warmup": "sent answered failed unknown",
}
# Counts by name: what is not listed did not happen. Of those with names a summary has no others.
COUNTS: dict[str, tuple[str, ...]] = {
    "actions": ("no-change", "scale-down", "scale-up"),
    "unpaired": ("last", "no observation", "gap"),
    "failures": (),
    "log.unrecognised": (),
    "log.dialects": (),
    "capacity.scale_up_reasons": (),
    "zero.reasons": (),
    "zero.kept_from_zero": (),
}
# Objects by the name of a variant or of a Job, of which any may come.
BY_NAME = ("tuner.first", "tuner.last", "client.without_reasons")
# What has names or entries of its own within an object that may be null.
INNER = {
    *("zero.reasons", "zero.kept_from_zero", "zero.wakes", "model.predictions_not_reproduced", "model.fits"),
    *("kv_cache.events", "client.jobs", "client.capped", "client.perhaps_capped", "client.without_result"),
    *("client.without_reasons", "requests.reasons", "requests.workloads"),
}

Value = float | bool | str


class GateError(ValueError):
    """A condition that no run can be held against; the message says what was seen and what was expected."""


class Condition(NamedTuple):
    """What is asked for of the value at a path."""

    path: str
    operator: str
    wanted: Value

    def __str__(self) -> str:
        return f"{self.path} {self.operator} {_written(self.wanted)}"


class Verdict(NamedTuple):
    """A condition, the value that a run has there (None: not known), and whether it is met."""

    condition: Condition
    value: Value | None
    is_met: bool

    def __str__(self) -> str:
        seen = "not known" if self.value is None else _written(self.value)
        if seen == _written(self.condition.wanted) and self.value != self.condition.wanted:
            seen = str(self.value)  # as rounded, it would be what is asked for
        return f"{'met' if self.is_met else 'MISSED':6}  {self.condition}: {seen}"


def parse_condition(text: str) -> Condition:
    """A condition as it is written: `path>=number`; of texts and of true and false `path==value`.

    Raises
    ------
    GateError
        If it is none.
    """
    found = _CONDITION.fullmatch(text)
    if not found or not found[1] or not found[3]:
        raise GateError(f"saw '{text}', expected a path of summary.json, one of {', '.join(OPERATORS)}, and a value")
    path, sign, wanted = found[1], found[2], _value(found[3])
    if sign != "==" and (isinstance(wanted, (bool, str))):
        raise GateError(f"saw '{text}': '{found[3]}' is no number; of other values only == can be asked")
    return Condition(path, sign, wanted)


def judge(summary: Mapping[str, Any], condition: Condition) -> Verdict:
    """Whether a run meets a condition.

    Raises
    ------
    GateError
        If no summary has such a path, or not a single value there, or one of another type.
    """
    value = value_at(summary, condition.path)
    if value is None:
        return Verdict(condition, None, is_met=False)
    if isinstance(value, (Mapping, list)):
        inside = ", ".join(map(str, value)) if isinstance(value, Mapping) else f"{len(value)} entries: 0, 1 and so on"
        raise GateError(f"'{condition.path}' is no single value; in it are {inside or 'none in this run'}")
    if _type(value) is not _type(condition.wanted):
        raise GateError(f"'{condition.path}' is {_written(value)}, not to be held against {_written(condition.wanted)}")
    return Verdict(condition, value, OPERATORS[condition.operator](value, condition.wanted))


def value_at(summary: Mapping[str, Any], path: str) -> Any:
    """What a summary has at a path, None where it is null or would be if it were there.

    Names may have dots in them; entries of a list are counted from 0.

    Raises
    ------
    GateError
        If no summary has such a path.
    """
    at, value, rest = "", summary, path
    while rest:
        if value is None:
            if at in INNER:
                return None
            if at not in NULLABLE:
                break
            value = dict.fromkeys(NULLABLE[at].split())
        if isinstance(value, list):
            key, _, rest = rest.partition(".")
            if not key.isdigit():
                break
            if int(key) >= len(value):
                return None
            at, value = f"{at}.{key}", value[int(key)]
            continue
        if not isinstance(value, Mapping):
            break
        key = max((name for name in value if f"{rest}.".startswith(f"{name}.")), key=len, default="")
        if not key:
            if at in COUNTS and (not COUNTS[at] or rest in COUNTS[at]):
                return 0
            if at in BY_NAME:
                return None
            break
        at, value, rest = f"{at}.{key}".lstrip("."), value[key], rest[len(key) + 1 :]
    else:
        return value
    raise GateError(f"no summary has '{path}'{_nearest(summary, path)}")


def paths_of(summary: Mapping[str, Any], within: str = "") -> Iterator[str]:
    """Every path of a summary, those through what is null in it included; none into lists."""
    for key, value in summary.items():
        path = f"{within}{key}"
        yield path
        inner = dict.fromkeys(NULLABLE[path].split()) if value is None and path in NULLABLE else value
        if path in COUNTS:
            yield from (f"{path}.{name}" for name in COUNTS[path])
        elif isinstance(inner, Mapping):
            yield from paths_of(inner, f"{path}.")


def _nearest(summary: Mapping[str, Any], path: str) -> str:
    """The known path that is most like one; by its last name where somebody has left out what it is in."""
    known = list(paths_of(summary))
    last = [each for each in known if each.rpartition(".")[2] == path.rpartition(".")[2]]
    like = difflib.get_close_matches(path, last or known, 1, 0.0 if last else 0.5)
    return f"; did you mean '{like[0]}'?" if like else "; its keys are in docs/files.md"


def _value(text: str) -> Value:
    if text in ("true", "false"):
        return text == "true"
    try:
        number = float(text)
    except ValueError:
        return text.strip("'\"")
    if not math.isfinite(number):
        raise GateError(f"saw '{text}', expected a number")
    return number


def _type(value: Value) -> type:
    return float if isinstance(value, int) and not isinstance(value, bool) else type(value)


def _written(value: Value) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return value if isinstance(value, str) else f"{value:.6g}" if abs(value) < 1e6 else f"{value:.0f}"
