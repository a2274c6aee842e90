"""The stand-in API under the real kubectl: that of this environment, and the one on PATH if it is another."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import stat
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from wva_sim.api.errors import ApiError
from wva_sim.api.kinds import KINDS
from wva_sim.api.podlogs import PodLogs
from wva_sim.api.server import Outage, serve, write_kubeconfig
from wva_sim.api.store import Store
from wva_sim.api.times import rfc3339
from wva_sim.cluster.clock import SimClock

pytestmark = pytest.mark.whole

WORKLOADS = Path(__file__).parents[3] / "workloads"
SPEED = 60
PATIENCE_S = 90  # the longest wait for something that takes milliseconds


def kubectls() -> list[str]:
    """Every different kubectl at hand, by real path."""
    beside = Path(sys.executable).parent / "kubectl"
    found = [str(beside) if beside.exists() else None, shutil.which("kubectl")]
    return list({os.path.realpath(path): path for path in found if path}.values())


class Cluster:
    """The API in a thread of its own, with a Job controller that knows two outcomes."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.kubeconfig = directory / "kubeconfig"
        self.loop = asyncio.new_event_loop()
        self.thread = threading.Thread(target=self.loop.run_forever)
        self.thread.start()
        self.tasks: set[asyncio.Task[None]] = set()
        asyncio.run_coroutine_threadsafe(self._start(), self.loop).result()

    async def _start(self) -> None:
        self.clock = SimClock(SPEED)
        self.store = Store(self.clock)
        self.logs = PodLogs(self.clock)
        self.outage = Outage(self.clock)
        self.served = await serve(self.store, self.logs, self.clock, outage=self.outage)
        for name in ("default", "kube-system"):
            self.store.create({"kind": "Namespace", "metadata": {"name": name}})
        self.store.subscribe("Job", self._on_job)
        write_kubeconfig(self.kubeconfig, self.served.url)

    def close(self) -> None:
        asyncio.run_coroutine_threadsafe(self.served.close(), self.loop).result()
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join()
        self.loop.close()

    def do(self, action: Callable[..., Any], *args: Any, **named: Any) -> Any:
        """Call something on the loop, where the store lives."""

        async def call() -> Any:
            return action(*args, **named)

        return asyncio.run_coroutine_threadsafe(call(), self.loop).result()

    def _on_job(self, type_: str, job: dict[str, Any]) -> None:
        if type_ == "ADDED":
            task = self.loop.create_task(self._run_job(job))
            self.tasks.add(task)
            task.add_done_callback(self.tasks.discard)

    async def _run_job(self, job: dict[str, Any]) -> None:
        namespace, name = job["metadata"]["namespace"], job["metadata"]["name"]
        spec = job["spec"]["template"]["spec"]
        container = spec["containers"][0]
        owner = {"apiVersion": "batch/v1", "kind": "Job", "name": name, "uid": job["metadata"]["uid"]}
        metadata = {
            "generateName": f"{name}-",
            "namespace": namespace,
            "labels": job["spec"]["template"]["metadata"]["labels"],
            "ownerReferences": [owner],
        }
        pod = self.store.create({"kind": "Pod", "metadata": metadata, "spec": {**spec, "nodeName": "node"}})
        where = (namespace, pod["metadata"]["name"])
        fails = container.get("args") == ["fail"]
        started = rfc3339(self.clock.now())
        self.store.update("Pod", *where, set_container(container["name"], {"running": {"startedAt": started}}))
        for index in range(3):
            await asyncio.sleep(2 / self.clock.speed)
            self.logs.append(*where, container["name"], f"{name} says {index}")
        if self.store.get("Job", namespace, name) is None:
            return
        ended = {"terminated": {"exitCode": int(fails), "reason": "Error" if fails else "Completed"}}
        self.store.update("Pod", *where, set_container(container["name"], ended))
        kinds = ("FailureTarget", "Failed") if fails else ("SuccessCriteriaMet", "Complete")
        done = {
            "startTime": started,
            "completionTime": rfc3339(self.clock.now()),
            "succeeded": int(not fails),
            "conditions": [{"type": kind, "status": "True"} for kind in kinds],
        }
        self.store.update("Job", namespace, name, lambda job: job["status"].update(done))


def set_container(name: str, state: dict[str, Any], **more: Any) -> Callable[[dict[str, Any]], None]:
    """A change that puts the pod's only container into a state."""
    ready = "running" in state
    entry = {"name": name, "ready": ready, "restartCount": 0, "state": state, **more}

    def change(pod: dict[str, Any]) -> None:
        phase = "Running" if ready else "Succeeded" if "terminated" in state else "Pending"
        condition = {"type": "Ready", "status": str(ready)}
        pod["status"] = {"phase": phase, "containerStatuses": [entry], "conditions": [condition]}

    return change


