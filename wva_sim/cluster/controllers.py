"""The WVA controller in the cluster: two pods, a lease, a loop run each interval, and its log."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta
from functools import partial

from wva_sim.api.times import rfc3339nano
from wva_sim.cluster import pods
from wva_sim.cluster.deployments import Manners
from wva_sim.cluster.objects import Variant
from wva_sim.cluster.settings import INTERVAL_S
from wva_sim.cluster.world import Json, World
from wva_sim.vllm.servers import MAX_BATCH
from wva_sim.wva import lines
from wva_sim.wva.decide import Controller
from wva_sim.wva.dialects import Dialect, Line
from wva_sim.wva.findings import Decision, Observation, PodMetrics

CONTAINER = "manager"
START_UP_S = 3.0
LEASE_S = 15
RENEW_S = 10.0
RESTART_S = 2.0
LEAVING_S = 2.0
LOOP_START_S = 1.5  # from the lease to the first loop run
TWIN_AFTER_S = 0.02  # loop runs that were asked for at the same time


class Controllers:
    """The pods of the controller; one of them leads and runs the loop."""

    def __init__(
        self, world: World, namespace: str, dialect: Dialect, mode: str, brain: Controller, variants: Sequence[Variant]
    ) -> None:
        self.world = world
        self.namespace = namespace
        self.dialect = dialect
        self.voice = dialect.voice
        self.brain = brain
        self.variants = tuple(variants)
        self.leader: str | None = None
        self._twin_share = dialect.twin_share.get(mode, 0.0)
        self._ready: list[str] = []
        self._held: list[Callable[[], None]] | None = None
        self._written: dict[str, datetime] = {}  # pod -> the time of its last line
        self._loop_number = 0
        self._holder: Json = {}  # what the lease says of the leader
        world.every(RENEW_S, self._renew)

    def manners(self) -> Manners:
        """How its pods behave."""
        return Manners(lambda: START_UP_S, self._on_ready, self._on_leaving)

    # Pods and the lease

    def _on_ready(self, pod: Json) -> None:
        name = pod["metadata"]["name"]
        self._ready.append(name)
        self._write(name, [*self.voice.starting(), lines.waiting_for_lease(self.namespace)])
        if self.leader is None and len(self._ready) == 1:
            self._lead()

    def _on_leaving(self, pod: Json) -> float:
        self._lose(pod["metadata"]["name"])
        return LEAVING_S

    def _lose(self, name: str) -> None:
        if name in self._ready:
            self._ready.remove(name)
        if name == self.leader:
            self.leader = None
            self.world.after(LEASE_S, self._lead)  # nobody gives the lease back: it has to run out

    def _lead(self) -> None:
        if self.leader is not None or not self._ready:
            return
        self.leader = self._ready[0]
        holder = f"{self.leader}_{uuid.UUID(int=self.world.random.getrandbits(128))}"
        self._write(self.leader, self.voice.leading(self.namespace, holder))
        now = self._micro_time()
        lease = self.world.store.get("Lease", self.namespace, lines.LEASE)
        transitions = lease["spec"]["leaseTransitions"] + 1 if lease else 0
        self._holder = {
            "holderIdentity": holder,
            "leaseDurationSeconds": LEASE_S,
            "acquireTime": now,
            "renewTime": now,
            "leaseTransitions": transitions,
        }
        self._write_lease({})
        self._loop_number += 1
        self.world.after(LOOP_START_S, partial(self._loop, self._loop_number))

    def _write_lease(self, changes: Json) -> None:
        """As the leader holds it; one that somebody deleted comes back."""
        spec = {**self._holder, **changes}
        if self.world.store.get("Lease", self.namespace, lines.LEASE) is None:
            metadata = {"name": lines.LEASE, "namespace": self.namespace}
            self.world.create({"kind": "Lease", "metadata": metadata, "spec": spec})
        else:
            self.world.change("Lease", self.namespace, lines.LEASE, partial(_set_spec, spec))

    def _micro_time(self) -> str:
        return rfc3339nano(self.world.clock.now())[:-4] + "Z"

    def _renew(self) -> None:
        if self.leader is not None:
            self._write_lease({"renewTime": self._micro_time()})

    def change_leader(self) -> str | None:
        """The lease goes to the other pod at once; the new leader, None if there is no other."""
        others = [name for name in self._ready if name != self.leader]
        if not others:
            return None
        self._ready.sort(key=lambda name: name == self.leader)
        self.leader = None
        self._lead()
        return self.leader

    def crash(self, name: str) -> None:
        """The container of a pod ends with an error and starts again.

        Raises
        ------
        ValueError
            If it does not run now.
        """
        if name not in self._ready:
            raise ValueError(f"pod: saw {name!r}, expected one that runs: {', '.join(self._ready) or 'none does now'}")
        self._lose(name)
        self._write(name, [self.voice.gave_up()])
        self.world.logs.restart(self.namespace, name, CONTAINER)
        self.world.change("Pod", self.namespace, name, pods.restarted(self.world.now(), 1, "Error"))
        self.world.after(RESTART_S, partial(self._restart, name))

    def _restart(self, name: str) -> None:
        pod = self.world.store.get("Pod", self.namespace, name)
        if pod is None or pod["metadata"].get("deletionTimestamp"):
            return
        self.world.change("Pod", self.namespace, name, pods.running(self.world.now(), ready=True))
        self._on_ready(pod)

    # The loop

    def _loop(self, number: int) -> None:
        if number != self._loop_number or self.leader is None:
            return  # another leader has its own
        self.world.after(INTERVAL_S, partial(self._loop, number))
        requests = len(self.variants) if self.dialect.runs_per_variant else 1
        if self.world.random.random() < self._twin_share:
            requests += 1
        self._run(0)
        for number in range(1, requests):
            self.world.after(TWIN_AFTER_S * number, partial(self._run, number))

    def _run(self, number: int) -> None:
        if self.leader is None:
            return
        observations = [seen for seen in map(self._observe, self.variants) if seen is not None]
        if not observations:
            self._write(self.leader, [self.voice.nothing_to_do()])
            return
        result = self.brain.run_loop(observations)
        self._write(self.leader, self.voice.loop_run(result, observations[number % len(observations)]))
        for seen, decision in zip(result.variants, result.decisions, strict=True):
            self.world.desired[decision.variant] = decision.target
            change = partial(_set_variant_status, self.dialect, seen, decision, self.world.now())
            self.world.change("VariantAutoscaling", seen.namespace, seen.variant, change)

    def _observe(self, variant: Variant) -> Observation | None:
        store = self.world.store
        deployment = store.get("Deployment", variant.namespace, variant.deployment)
        kind = "VariantAutoscaling" if self.dialect.has_variants else "HorizontalPodAutoscaler"
        if deployment is None or store.get(kind, variant.namespace, variant.name) is None:
            return None
        traffic = self.world.fleet.traffic()
        labels = deployment["spec"]["selector"]["matchLabels"]
        mine = {pod["metadata"]["name"] for pod in store.list("Pod", variant.namespace, labels)}
        replicas = [replica for name, replica in self.world.fleet.replicas.items() if name in mine]
        return Observation(
            variant=variant.name,
            namespace=variant.namespace,
            model=variant.model,
            accelerator=variant.accelerator,
            cost=variant.cost,
            replicas=deployment["spec"]["replicas"],
            ready_replicas=deployment["status"].get("readyReplicas", 0),
            ttft_ms=traffic.ttft_ms,
            itl_ms=traffic.itl_ms,
            arrival_rate_per_min=traffic.rate_per_min,
            input_tokens=traffic.input_tokens,
            output_tokens=traffic.output_tokens,
            max_batch=MAX_BATCH,
            pods=tuple(PodMetrics(replica.name, *replica.maxima()) for replica in replicas),
        )

    # The log

    def _write(self, pod: str, records: Iterable[Line]) -> None:
        # A loop run begins when the one before it is over, even if both were asked for at the same time.
        at = max(self.world.clock.now(), self._written.get(pod, self.world.clock.epoch))
        for record in records:
            at += timedelta(milliseconds=self.world.random.choice((0, 0, 0, 0, 1, 1, 4)))
            write = partial(self.world.logs.append, self.namespace, pod, CONTAINER, self.voice.encode(record, at), at)
            if self._held is None:
                write()
            else:
                self._held.append(write)
        self._written[pod] = at

    def hold_log(self) -> None:
        """Write nothing until `release_log`: somebody is in the middle of a line."""
        self._held = []

    def release_log(self) -> None:
        """Write what was held back."""
        held, self._held = self._held or [], None
        for write in held:
            write()


def _set_spec(values: Json, obj: Json) -> None:
    obj["spec"] = {**obj["spec"], **values}


def _set_variant_status(dialect: Dialect, seen: Observation, decision: Decision, now: str, variant: Json) -> None:
    old = {row["type"]: row for row in (variant.get("status") or {}).get("conditions") or []}
    conditions = []
    reasons = [("MetricsAvailable", "MetricsFound"), ("OptimizationReady", "OptimizationSucceeded")]
    if dialect.names_target:
        reasons.append(("TargetResolved", "TargetFound"))
    for kind, reason in reasons:
        since = old.get(kind, {}).get("lastTransitionTime", now)
        conditions.append(
            {"type": kind, "status": "True", "reason": reason, "message": "", "lastTransitionTime": since}
        )
    current: Json = {
        "currentAlloc": {
            "accelerator": seen.accelerator,
            "numReplicas": seen.replicas,
            "maxBatch": seen.max_batch,
            "variantCost": f"{seen.cost * seen.replicas:.2f}",
            "itlAverage": f"{seen.itl_ms:.2f}",
            "ttftAverage": f"{seen.ttft_ms:.2f}",
            "load": {
                "arrivalRate": f"{seen.arrival_rate_per_min:.2f}",
                "avgInputTokens": f"{seen.input_tokens:.2f}",
                "avgOutputTokens": f"{seen.output_tokens:.2f}",
            },
        }
    }
    variant["status"] = {
        **(current if dialect.has_current_alloc else {}),
        "desiredOptimizedAlloc": {"lastRunTime": now, "accelerator": seen.accelerator, "numReplicas": decision.target},
        "actuation": {"applied": True},
        "conditions": conditions,
    }
