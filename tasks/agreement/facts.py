"""What all results of the same labels have in common: counts, status, sufficiency."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from tasks.agreement.data import ReliabilityData, SufficientStatistics
from tasks.agreement.intervals import IntervalChoice, interval_spec, make_interval
from tasks.agreement.levels import Floats, Integers, Level
from tasks.agreement.results import AgreementResult, Interval, Status, Sufficiency

if TYPE_CHECKING:
    from tasks.agreement.estimators import (
        Estimates,
        Estimator,
    )
    from tasks.agreement.patterns import CountPatterns
    from tasks.agreement.weights import Weights

Data = ReliabilityData | SufficientStatistics

DEFAULT_UNITS_NEEDED = 100
DEFAULT_MINORITY_NEEDED = 40
_WIDE = 256


@dataclass(frozen=True, slots=True)
class Facts:
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
    def of(cls, data: Data, level: Level, patterns: CountPatterns | None = None) -> Facts:
        """Count the labels of data, or of the patterns given in their place."""
        wide = wide_labels(data) if patterns is None else None
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
            value_shares(counts),
        )

    @classmethod
    def _of_wide(cls, data: ReliabilityData, level: Level) -> Facts:
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
            value_shares(np.bincount(data.code, minlength=data.domain.n_values).astype(np.int64)),
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
    >>> from tasks.agreement import ReliabilityData
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


def wide_labels(data: Data) -> ReliabilityData | None:
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


def value_shares(counts: Integers) -> tuple[float, ...]:
    """Return the share of each value; empty when there are no labels."""
    total = int(counts.sum())
    return tuple((counts / total).tolist()) if total else ()


def _or_none(replicate: Floats) -> float | None:
    number = float(replicate[0])
    return None if np.isnan(number) else number


def level_of(data: Data, weights: Weights) -> Level:
    """Unweighted agreement sees only same or different, whatever the scale could bear."""
    return Level.NOMINAL if weights_name(weights) == "identity" else data.domain.level


def weights_name(weights: Weights) -> str:
    """Name agreement weights."""
    if weights is None:
        return "identity"
    return weights if isinstance(weights, str) else "custom"
