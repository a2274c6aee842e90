"""Replicas held and ready, the load window and starved time, against cases worked by hand and captured runs."""

from __future__ import annotations

import math

import orjson
import pandas as pd
import pytest
from captured import NAMES, captured, needs_captured
from logs import MODEL, NAMESPACE, capacity_loop_run, decision, model_loop_run, observed, sample, stamp, write_run

from wva_parse import run
from wva_parse.aligned import supply
from wva_parse.aligned.supply import LoadWindow, area_s, starved_s

# Window, held, ready and starved: s and replica-seconds, counted by hand from the raw logs.
CAPTURED = {
    "20251128-145238": (781.1, 1352.0, 1291.9, 90.1),
    "20251209-200028": (1320.7, 3301.7, 3001.6, 480.2),
    "20251126-182520": (540.2, 720.3, 600.2, 180.1),
    "20251127-181520": (630.8, 991.3, 901.3, 0),
    "20251209-141241": (1921.0, 2221.2, 2161.2, 120.1),
    "20251210-115341": (1321.2, 8288.8, 6847.6, 420.4),
    "20251128-182839": (631.0, 1202.1, 1051.9, 60.1),
    "20251203-144456": (600.5, 1981.5, 1501.0, 0),
    "20251208-220210": (2041.3, 4563.0, 3722.4, 0),
}


def counted(found: supply.Supply) -> tuple[float, float | None, float | None, float | None]:
    areas = (area_s(found.steps, column, found.window) for column in ("held", "ready"))
    return found.window.seconds, *areas, starved_s(found)


@needs_captured
@pytest.mark.parametrize("name", NAMES)
def test_captured_runs(name):
    if (stamped := name[-15:]) not in CAPTURED:
        pytest.skip("a run that nobody has counted by hand")
    assert counted(captured(name).supply) == pytest.approx(CAPTURED[stamped], abs=0.051)


def mismatch(spec: int, reporting: int) -> str:
    return f"Replica count mismatch for {NAMESPACE}/{MODEL}: spec={spec}, reporting_metrics={reporting}"


def pods(*usages: float) -> list[str]:
    return [f"KV cache metric: pod=p-{n}, usage={usage:.3f} ({100 * usage:.1f}%)" for n, usage in enumerate(usages)]


def supply_of(directory, *runs, **files) -> supply.Supply:
    return run.load(write_run(directory, *runs, config={}, **files)).supply


def test_what_is_held_is_the_spec_where_it_differs_from_the_pods_that_report(tmp_path):
    found = supply_of(
        tmp_path,
        model_loop_run(0, [*pods(0.1), observed(8, 20, replicas=1)]),
        model_loop_run(60, [mismatch(3, 1), *pods(0.95), observed(8, 20, replicas=1)]),
        model_loop_run(120, [*pods(0.1, 0.2, 0.3), observed(8, 20, replicas=3)]),
    )
    assert found.steps["held"].tolist() == [1, 3, 3]
    assert found.steps["ready"].tolist() == [1, 1, 3]
    assert found.by_variant["held"].tolist() == [1, 3, 3]
    assert (found.sources.held, found.sources.ready) == ("spec and observed", "pods and observed")
    # 60 s of one and 60 s of three; the last reconciliation's value holds for no known time.
    assert counted(found) == pytest.approx((120, 240, 120, 60), abs=0.1)


def test_decisions_tell_what_is_held_where_nothing_is_observed(tmp_path):
    """v0.0.5 logs no decision to change nothing: there observations fill the gaps."""
    runs = [
        model_loop_run(0, observed(8, 20, replicas=2)),
        model_loop_run(60, decided=decision(2, 4)),
        model_loop_run(120, observed(8, 20, replicas=4)),
    ]
    found = supply_of(tmp_path, *runs)
    assert found.steps["held"].tolist() == [2, 2, 4]
    assert found.steps["ready"].tolist() == [2, 2, 4]  # nobody says of the second, so the first still holds
    assert found.sources == ("observed and decisions", "observed")


def test_variants_and_models_add_up_and_a_silent_one_keeps_what_it_had(tmp_path):
    both = [observed(8, 20, replicas=1, variant="a"), observed(8, 20, replicas=2, variant="b")]
    found = supply_of(
        tmp_path, model_loop_run(0, both), model_loop_run(60, [observed(8, 20, replicas=4, variant="a"), both[1]])
    )
    assert found.steps["held"].tolist() == [3, 6]
    of_a = found.by_variant[found.by_variant["variant"] == "a"]
    assert of_a["held"].tolist() == of_a["ready"].tolist() == [1, 4]


def test_pods_of_several_variants_are_nobodys_own(tmp_path):
    both = [observed(8, 20, replicas=1, variant="a"), observed(8, 20, replicas=2, variant="b")]
    found = supply_of(tmp_path, model_loop_run(0, [*pods(0.1, 0.1), *both]))
    assert found.steps["ready"].tolist() == [2]  # two pods report
    assert found.by_variant["ready"].tolist() == [1, 2]  # as observed


def test_pods_of_twin_loop_runs_count_together(tmp_path):
    seen = observed(8, 20, replicas=1)
    first = model_loop_run(0, ["KV cache metric: pod=x, usage=0.100 (10.0%)", seen])
    second = model_loop_run(0.03, ["KV cache metric: pod=y, usage=0.100 (10.0%)", seen])
    assert supply_of(tmp_path, first, second).steps["ready"].tolist() == [2]


