"""An experiment's config: read, check against `experiment-configs/schema.json`, turn into a plan.

Times are whole seconds from the experiment's start, rates are requests per second. Paths of manifests are relative to
the config's directory, else to the project; `output.base_dir` is relative to the project.
"""

from __future__ import annotations

import argparse
import difflib
import json
import re
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any, NamedTuple

from wva_parse.log.durations import with_seconds
from wva_parse.plan.documents import ConfigError, Document, Where, read_document, read_whole
from wva_parse.plan.jobs import (
    LEAST_RATE_PER_S,
    MOST_CLIENTS,
    MOST_RATE_PER_S,
    MOST_SEED_OF_CLIENTS,
    OWN_VARIABLES,
    SECRET,
    Job,
    client_seeds,
    read_job,
    shared_out,
)
from wva_parse.plan.schema import IN_SECONDS, PROJECT, REMOVED, SCHEMA, Problem, as_meant, schema_problems

DEFAULT_INTERVAL_S = 10
DEFAULT_COOLDOWN_S = 120  # two reconciliations at WVA's usual minute
DEFAULT_TIMEOUT_S = 1800
DEFAULT_DRAIN_S = 300  # the last answers of saturated servers took 7 to 29 s where the client had a cap on concurrency
DEFAULT_BASE_DIR = "./experiment-data"


@dataclass(frozen=True)
class Workload:
    """One load Job of an experiment, as the config wants it; what is in seconds is None in a sequential one."""

    name: str
    job: Job
    description: str
    start_delay_s: int | None
    duration_s: int | None
    drain_s: int | None

    @property
    def prompts(self) -> int:
        """Requests that it sends: those of its duration at the rate, which a client sends in just that time."""
        if self.duration_s is None:
            return self.job.prompts
        return shared_out(max(1, round(self.job.rate_per_s * self.duration_s)), self.job.clients)


@dataclass(frozen=True)
class Config:
    """A valid experiment, with defaults filled in and paths resolved."""

    path: Path
    name: str
    description: str
    mode: str
    namespace: str
    controller_namespace: str
    controller_pod_prefix: str
    deployment: str
    model_name: str
    endpoint: str | None
    interval_s: int
    cooldown_s: int
    timeout_s: int
    repeat: int
    slo_itl_ms: float | None
    slo_ttft_ms: float | None
    workloads: tuple[Workload, ...]
    base_dir: Path

    @property
    def parallel(self) -> bool:
        """True if workloads overlap as planned, False if each waits for the one before it."""
        return any(work.duration_s is not None for work in self.workloads)


class Planned(NamedTuple):
    """One line of the plan. For sequential workloads start and end are estimates, and there is no `drain_s`.

    Rate, prompts and seed are the workload's; its clients have theirs from these.
    """

    order: int
    start_s: int
    end_s: int
    name: str
    manifest: Path
    rate_per_s: float
    seed: int
    how: str
    prompts: int
    drain_s: int | None
    clients: int = 1


def load(path: str | Path) -> Config:
    """Read and check a config and the manifests it names.

    Raises
    ------
    ConfigError
        With every problem found.
    """
    document, unknown = as_meant(read_whole(Path(path)))
    document = _in_seconds(document)
    jobs, of_jobs, of_manifests = _read_jobs(document)
    found = [*unknown, *schema_problems(document), *_workload_problems(document), *of_jobs]
    # What is wrong with manifests is told at once with what is wrong with the config, as far as it names them.
    messages = [*document.repeated, *_by_line(document, found), *of_manifests]
    if messages:
        raise ConfigError(messages)
    return _build(document, jobs)


def for_programs(path: Path) -> dict[str, Any]:
    """A valid config with its durations in seconds, and as text what becomes an environment variable.

    Raises
    ------
    ConfigError
        If the file is no YAML mapping.
    """
    data = _in_seconds(read_document(path)).data
    for work in data["workloads"]:
        if "env" in work:
            work["env"] = {
                name: value if isinstance(value, str) else json.dumps(value) for name, value in work["env"].items()
            }
    return data


def _in_seconds(document: Document) -> Document:
    return document._replace(data=with_seconds(document.data, IN_SECONDS))


def problems(path: str | Path) -> list[str]:
    """Everything that must change before the experiment can run, one message each; empty if nothing."""
    try:
        load(path)
    except ConfigError as error:
        return list(error.messages)
    return []


