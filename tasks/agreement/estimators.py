"""Coefficients as functions of sums over units.

Every coefficient here is a function of a few sums of per-unit moments. That one form gives the
estimate (all units), the jackknife (all but one) and the bootstrap (a multinomial draw), each for
many replicates at once, and at a cost that does not depend on the number of units.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from tasks.agreement.levels import Floats, Integers, Level, difference_matrix, ordinal_midpoints

if TYPE_CHECKING:
    from tasks.agreement.patterns import CountPatterns

ChanceAgreement = Callable[[Floats], Floats]


@dataclass(frozen=True, slots=True)
class Estimates:
    """Replicates of a coefficient; NaN where undefined, which never leaves the kernel.

    Attributes
    ----------
    value, observed, expected
        The coefficient and its observed and expected disagreement, shape (B,).
    """

    value: Floats
    observed: Floats
    expected: Floats


@dataclass(frozen=True, slots=True)
class Estimator:
    """A coefficient over kinds of units.

    Attributes
    ----------
    moments
        Moments of one unit of each kind, shape (P, K).
    frequencies
        Units of each kind, shape (P,).
    evaluate
        From sums of moments, shape (B, K), to estimates.
    analytic
        The published standard error and its degrees of freedom, where there is one.
    bounds
        The published interval at a confidence, where it is not a standard error's; NaN where the
        labels leave it undefined.
    lowest
        The least value the coefficient can take, which no interval passes.
    """

    moments: Floats
    frequencies: Integers
    evaluate: Callable[[Floats], Estimates]
    analytic: Callable[[Estimates], tuple[float, float]] | None = None
    bounds: Callable[[float], tuple[float, float]] | None = None
    lowest: float = -np.inf

    @property
    def n_units(self) -> int:
        """Units that enter the coefficient."""
        return int(self.frequencies.sum())

    @property
    def totals(self) -> Floats:
        """Sums over all units, shape (K,)."""
        return np.asarray(self.frequencies @ self.moments, dtype=np.float64)

    def point(self) -> Estimates:
        """Return the estimate from all units, as one replicate."""
        return self.evaluate(self.totals[None, :])


def ratio(numerator: Floats, denominator: Floats) -> Floats:
    """Divide, giving NaN where the denominator is zero."""
    out = np.full(np.broadcast_shapes(numerator.shape, denominator.shape), np.nan)
    np.divide(numerator, denominator, out=out, where=denominator != 0.0)
    return out


def chance_corrected(observed: Floats, expected: Floats) -> Estimates:
    """Return 1 - observed / expected disagreement."""
    return Estimates(1.0 - ratio(observed, expected), observed, expected)


def alpha_estimator(
    patterns: CountPatterns,
    scale: Floats,
    level: Level,
    difference: Floats | None = None,
) -> Estimator:
    """Krippendorff's alpha over the units with two or more labels."""
    pairable = patterns.labels_per_unit > 1
    counts = patterns.patterns[pairable].astype(np.float64)
    frequencies = patterns.frequencies[pairable]
    if difference is None and level is Level.ORDINAL:
        return _ordinal_alpha(counts, frequencies)
    fixed = difference_matrix(level, scale) if difference is None else difference
    divisor = counts.sum(axis=1) - 1.0
    disagreement = ((counts @ fixed) * counts).sum(axis=1) / divisor

    def evaluate(sums: Floats) -> Estimates:
        values = sums[:, :-1]
        total = values.sum(axis=1)
        expected = ratio(((values @ fixed) * values).sum(axis=1), total * (total - 1.0))
        return chance_corrected(ratio(sums[:, -1], total), expected)

    return Estimator(np.column_stack([counts, disagreement]), frequencies, evaluate)


def _ordinal_alpha(counts: Floats, frequencies: Integers) -> Estimator:
    """Keep the coincidences apart, because each replicate has differences of its own."""
    n_values = counts.shape[1]
    low, high = np.triu_indices(n_values, k=1)
    divisor = counts.sum(axis=1, keepdims=True) - 1.0
    coincidences = counts[:, low] * counts[:, high] / divisor

    def evaluate(sums: Floats) -> Estimates:
        values = sums[:, :n_values]
        total = values.sum(axis=1)
        midpoints = ordinal_midpoints(values)
        squared = (midpoints[:, high] - midpoints[:, low]) ** 2
        observed = ratio(2.0 * (sums[:, n_values:] * squared).sum(axis=1), total)
        crossed = 2.0 * (values[:, low] * values[:, high] * squared).sum(axis=1)
        return chance_corrected(observed, ratio(crossed, total * (total - 1.0)))

    return Estimator(np.column_stack([counts, coincidences]), frequencies, evaluate)


