"""A replay in words and as JSON: what came out as it was, what would have been, and what a replay cannot know."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import pandas as pd

from wva_parse.measures.texts import count, ms, share_of
from wva_parse.optimizer import analyses
from wva_parse.optimizer.limits import CONFIG_KEYS, Told
from wva_parse.optimizer.queueing import Parameters
from wva_parse.optimizer.replay import OFFERED, Replay, Wish, over_time
from wva_parse.report.why import SOURCES, fit_lines

CANNOT_KNOW = (
    "What a replay cannot know: the rate is taken as it was. Load that is sent at a fixed rate does not depend on the "
    "replicas; its measurement counts answers, so with other replicas it would have been somewhat different while "
    "requests waited. What the tuner would have learned from other minutes is not known either."
)


# The keys of a replay as JSON, of both modes; what one of them does not do is None.
KEYS = (
    *("run", "mode", "decisions", "reproduced", "parameters", "analyses", "analyses_reproduced", "not_reproduced"),
    *("replicas_logged", "replicas_replayed", "most_logged", "most", "changes_logged", "changes"),
    *("replica_seconds_logged", "replica_seconds", "attainment", "observations"),
    *("kv_threshold", "queue_threshold", "kv_trigger", "queue_trigger", "masked", "first_difference", "rows"),
)


def as_json(run: str, mode: str, found: Replay) -> dict[str, Any]:
    """A replay of the optimizer's decisions, ready for JSON."""
    told = found._asdict()
    told |= {"run": run, "mode": mode}
    told |= {name: records(told[name]) for name in ("not_reproduced", "rows")}
    return {key: told.get(key) for key in KEYS}


def analyses_as_json(run: str, found: analyses.Replay) -> dict[str, Any]:
    """A replay of the analyses of capacity mode, ready for JSON; the limits are those that it was made with."""
    told: dict[str, Any] = {
        "run": run,
        "mode": "capacity-based",
        "analyses": found.analyses,
        "analyses_reproduced": found.analyses_reproduced,
        "not_reproduced": found.not_reproduced,
        **found.used._asdict(),
        "masked": len(found.masked) if found.is_judged_for_masking else None,
        "first_difference": found.first_difference,
        "rows": found.rows,
    }
    return {key: told.get(key) for key in KEYS}


def records(rows: pd.DataFrame) -> list[dict[str, Any]]:
    """Rows as objects; what is missing is None."""
    known = rows.astype("object").where(rows.notna(), None)
    return [{str(name): value for name, value in row.items()} for row in known.to_dict("records")]


def document(run: str, found: Replay, wish: Wish) -> str:
    """A replay as text."""
    lines = [run, "", _reproduced(found)]
    lines += [*_not_reproduced(found)]
    if found.decisions and not wish.is_none:
        lines += ["", *_what_would_have_been(found, wish), "", *_table(found), "", CANNOT_KNOW]
    return "\n".join(lines)


def _reproduced(found: Replay) -> str:
    if not found.decisions:
        return "The log holds no decision of the optimizer that can be made again (WVA logs them at DEBUG, up to 0.4)."
    source = SOURCES.get(found.parameters or "", "and nothing tells them")
    return (
        f"{found.reproduced} of {count(found.decisions, 'decision')} come out as they were; parameters {source}"
        f"{_inferred(found)}. {_predictions(found)}"
    )


def _inferred(found: Replay) -> str:
    inferred = found.rows[found.rows["parameters"] == "inferred"]
    if len(inferred) and not (inferred["rate_per_min"] > 0).any():
        return ", of idle minutes only: they tell alpha + beta and gamma + delta, and no more"
    sets = inferred[list(Parameters._fields)].drop_duplicates().itertuples(index=False)
    listed = "; ".join(profile(Parameters(*values)) for values in sets)
    return f" ({listed})" if listed else ""


def _predictions(found: Replay) -> str:
    off = int((~found.rows["prediction_reproduced"]).sum())
    if not off:
        return "Every predicted latency comes out as it was logged."
    return f"{count(off, 'prediction')} of latencies {'does' if off == 1 else 'do'} not come out to 0.1 %."


def _not_reproduced(found: Replay) -> Iterator[str]:
    """Each with both values."""
    for row in records(found.not_reproduced):
        yield (
            f"  reconciliation {row['reconciliation']}, {row['variant']}: logged {_replicas(row['logged'])}, "
            f"ITL {ms(row['logged_itl_ms'])}, TTFT {ms(row['logged_ttft_ms'])}; replayed {_replicas(row['replayed'])}, "
            f"ITL {_or_dash(row['replayed_itl_ms'])}, TTFT {_or_dash(row['replayed_ttft_ms'])}"
        )


