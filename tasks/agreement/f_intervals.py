"""Intervals of intraclass correlations from the F distribution."""

from __future__ import annotations

from dataclasses import dataclass

from tasks.agreement.quantiles import f_quantile

_NAN = float("nan")
# A rest this far below the mean square between units is rounding.
_NOTHING = 1e-12


@dataclass(frozen=True, slots=True)
class MeanSquares:
    """An analysis of variance of units by raters.

    Attributes
    ----------
    units, labels
        Units, and labels on each.
    between, rest
        Mean squares between units, and of what is left.
    columns
        Mean square between raters, where raters are drawn too; else None.
    rest_df
        Degrees of freedom of `rest`.
    """

    units: float
    labels: float
    between: float
    rest: float
    columns: float | None
    rest_df: float


def f_bounds(
    squares: MeanSquares, confidence: float, *, average: bool = False
) -> tuple[float, float]:
    """Bounds of an intraclass correlation for normal scores.

    Parameters
    ----------
    squares
        With `columns`, the absolute agreement of raters drawn from many; else the correlation of
        one score, or the consistency of these raters.
    confidence
        Nominal coverage.
    average
        Whether of the mean of a unit's labels.

    Returns
    -------
    tuple of float
        NaN where the rest is nothing, where there is no variance between units, or where a mean
        has no bound.

    Notes
    -----
    McGraw & Wong (1996), table 7; for raters drawn from many Satterthwaite's degrees of freedom,
    as Shrout & Fleiss (1979) have them after Fleiss & Shrout (1978).

    Examples
    --------
    >>> squares = MeanSquares(6, 4, 11.242, 1.019, None, 15)
    >>> [round(bound, 2) for bound in f_bounds(squares, 0.95)]
    [0.34, 0.95]
    """
    if not squares.rest > _NOTHING * squares.between or not squares.between > 0.0:
        return _NAN, _NAN
    bounds = _consistency if squares.columns is None else _absolute
    low, high = bounds(squares, 0.5 + 0.5 * confidence)
    if not average:
        return low, high
    return _of_the_mean(low, squares.labels), _of_the_mean(high, squares.labels)


def _of_the_mean(bound: float, labels: float) -> float:
    """Step up as Spearman and Brown do; NaN below the least that a correlation can be."""
    room = 1.0 + (labels - 1.0) * bound
    return labels * bound / room if room > 0.0 else _NAN


def _consistency(squares: MeanSquares, upper: float) -> tuple[float, float]:
    observed, above = squares.between / squares.rest, squares.units - 1.0
    low = observed / f_quantile(upper, above, squares.rest_df)
    high = observed * f_quantile(upper, squares.rest_df, above)
    k = squares.labels
    return (low - 1.0) / (low + k - 1.0), (high - 1.0) / (high + k - 1.0)


def _absolute(squares: MeanSquares, upper: float) -> tuple[float, float]:
    n, k, between, rest = squares.units, squares.labels, squares.between, squares.rest
    columns = squares.columns or 0.0
    other = k * columns + (k * n - k - n) * rest
    value = (between - rest) / (between + (k - 1.0) * rest + k * (columns - rest) / n)
    share = k * value / (n * (1.0 - value))
    a, b = share, 1.0 + share * (n - 1.0)
    parts = (a * columns) ** 2 / (k - 1.0) + (b * rest) ** 2 / squares.rest_df
    df = (a * columns + b * rest) ** 2 / parts
    below = f_quantile(upper, n - 1.0, df)
    above = f_quantile(upper, df, n - 1.0)
    low = n * (between - below * rest) / (below * other + n * between)
    high = n * (above * between - rest) / (other + n * above * between)
    return low, high
