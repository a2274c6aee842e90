"""YAML files: values as JSON has them, a line for each, and one message for what is wrong."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wva_parse.plan.documents import MAX_BYTES, ConfigError, read_document


@pytest.fixture
def read(tmp_path):
    """Read a text or bytes as a file."""

    def reader(content):
        path = tmp_path / "file.yaml"
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return read_document(path)

    return reader


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("12", 12),
        ("-3", -3),
        ("1.50", 1.5),
        ("2e3", 2000.0),
        ("true", True),
        ("null", None),
        ("~", None),
        ("", None),
        ("yes", "yes"),
        ("on", "on"),
        ("017", "017"),
        ("0x1f", "0x1f"),
        ("1_000", "1_000"),
        ("12:30:00", "12:30:00"),
        ("2026-01-01", "2026-01-01"),
        ('"12"', "12"),
        ("[1, a]", [1, "a"]),
    ],
)
def test_scalars_are_what_json_knows_and_text_otherwise(read, written, value):
    assert read(f"key: {written}\n").data == {"key": value}


def test_every_value_has_its_line(read):
    document = read("a: 1\nb:\n  - c: 2\n    d: 3\n  -\n    c: 4\n")
    assert [document.line(*where) for where in (("a",), ("b",), ("b", 0, "d"), ("b", 1, "c"))] == [1, 2, 4, 6]


def test_what_is_not_there_has_the_line_of_what_is_around_it(read):
    document = read("a: 1\nb:\n  - c: 2\n")
    assert document.at("b", 0, "missing", "deeper") == f"{document.path}:3"
    assert document.at("missing") == f"{document.path}:1"


def test_byte_order_mark_and_carriage_returns(read):
    assert read(b"\xef\xbb\xbfa: 1\r\nb: x\r\n").data == {"a": 1, "b": "x"}


def test_anchors_and_merge_keys(read):
    document = read("base: &base {rate: 1, seed: 2}\nnext:\n  <<: *base\n  seed: 3\n")
    assert document.data["next"] == {"rate": 1, "seed": 3}


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("", ":1: no YAML in it"),
        ("# only a comment\n", ":1: no YAML in it"),
        ("- a\n- b\n", ":1: a list; expected a mapping"),
        ("just words\n", ":1: the text 'just words'; expected a mapping"),
        ("a: 1\n---\nb: 2\n", ":3: a second YAML document"),
        ("a: 1\nb: [1,\n", ":3: not valid YAML"),
        ("a: 1\n\tb: 2\n", ":2: not valid YAML"),
        ("a: 1\nb: 2\na: 3\n", ":3: key 'a' again; it was given in line 1"),
        ("a: !!python/object:os.system x\n", ":1: not valid YAML: could not determine a constructor"),
        ("[a, b]: 1\n", ":1: not valid YAML: a key that is no plain text"),
        (b"a: 1\nb: \xff\n", ":2: not UTF-8 text (byte 0xff)"),
        ("a: 1\nb: \x07\n", ":2: not a text file: it holds the character U+0007"),
    ],
)
def test_what_is_wrong_is_said_with_its_line(read, content, said):
    with pytest.raises(ConfigError) as error:
        read(content)
    assert said in str(error.value)
    assert len(error.value.messages) == 1


def test_every_repeated_key_is_named(read):
    with pytest.raises(ConfigError) as error:
        read("a: 1\na: 2\nb:\n  c: 1\n  c: 2\n")
    assert [message.split(": ", 1)[1] for message in error.value.messages] == [
        "key 'a' again; it was given in line 1",
        "key 'c' again; it was given in line 4",
    ]


def test_an_alias_bomb_is_refused(read):
    rows = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    rows += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 9)]
    with pytest.raises(ConfigError, match="more than 10000 values"):
        read("\n".join(rows))


def test_deep_nesting_is_refused(read):
    with pytest.raises(ConfigError, match="nested too deeply"):
        read("a: " + "[" * 5000 + "]" * 5000)


def test_files_that_cannot_be_read(tmp_path):
    with pytest.raises(ConfigError, match="no such file"):
        read_document(tmp_path / "none.yaml")
    with pytest.raises(ConfigError, match="a directory; expected a YAML file"):
        read_document(tmp_path)
    with pytest.raises(ConfigError, match="not a regular file"):
        read_document(Path("/dev/null"))
    (tmp_path / "huge.yaml").write_text(f"name: {'a' * MAX_BYTES}\n")
    with pytest.raises(ConfigError, match=f"100007 bytes; expected .* at most {MAX_BYTES}"):
        read_document(tmp_path / "huge.yaml")


@given(content=st.one_of(st.binary(max_size=80), st.text(max_size=80).map(str.encode)))
def test_any_file_gives_a_mapping_or_messages(tmp_path_factory, content):
    path = tmp_path_factory.getbasetemp() / "any.yaml"
    path.write_bytes(content)
    try:
        assert isinstance(read_document(path).data, dict)
    except ConfigError as error:
        assert error.messages
        assert all(message.startswith(str(path)) for message in error.messages)
