"""Both notebooks, executed: by papermill, by Jupyter, from anywhere; and the command that executes them."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import pandas as pd
import pytest
from captured import RUNS, needs_captured
from clients import failed_line, line, with_requests
from logs import capacity_loop_run, decision, model_loop_run, observed, solution, stamp, write_run

from wva_parse import analysis, run
from wva_parse.aligned.align import PAIR_COLUMNS
from wva_parse.log.rows import METRICS_COLUMNS
from wva_parse.optimizer.attribution import ATTRIBUTED_COLUMNS
from wva_parse.optimizer.price import PRICE_COLUMNS

pytestmark = pytest.mark.whole

ROOT = Path(__file__).parents[1]
CAPTURED = ("model-based-high-parallel-20251210-115341", "capacity-based-high-parallel-20251128-145238")
BOTH = ("metrics.csv", "summary.json", "ANALYSIS_SUMMARY.md", "analysis.ipynb", "report.html")
FILES = {
    "model-based": (
        "processed_data.csv",
        "price_of_slo.csv",
        "plots/price_of_slo.png",
        "plots/error_parts_over_time.png",
        "plots/prediction_vs_observation.png",
        "plots/scaling_behavior.png",
        "plots/prediction_error_distribution.png",
        "plots/arrival_rate.png",
        "plots/latencies.png",
    ),
    "capacity-based": (
        "kv_cache_aggregated.csv",
        "queue_aggregated.csv",
        "capacity_analysis.csv",
        "plots/kv_cache_utilization.png",
        "plots/queue_length.png",
        "plots/scaling_with_context.png",
        "plots/per_pod_kv_cache.png",
        "plots/arrival_rate.png",
        "plots/latencies.png",
    ),
}


REQUESTS = tuple(f"plots/{name}.png" for name in analysis.REQUEST_PLOTS)


def small_run(directory: Path, mode: str) -> Path:
    if mode == "model-based":
        runs = [model_loop_run(60 * n, observed(8 + n, 20), solution(9, 21), decision(1, 1)) for n in range(5)]
    else:
        runs = [capacity_loop_run(60 * n, {"a": (0.2 * n, n)}, seen=observed(8, 20)) for n in range(5)]
    return write_run(directory, *runs, config={"mode": mode})


def wva_parse(*arguments: str | Path, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "wva_parse", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, cwd=cwd, timeout=300)


@pytest.fixture(scope="module", params=list(FILES))
def analysed(request, tmp_path_factory):
    """A small run of each mode, in a directory with a blank, analysed once from another directory."""
    directory = small_run(tmp_path_factory.mktemp("a run") / f"{request.param}-20260101-000000", request.param)
    with_requests(directory, {"load": [*(line(str(n), 40 + n) for n in range(30)), failed_line("31")]})
    done = wva_parse("analyze", directory, "--html", cwd=tmp_path_factory.mktemp("elsewhere"))
    assert done.returncode == 0, done.stderr
    return request.param, directory, done


def test_analyze_leaves_every_file_and_says_where_to_look(analysed):
    mode, directory, done = analysed
    for name in (*BOTH, *FILES[mode], *REQUESTS):
        assert (directory / name).stat().st_size > 0, name
    assert done.stdout.strip() == str(directory / "report.html")
    assert "Traceback" not in done.stderr


def test_tables_have_their_columns(analysed):
    mode, directory, _ = analysed
    assert tuple(pd.read_csv(directory / "metrics.csv").columns) == METRICS_COLUMNS
    if mode == "model-based":
        assert tuple(pd.read_csv(directory / "processed_data.csv").columns) == (*PAIR_COLUMNS, *ATTRIBUTED_COLUMNS)
        assert tuple(pd.read_csv(directory / "price_of_slo.csv").columns) == PRICE_COLUMNS
        return
    aggregated = ["reconciliation", "timestamp", "minutes", "model", "pods", "mean", "max", "min"]
    assert list(pd.read_csv(directory / "kv_cache_aggregated.csv").columns) == aggregated
    assert list(pd.read_csv(directory / "queue_aggregated.csv").columns) == [*aggregated, "total"]
    analysis = pd.read_csv(directory / "capacity_analysis.csv")
    wanted = ["reconciliation", "model", "total_replicas", "non_saturated_replicas", "avg_spare_kv", "avg_spare_queue"]
    assert set(analysis.columns) >= {*wanted, "should_scale_up", "scale_down_safe"}
    assert len(analysis) == 5


def test_the_document_has_its_figures_and_no_error(analysed):
    _, directory, _ = analysed
    document = nbformat.read(directory / "analysis.ipynb", as_version=4)
    outputs = [output for cell in document.cells for output in cell.get("outputs", [])]
    assert not [output for output in outputs if output.output_type == "error"]
    assert sum("image/png" in output.get("data", {}) for output in outputs) >= 5 + len(REQUESTS)
    assert "31 requests were sent, 30 answered and 1 failed." in str(outputs)


def test_the_page_needs_no_network_and_shows_no_code(analysed):
    _, directory, _ = analysed
    page = (directory / "report.html").read_text()
    assert 'src="http' not in page
    assert "run.load(" not in page


@pytest.mark.parametrize("notebook", run.NOTEBOOKS.values(), ids=run.NOTEBOOKS)
def test_parameters_are_those_that_are_documented(notebook):
    document = nbformat.read(notebook, as_version=4)
    (cell,) = [cell for cell in document.cells if "parameters" in cell.metadata.get("tags", [])]
    names = [line.split(":")[0] for line in cell.source.splitlines()]
    stated = ["REPLICA_CAPACITY_PER_S", "PRICE_PER_GPU_HOUR", "SLO_ITL_MS", "SLO_TTFT_MS"]
    assert names == ["EXPERIMENT_DIR", "KV_CACHE_THRESHOLD", "QUEUE_THRESHOLD", *stated, "FORMATS"]
    assert all("#" in line for line in cell.source.splitlines())


COMPARING = ROOT / "compare-runs.ipynb"


def test_parameters_of_the_comparison():
    document = nbformat.read(COMPARING, as_version=4)
    (cell,) = [cell for cell in document.cells if "parameters" in cell.metadata.get("tags", [])]
    names = [line.split(":")[0] for line in cell.source.splitlines()]
    stated = ["REPLICA_CAPACITY_PER_S", "PRICE_PER_GPU_HOUR", "SLO_ITL_MS", "SLO_TTFT_MS"]
    assert names == ["RUNS", *stated, "OUTPUT", "FORMATS"]
    assert all("#" in line for line in cell.source.splitlines())


def test_runs_are_compared_from_anywhere(tmp_path):
    """Two modes on one load: figures of both, the numbers, and all of it in a directory."""
    work = {"name": "w", "rate_per_s": 10, "start": stamp(0), "end": stamp(240), "planned_start_s": 0, "sending_s": 240}
    for mode in FILES:
        directory = small_run(tmp_path / "runs" / f"{mode}-20260101-000000", mode)
        record = {"mode": mode, "status": "complete", "workloads": [work], "cooldown": {"end": stamp(300)}}
        (directory / "run.json").write_text(json.dumps(record))
    (tmp_path / "elsewhere").mkdir()
    given = {"RUNS": tmp_path / "runs" / "*", "OUTPUT": tmp_path / "out", "FORMATS": "png,pdf"}
    parameters = [text for name, value in given.items() for text in ("-p", name, str(value))]
    command = [sys.executable, "-m", "papermill", str(COMPARING), str(tmp_path / "document.ipynb"), *parameters]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        command, capture_output=True, text=True, cwd=tmp_path / "elsewhere", timeout=300, env=environment
    )
    assert done.returncode == 0, done.stderr
    written = {path.name for path in (tmp_path / "out").iterdir()}
    figures = {f"{name}.{kind}" for name in ("held_against_served", "both_modes_over_time") for kind in ("png", "pdf")}
    assert written == {"comparison.md", "comparison.html", *figures}
    document = nbformat.read(tmp_path / "document.ipynb", as_version=4)
    outputs = [output for cell in document.cells for output in cell.get("outputs", [])]
    assert sum("image/png" in output.get("data", {}) for output in outputs) == 2
    assert "On the same load model-based held" in str(outputs)


@pytest.mark.parametrize("notebook", [*run.NOTEBOOKS.values(), COMPARING], ids=[*run.NOTEBOOKS, "comparison"])
def test_notebooks_are_short_and_committed_without_outputs(notebook):
    document = nbformat.read(notebook, as_version=4)
    code = [cell for cell in document.cells if cell.cell_type == "code"]
    assert all(cell.outputs == [] and cell.execution_count is None for cell in code)
    assert sum(len(cell.source.splitlines()) for cell in code) < 60
    assert max(len(cell.source.splitlines()) for cell in code) < 15


def test_jupyter_takes_the_latest_run_of_the_mode(tmp_path):
    """As somebody would who opens the notebook and runs all cells: a copy of the project, nothing set."""
    for name in ("analyze-capacity-based.ipynb", "wva_parse"):
        source = ROOT / name
        (shutil.copytree if source.is_dir() else shutil.copy)(source, tmp_path / name)
    small_run(tmp_path / "experiment-data" / "old-20260101-000000", "capacity-based")
    latest = small_run(tmp_path / "experiment-data" / "new-20260102-000000", "capacity-based")
    small_run(tmp_path / "experiment-data" / "other-20260103-000000", "model-based")
    jupyter = [sys.executable, "-m", "jupyter", "execute", str(tmp_path / "analyze-capacity-based.ipynb")]
    done = subprocess.run(
        jupyter,
        capture_output=True,
        text=True,
        cwd=tmp_path,
        timeout=300,
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
    )
    assert done.returncode == 0, done.stderr
    assert (latest / "ANALYSIS_SUMMARY.md").is_file()
    assert not (tmp_path / "experiment-data" / "old-20260101-000000" / "plots").exists()


def test_one_bad_run_does_not_stop_the_others(tmp_path):
    good = small_run(tmp_path / "good", "model-based")
    (tmp_path / "bad").mkdir()
    done = wva_parse("analyze", tmp_path / "bad", good, tmp_path / "missing", "--jobs", "2", "--html")
    assert done.returncode == 2
    assert done.stdout.split() == [str(good / "report.html"), str(tmp_path / "index.html")]
    index = (tmp_path / "index.html").read_text()
    assert 'href="good/report.html"' in index
    assert index.count("Not analysed.") == 2
    assert "no wva-controller-logs.jsonl in it" in done.stderr
    assert "no such directory" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("content", "said"),
    [(b"", "the log is empty"), (b"\x7fELF\0\0\0", "binary data"), (b"hello\n", "none that a WVA controller prints")],
    ids=["empty", "binary", "another log"],
)
def test_bad_logs_are_one_line(tmp_path, content, said):
    (tmp_path / "wva-controller-logs.jsonl").write_bytes(content)
    done = wva_parse("analyze", tmp_path)
    assert done.returncode == 2
    assert said in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert not (tmp_path / "analysis.ipynb").exists()


def test_a_notebook_that_fails_leaves_its_document_and_the_others_go_on(tmp_path):
    """A directory in the place of a file that the notebook writes."""
    broken, good = (small_run(tmp_path / name, "model-based") for name in ("broken", "good"))
    (broken / "processed_data.csv").mkdir()
    done = wva_parse("analyze", broken, good, "--html")
    assert done.returncode == 1
    assert "the notebook failed: IsADirectoryError" in done.stderr
    assert "Traceback" not in done.stderr
    document = nbformat.read(broken / "analysis.ipynb", as_version=4)
    assert any(output.output_type == "error" for cell in document.cells for output in cell.get("outputs", []))
    assert 'href="broken/analysis.ipynb"' in (tmp_path / "index.html").read_text()
    assert (good / "report.html").is_file()


@needs_captured
@pytest.mark.parametrize("name", CAPTURED)
def test_captured_runs(name, tmp_path):
    directory = tmp_path / name
    shutil.copytree(RUNS / name, directory)
    for path in (directory, *directory.rglob("*")):
        path.chmod(0o755 if path.is_dir() else 0o644)
    done = wva_parse("analyze", directory)
    assert done.returncode == 0, done.stderr
    found = json.loads((directory / "summary.json").read_text())
    assert found["log"]["unrecognised"] == {}
    assert (found["requests"], found["slo"]["basis"]) == (None, "minutes")
    document = nbformat.read(directory / "analysis.ipynb", as_version=4)
    assert "There are no records of single requests." in str(document)
    assert (found["client"] is not None) == (directory / "job-logs").is_dir()
