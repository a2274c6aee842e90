"""Watches: changes of a kind as the stream of events that a client asked for."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Iterator
from typing import Any, NamedTuple

from wva_sim.api.errors import ApiError
from wva_sim.api.kinds import Kind
from wva_sim.api.selectors import Matches
from wva_sim.api.store import Change, Store

Json = dict[str, Any]
Event = tuple[str, Json]  # type and object (or Status)

INITIAL_EVENTS_END = "k8s.io/initial-events-end"


class WatchOptions(NamedTuple):
    """What a watch covers and where it begins.

    Attributes
    ----------
    version : int or None
        Changes after this resource version; None: begin with an ADDED for each present object.
    initial_events : bool
        Send present objects and then a bookmark that says they were all (kubectl 1.35 and later wait for it).
    timeout_s : float or None
        End after so many real seconds.
    """

    namespace: str | None
    matches: Matches
    version: int | None = None
    initial_events: bool = False
    timeout_s: float | None = None


async def watch(store: Store, kind: Kind, options: WatchOptions) -> AsyncGenerator[Event, None]:
    """Events until the client leaves or the time is over; an expired version gives one ERROR event."""
    queue: asyncio.Queue[Change] = asyncio.Queue()
    loop = asyncio.get_running_loop()
    deadline = None if options.timeout_s is None else loop.time() + options.timeout_s
    unsubscribe = store.watch(kind.kind, queue.put_nowait)
    try:
        # No await between reading the state and here: nothing is lost between list, history and subscription.
        try:
            first = list(_first_events(store, kind, options))
        except ApiError as error:
            yield "ERROR", error.status()
            return
        for event in first:
            yield event
        while (change := await _next(queue, deadline, loop.time)) is not None:
            if event_now := _as_seen(change, options):
                yield event_now
    finally:
        unsubscribe()


async def _next(queue: asyncio.Queue[Change], deadline: float | None, now: Callable[[], float]) -> Change | None:
    if deadline is None:
        return await queue.get()
    try:
        return await asyncio.wait_for(queue.get(), max(0.0, deadline - now()))
    except asyncio.TimeoutError:
        return None


def _first_events(store: Store, kind: Kind, options: WatchOptions) -> Iterator[Event]:
    if options.version is not None and not options.initial_events:
        for change in store.changes_since(kind.kind, options.version):
            if event := _as_seen(change, options):
                yield event
        return
    for obj in store.list(kind.kind, options.namespace):
        if options.matches(obj):
            yield "ADDED", obj
    if options.initial_events:
        yield "BOOKMARK", bookmark(kind, str(store.version))


def bookmark(kind: Kind, version: str) -> Json:
    """The object of a BOOKMARK event that closes the initial events."""
    metadata = {"resourceVersion": version, "annotations": {INITIAL_EVENTS_END: "true"}}
    return {"kind": kind.kind, "apiVersion": kind.api_version, "metadata": metadata}


def _as_seen(change: Change, options: WatchOptions) -> Event | None:
    """The change as this client sees it: what begins to match is ADDED, what ceases is DELETED."""
    metadata = change.object["metadata"]
    if options.namespace and metadata.get("namespace") != options.namespace:
        return None
    matches = options.matches(change.object)
    matched = change.previous is not None and options.matches(change.previous)
    if change.type == "DELETED":
        return ("DELETED", change.object) if matched else None
    if matches:
        return ("MODIFIED" if matched else "ADDED"), change.object
    return ("DELETED", change.object) if matched else None
