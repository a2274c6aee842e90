"""What a load Job's container runs: its shell around a stand-in for the client, and the records of requests."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from wva_parse.plan.config import PROJECT
from wva_parse.plan.documents import read_document

MANIFESTS = sorted((PROJECT / "workloads").glob("*.yaml"), key=lambda path: path.stem)
RECORDER = PROJECT / "workloads" / "record_requests.py"
PATIENCE_S = 20
CLOCKS = re.compile(r"# wall=(\d+\.\d+) monotonic=(\d+\.\d+)")
COLUMNS = "start_s,ttft_ms,tpot_ms,e2e_ms,in,out,ok"
LARGEST_VALUE = 128 * 1024  # of a variable or an argument, on Linux

# A stand-in for the client: says how it was called, writes its result, and ends as its environment tells it to.
CLIENT = """\
#!{python}
import os, signal, sys, time
if "STUB_AT_TERM" in os.environ:
    signal.signal(signal.SIGTERM, lambda *_: (print("heard TERM"), sys.exit(int(os.environ["STUB_AT_TERM"]))))
print("client", *sys.argv[1:], flush=True)
if os.environ.get("STUB_RESULT"):
    open(os.environ["STUB_RESULT_AT"], "w").write(os.environ["STUB_RESULT"])
time.sleep(float(os.environ.get("STUB_SECONDS", "0")))
print("the client's last line", flush=True)
sys.exit(int(os.environ.get("STUB_STATUS", "0")))
"""


def bench(path=MANIFESTS[0]):
    (container,) = read_document(path).data["spec"]["template"]["spec"]["containers"]
    return container


def result(**more):
    """A result of 0.33.0 with three requests: one answered, one failed after its first token, one of a single token."""
    now = time.monotonic()
    return {
        "duration": 3.0,
        "completed": 2,
        "ttfts": [0.0887121, 0.05, 0.5],
        "itls": [[0.02] * 10, [0.02], []],
        "latencies": [0.2887121, 0.0, 0.5],
        "start_times": [now - 5, now - 4.454, now - 3],
        "input_lens": [65, 294, 7],
        "output_lens": [11, 0, 1],
        "errors": ["", "", ""],
    } | more


def record(tmp_path, text):
    """The recorder's standard output and standard error on a file with this text, None for no file."""
    path = tmp_path / "result.json"
    if text is not None:
        path.write_text(text, encoding="utf-8")
    done = subprocess.run([sys.executable, RECORDER, path], capture_output=True, text=True, check=False)
    assert done.returncode == 0
    return done.stdout.splitlines(), done.stderr


# --- the shell


def shells():
    found = [[path] for path in map(shutil.which, ("dash", "bash", "busybox")) if path]
    return [[*command, "sh"] if command[0].endswith("busybox") else command for command in found]


def as_process_1():
    """A prefix that makes a command process 1 of its own namespace; none where that is not allowed."""
    command = ["unshare", "--pid", "--fork", "--kill-child", "--mount-proc"]
    if os.getuid() != 0:
        command[1:1] = ["--user", "--map-root-user"]
    try:
        ok = subprocess.run([*command, "true"], capture_output=True, check=False).returncode == 0
    except OSError:
        ok = False
    return command if ok else None


