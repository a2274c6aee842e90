"""The parameters that a run's optimizer began and ended with.

A tuner goes on from where the run before it stopped: runs made one after another on one cluster are then no
independent repeats.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import pandas as pd

from wva_parse.aligned.decisions import PARAMETERS
from wva_parse.aligned.experiment import Experiment
from wva_parse.log.json_files import dig

_VARIANTS = "variantautoscalings"
_PATHS = {
    name: ("status", "tunerPerfData", "perfParms", kind, name)
    for name, kind in zip(PARAMETERS, (*["decodeParms"] * 2, *["prefillParms"] * 2), strict=True)
}


def first_and_last(run: Experiment) -> dict[str, dict[str, dict[str, float]]]:
    """The parameters of the first and of the last decision of each variant.

    Where no line of the log tells those of a decision, they are what the tuner had written into the status of the
    VariantAutoscaling before the run and after it.

    Returns
    -------
    dict
        `first`, `last`: by variant `alpha`, `beta`, `gamma`, `delta` in ms; without the variants of which nothing is
        known.
    """
    told = run.decisions.dropna(subset=list(PARAMETERS))
    found = {
        "first": dict(_snapshot(run.before.get(_VARIANTS) or [])),
        "last": dict(_snapshot(run.after.get(_VARIANTS) or [])),
    }
    for variant, mine in told.groupby("variant", sort=True):
        found["first"][str(variant)] = _parameters(mine.iloc[0])
        found["last"][str(variant)] = _parameters(mine.iloc[-1])
    return found


def _snapshot(variants: Iterable[Mapping[str, Any]]) -> Iterator[tuple[str, dict[str, float]]]:
    """What the tuner has written, by variant."""
    for each in variants:
        texts = {name: dig(each, path) for name, path in _PATHS.items()}
        try:
            yield str(dig(each, ("metadata", "name"))), {name: float(text) for name, text in texts.items()}
        except (TypeError, ValueError):
            continue


def _parameters(row: pd.Series) -> dict[str, float]:
    return {name: float(row[name]) for name in PARAMETERS}
