"""Rules of this repository that no linter knows."""

from __future__ import annotations

import ast
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest
from logs import model_loop_run, observed, solution, write_run

from wva_parse import analysis, plots, report
from wva_parse.aligned.align import PAIR_COLUMNS
from wva_parse.log.rows import ANALYZER_COLUMNS, METRICS_COLUMNS, METRICS_EVENT_TYPES
from wva_parse.optimizer.attribution import ATTRIBUTED_COLUMNS
from wva_parse.optimizer.price import PRICE_COLUMNS
from wva_parse.plan import config, permissions
from wva_parse.report import words

PROJECT = Path(__file__).resolve().parent.parent
SCRIPTS = [PROJECT / "run-experiment.sh", PROJECT / "monitor-wva.sh", *sorted(PROJECT.glob("hack/*.sh"))]
CHAPTERS = sorted(PROJECT.glob("lib/*.bash"))
NOTEBOOKS = sorted(PROJECT.glob("*.ipynb"))
DOCUMENTS = sorted([*PROJECT.glob("*.md"), *PROJECT.glob("docs/**/*.md")])
MODULES = sorted([*PROJECT.glob("wva_parse/**/*.py"), *PROJECT.glob("wva_sim/**/*.py")])
PATHS = f"import sys; sys.path[:] = {sys.path!r}\n"  # without what site brings in
FILES = PROJECT / "docs" / "files.md"
NOT_OURS = {".git", ".venv", ".failed-tests", "build", "experiment-data", "__pycache__"}


def relative(path):
    return str(path.relative_to(PROJECT))


def readme():
    return (PROJECT / "README.md").read_text(encoding="utf-8")


def project_files():
    """Every file that belongs to the project, with or without git."""
    for directory, names, files in os.walk(PROJECT):
        names[:] = [name for name in names if name not in NOT_OURS and not name.endswith((".egg-info", "_cache"))]
        yield from (Path(directory) / file for file in files if file != ".git")


# --- scripts ----------------------------------------------------------------------------------------


class Banned(NamedTuple):
    """A construct that a bash 3.2 or a BSD userland lacks, and a line that has it."""

    pattern: str
    example: str


BANNED = {
    "associative array": Banned(r"\b(declare|local|typeset)\s+-\w*A", "local -A seen"),
    "name reference": Banned(r"\b(declare|local|typeset)\s+-\w*n", "local -n list=$1"),
    "mapfile": Banned(r"\b(mapfile|readarray)\b", "mapfile -t lines <file"),
    "case of a variable": Banned(r"\$\{\w+(\[[^]]*\])?(,|\^)", 'echo "${name,,}"'),
    "transformation": Banned(r"\$\{\w+(\[[^]]*\])?@[A-Za-z]\}", 'echo "${name@Q}"'),
    "wait -n, wait -p": Banned(r"\bwait\s+-", "wait -n"),
    "time by printf": Banned(r"printf\b.*%\([^)]*\)T", "printf '%(%s)T' -1"),
    "variable of bash 4 or 5": Banned(r"\$\{?(BASHPID|EPOCH\w+|SRANDOM)\b", 'echo "$BASHPID"'),
    "coproc": Banned(r"^\s*coproc\b", "coproc cat"),
    "pipe of both streams": Banned(r"\|&", "kubectl get pods |& cat"),
    "appending both streams": Banned(r"&>>", "kubectl get pods &>>log"),
    "negative index": Banned(r"\$\{\w+\[-[0-9]+\]", 'echo "${list[-1]}"'),
    "negative length": Banned(r"\$\{\w+:[^}]*:\s*-", 'echo "${name:0:-1}"'),
    "test of a variable's name": Banned(r"\[\[?\s+(!\s+)?-[vR]\s", "[[ -v name ]]"),
    "option of a later bash": Banned(r"\bshopt\b.*\b(globstar|inherit_errexit|lastpipe)\b", "shopt -s globstar"),
    "named file descriptor": Banned(r"(^|\s)\{\w+\}[<>]", "exec {fd}>file"),
    "fall-through of case": Banned(r";;&|;&", "a) echo ;;&"),
    "GNU date": Banned(r"\bdate\b[^|;]*(\s-(d|I|R)|--(date|utc|iso))|\bdate\b.*%N", "date -u -d @0"),
    "sed -i, sed -r": Banned(r"\bsed\s+-\w*[ir]", "sed -i s/a/b/ file"),
    "GNU's alternatives and repeats": Banned(r"\b(sed|grep)\b(?!.*\s-\w*E).*\\[|+?]", r"sed 's/a\|b/c/' file"),
    "readlink -f": Banned(r"\breadlink\s+-\w*[fem]|\brealpath\b", "readlink -f file"),
    "GNU stat": Banned(r"\bstat\s+(-\w*c|--)", "stat -c %s file"),
    "grep -P": Banned(r"\bgrep\s+-\w*P", r"grep -oP '\d+' file"),
    "xargs -r": Banned(r"\bxargs\s+-\w*[rd]", "xargs -r rm"),
    "program of Linux": Banned(r"(^|[|;&(]|\$\()\s*(timeout|tac|nproc|flock|setsid|shuf|numfmt)\s", "setsid sleep 9"),
    "GNU find, sort, base64": Banned(r"\bfind\b.*-printf|\bsort\s+-\w*V|\bbase64\s+-w", "sort -V file"),
    "mktemp without a template": Banned(r"\bmktemp\b(?!.*X{6})", "mktemp -d"),
    "program in a here document": Banned(r"\b(python3?|PYTHON|jq|awk|perl)\b.*<<-?\s*[\"'\\A-Za-z]", "python3 <<'END'"),
    "eval": Banned(r"(^|[|;&(])\s*eval\s", 'eval "$command"'),
    # It may never return: one for a child that an interrupted `wait` has had does not in bash 5.2.
    "wait for a process": Banned(r"(^|[|;&({]|\b(if|then|do|else)\b)\s*wait(\s|$)", 'if wait "$child"; then'),
    # In the EXIT trap it answers with the status from before the trap.
    "return without a status": Banned(r"\breturn\s*($|[;}])", "    return"),
    "counter that fails at zero": Banned(r"^\s*\(\(\s*\w+(\+\+|--)\s*\)\)", "((n++))"),
}


