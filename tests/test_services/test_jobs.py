"""Jobs: one worker at a time, effects exactly once, and an end that says why."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa

from annotate.models import AuditEvent, Job, Team
from annotate.services import job_running, jobs
from annotate.services.errors import BadInput, Conflict, LeaseLost, NotFound
from annotate.services.identity import system_actor
from tests.test_services.items_support import new_project

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from sqlalchemy.orm import Session

    from annotate.db import Database

AT_ONCE = job_running.Timing(lease_seconds=60, retry_after=(0, 0))
pytestmark = pytest.mark.db


class Crash(BaseException):
    """What a killed process looks like from inside: nothing after it runs."""


def effect(
    database: Database, job_id: str, number: int
) -> Callable[[Session], job_running.Progress]:
    """A step with a visible effect: a team with the chunk's number."""

    def step(session: Session) -> job_running.Progress:
        moment = database.now(session)
        session.add(
            Team(
                id=f"{job_id[:24]}{number:012d}",
                name=f"chunk {number}",
                kind="internal",
                created_at=moment,
            )
        )
        session.flush()
        return job_running.Progress({"next": number + 1}, number + 1, 5, f"chunk {number} done")

    return step


def five_chunks(
    before: Callable[[int], None] = lambda _: None,
) -> job_running.Handler:
    def handler(
        run: job_running.JobRun,
    ) -> Generator[job_running.Step, job_running.Progress, job_running.Finish]:
        for number in range(run.checkpoint.get("next", 0), 5):
            before(number)
            yield effect(run.database, run.claim.job_id, number)
        return lambda _session: {"chunks": 5, "message": "All five are in."}

    return handler


def enqueue(database: Database, **options: Any) -> str:
    with database.write() as session:
        return jobs.enqueue(session, system_actor(session), "five", {"size": 5}, **options)


def chunks_in(database: Database) -> list[str]:
    with database.read() as session:
        return list(session.scalars(sa.select(Team.name).order_by(Team.name)))


def job_row(database: Database, job_id: str) -> Job:
    with database.read() as session:
        return session.get_one(Job, job_id)


def let_lease_end(database: Database, job_id: str) -> None:
    with database.write() as session:
        session.get_one(Job, job_id).expires_at = database.now(session)


def test_a_job_runs_to_its_end_and_shows_its_progress(database: Database) -> None:
    job_id = enqueue(database)
    seen: list[tuple[str, int]] = []

    def look(_number: int) -> None:
        row = job_row(database, job_id)
        seen.append((row.state, row.progress_done))

    assert job_running.run_next(database, {"five": five_chunks(look)}, "w1")
    with database.read() as session:
        view = jobs.view(session, job_id, None)
    assert (view.state, view.done, view.total, view.message) == ("done", 5, 5, "All five are in.")
    assert view.result["chunks"] == 5
    assert view.to_json()["finished_at"] is not None
    assert seen == [("running", number) for number in range(5)]
    assert not job_running.run_next(database, {"five": five_chunks()}, "w1")


@pytest.mark.parametrize("killed_at", range(5))
def test_a_crash_between_chunks_repeats_nothing(database: Database, killed_at: int) -> None:
    job_id = enqueue(database)

    def crash(number: int) -> None:
        if number == killed_at:
            raise Crash

    with pytest.raises(Crash):
        job_running.run_next(database, {"five": five_chunks(crash)}, "w1")
    assert len(chunks_in(database)) == killed_at
    assert not job_running.run_next(database, {"five": five_chunks()}, "w2"), (
        "the lease still holds"
    )
    let_lease_end(database, job_id)
    assert job_running.run_next(database, {"five": five_chunks()}, "w2")
    assert chunks_in(database) == [f"chunk {number}" for number in range(5)]
    assert job_row(database, job_id).state == "done"


def test_a_crash_inside_a_chunk_leaves_nothing_of_it(database: Database) -> None:
    job_id = enqueue(database)

    def handler(
        run: job_running.JobRun,
    ) -> Generator[job_running.Step, job_running.Progress, job_running.Finish]:
        yield effect(run.database, run.claim.job_id, 0)

        def dies(session: Session) -> job_running.Progress:
            effect(run.database, run.claim.job_id, 1)(session)
            raise Crash

        yield dies
        return lambda _session: {}

    with pytest.raises(Crash):
        job_running.run_next(database, {"five": handler}, "w1")
    assert chunks_in(database) == ["chunk 0"]
    let_lease_end(database, job_id)
    job_running.run_next(database, {"five": five_chunks()}, "w2")
    assert chunks_in(database) == [f"chunk {number}" for number in range(5)]


def test_a_worker_that_lost_its_lease_writes_nothing(database: Database) -> None:
    job_id = enqueue(database)
    kinds = {"five": five_chunks()}
    with database.write() as session:
        slow = job_running.claim(session, "slow", kinds)
    assert slow is not None
    run = job_running.JobRun(database, slow, AT_ONCE)
    job_running.commit_chunk(run, effect(database, job_id, 0))
    let_lease_end(database, job_id)
    assert job_running.run_next(database, kinds, "quick")
    with pytest.raises(LeaseLost):
        job_running.commit_chunk(run, effect(database, job_id, 7))
    with pytest.raises(LeaseLost):
        run.heartbeat(9, "still here")
    assert chunks_in(database) == [f"chunk {number}" for number in range(5)]
    assert job_row(database, job_id).message == "All five are in."


