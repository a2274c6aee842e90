"""README.md of a run: what it was and how it ended, on one page, as run.json and collection.json tell it.

It is written in the last second of a run, an interrupted one too: nothing that is slow to import is used here. What
the two files do not tell is said to be not known.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from wva_parse.log.json_files import dig
from wva_parse.measures.texts import UNKNOWN

_TEMPLATES = Environment(
    loader=PackageLoader("wva_parse.report"),
    autoescape=False,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
    keep_trailing_newline=True,
)

Record = Mapping[str, Any]


def document(directory: str, run: Record, collection: Record) -> str:
    """The page.

    Parameters
    ----------
    directory
        Name of the run's directory.
    run, collection
        run.json and collection.json as `read_record` reads them.
    """
    return _TEMPLATES.get_template("run-readme.md.j2").render(
        name=_text(run.get("name")),
        run_id=_text(run.get("run_id")),
        speed=_text(run.get("speed")) if run.get("simulated") is True else "",
        description=_text(dig(run, ("config", "description")), ""),
        facts=[_row(label, value) for label, value in facts(run, collection)],
        workloads=[_row(*cells) for cells in workloads(run)],
        gaps=[_text(reason) for reason in collection.get("reasons", ())],
        directory=directory,
        mode=_text(run.get("mode"), ""),
    )


def facts(run: Record, collection: Record) -> list[tuple[str, str]]:
    """What a reader looks for first, and under which word."""
    clock = f"the clock of the {run['clock']} side" if run.get("clock") else "by which clock is not known"
    changed = ", with local changes" if dig(run, ("project", "dirty")) is True else ""
    return [
        ("status", f"{_text(run.get('status'))} (exit {_text(run.get('exit_status'))})"),
        *repetition(run),
        ("mode", _text(run.get("mode"))),
        ("model", _text(dig(run, ("config", "model_name")))),
        (
            "Deployment",
            f"{_text(dig(run, ('config', 'deployment')))} in {_text(dig(run, ('config', 'namespace')))}",
        ),
        ("start, end", f"{_text(run.get('start'))}, {_text(run.get('end'))} ({clock}, UTC)"),
        (
            "cooldown",
            f"{_text(dig(run, ('cooldown', 'start')), 'none')} to {_text(dig(run, ('cooldown', 'end')), 'none')}",
        ),
        ("controller log", log_verdict(collection)),
        ("project", f"commit {_text(dig(run, ('project', 'commit')), 'unknown')}{changed}"),
    ]


def repetition(run: Record) -> list[tuple[str, str]]:
    """Which run of its series it is; nothing if it is the only one."""
    of = dig(run, ("repetition", "of"))
    if not isinstance(of, int) or of < 2:
        return []
    number, series = dig(run, ("repetition", "number")), dig(run, ("repetition", "series"))
    return [("repetition", f"{_text(number)} of {of}, series {_text(series)}")]


def log_verdict(collection: Record) -> str:
    """How many lines the controller's log has, and whether it is whole.

    A collection that did not end is not complete: what came after its last poll was never read.
    """
    if collection.get("lines") is None:
        return f"{UNKNOWN}: the collector has left no count of its lines"
    lines = f"{_text(collection['lines'])} lines"
    if collection.get("running") is True:
        return f"{lines} when last noted, the collection did not end"
    return f"{lines}, {'complete' if collection.get('complete') is True else 'may have gaps'}"


def workloads(run: Record) -> list[tuple[str, ...]]:
    """Cells of a workload each: name, req/s, planned seconds, start, end, result with its reason."""
    if "workloads" not in run:
        return [(UNKNOWN, "", "", "", "", "")]
    return [
        (
            _text(work.get("name")),
            _text(work.get("rate_per_s")),
            f"{_text(work.get('planned_start_s'))} to {_text(work.get('planned_end_s'))}",
            _text(work.get("start"), ""),
            _text(work.get("end"), ""),
            f"{_text(work.get('result'))}{': ' + _text(work['reason']) if work.get('reason') else ''}",
        )
        for work in run["workloads"]
    ]


def _row(*cells: str) -> str:
    return "".join("| " + " ".join(cell.splitlines()).replace("|", r"\|") + " " for cell in cells) + "|"


def _text(value: Any, missing: str = UNKNOWN) -> str:
    """A value as JSON has it, without the decimals of a whole number."""
    if value is None:
        return missing
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)
