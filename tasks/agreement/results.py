"""What a coefficient returns: never a number alone."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tasks.agreement.levels import Level

Json = dict[str, object]


class Status(StrEnum):
    """Whether a coefficient is defined for these labels, and why not."""

    OK = "ok"
    NO_LABELS = "no_labels"
    NO_PAIRABLE_UNITS = "no_pairable_units"
    NO_VARIATION = "no_variation"
    NO_POSITIVES = "no_positives"

    @property
    def reason(self) -> str:
        """A sentence for people; empty when the value is defined."""
        return _REASONS[self]


_REASONS = {
    Status.OK: "",
    Status.NO_LABELS: "There are no labels.",
    Status.NO_PAIRABLE_UNITS: "No item has two labels that could be compared.",
    Status.NO_VARIATION: "Everybody gave the same answer everywhere, so chance agreement is "
    "certain and nothing shows whether the answer could be told from another.",
    Status.NO_POSITIVES: "Nobody gave this answer on an item with two or more labels.",
}


@dataclass(frozen=True, slots=True)
class Sufficiency:
    """How much evidence there is, against how much is needed to judge.

    Attributes
    ----------
    have, need
        Counted in `measure`.
    measure
        ``"units"``: units with at least two labels. ``"minority"``: for two-valued data, units
        with the rarer answer, each counted by the share of its labels that gave it.
    """

    have: int
    need: int
    measure: str

    @property
    def enough(self) -> bool:
        """Whether the evidence reaches what is needed."""
        return self.have >= self.need

    def to_json(self) -> Json:
        """Return plain values for JSON."""
        return {
            "have": self.have,
            "need": self.need,
            "measure": self.measure,
            "enough": self.enough,
        }


@dataclass(frozen=True, slots=True)
class Interval:
    """A confidence interval that says how it was made.

    Attributes
    ----------
    method
        ``"jackknife"``, ``"bootstrap"`` (percentile), ``"bca"``, ``"analytic"`` or
        ``"asymptotic"``; over raters ``"rater-"`` or ``"two-way-"`` and the first two.
    low, high
        The bounds; `high` never exceeds 1.
    confidence
        Nominal coverage, .95 by default.
    standard_error
        On the scale of the coefficient; None where the interval is not made from one.
    df
        Degrees of freedom of the t quantile; None where none is used.
    resamples, undefined_resamples, seed, numpy_version
        For the bootstrap: draws made, draws whose coefficient was undefined, and what is
        needed to draw them again. None elsewhere, but for the numpy version.
    """

    method: str
    low: float
    high: float
    confidence: float
    standard_error: float | None
    df: float | None = None
    resamples: int | None = None
    undefined_resamples: int | None = None
    seed: int | None = None
    numpy_version: str = ""

    def to_json(self) -> Json:
        """Return plain values for JSON."""
        return {name: getattr(self, name) for name in self.__slots__}


@dataclass(frozen=True, slots=True)
class AgreementResult:
    """One coefficient with everything it must not travel without.

    Attributes
    ----------
    coefficient
        Name of the function that made it.
    level
        Level of measurement the figure was computed at.
    value
        None exactly when `status` is not OK.
    status
        Whether the value is defined.
    sufficiency
        Whether there is enough to judge by.
    interval
        None when none was asked for or none exists; `interval_reason` tells which.
    n_units, n_pairable_units
        Units with a label; units with two or more.
    n_labels, n_raters
        All labels; raters who gave one. `n_raters` is 0 where only value counts were given.
    prevalence
        Share of all labels per value of the domain, in its order.
    observed_disagreement, expected_disagreement
        D_o and D_e: the value is 1 - D_o / D_e for every chance-corrected coefficient.
    interval_reason
        Why there is no interval; empty otherwise.
    weights
        Name of the agreement weights, ``"custom"``, or empty where the level says it all.
    """

    coefficient: str
    level: Level
    value: float | None
    status: Status
    sufficiency: Sufficiency
    interval: Interval | None
    n_units: int
    n_labels: int
    n_raters: int
    prevalence: tuple[float, ...]
    observed_disagreement: float | None
    expected_disagreement: float | None
    n_pairable_units: int = 0
    interval_reason: str = ""
    weights: str = ""

    def to_json(self) -> Json:
        """Return plain values for JSON: null and the reason where there is no value."""
        return {
            "coefficient": self.coefficient,
            "level": self.level.value,
            "weights": self.weights,
            "value": self.value,
            "status": self.status.value,
            "reason": self.status.reason or None,
            "sufficiency": self.sufficiency.to_json(),
            "interval": None if self.interval is None else self.interval.to_json(),
            "interval_reason": self.interval_reason or None,
            "n_units": self.n_units,
            "n_pairable_units": self.n_pairable_units,
            "n_labels": self.n_labels,
            "n_raters": self.n_raters,
            "prevalence": list(self.prevalence),
            "observed_disagreement": self.observed_disagreement,
            "expected_disagreement": self.expected_disagreement,
        }
