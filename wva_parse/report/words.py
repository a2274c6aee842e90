"""A run's numbers in words: the verdict, and what each figure shows.

Everything is computed from summary.json's numbers (`summary.summarize`), so that no sentence is wrong for another run.
What is unknown is said to be, never shown as 0.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from wva_parse.aligned.advice import HOW_TO_SAY_AN_SLO
from wva_parse.measures.client import PERHAPS_REACHED, REACHED
from wva_parse.measures.texts import bias, count, ms, number, percent, share_of, times
from wva_parse.report import why

Summary = dict[str, Any]

NO_PREDICTIONS = "The log holds no predictions: WVA logs them at DEBUG up to 0.4, and predicts no latencies later."

LATENCIES = {"itl": "inter-token latency (ITL)", "ttft": "time to first token (TTFT)"}

# --- the verdict


def verdict(summary: Summary) -> list[str]:
    """Up to four sentences that somebody who pays for the GPUs understands.

    How requests were served; what was held for it; the gravest finding, or that there is none; what is known of the
    predictions, or of the controller's own analyses.
    """
    findings = summary["findings"]
    gravest = f"Look at this first: {findings[0]}" if findings else NOTHING_FOUND if _went_well(summary) else ""
    if summary["mode"] == "model-based":
        known = why.headline(summary) or about_predictions(summary)
    else:
        known = about_saturation(summary)
    lines = [
        f"{_served(summary)} {about_supply(summary)}".strip(),
        f"{about_cost(summary)} {_decided(summary)}".strip(),
        gravest,
        known,
    ]
    return [line for line in lines if line]


NOTHING_FOUND = "Nothing of what this report looks for went wrong."
LEAST_MINUTE_S = 55.0  # between two reconciliations whose minutes do not overlap
WELL = 0.95  # of the requests within an objective: from here on nothing went wrong


def _went_well(summary: Summary) -> bool:
    """Whether there is nothing to look at: no pod was starved, for WVA or for us, and each objective was met."""
    met = [share for metric in LATENCIES if (share := summary["slo"][f"{metric}_attainment"]) is not None]
    own = summary["capacity"]["own"] or {"none": 0}
    is_served = summary["supply"]["starved_s"] == 0 and not own["none"]
    return is_served and bool(met) and all(share >= WELL for share in met)


def _served(summary: Summary) -> str:
    said = _within(summary) if summary["slo"]["basis"] == "requests" else _observed(summary)
    return f"{said}{_of_unknown(summary)}"


def _observed(summary: Summary) -> str:
    slo = summary["slo"]
    n = slo["loaded_observations"]
    if summary["observed_from"] == "nothing":
        return "Nobody logged what the requests felt: no observed ITL and TTFT."
    if not n:
        return "No request was served while the controller observed."
    judged = [name for name in LATENCIES if slo[f"{name}_ms"] is not None and slo[f"{name}_met"] is not None]
    if not judged:
        return f"No SLO is known, so {count(n, 'loaded observation')} cannot be judged ({HOW_TO_SAY_AN_SLO})."
    parts = [
        f"{LATENCIES[metric]} was within its SLO of {slo[f'{metric}_ms']:g} ms in "
        f"{share_of(slo[f'{metric}_met'], slo[f'{metric}_judged'], _mean_of(summary))}"
        for metric in judged
    ]
    return f"Under load, {' and '.join(parts)}{_of_requests(summary, judged)}."


def _mean_of(summary: Summary) -> str:
    """What an observation is: a mean over a minute, which a quicker loop, or each variant, tells again."""
    variants = len(summary["variants"])
    return "minute mean" if variants <= 1 and abs(summary["interval_s"] or 0.0) >= LEAST_MINUTE_S else "observation"


def _of_requests(summary: Summary, judged: Sequence[str]) -> str:
    """What minute means say of requests, by the rate of each; empty where the log tells no rates."""
    if not summary["slo"]["weighted_by_requests"] or not judged:
        return ""
    shares = " and ".join(percent(summary["slo"][f"{metric}_attainment"]) for metric in judged)
    return f"; weighted by the requests of each minute, {shares}"


def _within(summary: Summary) -> str:
    """The share of requests within the SLO, and why the others were not."""
    found, slo = summary["requests"], summary["slo"]
    limits = [f"{name} of at most {slo[key]:g} ms" for name, key in _OBJECTIVES if slo[key] is not None]
    recorded = f"{'recorded ' if found['unknown'] else ''}request"
    text = (
        f"{share_of(found['within_slo'], found['sent'], recorded)} were within the SLO "
        f"({' and '.join(limits)}){_bounds(found)}"
    )
    parts = [f"{found['failed']} of {found['sent']} failed"] if found["failed"] else []
    p99 = found["ttft_ms"]["p99"] if found["ttft_ms"] else None
    parts += [f"99 % of the answered ones had their first token within {ms(p99)}"] if p99 is not None else []
    return f"{text}; {', '.join(parts)}." if parts else f"{text}."


_OBJECTIVES = (("TTFT", "ttft_ms"), ("TPOT", "itl_ms"))


def _bounds(found: dict[str, Any]) -> str:
    """The share within the SLO of all requests, where of some nothing is known; it may be anything between."""
    if not found["unknown"]:
        return ""
    least, most = (percent(found[f"within_slo_share_{end}"]) for end in ("min", "max"))
    return f", that is {least} to {most} of all {found['sent'] + found['unknown']}"


def of_recorded(summary: Summary) -> str:
    """What a number of requests is of: empty where all are accounted for or none is recorded."""
    found = summary.get("requests")
    if not found or not found["unknown"] or not found["sent"]:
        return ""
    return f"of {found['sent']} recorded; of {found['unknown']} more nothing is known"


def _of_unknown(summary: Summary) -> str:
    """For how many requests nothing is known, as a further sentence; empty where all are accounted for."""
    found = summary["requests"]
    if not found or not found["unknown"]:
        return ""
    return f" Of {found['unknown']} {'more ' if found['sent'] else ''}requests nothing is known."


def _decided(summary: Summary) -> str:
    """Changes of target, and how often they were said: some builds repeat a decision until its pods report."""
    replicas = summary["replicas"]
    if replicas is None:
        return "The log holds no scaling decision."
    least, most, mean = (number(replicas[name]) for name in ("min", "max", "mean"))
    ran = (
        f"{count(int(replicas['min']), 'replica')} {'was' if replicas['min'] == 1 else 'were'} held throughout"
        if least == most
        else f"{least} to {most} replicas were held, {mean} on average"
    )
    ready, wanted = summary["supply"]["ready_max"], summary["supply"]["wanted_max"]
    bounds = [] if ready is None or ready >= replicas["max"] else [f"at most {number(ready)} were ready at once"]
    bounds += [f"its highest target was {number(wanted)}"] if wanted is not None and wanted > replicas["max"] else []
    fewer = f" ({'; '.join(bounds)})" if bounds else ""
    if not summary["actions"]:
        return f"The log holds no scaling decision; {ran}{fewer}."
    changed = summary["changes"]
    said = [summary["actions"].get(action, 0) for action in ("scale-up", "scale-down")]
    repeated = (
        ""
        if said == [changed["up"], changed["down"]]
        else f" ({count(said[0], 'decision')} said scale-up, {said[1]} scale-down)"
    )
    return (
        f"WVA raised its target {times(changed['up'])} and lowered it {times(changed['down'])}{repeated}; {ran}{fewer}."
    )


def about_supply(summary: Summary) -> str:
    """How long pods were starved, and what was held meanwhile."""
    found = summary["supply"]
    if not found["window_s"]:
        return ""
    of = f"{found['window_s']:.0f} s{' from the first load on' if found['has_load'] else ' without load'}"
    if found["starved_s"] is None:
        return f"Whether pods were starved cannot be said from this log, over {of}."
    kv, queue = summary["kv_cache"], summary["queue"]
    limits = [f"above {100 * kv['threshold']:g} % of its KV cache"] if kv else []
    limits += [f"with more than {queue['threshold']:g} requests waiting"] if queue else []
    if not found["starved_s"]:
        return f"No pod was starved ({' or '.join(limits)}) over {of}."
    spans = [f"{start:.1f} to {end:.1f}" for start, end in found["starved_spans"]]
    when = f"from minute {spans[0]}" if len(spans) == 1 else f"{len(spans)} times, first from minute {spans[0]}"
    return (
        f"A pod was starved ({' or '.join(limits)}) for {found['starved_s']:.0f} of {of} "
        f"({percent(found['starved_share'])}), {when}."
    )


def about_cost(summary: Summary) -> str:
    """GPU-hours held, and for how much of what was served; of replicas whose GPUs nothing tells replica-hours."""
    found = summary["cost"]
    if not found:
        return ""
    unit = "replica" if found["gpu_hours"] is None else "gpu"
    per = [
        f"{found[f'{unit}_hours_per_{key}']:.3g} per {what}"
        for key, what in (
            ("million_output_tokens", _tokens(found)),
            ("thousand_within_slo", "thousand requests within the SLO"),
        )
        if found[f"{unit}_hours_per_{key}"] is not None
    ]
    named = f"GPU-hours ({gpus(found)} per replica)" if unit == "gpu" else "replica-hours"
    price = f"; at {found['price_per_gpu_hour']:g} per GPU-hour that is {found['price']:.2f}" if found["price"] else ""
    unknown = " How many GPUs a replica has is not known." if unit == "replica" else ""
    text = ", ".join([f"{found[f'{unit}_hours']:.2f} {named} were held", *per])
    return f"{text}{price}.{unknown}"


def gpus(found: dict[str, Any]) -> str:
    """How many GPUs a replica has."""
    each = found["gpus_per_replica"]
    return "GPUs unknown" if not each else f"{number(each)} {'GPU' if each == 1 else 'GPUs'}"


def _tokens(found: dict[str, Any]) -> str:
    estimated = " (estimated: rates times mean tokens)" if found["tokens_from"] == "log" else ""
    return f"million output tokens{estimated}"


# --- sentences under figures


def about_predictions(summary: Summary) -> str:
    """How far off the predictions were, and what of that may judge the model."""
    if not has_predictions(summary):
        return NO_PREDICTIONS
    loaded = summary["accuracy"]["loaded"]["itl"]
    if loaded is None:
        return "No prediction has an observation under load to be judged by."
    pairs = count(loaded["n"], "loaded pair")
    sentences = [
        f"Over {pairs}, whatever came, WVA's predictions of ITL were off by {ms(loaded['mae_ms'])} on average, "
        f"{bias(loaded['bias_ms'])}."
    ]
    steady = (summary["model"] or {}).get("steady") or {}
    n = sum(each["n"] for each in steady.values())
    if n:
        sentences.append(f"{n} of them {'is' if n == 1 else 'are'} steady, and judge{'s' * (n == 1)} the model.")
    else:
        sentences.append("No pair is steady: this run cannot judge the model.")
    sentences.append(_settled(summary, n))
    return " ".join(sentences)


def _settled(summary: Summary, steady: int) -> str:
    """What settled pairs are: no judges of the model, and told with their error only where nothing better is known."""
    settled, changes = summary["accuracy"]["settled"]["itl"], summary["errors"]["rate_changed"]
    if settled is None:
        return "WVA observed no loaded pair at the predicted number of replicas."
    said = f"{count(settled['n'], 'settled pair')}, at the predicted number of replicas by WVA's count"
    if not steady and not why.headline(summary):
        said += f" (off by {ms(settled['mae_ms'])} on average, {bias(settled['bias_ms'])})"
    if not changes["settled_known"]:
        return f"Of {said}, the log does not tell whether the rate was the assumed one."
    if not changes["settled"]:
        return f"Of {said}, none saw the rate change by more than 10 %."
    return (
        f"Of {said}, {changes['settled_by_20']} saw the rate change by more than 20 % and {changes['settled']} by more "
        "than 10 %, so that they are no judges of it."
    )


def about_errors(summary: Summary) -> str:
    """How the errors spread, and whether predicting was better than not."""
    if not has_predictions(summary):
        return NO_PREDICTIONS
    sentences = []
    for metric in ("itl", "ttft"):
        found = summary["accuracy"]["loaded"][metric]
        if found:
            sentences.append(
                f"{metric.upper()}: half of {count(found['n'], 'loaded pair')} off by at most "
                f"{ms(found['median_abs_ms'])}, root mean square {ms(found['rmse_ms'])}{_worse_than_a_mean(found)}."
            )
        skill = summary["skill"][metric]
        if skill:
            # By the same means that are told: by squares single far-off minutes would decide.
            own, other = skill["mae_ms"], skill["persistence_mae_ms"]
            sentences.append(
                f'Predicting {metric.upper()} was {_better(own, other)} "same as last time", which is off by '
                f"{ms(other)} on average against {ms(own)} (n = {skill['n']})."
            )
    return " ".join(sentences) or "There are no loaded pairs."


TIE = 0.05  # of the error of "same as last time": no difference worth a word


def _better(own: float, other: float) -> str:
    """One mean error against the other, with the word that joins them."""
    if abs(own - other) <= TIE * other:
        return "as good as"
    if own < other:
        return "better than"
    return "worse than" if own < 2 * other else "more than twice as bad as"


def _worse_than_a_mean(found: dict[str, Any]) -> str:
    r2 = found["r2"]
    return "" if r2 is None or r2 >= 0 else f" (R² {r2:.2f}: further off than the mean of what was observed would be)"


def about_unpaired(summary: Summary) -> str:
    """Why predictions have no partner."""
    unpaired = summary["unpaired"]
    if not has_predictions(summary):
        return NO_PREDICTIONS
    if not unpaired:
        return "Every prediction has an observation."
    listed = ", ".join(f"{reason} ({count})" for reason, count in unpaired.items())
    return f"Predictions without an observation to be judged by: {listed}."


def about_conditions(summary: Summary) -> str:
    """Whether errors come from other replicas than predicted, or with the load."""
    if not has_predictions(summary):
        return NO_PREDICTIONS
    rows = summary["errors"]["by_mismatch"]
    if not rows:
        return "There are no loaded pairs."
    settled = [row for row in rows if row["mismatch"] == 0]
    others = [row for row in rows if row["mismatch"] != 0]
    sentences = []
    if settled and others:
        n = sum(row["n"] for row in others)
        mae = sum(row["n"] * row["itl_mae_ms"] for row in others) / n
        sentences.append(
            f"At other replicas than predicted, by WVA's count, ITL was off by {ms(mae)} on average "
            f"({count(n, 'pair')}), at the predicted ones by {ms(settled[0]['itl_mae_ms'])} "
            f"({count(settled[0]['n'], 'pair')})."
        )
    elif settled:
        sentences.append("WVA observed every loaded pair at the predicted number of replicas.")
    else:
        sentences.append("WVA observed no loaded pair at the predicted number of replicas.")
    sentences.append(_by_pods(summary))
    for metric in ("itl", "ttft"):
        told = [
            (found["rho"], found["n"], name)
            for key, name in (
                ("load_correlation", "the arrival rate"),
                ("kv_correlation", "the KV usage of the fullest pod"),
            )
            if (found := summary["errors"][key][metric])["rho"] is not None
        ]
        if told:
            told = sorted(told, key=_strength)
            parts = [f"{_goes_with(rho)} {name} (Spearman's ρ {rho:.2f}, n = {n})" for rho, n, name in told]
            sentences.append(f"The error of {metric.upper()} {' and '.join(parts)}.")
    return " ".join(sentence for sentence in sentences if sentence)


def _by_pods(summary: Summary) -> str:
    """Whether as many pods were ready as WVA observed: it may count what it wanted."""
    found = (summary["model"] or {}).get("settled_ready") or {"other": 0}
    if not found["other"]:
        return ""
    return (
        f"That is its own count: of {count(found['known'], 'settled pair')} {found['other']} "
        f"had another number of ready pods than predicted."
    )


def _strength(told: tuple[float, int, str]) -> float:
    """What an error goes with is told before what it hardly goes with."""
    return -abs(told[0])


def _goes_with(rho: float) -> str:
    """In words; 0.3 and 0.6 are what is commonly called weak and strong."""
    strength = "hardly goes" if abs(rho) < 0.3 else "goes" if abs(rho) < 0.6 else "goes strongly"
    return f"{strength} with" if rho >= 0 or abs(rho) < 0.3 else f"{strength} against"


def has_predictions(summary: Summary) -> bool:
    """Whether there is anything to judge the optimizer by."""
    return bool(summary["pairs"]["all"] or summary["unpaired"])


def about_slo(summary: Summary) -> str:
    """How often each SLO was met."""
    slo = summary["slo"]
    if slo["source"] == "unknown":
        return f"No SLO is known, from the log or from the config ({HOW_TO_SAY_AN_SLO})."
    judged = [metric for metric in ("itl", "ttft") if slo[f"{metric}_attainment"] is not None]
    if slo["basis"] == "requests":
        recorded = f"{'recorded ' if summary['requests']['unknown'] else ''}request"
        n = summary["requests"]["sent"]
        parts = [
            f"{metric.upper()} was at or below {slo[f'{metric}_ms']:g} ms in "
            f"{share_of(round(slo[f'{metric}_attainment'] * n), n, recorded)}"
            for metric in judged
        ]
        return f"{' and '.join(parts)} (TPOT of a request stands for ITL).{_of_unknown(summary)}"
    parts = [
        f"{metric.upper()} was at or below {slo[f'{metric}_ms']:g} ms in "
        f"{share_of(slo[f'{metric}_met'], slo[f'{metric}_judged'], _mean_of(summary))}"
        for metric in judged
    ]
    if not parts:
        return f"Nothing was loaded, so nothing is judged.{_of_unknown(summary)}"
    return f"{' and '.join(parts)}{_of_requests(summary, judged)}.{_of_unknown(summary)}"


FEW = 4  # up to so many are listed, and have no median


def about_scaling(summary: Summary) -> str:
    """What was decided, what became of it and how long it took."""
    took = summary["time_to_scale"]
    if not took["changes"]:
        return f"{_decided(summary)} No decision changed a target."
    up = took["up"]
    sentences = [_decided(summary), _fate(up, "raised") if up["changes"] else "", _until_ready(summary)]
    turns = summary["flapping"]
    if turns is None:
        sentences.append("Whether changes that were taken back were for the load's sake, the log does not tell.")
    elif turns:
        sentences.append(
            f"{count(turns, 'change')} took back the one before within ten minutes, though the load had not moved by a "
            "tenth in that direction."
        )
    return " ".join(sentence for sentence in sentences if sentence)


def about_zero(summary: Summary) -> str:
    """What was decided from and to zero replicas, and how long requests waited for one."""
    found = summary["zero"]
    if not found:
        return "No variant was left without a replica."
    sentences = []
    if found["to_zero"] or found["from_zero"]:
        reasons = _listed(found["reasons"])
        sentences.append(
            f"WVA decided {times(found['to_zero'])} to leave a variant without a replica and "
            f"{times(found['from_zero'])} to give it one again{f' ({reasons})' if reasons else ''}."
        )
    if found["kept_from_zero"]:
        sentences.append(f"Models were kept from zero: {_listed(found['kept_from_zero'])}.")
    for wake in found["wakes"]:
        start = f"From minute {wake['waiting_minutes']:.1f} on requests waited for a model without a ready replica"
        ready = (
            f"the first was ready not later than {wake['waited_s']:.0f} s after it"
            if wake["waited_s"] is not None
            else "none was ready before the end"
        )
        sentences.append(f"{start}; {ready}.")
    return " ".join(sentences)


def _listed(counts: dict[str, int]) -> str:
    return ", ".join(f"{name} ({number_})" for name, number_ in counts.items())


def _fate(way: dict[str, Any], what: str) -> str:
    """What became of changes in one direction."""
    outcomes = (
        ("carried_out", "carried out"),
        ("superseded", "overtaken by another decision"),
        ("not_needed", "not needed, the replicas were there"),
        ("never", "not carried out before the end"),
    )
    told = [(way[key], words_) for key, words_ in outcomes if way[key]]
    if way["changes"] == 1:
        return f"The {what} target was {told[0][1]}."
    if len(told) == 1:
        return f"All {way['changes']} {what} targets were {told[0][1]}."
    return f"Of {way['changes']} {what} targets, {', '.join(map(_of_each, told))}."


def _of_each(told: tuple[int, str]) -> str:
    return f"{told[0]} {'was' if told[0] == 1 else 'were'} {told[1]}"


def _until_ready(summary: Summary) -> str:
    """How long raised targets took to be held and to be ready; a time is known between two samples only."""
    took, ready_is_known = summary["time_to_scale"], summary["supply"]["ready_max"] is not None
    done = [step for step in took["steps"] if step["direction"] > 0 and step["outcome"] == "carried out"]
    if not done:
        return ""
    if len(done) <= FEW:
        each = [
            f"that of minute {step['minutes']:.1f} was held after {_interval(step, 'desired')}"
            + (f" and ready after {_interval(step, 'ready')}" if step["ready_s"] is not None else "")
            + (" (as many were ready still)" if step["ready_s"] is None and ready_is_known else "")
            for step in done
        ]
        return f"{'; '.join(each).capitalize()}."
    up = took["up"]
    if up["decision_to_ready_s"] is None:
        return ""
    return (
        f"Half of them were ready within {up['decision_to_ready_s']:.0f} s of the decision (medians: held after "
        f"{_between(up, 'decision_to_desired')}, ready after {_between(up, 'decision_to_ready')})."
    )


def _interval(step: dict[str, Any], what: str) -> str:
    return _span(step[f"{what}_after_s"], step[f"{what}_s"])


def _between(way: dict[str, Any], what: str) -> str:
    return _span(way[f"{what}_after_s"], way[f"{what}_s"])


def _span(after_s: float, by_s: float) -> str:
    """A time that lies between two samples: after the one, not later than the other."""
    return f"({after_s:.0f}, {by_s:.0f}] s"


_DEMAND = {"plan": "offered load", "config and Job logs": "offered load (rebuilt from config and Job logs)"}
_CAPACITY = {"given": "as given", "optimizer": "for this SLO, by the optimizer's own model"}
NO_DEMAND = (
    "What was offered is not known from this run (run.json, or config and Job logs, would tell): whether replicas were "
    "too few is told by starved pods alone."
)


def about_load(summary: Summary) -> str:
    """What the load needed, if one replica serves what is stated."""
    found = summary["elasticity"]
    if found is None:
        if not summary["elasticity_by_capacity"]:
            return NO_DEMAND
        return (
            "What one replica serves within the SLO is not known (--replica-capacity states it): the table shows how "
            "much hangs on it."
        )
    return (
        f"If one replica serves {found['capacity_per_replica_per_s']:.3g} requests per second "
        f"({_CAPACITY[found['capacity_from']]}{_range(found)}), the {_DEMAND[found['demand_from']]} needed "
        f"{found['needed_replica_s']:.0f} replica-seconds and {found['used_replica_s']:.0f} were held: fewer than "
        f"needed in {percent(found['under_share'])} of the time, more in {percent(found['over_share'])}."
        f"{_all_the_same(summary)}"
    )


def _range(found: dict[str, Any]) -> str:
    """Between which values the optimizer's own lie: the tuner changes the model while it runs."""
    ends = [found[f"capacity_{end}_per_s"] for end in ("least", "most")]
    if None in ends or f"{ends[0]:.3g}" == f"{ends[1]:.3g}":
        return ""
    return f": the median of {ends[0]:.3g} to {ends[1]:.3g}"


