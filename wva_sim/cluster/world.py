"""What the parts of the simulated cluster share: its objects, its clock, and what is due when."""

from __future__ import annotations

import heapq
import random
from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import Any

from wva_sim.api.core import Api
from wva_sim.api.errors import ApiError
from wva_sim.api.podlogs import PodLogs
from wva_sim.api.server import Outage
from wva_sim.api.store import Store
from wva_sim.api.times import rfc3339
from wva_sim.cluster.clock import SimClock
from wva_sim.vllm.servers import Fleet

Json = dict[str, Any]


class World:
    """The cluster's state and the actions that are due.

    Attributes
    ----------
    fleet : Fleet
        The model's servers; its seconds are those of `now_s`.
    desired : dict
        The gauge `inferno_desired_replicas` by variant, as the controller emitted it.
    """

    def __init__(self, clock: SimClock, seed: int, journal: Path | None = None) -> None:
        self.clock = clock
        self.seed = seed
        self.store = Store(clock)
        self.logs = PodLogs(clock, journal)
        self.api = Api(self.store, self.logs, clock)
        self.outage = Outage(clock)
        self.random = random.Random(seed)
        self.fleet = Fleet()
        self.desired: dict[str, int] = {}
        self._due: list[tuple[float, int, Callable[[], None]]] = []
        self._number = count()

    def now_s(self) -> float:
        """Simulated seconds since the cluster's start."""
        return (self.clock.now() - self.clock.epoch).total_seconds()

    def now(self) -> str:
        """The simulated time as Kubernetes writes it."""
        return rfc3339(self.clock.now())

    def after(self, delay_s: float, action: Callable[[], None]) -> None:
        """Have something done after so much simulated time."""
        heapq.heappush(self._due, (self.now_s() + delay_s, next(self._number), action))

    def every(self, interval_s: float, action: Callable[[], None], first_s: float | None = None) -> None:
        """Have something done again and again; the interval counts from one beginning to the next."""

        def act() -> None:
            self.after(interval_s, act)
            action()

        self.after(interval_s if first_s is None else first_s, act)

    def step(self) -> None:
        """Let everything happen that is due by now."""
        until_s = self.now_s()
        while self._due and self._due[0][0] <= until_s:
            at_s, _, action = heapq.heappop(self._due)
            self.fleet.advance(at_s)
            action()
        self.fleet.advance(until_s)

    def change(self, kind: str, namespace: str, name: str, change: Callable[[Json], None]) -> None:
        """Change an object if it still exists."""
        if self.store.get(kind, namespace, name) is not None:
            self.store.update(kind, namespace, name, change)

    def tell(self, about: Json, reason: str, message: str, type_: str = "Warning") -> None:
        """An Event about an object; a repeated one only counts on."""
        metadata = about["metadata"]
        for event in self.store.list("Event", metadata["namespace"]):
            same = (event["involvedObject"].get("uid"), event["reason"], event["message"])
            if same == (metadata["uid"], reason, message):

                def again(old: Json) -> None:
                    old["count"] += 1
                    old["lastTimestamp"] = self.now()

                self.change("Event", metadata["namespace"], event["metadata"]["name"], again)
                return
        self.store.create(
            {
                "kind": "Event",
                "metadata": {"generateName": f"{metadata['name']}.", "namespace": metadata["namespace"]},
                "involvedObject": {
                    "kind": about["kind"],
                    "apiVersion": about["apiVersion"],
                    "namespace": metadata["namespace"],
                    "name": metadata["name"],
                    "uid": metadata["uid"],
                },
                "reason": reason,
                "message": message,
                "type": type_,
                "count": 1,
                "source": {"component": "embedded"},
                "firstTimestamp": self.now(),
                "lastTimestamp": self.now(),
            }
        )

    def create(self, obj: Json) -> Json | None:
        """Create an object unless its namespace is going or its name is taken."""
        try:
            return self.store.create(obj)
        except ApiError:
            return None
