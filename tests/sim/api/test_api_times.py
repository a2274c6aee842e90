"""Times as Kubernetes writes them."""

from __future__ import annotations

from datetime import datetime, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wva_sim.api.times import parse_rfc3339, rfc3339, rfc3339nano


@given(st.datetimes(datetime(1990, 1, 1), datetime(2090, 1, 1), timezones=st.just(timezone.utc)))
def test_what_is_written_can_be_read(moment: datetime) -> None:
    assert parse_rfc3339(rfc3339nano(moment)) == moment
    assert parse_rfc3339(rfc3339(moment)) == moment.replace(microsecond=0)


@pytest.mark.parametrize(("text", "microsecond"), [("12:00:00.1Z", 100000), ("14:00:00.123456789+02:00", 123456)])
def test_timestamps_of_other_makers(text: str, microsecond: int) -> None:
    expected = datetime(2026, 1, 1, 12, 0, 0, microsecond, tzinfo=timezone.utc)
    assert parse_rfc3339(f"2026-01-01T{text}") == expected


@pytest.mark.parametrize("text", ["", "yesterday", "2026-01-01", "2026-01-01T00:00:00.xZ", "2026-13-01T00:00:00Z"])
def test_what_is_no_timestamp_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        parse_rfc3339(text)


def test_whole_seconds_and_nanoseconds() -> None:
    moment = datetime(2026, 1, 1, 0, 1, 2, 500_000, tzinfo=timezone.utc)
    assert rfc3339(moment) == "2026-01-01T00:01:02Z"
    assert rfc3339nano(moment) == "2026-01-01T00:01:02.500000000Z"
