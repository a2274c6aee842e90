"""What was understood of a log, line by line; and the page of all lines that are read.

For people who meet a release that the table does not know yet: each line of the log with its number, a verdict and
what was taken from it, or why nothing was.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from wva_parse.log.events import complaint, read
from wva_parse.log.lines import LOG_NAME, Line, LineCounts, LineReader, LogError, open_log
from wva_parse.log.readers import Fields, Key, RowReader, compile_row
from wva_parse.log.table import KNOWN_LINES, LOG_LINES
from wva_parse.log.table.form import COLUMN_TYPES, COLUMN_UNITS, LogLine

# A line that is quoted because nothing could be read from it; the rest of it seldom helps.
_QUOTED = 160

# Lines that say what another one says, and which row of metrics.csv they add to.
_EVENT_TYPE = {"announced": "scaling_decision", "applied": "scaling_decision", "emit": "scaling_decision"}

VERDICTS = {
    "read": "values are taken from it",
    "known": "it is known, and nothing in it is needed",
    "UNKNOWN": "no row of the table begins like it",
    "CHANGED": "a row of the table begins like it, and cannot read it or all of its parts",
    "CUT": "it begins like one of the controller's own, and breaks off",
    "repeat": "the same line was there before",
    "other": "not one of the controller's own: klog, a stack trace",
}


class Explained(NamedTuple):
    """What became of one line."""

    number: int
    verdict: str  # a key of VERDICTS
    kind: str  # the event type, where there is one
    text: str


def explain(raw_lines: Iterable[bytes], counts: LineCounts) -> Iterator[Explained]:
    """Yield what became of each line, in file order; several times for a line that says several things.

    Parameters
    ----------
    raw_lines
        Lines of a log; blank ones are passed over.
    counts
        Filled along the way: `lines`, `not_json`, `repeated`.
    """
    reader = LineReader(counts)
    for raw in raw_lines:
        repeated, cut = counts.repeated, counts.cut
        lines = reader.read(raw)
        for line in lines:
            yield from _explain_line(line)
        if counts.cut > cut:
            yield Explained(counts.lines, "CUT", "", _quote(raw.decode("utf-8", "replace")))
        elif not lines and raw.strip():
            verdict = "repeat" if counts.repeated > repeated else "other"
            yield Explained(counts.lines, verdict, "", _quote(raw.decode("utf-8", "replace")))


def _explain_line(line: Line) -> Iterator[Explained]:
    compiled, fields, doubt = read(line)
    if compiled is None:
        yield Explained(line.number, "UNKNOWN", "", _quote(_whole(line)))
    elif fields is None:
        yield Explained(line.number, "CHANGED", "", f"{complaint(line, compiled)} (log format changed?)")
    else:
        yield from _explain_read(line, compiled, fields, doubt)


def _explain_read(line: Line, compiled: RowReader, fields: Fields, doubt: str) -> Iterator[Explained]:
    said = [(compiled.row.kind, fields)] if compiled.row.kind else []
    said += [(kind, values) for kind, keys in compiled.also if (values := keys.read(line.data)) is not None]
    if compiled.row.each or compiled.row.arrays:
        parts = compiled.parts(line)
        said += parts.said
        if parts.complaint:
            doubt = f"{parts.read} of {parts.there} {compiled.row.called} were read: {parts.complaint}"
    if doubt:
        yield Explained(line.number, "CHANGED", "", f"{doubt} (log format changed?)")
    for kind, values in said:
        kind = _EVENT_TYPE.get(kind, kind)
        yield Explained(line.number, "read", kind, "  ".join(f"{name}={value}" for name, value in values.items()))
    if not said and not doubt:
        yield Explained(line.number, "known", "", _quote(line.message))


def _whole(line: Line) -> str:
    """The message and what is beside it."""
    return f"{line.message} {line.beside}" if line.beside else line.message


def _quote(text: str) -> str:
    flat = " ".join(text.split())
    return flat if len(flat) <= _QUOTED else flat[: _QUOTED - 3] + "..."


# --- the page -------------------------------------------------------------------------------------

_PAGE_HEAD = """# Log lines that are read

