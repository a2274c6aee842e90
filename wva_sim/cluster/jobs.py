"""The Job controller, and what the load-generating Jobs do: `vllm bench serve` on the simulated fleet."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import NamedTuple, TypeVar

from wva_sim.api import podsecurity
from wva_sim.api.errors import ApiError
from wva_sim.cluster import indexes, pods
from wva_sim.cluster.environment import environment_of
from wva_sim.cluster.indexes import Index, index_of, is_indexed
from wva_sim.cluster.pods import NODE
from wva_sim.cluster.world import Json, World
from wva_sim.vllm import bench
from wva_sim.vllm.load import Load

CREATED_S = 0.3
SCHEDULED_S = 0.2
DOWNLOADED_S = 1.0  # the dataset; a copy inside the cluster
STARTED_S = 0.5
END_LOOK_S = 0.5  # from one look for the last answer to the next
RETRY_S = 10.0  # the Job controller's first back-off
LEAVING_S = 1.0
TERMINATED = 143  # 128 + TERM

DEFAULTS = {"REQUEST_RATE": "1", "NUM_PROMPTS": "100", "SEED": "0", "MODEL": "", "ENDPOINT": ""}

Order = TypeVar("Order")


class Obstacle(NamedTuple):
    """What keeps a Job's pod from running: what its status and an Event say."""

    reason: str
    message: str


class Failure(NamedTuple):
    """When a Job's load fails, from its start, and what it says last."""

    after_s: float
    last_words: str


class Match(NamedTuple):
    """Whose pods an order is for: a part of the Job's name, empty for any; of an Indexed one perhaps one index only."""

    part: str
    index: Index = None

    def fits(self, job: str, index: Index) -> bool:
        """Whether a pod is meant."""
        return self.part in job and self.index in (None, index)


@dataclass
class Orders:
    """Faults that were ordered for Jobs."""

    failing: dict[Match, Failure] = field(default_factory=dict)
    unpullable: dict[Match, Obstacle] = field(default_factory=dict)
    unschedulable: dict[Match, Obstacle] = field(default_factory=dict)
    over_quota: dict[Match, Obstacle] = field(default_factory=dict)


