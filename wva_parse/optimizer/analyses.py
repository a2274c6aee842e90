"""The replay of a capacity run: each analysis recomputed from the pods' values, as it was or with other limits.

With the limits that the controller had (`limits`), a replay must be what was logged, to the printed digits. With others
it says what would have been: exactly, up to the first decision that differs; from there on the pods' state is that of
replicas that would no longer be.

Releases since v0.5.1 may weigh supply against demand instead (`demand`): their analyses are replayed with the
thresholds that each line tells.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from wva_parse.aligned.experiment import Experiment
from wva_parse.aligned.frames import Frames
from wva_parse.optimizer import demand, saturation
from wva_parse.optimizer.limits import Told, common, limits_in_force, limits_of
from wva_parse.optimizer.logged import ROLES_MIXED, Found, Group, Logged, logged_analyses, records
from wva_parse.optimizer.saturation import Limits

# Usage and spare KV are printed with three digits, both rounded; spare queue with one, of whole numbers.
KV_ROUNDED = 0.0005 + 1e-9
KV_TOLERANCE = 2 * KV_ROUNDED
QUEUE_TOLERANCE = 0.05 + 1e-9

Row = dict[str, Any]

V1 = "V1"  # the analyzer of a row; others weigh demand

CANNOT_KNOW = (
    "The pods' state is that of the replicas that were: the answer is exact up to the first decision that differs."
)


class Asked(NamedTuple):
    """Limits to replay with in place of the controller's own; None: its own."""

    kv_threshold: float | None = None
    queue_threshold: float | None = None
    kv_trigger: float | None = None
    queue_trigger: float | None = None

    @property
    def is_as_it_was(self) -> bool:
        """Whether nothing is asked but a replay of what was."""
        return all(value is None for value in self)


AS_IT_WAS = Asked()


@dataclass(frozen=True)
class Replay:
    """The analyses of a run, replayed.

    Attributes
    ----------
    rows : list of dict
        One per analysis, in the order of the log, ready for JSON: `reconciliation`, `loop_run`, `minutes`, `namespace`,
        `model`, `role`, `variant` (None if the model has several), `analyzer` (`V1`, or the name of one that weighs
        demand); `pods`, KV usage and queue of each; `replicas`, how many the log says there were; `below`, name, spare
        and trigger of what its reason for a scale-up names; `logged` and `replayed`, each with `up`, `down_safe`,
        `spare_kv`, `spare_queue`, `free` (for analyzers of demand also `utilisation`, `required_capacity`,
        `spare_capacity`), None where unknown, and `replayed` None where an analysis cannot be replayed; `remaining`, as
        in `saturation.Analysis`; `missing`, what the log lacks of its pods; `reproduced`, whether a replay of what was
        comes to what was logged (None: nothing to hold it against); `masked`.
    thresholds
        The controller's own limits, where they hold for all models; `by_model` has those of each.
    asked
        What was replayed with.
    first_difference : dict or None
        `reconciliation, minutes, model, variant, logged, replayed` of the first analysis that asks for something else
        than what was logged.
    """

    rows: list[Row]
    thresholds: Told
    by_model: Mapping[Group, Told]
    asked: Asked
    first_difference: Row | None

    @property
    def used(self) -> Told:
        """The limits that it was replayed with."""
        return _with(self.thresholds, self.asked)

    @property
    def compared(self) -> list[Row]:
        """The analyses that could be held against the log."""
        return [row for row in self.rows if row["reproduced"] is not None]

    @property
    def analyses(self) -> int:
        """How many analyses could be held against the log."""
        return len(self.compared)

    @property
    def not_reproduced(self) -> list[Row]:
        """Those of them in which the replay comes to something else."""
        return [row for row in self.compared if not row["reproduced"]]

    @property
    def analyses_reproduced(self) -> int:
        """How many the replay reproduces."""
        return self.analyses - len(self.not_reproduced)

    @property
    def masked(self) -> list[Row]:
        """The analyses that masked saturation."""
        return [row for row in self.rows if row["masked"]]

    @property
    def is_judged_for_masking(self) -> bool:
        """Whether any analysis could be judged for it: a log without pods or limits says nothing of it."""
        return any(row["masked"] is not None for row in self.rows)

    @property
    def missing(self) -> str:
        """In a sentence, what the log lacks; empty if every analysis could be held against it."""
        return _what_is_missing(self.rows, self.by_model)


