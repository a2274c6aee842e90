"""`explain`: a verdict for every line; and the page of all lines, which must be up to date."""

from __future__ import annotations

import io
import re
import sys
from pathlib import Path

import pytest
import rebuild_expected
from examples import CONSOLE, WHOLE, example_line, own
from hypothesis import given
from hypothesis import strategies as st

from wva_parse import __main__ as command_line
from wva_parse.log.explain import VERDICTS, explain, page
from wva_parse.log.lines import LineCounts
from wva_parse.log.readers import compile_row
from wva_parse.log.rows import EVENT_TYPES
from wva_parse.log.table import LOG_LINES
from wva_parse.log.table.form import LogLine

DOCS = Path(__file__).resolve().parents[2] / "docs"


def verdicts(*raw: bytes) -> list[tuple[int, str, str]]:
    return [(number, verdict, kind) for number, verdict, kind, _ in explain(raw, LineCounts())]


def test_each_verdict():
    queue = own("Queue metric: pod=p, queueLength=3")
    assert verdicts(
        b"I1207 23:59:10.8 1 leader.go:1] x",
        queue,
        b"",
        queue,
        own("Starting manager"),
        own("Queue metric: pod=p, queueLength=many"),
        WHOLE,
    ) == [
        (1, "other", ""),
        (2, "read", "queue"),
        (4, "repeat", ""),
        (5, "known", ""),
        (6, "CHANGED", ""),
        (7, "UNKNOWN", ""),
    ]


def test_a_line_says_what_it_says():
    (said,) = explain([own("Queue metric: pod=p, queueLength=3")], LineCounts())
    assert said.text == "pod=p  queue_length=3"


def test_a_line_with_several_entries():
    values = b'{"modelID": "m", "namespace": "n", "decisions": [{"name":"a","curr":1,"tgt":2,"action":"scale-up"},'
    values += b'{"name":"b","curr":1,"tgt":1,"action":"no-change"}]}'
    raw = b"2026-01-01T00:00:00Z\tINFO\ta.go:1\tscaling-decision\t" + values
    assert verdicts(raw, CONSOLE) == [(1, "read", "scaling_decision")] * 2 + [(2, "CHANGED", "")]


def test_why_a_changed_line_is_not_read():
    (said,) = explain([CONSOLE], LineCounts())
    assert said.text == (
        "cannot read 'Grouped VAs by model {modelCount}' as 'Grouped VAs by model {modelCount, totalVAs}' "
        "(log format changed?)"
    )


def test_long_lines_are_quoted_in_part():
    (said,) = explain([own("x" * 1000 + "\n\ty")], LineCounts())
    assert len(said.text) < 200
    assert "\n" not in said.text


@given(st.lists(st.binary(max_size=40), max_size=8))
def test_every_line_that_is_not_blank_has_a_verdict(lines):
    found = list(explain(lines, LineCounts()))
    assert [said.number for said in found] == [number for number, raw in enumerate(lines, start=1) if raw.strip()]
    assert {said.verdict for said in found} <= set(VERDICTS)


# --- command line -----------------------------------------------------------------------------------


def test_a_log(capsys):
    assert command_line.main(["explain", str(rebuild_expected.DATA / "torn-and-foreign-lines.jsonl")]) == 0
    answer, talk = capsys.readouterr()
    assert re.search(r"^ +4 +read +kv_cache +pod=va-1  kv_cache_usage=1.0$", answer, re.MULTILINE)
    assert re.search(r"^ +5 +other", talk, re.MULTILINE)


def test_only_what_is_unknown_of_a_run(tmp_path, capsys):
    (tmp_path / "wva-controller-logs.jsonl").write_bytes(own("Starting manager") + b"\n" + WHOLE + b"\nklog\n")
    assert command_line.main(["explain", "--unknown", str(tmp_path)]) == 0
    assert capsys.readouterr().out == "      2  UNKNOWN                    whole\n"


def test_standard_input(monkeypatch, capsys):
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(WHOLE)))
    assert command_line.main(["explain", "-"]) == 0
    assert "UNKNOWN" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "said"), [(["missing.jsonl"], "missing.jsonl: no such file"), ([], "expected a LOG")]
)
def test_what_cannot_be_explained(arguments, said, capsys):
    try:
        status = command_line.main(["explain", *arguments])
    except SystemExit as stop:
        status = int(stop.code or 0)
    assert status == 2
    assert said in capsys.readouterr().err


# --- pages ------------------------------------------------------------------------------------------


def test_the_page_of_all_lines_is_up_to_date():
    assert (DOCS / "log-lines.md").read_text(encoding="utf-8") == page(), (
        "docs/log-lines.md is stale: wva-parse explain --table > docs/log-lines.md"
    )


def test_the_page_has_every_event_type_and_every_line():
    text = page()
    assert set(EVENT_TYPES) <= set(re.findall(r"^## `(\w+)`$", text, re.MULTILINE))
    for row in LOG_LINES:
        assert row.template.replace("\n", "\\n") in text


def test_the_worked_example_reads_what_it_says():
    document = (DOCS / "adding-a-release.md").read_text(encoding="utf-8")
    block = re.search(r"```python\n(.*?)```", document, re.DOTALL)
    assert block is not None
    assert len(block[1].strip().splitlines()) <= 10
    row = eval(block[1].strip(), {"LogLine": LogLine})
    assert compile_row(row).read(example_line(row)) == {"pod": "p-0", "observed_itl_ms": 12.1, "role": "decode"}
    template = re.search(r"its template is `([^`]+)`", document)
    assert template is not None
    line = example_line(LogLine("", "D9", "", "Replica latency: pod=p-0, itl=12.1ms"))
    assert compile_row(LogLine("pod_metrics", "D9", template[1], "")).read(line) == {
        "pod": "p-0",
        "observed_itl_ms": 12.1,
    }
