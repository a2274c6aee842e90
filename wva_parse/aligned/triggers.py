"""The triggers in force: the spare capacity below which a capacity-based controller scales up.

Spare KV cache 0 to 1, spare queue in requests; both are means over the pods that are not saturated. Triggers are read,
from what the controller says of its reasons or from its ConfigMap; they are never assumed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

import pandas as pd

from wva_parse.aligned.frames import Frames

# `KV spare Saturation low (0.050 < 0.100)`, `both KV spare (0.000 < 0.200) and queue spare (0.0 < 3.0)`
_BELOW = re.compile(r"(KV|queue) spare[^(]*\(([\d.]+) < ([\d.]+)\)")


class Below(NamedTuple):
    """A spare capacity that the controller found below its trigger."""

    name: str  # KV or queue
    spare: float
    trigger: float


class Triggers(NamedTuple):
    """Spare capacity below which the controller scales up; None where unknown, `source` says where it is from."""

    spare_kv: float | None = None
    spare_queue: float | None = None
    source: str = "unknown"


def what_was_below(reason: str) -> list[Below]:
    """What a reason for a scale-up names as too little."""
    return [Below(name, float(spare), float(trigger)) for name, spare, trigger in _BELOW.findall(reason)]


def triggers_in_force(frames: Frames, configured: Triggers) -> Triggers:
    """The triggers that the controller said last; else the configured ones."""
    found = dict(_said(frames))
    return Triggers(found.get("KV"), found.get("queue"), "log") if found else configured


def _said(frames: Frames) -> Iterator[tuple[str, float]]:
    reasons = pd.concat([frames["scale_up_reason"], frames["capacity_analysis"]])["reason"].dropna()
    for reason in reasons:
        yield from ((below.name, below.trigger) for below in what_was_below(str(reason)))
    for name, column in (("KV", "spare_kv_trigger"), ("queue", "spare_queue_trigger")):
        for value in frames["scale_down_refusal"][column].dropna():
            yield name, float(value)
