"""Practice: items with explained answers. It makes no place, no annotation and no label.

What people answer here stays in tables of its own, so that no figure, gold cell or case can hold
it, whatever is asked of the database later.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from annotate.db import now
from annotate.models import (
    Assignment,
    Item,
    PracticeAnswer,
    PracticeItem,
    RubricVersion,
    Task,
)
from annotate.services.compiled import compiled_rubric
from annotate.services.errors import NotFound
from annotate.services.feedback import clause_text
from annotate.services.ids import known_form
from annotate.services.places import ITEM_COLUMNS, item_view, texts_of
from annotate.services.scoping import visible_items
from annotate.services.text import canonical_json

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from sqlalchemy.orm import Session

    from annotate.policy import Actor, Scope
    from annotate.services.compiled import CompiledRubric
    from tasks.cells import Cell

NOT_COMPARED = frozenset({"text", "span"})
"""Types whose answers may differ in many right ways: they are shown, not compared."""


@dataclass(frozen=True, slots=True)
class ReferenceCell:
    """The answer one cell should have, the clause that says so, and why."""

    question: str
    category: str
    value: str | None
    state: str
    clause: str | None = None
    explanation: str = ""


@dataclass(frozen=True, slots=True)
class PracticeSet:
    """The practice items of one rubric version, and how far a person is with them."""

    rubric_version_id: str
    title: str
    version: str
    items: int
    done: int


@dataclass(frozen=True, slots=True)
class PracticeLine:
    """One practice item, for those who make the set."""

    id: str
    external_id: str
    origin: str
    cells: int


@dataclass(frozen=True, slots=True)
class PracticePlace:
    """An item to practise on."""

    id: str
    rubric_version_id: str
    fingerprint: str
    item: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Compared:
    """One question of a try: what was answered, what the reference says, and why.

    ``right`` is None where answers are not compared.
    """

    question: str
    category: str
    own: tuple[ReferenceCell, ...]
    reference: tuple[ReferenceCell, ...]
    right: bool | None
    clause: str | None
    clause_text: str
    explanation: str


@dataclass(frozen=True, slots=True)
class Outcome:
    """A stored try and its comparison."""

    compiled: CompiledRubric
    questions: tuple[Compared, ...]


def waits(scope: Scope) -> sa.Exists:
    """Ask for items with a free or held place: whoever practises on one could still get it."""
    free = Task.open_slots > 0
    held = sa.exists().where(
        Assignment.project_id == scope.project_id,
        Assignment.task_id == Task.id,
        Assignment.state == "leased",
    )
    return (
        sa.exists()
        .where(Task.project_id == scope.project_id, Task.item_id == Item.id, sa.or_(free, held))
        .correlate(Item)
    )


def sets(session: Session, actor: Actor, scope: Scope) -> tuple[PracticeSet, ...]:
    """Return the practice sets of the project, the newest rubric version first."""
    done = (
        sa.select(PracticeAnswer.practice_item_id)
        .where(
            PracticeAnswer.project_id == scope.project_id,
            PracticeAnswer.annotator_id == actor.user_id,
        )
        .distinct()
        .subquery()
    )
    rows = session.execute(
        sa.select(
            RubricVersion.id,
            RubricVersion.title,
            RubricVersion.version,
            sa.func.count(PracticeItem.id),
            sa.func.count(done.c.practice_item_id),
        )
        .join(PracticeItem, PracticeItem.rubric_version_id == RubricVersion.id)
        .join(Item, Item.id == PracticeItem.item_id)
        .outerjoin(done, done.c.practice_item_id == PracticeItem.id)
        .where(
            RubricVersion.project_id == scope.project_id,
            PracticeItem.project_id == scope.project_id,
            *visible_items(scope),
        )
        .group_by(RubricVersion.id, RubricVersion.title, RubricVersion.version)
        .order_by(RubricVersion.id.desc())
    ).all()
    return tuple(PracticeSet(*row) for row in rows)


def next_item(
    session: Session, actor: Actor, scope: Scope, version_id: str, *, after: str | None = None
) -> PracticePlace | None:
    """Return the next item to practise on: those not tried yet, or all again behind ``after``."""
    key = known_form(version_id, "rubric version")
    conditions = [
        PracticeItem.project_id == scope.project_id,
        PracticeItem.rubric_version_id == key,
        *visible_items(scope),
        ~waits(scope),
    ]
    if after is None:
        tried = sa.exists().where(
            PracticeAnswer.project_id == scope.project_id,
            PracticeAnswer.practice_item_id == PracticeItem.id,
            PracticeAnswer.annotator_id == actor.user_id,
        )
        conditions.append(~tried)
    elif after:
        conditions.append(PracticeItem.id > known_form(after, "practice item"))
    row = session.execute(
        sa.select(PracticeItem.id, PracticeItem.fingerprint, *ITEM_COLUMNS)
        .join(Item, Item.id == PracticeItem.item_id)
        .where(*conditions)
        .order_by(PracticeItem.id)
        .limit(1)
    ).first()
    if row is None:
        return None
    rubric = compiled_rubric(session, scope.project_id, key).rubric
    # Responses keep the order of the item here: the comparison calls them by their place in it.
    return PracticePlace(row.id, key, row.fingerprint, item_view(row, rubric))


# ------------------------------------------------------------------------------------ answering


def answer(
    session: Session,
    actor: Actor,
    scope: Scope,
    practice_item_id: str,
    *,
    answer_id: str,
    answers: Mapping[str, Any],
) -> Outcome:
    """Keep a try and compare it with the reference; sending it again changes nothing.

    Raises
    ------
    LabelsRefused
        When the rubric does not allow the answers, as for a submission.
    """
    row = row_of(session, scope, practice_item_id)
    compiled = compiled_rubric(session, scope.project_id, row.rubric_version_id)
    cells = compiled.validator.validate(answers, texts_of(row.body))
    known = session.scalar(
        sa.select(PracticeAnswer.annotator_id).where(
            PracticeAnswer.id == answer_id, PracticeAnswer.project_id == scope.project_id
        )
    )
    if known is None:
        session.execute(
            sa.insert(PracticeAnswer),
            {
                "id": answer_id,
                "project_id": scope.project_id,
                "practice_item_id": row.id,
                "annotator_id": actor.user_id,
                "answers": canonical_json(answers),
                "created_at": now(session),
            },
        )
    reference = tuple(ReferenceCell(**one) for one in json.loads(row.reference_cells))
    return Outcome(compiled, compare(compiled, cells, reference))


def compare(
    compiled: CompiledRubric, cells: Iterable[Cell], reference: Iterable[ReferenceCell]
) -> tuple[Compared, ...]:
    """Compare a try with its reference, question by question, in the rubric's order."""
    own = {
        (cell.question, cell.category): ReferenceCell(
            cell.question, cell.category, cell.value, cell.state
        )
        for cell in cells
    }
    groups: dict[tuple[str, str], list[ReferenceCell]] = {}
    for cell in reference:
        repeated = compiled.rubric.question(cell.question).repeat_for is not None
        groups.setdefault((cell.question, cell.category if repeated else ""), []).append(cell)
    order = {question.id: place for place, question in enumerate(compiled.rubric.questions)}
    keys = sorted(groups, key=lambda key: (order[key[0]], key[1]))
    found = (_compared(compiled, key, groups[key], own) for key in keys)
    return tuple(one for one in found if one is not None)


