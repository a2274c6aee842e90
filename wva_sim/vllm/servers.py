"""Simulated vLLM servers behind a router.

Each replica is a continuous-batching server: all running requests get one token per iteration, an iteration takes
`ALPHA_MS + BETA_MS * batch`, a prefill `GAMMA_MS + DELTA_MS * tokens * batch`. Running requests hold their tokens in a
KV cache of limited size; what does not fit waits in a queue. The constants are slower than the profile that the
controller predicts with, as measured on H100 nodes, so that its predictions are off.

Iterations are not stepped through: while the batch stays the same they all take equally long, so a counter of
iterations moves in a straight line, and a request ends when the counter has moved by the number of its tokens.

Times are simulated seconds from the world's start.
"""

from __future__ import annotations

import heapq
import math
from collections import deque
from collections.abc import Callable, Iterator
from typing import NamedTuple

from wva_sim.vllm.load import Done, Load, Request

ALPHA_MS, BETA_MS = 7.9, 0.055
GAMMA_MS, DELTA_MS = 16.5, 0.00045
MAX_BATCH = 256
KV_TOKENS = 140_000
WINDOW_S = 60.0  # WVA asks Prometheus for the last minute
SCRAPE_S = 5.0  # how often gauges are looked at
DRAIN_S = 30.0  # a pod's grace period: requests that still run then are lost


class Replica:
    """One vLLM server."""

    def __init__(self, name: str, now_s: float) -> None:
        self.name = name
        self.draining_until_s = math.inf
        self.waiting: deque[Request] = deque()
        self._running: list[tuple[float, int, Request]] = []  # by the counter at which they end
        self._number = 0
        self._counter = 0.0
        self._now_s = now_s
        self._kv_base = 0.0  # tokens in the cache less batch * counter
        self._gauges: deque[tuple[float, float, int]] = deque([(now_s, 0.0, 0)])

    @property
    def load(self) -> int:
        """Requests that run or wait."""
        return len(self._running) + len(self.waiting)

    @property
    def kv_usage(self) -> float:
        """Share of the KV cache in use, 0 to 1."""
        tokens = self._kv_base + len(self._running) * self._counter
        return min(max(tokens / KV_TOKENS, 0.0), 1.0)

    @property
    def next_end_s(self) -> float:
        """When the next request ends, if none comes meanwhile."""
        if not self._running:
            return math.inf
        return self._now_s + max(self._running[0][0] - self._counter, 0.0) * self._iteration_s()

    def add(self, request: Request, now_s: float) -> None:
        """Take a request; it runs at once or waits."""
        self.advance(now_s)
        self.waiting.append(request)
        self._admit()

    def end_next(self, now_s: float) -> Request:
        """End the request that is due."""
        self.advance(now_s)
        _, _, request = heapq.heappop(self._running)
        self._kv_base -= request.input_tokens - request.started_at
        self._admit()
        return request

    def advance(self, now_s: float) -> None:
        """Let time pass."""
        if now_s > self._now_s:
            if self._running:
                self._counter += (now_s - self._now_s) / self._iteration_s()
            self._now_s = now_s

    def look(self, now_s: float) -> None:
        """Note the gauges, as a scrape does."""
        self.advance(now_s)
        self._gauges.append((now_s, self.kv_usage, len(self.waiting)))
        while len(self._gauges) > 1 and self._gauges[0][0] <= now_s - WINDOW_S:
            self._gauges.popleft()

    def maxima(self) -> tuple[float, int]:
        """The highest KV usage and the longest queue of the last minute."""
        return max(usage for _, usage, _ in self._gauges), max(queue for _, _, queue in self._gauges)

    def drop(self, now_s: float, is_unwanted: Callable[[Request], bool]) -> list[Request]:
        """Abort requests, as vLLM does when a client hangs up; those that were here."""
        self.advance(now_s)
        dropped = [*self.waiting, *(request for _, _, request in self._running)]
        dropped = [request for request in dropped if is_unwanted(request)]
        self.waiting = deque(request for request in self.waiting if not is_unwanted(request))
        self._running = [entry for entry in self._running if not is_unwanted(entry[2])]
        heapq.heapify(self._running)
        self._kv_base = float(sum(request.input_tokens - request.started_at for _, _, request in self._running))
        self._admit()
        return dropped

    def _iteration_s(self) -> float:
        return (ALPHA_MS + BETA_MS * len(self._running)) / 1000

    def _admit(self) -> None:
        while self.waiting and len(self._running) < MAX_BATCH:
            request = self.waiting[0]
            used = self._kv_base + len(self._running) * self._counter
            if self._running and used + request.input_tokens > KV_TOKENS:
                return
            self.waiting.popleft()
            batch = len(self._running) + 1
            prefill_s = (GAMMA_MS + DELTA_MS * request.input_tokens * batch) / 1000
            request.first_token_s = self._now_s + prefill_s
            request.started_at = self._counter
            iteration_s = (ALPHA_MS + BETA_MS * batch) / 1000
            request.ends_at = self._counter + prefill_s / iteration_s + request.output_tokens - 1
            self._kv_base += request.input_tokens - request.started_at
            self._number += 1
            heapq.heappush(self._running, (request.ends_at, self._number, request))


