"""The sections that ANALYSIS_SUMMARY.md and report.html both show: figures, sentences, tables.

Everything is computed from summary.json's numbers, as in `report`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import Any, NamedTuple

from wva_parse.aligned.objectives import Slo
from wva_parse.measures.texts import UNKNOWN, cell, number, percent, share_of
from wva_parse.report import why, words
from wva_parse.report.words import Summary

GLOSSARY = (
    ("reconciliation", "one round of the controller's loop; twin runs within 5 s count as one"),
    ("pair", "the prediction of reconciliation N with the observation of the same variant at N+1"),
    ("loaded pair", "one in which both latencies were observed; idle ones count only under 'all'"),
    (
        "settled pair",
        "a loaded pair observed at the replicas that the prediction was made for; the load may be another than assumed",
    ),
    (
        "steady pair",
        "a settled pair whose replicas were ready, with a rate within 10 % of the assumed one and no starved pod",
    ),
    ("error", "observed - predicted; positive: the optimizer was optimistic"),
    ("load", "part of an error: what the optimizer's model expects of the load that came, less the prediction"),
    ("replicas", "part of an error: what it expects of the replicas that were ready, less that of the predicted ones"),
    ("model", "part of an error: what was observed, less what it expects of the load and the replicas that were"),
    ("ITL, TTFT", "inter-token latency and time to first token, means over a minute"),
    ("minute mean", "what WVA observes of ITL and TTFT at a reconciliation: a mean over the minute before"),
    ("attainment", "share of minute means at or below the SLO, each weighted by the requests that it is of"),
    ("held", "replicas that GPUs are kept for: those that the Deployment wants"),
    ("ready", "replicas that serve"),
    ("saturated", "KV cache usage of a pod above the threshold"),
    ("starved", "a pod is saturated, or has more requests waiting than the queue threshold"),
    ("replica-seconds", "replicas integrated over the time of load"),
    ("(120, 180] s", "a time known between two samples only: after 120 s, and not later than 180 s"),
)


# Of runs with records of single requests: what then stands in the place of the same terms, or is added.
REQUEST_GLOSSARY = (
    ("attainment", "share of the requests sent and recorded at or below the SLO; a failed one is not"),
    ("within the SLO", "TTFT and TPOT at or below the objectives for TTFT and ITL; of a single token TTFT alone"),
    ("TPOT", "time per output token after the first, of a request: (end-to-end - TTFT) / (output tokens - 1)"),
    (
        "goodput",
        "requests within the SLO per second in which any workload was sending; at least, if some are not known",
    ),
)


class Table(NamedTuple):
    """Cells as text; the first column names the rows."""

    header: Sequence[str]
    rows: Sequence[Sequence[str]]
    is_text: bool = False  # words rather than numbers: read from the left


class Section(NamedTuple):
    """One question about a run: figures by file name, what they show in sentences, and the numbers.

    `is_detail`: a first reader does not need it; on a page it is folded.
    """

    title: str
    figures: Sequence[str]
    sentences: Sequence[str]
    tables: Sequence[Table] = ()
    is_detail: bool = False


def sections(summary: Summary) -> list[Section]:
    """Everything that a report tells after the verdict, in its order; figures that a run does not have included."""
    model_based = summary["mode"] == "model-based"
    own, pods = _prediction_sections(summary), _saturation_sections(summary)
    return [
        Section(
            "Scaling",
            ("scaling_behavior" if model_based else "scaling_with_context",),
            _said(
                words.about_scaling(summary),
                words.about_zero(summary) if summary["zero"] else "",
                words.about_supply(summary),
                words.about_load(summary),
                words.about_cost(summary),
            ),
            tuple(_scaling_tables(summary)),
        ),
        *([Section("Variants", (), (), (_variant_table(summary),))] if len(summary["variants"]) > 1 else []),
        *([_requests_section(summary)] if summary["requests"] else []),
        Section(
            "SLO",
            ("latencies",),
            (words.about_slo(summary),),
            (Table(("", "SLO", "attainment", "n"), list(_slo_rows(summary))),),
        ),
        *(own if model_based else ()),
        *pods,
        *(
            [Section("Demand and supply", ("demand_and_supply",), (words.about_analyzers(summary),))]
            if summary["analyzers"]
            else []
        ),
        *map(_as_detail, _details(summary)),
    ]


def _details(summary: Summary) -> Iterator[Section]:
    """What a first reader does not need."""
    yield Section("Load", ("arrival_rate",), (words.about_rates(summary),))
    if summary["mode"] == "model-based":
        yield Section("Tuner", ("tuner_parameters",), (words.about_tuner(summary),))
    if summary["workloads"]:
        yield Section("Workloads", (), (), (_workload_table(summary),))
    yield _client_section(summary)
    yield Section("The run", (), (), (Table(("", ""), list(_run_rows(summary)), is_text=True),))
    yield Section("The log", (), (), (Table(("", ""), list(_log_rows(summary)), is_text=True),))
    yield Section("Terms", (), (), (Table(("term", "meaning"), terms(summary), is_text=True),))


def _as_detail(section: Section) -> Section:
    return section._replace(is_detail=True)


def terms(summary: Summary) -> list[tuple[str, str]]:
    """The glossary of a run."""
    own = dict(REQUEST_GLOSSARY) if summary["slo"]["basis"] == "requests" else {}
    return list({**dict(GLOSSARY), **own}.items())


def _prediction_sections(summary: Summary) -> Iterator[Section]:
    if not words.has_predictions(summary):
        yield Section("Prediction accuracy", (), (words.NO_PREDICTIONS,))
        return
    yield Section(
        "Why predictions are off",
        ("error_parts_over_time",),
        _said(why.about_attribution(summary), why.about_steady(summary), why.about_replay(summary)),
        _tables(why.PART_HEADER, why.part_rows(summary)),
    )
    yield Section(
        "Prediction accuracy",
        ("prediction_vs_observation",),
        (words.about_predictions(summary), words.about_unpaired(summary)),
        (Table(_ACCURACY_HEADER, list(_accuracy_rows(summary))),),
    )
    yield Section(
        "The parameters or the form",
        (),
        _said(why.about_fits(summary) or "Nothing was decided that a profile could be fitted to.", _PASTE),
        _tables(why.FIT_HEADER, why.fit_rows(summary)),
    )
    yield Section(
        "The price of the SLO",
        ("price_of_slo",),
        (why.about_price(summary), _PRICE),
        _tables(why.PRICE_HEADER, why.price_rows(summary)),
    )
    yield Section(
        "Prediction errors",
        ("prediction_error_distribution", "calibration"),
        (words.about_errors(summary),),
        is_detail=True,
    )
    yield Section(
        "When predictions are off",
        ("prediction_errors_over_time", "prediction_errors_by_condition"),
        (words.about_conditions(summary),),
        (Table(_MISMATCH_HEADER, list(_mismatch_rows(summary))),),
        is_detail=True,
    )


def _saturation_sections(summary: Summary) -> Iterator[Section]:
    yield Section(
        "KV cache",
        ("kv_cache_utilization", "per_pod_kv_cache"),
        (words.about_saturation(summary),),
        tuple(_saturation_tables(summary)),
    )
    yield Section("Queue", ("queue_length",), (words.about_queue(summary),))
    if summary["mode"] == "capacity-based":
        yield Section(
            "Spare capacity",
            ("spare_capacity",),
            (words.about_spare(summary), words.about_correlation(summary)),
            tuple(_decision_tables(summary)),
        )
        yield Section(
            "Why it did or did not scale",
            (),
            (words.about_limits(summary), words.about_masked(summary), words.about_other_triggers(summary)),
            tuple(_why_tables(summary)),
        )


_PASTE = "`wva-parse replay RUN --profile fitted` prints it as a profile to be pasted, and decides with it."
_PRICE = (
    "These are the replicas that the optimizer asks for, by its own model: what a scaler makes of them, and how well "
    "the model holds at other replicas, is not in it."
)


def _said(*sentences: str) -> tuple[str, ...]:
    return tuple(sentence for sentence in sentences if sentence)


def _tables(header: Sequence[str], rows: Iterable[Sequence[str]]) -> tuple[Table, ...]:
    """A table, if it has rows."""
    found = list(rows)
    return (Table(header, found),) if found else ()


_ACCURACY_HEADER = ("pairs", "metric", "n", "bias (ms)", "MAE (ms)", "RMSE (ms)", "median abs. (ms)", "MAPE", "R²")
_MISMATCH_HEADER = (
    "observed less predicted replicas",
    "n",
    "ITL MAE (ms)",
    "ITL bias (ms)",
    "TTFT MAE (ms)",
    "TTFT bias (ms)",
)


def _run_rows(summary: Summary) -> Iterator[tuple[str, str]]:
    cost, supply = summary["cost"], summary["supply"]
    yield "mode", f"{summary['mode']} ({summary['mode_evidence']})"
    yield "status", UNKNOWN if summary["status"] is None else str(summary["status"])
    yield "reconciliations", f"{summary['reconciliations']} (loop runs in the log: {summary['loop_runs']})"
    yield "usual interval", UNKNOWN if summary["interval_s"] is None else f"{summary['interval_s']:.1f} s"
    yield "observations from", str(summary["observed_from"])
    if supply["window_s"] is not None:
        what = "from the first load to 2 min after the last" if summary["status"] is None else "of the run"
        yield "time that every mean is of", f"{supply['window_s']:.0f} s ({what})"
    for name in ("held", "ready"):
        if supply[f"{name}_replica_s"] is not None:
            source = words.supply_from(supply[f"{name}_from"])
            yield f"replica-seconds {name}", f"{supply[f'{name}_replica_s']:.0f} (from {source})"
    if cost:
        held = cost["gpu_hours"]
        yield (
            ("replica-hours held", f"{cost['replica_hours']:.2f}")
            if held is None
            else ("GPU-hours held", f"{held:.2f} ({words.gpus(cost)} per replica)")
        )


def _accuracy_rows(summary: Summary) -> Iterator[tuple[str, ...]]:
    for group in ("settled", "loaded", "all"):
        for metric in ("itl", "ttft"):
            found = summary["accuracy"][group][metric]
            if found is None:
                yield group, metric.upper(), "0", *["–"] * 6
                continue
            numbers = (f"{found[name]:.2f}" for name in ("bias_ms", "mae_ms", "rmse_ms", "median_abs_ms"))
            mape = "–" if found["mape"] is None else percent(found["mape"])
            r2 = "–" if found["r2"] is None else f"{found['r2']:.2f}"
            yield group, metric.upper(), str(found["n"]), *numbers, mape, r2


def _mismatch_rows(summary: Summary) -> Iterator[tuple[str, ...]]:
    for row in summary["errors"]["by_mismatch"]:
        numbers = (f"{row[name]:.2f}" for name in ("itl_mae_ms", "itl_bias_ms", "ttft_mae_ms", "ttft_bias_ms"))
        yield f"{row['mismatch']:+d}" if row["mismatch"] else "0 (settled)", str(row["n"]), *numbers


def _variant_table(summary: Summary) -> Table:
    header = ("variant", "model", "scale-ups", "scale-downs", "replicas", "loaded pairs", "ITL MAE, loaded (ms)")
    # Only the model-based mode predicts.
    columns = len(header) if summary["mode"] == "model-based" else header.index("loaded pairs")
    return Table(header[:columns], [_variant_row(each)[:columns] for each in summary["variants"]])


def _variant_row(each: dict[str, Any]) -> tuple[str, ...]:
    ups, downs = (str(each["actions"].get(action, 0)) for action in ("scale-up", "scale-down"))
    replicas, loaded = each["replicas"], each["accuracy"]["loaded"]["itl"]
    ran = f"{number(replicas['min'])} to {number(replicas['max'])}" if replicas else UNKNOWN
    error = f"{loaded['mae_ms']:.2f}" if loaded else "–"
    return str(each["variant"]), each["model"] or UNKNOWN, ups, downs, ran, str(each["pairs"]["loaded"]), error


def _slo_rows(summary: Summary) -> Iterator[tuple[str, ...]]:
    slo = summary["slo"]
    for metric in ("itl", "ttft"):
        limit, share = slo[f"{metric}_ms"], slo[f"{metric}_attainment"]
        limit_text = UNKNOWN if limit is None else f"{limit:g} ms ({Slo(source=slo['source']).told})"
        by_request = slo["basis"] == "requests"
        n = f"{summary['requests']['sent']} requests" if by_request else str(slo["loaded_observations"])
        if by_request:
            n = words.of_recorded(summary).removeprefix("of ") or n
        met, judged = slo[f"{metric}_met"], slo[f"{metric}_judged"]
        text = UNKNOWN if share is None else percent(share)
        if not by_request and met is not None and slo["weighted_by_requests"]:
            text = f"{share_of(met, judged)}; {text} by requests"
        yield metric.upper(), limit_text, text, n


_STEPS = (
    ("decision to held", "decision_to_desired"),
    ("held to ready", "desired_to_ready"),
    ("decision to ready", "decision_to_ready"),
)


def _time(way: dict[str, Any], name: str) -> str:
    after, by = way[f"{name}_after_s"], way[f"{name}_s"]
    return "–" if by is None else f"({after:.0f}, {by:.0f}]"


_CHANGE_HEADER = ("minute", "variant", "from", "to", "what became of it", "held after (s)", "ready after (s)")


def _change_row(step: dict[str, Any]) -> tuple[str, ...]:
    replicas = (number(step[name]) for name in ("from", "to"))
    return (
        f"{step['minutes']:.1f}",
        step["variant"] or UNKNOWN,
        *replicas,
        step["outcome"],
        _time(step, "desired"),
        _time(step, "ready"),
    )


def _scaling_tables(summary: Summary) -> Iterator[Table]:
    if summary["reasons"]:
        rows = [(row["action"], row["reason"] or UNKNOWN, str(row["count"])) for row in summary["reasons"]]
        yield Table(("decision", "reason", "count"), rows, is_text=True)
    took = summary["time_to_scale"]
    if took["changes"]:
        ways = [took[way] for way in ("up", "down")]
        outcomes = ("carried_out", "superseded", "not_needed", "never")
        yield Table(
            (f"changes of target: {took['changes']}", "up", "down"),
            [(name.replace("_", " "), *(str(way[name]) for way in ways)) for name in outcomes],
        )
        if max(way["carried_out"] for way in ways) > words.FEW:
            yield Table(
                (f"time to scale, medians (s, after and not later than; from {took['source']})", "up", "down"),
                [
                    ("resolution", *[cell(took["resolution_s"])] * 2),
                    *((label, *(_time(way, name) for way in ways)) for label, name in _STEPS),
                ],
            )
        yield Table(_CHANGE_HEADER, [_change_row(step) for step in took["steps"]])
    found = summary["elasticity"]
    if found:
        yield Table(
            ("replicas against the need", "too few", "too many"),
            [
                ("area (replica-seconds)", f"{found['under_replica_s']:.0f}", f"{found['over_replica_s']:.0f}"),
                (
                    "accuracy (mean share of the need)",
                    percent(found["under_accuracy"]),
                    percent(found["over_accuracy"]),
                ),
                ("share of the time", percent(found["under_share"]), percent(found["over_share"])),
            ],
        )
        yield Table(
            ("replicas", ""),
            [
                ("held (replica-seconds)", f"{found['used_replica_s']:.0f}"),
                ("needed at that capacity (replica-seconds)", f"{found['needed_replica_s']:.0f}"),
                ("jitter (changes per minute more than needed)", f"{found['jitter_per_min']:.2f}"),
                ("one replica serves (requests/s)", f"{found['capacity_per_replica_per_s']:.3g}"),
            ],
        )
    if summary["elasticity_by_capacity"]:
        header = ("if one replica serves (requests/s)", "replicas at the peak", "time with too few", "too many")
        yield Table(header, [_at_capacity(row) for row in summary["elasticity_by_capacity"]])


def _at_capacity(row: dict[str, float]) -> tuple[str, ...]:
    shares = (percent(row[name]) for name in ("under_share", "over_share"))
    return f"{row['capacity_per_replica_per_s']:.1f}", f"{row['at_peak']:.0f}", *shares


def _saturation_tables(summary: Summary) -> Iterator[Table]:
    events = (summary["kv_cache"] or {}).get("events") or []
    if events:
        header = ("above our threshold from minute", "for (s)", "peak", "scale-ups", "ended by", "model")
        rows = [
            (
                f"{event['start_minutes']:.1f}",
                "–" if event["duration_s"] is None else f"{event['duration_s']:.0f}",
                percent(event["peak"]),
                ", ".join(event["scale_ups"]) or "none",
                event["ended_by"],
                str(event["model"] or UNKNOWN),
            )
            for event in events
        ]
        yield Table(header, rows)


def _decision_tables(summary: Summary) -> Iterator[Table]:
    found = summary["capacity"]
    if found["scale_up_reasons"]:
        yield Table(("why up", "reconciliations"), [(why, str(n)) for why, n in found["scale_up_reasons"].items()])
    if found["scale_down_refusals"]:
        rows = [(row["reason"], str(row["count"]), str(row["single"])) for row in found["scale_down_refusals"]]
        yield Table(("why not down", "reconciliations", "of these with one replica"), rows)
    if found["at_decisions"]:
        header = ("decision", "n", "KV usage, highest pod: median", "range", "queue, all pods: median", "range")
        yield Table(header, [_values_at(row) for row in found["at_decisions"]])
    if any(row["n"] for row in found["correlation"]):
        heads = ("reconciliations before the decision", "n", "ρ of step and KV usage", "ρ of step and queue")
        yield Table(heads, [_correlation(row) for row in found["correlation"]])


def _why_tables(summary: Summary) -> Iterator[Table]:
    found = summary["capacity"]
    if found["why"]:
        models = len({row["model"] for row in found["why"]}) > 1
        yield Table(
            ("minutes", "reconciliations", "why", "at the first of them", *(["model"] * models)),
            [_why_row(row, models) for row in found["why"]],
            is_text=True,
        )
    if found["other_triggers"]:
        rows = [
            (
                f"{row['kv_trigger']:g}",
                f"{row['queue_trigger']:g}",
                "never" if row["minutes"] is None else f"{row['minutes']:.1f}",
                "–" if row["reconciliation"] is None else f"{row['reconciliation']:.0f}",
            )
            for row in found["other_triggers"]
        ]
        yield Table(
            ("trigger, spare KV", "trigger, spare queue", "first asks for more at minute", "reconciliation"), rows
        )


def _why_row(row: dict[str, Any], models: bool) -> tuple[str, ...]:
    start, end = f"{row['from_minutes']:.1f}", f"{row['to_minutes']:.1f}"
    when = start if start == end else f"{start} to {end}"
    return when, str(row["reconciliations"]), row["why"], row["details"], *([str(row["model"])] * models)


def _correlation(row: dict[str, Any]) -> tuple[str, ...]:
    rhos = ("–" if row[name] is None else f"{row[name]:.2f}" for name in ("kv", "queue"))
    return str(row["lag"]), str(row["n"]), *rhos


def _values_at(row: dict[str, Any]) -> tuple[str, ...]:
    cells = []
    for name, text in (("kv", percent), ("queue", number)):
        values = [row[f"{name}_{which}"] for which in ("median", "least", "most")]
        cells += ["–", "–"] if None in values else [text(values[0]), f"{text(values[1])} to {text(values[2])}"]
    return str(row["action"]), str(row["n"]), *cells


def _workload_table(summary: Summary) -> Table:
    header = ("workload", "req/s", "planned (s)", "started", "sends from", "ended", "late (s)", "result")
    return Table(header, [_workload_row(work) for work in summary["workloads"]], is_text=True)


def _workload_row(work: dict[str, Any]) -> tuple[str, ...]:
    result = str(work["result"] or UNKNOWN) + (f": {work['reason']}" if work["reason"] else "")
    planned = f"{work['planned_start_s']} to {work['planned_end_s']}"
    late = "–" if work["start_late_s"] is None else f"{work['start_late_s']:.2f}"
    times = (work.get(key) or "–" for key in ("start", "sending_start", "end"))
    return str(work["name"]), cell(work["rate_per_s"]), planned, *times, late, result


def _requests_section(summary: Summary) -> Section:
    found = summary["requests"]
    is_partial = any(each["unknown"] for each in found["workloads"])
    heads = ["recorded" if is_partial and head == "sent" else head for head in _REQUEST_HEADER]
    tables = [Table(heads, [_request_row(each) for each in found["workloads"]])]
    rows = [
        (name, *(f"{found[key][which]:.2f}" for which in _SHOWN))
        for name, key in (("TTFT (ms)", "ttft_ms"), ("TPOT (ms)", "tpot_ms"), ("end-to-end (ms)", "e2e_ms"))
        if found[key]
    ]
    if rows:
        of_recorded = words.of_recorded(summary)
        named = (
            f"{found['answered']} answered {of_recorded}" if of_recorded else f"{found['answered']} answered requests"
        )
        header = (named, "mean", "median", "P90", "P95", "P99")
        tables.append(Table(header, rows))
    if found["reasons"]:
        reasons = [(row["reason"], str(row["count"])) for row in found["reasons"]]
        tables.append(Table(("reason, as far as the clients list them", "requests"), reasons, is_text=True))
    figures = ("request_distributions", "requests_over_time", "ttft_by_ready_replicas")
    return Section("What the clients felt", figures, (words.about_requests(summary),), tuple(tables))


_SHOWN = ("mean", "p50", "p90", "p95", "p99")
_REQUEST_HEADER = (
    "workload",
    "sent",
    "answered",
    "failed",
    "not known",
    "within the SLO",
    "P99 TTFT (ms)",
    "P99 TPOT (ms)",
)


def _request_row(each: dict[str, Any]) -> tuple[str, ...]:
    good = "–" if each["within_slo"] is None else f"{each['within_slo']} ({percent(each['within_slo'] / each['sent'])})"
    tails = (f"{each[key]['p99']:.2f}" if each[key] else "–" for key in ("ttft_ms", "tpot_ms"))
    name = f"{each['workload']} (warm-up, not pooled)" if each["warmup"] else each["workload"]
    counts = (str(each[key]) for key in ("sent", "answered", "failed", "unknown"))
    return name, *counts, good, *tails


def _client_section(summary: Summary) -> Section:
    client = summary["client"]
    if client is None:
        return Section("Client side", (), ("There are no Job logs.",))
    latencies = [(metric, name) for metric in ("ttft", "tpot", "itl") for name in ("mean", "median", "p99")]
    header = ["Job", "answered", "failed", "offered (req/s)", "achieved (req/s)"]
    header += [f"{name.replace('p99', 'P99')} {metric.upper()} (ms)" for metric, name in latencies]
    names = [
        "completed",
        "failed",
        "rate_per_s",
        "throughput_per_s",
        *(f"{name}_{metric}_ms" for metric, name in latencies),
    ]
    rows = [(name, *(cell(job[key]) for key in names)) for name, job in _with_clients(client["jobs"])]
    sentences = [*_said(words.about_clients(summary), words.caps_reached(summary))]
    if client["without_result"]:
        listed = "; ".join(f"{job}: {client['without_reasons'][job]}" for job in client["without_result"])
        sentences.append(f"Without a result (stopped or failed before their end): {listed}.")
    lost = [f"{job['lost']:.0f} of {job['job']}" for job in client["jobs"] if job["lost"]]
    if lost:
        sentences.append(f"Neither answered nor failed, by the clients' own counts: {', '.join(lost)}.")
    return Section("Client side", (), sentences, (Table(header, rows),) if rows else ())


def _with_clients(jobs: list[dict[str, Any]]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Each Job and, of a workload with several clients, each of these below it."""
    for job in jobs:
        yield str(job["job"]), job
        yield from ((f"– {each['job'].removeprefix(job['job'] + '.')}", each) for each in job.get("clients", ()))


