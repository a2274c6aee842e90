"""The lines of cluster-samples.jsonl: what each poll of the collector saw of the cluster."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any

import orjson

from wva_parse.log.json_files import objects_in
from wva_parse.log.lines import parse_stamp

SAMPLES_NAME = "cluster-samples.jsonl"


def parse_samples(lines: Iterable[bytes]) -> Iterator[dict[str, Any]]:
    """Yield the samples among lines."""
    for raw in lines:
        try:
            sample = orjson.loads(raw)
        except orjson.JSONDecodeError:
            continue
        if isinstance(sample, dict):
            yield sample


def ready_replicas(samples: Iterable[dict[str, Any]]) -> Iterator[tuple[datetime, dict[str, int]]]:
    """Yield time and ready replicas of each variant, sample by sample."""
    for sample in samples:
        if time := parse_stamp(str(sample.get("time"))):
            yield time, {str(variant_of(each)): int(each.get("ready") or 0) for each in deployments_of(sample)}


def deployments_of(sample: dict[str, Any]) -> list[dict[str, Any]]:
    """The Deployments in a sample; samples of earlier versions know one."""
    return objects_in(sample.get("deployments")) or objects_in([sample.get("deployment")])


def variant_of(deployment: dict[str, Any]) -> str | None:
    """Which variant a Deployment is; its own name where no VariantAutoscaling names it."""
    return deployment.get("variant") or deployment.get("name")