def code_of(script):
    """Lines of a script without comments, with their numbers."""
    for number, line in enumerate(script.read_text(encoding="utf-8").splitlines(), start=1):
        yield number, re.sub(r"(^|\s)#.*", "", line)


@pytest.mark.parametrize("name", BANNED)
def test_rule_sees_its_example(name):
    assert re.search(BANNED[name].pattern, BANNED[name].example)


@pytest.mark.parametrize("script", [*SCRIPTS, *CHAPTERS], ids=relative)
def test_scripts_run_on_macos(script):
    found = [
        f"{relative(script)}:{number}: {name}: {line.strip()}"
        for number, line in code_of(script)
        for name, rule in BANNED.items()
        if re.search(rule.pattern, line)
    ]
    assert not found


def substitutions(line):
    """How many command substitutions the command of a line has that has most; nested ones are one."""
    most = count = depth = at = 0
    in_test = False
    while at < len(line):
        if depth == 0 and line.startswith("$(", at) and not line.startswith("$((", at):
            count, depth, at = count + 1, 1, at + 2
            most = max(most, count)
            continue
        if depth:
            depth += {"(": 1, ")": -1}.get(line[at], 0)
        elif line.startswith(("[[ ", " ]]"), at):
            in_test = line[at] == "["
        elif not in_test and line.startswith((" || ", " && ", "; "), at):
            count = 0
        at += 1
    return most


@pytest.mark.parametrize(
    ("line", "count"),
    [
        ('a="$(b)"', 1),
        ('a="$(b "$(c)" $((1 + 2)))" || a="$(d)"', 1),
        ('jq --arg a "$(b)" --arg c "$(d)"', 2),
        ('[[ "$(a)" == x && "$(b)" == y ]] && c "$(d)"', 2),
    ],
)
def test_substitutions_are_counted_by_command(line, count):
    assert substitutions(line) == count


@pytest.mark.parametrize("script", [*SCRIPTS[:2], *CHAPTERS], ids=relative)  # those that set traps
def test_no_command_has_two_command_substitutions(script):
    """A signal that comes during the first one ends bash 5.2 with a syntax error in the trap, when it reads the second.

    It runs what is pending there while it looks for the end of `$(`: of 240 signals 223 did so, and none of 240 where
    there was one.
    """
    text = "\n".join(line for _, line in code_of(script)).replace("\\\n", "  ")
    assert [line.strip() for line in text.splitlines() if substitutions(line) > 1] == []


