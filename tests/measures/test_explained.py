"""Why it scaled or did not, what was masked, and when other triggers would have fired."""

from __future__ import annotations

import pytest
import rebuild_expected
from examples import analysed, frames_of, rows_of

from wva_parse.aligned.frames import make_frames
from wva_parse.measures import explained
from wva_parse.optimizer.analyses import replay

QUIET, FULL = {"a": (0.3, 1)}, {"a": (0.95, 9)}
HIDDEN = {"a": (1.0, 300), "b": (0.1, 0)}


def course(*states):
    """A loop run a minute."""
    return frames_of(*(analysed(60 * n, pods, **options) for n, (pods, options) in enumerate(states)))


def explain(frames):
    return explained.explain(frames, replay(frames))


def test_each_interval_has_its_reason():
    frames = course(
        (QUIET, {}),
        (FULL, {}),
        (FULL, {"decided": (2, 2)}),
        (HIDDEN, {"decided": (2, 2)}),
        ({"a": (0.5, 0), "b": (0.5, 0)}, {"decided": (2, 2)}),
        ({"a": (0.1, 0), "b": (0.1, 0)}, {"decided": (2, 1)}),
        ({"a": (0.1, 0), "b": (0.1, 0)}, {"decided": (1, 1)}),
        (QUIET, {"decided": (2, 1)}),
    )
    found = explain(frames)
    assert list(found.columns) == list(explained.EXPLAINED_COLUMNS)
    assert found["why"].tolist() == [
        explained.TOO_FEW,
        explained.SCALED_UP,
        explained.HELD_UP,
        explained.MASKED,
        explained.NO_HEADROOM,
        explained.SCALED_DOWN,
        explained.HELD_DOWN,
        explained.EARLIER,
    ]
    assert found["details"].tolist() == [
        "1 free pod, spare 0.500 KV and 4.0 requests",
        "every replica was saturated: KV usage up to 95 %, 9 requests waiting at one pod",
        "1 of 2 replicas reported, the others were starting",
        "KV usage up to 100 %, 300 requests waiting at one pod; the mean spare of 1 free pod is 0.700 KV and 5.0 "
        "requests",
        "one less would leave -0.200 KV and 5.0 requests",
        "one less would leave 0.600 KV and 5.0 requests",
        "2 replicas reported for a target of 1, the others were stopping",
        "1 replica reported, as wanted",
    ]


def test_a_target_that_falls_to_the_replicas_that_report_is_no_earlier_one():
    # As captured at v0.4.1: the third replica was starting, and was given back.
    pods = {"a": (0.55, 0), "b": (0.55, 0)}
    found = explain(course(({"a": (0.75, 3), "b": (0.75, 3)}, {"decided": (2, 3)}), (pods, {"decided": (3, 2)})))
    assert found["why"].tolist() == [explained.SCALED_UP, explained.FOLLOWED]
    assert found["details"][1] == "2 replicas reported, 3 had been decided before"


def test_a_scale_up_names_what_was_short():
    found = explain(course((QUIET, {}), ({"a": (0.75, 3)}, {}), ({"a": (0.2, 3)}, {})))
    assert found["details"].tolist()[1:] == [
        "spare KV 0.050 < 0.100 and spare queue 2.0 < 3.0",
        "spare queue 2.0 < 3.0",
    ]


def test_of_twins_the_last_word_is_explained():
    frames = frames_of(analysed(0, FULL), analysed(0.1, QUIET), analysed(60, FULL))
    assert explain(frames)["why"].tolist() == [explained.TOO_FEW, explained.SCALED_UP]


def test_the_action_of_one_role_is_not_anothers():
    (log,) = [log for log in rebuild_expected.logs() if log.name == "console-v0.8-per-role.log"]
    rows, loop_runs, _ = rows_of(log.read_bytes().splitlines())
    found = explain(make_frames(rows, loop_runs)).set_index("role")
    assert found["action"].to_dict() == {"prefill": "no-change", "decode": "scale-up"}
    assert found["why"].to_dict() == {"prefill": explained.TOO_FEW, "decode": explained.SCALED_UP}