def _all_the_same(summary: Summary) -> str:
    """What starved pods say of a capacity by which there were enough replicas."""
    starved_s, found = summary["supply"]["starved_s"], summary["elasticity"]
    if not starved_s or found["under_share"] * found["duration_s"] >= starved_s:
        return ""
    return f" Pods were starved for {starved_s:.0f} s all the same: fewer were ready than held, or each served less."


_PER_POD = " (WVA logs them since 0.0.5, and from 0.5 on only with --v=4)"


def about_saturation(summary: Summary) -> str:
    """When pods were saturated, by the controller's own verdict and by ours, and what was done about it."""
    kv = summary["kv_cache"]
    if kv is None:
        return f"The log holds no KV cache metrics{_PER_POD}."
    sentences = [_own_verdict(summary)]
    threshold = f"{100 * kv['threshold']:g} %"
    if not kv["saturation_events"]:
        ours = " (our threshold)" if sentences[0] else ""
        sentences.append(f"No pod's KV cache usage was above {threshold}{ours}; the most was {percent(kv['max'])}.")
        return " ".join(sentence for sentence in sentences if sentence)
    unknown = kv["events_of_unknown_length"]
    lasted = f", for {kv['saturated_s']:.0f} s in all" if kv["saturated_s"] else ""
    single = "" if not unknown else f" ({unknown} of them in one reconciliation only, for how long is not known)"
    sentences.append(f"Pods were above {threshold} of KV usage {times(kv['saturation_events'])}{lasted}{single}.")
    if len(kv["events"]) <= FEW:
        sentences += [_about_event(event, summary) for event in kv["events"]]
    else:
        answered = kv["answered_events"]
        sentences.append(f"In {answered} of {len(kv['events'])} a scale-up was decided, or was under way.")
    return " ".join(sentence for sentence in sentences if sentence)


