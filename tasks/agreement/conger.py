"""Conger's kappa: chance agreement from every rater's own margin, gaps allowed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from tasks.agreement.estimators import (
    Estimates,
    Estimator,
    agreement_moments,
    chance_corrected,
    linearised_error,
    ratio,
)

if TYPE_CHECKING:
    from tasks.agreement.data import ReliabilityData
    from tasks.agreement.levels import Floats, Integers


def conger_estimator(data: ReliabilityData, weights: Floats) -> Estimator:
    """Build the estimator over units, because it matters who gave which value.

    Notes
    -----
    p_e is the mean over ordered pairs of raters g, h of p_g' W p_h, where p_g is the share of
    each value among the labels of rater g (Gwet 2014, section 2.6, in the form of irrCAC's
    `conger.kappa.raw`). A unit's linearised p_e replaces p_g by
    p_g + (n / n_g) (delta_ig - present_ig p_g).
    """
    by_pattern, _ = agreement_moments(data.patterns, weights)
    agreement = by_pattern[data.unit_pattern, :2]
    n_units, n_raters, n_values = len(agreement), data.n_raters, data.domain.n_values
    given = np.zeros((n_units, n_raters * n_values))
    given[data.unit, data.rater * n_values + data.code] = 1.0
    symmetric = 0.5 * (weights + weights.T)
    ones = np.ones(n_units, dtype=np.int64)

    def evaluate(sums: Floats) -> Estimates:
        margins, raters = _margins(sums[:, 2:], n_raters, n_values)
        by_chance = _chance(margins, raters, symmetric)
        return chance_corrected(1.0 - ratio(sums[:, 0], sums[:, 1]), 1.0 - by_chance)

    def analytic(point: Estimates) -> tuple[float, float]:
        unit_chance = _unit_chance(given.reshape(n_units, n_raters, n_values), symmetric)
        return linearised_error(agreement, ones, unit_chance, point)

    return Estimator(np.column_stack([agreement, given]), ones, evaluate, analytic)


def conger_point(rater_counts: Integers, agreement: float, weights: Floats) -> Estimates:
    """Return the estimate from each rater's value counts alone, for merged statistics."""
    n_raters, n_values = rater_counts.shape
    flat = rater_counts.reshape(1, -1).astype(np.float64)
    margins, raters = _margins(flat, n_raters, n_values)
    by_chance = _chance(margins, raters, 0.5 * (weights + weights.T))
    return chance_corrected(np.array([1.0 - agreement]), 1.0 - by_chance)


def _margins(counts: Floats, n_raters: int, n_values: int) -> tuple[Floats, Floats]:
    """Return the margins of every rater, zero for one without labels, and the raters with some."""
    counts = counts.reshape(-1, n_raters, n_values)
    labels = counts.sum(axis=2, keepdims=True)
    return counts / np.where(labels > 0.0, labels, 1.0), (labels[:, :, 0] > 0.0).sum(axis=1)


def _chance(margins: Floats, raters: Floats, symmetric: Floats) -> Floats:
    together = margins.sum(axis=1)
    all_pairs = ((together @ symmetric) * together).sum(axis=1)
    own_pairs = ((margins @ symmetric) * margins).sum(axis=(1, 2))
    return ratio(all_pairs - own_pairs, raters * (raters - 1.0))


def _unit_chance(given: Floats, symmetric: Floats) -> Floats:
    n_units, n_raters, _ = given.shape
    labels = given.sum(axis=(0, 2))
    margins = given.sum(axis=0) / labels[:, None]
    present = given.sum(axis=2, keepdims=True)
    linear = margins + (n_units / labels)[:, None] * (given - present * margins)
    others = (margins.sum(axis=0) - margins) @ symmetric
    per_unit = (linear * others).sum(axis=(1, 2)) / (n_raters * (n_raters - 1.0))
    return np.asarray(per_unit, dtype=np.float64)
