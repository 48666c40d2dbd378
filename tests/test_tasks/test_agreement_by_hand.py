"""Small figures worked out by hand or by statsmodels: no sign, index or name can slip."""

from __future__ import annotations

import numpy as np
import pytest
from statsmodels.stats.inter_rater import cohens_kappa

from tasks.agreement import (
    CoefficientError,
    IntervalSpec,
    Level,
    ReliabilityData,
    Status,
    alpha_without_each_rater,
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
    pair_agreements,
    percent_agreement,
    positive_agreement,
    prevalence,
    scott_pi,
    specific_agreement,
    weight_matrix,
)
from tasks.agreement.levels import difference_matrix

SCALE = np.array([0.0, 1.0, 3.0])
TABLE = [[12, 5, 1], [2, 20, 7], [4, 3, 9]]
RATINGS = [[0, 0, 1, None], [1, 1, 1, 0], [2, 2, None, 2], [0, 1, 0, 0], [1, None, 2, 1]]


def ratings(level: str = "ordinal") -> ReliabilityData:
    return ReliabilityData.from_matrix(RATINGS, values=range(3), level=level)


@pytest.mark.parametrize(
    ("name", "first", "second"),
    [
        # Weights of the first value with the second and third, of the second with the third.
        ("linear", (2 / 3, 0), 1 / 3),
        ("quadratic", (8 / 9, 0), 5 / 9),
        ("radical", (1 - 1 / 3**0.5, 0), 1 - (2 / 3) ** 0.5),
        # Pairs of ranks: one between neighbours, three between the ends.
        ("ordinal", (2 / 3, 0), 2 / 3),
        ("ratio", (0, 0), 1 - 1 / 4),
        # Sines over a circle of four: squares 1/2, 1/2 and 1.
        ("circular", (1 / 2, 1 / 2), 0),
        # Squared gaps over (sum - 2 min)(2 max - sum): 1/5, 1 and 4/8.
        ("bipolar", (4 / 5, 0), 1 / 2),
    ],
)
def test_weights(name: str, first: tuple[float, float], second: float) -> None:
    expected = np.eye(3)
    expected[0, 1:] = expected[1:, 0] = first
    expected[1, 2] = expected[2, 1] = second
    assert weight_matrix(name, SCALE) == pytest.approx(expected)


def test_weights_follow_the_scale_wherever_it_starts() -> None:
    # Gaps 1, 2 and 3 over rooms of 1 * 5, 3 * 3 and 4 * 2.
    expected = [1 - 1 / 5, 1 - 9 / 9, 1 - 4 / 8]
    found = weight_matrix("bipolar", SCALE + 2)
    assert [found[0, 1], found[0, 2], found[1, 2]] == pytest.approx(expected)
    assert weight_matrix("circular", SCALE + 2) == pytest.approx(weight_matrix("circular", SCALE))
    turned = weight_matrix("ordinal", np.array([3.0, 0.0, 1.0]))
    assert turned[0].tolist() == pytest.approx([1, 0, 2 / 3])


def test_a_scale_of_one_value_always_agrees() -> None:
    for name in ("identity", "linear", "ordinal", "ratio", "circular", "bipolar"):
        assert weight_matrix(name, np.array([2.0])).tolist() == [[1.0]]


def test_weights_of_ones_own_are_taken_as_they_are() -> None:
    own = [[1, 0.5, 0], [0.5, 1, 0.25], [0, 0.25, 1]]
    assert weight_matrix(own, SCALE).tolist() == own
    assert weight_matrix(None, SCALE).tolist() == np.eye(3).tolist()
    named = gwet_ac2(ratings(), weights="linear")
    given = gwet_ac2(ratings(), weights=weight_matrix("linear", np.arange(3.0)))
    assert (given.value, given.weights, named.weights) == (named.value, "custom", "linear")


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        ("cubic", "unknown weights 'cubic': choose one of identity, linear, quadratic, radical"),
        (np.eye(2), r"the weights have shape \(2, 2\), but there are 3 values"),
        (np.eye(3) * 0.5, "^weights lie between 0 and 1 and are 1 on the diagonal$"),
        (np.eye(3) - 0.1, "^weights lie between 0 and 1 and are 1 on the diagonal$"),
        (np.eye(3) + np.nan, "^weights lie between 0 and 1 and are 1 on the diagonal$"),
    ],
)
def test_other_weights_are_refused_with_the_reason(weights: object, message: str) -> None:
    with pytest.raises(CoefficientError, match=message):
        weight_matrix(weights, SCALE)  # type: ignore[arg-type]


