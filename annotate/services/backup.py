"""Copies of the database, taken while it serves, and not trusted until they were looked into."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import sqlite3
import subprocess
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import quote

import sqlalchemy as sa

from annotate.services.errors import ApplicationError
from annotate.services.media_keeping import Copied, copy_to

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

    from annotate.config import Settings
    from annotate.db import Database

FOLDER = "backups"
PG_DUMP_MISSING = (
    "pg_dump or pg_restore was not found. Install PostgreSQL's client programs of the server's "
    "version (on Debian: apt-get install postgresql-client), or back up with the server's own means"
)
_COPY = re.compile(rb'COPY (?:\w+\.)?"?(\w+)"? \(')


class BackupFailed(ApplicationError):
    """The backup could not be taken, or is not what it should be; the message says what stays."""

    code = "backup_failed"


@dataclass(frozen=True, slots=True)
class Backup:
    """A verified copy."""

    path: Path
    size: int
    rows: Mapping[str, int] = field(default_factory=dict)
    media: Copied = field(default_factory=Copied)

    @property
    def total(self) -> int:
        """How many rows it holds."""
        return sum(self.rows.values())


def folder(settings: Settings) -> Path:
    """Return the folder of backups, for its owner alone."""
    path = settings.data_dir / FOLDER
    path.mkdir(parents=True, exist_ok=True, mode=0o700)
    return path


def create(
    database: Database,
    target: Path | None = None,
    *,
    label: str = "",
    with_media: bool = True,
) -> Backup:
    """Copy the database and the files of items, and verify the copies.

    Parameters
    ----------
    database
        It may be in use; on the embedded database writers wait while the pages are copied.
    target
        Where the copy goes; a file of the backups' folder with the time as name by default.
    label
        A word for the name of such a file.
    with_media
        Whether the files of items are copied into the folder ``media`` beside it. One such folder
        serves all backups: a file that is there already is not copied again.

    Raises
    ------
    BackupFailed
        When the copy could not be made or differs; no file stays then. Also when the files of items
        could not be copied: the copy of the database stays then.
    """
    path = target if target is not None else _default_path(database, label)
    building = path.with_name(f".{path.name}.building")
    try:
        _check_place(path)
        _private(building)
        rows = _embedded(database, building) if database.embedded else _dump(database, building)
        _settle(building, path)
    except OSError as error:
        raise BackupFailed(f"{path} could not be written: {error.strerror}") from error
    finally:
        with contextlib.suppress(OSError):  # what cannot be written cannot be removed either
            building.unlink()
    copied = _copy_media(database, path) if with_media else Copied()
    return Backup(path, path.stat().st_size, rows, copied)


def before_migration(database: Database) -> Path:
    """Copy the database as it is before a migration touches it."""
    return create(database, label="before-migration", with_media=False).path


def _default_path(database: Database, label: str) -> Path:
    with database.read() as session:
        moment = database.now(session)
    ending = "db" if database.embedded else "dump"
    name = "-".join(part for part in ("touchstone", label, f"{moment:%Y%m%dT%H%M%S%fZ}") if part)
    return folder(database.settings) / f"{name}.{ending}"


def _check_place(path: Path) -> None:
    if path.exists():
        raise BackupFailed(f"{path} is there already; name another file")
    if not path.parent.is_dir():
        raise BackupFailed(f"there is no folder {path.parent}")


def _copy_media(database: Database, path: Path) -> Copied:
    try:
        return copy_to(database, path.parent / "media")
    except OSError as error:
        raise BackupFailed(
            f"the database is copied and verified: {path}. The files of items could not be copied "
            f"beside it: {error.strerror}"
        ) from error


def _private(path: Path) -> None:
    path.unlink(missing_ok=True)
    os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))


def _settle(building: Path, path: Path) -> None:
    """Give the finished file its name only when it is on the disk."""
    handle = os.open(building, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
    building.rename(path)


# --------------------------------------------------------------------------------------- embedded


def _embedded(database: Database, target: Path) -> dict[str, int]:
    if database.gate is None:
        raise BackupFailed("only the embedded database is copied page by page")
    source_path = database.settings.database_path
    # The gate is held until the last of these connections is closed: closing one may checkpoint.
    try:
        with database.gate.held(), contextlib.closing(_open(source_path, "ro")) as source:
            expected = _counts(source)
            _copy_pages(source, target)
    except sqlite3.DatabaseError as error:  # damaged, or the disk is full
        raise BackupFailed(f"the database cannot be copied: {error}") from error
    _verify(target, expected)
    return expected


def _copy_pages(source: sqlite3.Connection, target: Path) -> None:
    with contextlib.closing(_open(target, "rw")) as copy:
        source.backup(copy)
        copy.execute("PRAGMA journal_mode=DELETE")  # one file, without a log beside it


def _open(path: Path, mode: str) -> sqlite3.Connection:
    try:
        return sqlite3.connect(
            f"file:{quote(str(path))}?mode={mode}", uri=True, isolation_level=None
        )
    except sqlite3.OperationalError as error:
        raise BackupFailed(f"{path} cannot be opened: {error}") from error


def _counts(connection: sqlite3.Connection) -> dict[str, int]:
    names = [
        row[0]
        for row in connection.execute(
            "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
        )
    ]
    return {
        name: connection.execute(f'SELECT count(*) FROM "{name}"').fetchone()[0]  # noqa: S608
        for name in sorted(names)
    }


def _verify(path: Path, expected: Mapping[str, int]) -> None:
    try:
        with contextlib.closing(_open(path, "ro")) as copy:
            found = [row[0] for row in copy.execute("PRAGMA integrity_check")]
            orphans = copy.execute("PRAGMA foreign_key_check").fetchall()
            counted = _counts(copy)
    except sqlite3.DatabaseError as error:
        raise BackupFailed(f"the copy cannot be read: {error}") from error
    if found != ["ok"]:
        raise BackupFailed(f"the copy is damaged: {'; '.join(map(str, found[:5]))}")
    if orphans:
        raise BackupFailed(f"the copy has {len(orphans)} rows that point nowhere")
    _compare(expected, counted)


def _compare(expected: Mapping[str, int], counted: Mapping[str, int]) -> None:
    wrong = [name for name in expected if counted.get(name) != expected[name]]
    if wrong:
        told = ", ".join(f"{name} {counted.get(name)} of {expected[name]}" for name in wrong)
        raise BackupFailed(f"the copy lacks rows: {told}")


# ------------------------------------------------------------------------------------- PostgreSQL


def _dump(database: Database, target: Path) -> dict[str, int]:
    """Dump the very snapshot whose rows are counted, so that the two can be compared."""
    dump, restore = shutil.which("pg_dump"), shutil.which("pg_restore")
    if dump is None or restore is None:
        raise BackupFailed(PG_DUMP_MISSING)
    with database.write_engine.connect().execution_options(
        isolation_level="REPEATABLE READ"
    ) as connection:
        # This transaction waits for pg_dump and counts whole tables, however long that takes.
        for limit in ("idle_in_transaction_session_timeout", "statement_timeout"):
            connection.execute(sa.text(f"SET LOCAL {limit} = 0"))
        snapshot = connection.scalar(sa.text("SELECT pg_export_snapshot()"))
        expected = dict(_pg_counts(connection))
        url = database.write_engine.url
        command = [
            dump,
            "--format=custom",
            "--no-password",
            f"--snapshot={snapshot}",
            f"--file={target}",
            f"--dbname={_without_password(url)}",
        ]
        _run(command, url)
    _compare(expected, dict(_dumped_counts(restore, target)))
    return expected


def _pg_counts(connection: sa.Connection) -> Iterator[tuple[str, int]]:
    for name in sorted(sa.inspect(connection).get_table_names()):
        counted = sa.select(sa.func.count()).select_from(sa.table(name))
        unscoped = {"unscoped": "a backup holds all projects"}
        yield name, connection.scalar(counted, execution_options=unscoped) or 0


def _without_password(url: sa.URL) -> str:
    """Return the address for libpq; the password travels in the environment, unseen by ps."""
    query = {name: value for name, value in url.query.items() if name != "password"}
    # Made anew: ``set(password=None)`` would keep the password.
    plain = sa.URL.create("postgresql", url.username, None, url.host, url.port, url.database, query)
    return plain.render_as_string(hide_password=False)


def _password(url: sa.URL) -> str | None:
    given = url.password if url.password is not None else url.query.get("password")
    return None if given is None else str(given)


def _run(command: list[str], url: sa.URL) -> None:
    password = _password(url)
    environment = {**os.environ, **({"PGPASSWORD": password} if password is not None else {})}
    # No shell, and every argument is ours or the operator's own setting.
    done = subprocess.run(command, env=environment, capture_output=True, check=False)  # noqa: S603
    if done.returncode != 0:
        words = done.stderr.decode(errors="replace").strip()[-500:]
        raise BackupFailed(f"pg_dump ended with {done.returncode}: {words}")


def _dumped_counts(restore: str, path: Path) -> Iterator[tuple[str, int]]:
    """Count the rows of each table that come back out of a dump."""
    command = [restore, "--data-only", "--file=-", str(path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as reading:  # noqa: S603 - as above
        if reading.stdout is not None:
            yield from _copied(reading.stdout)
    if reading.returncode != 0:
        raise BackupFailed(f"the dump cannot be read back: pg_restore ended {reading.returncode}")


def _copied(lines: Iterable[bytes]) -> Iterator[tuple[str, int]]:
    table, count = None, 0
    for line in lines:
        if table is None:
            begins = _COPY.match(line)
            table, count = (begins[1].decode(), 0) if begins else (None, 0)
        elif line == b"\\.\n":
            yield table, count
            table = None
        else:
            count += 1
