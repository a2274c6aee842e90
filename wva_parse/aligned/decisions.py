"""Every decision of the optimizer, with the parameters that it was made with.

Unlike the frame of predictions, in which each reconciliation has its last word, all of them are here, twins too: each
is a piece of arithmetic that can be done again. The parameters in force are the last that a line named for the variant
before it in the same log: the tuner's result, the state that it kept after a rejection, those of the
VariantAutoscaling's status or of its spec.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import pandas as pd

from wva_parse.aligned.frames import TEXT, Frames, minutes_since, utc_times
from wva_parse.log.rows import Row
from wva_parse.log.table.form import Value

PARAMETERS = ("alpha", "beta", "gamma", "delta")
TUNED = ("tuner_update", "nis_rejection")  # both say the parameters that hold from then on
RELEVANT = (*TUNED, "parameters", "prediction")

DECISION_COLUMNS = (
    "reconciliation",
    "timestamp",
    "minutes",
    "namespace",
    "model",
    "variant",
    "predicted_replicas",
    "predicted_itl_ms",
    "predicted_ttft_ms",
    "arrival_rate_per_min",
    "input_tokens",
    "output_tokens",
    "max_batch",
    "cost",
    "slo_itl_ms",
    "slo_ttft_ms",
    *PARAMETERS,
    "source",
    "is_last_word",
)
_LOGGED = DECISION_COLUMNS[DECISION_COLUMNS.index("namespace") : DECISION_COLUMNS.index("alpha")]


def keep_relevant(rows: Iterable[Row], kept: list[Row]) -> Iterator[Row]:
    """Yield the rows of a log as they are, and keep those that decisions are made of."""
    for row in rows:
        if row["event_type"] in RELEVANT:
            kept.append(row)
        yield row


def make_decisions(kept: Sequence[Row], frames: Frames) -> pd.DataFrame:
    """The decisions of the optimizer.

    Parameters
    ----------
    kept
        As filled by `keep_relevant`, once `frames` are made: by then each row tells its namespace.
    frames
        Of the same rows; decisions outside their window are left out, parameters are known from all of the log.

    Returns
    -------
    DataFrame
        `DECISION_COLUMNS`, in the order of the log. Latencies in ms, rates in requests per minute of the model;
        parameters and `source` (`tuner`, `status`, `spec`) are missing where no line has told them; an SLO of 0 is
        none; `is_last_word`: no later one is of the same reconciliation and variant.
    """
    rows = list(_with_parameters(kept))
    numbers = set(frames.reconciliations["reconciliation"])
    rows = [row for row in rows if row.get("reconciliation") in numbers]
    frame = pd.DataFrame({"reconciliation": pd.Series([row["reconciliation"] for row in rows], dtype="int64")})
    frame["timestamp"] = utc_times(row["timestamp"] for row in rows)
    frame["minutes"] = minutes_since(frames.zero, frame["timestamp"])
    for column in (*_LOGGED, *PARAMETERS, "source"):
        kind = "object" if column in (*TEXT, "source") else "float64"
        frame[column] = pd.Series([row.get(column) for row in rows], dtype=kind)
    frame["is_last_word"] = ~frame.duplicated(["reconciliation", "namespace", "variant"], keep="last")
    return frame[list(DECISION_COLUMNS)]


def _with_parameters(kept: Iterable[Row]) -> Iterator[Row]:
    """The predictions, each with what was said of its variant before."""
    in_force: dict[tuple[Value, Value], Row] = {}
    announced: tuple[tuple[Value, Value], Value] | None = None  # whose numbers the next line has, and their source
    for row in kept:
        key, source = (row.get("namespace"), row.get("variant")), row.get("reason")
        if row["event_type"] == "prediction":
            yield {**row, **in_force.get(key, {})}
            continue
        if row["event_type"] in TUNED:
            source = "tuner"
        if row.get("alpha") is None:
            announced = (key, source)
            continue
        if row.get("variant") is None:
            if announced is None:
                continue  # of a model, and nobody says of which of its variants
            key, source = announced
        announced = None
        if all(row.get(name) is not None for name in PARAMETERS):
            in_force[key] = {**{name: row[name] for name in PARAMETERS}, "source": source}
