"""Bootstrap over raters: the definition by loops, what it is at rest, and what it cannot say."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.agreement import (
    CoefficientError,
    IntervalSpec,
    ReliabilityData,
    alpha_over_raters,
    krippendorff_alpha,
)
from tasks.agreement.intervals import OFTEN_UNDEFINED
from tasks.agreement.levels import Level, difference_matrix
from tasks.agreement.rater_bootstrap import LabelledKinds, rater_replicates, weighted_alpha

LEVELS = [level.value for level in Level]


def crowd(n_units: int, n_raters: int, *, level: str = "nominal", gap: float = 0.0, seed: int = 0):
    """Draw raters who are right more or less often."""
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, 3, (n_units, 1))
    right = rng.random((n_units, n_raters)) < rng.uniform(0.6, 0.98, n_raters)
    said = np.where(right, truth, rng.integers(0, 3, right.shape)).astype(float)
    said[rng.random(said.shape) < gap] = np.nan
    return ReliabilityData.from_matrix(said, values=range(3), level=level)


def differences(data: ReliabilityData) -> np.ndarray | None:
    if data.domain.level is Level.ORDINAL:
        return None
    return difference_matrix(data.domain.level, data.domain.scale)


def by_loops(data: ReliabilityData, weight: np.ndarray, drawn: np.ndarray) -> float:
    """Copy units and raters in full, and compare every two labels but copies of one label."""
    units = []
    for unit, times in enumerate(drawn):
        labels = [
            (rater, code)
            for rater, code in zip(
                data.rater[data.unit == unit], data.code[data.unit == unit], strict=True
            )
            for _ in range(weight[rater])
        ]
        if len({rater for rater, _ in labels}) > 1:
            units += [labels] * times
    pool = [(at, rater, code) for at, unit in enumerate(units) for rater, code in unit]
    codes = np.array([code for _, _, code in pool])
    middle = [np.sum(codes < one) + np.sum(codes == one) / 2 for one in range(3)]

    def differ(a: int, b: int) -> float:
        table = differences(data)
        return float((middle[a] - middle[b]) ** 2 if table is None else table[a, b])

    observed = 0.0
    for labels in units:
        pairs = [(a, b) for a, b in itertools.permutations(labels, 2) if a[0] != b[0]]
        observed += len(labels) * np.mean([differ(a[1], b[1]) for a, b in pairs])
    expected = [differ(a[2], b[2]) for a, b in itertools.permutations(pool, 2) if a[:2] != b[:2]]
    if not any(expected):
        return float("nan")
    return 1 - observed / len(pool) / float(np.mean(expected))


@pytest.mark.parametrize("level", LEVELS)
@settings(max_examples=15)
@given(seed=st.integers(0, 9999))
def test_a_draw_is_what_copying_units_and_raters_gives(level: str, seed: int) -> None:
    data = crowd(6, 4, level=level, gap=0.3, seed=seed)
    rng = np.random.default_rng(seed)
    weight = rng.multinomial(4, [0.25] * 4)[: data.n_raters]
    n_units = data.unit_ids.size
    drawn = rng.multinomial(n_units, [1 / n_units] * n_units)
    labels = np.bincount(data.unit, minlength=n_units)
    if (labels < 2).all():
        return
    # Every unit a kind of its own.
    kept = labels[data.unit] > 1
    known, kind = np.unique(data.unit[kept], return_inverse=True)
    kinds = LabelledKinds(kind, data.rater[kept], data.code[kept], np.ones(known.size, dtype=int))
    found = weighted_alpha(
        kinds, weight.astype(float), drawn[known].astype(float), differences(data), 3
    )
    assert found == pytest.approx(by_loops(data, weight, drawn), nan_ok=True)


@pytest.mark.parametrize("level", LEVELS)
def test_with_every_rater_once_it_is_alpha(level: str) -> None:
    data = crowd(40, 6, level=level, gap=0.3)
    kinds = LabelledKinds.of(data)
    assert kinds.frequencies.sum() == data.patterns.n_pairable_units
    found = weighted_alpha(kinds, np.ones(6), kinds.frequencies.astype(float), differences(data), 3)
    assert found == pytest.approx(krippendorff_alpha(data).value)


def test_units_with_the_same_labels_of_the_same_raters_are_one_kind() -> None:
    data = ReliabilityData.from_matrix(
        [[1, 1, None], [1, 1, None], [1, None, 1], [0, 1, None], [0, None, None]],
        values=[0, 1],
        level="nominal",
    )
    kinds = LabelledKinds.of(data)
    assert sorted(kinds.frequencies.tolist()) == [1, 1, 2]
    assert kinds.kind.tolist() == [0, 0, 1, 1, 2, 2]


@pytest.mark.parametrize("units_too", [False, True])
def test_it_has_the_spread_of_leaving_raters_out(units_too: bool) -> None:  # noqa: FBT001
    data = crowd(150, 25, gap=0.5, seed=3)
    spec = IntervalSpec("bootstrap", resamples=600, seed=4)
    drawn = alpha_over_raters(data, units_too=units_too, interval=spec).interval
    out = alpha_over_raters(data, units_too=units_too).interval
    assert drawn is not None
    assert out is not None
    assert drawn.standard_error == pytest.approx(out.standard_error, rel=0.25)
    kind = "two-way" if units_too else "rater"
    assert (drawn.method, out.method) == (f"{kind}-bootstrap", f"{kind}-jackknife")
    assert (drawn.resamples, drawn.seed, drawn.numpy_version) == (600, 4, np.__version__)
    assert drawn.low < (krippendorff_alpha(data).value or 0) < drawn.high


def test_the_same_seed_draws_the_same_and_another_does_not() -> None:
    data = crowd(30, 8)
    first, again, other = (
        rater_replicates(
            data, Level.NOMINAL, IntervalSpec("bootstrap", resamples=20, seed=seed), units_too=True
        ).tolist()
        for seed in (1, 1, 2)
    )
    assert first == again != other


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("units_too", [False, True])
def test_replicates_are_draws_of_raters_and_then_of_units(level: str, units_too: bool) -> None:  # noqa: FBT001
    data = crowd(30, 6, level=level, gap=0.2)
    spec = IntervalSpec("bootstrap", resamples=7, seed=11)
    found = rater_replicates(data, data.domain.level, spec, units_too=units_too)
    kinds, rng, expected = LabelledKinds.of(data), np.random.default_rng(11), []
    for _ in range(7):
        weight = rng.multinomial(6, np.full(6, 1 / 6)).astype(float)
        drawn = kinds.frequencies.astype(float)
        if units_too:
            n_units = int(drawn.sum())
            drawn = rng.multinomial(n_units, drawn / n_units).astype(float)
        expected.append(weighted_alpha(kinds, weight, drawn, differences(data), 3))
    assert found == pytest.approx(np.array(expected))


def test_a_draw_without_variation_has_no_figure() -> None:
    data = ReliabilityData.from_matrix([[0, 0, 1], [0, 0, 0]], values=[0, 1], level="nominal")
    kinds = LabelledKinds.of(data)
    differ = difference_matrix("nominal", data.domain.scale)
    ones = np.ones(2)
    assert np.isnan(weighted_alpha(kinds, np.array([1.0, 2.0, 0.0]), ones, differ, 2))
    assert np.isnan(weighted_alpha(kinds, np.array([0.0, 0.0, 3.0]), ones, differ, 2))


def test_units_drawn_too_make_it_wider() -> None:
    data = crowd(25, 8, seed=1)
    spec = IntervalSpec("bootstrap", resamples=400)
    one, both = (
        alpha_over_raters(data, units_too=units_too, interval=spec).interval
        for units_too in (False, True)
    )
    assert one is not None
    assert both is not None
    assert (both.standard_error or 0) > 1.1 * (one.standard_error or 0)


def test_three_raters_are_too_few_to_draw_from() -> None:
    # One time in nine all three are the same person, who has nobody to be compared with.
    result = alpha_over_raters(crowd(50, 3), interval="bootstrap")
    assert (result.interval, result.interval_reason) == (None, OFTEN_UNDEFINED)
    pair = alpha_over_raters(crowd(50, 2), interval="bootstrap")
    assert "Fewer than three raters" in pair.interval_reason


def test_other_methods_know_nothing_of_raters() -> None:
    with pytest.raises(CoefficientError, match="over raters: choose jackknife or bootstrap"):
        alpha_over_raters(crowd(20, 4), interval="bca")
