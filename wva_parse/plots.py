"""The figures of a run, for notebooks: `from wva_parse import plots`."""

from wva_parse.report.overview import overview
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
from wva_parse.report.request_plots import request_distributions, requests_over_time, ttft_by_ready_replicas
from wva_parse.report.why_plots import error_parts_over_time, price_of_slo

__all__ = [
    "arrival_rate",
    "calibration",
    "demand_and_supply",
    "error_parts_over_time",
    "kv_cache_utilization",
    "latencies",
    "overview",
    "per_pod_kv_cache",
    "prediction_error_distribution",
    "prediction_errors_by_condition",
    "prediction_errors_over_time",
    "prediction_vs_observation",
    "price_of_slo",
    "queue_length",
    "request_distributions",
    "requests_over_time",
    "scaling_behavior",
    "scaling_with_context",
    "spare_capacity",
    "ttft_by_ready_replicas",
    "tuner_parameters",
]
