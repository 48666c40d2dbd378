"""Coefficients for any number of raters: Fleiss, Conger, Gwet, Brennan-Prediger."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from tasks.agreement.conger import conger_estimator, conger_point
from tasks.agreement.data import ReliabilityData
from tasks.agreement.errors import CoefficientError
from tasks.agreement.estimators import (
    gwet_estimator,
    percent_estimator,
)
from tasks.agreement.facts import Data, Facts, level_of, weights_name
from tasks.agreement.results import AgreementResult, Status
from tasks.agreement.weights import Weights, weight_matrix

if TYPE_CHECKING:
    from collections.abc import Callable

    from tasks.agreement.estimators import Estimator
    from tasks.agreement.intervals import IntervalChoice
    from tasks.agreement.levels import Floats
    from tasks.agreement.patterns import CountPatterns


def fleiss_kappa(
    data: Data,
    *,
    weights: Weights = None,
    interval: IntervalChoice = "jackknife",
) -> AgreementResult:
    """Fleiss' kappa for any number of labels per unit.

    Parameters
    ----------
    data
        Labels. Units with one label enter the margin but not the observed agreement.
    weights
        Gwet's agreement weights: a name, a matrix, or None for identity.
    interval
        Method or specification.

    Returns
    -------
    AgreementResult

    Notes
    -----
    Fleiss (1971); with gaps in the form of Gwet (2014, section 2.6) and irrCAC
    `fleiss.kappa.raw`: p_e is the weighted square of the mean share of each value per unit.

    Examples
    --------
    >>> from tasks.agreement import ReliabilityData
    >>> data = ReliabilityData.from_counts([[7, 1], [3, 5]], values=[0, 1], level="nominal")
    >>> round(fleiss_kappa(data, interval=None).value, 6)
    0.161905
    """
    return _of_patterns("fleiss_kappa", fleiss_estimator, data, weights, interval)


def fleiss_estimator(patterns: CountPatterns, matrix: Floats) -> Estimator:
    """Return Fleiss' kappa as a function of sums over units."""
    symmetric = 0.5 * (matrix + matrix.T)

    def chance(shares: Floats) -> Floats:
        return np.asarray(((shares @ matrix) * shares).sum(axis=1))

    def unit_chance(shares: Floats, mean: Floats) -> Floats:
        return np.asarray(shares @ (symmetric @ mean))

    return gwet_estimator(patterns, matrix, chance, unit_chance)


def gwet_ac1(data: Data, *, interval: IntervalChoice = "jackknife") -> AgreementResult:
    """Gwet's AC1.

    Parameters
    ----------
    data
        Labels. The size of the value domain enters the formula, also values nobody chose.
    interval
        Method or specification.

    Returns
    -------
    AgreementResult
        NO_VARIATION when all pairable labels are the same, although the formula would give 1.

    Notes
    -----
    p_e = sum of pi_k (1 - pi_k) / (q - 1) (Gwet 2008).

    Examples
    --------
    >>> from tasks.agreement import from_table
    >>> statistics = from_table([[8, 1], [0, 1]], values=["y", "n"], level="nominal")
    >>> round(gwet_ac1(statistics, interval=None).value, 4)
    0.8658
    """
    return _of_patterns("gwet_ac1", ac_estimator, data, None, interval)


def gwet_ac2(
    data: Data,
    *,
    weights: Weights,
    interval: IntervalChoice = "jackknife",
) -> AgreementResult:
    """Gwet's AC2: AC1 with agreement weights.

    Parameters
    ----------
    data
        Labels.
    weights
        Gwet's agreement weights: a name or a matrix.
    interval
        Method or specification.

    Returns
    -------
    AgreementResult

    Notes
    -----
    p_e = T_w / (q (q - 1)) times the sum of pi_k (1 - pi_k), T_w the sum of all weights (Gwet
    2014, section 3.5).

    Examples
    --------
    >>> from tasks.agreement import from_table
    >>> statistics = from_table([[88, 14, 18], [10, 40, 10], [2, 6, 12]], values=[1, 2, 3],
    ...                         level="ordinal")
    >>> round(gwet_ac2(statistics, weights="quadratic", interval=None).value, 5)
    0.63855
    """
    return _of_patterns("gwet_ac2", ac_estimator, data, weights, interval)