def plan(path: str | Path, repetition: int = 1) -> tuple[Planned, ...]:
    """The `schedule` of a config that is read and checked first.

    Raises
    ------
    ConfigError
        With every problem of the config.
    """
    return schedule(load(path), repetition)


def schedule(config: Config, repetition: int = 1) -> tuple[Planned, ...]:
    """The workloads of a config in the order of their starts.

    Parameters
    ----------
    repetition
        From 1; each has seeds of its own, which depend on nothing but the config and this number.
    """
    spans = _parallel_spans(config) if config.parallel else _sequential_spans(config)
    how = "parallel" if config.parallel else "sequential"
    planned: list[Planned] = []
    taken: set[int] = set()
    for round_ in range(repetition):
        planned = []
        for order, (start_s, end_s, work) in enumerate(spans, start=1):
            # Two Jobs with one seed would send the same requests at the same moments.
            first = work.job.seed + round_ * len(spans) + order
            job = work.job
            seed = next(number for number in count(first) if taken.isdisjoint(client_seeds(number, job.clients)))
            taken.update(client_seeds(seed, job.clients))
            planned.append(
                Planned(
                    order,
                    start_s,
                    end_s,
                    work.name,
                    job.path,
                    job.rate_per_s,
                    seed,
                    how,
                    work.prompts,
                    work.drain_s,
                    job.clients,
                )
            )
    return tuple(planned)


def main(command: str, argv: list[str]) -> int:
    """Check a config: 2 if something must change."""
    parser = argparse.ArgumentParser(prog=f"wva-parse {command}")
    parser.add_argument("config", metavar="CONFIG", type=Path, help="the config of an experiment")
    parser.add_argument("--fix", action="store_true", help="write it without keys that nothing reads, beside it")
    parser.add_argument("--nearest", action="store_true", help="print the project's config that is called most like it")
    arguments = parser.parse_args(argv)
    path = arguments.config
    if arguments.nearest:
        print(nearest(str(path)))
        return 0
    try:
        if arguments.fix:
            path = _write_fixed(path, command)
        name = load(path).name
    except ConfigError as error:
        print(error, file=sys.stderr)
        return 2
    if name != path.stem.removesuffix(".fixed") and not path.stem.startswith("discovered-"):
        print(f"{path}: its name is '{name}': runs are called by that, not by the file's", file=sys.stderr)
    return 0


def nearest(given: str) -> str:
    """The config of this project whose name is most like a given one; empty if none is."""
    names = [path.stem for path in sorted(SCHEMA.parent.glob("*.yaml"))]
    return next(iter(difflib.get_close_matches(Path(given).stem, names, n=1)), "")


def _write_fixed(path: Path, command: str) -> Path:
    """Write the config without `REMOVED` beside the old one; its path, or the old one's if none of them is in it."""
    document = read_document(path)
    fixed = without_removed(document, path.read_text(encoding="utf-8-sig"))
    if fixed is None:
        print(f"wva_parse {command}: {path}: no key in it that can go", file=sys.stderr)
        return path
    target = path.with_name(f"{path.stem}.fixed{path.suffix}")
    target.write_text(fixed, encoding="utf-8")
    print(target)
    return target


def without_removed(document: Document, text: str) -> str | None:
    """The text of a config without the lines of `REMOVED`; None if it has none of them.

    Raises
    ------
    ConfigError
        If one of them shares its line with another key.
    """
    places = [place for name in REMOVED if (place := tuple(name.split("."))) in document.lines]
    # A mapping of which nothing is left goes as well.
    for place in list(places):
        parent = document.data.get(place[0]) if len(place) > 1 else None
        if isinstance(parent, dict) and all((place[0], key) in places for key in parent):
            places.append(place[:1])
    lines = text.splitlines(keepends=True)
    gone: set[int] = set()
    for place in places:
        start = document.line(*place) - 1
        if not re.match(rf"\s*['\"]?{re.escape(place[-1])}['\"]?\s*:", lines[start]):
            raise ConfigError([f"{document.at(*place)}: '{'.'.join(place)}' can go; remove it, it shares its line"])
        indent = len(lines[start]) - len(lines[start].lstrip())
        end = start + 1
        while end < len(lines) and _is_below(lines[end], indent):
            end += 1
        while _may_be_of_the_next(lines[end - 1], indent):
            end -= 1
        gone.update(range(start, end))
    return "".join(line for number, line in enumerate(lines) if number not in gone) if gone else None


