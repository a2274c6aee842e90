"""The embedded cluster as a whole, with a clock that the tests turn."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml
from turned import ROOT, Turned

from wva_sim.api.errors import ApiError
from wva_sim.api.messages import Request
from wva_sim.api.times import parse_rfc3339
from wva_sim.cluster import pods
from wva_sim.cluster.settings import Settings, SettingsError, read_settings

CONFIGS = sorted((ROOT / "experiment-configs").glob("*.yaml"))


def outcome(job: dict) -> str:
    return next(
        (row["type"] for row in job["status"].get("conditions", []) if row["type"] in ("Complete", "Failed")), ""
    )


def test_what_a_user_finds():
    turned = Turned()
    assert turned.replicas() == (1, 1)
    names = {kind: len(turned.store.list(kind)) for kind in ("Deployment", "Pod", "VariantAutoscaling", "Lease")}
    assert names == {"Deployment": 2, "Pod": 3, "VariantAutoscaling": 1, "Lease": 1}
    annotations = turned.store.get("Namespace", None, turned.settings.namespace)["metadata"]["annotations"]
    assert annotations == {"wva-experiments/simulated": "true"}


@pytest.mark.parametrize("mode", ["model-based", "capacity-based"])
def test_replicas_follow_the_load_up_and_down(mode):
    turned = Turned(Settings(mode=mode))
    turned.turn(60)
    turned.load("heavy", 40, 10**6)
    turned.turn(420)
    _, ready = turned.replicas()
    assert ready >= 2, "replicas rise with the load"
    turned.store.delete("Job", turned.settings.namespace, "heavy")
    turned.turn(900)
    assert turned.replicas() == (1, 1), "and fall after it"


def test_a_new_replica_takes_time_to_start_and_the_full_one_queues_meanwhile():
    turned = Turned(Settings(mode="capacity-based"))
    turned.load("heavy", 40, 10**6)
    scaled_at_s = None
    while turned.replicas()[1] == 1 and turned.at_s < 600:
        turned.turn(1)
        if scaled_at_s is None and turned.replicas()[0] == 2:
            scaled_at_s = turned.at_s
    assert scaled_at_s is not None
    assert turned.at_s - scaled_at_s == pytest.approx(100, abs=15)
    assert any("queueLength=" in line and not line.endswith('queueLength=0"}') for line in turned.log())


def test_predictions_differ_from_observations():
    turned = Turned()
    turned.load("light", 8, 10**6)
    turned.turn(400)
    status = turned.store.get("VariantAutoscaling", turned.settings.namespace, turned.settings.deployment)["status"]
    observed_ms = float(status["currentAlloc"]["itlAverage"])
    solutions = [line for line in turned.log() if "Optimization solution" in line]
    predicted_ms = float(solutions[-2].split("itl=")[1].split(",")[0])
    assert 0.02 < (observed_ms - predicted_ms) / predicted_ms < 0.4


def test_the_same_seed_gives_the_same_log():
    logs = []
    for _ in range(2):
        turned = Turned(seed=5)
        turned.load("load", 15, 10**6)
        turned.turn(200)
        logs.append(turned.log())
    assert logs[0] == logs[1]


def test_only_the_leader_runs_the_loop():
    turned = Turned()
    turned.turn(120)
    leader = turned.cluster.controllers.leader
    others = [pod["metadata"]["name"] for pod in turned.store.list("Pod", turned.settings.controller_namespace)]
    others.remove(leader)
    assert any("Operating in" in line for line in turned.log())
    assert not any("Operating in" in line for line in turned.log(others[0]))
    lease = turned.store.list("Lease")[0]["spec"]
    assert lease["holderIdentity"].startswith(f"{leader}_")


def test_a_job_runs_prints_its_result_and_completes():
    turned = Turned()
    turned.load("short", 10, 100)
    turned.turn(3)
    (pod,) = turned.job_pods("short")
    assert pod["status"]["phase"] == "Running"
    turned.turn(60)
    assert outcome(turned.job("short")) == "Complete"
    name = pod["metadata"]["name"]
    text = turned.world.logs.read(turned.settings.namespace, name, "vllm-bench-serve-container").decode()
    assert "Successful requests:                     100" in text
    assert "SIMULATED" in text


def test_deleting_a_job_stops_its_load_and_its_pod_goes():
    turned = Turned()
    turned.load("long", 20, 10**6)
    turned.turn(60)
    assert turned.world.fleet.loads
    turned.store.delete("Job", turned.settings.namespace, "long")
    turned.turn(2)
    assert turned.world.fleet.loads == {}
    assert turned.job_pods("long") == []


def test_a_job_that_is_terminated_prints_nothing_more():
    turned = Turned()
    turned.load("long", 20, 10**6)
    turned.turn(30)
    (pod,) = turned.job_pods("long")
    where = (turned.settings.namespace, pod["metadata"]["name"], "vllm-bench-serve-container")
    before = turned.world.logs.read(*where)
    ended = []
    turned.store.subscribe("Pod", lambda type_, pod: ended.append(pod["status"]) if type_ == "MODIFIED" else None)
    turned.store.delete("Job", turned.settings.namespace, "long")
    assert turned.world.logs.read(*where) == before
    turned.turn(2)
    (state,) = [row["state"] for status in ended[-1:] for row in status["containerStatuses"]]
    assert state["terminated"]["exitCode"] == 143


def condition(job: dict, type_: str) -> dict:
    (row,) = [row for row in job["status"].get("conditions", []) if row["type"] == type_]
    return row


def suspend(turned: Turned, name: str, value: bool) -> None:
    turned.store.update("Job", turned.settings.namespace, name, lambda job: job["spec"].update(suspend=value))


def test_a_suspended_job_stays_and_its_pods_go():
    turned = Turned()
    turned.load("long", 20, 10**6)
    turned.turn(30)
    suspend(turned, "long", True)
    turned.turn(3)
    job = turned.job("long")
    assert (turned.job_pods("long"), turned.world.fleet.loads) == ([], {})
    row = condition(job, "Suspended")
    assert (row["status"], row["reason"], row["message"]) == ("True", "JobSuspended", "Job suspended")
    assert {"active", "startTime", "failed"}.isdisjoint(job["status"])
    turned.turn(60)
    assert (outcome(turned.job("long")), turned.job_pods("long")) == ("", [])
    suspend(turned, "long", False)
    turned.turn(10)
    assert condition(turned.job("long"), "Suspended")["status"] == "False"
    assert len(turned.job_pods("long")) == 1
    assert turned.world.fleet.loads


def test_a_job_that_is_suspended_from_the_start_waits():
    turned = Turned()
    turned.load("later", 10, 50, suspend=True)
    turned.turn(30)
    assert turned.job_pods("later") == []
    suspend(turned, "later", False)
    turned.turn(60)
    assert outcome(turned.job("later")) == "Complete"


def test_a_job_resumed_before_its_next_try_has_one_pod():
    turned = Turned()
    turned.order("job-over-quota")
    turned.load("late", 10, 10**6)
    turned.turn(5)
    turned.order("clear")
    suspend(turned, "late", True)
    turned.turn(1)
    suspend(turned, "late", False)
    turned.turn(30)
    assert len(turned.job_pods("late")) == 1


def restrict(turned: Turned, **modes: str) -> None:
    labels = {f"pod-security.kubernetes.io/{mode}": level for mode, level in modes.items()}
    name = turned.settings.namespace
    turned.store.update("Namespace", None, name, lambda found: found["metadata"]["labels"].update(labels))


def test_a_restricted_namespace_takes_the_projects_jobs():
    turned = Turned()
    restrict(turned, enforce="restricted")
    turned.load("load", 10, 50)
    turned.turn(60)
    assert outcome(turned.job("load")) == "Complete"


def test_a_restricted_namespace_takes_no_pod_of_a_plain_job():
    turned = Turned()
    restrict(turned, enforce="restricted")
    spec = {"containers": [{"name": "c", "image": "i:1"}], "restartPolicy": "Never"}
    metadata = {"name": "plain", "namespace": turned.settings.namespace}
    turned.store.create({"kind": "Job", "metadata": metadata, "spec": {"template": {"spec": spec}}})
    turned.turn(30)
    assert turned.job_pods("plain") == []
    (event,) = [event for event in turned.store.list("Event") if event["involvedObject"]["name"] == "plain"][:1]
    assert (event["type"], event["reason"]) == ("Warning", "FailedCreate")
    assert re.fullmatch(
        r'Error creating: pods "plain-\w+" is forbidden: violates PodSecurity "restricted:latest": '
        r"allowPrivilegeEscalation != false \(.*\), unrestricted capabilities \(.*\), runAsNonRoot != true \(.*\), "
        r"seccompProfile \(.*\)",
        event["message"],
    )


def test_the_log_of_a_pod_that_fetches_its_data_set_waits():
    turned = Turned()
    turned.load("load", 10, 50)
    turned.turn(1, step_s=0.1)
    (pod,) = turned.job_pods("load")
    path = f"/api/v1/namespaces/{turned.settings.namespace}/pods/{pod['metadata']['name']}/log"
    request = Request("GET", path, {"container": "vllm-bench-serve-container", "follow": "true"})
    answer = json.loads(turned.world.api.handle(request).body)
    waits = "is waiting to start: PodInitializing"
    expected = f'container "vllm-bench-serve-container" in pod "{pod["metadata"]["name"]}" {waits}'
    assert (answer["code"], answer["message"]) == (400, expected)


def records(turned: Turned, name: str) -> list[str]:
    """What a Job's container has printed."""
    (pod,) = turned.job_pods(name)
    where = (turned.settings.namespace, pod["metadata"]["name"], "vllm-bench-serve-container")
    return turned.world.logs.read(*where).decode().splitlines()