def test_the_same_reason_in_a_row_is_one_span():
    spans = explained.spans_of(explain(course((QUIET, {}), (QUIET, {}), (FULL, {}), (QUIET, {}))))
    assert list(spans.columns) == explained.SPAN_COLUMNS
    assert spans["reconciliations"].tolist() == [2, 1, 1]
    assert spans["from_minutes"].round(1).tolist() == [0, 2, 3]
    assert spans["to_minutes"].round(1).tolist() == [1, 2, 3]


def test_an_empty_log_explains_nothing():
    frames = frames_of()
    found = explain(frames)
    assert list(found.columns) == list(explained.EXPLAINED_COLUMNS) and not len(found)
    assert list(explained.spans_of(found).columns) == explained.SPAN_COLUMNS
    assert explained.masked(frames, replay(frames)) is None
    assert list(explained.other_triggers(replay(frames)).columns) == explained.OTHER_COLUMNS
    assert list(explained.masked_finding(frames, replay(frames))) == []


def test_masked_minutes_last_until_the_next_reconciliation():
    twin = analysed(120.1, HIDDEN)
    frames = frames_of(analysed(0, QUIET), analysed(60, FULL), analysed(120, HIDDEN), twin, analysed(180, HIDDEN))
    found = explained.masked(frames, replay(frames))
    # three analyses, two reconciliations; the last one lasts as long as usual
    assert (found.analyses, found.judged, found.reconciliations) == (3, 5, 2)
    assert found.minutes == pytest.approx(2, abs=0.01)
    assert found.first_minutes == pytest.approx(2, abs=0.01)
    assert (found.kv_usage, found.queue_length) == (1, 300)


def test_a_masked_analysis_that_its_twin_saw_through_takes_no_time():
    frames = frames_of(analysed(0, QUIET), analysed(60, HIDDEN), analysed(60.1, FULL), analysed(120, FULL))
    found = explained.masked(frames, replay(frames))
    assert (found.analyses, found.reconciliations, found.minutes) == (1, 0, 0)


def test_nothing_masked_is_no_finding():
    frames = course((QUIET, {}), (FULL, {}))
    assert explained.masked(frames, replay(frames)) == (0, 2, 0, 2, 0, None, None, None)
    assert list(explained.masked_finding(frames, replay(frames))) == []


def test_the_finding_tells_how_much_how_long_and_what_would_have_fired():
    frames = course((QUIET, {}), (FULL, {}), (HIDDEN, {}), (QUIET, {}))
    (text,) = explained.masked_finding(frames, replay(frames))
    assert text.startswith("Saturation was masked in 1 of 4 reconciliations, for 1.0 min in all, first at minute 2.0: ")
    assert "KV usage up to 100 %, 300 requests waiting at one pod" in text
    assert text.endswith("At minute 2.0 only a KV trigger above 0.700 would have fired.")
    empty = {"a": (1.0, 300), "b": (0.0, 0)}
    frames = course((QUIET, {}), (FULL, {}), (empty, {}))
    (text,) = explained.masked_finding(frames, replay(frames))
    assert text.endswith("No trigger would have fired: what was free was empty.")


def test_other_triggers_fire_at_the_first_analysis_with_less_to_spare():
    states = [{"a": (usage, 0)} for usage in (0.1, 0.35, 0.55, 0.65)]
    found = explained.other_triggers(replay(course(*((pods, {}) for pods in states), (FULL, {}))))
    first = {(row.kv_trigger, row.queue_trigger): row.reconciliation for row in found.itertuples()}
    assert first[0.1, 3] == 4  # its own
    assert [first[trigger / 10, 3] for trigger in (2, 3, 5, 8)] == [3, 2, 1, 0]
    assert first[0.1, 5] == 4  # no queue at all: 5 to spare, not below 5


def test_a_trigger_that_never_fires_has_no_time():
    config_map = {"data": {"default": "{kvSpareTrigger: 0.1, queueSpareTrigger: 3}"}}
    found = explained.other_triggers(replay(course((QUIET, {}), (QUIET, {})), [config_map]))
    fires = {(row.kv_trigger, row.queue_trigger) for row in found.dropna().itertuples()}
    assert fires == {(0.6, 3), (0.7, 3), (0.8, 3), (0.1, 5)}  # 0.5 and 4 to spare
    assert len(found) == 8 + 4
