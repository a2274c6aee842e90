"""`list [DIR]`: the runs in a directory, the newest first, without a look at their logs."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

import orjson

from wva_parse import directories
from wva_parse.directories import RunError
from wva_parse.log.requests import write_text
from wva_parse.measures.pooling import load_of
from wva_parse.report import listing, page


def main(command: str, argv: list[str]) -> int:
    """Print the table of runs; 0, 2 for what the caller got wrong."""
    parser = argparse.ArgumentParser(prog=f"wva-parse {command}")
    parser.add_argument(
        "dir", metavar="DIR", nargs="?", default="", help="what holds the runs (default: experiment-data)"
    )
    parser.add_argument("--format", choices=("text", "json", "csv"), default="text", help="for people, or for programs")
    parser.add_argument("--html", metavar="FILE", help="a page as well, from what analysed runs say first")
    arguments = parser.parse_args(argv)
    try:
        return _list(arguments)
    except RunError as error:
        print(f"wva_parse {command}: {error}", file=sys.stderr)
        return 2


def _list(arguments: argparse.Namespace) -> int:
    found = [(each, _entry(each)) for base in _bases(arguments.dir) for each in directories.list_runs(base)]
    found.sort(key=lambda pair: pair[1].date, reverse=True)
    entries = [entry for _, entry in found]
    if arguments.html:
        _write_page(Path(arguments.html), found)
    if arguments.format == "json":
        sys.stdout.write(orjson.dumps([each._asdict() for each in entries], option=orjson.OPT_INDENT_2).decode() + "\n")
    elif arguments.format == "csv":
        print(listing.as_csv(entries))
    elif entries:
        print(listing.as_text(entries))
    else:
        print("wva_parse list: there are no runs yet; run one with ./run-experiment.sh", file=sys.stderr)
    return 0


def _bases(given: str) -> list[Path]:
    if given:
        return [Path(given)]
    places = dict.fromkeys((directories.PROJECT / "experiment-data", Path.cwd() / "experiment-data"))
    return [place for place in places if place.is_dir()]


def _entry(each: directories.Listed) -> listing.Entry:
    told, problem = listing.verdict_of(each.summary)
    known = each.summary or {}
    return listing.Entry(
        run=each.directory.name,
        directory=str(each.directory),
        date=directories.date_of(each.directory, each.record),
        mode=str(known.get("mode") or each.mode),
        simulated=(known if each.summary else each.record).get("simulated") is True,
        load=load_of(each.schedule),
        status=str(each.record.get("status") or known.get("status") or ""),
        verdict=listing.NOTHING_COLLECTED if each.is_empty else told,
        problem=each.problem or problem,
    )


def _write_page(target: Path, found: Sequence[tuple[directories.Listed, listing.Entry]]) -> None:
    """Write an index of runs from their summaries; in one step, unless the target is a device."""
    target = target.resolve()
    base = target.parent
    shown = [_shown(each, entry, base) for each, entry in found]
    content = page.index_page(shown)
    try:
        if target.is_file() or not target.exists():
            write_text(target, content)
        else:
            target.write_text(content, encoding="utf-8")
    except OSError as error:
        raise RunError(f"{target}: cannot be written: {error.strerror}") from None
    print(target, file=sys.stderr)


def _shown(each: directories.Listed, entry: listing.Entry, base: Path) -> page.Entry:
    reports = (each.directory / name for name in (directories.PAGE, directories.SUMMARY_PAGE))
    report = next((path for path in reports if path.is_file()), None)
    link = os.path.relpath(report, base) if report else ""
    if each.summary is None or entry.problem:
        return page.Entry(entry.run, link, error=entry.problem or entry.verdict)
    return page.Entry(entry.run, link, each.summary)
