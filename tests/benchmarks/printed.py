"""The command line of a benchmark that is a table: how often each is measured, and its lines as they come."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType

NO_FLAGS: Mapping[str, str] = MappingProxyType({})


def print_table(what: str, table: Callable[..., Iterable[str]], flags: Mapping[str, str] = NO_FLAGS) -> None:
    """Print the lines of `table(rounds)`; `what` is the benchmark's own documentation.

    Of each of the `flags`, a name with its help, the table is told by that name whether it was given.
    """
    parser = argparse.ArgumentParser(description=what.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=3)
    for name, meaning in flags.items():
        parser.add_argument(f"--{name}", action="store_true", help=meaning)
    for line in table(**vars(parser.parse_args())):
        print(line, flush=True)
