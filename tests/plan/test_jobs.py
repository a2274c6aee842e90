"""Manifests of load Jobs: what the runner needs to find in them."""

from __future__ import annotations

import pytest
from configs import MANIFEST, edit

from wva_parse.plan.documents import ConfigError
from wva_parse.plan.jobs import read_job


@pytest.fixture
def read(tmp_path):
    """Read a text as the manifest of a Job in namespace `llm`."""

    def reader(text):
        path = tmp_path / "job.yaml"
        path.write_text(text, encoding="utf-8")
        return read_job(path, "llm")

    return reader


def test_what_a_job_says_of_its_load(read, tmp_path):
    job = read(MANIFEST)
    assert job == (tmp_path / "job.yaml", "load", 2.0, 120, 7, False, 1)
    assert job.seconds == 60


@pytest.mark.parametrize(("rate", "prompts", "seconds"), [("0.5", "3", 6), ("7", "10", 2), ("7.0", "7", 1)])
def test_seconds_are_whole_and_long_enough(read, rate, prompts, seconds):
    job = read(edit(MANIFEST, ('value: "2"', f'value: "{rate}"'), ('value: "120"', f'value: "{prompts}"')))
    assert job.seconds == seconds


def test_variables_may_be_spread_over_containers(read):
    moved = MANIFEST[: MANIFEST.index("            - name: SEED")]
    assert read(moved + '        - name: other\n          env: [{name: SEED, value: "9"}]\n').seed == 9


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (("kind: Job", "kind: Pod"), ":2: saw apiVersion 'batch/v1', kind 'Pod'; expected the manifest of a Job"),
        (("apiVersion: batch/v1\n", ""), ":1: saw no apiVersion, kind 'Job'; expected the manifest of a Job"),
        (("  name: load", "  generateName: load-"), ":3: metadata.name: saw None, expected lower-case letters"),
        (("  name: load", "  name: Load"), ":4: metadata.name: saw 'Load', expected lower-case letters"),
        (("  name: load", "  name: " + "x" * 48), ":4: metadata.name has 48 characters, expected at most 47"),
        (("  name: load", "  name: load\n  namespace: other"), ":5: metadata.namespace: saw 'other', but the config's"),
        (('value: "2"', "value: inf"), ":16: REQUEST_RATE: saw 'inf', expected requests per second, 0.0001 to 100000"),
        (('value: "2"', 'value: "0"'), ":16: REQUEST_RATE: saw '0', expected requests per second, 0.0001 to 100000"),
        (('value: "2"', 'value: "100001"'), ":16: REQUEST_RATE: saw '100001', expected requests per second, 0.0001"),
        (
            ('value: "120"', 'value: "1000000000000"'),
            "saw '1000000000000', expected a whole number above 0, of at most 12",
        ),
        (('value: "120"', 'value: "1.5"'), ":18: NUM_PROMPTS: saw '1.5', expected a whole number above 0"),
        (('value: "7"', 'value: "x"'), ":20: SEED: saw 'x', expected a whole number"),
        (("value: http://gateway:80", "value: gateway"), ":14: ENDPOINT: saw 'gateway', expected a URL"),
        (("name: MODEL", "name: MODELL"), ":8: no container has the environment variable MODEL with a value"),
        (("value: some/model", "valueFrom: {}"), ":8: no container has the environment variable MODEL with a value"),
        (("containers:", "initContainers:"), ":7: no container has the environment variable MODEL with a value"),
    ],
)
def test_what_is_wrong_is_said_with_its_line(read, change, said):
    with pytest.raises(ConfigError) as error:
        read(edit(MANIFEST, change))
    assert said in str(error.value)


def test_the_configs_own_namespace_is_no_mistake(read):
    assert read(edit(MANIFEST, ("  name: load", "  name: load\n  namespace: llm"))).name == "load"


@pytest.mark.parametrize("value", ["[]", "text", "12", "[text]", "[{env: text}]", "[{env: [text]}]"])
def test_odd_containers_are_survived(read, value):
    text = MANIFEST[: MANIFEST.index("      containers:")] + f"      containers: {value}\n"
    with pytest.raises(ConfigError) as error:
        read(text)
    assert len(error.value.messages) == 5  # one for each variable