def test_differences() -> None:
    assert difference_matrix("interval", SCALE).tolist() == [[0, 1, 9], [1, 0, 4], [9, 4, 0]]
    assert difference_matrix("nominal", SCALE).tolist() == [[0, 1, 1], [1, 0, 1], [1, 1, 0]]
    ratio = difference_matrix("ratio", SCALE)
    assert ratio.tolist() == [[0, 1, 1], [1, 0, 0.25], [1, 0.25, 0]]
    with pytest.raises(CoefficientError, match=r"^the ordinal difference depends on the counts"):
        difference_matrix(Level.ORDINAL, SCALE)


@pytest.mark.oracle
@pytest.mark.parametrize("weights", [None, "linear", "quadratic"])
def test_the_test_of_kappa_is_that_of_statsmodels(weights: str | None) -> None:
    data = from_table(TABLE, values=[1, 2, 3], level="ordinal")
    found, expected = cohen_kappa_test(data, weights=weights), cohens_kappa(TABLE, wt=weights)
    assert found is not None
    assert found.z == pytest.approx(expected.z_value)
    assert found.null_standard_error == pytest.approx(expected.std_kappa0)
    assert found.p_value == pytest.approx(expected.pvalue_two_sided)


def test_the_test_of_two_among_many_raters() -> None:
    matrix = [[0, 0, 1], [1, 1, 0], [0, 1, 1], [1, 1, 0], [0, 0, 0], [1, 0, 1]]
    data = ReliabilityData.from_matrix(matrix, values=[0, 1], level="nominal")
    alone = ReliabilityData.from_matrix(
        [[row[0], row[2]] for row in matrix], values=[0, 1], level="nominal"
    )
    assert cohen_kappa_test(data, raters=(0, 2)) == cohen_kappa_test(alone)
    assert cohen_kappa_test(data, raters=(0, 1)) != cohen_kappa_test(alone)


@pytest.mark.oracle
@pytest.mark.parametrize("weights", [None, "linear"])
def test_every_pair_is_what_statsmodels_says_of_its_table(weights: str | None) -> None:
    rng = np.random.default_rng(2)
    matrix = rng.integers(0, 3, (40, 4)).astype(float)
    matrix[rng.random(matrix.shape) < 0.2] = np.nan
    data = ReliabilityData.from_matrix(matrix, values=range(3), level="ordinal")
    pairs = pair_agreements(data, weights=weights)
    assert [(one.rater_a, one.rater_b) for one in pairs] == [
        (0, 1), (0, 2), (0, 3), (1, 2), (1, 3), (2, 3),
    ]  # fmt: skip
    matrix_of = weight_matrix(weights, np.arange(3.0))
    for one in pairs:
        both = matrix[:, [one.rater_a, one.rater_b]]
        codes = both[~np.isnan(both).any(axis=1)].astype(int)
        table = np.zeros((3, 3), dtype=int)
        np.add.at(table, tuple(codes.T), 1)
        assert one.kappa == pytest.approx(cohens_kappa(table, wt=weights).kappa)
        assert one.percent == pytest.approx((table * matrix_of).sum() / table.sum())
        assert (one.n_units, one.status) == (len(codes), Status.OK)


def test_a_pair_without_variation_has_its_agreement_and_no_kappa() -> None:
    data = ReliabilityData.from_matrix(
        [[0, 0, 1], [0, 0, 0], [0, 0, None]], values=[0, 1], level="nominal"
    )
    first, second, third = pair_agreements(data)
    assert first == (0, 1, 3, None, 1.0, Status.NO_VARIATION)
    assert second == third._replace(rater_a=0) == (0, 2, 2, 0.0, 0.5, Status.OK)


