"""The commands that need no more than a run's numbers: `csv`, `summary`, `compare`, `replay`."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import orjson

from wva_parse import comparison, run
from wva_parse.aligned.experiment import Experiment
from wva_parse.directories import RunError, find_run
from wva_parse.log.lines import LogError
from wva_parse.measures import decided, gates, stated, summary
from wva_parse.optimizer import analyses, replay
from wva_parse.optimizer.fit import fits_of
from wva_parse.optimizer.queueing import Parameters
from wva_parse.optimizer.replay import MEASURED
from wva_parse.report import compare, latex, replayed
from wva_parse.report.sections import Table

LATEX = "latex"
MISSED = 6  # the exit status of `summary --check`: a condition is missed


def main(command: str, argv: list[str]) -> int:
    """Run one command; 0, 2 for what the caller got wrong, 6 for a missed `summary --check`."""
    parser = argparse.ArgumentParser(prog=f"wva-parse {command}")
    configure, act = _COMMANDS[command]
    configure(parser)
    try:
        return act(parser.parse_args(argv))
    except (RunError, LogError, replay.ReplayError, gates.GateError) as error:
        print(f"wva_parse {command}: {error}", file=sys.stderr)
        return 2


def _one_run(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("run", metavar="RUN", help="the directory of a run")


def _one_run_or_json(parser: argparse.ArgumentParser) -> None:
    _one_run(parser)
    written = parser.add_mutually_exclusive_group()
    written.add_argument("--json", action="store_true", help="all numbers, as in summary.json")
    written.add_argument("--format", choices=("text", LATEX), default="text", help="latex: the table for a paper")
    written.add_argument(
        "--check",
        action="append",
        default=[],
        type=_condition,
        metavar="'PATH>=X'",
        help="hold a number of summary.json against >=, <=, >, < or == X, and exit 6 if one of them is missed; may be"
        " given several times",
    )
    stated.add_options(parser)


def _condition(text: str) -> gates.Condition:
    try:
        return gates.parse_condition(text)
    except gates.GateError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def _many_runs(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "runs", metavar="RUN", nargs="+", help="directories of runs, or, of runs whose log is gone, their summary.json"
    )
    parser.add_argument("--csv", metavar="FILE", help="the table of runs as CSV as well, a line per cell")
    parser.add_argument("--html", metavar="FILE", help="all of it as a page as well, with figures")
    parser.add_argument(
        "--format", choices=("markdown", LATEX), default="markdown", help="latex: its main table for a paper"
    )
    stated.add_options(parser)


def _replay_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("runs", metavar="RUN", nargs="+", help="directories of runs")
    parser.add_argument("--json", action="store_true", help="every decision as JSON, of several runs as a list")
    model = parser.add_argument_group("what the optimizer would have decided with (model-based)")
    model.add_argument("--slo-itl", type=stated.above_zero, metavar="MS", help="another objective of ITL")
    model.add_argument("--slo-ttft", type=stated.above_zero, metavar="MS", help="another objective of TTFT")
    model.add_argument(
        "--profile",
        type=_profile,
        default=LOGGED,
        metavar="logged|fitted|A,B,G,D",
        help="the parameters in force, those fitted to the run's observations, or alpha, beta, gamma and delta",
    )
    model.add_argument("--rate", choices=replay.RATES, default=MEASURED, help="by WVA, or by the workloads")
    model.add_argument("--min", type=_replicas, metavar="N", help="at least so many replicas of a variant")
    model.add_argument("--max", type=_replicas, metavar="N", help="at most so many")
    capacity = parser.add_argument_group("what the analyzer would have asked for with (capacity-based)")
    for name, (kind, what) in CAPACITY_OPTIONS.items():
        capacity.add_argument(f"--{name}", type=kind, metavar="X", help=what)


LOGGED, FITTED = "logged", "fitted"
DECISION_OPTIONS = ("slo-itl", "slo-ttft", "profile", "rate", "min", "max")


CAPACITY_OPTIONS: dict[str, tuple[Callable[[str], float], str]] = {
    "kv-threshold": (stated.share, "KV usage from which on a pod is saturated, 0 to 1"),
    "queue-threshold": (stated.at_least_zero, "waiting requests from which on a pod is saturated"),
    "kv-trigger": (stated.share, "mean spare KV below which replicas are added, 0 to 1"),
    "queue-trigger": (stated.at_least_zero, "mean spare queue (requests) below which replicas are added"),
}


def _replicas(text: str) -> int:
    if not text.isdigit() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"saw '{text}', expected a whole number, at least 1")
    return int(text)


def _profile(text: str) -> str | Parameters:
    if text in (LOGGED, FITTED):
        return text
    try:
        values = [float(part) for part in text.split(",")]
    except ValueError:
        values = []
    if len(values) != len(Parameters._fields) or not (values[0] > 0 and min(values) >= 0 and max(values) < 1e9):
        expected = "logged, fitted, or alpha,beta,gamma,delta in ms such as 7.47,0.044,15.415,0.000337"
        raise argparse.ArgumentTypeError(f"saw '{text}', expected {expected}")
    return Parameters(*values)


def _csv(arguments: argparse.Namespace) -> int:
    target, counts = run.write_metrics(find_run(arguments.run))
    print(target)
    unknown = sum(counts.unrecognised.values())
    said = f"{counts.lines} lines: {counts.recognised} known, {unknown} of no known form, {counts.not_json} not JSON"
    print(f"wva_parse csv: {said}", file=sys.stderr)
    for changed in counts.changed:  # the runner takes these lines for its closing words
        print(f"wva_parse csv: not read: {changed}", file=sys.stderr)
    return 0


def _summary(arguments: argparse.Namespace) -> int:
    found = summary.summarize(run.load(arguments.run, **stated.stated_in(arguments)._asdict()))
    if arguments.check:
        return _check(found, arguments.check)
    if arguments.json:
        sys.stdout.write(orjson.dumps(found, option=orjson.OPT_INDENT_2).decode() + "\n")
    elif arguments.format == LATEX:
        print(latex.latex_table(Table(["", "value"], list(compare.describe(found))), found["run"]))
    else:
        print("\n".join(f"{label + ':':30} {value}" for label, value in compare.describe(found)))
        for note in found["notes"]:
            print(f"- {note}")
    return 0


def _check(found: dict[str, Any], conditions: Sequence[gates.Condition]) -> int:
    """A line for each condition; all of them are looked at before the first is printed."""
    verdicts = [gates.judge(found, condition) for condition in conditions]
    print("\n".join(map(str, verdicts)))
    return 0 if all(verdict.is_met for verdict in verdicts) else MISSED


def _compare(arguments: argparse.Namespace) -> int:
    compared = comparison.read(arguments.runs, stated.stated_in(arguments))
    for reason in compared.left_out:
        print(f"wva_parse compare: left out: {reason}", file=sys.stderr)
    if compared.summaries:
        print(compared.latex() if arguments.format == LATEX else compared.document())
        if arguments.csv:
            with _written(arguments.csv) as target:
                compared.write_cells(target)
        if arguments.html:
            content = compared.html()
            with _written(arguments.html) as target:
                target.write_text(content, encoding="utf-8")
            print(target, file=sys.stderr)
    return 2 if compared.left_out else 0


@contextmanager
def _written(name: str) -> Iterator[Path]:
    """A file that the caller names, and that may not be writable."""
    try:
        yield Path(name)
    except OSError as error:
        raise RunError(f"{name}: cannot be written: {error.strerror}") from None


def _replay(arguments: argparse.Namespace) -> int:
    """Each run's replay; a run that cannot be replayed does not stop the others."""
    least, most = arguments.min, arguments.max
    if least and most and least > most:
        raise replay.ReplayError(f"--min {least} is more than --max {most}")
    found, failed = list[dict[str, Any]](), False
    for number, directory in enumerate(arguments.runs):
        try:
            experiment = run.load(directory)
            told, text = _REPLAYS[experiment.mode](experiment, arguments)
        except (RunError, LogError, replay.ReplayError) as error:
            failed = True
            print(f"wva_parse replay: {error}", file=sys.stderr)
            continue
        found.append(told)
        if not arguments.json:
            print(f"\n{text}" if number else text)
    if arguments.json:
        content: Any = found if len(arguments.runs) > 1 else found[0] if found else None
        if content is not None:
            sys.stdout.write(orjson.dumps(content, option=_JSON, default=_plain).decode() + "\n")
    return 2 if failed else 0


