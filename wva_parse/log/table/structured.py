"""D4 and later, since v0.5: the message is constant and the values stand beside it as JSON."""

from __future__ import annotations

from types import MappingProxyType

from wva_parse.log.table.form import MODEL, NO_HEADROOM, NS, POD, TOO_FEW, VARIANT, LogLine, known

# The keys of the analyses that values as JSON have in common.
_GROUP = f"{MODEL}|{NS}"
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

# Lines from which rows of metrics.csv and analyzers.csv are made.
EVENTS = (
    # -- mode: per model; the `mode` of the end line says saturation-only for all three until July 2026
    LogLine(
        "mode",
        "D4",
        "Processing model",
        f'Processing model\t{{"modelID": "{MODEL}", "namespace": "{NS}", "variantCount": 2, "groupKey": "{_GROUP}"}}',
        "modelID=model namespace?",
        constant=MappingProxyType({"reason": "saturation-only"}),
    ),
    *(
        LogLine(
            "mode",
            dialects,
            f"Processing model ({suffix})",
            f'Processing model ({suffix})\t{{"modelID": "{MODEL}", "namespace": "{NS}", "variantCount": 1, '
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
        f'Inferred SLO from queueing model\t{{"variant": "{NS}/{VARIANT}", "k": 3, "alpha": 7.1, "beta": 0.04, '
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
        f'scaling-decision\t{{"modelID": "{MODEL}", "namespace": "{NS}", "decisions": [{{"name":"{VARIANT}",'
        '"curr":1,"tgt":4,"action":"scale-up","atMax":true}]}',
        "modelID=_ decisions?=_",  # null where nothing was decided
        arrays=(
            (
                "decisions",
                "announced",
                "^modelID=model ^namespace name=variant curr=current_replicas tgt=target_replicas action "
                "atMax??=at_max",
            ),
        ),
        called="decisions",
    ),
    LogLine(
        "scaling_decision",
        "D4-",
        "Processing decision for VA",
        f'Processing decision for VA\t{{"variant": "{NS}/{VARIANT}", "action": "scale-up", "current": 1, "target": 4}}',
        "variant action current=current_replicas target=target_replicas",
    ),
    LogLine(
        "applied",
        "D4-",
        "Applied saturation decision via shared cache",
        f'Applied saturation decision via shared cache\t{{"variant": "{NS}/{VARIANT}", "namespace": "{NS}", '
        '"action": "scale-up", "target": 4, "reason": "V2 (optimizer: cost-aware)"}',
        "variant namespace? action target=target_replicas reason",
    ),
    LogLine(
        "emit",
        "D4-",
        "EmitReplicaMetrics completed",
        f'EmitReplicaMetrics completed\t{{"variantName": "{VARIANT}", "currentReplicas": 4, "desiredReplicas": 7, '
        '"accelerator": "NVIDIA-H100-80GB-HBM3"}',
        "variantName=variant currentReplicas=current_replicas desiredReplicas=target_replicas",
    ),
    LogLine(
        "decision_limited",
        "D4-",
        "Decision was limited by GPU availability",
        f'Decision was limited by GPU availability\t{{"variant": "{VARIANT}", "originalTarget": 6, '
        '"limitedTarget": 4, "limitedBy": "gpu-limiter"}',
        "variant originalTarget=wanted_replicas limitedTarget=target_replicas limitedBy?=reason",
    ),
    # -- per pod, with --v=4 only: the maximum over the last minute; latencies in s
    LogLine(
        "kv_cache",
        "D4-",
        "KV cache metric",
        f'KV cache metric\t{{"instanceKey": "{POD}|10.0.0.1:8000", "pod": "{POD}", "usage": 0.85, "usagePercent": 85}}',
        "pod usage=kv_cache_usage",
    ),
    LogLine(
        "queue",
        "D4-",
        "Queue metric",
        f'Queue metric\t{{"instanceKey": "{POD}|10.0.0.1:8000", "pod": "{POD}", "queueLength": 3}}',
        "pod queueLength=queue_length",
    ),
    LogLine(
        "pod_metrics",
        "D5-",
        "Avg TTFT metric",
        f'Avg TTFT metric\t{{"pod": "{POD}", "avgTTFTSeconds": 0.0752}}',
        "pod avgTTFTSeconds*1000=observed_ttft_ms",
    ),
    LogLine(
        "pod_metrics",
        "D5-",
        "Avg ITL metric",
        f'Avg ITL metric\t{{"pod": "{POD}", "avgITLSeconds": 0.0121}}',
        "pod avgITLSeconds*1000=observed_itl_ms",
    ),
    LogLine(
        "pod_metrics",
        "D5-",
        "Scheduler dispatch rate metric",
        f'Scheduler dispatch rate metric\t{{"pod": "{POD}", "arrivalRate": 12.5}}',
        "pod arrivalRate*60=arrival_rate_per_min",
    ),
    # -- capacity_analysis: saturation V1
    LogLine(
        "capacity_analysis",
        "D4",
        "saturation analysis completed",
        f'saturation analysis completed\t{{"modelID": "{MODEL}", "namespace": "{NS}", {_V1_EXAMPLE}, '
        '"avgSpareKv": 0.05, "avgSpareQueue": 3.5, "shouldScaleUp": true, "scaleDownSafe": false}',
        f"modelID=model namespace {_V1} {_V1_SPARE}",
    ),
    LogLine(
        "capacity_analysis",
        "D4",
        "Saturation analysis completed",
        f'Saturation analysis completed\t{{"modelID": "{MODEL}", {_V1_EXAMPLE}, "shouldScaleUp": true, '
        '"scaleDownSafe": false}',
        f"modelID=model {_V1} !avgSpareKv !role",
    ),
    LogLine(
        "capacity_analysis",
        "D5",
        "Saturation analysis completed",
        f'Saturation analysis completed\t{{"modelID": "{MODEL}", {_V1_EXAMPLE}, {_V1_WHY_EXAMPLE}}}',
        f"modelID=model {_V1} {_V1_SPARE} scaleUpReason?=reason !role",
    ),
    LogLine(  # one line per role group
        "capacity_analysis",
        "D6-",
        "Saturation analysis completed",
        f'Saturation analysis completed\t{{"modelID": "{MODEL}", "role": "decode", {_V1_EXAMPLE}, {_V1_WHY_EXAMPLE}}}',
        f"modelID=model role {_V1} {_V1_SPARE} scaleUpReason?=reason",
    ),
    # -- analyzer_result: demand against supply of a model
    LogLine(
        "analyzer_result",
        "D5",
        "V2 saturation analysis completed",
        f'V2 saturation analysis completed\t{{"modelID": "{MODEL}", {_V2_EXAMPLE}}}',
        f"modelID=model {_V2} !scaleUpThreshold",
        constant=MappingProxyType({"analyzer": "saturation"}),
    ),
    LogLine(
        "analyzer_result",
        "D6",
        "V2 saturation analysis completed",
        f'V2 saturation analysis completed\t{{"modelID": "{MODEL}", {_V2_EXAMPLE}, "scaleUpThreshold": 0.85, '
        '"scaleDownBoundary": 0.7}',
        f"modelID=model {_V2} scaleUpThreshold=scale_up_threshold scaleDownBoundary=scale_down_boundary",
        constant=MappingProxyType({"analyzer": "saturation"}),
    ),
    LogLine(
        "analyzer_result",
        "D5 D6",
        "Queueing model analysis completed",
        f'Queueing model analysis completed\t{{"modelID": "{MODEL}", {_V2_EXAMPLE}}}',
        f"modelID=model {_V2}",
        constant=MappingProxyType({"analyzer": "queueing-model"}),
    ),
    LogLine(  # one line per analyzer
        "analyzer_result",
        "D7-",
        "analyzer-result",
        f'analyzer-result\t{{"modelID": "{MODEL}", "namespace": "{NS}", "analyzer": "saturation", "supply": 329011, '
        '"demand": 974024, "satDemand": 0, "util": 2.96, "rc": 816899.6, "sc": 0, "roleRC": {"decode": 816899.6}, '
        '"roleSC": {"prefill": 1200}, '
        '"remaining": 0, "spare": 0, "live": true, "scaleUpThreshold": 0.85, "scaleDownBoundary": 0.7, '
        f'"variants": [{{"name":"{VARIANT}","prc":329011,"role":"decode","reason":"P1-obs"}}]}}',
        "modelID=model namespace analyzer supply demand util=utilisation rc=required_capacity sc=spare_capacity "
        "scaleUpThreshold?=scale_up_threshold scaleDownBoundary?=scale_down_boundary",
        arrays=(
            (
                "variants",
                "analyzer_variant",
                "^modelID=model ^namespace ^analyzer name=variant prc=capacity_per_replica role? reason?",
            ),
            # Where prefill and decode are pods of their own: what each role lacks, and has too much of.
            ("roleRC?", "analyzer_role", "^modelID=model ^namespace ^analyzer key=role value=required_capacity"),
            ("roleSC?", "analyzer_role", "^modelID=model ^namespace ^analyzer key=role value=spare_capacity"),
        ),
        called="variants of an analyzer",
    ),
    # -- kv_cache, queue: of a pod that the scheduler tells no rate of, at the default verbosity
    LogLine(
        "kv_cache",
        "D8",
        "Pod is serving but no dispatch rate was collected <_>",
        "Pod is serving but no dispatch rate was collected for it; EPP may be absent, or its pod_name may not match "
        f'this pod\t{{"pod": "{POD}", "model": "{MODEL}", "namespace": "{NS}", "kvCacheUsage": 0.95, '
        '"queueLength": 3}',
        "pod model namespace kvCacheUsage=kv_cache_usage queueLength=_",
        also=(("queue", "pod model namespace queueLength=queue_length"),),
    ),
    # -- replica_capacity: what bounds a pod, or a variant's compute
    LogLine(
        "replica_capacity",
        "D8",
        "replica-capacity-decision",
        f'replica-capacity-decision\t{{"modelID": "{MODEL}", "namespace": "{NS}", "variant": "{VARIANT}", '
        f'"pod": "{POD}", "k1MemoryBound": 329011, "k2ComputeBound": 25348, "k2Source": "P2-hist", '
        '"effectiveCapacity": 25348, "boundBy": "k2", "tokensInUse": 20000, "localQueueDemand": 1200, '
        '"replicaDemand": 21200, "queueLength": 3, "queueThreshold": 5, "requestRate": 2.5, '
        '"saturatedThroughput": 3, "saturatedThroughputBucket": "long"}',
        "modelID=model namespace variant pod effectiveCapacity=capacity_per_replica boundBy?=reason "
        "replicaDemand?=demand queueLength?=queue_length k1MemoryBound?=memory_bound_capacity "
        "k2ComputeBound?=compute_bound_capacity tokensInUse?=tokens_in_use localQueueDemand?=local_queue_demand "
        "queueThreshold?=queue_threshold",
        also=(("queue", "modelID=model namespace pod queueLength=queue_length"),),
    ),
    LogLine(
        "replica_capacity",
        "D8",
        "replica-capacity-store-fallback",
        f'replica-capacity-store-fallback\t{{"modelID": "{MODEL}", "namespace": "{NS}", "variant": "{VARIANT}", '
        f'"pod": "{POD}", "reason": "no vllm:cache_config_info; using capacity-store record", '
        '"storeEffectiveCapacity": 8192, "storeLearnedFrom": "deployment", "kvCacheUsagePct": 0.4, '
        '"effectiveCapacity": 8192, "kvUsageDemand": 3276, "localQueueDemand": 0, "replicaDemand": 3276}',
        "modelID=model namespace variant pod effectiveCapacity=capacity_per_replica reason? replicaDemand?=demand "
        "localQueueDemand?=local_queue_demand kvCacheUsagePct=_",
        also=(("kv_cache", "modelID=model namespace pod kvCacheUsagePct=kv_cache_usage"),),
    ),
    LogLine(
        "replica_capacity",
        "D8",
        "k2-decision",
        f'k2-decision\t{{"modelID": "{MODEL}", "namespace": "{NS}", "variant": "{VARIANT}", "priority": "P3-k2", '
        '"historyKey": "h", "avgInputTokens": 4000, "avgOutputTokens": 1000, "engineParams": {"Engine": "vllm"}, '
        '"reason": "derived", "k2": 25348}',
        "modelID=model namespace variant priority?=reason k2=capacity_per_replica",
    ),
    LogLine(  # nothing tells what the compute bounds: the memory does
        "replica_capacity",
        "D8",
        "k2-decision",
        f'k2-decision\t{{"modelID": "{MODEL}", "namespace": "{NS}", "variant": "{VARIANT}", "priority": "P4-k1", '
        '"historyKey": "h", "reason": "no observed/historical/derived k2; capacity is memory-bound only", '
        '"k1": 487065}',
        "modelID=model namespace variant priority=reason k1=capacity_per_replica !k2",
    ),
    LogLine(
        "replica_capacity",
        "D8",
        "zero-replica-capacity-estimate",
        f'zero-replica-capacity-estimate\t{{"modelID": "{MODEL}", "namespace": "{NS}", "variant": "{VARIANT}", '
        '"source": "stored-live", "reason": "prior live observation reused while replica count is zero", '
        '"perReplicaCapacity": 487065}',
        "modelID=model namespace variant source=reason perReplicaCapacity?=capacity_per_replica",
    ),
    LogLine(
        "replica_capacity",
        "D8",
        "variant-capacity-source",
        f'variant-capacity-source\t{{"modelID": "{MODEL}", "namespace": "{NS}", "variant": "{VARIANT}", '
        '"reason": "no own capacity record; borrowed from a compatible variant", "perReplicaCapacity": 487065, '
        '"engineParamsSource": "live"}',
        "modelID=model namespace variant reason perReplicaCapacity?=capacity_per_replica",
    ),
    LogLine(  # the rate in requests/s
        "replica_throughput",
        "D8",
        "derived-mu",
        f'derived-mu\t{{"variant": "{VARIANT}", "pod": "{POD}", "ok": true, "rate": 2.4, "seqs": 64, "tokenSec": 2400, '
        '"kPrice": 0.8, "itlAtKPrice": 0.026, "itlA": 0.02, "itlB": 0.006, "itlZero": false, "avgOutputTokens": 1000, '
        '"muDivisor": 1000, "kvReqPerSeq": 4500, "replicaKvTokens": 487065, "maxNumSeqs": 256}',
        "variant pod rate=throughput_per_s avgOutputTokens?=output_tokens ok=_",
    ),
    # -- scheduler_queue: requests that wait in front of the pods
    LogLine(
        "scheduler_queue",
        "D8",
        "scheduler-queue-demand",
        f'scheduler-queue-demand\t{{"modelID": "{MODEL}", "namespace": "{NS}", "eppQueueSize": 57, '
        '"eppQueueBytes": 2040771, "estimatedTokens": 567195.6, "byRole": {"decode": 567195.6}}',
        "modelID=model namespace eppQueueSize=scheduler_queue_length eppQueueBytes?=scheduler_queue_bytes "
        "estimatedTokens?=scheduler_queue_tokens",
    ),
    LogLine(
        "scheduler_queue",
        "D5-",
        "Collected scheduler queue metrics",
        f'Collected scheduler queue metrics\t{{"modelID": "{MODEL}", "queueSize": 57, "queueBytes": 2040771}}',
        "modelID=model queueSize=scheduler_queue_length queueBytes?=scheduler_queue_bytes",
    ),
    # -- model_rate: what the scheduler lets through, requests/s
    LogLine(
        "model_rate",
        "D7-",
        "Collected model arrival rate",
        f'Collected model arrival rate\t{{"modelID": "{MODEL}", "namespace": "{NS}", "arrivalRate": 12.5}}',
        "modelID=model namespace arrivalRate*60=arrival_rate_per_min",
    ),
    # -- demand_changed: what the analyzer does not leave at what it measured
    LogLine(
        "demand_changed",
        "D8",
        "prefill-demand-held",
        f'prefill-demand-held\t{{"modelID": "{MODEL}", "namespace": "{NS}", "demandBefore": 9000, "demandHeld": 6000, '
        '"holdFloor": 5000, "holdCap": 6000, "undispatched": 0, "reason": "decode saturated: ..."}',
        "modelID=model namespace demandBefore=demand_before demandHeld=demand",
        constant=MappingProxyType({"role": "prefill", "reason": "held while decode is saturated"}),
    ),
    LogLine(
        "demand_changed",
        "D8",
        "scheduler-queue-prefill-share-dropped",
        f'scheduler-queue-prefill-share-dropped\t{{"modelID": "{MODEL}", "namespace": "{NS}", "eppQueueSize": 57, '
        '"droppedTokens": 3000, "prefillDemandBefore": 9000, "prefillDemandAfter": 6000}',
        "modelID=model namespace prefillDemandBefore=demand_before prefillDemandAfter=demand",
        constant=MappingProxyType({"role": "prefill", "reason": "without its share of the scheduler's queue"}),
    ),
    LogLine(
        "demand_changed",
        "D8",
        "throughput-demand-floor",
        f'throughput-demand-floor\t{{"modelID": "{MODEL}", "namespace": "{NS}", "role": "decode", '
        '"demandBeforeFloor": 9000, "residentDemand": 8000, "flooredTo": 12000, "arrivalRate": 6, '
        '"backlogRequests": 12, "drainSeconds": 60, "saturatedThroughput": 2.4, "perReplicaCapacity": 487065, '
        '"replicasImplied": 2.5, "heldAtFleet": false, "heldWhy": ""}',
        "modelID=model namespace role demandBeforeFloor?=demand_before flooredTo=demand "
        "arrivalRate?*60=arrival_rate_per_min saturatedThroughput?=throughput_per_s "
        "perReplicaCapacity?=capacity_per_replica",
        constant=MappingProxyType({"reason": "raised to what the load takes"}),
    ),
    # -- policy: the thresholds that hold for a model
    LogLine(
        "policy",
        "D8",
        "Effective scaling policy",
        f'Effective scaling policy\t{{"namespace": "{NS}", "modelID": "{MODEL}", "scalingPolicy": "(default entry)", '
        '"scaleUpThreshold": 0.85, "scaleDownBoundary": 0.7, "kvCacheThreshold": 0.8, "priority": 1, '
        '"defaultOutputTokens": 500}',
        "namespace modelID=model scalingPolicy?=reason scaleUpThreshold=scale_up_threshold "
        "scaleDownBoundary=scale_down_boundary kvCacheThreshold?=kv_threshold",
    ),
    # -- decision_limited: by the limits of the scaler, by a quota
    LogLine(
        "decision_limited",
        "D8",
        "Clamping target to <reason>",
        f'Clamping target to maxReplicas\t{{"variant": "{VARIANT}", "namespace": "{NS}"}}',
        "variant? namespace?",
    ),
    LogLine(
        "decision_limited",
        "D8",
        "Setting max replica ceiling",
        f'Setting max replica ceiling\t{{"kind": "HPA", "name": "{VARIANT}", "namespace": "{NS}", "pool": "a", '
        '"from": 4, "to": 6, "queue": 12, "quota": 8}',
        "name=variant namespace to=target_replicas",
        constant=MappingProxyType({"reason": "a ceiling by quota"}),
    ),
    # -- scale_to_zero: whether a model may have no replica, and why not
    LogLine(
        "scale_to_zero",
        "D8",
        "Model will not scale to zero",
        f'Model will not scale to zero\t{{"modelID": "{MODEL}", "namespace": "{NS}", "reasons": "variant-floor", '
        '"detail": "a variant declares minReplicas > 0"}',
        "modelID=model namespace detail=reason",
    ),
    LogLine(
        "scale_to_zero",
        "D8",
        "Model can now reach zero: nothing is blocking it",
        f'Model can now reach zero: nothing is blocking it\t{{"modelID": "{MODEL}", "namespace": "{NS}"}}',
        "modelID=model namespace",
        constant=MappingProxyType({"reason": "nothing is blocking it"}),
    ),
    # -- from_zero: requests wait for a model without a replica
    LogLine(
        "from_zero",
        "D5-",
        "Target workload has pending requests, scaling up from zero",
        'Target workload has pending requests, scaling up from zero\t{"metricName": "q", "metric": {}, "value": 3}',
        "value=scheduler_queue_length",
        constant=MappingProxyType({"reason": "requests wait"}),
    ),
    LogLine(
        "from_zero",
        "D5-",
        "Successfully scaled up Target Workload",
        f'Successfully scaled up Target Workload\t{{"variant": "{VARIANT}", "target VA model": "{MODEL}"}}',
        "variant",
        constant=MappingProxyType({"reason": "woken"}),
    ),
    LogLine(
        "from_zero",
        "D5-",
        "Scale-from-zero decision written to cache",
        f'Scale-from-zero decision written to cache\t{{"variant": "{VARIANT}", "namespace": "{NS}", '
        '"targetReplicas": 1, "reason": "scale-from-zero: pending request - scale-up"}',
        "variant? namespace? targetReplicas=target_replicas reason?",
    ),
    # -- tuner of the queueing model: three parameters
    LogLine(
        "tuner_update",
        "D5 D6",
        "Parameters tuned successfully",
        f'Parameters tuned successfully\t{{"variant": "{VARIANT}", "namespace": "{NS}", "alpha": 7.1, "beta": 0.04, '
        '"gamma": 0.0003, "NIS": 0.42}',
        "variant namespace alpha beta gamma NIS=nis",
    ),
    LogLine(
        "nis_rejection",
        "D5 D6",
        "Tuner validation failed, using previous state",
        f'Tuner validation failed, using previous state\t{{"variant": "{VARIANT}", "namespace": "{NS}", "NIS": 27.6}}',
        "variant namespace NIS=nis",
    ),
    # -- scale_up_reason, scale_down_refusal: with --v=3
    LogLine(
        "scale_up_reason",
        "D4-",
        "Saturation target: scale-up cheapest variant",
        f'Saturation target: scale-up cheapest variant\t{{"variant": "{VARIANT}", "cost": 10, "target": 2, '
        '"reason": "KV spare Saturation low (0.050 < 0.100)"}',
        "variant reason",
    ),
    LogLine(
        "scale_down_refusal",
        "D4-",
        TOO_FEW,
        f'{TOO_FEW}\t{{"nonSaturated": 1, "required": 2}}',
        "nonSaturated=non_saturated_replicas required=required_replicas",
        constant=MappingProxyType({"reason": "too few non-saturated replicas"}),
    ),
    LogLine(
        "scale_down_refusal",
        "D4-",
        NO_HEADROOM,
        f'{NO_HEADROOM}\t{{"remainingSpareKv": 0.136, "kvTrigger": 0.2, "kvSafe": false, "remainingSpareQueue": 5, '
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
        f'Safety net activated: emitted fallback metrics\t{{"variant": "{VARIANT}", "currentReplicas": 2, '
        '"desiredReplicas": 2, "accelerator": "H100", "fallbackSource": "previous-desired"}',
        "variant currentReplicas=current_replicas desiredReplicas=target_replicas fallbackSource=reason",
    ),
    # -- failure
    *(
        LogLine(
            "failure",
            dialects,
            message,
            f'{message}\t{{"modelID": "{MODEL}", "error": "no metrics"}}',
            "modelID?=model error=reason",
        )
        for dialects, message in (
            ("D4-", "Optimization error"),
            ("D4 D5", "Saturation analysis failed"),
            ("D5-", "V2 analysis failed"),
            ("D5-", "Model data preparation failed"),
            ("D5 D6", "Queueing model analysis failed"),
        )
    ),
    LogLine(
        "failure",
        "D7",
        "refusing to dispatch the queueing-model path; enable the saturation and/or throughput analyzers instead",
        "refusing to dispatch the queueing-model path; enable the saturation and/or throughput analyzers instead\t"
        '{"modelGroups": 1, "error": "queueing-model is no longer supported"}',
        "modelGroups=_ error=reason",
    ),
    LogLine(
        "failure",
        "D5 D6",
        "Tuner failed to run for variant",
        f'Tuner failed to run for variant\t{{"variant": "{VARIANT}", "namespace": "{NS}", "error": "no load"}}',
        "variant? namespace? error?=reason",
    ),
    *(
        LogLine(
            "failure",
            "D4-",
            message,
            f'{message}\t{{"modelID": "{MODEL}", "namespace": "{NS}"}}',
            "modelID?=model namespace?",
            constant=MappingProxyType({"reason": message.partition(",")[0]}),
        )
        for message in (
            "Saturation scaling config not loaded yet for namespace, skipping model",
            "No saturation metrics available for model, skipping analysis",
        )
    ),
    *(
        LogLine(
            "failure",
            dialects,
            message,
            f'{message}\t{{"modelID": "{MODEL}", "namespace": "{NS}", "variant": "{VARIANT}", "deployment": "decode", '
            '"error": "multiple VariantAutoscalings found for Deployment llm-d/decode"}',
            "modelID?=model namespace? variant? error=reason",
        )
        for dialects, message in (
            ("D4-", "failed to find VariantAutoscaling for deployment"),
            ("D4-", "GPU limiter failed, proceeding with original decisions"),
            ("D4-", "Unable to get active variant autoscalings"),
            ("D5-", "Error scaling up Target Workload"),
        )
    ),
    *(
        LogLine(
            "failure",
            dialects,
            f"{message}<_>",
            f'{message}: more\t{{"modelID": "{MODEL}", "namespace": "{NS}", "variant": "{VARIANT}", "pod": "{POD}", '
            '"queuedRequests": 3, "hint": "h", "limiter": "inventory", "minimumTotal": 2, "quota": 1}',
            "modelID?=model namespace? variant?",
            constant=MappingProxyType({"reason": reason}),
        )
        for dialects, message, reason in (
            (
                "D8",
                "Model is serving but no replica could be attributed",
                "no replica could be attributed to the model",
            ),
            ("D8", "Accelerator not resolved", "accelerator not resolved"),
            (
                "D7-",
                "Configured minimum replicas exceed GPU quota, skipping namespace",
                "quota below the minimum replicas",
            ),
        )
    ),
    *(
        LogLine(
            "failure",
            dialects,
            message,
            f'{message}\t{{"modelID": "{MODEL}", "namespace": "{NS}", "variant": "{VARIANT}", "pod": "{POD}", '
            '"reason": "no idle GPU"}',
            "modelID?=model namespace? variant? reason",
        )
        for dialects, message in (("D8", "Scale-from-zero: no variant woken for a model with pending requests"),)
    ),
    LogLine(  # the kind of the target is in the text since v0.6.0
        "failure",
        "D4-",
        "Scale target <_> not found, waiting for <_>",
        f'Scale target Deployment not found, waiting for deployment watch\t{{"name": "{VARIANT}", '
        f'"namespace": "{NS}"}}',
        "namespace",
        constant=MappingProxyType({"reason": "scale target not found"}),
    ),
    LogLine(  # here as well
        "failure",
        "D4-",
        "Failed to get scale target <_:word>",
        f'Failed to get scale target Deployment\t{{"name": "{VARIANT}", "namespace": "{NS}", "error": "timed out"}}',
        "namespace? error=reason",
    ),
)

# Lines that say where in a loop run we are.
CONTEXT = (
    LogLine(
        "loop",
        "D4-",
        "Grouped VAs by model",
        'Grouped VAs by model\t{"modelCount": 1, "totalVAs": 1}',
        "modelCount=_ totalVAs=_",
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
        "reconciling",
        "D4-D6",
        "Reconciling VariantAutoscaling",
        f'Reconciling VariantAutoscaling\t{{"name": "{VARIANT}", "namespace": "{NS}", "modelID": "{MODEL}"}}',
        "name=variant namespace modelID?=model",
    ),
)

# Lines that are known; nothing but the message matters: (dialects, template).
_KNOWN = (
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
    ("D4-", "Scaling to zero is enabled"),
    ("D8", "external scaler IsActive"),
    ("D8", "itl-window"),
    ("D8", "itl-fit"),
    ("D5-", "Scale-from-zero: skipping <_>"),
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

# Events of Kubernetes that the controller records: their message is the reason of a decision.
_EVENT = '{"type": "Normal", "object": {"kind": "ScaledObject"}, "reason": "ScaledUp"}'

KNOWN = (
    *(known(*row) for row in _KNOWN),
    *(
        LogLine("", "D4-", f"{begins}<_>", f"{begins} (optimizer: cost-aware)\t{_EVENT}", "type=_ object=_ reason=_")
        for begins in ("V2", "saturation-only mode: ", "scale-from-zero")
    ),
)
