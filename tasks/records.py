"""Records of this room that travel: label columns in, agreement reports out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy as np
    import numpy.typing as npt

    from tasks.agreement import AgreementResult, Level, Status

    Column = Sequence[object] | npt.NDArray[np.object_]

Conditioning = Literal["all", "reached"]
Kind = Literal["question", "category", "option", "derived"]
Verdict = Literal[
    "undefined", "not_enough", "not_judged", "below_floor", "above_floor", "meets_target"
]
Json = dict[str, object]


@dataclass(frozen=True, slots=True)
class LabelColumns:
    """Current labels in long form: parallel columns, one row per label cell.

    Attributes
    ----------
    item, annotator
        Any hashable ids.
    question, category
        Ids of the rubric; the category is '' where there is none.
    value
        As stored in the cell; None unless the state is ``answered``.
    state
        ``answered``, ``unsure``, ``cannot_assess`` or ``not_asked``.
    """

    item: Column
    annotator: Column
    question: Column
    category: Column
    value: Column
    state: Column


@dataclass(frozen=True, slots=True)
class PairReport:
    """Cohen's kappa of two annotators over the items both labelled."""

    rater_a: object
    rater_b: object
    n: int
    kappa: float | None
    status: Status
    percent: float | None
    weights: str

    def to_json(self) -> Json:
        """Return plain values for JSON."""
        return {
            "rater_a": str(self.rater_a),
            "rater_b": str(self.rater_b),
            "n": self.n,
            "kappa": self.kappa,
            "status": self.status.value,
            "reason": self.status.reason or None,
            "percent_agreement": self.percent,
            "weights": self.weights,
        }


@dataclass(frozen=True, slots=True)
class VariableReport:
    """Agreement on one variable under one conditioning at one level.

    Attributes
    ----------
    question, category
        Ids; for one-vs-rest `category` is the category or option against all others.
    kind
        ``question``: the whole question; ``category``: one option of a multiple choice;
        ``option``: one option of a single choice; ``derived``: a derived variable.
    text
        What people read.
    level
        Level of measurement of alpha.
    primary
        Whether this is the level the rubric judges by (or the one asked for).
    conditioning
        ``all`` annotators, a closed question taking its structural value, or those who
        ``reached`` the question. A question without a condition is reported under ``all`` only.
    results
        Results by coefficient.
    positive_agreement
        For two-valued variables.
    prevalence
        Share of positive labels, for two-valued variables.
    target, floor, verdict
        What the rubric demands and how the lower bound of alpha compares.
    pairs
        Every two annotators with a common item.
    """

    question: str
    category: str
    kind: Kind
    text: str
    level: Level
    primary: bool
    conditioning: Conditioning
    results: Mapping[str, AgreementResult]
    positive_agreement: AgreementResult | None
    prevalence: float | None
    target: float
    floor: float
    verdict: Verdict
    pairs: tuple[PairReport, ...]

    @property
    def alpha(self) -> AgreementResult:
        """Krippendorff's alpha, which the verdict looks at."""
        return self.results["krippendorff_alpha"]

    def to_json(self) -> Json:
        """Return plain values for JSON."""
        positive = self.positive_agreement
        return {
            "question": self.question,
            "category": self.category,
            "kind": self.kind,
            "text": self.text,
            "level": self.level.value,
            "primary": self.primary,
            "conditioning": self.conditioning,
            "results": {name: result.to_json() for name, result in self.results.items()},
            "positive_agreement": None if positive is None else positive.to_json(),
            "prevalence": self.prevalence,
            "target": self.target,
            "floor": self.floor,
            "verdict": self.verdict,
            "pairs": [pair.to_json() for pair in self.pairs],
        }


@dataclass(frozen=True, slots=True)
class AnswerStates:
    """How often a question was answered, or met a reserved answer.

    Attributes
    ----------
    question, category
        The category is '' but for questions repeated per category.
    answered, unsure, cannot_assess, not_asked
        Annotations in each state.
    """

    question: str
    category: str
    answered: int
    unsure: int
    cannot_assess: int
    not_asked: int

    @property
    def asked(self) -> int:
        """Annotations that reached the question."""
        return self.answered + self.unsure + self.cannot_assess

    @property
    def unsure_rate(self) -> float | None:
        """Share of unsure among those asked; None when nobody was."""
        return self.unsure / self.asked if self.asked else None

    @property
    def cannot_assess_rate(self) -> float | None:
        """Share of cannot assess among those asked; None when nobody was."""
        return self.cannot_assess / self.asked if self.asked else None

    def to_json(self) -> Json:
        """Return plain values for JSON."""
        return {
            "question": self.question,
            "category": self.category,
            "answered": self.answered,
            "unsure": self.unsure,
            "cannot_assess": self.cannot_assess,
            "not_asked": self.not_asked,
            "unsure_rate": self.unsure_rate,
            "cannot_assess_rate": self.cannot_assess_rate,
        }


