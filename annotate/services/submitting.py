"""Submitting: answers are validated before the transaction and stored once, whatever happens."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from annotate.db import is_embedded, now, settings_of
from annotate.models import (
    Annotation,
    Assignment,
    Item,
    Label,
)
from annotate.models.base import UtcDateTime
from annotate.services import audit, case_opening, exposure
from annotate.services.compiled import compiled_rubric
from annotate.services.errors import BadInput, Conflict, LeaseLost
from annotate.services.places import Found, own_place, texts_of
from annotate.services.prepared import Prepared, insert_for
from annotate.services.response_order import kept_order
from annotate.services.text import canonical_json, sha256_hex

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from sqlalchemy.orm import Session

    from annotate.policy import Actor, Scope
    from annotate.services.compiled import CompiledRubric
    from tasks.label_validation import Cell


@dataclass(frozen=True, slots=True)
class Submission:
    """A validated submission, ready to be written."""

    annotation_id: str
    cells: tuple[Cell, ...]
    answers: str
    request_hash: str
    compiled: CompiledRubric


@dataclass(frozen=True, slots=True)
class Receipt:
    """What was stored, or had been stored before under the same key."""

    annotation_id: str
    revision: int
    replayed: bool


def prepare(
    session: Session,
    actor: Actor,
    scope: Scope,
    assignment_id: str,
    *,
    annotation_id: str,
    answers: Mapping[str, Any],
) -> Submission:
    """Validate answers against the assignment's rubric version, outside any write transaction.

    Raises
    ------
    LabelsRefused
        With every problem, each naming its question and, where a condition closed it, that.
    """
    row = own_place(session, actor, scope, assignment_id)
    compiled = compiled_rubric(session, scope.project_id, row.rubric_version_id)
    texts = _item_texts(session, scope, row.item_id) if compiled.has_spans else None
    cells = compiled.validator.validate(answers, texts)
    text = canonical_json(answers)
    return Submission(annotation_id, cells, text, sha256_hex(text), compiled)


def _item_texts(session: Session, scope: Scope, item_id: str) -> dict[str, str]:
    return texts_of(
        session.execute(
            sa.select(Item.body).where(Item.id == item_id, Item.project_id == scope.project_id)
        ).scalar_one()
    )


_KNOWN_KEY = Prepared(
    sa.select(Annotation.assignment_id, Annotation.request_hash, Annotation.revision).where(
        Annotation.id == sa.bindparam("annotation_id"),
        Annotation.project_id == sa.bindparam("project_id"),
    )
)


def submit(
    session: Session,
    actor: Actor,
    scope: Scope,
    assignment_id: str,
    fence: int,
    submission: Submission,
) -> Receipt:
    """Store a submission once, whatever happens to the answer on its way back.

    Raises
    ------
    Conflict
        When the place was submitted under another key.
    BadInput
        When the key was used before for other answers.
    LeaseLost
        When the place is no longer held.
    """
    row = own_place(session, actor, scope, assignment_id, lock=True)
    if row.state == "submitted":
        return _replayed(session, scope, row.id, submission)
    if row.state != "leased" or row.fence != fence:
        raise LeaseLost(
            "This place is no longer yours: the lease ended and the item went to someone else. "
            "Your answers were not taken; they are kept for you to read."
        )
    at = now(session)
    _write(session, actor, row, submission, revision=1, at=at)
    return Receipt(submission.annotation_id, 1, replayed=False)


def _replayed(
    session: Session, scope: Scope, assignment_id: str, submission: Submission
) -> Receipt:
    keys = {"annotation_id": submission.annotation_id, "project_id": scope.project_id}
    stored = _KNOWN_KEY.first(session, keys)
    if stored is None:
        raise Conflict("This item was submitted already, under another key")
    if stored.assignment_id != assignment_id or stored.request_hash != submission.request_hash:
        raise BadInput("This key was used before for other answers: mint a new one")
    return Receipt(submission.annotation_id, stored.revision, replayed=True)


def revise(
    session: Session,
    actor: Actor,
    scope: Scope,
    assignment_id: str,
    base_revision: int,
    submission: Submission,
) -> Receipt:
    """Store an edit of one's own submission as the next revision, while it may be edited.

    Raises
    ------
    Conflict
        When another revision came first, the window closed, or a decision was made already.
    """
    row = own_place(session, actor, scope, assignment_id, lock=True)
    if row.state != "submitted":
        raise Conflict("This item was not submitted yet")
    if row.current_revision != base_revision:
        keys = {"annotation_id": submission.annotation_id, "project_id": scope.project_id}
        if _KNOWN_KEY.first(session, keys) is not None:
            return _replayed(session, scope, row.id, submission)
        raise Conflict("Another edit of this item came first: load it again")
    at = now(session)
    window = timedelta(seconds=settings_of(session).edit_window_seconds)
    if row.closed_at + window < at:
        raise Conflict("The time in which this item could be edited is over")
    case_opening.hold(session, row.project_id, row.task_id)
    if case_opening.is_decided(session, scope.project_id, row.task_id):
        raise Conflict("An adjudicator has decided on this item: it can no longer be edited")
    revision = row.current_revision + 1
    _write(session, actor, row, submission, revision=revision, at=at)
    return Receipt(submission.annotation_id, revision, replayed=False)


_SUBMITTED = Prepared(
    sa.update(Assignment)
    .where(
        Assignment.id == sa.bindparam("b_id"), Assignment.project_id == sa.bindparam("b_project")
    )
    .values(
        state="submitted",
        current_revision=sa.bindparam("b_revision"),
        closed_at=sa.func.coalesce(Assignment.closed_at, sa.bindparam("b_at", type_=UtcDateTime())),
    )
)


@cache
def _store_statement(*, embedded: bool) -> Prepared:
    # Untargeted: a race on either unique key must end as "nothing inserted", not as an error.
    statement = insert_for(embedded=embedded)(Annotation).on_conflict_do_nothing()
    columns = tuple(column.name for column in Annotation.__table__.columns)
    return Prepared(statement.returning(Annotation.id), columns)


def _write(
    session: Session,
    actor: Actor,
    row: Found,
    submission: Submission,
    *,
    revision: int,
    at: datetime,
) -> None:
    stored = _store_statement(embedded=is_embedded(session)).first(
        session,
        {
            "id": submission.annotation_id,
            "project_id": row.project_id,
            "team_id": row.team_id,
            "round_id": row.round_id,
            "task_id": row.task_id,
            "assignment_id": row.id,
            "item_id": row.item_id,
            "annotator_id": actor.user_id,
            "rubric_version_id": row.rubric_version_id,
            "fingerprint": row.fingerprint,
            "revision": revision,
            "request_hash": submission.request_hash,
            "answers": submission.answers,
            "origin": "human",
            "channel": actor.channel,
            "created_at": at,
            "shown_order": kept_order(submission.compiled.rubric, row.id),
        },
    )
    if stored is None:
        raise BadInput("This key was used before for another submission: mint a new one")
    _LABELS.run_each(session, label_rows(actor, row, submission))
    _SUBMITTED.run(
        session,
        {"b_id": row.id, "b_project": row.project_id, "b_revision": revision, "b_at": at},
    )
    audit.record(
        session,
        actor,
        "annotation.submitted" if revision == 1 else "annotation.revised",
        "annotation",
        submission.annotation_id,
        project_id=row.project_id,
        body={"assignment": row.id, "revision": revision},
        at=at,
        outbox=True,
    )
    exposure.settle(session, row, submission.compiled, submission.cells)
    if row.open_slots == 0:
        case_opening.route(session, actor, row, submission.compiled.rubric, at)


_LABELS = Prepared(sa.insert(Label), tuple(column.name for column in Label.__table__.columns))


def label_rows(actor: Actor, row: Found, submission: Submission) -> list[dict[str, Any]]:
    """Return the label rows of a submission, one a cell."""
    common = {
        "annotation_id": submission.annotation_id,
        "project_id": row.project_id,
        "team_id": row.team_id,
        "item_id": row.item_id,
        "annotator_id": actor.user_id,
        "fingerprint": row.fingerprint,
        "origin": "human",
        "channel": actor.channel,
    }
    meaning = submission.compiled.meaning
    return [
        {
            **common,
            "question": cell.question,
            "category": cell.category,
            "value": cell.value,
            "state": cell.state,
            "reason": cell.reason,
            "clauses": canonical_json(cell.clauses) if cell.clauses else None,
            "meaning_hash": meaning[cell.question],
        }
        for cell in submission.cells
    ]
