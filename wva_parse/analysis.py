"""The analysis of runs: all files that a run's directory gets, and `analyze`, which executes the notebooks.

The notebooks write the files (`write_results`), so that opening one in Jupyter does the same as `analyze`.
"""

from __future__ import annotations

import argparse
import errno
import os
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from multiprocessing import get_context
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple, NoReturn

import orjson
import pandas as pd
from matplotlib.figure import Figure
from tqdm import tqdm

from wva_parse import run
from wva_parse.aligned.experiment import KV_CACHE_THRESHOLD, QUEUE_THRESHOLD, Experiment, Thresholds
from wva_parse.log.json_files import read_json
from wva_parse.log.lines import LogError
from wva_parse.measures import stated, stats
from wva_parse.measures.decided import explain
from wva_parse.measures.summary import summarize
from wva_parse.optimizer import price
from wva_parse.report import overview, page, plots, request_plots, saved, sections, why_plots

# A kernel on the loopback interface warns on standard error that its messages are not encrypted.
QUIET_KERNEL = ["--IPKernelApp.log_level=ERROR"]

Draw = Callable[[Experiment], Figure]

MODEL_PLOTS: dict[str, Draw] = {
    "prediction_vs_observation": plots.prediction_vs_observation,
    "scaling_behavior": plots.scaling_behavior,
    "prediction_error_distribution": plots.prediction_error_distribution,
    "calibration": plots.calibration,
    "prediction_errors_over_time": plots.prediction_errors_over_time,
    "prediction_errors_by_condition": plots.prediction_errors_by_condition,
    "error_parts_over_time": why_plots.error_parts_over_time,
    "price_of_slo": why_plots.price_of_slo,
}
CAPACITY_PLOTS: dict[str, Draw] = {
    "kv_cache_utilization": plots.kv_cache_utilization,
    "queue_length": plots.queue_length,
    "scaling_with_context": plots.scaling_with_context,
    "per_pod_kv_cache": plots.per_pod_kv_cache,
    "spare_capacity": plots.spare_capacity,
}
COMMON_PLOTS: dict[str, Draw] = {
    "overview": overview.overview,
    "arrival_rate": plots.arrival_rate,
    "latencies": plots.latencies,
}
ANALYZER_PLOTS: dict[str, Draw] = {"demand_and_supply": plots.demand_and_supply}
REQUEST_PLOTS: dict[str, Draw] = {
    "request_distributions": request_plots.request_distributions,
    "requests_over_time": request_plots.requests_over_time,
    "ttft_by_ready_replicas": request_plots.ttft_by_ready_replicas,
}
TUNER_PLOTS: dict[str, Draw] = {"tuner_parameters": plots.tuner_parameters}


TABLES = {
    "model-based": ("processed_data", "price_of_slo"),
    "capacity-based": ("kv_cache_aggregated", "queue_aggregated", "capacity_analysis"),
}
METRICS = (run.METRICS_NAME, run.ANALYZERS_NAME)
MANY_RUNS = 4  # from more on it is worth saying how they are analysed sooner
SUMMARY_PAGE = "ANALYSIS_SUMMARY.md"
DOCUMENT, PAGE = "analysis.ipynb", "report.html"  # beside what `write_results` writes, by who executes a notebook


class Options(NamedTuple):
    """How to analyse: with report.html, judged by what, with figures in which formats, and where to (empty: the run).

    Without `notebook` the same files are written but the executed notebook. With `has_own_directory` the results of
    each run go to a directory of its name in `output_dir`.
    """

    html: bool
    given: stated.Stated
    formats: tuple[str, ...] = ("png",)
    thresholds: Thresholds = Thresholds()
    output_dir: str = ""
    has_own_directory: bool = False
    notebook: bool = True

    def output_for(self, directory: Path) -> str:
        """Where the results of a run go, as `run.load` takes it."""
        return str(Path(self.output_dir) / directory.name) if self.has_own_directory else self.output_dir


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


def write_results(experiment: Experiment, formats: str = "png") -> list[Path]:
    """Write every result of a run: metrics.csv, its tables, plots/, summary.json and ANALYSIS_SUMMARY.md.

    They come into their places when all of them are made, and what an earlier analysis has left beside them is removed
    (its page and its executed notebook, too: whoever executes this one writes them again), so that everything there is
    of the same parameters. Only files that an analysis writes are ever removed.

    Parameters
    ----------
    formats
        Of the figures: some of `saved.FORMATS`, separated by commas.

    Returns
    -------
    list of Path
        What was written.
    """
    output = experiment.output
    output.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(prefix=".analysis-", dir=output) as made:
        names = list(_make_results(experiment, Path(made), formats.split(",")))
        return _replace_results(output, Path(made), names)


def _make_results(experiment: Experiment, made: Path, formats: Sequence[str]) -> Iterator[str]:
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
    found = summarize(experiment)
    yield write_summary(found, made).name
    (made / SUMMARY_PAGE).write_text(sections.markdown(found, plots_of(experiment)), encoding="utf-8")
    yield SUMMARY_PAGE


