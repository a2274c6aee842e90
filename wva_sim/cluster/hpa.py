"""The HorizontalPodAutoscaler controller: sets a Deployment's replicas to WVA's gauge."""

from __future__ import annotations

from collections import defaultdict, deque
from functools import partial

from wva_sim.cluster.world import Json, World

SYNC_S = 15.0
STABILIZATION_S = 60.0  # short, so that replicas come down again within a run's cooldown
# Kubernetes' default: at most four more, or twice as many, per sync.
MOST_MORE, MOST_TIMES = 4, 2


class Autoscaler:
    """Looks at every HorizontalPodAutoscaler each `SYNC_S`."""

    def __init__(self, world: World) -> None:
        self.world = world
        self._recommended: dict[str, deque[tuple[float, int]]] = defaultdict(deque)
        world.every(SYNC_S, self.sync)

    def sync(self) -> None:
        """One look at all of them."""
        for scaler in self.world.store.list("HorizontalPodAutoscaler"):
            self._sync(scaler)

    def _sync(self, scaler: Json) -> None:
        namespace, name = scaler["metadata"]["namespace"], scaler["metadata"]["name"]
        target = scaler["spec"]["scaleTargetRef"]["name"]
        deployment = self.world.store.get("Deployment", namespace, target)
        external = _external(scaler)
        metric = self._read(external)
        if deployment is None or metric is None:
            self.world.change("HorizontalPodAutoscaler", namespace, name, partial(_set_status, None, None, self.world))
            return
        current, least = deployment["spec"]["replicas"], scaler["spec"].get("minReplicas", 1)
        if current == 0 and least > 0:  # somebody has switched scaling off, as the real one takes it
            return
        wanted = self._stable(f"{namespace}/{name}", metric)
        wanted = min(wanted, max(current + MOST_MORE, current * MOST_TIMES))
        wanted = min(max(wanted, least), scaler["spec"]["maxReplicas"])
        if wanted != current:

            def rescale(obj: Json) -> None:
                obj["spec"]["replicas"] = wanted

            self.world.change("Deployment", namespace, target, rescale)
            direction = "above" if wanted > current else "below"
            message = f"New size: {wanted}; reason: external metric {external['metric']['name']} {direction} target"
            self.world.tell(scaler, "SuccessfulRescale", message, "Normal")
        change = partial(_set_status, (current, wanted), metric, self.world)
        self.world.change("HorizontalPodAutoscaler", namespace, name, change)

    def _read(self, external: Json) -> int | None:
        """WVA's gauge; None for any other metric, as nothing else is measured here."""
        selector = external.get("metric", {}).get("selector") or {}
        return self.world.desired.get((selector.get("matchLabels") or {}).get("variant_name", ""))

    def _stable(self, key: str, recommended: int) -> int:
        """The highest recommendation of the stabilization time: scaling down waits, scaling up does not."""
        now_s, history = self.world.now_s(), self._recommended[key]
        history.append((now_s, recommended))
        while history[0][0] < now_s - STABILIZATION_S:
            history.popleft()
        return max(value for _, value in history)


def _external(scaler: Json) -> Json:
    """The first external metric of a scaler, empty if it has none."""
    metrics: list[Json] = scaler["spec"].get("metrics") or []
    return next((metric["external"] for metric in metrics if metric.get("external")), {})


def _set_status(replicas: tuple[int, int] | None, metric: int | None, world: World, scaler: Json) -> None:
    old, now = scaler.get("status") or {}, world.now()
    active = {"type": "ScalingActive", "status": "True" if metric is not None else "False"}
    active["reason"] = "ValidMetricFound" if metric is not None else "FailedGetExternalMetric"
    status: Json = {
        **old,
        "conditions": [
            {"type": "AbleToScale", "status": "True", "reason": "ReadyForNewScale", "lastTransitionTime": now},
            {**active, "lastTransitionTime": now},
        ],
    }
    if replicas is not None and metric is not None:
        current, wanted = replicas
        external = {**_external(scaler), "current": {"averageValue": _average(metric, current)}}
        external.pop("target", None)
        status |= {
            "currentReplicas": current,
            "desiredReplicas": wanted,
            "currentMetrics": [{"type": "External", "external": external}],
        }
        if wanted != current:
            status["lastScaleTime"] = now
    if _without_times(status) == _without_times(old):
        return
    scaler["status"] = status


def _without_times(status: Json) -> Json:
    conditions = [{**row, "lastTransitionTime": None} for row in status.get("conditions") or []]
    return {**status, "conditions": conditions}


def _average(metric: int, replicas: int) -> str:
    return f"{metric * 1000 // max(replicas, 1)}m"
