"""Several runs, read and compared: finding them, the page, the files."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from logs import capacity_loop_run, model_loop_run, observed, solution, write_run

from wva_parse import comparison
from wva_parse.__main__ import main
from wva_parse.run import RunError


@pytest.fixture
def base(tmp_path, monkeypatch):
    """Two runs of each mode below experiment-data of the working directory, and what is no run."""
    for n, mode in ((1, "model-based"), (2, "model-based"), (3, "capacity-based"), (4, "capacity-based")):
        if mode == "model-based":
            runs = [model_loop_run(60 * m, observed(8 + n, 20), solution(9, 21)) for m in range(4)]
        else:
            runs = [capacity_loop_run(60 * m, {"a": (0.2, 0)}, seen=observed(20, 40)) for m in range(4)]
        write_run(tmp_path / "experiment-data" / f"{mode}-a_b-2026010{n}-000000", *runs, config={"mode": mode})
    (tmp_path / "experiment-data" / "notes").mkdir()
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("pattern", "numbers"),
    [
        ("", [3, 4, 1, 2]),
        ("experiment-data/model-*", [1, 2]),
        (" experiment-data/*-20260102-*, experiment-data/capacity-*,experiment-data/*-20260102-*", [2, 3, 4]),
    ],
)
def test_runs_are_found_by_patterns_and_lists(base, pattern, numbers):
    found = comparison.find_runs(pattern)
    assert [int(re.search(r"2026010(\d)", each)[1]) for each in found] == numbers
    absolute = ",".join(str(base / each.strip()) for each in (pattern or "experiment-data/*").split(","))
    assert comparison.find_runs(absolute) == found


def test_a_pattern_without_runs_is_said(base):
    with pytest.raises(RunError, match=r"other/\*: no run there; expected directories of runs"):
        comparison.find_runs("experiment-data/*, other/*")


def test_the_first_screen_has_the_answer_both_figures_and_six_figures_and_all_else_is_folded(base):
    html = comparison.load("").html()
    first, _, rest = html[html.index("<main>") :].partition("<h2 ")
    assert "On the same load model-based held 1.0 times the" in first
    assert first.index('class="verdict"') < first.index("<figure") < first.index("<table")
    assert first.count("data:image/svg+xml;base64,") == 2
    assert first.count("<tr>") == 7 and "<details" not in first
    assert rest.count("<h2 ") + 1 == rest.count("<details>") == rest.count("</details>")
    assert not re.findall(r"(?:src|href)=\"(?!data:|#)", html)


def test_what_makes_runs_unequal_is_red_and_before_the_figures(base):
    runs = [*base.glob("experiment-data/model-*"), *base.glob("experiment-data/capacity-*")]
    compared = comparison.load(list(map(str, runs)))
    for each in compared.summaries[:1]:
        each["status"] = "interrupted"
    html = compared.html()
    unequal = re.findall(r'<p class="unequal">([^<]*)</p>', html)
    assert f"Not complete: {compared.summaries[0]['run']} (interrupted)." in unequal
    assert html.index('class="unequal"') < html.index("<figure")
    assert "**Unequal:** Not complete" in compared.answer()


def test_repeats_of_one_mode_are_drawn_and_other_experiments_are_not(base):
    alone = comparison.load("experiment-data/model-*")
    assert list(alone.figures()) == ["trade_off", "over_time"]
    assert "All 2 runs are model-based" in alone.html()
    one = comparison.load("experiment-data/model-*-20260101-*")
    assert one.figures() == {} and "One run: there is nothing to hold it against." in one.html()


def test_files_are_written_where_asked_and_nowhere_else(base):
    compared = comparison.load("")
    before = sorted(base.rglob("*"))
    assert compared.write("") == [] and sorted(base.rglob("*")) == before
    written = compared.write(base / "out", "svg,pdf")
    names = {"comparison.html", "comparison.md", "comparison.tex", "comparison.csv"}
    names |= {f"{name}.{kind}" for name in comparison.PLOTS for kind in ("svg", "pdf")}
    assert {path.name for path in written} == names == {path.name for path in (base / "out").iterdir()}
    assert all(path.stat().st_size for path in written)


def test_a_figure_of_each_run(base):
    found = comparison.load("").values("ITL observed, mean by requests, ms")
    assert found.loc[:, "model-based"].tolist() == [9.0, 10.0]
    assert found.loc[:, "capacity-based"].tolist() == [20.0, 20.0]


def test_tables_for_papers(base, capsys):
    runs = sorted(map(str, Path("experiment-data").glob("*-based-*")))
    assert main(["compare", *runs, "--format", "latex"]) == 0
    text = capsys.readouterr().out
    assert text.count(r"\toprule") == 1 and "  ITL that WVA observed, mean, ms & less & 9.50 & 20.00 &" in text
    assert main(["compare", runs[0], "--format", "latex"]) == 0
    assert r"capacity-based-a\_b-20260103-000000" in capsys.readouterr().out
    assert main(["summary", runs[0], "--format", "latex"]) == 0
    text = capsys.readouterr().out
    assert (
        r"\caption{capacity-based-a\_b-20260103-000000}" in text
        and r"ITL observed, mean by requests, ms & 20.00 \\" in text
    )
