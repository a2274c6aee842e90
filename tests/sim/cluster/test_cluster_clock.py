"""The clock of the embedded cluster."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest

from wva_sim.cluster.clock import SimClock, default_epoch


def test_time_runs_at_its_speed_from_its_epoch() -> None:
    ticks = iter((100.0, 100.0, 106.25))
    epoch = datetime(2026, 1, 1, tzinfo=timezone.utc)
    clock = SimClock(10, epoch, lambda: next(ticks))
    assert clock.now() == epoch
    assert clock.now() == epoch + timedelta(seconds=62.5)


def test_the_epoch_lies_far_enough_behind_real_time() -> None:
    assert default_epoch(datetime(2026, 11, 1, tzinfo=timezone.utc)).year == 2026
    assert default_epoch(datetime(2026, 2, 1, tzinfo=timezone.utc)).year == 2025
    assert default_epoch(datetime(2024, 6, 1, tzinfo=timezone.utc)).year == 2024


def test_a_clock_that_stands_is_refused() -> None:
    with pytest.raises(ValueError, match="speed is 0"):
        SimClock(0)
