"""A first config for a cluster that is there: what of it is to be watched and loaded, read off its objects.

The runner lists the objects (`lib/discover.bash`) into a directory: `*.json`, each a list as kubectl prints it, and
`unseen`, a line for each type that could not be listed. `choose` says which model and which controller it is, `write`
writes the config, in which each value says where it is from. Nothing is guessed without a word about it.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from wva_parse.log.json_files import dig, read_json
from wva_parse.plan import config
from wva_parse.plan.documents import ConfigError
from wva_parse.plan.permissions import NOT_TEXT

Json = dict[str, Any]

CONTROLLERS = re.compile(r"workload-variant-autoscaler|inferno-autoscaler|(^|[-/])wva([-:]|$)")
GATEWAY_LABEL = "gateway.networking.k8s.io/gateway-name"
MANAGED, MODEL_ID = "llm-d.ai/managed", "llm-d.ai/model-id"
SCALERS = ("HorizontalPodAutoscaler", "ScaledObject")
SLO_CONFIGS = "service-classes-config"
QUEUEING_CONFIGS = "queueing-model-config"
LONGEST_NAME = 40  # of a config
PLAIN = re.compile(r"[A-Za-z][-\w./]*(:[-\w./]+)*")  # text that YAML takes for nothing else

# The load that is written: what the shipped configs call moderate, overlapping.
WORKLOADS = (("phase-1", 10, 0), ("phase-2-peak", 15, 120), ("phase-3", 12, 240))
DURATION_S = 360


class DiscoveryError(ValueError):
    """What is not there, or there more than once; the message says what was seen and which option chooses."""


class Served(NamedTuple):
    """A Deployment that serves a model, and how it is known."""

    namespace: str
    deployment: str
    model: str
    told_by: str


class Controller(NamedTuple):
    """A controller of WVA: its namespace, and what the names of its pods begin with."""

    namespace: str
    prefix: str


class Wanted(NamedTuple):
    """What somebody has chosen; empty: whatever there is."""

    namespace: str = ""
    deployment: str = ""
    controller_namespace: str = ""


class Told(NamedTuple):
    """A value and where it is from; None, and why there is none."""

    value: Any
    told_by: str


class Cluster(NamedTuple):
    """What was listed, each object once, and a line for each list that was not given."""

    objects: tuple[Json, ...]
    unseen: tuple[str, ...]

    def of(self, *kinds: str) -> Iterator[Json]:
        return (each for each in self.objects if each.get("kind") in kinds)


def read_cluster(directory: Path) -> Cluster:
    """Read what the runner has listed."""
    found: dict[tuple[Any, ...], Json] = {}
    for path in sorted(directory.glob("*.json")):
        for each in read_json(path).get("items") or []:
            found[each.get("kind"), _namespace(each), _name(each)] = each
    unseen = directory / "unseen"
    lines = unseen.read_text(encoding="utf-8").splitlines() if unseen.is_file() else []
    return Cluster(tuple(found.values()), tuple(dict.fromkeys(lines)))


# --- the model


def choose_served(cluster: Cluster, wanted: Wanted) -> Served:
    """The Deployment to load: the one that WVA scales, else the one that serves a model.

    Raises
    ------
    DiscoveryError
        If there is none, or several.
    """
    everything = list(_variants(cluster)) or list(_servers(cluster))
    if wanted.deployment and wanted.deployment not in {each.deployment for each in everything}:
        everything += list(_servers(cluster, wanted.deployment))
    fitting = [
        each
        for each in everything
        if wanted.namespace in ("", each.namespace) and wanted.deployment in ("", each.deployment)
    ]
    if not fitting:
        seen = f"; there are: {_listed(everything)}" if everything else ""
        raise DiscoveryError(f"no Deployment {_of(wanted)}that WVA scales or that serves a model was seen{seen}")
    found = {(each.namespace, each.deployment): each for each in reversed(fitting)}
    if len(found) > 1:
        option = "--namespace" if len({each.namespace for each in fitting}) == len(found) else "--deployment"
        raise DiscoveryError(f"{len(found)} Deployments serve models; choose with {option}: {_listed(fitting)}")
    return _with_model(cluster, fitting[0])


def _of(wanted: Wanted) -> str:
    named = f"{wanted.deployment} " if wanted.deployment else ""
    return f"{named}in namespace {wanted.namespace} " if wanted.namespace else named


def _listed(served: Iterable[Served]) -> str:
    rows = {f"\n  --namespace {each.namespace} --deployment {each.deployment}  ({each.model})" for each in served}
    return "".join(sorted(rows))


def _variants(cluster: Cluster) -> Iterator[Served]:
    """What WVA scales: VariantAutoscalings, since v0.8 annotated scalers as well. Without Deployments that are gone."""
    there = {(_namespace(each), _name(each)) for each in cluster.of("Deployment")}
    for each in cluster.of("VariantAutoscaling", *SCALERS):
        spec, annotations = each.get("spec") or {}, dig(each, ("metadata", "annotations")) or {}
        if each["kind"] == "VariantAutoscaling":
            model, target = spec.get("modelID"), dig(spec, ("scaleTargetRef", "name")) or _name(each)
        elif annotations.get(MANAGED) == "true":
            model, target = annotations.get(MODEL_ID), dig(spec, ("scaleTargetRef", "name"))
        else:
            continue
        if target and (not there or (_namespace(each), target) in there):
            yield Served(_namespace(each), str(target), str(model or ""), f"{each['kind']} {_name(each)}")


def _servers(cluster: Cluster, name: str = "") -> Iterator[Served]:
    """Deployments that serve a model by their command line, or the ones of a name."""
    for each in cluster.of("Deployment"):
        model = _model_of(each)
        if (model and not name) or _name(each) == name:
            yield Served(_namespace(each), _name(each), model, f"the command line of Deployment {_name(each)}")


def _with_model(cluster: Cluster, served: Served) -> Served:
    if served.model:
        return served
    of = f"the command line of Deployment {served.deployment}"
    model = next((_model_of(each) for each in cluster.of("Deployment") if _is(each, served)), "")
    if not model:
        raise DiscoveryError(f"neither {served.told_by} nor {of} tells the model's name")
    return served._replace(model=model, told_by=of)


def _model_of(deployment: Json) -> str:
    """The model that the containers of a Deployment serve, as its clients call it; empty if they serve none."""
    for container in dig(deployment, ("spec", "template", "spec", "containers")) or []:
        words = [str(word) for key in ("command", "args") for word in container.get(key) or []]
        words = " ".join(words).split()  # a shell's script is one word
        for option in ("--served-model-name", "--model"):
            for word, following in zip(words, [*words[1:], ""], strict=False):
                name = following if word == option else word.partition("=")[2] if word.startswith(f"{option}=") else ""
                if name:
                    return name.strip("'\"")
        if "serve" in words[:-1] and any(word.endswith("vllm") for word in words):
            return words[words.index("serve") + 1].strip("'\"")
    return ""


# --- the controller


def choose_controller(cluster: Cluster, wanted: Wanted) -> Controller:
    """The controller of WVA.

    Raises
    ------
    DiscoveryError
        If there is none, or several.
    """
    found = sorted(set(_controllers(cluster)))
    fitting = [each for each in found if wanted.controller_namespace in ("", each.namespace)]
    managers = [each for each in fitting if "controller" in each.prefix]
    if len(fitting) > 1 and len(managers) == 1:
        fitting = managers
    listed = "".join(f"\n  --controller-namespace {each.namespace}  ({each.prefix})" for each in fitting or found)
    if not fitting:
        asked = f" in namespace {wanted.controller_namespace}" if wanted.controller_namespace else ""
        seen = f"; there are: {listed}" if found else "; name its namespace with --controller-namespace"
        raise DiscoveryError(f"no controller of WVA was seen{asked}{seen}")
    if len({each.namespace for each in fitting}) > 1:
        raise DiscoveryError(f"{len(fitting)} controllers of WVA; choose with --controller-namespace: {listed}")
    return min(fitting, key=lambda each: len(each.prefix))


def _controllers(cluster: Cluster) -> Iterator[Controller]:
    """Deployments of WVA; where none was seen, the pods of one."""
    found = [Controller(_namespace(each), _name(each)) for each in cluster.of("Deployment") if _is_controller(each)]
    yield from found
    if not found:
        for each in cluster.of("Pod"):
            if _is_controller(each):
                yield Controller(_namespace(each), re.sub(r"(-[a-z0-9]{6,10})?-[a-z0-9]{5}$", "", _name(each)))


def _is_controller(each: Json) -> bool:
    labels = dig(each, ("metadata", "labels")) or {}
    pod = each.get("spec") if each["kind"] == "Pod" else dig(each, ("spec", "template", "spec"))
    images = [str(container.get("image")) for container in (pod or {}).get("containers") or []]
    texts = (_name(each), str(labels.get("app.kubernetes.io/name")), *images)
    return any(CONTROLLERS.search(text) for text in texts) and not _model_of(each)  # a model may be called so, too


# --- endpoint and objectives


def endpoint_of(cluster: Cluster, served: Served) -> Told:
    """The URL of the gateway in front of the model; without one, of the Service of its pods."""
    services = [each for each in cluster.of("Service") if dig(each, ("spec", "ports"))]
    gateways = [each for each in services if _is_gateway(each)]
    own = [each for each in gateways if _namespace(each) == served.namespace]
    labels: Json = next(
        (
            dig(each, ("spec", "template", "metadata", "labels")) or {}
            for each in cluster.of("Deployment")
            if _is(each, served)
        ),
        {},
    )
    straight = [
        each
        for each in services
        if _namespace(each) == served.namespace
        and (selector := dig(each, ("spec", "selector")) or {})
        and selector.items() <= labels.items()
    ]
    for found, what in ((own or gateways, "the gateway"), (straight, "no gateway was seen: straight to the pods")):
        if len(found) == 1:
            return Told(_url(found[0], served.namespace), f"Service {_name(found[0])}: {what}")
        if found:
            urls = ", ".join(_url(each, served.namespace) for each in found)
            return Told(None, f"several Services may be it: {urls}")
    return Told(None, "no Service of a gateway or of the model's pods was seen")


def _is_gateway(service: Json) -> bool:
    labels = dig(service, ("metadata", "labels")) or {}
    return GATEWAY_LABEL in labels or "inference-gateway" in _name(service)


def _url(service: Json, namespace: str) -> str:
    ports = dig(service, ("spec", "ports"))
    port = next(
        (each for each in ports if each.get("port") == 80 or str(each.get("name")).startswith("http")), ports[0]
    )
    host = _name(service) if _namespace(service) == namespace else f"{_name(service)}.{_namespace(service)}.svc"
    return f"http://{host}:{port.get('port')}"


def slo_of(cluster: Cluster, served: Served, controller: Controller) -> Told:
    """The objectives of ITL and TTFT, ms, from ConfigMaps: those of the model's class, or of the queueing model."""
    maps = [each for each in cluster.of("ConfigMap") if _namespace(each) in (controller.namespace, served.namespace)]
    wanted = [
        dig(each, ("spec", "sloClassRef"))
        for each in cluster.of("VariantAutoscaling")
        if _namespace(each) == served.namespace and dig(each, ("spec", "modelID")) == served.model
    ]
    names = [(ref.get("name"), ref.get("key")) for ref in wanted if isinstance(ref, dict)] or [(SLO_CONFIGS, None)]
    for each in maps:
        for key, text in (each.get("data") or {}).items():
            if (_name(each), key) not in names and (_name(each), None) not in names:
                continue
            for objective in _mapping(text).get("data") or []:
                if isinstance(objective, dict) and objective.get("model") == served.model:
                    found = objective.get("slo-tpot"), objective.get("slo-ttft")
                    return Told(found, f"ConfigMap {_name(each)}, {key}")
    for each in maps:
        values = _mapping((each.get("data") or {}).get("default"))
        if _name(each).endswith(QUEUEING_CONFIGS) and "targetITL" in values:
            return Told((values.get("targetITL"), values.get("targetTTFT")), f"ConfigMap {_name(each)}")
    return Told(None, "no ConfigMap that was seen tells objectives of this model")


