"""The sum of all checks: right whatever the single ones do."""

from __future__ import annotations

import importlib.util
import os
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parent.parent
SOURCE = PROJECT / "hack" / "run_checks.py"
PATIENCE_S = 60


@pytest.fixture
def checks(tmp_path, monkeypatch):
    """The script as a module, with tools of this test's own."""
    spec = importlib.util.spec_from_file_location("run_checks", SOURCE)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    monkeypatch.setattr(module, "TOOLS", tmp_path)
    monkeypatch.setattr(module, "GRACE_S", 0.5)
    return module


@pytest.fixture
def tool(checks, tmp_path):
    """Make a tool that runs shell commands; with a report it is counted by it, else by its exit status."""

    def make(name, commands, report=False, slots=1):
        path = tmp_path / name
        path.write_text(f"#!/bin/sh\n{commands}\n", encoding="utf-8")
        path.chmod(path.stat().st_mode | stat.S_IXUSR)
        return checks.Job(name, (checks.OUT,) if report else (), name, slots)

    return make


@pytest.fixture
def outcome(checks):
    """What a job alone comes to: passed, failed, skipped."""
    return lambda job: checks.run_all([job])[0][1][:3]


def report(*cases):
    return f'cat >"$1/report.xml" <<END\n<testsuites><testsuite>{"".join(cases)}</testsuite></testsuites>\nEND\n'


PASSED = '<testcase classname="a" name="passes"/>'
FAILED = '<testcase classname="a" name="fails"><failure message="no"/></testcase>'
ERROR = '<testcase classname="a" name="breaks"><error message="no"/></testcase>'
SKIPPED = '<testcase classname="a" name="waits"><skipped message="no cluster"/></testcase>'


def test_a_linter_counts_as_one(outcome, tool):
    assert outcome(tool("good", "exit 0")) == (1, 0, ())
    assert outcome(tool("bad", "exit 3")) == (0, 1, ())


def test_a_missing_tool_has_failed(checks, outcome, capfd):
    assert outcome(checks.Job("nowhere", (), "nowhere")) == (0, 1, ())
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
        ('echo "<testsuites><testca" >"$1/report.xml"\nkill -9 $$', (0, 1, ())),  # it died while it wrote
    ],
)
def test_a_test_runner_counts_by_its_report(outcome, tool, commands, counted):
    assert outcome(tool("runner", commands, report=True)) == counted


def test_all_run_and_the_closing_line_is_their_sum(checks, tool, monkeypatch, capfd):
    linters = [tool("bad", "exit 1"), tool("good", "exit 0")]
    runner = tool("runner", report(PASSED, SKIPPED, FAILED) + "echo what it said\nexit 1", report=True)
    table = {"lint": lambda which: linters, "tests": lambda which: [runner]}
    monkeypatch.setattr(checks, "CHECKS", table)
    assert checks.main(["lint", "tests"]) == 1
    lines = capfd.readouterr().out.splitlines()
    assert lines[-1] == "2 passed, 2 failed"
    assert {"  skipped: a waits: no cluster", "  failed: a fails", "  failed: bad", "what it said"} <= set(lines)


def test_several_calls_have_one_closing_line(checks, tool, monkeypatch, capfd, tmp_path):
    table = {"one": lambda which: [tool("good", "exit 0")], "other": lambda which: [tool("bad", "exit 1")]}
    monkeypatch.setattr(checks, "CHECKS", table)
    counts = tmp_path / "counts"
    assert [checks.main(["--counts", str(counts), name]) for name in table] == [0, 1]
    assert counts.read_text(encoding="utf-8") == "1 passed, 0 failed\n0 passed, 1 failed\n"
    assert " passed, " not in capfd.readouterr().out


def test_one_can_run_alone(checks, tool, monkeypatch, capfd):
    table = {"one": lambda which: [tool("good", "exit 0")], "other": lambda which: [tool("bad", "exit 1")]}
    monkeypatch.setattr(checks, "CHECKS", table)
    assert checks.main(["one"]) == 0
    assert capfd.readouterr().out.splitlines()[-1] == "1 passed, 0 failed"
    with pytest.raises(SystemExit) as ended:
        checks.main(["none"])
    assert ended.value.code == 2
    assert "unknown check 'none'; known are one, other" in capfd.readouterr().err


def test_jobs_run_side_by_side_and_no_more_than_there_are_slots(checks, tool, monkeypatch, tmp_path):
    """Each waits for the other to have begun; the third, which needs all slots, sees both ended."""
    monkeypatch.setattr(checks, "SLOTS", 2)
    meet = "touch {0}/{1}.began; while ! test -e {0}/{2}.began; do sleep 0.05; done; touch {0}/{1}.ended"
    jobs = [tool(name, meet.format(tmp_path, name, other)) for name, other in (("a", "b"), ("b", "a"))]
    alone = tool("alone", f"test -e {tmp_path}/a.ended && test -e {tmp_path}/b.ended", slots=2)
    assert [count.failed for _, count in checks.run_all([*jobs, alone])] == [0, 0, 0]


