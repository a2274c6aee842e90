"""What a cluster is made from, with or without an experiment's config."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import yaml

from wva_sim.wva.dialects import DIALECTS

MODES = {"model-based": "model-only", "capacity-based": "off"}  # and what the controller's ConfigMap calls them
MOST_VARIANTS = 9
INTERVAL_S = 30.0  # from one loop run of the controller to the next


class SettingsError(ValueError):
    """A config that the cluster cannot be made from."""


@dataclass(frozen=True)
class Settings:
    """What the cluster holds: keys of an experiment's config, then what no config says."""

    mode: str = "model-based"
    namespace: str = "llm-d-autoscaler"
    controller_namespace: str = "workload-variant-autoscaler-system"
    controller_pod_prefix: str = "workload-variant-autoscaler-controller-manager"
    deployment: str = "ms-inference-scheduling-llm-d-modelservice-decode"
    model_name: str = "unsloth/Meta-Llama-3.1-8B"
    accelerator: str = "H100"
    cost: float = 10.0
    dialect: str = "D2"
    variants: int = 1


CONFIG_KEYS = (
    "mode",
    "namespace",
    "controller_namespace",
    "controller_pod_prefix",
    "deployment",
    "model_name",
    "accelerator",
)


def check_settings(settings: Settings) -> None:
    """See whether a cluster can be made of it.

    Raises
    ------
    SettingsError
        If the release has no such mode, or the number of variants is none.
    """
    modes = DIALECTS[settings.dialect].brains
    if settings.mode not in modes:
        expected = f"expected {' or '.join(modes)}"
        raise SettingsError(f"mode: saw '{settings.mode}', which dialect {settings.dialect} does not have; {expected}")
    if not 1 <= settings.variants <= MOST_VARIANTS:
        raise SettingsError(f"--variants: saw {settings.variants}, expected 1 to {MOST_VARIANTS}")


def read_settings(path: Path) -> Settings:
    """Settings from an experiment's config; other keys are left alone.

    Raises
    ------
    SettingsError
        If it cannot be read.
    """
    try:
        data: Any = yaml.safe_load(path.read_text(encoding="utf-8-sig"))
    except (OSError, yaml.YAMLError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path}: cannot be read: {' '.join(str(error).split())}") from None
    if not isinstance(data, dict):
        raise SettingsError(f"{path}: expected a mapping, the config of an experiment")
    known = {key: str(data[key]) for key in CONFIG_KEYS if key in data}
    settings = replace(Settings(), **known)  # type: ignore[arg-type]
    if settings.mode not in MODES:
        raise SettingsError(f"{path}: mode: saw '{settings.mode}', expected one of {', '.join(MODES)}")
    return settings
