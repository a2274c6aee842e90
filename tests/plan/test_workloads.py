"""The eight experiments and the six load Jobs that come with the project."""

from __future__ import annotations

import json
import re

import pytest

from wva_parse.plan import config
from wva_parse.plan.documents import read_document
from wva_parse.plan.jobs import read_job

pytestmark = pytest.mark.whole

CONFIGS = sorted((config.PROJECT / "experiment-configs").glob("*.yaml"), key=lambda path: path.stem)
MANIFESTS = sorted((config.PROJECT / "workloads").glob("*.yaml"), key=lambda path: path.stem)
LOADS = {  # requests per second, seconds
    "warmup": (1, 300),
    "moderate-10": (10, 420),
    "moderate-12": (12, 420),
    "moderate-15": (15, 420),
    "high-20": (20, 420),
    "high-30": (30, 420),
}
SEQUENTIAL = {"moderate": [1, 10, 12, 15], "high": [1, 20, 30]}
PARALLEL = {"moderate": [10, 15, 12], "high": [20, 30, 15]}
PEAKS = {"moderate": 37, "high": 65}


def stem(path):
    return path.stem


def containers(job):
    """Init containers and containers of a Job, in the order they run."""
    return containers_of(job["spec"]["template"]["spec"])


def containers_of(pod):
    return pod.get("initContainers", []) + pod["containers"]


def environment(container):
    return {variable["name"]: variable.get("value") for variable in container.get("env", [])}


def load_of(path):
    """A part of a load's name says which it is: sharegpt-load-job-<load>.yaml."""
    return path.stem.removeprefix("sharegpt-load-job-")


def test_which_there_are():
    assert [load_of(path) for path in MANIFESTS] == sorted(LOADS)
    assert [path.stem for path in CONFIGS] == sorted(
        f"{mode}-{load}{how}"
        for mode in ("model-based", "capacity-based")
        for load in ("moderate", "high")
        for how in ("", "-parallel")
    )


# --- the load Jobs ----------------------------------------------------------------------------------


@pytest.mark.parametrize("path", MANIFESTS, ids=stem)
def test_prompts_are_rate_times_seconds(path):
    rate, seconds = LOADS[load_of(path)]
    (bench,) = read_document(path).data["spec"]["template"]["spec"]["containers"]
    values = environment(bench)
    assert float(values["REQUEST_RATE"]) == rate
    assert int(values["NUM_PROMPTS"]) == rate * seconds
    said = path.read_text(encoding="utf-8").splitlines()[0]
    assert re.search(rf"\b{rate} requests? per second .* for {seconds} s\b", said)


@pytest.mark.parametrize("path", MANIFESTS, ids=stem)
def test_images_are_pinned(path):
    for container in containers(read_document(path).data):
        assert re.search(r":v?[0-9]+\.[0-9]+\.[0-9]+$|@sha256:[0-9a-f]{64}$", container["image"])


@pytest.mark.parametrize("path", MANIFESTS, ids=stem)
def test_the_client_starts_without_a_gpu_and_counts_every_answer(path):
    (bench,) = read_document(path).data["spec"]["template"]["spec"]["containers"]
    version = tuple(map(int, re.search(r":v(\d+)\.(\d+)\.(\d+)$", bench["image"]).groups()))
    assert version >= (0, 15, 0)  # 0.11.1 starts without a GPU, 0.15.0 tells when each request was sent
    assert environment(bench)["VLLM_USE_RUST_BENCH"] == "0"
    assert {"--temperature=0", "--ready-check-timeout-sec=0", "--save-result", "--save-detailed"} <= set(bench["args"])
    assert environment(bench)["PYTHONUNBUFFERED"] == "1"


@pytest.mark.parametrize("path", MANIFESTS, ids=stem)
def test_what_a_container_may_use_is_said_and_no_gpu_is_asked_for(path):
    for container in containers(read_document(path).data):
        resources = container["resources"]
        assert {"cpu", "memory"} <= set(resources["requests"]) == set(resources["limits"])
        assert set(resources["requests"]) <= {"cpu", "memory", "ephemeral-storage"}


@pytest.mark.parametrize("path", MANIFESTS, ids=stem)
def test_secrets_are_optional_references(path):
    (bench,) = read_document(path).data["spec"]["template"]["spec"]["containers"]
    references = {item["name"]: item["valueFrom"]["secretKeyRef"] for item in bench["env"] if "valueFrom" in item}
    assert references == {
        "HF_TOKEN": {"name": "wva-experiments-hf-token", "key": "token", "optional": True},
        "OPENAI_API_KEY": {"name": "wva-experiments-endpoint-token", "key": "token", "optional": True},
    }


@pytest.mark.parametrize("path", MANIFESTS, ids=stem)
def test_the_runner_finds_where_to_put_the_recorder(path):
    (bench,) = read_document(path).data["spec"]["template"]["spec"]["containers"]
    assert environment(bench)["REQUEST_RECORDER"] == ""


