"""A run, read: all of its directory once; and its metrics.csv, written.

Works on the directories that `run-experiment.sh` makes and on older captures that hold no more than a log and a
config. Nothing that is missing stops the analysis of the rest, but the log itself.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any, TextIO

from wva_parse import directories
from wva_parse.aligned.advice import HOW_TO_SAY_AN_SLO
from wva_parse.aligned.align import align
from wva_parse.aligned.clients import merge_clients, name_of, partial_results, reason_of
from wva_parse.aligned.decisions import keep_relevant, make_decisions
from wva_parse.aligned.experiment import Experiment
from wva_parse.aligned.frames import Frames, Window, make_frames, utc_times
from wva_parse.aligned.objectives import GIVEN, OTHER_RUNS, Slo, override
from wva_parse.aligned.observed import LOG, NOTHING, observe
from wva_parse.aligned.requests import Requests, make_requests
from wva_parse.aligned.samples import make_samples
from wva_parse.aligned.schedule import is_cut, schedule_as_json
from wva_parse.aligned.slo import override_in_force, slo_in_force, slo_of_run
from wva_parse.aligned.supply import first_load, make_supply
from wva_parse.aligned.thresholds import KV_CACHE_THRESHOLD, QUEUE_THRESHOLD, Thresholds
from wva_parse.aligned.twins import find_twins
from wva_parse.directories import MODES, RunError, find_run, output_of, read_config, read_schedule, told
from wva_parse.log.benchmark import Client, Without, last_result, without_result
from wva_parse.log.dialects import OVERLAYS
from wva_parse.log.events import parse_events
from wva_parse.log.json_files import is_broken, objects_in, read_json_list, read_record
from wva_parse.log.lines import LOG_NAME, LineCounts, LogError, open_log, parse_stamp, read_lines
from wva_parse.log.requests import Records, counted, read_text, records_of_csv, records_of_log
from wva_parse.log.rows import (
    ANALYZER_COLUMNS,
    ANALYZER_EVENT_TYPES,
    METRICS_COLUMNS,
    METRICS_EVENT_TYPES,
    TWIN_S,
    LoopRun,
    Row,
    make_rows,
)
from wva_parse.log.samples import SAMPLES_NAME, parse_samples
from wva_parse.log.sheet import Sheet

METRICS_NAME = "metrics.csv"
ANALYZERS_NAME = "analyzers.csv"

# Of the lists in cluster/before, those that somebody reads.
SNAPSHOTS = ("configmaps", "controller", "deployment", "pods", "scalers", "variantautoscalings")
SNAPSHOTS_AFTER = ("variantautoscalings",)
# What the controller's mode lines say (`rows` normalises them) -> the mode of the experiment.
LOGGED_MODES = {
    "model-only": "model-based",
    "hybrid": "model-based",  # it predicts as well
    "capacity-only": "capacity-based",
    "saturation-only": "capacity-based",
    "saturation": "capacity-based",
    "queueing-model": "model-based",
}
# For logs without mode lines, in this order: what only one of the modes logs.
TELLING_KINDS = (
    ("prediction", "model-based"),
    ("capacity_analysis", "capacity-based"),
    ("analyzer_result", "capacity-based"),
)
# What the reason of a decision begins with, in one of the modes only; and the releases that have but one.
TELLING_REASONS = (
    ("model-based only", "model-based"),
    ("capacity-only mode", "capacity-based"),
    ("saturation-only mode", "capacity-based"),
    ("V2", "capacity-based"),
)
TELLING_RELEASES = {"model-based": {"D0", "D1"}, "capacity-based": {"D4", "D7", "D8", "D7/D8"}}

# Releases that tell KV usage and queue of a pod at a high verbosity only.
NEED_VERBOSITY = frozenset(("D4", "D5", "D6", "D7", "D8"))

MOST_PROBLEMS = 6  # with the records of requests that are told one by one

# What run.json says of a workload -> what a reader of its numbers should know.
_TOLD_RESULTS = {"failed": "failed", "not-stopped": "could not be stopped and may have sent beyond its end"}

NO_SLO = f"No SLO is known, from the log or from the config: nothing is judged by one ({HOW_TO_SAY_AN_SLO})."


@told()
def load(
    experiment_dir: str | Path = "",
    mode: str = "",
    kv_cache_threshold: float = KV_CACHE_THRESHOLD,
    queue_threshold: float = QUEUE_THRESHOLD,
    replica_capacity_per_s: float = 0,
    price_per_gpu_hour: float = 0,
    slo_itl_ms: float = 0,
    slo_ttft_ms: float = 0,
    output_dir: str | Path = "",
) -> Experiment:
    """Read a run.

    Parameters
    ----------
    experiment_dir
        Its directory; empty: the latest run of `mode`.
    mode
        `model-based` or `capacity-based`: which run to look for; needed only without a directory.
    kv_cache_threshold, queue_threshold
        See `Thresholds`.
    replica_capacity_per_s, price_per_gpu_hour
        See `Experiment`; 0 if nobody knows.
    slo_itl_ms, slo_ttft_ms
        Objectives to judge by, whatever the log or the config says; 0: those.
    output_dir
        Where results go; empty: into the run, or what `output_of` finds for one that cannot be written to.

    Raises
    ------
    RunError
        If there is no such run, or `output_dir` is another one.
    LogError
        If its log cannot be read, or holds nothing that a WVA controller logs.
    """
    directory = find_run(experiment_dir, mode)
    output = output_of(directory, output_dir)
    config, config_notes = read_config(directory)
    record = read_record(directory / "run.json")
    collection = read_record(directory / "collection.json")
    before = {name: read_json_list(directory / "cluster" / "before" / f"{name}.json") for name in SNAPSHOTS}
    after = {name: read_json_list(directory / "cluster" / "after" / f"{name}.json") for name in SNAPSHOTS_AFTER}
    window = window_of(record)
    counts, loop_runs = LineCounts(), list[LoopRun]()
    kept = list[Row]()
    rows = keep_relevant(read_rows(directory / LOG_NAME, counts, loop_runs), kept)
    frames = make_frames(rows, loop_runs, window)
    if loop_runs and not any(each.start for each in loop_runs):
        raise LogError(
            f"{directory / LOG_NAME}: its lines tell no time; expected 'ts' in each object, or a time before each. "
            "Was it cut out by a tool that drew the log? Collect it again with kubectl logs"
        )
    samples = make_samples(read_samples(directory / SAMPLES_NAME), frames.zero, window)
    frames, observed_from = observe(frames, samples)
    if window.start is None and (zero := first_load(frames)) is not None:
        frames, samples = frames.since(zero), samples.since(zero)
    configured = configured_slo(config)
    in_force = slo_in_force(frames, configured)
    found_mode, evidence = find_mode(frames, config, record, counts.dialects)
    printed = read_client(directory / "job-logs", record)
    recorded, works = read_records(directory), objects_in(record.get("workloads"))
    client = merge_clients(printed, recorded, works)
    experiment = Experiment(
        directory=directory,
        output=output,
        mode=found_mode,
        mode_evidence=evidence,
        config=config,
        record=record,
        collection=collection,
        before=before,
        after=after,
        counts=counts,
        loop_runs=len(loop_runs),
        frames=frames,
        window=window,
        samples=samples,
        decisions=make_decisions(kept, frames),
        alignment=align(frames, in_force),
        slo=slo_of_run(frames, configured),
        slo_in_force=in_force,
        thresholds=Thresholds(kv_cache_threshold, queue_threshold),
        supply=make_supply(frames, samples, window, before, kv_cache_threshold, queue_threshold),
        replica_capacity_per_s=replica_capacity_per_s if replica_capacity_per_s > 0 else None,
        price_per_gpu_hour=price_per_gpu_hour if price_per_gpu_hour > 0 else None,
        observed_from=observed_from,
        client=client,
        requests=make_requests(recorded, works, printed, frames.zero),
        schedule=read_schedule(directory, record, config, client),
        notes=(),
    )
    if slo_itl_ms > 0 or slo_ttft_ms > 0:
        experiment = with_slo(experiment, Slo(max(slo_itl_ms, 0) or None, max(slo_ttft_ms, 0) or None, GIVEN))
    broken = (
        f"{name} is no whole JSON object: what it would tell is not known here."
        for name in ("run.json", "collection.json")
        if is_broken(directory / name)
    )
    return with_notes(experiment, (*config_notes, *broken, *_order_notes(loop_runs)))


def read_summary(path: Path) -> dict[str, Any]:
    """As `directories.read_summary`; where it does not tell the load, that is added from its directory."""
    summary = directories.read_summary(path)
    if "schedule" not in summary:
        config, _ = read_config(path.parent)
        record = read_record(path.parent / "run.json")
        client = read_client(path.parent / "job-logs", record)
        found = read_schedule(path.parent, record, config, client)
        if found.workloads:
            summary["schedule"] = schedule_as_json(found)
    return summary


# --- reading its files ----------------------------------------------------------------------------


def read_rows(log: Path, counts: LineCounts, loop_runs: list[LoopRun] | None = None) -> Iterator[Row]:
    """Yield the rows of a log in one pass; `counts` and `loop_runs` are filled along the way.

    Raises
    ------
    LogError
        At the end, if no line was one that a WVA controller prints.
    """
    yield from make_rows(parse_events(read_lines(open_log(log), counts), counts), loop_runs)
    if not counts.recognised:
        raise LogError(
            f"{log}: {counts.lines} lines, and none that a WVA controller prints ({counts.not_json} are no log lines); "
            "expected its log. Is controller_pod_prefix that of the controller? If its release is not known yet: "
            f"wva-parse explain {log}"
        )


def read_samples(path: Path) -> Iterator[dict[str, Any]]:
    """Yield the samples of a file, none if it does not exist."""
    if not path.is_file():
        return
    with path.open("rb") as stream:
        yield from parse_samples(stream)


def read_client(directory: Path, record: dict[str, Any] | None = None) -> Client:
    """The results in the load generators' logs, and the logs that hold none: why, `run.json` may know."""
    works = {str(work.get("name")): work for work in objects_in((record or {}).get("workloads"))}
    results, without = [], []
    for path in sorted(directory.glob("*.log")):
        text = read_text(path)
        if result := last_result(path.stem, text):
            results.append(result)
        else:
            without.append(_without(path.stem, text, works.get(name_of(path.stem).workload, {})))
    return Client(tuple(results), tuple(without))