def _replace_results(output: Path, made: Path, names: Sequence[str]) -> list[Path]:
    """Put results into their places, and remove those of an earlier analysis that are none of them."""
    for name in names:
        if (output / name).is_dir():
            raise IsADirectoryError(errno.EISDIR, "a directory where a result of the analysis belongs", output / name)
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
    figures = {f"plots/{name}.{kind}" for name in drawn for kind in saved.FORMATS}
    return {*METRICS, *tables, *figures, "summary.json", SUMMARY_PAGE, DOCUMENT, PAGE}


def write_summary(summary: dict[str, Any], output: Path) -> Path:
    """Write `summary.json` into a directory."""
    target = output / "summary.json"
    part = output / ".summary.json.part"
    part.write_bytes(orjson.dumps(summary, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE))
    return part.replace(target)


# --- the command


_THRESHOLDS = (
    ("kv-cache", stated.share, KV_CACHE_THRESHOLD, "X", "KV usage above which a pod counts as saturated, 0 to 1"),
    ("queue", stated.at_least_zero, QUEUE_THRESHOLD, "N", "waiting requests of a pod above which its queue is long"),
)


def _parser(command: str) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog=f"wva-parse {command}")
    parser.add_argument("runs", metavar="RUN", nargs="+", help="directories of runs")
    parser.add_argument("--jobs", type=_jobs, default=1, metavar="N", help="so many runs side by side")
    parser.add_argument("--html", action="store_true", help="write report.html as well, of several runs an index too")
    stated.add_options(parser)
    parser.add_argument(
        "--format",
        type=_formats,
        default=("png",),
        metavar="F,...",
        help="of the figures: png, svg, pdf (default: png)",
    )
    for name, number, usual, unit, what in _THRESHOLDS:
        told = f"{what} (default: {usual:g})"
        parser.add_argument(f"--{name}-threshold", type=number, default=usual, metavar=unit, help=told)
    parser.add_argument(
        "--output-dir",
        default="",
        metavar="DIR",
        help="where all results go instead of the run's directory; of several runs each into one of its name there",
    )
    parser.add_argument(
        "--no-notebook",
        action="store_true",
        help="write the same files but analysis.ipynb, in half the time: no kernel is started",
    )
    return parser


def main(command: str, argv: list[str]) -> int:
    """Execute the matching notebook on each run; 0, 2 if a run was no run, 1 if an analysis failed."""
    parser = _parser(command)
    arguments = parser.parse_args(argv)
    options = _options(arguments)
    if options.notebook and len(arguments.runs) > MANY_RUNS:
        print(f"wva_parse {command}: with --no-notebook this takes half the time", file=sys.stderr)
    if twice := _names_twice(arguments.runs) if options.has_own_directory else "":
        parser.error(f"--output-dir: two of the runs are called {twice}; analyse them one by one")
    outcomes = dict[str, str | Failure]()
    with _progress(len(arguments.runs)) as progress:
        for directory, outcome in _analyze_all(arguments.runs, arguments.jobs, options):
            outcomes[directory] = outcome
            number = f"[{len(outcomes)}/{len(arguments.runs)}]"
            progress.update()
            said = outcome.message if isinstance(outcome, Failure) else f"{directory}: done"
            progress.write(f"wva_parse analyze: {number} {said}", file=sys.stderr)
            if not isinstance(outcome, Failure):
                progress.write(outcome, file=sys.stdout)
    if arguments.html and len(outcomes) > 1:
        print(_write_index({directory: outcomes[directory] for directory in arguments.runs}, options))
    failures = [outcome for outcome in outcomes.values() if isinstance(outcome, Failure)]
    if all(failure.by_caller for failure in failures):
        return 2 if failures else 0
    return 1


def _options(arguments: argparse.Namespace) -> Options:
    output_dir = str(Path(arguments.output_dir).expanduser().resolve()) if arguments.output_dir else ""
    return Options(
        html=arguments.html,
        given=stated.stated_in(arguments),
        formats=arguments.format,
        thresholds=Thresholds(arguments.kv_cache_threshold, arguments.queue_threshold),
        output_dir=output_dir,
        has_own_directory=bool(output_dir) and len(arguments.runs) > 1,
        notebook=not arguments.no_notebook,
    )


def _names_twice(runs: Sequence[str]) -> str:
    """A name that two different directories have; empty if there is none."""
    names = [path.name for path in {Path(directory).resolve() for directory in runs}]
    return next((name for name in names if names.count(name) > 1), "")


def _progress(total: int) -> tqdm[NoReturn]:
    """A bar on a terminal; elsewhere the lines that each run gets say enough."""
    return tqdm(total=total, desc="analysing", unit="run", disable=total < 2 or not sys.stderr.isatty(), leave=False)


def _write_index(outcomes: Mapping[str, str | Failure], options: Options) -> Path:
    """Write index.html where all results or runs are, or into the working directory if that cannot be written to."""
    directories = [Path(directory).resolve() for directory in outcomes]
    base = Path(options.output_dir or os.path.commonpath([str(directory.parent) for directory in directories]))
    if options.output_dir:
        base.mkdir(parents=True, exist_ok=True)
    target = (base if os.access(base, os.W_OK) else Path.cwd()) / "index.html"
    entries = [_entry(directory, outcome, target.parent, options) for directory, outcome in outcomes.items()]
    target.write_text(page.index_page(entries), encoding="utf-8")
    return target


