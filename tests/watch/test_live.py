"""The live view: one line per reconciliation, made from the log and the record of the run."""

from __future__ import annotations

import json

from logs import capacity_loop_run, decision, line, model_loop_run, observed, solution, stamp, text, write_run

from wva_parse.watch.live import follow
from wva_parse.watch.text import LEGEND, Lines, one_line

RECORD = {
    "status": "running",
    "workloads": [
        {"name": "first", "rate_per_s": 10, "planned_end_s": 360, "start": stamp(0), "end": None},
        {"name": "second", "rate_per_s": 15, "planned_end_s": 480, "start": stamp(120), "end": stamp(170)},
    ],
}


def lines(directory, sleep=lambda seconds: None) -> list[str]:
    shown: list[str] = []
    follow(directory, lambda views, _load: shown.extend(map(one_line, views)), sleep)
    return shown


def last_line(directory) -> str:
    return lines(directory)[-1]


def finished(tmp_path, *loop_runs):
    return write_run(tmp_path / "r", *loop_runs, record={**RECORD, "status": "complete"})


def test_a_model_based_reconciliation(tmp_path):
    directory = finished(tmp_path, model_loop_run(130, observed(12.34, 900), solution(9, 40), decision(1, 3)))
    assert last_line(directory) == (
        "2:10  load 25 req/s (first + second)  5:50 of load left  replicas 1→3  ITL 12.3/10 ms  TTFT 900.0/1000 ms"
    )


def test_when_all_have_ended_no_load_is_left(tmp_path):
    """Though the second one began sooner after the first than planned; what follows is the wait for answers."""
    first = {**RECORD["workloads"][0], "sending_start": stamp(3), "sending_s": 360}
    second = {**RECORD["workloads"][1], "sending_start": stamp(120), "sending_s": 360, "end": stamp(500)}
    record = {"status": "complete", "workloads": [first, second]}
    directory = write_run(tmp_path / "r", *(model_loop_run(s, observed(12, 900)) for s in (470, 480)), record=record)
    before, after = lines(directory)
    assert before.startswith("7:47  load 15 req/s (second)  0:13 of load left  ")
    assert after.startswith("7:57  load 0 req/s  ITL")


def test_a_workload_whose_pod_never_ran_is_no_load(tmp_path):
    """Its Job was there for two minutes: neither then nor afterwards is anything left of it."""
    first = {**RECORD["workloads"][0], "running_start": stamp(2), "sending_start": stamp(3), "sending_s": 360}
    second = {**RECORD["workloads"][1], "running_start": None, "sending_start": None, "end": stamp(240)}
    record = {"status": "complete", "workloads": [{**first, "end": stamp(365)}, {**second, "planned_end_s": 900}]}
    directory = write_run(tmp_path / "r", *(model_loop_run(s, observed(12, 900)) for s in (200, 400)), record=record)
    during, after = lines(directory)
    assert during.startswith("3:17  load 10 req/s (first)  ")
    assert after.startswith("6:37  load 0 req/s  ITL")


def test_a_capacity_based_reconciliation_without_slo(tmp_path):
    pods = {"a": (0.5, 3), "b": (0.91, 4)}
    directory = finished(tmp_path, capacity_loop_run(200, pods, seen=observed(0, 0), current=2, target=2))
    assert last_line(directory) == (
        "3:20  load 10 req/s (first)  4:40 of load left  replicas 2→2  ITL idle  TTFT idle  KV 91 %  queue 7"
    )


def test_a_console_release_tells_its_pods_latencies_and_whole_numbers(tmp_path):
    pod = {"pod": "p"}
    said = [
        ("Grouped VAs by model", {"modelCount": 1, "totalVAs": 1}),
        ("KV cache metric", {**pod, "usage": 1, "usagePercent": 100}),
        *(("Avg ITL metric", {"pod": name, "avgITLSeconds": itl_s}) for name, itl_s in (("p", 0.01), ("q", 0.03))),
        *(
            ("Scheduler dispatch rate metric", {"pod": name, "arrivalRate": rate})
            for name, rate in (("p", 3), ("q", 1))
        ),
        ("Avg TTFT metric", {**pod, "avgTTFTSeconds": 0}),
        ("Processing decision for VA", {"variant": "ns/v", "action": "scale-up", "current": 1, "target": 2}),
    ]
    directory = finished(tmp_path)
    entries = (f"{stamp(10)}\tLEVEL(-4)\tengine.go:1\t{message}\t{json.dumps(values)}\n" for message, values in said)
    (directory / "wva-controller-logs.jsonl").write_text("".join(entries))
    assert last_line(directory).endswith("  replicas 1→2  ITL 15.0 ms  TTFT idle  KV 100 %")