def test_an_error_is_tried_again_and_then_told_plainly(database: Database) -> None:
    job_id = enqueue(database)
    tries: list[int] = []

    def broken(
        run: job_running.JobRun,
    ) -> Generator[job_running.Step, job_running.Progress, job_running.Finish]:
        tries.append(run.claim.attempts)
        raise ZeroDivisionError
        yield

    while job_running.run_next(database, {"five": broken}, "w", timing=AT_ONCE):
        pass
    row = job_row(database, job_id)
    assert tries == [1, 2, 3]
    assert (row.state, row.message) == (
        "failed",
        "Failed 3 times at the same place. The server's log says why.",
    )


def test_a_job_that_kills_its_worker_thrice_is_given_up(database: Database) -> None:
    job_id = enqueue(database)

    def killer(_number: int) -> None:
        raise Crash

    for _ in range(job_running.MAX_ATTEMPTS):
        with pytest.raises(Crash):
            job_running.run_next(database, {"five": five_chunks(killer)}, "w")
        let_lease_end(database, job_id)
    assert job_running.run_next(database, {"five": five_chunks(killer)}, "w")
    row = job_row(database, job_id)
    assert (row.state, row.attempts) == ("failed", 3)
    assert "Stopped 3 times" in row.message


def test_progress_makes_earlier_stops_not_count(database: Database) -> None:
    job_id = enqueue(database)
    for killed_at in range(1, 5):

        def crash(number: int, last: int = killed_at) -> None:
            if number == last:
                raise Crash

        with pytest.raises(Crash):
            job_running.run_next(database, {"five": five_chunks(crash)}, "w")
        let_lease_end(database, job_id)
    assert job_running.run_next(database, {"five": five_chunks()}, "w")
    assert job_row(database, job_id).state == "done"


def test_a_refused_input_is_final_at_once(database: Database) -> None:
    job_id = enqueue(database)

    def refused(
        _run: job_running.JobRun,
    ) -> Generator[job_running.Step, job_running.Progress, job_running.Finish]:
        raise BadInput("The file is not UTF-8")
        yield

    job_running.run_next(database, {"five": refused}, "w")
    row = job_row(database, job_id)
    assert (row.state, row.message, row.attempts) == ("failed", "The file is not UTF-8", 1)
    with database.read() as session:
        kinds = list(session.scalars(sa.select(AuditEvent.kind).order_by(AuditEvent.id)))
    assert sorted(kinds) == ["job.failed", "job.queued"]


def test_a_cancelled_job_stops_between_chunks_and_keeps_what_it_did(database: Database) -> None:
    scope = new_project(database)
    job_id = enqueue(database, scope=scope)

    def cancel(number: int) -> None:
        if number == 2:
            with database.write() as session:
                jobs.cancel(session, system_actor(session), scope, job_id)

    job_running.run_next(database, {"five": five_chunks(cancel)}, "w")
    assert chunks_in(database) == ["chunk 0", "chunk 1"]
    row = job_row(database, job_id)
    assert (row.state, row.progress_done) == ("cancelled", 2)
    with database.write() as session, pytest.raises(Conflict):
        jobs.cancel(session, system_actor(session), scope, job_id)


def test_a_stopping_worker_leaves_the_job_to_the_next_at_once(database: Database) -> None:
    job_id = enqueue(database)
    job_running.run_next(database, {"five": five_chunks()}, "w1", stopping=lambda: True)
    assert chunks_in(database) == ["chunk 0"]
    assert job_row(database, job_id).state == "queued"
    assert job_running.run_next(database, {"five": five_chunks()}, "w2")
    assert job_row(database, job_id).state == "done"


def test_a_held_job_goes_to_the_worker_that_asks_for_it(database: Database) -> None:
    job_id = enqueue(database, held_for=600)
    assert not job_running.run_next(database, {"five": five_chunks()}, "other")
    assert job_running.run_next(database, {"five": five_chunks()}, "own", job_id=job_id)


def test_a_job_of_an_unknown_kind_is_left_alone(database: Database) -> None:
    job_id = enqueue(database)
    assert not job_running.run_next(database, {"other": five_chunks()}, "w")
    assert job_row(database, job_id).attempts == 0


def test_eight_workers_never_take_one_job_twice(database: Database) -> None:
    wanted = {enqueue(database) for _ in range(12)}
    taken: list[str] = []
    problems: list[BaseException] = []
    together = threading.Barrier(8)

    def work(name: str) -> None:
        together.wait()
        try:
            for _ in range(12):
                with database.write() as session:
                    got = job_running.claim(session, name, {"five": five_chunks()})
                if got is not None:
                    taken.append(got.job_id)
        except BaseException as error:  # noqa: BLE001 - told by the test's own thread
            problems.append(error)

    threads = [threading.Thread(target=work, args=(f"w{n}",)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert problems == []
    assert len(taken) == len(set(taken))
    assert set(taken) == wanted


def test_jobs_are_seen_in_their_own_project_only(database: Database) -> None:
    scope = new_project(database)
    other = new_project(database, "other")
    job_id = enqueue(database, scope=scope)
    with database.read() as session:
        assert [job.id for job in jobs.recent(session, scope)] == [job_id]
        assert jobs.recent(session, scope, before=job_id) == []
        assert jobs.recent(session, other) == []
        with pytest.raises(NotFound):
            jobs.view(session, job_id, other.project_id)
