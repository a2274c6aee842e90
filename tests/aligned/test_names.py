"""Names told apart by what differs in them."""

from __future__ import annotations

import pytest

from wva_parse.aligned.names import without_common_words


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        ([], []),
        (["ms-llama-decode"], ["ms-llama-decode"]),
        (["ms-llama-decode", "ms-llama-decode-2"], ["decode", "decode-2"]),
        (["ms-llama-a", "ms-lava-a"], ["llama-a", "lava-a"]),
        (["one", "other"], ["one", "other"]),
        (["ms-a", "ms-a"], ["a", "a"]),
    ],
)
def test_common_words_are_left_out(names, expected):
    assert without_common_words(names) == expected
