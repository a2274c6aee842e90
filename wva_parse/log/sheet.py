"""Rows as lines of a CSV file, as `csv` writes them.

A file of metrics has many columns and most rows few of them, always the same for rows of one kind. So what stands
between the values is made once for all rows with the same columns; and `csv` itself is asked for what needs quotes.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterable, Sequence
from operator import itemgetter
from types import SimpleNamespace
from typing import Any, TextIO

from wva_parse.log.rows import Row

# So many lines are written at once.
_BATCH = 1000

# The line of all rows with the same columns, with `%s` for each value; and how to take the values from a row.
_Form = tuple[str, Callable[[Row], Any]]


class Sheet:
    """A CSV file that is written.

    Parameters
    ----------
    stream
        The file, opened with `newline=""`.
    columns
        Of its header. Rows may lack any of them, and have others, which are left out.
    """

    def __init__(self, stream: TextIO, columns: Sequence[str]) -> None:
        self._stream = stream
        self._columns = columns
        self._lines: list[str] = []
        self._csv = csv.writer(SimpleNamespace(write=self._lines.append), lineterminator="\n")
        self._forms: dict[tuple[str, ...], _Form] = {}
        self._csv.writerow(columns)

    def write(self, row: Row) -> None:
        """Add a row, which has one of the columns at least; what is not known is absent from it, and never None."""
        columns = tuple(row)
        form = self._forms.get(columns)
        if form is None:
            form = self._forms[columns] = self._form_of(columns)
        text, values = form
        line = text % values(row)
        if _is_plain(line, len(self._columns)):
            self._lines.append(line)
        else:
            self._csv.writerow(map(row.get, self._columns))
        if len(self._lines) >= _BATCH:
            self.flush()

    def flush(self) -> None:
        """Write what is not written yet."""
        self._stream.write("".join(self._lines))
        self._lines.clear()

    def _form_of(self, columns: Iterable[str]) -> _Form:
        there = frozenset(columns)
        text = ",".join("%s" if column in there else "" for column in self._columns)
        return f"{text}\n", itemgetter(*(column for column in self._columns if column in there))


def _is_plain(line: str, columns: int) -> bool:
    """Whether no value of a line needs quotes: it has nothing but the commas and the newline between values."""
    return line.count(",") == columns - 1 and line.count("\n") == 1 and '"' not in line and "\r" not in line
