"""From no replica and to none."""

from __future__ import annotations

import json
from pathlib import Path

from logs import sample, stamp, write_run

from wva_parse import plots, run
from wva_parse.measures.summary import summarize
from wva_parse.report import words


def console(at_s: int, message: str, **values: object) -> str:
    return f"{stamp(at_s)}\tINFO\ta.go:1\t{message}\t{json.dumps(values)}\n"


def loop_run(at_s: int, current: int, target: int, waiting: int) -> str:
    model = {"modelID": "m", "namespace": "llm-d"}
    action = "scale-up" if target > current else "scale-down" if target < current else "no-change"
    decision = {"variant": "llm-d/llama-decode", "action": action, "target": target}
    return "".join(
        (
            console(at_s, "Grouped VAs by model", modelCount=1, totalVAs=1),
            console(at_s, "Processing model (V2)", **model, variantCount=1, groupKey="m|llm-d"),
            console(at_s, "scheduler-queue-demand", **model, eppQueueSize=waiting, eppQueueBytes=0, estimatedTokens=0),
            console(at_s, "Processing decision for VA", **decision, current=current),
            console(at_s, "Applied saturation decision via shared cache", **decision, reason=f"V2 {action}"),
            console(
                at_s, "Optimization completed successfully", mode="saturation", modelsProcessed=1, decisionsApplied=1
            ),
        )
    )


def load(directory: Path, log: str, samples: list[dict[str, object]]):
    write_run(directory, config={})
    (directory / run.LOG_NAME).write_text(log, encoding="utf-8")
    (directory / "cluster-samples.jsonl").write_text("".join(json.dumps(each) + "\n" for each in samples))
    return summarize(run.load(directory))["zero"]


def test_to_zero_and_from_it_again(tmp_path):
    told = console(40, "Target workload has pending requests, scaling up from zero", metricName="q", metric={}, value=3)
    kept = console(
        0, "Model will not scale to zero", modelID="m", namespace="llm-d", reasons="r", detail="not idle yet"
    )
    log = loop_run(0, 1, 1, 0) + kept + loop_run(15, 1, 0, 0) + loop_run(30, 0, 0, 0) + told + loop_run(45, 0, 1, 3)
    samples = [sample(at_s, wanted, ready) for at_s, wanted, ready in ((0, 1, 1), (20, 0, 0), (50, 1, 0), (160, 1, 1))]
    found = load(tmp_path / "r", log, samples)
    assert (found["to_zero"], found["from_zero"]) == (1, 1)
    assert found["reasons"] == {"V2 scale-down": 1, "V2 scale-up": 1, "requests wait": 1}
    assert found["kept_from_zero"] == {"not idle yet": 1}
    assert [round(wake["waited_s"]) for wake in found["wakes"]] == [120]
    assert words.about_zero({"zero": found}) == (
        "WVA decided once to leave a variant without a replica and once to give it one again (V2 scale-down (1), V2 "
        "scale-up (1), requests wait (1)). Models were kept from zero: not idle yet (1). From minute 0.7 on requests "
        "waited for a model without a ready replica; the first was ready not later than 120 s after it."
    )


def test_a_request_that_waits_to_the_end(tmp_path):
    found = load(tmp_path / "r", loop_run(0, 0, 1, 5), [sample(0, 0, 0), sample(60, 1, 0)])
    (wake,) = found["wakes"]
    assert (wake["waiting_minutes"], wake["waited_s"]) == (0, None)
    assert words.about_zero({"zero": found}).endswith("a ready replica; none was ready before the end.")
    assert words.about_zero({"zero": None}) == "No variant was left without a replica."


def test_without_zero_there_is_nothing_to_say(tmp_path):
    assert load(tmp_path / "r", loop_run(0, 1, 1, 5), [sample(0, 1, 1)]) is None


def test_the_schedulers_queue_is_drawn_beside_that_of_the_pods(tmp_path):
    write_run(tmp_path / "r", config={})
    (tmp_path / "r" / run.LOG_NAME).write_text(loop_run(0, 1, 1, 5) + loop_run(15, 1, 2, 57), encoding="utf-8")
    read = run.load(tmp_path / "r")
    assert summarize(read)["scheduler_queue"] == {"n": 2, "mean": 31, "max": 57}
    (axis,) = plots.queue_length(read).axes
    (drawn,) = (line for line in axis.lines if line.get_label() == "in the scheduler, before any pod")
    assert list(drawn.get_ydata()) == [5, 57]
