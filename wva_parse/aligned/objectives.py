"""The objectives of a run, and whose they are; where they are read from tells `slo`."""

from __future__ import annotations

from typing import NamedTuple

GIVEN, OTHER_RUNS = "given", "other runs"


class Slo(NamedTuple):
    """The objectives of a run, in ms; None where unknown or none.

    `source` is `log`, `config`, `unknown`, `given` (by the caller; `given and log` if only one of the two was) or
    `other runs` (of a comparison). Where they changed during the run, these are the last ones.
    """

    itl_ms: float | None = None
    ttft_ms: float | None = None
    source: str = "unknown"

    @property
    def is_known(self) -> bool:
        """Whether there is any objective."""
        return bool(self.itl_ms or self.ttft_ms)

    @property
    def told(self) -> str:
        """Where they are from, in words."""
        words = {GIVEN: "as given", OTHER_RUNS: "of the other runs"}
        return " and ".join(words.get(source, f"from the {source}") for source in self.source.split(" and "))


def override(own: Slo, other: Slo) -> Slo:
    """The objectives of a run where others are to judge it: those that the others have, and its own besides."""
    itl_ms, ttft_ms = other.itl_ms or own.itl_ms, other.ttft_ms or own.ttft_ms
    is_mixed = own.source != "unknown" and (itl_ms, ttft_ms) != (other.itl_ms, other.ttft_ms)
    return Slo(itl_ms, ttft_ms, f"{other.source} and {own.source}" if is_mixed else other.source)
