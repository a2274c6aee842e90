"""A run's numbers in words: sentences under figures, and ANALYSIS_SUMMARY.md.

Everything is computed from summary.json's numbers (`summary.summarize`), so that no sentence is wrong for another run.
What is unknown is said to be, never shown as 0.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

Summary = dict[str, Any]

UNKNOWN = "not known"
NO_PREDICTIONS = "The log holds no predictions: WVA logs them at DEBUG up to 0.4, and predicts no latencies later."

GLOSSARY = (
    ("reconciliation", "one round of the controller's loop; twin runs within 5 s count as one"),
    ("pair", "the prediction of reconciliation N with the observation of the same variant at N+1"),
    ("loaded pair", "one in which both latencies were observed; idle ones count only under 'all'"),
    ("settled pair", "a loaded pair observed at the replicas that the prediction was made for"),
    ("error", "observed - predicted; positive: the optimizer was optimistic"),
    ("ITL, TTFT", "inter-token latency and time to first token, means over a minute"),
    ("attainment", "share of loaded observations at or below the SLO"),
    ("saturated", "KV cache usage of a pod above the threshold"),
    ("replica-seconds", "replicas integrated over time: what the run cost"),
)

# --- the verdict


def verdict(summary: Summary) -> list[str]:
    """Up to three sentences that somebody who pays for the GPUs understands."""
    lines = [_served(summary), _decided(summary)]
    if summary["findings"]:
        lines.append(f"Look at this first: {summary['findings'][0]}")
    elif summary["mode"] == "model-based":
        lines.append(about_predictions(summary))
    else:
        lines.append(about_saturation(summary))
    return [line for line in lines if line]


def _served(summary: Summary) -> str:
    slo = summary["slo"]
    n = slo["loaded_observations"]
    if summary["observed_from"] == "nothing":
        return "Nobody logged what the requests felt: no observed ITL and TTFT."
    if not n:
        return "No request was served while the controller observed."
    parts = [
        f"{metric.upper()} in {_percent(slo[f'{metric}_attainment'])}"
        for metric in ("itl", "ttft")
        if slo[f"{metric}_attainment"] is not None
    ]
    if not parts:
        return f"No SLO is known, so {_count(n, 'loaded observation')} cannot be judged."
    return f"Of {_count(n, 'loaded observation')}, the SLO was met for {' and for '.join(parts)}."


def _decided(summary: Summary) -> str:
    replicas = summary["replicas"]
    if replicas is None:
        return "The log holds no scaling decision."
    ups, downs = (summary["actions"].get(action, 0) for action in ("scale-up", "scale-down"))
    least, most, mean = (_number(replicas[name]) for name in ("min", "max", "mean"))
    ran = (
        f"{_count(int(replicas['min']), 'replica')} ran throughout"
        if least == most
        else f"{least} to {most} replicas ran, {mean} on average"
    )
    return f"WVA decided {_times(ups)} to scale up and {_times(downs)} to scale down; {ran}."


# --- sentences under figures


def about_predictions(summary: Summary) -> str:
    """How far off the predictions were."""
    if not _has_predictions(summary):
        return NO_PREDICTIONS
    accuracy = summary["accuracy"]
    settled, loaded = accuracy["settled"]["itl"], accuracy["loaded"]["itl"]
    if settled is None:
        if loaded is None:
            return "No prediction has an observation under load to be judged by."
        return (
            f"None of {_count(loaded['n'], 'loaded pair')} was observed at the predicted number of replicas; "
            f"over all of them ITL was off by {_ms(loaded['mae_ms'])} on average."
        )
    return (
        f"At the predicted number of replicas ({_count(settled['n'], 'settled pair')}), ITL was off by "
        f"{_ms(settled['mae_ms'])} on average and {_bias(settled['bias_ms'])}."
    )


def about_errors(summary: Summary) -> str:
    """How the errors spread, and whether predicting was better than not."""
    if not _has_predictions(summary):
        return NO_PREDICTIONS
    sentences = []
    for metric in ("itl", "ttft"):
        found = summary["accuracy"]["loaded"][metric]
        if found:
            sentences.append(
                f"{metric.upper()}: half of {_count(found['n'], 'loaded pair')} off by at most "
                f"{_ms(found['median_abs_ms'])}, root mean square {_ms(found['rmse_ms'])}."
            )
        skill = summary["skill"][metric]
        if skill and skill["skill"] is not None:
            better = "better" if skill["skill"] > 0 else "no better"
            sentences.append(
                f'Predicting was {better} than "same as last time", which is off by {_ms(skill["persistence_mae_ms"])} '
                f"on average against {_ms(skill['mae_ms'])} (n = {skill['n']})."
            )
    return " ".join(sentences) or "There are no loaded pairs."


def about_unpaired(summary: Summary) -> str:
    """Why predictions have no partner."""
    unpaired = summary["unpaired"]
    if not _has_predictions(summary):
        return NO_PREDICTIONS
    if not unpaired:
        return "Every prediction has an observation."
    listed = ", ".join(f"{reason} ({count})" for reason, count in unpaired.items())
    return f"Predictions without an observation to be judged by: {listed}."


def _has_predictions(summary: Summary) -> bool:
    return bool(summary["pairs"]["all"] or summary["unpaired"])


def about_slo(summary: Summary) -> str:
    """How often each SLO was met."""
    slo = summary["slo"]
    if slo["source"] == "unknown":
        return "No SLO is known, from the log or from the config."
    sentences = []
    for metric in ("itl", "ttft"):
        if slo[f"{metric}_attainment"] is not None:
            met = _percent(slo[f"{metric}_attainment"])
            sentences.append(f"{metric.upper()} was at or below {slo[f'{metric}_ms']:g} ms in {met}")
    n = _count(slo["loaded_observations"], "loaded observation")
    return f"{' and '.join(sentences)} of {n}." if sentences else "Nothing was loaded, so nothing is judged."


def about_scaling(summary: Summary) -> str:
    """What was decided and how long it took."""
    took = summary["time_to_scale"]
    if not took["changes"]:
        return f"{_decided(summary)} No decision changed a target."
    text = f"{_decided(summary)} Targets changed {_times(took['changes'])}, carried out {_times(took['carried_out'])}"
    if took["decision_to_ready_s"] is not None:
        resolution = "" if took["source"] == "samples" else ", to the resolution of a reconciliation"
        text += f", half of these within {took['decision_to_ready_s']:.0f} s{resolution}"
    turns = summary["flapping"]
    return text + (f". The direction turned {_times(turns)} within ten minutes." if turns else ".")


def about_load(summary: Summary) -> str:
    """What the load needed, as far as that can be estimated."""
    found = summary["elasticity"]
    if found is None:
        return "What one replica can serve within the SLO is not known from this run."
    source = "offered" if found["demand_from"] == "plan" else "measured"
    condition = "without saturation" if summary["slo"]["source"] == "unknown" else "within the SLO"
    return (
        f"If one replica serves {found['capacity_per_replica_per_s']:.1f} requests per second (the most seen "
        f"{condition}), the {source} load needed {found['least_replica_s']:.0f} replica-seconds and got "
        f"{found['used_replica_s']:.0f}: too few replicas in {_percent(found['under_share'])} of the time, too many in "
        f"{_percent(found['over_share'])}."
    )


_PER_POD = " (WVA logs them since 0.0.5, and from 0.5 on only with --v=4)"


def about_saturation(summary: Summary) -> str:
    """When pods were saturated and what was done about it."""
    kv = summary["kv_cache"]
    if kv is None:
        return f"The log holds no KV cache metrics{_PER_POD}."
    threshold = f"{100 * kv['threshold']:g} %"
    if not kv["saturation_events"]:
        return f"No pod's KV cache usage was above {threshold}; the most was {_percent(kv['max'])}."
    text = (
        f"Pods were saturated (above {threshold}) {_times(kv['saturation_events'])}, for {kv['saturated_s']:.0f} s in "
        f"all; a scale-up answered {_times(kv['answered_events'])}"
    )
    if kv["saturation_to_ready_s"] is not None:
        text += f" and was ready {kv['saturation_to_ready_s']:.0f} s after the beginning (median)"
    return text + "."


def about_queue(summary: Summary) -> str:
    """How long requests queued up."""
    queue = summary["queue"]
    if queue is None:
        return f"The log holds no queue metrics{_PER_POD}."
    if not queue["max"]:
        return "No request had to wait."
    share = _percent(queue["above_threshold_share"])
    return (
        f"The longest queue of a pod was {queue['max']:.0f} requests; {share} of the observations were above "
        f"{queue['threshold']:g}."
    )


def about_tuner(summary: Summary) -> str:
    """What the tuner did."""
    tuner = summary["tuner"]
    if not tuner["updates"] and not tuner["nis_rejections"]:
        return "The tuner did not run."
    return (
        f"The tuner updated the parameters {_times(tuner['updates'])} and rejected {_times(tuner['nis_rejections'])}."
    )


# --- the summary page


def markdown(summary: Summary) -> str:
    """ANALYSIS_SUMMARY.md."""
    lines = [f"# {summary['run']}", "", *_paragraphs(verdict(summary))]
    if summary["notes"] or summary["findings"]:
        lines += [
            "## Before you believe it",
            "",
            *(f"- {note}" for note in [*summary["notes"], *summary["findings"]]),
            "",
        ]
    lines += ["## The run", "", *_table(("", ""), _run_rows(summary)), ""]
    if summary["mode"] == "model-based":
        lines += ["## Prediction accuracy", ""]
        if _has_predictions(summary):
            lines += [*_table(_ACCURACY_HEADER, _accuracy_rows(summary)), ""]
        lines += _paragraphs(dict.fromkeys([about_errors(summary), about_unpaired(summary)]))
    lines += ["## SLO", "", *_table(("", "SLO", "attainment", "n"), _slo_rows(summary)), ""]
    lines += ["## Scaling", "", *_paragraphs([about_scaling(summary), about_load(summary)])]
    if len(summary["variants"]) > 1:
        # Only the model-based mode predicts.
        columns = len(_VARIANTS_HEADER) if summary["mode"] == "model-based" else _VARIANTS_HEADER.index("settled pairs")
        lines += [*_table(_VARIANTS_HEADER[:columns], (row[:columns] for row in _variant_rows(summary))), ""]
    if summary["reasons"]:
        rows = [(row["action"], row["reason"] or UNKNOWN, row["count"]) for row in summary["reasons"]]
        lines += [*_table(("decision", "reason", "count"), rows), ""]
    lines += ["## KV cache and queue", "", *_paragraphs([about_saturation(summary), about_queue(summary)])]
    if summary["mode"] == "model-based":
        lines += ["## Tuner", "", *_paragraphs([about_tuner(summary)])]
    lines += ["## Client side", "", *_client(summary), ""]
    lines += ["## The log", "", *_table(("", ""), _log_rows(summary)), ""]
    lines += ["## Terms", "", *(f"- **{term}**: {meaning}." for term, meaning in GLOSSARY), ""]
    return "\n".join(lines)


_VARIANTS_HEADER = ("variant", "model", "scale-ups", "scale-downs", "replicas", "settled pairs", "MAE of ITL (ms)")
_ACCURACY_HEADER = ("pairs", "metric", "n", "bias (ms)", "MAE (ms)", "RMSE (ms)", "median abs. (ms)", "MAPE", "R²")


def _run_rows(summary: Summary) -> Iterator[tuple[str, str]]:
    replicas, cost = summary["replicas"], summary["cost"]
    yield "mode", f"{summary['mode']} ({summary['mode_evidence']})"
    yield "reconciliations", f"{summary['reconciliations']} (loop runs in the log: {summary['loop_runs']})"
    yield "usual interval", UNKNOWN if summary["interval_s"] is None else f"{summary['interval_s']:.1f} s"
    yield "observations from", str(summary["observed_from"])
    if replicas:
        yield "replica-seconds", f"{replicas['replica_seconds']:.0f} (from {replicas['source']})"
    if cost and cost["cost"] is not None:
        yield "cost", f"{cost['cost']:.2f} (WVA's unit cost {cost['unit_cost']:g} per replica and hour)"


def _variant_rows(summary: Summary) -> Iterator[tuple[str, ...]]:
    for each in summary["variants"]:
        ups, downs = (str(each["actions"].get(action, 0)) for action in ("scale-up", "scale-down"))
        replicas, settled = each["replicas"], each["accuracy"]["settled"]["itl"]
        ran = f"{_number(replicas['min'])} to {_number(replicas['max'])}" if replicas else UNKNOWN
        error = f"{settled['mae_ms']:.2f}" if settled else "–"
        yield each["variant"], each["model"] or UNKNOWN, ups, downs, ran, str(each["pairs"]["settled"]), error


def _accuracy_rows(summary: Summary) -> Iterator[tuple[str, ...]]:
    for group in ("settled", "loaded", "all"):
        for metric in ("itl", "ttft"):
            found = summary["accuracy"][group][metric]
            if found is None:
                yield group, metric.upper(), "0", *["–"] * 6
                continue
            numbers = (f"{found[name]:.2f}" for name in ("bias_ms", "mae_ms", "rmse_ms", "median_abs_ms"))
            mape = "–" if found["mape"] is None else _percent(found["mape"])
            r2 = "–" if found["r2"] is None else f"{found['r2']:.2f}"
            yield group, metric.upper(), str(found["n"]), *numbers, mape, r2


def _slo_rows(summary: Summary) -> Iterator[tuple[str, ...]]:
    slo = summary["slo"]
    for metric in ("itl", "ttft"):
        limit, share = slo[f"{metric}_ms"], slo[f"{metric}_attainment"]
        limit_text = UNKNOWN if limit is None else f"{limit:g} ms (from the {slo['source']})"
        yield metric.upper(), limit_text, UNKNOWN if share is None else _percent(share), str(slo["loaded_observations"])


def _client(summary: Summary) -> list[str]:
    client = summary["client"]
    if client is None:
        return ["There are no Job logs."]
    latencies = [f"{name} {metric} (ms)" for metric in ("TTFT", "TPOT", "ITL") for name in ("mean", "P99")]
    header = ["Job", "answered", "failed", "offered (req/s)", "achieved (req/s)", *latencies]
    rows = []
    for job in client["jobs"]:
        names = ["completed", "failed", "rate_per_s", "throughput_per_s"]
        names += [f"{name}_{metric}_ms" for metric in ("ttft", "tpot", "itl") for name in ("mean", "p99")]
        rows.append((job["job"], *("–" if job[name] is None else _number(job[name]) for name in names)))
    lines = _table(header, rows) if rows else []
    if client["without_result"]:
        lines += [""] if lines else []
        lines += [f"Without a result (stopped or failed before their end): {', '.join(client['without_result'])}."]
    return lines


def _log_rows(summary: Summary) -> Iterator[tuple[str, str]]:
    log = summary["log"]
    yield "lines", str(log["lines"])
    yield "dialects", ", ".join(f"{name} ({lines} lines)" for name, lines in log["dialects"].items()) or UNKNOWN
    yield "of a known form", str(log["recognised"])
    yield "of no known form", _listed(log["unrecognised"])
    yield "not JSON", str(log["not_json"])
    yield "repeated", str(log["repeated"])
    yield "failures logged", _listed(summary["failures"])


def _listed(counts: dict[str, int]) -> str:
    shown = ", ".join(f"{what} ({count})" for what, count in list(counts.items())[:5])
    return f"{sum(counts.values())}: {shown}" if counts else "0"


def _table(header: Sequence[str], rows: Iterable[Sequence[object]]) -> list[str]:
    lines = ["| " + " | ".join(header) + " |", "|" + "---|" * len(header)]
    return lines + ["| " + " | ".join(str(cell).replace("|", "/") for cell in row) + " |" for row in rows]


def _paragraphs(sentences: Iterable[str]) -> list[str]:
    return [line for sentence in sentences for line in (sentence, "")]


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %"


def _ms(value: float) -> str:
    return f"{value:.2f} ms" if abs(value) < 100 else f"{value:.0f} ms"


def _bias(bias_ms: float) -> str:
    if abs(bias_ms) < 0.005:
        return "neither too high nor too low"
    return f"{_ms(abs(bias_ms))} too {'low' if bias_ms > 0 else 'high'} on balance"


def _number(value: float) -> str:
    return f"{value:.0f}" if float(value).is_integer() else f"{value:.2f}"


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"


def _times(count: int) -> str:
    return {0: "never", 1: "once", 2: "twice"}.get(count, f"{count} times")
