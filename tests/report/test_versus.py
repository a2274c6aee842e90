"""Mode against mode on the same load: what is said first, by hand; and nothing of what is no comparison."""

from __future__ import annotations

from typing import Any

import pytest

from wva_parse.report import latex, versus
from wva_parse.report.sections import Table


def summary(run: str, mode: str, gpu_hours: float, itl_ms: float, starved_s: float, **more: Any) -> dict[str, Any]:
    """A run of 10 req/s for 360 s; `rate` makes it another load."""
    rate = more.pop("rate", 10.0)
    work = [{"name": "w", "start_s": 0.0, "duration_s": 360.0, "rate_per_s": rate, "rate_from": "run.json"}]
    return {
        "schema": 2,
        "run": run,
        "mode": mode,
        "simulated": False,
        "interval_s": 60.0,
        "schedule": {"how": "parallel", "source": "run.json", "workloads": work, "otherwise": []},
        "log": {"dialects": {"D3": 9}},
        "slo": {"itl_ms": 10.0, "ttft_ms": 1000.0, "source": "log", "basis": "minutes", "itl_attainment": 0.5},
        "latency": {"itl_ms": itl_ms, "ttft_ms": 50.0},
        "supply": {"starved_s": starved_s},
        "cost": {"gpu_hours": gpu_hours, "replica_hours": gpu_hours},
        "flapping": 1,
        "requests": None,
        **more,
    }


def both(ours: int, theirs: int) -> list[dict[str, Any]]:
    """Model-based runs of 3, 3.5 … GPU-hours at 8, 9 … ms; capacity-based ones of 2, 2.5 … at 12, 13 …"""
    return [
        *(summary(f"m{n}", "model-based", 3 + n / 2, 8 + n, 60) for n in range(ours)),
        *(summary(f"c{n}", "capacity-based", 2 + n / 2, 12 + n, 120 + 60 * n) for n in range(theirs)),
    ]


def test_the_first_sentence_is_of_ranges_over_all_runs():
    assert versus.headline(both(2, 2)) == [
        # GPU-hours 3 and 3.5 against 2 and 2.5: 1.2 to 1.75 times; 8 and 9 ms against 12 and 13: 25 to 38 % lower
        "On the same load model-based held 1.2 to 1.8 times the GPU time and its ITL observed (mean) was 25 to 38 % "
        "lower; pods were starved for 1 min, and in capacity mode for 2 to 3 min. 2 runs against 2: no interval can be "
        "given (it needs 5 of each)."
    ]


def test_with_enough_runs_the_table_has_intervals():
    assert versus.headline(both(5, 5))[0].endswith("5 runs against 5; the table has 95 % intervals.")
    (table,) = versus.tables(both(5, 5))
    cells = {row[0]: row for row in table.rows}
    assert cells["GPU-hours held"][2:5] == ("4.00 (3.00 to 5.00)", "3.00 (2.00 to 4.00)", "+1.00")
    assert " to " in cells["GPU-hours held"][5]
    assert cells["ITL attainment"][1] == "more is better" and cells["ITL attainment"][4].endswith("pp")


def test_a_better_and_a_worse_are_told_as_what_they_are():
    mixed = [*both(1, 1), summary("m9", "model-based", 3, 14, 0)]
    assert "its ITL observed (mean) was between 33 % lower and 17 % higher" in versus.headline(mixed)[0]


def test_one_run_of_each_has_no_interval():
    (table,) = versus.tables(both(1, 1))
    assert {row[5] for row in table.rows} == {"none (n = 1 and 1)"}


def test_another_load_is_no_comparison_and_the_reason_is_named():
    runs = [both(1, 0)[0], summary("c0", "capacity-based", 2, 12, 0, rate=20.0)]
    (sentence,) = versus.headline(runs)
    assert sentence.startswith("No two runs of different modes are of the same load, so neither can be called better: ")
    assert "10" in sentence and "20 req/s" in sentence
    assert versus.tables(runs) == []


def test_runs_of_one_mode_have_no_counterpart():
    assert versus.headline(both(2, 0)) == ["All runs are model-based: there is no other mode to compare with."]
    assert versus.headline([]) == []


def test_simulated_runs_are_said_to_be():
    runs = [{**each, "simulated": True} for each in both(1, 1)]
    assert versus.headline(runs)[0].startswith("SIMULATED: On the same load")


def test_what_makes_runs_unequal_is_named():
    runs = both(1, 1)
    runs[1]["schedule"] = {**runs[1]["schedule"], "otherwise": ["w"]}
    facts = {"m0": {"log dialects": "D3, DT", "cluster": "a"}, "c0": {"log dialects": "D3", "cluster": "b"}}
    pair = versus.pairs_of(both(1, 1))
    assert versus.unequal(pair, facts) == ["Not equal: cluster (a in model-based, b in capacity-based runs)."]
    other = {**facts, "c0": {"log dialects": "D2", "cluster": "a"}}
    (found,) = versus.unequal(pair, other)
    assert found.startswith("Not equal: log dialects (an untagged build of December 2025 in model-based, v0.0.5 to ")


def test_what_is_not_known_is_said():
    runs = [{**each, "supply": {}, "latency": None, "cost": None} for each in both(1, 1)]
    (sentence,) = versus.headline(runs)
    assert "for how long pods were starved is not known of both" in sentence


# --- LaTeX


PRINTED = {"50 %": r"50 \%", "a_b & c": r"a\_b \& c", "–": "--", "\\": r"\textbackslash{}"}


@pytest.mark.parametrize(("text", "printed"), PRINTED.items())
def test_text_is_printed_as_it_is(text, printed):
    assert latex.escaped(text) == printed


def test_a_table_for_a_paper():
    lines = latex.tabular(Table(("", "n"), [("ITL, ms", "8.5 %")]), "made\nby hand").splitlines()
    assert lines[0] == "% made by hand"
    assert lines[2] == r"\begin{tabular}{lr}"
    assert r"ITL, ms & 8.5 \% \\" in lines and lines[-1] == r"\end{tabular}"
