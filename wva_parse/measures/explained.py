"""Why a capacity-based controller did or did not scale, interval by interval, and what its mean over replicas hid.

Everything is read off the replay of its analyses (`optimizer.analyses`): KV usage and spare KV 0 to 1, queues in
requests, times in minutes of the run. *Masked saturation* is defined in `optimizer.saturation`. Of twin loop runs the
one whose decision counts (`frames`) speaks for its reconciliation here, but in numbers of analyses.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import pandas as pd

from wva_parse.aligned.align import GAP_INTERVALS
from wva_parse.aligned.frames import NO_CHANGE, Frames
from wva_parse.measures.texts import count
from wva_parse.optimizer.analyses import V1, Replay, Row
from wva_parse.optimizer.limits import limits_of
from wva_parse.optimizer.logged import Group, records
from wva_parse.optimizer.saturation import LEAST_TO_SCALE_DOWN, Limits, is_short

EXPLAINED_COLUMNS = (
    *("reconciliation", "minutes", "model", "role", "replicas", "free", "spare_kv", "spare_queue"),
    *("action", "why", "details"),
)
SPAN_COLUMNS = ["model", "from_minutes", "to_minutes", "reconciliations", "why", "details"]
MASKED_COLUMNS = ["reconciliation", "minutes", "model", "for_minutes", "kv_usage", "queue_length"]
OTHER_COLUMNS = ["kv_trigger", "queue_trigger", "reconciliation", "minutes"]

KV_STEP = 0.1  # between the triggers of spare KV that are tried

# What was logged of an analysis and decided after it -> why.
SCALED_UP = "scaled up: too little was spare"
HELD_UP = "more was asked for, and a change was still under way or a limit reached"
EARLIER = "an earlier target was carried out"
FOLLOWED = "the target was set to the replicas that report, though the analysis asks for no such change"
SCALED_DOWN = "scaled down: one replica less has enough to spare"
HELD_DOWN = "one less would do, and a change was still under way or one replica is left"
MASKED = "masked: a full pod beside one that is not saturated, whose spare asks for nothing"
TOO_FEW = "enough to spare; too few replicas are free to give one back"
NO_HEADROOM = "enough to spare, but not for one replica less"


class Masked(NamedTuple):
    """Masked saturation of a run.

    Attributes
    ----------
    analyses, judged
        How many analyses masked saturation, of those that could be judged.
    reconciliations, judged_reconciliations, minutes
        Those in which the last analysis of a model did, of how many, and for how long (each until the next one).
    first_minutes
        When it began; None if it never did.
    kv_usage, queue_length
        The most of any pod at these times.
    """

    analyses: int
    judged: int
    reconciliations: int
    judged_reconciliations: int
    minutes: float
    first_minutes: float | None
    kv_usage: float | None
    queue_length: float | None


# --- why


def explain(frames: Frames, replay: Replay) -> pd.DataFrame:
    """For each reconciliation and model, what was decided and why.

    Returns
    -------
    DataFrame
        `EXPLAINED_COLUMNS`: `why` is one of a few reasons, `details` says it with the numbers of that moment; `spare_*`
        as logged, else as replayed. Analyzers of demand explain themselves and have no rows.
    """
    decided, rows = _actions(frames), []
    before: dict[tuple[Any, ...], Any] = {}
    for row in _last_words(frames, replay):
        group = row["namespace"], row["model"], row["role"]
        mine = decided.get((row["loop_run"], row["namespace"], row["model"]), {})
        if row["logged"]["up"] is not None:
            rows.append(_explained(row, {**mine, "before": before.get(group)}, replay))
        before[group] = mine.get("target")
    return pd.DataFrame(rows, columns=list(EXPLAINED_COLUMNS))


def _last_words(frames: Frames, replay: Replay) -> list[Row]:
    """Of each reconciliation, model and role the last V1 analysis, of twins that whose decision counts (`frames`)."""
    decided, last = _actions(frames), dict[tuple[Any, ...], Row]()
    acted = frames["scaling_decision"][frames["scaling_decision"]["action"] != NO_CHANGE]
    counting = {(row["reconciliation"], row["namespace"], row["model"]): row["action"] for row in records(acted)}
    for row in replay.rows:
        if row["analyzer"] != V1:
            continue
        of = row["namespace"], row["model"]
        key = (row["reconciliation"], *of, row["role"])
        if key in last and (action := counting.get(key[:3])):
            before, after = (decided.get((each["loop_run"], *of), {}).get("action") for each in (last[key], row))
            if before == action and after == NO_CHANGE:
                continue
        last[key] = row
    return list(last.values())


def _actions(frames: Frames) -> dict[tuple[int, Any, Any], dict[str, Any]]:
    """What was decided for a model in a loop run: the action of the variants that change, and all their targets."""
    found: dict[tuple[int, Any, Any], dict[str, Any]] = {}
    for row in records(frames.by_loop_run["scaling_decision"]):
        key = row["loop_run"], row["namespace"], row["model"]
        mine = found.setdefault(key, {"action": NO_CHANGE, "target": 0})
        if row["action"] != NO_CHANGE:
            mine["action"] = row["action"]
        mine["target"] += int(row["target_replicas"] or 0)
    return found


def _explained(row: Row, decided: Mapping[str, Any], replay: Replay) -> tuple[object, ...]:
    logged, replayed = row["logged"], row["replayed"] or {}
    action = _own_action(row, str(decided.get("action", NO_CHANGE)))
    spare = [replayed.get(name) if logged[name] is None else logged[name] for name in ("spare_kv", "spare_queue")]
    why = _why(row, action)
    if why == EARLIER and decided["before"] not in (None, decided["target"]) and decided["target"] == row["replicas"]:
        why = FOLLOWED
    return (
        *(row["reconciliation"], row["minutes"], row["model"], row["role"], row["replicas"], logged["free"]),
        *spare,
        *(action, why, _details(why, row, spare, decided, replay)),
    )


def _own_action(row: Row, action: str) -> str:
    """The action, unless it is that of another role of the model: decisions do not tell whose they are."""
    asked_for = {"scale-up": row["logged"]["up"], "scale-down": row["logged"]["down_safe"]}
    return NO_CHANGE if row["role"] is not None and not asked_for.get(action, True) else action


def _why(row: Row, action: str) -> str:
    up, down_safe = row["logged"]["up"], row["logged"]["down_safe"]
    if up:
        return SCALED_UP if action == "scale-up" else EARLIER if action == "scale-down" else HELD_UP
    if action == "scale-up" or (action == "scale-down" and not down_safe):
        return EARLIER
    if action == "scale-down":
        return SCALED_DOWN
    if row["masked"]:
        return MASKED
    if down_safe:
        return HELD_DOWN
    return TOO_FEW if (row["logged"]["free"] or 0) < LEAST_TO_SCALE_DOWN else NO_HEADROOM


def _details(why: str, row: Row, spare: Sequence[float | None], decided: Mapping[str, Any], replay: Replay) -> str:
    """The numbers behind a reason, as far as they are known."""
    if why == SCALED_UP:
        told = replay.by_model[Group(row["namespace"], row["model"])]
        return _short(row, spare, (told.kv_trigger, told.queue_trigger))
    if why in (HELD_UP, HELD_DOWN, EARLIER):
        return _under_way(row, decided)
    if why == FOLLOWED:
        return f"{count(row['replicas'], 'replica')} reported, {decided['before']} had been decided before"
    if why == MASKED:
        return f"{_fullest(row)}; the mean spare of {count(row['logged']['free'], 'free pod')} is {_pair(spare)}"
    if why in (SCALED_DOWN, NO_HEADROOM):
        return f"one less would leave {_pair(row['remaining'])}" if row["remaining"] else ""
    return f"{count(row['logged']['free'] or 0, 'free pod')}, spare {_pair(spare)}"


def _short(row: Row, spare: Sequence[float | None], triggers: Sequence[float | None]) -> str:
    if not row["logged"]["free"]:
        return f"every replica was saturated: {_fullest(row)}" if row["pods"] else "every replica was saturated"
    below = {
        name: (have, trigger)
        for name, have, trigger in zip(("KV", "queue"), spare, triggers, strict=True)
        if have is not None and trigger is not None and have < trigger
    }
    named = below or {name: (have, trigger) for name, have, trigger in row["below"]}
    if not named:
        return f"spare {_pair(spare)}"
    return " and ".join(
        f"spare {name} {have:{_FORM[name]}} < {trigger:{_FORM[name]}}" for name, (have, trigger) in named.items()
    )


_FORM = {"KV": ".3f", "queue": ".1f"}  # as WVA prints them


def _under_way(row: Row, decided: Mapping[str, Any]) -> str:
    target, reporting = decided.get("target"), row["replicas"]
    if target is None or reporting is None:
        return "the log tells no decision"
    if reporting < target:
        return f"{reporting} of {target} replicas reported, the others were starting"
    if reporting > target:
        return f"{count(reporting, 'replica')} reported for a target of {target}, the others were stopping"
    return f"{count(reporting, 'replica')} reported, as wanted"


def _fullest(row: Row) -> str:
    kv, queue = (max(pod[index] for pod in row["pods"]) for index in (0, 1))
    return f"KV usage up to {100 * kv:.0f} %, {count(int(queue), 'request')} waiting at one pod"


def _pair(spare: Sequence[float | None]) -> str:
    kv, queue = spare
    parts = ([] if kv is None else [f"{kv:.3f} KV"]) + ([] if queue is None else [f"{queue:.1f} requests"])
    return " and ".join(parts) or "not logged"


def spans_of(explained: pd.DataFrame) -> pd.DataFrame:
    """The explanations, with those of one kind in a row put together.

    Returns
    -------
    DataFrame
        `SPAN_COLUMNS`; `details` are those of the first.
    """
    parts = []
    for (model, _), rows in explained.groupby(["model", "role"], dropna=False, sort=False):
        for _, span in rows.groupby(rows["why"].ne(rows["why"].shift()).cumsum()):
            first, last = span.iloc[0], span.iloc[-1]
            parts.append((model, first["minutes"], last["minutes"], len(span), first["why"], first["details"]))
    return pd.DataFrame(parts, columns=SPAN_COLUMNS).sort_values("from_minutes", kind="stable", ignore_index=True)


# --- what was masked


def masked_reconciliations(frames: Frames, replay: Replay) -> pd.DataFrame:
    """The reconciliations whose last analysis (of twins the one whose decision counts) masked saturation.

    Returns
    -------
    DataFrame
        `MASKED_COLUMNS`: `for_minutes` until the next reconciliation; the most of any pod's KV usage and queue.
    """
    until = dict(_lengths(frames))
    rows = [
        (
            *(row["reconciliation"], row["minutes"], row["model"], until[row["reconciliation"]]),
            *(max(pod[index] for pod in row["pods"]) for index in (0, 1)),
        )
        for row in _last_words(frames, replay)
        if row["masked"]
    ]
    return pd.DataFrame(rows, columns=MASKED_COLUMNS)


def _lengths(frames: Frames) -> Iterator[tuple[int, float]]:
    """How many minutes a reconciliation's word holds: until the next, but no longer than a gap."""
    usual = frames.interval_s / 60 if frames.interval_s == frames.interval_s else 0.0  # NaN: a single one
    minutes = list(frames.reconciliations["minutes"])
    for number_, start, end in zip(
        frames.reconciliations["reconciliation"], minutes, [*minutes[1:], None], strict=True
    ):
        length = usual if end is None else end - start
        yield int(number_), length if 0 <= length <= GAP_INTERVALS * usual else usual