class Kubectl:
    """One kubectl in one namespace of the cluster."""

    def __init__(self, program: str, cluster: Cluster, namespace: str, home: Path) -> None:
        self.command = [program, "--namespace", namespace]
        self.cluster = cluster
        self.namespace = namespace
        self.env = {
            "PATH": os.environ["PATH"],
            "HOME": str(home),
            "KUBECACHEDIR": str(home / "cache"),
            "KUBECONFIG": str(cluster.kubeconfig),
            "HTTP_PROXY": "http://127.0.0.1:1",  # a dead one: loopback must never go through it
        }

    def run(self, *args: str, given: Any = None) -> subprocess.CompletedProcess[str]:
        """The finished process; ``given`` is its standard input (objects as JSON)."""
        text = given if isinstance(given, str) or given is None else json.dumps(given)
        return subprocess.run(
            [*self.command, *args], input=text, env=self.env, capture_output=True, text=True, timeout=60
        )

    def __call__(self, *args: str, given: Any = None) -> str:
        """Standard output of a command that must succeed."""
        done = self.run(*args, given=given)
        assert done.returncode == 0, f"kubectl {' '.join(args)}: {done.stderr}"
        return done.stdout

    def fails(self, *args: str, given: Any = None) -> str:
        """Standard error of a command that must fail."""
        done = self.run(*args, given=given)
        assert done.returncode != 0, f"kubectl {' '.join(args)} succeeded: {done.stdout}"
        return done.stderr

    def json(self, *args: str, given: Any = None) -> Any:
        """Its answer as JSON."""
        return json.loads(self(*args, "-o", "json", given=given))

    def start(self, *args: str) -> subprocess.Popen[str]:
        """A running command."""
        pipe = subprocess.PIPE
        return subprocess.Popen([*self.command, *args], env=self.env, stdout=pipe, stderr=pipe, text=True)


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    running = Cluster(tmp_path_factory.mktemp("cluster"))
    yield running
    running.close()


@pytest.fixture(scope="module", params=kubectls() or [pytest.param("", id="none")])
def program(request: pytest.FixtureRequest) -> str:
    assert request.param, "no kubectl beside this Python and none on PATH: run `make setup`"
    return str(request.param)