class Jobs:
    """Runs every Job."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.orders = Orders()
        self._loads: dict[tuple[str, str], Load] = {}  # by pod
        world.store.subscribe("Job", self._look_at)

    def leave(self, pod: Json) -> bool:
        """A pod of a Job was deleted: its client gets TERM, prints nothing more, and the pod goes a moment later.

        False if it is no Job's.
        """
        jobs = [owner["name"] for owner in pod["metadata"].get("ownerReferences") or [] if owner["kind"] == "Job"]
        if not jobs:
            return False
        namespace, name = pod["metadata"]["namespace"], pod["metadata"]["name"]
        if self._loads.pop((namespace, name), None) is not None:
            self.world.fleet.stop_load(name)
        has_ended = _is_over(pod)

        def go() -> None:
            if pod["status"].get("phase") == "Running":
                self.world.change("Pod", namespace, name, pods.ended(self.world.now(), TERMINATED))
            self.world.store.remove("Pod", namespace, name)
            if not has_ended:
                self._count_failure((namespace, jobs[0]))
            self._finish_failing((namespace, jobs[0]))

        self.world.after(LEAVING_S, go)
        return True

    # The Job

    def _look_at(self, type_: str, job: Json) -> None:
        key = (job["metadata"]["namespace"], job["metadata"]["name"])
        if type_ == "ADDED" and not job["spec"]["suspend"]:
            self._start(key)
        elif type_ != "DELETED" and not _has_ended(job):
            if job["spec"]["suspend"] and not _is_suspended(job):
                self._suspend(key)
            elif not job["spec"]["suspend"] and _is_suspended(job):
                self._resume(key)

    def _start(self, key: tuple[str, str]) -> None:
        self.world.after(CREATED_S, partial(self._make_pods, key))
        job = self.world.store.get("Job", *key)
        deadline_s = job["spec"].get("activeDeadlineSeconds") if job else None
        if deadline_s:
            self.world.after(deadline_s, partial(self._miss_deadline, key))

    def _suspend(self, key: tuple[str, str]) -> None:
        """Its pods end and do not count as failures; the Job stays."""

        def change(job: Json) -> None:
            status = {**job["status"], "ready": 0}
            for name in ("active", "startTime"):
                status.pop(name, None)
            status["conditions"] = [_suspended("True", "JobSuspended", "Job suspended", self.world.now())]
            job["status"] = status

        self.world.change("Job", *key, change)
        self._delete_pods(key)
        job = self.world.store.get("Job", *key)
        if job is not None:
            self.world.tell(job, "Suspended", "Job suspended", "Normal")

    def _resume(self, key: tuple[str, str]) -> None:
        def change(job: Json) -> None:
            conditions = [_suspended("False", "JobResumed", "Job resumed", self.world.now())]
            job["status"] = {**job["status"], "startTime": self.world.now(), "conditions": conditions}

        self.world.change("Job", *key, change)
        job = self.world.store.get("Job", *key)
        if job is not None:
            self.world.tell(job, "Resumed", "Job resumed", "Normal")
            self._start(key)

    def _delete_pods(self, key: tuple[str, str]) -> None:
        """Those that have not ended."""
        for pod in self._alive(key):
            self.world.store.delete("Pod", key[0], pod["metadata"]["name"])

    def _make_pods(self, key: tuple[str, str]) -> None:
        """All that are to be there and are not; those that cannot be are tried again."""
        job = self.world.store.get("Job", *key)
        if job is None or job["metadata"].get("deletionTimestamp") or _is_ending(job) or job["spec"]["suspend"]:
            return
        made = [self._make_pod(key, job, index) for index in indexes.missing(job, self._alive(key))]
        if any(made):
            now = self.world.now()
            self.world.change("Job", *key, lambda job: job["status"].setdefault("startTime", now))
            self._count_pods(key)
        if not all(made):
            self.world.after(RETRY_S, partial(self._make_pods, key))

    def _make_pod(self, key: tuple[str, str], job: Json, index: Index) -> bool:
        """Whether the pod is there now."""
        quota = _ordered(self.orders.over_quota, key[1], index)
        if quota is not None:
            self.world.tell(job, quota.reason, quota.message)
            return False
        name = indexes.name_of_pod(key[1], index, f"{self.world.random.getrandbits(25):05x}")
        pod = pods.pod_of(job, name, job["spec"]["template"])
        if index is not None:
            indexes.mark(pod, key[1], index)
        problem = self._refusal(pod)
        if problem is not None:
            self.world.tell(job, "FailedCreate", f"Error creating: {problem}")
            return False
        self.world.create(pod)
        self.world.after(SCHEDULED_S, partial(self._schedule, key, name))
        return True

    def _count_pods(self, key: tuple[str, str]) -> None:
        """What the Job's status says of its pods now; a count of none is not there, but for the ready ones."""
        alive = self._alive(key)
        active, ready = len(alive), sum(map(pods.is_ready, alive))

        def change(job: Json) -> None:
            status = {**job["status"], "active": active, "ready": ready}
            if not active:
                del status["active"]
            job["status"] = status

        self.world.change("Job", *key, change)

    def _refusal(self, pod: Json) -> str | None:
        """What the API server would say instead of creating a pod."""
        namespace = self.world.store.get("Namespace", None, pod["metadata"]["namespace"])
        problem = podsecurity.refusal(namespace, pod)
        if problem is not None:
            return f'pods "{pod["metadata"]["name"]}" is forbidden: {problem}'
        try:
            if self.world.api.admission is not None:
                self.world.api.admission("create", pod)
        except ApiError as error:
            return error.message
        return None

    def _schedule(self, key: tuple[str, str], name: str) -> None:
        world, pod = self.world, self._pod(key, name)
        if pod is None:
            return
        obstacle = _ordered(self.orders.unschedulable, key[1], index_of(pod))
        if obstacle is not None:
            world.change("Pod", key[0], name, pods.unschedulable(world.now(), obstacle.message))
            world.tell(pod, obstacle.reason, obstacle.message)
            world.after(RETRY_S, partial(self._schedule, key, name))
            return
        world.tell(pod, "Scheduled", f"Successfully assigned {key[0]}/{name} to {NODE}", "Normal")
        self._pull(key, name, 0)

    def _pull(self, key: tuple[str, str], name: str, attempt: int) -> None:
        world, pod = self.world, self._pod(key, name)
        if pod is None:
            return
        obstacle = _ordered(self.orders.unpullable, key[1], index_of(pod))
        if obstacle is not None:
            reason = obstacle.reason if attempt == 0 else "ImagePullBackOff"
            world.change("Pod", key[0], name, pods.waiting(world.now(), reason, obstacle.message))
            world.tell(pod, "Failed", obstacle.message)
            world.after(RETRY_S, partial(self._pull, key, name, attempt + 1))
            return
        if pod["spec"].get("initContainers"):
            world.change("Pod", key[0], name, pods.initializing(world.now()))
            world.after(DOWNLOADED_S, partial(self._run, key, name))
        else:
            world.change("Pod", key[0], name, pods.waiting(world.now()))
            world.after(STARTED_S, partial(self._run, key, name))

    # The load

    def _run(self, key: tuple[str, str], name: str) -> None:
        world, pod = self.world, self._pod(key, name)
        if pod is None:
            return
        world.change("Pod", key[0], name, pods.running(world.now(), ready=True))
        self._count_pods(key)
        values = {**DEFAULTS, **environment_of(pod)}
        try:
            load = Load(
                name, float(values["REQUEST_RATE"]), int(values["NUM_PROMPTS"]), int(values["SEED"]), world.now_s()
            )
        except ValueError as error:
            self._say(pod, f"vllm bench serve: error: {error}")
            self._end(key, name, 2)
            return
        self._say(pod, bench.clocks(world.clock.now().timestamp(), world.now_s()))
        for line in bench.starting(load, values["MODEL"], values["ENDPOINT"]):
            self._say(pod, line)
        self._loads[key[0], name] = load
        world.fleet.start_load(load)
        failure = _ordered(self.orders.failing, key[1], index_of(pod))
        if failure is not None:
            world.after(failure.after_s, partial(self._fail, key, name, failure.last_words))
        world.after(load.end_s - load.start_s, partial(self._await_answers, key, name))

    def _await_answers(self, key: tuple[str, str], name: str) -> None:
        """All has been sent; the client ends when the last answer has come."""
        load, pod = self._loads.get((key[0], name)), self._pod(key, name)
        if load is None or pod is None:
            return
        if not load.is_over:
            self.world.after(END_LOOK_S, partial(self._await_answers, key, name))
            return
        for line in bench.result(load):
            self._say(pod, line)
        if environment_of(pod).get("REQUEST_RECORDER"):
            for line in bench.records(load, self.world.clock.epoch.timestamp()):
                self._say(pod, line)
        self._end(key, name, 0)

    def _fail(self, key: tuple[str, str], name: str, last_words: str) -> None:
        pod = self._pod(key, name)
        if pod is None or (key[0], name) not in self._loads:
            return
        self._say(pod, last_words)
        self._end(key, name, 1)

    def _end(self, key: tuple[str, str], name: str, exit_code: int) -> None:
        world = self.world
        self._loads.pop((key[0], name), None)
        world.fleet.stop_load(name)
        pod = self._pod(key, name)
        world.change("Pod", key[0], name, pods.ended(world.now(), exit_code))
        if exit_code:
            self._count_failure(key)
        else:
            self._count_success(key, index_of(pod) if pod else None)

    def _count_success(self, key: tuple[str, str], index: Index) -> None:
        """A pod has done its work: the Job is complete when all have, and if not, others may begin."""
        self._count_pods(key)
        job = self.world.store.get("Job", *key)
        if job is None or _is_ending(job):
            return
        done = indexes.completed(job) | ({index} if index is not None else set())
        counts: Json = {"succeeded": len(done) or 1}
        if is_indexed(job):
            counts["completedIndexes"] = indexes.as_text(done)
        self.world.change("Job", *key, partial(_set_status, counts))
        if is_indexed(job) and len(done) < job["spec"]["completions"]:
            self._make_pods(key)
        else:
            self._close(key, _COMPLETE, "CompletionsReached", "Reached expected number of succeeded pods")

    def _count_failure(self, key: tuple[str, str]) -> None:
        """A pod failed or was deleted: another one follows if the Job may try again."""
        job = self.world.store.get("Job", *key)
        if job is None or job["metadata"].get("deletionTimestamp") or _has_ended(job) or job["spec"]["suspend"]:
            return
        failures = job["status"].get("failed", 0) + 1
        self.world.change("Job", *key, partial(_set_status, {"failed": failures}))
        self._count_pods(key)
        if _is_ending(job):
            return  # one of those that had to end with it
        if failures <= job["spec"]["backoffLimit"]:
            self.world.after(RETRY_S, partial(self._make_pods, key))
        else:
            self._fail_all(key, "BackoffLimitExceeded", "Job has reached the specified backoff limit")

    def _miss_deadline(self, key: tuple[str, str]) -> None:
        job = self.world.store.get("Job", *key)
        if job is None or _is_ending(job) or job["spec"]["suspend"]:
            return
        self._fail_all(key, "DeadlineExceeded", "Job was active longer than specified deadline")

    def _fail_all(self, key: tuple[str, str], reason: str, message: str) -> None:
        """The Job will have failed: at once, or when its other pods have ended."""
        row = self._condition(reason, message)

        def change(job: Json) -> None:
            job["status"] = {**job["status"], "conditions": [{"type": _FAILED[0], **row}]}

        self.world.change("Job", *key, change)
        self._delete_pods(key)
        self._count_pods(key)
        self._finish_failing(key)

    def _finish_failing(self, key: tuple[str, str]) -> None:
        job = self.world.store.get("Job", *key)
        if job is None or _has_ended(job) or not _is_ending(job):
            return
        if all(map(_is_over, self._pods(key))):
            (target,) = job["status"]["conditions"]
            self._close(key, _FAILED, target["reason"], target["message"])

    def _condition(self, reason: str, message: str) -> Json:
        now = self.world.now()
        return {"status": "True", "lastProbeTime": now, "lastTransitionTime": now, "reason": reason, "message": message}

    def _close(self, key: tuple[str, str], types: tuple[str, str], reason: str, message: str) -> None:
        now, row = self.world.now(), self._condition(reason, message)

        def change(job: Json) -> None:
            status = {**job["status"], "conditions": [{"type": type_, **row} for type_ in types]}
            status.pop("active", None)
            status |= {"ready": 0, "terminating": 0}
            if types == _COMPLETE:
                status |= {"completionTime": now}
            job["status"] = status

        self.world.change("Job", *key, change)
        job = self.world.store.get("Job", *key)
        keep_s = job["spec"].get("ttlSecondsAfterFinished") if job else None
        if keep_s is not None:
            self.world.after(keep_s, self._deleting(key))

    def _deleting(self, key: tuple[str, str]) -> Callable[[], None]:
        def delete() -> None:
            if self.world.store.get("Job", *key) is not None:
                self.world.store.delete("Job", *key)

        return delete

    def _pods(self, key: tuple[str, str]) -> list[Json]:
        return self.world.store.list("Pod", key[0], {"batch.kubernetes.io/job-name": key[1]})

    def _alive(self, key: tuple[str, str]) -> list[Json]:
        """Those that have not ended and are not going."""
        return [pod for pod in self._pods(key) if not pod["metadata"].get("deletionTimestamp") and not _is_over(pod)]

    def _pod(self, key: tuple[str, str], name: str) -> Json | None:
        pod = self.world.store.get("Pod", key[0], name)
        return None if pod is None or pod["metadata"].get("deletionTimestamp") else pod

    def _say(self, pod: Json, line: str) -> None:
        container = pod["spec"]["containers"][0]["name"]
        self.world.logs.append(pod["metadata"]["namespace"], pod["metadata"]["name"], container, line)


