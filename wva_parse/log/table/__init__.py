"""The log lines of the Workload Variant Autoscaler, as a table: one row is one line that a controller prints.

A file per family of releases; a row stands in that of the first release that prints it, and says which others do.
Reading another release means adding rows to the last one, `structured`. Renamed phrases are rows of their own.
The form of a row and its syntax: `form`.

The dialects: D0 before the first release, D1 v0.0.1 to v0.0.4, D2 v0.0.5 to v0.4.2, D3 the untagged builds of
December 2025, D4 v0.5, D5 v0.5.1 (March) to v0.7, D6 v0.8, D7 v0.9, D8 later forks; DT the tuner's lines, DF those
of a research fork.
"""

from __future__ import annotations

from wva_parse.log.table import oldest, printed, structured, tuner

# Lines that are known and from which nothing is taken.
KNOWN_LINES = (*printed.KNOWN, *tuner.KNOWN, *structured.KNOWN)

# Of rows that begin alike the first one that fits a line counts.
LOG_LINES = (
    *printed.EVENTS,
    *tuner.EVENTS,
    *structured.EVENTS,
    *oldest.EVENTS,
    *printed.CONTEXT,
    *structured.CONTEXT,
    *KNOWN_LINES,
)
