"""The commands that need no more than a run's numbers: `csv`, `summary`, `watch`, `compare`."""

from __future__ import annotations

import argparse
import csv
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from io import BytesIO
from pathlib import Path
from typing import Any, TextIO

import orjson

from wva_parse import run
from wva_parse.aligned.experiment import Experiment
from wva_parse.log.json_files import read_record
from wva_parse.log.lines import LogError
from wva_parse.measures import summary
from wva_parse.report import compare, provenance
from wva_parse.watch import live, terminal, text


def main(command: str, argv: list[str]) -> int:
    """Run one command; 0, or 2 for what the caller got wrong."""
    parser = argparse.ArgumentParser(prog=f"python -m wva_parse {command}")
    configure, act = _COMMANDS[command]
    configure(parser)
    try:
        return act(parser.parse_args(argv))
    except (run.RunError, LogError) as error:
        print(f"wva_parse {command}: {error}", file=sys.stderr)
        return 2


def _one_run(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("run", metavar="RUN", help="the directory of a run")


def _one_run_of_a_parent(parser: argparse.ArgumentParser) -> None:
    _one_run(parser)
    parser.add_argument("--parent", type=int, metavar="PID", help="end when that process has ended")


def _one_run_or_json(parser: argparse.ArgumentParser) -> None:
    _one_run(parser)
    parser.add_argument("--json", action="store_true", help="all numbers, as in summary.json")


def _many_runs(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("runs", metavar="RUN", nargs="+", help="directories of runs")
    parser.add_argument("--csv", metavar="FILE", help="the table of runs as CSV as well, a line per cell")
    parser.add_argument("--html", metavar="FILE", help="all of it as a page as well, with the runs on one time axis")


def _csv(arguments: argparse.Namespace) -> int:
    target, counts = run.write_metrics(run.find_run(arguments.run))
    print(target)
    unknown = sum(counts.unrecognised.values())
    said = f"{counts.lines} lines: {counts.recognised} known, {unknown} of no known form, {counts.not_json} not JSON"
    print(f"wva_parse csv: {said}", file=sys.stderr)
    return 0


def _summary(arguments: argparse.Namespace) -> int:
    found = summary.summarize(run.load(arguments.run))
    if arguments.json:
        sys.stdout.write(orjson.dumps(found, option=orjson.OPT_INDENT_2).decode() + "\n")
    else:
        print("\n".join(f"{label + ':':30} {value}" for label, value in compare.describe(found)))
        for note in found["notes"]:
            print(f"- {note}")
    return 0


def _watch(arguments: argparse.Namespace) -> int:
    directory = Path(arguments.run)
    if not directory.is_dir():
        raise run.RunError(f"{directory}: no such directory; expected that of a run in progress")
    if not (directory / "run.json").is_file():  # one could wait for ever
        raise run.RunError(f"{directory}: no run.json in it; expected the directory of a run in progress")

    def silent_s() -> float:
        record = read_record(directory / "run.json")
        return live.silent_s(directory, record) if record.get("status") == "running" else 0.0

    def is_wanted() -> bool:
        return _is_running(arguments.parent) and not silent_s()

    if sys.stdout.isatty() and os.environ.get("TERM", "dumb") != "dumb":
        _watch_on_terminal(directory, is_wanted)
    else:
        live.follow(directory, _print_lines, is_wanted=is_wanted)
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


def _print_lines(views: Sequence[live.View], _load: live.Load) -> None:
    for view in views:
        print(text.one_line(view), flush=True)


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


def _compare(arguments: argparse.Namespace) -> int:
    runs, failed = list[Experiment](), False
    for directory in arguments.runs:
        try:
            runs.append(run.load(directory))
        except (run.RunError, LogError) as error:
            failed = True
            print(f"wva_parse compare: left out: {error}", file=sys.stderr)
    if runs:
        found = [summary.summarize(each) for each in runs]
        facts = {
            each.name: provenance.provenance_of(each.record, each.before, summed)
            for each, summed in zip(runs, found, strict=True)
        }
        print(compare.document(found, facts))
        if arguments.csv:
            _write_cells(Path(arguments.csv), list(compare.cells(found)))
        if arguments.html:
            print(_write_comparison(Path(arguments.html), runs, found, facts), file=sys.stderr)
    return 2 if failed else 0


def _write_comparison(
    target: Path, runs: Sequence[Experiment], found: Sequence[dict[str, Any]], facts: Mapping[str, provenance.Facts]
) -> Path:
    from wva_parse.report import overlay, page  # the other commands need not wait for what draws

    figures = {}
    for name, members in compare.overlays(runs).items():
        png = BytesIO()
        overlay.overlay(members, name).savefig(png, format="png", dpi=120)
        figures[name] = png.getvalue()
    content = page.compare_page(
        f"{len(runs)} runs", ", ".join(facts), compare.sections(found, facts, list(figures)), figures
    )
    try:
        target.write_text(content, encoding="utf-8")
    except OSError as error:
        raise run.RunError(f"{target}: cannot be written: {error.strerror}") from None
    return target


def _write_cells(target: Path, cells: list[dict[str, Any]]) -> None:
    try:
        with target.open("w", encoding="utf-8", newline="") as stream:
            writer = csv.DictWriter(stream, list(cells[0]))
            writer.writeheader()
            writer.writerows(cells)
    except OSError as error:
        raise run.RunError(f"{target}: cannot be written: {error.strerror}") from None


_COMMANDS: dict[str, tuple[Callable[[argparse.ArgumentParser], None], Callable[[argparse.Namespace], int]]] = {
    "csv": (_one_run, _csv),
    "summary": (_one_run_or_json, _summary),
    "watch": (_one_run_of_a_parent, _watch),
    "compare": (_many_runs, _compare),
}
