"""What annotators answered about one item: cell by cell, and side by side in words."""

from __future__ import annotations

import json
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

import sqlalchemy as sa

from annotate.models import Annotation, Assignment, Label, UserAccount
from annotate.services.scoping import in_scope
from rubrics.sentences import together
from tasks.answer_values import category_name, ranking_words, span_words

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from sqlalchemy.orm import Session

    from annotate.policy import Scope
    from rubrics.schema import Question, Rubric
    from rubrics.sentences import Sentence


@dataclass(frozen=True, slots=True)
class Cell:
    """One label."""

    question: str
    category: str
    value: str | None
    state: str
    reason: str | None
    clauses: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Submission:
    """One annotation: a revision of one annotator's answers."""

    id: str
    annotator_id: str
    annotator: str
    revision: int
    current: bool
    created_at: datetime
    origin: str
    cells: tuple[Cell, ...]


@dataclass(frozen=True, slots=True)
class Answer:
    """What one annotator answered to one question, in words."""

    words: str
    state: str
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class QuestionRow:
    """One question with the answers side by side, in the order of the annotators.

    ``given`` counts those who were asked and answered. Whether they differ is not said where they
    are fewer than two, nor of free texts and passages.
    """

    question: str
    text: str
    answers: tuple[Answer | None, ...]
    given: int
    differs: bool | None


def submissions(session: Session, scope: Scope, item_id: str) -> dict[str, list[Submission]]:
    """Return all revisions of all annotators, by task."""
    annotations = session.execute(
        sa.select(
            Annotation.id,
            Annotation.task_id,
            Annotation.annotator_id,
            Annotation.revision,
            Annotation.created_at,
            Annotation.origin,
            Assignment.current_revision,
            Assignment.state,
            UserAccount.display_name,
        )
        .join(Assignment, Assignment.id == Annotation.assignment_id)
        .join(UserAccount, UserAccount.id == Annotation.annotator_id)
        .where(Annotation.item_id == item_id, *in_scope(Annotation, scope))
        .order_by(UserAccount.display_name, Annotation.annotator_id, Annotation.revision)
    ).all()
    cells = _cells(session, scope, [row.id for row in annotations])
    found: dict[str, list[Submission]] = defaultdict(list)
    for row in annotations:
        counts = row.revision == row.current_revision and row.state == "submitted"
        found[row.task_id].append(
            Submission(
                id=row.id,
                annotator_id=row.annotator_id,
                annotator=row.display_name,
                revision=row.revision,
                current=counts,
                created_at=row.created_at,
                origin=row.origin,
                cells=tuple(cells.get(row.id, ())),
            )
        )
    return found


def _cells(session: Session, scope: Scope, annotation_ids: list[str]) -> dict[str, list[Cell]]:
    found: dict[str, list[Cell]] = defaultdict(list)
    rows = session.execute(
        sa.select(
            Label.annotation_id,
            Label.question,
            Label.category,
            Label.value,
            Label.state,
            Label.reason,
            Label.clauses,
        ).where(Label.project_id == scope.project_id, Label.annotation_id.in_(annotation_ids))
    )
    for row in rows:
        clauses = tuple(json.loads(row.clauses)) if row.clauses else ()
        found[row.annotation_id].append(
            Cell(row.question, row.category, row.value, row.state, row.reason, clauses)
        )
    return found


def side_by_side(rubric: Rubric, counted: Sequence[Submission]) -> Iterable[QuestionRow]:
    """Yield the questions that anybody answered, in the order of the rubric."""
    for question in rubric.questions:
        answers = tuple(
            answer_words(rubric, question, [c for c in one.cells if c.question == question.id])
            for one in counted
        )
        if not any(answers):
            continue
        given = [(one.words, one.state) for one in answers if one and one.state != "not_asked"]
        compared = len(given) > 1 and question.type not in {"text", "span"}
        differs = len(set(given)) > 1 if compared else None
        yield QuestionRow(question.id, question.text, answers, len(given), differs)


def answer_words(rubric: Rubric, question: Question, cells: Sequence[Cell]) -> Answer | None:
    """Return an annotator's answer to a question in words, or None when there is none."""
    if not cells:
        return None
    reserved = next((cell for cell in cells if cell.state in {"unsure", "cannot_assess"}), None)
    if reserved is not None:
        notes = (reserved.reason,) if reserved.reason else ()
        return Answer(reserved.state, reserved.state, notes)
    answered = [cell for cell in cells if cell.state == "answered"]
    if not answered:
        return Answer("", "not_asked")
    clauses = tuple(dict.fromkeys(clause for cell in answered for clause in cell.clauses))
    return Answer(_words(rubric, question, answered), "answered", clauses)


def _words(rubric: Rubric, question: Question, cells: Sequence[Cell]) -> Sentence:
    if question.type == "multi":
        names = {option.id: option.label for option in question.options}
        chosen = [names.get(c.category, c.category) for c in cells if c.value == "1"]
        return together(chosen, ", ")
    return together((_cell_words(rubric, question, cell) for cell in cells), ", ")


def _cell_words(rubric: Rubric, question: Question, cell: Cell) -> str:
    value = _value(question, cell)
    if not cell.category:
        return value
    return together((category_name(rubric, question, cell.category), value), ": ")


def _value(question: Question, cell: Cell) -> str:
    value = cell.value or ""
    if question.type == "span":
        return span_words(question, value)
    if question.type == "ranking":
        return ranking_words(question, value)
    names = {option.id: option.label for option in question.options}
    return names.get(value, value)