@pytest.mark.parametrize("path", MANIFESTS, ids=stem)
def test_all_that_is_written_lands_in_the_emptydir(path):
    pod = read_document(path).data["spec"]["template"]["spec"]
    (bench,) = pod["containers"]
    assert pod["volumes"] == [{"name": "data", "emptyDir": {}}]
    assert all(
        container["volumeMounts"] == [{"name": "data", "mountPath": "/data"}] for container in containers_of(pod)
    )
    for name in ("HOME", "HF_HOME", "XDG_CACHE_HOME"):
        assert (environment(bench)[name] + "/").startswith("/data/")
    assert "--result-dir=/data" in bench["args"]


@pytest.mark.parametrize("path", MANIFESTS, ids=stem)
def test_arguments_refer_to_variables_that_exist_and_every_setting_is_used(path):
    job = read_document(path).data
    for container in containers(job):
        referred = set(re.findall(r"\$\((\w+)\)", " ".join(container["args"])))
        assert referred <= set(environment(container))
    (bench,) = job["spec"]["template"]["spec"]["containers"]
    referred = set(re.findall(r"\$\((\w+)\)", " ".join(bench["args"])))
    assert referred == {"MODEL", "ENDPOINT", "REQUEST_RATE", "NUM_PROMPTS", "SEED"}
    assert "--max-concurrency" not in bench["args"]  # it would turn the open loop into a closed one


@pytest.mark.parametrize("path", MANIFESTS, ids=stem)
def test_a_failed_load_is_not_repeated_and_belongs_nowhere_yet(path):
    job = read_document(path).data
    assert job["spec"]["backoffLimit"] == 0
    assert job["spec"]["template"]["spec"]["restartPolicy"] == "Never"
    assert "namespace" not in job["metadata"]


def test_names_and_seeds_differ():
    jobs = [read_document(path).data for path in MANIFESTS]
    assert len({job["metadata"]["name"] for job in jobs}) == len(jobs)
    seeds = [int(environment(job["spec"]["template"]["spec"]["containers"][0])["SEED"]) for job in jobs]
    longest = max(len(config.load(path).workloads) for path in CONFIGS)
    # A workload's seed is its manifest's plus its place in the plan: two manifests may not meet there.
    assert min(abs(one - other) for one in seeds for other in seeds if one != other) > longest
    assert len(set(seeds)) == len(seeds)


@pytest.mark.parametrize("path", MANIFESTS, ids=stem)
def test_an_api_server_takes_them_as_they_are(kubectl, path):
    answer = kubectl("create", "--dry-run=server", "--validate=strict", "-o", "json", "-f", path)
    assert answer.returncode == 0, answer.stderr
    made, written = json.loads(answer.stdout), read_document(path).data
    assert made["metadata"]["namespace"] == "llm-d-autoscaler"
    assert [container["args"] for container in containers(made)] == [item["args"] for item in containers(written)]
    assert [environment(container) for container in containers(made)] == [environment(it) for it in containers(written)]


def pod_of(job):
    """A Pod made from a Job's template."""
    template = job["spec"]["template"]
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {**template["metadata"], "name": "load"},
        "spec": template["spec"],
    }


@pytest.mark.parametrize("path", MANIFESTS, ids=stem)
def test_a_restricted_namespace_admits_the_job_and_its_pod(kubectl, restricted, path):
    dry_run = ("create", "--namespace", restricted, "--dry-run=server", "--validate=strict", "-f")
    answer = kubectl(*dry_run, path)
    assert (answer.returncode, answer.stderr) == (0, "")
    answer = kubectl(*dry_run, "-", given=pod_of(read_document(path).data))
    assert (answer.returncode, answer.stderr) == (0, "")


def test_a_restricted_namespace_takes_the_data_set_server(kubectl, restricted):
    path = config.PROJECT / "docs" / "dataset-in-cluster.yaml"
    answer = kubectl("create", "--namespace", restricted, "--dry-run=server", "--validate=strict", "-f", path)
    assert (answer.returncode, answer.stderr) == (0, "")
    text = path.read_text(encoding="utf-8")
    for container in containers(read_document(MANIFESTS[0]).data):
        assert f"image: {container['image']}\n" in text


def test_the_variant_and_the_scalers_of_the_documentation_are_accepted(kubectl, restricted):
    for path in sorted((config.PROJECT / "docs" / "wva").glob("*.yaml")):
        dry_run = ("create", "--namespace", restricted, "--dry-run=server", "--validate=strict", "-f", path)
        answer = kubectl(*dry_run)
        assert (answer.returncode, answer.stderr) == (0, ""), path


