"""What the stages of one analysis take, in a process of its own: `stages.py RUN OUTPUT` prints JSON.

Processor seconds by stage. Nothing is imported before it is measured.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

T = TypeVar("T")


def main(directory: str, output: str) -> None:
    """Analyse a run as `analyze --html --no-notebook` does, and print what each stage took."""
    found = {"start Python": time.process_time()}

    def stage(name: str, task: Callable[[], T]) -> T:
        start = time.process_time()
        answer = task()
        found[name] = found.get(name, 0.0) + time.process_time() - start
        return answer

    stage("import pandas and matplotlib", lambda: __import__("pandas") and __import__("matplotlib.figure"))
    stage("import the rest", lambda: __import__("wva_parse.analysis"))
    from wva_parse import analysis, run
    from wva_parse.commands import analyze
    from wva_parse.measures.summary import summarize
    from wva_parse.report import saved

    loaded = stage("read the run", lambda: run.load(directory, output_dir=output))
    stage("import scipy.optimize, for fitted parameters", lambda: __import__("scipy.optimize"))
    summary = stage("its numbers", lambda: summarize(loaded))
    drawn = analysis.plots_of(loaded).values()
    figures = stage(f"build {len(drawn)} figures", lambda: [draw(loaded) for draw in drawn])
    stage("lay them out", lambda: [saved.lay_out(figure) for figure in figures])
    for kind in ("png", "svg"):
        stage(f"render them as {kind.upper()}", lambda kind=kind: [saved.rendered(figure, kind) for figure in figures])
    stage("write metrics, tables and the rest", lambda: analysis.write_results(loaded, "png,svg", summary))
    stage("write the page", lambda: analyze.write_report(Path(output)))
    print(json.dumps(found))


if __name__ == "__main__":
    main(*sys.argv[1:])
