"""The analysis of a run: all files that its directory gets.

The notebooks write them (`write_results`), so that opening one in Jupyter does the same as the command `analyze`.
"""

from __future__ import annotations

import errno
from collections.abc import Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import orjson
import pandas as pd

from wva_parse import run
from wva_parse.aligned.experiment import Experiment
from wva_parse.directories import DOCUMENT, PAGE, SUMMARY_PAGE
from wva_parse.measures import stats
from wva_parse.measures.decided import explain
from wva_parse.measures.summary import summarize
from wva_parse.optimizer import price
from wva_parse.report import formats, overview, plots, request_plots, saved, sections, why_plots
from wva_parse.report.drawn import Draw, once

MODEL_PLOTS: dict[str, Draw] = {
    "prediction_vs_observation": once(plots.prediction_vs_observation),
    "scaling_behavior": once(plots.scaling_behavior),
    "prediction_error_distribution": once(plots.prediction_error_distribution),
    "calibration": once(plots.calibration),
    "prediction_errors_over_time": once(plots.prediction_errors_over_time),
    "prediction_errors_by_condition": once(plots.prediction_errors_by_condition),
    "error_parts_over_time": once(why_plots.error_parts_over_time),
    "price_of_slo": once(why_plots.price_of_slo),
}
CAPACITY_PLOTS: dict[str, Draw] = {
    "kv_cache_utilization": once(plots.kv_cache_utilization),
    "queue_length": once(plots.queue_length),
    "scaling_with_context": once(plots.scaling_with_context),
    "per_pod_kv_cache": once(plots.per_pod_kv_cache),
    "spare_capacity": once(plots.spare_capacity),
}
COMMON_PLOTS: dict[str, Draw] = {
    "overview": once(overview.overview),
    "arrival_rate": once(plots.arrival_rate),
    "latencies": once(plots.latencies),
}
ANALYZER_PLOTS: dict[str, Draw] = {"demand_and_supply": once(plots.demand_and_supply)}
REQUEST_PLOTS: dict[str, Draw] = {
    "request_distributions": once(request_plots.request_distributions),
    "requests_over_time": once(request_plots.requests_over_time),
    "ttft_by_ready_replicas": once(request_plots.ttft_by_ready_replicas),
}
TUNER_PLOTS: dict[str, Draw] = {"tuner_parameters": once(plots.tuner_parameters)}


TABLES = {
    "model-based": ("processed_data", "price_of_slo"),
    "capacity-based": ("kv_cache_aggregated", "queue_aggregated", "capacity_analysis"),
}
METRICS = (run.METRICS_NAME, run.ANALYZERS_NAME)


# --- the files of one run


def plots_of(experiment: Experiment) -> dict[str, Draw]:
    """The figures that a run gets, by file name."""
    own = MODEL_PLOTS if experiment.mode == "model-based" else CAPACITY_PLOTS
    frames = experiment.frames
    chosen = {**own, **COMMON_PLOTS}
    chosen |= request_plots_of(experiment)
    if len(frames["analyzer_result"]):
        chosen |= ANALYZER_PLOTS
    if len(frames["tuner_update"]) or len(frames["nis_rejection"]):
        chosen |= TUNER_PLOTS
    return chosen


def request_plots_of(experiment: Experiment) -> dict[str, Draw]:
    """The figures of single requests, by file name; none for a run without records of them."""
    return REQUEST_PLOTS if any(each.recorded for each in experiment.requests.workloads) else {}


