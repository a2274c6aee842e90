"""Numbers of runs, for notebooks: `from wva_parse.summary import summarize`, and of several to be compared."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from wva_parse import run
from wva_parse.aligned.experiment import Experiment
from wva_parse.aligned.slo import GIVEN, Slo
from wva_parse.log.json_files import dig, read_record
from wva_parse.log.lines import LOG_NAME, LogError
from wva_parse.measures.stated import Stated
from wva_parse.measures.summary import summarize
from wva_parse.report import provenance

_TELLING = (LOG_NAME, "summary.json")

__all__ = ["Several", "find_runs", "read_several", "summarize"]


class Several(NamedTuple):
    """Runs to be compared, judged by one SLO where that can be.

    Attributes
    ----------
    runs
        Those that have a log.
    summaries
        Of all, each with a name of its own.
    facts
        How each was made, by its name.
    left_out
        Why others are not among them, a sentence each.
    """

    runs: Sequence[Experiment]
    summaries: Sequence[dict[str, Any]]
    facts: Mapping[str, provenance.Facts]
    left_out: Sequence[str]


def find_runs(pattern: str) -> list[Path]:
    """The runs that a pattern names, from the working directory or the project; empty: all below `experiment-data/`.

    Raises
    ------
    RunError
        If there is none.
    """
    bases = tuple(dict.fromkeys((Path.cwd(), run.PROJECT)))
    named = [Path(name.strip()).expanduser() for name in (pattern or "experiment-data/*").split(",")]
    found = [hit for name in named for base in bases for hit in _matching(base, name)]
    runs = [place for place in found if place.is_file() or any((place / name).is_file() for name in _TELLING)]
    if not runs:
        raise run.RunError(
            f"{pattern or 'experiment-data/'}: no run of that name, looked for from {' and '.join(map(str, bases))}; "
            "expected directories of runs, such as experiment-data/*-parallel-*"
        )
    return list(dict.fromkeys(runs))


def _matching(base: Path, name: Path) -> list[Path]:
    """What a pattern names; an absolute one needs no base."""
    pattern = name.relative_to(name.anchor) if name.is_absolute() else name
    return sorted((Path(name.anchor) if name.is_absolute() else base).glob(str(pattern)))


def read_several(names: Iterable[str | Path], given: Stated = Stated()) -> Several:  # noqa: B008, it is immutable
    """Read runs, or of those whose log is gone their summary.json.

    Parameters
    ----------
    names
        Directories of runs, or files `summary.json`.
    given
        What to judge them by, if anything is stated.
    """
    read, left_out = dict[Path, Experiment | dict[str, Any]](), list[str]()
    for name in names:
        place = Path(name).expanduser().resolve()
        place = place.parent if place.is_file() else place
        try:
            if place in read:
                raise run.RunError(f"{name}: this run was given before, and is no repeat of itself")
            target = run.find_summary(name)
            # In the SLO by which a run is judged the others have a say.
            unjudged = given._replace(slo_itl_ms=0, slo_ttft_ms=0)
            read[place] = run.read_summary(target) if target else run.load(name, **unjudged._asdict())
        except (run.RunError, LogError) as error:
            left_out.append(str(error))
    slo = Slo(given.slo_itl_ms or None, given.slo_ttft_ms or None, GIVEN)
    return Several(*_summed(read, slo), left_out)


def _summed(
    read: Mapping[Path, Experiment | dict[str, Any]], given: Slo
) -> tuple[list[Experiment], list[dict[str, Any]], dict[str, provenance.Facts]]:
    others = [
        Slo(*(dig(each, ("slo", key)) for key in ("itl_ms", "ttft_ms")))
        for each in read.values()
        if isinstance(each, dict)
    ]
    loaded = {place: each for place, each in read.items() if isinstance(each, Experiment)}
    runs = dict(zip(loaded, run.judge_alike(list(loaded.values()), others, given), strict=True))
    names = [str(each["run"]) if isinstance(each, dict) else each.name for each in read.values()]
    found, facts = list[dict[str, Any]](), dict[str, provenance.Facts]()
    for (place, each), name in zip(read.items(), names, strict=True):
        unique = name if names.count(name) == 1 else str(place)
        found.append({**(each if isinstance(each, dict) else summarize(runs[place])), "run": unique})
        record = read_record(place / "run.json") if isinstance(each, dict) else each.record
        before = {} if isinstance(each, dict) else each.before
        facts[unique] = provenance.provenance_of(record, before, found[-1])
    return list(runs.values()), found, facts
