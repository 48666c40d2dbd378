"""Confidence intervals: jackknife with t, unit bootstrap, published standard errors.

A unit bootstrap draws N units with replacement. Units of one pattern are alike, so the draw is a
multinomial over the pattern frequencies: the same distribution, independent of N.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from tasks.agreement.errors import CoefficientError
from tasks.agreement.quantiles import normal_cdf, normal_quantile, student_t_quantile
from tasks.agreement.results import Interval

if TYPE_CHECKING:
    from collections.abc import Callable

    from tasks.agreement.estimators import Estimates, Estimator
    from tasks.agreement.levels import Floats

METHODS = ("jackknife", "bootstrap", "bca", "analytic", "asymptotic")
_UNDEFINED_SHARE = 0.025
_CHUNK_CELLS = 4_000_000
# A spread this far below rounding error of a figure near 1 is no spread.
_NO_SPREAD = 1e-15

TOO_FEW_UNITS = "Fewer than two units: no variance can be estimated."
NO_SPREAD = (
    "Every unit gives the same figure: the units show no spread to estimate a variance from."
)
HANGS_ON_ONE = "Without one of the units the figure is undefined: it hangs on that unit alone."
OFTEN_UNDEFINED = "Too many resamples leave the figure undefined: there is too little variation."
NO_BOUNDS = "The mean squares leave the bounds undefined: nothing varies, or all of it by raters."
NO_FORMULA = "There is no published standard error for this coefficient."


@dataclass(frozen=True, slots=True)
class IntervalSpec:
    """Which interval to make.

    Attributes
    ----------
    method
        ``"jackknife"``: t interval on the jackknife standard error (the default everywhere).
        ``"bootstrap"``: percentiles of the unit bootstrap. ``"bca"``: the same, corrected for
        bias and skew. ``"analytic"``: published standard error with t; ``"asymptotic"``: with
        the normal quantile.
    confidence
        Nominal coverage.
    resamples, seed
        For the bootstrap.
    """

    method: str = "jackknife"
    confidence: float = 0.95
    resamples: int = 1000
    seed: int = 0

    def __post_init__(self) -> None:
        """Refuse settings that have no meaning."""
        if self.method not in METHODS:
            raise CoefficientError(
                f"unknown interval {self.method!r}: choose one of {', '.join(METHODS)}",
            )
        if not 0.0 < self.confidence < 1.0:
            raise CoefficientError(f"confidence must lie between 0 and 1, not {self.confidence!r}")
        if self.resamples < 2:
            raise CoefficientError(f"a bootstrap needs 2 resamples or more, not {self.resamples}")


IntervalChoice = IntervalSpec | str | None


def interval_spec(choice: IntervalChoice) -> IntervalSpec | None:
    """Accept a method's name where its defaults will do."""
    return IntervalSpec(choice) if isinstance(choice, str) else choice


def make_interval(
    estimator: Estimator,
    point: Estimates,
    choice: IntervalChoice,
) -> tuple[Interval | None, str]:
    """Make an interval, or say why there is none.

    Parameters
    ----------
    estimator
        The coefficient.
    point
        Its defined estimate from all units.
    choice
        Method and settings; None for no interval.

    Returns
    -------
    tuple
        The interval or None, and the reason for None.
    """
    spec = interval_spec(choice)
    if spec is None:
        return None, ""
    if estimator.n_units < 2:
        return None, TOO_FEW_UNITS
    if spec.method == "jackknife":
        return _jackknife(estimator, float(point.value[0]), spec)
    if spec.method in ("analytic", "asymptotic"):
        return _analytic(estimator, point, spec)
    return _bootstrap(estimator, float(point.value[0]), spec)


