"""Faults to order: `POST /embedded/faults {"fault": NAME, ...}`; the table below is their list.

An order that makes no sense is refused with what was seen and what was expected. Times are simulated seconds.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from wva_sim.api.errors import ApiError
from wva_sim.cluster.controllers import CONTAINER, Controllers
from wva_sim.cluster.jobs import Failure, Jobs, Match, Obstacle
from wva_sim.cluster.world import Json, World


class Faults:
    """Carries out what is ordered."""

    def __init__(self, world: World, jobs: Jobs, controllers: Controllers) -> None:
        self.world = world
        self.jobs = jobs
        self.controllers = controllers
        self._denied: list[tuple[str, str]] = []  # verb, resource
        self._roles: list[Json] | None = None  # None: everything is allowed that is not denied
        # Kind and part of a name -> an admission webhook's words
        self._refused: dict[tuple[str, str], str] = {}
        world.api.admission = self._admit
        self.table: dict[str, Callable[[Json], Any]] = {
            "leader-change": self._change_leader,
            "controller-crash": self._crash,
            "controller-pod-delete": self._delete_pod,
            "log-rotate": self._rotate,
            "log-cut": self._cut,
            "log-burst": self._burst,
            "log-line": self._line,
            "log-partial": self._partial,
            "api-outage": self._outage,
            "watch-expire": self._expire,
            "job-fail": self._fail_job,
            "job-image-pull-error": self._refuse_image,
            "job-unschedulable": self._refuse_node,
            "job-over-quota": self._refuse_quota,
            "job-refused": partial(self._refuse_admission, "Job"),
            "pod-refused": partial(self._refuse_admission, "Pod"),
            "deny": self._deny,
            "allow-only": self._allow_only,
            "clear": self._clear,
        }

    def order(self, body: Any) -> Any:
        """Carry out one order.

        Raises
        ------
        ApiError
            400 for one that cannot be understood.
        """
        name = body.get("fault") if isinstance(body, dict) else None
        if name not in self.table:
            raise ApiError(400, f"fault: saw {name!r}, expected one of {', '.join(self.table)}")
        try:
            return self.table[name](body) or {"fault": name}
        except (KeyError, TypeError, ValueError) as error:
            raise ApiError(400, f"fault {name}: {type(error).__name__}: {error}") from None

    # The controller

    def _pod(self, body: Json) -> str:
        pod = body.get("pod") or self.controllers.leader
        if not pod:
            raise ValueError("there is no leader now; name a pod")
        return str(pod)

    def _change_leader(self, body: Json) -> Json:
        return {"leader": self.controllers.change_leader()}

    def _crash(self, body: Json) -> Json:
        pod = self._pod(body)
        self.controllers.crash(pod)
        return {"pod": pod}

    def _delete_pod(self, body: Json) -> Json:
        pod = self._pod(body)
        self.world.store.delete("Pod", self.controllers.namespace, pod)  # 404 if there is none
        return {"pod": pod}

    # Logs

    def _log(self, body: Json) -> tuple[str, str, str]:
        return (self.controllers.namespace, self._pod(body), str(body.get("container", CONTAINER)))

    def _rotate(self, body: Json) -> None:
        self.world.logs.rotate(*self._log(body), keep_last=int(body.get("keep_last", 0)))

    def _cut(self, body: Json) -> None:
        self.world.logs.cut(*self._log(body))

    def _burst(self, body: Json) -> None:
        """`lines` numbered lines at once, or spread over `seconds`."""
        where, lines, seconds = self._log(body), int(body["lines"]), float(body.get("seconds", 0))
        text = str(body.get("text", "burst"))
        for number in range(lines):
            line = f"{text} {number}"
            if seconds:
                self.world.after(seconds * number / lines, lambda line=line: self.world.logs.append(*where, line))  # type: ignore[misc]
            else:
                self.world.logs.append(*where, line)

    def _line(self, body: Json) -> None:
        """One line: its `text`, or `length` letters; written `times` times in the same moment."""
        text = str(body["text"]) if "text" in body else "x" * int(body["length"])
        at = self.world.clock.now()
        for _ in range(int(body.get("times", 1))):
            self.world.logs.append(*self._log(body), text, at)

    def _partial(self, body: Json) -> None:
        """The first half of a line now, the second after `seconds`."""
        where, text = self._log(body), str(body.get("text", "one half and the other half"))
        seconds = float(body.get("seconds", 10))
        half = len(text) // 2

        def finish() -> None:
            self.world.logs.append(*where, text[half:])
            self.controllers.release_log()

        self.controllers.hold_log()
        self.world.logs.append_partial(*where, text[:half])
        self.world.after(seconds, finish)

    # The API

    def _outage(self, body: Json) -> None:
        seconds = float(body["seconds"])
        self.world.after(0.5, lambda: self.world.outage.begin(seconds))  # the answer gets out first

    def _expire(self, body: Json) -> None:
        self.world.store.compact()

    def _deny(self, body: Json) -> None:
        """Refuse a `verb` on a `resource` (with its subresource: `pods/log`)."""
        self._denied.append((str(body["verb"]), str(body["resource"])))
        self.world.api.rbac = self._is_allowed

    def _allow_only(self, body: Json) -> None:
        """Allow nothing but what `roles`, a list of Role objects, grant in their namespaces."""
        self._roles = list(body["roles"])
        self.world.api.rbac = self._is_allowed

    def _is_allowed(self, verb: str, group: str, resource: str, subresource: str, namespace: str | None) -> bool:
        wanted = f"{resource}/{subresource}" if subresource else resource
        if (verb, wanted) in self._denied:
            return False
        return self._roles is None or any(
            role["metadata"]["namespace"] == namespace
            and group in rule["apiGroups"]
            and wanted in rule["resources"]
            and verb in rule["verbs"]
            for role in self._roles
            for rule in role["rules"]
        )

    # Jobs; `match` is a part of the name of those meant, empty for all; `index` means one pod of an Indexed one

    def _fail_job(self, body: Json) -> None:
        words = str(body.get("message", "RuntimeError: Engine core initialization failed."))
        self.jobs.orders.failing[_match(body)] = Failure(float(body.get("after", 5)), words)

    def _refuse_image(self, body: Json) -> None:
        message = str(body.get("message", 'Back-off pulling image "vllm/vllm-openai:v0.33.0": not found'))
        self.jobs.orders.unpullable[_match(body)] = Obstacle("ErrImagePull", message)

    def _refuse_node(self, body: Json) -> None:
        message = str(body.get("message", "0/1 nodes are available: 1 Insufficient cpu."))
        self.jobs.orders.unschedulable[_match(body)] = Obstacle("FailedScheduling", message)

    def _refuse_quota(self, body: Json) -> None:
        message = str(body.get("message", 'Error creating: pods "load-" is forbidden: exceeded quota: compute'))
        self.jobs.orders.over_quota[_match(body)] = Obstacle("FailedCreate", message)

    def _refuse_admission(self, kind: str, body: Json) -> None:
        message = str(body.get("message", 'admission webhook "policy.example.com" denied the request: no load today'))
        self._refused[kind, str(body.get("match", ""))] = message

    def _admit(self, verb: str, obj: Json) -> None:
        for (kind, match), message in self._refused.items():
            if verb == "create" and obj["kind"] == kind and match in obj["metadata"]["name"]:
                raise ApiError(403, message)

    def _clear(self, body: Json) -> None:
        """Take back all that lasts."""
        for orders in vars(self.jobs.orders).values():
            orders.clear()
        self._refused.clear()
        self._denied.clear()
        self._roles = None
        self.world.api.rbac = None


def _match(body: Json) -> Match:
    return Match(str(body.get("match", "")), int(body["index"]) if "index" in body else None)
