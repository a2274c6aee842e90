"""The figures of a run, for notebooks: `from wva_parse import plots`.

Each takes the run and returns a Figure, the same one at each call: what is shown is what `analysis` writes.
"""

from matplotlib.figure import Figure

from wva_parse.report import overview as overviews
from wva_parse.report import plots, request_plots, saved, why_plots
from wva_parse.report.drawn import once

arrival_rate = once(plots.arrival_rate)
calibration = once(plots.calibration)
demand_and_supply = once(plots.demand_and_supply)
error_parts_over_time = once(why_plots.error_parts_over_time)
kv_cache_utilization = once(plots.kv_cache_utilization)
latencies = once(plots.latencies)
overview = once(overviews.overview)
per_pod_kv_cache = once(plots.per_pod_kv_cache)
prediction_error_distribution = once(plots.prediction_error_distribution)
prediction_errors_by_condition = once(plots.prediction_errors_by_condition)
prediction_errors_over_time = once(plots.prediction_errors_over_time)
prediction_vs_observation = once(plots.prediction_vs_observation)
price_of_slo = once(why_plots.price_of_slo)
queue_length = once(plots.queue_length)
request_distributions = once(request_plots.request_distributions)
requests_over_time = once(request_plots.requests_over_time)
scaling_behavior = once(plots.scaling_behavior)
scaling_with_context = once(plots.scaling_with_context)
spare_capacity = once(plots.spare_capacity)
ttft_by_ready_replicas = once(request_plots.ttft_by_ready_replicas)
tuner_parameters = once(plots.tuner_parameters)


def show_as_saved() -> None:
    """Show figures in a notebook as they are saved, so that each is rendered once for both."""
    from IPython.core.getipython import get_ipython

    shell = get_ipython()
    if shell is not None and shell.display_formatter is not None:
        shell.display_formatter.formatters["image/png"].for_type(Figure, lambda figure: saved.rendered(figure, "png"))


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
