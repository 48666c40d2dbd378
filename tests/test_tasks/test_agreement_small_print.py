"""What stands beside a figure: its error, its name, its disagreement, and why there is none."""

from __future__ import annotations

import math
import statistics

import numpy as np
import pytest

from tasks.agreement import (
    CoefficientError,
    IntervalSpec,
    ReliabilityData,
    ReliabilityDataError,
    Status,
    alpha_over_raters,
    conger_kappa,
    gwet_ac1,
    intraclass_correlation,
    negative_agreement,
    percent_agreement,
    positive_agreement,
    set_alphas,
    units_for_half_width,
)

VALUES = ["a", "b", "c"]
COUNTS = [[3, 0, 0], [2, 1, 0], [0, 3, 0], [0, 1, 2], [1, 1, 1], [0, 0, 3], [3, 0, 0], [2, 0, 1]]
NAMED = ReliabilityData.from_matrix(
    [["a", "a", "a"], ["a", "b", "a"], ["b", "b", "b"], ["c", "b", "c"], ["a", "b", "c"]],
    values=VALUES,
    level="nominal",
)
SCORES = ReliabilityData.from_matrix(
    [[9, 2, 5, 8], [6, 1, 3, 2], [8, 4, 6, 8], [7, 1, 2, 6], [10, 5, 6, 9], [6, 2, 4, 7]],
    values=range(1, 11),
    level="interval",
)


def agreeing(counts: list[int]) -> float:
    """Return the share of pairs of labels of a unit that agree."""
    labels = sum(counts)
    return sum(one * (one - 1) for one in counts) / (labels * (labels - 1))


def test_the_error_of_percent_agreement_is_that_of_a_mean_over_units() -> None:
    shares = [agreeing(row) for row in COUNTS]
    data = ReliabilityData.from_counts([*COUNTS, [1, 0, 0]], values=VALUES, level="nominal")
    found = percent_agreement(data, interval="analytic")
    assert found.value == pytest.approx(statistics.mean(shares), abs=1e-12)
    assert found.interval is not None
    expected = statistics.stdev(shares) / math.sqrt(len(shares))
    assert found.interval.standard_error == pytest.approx(expected, abs=1e-12)
    assert found.interval.df == len(shares) - 1


def test_the_error_of_percent_agreement_of_two_is_that_of_a_share() -> None:
    table = [[2, 0], [2, 0], [2, 0], [1, 1], [0, 2]]
    found = percent_agreement(
        ReliabilityData.from_counts(table, values=[0, 1], level="nominal"), interval="analytic"
    )
    assert found.interval is not None
    assert found.interval.standard_error == pytest.approx(math.sqrt(0.8 * 0.2 / 5), abs=1e-12)


def test_disagreement_is_what_agreement_leaves() -> None:
    data = ReliabilityData.from_counts(COUNTS, values=VALUES, level="nominal")
    found = percent_agreement(data, interval=None)
    assert found.value is not None
    assert found.observed_disagreement == pytest.approx(1.0 - found.value)
    assert found.expected_disagreement is None


def test_negative_agreement_is_positive_agreement_of_the_other_value() -> None:
    counts = [[2, 1], [3, 0], [1, 2], [0, 3], [3, 0]]
    swapped = [[b, a] for a, b in counts]
    here, there = (
        ReliabilityData.from_counts(one, values=[0, 1], level="nominal")
        for one in (counts, swapped)
    )
    negative, positive = negative_agreement(here), positive_agreement(there)
    assert negative.value == positive.value
    assert negative.interval is not None
    assert negative.interval == positive.interval


def test_merged_statistics_give_congers_kappa_without_an_interval() -> None:
    whole = conger_kappa(NAMED, interval=None)
    merged = conger_kappa(NAMED.statistics)
    assert (merged.coefficient, merged.value, merged.status) == (
        "conger_kappa",
        pytest.approx(whole.value),
        Status.OK,
    )
    assert merged.weights == whole.weights
    assert merged.interval_reason == "Merged statistics do not tell who gave which value where."
    assert conger_kappa(NAMED.statistics, interval=None).interval_reason == ""
    alike = ReliabilityData.from_matrix([["a", "a"], ["a", "a"]], values=VALUES, level="nominal")
    none = conger_kappa(alike.statistics, weights="linear")
    assert (none.coefficient, none.value, none.status, none.interval_reason, none.weights) == (
        "conger_kappa",
        None,
        Status.NO_VARIATION,
        "",
        "linear",
    )
    with pytest.raises(CoefficientError, match=r"^Conger's kappa needs to know who rated: value"):
        conger_kappa(ReliabilityData.from_counts(COUNTS, values=VALUES, level="nominal"))


def test_an_intraclass_correlation_says_which_it_is() -> None:
    for average, kind in ((False, "two_way_mixed single"), (True, "two_way_mixed average")):
        found = intraclass_correlation(SCORES, model="two_way_mixed", average=average)
        assert (found.coefficient, found.weights) == ("intraclass_correlation", kind)
    with pytest.raises(CoefficientError, match=r"^an intraclass correlation needs the interval"):
        intraclass_correlation(NAMED, model="one_way")


@pytest.mark.parametrize("method", ["jackknife", "bootstrap", "bca", "analytic"])
def test_every_interval_names_what_drew_it_and_stays_below_one(method: str) -> None:
    data = ReliabilityData.from_counts(COUNTS, values=VALUES, level="nominal")
    spec = IntervalSpec(method, confidence=0.9, resamples=300, seed=3)  # type: ignore[arg-type]
    found = gwet_ac1(data, interval=spec)
    assert found.interval is not None
    assert found.interval_reason == ""
    assert found.interval.numpy_version == np.__version__
    assert (found.interval.method, found.interval.confidence) == (method, 0.9)
    assert found.interval.high <= 1.0


def test_an_interval_over_raters_names_the_same() -> None:
    data = ReliabilityData.from_matrix(
        [[1, 1, 2, 1], [2, 2, 2, 2], [3, 3, 3, 1], [1, 1, 1, 1], [2, 3, 2, 2], [3, 3, 3, 3]],
        values=[1, 2, 3],
        level="ordinal",
    )
    found = alpha_over_raters(data, interval=IntervalSpec(confidence=0.8))
    assert found.interval is not None
    assert found.interval_reason == ""
    assert (found.interval.confidence, found.interval.numpy_version) == (0.8, np.__version__)
    assert found.interval.high <= 1.0


def test_sets_have_an_interval_unasked_and_say_what_is_wrong() -> None:
    unit, rater = [0, 0, 1, 1, 2, 2, 3, 3], [0, 1] * 4
    sets = [{1}, {1}, {2}, {1, 2}, {3}, {3}, {1}, {2, 3}]
    assert set_alphas(unit, rater, sets)["masi"].interval is not None
    with pytest.raises(CoefficientError, match=r"'dice': choose one of \w+, \w+"):
        set_alphas(unit, rater, sets, distances=["dice"])
    with pytest.raises(ReliabilityDataError, match=r"^there are no labels$"):
        set_alphas([], [], [])


def test_two_raters_are_enough_for_a_study_and_one_is_not() -> None:
    found = units_for_half_width(0.2, alpha=0.7, prevalence=0.4, n_raters=2, repetitions=50)
    assert found.units > 10
    with pytest.raises(CoefficientError) as refused:
        units_for_half_width(0.2, alpha=0.7, prevalence=0.4, n_raters=1)
    assert str(refused.value) == (
        "alpha, prevalence and confidence lie between 0 and 1; the half-width is above 0; "
        "there are 2 raters or more"
    )
