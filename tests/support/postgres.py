"""A real PostgreSQL for the tests: one server a run, one database a test.

``TEST_DATABASE_URL`` names a server to use (its user may create databases); otherwise the newest
binaries of the machine are started on a socket in a private folder. With neither, tests fail and
say what to type: a missing PostgreSQL is never a reason to skip.
"""

from __future__ import annotations

import itertools
import os
import pwd
import re
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg
import pytest
import sqlalchemy as sa
from psycopg import sql

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.support.run_folder import RunFolder

GIVEN_URL = "TEST_DATABASE_URL"
MISSING = (
    "The database tests need PostgreSQL and none was found. Type `make deps` (or, on Debian, "
    "`sudo apt-get install -y postgresql`), or set TEST_DATABASE_URL to a server whose user may "
    "create databases, such as postgresql://me@localhost/postgres."
)
START_SECONDS = 60
MEMORY_NEEDED = 3 * 1024**3
COPIES_FILES = 150000
"""The first release that can be told how to copy a database."""
LONGEST_FOLDER = 80  # a socket's path has at most 107 bytes
USER = "touchstone"
TEMPLATE = "touchstone_template"
SETTINGS = {
    "listen_addresses": "",  # a socket file only: no port that could clash
    "unix_socket_permissions": "0700",
    "max_connections": "200",
    "shared_buffers": "128MB",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "max_wal_size": "4GB",
    "checkpoint_timeout": "30min",
    "autovacuum_naptime": "10min",
    "log_min_messages": "warning",
    "timezone": "UTC",
}


class Postgres:
    """A running server, seen from one process."""

    _numbers = itertools.count(1)

    def __init__(self, admin_url: str) -> None:
        self._admin = sa.make_url(admin_url).set(drivername="postgresql")
        self._prefix = f"touchstone_test_{os.getpid()}_{os.urandom(3).hex()}"

    def url(self, database: str) -> str:
        """Return the SQLAlchemy address of a database of this server."""
        address = self._admin.set(drivername="postgresql+psycopg", database=database)
        return address.render_as_string(hide_password=False)

    def create(self, template: str) -> str:
        """Create a database of its own for one test and return its name."""
        name = f"{self._prefix}_{next(self._numbers)}"
        statement = sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(
            sql.Identifier(name), sql.Identifier(template)
        )
        with self._connect() as connection:
            if connection.info.server_version >= COPIES_FILES:
                statement += sql.SQL(" STRATEGY FILE_COPY")  # half the work of writing it as log
            connection.execute(statement)
        return name

    def drop(self, name: str) -> None:
        """Drop a database, whoever is still connected."""
        self._execute(
            sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name))
        )

    def ensure_template(self, name: str, fill: Callable[[str], None]) -> None:
        """Create the database that others are copied from, unless it is there already."""
        with self._connect() as connection:
            row = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name])
            if row.fetchone() is not None:
                return
        building = f"{self._prefix}_template"
        self._execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(building)))
        fill(self.url(building))
        self._execute(
            sql.SQL("ALTER DATABASE {} RENAME TO {}").format(
                sql.Identifier(building), sql.Identifier(name)
            )
        )

    def _connect(self) -> psycopg.Connection:
        return psycopg.connect(
            self._admin.render_as_string(hide_password=False), autocommit=True, connect_timeout=10
        )

    def _execute(self, statement: sql.Composable) -> None:
        with self._connect() as connection:
            connection.execute(statement)


def running_postgres(run: RunFolder) -> Postgres:
    """Return the server of this run; the first to ask starts it."""
    given = os.environ.get(GIVEN_URL)
    if given:
        return Postgres(given)
    note = run.path / "postgres.url"
    with run.only_one("postgres"):
        if not note.exists():
            note.write_text(_start(run))
    return Postgres(note.read_text())


def _start(run: RunFolder) -> str:
    binaries = _binaries()
    folder = _private_folder()
    user = _unprivileged_user()
    if user is not None:
        shutil.chown(folder, user, user)
    data = folder / "data"
    _initialise(binaries, data, user)
    options = [f"--{name}={value}" for name, value in SETTINGS.items()]
    command = [str(binaries / "postgres"), "-D", str(data), "-k", str(folder), *options]
    keeper = [sys.executable, str(Path(__file__).with_name("keeper.py"))]
    keeper += ["--alive", str(run.alive), "--folder", str(folder)]
    keeper += [] if user is None else ["--user", user]
    log = run.path / "postgres.log"
    _detach([*keeper, "--", *command], log)
    url = f"postgresql://{USER}@/postgres?host={folder}"
    _wait_until_ready(url, log)
    return url


def _binaries() -> Path:
    found = sorted(
        Path("/usr/lib/postgresql").glob("*/bin/initdb"),
        key=lambda path: int(re.sub(r"\D", "", path.parts[-3]) or 0),
    )
    if found:
        return found[-1].parent
    on_path = shutil.which("initdb")
    if on_path is None:
        pytest.fail(MISSING, pytrace=False)
    return Path(on_path).resolve().parent


def _private_folder() -> Path:
    """Make a folder, in memory where there is room: each test has a database, flushed to disk."""
    memory = Path("/dev/shm")  # noqa: S108 - mkdtemp makes a private folder in it
    roomy = memory.is_dir() and shutil.disk_usage(memory).free > MEMORY_NEEDED
    folder = Path(tempfile.mkdtemp(prefix="touchstone-pg-", dir=memory if roomy else None))
    if len(str(folder)) > LONGEST_FOLDER:
        folder.rmdir()
        folder = Path(tempfile.mkdtemp(prefix="touchstone-pg-", dir="/tmp"))
    return folder


def _unprivileged_user() -> str | None:
    """Name whom the server runs as when we are root: PostgreSQL refuses to be root."""
    if os.geteuid() != 0:
        return None
    names = {entry.pw_name for entry in pwd.getpwall()}
    return "postgres" if "postgres" in names else "nobody"


def _initialise(binaries: Path, data: Path, user: str | None) -> None:
    command = [str(binaries / "initdb"), "-D", str(data), "-U", USER, "-E", "UTF8"]
    command += ["--locale=C", "--auth=trust", "--no-sync"]
    done = subprocess.run(
        command,
        cwd=data.parent,
        user=user,
        group=user,
        extra_groups=[] if user else None,
        env={"PATH": os.environ.get("PATH", ""), "LC_ALL": "C"},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        pytest.fail(f"initdb failed:\n{done.stdout}\n{done.stderr}", pytrace=False)


def _detach(command: list[str], log: Path) -> None:
    """Start a program that outlives this process (a worker may end before the run does)."""
    write = os.O_WRONLY | os.O_CREAT | os.O_APPEND
    os.posix_spawn(
        command[0],
        command,
        dict(os.environ),
        setsid=True,
        file_actions=[
            (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
            (os.POSIX_SPAWN_OPEN, 1, str(log), write, 0o600),
            (os.POSIX_SPAWN_DUP2, 1, 2),
        ],
    )


def _wait_until_ready(url: str, log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while True:
        try:
            psycopg.connect(url, connect_timeout=5).close()
        except psycopg.OperationalError as error:
            if time.monotonic() > deadline:
                written = log.read_text(errors="replace") if log.exists() else ""
                pytest.fail(f"PostgreSQL did not start: {error}\n{written[-4000:]}", pytrace=False)
            time.sleep(0.05)
        else:
            return
