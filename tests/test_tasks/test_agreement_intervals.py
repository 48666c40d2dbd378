"""Intervals: what they say about themselves, and that the fast form is the slow one."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from tasks.agreement import (
    CoefficientError,
    IntervalSpec,
    ReliabilityData,
    conger_kappa,
    gwet_ac1,
    krippendorff_alpha,
    percent_agreement,
    specific_agreement,
    sufficiency,
)


def labels(n_units: int = 80, seed: int = 4, level: str = "nominal") -> ReliabilityData:
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, 3, n_units)
    given = np.where(
        rng.random((n_units, 3)) < 0.75, truth[:, None], rng.integers(0, 3, (n_units, 3))
    )
    return ReliabilityData.from_matrix(given, values=range(3), level=level)


def subset(data: ReliabilityData, units: np.ndarray) -> ReliabilityData:
    """Draw units, one by one, as the textbook bootstrap does."""
    rows = [data.patterns.patterns[data.unit_pattern[unit]] for unit in units]
    return ReliabilityData.from_counts(np.array(rows), values=range(3), level=data.domain.level)


@pytest.mark.parametrize("level", ["nominal", "ordinal", "interval"])
@pytest.mark.parametrize("coefficient", [krippendorff_alpha, gwet_ac1, percent_agreement])
def test_jackknife_error_equals_leaving_units_out_one_by_one(level: str, coefficient) -> None:
    data = labels(40, level=level)
    everything = np.arange(40)
    replicates = np.array(
        [
            coefficient(subset(data, np.delete(everything, out)), interval=None).value
            for out in everything
        ]
    )
    expected = np.sqrt(39 / 40 * ((replicates - replicates.mean()) ** 2).sum())
    result = coefficient(data)
    assert result.interval.standard_error == pytest.approx(expected, rel=1e-9)


def test_the_jackknife_of_conger_leaves_out_units_with_their_raters() -> None:
    rng = np.random.default_rng(8)
    matrix = rng.integers(0, 2, (25, 3)).astype(float)
    matrix[rng.random(matrix.shape) < 0.2] = np.nan
    data = ReliabilityData.from_matrix(matrix, values=[0, 1], level="nominal")
    present = ~np.isnan(matrix).all(axis=1)
    matrix = matrix[present]
    n_units = len(matrix)
    replicates = np.array(
        [
            conger_kappa(
                ReliabilityData.from_matrix(
                    np.delete(matrix, out, axis=0), values=[0, 1], level="nominal"
                ),
                interval=None,
            ).value
            for out in range(n_units)
        ]
    )
    spread = ((replicates - replicates.mean()) ** 2).sum()
    interval = conger_kappa(data).interval
    assert interval is not None
    assert interval.standard_error == pytest.approx(((n_units - 1) / n_units * spread) ** 0.5)


def test_the_pattern_bootstrap_has_the_spread_of_the_unit_bootstrap() -> None:
    data = labels(80)
    rng = np.random.default_rng(0)
    slow = np.array(
        [
            krippendorff_alpha(subset(data, rng.integers(0, 80, 80)), interval=None).value
            for _ in range(600)
        ]
    )
    fast = krippendorff_alpha(data, interval=IntervalSpec("bootstrap", resamples=20_000)).interval
    assert fast is not None
    # Six hundred draws know a standard deviation to three per cent.
    assert fast.standard_error == pytest.approx(slow.std(ddof=1), rel=0.12)
    assert [fast.low, fast.high] == pytest.approx(np.quantile(slow, [0.025, 0.975]), abs=0.03)


@pytest.mark.parametrize("method", ["bootstrap", "bca"])
def test_a_bootstrap_says_how_it_was_drawn_and_repeats(method: str) -> None:
    spec = IntervalSpec(method, resamples=400, seed=12)
    first = krippendorff_alpha(labels(), interval=spec).interval
    assert first is not None
    assert (first.method, first.resamples, first.seed) == (method, 400, 12)
    assert (first.undefined_resamples, first.numpy_version) == (0, np.__version__)
    assert first == krippendorff_alpha(labels(), interval=spec).interval
    other = IntervalSpec(method, resamples=400, seed=13)
    assert first != krippendorff_alpha(labels(), interval=other).interval


def skewed() -> ReliabilityData:
    return ReliabilityData.from_counts(
        [[3, 0]] * 40 + [[2, 1]] * 4 + [[1, 2]] * 3 + [[0, 3]] * 2, values=[0, 1], level="nominal"
    )


@pytest.mark.parametrize("coefficient", [krippendorff_alpha, percent_agreement])
@pytest.mark.parametrize("confidence", [0.8, 0.95])
def test_bca_is_efrons_formula(coefficient, confidence: float) -> None:
    data = skewed()
    spec = IntervalSpec("bca", confidence=confidence, resamples=500, seed=6)
    rng = np.random.default_rng(6)
    kinds, times = data.patterns.patterns, data.patterns.frequencies
    figures = []
    for drawn in rng.multinomial(49, times / 49, size=500):
        rows = ReliabilityData.from_counts(np.repeat(kinds, drawn, axis=0), values=[0, 1],
                                           level="nominal")  # fmt: skip
        figures.append(coefficient(rows, interval=None).value)
    without = []
    for out in range(4):
        rest = ReliabilityData.from_counts(
            np.repeat(kinds, times - np.eye(4, dtype=int)[out], axis=0), values=[0, 1],
            level="nominal",
        )  # fmt: skip
        without += [coefficient(rest, interval=None).value] * times[out]
    value = coefficient(data, interval=None).value
    # Draws like the sample are many here; half of them count as below.
    ties = np.isclose(figures, value, rtol=0, atol=1e-14)
    below = (np.array(figures) < value)[~ties].sum() + ties.sum() / 2
    gaps = np.mean(without) - np.array(without)
    skew = (gaps**3).sum() / (6 * (gaps**2).sum() ** 1.5)
    bias = stats.norm.ppf(below / 500)
    z = bias + stats.norm.ppf([(1 - confidence) / 2, (1 + confidence) / 2])
    levels = stats.norm.cdf(bias + z / (1 - skew * z))
    interval = coefficient(data, interval=spec).interval
    assert interval is not None
    low, high = np.quantile(figures, levels)
    assert (interval.low, interval.high) == pytest.approx((low, min(high, 1)), abs=1e-9)
    assert interval.standard_error == pytest.approx(np.std(figures, ddof=1))


def test_percentiles_are_those_of_the_draws() -> None:
    spec = IntervalSpec("bootstrap", confidence=0.9, resamples=300, seed=2)
    data = skewed()
    drawn = np.random.default_rng(2).multinomial(49, data.patterns.frequencies / 49, size=300)
    agreeing = drawn @ np.array([1, 1 / 3, 1 / 3, 1])
    interval = percent_agreement(data, interval=spec).interval
    assert interval is not None
    expected = np.quantile(agreeing / 49, [0.05, 0.95])
    assert (interval.low, interval.high) == pytest.approx(tuple(expected))
    assert interval.confidence == 0.9
    assert interval.df is None


def test_bca_follows_the_skew_of_the_jackknife() -> None:
    rng = np.random.default_rng(5)
    truth = rng.random(60) < 0.1
    given = np.where(rng.random((60, 3)) < 0.95, truth[:, None], ~truth[:, None]).astype(int)
    data = ReliabilityData.from_matrix(given, values=[0, 1], level="nominal")
    plain = krippendorff_alpha(data, interval="bootstrap").interval
    shifted = krippendorff_alpha(data, interval="bca").interval
    assert plain is not None
    assert shifted is not None
    assert shifted.low < plain.low


def test_methods_agree_where_the_sample_is_large() -> None:
    data = labels(3000)
    found = [
        gwet_ac1(data, interval=method).interval
        for method in ("jackknife", "bootstrap", "bca", "analytic", "asymptotic")
    ]
    for interval in found:
        assert interval is not None
        assert interval.low == pytest.approx(found[0].low, abs=0.004)
        assert interval.high == pytest.approx(found[0].high, abs=0.004)


def test_wider_confidence_is_a_wider_interval_and_the_upper_bound_stops_at_one() -> None:
    data = ReliabilityData.from_counts(
        [[3, 0]] * 6 + [[0, 3]] * 5 + [[1, 2]], values=[0, 1], level="nominal"
    )
    wide = krippendorff_alpha(data, interval=IntervalSpec(confidence=0.99)).interval
    usual = krippendorff_alpha(data).interval
    assert wide is not None
    assert usual is not None
    assert wide.low < usual.low
    assert wide.high == usual.high == 1.0


@pytest.mark.parametrize("method", ["jackknife", "analytic", "asymptotic"])
def test_agreement_that_cannot_be_negative_has_no_negative_bound(method: str) -> None:
    data = ReliabilityData.from_counts([[2, 0], [1, 1], [1, 1]], values=[0, 1], level="nominal")
    interval = percent_agreement(data, interval=method).interval
    assert interval is not None
    assert interval.low == 0.0
    assert 0.33 < interval.high <= 1.0
    if method == "jackknife":
        positive = specific_agreement(data, 1, interval=method)
        assert positive.interval is None or positive.interval.low >= 0.0
        common = specific_agreement(data, 0).interval
        assert common is not None
        assert common.low == 0.0
        chance_corrected = krippendorff_alpha(data).interval
        assert chance_corrected is None or chance_corrected.low < 0.0


def test_the_default_interval_covers_a_known_alpha() -> None:
    rng = np.random.default_rng(9)
    n_units, repetitions, accuracy = 120, 400, 0.8
    # Two values, prevalence one half: alpha is the squared excess of accuracy over error.
    true_alpha = (2 * accuracy - 1) ** 2
    covered = 0
    for _ in range(repetitions):
        truth = rng.random((n_units, 1)) < 0.5
        given = (truth ^ (rng.random((n_units, 3)) > accuracy)).sum(axis=1)
        data = ReliabilityData.from_counts(
            np.column_stack([3 - given, given]), values=[0, 1], level="nominal"
        )
        interval = krippendorff_alpha(data).interval
        assert interval is not None
        covered += interval.low <= true_alpha <= interval.high
    # Two standard errors of 400 repetitions are about two per cent.
    assert 0.92 <= covered / repetitions <= 0.98


def test_too_few_units_and_too_little_variation_give_a_reason() -> None:
    alone = ReliabilityData.from_counts([[1, 2]], values=[0, 1], level="nominal")
    rare = ReliabilityData.from_counts([[2, 0]] * 40 + [[0, 2]], values=[0, 1], level="nominal")
    assert "Fewer than two units" in krippendorff_alpha(alone).interval_reason
    assert "too little variation" in krippendorff_alpha(rare, interval="bootstrap").interval_reason


def test_bca_refuses_when_the_figure_hangs_on_one_unit() -> None:
    data = ReliabilityData.from_counts([[2, 0]] * 3 + [[1, 1]], values=[0, 1], level="nominal")
    for seed in range(3):
        result = krippendorff_alpha(data, interval=IntervalSpec("bca", resamples=4, seed=seed))
        assert result.interval is None


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"method": "magic"}, "unknown interval"),
        ({"confidence": 1.0}, "confidence"),
        ({"resamples": 1}, "resamples"),
    ],
)
def test_senseless_settings_are_refused(settings: dict[str, object], message: str) -> None:
    with pytest.raises(CoefficientError, match=message):
        IntervalSpec(**settings)  # type: ignore[arg-type]


def test_no_interval_when_none_is_asked_for() -> None:
    result = krippendorff_alpha(labels(), interval=None)
    assert (result.interval, result.interval_reason) == (None, "")
    assert result.to_json()["interval"] is None


def test_sufficiency_names_the_requirement_furthest_from_being_met() -> None:
    rare = ReliabilityData.from_counts(
        [[3, 0]] * 300 + [[1, 2]] * 30, values=[0, 1], level="nominal"
    )
    assert (sufficiency(rare.patterns).have, sufficiency(rare.patterns).measure) == (20, "minority")
    few = ReliabilityData.from_counts([[2, 0], [0, 2]] * 15, values=[0, 1], level="nominal")
    assert sufficiency(few.patterns).measure == "units"
    assert not sufficiency(few.patterns).enough
    plenty = ReliabilityData.from_counts([[2, 0], [0, 2]] * 60, values=[0, 1], level="nominal")
    assert sufficiency(plenty.patterns).enough
    assert sufficiency(labels().patterns).to_json() == {
        "have": 80, "need": 100, "measure": "units", "enough": False,
    }  # fmt: skip
