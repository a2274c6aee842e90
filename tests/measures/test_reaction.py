"""From saturation to decision to ready replicas, against cases worked by hand."""

from __future__ import annotations

import math

import pytest
from examples import FRAMES, followed_of, frames_of, reacted_of, run_of
from logs import MODEL, NAMESPACE, capacity_loop_run

from wva_parse.aligned.frames import make_frames
from wva_parse.measures import reaction, stats
from wva_parse.optimizer.limits import Told
from wva_parse.optimizer.logged import Group


def state(frames):
    return reaction.state_at_decisions(
        frames,
        stats.aggregate_pods(frames["kv_cache"], "kv_cache_usage"),
        stats.aggregate_pods(frames["queue"], "queue_length", with_total=True),
    )


def test_an_event_tells_how_long_it_lasted_what_was_decided_and_what_ended_it():
    (found,) = reacted_of(FRAMES).to_dict("records")
    assert found["start_minutes"] == pytest.approx(1, abs=0.01)
    assert (found["duration_s"], found["end_minutes"]) == pytest.approx((180, 4), abs=0.01)
    assert found["to_decision_s"] == pytest.approx(60, abs=0.1)
    assert found["to_ready_s"] == pytest.approx(180, abs=0.1)
    assert found["scale_ups"] == ["2.0: 1 → 2"]
    assert (found["ready_at_start"], found["ready_at_end"], found["ended_by"]) == (1, 2, "more ready replicas")


def test_a_scale_up_that_is_under_way_counts_as_an_answer():
    frames = run_of((0.5, 0, 1, 2), (0.95, 9, 1, 2), (0.2, 0, 2, 2))
    assert reacted_of(frames)["to_decision_s"].tolist() == [pytest.approx(-60, abs=0.1)]
    assert reacted_of(frames, limit_s=30)["to_decision_s"].isna().all()  # it would have been ready by then


def test_how_long_a_scale_up_is_under_way_is_taken_from_the_run():
    frames = run_of((0.5, 0, 1, 2), (0.5, 0, 1, 2), (0.5, 0, 1, 2), (0.5, 0, 2, 2))
    assert reaction.under_way_s(followed_of(frames), 60) == pytest.approx(180, abs=0.1)
    assert reaction.under_way_s(followed_of(run_of((0.5, 0, 1, 1))), 60) == 2 * 60 + 140
    assert reaction.under_way_s(followed_of(run_of((0.5, 0, 1, 1))), math.nan) == 140


def test_a_scale_up_that_was_over_before_is_no_answer():
    frames = run_of((0.5, 0, 1, 2), (0.5, 0, 2, 2), (0.95, 9, 2, 2), (0.2, 0, 2, 2))
    assert followed_of(frames)["ready_s"].tolist() == [pytest.approx(60, abs=0.1)]
    assert reacted_of(frames)["to_decision_s"].isna().tolist() == [True]


def test_a_scale_up_of_another_model_is_no_answer():
    for model, answered in (("another/model", False), (None, True)):
        followed = followed_of(FRAMES).assign(model=model)
        assert reacted_of(FRAMES, followed)["to_decision_s"].notna().tolist() == [answered]


def test_saturation_without_a_decision_has_no_reaction():
    (found,) = reacted_of(run_of((0.95, 9, 1, 1), (0.2, 0, 1, 1))).to_dict("records")
    assert math.isnan(found["to_decision_s"]) and math.isnan(found["to_ready_s"])
    assert (found["scale_ups"], found["ended_by"]) == ([], "not known")
    assert math.isnan(found["duration_s"])  # one reconciliation shows the maximum of a minute


@pytest.mark.parametrize(
    ("rates", "ended_by"),
    [
        ([(0, 600), (2, 480)], "not known"),  # a fifth less is the limit
        ([(0, 600), (2, 479)], "a lower load"),
        ([(0, 600), (1, 900), (2, 600)], "a lower load"),
        ([(0, 600), (3, 0)], "not known"),  # it fell later
    ],
)
def test_a_load_that_fell_ends_an_event(rates, ended_by):
    frames = run_of((0.95, 9, 1, 1), (0.95, 9, 1, 1), (0.2, 0, 1, 1), (0.2, 0, 1, 1))
    assert reacted_of(frames, rates=rates)["ended_by"].tolist() == [ended_by]


