"""The whole embedded cluster, made from an experiment's config."""

from __future__ import annotations

import asyncio
from pathlib import Path
from random import Random

from wva_sim.api.kinds import KINDS
from wva_sim.cluster import objects
from wva_sim.cluster.clock import SimClock
from wva_sim.cluster.controllers import Controllers
from wva_sim.cluster.deployments import Deployments, Manners
from wva_sim.cluster.faults import Faults
from wva_sim.cluster.hpa import Autoscaler
from wva_sim.cluster.jobs import Jobs
from wva_sim.cluster.objects import MAX_REPLICAS, Variant, variants_of
from wva_sim.cluster.settings import Settings, check_settings
from wva_sim.cluster.world import Json, World
from wva_sim.vllm.servers import DRAIN_S
from wva_sim.wva.decide import Controller
from wva_sim.wva.dialects import DIALECTS

TICK_S = 0.02  # real time between two looks at what is due
START_UP_S, START_UP_SPREAD_S = 100.0, 10.0  # of a vLLM server: 100 to 139 s were measured on H100 nodes


class Cluster:
    """A world with everything in it; `run` lets time pass."""

    def __init__(self, clock: SimClock, settings: Settings, seed: int, journal: Path | None = None) -> None:
        check_settings(settings)
        self.settings = settings
        self.dialect = DIALECTS[settings.dialect]
        self.variants = variants_of(settings)
        self.world = World(clock, seed, journal)
        self.jobs = Jobs(self.world)
        self.deployments = Deployments(self.world)
        self._create_surroundings()
        for variant in self.variants:
            self._create_variant(variant)
        brain = Controller(self.dialect.brains[settings.mode], max_replicas=MAX_REPLICAS, random=Random(seed))
        self.controllers = Controllers(
            self.world, settings.controller_namespace, self.dialect, settings.mode, brain, self.variants
        )
        controller = objects.controller(settings, self.dialect)
        self.deployments.manage(controller, self.controllers.manners(), ready_at_once=True)
        self.autoscaler = Autoscaler(self.world)
        self.faults = Faults(self.world, self.jobs, self.controllers)
        self.world.api.on_finalize_pod = self._finalize
        self.world.api.on_faults = self.faults.order
        self.world.step()

    async def run(self) -> None:
        """Let time pass until cancelled."""
        while True:
            self.world.step()
            await asyncio.sleep(TICK_S)

    def _finalize(self, pod: Json) -> bool:
        if self.jobs.leave(pod):
            return True
        key = self.deployments.owner_of(pod)
        if key is None:
            return False
        self.deployments.leave(pod, key)
        return True

    # Objects

    def _create_surroundings(self) -> None:
        store = self.world.store
        if not self.dialect.has_variants:
            store.remove("CustomResourceDefinition", None, KINDS["VariantAutoscaling"].resource)
        for obj in objects.surroundings(self.settings, self.dialect, self.world.clock.speed):
            store.create(obj)

    def _create_variant(self, variant: Variant) -> None:
        store = self.world.store
        self.deployments.manage(objects.servers(variant), self._server_manners(), ready_at_once=True)
        if self.dialect.has_variants:
            store.create(objects.autoscaling(variant, self.dialect))
        store.create(objects.scaler(variant, self.dialect))

    def _server_manners(self) -> Manners:
        fleet, random = self.world.fleet, self.world.random

        def start_up_s() -> float:
            return START_UP_S + random.uniform(-START_UP_SPREAD_S, START_UP_SPREAD_S)

        def on_leaving(pod: Json) -> float:
            fleet.remove_replica(pod["metadata"]["name"])
            return DRAIN_S

        return Manners(start_up_s, lambda pod: fleet.add_replica(pod["metadata"]["name"]), on_leaving)
