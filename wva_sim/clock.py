"""One clock for everything the embedded cluster says.

Simulated time starts at a fixed epoch and runs ``speed`` times as fast as real time. It stays behind
real time, because a client that sees an object from the future prints ``<invalid>`` as its age.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from datetime import datetime, timedelta, timezone

EPOCH = datetime(2026, 1, 1, tzinfo=timezone.utc)
# At 60 times real time a day of wall clock is two simulated months: nobody keeps a cluster that long.
HEADROOM = timedelta(days=60)


def default_epoch(real_now: datetime | None = None) -> datetime:
    """The usual epoch, or the same day of an earlier year on a machine whose clock is not far past it."""
    real_now = real_now or datetime.now(timezone.utc)
    epoch = EPOCH
    while epoch > real_now - HEADROOM and epoch.year > 1970:
        epoch = epoch.replace(year=epoch.year - 1)
    return epoch


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


class SimClock:
    """Simulated UTC time.

    Parameters
    ----------
    speed : float
        Simulated seconds per real second.
    epoch : datetime, optional
        Where time starts; default: `default_epoch`.
    ticks : callable, optional
        Real seconds from an arbitrary zero; tests may step it by hand.
    """

    def __init__(
        self, speed: float = 1.0, epoch: datetime | None = None, ticks: Callable[[], float] = time.monotonic
    ) -> None:
        if speed <= 0:
            raise ValueError(f"speed is {speed}; expected simulated seconds per real second, above 0")
        self.speed = float(speed)
        self.epoch = epoch or default_epoch()
        self._ticks = ticks
        self._zero = ticks()

    def now(self) -> datetime:
        """Simulated time, aware UTC."""
        return self.epoch + timedelta(seconds=(self._ticks() - self._zero) * self.speed)

    def rfc3339(self, moment: datetime | None = None) -> str:
        """`rfc3339` of a moment; default: now."""
        return rfc3339(moment or self.now())

    def rfc3339nano(self, moment: datetime | None = None) -> str:
        """`rfc3339nano` of a moment; default: now."""
        return rfc3339nano(moment or self.now())

    async def sleep(self, simulated_seconds: float) -> None:
        """Sleep until this much simulated time has passed."""
        await self.sleep_until(self.now() + timedelta(seconds=max(0.0, simulated_seconds)))

    async def sleep_until(self, moment: datetime) -> None:
        """Sleep until the simulated moment; yields once even if it has passed already."""
        await asyncio.sleep(0)
        while (rest_s := (moment - self.now()).total_seconds()) > 0:
            await asyncio.sleep(rest_s / self.speed)
