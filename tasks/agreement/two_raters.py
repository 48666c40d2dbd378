"""Coefficients of two raters, one pair at a time or all pairs at once."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import numpy.typing as npt

from tasks.agreement.data import ReliabilityData, SufficientStatistics
from tasks.agreement.domain import Domain
from tasks.agreement.errors import CoefficientError
from tasks.agreement.estimators import (
    table_estimator,
)
from tasks.agreement.facts import Data, Facts, level_of, weights_name
from tasks.agreement.levels import Floats, Integers, Level
from tasks.agreement.patterns import CountPatterns
from tasks.agreement.quantiles import normal_cdf
from tasks.agreement.results import AgreementResult, Status
from tasks.agreement.weights import Weights, weight_matrix

if TYPE_CHECKING:
    from tasks.agreement.intervals import IntervalChoice


def cohen_kappa(
    data: Data,
    *,
    raters: tuple[int, int] | None = None,
    weights: Weights = None,
    interval: IntervalChoice = "jackknife",
) -> AgreementResult:
    """Cohen's kappa of two raters over the units both rated.

    Parameters
    ----------
    data
        Labels with raters.
    raters
        Ids of the two; may be left out when there are exactly two.
    weights
        Agreement weights: a name (``"linear"``, ``"quadratic"``, ...), a matrix, or None.
    interval
        Method or specification. ``"analytic"`` and ``"asymptotic"`` use the standard error of
        Fleiss, Cohen & Everitt (1969), with t and with the normal quantile.

    Returns
    -------
    AgreementResult
        Counts and prevalence are those of the common units.

    Raises
    ------
    CoefficientError
        When `raters` is needed or unknown.

    Notes
    -----
    Cohen (1960, 1968).

    Examples
    --------
    >>> from tasks.agreement import from_table
    >>> statistics = from_table([[20, 5], [10, 15]], values=["yes", "no"], level="nominal")
    >>> round(cohen_kappa(statistics, interval=None).value, 4)
    0.4
    """
    return _two_raters(data, raters, weights, interval, scott=False)


def scott_pi(
    data: Data,
    *,
    raters: tuple[int, int] | None = None,
    weights: Weights = None,
    interval: IntervalChoice = "jackknife",
) -> AgreementResult:
    """Scott's pi of two raters over the units both rated: one margin for both.

    Parameters
    ----------
    data
        Labels with raters.
    raters
        Ids of the two; may be left out when there are exactly two.
    weights
        Agreement weights: a name, a matrix, or None for identity.
    interval
        Method or specification.

    Returns
    -------
    AgreementResult
        Counts and prevalence are those of the common units.

    Raises
    ------
    CoefficientError
        When `raters` is needed or unknown.

    Notes
    -----
    Scott (1955); standard error of Gwet (2014) as irrCAC `scott2.table`.

    Examples
    --------
    >>> from tasks.agreement import from_table
    >>> statistics = from_table([[20, 5], [10, 15]], values=["yes", "no"], level="nominal")
    >>> round(scott_pi(statistics, interval=None).value, 4)
    0.3939
    """
    return _two_raters(data, raters, weights, interval, scott=True)


def from_table(
    table: npt.ArrayLike,
    *,
    values: list[object],
    level: Level | str,
) -> SufficientStatistics:
    """Take two raters' contingency table: rows the first rater (id 0), columns the second (id 1).

    Parameters
    ----------
    table
        Units per pair of values, shape (V, V).
    values
        The domain, shape (V,).
    level
        Level of measurement.

    Returns
    -------
    SufficientStatistics

    Examples
    --------
    >>> from tasks.agreement import from_table
    >>> from_table([[20, 5], [10, 15]], values=["yes", "no"], level="nominal").patterns.n_units
    50
    """
    counts = np.asarray(table, dtype=np.int64)
    size = len(values)
    if counts.shape != (size, size) or (counts < 0).any():
        raise CoefficientError(f"expected a {size} x {size} table of counts, not {counts.shape}")
    cells = np.argwhere(np.ones_like(counts, dtype=bool))
    repeats = counts[cells[:, 0], cells[:, 1]]
    unit = np.arange(int(repeats.sum()), dtype=np.int64)
    codes = np.repeat(cells, repeats, axis=0)
    data = ReliabilityData.from_long(
        np.tile(unit, 2),
        np.repeat([0, 1], unit.size),
        codes.T.ravel(),
        n_values=size,
        level=Level.NOMINAL,
    )
    return replace(data, domain=Domain.of(values, level)).statistics


@dataclass(frozen=True, slots=True)
class KappaTest:
    """Test of no agreement beyond chance.

    Attributes
    ----------
    z
        Kappa over its standard error under no agreement.
    null_standard_error
        Fleiss, Cohen & Everitt (1969).
    p_value
        Two-sided.
    """

    z: float
    null_standard_error: float
    p_value: float


def cohen_kappa_test(
    data: Data,
    *,
    raters: tuple[int, int] | None = None,
    weights: Weights = None,
) -> KappaTest | None:
    """Test whether two raters agree beyond chance; None where kappa is undefined.

    Parameters
    ----------
    data, raters, weights
        As for `cohen_kappa`.

    Returns
    -------
    KappaTest or None

    Examples
    --------
    >>> from tasks.agreement import from_table
    >>> statistics = from_table([[20, 5], [10, 15]], values=["yes", "no"], level="nominal")
    >>> round(cohen_kappa_test(statistics).z, 3)
    2.887
    """
    table = _table_of(data, raters)
    matrix = weight_matrix(weights, data.domain.scale)
    point = table_estimator(table, matrix, common_margin=False).point()
    if np.isnan(point.value[0]):
        return None
    total = float(table.sum())
    first, second = table.sum(axis=1) / total, table.sum(axis=0) / total
    chance = 1.0 - float(point.expected[0])
    gain = matrix - (matrix @ second)[:, None] - (matrix.T @ first)[None, :]
    variance = float(first @ gain**2 @ second) - chance**2
    error = float((variance / total) ** 0.5 / (1.0 - chance))
    if not error > 0.0:
        return None
    z = float(point.value[0]) / error
    return KappaTest(z, error, 2.0 * normal_cdf(-abs(z)))


class PairAgreement(NamedTuple):
    """Cohen's kappa of two raters with its number of common units."""

    rater_a: int
    rater_b: int
    n_units: int
    kappa: float | None
    percent: float | None
    status: Status