def _without(job: str, text: str, work: dict[str, Any]) -> Without:
    if is_cut(work):
        return Without(job, "cut", "it was cut: its answers had not come within the time that they were waited for")
    return without_result(job, text, reason_of(name_of(job), str(work.get("reason") or "")))


def read_records(directory: Path) -> dict[str, Records]:
    """The records of single requests: those in requests/, and of Job logs that nothing whole was taken from yet."""
    recorded = {path.stem: records_of_csv(read_text(path), f"requests/{path.name}") for path in csv_files(directory)}
    for path in sorted((directory / "job-logs").glob("*.log")):
        text, taken = read_text(path), recorded.get(path.stem)
        if taken and taken.sent and not taken.problems and counted(text) <= taken.sent:
            continue
        found = records_of_log(text, f"job-logs/{path.name}")
        if found and not taken:
            recorded[path.stem] = found
        elif taken and found and found.sent and (not found.problems or found.sent > taken.sent):
            problem = f"requests/{path.stem}.csv is not whole: the records are those in job-logs/{path.name}"
            recorded[path.stem] = replace(found, problems=(problem, *found.problems))
    return recorded


def csv_files(directory: Path) -> list[Path]:
    """The files of records of a run; none if it has no such folder."""
    return sorted(path for path in (directory / "requests").glob("*.csv") if path.is_file())


