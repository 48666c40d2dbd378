"""Fixed blocks of units, so that sums do not depend on how many workers make them.

Floating-point sums depend on their order. Units fall into blocks by a hash of their id, every block
is summed by itself, and the blocks are added in their order: whoever made which block, and
whatever else they made, the bits are the same.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    import numpy.typing as npt

    from tasks.agreement.levels import Floats, Integers

    # Anything that maps a function over blocks and gives the results in their order.
    BlockMap = Callable[[Callable[["Block"], Any], Iterable["Block"]], Iterable[Any]]

N_BLOCKS: Final = 32


@dataclass(frozen=True, slots=True)
class RatedLabels:
    """Labels in long form with the sizes of their axes."""

    unit: Integers
    rater: Integers
    code: Integers
    n_units: int
    n_raters: int
    n_values: int

    @property
    def cell(self) -> Integers:
        """Rater and value of each label as one number, shape (N,)."""
        return self.rater * self.n_values + self.code


@dataclass(frozen=True, slots=True)
class Block:
    """The labels of the units of one block, ordered by unit and rater.

    Attributes
    ----------
    units
        Positions of its units among all, shape (B,).
    labels
        Labels, with units numbered inside the block.
    """

    units: Integers
    labels: RatedLabels


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


def blocks_of(labels: RatedLabels, unit_ids: Integers) -> Iterator[Block]:
    """Cut labels into the fixed blocks that have any.

    Parameters
    ----------
    labels
        All labels, ordered by unit and rater.
    unit_ids
        Ids of the units, shape (U,).

    Yields
    ------
    Block
        In the order of their numbers.
    """
    block = block_of(unit_ids).astype(np.uint8)
    of_label = block[labels.unit]
    members, given = _by_block(block), _by_block(of_label)
    position = np.empty(unit_ids.size, dtype=np.int64)
    for units, chosen in zip(members, given, strict=True):
        if units.size:
            position[units] = np.arange(units.size)
            yield Block(
                units,
                RatedLabels(
                    position[labels.unit[chosen]],
                    labels.rater[chosen],
                    labels.code[chosen],
                    units.size,
                    labels.n_raters,
                    labels.n_values,
                ),
            )


def _by_block(block: npt.NDArray[np.uint8]) -> list[Integers]:
    """Return what is in each block, in the order it stands; small numbers sort in one pass."""
    ends = np.cumsum(np.bincount(block, minlength=N_BLOCKS))
    return np.split(np.argsort(block, kind="stable"), ends[:-1])
