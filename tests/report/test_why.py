"""Why predictions were off, in sentences and tables: nothing unknown is shown as 0."""

from __future__ import annotations

import copy

import pytest
import yaml
from logs import decision, model_loop_run, observed, solution, write_run
from modelled import Minute, modelled_run

from wva_parse import run
from wva_parse.measures.summary import summarize
from wva_parse.report import sections, why, words

RATES = (300, 300, 600, 900, 1200, 1500, 1800)


@pytest.fixture(scope="module")
def modelled(tmp_path_factory):
    """Each minute is 10 % slower than the model says; predicted replicas are those of the minute itself."""
    minutes = [Minute(rate, 1, 1.1) for rate in RATES]
    return summarize(run.load(modelled_run(tmp_path_factory.mktemp("m") / "m", minutes, config={})))


@pytest.fixture(scope="module")
def idle(tmp_path_factory):
    runs = [model_loop_run(60 * n, observed(0, 0, rate_per_min=0)) for n in range(2)]
    return summarize(run.load(write_run(tmp_path_factory.mktemp("i") / "i", *runs, config={})))


def changed(summary, **part):
    found = copy.deepcopy(summary)
    found["attribution"]["itl"] |= part
    return found


def test_the_headline(modelled):
    numbers = {"error_mae_ms": 12.3, "model_mae_ms": 9.5, "replicas_mae_ms": 2.0, "load_mae_ms": 1.5}
    sentence = (
        "ITL predictions were 12.3 ms off on average (parts may cancel out): the model itself 9.5, replicas that "
        "were not there 2.0, a load "
        "that changed 1.5."
    )
    assert why.headline(changed(modelled, **numbers)) == sentence
    assert sentence in words.verdict(changed(modelled, **numbers))
    small = {"error_mae_ms": 0.368, "model_mae_ms": 0.225, "replicas_mae_ms": 0.144, "load_mae_ms": 0.216}
    assert (
        "0.37 ms off on average (parts may cancel out): the model itself 0.23, replicas that were not there 0.14, a "
        "load that changed 0.22" in (why.headline(changed(modelled, **small)))
    )


def test_a_finding_does_not_hide_the_headline(modelled):
    found = {**modelled, "findings": ["Something."]}
    assert words.verdict(found)[-2:] == ["Look at this first: Something.", why.headline(modelled)]


def test_what_is_told_of_a_run(modelled):
    text = sections.markdown(modelled, ["error_parts_over_time", "price_of_slo"])
    assert "means of absolute values over 6 loaded pairs" in text
    assert "![error parts over time](plots/error_parts_over_time.png)" in text
    assert "Made again from what the log tells, 7 of 7 decisions come out as they were" in text
    assert "Fitted to 6 observations of llama-decode, with 95 % intervals: alpha 8." in text
    assert "For an ITL of 15 ms instead of 10 WVA would have wanted" in text
    assert "| ITL, mean of absolute values |" in text and "| ITL, as it was | 10 |" in text
    assert "nan" not in text.lower()


def test_steady_pairs(modelled):
    # Only the second minute has the rate of the first, and the replicas of the prediction.
    off = f"{modelled['model']['steady']['unchanged']['itl_mae_ms']:.2f} ms at unchanged replicas (n = 1)"
    said = f"Where everything came as assumed (1 steady pair), ITL was off on average by {off}"
    assert why.about_steady(modelled) == f"{said}."
    tuned = {**modelled, "tuner": {"updates": 1, "nis_rejections": 0}}
    assert why.about_steady(tuned) == f"{said} (the tuner had just been fitted to such a minute)."
    none = copy.deepcopy(modelled)
    none["model"]["steady"]["unchanged"]["n"] = 0
    assert "this run cannot judge the model" in why.about_steady(none)


def test_a_fit_that_serves_worse_than_what_was_in_force_says_nothing_of_the_form(modelled):
    assert "; what remains is the form of the model, which knows steady states only." in why.about_fits(modelled)
    worse = copy.deepcopy(modelled)
    worse["model"]["fits"][0]["fitted_model_mae_ms"]["itl"] = 99.0
    assert "the form of the model" not in why.about_fits(worse)
    assert "; one profile for the whole run does not serve better in both" in why.about_fits(worse)
    worse["model"]["fits"][0]["model_mae_ms"]["itl"] = None
    assert why.about_fits(worse).endswith("no prediction could be attributed.")


def test_the_fitted_profile_can_be_pasted(modelled):
    block = why.fitted_profiles(modelled)
    assert block.startswith("```yaml\n# llama-decode\n") and block.endswith("```")
    (profile,) = yaml.safe_load(block.strip("`").removeprefix("yaml"))["modelProfile"]["accelerators"]
    assert float(profile["perfParms"]["decodeParms"]["alpha"]) > 0


def test_what_is_not_known_is_said(idle):
    assert why.headline(idle) == why.about_steady(idle) == why.about_replay(idle) == why.about_fits(idle) == ""
    assert why.about_attribution(idle) == why.NOT_ATTRIBUTED
    assert why.about_price(idle).startswith("The price of an objective is not known")
    assert why.fitted_profiles(idle) == ""
    assert list(why.part_rows(idle)) == list(why.fit_rows(idle)) == list(why.price_rows(idle)) == []


def test_predictions_that_are_not_reproduced_are_named(tmp_path):
    loops = [model_loop_run(60 * n, observed(9, 20), solution(9, 40 + 9 * n, 1 + n), decision(1, 1)) for n in range(4)]
    found = summarize(run.load(write_run(tmp_path / "r", *loops, config={})))
    off = found["model"]["predictions_not_reproduced"]
    assert off and all(set(row) == {"reconciliation", "variant"} for row in off)
    assert "could not be reproduced to 0.1 %" in why.about_attribution(found)


def test_a_looser_objective_that_saves_nothing(tmp_path):
    found = summarize(run.load(modelled_run(tmp_path / "r", [Minute(100), Minute(100)], config={})))
    assert why.about_price(found) == "For an ITL of 15 ms instead of 10 WVA would have wanted no fewer."
    assert why.about_fits(found) == (
        "No profile can be fitted for llama-decode: 1 observations under load, at least 5 are needed."
    )
