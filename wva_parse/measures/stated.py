"""What a caller states of runs to judge them by: objectives, what one replica serves, what a GPU costs."""

from __future__ import annotations

import argparse
import sys
from typing import NamedTuple


class Stated(NamedTuple):
    """As the keyword parameters of `run.load`; 0: nothing is stated."""

    slo_itl_ms: float = 0.0
    slo_ttft_ms: float = 0.0
    replica_capacity_per_s: float = 0.0
    price_per_gpu_hour: float = 0.0


_OPTIONS = (
    ("slo-itl", "MS", "judge by this objective of ITL, whatever the log says"),
    ("slo-ttft", "MS", "judge by this objective of TTFT"),
    ("replica-capacity", "R", "requests per second that one replica serves within the SLO"),
    ("price-per-gpu-hour", "P", "what a GPU costs in an hour, in any currency"),
)


def add_options(parser: argparse.ArgumentParser) -> None:
    """The options of `analyze`, `summary` and `compare`."""
    for name, unit, what in _OPTIONS:
        parser.add_argument(f"--{name}", type=above_zero, default=0.0, metavar=unit, help=what)


def stated_in(arguments: argparse.Namespace) -> Stated:
    """What was given of them."""
    return Stated(arguments.slo_itl, arguments.slo_ttft, arguments.replica_capacity, arguments.price_per_gpu_hour)


def above_zero(text: str) -> float:
    """A number above 0."""
    return _number(text, sys.float_info.min, sys.float_info.max, "a number above 0")


def share(text: str) -> float:
    """A number from 0 to 1."""
    return _number(text, 0, 1, "a number from 0 to 1")


def at_least_zero(text: str) -> float:
    """A number that is not negative."""
    return _number(text, 0, sys.float_info.max, "a number, at least 0")


def _number(text: str, least: float, most: float, expected: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = float("nan")
    if not least <= value <= most:
        raise argparse.ArgumentTypeError(f"saw '{text}', expected {expected}")
    return value
