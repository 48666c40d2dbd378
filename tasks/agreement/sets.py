"""Set-valued labels: distances between sets, and alpha over them."""

from __future__ import annotations

from dataclasses import replace
from itertools import chain
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


_DISTANCES = ("masi", "jaccard")


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
    return set_alphas(unit, rater, value, distances=(distance,), interval=interval)[distance]


def set_alphas(
    unit: npt.ArrayLike,
    rater: npt.ArrayLike,
    value: Sequence[AbstractSet[Hashable]],
    *,
    distances: Sequence[str] = ("masi", "jaccard"),
    interval: IntervalChoice = "jackknife",
) -> dict[str, AgreementResult]:
    """Return alpha over sets under several distances; the labels are collapsed once.

    Parameters
    ----------
    unit, rater, value, interval
        As for `set_alpha`.
    distances
        Names of distances.

    Returns
    -------
    dict
        Results by distance.

    Raises
    ------
    CoefficientError, ReliabilityDataError
        As for `set_alpha`.

    Examples
    --------
    >>> found = set_alphas([0, 0, 1, 1], [0, 1, 0, 1], [{1}, {1}, {2}, {1, 2}], interval=None)
    >>> {name: round(result.value, 4) for name, result in found.items()}
    {'masi': 0.5, 'jaccard': 0.5714}
    """
    for distance in distances:
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
    found = {}
    for distance in distances:
        difference = _matrix(domain, distance)
        result = krippendorff_alpha(data, difference=difference, interval=interval)
        found[distance] = replace(result, coefficient="set_alpha", weights=distance)
    return found


def _matrix(domain: Sequence[frozenset[Hashable]], distance: str) -> Floats:
    """Return the distances of every two sets of a domain, as the functions above have them."""
    members = {member: place for place, member in enumerate(dict.fromkeys(chain(*domain)))}
    holds = np.zeros((len(domain), len(members)))
    for row, one in enumerate(domain):
        holds[row, [members[member] for member in one]] = 1.0
    sizes, both = holds.sum(axis=1), holds @ holds.T
    either = sizes[:, None] + sizes - both
    shared = np.divide(both, either, out=np.ones_like(both), where=either > 0.0)
    if distance == "jaccard":
        return np.asarray(1.0 - shared)
    within = both == np.minimum(sizes[:, None], sizes)
    kind = np.where(within, 2.0 / 3.0, 1.0 / 3.0)
    np.fill_diagonal(kind, 1.0)
    return np.asarray(1.0 - shared * kind)
