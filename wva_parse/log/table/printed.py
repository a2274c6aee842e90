"""D1 to D3, v0.0.1 to December 2025: values are printed into the message. With the lines of a research fork (DF).

Capacity is called saturation from D3 on: rows of their own.
"""

from __future__ import annotations

from types import MappingProxyType

from wva_parse.log.table.form import MODEL, NO_HEADROOM, NS, POD, SOLUTIONS, TOO_FEW, VARIANT, LogLine, known

_SERVER = (
    "s=<variant:word>:<namespace:word>; c=<_>; m=<model>; rate=<arrival_rate_per_min:float>; "
    "inTk=<input_tokens:float>; outTk=<output_tokens:float>; sol=<_>, sat=<_>, "
    "alloc={acc=<_>; numRep=<predicted_replicas:int>; maxBatch=<max_batch:int>; cost=<cost:float>, val=<_>, "
    "itl=<predicted_itl_ms:float>, ttft=<predicted_ttft_ms:float>, rho=<_>, maxRPM=<_>}; "
    "slo-itl=<slo_itl_ms:float>, slo-ttft=<slo_ttft_ms:float>, slo-tps=<_> \n"
)
_SERVER_WITHOUT_SOLUTION = "s=<variant:word>:<namespace:word>; c=<_>; m=<model>; <reason>! \n"
# What follows, of the allocation that is wanted, has the same names.
_SERVER_DATA = (
    "name: <variant:word>:<namespace:word>,   class: <_:field>,   model: <model>,   keepAccelerator: <_:field>,   "
    "minNumReplicas: <_:field>,   maxBatchSize: <_:field>,   currentAlloc: {    accelerator: <_:field>,    "
    "numReplicas: <observed_replicas:int>,    maxBatch: <_:field>,    cost: <cost:float>,    "
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
    f"Metrics collected for VA: variant={VARIANT}, replicas=2, accelerator=H100, ttft=20.68ms, itl=11.93ms, cost=200.00"
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
    f" analysis completed: modelID={MODEL}, namespace={NS}, totalReplicas=1, nonSaturated=0, "
    "avgSpareKv=0.000, avgSpareQueue=0.0, shouldScaleUp=true, scaleDownSafe=false"
)
_ANALYSIS_SHORT_EXAMPLE = (
    f" analysis completed: modelID={MODEL}, totalReplicas=1, nonSaturated=0, shouldScaleUp=true, scaleDownSafe=false"
)
_TARGET = "variant=<variant>, cost=<_>, currentReplicas=<_>, readyReplicas=<_>"
_TARGET_EXAMPLE = f"variant={VARIANT}, cost=10.00, currentReplicas=1, readyReplicas=1"
_APPLIED = (
    " decision: variant=<variant>, action=<action>, current=<current_replicas:int>, "
    "target=<target_replicas:int>, reason=<reason>"
)
_TROUBLESHOOTING = "No vLLM metrics found for model 'm' in namespace 'n'. Check: (1) ServiceMonitor exists"


def _mode(dialects: str, template: str, mode: str) -> LogLine:
    return LogLine("mode", dialects, template, template, constant=MappingProxyType({"reason": mode}), opens=True)


