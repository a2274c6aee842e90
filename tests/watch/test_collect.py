"""The collector's memory: what it takes from its spools, what it orders, and when it doubts."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wva_parse.__main__ import main
from wva_parse.watch import collect

POD = "wva-controller-manager-1"


def line(second: int, text: str, nano: int = 0) -> bytes:
    return f"2026-01-01T00:00:{second:02d}.{nano:09d}Z {text}".encode()


def pod(name: str = POD, uid: str = "u1", restarts: int = 0, running: bool = True) -> dict[str, Any]:
    state = {"running": {}} if running else {"terminated": {"exitCode": 0}}
    status = {"name": "manager", "restartCount": restarts, "state": state, "lastState": {}}
    if restarts:
        status["lastState"] = {"terminated": {"exitCode": 1}}
    return {"kind": "Pod", "metadata": {"name": name, "uid": uid}, "status": {"containerStatuses": [status]}}


class Collector:
    """Polls `collect-merge` as monitor-wva.sh does, with spools written by the test."""

    def __init__(self, directory: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.spools = directory / "spools"
        self.spools.mkdir()
        self.log = directory / "log.jsonl"
        self.capsys = capsys

    def poll(self, *pods: dict[str, Any] | None, options: tuple[str, ...] = ()) -> list[list[str]]:
        listing = self.spools / "pods.json"
        if None in pods:
            listing.unlink(missing_ok=True)  # kubectl failed
        else:
            listing.write_text(json.dumps({"items": list(pods)}))
        assert main(["collect-merge", "--prefix", "wva-", *options, str(self.log), str(self.spools)]) == 0
        return [order.split("\t") for order in self.capsys.readouterr().out.splitlines()]

    def write(self, spool: str, *lines: bytes, status: int | None = None, rest: bytes = b"", after: Any = None) -> None:
        with (self.spools / f"{spool}.log").open("ab") as file:
            file.write(b"".join(each + b"\n" for each in lines) + rest)
        (self.spools / f"{spool}.err").touch()
        if after is not None:
            (self.spools / f"{spool}.pod").write_text(json.dumps(after))
        if status is not None:
            (self.spools / f"{spool}.rc").write_text(str(status))

    def end(self, *pods: dict[str, Any], lines: dict[str, list[bytes]] | None = None) -> dict[str, Any]:
        """Close: read what each running container has written since, and give the verdict."""
        for spool, kind, *_ in self.poll(*pods, options=("--closing",)):
            assert kind in ("closing", "rest", "previous")
            self.write(spool, *(lines or {}).get(spool, self.overlap), status=0)
        self.poll(*pods, options=("--last",))
        return self.verdict()

    overlap: list[bytes] = []  # noqa: RUF012  (each test sets its own)

    def collected(self) -> list[bytes]:
        return self.log.read_bytes().splitlines()

    def verdict(self) -> dict[str, Any]:
        return json.loads(self.log.with_name("collection.json").read_text())


@pytest.fixture
def collector(tmp_path, capsys):
    return Collector(tmp_path, capsys)


def test_a_container_is_followed_and_its_whole_lines_are_taken_without_the_stamp(collector):
    ((*order, since),) = collector.poll(pod())
    assert order == ["000001", "follow", POD, "manager"]
    assert since in ("--since=300s", "--since=301s")  # five minutes of older log, and what has passed since
    collector.write("000001", line(1, "one"), line(2, '{"two": 2}'), rest=line(3, "half"))
    assert collector.poll(pod()) == []
    assert collector.collected() == [b"one", b'{"two": 2}']
    collector.write("000001", b" and half")
    collector.poll(pod())
    assert collector.collected() == [b"one", b'{"two": 2}', b"half and half"]


def test_a_cut_follower_is_started_again_where_it_was_and_the_overlap_is_taken_once(collector):
    collector.poll(pod())
    collector.write("000001", line(1, "one"), line(2, "two"), line(2, "two", 5), status=1, after=pod())
    (order,) = collector.poll(pod())
    assert order == ["000002", "follow", POD, "manager", "--since-time=2026-01-01T00:00:02Z"]
    collector.write("000002", line(2, "two"), line(2, "two", 5), line(2, "two", 9), line(3, "three"))
    collector.poll(pod())
    assert collector.collected() == [b"one", b"two", b"two", b"two", b"three"]
    assert collector.verdict()["complete"]


def test_a_line_that_is_not_found_again_is_doubted(collector):
    collector.poll(pod())
    collector.write("000001", line(1, "one"), status=1, after=pod())
    collector.poll(pod())
    collector.write("000002", line(5, "five"))
    collector.poll(pod())
    collector.poll(pod())
    assert collector.collected() == [b"one", b"five"]
    (reason,) = collector.verdict()["reasons"]
    assert "may be missing" in reason and POD in reason
    assert not collector.verdict()["complete"]


def test_the_previous_instance_is_read_after_a_restart(collector):
    collector.poll(pod())
    collector.write("000001", line(1, "one"), status=0, after=pod(restarts=1))
    orders = collector.poll(pod(restarts=1))
    assert [order[1] for order in orders] == ["previous", "follow"]
    previous, following = (order[0] for order in orders)
    collector.write(previous, line(1, "one"), line(2, "last words"), status=0)
    collector.write(following, line(4, "again"))
    collector.poll(pod(restarts=1))
    assert collector.collected() == [b"one", b"last words", b"again"]
    assert collector.verdict()["containers"][0]["restarts"] == 1
    assert collector.verdict()["complete"]


def test_two_restarts_between_two_polls_are_doubted(collector):
    collector.poll(pod())
    collector.write("000001", line(1, "one"), status=0, after=pod(restarts=2))
    collector.poll(pod(restarts=2))
    assert any("restarted 2 times between two polls" in reason for reason in collector.verdict()["reasons"])


def test_a_pod_that_appears_later_is_wanted_from_its_first_line(collector):
    collector.poll(pod())
    orders = collector.poll(pod(), pod(name="wva-2", uid="u2"))
    assert orders == [["000002", "follow", "wva-2", "manager", "-"]]


def test_a_pod_that_vanished_after_its_end_was_read_is_fine_and_another_is_not(collector):
    collector.poll(pod(), pod(name="wva-2", uid="u2"))
    collector.write("000001", line(1, "one"), status=0, after={"metadata": {"uid": "other"}})
    collector.write("000002", line(1, "uno"), status=1, after=pod(name="wva-2", uid="u2"))
    collector.poll()
    collector.poll()
    (reason,) = collector.verdict()["reasons"]
    assert reason.startswith("wva-2/manager: the pod was gone")
    assert collector.collected() == [b"one", b"uno"]


GONE = ""  # of a pod: what `kubectl get --ignore-not-found` prints
TERMINATING = json.dumps({**pod(), "metadata": {"name": POD, "uid": "u1", "deletionTimestamp": "2026-01-01T00:00:02Z"}})


@pytest.mark.parametrize(("seen", "reasons"), [(GONE, 0), (TERMINATING, 1)])
def test_a_follower_that_finds_no_pod_proves_nothing_against_one_that_saw_its_end(collector, seen, reasons):
    collector.poll(pod())
    collector.write("000001", line(1, "one"), status=0)
    (collector.spools / "000001.pod").write_text(seen)
    assert collector.poll(pod()) == [  # a list that is older than the end
        ["000002", "follow", POD, "manager", "--since-time=2026-01-01T00:00:01Z"]
    ]
    collector.write("000002", status=1)
    (collector.spools / "000002.err").write_text('Error from server (NotFound): pods "p" not found')
    (collector.spools / "000002.pod").write_text(GONE)
    collector.poll()
    assert len(collector.verdict()["reasons"]) == reasons


def test_lines_of_several_containers_are_merged_in_time(collector):
    collector.poll(pod(), pod(name="wva-2", uid="u2"))
    collector.write("000001", line(1, "a"), line(3, "c"))
    collector.write("000002", line(2, "b"), line(4, "d"))
    collector.poll(pod(), pod(name="wva-2", uid="u2"))
    assert collector.collected() == [b"a", b"b", b"c", b"d"]


def test_what_kubectl_says_instead_of_a_line_is_doubted_and_left_out(collector):
    collector.poll(pod())
    collector.write("000001", line(1, "one"), b"failed to watch file: too many open files", line(2, "two"))
    collector.poll(pod())
    assert collector.collected() == [b"one", b"two"]
    assert "without timestamp: failed to watch" in collector.verdict()["reasons"][0]


def test_a_failed_poll_is_counted_and_costs_nothing(collector):
    collector.poll(pod())
    collector.write("000001", line(1, "one"))
    collector.poll(None)
    assert collector.collected() == [b"one"]
    assert (collector.verdict()["polls"], collector.verdict()["failed_polls"]) == (2, 1)
    assert collector.verdict()["complete"]


def test_a_collector_that_was_killed_goes_on_from_its_state(collector):
    collector.poll(pod())
    collector.write("000001", line(1, "one"))
    collector.poll(pod())
    with collector.log.open("ab") as file:
        file.write(b"written, but not yet in the state\n")
    collector.write("000001", line(2, "two"))
    (order,) = collector.poll(pod(), options=("--resumed",))
    assert order[:2] == ["000002", "follow"]
    assert collector.collected() == [b"one", b"two"]
    collector.write("000002", line(2, "two"), line(3, "three"))
    collector.poll(pod())
    assert collector.collected() == [b"one", b"two", b"three"]
    assert collector.verdict()["complete"]


def test_a_log_that_somebody_shortened_or_left_is_doubted(collector):
    collector.log.write_bytes(b"of an older collector\n")
    collector.poll(pod())
    assert "was there already" in collector.verdict()["reasons"][0]
    collector.write("000001", line(1, "one"))
    collector.poll(pod())
    assert collector.collected() == [b"of an older collector", b"one"]


def test_the_end_is_proved_by_reading_once_more(collector):
    collector.poll(pod())
    collector.write("000001", line(1, "one"), status=143)
    collector.overlap = [line(1, "one"), line(2, "two")]
    found = collector.end(pod())
    assert collector.collected() == [b"one", b"two"]
    assert found["complete"] and not found["running"]
    assert found["lines"] == 2


def test_nothing_collected_is_not_complete(collector):
    collector.poll()
    collector.poll(options=("--last",))
    assert collector.verdict()["reasons"] == ["not one line was collected: does the controller log anything?"]


# --- samples


def deployment(name: str, replicas: int, ready: int) -> dict[str, Any]:
    labels = {"app": name}
    spec = {"replicas": replicas, "selector": {"matchLabels": labels}}
    return {"kind": "Deployment", "metadata": {"name": name}, "spec": spec, "status": {"readyReplicas": ready}}


def variant(name: str, model: str, target: str = "") -> dict[str, Any]:
    spec = {"modelID": model, **({"scaleTargetRef": {"name": target}} if target else {})}
    return {"kind": "VariantAutoscaling", "metadata": {"name": name}, "spec": spec, "status": {"x": 1}}


def test_a_sample_holds_every_variant_of_the_model_and_no_other():
    objects = [deployment("a", 2, 1), deployment("b", 3, 3), deployment("c", 9, 9)]
    objects += [variant("a", "m"), variant("b-variant", "m", "b"), variant("c", "other model")]
    found = collect.sample({"items": objects}, "a", "now")
    assert found["deployment"] == {"name": "a", "spec": 2, "ready": 1}
    assert found["deployments"] == [
        {"name": "a", "spec": 2, "ready": 1, "variant": "a"},
        {"name": "b", "spec": 3, "ready": 3, "variant": "b-variant"},
    ]


def test_a_variant_may_be_an_annotated_scaler():
    scaler = {
        "kind": "ScaledObject",
        "metadata": {"name": "a-scaler", "annotations": {"llm-d.ai/managed": "true"}},
        "spec": {"scaleTargetRef": {"name": "a"}},
    }
    found = collect.sample({"items": [deployment("a", 2, 1), scaler]}, "a", "now")
    assert found["deployments"] == [{"name": "a", "spec": 2, "ready": 1, "variant": "a-scaler"}]


def test_annotated_scalers_tell_their_model():
    objects = [deployment(name, 1, 1) for name in "abc"]
    objects += [
        {
            "kind": "HorizontalPodAutoscaler",
            "metadata": {"name": name, "annotations": {"llm-d.ai/managed": "true", "llm-d.ai/model-id": model}},
            "spec": {"scaleTargetRef": {"name": name}},
        }
        for name, model in (("a", "m"), ("b", "m"), ("c", "another"))
    ]
    found = collect.sample({"items": objects}, "a", "now")
    assert [each["name"] for each in found["deployments"]] == ["a", "b"]


def test_of_types_that_cannot_be_listed_a_sample_knows_nothing():
    items = {"items": [deployment("a", 2, 1), variant("a", "m")]}
    seen = collect.sample(items, "a", "now")
    assert (len(seen["variants"]), seen["hpa"], seen["pods"]) == (1, [], [])
    unseen = collect.sample(items, "a", "now", ("pods", "variantautoscalings.llmd.ai", "scaledobjects.keda.sh"))
    assert (unseen["variants"], unseen["hpa"], unseen["pods"]) == (None, None, None)
    assert unseen["deployment"] == seen["deployment"]


def test_a_sample_of_nothing():
    found = collect.sample({"items": []}, "a", "now")
    assert (found["deployment"], found["deployments"], found["pods"]) == (None, [], [])


def test_pods_of_the_models_deployments_only():
    pods = [
        {"kind": "Pod", "metadata": {"name": f"p-{app}", "labels": {"app": app}}, "status": {"phase": "Running"}}
        for app in "abc"
    ]
    deployments = [deployment(name, 1, 1) for name in "abc"]
    variants = [variant("a", "m"), variant("b-variant", "m", "b"), variant("c", "another")]
    found = collect.sample({"items": [*deployments, *variants, *pods]}, "a", "now")
    assert found["pods"] == [
        {"name": "p-a", "variant": "a", "phase": "Running", "ready": False},
        {"name": "p-b", "variant": "b-variant", "phase": "Running", "ready": False},
    ]


# --- stamps


@pytest.mark.parametrize(
    ("raw", "nanoseconds"),
    [
        (b"1970-01-01T00:00:01Z x", 10**9),
        (b"1970-01-01T00:00:00.5Z x", 5 * 10**8),
        (b"1970-01-01T01:00:00.000000001+01:00 x", 1),
        (b"1970-02-31T00:00:00Z x", None),
        (b"no stamp", None),
    ],
)
def test_stamps(raw, nanoseconds):
    found = collect.parse_line(raw)
    assert (found.stamp_ns if found else None) == nanoseconds


@given(st.lists(st.integers(0, 3), max_size=12), st.integers(0, 12))
def test_overlap_is_found_wherever_a_log_is_read_again(steps, known):
    at, lines = 0, []
    for number, step in enumerate(steps):
        at += step
        found = collect.parse_line(line(at % 60, f"text {number % 2}"))
        assert found
        lines.append(found)
    lines.sort(key=lambda each: each.stamp_ns)
    known = min(known, len(lines))
    if not known:
        return
    last = collect._last_run(lines[:known])
    begin = collect.find_overlap(lines, last[-1].stamp_ns, [each.digest for each in last])
    assert begin is not None
    assert [each.raw for each in lines[:begin]] == [each.raw for each in lines[:known]]
