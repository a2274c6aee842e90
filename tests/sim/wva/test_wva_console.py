"""The simulated controller's console lines have the form of real ones.

Those of D7 are held against captured logs where they are at hand. No loop run of D5 was ever captured: its lines are
held against those that were made from the format strings of its source, quoted below.
"""

from __future__ import annotations

import json
import re
from datetime import datetime, timezone
from typing import NamedTuple

import pytest
from captured import OTHER_DIALECTS
from situations import SITUATIONS

from wva_sim.wva import console
from wva_sim.wva.decide import Controller
from wva_sim.wva.lines import Klog

AT = datetime(2026, 8, 8, 2, 23, 10, 678000, tzinfo=timezone.utc)

# v0.7.0, with the columns between tabs
OF_D5 = (
    '2026-04-02T19:30:00Z⇥INFO⇥saturation/engine.go:490⇥Grouped VAs by model⇥{"modelCount": 1, "totalVAs": 1}',
    '2026-04-02T19:30:00Z⇥INFO⇥saturation/engine.go⇥Processing model (V1)⇥{"modelID": "org/m", "namespace": "ns", '
    '"variantCount": 2, "groupKey": "org/m|ns"}',
    '2026-04-02T19:30:00Z⇥INFO⇥saturation/engine.go⇥Processing model (queueing-model)⇥{"modelID": "org/m", '
    '"namespace": "ns", "variantCount": 2, "groupKey": "org/m|ns"}',
    '2026-04-02T19:30:00Z⇥INFO⇥saturation/engine.go⇥Saturation analysis completed⇥{"modelID": "org/m", '
    '"totalReplicas": 2, "nonSaturated": 2, "avgSpareKv": 0.05, "avgSpareQueue": 3.5, "shouldScaleUp": true, '
    '"scaleUpReason": "KV spare Saturation low (0.050 < 0.100)", "scaleDownSafe": false}',
    '2026-04-02T19:30:00Z⇥INFO⇥saturation/engine.go⇥Saturation-only decisions made for model⇥{"modelID": "org/m", '
    '"decisionCount": 1}',
    '2026-04-02T19:30:00Z⇥INFO⇥saturation/engine.go⇥Queueing model analysis completed⇥{"modelID": "org/m", '
    '"totalSupply": 11.5, "totalDemand": 9.5, "utilization": 0.89, "requiredCapacity": 0, "spareCapacity": 0.5}',
    '2026-04-02T19:30:00Z⇥INFO⇥saturation/engine.go⇥Queueing model optimizer produced decisions⇥{"optimizer": '
    '"cost-aware", "decisionCount": 1, "modelCount": 1}',
    '2026-04-02T19:30:00Z⇥INFO⇥saturation/engine.go⇥Applying scaling decisions⇥{"totalDecisions": 1}',
    '2026-04-02T19:30:00Z⇥INFO⇥saturation/engine.go⇥Processing decision for VA⇥{"variant": "ns/v", "action": '
    '"scale-up", "current": 1, "target": 4}',
    '2026-04-02T19:30:00Z⇥INFO⇥actuator/actuator.go⇥EmitReplicaMetrics completed⇥{"variantName": "v", '
    '"currentReplicas": 4, "desiredReplicas": 7, "accelerator": "H100"}',
    '2026-04-02T19:30:00Z⇥INFO⇥saturation/engine.go⇥Successfully emitted metrics⇥{"variant": "v", "target": 4, '
    '"accelerator": "H100"}',
    '2026-04-02T19:30:00Z⇥INFO⇥saturation/engine.go⇥Applied saturation decision via shared cache⇥{"variant": "ns/v", '
    '"namespace": "ns", "action": "scale-up", "target": 2, "reason": "saturation-only mode: scale-up"}',
    '2026-04-02T19:30:00Z⇥INFO⇥saturation/engine.go:310⇥Optimization completed successfully⇥{"mode": '
    '"saturation-only", "modelsProcessed": 1, "decisionsApplied": 2}',
    '2026-01-29T19:30:00Z⇥LEVEL(-4)⇥collector/replica_metrics.go:138⇥KV cache metric⇥{"pod": "p-0", "usage": 0.85, '
    '"usagePercent": 85}',
    '2026-01-29T19:30:00Z⇥LEVEL(-4)⇥collector/replica_metrics.go⇥Queue metric⇥{"pod": "p-0", "queueLength": 3}',
    '2026-04-02T19:30:00Z⇥LEVEL(-4)⇥collector/replica_metrics.go⇥Avg TTFT metric⇥{"pod": "p-0", '
    '"avgTTFTSeconds": 0.0752}',
    '2026-04-02T19:30:00Z⇥LEVEL(-4)⇥collector/replica_metrics.go⇥Avg ITL metric⇥{"pod": "p-0", '
    '"avgITLSeconds": 0.0121}',
    '2026-04-02T19:30:00Z⇥LEVEL(-4)⇥collector/replica_metrics.go⇥Scheduler dispatch rate metric⇥{"pod": "p-0", '
    '"arrivalRate": 12.5}',
)
# With more verbosity than any capture of D7 has; an instance beside the pod since v0.8.0.
OF_D7 = (
    '2026-06-22T19:30:00Z⇥LEVEL(-4)⇥collector/replica_metrics.go:550⇥KV cache metric⇥{"instanceKey": '
    '"p-0|10.0.0.1:8000", "pod": "p-0", "usage": 0.85, "usagePercent": 85}',
    '2026-06-22T19:30:00Z⇥LEVEL(-4)⇥collector/replica_metrics.go:579⇥Queue metric⇥{"instanceKey": '
    '"p-0|10.0.0.1:8000", "pod": "p-0", "queueLength": 3}',
    '2026-06-22T19:30:00Z⇥LEVEL(-4)⇥collector/replica_metrics.go:809⇥Avg TTFT metric⇥{"instanceKey": '
    '"p-0|10.0.0.1:8000", "pod": "p-0", "avgTTFTSeconds": 0.0752}',
    '2026-06-22T19:30:00Z⇥LEVEL(-4)⇥collector/replica_metrics.go:837⇥Avg ITL metric⇥{"instanceKey": '
    '"p-0|10.0.0.1:8000", "pod": "p-0", "avgITLSeconds": 0.0121}',
    '2026-06-22T19:30:00Z⇥LEVEL(-4)⇥collector/replica_metrics.go⇥Scheduler dispatch rate metric⇥{"instanceKey": '
    '"p-0|10.0.0.1:8000", "pod": "p-0", "arrivalRate": 12.5}',
)
# Targets are said with --v=3 and more, in the words of D3 and with its values as keys.
OF_D5_TARGETS = {
    ("LEVEL(-3)", "Saturation target: scale-up cheapest variant"),
    ("LEVEL(-3)", "Saturation target: scale-down most expensive variant"),
    ("LEVEL(-4)", "Saturation targets: no scaling needed"),
    ("LEVEL(-4)", "Saturation targets calculated"),
    ("LEVEL(-4)", "Preserving desired replicas"),
}
# The reconciler's, with what controller-runtime adds.
OF_D5_RECONCILER = {("INFO", "Reconciling VariantAutoscaling"), ("INFO", "Applying scaling decision from cache")}

