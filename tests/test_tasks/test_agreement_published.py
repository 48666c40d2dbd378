"""Tables printed in the literature, small enough to stand here."""

from __future__ import annotations

import pytest

from tasks.agreement import (
    ReliabilityData,
    brennan_prediger,
    cohen_kappa,
    cohen_kappa_test,
    conger_kappa,
    fleiss_kappa,
    from_table,
    gwet_ac1,
    gwet_ac2,
    gwet_alpha,
    krippendorff_alpha,
    negative_agreement,
    percent_agreement,
    positive_agreement,
    scott_pi,
)

# Krippendorff (2011), example C: four observers, twelve units, five values; rows are observers.
_OBSERVERS = [
    [1, 2, 3, 3, 2, 1, 4, 1, 2, None, None, None],
    [1, 2, 3, 3, 2, 2, 4, 1, 2, 5, None, 3],
    [None, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, None],
    [1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, None],
]
# Gwet (2014), fifteen subjects, six raters, five categories (the psychiatric diagnoses).
_DIAGNOSES = [
    [0, 0, 0, 6, 0], [0, 3, 0, 0, 3], [0, 1, 4, 0, 1], [0, 0, 0, 0, 6], [0, 3, 0, 3, 0],
    [2, 0, 4, 0, 0], [0, 0, 4, 0, 2], [2, 0, 3, 1, 0], [2, 0, 0, 4, 0], [0, 0, 0, 0, 6],
    [1, 0, 0, 5, 0], [1, 1, 0, 4, 0], [0, 3, 3, 0, 0], [1, 0, 0, 5, 0], [0, 2, 0, 3, 1],
]  # fmt: skip


def observers(level: str) -> ReliabilityData:
    return ReliabilityData.from_matrix(
        list(map(list, zip(*_OBSERVERS, strict=True))), values=[1, 2, 3, 4, 5], level=level
    )


def diagnoses() -> ReliabilityData:
    return ReliabilityData.from_counts(_DIAGNOSES, values=range(1, 6), level="nominal")


@pytest.mark.parametrize(
    ("level", "alpha"),
    [("nominal", 0.743), ("ordinal", 0.815), ("interval", 0.849), ("ratio", 0.797)],
)
def test_krippendorff_2011_example_c(level: str, alpha: float) -> None:
    assert krippendorff_alpha(observers(level)).value == pytest.approx(alpha, abs=6e-4)


def test_a_result_carries_everything_it_must_not_travel_without() -> None:
    result = krippendorff_alpha(observers("ordinal"))
    assert (result.coefficient, result.level.value) == ("krippendorff_alpha", "ordinal")
    assert (result.n_units, result.n_pairable_units) == (12, 11)
    assert (result.n_labels, result.n_raters) == (41, 4)
    assert sum(result.prevalence) == pytest.approx(1)
    assert (result.sufficiency.have, result.sufficiency.need) == (11, 100)
    assert not result.sufficiency.enough
    assert result.interval is not None
    assert result.interval.method == "jackknife"
    assert result.interval.df == 10
    assert result.observed_disagreement is not None
    assert result.expected_disagreement is not None
    ratio = result.observed_disagreement / result.expected_disagreement
    assert result.value == pytest.approx(1 - ratio)


def test_gwet_2014_diagnoses_of_six_raters() -> None:
    data = diagnoses()
    ac1 = gwet_ac1(data, interval="analytic")
    fleiss = fleiss_kappa(data, interval="analytic")
    uniform = brennan_prediger(data, interval="analytic")
    assert ac1.value == pytest.approx(0.4448007, abs=5e-8)
    assert fleiss.value == pytest.approx(0.4139265, abs=5e-8)
    assert uniform.value == pytest.approx(0.4388889, abs=5e-8)
    assert gwet_alpha(data).value == pytest.approx(0.4204384, abs=5e-8)
    assert percent_agreement(data).value == pytest.approx(0.5511111, abs=5e-8)
    errors = [one.interval.standard_error for one in (ac1, fleiss, uniform) if one.interval]
    assert errors == pytest.approx([0.08418757, 0.08119291, 0.08312142], abs=5e-9)


def test_cohen_1960() -> None:
    # Proportions of his table, times 200.
    table = [[88, 14, 18], [10, 40, 10], [2, 6, 12]]
    data = from_table(table, values=["a", "b", "c"], level="nominal")
    assert cohen_kappa(data).value == pytest.approx(0.492, abs=5e-4)
    assert gwet_ac2(data, weights="quadratic").value == pytest.approx(0.63855, abs=5e-6)


def test_feinstein_and_cicchetti_same_agreement_different_kappa() -> None:
    balanced = from_table([[40, 9], [6, 45]], values=["yes", "no"], level="nominal")
    skewed = from_table([[80, 10], [5, 5]], values=["yes", "no"], level="nominal")
    assert percent_agreement(balanced).value == percent_agreement(skewed).value == 0.85
    assert cohen_kappa(balanced).value == pytest.approx(0.70, abs=5e-3)
    assert cohen_kappa(skewed).value == pytest.approx(0.32, abs=5e-3)


def test_fleiss_1971_and_randolph_free_marginal() -> None:
    data = ReliabilityData.from_counts([[7, 1], [3, 5]], values=[0, 1], level="nominal")
    assert fleiss_kappa(data).value == pytest.approx(0.161905, abs=5e-7)
    assert brennan_prediger(data).value == pytest.approx(0.214286, abs=5e-7)


def test_specific_agreement_of_two_raters_is_twice_a_over_its_margins() -> None:
    data = from_table([[40, 9], [6, 45]], values=["no", "yes"], level="nominal")
    assert positive_agreement(data).value == pytest.approx(90 / (90 + 15))
    assert negative_agreement(data).value == pytest.approx(80 / (80 + 15))


def test_kappa_of_sas_with_its_errors_and_test() -> None:
    # PROC FREQ documentation, skin conditions: no, poor and fair are the first three rows.
    table = [[10, 4, 1], [5, 10, 12], [2, 0, 10]]
    data = from_table(table, values=[1, 2, 3], level="nominal")
    result, test = cohen_kappa(data, interval="asymptotic"), cohen_kappa_test(data)
    assert result.interval is not None
    assert test is not None
    assert result.interval.df is None
    assert test.z == pytest.approx((result.value or 0) / test.null_standard_error)
    assert 0 < test.p_value < 0.001


def test_conger_equals_cohen_and_fleiss_equals_scott_for_two_raters() -> None:
    matrix = [[1, 1], [2, 2], [1, 2], [3, 3], [3, 1], [2, 2]]
    data = ReliabilityData.from_matrix(matrix, values=[1, 2, 3], level="nominal")
    assert conger_kappa(data).value == pytest.approx(cohen_kappa(data).value or 0, abs=1e-14)
    assert fleiss_kappa(data).value == pytest.approx(scott_pi(data).value or 0, abs=1e-14)


def test_conger_of_merged_statistics_gives_the_estimate_and_says_why_no_interval() -> None:
    data = ReliabilityData.from_matrix(
        [[1, 1, 2], [2, 2, 2], [1, None, 1], [2, 1, None]], values=[1, 2], level="nominal"
    )
    merged = conger_kappa(data.statistics)
    assert merged.value == pytest.approx(conger_kappa(data).value or 0, abs=1e-14)
    assert merged.interval is None
    assert merged.interval_reason
