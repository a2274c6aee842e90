"""What WVA decided on real clusters, decided again: the proof that this tool's arithmetic is WVA's."""

from __future__ import annotations

import time

import numpy as np
import pytest
from captured import HIGH, MODEL_BASED, MODERATE, NAMES, QUIET, UNTOLD, captured, needs_captured

from wva_parse.optimizer import attribution, fit, inference, price, queueing
from wva_parse.optimizer.decisions import decisions_of, source_of
from wva_parse.optimizer.queueing import Parameters
from wva_parse.optimizer.replay import Wish, replay

pytestmark = needs_captured

COUNTS = {HIGH: (25, "tuner"), UNTOLD: (58, "inferred"), MODERATE: (17, "tuner"), QUIET: (36, "tuner")}


@pytest.mark.parametrize("name", NAMES)
def test_every_decision_comes_out_as_it_was(name):
    decisions = decisions_of(captured(name))
    found = replay(captured(name), decisions)
    assert [each for each in decisions if not each.is_reproduced] == []
    assert [each for each in decisions if not each.is_prediction_reproduced] == []
    assert (found.decisions, found.parameters) == COUNTS.get(name, (0, None))
    assert (found.reproduced, len(found.not_reproduced)) == (found.decisions, 0)
    assert (found.replicas_replayed, found.first_difference) == (found.replicas_logged, None)


@pytest.mark.parametrize("name", MODEL_BASED)
def test_predictions_are_those_of_wva_to_a_few_millionths(name):
    for decision in decisions_of(captured(name)):
        assert decision.predicted[:2] == pytest.approx((decision.itl_ms, decision.ttft_ms), rel=1e-4)


def test_parameters_that_no_line_tells_are_inferred():
    decisions = decisions_of(captured(UNTOLD))
    assert {each.parameters for each in decisions} == {Parameters(7.47, 0.044, 15.415, 0.000337)}
    assert source_of(decisions) == "inferred"


@pytest.mark.parametrize(
    ("name", "pairs", "means"),
    [
        (QUIET, 30, (0.37, 0.22, 0.14, 0.23)),
        (HIGH, 21, (18.26, 1.37, 2.59, 15.41)),
        (MODERATE, 10, (4.60, 0.73, 0.63, 3.60)),
    ],
)
def test_what_the_errors_are_made_of(name, pairs, means):
    found = attribution.attribution_of(attribution.with_parts(captured(name)))
    assert (found.pairs, found.reproduced) == (pairs, pairs)
    itl = found.itl
    assert tuple(round(value, 2) for value in itl[:4]) == means
    assert itl.load_bias_ms + itl.replicas_bias_ms + itl.model_bias_ms == pytest.approx(itl.error_bias_ms, rel=1e-9)


@pytest.mark.parametrize("name", MODEL_BASED)
def test_the_parts_sum_to_the_error_in_each_row(name):
    pairs = attribution.with_parts(captured(name))
    known = pairs[pairs["itl_error_model_ms"].notna()]
    for metric in ("itl", "ttft"):
        parts = sum(known[f"{metric}_error_{part}_ms"] for part in attribution.PARTS)
        error = known[f"{metric}_error_ms"]
        assert (np.abs(parts - error) <= 1e-9 * np.abs(error)).all()


def test_another_objective():
    found = replay(captured(HIGH), decisions_of(captured(HIGH)), Wish(slo_itl_ms=15))
    assert (found.replicas_logged, found.replicas_replayed, found.most) == (212, 71, 6)
    assert found.replica_seconds < found.replica_seconds_logged / 2


@pytest.mark.parametrize("name", [HIGH, MODERATE])
def test_a_fitted_profile_leaves_the_form_of_the_model(name):
    run = captured(name)
    decisions = decisions_of(run)
    pairs = attribution.with_parts(run, decisions)
    (fitted,) = fit.fits_of(pairs, decisions).values()
    left = attribution.model_error_with(run, pairs, {fitted.variant: fitted.parameters})
    assert 0 < left["itl"] < attribution.attribution_of(pairs).itl.model_mae_ms


@pytest.mark.parametrize("name", MODEL_BASED)
def test_a_replay_and_the_price_curves_take_less_than_two_seconds(name):
    """Of processor time, with no chain and no profile known from before."""
    run = captured(name)
    queueing.replica_of.cache_clear()
    inference.infer.cache_clear()
    start_s = time.process_time()
    decisions = decisions_of(run)
    replay(run, decisions)
    price.price_of_slo(run, decisions)
    assert time.process_time() - start_s < 2
