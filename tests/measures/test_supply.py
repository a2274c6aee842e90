"""GPU-hours, what they served, and targets above all that was held, against cases worked by hand."""

from __future__ import annotations

import orjson
import pytest
from captured import HIGH, captured, needs_captured
from logs import VARIANT, decision, model_loop_run, observed, solution, write_run

from wva_parse import run
from wva_parse.measures import supply


def deployment(name: str = VARIANT, **limits: str) -> dict:
    containers = [{"name": "vllm", "resources": {"limits": {"cpu": "8", **limits}}}, {"name": "sidecar"}]
    return {"metadata": {"name": name}, "spec": {"template": {"spec": {"containers": containers}}}}


def made(directory, *replicas: int, before=None, **options) -> run.Experiment:
    runs = [model_loop_run(60 * n, observed(8, 20, replicas=each), solution(9, 40)) for n, each in enumerate(replicas)]
    at = write_run(directory, *runs, config={})
    for name, objects in (before or {}).items():
        (at / "cluster" / "before").mkdir(parents=True, exist_ok=True)
        (at / "cluster" / "before" / f"{name}.json").write_bytes(orjson.dumps(objects))
    return run.load(at, **options)


def test_gpu_hours_are_held_replica_hours_times_the_gpus_of_a_pod(tmp_path):
    before = {"deployment": [deployment(**{"nvidia.com/gpu": "2", "memory": "1Gi"})]}
    found = supply.cost(made(tmp_path, 1, 3, 3, before=before, price_per_gpu_hour=2.5))
    assert found
    assert found.replica_hours == pytest.approx(240 / 3600)  # a minute of one, a minute of three
    assert (found.gpus_per_replica, found.gpu_hours) == (pytest.approx(2), pytest.approx(480 / 3600))
    assert found.price == pytest.approx(2.5 * 480 / 3600)
    # 600 requests per minute of 500 tokens for two minutes, as the log has it
    assert (found.output_tokens, found.tokens_from) == (pytest.approx(600_000), "log")
    assert found.gpu_hours_per_million_output_tokens == pytest.approx(480 / 3600 / 0.6)
    assert found.gpu_hours_per_thousand_within_slo is None  # no records of single requests


def test_without_known_gpus_there_are_replica_hours_only(tmp_path):
    found = supply.cost(made(tmp_path, 1, 3, 3, price_per_gpu_hour=2.5))
    assert found and (found.gpu_hours, found.price, found.gpus_per_replica) == (None, None, None)
    assert found.replica_hours_per_million_output_tokens == pytest.approx(240 / 3600 / 0.6)


def test_gpus_of_variants_that_differ_are_each_their_own():
    before = {
        "deployment": [deployment("a", **{"nvidia.com/gpu": "1"}), deployment("b", **{"amd.com/gpu": "4"})],
        "variantautoscalings": [{"metadata": {"name": "va-b"}, "spec": {"scaleTargetRef": {"name": "b"}}}],
    }
    assert supply.gpus_by_variant(before) == {"a": 1, "b": 4, "va-b": 4}
    assert supply.gpus_by_variant({"deployment": [deployment()]}) == {}
    migs = deployment(**{"nvidia.com/mig-3g.40gb": "2", "example.com/gpus-of-nobody": "x", "hugepages-2Mi": "1"})
    assert supply.gpus_by_variant({"deployment": [migs]}) == {VARIANT: 2}


def test_starved_pods_are_a_finding_with_the_replicas_there_were(tmp_path):
    def kv(*usages):
        return [f"KV cache metric: pod=p-{n}, usage={usage:.3f} ({100 * usage:.1f}%)" for n, usage in enumerate(usages)]

    def started(directory, *minutes):
        runs = [
            model_loop_run(60 * n, [*kv(*usages), observed(8, 20, replicas=held)])
            for n, (held, usages) in enumerate(minutes)
        ]
        return list(supply.starved_finding(run.load(write_run(directory, *runs, config={}))))

    calm, full = (1, (0.2,)), (2, (0.95,))
    assert started(tmp_path / "a", calm, full, (2, (0.97, 0.1)), calm, calm) == [
        "Pods were starved from minute 1.0 to 3.0, with 2 held and 1 to 2 ready replicas."
    ]
    # Of a single reconciliation it is not known for how long.
    assert started(tmp_path / "b", calm, full, calm, calm) == []
    assert started(tmp_path / "c", full, full, calm, full, full, full, calm) == [
        "Pods were starved from minute 3.0 to 6.0 (the longest of 2 such times), with 2 held and 1 ready replicas."
    ]


def test_a_target_above_all_that_was_held_is_a_finding(tmp_path):
    targets = [1, 9, 9, 2, 2]
    runs = [
        model_loop_run(60 * n, observed(8, 20, replicas=min(target, 4)), decided=decision(min(target, 4), target))
        for n, target in enumerate(targets)
    ]
    (found,) = supply.limit_finding(run.load(write_run(tmp_path / "a", *runs, config={})))
    assert found == (
        "WVA wanted up to 9 replicas and got 4 (as if by a limit of the scaler): in 2 reconciliations from minute 1.0 "
        "to 2.0 its target was above that."
    )
    once = run.load(write_run(tmp_path / "b", *runs[:2], *runs[3:], config={}))
    assert not list(supply.limit_finding(once))  # overtaken by the next decision


def test_means_are_of_the_load_window(tmp_path):
    idle = [model_loop_run(60 * n, observed(0, 0, rate_per_min=0)) for n in range(10)]
    load = [model_loop_run(60 * n, observed(8, 20, replicas=3)) for n in range(10, 13)]
    found = run.load(write_run(tmp_path, *idle, *load, config={}))
    held = supply.replicas_of(found.supply.steps, "held", found.supply.window, "x")
    assert held and (held.min, held.max, held.mean) == (3, 3, pytest.approx(3))
    assert held.replica_seconds == pytest.approx(360, abs=0.1)


@needs_captured
def test_the_limit_of_a_captured_run():
    told = supply.summarize_supply(captured(HIGH))
    assert (told["wanted_max"], told["held_max"], told["ready_max"]) == (28, 10, 10)
    (found,) = supply.limit_finding(captured(HIGH))
    assert found.startswith("WVA wanted up to 28 replicas and got 10")