@pytest.mark.parametrize("scott", [False, True])
def test_two_raters_count_their_common_units_alone(scott: bool) -> None:  # noqa: FBT001
    coefficient = scott_pi if scott else cohen_kappa
    data = ratings()
    result = coefficient(data, raters=(0, 2), weights="linear")
    assert (result.coefficient, result.weights) == (coefficient.__name__, "linear")
    assert (result.n_units, result.n_pairable_units, result.n_labels) == (4, 4, 8)
    assert result.prevalence == (3 / 8, 4 / 8, 1 / 8)
    assert coefficient(data, raters=(0, 2)).level is Level.NOMINAL
    assert result.level is Level.ORDINAL


def test_kappa_of_a_table_by_hand() -> None:
    # p_o = 41/63; margins 18, 29, 16 and 18, 28, 17.
    data = from_table(TABLE, values=[1, 2, 3], level="nominal")
    observed, by_chance = 41 / 63, (18 * 18 + 29 * 28 + 16 * 17) / 63**2
    kappa = cohen_kappa(data)
    assert kappa.value == pytest.approx((observed - by_chance) / (1 - by_chance))
    assert kappa.observed_disagreement == pytest.approx(1 - observed)
    assert kappa.expected_disagreement == pytest.approx(1 - by_chance)
    by_chance = (36**2 + 57**2 + 33**2) / 126**2
    assert scott_pi(data).value == pytest.approx((observed - by_chance) / (1 - by_chance))


@pytest.mark.parametrize("table", [[[1, 2]], [[1, -1], [0, 2]], [[1]]])
def test_what_is_no_table(table: list[list[int]]) -> None:
    with pytest.raises(CoefficientError, match=r"^expected a 2 x 2 table of counts, not \("):
        from_table(table, values=[0, 1], level="nominal")


def test_without_labels_there_is_no_table_but_a_status() -> None:
    none = ReliabilityData.from_long([], [], [], n_values=3, level="nominal")
    for result in (cohen_kappa(none), scott_pi(none)):
        assert (result.status, result.n_units, result.prevalence) == (Status.NO_LABELS, 0, ())
    assert cohen_kappa_test(none) is None


NAMED = [
    (krippendorff_alpha, {}, "ordinal", ""),
    (gwet_alpha, {"weights": "quadratic"}, "ordinal", "quadratic"),
    (gwet_alpha, {}, "nominal", "identity"),
    (fleiss_kappa, {"weights": "linear"}, "ordinal", "linear"),
    (fleiss_kappa, {}, "nominal", "identity"),
    (gwet_ac1, {}, "nominal", "identity"),
    (gwet_ac2, {"weights": "ordinal"}, "ordinal", "ordinal"),
    (brennan_prediger, {}, "nominal", "identity"),
    (conger_kappa, {"weights": "radical"}, "ordinal", "radical"),
    (percent_agreement, {"weights": "linear"}, "ordinal", "linear"),
]


@pytest.mark.parametrize(
    ("coefficient", "settings", "level", "weights"),
    NAMED,
    ids=[f"{row[0].__name__} {row[3]}" for row in NAMED],
)
def test_results_say_what_they_are(coefficient, settings, level: str, weights: str) -> None:
    usual = coefficient(ratings(), **settings)
    assert (usual.coefficient, usual.level.value) == (coefficient.__name__, level)
    assert (usual.weights, usual.n_units, usual.n_labels, usual.n_raters) == (weights, 5, 17, 4)
    assert usual.prevalence == (6 / 17, 7 / 17, 4 / 17)
    assert usual.interval is not None
    assert (usual.interval.method, usual.interval.confidence) == ("jackknife", 0.95)
    spec = IntervalSpec("bootstrap", confidence=0.8, resamples=50, seed=3)
    drawn = coefficient(ratings(), interval=spec, **settings)
    assert drawn.interval is not None
    assert (drawn.interval.method, drawn.interval.seed) == ("bootstrap", 3)
    assert (drawn.interval.confidence, drawn.interval.resamples) == (0.8, 50)


