"""Which releases of the controller wrote a log, told by which of its lines fit which rows of the table.

Each row of `table` names the dialects that print it: single ones (`D2`), several (`D2 D3`), ranges (`D4-D6`), all
from one on (`D4-`), with a letter for builds within one (`D3b`) and overlays that ride on it (`D2+DF`; `DT` alone rides
on any). A line is a witness for its row's dialects; a line that only one of them prints decides.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from string import ascii_lowercase

from wva_parse.log.table import LOG_LINES

# Of the releases that the table names; a row that says `D4-` is about all from D4 to this one.
LATEST = max(int(number) for row in LOG_LINES for number in re.findall(r"D(\d+)", row.dialects))

OVERLAYS = ("DT", "DF")

# What people call the releases of a dialect.
RELEASES = {
    "D0": "before v0.0.1",
    "D1": "v0.0.1 to v0.0.4",
    "D2": "v0.0.5 to v0.4.2",
    "D3": "an untagged build of December 2025",
    "D4": "v0.5",
    "D5": "v0.5.1 to v0.7",
    "D6": "v0.8",
    "D7": "v0.9",
    "D8": "a fork after v0.9",
}


def families(spoken: str) -> frozenset[str]:
    """The dialects that a row's text names, without letters and overlays: `D1b D4-D6` is D1, D4, D5, D6."""
    found = set[str]()
    for word in spoken.split():
        first, dash, last = word.partition("+")[0].partition("-")
        if first in OVERLAYS:
            continue
        end = _number(last) if last else LATEST if dash else _number(first)
        found.update(f"D{number}" for number in range(_number(first), end + 1))
    return frozenset(found)


def releases_of(dialects: Iterable[str]) -> str:
    """The releases of a log's dialects, in words; empty if they are not known."""
    named = (name for each in dialects if each not in OVERLAYS for name in each.split("/"))
    return " or ".join(RELEASES[name] for name in dict.fromkeys(named) if name in RELEASES)


def _number(name: str) -> int:
    return int(name[1:].rstrip(ascii_lowercase))


def overlays(spoken: str) -> frozenset[str]:
    """The overlays without which none of a row's dialects prints it."""
    words = spoken.split()
    return frozenset(overlay for overlay in OVERLAYS if words and all(overlay in word for word in words))


def name_dialects(spoken: Mapping[str, int]) -> dict[str, int]:
    """The dialects of a log, and how many of its lines tell each of them.

    Parameters
    ----------
    spoken
        Lines by the dialects of their row.

    Returns
    -------
    dict
        Dialect to lines that no other of the log's dialects prints, most lines first; `D7/D8` where nothing tells
        the two apart. Overlays (DT, DF) as well.
    """
    witnesses: dict[frozenset[str], int] = {}
    told: dict[str, int] = {}
    for text, lines in spoken.items():
        for overlay in overlays(text):
            told[overlay] = told.get(overlay, 0) + lines
        possible = families(text)
        if possible:
            witnesses[possible] = witnesses.get(possible, 0) + lines
    # The narrowest testimony first: what it names explains the wider ones.
    chosen: list[frozenset[str]] = []
    for possible in sorted(witnesses, key=lambda names: (len(names), sorted(names))):
        if not any(possible & names for names in chosen):
            chosen.append(possible)
    for names in chosen:
        lines = sum(
            count
            for possible, count in witnesses.items()
            if possible & names and not any(possible & others for others in chosen if others != names)
        )
        told["/".join(sorted(names))] = lines
    return dict(sorted(told.items(), key=lambda entry: (-entry[1], entry[0])))