def _is_below(line: str, indent: int) -> bool:
    """Whether a line may be of the value of a key: an entry of its list is as far left as it, a comment anywhere."""
    text = line.strip()
    depth = len(line) - len(line.lstrip())
    return not text or depth > indent or text.startswith("#") or (depth == indent and text.startswith("- "))


def _may_be_of_the_next(line: str, indent: int) -> bool:
    """Whether the last of them belongs to what follows: a blank one, a comment that is no deeper than the key."""
    text = line.strip()
    return not text or (text.startswith("#") and len(line) - len(line.lstrip()) <= indent)


def _parallel_spans(config: Config) -> list[tuple[int, int, Workload]]:
    spans = [
        (work.start_delay_s or 0, (work.start_delay_s or 0) + (work.duration_s or 0), work) for work in config.workloads
    ]
    return sorted(spans, key=lambda span: span[0])


def _sequential_spans(config: Config) -> list[tuple[int, int, Workload]]:
    spans, start_s = [], 0
    for work in config.workloads:
        spans.append((start_s, start_s + work.job.seconds, work))
        start_s += work.job.seconds
    return spans


def _build(document: Document, jobs: list[Job]) -> Config:
    data = document.data
    slo = data.get("slo", {})
    return Config(
        path=document.path,
        name=data["name"],
        description=data.get("description", ""),
        mode=data["mode"],
        namespace=data["namespace"],
        controller_namespace=data["controller_namespace"],
        controller_pod_prefix=data["controller_pod_prefix"],
        deployment=data["deployment"],
        model_name=data["model_name"],
        endpoint=data.get("endpoint"),
        interval_s=data.get("metrics", {}).get("interval", DEFAULT_INTERVAL_S),
        cooldown_s=data.get("cooldown", DEFAULT_COOLDOWN_S),
        timeout_s=data.get("timeout", DEFAULT_TIMEOUT_S),
        repeat=data.get("repeat", 1),
        slo_itl_ms=slo.get("itl_ms"),
        slo_ttft_ms=slo.get("ttft_ms"),
        workloads=tuple(
            Workload(
                name=work["name"],
                job=job,
                description=work.get("description", ""),
                start_delay_s=work.get("start_delay", 0) if "duration" in work else None,
                duration_s=work.get("duration"),
                drain_s=work.get("drain", data.get("drain", DEFAULT_DRAIN_S)) if "duration" in work else None,
            )
            for work, job in zip(data["workloads"], jobs, strict=True)
        ),
        base_dir=PROJECT / data.get("output", {}).get("base_dir", DEFAULT_BASE_DIR),
    )


# --- what a schema cannot say -----------------------------------------------------------------------------------------


def _workload_problems(document: Document) -> Iterator[Problem]:
    """Of each workload what can be said of it, whatever else is wrong with the config."""
    parallel = _is_parallel(document)
    first: dict[str, int] = {}
    for index, work in _workloads(document):
        where: Where = ("workloads", index)
        name, at = work.get("name"), document.at(*where, "name")
        whose = f"workload '{name}'" if isinstance(name, str) else f"workloads[{index}]"
        if isinstance(name, str) and first.setdefault(name, index) != index:
            other = document.line("workloads", first[name], "name")
            yield where, f"{at}: a second workload named '{name}' (the first is in line {other})"
        if parallel and "duration" not in work:
            yield (
                where,
                f"{at}: {whose} has no duration; a config with start_delay or duration is"
                " parallel, and in it every workload needs a duration in seconds",
            )
        if parallel and work.get("wait_completion") is True:
            yield (
                where,
                f"{document.at(*where, 'wait_completion')}: {whose} has wait_completion: true in a"
                " parallel config (one with start_delay or duration); expected one or the other",
            )
        if not parallel and work.get("wait_completion") is False:
            yield (
                where,
                f"{document.at(*where, 'wait_completion')}: {whose} does not wait for completion;"
                " expected start_delay and duration for workloads that overlap",
            )
        variables = work.get("env")
        for variable in variables if isinstance(variables, dict) else ():
            if problem := _variable_problem(variable):
                place = (*where, "env", variable)
                yield place, f"{document.at(*place)}: {whose}: env: {problem}"


def _is_parallel(document: Document) -> bool:
    return any("start_delay" in work or "duration" in work for _, work in _workloads(document))