@pytest.fixture(scope="module")
def home(program: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One discovery cache for all tests of a kubectl."""
    return tmp_path_factory.mktemp("home")


@pytest.fixture
def kubectl(program: str, home: Path, cluster: Cluster) -> Iterator[Kubectl]:
    namespace = f"test-{uuid.uuid4().hex[:8]}"
    cluster.do(cluster.store.create, {"kind": "Namespace", "metadata": {"name": namespace}})
    yield Kubectl(program, cluster, namespace, home)
    cluster.served.api.rbac = cluster.served.api.admission = cluster.served.api.on_faults = None
    cluster.do(cluster.store.remove, "Namespace", None, namespace)


def job(name: str = "load", **container: Any) -> dict[str, Any]:
    """A load Job; keywords go into its container."""
    bench = {"name": "bench", "image": "vllm/vllm-openai:v0.33.0", "command": ["sh"], **container}
    template = {"spec": {"restartPolicy": "Never", "containers": [bench]}}
    metadata = {"name": name, "labels": {"wva-experiments/run": "r1", "wva-experiments/workload": name}}
    spec = {"backoffLimit": 0, "template": template}
    return {"apiVersion": "batch/v1", "kind": "Job", "metadata": metadata, "spec": spec}


def deployment(replicas: int = 2) -> dict[str, Any]:
    """A Deployment of one container with one variable."""
    container = {"name": "vllm", "image": "vllm:1", "env": [{"name": "A", "value": "1"}]}
    template = {"metadata": {"labels": {"app": "decode"}}, "spec": {"containers": [container]}}
    spec = {"replicas": replicas, "selector": {"matchLabels": {"app": "decode"}}, "template": template}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "decode"}, "spec": spec}


def variant() -> dict[str, Any]:
    """A VariantAutoscaling."""
    return {
        "apiVersion": "llmd.ai/v1alpha1",
        "kind": "VariantAutoscaling",
        "metadata": {"name": "decode"},
        "spec": {"modelID": "unsloth/Meta-Llama-3.1-8B"},
    }


def make_pod(kubectl: Kubectl, name: str = "manager", containers: tuple[str, ...] = ("manager",)) -> None:
    """A running pod, made behind the API's back."""
    spec = {"nodeName": "node", "containers": [{"name": each, "image": "i:1"} for each in containers]}
    running = {"running": {"startedAt": "2026-01-01T00:00:00Z"}}
    statuses = [{"name": each, "ready": True, "restartCount": 0, "state": running} for each in containers]
    pod = {
        "kind": "Pod",
        "metadata": {"name": name, "namespace": kubectl.namespace, "labels": {"app": name}},
        "spec": spec,
        "status": {"phase": "Running", "containerStatuses": statuses},
    }
    kubectl.cluster.do(kubectl.cluster.store.create, pod)


def say(kubectl: Kubectl, *lines: str, pod: str = "manager", container: str = "manager") -> None:
    """Append lines to a log."""
    for line in lines:
        kubectl.cluster.do(kubectl.cluster.logs.append, kubectl.namespace, pod, container, line)


def until(condition: Callable[[], bool], what: str) -> None:
    """Wait for something that must happen."""
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < deadline, f"{what} did not happen within {PATIENCE_S} s"
        time.sleep(0.02)


# Jobs


def test_a_job_is_created_waited_for_read_and_deleted_with_its_pods(kubectl: Kubectl) -> None:
    assert kubectl("create", "-f", "-", given=job()) == "job.batch/load created\n"
    kubectl("wait", "--for=condition=complete", "job/load", "--timeout=90s")
    assert kubectl("logs", "job/load") == "load says 0\nload says 1\nload says 2\n"
    assert kubectl("get", "pods", "-l", "job-name=load", "-o", "jsonpath={.items[*].status.phase}") == "Succeeded"
    assert "deleted" in kubectl("delete", "job", "load")
    assert kubectl("get", "jobs,pods", "-o", "name") == ""


def test_a_second_job_of_the_same_name_is_refused(kubectl: Kubectl) -> None:
    kubectl("create", "-f", "-", given=job())
    problem = kubectl.fails("create", "-f", "-", given=job())
    assert '(AlreadyExists): error when creating "STDIN": jobs.batch "load" already exists' in problem


def test_a_failed_job_has_the_conditions_of_a_real_one(kubectl: Kubectl) -> None:
    kubectl("create", "-f", "-", given=job(args=["fail"]))
    kubectl("wait", "--for=condition=failed", "job/load", "--timeout=90s")
    types = kubectl("get", "job", "load", "-o", "jsonpath={.status.conditions[*].type}")
    assert types == "FailureTarget Failed"


@pytest.mark.parametrize("cascade", ["foreground", "background"])
def test_deleting_a_job_takes_its_pods_along(kubectl: Kubectl, cascade: str) -> None:
    kubectl("create", "-f", "-", given=job())
    kubectl("delete", "job", "load", f"--cascade={cascade}")
    assert kubectl("get", "pods", "-o", "name") == ""


def test_orphaned_pods_stay(kubectl: Kubectl) -> None:
    kubectl("create", "-f", "-", given=job())
    kubectl("delete", "job", "load", "--cascade=orphan")
    assert kubectl.json("get", "pods")["items"][0]["metadata"].get("ownerReferences", []) == []


def test_jobs_are_deleted_by_label(kubectl: Kubectl) -> None:
    for name in ("one", "two"):
        kubectl("create", "-f", "-", given=job(name))
    kubectl("delete", "jobs", "-l", "wva-experiments/workload=one")
    assert kubectl("get", "jobs", "-o", "name") == "job.batch/two\n"


def test_a_dry_run_tells_the_cluster_time_and_stores_nothing(kubectl: Kubectl) -> None:
    template = "jsonpath={.metadata.creationTimestamp}"
    stamp = kubectl("create", "--dry-run=server", "-f", "-", "-o", template, given=job())
    assert stamp.startswith("202") and stamp <= rfc3339(kubectl.cluster.clock.now())
    assert kubectl("get", "jobs", "-o", "name") == ""


def test_a_name_is_generated(kubectl: Kubectl) -> None:
    unnamed = job()
    unnamed["metadata"] = {"generateName": "load-"}
    assert kubectl("create", "-f", "-", "-o", "name", given=unnamed).startswith("job.batch/load-")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda job: job["spec"].update(backofLimit=1), 'unknown field "spec.backofLimit"'),
        (
            lambda job: job["spec"]["template"]["spec"]["containers"][0].update(imagee="x"),
            'unknown field "spec.template.spec.containers[0].imagee"',
        ),
        (lambda job: job["spec"].update(backoffLimit="one"), "cannot unmarshal string"),
        (lambda job: job["spec"]["template"]["spec"].pop("restartPolicy"), "restartPolicy: Required value"),
        (lambda job: job["spec"]["template"]["spec"].update(containers=[]), "containers: Required value"),
        (lambda job: job["metadata"].update(name="Load_1"), 'Invalid value: "Load_1"'),
        (lambda job: job["metadata"]["labels"].update(run="x" * 64), "no more than 63"),
    ],
)
def test_a_job_that_a_real_cluster_refuses_is_refused(
    kubectl: Kubectl, change: Callable[[dict[str, Any]], Any], words: str
) -> None:
    broken = job()
    change(broken)
    assert words in kubectl.fails("create", "-f", "-", given=broken)
    assert kubectl("get", "jobs", "-o", "name") == ""


