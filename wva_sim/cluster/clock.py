"""One clock for everything the embedded cluster says.

Simulated time starts at a fixed epoch and runs ``speed`` times as fast as real time. It stays behind
real time, because a client that sees an object from the future prints ``<invalid>`` as its age.
"""

from __future__ import annotations

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
