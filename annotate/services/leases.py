"""Giving places back: the one way a lease ends without a submission."""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import TYPE_CHECKING

import sqlalchemy as sa

from annotate.models import AdjudicationCase, Assignment, Task

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from datetime import datetime

    from sqlalchemy.orm import Session

ENDED = frozenset({"released", "expired", "skipped"})
CHUNK = 500
_ACROSS = "a lease is named by its id, or by its holder in all projects"


def release(
    session: Session, assignment_ids: Collection[str], *, state: str, at: datetime
) -> tuple[str, ...]:
    """End leases: the places are free again and the old fences are worthless.

    Assignments that are no longer leased are left alone, so that two releases of one place free
    it once. The assignments are locked before their tasks, as everywhere.

    Parameters
    ----------
    assignment_ids
        The assignments whose lease is to end.
    state
        ``released``, ``expired`` or ``skipped``.
    at
        When they ended.

    Returns
    -------
    tuple of str
        Ids of the assignments whose lease did end now.
    """
    if state not in ENDED:
        raise ValueError(f"{state!r} does not end a lease: use one of {sorted(ENDED)}")
    ended: list[str] = []
    wanted = sorted(assignment_ids)
    for start in range(0, len(wanted), CHUNK):
        ended.extend(_release_chunk(session, wanted[start : start + CHUNK], state, at))
    return tuple(ended)


def return_leases(
    session: Session, user_id: str, at: datetime, *, kept_projects: Collection[str] | None = ()
) -> int:
    """Give back every place that a person holds, to label or to adjudicate.

    Parameters
    ----------
    user_id
        Whose places.
    at
        When.
    kept_projects
        Projects in which the places stay; None keeps them all.

    Returns
    -------
    int
        How many labelling places were given back.
    """
    if kept_projects is None:
        return 0
    held = session.scalars(
        sa.select(Assignment.id)
        .where(
            Assignment.annotator_id == user_id,
            Assignment.state == "leased",
            Assignment.project_id.not_in(sorted(kept_projects)),
        )
        .execution_options(unscoped=_ACROSS)
    ).all()
    return len(release(session, held, state="released", at=at))


def return_cases(session: Session, user_id: str) -> int:
    """Give back every case that a person holds as adjudicator and tell how many."""
    result = session.execute(
        sa.update(AdjudicationCase)
        .where(AdjudicationCase.holder_id == user_id, AdjudicationCase.state == "open")
        .values(holder_id=None, expires_at=None, fence=AdjudicationCase.fence + 1)
        .execution_options(unscoped=_ACROSS)
    )
    return int(result.rowcount)  # type: ignore[attr-defined]


def _release_chunk(session: Session, ids: Sequence[str], state: str, at: datetime) -> list[str]:
    rows = session.execute(
        sa.select(Assignment.id, Assignment.task_id)
        .where(Assignment.id.in_(ids), Assignment.state == "leased")
        .order_by(Assignment.id)
        .with_for_update(of=Assignment)
        .execution_options(unscoped=_ACROSS)
    ).all()
    if not rows:
        return []
    ended = [row.id for row in rows]
    session.execute(
        sa.update(Assignment)
        .where(Assignment.id.in_(ended))
        .values(state=state, fence=Assignment.fence + 1, closed_at=at)
        .execution_options(unscoped=_ACROSS, synchronize_session=False)
    )
    _free_places(session, Counter(row.task_id for row in rows))
    return ended


def _free_places(session: Session, freed: Counter[str]) -> None:
    """Add the places back, one statement for all tasks that get the same number of them."""
    by_number: defaultdict[int, list[str]] = defaultdict(list)
    for task_id, number in freed.items():
        by_number[number].append(task_id)
    for number, task_ids in sorted(by_number.items()):
        session.execute(
            sa.update(Task)
            .where(Task.id.in_(sorted(task_ids)))
            .values(open_slots=Task.open_slots + number)
            .execution_options(unscoped=_ACROSS, synchronize_session=False)
        )
