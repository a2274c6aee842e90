"""A series: the repetitions of one or several experiments in the order in which they are run, interleaved.

A series is told from others by an id: the time at which it was begun, and a digest of what it is made from (configs,
manifests, real or embedded cluster). Whoever resumes looks for the latest one made from the very same.
"""

from __future__ import annotations

import argparse
import hashlib
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timezone
from pathlib import Path
from typing import NamedTuple

from wva_parse.log.json_files import read_json
from wva_parse.plan.config import Config, Planned, load, plan
from wva_parse.plan.documents import ConfigError

DIGEST_LENGTH = 8


class Experiment(NamedTuple):
    """A config and what it is made from; `sha256` is of the digests of config and manifests, one a line."""

    config: Config
    planned: tuple[Planned, ...]
    config_sha256: str
    sha256: str


class Run(NamedTuple):
    """A run directory of an earlier repetition, as its run.json tells."""

    directory: Path
    name: str
    is_complete: bool
    is_embedded: bool
    number: int
    series: str
    config_sha256: str
    sha256: str


class Repetition(NamedTuple):
    """One line of a series: which repetition, how long it is planned to take, and its run if that is complete."""

    number: int
    of: int
    name: str
    seconds: int
    sha256: str
    run: str
    config: Path


class Series(NamedTuple):
    """All repetitions in the order of their runs, and what there is to say about earlier ones."""

    id: str
    repetitions: tuple[Repetition, ...]
    notes: tuple[str, ...] = ()


def read_experiments(paths: Iterable[Path]) -> list[Experiment]:
    """Read and check the configs of a series.

    Raises
    ------
    ConfigError
        With every problem of every config, or with names that two of them share.
    """
    experiments, found = list[Experiment](), list[str]()
    for path in paths:
        try:
            config, planned = load(path), plan(path)
        except ConfigError as error:
            found.extend(error.messages)
            continue
        config_sha256 = _sha256_of(config.path)
        manifests = [_sha256_of(line.manifest) for line in planned]
        experiments.append(Experiment(config, planned, config_sha256, _sha256(config_sha256, *manifests)))
    first: dict[str, Path] = {}
    for path, name in ((experiment.config.path, experiment.config.name) for experiment in experiments):
        if name in first:
            found.append(f"{path}: its name is '{name}', as that of {first[name]}; expected a name for each experiment")
        first[name] = path
    if found:
        raise ConfigError(found)
    return experiments


def begin(experiments: Sequence[Experiment], is_embedded: bool, now: datetime, cooldown_s: int | None = None) -> Series:
    """A series of which no run is complete.

    Parameters
    ----------
    experiments
        In the order in which each round runs them: A1 B1 A2 B2, so that what drifts in the cluster drifts for all
        (Abedi & Brecht 2017).
    is_embedded
        Whether it is run on embedded clusters.
    now
        Becomes part of its id.
    cooldown_s
        Seconds of each run's cooldown, if not those of the configs.
    """
    rounds = range(1, max(experiment.config.repeat for experiment in experiments) + 1)
    repetitions = tuple(
        _repetition(experiment, number, cooldown_s)
        for number in rounds
        for experiment in experiments
        if number <= experiment.config.repeat
    )
    return Series(f"{now:%Y%m%d-%H%M%S}-{_digest(experiments, is_embedded)}", repetitions)


def resume(series: Series, experiments: Sequence[Experiment], runs: Sequence[Run], is_embedded: bool) -> Series:
    """The latest series that was made from the same, or the given one if there is none; the notes say which and why."""
    digest = _digest(experiments, is_embedded)
    earlier = [run for run in runs if run.series.endswith(f"-{digest}")]
    if not earlier:
        return series._replace(notes=(*_why_none(experiments, runs, is_embedded), "starting from the first repetition"))
    latest = max(run.series for run in earlier)
    complete = [run for run in earlier if run.series == latest and run.is_complete]
    places = {(run.name, run.number): str(run.directory) for run in complete}
    repetitions = tuple(line._replace(run=places.get((line.name, line.number), "")) for line in series.repetitions)
    done = sum(bool(line.run) for line in repetitions)
    return Series(latest, repetitions, (f"series {latest}: {done} of {len(repetitions)} runs are complete",))


