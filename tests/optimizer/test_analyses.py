"""The replay of analyses: what the controller worked with, what it found, and what it would have found."""

from __future__ import annotations

import json
from functools import lru_cache

import orjson
import pytest
import rebuild_expected
from captured import OTHER_DIALECTS, captured, needs_captured, needs_excerpts
from examples import LIMITS, analysed, frames_of, rows_of
from hypothesis import given, settings
from hypothesis import strategies as st
from logs import MODEL, NAMESPACE, write_run
from turned import Turned

from wva_parse import run
from wva_parse.aligned.frames import make_frames
from wva_parse.log.lines import open_log
from wva_parse.optimizer.analyses import Asked, earliest_up, replay, replay_analyses
from wva_parse.optimizer.limits import Told
from wva_parse.optimizer.logged import Group
from wva_parse.optimizer.saturation import Limits
from wva_sim.cluster.settings import Settings

GROUP = Group(NAMESPACE, MODEL)


def config_map(**values):
    default = {"kvCacheThreshold": 0.8, "queueLengthThreshold": 5, "kvSpareTrigger": 0.1, "queueSpareTrigger": 3}
    return {"data": {"default": json.dumps(default), **{name: json.dumps(value) for name, value in values.items()}}}


FULL = {"a": (0.95, 9)}
QUIET = {"a": (0.3, 1)}
HIDDEN = {"a": (1.0, 300), "b": (0.0, 0)}

# --- thresholds and triggers


def told(*loop_runs, config_maps=()):
    return replay(frames_of(*loop_runs), config_maps).thresholds


def test_thresholds_follow_from_the_only_free_replica_and_triggers_from_the_reasons():
    assert told(analysed(0, QUIET), analysed(60, FULL)) == Told(*LIMITS, "log")


def test_the_free_one_among_saturated_ones_tells_them_too():
    assert told(analysed(0, HIDDEN), analysed(60, FULL)) == Told(*LIMITS, "log")


def test_where_every_replica_is_free_the_mean_tells_them():
    assert told(analysed(0, {"a": (0.2, 1), "b": (0.4, 0)}), analysed(60, FULL)) == Told(*LIMITS, "log")


def test_what_the_lines_do_not_tell_stands_in_the_config_map():
    assert told(analysed(0, FULL)) == Told(None, None, 0.1, 3, "log")
    assert told(analysed(0, FULL), config_maps=[{"data": None}, config_map()]) == Told(*LIMITS, "log and ConfigMap")
    assert told(analysed(0, QUIET), config_maps=[config_map()]) == Told(*LIMITS, "log and ConfigMap")
    assert told(analysed(0, QUIET)) == Told(0.8, 5, None, None, "log")


def test_a_refused_scale_down_names_the_triggers_and_the_word_said_most_often_holds():
    refused = (
        "Scale-down unsafe: insufficient headroom after redistribution: remainingSpareKv=0.136, kvTrigger={:.3f}, "
        "kvSafe=false, remainingSpareQueue=5.0, queueTrigger=3.0%!(EXTRA bool=true)"
    )
    runs = [analysed(60 * number, QUIET) for number in range(3)]
    for loop_run, trigger in zip(runs, (0.3, 0.1, 0.3), strict=True):
        loop_run.insert(-2, (loop_run[-3][0] + 0.0005, refused.format(trigger)))
    assert told(*runs) == Told(0.8, 5, 0.3, 3, "log")


def test_an_entry_of_the_config_map_that_names_the_model_comes_first():
    own = {"model_id": MODEL, "namespace": NAMESPACE, "kvCacheThreshold": 0.6}
    other = {"model_id": MODEL, "namespace": "elsewhere", "kvCacheThreshold": 0.7}
    found = told(analysed(0, FULL), config_maps=[config_map(other=other, own=own)])
    assert found == Told(0.6, 5, 0.1, 3, "log and ConfigMap")


def test_an_info_log_tells_its_kv_threshold_in_the_reason_for_a_scale_up_at_most():
    found = told(analysed(0, {"a": (0.75, 3)}, debug=False))
    assert found == Told(*LIMITS, "log")
    assert told(analysed(0, {"a": (0.75, 0)}, debug=False)) == Told(0.8, None, 0.1, None, "log")


