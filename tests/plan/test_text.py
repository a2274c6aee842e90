"""The plan for people: workloads, arrival rate over time, how long it takes."""

from __future__ import annotations

import re
from datetime import datetime, timezone
from itertools import pairwise
from pathlib import Path

import pytest
from configs import CONFIG, MANIFEST, edit, write
from hypothesis import given
from hypothesis import strategies as st

from wva_parse.__main__ import main
from wva_parse.plan import config, text
from wva_parse.plan.config import Planned
from wva_parse.plan.documents import ConfigError

NOW = datetime(2026, 1, 2, 3, 4, 5, 900_000, tzinfo=timezone.utc)

PARALLEL = edit(
    CONFIG,
    ("- name: first\n    job_manifest: job.yaml", "- name: first\n    job_manifest: job.yaml\n    duration: 60"),
    (
        "- name: second\n    job_manifest: job.yaml",
        "- name: second\n    job_manifest: job.yaml\n    start_delay: 20\n    duration: 30",
    ),
)


def line(start_s, end_s, rate_per_s, name="w", how="parallel"):
    return Planned(1, start_s, end_s, name, Path("job.yaml"), rate_per_s, 7, how)


def text_of(path, *arguments):
    loaded = config.load(path)
    return text.text(loaded, config.schedule(loaded), NOW, *arguments)


def test_a_sequential_plan_by_hand(tmp_path):
    assert text_of(write(tmp_path)) == (
        "experiment an-experiment (model-based), sequential, on decode in llm\n"
        "workloads:\n"
        "       0 s to     60 s       2 req/s  first\n"
        "      60 s to    120 s       2 req/s  second\n"
        "  (times are estimates: each starts when the one before it has ended)\n"
        "arrival rate:\n"
        "       0 s       2 req/s  ########################################  first\n"
        "      60 s       2 req/s  ########################################  second\n"
        "     120 s       0 req/s  peak 2 req/s\n"
        "takes about 240 s with 120 s of cooldown; started now, it ends at 2026-01-02T03:08:05Z\n"
    )


def test_a_parallel_plan_by_hand_on_a_fast_cluster(tmp_path):
    path = write(tmp_path, PARALLEL, edit(MANIFEST, ('value: "2"', 'value: "0.25"')))
    assert text_of(path, 40, 30) == (
        "experiment an-experiment (model-based), parallel, on decode in llm\n"
        "workloads:\n"
        "       0 s to     60 s    0.25 req/s  first\n"
        "      20 s to     50 s    0.25 req/s  second\n"
        "arrival rate:\n"
        "       0 s    0.25 req/s  ####################  first\n"
        "      20 s     0.5 req/s  ########################################  first + second\n"
        "      50 s    0.25 req/s  ####################  first\n"
        "      60 s       0 req/s  peak 0.5 req/s\n"
        "takes about 100 s with 40 s of cooldown: 4 s at 30 times real time;"
        " started now, it ends at 2026-01-02T03:04:09Z\n"
    )


def test_one_workload(tmp_path):
    text = CONFIG[: CONFIG.index("  - name: second")] + "cooldown: 0\n"
    lines = text_of(write(tmp_path, text)).splitlines()
    assert lines[2:3] == ["       0 s to     60 s       2 req/s  first"]
    assert lines[-1] == "takes about 60 s with 0 s of cooldown; started now, it ends at 2026-01-02T03:05:05Z"


def test_nothing_planned_has_no_parts():
    assert text.parts([]) == []
    assert text.workload_lines([]) == []


def test_a_pause_is_a_part_without_names():
    assert text.parts([line(10, 20, 1.0), line(30, 40, 2.0)]) == [
        (10, 20, 1.0, ("w",)),
        (20, 30, 0, ()),
        (30, 40, 2.0, ("w",)),
    ]


def test_a_sum_of_fractions_is_as_planned():
    found = text.rate_lines([line(0, 60, 0.1), line(0, 60, 0.2)])
    assert found[0].startswith("     0 s     0.3 req/s  #")
    assert found[-1].endswith("peak 0.3 req/s")


def test_half_a_mark_is_one_and_a_small_load_is_seen():
    widths = [row.count("#") for row in text.rate_lines([line(0, 1, 80.0), line(1, 2, 5.0), line(2, 3, 0.01)])]
    assert widths == [40, 3, 1, 0]


plans = st.lists(
    st.builds(
        lambda start_s, seconds, rate: line(start_s, start_s + seconds, rate),
        st.integers(0, 5000),
        st.integers(1, 5000),
        st.integers(1, 10_000).map(lambda hundredths: hundredths / 100),
    ),
    min_size=1,
    max_size=8,
)


@given(plans)
def test_parts_have_every_request_once_and_leave_no_time_out(planned):
    found = text.parts(planned)
    requests = sum(work.rate_per_s * (work.end_s - work.start_s) for work in planned)
    assert sum(part.rate_per_s * (part.end_s - part.start_s) for part in found) == pytest.approx(requests)
    assert [part.end_s for part in found[:-1]] == [part.start_s for part in found[1:]]
    assert found[0].start_s == min(work.start_s for work in planned)
    assert found[-1].end_s == max(work.end_s for work in planned)


