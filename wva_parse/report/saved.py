"""A figure as files: one object, rendered once for each format that is asked for.

An SVG also carries the values of its lines where the figure is one over time, for pages that tell them at the pointer.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from typing import Any
from weakref import WeakKeyDictionary

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backend_bases import FigureCanvasBase
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.backends.backend_pdf import FigureCanvasPdf
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure

from wva_parse.report.formats import with_readout

DPI = 120
OVER_TIME = "minutes since"  # how the axis of time is called on every figure that has one
_DIGITS = 5

# What prints a format, and how. The same figure gives the same file, byte for byte, so without dates.
_CANVASES: dict[str, tuple[type[FigureCanvasBase], dict[str, Any]]] = {
    # Half the time of the usual compression, for a twentieth more bytes.
    "png": (FigureCanvasAgg, {"pil_kwargs": {"compress_level": 3}}),
    "svg": (FigureCanvasSVG, {"metadata": {"Date": None}}),
    "pdf": (FigureCanvasPdf, {"metadata": {"CreationDate": None}}),
}

# Of a figure that has not changed since: what was rendered, by format.
_RENDERED: WeakKeyDictionary[Figure, dict[str, bytes]] = WeakKeyDictionary()


def rendered(figure: Figure, kind: str) -> bytes:
    """A figure in one of `FORMATS`; rendered once, unless something of it is changed afterwards."""
    if figure.stale or figure not in _RENDERED:
        lay_out(figure)
    files = _RENDERED[figure]
    if kind not in files:
        files[kind] = _render(figure, kind)
        figure.stale = False  # drawing marks it, as it changes the resolution
    return files[kind]


def lay_out(figure: Figure) -> None:
    """Find where everything stands: once, as it costs as much as drawing; and it is the same in each format."""
    _RENDERED[figure] = {}
    if layout := figure.get_layout_engine():
        layout.execute(figure)
    figure.stale = False


def _render(figure: Figure, kind: str) -> bytes:
    stream = BytesIO()
    # Text of a PDF stays text.
    with _as_it_stands(figure), matplotlib.rc_context({"svg.hashsalt": "wva", "pdf.fonttype": 42}):
        canvas, how = _CANVASES[kind]
        getattr(canvas(figure), f"print_{kind}")(stream, **how)  # not by `savefig`, which draws everything twice
    if kind != "svg":
        return stream.getvalue()
    return with_readout(stream.getvalue().decode(), readout(figure)).encode()


@contextmanager
def _as_it_stands(figure: Figure) -> Iterator[None]:
    """The figure at the resolution of files, with no layout that is found again."""
    layout, dpi, canvas = figure.get_layout_engine(), figure.dpi, figure.canvas
    figure.set_layout_engine("none")
    figure.dpi = DPI
    try:
        yield
    finally:
        figure.dpi = dpi
        figure.set_canvas(canvas)
        figure.set_layout_engine(layout)


def readout(figure: Figure) -> list[dict[str, Any]]:
    """The lines of a figure over time, panel by panel; empty for others.

    Returns
    -------
    list of dict
        `at` (left, top, width and height of the panel, as shares of the figure), `x` (ends of the axis, minutes),
        `unit`, and `lines`: each with `name`, `x`, `y` and whether a value holds until the next (`step`).
    """
    if not any(axis.get_xlabel().startswith(OVER_TIME) for axis in figure.axes):
        return []
    panels = []
    for axis in figure.axes:
        lines = [line for each in axis.get_lines() if (line := _line(axis, each))]
        box = axis.get_position()
        at = [box.x0, 1 - box.y1, box.width, box.height]
        panels.append(
            {
                "at": [_short(value) for value in at],
                "x": [_short(value) for value in axis.get_xlim()],
                "unit": axis.get_ylabel().replace("\n", " "),
                "lines": lines,
            }
        )
    return [panel for panel in panels if panel["lines"]]


def _line(axis: Axes, line: Any) -> dict[str, Any] | None:
    """What a line tells; None of one that is no series: a limit, a marker of a moment, a bar above the panel."""
    values = line.get_xydata()
    is_series = line.get_transform().contains_branch(axis.transData) and len(values) > 2
    if not is_series or line.get_linestyle() == "None":
        return None
    label = str(line.get_label())
    known = values[np.isfinite(values[:, 0])]
    return {
        "name": "" if label.startswith("_") else label.replace("\n", " "),
        "x": [_short(value) for value in known[:, 0]],
        "y": [_short(value) if np.isfinite(value) else None for value in known[:, 1]],
        "step": str(line.get_drawstyle()).startswith("steps"),
    }


def _short(value: float) -> float:
    return float(f"{value:.{_DIGITS}g}")
