"""From a full item to an open case: where its labels disagree by the rubric's rule."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from annotate.db import new_id
from annotate.models import (
    AdjudicationCase,
    Annotation,
    Assignment,
    CaseCell,
    Decision,
    Label,
    Task,
)
from annotate.services import audit
from annotate.services.prepared import Prepared
from annotate.services.scoping import labels_that_count
from tasks.label_validation import Cell
from tasks.routing import open_cells

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy.orm import Session

    from annotate.policy import Actor
    from rubrics.schema import Rubric
    from tasks.routing import CaseCell as OpenCell

Found = Any
"""A row of a query; its columns stand in the query."""
_CURRENT = Prepared(
    labels_that_count(
        Annotation.annotator_id, Label.question, Label.category, Label.value, Label.state
    ).where(
        Assignment.project_id == sa.bindparam("project_id"),
        Assignment.task_id == sa.bindparam("task_id"),
    )
)
_STILL_HELD = Prepared(
    sa.select(sa.literal(1))
    .where(
        Assignment.project_id == sa.bindparam("project_id"),
        Assignment.task_id == sa.bindparam("task_id"),
        Assignment.state == "leased",
    )
    .limit(1)
)
_TASK = Prepared(
    sa.select(Task.id)
    .where(Task.id == sa.bindparam("task_id"), Task.project_id == sa.bindparam("project_id"))
    .with_for_update(key_share=True)
)
_CASE = Prepared(
    sa.select(AdjudicationCase.id, AdjudicationCase.state)
    .where(
        AdjudicationCase.task_id == sa.bindparam("task_id"),
        AdjudicationCase.project_id == sa.bindparam("project_id"),
    )
    .with_for_update()
)
DECIDED = (
    sa.select(sa.literal(1))
    .select_from(Decision)
    .join(AdjudicationCase, AdjudicationCase.id == Decision.case_id)
    .where(
        AdjudicationCase.task_id == Assignment.task_id,
        AdjudicationCase.project_id == Assignment.project_id,
        Decision.project_id == Assignment.project_id,
    )
    .correlate(Assignment)
    .exists()
)
"""Whether any decision was made on an assignment's item, in a query over assignments."""


def hold(session: Session, project_id: str, task_id: str) -> None:
    """Let submissions, edits and rulings on one task follow each other.

    Of two last submissions at one moment each would else find the other place still held, and
    nobody would open the case; and an edit could take the cells away that are being ruled on.
    """
    keys = {"project_id": project_id, "task_id": task_id}
    _TASK.first(session, keys)
    _CASE.first(session, keys)


def is_decided(session: Session, project_id: str, task_id: str) -> bool:
    """Tell whether any decision was made on the task's case; ``hold`` it before."""
    found = session.execute(
        sa.select(sa.literal(1))
        .select_from(Decision)
        .join(AdjudicationCase, AdjudicationCase.id == Decision.case_id)
        .where(Decision.project_id == project_id, AdjudicationCase.task_id == task_id)
        .limit(1)
    ).first()
    return found is not None


def route(session: Session, actor: Actor, place: Found, rubric: Rubric, at: datetime) -> None:
    """Open, change or withdraw the case of a task once all its places are answered.

    ``place`` is the assignment just submitted, with its project, task, round, item and version.
    """
    keys = {"project_id": place.project_id, "task_id": place.task_id}
    _TASK.first(session, keys)
    if _STILL_HELD.first(session, keys) is not None:
        return
    rows = _CURRENT.all(session, keys)
    votes = [
        (row.annotator_id, Cell(row.question, row.category, row.value, row.state)) for row in rows
    ]
    cells = open_cells(rubric, votes)
    case = _CASE.first(session, keys)
    if case is None:
        if cells:
            _open(session, actor, place, cells, at)
        return
    _change(session, actor, place.project_id, case, cells, at)


_ADD_CASE = Prepared(
    sa.insert(AdjudicationCase),
    (
        *("id", "project_id", "team_id", "task_id", "round_id", "item_id"),
        *("rubric_version_id", "fingerprint", "state", "fence", "opened_at"),
    ),
)


def _open(
    session: Session,
    actor: Actor,
    place: Found,
    cells: tuple[OpenCell, ...],
    at: datetime,
) -> None:
    case_id = new_id()
    _ADD_CASE.run(
        session,
        {
            "id": case_id,
            "project_id": place.project_id,
            "team_id": None,
            "task_id": place.task_id,
            "round_id": place.round_id,
            "item_id": place.item_id,
            "rubric_version_id": place.rubric_version_id,
            "fingerprint": place.fingerprint,
            "state": "open",
            "fence": 0,
            "opened_at": at,
        },
    )
    _insert_cells(session, place.project_id, case_id, cells)
    audit.record(
        session,
        actor,
        "case.opened",
        "case",
        case_id,
        project_id=place.project_id,
        body={"cells": len(cells)},
        at=at,
    )


_ADD_CELLS = Prepared(
    sa.insert(CaseCell), ("case_id", "question", "category", "project_id", "reason", "gap")
)


def _insert_cells(
    session: Session, project_id: str, case_id: str, cells: tuple[OpenCell, ...]
) -> None:
    _ADD_CELLS.run_each(
        session,
        [
            {
                "case_id": case_id,
                "question": cell.question,
                "category": cell.category,
                "project_id": project_id,
                "reason": cell.reason,
                "gap": cell.gap,
            }
            for cell in cells
        ],
    )


def _change(
    session: Session,
    actor: Actor,
    project_id: str,
    case: Found,
    cells: tuple[OpenCell, ...],
    at: datetime,
) -> None:
    """Bring a case that nobody decided yet in line with edited labels."""
    connection = session.connection()
    connection.execute(
        sa.delete(CaseCell).where(CaseCell.case_id == case.id, CaseCell.project_id == project_id)
    )
    state = "open" if cells else "withdrawn"
    connection.execute(
        sa.update(AdjudicationCase)
        .where(AdjudicationCase.id == case.id, AdjudicationCase.project_id == project_id)
        .values(state=state, closed_at=None if cells else at)
    )
    if cells:
        _insert_cells(session, project_id, case.id, cells)
    if case.state != state:
        kind = "case.opened" if cells else "case.withdrawn"
        audit.record(session, actor, kind, "case", case.id, project_id=project_id, at=at)
