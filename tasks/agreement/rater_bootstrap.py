"""Bootstrap over raters, and over raters and units at once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

import numpy as np

from tasks.agreement.levels import Floats, Integers, Level, difference_matrix, ordinal_midpoints

if TYPE_CHECKING:
    from tasks.agreement.data import ReliabilityData
    from tasks.agreement.intervals import IntervalSpec


@dataclass(frozen=True, slots=True)
class LabelledKinds:
    """Units that got the same labels from the same raters, collapsed to one kind.

    Attributes
    ----------
    kind, rater, code
        Labels of one unit of each kind, shape (N,).
    frequencies
        Units of each kind, shape (K,).
    """

    kind: Integers
    rater: Integers
    code: Integers
    frequencies: Integers

    @classmethod
    def of(cls, data: ReliabilityData) -> Self:
        """Collapse the units with two labels or more; who gave which label matters."""
        unit, rater, code = data.in_order
        labels = np.bincount(unit)
        kept = labels[unit] > 1
        unit, key = unit[kept], (rater * data.domain.n_values + code)[kept]
        first = np.flatnonzero(np.r_[True, unit[1:] != unit[:-1]])
        row = np.repeat(np.arange(first.size), np.diff(np.r_[first, unit.size]))
        table = np.full((first.size, int(labels.max())), -1, dtype=np.int64)
        table[row, np.arange(unit.size) - first[row]] = key
        kinds, frequencies = np.unique(table, axis=0, return_counts=True)
        kind, place = np.nonzero(kinds >= 0)
        given = kinds[kind, place]
        n_values = data.domain.n_values
        return cls(kind, given // n_values, given % n_values, frequencies.astype(np.int64))


def rater_replicates(
    data: ReliabilityData, level: Level, spec: IntervalSpec, *, units_too: bool
) -> Floats:
    """Alpha of resampled raters, shape (resamples,); NaN where undefined.

    Parameters
    ----------
    data
        Labels with raters, some of them on the same unit.
    level
        Level of measurement.
    spec
        Resamples and seed.
    units_too
        Whether units are drawn as well, independently (Owen's pigeonhole bootstrap).

    Returns
    -------
    numpy.ndarray

    Notes
    -----
    Raters are drawn with replacement; a label weighs as often as its rater was drawn. Two copies of
    one rater are never compared with each other: they would agree without fail. So the pairs of a
    unit are those of different raters, and the pairs of labels behind the expected disagreement
    those of different labels. With every weight 1 this is alpha itself. Owen (2007), "The
    pigeonhole bootstrap", for draws of rows and columns.

    Examples
    --------
    >>> from tasks.agreement import IntervalSpec, ReliabilityData
    >>> data = ReliabilityData.from_matrix(
    ...     [[1, 1, 1, 0], [0, 0, 0, 0], [0, 0, 1, 0], [1, 1, 1, 1]], values=[0, 1],
    ...     level="nominal",
    ... )
    >>> spec = IntervalSpec("bootstrap", resamples=5)
    >>> rater_replicates(data, Level.NOMINAL, spec, units_too=False).shape
    (5,)
    """
    kinds = LabelledKinds.of(data)
    differ = None if level is Level.ORDINAL else difference_matrix(level, data.domain.scale)
    rng = np.random.default_rng(spec.seed)
    raters = np.full(data.n_raters, 1.0 / data.n_raters)
    n_units = int(kinds.frequencies.sum())
    found = np.empty(spec.resamples)
    for draw in range(spec.resamples):
        weight = rng.multinomial(data.n_raters, raters).astype(np.float64)
        drawn = kinds.frequencies.astype(np.float64)
        if units_too:
            drawn = rng.multinomial(n_units, kinds.frequencies / n_units).astype(np.float64)
        found[draw] = weighted_alpha(kinds, weight, drawn, differ, data.domain.n_values)
    return found


def weighted_alpha(
    kinds: LabelledKinds,
    weight: Floats,
    drawn: Floats,
    differ: Floats | None,
    n_values: int,
) -> float:
    """Alpha where raters and units count as often as they were drawn; NaN where undefined.

    Parameters
    ----------
    kinds
        Units by their labels.
    weight
        How often each rater counts, shape (R,).
    drawn
        Units of each kind, shape (K,).
    differ
        Squared differences, shape (V, V); None for the ordinal ones, which follow from the counts.
    n_values
        Size of the value domain.

    Returns
    -------
    float

    Examples
    --------
    >>> from tasks.agreement import ReliabilityData
    >>> data = ReliabilityData.from_matrix(
    ...     [[1, 1], [0, 0], [0, 1], [1, 1]], values=[0, 1], level="nominal",
    ... )
    >>> kinds = LabelledKinds.of(data)
    >>> differ = difference_matrix("nominal", data.domain.scale)
    >>> round(weighted_alpha(kinds, np.ones(2), kinds.frequencies * 1.0, differ, 2), 4)
    0.5333
    """
    n_kinds = drawn.size
    own = weight[kinds.rater]
    counts = np.bincount(
        kinds.kind * n_values + kinds.code, weights=own, minlength=n_kinds * n_values
    )
    counts = counts.reshape(n_kinds, n_values)
    same = np.bincount(kinds.kind, weights=own * own, minlength=n_kinds)
    labels = counts.sum(axis=1)
    pairs = labels * labels - same
    drawn = np.where(pairs > 0.0, drawn, 0.0)
    share = np.divide(drawn * labels, pairs, out=np.zeros(n_kinds), where=pairs > 0.0)
    values = drawn @ counts
    total = float(values.sum())
    if differ is None:
        middle = ordinal_midpoints(values)
        differ = (middle[:, None] - middle[None, :]) ** 2
    crossed = float(values @ differ @ values)
    if not crossed > 0.0:
        return float("nan")
    observed = float((((counts * share[:, None]).T @ counts) * differ).sum()) / total
    return 1.0 - observed * (total * total - float(drawn @ same)) / crossed
