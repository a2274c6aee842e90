"""`python -m wva_sim serve`: start an embedded cluster and say where it is."""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import signal
import sys
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from wva_sim.api.server import CONTEXT, serve, write_kubeconfig
from wva_sim.cluster.clock import SimClock
from wva_sim.cluster.cluster import Cluster
from wva_sim.cluster.settings import MODES, Settings, SettingsError, check_settings, read_settings
from wva_sim.wva.dialects import DIALECTS

PARENT_POLL_S = 0.5  # real time


def parse_arguments(argv: list[str]) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m wva_sim", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    serving = commands.add_parser("serve", help="serve until TERM or INT")
    serving.add_argument("--state", required=True, type=Path, help="directory for `kubeconfig` and `ready`")
    serving.add_argument("--config", type=Path, help="an experiment's config: namespaces, Deployment, model, mode")
    serving.add_argument("--mode", choices=MODES, help="the controller's mode, if not the config's")
    serving.add_argument("--dialect", choices=DIALECTS, default="D2", help="the release family of WVA (default D2)")
    serving.add_argument("--variants", type=int, default=1, help="Deployments that serve the model (default 1)")
    serving.add_argument("--speed", type=float, default=30.0, help="times real time (default 30)")
    serving.add_argument("--seed", type=int, default=1, help="of everything random (default 1)")
    serving.add_argument("--journal", type=Path, help="directory that gets all that containers ever log, for tests")
    serving.add_argument("--parent", type=int, help="end when this process is gone")
    return parser.parse_args(argv)


def main(argv: list[str]) -> int:
    """Serve; 0 at the end, 2 for what the caller got wrong."""
    arguments = parse_arguments(argv)
    try:
        settings = read_settings(arguments.config) if arguments.config else Settings()
        chosen = {"mode": arguments.mode or settings.mode, "dialect": arguments.dialect, "variants": arguments.variants}
        settings = replace(settings, **chosen)
        check_settings(settings)
        if not arguments.speed > 0:
            raise SettingsError(f"--speed: saw {arguments.speed:g}, expected a number above 0")
        if not arguments.state.is_dir():
            raise SettingsError(f"--state: there is no directory '{arguments.state}'")
    except SettingsError as error:
        print(f"wva_sim: {error}", file=sys.stderr)
        return 2
    asyncio.run(_serve(arguments, settings))
    return 0


async def _serve(arguments: argparse.Namespace, settings: Settings) -> None:
    stopped = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    cluster = Cluster(SimClock(arguments.speed), settings, arguments.seed, arguments.journal)
    world = cluster.world
    served = await serve(world.store, world.logs, world.clock, outage=world.outage, api=world.api)
    write_kubeconfig(arguments.state / "kubeconfig", served.url, namespace=settings.namespace)
    ready = {"url": served.url, "context": CONTEXT, "pid": os.getpid()}
    part = arguments.state / ".ready.part"
    part.write_text(json.dumps({**ready, "speed": arguments.speed, "seed": arguments.seed}) + "\n")
    part.replace(arguments.state / "ready")
    tasks = [asyncio.create_task(cluster.run()), asyncio.create_task(_watch_parent(arguments.parent, stopped))]
    waiting = asyncio.create_task(stopped.wait())
    # A part of the world that fails must not leave a cluster behind that only looks alive.
    done, _ = await asyncio.wait([*tasks, waiting], return_when=asyncio.FIRST_COMPLETED)
    for task in (*tasks, waiting):
        task.cancel()
    await served.close()
    for task in done - {waiting}:
        task.result()


async def _watch_parent(pid: int | None, stopped: asyncio.Event) -> None:
    while pid is None or _is_alive(pid):
        await asyncio.sleep(PARENT_POLL_S)
    stopped.set()


def _is_alive(pid: int) -> bool:
    with suppress(PermissionError):  # alive, and somebody else's
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return False
    return True


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
