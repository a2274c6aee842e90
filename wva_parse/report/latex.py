"""A table for a paper: LaTeX, as the package booktabs draws it."""

from __future__ import annotations

import re
from collections.abc import Iterable

from wva_parse.report.sections import Table

_SPECIAL = {
    "\\": r"\textbackslash{}",
    "^": r"\textasciicircum{}",
    "~": r"\textasciitilde{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    "–": "--",
    "−": "$-$",
    "·": r"$\cdot$",
    "→": r"$\rightarrow$",
    "≤": r"$\le$",
    "≥": r"$\ge$",
    "α": r"$\alpha$",
    "β": r"$\beta$",
    "γ": r"$\gamma$",
    "δ": r"$\delta$",
    **{each: f"\\{each}" for each in "&%$#_{}"},
}
_ANY = re.compile("|".join(map(re.escape, _SPECIAL)))
_SIGNED = re.compile(r"(?<![\w.])-(?=\d)")  # a minus, and no hyphen


def escaped(text: str) -> str:
    """Text in which nothing is a command to LaTeX; minus signs are such."""
    return _ANY.sub(lambda found: _SPECIAL[found[0]], _SIGNED.sub("−", " ".join(text.split())))


def latex_table(table: Table, caption: str = "") -> str:
    """A `table` environment; the first column and words are left, numbers right."""
    columns = ("l" if table.is_text else "r") * (len(table.header) - 1)
    lines = [
        "% needs \\usepackage{booktabs}",
        r"\begin{table}",
        r"  \centering",
        *([rf"  \caption{{{escaped(caption)}}}"] if caption else []),
        rf"  \begin{{tabular}}{{l{columns}}}",
        r"    \toprule",
        *([f"    {_row(table.header)}", r"    \midrule"] if any(table.header) else []),
        *(f"    {_row(row)}" for row in table.rows),
        r"    \bottomrule",
        r"  \end{tabular}",
        r"\end{table}",
    ]
    return "\n".join(lines)


def _row(cells: Iterable[str]) -> str:
    return " & ".join(map(escaped, cells)) + r" \\"
