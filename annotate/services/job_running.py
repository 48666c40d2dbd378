"""Background work in resumable chunks, on a lease like a labelling place.

A handler is a generator. Outside any transaction it reads and computes; every step it yields is
run by this module inside one transaction together with the fence check, the checkpoint and the
progress. So a chunk's effects and the place to go on from are written both or not at all, and a
worker that lost its lease cannot write anything.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError

from annotate.db import now
from annotate.models import Job
from annotate.policy import Actor, Scope
from annotate.services import audit
from annotate.services.errors import ApplicationError, LeaseLost, NotFound
from annotate.services.identity import actor_of_user
from annotate.services.jobs import ALL_PROJECTS, RUNNING_STATES
from annotate.services.text import canonical_json
from exports.errors import ExportError
from rubrics.errors import RubricError
from tasks.errors import TaskError

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from annotate.db import Database

LEASE_SECONDS = 60
MAX_ATTEMPTS = 3
RETRY_AFTER = (2.0, 15.0)
_PLAIN = (ApplicationError, ExportError, RubricError, TaskError)
log = logging.getLogger("touchstone.jobs")


@dataclass(frozen=True, slots=True)
class Progress:
    """Where a job stands after a chunk.

    Attributes
    ----------
    checkpoint
        What the handler needs to go on from here after a crash; any JSON object.
    done, total
        For the progress bar; ``total`` is None while nobody can tell.
    message
        One line for people, without content of items.
    """

    checkpoint: dict[str, Any]
    done: int
    total: int | None = None
    message: str = ""


Step = Callable[["Session"], Progress]
Finish = Callable[["Session"], dict[str, Any]]
Handler = Callable[["JobRun"], Generator[Step, Progress, Finish]]
Handlers = Mapping[str, Handler]


@dataclass(frozen=True, slots=True)
class Timing:
    """How long a lease lasts and how long a failed job waits before each new attempt."""

    lease_seconds: float = LEASE_SECONDS
    retry_after: tuple[float, ...] = RETRY_AFTER


@dataclass(frozen=True, slots=True)
class Claim:
    """A job as its worker holds it; only the fence proves that it still does."""

    job_id: str
    kind: str
    project_id: str | None
    team_id: str | None
    parameters: dict[str, Any]
    checkpoint: dict[str, Any]
    attempts: int
    fence: int
    actor: Actor


@dataclass(frozen=True, slots=True)
class JobRun:
    """What a handler is given."""

    database: Database
    claim: Claim
    timing: Timing

    @property
    def parameters(self) -> dict[str, Any]:
        """What the job was started with."""
        return self.claim.parameters

    @property
    def checkpoint(self) -> dict[str, Any]:
        """Where an earlier attempt stopped; empty on the first."""
        return self.claim.checkpoint

    @property
    def actor(self) -> Actor:
        """Who started the job."""
        return self.claim.actor

    @property
    def scope(self) -> Scope:
        """The part of a project the job may touch."""
        if self.claim.project_id is None:
            raise NotFound("This job belongs to no project")
        teams = None if self.claim.team_id is None else frozenset({self.claim.team_id})
        return Scope(self.claim.project_id, teams)

    def heartbeat(self, done: int | None = None, message: str | None = None) -> None:
        """Keep the lease during a long step, and show how far it is.

        Raises
        ------
        LeaseLost
            When the job was cancelled or another worker has it.
        """
        shown = {"progress_done": done, "message": message}
        with self.database.write() as session:
            _hold(
                session, self, {name: value for name, value in shown.items() if value is not None}
            )


def waiting(session: Session, kinds: Handlers, job_id: str | None = None) -> bool:
    """Tell whether there is a job to take, without taking any lock."""
    return session.execute(_claimable(session, kinds, job_id)).first() is not None


def _claimable(
    session: Session, kinds: Handlers, job_id: str | None
) -> sa.Select[*tuple[Any, ...]]:
    moment = now(session)
    over = Job.expires_at <= moment
    if job_id is None:
        free = ((Job.state == "queued") & (Job.expires_at.is_(None) | over)) | (
            (Job.state == "running") & over
        )
    else:
        free = (Job.id == job_id) & ((Job.state == "queued") | ((Job.state == "running") & over))
    return (
        sa.select(
            Job.id,
            Job.kind,
            Job.project_id,
            Job.team_id,
            Job.parameters,
            Job.checkpoint,
            Job.attempts,
            Job.fence,
            Job.created_by,
        )
        .where(free, Job.kind.in_(sorted(kinds)))
        .order_by(Job.id)
        .limit(1)
        .execution_options(**ALL_PROJECTS)
    )


def claim(
    session: Session,
    worker: str,
    kinds: Handlers,
    *,
    job_id: str | None = None,
    timing: Timing | None = None,
) -> Claim | None:
    """Take the oldest job that waits, or whose worker let its lease run out.

    Two workers never get the same one: on PostgreSQL the row is locked and others skip it, on the
    embedded database the write gate lets one in at a time.
    """
    row = session.execute(
        _claimable(session, kinds, job_id).with_for_update(skip_locked=True, of=Job)
    ).first()
    if row is None:
        return None
    if row.attempts >= MAX_ATTEMPTS:
        words = f"Stopped {row.attempts} times at the same place. The server's log says why."
        _end(session, row.id, row.fence, "failed", words)
        return None
    lease = (timing or Timing()).lease_seconds
    session.execute(
        _fenced(row.id, row.fence).values(
            state="running",
            fence=row.fence + 1,
            attempts=row.attempts + 1,
            worker=worker[:200],
            expires_at=now(session) + timedelta(seconds=lease),
        )
    )
    return Claim(
        job_id=row.id,
        kind=row.kind,
        project_id=row.project_id,
        team_id=row.team_id,
        parameters=json.loads(row.parameters),
        checkpoint=json.loads(row.checkpoint),
        attempts=row.attempts + 1,
        fence=row.fence + 1,
        actor=actor_of_user(session, row.created_by),
    )


def _fenced(job_id: str, fence: int) -> sa.Update:
    return (
        sa.update(Job)
        .where(Job.id == job_id, Job.fence == fence, Job.state.in_(RUNNING_STATES))
        .execution_options(synchronize_session=False, **ALL_PROJECTS)
    )


def _changed_one(session: Session, statement: sa.Update) -> bool:
    return bool(session.execute(statement).rowcount == 1)  # type: ignore[attr-defined]


def _hold(session: Session, run: JobRun, values: dict[str, Any]) -> None:
    expires_at = now(session) + timedelta(seconds=run.timing.lease_seconds)
    statement = _fenced(run.claim.job_id, run.claim.fence).values(expires_at=expires_at, **values)
    if not _changed_one(session, statement):
        raise LeaseLost(f"job {run.claim.job_id} was cancelled, or another worker has it")


def commit_chunk(run: JobRun, step: Step) -> Progress:
    """Run one step: its effects, the checkpoint and the progress in one transaction.

    Raises
    ------
    LeaseLost
        When the job was cancelled or another worker has it; nothing is written then.
    """
    with run.database.write() as session:
        _hold(session, run, {})
        progress = step(session)
        _hold(
            session,
            run,
            {
                "checkpoint": canonical_json(progress.checkpoint),
                "progress_done": progress.done,
                "progress_total": progress.total,
                "message": progress.message,
                "attempts": 1,  # it came further, so earlier stops do not count against it
            },
        )
    return progress


def _end(session: Session, job_id: str, fence: int, state: str, message: str) -> bool:
    values = {"state": state, "message": message, "expires_at": None, "finished_at": now(session)}
    return _changed_one(session, _fenced(job_id, fence).values(**values))


def _complete(run: JobRun, finish: Finish) -> None:
    with run.database.write() as session:
        _hold(session, run, {})
        result = finish(session)
        values: dict[str, Any] = {
            "state": "done",
            "result": canonical_json(result),
            "progress_done": sa.func.coalesce(Job.progress_total, Job.progress_done),
            "finished_at": now(session),
        }
        if "message" in result:
            values["message"] = result["message"]
        _changed_one(session, _fenced(run.claim.job_id, run.claim.fence).values(**values))
        audit.record(
            session,
            run.actor,
            "job.done",
            "job",
            run.claim.job_id,
            project_id=run.claim.project_id,
            outbox=True,
        )


def run_claimed(
    database: Database,
    handlers: Handlers,
    claimed: Claim,
    *,
    timing: Timing | None = None,
    stopping: Callable[[], bool] = lambda: False,
) -> None:
    """Run a claimed job to its end, or until ``stopping`` says that the worker must go."""
    run = JobRun(database, claimed, timing or Timing())
    try:
        _advance(run, handlers[claimed.kind](run), stopping)
    except LeaseLost as error:
        log.info("%s", error)
    except _PLAIN as error:
        _fail(run, str(error))
    except DBAPIError as error:
        words = "job %s (%s): database or disk failed it: %s"
        log.error(words, claimed.job_id, claimed.kind, error.orig)  # noqa: TRY400 - no fault of ours
        _give_back(run)
    except Exception:
        # The edge of the program: a handler's surprise must not end the worker.
        log.exception("job %s (%s) failed", claimed.job_id, claimed.kind)
        _give_back(run)


def _advance(
    run: JobRun, steps: Generator[Step, Progress, Finish], stopping: Callable[[], bool]
) -> None:
    try:
        step = next(steps)
        while True:
            progress = commit_chunk(run, step)
            if stopping():
                _pause(run)
                return
            step = steps.send(progress)
    except StopIteration as end:
        _complete(run, end.value)
    finally:
        steps.close()


def _fail(run: JobRun, message: str) -> None:
    with run.database.write() as session:
        if _end(session, run.claim.job_id, run.claim.fence, "failed", message):
            audit.record(
                session,
                run.actor,
                "job.failed",
                "job",
                run.claim.job_id,
                project_id=run.claim.project_id,
            )


def _attempts(session: Session, run: JobRun) -> int:
    statement = sa.select(Job.attempts).where(Job.id == run.claim.job_id)
    return session.scalar(statement.execution_options(**ALL_PROJECTS)) or 0


def _give_back(run: JobRun) -> None:
    """Let the job be tried again after a while, or end it when it was tried often enough."""
    with run.database.read() as session:
        attempts = _attempts(session, run)
    if attempts >= MAX_ATTEMPTS:
        _fail(run, f"Failed {attempts} times at the same place. The server's log says why.")
        return
    waits = run.timing.retry_after
    wait = waits[min(attempts, len(waits)) - 1] if waits else 0
    with run.database.write() as session:
        again_at = now(session) + timedelta(seconds=wait)
        words = f"Stopped by an error; attempt {attempts + 1} of {MAX_ATTEMPTS} follows."
        values = {"state": "queued", "expires_at": again_at, "message": words}
        session.execute(_fenced(run.claim.job_id, run.claim.fence).values(**values))


def _pause(run: JobRun) -> None:
    """Leave the job to the next worker, at once and without counting it as a failure."""
    with run.database.write() as session:
        values = {"state": "queued", "expires_at": None, "attempts": 0}
        session.execute(_fenced(run.claim.job_id, run.claim.fence).values(**values))


def run_next(
    database: Database,
    handlers: Handlers,
    worker: str,
    *,
    job_id: str | None = None,
    timing: Timing | None = None,
    stopping: Callable[[], bool] = lambda: False,
) -> bool:
    """Take one job and run it; tell whether there was one."""
    with database.read() as session:
        if not waiting(session, handlers, job_id):
            return False
    with database.write() as session:
        claimed = claim(session, worker, handlers, job_id=job_id, timing=timing)
    if claimed is None:
        return True  # taken by another, or just ended: look again
    run_claimed(database, handlers, claimed, timing=timing, stopping=stopping)
    return True
