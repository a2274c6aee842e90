"""Why predictions were off and what another objective would have cost, in words and tables.

As in `words`: everything is computed from summary.json's numbers, and what is unknown is said to be.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from wva_parse.measures.texts import cell, count, ms, number

Summary = dict[str, Any]

# Where the parameters of a run are from, in words.
SOURCES = {
    "tuner": "as the tuner's lines name them",
    "status": "as the lines about the VariantAutoscaling's status name them",
    "spec": "as the lines about the VariantAutoscaling's spec name them",
    "cluster": "of the VariantAutoscaling in cluster/before",
    "inferred": "inferred from the predictions themselves",
}

# In the order in which they are told: what a user can do least about first.
PARTS = (
    ("model", "the model itself"),
    ("replicas", "replicas that were not there"),
    ("load", "a load that changed"),
)
ONE_DECIMAL_MS = 2.0  # from here on an error and its parts are told with one decimal

NOT_ATTRIBUTED = (
    "No loaded pair tells enough (rate, tokens, the parameters in force) to say why its prediction was off."
)


def headline(summary: Summary) -> str:
    """The error of the predictions of ITL and what it is made of; empty where nothing could be attributed."""
    found = summary["attribution"]
    if not found or not found["itl"]:
        return ""
    starved = (summary["model"] or {}).get("starved")
    of = count(found["reproduced"], "pair")
    told = f" In {starved} of {of} a pod was starved: what waited counts as the model's." if starved else ""
    return f"{_parts_in_words('itl', found['itl'])}{told}"


def about_attribution(summary: Summary) -> str:
    """Both errors and what they are made of."""
    found = summary["attribution"]
    if not found or not found["itl"]:
        return _not_reproduced(summary) or NOT_ATTRIBUTED
    sentences = [_parts_in_words(metric, found[metric]) for metric in ("itl", "ttft")]
    sentences.append(
        f"These are means of absolute values over {count(found['reproduced'], 'loaded pair')}: single parts may cancel "
        "out, signed they sum to the error."
    )
    sentences += [_beyond(summary), _starved(summary), _not_reproduced(summary)]
    return " ".join(sentence for sentence in sentences if sentence)


def _parts_in_words(metric: str, part: Mapping[str, Any]) -> str:
    digits = 1 if part["error_mae_ms"] >= ONE_DECIMAL_MS else 2
    parts = ", ".join(f"{name} {part[f'{key}_mae_ms']:.{digits}f}" for key, name in PARTS)
    error = f"{part['error_mae_ms']:.{digits}f} ms"
    return f"{metric.upper()} predictions were {error} off on average (parts may cancel out): {parts}."


def _beyond(summary: Summary) -> str:
    beyond = (summary["model"] or {}).get("beyond")
    if not beyond:
        return ""
    return f"In {count(beyond, 'of them', 'of them')} more requests came than the ready replicas can serve at all."


def _starved(summary: Summary) -> str:
    starved = (summary["model"] or {}).get("starved")
    if not starved:
        return ""
    return (
        f"In {count(starved, 'of them', 'of them')} a pod was starved at the observation: the rate that WVA observes "
        "is that of the answers, so that the error by requests that waited counts as the model's, not as the load's."
    )


def _not_reproduced(summary: Summary) -> str:
    off = (summary["model"] or {}).get("predictions_not_reproduced") or []
    if not off:
        return ""
    numbers = ", ".join(str(number_) for number_ in dict.fromkeys(row["reconciliation"] for row in off))
    return (
        f"{count(len(off), 'prediction')} could not be reproduced to 0.1 % and {'is' if len(off) == 1 else 'are'} not "
        f"attributed (reconciliation {numbers})."
    )


def about_steady(summary: Summary) -> str:
    """How far off predictions were where everything came as they assumed."""
    model = summary["model"]
    if not model:
        return ""
    told = [(name, model["steady"][name]) for name in ("changed", "unchanged") if model["steady"][name]["n"]]
    if not told:
        return (
            "No pair is steady (replicas ready as predicted, the rate within 10 %, no pod starved): this run cannot "
            "judge the model by them."
        )
    has_tuner = summary["tuner"]["updates"] > 0
    why = {"changed": "", "unchanged": " (the tuner had just been fitted to such a minute)" if has_tuner else ""}
    parts = [f"{ms(found['itl_mae_ms'])} at {name} replicas (n = {found['n']}){why[name]}" for name, found in told]
    total = sum(found["n"] for _, found in told)
    return (
        f"Where everything came as assumed ({count(total, 'steady pair')}), ITL was off on average by "
        f"{' and by '.join(parts)}."
    )


def about_replay(summary: Summary) -> str:
    """How many decisions come out as they were when they are made again."""
    found = summary["replay"]
    if not found["decisions"]:
        return ""
    source = SOURCES.get(found["parameters"] or "", "and nothing tells them")
    return (
        f"Made again from what the log tells, {found['reproduced']} of {count(found['decisions'], 'decision')} come "
        f"out as they were (parameters {source})."
    )


def about_fits(summary: Summary) -> str:
    """Whether it is the parameters or the form of the model."""
    fits = (summary["model"] or {}).get("fits") or []
    return " ".join(line for each in fits for line in fit_lines(each)[:2])


def fit_lines(each: Mapping[str, Any]) -> list[str]:
    """What a fit found, in sentences, and the profile."""
    if each["parameters"] is None:
        return [f"No profile can be fitted for {each['variant']}: {each['reason']}."]
    ranges = ", ".join(
        f"{name} {value:.4g} {_half(each['half_widths'][name])}" for name, value in each["parameters"].items()
    )
    return [
        f"Fitted to {count(each['observations'], 'observation')} of {each['variant']}, with 95 % intervals: {ranges}.",
        _with_the_fit(each),
        each["yaml"],
    ]


def _with_the_fit(each: Mapping[str, Any]) -> str:
    """What a fit that leaves an error says of the model, and one that does not even help."""
    errors = {metric: (each["fitted_model_mae_ms"][metric], each["model_mae_ms"][metric]) for metric in ("itl", "ttft")}
    if any(None in pair for pair in errors.values()):
        return "The model's part of the error is not known, with it or without: no prediction could be attributed."
    told = [f"{metric.upper()} {ms(fitted)} instead of {ms(own)}" for metric, (fitted, own) in errors.items()]
    remains = "what remains is the form of the model, which knows steady states only"
    if not all(fitted < own for fitted, own in errors.values()):
        remains = "one profile for the whole run does not serve better in both than those that were in force in turn"
    return f"With it the model's part of the error is {' and '.join(told)} on average; {remains}."


def _half(half: float | None) -> str:
    return "(not determined)" if half is None else f"± {half:.2g}"


def fitted_profiles(summary: Summary) -> str:
    """The fitted profiles as a block of YAML in Markdown, to be pasted into VariantAutoscalings; empty without any."""
    fits = (summary["model"] or {}).get("fits") or []
    profiles = "\n".join(f"# {each['variant']}\n{each['yaml']}" for each in fits if each["yaml"])
    return f"```yaml\n{profiles}```" if profiles else ""


def about_price(summary: Summary) -> str:
    """What a looser objective would have taken, of ITL or else of TTFT."""
    prices = (summary["model"] or {}).get("price") or {}
    for metric, article in (("itl", "an ITL"), ("ttft", "a TTFT")):
        if found := prices.get(metric):
            own, looser = found["own"], found["looser"]
            if looser["replicas"] < own["replicas"]:
                return (
                    f"For {article} of {looser['ms']:g} ms instead of {own['ms']:g} WVA would have wanted "
                    f"{_minutes(looser)} replica-minutes instead of {_minutes(own)}, at most {looser['most']} replicas "
                    f"instead of {own['most']}."
                )
            return f"For {article} of {looser['ms']:g} ms instead of {own['ms']:g} WVA would have wanted no fewer."
    return "The price of an objective is not known: none was set, or nothing was decided under load."


def _minutes(point: Mapping[str, Any]) -> str:
    minutes = point["replica_seconds"] / 60
    return f"{minutes:.0f}" if minutes >= 10 else f"{minutes:.1f}"


PART_HEADER = ("", "error (ms)", *(f"{name} (ms)" for _, name in PARTS))


def part_rows(summary: Summary) -> Iterator[tuple[str, ...]]:
    """The table of the attribution: means of absolute and of signed values."""
    found = summary["attribution"]
    for metric in ("itl", "ttft"):
        part = found[metric] if found else None
        for kind, name in (("mae", "mean of absolute values"), ("bias", "mean")):
            if part:
                keys = ("error", *(key for key, _ in PARTS))
                yield f"{metric.upper()}, {name}", *(f"{part[f'{key}_{kind}_ms']:.2f}" for key in keys)


FIT_HEADER = ("variant", "observations", "alpha", "beta", "gamma", "delta")


def fit_rows(summary: Summary) -> Iterator[tuple[str, ...]]:
    """The table of the fitted profiles, with halves of their 95 % intervals."""
    for each in (summary["model"] or {}).get("fits") or []:
        if each["parameters"]:
            cells = (_with_half(value, each["half_widths"][name]) for name, value in each["parameters"].items())
            yield each["variant"], str(each["observations"]), *cells


def _with_half(value: float, half: float | None) -> str:
    if half is None:
        return f"{value:.4g} (not determined)"
    return f"{value:.4g} ± {half:.2g}{' (not determined)' if half > abs(value) else ''}"


PRICE_HEADER = ("objective", "ms", "replica-minutes", "replicas, most")


def price_rows(summary: Summary) -> Iterator[tuple[str, ...]]:
    """The run's own points of the price curves, and those of looser objectives."""
    for metric, found in ((summary["model"] or {}).get("price") or {}).items():
        for name in ("own", "looser"):
            if found:
                point = found[name]
                label = f"{metric.upper()}, {'as it was' if name == 'own' else 'half as much again'}"
                yield label, number(point["ms"]), _minutes(point), cell(point["most"])
