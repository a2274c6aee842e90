"""Passes of the loop that are one reconciliation."""

from __future__ import annotations

import pytest
from examples import frames_of
from logs import capacity_loop_run, decision, write_run

from wva_parse import report, run
from wva_parse.aligned.twins import find_twins
from wva_parse.measures.summary import summarize

PODS = {"p": (0.5, 1)}


def test_passes_that_say_the_same_and_passes_that_do_not():
    alike = [capacity_loop_run(at_s, PODS, current=1, target=1) for at_s in (0, 0.02)]
    differing = [capacity_loop_run(60 + at_s, PODS, current=1, target=1 + (at_s > 0)) for at_s in (0, 0.02)]
    single = capacity_loop_run(120, PODS)
    assert find_twins(frames_of(*alike, *differing, single)) == (2, 1)
    assert find_twins(frames_of(single)) == find_twins(frames_of()) == (0, 0)


def test_that_they_disagree_is_said(tmp_path):
    runs = [capacity_loop_run(60 + at_s, PODS, current=1, target=1 + (at_s > 0)) for at_s in (0, 0.02)]
    read = run.load(write_run(tmp_path / "r", *runs, config={}))
    assert any(
        note.startswith("1 reconciliations are several passes of the loop within 5 s; in 1 of") for note in read.notes
    )
    assert summarize(read)["twins"] == {"reconciliations": 1, "disagreed": 1}


FULL, AFTER = {"p": (0.95, 9)}, {"p": (0.3, 1), "q": (0.3, 1)}


def twin_runs(second: int, found: int):
    """A scale-up 1 → 2, a pass that says no-change of `second`, and reconciliations that find `found` replicas."""
    quiet = capacity_loop_run(0, PODS, current=1, target=1)
    twins = (
        capacity_loop_run(60, FULL, current=1, target=2),
        capacity_loop_run(60.02, FULL, current=second, target=second),
    )
    later = [
        capacity_loop_run(at_s, AFTER if found == 2 else PODS, current=found, target=found) for at_s in (120, 180, 240)
    ]
    return [quiet, *twins, *later]


@pytest.mark.parametrize(
    ("second", "found", "survives"),
    [
        pytest.param(2, 2, True, id="the later pass finds the new target"),
        pytest.param(1, 2, True, id="the next reconciliation finds it"),
        pytest.param(1, 1, False, id="it was taken back"),
    ],
)
def test_an_action_survives_a_later_no_change_everywhere_or_nowhere(tmp_path, second, found, survives):
    """What was decided, what changed, what answered saturation, and every sentence on it say the same."""
    read = run.load(write_run(tmp_path / "r", *twin_runs(second, found), config={}))
    summary = summarize(read)
    raised = int(survives)
    assert summary["actions"] == ({"no-change": 4, "scale-up": 1} if survives else {"no-change": 5})
    assert summary["variants"][0]["actions"] == summary["actions"]
    assert summary["changes"] == {"up": raised, "down": 0}
    assert [step["to"] for step in summary["time_to_scale"]["steps"]] == [2] * raised
    assert {row["action"]: row["count"] for row in summary["reasons"]} == summary["actions"]
    assert {row["action"]: row["n"] for row in summary["capacity"]["at_decisions"]} == summary["actions"]
    assert summary["kv_cache"]["answered_events"] == raised
    assert [event["scale_ups"] for event in summary["kv_cache"]["events"]] == [["1.0: 1 → 2"] * raised]
    assert sum(span["why"].startswith("scaled up") for span in summary["capacity"]["why"]) == raised
    said = " ".join([*report.verdict(summary), report.about_scaling(summary)])
    assert f"WVA raised its target {'once' if survives else 'never'} and lowered it never; " in said
    assert ("no scale-up was decided or under way" in said) == (not survives)
    assert ("1 scale-up fell into it, decided 0 s after it began" in said) == survives


def test_of_several_variants_each_has_its_own_last_word():
    first = [(60.0, message) for name in "ab" for message in decision(1, 2, variant=name)]
    second = [(60.02, message) for name in "ab" for message in decision(2, 2 if name == "a" else 1, variant=name)]
    mode = "Operating in CAPACITY-ONLY mode: reactive capacity-based scaling only"
    frames = frames_of([(60.0, mode), *first], [(60.02, mode), *second])
    decided = frames["scaling_decision"]
    found = {row["variant"]: (row["action"], row["target_replicas"]) for row in decided.to_dict("records")}
    assert found == {"a": ("scale-up", 2), "b": ("scale-down", 1)}
    assert len(frames.by_loop_run["scaling_decision"]) == 4
