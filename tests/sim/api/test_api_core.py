"""The core of the stand-in API where kubectl does not reach, and its parts one by one."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import datetime, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wva_sim.api import patch, protobuf
from wva_sim.api.core import Api
from wva_sim.api.errors import ApiError
from wva_sim.api.fields import unknown_fields
from wva_sim.api.kinds import KINDS
from wva_sim.api.messages import Request, Response, Stream, parse_target
from wva_sim.api.podlogs import PodLogs
from wva_sim.api.selectors import field_selector, label_selector, selector_text
from wva_sim.api.store import Store
from wva_sim.api.tables import columns_of, find_path, human_duration
from wva_sim.cluster.clock import SimClock

Json = dict[str, Any]

TABLE = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json"
JOBS = "/apis/batch/v1/namespaces/a/jobs"
VARIANTS = "/apis/llmd.ai/v1alpha1/namespaces/a/variantautoscalings"


@pytest.fixture
def api() -> Api:
    clock = SimClock(1, datetime(2026, 1, 1, tzinfo=timezone.utc), lambda: 0.0)
    store = Store(clock)
    store.create({"kind": "Namespace", "metadata": {"name": "a"}})
    return Api(store, PodLogs(clock), clock)


def job(name: str = "j", **labels: str) -> Json:
    """A valid Job."""
    containers = [{"name": "c", "image": "i"}]
    template = {"spec": {"restartPolicy": "Never", "containers": containers}}
    metadata = {"name": name, "namespace": "a", "labels": labels}
    return {"apiVersion": "batch/v1", "kind": "Job", "metadata": metadata, "spec": {"template": template}}


def ask(api: Api, method: str, path: str, body: Any = None, accept: str = "", **query: str) -> Response:
    """A request that is answered whole."""
    content_type = query.pop("content_type", "application/json")
    data = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
    answer = api.handle(Request(method, path, query, accept, content_type, data))
    assert isinstance(answer, Response)
    return answer


def answer(api: Api, method: str, path: str, body: Any = None, **more: str) -> Json:
    """The JSON of an answer."""
    decoded: Json = json.loads(ask(api, method, path, body, **more).body)
    return decoded


def watch(api: Api, path: str, accept: str = "", **query: str) -> AsyncIterator[Json]:
    """The events of a watch."""
    stream = api.handle(Request("GET", path, {"watch": "true", **query}, accept))
    assert isinstance(stream, Stream)

    async def events() -> AsyncIterator[Json]:
        async for chunk in stream.chunks:
            yield json.loads(chunk)

    return events()


def collect(api: Api, path: str, *steps: Any, count: int, accept: str = "", **query: str) -> list[Json]:
    """The first ``count`` events, while the steps happen one after each of them."""

    async def run() -> list[Json]:
        events, seen, todo = watch(api, path, accept, **query), [], list(steps)
        while len(seen) < count:
            reading = asyncio.ensure_future(anext(events))
            await asyncio.sleep(0)
            if todo:
                todo.pop(0)()
            seen.append(await asyncio.wait_for(reading, 10))
        return seen

    return asyncio.run(run())


# Errors


@pytest.mark.parametrize(
    ("method", "path", "body", "code", "reason"),
    [
        ("GET", "/nothing", None, 404, "NotFound"),
        ("GET", "/apis/batch/v1/namespaces/a/trains", None, 404, "NotFound"),
        ("GET", f"{JOBS}/j/log", None, 404, "NotFound"),
        ("GET", "/apis/batch/v1/jobs/j", None, 404, "NotFound"),
        ("GET", f"{JOBS}/j", None, 404, "NotFound"),
        ("PUT", JOBS, {}, 405, "MethodNotAllowed"),
        ("POST", JOBS, b"not json", 400, "BadRequest"),
        ("POST", JOBS, [1], 400, "BadRequest"),
        ("POST", JOBS, {"kind": "Pod", "apiVersion": "v1"}, 400, "BadRequest"),
        ("POST", JOBS, {**job(), "spec": "x"}, 400, "BadRequest"),
        ("POST", JOBS, {**job(), "metadata": {"name": "j", "namespace": "b"}}, 400, "BadRequest"),
        ("POST", JOBS, {**job(), "metadata": "j"}, 400, "BadRequest"),
        ("GET", f"{JOBS}?", None, 404, "NotFound"),
        ("POST", "/embedded/faults", {}, 404, "NotFound"),
        ("GET", "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", None, 405, "MethodNotAllowed"),
    ],
)
def test_every_refusal_is_a_status(api: Api, method: str, path: str, body: Any, code: int, reason: str) -> None:
    refusal = ask(api, method, path, body)
    status = json.loads(refusal.body)
    assert (refusal.status, status["code"], status["reason"]) == (code, code, reason)
    assert (status["kind"], status["status"]) == ("Status", "Failure") and status["message"]


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ({"labelSelector": "a in (b"}, "unable to parse"),
        ({"fieldSelector": "metadata.name"}, "invalid field selector"),
        ({"watch": "true", "resourceVersion": "x"}, "resourceVersion: expected a whole number"),
    ],
)
def test_bad_queries_are_refused(api: Api, query: dict[str, str], words: str) -> None:
    refusal = api.handle(Request("GET", JOBS, query))
    assert isinstance(refusal, Response)
    assert refusal.status == 400 and words in json.loads(refusal.body)["message"]


def test_details_name_the_object(api: Api) -> None:
    status = answer(api, "GET", f"{JOBS}/j")
    assert status["details"] == {"name": "j", "group": "batch", "kind": "jobs"}
    assert status["message"] == 'jobs.batch "j" not found'


def test_a_bug_is_an_internal_error_not_a_silence(api: Api, caplog: pytest.LogCaptureFixture) -> None:
    def broken(verb: str, obj: Json) -> None:
        raise RuntimeError("bug")

    api.admission = broken
    assert ask(api, "POST", JOBS, job()).status == 500
    assert "RuntimeError: bug" in caplog.text


@given(st.text(max_size=60), st.sampled_from(["GET", "POST", "PUT", "PATCH", "DELETE"]), st.binary(max_size=60))
def test_no_request_is_left_without_an_answer(path: str, method: str, body: bytes) -> None:
    clock = SimClock(1)
    api = Api(Store(clock), PodLogs(clock), clock)
    reply = api.handle(Request(method, f"/{path}", {}, "", "application/json", body))
    assert isinstance(reply, Stream) or reply.status in range(200, 500)


# Status and deletion


def test_a_client_writes_status_only_through_its_subresource(api: Api) -> None:
    ask(api, "POST", JOBS, {**job(), "status": {"succeeded": 1}})
    merge = "application/merge-patch+json"
    both = {"metadata": {"labels": {"x": "y"}}, "status": {"succeeded": 2}}
    assert answer(api, "PATCH", f"{JOBS}/j", both, content_type=merge)["status"] == {}
    patched = answer(api, "PATCH", f"{JOBS}/j/status", {**both, "metadata": {"labels": {"x": "z"}}}, content_type=merge)
    assert patched["status"] == {"succeeded": 2} and patched["metadata"]["labels"] == {"x": "y"}


def test_a_client_cannot_change_what_the_server_owns(api: Api) -> None:
    made = answer(api, "POST", JOBS, job())
    forged = {"metadata": {"uid": "forged", "creationTimestamp": None, "labels": {"x": "y"}}}
    new = answer(api, "PATCH", f"{JOBS}/j", forged, content_type="application/merge-patch+json")
    for field in ("uid", "creationTimestamp", "generation"):
        assert new["metadata"][field] == made["metadata"][field]
    assert new["metadata"]["labels"] == {"x": "y"}


def test_the_template_of_a_job_is_immutable(api: Api) -> None:
    ask(api, "POST", JOBS, job())
    change = {"spec": {"template": {"metadata": {"labels": {"x": "y"}}}}}
    status = answer(api, "PATCH", f"{JOBS}/j", change, content_type="application/merge-patch+json")
    assert status["code"] == 422 and "field is immutable" in status["message"]


def test_a_status_given_at_creation_is_dropped_also_from_custom_resources(api: Api) -> None:
    new = answer(api, "POST", VARIANTS, {"metadata": {"name": "v"}, "spec": {}, "status": {"a": 1}})
    assert "status" not in new


def test_init_containers_are_checked_too(api: Api) -> None:
    broken = job()
    mount = {"name": "nowhere", "mountPath": "/data"}
    broken["spec"]["template"]["spec"]["initContainers"] = [{"name": "get", "volumeMounts": [mount]}]
    message = answer(api, "POST", JOBS, broken)["message"]
    assert "initContainers[0].image: Required value" in message
    assert 'initContainers[0].volumeMounts[0].name: Not found: "nowhere"' in message


def test_custom_resources_refuse_a_strategic_merge(api: Api) -> None:
    ask(api, "POST", VARIANTS, {"metadata": {"name": "v"}, "spec": {}})
    strategic = "application/strategic-merge-patch+json"
    assert ask(api, "PATCH", f"{VARIANTS}/v", {"spec": {"a": 1}}, content_type=strategic).status == 415


def test_dry_runs_store_nothing(api: Api) -> None:
    assert ask(api, "POST", JOBS, job(), dryRun="All").status == 201
    assert api.store.list("Job") == []
    before = answer(api, "POST", JOBS, job())
    change = {"metadata": {"labels": {"x": "y"}}}
    ask(api, "PATCH", f"{JOBS}/j", change, content_type="application/merge-patch+json", dryRun="All")
    ask(api, "DELETE", f"{JOBS}/j", dryRun="All")
    assert answer(api, "GET", f"{JOBS}/j") == before


def test_a_delete_with_another_uid_conflicts(api: Api) -> None:
    ask(api, "POST", JOBS, job())
    assert ask(api, "DELETE", f"{JOBS}/j", {"preconditions": {"uid": "other"}}).status == 409


def test_a_collection_is_deleted_by_selector(api: Api) -> None:
    for name, run in (("one", "r1"), ("two", "r2")):
        ask(api, "POST", JOBS, job(name, run=run))
    assert len(answer(api, "DELETE", JOBS, labelSelector="run=r1")["items"]) == 1
    assert [each["metadata"]["name"] for each in api.store.list("Job")] == ["two"]


def test_a_job_deleted_without_a_word_leaves_its_pods(api: Api) -> None:
    made = answer(api, "POST", JOBS, job())
    owner = {"kind": "Job", "name": "j", "uid": made["metadata"]["uid"]}
    api.store.create({"kind": "Pod", "metadata": {"name": "p", "namespace": "a", "ownerReferences": [owner]}})
    ask(api, "DELETE", f"{JOBS}/j")
    assert len(api.store.list("Pod")) == 1


# Watches


def test_a_watch_replays_what_happened_since_its_version(api: Api) -> None:
    start = api.store.version
    ask(api, "POST", JOBS, job())
    ask(api, "DELETE", f"{JOBS}/j")
    events = collect(api, JOBS, count=2, resourceVersion=str(start))
    assert [event["type"] for event in events] == ["ADDED", "DELETED"]


def test_an_expired_watch_says_so(api: Api) -> None:
    start = api.store.version
    ask(api, "POST", JOBS, job())
    api.store.compact()
    (event,) = collect(api, JOBS, count=1, resourceVersion=str(start))
    assert (event["type"], event["object"]["code"], event["object"]["reason"]) == ("ERROR", 410, "Expired")


def test_a_watch_list_ends_its_beginning_with_a_bookmark(api: Api) -> None:
    ask(api, "POST", JOBS, job())
    query = {
        "sendInitialEvents": "true",
        "resourceVersionMatch": "NotOlderThan",
        "allowWatchBookmarks": "true",
    }
    added, mark = collect(api, JOBS, count=2, **query)
    assert (added["type"], mark["type"]) == ("ADDED", "BOOKMARK")
    assert mark["object"]["metadata"]["annotations"] == {"k8s.io/initial-events-end": "true"}
    assert int(mark["object"]["metadata"]["resourceVersion"]) == api.store.version


def test_a_selector_turns_changes_into_comings_and_goings(api: Api) -> None:
    def label(value: str) -> Any:
        return lambda: api.store.update("Job", "a", "j", lambda obj: obj["metadata"].update(labels={"x": value}))

    steps = [lambda: ask(api, "POST", JOBS, job(x="no")), label("yes"), label("no"), label("yes")]

    def all_steps() -> None:
        for step in steps:
            step()
        api.store.delete("Job", "a", "j")

    events = collect(api, JOBS, all_steps, count=4, labelSelector="x=yes")
    assert [event["type"] for event in events] == ["ADDED", "DELETED", "ADDED", "DELETED"]


def test_a_watch_of_tables_sends_tables(api: Api) -> None:
    (event,) = collect(api, JOBS, lambda: ask(api, "POST", JOBS, job()), count=1, accept=TABLE)
    table = event["object"]
    assert table["kind"] == "Table" and table["rows"][0]["object"]["metadata"]["name"] == "j"
    assert len(table["rows"][0]["cells"]) == len(table["columnDefinitions"])


def test_a_watch_ends_at_its_timeout(api: Api) -> None:
    async def run() -> list[Json]:
        return [event async for event in watch(api, JOBS, timeoutSeconds="0")]

    assert asyncio.run(run()) == []


# Tables


def test_every_row_has_a_cell_for_every_column(api: Api) -> None:
    for kind in KINDS.values():
        metadata = {"name": "bare", **({"namespace": "a"} if kind.namespaced else {})}
        if api.store.get(kind.kind, "a", "bare") is None:
            api.store.create({"kind": kind.kind, "metadata": metadata})
        namespace = "namespaces/a/" if kind.namespaced else ""
        root = f"/apis/{kind.group}/{kind.version}" if kind.group else "/api/v1"
        table = answer(api, "GET", f"{root}/{namespace}{kind.plural}", accept=TABLE)
        assert table["kind"] == "Table" and table["rows"], kind
        assert all(len(row["cells"]) == len(columns_of(kind)) for row in table["rows"])


@pytest.mark.parametrize(
    ("status", "metadata", "shown"),
    [
        ({"phase": "Running"}, {}, "Running"),
        (
            {
                "phase": "Pending",
                "containerStatuses": [{"state": {"waiting": {"reason": "ImagePullBackOff"}}}],
            },
            {},
            "ImagePullBackOff",
        ),
        (
            {"phase": "Failed", "containerStatuses": [{"state": {"terminated": {"exitCode": 3}}}]},
            {},
            "ExitCode:3",
        ),
        (
            {"phase": "Succeeded", "containerStatuses": [{"state": {"terminated": {"reason": "Completed"}}}]},
            {},
            "Completed",
        ),
        ({"phase": "Failed", "reason": "Evicted"}, {}, "Evicted"),
        ({"phase": "Pending", "initContainerStatuses": [{"state": {"running": {}}}]}, {}, "Init:0/1"),
        (
            {"phase": "Failed", "initContainerStatuses": [{"state": {"terminated": {"exitCode": 22}}}]},
            {},
            "Init:ExitCode:22",
        ),
        ({"phase": "Running"}, {"deletionTimestamp": "2026-01-01T00:00:00Z"}, "Terminating"),
    ],
)
def test_the_status_of_a_pod(status: Json, metadata: Json, shown: str) -> None:
    pod = {"metadata": {"name": "p", **metadata}, "spec": {"containers": []}, "status": status}
    cells = {column.name: column.cell(pod, datetime.now(timezone.utc)) for column in columns_of(KINDS["Pod"])}
    assert cells["Status"] == shown


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (-5, "<invalid>"), (0, "0s"), (119, "119s"), (120, "2m"), (125, "2m5s"), (599, "9m59s"), (600, "10m"),
        (10799, "179m"), (10800, "3h"), (11400, "3h10m"), (28800, "8h"), (172800, "2d"), (180000, "2d2h"),
        (8 * 86400, "8d"),
    ],
)  # fmt: skip
def test_durations_read_as_in_kubectl(seconds: float, text: str) -> None:
    assert human_duration(seconds) == text


@pytest.mark.parametrize(
    ("path", "found"),
    [
        (".a.b", [1]),
        (".list[0].type", ["X"]),
        (".list[*].type", ["X", "Y"]),
        (".list[?(@.type=='Y')].status", ["True"]),
        ('.list[?(@.type=="Z")].status', []),
        (".nothing.at.all", []),
    ],
)
def test_json_paths_of_printer_columns(path: str, found: list[Any]) -> None:
    obj = {"a": {"b": 1}, "list": [{"type": "X"}, {"type": "Y", "status": "True"}]}
    assert find_path(obj, path) == found


# Patches: the examples of RFC 7386, appendix A, and of RFC 6902


@pytest.mark.parametrize(
    ("target", "change", "result"),
    [
        ({"a": "b"}, {"a": "c"}, {"a": "c"}),
        ({"a": "b"}, {"b": "c"}, {"a": "b", "b": "c"}),
        ({"a": "b"}, {"a": None}, {}),
        ({"a": "b", "b": "c"}, {"a": None}, {"b": "c"}),
        ({"a": ["b"]}, {"a": "c"}, {"a": "c"}),
        ({"a": "c"}, {"a": ["b"]}, {"a": ["b"]}),
        ({"a": {"b": "c"}}, {"a": {"b": "d", "c": None}}, {"a": {"b": "d"}}),
        ({"a": [{"b": "c"}]}, {"a": [1]}, {"a": [1]}),
        ({"e": None}, {"a": 1}, {"e": None, "a": 1}),
        ([1, 2], {"a": "b", "c": None}, {"a": "b"}),
        ({}, {"a": {"bb": {"ccc": None}}}, {"a": {"bb": {}}}),
    ],
)
def test_merge_patch(target: Any, change: Any, result: Any) -> None:
    assert patch.merge_patch(target, change) == result


@pytest.mark.parametrize(
    ("steps", "result"),
    [
        ([{"op": "add", "path": "/b", "value": 1}], {"a": [1, 2], "b": 1}),
        ([{"op": "add", "path": "/a/1", "value": 9}], {"a": [1, 9, 2]}),
        ([{"op": "add", "path": "/a/-", "value": 9}], {"a": [1, 2, 9]}),
        ([{"op": "remove", "path": "/a/0"}], {"a": [2]}),
        ([{"op": "replace", "path": "/a", "value": 0}], {"a": 0}),
        ([{"op": "move", "from": "/a", "path": "/x~1y"}], {"x/y": [1, 2]}),
        ([{"op": "copy", "from": "/a/0", "path": "/b"}], {"a": [1, 2], "b": 1}),
        ([{"op": "test", "path": "/a/0", "value": 1}], {"a": [1, 2]}),
    ],
)
def test_json_patch(steps: list[Json], result: Json) -> None:
    target = {"a": [1, 2]}
    assert patch.json_patch(target, steps) == result
    assert target == {"a": [1, 2]}


@pytest.mark.parametrize(
    "step",
    [
        {"op": "test", "path": "/a/0", "value": 2},
        {"op": "remove", "path": "/b"},
        {"op": "replace", "path": "/b", "value": 1},
        {"op": "add", "path": "/a/7/b", "value": 1},
        {"op": "sing", "path": "/a"},
        {"path": "/a"},
    ],
)
def test_a_json_patch_that_does_not_apply(step: Json) -> None:
    with pytest.raises(ApiError) as refusal:
        patch.json_patch({"a": [1, 2]}, [step])
    assert refusal.value.code == 422


@pytest.mark.parametrize(
    ("change", "result"),
    [
        (
            {"containers": [{"name": "b", "image": "2"}]},
            [{"name": "a", "image": "1"}, {"name": "b", "image": "2"}],
        ),
        ({"containers": [{"name": "a", "image": "2"}]}, [{"name": "a", "image": "2"}]),
        ({"containers": [{"name": "a", "$patch": "delete"}]}, []),
        ({"containers": [{"$patch": "replace"}, {"name": "b"}]}, [{"name": "b"}]),
        (
            {"containers": [{"name": "b"}], "$setElementOrder/containers": [{"name": "b"}, {"name": "a"}]},
            [{"name": "b"}, {"name": "a", "image": "1"}],
        ),
    ],
)
def test_strategic_merge_of_named_lists(change: Json, result: list[Json]) -> None:
    spec = {"containers": [{"name": "a", "image": "1"}]}
    assert patch.strategic_merge_patch(spec, change)["containers"] == result


def test_strategic_merge_of_other_values() -> None:
    target = {"args": ["a", "b"], "type": "x", "rolling": {"max": 1}, "finalizers": ["f", "g"]}
    change = {
        "args": ["c"],
        "type": None,
        "rolling": {"$patch": "replace", "min": 2},
        "$deleteFromPrimitiveList/finalizers": ["f"],
    }
    expected = {"args": ["c"], "rolling": {"min": 2}, "finalizers": ["g"]}
    assert patch.strategic_merge_patch(target, change) == expected
    assert patch.strategic_merge_patch({"a": 1, "b": 2}, {"$retainKeys": ["b"]}) == {"b": 2}


# Protobuf


def field(number: int, value: bytes | str) -> bytes:
    """A length-delimited field."""
    data = value.encode() if isinstance(value, str) else value
    return bytes([number << 3 | 2, len(data)]) + data


def envelope(kind: str, raw: bytes) -> bytes:
    """An enveloped object."""
    return protobuf.MAGIC + field(1, field(1, "v1") + field(2, kind)) + field(2, raw)


def test_an_access_review_is_decoded() -> None:
    attributes = field(1, "ns") + field(2, "get") + field(5, "pods") + field(6, "log")
    decoded = protobuf.decode(envelope("SelfSubjectAccessReview", field(2, field(1, attributes))))
    expected = {"namespace": "ns", "verb": "get", "resource": "pods", "subresource": "log"}
    assert decoded["spec"] == {"resourceAttributes": expected}


def test_other_kinds_are_refused_by_name() -> None:
    with pytest.raises(ApiError, match="Job as protobuf is not understood") as refusal:
        protobuf.decode(envelope("Job", b""))
    assert refusal.value.code == 415


@given(st.binary(max_size=40))
def test_broken_protobuf_is_the_callers_fault(noise: bytes) -> None:
    for body in (noise, protobuf.MAGIC + noise, envelope("Secret", noise)):
        assert outcome_code(body) in (200, 400, 415)


def outcome_code(body: bytes) -> int:
    """200, or the code of the refusal."""
    try:
        protobuf.decode(body)
    except ApiError as error:
        return error.code
    return 200


# Selectors, paths, fields


def test_set_based_selectors_do_not_split_inside_parentheses() -> None:
    matches = label_selector("a in (1,2),b!=3,!c")
    assert matches({"metadata": {"labels": {"a": "2"}}})
    assert not matches({"metadata": {"labels": {"a": "2", "b": "3"}}})
    assert not matches({"metadata": {"labels": {"a": "2", "c": ""}}})
    assert not matches({"metadata": {}})


def test_a_missing_field_equals_the_empty_text() -> None:
    assert field_selector("spec.nodeName=")({"spec": {}})
    assert field_selector("spec.nodeName!=x,metadata.name=p")({"metadata": {"name": "p"}})


def test_a_selector_object_becomes_text() -> None:
    expressions = [{"key": "b", "operator": "In", "values": ["1"]}, {"key": "c", "operator": "DoesNotExist"}]
    assert selector_text({"matchLabels": {"a": "1"}, "matchExpressions": expressions}) == "a=1,b in (1),!c"


@pytest.mark.parametrize(
    ("path", "parsed"),
    [
        ("/api/v1/namespaces", ("Namespace", None, None, None)),
        ("/api/v1/namespaces/a", ("Namespace", None, "a", None)),
        ("/api/v1/namespaces/a/status", ("Namespace", None, "a", "status")),
        ("/api/v1/pods", ("Pod", None, None, None)),
        ("/api/v1/namespaces/a/pods/p/log", ("Pod", "a", "p", "log")),
        ("/apis/apps/v1/namespaces/a/deployments/d/scale", ("Deployment", "a", "d", "scale")),
    ],
)
def test_paths(path: str, parsed: tuple[Any, ...]) -> None:
    kind, *rest = parse_target(path)
    assert (kind.kind, *rest) == parsed


def test_a_complete_job_has_no_unknown_field() -> None:
    complete = job()
    container = complete["spec"]["template"]["spec"]["containers"][0]
    secret = {"name": "T", "valueFrom": {"secretKeyRef": {"name": "s", "key": "k", "optional": True}}}
    container.update(env=[{"name": "A", "value": "1"}, secret], args=["$(A)"], resources={"limits": {"cpu": "1"}})
    container["volumeMounts"] = [{"name": "v", "mountPath": "/v"}]
    complete["spec"]["template"]["spec"].update(volumes=[{"name": "v", "emptyDir": {}}], tolerations=[{}])
    complete["spec"].update(ttlSecondsAfterFinished=1, activeDeadlineSeconds=2, backoffLimit=0)
    assert unknown_fields(complete) == []
    container["arg"] = "x"
    assert unknown_fields(complete) == ["spec.template.spec.containers[0].arg"]