def tables_of(experiment: Experiment) -> dict[str, pd.DataFrame]:
    """The tables that a run gets, by file name; their columns are in docs/files.md."""
    if experiment.mode == "model-based":
        why = explain(experiment)
        return {
            "processed_data": why.pairs,
            "price_of_slo": price.price_of_slo(experiment, why.decisions).curve,
        }
    frames = experiment.frames
    analysis = frames["capacity_analysis"].drop(columns=["namespace", "reason"])
    if analysis["role"].isna().all():  # only some releases tell roles apart
        analysis = analysis.drop(columns="role")
    return {
        "kv_cache_aggregated": stats.aggregate_pods(frames["kv_cache"], "kv_cache_usage"),
        "queue_aggregated": stats.aggregate_pods(frames["queue"], "queue_length", with_total=True),
        "capacity_analysis": analysis,
    }


def write_results(experiment: Experiment, formats: str = "png", summary: dict[str, Any] | None = None) -> list[Path]:
    """Write every result of a run: metrics.csv, its tables, plots/, summary.json and ANALYSIS_SUMMARY.md.

    They come into their places when all of them are made, and what an earlier analysis has left beside them is removed
    (its page and its executed notebook, too: whoever executes this one writes them again), so that everything there is
    of the same parameters. Only files that an analysis writes are ever removed.

    Parameters
    ----------
    formats
        Of the figures: some of `formats.FORMATS`, separated by commas.

    Returns
    -------
    list of Path
        What was written.
    """
    output = experiment.output
    output.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(prefix=".analysis-", dir=output) as made:
        names = list(_make_results(experiment, Path(made), formats.split(","), summary or summarize(experiment)))
        return _replace_results(output, Path(made), names)


def _make_results(experiment: Experiment, made: Path, formats: Sequence[str], found: dict[str, Any]) -> Iterator[str]:
    """Write the results into an empty directory; yield their names."""
    run.write_metrics(experiment.directory, made)
    yield from (name for name in METRICS if (made / name).exists())
    for name, table in tables_of(experiment).items():
        table.to_csv(made / f"{name}.csv", index=False, date_format="%Y-%m-%dT%H:%M:%S.%fZ")
        yield f"{name}.csv"
    (made / "plots").mkdir()
    for name, draw in plots_of(experiment).items():
        figure = draw(experiment)
        for kind in formats:
            (made / "plots" / f"{name}.{kind}").write_bytes(saved.rendered(figure, kind))
            yield f"plots/{name}.{kind}"
    yield write_summary(found, made).name
    (made / SUMMARY_PAGE).write_text(sections.markdown(found, plots_of(experiment)), encoding="utf-8")
    yield SUMMARY_PAGE


def _replace_results(output: Path, made: Path, names: Sequence[str]) -> list[Path]:
    """Put results into their places, and remove those of an earlier analysis that are none of them."""
    for name in names:
        if (output / name).is_dir():
            raise IsADirectoryError(errno.EISDIR, "a directory where a result of the analysis belongs", output / name)
    if (output / "plots").is_file():
        raise NotADirectoryError(errno.ENOTDIR, "a file where the directory of figures belongs", output / "plots")
    (output / "plots").mkdir(exist_ok=True)
    for name in names:
        (made / name).replace(output / name)
    for name in own_files().difference(names):
        if (output / name).is_file() or (output / name).is_symlink():
            (output / name).unlink()
    return [output / name for name in names]


def own_files() -> set[str]:
    """Every file that an analysis may write, of either mode: names below the directory of its results."""
    tables = {f"{name}.csv" for names in TABLES.values() for name in names}
    drawn = (*MODEL_PLOTS, *CAPACITY_PLOTS, *COMMON_PLOTS, *ANALYZER_PLOTS, *REQUEST_PLOTS, *TUNER_PLOTS)
    figures = {f"plots/{name}.{kind}" for name in drawn for kind in formats.FORMATS}
    return {*METRICS, *tables, *figures, "summary.json", SUMMARY_PAGE, DOCUMENT, PAGE}


def write_summary(summary: dict[str, Any], output: Path) -> Path:
    """Write `summary.json` into a directory."""
    target = output / "summary.json"
    part = output / ".summary.json.part"
    part.write_bytes(orjson.dumps(summary, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE))
    return part.replace(target)
