"""Labelling: claim a place, keep it, answer, edit, give it back.

Safety is in the constraints below this code: UNIQUE(annotator, task), CHECK(open_slots) and the
annotation's id, which the client minted. All times are the database's.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from annotate.db import is_embedded, new_id, now, settings_of
from annotate.models import (
    Annotation,
    AnnotatorCursor,
    Assignment,
    Item,
    ItemReport,
    Label,
    OptOut,
    Project,
    Round,
    Task,
)
from annotate.models.base import UtcDateTime
from annotate.services import audit, case_opening, leases
from annotate.services.claim_queries import next_place
from annotate.services.compiled import compiled_rubric
from annotate.services.errors import BadInput, Conflict, LeaseLost, NotFound
from annotate.services.prepared import Prepared
from annotate.services.text import canonical_json, sha256_hex

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from sqlalchemy.orm import Session

    from annotate.policy import Actor, Scope
    from annotate.services.compiled import CompiledRubric
    from rubrics.schema import Rubric
    from tasks.label_validation import Cell

Found = Any
"""A row of one of the queries below; their columns stand in the query."""
RETRY_AFTER = 30
"""Seconds after which work that others hold may be free."""
REPORT_KINDS = ("illegal", "threat_to_life", "personal_data", "other")
FIRST = (-1, -(2**63), "00000000-0000-0000-0000-000000000000")
"""A place before every task in the order (priority, ord, id)."""


@dataclass(frozen=True, slots=True)
class Place:
    """A held place with the item to judge."""

    id: str
    fence: int
    expires_at: datetime
    round_id: str
    rubric_version_id: str
    fingerprint: str
    item: dict[str, Any]
    state: str = "leased"
    revision: int = 0
    answers: dict[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Claim:
    """The place that was handed out, or the reason why there is none."""

    place: Place | None
    reason: str | None = None
    retry_after: int | None = None


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
_ITEM_COLUMNS = (
    Item.id.label("item_id"),
    Item.external_id,
    Item.kind,
    Item.body,
    Item.language,
    Item.attributes,
)
_HELD = Prepared(
    sa.select(
        Assignment.id,
        Assignment.fence,
        Assignment.expires_at,
        Assignment.leased_at,
        *_ITEM_COLUMNS,
    )
    .join(Item, Item.id == Assignment.item_id)
    .where(
        Assignment.project_id == sa.bindparam("project_id"),
        Assignment.round_id == sa.bindparam("round_id"),
        Assignment.annotator_id == sa.bindparam("annotator_id"),
        Assignment.state == "leased",
        Assignment.expires_at > sa.bindparam("at"),
        Item.quarantined_at.is_(None),
    )
    .limit(1)
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


def claim(session: Session, actor: Actor, scope: Scope, round_id: str) -> Claim:
    """Hand out the next place of a round, or the one that the annotator already holds.

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
    held = _HELD.first(session, person)
    if held is not None:
        return Claim(_place(rubric, call, held, (held.id, held.fence, held.expires_at)))
    team_id = actor.team_for(scope.project_id)
    search = {**person, "team_id": team_id}
    found = _next(session, call.allocation, search)
    if found is None and leases.reap(session, at):
        found = _next(session, call.allocation, search)
    if found is None:
        if _OTHERS_HOLD.first(session, person) is not None:
            return Claim(None, "all_leased", RETRY_AFTER)
        return Claim(None, "exhausted")
    return Claim(_take(session, actor, (rubric, call, found), team_id, at, scope.project_id))


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
    insert = _upsert(embedded=embedded)(Assignment)
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
    insert = _upsert(embedded=embedded)(AnnotatorCursor)
    moved = ("priority", "ord", "task_id")
    statement = insert.on_conflict_do_update(
        index_elements=[AnnotatorCursor.annotator_id, AnnotatorCursor.round_id],
        set_={name: insert.excluded[name] for name in moved},
    )
    return Prepared(statement, ("annotator_id", "round_id", "project_id", *moved))


def _upsert(*, embedded: bool) -> Any:  # noqa: ANN401 - either dialect's insert
    return sqlite.insert if embedded else postgresql.insert


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


def item_view(row: Found, rubric: Rubric) -> dict[str, Any]:
    """Return what an annotator may see of an item.

    Of the metadata only what the rubric shows by name: what it blinds never leaves the server.
    """
    attributes = json.loads(row.attributes)
    return {
        "id": row.item_id,
        "external_id": row.external_id,
        "kind": row.kind,
        "body": json.loads(row.body),
        "language": row.language,
        "metadata": {key: attributes[key] for key in rubric.item.show if key in attributes},
        "needs_reveal": _needs_reveal(rubric, attributes),
    }


def _needs_reveal(rubric: Rubric, attributes: Mapping[str, Any]) -> bool:
    """Tell whether the item comes concealed: always, or when its metadata flags it."""
    if rubric.display.conceal == "flagged":
        return bool(attributes.get("flagged"))
    return rubric.display.conceal == "always"


_OWN_PLACE = (
    sa.select(
        Assignment.id,
        Assignment.project_id,
        Assignment.team_id,
        Assignment.round_id,
        Assignment.task_id,
        Assignment.item_id,
        Assignment.annotator_id,
        Assignment.state,
        Assignment.fence,
        Assignment.current_revision,
        Assignment.expires_at,
        Assignment.closed_at,
        Task.rubric_version_id,
        Task.fingerprint,
        Task.open_slots,
    )
    .join(Task, Task.id == Assignment.task_id)
    .where(
        Assignment.id == sa.bindparam("assignment_id"),
        Assignment.project_id == sa.bindparam("project_id"),
        Assignment.annotator_id == sa.bindparam("annotator_id"),
    )
)
_OWN = Prepared(_OWN_PLACE)
_OWN_LOCKED = Prepared(_OWN_PLACE.with_for_update(of=Assignment))


