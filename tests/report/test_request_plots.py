"""Figures and words of single requests: what is drawn, where, and what is said of those that nobody knows of."""

from __future__ import annotations

import re

import numpy as np
import pytest
from clients import failed_line, line, with_requests
from logs import capacity_loop_run, decision, model_loop_run, observed, solution, stamp, write_run

from wva_parse import run
from wva_parse.analysis import REQUEST_PLOTS, plots_of, request_plots_of
from wva_parse.measures.summary import summarize
from wva_parse.report import compare, page, request_plots, sections, words

CUT = {"name": "peak", "prompts": 900, "start": stamp(0), "sending_s": 90, "result": "cut"}
LOAD = {"name": "load", "prompts": 70, "sending_s": 70, "start": stamp(0), "result": "complete", "rate_per_s": 1}
MANY = [line(str(n), 100 + n, 5) for n in range(60)]
FEW = [line("61", 2000, 5), failed_line("62"), failed_line("63"), *(line(str(64 + n), 50, 20) for n in range(6))]


def made(path, files, work=(), slo=(10, 1000)):
    runs = [
        model_loop_run(60 * n, observed(8, 20, replicas=1 + n), solution(9, 21, slo=slo), decision(1, 1))
        for n in range(4)
    ]
    record = {"status": "complete", "workloads": list(work)} if work else None
    return run.load(with_requests(write_run(path / "r", *runs, config={}, record=record), files))


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    files = {"load": [*MANY, *FEW], "warmup": [line(str(n), 70, 3) for n in range(30)]}
    return made(tmp_path_factory.mktemp("w"), files, [LOAD, CUT, {"name": "warmup"}])


@pytest.fixture(
    scope="module", params=["whole", "no send times", "all failed", "no SLO", "one", "no replicas", "only a warm-up"]
)
def any_run(request, tmp_path_factory):
    path = tmp_path_factory.mktemp("any")
    if request.param == "no replicas":
        runs = [capacity_loop_run(60 * n, {}) for n in range(3)]
        return run.load(with_requests(write_run(path / "r", *runs, config={}), {"load": MANY}))
    files = {
        "whole": {"load": [*MANY, *FEW], "b": MANY},
        "no send times": {"load": [line("", 5), failed_line("")]},
        "all failed": {"load": [failed_line(str(n)) for n in range(9)]},
        "no SLO": {"load": MANY},
        "one": {"load": [line("0", 5, "", 1)]},
        "only a warm-up": {"warmup": MANY},
    }
    return made(path, files[request.param], slo=(0, 0) if request.param == "no SLO" else (10, 1000))


def lines(axis) -> dict[str, np.ndarray]:
    return {each.get_label(): each.get_xydata() for each in axis.get_lines()}


@pytest.mark.parametrize("draw", REQUEST_PLOTS.values(), ids=REQUEST_PLOTS)
def test_every_figure_of_every_run_can_be_drawn_and_has_labels(draw, any_run):
    figure = draw(any_run)
    figure.canvas.draw()
    assert any_run.name in figure.get_suptitle()
    for axis in figure.axes:
        assert "(" in axis.get_ylabel() or axis.get_ylabel() == "replicas"
    assert figure.axes[-1].get_xlabel()


def test_every_figure_says_of_how_many_it_is_and_of_how_many_nothing_is_known(whole):
    for draw in REQUEST_PLOTS.values():
        assert "69 recorded, 2 failed, of 901 more nothing is known" in draw(whole).get_suptitle()


def test_a_curve_ends_below_all_by_as_much_as_failed(whole):
    ttft, tpot, e2e = request_plots.request_distributions(whole).axes
    for axis in (ttft, tpot, e2e):
        assert lines(axis)["all"][-1, 1] == pytest.approx(100 * 67 / 69)
    # 60 requests from 100 to 159 ms, 6 of 50, one of 2000, two failed
    assert np.interp(1000, *lines(ttft)["all"].T) == pytest.approx(100 * 66 / 69, abs=1.5)
    assert "SLO of TTFT: 1000 ms (from the log)" in lines(ttft)
    assert "SLO of TPOT: 10 ms (from the log)" in lines(tpot)
    assert not any("SLO" in name for name in lines(e2e))


def test_minutes_with_few_requests_are_points_and_failed_ones_marked(whole):
    axis = request_plots.requests_over_time(whole).axes[0]
    drawn = lines(axis)
    assert len(drawn["single requests (< 20 in the minute)"]) == 7
    assert drawn["failed (n = 2)"][:, 0] == pytest.approx([62 / 60, 63 / 60])
    assert "10 to 90 % of a minute's requests" in axis.get_legend_handles_labels()[1]
    assert "median" in drawn and "median, warm-up" in drawn


def test_outcomes_of_a_minute_add_up(whole):
    axis = request_plots.requests_over_time(whole).axes[2]
    heights = [[bar.get_height() for bar in bars] for bars in axis.containers]
    assert np.sum(heights, axis=0).tolist() == [60, 9]
    assert [bars.get_label() for bars in axis.containers] == ["within the SLO", "answered, not within it", "failed"]


def test_requests_are_grouped_by_ready_replicas(whole):
    felt, share = request_plots.ttft_by_ready_replicas(whole).axes
    assert [text.get_text() for text in share.get_xticklabels()] == ["1", "2"]
    assert [text.get_text() for text in share.texts] == ["100 %\nof 60", "0 %\nof 9"]
    assert felt.get_yscale() == "log"
    assert share.get_xlabel() == "replicas that were ready when the request was sent (known every 60 s)"


