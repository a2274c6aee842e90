"""The embedded cluster with a clock that a test turns."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

import yaml

from wva_sim.cluster.clock import SimClock
from wva_sim.cluster.cluster import Cluster
from wva_sim.cluster.controllers import CONTAINER
from wva_sim.cluster.settings import Settings

ROOT = Path(__file__).parents[1]


class Turned:
    """A cluster whose time moves only when it is told to."""

    def __init__(self, settings: Settings | None = None, seed: int = 1) -> None:
        self.at_s = 0.0
        self.settings = settings or Settings()
        self.cluster = Cluster(SimClock(1.0, ticks=lambda: self.at_s), self.settings, seed)
        self.world = self.cluster.world
        self.store = self.world.store

    def turn(self, seconds: float, step_s: float = 1.0) -> None:
        end_s = self.at_s + seconds
        while self.at_s < end_s:
            self.at_s = min(self.at_s + step_s, end_s)
            self.world.step()

    def load(self, name: str, rate_per_s: int, prompts: int, **spec) -> None:
        """Create a load Job; keywords in capitals are its variables, the others go into its spec."""
        manifest = yaml.safe_load((ROOT / "workloads" / "sharegpt-load-job-moderate-10.yaml").read_text())
        manifest["metadata"] |= {"name": name, "namespace": self.settings.namespace}
        values = {"REQUEST_RATE": str(rate_per_s), "NUM_PROMPTS": str(prompts)}
        values |= {key: spec.pop(key) for key in list(spec) if key.isupper()}
        for row in manifest["spec"]["template"]["spec"]["containers"][0]["env"]:
            if row["name"] in values:
                row["value"] = values[row["name"]]
        manifest["spec"] |= spec
        self.store.create(manifest)

    def job(self, name: str) -> dict:
        return self.store.get("Job", self.settings.namespace, name)

    def job_pods(self, name: str) -> list[dict]:
        return self.store.list("Pod", self.settings.namespace, {"batch.kubernetes.io/job-name": name})

    def deployment(self, name: str = "") -> dict:
        return self.store.get("Deployment", self.settings.namespace, name or self.settings.deployment)

    def replicas(self, name: str = "") -> tuple[int, int]:
        deployment = self.deployment(name)
        return deployment["spec"]["replicas"], deployment["status"].get("readyReplicas", 0)

    def log(self, pod: str | None = None) -> list[str]:
        where = (self.settings.controller_namespace, pod or self.cluster.controllers.leader, CONTAINER)
        return self.world.logs.read(*where).decode().splitlines()

    def order(self, fault: str, **options) -> dict:
        return self.cluster.faults.order({"fault": fault, **options})


def turned_run(
    directory: Path, settings: Settings, rates: Iterable[int], seed: int = 1, has_profile: bool = True
) -> Path:
    """A run directory of the embedded cluster: two minutes of each rate, then one of idleness."""
    turned = Turned(settings, seed)
    turned.turn(40)
    for number, rate in enumerate(rates):
        turned.load(f"load-{number}", rate, 10**6)
        turned.turn(120)
        turned.store.delete("Job", settings.namespace, f"load-{number}")
    turned.turn(60)
    before = directory / "cluster" / "before"
    before.mkdir(parents=True, exist_ok=True)
    (directory / "wva-controller-logs.jsonl").write_text("\n".join(turned.log()) + "\n", encoding="utf-8")
    profiles = turned.store.list("VariantAutoscaling", settings.namespace) if has_profile else []
    (before / "variantautoscalings.json").write_text(json.dumps(profiles), encoding="utf-8")
    return directory
