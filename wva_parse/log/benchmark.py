"""What a load generator measured: the result table of `vllm bench serve` in the log of its Job.

Latencies in ms, throughput per second. Releases 0.11 to 0.33 were read, and the Rust client of 0.33; a release that
prints more is read as well, what it calls its numbers is kept beside them. A log may be coloured, have progress bars
with carriage returns in it, and log records glued before or behind a line of the table.

A client that answered nothing prints 0.00 for every latency: these are no latencies, and are left out.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields
from types import MappingProxyType
from typing import NamedTuple


class Label(NamedTuple):
    """A line of the table: what it is called, the field it fills, and the first release that prints it."""

    label: str
    field: str
    since: str = ""  # before 0.11


LABELS = (
    Label("Successful requests", "completed"),
    Label("Failed requests", "failed", since="0.11.1"),
    Label("Maximum request concurrency", "max_concurrency"),
    Label("Request rate configured (RPS)", "rate_per_s"),
    Label("Benchmark duration (s)", "duration_s"),
    Label("Total input tokens", "input_tokens"),
    Label("Total generated tokens", "output_tokens"),
    Label("Request throughput (req/s)", "throughput_per_s"),
    Label("Request goodput (req/s)", "goodput_per_s"),
    Label("Output token throughput (tok/s)", "output_tokens_per_s"),
    Label("Peak output token throughput (tok/s)", "peak_output_tokens_per_s", since="0.11"),
    Label("Peak concurrent requests", "peak_concurrency", since="0.11"),
    Label("Total Token throughput (tok/s)", "tokens_per_s"),
    Label("Total token throughput (tok/s)", "tokens_per_s", since="0.13"),
)
# Each has a mean, a median and any percentiles, P99 or P99.9.
LATENCIES = (
    Label("TTFT", "ttft"),
    Label("TPOT", "tpot"),
    Label("ITL", "itl"),
    Label("E2EL", "e2el"),
    Label("Client Queue Time", "client_queue_time", since="0.30"),
    Label("E2EL incl. Client Queue", "e2el_including_client_queue", since="0.30"),
)
STATISTICS = ("mean", "median", "p99")


@dataclass(frozen=True)
class Result:
    """One result table; None where it has no such line.

    Attributes
    ----------
    prompts
        Requests that the client was told to send, as its own start line says.
    failed
        As printed; by clients that print none (0.11) prompts less completed.
    more
        Every other number of the table: by the name of its field (`p90_ttft_ms`), or by its label if that is not known.
    reasons
        Why requests failed, and how many for that reason, of the at most ten that the client lists.
    tool
        Whose table it is, if not that of vllm bench serve: sglang prints one with the same labels.
    clients
        Of a workload that several clients have sent: what each of them printed, of which this is made.
    """

    job: str
    completed: float | None = None
    failed: float | None = None
    rate_per_s: float | None = None
    max_concurrency: float | None = None
    duration_s: float | None = None
    input_tokens: float | None = None
    output_tokens: float | None = None
    throughput_per_s: float | None = None
    mean_ttft_ms: float | None = None
    median_ttft_ms: float | None = None
    p99_ttft_ms: float | None = None
    mean_tpot_ms: float | None = None
    median_tpot_ms: float | None = None
    p99_tpot_ms: float | None = None
    mean_itl_ms: float | None = None
    median_itl_ms: float | None = None
    p99_itl_ms: float | None = None
    mean_e2el_ms: float | None = None
    median_e2el_ms: float | None = None
    p99_e2el_ms: float | None = None
    goodput_per_s: float | None = None
    output_tokens_per_s: float | None = None
    peak_output_tokens_per_s: float | None = None
    peak_concurrency: float | None = None
    tokens_per_s: float | None = None
    prompts: float | None = None
    more: Mapping[str, float] = field(default_factory=lambda: MappingProxyType({}))
    reasons: tuple[tuple[str, int], ...] = ()
    tool: str = ""
    clients: tuple[Result, ...] = ()

    @property
    def lost(self) -> float | None:
        """Prompts that were neither answered nor failed; None if one of the three is unknown."""
        if self.prompts is None or self.completed is None or self.failed is None:
            return None
        return max(self.prompts - self.completed - self.failed, 0)


class Without(NamedTuple):
    """A Job without a result: which kind of end that was, and a sentence about it."""

    job: str
    kind: str = "unknown"
    why: str = ""


class Client(NamedTuple):
    """The client side of a run: a result per finished Job, and the Jobs that left none (stopped or failed)."""

    results: tuple[Result, ...] = ()
    without: tuple[Without, ...] = ()


# --- the table ----------------------------------------------------------------------------------------

_BEGIN = re.compile(r"=+ Serving Benchmark Result =*")
_END = re.compile(r"={40,}")
_COLOURS = re.compile(r"\x1b\[[0-9;?]*[ -/]*[@-~]")
_NUMBER = r"(-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?|-?(?:nan|inf)\b)"
_FIELDS = {row.label: row.field for row in LABELS}
_METRICS = {row.label: row.field for row in LATENCIES}


def _either(labels: Mapping[str, str]) -> str:
    """Any of the labels, the longest first: one may begin another."""
    return "|".join(re.escape(label) for label in sorted(labels, key=len, reverse=True))


# Anywhere in a line, which a log record may have begun and another one may end.
_KNOWN = re.compile(
    rf"(?:(?P<label>{_either(_FIELDS)})|"
    rf"(?P<statistic>Mean|Median|P\d+(?:\.\d+)?) (?P<metric>{_either(_METRICS)}) \(ms\)):\s+{_NUMBER}"
)
# sglang's client names its backend, vLLM's own has no such line.
_BACKEND = re.compile(r"(?m)^Backend:\s+\S")
_TITLE = re.compile(r"-{3,}([^-\s][^:]*?)-{3,}")
_OTHER = re.compile(rf"^([A-Z][\w .,()/%-]*):\s+{_NUMBER}\s*$")
_PROMPTS = re.compile(r"Namespace\([^\n]*?\bnum_prompts=(\d+)|generated benchmark dataset [^\n]*?\bprompts=(\d+)")
_OF_RESULT = frozenset(each.name for each in fields(Result))


def parse_results(job: str, text: str) -> list[Result]:
    """The whole result tables of a log; a table that breaks off is none.

    Parameters
    ----------
    job
        Names the results.
    text
        Of the log; progress bars may come before and within, with carriage returns.
    """
    text = plain(text)
    found, before = list[Result](), 0
    for begin in _BEGIN.finditer(text):
        end = _END.search(text, begin.end())
        following = _BEGIN.search(text, begin.end())
        if end is None or (following is not None and following.start() < end.start()):
            continue
        found.append(_result(job, text[before : begin.start()], text[begin.end() : end.start()]))
        before = end.end()
    return found


def last_result(job: str, text: str) -> Result | None:
    """Of a log with several result tables the last counts; None if there is none."""
    return next(reversed(parse_results(job, text)), None)


def plain(text: str) -> str:
    """A log without colours, each update of a progress bar on a line of its own."""
    return without_colours(text).replace("\r\n", "\n").replace("\r", "\n")


def without_colours(text: str) -> str:
    """A log without the codes for colours and cursors."""
    return _COLOURS.sub("", text)


def _result(job: str, before: str, table: str) -> Result:
    values = _values(table)
    prompts = [first or second for first, second in _PROMPTS.findall(before)]
    if prompts:
        values["prompts"] = float(prompts[-1])
    if "failed" not in values and {"prompts", "completed"} <= values.keys():
        values["failed"] = max(values["prompts"] - values["completed"], 0)
    if values.get("completed") == 0:
        values = {name: value for name, value in values.items() if not name.endswith("_ms")}
    own = {name: value for name, value in values.items() if name in _OF_RESULT}
    more = {name: value for name, value in values.items() if name not in _OF_RESULT}
    backend = _BACKEND.search(table)
    tool = "sglang bench_serving" if backend else ""
    return Result(job, **own, more=MappingProxyType(more), reasons=tuple(reasons_of(before)), tool=tool, clients=())


def _values(table: str) -> dict[str, float]:
    values: dict[str, float] = {}
    section = ""
    for line in table.split("\n"):
        if title := _TITLE.search(line):
            section = title[1].strip()
        numbers = [(_field_of(match), match[0].rpartition(":")[0], match[4]) for match in _KNOWN.finditer(line)]
        if not numbers and (other := _OTHER.match(line)):
            numbers = [(other[1], other[1], other[2])]
        for name, label, number in numbers:
            value = float(number)
            if math.isfinite(value):  # NaN is not below anything
                # What a later part of the table repeats, of a part of the run perhaps, is not the run's.
                values[name if name not in values else f"{section}: {label}"] = value
    return values


def _field_of(match: re.Match[str]) -> str:
    if match["label"]:
        return _FIELDS[match["label"]]
    return f"{match['statistic'].lower()}_{_METRICS[match['metric']]}_ms"


# --- why requests failed ------------------------------------------------------------------------------

_ERRORS = "Failed requests during benchmark run detected"
_ERROR = re.compile(r"^Error \d+: ?(.*)$")
# The last line of a traceback that is no continuation; `tip: install …` is none.
_EXCEPTION = re.compile(r"^(?:\w+\.)*\w*(?:Error|Exception|Interrupt|Timeout|Cancelled|Exit|Group)\w*(?::|$)")
NO_REASON = "no reason given"
_LONGEST = 160  # characters of a reason


def reasons_of(text: str) -> Iterator[tuple[str, int]]:
    """Reasons in the client's list of failed requests, and how often each, the most frequent first."""
    _, _, listed = text.rpartition(_ERRORS)
    if not listed or listed == text:
        return
    entries: list[list[str]] = []
    for line in listed.split("\n")[1:]:
        if match := _ERROR.match(line):
            entries.append([match[1]])
        elif entries:
            entries[-1].append(line)
    yield from Counter(_reason(entry) for entry in entries).most_common()


