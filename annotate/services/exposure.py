"""The exposure ledger: what is reserved with a place, what was shown, what is left.

Sum, search and reservation lie in the transaction of the claim, in which claims of one person
follow each other (the write gate; on PostgreSQL the lock on the person's account row).
"""

from __future__ import annotations

import json
from collections import defaultdict
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import cache
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from annotate.db import is_embedded
from annotate.models import Assignment, Break, Exposure, Item, Round, Task, TaskExposure
from annotate.models.base import UtcDateTime
from annotate.services.compiled import compiled_rubric
from annotate.services.prepared import Prepared, insert_for
from tasks import budgets
from tasks.budgets import Room, Rules, Spent
from tasks.exposure import HINT, MODALITY, MOST_SEVERE, SEVERE, Profile

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

    from sqlalchemy.orm import Session

    from annotate.policy import Actor, Scope
    from annotate.services.compiled import CompiledRubric
    from tasks.exposure import Scale

Found = Any
"""A row of a query; its columns stand there."""
SHIFT = timedelta(hours=12)
WEEK = timedelta(days=7)
RUN = timedelta(hours=1)
"""Severe items longer ago than this are no longer a run."""
CHUNK = 500


@dataclass(frozen=True, slots=True)
class Guard:
    """What may be handed to one person now."""

    rules: Rules
    room: Room
    assumed: Profile

    @property
    def budgeted(self) -> tuple[str, ...]:
        """The categories with a budget, for the query that finds the next place."""
        return tuple(self.room.categories)

    @property
    def limits(self) -> dict[str, int]:
        """The parameters of that query."""
        return {
            "room": self.room.points,
            "below": self.room.below,
            "assumed_points": self.assumed.points,
            "assumed_severity": self.assumed.severity,
            **{f"room_{at}": left for at, left in enumerate(self.room.categories.values())},
        }

    def without_limits(self) -> Guard:
        """Return a guard that lets everything through, to see what is there."""
        endless = dict.fromkeys(self.room.categories, budgets.ENDLESS)
        return replace(self, room=Room(budgets.ENDLESS, endless, MOST_SEVERE + 1))

    def spent_by(self, found: Found) -> str:
        """Say which budget keeps a place from the person: shift, week, run or category."""
        if found.points and found.points * found.modality > self.room.points:
            return self.room.tighter
        return "run" if found.points and found.severity >= self.room.below else "category"


_HELD = (
    sa.select(sa.literal(1))
    .where(
        Assignment.id == Exposure.assignment_id,
        Assignment.fence == Exposure.fence,
        Assignment.state == "leased",
    )
    .correlate(Exposure)
    .exists()
)
_COUNTED = sa.case(
    (Exposure.shown >= Exposure.modality, Exposure.modality),
    (_HELD, Exposure.modality),
    else_=Exposure.shown,
)
"""By how much the points of a row count: in full while the place is held, then as shown."""


def _moment(name: str) -> sa.BindParameter[datetime]:
    return sa.bindparam(name, type_=UtcDateTime())


def _latest(column: Any, *conditions: Any) -> Any:  # noqa: ANN401 - a column, an expression
    found = sa.select(sa.func.max(column)).where(column > _moment("run"), *conditions)
    return sa.func.coalesce(found.scalar_subquery(), _moment("run"))


_MINE = Exposure.user_id == sa.bindparam("annotator_id")
_WHOLE = Exposure.category == sa.literal_column("''")
_MILD = sa.or_(Exposure.severity < SEVERE, Exposure.points == 0)
_RUN = (
    sa.select(sa.func.count())
    .where(
        _MINE,
        _WHOLE,
        Exposure.severity >= SEVERE,
        Exposure.points > 0,
        _COUNTED > 0,
        Exposure.reserved_at > _latest(Exposure.reserved_at, _MINE, _WHOLE, _MILD, _COUNTED > 0),
        Exposure.reserved_at
        > _latest(Break.ended_at, Break.user_id == sa.bindparam("annotator_id")),
    )
    .scalar_subquery()
)
_SPENT = Prepared(
    sa.select(
        Exposure.category,
        sa.func.sum(
            sa.case((Exposure.reserved_at > _moment("shift"), Exposure.points * _COUNTED), else_=0)
        ).label("shift"),
        sa.func.sum(Exposure.points * _COUNTED).label("week"),
        _RUN.label("run"),
    )
    .where(
        _MINE,
        Exposure.reserved_at > _moment("week"),
        # The person is one: the whole counts wherever it was, a category in its project.
        sa.or_(_WHOLE, Exposure.project_id == sa.bindparam("project_id")),
    )
    .group_by(Exposure.category)
)


def spent(session: Session, user_id: str, project_id: str, at: datetime) -> Spent:
    """Return what counts against a person's budgets now."""
    keys = {"annotator_id": user_id, "project_id": project_id}
    since = {"shift": at - SHIFT, "week": at - WEEK, "run": at - RUN}
    rows = {row.category: row for row in _SPENT.all(session, {**keys, **since})}
    whole = rows.pop("", None)
    if whole is None:
        return Spent()
    return Spent(
        int(whole.shift),
        int(whole.week),
        {name: int(row.shift) for name, row in rows.items()},
        int(whole.run),
    )


