"""The second opinion: every figure that krippendorff or statsmodels can make, made again.

This is the only module that asks them. They get what they are safe with: counts as int64, never
gaps, never units with unequal numbers of raters where they assume equal ones.
"""

from __future__ import annotations

import math
import warnings
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Final

import numpy as np

from tasks import _lazy
from tasks.agreement import AgreementResult, ReliabilityData, Status

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import numpy.typing as npt

    from tasks.records import PairReport

    Integers = npt.NDArray[np.int64]

TOLERANCE: Final = 1e-9
# krippendorff holds units x values x values doubles at once.
_LARGEST_TENSOR: Final = 100_000_000


class Opinion(StrEnum):
    """How a figure fared."""

    VERIFIED = "verified"
    NO_SECOND_SOURCE = "no second source"
    DIFFERS = "differs"


@dataclass(frozen=True, slots=True)
class Verification:
    """One figure beside the second one.

    Attributes
    ----------
    figure
        Name of the coefficient, with the two annotators for a pair.
    ours, theirs
        The values; None where undefined (or, for theirs, where there is no source).
    source
        Who was asked; empty where nobody can be.
    opinion
        Verified up to 1e-9, or both undefined; differs; or no second source.
    """

    figure: str
    ours: float | None
    theirs: float | None
    source: str
    opinion: Opinion

    def to_json(self) -> dict[str, object]:
        """Return plain values for JSON."""
        return {
            "figure": self.figure,
            "ours": self.ours,
            "theirs": self.theirs,
            "source": self.source or None,
            "opinion": self.opinion.value,
        }


def verify(data: ReliabilityData, result: AgreementResult) -> Verification:
    """Ask for a second opinion on one figure.

    Parameters
    ----------
    data
        The labels that the figure was computed from.
    result
        The figure.

    Returns
    -------
    Verification
    """
    ask = _SOURCES.get(result.coefficient)
    answer = None if ask is None or not _same_question(data, result) else ask(data, result)
    if answer is None:
        return Verification(result.coefficient, result.value, None, "", Opinion.NO_SECOND_SOURCE)
    source, theirs = answer
    return _compare(result.coefficient, result.value, theirs, source)


def verify_pairs(
    data: ReliabilityData, annotators: Sequence[object], pairs: Sequence[PairReport]
) -> tuple[Verification, ...]:
    """Ask for a second opinion on Cohen's kappa of every pair.

    Parameters
    ----------
    data
        The labels.
    annotators
        Names by rater id.
    pairs
        The figures.

    Returns
    -------
    tuple of Verification
        In the order of the pairs.
    """
    ids = {name: rater for rater, name in enumerate(annotators)}
    found = []
    for pair in pairs:
        name = f"cohen_kappa {pair.rater_a} / {pair.rater_b}"
        table = data.pairs.between(ids[pair.rater_a], ids[pair.rater_b])
        if pair.weights != "identity" and not _evenly_spaced(data):
            found.append(Verification(name, pair.kappa, None, "", Opinion.NO_SECOND_SOURCE))
            continue
        theirs = _cohen(table, None if pair.weights == "identity" else pair.weights)
        found.append(_compare(name, pair.kappa, theirs, "statsmodels"))
    return tuple(found)


def _compare(figure: str, ours: float | None, theirs: float | None, source: str) -> Verification:
    same = ours is theirs if ours is None or theirs is None else abs(ours - theirs) <= TOLERANCE
    return Verification(figure, ours, theirs, source, Opinion.VERIFIED if same else Opinion.DIFFERS)


Answer = tuple[str, float | None] | None


def _same_question(data: ReliabilityData, result: AgreementResult) -> bool:
    """Tell whether the figure is the plain form, which is all that the second sources know."""
    plain = result.weights in ("", "identity")
    sized = len(data.patterns.frequencies) > 0 and result.status is not Status.NO_LABELS
    return plain and sized


def _alpha(data: ReliabilityData, result: AgreementResult) -> Answer:
    counts = _counts(data)
    n_values = data.domain.n_values
    if counts.shape[0] * n_values * n_values > _LARGEST_TENSOR:
        return None
    level = "nominal" if result.coefficient == "gwet_alpha" else result.level.value
    names = np.arange(n_values) if level in ("nominal", "ordinal") else data.domain.scale
    theirs = _asked(
        lambda: _lazy.krippendorff().alpha(
            value_counts=counts, value_domain=names, level_of_measurement=level
        )
    )
    return "krippendorff", theirs


def _fleiss(data: ReliabilityData, _result: AgreementResult) -> Answer:
    return _from_equal_counts(data, "fleiss")


def _randolph(data: ReliabilityData, result: AgreementResult) -> Answer:
    # Without variation the formula gives 1, which our status withholds on purpose.
    if result.status is not Status.OK or (data.patterns.value_counts == 0).any():
        return None
    return _from_equal_counts(data, "randolph")


def _from_equal_counts(data: ReliabilityData, method: str) -> Answer:
    counts = _counts(data)
    labels = counts.sum(axis=1)
    if labels.min() != labels.max() or labels.min() < 2:
        return None
    theirs = _asked(lambda: _lazy.inter_rater().fleiss_kappa(counts, method=method))
    return "statsmodels", theirs


def _two(data: ReliabilityData, result: AgreementResult) -> Answer:
    if data.n_raters != 2:
        return None
    table = data.pairs.between(*data.rater_ids.tolist())
    if result.coefficient == "cohen_kappa":
        return "statsmodels", _cohen(table, None)
    first, second = np.nonzero(table)
    eye = np.eye(len(table), dtype=np.int64)
    counts = np.repeat(eye[first] + eye[second], table[first, second], axis=0)
    if not len(counts):
        return "statsmodels", None
    return "statsmodels", _asked(lambda: _lazy.inter_rater().fleiss_kappa(counts))


def _conger(data: ReliabilityData, result: AgreementResult) -> Answer:
    """Two raters without gaps make Conger's kappa Cohen's."""
    complete = data.n_raters == 2 and bool((data.patterns.labels_per_unit == 2).all())
    return _two(data, replace(result, coefficient="cohen_kappa")) if complete else None


def _cohen(table: Integers, weights: str | None) -> float | None:
    if not table.any():
        return None
    return _asked(lambda: _lazy.inter_rater().cohens_kappa(table, wt=weights, return_results=False))


def _counts(data: ReliabilityData) -> Integers:
    """Return the value counts of each unit, as int64: smaller integers overflow silently there."""
    return data.patterns.patterns[data.unit_pattern].astype(np.int64)


def _evenly_spaced(data: ReliabilityData) -> bool:
    """Tell whether weights by number are weights by index, as statsmodels has them."""
    steps = np.diff(data.domain.scale)
    return bool(steps.size == 0 or np.allclose(steps, steps[0], rtol=1e-12, atol=0.0))


def _asked(question: Callable[[], float]) -> float | None:
    """Return the answer; None where the source finds it undefined, in whichever way it says so."""
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        try:
            answer = float(question())
        except (ValueError, ZeroDivisionError):
            return None
    return answer if math.isfinite(answer) else None


_SOURCES: Final[dict[str, Callable[[ReliabilityData, AgreementResult], Answer]]] = {
    "krippendorff_alpha": _alpha,
    "gwet_alpha": _alpha,
    "fleiss_kappa": _fleiss,
    "brennan_prediger": _randolph,
    "cohen_kappa": _two,
    "scott_pi": _two,
    "conger_kappa": _conger,
}
