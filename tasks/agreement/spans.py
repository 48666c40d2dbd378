"""Spans: where annotators mark the same stretch of an item.

Per label an item is a continuum of code points, and what one annotator marked on it a coding of
every point as 0 (gap) or 1 (unit). Sums per item are all that the coefficients need, so intervals
leave out or draw items.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

import numpy as np

from tasks.agreement.domain import whole_numbers
from tasks.agreement.errors import ReliabilityDataError
from tasks.agreement.estimators import Estimates, Estimator, chance_corrected, ratio
from tasks.agreement.facts import DEFAULT_MINORITY_NEEDED, DEFAULT_UNITS_NEEDED, Facts
from tasks.agreement.levels import Floats, Integers, Level
from tasks.agreement.results import AgreementResult, Status, Sufficiency

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import numpy.typing as npt

    from tasks.agreement.intervals import IntervalChoice

_LENGTH, _MARKED, _DIFFERING, _SQUARES, _SPANS, _UNMATCHED = range(6)


@dataclass(frozen=True, slots=True)
class SpanData:
    """One label's spans, summed up per item. Build it with `from_codings`.

    Attributes
    ----------
    sums
        A row per item with two codings, shape (I, 6), in code points over all codings: length,
        marked points, marked points another annotator left unmarked (mean over the others),
        squared lengths of the merged spans; then spans, and spans another annotator did not mark
        from the same start to the same end (mean over the others).
    n_items, n_codings, n_raters
        Items, annotators' codings of items, annotators.
    minority
        Items with two codings that carry the rarer of marked and not marked, counted by share.
    prevalence
        Share of unmarked and of marked points over all codings; empty when there are none.
    """

    sums: Floats
    n_items: int
    n_codings: int
    n_raters: int
    minority: int
    prevalence: tuple[float, ...]

    @classmethod
    def from_codings(
        cls,
        unit: npt.ArrayLike,
        rater: npt.ArrayLike,
        spans: Sequence[Sequence[tuple[int, int]]],
        length: npt.ArrayLike,
        *,
        item: npt.ArrayLike | None = None,
    ) -> Self:
        """Take one row per annotator and continuum, also where nothing was marked.

        Parameters
        ----------
        unit, rater
            Integer ids of continuum and annotator, shape (N,).
        spans
            Per row the spans marked, as (start, end) with `end` not in the span; they may overlap.
        length
            Code points of the row's continuum, shape (N,).
        item
            The item each row's continuum is a section of, shape (N,), where items have several
            sections (prompt and response); intervals resample items. Units by default.

        Returns
        -------
        SpanData

        Raises
        ------
        ReliabilityDataError
            For columns of different length, a span outside its continuum, two rows of one rater on
            one unit, or a unit with two lengths or items.

        Examples
        --------
        >>> data = SpanData.from_codings([0, 0], [0, 1], [[(2, 6)], [(3, 7)]], [10, 10])
        >>> data.sums.tolist()
        [[20.0, 8.0, 2.0, 32.0, 2.0, 2.0]]
        """
        rows = _Rows.of(unit, rater, length, unit if item is None else item, len(spans))
        marks = _Marks.of(spans, rows)
        table = np.zeros((rows.item_of_unit.max(initial=-1) + 1, 6))
        for column, values in enumerate(_unit_sums(rows, marks)):
            paired = np.where(rows.codings > 1, values, 0.0)
            table[:, column] = np.bincount(rows.item_of_unit, weights=paired, minlength=len(table))
        pairable = np.bincount(rows.item_of_unit, rows.codings > 1, minlength=len(table)) > 0
        merged = marks.merged(rows)
        total, marked = float(rows.length.sum()), float((merged.end - merged.start).sum())
        work, minority = _minority(rows, marks, pairable)
        return cls(
            sums=table[pairable],
            n_items=len(table),
            n_codings=work,
            n_raters=int(np.unique(rows.rater).size),
            minority=minority,
            prevalence=(1.0 - marked / total, marked / total) if total else (),
        )

    def sufficiency(
        self,
        *,
        units_needed: int = DEFAULT_UNITS_NEEDED,
        minority_needed: int = DEFAULT_MINORITY_NEEDED,
    ) -> Sufficiency:
        """Compare the evidence with what is needed to judge.

        Parameters
        ----------
        units_needed
            Items with two codings needed.
        minority_needed
            Of these, items needed that carry the rarer of marked and not marked.

        Returns
        -------
        Sufficiency
            The requirement that is furthest from being met.

        Examples
        --------
        >>> SpanData.from_codings([0, 0], [0, 1], [[(2, 6)], []], [9, 9]).sufficiency()
        Sufficiency(have=0, need=40, measure='minority')
        """
        units = Sufficiency(len(self.sums), units_needed, "units")
        minority = Sufficiency(self.minority, minority_needed, "minority")
        return minority if minority.have * units.need < units.have * minority.need else units


def span_alpha(data: SpanData, *, interval: IntervalChoice = "jackknife") -> AgreementResult:
    """Krippendorff's binary unitising alpha: whether annotators mark the same points.

    Parameters
    ----------
    data
        Codings of one label. Continua with one coding do not enter.
    interval
        Method or specification; items are left out or drawn. None for none.

    Returns
    -------
    AgreementResult
        NO_VARIATION when nobody marked anything, or everybody everything. Prevalence is the share
        of unmarked and of marked points.

    Notes
    -----
    Krippendorff, Mathet, Bouvry & Widlöcher (2016), "On the reliability of unitizing textual
    continua: further developments", the coefficient of the binary distinction. Observed
    coincidences are intersections of the segments of different annotators; the expected ones pair
    all segments but a unit with itself and a point of a gap with itself: with l points in all
    codings, u of them in units and g in gaps,

        D_e = 2 u g / (l^2 - sum of squared unit lengths - g).

    Overlapping and touching spans of one annotator are one unit. With a number of codings m that
    differs between continua, intersections count 1 / (m - 1), as in alpha for any units.

    Examples
    --------
    >>> data = SpanData.from_codings([0, 0], [0, 1], [[(2, 6)], [(3, 7)]], [10, 10])
    >>> round(span_alpha(data, interval=None).value, 4)
    0.6292
    """

    def evaluate(sums: Floats) -> Estimates:
        total, marked = sums[:, _LENGTH], sums[:, _MARKED]
        gaps = total - marked
        observed = ratio(2.0 * sums[:, _DIFFERING], total)
        pairs = total * total - sums[:, _SQUARES] - gaps
        return chance_corrected(observed, ratio(2.0 * marked * gaps, pairs))

    return _facts(data).conclude("span_alpha", _estimator(data, evaluate), interval)


def character_f1(data: SpanData, *, interval: IntervalChoice = "jackknife") -> AgreementResult:
    """Return the share of marked points that another annotator marked too.

    Parameters
    ----------
    data
        Codings of one label; with offsets in tokens it is the token F1.
    interval
        Method or specification; items are left out or drawn. None for none.

    Returns
    -------
    AgreementResult
        NO_POSITIVES when nobody marked anything. It is not corrected for chance.

    Notes
    -----
    For two annotators 2 |A and B| / (|A| + |B|): Dice (1945), van Rijsbergen's F1 (1979). For more
    it is their positive agreement (Cicchetti & Feinstein 1990) over points.

    Examples
    --------
    >>> data = SpanData.from_codings([0, 0], [0, 1], [[(2, 6)], [(3, 7)]], [10, 10])
    >>> character_f1(data, interval=None).value
    0.75
    """
    return _f1("character_f1", data, interval, _MARKED, _DIFFERING)


def exact_span_f1(data: SpanData, *, interval: IntervalChoice = "jackknife") -> AgreementResult:
    """Return the share of spans that another annotator marked from the same start to the same end.

    Parameters
    ----------
    data
        Codings of one label. Spans count as they were marked; the same span twice counts once.
    interval
        Method or specification; items are left out or drawn. None for none.

    Returns
    -------
    AgreementResult
        NO_POSITIVES when nobody marked anything. It is not corrected for chance.

    Notes
    -----
    Hripcsak & Rothschild (2005): F1 between annotators is what kappa tends to where what could
    have been marked cannot be counted.

    Examples
    --------
    >>> data = SpanData.from_codings(
    ...     [0, 0], [0, 1], [[(0, 2), (4, 6)], [(4, 6)]], [10, 10],
    ... )
    >>> round(exact_span_f1(data, interval=None).value, 4)
    0.6667
    """
    return _f1("exact_span_f1", data, interval, _SPANS, _UNMATCHED)


def token_spans(
    spans: Sequence[tuple[int, int]], tokens: Sequence[tuple[int, int]]
) -> list[tuple[int, int]]:
    """Turn spans of code points into spans of tokens: every token they touch.

    Parameters
    ----------
    spans
        (start, end) in code points.
    tokens
        (start, end) of each token, in order, none overlapping.

    Returns
    -------
    list of tuple
        (first, last + 1) in tokens; spans that touch no token are left out.

    Notes
    -----
    With these, and the number of tokens as length, `character_f1` is the token F1.

    Examples
    --------
    >>> token_spans([(2, 7), (3, 4)], [(0, 3), (4, 6), (7, 9)])
    [(0, 2)]
    """
    starts = np.array([start for start, _ in tokens], dtype=np.int64)
    ends = np.array([end for _, end in tokens], dtype=np.int64)
    found = [
        (int(np.searchsorted(ends, start, side="right")), int(np.searchsorted(starts, end)))
        for start, end in spans
    ]
    return [(first, stop) for first, stop in found if first < stop]


@dataclass(frozen=True, slots=True)
class _Rows:
    """Codings with dense numbers of unit and item, and their continua."""

    unit: Integers
    rater: Integers
    length: Integers
    codings: Integers
    unit_length: Integers
    item_of_unit: Integers

    @classmethod
    def of(
        cls,
        unit: npt.ArrayLike,
        rater: npt.ArrayLike,
        length: npt.ArrayLike,
        item: npt.ArrayLike,
        n_rows: int,
    ) -> Self:
        names = ("unit", "rater", "length", "item")
        units, raters, lengths, items = (
            whole_numbers(column, name)
            for column, name in zip((unit, rater, length, item), names, strict=True)
        )
        if {units.size, raters.size, lengths.size, items.size} != {n_rows}:
            raise ReliabilityDataError("unit, rater, spans, length and item must be equally long")
        ids, dense = np.unique(units, return_inverse=True)
        dense = dense.astype(np.int64)
        first = np.zeros(ids.size, dtype=np.int64)
        first[dense[::-1]] = np.arange(n_rows)[::-1]
        for column, name in ((lengths, "length"), (items, "item")):
            odd = column != column[first][dense]
            if odd.any():
                raise ReliabilityDataError(f"unit {units[np.argmax(odd)]} has more than one {name}")
        pairs, again = np.unique(np.stack([units, raters]), axis=1, return_counts=True)
        if (again > 1).any():
            twice = pairs[:, np.argmax(again > 1)].tolist()
            raise ReliabilityDataError(f"rater {twice[1]} has two rows on unit {twice[0]}")
        dense_items = np.unique(items[first], return_inverse=True)[1].astype(np.int64)
        codings = np.bincount(dense, minlength=ids.size).astype(np.int64)
        return cls(dense, raters, lengths, codings, lengths[first], dense_items)


@dataclass(frozen=True, slots=True)
class _Marks:
    """Spans in long form: the row of each, its start and its end."""

    row: Integers
    start: Integers
    end: Integers

    @classmethod
    def of(cls, spans: Sequence[Sequence[tuple[int, int]]], rows: _Rows) -> Self:
        sizes = np.array([len(one) for one in spans], dtype=np.int64)
        row = np.repeat(np.arange(sizes.size), sizes)
        bounds = whole_numbers([bound for one in spans for pair in one for bound in pair], "spans")
        if bounds.size != 2 * row.size:
            raise ReliabilityDataError("a span is a pair (start, end)")
        start, end = bounds[0::2], bounds[1::2]
        bad = (start < 0) | (start >= end) | (end > rows.length[row])
        if bad.any():
            at = int(np.argmax(bad))
            raise ReliabilityDataError(
                f"row {row[at]}: the span from {start[at]} to {end[at]} is empty or outside its "
                f"continuum of {rows.length[row[at]]} code points"
            )
        # The same span twice says nothing twice.
        distinct = np.unique(np.stack([row, start, end]), axis=1)
        return cls(distinct[0], distinct[1], distinct[2])

    def merged(self, rows: _Rows) -> _Marks:
        """Make one of spans of a row that overlap or touch."""
        base = _bases(rows.length)[self.row]
        start = self.start + base
        order = np.argsort(start, kind="stable")
        start, reached = start[order], np.maximum.accumulate((self.end + base)[order])
        opens = np.ones(start.size, dtype=bool)
        opens[1:] = start[1:] > reached[:-1]
        row, base = self.row[order][opens], base[order][opens]
        return _Marks(row, start[opens] - base, reached[np.roll(opens, -1)] - base)


def _bases(lengths: Integers) -> Integers:
    """Lay continua end to end with a point between, so that what touches belongs together."""
    return np.asarray(np.cumsum(lengths + 1) - lengths - 1, dtype=np.int64)


def _unit_sums(rows: _Rows, marks: _Marks) -> tuple[Floats | Integers, ...]:
    """Return the columns of `SpanData.sums` per unit."""
    n_units, others = rows.codings.size, np.maximum(rows.codings - 1, 1)
    merged = marks.merged(rows)
    unit, size = rows.unit[merged.row], merged.end - merged.start
    marked = np.bincount(unit, weights=size, minlength=n_units)
    squares = np.bincount(unit, weights=size * size, minlength=n_units)
    shared = _shared_points(rows, merged)
    keys, times = np.unique(
        np.stack([rows.unit[marks.row], marks.start, marks.end]), axis=1, return_counts=True
    )
    spans = np.bincount(keys[0], weights=times, minlength=n_units)
    matched = np.bincount(keys[0], weights=times * (times - 1), minlength=n_units)
    differing = (others * marked - shared) / others
    unmatched = (others * spans - matched) / others
    return rows.codings * rows.unit_length, marked, differing, squares, spans, unmatched


def _shared_points(rows: _Rows, merged: _Marks) -> Floats:
    """Sum c (c - 1) over the points of each unit, c being the codings that mark the point."""
    unit = np.tile(rows.unit[merged.row], 2)
    position = np.concatenate([merged.start, merged.end]) + _bases(rows.unit_length)[unit]
    change = np.repeat(np.array([1, -1]), merged.row.size)
    order = np.argsort(position, kind="stable")
    covering, width = np.cumsum(change[order])[:-1], np.diff(position[order])
    pairs = width * covering * (covering - 1)
    summed = np.bincount(unit[order][:-1], weights=pairs, minlength=rows.codings.size)
    return np.asarray(summed, dtype=np.float64)


def _minority(rows: _Rows, marks: _Marks, pairable: npt.NDArray[np.bool_]) -> tuple[int, int]:
    """Return annotators' works on items, and the items with the rarer of marked and not."""
    has = np.bincount(marks.row, minlength=rows.unit.size) > 0
    item = rows.item_of_unit[rows.unit]
    work, inverse = np.unique(np.stack([item, rows.rater]), axis=1, return_inverse=True)
    marked = np.bincount(inverse.reshape(-1), weights=has, minlength=work.shape[1]) > 0
    given = np.bincount(work[0], minlength=pairable.size)
    marking = np.bincount(work[0], weights=marked, minlength=pairable.size)
    share = marking[pairable] / given[pairable]
    return work.shape[1], int(np.floor(min(share.sum(), (1.0 - share).sum()) + 1e-9))