def replay_analyses(run: Experiment, asked: Asked = AS_IT_WAS) -> Replay:
    """Replay the analyses of a run, with the controller's own limits or with others.

    With others the answer is exact up to `first_difference`: see `CANNOT_KNOW`. Analyzers of demand have none of these
    limits, and are replayed as they were.
    """
    return replay(run.frames, run.before.get("configmaps", []), asked)


def replay(frames: Frames, config_maps: Iterable[dict[str, Any]] = (), asked: Asked = AS_IT_WAS) -> Replay:
    """The same, from frames and the ConfigMaps of `cluster/before`."""
    analyses = logged_analyses(frames)
    told = limits_in_force(frames, analyses, config_maps)
    rows = [*(_row(each, told[each.group], asked) for each in analyses), *_demand_rows(frames)]
    rows.sort(key=lambda row: row["loop_run"])
    return Replay(rows, common(told.values()), told, asked, _first_difference(rows, asked))


# --- V1


def _row(each: Logged, told: Told, asked: Asked) -> Row:
    # A log without any pod's line has nothing to replay.
    has_pods = bool(each.pods) or not each.missing
    mixed = _with(told, asked)
    own, limits = (limits_of(told), limits_of(mixed)) if has_pods else (None, None)
    as_was = _within_rounding(each, own) if own else None
    analysis = as_was if limits == own else saturation.analyze(each.pods, limits) if limits else None
    found = _found(analysis, mixed) if analysis else None
    up = each.found.up if asked.is_as_it_was and each.found.up is not None else found.up if found else None
    masked = None
    if up is not None and has_pods:
        masked = saturation.is_masked(each.pods, up, limits) if limits else _masked_by_usage(each, up, told)
    return {
        "reconciliation": each.reconciliation,
        "loop_run": each.loop_run,
        "minutes": each.minutes,
        "namespace": each.group.namespace,
        "model": each.group.model,
        "role": each.role,
        "variant": each.variant,
        "analyzer": V1,
        "pods": [tuple(pod) for pod in each.pods],
        "replicas": each.replicas,
        "below": [tuple(why) for why in each.below],
        "logged": each.found._asdict(),
        "replayed": found._asdict() if found else None,
        "remaining": analysis.remaining if analysis else None,
        "missing": each.missing,
        "reproduced": _agree(each.found, _found(as_was, told)) if as_was else None,
        "masked": masked,
    }


def _masked_by_usage(each: Logged, up: bool, told: Told) -> bool | None:
    """Whether an analysis masks a full cache, if only the cache's threshold is known; None where that does not say."""
    if told.kv_threshold is None:
        return None
    without_queue = Limits(told.kv_threshold, float("inf"), 0, 0)
    if saturation.analyze(each.pods, without_queue).free != each.found.free:
        return None
    is_masked = saturation.is_masked(each.pods, up, without_queue)
    return is_masked if is_masked or up or not any(pod.queue_length for pod in each.pods) else None


def _with(told: Told, asked: Asked) -> Told:
    return told._replace(**{name: value for name, value in asked._asdict().items() if value is not None})


def _within_rounding(each: Logged, limits: Limits) -> saturation.Analysis:
    """What the pods' values come to; where a printed one lies on the edge of a limit, on the side that was logged."""
    missing = (each.found.free or 0) - saturation.analyze(each.pods, limits).free
    pods = []
    for pod in each.pods:
        is_on_edge = 0 <= pod.kv_usage - limits.kv_threshold <= KV_ROUNDED and pod.queue_length < limits.queue_threshold
        if is_on_edge and missing > 0:
            pod, missing = pod._replace(kv_usage=limits.kv_threshold - KV_ROUNDED), missing - 1
        pods.append(pod)
    found = saturation.analyze(pods, limits)
    up, down_safe = found.up, found.down_safe
    if found.free and each.found.up in _possibly_short(found.spare_kv, found.spare_queue, KV_ROUNDED, limits):
        up = bool(each.found.up)
    if found.remaining:
        grown = KV_ROUNDED * found.free / (found.free - 1)
        unsafe = None if each.found.down_safe is None else not each.found.down_safe
        down_safe = not unsafe if unsafe in _possibly_short(*found.remaining, grown, limits) else down_safe
    return found._replace(up=up, down_safe=down_safe)