# The controller marks the outcome first and the end when all pods are gone.
_COMPLETE = ("SuccessCriteriaMet", "Complete")
_FAILED = ("FailureTarget", "Failed")


def _ordered(orders: Mapping[Match, Order], job: str, index: Index) -> Order | None:
    """The order that fits a pod of a Job."""
    return next((order for match, order in orders.items() if match.fits(job, index)), None)


def _has_ended(job: Json) -> bool:
    return any(row["type"] in ("Complete", "Failed") for row in job["status"].get("conditions") or [])


def _is_ending(job: Json) -> bool:
    """Whether it has ended, or has to when its pods have."""
    return _has_ended(job) or any(row["type"] == _FAILED[0] for row in job["status"].get("conditions") or [])


def _is_over(pod: Json) -> bool:
    return pod["status"].get("phase") in ("Succeeded", "Failed")


def _is_suspended(job: Json) -> bool:
    return any(row["type"] == "Suspended" and row["status"] == "True" for row in job["status"].get("conditions") or [])


def _suspended(status: str, reason: str, message: str, now: str) -> Json:
    row = {"type": "Suspended", "status": status, "reason": reason, "message": message}
    return {**row, "lastProbeTime": now, "lastTransitionTime": now}


def _set_status(values: Json, job: Json) -> None:
    job["status"] = {**job["status"], **values}