def test_limits_are_those_of_each_model():
    other = Limits(0.5, 5, 0.1, 3)
    first, second = analysed(0, QUIET), analysed(60, QUIET, other, model="other")
    found = replay(frames_of(first, second))
    assert {group.model: each.kv_threshold for group, each in found.by_model.items()} == {MODEL: 0.8, "other": 0.5}
    assert found.thresholds[:2] == (None, 5)


# --- a replay of what was


def test_what_was_is_reproduced():
    runs = [analysed(60 * n, pods) for n, pods in enumerate((QUIET, FULL, HIDDEN, {"a": (0.1, 0), "b": (0.1, 0)}))]
    found = replay(frames_of(*runs))
    assert (found.analyses, found.analyses_reproduced, found.not_reproduced) == (4, 4, [])
    assert found.first_difference is None and found.missing == ""
    quiet = found.rows[0]
    assert (quiet["reconciliation"], quiet["variant"], quiet["model"]) == (0, "llama-decode", MODEL)
    assert quiet["logged"] == {"up": False, "down_safe": False, "spare_kv": 0.5, "spare_queue": 4, "free": 1}
    assert quiet["replayed"] == {**quiet["logged"], "spare_kv": pytest.approx(0.5)}
    assert [row["reconciliation"] for row in found.masked] == [2]
    assert len(orjson.loads(orjson.dumps(found.rows))) == 4


def test_twins_count_by_themselves():
    runs = [analysed(0, QUIET), analysed(0.1, FULL), analysed(60, FULL)]
    found = replay(frames_of(*runs))
    assert [(row["reconciliation"], row["loop_run"], row["logged"]["up"]) for row in found.rows] == [
        (0, 0, False),
        (0, 1, True),
        (1, 2, True),
    ]
    assert found.analyses_reproduced == 3


def test_what_the_controller_did_not_find_is_named():
    wrong = analysed(60, QUIET, changed="scaleDownSafe=false→scaleDownSafe=true")
    found = replay(frames_of(analysed(0, QUIET), wrong, analysed(120, FULL)))
    assert (found.analyses, found.analyses_reproduced) == (3, 2)
    assert [row["reconciliation"] for row in found.not_reproduced] == [1]
    assert found.first_difference["reconciliation"] == 1
    assert (found.first_difference["logged"]["down_safe"], found.first_difference["replayed"]["down_safe"]) == (
        True,
        False,
    )


def test_a_pod_without_a_line_counts_with_zero_as_in_wva():
    found = replay(frames_of(analysed(0, {"a": (0.3, 0)}, without=["a"]), analysed(60, QUIET), analysed(120, FULL)))
    assert found.rows[0]["missing"] == "a has no line of its queue"
    assert found.analyses_reproduced == 3


def test_an_analysis_of_more_pods_than_there_are_lines_is_not_reproduced():
    short = analysed(60, {"a": (0.3, 1), "b": (0.2, 2)}, changed="totalReplicas=2→totalReplicas=3")
    found = replay(frames_of(analysed(0, QUIET), short, analysed(120, FULL)))
    assert found.rows[1]["missing"] == "2 of 3 replicas have a line"


def test_values_on_the_edge_of_a_limit_are_taken_to_be_on_the_side_that_was_logged():
    # 0.7996 prints as 0.800 and is not saturated; 0.0996 to spare prints as 0.100 and is below the trigger
    edges = [{"a": (0.7996, 0)}, {"a": (0.7004, 0)}, {"a": (0.3504, 0), "b": (0.3502, 0)}]
    found = replay(
        frames_of(analysed(0, QUIET), analysed(60, FULL), *(analysed(120 + 60 * n, e) for n, e in enumerate(edges)))
    )
    assert found.analyses_reproduced == found.analyses == 5
    assert found.first_difference is None


