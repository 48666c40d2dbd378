"""The coefficients of agreement: labels in, a full result out.

All functions take `ReliabilityData` or merged `SufficientStatistics`. A value is None exactly when
the status is not OK; in particular no coefficient is 1 because everybody gave one same answer.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from tasks.agreement.conger import conger_estimator, conger_point
from tasks.agreement.data import Domain, ReliabilityData, SufficientStatistics
from tasks.agreement.errors import CoefficientError
from tasks.agreement.estimators import (
    Estimates,
    Estimator,
    alpha_estimator,
    gwet_estimator,
    percent_estimator,
    specific_estimator,
    squared_units,
    table_estimator,
    wide_interval_alpha,
)
from tasks.agreement.intervals import IntervalChoice, IntervalSpec, interval_spec, make_interval
from tasks.agreement.levels import Floats, Integers, Level
from tasks.agreement.patterns import CountPatterns
from tasks.agreement.quantiles import normal_cdf
from tasks.agreement.results import AgreementResult, Interval, Status, Sufficiency
from tasks.agreement.weights import Weights, weight_matrix

Data = ReliabilityData | SufficientStatistics

DEFAULT_UNITS_NEEDED = 100
DEFAULT_MINORITY_NEEDED = 40
_WIDE = 256


def krippendorff_alpha(
    data: Data,
    *,
    level: Level | str | None = None,
    difference: npt.ArrayLike | None = None,
    interval: IntervalChoice = "jackknife",
) -> AgreementResult:
    """Krippendorff's alpha, with gaps, at any level of measurement.

    Parameters
    ----------
    data
        Labels. Units with one label do not enter.
    level
        Level other than the one of the data.
    difference
        Squared differences of your own, shape (V, V), symmetric, zero on the diagonal; then the
        level is only reported.
    interval
        Method or specification; None for none.

    Returns
    -------
    AgreementResult
        NO_VARIATION when all pairable labels are the same (or never differ under `difference`).

    Raises
    ------
    CoefficientError
        For a `difference` of the wrong form.

    Notes
    -----
    alpha = 1 - D_o / D_e over the coincidence matrix (Krippendorff 2011, "Computing
    Krippendorff's alpha-reliability"; 2018, chapter 12).

    Examples
    --------
    >>> data = ReliabilityData.from_matrix(
    ...     [[1, 1], [0, 0], [0, 1], [1, 1]], values=[0, 1], level="nominal",
    ... )
    >>> round(krippendorff_alpha(data, interval=None).value, 4)
    0.5333
    """
    domain = data.domain if level is None else data.domain.at(level)
    own = None if difference is None else _checked_difference(difference, domain.n_values)
    wide = _wide(data)
    if own is None and domain.level is Level.INTERVAL and wide is not None:
        estimator = wide_interval_alpha(wide.unit, domain.scale[wide.code])
    else:
        estimator = alpha_estimator(data.patterns, domain.scale, domain.level, own)
    facts = _Facts.of(data, domain.level)
    weights = "" if own is None else "custom difference"
    return facts.conclude("krippendorff_alpha", estimator, interval, weights=weights)


def gwet_alpha(
    data: Data,
    *,
    weights: Weights = None,
    interval: IntervalChoice = "jackknife",
) -> AgreementResult:
    """Alpha in Gwet's weighted form, which also tells p_a and p_e.

    The estimate is Krippendorff's for the difference 1 - weight. Observed agreement carries the
    small-sample term: p_a = (1 - e) p_a' + e with e = 1 / (pairable labels).

    Parameters
    ----------
    data
        Labels. Units with one label do not enter.
    weights
        Gwet's agreement weights: a name, a matrix, or None for identity.
    interval
        Method or specification. ``"analytic"`` is the standard error of irrCAC's
        `krippen.alpha.raw` (Gwet 2014, section 6.4).

    Returns
    -------
    AgreementResult
        Disagreements are 1 - p_a and 1 - p_e.

    Examples
    --------
    >>> data = ReliabilityData.from_matrix(
    ...     [[1, 1], [0, 0], [0, 1], [1, 1]], values=[0, 1], level="nominal",
    ... )
    >>> round(gwet_alpha(data, interval=None).value, 4)
    0.5333
    """
    matrix = weight_matrix(weights, data.domain.scale)
    estimator = _gwet_alpha_estimator(data.patterns, matrix)
    facts = _Facts.of(data, _level_of(data, weights))
    return facts.conclude("gwet_alpha", estimator, interval, weights=_name(weights))


def fleiss_kappa(
    data: Data,
    *,
    weights: Weights = None,
    interval: IntervalChoice = "jackknife",
) -> AgreementResult:
    """Fleiss' kappa for any number of labels per unit.

    Parameters
    ----------
    data
        Labels. Units with one label enter the margin but not the observed agreement.
    weights
        Gwet's agreement weights: a name, a matrix, or None for identity.
    interval
        Method or specification.

    Returns
    -------
    AgreementResult

    Notes
    -----
    Fleiss (1971); with gaps in the form of Gwet (2014, section 2.6) and irrCAC
    `fleiss.kappa.raw`: p_e is the weighted square of the mean share of each value per unit.

    Examples
    --------
    >>> data = ReliabilityData.from_counts([[7, 1], [3, 5]], values=[0, 1], level="nominal")
    >>> round(fleiss_kappa(data, interval=None).value, 6)
    0.161905
    """
    matrix = weight_matrix(weights, data.domain.scale)
    symmetric = 0.5 * (matrix + matrix.T)

    def chance(shares: Floats) -> Floats:
        return np.asarray(((shares @ matrix) * shares).sum(axis=1))

    def unit_chance(shares: Floats, mean: Floats) -> Floats:
        return np.asarray(shares @ (symmetric @ mean))

    estimator = gwet_estimator(data.patterns, matrix, chance, unit_chance)
    facts = _Facts.of(data, _level_of(data, weights))
    return facts.conclude("fleiss_kappa", estimator, interval, weights=_name(weights))


def gwet_ac1(data: Data, *, interval: IntervalChoice = "jackknife") -> AgreementResult:
    """Gwet's AC1.

    Parameters
    ----------
    data
        Labels. The size of the value domain enters the formula, also values nobody chose.
    interval
        Method or specification.

    Returns
    -------
    AgreementResult
        NO_VARIATION when all pairable labels are the same, although the formula would give 1.

    Notes
    -----
    p_e = sum of pi_k (1 - pi_k) / (q - 1) (Gwet 2008).

    Examples
    --------
    >>> statistics = from_table([[8, 1], [0, 1]], values=["y", "n"], level="nominal")
    >>> round(gwet_ac1(statistics, interval=None).value, 4)
    0.8658
    """
    return _gwet_ac(data, None, "gwet_ac1", interval)


def gwet_ac2(
    data: Data,
    *,
    weights: Weights,
    interval: IntervalChoice = "jackknife",
) -> AgreementResult:
    """Gwet's AC2: AC1 with agreement weights.

    Parameters
    ----------
    data
        Labels.
    weights
        Gwet's agreement weights: a name or a matrix.
    interval
        Method or specification.

    Returns
    -------
    AgreementResult

    Notes
    -----
    p_e = T_w / (q (q - 1)) times the sum of pi_k (1 - pi_k), T_w the sum of all weights (Gwet
    2014, section 3.5).

    Examples
    --------
    >>> statistics = from_table([[88, 14, 18], [10, 40, 10], [2, 6, 12]], values=[1, 2, 3],
    ...                         level="ordinal")
    >>> round(gwet_ac2(statistics, weights="quadratic", interval=None).value, 5)
    0.63855
    """
    return _gwet_ac(data, weights, "gwet_ac2", interval)


def brennan_prediger(
    data: Data,
    *,
    weights: Weights = None,
    interval: IntervalChoice = "jackknife",
) -> AgreementResult:
    """Brennan and Prediger's kappa: chance is a uniform guess over the value domain.

    Parameters
    ----------
    data
        Labels. The size of the value domain enters the formula.
    weights
        Gwet's agreement weights: a name, a matrix, or None for identity.
    interval
        Method or specification.

    Returns
    -------
    AgreementResult

    Notes
    -----
    p_e = T_w / q^2 (Brennan & Prediger 1981; with gaps as irrCAC `bp.coeff.raw`). Unweighted it
    is Randolph's free-marginal kappa.

    Examples
    --------
    >>> data = ReliabilityData.from_counts([[7, 1], [3, 5]], values=[0, 1], level="nominal")
    >>> round(brennan_prediger(data, interval=None).value, 6)
    0.214286
    """
    matrix = weight_matrix(weights, data.domain.scale)
    constant = float(matrix.mean())

    def chance(shares: Floats) -> Floats:
        return np.full(len(shares), constant)

    def unit_chance(shares: Floats, _mean: Floats) -> Floats:
        return np.full(len(shares), constant)

    estimator = gwet_estimator(data.patterns, matrix, chance, unit_chance)
    facts = _Facts.of(data, _level_of(data, weights))
    return facts.conclude("brennan_prediger", estimator, interval, weights=_name(weights))


def conger_kappa(
    data: Data,
    *,
    weights: Weights = None,
    interval: IntervalChoice = "jackknife",
) -> AgreementResult:
    """Conger's kappa: Cohen's for many raters, each with a margin of their own.

    Parameters
    ----------
    data
        Labels with raters. Merged statistics give the estimate, but no interval.
    weights
        Gwet's agreement weights: a name, a matrix, or None for identity.
    interval
        Method or specification.

    Returns
    -------
    AgreementResult

    Raises
    ------
    CoefficientError
        For data from value counts, which do not tell who rated.

    Notes
    -----
    Conger (1980); with gaps as irrCAC `conger.kappa.raw` (Gwet 2014, section 2.6).

    Examples
    --------
    >>> data = ReliabilityData.from_matrix(
    ...     [[1, 1, 1], [0, 0, 1], [0, 0, 0]], values=[0, 1], level="nominal",
    ... )
    >>> round(conger_kappa(data, interval=None).value, 4)
    0.5714
    """
    if not data.n_raters and data.patterns.n_units:
        raise CoefficientError("Conger's kappa needs to know who rated: value counts do not tell")
    matrix = weight_matrix(weights, data.domain.scale)
    facts = _Facts.of(data, _level_of(data, weights))
    name = _name(weights)
    if isinstance(data, ReliabilityData):
        estimator = conger_estimator(data, matrix)
        return facts.conclude("conger_kappa", estimator, interval, weights=name)
    status = facts.status
    percent = percent_estimator(data.patterns, matrix).point()
    if status is not Status.OK:
        return facts.result("conger_kappa", status, None, (None, ""), name)
    point = conger_point(data.rater_counts, float(percent.value[0]), matrix)
    reason = "" if interval is None else "Merged statistics do not tell who gave which value where."
    return facts.result("conger_kappa", status, point, (None, reason), name)


def cohen_kappa(
    data: Data,
    *,
    raters: tuple[int, int] | None = None,
    weights: Weights = None,
    interval: IntervalChoice = "jackknife",
) -> AgreementResult:
    """Cohen's kappa of two raters over the units both rated.

    Parameters
    ----------
    data
        Labels with raters.
    raters
        Ids of the two; may be left out when there are exactly two.
    weights
        Agreement weights: a name (``"linear"``, ``"quadratic"``, ...), a matrix, or None.
    interval
        Method or specification. ``"analytic"`` and ``"asymptotic"`` use the standard error of
        Fleiss, Cohen & Everitt (1969), with t and with the normal quantile.

    Returns
    -------
    AgreementResult
        Counts and prevalence are those of the common units.

    Raises
    ------
    CoefficientError
        When `raters` is needed or unknown.

    Notes
    -----
    Cohen (1960, 1968).

    Examples
    --------
    >>> statistics = from_table([[20, 5], [10, 15]], values=["yes", "no"], level="nominal")
    >>> round(cohen_kappa(statistics, interval=None).value, 4)
    0.4
    """
    return _two_raters(data, raters, weights, interval, scott=False)


def scott_pi(
    data: Data,
    *,
    raters: tuple[int, int] | None = None,
    weights: Weights = None,
    interval: IntervalChoice = "jackknife",
) -> AgreementResult:
    """Scott's pi of two raters over the units both rated: one margin for both.

    Parameters
    ----------
    data
        Labels with raters.
    raters
        Ids of the two; may be left out when there are exactly two.
    weights
        Agreement weights: a name, a matrix, or None for identity.
    interval
        Method or specification.

    Returns
    -------
    AgreementResult
        Counts and prevalence are those of the common units.

    Raises
    ------
    CoefficientError
        When `raters` is needed or unknown.

    Notes
    -----
    Scott (1955); standard error of Gwet (2014) as irrCAC `scott2.table`.

    Examples
    --------
    >>> statistics = from_table([[20, 5], [10, 15]], values=["yes", "no"], level="nominal")
    >>> round(scott_pi(statistics, interval=None).value, 4)
    0.3939
    """
    return _two_raters(data, raters, weights, interval, scott=True)


def percent_agreement(
    data: Data,
    *,
    weights: Weights = None,
    interval: IntervalChoice = "jackknife",
) -> AgreementResult:
    """Mean share of agreeing pairs of labels over the units with two or more.

    Parameters
    ----------
    data
        Labels.
    weights
        Agreement weights: a name, a matrix, or None for identity.
    interval
        Method or specification.

    Returns
    -------
    AgreementResult
        Not corrected for chance, so defined without variation; no expected disagreement.

    Examples
    --------
    >>> data = ReliabilityData.from_counts([[3, 0], [1, 2]], values=[0, 1], level="nominal")
    >>> round(percent_agreement(data, interval=None).value, 4)
    0.6667
    """
    estimator = percent_estimator(data.patterns, weight_matrix(weights, data.domain.scale))
    facts = _Facts.of(data, _level_of(data, weights))
    status = Status.OK if facts.status is Status.NO_VARIATION else facts.status
    return facts.conclude("percent_agreement", estimator, interval, status, _name(weights))


def specific_agreement(
    data: Data,
    value: object,
    *,
    interval: IntervalChoice = "jackknife",
) -> AgreementResult:
    """Agreement on one value: how likely another rater gives it, given that one did.

    Parameters
    ----------
    data
        Labels.
    value
        A member of the value domain.
    interval
        Method or specification.

    Returns
    -------
    AgreementResult
        NO_POSITIVES when nobody gave the value on a unit with two labels.

    Raises
    ------
    CoefficientError
        For a value outside the domain.

    Notes
    -----
    o_cc / n_c in the coincidence matrix; for two raters 2a / (2a + b + c) (Cicchetti & Feinstein
    1990; Fleiss, Levin & Paik 2003, section 18.1).

    Examples
    --------
    >>> data = ReliabilityData.from_counts([[2, 0], [0, 2], [1, 1]], values=[0, 1],
    ...                                    level="nominal")
    >>> round(specific_agreement(data, 1, interval=None).value, 4)
    0.6667
    """
    return _specific(data, value, interval, "specific_agreement")


def positive_agreement(data: Data, *, interval: IntervalChoice = "jackknife") -> AgreementResult:
    """Return the specific agreement on the last value of a two-valued domain (false before true).

    Parameters
    ----------
    data
        Two-valued labels.
    interval
        Method or specification.

    Returns
    -------
    AgreementResult

    Raises
    ------
    CoefficientError
        If the domain has not two values.

    Examples
    --------
    >>> data = ReliabilityData.from_counts([[2, 0], [0, 2], [1, 1]], values=[False, True],
    ...                                    level="nominal")
    >>> round(positive_agreement(data, interval=None).value, 4)
    0.6667
    """
    return _specific(data, _of_two(data)[1], interval, "positive_agreement")


def negative_agreement(data: Data, *, interval: IntervalChoice = "jackknife") -> AgreementResult:
    """Specific agreement on the first value of a two-valued domain.

    Parameters
    ----------
    data
        Two-valued labels.
    interval
        Method or specification.

    Returns
    -------
    AgreementResult

    Raises
    ------
    CoefficientError
        If the domain has not two values.

    Examples
    --------
    >>> data = ReliabilityData.from_counts([[2, 0], [2, 0], [1, 1]], values=[False, True],
    ...                                    level="nominal")
    >>> round(negative_agreement(data, interval=None).value, 4)
    0.8
    """
    return _specific(data, _of_two(data)[0], interval, "negative_agreement")


def prevalence(data: Data) -> tuple[float, ...]:
    """Share of all labels per value of the domain; empty when there are no labels.

    Examples
    --------
    >>> data = ReliabilityData.from_counts([[2, 0], [1, 1]], values=[0, 1], level="nominal")
    >>> prevalence(data)
    (0.75, 0.25)
    """
    return _shares(data.patterns.value_counts)


def from_table(
    table: npt.ArrayLike,
    *,
    values: list[object],
    level: Level | str,
) -> SufficientStatistics:
    """Take two raters' contingency table: rows the first rater (id 0), columns the second (id 1).

    Parameters
    ----------
    table
        Units per pair of values, shape (V, V).
    values
        The domain, shape (V,).
    level
        Level of measurement.

    Returns
    -------
    SufficientStatistics

    Examples
    --------
    >>> from_table([[20, 5], [10, 15]], values=["yes", "no"], level="nominal").patterns.n_units
    50
    """
    counts = np.asarray(table, dtype=np.int64)
    size = len(values)
    if counts.shape != (size, size) or (counts < 0).any():
        raise CoefficientError(f"expected a {size} x {size} table of counts, not {counts.shape}")
    cells = np.argwhere(np.ones_like(counts, dtype=bool))
    repeats = counts[cells[:, 0], cells[:, 1]]
    unit = np.arange(int(repeats.sum()), dtype=np.int64)
    codes = np.repeat(cells, repeats, axis=0)
    data = ReliabilityData.from_long(
        np.tile(unit, 2),
        np.repeat([0, 1], unit.size),
        codes.T.ravel(),
        n_values=size,
        level=Level.NOMINAL,
    )
    return replace(data, domain=Domain.of(values, level)).statistics


@dataclass(frozen=True, slots=True)
class KappaTest:
    """Test of no agreement beyond chance.

    Attributes
    ----------
    z
        Kappa over its standard error under no agreement.
    null_standard_error
        Fleiss, Cohen & Everitt (1969).
    p_value
        Two-sided.
    """

    z: float
    null_standard_error: float
    p_value: float


def cohen_kappa_test(
    data: Data,
    *,
    raters: tuple[int, int] | None = None,
    weights: Weights = None,
) -> KappaTest | None:
    """Test whether two raters agree beyond chance; None where kappa is undefined.

    Parameters
    ----------
    data, raters, weights
        As for `cohen_kappa`.

    Returns
    -------
    KappaTest or None

    Examples
    --------
    >>> statistics = from_table([[20, 5], [10, 15]], values=["yes", "no"], level="nominal")
    >>> round(cohen_kappa_test(statistics).z, 3)
    2.887
    """
    table = _table_of(data, raters)
    matrix = weight_matrix(weights, data.domain.scale)
    point = table_estimator(table, matrix, common_margin=False).point()
    if np.isnan(point.value[0]):
        return None
    total = float(table.sum())
    first, second = table.sum(axis=1) / total, table.sum(axis=0) / total
    chance = 1.0 - float(point.expected[0])
    gain = matrix - (matrix @ second)[:, None] - (matrix.T @ first)[None, :]
    variance = float(first @ gain**2 @ second) - chance**2
    error = float((variance / total) ** 0.5 / (1.0 - chance))
    if not error > 0.0:
        return None
    z = float(point.value[0]) / error
    return KappaTest(z, error, 2.0 * normal_cdf(-abs(z)))


@dataclass(frozen=True, slots=True)
class PairAgreement:
    """Cohen's kappa of two raters with its number of common units."""

    rater_a: int
    rater_b: int
    n_units: int
    kappa: float | None
    percent: float | None
    status: Status


def pair_agreements(data: Data, *, weights: Weights = None) -> tuple[PairAgreement, ...]:
    """Cohen's kappa of every two raters that share a unit, all at once.

    Parameters
    ----------
    data
        Labels with raters.
    weights
        Agreement weights: a name, a matrix, or None for identity.

    Returns
    -------
    tuple of PairAgreement
        In the order of the ids.

    Examples
    --------
    >>> data = ReliabilityData.from_matrix(
    ...     [[1, 1, 1], [0, 0, 1], [0, 0, None]], values=[0, 1], level="nominal",
    ... )
    >>> [(p.rater_a, p.rater_b, p.n_units, p.kappa) for p in pair_agreements(data)]
    [(0, 1, 3, 1.0), (0, 2, 2, 0.0), (1, 2, 2, 0.0)]
    """
    pairs = data.statistics.pairs
    kappa, percent = pair_kappas(pairs.tables, weight_matrix(weights, data.domain.scale))
    rows = zip(
        pairs.rater_a.tolist(),
        pairs.rater_b.tolist(),
        pairs.n_common.tolist(),
        kappa.tolist(),
        percent.tolist(),
        strict=True,
    )
    return tuple(
        PairAgreement(a, b, n, None, share, Status.NO_VARIATION)
        if value != value  # noqa: PLR0124 - NaN marks an undefined kappa inside the kernel
        else PairAgreement(a, b, n, value, share, Status.OK)
        for a, b, n, value, share in rows
    )


def pair_kappas(tables: Integers, weights: Floats) -> tuple[Floats, Floats]:
    """Return kappa (NaN where undefined) and observed agreement of each table, shape (K,)."""
    total = tables.sum(axis=(1, 2)).astype(np.float64)
    first = tables.sum(axis=2).astype(np.float64)
    second = tables.sum(axis=1).astype(np.float64)
    agreeing = np.einsum("kij,ij->k", tables.astype(np.float64), weights)
    crossed = ((first @ weights) * second).sum(axis=1)
    room = total * total - crossed
    undefined = np.full(total.shape, np.nan)
    kappa = 1.0 - np.divide((total - agreeing) * total, room, out=undefined, where=room > 0.0)
    return kappa, agreeing / total


@dataclass(frozen=True, slots=True)
class RaterLeftOut:
    """Alpha of everybody but one rater."""

    rater: int
    result: AgreementResult


def alpha_without_each_rater(
    data: ReliabilityData,
    *,
    level: Level | str | None = None,
    interval: IntervalChoice = None,
) -> tuple[RaterLeftOut, ...]:
    """Alpha as it would be without each rater in turn.

    Parameters
    ----------
    data
        Labels with raters.
    level
        Level other than the one of the data.
    interval
        Method or specification; none by default.

    Returns
    -------
    tuple of RaterLeftOut
        In the order of the ids.

    Examples
    --------
    >>> data = ReliabilityData.from_matrix(
    ...     [[1, 1, 0], [0, 0, 1], [0, 0, 0]], values=[0, 1], level="nominal",
    ... )
    >>> [(out.rater, out.result.value) for out in alpha_without_each_rater(data)][-1]
    (2, 1.0)
    """
    return tuple(
        RaterLeftOut(
            rater,
            krippendorff_alpha(data.without_rater(rater), level=level, interval=interval),
        )
        for rater in data.rater_ids.tolist()
    )


def sufficiency(
    patterns: CountPatterns,
    *,
    units_needed: int = DEFAULT_UNITS_NEEDED,
    minority_needed: int = DEFAULT_MINORITY_NEEDED,
) -> Sufficiency:
    """Compare the evidence with what is needed to judge.

    Parameters
    ----------
    patterns
        Count patterns.
    units_needed
        Pairable units needed.
    minority_needed
        For two values: pairable units needed that carry the rarer one, counted by share.

    Returns
    -------
    Sufficiency
        The requirement that is furthest from being met.

    Examples
    --------
    >>> data = ReliabilityData.from_counts([[3, 0]] * 195 + [[0, 3]] * 5, values=[0, 1],
    ...                                    level="nominal")
    >>> sufficiency(data.patterns)
    Sufficiency(have=5, need=40, measure='minority')
    """
    units = Sufficiency(patterns.n_pairable_units, units_needed, "units")
    if patterns.n_values != 2:
        return units
    pairable = patterns.labels_per_unit > 1
    counts, labels = patterns.patterns[pairable], patterns.labels_per_unit[pairable]
    shares = patterns.frequencies[pairable] @ (counts / labels[:, None])
    # A hair of tolerance, so that sixty thirds make twenty.
    have = int(np.floor(shares.min(initial=np.inf) + 1e-9)) if pairable.any() else 0
    minority = Sufficiency(have, minority_needed, "minority")
    return minority if have * units_needed < units.have * minority_needed else units


@dataclass(frozen=True, slots=True)
class _Facts:
    """What every result of the same data has in common."""

    level: Level
    status: Status
    sufficiency: Sufficiency
    n_units: int
    n_pairable_units: int
    n_labels: int
    n_raters: int
    prevalence: tuple[float, ...]

    @classmethod
    def of(cls, data: Data, level: Level, patterns: CountPatterns | None = None) -> _Facts:
        wide = _wide(data) if patterns is None else None
        if wide is not None:
            return cls._of_wide(wide, level)
        patterns = data.patterns if patterns is None else patterns
        counts = patterns.value_counts
        n_labels, n_pairable = int(counts.sum()), patterns.n_pairable_units
        used = int(np.count_nonzero(patterns.pairable_value_counts))
        return cls(
            level,
            _status(n_labels, n_pairable, used),
            sufficiency(patterns),
            patterns.n_units,
            n_pairable,
            n_labels,
            data.n_raters,
            _shares(counts),
        )

    @classmethod
    def _of_wide(cls, data: ReliabilityData, level: Level) -> _Facts:
        labels = np.bincount(data.unit, minlength=1)
        n_pairable = int((labels > 1).sum())
        used = np.unique(data.code[labels[data.unit] > 1]).size
        return cls(
            level,
            _status(data.unit.size, n_pairable, used),
            Sufficiency(n_pairable, DEFAULT_UNITS_NEEDED, "units"),
            int((labels > 0).sum()),
            n_pairable,
            data.unit.size,
            data.n_raters,
            _shares(np.bincount(data.code, minlength=data.domain.n_values).astype(np.int64)),
        )

    def conclude(
        self,
        coefficient: str,
        estimator: Estimator,
        interval: IntervalChoice,
        status: Status | None = None,
        weights: str = "",
    ) -> AgreementResult:
        """Evaluate where the labels allow it."""
        choice = interval_spec(interval)
        status = self.status if status is None else status
        if status is not Status.OK:
            return self.result(coefficient, status, None, (None, ""), weights)
        point = estimator.point()
        if np.isnan(point.value[0]):
            return self.result(coefficient, Status.NO_VARIATION, None, (None, ""), weights)
        return self.result(
            coefficient,
            status,
            point,
            make_interval(estimator, point, choice),
            weights,
        )

    def result(
        self,
        coefficient: str,
        status: Status,
        point: Estimates | None,
        interval: tuple[Interval | None, str],
        weights: str,
    ) -> AgreementResult:
        """Put the result together."""
        return AgreementResult(
            coefficient=coefficient,
            level=self.level,
            value=None if point is None else float(point.value[0]),
            status=status,
            sufficiency=self.sufficiency,
            interval=interval[0],
            n_units=self.n_units,
            n_labels=self.n_labels,
            n_raters=self.n_raters,
            prevalence=self.prevalence,
            observed_disagreement=None if point is None else _or_none(point.observed),
            expected_disagreement=None if point is None else _or_none(point.expected),
            n_pairable_units=self.n_pairable_units,
            interval_reason=interval[1],
            weights=weights,
        )


def _wide(data: Data) -> ReliabilityData | None:
    """Return the labels themselves where the scale is too wide for tables of counts."""
    if not isinstance(data, ReliabilityData) or data.counts is not None:
        return None
    numeric = data.domain.level in (Level.INTERVAL, Level.RATIO)
    return data if numeric and data.domain.n_values > _WIDE else None


def _status(n_labels: int, n_pairable: int, used: int) -> Status:
    if not n_labels:
        return Status.NO_LABELS
    if not n_pairable:
        return Status.NO_PAIRABLE_UNITS
    return Status.OK if used > 1 else Status.NO_VARIATION


def _shares(counts: Integers) -> tuple[float, ...]:
    total = int(counts.sum())
    return tuple((counts / total).tolist()) if total else ()


def _or_none(replicate: Floats) -> float | None:
    number = float(replicate[0])
    return None if np.isnan(number) else number


def _level_of(data: Data, weights: Weights) -> Level:
    """Unweighted agreement sees only same or different, whatever the scale could bear."""
    return Level.NOMINAL if _name(weights) == "identity" else data.domain.level


def _name(weights: Weights) -> str:
    if weights is None:
        return "identity"
    return weights if isinstance(weights, str) else "custom"


def _checked_difference(difference: npt.ArrayLike, n_values: int) -> Floats:
    matrix = np.asarray(difference, dtype=np.float64)
    if matrix.shape != (n_values, n_values):
        raise CoefficientError(
            f"the differences have shape {matrix.shape}, but there are {n_values} values",
        )
    sound = np.isfinite(matrix).all() and (matrix >= 0.0).all() and (matrix == matrix.T).all()
    if not sound or np.diag(matrix).any():
        raise CoefficientError(
            "differences are finite, not negative, symmetric and zero on the diagonal",
        )
    return matrix


def _gwet_ac(
    data: Data,
    weights: Weights,
    name: str,
    interval: IntervalChoice,
) -> AgreementResult:
    matrix = weight_matrix(weights, data.domain.scale)
    n_values = data.domain.n_values
    share = float(matrix.sum()) / max(n_values * (n_values - 1), 1)

    def chance(shares: Floats) -> Floats:
        return np.asarray(share * (shares * (1.0 - shares)).sum(axis=1))

    def unit_chance(shares: Floats, mean: Floats) -> Floats:
        return np.asarray(share * (shares @ (1.0 - mean)))

    estimator = gwet_estimator(data.patterns, matrix, chance, unit_chance)
    facts = _Facts.of(data, _level_of(data, weights))
    return facts.conclude(name, estimator, interval, weights=_name(weights))


def _gwet_alpha_estimator(patterns: CountPatterns, weights: Floats) -> Estimator:
    symmetric = 0.5 * (weights + weights.T)
    base = alpha_estimator(
        patterns, np.arange(len(weights), dtype=np.float64), Level.NOMINAL, 1.0 - symmetric
    )
    pairable = patterns.labels_per_unit > 1
    counts = patterns.patterns[pairable].astype(np.float64)

    def evaluate(sums: Floats) -> Estimates:
        plain = base.evaluate(sums)
        total = sums[:, :-1].sum(axis=1)
        # Krippendorff's expected disagreement draws without replacement, Gwet's with.
        expected = plain.expected * (total - 1.0) / total
        return Estimates(plain.value, (1.0 - plain.value) * expected, expected)

    def analytic(point: Estimates) -> tuple[float, float]:
        return _gwet_alpha_error(counts, base.frequencies, symmetric, point)

    return Estimator(base.moments, base.frequencies, evaluate, analytic)


def _gwet_alpha_error(
    counts: Floats,
    frequencies: Integers,
    symmetric: Floats,
    point: Estimates,
) -> tuple[float, float]:
    n_units = int(frequencies.sum())
    if n_units < 2:
        return float("nan"), float("nan")
    labels = counts.sum(axis=1)
    mean_labels = float(frequencies @ labels) / n_units
    agreeing = (counts * (counts @ symmetric - 1.0)).sum(axis=1)
    agreement = agreeing / (mean_labels * (labels - 1.0))
    plain = float(frequencies @ agreement) / n_units
    excess = (labels - mean_labels) / mean_labels
    shares = frequencies @ counts / (mean_labels * n_units)
    chance = 1.0 - float(point.expected[0])
    unit_chance = counts @ (symmetric @ shares) / mean_labels - chance * excess
    value = (plain - chance) / (1.0 - chance)
    corrected = 1.0 - float(point.observed[0])
    linear = (agreement - corrected * excess - chance) / (1.0 - chance)
    linear = linear - 2.0 * (1.0 - value) * (unit_chance - chance) / (1.0 - chance)
    spread = float(frequencies @ (linear - value) ** 2)
    return (spread / squared_units(labels, n_units)) ** 0.5, n_units - 1.0


def _table_of(data: Data, raters: tuple[int, int] | None) -> Integers:
    statistics = data.statistics
    ids = statistics.rater_ids.tolist()
    if raters is None:
        if len(ids) > 2:
            raise CoefficientError(f"there are {len(ids)} raters: say which two to compare")
        if not ids and data.patterns.n_units:
            raise CoefficientError("value counts do not tell who rated")
        return statistics.pairs.between(ids[0], ids[-1]) if ids else _no_table(data)
    unknown = [rater for rater in raters if rater not in ids]
    if unknown or raters[0] == raters[1]:
        raise CoefficientError(f"expected two different raters of {ids}, not {raters}")
    return statistics.pairs.between(*raters)


def _no_table(data: Data) -> Integers:
    return np.zeros((data.domain.n_values, data.domain.n_values), dtype=np.int64)


def _two_raters(
    data: Data,
    raters: tuple[int, int] | None,
    weights: Weights,
    interval: IntervalChoice,
    *,
    scott: bool,
) -> AgreementResult:
    table = _table_of(data, raters)
    matrix = weight_matrix(weights, data.domain.scale)
    first, second = np.nonzero(table)
    eye = np.eye(len(table), dtype=np.int64)
    patterns, _ = CountPatterns.from_rows(eye[first] + eye[second], table[first, second])
    facts = _Facts.of(data, _level_of(data, weights), patterns)
    if facts.status is Status.NO_LABELS and data.patterns.n_units:
        facts = replace(facts, status=Status.NO_PAIRABLE_UNITS)
    estimator = table_estimator(table, matrix, common_margin=scott)
    name = "scott_pi" if scott else "cohen_kappa"
    return facts.conclude(name, estimator, interval, weights=_name(weights))


def _specific(
    data: Data,
    value: object,
    interval: IntervalChoice,
    name: str,
) -> AgreementResult:
    if value not in data.domain.values:
        raise CoefficientError(f"{value!r} is not one of the values {data.domain.values}")
    code = data.domain.values.index(value)
    facts = _Facts.of(data, Level.NOMINAL)
    status = facts.status
    if status in (Status.OK, Status.NO_VARIATION):
        given = int(data.patterns.pairable_value_counts[code])
        status = Status.OK if given else Status.NO_POSITIVES
    estimator = specific_estimator(data.patterns, code)
    return facts.conclude(name, estimator, interval, status)


def _of_two(data: Data) -> tuple[object, object]:
    if data.domain.n_values != 2:
        raise CoefficientError(
            f"positive agreement needs two values, not {data.domain.n_values}: name one with "
            "specific_agreement",
        )
    return data.domain.values[0], data.domain.values[1]


__all__ = [
    "IntervalSpec",
    "KappaTest",
    "PairAgreement",
    "RaterLeftOut",
    "alpha_without_each_rater",
    "brennan_prediger",
    "cohen_kappa",
    "cohen_kappa_test",
    "conger_kappa",
    "fleiss_kappa",
    "from_table",
    "gwet_ac1",
    "gwet_ac2",
    "gwet_alpha",
    "krippendorff_alpha",
    "negative_agreement",
    "pair_agreements",
    "pair_kappas",
    "percent_agreement",
    "positive_agreement",
    "prevalence",
    "scott_pi",
    "specific_agreement",
    "sufficiency",
]