class Container:
    """The Job's command in a shell, with a stub of the client on PATH."""

    def __init__(self, tmp_path, shell, prefix=(), **environment):
        stub = tmp_path / "bin" / "vllm"
        stub.parent.mkdir()
        stub.write_text(CLIENT.format(python=sys.executable), encoding="utf-8")
        stub.chmod(0o755)
        (stub.parent / "python3").symlink_to(sys.executable)
        name, dash_c, text, *rest = bench()["command"]
        assert (name, dash_c, rest) == ("sh", "-c", ["load"])
        self.text = text.replace("/data/result.json", str(tmp_path / "result.json"))
        assert self.text != text
        self.process = subprocess.Popen(
            [*prefix, *shell, "-c", self.text, "load", *bench()["args"]],
            env={
                "PATH": f"{stub.parent}{os.pathsep}{os.environ['PATH']}",
                "REQUEST_RECORDER": RECORDER.read_text(encoding="utf-8"),
                "STUB_RESULT_AT": str(tmp_path / "result.json"),
                **environment,
            },
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def wait_for(self, word):
        """Read until a line begins like this."""
        lines = []
        while not (lines and lines[-1].startswith(word)):
            line = self.process.stdout.readline()
            assert line, f"the container has ended without {word!r}"
            lines.append(line)
        return lines

    def end(self):
        """Status, lines of standard output that were not read yet, standard error."""
        out, err = self.process.communicate(timeout=PATIENCE_S)
        return self.process.returncode, out.splitlines(), err

    def process_1(self):
        """The process id of the shell that `unshare` has started."""
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text(encoding="utf-8")
        return int(children.split()[0])


@pytest.mark.parametrize("path", MANIFESTS, ids=lambda path: path.stem)
def test_all_manifests_run_the_same_shell(path):
    assert bench(path)["command"] == bench()["command"]


@pytest.mark.parametrize("shell", shells(), ids=lambda command: Path(command[0]).name)
class TestShell:
    def test_clocks_then_the_client_then_its_requests(self, shell, tmp_path):
        before = time.time()
        status, out, err = Container(tmp_path, shell, STUB_RESULT=json.dumps(result())).end()
        assert (status, err) == (0, "")
        assert before - 0.001 <= float(CLOCKS.fullmatch(out[0])[1]) <= time.time()
        assert out[1].startswith("client bench serve --backend openai --base-url $(ENDPOINT)")
        assert out[2:4] == ["the client's last line", "==== requests"]
        assert out[5] == COLUMNS
        assert out[-1] == "==== end of requests 3"

    def test_without_a_recorder_there_are_no_records(self, shell, tmp_path):
        status, out, err = Container(tmp_path, shell, STUB_RESULT=json.dumps(result()), REQUEST_RECORDER="").end()
        assert (status, err, out[-1]) == (0, "", "the client's last line")

    def test_a_failure_stays_one_and_what_is_missing_is_said(self, shell, tmp_path):
        status, out, err = Container(tmp_path, shell, STUB_STATUS="1").end()
        assert (status, out[-1]) == (1, "the client's last line")
        assert err.startswith("no records of requests: ")
        assert len(err.splitlines()) == 1

    def test_a_client_that_does_not_exist_is_status_127(self, shell, tmp_path):
        container = Container(tmp_path, shell, PATH=str(Path(shutil.which("sleep")).parent))
        status, _, _ = container.end()
        assert status == 127 or shutil.which("vllm")

    @pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
    def test_a_signal_ends_the_client_and_nothing_more_is_printed(self, shell, tmp_path, number):
        container = Container(tmp_path, shell, STUB_SECONDS="60", STUB_RESULT=json.dumps(result()))
        container.wait_for("client")
        container.process.send_signal(number)
        assert container.end() == (128 + signal.SIGTERM, [], "")

    @pytest.mark.parametrize("after_s", [0, 0.002, 0.005, 0.01, 0.02, 0.04])
    def test_a_signal_at_any_moment_is_heard(self, shell, tmp_path, after_s):
        container = Container(tmp_path, shell, STUB_SECONDS="60", REQUEST_RECORDER="")
        container.wait_for("# wall=")
        time.sleep(after_s)
        container.process.terminate()
        status, out, _ = container.end()
        assert status == 128 + signal.SIGTERM
        assert "the client's last line" not in out

    @pytest.mark.parametrize("status", ["0", "1", "127", "137"])
    def test_the_status_is_that_of_the_client(self, shell, tmp_path, status):
        container = Container(tmp_path, shell, STUB_STATUS=status, REQUEST_RECORDER="")
        assert container.end()[0] == int(status)

    def test_a_client_that_takes_its_time_is_waited_for(self, shell, tmp_path):
        container = Container(tmp_path, shell, STUB_SECONDS="60", STUB_AT_TERM="3", REQUEST_RECORDER="")
        container.wait_for("client")
        container.process.terminate()
        assert container.end() == (3, ["heard TERM"], "")

    @pytest.mark.skipif(as_process_1() is None, reason="no rights to make a pid namespace")
    def test_as_process_1_it_hears_the_signal(self, shell, tmp_path):
        container = Container(tmp_path, shell, as_process_1(), STUB_SECONDS="60")
        container.wait_for("client")
        os.kill(container.process_1(), signal.SIGTERM)
        status, out, _ = container.end()
        assert (status, out) == (128 + signal.SIGTERM, [])

    def test_a_signal_before_the_client_stops_it_as_well(self, shell, tmp_path):
        slow = tmp_path / "slow" / "python3"
        slow.parent.mkdir()
        slow.write_text(f'#!/bin/sh\necho early\nsleep 1\nexec {sys.executable} "$@"\n', encoding="utf-8")
        slow.chmod(0o755)
        path = f"{slow.parent}{os.pathsep}{tmp_path / 'bin'}{os.pathsep}{os.environ['PATH']}"
        container = Container(tmp_path, shell, STUB_SECONDS="60", PATH=path)
        container.wait_for("early")
        container.process.terminate()
        status, out, _ = container.end()
        assert (status, [line for line in out if not line.startswith("#")]) == (128 + signal.SIGTERM, [])


def test_kubernetes_leaves_the_texts_as_they_are():
    """`$(NAME)` is replaced in commands and in values of variables, and `$$` becomes `$`."""
    text = bench()["command"][2]
    assert "$(" not in text and "$$" not in text
    recorder = RECORDER.read_text(encoding="utf-8")
    assert "$" not in recorder
    assert len(recorder.encode()) < LARGEST_VALUE


def test_shellcheck_has_nothing_to_say(tmp_path):
    program = shutil.which("shellcheck", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    if program is None:
        pytest.skip("no shellcheck")
    # SC2329: a function that only a trap calls is never called, to some of its releases.
    command = [program, "--shell=sh", "--exclude=SC2329", "-"]
    done = subprocess.run(command, input=bench()["command"][2], text=True, capture_output=True, check=False)
    assert done.returncode == 0, done.stdout


# --- the records


def test_a_line_per_request_by_hand(tmp_path):
    (begin, clocks, columns, *rows, end), err = record(tmp_path, json.dumps(result()))
    assert (begin, columns, end, err) == ("==== requests", COLUMNS, "==== end of requests 3", "")
    assert rows == ["0.000,88.71,20.00,288.71,65,11,1", "0.546,,,,294,0,0", "2.000,500.00,,500.00,7,1,1"]
    wall, monotonic = map(float, CLOCKS.fullmatch(clocks).groups())
    assert time.time() - wall == pytest.approx(time.monotonic() - monotonic, abs=0.2)
    assert time.monotonic() - monotonic == pytest.approx(5, abs=PATIENCE_S)


def test_before_0_30_latencies_come_from_the_gaps(tmp_path):
    old = result()
    del old["latencies"]
    (_, _, _, *rows, _), _ = record(tmp_path, json.dumps(old))
    assert rows == ["0.000,88.71,20.00,288.71,65,11,1", "0.546,,,,294,0,0", "2.000,500.00,,500.00,7,1,1"]


def test_before_0_15_no_send_times_are_told(tmp_path):
    old = result()
    del old["latencies"], old["start_times"]
    (_, clocks, _, *rows, _), _ = record(tmp_path, json.dumps(old))
    assert rows[0] == ",88.71,20.00,288.71,65,11,1"
    wall, _ = map(float, CLOCKS.fullmatch(clocks).groups())
    assert time.time() - wall == pytest.approx(3, abs=2)  # it took three seconds and has just ended


def test_the_rust_client_counts_from_its_own_start(tmp_path):
    rust = result(start_times=[0.4, 0.946, 2.4], steady_state=None)
    (_, clocks, _, *rows, _), _ = record(tmp_path, json.dumps(rust))
    assert [row.split(",")[0] for row in rows] == ["0.000", "0.546", "2.000"]
    wall, monotonic = map(float, CLOCKS.fullmatch(clocks).groups())
    assert time.time() - wall == pytest.approx(2.6, abs=2)
    assert time.time() - wall == pytest.approx(time.monotonic() - monotonic, abs=0.2)


def test_requests_stand_in_order_of_sending(tmp_path):
    shuffled = result(start_times=[103.0, 101.0, 102.0])
    (_, _, _, *rows, _), _ = record(tmp_path, json.dumps(shuffled))
    assert [row.split(",")[4] for row in rows] == ["294", "7", "65"]
    assert [row.split(",")[0] for row in rows] == ["0.000", "1.000", "2.000"]


def test_of_appended_results_the_last_counts(tmp_path):
    both = json.dumps(result(input_lens=[1, 1, 1])) + "\n" + json.dumps(result())
    (_, _, _, first, *_), _ = record(tmp_path, both)
    assert first.endswith(",65,11,1")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (None, "FileNotFoundError"),
        ("", "no list of requests"),
        ("{", "JSONDecodeError"),
        (json.dumps(result())[:-20], "JSONDecodeError"),
        (json.dumps(result()) + "\n" + json.dumps(result())[:99], "JSONDecodeError"),
        ("[]", "AttributeError"),
        (json.dumps({"duration": 1.0, "completed": 3}), "no list of requests"),
        (json.dumps(result(output_lens=[1])), "IndexError"),
    ],
)
def test_what_cannot_be_read_is_one_line_on_standard_error(tmp_path, text, said):
    out, err = record(tmp_path, text)
    assert out == []
    assert err.startswith(f"no records of requests: {tmp_path / 'result.json'}: ") and said in err
    assert len(err.splitlines()) == 1