def test_a_run_without_records_has_no_such_figure(tmp_path, whole):
    without = made(tmp_path, {}, [CUT])
    assert request_plots_of(without) == {} and "request_distributions" not in plots_of(without)
    assert set(request_plots_of(whole)) == set(REQUEST_PLOTS) <= set(plots_of(whole))


# --- words, documents, pages, comparisons


def test_the_verdict_rests_on_requests_and_says_of_how_many_nothing_is_known(whole):
    found = summarize(whole)
    assert words.verdict(found)[0].startswith(
        "60 of 69 recorded requests were within the SLO (TTFT of at most 1000 ms and TPOT of at most 10 ms), that "
        "is 6.2 % to 99.1 % of all 970; 2 of 69 failed, 99 % of the answered ones had their first token within 785 ms. "
        "Of 901 more requests nothing is known."
    )
    assert words.about_slo(found) == (
        "ITL was at or below 10 ms in 61 of 69 recorded requests and TTFT was at or below 1000 ms in 66 of 69 recorded "
        "requests (TPOT of a request stands for ITL). Of 901 more requests nothing is known."
    )


def test_what_the_clients_felt_has_a_section(whole):
    text = sections.markdown(summarize(whole), plots_of(whole))
    section = text.partition("## What the clients felt")[2].partition("\n## ")[0]
    assert "69 requests are recorded, 67 answered and 2 failed. Of 901 more requests nothing is known." in section
    assert (
        "87.0 % of all that are recorded were within the SLO, that is 6.2 % to 99.1 % of all 970: at least 0.67 per"
        in section
    )
    assert "| workload | recorded | answered |" in section
    assert "| 67 answered of 69 recorded; of 901 more nothing is known | mean |" in section
    assert "| TTFT | 1000 ms (from the log) | 95.7 % | 69 recorded; of 901 more nothing is known |" in text
    assert "The warm-up's 30 requests are in none of these numbers." in section
    assert "| load | 69 | 67 | 2 | 1 | 60 (87.0 %) |" in section
    assert "| peak | 0 | 0 | 0 | 900 | – | – | – |" in section
    assert "| warmup (warm-up, not pooled) | 30 | 30 | 0 | 0 |" in section
    for name in REQUEST_PLOTS:
        assert f"plots/{name}.png" in section
    assert "| attainment | share of the requests sent and recorded" in text


def test_where_all_are_accounted_for_nothing_is_said_of_recorded_ones(tmp_path):
    found = summarize(made(tmp_path, {"load": MANY}))
    text = sections.markdown(found)
    assert "60 requests were sent, 60 answered" in text and "100.0 % of all that were sent" in text
    assert "at least 1.0" not in text and "nothing is known" not in text
    assert found["requests"]["within_slo_share_min"] == found["requests"]["within_slo_share_max"] == 1
    assert page.tiles(found)[0] == page.Tile("requests within the SLO", "60 of 60")


def test_repeats_say_which_runs_have_requests_of_which_nothing_is_known(whole):
    first = summarize(whole)
    second = {**first, "run": "r-20260102-030405"}
    (section,) = [each for each in compare.sections([first, second], {}) if each.title == "Repeats"]
    assert section.sentences[1].endswith(
        "r (of 69 recorded; of 901 more nothing is known), r-20260102-030405 (of 69 recorded; of 901 more nothing is "
        "known)."
    )


def test_where_nothing_is_known_of_any_request_that_is_said(tmp_path):
    found = summarize(made(tmp_path, {}, [CUT]))
    said = "Of 900 requests nothing is known."
    assert said in words.verdict(found)[0]
    assert words.about_requests(found) == f"{words.NO_REQUESTS} {said}"
    assert said in words.about_slo(found)
    assert "## What the clients felt" in sections.markdown(found)
    assert page.Tile("requests of which nothing is known", "900") in page.tiles(found)
    assert page.Tile("minutes with a mean TTFT within its SLO", "4 of 4") in page.tiles(found)
    assert page.run_page(found, {})


def test_a_run_without_records_says_nothing_of_them(tmp_path):
    found = summarize(made(tmp_path, {}))
    assert "What the clients felt" not in sections.markdown(found)
    assert words.about_requests(found) == words.NO_REQUESTS
    assert "within the SLO" not in dict(compare.describe(found))


def test_reports_of_any_run_can_be_made(any_run):
    found = summarize(any_run)
    text = sections.markdown(found, plots_of(any_run))
    assert not re.search(r"\bnan\b|None[ |]*$|\| None", text, re.MULTILINE)
    assert page.run_page(found, {})
    assert words.verdict(found)


def test_the_page_begins_with_them(whole):
    tiles = page.tiles(summarize(whole))
    some = "(of 69 recorded; of 901 more nothing is known)"
    assert tiles[0] == page.Tile(f"requests within the SLO {some}", "60 of 69")
    assert tiles[1] == page.Tile("requests of which nothing is known", "901")
    assert tiles[3] == page.Tile(f"TTFT within its SLO {some}", "66 of 69")


def test_a_comparison_has_their_rows(whole):
    found = dict(compare.describe(summarize(whole)))
    some = "(of 69 recorded; of 901 more nothing is known)"
    assert found["share of requests within the SLO"] == f"87.0 % {some}"
    assert found["TTFT attainment"] == f"95.7 % {some}"
    assert found["goodput, requests/s"] == f"at least 0.67 {some}"  # 60 in the 90 s of the one that was cut
    assert found["TTFT of requests, median, ms"].endswith(some)
    assert found["requests recorded"] == "69"
    assert found["requests of which nothing is known"] == "901"
    wanted = (
        "goodput, requests/s",
        *(f"{m} of requests, {p}, ms" for m in ("TTFT", "TPOT") for p in ("median", "P99")),
    )
    assert set(wanted) <= found.keys()