def pair_agreements(data: Data, *, weights: Weights = None) -> tuple[PairAgreement, ...]:
    """Cohen's kappa of every two raters that share a unit, all at once.

    Parameters
    ----------
    data
        Labels with raters.
    weights
        Agreement weights: a name, a matrix, or None for identity.

    Returns
    -------
    tuple of PairAgreement
        In the order of the ids.

    Examples
    --------
    >>> from tasks.agreement import ReliabilityData
    >>> data = ReliabilityData.from_matrix(
    ...     [[1, 1, 1], [0, 0, 1], [0, 0, None]], values=[0, 1], level="nominal",
    ... )
    >>> [(p.rater_a, p.rater_b, p.n_units, p.kappa) for p in pair_agreements(data)]
    [(0, 1, 3, 1.0), (0, 2, 2, 0.0), (1, 2, 2, 0.0)]
    """
    pairs = data.pairs
    kappa, percent = pair_kappas(pairs.tables, weight_matrix(weights, data.domain.scale))
    undefined = np.isnan(kappa)
    known: list[float | None] = kappa.tolist()
    status = [Status.OK] * undefined.size
    for place in np.flatnonzero(undefined).tolist():
        known[place], status[place] = None, Status.NO_VARIATION
    ids = pairs.rater_a.tolist(), pairs.rater_b.tolist()
    columns = zip(*ids, pairs.n_common.tolist(), known, percent.tolist(), status, strict=True)
    # As PairAgreement._make does, without its check of every row.
    return tuple(map(partial(tuple.__new__, PairAgreement), columns))


def pair_kappas(tables: Integers, weights: Floats) -> tuple[Floats, Floats]:
    """Return kappa (NaN where undefined) and observed agreement of each table, shape (K,)."""
    n_values = len(weights)
    eye, ones = np.eye(n_values), np.ones((n_values, 1))
    # Margins, total and agreement of all tables in one product; sums of integers, so exact.
    sums = np.hstack([np.kron(eye, ones), np.kron(ones, eye), np.ones((n_values**2, 1))])
    sums = tables.reshape(len(tables), n_values**2).astype(np.float64) @ np.hstack(
        [sums, weights.reshape(-1, 1)]
    )
    first, second = sums[:, :n_values], sums[:, n_values : 2 * n_values]
    total, agreeing = sums[:, -2], sums[:, -1]
    crossed = ((first @ weights) * second).sum(axis=1)
    room = total * total - crossed
    undefined = np.full(total.shape, np.nan)
    kappa = 1.0 - np.divide((total - agreeing) * total, room, out=undefined, where=room > 0.0)
    return kappa, agreeing / total


def _two_raters(
    data: Data,
    raters: tuple[int, int] | None,
    weights: Weights,
    interval: IntervalChoice,
    *,
    scott: bool,
) -> AgreementResult:
    table = _table_of(data, raters)
    matrix = weight_matrix(weights, data.domain.scale)
    first, second = np.nonzero(table)
    eye = np.eye(len(table), dtype=np.int64)
    patterns, _ = CountPatterns.from_rows(eye[first] + eye[second], table[first, second])
    facts = Facts.of(data, level_of(data, weights), patterns)
    if facts.status is Status.NO_LABELS and data.patterns.n_units:
        facts = replace(facts, status=Status.NO_PAIRABLE_UNITS)
    estimator = table_estimator(table, matrix, common_margin=scott)
    name = "scott_pi" if scott else "cohen_kappa"
    return facts.conclude(name, estimator, interval, weights=weights_name(weights))


def _table_of(data: Data, raters: tuple[int, int] | None) -> Integers:
    statistics = data.statistics
    ids = statistics.rater_ids.tolist()
    if raters is None:
        if len(ids) > 2:
            raise CoefficientError(f"there are {len(ids)} raters: say which two to compare")
        if not ids and data.patterns.n_units:
            raise CoefficientError("value counts do not tell who rated")
        return statistics.pairs.between(ids[0], ids[-1]) if ids else _no_table(data)
    unknown = [rater for rater in raters if rater not in ids]
    if unknown or raters[0] == raters[1]:
        raise CoefficientError(f"expected two different raters of {ids}, not {raters}")
    return statistics.pairs.between(*raters)


def _no_table(data: Data) -> Integers:
    return np.zeros((data.domain.n_values, data.domain.n_values), dtype=np.int64)
