"""The analysis of runs: all files that a run's directory gets, and `analyze`, which executes the notebooks.

The notebooks write the files (`write_results`), so that opening one in Jupyter does the same as `analyze`.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from multiprocessing import get_context
from pathlib import Path
from typing import NamedTuple

import pandas as pd
from matplotlib.figure import Figure

from wva_parse import plots, report, run, stats
from wva_parse.lines import LogError
from wva_parse.run import Experiment
from wva_parse.summary import summarize, write_summary

DPI = 120

# A kernel on the loopback interface warns on standard error that its messages are not encrypted.
QUIET_KERNEL = ["--IPKernelApp.log_level=ERROR"]

Draw = Callable[[Experiment], Figure]

MODEL_PLOTS: dict[str, Draw] = {
    "prediction_vs_observation": plots.prediction_vs_observation,
    "scaling_behavior": plots.scaling_behavior,
    "prediction_error_distribution": plots.prediction_error_distribution,
    "calibration": plots.calibration,
}
CAPACITY_PLOTS: dict[str, Draw] = {
    "kv_cache_utilization": plots.kv_cache_utilization,
    "queue_length": plots.queue_length,
    "scaling_with_context": plots.scaling_with_context,
    "per_pod_kv_cache": plots.per_pod_kv_cache,
}
COMMON_PLOTS: dict[str, Draw] = {"arrival_rate": plots.arrival_rate, "latencies": plots.latencies}
ANALYZER_PLOTS: dict[str, Draw] = {"demand_and_supply": plots.demand_and_supply}
TUNER_PLOTS: dict[str, Draw] = {"tuner_parameters": plots.tuner_parameters}


class Failure(NamedTuple):
    """A run that could not be analysed; `by_caller`: because of what was given."""

    message: str
    by_caller: bool


# --- the files of one run


def plots_of(experiment: Experiment) -> dict[str, Draw]:
    """The figures that a run gets, by file name."""
    own = MODEL_PLOTS if experiment.mode == "model-based" else CAPACITY_PLOTS
    frames = experiment.frames
    chosen = {**own, **COMMON_PLOTS}
    if len(frames["analyzer_result"]):
        chosen |= ANALYZER_PLOTS
    if len(frames["tuner_update"]) or len(frames["nis_rejection"]):
        chosen |= TUNER_PLOTS
    return chosen


def tables_of(experiment: Experiment) -> dict[str, pd.DataFrame]:
    """The tables that a run gets, by file name; their columns are in the README."""
    if experiment.mode == "model-based":
        return {"processed_data": experiment.alignment.pairs}
    frames = experiment.frames
    analysis = frames["capacity_analysis"].drop(columns="namespace")
    if analysis["role"].isna().all():  # only some releases tell roles apart
        analysis = analysis.drop(columns="role")
    return {
        "kv_cache_aggregated": stats.aggregate_pods(frames["kv_cache"], "kv_cache_usage"),
        "queue_aggregated": stats.aggregate_pods(frames["queue"], "queue_length", with_total=True),
        "capacity_analysis": analysis,
    }


def write_results(experiment: Experiment) -> list[Path]:
    """Write every result of a run: metrics.csv, its tables, plots/, summary.json and ANALYSIS_SUMMARY.md.

    Returns
    -------
    list of Path
        What was written.
    """
    output = experiment.output
    (output / "plots").mkdir(parents=True, exist_ok=True)
    written = [run.write_metrics(experiment.directory, output)[0]]
    for name, table in tables_of(experiment).items():
        written.append(output / f"{name}.csv")
        table.to_csv(written[-1], index=False, date_format="%Y-%m-%dT%H:%M:%S.%fZ")
    for name, draw in plots_of(experiment).items():
        written.append(output / "plots" / f"{name}.png")
        draw(experiment).savefig(written[-1], dpi=DPI)
    found = summarize(experiment)
    written.append(write_summary(found, output))
    written.append(output / "ANALYSIS_SUMMARY.md")
    written[-1].write_text(report.markdown(found), encoding="utf-8")
    return written


# --- the command


def main(command: str, argv: list[str]) -> int:
    """Execute the matching notebook on each run; 0, 2 if a run was no run, 1 if an analysis failed."""
    parser = argparse.ArgumentParser(prog=f"python -m wva_parse {command}")
    parser.add_argument("runs", metavar="RUN", nargs="+", help="directories of runs")
    parser.add_argument("--jobs", type=_jobs, default=1, metavar="N", help="so many runs side by side")
    parser.add_argument("--html", action="store_true", help="write report.html as well")
    arguments = parser.parse_args(argv)
    failures = []
    for number, (directory, outcome) in enumerate(_analyze_all(arguments.runs, arguments.jobs, arguments.html), 1):
        progress = f"[{number}/{len(arguments.runs)}]"
        if isinstance(outcome, Failure):
            failures.append(outcome)
            print(f"wva_parse analyze: {progress} {outcome.message}", file=sys.stderr)
        else:
            print(f"wva_parse analyze: {progress} {directory}: done", file=sys.stderr)
            print(outcome)
    if all(failure.by_caller for failure in failures):
        return 2 if failures else 0
    return 1


def _jobs(text: str) -> int:
    if not text.isdigit() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"saw '{text}', expected a whole number, at least 1")
    return int(text)


def _analyze_all(runs: Sequence[str], jobs: int, html: bool) -> Iterator[tuple[str, str | Failure]]:
    """Each run and its report or failure, as they are done."""
    if jobs == 1 or len(runs) == 1:
        for directory in runs:
            yield directory, analyze(directory, html)
        return
    # A forked kernel manager would share its parent's sockets.
    with ProcessPoolExecutor(min(jobs, len(runs)), mp_context=get_context("spawn")) as pool:
        waiting = {pool.submit(analyze, directory, html): directory for directory in runs}
        for done in as_completed(waiting):
            yield waiting[done], done.result()


def analyze(directory: str, html: bool = False) -> str | Failure:
    """Execute the notebook of one run.

    Returns
    -------
    str or Failure
        The path of the report that a reader opens first.
    """
    try:
        experiment = run.load(run.find_run(directory))
    except (run.RunError, LogError) as error:
        return Failure(str(error), by_caller=True)
    output = experiment.output
    output.mkdir(parents=True, exist_ok=True)
    if output != experiment.directory:
        print(
            f"wva_parse analyze: {experiment.directory} cannot be written to; results go to {output}", file=sys.stderr
        )
    document = output / "analysis.ipynb"
    problem = _execute(run.NOTEBOOKS[experiment.mode], document, experiment)
    if problem:
        return Failure(f"{directory}: the notebook failed: {problem}; {document} shows where", by_caller=False)
    if html:
        return str(write_html(document, output / "report.html"))
    return str(output / "ANALYSIS_SUMMARY.md")


def _execute(notebook: Path, document: Path, experiment: Experiment) -> str:
    """Execute a notebook into a document; what went wrong, or nothing."""
    import papermill
    from papermill.exceptions import PapermillException

    parameters = {
        "EXPERIMENT_DIR": str(experiment.directory),
        "KV_CACHE_THRESHOLD": experiment.thresholds.kv_cache,
        "QUEUE_THRESHOLD": experiment.thresholds.queue,
    }
    try:
        # Started where the results are, so that a read-only run has them in the same place when executed by hand.
        papermill.execute_notebook(
            str(notebook),
            str(document),
            parameters,
            kernel_name="python3",
            progress_bar=False,
            cwd=str(Path.cwd()),
            extra_arguments=QUIET_KERNEL,
        )
    except PapermillException as error:
        return str(error).strip().splitlines()[-1]
    return ""


def write_html(document: Path, target: Path) -> Path:
    """Turn an executed notebook into one self-contained page without its code."""
    import nbformat
    from nbconvert import HTMLExporter

    notebook = nbformat.read(str(document), as_version=4)  # type: ignore[no-untyped-call]
    exporter = HTMLExporter(  # type: ignore[no-untyped-call]
        exclude_input=True, exclude_input_prompt=True, exclude_output_prompt=True
    )
    # Nothing from the network: the page must open offline, and years from now.
    exporter.mathjax_url = exporter.require_js_url = exporter.jquery_url = exporter.mermaid_js_url = ""
    body, _ = exporter.from_notebook_node(notebook, {"metadata": {"name": target.parent.name}})
    target.write_text(body, encoding="utf-8")
    return target
