"""Run directories: found, read whole, and bad ones refused with a reason."""

from __future__ import annotations

import csv
import errno
import io
import json

import pytest
from logs import capacity_loop_run, decision, model_loop_run, observed, solution, stamp, write_run

from wva_parse import directories, run
from wva_parse.aligned.objectives import Slo
from wva_parse.log.benchmark import Client
from wva_parse.log.json_files import read_record
from wva_parse.log.lines import LogError
from wva_parse.log.rows import METRICS_COLUMNS
from wva_parse.measures.summary import summarize

MODEL_RUN = [
    model_loop_run(60 * number, observed(8 + number, 20), solution(9, 40), decision(1, 1)) for number in range(4)
]


@pytest.fixture
def data(tmp_path, monkeypatch):
    """An empty experiment-data/ that the package takes for the project's."""
    monkeypatch.setattr(directories, "PROJECT", tmp_path)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "experiment-data").mkdir()
    return tmp_path / "experiment-data"


def test_a_captured_run_is_read_whole(tmp_path):
    experiment = run.load(write_run(tmp_path / "r", *MODEL_RUN, config={"mode": "model-based", "expected": {"x": 1}}))
    assert experiment.mode == "model-based"
    assert len(experiment.alignment.pairs) == 3
    assert experiment.output == experiment.directory
    assert not experiment.simulated
    assert experiment.notes == ()


def test_window_is_first_workload_to_end_of_cooldown(tmp_path):
    record = {
        "status": "complete",
        "workloads": [{"start": stamp(130)}, {"start": stamp(50)}, {"start": None}],
        "cooldown": {"start": stamp(100), "end": stamp(125)},
    }
    experiment = run.load(write_run(tmp_path / "r", *MODEL_RUN, config={}, record=record))
    assert experiment.frames.reconciliations["reconciliation"].tolist() == [1, 2]
    assert any("2 reconciliations before the first workload" in note for note in experiment.notes)


def test_a_run_that_was_interrupted_before_its_load_is_taken_whole(tmp_path):
    record = {"status": "interrupted", "workloads": [{"start": None}], "cooldown": {"start": None, "end": None}}
    experiment = run.load(write_run(tmp_path / "r", *MODEL_RUN, config={}, record=record))
    assert len(experiment.frames.reconciliations) == 4
    assert any("interrupted" in note for note in experiment.notes)


def test_what_ran_counts_more_than_what_was_planned(tmp_path):
    runs = [capacity_loop_run(60 * number, {"a": (0.5, 0)}) for number in range(2)]
    experiment = run.load(write_run(tmp_path / "r", *runs, config={"mode": "model-based"}))
    assert experiment.mode == "capacity-based"
    assert any("config says model-based" in note for note in experiment.notes)


def test_simulated_runs_and_gaps_in_the_log_are_said(tmp_path):
    directory = write_run(tmp_path / "r", *MODEL_RUN, config={}, record={"simulated": True, "status": "complete"})
    (directory / "collection.json").write_text(json.dumps({"complete": False, "reasons": ["a pod vanished"]}))
    notes = run.load(directory).notes
    assert any(note.startswith("SIMULATED") for note in notes)
    assert any("a pod vanished" in note for note in notes)


@pytest.mark.parametrize(
    "content",
    ["a: [", "- a list\n", "\ufffe", "a: 2026-13-45", "a: " + "[" * 5000],
    ids=["broken YAML", "a list", "odd characters", "no date", "too deep"],
)
def test_a_config_that_cannot_be_read_is_a_note(tmp_path, content):
    directory = write_run(tmp_path / "r", *MODEL_RUN)
    (directory / "experiment-config.yaml").write_text(content, encoding="utf-8")
    assert any("experiment-config.yaml" in note for note in run.load(directory).notes)


