"""The embedded cluster as each release of WVA has it, with one variant and with several."""

from __future__ import annotations

import json
import re

import pytest
import yaml
from turned import Turned

from wva_sim.__main__ import main
from wva_sim.api.messages import Request
from wva_sim.api.podlogs import LogOptions
from wva_sim.cluster import controllers
from wva_sim.cluster.settings import Settings, SettingsError
from wva_sim.wva.dialects import DIALECTS

# (dialect, mode): all that exist
WAYS = [(name, mode) for name, dialect in DIALECTS.items() for mode in dialect.brains]
SECOND = f"{Settings().deployment}-2"


def settings(dialect: str, mode: str = "capacity-based", variants: int = 1) -> Settings:
    return Settings(dialect=dialect, mode=mode, variants=variants)


def everything(turned: Turned, kind: str) -> list[dict]:
    return turned.store.list(kind, turned.settings.namespace)


def controller_container(turned: Turned) -> dict:
    found = turned.store.get("Deployment", turned.settings.controller_namespace, turned.settings.controller_pod_prefix)
    return found["spec"]["template"]["spec"]["containers"][0]


def config_maps(turned: Turned) -> dict[str, dict]:
    return {
        item["metadata"]["name"]: item["data"]
        for item in turned.store.list("ConfigMap", turned.settings.controller_namespace)
    }


@pytest.mark.parametrize("variants", [1, 2])
@pytest.mark.parametrize(("dialect", "mode"), WAYS)
def test_replicas_follow_the_load_up_and_down(dialect, mode, variants):
    turned = Turned(settings(dialect, mode, variants))
    turned.turn(60)
    names = [variant.deployment for variant in turned.cluster.variants]
    assert [turned.replicas(name) for name in names] == [(1, 1)] * variants
    turned.load("heavy", 40 * variants, 10**6)
    turned.turn(480)
    ready = [turned.replicas(name)[1] for name in names]
    assert sum(ready) > variants, "replicas rise with the load"
    assert ready[0] >= 2, "the cheapest is the first to grow"
    gauge = turned.cluster.dialect.metric
    rescaled = [item for item in everything(turned, "Event") if item["reason"] == "SuccessfulRescale"]
    assert any(f"external metric {gauge} above target" in item["message"] for item in rescaled)
    turned.store.delete("Job", turned.settings.namespace, "heavy")
    turned.turn(1200)
    assert [turned.replicas(name) for name in names] == [(1, 1)] * variants, "and fall after it"


@pytest.mark.parametrize("dialect", DIALECTS)
def test_the_load_is_spread_over_the_replicas_of_all_variants(dialect):
    turned = Turned(settings(dialect, variants=2))
    turned.load("load", 20, 10**6)
    turned.turn(90)
    loads = {name: replica.load for name, replica in turned.world.fleet.replicas.items()}
    assert len(loads) == 2
    assert min(loads.values()) > 0.8 * max(loads.values()) > 10


@pytest.mark.parametrize("dialect", DIALECTS)
def test_each_variant_has_its_own_deployment_scaler_and_cost(dialect):
    turned = Turned(settings(dialect, variants=3))
    turned.turn(60)
    deployments = [item["metadata"]["name"] for item in everything(turned, "Deployment")]
    assert deployments == [Settings().deployment, SECOND, f"{Settings().deployment}-3"]
    scalers = everything(turned, "HorizontalPodAutoscaler")
    assert sorted(item["spec"]["scaleTargetRef"]["name"] for item in scalers) == deployments
    assert [item["status"]["desiredReplicas"] for item in scalers] == [1, 1, 1]
    costs = [variant.cost for variant in turned.cluster.variants]
    assert costs == sorted(set(costs))
    pods = [item["metadata"]["labels"]["app.kubernetes.io/instance"] for item in everything(turned, "Pod")]
    assert sorted(pods) == sorted(deployments)


def test_long_names_of_deployments_stay_apart():
    long = Settings(deployment="d" * 70, variants=2)
    turned = Turned(long)
    turned.load("load", 40, 10**6)
    turned.turn(300)
    pods = [item["metadata"]["labels"] for item in everything(turned, "Pod")]
    assert len({labels["app.kubernetes.io/instance"] for labels in pods if "llm-d.ai/role" in labels}) == 2
    assert len({item["metadata"]["name"] for item in everything(turned, "HorizontalPodAutoscaler")}) == 2