def window_of(record: dict[str, Any]) -> Window:
    """From the first workload's start to the end of the cooldown, as far as `run.json` tells."""
    starts = [workload.get("start") for workload in record.get("workloads") or []]
    times = utc_times([*starts, None]).dropna()
    if not len(times):
        return Window()
    end = (record.get("cooldown") or {}).get("end") or record.get("end")
    ends = utc_times([end]).dropna()
    return Window(times.min(), ends.iloc[0] if len(ends) else None)


def configured_slo(config: dict[str, Any]) -> Slo:
    """The objectives that a config gives for logs that tell none."""
    given = config.get("slo")
    values = [given.get(key) for key in ("itl_ms", "ttft_ms")] if isinstance(given, dict) else [None, None]
    itl_ms, ttft_ms = (float(value) if isinstance(value, (int, float)) and value > 0 else None for value in values)
    return Slo(itl_ms, ttft_ms, "config" if itl_ms or ttft_ms else "unknown")


def find_mode(
    frames: Frames, config: dict[str, Any], record: dict[str, Any], dialects: Collection[str]
) -> tuple[str, str]:
    """The mode that the controller ran in, and how it is known; what ran counts more than what was planned."""
    said = frames["mode"]["reason"].map(LOGGED_MODES).dropna()
    if len(said):
        mode = str(said.mode().iloc[0])
        words = ", ".join(frames["mode"]["reason"][said.index[said == mode]].unique())
        return mode, f"{int((said == mode).sum())} of {len(said)} mode lines of the log: {words}"
    for kind, mode in TELLING_KINDS:
        if len(frames[kind]):
            return mode, f"the log has {kind} lines"
    reasons = frames["scaling_decision"]["reason"].dropna()
    for begins, mode in TELLING_REASONS:
        if reasons.str.startswith(begins).any():
            return mode, f"the log has decisions for the reason '{begins} ...'"
    for mode, only in TELLING_RELEASES.items():
        if dialects and set(dialects) <= only:
            return mode, f"its release ({', '.join(dialects)}) has no other mode"
    planned = record.get("mode") or config.get("mode")
    if planned in MODES:
        return str(planned), "the config"
    if len(frames["kv_cache"]):  # some builds log them in both modes
        return "capacity-based", "the log has kv_cache lines, and no predictions"
    raise RunError(
        "the log tells no mode and neither does the config; expected 'mode: model-based' or 'mode: capacity-based' "
        "in experiment-config.yaml"
    )


