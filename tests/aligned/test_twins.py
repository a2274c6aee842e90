"""Passes of the loop that are one reconciliation."""

from __future__ import annotations

from examples import frames_of
from logs import capacity_loop_run, write_run

from wva_parse import run
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
