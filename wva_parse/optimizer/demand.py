"""WVA's analyzers of demand (saturation V2, throughput): what is missing, and what is too much.

Supply, demand and capacities are in the unit of the analyzer: tokens, or tokens/s. WVA `internal/engines/analyzers` and
`internal/engines/saturation/engine_v2.go` (since v0.5.1; `analyzer-result` since v0.9.0):

- utilisation = demand / supply;
- required = demand / `scale_up_threshold` - the supply once every wanted replica is ready, at least 0;
- spare = supply - demand / `scale_down_boundary`, at least 0.

The line tells the present supply and not the expected one: what is required can be recomputed only where no replica
was on its way, and must else come to a whole number of replicas more.
"""

from __future__ import annotations

import math
from typing import NamedTuple

# Of a value that is printed in full.
RELATIVE = 1e-6


class Demand(NamedTuple):
    """What an analyzer saw; `per_replica` is the capacity of one, None where variants differ or none is told."""

    supply: float
    demand: float
    scale_up_threshold: float
    scale_down_boundary: float
    per_replica: float | None


class Balance(NamedTuple):
    """What follows: the utilisation, and what is required and to spare."""

    utilisation: float | None
    required: float
    spare: float


def balance(seen: Demand, expected_supply: float | None = None) -> Balance:
    """Weigh demand against supply; `expected_supply` is that of all wanted replicas, by default the present one."""
    expected = seen.supply if expected_supply is None else expected_supply
    return Balance(
        seen.demand / seen.supply if seen.supply else None,
        max(seen.demand / seen.scale_up_threshold - expected, 0.0),
        max(seen.supply - seen.demand / seen.scale_down_boundary, 0.0),
    )


def expected_supply(seen: Demand, required: float) -> float | None:
    """The supply that an analyzer must have expected to find `required`.

    The present one, or whole replicas more; None if that cannot be said: replicas of several capacities may be on
    their way, or no number of them gives it.
    """
    more = seen.demand / seen.scale_up_threshold - required - seen.supply
    if abs(more) <= RELATIVE * max(seen.supply, seen.demand) or (required == 0 and more < 0):
        return seen.supply
    if not seen.per_replica:
        return None
    replicas = more / seen.per_replica
    whole = math.ceil(replicas) if required == 0 else round(replicas)  # nothing is required: so many, or more
    is_whole = required == 0 or abs(replicas - whole) <= RELATIVE * abs(whole)
    return seen.supply + whole * seen.per_replica if whole > 0 and is_whole else None