def wide_interval_alpha(unit: Integers, numbers: Floats) -> Estimator:
    """Alpha at the interval level from two power sums per unit, for scales of any width.

    Parameters
    ----------
    unit
        Dense unit of each label, shape (N,).
    numbers
        The value of each label, shape (N,).
    """
    labels = np.bincount(unit).astype(np.float64)
    centred = numbers - numbers.mean()
    sums = np.bincount(unit, weights=centred)
    squares = np.bincount(unit, weights=centred * centred)
    # Centring each unit again keeps a unit whose labels are all equal at exactly zero.
    inside = np.bincount(unit, weights=(centred - (sums / labels)[unit]) ** 2)
    pairable = labels > 1
    moments = np.column_stack([labels, sums, squares])[pairable]
    spread = 2.0 * labels[pairable] * inside[pairable] / (labels[pairable] - 1.0)

    def evaluate(totals: Floats) -> Estimates:
        total = totals[:, 0]
        crossed = 2.0 * (total * totals[:, 2] - totals[:, 1] ** 2)
        crossed = np.where(crossed > 1e-12 * total * totals[:, 2], crossed, 0.0)
        return chance_corrected(
            ratio(totals[:, 3], total),
            ratio(crossed, total * (total - 1.0)),
        )

    ones = np.ones(int(pairable.sum()), dtype=np.int64)
    return Estimator(np.column_stack([moments, spread]), ones, evaluate)


def agreement_moments(patterns: CountPatterns, weights: Floats) -> tuple[Floats, Integers]:
    """Moments of Gwet's family: pair agreement, pairable or not, and the share of each value."""
    present = patterns.labels_per_unit > 0
    counts = patterns.patterns[present].astype(np.float64)
    labels = counts.sum(axis=1)
    pairable = labels > 1
    agreeing = (counts * (counts @ weights.T - 1.0)).sum(axis=1)
    agreement = np.where(pairable, agreeing / np.where(pairable, labels * (labels - 1.0), 1.0), 0.0)
    moments = np.column_stack([agreement, pairable, counts / labels[:, None]])
    return moments, patterns.frequencies[present]


def gwet_estimator(
    patterns: CountPatterns,
    weights: Floats,
    chance: ChanceAgreement,
    unit_chance: Callable[[Floats, Floats], Floats],
) -> Estimator:
    """Coefficients (p_a - p_e) / (1 - p_e) whose p_e depends on the mean share of each value.

    Parameters
    ----------
    patterns
        Count patterns; units with one label enter the shares only, as in irrCAC's raw form.
    weights
        Agreement weights, shape (V, V).
    chance
        From shares (B, V) to p_e (B,).
    unit_chance
        From the shares of each unit (P, V) and of all (V,) to the linearised p_e of each unit.
    """
    moments, frequencies = agreement_moments(patterns, weights)

    def evaluate(sums: Floats) -> Estimates:
        shares = sums[:, 2:]
        agreement = ratio(sums[:, 0], sums[:, 1])
        by_chance = chance(ratio(shares, shares.sum(axis=1, keepdims=True)))
        return chance_corrected(1.0 - agreement, 1.0 - by_chance)

    def analytic(point: Estimates) -> tuple[float, float]:
        shares = moments[:, 2:]
        mean = frequencies @ shares / frequencies.sum()
        by_chance = unit_chance(shares, mean)
        error, df = linearised_error(moments, frequencies, by_chance, point)
        return error * table_shrinkage(patterns), df

    return Estimator(moments, frequencies, evaluate, analytic)


def linearised_error(
    moments: Floats,
    frequencies: Integers,
    unit_chance: Floats,
    point: Estimates,
) -> tuple[float, float]:
    """Gwet's standard error (2008; 2014, section 5.3) from linearised units, and n - 1."""
    n_units = int(frequencies.sum())
    n_pairable = float(frequencies @ moments[:, 1])
    value, chance = float(point.value[0]), 1.0 - float(point.expected[0])
    gain = n_units / n_pairable * (moments[:, 0] - chance * moments[:, 1]) / (1.0 - chance)
    linear = gain - 2.0 * (1.0 - value) * (unit_chance - chance) / (1.0 - chance)
    variance = float(frequencies @ (linear - value) ** 2) / (n_units * (n_units - 1.0))
    return variance**0.5, n_units - 1.0


