"""The command line: answers on standard output, talk on standard error, 2 for what the caller got wrong."""

from __future__ import annotations

import errno
import json
import os
import subprocess
import sys
import time

import pytest
from logs import decision, model_loop_run, observed, solution, write_run

from wva_parse import cli
from wva_parse.__main__ import COMMANDS, main


@pytest.fixture
def directory(tmp_path):
    runs = [model_loop_run(60 * n, observed(8, 20), solution(9, 40), decision(1, 1)) for n in range(3)]
    return write_run(tmp_path / "r", *runs, config={"mode": "model-based"}, record={"status": "complete"})


def test_csv_says_where_the_file_is(directory, capsys):
    assert main(["csv", str(directory)]) == 0
    out, err = capsys.readouterr()
    assert out.strip() == str(directory / "metrics.csv")
    assert "24 lines: 24 known" in err
    assert (directory / "metrics.csv").is_file()


def test_summary_as_text_and_as_json(directory, capsys):
    assert main(["summary", str(directory)]) == 0
    assert "pairs, all:" in capsys.readouterr().out
    assert main(["summary", str(directory), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["pairs"]["all"] == 2


def test_compare_makes_a_column_per_run_and_leaves_out_bad_ones(directory, tmp_path, capsys):
    other = write_run(tmp_path / "other", model_loop_run(0, observed(8, 20), solution(9, 40)), config={})
    assert main(["compare", str(directory), str(other)]) == 0
    rows = capsys.readouterr().out.strip().splitlines()
    assert "|  | r | other |" in rows
    assert "| pairs, all | 2 | 0 |" in rows
    assert main(["compare", str(directory), str(tmp_path / "missing")]) == 2
    out, err = capsys.readouterr()
    assert out.startswith("## Each run\n\n|  | r |")
    assert "no such directory" in err


def test_watch_of_a_runner_that_was_killed_ends_with_it(directory, capsys):
    (directory / "run.json").write_text('{"status": "running"}', encoding="utf-8")
    with subprocess.Popen([sys.executable, "-c", ""]) as parent:
        parent.wait()
    assert main(["watch", str(directory), "--parent", str(parent.pid)]) == 0


def test_watch_of_a_run_that_has_fallen_silent_ends_and_says_so(directory, capsys):
    """Its runner was killed, and with it the collector: nobody will write that it is over."""
    record = directory / "run.json"
    record.write_text('{"status": "running", "config": {"metrics": {"interval": 10}}}', encoding="utf-8")
    an_hour_ago = time.time() - 3600
    os.utime(record, (an_hour_ago, an_hour_ago))
    assert main(["watch", str(directory)]) == 1
    assert "its runner was killed" in capsys.readouterr().err


def test_watch_gives_a_line_per_reconciliation_and_ends_with_the_run(directory, capsys):
    assert main(["watch", str(directory)]) == 0
    assert len(capsys.readouterr().out.splitlines()) == 3


def test_a_directory_without_record_is_not_watched_for_ever(tmp_path, capsys):
    assert main(["watch", str(tmp_path)]) == 2
    assert "no run.json" in capsys.readouterr().err


@pytest.mark.parametrize("command", ["csv", "summary", "watch"])
def test_a_missing_run_is_one_line_and_status_2(command, tmp_path, capsys):
    assert main([command, str(tmp_path / "missing")]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert len(err.strip().splitlines()) == 1
    assert "no such directory" in err


def test_a_file_that_may_not_be_used_is_one_line(tmp_path, monkeypatch, capsys):
    def refuse(command, argv):  # as the system does to anyone but root
        raise PermissionError(errno.EACCES, "Permission denied", str(tmp_path))

    monkeypatch.setattr(cli, "main", refuse)
    assert main(["watch", str(tmp_path)]) == 1
    assert capsys.readouterr().err == f"wva_parse watch: {tmp_path}: Permission denied\n"


def test_unknown_command_and_none_list_the_commands(capsys):
    for argv in ([], ["nonsense"]):
        assert main(argv) == 2
        err = capsys.readouterr().err
        assert all(name in err for name in COMMANDS)


def test_compare_writes_a_page_with_the_runs_on_one_axis(directory, tmp_path, capsys):
    other = write_run(tmp_path / "other", model_loop_run(0, observed(8, 20), solution(9, 40)), config={})
    target = tmp_path / "page.html"
    assert main(["compare", str(directory), str(other), "--html", str(target)]) == 0
    shown = capsys.readouterr()
    assert shown.err.strip() == str(target)
    content = target.read_text()
    assert content.count("data:image/png;base64,") == 1
    assert 'src="http' not in content and "<td>pairs, all</td><td>2</td><td>0</td>" in content
    assert main(["compare", str(directory), "--html", str(tmp_path / "no" / "page.html")]) == 2
    assert "cannot be written" in capsys.readouterr().err
