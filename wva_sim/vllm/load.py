"""The load on the servers: requests, when they are sent, and what became of them.

Times are simulated seconds from the world's start.
"""

from __future__ import annotations

import math
import random
from dataclasses import dataclass, field
from typing import NamedTuple

# ShareGPT's prompts and answers, in tokens: log-normal, cut at the dataset's limits.
INPUT_TOKENS = (4.75, 1.05, 4, 1024)
OUTPUT_TOKENS = (6.02, 0.65, 4, 1024)


class Done(NamedTuple):
    """One request that was answered."""

    arrived_s: float
    ended_s: float
    ttft_ms: float
    tpot_ms: float  # NaN for a single token
    input_tokens: int
    output_tokens: int


class Lost(NamedTuple):
    """One request that failed."""

    arrived_s: float
    input_tokens: int


class Request:
    """One request on its way."""

    __slots__ = ("arrived_s", "ends_at", "first_token_s", "input_tokens", "load", "output_tokens", "started_at")

    def __init__(self, load: Load, arrived_s: float, input_tokens: int, output_tokens: int) -> None:
        self.load = load
        self.arrived_s = arrived_s
        self.input_tokens = input_tokens
        self.output_tokens = output_tokens
        self.started_at = 0.0  # the replica's counter of iterations when it began to run
        self.ends_at = 0.0  # and when its last token comes
        self.first_token_s = 0.0


@dataclass
class Load:
    """Poisson arrivals at a rate, as `vllm bench serve --request-rate` makes them: an open loop.

    All are sent within `requests / rate_per_s` seconds, the last one at their end: the client scales its exponential
    gaps so that they fill this time. The same seed gives the same times and lengths.

    Raises
    ------
    ValueError
        If it would send nothing.
    """

    name: str
    rate_per_s: float
    requests: int
    seed: int
    start_s: float
    sent: int = 0
    running: int = 0
    done: list[Done] = field(default_factory=list)
    lost: list[Lost] = field(default_factory=list)

    def __post_init__(self) -> None:
        if not self.rate_per_s > 0:
            raise ValueError(f"request rate: saw {self.rate_per_s:g}, expected more than 0")
        if self.requests < 1:
            raise ValueError(f"number of prompts: saw {self.requests}, expected at least 1")
        self._random = random.Random(self.seed)
        self.next_s = self.start_s
        self._set_next()

    @property
    def end_s(self) -> float:
        """When the last request is sent."""
        return self.start_s + self.requests / self.rate_per_s

    @property
    def is_over(self) -> bool:
        """Whether all requests were sent and answered or lost."""
        return self.sent >= self.requests and self.running == 0

    def send(self) -> Request:
        """The request that is due, at `next_s`."""
        request = Request(self, self.next_s, self._tokens(INPUT_TOKENS), self._tokens(OUTPUT_TOKENS))
        self.sent += 1
        self.running += 1
        self._set_next()
        return request

    def lose(self, request: Request) -> None:
        """A request fails."""
        self.running -= 1
        self.lost.append(Lost(request.arrived_s, request.input_tokens))

    def _set_next(self) -> None:
        """Draw the next gap as one of those that have to fill the time that is left.

        Exponential gaps that are scaled to a sum divide it like uniform cuts: of n gaps the first one's share is above
        x with probability (1 - x)^(n - 1).
        """
        gaps = self.requests - self.sent
        if gaps <= 1:
            self.next_s = self.end_s
            return
        share = -math.expm1(math.log1p(-self._random.random()) / (gaps - 1))
        self.next_s += (self.end_s - self.next_s) * share

    def _tokens(self, distribution: tuple[float, float, int, int]) -> int:
        mean, deviation, least, most = distribution
        return min(max(round(self._random.lognormvariate(mean, deviation)), least), most)
