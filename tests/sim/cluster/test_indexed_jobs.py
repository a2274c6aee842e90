"""Indexed Jobs of the embedded cluster: a pod per index, as the Job controller of a real one makes and counts them."""

from __future__ import annotations

import json

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from turned import ROOT, Turned

from wva_sim.api.errors import ApiError
from wva_sim.api.messages import Request
from wva_sim.cluster import indexes
from wva_sim.cluster.environment import environment_of

INDEX = "batch.kubernetes.io/job-completion-index"
OWN_NUMBER = {
    "name": "JOB_COMPLETION_INDEX",
    "valueFrom": {"fieldRef": {"fieldPath": f"metadata.annotations['{INDEX}']"}},
}


def manifest_of(name, count, rate_per_s, prompts, seed="11$(JOB_COMPLETION_INDEX)", first=(OWN_NUMBER,), **spec):
    manifest = yaml.safe_load((ROOT / "workloads" / "sharegpt-load-job-moderate-10.yaml").read_text())
    manifest["metadata"] = {"name": name, "namespace": "llm-d-autoscaler"}
    manifest["spec"] |= {"completionMode": "Indexed", "completions": count, "parallelism": count, **spec}
    values = {"REQUEST_RATE": str(rate_per_s), "NUM_PROMPTS": str(prompts), "SEED": seed, "REQUEST_RECORDER": "yes"}
    (container,) = manifest["spec"]["template"]["spec"]["containers"]
    container["env"] = [
        *first,
        *({**row, "value": values.get(row["name"], row.get("value"))} for row in container["env"]),
    ]
    for row in container["env"]:
        if row.get("value") is None:
            row.pop("value", None)
    return manifest


def start(turned, name="base", count=3, rate_per_s=5, prompts=50, **more):
    turned.store.create(manifest_of(name, count, rate_per_s, prompts, **more))


def conditions(turned, name="base"):
    return [row["type"] for row in turned.job(name)["status"].get("conditions", [])]


def log_of(turned, pod):
    text = turned.world.logs.read(turned.settings.namespace, pod["metadata"]["name"], "vllm-bench-serve-container")
    return text.decode()


def by_index(turned, name="base"):
    return {pod["metadata"]["annotations"][INDEX]: pod for pod in turned.job_pods(name)}


def test_each_index_has_its_pod_which_knows_its_number_and_sends_its_own_load():
    turned = Turned()
    start(turned)
    turned.turn(4)
    pods = by_index(turned)
    assert list(pods) == ["0", "1", "2"]
    for index, pod in pods.items():
        assert pod["metadata"]["labels"][INDEX] == index
        assert pod["metadata"]["name"].startswith(f"base-{index}-")
        assert len(pod["metadata"]["name"]) == len("base-0-") + 5
        assert pod["spec"]["hostname"] == f"base-{index}"
        assert environment_of(pod)["JOB_COMPLETION_INDEX"] == index
        assert f"Namespace(seed=11{index}, num_prompts=50," in log_of(turned, pod)
    status = turned.job("base")["status"]
    assert (status["active"], status["ready"], status.get("completedIndexes")) == (3, 3, None)
    turned.turn(90)
    arrivals = [
        log_of(turned, pod).partition("==== requests")[2].splitlines()[3:8] for pod in by_index(turned).values()
    ]
    assert len({tuple(each) for each in arrivals}) == 3, "seeds of their own"
    assert all(log_of(turned, pod).count("==== end of requests 50") == 1 for pod in pods.values())
    status = turned.job("base")["status"]
    assert (status["succeeded"], status["completedIndexes"], status["ready"]) == (3, "0-2", 0)
    assert "active" not in status
    assert conditions(turned) == ["SuccessCriteriaMet", "Complete"]


def test_it_is_complete_when_the_last_one_is():
    turned = Turned()
    turned.order("job-unschedulable", match="base", index=1)
    start(turned, prompts=20)
    turned.turn(60)
    status = turned.job("base")["status"]
    assert (status["succeeded"], status["completedIndexes"], status["active"], status["ready"]) == (2, "0,2", 1, 0)
    assert conditions(turned) == []
    turned.order("clear")
    turned.turn(60)
    assert turned.job("base")["status"]["completedIndexes"] == "0-2"
    assert conditions(turned) == ["SuccessCriteriaMet", "Complete"]


def test_one_that_fails_takes_the_others_with_it():
    turned = Turned()
    turned.order("job-fail", match="base", index=1, after=5, message="CUDA error")
    start(turned, prompts=500)
    while turned.job("base")["status"].get("failed") is None:
        turned.turn(0.1, 0.1)
    assert conditions(turned) == ["FailureTarget"], "it has failed when the others are gone"
    turned.turn(2)
    assert conditions(turned) == ["FailureTarget", "Failed"]
    (failed,) = turned.job_pods("base")
    assert failed["metadata"]["annotations"][INDEX] == "1"
    assert "CUDA error" in log_of(turned, failed)
    status = turned.job("base")["status"]
    assert (status["failed"], status["ready"], "active" in status) == (3, 0, False)
    assert status["conditions"][1]["reason"] == "BackoffLimitExceeded"
    assert turned.world.fleet.loads == {}


