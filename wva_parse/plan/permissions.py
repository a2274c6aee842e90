"""What a run asks of the cluster, right by right: for the runner, which checks it, and as the Roles that grant it.

`RIGHTS` is the one table of both. The runner calls this before every run: the standard library must do.
"""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterator
from itertools import groupby
from typing import NamedTuple

NAMESPACE = "namespace"  # as the config calls that of the model's Deployment and of the load Jobs ...
CONTROLLER = "controller_namespace"  # ... and that of WVA

ROLE_NAME = "wva-experiments"
NAME = re.compile(r"(?=.{1,63}\Z)[a-z0-9]([-a-z0-9]*[a-z0-9])?")
NOT_TEXT = re.compile(r"[0-9].*|y|yes|n|no|on|off|true|false|null")  # to YAML, if nothing quotes it


NEEDS = {  # what a Role says of them, in this order
    "must": "",
    "keep": "For --keep-jobs",
    "try": "To learn before the start, not in the first minute, that the namespace would refuse the pods of a Job",
    "may": "Without these a run goes on, and knows less",
}


class Right(NamedTuple):
    """Verbs on a resource (`pods/log`: on its subresource) in one of the two namespaces.

    A run is refused without those that it `must` have, and with --keep-jobs without those that are needed to `keep`
    them; without those that it `may` have it knows less. With those to `try` it learns before the start what would be
    refused later.
    """

    place: str
    need: str
    group: str
    resource: str
    verbs: tuple[str, ...]


RIGHTS = (
    Right(NAMESPACE, "must", "batch", "jobs", ("create", "get", "list", "delete")),
    Right(NAMESPACE, "keep", "batch", "jobs", ("patch",)),
    Right(NAMESPACE, "try", "", "pods", ("create",)),
    Right(NAMESPACE, "must", "", "pods", ("list",)),
    Right(NAMESPACE, "must", "", "pods/log", ("get",)),
    Right(NAMESPACE, "must", "apps", "deployments", ("list",)),
    Right(NAMESPACE, "may", "llmd.ai", "variantautoscalings", ("list",)),
    Right(NAMESPACE, "may", "autoscaling", "horizontalpodautoscalers", ("list",)),
    Right(NAMESPACE, "may", "keda.sh", "scaledobjects", ("list",)),
    Right(NAMESPACE, "may", "", "events", ("list",)),
    Right(NAMESPACE, "may", "batch", "jobs", ("watch",)),  # how `kubectl delete` sees that they are gone
    Right(CONTROLLER, "must", "", "pods", ("list", "get")),
    Right(CONTROLLER, "must", "", "pods/log", ("get",)),
    Right(CONTROLLER, "may", "apps", "deployments", ("list",)),
    Right(CONTROLLER, "may", "", "configmaps", ("list",)),
    Right(CONTROLLER, "may", "coordination.k8s.io", "leases", ("list",)),
)


def questions(
    namespace: str, controller_namespace: str, keep_jobs: bool = False
) -> Iterator[tuple[str, str, str, str, str]]:
    """Need, verb, resource with its group, subresource or `-`, and namespace, as `kubectl auth can-i` is asked.

    What is needed to keep the Jobs is asked for only where they are to be kept, and is a must then.
    """
    names = {NAMESPACE: namespace, CONTROLLER: controller_namespace}
    for right in RIGHTS:
        if right.need == "keep" and not keep_jobs:
            continue
        kind, _, subresource = right.resource.partition("/")
        for verb in right.verbs:
            resource = f"{kind}.{right.group}" if right.group else kind
            yield "must" if right.need == "keep" else right.need, verb, resource, subresource or "-", names[right.place]


def roles(namespace: str, controller_namespace: str) -> str:
    """The Roles as YAML, one for each namespace: both places may be in the same."""
    names = {NAMESPACE: namespace, CONTROLLER: controller_namespace}
    return "---\n".join(
        _role(name, [place for place in names if names[place] == name]) for name in dict.fromkeys(names.values())
    )


def main(command: str, argv: list[str]) -> int:
    """Print the questions, tab-separated, or the Roles."""
    parser = argparse.ArgumentParser(prog=f"wva-parse {command}")
    parser.add_argument(
        "namespace", metavar="NAMESPACE", type=_name, help="of the model's Deployment and the load Jobs"
    )
    parser.add_argument("controller_namespace", metavar="CONTROLLER_NAMESPACE", type=_name, help="of WVA")
    parser.add_argument("--keep-jobs", action="store_true", help="and those of a run that keeps its Jobs")
    parser.add_argument("--roles", action="store_true", help="as the Roles that grant them, for `kubectl apply`")
    arguments = parser.parse_args(argv)
    if arguments.roles:
        print(roles(arguments.namespace, arguments.controller_namespace), end="")
    else:
        for question in questions(arguments.namespace, arguments.controller_namespace, arguments.keep_jobs):
            print("\t".join(question))
    return 0


def _role(name: str, places: list[str]) -> str:
    lines = [
        "apiVersion: rbac.authorization.k8s.io/v1",
        "kind: Role",
        "metadata:",
        f"  name: {ROLE_NAME}",
        f"  namespace: {_quoted(name)} # {' and '.join(f'`{place}`' for place in places)} of the config",
        "rules:",
    ]
    here = sorted((right for right in RIGHTS if right.place in places), key=lambda right: list(NEEDS).index(right.need))
    for need, rights in groupby(here, key=lambda right: right.need):
        lines += [f"  # {NEEDS[need]}:"] if NEEDS[need] else []
        lines += [_rule(right) for right in rights]
    return "\n".join(lines) + "\n"


def _rule(right: Right) -> str:
    group = right.group or '""'
    return f"  - {{apiGroups: [{group}], resources: [{right.resource}], verbs: [{', '.join(right.verbs)}]}}"


def _quoted(name: str) -> str:
    return f'"{name}"' if NOT_TEXT.fullmatch(name) else name


def _name(text: str) -> str:
    if not NAME.fullmatch(text):
        raise argparse.ArgumentTypeError(
            f"saw '{text}', expected a namespace: lower-case letters, digits and '-', at most 63 characters"
        )
    return text
