"""Differences, other raters, and sample sizes."""

from __future__ import annotations

import numpy as np
import pytest

from tasks.agreement import CoefficientError, ReliabilityData, Status, krippendorff_alpha
from tasks.agreement.differences import COMPARABLE, paired_difference
from tasks.agreement.generalising import alpha_over_raters, units_for_half_width


def draw(truth: np.ndarray, accuracy: float, seed: int, n_raters: int = 3) -> ReliabilityData:
    rng = np.random.default_rng(seed)
    right = rng.random((truth.size, n_raters)) < accuracy
    given = np.where(right, truth[:, None], 1 - truth[:, None])
    return ReliabilityData.from_matrix(given, values=[0, 1], level="nominal")


TRUTH = np.random.default_rng(0).integers(0, 2, 150)


@pytest.mark.parametrize("coefficient", COMPARABLE)
def test_a_figure_does_not_differ_from_itself(coefficient: str) -> None:
    data = draw(TRUTH, 0.85, 1)
    same = paired_difference(data, data, coefficient)
    assert (same.value, same.interval) == (0.0, None)
    assert "no spread" in same.interval_reason
    assert (same.n_units, same.n_shared) == (150, 150)


@pytest.mark.parametrize("coefficient", COMPARABLE)
def test_the_difference_leaves_a_unit_out_of_both(coefficient: str) -> None:
    first, second = draw(TRUTH[:30], 0.9, 1), draw(TRUTH[:30], 0.75, 2)
    found = paired_difference(first, second, coefficient)
    replicates = []
    for out in range(30):
        pair = []
        for data in (first, second):
            kept = data.unit != out
            rest = ReliabilityData.from_codes(
                data.unit[kept], data.rater[kept], data.code[kept], data.domain
            )
            one = paired_difference(rest, rest, coefficient).first
            assert one is not None
            pair.append(one)
        replicates.append(pair[0] - pair[1])
    spread = np.var(replicates) * 29
    assert found.interval is not None
    assert found.interval.standard_error == pytest.approx(spread**0.5)
    assert found.interval.low < (found.value or 0) < found.interval.high


def test_shared_units_make_the_interval_narrower_than_separate_ones() -> None:
    rng = np.random.default_rng(5)
    truth = rng.integers(0, 2, 200)
    hard = rng.random(200) < 0.3
    given = np.where(rng.random((200, 3)) < np.where(hard, 0.55, 0.98)[:, None], truth[:, None],
                     1 - truth[:, None])  # fmt: skip
    # Nearly the same labels: one version changes ten units.
    changed = given.copy()
    changed[:10] = truth[:10, None]
    first = ReliabilityData.from_matrix(changed, values=[0, 1], level="nominal")
    second = ReliabilityData.from_matrix(given, values=[0, 1], level="nominal")
    apart = ReliabilityData.from_codes(second.unit + 1000, second.rater, second.code, second.domain)
    paired, separate = paired_difference(first, second), paired_difference(first, apart)
    assert paired.value == separate.value
    assert separate.n_shared == 0
    assert paired.interval is not None
    assert separate.interval is not None
    assert paired.interval.standard_error < 0.5 * separate.interval.standard_error
    alone = [krippendorff_alpha(one).interval for one in (first, second)]
    errors = [one.standard_error for one in alone if one is not None]
    assert separate.interval.standard_error == pytest.approx(np.hypot(*errors), rel=0.01)


def test_differences_that_do_not_exist() -> None:
    constant = ReliabilityData.from_counts([[2, 0]] * 3, values=[0, 1], level="nominal")
    found = paired_difference(constant, draw(TRUTH, 0.8, 1))
    assert (found.first, found.value, found.interval) == (None, None, None)
    assert "undefined" in found.interval_reason
    fragile = ReliabilityData.from_counts([[2, 0], [0, 2]], values=[0, 1], level="nominal")
    assert "unit alone" in paired_difference(fragile, fragile).interval_reason
    single = ReliabilityData.from_counts([[1, 1]], values=[0, 1], level="nominal")
    assert "Fewer than two" in paired_difference(single, single).interval_reason
    none = ReliabilityData.from_long([], [], [], n_values=2, level="nominal")
    assert paired_difference(none, single).first is None
    with pytest.raises(CoefficientError, match="cannot compare"):
        paired_difference(single, single, "magic")


