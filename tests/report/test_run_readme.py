"""README.md of a run: what run.json and collection.json tell, and what they do not."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wva_parse.__main__ import main
from wva_parse.report import run_readme

RUN = {
    "name": "an-experiment",
    "mode": "model-based",
    "config": {"description": "Two loads", "model_name": "some/model", "deployment": "decode", "namespace": "llm"},
    "run_id": "20260102-030405",
    "repetition": {"number": 2, "of": 5, "series": "20260102-030405-abcd1234"},
    "start": "2026-01-02T03:04:05Z",
    "end": "2026-01-02T03:14:05Z",
    "status": "failed",
    "exit_status": 4,
    "clock": "cluster",
    "simulated": True,
    "speed": 30,
    "workloads": [
        {
            "name": "first",
            "rate_per_s": 10,
            "planned_start_s": 0,
            "planned_end_s": 60,
            "start": "2026-01-02T03:04:05Z",
            "end": "2026-01-02T03:05:05Z",
            "result": "complete",
            "reason": None,
        },
        {
            "name": "second",
            "rate_per_s": 0.5,
            "planned_start_s": 60,
            "planned_end_s": 120,
            "start": None,
            "end": None,
            "result": "failed",
            "reason": "Back-off pulling image",
        },
    ],
    "cooldown": {"start": "2026-01-02T03:05:05Z", "end": None},
    "project": {"commit": "0123abc", "dirty": True},
}
COLLECTION = {"lines": 176, "complete": False, "running": False, "reasons": ["pod a: a gap", "pod b: gone"]}

PAGE = """\
# an-experiment, 20260102-030405

**Simulated**: this run was made on the embedded cluster, at 30 times real time. Its numbers say nothing about real hardware.

Two loads

| | |
|---|---|
| status | failed (exit 4) |
| repetition | 2 of 5, series 20260102-030405-abcd1234 |
| mode | model-based |
| model | some/model |
| Deployment | decode in llm |
| start, end | 2026-01-02T03:04:05Z, 2026-01-02T03:14:05Z (the clock of the cluster side, UTC) |
| cooldown | 2026-01-02T03:05:05Z to none |
| controller log | 176 lines, may have gaps |
| project | commit 0123abc, with local changes |

## Workloads

| workload | req/s | planned (s) | start | end | result |
|---|---|---|---|---|---|
| first | 10 | 0 to 60 | 2026-01-02T03:04:05Z | 2026-01-02T03:05:05Z | complete |
| second | 0.5 | 60 to 120 |  |  | failed: Back-off pulling image |

## Possible gaps in the log

- pod a: a gap
- pod b: gone

## Files

- `wva-controller-logs.jsonl`: every line of the controller; `collection.json`: how it was collected
- `cluster-samples.jsonl`: replicas, variants and scaler over time; `cluster/`: their state before and after
- `job-logs/`: what the load generators reported; `requests/`: a line per request, of those that tell single ones
- `metrics.csv`: the controller's log in columns
- `run.json`, `plan.tsv`, `run.log`, `experiment-config.yaml`: what was planned and what happened

Analyse it with `wva-parse analyze experiment-data/an-experiment-20260102-030405`, or open `analyze-model-based.ipynb`.
"""  # noqa: E501  (one paragraph of the page is one line)


def write_record(directory, run=RUN, collection=COLLECTION):
    """A run's directory; texts are written as they are."""
    directory.mkdir()
    for name, value in (("run.json", run), ("collection.json", collection)):
        if value is not None:
            (directory / name).write_text(value if isinstance(value, str) else json.dumps(value), encoding="utf-8")
    return directory


def page_of(directory, capsys):
    assert main(["readme", str(directory)]) == 0
    answer = capsys.readouterr()
    assert (answer.out, answer.err) == (f"{directory / 'README.md'}\n", "")
    return (directory / "README.md").read_text(encoding="utf-8")