def _own_verdict(summary: Summary) -> str:
    own, limits = summary["capacity"]["own"], summary["capacity"]["limits"]
    if own is None:
        return ""
    told = [
        f"{name} {value:g}"
        for name, value in (("KV usage", limits["kv_threshold"]), ("queue", limits["queue_threshold"]))
        if value is not None
    ]
    by = f"by its own thresholds ({', '.join(told)})" if told else "by its own thresholds"
    analyses = f"of {count(own['analyses'], 'analysis', 'analyses')}"
    if not own["some"]:
        return f"WVA found no replica saturated in any {analyses}, {by}."
    none = "in none of them all" if not own["none"] else f"in {own['none']} all of them"
    return f"WVA found replicas saturated in {own['some']} {analyses}, {none}, {by}."


def _about_event(event: dict[str, Any], summary: Summary) -> str:
    """One event: how long it lasted, which scale-ups fell into it, what ended it."""
    is_one = len({each["model"] for each in summary["kv_cache"]["events"]}) == 1
    whose = "" if is_one or event["model"] is None else f" of {event['model']}"
    start, end = event["start_minutes"], event["end_minutes"]
    head = (
        f"In the reconciliation of minute {start:.1f}{whose}"
        if event["duration_s"] is None
        else f"From minute {start:.1f} to {end:.1f}{whose}"
    )
    ups = event["scale_ups"]
    if not ups:
        did = "no scale-up was decided or under way"
    else:
        decided_s = event["to_decision_s"]
        when = f"{abs(decided_s):.0f} s {'before' if round(decided_s) < 0 else 'after'} it began"
        first = f"decided {when}" if len(ups) == 1 else f"the first decided {when}"
        way = (
            "fell into it"
            if round(decided_s) >= 0
            else "fell into it or were under way"
            if len(ups) > 1
            else "was under way"
        )
        did = f"{count(len(ups), 'scale-up')} {way}, {first} (at minute {', '.join(ups)})"
    return f"{head}: {did}; {_ending(event)}."


