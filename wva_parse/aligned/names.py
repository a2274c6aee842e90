"""Names told apart by what differs in them: variants of one model often share most of a long name."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import takewhile


def without_common_words(names: Sequence[str]) -> list[str]:
    """The names without the words, up to a hyphen, with which all of them begin; each keeps its last one."""
    if len(names) < 2:
        return list(names)
    columns = zip(*(name.split("-")[:-1] for name in names), strict=False)
    shared = takewhile(lambda words: len(set(words)) == 1, columns)
    length = sum(len(words[0]) + 1 for words in shared)
    return [name[length:] for name in names]
