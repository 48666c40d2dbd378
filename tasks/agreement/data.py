"""Reliability data: units, raters and values as the coefficients take them.

Missing is an absent row. The value domain and the level of measurement are always given, never
guessed from the labels.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Self

import numpy as np
import numpy.typing as npt

from tasks.agreement.domain import Domain, checked_codes, whole_numbers
from tasks.agreement.errors import ReliabilityDataError
from tasks.agreement.pairs import PairTables
from tasks.agreement.patterns import CountPatterns

if TYPE_CHECKING:
    from collections.abc import Hashable, Sequence

    from tasks.agreement.levels import Integers, Level

_BITMAP_CELLS = 2**26
_LARGEST_KEY = 2**62
_EXACT_IN_A_DOUBLE = 2**53


@dataclass(frozen=True)
class SufficientStatistics:
    """All that the coefficients need to know about a set of units; `+` merges disjoint sets.

    Attributes
    ----------
    domain
        Values and level.
    patterns
        Count patterns.
    rater_ids
        Ids of the raters, ascending, shape (R,); empty where only value counts are known.
    rater_counts
        Labels per rater and value, shape (R, V).
    pairs
        Cross-tables of raters, by id.
    """

    domain: Domain
    patterns: CountPatterns
    rater_ids: Integers
    rater_counts: Integers
    pairs: PairTables

    @property
    def n_raters(self) -> int:
        """Raters who gave a label; 0 where only value counts are known."""
        return int(self.rater_ids.size)

    @property
    def statistics(self) -> SufficientStatistics:
        """Itself, so that functions take data and statistics alike."""
        return self

    def __add__(self, other: SufficientStatistics) -> SufficientStatistics:
        """Merge the statistics of two disjoint sets of units: the same bits in any order.

        Raises
        ------
        ReliabilityDataError
            If the domains or levels differ.
        """
        if self.domain.values != other.domain.values or self.domain.level != other.domain.level:
            raise ReliabilityDataError("cannot merge statistics over different domains or levels")
        ids = np.union1d(self.rater_ids, other.rater_ids)
        counts = np.zeros((ids.size, self.domain.n_values), dtype=np.int64)
        for part in (self, other):
            counts[np.searchsorted(ids, part.rater_ids)] += part.rater_counts
        return SufficientStatistics(
            self.domain,
            self.patterns + other.patterns,
            ids,
            counts,
            self.pairs + other.pairs,
        )


@dataclass(frozen=True)
class ReliabilityData:
    """Labels of raters on units over a known value domain at a known level.

    Build it with `from_long`, `from_matrix` or `from_counts`.

    Attributes
    ----------
    domain
        Values and level.
    unit, rater, code
        One label per element: dense indices of unit and rater and the code of the value, shape
        (N,), int64. Empty after `from_counts`.
    unit_ids, rater_ids
        The integers these indices stand for, ascending.
    counts
        The table given to `from_counts`, else None.
    """

    domain: Domain
    unit: Integers
    rater: Integers
    code: Integers
    unit_ids: Integers
    rater_ids: Integers
    counts: Integers | None = None

    @classmethod
    def from_long(
        cls,
        unit: npt.ArrayLike,
        rater: npt.ArrayLike,
        value: npt.ArrayLike,
        *,
        level: Level | str,
        n_values: int | None = None,
        values: Sequence[Hashable] | None = None,
    ) -> Self:
        """Take one row per label.

        Parameters
        ----------
        unit, rater
            Integer ids of any integer or boolean type, shape (N,). Columns of int64 are taken as
            they are, not copied: do not write to them afterwards.
        value
            With `n_values`: codes from 0 to `n_values` - 1. With `values`: members of `values`.
        level
            Level of measurement.
        n_values, values
            Exactly one of the two: the size of the domain, or the domain itself in the order of
            its scale.

        Returns
        -------
        ReliabilityData

        Raises
        ------
        ReliabilityDataError
            For columns of different length, ids that are no integers, a value outside the
            domain, or two labels of one rater on one unit.

        Examples
        --------
        >>> data = ReliabilityData.from_long(
        ...     unit=[0, 0, 1, 1], rater=[0, 1, 0, 1], value=[1, 1, 0, 1], n_values=2,
        ...     level="nominal",
        ... )
        >>> data.patterns.patterns.tolist(), data.patterns.frequencies.tolist()
        ([[0, 2], [1, 1]], [1, 1])
        """
        if (n_values is None) == (values is None):
            raise ReliabilityDataError("give exactly one of n_values and values")
        domain = Domain.of(range(n_values or 0) if values is None else values, level)
        units, raters = whole_numbers(unit, "unit"), whole_numbers(rater, "rater")
        codes = domain.encode(value) if n_values is None else checked_codes(value, domain)
        if not units.size == raters.size == codes.size:
            raise ReliabilityDataError(
                f"unit, rater and value must be equally long, not {units.size}, {raters.size} "
                f"and {codes.size}",
            )
        return cls.from_codes(units, raters, codes, domain)

    @classmethod
    def from_codes(cls, unit: Integers, rater: Integers, code: Integers, domain: Domain) -> Self:
        """Take int64 columns whose codes are known to lie in the domain (no check but for repeats).

        Raises
        ------
        ReliabilityDataError
            For two labels of one rater on one unit.
        """
        dense_unit, unit_ids = _dense(unit)
        dense_rater, rater_ids = _dense(rater)
        data = cls(domain, dense_unit, dense_rater, code, unit_ids, rater_ids)
        if not _without_repeats(data):
            _refuse_repeats(data)
        return data

    @classmethod
    def from_matrix(
        cls,
        matrix: npt.ArrayLike,
        *,
        values: Sequence[Hashable],
        level: Level | str,
    ) -> Self:
        """Take a units x raters matrix of values.

        Parameters
        ----------
        matrix
            Shape (U, R). A missing label is None, a masked entry, or NaN among numbers; the
            string ``"nan"`` is a string.
        values
            The domain in the order of its scale.
        level
            Level of measurement.

        Returns
        -------
        ReliabilityData

        Raises
        ------
        ReliabilityDataError
            For a matrix that is not two-dimensional or a value outside the domain.

        Examples
        --------
        >>> data = ReliabilityData.from_matrix(
        ...     [["no", "no"], ["yes", None]], values=["no", "yes"], level="nominal",
        ... )
        >>> data.code.tolist()
        [0, 0, 1]
        """
        hidden = np.ma.getmaskarray(matrix) if np.ma.isMaskedArray(matrix) else None
        array = _matrix(matrix)
        present = np.ones(array.shape, dtype=bool) if hidden is None else ~hidden
        if array.dtype.kind == "f":
            present &= ~np.isnan(array)
        elif array.dtype.kind == "O":
            present &= np.array([not _absent(cell) for cell in array.ravel()]).reshape(array.shape)
        unit, rater = np.nonzero(present)
        domain = Domain.of(values, level)
        return cls.from_codes(
            unit.astype(np.int64),
            rater.astype(np.int64),
            domain.encode(array[present]),
            domain,
        )

    @classmethod
    def from_counts(
        cls,
        counts: npt.ArrayLike,
        *,
        values: Sequence[Hashable],
        level: Level | str,
    ) -> Self:
        """Take a units x values table of label counts; who rated is then unknown.

        Parameters
        ----------
        counts
            Shape (U, V), whole numbers of any integer type.
        values
            The domain, shape (V,).
        level
            Level of measurement.

        Returns
        -------
        ReliabilityData

        Raises
        ------
        ReliabilityDataError
            For a wrong shape or a negative count.

        Examples
        --------
        >>> ReliabilityData.from_counts([[3, 0], [1, 2]], values=[0, 1], level="nominal").n_units
        2
        """
        domain = Domain.of(values, level)
        table = np.asarray(counts)
        if table.ndim != 2 or table.shape[1] != domain.n_values:
            raise ReliabilityDataError(
                f"the counts have shape {table.shape}: expected (units, {domain.n_values})",
            )
        table = whole_numbers(table.ravel(), "count").reshape(table.shape)
        if (table < 0).any():
            raise ReliabilityDataError("a count cannot be negative")
        empty = np.zeros(0, dtype=np.int64)
        return cls(domain, empty, empty, empty, np.arange(len(table)), empty, table)

    @property
    def n_units(self) -> int:
        """Units with at least one label."""
        return self.patterns.n_units

    @property
    def n_labels(self) -> int:
        """All labels."""
        return int(self.patterns.value_counts.sum())

    @property
    def n_raters(self) -> int:
        """Raters who gave a label; 0 where only value counts are known."""
        return int(self.rater_ids.size)

    @property
    def patterns(self) -> CountPatterns:
        """Count patterns of the units."""
        return self._collapsed[0]

    @property
    def unit_pattern(self) -> Integers:
        """For each unit the index of its pattern, shape (U,)."""
        return self._collapsed[1]

    @cached_property
    def _collapsed(self) -> tuple[CountPatterns, Integers]:
        if self.counts is not None:
            return CountPatterns.from_rows(self.counts)
        n_values, most = self.domain.n_values, int(self._labels_per_unit.max(initial=0))
        return CountPatterns.from_labels(self.unit, self.code, n_values, most)

    @cached_property
    def _labels_per_unit(self) -> Integers:
        return np.bincount(self.unit, minlength=self.unit_ids.size)

    @cached_property
    def statistics(self) -> SufficientStatistics:
        """The sums that merge over any partition of the units."""
        n_values = self.domain.n_values
        flat = np.bincount(
            self.rater * n_values + self.code,
            minlength=self.n_raters * n_values,
        ).astype(np.int64)
        return SufficientStatistics(
            self.domain,
            self.patterns,
            self.rater_ids,
            flat.reshape(self.n_raters, n_values),
            self.pairs,
        )

    @property
    def value_statistics(self) -> SufficientStatistics:
        """What `statistics` keeps, but for who rated: enough for alpha, and far less work."""
        none = np.zeros(0, dtype=np.int64)
        n_values = self.domain.n_values
        pairs = PairTables(none, none, np.zeros((0, n_values, n_values), dtype=np.int64))
        counts = np.zeros((0, n_values), dtype=np.int64)
        return SufficientStatistics(self.domain, self.patterns, none, counts, pairs)

    @cached_property
    def pairs(self) -> PairTables:
        """Cross-tables of all pairs of raters, by rater id."""
        unit, rater, code = self.in_order
        tables = PairTables.from_sorted_labels(unit, rater, code, self.domain.n_values)
        return tables.renamed(self.rater_ids)

    @cached_property
    def in_order(self) -> tuple[Integers, Integers, Integers]:
        """Unit, rater and code ordered by unit and then by rater."""
        n_raters, n_values = max(self.n_raters, 1), self.domain.n_values
        key = self.unit * n_raters + self.rater
        if (key[1:] > key[:-1]).all():
            return self.unit, self.rater, self.code
        if self.unit_ids.size * n_raters * n_values >= _LARGEST_KEY:
            order = np.argsort(key, kind="stable")
            return self.unit[order], self.rater[order], self.code[order]
        # Sorting numbers that hold the whole label is several times faster than finding an order.
        key, code = np.divmod(np.sort(key * n_values + self.code), n_values)
        unit, rater = np.divmod(key, n_raters)
        return unit, rater, code

    def at(self, level: Level | str) -> ReliabilityData:
        """Return the same labels at another level of measurement."""
        return replace(self, domain=self.domain.at(level))

    def without_rater(self, rater_id: int) -> ReliabilityData:
        """Return the labels of everybody else."""
        keep = self.rater_ids[self.rater] != rater_id
        return ReliabilityData.from_codes(
            self.unit_ids[self.unit[keep]],
            self.rater_ids[self.rater[keep]],
            self.code[keep],
            self.domain,
        )


def _absent(cell: object) -> bool:
    return cell is None or (isinstance(cell, float) and cell != cell)  # noqa: PLR0124 - NaN


def _matrix(matrix: npt.ArrayLike) -> npt.NDArray[np.generic]:
    array = np.ma.getdata(matrix) if np.ma.isMaskedArray(matrix) else matrix
    if not isinstance(array, np.ndarray):
        array = np.asarray(array, dtype=object)
    if array.ndim != 2:
        raise ReliabilityDataError(f"expected a units x raters matrix, not shape {array.shape}")
    return array


def _dense(ids: Integers) -> tuple[Integers, Integers]:
    """Give ids numbers from 0 in ascending order, without a sort where they are nearly dense."""
    if not ids.size:
        return ids, ids
    if int(ids.min()) >= 0 and int(ids.max()) < 4 * ids.size + 1024:
        present = np.bincount(ids) > 0
        known = np.flatnonzero(present).astype(np.int64)
        if known.size == present.size:
            return ids, known
        return (np.cumsum(present, dtype=np.int64) - 1)[ids], known
    known, inverse = np.unique(ids, return_inverse=True)
    return inverse.reshape(-1).astype(np.int64), known


def _without_repeats(data: ReliabilityData) -> bool:
    """Tell quickly that nobody labelled a unit twice; False where a sort has to tell."""
    labels, n_raters = data._labels_per_unit, data.n_raters  # noqa: SLF001 - of this module
    if int(labels.max(initial=0)) << n_raters < _EXACT_IN_A_DOUBLE:
        # A bit for every rater: where one comes twice, the sum carries and has fewer bits.
        bit = 2.0 ** np.arange(n_raters)
        given = np.bincount(data.unit, weights=bit[data.rater], minlength=labels.size)
        return bool((np.bitwise_count(given.astype(np.int64)) == labels).all())
    cells = labels.size * n_raters
    if cells > max(_BITMAP_CELLS, 8 * data.unit.size):
        return False
    seen = np.zeros(cells, dtype=bool)
    seen[data.unit * n_raters + data.rater] = True
    return int(np.count_nonzero(seen)) == data.unit.size


def _refuse_repeats(data: ReliabilityData) -> None:
    n_raters = data.n_raters
    ordered = np.sort(data.unit * n_raters + data.rater)
    again = np.flatnonzero(ordered[1:] == ordered[:-1])
    if again.size:
        first = int(ordered[again[0]])
        raise ReliabilityDataError(
            f"rater {data.rater_ids[first % n_raters]} labelled unit "
            f"{data.unit_ids[first // n_raters]} more than once: keep one label of each",
        )
