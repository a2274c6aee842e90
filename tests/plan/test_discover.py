"""A config from what a cluster holds: each choice by hand, and what is said where there is none or more than one."""

from __future__ import annotations

import json

import pytest
import yaml

from wva_parse.__main__ import main
from wva_parse.plan import config, discover
from wva_parse.plan.discover import Cluster, Controller, DiscoveryError, Served, Wanted

WVA = Controller("wva", "workload-variant-autoscaler-controller-manager")
SERVED = Served("llm", "decode", "some/model", "")


def thing(kind, name, namespace="llm", **rest):
    metadata = {"name": name, "namespace": namespace, **rest.pop("metadata", {})}
    return {"kind": kind, "metadata": metadata, **rest}


def deployment(name, namespace="llm", words=(), image="vllm/vllm-openai", **metadata):
    pod = {"metadata": {"labels": {"app": name}}, "spec": {"containers": [{"image": image, "args": list(words)}]}}
    return thing("Deployment", name, namespace, metadata=metadata, spec={"template": pod})


def variant(name, namespace="llm", model="some/model", **spec):
    return thing("VariantAutoscaling", name, namespace, spec={"modelID": model, **spec})


def scaler(name, target, managed="true", model="some/model"):
    annotations = {"llm-d.ai/managed": managed, "llm-d.ai/model-id": model}
    spec = {"scaleTargetRef": {"kind": "Deployment", "name": target}}
    return thing("HorizontalPodAutoscaler", name, metadata={"annotations": annotations}, spec=spec)


def service(name, namespace="llm", port=80, selector=None, **labels):
    ports = [{"name": "status", "port": 15021}, {"name": "http", "port": port}]
    return thing("Service", name, namespace, metadata={"labels": labels}, spec={"ports": ports, "selector": selector})


def config_map(name, namespace="wva", **data):
    return thing("ConfigMap", name, namespace, data={key.replace("_", "."): value for key, value in data.items()})


CONTROLLER = deployment(WVA.prefix, "wva", image="ghcr.io/llm-d/workload-variant-autoscaler:v0.4.1")


def seen(*objects, unseen=()):
    return Cluster(objects, tuple(unseen))


# --- the model


@pytest.mark.parametrize(
    ("objects", "expected"),
    [
        ([variant("decode"), deployment("decode")], "decode"),
        ([variant("a-name", scaleTargetRef={"name": "decode"}), deployment("decode")], "decode"),
        ([variant("decode")], "decode"),  # Deployments may not be listed
        ([scaler("s", "decode"), deployment("decode"), deployment("other", words=["--model", "m"])], "decode"),
        ([scaler("s", "x", managed="false"), deployment("decode", words=["--model=some/model"])], "decode"),
        ([variant("gone"), variant("decode"), deployment("decode")], "decode"),
        ([deployment("decode", words=["vllm serve some/model --port 8000"])], "decode"),
    ],
    ids=["variant", "target", "without a look", "annotated", "by its command", "one is gone", "in a shell"],
)
def test_the_deployment_is_that_which_wva_scales_else_that_which_serves(objects, expected):
    served = discover.choose_served(seen(*objects), Wanted())
    assert (served.namespace, served.deployment, served.model) == ("llm", expected, "some/model")


def test_several_are_listed_with_the_option_that_chooses():
    two = seen(variant("a"), variant("b", model="other"), deployment("a"), deployment("b"))
    with pytest.raises(DiscoveryError, match="2 Deployments serve models; choose with --deployment:") as error:
        discover.choose_served(two, Wanted())
    assert "\n  --namespace llm --deployment b  (other)" in str(error.value)
    assert discover.choose_served(two, Wanted(deployment="b")).model == "other"
    apart = seen(variant("a"), variant("a", "test"), deployment("a"), deployment("a", "test"))
    with pytest.raises(DiscoveryError, match="choose with --namespace:"):
        discover.choose_served(apart, Wanted())
    assert discover.choose_served(apart, Wanted(namespace="test")).namespace == "test"


def test_what_is_not_there_is_said_with_what_is():
    with pytest.raises(DiscoveryError, match=r"no Deployment that WVA scales or that serves a model was seen$"):
        discover.choose_served(seen(CONTROLLER), Wanted())
    with pytest.raises(
        DiscoveryError, match=r"no Deployment x in namespace y that WVA .*; there are: \n  --namespace llm"
    ):
        discover.choose_served(seen(variant("decode"), deployment("decode")), Wanted("y", "x"))