@dataclass(frozen=True, slots=True)
class ShapedReport:
    """Agreement on answers that are more than one value: a set of options, or spans of text.

    Attributes
    ----------
    question
        Id.
    label
        The label of the spans; '' for sets, and for spans without labels.
    kind
        ``set`` or ``span``.
    text
        What people read.
    conditioning
        As in `VariableReport`; nothing marked stands for no closed question, so spans behind a
        condition are measured among those who ``reached`` it.
    results
        For sets ``masi_alpha`` and ``jaccard_alpha``; for spans ``character_f1``,
        ``exact_span_f1`` and, where the lengths of the texts are known, ``span_alpha``.
    """

    question: str
    label: str
    kind: Literal["set", "span"]
    text: str
    conditioning: Conditioning
    results: Mapping[str, AgreementResult]

    def to_json(self) -> Json:
        """Return plain values for JSON."""
        return {
            "question": self.question,
            "label": self.label,
            "kind": self.kind,
            "text": self.text,
            "conditioning": self.conditioning,
            "results": {name: result.to_json() for name, result in self.results.items()},
        }


@dataclass(frozen=True, slots=True)
class AnnotatorRepeats:
    """One annotator's agreement with themselves on one variable."""

    annotator: object
    results: Mapping[str, AgreementResult]

    def to_json(self) -> Json:
        """Return plain values for JSON."""
        return {
            "annotator": str(self.annotator),
            "results": {name: result.to_json() for name, result in self.results.items()},
        }


@dataclass(frozen=True, slots=True)
class RepeatReport:
    """Agreement of annotators with themselves, where they labelled the same items again.

    Attributes
    ----------
    question, category, kind, text, level, primary, conditioning
        As in `VariableReport`.
    results
        ``krippendorff_alpha`` and ``percent_agreement`` over all annotators: a unit is one
        annotator's work on one item, and the occasions stand where raters would.
    annotators
        The same for each annotator who repeated an item.
    """

    question: str
    category: str
    kind: Kind
    text: str
    level: Level
    primary: bool
    conditioning: Conditioning
    results: Mapping[str, AgreementResult]
    annotators: tuple[AnnotatorRepeats, ...]

    def to_json(self) -> Json:
        """Return plain values for JSON."""
        return {
            "question": self.question,
            "category": self.category,
            "kind": self.kind,
            "text": self.text,
            "level": self.level.value,
            "primary": self.primary,
            "conditioning": self.conditioning,
            "results": {name: result.to_json() for name, result in self.results.items()},
            "annotators": [one.to_json() for one in self.annotators],
        }


@dataclass(frozen=True, slots=True)
class Report:
    """Agreement on everything a rubric asks."""

    fingerprint: str
    rubric_id: str
    rubric_version: str
    n_items: int
    n_annotators: int
    n_annotations: int
    n_labels: int
    variables: tuple[VariableReport, ...]
    states: tuple[AnswerStates, ...]
    shaped: tuple[ShapedReport, ...] = ()

    def variable(
        self,
        question: str,
        category: str = "",
        *,
        conditioning: Conditioning = "all",
        level: Level | str | None = None,
    ) -> VariableReport | None:
        """Find a variable; without a level the primary one, None when there is none.

        Asked for those who reached a question that has no condition, it gives the figure over
        all, which is the same.
        """
        found = [
            one
            for one in self.variables
            if one.question == question
            and one.category == category
            and (one.primary if level is None else one.level == level)
        ]
        exact = [one for one in found if one.conditioning == conditioning]
        return next(iter(exact or found), None)

    def to_json(self) -> Json:
        """Return plain values for JSON."""
        return {
            "fingerprint": self.fingerprint,
            "rubric_id": self.rubric_id,
            "rubric_version": self.rubric_version,
            "n_items": self.n_items,
            "n_annotators": self.n_annotators,
            "n_annotations": self.n_annotations,
            "n_labels": self.n_labels,
            "variables": [variable.to_json() for variable in self.variables],
            "states": [states.to_json() for states in self.states],
            "shaped": [shaped.to_json() for shaped in self.shaped],
        }


@dataclass(frozen=True, slots=True)
class ItemDisagreement:
    """What one item adds to a variable's disagreement.

    Attributes
    ----------
    item
        Id.
    counts
        Labels per value, in the order of the domain, zeros left out.
    contribution
        Share of the observed disagreement; all items together make 1, or 0 if all agree.
    """

    item: object
    counts: Mapping[str, int]
    contribution: float

    def to_json(self) -> Json:
        """Return plain values for JSON."""
        return {
            "item": str(self.item),
            "counts": dict(self.counts),
            "contribution": self.contribution,
        }