def test_a_job_with_a_recorder_prints_a_line_per_request_after_its_table():
    turned = Turned()
    turned.turn(50)
    turned.load("load", 10, 100, REQUEST_RECORDER="the script")
    turned.turn(60)
    lines = records(turned, "load")
    begin = lines.index("==== requests")
    assert lines[begin - 1] == "=" * 50
    assert lines[-1] == "==== end of requests 100"
    rows = [line.split(",") for line in lines[begin + 3 : -1]]
    assert len(rows) == 100
    starts = [float(row[0]) for row in rows]
    assert starts == sorted(starts)
    first, sending = (
        dict(part.split("=") for part in lines[number].removeprefix("# ").split()) for number in (0, begin + 1)
    )
    epoch = turned.world.clock.epoch.timestamp()
    for clocks in (first, sending):
        assert float(clocks["wall"]) - epoch == pytest.approx(float(clocks["monotonic"]), abs=0.002)
    # Ten seconds of sending begin when the client starts; the first request comes one gap later.
    assert float(sending["monotonic"]) + starts[-1] == pytest.approx(float(first["monotonic"]) + 10, abs=0.01)


def test_a_job_without_a_recorder_ends_with_its_table():
    turned = Turned()
    turned.load("load", 10, 50)
    turned.turn(60)
    assert records(turned, "load")[-1] == "=" * 50