@given(plans)
def test_bars_are_as_long_as_their_rates_and_the_longest_is_the_peak(planned):
    *rows, end = text.rate_lines(planned)
    rates = [float(re.match(r" *\d+ s +(\S+) req/s", row)[1]) for row in rows]
    widths = [row.count("#") for row in rows]
    peak = float(re.search(r"peak (\S+) req/s$", end)[1])
    assert max(rates) == peak
    assert max(widths) == text.BAR_WIDTH
    for rate, width in zip(rates, widths, strict=True):
        assert width == 1 or abs(width - rate / peak * text.BAR_WIDTH) <= 0.5 + 1e-6
    in_order = sorted(zip(rates, widths, strict=True))
    assert all(one[1] <= other[1] for one, other in pairwise(in_order))


# --- the rest of a series -------------------------------------------------------------------------------------------


def series_file(directory, *results):
    """A series of two repetitions each of a and b, of 100, 200, 300 and 400 s."""
    runs = [("a", 1), ("b", 1), ("a", 2), ("b", 2)][: len(results)]
    path = directory / "series.tsv"
    path.write_text(
        "".join(
            f"{result}\t20260102-030405-abcd1234\t{number}\t2\t{name}\t{100 * place}\tsha\t-\t/c/{name}.yaml\n"
            for place, (result, (name, number)) in enumerate(zip(results, runs, strict=True), start=1)
        )
    )
    return path


def test_the_rest_of_a_series_by_hand(tmp_path):
    rest = text.read_rest(series_file(tmp_path, "0", "4", "planned", "planned"))
    assert rest == (2, 2, "a", 3, 4, 2, 700)
    assert text.rest_lines(rest, 1, NOW) == [
        "repetition 2 of 2 of a, run 3 of 4 of the series",
        "the series takes about 700 s more in 2 runs, without starting and closing them;"
        " it ends after 2026-01-02T03:15:45Z",
    ]


def test_the_last_run_of_a_series_on_a_fast_cluster(tmp_path):
    rest = text.read_rest(series_file(tmp_path, "0", "planned"))
    assert text.rest_lines(rest, 30, NOW)[1] == (
        "the series takes about 200 s more in 1 run: 7 s at 30 times real time, without starting and closing them;"
        " it ends after 2026-01-02T03:04:12Z"
    )


@pytest.mark.parametrize("results", [(), ("planned",), ("0", "0")])
def test_nothing_is_said_of_one_run_or_of_none_that_is_left(tmp_path, results):
    assert text.read_rest(series_file(tmp_path, *results)) is None


@pytest.mark.parametrize("row", ["", "planned\tid", "planned\tid\tone\t2\ta\t100\tsha\t-\t/c/a.yaml"])
def test_a_line_that_is_none_of_a_series_is_said(tmp_path, row):
    path = series_file(tmp_path, "0", "planned")
    path.write_text(path.read_text() + row + "\n")
    with pytest.raises(ConfigError, match=r"series\.tsv:3: saw \d columns, expected the 9 of a run of a series"):
        text.read_rest(path)


# --- the command ----------------------------------------------------------------------------------------------------


def test_columns_and_text_of_one_call(tmp_path, capsys):
    path, target = write(tmp_path), tmp_path / "plan.txt"
    assert main(["plan", str(path), "--repetition", "2"]) == 0
    columns = capsys.readouterr().out
    assert columns.splitlines()[:2] == [
        "order\tstart_s\tend_s\tname\tmanifest\trate_per_s\tseed\thow",
        f"1\t0\t60\tfirst\t{tmp_path / 'job.yaml'}\t2\t10\tsequential",
    ]
    rest = series_file(tmp_path, "0", "planned")
    options = ["--text-to", str(target), "--cooldown", "7", "--speed", "5", "--series", str(rest)]
    assert main(["plan", str(path), "--repetition", "2", *options]) == 0
    assert capsys.readouterr().out == columns
    assert "takes about 127 s with 7 s of cooldown: 26 s at 5 times real time; " in target.read_text()
    assert target.read_text().splitlines()[-2] == "repetition 1 of 2 of b, run 2 of 2 of the series"


def test_text_alone(tmp_path, capsys):
    assert main(["plan", str(write(tmp_path)), "--text"]) == 0
    out = capsys.readouterr().out
    assert out.startswith("experiment an-experiment (model-based), sequential, on decode in llm\nworkloads:\n")
    assert "\t" not in out


@pytest.mark.parametrize(
    "options",
    [["--speed", "0"], ["--speed", "1.5"], ["--cooldown", "-1"], ["--cooldown", "x"], ["--text", "--text-to", "f"]],
)
def test_options_that_make_no_sense(tmp_path, options, capsys):
    with pytest.raises(SystemExit) as error:
        main(["plan", str(write(tmp_path)), *options])
    assert error.value.code == 2
    assert capsys.readouterr().out == ""


def test_an_invalid_config_prints_no_plan_and_writes_none(tmp_path, capsys):
    path = write(tmp_path, edit(CONFIG, ("mode: model-based", "mode: x")))
    assert main(["plan", str(path), "--text-to", str(tmp_path / "plan.txt")]) == 2
    answer = capsys.readouterr()
    assert answer.out == ""
    assert "mode: saw 'x'" in answer.err
    assert not (tmp_path / "plan.txt").exists()
