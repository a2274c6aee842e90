"""Runs whose optimizer decides as WVA does, with a profile that the log names."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from logs import MODEL, NAMESPACE, VARIANT, Message, decision, model_loop_run, observed, write_run

from wva_parse.optimizer.queueing import Load, Objectives, Parameters, Profile, needed_replicas, predict

SPEC = Parameters(7.47, 0.044, 15.415, 0.000337)
PROFILE = Profile(*SPEC, 512)
OBJECTIVES = Objectives(10, 1000)
TOKENS = (210, 500)


class Minute(NamedTuple):
    """What one reconciliation sees: the rate that came, on how many replicas, and how slow these are by the model."""

    rate_per_min: float
    replicas: int = 1
    slower: float = 1.0


def named(parameters: Parameters = SPEC, variant: str = VARIANT) -> str:
    """The line that names parameters."""
    values = ", ".join(f"{name}={value:.6f}" for name, value in parameters._asdict().items())
    return f"Using fallback parameters for variant {variant}/{NAMESPACE}: {values}"


def solved(load: Load, objectives: Objectives = OBJECTIVES, profile: Profile = PROFILE) -> str:
    """What the optimizer finds for a load."""
    replicas = needed_replicas(profile, load, objectives) or 1
    found = predict(profile, load, replicas)
    return (
        f"Optimization solution - system: Solution: \ns={VARIANT}:{NAMESPACE}; c=Premium; m={MODEL}; "
        f"rate={load.rate_per_min:g}; inTk={load.input_tokens}; outTk={load.output_tokens}; sol=1, sat=false, "
        f"alloc={{acc=H100; numRep={replicas}; maxBatch={profile.max_batch}; cost=100, val=0, itl={found.itl_ms:.6f}, "
        f"ttft={found.ttft_ms:.6f}, rho=0.1, maxRPM=700}}; slo-itl={objectives.itl_ms:g}, "
        f"slo-ttft={objectives.ttft_ms:g}, slo-tps=0 \n"
        "AllocationByType: \nname=H100, count=1, limit=0, cost=100 \ntotalCost=100 \n"
    )


def loop_runs(minutes: Iterable[Minute], truth: Profile = PROFILE) -> list[list[Message]]:
    """A loop run a minute: what is observed is what the model says of `truth`, times `slower`."""
    runs = []
    for number, minute in enumerate(minutes):
        load = Load(minute.rate_per_min, *TOKENS)
        if load.is_idle:
            seen, load = observed(0, 0, minute.replicas, 0), Load(0, 0, 0)
        else:
            felt = predict(truth, load, minute.replicas)
            latencies = felt.itl_ms * minute.slower, felt.ttft_ms * minute.slower
            seen = observed(*latencies, minute.replicas, minute.rate_per_min)
        pods = [f"KV cache metric: pod=p-{each}, usage=0.200 (20.0%)" for each in range(minute.replicas)]
        runs.append(model_loop_run(60 * number, [*pods, seen, named()], solved(load), decision(1, 1)))
    return runs


def modelled_run(directory: Path, minutes: Iterable[Minute], truth: Profile = PROFILE, **files) -> Path:
    """A run directory of them."""
    return write_run(directory, *loop_runs(minutes, truth), **files)
