"""Intervals that speak of other raters too, and how many units a study needs."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from tasks.agreement.alpha import alpha_without_each_rater, krippendorff_alpha
from tasks.agreement.errors import CoefficientError
from tasks.agreement.intervals import NO_SPREAD, IntervalSpec, percentile_interval
from tasks.agreement.quantiles import student_t_quantile
from tasks.agreement.rater_bootstrap import rater_replicates
from tasks.agreement.results import AgreementResult, Interval, Status

if TYPE_CHECKING:
    from tasks.agreement.data import ReliabilityData
    from tasks.agreement.levels import Level

TOO_FEW_RATERS = "Fewer than three raters: their spread cannot be estimated."
HANGS_ON_RATER = "Without one of the raters the figure is undefined."
_PILOT_UNITS = 400


def alpha_over_raters(
    data: ReliabilityData,
    *,
    level: Level | str | None = None,
    units_too: bool = True,
    interval: IntervalSpec | str = "jackknife",
) -> AgreementResult:
    """Alpha with an interval for other raters like these, not only for other units.

    Parameters
    ----------
    data
        Labels with three raters or more.
    level
        Level other than the one of the data.
    units_too
        Whether units are drawn as well. The two-way jackknife adds the variances of leaving out
        units and of leaving out raters, with Satterthwaite's degrees of freedom; the two-way
        bootstrap draws both. Either counts the variance of single labels more than once, so the
        interval is rather too wide.
    interval
        ``"jackknife"``, ``"bootstrap"`` (percentiles), or a specification with one of them.

    Returns
    -------
    AgreementResult
        Its interval's method is that name after ``"rater-"`` or ``"two-way-"``.

    Raises
    ------
    CoefficientError
        For another method.

    Notes
    -----
    Delete-one jackknife over raters. With few raters t has few degrees of freedom and the interval
    is wide, because little is known about other raters; percentiles do not know that, and promise
    too much below some twenty raters. The bootstrap is that of `rater_replicates`.

    Examples
    --------
    >>> from tasks.agreement import ReliabilityData
    >>> rng = np.random.default_rng(0)
    >>> truth = rng.integers(0, 2, (60, 1))
    >>> given = np.where(rng.random((60, 5)) < 0.85, truth, 1 - truth)
    >>> data = ReliabilityData.from_matrix(given, values=[0, 1], level="nominal")
    >>> alpha_over_raters(data).interval.method
    'two-way-jackknife'
    """
    spec = IntervalSpec(interval) if isinstance(interval, str) else interval
    if spec.method not in ("jackknife", "bootstrap"):
        raise CoefficientError(
            f"no {spec.method!r} interval over raters: choose jackknife or bootstrap"
        )
    over_units = krippendorff_alpha(data, level=level, interval=replace(spec, method="jackknife"))
    if over_units.status is not Status.OK:
        return over_units
    if data.n_raters < 3:
        return replace(over_units, interval=None, interval_reason=TOO_FEW_RATERS)
    if spec.method == "bootstrap":
        method = "two-way-bootstrap" if units_too else "rater-bootstrap"
        replicates = rater_replicates(data, over_units.level, spec, units_too=units_too)
        found, reason = percentile_interval(replicates, method, spec)
        return replace(over_units, interval=found, interval_reason=reason)
    return _jackknife_over_raters(data, over_units, spec, units_too=units_too)


def _jackknife_over_raters(
    data: ReliabilityData, over_units: AgreementResult, spec: IntervalSpec, *, units_too: bool
) -> AgreementResult:
    outs = alpha_without_each_rater(data, level=over_units.level)
    values = [out.result.value for out in outs]
    known = np.array([value for value in values if value is not None])
    if known.size < len(values) or over_units.value is None:
        return replace(over_units, interval=None, interval_reason=HANGS_ON_RATER)
    n_raters = known.size
    variance = (n_raters - 1.0) / n_raters * float(((known - known.mean()) ** 2).sum())
    parts = [(variance, n_raters - 1.0)]
    own = over_units.interval
    if units_too and own is not None and own.standard_error is not None:
        parts.append((own.standard_error**2, own.df or 1.0))
    return _with_interval(over_units, over_units.value, parts, spec.confidence)


def _with_interval(
    result: AgreementResult, value: float, parts: list[tuple[float, float]], confidence: float
) -> AgreementResult:
    total = sum(variance for variance, _ in parts)
    if not total > 0.0:
        return replace(result, interval=None, interval_reason=NO_SPREAD)
    df = total**2 / sum(variance**2 / own for variance, own in parts)
    reach = total**0.5 * student_t_quantile(0.5 + 0.5 * confidence, df)
    method = "two-way-jackknife" if len(parts) > 1 else "rater-jackknife"
    interval = Interval(
        method,
        value - reach,
        min(1.0, value + reach),
        confidence,
        total**0.5,
        df=df,
        numpy_version=np.__version__,
    )
    return replace(result, interval=interval, interval_reason="")


@dataclass(frozen=True, slots=True)
class SampleSize:
    """How many units a study of a two-valued question needs.

    Attributes
    ----------
    units, minority
        Units, and how many of them will carry the rarer answer.
    standard_error
        Of alpha at that size, as simulated.
    seed, repetitions
        Of the simulation.
    """

    units: int
    minority: int
    standard_error: float
    seed: int
    repetitions: int


def units_for_half_width(  # noqa: PLR0913 - a study is described by this many numbers
    half_width: float,
    *,
    alpha: float,
    prevalence: float,
    n_raters: int = 3,
    confidence: float = 0.95,
    repetitions: int = 2000,
    seed: int = 0,
) -> SampleSize:
    """Find how many units make alpha known to within a half-width, by simulation.

    Parameters
    ----------
    half_width
        Half of the interval's width, such as .08.
    alpha
        Agreement expected, strictly between 0 and 1.
    prevalence
        Share of the positive answer, strictly between 0 and 1.
    n_raters
        Labels per unit.
    confidence
        Nominal coverage.
    repetitions, seed
        Of the simulation.

    Returns
    -------
    SampleSize

    Raises
    ------
    CoefficientError
        For numbers outside their range.

    Notes
    -----
    Each unit's chance of a positive label is drawn from a beta distribution whose intraclass
    correlation is `alpha`. The standard error is simulated at a pilot size, which grows until at
    least forty units carry the rarer answer, and scaled with the square root of the units.

    Examples
    --------
    >>> found = units_for_half_width(0.08, alpha=0.8, prevalence=0.1)
    >>> 300 < found.units < 700
    True
    """
    fractions = (alpha, prevalence, confidence)
    if not all(0.0 < one < 1.0 for one in fractions) or half_width <= 0.0 or n_raters < 2:
        raise CoefficientError(
            "alpha, prevalence and confidence lie between 0 and 1; the half-width is above 0; "
            "there are 2 raters or more"
        )
    rarer = min(prevalence, 1.0 - prevalence)
    pilot = max(_PILOT_UNITS, int(np.ceil(40 / rarer)))
    rng = np.random.default_rng(seed)
    shape = (1.0 - alpha) / alpha
    chance = rng.beta(prevalence * shape, (1.0 - prevalence) * shape, (repetitions, pilot))
    positives = rng.binomial(n_raters, chance)
    error = float(_binary_alpha(positives, n_raters).std(ddof=1))
    reach = student_t_quantile(0.5 + 0.5 * confidence, pilot - 1.0)
    units = int(np.ceil(pilot * (reach * error / half_width) ** 2))
    at_size = error * (pilot / units) ** 0.5
    return SampleSize(units, int(units * rarer), at_size, seed, repetitions)


def _binary_alpha(positives: np.ndarray, n_raters: int) -> np.ndarray:
    """Alpha of many simulated studies at once, shape (repetitions, units) of positive counts."""
    labels = positives.shape[1] * n_raters
    total = positives.sum(axis=1)
    split = (positives * (n_raters - positives)).sum(axis=1) / (n_raters - 1.0)
    crossed = np.maximum(total * (labels - total), 1)
    return np.asarray(1.0 - (labels - 1.0) * split / crossed)