def _ending(event: dict[str, Any]) -> str:
    ended, before, after = event["ended_by"], event["ready_at_start"], event["ready_at_end"]
    if ended == "the end of the log":
        return "it lasted to the end of the log"
    told = "what ended it, the log does not tell" if ended == "not known" else f"it ended with {ended}"
    if "ready" in ended and before is not None and after is not None:
        told += f" ({number(before)} when it began, {number(after)} then)"
    return told


def about_spare(summary: Summary) -> str:
    """Spare capacity against the triggers, and why replicas were kept."""
    found = summary["capacity"]
    limits, spare = found["limits"], found["spare"]
    if not spare["analyses"]:
        sentences = ["The log tells no spare capacity (V1 analyses tell it, at DEBUG before v0.5.1)."]
    elif limits["kv_trigger"] is None and limits["queue_trigger"] is None:
        sentences = [
            f"{count(spare['analyses'], 'analysis', 'analyses')} told the spare capacity; no trigger is known that "
            "holds for all of them."
        ]
    else:
        parts = [
            f"spare {name} was below the trigger of {text} {times(spare[f'below_{key}'])}"
            for name, key, text in (
                ("KV cache", "kv", _trigger(limits["kv_trigger"], 100, " %")),
                ("queue", "queue", _trigger(limits["queue_trigger"], 1, " requests")),
            )
            if text
        ]
        sentences = [f"In {count(spare['analyses'], 'analysis', 'analyses')}, {' and '.join(parts)}."]
    refusals = found["scale_down_refusals"]
    if refusals:
        refused, single = (sum(row[name] for row in refusals) for name in ("count", "single"))
        listed = ", ".join(f"{row['reason']} ({row['count']})" for row in refusals)
        sentences.append(f"A scale-down was found unsafe in {count(refused, 'reconciliation')}: {listed}.")
        if single:
            sentences.append(f"In {single} of them there was one replica, and nothing to give back.")
    return " ".join(sentences)


