"""DT, the model tuner, on any release: its parameters are alpha, beta, gamma and delta."""

from __future__ import annotations

from wva_parse.log.table.form import MODEL, NS, VARIANT, LogLine, known

_PARMS = "alpha=9.545476, beta=0.022966, gamma=19.329866, delta=0.000184"
_PARMS_TEMPLATE = "alpha=<alpha:float>, beta=<beta:float>, gamma=<gamma:float>, delta=<delta:float>"
# Some builds print a blank before each value.
_STATE = "alpha=9.72, beta=0.05, gamma=17.4, delta=0.0002"
_STATE_TEMPLATE = "alpha=<? ?><alpha:float>, beta=<? ?><beta:float>, gamma=<? ?><gamma:float>, delta=<? ?><delta:float>"
_PARMS_COLON = "alpha: <alpha:float>, beta: <beta:float>, gamma: <gamma:float>, delta: <delta:float>"

EVENTS = (
    LogLine(
        "nis",
        "DT",
        "Tuner validation succeeded for variant <variant>/<namespace>, server <_> - New NIS: <nis:float>",
        f"Tuner validation succeeded for variant {VARIANT}/{NS}, server {VARIANT}:{NS} - New NIS: 0.325924",
    ),
    LogLine(
        "tuner_update",
        "DT",
        "Tuned performance parameters result: variant <variant>/<namespace> - " + _PARMS_COLON,
        f"Tuned performance parameters result: variant {VARIANT}/{NS} - alpha: 10.013416, beta: 0.049771, "
        "gamma: 17.447748, delta: 0.000245",
    ),
    LogLine(
        "tuner_update",
        "D1b+DT",
        "Tuned performance parameters: variant <variant>/<namespace> - " + _PARMS_COLON,
        f"Tuned performance parameters: variant {VARIANT}/{NS} - alpha: 7.730295, beta: 0.032921, "
        "gamma: 15.374997, delta: 0.000337",
    ),
    # Three lines, one rejection.
    LogLine(
        "nis_rejection",
        "DT",
        "Tuner validation failed (NIS=<nis:float>), validation error: <_> - returning previous state: "
        + _PARMS_TEMPLATE,
        "Tuner validation failed (NIS=27.58), validation error: normalized innovation squared (NIS=27.58) "
        f"exceeds threshold (7.38), rejecting update as outlier - returning previous state: {_PARMS}",
    ),
    LogLine(
        "nis_rejection",
        "DT",
        "Tuner NIS validation failed for variant <variant>/<namespace>, server <_> (NIS=<nis:float> "
        "exceeds threshold <_>) - Keeping previous state: " + _PARMS_TEMPLATE,
        f"Tuner NIS validation failed for variant {VARIANT}/{NS}, server {VARIANT}:{NS} (NIS=27.58 exceeds "
        f"threshold 7.38) - Keeping previous state: {_PARMS}",
    ),
    LogLine(
        "nis_rejection",
        "DT",
        "Keeping previous tuned parameters for variant <variant>/<namespace> due to NIS validation failure "
        "(NIS=<nis:float>)",
        f"Keeping previous tuned parameters for variant {VARIANT}/{NS} due to NIS validation failure (NIS=27.576061)",
    ),
    # Which parameters hold where the tuner has no new ones: those in the status of the VariantAutoscaling (which it
    # also writes there), or in its spec.
    LogLine(
        "parameters",
        "DT",
        "Using state vals from VA status to tune variant <variant>: " + _STATE_TEMPLATE,
        f"Using state vals from VA status to tune variant {VARIANT}: alpha= 9.72, beta= 0.05, gamma= 17.4, "
        "delta= 0.0002",
        constant={"reason": "status"},
    ),
    LogLine(
        "parameters",
        "DT",
        "Using initial state from spec for variant <variant>: " + _STATE_TEMPLATE,
        f"Using initial state from spec for variant {VARIANT}: {_STATE}",
        constant={"reason": "spec"},
    ),
    LogLine(
        "parameters",
        "DT",
        "Using fallback parameters for variant <variant>/<namespace>: " + _PARMS_TEMPLATE,
        f"Using fallback parameters for variant {VARIANT}/{NS}: {_PARMS}",
        constant={"reason": "spec"},
    ),
    LogLine(
        "parameters",
        "DT",
        "Updated tuner status for variant <variant>: " + _PARMS_TEMPLATE + ", NIS=<_>",
        f"Updated tuner status for variant {VARIANT}: {_PARMS}, NIS=0.002375",
        constant={"reason": "tuner"},
    ),
    LogLine(
        "parameters",
        "DT",
        "Updated VA status for variant <variant>/<namespace>, model <_>, accelerator <_>: "
        "state=[<alpha:float>, <beta:float>, <gamma:float>, <delta:float>]",
        f"Updated VA status for variant {VARIANT}/{NS}, model {MODEL}, accelerator H100: "
        "state=[9.5, 0.02, 19.3, 0.0002]",
        constant={"reason": "status"},
    ),
    # Where these two name no numbers, the line after them does.
    LogLine(
        "parameters",
        "DT",
        "Using tuned parameters from status for variant <variant>/<namespace>",
        f"Using tuned parameters from status for variant {VARIANT}/{NS}",
        constant={"reason": "status"},
    ),
    LogLine(
        "parameters",
        "DT",
        "Using parameters from spec for variant <variant>/<namespace>",
        f"Using parameters from spec for variant {VARIANT}/{NS}",
        constant={"reason": "spec"},
    ),
    LogLine(
        "parameters",
        "DT",
        "Updated SystemData for model=<model>, accelerator=<_>: " + _PARMS_TEMPLATE,
        f"Updated SystemData for model={MODEL}, accelerator=H100: {_PARMS}",
    ),
    LogLine(
        "failure",
        "DT",
        "Tuner failed completely for variant <variant>/<namespace>: <reason>. Using fallback parameters.",
        f"Tuner failed completely for variant {VARIANT}/{NS}: invalid environment: &{{0 0 0 256 0 0 1}}. "
        "Using fallback parameters.",
    ),
)