class Traffic(NamedTuple):
    """Means over the last minute, zeros if nothing was answered."""

    ttft_ms: float
    itl_ms: float
    rate_per_min: float  # of answered requests, which is what WVA takes for the arrival rate
    input_tokens: float
    output_tokens: float


class Fleet:
    """All replicas of one model, the router before them, and the loads."""

    def __init__(self, now_s: float = 0.0) -> None:
        self.now_s = now_s
        self.replicas: dict[str, Replica] = {}
        self.loads: dict[str, Load] = {}
        self._leaving: dict[str, Replica] = {}
        self._unrouted: deque[Request] = deque()  # while no replica is ready
        self._recent: deque[Done] = deque()
        self._next_look_s = now_s

    # Changes from outside

    def add_replica(self, name: str) -> None:
        """A replica is ready."""
        self.replicas[name] = Replica(name, self.now_s)
        while self._unrouted:
            self._route(self._unrouted.popleft())

    def remove_replica(self, name: str) -> None:
        """A replica gets no more requests; it has `DRAIN_S` to finish those it has."""
        replica = self.replicas.pop(name, None)
        if replica is None:
            return
        replica.draining_until_s = self.now_s + DRAIN_S
        self._leaving[name] = replica
        for request in replica.waiting:
            self._route(request)
        replica.waiting.clear()

    def kill_replica(self, name: str) -> None:
        """A replica is gone at once, and its requests with it."""
        replica = self.replicas.pop(name, None) or self._leaving.pop(name, None)
        for request in replica.drop(self.now_s, lambda request: True) if replica else ():
            request.load.lose(request)

    def start_load(self, load: Load) -> None:
        """A load begins."""
        self.loads[load.name] = load

    def stop_load(self, name: str) -> None:
        """A load ends at once; its requests that are on their way are given up."""
        self.loads.pop(name, None)
        for replica in self._all():
            replica.drop(self.now_s, lambda request: request.load.name == name)
        self._unrouted = deque(request for request in self._unrouted if request.load.name != name)

    # Time

    def advance(self, until_s: float) -> None:
        """Let everything happen that is due until then, in order."""
        while True:
            at_s, act = self._next_event()
            if at_s > until_s:
                break
            self.now_s = max(self.now_s, at_s)
            act()
        self.now_s = max(self.now_s, until_s)

    def _next_event(self) -> tuple[float, Callable[[], None]]:
        at_s, act = self._next_look_s, self._look
        for load in self.loads.values():
            if load.sent < load.requests and load.next_s < at_s:
                at_s, act = load.next_s, lambda load=load: self._route(load.send())  # type: ignore[misc]
        for replica in self._all():
            if replica.next_end_s < at_s:
                at_s, act = replica.next_end_s, lambda replica=replica: self._finish(replica)  # type: ignore[misc]
        return at_s, act

    def _all(self) -> Iterator[Replica]:
        yield from self.replicas.values()
        yield from self._leaving.values()

    def _route(self, request: Request) -> None:
        if not self.replicas:
            self._unrouted.append(request)
            return
        min(self.replicas.values(), key=lambda replica: replica.load).add(request, self.now_s)

    def _finish(self, replica: Replica) -> None:
        request = replica.end_next(self.now_s)
        tokens = request.output_tokens
        decode_s = self.now_s - request.first_token_s
        done = Done(
            arrived_s=request.arrived_s,
            ended_s=self.now_s,
            ttft_ms=(request.first_token_s - request.arrived_s) * 1000,
            tpot_ms=decode_s * 1000 / (tokens - 1) if tokens > 1 else math.nan,
            input_tokens=request.input_tokens,
            output_tokens=tokens,
        )
        request.load.running -= 1
        request.load.done.append(done)
        self._recent.append(done)

    def _look(self) -> None:
        self._next_look_s += SCRAPE_S
        for replica in self._all():
            replica.look(self.now_s)
        for name, replica in list(self._leaving.items()):
            if replica.load == 0 or self.now_s >= replica.draining_until_s:
                self.kill_replica(name)
        while self._recent and self._recent[0].ended_s <= self.now_s - WINDOW_S:
            self._recent.popleft()

    # What Prometheus would say

    def traffic(self) -> Traffic:
        """Means over the last minute."""
        done = [each for each in self._recent if each.ended_s > self.now_s - WINDOW_S]
        if not done:
            return Traffic(0.0, 0.0, 0.0, 0.0, 0.0)
        decoded = [each.tpot_ms for each in done if not math.isnan(each.tpot_ms)]
        count = len(done)
        return Traffic(
            ttft_ms=sum(each.ttft_ms for each in done) / count,
            itl_ms=sum(decoded) / len(decoded) if decoded else 0.0,
            rate_per_min=count * 60 / WINDOW_S,
            input_tokens=sum(each.input_tokens for each in done) / count,
            output_tokens=sum(each.output_tokens for each in done) / count,
        )
