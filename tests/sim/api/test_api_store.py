"""Object store and container logs, without a server."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from wva_sim.api.errors import ApiError
from wva_sim.api.podlogs import LogOptions, PodLogs
from wva_sim.api.store import HISTORY_LENGTH, Store
from wva_sim.cluster.clock import SimClock

Json = dict[str, Any]


class Ticks:
    """Real time that only a test moves."""

    def __init__(self) -> None:
        self.seconds = 100.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def ticks() -> Ticks:
    return Ticks()


@pytest.fixture
def clock(ticks: Ticks) -> SimClock:
    return SimClock(10, datetime(2026, 1, 1, tzinfo=timezone.utc), ticks)


@pytest.fixture
def store(clock: SimClock) -> Store:
    made = Store(clock)
    made.create({"kind": "Namespace", "metadata": {"name": "a"}})
    return made


@pytest.fixture
def logs(clock: SimClock) -> PodLogs:
    return PodLogs(clock)


def pod(name: str, owner: Json | None = None, **metadata: Any) -> Json:
    """A pod, owned or not."""
    metadata = {"name": name, "namespace": "a", **metadata}
    if owner is not None:
        own = owner["metadata"]
        metadata["ownerReferences"] = [{"kind": owner["kind"], "name": own["name"], "uid": own["uid"]}]
    return {"kind": "Pod", "metadata": metadata, "spec": {"containers": [{"name": "c", "image": "i"}]}}


def job(name: str = "j") -> Json:
    """A Job."""
    return {"kind": "Job", "metadata": {"name": name, "namespace": "a"}, "spec": {"template": {}}}


# Store


def test_create_fills_in_what_the_server_owns(store: Store) -> None:
    made = store.create(job())
    metadata = made["metadata"]
    assert (metadata["creationTimestamp"], metadata["generation"]) == ("2026-01-01T00:00:00Z", 1)
    labels = made["spec"]["template"]["metadata"]["labels"]
    assert made["spec"]["selector"]["matchLabels"].items() <= labels.items()
    assert labels["job-name"] == "j" and labels["batch.kubernetes.io/controller-uid"] == metadata["uid"]
    assert store.get("Job", "a", "j") == made


def test_create_keeps_the_callers_object(store: Store) -> None:
    given_job = job()
    store.create(given_job)
    assert given_job == job()


def test_the_same_story_has_the_same_names_and_ids(clock: SimClock) -> None:
    def story() -> list[tuple[str, str]]:
        fresh = Store(clock)
        fresh.create({"kind": "Namespace", "metadata": {"name": "a"}})
        made = [fresh.create({**pod(""), "metadata": {"generateName": "p-", "namespace": "a"}}) for _ in range(9)]
        return [(each["metadata"]["name"], each["metadata"]["uid"]) for each in made]

    first = story()
    assert first == story() and len(set(first)) == 9


@pytest.mark.parametrize(
    ("obj", "code", "message"),
    [
        (job(), 409, 'jobs.batch "j" already exists'),
        ({**job(), "metadata": {"name": "j", "namespace": "b"}}, 404, 'namespaces "b" not found'),
        ({**job(), "metadata": {"namespace": "a"}}, 422, "name or generateName is required"),
    ],
)
def test_create_refuses_like_the_real_api(store: Store, obj: Json, code: int, message: str) -> None:
    store.create(job())
    with pytest.raises(ApiError) as refusal:
        store.create(obj)
    assert refusal.value.code == code and message in refusal.value.message


def test_an_unknown_kind_is_named(store: Store) -> None:
    with pytest.raises(KeyError, match="unknown kind 'Foo'; known: ConfigMap"):
        store.list("Foo")


def test_versions_count_changes_and_generations_count_specs(store: Store) -> None:
    first = store.create(job())["metadata"]
    same = store.update("Job", "a", "j", lambda obj: None)["metadata"]
    status = store.update("Job", "a", "j", lambda obj: obj.update(status={"active": 1}))["metadata"]
    spec = store.update("Job", "a", "j", lambda obj: obj["spec"].update(suspend=True))["metadata"]
    versions = [int(metadata["resourceVersion"]) for metadata in (first, same, status, spec)]
    assert versions[0] == versions[1] < versions[2] < versions[3]
    assert [metadata["generation"] for metadata in (same, status, spec)] == [1, 1, 2]


def test_an_update_leaves_objects_handed_out_before_alone(store: Store) -> None:
    before = store.create(job())
    store.update("Job", "a", "j", lambda obj: obj["spec"].update(suspend=True))
    assert before["spec"]["suspend"] is False


def test_an_update_that_raises_changes_nothing(store: Store) -> None:
    before = store.create(job())

    def half(obj: Json) -> None:
        obj["spec"]["suspend"] = True
        raise ApiError(403, "no")

    with pytest.raises(ApiError):
        store.update("Job", "a", "j", half)
    assert store.get("Job", "a", "j") == before


def test_lists_select_by_namespace_and_labels(store: Store) -> None:
    store.create({"kind": "Namespace", "metadata": {"name": "b"}})
    store.create(pod("p", labels={"x": "1", "y": "1"}))
    store.create(pod("q", labels={"x": "1"}))
    store.create({**pod("r"), "metadata": {"name": "r", "namespace": "b", "labels": {"x": "1"}}})
    names = [each["metadata"]["name"] for each in store.list("Pod", labels={"x": "1"})]
    assert names == ["p", "q", "r"]
    assert [each["metadata"]["name"] for each in store.list("Pod", "a", {"y": "1"})] == ["p"]


def test_watchers_hear_changes_in_order_also_those_made_while_listening(store: Store) -> None:
    heard: list[tuple[str, str]] = []

    def controller(type_: str, obj: Json) -> None:
        if type_ == "ADDED":
            store.update("Job", "a", "j", lambda obj: obj.update(status={"active": 1}))

    store.subscribe("Job", controller)
    unsubscribe = store.subscribe("Job", lambda type_, obj: heard.append((type_, obj["metadata"]["name"])))
    store.create(job())
    store.delete("Job", "a", "j")
    unsubscribe()
    store.create(job("k"))
    assert heard == [("ADDED", "j"), ("MODIFIED", "j"), ("DELETED", "j")]


def test_a_broken_watcher_does_not_stop_the_others(store: Store, caplog: pytest.LogCaptureFixture) -> None:
    heard: list[str] = []

    def broken(type_: str, obj: Json) -> None:
        raise RuntimeError("bug")

    store.subscribe("Job", broken)
    store.subscribe("Job", lambda type_, obj: heard.append(type_))
    store.create(job())
    assert heard == ["ADDED"] and "a watcher of Job failed" in caplog.text


@pytest.mark.parametrize("propagation", ["Background", "Foreground"])
def test_a_delete_cascades(store: Store, propagation: str) -> None:
    owner = store.create(job())
    middle = store.create(pod("p", owner))
    store.create(pod("q", middle))
    store.create(pod("stranger"))
    store.delete("Job", "a", "j", propagation)
    assert store.get("Job", "a", "j") is None
    assert [each["metadata"]["name"] for each in store.list("Pod")] == ["stranger"]


def test_orphans_lose_their_owner(store: Store) -> None:
    store.create(pod("p", store.create(job())))
    store.delete("Job", "a", "j", "Orphan")
    assert [each["metadata"]["ownerReferences"] for each in store.list("Pod")] == [[]]


def test_a_pod_may_take_its_time_to_go(store: Store) -> None:
    store.on_finalize_pod = lambda pod: True
    store.create(pod("p", store.create(job())))
    store.delete("Job", "a", "j", "Foreground")
    waiting = store.get("Job", "a", "j")
    terminating = store.get("Pod", "a", "p")
    assert waiting is not None and waiting["metadata"]["finalizers"] == ["foregroundDeletion"]
    assert terminating is not None and terminating["metadata"]["deletionTimestamp"] == "2026-01-01T00:00:00Z"
    store.delete("Pod", "a", "p", grace_s=0)
    assert store.list("Pod") == store.list("Job") == []


def test_the_hook_is_asked_once_per_pod(store: Store) -> None:
    asked: list[str] = []

    def hook(going: Json) -> bool:
        asked.append(going["metadata"]["name"])
        return True

    store.on_finalize_pod = hook
    store.create(pod("p"))
    for _ in range(2):
        store.delete("Pod", "a", "p")
    assert asked == ["p"]


def test_a_finalizer_holds_an_object_until_it_is_taken_off(store: Store) -> None:
    store.create(pod("p", finalizers=["wva/keep"]))
    store.delete("Pod", "a", "p")
    assert store.get("Pod", "a", "p") is not None
    store.update("Pod", "a", "p", lambda obj: obj["metadata"].update(finalizers=[]))
    assert store.get("Pod", "a", "p") is None


def test_a_namespace_takes_everything_in_it_along(store: Store) -> None:
    store.create(pod("p", store.create(job())))
    store.delete("Namespace", None, "a")
    assert store.list("Pod") == store.list("Job") == []


def test_history_reaches_back_only_so_far(store: Store) -> None:
    store.create(job())
    start = store.version
    for number in range(3):
        store.update("Job", "a", "j", lambda obj, n=number: obj.update(status={"active": n}))
    assert [change.type for change in store.changes_since("Job", start)] == ["MODIFIED"] * 3
    for number in range(HISTORY_LENGTH):
        store.update("Job", "a", "j", lambda obj, n=number: obj.update(status={"failed": n}))
    with pytest.raises(ApiError) as refusal:
        store.changes_since("Job", start)
    assert (refusal.value.code, refusal.value.reason) == (410, "Expired")


# Logs


WHERE = ("a", "p", "c")


async def gather(logs: PodLogs, options: LogOptions, *steps: Any) -> bytes:
    """Everything a follower gets while the steps happen."""
    pieces: list[bytes] = []

    async def follow() -> None:
        async for piece in logs.follow(*WHERE, options):
            pieces.append(piece)  # noqa: PERF401 - what came before a cancellation must be kept

    task = asyncio.create_task(follow())
    for step in steps:
        await asyncio.sleep(0)
        step()
    await asyncio.wait_for(task, 10)
    return b"".join(pieces)


def test_lines_of_one_moment_have_different_stamps(logs: PodLogs) -> None:
    for text in ("one", "two"):
        logs.append(*WHERE, text)
    stamped = logs.read(*WHERE, LogOptions(timestamps=True)).decode().splitlines()
    assert stamped == [
        "2026-01-01T00:00:00.000000000Z one",
        "2026-01-01T00:00:00.000001013Z two",
    ]


def test_a_log_never_goes_back_in_time(logs: PodLogs, clock: SimClock) -> None:
    logs.append(*WHERE, "late", clock.now() + timedelta(seconds=9))
    logs.append(*WHERE, "early", clock.now())
    stamps = [line.split()[0] for line in logs.read(*WHERE, LogOptions(timestamps=True)).decode().splitlines()]
    assert stamps == sorted(stamps)


def test_since_keeps_the_very_moment(logs: PodLogs, clock: SimClock, ticks: Ticks) -> None:
    for text in ("one", "two", "three"):
        logs.append(*WHERE, text)
        ticks.seconds += 0.1
    since = LogOptions(since_time="2026-01-01T00:00:01Z")
    assert logs.read(*WHERE, since) == b"two\nthree\n"
    assert logs.read(*WHERE, LogOptions(since_seconds=1)) == b"three\n"
    assert logs.read(*WHERE, since._replace(tail_lines=1)) == b"three\n"
    assert logs.read(*WHERE, LogOptions(tail_lines=0)) == b""
    assert logs.read(*WHERE, LogOptions(limit_bytes=6)) == b"one\ntw"


def test_a_bad_since_is_the_callers_fault(logs: PodLogs) -> None:
    with pytest.raises(ApiError) as refusal:
        logs.read(*WHERE, LogOptions(since_time="yesterday"))
    assert refusal.value.code == 400


def test_half_a_line_shows_as_half_a_line(logs: PodLogs) -> None:
    logs.append_partial(*WHERE, '{"level"')
    assert logs.read(*WHERE) == b'{"level"'
    logs.append_partial(*WHERE, ':"INFO"')
    logs.append(*WHERE, "}")
    assert logs.read(*WHERE) == b'{"level":"INFO"}\n'


def test_a_follower_gets_a_line_in_pieces_with_one_stamp(logs: PodLogs) -> None:
    got = asyncio.run(
        gather(
            logs,
            LogOptions(follow=True, timestamps=True),
            lambda: logs.append_partial(*WHERE, "ab"),
            lambda: logs.append_partial(*WHERE, "cd"),
            lambda: logs.append(*WHERE, "ef"),
            lambda: logs.finish(*WHERE),
        )
    )
    assert got == b"2026-01-01T00:00:00.000000000Z abcdef\n"


def test_a_follower_ends_at_its_limit(logs: PodLogs) -> None:
    steps = [lambda: logs.append(*WHERE, "abc")] * 3
    assert asyncio.run(gather(logs, LogOptions(follow=True, limit_bytes=6), *steps)) == b"abc\nab"


def test_a_follower_of_an_ended_container_gets_what_there_is(logs: PodLogs) -> None:
    logs.append(*WHERE, "last words")
    logs.finish(*WHERE)
    assert asyncio.run(gather(logs, LogOptions(follow=True))) == b"last words\n"


def test_what_is_rotated_away_unread_is_gone_for_readers_only(logs: PodLogs) -> None:
    got = asyncio.run(
        gather(
            logs,
            LogOptions(follow=True),
            lambda: (logs.append(*WHERE, "one"), logs.rotate(*WHERE), logs.append(*WHERE, "two")),
            lambda: logs.finish(*WHERE),
        )
    )
    assert got == b"one\ntwo\n"
    assert logs.read(*WHERE) == b"two\n"


def test_a_restart_moves_the_log_aside(logs: PodLogs) -> None:
    with pytest.raises(ApiError, match="previous terminated container"):
        logs.read(*WHERE, LogOptions(previous=True))
    logs.append(*WHERE, "before")
    logs.restart(*WHERE)
    logs.append(*WHERE, "after")
    assert logs.read(*WHERE, LogOptions(previous=True)) == b"before\n"
    assert logs.read(*WHERE) == b"after\n"
    logs.drop("a", "p")
    assert logs.read(*WHERE) == b""
