"""Count patterns: the sufficient statistic of every coefficient that ignores who rated.

A unit matters only through how many labels each value got. Units with the same counts are
collapsed to one pattern with a frequency; there are few patterns however many units there are.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

import numpy as np

from tasks.agreement.errors import ReliabilityDataError

if TYPE_CHECKING:
    from tasks.agreement.levels import Integers

_EXACT_IN_A_DOUBLE = 2**53
_DENSE_KEYS = 2**22


@dataclass(frozen=True, slots=True)
class CountPatterns:
    """Distinct rows of the value counts with their frequencies, in lexicographic order.

    Attributes
    ----------
    patterns
        Labels per value, shape (P, V), int64, each row once.
    frequencies
        Units that have the pattern, shape (P,), int64.
    """

    patterns: Integers
    frequencies: Integers

    @classmethod
    def from_rows(
        cls, rows: Integers, frequencies: Integers | None = None
    ) -> tuple[Self, Integers]:
        """Collapse rows of value counts.

        Parameters
        ----------
        rows
            Shape (U, V), int64.
        frequencies
            Units behind each row, shape (U,); one each when not given.

        Returns
        -------
        tuple
            The patterns, and for each row the index of its pattern, shape (U,).
        """
        base, n_values = int(rows.max(initial=0)) + 1, rows.shape[1]
        if base**n_values < _EXACT_IN_A_DOUBLE:
            place = _places(base, n_values)
            distinct, inverse, counted = _distinct(rows @ place, base**n_values)
            patterns = distinct[:, None] // place[None, :] % base
        else:
            patterns, inverse, counted = np.unique(
                rows, axis=0, return_inverse=True, return_counts=True
            )
            inverse = inverse.reshape(-1).astype(np.int64)
        if frequencies is not None:
            counted = np.zeros(len(patterns), dtype=np.int64)
            np.add.at(counted, inverse, frequencies)
        return cls(patterns.astype(np.int64), counted.astype(np.int64)), inverse

    @classmethod
    def from_labels(
        cls, unit: Integers, code: Integers, n_values: int, most: int
    ) -> tuple[Self, Integers]:
        """Collapse labels in long form without building the table of counts where possible.

        Parameters
        ----------
        unit
            Dense unit indices from 0, shape (N,).
        code
            Value codes from 0 to `n_values` - 1, shape (N,).
        n_values
            Size of the value domain.
        most
            Labels of the unit that has most of them.

        Returns
        -------
        tuple
            The patterns, and for each unit the index of its pattern, shape (U,).
        """
        base = most + 1
        if base**n_values >= _EXACT_IN_A_DOUBLE:
            return cls._from_wide_labels(unit, code, n_values, base)
        place = _places(base, n_values)
        # Every partial sum is an integer below 2**53, so the double arithmetic is exact.
        keys = np.bincount(unit, weights=place.astype(np.float64)[code]).astype(np.int64)
        distinct, inverse, frequencies = _distinct(keys, base**n_values)
        patterns = distinct[:, None] // place[None, :] % base
        return cls(patterns, frequencies), inverse

    @classmethod
    def _from_wide_labels(
        cls, unit: Integers, code: Integers, n_values: int, base: int
    ) -> tuple[Self, Integers]:
        """Write the counts as numbers of as many digits as a double holds: few columns to sort."""
        digits = 1
        while base ** (digits + 1) < _EXACT_IN_A_DOUBLE:
            digits += 1
        value = np.arange(n_values)
        column = value // digits
        place = base ** (np.bincount(column)[column] - 1 - value % digits)
        n_columns = int(column[-1]) + 1
        n_units = int(unit.max()) + 1
        keys = np.bincount(
            unit * n_columns + column[code],
            weights=place[code].astype(np.float64),
            minlength=n_units * n_columns,
        )
        rows, inverse = cls.from_rows(keys.astype(np.int64).reshape(n_units, n_columns))
        return cls(rows.patterns[:, column] // place % base, rows.frequencies), inverse

    @property
    def n_values(self) -> int:
        """Size of the value domain."""
        return int(self.patterns.shape[1])

    @property
    def labels_per_unit(self) -> Integers:
        """Labels on a unit of each pattern, shape (P,)."""
        return np.asarray(self.patterns.sum(axis=1), dtype=np.int64)

    @property
    def n_units(self) -> int:
        """Units with at least one label."""
        return int(self.frequencies[self.labels_per_unit > 0].sum())

    @property
    def n_pairable_units(self) -> int:
        """Units with at least two labels."""
        return int(self.frequencies[self.labels_per_unit > 1].sum())

    @property
    def value_counts(self) -> Integers:
        """Labels per value over all units, shape (V,)."""
        return np.asarray(self.frequencies @ self.patterns, dtype=np.int64)

    @property
    def pairable_value_counts(self) -> Integers:
        """Labels per value over units with at least two labels, shape (V,)."""
        chosen = self.labels_per_unit > 1
        return np.asarray(self.frequencies[chosen] @ self.patterns[chosen], dtype=np.int64)

    def __add__(self, other: CountPatterns) -> CountPatterns:
        """Merge the patterns of two disjoint sets of units.

        Raises
        ------
        ReliabilityDataError
            If the value domains differ in size.
        """
        if self.n_values != other.n_values:
            raise ReliabilityDataError(
                f"cannot merge counts over {self.n_values} values with counts over "
                f"{other.n_values}: give both parts the whole value domain",
            )
        rows = np.concatenate([self.patterns, other.patterns])
        frequencies = np.concatenate([self.frequencies, other.frequencies])
        return CountPatterns.from_rows(rows, frequencies)[0]


def _places(base: int, n_values: int) -> Integers:
    """Return what each digit of a row stands for, the first one most, shape (V,)."""
    return np.asarray(base ** np.arange(n_values - 1, -1, -1, dtype=np.int64))


def _distinct(keys: Integers, n_keys: int) -> tuple[Integers, Integers, Integers]:
    """Return distinct keys in order, the inverse and the frequencies; few keys need no sort."""
    if n_keys > max(_DENSE_KEYS, 2 * keys.size):
        distinct, inverse, frequencies = np.unique(keys, return_inverse=True, return_counts=True)
        return distinct, inverse.astype(np.int64), frequencies.astype(np.int64)
    counted = np.bincount(keys, minlength=1)
    distinct = np.flatnonzero(counted).astype(np.int64)
    position = np.zeros(counted.size, dtype=np.int64)
    position[distinct] = np.arange(distinct.size)
    return distinct, position[keys], counted[distinct].astype(np.int64)
