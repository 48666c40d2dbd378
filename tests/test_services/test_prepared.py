"""Statements past SQLAlchemy's execution: same transaction, same types, same errors."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from annotate.db import new_id
from annotate.models import OutboxMessage, Task, UserAccount
from annotate.services.prepared import Prepared

if TYPE_CHECKING:
    from annotate.db import Database

pytestmark = pytest.mark.db
MOMENT = datetime(2026, 2, 3, 4, 5, 6, 789, tzinfo=UTC)
COLUMNS = ("id", "project_id", "topic", "body", "created_at")
ADD = Prepared(sa.insert(OutboxMessage), COLUMNS)
FIND = Prepared(
    sa.select(OutboxMessage.id, OutboxMessage.created_at, OutboxMessage.done_at)
    .where(OutboxMessage.topic == sa.bindparam("topic"), OutboxMessage.body != "none")
    .order_by(OutboxMessage.id)
)


def row(topic: str = "one", key: str | None = None) -> dict[str, object]:
    return {
        "id": key or new_id(),
        "project_id": None,
        "topic": topic,
        "body": "50 % of {}",
        "created_at": MOMENT,
    }


def test_values_come_back_as_they_went_in(database: Database) -> None:
    given = row()
    with database.write() as session:
        ADD.run(session, given)
    with database.read() as session:
        found = FIND.first(session, {"topic": "one"})
        message = session.scalars(sa.select(OutboxMessage)).one()
    assert found is not None
    assert (found.id, found.created_at, found.done_at) == (given["id"], MOMENT, None)
    assert (message.body, message.created_at) == ("50 % of {}", MOMENT)


@pytest.mark.parametrize("database_kind", ["postgresql"], indirect=True)
def test_postgresql_keeps_a_statement_from_one_reading_to_the_next(database: Database) -> None:
    """The driver forgets all of them at a ROLLBACK, so reading must not end with one."""
    for _ in range(7):  # the driver prepares what it has sent five times
        with database.read() as session:
            FIND.first(session, {"topic": "one"})
    with database.read() as session:
        kept = session.scalars(sa.text("SELECT statement FROM pg_prepared_statements")).all()
    assert any("outbox_message" in statement for statement in kept)


def test_many_rows_and_none(database: Database) -> None:
    with database.write() as session:
        ADD.run_each(session, [row("many") for _ in range(3)])
        assert len(FIND.all(session, {"topic": "many"})) == 3
        assert FIND.all(session, {"topic": "nothing"}) == []
        assert FIND.first(session, {"topic": "nothing"}) is None


def test_a_rollback_takes_it_back_and_the_session_goes_on(database: Database) -> None:
    with database.write() as session:
        ADD.run(session, row("lost"))
        session.rollback()
        ADD.run(session, row("kept"))
    with database.read() as session:
        assert session.scalars(sa.select(OutboxMessage.topic)).all() == ["kept"]


@pytest.mark.parametrize("how", ["run", "run_each", "first", "all"])
def test_the_driver_fails_as_with_sqlalchemy_and_quotes_nothing(
    database: Database, how: str
) -> None:
    given = row("twice")
    with database.write() as session:
        ADD.run(session, given)
    values = [given] if how == "run_each" else given
    with pytest.raises(sa.exc.IntegrityError) as failed, database.write() as session:
        getattr(ADD, how)(session, values)
    assert "50 %" not in str(failed.value).partition("DETAIL")[0]
    assert failed.value.params is None


def test_a_missing_value_is_not_taken_for_null(database: Database) -> None:
    with pytest.raises(KeyError, match="topic"), database.read() as session:
        FIND.first(session, {})


def test_a_column_that_python_would_fill_must_be_given(database: Database) -> None:
    for statement in (sa.insert(Task), sa.insert(UserAccount)):
        with pytest.raises(TypeError, match="must be given"):
            Prepared(statement, ("id",)).form_for(database.write_engine.dialect)
        Prepared.known.pop()
