"""The notebooks, executed: by papermill, by Jupyter, from anywhere; and the command that executes them."""

from __future__ import annotations

import base64
import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import nbformat
import pandas as pd
import papermill
import pytest
from captured import RUNS, needs_captured
from clients import failed_line, line, with_requests
from logs import capacity_loop_run, decision, model_loop_run, observed, solution, write_run

from wva_parse import analysis, comparison, directories
from wva_parse.aligned.align import PAIR_COLUMNS
from wva_parse.log.rows import METRICS_COLUMNS
from wva_parse.optimizer.attribution import ATTRIBUTED_COLUMNS
from wva_parse.optimizer.price import PRICE_COLUMNS

pytestmark = pytest.mark.whole

ROOT = Path(__file__).parents[1]
COMPARE = ROOT / "compare-runs.ipynb"
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
    assert not [output.text for output in outputs if output.get("name") == "stderr"]  # nothing in red
    assert sum("image/png" in output.get("data", {}) for output in outputs) >= 5 + len(REQUESTS)
    assert "31 requests were sent, 30 answered and 1 failed." in str(outputs)
    shown = {base64.b64decode(data["image/png"]) for each in outputs if "image/png" in (data := each.get("data", {}))}
    assert shown <= {path.read_bytes() for path in (directory / "plots").glob("*.png")}  # drawn once for both


def test_the_page_needs_no_network_and_shows_no_code(analysed):
    _, directory, _ = analysed
    page = (directory / "report.html").read_text()
    assert 'src="http' not in page
    assert "run.load(" not in page


def contents(directory: Path) -> dict[str, bytes]:
    """Every file below a directory; of an executed notebook what it shows, as it also has its times."""
    found = {}
    for path in sorted(each for each in directory.rglob("*") if each.is_file()):
        name = str(path.relative_to(directory))
        found[name] = path.read_bytes()
        if path.suffix == ".ipynb":
            document = nbformat.read(path, as_version=4)
            cells = [cell for cell in document.cells if "injected-parameters" not in cell.metadata.get("tags", [])]
            outputs = [[each for each in cell.get("outputs", []) if each.get("name") != "stderr"] for cell in cells]
            found[name] = json.dumps([[cell.source for cell in cells], outputs]).encode()
    return found


def test_what_an_analysis_writes_is_what_it_removes(analysed):
    _, directory, _ = analysed
    given = (
        "wva-controller-logs.jsonl",
        "experiment-config.yaml",
        "run.json",
        "requests/load.csv",
        "job-logs/load.log",
    )
    assert set(contents(directory)) - set(given) <= analysis.own_files()
    assert not analysis.own_files().intersection(given)


@pytest.mark.parametrize("mode", FILES)
def test_a_second_analysis_leaves_nothing_of_the_first_one(tmp_path, mode):
    """What a run has after two analyses with different parameters is what the second alone writes, elsewhere."""
    twice, fresh = (small_run(tmp_path / name / "r-20260101-000000", mode) for name in ("twice", "fresh"))
    for directory in (twice, fresh):
        with_requests(directory, {"load": [line(str(n), 40 + n) for n in range(30)]})
        (directory / "plots").mkdir()
        for name in ("plots/mine.svg", "plots/mine.png", "notes.csv"):
            (directory / name).write_text("mine")
    data = contents(fresh)
    first = ("--html", "--format", "png,svg,pdf", "--slo-itl", "9")
    second = ("--kv-cache-threshold", "0.5", "--queue-threshold", "1", "--slo-itl", "11", "--format", "pdf")
    (tmp_path / "work").mkdir()
    for arguments in ((twice, *first), (twice, *second), (fresh, *second, "--output-dir", "place")):
        done = wva_parse("analyze", *arguments, cwd=tmp_path / "work")
        assert done.returncode == 0, done.stderr
    output = tmp_path / "work" / "place"
    assert done.stdout.strip() == str(output / "ANALYSIS_SUMMARY.md")
    assert contents(fresh) == data
    assert contents(twice) == {**data, **contents(output)}
    assert {"plots/overview.pdf", "analysis.ipynb", "metrics.csv"} <= set(contents(output))
    assert not {"plots/overview.png", "plots/overview.svg", "report.html"} & set(contents(output))
    summary = json.loads((output / "summary.json").read_text())
    assert summary["slo"]["itl_ms"] == 11
    assert mode == "model-based" or (summary["kv_cache"]["threshold"], summary["queue"]["threshold"]) == (0.5, 1)


