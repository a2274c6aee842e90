"""The formats of figures, and the values that an SVG carries for pages that tell them at the pointer."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Any

FORMATS = ("png", "svg", "pdf")

_READOUT = re.compile(r"<desc>(\[.*?\])</desc>", re.DOTALL)


def with_readout(svg: str, told: Sequence[dict[str, Any]]) -> str:
    """An SVG with the values of its lines; see `saved.readout`."""
    if not told:
        return svg
    # A description is the first thing within an SVG; nothing in it may end the element, or a script in a page.
    values = json.dumps(told, separators=(",", ":")).replace("<", "\\u003c").replace("&", "\\u0026")
    start = svg.index(">", svg.index("<svg")) + 1
    return f"{svg[:start]}<desc>{values}</desc>{svg[start:]}"


def readout_of(svg: str) -> str:
    """The values that an SVG carries, as JSON; empty without any."""
    found = _READOUT.search(svg)
    return found[1] if found else ""