def test_samples_of_the_cluster_come_first(tmp_path):
    workload = {"name": "w", "start": stamp(60), "end": stamp(120), "rate_per_s": 20}
    record = {"workloads": [workload], "cooldown": {"end": stamp(150)}}
    at = write_run(tmp_path, *(model_loop_run(60 * n, observed(8, 20)) for n in range(4)), config={}, record=record)
    samples = [sample(70, 1, 1), sample(100, 3, 1), sample(130, 3, 3)]
    (at / "cluster-samples.jsonl").write_text("".join(f"{orjson.dumps(each).decode()}\n" for each in samples))
    found = run.load(at).supply
    assert found.sources == ("samples", "samples")
    # 60 to 100 s one, to 130 s three of which one is ready; then all. The window ends with what is known: at 130 s.
    assert counted(found) == (pytest.approx(70), pytest.approx(40 + 90), pytest.approx(70), None)


# --- the window


def test_the_window_is_from_the_first_load_to_two_minutes_after_the_last(tmp_path):
    rates = [0, 0, 600, 600, 0, 0, 0, 0]
    runs = [model_loop_run(60 * n, observed(8 if rate else 0, 20, rate_per_min=rate)) for n, rate in enumerate(rates)]
    found = run.load(write_run(tmp_path, *runs, config={}))
    assert found.supply.window == (0, pytest.approx(1 + 2), True)
    assert found.frames.reconciliations["minutes"].round(3).tolist() == [-2, -1, 0, 1, 2, 3, 4, 5]


def test_the_window_ends_with_the_log(tmp_path):
    assert supply_of(tmp_path, *(model_loop_run(60 * n, observed(8, 20)) for n in range(3))).window.seconds == 120


def test_the_single_request_with_which_a_generator_tries_the_server_is_no_load(tmp_path):
    runs = [
        model_loop_run(0, observed(7, 18, rate_per_min=0)),
        model_loop_run(60, observed(0, 0, rate_per_min=0)),
        model_loop_run(120, observed(8, 20, rate_per_min=600)),
        model_loop_run(180, observed(8, 20, rate_per_min=600)),
    ]
    found = run.load(write_run(tmp_path, *runs, config={}))
    assert found.supply.window.seconds == pytest.approx(60)
    assert found.frames.reconciliations["minutes"].iloc[0] == pytest.approx(-2)


def test_where_no_rate_is_logged_a_latency_is_load(tmp_path):
    runs = [model_loop_run(60 * n, observed(itl, 20)) for n, itl in enumerate((0, 8, 8))]
    without = [[(at_s, text.replace("arrivalRate=600.00", "arrivalRate=NaN")) for at_s, text in each] for each in runs]
    found = run.load(write_run(tmp_path, *without, config={}))
    assert found.frames["observed_metrics"]["arrival_rate_per_min"].isna().all()
    assert found.supply.window.seconds == pytest.approx(60)


def test_a_run_without_load_has_the_whole_log(tmp_path):
    runs = [model_loop_run(60 * n, observed(0, 0, rate_per_min=0)) for n in range(3)]
    assert supply_of(tmp_path, *runs).window == (0, pytest.approx(2), False)


# --- starved


@pytest.mark.parametrize(("usage", "queue", "is_starved"), [(0.9, 5, 0), (0.901, 5, 60), (0.9, 6, 60)])
def test_a_pod_is_starved_above_either_threshold(tmp_path, usage, queue, is_starved):
    states = [{"a": (usage, queue), "b": (0.1, 0)}, {"a": (0.1, 0)}, {"a": (0.1, 0)}]
    runs = [capacity_loop_run(60 * n, state, seen=observed(8, 20)) for n, state in enumerate(states)]
    assert starved_s(supply_of(tmp_path, *runs)) == pytest.approx(is_starved, abs=0.01)


def test_a_log_without_pods_does_not_tell_whether_any_was_starved(tmp_path):
    assert starved_s(supply_of(tmp_path, *(model_loop_run(60 * n, observed(8, 20)) for n in range(3)))) is None


# --- areas and limits


def test_area_over_a_window():
    steps = pd.DataFrame({"minutes": [1.0, 3.0, 5.0], "held": [2.0, math.nan, 4.0]})
    # The first value holds before it, too.
    assert area_s(steps, "held", LoadWindow(0, 6, True)) == 60 * (5 * 2 + 1 * 4)
    assert area_s(steps, "held", LoadWindow(5.5, 6, True)) == 60 * 0.5 * 4
    assert area_s(steps, "held", LoadWindow(6, 6, True)) is None
    assert area_s(steps.iloc[1:2], "held", LoadWindow(0, 6, True)) is None
    assert supply.within(steps, "held", LoadWindow(0, 5, True)).tolist() == [2]
    assert supply.within(steps, "held", LoadWindow(2, 6, True)).tolist() == [2, 4]


def scaler(kind: str, target: str, **spec) -> dict:
    return {"kind": kind, "spec": {"scaleTargetRef": {"name": target}, **spec}}


def test_the_limit_is_that_of_the_scalers_together():
    assert supply.limit_of([]) is None
    assert supply.limit_of([scaler("HorizontalPodAutoscaler", "a")]) is None
    owned = [
        scaler("HorizontalPodAutoscaler", "a", maxReplicas=10),
        scaler("ScaledObject", "a", maxReplicaCount=10),
        scaler("HorizontalPodAutoscaler", "b", maxReplicas=4),
    ]
    assert supply.limit_of(owned) == 14
