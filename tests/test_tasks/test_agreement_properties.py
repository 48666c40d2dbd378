"""Laws that hold for any labels."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.agreement import (
    ReliabilityData,
    brennan_prediger,
    conger_kappa,
    contributions,
    fleiss_kappa,
    gwet_ac1,
    krippendorff_alpha,
    percent_agreement,
    scott_pi,
    specific_agreement,
)
from tasks.agreement.estimators import alpha_estimator
from tasks.agreement.intervals import leave_one_out
from tasks.agreement.levels import Level

ANONYMOUS = [krippendorff_alpha, fleiss_kappa, gwet_ac1, brennan_prediger, percent_agreement]
LEVELS = ["nominal", "ordinal", "interval", "ratio"]
Matrix = list[list[int | None]]
few = settings(max_examples=30)


@st.composite
def matrices(draw: st.DrawFn, n_values: int = 4, gaps: bool = True) -> Matrix:  # noqa: FBT001, FBT002
    n_raters = draw(st.integers(2, 5))
    cell = st.integers(0, n_values - 1)
    cells = st.one_of(st.none(), cell) if gaps else cell
    row = st.lists(cells, min_size=n_raters, max_size=n_raters)
    return draw(st.lists(row, min_size=1, max_size=14))


def data_of(matrix: Matrix, level: str = "nominal", values: Any = range(4)) -> ReliabilityData:
    return ReliabilityData.from_matrix(matrix, values=list(values), level=level)


def figure(coefficient: Any, data: ReliabilityData, **settings_: Any) -> float | None:
    return coefficient(data, interval=None, **settings_).value


def close(first: float | None, second: float | None, abs_: float = 1e-10) -> bool:
    if first is None or second is None:
        return first is second
    return bool(abs(first - second) <= abs_)


def brute_alpha(matrix: Matrix, level: str) -> float | None:
    """Alpha by the double loop over all pairs of values."""
    units = [[one for one in row if one is not None] for row in matrix]
    units = [unit for unit in units if len(unit) > 1]
    pool = [one for unit in units for one in unit]

    def difference(a: int, b: int) -> float:
        if a == b:
            return 0.0
        if level == "nominal":
            return 1.0
        if level == "interval":
            return float((a - b) ** 2)
        if level == "ratio":
            return ((a - b) / (a + b)) ** 2
        low, high = min(a, b), max(a, b)
        between = sum(pool.count(g) for g in range(low, high + 1))
        return (between - (pool.count(low) + pool.count(high)) / 2) ** 2

    observed = sum(
        difference(a, b) / (len(unit) - 1)
        for unit in units
        for i, a in enumerate(unit)
        for j, b in enumerate(unit)
        if i != j
    )
    expected = sum(difference(a, b) for a in pool for b in pool)
    if not expected:
        return None
    return 1 - (len(pool) - 1) * observed / expected


@pytest.mark.parametrize("level", LEVELS)
@few
@given(matrix=matrices())
def test_alpha_equals_the_double_loop(level: str, matrix: Matrix) -> None:
    data = data_of(matrix, level)
    assert close(figure(krippendorff_alpha, data), brute_alpha(matrix, level))


@few
@given(matrix=matrices(), seed=st.integers(0, 99))
def test_order_of_units_and_of_raters_does_not_matter(matrix: Matrix, seed: int) -> None:
    rng = np.random.default_rng(seed)
    array = np.array(matrix, dtype=object)
    turned = array[rng.permutation(len(array))][:, rng.permutation(array.shape[1])]
    for coefficient in ANONYMOUS:
        plain, other = coefficient(data_of(matrix)), coefficient(data_of(turned.tolist()))
        assert close(plain.value, other.value)
        assert plain.interval == other.interval


@few
@given(matrix=matrices(), seed=st.integers(0, 99))
def test_names_of_nominal_values_do_not_matter(matrix: Matrix, seed: int) -> None:
    turn = np.random.default_rng(seed).permutation(4).tolist()
    renamed = [[None if one is None else turn[one] for one in row] for row in matrix]
    for coefficient in ANONYMOUS:
        first, second = figure(coefficient, data_of(matrix)), figure(coefficient, data_of(renamed))
        assert close(first, second)


@few
@given(matrix=matrices())
def test_each_level_bears_its_own_changes_of_scale(matrix: Matrix) -> None:
    def at(level: str, scale: list[float]) -> float | None:
        moved = [[None if one is None else scale[one] for one in row] for row in matrix]
        return figure(krippendorff_alpha, data_of(moved, level, scale))  # type: ignore[arg-type]

    assert close(at("ordinal", [0, 1, 2, 3]), at("ordinal", [-5, 0.5, 7, 900]))
    assert close(at("ordinal", [0, 1, 2, 3]), at("ordinal", [3, 2, 1, 0]))
    assert close(at("interval", [0, 1, 2, 3]), at("interval", [7, 9, 11, 13]), 1e-9)
    assert close(at("ratio", [0, 1, 2, 3]), at("ratio", [0, 2.5, 5, 7.5]), 1e-9)


@few
@given(matrix=matrices())
def test_single_rated_units_leave_alpha_as_it_is(matrix: Matrix) -> None:
    alone: Matrix = [[2] + [None] * (len(matrix[0]) - 1)]
    for level in LEVELS:
        plain = krippendorff_alpha(data_of(matrix, level))
        more = krippendorff_alpha(data_of(matrix + alone, level))
        assert close(plain.value, more.value)
        assert plain.interval == more.interval


@few
@given(matrix=matrices())
def test_every_unit_twice(matrix: Matrix) -> None:
    once, twice = data_of(matrix), data_of(matrix + matrix)
    for coefficient in (fleiss_kappa, gwet_ac1, brennan_prediger, percent_agreement, conger_kappa):
        assert close(figure(coefficient, once), figure(coefficient, twice))
    alpha, doubled = figure(krippendorff_alpha, once), figure(krippendorff_alpha, twice)
    if alpha is None or doubled is None:
        assert alpha is doubled
        return
    n = int(once.patterns.pairable_value_counts.sum())
    # Only the correction n - 1 changes.
    assert close(
        (1 - doubled) / (1 - alpha) if alpha != 1 else 1.0,
        (2 * n - 1) / (2 * (n - 1)) if alpha != 1 else 1.0,
    )


@few
@given(matrix=matrices())
def test_no_coefficient_exceeds_one_and_one_needs_two_values(matrix: Matrix) -> None:
    data = data_of(matrix)
    used = int(np.count_nonzero(data.patterns.pairable_value_counts))
    for coefficient in (krippendorff_alpha, fleiss_kappa, gwet_ac1, brennan_prediger):
        value = figure(coefficient, data)
        assert value is None or value <= 1
        assert (value is None) == (used < 2)


@few
@given(matrix=matrices())
def test_full_agreement_on_two_values_is_one(matrix: Matrix) -> None:
    same: Matrix = [[row[0] or 0] * 3 for row in matrix] + [[0] * 3, [1] * 3]
    for coefficient in (*ANONYMOUS, conger_kappa):
        assert figure(coefficient, data_of(same)) == pytest.approx(1)


@few
@given(matrix=matrices(gaps=False))
def test_alpha_of_two_complete_raters_follows_from_pi(matrix: Matrix) -> None:
    two = [row[:2] for row in matrix]
    alpha, pi = figure(krippendorff_alpha, data_of(two)), figure(scott_pi, data_of(two))
    if alpha is None or pi is None:
        assert alpha is pi
        return
    n = len(two)
    assert close(alpha, 1 - (1 - pi) * (2 * n - 1) / (2 * n))


@few
@given(matrix=matrices(), cut=st.integers(0, 14))
def test_merged_parts_are_the_whole_bit_for_bit(matrix: Matrix, cut: int) -> None:
    whole = data_of(matrix).statistics
    unit, rater = np.nonzero(np.array([[one is not None for one in row] for row in matrix]))
    code = np.array([matrix[u][r] for u, r in zip(unit, rater, strict=True)], dtype=np.int64)
    parts = []
    for chosen in (unit < cut, unit >= cut):
        part = ReliabilityData.from_long(
            unit[chosen], rater[chosen], code[chosen], n_values=4, level="nominal"
        )
        parts.append(part.statistics)
    for merged in (parts[0] + parts[1], parts[1] + parts[0]):
        assert (merged.patterns.patterns == whole.patterns.patterns).all()
        assert (merged.patterns.frequencies == whole.patterns.frequencies).all()
        assert (merged.pairs.tables == whole.pairs.tables).all()
        assert (merged.rater_counts == whole.rater_counts).all()
        for coefficient in (*ANONYMOUS, conger_kappa):
            assert figure(coefficient, merged) == figure(coefficient, whole)
        drawn = krippendorff_alpha(merged, interval="bootstrap")
        assert drawn == krippendorff_alpha(whole, interval="bootstrap")


@few
@given(matrix=matrices())
def test_value_counts_give_what_the_labels_give(matrix: Matrix) -> None:
    counts = [[row.count(value) for value in range(4)] for row in matrix]
    tabled = ReliabilityData.from_counts(counts, values=range(4), level="nominal")
    for coefficient in ANONYMOUS:
        first, second = coefficient(data_of(matrix)), coefficient(tabled)
        assert (first.value, first.interval) == (second.value, second.interval)
        assert (first.status, first.n_units) == (second.status, second.n_units)


@few
@given(matrix=matrices())
def test_a_jackknife_replicate_is_the_figure_without_the_unit(matrix: Matrix) -> None:
    for level in ("nominal", "ordinal"):
        data = data_of(matrix, level)
        estimator = alpha_estimator(data.patterns, data.domain.scale, Level(level))
        without = leave_one_out(estimator)
        place = {tuple(row): at for at, row in enumerate(estimator.moments[:, :4].tolist())}
        for unit, row in enumerate(matrix):
            key = tuple(float(row.count(value)) for value in range(4))
            if sum(key) < 2:
                continue
            rest = matrix[:unit] + matrix[unit + 1 :]
            expected = figure(krippendorff_alpha, data_of(rest, level)) if rest else None
            found = without[place[key]]
            assert close(None if np.isnan(found) else float(found), expected)


@few
@given(matrix=matrices())
def test_contributions_sum_to_the_observed_disagreement(matrix: Matrix) -> None:
    for level in LEVELS:
        data = data_of(matrix, level)
        parts, result = contributions(data), krippendorff_alpha(data, interval=None)
        expected = result.observed_disagreement or 0.0
        for sums in (parts.units.sum(), parts.raters.sum(), parts.values.sum()):
            assert close(float(sums), expected, 1e-9)
        assert (parts.units >= 0).all()


@few
@given(matrix=matrices(n_values=2))
def test_specific_agreement_lies_between_nought_and_one(matrix: Matrix) -> None:
    data = data_of(matrix, values=range(2))
    for value in (0, 1):
        figure_ = figure(
            lambda d, interval, v=value: specific_agreement(d, v, interval=interval), data
        )
        assert figure_ is None or 0 <= figure_ <= 1 + 1e-15


@few
@given(matrix=matrices(), other=st.integers(5, 9))
def test_unused_values_leave_alpha_alone(matrix: Matrix, other: int) -> None:
    for level in LEVELS:
        small = figure(krippendorff_alpha, data_of(matrix, level))
        large = figure(krippendorff_alpha, data_of(matrix, level, range(other)))
        assert close(small, large)
