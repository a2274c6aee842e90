"""One release of each family of WVA: how it talks, and what is in its cluster."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from types import MappingProxyType
from typing import Any, NamedTuple

from wva_sim.wva import console, lines, text

Line = Any  # a record of the release's own form, or a line of a Kubernetes library


class Voice(NamedTuple):
    """How a release logs."""

    encode: Callable[[Any, datetime], str]
    starting: Callable[[], tuple[Line, ...]]
    leading: Callable[[str, str], tuple[Line, ...]]  # of a namespace and the lease's holder
    loop_run: Callable[..., list[Line]]  # of a LoopRun and the variant whose request it answers
    nothing_to_do: Callable[[], Line]
    gave_up: Callable[[], Line]


@dataclass(frozen=True)
class Dialect:
    """One release.

    Attributes
    ----------
    brains : mapping
        Mode of an experiment to that of `decide.Controller`; what is missing, the release does not have.
    twin_share : mapping
        How often a second loop run follows the first within milliseconds, by mode.
    runs_per_variant : bool
        Whether every variant asks for a loop run of its own.
    mode_key : str
        The entry of the main ConfigMap that sets the mode, which is also the environment's; empty if there is none.
    has_current_alloc : bool
        Whether a variant's status tells what was observed.
    names_target : bool
        Whether a variant names its Deployment, instead of having the same name.
    has_variants : bool
        Whether VariantAutoscalings exist; else an annotated scaler is the variant.
    """

    voice: Voice
    image: str
    arguments: tuple[str, ...]
    brains: Mapping[str, str]
    metric: str
    main_config_map: str
    twin_share: Mapping[str, float]
    runs_per_variant: bool = False
    mode_key: str = ""
    has_current_alloc: bool = False
    names_target: bool = True
    has_variants: bool = True


def _text(words: lines.Words) -> Voice:
    return Voice(
        encode=lines.encode,
        starting=lines.starting,
        leading=lambda namespace, holder: lines.leading(namespace),
        loop_run=partial(text.tell, words),
        nothing_to_do=lines.nothing_to_do,
        gave_up=lines.gave_up,
    )


def _console(tell: Callable[..., list[Line]], controllers: tuple[console.Controlled, ...]) -> Voice:
    return Voice(
        encode=console.encode,
        starting=console.starting,
        leading=partial(console.leading, controllers),
        loop_run=tell,
        nothing_to_do=console.nothing_to_do,
        gave_up=console.gave_up,
    )


_IMAGE = "ghcr.io/llm-d/workload-variant-autoscaler"
_ARGUMENTS = ("--leader-elect", "--health-probe-bind-address=:8081")
_VERBOSE = (*_ARGUMENTS, f"--v={console.VERBOSITY}")
_MODE_KEY = "EXPERIMENTAL_HYBRID_OPTIMIZATION"
_NEVER: Mapping[str, float] = MappingProxyType({})
_BOTH = MappingProxyType({"model-based": "model-based", "capacity-based": "capacity-based"})

DIALECTS = {
    "D2": Dialect(
        voice=_text(lines.D2),
        image=f"{_IMAGE}:v0.4.1",
        arguments=_ARGUMENTS,
        brains=_BOTH,
        metric="inferno_desired_replicas",
        main_config_map="workload-variant-autoscaler-variantautoscaling-config",
        # The variant and the ConfigMap both ask for a loop run; in model-based mode only some builds do that.
        twin_share=MappingProxyType({"capacity-based": 1.0, "model-based": 0.25}),
        runs_per_variant=True,
        mode_key=_MODE_KEY,
        has_current_alloc=True,
        names_target=False,
    ),
    "D3": Dialect(
        voice=_text(lines.D3),
        image=f"{_IMAGE}:main",  # no release ever spoke it
        arguments=_ARGUMENTS,
        brains=_BOTH,
        metric="inferno_desired_replicas",
        main_config_map="workload-variant-autoscaler-variantautoscaling-config",
        twin_share=_NEVER,
        runs_per_variant=True,
        mode_key=_MODE_KEY,
        has_current_alloc=True,
    ),
    "D5": Dialect(
        voice=_console(console.tell_d5, console.VARIANTS),
        image=f"{_IMAGE}:v0.7.0",
        arguments=_VERBOSE,
        brains=_BOTH,
        metric="wva_desired_replicas",
        main_config_map="wva-variantautoscaling-config",
        twin_share=_NEVER,
    ),
    "D7": Dialect(
        voice=_console(console.tell_d7, console.SCALERS),
        image=f"{_IMAGE}:v0.9.0",
        arguments=_VERBOSE,
        brains=MappingProxyType({"capacity-based": "demand-based"}),
        metric="wva_desired_replicas",
        main_config_map="wva-manager-config",
        twin_share=_NEVER,
        has_variants=False,
    ),
}
