"""`readme RUN`: the run on one page, which the runner has written in the last second of a run.

A command apart from those of `cli`: it must not pay for what they import.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from wva_parse.log.json_files import read_record
from wva_parse.report import run_readme


def write(directory: Path, page: str) -> Path:
    """Write README.md of a run's directory, in one step; the answer is its path."""
    target, part = directory / "README.md", directory / ".README.md.part"
    part.write_text(page, encoding="utf-8")
    part.replace(target)
    return target


def main(command: str, argv: list[str]) -> int:
    """Write README.md of a run and print its path."""
    parser = argparse.ArgumentParser(prog=f"wva-parse {command}")
    parser.add_argument("run", metavar="RUN", type=Path, help="the directory of a run")
    directory = parser.parse_args(argv).run
    run, collection = read_record(directory / "run.json"), read_record(directory / "collection.json")
    if not run:
        seen = "no run.json in it, or not a whole one" if directory.is_dir() else "no such directory"
        print(f"wva_parse {command}: {directory}: {seen}; expected the directory of a run", file=sys.stderr)
        return 2
    print(write(directory, run_readme.document(directory.resolve().name, run, collection)))
    return 0
