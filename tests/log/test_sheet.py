"""Lines of a CSV file: whatever the rows, they are those that `csv` writes."""

from __future__ import annotations

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wva_parse.log.sheet import Sheet

COLUMNS = ("timestamp", "event_type", "pod", "kv_cache_usage", "queue_length", "at_max")
VALUES = st.one_of(st.text(max_size=5), st.sampled_from(list(',"\n\r%')), st.integers(), st.floats(), st.booleans())


def written(rows, columns=COLUMNS):
    stream = io.StringIO()
    sheet = Sheet(stream, columns)
    for row in rows:
        sheet.write(row)
    sheet.flush()
    return stream.getvalue()


def written_by_csv(rows):
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(COLUMNS)
    writer.writerows([map(row.get, COLUMNS) for row in rows])
    return stream.getvalue()


def test_no_rows():
    assert written([]) == "timestamp,event_type,pod,kv_cache_usage,queue_length,at_max\n"


def test_by_hand():
    rows = [
        {"event_type": "kv_cache", "timestamp": "t", "kv_cache_usage": 0.5, "loop_run": 3},
        {"timestamp": "t", "event_type": "queue", "pod": 'a "pod", one', "queue_length": 0, "at_max": True},
    ]
    assert written(rows).splitlines()[1:] == ["t,kv_cache,,0.5,,", 't,queue,"a ""pod"", one",,0,True']


@given(st.lists(st.dictionaries(st.sampled_from((*COLUMNS, "loop_run")), VALUES), max_size=5))
def test_any_rows_are_written_as_csv_does(rows):
    rows = [{"event_type": "queue", **row} for row in rows]
    assert written(rows) == written_by_csv(rows)


@pytest.mark.parametrize("rows", [999, 1000, 2001])
def test_no_row_is_lost_between_batches(rows):
    assert written([{"timestamp": "t", "queue_length": number} for number in range(rows)]).count("\n") == rows + 1
