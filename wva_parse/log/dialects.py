"""Which releases of the controller wrote a log, told by which of its lines fit which rows of the table.

Each row of `table` names the dialects that print it: single ones (`D2`), several (`D2 D3`), ranges (`D4-D6`), all
from one on (`D4-`), with a letter for builds within one (`D3b`) and overlays that ride on it (`D2+DF`; `DT` alone rides
on any). A line is a witness for its row's dialects if it is one that every loop run prints: start-up and the machinery
around the controller are much the same everywhere. What only one dialect prints decides, and where there are whole
loop runs, from their first line to their last, nothing else counts.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from string import ascii_lowercase
from types import MappingProxyType

from wva_parse.log.table import KNOWN_LINES, LOG_LINES
from wva_parse.log.table.form import LogLine

# Of the releases that the table names; a row that says `D4-` is about all from D4 to this one.
LATEST = max(int(number) for row in LOG_LINES for number in re.findall(r"D(\d+)", row.dialects))

OVERLAYS = ("DT", "DF")

# Kinds that a loop run may do without.
_SELDOM = frozenset(
    (
        *("failure", "safety_net", "parameters", "nis", "tuner_update", "nis_rejection", "replica_count"),
        *(
            "policy",
            "scale_up_reason",
            "scale_down_refusal",
            "decision_limited",
            "reconciling",
            "scale_to_zero",
            "from_zero",
        ),
    )
)

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


def is_witness(row: LogLine) -> bool:
    """Whether a row's lines tell of the release: every loop run says them, or no build does without an overlay."""
    return bool(overlays(row.dialects)) or (row not in KNOWN_LINES and row.kind not in _SELDOM)


def starts(row: LogLine) -> bool:
    """Whether a row's lines stand at the start of a loop run."""
    return row.opens or row.kind in ("mode", "loop")


def _number(name: str) -> int:
    return int(name[1:].rstrip(ascii_lowercase))


def overlays(spoken: str) -> frozenset[str]:
    """The overlays without which none of a row's dialects prints it."""
    words = spoken.split()
    return frozenset(overlay for overlay in OVERLAYS if words and all(overlay in word for word in words))


def name_dialects(
    spoken: Mapping[str, int], loop_runs: Mapping[frozenset[str], int] = MappingProxyType({})
) -> dict[str, int]:
    """The dialects of a log, and how many of its lines tell each of them.

    Parameters
    ----------
    spoken
        Lines that are witnesses, by the dialects of their row.
    loop_runs
        Whole loop runs, by the dialects of the rows of their lines.

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
    whole = {names for texts in loop_runs if (names := _all_print(texts))}
    # Each loop run speaks several: one build that no release is, not one after the other.
    mixed = {names for texts in loop_runs for text in texts if not whole and (names := families(text))}
    # The narrowest testimony first: what it names explains the wider ones.
    chosen: list[frozenset[str]] = []
    for possible in sorted(whole or mixed or witnesses, key=lambda names: (len(names), sorted(names))):
        if not any(possible & names for names in chosen):
            chosen.append(possible)
    if mixed:
        chosen = [frozenset().union(*chosen)]
    for names in chosen:
        lines = sum(
            count
            for possible, count in witnesses.items()
            if possible & names and not any(possible & others for others in chosen if others != names)
        )
        told["/".join(sorted(names))] = lines
    return dict(sorted(told.items(), key=lambda entry: (-entry[1], entry[0])))


def _all_print(texts: Iterable[str]) -> frozenset[str]:
    """The dialects that print lines of all these rows; empty if none does, or if any may."""
    named = [names for names in map(families, texts) if names]
    return frozenset.intersection(*named) if named else frozenset()
