"""Bringing a database to this release's schema, with a backup first when it is embedded."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.util import CommandError

from annotate.services.errors import ApplicationError
from annotate.services.readiness import expected_revision

if TYPE_CHECKING:
    from collections.abc import Callable

    from annotate.db import Database

SCRIPTS = Path(__file__).parent.parent / "migrations"
# Any number that no other program of the same database uses for an advisory lock.
MIGRATION_LOCK = 7_263_514


@dataclass(frozen=True, slots=True)
class Migrated:
    """What happened: the revisions before and after, and the backup taken between."""

    before: str | None
    after: str
    backup: Path | None = None

    @property
    def changed(self) -> bool:
        """Whether anything was done."""
        return self.before != self.after


def current_revision(database: Database) -> str | None:
    """Return the database's revision, or None when it is empty."""
    with database.write_engine.connect() as connection:
        return MigrationContext.configure(connection).get_current_revision()


class UnknownRevision(ApplicationError):
    """The database was brought to a schema that this release has never heard of."""

    code = "unknown_revision"


def _upgrade(config: Config, before: str | None) -> None:
    try:
        command.upgrade(config, "head")
    except CommandError as error:
        raise UnknownRevision(
            f"the database is at revision {before}, which this release does not know: a later "
            "release made it. Use that release; nothing was changed"
        ) from error


def migrate(database: Database, *, backup: Callable[[Database], Path] | None = None) -> Migrated:
    """Apply the missing migrations in one transaction.

    Parameters
    ----------
    database
        The database to migrate.
    backup
        Called first when an embedded database already holds something; returns the copy's path.
    """
    before = current_revision(database)
    target = expected_revision()
    if before == target:
        return Migrated(before, target)
    copy = None
    if before is not None and database.embedded and backup is not None:
        copy = backup(database)
    with database.write() as session:
        connection = session.connection()
        if not database.embedded:
            # An index of a large table takes longer than any request may.
            connection.execute(sa.text("SET LOCAL statement_timeout = 0"))
            connection.execute(
                sa.text("SELECT pg_advisory_xact_lock(:key)"), {"key": MIGRATION_LOCK}
            )
        config = Config()
        config.set_main_option("script_location", str(SCRIPTS).replace("%", "%%"))
        config.attributes["connection"] = connection
        _upgrade(config, before)
    return Migrated(before, target, copy)
