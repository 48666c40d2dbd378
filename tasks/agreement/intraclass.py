"""Intraclass correlation: how much of the variance of a score is the units'."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

import numpy as np

from tasks.agreement.errors import CoefficientError
from tasks.agreement.estimators import Estimates, Estimator, chance_corrected, ratio
from tasks.agreement.f_intervals import MeanSquares, f_bounds
from tasks.agreement.facts import Facts
from tasks.agreement.levels import Floats, Level
from tasks.agreement.results import Status

if TYPE_CHECKING:
    from collections.abc import Callable

    from tasks.agreement.data import ReliabilityData
    from tasks.agreement.intervals import IntervalChoice
    from tasks.agreement.results import AgreementResult

ICC_MODELS: Final = ("one_way", "two_way_random", "two_way_mixed")
# Mean squares this far below the variance of the scores are rounding.
_NOTHING = 1e-12


def intraclass_correlation(
    data: ReliabilityData,
    *,
    model: str,
    average: bool = False,
    interval: IntervalChoice = "jackknife",
) -> AgreementResult:
    """Intraclass correlation of scores at the interval or ratio level.

    Parameters
    ----------
    data
        Labels with raters.
    model
        ``"one_way"``: every unit has raters of its own, ICC(1); units need two labels, and may
        have different numbers of them. ``"two_way_random"``: the same raters, drawn from many,
        judge every unit; absolute agreement, ICC(2). ``"two_way_mixed"``: these raters and no
        others; consistency, ICC(3): a rater who always says one more does not count as error.
        Both two-way models take the units that every rater labelled.
    average
        Reliability of the mean over a unit's raters instead of one rater's score. With different
        numbers of labels the mean is over Donner's average number.
    interval
        Method or specification; None for none. ``"analytic"`` is the exact interval from the F
        distribution for normal scores (for ``"two_way_random"`` by Satterthwaite's degrees of
        freedom); it needs equally many labels on every unit.

    Returns
    -------
    AgreementResult
        `n_pairable_units` are the units that enter. NO_PAIRABLE_UNITS when there are none (or one
        rater only); NO_VARIATION where mean squares leave nothing to divide by: a single unit,
        scores all equal, or means all equal where they are divided by.

    Raises
    ------
    CoefficientError
        For an unknown model, data that do not tell who rated, or a level without distances.

    Notes
    -----
    Shrout & Fleiss (1979), from the mean squares between units, between raters and of the rest;
    for different numbers of labels Donner (1986). F intervals: McGraw & Wong (1996), table 7.

    Examples
    --------
    >>> from tasks.agreement import ReliabilityData
    >>> data = ReliabilityData.from_matrix(
    ...     [[9, 2, 5, 8], [6, 1, 3, 2], [8, 4, 6, 8], [7, 1, 2, 6], [10, 5, 6, 9], [6, 2, 4, 7]],
    ...     values=range(1, 11), level="interval",
    ... )
    >>> for model in ICC_MODELS:
    ...     both = [
    ...         intraclass_correlation(data, model=model, average=average, interval=None).value
    ...         for average in (False, True)
    ...     ]
    ...     print(model, *(round(value, 2) for value in both))
    one_way 0.17 0.44
    two_way_random 0.29 0.62
    two_way_mixed 0.71 0.91
    """
    if model not in ICC_MODELS:
        raise CoefficientError(f"unknown model {model!r}: choose one of {', '.join(ICC_MODELS)}")
    if data.counts is not None:
        raise CoefficientError("an intraclass correlation needs labels that tell who rated")
    if data.domain.level not in (Level.INTERVAL, Level.RATIO):
        raise CoefficientError("an intraclass correlation needs the interval or the ratio level")
    estimator = _one_way(data, average) if model == "one_way" else _two_way(data, model, average)
    facts = Facts.of(data, data.domain.level)
    status = facts.status if estimator.n_units or not facts.n_labels else Status.NO_PAIRABLE_UNITS
    facts = replace(facts, n_pairable_units=estimator.n_units)
    name = "intraclass_correlation"
    kind = f"{model} {'average' if average else 'single'}"
    return facts.conclude(name, estimator, interval, status, kind)


def _scores(data: ReliabilityData) -> Floats:
    """Return the numbers, centred, which no mean square notices."""
    scores = data.domain.scale[data.code]
    return np.asarray(scores - scores.mean() if scores.size else scores, dtype=np.float64)


def _one_way(data: ReliabilityData, average: bool) -> Estimator:  # noqa: FBT001 - a setting
    scores = _scores(data)
    labels = np.bincount(data.unit).astype(np.float64)
    sums = np.bincount(data.unit, weights=scores)
    squares = np.bincount(data.unit, weights=scores * scores)
    inside = np.bincount(data.unit, weights=(scores - (sums / labels)[data.unit]) ** 2)
    moments = np.column_stack(
        [np.ones_like(labels), labels, labels**2, sums, squares - inside, inside]
    )[labels > 1]

    def evaluate(totals: Floats) -> Estimates:
        units, given, given_squared, total, means, within = totals.T
        between = ratio(means - ratio(total * total, given), units - 1.0)
        rest = ratio(within, given - units)
        number = ratio(given - ratio(given_squared, given), units - 1.0)
        expected = between if average else between + (number - 1.0) * rest
        return _from_mean_squares(between - rest, expected, means + within, given)

    def bounds(confidence: float) -> tuple[float, float]:
        units, given, _, total, means, within = moments.sum(axis=0).tolist()
        number = given / units
        between = (means - total * total / given) / (units - 1.0)
        rest = within / (given - units)
        squares = MeanSquares(units, number, between, rest, None, (number - 1.0) * units)
        return f_bounds(squares, confidence, average=average)

    equal = np.unique(moments[:, 1]).size == 1
    return _estimator(moments, evaluate, bounds if equal else None)


def _two_way(data: ReliabilityData, model: str, average: bool) -> Estimator:  # noqa: FBT001
    raters = data.n_raters
    labels = np.bincount(data.unit, minlength=data.unit_ids.size)
    complete = (labels == raters) & (raters > 1)
    table = np.zeros((data.unit_ids.size, raters))
    table[data.unit, data.rater] = _scores(data)
    table = table[complete]
    sums = table.sum(axis=1)
    inside = ((table - table.mean(axis=1, keepdims=True)) ** 2).sum(axis=1) if raters else sums
    moments = np.column_stack([np.ones_like(sums), sums, sums**2, inside, table])

    def evaluate(totals: Floats) -> Estimates:
        units, total, squared, within = totals[:, :4].T
        centre = ratio(total * total, units * raters)
        rows = squared / raters - centre
        columns = ratio((totals[:, 4:] ** 2).sum(axis=1), units) - centre
        between = ratio(rows, units - 1.0)
        rest = ratio(within - columns, (units - 1.0) * (raters - 1.0))
        bias = np.zeros_like(units)
        if model == "two_way_random":
            bias = ratio(columns / (raters - 1.0) - rest, units)
        expected = between + bias if average else between + (raters - 1) * rest + raters * bias
        return _from_mean_squares(between - rest, expected, squared / raters + within, units)

    def bounds(confidence: float) -> tuple[float, float]:
        units, total, squared, within = moments[:, :4].sum(axis=0).tolist()
        centre = total * total / (units * raters)
        among = float((table.sum(axis=0) ** 2).sum()) / units - centre
        between = (squared / raters - centre) / (units - 1.0)
        df = (units - 1.0) * (raters - 1.0)
        rest = (within - among) / df
        columns = among / (raters - 1.0) if model == "two_way_random" else None
        squares = MeanSquares(units, raters, between, rest, columns, df)
        return f_bounds(squares, confidence, average=average)

    return _estimator(moments, evaluate, bounds)


def _estimator(
    moments: Floats,
    evaluate: Callable[[Floats], Estimates],
    bounds: Callable[[float], tuple[float, float]] | None,
) -> Estimator:
    ones = np.ones(len(moments), dtype=np.int64)
    return Estimator(moments, ones, evaluate, bounds=bounds)


def _from_mean_squares(gain: Floats, whole: Floats, squares: Floats, number: Floats) -> Estimates:
    """Return gain / whole in the form of 1 - D_o / D_e; a whole that is mere rounding is none."""
    whole = np.where(whole > _NOTHING * ratio(squares, number), whole, 0.0)
    return chance_corrected(whole - gain, whole)
