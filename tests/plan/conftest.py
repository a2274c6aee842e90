"""An embedded cluster for the tests of a module, asked with the real kubectl."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from wva_parse.plan import config

PATIENCE_S = 90  # for the embedded cluster, which starts in less than a second


@pytest.fixture(scope="module")
def kubectl(tmp_path_factory):
    """Run kubectl against an embedded cluster of this module's own."""
    found = shutil.which("kubectl", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    if found is None:
        pytest.fail("no kubectl in .venv or on PATH; `make setup-test` installs it")
    state = tmp_path_factory.mktemp("cluster")
    command = [sys.executable, "-m", "wva_sim", "serve", "--state", str(state), "--parent", str(os.getpid())]
    with subprocess.Popen(command, cwd=config.PROJECT, stdout=subprocess.DEVNULL) as server:
        try:
            deadline = time.monotonic() + PATIENCE_S
            while not (state / "ready").exists():
                assert server.poll() is None, "the embedded cluster has ended"
                assert time.monotonic() < deadline, f"the embedded cluster was not ready after {PATIENCE_S} s"
                time.sleep(0.05)

            def run(*arguments, given=None):
                environment = {
                    **os.environ,
                    "KUBECONFIG": str(state / "kubeconfig"),
                    "KUBECACHEDIR": str(state / "cache"),
                }
                command = [found, "--namespace", "llm-d-autoscaler", *map(str, arguments)]
                text = None if given is None else json.dumps(given)
                return subprocess.run(command, input=text, env=environment, capture_output=True, text=True, check=False)

            yield run
        finally:
            server.terminate()


@pytest.fixture(scope="module")
def restricted(kubectl):
    """The name of a namespace with the strictest Pod Security."""
    name = "restricted"
    assert kubectl("create", "-f", "-", given={"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
    levels = [f"pod-security.kubernetes.io/{mode}=restricted" for mode in ("enforce", "warn", "audit")]
    assert kubectl("label", "namespace", name, *levels).returncode == 0
    return name
