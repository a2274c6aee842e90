#!/usr/bin/env python3
"""Run the project's checks side by side, all of them even if one fails, and count.

Usage: hack/run_checks.py [--quick | --slow] [--counts FILE] [CHECK...]     (default: all)

  lint-shell    shellcheck and shfmt on the scripts and their tests
  lint-python   ruff check and ruff format on modules, tests and notebooks
  types         mypy --strict on wva_parse
  pytest        the tests of the Python parts
  bats          the tests of the scripts, several files at a time

      --quick         linters, types and the unit tests: no test that starts programs, notebooks or clusters
      --slow          only the tests that are left out otherwise, and property tests with many more examples
      --counts FILE   add the closing line to FILE instead of printing it; who sums up prints one

What a check prints is shown when it has failed, or at once if it runs alone. No process outlives its check: one that
does is killed, and the check has failed.
The closing line is `N passed, N failed`: tests, and each linter as one. Skipped tests are listed before it.
Exit status: 0 if nothing failed, 1 if something did, 2 usage, 130 interrupted.
"""

from __future__ import annotations

import argparse
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple
from xml.etree import ElementTree

PROJECT = Path(__file__).resolve().parent.parent
TOOLS = PROJECT / ".venv" / "bin"
SHELL_FILES = (
    "*.sh",
    "lib/*.bash",
    "hack/*.sh",
    ".ci/run",
    "tests/**/*.bats",
    "tests/**/*.bash",
    "tests/**/*.sh",
    "tests/scripts/helpers/stubs/*",
)
OUT = "{out}"  # stands for a directory of its own, where a test runner leaves its JUnit report
MARK = "WVA_CHECKS_JOB"  # in the environment of all processes of a job
CORES = os.cpu_count() or 1
SLOTS = CORES + 2  # tests of scripts wait now and then for the simulated clock and for each other
LIMIT_S = 3000  # of one job, whatever it does; single tests have limits of their own
GRACE_S = 10  # for what a job has started to end after it


class Job(NamedTuple):
    """A program and its arguments; one whose arguments name `OUT` is counted by the report it leaves there."""

    tool: str
    arguments: tuple[str, ...]
    name: str  # as it is shown
    slots: int = 1  # of those that there are


class Count(NamedTuple):
    """Outcome of a job; `skipped` and `failures` have one line per test."""

    passed: int = 0
    failed: int = 0
    skipped: tuple[str, ...] = ()
    failures: tuple[str, ...] = ()


class Running(NamedTuple):
    """A job that has begun, and where its output and its report go."""

    job: Job
    process: subprocess.Popen[bytes]
    directory: tempfile.TemporaryDirectory[str]
    mark: str
    began: float


# --- what there is to run ---------------------------------------------------------------------------


def shell_files() -> list[str]:
    found = sorted({path for pattern in SHELL_FILES for path in PROJECT.glob(pattern)})
    return [str(path.relative_to(PROJECT)) for path in found]


def lint_shell() -> list[Job]:
    return [
        Job("shellcheck", ("--external-sources", *shell_files()), "shellcheck"),
        Job("shfmt", ("-d", "-i", "2", "-ci", *shell_files()), "shfmt"),
    ]


def lint_python() -> list[Job]:
    return [Job("ruff", ("check", "."), "ruff check"), Job("ruff", ("format", "--check", "."), "ruff format")]


def types() -> list[Job]:
    return [Job("mypy", ("--strict", "wva_parse"), "mypy")]


def pytest(which: str) -> list[Job]:
    choice = {
        "usual": ("-m", "not slow"),
        "quick": ("-m", "not slow and not whole"),
        "slow": ("-m", "slow or hypothesis", "--hypothesis-profile=many", "--timeout=1800"),
    }[which]
    workers = ("--numprocesses", str(CORES), "--dist", "loadfile")  # what a file's tests share is made once
    report = f"--junitxml={OUT}/report.xml"
    arguments = (*choice, *workers, "--ignore=tests/benchmarks", report, "tests")
    return [Job("pytest", arguments, "pytest", slots=CORES)]


def bats(which: str) -> list[Job]:
    """A job for each file that has such tests; the longest begin first."""
    files = {path: path.read_text(encoding="utf-8") for path in sorted(PROJECT.glob("tests/scripts/**/*.bats"))}
    wanted = sorted(
        (path for path, text in files.items() if has_tests(text, which)),
        key=lambda path: -files[path].count("\n@test "),
    )
    report = ("--report-formatter", "junit", "--output", OUT, "--print-output-on-failure")
    choice = ("--filter-tags", "slow" if which == "slow" else "!slow")
    names = [str(path.relative_to(PROJECT)) for path in wanted]
    return [Job("bats", (*report, *choice, name), name) for name in names]


