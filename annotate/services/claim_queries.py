"""The one query that finds the next place, for both databases and both kinds of allocation.

The order is (priority, ord, id) from the annotator's cursor on, through a partial index of tasks
with free places. ``OFFSET 0`` is a fence: without it PostgreSQL turns NOT EXISTS into an anti-join
that reads every assignment.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import sqlalchemy as sa

from annotate.models import Assignment, Item, OptOut, Reservation, Task
from annotate.services.prepared import Prepared

_ITEM = (
    Item.id.label("item_id"),
    Item.external_id,
    Item.kind,
    Item.body,
    Item.language,
    Item.attributes,
)

_NONE = sa.literal_column("0", sa.Integer)
"""In the text of the statement: a parameter would keep a planner from the partial index."""


@cache
def next_place(allocation: str, *, embedded: bool) -> Prepared:
    """Return the query below, prepared for the claim of one database."""
    return Prepared(claim_query(allocation, embedded=embedded))


@cache
def claim_query(
    allocation: str, *, embedded: bool, locking: bool = True
) -> sa.Select[*tuple[Any, ...]]:
    """Return the query for an ``open`` or ``explicit`` allocation.

    Parameters of the query: ``project_id``, ``round_id``, ``annotator_id``, ``team_id`` and the
    cursor ``priority``, ``ord``, ``task_id``. Without ``locking`` it only looks.
    """
    queue = Reservation if allocation == "explicit" else Task
    place = Reservation.task_id if allocation == "explicit" else Task.id
    cursor = sa.tuple_(
        sa.bindparam("priority", type_=sa.Integer()),
        sa.bindparam("ord", type_=sa.BigInteger()),
        sa.bindparam("task_id", type_=Task.id.type),
    )
    query = (
        sa.select(Task.id.label("task_id"), queue.priority, queue.ord, *_ITEM)
        .join(Item, Item.id == Task.item_id)
        .where(
            queue.project_id == sa.bindparam("project_id"),
            queue.round_id == sa.bindparam("round_id"),
            Task.open_slots > _NONE,
            sa.tuple_(queue.priority, queue.ord, place) > cursor,
            Item.quarantined_at.is_(None),
            sa.not_(_had_before(embedded=embedded)),
        )
        .order_by(queue.priority, queue.ord, place)
        .limit(1)
    )
    if allocation == "explicit":
        query = query.join(Reservation, Reservation.task_id == Task.id).where(
            Reservation.annotator_id == sa.bindparam("annotator_id")
        )
        # A place kept for one person is waited for: skipping it would say "all done" too early.
        return query.with_for_update(of=Task) if locking else query
    team = sa.bindparam("team_id", type_=Task.team_id.type)
    query = query.where(sa.or_(Task.team_id.is_(None), Task.team_id == team))
    return query.with_for_update(of=Task, skip_locked=True) if locking else query


def _had_before(*, embedded: bool) -> sa.Exists:
    """Tell whether the annotator holds, did, skipped or opted out of the task."""
    opted_out = (
        sa.select(sa.literal(1))
        .where(
            OptOut.user_id == sa.bindparam("annotator_id"),  # found through the person's index
            OptOut.project_id == sa.bindparam("project_id"),
            OptOut.assignment_id == Assignment.id,
        )
        .correlate(Assignment)
        .exists()
    )
    had = (
        sa.select(sa.literal(1))
        .where(
            Assignment.task_id == Task.id,
            Assignment.annotator_id == sa.bindparam("annotator_id"),
            sa.or_(Assignment.state != "released", opted_out),
        )
        .correlate(Task)
    )
    return (had if embedded else had.offset(sa.literal_column("0"))).exists()
