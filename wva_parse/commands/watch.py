"""`watch RUN`: a run in progress, as a block that is drawn again on a terminal, else a line per reconciliation."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TextIO

from wva_parse.log.json_files import read_record
from wva_parse.log.lines import LogError
from wva_parse.watch import live, terminal, text


def main(command: str, argv: list[str]) -> int:
    """Print or draw a run until it ends; 0, 1 if its runner is gone, 2 for what the caller got wrong."""
    parser = argparse.ArgumentParser(prog=f"wva-parse {command}")
    parser.add_argument("run", metavar="RUN", help="the directory of a run")
    parser.add_argument("--parent", type=int, metavar="PID", help="end when that process has ended")
    arguments = parser.parse_args(argv)
    directory = Path(arguments.run)
    if not (directory / "run.json").is_file():  # one could wait for ever
        seen = "no run.json in it" if directory.is_dir() else "no such directory"
        print(f"wva_parse {command}: {directory}: {seen}; expected the directory of a run in progress", file=sys.stderr)
        return 2
    try:
        return _watch(directory, arguments.parent)
    except LogError as error:
        print(f"wva_parse {command}: {error}", file=sys.stderr)
        return 2


def _watch(directory: Path, parent: int | None) -> int:
    def silent_s() -> float:
        record = read_record(directory / "run.json")
        return live.silent_s(directory, record) if record.get("status") == "running" else 0.0

    def is_wanted() -> bool:
        return _is_running(parent) and not silent_s()

    if sys.stdout.isatty() and os.environ.get("TERM", "dumb") != "dumb":
        _watch_on_terminal(directory, is_wanted)
    else:
        lines = text.Lines()
        live.follow(directory, lambda views, _load: _say(lines.of(views)), is_wanted=is_wanted)
        _say(lines.rest())
    if passed_s := silent_s():
        print(
            f"wva_parse watch: {directory}: nothing has been written for {passed_s:.0f} s, though run.json says that"
            " the run goes on: as it seems, its runner was killed. Then its Jobs may still send (run-experiment.sh"
            " --clean --yes CONFIG removes them before the next run); what was collected can be analysed",
            file=sys.stderr,
        )
        return 1
    return 0


def _is_running(pid: int | None) -> bool:
    """Whether a process is there; one that nobody has named is."""
    if pid is None:
        return True
    try:
        os.kill(pid, 0)
    except OSError as error:
        return isinstance(error, PermissionError)  # it is there, and not ours
    return True


def _say(lines: Iterable[str]) -> None:
    for line in lines:
        print(line, flush=True)


def _watch_on_terminal(directory: Path, is_wanted: Callable[[], bool]) -> None:
    history, now = dict[int, live.View](), live.Load()

    def show(views: Sequence[live.View], load: live.Load) -> None:
        nonlocal now
        history.update((view.number, view) for view in views)
        now = load
        put(terminal.draw)

    def put(how: Callable[[Sequence[str], TextIO, os.terminal_size], None]) -> None:
        size = os.get_terminal_size(sys.stdout.fileno())
        how(text.block(list(history.values()), now, terminal.width(size)), sys.stdout, size)

    try:
        live.follow(directory, show, is_wanted=is_wanted)
    finally:
        put(terminal.leave)