def _possibly_short(kv: float, queue: float, rounded: float, limits: Limits) -> set[bool | None]:
    """What `is_short` may have said of values that print like these."""
    return {saturation.is_short(kv + error, queue, limits) for error in (-rounded, rounded)}


def _found(analysis: saturation.Analysis, told: Told) -> Found:
    """What an analysis finds, without what hangs on a trigger that is not known."""
    up: bool | None = analysis.up
    down_safe: bool | None = analysis.down_safe
    if not told.has_triggers and analysis.replicas:
        up, down_safe = up or None, down_safe and None
    return Found(up, down_safe, analysis.spare_kv, analysis.spare_queue, analysis.free)


def _agree(logged: Found, replayed: Found) -> bool:
    """Whether a replay is what was logged, as far as that goes."""
    flags = ("up", "down_safe", "free")
    same = all(None in (one, other) or one == other for one, other in _pairs(logged, replayed, flags))
    return (
        same
        and _near(logged.spare_kv, replayed.spare_kv, KV_TOLERANCE)
        and _near(logged.spare_queue, replayed.spare_queue, QUEUE_TOLERANCE)
    )


def _pairs(logged: Found, replayed: Found, names: Iterable[str]) -> Iterator[tuple[Any, Any]]:
    return ((getattr(logged, name), getattr(replayed, name)) for name in names)


def _near(logged: float | None, replayed: float | None, tolerance: float) -> bool:
    return logged is None or (replayed is not None and abs(logged - replayed) <= tolerance)


def _first_difference(rows: Sequence[Row], asked: Asked) -> Row | None:
    """The first analysis that asks for something else."""
    for row in rows:
        if is_comparable(row, asked) and asks_for(row["logged"]) != asks_for(row["replayed"]):
            names = ("reconciliation", "minutes", "model", "variant", "logged", "replayed")
            return {name: row[name] for name in names}
    return None


def is_comparable(row: Row, asked: Asked) -> bool:
    """Whether a replay of an analysis with other limits says what these would have changed.

    Only of one that is reproduced with the controller's own; where these are unknown, of one whose pods all have lines.
    """
    can_tell = asked.is_as_it_was or row["reproduced"] or (row["reproduced"] is None and not row["missing"])
    return bool(can_tell and row["replayed"] and None not in (asks_for(row["logged"]), asks_for(row["replayed"])))


def asks_for(found: Mapping[str, Any]) -> str | None:
    """What an analysis asks for, more before less; None if that hangs on what is not known."""
    if found["up"]:
        return "more"
    if None in (found["up"], found["down_safe"]):
        return None
    return "less" if found["down_safe"] else "the same"


def earliest_up(replay: Replay) -> Row | None:
    """The first analysis that asks for more replicas, of a replay with whatever limits."""
    return next((row for row in replay.rows if row["replayed"] and row["replayed"]["up"]), None)


# --- analyzers of demand


def _demand_rows(frames: Frames) -> Iterator[Row]:
    per_replica: dict[tuple[int, Any, Any], dict[str, float]] = {}
    for row in records(frames.by_loop_run["analyzer_variant"]):
        if row["capacity_per_replica"]:
            of_analyzer = per_replica.setdefault((row["loop_run"], row["namespace"], row["analyzer"]), {})
            of_analyzer[row["variant"]] = float(row["capacity_per_replica"])
    for row in records(frames.by_loop_run["analyzer_result"]):
        capacities = per_replica.get((row["loop_run"], row["namespace"], row["analyzer"]), {})
        yield _demand_row(row, capacities)


