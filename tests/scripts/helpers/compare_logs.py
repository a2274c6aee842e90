"""Hold a collected log against everything that the containers wrote.

Usage: compare_logs.py BEFORE AFTER COLLECTED [COLLECTION_JSON]

BEFORE and AFTER hold what each container had written when the collector was told to stop and when it had. Every line
of BEFORE must be collected, none that is not in AFTER, each as often as it was written, and the lines of a container
in its order. Says what differs and ends with 1 if anything does. With COLLECTION_JSON, lines of the times between
which it says that some may be missing need not be there.
"""

from __future__ import annotations

import json
import re
import sys
from collections import Counter
from pathlib import Path

Written = dict[str, list[bytes]]


def differences(before: Written, after: Written, collected: list[bytes]) -> list[str]:
    """What is wrong with a collected log, given the lines of each container in order."""
    have = Counter(collected)
    missing = Counter(line for lines in before.values() for line in lines) - have
    surplus = have - Counter(line for lines in after.values() for line in lines)
    found = [f"missing, {count} times: {line[:100]!r}" for line, count in missing.items()]
    found += [f"too often or never written, {count} times: {line[:100]!r}" for line, count in surplus.items()]
    for name, lines in before.items():
        rest = iter(collected)
        out_of_order = [line for line in lines if line not in rest]
        found += [f"{name}: out of order: {line[:100]!r}" for line in out_of_order[:3]]
    return found


def read_journal(directory: Path) -> Written:
    """The lines of each controller container."""
    return {path.name: path.read_bytes().splitlines() for path in sorted(directory.glob("*_manager.log"))}


def without_gaps(written: Written, collection: Path) -> Written:
    """The lines that must be there whatever was lost at the times that a collection names."""
    reasons = json.loads(collection.read_text())["reasons"]
    found = [re.search(r"lines between (\S+)Z and (\S+)Z may be missing", reason) for reason in reasons]
    gaps = [match.groups() for match in found if match]

    def is_in_gap(line: bytes) -> bool:
        stamp = re.search(rb'"ts":"([^"]+)Z"', line)
        return bool(stamp) and any(start <= stamp[1].decode() <= end for start, end in gaps)

    return {name: [line for line in lines if not is_in_gap(line)] for name, lines in written.items()}


def main(before: Path, after: Path, collected: Path, collection: Path | None = None) -> int:
    wanted, written = read_journal(before), read_journal(after)
    if collection:
        wanted = without_gaps(wanted, collection)
    lines = collected.read_bytes().splitlines()
    print(f"{len(lines)} lines collected, {sum(map(len, wanted.values()))} wanted of {len(wanted)} containers")
    found = differences(wanted, written, lines)
    print("\n".join(found[:20]))
    return 1 if found or not lines else 0


if __name__ == "__main__":
    sys.exit(main(*(Path(argument) for argument in sys.argv[1:])))