def test_an_info_log_is_held_against_its_flags_if_the_config_map_tells_the_rest():
    found = replay(frames_of(analysed(0, QUIET, debug=False), analysed(60, FULL, debug=False)), [config_map()])
    assert (found.analyses, found.analyses_reproduced) == (2, 2)
    assert found.rows[0]["logged"]["spare_kv"] is None


def test_without_triggers_what_is_spare_is_reproduced_and_whether_to_scale_is_left_open():
    quiet = [{"a": (0.3, 1)}, {"a": (0.3, 1), "b": (0.2, 0)}]
    found = replay(frames_of(*(analysed(60 * n, pods) for n, pods in enumerate(quiet))))
    assert found.thresholds == Told(0.8, 5, None, None, "log")
    assert (found.analyses, found.analyses_reproduced, found.first_difference) == (2, 2, None)
    assert [(row["replayed"]["up"], row["replayed"]["down_safe"]) for row in found.rows] == [
        (None, False),
        (None, None),
    ]
    assert found.missing.startswith("Whether to scale is not replayed: neither the log nor a ConfigMap")
    assert [row["masked"] for row in found.rows] == [False, False]
    asked = replay(frames_of(*(analysed(60 * n, pods) for n, pods in enumerate(quiet))), asked=Asked(0.8, 5, 0.6, 3))
    assert asked.first_difference["reconciliation"] == 0


def test_one_known_trigger_may_be_enough():
    found = replay(frames_of(analysed(0, {"a": (0.3, 0)}), analysed(60, {"a": (0.75, 0)})))
    assert found.thresholds == Told(0.8, 5, 0.1, None, "log")
    assert [row["replayed"]["up"] for row in found.rows] == [None, True]


def test_a_full_cache_beside_a_free_one_is_masked_also_where_only_its_threshold_is_known():
    up = analysed(0, {"a": (0.75, 0)}, debug=False)
    found = replay(frames_of(up, *(analysed(60 * n, {"a": usage, "b": (0.1, 0)}, debug=False) for n, usage in CACHES)))
    assert found.analyses == 0 and found.thresholds[:2] == (0.8, None)
    assert [row["masked"] for row in found.rows] == [False, True, None, False]


CACHES = ((1, (0.95, 20)), (2, (0.3, 2)), (3, (0.3, 0)))


def test_what_cannot_be_replayed_says_why():
    found = replay(frames_of(analysed(0, QUIET, debug=False)))
    assert (found.analyses, found.rows[0]["replayed"], found.masked) == (0, None, [])
    assert not found.is_judged_for_masking
    assert found.missing.startswith("1 of 1 analysis cannot be replayed: neither the log nor a ConfigMap")
    without_pods = [each for each in analysed(0, QUIET) if " metric: pod" not in each[1]]
    found = replay(frames_of(without_pods), [config_map()])
    assert "no pod has a line" in found.missing
    assert replay(frames_of()).missing == "The log tells no analysis of capacity."


def test_several_roles_of_a_model_cannot_be_replayed():
    (log,) = [log for log in rebuild_expected.logs() if log.name == "console-v0.8-per-role.log"]
    rows, loop_runs, _ = rows_of(log.read_bytes().splitlines())
    found = replay(make_frames(rows, loop_runs), [config_map()])
    assert [row["reproduced"] for row in found.rows if row["analyzer"] == "V1"] == [None, None]
    assert "the pods of each role are not told apart" in found.missing


# --- what if


def test_its_own_values_are_what_was():
    frames = frames_of(analysed(0, QUIET), analysed(60, FULL), analysed(120, {"a": (0.7996, 0)}))
    asked = replay(frames, asked=Asked(*LIMITS))
    assert [row["replayed"] for row in asked.rows] == [row["replayed"] for row in replay(frames).rows]
    assert asked.first_difference is None


def test_other_triggers_fire_earlier_and_the_answer_says_from_where_on():
    rising = [{"a": (0.1 * n, 0)} for n in range(1, 7)]
    frames = frames_of(*(analysed(60 * n, pods) for n, pods in enumerate(rising)), analysed(600, FULL))
    assert earliest_up(replay(frames))["reconciliation"] == 6
    found = replay(frames, asked=Asked(kv_trigger=0.35))
    assert found.first_difference["reconciliation"] == 4  # usage 0.5: 0.3 to spare
    assert earliest_up(found)["reconciliation"] == 4
    assert found.analyses_reproduced == 7  # of what was
    assert earliest_up(replay(frames, asked=Asked(kv_threshold=0.25)))["reconciliation"] == 1  # 0.05 to spare


