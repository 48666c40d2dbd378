"""The one query that finds the next place, for both databases and both kinds of allocation.

The order is (priority, ord, id) from the annotator's cursor on, through a partial index of tasks
with free places. ``OFFSET 0`` is a fence: without it PostgreSQL turns NOT EXISTS into an anti-join
that reads every assignment.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from annotate.models import (
    Assignment,
    CategoryOptOut,
    Item,
    Media,
    OptOut,
    Reservation,
    Task,
    TaskExposure,
)
from annotate.services.places import ITEM_COLUMNS
from annotate.services.prepared import Prepared
from tasks.exposure import MODALITY

if TYPE_CHECKING:
    from collections.abc import Sequence

_STILL = MODALITY["image"]
"""The factor of pictures and sound."""

_NONE = sa.literal_column("0", sa.Integer)
"""In the text of the statement: a parameter would keep a planner from the partial index."""


@cache
def next_place(
    allocation: str, *, embedded: bool, budgeted: tuple[str, ...] | None = None
) -> Prepared:
    """Return the query below, prepared for the claim of one database."""
    return Prepared(claim_query(allocation, embedded=embedded, budgeted=budgeted))


@cache
def place_of_others(
    allocation: str, *, embedded: bool, budgeted: tuple[str, ...] | None = None
) -> Prepared:
    """Return the query for a place that others hold and that the annotator could be given.

    Its parameters are those of the query below without the cursor. It is asked only when nothing
    is free: what somebody did, left, or is kept from is not worth waiting for.
    """
    leased = sa.select(Assignment.task_id).where(
        Assignment.project_id == sa.bindparam("project_id"),
        Assignment.round_id == sa.bindparam("round_id"),
        Assignment.state == sa.literal_column("'leased'"),
        Assignment.annotator_id != sa.bindparam("annotator_id"),
    )
    return Prepared(
        _for_annotator(
            allocation, [Task.id.in_(leased)], embedded=embedded, budgeted=budgeted
        ).limit(1)
    )


@cache
def claim_query(
    allocation: str,
    *,
    embedded: bool,
    locking: bool = True,
    budgeted: tuple[str, ...] | None = None,
) -> sa.Select[*tuple[Any, ...]]:
    """Return the query for an ``open`` or ``explicit`` allocation.

    Parameters of the query: ``project_id``, ``round_id``, ``annotator_id``, ``team_id`` and the
    cursor ``priority``, ``ord``, ``task_id``. Without ``locking`` it only looks. With ``budgeted``,
    the categories that have a budget, it goes past what is too heavy; its parameters are then
    those of ``exposure.Guard.limits`` as well.
    """
    queue = Reservation if allocation == "explicit" else Task
    place = Reservation.task_id if allocation == "explicit" else Task.id
    cursor = sa.tuple_(
        sa.bindparam("priority", type_=sa.Integer()),
        sa.bindparam("ord", type_=sa.BigInteger()),
        sa.bindparam("task_id", type_=Task.id.type),
    )
    query = (
        _for_annotator(
            allocation,
            [Task.open_slots > _NONE, sa.tuple_(queue.priority, queue.ord, place) > cursor],
            embedded=embedded,
            budgeted=budgeted,
        )
        .order_by(queue.priority, queue.ord, place)
        .limit(1)
    )
    if not locking:
        return query
    # A place kept for one person is waited for: skipping it would say "all done" too early. The
    # item is locked as well: a claim and a report of it would else pass each other unseen.
    return query.with_for_update(
        of=(Task, Item), key_share=True, skip_locked=allocation != "explicit"
    )


def _for_annotator(
    allocation: str,
    standing: Sequence[sa.ColumnElement[bool]],
    *,
    embedded: bool,
    budgeted: tuple[str, ...] | None,
) -> sa.Select[*tuple[Any, ...]]:
    """Return the query for the tasks that the annotator may be given, as they stand."""
    queue = Reservation if allocation == "explicit" else Task
    query = (
        sa.select(Task.id.label("task_id"), queue.priority, queue.ord, *ITEM_COLUMNS)
        .join(Item, Item.id == Task.item_id)
        .where(
            queue.project_id == sa.bindparam("project_id"),
            queue.round_id == sa.bindparam("round_id"),
            *standing,
            Item.quarantined_at.is_(None),
            sa.not_(_had_before(embedded=embedded)),
            sa.not_(_unwanted(embedded=embedded)),
        )
    )
    if budgeted is not None:
        query = _within_budgets(query, budgeted, embedded=embedded)
    if allocation == "explicit":
        return query.join(Reservation, Reservation.task_id == Task.id).where(
            Reservation.annotator_id == sa.bindparam("annotator_id")
        )
    team = sa.bindparam("team_id", type_=Task.team_id.type)
    return query.where(sa.or_(Task.team_id.is_(None), Task.team_id == team))


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


def _unwanted(*, embedded: bool) -> sa.Exists:
    """Tell whether the task is known to hold a category that the annotator opted out of."""
    holds = (
        sa.select(sa.literal(1))
        .select_from(CategoryOptOut)
        .join(TaskExposure, TaskExposure.category == CategoryOptOut.category)
        .where(
            CategoryOptOut.user_id == sa.bindparam("annotator_id"),
            CategoryOptOut.project_id == sa.bindparam("project_id"),
            TaskExposure.task_id == Task.id,
        )
        .correlate(Task)
    )
    return (holds if embedded else holds.offset(sa.literal_column("0"))).exists()


def _within_budgets(
    query: sa.Select[*tuple[Any, ...]], budgeted: tuple[str, ...], *, embedded: bool
) -> sa.Select[*tuple[Any, ...]]:
    """Let the query find only what still fits, and tell what each task weighs."""
    whole = sa.orm.aliased(TaskExposure)
    points = sa.func.coalesce(whole.points, _number("assumed_points"))
    severity = sa.func.coalesce(whole.severity, _number("assumed_severity"))
    medium = _medium()
    query = (
        query.add_columns(
            points.label("points"),
            severity.label("severity"),
            medium.label("modality"),
            _known_categories(embedded=embedded).label("known"),
        )
        .outerjoin(
            whole, sa.and_(whole.task_id == Task.id, whole.category == sa.literal_column("''"))
        )
        .where(
            sa.or_(points == _NONE, points * medium <= _number("room")),
            sa.or_(severity < _number("below"), points == _NONE),
        )
    )
    if budgeted:
        query = query.where(sa.not_(_too_much(budgeted, medium, embedded=embedded)))
    return query


def _number(name: str) -> sa.BindParameter[int]:
    return sa.bindparam(name, type_=sa.Integer())


def _medium() -> Any:  # noqa: ANN401 - an expression
    """Return the factor of the heaviest medium of the item."""
    heaviest = (
        sa.select(
            sa.func.max(
                sa.case((Media.media_type.like("video/%"), MODALITY["video"]), else_=_STILL)
            )
        )
        .where(Media.item_id == Item.id, Media.project_id == sa.bindparam("project_id"))
        .correlate(Item)
        .scalar_subquery()
    )
    return sa.func.coalesce(heaviest, sa.literal_column("1", sa.Integer()))


def _known_categories(*, embedded: bool) -> Any:  # noqa: ANN401 - an expression
    """Return ``category:points:severity`` of all that is known of the task, with commas."""
    text = sa.Text()
    joined = sa.func.group_concat if embedded else sa.func.string_agg
    part = (
        TaskExposure.category
        + ":"
        + sa.cast(TaskExposure.points, text)
        + ":"
        + sa.cast(TaskExposure.severity, text)
    )
    return (
        sa.select(joined(part, sa.literal_column("','"), type_=text))
        .where(TaskExposure.task_id == Task.id, TaskExposure.category != sa.literal_column("''"))
        .correlate(Task)
        .scalar_subquery()
    )


def _too_much(budgeted: tuple[str, ...], medium: Any, *, embedded: bool) -> sa.Exists:  # noqa: ANN401
    """Tell whether the task is known to weigh more in a category than is left of its budget."""
    left = sa.case(
        *(
            (TaskExposure.category == name, _number(f"room_{at}"))
            for at, name in enumerate(budgeted)
        )
    )
    over = (
        sa.select(sa.literal(1))
        .where(
            TaskExposure.task_id == Task.id,
            TaskExposure.points > _NONE,
            TaskExposure.points * medium > left,
        )
        .correlate(Task, Item)
    )
    return (over if embedded else over.offset(sa.literal_column("0"))).exists()
