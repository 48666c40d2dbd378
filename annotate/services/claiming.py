"""Claiming: hand out a place, keep it, or give it back by skip, opt-out and report."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from annotate.db import is_embedded, new_id, now, settings_of
from annotate.models import (
    AnnotatorCursor,
    Assignment,
    Item,
    ItemReport,
    OptOut,
    Project,
    Round,
    Task,
)
from annotate.services import audit, leases
from annotate.services.claim_queries import next_place
from annotate.services.compiled import compiled_rubric
from annotate.services.errors import BadInput, NotFound
from annotate.services.places import ITEM_COLUMNS, Found, Place, held_place, item_view
from annotate.services.prepared import Prepared, insert_for

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from datetime import datetime

    from sqlalchemy.orm import Session

    from annotate.policy import Actor, Scope
    from rubrics.schema import Rubric

RETRY_AFTER = 30
"""Seconds after which work that others hold may be free."""
REPORT_KINDS = ("illegal", "threat_to_life", "personal_data", "other")
MOST_HELD = 6
"""Places that one person may hold in a round: one open, two ahead, the rest under way to us."""
MOST_AHEAD = 2
FIRST = (-1, -(2**63), "00000000-0000-0000-0000-000000000000")
"""A place before every task in the order (priority, ord, id)."""


@dataclass(frozen=True, slots=True)
class Claim:
    """The place that was handed out, or the reason why there is none."""

    place: Place | None
    reason: str | None = None
    retry_after: int | None = None


_ROUND = Prepared(
    sa.select(
        Round.id,
        Round.state,
        Round.allocation,
        Round.rubric_version_id,
        Round.fingerprint,
        Project.archived_at,
    )
    .join(Project, Project.id == Round.project_id)
    .where(Round.id == sa.bindparam("round_id"), Round.project_id == sa.bindparam("project_id"))
)
_HELD = Prepared(
    sa.select(Assignment.id)
    .join(Item, Item.id == Assignment.item_id)
    .where(
        Assignment.project_id == sa.bindparam("project_id"),
        Assignment.round_id == sa.bindparam("round_id"),
        Assignment.annotator_id == sa.bindparam("annotator_id"),
        Assignment.state == "leased",
        Assignment.expires_at > sa.bindparam("at"),
        Item.quarantined_at.is_(None),
    )
    .order_by(Assignment.leased_at, Assignment.id)
)
_HELD_ONE = Prepared(
    sa.select(Assignment.id, Assignment.fence, Assignment.expires_at, *ITEM_COLUMNS)
    .join(Item, Item.id == Assignment.item_id)
    .where(
        Assignment.project_id == sa.bindparam("project_id"),
        Assignment.id == sa.bindparam("assignment_id"),
    )
)
_CURSOR = Prepared(
    sa.select(AnnotatorCursor.priority, AnnotatorCursor.ord, AnnotatorCursor.task_id).where(
        AnnotatorCursor.annotator_id == sa.bindparam("annotator_id"),
        AnnotatorCursor.round_id == sa.bindparam("round_id"),
        AnnotatorCursor.project_id == sa.bindparam("project_id"),
    )
)
_TAKE_SLOT = Prepared(
    sa.update(Task)
    .where(Task.id == sa.bindparam("b_task"), Task.project_id == sa.bindparam("b_project"))
    .values(open_slots=Task.open_slots - 1, version=Task.version + 1)
)
_OTHERS_HOLD = Prepared(
    sa.select(sa.literal(1))
    .where(
        Assignment.project_id == sa.bindparam("project_id"),
        Assignment.round_id == sa.bindparam("round_id"),
        Assignment.state == "leased",
        Assignment.annotator_id != sa.bindparam("annotator_id"),
    )
    .limit(1)
)


def claim(
    session: Session,
    actor: Actor,
    scope: Scope,
    round_id: str,
    *,
    have: Collection[str] = (),
) -> Claim:
    """Hand out a place of a round: one that the annotator already holds, or the next one.

    Parameters
    ----------
    round_id
        The round.
    have
        Places that the annotator's page has in its hands: it wants another one.

    Raises
    ------
    NotFound
        When the project has no such round.
    """
    at = now(session)
    keys = {"round_id": round_id, "project_id": scope.project_id}
    call = _ROUND.first(session, keys)
    if call is None:
        raise NotFound("There is no such round")
    if call.state != "open" or call.archived_at is not None:
        return Claim(None, "paused" if call.state == "paused" else "exhausted")
    rubric = compiled_rubric(session, scope.project_id, call.rubric_version_id).rubric
    leases.reap_now_and_then(session, at)
    person = {**keys, "annotator_id": actor.user_id, "at": at}
    held = [row.id for row in _HELD.all(session, person)]
    known = next((one for one in held if one not in have), None)
    if known is not None:
        row = _HELD_ONE.first(session, {**keys, "assignment_id": known})
        assert row is not None  # read a moment ago, in the same transaction
        return Claim(_place(rubric, call, row, (row.id, row.fence, row.expires_at)))
    if len(held) >= MOST_HELD:
        return Claim(None, "send_first", RETRY_AFTER)
    team_id = actor.team_for(scope.project_id)
    found = _search(session, call.allocation, {**person, "team_id": team_id}, at)
    if found is not None:
        return Claim(_take(session, actor, (rubric, call, found), team_id, at, scope.project_id))
    if _OTHERS_HOLD.first(session, person) is not None:
        return Claim(None, "all_leased", RETRY_AFTER)
    return Claim(None, "exhausted")


def claim_ahead(
    session: Session,
    actor: Actor,
    scope: Scope,
    round_id: str,
    count: int,
    *,
    have: Collection[str] = (),
) -> tuple[Place, ...]:
    """Hand out up to ``count`` places beyond those in hand, so that the next item is there at once.

    They are leases like any other: fenced, expiring, and part of what a person may be given.
    """
    places: list[Place] = []
    for _ in range(min(count, MOST_AHEAD)):
        known = {*have, *(place.id for place in places)}
        place = claim(session, actor, scope, round_id, have=known).place
        if place is None:
            break
        places.append(place)
    return tuple(places)


def _search(
    session: Session, allocation: str, keys: Mapping[str, Any], at: datetime
) -> Found | None:
    found = _next(session, allocation, keys)
    if found is None and leases.reap(session, at):
        found = _next(session, allocation, keys)
    return found


def _next(session: Session, allocation: str, keys: Mapping[str, Any]) -> Found | None:
    """Find the next free task after the annotator's cursor, starting over once."""
    query = next_place(allocation, embedded=is_embedded(session))
    cursor = _CURSOR.first(session, keys)
    for start in (cursor, None) if cursor is not None else (None,):
        priority, order, task_id = FIRST if start is None else start
        where = {"priority": priority, "ord": order, "task_id": task_id}
        row = query.first(session, {**keys, **where})
        if row is not None:
            return row
    return None


