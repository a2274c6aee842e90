"""YAML files written by people: exactly one mapping, and the line of each of its values.

Numbers, booleans and null are recognised as in JSON and nothing else is: `yes`, `017` and `1_000` are text here,
because the programs called yq do not agree on them. What is wrong is said once, as `file:line: what`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

import yaml

Where = tuple[str | int, ...]  # keys and indices from the top of the document to a value

MAX_BYTES = 100_000  # reading so many takes seconds; a hundred megabytes would take an hour
MAX_VALUES = 10_000  # aliases of aliases can stand for billions of values


class ConfigError(Exception):
    """What a person has to change in a file; `messages` holds one line per problem."""

    def __init__(self, messages: Iterable[str]) -> None:
        self.messages = tuple(messages)
        super().__init__("\n".join(self.messages))


class Document(NamedTuple):
    """One YAML mapping, and where in the file its parts are."""

    path: Path
    data: dict[str, Any]
    lines: dict[Where, int]
    repeated: tuple[str, ...] = ()  # keys that were given twice, as messages

    def line(self, *where: str | int) -> int:
        """Line of a value, or of the nearest thing around it that the file has."""
        while where and where not in self.lines:
            where = where[:-1]
        return self.lines.get(where, 1)

    def at(self, *where: str | int) -> str:
        """`file:line` of a value, or of the nearest thing around it that the file has."""
        return f"{self.path}:{self.line(*where)}"


class _Loader(yaml.SafeLoader):
    """YAML whose plain scalars are text unless JSON knows them as something else."""

    yaml_implicit_resolvers: dict[str, Any] = {}  # noqa: RUF012  (the base class reads it from here)


for _tag, _pattern, _first in (
    ("null", r"^(null|~|)$", ["n", "~", ""]),
    ("bool", r"^(true|false)$", ["t", "f"]),
    ("int", r"^-?(0|[1-9][0-9]*)$", list("-0123456789")),
    ("float", r"^-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][-+]?[0-9]+)?$", list("-0123456789")),
    ("merge", r"^<<$", ["<"]),
):
    _Loader.add_implicit_resolver(f"tag:yaml.org,2002:{_tag}", re.compile(_pattern), _first)


def read_document(path: Path) -> Document:
    """Read a file that holds one YAML mapping.

    Raises
    ------
    ConfigError
        If the file cannot be read, is not UTF-8, or holds no mapping, several documents, or a key twice.
    """
    document = read_whole(path)
    if document.repeated:
        raise ConfigError(document.repeated)
    return document


def read_whole(path: Path) -> Document:
    """The same where a key may be there twice; its last value counts, and `repeated` says so.

    Raises
    ------
    ConfigError
        If the file cannot be read, is not UTF-8, or holds no mapping or several documents.
    """
    text, loader = _read_text(path), None
    try:
        loader = _Loader(text)
        if not loader.check_node():
            raise ConfigError([f"{path}:1: no YAML in it; expected one mapping of keys to values"])
        root = _next_node(loader)
        if loader.check_node():
            line = _next_node(loader).start_mark.line + 1
            raise ConfigError([f"{path}:{line}: a second YAML document; expected one per file"])
        if not isinstance(root, yaml.MappingNode):
            raise ConfigError(
                [f"{path}:{root.start_mark.line + 1}: {_kind(root)}; expected a mapping of keys to values"]
            )
        reader = _Reader(loader)
        data = reader.value(root, ())
        repeated = tuple(f"{path}:{line}: {problem}" for line, problem in reader.repeated)
        return Document(path, data, reader.lines, repeated)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        what = " ".join(part for part in (error.context, error.problem) if part)
        line = mark.line + 1 if mark else 1
        raise ConfigError([f"{path}:{line}: not valid YAML: {what}"]) from None
    except yaml.reader.ReaderError as error:
        raise ConfigError(
            [
                f"{path}:{text.count(chr(10), 0, error.position) + 1}: not a text file:"
                f" it holds the character U+{int(error.character):04X}"
            ]
        ) from None
    except RecursionError:
        raise ConfigError([f"{path}: nested too deeply, or an alias that contains itself"]) from None
    finally:
        if loader is not None:
            loader.dispose()


def _next_node(loader: _Loader) -> yaml.Node:
    node = loader.get_node()
    assert node is not None  # check_node() has said so
    return node


def _read_text(path: Path) -> str:
    if path.is_dir():
        raise ConfigError([f"{path}: a directory; expected a YAML file"])
    if not path.is_file():
        seen = "not a regular file; it is read more than once" if path.exists() else "no such file"
        raise ConfigError([f"{path}: {seen}"])
    try:
        if (size := path.stat().st_size) > MAX_BYTES:
            raise ConfigError([f"{path}: {size} bytes; expected a YAML file written by a person, at most {MAX_BYTES}"])
        content = path.read_bytes()
    except OSError as error:
        raise ConfigError([f"{path}: cannot be read: {error.strerror}"]) from None
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise ConfigError(
            [f"{path}:{line}: not UTF-8 text (byte 0x{content[error.start]:02x}); expected a YAML file"]
        ) from None


def _kind(node: yaml.Node) -> str:
    if isinstance(node, yaml.SequenceNode):
        return "a list"
    return f"the text {node.value!r}" if isinstance(node, yaml.ScalarNode) and node.value else "nothing"


class _Reader:
    """Turns nodes into plain values and notes the line of each."""

    def __init__(self, loader: _Loader) -> None:
        self.loader = loader
        self.lines: dict[Where, int] = {}
        self.repeated: list[tuple[int, str]] = []
        self._values = 0

    def value(self, node: yaml.Node, where: Where) -> Any:
        self._values += 1
        if self._values > MAX_VALUES:
            raise yaml.MarkedYAMLError(problem=f"more than {MAX_VALUES} values", problem_mark=node.start_mark)
        self.lines.setdefault(where, node.start_mark.line + 1)
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node, where)
        if isinstance(node, yaml.SequenceNode):
            return [self.value(item, (*where, index)) for index, item in enumerate(node.value)]
        return self.loader.construct_object(node, deep=True)

    def _mapping(self, node: yaml.MappingNode, where: Where) -> dict[str, Any]:
        self._note_repeated(node)
        self.loader.flatten_mapping(node)  # resolves `<<`: merged pairs first, own pairs after them
        mapping = {}
        for key_node, value_node in node.value:
            key = key_node.value if isinstance(key_node, yaml.ScalarNode) else None
            if key is None:
                raise yaml.MarkedYAMLError(problem="a key that is no plain text", problem_mark=key_node.start_mark)
            place = (*where, key)
            self.lines[place] = key_node.start_mark.line + 1
            mapping[key] = self.value(value_node, place)
        return mapping

    def _note_repeated(self, node: yaml.MappingNode) -> None:
        first_at: dict[str, int] = {}
        for key_node, _ in node.value:
            if isinstance(key_node, yaml.ScalarNode):
                line = key_node.start_mark.line + 1
                first = first_at.setdefault(key_node.value, line)
                if first != line:
                    self.repeated.append((line, f"key '{key_node.value}' again; it was given in line {first}"))
