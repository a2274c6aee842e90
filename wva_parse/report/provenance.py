"""Under which conditions a run was made, as far as its directory tells."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from wva_parse.log.json_files import dig

Summary = Mapping[str, Any]
Before = Mapping[str, Sequence[Mapping[str, Any]]]
Facts = Mapping[str, str]  # what is asked -> answer; "" where it cannot be told
UNKNOWN = ""

_Ask = Callable[[Mapping[str, Any], Before, Summary], str]


def provenance_of(record: Mapping[str, Any], before: Before, summary: Summary) -> dict[str, str]:
    """Everything that must be equal for two runs to be comparable, as text.

    Parameters
    ----------
    record, before
        Of the run, see `Experiment`.
    summary
        Of the run.
    """
    return {label: ask(record, before, summary) for label, ask in _QUESTIONS.items()}


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


def _slo(_record: Mapping[str, Any], _before: Before, summary: Summary) -> str:
    slo = summary.get("slo") or {}
    return _joined(f"{name.upper()} {slo[f'{name}_ms']:g} ms" for name in ("itl", "ttft") if slo.get(f"{name}_ms"))


def _thresholds(_record: Mapping[str, Any], _before: Before, summary: Summary) -> str:
    places = (("KV", "kv_cache"), ("queue", "queue"))
    return _joined(f"{label} {found['threshold']:g}" for label, key in places if (found := summary.get(key)))


def _dialects(_record: Mapping[str, Any], _before: Before, summary: Summary) -> str:
    return _joined((summary.get("log") or {}).get("dialects") or [])


def _simulated(_record: Mapping[str, Any], _before: Before, summary: Summary) -> str:
    return "yes" if summary.get("simulated") else "no"


def _images(name: str) -> _Ask:
    def ask(_record: Mapping[str, Any], before: Before, _summary: Summary) -> str:
        statuses = [row for item in before.get(name, ()) for row in dig(item, ("status", "containerStatuses")) or []]
        return _joined(row.get("imageID") or row.get("image") for row in statuses)

    return ask


def _of_record(*path: str) -> _Ask:
    def ask(record: Mapping[str, Any], _before: Before, _summary: Summary) -> str:
        value = dig(record, path)
        return "" if value is None else str(value)

    return ask


def _seeds(record: Mapping[str, Any], _before: Before, _summary: Summary) -> str:
    return _joined(f"{work.get('name')} {work['seed']}" for work in record.get("workloads") or [] if "seed" in work)


def _repetition(record: Mapping[str, Any], _before: Before, _summary: Summary) -> str:
    found = record.get("repetition") or {}
    return f"{found['number']} of {found['of']}" if "number" in found and "of" in found else ""


_QUESTIONS: dict[str, _Ask] = {
    "simulated": _simulated,
    "SLO": _slo,
    "thresholds": _thresholds,
    "model": _of_record("config", "model_name"),
    "log dialects": _dialects,
    "controller image": _images("controller"),
    "model server image": _images("pods"),
    "cluster": _of_record("tools", "cluster"),
    "config (SHA-256)": _of_record("config_sha256"),
    "series": _of_record("repetition", "series"),
    "repetition": _repetition,
    "seeds": _seeds,
    "seed of the simulated cluster": _of_record("seed"),
    "project commit": _of_record("project", "commit"),
}
