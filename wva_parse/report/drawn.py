"""Figures that are drawn once for a run: what a notebook shows, the files and the page are one and the same."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from weakref import WeakKeyDictionary

from matplotlib.figure import Figure

from wva_parse.aligned.experiment import Experiment

Draw = Callable[[Experiment], Figure]

_FIGURES: WeakKeyDictionary[Experiment, dict[Draw, Figure]] = WeakKeyDictionary()


def once(draw: Draw) -> Draw:
    """The function, with the same figure at each call for a run: it goes when the run goes."""

    @wraps(draw)
    def figure_of(run: Experiment) -> Figure:
        figures = _FIGURES.setdefault(run, {})
        if draw not in figures:
            figures[draw] = draw(run)
        return figures[draw]

    return figure_of
