"""Set-valued labels: distances between sets, and alpha over them."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from tasks.agreement.alpha import krippendorff_alpha
from tasks.agreement.data import ReliabilityData
from tasks.agreement.errors import CoefficientError, ReliabilityDataError

if TYPE_CHECKING:
    from collections.abc import Hashable, Sequence
    from collections.abc import Set as AbstractSet

    import numpy.typing as npt

    from tasks.agreement.intervals import IntervalChoice
    from tasks.agreement.levels import Floats
    from tasks.agreement.results import AgreementResult


def jaccard_distance(a: AbstractSet[Hashable], b: AbstractSet[Hashable]) -> float:
    """Return 1 - |a and b| / |a or b|; two empty sets are equal.

    Parameters
    ----------
    a, b
        Sets of values.

    Returns
    -------
    float
        From 0 to 1.

    Notes
    -----
    Jaccard (1912).

    Examples
    --------
    >>> jaccard_distance({1, 2}, {1, 2, 3, 4})
    0.5
    """
    either = len(a | b)
    return 1.0 - len(a & b) / either if either else 0.0


def masi_distance(a: AbstractSet[Hashable], b: AbstractSet[Hashable]) -> float:
    """Measure agreement on set-valued items: Jaccard's share times what kind of overlap it is.

    Parameters
    ----------
    a, b
        Sets of values.

    Returns
    -------
    float
        1 - jaccard * m with m = 1 for equal sets, 2/3 for a subset, 1/3 for any other overlap and
        0 for none. Two empty sets are equal.

    Notes
    -----
    Passonneau (2006), with thirds; older tools round them to .67 and .33.

    Examples
    --------
    >>> round(masi_distance({1, 2}, {1, 2, 3, 4}), 4)
    0.6667
    """
    return 1.0 - (1.0 - jaccard_distance(a, b)) * _monotonicity(a, b)


def _monotonicity(a: AbstractSet[Hashable], b: AbstractSet[Hashable]) -> float:
    if a == b:
        return 1.0
    if a <= b or b <= a:
        return 2.0 / 3.0 if a and b else 0.0
    return 1.0 / 3.0 if a & b else 0.0


_DISTANCES = {"masi": masi_distance, "jaccard": jaccard_distance}


def set_alpha(
    unit: npt.ArrayLike,
    rater: npt.ArrayLike,
    value: Sequence[AbstractSet[Hashable]],
    *,
    distance: str,
    interval: IntervalChoice = "jackknife",
) -> AgreementResult:
    """Krippendorff's alpha over labels that are sets.

    Parameters
    ----------
    unit, rater
        Integer ids, shape (N,).
    value
        One set per label, possibly empty: an empty set says *none of them* and is not missing.
    distance
        ``"masi"`` or ``"jaccard"``. As is usual with them, the distance itself takes the place of
        the squared difference.
    interval
        Method or specification.

    Returns
    -------
    AgreementResult
        Its domain are the sets that occur; `weights` names the distance.

    Raises
    ------
    CoefficientError
        For an unknown distance.
    ReliabilityDataError
        As for `ReliabilityData.from_long`.

    Examples
    --------
    >>> result = set_alpha([0, 0, 1, 1], [0, 1, 0, 1], [{1}, {1}, {2}, {1, 2}],
    ...                    distance="jaccard", interval=None)
    >>> round(result.value, 4)
    0.5714
    """
    if distance not in _DISTANCES:
        raise CoefficientError(
            f"unknown distance {distance!r}: choose one of {', '.join(_DISTANCES)}"
        )
    frozen = [frozenset(one) for one in value]
    domain = sorted(set(frozen), key=lambda one: (len(one), sorted(map(repr, one))))
    if not domain:
        raise ReliabilityDataError("there are no labels")
    place = {one: code for code, one in enumerate(domain)}
    data = ReliabilityData.from_long(
        unit, rater, [place[one] for one in frozen], n_values=len(domain), level="nominal"
    )
    result = krippendorff_alpha(data, difference=_matrix(domain, distance), interval=interval)
    return replace(result, coefficient="set_alpha", weights=distance)


def _matrix(domain: Sequence[frozenset[Hashable]], distance: str) -> Floats:
    measure = _DISTANCES[distance]
    return np.array([[measure(a, b) for b in domain] for a in domain], dtype=np.float64)
