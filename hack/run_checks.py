#!/usr/bin/env python3
"""Run the project's checks, all of them even if one fails, and count.

Usage: hack/run_checks.py [CHECK...]     (default: all)

  lint-shell    shellcheck and shfmt on the scripts and their tests
  lint-python   ruff check and ruff format on modules, tests and notebooks
  types         mypy --strict on wva_parse
  pytest        the tests of the Python parts
  bats          the tests of the scripts

The closing line is `N passed, N failed`: tests, and each linter as one. Skipped tests are listed before it.
Exit status: 0 if nothing failed, 1 if something did, 2 usage, 130 interrupted.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple
from xml.etree import ElementTree

PROJECT = Path(__file__).resolve().parent.parent
TOOLS = PROJECT / ".venv" / "bin"
SHELL_FILES = (
    "*.sh",
    "hack/*.sh",
    ".ci/run",
    "tests/**/*.bats",
    "tests/**/*.bash",
    "tests/**/*.sh",
    "tests/helpers/stubs/*",
)
OUT = "{out}"  # stands for a directory of its own, where a test runner leaves its JUnit report


class Count(NamedTuple):
    """Outcome of a check; `skipped` has one line per skipped test."""

    passed: int = 0
    failed: int = 0
    skipped: tuple[str, ...] = ()


class Tool(NamedTuple):
    """A program and its arguments; one whose arguments name `OUT` is counted by the report it leaves there."""

    name: str
    arguments: Callable[[], list[str]]


def shell_files() -> list[str]:
    found = sorted({path for pattern in SHELL_FILES for path in PROJECT.glob(pattern)})
    return [str(path.relative_to(PROJECT)) for path in found]


CHECKS = {
    "lint-shell": (
        Tool("shellcheck", lambda: ["--external-sources", *shell_files()]),
        Tool("shfmt", lambda: ["-d", "-i", "2", "-ci", *shell_files()]),
    ),
    "lint-python": (
        Tool("ruff", lambda: ["check", "."]),
        Tool("ruff", lambda: ["format", "--check", "."]),
    ),
    "types": (Tool("mypy", lambda: ["--strict", "wva_parse"]),),
    "pytest": (Tool("pytest", lambda: ["--ignore=tests/benchmarks", f"--junitxml={OUT}/report.xml", "tests"]),),
    "bats": (Tool("bats", lambda: ["--report-formatter", "junit", "--output", OUT, "--recursive", "tests"]),),
}


def run(tool: Tool) -> Count:
    """Run one tool with its output shown; a missing tool, and one that ran no test, has failed."""
    arguments = tool.arguments()
    print(f"\n== {tool.name} {' '.join(arguments[:3])}", flush=True)
    if not (TOOLS / tool.name).exists():
        print(f"{tool.name} is not in .venv; run: make setup-test")
        return Count(failed=1)
    # Tests look for kubectl, yq and jq where the scripts do.
    environment = {**os.environ, "PATH": f"{os.environ['PATH']}{os.pathsep}{TOOLS}"}
    with tempfile.TemporaryDirectory() as out:
        command = [str(TOOLS / tool.name), *(argument.replace(OUT, out) for argument in arguments)]
        status = subprocess.run(command, cwd=PROJECT, env=environment, check=False).returncode
        if any(OUT in argument for argument in arguments):
            return count_tests(Path(out) / "report.xml", status)
    return Count(failed=1) if status else Count(passed=1)


def count_tests(report: Path, status: int) -> Count:
    """Count a JUnit report; whatever it says, a test runner that failed has failed once at least."""
    cases = list(read_cases(report)) if report.is_file() else []
    skipped = tuple(f"{name}: {reason}" for name, outcome, reason in cases if outcome == "skipped")
    failed = sum(outcome == "failed" for _, outcome, _ in cases)
    passed = sum(outcome == "passed" for _, outcome, _ in cases)
    return Count(passed, failed or int(status != 0 or not cases), skipped)


def read_cases(report: Path) -> Iterator[tuple[str, str, str]]:
    """Name, outcome and reason of each test."""
    for case in ElementTree.parse(report).iter("testcase"):
        name = f"{case.get('classname', '')} {case.get('name', '')}".strip()
        skip = case.find("skipped")
        if case.find("failure") is not None or case.find("error") is not None:
            yield name, "failed", ""
        elif skip is not None:
            yield name, "skipped", skip.get("message") or (skip.text or "").strip() or "no reason given"
        else:
            yield name, "passed", ""


def main(names: list[str]) -> int:
    if names and names[0] in ("-h", "--help"):
        print(__doc__)
        return 0
    unknown = [name for name in names if name not in CHECKS]
    if unknown:
        print(f"run_checks.py: unknown check '{unknown[0]}'; known are {', '.join(CHECKS)}", file=sys.stderr)
        return 2
    outcomes = [(name, tool, run(tool)) for name in names or CHECKS for tool in CHECKS[name]]
    print()
    for name, tool, outcome in outcomes:
        # In other words than the closing line, so that who looks for that one finds no other.
        counts = f"passed {outcome.passed}, failed {outcome.failed}, skipped {len(outcome.skipped)}"
        print(f"{name:12} {tool.name:11} {counts}")
        for line in outcome.skipped:
            print(f"  skipped: {line}")
    failed = sum(outcome.failed for _, _, outcome in outcomes)
    print(f"{sum(outcome.passed for _, _, outcome in outcomes)} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except KeyboardInterrupt:
        sys.exit(130)
