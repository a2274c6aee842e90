"""Pages: one file each that needs nothing else, with what the sections say."""

from __future__ import annotations

import re

import pytest
from logs import capacity_loop_run, decision, model_loop_run, observed, solution, write_run

from wva_parse import run
from wva_parse.measures.summary import summarize
from wva_parse.report import page
from wva_parse.report.sections import sections

PNG = b"\x89PNG made up"


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    runs = [model_loop_run(60 * n, observed(10, 20), solution(9, 20), decision(1, 1 + (n == 1))) for n in range(4)]
    return summarize(run.load(write_run(tmp_path_factory.mktemp("m") / "m<b>", *runs, config={})))


@pytest.fixture(scope="module")
def capacity(tmp_path_factory):
    runs = [capacity_loop_run(60 * n, {"a": (0.95, 7)}, seen=observed(10, 20)) for n in range(3)]
    return summarize(run.load(write_run(tmp_path_factory.mktemp("c") / "c", *runs, config={})))


@pytest.fixture(scope="module")
def empty(tmp_path_factory):
    only = [(0, "Operating in MODEL-ONLY mode: model-based optimization only")]
    return summarize(run.load(write_run(tmp_path_factory.mktemp("e") / "e", only, config={})))


def text_of(html):
    return re.sub(r"<[^>]+>", "\n", html)


def test_every_page_is_whole_and_leads_with_the_verdict(model, capacity, empty):
    for summary in (model, capacity, empty):
        figures = {name: PNG for section in sections(summary) for name in section.figures}
        html = page.run_page(summary, figures)
        assert html.count("data:image/png;base64,") == len(figures)
        assert not re.findall(r"(?:src|href)=\"(?!data:|#)", html), "it would need another file"
        assert set(re.findall(r'href="#([^"]*)"', html)) == set(re.findall(r'<h2 id="([^"]*)"', html))
        assert "nan" not in text_of(html).lower().split() and "None" not in text_of(html).split()
        assert html.index('class="verdict"') < html.index("<figure") < html.index("<table")


def test_names_are_text_and_never_markup(model):
    assert "m<b>" not in page.run_page(model, {})
    assert "<h1>m&lt;b&gt;</h1>" in page.run_page(model, {})


def test_figures_that_a_run_does_not_have_are_left_out(model):
    html = page.run_page(model, {"latencies": PNG, "of_another_tool": PNG})
    assert html.count("<img") == 1
    assert 'alt="SLO: latencies"' in html


def test_the_whole_run_comes_first_as_a_drawing_with_the_values_at_the_pointer(model):
    svg = b'<?xml version="1.0"?><svg width="1"><desc>[{"x":[0,1]}]</desc></svg>'
    html = page.run_page(model, {"latencies": PNG, "overview": svg})
    assert html.index("data:image/svg+xml;base64,") < html.index("data:image/png;base64,")
    assert '<script type="application/json" class="values">[{"x":[0,1]}]</script>' in html


def test_sections_are_linked_by_what_they_are_called():
    assert page.anchor("What the clients felt") == "what-the-clients-felt"


def test_warnings_stand_before_the_figures(capacity):
    html = page.run_page(capacity, {"latencies": PNG})
    assert html.index("no scale-up was decided") < html.index("<figure")


def test_the_index_tells_what_failed_and_links_what_there_is(model):
    entries = [page.Entry("one", "one/report.html", model), page.Entry("two", "two/analysis.ipynb", error="it <broke>")]
    html = page.index_page([*entries, page.Entry("three", "", error="no log")])
    assert re.findall(r'href="([^"]*)"', html) == ["one/report.html", "two/analysis.ipynb"]
    assert "3 runs, 2 of them not analysed" in html
    assert "it &lt;broke&gt;" in html and "no log" in html
    assert 'href="a%2520b%23c/report.html"' in page.index_page([page.Entry("odd", "a%20b#c/report.html", model)])


def test_the_simulated_are_said_to_be(model):
    assert "SIMULATED" not in page.kicker(model)
    assert page.kicker({**model, "simulated": True}).endswith("SIMULATED")