def squared_units(labels: Floats | Integers, n_units: int) -> float:
    """Divisor of Gwet's variances: n^2 where two raters rated every unit, else n (n - 1).

    His formulas for a two-rater table divide by n, those for more raters by n - 1.
    """
    return float(n_units) * (n_units if (labels == 2).all() else n_units - 1.0)


def table_shrinkage(patterns: CountPatterns) -> float:
    """Factor from the standard error for many raters to the one for a two-rater table."""
    labels = patterns.labels_per_unit
    n_units = patterns.n_units
    many = float(n_units) * (n_units - 1.0)
    return float((many / squared_units(labels[labels > 0], n_units)) ** 0.5)


def percent_estimator(patterns: CountPatterns, weights: Floats) -> Estimator:
    """Mean share of agreeing pairs over the units with two or more labels."""
    moments, frequencies = agreement_moments(patterns, weights)
    paired = moments[:, 1] > 0
    moments, frequencies = moments[paired, :2], frequencies[paired]

    def evaluate(sums: Floats) -> Estimates:
        agreement = ratio(sums[:, 0], sums[:, 1])
        return Estimates(agreement, 1.0 - agreement, np.full_like(agreement, np.nan))

    def analytic(point: Estimates) -> tuple[float, float]:
        n_units = int(frequencies.sum())
        centred = moments[:, 0] - (1.0 - float(point.observed[0]))
        error = (float(frequencies @ centred**2) / (n_units * (n_units - 1.0))) ** 0.5
        return error * table_shrinkage(patterns), n_units - 1.0

    return Estimator(moments, frequencies, evaluate, analytic, lowest=0.0)


def specific_estimator(patterns: CountPatterns, code: int) -> Estimator:
    """Chance that another rater gives the value, given that one did: o_cc / n_c."""
    pairable = patterns.labels_per_unit > 1
    counts = patterns.patterns[pairable].astype(np.float64)
    own = counts[:, code]
    agreeing = own * (own - 1.0) / (counts.sum(axis=1) - 1.0)

    def evaluate(sums: Floats) -> Estimates:
        agreement = ratio(sums[:, 0], sums[:, 1])
        return Estimates(agreement, 1.0 - agreement, np.full_like(agreement, np.nan))

    moments = np.column_stack([agreeing, own])
    return Estimator(moments, patterns.frequencies[pairable], evaluate, lowest=0.0)


def table_estimator(table: Integers, weights: Floats, *, common_margin: bool) -> Estimator:
    """Two raters' kappa: Cohen's with a margin each, Scott's pi with the mean of both.

    Parameters
    ----------
    table
        Units by the value of the first (rows) and the second rater (columns), shape (V, V).
    weights
        Agreement weights, shape (V, V).
    common_margin
        Whether both raters share the mean margin (Scott).
    """
    row, column = np.nonzero(table)
    frequencies = table[row, column]
    first, second = np.eye(len(table))[row], np.eye(len(table))[column]
    if common_margin:
        first = second = 0.5 * (first + second)
    n_values = len(table)
    agreement = weights[row, column]

    def evaluate(sums: Floats) -> Estimates:
        total = sums[:, 1 : 1 + n_values].sum(axis=1)
        crossed = ((sums[:, 1 : 1 + n_values] @ weights) * sums[:, 1 + n_values :]).sum(axis=1)
        observed = 1.0 - ratio(sums[:, 0], total)
        # Margins are halves of integers: chance agreement of exactly 1 is found exactly.
        expected = ratio(total * total - crossed, total * total)
        return chance_corrected(observed, expected)

    def analytic(point: Estimates) -> tuple[float, float]:
        total = float(frequencies.sum())
        margins = frequencies @ first / total, frequencies @ second / total
        by_first, by_second = weights @ margins[1], weights.T @ margins[0]
        if common_margin:
            by_first = by_second = 0.5 * (by_first + by_second)
        kappa, chance = float(point.value[0]), 1.0 - float(point.expected[0])
        linear = agreement - (1.0 - kappa) * (by_first[row] + by_second[column])
        centre = 1.0 - float(point.observed[0]) - 2.0 * (1.0 - kappa) * chance
        variance = float(frequencies @ (linear - centre) ** 2) / (total * total)
        return variance**0.5 / (1.0 - chance), total - 1.0

    return Estimator(np.column_stack([agreement, first, second]), frequencies, evaluate, analytic)
