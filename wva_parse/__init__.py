"""Log lines of the Workload Variant Autoscaler, as events, frames, numbers and figures."""