def _own(
    session: Session, actor: Actor, scope: Scope, assignment_id: str, *, lock: bool = False
) -> Found:
    keys = {
        "assignment_id": assignment_id,
        "project_id": scope.project_id,
        "annotator_id": actor.user_id,
    }
    row = (_OWN_LOCKED if lock else _OWN).first(session, keys)
    if row is None:
        raise NotFound("There is no such assignment of yours")
    return row


def _held(session: Session, actor: Actor, scope: Scope, assignment_id: str, fence: int) -> Found:
    """Return the actor's assignment, locked, when it is still held under the fence.

    A lease that ran out but was handed to nobody is still good: the work is not thrown away.
    """
    row = _own(session, actor, scope, assignment_id, lock=True)
    if row.state == "leased" and row.fence == fence:
        return row
    raise LeaseLost(
        "This place is no longer yours: the lease ended and was not renewed. "
        "Your answers were not taken; claim the next item."
    )


def heartbeat(
    session: Session, actor: Actor, scope: Scope, assignment_id: str, fence: int
) -> datetime:
    """Keep a place for another lease; returns its new end."""
    row = _held(session, actor, scope, assignment_id, fence)
    until = now(session) + timedelta(seconds=settings_of(session).lease_seconds)
    session.execute(
        sa.update(Assignment)
        .where(Assignment.id == row.id, Assignment.project_id == scope.project_id)
        .values(expires_at=until)
    )
    return until


def skip(session: Session, actor: Actor, scope: Scope, assignment_id: str, fence: int) -> None:
    """Give a place back unanswered; it will not be handed to the same person again."""
    row = _held(session, actor, scope, assignment_id, fence)
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
    row = _held(session, actor, scope, assignment_id, fence)
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
    row = _held(session, actor, scope, assignment_id, fence)
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
    row = _own(session, actor, scope, assignment_id)
    compiled = compiled_rubric(session, scope.project_id, row.rubric_version_id)
    texts = _item_texts(session, scope, row.item_id) if compiled.has_spans else None
    cells = compiled.validator.validate(answers, texts)
    text = canonical_json(answers)
    return Submission(annotation_id, cells, text, sha256_hex(text), compiled)


def _item_texts(session: Session, scope: Scope, item_id: str) -> dict[str, str]:
    body = json.loads(
        session.execute(
            sa.select(Item.body).where(Item.id == item_id, Item.project_id == scope.project_id)
        ).scalar_one()
    )
    texts = {key: body[key] for key in ("text", "prompt", "response") if key in body}
    for index, message in enumerate(body.get("messages", ())):
        texts[f"message:{index}"] = message["content"]
    return texts


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
    row = _own(session, actor, scope, assignment_id, lock=True)
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
    row = _own(session, actor, scope, assignment_id, lock=True)
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
    statement = _upsert(embedded=embedded)(Annotation).on_conflict_do_nothing()
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


def own_assignment(session: Session, actor: Actor, scope: Scope, assignment_id: str) -> Place:
    """Return one's own assignment with its item and, when submitted, its current answers.

    Raises
    ------
    NotFound
        When it is not the actor's, or its item is in quarantine.
    """
    row = _own(session, actor, scope, assignment_id)
    item = session.execute(
        sa.select(*_ITEM_COLUMNS).where(
            Item.id == row.item_id,
            Item.project_id == scope.project_id,
            Item.quarantined_at.is_(None),
        )
    ).first()
    if item is None or row.state in {"released", "skipped"}:
        raise NotFound("There is no such assignment of yours")
    compiled = compiled_rubric(session, scope.project_id, row.rubric_version_id)
    answers = session.scalar(
        sa.select(Annotation.answers).where(
            Annotation.project_id == scope.project_id,
            Annotation.assignment_id == row.id,
            Annotation.revision == row.current_revision,
        )
    )
    return Place(
        id=row.id,
        fence=row.fence,
        expires_at=row.expires_at,
        round_id=row.round_id,
        rubric_version_id=row.rubric_version_id,
        fingerprint=row.fingerprint,
        item=item_view(item, compiled.rubric),
        state=row.state,
        revision=row.current_revision,
        answers=None if answers is None else json.loads(answers),
    )


@dataclass(frozen=True, slots=True)
class Done:
    """One of an annotator's own submissions."""

    assignment_id: str
    external_id: str
    submitted_at: datetime
    revision: int
    editable: bool


def mine(
    session: Session,
    actor: Actor,
    scope: Scope,
    round_id: str,
    *,
    before: str | None = None,
    limit: int = 50,
) -> tuple[Done, ...]:
    """Return an annotator's own submissions of a round, newest place first, by keyset."""
    conditions = [
        Assignment.project_id == scope.project_id,
        Assignment.round_id == round_id,
        Assignment.annotator_id == actor.user_id,
        Assignment.state == "submitted",
        Item.quarantined_at.is_(None),
    ]
    if before is not None:
        conditions.append(Assignment.id < before)
    rows = session.execute(
        sa.select(
            Assignment.id, Item.external_id, Assignment.closed_at, Assignment.current_revision
        )
        .join(Item, Item.id == Assignment.item_id)
        .where(*conditions)
        .order_by(Assignment.id.desc())
        .limit(limit)
    ).all()
    oldest = now(session) - timedelta(seconds=settings_of(session).edit_window_seconds)
    return tuple(
        Done(row.id, row.external_id, row.closed_at, row.current_revision, row.closed_at > oldest)
        for row in rows
    )
