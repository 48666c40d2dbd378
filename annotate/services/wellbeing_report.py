"""What those who run a project may know of its people's wellbeing: aggregates, and when.

Over whole past weeks, so that nobody can watch a figure change with one person; of ten people or
more; shares in steps of ten per cent, open at both ends, so that none says "all" or "nobody".
"""

from __future__ import annotations

import statistics
from collections import defaultdict
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import sqlalchemy as sa

from annotate.db import now
from annotate.models import Assignment, Break, CategoryOptOut, Exposure, OptOut, Round
from annotate.services import wellbeing
from tasks import budgets

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from annotate.db import Database
    from annotate.policy import Scope

FEWEST = 10
"""Below this many people there is no figure."""
WEEKS = 4
STEP = 10


@dataclass(frozen=True, slots=True)
class Share:
    """A share of people in per cent, rounded down to a step and never exact at the ends."""

    least: int
    most: int


@dataclass(frozen=True, slots=True)
class CategoryLine:
    """How many stay away from a category."""

    id: str
    name: str
    opted_out: Share


@dataclass(frozen=True, slots=True)
class Aggregates:
    """Figures of at least ten people, or only the days and that there are too few."""

    first: datetime
    last: datetime
    enough: bool
    median_points: int | None = None
    near_budget: Share | None = None
    not_revealed: Share | None = None
    left_items: Share | None = None
    took_breaks: Share | None = None
    categories: tuple[CategoryLine, ...] = ()


def share(part: int, whole: int) -> Share:
    """Return a share that does not tell single people.

    Examples
    --------
    >>> share(0, 12), share(12, 12), share(5, 12)
    (Share(least=0, most=20), Share(least=80, most=100), Share(least=40, most=50))
    """
    step = min(part * 100 // whole // STEP * STEP, 100 - STEP)
    if step < 2 * STEP:
        return Share(0, 2 * STEP)
    return Share(step, step + STEP) if step < 100 - 2 * STEP else Share(100 - 2 * STEP, 100)


def weeks(at: datetime) -> tuple[datetime, datetime]:
    """Return begin and end of the whole weeks that are looked at."""
    midnight = at.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    monday = midnight - timedelta(days=midnight.weekday())
    return monday - timedelta(weeks=WEEKS), monday


def aggregates(session: Session, scope: Scope) -> Aggregates:
    """Return the figures of a project's last whole weeks, if ten people or more made them.

    They are of all teams together: figures of one team beside those of all would tell the rest.
    """
    first, last = weeks(now(session))
    people = _people(session, scope, first, last)
    if scope.team_ids is not None or len(people) < FEWEST:
        return Aggregates(first, last, enough=False)
    rules = budgets.rules(wellbeing.policy(session, scope).settings)
    count = len(people)
    weekly = [points / WEEKS for points in people.values()]
    budget = rules.per_week
    near = None
    if budget is not None:
        near = share(sum(points >= 0.8 * budget for points in weekly), count)
    left = _who(session, scope, OptOut, OptOut.created_at, first, last)
    rested = _who(session, scope, Break, Break.started_at, first, last)
    return Aggregates(
        first,
        last,
        enough=True,
        median_points=round(statistics.median(weekly) / 5) * 5,
        near_budget=near,
        not_revealed=_not_revealed(session, scope, first, last),
        left_items=share(len(left & people.keys()), count),
        took_breaks=share(len(rested & people.keys()), count),
        categories=_category_lines(session, scope, frozenset(people), last),
    )


def _people(session: Session, scope: Scope, first: datetime, last: datetime) -> dict[str, int]:
    """Return the points of each person who was handed anything; only their spread goes on."""
    rows = session.execute(
        sa.select(Exposure.user_id, sa.func.sum(Exposure.points * Exposure.shown))
        .where(
            Exposure.project_id == scope.project_id,
            Exposure.category == "",
            Exposure.reserved_at >= first,
            Exposure.reserved_at < last,
        )
        .group_by(Exposure.user_id)
    ).all()
    return {row[0]: int(row[1] or 0) for row in rows}


def _who(
    session: Session,
    scope: Scope,
    model: type[OptOut | Break],
    moment: sa.orm.InstrumentedAttribute[datetime],
    first: datetime,
    last: datetime,
) -> set[str]:
    return set(
        session.scalars(
            sa.select(model.user_id)
            .where(model.project_id == scope.project_id, moment >= first, moment < last)
            .distinct()
        )
    )


def _not_revealed(session: Session, scope: Scope, first: datetime, last: datetime) -> Share | None:
    """Return of how many handed-out items nothing was shown; of ten people's or more."""
    row = session.execute(
        sa.select(
            sa.func.count(),
            sa.func.sum(sa.case((Exposure.shown == 0, 1), else_=0)),
        ).where(
            Exposure.project_id == scope.project_id,
            Exposure.category == "",
            Exposure.reserved_at >= first,
            Exposure.reserved_at < last,
        )
    ).one()
    return share(int(row[1] or 0), int(row[0])) if row[0] else None


def _category_lines(
    session: Session, scope: Scope, people: frozenset[str], last: datetime
) -> tuple[CategoryLine, ...]:
    rows = session.execute(
        sa.select(CategoryOptOut.category, CategoryOptOut.user_id).where(
            CategoryOptOut.project_id == scope.project_id, CategoryOptOut.created_at < last
        )
    ).all()
    found: defaultdict[str, set[str]] = defaultdict(set)
    for category, user_id in rows:
        found[category].add(user_id)
    return tuple(
        CategoryLine(one.id, one.name, share(len(found[one.id] & people), len(people)))
        for one in wellbeing.categories(session, scope)
        if one.weight
    )


# ------------------------------------------------------------------------------------- retention


def clean(database: Database) -> int:
    """Delete what is older than its project keeps it; tells how many rows went."""
    with database.read() as session:
        ids = session.scalars(
            sa.select(Exposure.project_id)
            .union(sa.select(OptOut.project_id), sa.select(Break.project_id))
            .execution_options(unscoped="the cleaning serves every project")
        ).all()
    return sum(_clean_project(database, project_id) for project_id in ids)


def _clean_project(database: Database, project_id: str) -> int:
    with database.write() as session:
        kept = wellbeing.kept_days(session, project_id)
        before = now(session) - timedelta(days=kept)
        closed = sa.select(Assignment.id).join(Round, Round.id == Assignment.round_id)
        closed = closed.where(Round.project_id == project_id, Round.state == "closed")
        statements = (
            sa.delete(Exposure).where(
                Exposure.project_id == project_id, Exposure.reserved_at < before
            ),
            sa.delete(Break).where(Break.project_id == project_id, Break.started_at < before),
            sa.delete(OptOut).where(
                OptOut.project_id == project_id,
                OptOut.created_at < before,
                OptOut.assignment_id.in_(closed),
            ),
        )
        gone = sum(_rows(session, statement) for statement in statements)
        session.execute(
            sa.update(OptOut)
            .where(OptOut.project_id == project_id, OptOut.created_at < before)
            .values(reason=None)
        )
        return gone


def _rows(session: Session, statement: sa.Delete) -> int:
    result = session.execute(statement.execution_options(synchronize_session=False))
    return int(result.rowcount)  # type: ignore[attr-defined]
