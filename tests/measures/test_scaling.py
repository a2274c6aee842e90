"""What became of scaling decisions, against cases worked by hand."""

from __future__ import annotations

import math

import pandas as pd
import pytest
from examples import followed_of, frames_of
from logs import capacity_loop_run, decision, model_loop_run

from wva_parse.aligned.frames import make_frames
from wva_parse.measures import scaling


def decided(*steps):
    """A loop run a minute, each with one decision (current, target)."""
    return frames_of(*(model_loop_run(60 * n, decided=decision(*step)) for n, step in enumerate(steps)))


def test_repeated_decisions_are_one_change():
    changed = scaling.changes(decided((1, 1), (1, 3), (1, 3), (3, 3), (3, 2)))
    assert changed["reconciliation"].tolist() == [1, 4]
    assert changed["direction"].tolist() == [1, -1]
    assert changed[["from", "to"]].to_numpy().tolist() == [[1, 3], [3, 2]]


def test_the_first_decision_is_compared_with_the_current_replicas():
    assert len(scaling.changes(decided((1, 1)))) == 0
    assert scaling.changes(decided((1, 2)))["to"].tolist() == [2]


def test_variants_change_apart():
    frames = frames_of(
        model_loop_run(0, decided=[*decision(1, 2), *decision(5, 5, variant="b")]),
        model_loop_run(60, decided=[*decision(2, 2), *decision(5, 4, variant="b")]),
    )
    assert scaling.changes(frames)["variant"].tolist() == ["llama-decode", "b"]


def test_nothing_decided_gives_columns():
    changed = scaling.changes(make_frames([], []))
    assert list(changed.columns) == scaling.CHANGE_COLUMNS
    followed = scaling.follow_changes(changed, pd.DataFrame({"minutes": [], "held": [], "ready": []}))
    assert scaling.time_to_scale(followed, "samples") == scaling.TimeToScale(0, 0, 0, 0, 0, *[None] * 6, "samples")


REPLICAS = pd.DataFrame(
    {
        "minutes": [0.0, 0.5, 1.0, 1.5, 2.0, 3.0, 4.0, 5.0],
        "held": [1.0, 1.0, 1.0, 3.0, 3.0, 3.0, 3.0, 2.0],
        "ready": [1.0, 1.0, 1.0, 1.0, 2.0, 3.0, 3.0, 2.0],
    }
)


def test_time_to_scale_is_split_at_the_replicas_wanted():
    followed = scaling.follow_changes(scaling.changes(decided((1, 1), (1, 3), (1, 3), (3, 3), (3, 2))), REPLICAS)
    # decided at 60 s: wanted at 90 s, ready at 180 s; scale-down decided at 240 s: both at 300 s
    assert followed["desired_s"].tolist() == [pytest.approx(30, abs=0.1), pytest.approx(60, abs=0.1)]
    assert followed["ready_s"].tolist() == [pytest.approx(120, abs=0.1), pytest.approx(60, abs=0.1)]
    # known at the samples only: after those of 60 and 120 s, and after the decision of 240 s
    assert followed["desired_after_s"].tolist() == [pytest.approx(0, abs=0.1), pytest.approx(0, abs=0.1)]
    assert followed["ready_after_s"].tolist() == [pytest.approx(60, abs=0.1), pytest.approx(0, abs=0.1)]
    found = scaling.time_to_scale(followed, "samples")
    assert (found.changes, found.carried_out) == (2, 2)
    assert (found.decision_to_ready_after_s, found.decision_to_ready_s) == pytest.approx((30, 90), abs=0.1)
    # held to ready: (60 - 30, 120 - 0] and (0, 60 - 0]
    assert (found.desired_to_ready_after_s, found.desired_to_ready_s) == pytest.approx((15, 90), abs=0.1)


def test_changes_that_were_overtaken_or_never_happened_are_told_apart():
    followed = scaling.follow_changes(scaling.changes(decided((1, 9), (1, 9), (1, 1), (1, 10))), REPLICAS)
    assert followed["outcome"].tolist() == ["superseded", "superseded", "never"]
    assert math.isnan(followed["ready_s"].iloc[0])
    assert scaling.time_to_scale(followed, "samples").decision_to_ready_s is None


def test_a_further_change_in_the_same_direction_does_not_end_the_first():
    followed = scaling.follow_changes(scaling.changes(decided((1, 2), (1, 3))), REPLICAS)
    assert followed["ready_s"].tolist() == [pytest.approx(120, abs=0.1), pytest.approx(120, abs=0.1)]


