"""Pod Security admission: what the labels of a namespace ask of pods, in the API server's words.

``enforce`` refuses pods, never what makes them; ``warn`` warns of both, and is what ``enforce`` is where it is not
given (since 1.26). The checks are those that a hand-written load Job can meet or miss; AppArmor, SELinux, sysctls,
probes' hosts and the like are not looked at, and ``enforce-version`` is only repeated.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

Json = dict[str, Any]
Checks = Iterator[tuple[str, str]]  # what is forbidden, and where

PREFIX = "pod-security.kubernetes.io/"
LEVELS = ("privileged", "baseline", "restricted")
TEMPLATED = ("Deployment", "Job")  # kinds whose pods are warned of
VOLUMES = (
    *("configMap", "csi", "downwardAPI", "emptyDir", "ephemeral"),
    *("persistentVolumeClaim", "projected", "secret"),
)
SECCOMP = ("RuntimeDefault", "Localhost")
CAPABILITIES = (  # that baseline lets a container add
    *("AUDIT_WRITE", "CHOWN", "DAC_OVERRIDE", "FOWNER", "FSETID", "KILL", "MKNOD", "NET_BIND_SERVICE"),
    *("SETFCAP", "SETGID", "SETPCAP", "SETUID", "SYS_CHROOT"),
)


class Policy(NamedTuple):
    """A level and the version of its rules."""

    level: str
    version: str


def refusal(namespace: Json | None, pod: Json) -> str | None:
    """Why the namespace does not take a pod, as it stands in a Forbidden error; None if it does."""
    policy = _policy(namespace, "enforce")
    found = _violations(policy, pod["spec"])
    return f'violates PodSecurity "{policy.level}:{policy.version}": {found}' if found else None


def warning(namespace: Json | None, obj: Json) -> str | None:
    """What a client is told of a pod, or of something that makes pods; None if there is nothing to tell."""
    spec = obj["spec"]["template"]["spec"] if obj["kind"] in TEMPLATED else obj["spec"]
    policy = _policy(namespace, "warn")
    found = _violations(policy, spec)
    return f'would violate PodSecurity "{policy.level}:{policy.version}": {found}' if found else None


def _policy(namespace: Json | None, mode: str) -> Policy:
    labels = (namespace or {}).get("metadata", {}).get("labels") or {}
    if mode == "warn" and PREFIX + mode not in labels:
        mode = "enforce"
    level = labels.get(PREFIX + mode, LEVELS[0])
    if level not in LEVELS:  # a real server takes a typo for the strictest level, but does not warn because of it
        level = LEVELS[-1] if mode == "enforce" else LEVELS[0]
    return Policy(level, labels.get(f"{PREFIX}{mode}-version", "latest"))


def _violations(policy: Policy, spec: Json) -> str:
    checks = {"privileged": (), "baseline": BASELINE, "restricted": RESTRICTED}[policy.level]
    return ", ".join(f"{what} ({where})" for check in checks for what, where in check(spec))


# --- the checks


def _containers(spec: Json) -> list[tuple[str, Json]]:
    """Name and security context of each container, in the order of the API server."""
    every = [*(spec.get("initContainers") or []), *(spec.get("containers") or [])]
    return [(each["name"], each.get("securityContext") or {}) for each in every]


def _named(names: list[str], noun: str = "container") -> str:
    quoted = ", ".join(f'"{name}"' for name in names)
    return f"{noun}{'s' if len(names) > 1 else ''} {quoted}"


def _pod_context(spec: Json) -> Json:
    return spec.get("securityContext") or {}


def _capabilities(context: Json, what: str) -> list[str]:
    return (context.get("capabilities") or {}).get(what) or []


def _host_namespaces(spec: Json) -> Checks:
    found = [f"{name}=true" for name in ("hostNetwork", "hostPID", "hostIPC") if spec.get(name)]
    if found:
        yield "host namespaces", ", ".join(found)


def _privileged(spec: Json) -> Checks:
    bad = [name for name, context in _containers(spec) if context.get("privileged")]
    if bad:
        yield "privileged", f"{_named(bad)} must not set securityContext.privileged=true"


def _added_capabilities(spec: Json) -> Checks:
    bad, added = [], set()
    for name, context in _containers(spec):
        forbidden = set(_capabilities(context, "add")) - set(CAPABILITIES)
        if forbidden:
            bad.append(name)
            added |= forbidden
    if bad:
        listed = ", ".join(f'"{each}"' for each in sorted(added))
        yield "non-default capabilities", f"{_named(bad)} must not include {listed} in securityContext.capabilities.add"


def _host_paths(spec: Json) -> Checks:
    bad = [volume["name"] for volume in spec.get("volumes") or [] if volume.get("hostPath") is not None]
    if bad:
        yield "hostPath volumes", _named(bad, "volume")


def _escalation(spec: Json) -> Checks:
    bad = [name for name, context in _containers(spec) if context.get("allowPrivilegeEscalation") is not False]
    if bad:
        reason = f"{_named(bad)} must set securityContext.allowPrivilegeEscalation=false"
        yield "allowPrivilegeEscalation != false", reason


def _dropped_capabilities(spec: Json) -> Checks:
    keeping, adding, added = [], [], set()
    for name, context in _containers(spec):
        if "ALL" not in _capabilities(context, "drop"):
            keeping.append(name)
        forbidden = set(_capabilities(context, "add")) - {"NET_BIND_SERVICE"}
        if forbidden:
            adding.append(name)
            added |= forbidden
    details = []
    if keeping:
        details.append(f'{_named(keeping)} must set securityContext.capabilities.drop=["ALL"]')
    if adding:
        listed = ", ".join(f'"{each}"' for each in sorted(added))
        details.append(f"{_named(adding)} must not include {listed} in securityContext.capabilities.add")
    if details:
        yield "unrestricted capabilities", "; ".join(details)


def _volume_types(spec: Json) -> Checks:
    """A volume of an allowed type has its name as key; one without any type is an emptyDir."""
    bad = []
    for volume in spec.get("volumes") or []:
        types = [key for key in volume if key != "name"]
        if types and not any(key in VOLUMES for key in types):
            bad.append((volume["name"], types[0]))
    if bad:
        names = [name for name, _ in bad]
        types = sorted({type_ for _, type_ in bad})
        verb = "use" if len(bad) > 1 else "uses"
        quoted = ", ".join(f'"{each}"' for each in types)
        kind = f"restricted volume type{'s' if len(types) > 1 else ''} {quoted}"
        yield "restricted volume types", f"{_named(names, 'volume')} {verb} {kind}"


def _non_root(spec: Json) -> Checks:
    of_pod = _pod_context(spec).get("runAsNonRoot")
    explicit = [name for name, context in _containers(spec) if context.get("runAsNonRoot") is False]
    silent = [name for name, context in _containers(spec) if context.get("runAsNonRoot") is None]
    setters = (["pod"] if of_pod is False else []) + ([_named(explicit)] if explicit else [])
    if setters:
        yield "runAsNonRoot != true", f"{' and '.join(setters)} must not set securityContext.runAsNonRoot=false"
    elif silent and not of_pod:
        yield "runAsNonRoot != true", f"pod or {_named(silent)} must set securityContext.runAsNonRoot=true"


def _root_user(spec: Json) -> Checks:
    bad = [name for name, context in _containers(spec) if context.get("runAsUser") == 0]
    setters = (["pod"] if _pod_context(spec).get("runAsUser") == 0 else []) + ([_named(bad)] if bad else [])
    if setters:
        yield "runAsUser=0", f"{' and '.join(setters)} must not set runAsUser=0"


def _seccomp(spec: Json) -> Checks:
    def type_of(context: Json) -> str | None:
        return (context.get("seccompProfile") or {}).get("type")

    of_pod = type_of(_pod_context(spec))
    given = [(name, type_of(context)) for name, context in _containers(spec)]
    bad = [(name, type_) for name, type_ in given if type_ is not None and type_ not in SECCOMP]
    wrong_pod = of_pod is not None and of_pod not in SECCOMP
    setters = (["pod"] if wrong_pod else []) + ([_named([name for name, _ in bad])] if bad else [])
    silent = [name for name, type_ in given if type_ is None]
    if setters:
        values = sorted({str(type_) for _, type_ in bad} | ({str(of_pod)} if wrong_pod else set()))
        quoted = ", ".join(f'"{each}"' for each in values)
        yield "seccompProfile", f"{' and '.join(setters)} must not set securityContext.seccompProfile.type to {quoted}"
    elif silent and of_pod is None:
        wanted = '"RuntimeDefault" or "Localhost"'
        yield "seccompProfile", f"pod or {_named(silent)} must set securityContext.seccompProfile.type to {wanted}"


BASELINE: tuple[Callable[[Json], Checks], ...] = (_host_namespaces, _privileged, _added_capabilities, _host_paths)
# What a stricter check says as well is not said twice.
RESTRICTED: tuple[Callable[[Json], Checks], ...] = (
    _host_namespaces,
    _privileged,
    _escalation,
    _dropped_capabilities,
    _volume_types,
    _non_root,
    _root_user,
    _seccomp,
)
