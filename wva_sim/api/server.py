"""The stand-in API on a loopback port: a thin aiohttp adapter around `wva_sim.api.core.Api`."""

from __future__ import annotations

import asyncio
import contextlib
import os
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

import yaml
from aiohttp import web
from multidict import CIMultiDict

from wva_sim.api.core import Api
from wva_sim.api.errors import ApiError
from wva_sim.api.messages import Request, Response, Stream, json_response
from wva_sim.api.podlogs import PodLogs
from wva_sim.api.store import Store
from wva_sim.api.times import Clock

HOST = "127.0.0.1"  # never localhost: clients then need no resolver and skip their proxies
CONTEXT = "wva-embedded"
LARGEST_BODY = 16 * 1024**2
SHUTDOWN_S = 0.5
POLL_S = 0.02
PUBLIC_PATHS = ("/version", "/healthz", "/livez", "/readyz", "/embedded/clock")


class Outage:
    """The API server is down: running requests break off, new connections are refused."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self._until: datetime | None = None
        self._at_begin: list[Callable[[], None]] = []

    @property
    def active(self) -> bool:
        """Whether it lasts."""
        return self._until is not None and self.clock.now() < self._until

    def begin(self, simulated_seconds: float) -> None:
        """Break all connections now and refuse new ones for so long."""
        self._until = self.clock.now() + timedelta(seconds=simulated_seconds)
        for action in self._at_begin:
            action()

    def end(self) -> None:
        """The API server is back."""
        self._until = None

    def on_begin(self, action: Callable[[], None]) -> None:
        """Have something done when an outage begins."""
        self._at_begin.append(action)

    async def over(self) -> None:
        """Wait for its end, which may be put off or come early meanwhile."""
        while self.active:
            await asyncio.sleep(POLL_S)


@dataclass(frozen=True)
class Served:
    """A running API.

    Attributes
    ----------
    url : str
        With the secret path, as it stands in a kubeconfig.
    """

    url: str
    port: int
    token: str
    api: Api
    outage: Outage
    _listener: _Listener = field(repr=False)

    async def close(self) -> None:
        """Stop serving; open streams are cut."""
        await self._listener.close()


async def serve(
    store: Store, logs: PodLogs, clock: Clock, *, outage: Outage | None = None, api: Api | None = None
) -> Served:
    """Serve on a random loopback port.

    kubectl sends no credentials over plain HTTP, so the secret is the first part of every path.

    Parameters
    ----------
    api : Api, optional
        A core made before, with its hooks set; default: a new one.
    """
    token = secrets.token_urlsafe(24)
    api = api or Api(store, logs, clock)
    outage = outage or Outage(clock)
    adapter = _Adapter(api, token)
    app = web.Application(client_max_size=LARGEST_BODY)
    app.router.add_route("*", "/{path:.*}", adapter.respond)
    # A client that goes away cancels its handler: that is how watches and follows end.
    runner = web.AppRunner(
        app, access_log=None, handler_cancellation=True, shutdown_timeout=SHUTDOWN_S, keepalive_timeout=75
    )
    await runner.setup()
    listener = _Listener(runner, outage)
    await listener.open()
    return Served(f"http://{HOST}:{listener.port}/{token}", listener.port, token, api, outage, listener)


def write_kubeconfig(path: Path, url: str, context: str = CONTEXT, namespace: str = "default") -> None:
    """Write a kubeconfig that only its owner can read.

    Raises
    ------
    OSError
        If it cannot be written.
    """
    # The token keeps old clients from asking for a user name; over plain HTTP it is never sent.
    here = {"cluster": context, "user": context, "namespace": namespace}
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": context,
        "clusters": [{"name": context, "cluster": {"server": url}}],
        "users": [{"name": context, "user": {"token": "embedded"}}],
        "contexts": [{"name": context, "context": here}],
    }
    partial = path.with_name(f"{path.name}.partial")
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        yaml.safe_dump(config, file, sort_keys=False)
    partial.replace(path)


class _Listener:
    """The listening socket. It closes for an outage, so that clients are refused as by a dead server."""

    def __init__(self, runner: web.AppRunner, outage: Outage) -> None:
        self.port = 0  # any free one at first, then always the same
        self._runner = runner
        self._outage = outage
        self._socket: asyncio.Server | None = None
        self._reopening: asyncio.Task[None] | None = None
        outage.on_begin(self._break)

    async def open(self) -> None:
        assert self._runner.server is not None
        loop = asyncio.get_running_loop()
        self._socket = await loop.create_server(self._runner.server, HOST, self.port, reuse_address=True)
        self.port = self._socket.sockets[0].getsockname()[1]

    async def close(self) -> None:
        if self._reopening is not None:
            self._reopening.cancel()
        self._stop()
        await self._runner.cleanup()

    def _break(self) -> None:
        self._stop()
        if self._reopening is None or self._reopening.done():
            self._reopening = asyncio.get_running_loop().create_task(self._reopen())

    def _stop(self) -> None:
        if self._socket is not None:
            self._socket.close()
            self._socket = None
        for connection in list(self._runner.server.connections) if self._runner.server else []:
            if connection.transport is not None:
                connection.transport.abort()  # a reset, as from a server that is killed

    async def _reopen(self) -> None:
        await self._outage.over()
        while self._socket is None:
            with contextlib.suppress(OSError):  # some other program has the port for a moment
                await self.open()
            await asyncio.sleep(POLL_S)


class _Adapter:
    """Between aiohttp's requests and those of the core."""

    def __init__(self, api: Api, token: str) -> None:
        self.api = api
        self.prefix = f"/{token}"

    async def respond(self, request: web.Request) -> web.StreamResponse:
        path = self._path(request)
        if path is None:
            return _whole(json_response(ApiError(401, "Unauthorized").status(), 401))
        answer = self.api.handle(
            Request(
                method=request.method,
                path=path,
                query=dict(request.query),
                accept=request.headers.get("Accept", ""),
                content_type=request.headers.get("Content-Type", "application/json"),
                body=await request.read(),
                prefix=self.prefix,
                host=request.host,
            )
        )
        return _whole(answer) if isinstance(answer, Response) else await _streamed(request, answer)

    def _path(self, request: web.Request) -> str | None:
        """The path behind the secret, or None for a stranger.

        ``get --raw /x`` drops the server's own path in kubectl before 1.35 or so, and later ones put it in
        front of a path that has it already: what anybody may know is served without, and twice is once.
        """
        path = request.path
        if request.method == "GET" and path in PUBLIC_PATHS:
            return path
        first, rest = path[1:].partition("/")[::2]
        if not secrets.compare_digest(first.encode(), self.prefix[1:].encode()):
            return None
        return f"/{rest}".removeprefix(self.prefix) or "/"


def _whole(answer: Response) -> web.Response:
    headers = CIMultiDict([("Content-Type", answer.content_type), *answer.headers])  # a header may come twice
    return web.Response(status=answer.status, body=answer.body, headers=headers)


async def _streamed(request: web.Request, answer: Stream) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Content-Type": answer.content_type})
    # A client that left is no event worth telling.
    with contextlib.suppress(ConnectionResetError):
        try:
            await response.prepare(request)  # headers at once: clients wait for them before anything happens
            async for chunk in answer.chunks:
                await response.write(chunk)
            await response.write_eof()
        finally:
            close = getattr(answer.chunks, "aclose", None)
            if close is not None:
                await asyncio.shield(close())
    return response