def masked(frames: Frames, replay: Replay) -> Masked | None:
    """How much saturation was masked; None if the log does not tell."""
    if not replay.is_judged_for_masking:
        return None
    judged = sum(row["masked"] is not None for row in replay.rows)
    of = len({row["reconciliation"] for row in replay.rows if row["masked"] is not None})
    found = masked_reconciliations(frames, replay)
    if not len(found):
        return Masked(len(replay.masked), judged, 0, of, 0.0, None, None, None)
    once = found.drop_duplicates("reconciliation")  # of several models the time counts once
    return Masked(
        len(replay.masked),
        judged,
        len(once),
        of,
        float(once["for_minutes"].sum()),
        float(found["minutes"].min()),
        float(found["kv_usage"].max()),
        float(found["queue_length"].max()),
    )


def masked_finding(frames: Frames, replay: Replay) -> Iterator[str]:
    """A warning about masked saturation, with the triggers that would have seen it."""
    found = masked(frames, replay)
    if found is None or not found.analyses:
        return
    # Of twin loop runs one may have masked it, and the other one have said so.
    text = f"Saturation was masked in {found.analyses} of {count(found.judged, 'analysis', 'analyses')}"
    if found.reconciliations:
        text = (
            f"Saturation was masked in {found.reconciliations} of "
            f"{count(found.judged_reconciliations, 'reconciliation')}, for {found.minutes:.1f} min in all, first at "
            f"minute {found.first_minutes:.1f}"
        )
    most = max(replay.masked, key=lambda row: max(queue for _, queue in row["pods"]))
    asked = "no scale-up was asked for" if found.reconciliations else "these asked for no scale-up"
    yield (
        f"{text}: {_fullest(most)}, and {asked}, because the spare capacity is a mean over the pods that are not "
        f"saturated. {_would_have_fired(replay)}".rstrip()
    )


