"""Krippendorff's alpha, in his form and in Gwet's."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from tasks.agreement.errors import CoefficientError
from tasks.agreement.estimators import (
    Estimates,
    Estimator,
    alpha_estimator,
    squared_units,
    wide_interval_alpha,
)
from tasks.agreement.facts import Data, Facts, level_of, weights_name, wide_labels
from tasks.agreement.levels import Floats, Integers, Level
from tasks.agreement.weights import Weights, weight_matrix

if TYPE_CHECKING:
    from tasks.agreement.data import ReliabilityData
    from tasks.agreement.intervals import IntervalChoice
    from tasks.agreement.patterns import CountPatterns
    from tasks.agreement.results import AgreementResult


def krippendorff_alpha(
    data: Data,
    *,
    level: Level | str | None = None,
    difference: npt.ArrayLike | None = None,
    interval: IntervalChoice = "jackknife",
) -> AgreementResult:
    """Krippendorff's alpha, with gaps, at any level of measurement.

    Parameters
    ----------
    data
        Labels. Units with one label do not enter.
    level
        Level other than the one of the data.
    difference
        Squared differences of your own, shape (V, V), symmetric, zero on the diagonal; then the
        level is only reported.
    interval
        Method or specification; None for none.

    Returns
    -------
    AgreementResult
        NO_VARIATION when all pairable labels are the same (or never differ under `difference`).

    Raises
    ------
    CoefficientError
        For a `difference` of the wrong form.

    Notes
    -----
    alpha = 1 - D_o / D_e over the coincidence matrix (Krippendorff 2011, "Computing
    Krippendorff's alpha-reliability"; 2018, chapter 12).

    Examples
    --------
    >>> from tasks.agreement import ReliabilityData
    >>> data = ReliabilityData.from_matrix(
    ...     [[1, 1], [0, 0], [0, 1], [1, 1]], values=[0, 1], level="nominal",
    ... )
    >>> round(krippendorff_alpha(data, interval=None).value, 4)
    0.5333
    """
    domain = data.domain if level is None else data.domain.at(level)
    own = None if difference is None else _checked_difference(difference, domain.n_values)
    wide = wide_labels(data)
    if own is None and domain.level is Level.INTERVAL and wide is not None:
        estimator = wide_interval_alpha(wide.unit, domain.scale[wide.code])
    else:
        estimator = alpha_estimator(data.patterns, domain.scale, domain.level, own)
    facts = Facts.of(data, domain.level)
    weights = "" if own is None else "custom difference"
    return facts.conclude("krippendorff_alpha", estimator, interval, weights=weights)


def gwet_alpha(
    data: Data,
    *,
    weights: Weights = None,
    interval: IntervalChoice = "jackknife",
) -> AgreementResult:
    """Alpha in Gwet's weighted form, which also tells p_a and p_e.

    The estimate is Krippendorff's for the difference 1 - weight. Observed agreement carries the
    small-sample term: p_a = (1 - e) p_a' + e with e = 1 / (pairable labels).

    Parameters
    ----------
    data
        Labels. Units with one label do not enter.
    weights
        Gwet's agreement weights: a name, a matrix, or None for identity.
    interval
        Method or specification. ``"analytic"`` is the standard error of irrCAC's
        `krippen.alpha.raw` (Gwet 2014, section 6.4).

    Returns
    -------
    AgreementResult
        Disagreements are 1 - p_a and 1 - p_e.

    Examples
    --------
    >>> from tasks.agreement import ReliabilityData
    >>> data = ReliabilityData.from_matrix(
    ...     [[1, 1], [0, 0], [0, 1], [1, 1]], values=[0, 1], level="nominal",
    ... )
    >>> round(gwet_alpha(data, interval=None).value, 4)
    0.5333
    """
    matrix = weight_matrix(weights, data.domain.scale)
    estimator = _gwet_alpha_estimator(data.patterns, matrix)
    facts = Facts.of(data, level_of(data, weights))
    return facts.conclude("gwet_alpha", estimator, interval, weights=weights_name(weights))


@dataclass(frozen=True, slots=True)
class RaterLeftOut:
    """Alpha of everybody but one rater."""

    rater: int
    result: AgreementResult


def alpha_without_each_rater(
    data: ReliabilityData,
    *,
    level: Level | str | None = None,
    interval: IntervalChoice = None,
) -> tuple[RaterLeftOut, ...]:
    """Alpha as it would be without each rater in turn.

    Parameters
    ----------
    data
        Labels with raters.
    level
        Level other than the one of the data.
    interval
        Method or specification; none by default.

    Returns
    -------
    tuple of RaterLeftOut
        In the order of the ids.

    Examples
    --------
    >>> from tasks.agreement import ReliabilityData
    >>> data = ReliabilityData.from_matrix(
    ...     [[1, 1, 0], [0, 0, 1], [0, 0, 0]], values=[0, 1], level="nominal",
    ... )
    >>> [(out.rater, out.result.value) for out in alpha_without_each_rater(data)][-1]
    (2, 1.0)
    """
    return tuple(
        RaterLeftOut(
            rater,
            krippendorff_alpha(data.without_rater(rater), level=level, interval=interval),
        )
        for rater in data.rater_ids.tolist()
    )


def _checked_difference(difference: npt.ArrayLike, n_values: int) -> Floats:
    matrix = np.asarray(difference, dtype=np.float64)
    if matrix.shape != (n_values, n_values):
        raise CoefficientError(
            f"the differences have shape {matrix.shape}, but there are {n_values} values",
        )
    sound = np.isfinite(matrix).all() and (matrix >= 0.0).all() and (matrix == matrix.T).all()
    if not sound or np.diag(matrix).any():
        raise CoefficientError(
            "differences are finite, not negative, symmetric and zero on the diagonal",
        )
    return matrix


def _gwet_alpha_estimator(patterns: CountPatterns, weights: Floats) -> Estimator:
    symmetric = 0.5 * (weights + weights.T)
    base = alpha_estimator(
        patterns, np.arange(len(weights), dtype=np.float64), Level.NOMINAL, 1.0 - symmetric
    )
    labels = patterns.labels_per_unit
    counts = patterns.patterns[labels > 1].astype(np.float64)
    # The form for a table is for two raters without gaps: units with one label tell of gaps.
    divisor = squared_units(labels[labels > 0], base.n_units)

    def evaluate(sums: Floats) -> Estimates:
        plain = base.evaluate(sums)
        total = sums[:, :-1].sum(axis=1)
        # Krippendorff's expected disagreement draws without replacement, Gwet's with.
        expected = plain.expected * (total - 1.0) / total
        return Estimates(plain.value, (1.0 - plain.value) * expected, expected)

    def analytic(point: Estimates) -> tuple[float, float]:
        spread = _gwet_alpha_spread(counts, base.frequencies, symmetric, point)
        return (spread / divisor) ** 0.5, base.n_units - 1.0

    return Estimator(base.moments, base.frequencies, evaluate, analytic)


def _gwet_alpha_spread(
    counts: Floats,
    frequencies: Integers,
    symmetric: Floats,
    point: Estimates,
) -> float:
    """Return the sum of squares of the linearised units around alpha."""
    n_units = int(frequencies.sum())
    labels = counts.sum(axis=1)
    mean_labels = float(frequencies @ labels) / n_units
    agreeing = (counts * (counts @ symmetric - 1.0)).sum(axis=1)
    agreement = agreeing / (mean_labels * (labels - 1.0))
    plain = float(frequencies @ agreement) / n_units
    excess = (labels - mean_labels) / mean_labels
    shares = frequencies @ counts / (mean_labels * n_units)
    chance = 1.0 - float(point.expected[0])
    unit_chance = counts @ (symmetric @ shares) / mean_labels - chance * excess
    value = (plain - chance) / (1.0 - chance)
    corrected = 1.0 - float(point.observed[0])
    linear = (agreement - corrected * excess - chance) / (1.0 - chance)
    linear = linear - 2.0 * (1.0 - value) * (unit_chance - chance) / (1.0 - chance)
    return float(frequencies @ (linear - value) ** 2)
