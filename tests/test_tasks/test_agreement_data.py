"""What is taken as reliability data, what is refused, and how it is counted."""

from __future__ import annotations

import numpy as np
import pytest

from tasks.agreement import (
    CoefficientError,
    ReliabilityData,
    ReliabilityDataError,
    alpha_without_each_rater,
    from_table,
    krippendorff_alpha,
    prevalence,
)
from tasks.agreement.levels import difference_matrix
from tasks.agreement.pairs import PairTables
from tasks.agreement.patterns import CountPatterns


def long(n_units: int, n_raters: int, n_values: int, seed: int = 0) -> tuple[np.ndarray, ...]:
    rng = np.random.default_rng(seed)
    unit = np.repeat(np.arange(n_units), n_raters)
    rater = np.tile(np.arange(n_raters), n_units)
    kept = rng.permutation(unit.size)[: unit.size * 3 // 4]
    return unit[kept], rater[kept], rng.integers(0, n_values, kept.size)


@pytest.mark.parametrize("n_values", [2, 5, 22, 23, 40, 44, 300])
def test_patterns_do_not_depend_on_the_way_they_are_counted(n_values: int) -> None:
    unit, rater, code = long(50, 4, n_values)
    data = ReliabilityData.from_long(unit, rater, code, n_values=n_values, level="nominal")
    table = np.zeros((50, n_values), dtype=np.int64)
    np.add.at(table, (unit, code), 1)
    table = table[data.unit_ids]
    patterns, inverse = CountPatterns.from_rows(table)
    assert (data.patterns.patterns == patterns.patterns).all()
    assert (data.patterns.frequencies == patterns.frequencies).all()
    assert (data.unit_pattern == inverse).all()
    assert (patterns.patterns[inverse] == table).all()
    assert [tuple(row) for row in patterns.patterns] == sorted(map(tuple, patterns.patterns))


def test_many_patterns_are_sorted_where_their_keys_are_too_many_to_list() -> None:
    unit, rater, code = long(30, 14, 9)
    data = ReliabilityData.from_long(unit, rater, code, n_values=9, level="nominal")
    rows = data.patterns.patterns[data.unit_pattern]
    assert (rows.sum(axis=1) == np.bincount(unit)).all()
    assert int(data.patterns.frequencies.sum()) == 30


def test_pair_tables_do_not_depend_on_the_number_of_raters() -> None:
    unit, rater, code = long(40, 6, 3)
    near = ReliabilityData.from_long(unit, rater, code, n_values=3, level="nominal").pairs
    # So many raters that the pairs are counted sparsely, of which six are used.
    order = np.lexsort((rater, unit))
    far = PairTables.from_sorted_labels(
        unit[order], rater[order] + 3000 * (rater[order] == 5), code[order], 3
    )
    assert (near.tables == far.tables).all()
    assert (near.n_common == far.tables.sum(axis=(1, 2))).all()
    assert far.rater_b.max() == 3005
    assert (near.between(2, 1) == near.between(1, 2).T).all()
    assert not near.between(1, 77).any()


def test_ids_may_be_any_integers() -> None:
    data = ReliabilityData.from_long(
        [-7, -7, 10**12, 10**12], [900, -1, 900, -1], [0, 1, 1, 1], n_values=2, level="nominal"
    )
    assert data.unit_ids.tolist() == [-7, 10**12]
    assert data.rater_ids.tolist() == [-1, 900]
    assert data.pairs.rater_a.tolist() == [-1]
    assert data.pairs.tables.tolist() == [[[0, 0], [1, 1]]]
    sparse = ReliabilityData.from_long([3, 3, 9], [2, 5, 5], [0, 1, 1], n_values=2, level="nominal")
    assert sparse.unit_ids.tolist() == [3, 9]


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        (([0, 0], [0, 0], [0, 1]), "rater 0 labelled unit 0 more than once"),
        (([0, 1], [0], [0, 1]), "equally long"),
        (([0.0], [0], [0]), "unit must hold whole numbers"),
        ((["a"], [0], [0]), "number text ids first"),
        (([[0]], [0], [0]), "one-dimensional"),
        (([0], [0], [2]), r"row 0: value 2 is not in the value domain \(0, 1\)"),
        (([0], [0], [-1]), "row 0: value -1"),
    ],
)
def test_columns_that_are_no_reliability_data(columns, message: str) -> None:
    with pytest.raises(ReliabilityDataError, match=message):
        ReliabilityData.from_long(*columns, n_values=2, level="nominal")


def test_repeats_are_found_among_very_many_units() -> None:
    unit = np.array([5, 2**40, 5], dtype=np.int64)
    with pytest.raises(ReliabilityDataError, match="rater 1 labelled unit 5"):
        ReliabilityData.from_long(unit, [1, 1, 1], [0, 0, 1], n_values=2, level="nominal")


@pytest.mark.parametrize(
    ("values", "level", "message"),
    [
        ([], "nominal", "exactly once"),
        (["a", "a"], "nominal", "exactly once"),
        (["a", "b"], "interval", "needs numbers"),
        ([1, 3, 2], "ordinal", "in their order"),
        ([-1, 2], "ratio", "no negative"),
        ([1, float("inf")], "interval", "finite"),
    ],
)
def test_domains_that_do_not_fit_their_level(values, level: str, message: str) -> None:
    with pytest.raises(ReliabilityDataError, match=message):
        ReliabilityData.from_long([], [], [], values=values, level=level)


