"""Raw lines: what is one of the controller's own, what is not, and what counts once."""

from __future__ import annotations

from pathlib import Path

import pytest
from examples import CONSOLE, WHOLE, own

from wva_parse.log.lines import REPEAT_WINDOW, Line, LineCounts, LogError, open_log, parse_stamp, read_lines, utc_stamp

STAMP = "2026-01-01T00:00:00.000Z"


def read(*raw: bytes) -> tuple[list[Line], LineCounts]:
    counts = LineCounts()
    return list(read_lines(raw, counts)), counts


def test_an_object_per_line():
    (line,), counts = read(own("all is well"))
    assert line[:4] == (1, STAMP, "INFO", "all is well")
    assert (counts.lines, counts.not_json, counts.repeated) == (1, 0, 0)


def test_no_lines():
    lines, counts = read()
    assert lines == []
    assert counts == LineCounts()


@pytest.mark.parametrize(
    "raw",
    [
        pytest.param(WHOLE + b"\n", id="newline"),
        pytest.param(WHOLE + b"\r\n", id="CRLF"),
        pytest.param(b"2026-01-01T00:00:00.123456789Z " + WHOLE, id="kubectl's own stamp"),
        pytest.param(b'{"level":"INFO","ts":"2026-01-01T00:00' + WHOLE, id="behind a torn half"),
        pytest.param(b'{"level":"INFO","ts":"x","msg":"a' + b'{"level":"DEBUG","ts"' + WHOLE, id="behind two halves"),
        pytest.param(b"\0" * 4096 + WHOLE, id="behind zeros"),
        pytest.param(b"\xef\xbb\xbf" + WHOLE, id="behind a byte order mark"),
        pytest.param(b"2026-01-01T00:00:00Z\tINFO\tsatura" + WHOLE, id="behind half a console line"),
    ],
)
def test_a_whole_line_is_found(raw):
    (line,), counts = read(raw)
    assert line[:4] == (1, STAMP, "INFO", "whole")
    assert counts.not_json == 0


@pytest.mark.parametrize(
    "raw",
    [
        pytest.param(WHOLE + own("next"), id="objects"),
        pytest.param(WHOLE + b"2026-01-01T00:00:00Z\tINFO\tx\ta.go:1\tnext", id="object and columns"),
        pytest.param(WHOLE + own("next")[:30] + own("next"), id="a half between"),
        pytest.param(WHOLE + own("next") + b"I1207 23:59:10.8 1 leader.go:1] x", id="klog behind"),
        pytest.param(WHOLE + own("next") + own("half")[:-3], id="a half behind"),
    ],
)
def test_lines_whose_newline_was_lost(raw):
    lines, counts = read(raw, WHOLE)
    assert [(line.number, line.message) for line in lines] == [(1, "whole"), (1, "next")]
    assert (counts.lines, counts.not_json, counts.repeated) == (2, 0, 1)


@pytest.mark.parametrize(
    "raw",
    [
        pytest.param(b"I1207 23:59:10.877280       1 leaderelection.go:257] attempting to acquire lease", id="klog"),
        pytest.param(b'E0808 02:23:10.1 1 event.go:442] "x" object={"level":1}', id="klog with an object"),
        pytest.param(b"2026-01-01T00:00:00.1Z I1207 23:59:10.8 1 leader.go:1] x", id="klog with kubectl's stamp"),
        pytest.param(b"sigs.k8s.io/controller-runtime/pkg/source.(*Kind).Start.func1", id="stack trace, function"),
        pytest.param(b"\t/go/pkg/mod/sigs.k8s.io/source/kind.go:75", id="stack trace, place"),
        pytest.param(b'{"level":"INFO","ts":"2026-01-01T00:00:00.000Z","msg":"Processing dec', id="first half"),
        pytest.param(b'cision: variant=a, action=no-change"}', id="second half"),
        pytest.param(b'2026-01-01T00:00:00Z\tINFO\ta.go:1\tGrouped VAs by model\t{"modelC', id="half a console line"),
        pytest.param(b"2026-01-01T00:00:00Z\tINFO\ta.go:1", id="console line without a message"),
        pytest.param(b'{"level":"INFO","ts":"2026-01-01T00:00:00.000Z"}', id="no message"),
        pytest.param(b'{"level":"INFO","ts":"2026-01-01T00:00:00.000Z","msg":5}', id="message that is no text"),
        pytest.param(b"[1, 2]", id="array"),
        pytest.param(b"\0\0\0", id="zeros"),
    ],
)
def test_other_text_is_survived_and_counted(raw):
    lines, counts = read(raw, WHOLE)
    assert [line.message for line in lines] == ["whole"]
    assert (counts.lines, counts.not_json) == (2, 1)


