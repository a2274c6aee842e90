"""A run's numbers as words, figures and pages, and several runs side by side.

Imports `log`, `aligned`, `optimizer` and `measures`, and opens no file; only the command line and the notebooks' entry
import it. Begin with `sections`, which lays out a report. The sentences of `words` can be had from here, for notebooks:
`report.verdict(summary)`.
"""

from wva_parse.report.words import (
    NO_PREDICTIONS,
    about_analyzers,
    about_clients,
    about_conditions,
    about_correlation,
    about_errors,
    about_load,
    about_masked,
    about_other_triggers,
    about_predictions,
    about_queue,
    about_rates,
    about_replay,
    about_requests,
    about_saturation,
    about_scaling,
    about_slo,
    about_spare,
    about_tuner,
    about_unpaired,
    has_predictions,
    verdict,
)

__all__ = [
    "NO_PREDICTIONS",
    "about_analyzers",
    "about_clients",
    "about_conditions",
    "about_correlation",
    "about_errors",
    "about_load",
    "about_masked",
    "about_other_triggers",
    "about_predictions",
    "about_queue",
    "about_rates",
    "about_replay",
    "about_requests",
    "about_saturation",
    "about_scaling",
    "about_slo",
    "about_spare",
    "about_tuner",
    "about_unpaired",
    "has_predictions",
    "verdict",
]