def test_a_long_domain_is_not_printed_whole() -> None:
    with pytest.raises(ReliabilityDataError, match=r"11, \.\.\.\)"):
        ReliabilityData.from_long([0], [0], [99], n_values=30, level="nominal")


@pytest.mark.parametrize(
    ("counts", "message"),
    [([[1]], "shape"), ([1, 2], "shape"), ([[1, -1]], "negative"), ([[0.5, 1]], "whole numbers")],
)
def test_tables_that_are_no_counts(counts, message: str) -> None:
    with pytest.raises(ReliabilityDataError, match=message):
        ReliabilityData.from_counts(counts, values=[0, 1], level="nominal")


def test_a_matrix_has_two_dimensions() -> None:
    with pytest.raises(ReliabilityDataError, match="units x raters"):
        ReliabilityData.from_matrix([1, 2], values=[1, 2], level="nominal")


def test_tables_of_two_raters_are_square() -> None:
    with pytest.raises(CoefficientError, match="2 x 2"):
        from_table([[1, 2, 3]], values=[0, 1], level="nominal")


def test_parts_over_other_domains_do_not_merge() -> None:
    two = ReliabilityData.from_counts([[1, 1]], values=[0, 1], level="nominal")
    three = ReliabilityData.from_counts([[1, 1, 0]], values=[0, 1, 2], level="nominal")
    with pytest.raises(ReliabilityDataError, match="different domains"):
        _ = two.statistics + three.statistics
    with pytest.raises(ReliabilityDataError, match="2 values"):
        _ = two.patterns + three.patterns
    with pytest.raises(ReliabilityDataError, match="pair tables"):
        _ = two.pairs + three.pairs
    with pytest.raises(ReliabilityDataError, match="different domains"):
        _ = two.statistics + two.at("ordinal").statistics


def test_the_ordinal_difference_has_no_fixed_matrix() -> None:
    with pytest.raises(CoefficientError, match="no fixed matrix"):
        difference_matrix("ordinal", np.arange(3.0))


def test_alpha_without_a_rater_is_alpha_of_the_others() -> None:
    unit, rater, code = long(40, 4, 3)
    data = ReliabilityData.from_long(unit, rater + 10, code, n_values=3, level="ordinal")
    for out in alpha_without_each_rater(data):
        kept = rater + 10 != out.rater
        rest = ReliabilityData.from_long(
            unit[kept], rater[kept], code[kept], n_values=3, level="ordinal"
        )
        assert out.result.n_raters == 3
        assert out.result.n_labels == rest.n_labels
    assert [out.rater for out in alpha_without_each_rater(data)] == [10, 11, 12, 13]


def test_counts_of_units_labels_and_raters() -> None:
    data = ReliabilityData.from_matrix(
        [[1, 2, None], [None, 2, None], [2, 2, 2], [None, None, None]],
        values=[1, 2],
        level="nominal",
    )
    assert (data.n_units, data.n_labels, data.n_raters) == (3, 6, 3)
    assert prevalence(data) == pytest.approx((1 / 6, 5 / 6))
    counted = ReliabilityData.from_counts([[0, 0], [1, 1]], values=[1, 2], level="nominal")
    assert (counted.n_units, counted.n_raters) == (1, 0)
    assert prevalence(counted.statistics) == (0.5, 0.5)


@pytest.mark.parametrize("n_raters", [3, 70])
def test_repeats_are_found_among_few_raters_and_among_many(n_raters: int) -> None:
    unit = np.repeat(np.arange(20), n_raters)
    rater, code = np.tile(np.arange(n_raters), 20), np.zeros(20 * n_raters, dtype=np.int64)
    data = ReliabilityData.from_long(unit, rater, code, n_values=2, level="nominal")
    assert data.n_labels == 20 * n_raters
    # The second label of rater 1 on unit 7 comes in the place of somebody else's.
    rater[7 * n_raters + 2] = 1
    with pytest.raises(ReliabilityDataError, match=r"^rater 1 labelled unit 7 more than once"):
        ReliabilityData.from_long(unit, rater, code, n_values=2, level="nominal")


def test_the_order_of_labels_is_found_by_either_sort(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(3)
    cells = rng.permutation(60)[:45]

    def fresh() -> ReliabilityData:
        codes = cells * 7 % 4
        return ReliabilityData.from_long(cells // 5, cells % 5, codes, n_values=4, level="nominal")

    quick = fresh().in_order
    monkeypatch.setattr("tasks.agreement.data._LARGEST_KEY", 1)
    slow = fresh().in_order
    for one, other in zip(quick, slow, strict=True):
        assert one.tolist() == other.tolist()
    assert (quick[0] * 5 + quick[1]).tolist() == sorted(cells.tolist())


def test_statistics_of_values_alone_merge_and_give_alpha() -> None:
    rng = np.random.default_rng(4)
    matrix = rng.integers(0, 3, (30, 3))
    whole = ReliabilityData.from_matrix(matrix, values=range(3), level="ordinal")
    halves = [
        ReliabilityData.from_matrix(part, values=range(3), level="ordinal").value_statistics
        for part in (matrix[:11], matrix[11:])
    ]
    merged = halves[1] + halves[0]
    alone, full = krippendorff_alpha(merged), krippendorff_alpha(whole)
    assert (alone.value, alone.interval) == (full.value, full.interval)
    assert (merged.n_raters, len(merged.pairs.tables), merged.rater_counts.shape) == (0, 0, (0, 3))
