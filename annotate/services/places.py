"""A place as its holder sees it: the item, what may be seen of it, and one's own submissions."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from annotate.db import now, settings_of
from annotate.models import (
    Annotation,
    Assignment,
    Item,
    OptOut,
    Task,
)
from annotate.services import case_opening, response_order
from annotate.services.compiled import compiled_rubric
from annotate.services.errors import LeaseLost, NotFound
from annotate.services.prepared import Prepared
from exports.message_parts import without_names

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from datetime import datetime

    from sqlalchemy.orm import Session

    from annotate.policy import Actor, Scope
    from rubrics.schema import Rubric

Found = Any
"""A row of one of the queries below; their columns stand in the query."""


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


ITEM_COLUMNS = (
    Item.id.label("item_id"),
    Item.external_id,
    Item.kind,
    Item.body,
    Item.language,
    Item.attributes,
)


def item_view(row: Found, rubric: Rubric, assignment_id: str | None = None) -> dict[str, Any]:
    """Return what an annotator may see of an item, responses in the order of their assignment.

    Of the metadata only what the rubric shows by name: what it blinds never leaves the server.
    """
    attributes = json.loads(row.attributes)
    return {
        "id": row.item_id,
        "external_id": row.external_id,
        "kind": row.kind,
        "body": response_order.as_shown(without_names(json.loads(row.body)), rubric, assignment_id),
        "language": row.language,
        "metadata": {key: attributes[key] for key in rubric.item.show if key in attributes},
        "needs_reveal": _needs_reveal(rubric, attributes),
    }


def _needs_reveal(rubric: Rubric, attributes: Mapping[str, Any]) -> bool:
    """Tell whether the item comes concealed: always, or when its metadata flags it."""
    if rubric.display.conceal == "flagged":
        return bool(attributes.get("flagged"))
    return rubric.display.conceal == "always"


def texts_of(body_text: str) -> dict[str, str]:
    """Return the texts of an item's body by span target."""
    body = json.loads(body_text)
    texts = {key: body[key] for key in ("text", "prompt", "response") if key in body}
    for index, message in enumerate(body.get("messages", ())):
        texts[f"message:{index}"] = message["content"]
    return texts | response_order.texts_of(body)


OPTED_OUT = (
    sa.select(sa.literal(1))
    .where(
        OptOut.assignment_id == Assignment.id,
        OptOut.project_id == Assignment.project_id,
    )
    .correlate(Assignment)
    .exists()
)
"""Whether the holder of a place opted out of it; in the work tables its lease just runs on."""

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
        OPTED_OUT.label("opted_out"),
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


def own_place(
    session: Session, actor: Actor, scope: Scope, assignment_id: str, *, lock: bool = False
) -> Found:
    """Return the actor's assignment with its task's facts, locked when it is about to change.

    Raises
    ------
    NotFound
        When it is not the actor's.
    """
    keys = {
        "assignment_id": assignment_id,
        "project_id": scope.project_id,
        "annotator_id": actor.user_id,
    }
    row = (_OWN_LOCKED if lock else _OWN).first(session, keys)
    if row is None:
        raise NotFound("There is no such assignment of yours")
    if row.opted_out and row.state == "leased":
        return row._replace(state="released")
    return row


def held_place(
    session: Session, actor: Actor, scope: Scope, assignment_id: str, fence: int
) -> Found:
    """Return the actor's assignment, locked, when it is still held under the fence.

    A lease that ran out but was handed to nobody is still good: the work is not thrown away.
    """
    row = own_place(session, actor, scope, assignment_id, lock=True)
    if row.state == "leased" and row.fence == fence:
        return row
    raise LeaseLost(
        "This place is no longer yours: the lease ended and was not renewed. "
        "Your answers were not taken; claim the next item."
    )


def own_assignment(session: Session, actor: Actor, scope: Scope, assignment_id: str) -> Place:
    """Return one's own assignment with its item and, when submitted, its current answers.

    Raises
    ------
    NotFound
        When it is not the actor's, or its item is in quarantine.
    """
    row = own_place(session, actor, scope, assignment_id)
    item = session.execute(
        sa.select(*ITEM_COLUMNS).where(
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
        item=item_view(item, compiled.rubric, row.id),
        state=row.state,
        revision=row.current_revision,
        answers=None if answers is None else json.loads(answers),
    )


def standing(session: Session, actor: Actor, ids: Collection[str]) -> tuple[Found, ...]:
    """Return those of one's own places that are still to be seen, with state, fence and end.

    What was lost, given back or put into quarantine is missing, whatever the reason.
    """
    rows = session.execute(
        sa.select(
            Assignment.id,
            Assignment.project_id,
            Assignment.state,
            Assignment.fence,
            Assignment.current_revision,
            Assignment.expires_at,
        )
        .join(Item, Item.id == Assignment.item_id)
        .where(
            Assignment.annotator_id == actor.user_id,
            Assignment.id.in_(sorted(ids)),
            Assignment.state.in_(("leased", "submitted")),
            Item.quarantined_at.is_(None),
            sa.not_(OPTED_OUT),
        )
        .execution_options(unscoped="own places, in whichever projects they lie")
    ).all()
    return tuple(row for row in rows if actor.may("work.label", row.project_id))


@dataclass(frozen=True, slots=True)
class Done:
    """One of an annotator's own submissions."""

    assignment_id: str
    external_id: str
    submitted_at: datetime
    revision: int
    editable: bool
    """The time for changes is not over, and no adjudicator has ruled on the item."""


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
            Assignment.id,
            Item.external_id,
            Assignment.closed_at,
            Assignment.current_revision,
            case_opening.DECIDED.label("decided"),
        )
        .join(Item, Item.id == Assignment.item_id)
        .where(*conditions)
        .order_by(Assignment.id.desc())
        .limit(limit)
    ).all()
    oldest = now(session) - timedelta(seconds=settings_of(session).edit_window_seconds)
    return tuple(
        Done(
            row.id,
            row.external_id,
            row.closed_at,
            row.current_revision,
            row.closed_at > oldest and not row.decided,
        )
        for row in rows
    )
