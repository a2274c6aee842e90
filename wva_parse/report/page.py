"""Pages: a run's report.html, the index of a batch, a comparison; each one self-contained file.

They show what `sections` and `compare` compute; only the layout is made here, from the templates beside this module.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple
from urllib.parse import quote

from jinja2 import Environment, PackageLoader, StrictUndefined

from wva_parse.log.dialects import releases_of
from wva_parse.measures import pooling
from wva_parse.measures.texts import UNKNOWN, number, share_of
from wva_parse.report import formats, words
from wva_parse.report.sections import Section, Table, sections
from wva_parse.report.words import Summary

OVERVIEW = "overview"
WHOLE_RUN = "The whole run: load, replicas, latencies, KV cache and queue over time"
_PNG = b"\x89PNG"

_TEMPLATES = Environment(
    loader=PackageLoader("wva_parse.report"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


class Picture(NamedTuple):
    """A figure as text in a page: its data, what it shows for those who do not see it, and its values as JSON."""

    kind: str
    data: str
    alt: str
    values: str = ""


class Tile(NamedTuple):
    """One number that a reader looks for first."""

    label: str
    value: str


class Shown(NamedTuple):
    """A `Section` with its figures read; those that a run does not have are left out."""

    title: str
    figures: Sequence[Picture]
    sentences: Sequence[str]
    tables: Sequence[Table]
    is_detail: bool
    anchor: str


class Entry(NamedTuple):
    """A run in the index of a batch: its summary, or why there is none; `link` is the path of its page or document."""

    name: str
    link: str
    summary: Summary | None = None
    error: str = ""


def run_page(summary: Summary, figures: Mapping[str, bytes]) -> str:
    """report.html of a run.

    Parameters
    ----------
    figures
        SVG or PNG files by the names that `sections` uses, and the `OVERVIEW`.
    """
    first = [picture(figures[OVERVIEW], WHOLE_RUN)] if OVERVIEW in figures else []
    return _TEMPLATES.get_template("report.html.j2").render(
        title=str(summary["run"]),
        kicker=kicker(summary),
        verdict=words.verdict(summary),
        # The gravest finding is in the verdict.
        warnings=[*summary["findings"][1:], *summary["notes"]],
        first=first,
        tiles=tiles(summary),
        sections=show(sections(summary), figures),
    )


def figure_names(summary: Summary) -> set[str]:
    """The figures that report.html of a run shows, if there are such files."""
    return {OVERVIEW, *(name for part in sections(summary) for name in part.figures)}


def index_page(entries: Sequence[Entry]) -> str:
    """The index of a batch of runs."""
    runs = [
        {"name": entry.name, "link": quote(entry.link), "error": entry.error, **_told(entry.summary)}
        for entry in entries
    ]
    failed = sum(entry.summary is None for entry in entries)
    said = f"{len(entries)} runs" + (f", {failed} of them not analysed" if failed else "")
    return _TEMPLATES.get_template("index.html.j2").render(title="Analysed runs", kicker=said, runs=runs)


class Pair(NamedTuple):
    """Two modes of one experiment, as the first screen of a comparison shows them; a title if there are several."""

    title: str
    unequal: Sequence[str]
    figures: Sequence[Picture]
    table: Table | None


def compare_page(
    said: str, answer: Sequence[str], pairs: Sequence[Pair], parts: Sequence[Section], figures: Mapping[str, bytes]
) -> str:
    """A comparison of runs: the answer and both modes on the first screen, all else folded.

    Parameters
    ----------
    said
        How many runs of what these are, in a line.
    answer, pairs
        What is said first; of several pairs all but the first are folded.
    parts, figures
        Everything else, with its figures by the names in it.
    """
    return _TEMPLATES.get_template("compare.html.j2").render(
        title="Model-based against capacity-based" if any(pair.table for pair in pairs) else "Runs side by side",
        kicker=said,
        answer=answer,
        pairs=pairs,
        sections=show([part._replace(is_detail=True) for part in parts], figures),
    )


def show(parts: Sequence[Section], figures: Mapping[str, bytes]) -> list[Shown]:
    """Sections with their figures."""
    return [
        Shown(
            part.title,
            [
                picture(figures[name], f"{part.title}: {name.replace('_', ' ')}")
                for name in part.figures
                if name in figures
            ],
            part.sentences,
            part.tables,
            part.is_detail,
            anchor(part.title),
        )
        for part in parts
    ]


def anchor(title: str) -> str:
    """What a section is linked by: `#scaling`, `#what-the-clients-felt`."""
    return re.sub(r"[^a-z0-9]+", "-", title.lower()).strip("-")


def picture(data: bytes, alt: str) -> Picture:
    """A PNG or an SVG for a page."""
    if data.startswith(_PNG):
        return Picture("png", base64.b64encode(data).decode(), alt)
    return Picture("svg+xml", base64.b64encode(data).decode(), alt, formats.readout_of(data.decode()))


def kicker(summary: Summary) -> str:
    """What kind of run it is, in a line: load, duration, mode, release, SLO, and whether it is real."""
    schedule = pooling.schedule_in(summary)
    window_s, slo = summary["supply"]["window_s"], summary["slo"]
    objectives = [f"{metric.upper()} {slo[f'{metric}_ms']:g} ms" for metric in ("itl", "ttft") if slo[f"{metric}_ms"]]
    release = releases_of(summary["log"]["dialects"])
    parts = [
        pooling.load_of(schedule) if schedule.workloads else "load not known",
        "" if window_s is None else f"{window_s / 60:.0f} min",
        summary["mode"],
        f"WVA {release}" if release else "",
        f"SLO {', '.join(objectives)}" if objectives else "no SLO",
        "" if summary["status"] in (None, "complete") else f"status {summary['status']}",
        # Captured runs without a record do not say where they were made.
        "SIMULATED" if summary["simulated"] else "on a real cluster" if summary["status"] else "",
    ]
    return " · ".join(part for part in parts if part)


def tiles(summary: Summary) -> list[Tile]:
    """The numbers that a reader looks for first."""
    slo, replicas, client = summary["slo"], summary["replicas"], summary["client"]
    felt = summary["requests"] or {"within_slo_share": None, "unknown": 0}
    of_recorded = words.of_recorded(summary)
    of_some = f" ({of_recorded})" if of_recorded else ""
    of_what = of_some if slo["basis"] == "requests" else ""
    found = []
    if felt["within_slo_share"] is not None:
        found.append(Tile(f"requests within the SLO{of_some}", share_of(felt["within_slo"], felt["sent"])))
    if felt["unknown"]:
        found.append(Tile("requests of which nothing is known", number(felt["unknown"])))
    found += [_attained(summary, metric, of_what) for metric in ("itl", "ttft")]
    if summary["mode"] == "model-based":
        parts = (summary["attribution"] or {}).get("itl")
        for label, key in (("ITL predictions off by (mean)", "error"), ("of it the model itself (mean)", "model")):
            found.append(Tile(label, f"{parts[f'{key}_mae_ms']:.2f} ms" if parts else UNKNOWN))
    if summary["kv_cache"]:
        found.append(Tile("saturated", f"{summary['kv_cache']['saturated_s']:.0f} s"))
    if replicas:
        found.append(Tile("replicas on average", f"{replicas['mean']:.2f}"))
    if replicas and replicas["replica_seconds"] is not None:
        found.append(Tile("replica-seconds", f"{replicas['replica_seconds']:.0f}"))
    if client and client["failed"] is not None:
        of_more = f" (of {felt['unknown']} more nothing is known)" if felt["unknown"] else ""
        found.append(Tile(f"requests failed{of_more}", words.failed_of(client["jobs"])))
    return found


def _told(summary: Summary | None) -> dict[str, Any]:
    if summary is None:
        return {}
    return {"kicker": kicker(summary), "verdict": words.verdict(summary), "tiles": tiles(summary)}


def _attained(summary: Summary, metric: str, of_what: str) -> Tile:
    """How an objective was met: by how many requests, or in how many minutes, which say nothing of single requests."""
    slo, name = summary["slo"], metric.upper()
    attained = slo[f"{metric}_attainment"]
    if attained is None:
        return Tile(f"{name} within its SLO{of_what}", UNKNOWN)
    if slo["basis"] == "requests":
        sent = summary["requests"]["sent"]
        return Tile(f"{name} within its SLO{of_what}", share_of(round(attained * sent), sent))
    return Tile(f"minutes with a mean {name} within its SLO", share_of(slo[f"{metric}_met"], slo[f"{metric}_judged"]))
