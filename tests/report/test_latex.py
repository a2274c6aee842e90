"""Tables for a paper."""

from __future__ import annotations

from wva_parse.report.latex import escaped, latex_table
from wva_parse.report.sections import Table


def test_what_means_something_to_latex_is_text():
    assert escaped("a_b & 95 % of #1 {x} $2 ^~\\") == (
        r"a\_b \& 95 \% of \#1 \{x\} \$2 \textasciicircum{}\textasciitilde{}\textbackslash{}"
    )
    assert escaped("two\nlines") == "two lines"


def test_a_minus_is_no_hyphen():
    assert escaped("-12.5 to -0.5, model-based-20251210-115341, –") == (
        "$-$12.5 to $-$0.5, model-based-20251210-115341, --"
    )


def test_a_table_has_the_rules_of_booktabs():
    found = latex_table(Table(["", "a_1"], [["share", "50 %"]]), "Of one & two")
    assert found.splitlines() == [
        r"% needs \usepackage{booktabs}",
        r"\begin{table}",
        r"  \centering",
        r"  \caption{Of one \& two}",
        r"  \begin{tabular}{lr}",
        r"    \toprule",
        r"     & a\_1 \\",
        r"    \midrule",
        r"    share & 50 \% \\",
        r"    \bottomrule",
        r"  \end{tabular}",
        r"\end{table}",
    ]
