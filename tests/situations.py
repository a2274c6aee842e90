"""What a simulated controller may find when it looks."""

from __future__ import annotations

from wva_sim.wva.findings import Observation, PodMetrics


def observation(**changes) -> Observation:
    usual = {
        "variant": "ms-inference-scheduling-llm-d-modelservice-decode",
        "namespace": "llm-d-autoscaler",
        "model": "unsloth/Meta-Llama-3.1-8B",
        "accelerator": "H100",
        "cost": 10.0,
        "replicas": 1,
        "ready_replicas": 1,
        "ttft_ms": 20.5,
        "itl_ms": 9.25,
        "arrival_rate_per_min": 612.0,
        "input_tokens": 213.2,
        "output_tokens": 525.5,
        "max_batch": 256,
        "pods": (PodMetrics("decode-a", 0.2, 0),),
    }
    return Observation(**{**usual, **changes})


def pods(*states: tuple[float, int]) -> tuple[PodMetrics, ...]:
    return tuple(PodMetrics(f"decode-{number}", usage, queue) for number, (usage, queue) in enumerate(states))


SITUATIONS = {
    "idle": [observation(ttft_ms=0, itl_ms=0, arrival_rate_per_min=0, input_tokens=0, output_tokens=0)],
    "loaded": [observation()],
    "KV full": [observation(pods=pods((0.75, 0)))],
    "queue": [observation(pods=pods((0.2, 4)))],
    "saturated": [observation(pods=pods((0.99, 50)))],
    "starting": [observation(replicas=2)],
    "too many": [observation(replicas=3, ready_replicas=3, pods=pods((0.1, 0), (0.1, 0), (0.1, 0)))],
    "just enough": [observation(replicas=2, ready_replicas=2, pods=pods((0.45, 0), (0.45, 0)))],
    "no pod": [observation(pods=())],
}
