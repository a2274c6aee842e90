"""The command `analyze`: many runs, each by the notebook of its mode, or by what the notebook calls.

The notebook is executed in a process of its own, and this one imports none of what it needs.
"""

from __future__ import annotations

import argparse
import gc
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from multiprocessing import get_context
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple, NoReturn

from tqdm import tqdm

from wva_parse.aligned.thresholds import KV_CACHE_THRESHOLD, QUEUE_THRESHOLD, Thresholds
from wva_parse.directories import (
    DOCUMENT,
    MODES,
    NOTEBOOKS,
    PAGE,
    SUMMARY_PAGE,
    RunError,
    find_run,
    output_of,
    planned_mode,
)
from wva_parse.log.json_files import read_json
from wva_parse.log.lines import LogError
from wva_parse.measures import stated
from wva_parse.report import page
from wva_parse.report.formats import FORMATS

MANY_RUNS = 4  # from more on it is worth saying how they are analysed sooner

# A kernel on the loopback interface warns on standard error that its messages are not encrypted.
QUIET_KERNEL = ["--IPKernelApp.log_level=ERROR"]
# Takes a second to import, for a format of texts that no notebook has; jsonschema does without it.
UNNEEDED = "rfc3987_syntax"


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


_THRESHOLDS = (
    ("kv-cache", stated.share, KV_CACHE_THRESHOLD, "X", "KV usage above which a pod counts as saturated, 0 to 1"),
    ("queue", stated.at_least_zero, QUEUE_THRESHOLD, "N", "waiting requests of a pod above which its queue is long"),
)


def _parser(command: str) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog=f"wva-parse {command}")
    parser.add_argument("runs", metavar="RUN", nargs="+", help="directories of runs")
    parser.add_argument(
        "--jobs",
        type=_jobs,
        metavar="N",
        help="so many runs side by side (default: the cores with --no-notebook, else 1: a kernel takes 250 MB)",
    )
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
        help="write the same files but analysis.ipynb, in two thirds of the time: no kernel is started",
    )
    return parser


def main(command: str, argv: list[str]) -> int:
    """Execute the matching notebook on each run; 0, 2 if a run was no run, 1 if an analysis failed."""
    parser = _parser(command)
    arguments = parser.parse_args(argv)
    arguments.runs = _each_once(arguments.runs)
    options = _options(arguments)
    if options.notebook and len(arguments.runs) > MANY_RUNS:
        print(f"wva_parse {command}: --no-notebook is quicker, and takes runs side by side", file=sys.stderr)
    if twice := _names_twice(arguments.runs) if options.has_own_directory else "":
        parser.error(f"--output-dir: two of the runs are called {twice}; analyse them one by one")
    outcomes = dict[str, str | Failure]()
    with _progress(len(arguments.runs)) as progress:
        for directory, outcome in _analyze_all(arguments.runs, arguments.jobs or _usual_jobs(options), options):
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


def _each_once(runs: Sequence[str]) -> list[str]:
    """The runs as they were given; of one that is given twice the first."""
    found = dict[Path, str]()
    for directory in runs:
        found.setdefault(Path(directory).resolve(), directory)
    return list(found.values())


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


def _usual_jobs(options: Options) -> int:
    if options.notebook:
        return 1
    # macOS has no affinity; a container may have fewer cores than its machine.
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _jobs(text: str) -> int:
    if not text.isdigit() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"saw '{text}', expected a whole number, at least 1")
    return int(text)


def _formats(text: str) -> tuple[str, ...]:
    formats = tuple(dict.fromkeys(text.split(",")))
    if unknown := [each for each in formats if each not in FORMATS]:
        raise argparse.ArgumentTypeError(f"saw '{unknown[0]}', expected some of {', '.join(FORMATS)}")
    return formats


def _analyze_all(runs: Sequence[str], jobs: int, options: Options) -> Iterator[tuple[str, str | Failure]]:
    """Each run and its report or failure, as they are done."""
    if jobs == 1 or len(runs) == 1:
        for directory in runs:
            yield directory, analyze(directory, options)
        return
    # A forked kernel manager would share its parent's sockets.
    left = dict.fromkeys(runs)
    with ProcessPoolExecutor(min(jobs, len(runs)), mp_context=get_context("spawn")) as pool:
        waiting = {pool.submit(analyze, directory, options): directory for directory in runs}
        for done in as_completed(waiting):
            if not isinstance(done.exception(), BrokenProcessPool):
                del left[waiting[done]]
                yield waiting[done], done.result()
    # A process was killed, and took the others' work with it: whose fault that was is seen one by one.
    for directory in left:
        yield directory, _analyze_apart(directory, options)