def _demand_row(row: Mapping[str, Any], capacities: Mapping[str, float]) -> Row:
    logged = _balance(row["utilisation"], row["required_capacity"], row["spare_capacity"])
    replayed, missing = _balance_again(row, set(capacities.values()))
    return {
        "reconciliation": int(row["reconciliation"]),
        "loop_run": int(row["loop_run"]),
        "minutes": float(row["minutes"]),
        "namespace": row["namespace"],
        "model": row["model"],
        "role": None,
        "variant": next(iter(capacities)) if len(capacities) == 1 else None,
        "analyzer": row["analyzer"],
        "pods": [],
        "replicas": None,
        "below": [],
        "logged": logged,
        "replayed": replayed,
        "remaining": None,
        "missing": missing,
        "reproduced": _balanced_alike(logged, replayed) if replayed else None,
        "masked": None,
    }


def _balance_again(row: Mapping[str, Any], capacities: set[float]) -> tuple[dict[str, Any] | None, str]:
    """What the thresholds of a line make of its supply and demand; or None, and what is missing for that."""
    supply, wanted, required = row["supply"], row["demand"], row["required_capacity"]
    upper, lower = row["scale_up_threshold"], row["scale_down_boundary"]
    if None in (supply, wanted, required, upper, lower):
        return None, "the line tells no thresholds"
    seen = demand.Demand(supply, wanted, upper, lower, next(iter(capacities)) if len(capacities) == 1 else None)
    expected = demand.expected_supply(seen, required)
    if expected is None and len(capacities) != 1:
        return None, "the supply that was expected is not told, and variants differ"
    found = demand.balance(seen, expected)
    return _balance(found.utilisation, found.required, found.spare), ""


def _balance(utilisation: float | None, required: float | None, spare: float | None) -> dict[str, Any]:
    is_more, is_less = (None if value is None else value > 0 for value in (required, spare))
    nothing = Found(is_more, is_less, None, None, None)
    return {
        **nothing._asdict(),
        "utilisation": utilisation,
        "required_capacity": required,
        "spare_capacity": spare,
    }


def _balanced_alike(logged: Mapping[str, Any], replayed: Mapping[str, Any]) -> bool:
    for name in ("utilisation", "required_capacity", "spare_capacity"):
        one, other = logged[name], replayed[name]
        if one is not None and other is not None and abs(one - other) > demand.RELATIVE * max(abs(one), abs(other), 1):
            return False
    return True


# --- in words


def _what_is_missing(rows: Sequence[Row], by_model: Mapping[Group, Told]) -> str:
    if not rows:
        return "The log tells no analysis of capacity."
    without = [row for row in rows if row["reproduced"] is None]
    if without:
        what = "analysis" if len(rows) == 1 else "analyses"
        lacking = "; ".join(dict.fromkeys(_lacks(row, by_model) for row in without))
        return f"{len(without)} of {len(rows)} {what} cannot be replayed: {lacking}."
    unknown = next((_named(told, "trigger") for told in by_model.values() if not told.has_triggers), "")
    if not unknown:
        return ""
    return (
        f"Whether to scale is not replayed: {NOBODY} tells the {unknown} (the controller names them where it scales up "
        "or finds it unsafe to scale down)."
    )


NOBODY = "neither the log nor a ConfigMap in cluster/before"


def _lacks(row: Row, by_model: Mapping[Group, Told]) -> str:
    """What the log lacks to replay an analysis."""
    if row["analyzer"] != V1:
        return f"{row['missing']} (analyzers of demand tell thresholds since 0.6, capacities of variants since 0.9)"
    if row["missing"] == ROLES_MIXED:
        return ROLES_MIXED
    unknown = _named(by_model[Group(row["namespace"], row["model"])], "threshold")
    if not unknown:
        return "no pod has a line of its KV cache and its queue (from 0.5 on they need --v=4)"
    return (
        f"{NOBODY} tells the {unknown} (thresholds follow from the spare capacity, which is logged at DEBUG before "
        "0.5.1, and the pods' lines)"
    )


def _named(told: Told, kind: str) -> str:
    """The thresholds or triggers that nobody tells."""
    names = {f"kv_{kind}": f"KV {kind}", f"queue_{kind}": f"queue {kind}"}
    return " and the ".join(words for name, words in names.items() if getattr(told, name) is None)
