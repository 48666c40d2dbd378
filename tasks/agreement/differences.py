"""Differences of two coefficients whose units overlap, with an interval for the difference."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from tasks.agreement.errors import CoefficientError
from tasks.agreement.estimators import Estimator, alpha_estimator, percent_estimator
from tasks.agreement.intervals import HANGS_ON_ONE, NO_SPREAD, TOO_FEW_UNITS, leave_one_out
from tasks.agreement.many_raters import ac_estimator, fleiss_estimator
from tasks.agreement.quantiles import student_t_quantile
from tasks.agreement.results import Interval

if TYPE_CHECKING:
    from tasks.agreement.data import ReliabilityData
    from tasks.agreement.levels import Floats

COMPARABLE = ("krippendorff_alpha", "fleiss_kappa", "gwet_ac1", "percent_agreement")
UNDEFINED = "One of the two figures is undefined."


@dataclass(frozen=True, slots=True)
class AgreementDifference:
    """How much higher one figure is than the other.

    Attributes
    ----------
    coefficient
        Name of the figure.
    first, second
        Both figures; None where undefined.
    value
        `first` - `second`; None when either is undefined.
    interval
        For the difference, or None; `interval_reason` tells why.
    n_units, n_shared
        Units in either, units in both.
    """

    coefficient: str
    first: float | None
    second: float | None
    value: float | None
    interval: Interval | None
    interval_reason: str
    n_units: int
    n_shared: int


def paired_difference(
    first: ReliabilityData,
    second: ReliabilityData,
    coefficient: str = "krippendorff_alpha",
    *,
    confidence: float = 0.95,
) -> AgreementDifference:
    """Compare a figure of two sets of labels, letting shared units count as shared.

    Two versions, teams or categories judged on the same units go up and down together. A unit is
    left out of both at once, so their covariance is in the interval; intervals of the two figures
    that overlap say much less.

    Parameters
    ----------
    first, second
        Labels; units are matched by id.
    coefficient
        One of `COMPARABLE`.
    confidence
        Nominal coverage.

    Returns
    -------
    AgreementDifference

    Raises
    ------
    CoefficientError
        For a coefficient that is not comparable this way.

    Notes
    -----
    The delete-one jackknife of the difference over the units of either set.

    Examples
    --------
    >>> from tasks.agreement import ReliabilityData
    >>> old = ReliabilityData.from_counts([[2, 0], [1, 1], [0, 2], [1, 1], [2, 0]], values=[0, 1],
    ...                                   level="nominal")
    >>> new = ReliabilityData.from_counts([[2, 0], [0, 2], [0, 2], [1, 1], [2, 0]], values=[0, 1],
    ...                                   level="nominal")
    >>> round(paired_difference(new, old).value, 4)
    0.39
    """
    values: list[float | None] = []
    replicates = []
    known = np.union1d(first.unit_ids, second.unit_ids)
    for data in (first, second):
        figure, without = _replicates(data, coefficient)
        everywhere = np.full(known.size, figure)
        everywhere[np.searchsorted(known, data.unit_ids)] = without
        values.append(None if np.isnan(figure) else float(figure))
        replicates.append(everywhere)
    higher, lower = values
    interval: Interval | None = None
    value: float | None = None
    reason = UNDEFINED
    if higher is not None and lower is not None:
        value = higher - lower
        interval, reason = _interval(value, replicates[0] - replicates[1], confidence)
    shared = np.intersect1d(first.unit_ids, second.unit_ids).size
    return AgreementDifference(
        coefficient, higher, lower, value, interval, reason, known.size, shared
    )


def _interval(value: float, without: Floats, confidence: float) -> tuple[Interval | None, str]:
    if without.size < 2:
        return None, TOO_FEW_UNITS
    if np.isnan(without).any():
        return None, HANGS_ON_ONE
    n_units = without.size
    spread = float(((without - without.mean()) ** 2).sum())
    error = ((n_units - 1.0) / n_units * spread) ** 0.5
    if not error > 0.0:
        return None, NO_SPREAD
    reach = error * student_t_quantile(0.5 + 0.5 * confidence, n_units - 1.0)
    interval = Interval(
        "jackknife",
        value - reach,
        value + reach,
        confidence,
        error,
        df=n_units - 1.0,
        numpy_version=np.__version__,
    )
    return interval, ""


def _replicates(data: ReliabilityData, coefficient: str) -> tuple[float, Floats]:
    """Return the figure and, for every unit, the figure without it."""
    estimator, least = _estimator(data, coefficient)
    value = float(estimator.point().value[0]) if estimator.n_units else float("nan")
    by_pattern = np.full(len(data.patterns.frequencies), value)
    if estimator.n_units:
        by_pattern[data.patterns.labels_per_unit >= least] = leave_one_out(estimator)
    return value, by_pattern[data.unit_pattern]


def _estimator(data: ReliabilityData, coefficient: str) -> tuple[Estimator, int]:
    """Return the estimator and the labels a unit needs to enter it."""
    patterns, domain = data.patterns, data.domain
    identity = np.eye(domain.n_values)
    if coefficient == "krippendorff_alpha":
        return alpha_estimator(patterns, domain.scale, domain.level), 2
    if coefficient == "percent_agreement":
        return percent_estimator(patterns, identity), 2
    if coefficient == "fleiss_kappa":
        return fleiss_estimator(patterns, identity), 1
    if coefficient == "gwet_ac1":
        return ac_estimator(patterns, identity), 1
    raise CoefficientError(f"cannot compare {coefficient!r}: choose one of {', '.join(COMPARABLE)}")
