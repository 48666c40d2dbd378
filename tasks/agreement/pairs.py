"""Cross-tables of every two raters over the units both rated."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

import numpy as np

from tasks.agreement.errors import ReliabilityDataError

if TYPE_CHECKING:
    from tasks.agreement.levels import Integers

_DENSE_CELLS = 2**22


@dataclass(frozen=True, slots=True)
class PairTables:
    """One table of counts per pair of raters that share a unit.

    Attributes
    ----------
    rater_a, rater_b
        Ids of the two raters, a below b, shape (K,), int64, in lexicographic order.
    tables
        Common units by the value of a (rows) and of b (columns), shape (K, V, V), int64.
    """

    rater_a: Integers
    rater_b: Integers
    tables: Integers

    @classmethod
    def from_sorted_labels(
        cls,
        unit: Integers,
        rater: Integers,
        code: Integers,
        n_values: int,
    ) -> Self:
        """Count the pairs of labels within each unit.

        Parameters
        ----------
        unit, rater, code
            Labels ordered by unit and then by rater, shape (N,); raters are dense from 0.
        n_values
            Size of the value domain.

        Returns
        -------
        PairTables
            With dense rater indices as ids.
        """
        n_raters = int(rater.max(initial=-1)) + 1
        cells = n_values * n_values
        counted = _PairCounter(n_raters * n_raters, cells)
        for offset in range(1, int(np.bincount(unit, minlength=1).max())):
            first = np.flatnonzero(unit[offset:] == unit[:-offset])
            second = first + offset
            pair = rater[first] * n_raters + rater[second]
            counted.add(pair, code[first] * n_values + code[second])
        pairs, tables = counted.result()
        return cls(pairs // n_raters, pairs % n_raters, tables.reshape(-1, n_values, n_values))

    @property
    def n_common(self) -> Integers:
        """Units that both raters of each pair rated, shape (K,)."""
        cells = self.tables.reshape(len(self.tables), self.tables.shape[1] ** 2)
        return np.asarray(np.einsum("kc->k", cells), dtype=np.int64)

    def renamed(self, ids: Integers) -> PairTables:
        """Replace dense rater indices by the ids they stand for (ascending)."""
        return PairTables(ids[self.rater_a], ids[self.rater_b], self.tables)

    def between(self, rater_a: int, rater_b: int) -> Integers:
        """Return the table of two raters in this order, all zero if they share no unit."""
        swap = rater_a > rater_b
        low, high = (rater_b, rater_a) if swap else (rater_a, rater_b)
        found = np.flatnonzero((self.rater_a == low) & (self.rater_b == high))
        if not found.size:
            return np.zeros(self.tables.shape[1:], dtype=np.int64)
        table: Integers = self.tables[found[0]]
        return table.T if swap else table

    def __add__(self, other: PairTables) -> PairTables:
        """Merge the tables of two disjoint sets of units; raters are matched by id.

        Raises
        ------
        ReliabilityDataError
            If the value domains differ in size.
        """
        if self.tables.shape[1:] != other.tables.shape[1:]:
            raise ReliabilityDataError("cannot merge pair tables over different value domains")
        ids = np.stack(
            [
                np.concatenate([self.rater_a, other.rater_a]),
                np.concatenate([self.rater_b, other.rater_b]),
            ],
            axis=1,
        )
        distinct, inverse = np.unique(ids, axis=0, return_inverse=True)
        tables = np.zeros((len(distinct), *self.tables.shape[1:]), dtype=np.int64)
        np.add.at(tables, inverse.reshape(-1), np.concatenate([self.tables, other.tables]))
        return PairTables(distinct[:, 0], distinct[:, 1], tables)


class _PairCounter:
    """Counts (pair, cell) keys: in one dense array, or by sorted pair where that is too big."""

    def __init__(self, n_pairs: int, cells: int) -> None:
        self._cells = cells
        self._dense: Integers | None = None
        self._pairs: list[Integers] = []
        self._cell: list[Integers] = []
        if n_pairs * cells <= _DENSE_CELLS:
            self._dense = np.zeros(n_pairs * cells, dtype=np.int64)

    def add(self, pair: Integers, cell: Integers) -> None:
        if self._dense is None:
            self._pairs.append(pair)
            self._cell.append(cell)
        else:
            self._dense += np.bincount(pair * self._cells + cell, minlength=self._dense.size)

    def result(self) -> tuple[Integers, Integers]:
        if self._dense is not None:
            tables = self._dense.reshape(-1, self._cells)
            pairs = np.flatnonzero(tables.any(axis=1)).astype(np.int64)
            return pairs, tables[pairs]
        empty = [np.zeros(0, dtype=np.int64)]
        pairs, inverse = np.unique(np.concatenate(empty + self._pairs), return_inverse=True)
        keys = inverse.reshape(-1) * self._cells + np.concatenate(empty + self._cell)
        counted = np.bincount(keys, minlength=pairs.size * self._cells)
        return pairs, counted.reshape(-1, self._cells).astype(np.int64)
