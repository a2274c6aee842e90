"""Several variants: the order in which a log names them changes nothing, from the lines to summary.json."""

from __future__ import annotations

import json
import random
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from logs import decision, line, observed, solution, stamp

from wva_parse import run
from wva_parse.analysis import plots_of, tables_of
from wva_parse.measures.summary import summarize
from wva_parse.report.plots import prediction_vs_observation

pytestmark = pytest.mark.whole

VARIANTS = ("va", "va-2", "va-10")


class State(NamedTuple):
    """One variant in one reconciliation; without latency the solver finds no allocation for it."""

    replicas: int
    target: int
    predicted_ms: int | None


states = st.builds(State, st.integers(1, 9), st.integers(1, 9), st.one_of(st.none(), st.integers(5, 30)))
reconciliations = st.lists(
    st.tuples(st.integers(0, 40), st.fixed_dictionaries(dict.fromkeys(VARIANTS, states))), min_size=2, max_size=6
)


def shuffled(seed: int | None, items) -> list:
    items = list(items)
    if seed is not None:
        random.Random(seed).shuffle(items)
    return items


def solved(found: dict[str, State], seed: int | None) -> str:
    """One message with an entry for each variant."""
    start, end = solution(9, 20).partition("s=llama-decode:")[0], "AllocationByType: \ntotalCost=100 \n"
    entries = []
    for name, state in found.items():
        if state.predicted_ms is None:
            entries.append(f"s={name}:llm-d; c=Premium; m=unsloth/Meta-Llama-3.1-8B; no feasible allocation! \n")
        else:
            whole = solution(state.predicted_ms, 2 * state.predicted_ms, state.target, variant=name)
            entries.append(whole[len(start) : whole.index("AllocationByType")])
    return start + "".join(shuffled(seed, entries)) + end


def model_based(at_s: float, latency_ms: int, found: dict[str, State], seed: int | None) -> list[str]:
    """A loop run whose variants share the latencies of their model."""
    seen = [observed(latency_ms, 2 * latency_ms, state.replicas, variant=name) for name, state in found.items()]
    decided = [decision(state.replicas, state.target, name) for name, state in found.items()]
    messages = [
        "Operating in MODEL-ONLY mode: model-based optimization only",
        "Grouped VAs by model: modelCount=1, totalVAs=3",
        "Processing model: modelID=unsloth/Meta-Llama-3.1-8B, variantCount=3",
        *shuffled(seed, seen),
        solved(found, seed),
        *(message for each in shuffled(seed, decided) for message in each),
        "Reconciliation completed successfully: mode=model-only, modelsProcessed=1, decisionsApplied=3",
    ]
    return [line(at_s, message) for message in messages]


def demand_based(at_s: float, latency_ms: int, found: dict[str, State], seed: int | None) -> list[str]:
    """A loop run of v0.9."""
    model = {"modelID": "org/m", "namespace": "ns"}
    supply = sum(state.replicas for state in found.values())
    parts = [
        {"name": name, "prc": state.replicas, "role": "decode", "reason": "P1-obs"} for name, state in found.items()
    ]
    announced = [
        {"name": name, "curr": state.replicas, "tgt": state.target, "action": action(state)}
        for name, state in found.items()
    ]
    values = {"supply": supply, "demand": latency_ms, "util": latency_ms / supply, "rc": 0, "sc": 0}
    decided = [list(decided_of_v0_9(name, state)) for name, state in found.items()]
    entries = [
        ("Grouped VAs by model", {"modelCount": 1, "totalVAs": 3}),
        ("Processing model (V2)", {**model, "variantCount": 3, "groupKey": "org/m|ns"}),
        ("Avg ITL metric", {"pod": "p", "avgITLSeconds": latency_ms / 1000}),
        ("Avg TTFT metric", {"pod": "p", "avgTTFTSeconds": latency_ms / 500}),
        ("analyzer-result", {**model, "analyzer": "saturation", **values, "variants": shuffled(seed, parts)}),
        ("scaling-decision", {**model, "decisions": shuffled(seed, announced)}),
        *(entry for each in shuffled(seed, decided) for entry in each),
        ("Optimization completed successfully", {"mode": "saturation", "modelsProcessed": 1, "decisionsApplied": 3}),
    ]
    return ["\t".join([stamp(at_s), "INFO", "engine.go:1", message, json.dumps(said)]) for message, said in entries]