def test_a_job_ends_when_its_last_answer_has_come():
    turned = Turned()
    turned.load("load", 10, 100)
    turned.turn(60, step_s=0.1)
    table = dict(line.rsplit(maxsplit=1) for line in records(turned, "load") if line.endswith(" " * 3) and ":" in line)
    status = turned.job("load")["status"]
    began, ended = (parse_rfc3339(status[name]) for name in ("startTime", "completionTime"))
    expected_s = float(table["Benchmark duration (s):"])
    assert 0 <= (ended - began).total_seconds() - expected_s < 4  # data set, start, and whole seconds


# --- faults


def test_an_order_that_makes_no_sense_says_what_does():
    with pytest.raises(ApiError, match="expected one of leader-change"):
        Turned().order("nonsense")
    with pytest.raises(ApiError, match="log-burst"):
        Turned().order("log-burst")


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        ("job-image-pull-error", "Back-off pulling image"),
        ("job-unschedulable", "Insufficient cpu"),
        ("job-over-quota", "exceeded quota"),
    ],
)
def test_jobs_that_cannot_start_say_why_and_start_when_they_can(fault, said):
    turned = Turned()
    turned.order(fault, match="sto")
    turned.load("stopped", 10, 100)
    turned.load("other", 10, 100)
    turned.turn(5)
    events = [event["message"] for event in turned.store.list("Event") if event["type"] == "Warning"]
    statuses = json.dumps([pod["status"] for pod in turned.job_pods("stopped")])
    assert any(said in message for message in events)
    assert fault == "job-over-quota" or said in statuses
    turned.turn(60)
    assert (outcome(turned.job("stopped")), outcome(turned.job("other"))) == ("", "Complete")
    turned.order("clear")
    turned.turn(60)
    assert outcome(turned.job("stopped")) == "Complete"