def test_agreement_by_hand() -> None:
    # Agreeing pairs of each unit: 1 of 3, 3 of 6, 3 of 3, 3 of 6, 1 of 3.
    percent = (1 / 3 + 1 / 2 + 1 + 1 / 2 + 1 / 3) / 5
    assert percent_agreement(ratings()).value == pytest.approx(percent)
    shares = np.array([2 / 3 + 1 / 4 + 3 / 4, 1 / 3 + 3 / 4 + 1 / 4 + 2 / 3, 1 + 1 / 3]) / 5
    assert prevalence(ratings()) == (6 / 17, 7 / 17, 4 / 17)

    def corrected(by_chance: float) -> float:
        return (percent - by_chance) / (1 - by_chance)

    assert fleiss_kappa(ratings()).value == pytest.approx(corrected((shares**2).sum()))
    assert gwet_ac1(ratings()).value == pytest.approx(corrected((shares * (1 - shares)).sum() / 2))
    assert brennan_prediger(ratings()).value == pytest.approx(corrected(1 / 3))
    weights = weight_matrix("linear", np.arange(3.0))
    weighted = percent_agreement(ratings(), weights="linear").value or 0
    by_chance = weights.sum() / 6 * (shares * (1 - shares)).sum()
    expected = (weighted - by_chance) / (1 - by_chance)
    assert gwet_ac2(ratings(), weights="linear").value == pytest.approx(expected)
    by_chance = weights.sum() / 9
    expected = (weighted - by_chance) / (1 - by_chance)
    assert brennan_prediger(ratings(), weights="linear").value == pytest.approx(expected)


def test_agreement_on_one_value_by_hand() -> None:
    # Ones on units: 1 of 3, 3 of 4, 1 of 4, 2 of 3; pairs of ones 0, 6, 0, 2 over m - 1.
    expected = (0 + 6 / 3 + 0 + 2 / 2) / 7
    result = specific_agreement(ratings(), 1)
    assert result.value == pytest.approx(expected)
    assert result.observed_disagreement == pytest.approx(1 - expected)
    assert (result.coefficient, result.level) == ("specific_agreement", Level.NOMINAL)
    assert result.expected_disagreement is None
    two = ReliabilityData.from_counts([[2, 1], [0, 2], [3, 0]], values=["no", "yes"],
                                      level="nominal")  # fmt: skip
    yes, no = positive_agreement(two), negative_agreement(two)
    assert (yes.coefficient, no.coefficient) == ("positive_agreement", "negative_agreement")
    assert yes.value == pytest.approx((0 + 2) / 3)
    assert no.value == pytest.approx((1 + 3) / 5)
    assert yes.interval is not None
    for one in (positive_agreement, negative_agreement):
        assert one(two, interval=None).interval is None
        with pytest.raises(
            CoefficientError,
            match=r"^positive agreement needs two values, not 3: name one with specific_agreement$",
        ):
            one(ratings())


def test_alpha_without_each_rater_is_alpha_of_the_others() -> None:
    data = ratings()
    for out in alpha_without_each_rater(data, level="interval", interval="jackknife"):
        rest = [[cell for at, cell in enumerate(row) if at != out.rater] for row in RATINGS]
        alone = ReliabilityData.from_matrix(rest, values=range(3), level="interval")
        assert out.result == krippendorff_alpha(alone)
    assert alpha_without_each_rater(data)[0].result.level is Level.ORDINAL
    assert alpha_without_each_rater(data)[0].result.interval is None


def test_a_difference_of_ones_own_is_named_and_checked() -> None:
    own = [[0, 1, 2], [1, 0, 1], [2, 1, 0]]
    result = krippendorff_alpha(ratings(), difference=own)
    assert (result.weights, result.level) == ("custom difference", Level.ORDINAL)
    assert krippendorff_alpha(ratings(), level="interval").level is Level.INTERVAL
    with pytest.raises(
        CoefficientError,
        match=r"^the differences have shape \(2, 2\), but there are 3 values$",
    ):
        krippendorff_alpha(ratings(), difference=[[0, 1], [1, 0]])
    for wrong in ([[0, 1, 2], [1, 0, np.inf], [2, np.inf, 0]], np.ones((3, 3))):
        with pytest.raises(
            CoefficientError,
            match=r"^differences are finite, not negative, symmetric and zero on the diagonal$",
        ):
            krippendorff_alpha(ratings(), difference=wrong)
    small = np.array(own) / 100
    assert krippendorff_alpha(ratings(), difference=small).value == pytest.approx(result.value)
