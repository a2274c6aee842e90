"""Log lines of the Workload Variant Autoscaler, as events, frames, numbers and figures.

The way of the data: `log` -> `aligned` -> `measures` -> `report`; a folder imports from those before it. `plan` is
before a run, `watch` during it. `run` reads a run's directory once; `cli` and `analysis` are the commands. Notebooks
import `analysis`, `plots`, `report`, `run` and `summary` from here.
"""