def test_an_empty_line_is_nothing():
    lines, counts = read(b"\n", b"  \n", WHOLE)
    assert len(lines) == 1
    assert (counts.lines, counts.not_json) == (3, 0)


def test_bad_utf8_is_replaced():
    (line,), counts = read(WHOLE.replace(b"whole", b"wh\xffole"))
    assert line.message == "wh�ole"
    assert counts.not_json == 0


def test_a_line_of_a_megabyte():
    (line,), _ = read(own("x" * 1_000_000))
    assert len(line.message) == 1_000_000


def test_deep_nesting_is_no_crash():
    _, counts = read(b'{"level":' + b"[" * 100_000)
    assert counts.not_json == 1


# --- console --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("raw", "level", "message", "data"),
    [
        pytest.param(CONSOLE, "INFO", "Grouped VAs by model", {"modelCount": 1}, id="without logger"),
        pytest.param(
            b"2026-01-01T00:00:00Z\tINFO\tsetup\tcmd/main.go:159\tLogger initialized",
            "INFO",
            "Logger initialized",
            {},
            id="logger, no values",
        ),
        pytest.param(
            b'2026-01-01T00:00:00Z\tINFO\tsetup\tstarting manager\t{"a": 1}',
            "INFO",
            "starting manager",
            {"a": 1},
            id="logger, no caller",
        ),
        pytest.param(
            b'2026-01-01T00:00:00Z\tLEVEL(-4)\tcollector/replica_metrics.go\tQueue metric\t{"pod": "p-0"}',
            "LEVEL",
            "Queue metric",
            {"pod": "p-0"},
            id="verbose level, caller without line",
        ),
        pytest.param(
            b'2026-01-01T00:00:00Z\tDEBUG\ta.go:1\tm\t{"name": "y", "namespace": "x", "name": "y"}',
            "DEBUG",
            "m",
            {"name": "y", "namespace": "x"},
            id="key twice",
        ),
        pytest.param(
            b'2026-01-01T00:00:00.5Z 2026-01-01T01:00:00+01:00\tERROR\tx\ta.go:1\tm\t{"targets": {"a":1}}',
            "ERROR",
            "m",
            {"targets": {"a": 1}},
            id="kubectl's stamp, a pod outside UTC",
        ),
        pytest.param(
            b"2026-01-01T00:00:00Z\tINFO\tsaturation/eng" + CONSOLE,
            "INFO",
            "Grouped VAs by model",
            {"modelCount": 1},
            id="behind a torn half",
        ),
    ],
)
def test_columns_separated_by_tabs(raw, level, message, data):
    (line,), counts = read(raw)
    assert (line.level, line.message, line.data) == (level, message, data)
    assert parse_stamp(line.timestamp) == parse_stamp("2026-01-01T00:00:00Z")
    assert counts.not_json == 0


def test_the_same_release_told_to_write_objects():
    (line,), _ = read(
        b'{"level":"Level(-4)","ts":"2026-01-01T00:00:00Z","caller":"c.go:1","msg":"Queue metric","queueLength":3}'
    )
    assert (line.level, line.message, line.data["queueLength"]) == ("LEVEL", "Queue metric", 3)


def test_lines_of_one_second_with_other_values_are_no_repeats():
    lines, counts = read(CONSOLE, CONSOLE.replace(b"1}", b"2}"), CONSOLE)
    assert [line.data["modelCount"] for line in lines] == [1, 2]
    assert counts.repeated == 1


def test_lines_that_say_the_same_at_other_times_are_told_apart():
    later = CONSOLE.replace(b"2026-01-01T00:00:00Z", b"2026-01-01T01:00:10+01:00")
    lines, counts = read(CONSOLE, later, CONSOLE[:-1], b"x" * 100 + later)
    assert [(line.number, line.timestamp) for line in lines] == [
        (1, "2026-01-01T00:00:00Z"),
        (2, "2026-01-01T00:00:10.000Z"),
    ]
    assert (lines[0].message, lines[0].data) == (lines[1].message, lines[1].data)
    assert (counts.repeated, counts.cut) == (1, 1)


# --- repeats --------------------------------------------------------------------------------------


