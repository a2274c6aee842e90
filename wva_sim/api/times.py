"""Times as Kubernetes writes them, and what the API needs of a clock."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Protocol


class Clock(Protocol):
    """Where the API takes its time from.

    Attributes
    ----------
    speed : float
        Seconds of this clock per real second, told to clients that ask.
    """

    speed: float

    def now(self) -> datetime:
        """The present moment, aware."""
        ...


def rfc3339(moment: datetime) -> str:
    """Whole seconds, as in ``metadata.creationTimestamp``: ``2026-01-01T00:00:00Z``."""
    return moment.astimezone(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def rfc3339nano(moment: datetime) -> str:
    """Microseconds, padded to nanoseconds as a container runtime prints them."""
    return moment.astimezone(timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.%f000Z")


def parse_rfc3339(text: str) -> datetime:
    """Read a timestamp with or without a fraction (cut to microseconds) and with ``Z`` or an offset.

    Raises
    ------
    ValueError
        If the text is no RFC 3339 timestamp.
    """
    body, zone = (text[:-1], "+00:00") if text.endswith(("Z", "z")) else (text[:-6], text[-6:])
    whole, _, fraction = body.partition(".")
    if fraction and not fraction.isdigit():
        raise ValueError(f"not an RFC 3339 timestamp: {text!r}")
    return datetime.fromisoformat(f"{whole}.{fraction[:6]:0<6}{zone}").astimezone(timezone.utc)
