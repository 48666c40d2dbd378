"""What was acknowledged is never lost: under kills, and with several processes on one file."""

from __future__ import annotations

import json
import random
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from annotate.models import Annotation, Assignment, AuditEvent, OutboxMessage
from annotate.services import invariants
from tests.support.databases import ON_SQLITE, environment_for
from tests.test_faults.writers import Log, Writer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from annotate.config import Settings
    from annotate.db import Database
    from tests.support.builders import Standard, World
    from tests.support.server import Server

pytestmark = [pytest.mark.db, pytest.mark.slow]
ROOT = Path(__file__).resolve().parents[2]
WRITERS = 4
ITEMS = 4_000
PROCESSES = 3
LONG = [pytest.mark.torture, pytest.mark.timeout(1_800)]


@pytest.fixture
def demo(world: World) -> Standard:
    return world.standard(items=ITEMS, overlap=WRITERS, annotators=WRITERS)


@contextmanager
def writing(world: World, demo: Standard, url: str, count: int = WRITERS) -> Iterator[Log]:
    log = Log()
    writers = [
        Writer(url, world.token(name), demo.round_id, log) for name in demo.annotators[:count]
    ]
    for writer in writers:
        writer.start()
    try:
        yield log
    finally:
        for writer in writers:
            writer.ending.set()
        for writer in writers:
            writer.join()
    assert [writer.failure for writer in writers] == [None] * count


def check_nothing_lost(database: Database, log: Log) -> None:
    stored = sa.select(
        Annotation.id, Annotation.assignment_id, Annotation.answers, Assignment.state
    ).join(Assignment, Assignment.id == Annotation.assignment_id)
    with database.read() as session:
        rows = {row.id: row for row in session.execute(stored)}
        assert invariants.check(session) == []
        if database.embedded:
            found = session.execute(sa.text("PRAGMA integrity_check")).scalars().all()
            assert found == ["ok"]
    lost = log.acknowledged.keys() - rows.keys()
    assert not lost
    # A writer repeats its submission until it is acknowledged: nothing else can be there.
    assert rows.keys() == log.acknowledged.keys()
    for key, (place, answers) in log.acknowledged.items():
        assert rows[key].assignment_id == place
        assert json.loads(rows[key].answers) == answers
        assert rows[key].state == "submitted"


@pytest.mark.timeout(400)
@pytest.mark.parametrize("kills", [5, pytest.param(20, marks=LONG)])
def test_a_killed_server_loses_nothing_that_it_acknowledged(
    world: World, demo: Standard, server: Server, kills: int
) -> None:
    draw = random.Random(kills)  # noqa: S311 - when to kill
    with writing(world, demo, server.url) as log:
        for _ in range(kills):
            log.wait_for(len(log.acknowledged) + draw.randint(1, 3 * WRITERS))
            server.kill()
            server.start()
        log.wait_for(len(log.acknowledged) + 2 * WRITERS)
    check_nothing_lost(world.database, log)


@pytest.mark.timeout(400)
@ON_SQLITE
@pytest.mark.parametrize("commits", [300, pytest.param(2_000, marks=LONG)])
def test_processes_that_commit_beside_the_server_leave_the_file_whole(
    world: World,
    demo: Standard,
    settings: Settings,
    database_url: str,
    start_server: Callable[..., Server],
    commits: int,
) -> None:
    environment = environment_for(database_url, settings.data_dir)
    server = start_server(environment)
    command = [sys.executable, ROOT / "tests" / "test_faults" / "committer.py", str(commits)]
    inside = {**server.environment, "PYTHONPATH": str(ROOT)}
    with writing(world, demo, server.url, count=2) as log:
        log.wait_for(1)
        processes = [subprocess.Popen(command, env=inside) for _ in range(PROCESSES)]
        assert [process.wait() for process in processes] == [0] * PROCESSES
        log.wait_for(len(log.acknowledged) + 1)
    check_nothing_lost(world.database, log)
    for table, column in ((AuditEvent, AuditEvent.kind), (OutboxMessage, OutboxMessage.topic)):
        counted = sa.select(sa.func.count(table.id)).where(column == "test.committed")
        with world.database.read() as session:
            assert session.scalar(counted) == PROCESSES * commits
