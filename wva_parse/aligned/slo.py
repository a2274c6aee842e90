"""The service-level objectives that were in force.

They are read, never assumed: from the log (`Optimization solution`, which tells the variant's, or `Found SLO`,
which tells the model's), else from the config, else unknown. In the log 0 means that there is none. A caller may give
others, which then judge everything (`override`).
"""

from __future__ import annotations

import pandas as pd

from wva_parse.aligned.frames import Frames
from wva_parse.aligned.objectives import Slo

SLO_COLUMNS = ["slo_itl_ms", "slo_ttft_ms"]
_KEYS = ["namespace", "variant", "reconciliation"]


def slo_in_force(frames: Frames, configured: Slo) -> pd.DataFrame:
    """The SLO that each observation is judged by.

    Parameters
    ----------
    frames
        `prediction`, `slo` and `observed_metrics` are used.
    configured
        What the config says; used only for variants of which the log says nothing.

    Returns
    -------
    DataFrame
        `namespace, variant, reconciliation, slo_itl_ms, slo_ttft_ms`, one row per observation. Between two
        statements of the log the earlier one holds, before the first one that one.
    """
    observed = frames["observed_metrics"][[*_KEYS, "model"]]
    variants = pd.concat([frames["prediction"], observed])[["namespace", "variant", "model"]].drop_duplicates()
    of_models = frames["slo"][["reconciliation", "model", *SLO_COLUMNS]].merge(variants, on="model")
    of_variants = frames["prediction"][[*_KEYS, *SLO_COLUMNS]]
    # Within a reconciliation the variant's own statement comes last and counts; the observation adds nothing.
    said = pd.concat([of_models[[*_KEYS, *SLO_COLUMNS]], of_variants, observed[_KEYS]])
    said = said.sort_values("reconciliation", kind="stable")
    groups = said.groupby(["namespace", "variant"], dropna=False, sort=False)
    said[SLO_COLUMNS] = groups[SLO_COLUMNS].ffill()
    said[SLO_COLUMNS] = groups[SLO_COLUMNS].bfill()
    said = said.drop_duplicates(_KEYS, keep="last")
    in_force = observed[_KEYS].merge(said, on=_KEYS, how="left")
    for column, value in zip(SLO_COLUMNS, configured[:2], strict=True):
        if value is not None:
            in_force[column] = in_force[column].fillna(value)
    return in_force


def slo_of_run(frames: Frames, configured: Slo) -> Slo:
    """The objectives to draw and to report; see `Slo`."""
    said = pd.concat([frames["slo"], frames["prediction"]])[["reconciliation", *SLO_COLUMNS]]
    said = said.sort_values("reconciliation", kind="stable").dropna(subset=SLO_COLUMNS, how="all")
    if len(said):
        itl_ms, ttft_ms = (_last_above_zero(said[column]) for column in SLO_COLUMNS)
        return Slo(itl_ms, ttft_ms, "log")
    return configured


def override_in_force(in_force: pd.DataFrame, other: Slo) -> pd.DataFrame:
    """The same for each observation, see `slo_in_force`: what the others have holds in all of them."""
    values = {column: value for column, value in zip(SLO_COLUMNS, other[:2], strict=True) if value}
    return in_force.assign(**values)


def _last_above_zero(values: pd.Series) -> float | None:
    above = values[values > 0]
    return float(above.iloc[-1]) if len(above) else None
