"""The traps in which other implementations were caught, each by name."""

from __future__ import annotations

import json

import numpy as np
import pytest

from tasks.agreement import (
    CoefficientError,
    ReliabilityData,
    ReliabilityDataError,
    Status,
    brennan_prediger,
    cohen_kappa,
    conger_kappa,
    fleiss_kappa,
    from_table,
    gwet_ac1,
    gwet_ac2,
    gwet_alpha,
    krippendorff_alpha,
    masi_distance,
    percent_agreement,
    positive_agreement,
    scott_pi,
    weight_matrix,
)

CHANCE_CORRECTED = [
    krippendorff_alpha, gwet_alpha, fleiss_kappa, gwet_ac1, brennan_prediger, conger_kappa,
    cohen_kappa, scott_pi,
]  # fmt: skip


def binary(matrix: list[list[object]]) -> ReliabilityData:
    return ReliabilityData.from_matrix(matrix, values=[0, 1], level="nominal")


@pytest.mark.parametrize("coefficient", CHANCE_CORRECTED, ids=lambda one: one.__name__)
def test_nobody_flagged_a_rare_harm_is_no_variation_and_never_one(coefficient) -> None:
    result = coefficient(binary([[0, 0]] * 20))
    assert result.value is None
    assert result.status is Status.NO_VARIATION
    assert result.prevalence == (1.0, 0.0)
    assert result.interval is None
    assert json.loads(json.dumps(result.to_json(), allow_nan=False))["reason"]


def test_no_variation_leaves_percent_agreement_defined() -> None:
    result = percent_agreement(binary([[0, 0]] * 20))
    assert (result.value, result.status) == (1.0, Status.OK)
    assert result.interval is None


def test_positive_agreement_without_positives_says_so() -> None:
    assert positive_agreement(binary([[0, 0]] * 3)).status is Status.NO_POSITIVES


@pytest.mark.parametrize("coefficient", CHANCE_CORRECTED, ids=lambda one: one.__name__)
def test_no_unit_rated_twice_is_no_pairable_units(coefficient) -> None:
    result = coefficient(binary([[0, None], [None, 1], [1, None]]))
    assert (result.value, result.status) == (None, Status.NO_PAIRABLE_UNITS)


@pytest.mark.parametrize("coefficient", CHANCE_CORRECTED, ids=lambda one: one.__name__)
def test_no_labels_at_all(coefficient) -> None:
    data = ReliabilityData.from_long([], [], [], n_values=2, level="nominal")
    assert coefficient(data).status is Status.NO_LABELS


def test_small_integers_do_not_overflow() -> None:
    rng = np.random.default_rng(1)
    counts = rng.integers(0, 60, size=(40, 4))
    wide = ReliabilityData.from_counts(counts, values=range(4), level="nominal")
    small = ReliabilityData.from_counts(counts.astype(np.uint8), values=range(4), level="nominal")
    assert krippendorff_alpha(wide) == krippendorff_alpha(small)


@pytest.mark.parametrize("kind", [np.bool_, np.int8, np.uint8, np.int16, np.uint64, np.int64])
def test_any_integer_or_boolean_type_gives_the_same(kind: type) -> None:
    codes = np.array([0, 1, 1, 1, 0, 0, 1, 0])
    unit, rater = np.repeat(np.arange(4), 2), np.tile([0, 1], 4)
    data = ReliabilityData.from_long(
        unit, rater.astype(kind), codes.astype(kind), n_values=2, level="nominal"
    )
    plain = ReliabilityData.from_long(unit, rater, codes, n_values=2, level="nominal")
    assert krippendorff_alpha(data) == krippendorff_alpha(plain)


def test_boolean_and_object_matrices_with_none_for_missing() -> None:
    numbers = krippendorff_alpha(binary([[1, 1], [0, None], [0, 1], [0, 0]]))
    truths = ReliabilityData.from_matrix(
        [[True, True], [False, None], [False, True], [False, False]],
        values=[False, True],
        level="nominal",
    )
    assert krippendorff_alpha(truths) == numbers
    whole = np.array([[True, False], [False, False]])
    assert ReliabilityData.from_matrix(whole, values=[False, True], level="nominal").n_labels == 4


def test_a_label_spelled_nan_is_a_label() -> None:
    data = ReliabilityData.from_matrix(
        [["nan", "nan"], ["a", "nan"], ["a", "a"]], values=["a", "nan"], level="nominal"
    )
    assert data.n_labels == 6
    assert krippendorff_alpha(data).value == pytest.approx(0.4444, abs=1e-4)


def test_nan_among_numbers_and_masked_cells_are_absent_rows() -> None:
    plain = ReliabilityData.from_matrix([[1, 2], [1, None], [2, 2]], values=[1, 2], level="ratio")
    numbers = np.array([[1.0, 2.0], [1.0, np.nan], [2.0, 2.0]])
    masked = np.ma.masked_array([[1, 2], [1, 9], [2, 2]], mask=[[0, 0], [0, 1], [0, 0]])
    for matrix in (numbers, masked):
        data = ReliabilityData.from_matrix(matrix, values=[1, 2], level="ratio")
        assert krippendorff_alpha(data) == krippendorff_alpha(plain)