@pytest.mark.parametrize("mode", FILES)
def test_without_the_notebook_the_same_files_are_written(tmp_path, mode):
    options = ("--html", "--slo-itl", "11", "--kv-cache-threshold", "0.5")
    found = []
    for more in ((), ("--no-notebook",)):
        directory = small_run(tmp_path / ("plain" if more else "notebook") / "r-20260101-000000", mode)
        done = wva_parse("analyze", directory, *options, *more)
        assert done.returncode == 0, done.stderr
        assert done.stdout.strip() == str(directory / "report.html")
        found.append(contents(directory))
    with_notebook, without = found
    assert with_notebook.pop("analysis.ipynb")
    assert with_notebook == without


def test_a_run_that_ran_in_another_mode_than_planned_gets_the_notebook_of_what_it_ran_in(tmp_path):
    directory = small_run(tmp_path / "model-based-20260101-000000", "capacity-based")
    (directory / "run.json").write_text('{"mode": "model-based"}')
    done = wva_parse("analyze", directory)
    assert done.returncode == 0, done.stderr
    document = (directory / "analysis.ipynb").read_text()
    assert "Did the autoscaler react in time?" in document
    assert {"kv_cache_aggregated.csv", "plots/spare_capacity.png"} <= set(contents(directory))
    assert "processed_data.csv" not in contents(directory)


def test_a_run_that_cannot_be_read_keeps_the_analysis_that_it_has(tmp_path):
    directory = small_run(tmp_path / "r", "model-based")
    (directory / "wva-controller-logs.jsonl").write_text("no log\n")
    (directory / "analysis.ipynb").write_text("an earlier one")
    done = wva_parse("analyze", directory)
    assert done.returncode == 2
    assert "none that a WVA controller prints" in done.stderr and "Traceback" not in done.stderr
    assert (directory / "analysis.ipynb").read_text() == "an earlier one"
    assert not list(directory.glob(".analysis*"))
    for more in ((), ("--no-notebook",)):
        assert wva_parse("analyze", directory, "--output-dir", tmp_path / "elsewhere", *more).returncode == 2
        assert not (tmp_path / "elsewhere").exists()


def test_what_is_in_the_way_of_one_run_does_not_stop_the_others(tmp_path):
    runs = [small_run(tmp_path / name, "model-based") for name in ("a", "b", "c")]
    (runs[0] / "report.html").mkdir()
    (runs[1] / "plots").write_text("a file")
    done = wva_parse("analyze", *runs, "--html", "--no-notebook", "--jobs", "1")
    assert done.returncode == 1 and "Traceback" not in done.stderr
    assert f"{runs[0]}: " in done.stderr and "Is a directory" in done.stderr
    assert "a file where the directory of figures belongs" in done.stderr
    assert (runs[2] / "report.html").is_file() and (tmp_path / "index.html").is_file()
    (tmp_path / "file").write_text("")
    done = wva_parse("analyze", runs[2], "--no-notebook", "--output-dir", tmp_path / "file" / "below")
    assert done.returncode == 2 and "Not a directory" in done.stderr


