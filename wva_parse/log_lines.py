"""The log lines of the Workload Variant Autoscaler, as a table.

One row of `LOG_LINES` is one line that a controller prints, written as its template with the values
named by the columns of metrics.csv. Reading another release means adding rows. Renamed phrases
(capacity, later saturation) are rows of their own.

Template syntax: `<column>` text, `<column:int>`, `<column:float>`, `<column:bool>`; `<_>` a value nobody
needs; `<?...?>` a part that some builds leave out. All else stands to the letter. A template is matched
from the start of the message to its end.

Units are the log's: ITL and TTFT in ms, rates in requests per **minute**, KV usage from 0 to 1.

The names of the dialects (D1 to D3, with DT for the tuner's lines and DF for those of a research fork):
D1 v0.0.1 to v0.0.4, D2 v0.0.5 to v0.4.2, D3 the untagged builds of December 2025.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

Value = str | int | float | bool | None


class LogLine(NamedTuple):
    """One row of the table: a line that a controller prints.

    `kind` is an `event_type` of metrics.csv or one of the context kinds that `rows` uses (`loop`, `end`,
    `model`, `namespace`, `reconciling`, `nis`, `applied`, `emit`); empty for a line that is known and says
    nothing we need.
    """

    kind: str
    dialects: str
    template: str
    example: str  # a whole message in the documented form; a test reads it
    constant: Mapping[str, Value] = MappingProxyType({})  # columns that the words themselves say
    each: tuple[tuple[str, str], ...] = ()  # (kind, template) of the entries that one message holds
    keys: Mapping[str, str] = MappingProxyType({})  # JSON keys beside the message -> columns
    opens: bool = False  # a loop run starts here
    ends: bool = False  # the loop run is over


_VARIANT = "llama-decode"
_NS = "llm-d"
_MODEL = "unsloth/Meta-Llama-3.1-8B"
_POD = "llama-decode-7b86984dgftqv"
_PARMS = "alpha=9.545476, beta=0.022966, gamma=19.329866, delta=0.000184"
_PARMS_TEMPLATE = "alpha=<alpha:float>, beta=<beta:float>, gamma=<gamma:float>, delta=<delta:float>"
_PARMS_COLON = "alpha: <alpha:float>, beta: <beta:float>, gamma: <gamma:float>, delta: <delta:float>"

_SERVER = (
    "s=<variant>:<namespace>; c=<_>; m=<model>; rate=<arrival_rate_per_min:float>; inTk=<input_tokens:float>; "
    "outTk=<output_tokens:float>; sol=<_>, sat=<_>, alloc={acc=<_>; numRep=<predicted_replicas:int>; "
    "maxBatch=<_>; cost=<cost:float>, val=<_>, itl=<predicted_itl_ms:float>, ttft=<predicted_ttft_ms:float>, "
    "rho=<_>, maxRPM=<_>}; slo-itl=<slo_itl_ms:float>, slo-ttft=<slo_ttft_ms:float>, slo-tps=<_> \n"
)
_SERVER_WITHOUT_SOLUTION = "s=<variant>:<namespace>; c=<_>; m=<model>; no feasible allocation! \n"
_SERVER_DATA = (
    "name: <variant>:<namespace>,   class: <_>,   model: <model>,   keepAccelerator: <_>,   "
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
_APPLIED = (
    " decision: variant=<variant>, action=<action>, current=<current_replicas:int>, "
    "target=<target_replicas:int>, reason=<reason>"
)
_TROUBLESHOOTING = "No vLLM metrics found for model 'm' in namespace 'n'. Check: (1) ServiceMonitor exists"


def _mode(dialects: str, template: str, mode: str) -> LogLine:
    return LogLine("mode", dialects, template, template, constant={"reason": mode}, opens=True)


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
        "System data prepared for optimization: - { servers: [<_>",
        f"System data prepared for optimization: - {{ servers: [  {{   name: {_VARIANT}:{_NS},   class: "
        f"Premium,   model: {_MODEL},   keepAccelerator: true,   minNumReplicas: 1,   maxBatchSize: 512,   "
        "currentAlloc: {    accelerator: H100,    numReplicas: 2,    maxBatch: 256,    cost: 200,    "
        "itlAverage: 8.64,    ttftAverage: 18.25,    load: {     arrivalRate: 703.89,     avgInTokens: 257,"
        "     avgOutTokens: 484    }   },   desiredAlloc: {    accelerator: ,    numReplicas: 0,    "
        "maxBatch: 0,    cost: 0,    itlAverage: 0,    ttftAverage: 0,    load: {     arrivalRate: 0,     "
        "avgInTokens: 0,     avgOutTokens: 0    }   }  } ]}",
        each=(("observed_metrics", _SERVER_DATA),),
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
        "Applied Saturation decision: variant=<variant>, action=<action>, target=<target_replicas:int>, "
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
        constant={"reason": "no feasible allocations found for all variants"},
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
        "Metrics unavailable, skipping optimization for variant",
        keys={"variant": "variant", "namespace": "namespace", "model": "model", "reason": "reason"},
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

# Lines that say where in a loop run we are.
CONTEXT_LINES = (
    LogLine(
        "loop",
        "D2 D3",
        "Grouped VAs by model: modelCount=<_>, totalVAs=<_>",
        "Grouped VAs by model: modelCount=1, totalVAs=1",
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
)

# Lines that are known and from which nothing is taken: (dialects, template, example).
_KNOWN = (
    # configuration and start of a loop run
    (
        "D2b",
        "Capacity scaling config cache updated: <_>",
        "Capacity scaling config cache updated: entries=1, has_default=true",
    ),
    (
        "D2b",
        "Capacity scaling configuration loaded successfully",
        "Capacity scaling configuration loaded successfully",
    ),
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
        "D2 D3",
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
        "D3",
        "Set ownerReference on VariantAutoscaling<_>",
        f"Set ownerReference on VariantAutoscaling: name={_VARIANT}",
    ),
    # collection of metrics
    (
        "DF",
        "Replica count mismatch for <_>",
        f"Replica count mismatch for {_NS}/{_MODEL}: spec=3, reporting_metrics=2",
    ),
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
        "Pod missing KV cache metrics, using 0<_>",
        f"Pod missing KV cache metrics, using 0 (may be starting): pod={_POD}, model={_MODEL}, namespace={_NS}",
    ),
    (
        "D3+DF",
        "Pod to owner mapping: <_>",
        f"Pod to owner mapping: namespace={_NS}, candidatePods=2, matched=2",
    ),
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
        "D2 D3",
        "Scale-down unsafe: <_>",
        "Scale-down unsafe: insufficient headroom after redistribution: remainingSpareKv=0.136, "
        "kvTrigger=0.200, kvSafe=false, remainingSpareQueue=5.0, queueTrigger=3.0%!(EXTRA bool=true)",
    ),
    (
        "D2",
        "Capacity target: scale-up cheapest variant: <_>",
        f"Capacity target: scale-up cheapest variant: variant={_VARIANT}, cost=10.00, currentReplicas=2, "
        "readyReplicas=1, target=2, reason=both KV spare (0.000 < 0.200) and queue spare (0.0 < 3.0)",
    ),
    (
        "D2",
        "Capacity target: scale-down most expensive variant: <_>",
        f"Capacity target: scale-down most expensive variant: variant={_VARIANT}, cost=10.00, "
        "currentReplicas=3, readyReplicas=3, target=2",
    ),
    (
        "D3",
        "Saturation target: scale-up cheapest variant: <_>",
        f"Saturation target: scale-up cheapest variant: variant={_VARIANT}, cost=10.00, currentReplicas=1, "
        "readyReplicas=1, baseTarget=1, target=2, reason=both KV spare (0.000 < 0.100) and queue spare "
        "(0.0 < 3.0)",
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
        "D3",
        "Target initialized to <_>",
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
    (
        "D1",
        "System data prepared for optimization: - { <_>",
        "System data prepared for optimization: - { count: []}",
    ),
    (
        "D1",
        "Optimization completed successfully, emitting optimization metrics",
        "Optimization completed successfully, emitting optimization metrics",
    ),
    (
        "D1",
        "Optimized allocation map - <_>",
        "Optimized allocation map - numKeys: 1, updateList_count: 1",
    ),
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
    (
        "D2 D3",
        "Applying scaling decisions: totalDecisions=<_>",
        "Applying scaling decisions: totalDecisions=1",
    ),
    ("D2 D3", "No scaling decisions to apply", "No scaling decisions to apply"),
    (
        "D2 D3",
        "Found VA in map: <_>",
        f"Found VA in map: variant={_VARIANT}, hasCurrentAlloc=true, accelerator=H100",
    ),
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
    (
        "DT",
        "Model tuner results: <_>",
        f"Model tuner results: model={_MODEL}, accelerator=H100, {_PARMS}, NIS=0.81",
    ),
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
    (
        "DT",
        "Using parameters from spec for variant <_>",
        f"Using parameters from spec for variant {_VARIANT}/{_NS}",
    ),
    (
        "DT",
        "Updated SystemData for model=<_>",
        f"Updated SystemData for model={_MODEL}, accelerator=H100: {_PARMS}",
    ),
    (
        "DT",
        "Updated VA status for variant <_>",
        f"Updated VA status for variant {_VARIANT}/{_NS}, model {_MODEL}, accelerator H100: "
        "state=[9.5, 0.02, 19.3, 0.0002]",
    ),
    # start-up of the process, and the machinery around it
    ("D1 D2 D3", "Zap logger initialized", "Zap logger initialized"),
    ("D1 D2 D3", "Creating metrics emitter instance", "Creating metrics emitter instance"),
    ("D1 D2 D3", "Metrics emitter created successfully", "Metrics emitter created successfully"),
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
    (
        "D1 D2 D3",
        "Prometheus API validation successful<_>",
        "Prometheus API validation successful with queryqueryup",
    ),
    (
        "D1 D2 D3",
        "Prometheus client and API wrapper initialized and validated successfully",
        "Prometheus client and API wrapper initialized and validated successfully",
    ),
    ("D1 D2 D3", "Starting manager", "Starting manager"),
    (
        "D1 D2 D3",
        "Registering custom metrics with Prometheus registry",
        "Registering custom metrics with Prometheus registry",
    ),
    ("D1 D2 D3", "disabling http/2", "disabling http/2"),
    ("D1 D2 D3", "Starting metrics server", "Starting metrics server"),
    ("D1 D2 D3", "starting server", "starting server"),
    ("D1 D2 D3", "Serving metrics server", "Serving metrics server"),
    ("D1 D2 D3", "Starting EventSource", "Starting EventSource"),
    ("D1 D2 D3", "Starting Controller", "Starting Controller"),
    ("D1 D2 D3", "Starting workers", "Starting workers"),
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
    (
        "D1 D2 D3",
        "problem running manager<_>",
        "problem running manager{error 26 0  leader election lost}",
    ),
)

KNOWN_LINES = tuple(LogLine("", dialects, template, example) for dialects, template, example in _KNOWN)

LOG_LINES = EVENT_LINES + CONTEXT_LINES + KNOWN_LINES
