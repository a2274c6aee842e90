"""Short controller logs in the documented form (dialect D2b with the research fork's observations), for tests.

Times are seconds after `T0`. Every builder returns one loop run as messages; `write_run` makes a run directory.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

T0 = datetime(2026, 1, 1, tzinfo=timezone.utc)
VARIANT = "llama-decode"
NAMESPACE = "llm-d"
MODEL = "unsloth/Meta-Llama-3.1-8B"

Message = tuple[float, str]


def stamp(at_s: float) -> str:
    moment = T0 + timedelta(seconds=at_s)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def line(at_s: float, message: str, level: str = "INFO") -> str:
    return json.dumps({"level": level, "ts": stamp(at_s), "msg": message}, ensure_ascii=False)


def observed(
    itl_ms: float, ttft_ms: float, replicas: int = 1, rate_per_min: float = 600.0, variant: str = VARIANT
) -> str:
    return (
        f"Metrics collected for VA: variant={variant}, replicas={replicas}, accelerator=H100, ttft={ttft_ms:.2f}ms, "
        f"itl={itl_ms:.2f}ms, cost=100.00, maxBatch=256, arrivalRate={rate_per_min:.2f}, avgInputTokens=210.00, "
        "avgOutputTokens=500.00"
    )


def solution(
    itl_ms: float, ttft_ms: float, replicas: int = 1, slo: tuple[float, float] = (10, 1000), variant: str = VARIANT
) -> str:
    return (
        f"Optimization solution - system: Solution: \ns={variant}:{NAMESPACE}; c=Premium; m={MODEL}; rate=600; "
        f"inTk=210; outTk=500; sol=1, sat=false, alloc={{acc=H100; numRep={replicas}; maxBatch=512; cost=100, val=0, "
        f"itl={itl_ms:g}, ttft={ttft_ms:g}, rho=0.1, maxRPM=700}}; slo-itl={slo[0]:g}, slo-ttft={slo[1]:g}, "
        "slo-tps=0 \n"
        "AllocationByType: \nname=H100, count=1, limit=0, cost=100 \ntotalCost=100 \n"
    )


def decision(current: int, target: int, variant: str = VARIANT, reason: str = "") -> list[str]:
    action = "scale-up" if target > current else "scale-down" if target < current else "no-change"
    return [
        f"Processing decision: variant={variant}, action={action}, current={current}→target={target}",
        f"Applied capacity decision: variant={variant}, action={action}, current={current}, target={target}, "
        f"reason={reason or 'capacity-only mode: ' + action}",
    ]


def model_loop_run(
    at_s: float, seen: str | Iterable[str] = (), predicted: str = "", decided: Iterable[str] = ()
) -> list[Message]:
    """One loop run of model-only mode; leave out what it should not have logged."""
    messages = [
        "Operating in MODEL-ONLY mode: model-based optimization only",
        "Grouped VAs by model: modelCount=1, totalVAs=1",
        f"Processing model: modelID={MODEL}, variantCount=1",
        *([seen] if isinstance(seen, str) else seen),
        *([predicted] if predicted else []),
        *decided,
        "Reconciliation completed successfully: mode=model-only, modelsProcessed=1, decisionsApplied=1",
    ]
    return [(at_s + 0.001 * number, message) for number, message in enumerate(messages)]


def capacity_loop_run(
    at_s: float,
    pods: Mapping[str, tuple[float, int]],
    seen: str = "",
    current: int = 1,
    target: int = 1,
) -> list[Message]:
    """One loop run of capacity-only mode; `pods` maps a name to KV usage and queue length."""
    total, saturated = len(pods), sum(usage > 0.8 for usage, _ in pods.values())
    flags = f"shouldScaleUp={str(target > current).lower()}, scaleDownSafe={str(target < current).lower()}"
    counts = f"totalReplicas={total}, nonSaturated={total - saturated}"
    messages = [
        "Operating in CAPACITY-ONLY mode: reactive capacity-based scaling only",
        "Grouped VAs by model: modelCount=1, totalVAs=1",
        f"Processing model: modelID={MODEL}, variantCount=1",
        *([seen] if seen else []),
        *(f"KV cache metric: pod={pod}, usage={usage:.3f} ({100 * usage:.1f}%)" for pod, (usage, _) in pods.items()),
        f"KV cache metrics collected (max over 1m): modelID={MODEL}, namespace={NAMESPACE}, podCount={total}",
        *(f"Queue metric: pod={pod}, queueLength={queue}" for pod, (_, queue) in pods.items()),
        f"Queue metrics collected (max over 1m): modelID={MODEL}, namespace={NAMESPACE}, podCount={total}",
        f"Capacity analysis completed: modelID={MODEL}, namespace={NAMESPACE}, {counts}, avgSpareKv=0.200, "
        f"avgSpareQueue=4.0, {flags}",
        f"Capacity analysis completed: modelID={MODEL}, {counts}, {flags}",
        *decision(current, target),
        "Reconciliation completed successfully: mode=capacity-only, modelsProcessed=1, decisionsApplied=1",
    ]
    return [(at_s + 0.001 * number, message) for number, message in enumerate(messages)]


def text(*loop_runs: Iterable[Message]) -> str:
    """The log of these loop runs."""
    return "".join(line(at_s, message) + "\n" for loop_run in loop_runs for at_s, message in loop_run)


def write_run(
    directory: Path,
    *loop_runs: Iterable[Message],
    config: Mapping[str, Any] | None = None,
    record: Mapping[str, Any] | None = None,
) -> Path:
    """A run directory with this log; JSON is YAML too."""
    directory.mkdir(parents=True, exist_ok=True)
    (directory / "wva-controller-logs.jsonl").write_text(text(*loop_runs), encoding="utf-8")
    if config is not None:
        (directory / "experiment-config.yaml").write_text(json.dumps(config), encoding="utf-8")
    if record is not None:
        (directory / "run.json").write_text(json.dumps(record), encoding="utf-8")
    return directory


def sample(at_s: float, replicas: int, ready: int, itl: str = "8.50", ttft: str = "20.00") -> dict[str, Any]:
    """A sample of the cluster, as the collector writes it."""
    allocation = {"numReplicas": ready, "itlAverage": itl, "ttftAverage": ttft, "load": {"arrivalRate": "600.00"}}
    return {
        "time": stamp(at_s),
        "deployment": {"name": "llama-decode", "spec": replicas, "ready": ready},
        "variants": [{"name": "llama-decode", "status": {"currentAlloc": allocation}}],
        "hpa": [],
        "pods": [],
    }
