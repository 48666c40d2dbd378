"""Giving places back: the one way a lease ends without a submission.

An expiry, a quarantine and a deactivation leave the same traces: the state ``released``, the moment
of release as the end of the lease, a higher fence and an audit row of the system. A place that
somebody opted out of just runs out, so nobody can read here who did not want to see what.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from datetime import timedelta
from typing import TYPE_CHECKING

import sqlalchemy as sa

from annotate.models import AdjudicationCase, Assignment, Task
from annotate.services import audit
from annotate.services.identity import system_actor

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from datetime import datetime

    from sqlalchemy.orm import Session

    from annotate.db import Database

ENDED = frozenset({"released", "skipped"})
CHUNK = 500
REAPED_AT_ONCE = 50
REAP_EVERY = timedelta(seconds=5)
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
        ``released``, or ``skipped`` by the annotator's own wish.
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


_EXPIRED = (
    sa.select(Assignment.id)
    .where(Assignment.state == "leased", Assignment.expires_at < sa.bindparam("at"))
    .order_by(Assignment.expires_at)
    .limit(REAPED_AT_ONCE)
    .with_for_update(skip_locked=True)
    .execution_options(unscoped="the reaper serves all projects")
)


def reap(session: Session, at: datetime) -> int:
    """Give back a batch of places whose lease has run out and tell how many."""
    expired = session.scalars(_EXPIRED, {"at": at}).all()
    return len(release(session, expired, state="released", at=at)) if expired else 0


def reap_beside(session: Session, at: datetime) -> int:
    """Give back expired places for a claim under way and tell how many.

    Where several write at once it has a transaction of its own: a claim that kept the tasks of
    others locked, while it waits for one that is locked itself, would wait for ever.
    """
    database: Database = session.info["database"]
    if database.embedded:
        return reap(session, at)
    with database.write() as own:
        return reap(own, at)


def reap_now_and_then(session: Session, at: datetime) -> None:
    """Give back expired places, but not more often than every few seconds in one process.

    Claims call this, so that no timer has to run; an expired place waits a moment at most.
    """
    database: Database = session.info["database"]
    if at - database.last_reaped < REAP_EVERY:
        return
    database.last_reaped = at
    reap_beside(session, at)


def return_item(session: Session, project_id: str, item_id: str, at: datetime) -> int:
    """Give back every place held on an item, as it goes into quarantine."""
    held = session.scalars(
        sa.select(Assignment.id).where(
            Assignment.project_id == project_id,
            Assignment.item_id == item_id,
            Assignment.state == "leased",
        )
    ).all()
    return len(release(session, held, state="released", at=at))


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
        sa.select(Assignment.id, Assignment.task_id, Assignment.project_id)
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
        .values(state=state, fence=Assignment.fence + 1, expires_at=at, closed_at=at)
        .execution_options(unscoped=_ACROSS, synchronize_session=False)
    )
    _free_places(session, Counter(row.task_id for row in rows))
    if state == "released":
        _note(session, {row.id: row.project_id for row in rows}, at)
    return ended


def _note(session: Session, released: dict[str, str], at: datetime) -> None:
    """Write the audit rows under the system's name, whoever's wish it was."""
    actor = system_actor(session)
    for assignment_id, project_id in released.items():
        audit.record(
            session,
            actor,
            "assignment.released",
            "assignment",
            assignment_id,
            project_id=project_id,
            at=at,
        )


def _free_places(session: Session, freed: Counter[str]) -> None:
    """Add the places back, one statement for all tasks that get the same number of them.

    The tasks are locked in the order of their ids first: two releases that share tasks would else
    take them in different orders, and one of them would fail.
    """
    session.execute(
        sa.select(Task.id)
        .where(Task.id.in_(sorted(freed)))
        .order_by(Task.id)
        .with_for_update(key_share=True)
        .execution_options(unscoped=_ACROSS)
    ).all()
    by_number: defaultdict[int, list[str]] = defaultdict(list)
    for task_id, number in freed.items():
        by_number[number].append(task_id)
    for number, task_ids in sorted(by_number.items()):
        session.execute(
            sa.update(Task)
            .where(Task.id.in_(sorted(task_ids)))
            .values(open_slots=Task.open_slots + number, version=Task.version + 1)
            .execution_options(unscoped=_ACROSS, synchronize_session=False)
        )
