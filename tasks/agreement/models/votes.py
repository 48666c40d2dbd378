"""Votes, which are no model but what every model is measured against."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from tasks.agreement.data import ReliabilityData
    from tasks.agreement.levels import Floats


def vote_shares(data: ReliabilityData) -> Floats:
    """Return the share of each value among a unit's labels.

    Parameters
    ----------
    data
        Labels.

    Returns
    -------
    numpy.ndarray
        Shape (U, V), in the order of `data.unit_ids`; every row sums to 1.

    Examples
    --------
    >>> from tasks.agreement import ReliabilityData
    >>> data = ReliabilityData.from_counts([[3, 1], [0, 2]], values=[0, 1], level="nominal")
    >>> vote_shares(data).tolist()
    [[0.75, 0.25], [0.0, 1.0]]
    """
    counts = data.patterns.patterns[data.unit_pattern].astype(np.float64)
    labels = counts.sum(axis=1, keepdims=True)
    return np.asarray(counts / np.where(labels > 0.0, labels, 1.0), dtype=np.float64)


@dataclass(frozen=True, slots=True)
class Majority:
    """The vote on one unit.

    Attributes
    ----------
    unit
        Id.
    code
        Code of the value that most labels have; None on a tie.
    votes, n_labels
        Labels for it, and all labels of the unit.
    """

    unit: int
    code: int | None
    votes: int
    n_labels: int


def majority_vote(data: ReliabilityData) -> tuple[Majority, ...]:
    """Return the value most labels of each unit have; a tie has none.

    Parameters
    ----------
    data
        Labels.

    Returns
    -------
    tuple of Majority
        In the order of `data.unit_ids`.

    Examples
    --------
    >>> from tasks.agreement import ReliabilityData
    >>> data = ReliabilityData.from_counts([[3, 1], [1, 1]], values=[0, 1], level="nominal")
    >>> [(one.code, one.votes) for one in majority_vote(data)]
    [(0, 3), (None, 1)]
    """
    patterns = data.patterns.patterns
    most = patterns.max(axis=1, initial=0)
    tied = (patterns == most[:, None]).sum(axis=1) > 1
    codes = np.where(tied, -1, patterns.argmax(axis=1)) if patterns.size else most
    rows = zip(
        data.unit_ids.tolist(),
        codes[data.unit_pattern].tolist(),
        most[data.unit_pattern].tolist(),
        data.patterns.labels_per_unit[data.unit_pattern].tolist(),
        strict=True,
    )
    return tuple(
        Majority(unit, None if code < 0 else code, votes, labels)
        for unit, code, votes, labels in rows
    )
