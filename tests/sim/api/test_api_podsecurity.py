"""What a namespace's Pod Security labels refuse and warn of, in the API server's words."""

from __future__ import annotations

import pytest

from wva_sim.api import podsecurity


def namespace(**modes):
    return {"metadata": {"labels": {f"pod-security.kubernetes.io/{mode}": level for mode, level in modes.items()}}}


def pod(*containers, **spec):
    listed = [{"name": f"c{number}", "image": "i", **container} for number, container in enumerate(containers, 1)]
    return {"kind": "Pod", "spec": {"containers": listed, **spec}}


def confined(**context):
    """A container that meets `restricted` but for what is given."""
    defaults = {
        "allowPrivilegeEscalation": False,
        "capabilities": {"drop": ["ALL"]},
        "runAsNonRoot": True,
        "seccompProfile": {"type": "RuntimeDefault"},
    }
    return {"securityContext": defaults | context}


def restricted(found):
    text = podsecurity.refusal(namespace(enforce="restricted"), found)
    return text and text.removeprefix('violates PodSecurity "restricted:latest": ')


def test_the_whole_text_for_a_plain_pod():
    assert podsecurity.refusal(namespace(enforce="restricted"), pod({})) == (
        'violates PodSecurity "restricted:latest": '
        'allowPrivilegeEscalation != false (container "c1" must set securityContext.allowPrivilegeEscalation=false), '
        'unrestricted capabilities (container "c1" must set securityContext.capabilities.drop=["ALL"]), '
        'runAsNonRoot != true (pod or container "c1" must set securityContext.runAsNonRoot=true), '
        'seccompProfile (pod or container "c1" must set securityContext.seccompProfile.type to "RuntimeDefault" or '
        '"Localhost")'
    )


def test_what_meets_the_level_is_taken():
    assert restricted(pod(confined())) is None
    of_pod = {"runAsNonRoot": True, "runAsUser": 1000, "seccompProfile": {"type": "Localhost"}}
    container = {"securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}}
    volumes = [{"name": "a", "emptyDir": {}}, {"name": "b", "secret": {}}, {"name": "without a type"}]
    assert restricted(pod(container, container, securityContext=of_pod, volumes=volumes)) is None


@pytest.mark.parametrize(
    ("container", "spec", "said"),
    [
        ({}, {"hostNetwork": True, "hostPID": True}, "host namespaces (hostNetwork=true, hostPID=true)"),
        (
            {"privileged": True},
            {},
            'privileged (container "c1" must not set securityContext.privileged=true)',
        ),
        (
            {"capabilities": {"drop": ["NET_RAW"], "add": ["SYS_ADMIN", "NET_BIND_SERVICE"]}},
            {},
            'unrestricted capabilities (container "c1" must set securityContext.capabilities.drop=["ALL"]; '
            'container "c1" must not include "SYS_ADMIN" in securityContext.capabilities.add)',
        ),
        (
            {},
            {"volumes": [{"name": "v", "hostPath": {"path": "/"}}, {"name": "w", "nfs": {}}]},
            'restricted volume types (volumes "v", "w" use restricted volume types "hostPath", "nfs")',
        ),
        (
            {},
            {"volumes": [{"name": "v", "hostPath": {"path": "/"}}]},
            'restricted volume types (volume "v" uses restricted volume type "hostPath")',
        ),
        (
            {"runAsNonRoot": False},
            {"securityContext": {"runAsNonRoot": False}},
            'runAsNonRoot != true (pod and container "c1" must not set securityContext.runAsNonRoot=false)',
        ),
        ({"runAsUser": 0}, {}, 'runAsUser=0 (container "c1" must not set runAsUser=0)'),
        (
            {"seccompProfile": {"type": "Unconfined"}},
            {},
            'seccompProfile (container "c1" must not set securityContext.seccompProfile.type to "Unconfined")',
        ),
    ],
)
def test_single_violations(container, spec, said):
    assert restricted(pod(confined(**container), **spec)) == said


def test_init_containers_come_first_and_several_are_plural():
    found = pod({}, initContainers=[{"name": "first", "image": "i"}])
    assert 'containers "first", "c1" must set securityContext.allowPrivilegeEscalation=false' in restricted(found)


def test_baseline_forbids_less():
    assert podsecurity.refusal(namespace(enforce="baseline"), pod({})) is None
    bad = pod(
        {"securityContext": {"privileged": True, "capabilities": {"add": ["CHOWN", "SYS_TIME"]}}},
        volumes=[{"name": "v", "hostPath": {"path": "/"}}],
    )
    assert podsecurity.refusal(namespace(enforce="baseline"), bad) == (
        'violates PodSecurity "baseline:latest": '
        'privileged (container "c1" must not set securityContext.privileged=true), '
        'non-default capabilities (container "c1" must not include "SYS_TIME" in securityContext.capabilities.add), '
        'hostPath volumes (volume "v")'
    )


@pytest.mark.parametrize("found", [None, {"metadata": {}}, namespace(), namespace(enforce="privileged")])
def test_without_a_level_all_is_taken(found):
    assert podsecurity.refusal(found, pod({"securityContext": {"privileged": True}})) is None
    assert podsecurity.warning(found, pod({})) is None


def test_warn_does_not_refuse_and_is_what_enforce_is_where_it_is_not_given():
    """Since 1.26 (kubernetes/kubernetes pull request 113491)."""
    assert podsecurity.refusal(namespace(warn="restricted"), pod({})) is None
    assert podsecurity.warning(namespace(enforce="restricted"), pod({})).startswith("would violate PodSecurity")
    assert podsecurity.warning(namespace(enforce="restricted", warn="privileged"), pod({})) is None


def test_a_template_is_warned_of_with_the_version_of_the_label():
    job = {"kind": "Job", "spec": {"template": {"spec": pod({})["spec"]}}}
    labels = namespace(warn="restricted", **{"warn-version": "v1.30"})
    assert podsecurity.warning(labels, job).startswith('would violate PodSecurity "restricted:v1.30": allowPrivilege')


def test_a_typo_in_a_label_enforces_the_strictest_and_does_not_warn():
    assert podsecurity.refusal(namespace(enforce="restrictd"), pod({})) is not None
    assert podsecurity.warning(namespace(warn="restrictd"), pod({})) is None
