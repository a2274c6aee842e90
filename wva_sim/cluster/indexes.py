"""Indexed Jobs: which pod is which, as the Job controller names and counts them."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Sequence

from wva_sim.cluster.world import Json

INDEX = "batch.kubernetes.io/job-completion-index"  # annotation of a pod, and since 1.28 a label
VARIABLE = "JOB_COMPLETION_INDEX"
INDEXED = "Indexed"
RANDOM_LENGTH = 5
LONGEST_POD_NAME = 63

Index = int | None  # None: of a Job whose pods are all alike


def is_indexed(job: Json) -> bool:
    """Whether each of its pods has an index."""
    return bool(job["spec"].get("completionMode") == INDEXED)


def index_of(pod: Json) -> Index:
    """A pod's index; None if it has none."""
    said = pod["metadata"].get("annotations", {}).get(INDEX)
    return None if said is None else int(said)


def completed(job: Json) -> set[int]:
    """The indexes that have succeeded, as the Job's status has them: `0,2-4`."""
    spans = (span.partition("-") for span in filter(None, job["status"].get("completedIndexes", "").split(",")))
    return {index for first, _, last in spans for index in range(int(first), int(last or first) + 1)}


def as_text(indexes: Iterable[int]) -> str:
    """Indexes as a Job's status has them; two in a row are listed, more are a span."""
    spans: list[list[int]] = []
    for index in sorted(indexes):
        if spans and spans[-1][-1] == index - 1:
            spans[-1].append(index)
        else:
            spans.append([index])
    return ",".join(_span(span) for span in spans)


def _span(span: Sequence[int]) -> str:
    if len(span) < 2:
        return str(span[0])
    return f"{span[0]}{',' if len(span) == 2 else '-'}{span[-1]}"


def missing(job: Json, alive: Sequence[Json]) -> list[Index]:
    """The indexes of the pods that are to be created, the lowest first, given those that have not ended."""
    if not is_indexed(job):
        return [] if alive else [None]
    taken = completed(job) | {index_of(pod) for pod in alive}
    free = [index for index in range(job["spec"]["completions"]) if index not in taken]
    return list(free[: max(job["spec"]["parallelism"] - len(alive), 0)])


def name_of_pod(job: str, index: Index, random: str) -> str:
    """A name as the Job controller makes it; where it is too long the Job's own goes first."""
    if index is None:
        return f"{job}-{random}"[:LONGEST_POD_NAME]
    end = f"-{index}-"
    return f"{job[: LONGEST_POD_NAME - RANDOM_LENGTH - len(end)]}{end}{random[:RANDOM_LENGTH]}"


def mark(pod: Json, job: str, index: int) -> None:
    """Give a pod its index: annotation, label, host name and environment."""
    pod["metadata"]["annotations"][INDEX] = pod["metadata"]["labels"][INDEX] = str(index)
    pod["spec"] = copy.deepcopy(pod["spec"])  # the Job's template has none of it
    pod["spec"]["hostname"] = f"{job}-{index}"
    for container in [*pod["spec"].get("initContainers", []), *pod["spec"]["containers"]]:
        variables = container.setdefault("env", [])
        if all(row["name"] != VARIABLE for row in variables):
            field = {"apiVersion": "v1", "fieldPath": f"metadata.labels['{INDEX}']"}
            variables.append({"name": VARIABLE, "valueFrom": {"fieldRef": field}})