def with_slo(experiment: Experiment, slo: Slo) -> Experiment:
    """The experiment judged by other objectives; where these say nothing, by its own."""
    in_force = override_in_force(experiment.slo_in_force, slo)
    return replace(
        experiment,
        slo=override(experiment.slo, slo),
        slo_in_force=in_force,
        alignment=align(experiment.frames, in_force),
        notes=tuple(note for note in experiment.notes if note != NO_SLO),
    )


def judge_alike(experiments: Sequence[Experiment], others: Iterable[Slo], given: Slo) -> list[Experiment]:
    """Runs of a comparison, judged by one SLO as far as that can be.

    Where all runs that know an SLO (those of `others` too, whose logs are gone) know the same, it judges those that
    know none. What is given comes before either.
    """
    known = {(slo.itl_ms, slo.ttft_ms) for slo in (*(each.slo for each in experiments), *others) if slo.is_known}
    found = list(experiments)
    if len(known) == 1:
        common = Slo(*known.pop(), OTHER_RUNS)
        found = [each if each.slo.is_known else with_slo(each, common) for each in found]
    return [with_slo(each, given) if given.is_known else each for each in found]


def with_notes(experiment: Experiment, notes: Iterable[str]) -> Experiment:
    """The experiment with its notes."""
    return replace(experiment, notes=tuple(notes) + tuple(_notes(experiment)))


def _notes(experiment: Experiment) -> Iterator[str]:
    record, config, counts = experiment.record, experiment.config, experiment.counts
    if experiment.simulated:
        yield "SIMULATED: made on the embedded cluster; its numbers say nothing about real hardware."
    planned = record.get("mode") or config.get("mode")
    if planned in MODES and planned != experiment.mode:
        yield f"The config says {planned}, but the controller ran {experiment.mode} ({experiment.mode_evidence})."
    if record.get("status") not in (None, "complete"):
        yield f"The run is not complete: its status is {record['status']}."
    for work in record.get("workloads") or []:
        if words := _TOLD_RESULTS.get(str(work.get("result"))):
            yield f"Workload {work.get('name')} {words}: {work.get('reason') or 'no reason is known'}."
    yield from (f"{each}." for each in partial_results(experiment.client, objects_in(record.get("workloads"))))
    yield from _requests_notes(experiment.requests)
    collection = experiment.collection
    if collection and (not collection.get("complete") or collection.get("running") is True):
        reasons = list(map(str, collection.get("reasons") or []))
        if collection.get("running") is True:
            reasons.append("its collection did not end, and lines after its last poll may be missing")
        yield f"The controller's log may have gaps: {'; '.join(reasons) or 'no reason given'}."
    yield from _mixtures(experiment)
    if experiment.frames.outside:
        yield (
            f"{experiment.frames.outside} reconciliations before the first workload or after the cooldown "
            "are left out of every number and figure."
        )
    if experiment.observed_from == NOTHING:
        yield (
            "The log holds no observed ITL and TTFT (WVA 0.5 logs none, later releases with --v=4 only), and neither "
            "do samples of the cluster."
        )
    elif experiment.observed_from != LOG:
        source = experiment.observed_from.removeprefix(f"{LOG} and ")
        yield f"Observations that the log does not tell by variant are taken from {source}."
    if not len(experiment.frames["kv_cache"]) and NEED_VERBOSITY.intersection("/".join(counts.dialects).split("/")):
        yield (
            "The log holds no KV usage of single pods, and may lack their queues: WVA logs them with --v=4 only since "
            "0.5 (forks after 0.9 tell those of pods without a dispatch rate)."
        )
    if experiment.slo.source == "unknown":
        yield NO_SLO
    unknown = sum(counts.unrecognised.values())
    if unknown:
        most = max(counts.unrecognised, key=lambda opening: counts.unrecognised[opening])
        yield f"{unknown} lines of the log are of no known form, most often '{most} ...'."
    yield from (f"{changed}." for changed in counts.changed)


