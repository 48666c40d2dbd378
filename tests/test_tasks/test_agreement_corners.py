"""Corners of the kernel that ordinary data do not reach."""

from __future__ import annotations

import numpy as np
import pytest

from tasks.agreement import (
    CoefficientError,
    IntervalSpec,
    ReliabilityData,
    Status,
    cohen_kappa_test,
    from_table,
    krippendorff_alpha,
    pair_agreements,
    positive_agreement,
    specific_agreement,
)


def test_a_difference_that_sees_none_leaves_alpha_undefined() -> None:
    data = ReliabilityData.from_counts([[1, 1], [2, 0]], values=["a", "b"], level="nominal")
    result = krippendorff_alpha(data, difference=np.zeros((2, 2)))
    assert (result.value, result.status) == (None, Status.NO_VARIATION)


@pytest.mark.parametrize("table", [[[5, 0], [0, 0]], [[0, 5], [0, 0]]])
def test_no_test_where_kappa_or_its_error_is_undefined(table: list[list[int]]) -> None:
    data = from_table(table, values=["a", "b"], level="nominal")
    assert cohen_kappa_test(data) is None


def test_values_outside_the_domain_have_no_agreement() -> None:
    data = ReliabilityData.from_counts([[1, 1, 0]], values=[0, 1, 2], level="nominal")
    with pytest.raises(CoefficientError, match="7 is not one of the values"):
        specific_agreement(data, 7)
    with pytest.raises(CoefficientError, match="needs two values, not 3"):
        positive_agreement(data)


def test_bca_needs_every_unit_to_be_dispensable() -> None:
    # Resamples that happen to be all defined, of a figure that hangs on one unit.
    data = ReliabilityData.from_counts([[2, 0], [0, 2], [2, 0]], values=[0, 1], level="nominal")
    reasons = {
        krippendorff_alpha(
            data, interval=IntervalSpec("bca", resamples=2, seed=seed)
        ).interval_reason
        for seed in range(40)
    }
    assert any("no spread" in reason for reason in reasons)
    mixed = ReliabilityData.from_counts([[3, 0], [3, 0], [1, 2]], values=[0, 1], level="nominal")
    reasons = {
        krippendorff_alpha(
            mixed, interval=IntervalSpec("bca", resamples=2, seed=seed)
        ).interval_reason
        for seed in range(40)
    }
    assert any("unit alone" in reason for reason in reasons)


def test_repeats_are_looked_for_by_sorting_where_a_bitmap_would_be_too_large() -> None:
    rng = np.random.default_rng(0)
    unit, rater = np.arange(9000), rng.permutation(9000)
    code = np.zeros(9000, dtype=np.int64)
    data = ReliabilityData.from_long(unit, rater, code, n_values=2, level="nominal")
    assert (data.n_units, data.n_raters) == (9000, 9000)


def test_raters_who_share_no_unit_are_no_pair() -> None:
    data = ReliabilityData.from_matrix(
        [["a", None], [None, "b"]], values=["a", "b"], level="nominal"
    )
    assert pair_agreements(data) == ()