def test_no_requests_are_a_block_without_lines(tmp_path):
    empty = {name: [] for name in ("ttfts", "itls", "latencies", "start_times", "input_lens", "output_lens")}
    out, _ = record(tmp_path, json.dumps({"duration": 0.0, **empty}))
    assert [out[0], *out[2:]] == ["==== requests", COLUMNS, "==== end of requests 0"]


@pytest.mark.parametrize(
    ("case", "requests", "answered"),
    [("0.33.0/b_json_detailed", 180, 180), ("0.33.0/d2_fail_mix", 120, 97), ("0.11.0/d_fail10", 180, 164)],
)
def test_records_of_real_results_give_the_numbers_of_the_client(tmp_path, case, requests, answered):
    path = PROJECT.parent / "shared" / "vllm-bench" / case / "result.json"
    if not path.exists():
        pytest.skip(f"no captured result at {path}")
    text = path.read_text(encoding="utf-8")
    (_, _, _, *rows, end), _ = record(tmp_path, text)
    rows = [row.split(",") for row in rows]
    assert (len(rows), end) == (requests, f"==== end of requests {requests}")
    assert [row[-1] for row in rows].count("1") == answered
    assert all(row[1:4] == ["", "", ""] for row in rows if row[-1] == "0")
    said = json.loads(text.strip().splitlines()[-1])
    assert answered == said["completed"]
    for column, name in ((1, "ttft"), (2, "tpot"), (3, "e2el")):
        values = np.array([float(row[column]) for row in rows if row[column]])
        for statistic, value in (
            ("mean", values.mean()),
            ("median", np.median(values)),
            ("p99", np.percentile(values, 99)),
        ):
            if f"{statistic}_{name}_ms" in said:
                assert value == pytest.approx(said[f"{statistic}_{name}_ms"], rel=1e-3)