def _would_have_fired(replay: Replay) -> str:
    """Which triggers, at most as high as the thresholds, would have asked for more in the first masked analysis."""
    first = replay.masked[0]
    if first["replayed"] is None:
        return ""
    told = replay.by_model[Group(first["namespace"], first["model"])]
    spare = (
        ("a KV trigger", first["replayed"]["spare_kv"], told.kv_threshold, "{:.3f}"),
        ("a queue trigger", first["replayed"]["spare_queue"], told.queue_threshold, "{:.1f}"),
    )
    able = [f"{name} above {form.format(have)}" for name, have, most, form in spare if most is None or have < most]
    if not able:
        return "No trigger would have fired: what was free was empty."
    return f"At minute {first['minutes']:.1f} only {' or '.join(able)} would have fired."


# --- other triggers


def other_triggers(replay: Replay) -> pd.DataFrame:
    """When other triggers would first have asked for more replicas; the controller's own are among them.

    One of the two is another, in steps of `KV_STEP` and of one request up to the threshold; the answer is exact: until
    then no decision differs.

    Returns
    -------
    DataFrame
        `OTHER_COLUMNS`, no rows without known limits; reconciliation and minutes are NaN where none ever would.
    """
    own = limits_of(replay.thresholds)
    if own is None or not replay.thresholds.has_triggers:
        return pd.DataFrame(columns=OTHER_COLUMNS)
    steps = range(1, int(own.kv_threshold / KV_STEP + 1e-9) + 1)
    kv = sorted({own.kv_trigger, *(round(step * KV_STEP, 3) for step in steps)})
    queue = sorted({own.queue_trigger, *map(float, range(1, int(own.queue_threshold) + 1))})
    tried = [own._replace(kv_trigger=each) for each in kv] + [own._replace(queue_trigger=each) for each in queue]
    rows = [(each.kv_trigger, each.queue_trigger, *_first_up(replay, each)) for each in dict.fromkeys(tried)]
    return pd.DataFrame(rows, columns=OTHER_COLUMNS)


def _first_up(replay: Replay, limits: Limits) -> tuple[float, float]:
    for row in replay.rows:
        found = row["replayed"]
        if row["pods"] and found and is_short(found["spare_kv"], found["spare_queue"], limits):
            return row["reconciliation"], row["minutes"]
    return float("nan"), float("nan")
