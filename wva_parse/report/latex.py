"""Tables for papers: LaTeX with the rules of `booktabs`."""

from __future__ import annotations

from wva_parse.report.sections import Table

_SPECIAL = {
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    **{character: rf"\{character}" for character in "&%$#_{}"},
    "–": "--",
    "−": "$-$",
    "→": r"$\rightarrow$",
    "≥": r"$\geq$",
    "²": "$^2$",
    "ρ": r"$\rho$",
}


def escaped(text: str) -> str:
    """Text as LaTeX prints it."""
    return "".join(_SPECIAL.get(character, character) for character in text)


def tabular(table: Table, source: str) -> str:
    """A table to be put into a `table` environment; `source`, a command say, stands above it as a comment."""
    columns = "l" * len(table.header) if table.is_text else "l" + "r" * (len(table.header) - 1)
    rows = [" & ".join(map(escaped, row)) + r" \\" for row in (table.header, *table.rows)]
    lines = [
        f"% {' '.join(source.split())}",
        r"% \usepackage{booktabs}",
        rf"\begin{{tabular}}{{{columns}}}",
        r"\toprule",
        rows[0],
        r"\midrule",
        *rows[1:],
        r"\bottomrule",
        r"\end{tabular}",
    ]
    return "\n".join(lines)