STAMP = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")


class Columns(NamedTuple):
    """A console line in pieces; `values` as printed."""

    stamp: str
    level: str
    logger: str
    caller: str
    message: str
    values: str

    @property
    def shape(self) -> tuple[str, ...]:
        """All but what varies from line to line, and the caller's line number."""
        pieces = self.caller.partition(":")[0], re.sub(r"\S+_[0-9a-f-]{36}", "<holder>", self.message)
        return self.level, self.logger, *pieces, keys_of(json.loads(self.values or "{}"))


def keys_of(values: object) -> str:
    """The keys of an object in their order; of an array, those of its entries. An object told whole is left out."""
    if isinstance(values, dict):
        inner = {key: keys_of(value) if isinstance(value, list) else "" for key, value in values.items()}
        return ",".join(f"{key}[{keys}]" if keys else key for key, keys in inner.items())
    return "|".join(sorted({keys_of(entry) for entry in values})) if isinstance(values, list) else ""


def columns(line: str) -> Columns:
    stamp, level, *middle = line.split("\t")
    values = middle.pop() if middle[-1].startswith("{") else ""
    logger = middle.pop(0) if len(middle) == 3 else ""
    caller, message = middle
    assert STAMP.fullmatch(stamp)
    return Columns(stamp, level, logger, caller, message, values)


def captured() -> list[str]:
    """The console lines of all captures of D7, without kubectl's stamps."""
    found = []
    for log in sorted(OTHER_DIALECTS.glob("D7_*")):
        lines = (re.sub(r"^\S+Z (?=[\dIWEF])", "", line) for line in log.read_text(encoding="utf-8").splitlines())
        found += [line for line in lines if STAMP.match(line)]
    if not found:
        pytest.skip(f"no captures of D7 in {OTHER_DIALECTS}")
    return found


def simulated(tell, *modes: str) -> list[Columns]:
    """Everything that loop runs can say."""
    lines = []
    for mode in modes:
        for situation in SITUATIONS.values():
            controller = Controller(mode)
            for _ in range(2):
                said = tell(controller.run_loop(situation))
                lines += [console.encode(entry, AT) for entry in said if isinstance(entry, console.Entry)]
    return [columns(line) for line in lines]


def simulated_start(controllers) -> list[Columns]:
    entries = [
        *console.starting(),
        *console.leading(controllers, "ns", "pod_" + "0" * 8 + "-0000-0000-0000-" + "0" * 12),
    ]
    return [columns(console.encode(entry, AT)) for entry in entries if not isinstance(entry, Klog)]


def quoted(lines: tuple[str, ...]) -> set[tuple[str, ...]]:
    return {columns(line.replace("⇥", "\t")).shape for line in lines}


