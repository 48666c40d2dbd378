"""Against independent implementations on random data with gaps."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

import krippendorff
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from sklearn.metrics import cohen_kappa_score
from statsmodels.stats.inter_rater import cohens_kappa
from statsmodels.stats.inter_rater import fleiss_kappa as statsmodels_fleiss

from tasks.agreement import (
    ReliabilityData,
    Status,
    cohen_kappa,
    fleiss_kappa,
    from_table,
    krippendorff_alpha,
    pair_agreements,
)

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.oracle
N_VALUES = 4


def ratings(seed: int, n_units: int = 60, n_raters: int = 5, gap: float = 0.4) -> np.ndarray:
    """Draw a units x raters matrix with NaN for missing."""
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, N_VALUES, n_units)
    given = np.where(
        rng.random((n_units, n_raters)) < 0.6,
        truth[:, None],
        rng.integers(0, N_VALUES, (n_units, n_raters)),
    ).astype(float)
    given[rng.random(given.shape) < gap] = np.nan
    return given


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("level", ["nominal", "ordinal", "interval", "ratio"])
def test_alpha_equals_krippendorff(seed: int, level: str) -> None:
    matrix = ratings(seed)
    data = ReliabilityData.from_matrix(matrix, values=range(N_VALUES), level=level)
    expected = krippendorff.alpha(
        matrix.T, level_of_measurement=level, value_domain=list(range(N_VALUES))
    )
    assert krippendorff_alpha(data).value == pytest.approx(expected, abs=1e-10)


def test_alpha_at_the_interval_level_on_a_wide_scale() -> None:
    rng = np.random.default_rng(3)
    matrix = rng.normal(size=(110, 1)) + 0.3 * rng.normal(size=(110, 3))
    matrix[rng.random(matrix.shape) < 0.1] = np.nan
    values = np.unique(matrix[~np.isnan(matrix)])
    assert values.size > 256
    data = ReliabilityData.from_matrix(matrix, values=values.tolist(), level="interval")
    expected = krippendorff.alpha(matrix.T, level_of_measurement="interval")
    result = krippendorff_alpha(data)
    assert result.value == pytest.approx(expected, abs=1e-10)
    assert result.n_labels == int((~np.isnan(matrix)).sum())
    assert result.interval is not None
    assert result.interval.low < expected < result.interval.high


def test_alpha_with_a_difference_of_ones_own() -> None:
    matrix = ratings(11)
    own = np.abs(np.subtract.outer(np.arange(4.0), np.arange(4.0)))
    data = ReliabilityData.from_matrix(matrix, values=range(N_VALUES), level="nominal")
    expected = krippendorff.alpha(
        matrix.T,
        value_domain=list(range(N_VALUES)),
        level_of_measurement=lambda a, b, **_: np.abs(a - b),
    )
    assert krippendorff_alpha(data, difference=own).value == pytest.approx(expected, abs=1e-10)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("weights", [None, "linear", "quadratic"])
def test_cohen_equals_statsmodels_and_sklearn(seed: int, weights: str | None) -> None:
    matrix = ratings(seed, n_raters=2, gap=0.2)
    both = matrix[~np.isnan(matrix).any(axis=1)].astype(int)
    table = np.zeros((N_VALUES, N_VALUES), dtype=int)
    np.add.at(table, (both[:, 0], both[:, 1]), 1)
    data = ReliabilityData.from_matrix(matrix, values=range(N_VALUES), level="ordinal")
    kind = {None: None, "linear": "linear", "quadratic": "quadratic"}[weights]
    oracle = cohens_kappa(table, wt=kind)
    result = cohen_kappa(data, weights=weights, interval="asymptotic")
    assert result.interval is not None
    assert result.value == pytest.approx(oracle.kappa, abs=1e-12)
    assert result.interval.standard_error == pytest.approx(oracle.std_kappa, abs=1e-12)
    score = cohen_kappa_score(both[:, 0], both[:, 1], weights=kind, labels=range(N_VALUES))
    assert result.value == pytest.approx(score, abs=1e-12)
    tabled = from_table(table, values=range(N_VALUES), level="ordinal")
    assert cohen_kappa(tabled, weights=weights).value == result.value


@pytest.mark.parametrize("seed", range(4))
def test_fleiss_equals_statsmodels_where_all_units_have_as_many_raters(seed: int) -> None:
    matrix = ratings(seed, gap=0.0)
    data = ReliabilityData.from_matrix(matrix, values=range(N_VALUES), level="nominal")
    counts = (matrix[:, :, None] == np.arange(N_VALUES)).sum(axis=1)
    expected = statsmodels_fleiss(counts)
    assert fleiss_kappa(data).value == pytest.approx(expected, abs=1e-12)


def test_all_pairs_at_once_equal_one_pair_at_a_time() -> None:
    data = ReliabilityData.from_matrix(ratings(5), values=range(N_VALUES), level="ordinal")
    pairs = pair_agreements(data, weights="quadratic")
    assert len(pairs) == 10
    for pair in pairs:
        alone = cohen_kappa(data, raters=(pair.rater_a, pair.rater_b), weights="quadratic")
        assert pair.kappa == pytest.approx(alone.value or 0, abs=1e-12)
        assert pair.n_units == alone.n_units


def theirs(call: Callable[[], float]) -> float | None:
    """Return a peer's figure, or None where it raises or says NaN."""
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            figure = float(call())
        except (ValueError, AssertionError, ZeroDivisionError):
            return None
    return None if np.isnan(figure) else figure