def test_a_run_by_hand(tmp_path, capsys):
    directory = write_record(tmp_path / "an-experiment-20260102-030405")
    assert page_of(directory, capsys) == PAGE
    assert page_of(directory, capsys) == PAGE
    assert sorted(path.name for path in directory.iterdir()) == ["README.md", "collection.json", "run.json"]


def test_a_complete_run_on_a_real_cluster_has_no_more_to_say(tmp_path, capsys):
    run = {**RUN, "simulated": False, "speed": None, "repetition": {"number": 1, "of": 1, "series": "s"}}
    page = page_of(write_record(tmp_path / "r", run, {"lines": 9, "complete": True, "reasons": []}), capsys)
    assert "| controller log | 9 lines, complete |\n" in page
    assert "Simulated" not in page
    assert "repetition" not in page
    assert "Possible gaps" not in page


def test_a_collection_that_did_not_end_is_not_complete():
    collection = {"lines": 176, "complete": True, "running": True, "reasons": []}
    assert run_readme.log_verdict(collection) == "176 lines when last noted, the collection did not end"


@pytest.mark.parametrize("collection", [None, "", "{}", '{"lines": 17', "[]", '{"complete": true}'])
def test_a_collection_that_tells_nothing_is_not_known(tmp_path, collection, capsys):
    page = page_of(write_record(tmp_path / "r", RUN, collection), capsys)
    assert "| controller log | not known: the collector has left no count of its lines |\n" in page
    assert "Possible gaps" not in page


def test_a_record_that_tells_only_a_name(tmp_path, capsys):
    page = page_of(write_record(tmp_path / "r", {"name": "an-experiment"}, None), capsys)
    assert page.startswith("# an-experiment, not known\n\n\n\n| | |\n")
    assert "| status | not known (exit not known) |\n" in page
    assert "| start, end | not known, not known (by which clock is not known, UTC) |\n" in page
    assert "| cooldown | none to none |\n" in page
    assert "|---|---|---|---|---|---|\n| not known |  |  |  |  |  |\n" in page
    assert page.endswith("Analyse it with `wva-parse analyze experiment-data/r`.\n")
    assert "None" not in page


def test_a_run_without_workloads_has_a_table_without_rows():
    page = run_readme.document("r", {**RUN, "workloads": []}, COLLECTION)
    assert "|---|---|---|---|---|---|\n\n## Possible gaps" in page


def test_text_stays_in_its_cell_and_as_it_was():
    work = {**RUN["workloads"][1], "reason": "a | b\nc & <d>", "rate_per_s": 2.0}
    page = run_readme.document("r", {**RUN, "workloads": [work]}, COLLECTION)
    assert "| second | 2 | 60 to 120 |  |  | failed: a \\| b c & <d> |\n" in page


@pytest.mark.parametrize("run", [None, "", "{}", "[]", '{"name": "an'])
def test_without_a_record_there_is_nothing_to_write(tmp_path, run, capsys):
    directory = write_record(tmp_path / "r", run)
    assert main(["readme", str(directory)]) == 2
    assert "no run.json in it, or not a whole one; expected the directory of a run" in capsys.readouterr().err
    assert not (directory / "README.md").exists()


def test_a_missing_directory_is_one_line_and_status_2(tmp_path, capsys):
    assert main(["readme", str(tmp_path / "none")]) == 2
    assert capsys.readouterr().err.endswith("none: no such directory; expected the directory of a run\n")


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.floats(-9, 9) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["of", "start", "commit"]), inner),
    max_leaves=4,
)


@given(
    st.dictionaries(st.sampled_from(sorted(RUN)), json_values),
    st.dictionaries(st.sampled_from(sorted(COLLECTION)), json_values),
)
def test_whatever_is_missing_or_odd_there_is_a_page(tmp_path_factory, run, collection):
    directory = write_record(tmp_path_factory.mktemp("odd") / "r", {"name": "n", **run}, collection)
    assert main(["readme", str(directory)]) == 0
    rows = [
        line for line in (directory / "README.md").read_text(encoding="utf-8").splitlines() if line.startswith("| ")
    ]
    assert any(row.startswith("| controller log | ") for row in rows)