@pytest.mark.parametrize("script", SCRIPTS, ids=relative)
def test_scripts_are_strict_and_can_be_sourced(script):
    text = script.read_text(encoding="utf-8")
    assert text.startswith("#!/usr/bin/env bash\n#\n")
    assert "\nset -o errexit -o nounset -o pipefail\n" in text
    assert text.endswith('\nif [[ "${BASH_SOURCE[0]}" == "$0" ]]; then\n  main "$@"\nfi\n')
    assert os.access(script, os.X_OK)


@pytest.mark.parametrize("script", SCRIPTS, ids=relative)
def test_the_header_comment_is_the_help(script):
    lines = script.read_text(encoding="utf-8").splitlines()[2:]
    comment = lines[: next(number for number, line in enumerate(lines) if not line.startswith("#"))]
    for option in ("-h", "--help"):
        answer = subprocess.run([script, option], capture_output=True, text=True, check=False)
        assert (answer.returncode, answer.stderr) == (0, "")
        assert answer.stdout.splitlines() == [re.sub("^# ?", "", line) for line in comment]


@pytest.mark.parametrize("chapter", CHAPTERS, ids=relative)
def test_a_chapter_says_what_it_owns_and_is_read_by_a_script(chapter):
    text = chapter.read_text(encoding="utf-8")
    comment = text.partition("\n\n")[0]
    assert text.startswith("# ")
    assert re.search(r"\bOwns\b", comment)
    assert re.search(r"\bCalls\b|\bCalled by\b", comment)
    sourced = [f'source "$PROJECT/lib/{chapter.name}"' in script.read_text(encoding="utf-8") for script in SCRIPTS]
    assert any(sourced)


def test_the_story_fits_on_two_screens_and_every_function_of_it_is_used():
    runner, monitor = (path.read_text(encoding="utf-8") for path in SCRIPTS[:2])
    assert len(runner.splitlines()) <= 500
    chapters = "".join(path.read_text(encoding="utf-8") for path in CHAPTERS)
    names = re.findall(r"^(\w+)\(\) ", chapters, re.MULTILINE)
    assert len(names) == len(set(names)) > 100
    unused = [name for name in names if len(re.findall(rf"\b{name}\b(?!\(\))", runner + monitor + chapters)) == 0]
    assert unused == []


def test_every_option_of_the_runner_is_in_its_help_and_in_the_readme():
    runner = (PROJECT / "run-experiment.sh").read_text(encoding="utf-8")
    chapter = (PROJECT / "lib" / "options.bash").read_text(encoding="utf-8")
    parser = re.search(r"^parse_options\(\) \{\n(.*?)^\}", chapter, re.MULTILINE | re.DOTALL)[1]
    options = {
        option for line in re.findall(r"^ +(-[-\w |*=]+)\)", parser, re.MULTILINE) for option in line.split(" | ")
    }
    options = {option.removesuffix("=*") for option in options if option.startswith("--") and len(option) > 3}
    assert {"--dry-run", "--embedded", "--analyze"} <= options
    header = runner[: runner.index("\nset -o")]
    assert [option for option in sorted(options) if option not in header or f"`{option}" not in readme()] == []


def test_the_roles_in_the_readme_are_those_of_the_table():
    (block,) = re.findall(r"^```yaml\n(apiVersion: rbac.*?)^```$", readme(), re.MULTILINE | re.DOTALL)
    namespaces = re.findall(r"^  namespace: (\S+)", block, re.MULTILINE)
    assert permissions.roles(*namespaces) == block


# --- documents and notebooks ------------------------------------------------------------------------


