"""Reading cases: the list with its filters, and one case as an adjudicator or a reader sees it.

Whoever may decide reads an open case blind: which question is at issue is all they learn of it
before their own answer. The category in dispute, how many cells, the gap and the reason would each
say something of the labels, so neither the case nor the list shows them, and the list's filters on
them find only cases that are answered or closed. Who does not adjudicate sees all at once.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from annotate.db import now
from annotate.models import (
    AdjudicationCase,
    AdjudicatorAnswer,
    Annotation,
    Assignment,
    CaseCell,
    Decision,
    Item,
    Label,
    UserAccount,
)
from annotate.services.compiled import compiled_rubric
from annotate.services.errors import NotFound
from annotate.services.ids import known_form
from annotate.services.places import ITEM_COLUMNS, item_view
from annotate.services.scoping import in_scope, labels_that_count, of_visible_tasks, visible_items
from annotate.services.text import sha256_hex
from tasks.routing import cell_order

if TYPE_CHECKING:
    from collections.abc import Collection
    from datetime import datetime

    from sqlalchemy.orm import Session

    from annotate.policy import Actor, Scope
    from rubrics.schema import Rubric

PAGE = 50
STATES = ("open", "decided", "withdrawn")
LETTERS = "abcdefghijklmnopqrstuvwxyz"


@dataclass(frozen=True, slots=True)
class CaseFilter:
    """Which cases are looked at; None for all."""

    state: str | None = "open"
    question: str | None = None
    category: str | None = None
    least_gap: float | None = None
    reason: str | None = None
    cause: str | None = None


@dataclass(frozen=True, slots=True)
class CaseLine:
    """A case as one line of the list.

    ``sealed`` when the actor has yet to answer it blind: what is at issue is None then.
    """

    id: str
    item_id: str
    external_id: str
    language: str | None
    state: str
    opened_at: datetime
    cells: int | None
    decided: int | None
    largest_gap: float | None
    holder_id: str | None
    held: bool
    sealed: bool


@dataclass(frozen=True, slots=True)
class OpenCell:
    """A contested cell with its decision in force, if any."""

    question: str
    category: str
    reason: str
    gap: float | None
    decision_id: str | None


@dataclass(frozen=True, slots=True)
class Vote:
    """What one annotator answered in a cell; ``who`` is a letter that changes from case to case."""

    who: str
    question: str
    category: str
    value: str | None
    state: str
    reason: str | None
    clauses: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Ruled:
    """A decision as it was made, in the history of a case."""

    id: str
    question: str
    category: str
    kind: str
    value: str | None
    state: str
    clause: str | None
    cause: str | None
    rationale: str
    adjudicator: str
    adjudicator_annotated: bool
    supersedes_id: str | None
    created_at: datetime


@dataclass(frozen=True, slots=True)
class CaseView:
    """A case. ``votes`` is None as long as the adjudicator has not answered first."""

    id: str
    state: str
    fence: int
    held_by_me: bool
    held_by_other: bool
    expires_at: datetime | None
    opened_at: datetime
    rubric_version_id: str
    rubric: Rubric
    item: dict[str, Any]
    cells: tuple[OpenCell, ...]
    own: dict[str, Any] | None
    votes: tuple[Vote, ...] | None
    decisions: tuple[Ruled, ...]


def listed(
    session: Session, actor: Actor, scope: Scope, chosen: CaseFilter, *, after: str | None = None
) -> tuple[CaseLine, ...]:
    """Return a page of cases, the longest waiting first; items in quarantine are left out."""
    unsealed = _unsealed(actor, scope)
    matching = _matching(scope, chosen, unsealed)
    if after is not None:
        matching = matching.where(AdjudicationCase.id > known_form(after, "page"))
    ids = matching.order_by(AdjudicationCase.id).limit(PAGE).subquery()
    cell = (
        sa.select(
            CaseCell.case_id,
            sa.func.count().label("cells"),
            sa.func.count(CaseCell.decision_id).label("decided"),
            sa.func.max(CaseCell.gap).label("largest_gap"),
        )
        .where(CaseCell.project_id == scope.project_id)
        .group_by(CaseCell.case_id)
        .subquery()
    )
    rows = session.execute(
        sa.select(
            AdjudicationCase.id,
            AdjudicationCase.item_id,
            Item.external_id,
            Item.language,
            AdjudicationCase.state,
            AdjudicationCase.opened_at,
            AdjudicationCase.holder_id,
            AdjudicationCase.expires_at,
            sa.func.coalesce(cell.c.cells, 0).label("cells"),
            sa.func.coalesce(cell.c.decided, 0).label("decided"),
            cell.c.largest_gap,
            sa.not_(unsealed).label("sealed"),
        )
        .join(ids, ids.c.id == AdjudicationCase.id)
        .join(Item, Item.id == AdjudicationCase.item_id)
        .outerjoin(cell, cell.c.case_id == AdjudicationCase.id)
        .order_by(AdjudicationCase.id)
    ).all()
    moment = now(session)
    return tuple(
        CaseLine(
            row.id,
            row.item_id,
            row.external_id,
            row.language,
            row.state,
            row.opened_at,
            None if row.sealed else row.cells,
            None if row.sealed else row.decided,
            None if row.sealed else row.largest_gap,
            row.holder_id,
            row.expires_at is not None and row.expires_at > moment and row.state == "open",
            bool(row.sealed),
        )
        for row in rows
    )


def _unsealed(actor: Actor, scope: Scope) -> sa.ColumnElement[bool]:
    """Hold for the cases whose labels the actor may know of."""
    if not actor.holds("case.decide", scope.project_id):
        return sa.literal(value=True)
    answered = (
        sa.select(sa.literal(1))
        .where(
            AdjudicatorAnswer.case_id == AdjudicationCase.id,
            AdjudicatorAnswer.project_id == scope.project_id,
            AdjudicatorAnswer.adjudicator_id == actor.user_id,
        )
        .correlate(AdjudicationCase)
    )
    return sa.or_(AdjudicationCase.state != "open", answered.exists())


def _matching(scope: Scope, chosen: CaseFilter, unsealed: sa.ColumnElement[bool]) -> sa.Select[Any]:
    query = (
        sa.select(AdjudicationCase.id)
        .join(Item, Item.id == AdjudicationCase.item_id)
        .where(*of_visible_tasks(AdjudicationCase, scope), *visible_items(scope))
    )
    if chosen.state is not None:
        query = query.where(AdjudicationCase.state == chosen.state)
    cell = sa.select(sa.literal(1)).where(
        CaseCell.case_id == AdjudicationCase.id, CaseCell.project_id == scope.project_id
    )
    wanted = (
        (CaseCell.question, chosen.question),
        (CaseCell.category, chosen.category),
        (CaseCell.reason, chosen.reason),
    )
    conditions = [column == value for column, value in wanted if value is not None]
    if chosen.least_gap is not None:
        conditions.append(CaseCell.gap >= chosen.least_gap)
    told = (chosen.category, chosen.reason, chosen.least_gap, chosen.cause)
    if any(one is not None for one in told):
        query = query.where(unsealed)
    if conditions:
        query = query.where(cell.where(*conditions).correlate(AdjudicationCase).exists())
    if chosen.cause is not None:
        ruled = sa.select(sa.literal(1)).where(
            Decision.case_id == AdjudicationCase.id,
            Decision.project_id == scope.project_id,
            Decision.cause == chosen.cause,
        )
        query = query.where(ruled.correlate(AdjudicationCase).exists())
    return query


def counts(session: Session, scope: Scope) -> dict[str, int]:
    """Return how many cases are in each state."""
    rows = session.execute(
        sa.select(AdjudicationCase.state, sa.func.count())
        .join(Item, Item.id == AdjudicationCase.item_id)
        .where(*of_visible_tasks(AdjudicationCase, scope), *visible_items(scope))
        .group_by(AdjudicationCase.state)
    ).all()
    found = {row[0]: row[1] for row in rows}
    return {state: found.get(state, 0) for state in STATES}


def cells_at_issue(session: Session, actor: Actor, scope: Scope) -> tuple[tuple[str, str], ...]:
    """Return the questions that cases are about, and their categories as far as they may be known.

    A question comes with an empty category first.
    """
    unsealed = _unsealed(actor, scope)
    rows = session.execute(
        sa.select(
            CaseCell.question,
            sa.case((unsealed, CaseCell.category), else_=sa.literal("")).label("shown"),
        )
        .join(AdjudicationCase, AdjudicationCase.id == CaseCell.case_id)
        .where(CaseCell.project_id == scope.project_id, *of_visible_tasks(AdjudicationCase, scope))
        .distinct()
    ).all()
    found = {(row[0], row[1]) for row in rows} | {(row[0], "") for row in rows}
    return tuple(sorted(found))


def annotated(session: Session, actor: Actor, project_id: str, item_id: str) -> bool:
    """Tell whether the actor labelled, or is labelling, the item."""
    found = session.execute(
        sa.select(sa.literal(1))
        .where(
            Assignment.project_id == project_id,
            Assignment.item_id == item_id,
            Assignment.annotator_id == actor.user_id,
            Assignment.state.in_(("leased", "submitted")),
        )
        .limit(1)
    ).first()
    return found is not None


def row_of(session: Session, scope: Scope, case_id: str, *, lock: bool = False) -> AdjudicationCase:
    """Return a case whose item may be seen.

    Raises
    ------
    NotFound
        When the project has no such case.
    """
    query = (
        sa.select(AdjudicationCase)
        .join(Item, Item.id == AdjudicationCase.item_id)
        .where(
            AdjudicationCase.id == known_form(case_id, "case"),
            *of_visible_tasks(AdjudicationCase, scope),
            *visible_items(scope),
        )
    )
    if lock:
        query = query.with_for_update(of=AdjudicationCase)
    found = session.scalar(query)
    if found is None:
        raise NotFound("There is no such case here.")
    return found


def view(session: Session, actor: Actor, scope: Scope, case_id: str) -> CaseView:
    """Return a case with what the actor may see of it now.

    Whoever may decide sees the labels only after answering first; readers see them at once.
    """
    case = row_of(session, scope, case_id)
    own = own_answer(session, actor, scope, case.id)
    sealed = actor.holds("case.decide", scope.project_id) and own is None and case.state == "open"
    rubric = compiled_rubric(session, scope.project_id, case.rubric_version_id).rubric
    moment = now(session)
    held = case.expires_at is not None and case.expires_at > moment and case.state == "open"
    return CaseView(
        id=case.id,
        state=case.state,
        fence=case.fence,
        held_by_me=held and case.holder_id == actor.user_id,
        held_by_other=held and case.holder_id != actor.user_id,
        expires_at=case.expires_at,
        opened_at=case.opened_at,
        rubric_version_id=case.rubric_version_id,
        rubric=rubric,
        item=_item(session, scope, case.item_id, rubric),
        cells=_cells(session, scope, case.id, rubric if sealed else None),
        own=own,
        votes=None if sealed else _votes(session, scope, case),
        decisions=() if sealed else decisions_of(session, scope, case.id),
    )


def own_answer(session: Session, actor: Actor, scope: Scope, case_id: str) -> dict[str, Any] | None:
    """Return the actor's own answer of before, or None."""
    text = session.scalar(
        sa.select(AdjudicatorAnswer.answers).where(
            AdjudicatorAnswer.case_id == case_id,
            AdjudicatorAnswer.project_id == scope.project_id,
            AdjudicatorAnswer.adjudicator_id == actor.user_id,
        )
    )
    return None if text is None else json.loads(text)