def _mapping(text: Any) -> Json:
    try:
        found = yaml.safe_load(str(text or ""))
    except yaml.YAMLError:
        return {}
    return found if isinstance(found, dict) else {}


# --- the config


def document(cluster: Cluster, served: Served, controller: Controller, mode: Told) -> str:
    """The config as YAML, each value with a comment on where it is from."""
    endpoint, slo = endpoint_of(cluster, served), slo_of(cluster, served, controller)
    name = f"discovered-{served.deployment}"[:LONGEST_NAME].rstrip("-")
    lines = [
        "# Found in the cluster by ./run-experiment.sh --discover. The load is a proposal: read it before you run it.",
        *(f"# Not seen: {each}" for each in cluster.unseen),
        "",
        f"name: {_quoted(name)}",
        f"description: {_quoted(f'{served.model}: overlapping moderate load, 10+15+12 req/s, peak 37')}",
        f"mode: {mode.value}  # {mode.told_by}",
        "",
        f"namespace: {_quoted(served.namespace)}",
        f"controller_namespace: {_quoted(controller.namespace)}",
        f"controller_pod_prefix: {_quoted(controller.prefix)}",
        f"deployment: {_quoted(served.deployment)}",
        f"model_name: {_quoted(served.model)}  # {served.told_by}",
    ]
    if endpoint.value:
        lines.append(f"endpoint: {_quoted(endpoint.value)}  # {endpoint.told_by}")
    else:
        lines.append(f"# endpoint: {endpoint.told_by}; without this key that of the manifests is used")
    lines += ["", *_slo_lines(slo), "", "workloads:"]
    for workload, rate, start in WORKLOADS:
        lines += [
            f"  - name: {workload}",
            f"    job_manifest: workloads/sharegpt-load-job-moderate-{rate}.yaml",
            f"    start_delay: {start}  # seconds after the experiment's start",
            f"    duration: {DURATION_S}  # seconds",
            f'    description: "{rate} req/s from {start} s to {start + DURATION_S} s"',
        ]
    return "\n".join(lines) + "\n"