@pytest.mark.parametrize("manifest", sorted(WORKLOADS.glob("*.yaml")), ids=lambda path: path.stem)
def test_the_projects_own_manifests_pass_strict_validation(kubectl: Kubectl, manifest: Path) -> None:
    assert "(server dry run)" in kubectl("create", "--dry-run=server", "-f", str(manifest))


def test_missing_things_are_named(kubectl: Kubectl) -> None:
    assert 'Error from server (NotFound): jobs.batch "load" not found' in kubectl.fails("get", "job", "load")
    assert kubectl("get", "job", "load", "--ignore-not-found") == ""
    assert kubectl("delete", "job", "load", "--ignore-not-found") == ""
    assert "doesn't have a resource type" in kubectl.fails("get", "foos")
    assert 'namespaces "nowhere" not found' in kubectl.fails("create", "-n", "nowhere", "-f", "-", given=job())
    assert kubectl("get", "pods", "-n", "nowhere", "-o", "name") == ""


# Reading


def test_every_kind_can_be_listed_as_json_and_as_a_table(kubectl: Kubectl) -> None:
    for kind in KINDS.values():
        listed = kubectl.json("get", kind.resource)
        assert (listed["kind"], listed["apiVersion"]) == ("List", "v1")
    kubectl("create", "-f", "-", given=deployment())
    kubectl("create", "-f", "-", given=variant())
    assert "NAME" in kubectl("get", "all")
    assert "READY" in kubectl("get", "deployments", "-o", "wide")
    headings = kubectl("get", "va").splitlines()[0].split()
    assert headings[1:] == ["MODEL", "ACCELERATOR", "CURRENTREPLICAS", "OPTIMIZED", "METRICSREADY", "AGE"]


def test_a_custom_resource_has_its_own_columns(kubectl: Kubectl) -> None:
    status = {
        "currentAlloc": {"accelerator": "H100", "numReplicas": 2},
        "desiredOptimizedAlloc": {"numReplicas": 3},
        "conditions": [
            {"type": "OptimizationReady", "status": "False"},
            {"type": "MetricsAvailable", "status": "True"},
        ],
    }
    kubectl("create", "-f", "-", given=variant())
    kubectl("patch", "va", "decode", "--type=merge", "--subresource=status", "-p", json.dumps({"status": status}))
    cells = kubectl("get", "va", "decode", "--no-headers").split()
    assert cells[:-1] == ["decode", "unsloth/Meta-Llama-3.1-8B", "H100", "2", "3", "True"]
    assert kubectl("get", "crd", "variantautoscalings.llmd.ai", "-o", "name").startswith("customresourcedefinition")


@pytest.mark.parametrize(
    ("selector", "names"),
    [
        ("wva-experiments/workload=one", "one"),
        ("wva-experiments/workload!=one", "two"),
        ("wva-experiments/workload in (one,two)", "one two"),
        ("wva-experiments/workload notin (one)", "two"),
        ("wva-experiments/run,!other", "one two"),
        ("other", ""),
    ],
)
def test_labels_select(kubectl: Kubectl, selector: str, names: str) -> None:
    for name in ("one", "two"):
        kubectl("create", "-f", "-", given=job(name))
    assert kubectl("get", "jobs", "-l", selector, "-o", "jsonpath={.items[*].metadata.name}") == names


def test_fields_select_events(kubectl: Kubectl) -> None:
    for name in ("one", "two"):
        stamp = rfc3339(kubectl.cluster.clock.now())
        event = {
            "kind": "Event",
            "metadata": {"name": f"{name}.1", "namespace": kubectl.namespace},
            "involvedObject": {"kind": "Pod", "name": name, "namespace": kubectl.namespace},
            "type": "Warning",
            "reason": "FailedScheduling",
            "message": f"no node for {name}",
            "firstTimestamp": stamp,
            "lastTimestamp": stamp,
            "count": 1,
        }
        kubectl.cluster.do(kubectl.cluster.store.create, event)
    shown = kubectl("get", "events", "--field-selector", "involvedObject.name=two", "--sort-by=.lastTimestamp")
    assert "no node for two" in shown and "no node for one" not in shown