def has_tests(text: str, which: str) -> bool:
    """Whether a file of bats has slow tests, or else others."""
    if re.search(r"^# bats file_tags=.*\bslow\b", text, re.MULTILINE):
        return which == "slow"
    slow = len(re.findall(r"^# bats test_tags=.*\bslow\b", text, re.MULTILINE))
    return slow > 0 if which == "slow" else slow < len(re.findall(r"^@test ", text, re.MULTILINE))


CHECKS: dict[str, Callable[[str], list[Job]]] = {
    "lint-shell": lambda which: lint_shell(),
    "lint-python": lambda which: lint_python(),
    "types": lambda which: types(),
    "pytest": pytest,
    "bats": bats,
}
CHOSEN = {
    "usual": tuple(CHECKS),
    "quick": ("lint-shell", "lint-python", "types", "pytest"),
    "slow": ("pytest", "bats"),
}


# --- running it -------------------------------------------------------------------------------------


def run_all(jobs: list[Job]) -> list[tuple[Job, Count]]:
    """Run the jobs in their order, as many at a time as there are slots; say how each has ended."""
    waiting, running, ended = list(jobs), list[Running](), list[tuple[Job, Count]]()
    try:
        while waiting or running:
            used = sum(each.job.slots for each in running)
            if waiting and (not running or used + waiting[0].slots <= SLOTS):
                job = waiting.pop(0)
                if (TOOLS / job.tool).exists():
                    running.append(start(job, alone=len(jobs) == 1))
                else:
                    print(f"{job.tool} is not in .venv; run: make setup-test")
                    ended.append((job, Count(failed=1, failures=(f"{job.tool} is missing",))))
                continue
            time.sleep(0.05)
            for each in [each for each in running if has_ended(each)]:
                running.remove(each)
                ended.append((each.job, finish(each)))
    finally:
        for each in running:
            signal_group(each, signal.SIGTERM)
        for each in running:
            kill_left(each)
            each.directory.cleanup()
    return ended


def start(job: Job, alone: bool) -> Running:
    """Start a job in a session of its own: what it does to its group, and Ctrl-C, is not heard by others."""
    directory = tempfile.TemporaryDirectory(prefix="wva-checks-")
    mark = uuid.uuid4().hex
    # Tests look for kubectl, yq and jq where the scripts do.
    environment = {**os.environ, MARK: mark, "PATH": f"{os.environ['PATH']}{os.pathsep}{TOOLS}"}
    command = [str(TOOLS / job.tool), *(argument.replace(OUT, directory.name) for argument in job.arguments)]
    with Path(directory.name, "output").open("wb") as output:
        process = subprocess.Popen(
            command,
            cwd=PROJECT,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=None if alone else output,
            stderr=None if alone else subprocess.STDOUT,
            start_new_session=True,
        )
    return Running(job, process, directory, mark, time.monotonic())


def has_ended(running: Running) -> bool:
    if running.process.poll() is None and time.monotonic() - running.began > LIMIT_S:
        signal_group(running, signal.SIGTERM)
        kill_left(running)
        running.process.wait()
    return running.process.poll() is not None


def finish(running: Running) -> Count:
    """Count a job that has ended, and show what it said if it should not have ended so."""
    job, status = running.job, running.process.returncode
    left = kill_left(running)
    with running.directory as directory:
        if any(OUT in argument for argument in job.arguments):
            count = count_tests(Path(directory, "report.xml"), status)
        else:
            count = Count(failed=1, failures=(job.name,)) if status else Count(passed=1)
        if left:
            failures = tuple(f"{job.name} left behind: {process}" for process in left)
            count = count._replace(failed=count.failed + 1, failures=(*count.failures, *failures))
        if count.failed:
            print(Path(directory, "output").read_text(encoding="utf-8", errors="replace"), end="")
    seconds = time.monotonic() - running.began
    verdict = "FAILED" if count.failed else "ok"
    print(f"{verdict:6} {seconds:5.0f} s  {job.name}: passed {count.passed}, failed {count.failed}", flush=True)
    return count


def signal_group(running: Running, number: signal.Signals) -> None:
    with suppress(ProcessLookupError):  # all of it has ended
        os.killpg(running.process.pid, number)


