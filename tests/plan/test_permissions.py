"""What a run asks of the cluster: one table, as questions and as Roles."""

from __future__ import annotations

import pytest
import yaml

from wva_parse.__main__ import main
from wva_parse.plan import permissions


def granted(text):
    """Namespace, group, resource, subresource or `-`, and verb of every right in Roles."""
    for role in yaml.safe_load_all(text):
        for rule in role["rules"]:
            (group,), (resource,) = rule["apiGroups"], rule["resources"]
            kind, _, subresource = resource.partition("/")
            for verb in rule["verbs"]:
                yield role["metadata"]["namespace"], group, kind, subresource or "-", verb


def asked(*namespaces):
    for _, verb, resource, subresource, namespace in permissions.questions(*namespaces, keep_jobs=True):
        kind, _, group = resource.partition(".")
        yield namespace, group, kind, subresource, verb


def test_questions_in_the_order_of_the_table(capsys):
    assert main(["permissions", "llm", "wva-system"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 19
    assert lines[:7] == [
        "must\tcreate\tjobs.batch\t-\tllm",
        "must\tget\tjobs.batch\t-\tllm",
        "must\tlist\tjobs.batch\t-\tllm",
        "must\tdelete\tjobs.batch\t-\tllm",
        "try\tcreate\tpods\t-\tllm",
        "must\tlist\tpods\t-\tllm",
        "must\tget\tpods\tlog\tllm",
    ]
    assert lines[-1] == "may\tlist\tleases.coordination.k8s.io\t-\twva-system"


def test_the_roles_grant_what_is_asked_and_nothing_else(capsys):
    assert main(["permissions", "--roles", "llm", "wva-system"]) == 0
    assert sorted(granted(capsys.readouterr().out)) == sorted(asked("llm", "wva-system"))


def test_what_is_needed_to_keep_the_jobs_is_asked_for_only_then(capsys):
    right = "must\tpatch\tjobs.batch\t-\tllm"
    assert main(["permissions", "llm", "wva-system"]) == 0
    assert right not in capsys.readouterr().out.splitlines()
    assert main(["permissions", "--keep-jobs", "llm", "wva-system"]) == 0
    assert right in capsys.readouterr().out.splitlines()


def test_what_a_run_can_do_without_stands_below_a_comment():
    for role in permissions.roles("llm", "wva-system").split("---\n"):
        needed, *_, useful = role.partition("  # Without these a run goes on, and knows less:\n")
        needed = needed.partition("  # For --keep-jobs:\n")[0]
        place = next(granted(role))[0]
        for part, need in ((needed, "must"), (f"{needed[: needed.index('rules:')]}rules:\n{useful}", "may")):
            expected = [(*row[1:4],) for row in permissions.questions("llm", "wva-system") if row[::4] == (need, place)]
            rows = [
                (verb, f"{kind}.{group}".rstrip("."), subresource)
                for _, group, kind, subresource, verb in granted(part)
            ]
            assert rows == expected


def test_both_in_one_namespace_are_one_role():
    """Two Roles of one name would be one in the cluster: the last."""
    text = permissions.roles("llm", "llm")
    assert len(list(yaml.safe_load_all(text))) == 1
    assert "# `namespace` and `controller_namespace` of the config" in text
    assert set(granted(text)) == set(asked("llm", "llm"))


@pytest.mark.parametrize("name", ["1", "1e3", "0x1f", "on", "null", "y", "2026-01-02"])
def test_names_that_yaml_would_take_for_something_else_are_quoted(name):
    assert {place for place, *_ in granted(permissions.roles(name, name))} == {name}


@pytest.mark.parametrize("name", ["", "LLM", "-a", "a-", "a b", "a\n", "a: b", "x" * 64])
def test_what_is_no_namespace_is_refused(name, capsys):
    with pytest.raises(SystemExit) as error:
        main(["permissions", "--", name, "wva-system"])
    assert error.value.code == 2
    assert "expected a namespace" in capsys.readouterr().err
