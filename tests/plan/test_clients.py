"""Several clients of a workload: what each sends, with which seed, and what the plan says of them."""

from __future__ import annotations

import json

import pytest
from configs import CONFIG, MANIFEST, edit, write
from hypothesis import given, settings
from hypothesis import strategies as st

from wva_parse.__main__ import main
from wva_parse.plan import config, text
from wva_parse.plan.config import Planned
from wva_parse.plan.jobs import MOST_CLIENTS, MOST_SEED_OF_CLIENTS, client_seeds, shared_out

SECOND = "- name: second\n    job_manifest: job.yaml\n"
FIRST = "- name: first\n    job_manifest: job.yaml\n"


def with_keys(first="", second=""):
    return edit(CONFIG, (FIRST, FIRST + first), (SECOND, SECOND + second))


def test_each_client_of_a_sequential_workload_sends_the_same_share(tmp_path):
    first, second = config.plan(write(tmp_path, with_keys("    clients: 7\n")))
    assert (first.rate_per_s, first.prompts, first.clients) == (2.0, 7 * 17, 7)  # 120 / 7 is 17.1
    assert (first.end_s, second.start_s) == (60, 60)  # 119 requests at 2 per second
    assert (second.prompts, second.clients) == (120, 1)


def test_with_a_rate_and_a_duration_in_a_parallel_one(tmp_path):
    keys = "    rate: 300\n    duration: 10\n    clients: 4\n"
    first, _ = config.plan(write(tmp_path, with_keys(keys, "    duration: 1\n")))
    assert (first.rate_per_s, first.prompts, first.clients, first.end_s) == (300.0, 3000, 4, 10)


def test_one_client_is_as_none_is_told(tmp_path, capsys):
    path = write(tmp_path)
    expected = text.table(config.plan(path))
    assert "clients" not in expected
    assert text.table(config.plan(write(tmp_path, with_keys("    clients: 1\n", "    clients: 1\n")))) == expected
    assert main(["plan", str(path), "--text"]) == 0
    assert "client" not in capsys.readouterr().out


def test_the_plan_says_how_many_for_programs_and_for_people(tmp_path, capsys):
    path = write(tmp_path, with_keys(second="    clients: 3\n"))
    header, *rows = text.table(config.plan(path)).splitlines()
    assert header.split("\t")[-2:] == ["drain_s", "clients"]
    assert [row.split("\t")[-2:] for row in rows] == [["", "1"], ["", "3"]]
    assert main(["plan", str(path), "--text"]) == 0
    said = capsys.readouterr().out
    assert "req/s  second  (3 clients)\n" in said
    assert "req/s  first\n" in said


@pytest.mark.parametrize(
    ("given_", "said"),
    [
        ("0", "saw 0, expected 1 or more"),
        ("101", "saw 101, expected 100 or less"),
        ("2.5", "saw 2.5, expected a whole number"),
        ('"3"', "saw '3', expected a whole number; remove the quotes"),
        ("true", "saw true, expected a whole number"),
    ],
)
def test_what_is_no_number_of_clients(tmp_path, given_, said):
    path = write(tmp_path, with_keys(second=f"    clients: {given_}\n"))
    assert config.problems(path) == [f"{path}:13: workloads[1].clients: {said}"]


def test_the_schema_and_the_code_know_the_same_limit():
    schema = json.loads(config.SCHEMA.read_text(encoding="utf-8"))
    clients = schema["properties"]["workloads"]["items"]["properties"]["clients"]
    assert (clients["minimum"], clients["maximum"]) == (1, MOST_CLIENTS)


def test_a_seed_that_would_be_too_long_with_a_number_behind_it(tmp_path):
    manifest = edit(MANIFEST, ('value: "7"', 'value: "42000001"'))
    path = write(tmp_path, with_keys(second="    clients: 2\n"), manifest)
    (said,) = config.problems(path)
    assert said.startswith(f"{path}:13: SEED of {tmp_path / 'job.yaml'} is 42000001; expected at most 42000000")
    assert config.problems(write(tmp_path, with_keys(), manifest)) == []


def test_the_variable_of_the_number_is_the_clusters(tmp_path):
    path = write(tmp_path, with_keys(second='    env: {JOB_COMPLETION_INDEX: "1"}\n'))
    (said,) = config.problems(path)
    assert "JOB_COMPLETION_INDEX is set by the cluster" in said


def test_seeds_of_clients_by_hand():
    assert client_seeds(1101, 1) == [1101]
    assert client_seeds(1101, 3) == [11010, 11011, 11012]
    assert client_seeds(7, 12)[-2:] == [710, 711]


