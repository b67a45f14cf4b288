"""Analyses of a two-arm trial with a continuous outcome.

Covariate adjustment in a randomised trial is unbiased and multiplies the variance by 1 - r2, r the correlation of
outcome and score (FDA 2023, Adjusting for Covariates; Schuler 2022, doi:10.1515/ijb-2021-0072). The score must come
from people outside the trial.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from simulation.engine.course import Array


@dataclass(frozen=True)
class Estimates:
    """Estimates of many trials at once, shape (trials,)."""

    effect: Array
    error: Array

    def coverage(self, truth: float) -> float:
        """Share of 95 % intervals that hold the truth."""
        return float(np.mean(np.abs(self.effect - truth) <= 1.959964 * self.error))


def unadjusted(outcome: Array, treated: Array) -> Estimates:
    """Difference of means with heteroscedastic (HC1) errors; arrays of shape (trials, persons)."""
    return _regression(outcome, [treated])


def adjusted(outcome: Array, treated: Array, *scores: Array) -> Estimates:
    """The difference adjusted for scores or covariates by analysis of covariance, HC1 errors."""
    return _regression(outcome, [treated, *(one - one.mean(axis=1, keepdims=True) for one in scores)])


def _regression(outcome: Array, columns: list[Array]) -> Estimates:
    """Least squares of every trial, the coefficient of the first column; White's errors times n / (n - p)."""
    design = np.stack([np.ones_like(outcome), *columns], axis=2)
    _, n, p = design.shape
    inverse = np.linalg.inv(np.einsum("tni,tnj->tij", design, design))
    beta = np.einsum("tij,tnj,tn->ti", inverse, design, outcome, optimize=True)
    residual = outcome - np.einsum("tni,ti->tn", design, beta)
    meat = np.einsum("tni,tnj,tn->tij", design, design, residual**2, optimize=True)
    covariance = inverse @ meat @ inverse * (n / (n - p))
    return Estimates(beta[:, 1], np.sqrt(covariance[:, 1, 1]))


def persons_needed(n_unadjusted: float, r2: float, half_width: float = 0.0) -> int:
    """Persons for the same power when the score explains ``r2`` of the outcome's variance.

    Args:
        half_width: half the confidence interval of ``r2``; planning takes the lower end.

    Raises:
        ValueError: ``r2`` is no share.
    """
    if not 0 <= r2 < 1:
        raise ValueError(f"r2 is a share of variance, 0 to below 1, not {r2:g}")
    return int(np.ceil(n_unadjusted * (1 - max(r2 - half_width, 0.0))))