def decided_of_v0_9(name: str, state: State):
    said = {"variant": f"ns/{name}", "action": action(state)}
    yield "Processing decision for VA", {**said, "current": state.replicas, "target": state.target}
    yield (
        "Applied saturation decision via shared cache",
        {**said, "namespace": "ns", "target": state.target, "reason": "V2"},
    )


def action(state: State) -> str:
    return ("no-change", "scale-up", "scale-down")[(state.target > state.replicas) - (state.target < state.replicas)]


def experiment_of(directory: Path, build, rounds, seed: int | None):
    directory.mkdir(parents=True)
    lines = [text for n, (latency, found) in enumerate(rounds) for text in build(60 * n, latency, found, seed)]
    (directory / "wva-controller-logs.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
    (directory / "experiment-config.yaml").write_text("{}")
    return run.load(directory)


def in_order(table: pd.DataFrame) -> pd.DataFrame:
    keys = [column for column in ("reconciliation", "variant", "analyzer", "pod") if column in table]
    return table.sort_values(keys, kind="stable", ignore_index=True) if keys else table


def flat(value, path: str = "") -> dict[str, object]:
    """Each value of nested lists and objects by its path."""
    if not isinstance(value, (dict, list)):
        return {path: value}
    items = value.items() if isinstance(value, dict) else enumerate(value)
    found = {path: len(value)}
    for key, item in items:
        found |= flat(item, f"{path}/{key}")
    return found


@pytest.mark.parametrize("build", [model_based, demand_based])
@given(reconciliations, st.integers(0, 1000))
def test_the_order_of_variants_changes_nothing_but_order(build, rounds, seed):
    with TemporaryDirectory() as directory:
        one, other = (
            experiment_of(Path(directory, name, "run"), build, rounds, order)
            for name, order in (("one", None), ("other", seed))
        )
        for kind, frame in one.frames.by_kind.items():
            pd.testing.assert_frame_equal(in_order(frame), in_order(other.frames[kind]), obj=kind)
        pd.testing.assert_frame_equal(in_order(one.alignment.pairs), in_order(other.alignment.pairs))
        pd.testing.assert_frame_equal(in_order(one.alignment.unpaired), in_order(other.alignment.unpaired))
        assert flat(summarize(one)) == pytest.approx(flat(summarize(other)), nan_ok=True)  # sums end in other bits
        assert list(tables_of(one)) == list(tables_of(other))
        assert list(plots_of(one)) == list(plots_of(other))


def test_each_variant_has_its_pairs_decisions_and_panels(tmp_path):
    rounds = [(10 + n, {name: State(2, 2 + k, 10 + k) for k, name in enumerate(VARIANTS)}) for n in range(3)]
    experiment = experiment_of(tmp_path / "run", model_based, rounds, seed=7)
    found = summarize(experiment)["variants"]
    assert [each["variant"] for each in found] == sorted(VARIANTS)
    assert [each["pairs"]["loaded"] for each in found] == [2, 2, 2]
    assert {each["variant"]: each["actions"] for each in found} == {
        "va": {"no-change": 3},
        "va-2": {"scale-up": 3},
        "va-10": {"scale-up": 3},
    }
    # Observed 11 and 12 ms; predicted 10, 11 and 12.
    bias = {each["variant"]: each["accuracy"]["loaded"]["itl"]["bias_ms"] for each in found}
    assert bias == pytest.approx({"va": 1.5, "va-2": 0.5, "va-10": -0.5})
    labels = [axis.get_ylabel() for axis in prediction_vs_observation(experiment).axes]
    assert labels == [f"{metric} (ms), {name}" for metric in ("ITL", "TTFT") for name in sorted(VARIANTS)]
