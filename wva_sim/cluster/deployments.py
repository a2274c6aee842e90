"""The Deployment controller, with a kubelet's part: pods come, start, become ready, and go."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import NamedTuple

from wva_sim.cluster import pods
from wva_sim.cluster.world import Json, World

SCHEDULED_S = 0.5
CREATED_S = 2.0


class Manners(NamedTuple):
    """How the pods of one Deployment behave."""

    start_up_s: Callable[[], float]  # from running to ready
    on_ready: Callable[[Json], None]
    on_leaving: Callable[[Json], float]  # returns how many seconds the pod needs to go


class Deployments:
    """Keeps the pods of every Deployment as its spec wants them."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.manners: dict[tuple[str, str], Manners] = {}
        self._pending: set[tuple[str, str]] = set()
        world.store.subscribe("Deployment", lambda type_, obj: self._look_at(obj))
        world.store.subscribe("Pod", lambda type_, pod: self._look_at_owner(pod))

    def manage(self, deployment: Json, manners: Manners, ready_at_once: bool) -> None:
        """Create a Deployment; with `ready_at_once` its first pods are there already."""
        created = self.world.store.create(deployment)
        key = (created["metadata"]["namespace"], created["metadata"]["name"])
        self.manners[key] = manners
        if ready_at_once:
            for _ in range(created["spec"]["replicas"]):
                self._make_pod(created, at_once=True)
        self._reconcile(key)

    def owner_of(self, pod: Json) -> tuple[str, str] | None:
        """The Deployment of a pod, if it is one of ours."""
        for owner in pod["metadata"].get("ownerReferences") or []:
            key = (pod["metadata"]["namespace"], owner["name"])
            if owner["kind"] == "Deployment" and key in self.manners:
                return key
        return None

    def leave(self, pod: Json, key: tuple[str, str]) -> None:
        """A pod was deleted: it goes when it is ready to."""
        namespace, name = pod["metadata"]["namespace"], pod["metadata"]["name"]
        seconds = self.manners[key].on_leaving(pod)
        self.world.after(seconds, lambda: self.world.store.remove("Pod", namespace, name))

    def _look_at(self, deployment: Json) -> None:
        self._schedule((deployment["metadata"]["namespace"], deployment["metadata"]["name"]))

    def _look_at_owner(self, pod: Json) -> None:
        key = self.owner_of(pod)
        if key:
            self._schedule(key)

    def _schedule(self, key: tuple[str, str]) -> None:
        if key in self.manners and key not in self._pending:
            self._pending.add(key)
            self.world.after(0, lambda: self._reconcile(key))

    def _reconcile(self, key: tuple[str, str]) -> None:
        self._pending.discard(key)
        deployment = self.world.store.get("Deployment", *key)
        if deployment is None:
            return
        mine = [pod for pod in self.world.store.list("Pod", key[0]) if self.owner_of(pod) == key]
        staying = [pod for pod in mine if not pod["metadata"].get("deletionTimestamp")]
        wanted = deployment["spec"]["replicas"]
        for _ in range(wanted - len(staying)):
            self._make_pod(deployment, at_once=False)
        # As a ReplicaSet does: pods that are not ready go first, then the youngest.
        by_worth = sorted(staying, key=lambda pod: (pods.is_ready(pod), pod["metadata"]["creationTimestamp"]))
        surplus = max(len(staying) - wanted, 0)
        unready = [pod for pod in by_worth if not pods.is_ready(pod)]
        ready = [pod for pod in by_worth if pods.is_ready(pod)]
        for pod in [*reversed(unready), *reversed(ready)][:surplus]:
            self.world.store.delete("Pod", key[0], pod["metadata"]["name"])
        self.world.change("Deployment", *key, self._status(key))

    def _status(self, key: tuple[str, str]) -> Callable[[Json], None]:
        def change(deployment: Json) -> None:
            mine = [pod for pod in self.world.store.list("Pod", key[0]) if self.owner_of(pod) == key]
            staying = [pod for pod in mine if not pod["metadata"].get("deletionTimestamp")]
            ready = sum(pods.is_ready(pod) for pod in staying)
            wanted = deployment["spec"]["replicas"]
            status: Json = {
                "observedGeneration": deployment["metadata"]["generation"],
                "replicas": len(staying),
                "updatedReplicas": len(staying),
                "conditions": [
                    _condition("Available", ready > 0, "MinimumReplicasAvailable", deployment, self.world.now()),
                    _condition("Progressing", True, "NewReplicaSetAvailable", deployment, self.world.now()),
                ],
            }
            if ready:
                status |= {"readyReplicas": ready, "availableReplicas": ready}
            if wanted > ready:
                status["unavailableReplicas"] = wanted - ready
            deployment["status"] = status

        return change

    def _make_pod(self, deployment: Json, at_once: bool) -> None:
        world, namespace = self.world, deployment["metadata"]["namespace"]
        template = deployment["spec"]["template"]
        template_hash = hashlib.sha256(str(template["spec"]).encode()).hexdigest()[:9]
        base = f"{deployment['metadata']['name']}-{template_hash}"[:58]
        name = f"{base}{'' if len(base) == 58 else '-'}{_suffix(world)}"
        pod = world.create(pods.pod_of(deployment, name, template, {"pod-template-hash": template_hash}))
        if pod is None:
            return
        key = (namespace, deployment["metadata"]["name"])
        if at_once:
            world.change("Pod", namespace, name, pods.waiting(world.now()))
            self._run(key, name, 0.0)
            return
        world.after(SCHEDULED_S, lambda: world.change("Pod", namespace, name, pods.waiting(world.now())))
        world.after(SCHEDULED_S + CREATED_S, lambda: self._run(key, name, self.manners[key].start_up_s()))

    def _run(self, key: tuple[str, str], name: str, start_up_s: float) -> None:
        pod = self.world.store.get("Pod", key[0], name)
        if pod is None or pod["metadata"].get("deletionTimestamp"):
            return
        self.world.change("Pod", key[0], name, pods.running(self.world.now(), start_up_s == 0))
        if start_up_s == 0:
            self.manners[key].on_ready(self.world.store.get("Pod", key[0], name) or pod)
        else:
            self.world.after(start_up_s, lambda: self._run(key, name, 0.0))


def _condition(kind: str, value: bool, reason: str, deployment: Json, now: str) -> Json:
    text = "True" if value else "False"
    for row in deployment.get("status", {}).get("conditions") or []:
        if row["type"] == kind and row["status"] == text:
            return dict(row)
    return {"type": kind, "status": text, "reason": reason, "lastTransitionTime": now, "lastUpdateTime": now}


def _suffix(world: World) -> str:
    return "".join(world.random.choice("bcdfghjklmnpqrstvwxz2456789") for _ in range(5))