def test_describe_speaks_of_what_scripts_and_people_look_at(kubectl: Kubectl) -> None:
    kubectl("create", "-f", "-", given=deployment())
    kubectl("create", "-f", "-", given=variant())
    make_pod(kubectl)
    for what in ("deployment/decode", "va/decode", "pod/manager"):
        assert kubectl.namespace in kubectl("describe", what)


def test_the_version_says_which_cluster_this_is(kubectl: Kubectl) -> None:
    assert json.loads(kubectl("get", "--raw", "/version"))["gitVersion"].endswith("+embedded")
    assert json.loads(kubectl("get", "--raw", "/embedded/clock"))["speed"] == SPEED
    assert kubectl("config", "view", "--minify", "-o", "jsonpath={.current-context}") == "wva-embedded"


# Writing


def test_apply_creates_then_changes_nothing_then_merges(kubectl: Kubectl) -> None:
    assert "created" in kubectl("apply", "-f", "-", given=deployment())
    assert "unchanged" in kubectl("apply", "-f", "-", given=deployment())
    assert "configured" in kubectl("apply", "-f", "-", given=deployment(replicas=5))
    assert "created" in kubectl("apply", "-f", "-", given=variant())
    assert "unchanged" in kubectl("apply", "-f", "-", given=variant())
    assert kubectl.json("get", "deployment", "decode")["spec"]["replicas"] == 5


def test_server_side_apply_merges(kubectl: Kubectl) -> None:
    assert "serverside-applied" in kubectl("apply", "--server-side", "-f", "-", given=deployment())
    container = deployment()
    container["spec"] = {"template": {"spec": {"containers": [{"name": "vllm", "env": [{"name": "B", "value": "2"}]}]}}}
    kubectl("apply", "--server-side", "-f", "-", given=container)
    stored = kubectl.json("get", "deployment", "decode")["spec"]["template"]["spec"]["containers"]
    assert [entry["name"] for entry in stored[0]["env"]] == ["A", "B"]
    assert stored[0]["image"] == "vllm:1"


def test_patches_of_three_kinds(kubectl: Kubectl) -> None:
    kubectl("create", "-f", "-", given=deployment())
    kubectl("patch", "deployment", "decode", "--type=merge", "-p", '{"spec":{"replicas":3}}')
    assert "no change" in kubectl("patch", "deployment", "decode", "--type=merge", "-p", '{"spec":{"replicas":3}}')
    kubectl(
        "patch",
        "deployment",
        "decode",
        "--type=json",
        "-p",
        '[{"op":"add","path":"/metadata/labels","value":{"a":"b"}}]',
    )
    env = {"spec": {"template": {"spec": {"containers": [{"name": "vllm", "env": [{"name": "B", "value": "2"}]}]}}}}
    kubectl("patch", "deployment", "decode", "-p", json.dumps(env))
    stored = kubectl.json("get", "deployment", "decode")
    container = stored["spec"]["template"]["spec"]["containers"][0]
    assert stored["spec"]["replicas"] == 3 and stored["metadata"]["labels"] == {"a": "b"}
    assert {entry["name"]: entry["value"] for entry in container["env"]} == {"A": "1", "B": "2"}
    assert stored["metadata"]["generation"] == 3  # twice the spec, once the labels


def test_scale_by_subresource(kubectl: Kubectl) -> None:
    kubectl("create", "-f", "-", given=deployment())
    assert "scaled" in kubectl("scale", "deployment/decode", "--replicas=7")
    assert kubectl.json("get", "deployment", "decode")["spec"]["replicas"] == 7
    assert "Invalid" in kubectl.fails("patch", "deployment", "decode", "-p", '{"spec":{"replicas":-1}}')


def test_imperative_changes(kubectl: Kubectl) -> None:
    kubectl("create", "-f", "-", given=deployment())
    kubectl("label", "deployment", "decode", "tier=gpu")
    kubectl("annotate", "deployment", "decode", "note=x")
    kubectl("set", "env", "deployment/decode", "MODE=model-only")
    kubectl("set", "image", "deployment/decode", "vllm=vllm:2")
    stored = kubectl.json("get", "deployment", "decode")
    assert stored["metadata"]["labels"]["tier"] == "gpu" and stored["metadata"]["annotations"]["note"] == "x"
    assert stored["spec"]["template"]["spec"]["containers"][0]["image"] == "vllm:2"