def test_a_controller_that_changed_is_said(tmp_path):
    mode = (120, "Operating in HYBRID mode: saturation analyzer + model-based optimizer with arbitration")
    hybrid = [mode, *model_loop_run(120)[1:]]
    experiment = run.load(write_run(tmp_path / "r", *MODEL_RUN[:2], hybrid, config={}))
    assert (experiment.mode, experiment.mode_evidence) == (
        "model-based",
        "3 of 3 mode lines of the log: model-only, hybrid",
    )
    assert any("model-only (2 reconciliations), hybrid (1 reconciliations)" in note for note in experiment.notes)
    assert any("Several releases wrote the log (D2, D3)" in note for note in experiment.notes)
    # Of the newer one not a whole loop run.
    experiment = run.load(write_run(tmp_path / "s", *MODEL_RUN[:2], [mode], config={}))
    assert not any("Several releases" in note for note in experiment.notes)


def test_several_models_are_said(tmp_path):
    other = [
        (60, "Processing model: modelID=org/other, variantCount=1"),
        (60, observed(5, 9, variant="other")),
        *((60, text) for text in decision(1, 2, variant="other")),
    ]
    mode, grouped, *rest = model_loop_run(60, observed(8, 20), decided=decision(1, 1))
    experiment = run.load(write_run(tmp_path / "r", [mode, grouped, *other, *rest], config={}))
    assert any("2 models (org/other, unsloth/Meta-Llama-3.1-8B)" in note for note in experiment.notes)


@pytest.mark.parametrize("name", ["run.json", "collection.json"])
@pytest.mark.parametrize("content", ["", '{"status": "comp', "[1, 2]"], ids=["empty", "half", "a list"])
def test_a_record_that_cannot_be_read_is_a_note(tmp_path, name, content):
    directory = write_run(tmp_path / "r", *MODEL_RUN, config={})
    (directory / name).write_text(content)
    assert [note for note in run.load(directory).notes if note.startswith(name)]


def test_what_a_record_holds_in_the_wrong_form_counts_as_missing(tmp_path):
    record = {"workloads": ["x", None, {"start": stamp(50)}], "cooldown": "x", "tools": 3, "status": "complete"}
    directory = write_run(tmp_path / "r", *MODEL_RUN, config={}, record=record)
    assert read_record(directory / "run.json") == {"workloads": [{"start": stamp(50)}], "status": "complete"}
    (directory / "collection.json").write_text('{"complete": true, "containers": 3, "reasons": 5}')
    experiment = run.load(directory)
    assert experiment.frames.reconciliations["reconciliation"].tolist() == [1, 2, 3]
    assert experiment.collection == {"complete": True}


def test_slo_of_the_config_serves_logs_without_one(tmp_path):
    runs = [capacity_loop_run(60 * number, {"a": (0.5, 0)}, seen=observed(12, 20)) for number in range(2)]
    experiment = run.load(write_run(tmp_path / "r", *runs, config={"slo": {"itl_ms": 10, "ttft_ms": 1000}}))
    assert experiment.slo == (10, 1000, "config")


# --- which run


def test_latest_run_of_the_mode(data):
    for name in ("b-20260101-000000", "a-20260102-000000"):
        write_run(data / name, *MODEL_RUN, config={"mode": "model-based"})
    write_run(data / "c-20260103-000000", *MODEL_RUN, config={"mode": "capacity-based"})
    (data / "model-based-20260104-000000").mkdir()  # no log
    assert directories.find_run("", "model-based").name == "a-20260102-000000"
    assert directories.find_run("", "capacity-based").name == "c-20260103-000000"


def test_a_path_relative_to_the_project_is_found_from_anywhere(data, tmp_path_factory, monkeypatch):
    write_run(data / "r", *MODEL_RUN)
    monkeypatch.chdir(tmp_path_factory.mktemp("elsewhere"))
    assert directories.find_run("experiment-data/r") == (data / "r").resolve()