def about_limits(summary: Summary) -> str:
    """What the controller worked with, and how many of its analyses follow from the pods' values."""
    found, replay = summary["capacity"], summary["replay"]
    limits = found["limits"]
    sentences = []
    for name, keys in (("saturated from", "threshold"), ("short below", "trigger")):
        parts = [
            f"{limits[f'{which}_{keys}']:g} {unit}"
            for which, unit in (("kv", "KV usage" if keys == "threshold" else "spare KV"), ("queue", _QUEUE[keys]))
            if limits[f"{which}_{keys}"] is not None
        ]
        if parts:
            sentences.append(f"{name} {' or '.join(parts)}")
    told = f"WVA's own limits (from the {limits['source']}): {'; '.join(sentences)}." if sentences else ""
    if replay and replay["analyses"]:
        basis = "them, and the pods' values," if sentences else "what their lines tell,"
        analyses = count(replay["analyses"], "analysis", "analyses")
        twins = ", those of twin loop runs each by itself," if summary["loop_runs"] > summary["reconciliations"] else ""
        told += f" With {basis} {replay['analyses_reproduced']} of {analyses} of the log{twins} are reproduced."
        if found["not_reproduced"]:
            told += f" Not those of reconciliations {', '.join(map(str, found['not_reproduced']))}."
    return f"{told} {found['not_replayed']}".strip()