@cache
def _lease_statement(*, embedded: bool) -> Prepared:
    """Return the insert of a lease that takes a released place of the same person again."""
    insert = insert_for(embedded=embedded)(Assignment)
    columns = (
        *("id", "project_id", "team_id", "round_id", "task_id", "item_id", "annotator_id"),
        *("state", "fence", "current_revision", "leased_at", "expires_at"),
    )
    statement = insert.on_conflict_do_update(
        index_elements=[Assignment.annotator_id, Assignment.task_id],
        set_={
            "state": "leased",
            "fence": Assignment.fence + 1,
            "leased_at": insert.excluded.leased_at,
            "expires_at": insert.excluded.expires_at,
            "closed_at": None,
            "team_id": insert.excluded.team_id,
        },
    ).returning(Assignment.id, Assignment.fence)
    return Prepared(statement, columns)


@cache
def _cursor_statement(*, embedded: bool) -> Prepared:
    insert = insert_for(embedded=embedded)(AnnotatorCursor)
    moved = ("priority", "ord", "task_id")
    statement = insert.on_conflict_do_update(
        index_elements=[AnnotatorCursor.annotator_id, AnnotatorCursor.round_id],
        set_={name: insert.excluded[name] for name in moved},
    )
    return Prepared(statement, ("annotator_id", "round_id", "project_id", *moved))


def _take(
    session: Session,
    actor: Actor,
    work: tuple[Rubric, Found, Found],
    team_id: str | None,
    at: datetime,
    project_id: str,
) -> Place:
    rubric, call, found = work
    embedded = is_embedded(session)
    expires_at = at + timedelta(seconds=settings_of(session).lease_seconds)
    _TAKE_SLOT.run(session, {"b_task": found.task_id, "b_project": project_id})
    lease = _lease_statement(embedded=embedded).first(
        session,
        {
            "id": new_id(),
            "project_id": project_id,
            "team_id": team_id,
            "round_id": call.id,
            "task_id": found.task_id,
            "item_id": found.item_id,
            "annotator_id": actor.user_id,
            "state": "leased",
            "fence": 1,
            "current_revision": 0,
            "leased_at": at,
            "expires_at": expires_at,
        },
    )
    assert lease is not None  # an upsert always gives its row
    _cursor_statement(embedded=embedded).run(
        session,
        {
            "annotator_id": actor.user_id,
            "round_id": call.id,
            "project_id": project_id,
            "priority": found.priority,
            "ord": found.ord,
            "task_id": found.task_id,
        },
    )
    audit.record(
        session,
        actor,
        "assignment.leased",
        "assignment",
        lease.id,
        project_id=project_id,
        body={"fence": lease.fence},
        at=at,
    )
    return _place(rubric, call, found, (lease.id, lease.fence, expires_at))


