"""Intraclass correlations: the published table, analyses of variance by statsmodels, laws."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from statsmodels.formula.api import ols
from statsmodels.stats.anova import anova_lm

from tasks.agreement import (
    ICC_MODELS,
    CoefficientError,
    IntervalSpec,
    ReliabilityData,
    Status,
    intraclass_correlation,
)
from tasks.agreement.intervals import NO_BOUNDS, NO_FORMULA

# Shrout & Fleiss (1979), table 2: six targets, four judges.
TABLE = [[9, 2, 5, 8], [6, 1, 3, 2], [8, 4, 6, 8], [7, 1, 2, 6], [10, 5, 6, 9], [6, 2, 4, 7]]


def data_of(matrix: object, level: str = "interval") -> ReliabilityData:
    array = np.asarray(matrix, dtype=float)
    values = np.unique(array[~np.isnan(array)]).tolist()
    return ReliabilityData.from_matrix(array, values=values or [0.0], level=level)


def icc(matrix: object, model: str, *, average: bool = False) -> float | None:
    return intraclass_correlation(
        data_of(matrix), model=model, average=average, interval=None
    ).value


@pytest.mark.parametrize(
    ("model", "average", "published"),
    [
        ("one_way", False, 0.17),
        ("two_way_random", False, 0.29),
        ("two_way_mixed", False, 0.71),
        ("one_way", True, 0.44),
        ("two_way_random", True, 0.62),
        ("two_way_mixed", True, 0.91),
    ],
)
def test_shrout_and_fleiss_table_4(model: str, average: bool, published: float) -> None:  # noqa: FBT001
    assert icc(TABLE, model, average=average) == pytest.approx(published, abs=0.005)


def test_by_hand_from_the_published_mean_squares() -> None:
    # Table 3 there: between targets 11.24, within 6.26, between judges 32.49, residual 1.02.
    bms, wms, jms, ems, k, n = 11.24, 6.26, 32.49, 1.02, 4, 6
    assert icc(TABLE, "one_way") == pytest.approx((bms - wms) / (bms + 3 * wms), abs=1e-3)
    random = (bms - ems) / (bms + 3 * ems + k * (jms - ems) / n)
    assert icc(TABLE, "two_way_random") == pytest.approx(random, abs=1e-3)
    assert icc(TABLE, "two_way_mixed") == pytest.approx((bms - ems) / (bms + 3 * ems), abs=1e-3)


@pytest.mark.oracle
@pytest.mark.parametrize("seed", range(4))
def test_statsmodels_finds_the_same_mean_squares(seed: int) -> None:
    rng = np.random.default_rng(seed)
    n, k = int(rng.integers(5, 30)), int(rng.integers(2, 6))
    matrix = rng.normal(0, 2, (n, 1)) + rng.normal(0, 1, (1, k)) + rng.normal(0, 1, (n, k))
    long = pd.DataFrame(
        {
            "unit": np.repeat(np.arange(n), k),
            "rater": np.tile(np.arange(k), n),
            "score": matrix.ravel(),
        }
    )
    two = anova_lm(ols("score ~ C(unit) + C(rater)", data=long).fit())["mean_sq"]
    bms, jms, ems = two["C(unit)"], two["C(rater)"], two["Residual"]
    wms = anova_lm(ols("score ~ C(unit)", data=long).fit())["mean_sq"]["Residual"]
    expected = {
        ("one_way", False): (bms - wms) / (bms + (k - 1) * wms),
        ("one_way", True): (bms - wms) / bms,
        ("two_way_random", False): (bms - ems) / (bms + (k - 1) * ems + k * (jms - ems) / n),
        ("two_way_random", True): (bms - ems) / (bms + (jms - ems) / n),
        ("two_way_mixed", False): (bms - ems) / (bms + (k - 1) * ems),
        ("two_way_mixed", True): (bms - ems) / bms,
    }
    for (model, average), value in expected.items():
        assert icc(matrix, model, average=average) == pytest.approx(value, abs=1e-10)


@pytest.mark.oracle
def test_statsmodels_finds_the_same_with_gaps() -> None:
    rng = np.random.default_rng(8)
    matrix = rng.normal(0, 2, (25, 1)) + rng.normal(0, 1, (25, 5))
    matrix[rng.random(matrix.shape) < 0.4] = np.nan
    kept = matrix[(~np.isnan(matrix)).sum(axis=1) > 1]
    given_ = (~np.isnan(kept)).sum(axis=1)
    unit, _ = np.nonzero(~np.isnan(kept))
    long = pd.DataFrame({"unit": unit, "score": kept[~np.isnan(kept)]})
    mean_squares = anova_lm(ols("score ~ C(unit)", data=long).fit())["mean_sq"]
    bms, wms = mean_squares["C(unit)"], mean_squares["Residual"]
    number = (given_.sum() - (given_**2).sum() / given_.sum()) / (len(kept) - 1)
    expected = (bms - wms) / (bms + (number - 1) * wms)
    assert icc(matrix, "one_way") == pytest.approx(expected, abs=1e-10)
    assert icc(matrix, "one_way", average=True) == pytest.approx((bms - wms) / bms, abs=1e-10)


def test_two_way_models_take_the_units_everybody_labelled() -> None:
    holed = [*TABLE, [5, np.nan, 1, 9], [np.nan, 3, np.nan, np.nan]]
    for model in ("two_way_random", "two_way_mixed"):
        assert icc(holed, model) == pytest.approx(icc(TABLE, model))
    result = intraclass_correlation(data_of(holed), model="two_way_mixed")
    assert (result.n_units, result.n_pairable_units) == (8, 6)
    assert intraclass_correlation(data_of(holed), model="one_way").n_pairable_units == 7


@settings(max_examples=40)
@given(seed=st.integers(0, 9999), factor=st.floats(0.1, 9), shift=st.floats(-50, 50))
def test_units_of_measurement_do_not_matter(seed: int, factor: float, shift: float) -> None:
    rng = np.random.default_rng(seed)
    matrix = rng.normal(size=(8, 3))
    bias = rng.normal(size=3)
    for model in ICC_MODELS:
        for average in (False, True):
            value = icc(matrix, model, average=average)
            assert value is not None
            assert value <= 1
            moved = icc(matrix * factor + shift, model, average=average)
            assert moved == pytest.approx(value, rel=1e-6, abs=1e-6)
    # Consistency does not see that a rater always says more.
    assert icc(matrix + bias, "two_way_mixed") == pytest.approx(icc(matrix, "two_way_mixed"))


@pytest.mark.parametrize("model", ICC_MODELS)
@pytest.mark.parametrize("average", [False, True])
def test_perfect_agreement_is_one(model: str, average: bool) -> None:  # noqa: FBT001
    matrix = [[1, 1, 1], [2, 2, 2], [5, 5, 5]]
    assert icc(matrix, model, average=average) == pytest.approx(1)


@pytest.mark.parametrize("model", ICC_MODELS)
def test_what_is_undefined_says_why(model: str) -> None:
    def status(matrix: object) -> Status:
        return intraclass_correlation(data_of(matrix), model=model).status

    assert status(np.full((3, 2), np.nan)) is Status.NO_LABELS
    assert status([[1.0, np.nan], [np.nan, 2.0]]) is Status.NO_PAIRABLE_UNITS
    assert status([[1.0], [2.0]]) is Status.NO_PAIRABLE_UNITS
    assert status([[1.0, 1.0], [1.0, 1.0]]) is Status.NO_VARIATION
    assert status([[1.0, 2.0]]) is Status.NO_VARIATION


def test_no_unit_with_every_rater_is_no_pairable_unit() -> None:
    matrix = [[1, 2, np.nan], [np.nan, 3, 4], [2, np.nan, 4]]
    result = intraclass_correlation(data_of(matrix), model="two_way_random")
    assert result.status is Status.NO_PAIRABLE_UNITS
    assert result.n_pairable_units == 0
    assert icc(matrix, "one_way") is not None


def test_equal_means_leave_the_average_nothing_to_divide_by() -> None:
    assert icc([[1, 3], [3, 1], [2, 2]], "two_way_mixed", average=True) is None
    assert icc([[1, 3], [3, 1], [2, 2]], "one_way") == pytest.approx(-1)


@pytest.mark.parametrize("model", ICC_MODELS)
def test_the_jackknife_leaves_every_unit_out_once(model: str) -> None:
    rng = np.random.default_rng(2)
    matrix = rng.normal(0, 2, (40, 1)) + rng.normal(0, 1, (40, 3))
    result = intraclass_correlation(data_of(matrix), model=model)
    without = [icc(np.delete(matrix, one, axis=0), model) for one in range(40)]
    error = (39 / 40 * ((np.array(without) - np.mean(without)) ** 2).sum()) ** 0.5
    assert result.interval is not None
    assert result.interval.standard_error == pytest.approx(error, rel=1e-8)
    assert result.weights == f"{model} single"


def test_what_is_refused() -> None:
    with pytest.raises(CoefficientError, match="unknown model"):
        intraclass_correlation(data_of(TABLE), model="three_way")
    with pytest.raises(CoefficientError, match="interval or the ratio"):
        intraclass_correlation(data_of(TABLE, "ordinal"), model="one_way")
    counted = ReliabilityData.from_counts([[1, 1]], values=[0, 1], level="interval")
    with pytest.raises(CoefficientError, match="who rated"):
        intraclass_correlation(counted, model="one_way")


@pytest.mark.parametrize(
    ("model", "average", "low", "high"),
    [
        ("one_way", False, -0.133, 0.723),
        ("two_way_random", False, 0.019, 0.761),
        ("two_way_mixed", False, 0.342, 0.946),
        ("one_way", True, -0.884, 0.912),
        ("two_way_random", True, 0.071, 0.927),
        ("two_way_mixed", True, 0.676, 0.986),
    ],
)
def test_f_intervals_of_the_published_table(
    model: str,
    average: bool,  # noqa: FBT001
    low: float,
    high: float,
) -> None:
    # As the R package psych prints them for the same table.
    result = intraclass_correlation(
        data_of(TABLE), model=model, average=average, interval="analytic"
    )
    interval = result.interval
    assert interval is not None
    assert (interval.method, interval.confidence) == ("analytic", 0.95)
    assert (interval.low, interval.high) == (
        pytest.approx(low, abs=5e-4),
        pytest.approx(high, abs=5e-4),
    )
    assert interval.standard_error is None
    assert result.interval_reason == ""
    assert result.to_json()["interval"]


@pytest.mark.oracle
@pytest.mark.parametrize("average", [False, True])
def test_f_intervals_hold_what_the_f_test_does_not_refuse(average: bool) -> None:  # noqa: FBT001
    rng = np.random.default_rng(6)
    matrix = rng.normal(0, 1, (20, 1)) + rng.normal(0, 1, (20, 4))
    between = 4 * matrix.mean(axis=1).var(ddof=1)
    within = matrix.var(axis=1, ddof=1).mean()
    for confidence in (0.8, 0.99):
        spec = IntervalSpec("analytic", confidence=confidence)
        interval = intraclass_correlation(
            data_of(matrix), model="one_way", average=average, interval=spec
        ).interval
        assert interval is not None
        for bound, tail in ((interval.low, "sf"), (interval.high, "cdf")):
            # One score's correlation, and the F it makes likely just enough.
            rho = bound / (4 - 3 * bound) if average else bound
            f = between / within / (1 + 4 * rho / (1 - rho))
            assert getattr(stats.f, tail)(f, 19, 60) == pytest.approx((1 - confidence) / 2)


def test_where_there_is_no_f_interval() -> None:
    def reason(
        matrix: object, model: str, method: str = "analytic", *, average: bool = False
    ) -> str:
        result = intraclass_correlation(
            data_of(matrix), model=model, average=average, interval=method
        )
        assert result.status is Status.OK
        assert result.interval is None
        return result.interval_reason

    assert reason([*TABLE, [1, 2, np.nan, 3]], "one_way") == NO_FORMULA
    assert reason(TABLE, "two_way_mixed", "asymptotic") == NO_FORMULA
    assert reason([[1, 1], [2, 2], [4, 4]], "one_way") == NO_BOUNDS
    assert reason([[1, 3], [3, 1], [2, 2]], "two_way_mixed") == NO_BOUNDS
    # Raters whose means are alike by accident: a mean's bound would pass the end of the scale.
    alike = [[1, 9, 5], [5, 1, 9], [9, 5, 1], [2, 1, 3]]
    assert reason(alike, "two_way_random", average=True) == NO_BOUNDS
