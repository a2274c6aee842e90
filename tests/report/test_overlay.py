"""Runs on one time axis, which begins with the first load."""

from __future__ import annotations

import pytest
from logs import decision, model_loop_run, observed, solution, stamp, write_run

from wva_parse import run
from wva_parse.report import compare, overlay


def made(directory, name, idle_minutes, record=None):
    """Idle for some minutes, then three minutes of load at 2 replicas."""
    idle = [model_loop_run(60 * n, observed(0, 0, rate_per_min=0), decided=decision(1, 1)) for n in range(idle_minutes)]
    loaded = [
        model_loop_run(60 * n, observed(8, 20, rate_per_min=600), solution(9, 21), decision(2, 2))
        for n in range(idle_minutes, idle_minutes + 3)
    ]
    return run.load(write_run(directory / name, *idle, *loaded, config={}, record=record))


@pytest.fixture
def runs(tmp_path):
    return [made(tmp_path, "early-20260101-000000", 1), made(tmp_path, "late-20260102-000000", 4)]


def test_minutes_count_from_the_first_load(runs):
    assert [round(each.frames.reconciliations["minutes"].min()) for each in runs] == [-1, -4]
    load, replicas, itl, _ = overlay.overlay(runs, "both").axes
    for early, late in (axis.get_lines() for axis in (load, replicas, itl)):
        assert early.get_xdata()[-1] == pytest.approx(late.get_xdata()[-1], abs=0.01)
        assert early.get_ydata()[-1] == late.get_ydata()[-1]
    assert load.get_lines()[0].get_ydata().max() == 10  # requests per second


def test_a_record_says_when_load_began(tmp_path):
    record = {"workloads": [{"name": "w", "rate_per_s": 10, "start": stamp(90), "end": stamp(200)}]}
    found = made(tmp_path, "r-20260101-000000", 1, record)
    assert found.frames.reconciliations["minutes"].tolist() == [pytest.approx(0.5), pytest.approx(1.5)]


def test_simulated_runs_say_so(tmp_path, runs):
    assert overlay.overlay(runs, "both").get_suptitle() == "both"
    simulated = made(tmp_path, "s-20260103-000000", 1, {"simulated": True})
    assert "SIMULATED" in overlay.overlay([*runs, simulated], "all").get_suptitle()


def test_runs_are_drawn_with_their_repeats_and_the_other_mode(tmp_path):
    names = ("model-based-a-20260101-000000", "capacity-based-a-20260102-000000", "b-20260103-000000")
    found = compare.overlays([made(tmp_path, name, 1) for name in names])
    assert {name: [each.name for each in members] for name, members in found.items()} == {"a": list(names[:2])}
    assert list(compare.overlays([made(tmp_path, names[2], 1)])) == ["all runs"]