def _item(session: Session, scope: Scope, item_id: str, rubric: Rubric) -> dict[str, Any]:
    row = session.execute(
        sa.select(*ITEM_COLUMNS).where(Item.id == item_id, Item.project_id == scope.project_id)
    ).one()
    return item_view(row, rubric)


def _cells(
    session: Session, scope: Scope, case_id: str, blind: Rubric | None
) -> tuple[OpenCell, ...]:
    """Return the contested cells; blind, the whole questions they are of, and nothing of them."""
    cells = cells_of(session, scope, case_id)
    if blind is None:
        return cells
    whole = whole_questions(blind, {cell.question for cell in cells})
    return tuple(OpenCell(question, category, "", None, None) for question, category in whole)


def whole_questions(rubric: Rubric, questions: Collection[str]) -> tuple[tuple[str, str], ...]:
    """Return all cells of some questions, in the rubric's order.

    Examples
    --------
    >>> from rubrics.library import read
    >>> from rubrics.loader import load_rubric
    >>> rubric = load_rubric(read("conversational-abuse"))
    >>> whole_questions(rubric, {"types", "severity"})[:2]
    (('severity', ''), ('types', 'ableism'))
    """
    return tuple(key for key in cell_order(rubric) if key[0] in questions)


def cells_of(session: Session, scope: Scope, case_id: str) -> tuple[OpenCell, ...]:
    """Return the contested cells of a case."""
    rows = session.execute(
        sa.select(
            CaseCell.question,
            CaseCell.category,
            CaseCell.reason,
            CaseCell.gap,
            CaseCell.decision_id,
        )
        .where(CaseCell.case_id == case_id, CaseCell.project_id == scope.project_id)
        .order_by(CaseCell.question, CaseCell.category)
    ).all()
    return tuple(OpenCell(*row) for row in rows)


