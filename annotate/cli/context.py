"""What every command needs: the database, a transaction, and the system as actor."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

from annotate.config import Settings, SettingsError
from annotate.db import Database
from annotate.services import readiness
from annotate.services.identity import system_actor

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import NoReturn

    from sqlalchemy.orm import Session

    from annotate.policy import Actor


def fail(message: str, code: int = 2) -> NoReturn:
    """Say what is wrong on standard error and leave with a code."""
    sys.stderr.write(f"touchstone: {message}\n")
    raise SystemExit(code)


def settings() -> Settings:
    """Read the settings, or leave with their complaint."""
    try:
        return Settings.from_env()
    except SettingsError as error:
        fail(str(error))


@contextmanager
def opened(*, migrated: bool = True) -> Iterator[Database]:
    """Open the database of this installation and close it afterwards."""
    chosen = settings()
    if migrated and chosen.embedded and not chosen.database_path.exists():
        fail(f"there is no database at {chosen.database_path}; run touchstone migrate first")
    database = Database(chosen)
    try:
        if migrated:
            _require_migrated(database)
        yield database
    finally:
        database.dispose()


def _require_migrated(database: Database) -> None:
    with database.read() as session:
        state = readiness.check(session)
    if not state.ready:
        fail(state.reason or state.status)


@contextmanager
def writing() -> Iterator[tuple[Session, Actor]]:
    """Open one transaction with the system as actor; the command is the transaction."""
    with opened() as database, database.write() as session:
        yield session, system_actor(session)


@contextmanager
def reading() -> Iterator[tuple[Session, Actor]]:
    """Open a session for reading with the system as actor."""
    with opened() as database:
        with database.write() as session:
            actor = system_actor(session)
        with database.read() as session:
            yield session, actor
