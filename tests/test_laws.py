"""Laws from the raw log to the numbers: what may not change them, and alignment against its definition."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from itertools import chain, pairwise
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
import rebuild_expected
from examples import frames_of, parse, rows_of
from hypothesis import example, given, settings
from hypothesis import strategies as st
from logs import MODEL, NAMESPACE, Message, decision, line, model_loop_run, observed, solution, write_run

from wva_parse import run
from wva_parse.aligned.align import align
from wva_parse.aligned.objectives import Slo
from wva_parse.aligned.slo import slo_in_force
from wva_parse.log.events import parse_events
from wva_parse.log.lines import LineCounts, LineReader
from wva_parse.measures import summary
from wva_parse.watch.growing import GrowingFile

pytestmark = pytest.mark.whole

CORPUS = {path.name: path.read_bytes().splitlines() for path in rebuild_expected.logs()}

# --- one log, its lines in another order


def cycle(number: int) -> list[str]:
    """What one run of the loop logs between its first and its last line: both modes' lines, two variants, two pods."""
    usage, seen = 0.3 + 0.15 * number, 8 + number
    flags = f"shouldScaleUp={str(number % 2 == 1).lower()}, scaleDownSafe=false"
    kept = "alpha=7.5, beta=0.05, gamma=16.7, delta=0.0002"
    return [
        f"Processing model: modelID={MODEL}, variantCount=2",
        *(observed(seen, 20 + number, 1 + number % 2, 600 + number, variant) for variant in ("a", "b")),
        f"Found SLO for model: model={MODEL}, class=Premium, slo-tpot=10, slo-ttft=1000",
        *(solution(9 + number, 30, 2, variant=variant) for variant in ("a", "b")),
        *(f"KV cache metric: pod={pod}, usage={usage:.3f} ({100 * usage:.1f}%)" for pod in ("p1", "p2")),
        *(f"Queue metric: pod={pod}, queueLength={3 * number}" for pod in ("p1", "p2")),
        f"Capacity analysis completed: modelID={MODEL}, namespace={NAMESPACE}, totalReplicas=2, nonSaturated=1, "
        f"avgSpareKv=0.200, avgSpareQueue=4.0, {flags}",
        f"Capacity analysis completed: modelID={MODEL}, totalReplicas=2, nonSaturated=1, {flags}",
        *(said for variant in ("a", "b") for said in decision(1, 1 + number % 2, variant)),
        f"Tuner validation failed (NIS={30 + number}.58), validation error: normalized innovation squared "
        f"(NIS={30 + number}.58) exceeds threshold (7.38), rejecting update as outlier - returning previous "
        f"state: {kept}",
        f"Keeping previous tuned parameters for variant a/{NAMESPACE} due to NIS validation failure "
        f"(NIS={30 + number}.576061)",
    ]


def loop_run(at_s: float, messages: Sequence[str]) -> list[Message]:
    """The messages as one loop run, all of them in the same millisecond."""
    start = "Operating in MODEL-ONLY mode: model-based optimization only"
    end = "Reconciliation completed successfully: mode=model-only, modelsProcessed=1, decisionsApplied=2"
    return [(at_s, message) for message in (start, *messages, end)]


def numbers_of(directory: Path, *lines: str) -> dict[str, Any]:
    """summary.json of a log, without what counts its lines."""
    write_run(directory, config={})
    (directory / run.LOG_NAME).write_text("".join(text + "\n" for text in lines), encoding="utf-8")
    found = summary.summarize(run.load(directory))
    return {key: value for key, value in found.items() if key != "log"}


def lines_of(*loop_runs: Sequence[Message]) -> list[str]:
    return [line(at_s, message) for messages in loop_runs for at_s, message in messages]


CYCLES = [(60 * number, cycle(number)) for number in range(4)]
IN_ORDER = lines_of(*(loop_run(at_s, messages) for at_s, messages in CYCLES))