def test_replace_with_an_old_version_conflicts(kubectl: Kubectl) -> None:
    kubectl("create", "-f", "-", given=deployment())
    old = kubectl.json("get", "deployment", "decode")
    kubectl("scale", "deployment/decode", "--replicas=7")
    assert "the object has been modified" in kubectl.fails("replace", "-f", "-", given=old)


def test_what_kubectl_sends_as_protobuf(kubectl: Kubectl) -> None:
    kubectl("create", "configmap", "settings", "--from-literal=mode=model-only")
    kubectl("create", "secret", "generic", "token", "--from-literal=key=value")
    assert kubectl.json("get", "configmap", "settings")["data"] == {"mode": "model-only"}
    assert kubectl.json("get", "secret", "token")["data"] == {"key": "dmFsdWU="}
    other = f"{kubectl.namespace}-other"
    kubectl("create", "namespace", other)
    kubectl("delete", "namespace", other)
    assert kubectl("get", "namespace", other, "--ignore-not-found") == ""


# Access


def test_can_i_asks_the_rules(kubectl: Kubectl) -> None:
    refused = {("get", "pods", "log"), ("create", "jobs", "")}
    kubectl.cluster.served.api.rbac = lambda verb, group, resource, sub, ns: (verb, resource, sub) not in refused
    assert kubectl("auth", "can-i", "get", "pods").strip() == "yes"
    assert kubectl.run("auth", "can-i", "get", "pods", "--subresource=log").stdout.startswith("no")
    assert kubectl.run("auth", "can-i", "create", "jobs.batch").returncode == 1
    listed = kubectl("auth", "can-i", "--list")
    assert "deployments.apps" in listed and "pods/log" not in listed


def test_what_the_rules_forbid_fails(kubectl: Kubectl) -> None:
    kubectl.cluster.served.api.rbac = lambda verb, group, resource, sub, ns: verb != "create"
    problem = kubectl.fails("create", "-f", "-", given=job())
    assert 'cannot create resource "jobs" in API group "batch" in the namespace' in problem


def plain_pod(name: str = "plain") -> dict[str, Any]:
    spec = {"containers": [{"name": "c", "image": "i:1"}]}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name}, "spec": spec}


def test_pod_security_refuses_pods_and_warns_of_what_makes_them(kubectl: Kubectl) -> None:
    levels = [f"pod-security.kubernetes.io/{mode}=restricted" for mode in ("enforce", "warn")]
    kubectl("label", "namespace", kubectl.namespace, *levels)
    for dry_run in (["--dry-run=server"], []):
        problem = kubectl.fails("create", *dry_run, "-f", "-", given=plain_pod())
        assert 'pods "plain" is forbidden: violates PodSecurity "restricted:latest": allowPrivilege' in problem
        assert 'container "c" must set securityContext.capabilities.drop=["ALL"]' in problem
        assert "Warning:" not in problem
        done = kubectl.run("create", *dry_run, "-f", "-", given=job())
        assert done.returncode == 0
        assert done.stderr.startswith('Warning: would violate PodSecurity "restricted:latest": allowPrivilege')
        assert 'securityContext.capabilities.drop=["ALL"]' in done.stderr
    done = kubectl.run("patch", "job", "load", "-p", '{"metadata": {"labels": {"a": "b"}}}')
    assert done.returncode == 0 and "Warning: would violate" in done.stderr
    assert kubectl.run("get", "jobs").stderr == ""


def test_enforce_alone_takes_a_job_and_warns_of_it(kubectl: Kubectl) -> None:
    kubectl("label", "namespace", kubectl.namespace, "pod-security.kubernetes.io/enforce=restricted")
    answer = kubectl.run("create", "--dry-run=server", "-f", "-", given=job())
    assert answer.returncode == 0
    assert answer.stderr.startswith('Warning: would violate PodSecurity "restricted:latest": ')


def test_a_job_can_be_suspended_but_its_template_not_changed(kubectl: Kubectl) -> None:
    kubectl("create", "-f", "-", given=job())
    kubectl("patch", "job", "load", "--type=merge", "-p", '{"spec": {"suspend": true}}')
    kubectl("patch", "job", "load", "-p", '{"spec": {"suspend": false}}')
    kubectl("patch", "job", "load", "--type=json", "-p", '[{"op": "replace", "path": "/spec/suspend", "value": true}]')
    assert kubectl.json("get", "job", "load")["spec"]["suspend"] is True
    template = '{"spec": {"template": {"spec": {"restartPolicy": "OnFailure"}}}}'
    assert "field is immutable" in kubectl.fails("patch", "job", "load", "-p", template)


