"""Imports point one way: the table of what each folder may import, and who may open a file."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

PROJECT = Path(__file__).resolve().parent.parent
MODULES = sorted([*PROJECT.glob("wva_parse/**/*.py"), *PROJECT.glob("wva_sim/**/*.py")])

# A folder of a package, or a file at its top -> what of the same package it may import besides itself.
ALLOWED = {
    "wva_parse": {
        "log": "",
        "aligned": "log",
        "optimizer": "log aligned",
        "measures": "log aligned optimizer",
        "report": "log aligned optimizer measures",
        # beside them
        "plan": "log",
        "watch": "log aligned",
        # on top: runs' directories, what is read of them, the commands, what notebooks import
        "directories": "log aligned",
        "run": "log aligned directories",
        "comparison": "log aligned measures report directories run",
        "analysis": "log aligned optimizer measures report directories run",
        "commands": "log aligned optimizer measures report watch directories run comparison analysis",
        "plots": "report",
        "summary": "measures",
        "__init__": "",
        "__main__": "",  # it names the modules of the commands, and imports the one that is called
    },
    "wva_sim": {
        "api": "",
        "wva": "",
        "vllm": "",
        "cluster": "api wva vllm",
        "__init__": "",
        "__main__": "api cluster wva",
    },
}

# WVA's arithmetic, which the simulated controller shares. It imports nothing of ours, so that what writes log lines and
# what reads them meet only in the log's text; of the rest of wva_parse, wva_sim knows nothing.
ARITHMETIC = ("wva_parse.optimizer.queueing", "wva_parse.optimizer.saturation")
SHARED = {"wva_sim.wva": ARITHMETIC}

# Of these every function works on values; files are for those that read a run, plan one or watch it.
WITHOUT_FILES = [("wva_parse", folder) for folder in ("aligned", "optimizer", "measures", "report")]
OPENING = {
    "open",
    "read_text",
    "read_bytes",
    "write_text",
    "write_bytes",
    "glob",
    "rglob",
    "iterdir",
    "mkdir",
    "unlink",
}


class Imported(NamedTuple):
    """A module, or a name of one, that a line imports."""

    line: int
    name: str


def place_of(module: Path) -> tuple[str, str]:
    """Table and row that a file belongs to."""
    package, inner, *_ = module.relative_to(PROJECT).with_suffix("").parts
    return package, inner


def imports(source: str, package: str) -> Iterator[Imported]:
    """Everything that a module of `package` imports, at its top or in a function, with full names."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (Imported(node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            # `from . import x` is of the package itself, each further dot of one above.
            above = package.split(".")[: len(package.split(".")) + 1 - node.level] if node.level else []
            base = ".".join([*above, *([node.module] if node.module else [])])
            yield from (Imported(node.lineno, f"{base}.{alias.name}") for alias in node.names)


def against_the_table(place: tuple[str, str], imported: Imported) -> str:
    """Why a place must not import something; empty if it may."""
    (ours, row), (package, *inner) = place, imported.name.split(".")
    if package not in ALLOWED:
        return ""
    if package != ours:
        if f"{imported.name}.".startswith(tuple(f"{name}." for name in SHARED.get(f"{ours}.{row}", ()))):
            return ""
        return f"{ours} knows nothing of {package}"
    allowed = ALLOWED[ours][row]
    if inner and inner[0] in (row, *allowed.split()):
        return ""
    return f"{row} may import {allowed.replace(' ', ', ') or f'nothing of {ours}'}"


def package_of(module: Path) -> str:
    return ".".join(module.relative_to(PROJECT).parent.parts)


def relative(module: Path) -> str:
    return str(module.relative_to(PROJECT))


def forbidden(module: Path) -> list[str]:
    """File, line and name of each import that points the wrong way."""
    return [
        f"{relative(module)}:{imported.line}: imports {imported.name}, but {why}"
        for imported in imports(module.read_text(encoding="utf-8"), package_of(module))
        if (why := against_the_table(place_of(module), imported))
    ]


def test_every_folder_and_file_has_its_row():
    rows = {(package, row) for package, table in ALLOWED.items() for row in table}
    assert {place_of(module) for module in MODULES} == rows
    assert len(list(PROJECT.glob("wva_parse/*.py"))) <= 9


@pytest.mark.parametrize("module", MODULES, ids=relative)
def test_imports_point_one_way(module):
    assert "\n".join(forbidden(module)) == ""