def leave_one_out(estimator: Estimator) -> Floats:
    """Return the coefficient without one unit of each kind, shape (P,); NaN where undefined."""
    totals = estimator.totals
    rows = max(1, _CHUNK_CELLS // max(totals.size, 1))
    parts = [
        estimator.evaluate(totals - estimator.moments[start : start + rows]).value
        for start in range(0, len(estimator.moments), rows)
    ]
    return np.concatenate(parts) if parts else np.zeros(0)


def resample(estimator: Estimator, spec: IntervalSpec) -> Floats:
    """Return bootstrap replicates, shape (resamples,); NaN where undefined."""
    rng = np.random.default_rng(spec.seed)
    chances = estimator.frequencies / estimator.n_units
    rows = max(1, _CHUNK_CELLS // max(sum(estimator.moments.shape), 1))
    parts = []
    for start in range(0, spec.resamples, rows):
        size = min(rows, spec.resamples - start)
        drawn = rng.multinomial(estimator.n_units, chances, size=size)
        parts.append(estimator.evaluate(drawn @ estimator.moments).value)
    return np.concatenate(parts)


def _jackknife(
    estimator: Estimator,
    value: float,
    spec: IntervalSpec,
) -> tuple[Interval | None, str]:
    counted = estimator.frequencies > 0
    replicates = leave_one_out(estimator)[counted]
    frequencies = estimator.frequencies[counted]
    if np.isnan(replicates).any():
        return None, HANGS_ON_ONE
    n_units = estimator.n_units
    mean = float(frequencies @ replicates) / n_units
    spread = float(frequencies @ (replicates - mean) ** 2)
    error = ((n_units - 1.0) / n_units * spread) ** 0.5
    return _with_t(estimator, value, (error, n_units - 1.0), spec)


def _analytic(
    estimator: Estimator,
    point: Estimates,
    spec: IntervalSpec,
) -> tuple[Interval | None, str]:
    if estimator.bounds is not None and spec.method == "analytic":
        return _with_bounds(*estimator.bounds(spec.confidence), spec)
    if estimator.analytic is None:
        return None, NO_FORMULA
    error, df = estimator.analytic(point)
    return _with_t(estimator, float(point.value[0]), (error, df), spec)


def _with_bounds(low: float, high: float, spec: IntervalSpec) -> tuple[Interval | None, str]:
    if np.isnan(low) or np.isnan(high):
        return None, NO_BOUNDS
    return Interval(spec.method, low, high, spec.confidence, None, numpy_version=np.__version__), ""


def _with_t(
    estimator: Estimator,
    value: float,
    spread: tuple[float, float],
    spec: IntervalSpec,
) -> tuple[Interval | None, str]:
    error, df = spread
    if not error > _NO_SPREAD:
        return None, NO_SPREAD
    upper_tail = 0.5 + 0.5 * spec.confidence
    normal = spec.method == "asymptotic"
    reach = error * (normal_quantile(upper_tail) if normal else student_t_quantile(upper_tail, df))
    interval = Interval(
        method=spec.method,
        low=max(estimator.lowest, value - reach),
        high=min(1.0, value + reach),
        confidence=spec.confidence,
        standard_error=error,
        df=None if normal else df,
        numpy_version=np.__version__,
    )
    return interval, ""


def _bootstrap(
    estimator: Estimator,
    value: float,
    spec: IntervalSpec,
) -> tuple[Interval | None, str]:
    def levels_of(defined: Floats, levels: tuple[float, float]) -> tuple[float, float] | None:
        return _bca_levels(estimator, value, defined, levels) if spec.method == "bca" else levels

    return percentile_interval(resample(estimator, spec), spec.method, spec, levels_of)


def percentile_interval(
    replicates: Floats,
    method: str,
    spec: IntervalSpec,
    levels_of: Callable[[Floats, tuple[float, float]], tuple[float, float] | None] | None = None,
) -> tuple[Interval | None, str]:
    """Take quantiles of bootstrap replicates, unless too many of them are undefined (NaN)."""
    defined = replicates[~np.isnan(replicates)]
    undefined = replicates.size - defined.size
    if undefined > _UNDEFINED_SHARE * replicates.size:
        return None, OFTEN_UNDEFINED
    error = float(defined.std(ddof=1))
    if not error > _NO_SPREAD:
        return None, NO_SPREAD
    tail = 0.5 - 0.5 * spec.confidence
    levels: tuple[float, float] | None = (tail, 1.0 - tail)
    if levels_of is not None:
        levels = levels_of(defined, (tail, 1.0 - tail))
    if levels is None:
        return None, HANGS_ON_ONE
    low, high = np.quantile(defined, levels)
    interval = Interval(
        method=method,
        low=float(low),
        high=min(1.0, float(high)),
        confidence=spec.confidence,
        standard_error=error,
        resamples=spec.resamples,
        undefined_resamples=undefined,
        seed=spec.seed,
        numpy_version=np.__version__,
    )
    return interval, ""


def _bca_levels(
    estimator: Estimator,
    value: float,
    replicates: Floats,
    levels: tuple[float, float],
) -> tuple[float, float] | None:
    """Shift the percentiles for bias and acceleration (Efron 1987)."""
    without = leave_one_out(estimator)
    if np.isnan(without).any():
        return None
    below = float((replicates < value).mean() + 0.5 * (replicates == value).mean())
    floor = 0.5 / replicates.size
    bias = normal_quantile(min(max(below, floor), 1.0 - floor))
    gap = estimator.frequencies @ without / estimator.n_units - without
    squares = float(estimator.frequencies @ gap**2)
    skew = float(estimator.frequencies @ gap**3) / (6.0 * squares**1.5) if squares > 0.0 else 0.0
    low, high = (_bca_level(bias, skew, normal_quantile(level)) for level in levels)
    return low, high


def _bca_level(bias: float, acceleration: float, z: float) -> float:
    shifted = bias + z
    return normal_cdf(bias + shifted / (1.0 - acceleration * shifted))
