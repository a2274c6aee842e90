"""Where runs are: found, listed, where their results go, and what is known of one without its log.

Imports nothing that takes long, so that a list is there at once and the wrong directory is told at once.
"""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from wva_parse.aligned.schedule import Schedule, schedule_of
from wva_parse.log.benchmark import Client
from wva_parse.log.json_files import is_broken, objects_in, read_json, read_record
from wva_parse.log.lines import LOG_NAME, parse_stamp
from wva_parse.log.requests import read_text

PROJECT = Path(__file__).resolve().parent.parent
SUMMARY_SCHEMAS = (1, 2)  # of summary.json, that can be compared

MODES = ("model-based", "capacity-based")
NOTEBOOKS = {mode: PROJECT / f"analyze-{mode}.ipynb" for mode in MODES}

# What an analysis leaves in it for people.
SUMMARY_PAGE, DOCUMENT, PAGE = "ANALYSIS_SUMMARY.md", "analysis.ipynb", "report.html"

ENDS_EMPTY = ("running", "interrupted", "failed")  # what a run may be that has collected nothing

_STAMPED = re.compile(r"-(\d{8}-\d{6})$")


class RunError(ValueError):
    """A run that cannot be analysed; the message says what was seen, what was expected and what to do."""


@contextmanager
def told() -> Iterator[None]:
    """A file that may not be read or written, as a `RunError`."""
    try:
        yield
    except OSError as error:
        raise RunError(f"{error.filename}: {error.strerror}; expected a run that may be read, and written to") from None


# --- finding a run --------------------------------------------------------------------------------


@told()
def find_run(experiment_dir: str | Path, mode: str = "") -> Path:
    """The directory of a run, absolute; the latest of `mode` if none is given.

    Raises
    ------
    RunError
        If there is none.
    """
    if not str(experiment_dir):
        return latest_run(mode)
    directory = Path(experiment_dir).expanduser()
    if not directory.is_absolute() and not directory.exists() and (PROJECT / directory).exists():
        directory = PROJECT / directory  # a notebook may have been started anywhere
    if directory.is_file():
        raise RunError(f"{directory}: a file; expected the directory of a run, such as {directory.parent}")
    if not directory.is_dir():
        raise RunError(f"{directory}: no such directory; expected a run such as experiment-data/<name>-<time>/")
    if not (directory / LOG_NAME).is_file():
        raise RunError(f"{directory}: no {LOG_NAME} in it; expected the directory of a run, made by run-experiment.sh")
    return directory.resolve()


def find_summary(given: str | Path) -> Path | None:
    """The summary.json of a run whose log is gone, or that is given itself; None for a run with its log."""
    path = Path(given).expanduser()
    if path.is_file():
        return path.resolve()
    target = path / "summary.json"
    return target.resolve() if target.is_file() and not (path / LOG_NAME).is_file() else None


@told()
def read_summary(path: Path) -> dict[str, Any]:
    """A summary.json, of this release or of an older one, which has fewer keys.

    Raises
    ------
    RunError
        If it is none.
    """
    summary = read_json(path)
    if not isinstance(summary.get("run"), str) or not isinstance(summary.get("mode"), str):
        raise RunError(f"{path}: no 'run' and 'mode' in it; expected the summary.json of a run, or its directory")
    if summary.get("schema") not in SUMMARY_SCHEMAS:
        raise RunError(
            f"{path}: its schema is {summary.get('schema')!r}; expected {' or '.join(map(str, SUMMARY_SCHEMAS))} "
            "(written by a later release?)"
        )
    return summary


class Listed(NamedTuple):
    """A directory that should be that of a run: what tells of it, or what is wrong with it."""

    directory: Path
    record: dict[str, Any]
    mode: str
    schedule: Schedule
    summary: dict[str, Any] | None
    problem: str
    is_empty: bool = False  # it goes on, or was interrupted or has failed, before anything was collected


@told()
def list_runs(base: Path) -> list[Listed]:
    """The runs in a directory, the newest first; without their logs, so that a list is there at once.

    Raises
    ------
    RunError
        If there is no such directory, or it is a run itself.
    """
    if not base.is_dir():
        raise RunError(f"{base}: no such directory; expected one that holds runs, such as experiment-data")
    if (base / LOG_NAME).is_file():
        raise RunError(f"{base}: a run itself; expected the directory that holds runs, such as {base.resolve().parent}")
    found = [path for path in base.iterdir() if path.is_dir() and not path.name.startswith(".")]
    return [_listed(path) for path in sorted(found, key=lambda path: (*_age_key(path), path.name), reverse=True)]


def _listed(directory: Path) -> Listed:
    record, summary, is_empty = read_record(directory / "run.json"), None, False
    problem = "run.json is no whole JSON object" if is_broken(directory / "run.json") else ""
    try:
        schedule = read_schedule(directory, record, read_config(directory)[0], Client((), ()))
        if (directory / "summary.json").is_file():
            summary = read_summary(directory / "summary.json")
        elif not (directory / LOG_NAME).is_file() and not (is_empty := record.get("status") in ENDS_EMPTY):
            problem = f"no {LOG_NAME} in it{problem and '; '}{problem}"
        return Listed(directory, record, planned_mode(directory), schedule, summary, problem, is_empty)
    except RunError as error:
        problem = str(error).removeprefix(f"{directory}/")
    except OSError as error:
        problem = f"{Path(error.filename or directory).name}: {error.strerror}"
    return Listed(directory, record, "", Schedule("", "", (), ()), None, problem)