def test_the_own_load_of_the_documentation_is_one(tmp_path, kubectl, restricted):
    text = (config.PROJECT / "docs" / "load-jobs.md").read_text(encoding="utf-8")
    (example,) = re.findall(r"^```yaml\n(apiVersion: batch/v1\n.*?)^```$", text, re.MULTILINE | re.DOTALL)
    path = tmp_path / "mistral-load-job.yaml"
    path.write_text(example, encoding="utf-8")
    job = read_job(path, "llm-d-autoscaler")
    assert (job.rate_per_s, job.prompts) == (5.0, 1500)
    answer = kubectl("create", "--namespace", restricted, "--dry-run=server", "--validate=strict", "-f", path)
    assert (answer.returncode, answer.stderr) == (0, "")


def test_a_restricted_namespace_refuses_what_says_nothing_of_security(kubectl, restricted):
    job = read_document(MANIFESTS[0]).data
    del job["spec"]["template"]["spec"]["securityContext"]
    for container in containers(job):
        del container["securityContext"]
    dry_run = ("create", "--namespace", restricted, "--dry-run=server", "-f", "-")
    answer = kubectl(*dry_run, given=job)
    assert answer.returncode == 0
    assert answer.stderr.startswith('Warning: would violate PodSecurity "restricted:latest": ')
    answer = kubectl(*dry_run, given=pod_of(job))
    assert answer.returncode == 1
    named = 'containers "download-dataset", "vllm-bench-serve-container" must set'
    for said in ("allowPrivilegeEscalation != false", "unrestricted capabilities", "runAsNonRoot != true", named):
        assert said in answer.stderr


def test_an_api_server_refuses_a_misspelt_field(kubectl, tmp_path):
    path = tmp_path / "job.yaml"
    path.write_text(MANIFESTS[0].read_text(encoding="utf-8").replace("backoffLimit", "backofLimit"), encoding="utf-8")
    answer = kubectl("create", "--dry-run=server", "--validate=strict", "-f", path)
    assert answer.returncode != 0
    assert "backofLimit" in answer.stderr


# --- the experiments --------------------------------------------------------------------------------


@pytest.mark.parametrize("path", CONFIGS, ids=stem)
def test_every_config_is_valid_and_named_after_its_file(path):
    loaded = config.load(path)
    assert loaded.name in (path.stem, f"{path.stem}-load")
    assert loaded.mode == "-".join(path.stem.split("-")[:2])
    assert loaded.parallel == path.stem.endswith("-parallel")
    assert loaded.cooldown_s == 120


@pytest.mark.parametrize("path", [path for path in CONFIGS if not path.stem.endswith("parallel")], ids=stem)
def test_sequential_rates(path):
    lines = config.plan(path)
    assert [line.rate_per_s for line in lines] == SEQUENTIAL[path.stem.split("-")[2]]
    assert lines[0].name == "warmup"
    assert [line.start_s for line in lines[1:]] == [line.end_s for line in lines[:-1]]


@pytest.mark.parametrize("path", [path for path in CONFIGS if path.stem.endswith("parallel")], ids=stem)
def test_parallel_rates_and_their_peak(path):
    load, lines = path.stem.split("-")[2], config.plan(path)
    assert [(line.start_s, line.end_s) for line in lines] == [(0, 360), (120, 480), (240, 600)]
    assert [line.rate_per_s for line in lines] == PARALLEL[load]
    at_each_start = [sum(line.rate_per_s for line in lines if line.start_s <= at < line.end_s) for at in (0, 120, 240)]
    assert max(at_each_start) == at_each_start[-1] == PEAKS[load]
    assert f"peak {PEAKS[load]}" in config.load(path).description


@pytest.mark.parametrize("path", CONFIGS, ids=stem)
def test_what_a_configs_comments_say_is_so(path):
    text, lines = path.read_text(encoding="utf-8"), config.plan(path)
    minutes = int(re.search(r"(\d+) minutes", text.splitlines()[0])[1])
    total_s = max(line.end_s for line in lines) + config.load(path).cooldown_s
    assert abs(total_s / 60 - minutes) <= 2
    for work, line in zip(config.load(path).workloads, lines, strict=True):
        assert work.description.find(f"{line.rate_per_s:g} req/s") >= 0
    if lines[0].how == "parallel":
        said = [int(rate) for rate in re.search(r"# +Load: +(.*)", text)[1].split()]
        times = [0, 120, 240, 360, 480, 600]
        assert said == [sum(line.rate_per_s for line in lines if line.start_s <= at < line.end_s) for at in times]


def test_two_modes_get_the_same_load():
    for load in ("moderate", "high", "moderate-parallel", "high-parallel"):
        loads = [
            [(line.start_s, line.end_s, line.rate_per_s, line.seed) for line in config.plan(path)]
            for path in CONFIGS
            if path.stem in (f"model-based-{load}", f"capacity-based-{load}")
        ]
        assert len(loads) == 2
        assert loads[0] == loads[1]
