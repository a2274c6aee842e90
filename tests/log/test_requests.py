"""Records of requests in Jobs' logs, and the command that takes them out."""

from __future__ import annotations

import math
import subprocess
import sys

import pytest
from clients import HEADER, TABLE, csv, failed_line, job_log, line
from hypothesis import given
from hypothesis import strategies as st

from wva_parse.log.requests import COLUMNS, find_block, main, read_records, records_of_csv, records_of_log

LINES = [line("0.000", 88.7, 16, 43), failed_line("0.546"), line("0.785", 67.8, "", 1)]


def test_a_block_by_hand():
    found = records_of_log(job_log(LINES), "a.log")
    assert found is not None
    assert found.problems == ()
    assert found.clock is not None and (found.clock.wall_s, found.clock.monotonic_s) == (1767225600, 3773.928)
    assert (found.sent, found.answered) == (3, 2)
    assert found.columns["ttft_ms"].tolist()[::2] == [88.7, 67.8]
    assert found.columns["e2e_ms"].tolist()[0] == pytest.approx(88.7 + 16 * 42)
    assert math.isnan(found.columns["tpot_ms"][2]), "of one token there is no TPOT"


def test_the_file_of_a_run_has_the_lines_between_the_markers(tmp_path, capsys):
    log, output = tmp_path / "load.log", tmp_path / "requests" / "load.csv"
    log.write_text(job_log(LINES))
    assert main("requests", [str(log), str(output)]) == 0
    assert capsys.readouterr().out == "3 requests, 2 answered\n"
    assert output.read_text() == csv(LINES)
    assert repr(records_of_csv(output.read_text(), "x")) == repr(records_of_log(job_log(LINES), "a.log"))
    assert [path.name for path in output.parent.iterdir()] == ["load.csv"]


def test_what_a_failed_request_felt_before_it_failed_is_no_latency():
    records = read_records(["0.1,88.7,16.0,0.0,200,0,0"], "x")
    assert records.sent == 1 and records.answered == 0
    assert all(math.isnan(records.columns[name][0]) for name in ("ttft_ms", "tpot_ms", "e2e_ms"))


def test_a_tpot_of_nought_of_a_single_token_is_none():
    assert math.isnan(read_records([line("0", 5, 0, 1)], "x").columns["tpot_ms"][0])


def test_without_send_times_the_rest_is_known():
    records = records_of_csv(csv([line("", 5), failed_line("")]), "x")
    assert (records.sent, records.answered, records.problems) == (2, 1, ())
    assert all(math.isnan(value) for value in records.columns["start_s"])


@pytest.mark.parametrize(
    ("text", "sent", "said"),
    [
        (job_log(LINES).replace("==== requests\n", ""), 3, "no line '==== requests'"),
        (job_log(LINES).partition("0.546")[2], 1, "where the end marker counts 3"),
        (job_log(LINES).partition("==== end")[0], 3, "no line '==== end of requests'"),
        (job_log(LINES).partition("0.785")[0] + "0.7", 2, "is no request"),
        (job_log(LINES, count=4), 3, "3 requests, where the end marker counts 4"),
        (
            job_log(LINES).replace("Successful requests:                     2", "Successful requests:     3"),
            3,
            "2 answered",
        ),
        (job_log(LINES).replace("# wall=1767225600.000", "# wall=?"), 3, "when they were sent is not known"),
    ],
    ids=["no beginning", "rotated away", "no end", "cut", "fewer", "the table says more", "no clock"],
)
def test_what_is_incomplete_is_told_and_what_is_there_is_kept(text, sent, said, tmp_path, capsys):
    found = records_of_log(text, "job-logs/a.log")
    assert found is not None and found.sent == sent
    assert any(said in problem and problem.startswith("job-logs/a.log") for problem in found.problems), found.problems
    log, output = tmp_path / "a.log", tmp_path / "a.csv"
    log.write_text(text)
    assert main("requests", [str(log), str(output)]) == 1
    out = capsys.readouterr().out
    assert out.startswith(f"{sent} request") and said in out and out.count("\n") == 1
    assert output.is_file()


@pytest.mark.parametrize(
    "bad",
    [
        "0.5,1,2,3,4,5",
        "0.5,1,2,3,4,5,2",
        "a,1,2,3,4,5,1",
        "0.5,-1,2,3,4,5,1",
        "0.5,nan,2,3,4,5,1",
        "0.5,inf,2,3,4,5,1",
        "INFO saved",
    ],
)
def test_a_malformed_line_is_told_with_file_and_line_and_left_out(bad):
    lines = [LINES[0], bad, LINES[2]]
    found = records_of_log(job_log(lines), "a.log")
    assert found is not None and found.sent == 2
    number = job_log(lines).split("\n").index(bad) + 1
    assert f"a.log:{number}: '{bad}' is no request; expected {HEADER}" in found.problems


