"""Logs in tests/data and the rows expected of them: `python tests/rebuild_expected.py` writes the latter anew.

Read the difference before committing it: what this script writes is what the parser does, not what it should do.
"""

from __future__ import annotations

import csv
import io
import sys
from pathlib import Path

DATA = Path(__file__).resolve().parent / "data"
sys.path[:0] = [str(DATA.parent), str(DATA.parent.parent)]

from examples import rows_of  # noqa: E402

from wva_parse.log.rows import COLUMNS  # noqa: E402


def logs() -> list[Path]:
    """The logs that have, or should have, an expectation."""
    return sorted(path for path in DATA.iterdir() if path.suffix in (".jsonl", ".log"))


def expectation_of(log: Path) -> Path:
    """Where the rows expected of a log are."""
    return log.with_suffix(".expected.csv")


def rows_as_csv(log: Path) -> str:
    """The rows of a log, with the columns that any of them fills."""
    rows, _, _ = rows_of(log.read_bytes().splitlines(keepends=True))
    columns = [column for column in COLUMNS if any(column in row for row in rows)]
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, lineterminator="\n", extrasaction="ignore")  # `loop_run` is in no file
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def main() -> None:
    """Write every expectation anew."""
    for log in logs():
        expectation_of(log).write_text(rows_as_csv(log), encoding="utf-8")
        print(expectation_of(log).name)


if __name__ == "__main__":
    main()