@pytest.mark.parametrize(
    ("prepare", "given", "message"),
    [
        (lambda data: None, "", "no model-based run below"),
        (lambda data: None, "nowhere", "no such directory"),
        (lambda data: (data / "r").mkdir(), "experiment-data/r", "no wva-controller-logs.jsonl"),
        (lambda data: write_run(data / "r"), "experiment-data/r/wva-controller-logs.jsonl", "a file; expected"),
        (lambda data: write_run(data / "r"), "experiment-data/r", "the log is empty"),
        (lambda data: _log(data, b"\x7fELF\0\0"), "experiment-data/r", "binary data"),
        (lambda data: _log(data, b"hello\nworld\n"), "experiment-data/r", "none that a WVA controller prints"),
    ],
    ids=["none", "missing", "without log", "a file", "empty log", "binary log", "another log"],
)
def test_bad_runs_are_refused_with_a_reason(data, prepare, given, message):
    prepare(data)
    with pytest.raises((directories.RunError, LogError), match=message):
        run.load(given, "model-based")


@pytest.mark.parametrize("name", ["cluster-samples.jsonl", "experiment-config.yaml", "job-logs/a.log"])
def test_a_file_that_may_not_be_read_is_named(tmp_path, monkeypatch, name):
    directory = write_run(tmp_path / "r", *MODEL_RUN, config={})
    (directory / "job-logs").mkdir()
    (directory / name).write_text("")
    really_open = io.open

    def refuse(path, *arguments):  # as the system does to anyone but root
        if path == directory / name:
            raise PermissionError(errno.EACCES, "Permission denied", str(path))
        return really_open(path, *arguments)

    monkeypatch.setattr(io, "open", refuse)
    with pytest.raises(directories.RunError, match=f"{name}: Permission denied"):
        run.load(directory)


@pytest.mark.parametrize(
    ("writable", "expected"), [({"r", "work"}, "r"), ({"work"}, "work/r-analysis"), (set(), "temporary/r-analysis")]
)
def test_results_go_where_they_can_be_written(tmp_path, monkeypatch, writable, expected):
    for name in ("r", "work", "temporary"):
        (tmp_path / name).mkdir()
    monkeypatch.chdir(tmp_path / "work")
    monkeypatch.setattr(directories.tempfile, "gettempdir", lambda: str(tmp_path / "temporary"))
    monkeypatch.setattr(directories.os, "access", lambda path, _: path.name in writable)  # root may write anywhere
    assert directories.output_of(tmp_path / "r") == tmp_path / expected


def test_results_go_where_it_is_said_but_into_no_other_run(tmp_path, monkeypatch):
    one, other = (write_run(tmp_path / name, *MODEL_RUN) for name in ("one", "other"))
    monkeypatch.chdir(tmp_path)
    assert run.load(one, output_dir="here/and there").output == tmp_path / "here" / "and there"
    assert run.load(one, output_dir=one).output == run.load(one).output == one
    with pytest.raises(directories.RunError, match="other: another run; expected a directory for the results of one"):
        run.load(one, output_dir=other)
    (tmp_path / "a file").write_text("")
    with pytest.raises(directories.RunError, match="a file: a file; expected a directory"):
        run.load(one, output_dir=tmp_path / "a file")


def test_a_metrics_csv_that_cannot_be_written_is_said(tmp_path):
    directory = write_run(tmp_path / "r", *MODEL_RUN)
    (directory / "metrics.csv").mkdir()
    with pytest.raises(directories.RunError, match="Is a directory"):
        run.write_metrics(directory)


def _log(data, content: bytes):
    (data / "r").mkdir()
    (data / "r" / run.LOG_NAME).write_bytes(content)


def test_no_mode_anywhere_is_refused(data):
    write_run(data / "r", [(0, "Grouped VAs by model: modelCount=1, totalVAs=1")])
    with pytest.raises(directories.RunError, match="tells no mode"):
        run.load(data / "r")


# --- metrics.csv