def test_two_workloads_whose_seeds_would_meet_get_others(tmp_path):
    """Behind 1 the number 10 is 110, as is 0 behind 11."""
    first = edit(MANIFEST, ('value: "7"', 'value: "0"'))
    (tmp_path / "other.yaml").write_text(edit(MANIFEST, ('value: "7"', 'value: "9"')), encoding="utf-8")
    keys = with_keys("    clients: 11\n", "    clients: 2\n")
    path = write(tmp_path, edit(keys, (SECOND, SECOND.replace("job.yaml", "other.yaml"))), first)
    assert [line.seed for line in config.plan(path)] == [1, 12]


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(st.integers(1, MOST_CLIENTS), st.integers(0, 120)), min_size=1, max_size=6),
    st.sampled_from([0, MOST_SEED_OF_CLIENTS - 120]),
    st.integers(1, 4),
)
def test_no_two_clients_of_any_repetition_share_a_seed(works, base, repetitions):
    loaded = config.Config(**dict.fromkeys(config.Config.__dataclass_fields__) | {"workloads": workloads(works, base)})
    seeds = [
        seed
        for repetition in range(1, repetitions + 1)
        for line in config.schedule(loaded, repetition)
        for seed in client_seeds(line.seed, line.clients)
    ]
    assert len(set(seeds)) == len(seeds)
    assert max(seeds) < 2**32


def workloads(works, base):
    return tuple(
        config.Workload(
            f"w{number}", config.Job(None, "load", 2.0, 120, base + seed).of_clients(clients), "", None, None, None
        )
        for number, (clients, seed) in enumerate(works)
    )


@given(st.integers(1, 10**6), st.integers(1, MOST_CLIENTS))
def test_clients_send_together_what_one_would(prompts, clients):
    together = shared_out(prompts, clients)
    assert together % clients == 0
    assert together >= clients
    assert together == clients or abs(together - prompts) <= clients / 2
    assert shared_out(prompts, 1) == prompts


def line_of(rate_per_s, clients):
    return Planned(1, 0, 60, "big", None, rate_per_s, 7, "parallel", 60, 300, clients)


@pytest.mark.parametrize(
    ("rate_per_s", "clients", "seen", "remedy"),
    [
        (100.5, 1, "big asks 100.5 req/s of its one client (100.5 req/s in all)", "'clients: 2' in workload big"),
        (300, 1, "big asks 300 req/s of its one client (300 req/s in all)", "'clients: 3' in workload big"),
        (450.5, 4, "big asks 112.625 req/s of each of its 4 clients (450.5 req/s in all)", "'clients: 5' in workload"),
        (20000, 100, "big asks 200 req/s of each of its 100 clients", "split big into several"),
    ],
)
def test_what_asks_too_much_of_a_client_is_told(rate_per_s, clients, seen, remedy):
    ((said, advised),) = text.advice([line_of(rate_per_s, clients), line_of(100, 1), line_of(300, 3)])
    assert seen in said
    assert "one does some 100" in said
    assert remedy in advised


def test_the_advice_is_written_for_the_runner(tmp_path):
    path, file = write(tmp_path, with_keys("    rate: 250\n")), tmp_path / "advice.tsv"
    assert main(["plan", str(path), "--advice-to", str(file)]) == 0
    seen, remedy = file.read_text(encoding="utf-8").rstrip("\n").split("\t")
    assert seen.startswith("first asks 250 req/s")
    assert remedy.startswith("'clients: 3'")
    assert main(["plan", str(write(tmp_path)), "--advice-to", str(file)]) == 0
    assert file.read_text(encoding="utf-8") == ""


def test_there_are_not_more_clients_than_requests(tmp_path, capsys):
    path = write(tmp_path, with_keys("    rate: 1\n    duration: 10\n    clients: 11\n", "    duration: 1\n"))
    assert main(["check", str(path)]) == 2
    assert "saw 11 clients for 10 requests; expected at most as many clients as requests" in capsys.readouterr().err
    assert main(["check", str(write(tmp_path, with_keys("    clients: 100\n")))]) == 0  # of the manifest's 120


@pytest.mark.parametrize("key", ["completions", "parallelism"])
def test_a_manifest_with_several_pods_is_refused_with_what_does_it(tmp_path, capsys, key):
    manifest = edit(MANIFEST, ("spec:\n  template:", f"spec:\n  {key}: 2\n  template:"))
    assert main(["check", str(write(tmp_path, CONFIG, manifest))]) == 2
    said = capsys.readouterr().err
    assert f"job.yaml:6: spec.{key}: saw 2, expected 1 or none" in said and "'clients' of a workload" in said
    assert main(["check", str(write(tmp_path, CONFIG, manifest.replace(": 2\n  template", ": 1\n  template")))]) == 0