def test_following_a_job_ends_with_it(kubectl: Kubectl) -> None:
    kubectl("create", "-f", "-", given=job())
    until(lambda: kubectl.json("get", "pods")["items"] != [], "a pod")
    assert kubectl("logs", "-f", "job/load") == "load says 0\nload says 1\nload says 2\n"


def test_admission_may_refuse(kubectl: Kubectl) -> None:
    def quota(verb: str, obj: dict[str, Any]) -> None:
        if verb == "create" and obj["kind"] == "Job":
            raise ApiError(403, 'jobs.batch "load" is forbidden: exceeded quota: jobs, used: 1, limited: 1')

    kubectl.cluster.served.api.admission = quota
    problem = kubectl.fails("create", "-f", "-", given=job())
    assert 'jobs.batch "load" is forbidden: exceeded quota: jobs' in problem


def test_a_stranger_is_not_let_in(cluster: Cluster) -> None:
    for path in ("/api/v1/pods", "/embedded/faults", f"/{'x' * len(cluster.served.token)}/api/v1/pods"):
        with pytest.raises(urllib.error.HTTPError) as refusal:
            urllib.request.urlopen(f"http://127.0.0.1:{cluster.served.port}{path}")
        assert refusal.value.code == 401
        refusal.value.close()


def test_the_kubeconfig_is_for_its_owner_only(cluster: Cluster) -> None:
    assert stat.S_IMODE(cluster.kubeconfig.stat().st_mode) == 0o600


def test_faults_reach_whoever_makes_them(kubectl: Kubectl, tmp_path: Path) -> None:
    orders: list[Any] = []
    kubectl.cluster.served.api.on_faults = lambda order: orders.append(order) or {"accepted": True}
    order = tmp_path / "fault.json"
    order.write_text('{"kind": "leader-change"}')
    path = f"/{kubectl.cluster.served.token}/embedded/faults"
    assert json.loads(kubectl("create", "--raw", path, "-f", str(order))) == {"accepted": True}
    assert orders == [{"kind": "leader-change"}]


# Logs


def test_logs_by_time_tail_and_stamp(kubectl: Kubectl) -> None:
    make_pod(kubectl)
    say(kubectl, "one", "two", "three")
    stamped = kubectl("logs", "manager", "--timestamps").splitlines()
    assert [line.split(" ", 1)[1] for line in stamped] == ["one", "two", "three"]
    assert len({line.split(" ")[0] for line in stamped}) == 3
    assert kubectl("logs", "manager", "--tail=1") == "three\n"
    since = stamped[0].split(" ")[0]
    assert kubectl("logs", "manager", f"--since-time={since}").splitlines()[-1] == "three"
    assert kubectl("logs", "manager", "--since-time=2099-01-01T00:00:00Z") == ""
    assert kubectl("logs", "manager", "--limit-bytes=5") == "one\nt"
    assert kubectl("logs", "-l", "app=manager", "--prefix").splitlines()[0].endswith("one")


def test_the_log_before_a_restart(kubectl: Kubectl) -> None:
    make_pod(kubectl)
    assert 'previous terminated container "manager" in pod "manager" not found' in kubectl.fails(
        "logs", "manager", "--previous"
    )
    say(kubectl, "before")
    where = (kubectl.namespace, "manager")
    kubectl.cluster.do(kubectl.cluster.logs.restart, *where, "manager")
    last = {"lastState": {"terminated": {"exitCode": 2, "reason": "Error"}}}
    change = set_container("manager", {"running": {}}, **last)
    kubectl.cluster.do(kubectl.cluster.store.update, "Pod", *where, change)
    say(kubectl, "after")
    assert kubectl("logs", "manager", "--previous") == "before\n"
    assert kubectl("logs", "manager") == "after\n"


def test_a_log_that_cannot_be_read_says_why(kubectl: Kubectl) -> None:
    make_pod(kubectl)
    waiting = set_container("manager", {"waiting": {"reason": "ImagePullBackOff"}})
    kubectl.cluster.do(kubectl.cluster.store.update, "Pod", kubectl.namespace, "manager", waiting)
    assert "is waiting to start: trying and failing to pull image" in kubectl.fails("logs", "manager")
    assert "container nobody is not valid for pod manager" in kubectl.fails("logs", "manager", "-c", "nobody")