# Lines that are known and from which nothing is taken: (dialects, template, example).
_KNOWN = (
    (
        "DT",
        "Experimental model tuner is enabled globally<_>",
        "Experimental model tuner is enabled globally: tuning model performance parameters for active VAs",
    ),
    (
        "DT",
        "Model tuner is disabled globally <_>",
        "Model tuner is disabled globally (EXPERIMENTAL_MODEL_TUNER_ENABLED=false), using spec parameters for all VAs",
    ),
    (
        "DT",
        "Using guessed initial state for variant <_>",
        f"Using guessed initial state for variant {VARIANT}: {_PARMS}",
    ),
    (
        "DT",
        "Failed to guess initial state for variant <_>",
        f"Failed to guess initial state for variant {VARIANT}: no load. Trying spec.",
    ),
    (
        "DT",
        "[Tuner Config] <_>",
        f"[Tuner Config] variant={VARIANT}/{NS} | Initial state: {_PARMS} | SLO targets: TTFT=1000.00ms, "
        "ITL=10.00ms | Has covariance=true",
    ),
    ("DT", "Model tuner results: <_>", f"Model tuner results: model={MODEL}, accelerator=H100, {_PARMS}, NIS=0.81"),
    (
        "DT",
        "Tuned parameters unchanged for variant <_>",
        f"Tuned parameters unchanged for variant {VARIANT}, skipping status update",
    ),
    (
        "DT",
        "Skipping tuning for variant <_>",
        f"Skipping tuning for variant {VARIANT}/{NS} due to insufficient load. Using fallback parameters.",
    ),
)

KNOWN = tuple(known(*row) for row in _KNOWN)
