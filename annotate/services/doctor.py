"""What an operator should know about an installation: good, worth a look, or wrong."""

from __future__ import annotations

import shutil
import sqlite3
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError

from annotate.config import LOOPBACK_HOSTS
from annotate.db import wal_bug
from annotate.models import Job, UserAccount
from annotate.services import backup, invariants, media, media_keeping, migration, readiness

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from annotate.config import Settings
    from annotate.db import Database

State = Literal["good", "look", "wrong"]
LOW_DISK = 1024**3
NETWORK_FILE_SYSTEMS = frozenset({"nfs", "nfs4", "cifs", "smb3", "fuse.sshfs", "9p"})


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing looked at."""

    topic: str
    state: State
    words: str


def examine(database: Database, *, deep: bool = True) -> Iterator[Finding]:
    """Look at the whole installation, the cheap things first.

    Parameters
    ----------
    database
        The database of the installation; it may be served at the same time.
    deep
        Whether every label and content is computed anew.
    """
    settings = database.settings
    yield from _files(settings)
    yield from _disk(settings)
    yield from _secret(settings)
    try:
        yield from _engine(database)
        yield from _content(database, deep=deep)
    except DBAPIError as error:
        yield Finding("database", "wrong", f"does not answer: {error.orig}")


def _content(database: Database, *, deep: bool) -> Iterator[Finding]:
    if migration.current_revision(database) != readiness.expected_revision():
        words = "is not at this release's revision; run touchstone migrate"
        yield Finding("schema", "wrong", words)
        return
    yield Finding("schema", "good", f"is at revision {readiness.expected_revision()}")
    yield from _accounts(database)
    yield from _jobs(database)
    yield from _integrity(database)
    yield from _invariants(database, deep=deep)
    yield from _media(database, deep=deep)


def _engine(database: Database) -> Iterator[Finding]:
    if not database.embedded:
        with database.write_engine.connect() as connection:
            yield Finding("database", "good", f"PostgreSQL {_pg_version(connection)}")
        return
    version = sqlite3.sqlite_version
    if wal_bug(sqlite3.sqlite_version_info):
        words = (
            f"SQLite {version} has the bug that can damage a write-ahead log when two connections "
            "write or checkpoint at once. The write gate keeps that from happening as long as only "
            "touchstone opens the file: do not open it with other programs while it serves"
        )
        yield Finding("database", "look", words)
    else:
        yield Finding("database", "good", f"SQLite {version}")
    yield from _file_system(database.settings)


def _pg_version(connection: sa.Connection) -> str:
    return str(connection.scalar(sa.text("SHOW server_version")))


def _file_system(settings: Settings) -> Iterator[Finding]:
    kind = _mounted_as(settings.database_path.parent)
    if kind in NETWORK_FILE_SYSTEMS:
        words = f"lies on {kind}: SQLite needs a local disk, its locks do not hold there"
        yield Finding("database file", "wrong", words)


def _mounted_as(path: Path) -> str:
    """Return the type of the file system a path lies on; '' where that cannot be told."""
    try:
        with open("/proc/self/mounts", encoding="utf-8") as mounts:  # noqa: PTH123 - a fixed path
            lines = [line.split()[:3] for line in mounts]
    except OSError:
        return ""
    resolved = str(path.resolve())
    fitting = [
        (len(where), kind)
        for _, where, kind in lines
        if resolved == where or resolved.startswith(where.rstrip("/") + "/")
    ]
    return max(fitting, default=(0, ""))[1]


def _files(settings: Settings) -> Iterator[Finding]:
    private = [settings.data_dir / "secret", settings.data_dir / backup.FOLDER]
    private.append(settings.data_dir / media.FOLDER)
    if settings.embedded:
        private.append(settings.database_path)
    open_to_others = [path for path in private if path.exists() and path.stat().st_mode & 0o077]
    for path in open_to_others:
        mode = path.stat().st_mode & 0o777
        words = f"{path} can be reached by others (mode {mode:o}); run chmod go= {path}"
        yield Finding("file modes", "wrong" if path.name == "secret" else "look", words)
    if not open_to_others:
        yield Finding(
            "file modes", "good", "secret, database, media and backups are the owner's alone"
        )


def _disk(settings: Settings) -> Iterator[Finding]:
    free = shutil.disk_usage(settings.data_dir).free
    words = f"{free / 1024**3:.1f} GB free in {settings.data_dir}"
    yield Finding("disk", "good" if free >= LOW_DISK else "look", words)


def _secret(settings: Settings) -> Iterator[Finding]:
    kept = (settings.data_dir / "secret").exists()
    words = "is made for this installation" if kept else "comes from the environment"
    yield Finding("secret", "good", words)


def _accounts(database: Database) -> Iterator[Finding]:
    demo_accounts = sa.select(sa.func.count()).where(
        UserAccount.is_demo.is_(True), UserAccount.deactivated_at.is_(None)
    )
    with database.read() as session:
        count = session.scalar(demo_accounts) or 0
    local = (database.settings.public_host.rsplit(":", 1)[0]) in LOOPBACK_HOSTS
    if count and not local:
        words = f"{count} demo accounts can sign in at a public address; deactivate them"
        yield Finding("accounts", "wrong", words)
    elif count:
        words = f"{count} demo accounts; touchstone people remove-demo closes them for good"
        yield Finding("accounts", "look", words)
    else:
        yield Finding("accounts", "good", "no demo accounts")


def _jobs(database: Database) -> Iterator[Finding]:
    with database.read() as session:
        now = database.now(session)
        abandoned = sa.select(sa.func.count()).where(Job.state == "running", Job.expires_at < now)
        count = session.scalar(abandoned.execution_options(unscoped="all projects")) or 0
    if count:
        words = f"{count} running jobs have no worker; start the server or touchstone worker"
        yield Finding("jobs", "look", words)
    else:
        yield Finding("jobs", "good", "every running job has a worker")


def _integrity(database: Database) -> Iterator[Finding]:
    if not database.embedded:
        return
    with database.read() as session:
        found = list(session.execute(sa.text("PRAGMA integrity_check")).scalars())
    if found == ["ok"]:
        yield Finding("database file", "good", "integrity_check finds nothing")
    else:
        words = f"is damaged: {'; '.join(found[:3])}. Stop the server and restore a backup"
        yield Finding("database file", "wrong", words)


def _media(database: Database, *, deep: bool) -> Iterator[Finding]:
    found = media_keeping.compare(database, deep=deep)
    if found.missing or found.damaged:
        first = ", ".join(one[:12] for one in (*found.missing, *found.damaged)[:3])
        words = (
            f"{len(found.missing)} of {found.files} files of items are missing and "
            f"{len(found.damaged)} are damaged ({first}); bring them back from the folder media of "
            "a backup"
        )
        yield Finding("media", "wrong", words)
    elif found.unnamed:
        words = (
            f"all {found.files} files of items are there; {found.unnamed} more belong to no item "
            "(an import that was stopped leaves such files) and may be removed"
        )
        yield Finding("media", "look", words)
    else:
        yield Finding("media", "good", f"all {found.files} files of items are there")


def _invariants(database: Database, *, deep: bool) -> Iterator[Finding]:
    with database.read() as session:
        violations = invariants.check(session, deep=deep)
    for violation in violations:
        yield Finding("invariants", "wrong", f"does not hold: {violation}")
    if not violations:
        count = len(invariants.RULES) + (2 if deep else 0)
        yield Finding("invariants", "good", f"all {count} rules hold")