@pytest.mark.parametrize(("dialect", "mode"), WAYS)
def test_scalers_read_the_releases_gauge_by_the_variants_name(dialect, mode):
    turned = Turned(settings(dialect, mode, variants=2))
    turned.turn(60)
    metrics = [
        item["spec"]["metrics"][0]["external"]["metric"] for item in everything(turned, "HorizontalPodAutoscaler")
    ]
    prefix = "inferno" if dialect in ("D2", "D3") else "wva"
    assert {metric["name"] for metric in metrics} == {f"{prefix}_desired_replicas"}
    names = [metric["selector"]["matchLabels"]["variant_name"] for metric in metrics]
    assert set(names) == {variant.name for variant in turned.cluster.variants}
    assert set(names) == set(turned.world.desired)
    for name in names:
        assert any(name in line and re.search("[Aa]pplied", line) for line in turned.log())


@pytest.mark.parametrize(
    ("dialect", "image", "with_v4", "with_environment"),
    [
        ("D2", "v0.4.1", False, True),
        ("D3", "main", False, True),
        ("D5", "v0.7.0", True, False),
        ("D7", "v0.9.0", True, False),
    ],
)
def test_the_controller_is_set_up_as_its_release_wants_it(dialect, image, with_v4, with_environment):
    container = controller_container(Turned(settings(dialect)))
    assert container["image"].endswith(f":{image}")
    assert ("--v=4" in container["args"]) == with_v4
    names = [row["name"] for row in container["env"]]
    assert "LOG_LEVEL" in names
    assert ("EXPERIMENTAL_HYBRID_OPTIMIZATION" in names) == with_environment


MAIN = "workload-variant-autoscaler-variantautoscaling-config"


@pytest.mark.parametrize(
    ("dialect", "mode", "names"),
    [
        ("D2", "model-based", {MAIN, "capacity-scaling-config", "service-classes-config", "accelerator-unit-costs"}),
        ("D3", "model-based", {MAIN, "saturation-scaling-config", "service-classes-config", "accelerator-unit-costs"}),
        ("D5", "capacity-based", {"wva-variantautoscaling-config", "wva-saturation-scaling-config"}),
        (
            "D5",
            "model-based",
            {"wva-variantautoscaling-config", "wva-saturation-scaling-config", "wva-queueing-model-config"},
        ),
        ("D7", "capacity-based", {"wva-manager-config", "wva-saturation-scaling-config"}),
    ],
)
def test_config_maps_are_those_of_the_release(dialect, mode, names):
    found = config_maps(Turned(settings(dialect, mode)))
    assert set(found) == names
    assert all(isinstance(value, str) for data in found.values() for value in data.values())


def test_the_mode_is_where_the_release_looks_for_it():
    for dialect in ("D2", "D3"):
        data = config_maps(Turned(settings(dialect, "model-based")))[MAIN]
        assert data["EXPERIMENTAL_HYBRID_OPTIMIZATION"] == "model-only"
    analyzers = yaml.safe_load(config_maps(Turned(settings("D7")))["wva-saturation-scaling-config"]["default"])
    assert [row["name"] for row in analyzers["analyzers"]] == ["saturation", "throughput"]


@pytest.mark.parametrize("dialect", ["D2", "D3", "D5"])
def test_a_variants_status_tells_what_the_release_tells(dialect):
    turned = Turned(settings(dialect))
    turned.turn(60)
    (variant,) = everything(turned, "VariantAutoscaling")
    status = variant["status"]
    assert status["desiredOptimizedAlloc"]["numReplicas"] == 1
    assert ("currentAlloc" in status) == (dialect != "D5")
    kinds = {row["type"] for row in status["conditions"]}
    assert kinds >= {"MetricsAvailable", "OptimizationReady"}
    assert ("TargetResolved" in kinds) == ("scaleTargetRef" in variant["spec"]) == (dialect != "D2")


@pytest.mark.parametrize("dialect", DIALECTS)
def test_the_definition_of_variants_is_there_if_the_release_has_them(dialect):
    api = Turned(settings(dialect)).world.api
    group = Request("GET", "/apis/llmd.ai/v1alpha1")
    objects = Request("GET", "/apis/llmd.ai/v1alpha1/namespaces/llm-d-autoscaler/variantautoscalings")
    scalers = Request("GET", "/apis/autoscaling/v2/namespaces/llm-d-autoscaler/horizontalpodautoscalers")
    expected = 404 if dialect == "D7" else 200
    assert [api.handle(request).status for request in (group, objects, scalers)] == [expected, expected, 200]
    names = [row["name"] for row in json.loads(api.handle(Request("GET", "/apis")).body)["groups"]]
    assert ("llmd.ai" in names) == (dialect != "D7") and "keda.sh" in names