@pytest.fixture(scope="module")
def in_order(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    found = numbers_of(tmp_path_factory.mktemp("ordered") / "r", *IN_ORDER)
    # The law below must have something to hold.
    assert found["pairs"] == {"all": 6, "loaded": 6, "settled": 4}
    assert found["actions"] == {"no-change": 4, "scale-up": 4}
    assert found["kv_cache"]["max"] == 0.75 and found["queue"]["max"] == 9
    assert found["tuner"]["nis_rejections"] == 4
    return found


# The parameters of a prediction are those that were named before it: there the order is meant.
OF_ORDER = ("attribution", "replay", "model")


def without_order(numbers: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in numbers.items() if key not in OF_ORDER}


@settings(max_examples=8)
@given(st.randoms(use_true_random=False))
def test_the_order_of_lines_within_a_loop_run_changes_no_number(in_order, random):
    shuffled = [loop_run(at_s, random.sample(messages, len(messages))) for at_s, messages in CYCLES]
    with TemporaryDirectory() as directory:
        assert without_order(numbers_of(Path(directory) / "r", *lines_of(*shuffled))) == without_order(in_order)


@settings(max_examples=4)
@given(st.randoms(use_true_random=False))
def test_nor_any_that_is_recomputed_while_parameters_are_named_before(random):
    def begun(shuffle):
        tuned = [[text for text in messages if "uner" in text or "tuned" in text] for _, messages in CYCLES]
        others = [
            [text for text in messages if text not in first] for first, (_, messages) in zip(tuned, CYCLES, strict=True)
        ]
        parts = zip(CYCLES, tuned, others, strict=True)
        return lines_of(*(loop_run(at_s, [*first, *shuffle(rest)]) for (at_s, _), first, rest in parts))

    with TemporaryDirectory() as directory:
        expected = numbers_of(Path(directory) / "ordered", *begun(list))
        found = numbers_of(Path(directory) / "shuffled", *begun(lambda rest: random.sample(rest, len(rest))))
    assert expected["replay"]["decisions"] == 8
    assert {**found, "run": ""} == {**expected, "run": ""}


@settings(max_examples=5)
@given(st.lists(st.integers(0, len(IN_ORDER)), min_size=2, max_size=2).map(sorted))
@example([0, len(IN_ORDER)])  # all of it
def test_a_block_or_all_of_a_log_collected_twice_changes_no_number(in_order, block):
    start, end = block
    with TemporaryDirectory() as directory:
        twice = [*IN_ORDER[:end], *IN_ORDER[start:end], *IN_ORDER[end:]]
        assert numbers_of(Path(directory) / "r", *twice) == in_order


def test_a_twin_that_says_the_same_a_moment_later_changes_only_the_count_of_loop_runs(in_order, tmp_path):
    twins = [loop_run(at_s + late_s, messages) for at_s, messages in CYCLES for late_s in (0, 0.02)]
    found = numbers_of(tmp_path / "r", *lines_of(*twins))
    assert (found["loop_runs"], found["reconciliations"]) == (8, 4)
    for key in ("pairs", "accuracy", "slo", "actions", "reasons", "kv_cache", "queue", "tuner", "flapping", "skill"):
        assert found[key] == in_order[key]


# --- one log, in parts


@given(st.sampled_from(sorted(CORPUS)), st.data())
def test_parts_of_a_log_read_in_sequence_give_its_events(name, data):
    lines = CORPUS[name] + CORPUS[name][:5]  # the last ones are repeats, wherever the cut is
    cuts = sorted(data.draw(st.lists(st.integers(0, len(lines)), max_size=3)))
    counts = LineCounts()
    reader = LineReader(counts)
    events = []
    for start, end in zip([0, *cuts], [*cuts, len(lines)], strict=True):
        of_part = chain.from_iterable(map(reader.read, lines[start:end]))
        events += parse_events(of_part, counts)
    whole, counts_of_whole = parse(lines)
    assert whole and events == whole
    assert counts == counts_of_whole


@given(st.sampled_from(sorted(CORPUS)), st.data())
def test_a_log_that_grows_by_any_bytes_gives_its_rows(name, data):
    content = b"".join(raw + b"\n" for raw in CORPUS[name])
    cuts = sorted(data.draw(st.lists(st.integers(0, len(content)), max_size=4)))
    with TemporaryDirectory() as directory:
        path = Path(directory) / "log"
        growing, lines = GrowingFile(path), list[bytes]()
        for start, end in zip([0, *cuts], [*cuts, len(content)], strict=True):
            with path.open("ab") as stream:
                stream.write(content[start:end])
            lines += growing.new_lines()
    assert rows_of(lines)[:2] == rows_of(CORPUS[name])[:2]


# --- alignment against its definition, in whole milliseconds

_VARIANTS = st.sets(st.sampled_from(["a", "b", "c"]))
_STEP_S = st.one_of(st.sampled_from([0, 1, 4, 5, 30, 45, 60, 60, 60, 90, 91, -1, -59, -61]), st.integers(-100, 200))


def pairs_by_definition(loop_runs: Sequence[Sequence[Message]]) -> set[tuple[str, int, int]]:
    """Variant, reconciliation, ms between prediction and observation."""
    starts: list[int] = []
    first = last = 0
    known: set[tuple[int, str]] = set()
    said: dict[tuple[str, str, int], int] = {}  # kind, variant, reconciliation -> when, the last word
    for at_s, message in (each for messages in loop_runs for each in messages):
        at_ms = round(at_s * 1000)
        if (at_ms, message) in known:
            continue
        known.add((at_ms, message))
        if message.startswith("Operating in"):
            if not starts or at_ms - first >= 5000 or last - at_ms > 60_000:
                starts.append(at_ms)
                first = at_ms
            last = at_ms
        for kind, opening in (("seen", "Metrics collected for VA: variant="), ("solved", "s=")):
            _, found, rest = message.partition(opening)
            if found:
                said[(kind, rest[0], len(starts) - 1)] = at_ms
    gaps = [after - before for before, after in pairwise(starts) if after > before]
    usual = statistics.median(gaps) if gaps else 0
    return {
        (variant, number, seen - at_ms)
        for (kind, variant, number), at_ms in said.items()
        if kind == "solved" and (seen := said.get(("seen", variant, number + 1))) is not None
        if seen > at_ms and 2 * (seen - at_ms) <= 3 * usual
    }


_BOTH = ({"a", "b"}, {"a", "b"})


@given(st.lists(st.tuples(_STEP_S, _VARIANTS, _VARIANTS), max_size=10))
@example([(0, *_BOTH), (60, *_BOTH), (60, *_BOTH), (90, *_BOTH), (91, *_BOTH), (60, *_BOTH), (60, *_BOTH)])  # a gap
@example([(0, *_BOTH), (60, *_BOTH), (-61, *_BOTH), (60, *_BOTH)])  # a clock set back
@example([(0, *_BOTH), (61, *_BOTH), (-60, *_BOTH), (120, *_BOTH)])  # not far enough
@example([(0, *_BOTH), (4, *_BOTH), (1, *_BOTH), (4, *_BOTH), (60, *_BOTH), (4, {"a"}, {"b"})])  # twins
@example([(0, {"a"}, {"b"}), (60, {"a"}, {"b"}), (60, {"b"}, {"a"})])  # of other variants
def test_pairs_are_those_of_the_definition_and_no_others(steps):
    at_s, runs = 0, []
    for step_s, seen, predicted in steps:
        at_s += step_s
        messages = [observed(8, 20, variant=name) for name in sorted(seen)]
        messages += [solution(9, 40, variant=name) for name in sorted(predicted)]
        runs.append(model_loop_run(at_s, messages))
    frames = frames_of(*runs)
    pairs, unpaired = align(frames, slo_in_force(frames, Slo()))
    waited_ms = (pairs["observed_at"] - pairs["predicted_at"]).dt.total_seconds() * 1000
    found = zip(pairs["variant"], pairs["reconciliation"], waited_ms.round().astype(int), strict=True)
    assert sorted(found) == sorted(pairs_by_definition(runs))
    assert len(pairs) + len(unpaired) == len(frames["prediction"])