def test_a_process_that_outlives_its_job_is_killed_and_named(checks, tool, tmp_path):
    job = tool("leaky", f"(trap '' TERM HUP; echo $$ >{tmp_path}/shell; exec sleep 600) &")
    ((_, count),) = checks.run_all([job])
    assert (count.passed, count.failed) == (1, 1)
    assert count.failures == ("leaky left behind: sleep 600",)


def test_a_job_that_never_ends_has_failed(checks, outcome, tool, monkeypatch):
    monkeypatch.setattr(checks, "LIMIT_S", 0.5)
    assert outcome(tool("hangs", "trap '' TERM; while :; do sleep 0.1; done")) == (0, 1, ())


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_check_leaves_no_process(tmp_path, number):
    """The script as it is, with a tool that notes its number and its child's, and ends of nothing but KILL."""
    (tmp_path / "hack").mkdir()
    (tmp_path / ".venv" / "bin").mkdir(parents=True)
    script = tmp_path / "hack" / "run_checks.py"
    script.write_text(SOURCE.read_text(encoding="utf-8").replace("GRACE_S = 10", "GRACE_S = 0.5"), encoding="utf-8")
    mypy = tmp_path / ".venv" / "bin" / "mypy"
    mypy.write_text("#!/bin/sh\ntrap '' TERM\nsleep 600 &\necho $$ $! >numbers\nwhile :; do sleep 0.1; done\n")
    mypy.chmod(0o755)
    process = subprocess.Popen([sys.executable, script, "types"], stdout=subprocess.PIPE, start_new_session=True)
    numbers = tmp_path / "numbers"
    wait_until(lambda: numbers.exists() and len(numbers.read_text().split()) == 2)
    os.kill(process.pid, number)
    process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 130
    wait_until(lambda: not any(Path("/proc", each).exists() for each in numbers.read_text().split()))


def wait_until(condition):
    end = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.05)


def test_every_script_is_checked(checks):
    assert {
        "run-experiment.sh",
        "monitor-wva.sh",
        "hack/setup.sh",
        ".ci/run",
        "tests/scripts/setup.bats",
        "tests/scripts/faults/log-cut.bats",
        "tests/scripts/helpers/stubs/kubectl",
    } <= set(checks.shell_files())


def test_every_test_of_the_scripts_is_usual_or_slow(checks):
    """Each file is in one of them, one with both kinds of tests in both."""
    usual, slow = ({job.name for job in checks.bats(which)} for which in ("usual", "slow"))
    files = {str(path.relative_to(PROJECT)) for path in PROJECT.glob("tests/**/*.bats")}
    assert usual | slow == files
    assert "tests/scripts/setup.bats" in usual - slow
    assert "tests/scripts/soak.bats" in slow - usual


def test_quick_is_without_scripts(checks, monkeypatch):
    ran = []
    monkeypatch.setattr(checks, "run_all", lambda jobs: ran.extend(jobs) or [])
    checks.main(["--quick"])
    assert {job.tool for job in ran} == {"shellcheck", "shfmt", "ruff", "mypy", "pytest"}
    assert [job.arguments[:2] for job in ran if job.tool == "pytest"] == [("-m", "not slow and not whole")]


@pytest.mark.parametrize(
    ("commands", "status", "closing"),
    [
        ('echo "5 passed, 0 failed" >>"$counts"', 0, "10 passed, 0 failed"),
        ('echo "5 passed, 1 failed" >>"$counts"; exit 2', 1, "10 passed, 2 failed"),
        ("exit 2", 1, "0 passed, 1 failed"),  # it did not get as far as to count
        ('test "$2" = test && echo "5 passed, 0 failed" >>"$counts"', 1, "5 passed, 1 failed"),
    ],
)
def test_the_continuous_integration_has_one_closing_line(tmp_path, commands, status, closing):
    make = tmp_path / "make"
    make.write_text(f'#!/bin/sh\ncounts="${{3#COUNTS=}}"\n{commands}\n', encoding="utf-8")
    make.chmod(0o755)
    environment = {**os.environ, "PATH": f"{tmp_path}{os.pathsep}{os.environ['PATH']}"}
    answer = subprocess.run([PROJECT / ".ci" / "run"], env=environment, capture_output=True, text=True, check=False)
    assert (answer.returncode, answer.stdout.splitlines()) == (status, [closing])