@pytest.mark.skipif(not Path("/proc/self/cmdline").exists(), reason="no /proc to find a child in")
def test_a_process_that_is_killed_costs_no_run(tmp_path):
    runs = [small_run(tmp_path / name, "model-based") for name in ("a", "b", "c", "d")]
    command = [sys.executable, "-m", "wva_parse", "analyze", *runs, runs[0], "--html", "--no-notebook", "--jobs", "2"]
    analysis_of_all = subprocess.Popen(
        command, cwd=directories.PROJECT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    deadline = time.monotonic() + 60
    while not (workers := workers_of(analysis_of_all.pid)):
        assert time.monotonic() < deadline and analysis_of_all.poll() is None
        time.sleep(0.02)
    os.kill(workers[0], signal.SIGKILL)
    out, err = analysis_of_all.communicate(timeout=120)
    assert analysis_of_all.returncode == 0, err
    assert "Traceback" not in err and err.count("done") == 4
    assert all((directory / "report.html").is_file() for directory in runs)
    assert out.count("report.html") == 4 and "index.html" in out


def workers_of(pid: int) -> list[int]:
    """The processes that a pool has started."""
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            parent = int(path.read_text().rpartition(")")[2].split()[1])
            if parent == pid and b"spawn_main" in (path.parent / "cmdline").read_bytes():
                found.append(int(path.parent.name))
    return found


def test_an_analysis_without_notebook_that_fails_says_so_and_goes_on(tmp_path):
    runs = [small_run(tmp_path / name, "model-based") for name in ("a", "b")]
    (runs[0] / "summary.json").mkdir()  # no place for a result
    done = wva_parse("analyze", *runs, "--no-notebook")
    assert done.returncode == 1
    assert "a: the analysis failed: IsADirectoryError" in done.stderr and "Traceback" not in done.stderr
    assert (runs[1] / "summary.json").is_file()


def test_output_directories_of_several_runs(tmp_path):
    runs = [small_run(tmp_path / name, "model-based") for name in ("a", "b")]
    twin = small_run(tmp_path / "elsewhere" / "a", "model-based")
    output = tmp_path / "out"
    done = wva_parse("analyze", *runs, "--html", "--output-dir", output)
    assert done.stdout.split() == [*(str(output / name / "report.html") for name in "ab"), str(output / "index.html")]
    assert 'href="b/report.html"' in (output / "index.html").read_text()
    assert [path.name for path in runs[0].iterdir()] == [path.name for path in twin.iterdir()]
    done = wva_parse("analyze", runs[0], twin, "--output-dir", output)
    assert done.returncode == 2 and "two of the runs are called a" in done.stderr
    done = wva_parse("analyze", runs[0], "--output-dir", runs[1])
    assert done.returncode == 2 and "b: another run; expected a directory for the results of a" in done.stderr
    assert not (runs[1] / "analysis.ipynb").exists()


@pytest.mark.parametrize("notebook", directories.NOTEBOOKS.values(), ids=directories.NOTEBOOKS)
def test_parameters_are_those_that_are_documented(notebook):
    document = nbformat.read(notebook, as_version=4)
    (cell,) = [cell for cell in document.cells if "parameters" in cell.metadata.get("tags", [])]
    names = [line.split(":")[0] for line in cell.source.splitlines()]
    stated = ["REPLICA_CAPACITY_PER_S", "PRICE_PER_GPU_HOUR", "SLO_ITL_MS", "SLO_TTFT_MS"]
    assert names == ["EXPERIMENT_DIR", "KV_CACHE_THRESHOLD", "QUEUE_THRESHOLD", *stated, "FORMATS", "OUTPUT_DIR"]
    assert all("#" in line for line in cell.source.splitlines())


def test_parameters_of_the_comparison_are_those_that_are_documented():
    document = nbformat.read(COMPARE, as_version=4)
    (cell,) = [cell for cell in document.cells if "parameters" in cell.metadata.get("tags", [])]
    names = [line.split(":")[0] for line in cell.source.splitlines()]
    judged_by = ["SLO_ITL_MS", "SLO_TTFT_MS", "REPLICA_CAPACITY_PER_S", "PRICE_PER_GPU_HOUR"]
    assert names == ["RUNS", *judged_by, "FORMATS", "OUTPUT"]
    assert all("#" in line for line in cell.source.splitlines())


def compared(tmp_path: Path, **parameters: str) -> str:
    """The outputs of the comparison's notebook, executed in a directory without a project."""
    elsewhere = tmp_path / "else where"
    elsewhere.mkdir()
    done = papermill.execute_notebook(
        str(COMPARE), None, parameters, kernel_name="python3", progress_bar=False, cwd=str(elsewhere)
    )
    assert list(elsewhere.iterdir()) == []
    return str([cell.get("outputs") for cell in done.cells])


def test_the_comparison_runs_from_anywhere_and_writes_only_what_is_asked_for(tmp_path):
    for mode in FILES:
        small_run(tmp_path / "runs" / f"{mode}-20260101-000000", mode)
    before = sorted(path for path in (tmp_path / "runs").rglob("*"))
    output = tmp_path / "paper"
    said = compared(tmp_path, RUNS=str(tmp_path / "runs" / "*"), OUTPUT=str(output), FORMATS="pdf")
    assert "On the same load model-based held" in said and said.count("image/png") == 2
    assert {path.name for path in output.iterdir()} == {
        *(f"comparison.{ending}" for ending in ("csv", "html", "md", "tex")),
        *(f"{name}.pdf" for name in comparison.PLOTS),
    }
    assert sorted(path for path in (tmp_path / "runs").rglob("*")) == before


@needs_captured
def test_the_comparison_of_captured_runs(tmp_path):
    names = ("model-based-high-parallel-20251210-115341", "capacity-based-high-parallel-20251209-200028")
    said = compared(tmp_path, RUNS=",".join(str(RUNS / name) for name in names))
    assert (
        "model-based held 2.5 times the replica-hours and by the clients' means its TPOT was 31 % lower and its TTFT "
        "57 % lower; both were starved (model-based 7 min, capacity-based 8 min, first from minute 3 on). One run "
        "against one: no interval can be given."
    ) in said


@pytest.mark.parametrize(
    "notebook", [*directories.NOTEBOOKS.values(), COMPARE], ids=[*directories.NOTEBOOKS, "compare"]
)
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