def guard(session: Session, actor: Actor, scale: Scale, call: Found, at: datetime) -> Guard | None:
    """Return what may be handed out; None, without asking, where the rubric weighs nothing.

    Parameters
    ----------
    session, actor
        The claim's transaction, and who claims.
    scale
        How the round's rubric weighs.
    call
        The round, with ``project_id``, ``policy`` and ``preference`` as stored.
    at
        Now.
    """
    if not scale.heaviest or call.policy is None:
        return None
    rules = budgets.rules(json.loads(call.policy), _loaded(call.preference))
    counted = Spent()
    if rules.limited:
        counted = spent(session, actor.user_id, call.project_id, at)
    room = budgets.room(rules, counted)
    return Guard(rules, room, scale.assumed(rules.assumed_severity))


def _loaded(text: str | None) -> dict[str, Any] | None:
    return None if text is None else json.loads(text)


_COLUMNS = (
    *("assignment_id", "fence", "category", "project_id", "user_id"),
    *("points", "severity", "modality", "shown", "reserved_at"),
)
_RESERVE = Prepared(sa.insert(Exposure), _COLUMNS)


def profile_of(found: Found) -> Profile:
    """Return what the query of the next place says of it."""
    categories = {}
    for part in (found.known or "").split(","):
        name, _, figures = part.partition(":")
        if name:
            points, _, severity = figures.partition(":")
            categories[name] = (int(points), int(severity))
    return Profile(found.points, found.severity, categories)


def reserve(  # noqa: PLR0913 - the facts of one lease
    session: Session,
    actor: Actor,
    call: Found,
    found: Found,
    lease: tuple[str, int],
    at: datetime,
    *,
    shown: bool,
) -> None:
    """Write a handed-out place into the ledger, as shown when its content is."""
    assignment_id, fence = lease
    common = {
        "assignment_id": assignment_id,
        "fence": fence,
        "project_id": call.project_id,
        "user_id": actor.user_id,
        "modality": found.modality,
        "shown": found.modality if shown else 0,
        "reserved_at": at,
    }
    rows = profile_of(found).rows()
    _RESERVE.run_each(
        session,
        [
            {**common, "category": name, "points": points, "severity": severity}
            for name, points, severity in rows
        ],
    )


def _ledger(assignment_id: str, project_id: str, user_id: str) -> tuple[Any, ...]:
    """Return the conditions for the rows of the latest lease of a place."""
    latest = (
        sa.select(sa.func.max(Exposure.fence))
        .where(Exposure.assignment_id == assignment_id, Exposure.project_id == project_id)
        .scalar_subquery()
    )
    return (
        Exposure.assignment_id == assignment_id,
        Exposure.project_id == project_id,
        Exposure.user_id == user_id,
        Exposure.fence == latest,
    )


def credit(
    session: Session, actor: Actor, scope: Scope, assignment_id: str, modality: str = "text"
) -> None:
    """Note that content of a place was shown: once for each medium, however often it is told."""
    factor = MODALITY[modality]
    reached = sa.case((Exposure.modality < factor, Exposure.modality), else_=factor)
    session.execute(
        sa.update(Exposure)
        .where(
            *_ledger(assignment_id, scope.project_id, actor.user_id),
            Exposure.shown < reached,
        )
        .values(shown=reached)
        .execution_options(synchronize_session=False)
    )


_SETTLE = Prepared(
    sa.update(Exposure)
    .where(
        Exposure.assignment_id == sa.bindparam("b_assignment"),
        Exposure.fence == sa.bindparam("b_fence"),
        Exposure.project_id == sa.bindparam("b_project"),
    )
    .values(
        points=sa.case(
            (Exposure.category == sa.literal_column("''"), sa.bindparam("b_points")), else_=0
        ),
        severity=sa.case(
            (Exposure.category == sa.literal_column("''"), sa.bindparam("b_severity")), else_=0
        ),
        # Whoever judged it has read it, also where word of that never came: the connection was
        # away, or the page was closed before.
        shown=sa.case((Exposure.shown < 1, 1), else_=Exposure.shown),
    )
)


@cache
def _settle_part(*, embedded: bool) -> Prepared:
    """Return the statement that adds what an answer says of one category."""
    insert = insert_for(embedded=embedded)(Exposure)
    source = sa.select(
        Exposure.assignment_id,
        Exposure.fence,
        sa.bindparam("b_category", type_=Exposure.category.type),
        Exposure.project_id,
        Exposure.user_id,
        sa.bindparam("b_points", type_=sa.Integer()),
        sa.bindparam("b_severity", type_=sa.Integer()),
        Exposure.modality,
        Exposure.shown,
        Exposure.reserved_at,
    ).where(
        Exposure.assignment_id == sa.bindparam("b_assignment"),
        Exposure.fence == sa.bindparam("b_fence"),
        Exposure.project_id == sa.bindparam("b_project"),
        _WHOLE,
    )
    statement = insert.from_select(list(_COLUMNS), source)
    return Prepared(
        statement.on_conflict_do_update(
            index_elements=[Exposure.assignment_id, Exposure.fence, Exposure.category],
            set_={
                "points": statement.excluded.points,
                "severity": statement.excluded.severity,
            },
        )
    )


