"""The thresholds and triggers that the controller analysed with, found from what it logged.

The **thresholds** follow from analyses: of the one replica that is not saturated, threshold = spare + usage (and spare
queue + queue); where there is none such, from analyses in which no replica is saturated, as their spare is the mean
over all. The **triggers** stand in the reasons: `KV spare (0.050 < 0.200)`, `kvTrigger=0.200`. What the lines do not
tell is taken from the ConfigMap in `cluster/before`: its `default`, or the entry that names the model. Nothing is ever
assumed.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import yaml

from wva_parse.aligned.frames import Frames
from wva_parse.optimizer.logged import Group, Logged
from wva_parse.optimizer.saturation import Limits, Pod, is_free

# The keys of WVA's capacity-scaling-config, later saturation-scaling-config.
CONFIG_KEYS = {
    "kv_threshold": "kvCacheThreshold",
    "queue_threshold": "queueLengthThreshold",
    "kv_trigger": "kvSpareTrigger",
    "queue_trigger": "queueSpareTrigger",
}

# What thresholds are written with; a sum of two printed values of 3 digits (1 for queues) has no more.
_KV_DIGITS, _QUEUE_DIGITS = 3, 1


class Told(NamedTuple):
    """The limits as far as somebody tells them; None where nobody does.

    `source`: `log`, `ConfigMap`, `log and ConfigMap`, or `unknown`.
    """

    kv_threshold: float | None = None
    queue_threshold: float | None = None
    kv_trigger: float | None = None
    queue_trigger: float | None = None
    source: str = "unknown"

    @property
    def has_triggers(self) -> bool:
        """Whether both triggers are known."""
        return self.kv_trigger is not None and self.queue_trigger is not None


def limits_of(told: Told) -> Limits | None:
    """What to analyse with; None if a threshold is unknown, while an unknown trigger is one that never fires."""
    if told.kv_threshold is None or told.queue_threshold is None:
        return None
    triggers = (-math.inf if value is None else value for value in (told.kv_trigger, told.queue_trigger))
    return Limits(told.kv_threshold, told.queue_threshold, *triggers)


def limits_in_force(
    frames: Frames, analyses: Sequence[Logged], config_maps: Iterable[dict[str, Any]]
) -> dict[Group, Told]:
    """What each model was analysed with.

    Parameters
    ----------
    analyses
        `logged.logged_analyses` of the frames.
    config_maps
        The ConfigMaps of the cluster before the run, as the API has them.
    """
    config_maps = list(config_maps)
    refusals = frames.by_loop_run["scale_down_refusal"]
    told = {}
    for group in dict.fromkeys(each.group for each in analyses):
        mine = [each for each in analyses if each.group == group]
        own = refusals[(refusals["model"] == group.model) & (refusals["namespace"] == group.namespace)]
        refused = {
            name: [float(value) for value in own[column].dropna()]
            for name, column in (("kv_trigger", "spare_kv_trigger"), ("queue_trigger", "spare_queue_trigger"))
        }
        said = {**dict(_thresholds(mine)), **dict(_triggers(mine, refused))}
        told[group] = _together(said, _configured(config_maps, group))
    return told


def common(told: Iterable[Told]) -> Told:
    """What holds for every model: None where they differ or one of them does not tell."""
    every = list(told)
    if not every:
        return Told()
    agreed = {name: {getattr(each, name) for each in every} for name in CONFIG_KEYS}
    values = {name: found.pop() if len(found) == 1 else None for name, found in agreed.items()}
    return Told(**values, source=" or ".join(sorted({each.source for each in every})))


def _together(said: Mapping[str, float], configured: Mapping[str, float]) -> Told:
    values = {**configured, **said}
    sources = ["log"] * bool(said) + ["ConfigMap"] * bool(configured.keys() - said.keys())
    return Told(**{name: values.get(name) for name in CONFIG_KEYS}, source=" and ".join(sources) or "unknown")


# --- from the log


def _thresholds(analyses: Sequence[Logged]) -> Iterator[tuple[str, float]]:
    """The thresholds that most lines tell."""
    for name, index, digits in (("kv_threshold", 0, _KV_DIGITS), ("queue_threshold", 1, _QUEUE_DIGITS)):
        for telling in (_by_the_only_free, _by_all_free):
            sums = Counter(round(value, digits) for each in analyses for value in telling(each, index))
            if sums:
                # Of those told as often the plainest: a sum of printed values may be off by one in its last digit.
                yield name, min(sums, key=lambda value: (-sums[value], len(repr(value)), value))
                break


def _by_the_only_free(each: Logged, index: int) -> Iterator[float]:
    """Threshold = spare + usage of the one that is not saturated, where it is clear which one that is."""
    spare = _spare(each)
    own = spare[index]
    if each.missing or each.found.free != 1 or own is None:
        return
    sums = {pod[index] + own for pod in _candidates(each, spare)}
    if len(sums) == 1:
        yield sums.pop()


def _candidates(each: Logged, spare: tuple[float | None, float | None]) -> Iterator[Pod]:
    """The pods that may be the only free one: with the thresholds that each would imply, no other is."""
    kv, queue = (0.0 if value is None else value for value in spare)
    for number, pod in enumerate(each.pods):
        implied = Limits(
            float("inf") if spare[0] is None else kv + pod.kv_usage,
            float("inf") if spare[1] is None else queue + pod.queue_length,
            0,
            0,
        )
        if not any(is_free(other, implied) for place, other in enumerate(each.pods) if place != number):
            yield pod


def _by_all_free(each: Logged, index: int) -> Iterator[float]:
    """Threshold = spare + mean usage, where no replica is saturated."""
    spare = _spare(each)[index]
    if not each.missing and each.pods and each.found.free == len(each.pods) and spare is not None:
        yield spare + sum(pod[index] for pod in each.pods) / len(each.pods)


def _spare(each: Logged) -> tuple[float | None, float | None]:
    """Spare KV and queue that an analysis printed; in an INFO log only its reason for a scale-up does."""
    named = {below.name: below.spare for below in each.below}
    kv, queue = each.found.spare_kv, each.found.spare_queue
    return (named.get("KV") if kv is None else kv, named.get("queue") if queue is None else queue)


def _triggers(analyses: Sequence[Logged], refused: Mapping[str, Sequence[float]]) -> Iterator[tuple[str, float]]:
    """The triggers that were named most often."""
    for name, below in (("kv_trigger", "KV"), ("queue_trigger", "queue")):
        said = Counter(why.trigger for each in analyses for why in each.below if why.name == below)
        said.update(refused[name])
        if said:
            yield name, said.most_common(1)[0][0]


# --- from the ConfigMap


def _configured(config_maps: Iterable[dict[str, Any]], group: Group) -> dict[str, float]:
    """What the analyzer's ConfigMap says for a model."""
    for config_map in config_maps:
        entries = [_entry(text) for text in (config_map.get("data") or {}).values()]
        default = _numbers(_entry((config_map.get("data") or {}).get("default")))
        own = [each for each in entries if each.get("model_id") == group.model and _is_of(each, group)]
        found = {**default, **(_numbers(own[0]) if own else {})}
        if found:
            return found
    return {}


def _is_of(entry: dict[str, Any], group: Group) -> bool:
    return group.namespace is None or entry.get("namespace") in (None, group.namespace)


def _entry(text: object) -> dict[str, Any]:
    try:
        data = yaml.safe_load(str(text or ""))
    except yaml.YAMLError:
        return {}
    return data if isinstance(data, dict) else {}


def _numbers(entry: dict[str, Any]) -> dict[str, float]:
    found = {name: entry.get(key) for name, key in CONFIG_KEYS.items()}
    return {
        name: float(value)
        for name, value in found.items()
        if isinstance(value, (int, float)) and not isinstance(value, bool)
    }