Made from `wva_parse/log/table/` by `wva-parse explain --table > docs/log-lines.md`. To add a release, see
[adding-a-release.md](adding-a-release.md). What of a log is understood: `wva-parse explain LOG`.

Each line with the dialects that print it, its template, an example where it differs, and the columns of metrics.csv
that it fills. In a template, `<column>` is a value that is taken and `<_>` one that is not; `<?...?>` may be missing.
Where values are beside the message as JSON, the columns say from which key. `D4-` is D4 and all later ones.

| dialect | releases |
|---|---|
| D0 | before the first release, to September 2025 |
| D1 | v0.0.1 to v0.0.4 |
| D2 | v0.0.5 to v0.4.2 |
| D3 | untagged builds of December 2025 |
| D4 | v0.5.0, v0.5.1 (February 2026) |
| D5 | v0.5.1 (March 2026) to v0.7.0 |
| D6 | v0.8.0 |
| D7 | v0.9.0 |
| D8 | later forks |
| DT | on any of them: the model tuner |
| DF | on any of them: a research fork |
"""

_HEADINGS = {
    "mode": "the mode in which the loop runs",
    "prediction": "what the optimizer expects of the replicas that it chose",
    "observed_metrics": "means of the last minute, of a variant's model in its namespace; 0 when idle",
    "scaling_decision": "what was decided for a variant; its lines are one row (of D1, what it emits)",
    "slo": "the objectives of a model",
    "kv_cache": "the highest KV-cache usage of a pod in the last minute",
    "queue": "the longest queue of a pod in the last minute",
    "capacity_analysis": "how much capacity is spare (saturation analysis in later releases); its lines are one row",
    "tuner_update": "performance parameters that the tuner accepted",
    "nis_rejection": "performance parameters that the tuner rejected; its lines are one row",
    "parameters": "performance parameters with which the optimizer works, and where they are from",
    "safety_net": "what was emitted where no decision could be made",
    "failure": "what a loop run lacked",
    "scale_up_reason": "why the target of a variant was raised",
    "scale_down_refusal": "why no replica of a model can be given back",
    "replica_count": "replicas that a model's Deployment wants and pods that report, where the two differ",
    "decision_limited": "a decision that was cut to the GPUs there are",
    "pod_metrics": "latencies and rate of a pod in the last minute; its lines are one row",
    "analyzer_result": "demand and supply of a model, in the unit of the analyzer",
    "analyzer_variant": "a variant's part in an analyzer's result: capacity per replica and how it is known",
    "analyzer_role": "what the pods of a role lack or have too much of, in the unit of the analyzer",
    "scheduler_queue": "requests that wait in the scheduler, in front of a model's pods",
    "model_rate": "requests that come for a model, as the scheduler counts them",
    "policy": "the thresholds that hold for a model",
    "demand_changed": "a demand that an analyzer did not leave at what it measured",
    "replica_throughput": "what a pod serves at its limit, derived",
    "scale_to_zero": "whether a model may be left without a replica, and why not",
    "from_zero": "how a model without a replica gets one",
    "replica_capacity": "what bounds the capacity of a pod, or of a variant's compute where no pod is named",
}

_CONTEXT_HEADING = "Lines that say where in a loop run we are"
_KNOWN_HEADING = "Lines that are known and of which nothing is needed"


def page() -> str:
    """The page of all log lines that are read, in Markdown."""
    parts = [_PAGE_HEAD]
    for kind, meaning in _HEADINGS.items():
        parts.append(f"## `{kind}`\n\n{meaning[0].upper()}{meaning[1:]}.\n")
        parts += [_describe(row, kind) for row in LOG_LINES if kind in _kinds(row)]
    parts.append(f"## {_CONTEXT_HEADING}\n")
    parts += [
        _describe(row, "") for row in LOG_LINES if row not in KNOWN_LINES and not set(_kinds(row)) & set(_HEADINGS)
    ]
    parts.append(f"## {_KNOWN_HEADING}\n")
    parts.append(
        "```\n" + "\n".join(f"{row.dialects:11} {_on_one_line(row.template)}" for row in KNOWN_LINES) + "\n```"
    )
    return "\n".join(parts) + "\n"


def _kinds(row: LogLine) -> list[str]:
    entries = [kind for kind, _ in (*row.each, *row.also)] + [kind for _, kind, _ in row.arrays]
    return [_EVENT_TYPE.get(kind, kind) for kind in (row.kind, *entries)]


def _describe(row: LogLine, kind: str) -> str:
    """One line: releases, form, example, columns."""
    compiled = compile_row(row)
    templates = [row.template, *(template for of, template in row.each if of == kind)]
    shown = list(dict.fromkeys(map(_on_one_line, (*templates, row.example))))
    fields = [_field(column) for column in compiled.reader.columns]
    fields += [_field(column) for of, reader in compiled.each if of == kind for column in reader.columns]
    is_of_line = not kind or _EVENT_TYPE.get(row.kind, row.kind) == kind
    keys = list(compiled.keys.present) if compiled.keys and is_of_line else []
    keys += [key for _, of, entry in compiled.arrays if _EVENT_TYPE.get(of, of) == kind for key in entry.present]
    keys += [key for of, further in compiled.also if of == kind for key in further.present]
    fields += [_field(key.column, key) for key in keys if key.column != "_"]
    fields += [f"`{column}`: {value}" for column, value in row.constant.items()]
    block = "\n".join(("```", *shown, "```"))
    return f"**{row.dialects}**\n\n{block}\n\n{'; '.join(dict.fromkeys(fields)) or 'No values.'}\n"


def _field(column: str, key: Key | None = None) -> str:
    text = f"`{column}` ({COLUMN_UNITS.get(column) or COLUMN_TYPES[column]})"
    if key is None:
        return text
    source = f" from `{key.name}`" if key.name != column else ""
    factor = f" × {key.factor:g}" if key.factor != 1 else ""
    return f"{text}{source}{factor}{', may be missing' if key.is_optional else ''}"


def _on_one_line(text: str) -> str:
    return text.replace("\n", "\\n").replace("\t", "  ")


# --- command line -----------------------------------------------------------------------------------


def main(command: str, argv: list[str]) -> int:
    """Explain a log; 0, or 2 for what the caller got wrong."""
    parser = argparse.ArgumentParser(prog=f"wva-parse {command}")
    parser.add_argument("log", metavar="LOG", nargs="?", help="a log, the directory of a run, or - for standard input")
    parser.add_argument("--unknown", action="store_true", help="only the lines that were not understood")
    parser.add_argument("--table", action="store_true", help="print the page of all lines that are read")
    arguments = parser.parse_args(argv)
    if arguments.table:
        sys.stdout.write(page())
        return 0
    if arguments.log is None:
        parser.error("expected a LOG, the directory of a RUN, - or --table")
    try:
        _print_explained(_raw_lines(arguments.log), arguments.unknown)
    except LogError as error:
        print(f"wva_parse {command}: {error}", file=sys.stderr)
        return 2
    return 0


def _raw_lines(log: str) -> Iterable[bytes]:
    if log == "-":
        return sys.stdin.buffer
    path = Path(log)
    return open_log(path / LOG_NAME if path.is_dir() else path)


def _print_explained(raw_lines: Iterable[bytes], only_unknown: bool) -> None:
    verdicts = dict.fromkeys(VERDICTS, 0)
    last = 0
    for number, verdict, kind, text in explain(raw_lines, LineCounts()):
        verdicts[verdict] += number != last
        last = number
        if not only_unknown or verdict in ("UNKNOWN", "CHANGED", "CUT"):
            print(f"{number:7}  {verdict:8} {kind:17} {text}".rstrip())
    for verdict, lines in verdicts.items():
        if lines:
            print(f"{lines:7}  {verdict:8} {VERDICTS[verdict]}", file=sys.stderr)
