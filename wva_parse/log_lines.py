"""The log lines of the Workload Variant Autoscaler, as a table.

One row of `LOG_LINES` is one line that a controller prints, written as its template with the values named by the
columns of metrics.csv. Reading another release means adding rows. Renamed phrases (capacity, later saturation)
are rows of their own.

Template syntax: `<column>` text, `<column:word>` text without spaces and commas, `<column:int>`, `<column:float>`,
`<column:bool>`; `<_>` a value nobody needs;
`<?...?>` a part that some builds leave out. All else stands to the letter. A template is matched from the start
of the message to its end.

Releases since December 2025 print a constant message and put the values beside it, as JSON. Their rows have `keys`,
words separated by spaces: `usage=kv_cache_usage` the value of `usage` in that column; `variant` the column of the
same name; `role?` may be missing; `!role` must be missing (an older release's line); `totalVAs=_` must be there and
nobody needs it; `avgITLSeconds*1000=observed_itl_ms` is converted; `^modelID=model`, in an array's entries, is said
beside the array. `namespace/name` in the column `variant` is split.

Units are the log's: ITL and TTFT in ms, rates in requests per **minute**, KV usage from 0 to 1. Where a release
prints another, the row converts. Supply, demand and capacities are in the unit of their analyzer: tokens
(saturation), tokens/s (throughput), requests/s (queueing-model).

The dialects: D0 before the first release, D1 v0.0.1 to v0.0.4, D2 v0.0.5 to v0.4.2, D3 the untagged builds of
December 2025, D4 v0.5, D5 v0.5.1 (March) to v0.7, D6 v0.8, D7 v0.9, D8 later forks; DT the tuner's lines, DF those
of a research fork.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

Value = str | int | float | bool | None

# What a line can say: the columns of metrics.csv after timestamp, reconciliation and event_type.
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
}


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
    arrays: tuple[tuple[str, str, str], ...] = ()  # (JSON key, kind, keys) of the entries of a JSON array
    opens: bool = False  # a loop run starts here
    ends: bool = False  # the loop run is over


_VARIANT = "llama-decode"
_NS = "llm-d"
_MODEL = "unsloth/Meta-Llama-3.1-8B"
_POD = "llama-decode-7b86984dgftqv"
_PARMS = "alpha=9.545476, beta=0.022966, gamma=19.329866, delta=0.000184"
_PARMS_TEMPLATE = "alpha=<alpha:float>, beta=<beta:float>, gamma=<gamma:float>, delta=<delta:float>"
_PARMS_COLON = "alpha: <alpha:float>, beta: <beta:float>, gamma: <gamma:float>, delta: <delta:float>"

# The keys of the analyses that values as JSON have in common.
_GROUP = f"{_MODEL}|{_NS}"
_V1 = (
    "totalReplicas=total_replicas nonSaturated=non_saturated_replicas shouldScaleUp=should_scale_up "
    "scaleDownSafe=scale_down_safe"
)
_V1_SPARE = "avgSpareKv=avg_spare_kv avgSpareQueue=avg_spare_queue"
_V1_EXAMPLE = '"totalReplicas": 2, "nonSaturated": 1'
_V1_WHY_EXAMPLE = (
    '"avgSpareKv": 0.05, "avgSpareQueue": 3.5, "shouldScaleUp": true, '
    '"scaleUpReason": "KV spare Saturation low (0.050 < 0.100)", "scaleDownSafe": false'
)
_V2 = (
    "totalSupply=supply totalDemand=demand utilization=utilisation requiredCapacity=required_capacity "
    "spareCapacity=spare_capacity"
)
_V2_EXAMPLE = (
    '"totalSupply": 2503400, "totalDemand": 2229945, "utilization": 0.89, "requiredCapacity": 120, "spareCapacity": 0'
)

_SERVER = (
    "s=<variant:word>:<namespace:word>; c=<_>; m=<model>; rate=<arrival_rate_per_min:float>; "
    "inTk=<input_tokens:float>; outTk=<output_tokens:float>; sol=<_>, sat=<_>, "
    "alloc={acc=<_>; numRep=<predicted_replicas:int>; maxBatch=<_>; cost=<cost:float>, val=<_>, "
    "itl=<predicted_itl_ms:float>, ttft=<predicted_ttft_ms:float>, rho=<_>, maxRPM=<_>}; "
    "slo-itl=<slo_itl_ms:float>, slo-ttft=<slo_ttft_ms:float>, slo-tps=<_> \n"
)
_SERVER_WITHOUT_SOLUTION = "s=<variant:word>:<namespace:word>; c=<_>; m=<model>; <reason>! \n"
_SERVER_DATA = (
    "name: <variant:word>:<namespace:word>,   class: <_>,   model: <model>,   keepAccelerator: <_>,   "
    "minNumReplicas: <_>,   maxBatchSize: <_>,   currentAlloc: {    accelerator: <_>,    "
    "numReplicas: <observed_replicas:int>,    maxBatch: <_>,    cost: <cost:float>,    "
    "itlAverage: <observed_itl_ms:float>,    ttftAverage: <observed_ttft_ms:float>,    load: {     "
    "arrivalRate: <arrival_rate_per_min:float>,     avgInTokens: <input_tokens:float>,     "
    "avgOutTokens: <output_tokens:float>    }"
)
_OBSERVED = (
    "Metrics collected for VA: variant=<variant>, replicas=<observed_replicas:int>, accelerator=<_>, "
    "ttft=<observed_ttft_ms:float>ms, itl=<observed_itl_ms:float>ms, cost=<cost:float>"
)
_OBSERVED_LOAD = (
    ", maxBatch=<_>, arrivalRate=<arrival_rate_per_min:float>, avgInputTokens=<input_tokens:float>, "
    "avgOutputTokens=<output_tokens:float>"
)
_OBSERVED_EXAMPLE = (
    f"Metrics collected for VA: variant={_VARIANT}, replicas=2, accelerator=H100, ttft=20.68ms, itl=11.93ms, "
    "cost=200.00"
)
_OBSERVED_LOAD_EXAMPLE = ", maxBatch=256, arrivalRate=698.59, avgInputTokens=217.79, avgOutputTokens=526.16"

_ANALYSIS = (
    " analysis completed: modelID=<model>, namespace=<namespace>, totalReplicas=<total_replicas:int>, "
    "nonSaturated=<non_saturated_replicas:int>, avgSpareKv=<avg_spare_kv:float>, "
    "avgSpareQueue=<avg_spare_queue:float>, shouldScaleUp=<should_scale_up:bool>, "
    "scaleDownSafe=<scale_down_safe:bool>"
)
_ANALYSIS_SHORT = (
    " analysis completed: modelID=<model>, totalReplicas=<total_replicas:int>, "
    "nonSaturated=<non_saturated_replicas:int>, shouldScaleUp=<should_scale_up:bool>, "
    "scaleDownSafe=<scale_down_safe:bool>"
)
_ANALYSIS_EXAMPLE = (
    f" analysis completed: modelID={_MODEL}, namespace={_NS}, totalReplicas=1, nonSaturated=0, "
    "avgSpareKv=0.000, avgSpareQueue=0.0, shouldScaleUp=true, scaleDownSafe=false"
)
_ANALYSIS_SHORT_EXAMPLE = (
    f" analysis completed: modelID={_MODEL}, totalReplicas=1, nonSaturated=0, shouldScaleUp=true, scaleDownSafe=false"
)
_TARGET = "variant=<variant>, cost=<_>, currentReplicas=<_>, readyReplicas=<_>"
_TARGET_EXAMPLE = f"variant={_VARIANT}, cost=10.00, currentReplicas=1, readyReplicas=1"
_TOO_FEW = "Scale-down unsafe: insufficient non-saturated replicas"
_NO_HEADROOM = "Scale-down unsafe: insufficient headroom after redistribution"
_APPLIED = (
    " decision: variant=<variant>, action=<action>, current=<current_replicas:int>, "
    "target=<target_replicas:int>, reason=<reason>"
)
_TROUBLESHOOTING = "No vLLM metrics found for model 'm' in namespace 'n'. Check: (1) ServiceMonitor exists"


def _mode(dialects: str, template: str, mode: str) -> LogLine:
    return LogLine("mode", dialects, template, template, constant=MappingProxyType({"reason": mode}), opens=True)


# Lines from which rows of metrics.csv are made.
EVENT_LINES = (
    # -- mode: a loop run starts
    _mode("D2", "Operating in CAPACITY-ONLY mode: reactive capacity-based scaling only", "capacity-only"),
    _mode("D2 D3", "Operating in MODEL-ONLY mode: model-based optimization only", "model-only"),
    _mode(
        "D3",
        "Operating in saturation-only mode: reactive saturation-based scaling only",
        "saturation-only",
    ),
    _mode("D2", "Operating in HYBRID mode: capacity analyzer + model-based optimizer with arbitration", "hybrid"),
    _mode(
        "D3",
        "Operating in HYBRID mode: saturation analyzer + model-based optimizer with arbitration",
        "hybrid",
    ),
    _mode("D2", "No optimization mode enabled, defaulting to CAPACITY-ONLY mode", "capacity-only"),
    _mode("D3", "No optimization mode enabled, defaulting to saturation-only mode", "saturation-only"),
    # -- slo
    LogLine(
        "slo",
        "D1",
        "Found SLO for model - model: <model>, class: <_>, slo-tpot: <slo_itl_ms:float>, slo-ttft: <slo_ttft_ms:float>",
        f"Found SLO for model - model: {_MODEL}, class: Premium, slo-tpot: 10, slo-ttft: 1000",
        opens=True,
    ),
    LogLine(
        "slo",
        "D2 D3",
        "Found SLO for model: model=<model>, class=<_>, slo-tpot=<slo_itl_ms:float>, slo-ttft=<slo_ttft_ms:float>",
        f"Found SLO for model: model={_MODEL}, class=Premium, slo-tpot=10, slo-ttft=1000",
    ),
    # -- observed_metrics: means over the last minute, of the model in its namespace; 0 when idle
    LogLine("observed_metrics", "D2 D3", _OBSERVED, _OBSERVED_EXAMPLE),
    LogLine(
        "observed_metrics",
        "D2+DF D3+DF",
        _OBSERVED + ", arrivalRate=<arrival_rate_per_min:float>",
        _OBSERVED_EXAMPLE + ", arrivalRate=%!f(string=14)",  # this build cut the value: it is lost
    ),
    LogLine(
        "observed_metrics",
        "D2+DF D3+DF",
        _OBSERVED + _OBSERVED_LOAD,
        _OBSERVED_EXAMPLE + _OBSERVED_LOAD_EXAMPLE,
    ),
    LogLine(
        "observed_metrics",
        "D2+DF",
        "✓ " + _OBSERVED + _OBSERVED_LOAD,
        "✓ " + _OBSERVED_EXAMPLE + _OBSERVED_LOAD_EXAMPLE,
    ),
    LogLine(
        "",
        "D1",
        "System data prepared for optimization: - { servers: <_>",
        f"System data prepared for optimization: - {{ servers: [  {{   name: {_VARIANT}:{_NS},   class: "
        f"Premium,   model: {_MODEL},   keepAccelerator: true,   minNumReplicas: 1,   maxBatchSize: 512,   "
        "currentAlloc: {    accelerator: H100,    numReplicas: 2,    maxBatch: 256,    cost: 200,    "
        "itlAverage: 8.64,    ttftAverage: 18.25,    load: {     arrivalRate: 703.89,     avgInTokens: 257,"
        "     avgOutTokens: 484    }   },   desiredAlloc: {    accelerator: ,    numReplicas: 0,    "
        "maxBatch: 0,    cost: 0,    itlAverage: 0,    ttftAverage: 0,    load: {     arrivalRate: 0,     "
        "avgInTokens: 0,     avgOutTokens: 0    }   }  } ]}",
        each=(("observed_metrics", _SERVER_DATA),),
        opens=True,
    ),
    # -- prediction: one entry per variant, in any order
    LogLine(
        "",
        "D1 D2 D3",
        "Optimization solution - system: Solution: \n<_>",
        f"Optimization solution - system: Solution: \ns={_VARIANT}:{_NS}; c=Premium; m={_MODEL}; rate=3723.73; "
        "inTk=233; outTk=460; sol=1, sat=false, alloc={acc=H100; numRep=27; maxBatch=512; cost=2700, val=1700, "
        "itl=9.991692, ttft=16.764963, rho=0.020664725, maxRPM=139.75575}; slo-itl=10, slo-ttft=1000, "
        "slo-tps=0 \nAllocationByType: \nname=NVIDIA-H100-80GB-HBM3, count=27, limit=0, cost=2700 "
        "\ntotalCost=2700 \n",
        each=(("prediction", _SERVER), ("failure", _SERVER_WITHOUT_SOLUTION)),
    ),
    # -- scaling_decision
    LogLine(
        "scaling_decision",
        "D2 D3",
        "Processing decision: variant=<variant>, action=<action>, "
        "current=<current_replicas:int>→target=<target_replicas:int>",
        f"Processing decision: variant={_VARIANT}, action=scale-up, current=1→target=2",
    ),
    LogLine(
        "scaling_decision",
        "D3b",
        "Processing decision for VA: variant=<variant>, action=<action>, "
        "current=<current_replicas:int>→target=<target_replicas:int>",
        f"Processing decision for VA: variant={_VARIANT}, action=scale-up, current=1→target=2",
    ),
    LogLine(
        "applied",
        "D2",
        "Applied capacity" + _APPLIED,
        f"Applied capacity decision: variant={_VARIANT}, action=scale-up, current=1, target=2, "
        "reason=capacity-only mode: scale-up",
    ),
    LogLine(
        "applied",
        "D3",
        "Applied Saturation" + _APPLIED,
        f"Applied Saturation decision: variant={_VARIANT}, action=scale-down, current=10, target=7, "
        "reason=model-based only (Saturation unavailable)",
    ),
    LogLine(
        "applied",
        "D3b",
        "Applied Saturation decision: variant=<variant>, action=<action:word>, target=<target_replicas:int>, "
        "reason=<reason>",
        f"Applied Saturation decision: variant={_VARIANT}, action=no-change, target=1, "
        "reason=saturation-only mode: no-change",
    ),
    # D1 has no other word for its decision; from D2 on this repeats the decision.
    LogLine(
        "emit",
        "D1a",
        "EmitReplicaMetrics completed for variantAutoscaling-name: <variant>, "
        "current-replicas: <current_replicas:int>, desired-replicas: <target_replicas:int>, accelerator: <_>",
        f"EmitReplicaMetrics completed for variantAutoscaling-name: {_VARIANT}, current-replicas: 5, "
        "desired-replicas: 4, accelerator: H100",
    ),
    LogLine(
        "emit",
        "D1b D2 D3",
        "EmitReplicaMetrics completed - variant: <variant>, current-replicas: <current_replicas:int>, "
        "desired-replicas: <target_replicas:int>, accelerator: <_>",
        f"EmitReplicaMetrics completed - variant: {_VARIANT}, current-replicas: 10, desired-replicas: 27, "
        "accelerator: H100",
    ),
    # -- kv_cache, queue: the maximum over the last minute, per pod
    LogLine(
        "kv_cache",
        "D2 D3",
        "KV cache metric: pod=<pod>, usage=<kv_cache_usage:float> (<_>%)",
        f"KV cache metric: pod={_POD}, usage=0.652 (65.2%)",
    ),
    LogLine(
        "queue",
        "D2 D3",
        "Queue metric: pod=<pod>, queueLength=<queue_length:int>",
        f"Queue metric: pod={_POD}, queueLength=284",
    ),
    # -- capacity_analysis: DEBUG says more, INFO repeats it
    LogLine("capacity_analysis", "D2", "Capacity" + _ANALYSIS, "Capacity" + _ANALYSIS_EXAMPLE),
    LogLine("capacity_analysis", "D2", "Capacity" + _ANALYSIS_SHORT, "Capacity" + _ANALYSIS_SHORT_EXAMPLE),
    LogLine("capacity_analysis", "D3", "saturation" + _ANALYSIS, "saturation" + _ANALYSIS_EXAMPLE),
    LogLine("capacity_analysis", "D3", "saturation" + _ANALYSIS_SHORT, "saturation" + _ANALYSIS_SHORT_EXAMPLE),
    # -- tuner
    LogLine(
        "nis",
        "DT",
        "Tuner validation succeeded for variant <variant>/<namespace>, server <_> - New NIS: <nis:float>",
        f"Tuner validation succeeded for variant {_VARIANT}/{_NS}, server {_VARIANT}:{_NS} - New NIS: 0.325924",
    ),
    LogLine(
        "tuner_update",
        "DT",
        "Tuned performance parameters result: variant <variant>/<namespace> - " + _PARMS_COLON,
        f"Tuned performance parameters result: variant {_VARIANT}/{_NS} - alpha: 10.013416, beta: 0.049771, "
        "gamma: 17.447748, delta: 0.000245",
    ),
    LogLine(
        "tuner_update",
        "D1b+DT",
        "Tuned performance parameters: variant <variant>/<namespace> - " + _PARMS_COLON,
        f"Tuned performance parameters: variant {_VARIANT}/{_NS} - alpha: 7.730295, beta: 0.032921, "
        "gamma: 15.374997, delta: 0.000337",
    ),
    # Three lines, one rejection.
    LogLine(
        "nis_rejection",
        "DT",
        "Tuner validation failed (NIS=<nis:float>), validation error: <_> - returning previous state: "
        + _PARMS_TEMPLATE,
        "Tuner validation failed (NIS=27.58), validation error: normalized innovation squared (NIS=27.58) "
        f"exceeds threshold (7.38), rejecting update as outlier - returning previous state: {_PARMS}",
    ),
    LogLine(
        "nis_rejection",
        "DT",
        "Tuner NIS validation failed for variant <variant>/<namespace>, server <_> (NIS=<nis:float> "
        "exceeds threshold <_>) - Keeping previous state: " + _PARMS_TEMPLATE,
        f"Tuner NIS validation failed for variant {_VARIANT}/{_NS}, server {_VARIANT}:{_NS} (NIS=27.58 exceeds "
        f"threshold 7.38) - Keeping previous state: {_PARMS}",
    ),
    LogLine(
        "nis_rejection",
        "DT",
        "Keeping previous tuned parameters for variant <variant>/<namespace> due to NIS validation failure "
        "(NIS=<nis:float>)",
        f"Keeping previous tuned parameters for variant {_VARIANT}/{_NS} due to NIS validation failure (NIS=27.576061)",
    ),
    # -- scale_up_reason, scale_down_refusal
    LogLine(
        "scale_up_reason",
        "D2",
        f"Capacity target: scale-up cheapest variant: {_TARGET}, target=<_>, reason=<reason>",
        f"Capacity target: scale-up cheapest variant: {_TARGET_EXAMPLE}, target=2, "
        "reason=both KV spare (0.000 < 0.200) and queue spare (0.0 < 3.0)",
    ),
    LogLine(
        "scale_up_reason",
        "D3",
        f"Saturation target: scale-up cheapest variant: {_TARGET}, baseTarget=<_>, target=<_>, reason=<reason>",
        f"Saturation target: scale-up cheapest variant: {_TARGET_EXAMPLE}, baseTarget=1, target=2, "
        "reason=KV spare Saturation low (0.050 < 0.100)",
    ),
    LogLine(
        "scale_down_refusal",
        "D2 D3",
        f"{_TOO_FEW}: nonSaturated=<non_saturated_replicas:int>, required=<required_replicas:int>",
        f"{_TOO_FEW}: nonSaturated=1, required=2",
        constant=MappingProxyType({"reason": "too few non-saturated replicas"}),
    ),
    LogLine(  # the last value, whether the queue would do, has no verb in the format string
        "scale_down_refusal",
        "D2 D3",
        f"{_NO_HEADROOM}: remainingSpareKv=<remaining_spare_kv:float>, kvTrigger=<spare_kv_trigger:float>, kvSafe=<_>, "
        "remainingSpareQueue=<remaining_spare_queue:float>, queueTrigger=<spare_queue_trigger:float><?%!(EXTRA <_>)?>",
        f"{_NO_HEADROOM}: remainingSpareKv=0.136, kvTrigger=0.200, kvSafe=false, remainingSpareQueue=5.0, "
        "queueTrigger=3.0%!(EXTRA bool=true)",
        constant=MappingProxyType({"reason": "too little headroom after redistribution"}),
    ),
    # -- safety_net
    LogLine(
        "safety_net",
        "D2 D3",
        "Safety net activated: emitted fallback metrics: variant=<variant>, "
        "currentReplicas=<current_replicas:int>, desiredReplicas=<target_replicas:int>, accelerator=<_>, "
        "fallbackSource=<reason>",
        f"Safety net activated: emitted fallback metrics: variant={_VARIANT}, currentReplicas=9, "
        "desiredReplicas=9, accelerator=H100, fallbackSource=previous-desired",
    ),
    # -- failure: this loop run lacks something
    LogLine(
        "failure",
        "D2 D3",
        "Model-based optimization failed: <reason>",
        "Model-based optimization failed: no feasible allocations found for all variants: ",
    ),
    LogLine(
        "failure",
        "D1",
        "no feasible allocations found for all variants: unable to perform model optimization, skipping this iteration",
        "no feasible allocations found for all variants: unable to perform model optimization, skipping this iteration",
        constant=MappingProxyType({"reason": "no feasible allocations found for all variants"}),
        ends=True,
    ),
    LogLine(
        "failure",
        "D2 D3",
        "Metrics unavailable, skipping optimization for variant: variant=<variant>, namespace=<namespace>, "
        "model=<model>, reason=<reason>, troubleshooting=<_>",
        f"Metrics unavailable, skipping optimization for variant: variant={_VARIANT}, namespace={_NS}, "
        f"model={_MODEL}, reason=MetricsMissing, troubleshooting={_TROUBLESHOOTING}",
    ),
    LogLine(
        "failure",
        "D2 D3",
        "Metrics unavailable for VA, skipping: variant=<variant>, reason=<reason>, troubleshooting=<_>",
        f"Metrics unavailable for VA, skipping: variant={_VARIANT}, reason=MetricsStale, "
        f"troubleshooting={_TROUBLESHOOTING}",
    ),
    LogLine(
        "failure",
        "D1",
        "Metrics unavailable, skipping optimization for variant",
        "Metrics unavailable, skipping optimization for variant\t"
        f'{{"variant": "{_VARIANT}", "namespace": "{_NS}", "model": "{_MODEL}", "reason": "MetricsMissing", '
        f'"troubleshooting": "{_TROUBLESHOOTING}"}}',
        "variant namespace model reason",
    ),
    LogLine(
        "failure",
        "D2 D3",
        "failed to get Deployment after retries: variantAutoscaling-name=<variant>, <?deployment=<_>, ?>error=<reason>",
        f"failed to get Deployment after retries: variantAutoscaling-name={_VARIANT}, "
        'error=Deployment.apps "llama-decode" not found',
    ),
    LogLine(  # the error is glued in front
        "failure",
        "D1",
        "<reason>failed to get Deployment after retries - variantAutoscaling-name: <variant>",
        f'Deployment.apps "x" not foundfailed to get Deployment after retries - variantAutoscaling-name: {_VARIANT}',
    ),
    LogLine(
        "failure",
        "D2 D3",
        "failed to locate SLO for model: variantAutoscaling-name=<variant>, modelName=<model>, error=<reason>",
        f"failed to locate SLO for model: variantAutoscaling-name={_VARIANT}, modelName={_MODEL}, "
        "error=model not found in any service class",
    ),
    LogLine(
        "failure",
        "D2 D3",
        "Unable to read optimization config: <reason>",
        'Unable to read optimization config: ConfigMap "wva-config" not found',
    ),
    LogLine(
        "failure",
        "DT",
        "Tuner failed completely for variant <variant>/<namespace>: <reason>. Using fallback parameters.",
        f"Tuner failed completely for variant {_VARIANT}/{_NS}: invalid environment: &{{0 0 0 256 0 0 1}}. "
        "Using fallback parameters.",
    ),
)

# The same of the releases that print values as JSON.
STRUCTURED_LINES = (
    # -- mode: per model; the `mode` of the end line says saturation-only for all three until July 2026
    LogLine(
        "mode",
        "D4",
        "Processing model",
        f'Processing model\t{{"modelID": "{_MODEL}", "namespace": "{_NS}", "variantCount": 2, "groupKey": "{_GROUP}"}}',
        "modelID=model namespace?",
        constant=MappingProxyType({"reason": "saturation-only"}),
    ),
    *(
        LogLine(
            "mode",
            dialects,
            f"Processing model ({suffix})",
            f'Processing model ({suffix})\t{{"modelID": "{_MODEL}", "namespace": "{_NS}", "variantCount": 1, '
            f'"groupKey": "{_GROUP}"}}',
            "modelID=model namespace?",
            constant=MappingProxyType({"reason": mode}),
        )
        for dialects, suffix, mode in (
            ("D5-", "V1", "saturation-only"),
            ("D5-", "V2", "saturation"),
            ("D5 D6", "queueing-model", "queueing-model"),
        )
    ),
    # -- slo: of the queueing model
    LogLine(
        "slo",
        "D5 D6",
        "Inferred SLO from queueing model",
        f'Inferred SLO from queueing model\t{{"variant": "{_NS}/{_VARIANT}", "k": 3, "alpha": 7.1, "beta": 0.04, '
        '"gamma": 0.0003, "avgInputTokens": 210, "avgOutputTokens": 500, "TargetTTFT_ms": 120.5, "TargetITL_ms": 21.3}',
        "variant TargetTTFT_ms=slo_ttft_ms TargetITL_ms=slo_itl_ms avgInputTokens?=input_tokens "
        "avgOutputTokens?=output_tokens",
    ),
    LogLine(
        "slo",
        "D5 D6",
        "Using fallback SLO from observations",
        'Using fallback SLO from observations\t{"observedTTFT_s": 0.08, "observedITL_s": 0.02, "TargetTTFT_ms": 120, '
        '"TargetITL_ms": 30}',
        "TargetTTFT_ms=slo_ttft_ms TargetITL_ms=slo_itl_ms observedTTFT_s?*1000=observed_ttft_ms "
        "observedITL_s?*1000=observed_itl_ms",
    ),
    # -- scaling_decision: up to three lines, one decision
    LogLine(
        "",
        "D7-",
        "scaling-decision",
        f'scaling-decision\t{{"modelID": "{_MODEL}", "namespace": "{_NS}", "decisions": [{{"name":"{_VARIANT}",'
        '"curr":1,"tgt":4,"action":"scale-up"}]}',
        "modelID=_ decisions?=_",  # null where nothing was decided
        arrays=(
            (
                "decisions",
                "announced",
                "^modelID=model ^namespace name=variant curr=current_replicas tgt=target_replicas action",
            ),
        ),
    ),
    LogLine(
        "scaling_decision",
        "D4-",
        "Processing decision for VA",
        f'Processing decision for VA\t{{"variant": "{_NS}/{_VARIANT}", "action": "scale-up", "current": 1, '
        '"target": 4}',
        "variant action current=current_replicas target=target_replicas",
    ),
    LogLine(
        "applied",
        "D4-",
        "Applied saturation decision via shared cache",
        f'Applied saturation decision via shared cache\t{{"variant": "{_NS}/{_VARIANT}", "namespace": "{_NS}", '
        '"action": "scale-up", "target": 4, "reason": "V2 (optimizer: cost-aware)"}',
        "variant namespace? action target=target_replicas reason",
    ),
    LogLine(
        "emit",
        "D4-",
        "EmitReplicaMetrics completed",
        f'EmitReplicaMetrics completed\t{{"variantName": "{_VARIANT}", "currentReplicas": 4, "desiredReplicas": 7, '
        '"accelerator": "NVIDIA-H100-80GB-HBM3"}',
        "variantName=variant currentReplicas=current_replicas desiredReplicas=target_replicas",
    ),
    LogLine(
        "decision_limited",
        "D4-",
        "Decision was limited by GPU availability",
        f'Decision was limited by GPU availability\t{{"variant": "{_VARIANT}", "originalTarget": 6, '
        '"limitedTarget": 4, "limitedBy": "gpu-limiter"}',
        "variant originalTarget=wanted_replicas limitedTarget=target_replicas limitedBy?=reason",
    ),
    # -- per pod, with --v=4 only: the maximum over the last minute; latencies in s
    LogLine(
        "kv_cache",
        "D4-",
        "KV cache metric",
        f'KV cache metric\t{{"instanceKey": "{_POD}|10.0.0.1:8000", "pod": "{_POD}", "usage": 0.85, '
        '"usagePercent": 85}',
        "pod usage=kv_cache_usage",
    ),
    LogLine(
        "queue",
        "D4-",
        "Queue metric",
        f'Queue metric\t{{"instanceKey": "{_POD}|10.0.0.1:8000", "pod": "{_POD}", "queueLength": 3}}',
        "pod queueLength=queue_length",
    ),
    LogLine(
        "pod_metrics",
        "D5-",
        "Avg TTFT metric",
        f'Avg TTFT metric\t{{"pod": "{_POD}", "avgTTFTSeconds": 0.0752}}',
        "pod avgTTFTSeconds*1000=observed_ttft_ms",
    ),
    LogLine(
        "pod_metrics",
        "D5-",
        "Avg ITL metric",
        f'Avg ITL metric\t{{"pod": "{_POD}", "avgITLSeconds": 0.0121}}',
        "pod avgITLSeconds*1000=observed_itl_ms",
    ),
    LogLine(
        "pod_metrics",
        "D5-",
        "Scheduler dispatch rate metric",
        f'Scheduler dispatch rate metric\t{{"pod": "{_POD}", "arrivalRate": 12.5}}',
        "pod arrivalRate*60=arrival_rate_per_min",
    ),
    # -- capacity_analysis: saturation V1
    LogLine(
        "capacity_analysis",
        "D4",
        "saturation analysis completed",
        f'saturation analysis completed\t{{"modelID": "{_MODEL}", "namespace": "{_NS}", {_V1_EXAMPLE}, '
        '"avgSpareKv": 0.05, "avgSpareQueue": 3.5, "shouldScaleUp": true, "scaleDownSafe": false}',
        f"modelID=model namespace {_V1} {_V1_SPARE}",
    ),
    LogLine(
        "capacity_analysis",
        "D4",
        "Saturation analysis completed",
        f'Saturation analysis completed\t{{"modelID": "{_MODEL}", {_V1_EXAMPLE}, "shouldScaleUp": true, '
        '"scaleDownSafe": false}',
        f"modelID=model {_V1} !avgSpareKv !role",
    ),
    LogLine(
        "capacity_analysis",
        "D5",
        "Saturation analysis completed",
        f'Saturation analysis completed\t{{"modelID": "{_MODEL}", {_V1_EXAMPLE}, {_V1_WHY_EXAMPLE}}}',
        f"modelID=model {_V1} {_V1_SPARE} scaleUpReason?=reason !role",
    ),
    LogLine(  # one line per role group
        "capacity_analysis",
        "D6-",
        "Saturation analysis completed",
        f'Saturation analysis completed\t{{"modelID": "{_MODEL}", "role": "decode", {_V1_EXAMPLE}, {_V1_WHY_EXAMPLE}}}',
        f"modelID=model role {_V1} {_V1_SPARE} scaleUpReason?=reason",
    ),
    # -- analyzer_result: demand against supply of a model
    LogLine(
        "analyzer_result",
        "D5",
        "V2 saturation analysis completed",
        f'V2 saturation analysis completed\t{{"modelID": "{_MODEL}", {_V2_EXAMPLE}}}',
        f"modelID=model {_V2} !scaleUpThreshold",
        constant=MappingProxyType({"analyzer": "saturation"}),
    ),
    LogLine(
        "analyzer_result",
        "D6",
        "V2 saturation analysis completed",
        f'V2 saturation analysis completed\t{{"modelID": "{_MODEL}", {_V2_EXAMPLE}, "scaleUpThreshold": 0.85, '
        '"scaleDownBoundary": 0.7}',
        f"modelID=model {_V2} scaleUpThreshold=scale_up_threshold scaleDownBoundary=scale_down_boundary",
        constant=MappingProxyType({"analyzer": "saturation"}),
    ),
    LogLine(
        "analyzer_result",
        "D5 D6",
        "Queueing model analysis completed",
        f'Queueing model analysis completed\t{{"modelID": "{_MODEL}", {_V2_EXAMPLE}}}',
        f"modelID=model {_V2}",
        constant=MappingProxyType({"analyzer": "queueing-model"}),
    ),
    LogLine(  # one line per analyzer
        "analyzer_result",
        "D7-",
        "analyzer-result",
        f'analyzer-result\t{{"modelID": "{_MODEL}", "namespace": "{_NS}", "analyzer": "saturation", "supply": 329011, '
        '"demand": 974024, "util": 2.96, "rc": 816899.6, "sc": 0, "scaleUpThreshold": 0.85, "scaleDownBoundary": 0.7, '
        f'"variants": [{{"name":"{_VARIANT}","prc":329011,"role":"decode","reason":"P1-obs"}}]}}',
        "modelID=model namespace analyzer supply demand util=utilisation rc=required_capacity sc=spare_capacity "
        "scaleUpThreshold?=scale_up_threshold scaleDownBoundary?=scale_down_boundary",
        arrays=(
            (
                "variants",
                "analyzer_variant",
                "^modelID=model ^namespace ^analyzer name=variant prc=capacity_per_replica role? reason?",
            ),
        ),
    ),
    # -- replica_capacity: what bounds a pod, or a variant's compute
    LogLine(
        "replica_capacity",
        "D8",
        "replica-capacity-decision",
        f'replica-capacity-decision\t{{"modelID": "{_MODEL}", "namespace": "{_NS}", "variant": "{_VARIANT}", '
        f'"pod": "{_POD}", "k1MemoryBound": 329011, "k2ComputeBound": 25348, "k2Source": "P2-hist", '
        '"effectiveCapacity": 25348, "boundBy": "k2", "tokensInUse": 20000, "localQueueDemand": 1200, '
        '"replicaDemand": 21200, "queueLength": 3, "queueThreshold": 5}',
        "modelID=model namespace variant pod effectiveCapacity=capacity_per_replica boundBy?=reason "
        "replicaDemand?=demand queueLength?=queue_length",
    ),
    LogLine(
        "replica_capacity",
        "D8",
        "k2-decision",
        f'k2-decision\t{{"modelID": "{_MODEL}", "namespace": "{_NS}", "variant": "{_VARIANT}", "priority": "P1-obs", '
        '"historyKey": "h", "k2": 25348}',
        "modelID=model namespace variant priority?=reason k2=capacity_per_replica",
    ),
    # -- tuner of the queueing model: three parameters
    LogLine(
        "tuner_update",
        "D5 D6",
        "Parameters tuned successfully",
        f'Parameters tuned successfully\t{{"variant": "{_VARIANT}", "namespace": "{_NS}", "alpha": 7.1, "beta": 0.04, '
        '"gamma": 0.0003, "NIS": 0.42}',
        "variant namespace alpha beta gamma NIS=nis",
    ),
    LogLine(
        "nis_rejection",
        "D5 D6",
        "Tuner validation failed, using previous state",
        f'Tuner validation failed, using previous state\t{{"variant": "{_VARIANT}", "namespace": "{_NS}", '
        '"NIS": 27.6}',
        "variant namespace NIS=nis",
    ),
    # -- scale_up_reason, scale_down_refusal: with --v=3
    LogLine(
        "scale_up_reason",
        "D4-",
        "Saturation target: scale-up cheapest variant",
        f'Saturation target: scale-up cheapest variant\t{{"variant": "{_VARIANT}", "cost": 10, "target": 2, '
        '"reason": "KV spare Saturation low (0.050 < 0.100)"}',
        "variant reason",
    ),
    LogLine(
        "scale_down_refusal",
        "D4-",
        _TOO_FEW,
        f'{_TOO_FEW}\t{{"nonSaturated": 1, "required": 2}}',
        "nonSaturated=non_saturated_replicas required=required_replicas",
        constant=MappingProxyType({"reason": "too few non-saturated replicas"}),
    ),
    LogLine(
        "scale_down_refusal",
        "D4-",
        _NO_HEADROOM,
        f'{_NO_HEADROOM}\t{{"remainingSpareKv": 0.136, "kvTrigger": 0.2, "kvSafe": false, "remainingSpareQueue": 5, '
        '"queueTrigger": 3, "queueSafe": true}',
        "remainingSpareKv=remaining_spare_kv kvTrigger=spare_kv_trigger remainingSpareQueue=remaining_spare_queue "
        "queueTrigger=spare_queue_trigger",
        constant=MappingProxyType({"reason": "too little headroom after redistribution"}),
    ),
    # -- safety_net
    LogLine(
        "safety_net",
        "D4-",
        "Safety net activated: emitted fallback metrics",
        f'Safety net activated: emitted fallback metrics\t{{"variant": "{_VARIANT}", "currentReplicas": 2, '
        '"desiredReplicas": 2, "accelerator": "H100", "fallbackSource": "previous-desired"}',
        "variant currentReplicas=current_replicas desiredReplicas=target_replicas fallbackSource=reason",
    ),
    # -- failure
    *(
        LogLine(
            "failure",
            dialects,
            message,
            f'{message}\t{{"modelID": "{_MODEL}", "error": "no metrics"}}',
            "modelID?=model error=reason",
        )
        for dialects, message in (
            ("D4-", "Optimization error"),
            ("D4 D5", "Saturation analysis failed"),
            ("D5-", "V2 analysis failed"),
            ("D5-", "Model data preparation failed"),
            ("D5 D6", "Queueing model analysis failed"),
            (
                "D7",
                "refusing to dispatch the queueing-model path; enable the saturation and/or throughput analyzers "
                "instead",
            ),
        )
    ),
    LogLine(
        "failure",
        "D5 D6",
        "Tuner failed to run for variant",
        f'Tuner failed to run for variant\t{{"variant": "{_VARIANT}", "namespace": "{_NS}", "error": "no load"}}',
        "variant? namespace? error?=reason",
    ),
    *(
        LogLine(
            "failure",
            "D4-",
            message,
            f'{message}\t{{"modelID": "{_MODEL}", "namespace": "{_NS}"}}',
            "modelID?=model namespace?",
            constant=MappingProxyType({"reason": message.partition(",")[0]}),
        )
        for message in (
            "Saturation scaling config not loaded yet for namespace, skipping model",
            "No saturation metrics available for model, skipping analysis",
        )
    ),
    LogLine(  # the kind of the target is in the text since v0.6.0
        "failure",
        "D4-",
        "Scale target <_> not found, waiting for <_>",
        f'Scale target Deployment not found, waiting for deployment watch\t{{"name": "{_VARIANT}", '
        f'"namespace": "{_NS}"}}',
        "namespace",
        constant=MappingProxyType({"reason": "scale target not found"}),
    ),
    LogLine(  # here as well
        "failure",
        "D4-",
        "Failed to get scale target <_:word>",
        f'Failed to get scale target Deployment\t{{"name": "{_VARIANT}", "namespace": "{_NS}", "error": "timed out"}}',
        "namespace? error=reason",
    ),
)

# Before the first release. Its solution names no variant, and its waiting time is no TTFT.
OLDEST_LINES = (
    LogLine(
        "slo",
        "D0",
        "Found SLO for model - model: <model>, class: <_>, slo-itl: <slo_itl_ms:float>, slo-ttw: <_:float>",
        "Found SLO for model - model: default, class: Premium, slo-itl: 24, slo-ttw: 500",
        opens=True,
    ),
    LogLine(
        "slo",
        "D0",
        "Found SLOmodel<model>class<_>slo-itl<slo_itl_ms:float>slo-ttw<_:float>",
        "Found SLOmodeldefaultclassPremiumslo-itl24slo-ttw500",
        opens=True,
    ),
    LogLine(
        "",
        "D0",
        "optimization solution system Solution: \n<_>",
        "optimization solution system Solution: \nc=Premium; m=default; rate=38.67; tk=119; sol=3, alloc={acc=G2; "
        "num=1; maxBatch=4; cost=23, val=-10.7, servTime=17.93741, waitTime=51.055664, rho=0.74483395}; slo-itl=24, "
        "slo-ttw=500, slo-tps=0 \nAllocationByType: \nname=G2, count=1, limit=0, cost=23 \ntotalCost=23 \n",
        each=(
            (
                "prediction",
                "c=<_>; m=<model>; rate=<arrival_rate_per_min:float>; tk=<output_tokens:float>; sol=<_>, "
                "alloc={acc=<_>; num=<predicted_replicas:int>; maxBatch=<_>; cost=<cost:float>, val=<_>, "
                "servTime=<predicted_itl_ms:float>, waitTime=<_>, rho=<_>}; slo-itl=<slo_itl_ms:float>, slo-ttw=<_>",
            ),
        ),
    ),
)

# Lines that say where in a loop run we are.
CONTEXT_LINES = (
    LogLine(
        "loop",
        "D2 D3",
        "Grouped VAs by model: modelCount=<_>, totalVAs=<_>",
        "Grouped VAs by model: modelCount=1, totalVAs=1",
    ),
    LogLine(
        "loop",
        "D4-",
        "Grouped VAs by model",
        'Grouped VAs by model\t{"modelCount": 1, "totalVAs": 1}',
        "modelCount=_ totalVAs=_",
    ),
    LogLine(
        "model",
        "D2 D3",
        "Processing model: modelID=<model>, variantCount=<_>",
        f"Processing model: modelID={_MODEL}, variantCount=1",
    ),
    LogLine(
        "end",
        "D1",
        "Reconciliation completed - variants_processed: <_>, optimization_successful: <_>",
        "Reconciliation completed - variants_processed: 1, optimization_successful: true",
        ends=True,
    ),
    LogLine(
        "end",
        "D2 D3",
        "Reconciliation completed successfully: mode=<reason>, modelsProcessed=<_>, decisionsApplied=<_>",
        "Reconciliation completed successfully: mode=capacity-only, modelsProcessed=1, decisionsApplied=1",
        ends=True,
    ),
    LogLine(
        "end",
        "D2 D3",
        "Reconciliation completed with errors: mode=<reason>, modelsProcessed=<_>, modelsFailed=<_>, "
        "decisionsApplied=<_>",
        "Reconciliation completed with errors: mode=model-only, modelsProcessed=1, modelsFailed=1, decisionsApplied=0",
        ends=True,
    ),
    LogLine(
        "end",
        "D3b",
        "Optimization completed successfully: mode=<reason>, modelsProcessed=<_>, decisionsApplied=<_>",
        "Optimization completed successfully: mode=saturation-only, modelsProcessed=1, decisionsApplied=1",
        ends=True,
    ),
    LogLine(
        "end",
        "D3b",
        "Optimization completed with errors: mode=<reason>, modelsProcessed=<_>, modelsFailed=<_>, "
        "decisionsApplied=<_>",
        "Optimization completed with errors: mode=saturation-only, modelsProcessed=1, modelsFailed=1, "
        "decisionsApplied=0",
        ends=True,
    ),
    LogLine(  # until July 2026 its `mode` is saturation-only whatever ran (`rows` knows)
        "end",
        "D4-",
        "Optimization completed successfully",
        'Optimization completed successfully\t{"mode": "saturation-only", "modelsProcessed": 1, "decisionsApplied": 2}',
        "mode?=reason modelsProcessed=_ decisionsApplied=_",
        ends=True,
    ),
    LogLine(
        "namespace",
        "D2 D3",
        "KV cache metrics collected (max over 1m): modelID=<model>, namespace=<namespace>, podCount=<_>",
        f"KV cache metrics collected (max over 1m): modelID={_MODEL}, namespace={_NS}, podCount=2",
    ),
    LogLine(
        "namespace",
        "D2 D3",
        "Queue metrics collected (max over 1m): modelID=<model>, namespace=<namespace>, podCount=<_>",
        f"Queue metrics collected (max over 1m): modelID={_MODEL}, namespace={_NS}, podCount=2",
    ),
    LogLine(
        "namespace",
        "D2 D3",
        "Collected replica metrics: modelID=<model>, namespace=<namespace>, replicaCount=<_>",
        f"Collected replica metrics: modelID={_MODEL}, namespace={_NS}, replicaCount=2",
    ),
    LogLine(
        "namespace",
        "D2",
        "Collected capacity metrics: modelID=<model>, namespace=<namespace>, metricsCount=<_>",
        f"Collected capacity metrics: modelID={_MODEL}, namespace={_NS}, metricsCount=2",
    ),
    LogLine(
        "namespace",
        "D3",
        "Collected Saturation metrics: modelID=<model>, namespace=<namespace>, metricsCount=<_>",
        f"Collected Saturation metrics: modelID={_MODEL}, namespace={_NS}, metricsCount=2",
    ),
    LogLine(
        "reconciling",
        "D3",
        "Reconciling VariantAutoscaling: name=<variant>, namespace=<namespace>, modelID=<model>",
        f"Reconciling VariantAutoscaling: name={_VARIANT}, namespace={_NS}, modelID={_MODEL}",
    ),
    LogLine(
        "reconciling",
        "D4-D6",
        "Reconciling VariantAutoscaling",
        f'Reconciling VariantAutoscaling\t{{"name": "{_VARIANT}", "namespace": "{_NS}", "modelID": "{_MODEL}"}}',
        "name=variant namespace modelID?=model",
    ),
)

# Lines that are known and from which nothing is taken: (dialects, template, example).
_KNOWN = (
    # configuration and start of a loop run
    (
        "D2b",
        "Capacity scaling config cache updated: <_>",
        "Capacity scaling config cache updated: entries=1, has_default=true",
    ),
    ("D2b", "Capacity scaling configuration loaded successfully", "Capacity scaling configuration loaded successfully"),
    (
        "D3",
        "saturation scaling config cache updated: <_>",
        "saturation scaling config cache updated: entries=1, has_default=true",
    ),
    (
        "D3",
        "saturation scaling configuration loaded successfully",
        "saturation scaling configuration loaded successfully",
    ),
    (
        "D2-",
        "No active VariantAutoscalings found, skipping optimization",
        "No active VariantAutoscalings found, skipping optimization",
    ),
    (
        "D3",
        "VariantAutoscaling resource not found, may have been deleted: <_>",
        "VariantAutoscaling resource not found, may have been deleted: name=, namespace=",
    ),
    (
        "D3",
        "VariantAutoscaling is being deleted, skipping reconciliation: <_>",
        f"VariantAutoscaling is being deleted, skipping reconciliation: name={_VARIANT}, namespace={_NS}",
    ),
    (
        "D3",
        "Failed to get scale target Deployment: <_>",
        f"Failed to get scale target Deployment: name={_VARIANT}, error=not found",
    ),
    (
        "D2+DF D3",
        "Set ownerReference on VariantAutoscaling<_>",
        f"Set ownerReference on VariantAutoscaling: name={_VARIANT}",
    ),
    # collection of metrics
    ("DF", "Replica count mismatch for <_>", f"Replica count mismatch for {_NS}/{_MODEL}: spec=3, reporting_metrics=2"),
    (
        "D2 D3",
        "Pod-to-variant matching successful: <_>",
        f"Pod-to-variant matching successful: totalPods=2, variantCounts=map[{_VARIANT}:2]",
    ),
    (
        "D2 D3",
        "Pod-to-variant matching summary: <_>",
        "Pod-to-variant matching summary: totalPods=2, unmatchedPods=1, variantCounts=map[]",
    ),
    (
        "D2 D3",
        "Skipping pod that doesn't match any deployment: <_>",
        f"Skipping pod that doesn't match any deployment: pod={_POD}, deployments=[a b]",
    ),
    (
        "D2 D3",
        "Pod missing KV cache metrics, using 0 (<_>",
        f"Pod missing KV cache metrics, using 0 (may be starting): pod={_POD}, model={_MODEL}, namespace={_NS}",
    ),
    ("D3+DF", "Pod to owner mapping: <_>", f"Pod to owner mapping: namespace={_NS}, candidatePods=2, matched=2"),
    (
        "DF",
        "Collected capacity metrics for observability in model-only mode: <_>",
        f"Collected capacity metrics for observability in model-only mode: modelID={_MODEL}, replicaCount=1",
    ),
    (
        "D3",
        "Filtering pod from stale vLLM metrics: <_>",
        f"Filtering pod from stale vLLM metrics: pod={_POD}, namespace={_NS}, model={_MODEL}",
    ),
    (
        "DF",
        "Filtered <_> stale pod(s) with metrics for <_>",
        f"Filtered 1 stale pod(s) with metrics for {_NS}/{_MODEL}",
    ),
    (
        "DF",
        "Could not get deployment for VA in model-only metrics logging: <_>",
        f"Could not get deployment for VA in model-only metrics logging: variant={_VARIANT}, error=not found",
    ),
    # capacity analysis and its targets
    (
        "D2 D3",
        "Variant analysis initialized: <_>",
        f"Variant analysis initialized: variant={_VARIANT}, accelerator=H100, cost=10.00, replicaCount=3",
    ),
    (
        "D3-",
        "Target initialized to current replicas<_>",
        f"Target initialized to current replicas (transitioning): variant={_VARIANT}, count=2",
    ),
    (
        "D2",
        "Capacity target: scale-down most expensive variant: <_>",
        f"Capacity target: scale-down most expensive variant: variant={_VARIANT}, cost=10.00, "
        "currentReplicas=3, readyReplicas=3, target=2",
    ),
    (
        "D3",
        "Saturation target: scale-down most expensive variant: <_>",
        f"Saturation target: scale-down most expensive variant: variant={_VARIANT}, cost=10.00, "
        "currentReplicas=4, readyReplicas=4, baseTarget=4, target=3",
    ),
    (
        "D2",
        "Capacity targets: no scaling needed <_>",
        "Capacity targets: no scaling needed (avgSpareKv=0.257, avgSpareQueue=5.0, all variants stable)",
    ),
    (
        "D3",
        "Saturation targets: no scaling needed <_>",
        "Saturation targets: no scaling needed (avgSpareKv=0.257, avgSpareQueue=5.0, all variants stable)",
    ),
    (
        "D2",
        "Capacity targets calculated: <_>",
        f"Capacity targets calculated: modelID={_MODEL}, targets=map[{_VARIANT}:3]",
    ),
    (
        "D3",
        "Saturation targets calculated: <_>",
        f"Saturation targets calculated: modelID={_MODEL}, targets=map[{_VARIANT}:3]",
    ),
    (
        "D2 D3",
        "Preserving desired replicas: <_>",
        f"Preserving desired replicas: variant={_VARIANT}, currentReplicas=2, readyReplicas=1, desired=2",
    ),
    (
        "D3-",
        "Target initialized to metrics count<_>",
        f"Target initialized to metrics count: variant={_VARIANT}, count=2 (stable)",
    ),
    (
        "D2",
        "Capacity-only decisions made for model: <_>",
        f"Capacity-only decisions made for model: {_MODEL} - decision count: 1",
    ),
    (
        "D3",
        "saturation-only decisions made for model: <_>",
        f"saturation-only decisions made for model: {_MODEL} - decision count: 1",
    ),
    # model-based optimization: what the solution and the decision say as well
    (
        "D1 D2 D3",
        "Setting accelerator name<_>",
        "Setting accelerator name: Name=H100, allocationData={H100 14 512 1400 9.98 19.77 {1384 241 515}}",
    ),
    (
        "D2 D3",
        "Model-based optimization completed for model: <_>",
        f"Model-based optimization completed for model: {_MODEL} - model-based targets: map[{_VARIANT}:27]",
    ),
    (
        "D2",
        "Capacity analysis unavailable, using model-based targets only: <_>",
        f"Capacity analysis unavailable, using model-based targets only: modelID={_MODEL}",
    ),
    (
        "D3",
        "saturation analysis unavailable, using model-based targets only: <_>",
        f"saturation analysis unavailable, using model-based targets only: modelID={_MODEL}",
    ),
    (
        "D2 D3",
        "No potential allocations found for server: <_>",
        f"No potential allocations found for server: {_VARIANT}:{_NS}",
    ),
    (
        "D2",
        "Both capacity and model-based failed, activating safety net: <_>",
        f"Both capacity and model-based failed, activating safety net: modelID={_MODEL}",
    ),
    (
        "D3",
        "Both Saturation and model-based failed, activating safety net: <_>",
        f"Both Saturation and model-based failed, activating safety net: modelID={_MODEL}",
    ),
    (
        "D2",
        "Capacity analysis failed and model-based disabled, activating safety net: <_>",
        f"Capacity analysis failed and model-based disabled, activating safety net: modelID={_MODEL}",
    ),
    (
        "D3",
        "saturation analysis failed and model-based disabled, activating safety net: <_>",
        f"saturation analysis failed and model-based disabled, activating safety net: modelID={_MODEL}",
    ),
    (
        "D2",
        "Config read failed and capacity unavailable, activating safety net: <_>",
        f"Config read failed and capacity unavailable, activating safety net: modelID={_MODEL}",
    ),
    (
        "D3",
        "Config read failed and Saturation unavailable, activating safety net: <_>",
        f"Config read failed and Saturation unavailable, activating safety net: modelID={_MODEL}",
    ),
    (
        "D2 D3",
        "Variant preparation failed and <_>",
        f"Variant preparation failed and capacity unavailable, activating safety net: modelID={_MODEL}",
    ),
    (
        "D2 D3",
        "Model-only optimization: no VAs prepared, activating safety net: <_>",
        f"Model-only optimization: no VAs prepared, activating safety net: modelID={_MODEL}",
    ),
    (
        "D2 D3",
        "Safety net: <_>",
        f"Safety net: failed to get current replicas, using VA status: variant={_VARIANT}, error=not found",
    ),
    *(
        (
            "D1",
            f"System data prepared for optimization: - {{ {part}: <_>",
            f"System data prepared for optimization: - {{ {part}: []}}",
        )
        for part in ("count", "accelerators", "serviceClasses", "models", "optimizer")
    ),
    (
        "D1",
        "Optimization completed successfully, emitting optimization metrics",
        "Optimization completed successfully, emitting optimization metrics",
    ),
    ("D1", "Optimized allocation map - <_>", "Optimized allocation map - numKeys: 1, updateList_count: 1"),
    (
        "D1",
        "Optimized allocation entry - <_>",
        f"Optimized allocation entry - key: {_VARIANT}, value: {{2025-10-25 02:31:48.0597 +0000 UTC m=+76.8 H100 1}}",
    ),
    (
        "D1",
        "Optimization metrics emitted, starting to process variants - <_>",
        "Optimization metrics emitted, starting to process variants - variant_count: 1",
    ),
    (
        "D1",
        "Processing variant - <_>",
        f"Processing variant - index: 0, variantAutoscaling-name: {_VARIANT}, namespace: {_NS}, "
        "has_optimized_alloc: true",
    ),
    ("D1", "Completed variant processing loop", "Completed variant processing loop"),
    ("D1", "Found inventory: <_>", "Found inventory: node=n1, model=H100, count=8"),
    # decisions, emission
    ("D2 D3", "Applying scaling decisions: totalDecisions=<_>", "Applying scaling decisions: totalDecisions=1"),
    ("D2 D3", "No scaling decisions to apply", "No scaling decisions to apply"),
    ("D2 D3", "Found VA in map: <_>", f"Found VA in map: variant={_VARIANT}, hasCurrentAlloc=true, accelerator=H100"),
    (
        "D2 D3",
        "Skipping status update for VA without valid metrics or accelerator: <_>",
        f"Skipping status update for VA without valid metrics or accelerator: variant={_VARIANT}, "
        "hasCurrentAlloc=false, decisionAccelerator=",
    ),
    (
        "D2 D3",
        "Skipping EmitReplicaMetrics for variantAutoscaling: <_>",
        f"Skipping EmitReplicaMetrics for variantAutoscaling: {_VARIANT} - NumReplicas is 0",
    ),
    (
        "D2 D3",
        "Successfully emitted metrics for external autoscalers: <_>",
        f"Successfully emitted metrics for external autoscalers: variant={_VARIANT}, targetReplicas=27, "
        "accelerator=H100, SaturationOnly=false",
    ),
    (
        "D1",
        "Successfully emitted optimization signals for external autoscalers - <_>",
        f"Successfully emitted optimization signals for external autoscalers - variant: {_VARIANT}",
    ),
    # tuner
    (
        "DT",
        "Experimental model tuner is enabled globally<_>",
        "Experimental model tuner is enabled globally: tuning model performance parameters for active VAs",
    ),
    (
        "DT",
        "Model tuner is disabled globally <_>",
        "Model tuner is disabled globally (EXPERIMENTAL_MODEL_TUNER_ENABLED=false), using spec parameters for all VAs",
    ),
    (
        "DT",
        "Using state vals from VA status to tune variant <_>",
        f"Using state vals from VA status to tune variant {_VARIANT}: alpha= 9.72, beta= 0.05, gamma= 17.4, "
        "delta= 0.0002",
    ),
    (
        "DT",
        "Using initial state from spec for variant <_>",
        f"Using initial state from spec for variant {_VARIANT}: {_PARMS}",
    ),
    (
        "DT",
        "Using guessed initial state for variant <_>",
        f"Using guessed initial state for variant {_VARIANT}: {_PARMS}",
    ),
    (
        "DT",
        "Failed to guess initial state for variant <_>",
        f"Failed to guess initial state for variant {_VARIANT}: no load. Trying spec.",
    ),
    (
        "DT",
        "[Tuner Config] <_>",
        f"[Tuner Config] variant={_VARIANT}/{_NS} | Initial state: {_PARMS} | SLO targets: TTFT=1000.00ms, "
        "ITL=10.00ms | Has covariance=true",
    ),
    ("DT", "Model tuner results: <_>", f"Model tuner results: model={_MODEL}, accelerator=H100, {_PARMS}, NIS=0.81"),
    (
        "DT",
        "Updated tuner status for variant <_>",
        f"Updated tuner status for variant {_VARIANT}: {_PARMS}, NIS=0.002375",
    ),
    (
        "DT",
        "Tuned parameters unchanged for variant <_>",
        f"Tuned parameters unchanged for variant {_VARIANT}, skipping status update",
    ),
    (
        "DT",
        "Skipping tuning for variant <_>",
        f"Skipping tuning for variant {_VARIANT}/{_NS} due to insufficient load. Using fallback parameters.",
    ),
    (
        "DT",
        "Using tuned parameters from status for variant <_>",
        f"Using tuned parameters from status for variant {_VARIANT}/{_NS}",
    ),
    (
        "DT",
        "Using fallback parameters for variant <_>",
        f"Using fallback parameters for variant {_VARIANT}/{_NS}: {_PARMS}",
    ),
    ("DT", "Using parameters from spec for variant <_>", f"Using parameters from spec for variant {_VARIANT}/{_NS}"),
    ("DT", "Updated SystemData for model=<_>", f"Updated SystemData for model={_MODEL}, accelerator=H100: {_PARMS}"),
    (
        "DT",
        "Updated VA status for variant <_>",
        f"Updated VA status for variant {_VARIANT}/{_NS}, model {_MODEL}, accelerator H100: "
        "state=[9.5, 0.02, 19.3, 0.0002]",
    ),
    # start-up of the process, and the machinery around it
    ("D1 D2 D3", "Zap logger initialized", "Zap logger initialized"),
    ("D1-", "Creating metrics emitter instance", "Creating metrics emitter instance"),
    ("D1-", "Metrics emitter created successfully", "Metrics emitter created successfully"),
    (
        "D1 D2 D3",
        "Using Prometheus configuration from <_>",
        "Using Prometheus configuration from environment variables: address=https://prometheus:9090",
    ),
    (
        "D1 D2 D3",
        "Initializing Prometheus client -> <_>",
        "Initializing Prometheus client -> address: https://prometheus:9090, tls_enabled: true",
    ),
    (
        "D1 D2 D3",
        "CA certificate loaded successfully<_>",
        "CA certificate loaded successfullypath/etc/ssl/certs/prometheus-ca.crt",
    ),
    (
        "D1 D2 D3",
        "TLS configuration applied to Prometheus HTTPS transport",
        "TLS configuration applied to Prometheus HTTPS transport",
    ),
    (
        "D1 D2 D3",
        "Bearer token loaded from file<_>",
        "Bearer token loaded from filepath/var/run/secrets/kubernetes.io/serviceaccount/token",
    ),
    ("D1-", "Prometheus API validation successful<_>", "Prometheus API validation successful with queryqueryup"),
    (
        "D1-",
        "Prometheus client and API wrapper initialized and validated successfully",
        "Prometheus client and API wrapper initialized and validated successfully",
    ),
    ("D1-", "Starting manager", "Starting manager"),
    (
        "D1-",
        "Registering custom metrics with Prometheus registry",
        "Registering custom metrics with Prometheus registry",
    ),
    ("D1-", "disabling http/2", "disabling http/2"),
    ("D1-", "Starting metrics server", "Starting metrics server"),
    ("D1-", "starting server", "starting server"),
    ("D1-", "Serving metrics server", "Serving metrics server"),
    ("D1-", "Starting EventSource", "Starting EventSource"),
    ("D1-", "Starting Controller", "Starting Controller"),
    ("D1-", "Starting workers", "Starting workers"),
    ("D1 D2 D3", "Authentication failed", "Authentication failed"),
    (
        "D2a",
        "Failed to load initial capacity scaling config, will use defaults<_>",
        "Failed to load initial capacity scaling config, will use defaults{error 26 0  timed out}",
    ),
    (
        "D2a",
        "Initial capacity scaling configuration loaded successfully",
        "Initial capacity scaling configuration loaded successfully",
    ),
    (
        "D1 D2 D3",
        "<_>transient error getting resource, retrying - <_>",
        "the cache is not started, can not read objectstransient error getting resource, retrying - "
        "resourceType: ConfigMap name: c namespace: n",
    ),
    ("D1 D2 D3", "problem running manager<_>", "problem running manager{error 26 0  leader election lost}"),
)

# The same of the releases that print values as JSON; nothing but the message matters: (dialects, template).
_KNOWN_STRUCTURED = (
    # loop run
    ("D4-", "Applying scaling decisions"),
    ("D4-", "No scaling decisions to apply, updating VA status with metrics"),
    ("D4-", "Successfully emitted metrics"),
    ("D4-", "Skipping EmitReplicaMetrics - NumReplicas is 0"),
    ("D4-", "Pod missing KV cache metrics, using 0"),
    ("D4-", "Model in transition, blocking scaling decisions"),
    ("D5-", "V2 optimizer produced decisions"),
    ("D5-", "Skipping EmitReplicaMetrics - no optimization decision yet"),
    ("D5 D6", "Queueing model optimizer produced decisions"),
    ("D5 D6", "No SLO targets"),
    ("D5 D6", "Restoring tuner state from parameter store"),
    ("D5 D6", "Using guessed initial state"),
    ("D4 D5", "Saturation-only decisions made for model"),
    ("D5 D6", "Pod has vLLM metrics but no dispatch rate — possible pod/pod_name label mismatch"),
    ("D6-", "Saturation-only decisions made for role group"),
    ("D7-", "Pod has engine metrics but no dispatch rate — possible pod/pod_name label mismatch"),
    ("D7-", "throughput analyzer: GPS mismatch detected"),
    ("D7-", "throughput analyzer: GPS mismatch persisted, clearing observation window for recalibration"),
    ("D7-", "throughput analyzer has a live capacity signal but has reported no demand <_>"),
    ("D8", "replica-capacity-store-fallback"),
    ("D8", "scheduler-queue-demand"),
    ("D8", "variant-capacity-source"),
    ("D8", "zero-replica-capacity-estimate"),
    ("D8", "replica-capacity-skipped"),
    ("D8", "Pod is serving but no dispatch rate was collected<_>"),
    # targets: with --v=3
    ("D4-", "Saturation target: scale-down most expensive variant"),
    ("D4-", "Saturation targets: no scaling needed"),
    ("D4-", "Saturation targets calculated"),
    ("D4-", "Preserving desired replicas"),
    # the reconciler, beside the loop
    ("D4 D5", "Found decision in cache"),
    ("D5 D6", "Applying scaling decision from cache"),
    ("D4-D6", "No decision found in cache for VA"),
    ("D6", "VariantAutoscaling is deprecated; migrate to the annotation-based path"),
    # start-up of the process, and the machinery around it
    ("D4-", "Logger initialized"),
    ("D4-", "Configuration loaded successfully"),
    ("D4-", "Initializing Prometheus client"),
    ("D4-", "Setting up indexes"),
    ("D4-", "Indexes setup completed"),
    ("D4-", "Initializing metrics source registry"),
    ("D4-", "Caches populated"),
    ("D4-", "Updated global saturation config"),
    ("D4-", "Updated global saturation config from ConfigMap"),
    ("D4-", "Bootstrap ConfigMap not found, continuing with defaults"),
    ("D4-", "Initial ConfigMap bootstrap completed"),
    ("D4-", "Ignoring unrecognized ConfigMap"),
    ("D4-", "Watching single namespace"),
    ("D4-", "Loaded config from file"),
    ("D4-", "LeaderWorkerSet CRD detected <_>"),
    ("D4-", "KEDA ScaledObject CRD detected <_>"),
    ("D4-", "Coordinator disabled <_>"),
    ("D4-", "GPU limiter constructed"),
    ("D4-", "GPU limiter (re)built from config"),
    ("D4-", "ThroughputAnalyzer registered <_>"),
    ("D4-", "if kind is a CRD, <_>"),
    ("D4-", "<_> became leader"),
)

# What a template leaves open, in its example.
_OPEN_PART = "and more"

KNOWN_LINES = (
    *(LogLine("", dialects, template, example) for dialects, template, example in _KNOWN),
    *(LogLine("", dialects, template, template.replace("<_>", _OPEN_PART)) for dialects, template in _KNOWN_STRUCTURED),
)

LOG_LINES = EVENT_LINES + STRUCTURED_LINES + OLDEST_LINES + CONTEXT_LINES + KNOWN_LINES