def anchors(document):
    """Headings of a document as links to them are written."""
    headings = re.findall(r"^#+ +(.*)$", document.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("document", DOCUMENTS, ids=relative)
def test_links_lead_somewhere(document):
    broken = []
    for target in re.findall(r"\]\(([^)\s]+)\)", document.read_text(encoding="utf-8")):
        if re.match(r"[a-z]+:", target):
            continue  # the network is not asked
        path, _, anchor = target.partition("#")
        place = (document.parent / path).resolve() if path else document
        if not place.exists() or (anchor and anchor not in anchors(place)):
            broken.append(target)
    assert not broken


def test_readme_names_only_what_exists():
    directories = "experiment-configs|workloads|wva_parse|wva_sim|tests|hack|docs"
    ours = rf"\b((?:{directories})/[\w./-]*\w|analyze-[\w-]+\.ipynb|[\w]+-[\w-]+\.sh)\b"
    named = set(re.findall(ours, readme()))
    assert {"run-experiment.sh", "monitor-wva.sh"} <= named
    assert [name for name in sorted(named) if not (PROJECT / name).exists()] == []


def test_the_config_in_the_readme_is_valid_and_every_key_explained(tmp_path):
    (example,) = re.findall(r"^```yaml\n(name: .*?)^```$", readme(), re.MULTILINE | re.DOTALL)
    path = tmp_path / "example.yaml"
    path.write_text(example, encoding="utf-8")
    assert config.problems(path) == []
    table = readme().partition("## Config format")[2].partition("\n## ")[0]
    schema = json.loads(config.SCHEMA.read_text(encoding="utf-8"))["properties"]
    keys = {name for name, part in schema.items() if part.get("type") not in ("object", "array")}
    keys |= {f"{name}.{key}" for name, part in schema.items() for key in part.get("properties", ())}
    keys |= {f"workloads[].{key}" for key in schema["workloads"]["items"]["properties"]}
    assert [key for key in sorted(keys) if f"`{key}`" not in table] == []


@pytest.mark.parametrize(
    ("file", "columns"),
    [
        ("metrics", METRICS_COLUMNS),
        ("analyzers", ANALYZER_COLUMNS),
        ("processed_data", (*PAIR_COLUMNS, *ATTRIBUTED_COLUMNS)),
        ("price_of_slo", PRICE_COLUMNS),
    ],
)
def test_the_columns_of_a_table_are_documented(file, columns):
    (line,) = [
        line for line in FILES.read_text(encoding="utf-8").splitlines() if line.startswith(f"Columns of `{file}.csv`")
    ]
    names = re.findall(r"`(\w+)`", line.partition(": ")[2])
    assert names[: len(columns)] == list(columns)
    assert set(names[len(columns) :]) <= {"event_type", *METRICS_EVENT_TYPES}


def test_make_targets_in_the_readme_exist():
    targets = set(re.findall(r"^([a-z-]+):", (PROJECT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    named = set(re.findall(r"(?:^|`)make ([a-z-]+)", readme(), re.MULTILINE))
    assert {"demo", "test", "setup"} <= named <= targets


def test_the_changelog_has_an_entry_for_this_version():
    version = re.search(r'^version = "(.*)"', (PROJECT / "pyproject.toml").read_text(encoding="utf-8"), re.MULTILINE)[1]
    headings = re.findall(r"^## .*$", (PROJECT / "CHANGELOG.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert any(version in heading for heading in headings)


def test_the_licence_is_the_whole_of_apache_2():
    text = (PROJECT / "LICENSE").read_text(encoding="utf-8")
    assert "Version 2.0, January 2004" in text
    assert "END OF TERMS AND CONDITIONS" in text


def test_there_is_a_notebook_for_each_mode_and_one_for_both():
    names = ["analyze-capacity-based.ipynb", "analyze-model-based.ipynb", "compare-runs.ipynb"]
    assert [path.name for path in NOTEBOOKS] == names
    assert all(f"`{name}`" in readme() for name in names)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=relative)
def test_notebooks_are_committed_without_outputs(path):
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    code = [cell for cell in cells if cell["cell_type"] == "code"]
    assert code
    assert all(cell["outputs"] == [] and cell["execution_count"] is None for cell in code)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=relative)
def test_notebooks_have_one_cell_of_parameters(path):
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    (parameters,) = [cell for cell in cells if "parameters" in cell["metadata"].get("tags", [])]
    names = re.findall(r"^(\w+)\b.*=", "".join(parameters["source"]), re.MULTILINE)
    assert names[0] in ("EXPERIMENT_DIR", "RUNS")


def test_notebooks_can_have_every_figure_and_every_sentence():
    drawn = [analysis.MODEL_PLOTS, analysis.CAPACITY_PLOTS, analysis.COMMON_PLOTS]
    drawn += [analysis.ANALYZER_PLOTS, analysis.TUNER_PLOTS, analysis.REQUEST_PLOTS]
    assert set(plots.__all__) == {name for figures in drawn for name in figures}
    assert {"verdict", *(name for name in dir(words) if name.startswith("about_"))} <= set(report.__all__)


# --- modules and data -------------------------------------------------------------------------------


def imports(module):
    """Top-level names that a module imports."""
    for node in ast.walk(ast.parse(module.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            yield str(node.module).partition(".")[0]


def test_few_modules_know_how_to_draw():
    users = {relative(module) for module in MODULES if "matplotlib" in set(imports(module))}
    names = ("compare_plots", "drawn", "overlay", "overview", "plots", "request_plots", "saved", "why_plots")
    drawing = {f"wva_parse/report/{name}.py" for name in names}
    assert users == {*drawing, "wva_parse/comparison.py", "wva_parse/plots.py"}


def test_a_poll_of_the_collector_needs_the_standard_library_only():
    used = set(imports(PROJECT / "wva_parse" / "watch" / "collect.py")) - {"wva_parse"}
    assert used <= set(sys.stdlib_module_names)


@pytest.mark.parametrize(
    ("module", "packages"),
    [("plan.permissions", set()), ("log.requests", set()), ("commands.readme", {"jinja2", "markupsafe", "orjson"})],
)
def test_what_the_runner_often_calls_imports_little(module, packages):
    code = f"import sys, wva_parse.{module}\nprint(*{{name.partition('.')[0] for name in sys.modules}})"
    answer = subprocess.run([sys.executable, "-S", "-c", PATHS + code], capture_output=True, text=True, check=True)
    assert set(answer.stdout.split()) - set(sys.stdlib_module_names) - {"__main__", "wva_parse"} <= packages


# As people call them: what a run in progress, a plan or a list needs is no frame and no figure.
QUICK = (
    "--help",
    "check {project}/experiment-configs/model-based-high.yaml",
    "plan {project}/experiment-configs/model-based-high.yaml --text",
    "series {project}/experiment-configs/model-based-high.yaml",
    "permissions one two",
    "watch {run}",
    "list {run}/..",
    "readme {run}",
    "explain {run}/wva-controller-logs.jsonl",
    "collect-merge --help",
    "analyze --help",
)


@pytest.mark.parametrize("call", QUICK, ids=[call.partition(" ")[0] for call in QUICK])
def test_what_shows_no_numbers_imports_neither_pandas_nor_matplotlib(call, tmp_path):
    ended = {"status": "complete", "start": "2026-01-01T00:00:00Z"}
    run = write_run(tmp_path / "r-20260101-000000", model_loop_run(0, observed(9, 20), solution(9.5, 21)), record=ended)
    code = (
        "import sys\nfrom wva_parse.__main__ import main\n"
        "try: status = main(sys.argv[1:])\nexcept SystemExit as end: status = end.code\n"
        "print('status', status, *{name.partition('.')[0] for name in sys.modules})"
    )
    argv = call.format(project=PROJECT, run=run).split()
    answer = subprocess.run([sys.executable, "-c", PATHS + code, *argv], capture_output=True, text=True, check=True)
    said, status, *modules = answer.stdout.splitlines()[-1].split()
    assert (said, status) == ("status", "0"), answer.stderr
    assert not {"pandas", "numpy", "matplotlib", "scipy", "IPython", "papermill"}.intersection(modules)


def test_no_command_waits_for_scipy_that_does_not_fit():
    code = "import sys, wva_parse.commands.numbers\nprint(*{name.partition('.')[0] for name in sys.modules})"
    answer = subprocess.run([sys.executable, "-c", PATHS + code], capture_output=True, text=True, check=True)
    assert not {"scipy", "matplotlib"} & set(answer.stdout.split())


def test_no_captured_log_is_in_the_project():
    files = list(project_files())
    assert len(files) > 100
    runs = [relative(path) for path in files if re.search(r"-\d{8}-\d{6}/", relative(path))]
    large = [relative(path) for path in files if path.suffix in (".jsonl", ".log") and path.stat().st_size > 50_000]
    assert runs == []
    assert large == []


def test_nothing_is_left_for_later():
    marks = re.compile(r"\b(" + "|".join(("TO" + "DO", "FIX" + "ME", "XX" + "X", "HA" + "CK")) + r")\b")
    found = []
    for path in project_files():
        if (
            path.suffix in (".py", ".sh", ".bats", ".bash", ".md", ".yaml", ".toml", ".ipynb")
            or path.name == "Makefile"
        ):
            lines = path.read_text(encoding="utf-8").splitlines()
            found += [f"{relative(path)}:{number}" for number, line in enumerate(lines, 1) if marks.search(line)]
    assert not found
