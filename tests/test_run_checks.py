"""The sum of all checks: right whatever the single ones do."""

from __future__ import annotations

import importlib.util
import stat
from pathlib import Path

import pytest

SOURCE = Path(__file__).resolve().parent.parent / "hack" / "run_checks.py"


@pytest.fixture
def checks(tmp_path, monkeypatch):
    """The script as a module, with tools of this test's own."""
    spec = importlib.util.spec_from_file_location("run_checks", SOURCE)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    monkeypatch.setattr(module, "TOOLS", tmp_path)
    return module


@pytest.fixture
def tool(checks, tmp_path):
    """Make a tool that runs shell commands; with a report it is counted by it, else by its exit status."""

    def make(name, commands, report=False):
        path = tmp_path / name
        path.write_text(f"#!/bin/sh\n{commands}\n", encoding="utf-8")
        path.chmod(path.stat().st_mode | stat.S_IXUSR)
        return checks.Tool(name, lambda: [checks.OUT] if report else [])

    return make


def report(*cases):
    return f'cat >"$1/report.xml" <<END\n<testsuites><testsuite>{"".join(cases)}</testsuite></testsuites>\nEND\n'


PASSED = '<testcase classname="a" name="passes"/>'
FAILED = '<testcase classname="a" name="fails"><failure message="no"/></testcase>'
ERROR = '<testcase classname="a" name="breaks"><error message="no"/></testcase>'
SKIPPED = '<testcase classname="a" name="waits"><skipped message="no cluster"/></testcase>'


def test_a_linter_counts_as_one(checks, tool):
    assert checks.run(tool("good", "exit 0")) == (1, 0, ())
    assert checks.run(tool("bad", "exit 3")) == (0, 1, ())


def test_a_missing_tool_has_failed(checks, capfd):
    assert checks.run(checks.Tool("nowhere", list)) == (0, 1, ())
    assert "make setup-test" in capfd.readouterr().out


@pytest.mark.parametrize(
    ("commands", "counted"),
    [
        (report(PASSED, PASSED), (2, 0, ())),
        (report(PASSED, FAILED, ERROR) + "exit 1", (1, 2, ())),
        (report(PASSED, SKIPPED), (1, 0, ("a waits: no cluster",))),
        (report(PASSED) + "exit 1", (1, 1, ())),  # all tests pass and the runner does not
        (report() + "exit 5", (0, 1, ())),
        (report(), (0, 1, ())),  # no test is no success
        ("exit 139", (0, 1, ())),
        ("exit 0", (0, 1, ())),
    ],
)
def test_a_test_runner_counts_by_its_report(checks, tool, commands, counted):
    assert checks.run(tool("runner", commands, report=True)) == counted


def test_all_run_and_the_closing_line_is_their_sum(checks, tool, monkeypatch, capfd):
    table = {
        "lint": (tool("bad", "exit 1"), tool("good", "exit 0")),
        "tests": (tool("runner", report(PASSED, SKIPPED, FAILED) + "exit 1", report=True),),
    }
    monkeypatch.setattr(checks, "CHECKS", table)
    assert checks.main([]) == 1
    lines = capfd.readouterr().out.splitlines()
    assert lines[-1] == "2 passed, 2 failed"
    assert "  skipped: a waits: no cluster" in lines


def test_one_can_run_alone(checks, tool, monkeypatch, capfd):
    monkeypatch.setattr(checks, "CHECKS", {"one": (tool("good", "exit 0"),), "other": (tool("bad", "exit 1"),)})
    assert checks.main(["one"]) == 0
    assert capfd.readouterr().out.splitlines()[-1] == "1 passed, 0 failed"
    assert checks.main(["none"]) == 2
    assert "unknown check 'none'; known are one, other" in capfd.readouterr().err


def test_every_script_is_checked(checks):
    assert {
        "run-experiment.sh",
        "monitor-wva.sh",
        "hack/setup.sh",
        ".ci/run",
        "tests/setup.bats",
        "tests/faults/log-cut.bats",
    } <= set(checks.shell_files())
