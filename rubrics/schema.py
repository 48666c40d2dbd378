"""What a rubric is: frozen records that every other room reads."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Literal

from rubrics.errors import UnknownElement

if TYPE_CHECKING:
    from collections.abc import Mapping

QuestionType = Literal[
    "single", "multi", "ordinal", "boolean", "number", "span", "text", "preference", "ranking"
]
Level = Literal["nominal", "ordinal", "interval", "ratio"]
Role = Literal["label", "slice", "metadata"]
Status = Literal["draft", "pilot", "certified", "retired"]
Paradigm = Literal["prescriptive", "descriptive"]
ClauseKind = Literal["include", "exclude", "edge"]
Comparison = Literal["is", "any_of", "none_of", "at_least", "at_most", "chosen"]
Number = int | float
Operand = str | bool | int | float | tuple[str, ...]

NO_OPTION = "none"
"""Structural value of a closed question: none of its options holds."""
RESPONSES: Final = "responses"
"""Kind of an item with several responses, and the list of options that they make."""


@dataclass(frozen=True, slots=True)
class Compare:
    """A condition on one question's answer.

    Attributes
    ----------
    question : str
        Id of the question looked at.
    op : str
        One of ``is any_of none_of at_least at_most chosen``.
    value : str, bool, number or tuple of str
        What the answer is compared with; an order comparison names an option *code*.
    accepts : frozenset of str or None
        The option ids (or ``true``/``false``) that satisfy the comparison; None for numbers and
        for ``none_of`` and ``chosen``, which look at the whole answer.
    """

    question: str
    op: Comparison
    value: Operand
    accepts: frozenset[str] | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class AllOf:
    """Every part holds."""

    parts: tuple[Condition, ...]


@dataclass(frozen=True, slots=True)
class AnyOf:
    """At least one part holds."""

    parts: tuple[Condition, ...]


@dataclass(frozen=True, slots=True)
class Not:
    """The part does not hold."""

    part: Condition


Condition = Compare | AllOf | AnyOf | Not


@dataclass(frozen=True, slots=True)
class AgreementSpec:
    """How much agreement an element must reach, and on how many labels that may be judged."""

    target: float = 0.8
    floor: float = 0.667
    min_items: int = 200
    min_positives: int = 40
    levels: tuple[Level, ...] = ()


@dataclass(frozen=True, slots=True)
class AdjudicationRule:
    """When labels of one item go to an adjudicator."""

    when: Literal["differ", "gap", "never"] = "differ"
    gap_at_least: Number | None = None
    unsure: bool = True


@dataclass(frozen=True, slots=True)
class Option:
    """One answer that may be chosen."""

    id: str
    label: str
    code: Number | None = None
    help: str | None = None
    hotkey: str | None = None


@dataclass(frozen=True, slots=True)
class Question:
    """One thing the rubric asks."""

    id: str
    text: str
    type: QuestionType
    level: Level | None
    help: str | None = None
    target: str | None = None
    options: tuple[Option, ...] = ()
    options_from: str | None = None
    min: Number | None = None
    max: Number | None = None
    ask_if: Condition | None = None
    repeat_for: str | None = None
    required: bool = True
    required_if: Condition | None = None
    when_not_asked: str | None = None
    role: Role = "label"
    agreement: AgreementSpec = AgreementSpec()
    adjudicate: AdjudicationRule | None = None
    max_chars: int | None = None
    cite: bool = False
    ties: bool = False
    both_bad: bool = False
    maps_to: Mapping[str, str] = field(default_factory=dict)

    @property
    def takes_reserved(self) -> bool:
        """Return whether unsure and cannot assess may answer it; for free text they may not."""
        return self.type != "text"

    def option(self, option_id: str) -> Option:
        """Return the option of that id."""
        for option in self.options:
            if option.id == option_id:
                return option
        message = f"question {self.id!r} has no option {option_id!r}"
        raise UnknownElement(message)


@dataclass(frozen=True, slots=True)
class Clause:
    """A numbered sentence that decides whether something belongs to a category."""

    id: str
    text: str
    kind: ClauseKind
    ruling: str | None = None
    since: str | None = None


@dataclass(frozen=True, slots=True)
class Example:
    """A short text that shows a clause at work."""

    text: str
    clause: str | None = None
    note: str | None = None
    language: str | None = None


@dataclass(frozen=True, slots=True)
class Category:
    """A kind of harm."""

    id: str
    name: str
    definition: str
    includes: tuple[Clause, ...] = ()
    excludes: tuple[Clause, ...] = ()
    edge_cases: tuple[Clause, ...] = ()
    examples: tuple[Example, ...] = ()
    counterexamples: tuple[Example, ...] = ()
    severity_anchors: Mapping[str, str] = field(default_factory=dict)
    exposure_weight: int = 0
    agreement: AgreementSpec | None = None
    labelable: bool = True
    legal_route: str | None = None
    maps_to: Mapping[str, str] = field(default_factory=dict)

    @property
    def clauses(self) -> tuple[Clause, ...]:
        """Return every clause: includes, then excludes, then edge cases."""
        return self.includes + self.excludes + self.edge_cases


@dataclass(frozen=True, slots=True)
class Derived:
    """A boolean variable computed from answers: true exactly when its condition holds."""

    id: str
    text: str
    when: Condition
    level: Level = "nominal"
    agreement: AgreementSpec = AgreementSpec()


@dataclass(frozen=True, slots=True)
class ItemSpec:
    """What is judged and what of it annotators may see."""

    unit: str = "conversation"
    kinds: tuple[str, ...] = ("text", "prompt_response", "messages")
    show: tuple[str, ...] = ()
    blind: tuple[str, ...] = ()
    group_keys: tuple[str, ...] = ()
    responses: int | None = None
    """How many responses an item has; None where its items have no list of them."""


@dataclass(frozen=True, slots=True)
class Display:
    """How content is shown; an annotator may make it stricter, never looser."""

    conceal: Literal["never", "always", "flagged"] = "never"
    reveal: Literal["click", "hold"] = "click"
    notice: str | None = None
    never_render: tuple[str, ...] = ()
    shuffle_responses: bool = True
    """Show responses in an order of their own to each annotator; answers do not tell the order."""


@dataclass(frozen=True, slots=True)
class ReservedAnswer:
    """An answer every question has besides its own; missing for agreement, counted on its own."""

    allowed: bool = True
    needs_reason: bool = False
    reasons: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Reserved:
    """The reserved answers. Opting out and reporting are always open and no rubric closes them."""

    unsure: ReservedAnswer = ReservedAnswer()
    cannot_assess: ReservedAnswer = ReservedAnswer()


@dataclass(frozen=True, slots=True)
class Rubric:
    """A whole rubric, as one version of it."""

    id: str
    version: str
    title: str
    questions: tuple[Question, ...]
    description: str | None = None
    status: Status = "draft"
    paradigm: Paradigm = "prescriptive"
    languages: tuple[str, ...] = ("en",)
    owner: str | None = None
    taxonomy_refs: tuple[str, ...] = ()
    item: ItemSpec = ItemSpec()
    display: Display = Display()
    reserved: Reserved = Reserved()
    categories: tuple[Category, ...] = ()
    derived: tuple[Derived, ...] = ()
    adjudication: AdjudicationRule = AdjudicationRule()

    def __hash__(self) -> int:
        """Return a cheap hash; records within hold mappings and have none of their own."""
        return hash((self.id, self.version, len(self.questions), len(self.categories)))

    def question(self, question_id: str) -> Question:
        """Return the question of that id."""
        for question in self.questions:
            if question.id == question_id:
                return question
        message = f"rubric {self.id!r} has no question {question_id!r}"
        raise UnknownElement(message)

    def category(self, category_id: str) -> Category:
        """Return the category of that id."""
        for category in self.categories:
            if category.id == category_id:
                return category
        message = f"rubric {self.id!r} has no category {category_id!r}"
        raise UnknownElement(message)

    def rule_for(self, question: Question) -> AdjudicationRule:
        """Return the adjudication rule that governs a question."""
        return question.adjudicate or self.adjudication
