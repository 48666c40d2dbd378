"""Fixed blocks of units, so that sums do not depend on how many workers make them.

Floating-point sums depend on their order. Units fall into blocks by a hash of their id, every block
is summed by itself, and the blocks are added in their order: whoever made which block, and
whatever else they made, the bits are the same.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tasks.agreement.levels import Floats, Integers

N_BLOCKS: Final = 32


def block_of(unit_ids: Integers) -> Integers:
    """Return the block each unit belongs to, whatever other units there are.

    Parameters
    ----------
    unit_ids
        Ids, shape (U,).

    Returns
    -------
    numpy.ndarray
        From 0 to `N_BLOCKS` - 1, shape (U,).

    Notes
    -----
    The finaliser of SplitMix64 (Steele, Lea & Flood 2014), which spreads consecutive ids.

    Examples
    --------
    >>> block_of(np.array([7, 8, 9])).tolist() == block_of(np.array([9, 8, 7])).tolist()[::-1]
    True
    """
    mixed = unit_ids.astype(np.int64).view(np.uint64) + np.uint64(0x9E3779B97F4A7C15)
    mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    mixed ^= mixed >> np.uint64(31)
    return np.asarray(mixed % np.uint64(N_BLOCKS), dtype=np.int64)


def in_order(parts: Iterable[Floats]) -> Floats:
    """Add arrays one after another, the first to the second and so on.

    Parameters
    ----------
    parts
        At least one array, all of one shape.

    Returns
    -------
    numpy.ndarray

    Examples
    --------
    >>> in_order([np.array([1.0]), np.array([2.0])]).tolist()
    [3.0]
    """
    first, *others = parts
    total = first.copy()
    for part in others:
        total += part
    return total
