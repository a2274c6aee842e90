"""Warnings that a careful person would give about a run, computed from its numbers; one sentence each."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator

import pandas as pd

from wva_parse.aligned.frames import Frames
from wva_parse.measures.reaction import LOG_ENDED
from wva_parse.measures.texts import times

HOLE = 2.5  # times the usual interval between reconciliations
MISSING_IN_A_ROW = 3  # reconciliations without an observation; one is a hiccup of Prometheus


def find(
    frames: Frames,
    followed: pd.DataFrame,
    reacted: pd.DataFrame,
    restarts: int,
    limit_s: float,
    of_load: Iterable[str] = (),
    start_minutes: float = -math.inf,
) -> list[str]:
    """All warnings about a run, the gravest first: what requests felt, then what was lost, then what is not known.

    Parameters
    ----------
    frames
        Of the run.
    followed : DataFrame
        `scaling.follow_changes` of all variants.
    reacted : DataFrame
        `reaction.reactions`.
    restarts
        Of the controller's containers while the log was collected.
    limit_s
        `reaction.under_way_s`: a decision that was made no longer before the end may still be carried out.
    of_load
        `supply.starved_finding` and `course.course_finding`.
    start_minutes
        Of the load: what was so before it only is no warning (`before_load`).
    """
    end_minutes = frames.reconciliations["minutes"].max()
    found = [*_saturated_without_action(reacted), *_decisions_without_replicas(followed, end_minutes, limit_s)]
    found += [*_limited(frames), *of_load]
    under_load = frames.reconciliations["minutes"] >= start_minutes
    found += _safety_nets(frames, under_load)
    found += _missing_observations(frames, under_load)
    found += _clocks_set_back(frames)
    if restarts:
        found.append(f"The controller restarted {times(restarts)}; what it had learned was lost.")
    return found


def _saturated_without_action(reacted: pd.DataFrame) -> Iterator[str]:
    is_one = reacted["model"].nunique() <= 1
    ignored = reacted[reacted["to_decision_s"].isna()]
    for event in ignored.to_dict("records"):
        lasted = (
            "in one reconciliation, for how long is not known,"
            if pd.isna(event["duration_s"])
            else f"for {'at least ' if event['ended_by'] == LOG_ENDED else ''}{event['duration_s']:.0f} s"
        )
        yield (
            f"{'Saturated' if is_one else str(event['model']) + ' was saturated'} {lasted} from minute "
            f"{event['start_minutes']:.1f} on (KV usage up to {100 * event['peak']:.0f} %), and no scale-up was "
            "decided or under way."
        )


def _decisions_without_replicas(followed: pd.DataFrame, end_minutes: float, limit_s: float) -> Iterator[str]:
    is_one = followed["variant"].nunique() <= 1
    had_time = followed["minutes"] + limit_s / 60 <= end_minutes
    for change in followed[had_time & (followed["outcome"] == "never")].to_dict("records"):
        waited = (
            f"not later than {change['desired_s']:.0f} s after it they were held, but never ready"
            if change["desired_s"] >= 0
            else ""
        )
        yield (
            f"The decision of minute {change['minutes']:.1f} for {change['to']:.0f} replicas"
            f"{'' if is_one else ' of ' + str(change['variant'])} was never followed"
            f"{': ' + waited if waited else ' (is there a scaler, and what is its limit?)'}."
        )


def before_load(frames: Frames, start_minutes: float) -> Iterator[str]:
    """What is no warning because it was over when the load began, and holes in the log; one sentence each."""
    before = frames.reconciliations["minutes"] < start_minutes
    for warning in (*_safety_nets(frames, before), *_missing_observations(frames, before)):
        yield f"Before the load: {warning[0].lower() if not warning.startswith('WVA') else 'W'}{warning[1:]}"
    yield from _holes(frames)


def _holes(frames: Frames) -> Iterator[str]:
    """Where the log is silent for longer than between two reconciliations."""
    starts = frames.reconciliations.dropna(subset=["minutes"])["minutes"]
    for start, passed in zip(starts, starts.diff().shift(-1) * 60, strict=True):
        if passed > HOLE * frames.interval_s:
            yield (
                f"No reconciliation for {passed:.0f} s from minute {start:.1f} on, usually {frames.interval_s:.0f} s: "
                "what is told of that time is what was so before."
            )


def _missing_observations(frames: Frames, counted: pd.Series) -> Iterator[str]:
    """Among the reconciliations that are counted."""
    if not len(frames["observed_metrics"]):
        return  # said elsewhere: a release that logs none
    reconciliations = frames.reconciliations[counted]
    seen = reconciliations["reconciliation"].isin(set(frames["observed_metrics"]["reconciliation"]))
    group = seen.ne(seen.shift()).cumsum()
    for _, missing in reconciliations[~seen].groupby(group[~seen]):
        if len(missing) >= MISSING_IN_A_ROW:
            yield (
                f"No observation in {len(missing)} reconciliations in a row, from minute "
                f"{missing['minutes'].iloc[0]:.1f} to {missing['minutes'].iloc[-1]:.1f}."
            )


def _safety_nets(frames: Frames, counted: pd.Series) -> Iterator[str]:
    """In the reconciliations that are counted."""
    numbers = set(frames.reconciliations["reconciliation"][counted])
    found = frames["safety_net"]["reconciliation"].isin(numbers).sum()
    if found:
        yield f"WVA fell back on its safety net {times(int(found))}: it could not decide and repeated earlier targets."


def _clocks_set_back(frames: Frames) -> Iterator[str]:
    known = frames.reconciliations.dropna(subset=["minutes"])
    for number, passed in zip(known["reconciliation"], known["minutes"].diff(), strict=True):
        if passed < 0:
            yield (
                f"The log's time goes back by {-passed:.1f} min at reconciliation {number} (two logs in one file, or a "
                "clock that was set): supply is not compared with demand."
            )


def _limited(frames: Frames) -> Iterator[str]:
    limited = frames["decision_limited"]
    if len(limited):
        missing = (limited["wanted_replicas"] - limited["target_replicas"]).max()
        most = f", by up to {missing:.0f} replicas" if missing > 0 else ""
        yield f"There were too few GPUs: a target was cut {times(len(limited))}{most}."
