"""Engine, sessions, the write gate and the clock.

Embedded mode is SQLite in WAL with ``synchronous=FULL``. Debian's SQLite carries a bug that can
corrupt a WAL when two connections commit or checkpoint at once, so every writer of every process
holds one gate from BEGIN IMMEDIATE until after COMMIT, and while its connections are closed.
Readers use a second, read-only engine and never take the gate.
"""

from __future__ import annotations

import atexit
import fcntl
import os
import sqlite3
import threading
import time
import weakref
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import sqlalchemy as sa
from sqlalchemy.dialects import registry
from sqlalchemy.dialects.sqlite.pysqlite import SQLiteDialect_pysqlite
from sqlalchemy.orm import Session, sessionmaker

from annotate.ending import end_undisturbed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from sqlalchemy.pool import PoolProxiedConnection

    from annotate.config import Settings

BUSY_MILLISECONDS = 30_000


def utc_now() -> datetime:
    """Return the machine's time in UTC."""
    return datetime.now(UTC)


def new_id() -> str:
    """Return a UUIDv7: 48 bits of milliseconds, then random bits.

    Examples
    --------
    >>> len(new_id()), new_id()[14]
    (36, '7')
    """
    value = (time.time_ns() // 1_000_000 << 80) | int.from_bytes(os.urandom(10))
    text = f"{value & _RANDOM_BITS | _VERSION_AND_VARIANT:032x}"
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


_VERSION_AND_VARIANT = (0x7 << 76) | (0b10 << 62)
_RANDOM_BITS = ~((0xF << 76) | (0b11 << 62))


class WriteGate:
    """One writer at a time: a lock among threads, then a file lock among processes."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._threads = threading.Lock()
        self._handle: int | None = None
        self._owner = 0

    @contextmanager
    def held(self) -> Iterator[None]:
        """Hold the gate."""
        with self._threads:
            handle = self._file()
            fcntl.flock(handle, fcntl.LOCK_EX)
            try:
                yield
            finally:
                fcntl.flock(handle, fcntl.LOCK_UN)

    def _file(self) -> int:
        # A forked child must not share the parent's open file: flock belongs to the open file.
        if self._handle is None or self._owner != os.getpid():
            self._handle = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            self._owner = os.getpid()
        return self._handle


class Database:
    """The database of one process: engines, transactions and time."""

    def __init__(self, settings: Settings, clock: Callable[[], datetime] = utc_now) -> None:
        self.settings = settings
        self.embedded = settings.embedded
        self._clock = clock
        self.gate: WriteGate | None = None
        self.last_reaped = datetime.min.replace(tzinfo=UTC)
        if self.embedded:
            settings.database_path.parent.mkdir(parents=True, exist_ok=True)
            self.gate = WriteGate(f"{settings.database_path}.gate")
            self.write_engine = _sqlite_engine(settings, read_only=False)
            self.read_engine = _sqlite_engine(settings, read_only=True)
        else:
            self.write_engine = _postgresql_engine(settings)
            # A transaction would end by ROLLBACK, at which psycopg forgets all prepared statements.
            self.read_engine = self.write_engine.execution_options(isolation_level="AUTOCOMMIT")
        self._writers = sessionmaker(self.write_engine, expire_on_commit=False)
        self._readers = sessionmaker(self.read_engine, expire_on_commit=False)
        reference = weakref.ref(self)
        atexit.register(_dispose_at_exit, reference)

    @contextmanager
    def write(self) -> Iterator[Session]:
        """Open one transaction that commits when the block ends and rolls back on an error."""
        if self.gate is None:
            with self._transaction() as session:
                yield session
            return
        with self.gate.held(), self._transaction() as session:
            yield session

    @contextmanager
    def _transaction(self) -> Iterator[Session]:
        session = self._writers()
        session.info["database"] = self
        try:
            yield session
            session.commit()
        finally:
            session.close()

    @contextmanager
    def read(self) -> Iterator[Session]:
        """Open a session for reading; it takes no lock and is never committed.

        On SQLite it sees one moment; on PostgreSQL each statement sees its own, as it would in a
        transaction of that isolation level, so nothing can be streamed: read in batches by key.
        """
        session = self._readers()
        session.info["database"] = self
        try:
            yield session
        finally:
            session.close()

    def now(self, session: Session) -> datetime:
        """Return the one time of this installation: PostgreSQL's clock, or the embedded one."""
        if self.embedded:
            return self._clock()
        value: datetime = session.execute(_CLOCK).scalar_one()
        return value

    def dispose(self) -> None:
        """Close all connections, under the gate: the last close checkpoints the WAL."""
        if self.gate is None or not self.settings.database_path.exists():
            self._close()  # no file, no WAL: there is nothing to guard
            return
        try:
            with self.gate.held():
                self._close()
        except OSError:  # the disk takes no gate, and so no checkpoint either
            self._close()

    def _close(self) -> None:
        self.read_engine.dispose()
        self.write_engine.dispose()


_CLOCK = sa.select(sa.func.clock_timestamp())


def now(session: Session) -> datetime:
    """Return the current time of the session's database, in UTC with microseconds."""
    database: Database = session.info["database"]
    return database.now(session)


def later(session: Session, seconds: float) -> datetime:
    """Return the time that many seconds from now."""
    return now(session) + timedelta(seconds=seconds)


def settings_of(session: Session) -> Settings:
    """Return the settings of the session's database."""
    database: Database = session.info["database"]
    return database.settings


def is_embedded(session: Session) -> bool:
    """Tell whether the session speaks to the embedded database."""
    database: Database = session.info["database"]
    return database.embedded


def wal_bug(version: tuple[int, int, int]) -> bool:
    """Tell whether this SQLite release has the WAL-reset corruption bug.

    Examples
    --------
    >>> wal_bug((3, 40, 1)), wal_bug((3, 44, 6)), wal_bug((3, 51, 3))
    (True, False, False)
    """
    if version >= (3, 51, 3):
        return False
    fixed_backports = {(3, 44): 6, (3, 50): 7}
    patched = fixed_backports.get(version[:2])
    return version >= (3, 7, 0) and not (patched is not None and version[2] >= patched)


def _dispose_at_exit(reference: weakref.ref[Database]) -> None:
    database = reference()
    if database is None:
        return
    end_undisturbed()
    database.dispose()


class ReadingDialect(SQLiteDialect_pysqlite):
    """SQLite that begins each transaction itself: Python's driver would wait for a write."""

    supports_statement_cache = True
    begin = "BEGIN"

    def do_begin(self, dbapi_connection: PoolProxiedConnection) -> None:
        """Begin a transaction; an event listener here would make every statement dearer."""
        dbapi_connection.cursor().execute(self.begin)


class WritingDialect(ReadingDialect):
    """SQLite that takes the write lock at once: a later upgrade could fail."""

    supports_statement_cache = True
    begin = "BEGIN IMMEDIATE"


registry.register("sqlite.reading", __name__, ReadingDialect.__name__)
registry.register("sqlite.writing", __name__, WritingDialect.__name__)


def _sqlite_engine(settings: Settings, *, read_only: bool) -> sa.Engine:
    path = quote(str(settings.database_path))
    mode = "ro" if read_only else "rwc"

    def connect() -> sqlite3.Connection:
        if not read_only and not settings.database_path.exists():
            # Made by SQLite it would be readable by everyone on the machine.
            settings.database_path.touch(mode=0o600)
        connection = sqlite3.connect(
            f"file:{path}?mode={mode}",
            uri=True,
            isolation_level=None,
            check_same_thread=False,
            timeout=BUSY_MILLISECONDS / 1000,
            cached_statements=512,
        )
        for pragma in ("foreign_keys=ON", "synchronous=FULL", "temp_store=MEMORY"):
            connection.execute(f"PRAGMA {pragma}")
        if not read_only:
            connection.execute("PRAGMA journal_mode=WAL")
        return connection

    return sa.create_engine(
        "sqlite+reading://" if read_only else "sqlite+writing://",
        creator=connect,
        poolclass=sa.pool.QueuePool,
        pool_size=32,
        max_overflow=32,
        # The last connection to write is the one whose page cache is still good.
        pool_use_lifo=True,
    )


def _postgresql_engine(settings: Settings) -> sa.Engine:
    options: dict[str, Any] = {
        "options": "-c timezone=UTC -c statement_timeout=120000 -c lock_timeout=15000 "
        "-c idle_in_transaction_session_timeout=60000"
    }
    return sa.create_engine(
        settings.database_url,
        pool_size=16,
        max_overflow=16,
        pool_use_lifo=True,
        pool_pre_ping=True,
        isolation_level="READ COMMITTED",
        connect_args=options,
    )