def test_in_d7_the_annotated_scaler_is_the_variant():
    turned = Turned(settings("D7", variants=2))
    turned.turn(60)
    assert everything(turned, "VariantAutoscaling") == []
    scalers = {item["metadata"]["name"]: item for item in everything(turned, "HorizontalPodAutoscaler")}
    for variant in turned.cluster.variants:
        scaler = scalers[variant.name]
        assert scaler["spec"]["scaleTargetRef"]["name"] == variant.deployment != variant.name
        assert scaler["metadata"]["annotations"] == {
            "llm-d.ai/managed": "true",
            "llm-d.ai/model-id": turned.settings.model_name,
            "llm-d.ai/variant-cost": f"{variant.cost:.2f}",
        }
    turned.store.delete("HorizontalPodAutoscaler", turned.settings.namespace, turned.cluster.variants[1].name)
    turned.turn(30)
    grouped = [line for line in turned.log() if "Grouped VAs" in line]
    assert [json.loads(line.split("\t")[-1])["totalVAs"] for line in (grouped[0], grouped[-1])] == [2, 1]


@pytest.mark.parametrize(("dialect", "runs"), [("D2", 3), ("D3", 2), ("D5", 1), ("D7", 1)])
def test_variants_that_ask_for_loop_runs_of_their_own_get_them(dialect, runs):
    turned = Turned(settings(dialect, variants=2))
    turned.turn(controllers.LOOP_START_S + 5)
    assert sum("Grouped VAs" in line for line in turned.log()) == runs
    requested = [
        line.split("name=")[1].split(",")[0] for line in turned.log() if "Reconciling VariantAutoscaling: " in line
    ]
    assert requested == ([Settings().deployment, SECOND] if dialect == "D3" else [])


def test_the_order_of_a_solutions_entries_varies():
    turned = Turned(settings("D2", "model-based", variants=2))
    turned.load("load", 10, 10**6)
    turned.turn(400)
    solutions = [json.loads(line)["msg"] for line in turned.log() if "Optimization solution" in line]
    firsts = {re.findall(r"\ns=([^:]+):", message)[0] for message in solutions}
    assert firsts == {Settings().deployment, SECOND}
    assert all(len(re.findall(r"\ns=", message)) == 2 for message in solutions)


@pytest.mark.parametrize("dialect", DIALECTS)
def test_faults_of_the_controller_speak_the_dialect(dialect):
    turned = Turned(settings(dialect))
    turned.turn(60)
    crashed = turned.order("controller-crash")["pod"]
    turned.turn(60)
    where = (turned.settings.controller_namespace, crashed, controllers.CONTAINER)
    last = turned.world.logs.read(*where, LogOptions(previous=True)).decode().splitlines()[-1]
    assert "problem running manager" in last
    assert last.startswith("{") == (dialect in ("D2", "D3"))
    turned.store.delete("Deployment", turned.settings.namespace, turned.settings.deployment)
    turned.turn(60)
    assert "No active VariantAutoscalings found, skipping optimization" in turned.log()[-1]


@pytest.mark.parametrize("dialect", DIALECTS)
def test_the_same_seed_gives_the_same_log(dialect):
    logs = []
    for _ in range(2):
        turned = Turned(settings(dialect, variants=2), seed=5)
        turned.load("load", 15, 10**6)
        turned.turn(150)
        logs.append(turned.log())
    assert logs[0] == logs[1]


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"dialect": "D7", "mode": "model-based"}, "mode: saw 'model-based', which dialect D7 does not have; expected"),
        ({"variants": 0}, "--variants: saw 0, expected 1 to"),
        ({"variants": 1000}, "--variants: saw 1000, expected 1 to"),
    ],
)
def test_what_no_cluster_can_be_made_of_is_refused(wrong, said):
    with pytest.raises(SettingsError, match=re.escape(said)):
        Turned(Settings(**wrong))


def test_the_command_line_refuses_it_too(tmp_path, capsys):
    arguments = ["serve", "--state", str(tmp_path), "--dialect", "D7", "--mode", "model-based"]
    assert main(arguments) == 2
    assert capsys.readouterr().err.startswith("wva_sim: mode: saw 'model-based'")
    with pytest.raises(SystemExit) as ended:
        main(["serve", "--state", str(tmp_path), "--dialect", "D9"])
    assert ended.value.code == 2