def test_a_failing_job_fails_with_its_last_words():
    turned = Turned()
    turned.order("job-fail", after=5, message="CUDA error")
    turned.load("bad", 10, 1000)
    turned.turn(20)
    assert outcome(turned.job("bad")) == "Failed"
    (pod,) = turned.job_pods("bad")
    assert pod["status"]["phase"] == "Failed"
    log = turned.world.logs.read(turned.settings.namespace, pod["metadata"]["name"], "vllm-bench-serve-container")
    assert log.decode().splitlines()[-1] == "CUDA error"


def test_a_refused_job_is_refused_with_the_webhooks_words():
    turned = Turned()
    turned.order("job-refused", message="no load today")
    manifest = {"kind": "Job", "apiVersion": "batch/v1", "metadata": {"name": "j"}}
    with pytest.raises(ApiError, match="no load today"):
        turned.world.api.admission("create", manifest)


def test_refused_pods_leave_their_job_without_any_and_an_event_says_why():
    turned = Turned()
    turned.order("pod-refused", message="no pods today")
    turned.load("podless", 10, 100)
    turned.turn(20)
    assert turned.job_pods("podless") == []
    assert any("no pods today" in event["message"] for event in turned.store.list("Event", turned.settings.namespace))


def test_a_scaler_leaves_a_deployment_at_zero_alone():
    """Unless it may go down to 0 itself: so says the documentation of the HorizontalPodAutoscaler."""
    turned = Turned()
    turned.turn(60)
    name = turned.settings.deployment

    def stop(deployment):
        deployment["spec"]["replicas"] = 0

    turned.world.change("Deployment", turned.settings.namespace, name, stop)
    turned.turn(120)
    assert turned.store.get("Deployment", turned.settings.namespace, name)["spec"]["replicas"] == 0


def test_a_leader_change_moves_the_loop():
    turned = Turned()
    turned.turn(60)
    before = turned.cluster.controllers.leader
    after = turned.order("leader-change")["leader"]
    assert after != before
    lines_before = len(turned.log(before))
    turned.turn(60)
    assert len(turned.log(before)) == lines_before
    assert any("Operating in" in line for line in turned.log(after))


def test_a_crashed_controller_restarts_and_its_log_is_the_previous_one():
    turned = Turned()
    turned.turn(60)
    pod = turned.order("controller-crash")["pod"]
    turned.turn(60)
    status = turned.store.get("Pod", turned.settings.controller_namespace, pod)["status"]["containerStatuses"][0]
    assert status["restartCount"] == 1
    assert status["lastState"]["terminated"]["exitCode"] == 1
    assert "Zap logger initialized" in turned.log(pod)[0]
    assert turned.cluster.controllers.leader not in (None, pod), "the other one leads when the lease has run out"


