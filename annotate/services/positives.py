"""Positives found: what of a rubric needs them to be judged, and how many items have them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import sqlalchemy as sa

from annotate.models import Annotation, Assignment, Item, Label
from annotate.services import rubrics
from annotate.services.scoping import current_work, visible_items

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


@dataclass(frozen=True, slots=True)
class ElementProgress:
    """Items with at least one label that says yes, by language, and how many are needed."""

    element: Element
    by_language: Mapping[str | None, int]

    @property
    def positives(self) -> int:
        """Return the items of all languages."""
        return sum(self.by_language.values())

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
        yield Element(question.id, "true", question.text, needed, (question.id, "", "true"))
    specs = {one.id: one.agreement for one in rubric.categories if question.options_from}
    for option in question.options:
        spec = specs.get(option.id) or question.agreement
        multi = question.type == "multi"
        cell = (question.id, option.id, "1") if multi else (question.id, "", option.id)
        yield Element(question.id, option.id, option.label, spec.min_positives, cell)


def elements_found(
    session: Session, scope: Scope, version: VersionLine | None
) -> tuple[ElementProgress, ...]:
    """Return the positives found under a version, per element."""
    if version is None:
        return ()
    elements = elements_of(rubrics.load(session, scope, version.id))
    found = _positives(session, scope, version.fingerprint, {one.question for one in elements})
    return tuple(ElementProgress(one, found.get(one.cell, {})) for one in elements)


def _positives(
    session: Session, scope: Scope, fingerprint: str, questions: set[str]
) -> dict[tuple[str, str, str], dict[str | None, int]]:
    cell = (Label.question, Label.category, Label.value)
    rows = session.execute(
        sa.select(*cell, Item.language, sa.func.count(sa.distinct(Label.item_id)))
        .select_from(Assignment)
        .join(
            Annotation,
            (Annotation.assignment_id == Assignment.id)
            & (Annotation.revision == Assignment.current_revision),
        )
        .join(Label, Label.annotation_id == Annotation.id)
        .join(Item, Item.id == Assignment.item_id)
        .where(
            *current_work(scope),
            *visible_items(scope),
            Label.project_id == scope.project_id,
            Annotation.fingerprint == fingerprint,
            Label.question.in_(sorted(questions)),
            Label.state == "answered",
            Label.value != "0",
        )
        .group_by(*cell, Item.language)
    ).all()
    found: dict[tuple[str, str, str], dict[str | None, int]] = {}
    for question, category, value, language, number in rows:
        found.setdefault((question, category, str(value)), {})[language] = number
    return found