def test_a_trigger_on_the_spare_cannot_undo_a_mask_but_a_threshold_of_the_fresh_one_can():
    frames = frames_of(analysed(0, QUIET), analysed(60, FULL), analysed(120, HIDDEN))
    assert len(replay(frames).masked) == 1
    assert replay(frames, asked=Asked(kv_trigger=0.81)).masked == []


# --- captured and simulated runs


@needs_captured
@pytest.mark.parametrize(
    ("name", "analyses", "masked"),
    [
        ("capacity-based-high-parallel-20251128-145238", 84, 0),
        ("capacity-based-high-parallel-20251209-200028", 35, 2),
        ("capacity-based-moderate-parallel-20251127-181520", 54, 0),
        ("capacity-based-multi-model-parallel-20251209-141241", 33, 1),
    ],
)
def test_every_analysis_of_a_captured_run_is_reproduced(name, analyses, masked):
    found = replay_analyses(captured(name))
    assert (found.analyses, found.analyses_reproduced, len(found.masked)) == (analyses, analyses, masked)
    assert found.thresholds[:2] == (0.5, 5)
    assert found.thresholds.kv_trigger == (0.2 if "-202511" in name else 0.1) and found.thresholds.queue_trigger == 3


@needs_captured
def test_an_info_log_of_the_first_release_tells_too_little():
    found = replay_analyses(captured("capacity-based-moderate-parallel-20251126-182520"))
    assert (len(found.rows), found.analyses) == (32, 0)
    assert found.thresholds == Told(0.8, None, 0.1, 3, "log")
    assert "tells the queue threshold" in found.missing


@needs_excerpts
def test_the_analyzers_of_demand_of_the_newest_release_are_reproduced():
    (log,) = OTHER_DIALECTS.glob("D7_v2*")
    rows, loop_runs, _ = rows_of(open_log(log))
    found = replay(make_frames(rows, loop_runs))
    assert (found.analyses, found.analyses_reproduced, found.missing) == (6, 6, "")
    assert [row["logged"]["up"] for row in found.rows] == [True, True, True, False, True, False]


@lru_cache
def simulated(dialect: str, variants: int, rate_per_s: int, seed: int):
    turned = Turned(Settings(dialect=dialect, mode="capacity-based", variants=variants), seed)
    turned.load("load", rate_per_s, 10**6)
    turned.turn(360)
    turned.store.delete("Job", turned.settings.namespace, "load")
    turned.turn(240)
    rows, loop_runs, _ = rows_of(line.encode() for line in turned.log())
    return make_frames(rows, loop_runs)


@pytest.mark.whole
@settings(max_examples=6)
@given(st.sampled_from(["D2", "D3", "D5", "D7"]), st.integers(1, 2), st.integers(5, 60), st.integers(0, 10**6))
def test_a_simulated_run_replays_wholly(dialect, variants, rate_per_s, seed):
    frames = simulated(dialect, variants, rate_per_s, seed)
    found = replay(frames, [config_map()])
    assert found.analyses == len(found.rows) >= len(frames.reconciliations) > 15
    assert found.not_reproduced == [] and found.first_difference is None
    if dialect != "D7":
        assert found.thresholds[:4] == tuple(LIMITS)
        assert replay(frames, [config_map()], Asked(*LIMITS)).first_difference is None


@pytest.mark.whole
def test_a_run_from_its_directory_replays_with_its_config_map(tmp_path):
    directory = write_run(tmp_path / "r", analysed(0, QUIET, debug=False), config={"mode": "capacity-based"})
    (directory / "cluster" / "before").mkdir(parents=True)
    (directory / "cluster" / "before" / "configmaps.json").write_text(json.dumps([config_map()]))
    assert replay_analyses(run.load(directory)).analyses_reproduced == 1