def test_a_deleted_controller_pod_is_replaced():
    turned = Turned()
    turned.turn(60)
    gone = turned.order("controller-pod-delete")["pod"]
    turned.turn(60)
    names = [pod["metadata"]["name"] for pod in turned.store.list("Pod", turned.settings.controller_namespace)]
    assert len(names) == 2
    assert gone not in names
    assert turned.cluster.controllers.leader in names


def test_lines_of_any_kind_can_be_ordered():
    turned = Turned()
    turned.turn(30)
    turned.order("log-line", text="same", times=2)
    turned.order("log-line", length=100_000)
    turned.order("log-burst", lines=3)
    turned.order("log-partial", text="abcdef", seconds=5)
    assert turned.log()[-7:] == ["same", "same", "x" * 100_000, "burst 0", "burst 1", "burst 2", "abc"]
    turned.turn(6)
    assert "abcdef" in turned.log()


# --- what users get wrong and what goes wrong: the cluster itself goes on


@pytest.mark.parametrize(
    ("rate", "prompts", "said"),
    [(0, 100, "request rate: saw 0, expected more than 0"), (10, 0, "number of prompts: saw 0, expected at least 1")],
)
def test_a_load_that_would_send_nothing_is_a_failed_job(rate, prompts, said):
    turned = Turned()
    turned.load("nothing", rate, prompts, backoffLimit=0)
    turned.turn(60)
    (pod,) = turned.job_pods("nothing")
    where = (turned.settings.namespace, pod["metadata"]["name"], pod["spec"]["containers"][0]["name"])
    assert said in turned.world.logs.read(*where).decode()
    assert outcome(turned.job("nothing")) == "Failed"


def test_a_deleted_pod_of_a_job_counts_as_its_failure():
    turned = Turned()
    turned.load("once", 5, 10**6, backoffLimit=0)
    turned.load("twice", 5, 10**6, backoffLimit=1)
    turned.turn(60)
    for name in ("once", "twice"):
        turned.store.delete("Pod", turned.settings.namespace, turned.job_pods(name)[0]["metadata"]["name"])
    turned.turn(60)
    assert outcome(turned.job("once")) == "Failed"
    assert turned.job("once")["status"]["failed"] == 1
    assert outcome(turned.job("twice")) == ""
    assert len(turned.job_pods("twice")) == 1, "another pod has followed"


@pytest.mark.parametrize(
    "spec",
    [
        {},
        {"metrics": [{"type": "Resource", "resource": {"name": "cpu"}}]},
        {"metrics": [{"type": "External", "external": {"metric": {"name": "x"}}}]},
    ],
    ids=["no metrics", "CPU", "no selector"],
)
def test_an_autoscaler_on_another_metric_scales_nothing(spec):
    turned = Turned()
    metadata = {"name": "other", "namespace": turned.settings.namespace}
    target = {"apiVersion": "apps/v1", "kind": "Deployment", "name": turned.settings.deployment}
    spec = {"scaleTargetRef": target, "maxReplicas": 9, **spec}
    turned.store.create({"kind": "HorizontalPodAutoscaler", "metadata": metadata, "spec": spec})
    turned.turn(60)
    other = turned.store.get("HorizontalPodAutoscaler", turned.settings.namespace, "other")
    assert [row["status"] for row in other["status"]["conditions"] if row["type"] == "ScalingActive"] == ["False"]
    assert turned.replicas() == (1, 1)