def find_runs(experiments: Iterable[Experiment]) -> list[Run]:
    """The runs of these experiments that are repetitions, in the order of their times."""
    names = {experiment.config.name for experiment in experiments}
    places = dict.fromkeys(experiment.config.base_dir for experiment in experiments)
    found = (_read_run(path.parent) for place in places for path in place.glob("*/run.json"))
    return sorted((run for run in found if run and run.name in names), key=lambda run: run.directory.name)


def main(command: str, argv: list[str]) -> int:
    """Print the runs of a series, one a line: tab-separated columns of `Repetition` after its id."""
    parser = argparse.ArgumentParser(prog=f"wva-parse {command}")
    parser.add_argument("configs", metavar="CONFIG", type=Path, nargs="+", help="configs of experiments, interleaved")
    parser.add_argument("--resume", action="store_true", help="go on with the latest series of these configs")
    parser.add_argument("--embedded", action="store_true", help="on embedded clusters")
    parser.add_argument("--cooldown", metavar="SECONDS", type=int, help="of each run, if not the config's")
    arguments = parser.parse_args(argv)
    try:
        experiments = read_experiments(arguments.configs)
    except ConfigError as error:
        print(error, file=sys.stderr)
        return 2
    series = begin(experiments, arguments.embedded, datetime.now(timezone.utc), arguments.cooldown)
    if arguments.resume:
        series = resume(series, experiments, find_runs(experiments), arguments.embedded)
    for note in series.notes:
        print(note, file=sys.stderr)
    for line in series.repetitions:
        print("\t".join(str(value) for value in (series.id, *line._replace(run=line.run or "-"))))
    return 0


def _repetition(experiment: Experiment, number: int, cooldown_s: int | None) -> Repetition:
    config = experiment.config
    seconds = max(line.end_s for line in experiment.planned) + (config.cooldown_s if cooldown_s is None else cooldown_s)
    return Repetition(number, config.repeat, config.name, seconds, experiment.sha256, "", config.path)


def _read_run(directory: Path) -> Run | None:
    record = read_json(directory / "run.json")
    repetition = record.get("repetition") or {}
    if not isinstance(number := repetition.get("number"), int):
        return None  # made before there were repetitions, or not by this project
    config_sha256 = str(record.get("config_sha256"))
    manifests = [str(workload.get("manifest_sha256")) for workload in record.get("workloads") or []]
    return Run(
        directory,
        str(record.get("name")),
        record.get("status") == "complete",
        bool(record.get("embedded")),
        number,
        str(repetition.get("series")),
        config_sha256,
        _sha256(config_sha256, *manifests),
    )


def _why_none(experiments: Iterable[Experiment], runs: Sequence[Run], is_embedded: bool) -> Iterator[str]:
    latest = {run.name: run for run in runs}
    for experiment in experiments:
        config = experiment.config
        run = latest.get(config.name)
        if run is None:
            yield f"nothing to resume: no repetition of {config.name} in {config.base_dir}"
        elif run.config_sha256 != experiment.config_sha256:
            yield (
                f"nothing to resume: {config.path} has changed since {run.directory} (SHA-256 was"
                f" {run.config_sha256[:DIGEST_LENGTH]}, is {experiment.config_sha256[:DIGEST_LENGTH]});"
                " that series and this one are not mixed"
            )
        elif run.sha256 != experiment.sha256:
            yield f"nothing to resume: a manifest of {config.path} has changed since {run.directory}"
        elif run.is_embedded != is_embedded:
            yield f"nothing to resume: {run.directory} was made on {_CLUSTERS[run.is_embedded]}"
        else:
            yield f"nothing to resume: {run.directory} is of a series with other configs"


_CLUSTERS: Mapping[bool, str] = {True: "an embedded cluster", False: "a real cluster"}


def _digest(experiments: Iterable[Experiment], is_embedded: bool) -> str:
    return _sha256(*sorted(experiment.sha256 for experiment in experiments), str(is_embedded))[:DIGEST_LENGTH]


def _sha256(*lines: str) -> str:
    return hashlib.sha256("".join(f"{line}\n" for line in lines).encode()).hexdigest()


def _sha256_of(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
