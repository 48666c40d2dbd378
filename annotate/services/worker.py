"""Who runs the jobs: a thread of the server when embedded, ``touchstone worker`` otherwise."""

from __future__ import annotations

import atexit
import logging
import os
import socket
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from sqlalchemy.exc import SQLAlchemyError

from annotate.db import new_id
from annotate.services import gold, imports, job_running, jobs, uploads, wellbeing_report

if TYPE_CHECKING:
    from collections.abc import Callable

    from annotate.db import Database

HANDLERS: job_running.Handlers = {
    imports.KIND: imports.run,
    gold.KIND: gold.run,
}
"""Every kind of job. A new one is one line here."""

POLL_SECONDS = 0.5
TROUBLE_SECONDS = 5.0
STOP_SECONDS = 20.0
SWEEP_EVERY = 2000
"""Polls between two looks for uploads that nobody needs."""
log = logging.getLogger("touchstone.jobs")


def worker_name() -> str:
    """Return a name that tells machine and process, and is used once."""
    return f"{socket.gethostname()}:{os.getpid()}:{new_id()[-8:]}"


def run_once(database: Database, job_id: str | None = None) -> bool:
    """Run one waiting job (that one, when named); tell whether there was any."""
    return job_running.run_next(database, HANDLERS, worker_name(), job_id=job_id)


def run_all(database: Database) -> int:
    """Run jobs until none waits; returns how many."""
    count = 0
    while run_once(database):
        count += 1
    return count


def run_until(
    database: Database,
    job_id: str,
    *,
    watch: Callable[[jobs.JobView], None] | None = None,
    poll_seconds: float = POLL_SECONDS,
) -> jobs.JobView:
    """Run one job here, or follow it when another worker has it, until it has ended.

    ``watch`` is called with the job every now and then, from another thread.
    """
    name = worker_name()
    with database.read() as session:
        project_id = jobs.project_of(session, job_id)
    done = threading.Event()
    follower = threading.Thread(
        target=_follow, args=(database, job_id, project_id, watch, done, poll_seconds), daemon=True
    )
    if watch is not None:
        follower.start()
    try:
        while not _ended(database, job_id, project_id):
            if not job_running.run_next(database, HANDLERS, name, job_id=job_id):
                done.wait(poll_seconds)
    finally:
        done.set()
        if watch is not None:
            follower.join()
    with database.read() as session:
        return jobs.view(session, job_id, project_id)


def _ended(database: Database, job_id: str, project_id: str | None) -> bool:
    with database.read() as session:
        return jobs.view(session, job_id, project_id).final


def _follow(
    database: Database,
    job_id: str,
    project_id: str | None,
    watch: Callable[[jobs.JobView], None],
    done: threading.Event,
    poll_seconds: float,
) -> None:
    while not done.wait(poll_seconds):
        with database.read() as session:
            watch(jobs.view(session, job_id, project_id))


@dataclass(slots=True)
class Worker:
    """A loop that takes jobs until it is told to stop."""

    database: Database
    name: str = field(default_factory=worker_name)
    poll_seconds: float = POLL_SECONDS
    _stop: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread | None = None

    def run(self) -> None:
        """Take jobs until ``stop``; trouble with the database is waited out."""
        polls = 0
        while not self._stop.is_set():
            try:
                if polls % SWEEP_EVERY == 0:
                    with self.database.read() as session:
                        uploads.sweep(session)
                    wellbeing_report.clean(self.database)
                busy = job_running.run_next(
                    self.database, HANDLERS, self.name, stopping=self._stop.is_set
                )
            except (SQLAlchemyError, OSError) as error:
                log.warning("the worker waits, as database or disk failed it: %s", error)
                self._stop.wait(TROUBLE_SECONDS)
                continue
            polls += 1
            if not busy:
                self._stop.wait(self.poll_seconds)

    def start(self) -> Worker:
        """Run in a thread of this process, which stops with it between two chunks."""
        self._thread = threading.Thread(target=self.run, name="touchstone-jobs", daemon=True)
        self._thread.start()
        atexit.register(self.stop)
        return self

    def stop(self) -> None:
        """Ask the loop to end after the chunk at hand, and wait for its thread."""
        self._stop.set()
        if self._thread is not None and self._thread.is_alive():
            self._thread.join(STOP_SECONDS)


def start_worker(database: Database) -> Worker:
    """Start the embedded worker: one thread of the serving process."""
    return Worker(database).start()
