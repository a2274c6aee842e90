"""The load-generating Jobs: what a manifest must have so that the runner can use it, and what it says of its load."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from wva_parse.log.json_files import dig
from wva_parse.plan.documents import ConfigError, Document, Where, read_document

RUN_ID_LENGTH = len("-YYYYmmdd-HHMMSS")
MOST_CLIENTS = 100  # of a workload
# With two digits behind it a seed stays below 2**32, where those of NumPy end. Room is left for those of repetitions.
MOST_SEED_OF_CLIENTS = 42_000_000
MAX_NAME = 63 - RUN_ID_LENGTH  # of a Job, so that its pods carry the whole name in a label
NAME = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?")


class Job(NamedTuple):
    """A `batch/v1` Job that sends `prompts` requests at `rate_per_s` requests per second."""

    path: Path
    name: str
    rate_per_s: float
    prompts: int
    seed: int
    fetches: bool = False  # a data set, from DATASET_URL
    clients: int = 1  # that share rate and prompts, a pod each

    def at_rate(self, rate_per_s: float) -> Job:
        """The same for as long at another rate."""
        prompts = max(1, round(self.prompts * rate_per_s / self.rate_per_s))
        return self._replace(rate_per_s=rate_per_s, prompts=prompts)

    def of_clients(self, clients: int) -> Job:
        """The same load, sent by so many clients."""
        return self._replace(prompts=shared_out(self.prompts, clients), clients=clients)

    @property
    def seconds(self) -> int:
        """Expected time from the first request to the last, in whole seconds."""
        return math.ceil(self.prompts / self.rate_per_s)


def shared_out(prompts: int, clients: int) -> int:
    """What clients send together, as each sends the same whole number of prompts, at least one."""
    return clients * max(1, round(prompts / clients))


def client_seeds(seed: int, clients: int) -> list[int]:
    """The seed of each client of a workload: one has the workload's, of several each has its index behind that.

    Kubernetes can append a pod's index to a value, for any manifest and without a shell; it cannot add.
    """
    return [seed] if clients == 1 else [int(f"{seed}{index}") for index in range(clients)]


class Variable(NamedTuple):
    """An environment variable that describes or steers the load."""

    expected: str
    is_valid: Callable[[str], bool]


# Of a load that somebody means; what is beyond would overflow where prompts and times are counted.
LEAST_RATE_PER_S, MOST_RATE_PER_S = 0.0001, 100_000


def _is_rate(text: str) -> bool:
    return bool(re.fullmatch(r"[0-9]+(\.[0-9]+)?", text)) and LEAST_RATE_PER_S <= float(text) <= MOST_RATE_PER_S


# MODEL and ENDPOINT come from the experiment's config, SEED from its plan: the Job has to offer a place for them.
VARIABLES = {
    "MODEL": Variable("a model name", lambda text: text != ""),
    "ENDPOINT": Variable("a URL (http://... or https://...)", lambda text: bool(re.match(r"https?://", text))),
    "REQUEST_RATE": Variable(f"requests per second, {LEAST_RATE_PER_S:g} to {MOST_RATE_PER_S}", _is_rate),
    "NUM_PROMPTS": Variable(
        "a whole number above 0, of at most 12 digits", lambda text: bool(re.fullmatch(r"[1-9][0-9]{0,11}", text))
    ),
    "SEED": Variable("a whole number", lambda text: bool(re.fullmatch(r"[0-9]+", text))),
}


# Who sets what a workload's `env` therefore cannot.
OWN_VARIABLES = {
    "MODEL": "'model_name'",
    "ENDPOINT": "'endpoint'",
    "REQUEST_RATE": "the workload's 'rate'",
    "NUM_PROMPTS": "the rate and the workload's 'duration'",
    "SEED": "the runner, a different one for each workload",
    "JOB_COMPLETION_INDEX": "the cluster, for each of a workload's 'clients'",
    "DATASET_URL": "the workload's 'dataset_url'",
    "REQUEST_RECORDER": "the runner",
}
# Names of variables that hold secrets, as lib/mask.bash knows them.
SECRET = re.compile(r"(?i:(token|password|secret|apikey|(^|[-_.])key)$)|[a-z]Key$")


def read_job(path: Path, namespace: str | None) -> Job:
    """Read a manifest that the runner will create in `namespace`, if that is known.

    Raises
    ------
    ConfigError
        If the file is no Job, or not one that can be renamed and given a model, an endpoint and a seed.
    """
    document = read_document(path)
    problems = list(_problems(document, namespace))
    if problems:
        raise ConfigError(problems)
    values = {name: text for name, text, _ in _environment(document.data)}
    return Job(
        path=path,
        name=document.data["metadata"]["name"],
        rate_per_s=float(values["REQUEST_RATE"]),
        prompts=int(values["NUM_PROMPTS"]),
        seed=int(values["SEED"]),
        fetches="DATASET_URL" in {name for name, _, _ in _environment(document.data, ("initContainers", "containers"))},
    )


def _problems(document: Document, namespace: str | None) -> Iterator[str]:
    data = document.data
    seen = {key: data.get(key) for key in ("apiVersion", "kind")}
    if seen != {"apiVersion": "batch/v1", "kind": "Job"}:
        said = ", ".join(f"no {key}" if value is None else f"{key} {value!r}" for key, value in seen.items())
        yield f"{document.at('kind')}: saw {said}; expected the manifest of a Job (apiVersion 'batch/v1', kind 'Job')"
        return
    for key in ("completions", "parallelism"):
        if (count := dig(data, ("spec", key))) not in (None, 1):
            yield (
                f"{document.at('spec', key)}: spec.{key}: saw {count!r}, expected 1 or none: each pod would send the"
                " whole load; 'clients' of a workload lets several share it"
            )
    metadata = data.get("metadata")
    yield from _metadata_problems(document, metadata if isinstance(metadata, dict) else {}, namespace)
    given = {name: (text, where) for name, text, where in _environment(data)}
    for name, variable in VARIABLES.items():
        if name not in given:
            yield (
                f"{document.at('spec', 'template', 'spec', 'containers')}: no container has the environment"
                f" variable {name} with a value; expected {variable.expected}"
            )
        elif not variable.is_valid(given[name][0]):
            text, where = given[name]
            yield f"{document.at(*where)}: {name}: saw '{text}', expected {variable.expected}"


def _metadata_problems(document: Document, metadata: dict[str, Any], namespace: str | None) -> Iterator[str]:
    name = metadata.get("name")
    if not isinstance(name, str) or not NAME.fullmatch(name):
        yield (
            f"{document.at('metadata', 'name')}: metadata.name: saw {name!r}, expected lower-case letters,"
            " digits and '-'"
        )
    elif len(name) > MAX_NAME:
        yield (
            f"{document.at('metadata', 'name')}: metadata.name has {len(name)} characters, expected at most"
            f" {MAX_NAME}: the run's time is appended, and Kubernetes allows 63"
        )
    if namespace is not None and metadata.get("namespace") not in (None, namespace):
        yield (
            f"{document.at('metadata', 'namespace')}: metadata.namespace: saw '{metadata['namespace']}', but the"
            f" config's namespace is '{namespace}'; leave it out of the manifest"
        )


def _environment(data: dict[str, Any], kinds: Sequence[str] = ("containers",)) -> Iterator[tuple[str, str, Where]]:
    """Name, value and place of every environment variable of the Job's containers that has a value."""
    for kind in kinds:
        containers = dig(data, ("spec", "template", "spec", kind))
        for index, container in enumerate(containers if isinstance(containers, list) else []):
            variables = container.get("env") if isinstance(container, dict) else None
            for number, variable in enumerate(variables if isinstance(variables, list) else []):
                if isinstance(variable, dict) and variable.get("value") is not None:
                    where = ("spec", "template", "spec", kind, index, "env", number, "value")
                    yield str(variable.get("name")), str(variable["value"]), where
