"""The profile that a run's own observations give: is a model that is off given the wrong parameters, or the wrong form?

alpha, beta, gamma and delta are fitted to the observed ITL and TTFT of a variant's attributed pairs, each at the load
that came and the replicas that were ready, by bounded least squares. What remains of the model's error with them is
the form of the model.

Residuals are errors in units of the median observation, of ITL and of TTFT; large ones, as of a TTFT of seconds in a
queue, count little more than their size (soft L1). Logarithms have false minima where a replica is nearly full. The
load per replica must differ by `LEAST_SPREAD` at least: else one point is fitted with four numbers.

References
----------
Standard errors of an M-estimate: s^2 (J'J)^-1 with s^2 = sum psi(r)^2 / (2 n - 4) / mean(psi'(r))^2, where psi is the
derivative of the loss; Huber, "Robust Statistics", 1981, 7.6. Intervals are 1.96 of them to either side.
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import numpy as np
import pandas as pd

from wva_parse.optimizer.attribution import observed_load
from wva_parse.optimizer.decisions import Decision, last_words
from wva_parse.optimizer.queueing import Floats, Load, Parameters, Profile, Replica

FEWEST = 5  # observations; each has two latencies, and four numbers are fitted
LEAST_SPREAD = 1.5  # the highest load per replica by the lowest
LARGE = 0.1  # medians: from here on a residual counts by its size and no longer by its square
UPPER = Parameters(1_000, 10, 10_000, 1)  # far above any server
Z_95 = 1.96


class Seen(NamedTuple):
    """An observation: the load that came, the replicas that were ready, and the latencies."""

    load: Load
    replicas: float
    itl_ms: float
    ttft_ms: float


class Fit(NamedTuple):
    """A profile fitted to observations.

    Attributes
    ----------
    parameters, half_widths
        Fitted values, and half of their 95 % intervals; None where the observations do not determine one.
    reason
        Why there is no fit; empty if there is one.
    """

    variant: str
    observations: int
    max_batch: int
    parameters: Parameters | None
    half_widths: tuple[float | None, ...]
    reason: str = ""

    @property
    def profile(self) -> Profile | None:
        """With the largest batch of the decisions."""
        return Profile(*self.parameters, self.max_batch) if self.parameters else None


def fits_of(pairs: pd.DataFrame, decisions: list[Decision]) -> dict[str, Fit]:
    """A fit for each variant of a run that was predicted.

    Parameters
    ----------
    pairs : DataFrame
        As `attribution.with_parts` makes them.
    """
    found = {}
    for decision in last_words(decisions):
        if decision.variant in found or decision.parameters is None:
            continue
        mine = pairs[(pairs["variant"] == decision.variant) & pairs["itl_error_model_ms"].notna()]
        seen = tuple(
            Seen(load, pair["ready_replicas"], pair["observed_itl_ms"], pair["observed_ttft_ms"])
            for pair in mine.to_dict("records")
            if (load := observed_load(pair))
        )
        found[decision.variant] = fit(decision.variant, seen, decision.max_batch, decision.parameters)
    return found


@lru_cache(maxsize=64)
def fit(variant: str, seen: tuple[Seen, ...], max_batch: int, start: Parameters) -> Fit:
    """Fit a profile.

    Parameters
    ----------
    start
        Where the search begins: the profile that the controller used.
    """
    reason = _why_not(seen)
    if reason:
        return Fit(variant, len(seen), max_batch, None, (None,) * 4, reason)
    scale = np.maximum(np.array(start), 1e-7)
    from scipy.optimize import least_squares  # importing it takes longer than most runs need

    observed = np.array([(each.itl_ms, each.ttft_ms) for each in seen])
    usual = np.median(observed, axis=0)

    def residuals(scaled: Floats) -> Floats:
        profile = Profile(*Parameters(*map(float, scaled * scale)), max_batch)
        errors = []
        for each in seen:
            # Not remembered: a search tries hundreds.
            replica = Replica(profile, each.load.input_tokens, each.load.output_tokens)
            found = replica.at(each.load.rate_per_min / each.replicas)
            errors.append((found.itl_ms, found.ttft_ms))
        scaled_errors: Floats = (np.array(errors) - observed) / usual
        return scaled_errors.ravel()

    bounds = (np.full(4, 1e-6), np.array(UPPER) / scale)
    found = least_squares(
        residuals, np.ones(4), bounds=bounds, x_scale="jac", loss="soft_l1", f_scale=LARGE, diff_step=1e-6
    )
    halves = _half_widths(found.jac, residuals(found.x)) * scale
    return Fit(
        variant,
        len(seen),
        max_batch,
        Parameters(*map(float, found.x * scale)),
        tuple(float(half) if np.isfinite(half) else None for half in halves),
    )


def _why_not(seen: tuple[Seen, ...]) -> str:
    if len(seen) < FEWEST:
        return f"{len(seen)} observations under load, at least {FEWEST} are needed"
    per_replica = [each.load.rate_per_min / each.replicas for each in seen]
    least, most = min(per_replica), max(per_replica)
    if most < LEAST_SPREAD * least:
        return f"no spread of loads: {least:.0f} to {most:.0f} requests per minute and replica"
    return ""


def _half_widths(jacobian: Floats, residuals: Floats) -> Floats:
    """From the Jacobian as the search leaves it (each row times the root of psi') and the residuals."""
    large = 1 + (residuals / LARGE) ** 2
    slope = large**-1.5  # psi' of soft L1; psi is r / sqrt(large)
    freedom = max(jacobian.shape[0] - jacobian.shape[1], 1)
    variance = float((residuals**2 / large).sum()) / freedom / float(slope.mean()) ** 2
    plain = jacobian / np.sqrt(slope)[:, None]
    information = plain.T @ plain
    # A parameter at its bound, or one that no observation depends on, has no finite interval.
    if np.linalg.cond(information) > 1 / np.finfo(float).eps:
        return np.full(jacobian.shape[1], np.inf)
    errors: Floats = np.sqrt(np.maximum(variance * np.diag(np.linalg.inv(information)), 0))
    return Z_95 * errors


def as_yaml(fitted: Fit, accelerator: str = "") -> str:
    """A profile as it stands in the spec of a VariantAutoscaling, ready to be pasted; empty without a fit."""
    if fitted.parameters is None:
        return ""
    alpha, beta, gamma, delta = (f"{value:.6g}" for value in fitted.parameters)
    return (
        "modelProfile:\n"
        "  accelerators:\n"
        f"    - acc: {accelerator or '<accelerator>'}\n"
        "      accCount: 1\n"
        f"      maxBatchSize: {fitted.max_batch}\n"
        "      perfParms:\n"
        f'        decodeParms: {{alpha: "{alpha}", beta: "{beta}"}}\n'
        f'        prefillParms: {{gamma: "{gamma}", delta: "{delta}"}}\n'
    )
