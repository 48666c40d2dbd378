"""Numbers for ids and values, so that arrays can count them."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, TypeVar

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable

    import numpy.typing as npt

T = TypeVar("T")


def number(column: Iterable[T | None]) -> tuple[npt.NDArray[np.int64], list[T]]:
    """Give equal entries equal numbers, in order of appearance.

    Parameters
    ----------
    column
        Hashable entries, `n` of them; None and NaN stand for an absent one. It is read twice.

    Returns
    -------
    codes
        Shape `(n,)`: the number of every entry, -1 where it is absent.
    distinct
        The entry of every number.

    Examples
    --------
    >>> codes, distinct = number(["b", None, "a", "b"])
    >>> codes.tolist(), distinct
    ([0, -1, 1, 0], ['b', 'a'])
    """
    found = dict.fromkeys(column)
    distinct = [entry for entry in found if entry is not None and not _is_nan(entry)]
    place: dict[T | None, int] = dict.fromkeys(found, -1)
    place.update((entry, code) for code, entry in enumerate(distinct))
    return np.fromiter(map(place.__getitem__, column), np.int64), distinct


def _is_nan(entry: object) -> bool:
    return isinstance(entry, float) and math.isnan(entry)