def brennan_prediger(
    data: Data,
    *,
    weights: Weights = None,
    interval: IntervalChoice = "jackknife",
) -> AgreementResult:
    """Brennan and Prediger's kappa: chance is a uniform guess over the value domain.

    Parameters
    ----------
    data
        Labels. The size of the value domain enters the formula.
    weights
        Gwet's agreement weights: a name, a matrix, or None for identity.
    interval
        Method or specification.

    Returns
    -------
    AgreementResult

    Notes
    -----
    p_e = T_w / q^2 (Brennan & Prediger 1981; with gaps as irrCAC `bp.coeff.raw`). Unweighted it
    is Randolph's free-marginal kappa.

    Examples
    --------
    >>> from tasks.agreement import ReliabilityData
    >>> data = ReliabilityData.from_counts([[7, 1], [3, 5]], values=[0, 1], level="nominal")
    >>> round(brennan_prediger(data, interval=None).value, 6)
    0.214286
    """
    return _of_patterns("brennan_prediger", _uniform_estimator, data, weights, interval)


def _uniform_estimator(patterns: CountPatterns, matrix: Floats) -> Estimator:
    constant = float(matrix.mean())

    def chance(shares: Floats) -> Floats:
        return np.full(len(shares), constant)

    def unit_chance(shares: Floats, _mean: Floats) -> Floats:
        return np.full(len(shares), constant)

    return gwet_estimator(patterns, matrix, chance, unit_chance)


def conger_kappa(
    data: Data,
    *,
    weights: Weights = None,
    interval: IntervalChoice = "jackknife",
) -> AgreementResult:
    """Conger's kappa: Cohen's for many raters, each with a margin of their own.

    Parameters
    ----------
    data
        Labels with raters. Merged statistics give the estimate, but no interval.
    weights
        Gwet's agreement weights: a name, a matrix, or None for identity.
    interval
        Method or specification.

    Returns
    -------
    AgreementResult

    Raises
    ------
    CoefficientError
        For data from value counts, which do not tell who rated.

    Notes
    -----
    Conger (1980); with gaps as irrCAC `conger.kappa.raw` (Gwet 2014, section 2.6).

    Examples
    --------
    >>> from tasks.agreement import ReliabilityData
    >>> data = ReliabilityData.from_matrix(
    ...     [[1, 1, 1], [0, 0, 1], [0, 0, 0]], values=[0, 1], level="nominal",
    ... )
    >>> round(conger_kappa(data, interval=None).value, 4)
    0.5714
    """
    if not data.n_raters and data.patterns.n_units:
        raise CoefficientError("Conger's kappa needs to know who rated: value counts do not tell")
    matrix = weight_matrix(weights, data.domain.scale)
    facts = Facts.of(data, level_of(data, weights))
    name = weights_name(weights)
    if isinstance(data, ReliabilityData):
        estimator = conger_estimator(data, matrix)
        return facts.conclude("conger_kappa", estimator, interval, weights=name)
    status = facts.status
    percent = percent_estimator(data.patterns, matrix).point()
    if status is not Status.OK:
        return facts.result("conger_kappa", status, None, (None, ""), name)
    point = conger_point(data.rater_counts, float(percent.value[0]), matrix)
    reason = "" if interval is None else "Merged statistics do not tell who gave which value where."
    return facts.result("conger_kappa", status, point, (None, reason), name)


def _of_patterns(
    name: str,
    build: Callable[[CountPatterns, Floats], Estimator],
    data: Data,
    weights: Weights,
    interval: IntervalChoice,
) -> AgreementResult:
    estimator = build(data.patterns, weight_matrix(weights, data.domain.scale))
    facts = Facts.of(data, level_of(data, weights))
    return facts.conclude(name, estimator, interval, weights=weights_name(weights))


def ac_estimator(patterns: CountPatterns, matrix: Floats) -> Estimator:
    """Return AC1 or AC2 as a function of sums over units."""
    share = float(matrix.sum()) / max(len(matrix) * (len(matrix) - 1), 1)

    def chance(shares: Floats) -> Floats:
        return np.asarray(share * (shares * (1.0 - shares)).sum(axis=1))

    def unit_chance(shares: Floats, mean: Floats) -> Floats:
        return np.asarray(share * (shares @ (1.0 - mean)))

    return gwet_estimator(patterns, matrix, chance, unit_chance)
