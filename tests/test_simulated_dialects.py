"""Simulator and parser together: what the simulated controllers of all releases log is read whole.

The two have nothing in common but the text.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from typing import NamedTuple

import pytest
from turned import Turned

from wva_parse.aligned.align import align
from wva_parse.aligned.frames import Frames, make_frames
from wva_parse.aligned.objectives import Slo
from wva_parse.aligned.slo import slo_in_force
from wva_parse.log.events import parse_events
from wva_parse.log.lines import LineCounts, read_lines
from wva_parse.log.rows import LoopRun, Row, make_rows
from wva_sim.cluster.settings import Settings
from wva_sim.wva.dialects import DIALECTS

pytestmark = pytest.mark.whole

WAYS = [(name, mode, variants) for name, dialect in DIALECTS.items() for mode in dialect.brains for variants in (1, 2)]
PREDICTING = [(name, "model-based", variants) for name in ("D2", "D3") for variants in (1, 2)]
MODES = {
    ("D2", "model-based"): "model-only",
    ("D2", "capacity-based"): "capacity-only",
    ("D3", "model-based"): "model-only",
    ("D3", "capacity-based"): "saturation-only",
    ("D5", "model-based"): "queueing-model",
    ("D5", "capacity-based"): "saturation-only",
    ("D7", "capacity-based"): "saturation",
}
STAMPS = ("timestamp", "reconciliation")


class Simulated(NamedTuple):
    """A log and the names of the variants that it is about."""

    lines: tuple[str, ...]
    variants: tuple[str, ...]


class Read(NamedTuple):
    rows: list[Row]
    loop_runs: list[LoopRun]
    counts: LineCounts
    frames: Frames


@lru_cache
def simulate(dialect: str, mode: str, variants: int) -> Simulated:
    """Eight minutes under load and eight after it."""
    turned = Turned(Settings(dialect=dialect, mode=mode, variants=variants))
    turned.turn(60)
    turned.load("heavy", 40 * variants, 10**6)
    turned.turn(480)
    turned.store.delete("Job", turned.settings.namespace, "heavy")
    turned.turn(480)
    return Simulated(tuple(turned.log()), tuple(variant.name for variant in turned.cluster.variants))


def read(lines: Iterable[str]) -> Read:
    counts, loop_runs = LineCounts(), list[LoopRun]()
    rows = list(make_rows(parse_events(read_lines([line.encode() for line in lines], counts), counts), loop_runs))
    return Read(rows, loop_runs, counts, make_frames([dict(row) for row in rows], loop_runs))


@pytest.mark.parametrize(("dialect", "mode", "variants"), WAYS)
def test_every_line_is_understood(dialect, mode, variants):
    log, counts = simulate(dialect, mode, variants).lines, read(simulate(dialect, mode, variants).lines).counts
    assert counts.lines == len(log) > 500
    assert counts.unrecognised == {}
    assert counts.changed == []
    # each variant asks for the SLO of the one model, and may do it within one millisecond
    assert counts.repeated <= sum("Found SLO" in line for line in log) / 2
    assert [name for name in counts.dialects if dialect in name.split("/")], counts.dialects
    others = {name for name in counts.dialects if dialect not in name.split("/")}
    assert others <= {"DF"}


@pytest.mark.parametrize(("dialect", "mode", "variants"), WAYS)
def test_the_mode_is_told(dialect, mode, variants):
    reasons = read(simulate(dialect, mode, variants).lines).frames["mode"]["reason"]
    assert set(reasons) == {MODES[dialect, mode]}


@pytest.mark.parametrize(("dialect", "mode", "variants"), WAYS)
def test_each_variant_has_a_decision_in_each_reconciliation(dialect, mode, variants):
    log = simulate(dialect, mode, variants)
    frames = read(log.lines).frames
    decisions = frames["scaling_decision"]
    assert len(frames.reconciliations) > 30
    for variant in log.variants:
        own = decisions[decisions["variant"] == variant]
        assert own["reconciliation"].tolist() == frames.reconciliations["reconciliation"].tolist()
        assert own[["namespace", "model", "reason"]].notna().all(axis=None)
    assert set(decisions["variant"]) == set(log.variants)
    assert set(decisions["action"]) == {"scale-up", "scale-down", "no-change"}


@pytest.mark.parametrize(("dialect", "mode", "variants"), WAYS)
def test_every_pod_has_its_cache_and_its_queue(dialect, mode, variants):
    frames = read(simulate(dialect, mode, variants).lines).frames
    kv, queue = frames["kv_cache"], frames["queue"]
    assert len(kv) == len(queue) >= variants * len(frames.reconciliations)
    assert kv["kv_cache_usage"].between(0, 1).all() and kv["kv_cache_usage"].max() > 0.5
    assert kv[["namespace", "model", "pod"]].notna().all(axis=None)


@pytest.mark.parametrize(("dialect", "mode", "variants"), PREDICTING)
def test_each_variant_has_its_pairs(dialect, mode, variants):
    log = simulate(dialect, mode, variants)
    frames = read(log.lines).frames
    pairs = align(frames, slo_in_force(frames, Slo())).pairs
    for variant in log.variants:
        own = pairs[pairs["variant"] == variant]
        assert len(own) == len(frames.reconciliations) - 1
        assert own["settled"].sum() >= 3
        assert own.loc[own["settled"], "itl_error_ms"].notna().all()
    assert set(pairs["variant"]) == set(log.variants)


@pytest.mark.parametrize(("dialect", "mode", "variants"), [way for way in WAYS if way not in PREDICTING])
def test_where_nothing_is_predicted_there_are_no_pairs(dialect, mode, variants):
    frames = read(simulate(dialect, mode, variants).lines).frames
    assert len(frames["prediction"]) == len(align(frames, slo_in_force(frames, Slo())).pairs) == 0


@pytest.mark.parametrize(
    ("dialect", "mode", "analyzers"),
    [("D5", "model-based", {"queueing-model"}), ("D7", "capacity-based", {"saturation", "throughput"})],
)
def test_analyzers_tell_demand_and_supply(dialect, mode, analyzers):
    frames = read(simulate(dialect, mode, 2).lines).frames
    results = frames["analyzer_result"]
    assert set(results["analyzer"]) == analyzers
    assert len(results) == len(analyzers) * len(frames.reconciliations)
    assert (results["supply"] > 0).all()
    assert (results["demand"] > results["supply"]).any(), "under load"
    used = results[results["demand"] > 0]
    assert used["utilisation"].tolist() == pytest.approx((used["demand"] / used["supply"]).tolist())


@pytest.mark.parametrize(("dialect", "mode"), [(name, mode) for name, mode, variants in WAYS if variants == 2])
def test_the_order_of_the_variants_in_the_log_changes_nothing_but_order(dialect, mode):
    log = simulate(dialect, mode, 2)
    swapped = [line for run in loop_runs_of(log.lines) for line in swap_variants(run, log.variants)]
    assert sorted(swapped) == sorted(log.lines)
    assert swapped != list(log.lines)
    one, other = read(log.lines), read(swapped)
    assert contents(one.rows) == contents(other.rows)
    for kind, frame in one.frames.by_kind.items():
        changed = other.frames[kind].drop(columns=["timestamp", "minutes"])
        order = ["reconciliation", *[name for name in ("variant", "pod", "analyzer") if name in frame]]
        assert in_order(frame.drop(columns=["timestamp", "minutes"]), order).equals(in_order(changed, order)), kind


def in_order(frame, columns):
    return frame.sort_values(columns, kind="stable").reset_index(drop=True)


def contents(rows: list[Row]) -> list[str]:
    """Rows without their times, in an order of their own."""
    return sorted(repr(sorted((key, value) for key, value in row.items() if key not in STAMPS)) for row in rows)


def loop_runs_of(lines: Iterable[str]) -> list[list[str]]:
    """The lines up to the first loop run, then those of each."""
    runs: list[list[str]] = [[]]
    for line in lines:
        if "Grouped VAs by model" in line:
            runs.append([])
        runs[-1].append(line)
    return runs


def swap_variants(run: list[str], variants: tuple[str, ...]) -> list[str]:
    """The same lines; within each block of neighbours that are about one variant each, the last variant's first."""
    swapped: list[str] = []
    block: list[str] = []
    for line in [*run, ""]:
        if about(line, variants):
            block.append(line)
            continue
        swapped += sorted(block, key=lambda each: about(each, variants), reverse=True)
        swapped += [line] if line else []
        block = []
    return swapped


def about(line: str, variants: tuple[str, ...]) -> str:
    """The one variant that a line names; empty if it names none or several."""
    named = [name for name in sorted(variants, key=len) if name in line]
    longest = named[-1:] if named and not names_both(line, variants) else []
    return longest[0] if longest else ""


def names_both(line: str, variants: tuple[str, ...]) -> bool:
    """Whether it names both, of which one may be the beginning of the other."""
    short, long = sorted(variants, key=len)
    return long in line and short in line.replace(long, "")
