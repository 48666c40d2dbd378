"""Quantiles against scipy."""

from __future__ import annotations

import pytest
from scipy import stats

from tasks.agreement.quantiles import (
    f_quantile,
    normal_cdf,
    normal_quantile,
    student_t_cdf,
    student_t_quantile,
)

DEGREES = [0.5, 1, 1.5, 2, 3, 5, 10.5, 29, 99, 399, 1000, 1999, 2000, 5000, 1e6]
CHANCES = [1e-6, 0.005, 0.025, 0.2, 0.4999, 0.5, 0.6, 0.9, 0.975, 0.995, 0.9999, 1 - 1e-9]


@pytest.mark.parametrize("df", DEGREES)
@pytest.mark.parametrize("probability", CHANCES)
def test_t_quantile(df: float, probability: float) -> None:
    expected = stats.t.ppf(probability, df)
    assert student_t_quantile(probability, df) == pytest.approx(expected, rel=2e-9, abs=1e-10)


@pytest.mark.parametrize("df", DEGREES)
@pytest.mark.parametrize("t", [-50.0, -2.0, -0.1, 0.0, 0.7, 3.0, 200.0])
def test_t_distribution(df: float, t: float) -> None:
    assert student_t_cdf(t, df) == pytest.approx(stats.t.cdf(t, df), rel=1e-9, abs=1e-14)


@pytest.mark.parametrize("probability", CHANCES)
def test_normal(probability: float) -> None:
    z = normal_quantile(probability)
    assert z == pytest.approx(stats.norm.ppf(probability), rel=1e-12, abs=1e-12)
    assert normal_cdf(z) == pytest.approx(probability, rel=1e-9)


@pytest.mark.parametrize(("probability", "df"), [(0.0, 3), (1.0, 3), (0.5, 0), (0.5, float("nan"))])
def test_senseless_arguments_of_t(probability: float, df: float) -> None:
    with pytest.raises(ValueError, match="must"):
        student_t_quantile(probability, df)


@pytest.mark.parametrize("above", [0.4, 1, 5, 60.5, 3000])
@pytest.mark.parametrize("below", [0.7, 2, 15, 399.5, 5000])
def test_f_quantile(above: float, below: float) -> None:
    for probability in (1e-6, 0.025, 0.4, 0.5, 0.9, 0.975, 1 - 1e-6):
        expected = stats.f.ppf(probability, above, below)
        assert f_quantile(probability, above, below) == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize(
    ("probability", "above", "below"), [(0.0, 3, 3), (1.0, 3, 3), (0.5, 0, 3), (0.5, 3, 0)]
)
def test_senseless_arguments_of_f(probability: float, above: float, below: float) -> None:
    with pytest.raises(ValueError, match="must"):
        f_quantile(probability, above, below)
