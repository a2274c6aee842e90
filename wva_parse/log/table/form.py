"""The form of a row: one line that a controller prints, written as its template with the values named by columns.

Template syntax: `<column>` text, `<column:word>` text without spaces and commas, `<column:name>` without slashes
either, `<column:field>` without what ends a field, `<column:int>`, `<column:float>`, `<column:bool>`; `<_>` a value
nobody needs; `<?...?>` a part that some builds leave out. All else stands to the letter. A template is matched from the
start of the message to its end; a message that it does not fit is read by the names before its values, if all that are
taken have one (`log.by_name`).

Releases since December 2025 print a constant message and put the values beside it, as JSON. Their rows have `keys`,
words separated by spaces: `usage=kv_cache_usage` the value of `usage` in that column; `variant` the column of the
same name; `role?` may be missing, `atMax??` mostly is; `!role` must be missing (an older release's line);
`totalVAs=_` must be there and nobody needs it; `avgITLSeconds*1000=observed_itl_ms` is converted; `^modelID=model`,
in an array's entries, is said beside the array. `namespace/name` in the column `variant` is split.

Units are the log's: ITL and TTFT in ms, rates in requests per **minute**, KV usage from 0 to 1. Where a release
prints another, the row converts. Supply, demand and capacities are in the unit of their analyzer: tokens
(saturation), tokens/s (throughput), requests/s (queueing-model).

The columns are those of metrics.csv and analyzers.csv, and a last one that a replay needs.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

Value = str | int | float | bool | None

# What a line can say: the columns of metrics.csv and analyzers.csv after timestamp, reconciliation and event_type.
COLUMN_TYPES = {
    "namespace": "str",
    "model": "str",
    "variant": "str",
    "pod": "str",
    "action": "str",
    "reason": "str",
    "current_replicas": "int",
    "target_replicas": "int",
    "predicted_replicas": "int",
    "predicted_itl_ms": "float",
    "predicted_ttft_ms": "float",
    "observed_replicas": "int",
    "observed_itl_ms": "float",
    "observed_ttft_ms": "float",
    "arrival_rate_per_min": "float",
    "input_tokens": "float",
    "output_tokens": "float",
    "cost": "float",
    "slo_itl_ms": "float",
    "slo_ttft_ms": "float",
    "kv_cache_usage": "float",
    "queue_length": "int",
    "total_replicas": "int",
    "non_saturated_replicas": "int",
    "avg_spare_kv": "float",
    "avg_spare_queue": "float",
    "should_scale_up": "bool",
    "scale_down_safe": "bool",
    "alpha": "float",
    "beta": "float",
    "gamma": "float",
    "delta": "float",
    "nis": "float",
    # since D5
    "analyzer": "str",
    "role": "str",
    "supply": "float",
    "demand": "float",
    "utilisation": "float",
    "required_capacity": "float",
    "spare_capacity": "float",
    "capacity_per_replica": "float",
    "scale_up_threshold": "float",
    "scale_down_boundary": "float",
    "wanted_replicas": "int",
    # why a scale-up, why no scale-down
    "required_replicas": "int",
    "remaining_spare_kv": "float",
    "remaining_spare_queue": "float",
    "spare_kv_trigger": "float",
    "spare_queue_trigger": "float",
    # what a model's Deployments want, and how many of its pods report
    "spec_replicas": "int",
    "reporting_replicas": "int",
    # what the scheduler in front of the pods holds, and what bounds a pod, since D8
    "scheduler_queue_length": "int",
    "scheduler_queue_bytes": "int",
    "scheduler_queue_tokens": "float",
    "memory_bound_capacity": "float",
    "compute_bound_capacity": "float",
    "tokens_in_use": "float",
    "local_queue_demand": "float",
    "queue_threshold": "float",
    "kv_threshold": "float",
    "demand_before": "float",
    "throughput_per_s": "float",
    "at_max": "bool",
    # what the optimizer's model needs besides
    "max_batch": "int",
}


# Of those that have one.
COLUMN_UNITS = {
    "predicted_itl_ms": "ms",
    "predicted_ttft_ms": "ms",
    "observed_itl_ms": "ms",
    "observed_ttft_ms": "ms",
    "slo_itl_ms": "ms",
    "slo_ttft_ms": "ms",
    "arrival_rate_per_min": "requests/min",
    "input_tokens": "tokens per request",
    "output_tokens": "tokens per request",
    "cost": "of all replicas",
    "kv_cache_usage": "0 to 1",
    "queue_length": "requests",
    "avg_spare_kv": "0 to 1",
    "avg_spare_queue": "requests",
    "alpha": "ms",
    "beta": "ms per request in the batch",
    "gamma": "ms",
    "delta": "ms per token and request in the batch",
    "supply": "in the analyzer's unit",
    "demand": "in the analyzer's unit",
    "utilisation": "demand / supply",
    "required_capacity": "in the analyzer's unit",
    "spare_capacity": "in the analyzer's unit",
    "capacity_per_replica": "in the analyzer's unit",
    "scale_up_threshold": "demand / supply",
    "scale_down_boundary": "demand / supply",
    "remaining_spare_kv": "0 to 1, of the pods that would remain",
    "remaining_spare_queue": "requests, of the pods that would remain",
    "spare_kv_trigger": "0 to 1",
    "spare_queue_trigger": "requests",
    "scheduler_queue_length": "requests that wait before any pod",
    "scheduler_queue_bytes": "bytes",
    "scheduler_queue_tokens": "tokens, an estimate",
    "memory_bound_capacity": "tokens",
    "compute_bound_capacity": "tokens",
    "tokens_in_use": "tokens",
    "local_queue_demand": "tokens",
    "queue_threshold": "requests",
    "kv_threshold": "0 to 1",
    "demand_before": "in the analyzer's unit, before it was held or raised",
    "throughput_per_s": "requests/s of a pod at its limit, derived",
    "max_batch": "requests",
}

# Where the solutions of a message stand: a line each, whatever stands before and behind them, or several in one. Both
# ways to begin are found by their first character, which a search skips to.
SOLUTIONS = (
    r"Solution: (\n.*)",
    r"\n[ \t]*(?=\S)(?!AllocationByType|name=|totalCost=)| (?<=[\w,;}] )(?=s=[^;\s]+:[^;\s]+; )",
)


class LogLine(NamedTuple):
    """One row of the table: a line that a controller prints.

    `kind` is an `event_type` of metrics.csv or one of the context kinds that `rows` uses (`loop`, `end`,
    `model`, `namespace`, `reconciling`, `nis`, `applied`, `announced`, `emit`); empty for a line that is known and
    of which all that we need is in its entries, if it has any.
    """

    kind: str
    dialects: str
    template: str
    example: str  # a whole message in the documented form, a tab, its JSON; a test reads it
    keys: str = ""
    constant: Mapping[str, Value] = MappingProxyType({})  # columns that the words themselves say
    each: tuple[tuple[str, str], ...] = ()  # (kind, template) of the entries that one message holds, a line each
    parts: tuple[str, str] | tuple[()] = ()  # of `each`: patterns of the text that holds them, and of where one begins
    # (JSON key, kind, keys) of the entries of an array, or of an object's pairs (`key`, `value`); `?` may be missing.
    arrays: tuple[tuple[str, str, str], ...] = ()
    called: str = ""  # what the entries of either are, in the plural
    also: tuple[tuple[str, str], ...] = ()  # (kind, keys) of further rows that its values make
    opens: bool = False  # a loop run starts here
    ends: bool = False  # the loop run is over


def known(dialects: str, template: str, example: str = "") -> LogLine:
    """A row of which nothing is needed; its example is made up where nothing but the beginning matters."""
    return LogLine("", dialects, template, example or template.replace("<_>", "and more"))


# Names in examples.
VARIANT = "llama-decode"
NS = "llm-d"
MODEL = "unsloth/Meta-Llama-3.1-8B"
POD = "llama-decode-7b86984dgftqv"

# What old and new builds begin with alike.
TOO_FEW = "Scale-down unsafe: insufficient non-saturated replicas"
NO_HEADROOM = "Scale-down unsafe: insufficient headroom after redistribution"