def test_metrics_csv_has_all_columns_in_order_and_zeros_as_logged(tmp_path):
    directory = write_run(tmp_path / "r", model_loop_run(0, observed(0, 0, rate_per_min=0), solution(9, 40)))
    target, counts = run.write_metrics(directory)
    with target.open(newline="", encoding="utf-8") as stream:
        header, *rows = csv.reader(stream)
    assert tuple(header) == METRICS_COLUMNS
    by_type = {row[METRICS_COLUMNS.index("event_type")]: dict(zip(METRICS_COLUMNS, row, strict=True)) for row in rows}
    assert set(by_type) == {"mode", "observed_metrics", "prediction"}
    assert by_type["observed_metrics"]["observed_itl_ms"] == "0.0"
    assert by_type["observed_metrics"]["predicted_itl_ms"] == ""
    assert by_type["prediction"]["predicted_itl_ms"] == "9.0"
    assert counts.recognised == counts.lines == 6


def test_metrics_csv_of_a_bad_log_leaves_the_old_file(tmp_path):
    directory = write_run(tmp_path / "r", *MODEL_RUN)
    target, _ = run.write_metrics(directory)
    before = target.read_bytes()
    (directory / run.LOG_NAME).write_text("nothing of WVA\n")
    with pytest.raises(LogError):
        run.write_metrics(directory)
    assert target.read_bytes() == before
    assert [path.name for path in directory.iterdir() if "part" in path.name] == []


def test_what_the_clients_left_is_read_by_job(tmp_path):
    block = "==== Serving Benchmark Result ====\nSuccessful requests: 4200\n" + "=" * 50
    (tmp_path / "a.log").write_text(block)
    (tmp_path / "b.log").write_bytes(b"\xff\xfe torn")
    client = run.read_client(tmp_path)
    assert [(result.job, result.completed) for result in client.results] == [("a", 4200)]
    assert [each.job for each in client.without] == ["b"]
    assert run.read_client(tmp_path / "missing") == Client()


def test_a_run_without_samples_has_none(tmp_path):
    assert list(run.read_samples(tmp_path / "cluster-samples.jsonl")) == []


def test_the_cluster_before_the_run_is_read_once(tmp_path):
    directory = write_run(tmp_path / "run", capacity_loop_run(0, {"a": (0.5, 0)}), config={})
    before = directory / "cluster" / "before"
    before.mkdir(parents=True)
    (before / "pods.json").write_text('[{"kind": "Pod"}, 7]')
    (before / "configmaps.json").write_text('[{"data": {"default": "kvSpareTrigger: 0.1"}}]')
    experiment = run.load(directory)
    assert experiment.before["pods"] == [{"kind": "Pod"}]
    assert experiment.before["controller"] == []
    assert experiment.before["configmaps"] == [{"data": {"default": "kvSpareTrigger: 0.1"}}]


# --- judged by other objectives


CAPACITY_RUN = [capacity_loop_run(60 * n, {"a": (0.2, 0)}, seen=observed(8 + n, 20)) for n in range(4)]


def test_a_given_slo_judges_whatever_the_log_says(tmp_path):
    directory = write_run(tmp_path / "r", *MODEL_RUN, config={})
    own = run.load(directory)
    assert (own.slo.itl_ms, own.slo.source) == (10, "log")
    assert own.alignment.pairs["slo_itl_violated"].tolist() == [False, False, True]  # observed 9, 10, 11
    given = run.load(directory, slo_itl_ms=9.5)
    assert given.slo == Slo(9.5, own.slo.ttft_ms, "given and log")
    assert given.alignment.pairs["slo_itl_violated"].tolist() == [False, True, True]
    assert run.with_slo(own, Slo(9.5, None, "given")).alignment.pairs.equals(given.alignment.pairs)