def test_an_event_may_last_to_the_end_of_the_log():
    (found,) = reacted_of(run_of((0.5, 0, 1, 1), (0.95, 9, 1, 1), (0.95, 9, 1, 1))).to_dict("records")
    assert (found["ended_by"], found["duration_s"]) == ("the end of the log", pytest.approx(60, abs=0.1))


def test_the_controllers_own_verdict():
    # its threshold is 0.8 there
    states = ({"a": (0.85, 0)}, {"a": (0.85, 0), "b": (0.1, 0)}, {"a": (0.1, 0)})
    frames = frames_of(*(capacity_loop_run(60 * n, pods) for n, pods in enumerate(states)))
    assert reaction.own_verdict(frames) == {"analyses": 3, "some": 2, "none": 1}
    assert reaction.own_verdict(make_frames([], [])) is None


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


# --- spare capacity, triggers, refusals

TOO_FEW = "Scale-down unsafe: insufficient non-saturated replicas: nonSaturated=1, required=2"
NO_HEADROOM = (
    "Scale-down unsafe: insufficient headroom after redistribution: remainingSpareKv=0.136, kvTrigger=0.300, "
    "kvSafe=false, remainingSpareQueue=5.0, queueTrigger=3.0%!(EXTRA bool=true)"
)
UP = "Capacity target: scale-up cheapest variant: variant=v, cost=10.00, currentReplicas=1, readyReplicas=1, target=2"


def with_words(at_s, pods, *words, **replicas):
    """A capacity loop run that says why, between its analysis and its decision."""
    messages = capacity_loop_run(at_s, pods, **replicas)
    return [*messages[:-3], *((at_s + 0.5, text) for text in words), *messages[-3:]]


def test_spare_capacity_is_counted_against_known_triggers_only():
    # The loop runs of `logs` tell a spare KV cache of 0.2 and a spare queue of 4.
    group = Group(NAMESPACE, MODEL)
    assert reaction.spare(FRAMES, {group: Told(kv_trigger=0.21)}) == (6, 6, 0)
    assert reaction.spare(FRAMES, {group: Told(kv_trigger=0.2, queue_trigger=4.5)}) == (6, 0, 6)
    assert reaction.spare(FRAMES, {Group(NAMESPACE, "other"): Told(kv_trigger=0.21)}) == (6, 0, 0)


def test_reasons_for_a_scale_up_are_counted_without_their_values():
    frames = frames_of(
        with_words(0, {"a": (0.5, 0)}, f"{UP}, reason=KV spare capacity low (0.050 < 0.100)"),
        with_words(60, {"a": (0.5, 0)}, f"{UP}, reason=KV spare capacity low (0.020 < 0.100)"),
        with_words(120, {"a": (0.5, 0)}, f"{UP}, reason=both KV spare (0.000 < 0.100) and queue spare (0.0 < 3.0)"),
    )
    found = reaction.scale_up_reasons(frames).to_dict()
    assert found == {"KV spare capacity low": 2, "both KV spare and queue spare": 1}


def test_refusals_with_one_replica_are_told_apart():
    frames = frames_of(
        with_words(0, {"a": (0.5, 0)}, TOO_FEW),
        with_words(60, {"a": (0.5, 0), "b": (0.9, 0)}, TOO_FEW),
        with_words(120, {"a": (0.5, 0), "b": (0.5, 0)}, NO_HEADROOM),
    )
    assert reaction.scale_down_refusals(frames).to_dict("records") == [
        {"reason": "too few non-saturated replicas", "count": 2, "single": 1},
        {"reason": "too little headroom after redistribution", "count": 1, "single": 0},
    ]