def test_missing_never_becomes_a_category() -> None:
    with pytest.raises(ReliabilityDataError, match="row 1: value None"):
        ReliabilityData.from_long([0, 0], [0, 1], ["a", None], values=["a", "b"], level="nominal")
    with pytest.raises(ReliabilityDataError, match="row 1: value nan"):
        ReliabilityData.from_long([0, 0], [0, 1], [1.0, np.nan], values=[1, 2], level="nominal")


def test_unequal_raters_per_unit_are_handled() -> None:
    data = ReliabilityData.from_counts([[3, 0], [1, 1], [0, 4]], values=[0, 1], level="nominal")
    assert fleiss_kappa(data).status is Status.OK
    assert krippendorff_alpha(data).status is Status.OK


def test_the_level_is_required() -> None:
    with pytest.raises(TypeError):
        ReliabilityData.from_long([0], [0], [0], n_values=2)  # type: ignore[call-arg]
    with pytest.raises(ReliabilityDataError, match="unknown level"):
        ReliabilityData.from_long([0], [0], [0], n_values=2, level="metric")


def test_the_value_domain_is_required() -> None:
    with pytest.raises(ReliabilityDataError, match="exactly one of n_values and values"):
        ReliabilityData.from_long([0], [0], [0], level="nominal")


def test_single_rated_units_leave_alpha_but_enter_the_margins_of_gwets_family() -> None:
    pairs = [[0, 0], [1, 1], [0, 1], [1, 1]]
    alone = [*pairs, [0, None], [0, None]]
    assert krippendorff_alpha(binary(pairs)).value == krippendorff_alpha(binary(alone)).value
    assert krippendorff_alpha(binary(pairs)).interval == krippendorff_alpha(binary(alone)).interval
    for coefficient in (fleiss_kappa, gwet_ac1):
        assert coefficient(binary(pairs)).value != coefficient(binary(alone)).value


def test_a_single_rated_positive_makes_no_variation_among_comparable_labels() -> None:
    result = gwet_ac1(binary([[0, 0], [0, 0], [1, None]]))
    assert (result.value, result.status) == (None, Status.NO_VARIATION)


def test_unused_values_change_weighted_kappa_and_ac1_but_not_ordinal_alpha() -> None:
    matrix = [[0, 0], [0, 1], [1, 1], [1, 1], [2, 2], [0, 2]]

    def over(n_values: int) -> ReliabilityData:
        return ReliabilityData.from_matrix(matrix, values=range(n_values), level="ordinal")

    alphas = [krippendorff_alpha(over(size)).value for size in (3, 5)]
    kappas = [cohen_kappa(over(size), weights="radical").value for size in (3, 5)]
    assert alphas[0] == pytest.approx(alphas[1], abs=1e-15)
    assert gwet_ac1(over(3)).value != gwet_ac1(over(5)).value
    # Distances on the whole scale keep their ratios, so the constant cancels ...
    assert kappas[0] == pytest.approx(kappas[1], abs=1e-14)
    # ... but a scale squeezed onto the values in use does not.
    spread = [[(0, 1, 4)[cell] for cell in row] for row in matrix]
    whole = ReliabilityData.from_matrix(spread, values=range(5), level="ordinal")
    squeezed = cohen_kappa(over(3), weights="quadratic").value
    assert cohen_kappa(whole, weights="quadratic").value != pytest.approx(squeezed, abs=0.01)


def test_ordinal_weights_are_not_the_ordinal_difference() -> None:
    data = ReliabilityData.from_counts(
        [[2, 1, 0], [0, 2, 1], [0, 0, 3], [1, 1, 1]], values=[1, 2, 3], level="ordinal"
    )
    krippendorff = krippendorff_alpha(data).value
    assert gwet_alpha(data, weights="ordinal").value != pytest.approx(krippendorff, abs=1e-3)


def test_masked_and_object_integers_beyond_int64_are_refused() -> None:
    with pytest.raises(ReliabilityDataError, match=r"above 2\*\*63"):
        ReliabilityData.from_long(
            np.array([2**63 + 1], dtype=np.uint64), [0], [0], n_values=2, level="nominal"
        )


def test_a_figure_that_hangs_on_one_unit_has_no_interval_and_says_so() -> None:
    result = krippendorff_alpha(binary([[0, 0]] * 30 + [[0, 1]]))
    assert result.status is Status.OK
    assert result.interval is None
    assert "unit alone" in result.interval_reason


@pytest.mark.parametrize("method", ["jackknife", "bootstrap", "bca"])
def test_perfect_agreement_has_no_spread_to_make_an_interval_of(method: str) -> None:
    result = krippendorff_alpha(binary([[0, 0], [1, 1]] * 10), interval=method)
    assert result.value == 1
    assert result.interval is None
    assert "no spread" in result.interval_reason


def test_a_coefficient_without_a_formula_for_its_error_says_so() -> None:
    result = krippendorff_alpha(binary([[0, 0], [1, 1], [0, 1]]), interval="analytic")
    assert result.interval is None
    assert "no published standard error" in result.interval_reason