def kill_left(running: Running) -> list[str]:
    """Kill what is left of a job after a while, such as a cluster whose test has died; the command lines."""
    end = time.monotonic() + GRACE_S
    while (left := processes_of(running.mark)) and time.monotonic() < end:
        running.process.poll()
        time.sleep(0.1)
    for process in left:
        with suppress(ProcessLookupError):  # it has ended meanwhile
            os.kill(process, signal.SIGKILL)
    return list(left.values())


def processes_of(mark: str) -> dict[int, str]:
    """Numbers and command lines of the living processes with this mark (none where there is no /proc)."""
    wanted = f"{MARK}={mark}".encode()
    found = {}
    for directory in Path("/proc").glob("[0-9]*"):
        try:
            if wanted in (directory / "environ").read_bytes().split(b"\0"):
                command = (directory / "cmdline").read_bytes().replace(b"\0", b" ")
                found[int(directory.name)] = command.decode(errors="replace").strip()
        except OSError:
            pass  # it has ended, or it is another user's
    return found


# --- counting ---------------------------------------------------------------------------------------


def count_tests(report: Path, status: int) -> Count:
    """Count a JUnit report; whatever it says, a test runner that failed has failed once at least."""
    cases = read_cases(report)
    skipped = tuple(f"{name}: {reason}" for name, outcome, reason in cases if outcome == "skipped")
    failures = tuple(name for name, outcome, _ in cases if outcome == "failed")
    passed = sum(outcome == "passed" for _, outcome, _ in cases)
    if not failures and (status != 0 or not cases):
        failures = (f"ended with {status} after {len(cases)} tests",)
    return Count(passed, len(failures), skipped, failures)


def read_cases(report: Path) -> list[tuple[str, str, str]]:
    """Name, outcome and reason of each test; none of a report that its writer did not finish."""
    try:
        return list(cases_of(ElementTree.parse(report)))
    except (OSError, ElementTree.ParseError):
        return []


def cases_of(report: ElementTree.ElementTree) -> Iterator[tuple[str, str, str]]:
    for case in report.iter("testcase"):
        name = f"{case.get('classname', '')} {case.get('name', '')}".strip()
        skip = case.find("skipped")
        if case.find("failure") is not None or case.find("error") is not None:
            yield name, "failed", ""
        elif skip is not None:
            yield name, "skipped", skip.get("message") or (skip.text or "").strip() or "no reason given"
        else:
            yield name, "passed", ""


def sum_up(check: str, counts: list[Count]) -> None:
    """Say how a check went, in other words than the closing line: who looks for that one finds no other."""
    passed, failed = sum(count.passed for count in counts), sum(count.failed for count in counts)
    print(f"{check:12} passed {passed}, failed {failed}, skipped {sum(len(count.skipped) for count in counts)}")
    for count in counts:
        for line in count.skipped:
            print(f"  skipped: {line}")
        for line in count.failures:
            print(f"  failed: {line}")


# --- command line -----------------------------------------------------------------------------------


def parse(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="run_checks.py", add_help=False)
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--quick", action="store_const", const="quick", dest="which", default="usual")
    which.add_argument("--slow", action="store_const", const="slow", dest="which", default="usual")
    parser.add_argument("--counts", type=Path)
    parser.add_argument("checks", nargs="*", metavar="CHECK")
    options = parser.parse_args(arguments)
    unknown = [name for name in options.checks if name not in CHECKS]
    if unknown:
        parser.error(f"unknown check '{unknown[0]}'; known are {', '.join(CHECKS)}")
    return options


def main(arguments: list[str]) -> int:
    if arguments[:1] in (["-h"], ["--help"]):
        print(__doc__)
        return 0
    options = parse(arguments)
    jobs = {name: CHECKS[name](options.which) for name in options.checks or CHOSEN[options.which]}
    # pytest takes longest by far; what is short comes last and fills up.
    in_order = sorted((job for each in jobs.values() for job in each), key=lambda job: (-job.slots, job.tool != "bats"))
    ended = run_all(in_order)
    print()
    for check, its_jobs in jobs.items():
        sum_up(check, [count for job, count in ended if job in its_jobs])
    failed = sum(count.failed for _, count in ended)
    closing = f"{sum(count.passed for _, count in ended)} passed, {failed} failed"
    if options.counts:
        with options.counts.open("a", encoding="utf-8") as file:
            print(closing, file=file)
    else:
        print(closing)
    return 1 if failed else 0


def interrupt(*_: object) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, interrupt)
    try:
        sys.exit(main(sys.argv[1:]))
    except KeyboardInterrupt:
        sys.exit(130)
