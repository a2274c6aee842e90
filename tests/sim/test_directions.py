"""Imports of the simulator point one way."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[2]
ALLOWED = {  # folder -> what of ours its modules may import besides itself
    "wva_sim/api": (),
    "wva_sim/vllm": (),
    "wva_sim/wva": (),
    "wva_sim/cluster": ("wva_sim.api", "wva_sim.vllm", "wva_sim.wva"),
    "wva_sim": ("wva_sim.api", "wva_sim.cluster", "wva_sim.wva"),  # the command line
}
OURS = ("wva_parse", "wva_sim")


def imported(source: str, package: str) -> Iterator[tuple[int, str]]:
    """Line and full name of all that a module of a package imports, wherever it does."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package.split(".")[: len(package.split(".")) + 1 - node.level] if node.level else []
            origin = ".".join([*above, *filter(None, [node.module])])
            yield from ((node.lineno, f"{origin}.{alias.name}") for alias in node.names)


def strays(folder: str, source: str) -> list[tuple[int, str]]:
    """What the source of a module of the folder imports of ours and may not."""
    package = folder.replace("/", ".")
    # `wva_sim` alone is the command line's folder, which may import itself only by name.
    allowed = (*ALLOWED[folder], package) if "/" in folder else ALLOWED[folder]
    return [
        (line, name)
        for line, name in imported(source, package)
        if name.partition(".")[0] in OURS and not any(f"{name}.".startswith(f"{each}.") for each in allowed)
    ]


@pytest.mark.parametrize("folder", ALLOWED)
def test_a_folder_imports_only_what_it_may(folder):
    modules = sorted((PROJECT / folder).glob("*.py"))
    assert modules
    found = [
        f"{folder}/{module.name}:{line} imports {name}"
        for module in modules
        for line, name in strays(folder, module.read_text(encoding="utf-8"))
    ]
    assert found == []


def test_every_folder_has_its_row():
    assert {str(path.parent.relative_to(PROJECT)) for path in PROJECT.glob("wva_sim/**/*.py")} == set(ALLOWED)


@pytest.mark.parametrize(
    ("folder", "source"),
    [
        ("wva_sim/api", "from wva_sim.cluster.clock import SimClock"),
        ("wva_sim/api", "import wva_sim.cluster.clock"),
        ("wva_sim/api", "from wva_sim import cluster"),
        ("wva_sim/api", "from ..cluster import clock"),
        ("wva_sim/api", "from .. import cluster"),
        ("wva_sim/wva", "def late():\n    from wva_sim.vllm.servers import Fleet"),
        ("wva_sim/cluster", "if True:\n    import wva_parse"),
        ("wva_sim", "from wva_parse.log import rows"),
    ],
)
def test_a_wrong_import_is_seen(folder, source):
    ((line, _),) = strays(folder, source)
    assert line == source.count("\n") + 1


def test_a_right_import_is_not():
    source = "from wva_sim.api import times\nfrom wva_sim.api.times import Clock\nfrom . import kinds\nimport json"
    assert strays("wva_sim/api", source) == strays("wva_sim/cluster", source.replace("from . import kinds\n", "")) == []
