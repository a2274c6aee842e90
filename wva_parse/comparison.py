"""Several runs, read and compared: for the command `compare` and for the notebook compare-runs.ipynb.

In a notebook: `compared = comparison.load("experiment-data/*-moderate-*")`, then `compared.answer()`, `.figures()`,
`.tables()`, `.document()`, `.values(figure)` and `.write(directory)`.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from wva_parse import run
from wva_parse.aligned.experiment import Experiment
from wva_parse.aligned.objectives import GIVEN, Slo
from wva_parse.directories import PROJECT, RunError, find_summary
from wva_parse.log.json_files import dig, read_record
from wva_parse.log.lines import LOG_NAME, LogError
from wva_parse.measures import pooling, stated, summary
from wva_parse.measures.texts import count
from wva_parse.report import compare, latex, provenance
from wva_parse.report.sections import Table
from wva_parse.report.versus import Versus

if TYPE_CHECKING:  # a comparison without figures need not wait for what draws
    from matplotlib.figure import Figure

Summary = dict[str, Any]

PLOTS = ("trade_off", "over_time")


@dataclass(frozen=True)
class Comparison:
    """Runs that are judged alike.

    Attributes
    ----------
    runs
        Those that have a log, by their names.
    summaries, facts
        Of all, under names of their own, and how they were made.
    left_out
        Why others are not among them.
    """

    runs: Mapping[str, Experiment]
    summaries: Sequence[Summary]
    facts: Mapping[str, provenance.Facts]
    left_out: Sequence[str]

    def answer(self) -> str:
        """What is said first, as Markdown: the sentences, and what makes the runs unequal."""
        first = compare.opening(self.summaries, self.facts)
        unequal = [f"**Unequal:** {sentence}" for pair in first.pairs for sentence in pair.unequal]
        return "\n\n".join([*first.sentences, *unequal, *(f"Left out: {each}" for each in self.left_out)])

    def tables(self) -> list[pd.DataFrame]:
        """The six figures of both modes, of each two that are the same experiment; without any, of all runs."""
        found = compare.main_table(self.summaries, self.facts)
        return [pd.DataFrame(table.rows, columns=list(table.header)).set_index(table.header[0]) for _, table in found]

    def figures(self) -> dict[str, Figure]:
        """`trade_off` and `over_time` by these names; numbered from the second pair of modes on."""
        found = dict[str, "Figure"]()
        for number, members in enumerate(self._drawn(), start=1):
            suffix = "" if number == 1 else f"_{number}"
            found |= {f"{name}{suffix}": figure for name, figure in self._figures_of(members).items()}
        return found

    def document(self) -> str:
        """All of it as Markdown, without pictures."""
        return compare.document(self.summaries, self.facts)

    def latex(self) -> str:
        """The tables for a paper."""
        found = compare.main_table(self.summaries, self.facts)
        return "\n\n".join(latex.latex_table(table, caption) for caption, table in found)

    def values(self, figure: str) -> pd.Series:
        """A figure of each run, by group, mode and name: any line of the table of runs, by what it is called there."""
        cells = pd.DataFrame(compare.cells(self.summaries))
        return cells[cells["figure"] == figure].set_index(["group", "mode", "run"])["value"].rename(figure)

    def html(self) -> str:
        """A page that needs nothing else."""
        from wva_parse.report import overlay, page, saved

        first = compare.opening(self.summaries, self.facts)
        tables: list[tuple[str, Versus | None, Table | None]] = [*compare.first_tables(first)] or [("", None, None)]
        drawn = list(self._drawn()) or [[]]
        pairs = [
            page.Pair(
                title,
                pair.unequal if pair else (),
                [page.picture(saved.rendered(each, "svg"), _ALT[name]) for name, each in self._figures_of(who).items()],
                table,
            )
            for (title, pair, table), who in zip(tables, drawn, strict=False)
        ]
        overlays = compare.overlays(list(self.runs.values())) if self.runs else {}
        figures = {name: saved.rendered(overlay.overlay(members, name), "svg") for name, members in overlays.items()}
        parts = compare.sections(self.summaries, self.facts, list(figures))
        return page.compare_page(self._said(), first.sentences, pairs, parts, figures)

    def write(self, directory: str | Path, formats: str = "png") -> list[Path]:
        """Write comparison.html, .md, .csv and .tex, and the figures; nothing without a directory.

        Parameters
        ----------
        formats
            Of the figures: some of `formats.FORMATS`, separated by commas.
        """
        from wva_parse.report import saved

        if not str(directory):
            return []
        base = Path(directory).expanduser()
        texts = {"html": self.html(), "md": self.document() + "\n", "tex": self.latex() + "\n"}
        files = {base / f"comparison.{ending}": text.encode() for ending, text in texts.items()}
        for name, figure in self.figures().items():
            files |= {base / f"{name}.{kind}": saved.rendered(figure, kind) for kind in formats.split(",")}
        base.mkdir(parents=True, exist_ok=True)
        for path, content in files.items():
            path.write_bytes(content)
        return [*files, self.write_cells(base / "comparison.csv")]

    def write_cells(self, target: Path) -> Path:
        """Write the table of runs as CSV, a line per cell."""
        cells = list(compare.cells(self.summaries))
        with target.open("w", encoding="utf-8", newline="") as stream:
            writer = csv.DictWriter(stream, list(cells[0]))
            writer.writeheader()
            writer.writerows(cells)
        return target

    def _said(self) -> str:
        modes = [str(each.get("mode") or "of no known mode") for each in self.summaries]
        told = ", ".join(f"{modes.count(mode)} {mode}" for mode in dict.fromkeys(modes))
        loads = {pooling.load_of(pooling.schedule_in(each)) for each in self.summaries} - {""}
        simulated = [bool(each.get("simulated")) for each in self.summaries]
        parts = [
            f"{count(len(modes), 'run')}: {told}",
            loads.pop() if len(loads) == 1 else "",
            "SIMULATED" if all(simulated) else "some of them SIMULATED" if any(simulated) else "on a real cluster",
        ]
        return " · ".join(part for part in parts if part)

    def _drawn(self) -> Iterator[list[str]]:
        """The names of runs that may be drawn together: both modes of an experiment, without any the most repeats."""
        pairs = compare.opening(self.summaries, self.facts).pairs
        if pairs:
            yield from ([str(each["run"]) for each in pair.summaries] for pair in pairs)
            return
        found = pooling.groups_of([pooling.conditions_of(each) for each in self.summaries])
        most = max(found, key=lambda group: len(group.runs))
        if len(most.runs) > 1:
            yield [str(self.summaries[run]["run"]) for run in most.runs]

    def _figures_of(self, names: Sequence[str]) -> dict[str, Figure]:
        from wva_parse.report import compare_plots

        trade_off = compare_plots.trade_off([each for each in self.summaries if each["run"] in names])
        runs = [self.runs[name] for name in names if name in self.runs]
        over_time = compare_plots.over_time(runs) if runs else None
        drawn = zip(PLOTS, (trade_off, over_time), strict=True)
        return {name: figure for name, figure in drawn if figure is not None}


_ALT = {
    "trade_off": "What each run held, against how well it served",
    "over_time": "Replicas held and ITL of both modes over time",
}


def load(
    runs: str | Sequence[str] = "",
    slo_itl_ms: float = 0,
    slo_ttft_ms: float = 0,
    replica_capacity_per_s: float = 0,
    price_per_gpu_hour: float = 0,
) -> Comparison:
    """Read runs and judge them alike.

    Parameters
    ----------
    runs
        Directories or summaries; or one text: names or glob patterns separated by commas, empty for all runs below
        experiment-data/. What is not found in the working directory is looked for in the project.
    slo_itl_ms, slo_ttft_ms, replica_capacity_per_s, price_per_gpu_hour
        As for `run.load`.

    Raises
    ------
    RunError
        If none of them is a run.
    """
    given = stated.Stated(slo_itl_ms, slo_ttft_ms, replica_capacity_per_s, price_per_gpu_hour)
    found = read(find_runs(runs) if isinstance(runs, str) else runs, given)
    if not found.summaries:
        raise RunError(f"none of {runs!r} can be read: {'; '.join(found.left_out)}")
    return found


def find_runs(pattern: str) -> list[str]:
    """The directories that a text names: see `load`.

    Raises
    ------
    RunError
        If there is none.
    """
    found = dict[str, None]()
    for each in filter(None, map(str.strip, (pattern or "experiment-data/*").split(","))):
        place = Path(each).expanduser()
        bases = [Path(place.anchor)] if place.is_absolute() else [Path.cwd(), PROJECT]
        within = str(place.relative_to(place.anchor))
        matching = [sorted(base.glob(within)) for base in bases]
        paths = next((some for paths in matching if (some := list(filter(_is_run, paths)))), [])
        if not paths:
            raise RunError(f"{each}: no run there; expected directories of runs, such as experiment-data/*")
        found |= dict.fromkeys(map(str, paths))
    return list(found)


def _is_run(path: Path) -> bool:
    return path.is_file() or (path / LOG_NAME).is_file() or (path / "summary.json").is_file()


def read(names: Sequence[str], given: stated.Stated) -> Comparison:
    """Read runs by their directories or summaries; those that cannot be read are left out, with the reason."""
    known: dict[Path, Experiment | Summary] = {}  # a run, or of one whose log is gone its summary
    left_out = []
    for name in names:
        place = Path(name).expanduser().resolve()
        place = place.parent if place.is_file() else place
        try:
            if place in known:
                raise RunError(f"{name}: this run was given before, and is no repeat of itself")
            target = find_summary(name)
            known[place] = run.read_summary(target) if target else _load_unjudged(name, given)
        except (RunError, LogError) as error:
            left_out.append(str(error))
    return _judged(known, Slo(given.slo_itl_ms or None, given.slo_ttft_ms or None, GIVEN), left_out)


def _load_unjudged(name: str, given: stated.Stated) -> Experiment:
    """A run with its own SLO: in that by which it is judged the others have a say."""
    return run.load(name, **given._replace(slo_itl_ms=0, slo_ttft_ms=0)._asdict())


def _judged(known: Mapping[Path, Experiment | Summary], given: Slo, left_out: Sequence[str]) -> Comparison:
    others = [
        Slo(*(dig(each, ("slo", key)) for key in ("itl_ms", "ttft_ms")))
        for each in known.values()
        if isinstance(each, dict)
    ]
    loaded = {place: each for place, each in known.items() if isinstance(each, Experiment)}
    judged = dict(zip(loaded, run.judge_alike(list(loaded.values()), others, given), strict=True))
    names = [str(each["run"]) if isinstance(each, dict) else each.name for each in known.values()]
    runs, found, facts = dict[str, Experiment](), list[Summary](), dict[str, provenance.Facts]()
    for (place, each), name in zip(known.items(), names, strict=True):
        unique = name if names.count(name) == 1 else str(place)
        found.append({**(each if isinstance(each, dict) else summary.summarize(judged[place])), "run": unique})
        if place in judged:
            runs[unique] = judged[place]
        record = read_record(place / "run.json") if isinstance(each, dict) else each.record
        before = {} if isinstance(each, dict) else each.before
        facts[unique] = provenance.provenance_of(record, before, found[-1])
    return Comparison(runs, found, facts, left_out)