@pytest.mark.parametrize(
    ("fault", "options"),
    [
        ("api-outage", {}),
        ("log-partial", {"seconds": "soon"}),
        ("controller-crash", {"pod": "nobody"}),
        ("controller-pod-delete", {"pod": "nobody"}),
    ],
)
def test_an_order_that_cannot_be_carried_out_is_refused(fault, options):
    turned = Turned()
    turned.turn(60)
    before = len(turned.log())
    with pytest.raises(ApiError):
        turned.order(fault, **options)
    turned.turn(120)
    assert len(turned.log()) > before


def test_a_container_that_has_crashed_cannot_crash_again_before_it_runs():
    turned = Turned()
    turned.turn(60)
    pod = turned.order("controller-crash")["pod"]
    with pytest.raises(ApiError, match="expected one that runs"):
        turned.order("controller-crash", pod=pod)


def test_a_deleted_lease_comes_back():
    turned = Turned()
    turned.turn(60)
    namespace, leader = turned.settings.controller_namespace, turned.cluster.controllers.leader
    (lease,) = turned.store.list("Lease", namespace)
    turned.store.delete("Lease", namespace, lease["metadata"]["name"])
    turned.turn(30)
    (again,) = turned.store.list("Lease", namespace)
    assert again["spec"]["holderIdentity"] == lease["spec"]["holderIdentity"]
    assert again["spec"]["holderIdentity"].startswith(leader)


# --- settings and the process


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_every_config_makes_a_cluster(path):
    settings = read_settings(path)
    turned = Turned(settings)
    assert turned.deployment()["metadata"]["name"] == yaml.safe_load(path.read_text())["deployment"]
    turned.turn(60)
    assert pods.is_ready(turned.store.list("Pod", settings.namespace)[0])


@pytest.mark.parametrize("text", ["- a list", "mode: both", "a: ["])
def test_bad_settings_are_refused(tmp_path, text):
    path = tmp_path / "c.yaml"
    path.write_text(text)
    with pytest.raises(SettingsError, match=r"c\.yaml"):
        read_settings(path)


def serve(tmp_path: Path, *options: str) -> subprocess.Popen:
    return subprocess.Popen(
        [sys.executable, "-m", "wva_sim", "serve", "--state", str(tmp_path), *options], cwd=ROOT, stderr=subprocess.PIPE
    )


def wait_for(condition, patience_s: float = 90.0) -> bool:
    end = time.monotonic() + patience_s
    while not condition() and time.monotonic() < end:
        time.sleep(0.05)
    return condition()


def test_the_process_says_where_it_is_and_ends_on_term(tmp_path):
    process = serve(tmp_path, "--speed", "50", "--seed", "3")
    try:
        assert wait_for((tmp_path / "ready").exists)
        ready = json.loads((tmp_path / "ready").read_text())
        assert ready["pid"] == process.pid
        assert (ready["speed"], ready["seed"], ready["context"]) == (50, 3, "wva-embedded")
        assert (tmp_path / "kubeconfig").stat().st_mode & 0o777 == 0o600
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 0
        assert process.stderr.read() == b""
    finally:
        process.kill()
        process.stderr.close()


def test_the_process_ends_with_its_parent(tmp_path):
    parent = subprocess.Popen(["sleep", "60"])
    process = serve(tmp_path, "--parent", str(parent.pid))
    try:
        assert wait_for((tmp_path / "ready").exists)
        os.kill(parent.pid, signal.SIGKILL)
        parent.wait()
        assert process.wait(10) == 0
    finally:
        process.kill()
        process.stderr.close()


@pytest.mark.parametrize(
    ("options", "said"),
    [(("--speed", "0"), "--speed: saw 0,"), (("--config", "missing.yaml"), "missing.yaml: cannot be read")],
)
def test_bad_options_are_one_line_and_status_2(tmp_path, options, said):
    process = serve(tmp_path, *options)
    _, stderr = process.communicate(timeout=90)
    assert process.returncode == 2
    assert stderr.decode().startswith("wva_sim: ") and said in stderr.decode()
    assert len(stderr.decode().splitlines()) == 1