_QUEUE = {"threshold": "waiting requests", "trigger": "spare places in the queue"}


def about_masked(summary: Summary) -> str:
    """Whether the mean over pods that are not saturated hid full ones."""
    found = summary["capacity"]["masked"]
    if found is None:
        return "Whether saturation was masked cannot be said from this log."
    judged = count(found["judged_reconciliations"], "reconciliation")
    if not found["analyses"]:
        return (
            f"No saturation was masked: in none of {judged} was a pod full beside one that is not saturated, without a "
            "scale-up being asked for."
        )
    return (
        f"Saturation was masked in {found['reconciliations']} of {judged}, for {found['minutes']:.1f} min: a pod was "
        f"full (KV usage up to {percent(found['kv_usage'])}, up to {found['queue_length']:.0f} requests waiting) "
        "beside one that was not saturated, and no scale-up was asked for, because WVA averages the spare capacity "
        "over the latter."
    )


_LIMITS = {
    "kv_threshold": "KV threshold",
    "queue_threshold": "queue threshold",
    "kv_trigger": "KV trigger",
    "queue_trigger": "queue trigger",
}


def about_other_triggers(summary: Summary) -> str:
    """What other triggers would have changed, and how far that can be said."""
    rows, own = summary["capacity"]["other_triggers"], summary["capacity"]["limits"]
    as_was = [
        row for row in rows if (row["kv_trigger"], row["queue_trigger"]) == (own["kv_trigger"], own["queue_trigger"])
    ]
    if not as_was:
        unknown = [name for key, name in _LIMITS.items() if own[key] is None]
        missing = f" (not its {' and '.join(unknown)})" if 0 < len(unknown) < len(_LIMITS) else ""
        return f"As not all of WVA's own limits are known{missing}, nothing can be said of other triggers."
    if as_was[0]["minutes"] is None:
        return "With its own triggers WVA never asked for more replicas."
    return (
        f"With its own triggers WVA first asked for more replicas at minute {as_was[0]['minutes']:.1f}; for others the "
        "table says when. That is exact for those that ask no later; for the others the pods are already those of what "
        "WVA had decided."
    )


