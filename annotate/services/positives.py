"""Positives found: what of a rubric needs them to be judged, and how many items have them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import sqlalchemy as sa

from annotate.models import Annotation, Assignment, Item, Label
from annotate.services import rubrics
from annotate.services.scoping import in_scope, labels_that_count, visible_items
from rubrics.schema import NO_OPTION

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from sqlalchemy.orm import Session

    from annotate.policy import Scope
    from annotate.services.rubrics import VersionLine
    from rubrics.schema import Question
    from rubrics.schema import Rubric as RubricText


@dataclass(frozen=True, slots=True)
class Element:
    """Something of a rubric that is judged against the rest: a category, or an option."""

    question: str
    id: str
    name: str
    needed: int
    cell: tuple[str, str, str]
    """Question, category and value of the label cell that says yes."""
    asked: str
    """The question's words: two questions may have options of the same name."""


@dataclass(frozen=True, slots=True)
class ElementProgress:
    """Items that say yes, by language, and how many are needed.

    Counted as agreement counts its evidence: items with two labels or more, each by the share of
    its labels that say yes.
    """

    element: Element
    by_language: Mapping[str | None, float]

    @property
    def positives(self) -> int:
        """Return the whole items of all languages together."""
        return math.floor(sum(self.by_language.values()) + 1e-9)

    @property
    def enough(self) -> bool:
        """Tell whether there are enough to judge agreement on."""
        return self.positives >= self.element.needed


def elements_of(rubric: RubricText) -> tuple[Element, ...]:
    """Return what of a rubric needs positives to be judged: its categories, else its options."""
    asked = [q for q in rubric.questions if q.role == "label" and q.repeat_for is None]
    nominal = [q for q in asked if q.type in {"single", "multi", "boolean"}]
    chosen = [q for q in nominal if q.options_from is not None] or nominal
    chosen = chosen or [q for q in asked if q.type == "ordinal"]
    return tuple(element for question in chosen for element in _of_question(rubric, question))


def _of_question(rubric: RubricText, question: Question) -> Iterable[Element]:
    if question.type == "boolean":
        needed = question.agreement.min_positives
        yield Element(
            question.id, "true", question.text, needed, (question.id, "", "true"), question.text
        )
    specs = {one.id: one.agreement for one in rubric.categories if question.options_from}
    for option in question.options:
        spec = specs.get(option.id) or question.agreement
        multi = question.type == "multi"
        cell = (question.id, option.id, "1") if multi else (question.id, "", option.id)
        yield Element(question.id, option.id, option.label, spec.min_positives, cell, question.text)


def elements_found(
    session: Session, scope: Scope, version: VersionLine | None
) -> tuple[ElementProgress, ...]:
    """Return the positives found under a version, per element."""
    if version is None:
        return ()
    rubric = rubrics.load(session, scope, version.id)
    elements = elements_of(rubric)
    asked = {one.question for one in elements}
    questions = [question for question in rubric.questions if question.id in asked]
    found = _positives(session, scope, version.fingerprint, questions)
    return tuple(ElementProgress(one, found.get(one.cell, {})) for one in elements)


def _positives(
    session: Session, scope: Scope, fingerprint: str, questions: list[Question]
) -> dict[tuple[str, str, str], dict[str | None, float]]:
    """Return per cell and language the items that say yes, each by the share of its labels."""
    value = _value(questions)
    cell = (Label.question, Label.category, Label.item_id, Item.language)
    structural = [one.id for one in questions if one.when_not_asked is not None]
    counted = (
        labels_that_count(
            *cell,
            value.label("value"),
            sa.func.count().label("labels"),
            sa.func.sum(sa.func.count())
            .over(partition_by=(Label.question, Label.category, Label.item_id))
            .label("all_labels"),
        )
        .join(Item, Item.id == Assignment.item_id)
        .where(
            *in_scope(Assignment, scope),
            *visible_items(scope),
            Label.project_id == scope.project_id,
            Annotation.fingerprint == fingerprint,
            Label.question.in_([one.id for one in questions]),
            (Label.state == "answered")
            | ((Label.state == "not_asked") & Label.question.in_(structural)),
        )
        .group_by(*cell, value)
        .subquery()
    )
    shown = counted.c
    rows = session.execute(
        sa.select(
            shown.question,
            shown.category,
            shown.value,
            shown.language,
            sa.func.sum(shown.labels * 1.0 / shown.all_labels),
        )
        .where(shown.all_labels > 1, (shown.category == "") | (shown.value == "1"))
        .group_by(shown.question, shown.category, shown.value, shown.language)
    ).all()
    found: dict[tuple[str, str, str], dict[str | None, float]] = {}
    for question, category, answer, language, share in rows:
        found.setdefault((question, category, answer), {})[language] = float(share)
    return found


def _value(questions: list[Question]) -> sa.ColumnElement[str]:
    """Return a label's value; where it was not asked, what the rubric lets it stand for."""
    closed = Label.state == "not_asked"
    cases: list[tuple[sa.ColumnElement[bool], str]] = []
    for question in questions:
        stands_for = question.when_not_asked or NO_OPTION
        here = closed & (Label.question == question.id)
        if question.type == "multi":
            cases.extend([(here & (Label.category == stands_for), "1"), (here, "0")])
        else:
            cases.append((here, "" if stands_for == NO_OPTION else stands_for))
    return sa.case(*cases, else_=Label.value)