def test_other_raters_widen_the_interval() -> None:
    data = draw(TRUTH, 0.85, 3, n_raters=6)
    units = krippendorff_alpha(data)
    both, raters = alpha_over_raters(data), alpha_over_raters(data, units_too=False)
    assert units.interval is not None
    assert both.interval is not None
    assert raters.interval is not None
    assert both.value == units.value == raters.value
    assert both.interval.standard_error > units.interval.standard_error
    assert both.interval.standard_error == pytest.approx(
        np.hypot(units.interval.standard_error, raters.interval.standard_error)
    )
    assert raters.interval.df == 5
    assert (raters.interval.method, both.interval.method) == (
        "rater-jackknife",
        "two-way-jackknife",
    )


def test_the_interval_over_raters_covers_alpha_of_a_population_of_raters() -> None:
    rng = np.random.default_rng(7)
    covered = 0
    for _ in range(120):
        accuracy = rng.uniform(0.7, 0.98, 10)
        truth = rng.integers(0, 2, (120, 1))
        given = np.where(rng.random((120, 10)) < accuracy, truth, 1 - truth)
        data = ReliabilityData.from_matrix(given, values=[0, 1], level="nominal")
        interval = alpha_over_raters(data).interval
        assert interval is not None
        # Two raters drawn anew agree beyond chance by the square of the mean excess.
        covered += interval.low <= (2 * 0.84 - 1) ** 2 <= interval.high
    assert covered / 120 >= 0.9


def test_intervals_over_raters_that_do_not_exist() -> None:
    assert "Fewer than three" in alpha_over_raters(draw(TRUTH, 0.8, 1, 2)).interval_reason
    constant = ReliabilityData.from_matrix([[0, 0, 0]] * 4, values=[0, 1], level="nominal")
    assert alpha_over_raters(constant).status is Status.NO_VARIATION
    lone = ReliabilityData.from_matrix([[0, 0, 1]] * 4, values=[0, 1], level="nominal")
    assert "one of the raters" in alpha_over_raters(lone).interval_reason
    perfect = ReliabilityData.from_matrix([[0] * 4, [1] * 4] * 5, values=[0, 1], level="nominal")
    assert "no spread" in alpha_over_raters(perfect).interval_reason


def test_sample_size_holds_what_it_promises() -> None:
    found = units_for_half_width(0.08, alpha=0.75, prevalence=0.2, repetitions=800)
    rng = np.random.default_rng(1)
    chance = rng.beta(0.2 / 3, 0.8 / 3, (300, found.units))
    values = []
    for row in rng.binomial(3, chance):
        data = ReliabilityData.from_counts(
            np.column_stack([3 - row, row]), values=[0, 1], level="nominal"
        )
        values.append(krippendorff_alpha(data, interval=None).value or 0.0)
    assert 1.96 * np.std(values) == pytest.approx(0.08, rel=0.15)
    assert found.minority == int(found.units * 0.2)
    three = units_for_half_width(0.08, alpha=0.75, prevalence=0.2, n_raters=3, repetitions=800)
    assert found == three
    assert (found.repetitions, found.seed) == (800, 0)
    assert found.standard_error * 1.96 == pytest.approx(0.08, rel=0.01)
    more = units_for_half_width(0.08, alpha=0.75, prevalence=0.2, n_raters=5, repetitions=800)
    assert more.units < found.units
    surer = units_for_half_width(0.08, alpha=0.75, prevalence=0.2, confidence=0.99, repetitions=800)
    assert surer.units == pytest.approx(found.units * (2.576 / 1.96) ** 2, rel=0.02)
    other = units_for_half_width(0.08, alpha=0.75, prevalence=0.8, repetitions=800, seed=5)
    assert other.units == pytest.approx(found.units, rel=0.1)
    assert other.minority == int(other.units * (1 - 0.8))
    rare = units_for_half_width(0.08, alpha=0.75, prevalence=0.02, repetitions=200)
    assert rare.units > 4 * found.units


@pytest.mark.parametrize(
    ("half_width", "alpha", "prevalence", "n_raters"),
    [(0, 0.8, 0.1, 3), (0.1, 1, 0.1, 3), (0.1, 0.8, 0, 3), (0.1, 0.8, 0.1, 1)],
)
def test_senseless_studies(
    half_width: float, alpha: float, prevalence: float, n_raters: int
) -> None:
    with pytest.raises(CoefficientError, match="between 0 and 1"):
        units_for_half_width(half_width, alpha=alpha, prevalence=prevalence, n_raters=n_raters)