def test_a_target_that_came_down_before_it_was_reached_is_still_a_scale_up():
    # 4 of 9 came, then 7 are asked for: two minutes until there are 7, nothing was carried out at once.
    frames = decided((1, 9), (4, 7), (5, 7), (7, 7))
    followed = followed_of(frames)
    assert followed["direction"].tolist() == [1, -1]
    assert followed["outcome"].tolist() == ["superseded", "carried out"]
    assert followed["desired_s"].tolist() == [pytest.approx(math.nan, nan_ok=True), pytest.approx(120, abs=0.1)]


def test_a_higher_target_that_comes_down_again_does_not_end_a_lower_one():
    frames = decided((1, 3), (1, 9), (1, 5), (3, 5))
    followed = followed_of(frames)
    assert followed["outcome"].tolist() == ["carried out", "superseded", "never"]
    assert followed["desired_s"].iloc[0] == pytest.approx(180, abs=0.1)


def test_what_runs_when_the_next_decision_is_made_was_carried_out():
    frames = decided((7, 6), (6, 7), (7, 7))
    followed = followed_of(frames)
    assert followed["desired_s"].tolist() == [pytest.approx(60, abs=0.1)] * 2


def test_a_change_back_to_what_runs_needs_nothing():
    frames = decided((1, 3), (1, 1), (1, 1))
    followed = followed_of(frames)
    assert followed["outcome"].tolist() == ["superseded", "not needed"]
    found = scaling.time_to_scale(followed, "log")
    assert (found.changes, found.carried_out, found.not_needed) == (2, 0, 1)
    assert found.decision_to_ready_s is None


def test_a_lowered_target_is_carried_out_when_it_is_held():
    """A replica that had still to start goes: nothing that was ready does. One that serves ends in its own time."""
    starting = pd.DataFrame({"minutes": [0.0, 1.0, 2.0], "held": [4.0, 4.0, 3.0], "ready": [3.0, 3.0, 3.0]})
    serving = starting.assign(ready=4.0)
    for replicas in (starting, serving):
        followed = scaling.follow_changes(scaling.changes(decided((4, 3))), replicas)
        assert followed["outcome"].tolist() == ["carried out"]
        assert followed["desired_s"].tolist() == [pytest.approx(120, abs=0.1)]
        assert followed["ready_s"].isna().all()


def test_replicas_that_had_not_gone_yet_are_no_time_to_ready():
    """Down at minute 1, up again at minute 2 while the old replica still serves."""
    replicas = pd.DataFrame({"minutes": [0.0, 1.0, 2.0, 3.0], "held": [2.0, 2.0, 1.0, 2.0], "ready": [2.0] * 4})
    followed = scaling.follow_changes(scaling.changes(decided((2, 2), (2, 1), (1, 2), (2, 2))), replicas)
    assert followed["outcome"].tolist() == ["carried out", "carried out"]
    assert followed["desired_s"].iloc[1] == pytest.approx(60, abs=0.1)
    assert followed["ready_s"].isna().all()


def test_replicas_become_ready_for_as_long_as_they_are_held():
    """Up at minute 0 and held from 1 on; down at minute 2, but the replica is there at 3, when it is let go."""
    replicas = pd.DataFrame({"minutes": [0.0, 1.0, 2.0, 3.0], "held": [1.0, 2.0, 2.0, 1.0], "ready": [1.0, 1, 1, 2]})
    followed = scaling.follow_changes(scaling.changes(decided((1, 2), (2, 2), (2, 1), (1, 1))), replicas)
    assert followed["outcome"].tolist() == ["carried out", "carried out"]
    assert followed[["ready_after_s", "ready_s"]].iloc[0].tolist() == pytest.approx([120, 180], abs=0.1)
    replicas.loc[2, "held"] = 1.0  # let go before
    followed = scaling.follow_changes(scaling.changes(decided((1, 2), (2, 2), (2, 1), (1, 1))), replicas)
    assert followed["outcome"].iloc[0] == "superseded"


def test_without_samples_pods_and_observations_it_is_not_known_when_replicas_were_ready():
    found = scaling.time_to_scale(followed_of(decided((1, 3), (1, 3), (3, 3))), "log")
    assert (found.carried_out, found.decision_to_ready_s, found.desired_to_ready_s) == (1, None, None)
    assert (found.decision_to_desired_after_s, found.decision_to_desired_s) == pytest.approx((60, 120), abs=0.1)