def _order_notes(loop_runs: Sequence[LoopRun]) -> Iterator[str]:
    """What must be known of a log whose time goes back."""
    starts = [start for each in loop_runs if (start := parse_stamp(each.start))]
    steps = [(after - before).total_seconds() for before, after in pairwise(starts)]
    back, on = sum(step < -TWIN_S for step in steps), sum(step > TWIN_S for step in steps)
    if back > on:
        yield (
            f"The log is newest first (its time goes back {back} times and on {on} times): its numbers are wrong. Turn "
            "it round, for example with tac, and read it again."
        )
    elif back:
        yield (
            f"The log's time goes back {'once' if back == 1 else f'{back} times'}: it is several logs in one, or a "
            "clock was set; what needs an order of time may be wrong there."
        )


def _requests_notes(requests: Requests) -> Iterator[str]:
    for each in requests.workloads if requests.are_known else ():
        if each.unknown:
            why = "it was cut" if each.cut else "their records are missing"
            yield (
                f"Nothing is known of {each.unknown} requests of workload {each.workload}: {why}. They are in no "
                "latency and no share."
            )
    problems = requests.problems
    yield from (f"{problem}." for problem in problems[:MOST_PROBLEMS])
    if len(problems) > MOST_PROBLEMS:
        yield f"{len(problems) - MOST_PROBLEMS} more things are wrong with the records of requests."


def _mixtures(experiment: Experiment) -> Iterator[str]:
    """What of the log must not be taken for one thing: modes, models, releases."""
    counted = experiment.frames["mode"]["reason"].value_counts(sort=False)
    if len(counted) > 1:
        listed = ", ".join(f"{mode} ({count} reconciliations)" for mode, count in counted.items())
        yield f"The controller changed its mode during the run: {listed}; numbers are over all of them."
    models = sorted(set(experiment.frames["scaling_decision"]["model"].dropna()))
    if len(models) > 1:
        yield f"The log is about {len(models)} models ({', '.join(models)}): numbers are over all of them."
    for result in experiment.client.results:
        if result.tool:
            yield f"The table of {result.job} is one of {result.tool}; read is what vllm bench serve tells as well."
    twins = find_twins(experiment.frames)
    if twins.disagreed:
        yield (
            f"{twins.reconciliations} reconciliations are several passes of the loop within {TWIN_S:g} s; in "
            f"{twins.disagreed} of them the passes wanted different replicas of a variant, and the last word counts, "
            "unless it is a no-change and the next reconciliation finds what had been decided before it."
        )
    releases = [name for name in experiment.counts.dialects if name not in OVERLAYS]
    if len(releases) > 1:
        yield f"Several releases wrote the log ({', '.join(releases)}): the controller was replaced during the run."


# --- writing metrics.csv --------------------------------------------------------------------------


@told()
def write_metrics(directory: Path, output: Path | None = None) -> tuple[Path, LineCounts]:
    """Write a run's metrics.csv in one pass over its log; a file that exists is replaced when the new one is whole.

    What the analyzers of newer releases log goes to analyzers.csv beside it, if there is any.

    Returns
    -------
    Path, LineCounts
        metrics.csv, and what became of the lines.
    """
    output = output or output_of(directory)
    output.mkdir(parents=True, exist_ok=True)
    counts, has_analyzers = LineCounts(), False
    with _replacing(output / METRICS_NAME) as of_metrics, _replacing(output / ANALYZERS_NAME) as of_analyzers:
        metrics, analyzers = Sheet(of_metrics, METRICS_COLUMNS), Sheet(of_analyzers, ANALYZER_COLUMNS)
        for row in read_rows(directory / LOG_NAME, counts):
            if row["event_type"] in _OF_METRICS:
                metrics.write(row)
            if row["event_type"] in _OF_ANALYZERS or not row.keys().isdisjoint(_ONLY_ANALYZERS):
                analyzers.write(row)
                has_analyzers = True
        metrics.flush()
        analyzers.flush()
    if not has_analyzers:
        (output / ANALYZERS_NAME).unlink()
    return output / METRICS_NAME, counts


_OF_METRICS, _OF_ANALYZERS = frozenset(METRICS_EVENT_TYPES), frozenset(ANALYZER_EVENT_TYPES)
_ONLY_ANALYZERS = frozenset(ANALYZER_COLUMNS) - frozenset(METRICS_COLUMNS)


@contextmanager
def _replacing(target: Path) -> Iterator[TextIO]:
    """A file to write, which takes the place of `target` if nothing goes wrong."""
    part = target.with_name(f".{target.name}.part")
    try:
        with part.open("w", newline="", encoding="utf-8") as stream:
            yield stream
        part.replace(target)
    finally:
        part.unlink(missing_ok=True)