def _trigger(value: float | None, factor: float, unit: str) -> str:
    return "" if value is None else f"{factor * value:g}{unit}"


def about_analyzers(summary: Summary) -> str:
    """Demand against supply, by the analyzers of newer releases."""
    parts = [
        f"the {row['analyzer']} analyzer found more demand than supply in {row['above']} of {row['n']} analyses"
        + ("" if row["peak"] is None else f" (demand over supply up to {row['peak']:.2f})")
        for row in summary["analyzers"]
    ]
    said = "; ".join(parts)
    return f"{said[0].upper()}{said[1:]}." if said else "No analyzer logs demand and supply."


def about_correlation(summary: Summary) -> str:
    """How decisions go with the pods' state before them: no more than that there is a table to explore."""
    rows = [row for row in summary["capacity"]["correlation"] if row["kv"] is not None or row["queue"] is not None]
    if not rows:
        return "Decisions and the pods' state hardly varied: nothing can be said of how they go together."
    steps, n = summary["capacity"]["steps"], max(row["n"] for row in rows)
    return (
        f"The table has rank correlations of the decided step with the pods' state at {count(len(rows), 'lag')}, to "
        f"explore: {steps} of {count(n, 'decision')} asked for another number of replicas, and the strongest of so "
        "many correlations proves nothing."
    )


def about_queue(summary: Summary) -> str:
    """How long requests queued up."""
    queue = summary["queue"]
    if queue is None:
        return f"The log holds no queue metrics{_PER_POD}."
    if not queue["max"]:
        return "No request had to wait."
    above = share_of(queue["above_threshold"], queue["observations"], "observation")
    return (
        f"The longest queue of a pod was {queue['max']:.0f} requests; {above} of pods were above "
        f"{queue['threshold']:g}."
    )


def about_tuner(summary: Summary) -> str:
    """What the tuner did."""
    tuner = summary["tuner"]
    if not tuner["updates"] and not tuner["nis_rejections"]:
        return "The tuner did not run."
    return f"The tuner updated the parameters {times(tuner['updates'])} and rejected {times(tuner['nis_rejections'])}."


def about_rates(summary: Summary) -> str:
    """How much load there was, as WVA measured it."""
    rates = summary["arrival_rate"]
    if rates is None:
        return "The log tells no arrival rate."
    return (
        f"{rates['mean_per_s']:.1f} requests per second were answered on average and {rates['max_per_s']:.1f} at most, "
        f"by WVA's measure in {count(rates['n'], 'reconciliation')}{_offered_peak(summary)}. Answers are no demand: "
        "fewer while requests wait, more while a queue drains."
    )


