"""A replay in words and as JSON: what came out as it was, what would have been, and what a replay cannot know."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import pandas as pd

from wva_parse.measures.texts import count, ms, number, percent, times
from wva_parse.optimizer.queueing import Parameters
from wva_parse.optimizer.replay import OFFERED, Replay, Wish, over_time
from wva_parse.report.why import SOURCES, fit_lines

CANNOT_KNOW = (
    "What a replay cannot know: the rate is taken as it was. Load that is sent at a fixed rate does not depend on the "
    "replicas; its measurement counts answers, so with other replicas it would have been somewhat different while "
    "requests waited. What the tuner would have learned from other minutes is not known either."
)


def as_json(run: str, mode: str, found: Replay) -> dict[str, Any]:
    """A replay of the optimizer's decisions, ready for JSON."""
    return {
        "run": run,
        "mode": mode,
        "decisions": found.decisions,
        "reproduced": found.reproduced,
        "parameters": found.parameters,
        "analyses": None,
        "analyses_reproduced": None,
        "not_reproduced": records(found.not_reproduced),
        "replicas_logged": found.replicas_logged,
        "replicas_replayed": found.replicas_replayed,
        "most_logged": found.most_logged,
        "most": found.most,
        "changes_logged": found.changes_logged,
        "changes": found.changes,
        "replica_seconds_logged": found.replica_seconds_logged,
        "replica_seconds": found.replica_seconds,
        "attainment": found.attainment,
        "observations": found.observations,
        "first_difference": found.first_difference,
        "rows": records(found.rows),
    }


def analyses_as_json(run: str, found: Any) -> dict[str, Any]:
    """A replay of the analyses of capacity mode, ready for JSON; of decisions and sums there is nothing to tell."""
    nothing = ("decisions", "reproduced", "replicas_logged", "replicas_replayed", "most")
    return {
        "run": run,
        "mode": "capacity-based",
        **dict.fromkeys(nothing),
        "analyses": found.analyses,
        "analyses_reproduced": found.analyses_reproduced,
        "not_reproduced": list(found.not_reproduced),
        "thresholds": found.thresholds._asdict(),
        "first_difference": found.first_difference,
        "rows": list(found.rows),
    }


def records(rows: pd.DataFrame) -> list[dict[str, Any]]:
    """Rows as objects; what is missing is None."""
    known = rows.astype("object").where(rows.notna(), None)
    return [{str(name): value for name, value in row.items()} for row in known.to_dict("records")]


def document(run: str, found: Replay, wish: Wish) -> str:
    """A replay as text."""
    lines = [run, "", _reproduced(found)]
    lines += [*_not_reproduced(found)]
    if not wish.is_none:
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
        f"Replica-seconds: {found.replica_seconds:.0f} instead of {found.replica_seconds_logged:.0f}; the target would "
        f"have changed {times(found.changes)} instead of {times(found.changes_logged)}."
    )
    met = [f"{metric.upper()} in {percent(share)}" for metric, share in found.attainment.items() if share is not None]
    if met:
        yield (
            f"By the model, at these replicas and the load that came, the objectives would have been met: "
            f"{' and '.join(met)} of {count(found.observations, 'loaded observation')}."
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


def analyses_document(run: str, found: Any, is_as_it_was: bool) -> str:
    """A replay of the analyses of capacity mode, as text."""
    known = {name: value for name, value in found.thresholds._asdict().items() if isinstance(value, (int, float))}
    lines = [run, "", f"{found.analyses_reproduced} of {found.analyses} analyses come out as they were."]
    if known:
        listed = ", ".join(f"{name.replace('_', ' ')} {number(value)}" for name, value in known.items())
        lines.append(f"The controller's own limits: {listed}.")
    lines += [
        f"  reconciliation {row['reconciliation']}, {row['model']}: logged {_listed(row['logged'])}; "
        f"replayed {_listed(row['replayed'])}"
        for row in found.not_reproduced
    ]
    if missing := getattr(found, "missing", ""):
        lines.append(missing)
    if not is_as_it_was:
        first = found.first_difference
        if first is None:
            lines.append("With these limits no analysis would have asked for anything else.")
        else:
            lines.append(
                f"The first analysis that differs is that of reconciliation {first['reconciliation']}: "
                f"{_listed(first['replayed'])} instead of {_listed(first['logged'])}. From there on the pods' state is "
                "that of replicas that would no longer be: what follows is not known."
            )
    return "\n".join(lines)


def _listed(values: Mapping[str, Any] | None) -> str:
    if values is None:
        return "nothing"
    return ", ".join(f"{name} {value}" for name, value in values.items() if value is not None)


# --- fits


def fits_document(fits: Iterable[Mapping[str, Any]]) -> str:
    """Fitted profiles, ready to be pasted, with what they leave of the model's error.

    Parameters
    ----------
    fits
        `model.fits` of summary.json.
    """
    return "\n".join(line for each in fits for line in fit_lines(each))
