"""Configs and manifests to get wrong, one line at a time."""

from __future__ import annotations

from pathlib import Path

CONFIG = """\
name: an-experiment
mode: model-based
namespace: llm
controller_namespace: wva-system
controller_pod_prefix: wva-controller-manager
deployment: decode
model_name: some/model
workloads:
  - name: first
    job_manifest: job.yaml
  - name: second
    job_manifest: job.yaml
"""

# What every config says of the embedded cluster, as it is without options.
EMBEDDED = """\
mode: model-based
namespace: llm-d-autoscaler
controller_namespace: workload-variant-autoscaler-system
controller_pod_prefix: workload-variant-autoscaler-controller-manager
deployment: ms-inference-scheduling-llm-d-modelservice-decode
model_name: unsloth/Meta-Llama-3.1-8B
"""

MANIFEST = """\
apiVersion: batch/v1
kind: Job
metadata:
  name: load
spec:
  template:
    spec:
      containers:
        - name: bench
          env:
            - name: MODEL
              value: some/model
            - name: ENDPOINT
              value: http://gateway:80
            - name: REQUEST_RATE
              value: "2"
            - name: NUM_PROMPTS
              value: "120"
            - name: SEED
              value: "7"
"""


def edit(text: str, *changes: tuple[str, str]) -> str:
    """`text` with each first part replaced by the second; a part that is not there is a mistake in the test."""
    for old, new in changes:
        assert old in text, f"{old!r} is not in the text to change"
        text = text.replace(old, new)
    return text


def write(directory: Path, config: str = CONFIG, manifest: str = MANIFEST) -> Path:
    """Write config.yaml and the job.yaml that it names; return the config's path."""
    (directory / "job.yaml").write_text(manifest, encoding="utf-8")
    path = directory / "config.yaml"
    path.write_text(config, encoding="utf-8")
    return path
