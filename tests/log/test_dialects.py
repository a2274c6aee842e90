"""Which releases wrote a log, told by its lines."""

from __future__ import annotations

from pathlib import Path

import pytest
import rebuild_expected
from examples import own, rows_of

from wva_parse.log.dialects import families, name_dialects, overlays


@pytest.mark.parametrize(
    ("spoken", "expected"),
    [
        ("D2", {"D2"}),
        ("D2 D3", {"D2", "D3"}),
        ("D1b D4-D6", {"D1", "D4", "D5", "D6"}),
        ("D7-", {"D7", "D8"}),
        ("D10", {"D10"}),
        ("D2+DF D3+DF", {"D2", "D3"}),
        ("DT", set()),
    ],
)
def test_dialects_of_a_row(spoken, expected):
    assert families(spoken) == expected


@pytest.mark.parametrize(
    ("spoken", "expected"),
    [("D2", set()), ("DT", {"DT"}), ("D2+DF D3+DF", {"DF"}), ("D2+DF D3", set()), ("D1b+DT", {"DT"})],
)
def test_overlays_of_a_row(spoken, expected):
    assert overlays(spoken) == expected


@pytest.mark.parametrize(
    ("spoken", "expected"),
    [
        pytest.param({}, {}, id="nothing"),
        pytest.param({"D2 D3": 5, "D3": 2, "D1 D2 D3": 4}, {"D3": 11}, id="one line decides"),
        pytest.param({"D2 D3": 5}, {"D2/D3": 5}, id="nothing decides"),
        pytest.param({"D4-": 9, "D7-": 2, "D5-": 3}, {"D7/D8": 14}, id="the narrowest"),
        pytest.param({"D2 D3": 5, "D3": 2, "D4-": 9, "D7-": 1}, {"D7/D8": 10, "D3": 7}, id="upgraded"),
        pytest.param({"D4-": 9, "D7-": 2, "D8": 1}, {"D8": 12}, id="the last release"),
        pytest.param({"D2": 4, "D3": 3, "D2 D3": 5}, {"D2": 4, "D3": 3}, id="both; common lines tell neither"),
        pytest.param({"D2": 4, "D2+DF": 3, "DT": 2}, {"D2": 7, "DF": 3, "DT": 2}, id="overlays"),
    ],
)
def test_dialects_of_a_log(spoken, expected):
    found = name_dialects(spoken)
    assert found == expected
    assert list(found.values()) == sorted(found.values(), reverse=True)


@pytest.mark.parametrize(
    ("loop_runs", "expected"),
    [
        pytest.param([{"D4-", "D7-"}], {"D7/D8"}, id="what a whole loop run says decides"),
        pytest.param([{"D2", "D2 D3"}, {"D4-", "D7-"}], {"D2", "D7/D8"}, id="whole loop runs of two"),
        pytest.param([{"D2", "D2 D3"}, {"D2 D3", "D7-"}], {"D2"}, id="lines of two within one are of no whole one"),
        pytest.param([{"D4-"}, {"D4-", "D8"}], {"D8"}, id="the narrowest"),
        pytest.param([{"D6", "D7-"}, {"D4-", "D6", "D7-"}], {"D6/D7/D8"}, id="a build between two releases is one"),
    ],
)
def test_whole_loop_runs_come_before_single_lines(loop_runs, expected):
    counted = dict.fromkeys(map(frozenset, loop_runs), 1)
    spoken = {text: 1 for texts in loop_runs for text in texts}
    assert set(name_dialects({**spoken, "D3": 1}, counted)) == expected


def test_start_up_and_the_machinery_around_are_no_evidence():
    start = own("Using Prometheus configuration from environment variables: address=x")
    loop_run = (rebuild_expected.DATA / "console-v0.5-with-v4.log").read_bytes().splitlines()
    _, _, counts = rows_of([start, own("Safety net: skipping"), own("Setting accelerator name: x"), *loop_run])
    assert (set(counts.dialects), counts.unrecognised) == ({"D4"}, {})


@pytest.mark.parametrize(
    ("log", "expected"),
    [
        ("before-the-first-release.jsonl", {"D0"}),
        ("first-release-emits-its-decision.jsonl", {"D1"}),
        ("capacity-twin-runs.jsonl", {"D2"}),
        ("saturation-with-debug-and-info.jsonl", {"D3"}),
        ("console-v0.5-with-v4.log", {"D4"}),
        ("console-v0.8-per-role.log", {"D6"}),
        ("console-v0.9-two-variants.log", {"D7/D8"}),
        ("console-d8-bounds.log", {"D8"}),
        ("controller-upgraded-during-the-run.log", {"D2", "D7/D8"}),
    ],
)
def test_dialects_of_the_fixtures(log: str, expected: set[str]):
    raw = (rebuild_expected.DATA / Path(log)).read_bytes().splitlines()
    _, _, counts = rows_of(raw)
    assert set(counts.dialects) - {"DF", "DT"} == expected