_JSON = orjson.OPT_INDENT_2 | orjson.OPT_SERIALIZE_NUMPY


def _plain(value: Any) -> Any:
    """What orjson does not know: named tuples."""
    if isinstance(value, tuple):
        return value._asdict() if hasattr(value, "_asdict") else list(value)
    raise TypeError(type(value).__name__)


def _replay_decisions(experiment: Experiment, arguments: argparse.Namespace) -> tuple[dict[str, Any], str]:
    _ignored(experiment, arguments, CAPACITY_OPTIONS)
    why = decided.explain(experiment)
    wish = replay.Wish(
        slo_itl_ms=arguments.slo_itl,
        slo_ttft_ms=arguments.slo_ttft,
        profiles=_profiles(experiment, why, arguments.profile),
        rate=arguments.rate,
        least=arguments.min,
        most=arguments.max,
    )
    found = replay.replay(experiment, why.decisions, wish)
    text = replayed.document(experiment.name, found, wish)
    if arguments.profile == FITTED:
        text += f"\n\n{replayed.fits_document(decided.fit_numbers(experiment, why))}"
    return replayed.as_json(experiment.name, experiment.mode, found), text


def _profiles(experiment: Experiment, why: decided.Explained, chosen: str | Parameters) -> dict[str | None, Parameters]:
    if isinstance(chosen, Parameters):
        return {None: chosen}
    if chosen == LOGGED:
        return {}
    profiles: dict[str | None, Parameters] = {}
    for variant, each in fits_of(why.pairs, why.decisions).items():
        if each.parameters is None:
            raise replay.ReplayError(f"{experiment.name}: no profile can be fitted for {variant}: {each.reason}")
        profiles[variant] = each.parameters
    return profiles