def _compared(
    compiled: CompiledRubric,
    key: tuple[str, str],
    reference: list[ReferenceCell],
    own: Mapping[tuple[str, str], ReferenceCell],
) -> Compared | None:
    given = tuple(
        own.get((cell.question, cell.category))
        or ReferenceCell(cell.question, cell.category, None, "not_asked")
        for cell in reference
    )
    if all(one.state == "not_asked" for one in (*given, *reference)):
        return None
    apart = [
        cell
        for cell, one in zip(reference, given, strict=True)
        if (cell.state, cell.value) != (one.state, one.value)
    ]
    right: bool | None = not apart
    if compiled.rubric.question(key[0]).type in NOT_COMPARED:
        right = None
    # what differs is explained first; else whatever has an explanation
    told = next((cell for cell in (*apart, *reference) if cell.clause or cell.explanation), None)
    clause = told.clause if told is not None else None
    return Compared(
        *key,
        own=given,
        reference=tuple(reference),
        right=right,
        clause=clause,
        clause_text=clause_text(compiled.rubric, clause),
        explanation=told.explanation if told is not None else "",
    )


def row_of(session: Session, scope: Scope, practice_item_id: str) -> Any:  # noqa: ANN401 - a row
    """Return a practice item whose item may be seen, or refuse it as not there."""
    row = session.execute(
        sa.select(
            PracticeItem.id,
            PracticeItem.item_id,
            PracticeItem.rubric_version_id,
            PracticeItem.reference_cells,
            Item.body,
        )
        .join(Item, Item.id == PracticeItem.item_id)
        .where(
            PracticeItem.id == known_form(practice_item_id, "practice item"),
            PracticeItem.project_id == scope.project_id,
            *visible_items(scope),
        )
    ).first()
    if row is None:
        raise NotFound("There is no such practice item here.")
    return row
