"""From saturation to decision to ready replicas, against cases worked by hand."""

from __future__ import annotations

import math

import pytest
from logs import capacity_loop_run
from test_frames import frames_of

from wva_parse import reaction, scaling, stats
from wva_parse.frames import make_frames


def run_of(*minutes):
    """A loop run a minute: KV usage, queue, current and target replicas."""
    return frames_of(
        *(
            capacity_loop_run(60 * n, {"a": (usage, queue)}, current=current, target=target)
            for n, (usage, queue, current, target) in enumerate(minutes)
        )
    )


FRAMES = run_of((0.2, 0, 1, 1), (0.95, 9, 1, 1), (0.97, 20, 1, 2), (0.96, 30, 1, 2), (0.5, 0, 2, 2), (0.1, 0, 2, 1))


def state(frames):
    return reaction.state_at_decisions(
        frames,
        stats.aggregate_pods(frames["kv_cache"], "kv_cache_usage"),
        stats.aggregate_pods(frames["queue"], "queue_length", with_total=True),
    )


def test_reaction_counts_from_the_first_saturated_reconciliation():
    events = stats.saturation_events(FRAMES["kv_cache"], 0.9, FRAMES.interval_s)
    followed = scaling.follow_changes(scaling.changes(FRAMES), scaling.replicas_from_decisions(FRAMES))
    (found,) = reaction.reactions(events, followed).to_dict("records")
    assert found["start_minutes"] == pytest.approx(1, abs=0.01)
    assert found["duration_s"] == pytest.approx(180)
    assert found["to_decision_s"] == pytest.approx(60, abs=0.1)
    assert found["to_ready_s"] == pytest.approx(180, abs=0.1)


def test_a_scale_up_that_is_under_way_counts_as_an_answer():
    frames = run_of((0.5, 0, 1, 2), (0.95, 9, 1, 2), (0.2, 0, 2, 2))
    events = stats.saturation_events(frames["kv_cache"], 0.9, frames.interval_s)
    followed = scaling.follow_changes(scaling.changes(frames), scaling.replicas_from_decisions(frames))
    assert reaction.reactions(events, followed)["to_decision_s"].tolist() == [pytest.approx(-60, abs=0.1)]


def test_a_scale_up_of_another_model_is_no_answer():
    events = stats.saturation_events(FRAMES["kv_cache"], 0.9, FRAMES.interval_s)
    followed = scaling.follow_changes(scaling.changes(FRAMES), scaling.replicas_from_decisions(FRAMES))
    (found,) = reaction.reactions(events, followed.assign(model="another")).to_dict("records")
    assert math.isnan(found["to_decision_s"])


def test_saturation_without_a_decision_has_no_reaction():
    frames = run_of((0.95, 9, 1, 1), (0.2, 0, 1, 1))
    events = stats.saturation_events(frames["kv_cache"], 0.9, frames.interval_s)
    followed = scaling.follow_changes(scaling.changes(frames), scaling.replicas_from_decisions(frames))
    (found,) = reaction.reactions(events, followed).to_dict("records")
    assert math.isnan(found["to_decision_s"]) and math.isnan(found["to_ready_s"])


def test_values_at_which_decisions_fell():
    by_action = reaction.values_by_action(state(FRAMES)).set_index("action")
    assert by_action["n"].to_dict() == {"no-change": 3, "scale-down": 1, "scale-up": 2}
    assert by_action.loc["scale-up", ["kv_least", "kv_most", "queue_median"]].tolist() == [0.96, 0.97, 25]
    assert by_action.loc["scale-down", "kv_most"] == 0.1


def test_correlation_looks_back_the_given_number_of_reconciliations():
    # The decision follows the queue exactly one reconciliation later.
    queues = [0, 3, 0, 7, 0, 1, 0, 5]
    frames = run_of(*((0.1, queue, 10, 10 + before) for queue, before in zip(queues, [0, *queues], strict=False)))
    found = reaction.lagged_correlation(state(frames), lags=(0, 1)).set_index("lag")
    assert found.loc[1, "queue"] == pytest.approx(1)
    assert found.loc[0, "queue"] < 0.5
    assert found["n"].tolist() == [8, 7]
    assert found["kv"].isna().all()  # it never varies


def test_too_few_or_no_decisions_have_no_correlation():
    assert reaction.lagged_correlation(state(run_of((0.1, 0, 1, 1), (0.9, 9, 1, 2))))["queue"].isna().all()
    empty = state(make_frames([], []))
    assert reaction.lagged_correlation(empty)["n"].tolist() == [0, 0, 0, 0]
    assert len(reaction.values_by_action(empty)) == 0