def test_without_samples_a_replica_is_ready_when_its_pod_reports_metrics():
    # decided at 0, current at 60 s, its metrics come at 180 s; the pod that goes at 240 s is not current at 300 s, but
    # reports a minute longer: it is counted until then
    seen = [(1, "a", 2), (2, "a", 2), (2, "a", 2), (2, "ab", 2), (2, "ab", 1), (1, "ab", 1), (1, "a", 1)]
    frames = frames_of(
        *(
            capacity_loop_run(60 * n, dict.fromkeys(pods, (0.1, 0)), current=current, target=target)
            for n, (current, pods, target) in enumerate(seen)
        )
    )
    followed = followed_of(frames)
    assert followed["desired_s"].tolist() == [pytest.approx(60, abs=0.1), pytest.approx(60, abs=0.1)]
    assert followed["ready_s"].tolist() == [pytest.approx(180, abs=0.1), pytest.approx(120, abs=0.1)]


def test_scale_ups_and_scale_downs_take_their_own_time():
    """Up at minute 0, ready after two; down at minute 4, one later."""
    changed = scaling.changes(decided((1, 2), (1, 2), (2, 2), (2, 2), (2, 1), (1, 1)))
    steps = [(0, 1), (2, 2), (5, 1)]
    replicas = pd.DataFrame([(minutes, count, count) for minutes, count in steps], columns=["minutes", "held", "ready"])
    found = scaling.times_to_scale(scaling.follow_changes(changed, replicas), "samples")
    assert {name: (each.carried_out, each.decision_to_ready_s) for name, each in found.items()} == {
        "all": (2, pytest.approx(90, abs=1)),
        "up": (1, pytest.approx(120, abs=1)),
        "down": (1, pytest.approx(60, abs=1)),
    }


@pytest.mark.parametrize(
    ("steps", "turns"),
    [
        ([(1, 2), (2, 3), (3, 4)], 0),
        ([(1, 2), (2, 1), (1, 2)], 2),
        ([(1, 2), *[(2, 2)] * 10, (2, 1)], 0),  # eleven minutes later
        ([(1, 2), *[(2, 2)] * 9, (2, 1)], 1),  # ten minutes later
    ],
    ids=["one direction", "up, down, up", "too long ago", "just within"],
)
def test_flapping_counts_turns_within_ten_minutes(steps, turns):
    changed = scaling.changes(decided(*steps))
    assert scaling.flapping(changed, pd.Series(600.0, changed.index)) == turns


@pytest.mark.parametrize(
    ("rates", "turns"),
    [
        ([(-1, 600), (1, 541)], 1),  # a tenth less would be 540
        ([(-1, 600), (1, 540)], 0),
        ([(-1, 600), (1, 900)], 1),  # it rose
        ([(-1, 600), (1.5, 300)], 0),  # smoothed over the minute before: 450
        ([(-1, 600), (2, 0)], 1),  # it fell when the decision had been made
        ([], None),
    ],
)
def test_a_change_that_the_load_asked_for_is_no_flapping(rates, turns):
    changed = scaling.changes(decided((1, 2), (2, 2), (2, 1))).assign(minutes=[0.0, 2.0])  # up, down
    steps = pd.DataFrame(rates, columns=["minutes", "rate_per_min"], dtype="float64")
    assert scaling.flapping(changed, scaling.load_before(changed, steps, 60)) == turns


@pytest.mark.parametrize(
    ("per_min", "turns"),
    [
        ([1594, 1600, 897], 0),  # as logged at the decision: a mean of the minute before
        ([1594, 897, 1594], 1),
        ([math.nan, math.nan, math.nan], None),
        ([1594, 897, math.nan], 0),  # what was last told
    ],
)
def test_an_answered_rate_is_of_the_minute_before_its_reconciliation(per_min, turns):
    changed = scaling.changes(decided((1, 2), (2, 2), (2, 1)))
    answered = pd.DataFrame({"minutes": [0.0, 1.0, 2.0], "per_s": [rate / 60 for rate in per_min]})
    assert scaling.flapping(changed, scaling.answered_before(changed, answered)) == turns


def test_a_load_that_begins_asks_for_replicas():
    changed = scaling.changes(decided((2, 1), (1, 1), (1, 2))).assign(minutes=[0.0, 2.0])
    begun = pd.DataFrame({"minutes": [1.0], "rate_per_min": [600.0]})
    assert scaling.flapping(changed, scaling.load_before(changed, begun, 60)) == 0


def test_reasons_are_counted_by_action():
    frames = frames_of(
        model_loop_run(0, decided=decision(1, 2, reason="saturated")),
        model_loop_run(60, decided=decision(1, 2, reason="saturated")),
        model_loop_run(120, decided=decision(2, 2, reason="steady")),
    )
    assert scaling.reasons(frames).to_numpy().tolist() == [["no-change", "steady", 1], ["scale-up", "saturated", 2]]