def _replicas(number_: int | None) -> str:
    return "no number of replicas" if number_ is None else count(number_, "replica")


def _or_dash(value: float | None) -> str:
    return "–" if value is None else ms(value)


def _what_would_have_been(found: Replay, wish: Wish) -> Iterator[str]:
    yield (
        f"With {_named(wish)}: {found.replicas_replayed} replicas summed over the reconciliations instead of "
        f"{found.replicas_logged}, at most {found.most} instead of {found.most_logged}."
    )
    yield (
        f"Replica-seconds: {found.replica_seconds:.0f} instead of {found.replica_seconds_logged:.0f}; changes of the "
        f"target: {found.changes} instead of {found.changes_logged}."
    )
    met = [
        f"{metric.upper()} in {share_of(met, judged, 'loaded observation')}"
        for metric, (met, judged) in found.met.items()
        if judged
    ]
    if met:
        yield (
            f"By the model, at these replicas and the load that came, the objectives would have been met: "
            f"{' and '.join(met)}."
        )
    without = int(found.rows["replayed"].isna().sum())
    if without:
        yield (
            f"In {count(without, 'decision')} no number of replicas meets the objectives: WVA then allocates none, and "
            "the replicas stay."
        )
    first = found.first_difference
    if first:
        yield (
            f"The first decision that differs is that of reconciliation {first['reconciliation']} "
            f"(minute {first['minutes']:.1f}): {_replicas(first['replayed'])} instead of {first['logged']}."
        )
    else:
        yield "No decision would have been another."


def _named(wish: Wish) -> str:
    parts = [
        f"an {name} of {value:g} ms" if name == "ITL" else f"a {name} of {value:g} ms"
        for name, value in (("ITL", wish.slo_itl_ms), ("TTFT", wish.slo_ttft_ms))
        if value is not None
    ]
    parts += [f"the profile {profile(each)}" for each in dict.fromkeys(wish.profiles.values())]
    parts += ["the offered rate"] if wish.rate == OFFERED else []
    parts += [f"at least {_replicas(wish.least)}"] if wish.least is not None else []
    parts += [f"at most {_replicas(wish.most)}"] if wish.most is not None else []
    return ", ".join(parts)


def profile(parameters: Parameters) -> str:
    """Parameters in a line."""
    return ", ".join(f"{name} {value:.6g}" for name, value in parameters._asdict().items())


def _table(found: Replay) -> Iterator[str]:
    yield f"{'minute':>8} {'req/min':>9} {'were':>6} {'would be':>9}"
    rates = found.rows.groupby("reconciliation")["rate_per_min"].last()
    for row, rate in zip(over_time(found).to_dict("records"), rates, strict=True):
        yield (
            f"{row['minutes']:8.1f} {rate:9.1f} {row['logged']:6.0f} {row['replayed']:9.0f}"
            f"{' *' if row['logged'] != row['replayed'] else ''}"
        )


# --- capacity mode


def analyses_document(run: str, found: analyses.Replay, as_was: analyses.Replay) -> str:
    """A replay of the analyses of capacity mode, as text.

    Parameters
    ----------
    as_was
        That with the controller's own limits; the same, if nothing else was asked for.
    """
    lines = [run, ""]
    if as_was.analyses:
        came = "comes" if as_was.analyses == 1 else "come"
        total = count(as_was.analyses, "analysis", "analyses")
        lines.append(f"{as_was.analyses_reproduced} of {total} {came} out as they were, to the printed digits.")
    lines += [as_was.missing] if as_was.missing else []
    if own := _limits(as_was.thresholds):
        lines.append(f"WVA's own limits (from the {as_was.thresholds.source}): {', '.join(own)}.")
    for row in as_was.not_reproduced:
        lines.append(
            f"  reconciliation {row['reconciliation']}, {row['model']}: logged {_analysis(row['logged'])}; replayed "
            f"{_analysis(row['replayed'])}{f' ({why})' if (why := row['missing']) else ''}"
        )
    if not found.asked.is_as_it_was:
        of_demand = sum(row["analyzer"] != analyses.V1 for row in found.rows)
        if of_demand:
            weigh = f"{count(of_demand, 'analysis weighs', 'analyses weigh')} demand against supply"
            lines += ["", f"{weigh}: these limits are none of theirs."]
        if of_demand < len(found.rows):
            lines += ["", *_what_would_have_been_asked_for(found, as_was)]
            lines += ["", *_analyses_table(found), "", analyses.CANNOT_KNOW]
    return "\n".join(lines)