def test_one_that_may_be_tried_again_is_and_the_others_go_on():
    turned = Turned()
    turned.order("job-fail", match="base", index=1, after=5)
    start(turned, prompts=500, backoffLimit=2)
    turned.turn(9)
    turned.order("clear")
    turned.turn(15)
    alive = [
        pod["metadata"]["annotations"][INDEX] for pod in turned.job_pods("base") if pod["status"]["phase"] == "Running"
    ]
    assert sorted(alive) == ["0", "1", "2"]
    assert len(turned.job_pods("base")) == 4
    assert (turned.job("base")["status"]["failed"], conditions(turned)) == (1, [])


def test_a_deleted_pod_is_a_failure():
    turned = Turned()
    start(turned, prompts=500)
    turned.turn(10)
    turned.store.delete("Pod", turned.settings.namespace, by_index(turned)["2"]["metadata"]["name"])
    turned.turn(5)
    assert conditions(turned) == ["FailureTarget", "Failed"]
    assert turned.job_pods("base") == []


def test_suspended_all_pods_go_and_resumed_only_those_come_that_are_missing():
    turned = Turned()
    turned.order("job-unschedulable", match="base", index=2)
    start(turned, prompts=20)
    turned.turn(60)
    turned.store.update("Job", turned.settings.namespace, "base", lambda job: job["spec"].update(suspend=True))
    turned.turn(3)
    assert list(by_index(turned)) == ["0", "1"], "what has succeeded stays"
    assert turned.job("base")["status"]["completedIndexes"] == "0,1"
    turned.order("clear")
    turned.store.update("Job", turned.settings.namespace, "base", lambda job: job["spec"].update(suspend=False))
    turned.turn(60)
    assert conditions(turned) == ["SuccessCriteriaMet", "Complete"]
    assert len(turned.job_pods("base")) == 3


def test_deleting_the_job_ends_all_loads():
    turned = Turned()
    start(turned, prompts=500)
    turned.turn(10)
    assert len(turned.world.fleet.loads) == 3
    turned.store.delete("Job", turned.settings.namespace, "base")
    turned.turn(3)
    assert (turned.world.fleet.loads, turned.job_pods("base")) == ({}, [])


def test_a_deadline_ends_all():
    turned = Turned()
    start(turned, prompts=500, activeDeadlineSeconds=20)
    turned.turn(25)
    assert conditions(turned) == ["FailureTarget", "Failed"]
    assert turned.job("base")["status"]["conditions"][1]["reason"] == "DeadlineExceeded"
    assert turned.job_pods("base") == []


def test_no_more_run_at_once_than_parallelism_says():
    turned = Turned()
    start(turned, count=5, prompts=20, parallelism=2)
    turned.turn(4)
    assert list(by_index(turned)) == ["0", "1"]
    turned.turn(240)
    assert turned.job("base")["status"]["completedIndexes"] == "0-4"
    assert conditions(turned) == ["SuccessCriteriaMet", "Complete"]


@pytest.mark.parametrize(
    ("fault", "there", "said"),
    [
        ("job-over-quota", ["0", "2"], "exceeded quota"),
        ("job-image-pull-error", ["0", "1", "2"], "Back-off pulling image"),
        ("job-unschedulable", ["0", "1", "2"], "Insufficient cpu"),
    ],
)
def test_what_keeps_one_of_them_from_starting(fault, there, said):
    turned = Turned()
    turned.order(fault, match="base", index=1)
    start(turned, prompts=20)
    turned.turn(30)
    assert sorted(by_index(turned)) == there
    assert said in json.dumps([turned.store.list("Event"), turned.job_pods("base")])
    turned.order("clear")
    turned.turn(60)
    assert conditions(turned) == ["SuccessCriteriaMet", "Complete"]


def test_a_number_behind_its_use_is_none():
    """The cluster's own variable is the last one: what refers to it has to bring it along."""
    turned = Turned()
    start(turned, first=())
    turned.turn(10)
    assert conditions(turned) == ["FailureTarget", "Failed"]
    (pod,) = [pod for pod in turned.job_pods("base") if pod["status"]["phase"] == "Failed"][:1]
    assert "11$(JOB_COMPLETION_INDEX)" in log_of(turned, pod)