def _entry(directory: str, outcome: str | Failure, base: Path, options: Options) -> page.Entry:
    name = Path(directory).resolve().name
    if isinstance(outcome, Failure):
        document = Path(options.output_for(Path(directory).resolve()) or directory) / DOCUMENT
        link = os.path.relpath(document, base) if document.is_file() and not outcome.by_caller else ""
        return page.Entry(name, link, error=outcome.message)
    report = Path(outcome)
    return page.Entry(name, os.path.relpath(report, base), read_json(report.parent / "summary.json"))


def _jobs(text: str) -> int:
    if not text.isdigit() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"saw '{text}', expected a whole number, at least 1")
    return int(text)


def _formats(text: str) -> tuple[str, ...]:
    formats = tuple(dict.fromkeys(text.split(",")))
    if unknown := [each for each in formats if each not in saved.FORMATS]:
        raise argparse.ArgumentTypeError(f"saw '{unknown[0]}', expected some of {', '.join(saved.FORMATS)}")
    return formats


def _analyze_all(runs: Sequence[str], jobs: int, options: Options) -> Iterator[tuple[str, str | Failure]]:
    """Each run and its report or failure, as they are done."""
    if jobs == 1 or len(runs) == 1:
        for directory in runs:
            yield directory, analyze(directory, options)
        return
    # A forked kernel manager would share its parent's sockets.
    with ProcessPoolExecutor(min(jobs, len(runs)), mp_context=get_context("spawn")) as pool:
        waiting = {pool.submit(analyze, directory, options): directory for directory in runs}
        for done in as_completed(waiting):
            yield waiting[done], done.result()


def analyze(directory: str, options: Options) -> str | Failure:
    """Execute the notebook of one run.

    Returns
    -------
    str or Failure
        The path of the report that a reader opens first.
    """
    try:
        found = run.find_run(directory)
        experiment = run.load(found, output_dir=options.output_for(found))
    except (run.RunError, LogError) as error:
        return Failure(str(error), by_caller=True)
    output = experiment.output
    output.mkdir(parents=True, exist_ok=True)
    if output != experiment.directory and not options.output_dir:
        print(
            f"wva_parse analyze: {experiment.directory} cannot be written to; results go to {output}", file=sys.stderr
        )
    if problem := _execute(experiment, options) if options.notebook else _write(experiment, options):
        return Failure(f"{directory}: {problem}", by_caller=False)
    if options.html:
        report = write_report(output)
        if "svg" not in options.formats:
            for name in own_files():
                if name.endswith(".svg"):
                    (output / name).unlink(missing_ok=True)
        return str(report)
    return str(output / SUMMARY_PAGE)


def _write(experiment: Experiment, options: Options) -> str:
    """What the notebook writes, without it; what went wrong, or nothing."""
    directory = experiment.directory
    try:
        judged = run.load(
            directory,
            experiment.mode,
            *options.thresholds,
            **_stated(options),
            output_dir=options.output_for(directory),
        )
        write_results(judged, ",".join(_formats_of(options)))
    except Exception as error:  # as a cell of the notebook would: the other runs go on
        return f"the analysis failed: {type(error).__name__}: {error}; without --no-notebook the notebook shows where"
    return ""


def _stated(options: Options) -> dict[str, float]:
    """What was given, as `run.load` takes it."""
    return options.given._asdict()


def _formats_of(options: Options) -> list[str]:
    """Of the figures; the page shows those that do not blur."""
    return list(dict.fromkeys([*options.formats, *(["svg"] if options.html else [])]))


def _execute(experiment: Experiment, options: Options) -> str:
    """Execute the notebook of a run's mode; what went wrong, or nothing."""
    import papermill
    from papermill.exceptions import PapermillException

    notebook, document = run.NOTEBOOKS[experiment.mode], experiment.output / DOCUMENT
    parameters = {
        "EXPERIMENT_DIR": str(experiment.directory),
        "KV_CACHE_THRESHOLD": options.thresholds.kv_cache,
        "QUEUE_THRESHOLD": options.thresholds.queue,
        **{name.upper(): value for name, value in options.given._asdict().items()},
        "FORMATS": ",".join(_formats_of(options)),
        "OUTPUT_DIR": options.output_for(experiment.directory),
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
        said = str(error).strip().splitlines()[-1]
        return f"the notebook failed: {said}; {document} shows where"
    return ""


def write_report(output: Path) -> Path:
    """Write report.html from the results in a directory."""
    target = output / PAGE
    plots_dir = output / "plots"
    files = [*plots_dir.glob("*.png"), *plots_dir.glob("*.svg")]  # the latter are shown where there are both
    figures = {path.stem: path.read_bytes() for path in files}
    target.write_text(page.run_page(read_json(output / "summary.json"), figures), encoding="utf-8")
    return target
