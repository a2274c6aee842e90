"""What the embedded cluster decides comes out the same when it is decided again from its log, to the last decision."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from turned import Turned

from wva_parse import run
from wva_parse.__main__ import main
from wva_parse.optimizer import attribution
from wva_parse.optimizer.decisions import decisions_of, source_of
from wva_parse.optimizer.replay import replay
from wva_sim.cluster.settings import Settings

pytestmark = pytest.mark.whole


def simulated(directory: Path, dialect: str, variants: int, seed: int, rates: list[int], has_profile: bool) -> Path:
    """A run of the embedded cluster: two minutes of each rate, then one of idleness."""
    turned = Turned(Settings(dialect=dialect, variants=variants), seed)
    turned.turn(40)
    for number, rate in enumerate(rates):
        turned.load(f"load-{number}", rate, 10**6)
        turned.turn(120)
        turned.store.delete("Job", turned.settings.namespace, f"load-{number}")
    turned.turn(60)
    before = directory / "cluster" / "before"
    before.mkdir(parents=True, exist_ok=True)
    (directory / "wva-controller-logs.jsonl").write_text("\n".join(turned.log()) + "\n", encoding="utf-8")
    profiles = turned.store.list("VariantAutoscaling", turned.settings.namespace) if has_profile else []
    (before / "variantautoscalings.json").write_text(json.dumps(profiles), encoding="utf-8")
    return directory


@settings(max_examples=5, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    dialect=st.sampled_from(["D2", "D3"]),
    variants=st.integers(1, 2),
    seed=st.integers(0, 1000),
    rates=st.lists(st.sampled_from([3, 15, 40, 90]), min_size=1, max_size=3),
    has_profile=st.booleans(),
)
def test_every_decision_comes_out_as_it_was(tmp_path, dialect, variants, seed, rates, has_profile):
    experiment = run.load(simulated(tmp_path / "run", dialect, variants, seed, rates, has_profile))
    decisions = decisions_of(experiment)
    found = replay(experiment, decisions)
    assert found.decisions >= 4 * variants
    assert [each for each in decisions if not each.is_reproduced] == []
    assert [each for each in decisions if not each.is_prediction_reproduced] == []
    assert source_of(decisions) == ("cluster" if has_profile else "inferred")
    attributed = attribution.attribution_of(attribution.with_parts(experiment, decisions))
    assert attributed is not None and attributed.pairs == attributed.reproduced


def test_a_release_that_logs_no_solution_says_so(tmp_path, capsys):
    """The queueing model of 0.6 to 0.8 decides, and its log has neither loads nor latencies of what it decided."""
    directory = simulated(tmp_path / "run", "D5", 1, 1, [15], has_profile=True)
    assert decisions_of(run.load(directory)) == []
    assert main(["replay", str(directory), "--slo-itl", "15"]) == 0
    said = "The log holds no decision of the optimizer that can be made again (WVA logs them at DEBUG, up to 0.4)."
    assert capsys.readouterr().out == f"run\n\n{said}\n"