def test_a_block_collected_twice_counts_once():
    block = [own(f"line {number}") for number in range(30)]
    lines, counts = read(*block, *block)
    assert len(lines) == 30
    assert (counts.lines, counts.repeated) == (60, 30)


def test_the_window_of_repeats():
    between = [own(f"line {number}") for number in range(REPEAT_WINDOW - 1)]
    lines, counts = read(WHOLE, *between, WHOLE)
    assert counts.repeated == 1
    lines, counts = read(WHOLE, *between, own("one more"), WHOLE)
    assert counts.repeated == 0
    assert lines[0].message == lines[-1].message == "whole"


@pytest.mark.parametrize("other", [own("Whole"), own("whole", level="DEBUG"), own("whole", "2026-01-01T00:00:00.001Z")])
def test_what_differs_in_level_time_or_message_is_no_repeat(other):
    _, counts = read(WHOLE, other)
    assert counts.repeated == 0


def test_a_repeat_behind_kubectls_stamp_is_one():
    _, counts = read(WHOLE, b"2026-01-01T00:00:00.123456789Z " + WHOLE)
    assert counts.repeated == 1


# --- times ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("stamp", "expected"),
    [
        ("2025-12-09T15:16:58.054Z", "2025-12-09T15:16:58.054Z"),
        ("2025-12-09T16:16:58.054+0100", "2025-12-09T15:16:58.054Z"),
        ("2025-12-09T16:16:58+01:00", "2025-12-09T15:16:58.000Z"),
        ("2025-12-09T10:16:58.123456789-05:00", "2025-12-09T15:16:58.123Z"),
        (1753819294.5410285, "2025-07-29T20:01:34.541Z"),
        (1753819294, "2025-07-29T20:01:34.000Z"),
        ("yesterday", ""),
        ("", ""),
        (None, ""),
        (True, ""),
        (1e300, ""),
        (float("nan"), ""),
    ],
)
def test_times_in_utc(stamp, expected):
    assert utc_stamp(stamp) == expected


# --- files ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "said"),
    [
        pytest.param(b"", "is empty", id="empty"),
        pytest.param(b"\n \n", "is empty", id="blank"),
        pytest.param(b"\x1f\x8b\x08\0abc", "gunzip", id="gzip"),
        pytest.param(b"\x7fELF\0\0\0", "binary", id="binary"),
        pytest.param("ä".encode("utf-16"), "iconv", id="UTF-16"),
    ],
)
def test_what_is_no_log_is_refused_with_its_name(tmp_path: Path, content, said):
    log = tmp_path / "x.jsonl"
    log.write_bytes(content)
    with pytest.raises(LogError, match=said) as error:
        list(open_log(log))
    assert str(log) in str(error.value)


@pytest.mark.parametrize("name", ["missing.jsonl", "."])
def test_what_cannot_be_opened_is_said(tmp_path: Path, name):
    with pytest.raises(LogError, match=r"no such file|cannot be read"):
        list(open_log(tmp_path / name))


def test_zeros_within_a_log_do_not_make_it_binary(tmp_path: Path):
    log = tmp_path / "x.jsonl"
    log.write_bytes(b"\0" * 512 + b"\n" + WHOLE + b"\n")
    counts = LineCounts()
    assert [line.message for line in read_lines(open_log(log), counts)] == ["whole"]
    assert counts.not_json == 1


@pytest.mark.parametrize(
    ("raw", "cut"),
    [
        (WHOLE[:40], 1),
        (CONSOLE[:-4], 1),
        (WHOLE[:40] + WHOLE, 1),
        (WHOLE + WHOLE, 0),
        (b'E0101 00:00:00.1 1 event.go:442] "no reference" object={"level":1}', 0),
        (b"goroutine 1 [running]:", 0),
    ],
)
def test_a_line_that_breaks_off_is_told(raw, cut):
    counts = LineCounts()
    list(read_lines([raw], counts))
    assert (counts.cut, len(counts.changed)) == (cut, cut)
    if cut:
        assert counts.unreadable == ["line 1: it breaks off (cut, or torn by another line)"]


def test_behind_different_stamps_of_kubectl_the_same_words_are_two_lines():
    first, second = (b"2026-01-01T00:00:00.%dZ " % n + CONSOLE for n in (100, 200))
    _, counts = read(first, second, first, CONSOLE)
    assert (counts.lines, counts.repeated) == (4, 2)
