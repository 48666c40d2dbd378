"""Levels of measurement and the difference function of each (Krippendorff 2011, section C)."""

from __future__ import annotations

from enum import StrEnum

import numpy as np
import numpy.typing as npt

from tasks.agreement.errors import CoefficientError

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]


class Level(StrEnum):
    """What the values of a question can bear: names, ranks, distances, proportions."""

    NOMINAL = "nominal"
    ORDINAL = "ordinal"
    INTERVAL = "interval"
    RATIO = "ratio"


def difference_matrix(level: Level | str, scale: Floats) -> Floats:
    """Squared difference between any two values, for the levels where it is fixed.

    At the ordinal level the difference depends on how often the values between two ranks are
    used, so it has no fixed matrix: see `ordinal_midpoints`.

    Parameters
    ----------
    level
        Nominal, interval or ratio.
    scale
        Numeric value of each code, shape (V,).

    Returns
    -------
    numpy.ndarray
        Symmetric, zero on the diagonal, shape (V, V): nominal [c != k], interval (c - k)^2,
        ratio ((c - k) / (c + k))^2.

    Raises
    ------
    CoefficientError
        For the ordinal level.

    Examples
    --------
    >>> difference_matrix("interval", np.array([1.0, 2.0, 4.0])).tolist()
    [[0.0, 1.0, 9.0], [1.0, 0.0, 4.0], [9.0, 4.0, 0.0]]
    """
    level = Level(level)
    if level is Level.ORDINAL:
        raise CoefficientError("the ordinal difference depends on the counts: no fixed matrix")
    gap = scale[:, None] - scale[None, :]
    if level is Level.NOMINAL:
        return (~np.eye(scale.size, dtype=bool)).astype(np.float64)
    if level is Level.INTERVAL:
        return np.asarray(gap * gap, dtype=np.float64)
    total = scale[:, None] + scale[None, :]
    proportion = np.divide(gap, total, out=np.zeros_like(gap), where=total != 0.0)
    return np.asarray(proportion * proportion, dtype=np.float64)


def ordinal_midpoints(value_counts: Floats) -> Floats:
    """Rank midpoints whose squared distances are Krippendorff's ordinal differences.

    Parameters
    ----------
    value_counts
        Pairable values per code, shape (..., V), in the order of the ranks.

    Returns
    -------
    numpy.ndarray
        Cumulative count less half the own count, shape (..., V). The sum over the ranks from c
        to k less half of both ends, as in the formula, is the distance of two midpoints.

    Examples
    --------
    >>> ordinal_midpoints(np.array([2.0, 4.0, 2.0])).tolist()
    [1.0, 4.0, 7.0]
    """
    midpoints: Floats = np.cumsum(value_counts, axis=-1) - 0.5 * value_counts
    return midpoints
