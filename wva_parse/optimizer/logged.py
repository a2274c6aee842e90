"""The saturation analyses of a log, each with the pods' values that it was made of.

Every loop run counts by itself (twins may see different pods), each model and, where a release tells them, role apart.
Releases that print the spare capacity at DEBUG only tell in an INFO log what an analysis came to and not what it found.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, NamedTuple

import pandas as pd

from wva_parse.aligned.frames import Frames
from wva_parse.optimizer.saturation import Pod


class Group(NamedTuple):
    """What is analysed together: the replicas of a model in a namespace."""

    namespace: str | None
    model: str | None


class Below(NamedTuple):
    """A spare capacity that the controller found below its trigger."""

    name: str  # KV or queue
    spare: float
    trigger: float


class Found(NamedTuple):
    """What the log says of an analysis; None where it does not."""

    up: bool | None
    down_safe: bool | None
    spare_kv: float | None
    spare_queue: float | None
    free: int | None


class Logged(NamedTuple):
    """One analysis.

    Attributes
    ----------
    replicas
        How many replicas it was of, as the line says.
    pods : tuple of Pod
        What it was made of; a pod without a KV or a queue line counts with 0, as in WVA ("using 0").
    missing : str
        What the log lacks of its pods; empty if it has a KV and a queue line of each.
    below : tuple of Below
        What its reason for a scale-up names.
    """

    loop_run: int
    reconciliation: int
    minutes: float
    group: Group
    role: str | None
    variant: str | None
    found: Found
    replicas: int | None
    pods: tuple[Pod, ...]
    missing: str
    below: tuple[Below, ...]


ROLES_MIXED = "the pods of each role are not told apart"

_Key = tuple[int, str | None, str | None]  # loop run, namespace, model


def logged_analyses(frames: Frames) -> list[Logged]:
    """The V1 analyses of a log, in its order."""
    pods, reasons, variants = _pods(frames), dict(_reasons(frames)), _variants(frames)
    rows = records(frames.by_loop_run["capacity_analysis"])
    roles: dict[_Key, int] = {}
    for row in rows:
        roles[_key(row)] = roles.get(_key(row), 0) + 1
    return [
        _logged(row, pods.get(_key(row), {}), reasons, variants.get(_key(row), set()), is_part=roles[_key(row)] > 1)
        for row in rows
    ]


# `KV spare Saturation low (0.050 < 0.100)`, `both KV spare (0.000 < 0.200) and queue spare (0.0 < 3.0)`
_BELOW = re.compile(r"(KV|queue) spare[^(]*\(([\d.]+) < ([\d.]+)\)")


def what_was_below(reason: str) -> list[Below]:
    """What a reason for a scale-up names as too little."""
    return [Below(name, float(spare), float(trigger)) for name, spare, trigger in _BELOW.findall(reason)]


def _logged(
    row: dict[str, Any],
    values: dict[str, dict[str, float]],
    reasons: dict[_Key, str],
    variants: set[str],
    is_part: bool,
) -> Logged:
    pods = () if is_part else tuple(Pod(each.get("kv", 0.0), each.get("queue", 0.0)) for each in values.values())
    return Logged(
        loop_run=int(row["loop_run"]),
        reconciliation=int(row["reconciliation"]),
        minutes=float(row["minutes"]),
        group=Group(row["namespace"], row["model"]),
        role=row["role"],
        variant=next(iter(variants)) if len(variants) == 1 else None,
        found=Found(
            row["should_scale_up"],
            row["scale_down_safe"],
            row["avg_spare_kv"],
            row["avg_spare_queue"],
            None if row["non_saturated_replicas"] is None else int(row["non_saturated_replicas"]),
        ),
        replicas=None if row["total_replicas"] is None else int(row["total_replicas"]),
        pods=pods,
        missing=ROLES_MIXED if is_part else _missing(row["total_replicas"], values),
        below=tuple(what_was_below(str(row["reason"] or reasons.get(_key(row), "")))),
    )


def _missing(replicas: float | None, values: dict[str, dict[str, float]]) -> str:
    if replicas is None or replicas != len(values):
        return f"{len(values)} of {'?' if replicas is None else int(replicas)} replicas have a line"
    for name, what in (("kv", "KV cache"), ("queue", "queue")):
        without = [pod for pod, each in values.items() if name not in each]
        if without:
            return f"{without[0]} has no line of its {what}"
    return ""


def _pods(frames: Frames) -> dict[_Key, dict[str, dict[str, float]]]:
    """Values of each pod, by what is analysed together."""
    found: dict[_Key, dict[str, dict[str, float]]] = {}
    for kind, name, column in (("kv_cache", "kv", "kv_cache_usage"), ("queue", "queue", "queue_length")):
        for row in records(frames.by_loop_run[kind]):
            if row[column] is not None and row["pod"] is not None:
                found.setdefault(_key(row), {}).setdefault(row["pod"], {})[name] = float(row[column])
    return found


def _reasons(frames: Frames) -> Iterator[tuple[_Key, str]]:
    for row in records(frames.by_loop_run["scale_up_reason"]):
        if row["reason"] is not None:
            yield _key(row), row["reason"]


def _variants(frames: Frames) -> dict[_Key, set[str]]:
    """The variants that something was decided for."""
    found: dict[_Key, set[str]] = {}
    for row in records(frames.by_loop_run["scaling_decision"]):
        found.setdefault(_key(row), set()).add(row["variant"])
    return found


def _key(row: dict[str, Any]) -> _Key:
    return int(row["loop_run"]), row["namespace"], row["model"]


def records(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """The rows, with None for everything that is missing."""
    return [
        {str(name): None if pd.isna(value) else value for name, value in row.items()}
        for row in frame.to_dict("records")
    ]
