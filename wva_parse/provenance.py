"""Under which conditions a run was made, as far as its directory tells."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from wva_parse.json_files import read_json_list, read_record

Summary = Mapping[str, Any]
Facts = Mapping[str, str]  # what is asked -> answer; "" where it cannot be told
UNKNOWN = ""


def provenance_of(directory: Path, summary: Summary) -> dict[str, str]:
    """Everything that must be equal for two runs to be comparable, as text."""
    record = read_record(directory / "run.json")
    return {label: ask(directory, record, summary) for label, ask in _QUESTIONS.items()}


def differences(facts: Mapping[str, Facts]) -> list[tuple[str, dict[str, str]]]:
    """What differs between runs, or is known of only some: the question, and the answer of each run."""
    found = []
    for label in _QUESTIONS:
        answers = {run: known.get(label, UNKNOWN) for run, known in facts.items()}
        if len(set(answers.values())) > 1:
            found.append((label, answers))
    return found


def _joined(values: Iterable[Any]) -> str:
    return ", ".join(dict.fromkeys(str(value) for value in values if value not in (None, "")))


def _slo(_directory: Path, _record: Mapping[str, Any], summary: Summary) -> str:
    slo = summary.get("slo") or {}
    return _joined(f"{name.upper()} {slo[f'{name}_ms']:g} ms" for name in ("itl", "ttft") if slo.get(f"{name}_ms"))


def _thresholds(_directory: Path, _record: Mapping[str, Any], summary: Summary) -> str:
    places = (("KV", "kv_cache"), ("queue", "queue"))
    return _joined(f"{label} {found['threshold']:g}" for label, key in places if (found := summary.get(key)))


def _dialects(_directory: Path, _record: Mapping[str, Any], summary: Summary) -> str:
    return _joined((summary.get("log") or {}).get("dialects") or [])


def _simulated(_directory: Path, _record: Mapping[str, Any], summary: Summary) -> str:
    return "yes" if summary.get("simulated") else "no"


def _images(name: str) -> Callable[[Path, Mapping[str, Any], Summary], str]:
    def ask(directory: Path, _record: Mapping[str, Any], _summary: Summary) -> str:
        items = read_json_list(directory / "cluster" / "before" / name)
        statuses = [row for item in items for row in (item.get("status") or {}).get("containerStatuses") or []]
        return _joined(row.get("imageID") or row.get("image") for row in statuses)

    return ask


def _of_record(*path: str) -> Callable[[Path, Mapping[str, Any], Summary], str]:
    def ask(_directory: Path, record: Mapping[str, Any], _summary: Summary) -> str:
        value: Any = record
        for key in path:
            value = value.get(key) if isinstance(value, dict) else None
        return "" if value is None else str(value)

    return ask


def _seeds(_directory: Path, record: Mapping[str, Any], _summary: Summary) -> str:
    return _joined(f"{work.get('name')} {work['seed']}" for work in record.get("workloads") or [] if "seed" in work)


def _repetition(_directory: Path, record: Mapping[str, Any], _summary: Summary) -> str:
    found = record.get("repetition") or {}
    return f"{found['number']} of {found['of']}" if "number" in found and "of" in found else ""


_QUESTIONS: dict[str, Callable[[Path, Mapping[str, Any], Summary], str]] = {
    "simulated": _simulated,
    "SLO": _slo,
    "thresholds": _thresholds,
    "model": _of_record("config", "model_name"),
    "log dialects": _dialects,
    "controller image": _images("controller.json"),
    "model server image": _images("pods.json"),
    "cluster": _of_record("tools", "cluster"),
    "config (SHA-256)": _of_record("config_sha256"),
    "series": _of_record("repetition", "series"),
    "repetition": _repetition,
    "seeds": _seeds,
    "seed of the simulated cluster": _of_record("seed"),
    "project commit": _of_record("project", "commit"),
}