# Lines from which rows of metrics.csv are made.
EVENTS = (
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
        f"Found SLO for model - model: {MODEL}, class: Premium, slo-tpot: 10, slo-ttft: 1000",
        opens=True,
    ),
    LogLine(
        "slo",
        "D2 D3",
        "Found SLO for model: model=<model>, class=<_>, slo-tpot=<slo_itl_ms:float>, slo-ttft=<slo_ttft_ms:float>",
        f"Found SLO for model: model={MODEL}, class=Premium, slo-tpot=10, slo-ttft=1000",
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
        f"System data prepared for optimization: - {{ servers: [  {{   name: {VARIANT}:{NS},   class: "
        f"Premium,   model: {MODEL},   keepAccelerator: true,   minNumReplicas: 1,   maxBatchSize: 512,   "
        "currentAlloc: {    accelerator: H100,    numReplicas: 2,    maxBatch: 256,    cost: 200,    "
        "itlAverage: 8.64,    ttftAverage: 18.25,    load: {     arrivalRate: 703.89,     avgInTokens: 257,"
        "     avgOutTokens: 484    }   },   desiredAlloc: {    accelerator: ,    numReplicas: 0,    "
        "maxBatch: 0,    cost: 0,    itlAverage: 0,    ttftAverage: 0,    load: {     arrivalRate: 0,     "
        "avgInTokens: 0,     avgOutTokens: 0    }   }  } ]}",
        each=(("observed_metrics", _SERVER_DATA),),
        parts=(r"servers: (.*)", r"(?<=[\[,])\s*(?=\{)"),  # an object of the list; those within it follow a colon
        called="servers",
        opens=True,
    ),
    # -- prediction: one entry per variant, in any order
    LogLine(
        "",
        "D1 D2 D3",
        "Optimization solution - system: Solution: \n<_>",
        f"Optimization solution - system: Solution: \ns={VARIANT}:{NS}; c=Premium; m={MODEL}; rate=3723.73; "
        "inTk=233; outTk=460; sol=1, sat=false, alloc={acc=H100; numRep=27; maxBatch=512; cost=2700, val=1700, "
        "itl=9.991692, ttft=16.764963, rho=0.020664725, maxRPM=139.75575}; slo-itl=10, slo-ttft=1000, "
        "slo-tps=0 \nAllocationByType: \nname=NVIDIA-H100-80GB-HBM3, count=27, limit=0, cost=2700 "
        "\ntotalCost=2700 \n",
        each=(("prediction", _SERVER), ("failure", _SERVER_WITHOUT_SOLUTION)),
        parts=SOLUTIONS,
        called="solutions",
    ),
    # -- scaling_decision
    LogLine(
        "scaling_decision",
        "D2 D3",
        "Processing decision: variant=<variant>, action=<action>, "
        "current=<current_replicas:int>→target=<target_replicas:int>",
        f"Processing decision: variant={VARIANT}, action=scale-up, current=1→target=2",
    ),
    LogLine(
        "scaling_decision",
        "D3b",
        "Processing decision for VA: variant=<variant>, action=<action>, "
        "current=<current_replicas:int>→target=<target_replicas:int>",
        f"Processing decision for VA: variant={VARIANT}, action=scale-up, current=1→target=2",
    ),
    LogLine(
        "applied",
        "D2",
        "Applied capacity" + _APPLIED,
        f"Applied capacity decision: variant={VARIANT}, action=scale-up, current=1, target=2, "
        "reason=capacity-only mode: scale-up",
    ),
    LogLine(
        "applied",
        "D3",
        "Applied Saturation" + _APPLIED,
        f"Applied Saturation decision: variant={VARIANT}, action=scale-down, current=10, target=7, "
        "reason=model-based only (Saturation unavailable)",
    ),
    LogLine(
        "applied",
        "D3b",
        "Applied Saturation decision: variant=<variant>, action=<action:word>, target=<target_replicas:int>, "
        "reason=<reason>",
        f"Applied Saturation decision: variant={VARIANT}, action=no-change, target=1, "
        "reason=saturation-only mode: no-change",
    ),
    # D1 has no other word for its decision; from D2 on this repeats the decision.
    LogLine(
        "emit",
        "D1a",
        "EmitReplicaMetrics completed for variantAutoscaling-name: <variant>, "
        "current-replicas: <current_replicas:int>, desired-replicas: <target_replicas:int>, accelerator: <_>",
        f"EmitReplicaMetrics completed for variantAutoscaling-name: {VARIANT}, current-replicas: 5, "
        "desired-replicas: 4, accelerator: H100",
    ),
    LogLine(
        "emit",
        "D1b D2 D3",
        "EmitReplicaMetrics completed - variant: <variant>, current-replicas: <current_replicas:int>, "
        "desired-replicas: <target_replicas:int>, accelerator: <_>",
        f"EmitReplicaMetrics completed - variant: {VARIANT}, current-replicas: 10, desired-replicas: 27, "
        "accelerator: H100",
    ),
    # -- kv_cache, queue: the maximum over the last minute, per pod
    LogLine(
        "kv_cache",
        "D2 D3",
        "KV cache metric: pod=<pod>, usage=<kv_cache_usage:float> (<_>%)",
        f"KV cache metric: pod={POD}, usage=0.652 (65.2%)",
    ),
    LogLine(
        "queue",
        "D2 D3",
        "Queue metric: pod=<pod>, queueLength=<queue_length:int>",
        f"Queue metric: pod={POD}, queueLength=284",
    ),
    # -- capacity_analysis: DEBUG says more, INFO repeats it
    LogLine("capacity_analysis", "D2", "Capacity" + _ANALYSIS, "Capacity" + _ANALYSIS_EXAMPLE),
    LogLine("capacity_analysis", "D2", "Capacity" + _ANALYSIS_SHORT, "Capacity" + _ANALYSIS_SHORT_EXAMPLE),
    LogLine("capacity_analysis", "D3", "saturation" + _ANALYSIS, "saturation" + _ANALYSIS_EXAMPLE),
    LogLine("capacity_analysis", "D3", "saturation" + _ANALYSIS_SHORT, "saturation" + _ANALYSIS_SHORT_EXAMPLE),
    # -- replica_count: said only where the two differ
    LogLine(
        "replica_count",
        "DF",
        "Replica count mismatch for <namespace:name>/<model>: spec=<spec_replicas:int>, "
        "reporting_metrics=<reporting_replicas:int>",
        f"Replica count mismatch for {NS}/{MODEL}: spec=3, reporting_metrics=2",
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
        f"{TOO_FEW}: nonSaturated=<non_saturated_replicas:int>, required=<required_replicas:int>",
        f"{TOO_FEW}: nonSaturated=1, required=2",
        constant=MappingProxyType({"reason": "too few non-saturated replicas"}),
    ),
    LogLine(  # the last value, whether the queue would do, has no verb in the format string
        "scale_down_refusal",
        "D2 D3",
        f"{NO_HEADROOM}: remainingSpareKv=<remaining_spare_kv:float>, kvTrigger=<spare_kv_trigger:float>, kvSafe=<_>, "
        "remainingSpareQueue=<remaining_spare_queue:float>, queueTrigger=<spare_queue_trigger:float><?%!(EXTRA <_>)?>",
        f"{NO_HEADROOM}: remainingSpareKv=0.136, kvTrigger=0.200, kvSafe=false, remainingSpareQueue=5.0, "
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
        f"Safety net activated: emitted fallback metrics: variant={VARIANT}, currentReplicas=9, "
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
        f"Metrics unavailable, skipping optimization for variant: variant={VARIANT}, namespace={NS}, "
        f"model={MODEL}, reason=MetricsMissing, troubleshooting={_TROUBLESHOOTING}",
    ),
    LogLine(
        "failure",
        "D2 D3",
        "Metrics unavailable for VA, skipping: variant=<variant>, reason=<reason>, troubleshooting=<_>",
        f"Metrics unavailable for VA, skipping: variant={VARIANT}, reason=MetricsStale, "
        f"troubleshooting={_TROUBLESHOOTING}",
    ),
    LogLine(
        "failure",
        "D1",
        "Metrics unavailable, skipping optimization for variant",
        "Metrics unavailable, skipping optimization for variant\t"
        f'{{"variant": "{VARIANT}", "namespace": "{NS}", "model": "{MODEL}", "reason": "MetricsMissing", '
        f'"troubleshooting": "{_TROUBLESHOOTING}"}}',
        "variant namespace model reason",
    ),
    LogLine(
        "failure",
        "D2 D3",
        "failed to get Deployment after retries: variantAutoscaling-name=<variant>, <?deployment=<_>, ?>error=<reason>",
        f"failed to get Deployment after retries: variantAutoscaling-name={VARIANT}, "
        'error=Deployment.apps "llama-decode" not found',
    ),
    LogLine(  # the error is glued in front
        "failure",
        "D1",
        "<reason>failed to get Deployment after retries - variantAutoscaling-name: <variant>",
        f'Deployment.apps "x" not foundfailed to get Deployment after retries - variantAutoscaling-name: {VARIANT}',
    ),
    LogLine(
        "failure",
        "D2 D3",
        "failed to locate SLO for model: variantAutoscaling-name=<variant>, modelName=<model>, error=<reason>",
        f"failed to locate SLO for model: variantAutoscaling-name={VARIANT}, modelName={MODEL}, "
        "error=model not found in any service class",
    ),
    LogLine(
        "failure",
        "D2 D3",
        "Unable to read optimization config: <reason>",
        'Unable to read optimization config: ConfigMap "wva-config" not found',
    ),
)