@pytest.mark.parametrize("name", ARITHMETIC)
def test_what_another_package_shares_imports_nothing_of_ours(name):
    module = PROJECT.joinpath(*name.split(".")).with_suffix(".py")
    found = {imported.name.split(".")[0] for imported in imports(module.read_text(encoding="utf-8"), name)}
    assert found <= {"__future__", "collections", "functools", "math", "typing", "numpy"}


@pytest.mark.parametrize(
    ("place", "source"),
    [
        ("log", "import wva_parse.aligned.frames"),
        ("log", "def late():\n    from wva_parse.measures import stats"),
        ("log", "from ..run import load"),
        ("aligned", "from wva_parse import run"),
        ("aligned", "from ..measures.stats import replicas"),
        ("measures", "from wva_parse.run import Experiment"),
        ("measures", "from wva_parse import report"),
        ("measures", "from .. import report"),
        ("watch", "from wva_parse.plan import config"),
        ("plan", "import wva_parse"),  # all of it could be reached from there
        ("run", "from wva_parse.measures.reaction import triggers"),
        ("report", "from wva_parse import plots"),  # the entry for notebooks
        ("log", "from wva_sim.cluster import clock"),
        ("wva_sim.api", "from wva_sim.cluster.clock import SimClock"),
        ("wva_sim.api", "from .. import cluster"),
        ("wva_sim.wva", "def late():\n    from wva_sim.vllm.servers import Fleet"),
        ("wva_sim.cluster", "if True:\n    import wva_parse"),
        ("wva_sim.wva", "from wva_parse.log import rows"),
        ("wva_sim.wva", "from wva_parse.optimizer.analyses import replay"),
        ("wva_sim.wva", "from wva_parse.optimizer import attribution"),
        ("wva_sim.cluster", "from wva_parse.optimizer.saturation import analyze"),
        ("wva_sim.vllm", "from wva_parse.optimizer.queueing import Profile"),
        ("optimizer", "from wva_parse.measures import stats"),
        ("aligned", "from wva_parse.optimizer.saturation import analyze"),
        ("aligned", "from wva_parse.optimizer.queueing import Profile"),
    ],
)
def test_a_forbidden_import_is_noticed(place, source):
    package = place if "." in place else f"wva_parse.{place}"
    assert any(against_the_table(tuple(package.split(".")), imported) for imported in imports(source, package))


@pytest.mark.parametrize(
    ("place", "source"),
    [
        ("measures", "from wva_parse.aligned.frames import Frames\nfrom . import stats\nfrom ..log import lines"),
        ("log", "import json\nfrom .table import form"),
        ("measures", "from wva_parse.optimizer.analyses import replay"),
        ("wva_sim.wva", "from wva_parse.optimizer.saturation import analyze"),
        ("wva_sim.wva", "from wva_parse.optimizer.queueing import Profile, predict"),
        ("wva_sim.cluster", "from wva_sim.api import times\nfrom wva_sim.api.times import Clock\nfrom . import pods"),
    ],
)
def test_an_allowed_import_is_left_alone(place, source):
    package = place if "." in place else f"wva_parse.{place}"
    assert not any(against_the_table(tuple(package.split(".")), imported) for imported in imports(source, package))


def test_the_message_says_file_line_and_import(tmp_path, monkeypatch):
    monkeypatch.setattr(f"{__name__}.PROJECT", tmp_path)
    module = tmp_path / "wva_parse" / "log" / "lines.py"
    module.parent.mkdir(parents=True)
    module.write_text("import re\n\nfrom wva_parse.run import load\n")
    (message,) = forbidden(module)
    assert message == ("wva_parse/log/lines.py:3: imports wva_parse.run.load, but log may import nothing of wva_parse")


@pytest.mark.parametrize(
    "module",
    [each for each in MODULES if place_of(each) in WITHOUT_FILES],
    ids=relative,
)
def test_what_works_on_values_opens_no_file(module):
    found = [
        f"{relative(module)}:{node.lineno}: {called}"
        for node in ast.walk(ast.parse(module.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call)
        and (called := getattr(node.func, "attr", getattr(node.func, "id", ""))) in OPENING
    ]
    assert found == []


@pytest.mark.parametrize("folder", sorted({each.parent for each in MODULES}), ids=relative)
def test_every_folder_says_what_it_is(folder):
    assert ast.get_docstring(ast.parse((folder / "__init__.py").read_text(encoding="utf-8")))