def test_progress_bars_leave_the_numbers_of_lines():
    text = job_log(["?", *LINES], before="  0%|  |\r 50%|# |\r100%|##|\n")
    found = records_of_log(text, "a.log")
    assert found is not None
    assert any(problem.startswith(f"a.log:{text.split(chr(10)).index('?') + 1}: ") for problem in found.problems)


def test_of_many_malformed_lines_the_first_are_named():
    found = read_records(["?"] * 50, "a.log")
    assert len(found.problems) == 4 and found.problems[-1] == "a.log: 47 more lines are no requests"


def test_of_several_blocks_the_last_counts():
    found = records_of_log(job_log(LINES) + job_log(LINES[:1]), "a.log")
    assert found is not None and found.sent == 1 and found.problems == ()


def test_of_several_blocks_the_last_complete_one_counts():
    whole, shorter = job_log(LINES), job_log(LINES[:1])
    for torn in (shorter.partition("==== end")[0], job_log(LINES[:1], count=9)):
        found = records_of_log(whole + torn, "a.log")
        assert found is not None and found.sent == 3
        assert "a.log: a later block of records is not complete and was not read" in found.problems
    found = records_of_log(whole.partition("==== end")[0] + shorter, "a.log")
    assert found is not None and found.sent == 1 and found.problems == ()


@pytest.mark.parametrize(
    "header", ["ttft_ms,start_s,tpot_ms,e2e_ms,in,out,ok", "start_s,ttft_ms,tpot_ms,e2e_ms,in,out,answered", "a,b"]
)
def test_other_columns_are_not_read_by_their_places(header):
    found = records_of_csv(csv(LINES).replace(HEADER, header), "requests/a.csv")
    assert found.sent == 0
    assert found.problems == (f"requests/a.csv:2: columns '{header}'; expected {HEADER}; nothing was read",)


def test_damaged_lines_are_shown_without_their_control_characters():
    (problem,) = read_records([HEADER, "\x1b[2J\x07,"], "a.csv").problems
    assert problem == f"a.csv:2: '\\x1b[2J\\x07,' is no request; expected {HEADER}"


@pytest.mark.parametrize("text", ["", "Namespace(num_prompts=3)\n", TABLE.format(answered=3, failed=0)])
def test_a_log_without_a_block_has_no_records(text):
    assert records_of_log(text, "a.log") is None


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (TABLE.format(answered=97, failed=23), "the client's table tells 97 answered and 23 failed"),
        (
            f"{TABLE.format(answered=3, failed=0)}no records of requests: /tmp/r.json: ValueError: it has no list\n",
            "no requests: the Job says 'no records of requests: /tmp/r.json: ValueError: it has no list'",
        ),
        ("KeyboardInterrupt\n", "no requests: it was ended by a signal (SIGINT)"),
        ("", "no requests: it printed no result"),
    ],
)
def test_the_command_says_why_there_are_none(text, said, tmp_path, capsys):
    (tmp_path / "a.log").write_text(text)
    assert main("requests", [str(tmp_path / "a.log"), str(tmp_path / "a.csv")]) == 1
    assert said in capsys.readouterr().out
    assert not (tmp_path / "a.csv").exists()


@pytest.mark.parametrize("arguments", [[], ["missing.log", "out.csv"]])
def test_a_mistake_of_the_caller_is_2(arguments, tmp_path):
    command = [sys.executable, "-m", "wva_parse", "requests", *arguments]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 2 and done.stdout == "" and "Traceback" not in done.stderr


def test_an_output_that_cannot_be_written_is_a_sentence(tmp_path):
    (tmp_path / "a.log").write_text(job_log(LINES))
    (tmp_path / "file").write_text("")
    command = [sys.executable, "-m", "wva_parse", "requests", tmp_path / "a.log", tmp_path / "file" / "a.csv"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 1 and len(done.stderr.splitlines()) == 1


@given(st.text())
def test_any_text_is_read(text):
    records_of_log(text, "a.log")
    records_of_csv(text, "a.csv")


@given(st.integers(0, 400), st.binary(max_size=5))
def test_any_damage_is_survived_and_nothing_is_invented(at, damage):
    whole = job_log(LINES).encode()
    at = at % len(whole)
    found = records_of_log((whole[:at] + damage + whole[at + len(damage) :]).decode(errors="replace"), "a.log")
    assert found is None or found.sent <= 4


_LATENCY = st.floats(0.001, 1e6)


@given(st.lists(st.tuples(st.floats(0, 1e5), _LATENCY, st.integers(1, 999), st.booleans()), max_size=20))
def test_counts_are_those_of_the_lines(rows):
    lines = [line(f"{s:.3f}", t, 1.0, out) if ok else failed_line(f"{s:.3f}") for s, t, out, ok in rows]
    found = records_of_log(job_log(lines), "a.log")
    assert found is not None and found.problems == ()
    assert found.sent == len(rows) and found.answered == sum(ok for *_, ok in rows)
    assert {len(column) for column in found.columns.values()} == {len(rows)}
    block = find_block(job_log(lines), "a.log")
    assert block and block.counted == len(rows) and tuple(COLUMNS) == tuple(found.columns)
