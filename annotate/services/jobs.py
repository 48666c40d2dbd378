"""Background work as it is asked for, shown and cancelled; ``job_running`` does it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from annotate.db import new_id, now
from annotate.models import Job, UserAccount
from annotate.services import audit
from annotate.services.errors import Conflict, NotAllowed, NotFound
from annotate.services.ids import known_form
from annotate.services.text import canonical_json

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import datetime

    from sqlalchemy.orm import Session

    from annotate.policy import Actor, Scope

PAGE = 50
RUNNING_STATES = ("queued", "running")
FINAL = frozenset({"done", "failed", "cancelled"})
ALL_PROJECTS = {"unscoped": "a worker serves every project; the job row names its own"}


@dataclass(frozen=True, slots=True)
class JobView:
    """A job as pages and programs see it."""

    id: str
    kind: str
    state: str
    done: int
    total: int | None
    message: str
    project_id: str | None
    result: dict[str, Any]
    parameters: dict[str, Any]
    started_by: str
    started_by_id: str
    created_at: datetime
    finished_at: datetime | None

    @property
    def final(self) -> bool:
        """Whether nothing more will happen to it."""
        return self.state in FINAL

    def to_json(self) -> dict[str, Any]:
        """Return what the JSON API shows."""
        return {
            "id": self.id,
            "kind": self.kind,
            "state": self.state,
            "done": self.done,
            "total": self.total,
            "message": self.message,
            "result": self.result or None,
            "created_at": self.created_at.isoformat(),
            "finished_at": self.finished_at.isoformat() if self.finished_at else None,
        }


def enqueue(
    session: Session,
    actor: Actor,
    kind: str,
    parameters: Mapping[str, Any],
    *,
    scope: Scope | None = None,
    held_for: float = 0,
) -> str:
    """Write down a job; a worker takes it after the transaction commits.

    Parameters
    ----------
    session, actor
        The transaction, and who will have done what the job does.
    kind
        Key of the handler.
    parameters
        Any JSON object; the handler gets it back.
    scope
        The project, and the team when the scope holds one only.
    held_for
        Seconds in which only a worker that asks for this very job gets it.

    Returns
    -------
    str
        The job's id.
    """
    moment = now(session)
    job_id = new_id()
    teams = sorted(scope.team_ids) if scope is not None and scope.team_ids is not None else []
    session.execute(
        sa.insert(Job),
        {
            "id": job_id,
            "project_id": scope.project_id if scope is not None else None,
            "team_id": teams[0] if len(teams) == 1 else None,
            "kind": kind,
            "parameters": canonical_json(dict(parameters)),
            "state": "queued",
            "expires_at": moment + timedelta(seconds=held_for) if held_for else None,
            "created_by": actor.user_id,
            "created_at": moment,
        },
    )
    project_id = scope.project_id if scope is not None else None
    audit.record(session, actor, "job.queued", "job", job_id, project_id=project_id, at=moment)
    return job_id


_VIEW = sa.select(
    Job.id,
    Job.kind,
    Job.state,
    Job.progress_done,
    Job.progress_total,
    Job.message,
    Job.project_id,
    Job.result,
    Job.parameters,
    Job.created_at,
    Job.finished_at,
    Job.created_by,
    UserAccount.display_name,
).join(UserAccount, UserAccount.id == Job.created_by)


def _view(row: Any) -> JobView:  # noqa: ANN401 - a row of _VIEW
    return JobView(
        id=row.id,
        kind=row.kind,
        state=row.state,
        done=row.progress_done,
        total=row.progress_total,
        message=row.message,
        project_id=row.project_id,
        result=json.loads(row.result) if row.result else {},
        parameters=json.loads(row.parameters),
        started_by=row.display_name,
        started_by_id=row.created_by,
        created_at=row.created_at,
        finished_at=row.finished_at,
    )


def view(session: Session, job_id: str, project_id: str | None) -> JobView:
    """Return one job of the project (or of no project, when None).

    Raises
    ------
    NotFound
        When there is none.
    """
    row = session.execute(
        _VIEW.where(Job.id == job_id, Job.project_id.is_not_distinct_from(project_id))
    ).first()
    if row is None:
        raise NotFound("There is no job of that id here.")
    return _view(row)


def find(session: Session, scope: Scope, job_id: str) -> JobView:
    """Return one job inside the scope.

    Raises
    ------
    NotFound
        When there is none, or it belongs to another team.
    """
    row = session.execute(_VIEW.where(Job.id == known_form(job_id, "job"), *_seen(scope))).first()
    if row is None:
        raise NotFound("There is no job of that id here.")
    return _view(row)


def _seen(scope: Scope) -> Iterator[sa.ColumnElement[bool]]:
    """Yield the conditions of jobs that the scope reaches; those of no team are for all."""
    yield Job.project_id == scope.project_id
    if scope.team_ids is not None:
        yield Job.team_id.is_(None) | Job.team_id.in_(sorted(scope.team_ids))


def project_of(session: Session, job_id: str) -> str | None:
    """Return the project of a job, for workers.

    Raises
    ------
    NotFound
        When there is no such job.
    """
    statement = sa.select(Job.project_id).where(Job.id == job_id)
    row = session.execute(statement.execution_options(**ALL_PROJECTS)).first()
    if row is None:
        raise NotFound("There is no job of that id here.")
    project_id: str | None = row.project_id
    return project_id


def recent(session: Session, scope: Scope, before: str | None = None) -> list[JobView]:
    """Return a page of the project's jobs, the newest first; one more than a page if there are."""
    statement = _VIEW.where(*_seen(scope))
    if before is not None:
        statement = statement.where(Job.id < known_form(before, "job"))
    rows = session.execute(statement.order_by(Job.id.desc()).limit(PAGE + 1)).all()
    return [_view(row) for row in rows]


def cancel(session: Session, actor: Actor, scope: Scope, job_id: str) -> None:
    """Stop a job; what it has already written stays, and its worker can write no more.

    Raises
    ------
    NotAllowed
        When it is another's and the actor does not manage the project.
    Conflict
        When it has already ended.
    """
    owner = session.scalar(sa.select(Job.created_by).where(Job.id == job_id, *_seen(scope)))
    if owner is None:
        raise NotFound("There is no job of that id here.")
    if owner != actor.user_id and not actor.may("project.manage", scope.project_id):
        raise NotAllowed("Only who started a job, or who manages the project, may cancel it")
    changed = session.execute(
        sa.update(Job)
        .where(
            Job.id == job_id,
            Job.project_id == scope.project_id,
            Job.state.in_(RUNNING_STATES),
        )
        .values(
            state="cancelled",
            fence=Job.fence + 1,
            expires_at=None,
            finished_at=now(session),
            message="Cancelled. What was done before stays.",
        )
    )
    if changed.rowcount == 0:  # type: ignore[attr-defined]
        raise Conflict("This job has already ended; there is nothing to cancel")
    audit.record(session, actor, "job.cancelled", "job", job_id, project_id=scope.project_id)
