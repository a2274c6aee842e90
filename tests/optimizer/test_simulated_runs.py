"""What the embedded cluster decides comes out the same when it is decided again from its log, to the last decision."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from turned import turned_run

from wva_parse import run
from wva_parse.__main__ import main
from wva_parse.optimizer import attribution
from wva_parse.optimizer.decisions import decisions_of, source_of
from wva_parse.optimizer.replay import replay
from wva_sim.cluster.settings import Settings

pytestmark = pytest.mark.whole


@settings(max_examples=5, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    dialect=st.sampled_from(["D2", "D3"]),
    variants=st.integers(1, 2),
    seed=st.integers(0, 1000),
    rates=st.lists(st.sampled_from([3, 15, 40, 90]), min_size=1, max_size=3),
    has_profile=st.booleans(),
)
def test_every_decision_comes_out_as_it_was(tmp_path, dialect, variants, seed, rates, has_profile):
    made = turned_run(tmp_path / "run", Settings(dialect=dialect, variants=variants), rates, seed, has_profile)
    experiment = run.load(made)
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
    directory = turned_run(tmp_path / "run", Settings(dialect="D5"), [15])
    assert decisions_of(run.load(directory)) == []
    assert main(["replay", str(directory), "--slo-itl", "15"]) == 0
    said = "The log holds no decision of the optimizer that can be made again (WVA logs them at DEBUG, up to 0.4)."
    assert capsys.readouterr().out == f"run\n\n{said}\n"