def test_a_run_without_an_slo_is_judged_by_that_of_the_others(tmp_path):
    model = run.load(write_run(tmp_path / "m", *MODEL_RUN, config={}))
    capacity = run.load(write_run(tmp_path / "c", *CAPACITY_RUN, config={}))
    assert run.NO_SLO in capacity.notes
    assert all(key in run.NO_SLO for key in ("slo.itl_ms", "slo.ttft_ms", "--slo-itl", "--slo-ttft"))
    _, judged = run.judge_alike([model, capacity], (), Slo())
    assert judged.slo == Slo(model.slo.itl_ms, model.slo.ttft_ms, "other runs")
    assert summarize(judged)["slo"]["itl_attainment"] == 0.75  # 8, 9 and 10 of 8 to 11
    assert run.NO_SLO not in judged.notes
    # Where others know another one, it cannot be said which.
    assert run.judge_alike([model, capacity], [Slo(15, 500, "log")], Slo())[1].slo == Slo()
    both = run.judge_alike([model, capacity], [Slo(15, 500, "log")], Slo(20, 900, "given"))
    assert {each.slo for each in both} == {Slo(20, 900, "given")}
    # A given one is of all, and the rest is as without it.
    _, judged = run.judge_alike([model, capacity], (), Slo(9.5, None, "given"))
    assert judged.slo == Slo(9.5, model.slo.ttft_ms, "given and other runs")


def test_the_load_of_an_old_run_is_read_from_what_its_config_names(tmp_path, monkeypatch):
    monkeypatch.setattr(directories, "PROJECT", tmp_path)
    (tmp_path / "jobs").mkdir()
    rows = [{"env": [{"name": "REQUEST_RATE", "value": "12"}]}]
    job = {"spec": {"template": {"spec": {"containers": rows}}}}
    (tmp_path / "jobs" / "told.yaml").write_text(json.dumps(job), encoding="utf-8")
    directory = write_run(tmp_path / "r", *MODEL_RUN)
    (directory / "experiment-config.yaml").write_text(
        "workloads:\n"
        "  - {name: a, start_delay: 0, duration: 90s, job_manifest: jobs/told.yaml}\n"
        "  - name: b\n    start_delay: 60\n    duration: 120\n    job_manifest: ../gone/load.yaml  # 7.5 req/s\n",
        encoding="utf-8",
    )
    assert [each[1:] for each in run.load(directory).schedule.workloads] == [
        (0, 90, 12, "manifest"),
        (60, 120, 7.5, "name"),
    ]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("{", "no 'run' and 'mode' in it"),
        ("[]", "no 'run' and 'mode' in it"),
        ('{"run": "a", "mode": "model-based", "schema": 3}', "its schema is 3; expected 1 or 2"),
        ('{"run": "a", "mode": "model-based"}', "its schema is None"),
    ],
)
def test_a_file_that_is_no_summary_says_what_was_expected(tmp_path, content, said):
    (tmp_path / "summary.json").write_text(content, encoding="utf-8")
    with pytest.raises(directories.RunError, match=said):
        run.read_summary(tmp_path / "summary.json")


@pytest.mark.parametrize(
    ("turned", "said"),
    [
        (lambda lines: lines, []),
        (lambda lines: lines[::-1], ["The log is newest first"]),
        (lambda lines: [*lines[len(lines) // 2 :], *lines[: len(lines) // 2]], ["The log's time goes back once"]),
    ],
)
def test_a_log_whose_time_goes_back_is_told(tmp_path, turned, said):
    directory = write_run(tmp_path / "r", *MODEL_RUN, config={"mode": "model-based"})
    log = directory / run.LOG_NAME
    log.write_text("".join(turned(log.read_text(encoding="utf-8").splitlines(keepends=True))), encoding="utf-8")
    told = [note for note in run.load(directory).notes if note.startswith(("The log is newest", "The log's time"))]
    assert [note.partition(" (")[0].partition(":")[0] for note in told] == said


def test_a_log_without_times_is_refused(tmp_path):
    directory = write_run(tmp_path / "r", *MODEL_RUN, config={"mode": "model-based"})
    log = directory / run.LOG_NAME
    log.write_text(log.read_text(encoding="utf-8").replace('"ts"', '"when"'), encoding="utf-8")
    with pytest.raises(LogError, match="its lines tell no time"):
        run.load(directory)
