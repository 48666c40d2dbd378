"""Claiming: hand out a place, keep it, or give it back by skip, opt-out and report."""

from __future__ import annotations

from dataclasses import dataclass, replace
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
    UserAccount,
    WellbeingPolicy,
    WellbeingPreference,
)
from annotate.services import audit, exposure, leases
from annotate.services.claim_queries import next_place, place_of_others
from annotate.services.compiled import compiled_rubric
from annotate.services.errors import BadInput, NotFound
from annotate.services.places import (
    ITEM_COLUMNS,
    OPTED_OUT,
    Found,
    Place,
    held_place,
    item_view,
)
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
    enough: str | None = None
    """Which budget is spent, for the person alone: shift, week, category or run."""


_ROUND = Prepared(
    sa.select(
        Round.id,
        Round.project_id,
        Round.state,
        Round.allocation,
        Round.rubric_version_id,
        Round.fingerprint,
        Project.archived_at,
        WellbeingPolicy.settings.label("policy"),
        WellbeingPreference.settings.label("preference"),
        AnnotatorCursor.priority,
        AnnotatorCursor.ord,
        AnnotatorCursor.task_id,
    )
    .join(Project, Project.id == Round.project_id)
    .join(UserAccount, UserAccount.id == sa.bindparam("annotator_id"))
    .outerjoin(WellbeingPolicy, WellbeingPolicy.project_id == Round.project_id)
    .outerjoin(
        WellbeingPreference,
        sa.and_(
            WellbeingPreference.project_id == Round.project_id,
            WellbeingPreference.user_id == UserAccount.id,
        ),
    )
    .outerjoin(
        AnnotatorCursor,
        sa.and_(
            AnnotatorCursor.annotator_id == UserAccount.id,
            AnnotatorCursor.round_id == Round.id,
        ),
    )
    .where(Round.id == sa.bindparam("round_id"), Round.project_id == sa.bindparam("project_id"))
    .where(UserAccount.deactivated_at.is_(None))  # it may be closed while this claim waits
    # Claims of one person follow each other, so that each sees what the one before reserved.
    .with_for_update(of=UserAccount, key_share=True)
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
        sa.not_(OPTED_OUT),
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
_TAKE_SLOT = Prepared(
    sa.update(Task)
    .where(Task.id == sa.bindparam("b_task"), Task.project_id == sa.bindparam("b_project"))
    .values(open_slots=Task.open_slots - 1, version=Task.version + 1)
)


def claim(
    session: Session,
    actor: Actor,
    scope: Scope,
    round_id: str,
    *,
    have: Collection[str] = (),
    ahead: bool = False,
) -> Claim:
    """Hand out a place of a round: one that the annotator already holds, or the next one.

    Parameters
    ----------
    round_id
        The round.
    have
        Places that the annotator's page has in its hands: it wants another one.
    ahead
        Whether the place is for later: its content is not shown yet.

    Raises
    ------
    NotFound
        When the project has no such round.
    """
    at = now(session)
    keys = {"round_id": round_id, "project_id": scope.project_id}
    call = _ROUND.first(session, {**keys, "annotator_id": actor.user_id})
    if call is None:
        raise NotFound("There is no such round")
    if call.state != "open" or call.archived_at is not None:
        return Claim(None, "paused" if call.state == "paused" else "exhausted")
    compiled = compiled_rubric(session, scope.project_id, call.rubric_version_id)
    rubric = compiled.rubric
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
    guard = exposure.guard(session, actor, compiled.scale, call, at)
    search = _Search(call, guard, {**person, "team_id": actor.team_for(scope.project_id)})
    found = search.find(session) or search.find_again(session)
    if found is None:
        return search.reason(session)
    shown = actor.token_id is not None or not ahead
    return Claim(_take(session, actor, rubric, search, found, shown=shown))


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
        place = claim(session, actor, scope, round_id, have=known, ahead=True).place
        if place is None:
            break
        places.append(place)
    return tuple(places)


@dataclass(frozen=True, slots=True)
class _Search:
    """The search for one person's next place in a round."""

    call: Found
    guard: exposure.Guard | None
    keys: Mapping[str, Any]

    def find(self, session: Session) -> Found | None:
        """Find the next free task after the annotator's cursor, starting over once."""
        guard = self.guard
        query = next_place(
            self.call.allocation,
            embedded=is_embedded(session),
            budgeted=None if guard is None else guard.budgeted,
        )
        keys = self.keys if guard is None else {**self.keys, **guard.limits}
        call = self.call
        cursor = None if call.task_id is None else (call.priority, call.ord, call.task_id)
        for start in (cursor, FIRST) if cursor is not None else (FIRST,):
            priority, order, task_id = start
            where = {"priority": priority, "ord": order, "task_id": task_id}
            row = query.first(session, {**keys, **where})
            if row is not None:
                return row
        return None

    def find_again(self, session: Session) -> Found | None:
        """Find a place after taking back those whose lease ran out, if there are any."""
        return self.find(session) if leases.reap_beside(session, self.keys["at"]) else None

    def reason(self, session: Session) -> Claim:
        """Say why there is no place, to the person alone; nothing is written."""
        guard = self.guard
        endless = self if guard is None else replace(self, guard=guard.without_limits())
        heavy = None if guard is None else endless.find(session)
        if heavy is None and self.held_by_others(session) is not None:
            return Claim(None, "all_leased", RETRY_AFTER)
        if guard is not None:
            heavy = heavy or endless.held_by_others(session)
            if heavy is not None:
                return Claim(None, "enough", enough=guard.spent_by(heavy))
        return Claim(None, "exhausted")

    def held_by_others(self, session: Session) -> Found | None:
        """Find a place of another that would be this person's, were it given back."""
        guard = self.guard
        query = place_of_others(
            self.call.allocation,
            embedded=is_embedded(session),
            budgeted=None if guard is None else guard.budgeted,
        )
        return query.first(session, self.keys if guard is None else {**self.keys, **guard.limits})


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
    rubric: Rubric,
    search: _Search,
    found: Found,
    *,
    shown: bool,
) -> Place:
    call, at, project_id = search.call, search.keys["at"], search.call.project_id
    team_id = search.keys["team_id"]
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
    place = _place(rubric, call, found, (lease.id, lease.fence, expires_at))
    if search.guard is not None:
        openly = shown and (
            actor.token_id is not None
            or not (place.item["needs_reveal"] or search.guard.rules.conceal)
        )
        place_key = (lease.id, lease.fence)
        exposure.reserve(session, actor, call, found, place_key, at, shown=openly)
    return place


def _place(rubric: Rubric, call: Found, found: Found, lease: tuple[str, int, datetime]) -> Place:
    assignment_id, fence, expires_at = lease
    return Place(
        id=assignment_id,
        fence=fence,
        expires_at=expires_at,
        round_id=call.id,
        rubric_version_id=call.rubric_version_id,
        fingerprint=call.fingerprint,
        item=item_view(found, rubric, assignment_id),
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
    """Let a person out of an item without a reason and without a trace in the work tables.

    The place is theirs no longer; its lease ends where every lease ends that nobody renews. Ending
    it now would tell, by its age, an opt-out from an expiry.
    """
    row = held_place(session, actor, scope, assignment_id, fence)
    session.execute(
        sa.insert(OptOut),
        {
            "id": new_id(),
            "project_id": scope.project_id,
            "user_id": actor.user_id,
            "assignment_id": row.id,
            "category": category,
            "reason": reason,
            "created_at": now(session),
        },
    )


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
