"""A figure as files: one object, rendered once for each format that is asked for.

An SVG also carries the values of its lines where the figure is one over time, for pages that tell them at the pointer.
"""

from __future__ import annotations

import json
import re
from io import BytesIO
from typing import Any

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

FORMATS = ("png", "svg", "pdf")
DPI = 120
OVER_TIME = "minutes since"  # how the axis of time is called on every figure that has one
_DIGITS = 5
_READOUT = re.compile(r"<desc>(\[.*?\])</desc>", re.DOTALL)


def rendered(figure: Figure, kind: str) -> bytes:
    """A figure in one of `FORMATS`."""
    # Where everything stands is found once, as it costs as much as drawing; and is the same in each format.
    if layout := figure.get_layout_engine():
        layout.execute(figure)
        figure.set_layout_engine("none")
    stream = BytesIO()
    # The same figure gives the same file, byte for byte; text of a PDF stays text.
    dates = {"svg": {"Date": None}, "pdf": {"CreationDate": None}}
    with matplotlib.rc_context({"svg.hashsalt": "wva", "pdf.fonttype": 42}):
        figure.savefig(stream, format=kind, dpi=DPI, metadata=dates.get(kind))
    if kind != "svg":
        return stream.getvalue()
    told = readout(figure)
    text = stream.getvalue().decode()
    if told:
        # A description is the first thing within an SVG; nothing in it may end the element, or a script in a page.
        values = json.dumps(told, separators=(",", ":")).replace("<", "\\u003c").replace("&", "\\u0026")
        start = text.index(">", text.index("<svg")) + 1
        text = f"{text[:start]}<desc>{values}</desc>{text[start:]}"
    return text.encode()


def readout_of(svg: str) -> str:
    """The values that an SVG carries, as JSON; empty without any."""
    found = _READOUT.search(svg)
    return found[1] if found else ""


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