def _reason(entry: list[str]) -> str:
    first = entry[0].strip()
    if first.startswith("Traceback") or not first:
        exceptions = [line for line in entry if _EXCEPTION.match(line)]
        if not exceptions:
            return "a traceback without its end" if first else NO_REASON
        name, colon, said = exceptions[-1].partition(":")
        first = name.rpartition(".")[2] + colon + said
    return _short(first)


def _short(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"


# --- why there is no table ----------------------------------------------------------------------------


class Sign(NamedTuple):
    """What a client prints that ends without a result, and what that means; `{}` is what it printed."""

    kind: str
    printed: str
    means: str


SIGNS = (
    Sign(
        "no device",
        r"Failed to infer device type",
        "its release does not start in a pod without a GPU (vLLM 0.11.0; 0.11.1 and later do)",
    ),
    Sign(
        "unknown option",
        r"error: (?:unrecognized argument|unexpected argument|ambiguous option|argument )[^\n]*",
        "it does not know an option or its value ({})",
    ),
    Sign("ready check", r"(?:Initial test run failed|Endpoint not ready)[^\n]*", "the ready check failed ({})"),
    Sign("all failed", r"All requests failed[^\n]*", "all requests failed"),
)
# What the results of other load generators are known by, and what no more than names them: one that ended without a
# result does so, too.
OTHER_TOOLS = (
    ("vLLM's multi-turn benchmark", r"(?m)^\s*(?:\S+ )*requests_per_sec\s*=", r"benchmark_serving_multi_turn"),
    (
        "guidellm",
        r"Benchmarks (?:Metadata|Info|Stats)\b|Server Throughput Statistics",
        r"\bguidellm\b",
    ),
    ("inference-perf", r"lifecycle_metrics", r"\binference[_-]perf\b"),
    ("sglang", r"\bBackend:\s+sglang", r"\bsglang\.bench_serving\b"),
)
_SIGNALS = {129: "SIGHUP", 130: "SIGINT", 134: "SIGABRT", 137: "SIGKILL", 139: "SIGSEGV", 143: "SIGTERM"}
_STATUS = re.compile(r"\bended with (\d+)\b")


def without_result(job: str, text: str, told: str = "") -> Without:
    """Why a log holds no whole table.

    Parameters
    ----------
    text
        Of the log.
    told
        What Kubernetes said of the Job's end, as `run.json` keeps it: `container x ended with 137 (Error)`.
    """
    text = plain(text)
    for sign in SIGNS:
        if printed := re.search(sign.printed, text):
            return Without(job, sign.kind, sign.means.format(_short(printed[0])))
    for tool, printed_by_it, _ in OTHER_TOOLS:
        if re.search(printed_by_it, text):
            return Without(
                job, "other tool", f"its result is one of {tool}, and only tables of vllm bench serve are read"
            )
    status = _STATUS.search(told)
    after = f" with exit status {status[1]}" if status else ""
    if status and int(status[1]) in _SIGNALS:
        return Without(job, "signal", f"it was ended by a signal ({_SIGNALS[int(status[1])]}){after}")
    if re.search(r"^KeyboardInterrupt$", text, re.MULTILINE):
        return Without(job, "signal", f"it was ended by a signal (SIGINT){after}")
    if _BEGIN.search(text) or _KNOWN.search(text):
        return Without(job, "broken off", f"only a part of its table is in the log{after}")
    exceptions = [line for line in text.split("\n") if _EXCEPTION.match(line)]
    if exceptions:
        return Without(job, "exception", f"it ended with an exception ({_short(exceptions[-1])}){after}")
    for tool, _, names_it in OTHER_TOOLS:
        if re.search(names_it, text):
            return Without(job, "other tool", f"it is a log of {tool}, and only tables of vllm bench serve are read")
    said = (
        f"it ended{after} and printed no result"
        if after
        else "it printed no result; a client that is stopped never does"
    )
    return Without(job, "unknown", said)