def latest_run(mode: str) -> Path:
    """The latest run of a mode below `experiment-data/` of the project or of the working directory."""
    runs: list[Path] = []
    for base in dict.fromkeys((PROJECT / "experiment-data", Path.cwd() / "experiment-data")):
        runs += [log.parent for log in base.glob(f"*/{LOG_NAME}")]
    fitting = [run for run in runs if mode in ("", planned_mode(run))]
    if not fitting:
        seen = f"{len(runs)} of the other mode" if runs else "none at all"
        raise RunError(
            f"no {mode} run below {PROJECT / 'experiment-data'} ({seen}); run one with ./run-experiment.sh, "
            "or set EXPERIMENT_DIR to the directory of one"
        )
    return max(fitting, key=_age_key)


def _age_key(directory: Path) -> tuple[str, float]:
    stamp = _STAMPED.search(directory.name)
    return (stamp[1] if stamp else "", directory.stat().st_mtime)


def date_of(directory: Path, record: dict[str, Any]) -> str:
    """When a run began, `2026-01-31 12:00:00` UTC: by its record or its name; empty if neither tells."""
    moments = (parse_stamp(str(record.get("start") or "")), _stamp_of(directory))
    known = next((moment for moment in moments if moment), None)
    return known.astimezone(timezone.utc).strftime("%Y-%m-%d %H:%M:%S") if known else ""


def _stamp_of(directory: Path) -> datetime | None:
    stamp = _STAMPED.search(directory.name)
    try:
        return datetime.strptime(f"{stamp[1]}+0000", "%Y%m%d-%H%M%S%z") if stamp else None
    except ValueError:
        return None


def planned_mode(directory: Path) -> str:
    """The mode that a run was made for, by its record, its config or its name; empty if none of them tells."""
    config, _ = read_config(directory)
    for source in (read_record(directory / "run.json"), config):
        if source.get("mode") in MODES:
            return str(source["mode"])
    return next((mode for mode in MODES if directory.name.startswith(mode)), "")


def output_of(directory: Path, given: str | Path = "") -> Path:
    """Where the results of a run go: where it is said, else into it, the working directory, that for temporary files.

    Raises
    ------
    RunError
        If that is a file, or another run: its results would be gone.
    """
    if str(given):
        output = Path(given).expanduser().resolve()
        if output.exists() and not output.is_dir():
            raise RunError(f"{output}: a file; expected a directory for the results of {directory.name}")
        if output != directory and (output / LOG_NAME).exists():
            raise RunError(f"{output}: another run; expected a directory for the results of {directory.name}")
        return output
    if os.access(directory, os.W_OK):
        return directory
    base = Path.cwd() if os.access(Path.cwd(), os.W_OK) else Path(tempfile.gettempdir())
    return base / f"{directory.name}-analysis"


# --- what it was made with --------------------------------------------------------------


def read_config(directory: Path) -> tuple[dict[str, Any], tuple[str, ...]]:
    """A run's config and notes on it; configs of older tools, with other keys, are read as they are."""
    path = directory / "experiment-config.yaml"
    if not path.is_file():
        return {}, ("The run has no experiment-config.yaml.",)
    try:
        data = yaml.safe_load(path.read_text(encoding="utf-8-sig"))
    except (yaml.YAMLError, ValueError, RecursionError) as error:  # ValueError: no UTF-8, or no date
        return {}, (f"experiment-config.yaml cannot be read: {' '.join(str(error).split())}",)
    return (data, ()) if isinstance(data, dict) else ({}, ("experiment-config.yaml is no mapping.",))


def read_schedule(directory: Path, record: dict[str, Any], config: dict[str, Any], client: Client) -> Schedule:
    """The load that a run was made with; for the rates of old ones its config's comments and manifests are read."""
    if record.get("workloads"):
        return schedule_of(record, config)
    works = objects_in(config.get("workloads"))
    given = {str(work["job_manifest"]) for work in works if "job_manifest" in work}
    manifests = {name: _manifest(directory, name) for name in sorted(given)}
    path = directory / "experiment-config.yaml"
    return schedule_of(record, config, client.results, manifests, read_text(path) if path.is_file() else "")


def _manifest(directory: Path, name: str) -> dict[str, Any]:
    """A Job's manifest, relative to the config or to the project; empty if it is not there or cannot be read."""
    for path in (directory / name, PROJECT / name):
        try:
            data = yaml.safe_load(path.read_text(encoding="utf-8-sig"))
        except (OSError, yaml.YAMLError, ValueError, RecursionError):
            continue
        if isinstance(data, dict):
            return data
    return {}
