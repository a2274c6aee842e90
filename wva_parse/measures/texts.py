"""Numbers as people write them."""

from __future__ import annotations

UNKNOWN = "not known"


def percent(share: float) -> str:
    """A fraction."""
    return f"{100 * share:.1f} %"


FEW = 100  # below, a share is told by its counts


def share_of(part: int, whole: int, what: str = "", several: str = "") -> str:
    """How many of how many; as a percentage where these are many enough for one: `7 of 21 minutes`."""
    named = count(whole, what, several) if what else str(whole)
    return f"{part} of {named}" if whole < FEW else f"{percent(part / whole)} of {named}"


def ms(value: float) -> str:
    """A latency in ms."""
    return f"{value:.2f} ms" if abs(value) < 100 else f"{value:.0f} ms"


def bias(bias_ms: float) -> str:
    """A mean error (observed - predicted) as a direction."""
    if abs(bias_ms) < 0.005:
        return "neither too high nor too low"
    return f"{ms(abs(bias_ms))} too {'low' if bias_ms > 0 else 'high'} on balance"


def number(value: float) -> str:
    """A number without decimals that say nothing."""
    return f"{value:.0f}" if float(value).is_integer() else f"{value:.2f}"


def cell(value: float | None) -> str:
    """A number, or a dash where it is unknown."""
    return "–" if value is None else number(value)


def count(number: int, what: str, several: str = "") -> str:
    """How many of what."""
    return f"{number} {what if number == 1 else several or what + 's'}"


def times(count: int) -> str:
    """How often."""
    return {0: "never", 1: "once", 2: "twice"}.get(count, f"{count} times")


def points(share: float) -> str:
    """A difference of two fractions, in percentage points."""
    return f"{100 * share:+.1f} pp"