def _place(rubric: Rubric, call: Found, found: Found, lease: tuple[str, int, datetime]) -> Place:
    assignment_id, fence, expires_at = lease
    return Place(
        id=assignment_id,
        fence=fence,
        expires_at=expires_at,
        round_id=call.id,
        rubric_version_id=call.rubric_version_id,
        fingerprint=call.fingerprint,
        item=item_view(found, rubric),
    )


def heartbeat(
    session: Session, actor: Actor, scope: Scope, assignment_id: str, fence: int
) -> datetime:
    """Keep a place for another lease; returns its new end."""
    row = held_place(session, actor, scope, assignment_id, fence)
    until = now(session) + timedelta(seconds=settings_of(session).lease_seconds)
    session.execute(
        sa.update(Assignment)
        .where(Assignment.id == row.id, Assignment.project_id == scope.project_id)
        .values(expires_at=until)
    )
    return until


def give_back(
    session: Session, actor: Actor, scope: Scope, round_id: str, fences: Mapping[str, int]
) -> int:
    """End leases of places that were fetched ahead and never shown; tells how many.

    Whatever is no longer held under its fence is left alone: a page that goes cannot be told.
    """
    rows = session.execute(
        sa.select(Assignment.id, Assignment.fence).where(
            Assignment.project_id == scope.project_id,
            Assignment.round_id == round_id,
            Assignment.annotator_id == actor.user_id,
            Assignment.state == "leased",
            Assignment.id.in_(sorted(fences)),
        )
    ).all()
    unseen = [row.id for row in rows if fences[row.id] == row.fence]
    return len(leases.release(session, unseen, state="released", at=now(session)))


def skip(session: Session, actor: Actor, scope: Scope, assignment_id: str, fence: int) -> None:
    """Give a place back unanswered; it will not be handed to the same person again."""
    row = held_place(session, actor, scope, assignment_id, fence)
    at = now(session)
    leases.release(session, [row.id], state="skipped", at=at)
    audit.record(
        session,
        actor,
        "assignment.skipped",
        "assignment",
        row.id,
        project_id=scope.project_id,
        at=at,
    )


def opt_out(  # noqa: PLR0913 - the request's fields
    session: Session,
    actor: Actor,
    scope: Scope,
    assignment_id: str,
    fence: int,
    *,
    category: str | None = None,
    reason: str | None = None,
) -> None:
    """Let a person out of an item without a reason and without a trace in the work tables."""
    row = held_place(session, actor, scope, assignment_id, fence)
    at = now(session)
    session.execute(
        sa.insert(OptOut),
        {
            "id": new_id(),
            "project_id": scope.project_id,
            "user_id": actor.user_id,
            "assignment_id": row.id,
            "category": category,
            "reason": reason,
            "created_at": at,
        },
    )
    leases.release(session, [row.id], state="released", at=at)


def report(  # noqa: PLR0913 - the request's fields
    session: Session,
    actor: Actor,
    scope: Scope,
    assignment_id: str,
    fence: int,
    *,
    kind: str,
    note: str | None = None,
) -> None:
    """Stop an item: out of every queue and view at once, and every lease on it ended."""
    if kind not in REPORT_KINDS:
        raise BadInput(f"kind is {kind!r}; it can be {', '.join(REPORT_KINDS)}")
    row = held_place(session, actor, scope, assignment_id, fence)
    at = now(session)
    session.execute(
        sa.update(Item)
        .where(Item.id == row.item_id, Item.project_id == scope.project_id)
        .values(quarantined_at=at)
    )
    session.execute(
        sa.insert(ItemReport),
        {
            "id": new_id(),
            "project_id": scope.project_id,
            "item_id": row.item_id,
            "reporter_id": actor.user_id,
            "kind": kind,
            "note": note,
            "created_at": at,
        },
    )
    leases.return_item(session, scope.project_id, row.item_id, at)
    audit.record(
        session,
        actor,
        "item.quarantined",
        "item",
        row.item_id,
        project_id=scope.project_id,
        body={"kind": kind},
        at=at,
        outbox=True,
    )