def _limits(told: Told | analyses.Asked) -> list[str]:
    known = {name: value for name in CONFIG_KEYS if (value := getattr(told, name)) is not None}
    return [f"{_NAMES[name]} of {value:g}" for name, value in known.items()]


def _listed(parts: Iterable[str]) -> str:
    *first, last = parts
    return f"{', '.join(first)} and {last}" if first else last


_NAMES = {
    "kv_threshold": "KV threshold",
    "queue_threshold": "queue threshold",
    "kv_trigger": "KV trigger",
    "queue_trigger": "queue trigger",
}


def _analysis(found: Mapping[str, Any] | None) -> str:
    """What an analysis found, in the log's own names."""
    if found is None:
        return "nothing"
    return ", ".join(f"{name} {_value(value)}" for name, value in found.items() if value is not None)


def _value(value: float | bool) -> str:
    return str(value).lower() if isinstance(value, bool) else f"{value:.4g}"


def _what_would_have_been_asked_for(found: analyses.Replay, as_was: analyses.Replay) -> Iterator[str]:
    with_limits = f"With {_listed(f'a {each}' for each in _limits(found.asked))}"
    rows = [row for row in found.rows if row["analyzer"] == analyses.V1]
    judged = [row for row in rows if analyses.is_comparable(row, found.asked)]
    if not judged:
        yield f"{with_limits}, no analysis can be replayed."
        return
    first = found.first_difference
    if len(judged) < len(rows):
        yield f"{len(rows) - len(judged)} of {count(len(rows), 'analysis', 'analyses')} cannot be judged."
    if first is None:
        yield f"{with_limits}, none of {count(len(judged), 'analysis', 'analyses')} would have asked for anything else."
    else:
        others = sum(_differs(row) for row in judged)
        asking = f"{others} of {count(len(judged), 'analysis', 'analyses')} {'asks' if others == 1 else 'ask'}"
        yield (
            f"{with_limits}, {asking} for something else than was logged, the first in reconciliation "
            f"{first['reconciliation']} (minute {first['minutes']:.1f}): {asked_for(first['replayed'])} instead of "
            f"{asked_for(first['logged'])}. Up to there this is exact; from there on the pods are those of replicas "
            "that would no longer be."
        )
    yield (
        f"More replicas would first have been asked for {_when(analyses.earliest_up(found))}; as it was, "
        f"{_when(next((row for row in as_was.rows if row['logged']['up']), None))}."
    )
    if found.is_judged_for_masking and as_was.is_judged_for_masking:
        yield f"Saturation would be masked in {len(found.masked)} analyses instead of {len(as_was.masked)}."


def asked_for(analysis: Mapping[str, Any]) -> str:
    """What an analysis asks for, in words."""
    return _ASKS[analyses.asks_for(analysis)]


_ASKS = {"more": "more replicas", "less": "one less", "the same": "as many", None: "not known"}


def _differs(row: analyses.Row) -> bool:
    return analyses.asks_for(row["logged"]) != analyses.asks_for(row["replayed"])


def _when(first: analyses.Row | None) -> str:
    return f"at minute {first['minutes']:.1f}" if first else "never"


def _analyses_table(found: analyses.Replay) -> Iterator[str]:
    """Each analysis: how many replicas it was of, and what it asked and would have asked for."""
    models = len({row["model"] for row in found.rows}) > 1
    yield f"{'minute':>8} {'replicas':>8} {'free':>5}  {'asked for':<13}  would ask for"
    for row in found.rows:
        logged, replayed = row["logged"], row["replayed"]
        is_judged = analyses.is_comparable(row, found.asked)
        free = replayed["free"] if replayed else None
        yield (
            f"{row['minutes']:8.1f} {_cell(row['replicas']):>8} {_cell(free):>5}  {asked_for(logged):<13}  "
            f"{asked_for(replayed) if is_judged else 'not known':<13}{' *' if is_judged and _differs(row) else ''}"
            f"{'  ' + str(row['model']) if models else ''}"
        ).rstrip()


def _cell(value: int | None) -> str:
    return "–" if value is None else str(value)


# --- fits


def fits_document(fits: Iterable[Mapping[str, Any]]) -> str:
    """Fitted profiles, ready to be pasted, with what they leave of the model's error.

    Parameters
    ----------
    fits
        `model.fits` of summary.json.
    """
    return "\n".join(line for each in fits for line in fit_lines(each))