def test_a_deployment_that_is_named_need_be_no_variant_but_a_server_of_a_model():
    cluster = seen(variant("decode"), deployment("decode"), deployment("own", words=["--model", "m"]), deployment("db"))
    assert discover.choose_served(cluster, Wanted(deployment="own")).model == "m"
    with pytest.raises(DiscoveryError, match="the command line of Deployment db tells the model's name"):
        discover.choose_served(cluster, Wanted(deployment="db"))


def test_the_model_is_called_as_its_clients_do():
    served = [
        deployment("decode", words=["--model", "/weights", "--served-model-name", "some/model"]),
        variant("decode", model=""),
    ]
    assert discover.choose_served(seen(*served), Wanted()).model == "some/model"


# --- the controller


def test_the_controller_is_known_by_its_image_name_or_pods():
    assert discover.choose_controller(seen(CONTROLLER, deployment("other", "wva")), Wanted()) == WVA
    labels = {"app.kubernetes.io/name": "workload-variant-autoscaler"}
    named = deployment("manager", "wva", image="registry/mirror:1", labels=labels)
    assert discover.choose_controller(seen(named), Wanted()).prefix == "manager"
    pod = thing("Pod", f"{WVA.prefix}-6d9f7c5b8-x2x4z", "wva", spec={"containers": []})
    assert discover.choose_controller(seen(pod), Wanted()) == WVA
    for image, is_one in (
        ("wvax", False),
        ("r/wva-manager:2", True),
        ("r/wva:1", True),
        ("wva", True),
        ("r/llm-d", False),
    ):
        assert discover._is_controller(deployment("d", image=image)) == is_one


def test_several_controllers_are_listed_and_none_is_said():
    other = deployment("wva", "test")
    with pytest.raises(DiscoveryError, match="2 controllers of WVA; choose with --controller-namespace: \n  --contr"):
        discover.choose_controller(
            seen(other, {**CONTROLLER, "metadata": {"name": "wva", "namespace": "wva"}}), Wanted()
        )
    assert discover.choose_controller(seen(CONTROLLER, other), Wanted(controller_namespace="test")).prefix == "wva"
    with pytest.raises(DiscoveryError, match="was seen; name its namespace with --controller-namespace"):
        discover.choose_controller(seen(), Wanted())


# --- endpoint, SLO, mode


@pytest.mark.parametrize(
    ("services", "url", "told"),
    [
        ([service("infra-inference-gateway-istio")], "http://infra-inference-gateway-istio:80", "the gateway"),
        (
            [
                service("gw", "istio", 8080, **{discover.GATEWAY_LABEL: "g"}),
                service("decode", selector={"app": "decode"}),
            ],
            "http://gw.istio.svc:8080",
            "the gateway",
        ),
        (
            [
                service("decode", port=8000, selector={"app": "decode"}),
                service("x", selector={"app": "x"}),
                service("y"),
            ],
            "http://decode:8000",
            "straight to the pods",
        ),
        (
            [service("a-inference-gateway"), service("b-inference-gateway")],
            None,
            "several Services may be it: http://a",
        ),
        ([], None, "no Service of a gateway or of the model's pods was seen"),
    ],
    ids=["gateway", "elsewhere", "without one", "several", "none"],
)
def test_the_endpoint_is_the_gateway_in_front_of_the_model(services, url, told):
    found = discover.endpoint_of(seen(deployment("decode"), *services), SERVED)
    assert found.value == url
    assert told in found.told_by


CLASS = """\
name: Premium
data:
  - {model: other, slo-tpot: 1, slo-ttft: 2}
  - {model: some/model, slo-tpot: 10, slo-ttft: 900}
"""


@pytest.mark.parametrize(
    ("objects", "expected"),
    [
        ([config_map("service-classes-config", premium_yaml=CLASS)], (10, 900)),
        (
            [
                variant("decode", sloClassRef={"name": "own", "key": "gold"}),
                config_map("own", gold=CLASS.replace("10", "7"), silver=CLASS),
            ],
            (7, 900),
        ),
        ([config_map("wva-queueing-model-config", default="targetITL: 12\ntargetTTFT: 800")], (12, 800)),
        ([config_map("service-classes-config", "elsewhere", premium_yaml=CLASS)], None),
        ([config_map("service-classes-config", premium_yaml="{broken")], None),
        ([], None),
    ],
    ids=["class", "class of the variant", "queueing model", "of another controller", "broken", "none"],
)
def test_the_objectives_are_those_of_the_cluster(objects, expected):
    assert discover.slo_of(seen(*objects), SERVED, WVA).value == expected