def test_two_of_many_raters_must_be_named() -> None:
    data = binary([[0, 0, 1], [1, 1, 1], [0, 1, 0]])
    with pytest.raises(CoefficientError, match="3 raters"):
        cohen_kappa(data)
    with pytest.raises(CoefficientError, match="two different raters"):
        cohen_kappa(data, raters=(0, 7))
    assert cohen_kappa(data, raters=(2, 0)).value == cohen_kappa(data, raters=(0, 2)).value


def test_raters_without_a_common_unit_have_no_kappa() -> None:
    result = cohen_kappa(binary([[0, None, 1], [None, 1, 1]]), raters=(0, 1))
    assert (result.status, result.n_units) == (Status.NO_PAIRABLE_UNITS, 0)


def test_value_counts_cannot_tell_raters_apart() -> None:
    data = ReliabilityData.from_counts([[2, 1], [0, 3]], values=[0, 1], level="nominal")
    for coefficient in (conger_kappa, cohen_kappa):
        with pytest.raises(CoefficientError, match="who rated"):
            coefficient(data)


def test_opposite_constant_raters_have_kappa_zero_not_undefined() -> None:
    assert cohen_kappa(from_table([[0, 9], [0, 0]], values=[0, 1], level="nominal")).value == 0


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        ("cubic", "unknown weights"),
        ([[1.0]], "shape"),
        ([[1.0, 2.0], [0.0, 1.0]], "between 0 and 1"),
        ([[0.5, 0.0], [0.0, 1.0]], "1 on the diagonal"),
    ],
)
def test_senseless_weights_are_refused(weights: object, message: str) -> None:
    with pytest.raises(CoefficientError, match=message):
        gwet_ac2(binary([[0, 1], [1, 1]]), weights=weights)


@pytest.mark.parametrize(
    "difference", [[[0.0]], [[0, 1], [2, 0]], [[1, 1], [1, 0]], [[0, -1], [-1, 0]]]
)
def test_senseless_differences_are_refused(difference: object) -> None:
    with pytest.raises(CoefficientError, match="difference"):
        krippendorff_alpha(binary([[0, 1], [1, 1]]), difference=difference)


def test_named_weights_are_one_on_the_diagonal_and_zero_at_the_ends() -> None:
    scale = np.array([1.0, 2.0, 3.0, 4.0])
    for name in ("linear", "quadratic", "radical", "ordinal", "ratio", "bipolar"):
        matrix = weight_matrix(name, scale)
        assert np.diag(matrix) == pytest.approx(np.ones(4))
        assert matrix[0, -1] == pytest.approx(0)


def test_text_at_the_ordinal_level_keeps_the_order_of_its_domain() -> None:
    words = [["low", "low"], ["low", "mid"], ["high", "mid"], ["high", "high"], ["low", "high"]]
    rank = {"low": 0, "mid": 1, "high": 2}
    numbers = [[rank[cell] for cell in row] for row in words]
    told = ReliabilityData.from_matrix(words, values=["low", "mid", "high"], level="ordinal")
    plain = ReliabilityData.from_matrix(numbers, values=range(3), level="ordinal")
    spelled = ReliabilityData.from_matrix(words, values=sorted(rank), level="ordinal")
    assert krippendorff_alpha(told) == krippendorff_alpha(plain)
    assert krippendorff_alpha(spelled).value != pytest.approx(krippendorff_alpha(told).value)


def test_the_standard_error_of_alpha_is_the_jackknifes_and_the_ports_stay_apart() -> None:
    # Four raters of Gwet (2014): R prints .14548 and .13769 for the same thing, Python .14557.
    observers = [
        [1, 2, 3, 3, 2, 1, 4, 1, 2, None, None, None],
        [1, 2, 3, 3, 2, 2, 4, 1, 2, 5, None, None],
        [None, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, 3],
        [1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, None],
    ]
    data = ReliabilityData.from_matrix(
        [list(unit) for unit in zip(*observers, strict=True)], values=range(1, 6), level="nominal"
    )
    jackknife, port = krippendorff_alpha(data), gwet_alpha(data, interval="analytic")
    assert jackknife.value == pytest.approx(port.value)
    assert jackknife.interval is not None
    assert port.interval is not None
    assert jackknife.interval.standard_error == pytest.approx(0.1463, abs=5e-5)
    assert port.interval.standard_error == pytest.approx(0.14557, abs=5e-6)


def test_ac2_of_a_table_under_this_numpy() -> None:
    data = from_table([[88, 14, 18], [10, 40, 10], [2, 6, 12]], values=[1, 2, 3], level="ordinal")
    result = gwet_ac2(data, weights="quadratic", interval="analytic")
    assert result.value == pytest.approx(0.63855, abs=5e-6)
    assert result.interval is not None


def test_masi_takes_thirds() -> None:
    assert masi_distance({1, 2}, {1, 2, 3, 4}) == pytest.approx(2 / 3, abs=1e-15)
    assert masi_distance({1, 2}, {2, 3}) == pytest.approx(8 / 9, abs=1e-15)