# Lines that say where in a loop run we are.
CONTEXT = (
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
        f"Processing model: modelID={MODEL}, variantCount=1",
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
        f"KV cache metrics collected (max over 1m): modelID={MODEL}, namespace={NS}, podCount=2",
    ),
    LogLine(
        "namespace",
        "D2 D3",
        "Queue metrics collected (max over 1m): modelID=<model>, namespace=<namespace>, podCount=<_>",
        f"Queue metrics collected (max over 1m): modelID={MODEL}, namespace={NS}, podCount=2",
    ),
    LogLine(
        "namespace",
        "D2 D3",
        "Collected replica metrics: modelID=<model>, namespace=<namespace>, replicaCount=<_>",
        f"Collected replica metrics: modelID={MODEL}, namespace={NS}, replicaCount=2",
    ),
    LogLine(
        "namespace",
        "D2",
        "Collected capacity metrics: modelID=<model>, namespace=<namespace>, metricsCount=<_>",
        f"Collected capacity metrics: modelID={MODEL}, namespace={NS}, metricsCount=2",
    ),
    LogLine(
        "namespace",
        "D3",
        "Collected Saturation metrics: modelID=<model>, namespace=<namespace>, metricsCount=<_>",
        f"Collected Saturation metrics: modelID={MODEL}, namespace={NS}, metricsCount=2",
    ),
    LogLine(
        "reconciling",
        "D3",
        "Reconciling VariantAutoscaling: name=<variant>, namespace=<namespace>, modelID=<model>",
        f"Reconciling VariantAutoscaling: name={VARIANT}, namespace={NS}, modelID={MODEL}",
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
        f"VariantAutoscaling is being deleted, skipping reconciliation: name={VARIANT}, namespace={NS}",
    ),
    (
        "D3",
        "Failed to get scale target Deployment: <_>",
        f"Failed to get scale target Deployment: name={VARIANT}, error=not found",
    ),
    (
        "D2+DF D3",
        "Set ownerReference on VariantAutoscaling<_>",
        f"Set ownerReference on VariantAutoscaling: name={VARIANT}",
    ),
    # collection of metrics
    (
        "D2 D3",
        "Pod-to-variant matching successful: <_>",
        f"Pod-to-variant matching successful: totalPods=2, variantCounts=map[{VARIANT}:2]",
    ),
    (
        "D2 D3",
        "Pod-to-variant matching summary: <_>",
        "Pod-to-variant matching summary: totalPods=2, unmatchedPods=1, variantCounts=map[]",
    ),
    (
        "D2 D3",
        "Skipping pod that doesn't match any deployment: <_>",
        f"Skipping pod that doesn't match any deployment: pod={POD}, deployments=[a b]",
    ),
    (
        "D2 D3",
        "Pod missing KV cache metrics, using 0 (<_>",
        f"Pod missing KV cache metrics, using 0 (may be starting): pod={POD}, model={MODEL}, namespace={NS}",
    ),
    ("D3+DF", "Pod to owner mapping: <_>", f"Pod to owner mapping: namespace={NS}, candidatePods=2, matched=2"),
    (
        "DF",
        "Collected capacity metrics for observability in model-only mode: <_>",
        f"Collected capacity metrics for observability in model-only mode: modelID={MODEL}, replicaCount=1",
    ),
    (
        "D3",
        "Filtering pod from stale vLLM metrics: <_>",
        f"Filtering pod from stale vLLM metrics: pod={POD}, namespace={NS}, model={MODEL}",
    ),
    (
        "DF",
        "Filtered <_> stale pod(s) with metrics for <_>",
        f"Filtered 1 stale pod(s) with metrics for {NS}/{MODEL}",
    ),
    (
        "DF",
        "Could not get deployment for VA in model-only metrics logging: <_>",
        f"Could not get deployment for VA in model-only metrics logging: variant={VARIANT}, error=not found",
    ),
    # capacity analysis and its targets
    (
        "D2 D3",
        "Variant analysis initialized: <_>",
        f"Variant analysis initialized: variant={VARIANT}, accelerator=H100, cost=10.00, replicaCount=3",
    ),
    (
        "D3-",
        "Target initialized to current replicas<_>",
        f"Target initialized to current replicas (transitioning): variant={VARIANT}, count=2",
    ),
    (
        "D2",
        "Capacity target: scale-down most expensive variant: <_>",
        f"Capacity target: scale-down most expensive variant: variant={VARIANT}, cost=10.00, "
        "currentReplicas=3, readyReplicas=3, target=2",
    ),
    (
        "D3",
        "Saturation target: scale-down most expensive variant: <_>",
        f"Saturation target: scale-down most expensive variant: variant={VARIANT}, cost=10.00, "
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
        f"Capacity targets calculated: modelID={MODEL}, targets=map[{VARIANT}:3]",
    ),
    (
        "D3",
        "Saturation targets calculated: <_>",
        f"Saturation targets calculated: modelID={MODEL}, targets=map[{VARIANT}:3]",
    ),
    (
        "D2 D3",
        "Preserving desired replicas: <_>",
        f"Preserving desired replicas: variant={VARIANT}, currentReplicas=2, readyReplicas=1, desired=2",
    ),
    (
        "D3-",
        "Target initialized to metrics count<_>",
        f"Target initialized to metrics count: variant={VARIANT}, count=2 (stable)",
    ),
    (
        "D2",
        "Capacity-only decisions made for model: <_>",
        f"Capacity-only decisions made for model: {MODEL} - decision count: 1",
    ),
    (
        "D3",
        "saturation-only decisions made for model: <_>",
        f"saturation-only decisions made for model: {MODEL} - decision count: 1",
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
        f"Model-based optimization completed for model: {MODEL} - model-based targets: map[{VARIANT}:27]",
    ),
    (
        "D2",
        "Capacity analysis unavailable, using model-based targets only: <_>",
        f"Capacity analysis unavailable, using model-based targets only: modelID={MODEL}",
    ),
    (
        "D3",
        "saturation analysis unavailable, using model-based targets only: <_>",
        f"saturation analysis unavailable, using model-based targets only: modelID={MODEL}",
    ),
    (
        "D2 D3",
        "No potential allocations found for server: <_>",
        f"No potential allocations found for server: {VARIANT}:{NS}",
    ),
    (
        "D2",
        "Both capacity and model-based failed, activating safety net: <_>",
        f"Both capacity and model-based failed, activating safety net: modelID={MODEL}",
    ),
    (
        "D3",
        "Both Saturation and model-based failed, activating safety net: <_>",
        f"Both Saturation and model-based failed, activating safety net: modelID={MODEL}",
    ),
    (
        "D2",
        "Capacity analysis failed and model-based disabled, activating safety net: <_>",
        f"Capacity analysis failed and model-based disabled, activating safety net: modelID={MODEL}",
    ),
    (
        "D3",
        "saturation analysis failed and model-based disabled, activating safety net: <_>",
        f"saturation analysis failed and model-based disabled, activating safety net: modelID={MODEL}",
    ),
    (
        "D2",
        "Config read failed and capacity unavailable, activating safety net: <_>",
        f"Config read failed and capacity unavailable, activating safety net: modelID={MODEL}",
    ),
    (
        "D3",
        "Config read failed and Saturation unavailable, activating safety net: <_>",
        f"Config read failed and Saturation unavailable, activating safety net: modelID={MODEL}",
    ),
    (
        "D2 D3",
        "Variant preparation failed and <_>",
        f"Variant preparation failed and capacity unavailable, activating safety net: modelID={MODEL}",
    ),
    (
        "D2 D3",
        "Model-only optimization: no VAs prepared, activating safety net: <_>",
        f"Model-only optimization: no VAs prepared, activating safety net: modelID={MODEL}",
    ),
    (
        "D2 D3",
        "Safety net: <_>",
        f"Safety net: failed to get current replicas, using VA status: variant={VARIANT}, error=not found",
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
        f"Optimized allocation entry - key: {VARIANT}, value: {{2025-10-25 02:31:48.0597 +0000 UTC m=+76.8 H100 1}}",
    ),
    (
        "D1",
        "Optimization metrics emitted, starting to process variants - <_>",
        "Optimization metrics emitted, starting to process variants - variant_count: 1",
    ),
    (
        "D1",
        "Processing variant - <_>",
        f"Processing variant - index: 0, variantAutoscaling-name: {VARIANT}, namespace: {NS}, "
        "has_optimized_alloc: true",
    ),
    ("D1", "Completed variant processing loop", "Completed variant processing loop"),
    ("D1", "Found inventory: <_>", "Found inventory: node=n1, model=H100, count=8"),
    # decisions, emission
    ("D2 D3", "Applying scaling decisions: totalDecisions=<_>", "Applying scaling decisions: totalDecisions=1"),
    ("D2 D3", "No scaling decisions to apply", "No scaling decisions to apply"),
    ("D2 D3", "Found VA in map: <_>", f"Found VA in map: variant={VARIANT}, hasCurrentAlloc=true, accelerator=H100"),
    (
        "D2 D3",
        "Skipping status update for VA without valid metrics or accelerator: <_>",
        f"Skipping status update for VA without valid metrics or accelerator: variant={VARIANT}, "
        "hasCurrentAlloc=false, decisionAccelerator=",
    ),
    (
        "D2 D3",
        "Skipping EmitReplicaMetrics for variantAutoscaling: <_>",
        f"Skipping EmitReplicaMetrics for variantAutoscaling: {VARIANT} - NumReplicas is 0",
    ),
    (
        "D2 D3",
        "Successfully emitted metrics for external autoscalers: <_>",
        f"Successfully emitted metrics for external autoscalers: variant={VARIANT}, targetReplicas=27, "
        "accelerator=H100, SaturationOnly=false",
    ),
    (
        "D1",
        "Successfully emitted optimization signals for external autoscalers - <_>",
        f"Successfully emitted optimization signals for external autoscalers - variant: {VARIANT}",
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

KNOWN = tuple(known(*row) for row in _KNOWN)