def test_before_the_first_workload_and_with_a_failure(tmp_path):
    failure = "Model-based optimization failed: no feasible allocations found for all variants: "
    directory = finished(
        tmp_path, [(-30, "Operating in MODEL-ONLY mode: model-based optimization only"), (-30, failure)]
    )
    assert last_line(directory) == "before load  PROBLEM: no feasible allocations found for all variants"


def test_lines_come_as_the_log_grows_whatever_its_pieces(tmp_path):
    directory = write_run(tmp_path / "r", record=RECORD)
    log = directory / "wva-controller-logs.jsonl"
    content = text(*(model_loop_run(60 * n, observed(8, 20), decided=decision(1, 1)) for n in range(3))).encode()
    pieces = [content[: len(content) // 3 + 7], content[len(content) // 3 + 7 :]]

    def grow(_seconds: float) -> None:
        if pieces:
            with log.open("ab") as stream:
                stream.write(pieces.pop(0))
        else:
            (directory / "run.json").write_text(json.dumps({**RECORD, "status": "complete"}))

    assert [shown.split("  ")[0] for shown in lines(directory, grow)] == ["0:00", "1:00", "2:00"]


def test_a_reconciliation_that_is_read_in_two_pieces_is_told_once_when_it_has_decided(tmp_path):
    directory = write_run(tmp_path / "r", record=RECORD)
    seen = text(model_loop_run(0, observed(8, 20))).encode()
    decided = text([(0, part) for part in decision(1, 2)]).encode()
    undecided = text(model_loop_run(60, observed(9, 20))).encode()
    pieces = [seen, decided, undecided]
    told, printed = Lines(), list[list[str]]()

    def grow(_seconds: float) -> None:
        if pieces:
            with (directory / "wva-controller-logs.jsonl").open("ab") as stream:
                stream.write(pieces.pop(0))
        else:
            (directory / "run.json").write_text(json.dumps({**RECORD, "status": "complete"}))

    follow(directory, lambda views, _load: printed.append(list(told.of(views))), grow)
    whole = "0:00  load 10 req/s (first)  8:00 of load left  replicas 1→2  ITL 8.0 ms  TTFT 20.0 ms"
    assert [each for each in printed if each] == [[LEGEND, whole]]
    assert [line.split("  ")[0] for line in told.rest()] == ["1:00"]


def test_the_clock_is_that_of_the_plan_and_says_what_is_starting(tmp_path):
    starting = {**RECORD["workloads"][0], "start": stamp(2), "running_start": None, "sending_start": None}
    sending = {**starting, "running_start": stamp(20), "sending_start": stamp(30), "sending_s": 360}
    loop_runs = [model_loop_run(s, observed(0, 0)) for s in (-10, 10, 40)]
    for work, expected in (
        (starting, ["before load", "0:10  load 0 req/s  starting: first", "0:40  load 0 req/s  starting: first"]),
        (sending, ["before load", "0:10  load 0 req/s  starting: first", "0:40  load 10 req/s (first)"]),
    ):
        record = {"status": "complete", "plan_start": stamp(0), "workloads": [work]}
        directory = write_run(tmp_path / str(len(expected[2])), *loop_runs, record=record)
        for shown, beginning in zip(lines(directory), expected, strict=True):
            assert shown.startswith(beginning)


def test_of_several_clients_it_is_said_how_many_send(tmp_path):
    work = {**RECORD["workloads"][0], "rate_per_s": 12, "clients": 3, "clients_running": 2}
    record = {"status": "complete", "plan_start": stamp(0), "workloads": [work]}
    directory = write_run(tmp_path, model_loop_run(40, observed(0, 0)), record=record)
    assert last_line(directory).startswith("0:40  load 8 req/s (first: 2 of 3 clients)")
    work["clients_running"] = 3
    (directory / "run.json").write_text(json.dumps(record))
    assert last_line(directory).startswith("0:40  load 12 req/s (first)")


def test_a_run_without_log_ends_in_silence(tmp_path):
    directory = tmp_path / "r"
    directory.mkdir()
    (directory / "run.json").write_text(json.dumps({"status": "failed"}))
    assert lines(directory) == []


def test_lines_of_no_meaning_show_nothing(tmp_path):
    directory = finished(tmp_path)
    (directory / "wva-controller-logs.jsonl").write_text("I0101 klog\n" + line(0, "Starting workers") + "\n")
    assert lines(directory) == []


def test_variants_are_told_apart_by_what_differs_in_their_names(tmp_path):
    both = [
        (0, "Operating in MODEL-ONLY mode: model-based optimization only"),
        *((0, text) for name in ("ms-llama-decode", "ms-llama-decode-2") for text in decision(1, 2, name)),
    ]
    assert last_line(finished(tmp_path, both)).endswith("  decode:  replicas 1→2  decode-2:  replicas 1→2")