@pytest.mark.parametrize(
    ("said", "how", "mode", "told"),
    [
        ("model-based", "by its log", "model-based", "the controller's, by its log"),
        ("hybrid", "by its log", "model-based", "the controller's, by its log (hybrid, which predicts)"),
        ("capacity-based", "by its settings", "capacity-based", "the controller's, by its settings"),
        ("none, it refuses its queueing model", "by its log", "capacity-based", "this mode only"),
        ("", "its log does not tell yet", "capacity-based", "NOT KNOWN, this is WVA's default: its log does not"),
    ],
)
def test_the_mode_is_the_controllers_or_said_to_be_unknown(said, how, mode, told):
    found = discover.mode_of(said, how)
    assert found.value == mode
    assert told in found.told_by


# --- the config and the command


def listed(directory, *objects, unseen=""):
    """As the runner lists a cluster; an object may be in two lists."""
    directory.mkdir(exist_ok=True)
    for name, part in (("a", objects), ("b", objects[:1])):
        (directory / f"{name}.json").write_text(json.dumps({"kind": "List", "items": part}))
    (directory / "unseen").write_text(unseen)
    return directory


def test_the_config_that_is_written_is_one_and_says_where_its_values_are_from(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    objects = [variant("decode"), deployment("decode"), CONTROLLER, service("x-inference-gateway")]
    objects.append(config_map("service-classes-config", premium_yaml=CLASS))
    found = listed(tmp_path / "found", *objects, unseen="pods in all namespaces: not allowed\n")
    assert main(["discover", "choose", str(found)]) == 0
    assert json.loads(capsys.readouterr().out)["prefix"] == WVA.prefix
    write = ["discover", "write", str(found), "--mode", "model-based", "--mode-from", "by its log"]
    assert main(write) == 0
    path = tmp_path / "discovered-decode.yaml"
    assert capsys.readouterr().out.strip() == str(path)
    read = config.load(path)
    assert (read.name, read.mode, read.namespace, read.deployment) == (
        "discovered-decode",
        "model-based",
        "llm",
        "decode",
    )
    assert (read.controller_namespace, read.controller_pod_prefix) == (WVA.namespace, WVA.prefix)
    assert (read.endpoint, read.slo_itl_ms, read.slo_ttft_ms) == ("http://x-inference-gateway:80", 10, 900)
    assert [work.job.rate_per_s for work in read.workloads] == [10, 15, 12]
    text = path.read_text()
    assert "# Not seen: pods in all namespaces: not allowed\n" in text
    assert "model_name: some/model  # VariantAutoscaling decode\n" in text
    path.write_text("mine")
    assert main(write) == 2
    assert "there is such a file already; move it away, it is not overwritten" in capsys.readouterr().err
    assert path.read_text() == "mine"


def test_all_that_cannot_be_chosen_is_said_at_once_with_what_was_not_seen(tmp_path, capsys):
    found = listed(tmp_path / "found", thing("Pod", "x"), unseen="deployments.apps in all namespaces: not allowed\n")
    assert main(["discover", "choose", str(found)]) == 2
    said = capsys.readouterr().err
    assert "no Deployment that WVA scales" in said and "no controller of WVA was seen" in said
    assert "not seen: deployments.apps in all namespaces: not allowed" in said


@pytest.mark.parametrize(
    "text", ["decode", "no", "1.5", "some/model", "a: b", "x # y", "-x", 'q"t', "http://h:80", "zwölf"]
)
def test_names_are_texts_whatever_they_look_like(text):
    assert yaml.safe_load(f"key: {discover._quoted(text)}  # comment") == {"key": text}


def test_a_long_name_of_a_deployment_is_cut_to_one_of_an_experiment():
    cluster = seen(deployment("d" * 28 + "-x" * 10))
    text = discover.document(cluster, SERVED._replace(deployment="d" * 28 + "-x" * 10), WVA, discover.mode_of("", ""))
    assert yaml.safe_load(text)["name"] == "discovered-" + "d" * 28
