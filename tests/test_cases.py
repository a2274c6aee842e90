"""Small captured inputs that were read wrong once: each gives its right values now."""

from __future__ import annotations

from functools import lru_cache

import pytest
from captured import CASES, needs_cases

from wva_parse import run
from wva_parse.aligned.experiment import Experiment
from wva_parse.measures.summary import summarize

pytestmark = needs_cases


@lru_cache
def case(name: str) -> Experiment:
    """A case, read."""
    return run.load(CASES / name)


def test_a_solution_with_a_new_field():
    read = case("solution-with-a-new-field")
    predicted = read.frames["prediction"]
    assert predicted["predicted_itl_ms"].tolist() == [7.514, 7.514]
    assert predicted["slo_itl_ms"].tolist() == [10, 10]
    assert read.counts.changed == []


def test_decisions_with_renamed_keys():
    read = case("decisions-with-renamed-keys")
    assert [(each.called, each.there, each.read) for each in read.counts.changed] == [
        ("variants of an analyzer", 3, 0),
        ("decisions", 3, 0),
    ]
    assert any(note.startswith("0 of 3 decisions were read: line 31: ") for note in read.notes)
    assert [each["called"] for each in summarize(read)["log"]["changed"]] == ["variants of an analyzer", "decisions"]


@pytest.mark.parametrize(
    ("name", "release"), [("v0.5-with-its-start-up-line", ["D4"]), ("v0.9-with-its-tls-lines", ["D7/D8"])]
)
def test_one_release(name, release):
    read = case(name)
    assert list(read.counts.dialects) == release
    assert not any("Several releases" in note for note in read.notes)