def _slo_lines(slo: Told) -> list[str]:
    values = slo.value or ()
    known = {
        key: value
        for key, value in zip(("itl_ms", "ttft_ms"), values, strict=False)
        if isinstance(value, (int, float)) and value > 0
    }
    if not known:
        return [f"# slo: {slo.told_by}; with itl_ms and ttft_ms here the run is judged by them"]
    return [f"slo:  # {slo.told_by}", *(f"  {key}: {value:g}" for key, value in known.items())]


def _quoted(text: str) -> str:
    is_plain = PLAIN.fullmatch(text) and not NOT_TEXT.fullmatch(text)
    return text if is_plain else json.dumps(text, ensure_ascii=False)


def mode_of(said: str, told_by: str) -> Told:
    """The mode for a config, by what the controller says of its own."""
    if said in ("model-based", "hybrid"):
        return Told("model-based", f"the controller's, {told_by}" + (" (hybrid, which predicts)" * (said == "hybrid")))
    if said == "capacity-based":
        return Told("capacity-based", f"the controller's, {told_by}")
    if said.startswith("none"):
        return Told("capacity-based", "the controller has this mode only: it refuses its queueing model")
    why = told_by or "neither its log nor its settings tell"
    return Told("capacity-based", f"NOT KNOWN, this is WVA's default: {why}")


