"""The parser that people write first: four kinds of lines, a regular expression each, and nothing else.

It is what reading is measured against. It counts nothing, tells no line from its repetition, reads one release, drops
what it does not know, and says so of no line: all that `wva_parse.log` does besides has to fit into the time it takes.
"""

from __future__ import annotations

import csv
import json
import re
from datetime import datetime
from pathlib import Path

NAME = "four-kinds.csv"

NUMBER = r"[-+.\deE]+"
KINDS = {
    "observed_metrics": re.compile(
        rf"Metrics collected for VA: variant=(?P<variant>[^,]+), replicas=(?P<replicas>\d+), .*?"
        rf"ttft=(?P<ttft_ms>{NUMBER})ms, itl=(?P<itl_ms>{NUMBER})ms"
    ),
    "prediction": re.compile(
        rf"s=(?P<variant>[^:\s]+):.*?numRep=(?P<replicas>\d+);.*? itl=(?P<itl_ms>{NUMBER}), ttft=(?P<ttft_ms>{NUMBER})"
    ),
    "scaling_decision": re.compile(
        r"Processing decision(?: for VA)?: variant=(?P<variant>[^,]+), action=(?P<action>[^,]+), "
        r"current=(?P<replicas>\d+)→target=(?P<target>\d+)"
    ),
    "kv_cache": re.compile(rf"KV cache metric: pod=(?P<pod>[^,]+), usage=(?P<usage>{NUMBER})"),
}
NUMBERS = ("replicas", "ttft_ms", "itl_ms", "target", "usage")
COLUMNS = ("timestamp", "event_type", "variant", "pod", "action", *NUMBERS)


def write_four_kinds(directory: Path, log: str) -> None:
    """Write the four kinds of lines of a log as a CSV file."""
    with (directory / log).open(encoding="utf-8") as lines, (directory / NAME).open("w", newline="") as stream:
        writer = csv.DictWriter(stream, COLUMNS)
        writer.writeheader()
        for line in lines:
            try:
                entry = json.loads(line)
            except ValueError:
                continue
            for kind, pattern in KINDS.items():
                for match in pattern.finditer(entry["msg"]):
                    writer.writerow(row_of(entry["ts"], kind, match))


def row_of(stamp: str, kind: str, match: re.Match[str]) -> dict[str, object]:
    """The row that a match says."""
    said = {name: float(text) if name in NUMBERS else text for name, text in match.groupdict().items()}
    return {"timestamp": datetime.fromisoformat(stamp.replace("Z", "+00:00")), "event_type": kind, **said}
