"""The triggers that the controller says."""

from __future__ import annotations

from examples import frames_of
from logs import capacity_loop_run

from wva_parse.aligned.triggers import Triggers, triggers_in_force

NO_HEADROOM = (
    "Scale-down unsafe: insufficient headroom after redistribution: remainingSpareKv=0.136, kvTrigger=0.300, "
    "kvSafe=false, remainingSpareQueue=5.0, queueTrigger=3.0%!(EXTRA bool=true)"
)
UP = (
    "Capacity target: scale-up cheapest variant: variant=v, cost=10.00, currentReplicas=1, readyReplicas=1, target=2, "
    "reason=both KV spare (0.050 < 0.250) and queue spare (0.0 < 2.0)"
)


def saying(at_s, *words):
    """A loop run that says why, between its analysis and its decision."""
    messages = capacity_loop_run(at_s, {"a": (0.5, 0)})
    return [*messages[:-3], *((at_s + 0.5, text) for text in words), *messages[-3:]]


def test_triggers_are_the_last_that_the_controller_said():
    assert triggers_in_force(frames_of(saying(0, UP)), Triggers()) == (0.25, 2, "log")
    assert triggers_in_force(frames_of(saying(0, UP), saying(60, NO_HEADROOM)), Triggers()) == (0.3, 3, "log")


def test_without_a_word_of_the_controller_the_configured_triggers_hold():
    configured = Triggers(0.1, 3, "ConfigMap")
    assert triggers_in_force(frames_of(saying(0)), configured) == configured
