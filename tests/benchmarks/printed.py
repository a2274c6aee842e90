"""The command line of a benchmark that is a table: how often each is measured, and its lines as they come."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterable


def print_table(what: str, table: Callable[[int], Iterable[str]]) -> None:
    """Print the lines of `table(rounds)`; `what` is the benchmark's own documentation."""
    parser = argparse.ArgumentParser(description=what.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=3)
    for line in table(parser.parse_args().rounds):
        print(line, flush=True)