def _votes(session: Session, scope: Scope, case: AdjudicationCase) -> tuple[Vote, ...]:
    rows = session.execute(
        labels_that_count(
            Annotation.annotator_id,
            Label.question,
            Label.category,
            Label.value,
            Label.state,
            Label.reason,
            Label.clauses,
        ).where(*in_scope(Assignment, scope), Assignment.task_id == case.task_id)
    ).all()
    people = sorted({row.annotator_id for row in rows}, key=lambda one: sha256_hex(case.id + one))
    letters = {
        one: LETTERS[index % len(LETTERS)] + (str(index // len(LETTERS)) if index >= 26 else "")
        for index, one in enumerate(people)
    }
    votes = [
        Vote(
            letters[row.annotator_id],
            row.question,
            row.category,
            row.value,
            row.state,
            row.reason,
            tuple(json.loads(row.clauses)) if row.clauses else (),
        )
        for row in rows
    ]
    return tuple(sorted(votes, key=lambda vote: (vote.question, vote.category, vote.who)))


def decisions_of(session: Session, scope: Scope, case_id: str) -> tuple[Ruled, ...]:
    """Return all decisions of a case, oldest first; none is ever changed."""
    rows = session.execute(
        sa.select(
            Decision.id,
            Decision.question,
            Decision.category,
            Decision.kind,
            Decision.value,
            Decision.state,
            Decision.clause,
            Decision.cause,
            Decision.rationale,
            UserAccount.display_name,
            Decision.adjudicator_annotated,
            Decision.supersedes_id,
            Decision.created_at,
        )
        .join(UserAccount, UserAccount.id == Decision.adjudicator_id)
        .where(Decision.case_id == case_id, Decision.project_id == scope.project_id)
        .order_by(Decision.id)
    ).all()
    return tuple(Ruled(*tuple(row)) for row in rows)