def _replay_analyses(experiment: Experiment, arguments: argparse.Namespace) -> tuple[dict[str, Any], str]:
    _ignored(experiment, arguments, DECISION_OPTIONS)
    asked = analyses.Asked(*(getattr(arguments, _attribute(name)) for name in CAPACITY_OPTIONS))
    as_was = analyses.replay_analyses(experiment)
    found = as_was if asked.is_as_it_was else analyses.replay_analyses(experiment, asked)
    return replayed.analyses_as_json(experiment.name, found), replayed.analyses_document(experiment.name, found, as_was)


_REPLAYS = {"model-based": _replay_decisions, "capacity-based": _replay_analyses}


def _attribute(option: str) -> str:
    return option.replace("-", "_")


def _ignored(experiment: Experiment, arguments: argparse.Namespace, names: Iterable[str]) -> None:
    """Say which options of the other mode were given; of several runs they may be meant for others."""
    given = [f"--{name}" for name in names if getattr(arguments, _attribute(name)) not in (None, LOGGED, MEASURED)]
    if given:
        changes = "changes" if len(given) == 1 else "change"
        said = f"{experiment.name} is {experiment.mode}: {', '.join(given)} {changes} nothing in it"
        print(f"wva_parse replay: {said}", file=sys.stderr)


_COMMANDS: dict[str, tuple[Callable[[argparse.ArgumentParser], None], Callable[[argparse.Namespace], int]]] = {
    "csv": (_one_run, _csv),
    "summary": (_one_run_or_json, _summary),
    "compare": (_many_runs, _compare),
    "replay": (_replay_options, _replay),
}
