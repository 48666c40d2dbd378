"""Agreement that is not corrected for chance, and prevalence."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tasks.agreement.errors import CoefficientError
from tasks.agreement.estimators import (
    percent_estimator,
    specific_estimator,
)
from tasks.agreement.facts import Data, Facts, level_of, value_shares, weights_name
from tasks.agreement.levels import Level
from tasks.agreement.results import AgreementResult, Status
from tasks.agreement.weights import Weights, weight_matrix

if TYPE_CHECKING:
    from tasks.agreement.intervals import IntervalChoice


def percent_agreement(
    data: Data,
    *,
    weights: Weights = None,
    interval: IntervalChoice = "jackknife",
) -> AgreementResult:
    """Mean share of agreeing pairs of labels over the units with two or more.

    Parameters
    ----------
    data
        Labels.
    weights
        Agreement weights: a name, a matrix, or None for identity.
    interval
        Method or specification.

    Returns
    -------
    AgreementResult
        Not corrected for chance, so defined without variation; no expected disagreement.

    Examples
    --------
    >>> from tasks.agreement import ReliabilityData
    >>> data = ReliabilityData.from_counts([[3, 0], [1, 2]], values=[0, 1], level="nominal")
    >>> round(percent_agreement(data, interval=None).value, 4)
    0.6667
    """
    estimator = percent_estimator(data.patterns, weight_matrix(weights, data.domain.scale))
    facts = Facts.of(data, level_of(data, weights))
    status = Status.OK if facts.status is Status.NO_VARIATION else facts.status
    return facts.conclude("percent_agreement", estimator, interval, status, weights_name(weights))


def specific_agreement(
    data: Data,
    value: object,
    *,
    interval: IntervalChoice = "jackknife",
) -> AgreementResult:
    """Agreement on one value: how likely another rater gives it, given that one did.

    Parameters
    ----------
    data
        Labels.
    value
        A member of the value domain.
    interval
        Method or specification.

    Returns
    -------
    AgreementResult
        NO_POSITIVES when nobody gave the value on a unit with two labels.

    Raises
    ------
    CoefficientError
        For a value outside the domain.

    Notes
    -----
    o_cc / n_c in the coincidence matrix; for two raters 2a / (2a + b + c) (Cicchetti & Feinstein
    1990; Fleiss, Levin & Paik 2003, section 18.1).

    Examples
    --------
    >>> from tasks.agreement import ReliabilityData
    >>> data = ReliabilityData.from_counts([[2, 0], [0, 2], [1, 1]], values=[0, 1],
    ...                                    level="nominal")
    >>> round(specific_agreement(data, 1, interval=None).value, 4)
    0.6667
    """
    return _specific(data, value, interval, "specific_agreement")


def positive_agreement(data: Data, *, interval: IntervalChoice = "jackknife") -> AgreementResult:
    """Return the specific agreement on the last value of a two-valued domain (false before true).

    Parameters
    ----------
    data
        Two-valued labels.
    interval
        Method or specification.

    Returns
    -------
    AgreementResult

    Raises
    ------
    CoefficientError
        If the domain has not two values.

    Examples
    --------
    >>> from tasks.agreement import ReliabilityData
    >>> data = ReliabilityData.from_counts([[2, 0], [0, 2], [1, 1]], values=[False, True],
    ...                                    level="nominal")
    >>> round(positive_agreement(data, interval=None).value, 4)
    0.6667
    """
    return _specific(data, _of_two(data)[1], interval, "positive_agreement")


def negative_agreement(data: Data, *, interval: IntervalChoice = "jackknife") -> AgreementResult:
    """Specific agreement on the first value of a two-valued domain.

    Parameters
    ----------
    data
        Two-valued labels.
    interval
        Method or specification.

    Returns
    -------
    AgreementResult

    Raises
    ------
    CoefficientError
        If the domain has not two values.

    Examples
    --------
    >>> from tasks.agreement import ReliabilityData
    >>> data = ReliabilityData.from_counts([[2, 0], [2, 0], [1, 1]], values=[False, True],
    ...                                    level="nominal")
    >>> round(negative_agreement(data, interval=None).value, 4)
    0.8
    """
    return _specific(data, _of_two(data)[0], interval, "negative_agreement")


def prevalence(data: Data) -> tuple[float, ...]:
    """Share of all labels per value of the domain; empty when there are no labels.

    Examples
    --------
    >>> from tasks.agreement import ReliabilityData
    >>> data = ReliabilityData.from_counts([[2, 0], [1, 1]], values=[0, 1], level="nominal")
    >>> prevalence(data)
    (0.75, 0.25)
    """
    return value_shares(data.patterns.value_counts)


def _specific(
    data: Data,
    value: object,
    interval: IntervalChoice,
    name: str,
) -> AgreementResult:
    if value not in data.domain.values:
        raise CoefficientError(f"{value!r} is not one of the values {data.domain.values}")
    code = data.domain.values.index(value)
    facts = Facts.of(data, Level.NOMINAL)
    status = facts.status
    if status in (Status.OK, Status.NO_VARIATION):
        given = int(data.patterns.pairable_value_counts[code])
        status = Status.OK if given else Status.NO_POSITIVES
    estimator = specific_estimator(data.patterns, code)
    return facts.conclude(name, estimator, interval, status)


def _of_two(data: Data) -> tuple[object, object]:
    if data.domain.n_values != 2:
        raise CoefficientError(
            f"positive agreement needs two values, not {data.domain.n_values}: name one with "
            "specific_agreement",
        )
    return data.domain.values[0], data.domain.values[1]
