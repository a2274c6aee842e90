"""The simulated controller's lines have the form of real ones, to the letter.

Held against captured logs where they are at hand, and always against the documented lines below, without the
package that reads logs: simulator and parser meet only in the text.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from datetime import datetime, timezone
from itertools import pairwise, product

import pytest
from captured import RUNS, needs_captured
from situations import SITUATIONS, observation, pods

from wva_sim.wva import lines, text
from wva_sim.wva.decide import Controller
from wva_sim.wva.findings import Observation

AT = datetime(2026, 1, 2, 3, 4, 5, 678000, tzinfo=timezone.utc)

# Lines that no capture at hand has, as the source of the controller prints them.
SCALE_UP = "variant=v, cost=10.00, currentReplicas=1, readyReplicas=1, baseTarget=1, target=2"
DOCUMENTED = (
    # v0.4.1 logs these two at each loop run, v0.0.5 once at its start
    ("INFO", "Capacity scaling config cache updated: entries=1, has_default=true"),
    ("INFO", "Capacity scaling configuration loaded successfully"),
    # `%!(EXTRA bool=…)`: one value more than verbs
    (
        "DEBUG",
        "Scale-down unsafe: insufficient headroom after redistribution: remainingSpareKv=0.136, kvTrigger=0.200, "
        "kvSafe=false, remainingSpareQueue=5.0, queueTrigger=3.0%!(EXTRA bool=true)",
    ),
    (
        "INFO",
        "Capacity target: scale-up cheapest variant: variant=v, cost=10.00, currentReplicas=1, readyReplicas=1, "
        "target=2, reason=queue spare capacity low (1.0 < 3.0)",
    ),
    (
        "INFO",
        "Capacity target: scale-up cheapest variant: variant=v, cost=10.00, currentReplicas=1, readyReplicas=1, "
        "target=2, reason=KV spare capacity low (0.036 < 0.100)",
    ),
    ("INFO", "Using Prometheus configuration from environment variables: address=https://p.m.svc.cluster.local:9090"),
    (
        "INFO",
        "Initializing Prometheus client -> address: https://p.m.svc.cluster.local:9090, tls_enabled: true",
    ),
    ("INFO", "CA certificate loaded successfullypath/etc/ssl/certs/prometheus-ca.crt"),
    ("DEBUG", "Replica count mismatch for ns/org/m: spec=2, reporting_metrics=1"),
    ("DEBUG", "Preserving desired replicas: variant=v, currentReplicas=2, readyReplicas=1, desired=2"),
    # the captures of December went through a filter that dropped all lines with the word Found
    ("INFO", "Found SLO for model: model=org/m, class=Premium, slo-tpot=10, slo-ttft=1000"),
    ("DEBUG", "Found VA in map: variant=v, hasCurrentAlloc=true, accelerator=H100"),
    (
        "INFO",
        f"Saturation target: scale-up cheapest variant: {SCALE_UP}, reason=KV spare Saturation low (0.036 < 0.100)",
    ),
    (
        "INFO",
        f"Saturation target: scale-up cheapest variant: {SCALE_UP}, reason=queue spare Saturation low (1.0 < 3.0)",
    ),
)


def _any_number(number: re.Match[str]) -> str:
    return "<number>"


def _decimals(number: re.Match[str]) -> str:
    return f"<number with {len(number[1] or '.') - 1} decimals>"


def shape(level: str, message: str) -> tuple[str, str]:
    """A line without what varies: names, numbers, flags."""
    message = re.sub(r"(variant|pod|modelID|model|namespace|accelerator)([=:] ?)[^,;\s\]]+", r"\1\2<name>", message)
    message = re.sub(r"\b(s|c|m|acc|name)=[^;,\s]+", r"\1=<name>", message)
    message = re.sub(r"(address[=:] ?)[^,\s]+", r"\1<url>", message)
    message = re.sub(r"map\[[^\]]*\]", "map[<name>]", message)
    message = re.sub(r"(mismatch for )\S+:", r"\1<name>:", message)
    message = re.sub(r"(decisions made for model|completed for model): \S+", r"\1: <name>", message)
    is_shortest = message.startswith(("Optimization solution", "Setting accelerator name"))
    message = re.sub(r"(?<![A-Za-z])-?\d+(\.\d+)?(e[-+]\d+)?", _any_number if is_shortest else _decimals, message)
    message = re.sub(r"\b(true|false)\b", "<flag>", message)
    message = re.sub(r"scale-up|scale-down|no-change", "<action>", message)
    return level, message


FAMILIES = {"D2": lines.D2, "D3": lines.D3}


def real_logs(families: Iterable[str]) -> Iterator[list[tuple[str, str]]]:
    """The shapes of each capture of these families, in order."""
    for log in sorted(RUNS.glob("*/wva-controller-logs.jsonl")):
        whole = log.read_text(encoding="utf-8")
        if ("D3" if "saturation scaling config" in whole else "D2") in families:
            lines_of_log = [json.loads(raw) for raw in whole.splitlines() if raw.startswith("{")]
            yield [shape(line["level"], line["msg"]) for line in lines_of_log]


def real_shapes(families: Iterable[str]) -> set[tuple[str, str]]:
    """Of the captures of these families."""
    return {each for log in real_logs(families) for each in log}


def simulated_runs(family: str, situations: Iterable[list[Observation]]) -> Iterator[list[tuple[str, str]]]:
    """The shapes of loop runs in both modes, in order."""
    for mode, situation in product(("model-based", "capacity-based"), situations):
        controller = Controller(mode)
        for _ in range(2):  # the second run meets the targets of the first
            records = text.tell(FAMILIES[family], controller.run_loop(situation), situation[0])
            yield [shape(record.level, record.message) for record in records]


def simulated_shapes(family: str) -> set[tuple[str, str]]:
    """Shapes of everything that loop runs can say."""
    return {each for run in simulated_runs(family, SITUATIONS.values()) for each in run}


@needs_captured
@pytest.mark.parametrize("family", FAMILIES)
def test_every_line_occurs_in_captured_logs_or_is_documented(family):
    unknown = simulated_shapes(family) - real_shapes([family]) - {shape(*line) for line in DOCUMENTED}
    assert unknown == set()


# What the captured builds said in between, and the simulated one does not: the tuner, and a mark before a line.
OTHER_BUILDS = re.compile(r"[Tt]un(er|ed?|ing)\b|NIS|Using (state vals|initial state|fallback)|Updated (SystemData|VA)")


@needs_captured
@pytest.mark.parametrize("family", FAMILIES)
def test_every_line_follows_one_that_it_follows_in_captured_logs(family):
    logs = [[each for each in log if not OTHER_BUILDS.search(each[1])] for log in real_logs([family])]
    logs = [[(level, message.removeprefix("✓ ")) for level, message in log] for log in logs]
    known, real_pairs = {each for log in logs for each in log}, {pair for log in logs for pair in pairwise(log)}
    # Without a pod, a real controller has nothing to measure.
    usual = [situation for situation in SITUATIONS.values() if situation[0].pods]
    said = {pair for run in simulated_runs(family, usual) for pair in pairwise(run) if known.issuperset(pair)}
    assert len(said) > 30
    assert said - real_pairs == set()


@needs_captured
def test_every_line_of_the_start_occurs_in_captured_logs_or_is_documented():
    records = [*lines.starting(), *lines.leading("ns")]
    said = {shape(record.level, record.message) for record in records if isinstance(record, lines.Record)}
    assert said - real_shapes(FAMILIES) - {shape(*line) for line in DOCUMENTED} == set()


def test_the_families_say_different_things():
    of_d2, of_d3 = simulated_shapes("D2"), simulated_shapes("D3")
    assert {message for _, message in of_d2 - of_d3 if "aturation" in message} == set()
    assert {message for _, message in of_d3 - of_d2 if "apacity" in message} == set()
    assert len(of_d2 - of_d3) >= 15


def test_the_check_above_can_fail():
    good = shape("INFO", "Queue metric: pod=a, queueLength=3")
    assert good == shape("INFO", "Queue metric: pod=b, queueLength=17")
    assert good != shape("DEBUG", "Queue metric: pod=a, queueLength=3")
    assert good != shape("INFO", "Queue metric: pod=a, queue=3")
    assert good != shape("INFO", "Queue metric: pod=a, queueLength=3.0")
    assert shape("INFO", "itl=9.25ms") != shape("INFO", "itl=9.250ms")


def test_a_model_based_loop_run_in_full():
    seen = observation(pods=pods((0.25, 0)), arrival_rate_per_min=1548.0)
    records = text.tell(lines.D2, Controller("model-based").run_loop([seen]), seen)
    said = [(record.level, record.message) for record in records]
    variant, model, ns = (
        "ms-inference-scheduling-llm-d-modelservice-decode",
        "unsloth/Meta-Llama-3.1-8B",
        "llm-d-autoscaler",
    )
    assert said[2:16] == [
        ("INFO", "Operating in MODEL-ONLY mode: model-based optimization only"),
        ("INFO", "Grouped VAs by model: modelCount=1, totalVAs=1"),
        ("INFO", f"Processing model: modelID={model}, variantCount=1"),
        ("INFO", "KV cache metric: pod=decode-0, usage=0.250 (25.0%)"),
        ("DEBUG", f"KV cache metrics collected (max over 1m): modelID={model}, namespace={ns}, podCount=1"),
        ("INFO", "Queue metric: pod=decode-0, queueLength=0"),
        ("DEBUG", f"Queue metrics collected (max over 1m): modelID={model}, namespace={ns}, podCount=1"),
        ("DEBUG", f"Pod-to-variant matching successful: totalPods=1, variantCounts=map[{variant}:1]"),
        ("DEBUG", f"Collected replica metrics: modelID={model}, namespace={ns}, replicaCount=1"),
        (
            "DEBUG",
            f"Collected capacity metrics for observability in model-only mode: modelID={model}, replicaCount=1",
        ),
        ("INFO", f"Found SLO for model: model={model}, class=Premium, slo-tpot=10, slo-ttft=1000"),
        (
            "DEBUG",
            f"Metrics collected for VA: variant={variant}, replicas=1, accelerator=H100, ttft=20.50ms, itl=9.25ms, "
            "cost=10.00, maxBatch=256, arrivalRate=1548.00, avgInputTokens=213.20, avgOutputTokens=525.50",
        ),
        said[14],
        said[15],
    ]
    level, solution = said[14]
    assert level == "DEBUG"
    assert re.fullmatch(
        r"Optimization solution - system: Solution: \n"
        rf"s={variant}:{ns}; c=Premium; m={model}; rate=1548; inTk=213; outTk=525; sol=1, sat=false, "
        r"alloc=\{acc=H100; numRep=3; maxBatch=512; cost=30, val=20, itl=9\.\d+, ttft=\d+\.\d+, rho=0\.\d+, "
        r"maxRPM=6\d\d\.\d+\}; slo-itl=10, slo-ttft=1000, slo-tps=0 \n"
        r"AllocationByType: \nname=NVIDIA-H100-80GB-HBM3, count=3, limit=0, cost=30 \ntotalCost=30 \n",
        solution,
    )
    assert said[15][1].startswith("Setting accelerator name Name H100allocationData {H100 3 512 30 9.")
    assert said[-6:-1] == [
        ("INFO", f"Processing decision: variant={variant}, action=scale-up, current=1→target=3"),
        ("DEBUG", f"Found VA in map: variant={variant}, hasCurrentAlloc=true, accelerator=H100"),
        (
            "INFO",
            f"EmitReplicaMetrics completed - variant: {variant}, current-replicas: 1, desired-replicas: 3, "
            "accelerator: H100",
        ),
        (
            "INFO",
            f"Successfully emitted metrics for external autoscalers: variant={variant}, targetReplicas=3, "
            "accelerator=H100, capacityOnly=false",
        ),
        (
            "INFO",
            f"Applied capacity decision: variant={variant}, action=scale-up, current=1, target=3, "
            "reason=model-based only (capacity unavailable)",
        ),
    ]
    assert said[-1] == (
        "INFO",
        "Reconciliation completed successfully: mode=model-only, modelsProcessed=1, decisionsApplied=1",
    )


def test_lines_are_encoded_as_each_logger_does():
    assert (
        lines.encode(lines.Record("INFO", "a→b"), AT) == '{"level":"INFO","ts":"2026-01-02T03:04:05.678Z","msg":"a→b"}'
    )
    with_more = lines.Record("info", "Starting metrics server", {"logger": "controller-runtime.metrics"})
    assert lines.encode(with_more, AT) == (
        '{"level":"info","ts":"2026-01-02T03:04:05Z","logger":"controller-runtime.metrics",'
        '"msg":"Starting metrics server"}'
    )
    klog = lines.waiting_for_lease("ns")
    assert lines.encode(klog, AT) == (
        "I0102 03:04:05.678000       1 leaderelection.go:257] "
        "attempting to acquire leader lease ns/72dd1cf1.llm-d.ai..."
    )


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (1548, "1548"),
        (9.381115, "9.381115"),
        (0.1, "0.1"),
        (-100, "-100"),
        (644.5417, "644.5417"),
        (0, "0"),
        (5e-05, "5e-05"),
        (2.5e6, "2.5e+06"),
        (float("inf"), "+Inf"),
        (float("nan"), "NaN"),
    ],
)
def test_floats_are_written_as_go_writes_32_bits(value, expected):
    assert lines.go_float(value) == expected


def test_maps_are_written_as_go_writes_them():
    assert lines.go_map({"b": 2, "a": 1}) == "map[a:1 b:2]"
    assert lines.go_map({}) == "map[]"


@pytest.mark.parametrize(("words", "told"), [(lines.D2, {"2"}), (lines.D3, {"1"})], ids=["D2", "D3"])
@pytest.mark.parametrize("mode", ["model-based", "capacity-based"])
def test_newer_builds_observe_the_replicas_that_are_ready(words, told, mode):
    starting = observation(replicas=2, ready_replicas=1)
    messages = [record.message for record in text.tell(words, Controller(mode).run_loop([starting]))]
    seen = {
        match[1] for message in messages if (match := re.match(r"Metrics collected for VA: .*?replicas=(\d+)", message))
    }
    assert seen == told


def test_replicas_that_are_taken_away_are_observed_no_more():
    leaving = observation(replicas=1, ready_replicas=3)
    messages = [record.message for record in text.tell(lines.D3, Controller("model-based").run_loop([leaving]))]
    assert any(re.match(r"Metrics collected for VA: .*?replicas=1,", message) for message in messages)