def _facts(data: SpanData) -> Facts:
    n_pairable = len(data.sums)
    status = Status.OK if n_pairable else Status.NO_PAIRABLE_UNITS
    return Facts(
        level=Level.NOMINAL,
        status=status if data.n_codings else Status.NO_LABELS,
        sufficiency=data.sufficiency(),
        n_units=data.n_items,
        n_pairable_units=n_pairable,
        n_labels=data.n_codings,
        n_raters=data.n_raters,
        prevalence=data.prevalence,
    )


def _estimator(data: SpanData, evaluate: Callable[[Floats], Estimates]) -> Estimator:
    kinds, frequencies = np.unique(data.sums, axis=0, return_counts=True)
    return Estimator(kinds, frequencies.astype(np.int64), evaluate)


def _f1(
    name: str, data: SpanData, interval: IntervalChoice, whole: int, missed: int
) -> AgreementResult:
    def evaluate(sums: Floats) -> Estimates:
        observed = ratio(sums[:, missed], sums[:, whole])
        return Estimates(1.0 - observed, observed, np.full_like(observed, np.nan))

    facts = _facts(data)
    nothing = facts.status is Status.OK and not data.sums[:, whole].any()
    status = Status.NO_POSITIVES if nothing else facts.status
    return facts.conclude(name, _estimator(data, evaluate), interval, status)