def _workloads(document: Document) -> Iterator[tuple[int, dict[str, Any]]]:
    works = document.data.get("workloads")
    for index, work in enumerate(works if isinstance(works, list) else []):
        if isinstance(work, dict):
            yield index, work


def _variable_problem(name: str) -> str:
    """Why a workload's `env` cannot set a variable; empty if it can."""
    if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name):
        return f"saw '{name}', expected the name of an environment variable"
    if name in OWN_VARIABLES:
        return f"{name} is set by {OWN_VARIABLES[name]}"
    if SECRET.search(name):
        return f"{name} is called like a secret, and each run keeps its config; let the manifest take it from a Secret"
    return ""


def _problems_of_clients(job: Job, manifest: Path, clients: int, prompts: int) -> Iterator[str]:
    """Why several clients cannot share a workload of so many requests."""
    if job.seed > MOST_SEED_OF_CLIENTS:
        yield (
            f"SEED of {manifest} is {job.seed}; expected at most {MOST_SEED_OF_CLIENTS}, as each of several clients has"
            " its number behind it: lower it"
        )
    if prompts < clients:
        yield f"saw {clients} clients for {prompts} requests; expected at most as many clients as requests"


def _read_jobs(document: Document) -> tuple[list[Job], list[Problem], list[str]]:
    """The Jobs of the workloads as the config wants them, what is wrong with it by them, and with their manifests."""
    jobs: list[Job] = []
    found: list[Problem] = []
    of_manifests: list[str] = []
    namespace, timeout_s = document.data.get("namespace"), document.data.get("timeout", DEFAULT_TIMEOUT_S)
    parallel = _is_parallel(document)
    for index, work in _workloads(document):
        where: Where = ("workloads", index)
        if not isinstance(work.get("job_manifest"), str) or not work["job_manifest"]:
            continue
        manifest = _find_manifest(document, index, work["job_manifest"])
        if isinstance(manifest, str):
            found.append(((*where, "job_manifest"), manifest))
            continue
        try:
            job = read_job(manifest, namespace if isinstance(namespace, str) else None)
        except ConfigError as error:
            of_manifests.extend(error.messages)
            continue
        if "dataset_url" in work and not job.fetches:
            place = (*where, "dataset_url")
            said = f"{document.at(*place)}: no container of {manifest} has the environment variable DATASET_URL with a"
            found.append((place, f"{said} value; expected one that fetches its data set from there"))
        rate = work.get("rate")
        if isinstance(rate, int | float) and LEAST_RATE_PER_S <= rate <= MOST_RATE_PER_S:
            job = job.at_rate(float(rate))
        clients = work.get("clients")
        if isinstance(clients, int) and 1 < clients <= MOST_CLIENTS:
            duration_s = work.get("duration") if parallel else None
            prompts = round(job.rate_per_s * duration_s) if isinstance(duration_s, int) else job.prompts
            place = (*where, "clients")
            problems = _problems_of_clients(job, manifest, clients, prompts)
            found += [(place, f"{document.at(*place)}: {problem}") for problem in problems]
            job = job.of_clients(clients)
        if not parallel and isinstance(timeout_s, int) and 0 < timeout_s < job.seconds:
            found.append(
                (
                    where,
                    f"{document.at(*where, 'name')}: workload '{work.get('name')}' takes about {job.seconds} s,"
                    f" longer than the timeout of {timeout_s} s; raise 'timeout'",
                )
            )
        jobs.append(job)
    return jobs, found, list(dict.fromkeys(of_manifests))


def _find_manifest(document: Document, index: int, given: str) -> Path | str:
    """The manifest's absolute path, never a file of another directory that has the same name; or what is wrong."""
    for base in (document.path.resolve().parent, PROJECT):
        if (base / given).exists():
            return (base / given).resolve()
    names = sorted(path.name for path in (PROJECT / "workloads").glob("*.yaml"))
    near = difflib.get_close_matches(Path(given).name, names, n=1)
    guess = f"; did you mean 'workloads/{near[0]}'?" if near else ""
    return (
        f"{document.at('workloads', index, 'job_manifest')}: no manifest '{given}' in {document.path.parent}"
        f" or {PROJECT}{guess}"
    )


def _by_line(document: Document, found: Iterable[Problem]) -> list[str]:
    """Messages in the order of the file, each once."""
    in_order = sorted(found, key=lambda problem: document.line(*problem[0]))
    return list(dict.fromkeys(message for _, message in in_order))
