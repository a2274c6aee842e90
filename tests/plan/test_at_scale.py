"""Analyses of many runs in a cluster: the documentation's manifests, as a server takes and a shell runs them."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from logs import model_loop_run, observed, solution, write_run

from wva_parse.plan import config
from wva_parse.plan.documents import read_document

AT_SCALE = config.PROJECT / "docs" / "at-scale"
ANALYZE, COMPARE = AT_SCALE / "analyze.yaml", AT_SCALE / "compare.yaml"


def container(path: Path) -> dict:
    (found,) = read_document(path).data["spec"]["template"]["spec"]["containers"]
    return found


def run_container(path: Path, runs: Path, **more: str) -> subprocess.CompletedProcess[str]:
    """Its command, with the image's shell and this tool; `more` is what the manifest or the cluster sets."""
    given = {each["name"]: each["value"] for each in container(path)["env"]}
    shell, *arguments = container(path)["command"]
    environment = {
        **os.environ,
        **given,
        "RUNS": str(runs),
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        **more,
    }
    return subprocess.run([shell, *arguments], env=environment, capture_output=True, text=True)


@pytest.mark.parametrize("path", [ANALYZE, COMPARE], ids=["analyze", "compare"])
def test_a_restricted_namespace_takes_them(kubectl, restricted, path):
    answer = kubectl("create", "--namespace", restricted, "--dry-run=server", "--validate=strict", "-f", path)
    assert (answer.returncode, answer.stderr) == (0, "")


def test_there_is_a_pod_for_each_slice():
    spec = read_document(ANALYZE).data["spec"]
    (slices,) = (each["value"] for each in container(ANALYZE)["env"] if each["name"] == "SLICES")
    assert spec["completionMode"] == "Indexed"
    assert spec["completions"] == spec["parallelism"] == int(slices)


@pytest.mark.skipif(shutil.which("sh") is None, reason="no sh")
def test_each_run_is_analysed_by_one_pod_and_one_that_cannot_be_stops_none(tmp_path):
    names = [f"r {number}-20260101-00000{number}" for number in range(4)]  # a blank in each
    names[0] = "--help"  # before all others
    for name in names:
        write_run(
            tmp_path / name, model_loop_run(0, observed(9, 20), solution(9.5, 21)), config={"mode": "model-based"}
        )
    (tmp_path / names[2] / "wva-controller-logs.jsonl").write_text("no log\n")
    said = []
    for index in range(3):
        done = run_container(ANALYZE, tmp_path, SLICES="3", JOB_COMPLETION_INDEX=str(index), JOBS="1")
        assert done.returncode == 0, done.stderr
        said.append(done.stdout.splitlines()[0])
        assert ("none that a WVA controller prints" in done.stderr) == (index == 2)
    assert said == ["2 runs to analyse", "1 runs to analyse", "1 runs to analyse"]
    analysed = [name for name in names if (tmp_path / name / "report.html").is_file()]
    assert analysed == [names[0], names[1], names[3]]
    again = run_container(ANALYZE, tmp_path, SLICES="3", JOB_COMPLETION_INDEX="0", JOBS="1")
    assert (again.returncode, again.stdout) == (0, "0 runs to analyse\n")

    done = run_container(ANALYZE, tmp_path / names[0], SLICES="1", JOB_COMPLETION_INDEX="0", JOBS="1")
    assert (done.returncode, done.stdout) == (0, "0 runs to analyse\n")  # no runs are in it

    done = run_container(COMPARE, tmp_path)
    assert done.returncode == 0, done.stderr
    index = (tmp_path / "index.html").read_text()
    assert all(name in index for name in names) and "4 runs, 1 of them not analysed" in index
    assert "comparison.html" in {path.name for path in tmp_path.iterdir()}
    assert all(name in (tmp_path / "comparison.md").read_text() for name in analysed)
