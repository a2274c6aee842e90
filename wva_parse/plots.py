"""The figures of a run, for notebooks: `from wva_parse import plots`."""

from wva_parse.report.plots import (
    arrival_rate,
    calibration,
    demand_and_supply,
    kv_cache_utilization,
    latencies,
    per_pod_kv_cache,
    prediction_error_distribution,
    prediction_errors_by_condition,
    prediction_errors_over_time,
    prediction_vs_observation,
    queue_length,
    scaling_behavior,
    scaling_with_context,
    spare_capacity,
    tuner_parameters,
)

__all__ = [
    "arrival_rate",
    "calibration",
    "demand_and_supply",
    "kv_cache_utilization",
    "latencies",
    "per_pod_kv_cache",
    "prediction_error_distribution",
    "prediction_errors_by_condition",
    "prediction_errors_over_time",
    "prediction_vs_observation",
    "queue_length",
    "scaling_behavior",
    "scaling_with_context",
    "spare_capacity",
    "tuner_parameters",
]