def _analyze_apart(directory: str, options: Options) -> str | Failure:
    """Analyse a run in a process that may be killed."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        try:
            return pool.submit(analyze, directory, options).result()
        except BrokenProcessPool:
            return Failure(f"{directory}: the process that analysed it was killed; is there enough memory?", False)


def analyze(directory: str, options: Options) -> str | Failure:
    """Analyse one run.

    Returns
    -------
    str or Failure
        The path of the report that a reader opens first.
    """
    try:
        found = find_run(directory)
        output = output_of(found, options.output_for(found))
        is_new = not output.exists()
        output.mkdir(parents=True, exist_ok=True)
    except RunError as error:
        return Failure(str(error), by_caller=True)
    except OSError as error:
        return Failure(f"{error.filename}: {error.strerror}; expected a place for results", by_caller=True)
    try:
        return _analyze_into(output, is_new, found, directory, options)
    except OSError as error:  # the other runs go on
        return Failure(f"{directory}: {error.filename}: {error.strerror}", by_caller=False)


def _analyze_into(output: Path, is_new: bool, found: Path, directory: str, options: Options) -> str | Failure:
    if output != found and not options.output_dir:
        print(f"wva_parse analyze: {found} cannot be written to; results go to {output}", file=sys.stderr)
    if failure := (_execute if options.notebook else _write)(found, output, options):
        if is_new and not any(output.iterdir()):
            output.rmdir()
        return failure._replace(message=failure.message if failure.by_caller else f"{directory}: {failure.message}")
    if not options.html:
        return str(output / SUMMARY_PAGE)
    report = write_report(output)
    if "svg" not in options.formats:
        for name in page.figure_names(read_json(output / "summary.json")):
            (output / "plots" / f"{name}.svg").unlink(missing_ok=True)
    return str(report)


def _write(directory: Path, output: Path, options: Options) -> Failure | None:
    """What the notebook writes, without it."""
    from wva_parse import analysis, run

    try:
        experiment = run.load(
            directory, "", *options.thresholds, **options.given._asdict(), output_dir=options.output_for(directory)
        )
    except (RunError, LogError) as error:
        return Failure(str(error), by_caller=True)
    try:
        with _collected_afterwards():
            analysis.write_results(experiment, ",".join(_formats_of(options)))
    except Exception as error:  # as a cell of the notebook would: the other runs go on
        said = f"the analysis failed: {type(error).__name__}: {error}; without --no-notebook the notebook shows where"
        return Failure(said, by_caller=False)
    return None


@contextmanager
def _collected_afterwards() -> Iterator[None]:
    """Nothing of an analysis can go before its end: to look for what can takes a tenth of its time."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
        gc.collect()


def _formats_of(options: Options) -> list[str]:
    """Of the figures; the page shows those that do not blur."""
    return list(dict.fromkeys([*options.formats, *(["svg"] if options.html else [])]))


def _execute(directory: Path, output: Path, options: Options) -> Failure | None:
    """Execute the notebook of a run's mode: that which it was planned for, and if it ran in another one, that."""
    planned = planned_mode(directory) or MODES[0]
    with TemporaryDirectory(prefix=".analysis-", dir=output) as made:
        document = Path(made) / DOCUMENT
        said = _execute_notebook(planned, directory, document, options)
        try:
            mode = _mode_of(directory) if said else str(read_json(output / "summary.json")["mode"])
        except (RunError, LogError) as error:
            return Failure(str(error), by_caller=True)
        if mode != planned:
            said = _execute_notebook(mode, directory, document, options)
        if document.is_file():
            document.replace(output / DOCUMENT)
    return Failure(f"the notebook failed: {said}; {output / DOCUMENT} shows where", by_caller=False) if said else None


def _mode_of(directory: Path) -> str:
    """The mode that a run ran in, where no analysis tells it; that it cannot be read may be why none does."""
    from wva_parse import run

    return run.load(directory).mode


def _execute_notebook(mode: str, directory: Path, document: Path, options: Options) -> str:
    """Execute the notebook of a mode; what went wrong, or nothing."""
    with _without(UNNEEDED):
        import papermill
        from papermill.exceptions import PapermillException

    parameters = {
        "EXPERIMENT_DIR": str(directory),
        "KV_CACHE_THRESHOLD": options.thresholds.kv_cache,
        "QUEUE_THRESHOLD": options.thresholds.queue,
        **{name.upper(): value for name, value in options.given._asdict().items()},
        "FORMATS": ",".join(_formats_of(options)),
        "OUTPUT_DIR": options.output_for(directory),
    }
    try:
        # Started where the results are, so that a read-only run has them in the same place when executed by hand.
        papermill.execute_notebook(
            str(NOTEBOOKS[mode]),
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


@contextmanager
def _without(module: str) -> Iterator[None]:
    """Imports that do without a module, as if it were not installed."""
    is_imported = module in sys.modules
    if not is_imported:
        sys.modules[module] = None  # type: ignore[assignment]
    try:
        yield
    finally:
        if not is_imported:
            del sys.modules[module]


def write_report(output: Path) -> Path:
    """Write report.html from the results in a directory."""
    target = output / PAGE
    plots_dir = output / "plots"
    files = [*plots_dir.glob("*.png"), *plots_dir.glob("*.svg")]  # the latter are shown where there are both
    figures = {path.stem: path.read_bytes() for path in files}
    target.write_text(page.run_page(read_json(output / "summary.json"), figures), encoding="utf-8")
    return target
