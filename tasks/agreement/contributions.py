"""Where the disagreement comes from: shares per unit, rater and value."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from tasks.agreement.levels import Floats, Integers, Level, difference_matrix, ordinal_midpoints

if TYPE_CHECKING:
    from tasks.agreement.data import ReliabilityData


@dataclass(frozen=True, slots=True)
class Contributions:
    """Parts of alpha's observed disagreement; each of the three arrays sums to it.

    Attributes
    ----------
    unit_ids, units
        Ids and parts of the units, shape (U,).
    rater_ids, raters
        Ids and parts of the raters: each pair of labels counts half for either, shape (R,).
    values
        Parts of the values of the domain, counted alike, shape (V,).
    """

    unit_ids: Integers
    units: Floats
    rater_ids: Integers
    raters: Floats
    values: Floats


def contributions(data: ReliabilityData, *, level: Level | str | None = None) -> Contributions:
    """Split alpha's observed disagreement.

    Parameters
    ----------
    data
        Labels. After `from_counts` there are no raters to share it among.
    level
        Level other than the one of the data.

    Returns
    -------
    Contributions
        All zero when no two labels can be compared.

    Examples
    --------
    >>> from tasks.agreement import ReliabilityData
    >>> data = ReliabilityData.from_matrix(
    ...     [[1, 1], [0, 1], [0, 0]], values=[0, 1], level="nominal",
    ... )
    >>> contributions(data).units.round(4).tolist()
    [0.0, 0.3333, 0.0]
    """
    domain = data.domain if level is None else data.domain.at(level)
    patterns = data.patterns
    difference = _differences(data, domain.level)
    labels = patterns.labels_per_unit
    counts = patterns.patterns.astype(np.float64)
    total = float(patterns.pairable_value_counts.sum())
    scale = np.where(labels > 1, (labels - 1.0) * total, np.inf)
    # What one label of each value differs from its unit's other labels, shape (P, V).
    per_label = counts @ difference / scale[:, None]
    per_value = counts * per_label
    raters = np.bincount(
        data.rater,
        weights=per_label[data.unit_pattern[data.unit], data.code],
        minlength=data.n_raters,
    )
    return Contributions(
        data.unit_ids,
        per_value.sum(axis=1)[data.unit_pattern],
        data.rater_ids,
        raters.astype(np.float64),
        np.asarray(patterns.frequencies @ per_value, dtype=np.float64),
    )


def _differences(data: ReliabilityData, level: Level) -> Floats:
    if level is not Level.ORDINAL:
        return difference_matrix(level, data.domain.scale)
    middle = ordinal_midpoints(data.patterns.pairable_value_counts.astype(np.float64))
    return np.asarray((middle[:, None] - middle[None, :]) ** 2, dtype=np.float64)
