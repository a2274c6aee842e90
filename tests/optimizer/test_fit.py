"""The profile that a run's own observations give."""

from __future__ import annotations

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from modelled import PROFILE, SPEC, TOKENS, Minute, modelled_run

from wva_parse import run
from wva_parse.optimizer import attribution, fit
from wva_parse.optimizer.decisions import decisions_of
from wva_parse.optimizer.queueing import Load, Parameters, Profile, predict

TRUE = Parameters(9.0, 0.06, 20.0, 0.0005)
RATES = (300, 600, 900, 1200, 1500, 1800, 2100)


def seen(parameters, rates=RATES, max_batch=512):
    loads = [Load(rate, *TOKENS) for rate in rates]
    return tuple(fit.Seen(load, 1, *predict(Profile(*parameters, max_batch), load, 1)[:2]) for load in loads)


def test_the_true_profile_is_found():
    found = fit.fit("v", seen(TRUE), 512, SPEC)
    assert found.parameters == pytest.approx(TRUE, rel=1e-3)
    assert (found.observations, found.reason) == (len(RATES), "")
    assert all(half < 0.01 * value for half, value in zip(found.half_widths, TRUE, strict=True))
    assert found.profile == Profile(*found.parameters, 512)


@settings(max_examples=10, deadline=None)
@given(st.tuples(st.floats(5, 20), st.floats(0.02, 0.1), st.floats(10, 50), st.floats(2e-4, 1e-3)))
def test_any_profile_is_found_from_another(true):
    found = fit.fit("v", seen(true), 512, SPEC)
    for each in seen(true):
        assert predict(found.profile, each.load, 1)[:2] == pytest.approx((each.itl_ms, each.ttft_ms), rel=0.02)


def test_noise_widens_the_intervals():
    exact = seen(TRUE)
    noisy = tuple(each._replace(itl_ms=each.itl_ms * (1 + 0.05 * (-1) ** n)) for n, each in enumerate(exact))
    found = fit.fit("v", noisy, 512, SPEC)
    assert found.half_widths[0] > 10 * fit.fit("v", exact, 512, SPEC).half_widths[0]
    assert abs(found.parameters.alpha - TRUE.alpha) < found.half_widths[0]


@pytest.mark.parametrize(
    ("rates", "reason"),
    [
        ((), "0 observations under load, at least 5 are needed"),
        ((300, 600, 900), "3 observations under load, at least 5 are needed"),
        ((600, 610, 620, 630, 640), "no spread of loads: 600 to 640 requests per minute and replica"),
    ],
)
def test_what_cannot_be_fitted_says_why(rates, reason):
    found = fit.fit("v", seen(TRUE, rates), 512, SPEC)
    assert (found.parameters, found.profile, found.reason) == (None, None, reason)
    assert fit.as_yaml(found) == ""


def test_the_fit_of_a_run_leaves_nothing_where_the_form_is_right(tmp_path):
    minutes = [Minute(600), *(Minute(rate) for rate in RATES)]
    experiment = run.load(modelled_run(tmp_path / "run", minutes, Profile(*TRUE, 512)))
    decisions = decisions_of(experiment)
    pairs = attribution.with_parts(experiment, decisions)
    (found,) = fit.fits_of(pairs, decisions).values()
    left = attribution.model_error_with(experiment, pairs, {found.variant: found.parameters})
    before = attribution.attribution_of(pairs)
    assert before.itl.model_mae_ms > 1
    assert left["itl"] < 0.02 and left["ttft"] < 0.1  # the log has two decimals


def test_the_profile_can_be_pasted():
    (profile,) = yaml.safe_load(fit.as_yaml(fit.fit("v", seen(TRUE), 512, SPEC), "H100"))["modelProfile"][
        "accelerators"
    ]
    assert (profile["acc"], profile["maxBatchSize"]) == ("H100", 512)
    parameters = {**profile["perfParms"]["decodeParms"], **profile["perfParms"]["prefillParms"]}
    assert [float(parameters[name]) for name in Parameters._fields] == pytest.approx(TRUE, rel=1e-3)
    assert all(isinstance(value, str) for value in parameters.values())  # as the API has them
    assert PROFILE.max_batch == 512
