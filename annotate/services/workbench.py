"""The annotator's home: the rounds that wait for this person, and what this person did."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from annotate.db import is_embedded, now, settings_of
from annotate.models import Assignment, Item, Reservation, Round, RubricVersion
from annotate.services import case_opening
from annotate.services.claim_queries import claim_query, place_of_others
from annotate.services.claiming import FIRST
from annotate.services.errors import NotFound
from annotate.services.ids import known_form
from annotate.services.places import OPTED_OUT

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy.orm import Session

    from annotate.policy import Actor, Scope

PAGE = 50


@dataclass(frozen=True, slots=True)
class OwnRound:
    """A round as one annotator sees it.

    ``reason`` says why nothing is to be done: paused, all_leased, exhausted, or nothing.
    """

    id: str
    name: str
    rubric_version_id: str
    rubric_title: str
    rubric_version: str
    done: int
    planned: int | None
    open: bool
    reason: str


@dataclass(frozen=True, slots=True)
class OwnSubmission:
    """One of the person's submissions."""

    assignment_id: str
    round_id: str
    round_name: str
    external_id: str
    submitted_at: datetime
    revision: int
    editable: bool
    decided: bool
    """An adjudicator ruled on the item: its labels stay as they are."""


def rounds(session: Session, actor: Actor, scope: Scope) -> tuple[OwnRound, ...]:
    """Return the rounds of the project that are or were for this person, newest first."""
    rows = session.execute(
        sa.select(
            Round.id,
            Round.name,
            Round.state,
            Round.allocation,
            Round.rubric_version_id,
            RubricVersion.title,
            RubricVersion.version,
        )
        .join(RubricVersion, RubricVersion.id == Round.rubric_version_id)
        .where(Round.project_id == scope.project_id)
        .order_by(Round.id.desc())
    ).all()
    done = _counts(session, actor, scope, Assignment, Assignment.state == "submitted")
    had = _counts(session, actor, scope, Assignment)
    kept = _counts(session, actor, scope, Reservation)
    found = []
    for row in rows:
        planned = kept.get(row.id, 0) if row.allocation == "explicit" else None
        count = done.get(row.id, 0)
        reason = _reason(session, actor, scope, row)
        if planned == 0 or (planned is None and reason == "exhausted" and row.id not in had):
            continue
        found.append(
            OwnRound(
                row.id,
                row.name,
                row.rubric_version_id,
                row.title,
                row.version,
                count,
                planned,
                row.state == "open",
                reason,
            )
        )
    return tuple(found)


def one_round(session: Session, actor: Actor, scope: Scope, round_id: str) -> OwnRound:
    """Return a round to label in.

    Raises
    ------
    NotFound
        When the project has none of that id for this person.
    """
    key = known_form(round_id, "round")
    for own in rounds(session, actor, scope):
        if own.id == key:
            return own
    raise NotFound("There is no such round for you.")


def _counts(
    session: Session,
    actor: Actor,
    scope: Scope,
    model: Any,  # noqa: ANN401 - assignments or reservations
    *conditions: sa.ColumnElement[bool],
) -> dict[str, int]:
    rows = session.execute(
        sa.select(model.round_id, sa.func.count())
        .where(
            model.project_id == scope.project_id,
            model.annotator_id == actor.user_id,
            *conditions,
        )
        .group_by(model.round_id)
    ).all()
    return {row[0]: row[1] for row in rows}


def _reason(session: Session, actor: Actor, scope: Scope, row: Any) -> str:  # noqa: ANN401
    if row.state != "open":
        return "paused" if row.state == "paused" else "exhausted"
    keys = {
        "project_id": scope.project_id,
        "round_id": row.id,
        "annotator_id": actor.user_id,
        "team_id": actor.team_for(scope.project_id),
    }
    if session.scalar(_own_lease(actor, scope, row.id)) is not None:
        return ""
    embedded = is_embedded(session)
    priority, order, task_id = FIRST
    start = {"priority": priority, "ord": order, "task_id": task_id}
    query = claim_query(row.allocation, embedded=embedded, locking=False)
    if session.connection().execute(query, {**keys, **start}).first() is not None:
        return ""
    leased = place_of_others(row.allocation, embedded=embedded).first(session, keys)
    return "exhausted" if leased is None else "all_leased"


def _own_lease(actor: Actor, scope: Scope, round_id: str) -> sa.Select[str]:
    """Return the query for a place that the person holds and did not leave."""
    return (
        sa.select(Assignment.id)
        .where(
            Assignment.project_id == scope.project_id,
            Assignment.round_id == round_id,
            Assignment.annotator_id == actor.user_id,
            Assignment.state == "leased",
            sa.not_(OPTED_OUT),
        )
        .limit(1)
    )


def submissions(
    session: Session, actor: Actor, scope: Scope, *, before: str | None = None
) -> tuple[OwnSubmission, ...]:
    """Return the person's submissions, newest place first; items in quarantine are left out."""
    conditions = [
        Assignment.project_id == scope.project_id,
        Assignment.annotator_id == actor.user_id,
        Assignment.state == "submitted",
        Item.quarantined_at.is_(None),
    ]
    if before is not None:
        conditions.append(Assignment.id < known_form(before, "page"))
    rows = session.execute(
        sa.select(
            Assignment.id,
            Assignment.round_id,
            Round.name,
            Item.external_id,
            Assignment.closed_at,
            Assignment.current_revision,
            case_opening.DECIDED.label("decided"),
        )
        .join(Round, Round.id == Assignment.round_id)
        .join(Item, Item.id == Assignment.item_id)
        .where(*conditions)
        .order_by(Assignment.id.desc())
        .limit(PAGE)
    ).all()
    window = timedelta(seconds=settings_of(session).edit_window_seconds)
    moment = now(session)
    return tuple(
        OwnSubmission(
            row.id,
            row.round_id,
            row.name,
            row.external_id,
            row.closed_at,
            row.current_revision,
            row.closed_at + window > moment and not row.decided,
            bool(row.decided),
        )
        for row in rows
    )