@cache
def _learn_statement(*, embedded: bool) -> Prepared:
    """Return the statement that notes what is known of a task; what is heavier stays."""
    insert = insert_for(embedded=embedded)(TaskExposure)
    columns = ("task_id", "category", "project_id", "points", "severity", "source")
    larger = sa.func.max if embedded else sa.func.greatest
    statement = insert.on_conflict_do_update(
        index_elements=[TaskExposure.task_id, TaskExposure.category],
        set_={
            "points": larger(TaskExposure.points, insert.excluded.points),
            "severity": larger(TaskExposure.severity, insert.excluded.severity),
            "source": insert.excluded.source,
        },
    )
    return Prepared(statement, columns)


def settle(session: Session, row: Found, compiled: CompiledRubric, cells: Iterable[Any]) -> None:
    """Let an answer replace the estimate of its own place, and tell what the item holds.

    Parameters
    ----------
    row
        The assignment that was submitted.
    compiled
        Its rubric.
    cells
        What was answered.
    """
    if not compiled.scale.heaviest:
        return
    profile = compiled.scale.answered(cells)
    if profile is None:
        return
    keys = {"b_assignment": row.id, "b_fence": row.fence, "b_project": row.project_id}
    whole = {"b_points": profile.points, "b_severity": profile.severity}
    _SETTLE.run(session, {**keys, **whole})
    if profile.categories:
        _settle_part(embedded=is_embedded(session)).run_each(
            session,
            [
                {**keys, "b_category": name, "b_points": points, "b_severity": severity}
                for name, (points, severity) in sorted(profile.categories.items())
            ],
        )
    _learn(session, row.project_id, {row.task_id: profile}, "labels")


def _learn(session: Session, project_id: str, known: Mapping[str, Profile], source: str) -> None:
    statement = _learn_statement(embedded=is_embedded(session))
    statement.run_each(
        session,
        [
            {
                "task_id": task_id,
                "category": name,
                "project_id": project_id,
                "points": points,
                "severity": severity,
                "source": source,
            }
            for task_id, profile in sorted(known.items())
            for name, points, severity in profile.rows()
        ],
    )


def learn_round(session: Session, project_id: str, round_id: str) -> int:
    """Note what is known of a round's items before anybody opens them; tells of how many.

    From the hints of their metadata, and from what was answered about them in earlier rounds.
    """
    version_id = session.execute(
        sa.select(Round.rubric_version_id).where(
            Round.id == round_id, Round.project_id == project_id
        )
    ).scalar_one()
    scale = compiled_rubric(session, project_id, version_id).scale
    known = dict(_hinted(session, project_id, round_id, scale))
    for start in range(0, len(known), CHUNK):
        chunk = dict(list(known.items())[start : start + CHUNK])
        _learn(session, project_id, chunk, "hint")
    earlier = _answered_before(session, project_id, round_id, scale)
    for start in range(0, len(earlier), CHUNK):
        chunk = dict(list(earlier.items())[start : start + CHUNK])
        _learn(session, project_id, chunk, "labels")
    return len({*known, *earlier})


def _hinted(
    session: Session, project_id: str, round_id: str, scale: Scale
) -> Iterable[tuple[str, Profile]]:
    rows = session.execute(
        sa.select(Task.id, Item.attributes)
        .join(Item, Item.id == Task.item_id)
        .where(
            Task.project_id == project_id,
            Task.round_id == round_id,
            Item.attributes.contains(f'"{HINT}":', autoescape=True),
        )
    )
    for task_id, attributes in rows:
        profile = scale.hinted(json.loads(attributes))
        if profile is not None:
            yield task_id, profile


def _answered_before(
    session: Session, project_id: str, round_id: str, scale: Scale
) -> dict[str, Profile]:
    """Return what earlier rounds found, weighed by the rubric of this one."""
    earlier = sa.orm.aliased(Task)
    rows = session.execute(
        sa.select(Task.id, TaskExposure.category, sa.func.max(TaskExposure.severity))
        .join(earlier, earlier.item_id == Task.item_id)
        .join(TaskExposure, TaskExposure.task_id == earlier.id)
        .where(
            Task.project_id == project_id,
            Task.round_id == round_id,
            earlier.round_id != round_id,
            TaskExposure.source == "labels",
        )
        .group_by(Task.id, TaskExposure.category)
    )
    found: defaultdict[str, dict[str, int]] = defaultdict(dict)
    for task_id, category, severity in rows:
        found[task_id][category] = severity
    return {task_id: scale.reweighed(severities) for task_id, severities in found.items()}