def _offered_peak(summary: Summary) -> str:
    peak = (summary["arrival_rate"] or {}).get("offered_max_per_s")
    return "" if peak is None else f"; at most {number(peak)} were offered"


def about_clients(summary: Summary) -> str:
    """What the load generators measured, all together."""
    client = summary["client"]
    if client is None or client["completed"] is None:
        return "No load generator left a result."
    means = [
        f"{metric.upper()} {ms(client[f'mean_{metric}_ms'])}"
        for metric in ("ttft", "tpot", "itl")
        if client[f"mean_{metric}_ms"] is not None
    ]
    failed = failed_of(client["jobs"], "sent")
    text = f"The load generators had {client['completed']:.0f} requests answered and {failed} failed"
    text += (
        f"; means, TTFT and TPOT weighted by answered requests, ITL by tokens: {', '.join(means)}." if means else "."
    )
    return f"{text}{_of_unknown(summary)}"


def failed_of(jobs: list[dict[str, Any]], what: str = "") -> str:
    """How many requests failed, of how many sent."""
    known = [job for job in jobs if job["failed"] is not None and job["sent"] is not None]
    if not known:
        return "an unknown number"
    failed, sent = (sum(job[name] for job in known) for name in ("failed", "sent"))
    others = f" ({count(len(jobs) - len(known), 'Job')} did not tell)" if len(known) < len(jobs) else ""
    return f"{failed:.0f} of {sent:.0f}{' ' * bool(what)}{what}{others}"


def caps_reached(summary: Summary) -> str:
    """The Jobs whose cap of concurrent requests was or may have been reached, and what it means; empty without any."""
    jobs = (summary["client"] or {"jobs": []})["jobs"]
    sentences = []
    for cap, was in ((REACHED, "was reached"), (PERHAPS_REACHED, PERHAPS_REACHED)):
        listed = "; ".join(f"{job['job']} ({_capped(job)})" for job in jobs if job["cap"] == cap)
        sentences += [f"The cap of concurrent requests {was} by {listed}."] if listed else []
    if not sentences:
        return ""
    sentences.append(
        "At its cap a client sends the next request only when one is answered: the load is then less than ordered, and "
        "the clients' TTFT leaves out how long a request has waited to be sent."
    )
    return " ".join(sentences)


def _capped(job: dict[str, Any]) -> str:
    parts = [f"cap {job['max_concurrency']:.0f}"]
    if job["peak_concurrency"] is not None:
        parts.append(f"up to {job['peak_concurrency']:.0f} within one second")
    ordered, achieved = job["rate_per_s"], job["throughput_per_s"]
    if ordered is not None and achieved is not None and achieved < ordered:
        parts.append(f"{achieved:.2f} of the ordered {ordered:g} requests/s, until the last answer")
    return ", ".join(parts)


_SUPPLY_FROM = {
    "samples": "samples of the cluster",
    "spec": "the Deployments' spec",
    "pods": "the pods that report",
    "observed": "WVA's observations",
    "decisions": "WVA's decisions",
}


def supply_from(sources: str) -> str:
    """Where replicas are known from, in words."""
    return " and ".join(_SUPPLY_FROM[source] for source in sources.split(" and ") if source)


NO_REQUESTS = "There are no records of single requests."


def about_requests(summary: Summary) -> str:
    """What became of the requests that were sent, and what the answered ones felt; as far as they are recorded."""
    found = summary["requests"]
    if found is None:
        return NO_REQUESTS
    if not found["sent"]:
        return f"{NO_REQUESTS}{_of_unknown(summary)}"
    is_partial = found["unknown"] > 0
    is_are = ("is" if is_partial else "was") if found["sent"] == 1 else ("are" if is_partial else "were")
    sentences = [
        f"{count(found['sent'], 'request')} {is_are} {'recorded' if is_partial else 'sent'}, {found['answered']} "
        f"answered and {found['failed']} failed.{_of_unknown(summary)}"
    ]
    if found["reasons"]:
        listed = ", ".join(f"{row['reason']} ({row['count']})" for row in found["reasons"])
        sentences.append(f"Of the failed ones the clients list at most ten each: {listed}.")
    felt = [
        f"{name} {ms(found[key]['p50'])} and {ms(found[key]['p99'])}"
        for name, key in (("TTFT", "ttft_ms"), ("TPOT", "tpot_ms"), ("end-to-end", "e2e_ms"))
        if found[key]
    ]
    if felt:
        answered = "answered and recorded" if is_partial else "answered"
        sentences.append(f"Median and 99th percentile of the {answered} ones: {', '.join(felt)}.")
    if found["within_slo_share"] is not None:
        goodput = found["goodput_per_s"]
        sentences.append(
            f"{percent(found['within_slo_share'])} of all that {'are recorded' if is_partial else 'were sent'} were "
            f"within the SLO{_bounds(found)}"
            + ("." if goodput is None else f": {'at least ' if is_partial else ''}{goodput:.2f} per second of sending.")
        )
    if found["warmup"]:
        sentences.append(f"The warm-up's {count(found['warmup']['sent'], 'request')} are in none of these numbers.")
    return " ".join(sentences)
