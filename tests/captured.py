"""Captured runs, where they are at hand, each read once: beside the project, or where WVA_CAPTURED_RUNS says.

Captured excerpts of other releases lie beside them.
"""

from __future__ import annotations

import os
from functools import lru_cache
from pathlib import Path

import pytest

from wva_parse import run
from wva_parse.aligned.experiment import Experiment

_BESIDE = Path(__file__).resolve().parent.parent.parent / "shared" / "real-runs"
RUNS = Path(os.environ.get("WVA_CAPTURED_RUNS", _BESIDE))
OTHER_DIALECTS = RUNS.parent / "other-dialects"
CASES = RUNS.parent / "cases"  # small inputs that were read wrong once, a run directory each
NAMES = sorted(path.name for path in RUNS.glob("*/"))

HIGH = "model-based-high-parallel-20251210-115341"
UNTOLD = "model-based-moderate-parallel-20251128-182839"  # no line of it tells a parameter
MODERATE = "model-based-moderate-parallel-20251203-144456"
QUIET = "model-based-multi-model-parallel-20251208-220210"
MODEL_BASED = (HIGH, UNTOLD, MODERATE, QUIET)

needs_excerpts = pytest.mark.skipif(not OTHER_DIALECTS.is_dir(), reason=f"no captured excerpts in {OTHER_DIALECTS}")
needs_cases = pytest.mark.skipif(not CASES.is_dir(), reason=f"no captured cases in {CASES}")
needs_captured = pytest.mark.skipif(not NAMES, reason=f"no captured runs in {RUNS}")


@lru_cache
def captured(name: str) -> Experiment:
    """A captured run."""
    return run.load(RUNS / name)