def same(value: float | None, status: Status, expected: float | None) -> bool:
    if expected is None:
        return value is None and status is not Status.OK
    return value is not None and abs(value - expected) <= 1e-10


@pytest.mark.parametrize("level", ["nominal", "ordinal", "interval", "ratio"])
@settings(max_examples=40)
@given(matrix=arrays(np.int64, (4, 3), elements=st.integers(-2, 2)))
def test_where_krippendorff_has_no_figure_ours_has_a_status(level: str, matrix: np.ndarray) -> None:
    # Below zero is missing, so that most of the matrix often is.
    given_ = np.where(matrix < 0, np.nan, matrix)
    data = ReliabilityData.from_matrix(given_, values=range(3), level=level)
    found = krippendorff_alpha(data)
    expected = theirs(
        lambda: krippendorff.alpha(given_.T, level_of_measurement=level, value_domain=[0, 1, 2])
    )
    assert same(found.value, found.status, expected)


@settings(max_examples=80)
@given(
    matrix=arrays(np.int64, (5, 2), elements=st.integers(-1, 2)),
    weights=st.sampled_from([None, "linear", "quadratic"]),
)
def test_where_statsmodels_and_sklearn_have_no_kappa_ours_has_a_status(
    matrix: np.ndarray, weights: str | None
) -> None:
    given_ = np.where(matrix < 0, np.nan, matrix)
    both = matrix[(matrix >= 0).all(axis=1)]
    table = np.zeros((3, 3), dtype=int)
    np.add.at(table, tuple(both.T), 1)
    data = ReliabilityData.from_matrix(given_, values=range(3), level="ordinal")
    if data.n_raters < 2:
        return
    found = cohen_kappa(data, weights=weights)
    of_table = theirs(lambda: cohens_kappa(table, wt=weights).kappa)
    of_columns = theirs(
        lambda: cohen_kappa_score(both[:, 0], both[:, 1], weights=weights, labels=[0, 1, 2])
    )
    assert same(found.value, found.status, of_table)
    # sklearn gives 0 where statsmodels gives NaN in some of its versions: only figures count.
    assert found.value is None or same(found.value, found.status, of_columns)


@settings(max_examples=40)
@given(matrix=arrays(np.int64, (4, 3), elements=st.integers(0, 1)))
def test_where_statsmodels_has_no_fleiss_ours_has_a_status(matrix: np.ndarray) -> None:
    data = ReliabilityData.from_matrix(matrix, values=[0, 1], level="nominal")
    counts = (matrix[:, :, None] == np.arange(2)).sum(axis=1)
    found = fleiss_kappa(data)
    assert same(found.value, found.status, theirs(lambda: statsmodels_fleiss(counts)))