@pytest.mark.parametrize("ending", ["finish", "cut", "drop", "restart"])
def test_a_follow_gets_every_line_and_ends_well(kubectl: Kubectl, ending: str) -> None:
    make_pod(kubectl)
    say(kubectl, "one")
    follow = kubectl.start("logs", "-f", "--timestamps", "manager")
    assert follow.stdout is not None
    first = follow.stdout.readline()
    logs, namespace = kubectl.cluster.logs, kubectl.namespace
    kubectl.cluster.do(logs.append_partial, namespace, "manager", "manager", "tw")
    kubectl.cluster.do(logs.append, namespace, "manager", "manager", "o")
    kubectl.cluster.do(logs.rotate, namespace, "manager", "manager")
    say(kubectl, "three")
    container = () if ending == "drop" else ("manager",)
    kubectl.cluster.do(getattr(logs, ending), namespace, "manager", *container)
    rest, problem = follow.communicate(timeout=PATIENCE_S)
    lines = [first, *rest.splitlines()]
    assert [line.split(" ", 1)[1].strip() for line in lines] == ["one", "two", "three"]
    assert (follow.returncode, problem) == (0, "")


def test_after_a_rotation_a_read_sees_only_the_new_file(kubectl: Kubectl) -> None:
    make_pod(kubectl)
    say(kubectl, "one", "two", "three")
    kubectl.cluster.do(kubectl.cluster.logs.rotate, kubectl.namespace, "manager", "manager", keep_last=1)
    assert kubectl("logs", "manager") == "three\n"


# Watching and outages


def test_a_watch_tells_each_change_and_ends_with_the_object(kubectl: Kubectl) -> None:
    kubectl("create", "-f", "-", given=job("there-before"))
    watching = kubectl.start("get", "jobs", "-w", "-o", 'jsonpath={.metadata.name}:{.status.succeeded}{"\\n"}')
    assert watching.stdout is not None
    assert watching.stdout.readline().startswith("there-before:")  # it has begun
    kubectl("create", "-f", "-", given=job())
    seen = [watching.stdout.readline()]
    while not seen[-1].startswith("load:1"):
        seen.append(watching.stdout.readline())
        assert seen[-1], "the watch ended before the Job did"
    watching.terminate()
    watching.communicate(timeout=PATIENCE_S)
    assert next(line for line in seen if line.startswith("load:")) == "load:\n"


def test_wait_sees_what_happens_after_it_began(kubectl: Kubectl) -> None:
    kubectl("create", "-f", "-", given=deployment())
    waiting = kubectl.start("wait", "--for=jsonpath={.spec.replicas}=9", "deployment/decode", "--timeout=90s")
    kubectl("scale", "deployment/decode", "--replicas=9")
    out, problem = waiting.communicate(timeout=PATIENCE_S)
    assert (waiting.returncode, problem) == (0, "") and "condition met" in out


def test_delete_waits_for_a_pod_that_takes_its_time(kubectl: Kubectl) -> None:
    make_pod(kubectl)
    store = kubectl.cluster.store
    store.on_finalize_pod = lambda pod: True
    try:
        deleting = kubectl.start("delete", "pod", "manager")
        until(
            lambda: (
                "deletionTimestamp" in (store.get("Pod", kubectl.namespace, "manager") or {"metadata": {}})["metadata"]
            ),
            "the beginning of the deletion",
        )
        assert kubectl("get", "pod", "manager", "--no-headers").split()[2] == "Terminating"
        assert deleting.poll() is None
        kubectl.cluster.do(store.remove, "Pod", kubectl.namespace, "manager")
        deleting.communicate(timeout=PATIENCE_S)
        assert deleting.returncode == 0
    finally:
        store.on_finalize_pod = None


def test_an_outage_breaks_followers_and_refuses_until_it_ends(kubectl: Kubectl) -> None:
    make_pod(kubectl)
    say(kubectl, "one")
    follow = kubectl.start("logs", "-f", "manager")
    assert follow.stdout is not None and follow.stdout.readline() == "one\n"
    kubectl.cluster.do(kubectl.cluster.outage.begin, 3600.0)
    try:
        _, problem = follow.communicate(timeout=PATIENCE_S)
        assert follow.returncode == 1 and "EOF" in problem
        assert "refused" in kubectl.fails("get", "pods")
    finally:
        kubectl.cluster.do(kubectl.cluster.outage.end)
    until(lambda: kubectl.run("logs", "manager").stdout == "one\n", "the end of the outage")


def test_clients_that_leave_are_forgotten(kubectl: Kubectl) -> None:
    watchers = kubectl.cluster.store._watchers["ConfigMap"]
    watching = kubectl.start("get", "configmaps", "-w")
    until(lambda: len(watchers) == 1, "the watch")
    watching.kill()
    watching.communicate(timeout=PATIENCE_S)
    until(lambda: len(watchers) == 0, "the end of the watch")