def test_captured_lines_are_encoded_to_the_letter():
    for line in captured():
        read = columns(line)
        pairs = json.loads(read.values or "{}", object_pairs_hook=list)
        if len(dict(pairs)) < len(pairs):
            continue  # controller-runtime gives some keys twice
        entry = console.Entry(read.level, read.caller, read.message, json.loads(read.values or "{}"), read.logger)
        at = datetime.fromisoformat(read.stamp.replace("Z", "+00:00"))
        assert console.encode(entry, at) == line


def test_every_line_of_d7_occurs_in_captured_logs_or_is_documented():
    real = {columns(line).shape for line in captured()}
    said = {line.shape for line in simulated(console.tell_d7, "demand-based")}
    assert len(said) > 10
    assert said - real - quoted(OF_D7) == set()


def test_the_complaint_about_each_change_is_the_captured_one():
    run = Controller("demand-based").run_loop(SITUATIONS["saturated"])
    (said,) = [console.encode(entry, AT) for entry in console.tell_d7(run) if isinstance(entry, Klog)]
    lines = [line for log in OTHER_DIALECTS.glob("D7_v2-*") for line in log.read_text(encoding="utf-8").splitlines()]
    real = [line for line in lines if line.startswith("E08")]
    if not real:
        pytest.skip(f"no captures of D7 in {OTHER_DIALECTS}")

    def without_object(line: str) -> str:
        return re.sub(r"object=.* eventType", "object=<object> eventType", line)[len("E0808 02:23:10.158646") :]

    assert {without_object(line) for line in real} == {without_object(said)}


def test_every_line_of_the_start_occurs_in_captured_logs():
    real = {(line.level, line.logger, line.caller, line.message) for line in map(columns, captured())}
    for line in simulated_start(console.SCALERS):
        message = re.sub(r"\S+ became", "<holder> became", line.message)
        known = {(*rest, re.sub(r"\S+ became", "<holder> became", said)) for *rest, said in real}
        assert (line.level, line.logger, line.caller, message) in known


def test_a_loop_run_of_d7_has_the_order_of_captured_ones():
    noise = ("Pod has engine metrics", "throughput analyzer", "Starting ", "Ignoring ", "Updated ", "Caches ")
    (log,) = OTHER_DIALECTS.glob("D7_v2-*") if OTHER_DIALECTS.is_dir() else (None,)
    if log is None:
        pytest.skip(f"no captures of D7 in {OTHER_DIALECTS}")
    real = [line.split("\t")[3] for line in log.read_text(encoding="utf-8").splitlines() if STAMP.match(line)]
    real = [message for message in real if not message.startswith(noise)]
    run = Controller("demand-based").run_loop(SITUATIONS["saturated"])
    said = [entry.message for entry in console.tell_d7(run) if isinstance(entry, console.Entry)]
    said = [message for message in said if not message.endswith(" metric")]
    assert said == real[: len(said)]
    assert real == said * 3


def test_every_line_of_d5_is_documented():
    said = simulated(console.tell_d5, "capacity-based", "model-based")
    known = quoted(OF_D5)
    unknown = {line.shape for line in said} - known
    assert {(shape[0], shape[3]) for shape in unknown} == OF_D5_TARGETS | OF_D5_RECONCILER
    assert known <= {line.shape for line in said}, "and every documented one is said"


def test_the_modes_of_d5_say_the_same_in_the_end():
    for mode in ("capacity-based", "model-based"):
        ends = [
            line for line in simulated(console.tell_d5, mode) if line.message == "Optimization completed successfully"
        ]
        assert {json.loads(end.values)["mode"] for end in ends} == {"saturation-only"}


@pytest.mark.parametrize(
    ("tell", "modes"),
    [(console.tell_d5, ("capacity-based", "model-based")), (console.tell_d7, ("demand-based",))],
    ids=["D5", "D7"],
)
def test_nothing_is_predicted_and_nothing_has_the_words_of_older_releases(tell, modes):
    text = " ".join(f"{line.message} {line.values}" for line in simulated(tell, *modes))
    assert not re.search(r"Optimization solution|Operating in|Reconciliation completed|itl=", text)


@pytest.mark.parametrize(
    ("value", "text"),
    [(85.0, "85"), (0.1, "0.1"), (0.00001, "0.00001"), (2.9604602885617806, "2.9604602885617806"), (True, "true")],
)
def test_values_are_written_as_go_writes_them(value, text):
    assert console.encode(console.Entry("INFO", "a.go:1", "m", {"k": value}), AT).endswith(f'\tm\t{{"k": {text}}}')


def test_lines_without_values_end_with_the_message():
    entry = console.Entry("INFO", "cmd/main.go:159", "Logger initialized", logger="setup")
    assert console.encode(entry, AT) == "2026-08-08T02:23:10Z\tINFO\tsetup\tcmd/main.go:159\tLogger initialized"