# --- the command


def main(command: str, argv: list[str]) -> int:
    """`choose`: print which model and controller it is, as JSON. `write`: write the config and print its path."""
    parser = argparse.ArgumentParser(prog=f"wva-parse {command}")
    parser.add_argument("step", choices=("choose", "write"))
    parser.add_argument("directory", metavar="DIR", type=Path, help="what was listed of the cluster")
    for name in Wanted._fields:
        parser.add_argument(f"--{name.replace('_', '-')}", default="", metavar="NAME")
    parser.add_argument("--mode", default="", help="what the controller says of its own")
    parser.add_argument("--mode-from", default="", metavar="TEXT", help="how that is known, or why it is not")
    arguments = parser.parse_args(argv)
    wanted = Wanted(*(getattr(arguments, name) for name in Wanted._fields))
    cluster = read_cluster(arguments.directory)
    try:
        served, controller = _both(cluster, wanted)
        if arguments.step == "choose":
            print(
                json.dumps(
                    {**served._asdict(), "controller_namespace": controller.namespace, "prefix": controller.prefix}
                )
            )
            return 0
        text = document(cluster, served, controller, mode_of(arguments.mode, arguments.mode_from))
        print(_write(Path.cwd() / f"discovered-{served.deployment}.yaml", text))
    except (DiscoveryError, ConfigError) as error:
        print(f"wva_parse {command}: {error}", file=sys.stderr)
        for each in cluster.unseen:
            print(f"wva_parse {command}: not seen: {each}", file=sys.stderr)
        return 2
    return 0


def _both(cluster: Cluster, wanted: Wanted) -> tuple[Served, Controller]:
    """Model and controller; of what neither can be chosen both are said."""
    found, problems = list[Any](), list[str]()
    choosers: Sequence[Callable[[Cluster, Wanted], Any]] = (choose_served, choose_controller)
    for choose in choosers:
        try:
            found.append(choose(cluster, wanted))
        except DiscoveryError as error:
            problems.append(str(error))
    if problems:
        raise DiscoveryError("\n".join(problems))
    return found[0], found[1]


def _write(path: Path, text: str) -> Path:
    """Write a file that is not there yet, and see that the runner would take it."""
    try:
        with path.open("x", encoding="utf-8") as stream:
            stream.write(text)
    except FileExistsError:
        raise DiscoveryError(f"{path}: there is such a file already; move it away, it is not overwritten") from None
    except OSError as error:
        raise DiscoveryError(f"{path}: cannot be written: {error.strerror}") from None
    config.load(path)
    return path


def _is(each: Json, served: Served) -> bool:
    return (_namespace(each), _name(each)) == (served.namespace, served.deployment)


def _namespace(each: Json) -> str:
    return str(dig(each, ("metadata", "namespace")) or "")


def _name(each: Json) -> str:
    return str(dig(each, ("metadata", "name")) or "")
