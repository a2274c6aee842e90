"""A run's numbers as words, figures and pages, and several runs side by side.

Imports `log`, `aligned`, `optimizer` and `measures`, and opens no file; only the command line and the notebooks' entry
import it. Begin with `sections`, which lays out a report. The sentences of `words` and `why` can be had from here, for
notebooks: `report.verdict(summary)`.
"""

from wva_parse.report.why import (
    about_attribution,
    about_fits,
    about_price,
    about_replay,
    about_steady,
    fitted_profiles,
)
from wva_parse.report.words import (
    NO_PREDICTIONS,
    about_analyzers,
    about_clients,
    about_conditions,
    about_correlation,
    about_cost,
    about_errors,
    about_limits,
    about_load,
    about_masked,
    about_other_triggers,
    about_predictions,
    about_queue,
    about_rates,
    about_requests,
    about_saturation,
    about_scaling,
    about_slo,
    about_spare,
    about_supply,
    about_tuner,
    about_unpaired,
    has_predictions,
    verdict,
)

__all__ = [
    "NO_PREDICTIONS",
    "about_analyzers",
    "about_attribution",
    "about_clients",
    "about_conditions",
    "about_correlation",
    "about_cost",
    "about_errors",
    "about_fits",
    "about_limits",
    "about_load",
    "about_masked",
    "about_other_triggers",
    "about_predictions",
    "about_price",
    "about_queue",
    "about_rates",
    "about_replay",
    "about_requests",
    "about_saturation",
    "about_scaling",
    "about_slo",
    "about_spare",
    "about_steady",
    "about_supply",
    "about_tuner",
    "about_unpaired",
    "fitted_profiles",
    "has_predictions",
    "verdict",
]