def test_variables_by_hand():
    rows = [
        {"name": "EARLY", "value": "$(LATE)"},
        {"name": "NAME", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}},
        {"name": "LATE", "value": "$(NAME)-$$(NAME)-$(NOBODY)-$"},
        {"name": "LABEL", "valueFrom": {"fieldRef": {"fieldPath": "metadata.labels['a/b']"}}},
        {"name": "NONE", "valueFrom": {"fieldRef": {"fieldPath": "metadata.annotations['c']"}}},
        {"name": "KEY", "valueFrom": {"secretKeyRef": {"name": "s", "key": "k", "optional": True}}},
    ]
    pod = {"metadata": {"name": "p", "labels": {"a/b": "l"}}, "spec": {"containers": [{"name": "c", "env": rows}]}}
    expected = {"EARLY": "$(LATE)", "NAME": "p", "LATE": "p-$(NAME)-$(NOBODY)-$", "LABEL": "l", "NONE": ""}
    assert environment_of(pod) == expected


@given(st.sets(st.integers(0, 40)))
def test_indexes_are_read_as_they_are_written(numbers):
    text = indexes.as_text(numbers)
    assert indexes.completed({"status": {"completedIndexes": text}}) == numbers


def test_indexes_as_a_server_writes_them():
    assert indexes.as_text([0, 1, 3, 5, 6, 7]) == "0,1,3,5-7"


def test_a_long_name_of_a_job_gives_way_to_the_index():
    name = indexes.name_of_pod("j" * 60, 12, "abcde")
    assert (len(name), name[-10:]) == (63, "j-12-abcde")
    assert indexes.name_of_pod("j" * 60, None, "abcde") == "j" * 60 + "-ab"


# --- what a server refuses


def refusal(turned, manifest):
    body = json.dumps(manifest).encode()
    path = "/apis/batch/v1/namespaces/llm-d-autoscaler/jobs"
    answer = turned.world.api.handle(Request("POST", path, {}, "", "application/json", body))
    return "" if answer.status == 201 else json.loads(answer.body)["message"]


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        ({}, ""),
        ({"completions": None}, "spec.completions: Required value: when completion mode is Indexed"),
        ({"completionMode": "indexed"}, 'spec.completionMode: Unsupported value: "indexed"'),
        ({"parallelism": 100001}, "spec.parallelism: Invalid value: 100001: must be less than or equal to 100000"),
        ({"parallelism": -1}, "spec.parallelism: Invalid value: -1"),
    ],
)
def test_of_a_spec(spec, said):
    manifest = manifest_of("base", 3, 1, 10, **spec)
    manifest["spec"] = {key: value for key, value in manifest["spec"].items() if value is not None}
    assert said in refusal(Turned(), manifest)
    assert bool(said) == bool(refusal(Turned(), manifest))


@pytest.mark.parametrize(
    ("length", "count", "is_fine"), [(61, 10, True), (61, 11, False), (60, 100, True), (60, 101, False)]
)
def test_of_a_name_that_leaves_no_room_for_the_index(length, count, is_fine):
    said = refusal(Turned(), manifest_of("j" * length, count, 1, 10))
    assert said == "" if is_fine else "will not able to create pod with invalid DNS label: jjj" in said


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ({"valueFrom": {"fieldRef": {"fieldPath": "metadata.annotation['a']"}}}, "field label not supported"),
        ({"valueFrom": {"fieldRef": {"fieldPath": "metadata.annotations['a b']"}}}, "a valid label key must consist"),
        ({"valueFrom": {"fieldRef": {"fieldPath": "spec.hostname"}}}, 'Unsupported value: "spec.hostname"'),
        (
            {"value": "1", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}},
            "may not be specified when `value`",
        ),
    ],
)
def test_of_a_variable(row, said):
    assert said in refusal(Turned(), manifest_of("base", 3, 1, 10, first=({"name": "X", **row},)))


@pytest.mark.parametrize("change", [{"completionMode": "NonIndexed"}, {"completions": 4}])
def test_of_a_change(change):
    turned = Turned()
    start(turned)
    path, kind = "/apis/batch/v1/namespaces/llm-d-autoscaler/jobs/base", "application/merge-patch+json"
    body = json.dumps({"spec": change}).encode()
    answer = turned.world.api.handle(Request("PATCH", path, {}, "", kind, body))
    assert answer.status == 422
    assert f"spec.{next(iter(change))}: Invalid value: field is immutable" in json.loads(answer.body)["message"]


def test_pods_that_policies_refuse_are_told():
    turned = Turned()
    turned.order("pod-refused", match="base-1-", message="not this one")
    start(turned, prompts=20)
    turned.turn(5)
    assert sorted(by_index(turned)) == ["0", "2"]
    assert "not this one" in json.dumps(turned.store.list("Event"))


def test_an_order_for_an_index_that_is_none_is_refused():
    with pytest.raises(ApiError, match="job-fail: ValueError"):
        Turned().order("job-fail", index="second")