def _log_rows(summary: Summary) -> Iterator[tuple[str, str]]:
    log = summary["log"]
    yield "lines", str(log["lines"])
    yield "of a known form", str(log["recognised"])
    yield "dialects", _listed(log["dialects"], 10)
    yield "of no known form", _listed(log["unrecognised"])
    yield "not JSON", str(log["not_json"])
    yield "repeated", str(log["repeated"])
    yield "failures logged", _listed(summary["failures"])


def _listed(counts: dict[str, int], most: int = 5) -> str:
    shown = ", ".join(f"{what} ({n})" for what, n in list(counts.items())[:most])
    return f"{sum(counts.values())}: {shown}" if counts else "0"


# --- ANALYSIS_SUMMARY.md


def markdown(summary: Summary, figures: Collection[str] = ()) -> str:
    """ANALYSIS_SUMMARY.md.

    Parameters
    ----------
    figures
        Names of the figures in `plots/` beside it, to be shown.
    """
    lines = [f"# {summary['run']}", "", *_paragraphs(words.verdict(summary))]
    if "overview" in figures:
        lines += _paragraphs(["![the whole run](plots/overview.png)"])
    if summary["notes"] or summary["findings"]:
        lines += ["## Before you believe it", ""]
        lines += [*(f"- {note}" for note in [*summary["notes"], *summary["findings"]]), ""]
    for section in sections(summary):
        lines += [f"## {section.title}", "", *_paragraphs(section.sentences)]
        lines += _paragraphs(
            f"![{name.replace('_', ' ')}](plots/{name}.png)" for name in section.figures if name in figures
        )
        for table in section.tables:
            lines += [*markdown_table(table), ""]
    return "\n".join(lines)


def markdown_table(table: Table) -> list[str]:
    """The lines of a table."""
    lines = ["| " + " | ".join(table.header) + " |", "|" + "---|" * len(table.header)]
    return lines + ["| " + " | ".join(cell.replace("|", "/") for cell in row) + " |" for row in table.rows]


def _paragraphs(sentences: Iterable[str]) -> list[str]:
    return [line for sentence in sentences for line in (sentence, "")]
